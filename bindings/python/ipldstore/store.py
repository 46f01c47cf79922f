"""Stores and batches."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any, BinaryIO, Sequence

from . import _abi, nodes, streams
from ._library import (
    Callbacks,
    Data,
    Progress,
    call,
    given,
    library,
    made,
    number,
    read_into,
    sized,
    text,
    whole,
)
from .cid import RAW, Cid, optional, written
from .nodes import Elements, NodeChange
from .streams import Base, Change, Fork, Handle, Hold, Items, Problem, Reader, Root, View, Writer

if TYPE_CHECKING:
    from types import TracebackType

# Enough for most blocks and nodes; larger ones are asked for twice.
_USUAL_LENGTH = 64 << 10

ALL = _abi.IPS_ALL
NO_LIMIT = _abi.IPS_NO_LIMIT
DEFAULT_BUDGET = _abi.IPS_DEFAULT_BUDGET


class Storing(Handle):
    """What stores and batches have in common: bytes, files, blocks and nodes go in."""

    _prefix: str

    def put(self, data: Data) -> Cid:
        """Stores bytes in memory."""
        return written(self._prefix + "put_buffer", self._handle, given(data))

    def put_file(self, file: BinaryIO | str | os.PathLike[str], progress: Progress | None = None) -> Cid:
        """Stores what a binary stream, or the file of that name, gives from where it stands to its end.

        `progress` hears of the bytes read, and stops the call by returning False.
        """
        if isinstance(file, (str, os.PathLike)):
            with open(file, "rb", buffering=0) as opened:
                return self.put_file(opened, progress)
        callbacks = Callbacks(progress, read=file.read)
        raw = _abi.ips_cid()
        call(
            self._prefix + "put_callback", self._handle, callbacks.read, callbacks.progress, None,
            ctypes.byref(raw), callbacks=callbacks,
        )
        return Cid.of_raw(raw)

    def put_block(self, block: Data, codec: int = RAW) -> Cid:
        """Stores one block of at most 1 MiB."""
        return written(self._prefix + "put_block", self._handle, given(block), codec)

    def put_node(self, dag_cbor: Data) -> Cid:
        """Stores an IPLD value of any size, given as strict DAG-CBOR."""
        return written(self._prefix + "put_node", self._handle, given(dag_cbor))

    def edit_node(self, cid: Cid, path: str, changes: Sequence[NodeChange]) -> Cid:
        """Changes the map or list at a path inside a value ("": the value itself); the changed one."""
        function = self._prefix + "edit_node"
        return nodes.edited(function, self._handle, optional(cid), text(path), changes)

    def _open_writer(self, function: str, cid: Cid | None, progress: Progress | None) -> Writer:
        callbacks = Callbacks(progress)
        return Writer(made(function, self._handle, optional(cid), callbacks.progress, None), callbacks)


class Batch(Storing):
    """Many things stored as one unit of work. A `with` commits it, and aborts it when it is left by an
    exception."""

    _close = "ips_batch_free"
    _prefix = "ips_batch_"

    def set_root(self, name: str, cid: Cid | None) -> None:
        """Has the commit point a root at a CID, whatever it is then; None removes it."""
        call("ips_batch_set_root", self._handle, text(name), optional(cid))

    def swap_root(self, name: str, expected: Cid | None, cid: Cid | None) -> None:
        """Has the commit change a root if it then is what is expected; None: not there."""
        call("ips_batch_swap_root", self._handle, text(name), optional(expected), optional(cid))

    def hold(self, cid: Cid, owner: str | None = None) -> None:
        """Has the commit retain a CID for an owner; None: that of the store handle."""
        call("ips_batch_hold", self._handle, optional(cid), text(owner))

    def writer(self, cid: Cid | None = None, progress: Progress | None = None) -> Writer:
        """Opens a file, or with None an empty one, for change within the batch."""
        return self._open_writer("ips_batch_open_writer", cid, progress)

    def commit(self) -> None:
        """Makes everything durable and the names visible."""
        try:
            call("ips_batch_commit", self._handle)
        finally:
            self.close()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._handle is not None:
            self.commit()
        self.close()


class Store(Storing):
    """An open store, for any number of threads. What is stored through it, and not through a batch, is held
    once by the handle's owner until `dereference`."""

    _close = "ips_store_close"
    _prefix = "ips_store_"

    def __init__(self, path: str | os.PathLike[str], read_only: bool = False, owner: str | None = None):
        options = sized(_abi.ips_open_options)
        options.flags = _abi.IPS_OPEN_READ_ONLY if read_only else 0
        options.owner = text(owner)
        super().__init__(made("ips_store_open", text(os.fspath(path)), ctypes.byref(options)))

    @staticmethod
    def create(path: str | os.PathLike[str], **options: int) -> Store:
        """Makes a store in a directory that does not exist, or is empty, and opens it.

        `options` are the fields of the C header's ips_create_options: chunk_average=16384, hash=SHA2_256 …
        """
        call("ips_store_create", text(os.fspath(path)), _chosen(options))
        return Store(path)

    @staticmethod
    def create_layer(
        path: str | os.PathLike[str], bases: Sequence[str | os.PathLike[str]], **options: int
    ) -> Store:
        """Makes a layer and opens it: it reads through the stores at `bases` and writes only to itself.

        Without `options`, it has those of the first base.
        """
        texts = (ctypes.c_char_p * len(bases))(*(text(os.fspath(base)) for base in bases))
        chosen = _chosen(options) if options else None
        call("ips_store_create_layer", text(os.fspath(path)), texts, len(bases), chosen)
        return Store(path)

    @staticmethod
    def in_memory(*bases: Store, **options: int) -> Store:
        """Makes a store in memory, which is gone with its handle: over other stores, a buffer."""
        chosen = _chosen(options) if options else None
        store = Store.__new__(Store)
        handle = made("ips_store_create_memory", _handles(bases), len(bases), chosen, None)
        Handle.__init__(store, handle)
        return store

    def batch(self) -> Batch:
        return Batch(made("ips_batch_begin", self._handle))

    @property
    def information(self) -> dict[str, Any]:
        """What the handle is: is_read_only, identity, layout, compression, warning."""
        return self._report("ips_store_get_information", sized(_abi.ips_store_information))

    @property
    def configuration(self) -> dict[str, Any]:
        """What the store was made with, as options for `create`."""
        return self._report("ips_store_get_configuration", sized(_abi.ips_create_options))

    # ------------------------------------------------------------------------------------------- Reading

    def has(self, cid: Cid) -> bool:
        """Whether a block is here. A damaged one is not."""
        is_here = ctypes.c_bool()
        call("ips_store_has", self._handle, optional(cid), ctypes.byref(is_here))
        return is_here.value

    def size(self, cid: Cid) -> int:
        """The size in bytes of what a CID names, from one block at most."""
        return number("ips_store_size", self._handle, optional(cid))

    def get(self, cid: Cid) -> bytes:
        """Reads all the data."""
        return whole(self.size(cid), "ips_store_get_buffer", self._handle, optional(cid))

    def read_at(self, cid: Cid, offset: int, length: int) -> bytes:
        """Reads data at an offset, as os.pread does: less than `length` only at the end."""
        buffer = bytearray(length)
        got = read_into(buffer, "ips_store_read_at", self._handle, optional(cid), offset)
        return bytes(buffer[:got])

    def copy_to(
        self, cid: Cid, file: BinaryIO, offset: int = 0, length: int = ALL, progress: Progress | None = None
    ) -> None:
        """Writes data to a binary stream, in order. What is beyond the end is left out."""
        callbacks = Callbacks(progress, write=file.write)
        call(
            "ips_store_get_callback", self._handle, optional(cid), offset, length, callbacks.write,
            callbacks.progress, None, callbacks=callbacks,
        )

    def get_block(self, cid: Cid) -> bytes:
        return whole(_USUAL_LENGTH, "ips_store_get_block", self._handle, optional(cid))

    def get_node(self, cid: Cid) -> bytes:
        """Reads an IPLD value as DAG-CBOR."""
        return whole(_USUAL_LENGTH, "ips_store_get_node", self._handle, optional(cid))

    def get_value(self, cid: Cid, path: str) -> bytes:
        """Reads the value at a path inside a value ("config/layers/0") as DAG-CBOR."""
        return whole(_USUAL_LENGTH, "ips_store_get_value", self._handle, optional(cid), text(path))

    def elements(self, cid: Cid, path: str = "") -> Elements:
        """The elements of the map or list at a path inside a value, in order."""
        return Elements(made("ips_store_elements", self._handle, optional(cid), text(path)))

    def inspect(self, cid: Cid) -> dict[str, Any]:
        """What the index says of a block: raw_length, stored_length, references."""
        return self._report("ips_store_inspect", sized(_abi.ips_block_information), optional(cid))

    def links(self, cid: Cid) -> Items[Cid]:
        """The distinct blocks that a block links to, in order of first appearance."""
        return streams.cids(made("ips_store_links", self._handle, optional(cid)))

    def view(self, cid: Cid) -> View:
        return View(made("ips_store_view", self._handle, optional(cid)))

    def reader(self, cid: Cid) -> Reader:
        """Opens a file for reading. What is not deleted yet stays readable until the reader is closed."""
        return Reader(made("ips_reader_open", self._handle, optional(cid)))

    def writer(self, cid: Cid | None = None, progress: Progress | None = None) -> Writer:
        """Opens a file, or with None an empty one, for change. The file stays as it is."""
        return self._open_writer("ips_writer_open", cid, progress)

    def diff(self, old: Cid, new: Cid) -> Items[Change]:
        """What differs between two files, at the cost of what differs."""
        return streams.changes(made("ips_store_diff", self._handle, optional(old), optional(new)))

    # --------------------------------------------------------------------------------- What keeps them

    def root(self, name: str) -> Cid:
        """The CID that a root points to."""
        return written("ips_root_get", self._handle, text(name))

    def set_root(self, name: str, cid: Cid) -> None:
        """Points a root, new or not, at a block that is here."""
        call("ips_root_set", self._handle, text(name), optional(cid))

    def swap_root(self, name: str, expected: Cid | None, cid: Cid) -> None:
        """Compare and set: Conflict when the root is not what is expected; None: not there."""
        call("ips_root_swap", self._handle, text(name), optional(expected), optional(cid))

    def delete_root(
        self, name: str, expected: Cid | None = None, budget: int = DEFAULT_BUDGET
    ) -> dict[str, Any]:
        """Removes a root, if it is what is expected, and reclaims what only it kept. `budget` is in ms."""
        report = sized(_abi.ips_gc_report)
        arguments = (text(name), optional(expected), budget)
        return self._report("ips_root_delete", report, *arguments)

    def roots(self, first: str | None = None) -> Items[Root]:
        """The roots in bytewise order of name, from one on."""
        return streams.roots(made("ips_root_list", self._handle, text(first)))

    def retain(self, cid: Cid, owner: str | None = None) -> None:
        """One more hold of an owner (None: that of the handle) on a block that is here."""
        call("ips_store_retain", self._handle, optional(cid), text(owner))

    def dereference(
        self, cid: Cid, owner: str | None = None, budget: int = DEFAULT_BUDGET
    ) -> dict[str, Any]:
        """One hold of an owner less; with the block's last reference, what only it kept is reclaimed."""
        report = sized(_abi.ips_gc_report)
        return self._report("ips_store_dereference", report, optional(cid), text(owner), budget)

    def holds(self, owner: str | None = None) -> Items[Hold]:
        """The holds of an owner, or of all of them, in order of owner and CID."""
        return streams.holds(made("ips_store_holds", self._handle, text(owner)))

    # ------------------------------------------------------------------------------------------ Layers

    def find_root(self, name: str) -> Cid:
        """As `root`, and where the store has no such root, the first base's that has one."""
        return written("ips_root_find", self._handle, text(name))

    def copy_from(
        self, other: Store, cid: Cid, root: str | None = None, progress: Progress | None = None
    ) -> dict[str, Any]:
        """Copies what a CID reaches from another store, as far as it is missing here. `root` names it;
        without, it is held by the handle's owner."""
        callbacks = Callbacks(progress)
        arguments = (other._handle, optional(cid), text(root), callbacks.progress, None)
        return self._report("ips_store_copy", sized(_abi.ips_copy_report), *arguments, callbacks=callbacks)

    def heal(self, *donors: Store, progress: Progress | None = None) -> dict[str, Any]:
        """Puts back blocks that are damaged, or linked to and not here, from stores that have them."""
        callbacks = Callbacks(progress)
        arguments = (_handles(donors), len(donors), callbacks.progress, None)
        return self._report("ips_store_heal", sized(_abi.ips_heal_report), *arguments, callbacks=callbacks)

    def seal(self) -> None:
        """Ends all change of the store, for ever, in every process."""
        call("ips_store_seal", self._handle)

    def forks(self) -> Items[Fork]:
        """The layers that the store is a base of."""
        return streams.forks(made("ips_store_forks", self._handle))

    def forget_fork(self, identity: str) -> None:
        """Releases all that is held for a fork, which loses what it has here once that is collected."""
        call("ips_store_forget_fork", self._handle, text(identity))

    @staticmethod
    def bases(path: str | os.PathLike[str]) -> Items[Base]:
        """The bases that are recorded in a store, which is not open, whether or not they are there."""
        return streams.bases(made("ips_store_bases", text(os.fspath(path))))

    @staticmethod
    def add_base(path: str | os.PathLike[str], base: str | os.PathLike[str]) -> None:
        """Has a store, which is not open, read through another one, too."""
        call("ips_store_add_base", text(os.fspath(path)), text(os.fspath(base)))

    @staticmethod
    def set_base(path: str | os.PathLike[str], was: str, is_now: str | os.PathLike[str]) -> None:
        """Records where a base is now; `was` is its recorded path, or its identity."""
        call("ips_store_set_base", text(os.fspath(path)), text(was), text(os.fspath(is_now)))

    @staticmethod
    def flatten(path: str | os.PathLike[str], progress: Progress | None = None) -> dict[str, Any]:
        """Copies what a layer, which is not open, needs of its bases into it, and has it stand alone."""
        callbacks = Callbacks(progress)
        report = sized(_abi.ips_copy_report)
        arguments = (callbacks.progress, None, ctypes.byref(report))
        call("ips_store_flatten", text(os.fspath(path)), *arguments, callbacks=callbacks)
        return _fields(report)

    # ------------------------------------------------------------------------------------------- Space

    def gc(self, budget: int = DEFAULT_BUDGET, progress: Progress | None = None) -> dict[str, Any]:
        """Takes dead blocks away and gives their space back. `budget` is in ms."""
        callbacks = Callbacks(progress)
        report = sized(_abi.ips_gc_report)
        arguments = (budget, callbacks.progress, None)
        return self._report("ips_store_gc", report, *arguments, callbacks=callbacks)

    def gc_dry_run(self) -> dict[str, Any]:
        """What `gc` would take if nothing protected it."""
        return self._report("ips_store_gc_dry_run", sized(_abi.ips_usage))

    def usage(self, *names: str) -> dict[str, Any]:
        """What deleting these roots, together, would free; at the cost of what it would free."""
        texts = (ctypes.c_char_p * len(names))(*map(text, names))
        return self._report("ips_store_usage", sized(_abi.ips_usage), texts, len(names))

    @property
    def stat(self) -> dict[str, Any]:
        """The counters, which are kept with every change: asking costs nothing."""
        return self._report("ips_store_stat", sized(_abi.ips_stat))

    def verify(self, progress: Progress | None = None) -> tuple[dict[str, Any], list[Problem]]:
        """Recomputes from content what the store says of itself: the report, whose `problems` is 0 when all
        is well, and the first thousand problems."""
        callbacks = Callbacks(progress)
        report = sized(_abi.ips_verify_report)
        found = ctypes.c_void_p()
        call(
            "ips_store_verify", self._handle, callbacks.progress, None, ctypes.byref(report),
            ctypes.byref(found), callbacks=callbacks,
        )
        return _fields(report), list(streams.problems(found.value or 0))

    @staticmethod
    def repair(
        path: str | os.PathLike[str], *donors: Store, progress: Progress | None = None
    ) -> dict[str, Any]:
        """Builds the index of a store, which is open nowhere, anew from packs and journal, and heals it from
        donors, if there are any."""
        callbacks = Callbacks(progress)
        report, healing = sized(_abi.ips_repair_report), sized(_abi.ips_heal_report)
        call(
            "ips_store_repair_from", text(os.fspath(path)), _handles(donors), len(donors),
            callbacks.progress, None, ctypes.byref(report), ctypes.byref(healing), callbacks=callbacks,
        )
        return _fields(report) | _fields(healing)

    def _report(
        self, function: str, report: ctypes.Structure, *arguments: Any, callbacks: Callbacks | None = None
    ) -> dict[str, Any]:
        call(function, self._handle, *arguments, ctypes.byref(report), callbacks=callbacks)
        return _fields(report)


def _chosen(options: dict[str, int]) -> Any:
    """The defaults with these fields changed, for a call."""
    chosen = _abi.ips_create_options()
    library.ips_create_options_init(ctypes.byref(chosen), ctypes.sizeof(chosen))
    known = [field[0] for field in _abi.ips_create_options._fields_[1:]]
    for name, value in options.items():
        if name not in known:
            raise TypeError(f"{name} is no option; there are {', '.join(known)}")
        setattr(chosen, name, value)
    return ctypes.byref(chosen)


def _handles(stores: Sequence[Store]) -> Any:
    return (ctypes.c_void_p * len(stores))(*(store._handle for store in stores))


def _fields(report: ctypes.Structure) -> dict[str, Any]:
    """A report's fields without its size and what is reserved."""
    names = [field[0] for field in report._fields_ if field[0] not in ("struct_size", "reserved")]
    values = {name: getattr(report, name) for name in names}
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in values.items()}
