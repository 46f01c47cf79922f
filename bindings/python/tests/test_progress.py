"""Calls that take long: they tell how far they are, and what stops them leaves nothing half done."""

from __future__ import annotations

import os
from typing import Any, Callable

import ipldstore
from ipldstore import Cancelled, NotFound, Policy

from .place import PlaceTest

Progress = Callable[[int], bool]


class ProgressTest(PlaceTest):
    def setUp(self) -> None:
        super().setUp()
        self.fs = self.store.fs
        with self.fs.open_branch("main") as tree:
            for directory in "abcd":
                tree.mkdir(directory)
                for number in range(10):
                    tree.write(f"{directory}/{number}", b"x")
            self.base = tree.commit("main")
            self.fs.fork(self.base, "dev")
            tree.write("a/ours", b"ours")
            tree.remove("b/1")
            self.ours = tree.commit("main")
        with self.fs.open_branch("dev") as tree:
            tree.write("a/theirs", b"theirs")
            tree.rename("c/1", "d/moved")
            self.theirs = tree.commit("dev")

    def stops(self, call: Callable[[Progress], Any]) -> None:
        """Stopped when it is first heard of; what the function raises comes out."""
        with self.assertRaises(Cancelled):
            call(lambda done: False)

        def fail(done: int) -> bool:
            raise KeyError(done)

        with self.assertRaisesRegex(KeyError, "1"):
            call(fail)

    def heard(self, call: Callable[[Progress], Any]) -> Any:
        numbers: list[int] = []

        def hear(done: int) -> bool:
            numbers.append(done)
            return True

        result = call(hear)
        self.assertEqual(numbers, sorted(numbers))
        self.assertTrue(numbers)
        return result

    def test_a_merge(self) -> None:
        self.stops(lambda hear: self.fs.merge("main", self.theirs, progress=hear))
        self.stops(lambda hear: self.fs.open_merge(self.ours, self.theirs, progress=hear))
        self.assertEqual(self.fs.branch("main"), self.ours)
        merge = self.heard(lambda hear: self.fs.merge("main", self.theirs, Policy.BOTH, progress=hear))
        self.assertEqual(self.fs.branch("main"), merge.version)

    def test_a_commit(self) -> None:
        with self.fs.open_branch("main") as tree:
            tree.write("a/more", b"more")
            self.stops(lambda hear: tree.commit("main", progress=hear))
            self.assertEqual(self.fs.branch("main"), self.ours)
            version = self.heard(lambda hear: tree.commit("main", progress=hear))
        self.assertEqual(self.fs.open(version).read("a/more"), b"more")

    def test_trees(self) -> None:
        fs, base, theirs = self.fs, self.base, self.theirs
        self.stops(lambda hear: fs.overlay(theirs, base, progress=hear))
        self.assertTrue(self.heard(lambda hear: fs.overlay(theirs, base, progress=hear)).exists("a/theirs"))
        self.stops(lambda hear: fs.diff(base, theirs, renames=True, progress=hear))
        found = self.heard(lambda hear: list(fs.diff(base, theirs, renames=True, progress=hear)))
        self.assertIn("d/moved", [difference.path for difference in found])

    def test_changes_of_a_tree(self) -> None:
        with self.fs.open_branch("main") as tree:
            tree.link("a/1", "a/one")
            tree.set_sync("b", ipldstore.Sync.MERKLE_CRDT, recursively=True)
            tree.setxattr("a/1", "user.note", b"x")
            self.ours = tree.commit("main")
        new = self.store.put(b"new")
        changes: list[Callable[[ipldstore.Tree, Progress], Any]] = [
            lambda tree, hear: tree.remove("b", tree=True, progress=hear),
            lambda tree, hear: tree.rename("b", "moved", progress=hear),
            lambda tree, hear: tree.copy("a", "copy", progress=hear),
            lambda tree, hear: tree.restore("b", self.base, "b", progress=hear),
            lambda tree, hear: tree.set_sync("c", ipldstore.Sync.RAFT, recursively=True, progress=hear),
            lambda tree, hear: tree.chmod("a/1", 0o600, progress=hear),
            lambda tree, hear: tree.chown("a/1", 7, progress=hear),
            lambda tree, hear: tree.utime("a/1", 7, progress=hear),
            lambda tree, hear: tree.setxattr("a/1", "user.more", b"x", progress=hear),
            lambda tree, hear: tree.set_attribute_value("a/1", "user.more", b"\x01", progress=hear),
            lambda tree, hear: tree.removexattr("a/1", "user.note", progress=hear),
            lambda tree, hear: tree.put_file("a/1", new, progress=hear),
        ]
        before = list(self.fs.open(self.ours).walk())
        for change in changes:
            with self.fs.open_branch("main") as tree:
                self.stops(lambda hear: change(tree, hear))
                self.assertTrue(list(tree.walk()) == before)
                self.assertEqual(tree.listxattr("a/1"), ["user.note"])
            with self.fs.open_branch("main") as tree:
                self.heard(lambda hear: change(tree, hear))
                self.assertTrue(list(tree.walk()) != before or tree.listxattr("a/1") != ["user.note"])

    def test_a_file_that_is_stored_anew(self) -> None:
        place = os.path.join(self.directory, "fixed")
        data = bytearray(self.noise(9_000_000, 10))
        with ipldstore.Store.create(place, chunker=1, chunk_average=1 << 16) as fixed:
            foreign = fixed.put(bytes(data))
            self.store.copy_from(fixed, foreign)
        with self.fs.open_branch("main") as tree:
            tree.put_file("disk", foreign, 0o600)
            tree.commit("main")
            answers = [False, False]
            file = tree.open("disk", "r+", progress=lambda done: answers.pop() if answers else True)
            file.write_at(5, b"changed")
            for _ in range(2):
                with self.assertRaises(Cancelled):
                    file.commit()
                self.assertEqual(tree.stat("disk").cid, foreign)
            file.commit()
            self.assertTrue(file.closed)
            data[5:12] = b"changed"
            self.assertEqual(tree.stat("disk").cid, self.store.put(bytes(data)))
            self.assertEqual(tree.stat("disk").mode, 0o600)

    def test_an_append_that_is_stopped_has_appended_nothing(self) -> None:
        data = self.noise(40 << 20, 11)
        for place in (1, 6):
            calls = 0

            def hear(done: int) -> bool:
                nonlocal calls
                calls += 1
                return calls != place

            with self.fs.open_branch("main") as tree:
                tree.write("log", b"begun")
                file = tree.open("log", "a", progress=hear)
                with self.assertRaises(Cancelled):
                    file.write(data)
                self.assertEqual(file.size, 5)
                self.assertEqual(file.write(data), len(data))
                file.commit()
                self.assertEqual(tree.stat("log").cid, self.store.put(b"begun" + data))
            writer = self.store.writer(self.store.put(b"begun"), progress=hear)
            calls = 0
            with self.assertRaises(Cancelled):
                writer.append(data)
            self.assertEqual(writer.size, 5)
            writer.append(data)
            self.assertEqual(writer.commit(), self.store.put(b"begun" + data))

    def test_a_paths_history_goes_on(self) -> None:
        answers = iter([True, False, True, True, True])
        history = self.fs.history(self.ours, "a/1", progress=lambda done: next(answers))
        with self.assertRaises(Cancelled):
            next(history)
        self.assertEqual([version.cid for version in history], [self.base])

    def test_history_that_goes(self) -> None:
        before = 1 << 40
        self.stops(lambda hear: self.fs.drop_tombstones("main", before, progress=hear))
        self.assertEqual(self.fs.branch("main"), self.ours)
        self.assertEqual(self.heard(lambda hear: self.fs.drop_tombstones("main", before, progress=hear)), 1)
        self.stops(lambda hear: self.fs.prune("main", progress=hear))
        self.assertEqual(len(list(self.fs.history(self.fs.branch("main")))), 3)
        self.assertEqual(self.heard(lambda hear: self.fs.prune("main", progress=hear)), 2)
        with self.assertRaises(Cancelled):
            self.fs.delete_branch("dev", progress=lambda done: False)
        # Its name goes with its history; what was stopped is the reclaiming.
        self.refused(NotFound, lambda: self.fs.branch("dev"))

    def test_a_directory_of_the_host(self) -> None:
        directory = os.path.join(self.directory, "out")
        self.fs.export(self.base, directory)
        self.stops(lambda hear: ipldstore.remove_directory(directory, progress=hear))
        self.assertTrue(os.path.exists(directory))
        self.heard(lambda hear: ipldstore.remove_directory(directory, progress=hear))
        self.assertFalse(os.path.exists(directory))

    def test_differences_of_files_go_on(self) -> None:
        data = self.noise(2_000_000, 9)
        old, new = self.store.put(data), self.store.put(data[:-1] + b"!")
        answers = [False]
        changes = self.store.diff(old, new, progress=lambda done: answers.pop() if answers else True)
        with self.assertRaises(Cancelled):
            next(changes)
        self.assertEqual([change.new_offset for change in changes], [1_999_999])

    def test_verification_counts_and_names_what_is_missing(self) -> None:
        absent = ipldstore.Cid.of_block(b"elsewhere")
        link = bytes([0x81, 0xD8, 0x2A, 0x58, len(bytes(absent)) + 1, 0]) + bytes(absent)
        node = self.store.put_node(link)
        report, problems = self.store.verify()
        self.assertEqual(problems, [])
        self.assertEqual((report["missing_links"], report["missing_blocks"]), (1, 1))
        self.assertEqual(report["missing"], [absent])
        self.store.dereference(node)
        self.assertEqual(self.store.verify()[0]["missing"], [])
