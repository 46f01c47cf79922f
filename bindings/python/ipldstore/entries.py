"""Entries, versions, differences and conflicts of file systems: plain values, and iterators over them."""

from __future__ import annotations

import ctypes
import enum
import os
from typing import Any, Callable, Generic, Iterator, NamedTuple, TypeVar, Union

from . import _abi
from ._library import Callbacks, Path, Progress, call, given, kind_of, sized
from .cid import Cid
from .errors import Error
from .streams import Handle, Item

Number = TypeVar("Number", bound=enum.IntEnum)


class Kind(enum.IntEnum):
    """What an entry is."""

    FILE = _abi.IPS_FS_FILE
    DIRECTORY = _abi.IPS_FS_DIRECTORY
    SYMLINK = _abi.IPS_FS_SYMLINK
    CID_LINK = _abi.IPS_FS_CID_LINK
    FIFO = _abi.IPS_FS_FIFO
    SOCKET = _abi.IPS_FS_SOCKET
    CHARACTER_DEVICE = _abi.IPS_FS_CHARACTER_DEVICE
    BLOCK_DEVICE = _abi.IPS_FS_BLOCK_DEVICE
    TOMBSTONE = _abi.IPS_FS_TOMBSTONE


class Sync(enum.IntEnum):
    """How an entry is merged. A child has its parent's when it is added."""

    DEFAULT = _abi.IPS_FS_SYNC_DEFAULT
    RAFT = _abi.IPS_FS_SYNC_RAFT
    MERKLE_CRDT = _abi.IPS_FS_SYNC_MERKLE_CRDT


class DifferenceKind(enum.IntEnum):
    ADDED = _abi.IPS_FS_ADDED
    REMOVED = _abi.IPS_FS_REMOVED
    MODIFIED = _abi.IPS_FS_MODIFIED
    RENAMED = _abi.IPS_FS_RENAMED
    TOMBSTONE = _abi.IPS_FS_TOMBSTONE_DIFFERS


class Aspect(enum.IntFlag):
    """What of an entry differs."""

    TYPE = _abi.IPS_FS_TYPE
    CONTENT = _abi.IPS_FS_CONTENT
    MODE = _abi.IPS_FS_MODE
    OWNER = _abi.IPS_FS_OWNER
    TIME = _abi.IPS_FS_TIME
    ATTRIBUTES = _abi.IPS_FS_ATTRIBUTES
    SYNC = _abi.IPS_FS_SYNC
    HARD_LINK = _abi.IPS_FS_HARD_LINK
    OTHER = _abi.IPS_FS_OTHER


class Policy(enum.IntEnum):
    """What becomes of conflicts."""

    REPORT = _abi.IPS_FS_REPORT
    OURS = _abi.IPS_FS_OURS
    THEIRS = _abi.IPS_FS_THEIRS
    NEWEST = _abi.IPS_FS_NEWEST
    # Both; theirs under its name with a dot and a suffix.
    BOTH = _abi.IPS_FS_BOTH


class Outcome(enum.IntEnum):
    """What a merge did."""

    UP_TO_DATE = _abi.IPS_FS_UP_TO_DATE
    FAST_FORWARD = _abi.IPS_FS_FAST_FORWARD
    MERGED = _abi.IPS_FS_MERGED


class ConflictKind(enum.IntEnum):
    BOTH_MODIFIED = _abi.IPS_FS_BOTH_MODIFIED
    MODIFIED_DELETED = _abi.IPS_FS_MODIFIED_DELETED
    BOTH_ADDED = _abi.IPS_FS_BOTH_ADDED
    FILE_DIRECTORY = _abi.IPS_FS_FILE_DIRECTORY
    BOTH_RENAMED = _abi.IPS_FS_BOTH_RENAMED
    DIRECTORY_DELETED = _abi.IPS_FS_DIRECTORY_DELETED
    NO_FAST_FORWARD = _abi.IPS_FS_NO_FAST_FORWARD


class Entry(NamedTuple):
    """An entry of a directory. `kind` and `sync` are plain numbers where a later library knows more."""

    kind: Union[Kind, int]
    mode: int
    uid: int
    gid: int
    sync: Union[Sync, int]
    # Bytes of a file, or of all files below a directory; of a symbolic link's target.
    size: int
    mtime_ns: int
    # Major and minor number; of what is no device, (0, 0).
    device: tuple[int, int]
    cid: Cid | None
    # Names below a directory, at any depth; tombstones below it.
    entries: int
    tombstones: int
    # Equal for names of one file; 0 for a file that has one name.
    hard_link: int


class Version(NamedTuple):
    """What a version says; `previous` is the first of those it was made from."""

    cid: Cid
    tree: Cid
    previous: Cid | None
    previous_count: int
    time_ns: int
    generation: int
    author: str
    message: str


class Difference(NamedTuple):
    kind: Union[DifferenceKind, int]
    aspects: Aspect
    # In the new tree; of what was removed, in the old one.
    path: str
    # Of what was renamed.
    old_path: str | None
    old: Entry | None
    new: Entry | None


class TreeConflict(NamedTuple):
    """A path at which two sides contradict each other; `resolution` is REPORT where nobody has decided."""

    kind: Union[ConflictKind, int]
    resolution: Union[Policy, int]
    # Of what both have: what both changed.
    aspects: Aspect
    path: str
    # Of BOTH_RENAMED where theirs was; of two kept entries where theirs is now.
    other_path: str | None
    # What the common ancestor and both sides had.
    base: Entry | None
    ours: Entry | None
    theirs: Entry | None


