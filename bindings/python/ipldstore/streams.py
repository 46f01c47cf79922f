"""Handles, readers, writers, views and iterators."""

from __future__ import annotations

import ctypes
import io
import os
from typing import TYPE_CHECKING, Any, Callable, Generic, Iterator, NamedTuple, TypeVar

from . import _abi
from ._library import Callbacks, Data, Progress, call, given, library, number, read_at, read_into
from .cid import Cid
from .errors import Error

if TYPE_CHECKING:
    from types import TracebackType

Item = TypeVar("Item")
Self = TypeVar("Self", bound="Handle")


class Root(NamedTuple):
    name: str
    cid: Cid


class Hold(NamedTuple):
    """How often an owner retained a CID."""

    owner: str
    cid: Cid
    times: int


class Problem(NamedTuple):
    """Something that is not as it must be; `kind` is the C header's IPS_PROBLEM_…."""

    kind: int
    cid: Cid | None
    message: str


class Change(NamedTuple):
    """`old_length` bytes at `old_offset` are replaced by `new_length` bytes at `new_offset`."""

    old_offset: int
    old_length: int
    new_offset: int
    new_length: int


class Base(NamedTuple):
    """A store that a layer reads through."""

    identity: str
    path: str


class Fork(NamedTuple):
    """A layer that a store is a base of; `state` is the C header's IPS_FORK_…."""

    identity: str
    state: int
    holds: int
    path: str


class Unique:
    """What has a handle of the library's is one object: a copy would give the handle back a second time."""

    def __copy__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} cannot be copied")

    def __deepcopy__(self, memory: Any) -> Any:
        return self.__copy__()

    def __reduce__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} cannot be pickled: another process opens the store again")


class Handle(Unique):
    """A handle of the library's, given back by `close`, at the end of a `with`, or with the object. What it
    was made from stays until then, also when nobody else has that any more."""

    _close: str

    def __init__(self, handle: int, of: object = None) -> None:
        self._open_handle: int | None = handle
        self._of = of

    @property
    def _handle(self) -> int:
        if self._open_handle is None:
            raise Error.of(_abi.IPS_INVALID, 0, f"the {type(self).__name__} is closed")
        return self._open_handle

    def close(self) -> None:
        """Gives the handle back; a second time does nothing."""
        handle, self._open_handle = getattr(self, "_open_handle", None), None
        if handle is not None:
            getattr(library, self._close)(handle)
        self._of = None

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


class View(Handle):
    """One block's bytes in the library's memory. `bytes` copies them out."""

    _close = "ips_view_close"

    def __bytes__(self) -> bytes:
        lent = library.ips_view_bytes(self._handle)
        return ctypes.string_at(lent.data, lent.len) if lent.data else b""


class Items(Handle, Generic[Item]):
    """An iterator over what the library finds. Closed when it has ended."""

    _close = "ips_iter_close"

    def __init__(
        self,
        handle: int,
        of: object,
        kind: type[Any],
        function: str,
        make: Callable[[Any], Item],
        callbacks: Callbacks | None = None,
    ) -> None:
        super().__init__(handle, of)
        self._callbacks = callbacks
        self._kind = kind
        self._function = function
        self._make = make

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        if self._open_handle is None:
            raise StopIteration
        raw = self._kind()
        arguments: list[Any] = [ctypes.byref(raw)]
        if self._callbacks is not None:
            arguments += [self._callbacks.progress, None]
        if not call(self._function, self._handle, *arguments, callbacks=self._callbacks):
            self.close()
            raise StopIteration
        return self._make(raw)


def cids(handle: int, of: object) -> Items[Cid]:
    return Items(handle, of, _abi.ips_cid, "ips_iter_next_cid", Cid.of_raw)


def roots(handle: int, of: object) -> Items[Root]:
    def make(raw: _abi.ips_root) -> Root:
        return Root(raw.name.decode("utf-8", "surrogateescape"), Cid.of_raw(raw.cid))

    return Items(handle, of, _abi.ips_root, "ips_iter_next_root", make)


def holds(handle: int, of: object) -> Items[Hold]:
    def make(raw: _abi.ips_hold) -> Hold:
        return Hold(raw.owner.decode("utf-8", "surrogateescape"), Cid.of_raw(raw.cid), raw.count)

    return Items(handle, of, _abi.ips_hold, "ips_iter_next_hold", make)


