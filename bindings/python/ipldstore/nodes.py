"""Maps and lists of any size: changed in place, and gone through element by element."""

from __future__ import annotations

import ctypes
from typing import Any, Iterator, NamedTuple, Sequence, Union

from . import _abi
from ._library import Data, call, given, kind_of, text, whole_number
from .cid import Cid, written
from .errors import Error
from .streams import Handle


class Set(NamedTuple):
    """Gives a map's key a value, strict DAG-CBOR, whether it had one or not."""

    key: str
    value: Data


class Remove(NamedTuple):
    """Takes a key from a map that has it."""

    key: str


class Replace(NamedTuple):
    """Puts values, strict DAG-CBOR one after another, in the place of `length` elements from `position`."""

    position: int
    length: int
    values: Data


NodeChange = Union[Set, Remove, Replace]


class Element(NamedTuple):
    """`key` is empty in a list; `value` is DAG-CBOR."""

    key: str
    value: bytes


def edited(function: str, handle: Any, cid: Any, path: bytes, changes: Sequence[NodeChange]) -> Cid:
    raw = (_abi.ips_node_change * len(changes))()
    held = []
    for place, change in zip(raw, changes):
        key, values = b"", b""  # type: bytes, Data
        if isinstance(change, Set):
            place.kind, key, values = _abi.IPS_NODE_SET, text(change.key, "a key"), change.value
        elif isinstance(change, Remove):
            place.kind, key = _abi.IPS_NODE_REMOVE, text(change.key, "a key")
        elif isinstance(change, Replace):
            place.kind, values = _abi.IPS_NODE_REPLACE, change.values
            place.position = whole_number(change.position, 0, _abi.IPS_ALL, "a position")
            place.count = whole_number(change.length, 0, _abi.IPS_ALL, "a length")
        else:
            raise TypeError(f"a change is a Set, a Remove or a Replace, not {kind_of(change)}")
        # The struct takes the pointers only: what they point to is kept until the call has returned.
        held += [given(key), given(values)]
        place.key, place.values = held[-2:]
    return written(function, handle, cid, path, raw, len(changes))


class Elements(Handle):
    """The elements of a map or a list, in order. What is not deleted stays readable until it is closed."""

    _close = "ips_iter_close"

    def __init__(self, handle: int, of: object) -> None:
        super().__init__(handle, of)
        self._key = bytearray(256)
        self._value = bytearray(4096)

    def __iter__(self) -> Iterator[Element]:
        return self

    def __next__(self) -> Element:
        key_length, value_length = ctypes.c_size_t(), ctypes.c_size_t()
        while True:
            key, value = self._key, self._value
            try:
                is_there = call(
                    "ips_iter_next_element", self._handle, ctypes.byref(ctypes.c_char.from_buffer(key)),
                    len(key), ctypes.byref(key_length), ctypes.byref(ctypes.c_char.from_buffer(value)),
                    len(value), ctypes.byref(value_length),
                )
            except Error as error:
                if error.code != _abi.IPS_BUFFER_TOO_SMALL:
                    raise
                self._key = bytearray(max(len(key), key_length.value))
                self._value = bytearray(max(len(value), value_length.value))
                continue
            if not is_there:
                raise StopIteration
            return Element(key[: key_length.value].decode(), bytes(value[: value_length.value]))

    def _tell(self) -> tuple[int, int, bool]:
        position, count, is_map = ctypes.c_uint64(), ctypes.c_uint64(), ctypes.c_bool()
        outputs = (ctypes.byref(position), ctypes.byref(count), ctypes.byref(is_map))
        call("ips_iter_tell_element", self._handle, *outputs)
        return position.value, count.value, is_map.value

    @property
    def position(self) -> int:
        """Of the element that comes next, from 0."""
        return self._tell()[0]

    @property
    def is_map(self) -> bool:
        return self._tell()[2]

    def __len__(self) -> int:
        """How many elements there are, wherever it stands."""
        return self._tell()[1]

    def seek(self, position: int) -> None:
        """Goes to a position; the number of elements, the end, is one."""
        call("ips_iter_seek_element", self._handle, position)

    def seek_key(self, key: str) -> None:
        """Goes to a key of a map, or to the first one after where it would be: shorter keys come first."""
        call("ips_iter_seek_key", self._handle, given(text(key, "a key")))
