"""Trees that are open, and their files."""

from __future__ import annotations

import ctypes
import io
import os
from typing import Any, Iterator

from . import _abi
from . import entries as found
from ._library import (
    Callbacks,
    Data,
    Path,
    Progress,
    call,
    given,
    library,
    made,
    number,
    read_at,
    sized,
    text,
    whole,
    whole_number,
)
from .cid import Cid, required
from .entries import Entry, Kind, Sync, entry_of, tree_path
from .errors import Conflict, Error
from .streams import Handle, Unique


class LostRace(Conflict):
    """A branch was moved by somebody else before a commit. `version` is what was made nevertheless, and is
    kept for the branch: merge it."""

    version: Cid

    @staticmethod
    def of_version(error: Conflict, raw: _abi.ips_cid) -> Conflict:
        """The error itself where no version is kept."""
        if raw.digest_length == 0:
            return error
        lost = LostRace(error.code, error.os_errno, error.message)
        lost.version = Cid.of_raw(raw)
        return lost


# Flags and whether it is written, by the mode that `open` takes.
_MODES = {
    "r": _abi.IPS_FS_READ,
    "r+": _abi.IPS_FS_WRITE,
    "w": _abi.IPS_FS_WRITE | _abi.IPS_FS_CREATE | _abi.IPS_FS_TRUNCATE,
    "a": _abi.IPS_FS_WRITE | _abi.IPS_FS_CREATE,
}


