"""File systems: branches, tags, versions, differences and merges of trees."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Iterator, NamedTuple

from . import _abi, entries, streams
from ._library import (
    Callbacks,
    Path,
    Progress,
    call,
    host_path,
    kind_of,
    made,
    number,
    optional_text,
    sized,
    text,
    whole_number,
)
from .cid import Cid, optional, required, written
from .entries import Difference, Outcome, Policy, TreeConflict, Version, tree_path, version_of
from .errors import Conflict
from .transfer import (
    Decide,
    Existing,
    ExportReport,
    ImportReport,
    OnTransfer,
    OnTrouble,
    TreeCallbacks,
    export_report,
    import_report,
)
from .trees import LostRace, Tree

if TYPE_CHECKING:
    from .store import Store


class MergeConflict(Conflict):
    """A merge that changed nothing, because there are conflicts that its policy does not decide."""

    conflicts: list[TreeConflict]


class Merge(NamedTuple):
    """What a merge did; the branch's newest version now; the conflicts that the policy has decided."""

    outcome: Outcome | int
    version: Cid
    conflicts: list[TreeConflict]


class FileSystem:
    """The versioned file systems of a store: `store.fs`.

    `progress` hears how far a call is (blocks, versions), and stops it by returning False: Cancelled, and
    nothing has changed, where nothing else is said.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def _handle(self) -> int:
        return self._store._handle

    def open_branch(self, branch: str) -> Tree:
        """Opens the newest version of a branch; an empty tree when there is no such branch."""
        return Tree(made("ips_fs_open_branch", self._handle, text(branch, "a branch")), self._store)

    def open(self, cid: Cid | None = None, progress: Progress | None = None) -> Tree:
        """Opens a version, tree or directory; None: an empty tree. `progress` hears of the blocks that are
        read: many for a large directory, whose names are counted."""
        callbacks = Callbacks(progress)
        arguments = (optional(cid), callbacks.progress, None)
        return Tree(made("ips_fs_open", self._handle, *arguments, callbacks=callbacks), self._store)

    # ---------------------------------------------------------------------------------- Branches and tags

    def branch(self, branch: str) -> Cid:
        """The newest version of a branch."""
        return written("ips_fs_branch_get", self._handle, text(branch, "a branch"))

    def branches(self) -> dict[str, Cid]:
        """The newest versions of all branches, by name."""
        return self._named("fs/branch/")

    def fork(self, version: Cid, branch: str) -> None:
        """Makes a branch at a version, old or new; nothing is copied."""
        call("ips_fs_fork", self._handle, required(version), text(branch, "a branch"))

    def delete_branch(self, branch: str, progress: Progress | None = None) -> None:
        """Removes a branch with the history that only it keeps. One that was stopped, and is there still, is
        removed by the next call."""
        callbacks = Callbacks(progress)
        arguments = (text(branch, "a branch"), callbacks.progress, None)
        call("ips_fs_branch_delete", self._handle, *arguments, callbacks=callbacks)

    def branch_usage(self, branch: str, progress: Progress | None = None) -> dict[str, Any]:
        """What a branch takes: the bytes of its newest tree, what removing it with its history would free,
        and the bytes of that tree which something else keeps."""
        callbacks = Callbacks(progress)
        arguments = (text(branch, "a branch"), callbacks.progress, None)
        usage = sized(_abi.ips_usage)
        return self._store._report("ips_fs_branch_usage", usage, *arguments, callbacks=callbacks)

    def copy_branch(
        self,
        other: FileSystem,
        version: Cid,
        branch: str,
        limit: int = 0,
        force: bool = False,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Copies a version of another store with its history, as far as that is there and missing here, and
        moves a branch to it, which is made when it is not there. The report says how many `versions` came.
        What a copy that was stopped has done is used by the next.

        limit: so many versions at most, the newest ones; 0: all. force: also when the branch has versions
        that do not lead to this one, which is a Conflict otherwise; it holds them until they are pruned."""
        callbacks = Callbacks(progress)
        versions = ctypes.c_uint64()
        limit = whole_number(limit, 0, (1 << 64) - 1, "a limit")
        arguments = (_other(other), required(version), text(branch, "a branch"), limit, bool(force))
        out = (callbacks.progress, None, ctypes.byref(versions))
        report = self._store._report(
            "ips_fs_branch_copy", sized(_abi.ips_copy_report), *arguments, *out, callbacks=callbacks
        )
        return report | {"versions": versions.value}

    def copy_tag(
        self, other: FileSystem, version: Cid, tag: str, move: bool = False, progress: Progress | None = None
    ) -> dict[str, Any]:
        """Copies a version of another store, without its history, and tags it. Exists when the tag is at
        another version, unless `move`."""
        callbacks = Callbacks(progress)
        arguments = (_other(other), required(version), text(tag, "a tag"), bool(move))
        out = (callbacks.progress, None)
        return self._store._report(
            "ips_fs_tag_copy", sized(_abi.ips_copy_report), *arguments, *out, callbacks=callbacks
        )

    def tag(self, tag: str) -> Cid:
        return written("ips_fs_tag_get", self._handle, text(tag, "a tag"))

    def tags(self) -> dict[str, Cid]:
        """The versions of all tags, by name."""
        return self._named("fs/tag/")

    def set_tag(self, tag: str, version: Cid, move: bool = False) -> None:
        """Tags a version. Exists when the tag is there, unless `move`."""
        call("ips_fs_tag_set", self._handle, text(tag, "a tag"), required(version), bool(move))

    def delete_tag(self, tag: str) -> None:
        call("ips_fs_tag_delete", self._handle, text(tag, "a tag"))

    def _named(self, prefix: str) -> dict[str, Cid]:
        found = {}
        for name, cid in self._store.roots(prefix):
            if not name.startswith(prefix):
                break
            found[name[len(prefix) :]] = cid
        return found

    # --------------------------------------------------------------------------------------------- History

    def version(self, cid: Cid) -> Version:
        """What a version says."""
        raw = sized(_abi.ips_fs_version)
        call("ips_fs_version_get", self._handle, required(cid), ctypes.byref(raw))
        return version_of(cid, raw)

    def previous(self, version: Cid) -> list[Cid]:
        """All versions that a version was made from, in order: those of a merge are several."""
        handle = made("ips_fs_version_previous", self._handle, required(version))
        return list(streams.cids(handle, self._store))

    def history(
        self, version: Cid, path: Path | None = None, progress: Progress | None = None
    ) -> Iterator[Version]:
        """The versions that lead to one, and it, newest first; with a path, those in which that path became
        what it is there: `progress` hears of the versions that were looked at. An iterator that was stopped
        goes on when it is asked again."""
        raw = None if path is None else ctypes.byref(tree_path(path))
        handle = made("ips_fs_history", self._handle, required(version), raw)
        return entries.versions(handle, self._store, progress)

    def prune(
        self,
        branch: str,
        last: int = 1,
        since: int | None = None,
        progress: Progress | None = None,
    ) -> int:
        """Drops versions of a branch, and says how many. What any rule names stays: so many of the newest,
        those made at a time in seconds or later. What another branch or a tag keeps stays in the store as
        long as that; what a tag keeps is not counted. What went before it was stopped is gone, and the next
        call drops the others."""
        rules = (last, (1 << 63) - 1 if since is None else since)
        return self._counted("ips_fs_prune", branch, *rules, progress=progress)

    def drop_tombstones(self, branch: str, before: int, progress: Progress | None = None) -> int:
        """Drops tombstones of a branch that are older than a time in seconds, and says how many."""
        return self._counted("ips_fs_drop_tombstones", branch, before, progress=progress)

    def _counted(self, function: str, branch: str, *rules: int, progress: Progress | None) -> int:
        callbacks = Callbacks(progress)
        arguments = (text(branch, "a branch"), *rules, callbacks.progress, None)
        return number(function, self._handle, *arguments, callbacks=callbacks)

    # ------------------------------------------------------------------------------ Comparing and merging

    def diff(
        self,
        old: Cid,
        new: Cid,
        renames: bool = False,
        tombstones: bool = False,
        progress: Progress | None = None,
    ) -> Iterator[Difference]:
        """What differs between two trees, in the order of paths, at the cost of what differs. With `renames`,
        what was renamed is one difference, not two, and `progress` hears of the search for it."""
        flags = (_abi.IPS_FS_RENAMES if renames else 0) | (_abi.IPS_FS_ALL if tombstones else 0)
        callbacks = Callbacks(progress)
        arguments = (required(old), required(new), flags, callbacks.progress, None)
        handle = made("ips_fs_diff", self._handle, *arguments, callbacks=callbacks)
        return entries.differences(handle, self._store)

    def merge(
        self,
        branch: str,
        theirs: Cid,
        policy: Policy = Policy.REPORT,
        message: str = "",
        author: str = "",
        suffix: str | None = None,
        always_version: bool = False,
        decide: Decide | None = None,
        progress: Progress | None = None,
    ) -> Merge:
        """Merges a version into a branch: three-way, by entry and by field. MergeConflict when there are
        conflicts that nobody decided; another Conflict when the branch was moved meanwhile.

        `decide`, in place of the policy, is asked about each conflict. With `always_version`, a version is
        made even where the branch could just move.
        """
        options = _merge_options(policy, suffix, decide)
        options.flags = _abi.IPS_FS_ALWAYS_VERSION if always_version else 0
        options.message, options.author = text(message, "a message"), text(author, "an author")
        outcome, version, found = ctypes.c_int32(), _abi.ips_cid(), ctypes.c_void_p()
        callbacks = TreeCallbacks(decide=decide, progress=progress)
        conflicts: list[TreeConflict] = []
        try:
            call(
                "ips_fs_merge", self._handle, text(branch, "a branch"), required(theirs),
                ctypes.byref(options), callbacks.progress, callbacks.decide, None, ctypes.byref(outcome),
                ctypes.byref(version), ctypes.byref(found), callbacks=callbacks,
            )
        except Conflict as error:
            conflicts = _all(found)
            if not conflicts:
                raise
            undecided = MergeConflict(error.code, error.os_errno, error.message)
            undecided.conflicts = conflicts
            raise undecided from None
        conflicts = _all(found)
        return Merge(entries.known(Outcome, outcome.value), Cid.of_raw(version), conflicts)

    def open_merge(
        self,
        ours: Cid,
        theirs: Cid,
        policy: Policy = Policy.REPORT,
        suffix: str | None = None,
        decide: Decide | None = None,
        progress: Progress | None = None,
    ) -> tuple[Tree, list[TreeConflict]]:
        """Merges two versions into a tree that is open, for conflicts that are decided by hand: where nobody
        has decided, it has what `ours` has. Change it (`Tree.restore` takes what another version has), then
        commit it to a branch that is at `ours`: the version has both in its history."""
        options = _merge_options(policy, suffix, decide)
        handle, found = ctypes.c_void_p(), ctypes.c_void_p()
        callbacks = TreeCallbacks(decide=decide, progress=progress)
        call(
            "ips_fs_merge_open", self._handle, required(ours), required(theirs), ctypes.byref(options),
            callbacks.progress, callbacks.decide, None, ctypes.byref(handle), ctypes.byref(found),
            callbacks=callbacks,
        )
        tree = Tree(handle.value or 0, self._store)
        return tree, _all(found)

    def overlay(self, layer: Cid, base: Cid, progress: Progress | None = None) -> Tree:
        """Opens one tree over another, as the layers of images are: names and tombstones of the layer stand,
        other names are the base's. A commit of it is one to a new branch."""
        callbacks = Callbacks(progress)
        arguments = (required(layer), required(base), callbacks.progress, None)
        return Tree(made("ips_fs_overlay", self._handle, *arguments, callbacks=callbacks), self._store)

    # ------------------------------------------------------------------------- Directories of the host

    def import_directory(
        self,
        directory: Path,
        branch: str | None = None,
        message: str = "",
        author: str = "",
        full: bool = False,
        one_file_system: bool = False,
        stat_attribute: bool = False,
        progress: OnTransfer | None = None,
        on_trouble: OnTrouble | None = None,
        path: Path = "/",
    ) -> ImportReport:
        """Stores a directory of the host with all that is in it, as the newest version of a branch; without
        one, the tree is held for the handle's owner. Files that the branch knows are not read again, unless
        `full`. What could not be read is counted, and the rest goes on. LostRace when the branch was moved
        meanwhile.

        `stat_attribute`: owner, mode and kind are those of user.containers.override_stat, where that is.
        `path`: what of the branch becomes what the directory is: a directory, or a name in one, of a branch
        that is there; all else of it stays, and every file is read.
        """
        options = sized(_abi.ips_fs_import_options)
        for flag, is_set in (
            (_abi.IPS_FS_FULL, full),
            (_abi.IPS_FS_ONE_FILE_SYSTEM, one_file_system),
            (_abi.IPS_FS_STAT_ATTRIBUTE, stat_attribute),
        ):
            options.flags |= flag if is_set else 0
        options.message, options.author = text(message, "a message"), text(author, "an author")
        # Kept alive here: a field has the address of its bytes only.
        place = tree_path(path)
        options.path = place
        report = sized(_abi.ips_fs_import_report)
        callbacks = TreeCallbacks(progress, on_trouble)
        try:
            call(
                "ips_fs_import", self._handle, host_path(directory), optional_text(branch, "a branch"),
                ctypes.byref(options), callbacks.transfer, callbacks.trouble, None, ctypes.byref(report),
                callbacks=callbacks,
            )
        except Conflict as error:
            raise LostRace.of_version(error, report.version) from None
        return import_report(report)

    def export(
        self,
        tree: Cid,
        directory: Path,
        path: Path = "/",
        existing: Existing = Existing.REFUSE,
        stat_attribute: bool = False,
        keep_going: bool = False,
        progress: OnTransfer | None = None,
        on_trouble: OnTrouble | None = None,
    ) -> ExportReport:
        """Writes what a version, tree or directory has at a path to a directory of the host. One that is not
        there appears when it is whole and durable. What the host refuses is counted, and the rest goes on.

        `stat_attribute`: owner, mode and kind that are refused are put into user.containers.override_stat.
        `keep_going`: what the store has lost something of is left out and counted; else that ends the export.
        """
        options = sized(_abi.ips_fs_export_options)
        options.flags = _abi.IPS_FS_STAT_ATTRIBUTE if stat_attribute else 0
        options.flags |= _abi.IPS_FS_KEEP_GOING if keep_going else 0
        options.existing = whole_number(existing, 0, (1 << 31) - 1, "what is done with what is there")
        report = sized(_abi.ips_fs_export_report)
        callbacks = TreeCallbacks(progress, on_trouble)
        call(
            "ips_fs_export", self._handle, required(tree), tree_path(path), host_path(directory),
            ctypes.byref(options), callbacks.transfer, callbacks.trouble, None, ctypes.byref(report),
            callbacks=callbacks,
        )
        return export_report(report)


def _other(files: FileSystem) -> int:
    if not isinstance(files, FileSystem):
        raise TypeError(f"a FileSystem is wanted, not {kind_of(files)}")
    return files._handle


def _merge_options(policy: Policy, suffix: str | None, decide: Decide | None) -> Any:
    options = sized(_abi.ips_fs_merge_options)
    number = whole_number(policy, 0, (1 << 31) - 1, "a policy")
    options.policy = number if decide is None else _abi.IPS_FS_ASK
    options.suffix = optional_text(suffix, "a suffix")
    return options


def _all(iterator: ctypes.c_void_p) -> list[TreeConflict]:
    return list(entries.conflicts(iterator.value)) if iterator.value else []
