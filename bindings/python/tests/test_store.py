"""The module against a real store:

    IPLDSTORE_LIB_DIR=build/lib python3 -m unittest discover -s bindings/python/tests -t bindings/python
"""

from __future__ import annotations

import ctypes
import io
import os
import threading
import unittest

import ipldstore
from ipldstore import _abi, Cid, Remove, Replace, Set, Store

from .place import PlaceTest


class StoreTest(PlaceTest):
    def test_structs_are_as_a_c_compiler_sees_them(self) -> None:
        for name, (size, offsets) in _abi.LAYOUTS.items():
            kind = getattr(_abi, name)
            self.assertEqual(ctypes.sizeof(kind), size, name)
            self.assertEqual([getattr(kind, field[0]).offset for field in kind._fields_], offsets, name)

    def test_the_library_has_all_functions(self) -> None:
        for name in _abi.FUNCTIONS:
            self.assertTrue(hasattr(ipldstore.library, name), name)
        self.assertRegex(ipldstore.library_version(), r"^\d+\.\d+\.\d+$")

    def test_bytes_come_back(self) -> None:
        for length in (0, 1, 5000, 2_000_000):
            data = self.noise(length, 1)
            cid = self.store.put(data)
            self.assertEqual(self.store.put(bytearray(data)), cid)
            self.assertEqual(self.store.put_file(io.BytesIO(data)), cid)
            self.assertEqual(self.store.get(cid), data)
            self.assertEqual(self.store.size(cid), length)
            copy = io.BytesIO()
            self.store.copy_to(cid, copy)
            self.assertEqual(copy.getvalue(), data)
        self.assertEqual(self.store.read_at(cid, 1_999_990, 100), data[-10:])
        part = io.BytesIO()
        self.store.copy_to(cid, part, 500, 1000)
        self.assertEqual(part.getvalue(), data[500:1500])
        with self.assertRaises(ipldstore.Invalid):
            self.store.read_at(cid, 2_000_001, 1)

    def test_files_come_back(self) -> None:
        name = os.path.join(self.directory, "file")
        data = self.noise(500_000, 2)
        with open(name, "wb") as file:
            file.write(data)
        heard: list[int] = []
        cid = self.store.put_file(name, heard.append)
        self.assertEqual(heard[-1], 500_000)
        with open(name, "wb", buffering=0) as raw:
            self.store.copy_to(cid, raw)
        with open(name, "rb") as file:
            self.assertEqual(file.read(), data)

    def test_cids_are_values(self) -> None:
        cid = Cid.of_block(b"hello", hash=ipldstore.SHA2_256)
        self.assertEqual(str(cid), "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq")
        self.assertEqual(Cid(str(cid)), cid)
        self.assertEqual(Cid(bytes(cid)), cid)
        self.assertEqual(Cid(cid.text("z")), cid)
        self.assertEqual(len({cid, Cid(str(cid)), Cid.of_block(b"hallo")}), 2)
        self.assertEqual((cid.codec, len(cid.digest)), (ipldstore.RAW, 32))
        for wrong in ("", "no cid", "nul\0"):
            with self.assertRaises(ipldstore.Invalid):
                Cid(wrong)

    def test_blocks_and_nodes(self) -> None:
        leaf = self.store.put_block(b"leaf")
        node = b"\xa1\x64list\x82\xd8\x2a\x58\x25\x00" + bytes(leaf) + b"\x64text"
        cid = self.store.put_node(node)
        self.assertEqual(self.store.get_node(cid), node)
        self.assertEqual(self.store.get_block(cid), node)
        self.assertEqual(self.store.get_value(cid, "list/1"), b"\x64text")
        self.assertEqual(list(self.store.links(cid)), [leaf])
        self.assertEqual(self.store.inspect(leaf)["references"], 2)
        with self.store.view(leaf) as view:
            self.assertEqual(bytes(view), b"leaf")
        with self.assertRaisesRegex(ipldstore.NotFound, "list"):
            self.store.get_value(cid, "list/2")
        with self.assertRaises(ipldstore.Invalid):
            self.store.put_node(b"\xff")

    def test_nodes_are_changed_and_gone_through(self) -> None:
        long = b"\x59\xff\xff" + self.noise(65535, 9)
        empty = self.store.put_node(b"\xa0")
        with self.store.batch() as batch:
            map_ = batch.edit_node(empty, "", [Set("bb", long), Set("a", b"\x01"), Set("c", b"\x02")])
            map_ = batch.edit_node(map_, "", [Remove("c")])
            batch.set_root("map", map_)
        with self.store.elements(map_) as elements:
            self.assertTrue(elements.is_map)
            self.assertEqual(len(elements), 2)
            self.assertEqual(list(elements), [("a", b"\x01"), ("bb", long)])
            elements.seek_key("b")
            self.assertEqual(next(elements).key, "bb")
            self.assertEqual(elements.position, 2)
            with self.assertRaises(ipldstore.Invalid):
                elements.seek(3)
        with self.assertRaises(ipldstore.NotFound):
            self.store.edit_node(map_, "", [Remove("x")])
        numbers = self.store.put_node(b"\x83\x01\x02\x03")
        changed = self.store.edit_node(numbers, "", [Replace(1, 1, b"\x07\x08")])
        self.assertEqual(self.store.get_node(changed), b"\x84\x01\x07\x08\x03")

    def test_roots_and_holds_keep(self) -> None:
        one, two = self.store.put(b"one"), self.store.put(b"two")
        self.store.set_root("a", one)
        self.store.swap_root("a", one, two)
        with self.assertRaises(ipldstore.Conflict):
            self.store.swap_root("a", one, two)
        self.store.swap_root("b", None, one)
        self.assertEqual([root.name for root in self.store.roots()], ["a", "b"])
        self.assertEqual([root.cid for root in self.store.roots("b")], [one])
        self.assertEqual(self.store.root("a"), two)
        self.store.retain(one, "me")
        self.assertEqual(list(self.store.holds("me")), [("me", one, 1)])
        self.store.dereference(one, "me")
        self.store.dereference(one)
        with self.assertRaises(ipldstore.NotFound):
            self.store.dereference(one)
        heard: list[int] = []
        self.assertEqual(self.store.usage("a", "b", progress=heard.append)["exclusive_blocks"], 1)
        self.assertEqual(heard, [1])
        self.assertEqual(self.store.delete_root("b", one)["blocks"], 1)
        self.assertFalse(self.store.has(one))
        self.store.delete_root("a")
        self.store.dereference(two, budget=ipldstore.NO_LIMIT)
        self.store.gc(ipldstore.NO_LIMIT)
        self.assertEqual(self.store.gc_dry_run()["exclusive_blocks"], 0)
        self.assertEqual(self.store.stat["blocks"], 0)

    def test_batches_are_one_step(self) -> None:
        with self.store.batch() as batch:
            cid = batch.put(self.noise(200_000, 3))
            with batch.writer(cid) as writer:
                writer.append(b"more")
                longer = writer.commit()
            batch.set_root("first", cid)
            batch.swap_root("second", None, longer)
            batch.hold(longer, "me")
            self.assertEqual(list(self.store.roots()), [])
        self.assertEqual(len(list(self.store.roots())), 2)
        with self.assertRaises(ZeroDivisionError):
            with self.store.batch() as batch:
                batch.set_root("first", None)
                raise ZeroDivisionError
        self.assertEqual(self.store.root("first"), cid)
        self.assertEqual(self.store.stat["leases"], 0)

    def test_readers_are_files(self) -> None:
        data = b"".join(b"%d\n" % number for number in range(100_000))
        cid = self.store.put(data)
        with self.store.reader(cid) as reader:
            self.assertEqual(reader.size, len(data))
            self.assertEqual(reader.seek(-6, io.SEEK_END), len(data) - 6)
            self.assertEqual(reader.read(), b"99999\n")
            self.assertEqual(reader.read_at(0, 3), b"0\n1")
            self.assertEqual(reader.tell(), len(data))
            reader.seek(0)
            lines = io.TextIOWrapper(io.BufferedReader(reader))
            self.assertEqual(sum(int(line) for line in lines), sum(range(100_000)))

    def test_writers_change_anything(self) -> None:
        data = bytearray(self.noise(400_000, 4))
        cid = self.store.put(bytes(data))
        with self.store.writer(cid) as writer:
            writer.write_at(1000, b"changed")
            writer.write_at(400_010, b"end")
            self.assertEqual(writer.size, 400_013)
            self.assertEqual(writer.read_at(1000, 7), b"changed")
            so_far = writer.flush()
            new = writer.commit()
        data[1000:1007] = b"changed"
        data += bytes(10) + b"end"
        self.assertEqual(so_far, new)
        self.assertEqual(self.store.put(bytes(data)), new)
        changes = list(self.store.diff(cid, new))
        self.assertEqual(len(changes), 2)
        self.assertEqual(changes[1], (400_000, 0, 400_000, 13))
        with self.store.writer(cid) as writer:
            writer.truncate(5)
        self.assertEqual(self.store.stat["leases"], 0)

    def test_what_callbacks_raise_is_raised(self) -> None:
        class Broken(io.RawIOBase):
            def read(self, size: int = -1) -> bytes:
                raise ConnectionResetError("gone")

            def write(self, data: object) -> int:
                raise BrokenPipeError("closed")

        cid = self.store.put(self.noise(5_000_000, 5))
        before = self.store.stat["holds"]
        with self.assertRaisesRegex(ConnectionResetError, "gone"):
            self.store.put_file(Broken())  # type: ignore[arg-type]
        with self.assertRaisesRegex(BrokenPipeError, "closed"):
            self.store.copy_to(cid, Broken())  # type: ignore[arg-type]
        with self.assertRaises(ZeroDivisionError):
            self.store.verify(lambda done: 1 // 0 > done)
        with self.assertRaises(ipldstore.Cancelled):
            self.store.put_file(io.BytesIO(self.noise(5_000_000, 6)), lambda done: done < 1)
        self.assertEqual(self.store.stat["holds"], before)

    def test_options_verify_and_repair(self) -> None:
        with self.assertRaises(ipldstore.Exists):
            Store.create(self.path)
        with self.assertRaisesRegex(TypeError, "chunk_size"):
            Store.create(self.path + "2", chunk_size=5)
        with Store.create(self.path + "2", chunk_average=16384, hash=ipldstore.SHA2_256) as other:
            self.assertEqual(other.configuration["chunk_average"], 16384)
            self.assertEqual(other.information["compression"], "zstd:1")
        with Store(self.path, read_only=True) as reading:
            with self.assertRaises(ipldstore.ReadOnly):
                reading.put(b"x")
        cid = self.store.put(b"kept")
        self.store.set_root("kept", cid)
        report, problems = self.store.verify()
        self.assertEqual((report["problems"], problems), (0, []))
        with self.assertRaises(ipldstore.Busy):
            Store.repair(self.path)
        self.store.close()
        with self.assertRaises(ipldstore.Invalid):
            self.store.put(b"after close")
        self.assertEqual(Store.repair(self.path)["roots"], 1)
        self.store = Store(self.path, owner="somebody")
        self.assertEqual(self.store.root("kept"), cid)

    def test_layers_read_through_their_bases(self) -> None:
        data = self.noise(300_000, 10)
        image = self.store.put(data)
        self.store.set_root("image", image)
        path = self.path + ".fork"
        with Store.create_layer(path, [self.path]) as fork:
            self.assertEqual(fork.find_root("image"), image)
            self.assertEqual([root.name for root in fork.base_roots()], ["image"])
            self.assertEqual(fork.information["bases"], 1)
            fork.set_root("disk", image)
            self.store.dereference(image)
            self.store.delete_root("image")
            self.assertEqual(fork.get(image), data)
            self.assertEqual([one.state for one in self.store.forks()], [_abi.IPS_FORK_PRESENT])
            with Store.in_memory(fork) as buffer:
                note = buffer.put(b"a note")
                self.assertFalse(fork.has(note))
                self.assertEqual(fork.copy_from(buffer, note, "note")["blocks"], 1)
        bases = list(Store.bases(path))
        self.assertEqual([base.identity for base in bases], [self.store.information["identity"]])
        with self.assertRaises(ipldstore.Exists):
            Store.add_base(path, self.path)
        Store.set_base(path, bases[0].identity, self.path)
        self.assertGreater(Store.flatten(path)["blocks"], 0)
        with Store(path) as alone, Store.create(self.path + ".files", kind=_abi.IPS_KIND_FLATFS) as files:
            self.assertEqual(alone.get(image), data)
            self.assertEqual(self.store.heal(alone)["missing"], 0)
            files.copy_from(alone, image, "image")
            alone.close()
            self.assertEqual(Store.repair(path, files)["missing"], 0)
        with Store(path) as alone:
            alone.seal()
            with self.assertRaises(ipldstore.ReadOnly):
                alone.put(b"x")

    def test_threads_share_a_store(self) -> None:
        data = self.noise(300_000, 7)
        cid = self.store.put(data)
        failures: list[object] = []

        def work(thread: int) -> None:
            for turn in range(20):
                at = (thread * 31_337 + turn * 977) % 299_000
                if self.store.read_at(cid, at, 1000) != data[at : at + 1000]:
                    failures.append(at)
            self.store.put(b"%d" % thread)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


if __name__ == "__main__":
    unittest.main()