class Tree(Handle):
    """A tree of files that is open: looked at, and changed in memory until `commit` makes a version of it. It
    is for one thread at a time, with its files and iterators.

    Paths are paths in the tree, as the functions of os take them. An operation that fails has changed
    nothing; `os_errno` of its error is what a file system would give.
    """

    _close = "ips_fs_close"

    def commit(
        self, branch: str, message: str = "", author: str = "", progress: Progress | None = None
    ) -> Cid:
        """Makes a version and moves the branch to it: the branch's newest version now. A tree that was not
        changed makes none. LostRace when the branch is not where the tree was opened.

        `progress` hears of the directories that are stored and the blocks that are read for it, and stops it
        by returning False: the tree has its changes still, and can be committed."""
        raw = _abi.ips_cid()
        callbacks = Callbacks(progress)
        texts = (text(branch, "a branch"), text(message, "a message"), text(author, "an author"))
        try:
            arguments = (*texts, callbacks.progress, None, ctypes.byref(raw))
            call("ips_fs_commit", self._handle, *arguments, callbacks=callbacks)
        except Conflict as error:
            raise LostRace.of_version(error, raw) from None
        return Cid.of_raw(raw)

    # ------------------------------------------------------------------------------------------ Looking

    def stat(self, path: Path, follow_symlinks: bool = True) -> Entry:
        raw = sized(_abi.ips_fs_entry)
        call("ips_fs_stat", self._handle, tree_path(path), bool(follow_symlinks), ctypes.byref(raw))
        return entry_of(raw)

    def exists(self, path: Path) -> bool:
        """Whether there is something; a symbolic link at the path's end is followed."""
        try:
            self.stat(path)
        except Error as error:
            if error.code != _abi.IPS_NOT_FOUND:
                raise
            return False
        return True

    def entries(
        self, path: Path = "/", first: Path = "", tombstones: bool = False
    ) -> Iterator[tuple[str, Entry]]:
        """The names of a directory with their entries, in bytewise order, from one on."""
        arguments = (tree_path(path), tree_path(first), _abi.IPS_FS_ALL if tombstones else 0)
        return found.entries(made("ips_fs_list", self._handle, *arguments), self)

    def walk(self, path: Path = "/", tombstones: bool = False) -> Iterator[tuple[str, Entry]]:
        """Everything below a directory, each before what is in it, by paths from the root."""
        flags = _abi.IPS_FS_ALL if tombstones else 0
        return found.entries(made("ips_fs_walk", self._handle, tree_path(path), flags), self)

    def readlink(self, path: Path) -> str:
        return os.fsdecode(whole(256, "ips_fs_read_link", self._handle, tree_path(path)))

    def read(self, path: Path) -> bytes:
        """All bytes of a file."""
        with self.open(path) as file:
            return file.readall()

    # ----------------------------------------------------------------------------------------- Changing

    def write(self, path: Path, data: Data, mode: int = 0o644) -> None:
        """Gives a file these bytes and no others; it is made, with these permissions, if it is not there."""
        with self.open(path, "w", mode) as file:
            file.write_at(0, data)

    def open(self, path: Path, how: str = "r", mode: int = 0o644) -> File:
        """Opens a file as a raw binary stream: "r", "r+", "w" or "a", with or without "b", as for the `open`
        of Python. `mode` is that of a file that is made."""
        flags = _MODES.get(how.replace("b", "", 1)) if isinstance(how, str) else None
        if flags is None:
            raise ValueError(f"a file is opened with r, r+, w or a, not {how!r}")
        handle = made("ips_fs_file_open", self._handle, tree_path(path), flags, mode)
        return File(handle, self, flags != _abi.IPS_FS_READ, how.startswith("a"))

    def mkdir(self, path: Path, mode: int = 0o755, parents: bool = False) -> None:
        """Makes a directory; with `parents` those above it too, and it may be there."""
        call("ips_fs_make_directory", self._handle, tree_path(path), mode, bool(parents))

    def mknod(self, path: Path, kind: Kind, mode: int = 0o644, major: int = 0, minor: int = 0) -> None:
        """Makes an empty file, FIFO, socket or device."""
        call("ips_fs_make_node", self._handle, tree_path(path), kind, mode, major, minor)

    def symlink(self, target: Path, path: Path) -> None:
        """Makes a symbolic link to a path, which need not be there."""
        call("ips_fs_make_symlink", self._handle, tree_path(path), tree_path(target))

    def cid_link(self, target: Cid, path: Path) -> None:
        """Makes a symbolic link to a tree, directory or file of the store, which it keeps."""
        call("ips_fs_make_cid_link", self._handle, tree_path(path), required(target))

    def link(self, existing: Path, path: Path) -> None:
        """Gives a file one more name."""
        call("ips_fs_link", self._handle, tree_path(existing), tree_path(path))

    def rename(self, path: Path, target: Path) -> None:
        """Moves an entry with all that is below it; what is at the target is replaced as rename(2) does."""
        call("ips_fs_rename", self._handle, tree_path(path), tree_path(target))

    def copy(self, path: Path, target: Path) -> None:
        """Copies an entry with all that is below it, which costs nothing but its hard links."""
        call("ips_fs_copy", self._handle, tree_path(path), tree_path(target))

    def restore(self, path: Path, tree: Cid, source: Path) -> None:
        """Gives a path what another version, tree or directory has at `source`, with all that is below it, in
        the place of what it has now. Costs nothing whatever its size."""
        call("ips_fs_restore", self._handle, tree_path(path), required(tree), tree_path(source))

    def remove(self, path: Path, tree: bool = False) -> None:
        """Removes an entry and leaves a tombstone; with `tree` a directory with all that is below it."""
        call("ips_fs_remove", self._handle, tree_path(path), bool(tree))

    # ----------------------------------------------------------------------------------------- Metadata

    def chmod(self, path: Path, mode: int, follow_symlinks: bool = True) -> None:
        call("ips_fs_set_mode", self._handle, tree_path(path), mode, bool(follow_symlinks))

    def chown(
        self, path: Path, uid: int | None = None, gid: int | None = None, follow_symlinks: bool = True
    ) -> None:
        """None leaves what is there."""
        ids = [(1 << 32) - 1 if one is None else one for one in (uid, gid)]
        call("ips_fs_set_owner", self._handle, tree_path(path), *ids, bool(follow_symlinks))

    def utime(self, path: Path, mtime_ns: int, follow_symlinks: bool = True) -> None:
        """When the content was last changed, in nanoseconds since 1970."""
        time = divmod(whole_number(mtime_ns, -(1 << 95), 1 << 95, "a time"), 10**9)
        call("ips_fs_set_time", self._handle, tree_path(path), *time, bool(follow_symlinks))

    def set_sync(self, path: Path, sync: Sync, recursively: bool = False) -> None:
        """Of a directory for children that are added from now on, or of all that is below it too."""
        call("ips_fs_set_sync", self._handle, tree_path(path), sync, bool(recursively))

    def getxattr(self, path: Path, name: Path) -> bytes:
        return whole(1024, "ips_fs_get_attribute", self._handle, tree_path(path), tree_path(name))

    def listxattr(self, path: Path) -> list[str]:
        names = whole(1024, "ips_fs_list_attributes", self._handle, tree_path(path))
        return [os.fsdecode(name) for name in names.split(b"\0") if name]

    def setxattr(self, path: Path, name: Path, value: Data) -> None:
        call("ips_fs_set_attribute", self._handle, tree_path(path), tree_path(name), given(value))

    def attribute_value(self, path: Path, name: Path) -> bytes:
        """The DAG-CBOR of an attribute's value, of whatever kind that is; of the host's, a byte string."""
        return whole(1024, "ips_fs_get_attribute_value", self._handle, tree_path(path), tree_path(name))

    def set_attribute_value(self, path: Path, name: Path, dag_cbor: Data) -> None:
        """Gives an attribute a value of any kind."""
        call("ips_fs_set_attribute_value", self._handle, tree_path(path), tree_path(name), given(dag_cbor))

    def removexattr(self, path: Path, name: Path) -> None:
        call("ips_fs_remove_attribute", self._handle, tree_path(path), tree_path(name))


