"""Finds the C library, makes its calls, and brings exceptions of callbacks back."""

from __future__ import annotations

import ctypes
import ctypes.util
import io
import operator
import os
import sys
from typing import Any, Callable, Optional, Union

from . import _abi
from .errors import Error

Data = Union[bytes, bytearray, memoryview]
Path = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
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

# Parameters that are integers, by function: place, name of the C type, least and greatest value. ctypes takes
# any number and cuts it.
_INTEGERS: dict[str, list[tuple[int, str, int, int]]] = {}


def _limits(kind: Any) -> tuple[int, int] | None:
    """What an integer type of C holds; None for other types."""
    if not issubclass(kind, ctypes._SimpleCData) or kind._type_ not in "bBhHiIlLqQ":
        return None
    bits = 8 * ctypes.sizeof(kind)
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if kind._type_.islower() else (0, (1 << bits) - 1)


def _find_integers() -> None:
    for function, (_, parameters) in _abi.FUNCTIONS.items():
        limits = [_limits(kind) for kind in parameters]
        _INTEGERS[function] = [
            (place, f"{8 * ctypes.sizeof(parameters[place])} bits", *limit)
            for place, limit in enumerate(limits)
            if limit is not None
        ]


_find_integers()


def whole_number(value: Any, least: int, greatest: int, what: str = "a number") -> int:
    """An integer between two others. TypeError for what is none, OverflowError for one beyond them."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} is an int, not {kind_of(value)}") from None
    if not least <= number <= greatest:
        raise OverflowError(f"{what} is {least} to {greatest}, not {number}")
    return number


def kind_of(value: Any) -> str:
    return type(value).__name__


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
        for function in (progress, read, write):
            if function is not None and not callable(function):
                raise TypeError(f"a function is wanted, not {kind_of(function)}")
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
                data = read(capacity)
                if data is None:
                    raise BlockingIOError("the source would block: it has nothing to read now")
                data = whole_bytes(data, "what a source reads")
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
                    # A raw stream may take less than all, or would block; another that says nothing took all.
                    count = write(rest)
                    if count is None:
                        if isinstance(getattr(write, "__self__", None), io.RawIOBase):
                            raise BlockingIOError("the file would block: it takes nothing now")
                        break
                    rest = rest[whole_number(count, 1, len(rest), "what a file says it has taken") :]
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
    for place, bits, least, greatest in _INTEGERS[function]:
        whole_number(arguments[place], least, greatest, f"an argument of {bits}")
    error = _abi.ips_error()
    status: int = getattr(library, function)(*arguments, ctypes.byref(error))
    if callbacks is not None:
        callbacks.settle()
    if status not in (_abi.IPS_OK, _abi.IPS_END):
        raise Error.of(status, error.os_errno, error.message.decode("utf-8", "replace"))
    return status == _abi.IPS_OK


def made(function: str, *arguments: Any, callbacks: Callbacks | None = None) -> int:
    """The handle that a call makes, its last output."""
    handle = ctypes.c_void_p()
    call(function, *arguments, ctypes.byref(handle), callbacks=callbacks)
    return handle.value or 0


def number(function: str, *arguments: Any, callbacks: Callbacks | None = None) -> int:
    """The 64-bit number that a call writes, its last output."""
    value = ctypes.c_uint64()
    call(function, *arguments, ctypes.byref(value), callbacks=callbacks)
    return value.value


def sized(kind: type[Any]) -> Any:
    """A struct that begins with its own size."""
    value = kind()
    value.struct_size = ctypes.sizeof(kind)
    return value


def whole_bytes(data: Any, what: str = "data") -> bytes:
    """The bytes of an object that has some. TypeError for all others: bytes(5) would be five zeros."""
    if isinstance(data, bytes):
        return data
    try:
        return memoryview(data).tobytes()
    except TypeError:
        raise TypeError(f"{what} is bytes, or has them as an array has, not {kind_of(data)}") from None


def given(data: Data) -> _abi.ips_bytes:
    """Bytes for a call, which the result keeps alive."""
    held = whole_bytes(data)
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


# More than this is made room for only when there is so much to read.
_USUAL_READ = 1 << 20


def read_at(size: Callable[[], int], offset: int, length: int, function: str, *arguments: Any) -> bytes:
    """What a call reads at an offset of something of that size: less than `length` only at the end."""
    length = whole_number(length, 0, sys.maxsize, "a length")
    offset = whole_number(offset, 0, _abi.IPS_ALL, "an offset")
    if length > _USUAL_READ:
        length = min(length, max(size() - offset, 0))
    buffer = bytearray(length)
    got = read_into(buffer, function, *arguments, offset)
    return bytes(memoryview(buffer)[:got])


def _place(buffer: Any) -> Any:
    return ctypes.byref(ctypes.c_char.from_buffer(buffer)) if len(buffer) else None


def text(value: str, what: str = "a text") -> bytes:
    """Text for a call."""
    if not isinstance(value, str):
        raise TypeError(f"{what} is a str, not {kind_of(value)}")
    return _without_nul(value.encode("utf-8", "surrogateescape"), what)


def optional_text(value: str | None, what: str = "a text") -> bytes | None:
    """Text for a call; None stays NULL."""
    return None if value is None else text(value, what)


def host_path(path: Path) -> bytes:
    """A path of the host's for a call, as the functions of os take it."""
    return _without_nul(os.fsencode(path), "a path")


def _without_nul(value: bytes, what: str) -> bytes:
    if b"\0" in value:
        raise Error.of(_abi.IPS_INVALID, 0, f"{what} has a NUL inside")
    return value