def problems(handle: int) -> Items[Problem]:
    def make(raw: _abi.ips_problem) -> Problem:
        cid = Cid.of_raw(raw.cid) if raw.has_cid else None
        return Problem(raw.kind, cid, raw.message.decode("utf-8", "replace"))

    return Items(handle, None, _abi.ips_problem, "ips_iter_next_problem", make)


def bases(handle: int) -> Items[Base]:
    def make(raw: _abi.ips_base) -> Base:
        return Base(raw.identity.decode(), os.fsdecode(raw.path))

    return Items(handle, None, _abi.ips_base, "ips_iter_next_base", make)


def forks(handle: int, of: object) -> Items[Fork]:
    def make(raw: _abi.ips_fork) -> Fork:
        return Fork(raw.identity.decode(), raw.state, raw.holds, os.fsdecode(raw.path))

    return Items(handle, of, _abi.ips_fork, "ips_iter_next_fork", make)


def changes(handle: int, of: object, progress: Progress | None) -> Items[Change]:
    def make(raw: _abi.ips_change) -> Change:
        return Change(raw.old_offset, raw.old_length, raw.new_offset, raw.new_length)

    return Items(handle, of, _abi.ips_change, "ips_iter_next_change", make, Callbacks(progress))


class Reader(Unique, io.RawIOBase):
    """A file open for reading, as a raw binary stream; io.BufferedReader and io.TextIOWrapper take it."""

    def __init__(self, handle: int, of: object) -> None:
        super().__init__()
        self._reader: int | None = handle
        self._of = of

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return read_into(buffer, "ips_reader_read", self._open())

    def readall(self) -> bytes:
        position = self.tell()
        data = self.read_at(position, self.size - position)
        self.seek(position + len(data))
        return data

    def read_at(self, offset: int, length: int) -> bytes:
        """Reads at an offset, as os.pread does: less than `length` only at the end; the position stays."""
        return read_at(lambda: self.size, offset, length, "ips_reader_read_at", self._open())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        # The numbers of whence are IPS_SEEK_….
        return number("ips_reader_seek", self._open(), offset, whence)

    def tell(self) -> int:
        return number("ips_reader_tell", self._open())

    @property
    def size(self) -> int:
        return number("ips_reader_size", self._open())

    def close(self) -> None:
        handle, self._reader = getattr(self, "_reader", None), None
        if handle is not None:
            library.ips_reader_close(handle)
        self._of = None
        super().close()

    def _open(self) -> int:
        if self._reader is None:
            raise ValueError("I/O operation on closed file")
        return self._reader


class Writer(Handle):
    """A file that is changed anywhere. `commit` gives the CID of what came out; what is not committed is
    forgotten."""

    _close = "ips_writer_close"

    def __init__(self, handle: int, callbacks: Callbacks, of: object) -> None:
        super().__init__(handle, of)
        self._callbacks = callbacks

    def write_at(self, offset: int, data: Data) -> None:
        """Writes bytes at an offset, which may be beyond the end: what is between reads as zeros."""
        call("ips_writer_write_at", self._handle, offset, given(data), callbacks=self._callbacks)

    def append(self, data: Data) -> None:
        call("ips_writer_append", self._handle, given(data), callbacks=self._callbacks)

    def truncate(self, size: int) -> None:
        """Cuts the file, or lengthens it by zeros, which cost nothing."""
        call("ips_writer_truncate", self._handle, size, callbacks=self._callbacks)

    def read_at(self, offset: int, length: int) -> bytes:
        """Reads the file as it is now."""
        return read_at(lambda: self.size, offset, length, "ips_writer_read_at", self._handle)

    @property
    def size(self) -> int:
        return number("ips_writer_size", self._handle)

    def abort(self) -> None:
        """Forgets what was written, and ends the writer."""
        call("ips_writer_abort", self._handle)

    def flush(self) -> Cid:
        """Stores what was written so far. Nothing is durable, or kept, before the commit."""
        return self._settled("ips_writer_flush")

    def commit(self) -> Cid:
        """Stores what was written, and ends the writer."""
        return self._settled("ips_writer_commit")

    def _settled(self, function: str) -> Cid:
        raw = _abi.ips_cid()
        call(function, self._handle, ctypes.byref(raw), callbacks=self._callbacks)
        return Cid.of_raw(raw)
