"""What is of the wrong type, out of range or closed is said so, and never cut or guessed."""

from __future__ import annotations

import array
import copy
import io
import operator
import os
import pathlib
import pickle
import threading
from typing import Any

import ipldstore
from ipldstore import Cid, Remove, Replace, Set, Store

from .place import PlaceTest


class Seven:
    """An int, as operator.index takes it."""

    def __index__(self) -> int:
        return 7


class ArgumentsTest(PlaceTest):
    def setUp(self) -> None:
        super().setUp()
        self.cid = self.store.put(b"0123456789")

    def test_bytes_are_bytes(self) -> None:
        store: Any = self.store
        with store.writer() as writer, store.batch() as batch:
            self.refused(
                TypeError,
                # bytes(5) would be five zeros, bytes([1, 2]) two bytes.
                *(lambda wrong=wrong: store.put(wrong) for wrong in (5, [1, 2], "text", None, 1.5, self.cid)),
                lambda: store.put_block(5),
                lambda: store.put_node([0xA0]),
                lambda: batch.put(3),
                lambda: writer.write_at(0, 5),
                lambda: writer.append("text"),
                lambda: Cid(5),  # type: ignore[arg-type]
                lambda: Cid.of_block(5),  # type: ignore[arg-type]
                lambda: store.edit_node(self.cid, "", [Set("a", 5)]),  # type: ignore[arg-type]
            )
        for same in (bytearray(b"0123456789"), memoryview(b"0123456789"), array.array("B", b"0123456789")):
            self.assertEqual(self.store.put(same), self.cid)  # type: ignore[arg-type]
        backwards = memoryview(b"9876543210")[::-1]
        self.assertEqual(self.store.put(backwards), self.cid)

    def test_integers_are_not_cut(self) -> None:
        store, huge = self.store, 1 << 64
        with store.writer(self.cid) as writer, store.reader(self.cid) as reader:
            self.refused(
                OverflowError,
                lambda: writer.write_at(huge, b"x"),
                lambda: writer.write_at(-1, b"x"),
                lambda: writer.truncate(huge + 3),
                lambda: writer.read_at(huge, 1),
                lambda: writer.read_at(0, -1),
                lambda: reader.read_at(huge, 1),
                lambda: reader.seek(1 << 63),
                lambda: reader.seek(0, 1 << 40),
                lambda: store.read_at(self.cid, huge, 1),
                lambda: store.read_at(self.cid, -1, 1),
                lambda: store.read_at(self.cid, 0, -1),
                lambda: store.read_at(self.cid, 0, huge),
                lambda: store.copy_to(self.cid, io.BytesIO(), huge),
                lambda: store.copy_to(self.cid, io.BytesIO(), 0, -1),
                lambda: store.gc(-1),
                lambda: store.gc(huge),
                lambda: store.delete_root("a", budget=-1),
                lambda: store.dereference(self.cid, budget=huge),
                lambda: store.put_block(b"x", huge),
                lambda: Cid.of_block(b"x", codec=-1),
                lambda: Cid.of_block(b"x", hash=huge),
                lambda: Store.create(self.path + "2", chunk_average=1 << 40),
                lambda: Store.create(self.path + "2", chunk_average=-1),
                lambda: Store.create(self.path + "2", hash=huge),
                lambda: Store.create_layer(self.path + "2", [self.path], chunk_average=1 << 32),
                lambda: Store.in_memory(compression_level=-1),
                lambda: store.edit_node(self.cid, "", [Replace(huge, 0, b"")]),
                lambda: store.edit_node(self.cid, "", [Replace(0, -1, b"")]),
            )
            self.assertEqual((writer.size, reader.tell()), (10, 0))
        self.assertFalse(os.path.exists(self.path + "2"))
        with store.elements(store.put_node(b"\x81\x01")) as elements:
            self.refused(OverflowError, lambda: elements.seek(-1), lambda: elements.seek(huge))

    def test_integers_are_integers(self) -> None:
        store: Any = self.store
        with store.writer(self.cid) as writer:
            self.refused(
                TypeError,
                lambda: writer.write_at("0", b"x"),
                lambda: writer.write_at(1.0, b"x"),
                lambda: writer.truncate(None),
                lambda: store.read_at(self.cid, 0, "1"),
                lambda: store.read_at(self.cid, 0, [1, 2]),
                lambda: store.gc("1"),
                lambda: store.gc(None),
                lambda: store.put_block(b"x", "raw"),
                lambda: Store.create(self.path + "2", chunk_average="big"),  # type: ignore[arg-type]
                lambda: Store.create(self.path + "2", chunk_average=None),  # type: ignore[arg-type]
                lambda: store.edit_node(self.cid, "", [Replace("0", 0, b"")]),  # type: ignore[arg-type]
            )
        self.assertEqual(store.read_at(self.cid, Seven(), Seven()), b"789")
        self.assertEqual(operator.index(Seven()), 7)

    def test_more_than_there_is_costs_what_there_is(self) -> None:
        with self.store.reader(self.cid) as reader, self.store.writer(self.cid) as writer:
            for read_at in (reader.read_at, writer.read_at):
                self.assertEqual(read_at(4, 1 << 62), b"456789")
        self.assertEqual(self.store.read_at(self.cid, 4, 1 << 62), b"456789")
        with self.assertRaises(ipldstore.Invalid):
            self.store.read_at(self.cid, 11, 1 << 62)

    def test_what_is_larger_than_memory_is_said_at_once(self) -> None:
        with self.store.writer() as writer:
            writer.truncate(1 << 61)
            huge = writer.commit()
        with self.store.fs.open_branch("main") as tree:
            with tree.open("huge", "w") as file:
                file.truncate(1 << 61)
            self.refused(
                MemoryError,
                lambda: self.store.get(huge),
                lambda: self.store.reader(huge).read(),
                lambda: tree.read("huge"),
            )
            with tree.open("huge") as file, self.store.reader(huge) as reader:
                for stream in (file, reader):
                    stream.seek(-3, io.SEEK_END)
                    self.assertEqual((stream.read(), stream.read()), (bytes(3), b""))

    def test_texts_are_texts(self) -> None:
        store: Any = self.store
        self.refused(
            TypeError,
            lambda: store.root(5),
            lambda: store.root(b"name"),
            lambda: store.root(None),
            lambda: store.set_root(None, self.cid),
            lambda: store.roots(5),
            lambda: store.retain(self.cid, 5),
            lambda: store.usage(["a", "b"]),
            lambda: store.get_value(self.cid, None),
            lambda: store.forget_fork(1),
            lambda: store.copy_from(store, self.cid, 5),
            lambda: Store(5),  # type: ignore[arg-type]
            lambda: Store(self.path, owner=5),  # type: ignore[arg-type]
            lambda: Store.create_layer(self.path + "2", self.path),
            lambda: store.edit_node(self.cid, "", [Remove(5)]),  # type: ignore[arg-type]
            lambda: self.cid.text(5),  # type: ignore[arg-type]
        )
        self.refused(
            ValueError,
            lambda: store.root("nul\0"),
            lambda: store.set_root("", self.cid),
            lambda: Store("nul\0"),
            lambda: Cid("no cid"),
            lambda: self.cid.text("zz"),
            lambda: self.cid.text("é"),
            lambda: self.cid.text(""),
        )
        with Store(os.fsencode(self.path)) as same, Store(pathlib.Path(self.path)) as again:
            self.assertEqual(same.information["identity"], again.information["identity"])

    def test_cids_and_stores_are_no_others(self) -> None:
        store: Any = self.store
        self.refused(
            TypeError,
            *(lambda wrong=wrong: store.get(wrong) for wrong in (str(self.cid), bytes(self.cid), None, 5)),
            lambda: store.reader("bafy"),
            lambda: store.writer("bafy"),
            lambda: store.diff(self.cid, None),
            lambda: store.set_root("a", "bafy"),
            lambda: store.swap_root("a", "bafy", self.cid),
            lambda: store.copy_from(self.path, self.cid),
            lambda: store.heal(self.path),
            lambda: Store.in_memory(self.path),  # type: ignore[arg-type]
            lambda: Store.repair(self.path, self.path),  # type: ignore[arg-type]
            lambda: store.edit_node(self.cid, "", ["a"]),
            lambda: self.cid < "bafy",
        )
        self.assertFalse(self.cid == "bafy")
        self.assertTrue(self.cid <= self.cid)

    def test_streams_and_functions_are_what_they_say(self) -> None:
        store: Any = self.store
        text = os.path.join(self.directory, "text")
        with open(text, "w") as file:
            file.write("text")

        class Wrong(io.RawIOBase):
            answer: Any = None

            def read(self, size: int = -1) -> Any:
                return self.answer

            def write(self, data: Any) -> Any:
                return self.answer

        numbers, nothing = Wrong(), Wrong()
        numbers.answer = 5
        with open(text) as characters:
            self.refused(
                TypeError,
                lambda: store.put_file(characters),
                lambda: store.put_file(5),
                lambda: store.put_file(b"data"),
                lambda: store.put_file(numbers),
                lambda: store.put_file(io.BytesIO(), 5),
                lambda: store.copy_to(self.cid, 5),
                lambda: store.copy_to(self.cid, characters.name.encode()),
                lambda: store.copy_to(None, text),
                lambda: store.verify("progress"),
                lambda: store.writer(None, 5),
            )
        with open(text) as characters:
            self.assertEqual(characters.read(), "text")
        self.refused(
            BlockingIOError, lambda: store.put_file(nothing), lambda: store.copy_to(self.cid, nothing)
        )
        # More than was given, or nothing for ever.
        for answer in (1 << 30, 0, -1):
            numbers.answer = answer
            self.refused(OverflowError, lambda: store.copy_to(self.cid, numbers))
        copy = os.path.join(self.directory, "copy")
        store.copy_to(self.cid, copy, 2, 3)
        with open(copy, "rb") as copied:
            self.assertEqual(copied.read(), b"234")

    def test_changes_of_nodes_are_kept_while_they_are_used(self) -> None:
        empty = self.store.put_node(b"\xa0")
        values = [bytearray(b"\x43" + bytes([number]) * 3) for number in range(20)]
        changes = [Set(f"k{number:02}", value) for number, value in enumerate(values)]
        map_ = self.store.edit_node(empty, "", changes)
        self.assertEqual([value for _, value in self.store.elements(map_)], [bytes(one) for one in values])

    def test_what_is_closed_says_so(self) -> None:
        store = self.store
        batch, writer, reader = store.batch(), store.writer(), store.reader(self.cid)
        view, roots, elements = store.view(self.cid), store.roots(), store.elements(store.put_node(b"\x80"))
        tree = store.fs.open_branch("main")
        file = tree.open("file", "w")
        for handle in (batch, writer, reader, view, roots, elements, file, tree, store):
            handle.close()
            handle.close()
        self.refused(
            ValueError,
            lambda: store.put(b"x"),
            lambda: store.has(self.cid),
            lambda: store.fs.branch("main"),
            lambda: store.stat,
            lambda: batch.put(b"x"),
            lambda: batch.commit(),
            lambda: writer.append(b"x"),
            lambda: writer.commit(),
            lambda: reader.read(),
            lambda: reader.read_at(0, 1),
            lambda: reader.seek(0),
            lambda: bytes(view),
            lambda: len(elements),
            lambda: file.write(b"x"),
            lambda: file.read(),
            lambda: file.seek(0),
            lambda: tree.stat("/"),
            lambda: tree.commit("main"),
        )
        self.assertEqual(list(roots), [])
        with self.assertRaisesRegex(ValueError, "the Store is closed"):
            store.put(b"x")

    def test_handles_are_not_copied_and_cids_are(self) -> None:
        store = self.store
        tree = store.fs.open_branch("main")
        with store.batch() as batch, store.reader(self.cid) as reader, tree, tree.open("file", "w") as file:
            for handle in (store, batch, reader, tree, file, store.roots()):
                with self.subTest(kind=type(handle)):
                    self.refused(
                        TypeError,
                        lambda: copy.copy(handle),
                        lambda: copy.deepcopy(handle),
                        lambda: pickle.dumps(handle),
                    )
        self.assertEqual(store.get(self.cid), b"0123456789")
        for same in (copy.copy(self.cid), copy.deepcopy(self.cid), pickle.loads(pickle.dumps(self.cid))):
            self.assertEqual(same, self.cid)

    def test_a_handle_closed_by_another_thread_is_refused(self) -> None:
        """Not used after it is gone: every call says what it is, or works."""
        data = self.noise(300_000, 1)
        cid = self.store.put(data)
        reader = self.store.reader(cid)
        stopped = threading.Event()
        wrong: list[object] = []

        def read() -> None:
            while not stopped.is_set():
                try:
                    if reader.read_at(1000, 5000) != data[1000:6000]:
                        wrong.append("data")
                except ValueError:
                    return

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        reader.close()
        for thread in threads:
            thread.join(60)
        stopped.set()
        self.assertEqual((wrong, [thread for thread in threads if thread.is_alive()]), ([], []))