class File(Unique, io.RawIOBase):
    """A file of a tree that is open, as a raw binary stream. `close`, and the end of a `with`, give the tree
    what was written; `abort`, and a `with` that is left by an exception, forget it."""

    def __init__(self, handle: int, of: object, is_written: bool, is_appended: bool) -> None:
        super().__init__()
        self._file: int | None = handle
        # A tree ends its files when it is closed: it stays while one is open.
        self._of = of
        self._is_written = is_written
        self._is_appended = is_appended
        self._position = 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return self._is_written

    def seekable(self) -> bool:
        return True

    @property
    def size(self) -> int:
        """In bytes, with all that was written."""
        return number("ips_fs_file_size", self._open())

    def read_at(self, offset: int, length: int) -> bytes:
        """Reads at an offset, as os.pread does: less than `length` only at the end; the position stays."""
        return read_at(lambda: self.size, offset, length, "ips_fs_file_read_at", self._open())

    def write_at(self, offset: int, data: Data) -> None:
        """Writes bytes at an offset, which may be beyond the end: what is between reads as zeros."""
        call("ips_fs_file_write_at", self._open(), offset, given(data))

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        if self._position >= self.size:
            return 0
        data = self.read_at(self._position, len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def readall(self) -> bytes:
        data = self.read_at(self._position, max(self.size - self._position, 0))
        self._position += len(data)
        return data

    def write(self, data: Any, /) -> int:
        if self._is_appended:
            self._position = self.size
        held = given(data)
        call("ips_fs_file_write_at", self._open(), self._position, held)
        self._position += held.len
        return held.len

    def truncate(self, size: int | None = None) -> int:
        """Cuts the file, or lengthens it by zeros; None: where the position is."""
        size = self._position if size is None else size
        call("ips_fs_file_truncate", self._open(), size)
        return size

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence not in (io.SEEK_SET, io.SEEK_CUR, io.SEEK_END):
            raise ValueError(f"there is no whence {whence!r}")
        offset = whole_number(offset, -(1 << 63), (1 << 63) - 1, "an offset")
        reached = (0, self._position, self.size)[whence] + offset
        if reached < 0:
            raise ValueError("the position is before the start")
        self._position = reached
        return reached

    def tell(self) -> int:
        self._open()
        return self._position

    def close(self) -> None:
        handle, self._file = getattr(self, "_file", None), None
        try:
            if handle is not None and self._is_written:
                call("ips_fs_file_commit", handle)
        finally:
            if handle is not None:
                library.ips_fs_file_close(handle)
            self._of = None
            super().close()

    def abort(self) -> None:
        """Forgets what was written, and closes."""
        self._is_written = False
        self.close()

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        if kind is not None:
            self.abort()
        self.close()

    def __del__(self) -> None:
        # Nobody closed it: what was written was not meant to stay.
        self.abort()

    def _open(self) -> int:
        if self._file is None:
            raise ValueError("I/O operation on closed file")
        return self._file
