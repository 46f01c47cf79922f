"""A store of its own for each test."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import unittest
from typing import Any, Callable

from ipldstore import Store


class PlaceTest(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = tempfile.mkdtemp(prefix="ipldstore-python-")
        self.path = os.path.join(self.directory, "store")
        self.store = Store.create(self.path)

    def tearDown(self) -> None:
        self.store.close()
        shutil.rmtree(self.directory)

    @staticmethod
    def noise(length: int, seed: int) -> bytes:
        return random.Random(seed).randbytes(length)

    def refused(self, kind: type[Exception], *calls: Callable[[], Any]) -> None:
        for number, call in enumerate(calls):
            with self.subTest(call=number), self.assertRaises(kind):
                call()
