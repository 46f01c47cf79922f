"""What is made from something keeps it, for as long as it is open."""

from __future__ import annotations

import gc
import io
import weakref
from typing import Any, Callable

from ipldstore import Error, Store

from .place import PlaceTest


class LifetimeTest(PlaceTest):
    def setUp(self) -> None:
        super().setUp()
        self.data = self.noise(300_000, 5)
        self.cid = self.store.put(self.data)
        self.node = self.store.put_node(b"\xa1aa\x01")
        self.store.set_root("root", self.cid)
        with self.store.fs.open_branch("main") as tree:
            tree.mkdir("etc")
            for number in range(300):
                tree.write(f"etc/{number:03}", b"content")
            self.version = tree.commit("main")

    def keeps(self, make: Callable[[Any], Any], parent: Callable[[], Any], use: Callable[[Any], Any]) -> Any:
        """What `make` makes of a parent that nobody else has is usable, and lets go of it when closed."""
        whole = parent()
        seen = weakref.ref(whole)
        child = make(whole)
        del whole
        gc.collect()
        self.assertIsNotNone(seen())
        found = use(child)
        child.close()
        gc.collect()
        self.assertIsNone(seen())
        return found

    def test_iterators_and_files_keep_their_tree(self) -> None:
        def tree() -> Any:
            return self.store.fs.open_branch("main")

        names = [f"{number:03}" for number in range(300)]
        found = self.keeps(lambda tree: tree.entries("/etc"), tree, list)
        self.assertEqual([name for name, _ in found], names)
        found = self.keeps(lambda tree: tree.walk(), tree, list)
        self.assertEqual([name for name, _ in found], ["etc"] + ["etc/" + name for name in names])
        read = self.keeps(lambda tree: tree.open("etc/007"), tree, lambda file: file.readall())
        self.assertEqual(read, b"content")
        written = self.keeps(
            lambda tree: tree.open("etc/new", "w"), tree, lambda f: (f.write(b"12"), f.write(b"3"), f.size)
        )
        self.assertEqual(written, (2, 1, 3))
        # In one expression, as one writes it first.
        self.assertEqual(len(list(self.store.fs.open_branch("main").entries("/etc"))), 300)
        file: Any = self.store.fs.open_branch("main").open("etc/008")
        with io.TextIOWrapper(file) as text:
            self.assertEqual(text.read(), "content")

    def test_an_iterator_in_the_middle_keeps_its_tree(self) -> None:
        entries = iter(self.store.fs.open_branch("main").entries("/etc"))
        first = next(entries)[0]
        gc.collect()
        self.assertEqual([first] + [name for name, _ in entries][-1:], ["000", "299"])

    def test_what_is_closed_ends_what_was_made_from_it(self) -> None:
        tree = self.store.fs.open_branch("main")
        entries, file = tree.entries("/etc"), tree.open("etc/007")
        tree.close()
        self.refused(Error, lambda: list(entries), file.readall)
        file.close()

    def test_writers_keep_their_batch(self) -> None:
        written = self.keeps(
            lambda batch: batch.writer(self.cid),
            self.store.batch,
            lambda writer: (writer.append(b"end"), writer.size, writer.commit()),
        )
        self.assertEqual(written[1], 300_003)
        with self.store.batch() as batch:
            batch.set_root("changed", self.store.put(self.data + b"end"))
        self.assertEqual(written[2], self.store.root("changed"))

    def test_all_that_a_store_makes_keeps_it(self) -> None:
        def store() -> Store:
            return Store(self.path)

        makers: list[tuple[Callable[[Store], Any], Callable[[Any], Any]]] = [
            (lambda store: store.reader(self.cid), lambda reader: reader.readall() == self.data),
            (lambda store: store.writer(self.cid), lambda writer: writer.commit() == self.cid),
            (lambda store: store.batch(), lambda batch: batch.put(self.data) == self.cid),
            (lambda store: store.view(self.node), lambda view: bytes(view) == b"\xa1aa\x01"),
            (lambda store: store.elements(self.node), lambda found: [e.key for e in found] == ["a"]),
            (lambda store: store.links(self.cid), lambda links: len(list(links)) > 1),
            (lambda store: store.roots(), lambda roots: "root" in [root.name for root in roots]),
            (lambda store: store.holds(), lambda holds: self.cid in [hold.cid for hold in holds]),
            (lambda store: store.forks(), lambda forks: list(forks) == []),
            (lambda store: store.diff(self.cid, self.cid), lambda changes: list(changes) == []),
            (lambda store: store.fs.history(self.version), lambda history: len(list(history)) == 1),
            (lambda store: store.fs.open_branch("main"), lambda tree: tree.stat("etc").entries == 300),
            (lambda store: store.fs.open(self.version), lambda tree: tree.exists("etc/299")),
            (lambda store: store.fs.overlay(self.version, self.version), lambda tree: tree.exists("etc")),
            (lambda store: store.fs.diff(self.version, self.version), lambda found: list(found) == []),
            (lambda store: store.fs.open_merge(self.version, self.version)[0], lambda t: t.exists("etc")),
            (lambda store: Store.in_memory(store), lambda memory: memory.get(self.cid) == self.data),
        ]
        for number, (make, use) in enumerate(makers):
            with self.subTest(maker=number):
                self.assertTrue(self.keeps(make, store, use))
