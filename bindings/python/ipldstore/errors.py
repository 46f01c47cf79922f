"""Errors: one class a status of the C header."""

from __future__ import annotations

from . import _abi


class Error(Exception):
    """Why a call failed: `code` is the C header's IPS_…, `os_errno` the errno behind it or 0."""

    def __init__(self, code: int, os_errno: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.os_errno = os_errno
        self.message = message

    @staticmethod
    def of(code: int, os_errno: int, message: str) -> Error:
        return _BY_CODE.get(code, Error)(code, os_errno, message)


class NotFound(Error):
    """The block, root, hold or file does not exist."""


class Corrupt(Error):
    """Stored bytes are not what they must be: verify the store."""


class Invalid(Error, ValueError):
    """An argument or an input makes no sense."""


class Exists(Error):
    """It exists already, and was left as it is."""


class Conflict(Error):
    """Somebody else changed it first: look again and retry."""


class Busy(Error):
    """In use by another thread, call or process: try later."""


class Full(Error):
    """The disk, a quota or a table is full. Deleting and gc still work."""


class TooLarge(Error):
    """Beyond a limit of the format."""


class ReadOnly(Error):
    """The store was opened, or can only be opened, for reading."""


class PermissionRefused(Error):
    """The operating system refused access."""


class NotAStore(Error):
    """The path holds no store."""


class Unsupported(Error):
    """A format, codec, hash, option or file system that this version does not handle."""


class SystemCallFailed(Error):
    """A system call failed; see `os_errno`."""


class Cancelled(Error):
    """A progress function asked to stop."""


class Forked(Error):
    """The handle was inherited through fork: open the store again."""


_BY_CODE: dict[int, type[Error]] = {
    _abi.IPS_NOT_FOUND: NotFound,
    _abi.IPS_CORRUPT: Corrupt,
    _abi.IPS_INVALID: Invalid,
    _abi.IPS_EXISTS: Exists,
    _abi.IPS_CONFLICT: Conflict,
    _abi.IPS_BUSY: Busy,
    _abi.IPS_FULL: Full,
    _abi.IPS_TOO_LARGE: TooLarge,
    _abi.IPS_READ_ONLY: ReadOnly,
    _abi.IPS_PERMISSION: PermissionRefused,
    _abi.IPS_NOT_A_STORE: NotAStore,
    _abi.IPS_UNSUPPORTED: Unsupported,
    _abi.IPS_IO: SystemCallFailed,
    _abi.IPS_CANCELLED: Cancelled,
    _abi.IPS_FORKED: Forked,
}
