"""Directories of the host in and out of file systems, and the functions of the caller's that hear of it."""

from __future__ import annotations

import ctypes
import enum
import os
from typing import Any, Callable, NamedTuple, Optional, Union

from . import _abi
from ._library import Callbacks, Path, Progress, call, host_path, kind_of
from .cid import Cid
from .entries import Policy, TreeConflict, conflict_of, known
from .errors import Error


class TroubleKind(enum.IntEnum):
    """What went wrong with an entry of a directory."""

    UNREAD = _abi.IPS_FS_UNREAD
    CHANGING = _abi.IPS_FS_CHANGING
    UNMADE = _abi.IPS_FS_UNMADE
    OWNER_REFUSED = _abi.IPS_FS_OWNER_REFUSED
    METADATA_REFUSED = _abi.IPS_FS_METADATA_REFUSED
    UNREMOVED = _abi.IPS_FS_UNREMOVED


class Existing(enum.IntEnum):
    """What an export does with a directory that is there and holds something."""

    # It is left as it is: Exists.
    REFUSE = _abi.IPS_FS_REFUSE
    # The tree takes its place as a whole; what was there is removed.
    REPLACE = _abi.IPS_FS_REPLACE
    # Names of the tree take the place of what has them; other names stay.
    INTO = _abi.IPS_FS_INTO


class Trouble(NamedTuple):
    """Something that the host does not let be as it is; `error` is what a call would raise."""

    kind: Union[TroubleKind, int]
    error: Error
    path: str


class Transfer(NamedTuple):
    """How far an import or export is. The totals are 0 while they are counted."""

    entries: int
    bytes: int
    total_entries: int
    total_bytes: int


class ImportReport(NamedTuple):
    """What an import did. `version` is the branch's newest; None without a branch."""

    is_unchanged: bool
    tree: Cid
    version: Cid | None
    entries: int
    files: int
    bytes: int
    files_read: int
    bytes_read: int
    unread: int


class ExportReport(NamedTuple):
    """What an export did: `unmade` entries are missing, `damaged` of them because the store has lost
    something of them; others are there without their owner or metadata.
    """

    entries: int
    files: int
    bytes: int
    unmade: int
    without_owner: int
    without_metadata: int
    damaged: int


# They stop a call by returning False.
OnTransfer = Callable[[Transfer], Optional[bool]]
OnTrouble = Callable[[Trouble], Optional[bool]]
# Says who is right: OURS, THEIRS or BOTH; None or REPORT leaves it open.
Decide = Callable[[TreeConflict], Optional[Policy]]


class TreeCallbacks(Callbacks):
    """The functions that one call about trees uses."""

    def __init__(
        self,
        transfer: OnTransfer | None = None,
        trouble: OnTrouble | None = None,
        decide: Decide | None = None,
        progress: Progress | None = None,
    ) -> None:
        super().__init__(progress)
        self.transfer = _abi.ips_fs_progress()
        self.trouble = _abi.ips_fs_on_trouble()
        self.decide = _abi.ips_fs_decide()
        for function in (transfer, trouble, decide):
            if function is not None and not callable(function):
                raise TypeError(f"a function is wanted, not {kind_of(function)}")
        if transfer is not None:
            self.transfer = _abi.ips_fs_progress(self._heard(transfer, _transfer))
        if trouble is not None:
            self.trouble = _abi.ips_fs_on_trouble(self._heard(trouble, _trouble))
        if decide is not None:
            self.decide = _abi.ips_fs_decide(self._decided(decide))

    def _heard(self, hear: Callable[[Any], Any], make: Callable[[Any], Any]) -> Callable[..., int]:
        def answer(_context: Any, raw: Any) -> int:
            try:
                return _abi.IPS_CANCELLED if hear(make(raw.contents)) is False else _abi.IPS_OK
            except BaseException as exception:
                return self._stop(exception)

        return answer

    def _decided(self, decide: Decide) -> Callable[..., int]:
        def answer(_context: Any, raw: Any, resolution: Any) -> int:
            try:
                decided = decide(_conflict(raw.contents))
                if decided is not None:
                    if decided not in (Policy.REPORT, Policy.OURS, Policy.THEIRS, Policy.BOTH):
                        raise ValueError(f"OURS, THEIRS or BOTH decides a conflict, not {decided!r}")
                    resolution[0] = int(decided)
                return _abi.IPS_OK
            except BaseException as exception:
                return self._stop(exception)

        return answer


def _bytes_of(raw: _abi.ips_bytes) -> bytes:
    return ctypes.string_at(raw.data, raw.len) if raw.data else b""


def _transfer(raw: _abi.ips_fs_transfer) -> Transfer:
    return Transfer(raw.entries, raw.bytes, raw.total_entries, raw.total_bytes)


def _trouble(raw: _abi.ips_fs_trouble) -> Trouble:
    message: Any = raw.message
    error = Error.of(raw.status, raw.os_errno, (message or b"").decode("utf-8", "replace"))
    return Trouble(known(TroubleKind, raw.kind), error, os.fsdecode(_bytes_of(raw.path)))


def _conflict(raw: _abi.ips_fs_conflict) -> TreeConflict:
    sides: list[Any] = [raw.base, raw.ours, raw.theirs]
    entries = [side.contents if side else None for side in sides]
    path, other = (os.fsdecode(_bytes_of(one)) for one in (raw.path, raw.other_path))
    return conflict_of(raw.kind, Policy.REPORT, raw.fields, path, other, entries)


def import_report(raw: _abi.ips_fs_import_report) -> ImportReport:
    version = Cid.of_raw(raw.version) if raw.version.digest_length else None
    counts = (raw.entries, raw.files, raw.bytes, raw.files_read, raw.bytes_read, raw.unread)
    return ImportReport(bool(raw.is_unchanged), Cid.of_raw(raw.tree), version, *counts)


def export_report(raw: _abi.ips_fs_export_report) -> ExportReport:
    counts = (raw.entries, raw.files, raw.bytes)
    return ExportReport(*counts, raw.unmade, raw.without_owner, raw.without_metadata, raw.damaged)


def remove_directory(
    directory: Path, on_trouble: OnTrouble | None = None, progress: Progress | None = None
) -> None:
    """Removes a directory of the host with all that is in it, or a file: what an export made, say.
    Directories that their owner, who runs this, has closed to himself are opened first. `progress` hears of
    the entries that went."""
    callbacks = TreeCallbacks(trouble=on_trouble, progress=progress)
    arguments = (host_path(directory), callbacks.progress, callbacks.trouble, None)
    call("ips_fs_remove_directory", *arguments, callbacks=callbacks)
