"""File systems: branches, tags, versions, differences and merges of trees."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Iterator, NamedTuple

from . import _abi, entries
from ._library import Path, call, made, number, sized, text
from .cid import Cid, optional, required, written
from .entries import Difference, Outcome, Policy, TreeConflict, Version, tree_path, version_of
from .errors import Conflict
from .trees import Tree

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
    """The versioned file systems of a store: `store.fs`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def _handle(self) -> int:
        return self._store._handle

    def open_branch(self, branch: str) -> Tree:
        """Opens the newest version of a branch; an empty tree when there is no such branch."""
        return Tree(made("ips_fs_open_branch", self._handle, text(branch, "a branch")))

    def open(self, cid: Cid | None = None) -> Tree:
        """Opens a version, tree or directory; None: an empty tree."""
        return Tree(made("ips_fs_open", self._handle, optional(cid)))

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

    def delete_branch(self, branch: str) -> None:
        """Removes a branch with the history that only it keeps."""
        call("ips_fs_branch_delete", self._handle, text(branch, "a branch"))

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

    def history(self, version: Cid, path: Path | None = None) -> Iterator[Version]:
        """The versions that lead to one, and it, newest first; with a path, those in which that path became
        what it is there."""
        raw = None if path is None else ctypes.byref(tree_path(path))
        return entries.versions(made("ips_fs_history", self._handle, required(version), raw))

    def prune(self, branch: str, last: int = 1, since: int | None = None, tagged: bool = False) -> int:
        """Drops versions of a branch, and says how many. What any rule names stays: so many of the newest,
        those made at a time in seconds or later, those that a tag names."""
        rules = (last, (1 << 63) - 1 if since is None else since, bool(tagged))
        return number("ips_fs_prune", self._handle, text(branch, "a branch"), *rules)

    def drop_tombstones(self, branch: str, before: int) -> int:
        """Drops tombstones of a branch that are older than a time in seconds, and says how many."""
        return number("ips_fs_drop_tombstones", self._handle, text(branch, "a branch"), before)

    # ------------------------------------------------------------------------------ Comparing and merging

    def diff(
        self, old: Cid, new: Cid, renames: bool = False, tombstones: bool = False
    ) -> Iterator[Difference]:
        """What differs between two trees, in the order of paths, at the cost of what differs. With `renames`,
        what was renamed is one difference, not two."""
        flags = (_abi.IPS_FS_RENAMES if renames else 0) | (_abi.IPS_FS_ALL if tombstones else 0)
        return entries.differences(made("ips_fs_diff", self._handle, required(old), required(new), flags))

    def merge(
        self,
        branch: str,
        theirs: Cid,
        policy: Policy = Policy.REPORT,
        message: str = "",
        author: str = "",
    ) -> Merge:
        """Merges a version into a branch: three-way, by entry and by field. MergeConflict when there are
        conflicts that the policy does not decide; another Conflict when the branch was moved meanwhile."""
        outcome, version, found = ctypes.c_int32(), _abi.ips_cid(), ctypes.c_void_p()
        texts = (text(message, "a message"), text(author, "an author"))
        try:
            call(
                "ips_fs_merge", self._handle, text(branch, "a branch"), required(theirs), policy, *texts,
                ctypes.byref(outcome), ctypes.byref(version), ctypes.byref(found),
            )
        except Conflict as error:
            conflicts = list(entries.conflicts(found.value)) if found.value else []
            if not conflicts:
                raise
            undecided = MergeConflict(error.code, error.os_errno, error.message)
            undecided.conflicts = conflicts
            raise undecided from None
        conflicts = list(entries.conflicts(found.value or 0))
        return Merge(entries.known(Outcome, outcome.value), Cid.of_raw(version), conflicts)
