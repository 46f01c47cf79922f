"""File systems: trees, files, branches, history, differences, merges."""

from __future__ import annotations

import io
import os
import pathlib
from typing import Any

import ipldstore
from ipldstore import Aspect, ConflictKind, DifferenceKind, Kind, Outcome, Policy, Store, Sync, Tree

from .place import PlaceTest


class FileSystemTest(PlaceTest):
    def setUp(self) -> None:
        super().setUp()
        self.fs = self.store.fs
        self.tree = self.fs.open_branch("main")

    def tearDown(self) -> None:
        self.tree.close()
        super().tearDown()

    def names(self, tree: Tree) -> list[str]:
        return [name for name, _ in tree.walk()]

    def test_what_is_made_comes_back(self) -> None:
        tree = self.tree
        tree.mkdir("dir/deep", parents=True)
        tree.write("dir/file", b"content", 0o640)
        tree.symlink("dir/file", "link")
        tree.link("dir/file", "again")
        tree.mknod("fifo", Kind.FIFO, 0o600)
        tree.mknod("null", Kind.CHARACTER_DEVICE, 0o666, 1, 3)
        elsewhere = self.store.put(b"elsewhere")
        tree.cid_link(elsewhere, "kept")
        tree.write(b"not \xff UTF-8", b"x")
        tree.write(pathlib.Path("dir") / "é", b"y")
        version = tree.commit("main", "all kinds", "me")
        with self.fs.open(version) as same:
            found = dict(same.entries())
            self.assertEqual(found["null"].kind, Kind.CHARACTER_DEVICE)
            self.assertEqual(found["null"].device, (1, 3))
            self.assertEqual((found["kept"].kind, found["kept"].cid), (Kind.CID_LINK, elsewhere))
            self.assertIn(os.fsdecode(b"not \xff UTF-8"), found)
            self.assertEqual((found["dir"].kind, found["dir"].entries), (Kind.DIRECTORY, 3))
            self.assertEqual(same.stat("link").mode, 0o640)
            self.assertEqual(same.stat("link", follow_symlinks=False).kind, Kind.SYMLINK)
            self.assertEqual(same.readlink("link"), "dir/file")
            self.assertEqual(same.stat("again").hard_link, same.stat("dir/file").hard_link)
            self.assertEqual(same.read("dir/é"), b"y")
            self.assertTrue(same.exists("dir/../again"))
            self.assertFalse(same.exists("nothing"))
            self.assertEqual([name for name, _ in same.entries("/", "k")][:2], ["kept", "link"])
        self.assertEqual(self.fs.version(version).message, "all kinds")
        self.assertEqual(self.fs.branches(), {"main": version})

    def test_metadata_is_data(self) -> None:
        tree = self.tree
        tree.mkdir("dir")
        tree.write("dir/file", b"1")
        tree.symlink("dir/file", "link")
        tree.chmod("link", 0o4755)
        tree.chown("link", uid=7, follow_symlinks=False)
        tree.chown("dir/file", gid=8)
        tree.utime("dir/file", -1)
        file = tree.stat("dir/file")
        self.assertEqual((file.mode, file.uid, file.gid, file.mtime_ns), (0o4755, 0, 8, -1))
        self.assertEqual(tree.stat("link", follow_symlinks=False).uid, 7)
        long = self.noise(5000, 1)
        tree.setxattr("link", "user.long", long)
        tree.setxattr("dir/file", b"user.\xff", b"")
        self.assertEqual(tree.getxattr("dir/file", "user.long"), long)
        self.assertEqual(sorted(tree.listxattr("dir/file")), ["user.long", os.fsdecode(b"user.\xff")])
        self.assertEqual(tree.attribute_value("dir/file", b"user.\xff"), b"\x40")
        tree.set_attribute_value("dir/file", "user.list", b"\x82\x01\x02")
        self.assertEqual(tree.attribute_value("dir/file", "user.list"), b"\x82\x01\x02")
        self.refused(ipldstore.Invalid, lambda: tree.set_attribute_value("dir/file", "user.list", b"no"))
        tree.removexattr("dir/file", "user.list")
        tree.removexattr("dir/file", "user.long")
        with self.assertRaises(ipldstore.NotFound):
            tree.getxattr("dir/file", "user.long")
        tree.set_sync("dir", Sync.RAFT)
        self.assertEqual(tree.stat("dir/file").sync, Sync.DEFAULT)
        tree.set_sync("dir", Sync.MERKLE_CRDT, recursively=True)
        self.assertEqual(tree.stat("dir/file").sync, Sync.MERKLE_CRDT)

    def test_files_are_streams(self) -> None:
        tree = self.tree
        with tree.open("numbers", "wb") as file, io.TextIOWrapper(io.BufferedWriter(file)) as lines:
            for number in range(100_000):
                print(number, file=lines)
        with tree.open("numbers") as file:
            read = io.TextIOWrapper(io.BufferedReader(file))
            self.assertEqual(sum(map(int, read)), sum(range(100_000)))
        with tree.open("numbers", "r+") as file:
            self.assertEqual(file.seek(-6, io.SEEK_END), file.size - 6)
            self.assertEqual(file.read(), b"99999\n")
            file.seek(file.size + 10)
            self.assertEqual(file.read(1), b"")
            file.write(b"end")
            file.write_at(0, b"9")
        self.assertTrue(tree.read("numbers").endswith(b"99999\n" + bytes(10) + b"end"))
        with tree.open("numbers", "a") as file:
            file.write(b"more")
        self.assertTrue(tree.read("numbers").startswith(b"9\n"))
        self.assertTrue(tree.read("numbers").endswith(b"endmore"))
        with tree.open("numbers", "r+") as file:
            self.assertEqual(file.truncate(4), 4)
        self.assertEqual(tree.read("numbers"), b"9\n1\n")

    def test_what_is_not_finished_is_forgotten(self) -> None:
        tree = self.tree
        tree.write("file", b"old")
        with self.assertRaises(ZeroDivisionError), tree.open("file", "w") as file:
            file.write(b"new")
            1 // 0
        self.assertEqual(tree.read("file"), b"old")
        forgotten = tree.open("file", "w")
        forgotten.write(b"new")
        with self.assertRaises(ipldstore.Busy):
            tree.commit("main")
        del forgotten
        self.assertEqual(tree.read("file"), b"old")
        aborted = tree.open("file", "w")
        aborted.abort()
        with tree.open("file") as file:
            with self.assertRaises(ipldstore.Invalid):
                file.write_at(0, b"x")
            self.assertFalse(file.writable())
        tree.commit("main")
        self.assertEqual(tree.read("file"), b"old")

    def test_moving_copying_and_removing(self) -> None:
        tree = self.tree
        tree.mkdir("a/b", parents=True)
        tree.write("a/b/file", b"x")
        tree.write("c", b"y")
        first = tree.commit("main")
        with self.assertRaises(ipldstore.Invalid):
            tree.rename("a", "a/b/a")
        tree.copy("a", "copy")
        tree.rename("a/b/file", "file")
        with self.assertRaises(ipldstore.Error) as raised:
            tree.remove("copy")
        self.assertEqual(raised.exception.os_errno, 39)
        tree.remove("c")
        tree.remove("copy", tree=True)
        self.assertEqual(self.names(tree), ["a", "a/b", "file"])
        hidden = [name for name, entry in tree.walk(tombstones=True) if entry.kind == Kind.TOMBSTONE]
        self.assertIn("c", hidden)
        second = tree.commit("main")
        renamed = [one for one in self.fs.diff(first, second, renames=True) if one.old_path]
        self.assertEqual([(one.old_path, one.path) for one in renamed], [("a/b/file", "file")])
        self.assertEqual(renamed[0].kind, DifferenceKind.RENAMED)
        self.assertGreater(
            len(list(self.fs.diff(first, second, tombstones=True))), len(list(self.fs.diff(first, second)))
        )
        tree.write("file", b"other")
        changed = {one.path: one for one in self.fs.diff(second, tree.commit("main"))}
        self.assertEqual(changed["file"].kind, DifferenceKind.MODIFIED)
        self.assertIn(Aspect.CONTENT, changed["file"].aspects)
        sizes = [side.size for side in (changed["file"].old, changed["file"].new) if side]
        self.assertEqual(sizes, [1, 5])

    def test_long_names_and_paths(self) -> None:
        long = "/".join(["n" * 1024] * 4)
        self.tree.mkdir(long, parents=True)
        self.tree.symlink(long, "link")
        self.assertEqual(self.tree.readlink("link"), long)
        self.assertEqual(self.names(self.tree)[-1], long)
        first = self.tree.commit("main")
        self.tree.rename(long, "short")
        paths = [one.path for one in self.fs.diff(first, self.tree.commit("main"))]
        self.assertIn(long, paths)

    def test_a_lost_race_keeps_the_version(self) -> None:
        self.tree.write("a", b"1")
        first = self.tree.commit("main")
        with self.fs.open_branch("main") as theirs:
            theirs.write("b", b"2")
            second = theirs.commit("main")
        self.tree.write("c", b"3")
        with self.assertRaises(ipldstore.LostRace) as lost:
            self.tree.commit("main", "beside")
        beside = lost.exception.version
        self.assertEqual(self.fs.version(beside).previous, first)
        merge = self.fs.merge("main", beside, message="both", author="me")
        self.assertEqual((merge.outcome, merge.conflicts), (Outcome.MERGED, []))
        merged = self.fs.version(merge.version)
        self.assertEqual((merged.previous, merged.previous_count, merged.author), (second, 2, "me"))
        with self.fs.open(merge.version) as tree:
            self.assertEqual(self.names(tree), ["a", "b", "c"])

    def test_conflicts_are_raised_or_decided(self) -> None:
        self.tree.write("same", b"0")
        self.tree.write("gone", b"0")
        first = self.tree.commit("main")
        self.fs.fork(first, "dev")
        self.tree.write("same", b"ours")
        self.tree.remove("gone")
        ours = self.tree.commit("main")
        with self.fs.open_branch("dev") as dev:
            dev.write("same", b"theirs")
            dev.write("gone", b"changed")
            theirs = dev.commit("dev")
        with self.assertRaises(ipldstore.MergeConflict) as raised:
            self.fs.merge("main", theirs)
        found = [(one.kind, one.resolution, one.path) for one in raised.exception.conflicts]
        self.assertEqual(
            found,
            [
                (ConflictKind.MODIFIED_DELETED, Policy.REPORT, "gone"),
                (ConflictKind.BOTH_MODIFIED, Policy.REPORT, "same"),
            ],
        )
        self.assertEqual(self.fs.branch("main"), ours)
        merge = self.fs.merge("main", theirs, Policy.BOTH)
        self.assertEqual([one.path for one in merge.conflicts], ["gone", "same"])
        with self.fs.open(merge.version) as tree:
            self.assertEqual((tree.read("same"), tree.read("same.theirs")), (b"ours", b"theirs"))
        self.assertEqual(self.fs.merge("main", first).outcome, Outcome.UP_TO_DATE)
        self.assertEqual(self.fs.merge("dev", merge.version).outcome, Outcome.FAST_FORWARD)

    def test_branches_tags_and_history(self) -> None:
        versions = []
        for number in range(1, 6):
            self.tree.write("ab"[number % 2], b"%d" % number)
            versions.append(self.tree.commit("main", f"version {number}"))
        first, newest = versions[0], versions[-1]
        self.fs.set_tag("v1", first)
        with self.assertRaises(ipldstore.Exists):
            self.fs.set_tag("v1", newest)
        self.fs.set_tag("v2", first)
        self.fs.set_tag("v2", newest, move=True)
        self.assertEqual(self.fs.tags(), {"v1": first, "v2": newest})
        self.assertEqual(self.fs.tag("v2"), newest)
        self.fs.delete_tag("v2")
        self.fs.fork(first, "dev")
        self.assertEqual(self.fs.branches(), {"dev": first, "main": newest})
        self.assertEqual([one.cid for one in self.fs.history(newest)], versions[::-1])
        self.assertEqual([one.message for one in self.fs.history(newest, "a")], ["version 4", "version 2"])
        self.fs.delete_branch("dev")
        with self.assertRaises(ipldstore.NotFound):
            self.fs.branch("dev")
        self.assertEqual(self.fs.prune("main", last=2), 2)
        self.assertEqual(self.fs.version(first).message, "version 1")
        self.tree.remove("a")
        self.tree.commit("main")
        self.assertEqual(self.fs.drop_tombstones("main", 1 << 40), 1)

    def test_branches_come_from_another_store(self) -> None:
        self.tree.write("a", b"0")
        first = self.tree.commit("main")
        self.tree.write("b", b"1")
        second = self.tree.commit("main")
        path = self.path + ".other"
        with Store.create(path) as store:
            to = store.fs
            stop: Any = {"progress": lambda done: False}
            with self.assertRaises(ipldstore.Cancelled):
                to.copy_branch(self.fs, second, "main", **stop)
            self.assertEqual(to.branches(), {})
            report = to.copy_branch(self.fs, second, "main")
            self.assertEqual((report["versions"], to.branches()), (2, {"main": second}))
            self.assertGreaterEqual(report["blocks"], 2)
            self.assertEqual(to.copy_branch(self.fs, second, "main")["versions"], 0)
            self.assertEqual(to.copy_branch(self.fs, second, "one", limit=1)["versions"], 1)
            with self.assertRaises(ipldstore.Conflict):
                to.copy_branch(self.fs, first, "main")
            to.copy_branch(self.fs, first, "main", force=True)
            self.assertEqual(to.branch("main"), first)
            to.copy_tag(self.fs, first, "tag")
            with self.assertRaises(ipldstore.Exists):
                to.copy_tag(self.fs, second, "tag")
            with self.assertRaises(ipldstore.Cancelled):
                to.copy_tag(self.fs, second, "tag", move=True, **stop)
            to.copy_tag(self.fs, second, "tag", move=True)
            self.assertEqual(to.tags(), {"tag": second})
        usage = self.fs.branch_usage("main")
        self.assertEqual((usage["logical_bytes"], usage["shared_bytes"]), (2, 0))
        self.assertGreater(usage["exclusive_blocks"], 0)
        with self.assertRaises(ipldstore.Cancelled):
            self.fs.branch_usage("main", **stop)
        with self.assertRaises(ipldstore.NotFound):
            self.fs.branch_usage("none")

    def test_wrong_arguments_are_refused(self) -> None:
        tree: Any = self.tree
        fs: Any = self.fs
        tree.write("file", b"x")
        version = tree.commit("main")
        self.refused(
            TypeError,
            lambda: tree.stat(5),
            lambda: tree.stat(None),
            lambda: tree.write("file", 5),
            lambda: tree.write("file", "text"),
            lambda: tree.mkdir("d", "0755"),
            lambda: tree.mknod("d", "fifo"),
            lambda: tree.cid_link("bafy", "link"),
            lambda: tree.utime("file", 1.5),
            lambda: tree.commit(None),
            lambda: fs.fork(str(version), "dev"),
            lambda: fs.open("main"),
            lambda: fs.merge("main", version, "ours"),
            lambda: fs.diff(version, None),
            lambda: fs.history(version, 5),
            lambda: fs.prune("main", last=None),
            lambda: fs.copy_branch("x", version, "main"),
            lambda: fs.copy_tag(self.store, version, "tag"),
        )
        self.refused(
            OverflowError,
            lambda: tree.mkdir("d", -1),
            lambda: tree.mkdir("d", 1 << 32),
            lambda: tree.chown("file", uid=-1),
            lambda: tree.chown("file", gid=1 << 32),
            lambda: tree.utime("file", 1 << 95),
            lambda: tree.mknod("d", Kind.BLOCK_DEVICE, 0o600, 1 << 32, 0),
            lambda: tree.open("file", "r+").truncate(-1),
            lambda: tree.open("file", "r+").write_at(1 << 64, b"x"),
            lambda: fs.prune("main", last=-1),
            lambda: fs.merge("main", version, 1 << 31),
        )
        self.refused(
            ValueError,
            lambda: tree.open("file", "x"),
            lambda: tree.open("file", None),
            lambda: tree.stat("nul\0"),
            lambda: tree.chmod("file", 0o10000),
            lambda: tree.open("file").seek(-1),
            lambda: tree.open("file").seek(0, 7),
            lambda: fs.open_branch(""),
            lambda: fs.open(self.store.put(b"no tree")),
        )
        self.assertEqual(tree.read("file"), b"x")

    def test_a_tree_outlives_its_store_and_files_their_tree(self) -> None:
        self.tree.write("file", b"x")
        self.tree.commit("main")
        other = Store(self.path)
        tree = other.fs.open_branch("main")
        other.close()
        self.assertEqual(tree.read("file"), b"x")
        reader = tree.open("file")
        writer = tree.open("file", "w")
        tree.close()
        reader.close()
        writer.abort()
        with self.fs.open_branch("main") as again:
            self.assertEqual(again.read("file"), b"x")
