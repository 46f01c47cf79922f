"""Who decides the conflicts of a merge; one tree over another; directories of the host in and out."""

from __future__ import annotations

import os
from typing import Any

import ipldstore
from ipldstore import (
    Aspect,
    Cid,
    ConflictKind,
    Existing,
    Outcome,
    Policy,
    Transfer,
    TreeConflict,
    TroubleKind,
)

from .place import PlaceTest


class MergeTest(PlaceTest):
    def setUp(self) -> None:
        super().setUp()
        self.fs = self.store.fs

    def contradicting(self) -> tuple[Cid, Cid]:
        """A branch "main" and a version beside it; both changed "a" and "b"."""
        with self.fs.open_branch("main") as tree:
            for name in "ab":
                tree.write(name, b"0")
            first = tree.commit("main")
            self.fs.fork(first, "dev")
            for name in "ab":
                tree.write(name, b"ours")
            ours = tree.commit("main")
        with self.fs.open_branch("dev") as tree:
            for name in "ab":
                tree.write(name, b"theirs")
            return ours, tree.commit("dev")

    def test_a_function_decides(self) -> None:
        ours, theirs = self.contradicting()
        asked: list[TreeConflict] = []

        def decide(conflict: TreeConflict) -> Policy:
            asked.append(conflict)
            return Policy.THEIRS if conflict.path == "a" else Policy.BOTH

        merge = self.fs.merge("main", theirs, suffix="dev", decide=decide)
        self.assertEqual((merge.outcome, len(asked)), (Outcome.MERGED, 2))
        self.assertEqual((asked[0].kind, asked[0].resolution), (ConflictKind.BOTH_MODIFIED, Policy.REPORT))
        self.assertIn(Aspect.CONTENT, asked[0].aspects)
        for found in (asked[0], merge.conflicts[0]):
            sides = [side.size for side in (found.base, found.ours, found.theirs) if side]
            self.assertEqual(sides, [1, 4, 6])
        self.assertEqual(merge.conflicts[1].other_path, "b.dev")
        with self.fs.open(merge.version) as tree:
            contents = [tree.read(name) for name in ("a", "b", "b.dev")]
            self.assertEqual(contents, [b"theirs", b"ours", b"theirs"])
        self.assertEqual(self.fs.previous(merge.version), [ours, theirs])

    def test_what_it_raises_is_raised(self) -> None:
        ours, theirs = self.contradicting()
        with self.assertRaises(ZeroDivisionError):
            self.fs.merge("main", theirs, decide=lambda conflict: Policy(1 // 0))
        with self.assertRaises(ipldstore.MergeConflict):
            self.fs.merge("main", theirs, decide=lambda conflict: None)
        wrong: Any
        for wrong in (Policy.NEWEST, 99, "ours"):
            with self.assertRaises(ValueError):
                self.fs.merge("main", theirs, decide=lambda conflict: wrong)
        self.refused(
            TypeError,
            lambda: self.fs.merge("main", theirs, decide=5),  # type: ignore[arg-type]
            lambda: self.fs.merge("main", theirs, suffix=5),  # type: ignore[arg-type]
        )
        self.refused(ValueError, lambda: self.fs.merge("main", theirs, Policy.BOTH, suffix="a/b"))
        self.assertEqual(self.fs.branch("main"), ours)

    def test_conflicts_are_decided_by_hand(self) -> None:
        ours, theirs = self.contradicting()
        tree, conflicts = self.fs.open_merge(ours, theirs)
        with tree:
            self.assertEqual([one.path for one in conflicts], ["a", "b"])
            tree.restore("a", theirs, "a")
            with self.assertRaises(ipldstore.NotFound):
                tree.restore("b", theirs, "nothing")
            version = tree.commit("main", "by hand")
            self.assertEqual((tree.read("a"), tree.read("b")), (b"theirs", b"ours"))
        self.assertEqual(self.fs.version(version).previous_count, 2)
        tree, conflicts = self.fs.open_merge(ours, theirs, decide=lambda conflict: Policy.THEIRS)
        tree.close()
        self.assertEqual({one.resolution for one in conflicts}, {Policy.THEIRS})
        with self.fs.overlay(theirs, ours) as over:
            self.assertEqual(over.read("a"), b"theirs")

    def test_directories_come_in_and_go_out(self) -> None:
        directory, copy = (os.path.join(self.directory, name) for name in ("in", "out"))
        os.makedirs(os.path.join(directory, "deep"))
        with open(os.path.join(directory, "deep", "file"), "wb") as file:
            file.write(bytes(100_000))
        os.symlink("deep/file", os.path.join(directory, "link"))
        heard: list[Transfer] = []
        report = self.fs.import_directory(directory, "main", "imported", progress=heard.append)
        self.assertEqual((report.files, report.bytes, report.unread), (1, 100_000, 0))
        self.assertFalse(report.is_unchanged)
        self.assertEqual(heard[-1].bytes, 100_000)
        again = self.fs.import_directory(directory, "main")
        self.assertEqual((again.is_unchanged, again.version), (True, report.version))
        self.assertIsNone(self.fs.import_directory(directory, full=True).version)
        below = self.fs.import_directory(directory, "main", path="below")
        self.assertEqual((below.tree, below.files_read), (report.tree, 1))
        with self.fs.open(below.version) as tree:
            self.assertEqual(tree.stat("below/deep/file").size, 100_000)
            self.assertEqual(tree.stat("deep/file").size, 100_000)
        with self.assertRaises(ipldstore.Invalid):
            self.fs.import_directory(directory, path="below")
        with self.assertRaises(ZeroDivisionError):
            self.fs.import_directory(directory, progress=lambda done: 1 // 0 > done.bytes)
        with self.assertRaises(ipldstore.Cancelled):
            self.fs.export(report.tree, copy, progress=lambda done: False)
        self.assertFalse(os.path.exists(copy))

        self.assertEqual(self.fs.export(report.tree, copy)[:4], (3, 1, 100_000, 0))
        self.assertEqual(os.path.getsize(os.path.join(copy, "link")), 100_000)
        with self.assertRaises(ipldstore.Exists):
            self.fs.export(report.tree, copy)
        self.fs.export(report.tree, copy, "deep", Existing.INTO)
        self.assertEqual(sorted(os.listdir(copy)), ["deep", "file", "link"])
        replaced = self.fs.export(report.tree, copy, existing=Existing.REPLACE, keep_going=True)
        self.assertEqual((replaced.unmade, replaced.damaged), (0, 0))
        self.assertEqual(sorted(os.listdir(copy)), ["deep", "link"])
        ipldstore.remove_directory(copy)
        with self.assertRaises(ipldstore.NotFound):
            ipldstore.remove_directory(copy)
        troubles: list[object] = []

        def hear(trouble: ipldstore.Trouble) -> bool:
            troubles.append((trouble.kind, type(trouble.error)))
            return False

        with self.assertRaises(ipldstore.Cancelled):
            ipldstore.remove_directory("/proc/self/ns", hear)
        self.assertEqual(troubles, [(TroubleKind.UNREMOVED, ipldstore.PermissionRefused)])
        fs: Any = self.fs
        self.refused(
            TypeError,
            lambda: fs.import_directory(5),
            lambda: fs.import_directory(directory, 5),
            lambda: fs.import_directory(directory, progress=5),
            lambda: fs.export("bafy", copy),
            lambda: fs.export(report.tree, None),
            lambda: fs.export(report.tree, copy, existing="into"),
            lambda: ipldstore.remove_directory(None),  # type: ignore[arg-type]
        )
