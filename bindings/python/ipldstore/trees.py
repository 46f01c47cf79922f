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

    def put_file(self, path: Path, cid: Cid, mode: int = 0o644, progress: Progress | None = None) -> None:
        """Gives a file the content of one that is stored, as `Store.put_file` or another tree gave it, and
        makes it, with these permissions, if it is not there. Nothing is copied. (`stat` gives the CID of a
        file of more than 512 bytes, which the store has once the tree is committed.)"""
        self._change("ips_fs_put_file", path, required(cid), mode, progress=progress)

    def open(self, path: Path, how: str = "r", mode: int = 0o644, progress: Progress | None = None) -> File:
        """Opens a file as a raw binary stream: "r", "r+", "w" or "a", with or without "b", as for the `open`
        of Python. `mode` is that of a file that is made. `progress` hears, in what is done with the file, of
        the bytes that are stored while much is; what it stops can be done again, but for `close`."""
        flags = _MODES.get(how.replace("b", "", 1)) if isinstance(how, str) else None
        if flags is None:
            raise ValueError(f"a file is opened with r, r+, w or a, not {how!r}")
        callbacks = Callbacks(progress)
        arguments = (tree_path(path), flags, mode, callbacks.progress, None)
        handle = made("ips_fs_file_open", self._handle, *arguments, callbacks=callbacks)
        return File(handle, self, callbacks, flags != _abi.IPS_FS_READ, how.startswith("a"))

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

    # `progress` of what follows hears of the blocks that are read, where names are gone through: those of
    # directories of type MERKLE_CRDT, and those that share files. What it stops leaves the tree as it was.

    def rename(self, path: Path, target: Path, progress: Progress | None = None) -> None:
        """Moves an entry with all that is below it; what is at the target is replaced as rename(2) does."""
        self._change("ips_fs_rename", path, tree_path(target), progress=progress)

    def copy(self, path: Path, target: Path, progress: Progress | None = None) -> None:
        """Copies an entry with all that is below it, which costs nothing but names that share files or are of
        type MERKLE_CRDT."""
        self._change("ips_fs_copy", path, tree_path(target), progress=progress)

    def restore(self, path: Path, tree: Cid, source: Path, progress: Progress | None = None) -> None:
        """Gives a path what another version, tree or directory has at `source`, with all that is below it, in
        the place of what it has now. Costs nothing whatever its size."""
        self._change("ips_fs_restore", path, required(tree), tree_path(source), progress=progress)

    def remove(self, path: Path, tree: bool = False, progress: Progress | None = None) -> None:
        """Removes an entry and leaves a tombstone; with `tree` a directory with all that is below it."""
        self._change("ips_fs_remove", path, bool(tree), progress=progress)

    def _change(self, function: str, path: Path, *arguments: Any, progress: Progress | None) -> None:
        callbacks = Callbacks(progress)
        given_to = (tree_path(path), *arguments, callbacks.progress, None)
        call(function, self._handle, *given_to, callbacks=callbacks)

    # ----------------------------------------------------------------------------------------- Metadata

    def chmod(
        self, path: Path, mode: int, follow_symlinks: bool = True, progress: Progress | None = None
    ) -> None:
        self._change("ips_fs_set_mode", path, mode, bool(follow_symlinks), progress=progress)

    def chown(
        self,
        path: Path,
        uid: int | None = None,
        gid: int | None = None,
        follow_symlinks: bool = True,
        progress: Progress | None = None,
    ) -> None:
        """None leaves what is there."""
        ids = [(1 << 32) - 1 if one is None else one for one in (uid, gid)]
        self._change("ips_fs_set_owner", path, *ids, bool(follow_symlinks), progress=progress)

    def utime(
        self, path: Path, mtime_ns: int, follow_symlinks: bool = True, progress: Progress | None = None
    ) -> None:
        """When the content was last changed, in nanoseconds since 1970."""
        time = divmod(whole_number(mtime_ns, -(1 << 95), 1 << 95, "a time"), 10**9)
        self._change("ips_fs_set_time", path, *time, bool(follow_symlinks), progress=progress)

    def set_sync(
        self, path: Path, sync: Sync, recursively: bool = False, progress: Progress | None = None
    ) -> None:
        """Of a directory for children that are added from now on, or of all that is below it too."""
        self._change("ips_fs_set_sync", path, sync, bool(recursively), progress=progress)

    def getxattr(self, path: Path, name: Path) -> bytes:
        return whole(1024, "ips_fs_get_attribute", self._handle, tree_path(path), tree_path(name))

    def listxattr(self, path: Path) -> list[str]:
        names = whole(1024, "ips_fs_list_attributes", self._handle, tree_path(path))
        return [os.fsdecode(name) for name in names.split(b"\0") if name]

    def setxattr(self, path: Path, name: Path, value: Data, progress: Progress | None = None) -> None:
        self._change("ips_fs_set_attribute", path, tree_path(name), given(value), progress=progress)

    def attribute_value(self, path: Path, name: Path) -> bytes:
        """The DAG-CBOR of an attribute's value, of whatever kind that is; of the host's, a byte string."""
        return whole(1024, "ips_fs_get_attribute_value", self._handle, tree_path(path), tree_path(name))

    def set_attribute_value(
        self, path: Path, name: Path, dag_cbor: Data, progress: Progress | None = None
    ) -> None:
        """Gives an attribute a value of any kind."""
        value = given(dag_cbor)
        self._change("ips_fs_set_attribute_value", path, tree_path(name), value, progress=progress)

    def removexattr(self, path: Path, name: Path, progress: Progress | None = None) -> None:
        self._change("ips_fs_remove_attribute", path, tree_path(name), progress=progress)


class File(Unique, io.RawIOBase):
    """A file of a tree that is open, as a raw binary stream. `close`, and the end of a `with`, give the tree
    what was written; `abort`, and a `with` that is left by an exception, forget it."""

    def __init__(
        self, handle: int, of: object, callbacks: Callbacks, is_written: bool, is_appended: bool
    ) -> None:
        super().__init__()
        self._file: int | None = handle
        self._callbacks = callbacks
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
        call("ips_fs_file_write_at", self._open(), offset, given(data), callbacks=self._callbacks)

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
        held = given(data)
        if self._is_appended:
            self._position = self.size
        try:
            call("ips_fs_file_write_at", self._open(), self._position, held, callbacks=self._callbacks)
        except BaseException:
            # What was stopped is appended again by whoever makes the call again: its first part goes.
            if self._is_appended and self._file is not None:
                library.ips_fs_file_truncate(self._file, self._position, None)
            raise
        self._position += held.len
        return held.len

    def truncate(self, size: int | None = None) -> int:
        """Cuts the file, or lengthens it by zeros; None: where the position is."""
        size = self._position if size is None else size
        call("ips_fs_file_truncate", self._open(), size, callbacks=self._callbacks)
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

    def commit(self) -> None:
        """Gives the tree what was written, and closes; when that fails, or is stopped, the file is open
        still."""
        if self._is_written:
            call("ips_fs_file_commit", self._open(), callbacks=self._callbacks)
        self.abort()

    def close(self) -> None:
        handle, self._file = getattr(self, "_file", None), None
        try:
            if handle is not None and self._is_written:
                call("ips_fs_file_commit", handle, callbacks=self._callbacks)
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
