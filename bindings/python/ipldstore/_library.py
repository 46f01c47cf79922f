"""Finds the C library, makes its calls, and brings exceptions of callbacks back."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
from typing import Any, Callable, Optional, Union

from . import _abi
from .errors import Error

Data = Union[bytes, bytearray, memoryview]
Progress = Callable[[int], Optional[bool]]

# A callback's answer that stops a call: a positive status of the caller's own.
_STOPPED = 2


def _load() -> ctypes.CDLL:
    """IPLDSTORE_LIBRARY names the file, IPLDSTORE_LIB_DIR its directory; else the loader finds it."""
    name = os.environ.get("IPLDSTORE_LIBRARY")
    directory = os.environ.get("IPLDSTORE_LIB_DIR")
    if not name and directory:
        name = os.path.join(directory, "libipldstore.so.1")
    try:
        library = ctypes.CDLL(name or ctypes.util.find_library("ipldstore") or "libipldstore.so.1")
    except OSError as error:
        advice = "install it, or set IPLDSTORE_LIB_DIR to the directory of libipldstore.so.1"
        raise ImportError(f"{error}; {advice}") from error
    for function, (result, parameters) in _abi.FUNCTIONS.items():
        entry = getattr(library, function, None)
        # A library of an older version has fewer; calling what it lacks is an AttributeError.
        if entry is not None:
            entry.restype = result
            entry.argtypes = parameters
    return library


library = _load()


class Callbacks:
    """The functions that one call uses, as C callbacks. None of them lets an exception into the library."""

    def __init__(
        self,
        progress: Progress | None = None,
        read: Callable[[int], bytes] | None = None,
        write: Callable[[Any], Any] | None = None,
    ) -> None:
        self._exception: BaseException | None = None
        self.progress = _abi.ips_progress()
        self.read = _abi.ips_read_callback()
        self.write = _abi.ips_write_callback()
        if progress is not None:
            self.progress = _abi.ips_progress(self._progress(progress))
        if read is not None:
            self.read = _abi.ips_read_callback(self._read(read))
        if write is not None:
            self.write = _abi.ips_write_callback(self._write(write))

    def _progress(self, progress: Progress) -> Callable[..., int]:
        def answer(_context: Any, done: int) -> int:
            try:
                return _abi.IPS_CANCELLED if progress(done) is False else _abi.IPS_OK
            except BaseException as exception:
                return self._stop(exception)

        return answer

    def _read(self, read: Callable[[int], bytes]) -> Callable[..., int]:
        def answer(_context: Any, buffer: int, capacity: int, got: Any) -> int:
            try:
                data = bytes(read(capacity))
                if len(data) > capacity:
                    raise ValueError("a source read more than it was asked for")
                ctypes.memmove(buffer, data, len(data))
                got[0] = len(data)
                return _abi.IPS_OK
            except BaseException as exception:
                return self._stop(exception)

        return answer

    def _write(self, write: Callable[[Any], Any]) -> Callable[..., int]:
        def answer(_context: Any, data: int, length: int) -> int:
            try:
                rest = memoryview(ctypes.string_at(data, length))
                while rest:
                    # A raw stream may take less than all; one that says nothing took all.
                    count = write(rest)
                    if not isinstance(count, int):
                        break
                    rest = rest[count:]
                return _abi.IPS_OK
            except BaseException as exception:
                return self._stop(exception)

        return answer

    def _stop(self, exception: BaseException) -> int:
        self._exception = exception
        return _STOPPED

    def settle(self) -> None:
        """Raises what a callback raised."""
        exception, self._exception = self._exception, None
        if exception is not None:
            raise exception


def call(function: str, *arguments: Any, callbacks: Callbacks | None = None) -> bool:
    """Makes a call with a place for its error; whether there was one more, for those that end."""
    error = _abi.ips_error()
    status: int = getattr(library, function)(*arguments, ctypes.byref(error))
    if callbacks is not None:
        callbacks.settle()
    if status not in (_abi.IPS_OK, _abi.IPS_END):
        raise Error.of(status, error.os_errno, error.message.decode("utf-8", "replace"))
    return status == _abi.IPS_OK


def made(function: str, *arguments: Any) -> int:
    """The handle that a call makes, its last output."""
    handle = ctypes.c_void_p()
    call(function, *arguments, ctypes.byref(handle))
    return handle.value or 0


def number(function: str, *arguments: Any) -> int:
    """The 64-bit number that a call writes, its last output."""
    value = ctypes.c_uint64()
    call(function, *arguments, ctypes.byref(value))
    return value.value


def sized(kind: type[Any]) -> Any:
    """A struct that begins with its own size."""
    value = kind()
    value.struct_size = ctypes.sizeof(kind)
    return value


def given(data: Data) -> _abi.ips_bytes:
    """Bytes for a call; `data` must outlive it, which an argument of the caller's does."""
    held = data if isinstance(data, bytes) else bytes(data)
    result = _abi.ips_bytes(ctypes.cast(ctypes.c_char_p(held), ctypes.c_void_p), len(held))
    result.held = held
    return result


def whole(capacity: int, function: str, *arguments: Any) -> bytes:
    """All of what a call writes to a buffer, whose length it tells when the buffer is too small."""
    while True:
        buffer = bytearray(capacity)
        length = ctypes.c_size_t()
        try:
            call(function, *arguments, _place(buffer), capacity, ctypes.byref(length))
        except Error as error:
            if error.code != _abi.IPS_BUFFER_TOO_SMALL or length.value <= capacity:
                raise
            capacity = length.value
        else:
            return bytes(memoryview(buffer)[: length.value])


def read_into(buffer: Any, function: str, *arguments: Any) -> int:
    """Fills a writable buffer from a call that says how many bytes it got."""
    view = memoryview(buffer).cast("B")
    got = ctypes.c_size_t()
    call(function, *arguments, _place(view), len(view), ctypes.byref(got))
    return got.value


def _place(buffer: Any) -> Any:
    return ctypes.byref(ctypes.c_char.from_buffer(buffer)) if len(buffer) else None


def text(value: str | None) -> bytes | None:
    """Text for a call; None stays NULL."""
    if value is None:
        return None
    if "\0" in value:
        raise Error.of(_abi.IPS_INVALID, 0, "a text has a NUL inside")
    return value.encode("utf-8", "surrogateescape")