def known(kind: type[Number], number: int) -> Number | int:
    try:
        return kind(number)
    except ValueError:
        return number


def entry_of(raw: _abi.ips_fs_entry) -> Entry:
    return Entry(
        known(Kind, raw.kind), raw.mode, raw.uid, raw.gid, known(Sync, raw.sync), raw.size,
        raw.mtime_seconds * 10**9 + raw.mtime_nanoseconds, (raw.device_major, raw.device_minor),
        Cid.of_raw(raw.cid) if raw.has_cid else None, raw.entries, raw.tombstones, raw.hard_link,
    )


def version_of(cid: Cid, raw: _abi.ips_fs_version) -> Version:
    return Version(
        cid, Cid.of_raw(raw.tree), Cid.of_raw(raw.previous) if raw.previous_count else None,
        raw.previous_count, raw.time_seconds * 10**9 + raw.time_nanoseconds, raw.generation,
        raw.author.decode("utf-8", "replace"), raw.message.decode("utf-8", "replace"),
    )


def tree_path(path: Path) -> _abi.ips_bytes:
    """A path in a tree for a call, as the functions of os take it: bytes, and no others than the caller's."""
    try:
        return given(os.fsencode(path))
    except TypeError:
        raise TypeError(f"a path is a str, bytes or a path of pathlib's, not {kind_of(path)}") from None


class _Fitted(Handle, Generic[Item]):
    """An iterator over what has names, whose buffers grow until they fit. Closed when it has ended."""

    _close = "ips_iter_close"

    def __init__(
        self, handle: int, of: object, buffers: int, read: Callable[..., Callable[[list[str]], Item]]
    ) -> None:
        super().__init__(handle, of)
        self._buffers = [bytearray(256) for _ in range(buffers)]
        self._read = read

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        if self._open_handle is None:
            raise StopIteration
        lengths = [ctypes.c_size_t() for _ in self._buffers]
        while True:
            names = []
            for buffer, length in zip(self._buffers, lengths):
                place = ctypes.byref(ctypes.c_char.from_buffer(buffer))
                names += [place, len(buffer), ctypes.byref(length)]
            try:
                made = self._read(self._handle, names)
            except Error as error:
                sizes = [(len(buffer), length.value) for buffer, length in zip(self._buffers, lengths)]
                if error.code != _abi.IPS_BUFFER_TOO_SMALL or all(has >= needs for has, needs in sizes):
                    raise
                self._buffers = [bytearray(max(size)) for size in sizes]
                continue
            if made is None:
                self.close()
                raise StopIteration
            filled = zip(self._buffers, lengths)
            return made([os.fsdecode(bytes(buffer[: length.value])) for buffer, length in filled])


def entries(handle: int, of: object) -> _Fitted[tuple[str, Entry]]:
    def read(iterator: int, name: list[Any]) -> Any:
        raw = sized(_abi.ips_fs_entry)
        is_there = call("ips_iter_next_entry", iterator, *name, ctypes.byref(raw))
        return (lambda names: (names[0], entry_of(raw))) if is_there else None

    return _Fitted(handle, of, 1, read)


def differences(handle: int, of: object) -> _Fitted[Difference]:
    def read(iterator: int, names: list[Any]) -> Any:
        kind, aspects = ctypes.c_int32(), ctypes.c_uint32()
        old, new = sized(_abi.ips_fs_entry), sized(_abi.ips_fs_entry)
        is_there = call(
            "ips_iter_next_difference", iterator, ctypes.byref(kind), ctypes.byref(aspects), *names,
            ctypes.byref(old), ctypes.byref(new),
        )

        def made(paths: list[str]) -> Difference:
            sides = [entry_of(raw) if raw.kind else None for raw in (old, new)]
            what = known(DifferenceKind, kind.value)
            return Difference(what, Aspect(aspects.value), paths[0], paths[1] or None, *sides)

        return made if is_there else None

    return _Fitted(handle, of, 2, read)


def conflicts(handle: int) -> _Fitted[TreeConflict]:
    def read(iterator: int, paths: list[Any]) -> Any:
        kind, resolution, fields = ctypes.c_int32(), ctypes.c_int32(), ctypes.c_uint32()
        sides = [sized(_abi.ips_fs_entry) for _ in range(3)]
        numbers = (ctypes.byref(kind), ctypes.byref(resolution), ctypes.byref(fields))
        is_there = call("ips_iter_next_conflict", iterator, *numbers, *paths, *map(ctypes.byref, sides))

        def made(paths: list[str]) -> TreeConflict:
            how = known(Policy, resolution.value)
            return conflict_of(kind.value, how, fields.value, paths[0], paths[1], sides)

        return made if is_there else None

    return _Fitted(handle, None, 2, read)


def conflict_of(
    kind: int, resolution: Policy | int, fields: int, path: str, other: str, sides: list[Any]
) -> TreeConflict:
    entries = [entry_of(side) if side is not None and side.kind else None for side in sides]
    what = known(ConflictKind, kind)
    return TreeConflict(what, resolution, Aspect(fields), path, other or None, *entries)


def versions(handle: int, of: object, progress: Progress | None) -> _Fitted[Version]:
    callbacks = Callbacks(progress)

    def read(iterator: int, _names: list[Any]) -> Any:
        cid, raw = _abi.ips_cid(), sized(_abi.ips_fs_version)
        arguments = (ctypes.byref(cid), ctypes.byref(raw), callbacks.progress, None)
        is_there = call("ips_iter_next_version", iterator, *arguments, callbacks=callbacks)
        return (lambda _: version_of(Cid.of_raw(cid), raw)) if is_there else None

    return _Fitted(handle, of, 0, read)
