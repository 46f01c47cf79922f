"""Stores."""

from __future__ import annotations

import ctypes
import os
from typing import Any, BinaryIO, Sequence

from . import _abi, streams
from ._library import (
    Callbacks,
    Data,
    Path,
    Progress,
    call,
    host_path,
    kind_of,
    library,
    made,
    number,
    optional_text,
    read_at,
    sized,
    text,
    whole,
    whole_number,
)
from .batch import Batch, Storing
from .cid import Cid, optional, required, written
from .filesystem import FileSystem
from .nodes import Elements
from .streams import Base, Change, Fork, Handle, Hold, Items, Problem, Reader, Root, View, Writer

# Enough for most blocks and nodes; larger ones are asked for twice.
_USUAL_LENGTH = 64 << 10

ALL = _abi.IPS_ALL
NO_LIMIT = _abi.IPS_NO_LIMIT
DEFAULT_BUDGET = _abi.IPS_DEFAULT_BUDGET


class Store(Storing):
    """An open store, for any number of threads. What is stored through it, and not through a batch, is held
    once by the handle's owner until `dereference`."""

    _close = "ips_store_close"
    _prefix = "ips_store_"

    def __init__(self, path: Path, read_only: bool = False, owner: str | None = None):
        options = sized(_abi.ips_open_options)
        options.flags = _abi.IPS_OPEN_READ_ONLY if read_only else 0
        options.owner = optional_text(owner, "an owner")
        super().__init__(made("ips_store_open", host_path(path), ctypes.byref(options)))

    @staticmethod
    def create(path: Path, **options: int) -> Store:
        """Makes a store in a directory that does not exist, or is empty, and opens it.

        `options` are the fields of the C header's ips_create_options: chunk_average=16384, hash=SHA2_256 …
        """
        call("ips_store_create", host_path(path), _chosen(options))
        return Store(path)

    @staticmethod
    def create_layer(
        path: Path, bases: Sequence[Path], **options: int
    ) -> Store:
        """Makes a layer and opens it: it reads through the stores at `bases` and writes only to itself.

        Without `options`, it has those of the first base.
        """
        if isinstance(bases, (str, bytes)):
            raise TypeError("bases are a list of paths, not one path")
        texts = (ctypes.c_char_p * len(bases))(*map(host_path, bases))
        chosen = _chosen(options) if options else None
        call("ips_store_create_layer", host_path(path), texts, len(bases), chosen)
        return Store(path)

    @staticmethod
    def in_memory(*bases: Store, **options: int) -> Store:
        """Makes a store in memory, which is gone with its handle: over other stores, a buffer."""
        chosen = _chosen(options) if options else None
        store = Store.__new__(Store)
        handle = made("ips_store_create_memory", _handles(bases), len(bases), chosen, None)
        Handle.__init__(store, handle, bases)
        return store

    def batch(self) -> Batch:
        return Batch(made("ips_batch_begin", self._handle), self)

    @property
    def fs(self) -> FileSystem:
        """The versioned file systems in the store: branches, trees, history, merges."""
        return FileSystem(self)

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
        call("ips_store_has", self._handle, required(cid), ctypes.byref(is_here))
        return is_here.value

    def size(self, cid: Cid) -> int:
        """The size in bytes of what a CID names, from one block at most."""
        return number("ips_store_size", self._handle, required(cid))

    def get(self, cid: Cid) -> bytes:
        """Reads all the data."""
        return whole(self.size(cid), "ips_store_get_buffer", self._handle, required(cid))

    def read_at(self, cid: Cid, offset: int, length: int) -> bytes:
        """Reads data at an offset, as os.pread does: less than `length` only at the end."""
        arguments = ("ips_store_read_at", self._handle, required(cid))
        return read_at(lambda: self.size(cid), offset, length, *arguments)

    def copy_to(
        self,
        cid: Cid,
        file: BinaryIO | str | os.PathLike[str],
        offset: int = 0,
        length: int = ALL,
        progress: Progress | None = None,
    ) -> None:
        """Writes data, in order, to a binary stream, or to a file of that name, which is made or replaced.
        What is beyond the end is left out."""
        # Before a file is cut: what is no CID, offset or length is not read.
        of, offset = required(cid), whole_number(offset, 0, ALL, "an offset")
        length = whole_number(length, 0, ALL, "a length")
        if isinstance(file, (str, os.PathLike)):
            callbacks = Callbacks(progress)
            with open(file, "wb", buffering=0) as opened:
                to = (opened.fileno(), callbacks.progress, None)
                function = "ips_store_get_descriptor"
                call(function, self._handle, of, offset, length, *to, callbacks=callbacks)
            return
        if not hasattr(file, "write"):
            raise TypeError(f"a binary stream or the path of a file is wanted, not {kind_of(file)}")
        callbacks = Callbacks(progress, write=file.write)
        call(
            "ips_store_get_callback", self._handle, of, offset, length, callbacks.write,
            callbacks.progress, None, callbacks=callbacks,
        )

    def get_block(self, cid: Cid) -> bytes:
        return whole(_USUAL_LENGTH, "ips_store_get_block", self._handle, required(cid))

    def get_node(self, cid: Cid) -> bytes:
        """Reads an IPLD value as DAG-CBOR."""
        return whole(_USUAL_LENGTH, "ips_store_get_node", self._handle, required(cid))

    def get_value(self, cid: Cid, path: str) -> bytes:
        """Reads the value at a path inside a value ("config/layers/0") as DAG-CBOR."""
        return whole(_USUAL_LENGTH, "ips_store_get_value", self._handle, required(cid), text(path, "a path"))

    def elements(self, cid: Cid, path: str = "") -> Elements:
        """The elements of the map or list at a path inside a value, in order."""
        handle = made("ips_store_elements", self._handle, required(cid), text(path, "a path"))
        return Elements(handle, self)

    def inspect(self, cid: Cid) -> dict[str, Any]:
        """What the index says of a block: raw_length, stored_length, references."""
        return self._report("ips_store_inspect", sized(_abi.ips_block_information), required(cid))

    def links(self, cid: Cid) -> Items[Cid]:
        """The distinct blocks that a block links to, in order of first appearance."""
        return streams.cids(made("ips_store_links", self._handle, required(cid)), self)

    def view(self, cid: Cid) -> View:
        return View(made("ips_store_view", self._handle, required(cid)), self)

    def reader(self, cid: Cid) -> Reader:
        """Opens a file for reading. What is not deleted yet stays readable until the reader is closed."""
        return Reader(made("ips_reader_open", self._handle, required(cid)), self)

    def writer(self, cid: Cid | None = None, progress: Progress | None = None) -> Writer:
        """Opens a file, or with None an empty one, for change. The file stays as it is."""
        return self._open_writer("ips_writer_open", cid, progress)

    def diff(self, old: Cid, new: Cid, progress: Progress | None = None) -> Items[Change]:
        """What differs between two files, at the cost of what differs. `progress` hears of the bytes of the
        new one that are dealt with; an iterator that was stopped goes on when it is asked again."""
        handle = made("ips_store_diff", self._handle, required(old), required(new))
        return streams.changes(handle, self, progress)

    # --------------------------------------------------------------------------------- What keeps them

    def root(self, name: str) -> Cid:
        """The CID that a root points to."""
        return written("ips_root_get", self._handle, text(name, "a name"))

    def set_root(self, name: str, cid: Cid) -> None:
        """Points a root, new or not, at a block that is here."""
        call("ips_root_set", self._handle, text(name, "a name"), required(cid))

    def swap_root(self, name: str, expected: Cid | None, cid: Cid) -> None:
        """Compare and set: Conflict when the root is not what is expected; None: not there."""
        call("ips_root_swap", self._handle, text(name, "a name"), optional(expected), required(cid))

    def delete_root(
        self, name: str, expected: Cid | None = None, budget: int = DEFAULT_BUDGET
    ) -> dict[str, Any]:
        """Removes a root, if it is what is expected, and reclaims what only it kept. `budget` is in ms."""
        report = sized(_abi.ips_gc_report)
        arguments = (text(name, "a name"), optional(expected), budget)
        return self._report("ips_root_delete", report, *arguments)

    def roots(self, first: str | None = None) -> Items[Root]:
        """The roots in bytewise order of name, from one on."""
        return streams.roots(made("ips_root_list", self._handle, optional_text(first, "a name")), self)

    def base_roots(self, first: str | None = None) -> Items[Root]:
        """As roots, of those that only bases have."""
        listing = made("ips_root_list_base", self._handle, optional_text(first, "a name"))
        return streams.roots(listing, self)

    def retain(self, cid: Cid, owner: str | None = None) -> None:
        """One more hold of an owner (None: that of the handle) on a block that is here."""
        call("ips_store_retain", self._handle, required(cid), optional_text(owner, "an owner"))

    def dereference(
        self, cid: Cid, owner: str | None = None, budget: int = DEFAULT_BUDGET
    ) -> dict[str, Any]:
        """One hold of an owner less; with the block's last reference, what only it kept is reclaimed."""
        report = sized(_abi.ips_gc_report)
        arguments = (required(cid), optional_text(owner, "an owner"), budget)
        return self._report("ips_store_dereference", report, *arguments)

    def holds(self, owner: str | None = None) -> Items[Hold]:
        """The holds of an owner, or of all of them, in order of owner and CID."""
        return streams.holds(made("ips_store_holds", self._handle, optional_text(owner, "an owner")), self)

    # ------------------------------------------------------------------------------------------ Layers

    def find_root(self, name: str) -> Cid:
        """As `root`, and where the store has no such root, the first base's that has one."""
        return written("ips_root_find", self._handle, text(name, "a name"))

    def copy_from(
        self, other: Store, cid: Cid, root: str | None = None, progress: Progress | None = None
    ) -> dict[str, Any]:
        """Copies what a CID reaches from another store, as far as it is missing here. `root` names it;
        without, it is held by the handle's owner."""
        callbacks = Callbacks(progress)
        name = optional_text(root, "a name")
        arguments = (_handle_of(other), required(cid), name, callbacks.progress, None)
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
        return streams.forks(made("ips_store_forks", self._handle), self)

    def forget_fork(self, identity: str, progress: Progress | None = None) -> None:
        """Releases all that is held for a fork, which loses what it has here once that is collected.
        `progress` hears of the holds that went. When it stops the call, those are gone, and the next goes
        on."""
        callbacks = Callbacks(progress)
        arguments = (text(identity, "an identity"), callbacks.progress, None)
        call("ips_store_forget_fork", self._handle, *arguments, callbacks=callbacks)

    @staticmethod
    def bases(path: Path) -> Items[Base]:
        """The bases that are recorded in a store, which is not open, whether or not they are there."""
        return streams.bases(made("ips_store_bases", host_path(path)))

    @staticmethod
    def add_base(path: Path, base: Path) -> None:
        """Has a store, which is not open, read through another one, too."""
        call("ips_store_add_base", host_path(path), host_path(base))

    @staticmethod
    def set_base(path: Path, was: str, is_now: Path) -> None:
        """Records where a base is now; `was` is its recorded path, or its identity."""
        call("ips_store_set_base", host_path(path), text(was), host_path(is_now))

    @staticmethod
    def flatten(path: Path, keep_going: bool = False, progress: Progress | None = None) -> dict[str, Any]:
        """Copies what a layer, which is not open, needs of its bases into it, and has it stand alone.

        `keep_going`: what a base has lost, and what only a base has that is not there any more, is left out,
        and `verify` tells of it; else that is Corrupt and NotFound."""
        callbacks = Callbacks(progress)
        report = sized(_abi.ips_copy_report)
        arguments = (callbacks.progress, None, ctypes.byref(report))
        flags = _abi.IPS_FLATTEN_KEEP_GOING if keep_going else 0
        call("ips_store_flatten", host_path(path), flags, *arguments, callbacks=callbacks)
        return _fields(report)

    # ------------------------------------------------------------------------------------------- Space

    def gc(self, budget: int = DEFAULT_BUDGET, progress: Progress | None = None) -> dict[str, Any]:
        """Takes dead blocks away and gives their space back. `budget` is in ms."""
        callbacks = Callbacks(progress)
        report = sized(_abi.ips_gc_report)
        arguments = (budget, callbacks.progress, None)
        return self._report("ips_store_gc", report, *arguments, callbacks=callbacks)

    def gc_dry_run(self, progress: Progress | None = None) -> dict[str, Any]:
        """What `gc` would take if nothing protected it."""
        callbacks = Callbacks(progress)
        arguments = (callbacks.progress, None)
        return self._report("ips_store_gc_dry_run", sized(_abi.ips_usage), *arguments, callbacks=callbacks)

    def usage(self, *names: str, progress: Progress | None = None) -> dict[str, Any]:
        """What deleting these roots, together, would free; at the cost of what it would free."""
        texts = (ctypes.c_char_p * len(names))(*(text(name, "a name") for name in names))
        callbacks = Callbacks(progress)
        arguments = (texts, len(names), callbacks.progress, None)
        return self._report("ips_store_usage", sized(_abi.ips_usage), *arguments, callbacks=callbacks)

    @property
    def stat(self) -> dict[str, Any]:
        """The counters, which are kept with every change: asking costs nothing."""
        return self._report("ips_store_stat", sized(_abi.ips_stat))

    def verify(self, progress: Progress | None = None) -> tuple[dict[str, Any], list[Problem]]:
        """Recomputes from content what the store says of itself: the report, whose `problems` is 0 when all
        is well, and the first thousand problems.

        `missing_links` of the report are links to blocks that are not here, which is no problem: a link may
        come before what it names. `missing` has the first thousand of those blocks."""
        callbacks = Callbacks(progress)
        report = sized(_abi.ips_verify_report)
        found, missing = ctypes.c_void_p(), ctypes.c_void_p()
        call(
            "ips_store_verify", self._handle, callbacks.progress, None, ctypes.byref(report),
            ctypes.byref(found), ctypes.byref(missing), callbacks=callbacks,
        )
        fields = _fields(report) | {"missing": list(streams.cids(missing.value or 0, None))}
        return fields, list(streams.problems(found.value or 0))

    @staticmethod
    def repair(
        path: Path, *donors: Store, progress: Progress | None = None
    ) -> dict[str, Any]:
        """Builds the index of a store, which is open nowhere, anew from packs and journal, and heals it from
        donors, if there are any."""
        callbacks = Callbacks(progress)
        report, healing = sized(_abi.ips_repair_report), sized(_abi.ips_heal_report)
        call(
            "ips_store_repair_from", host_path(path), _handles(donors), len(donors),
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
    known: dict[str, Any] = {field[0]: field[1] for field in _abi.ips_create_options._fields_[1:]}
    for name, value in options.items():
        if name not in known:
            raise TypeError(f"{name} is no option; there are {', '.join(known)}")
        greatest = (1 << 8 * ctypes.sizeof(known[name])) - 1
        setattr(chosen, name, whole_number(value, 0, greatest, name))
    return ctypes.byref(chosen)


def _handle_of(store: Store) -> int:
    if not isinstance(store, Store):
        raise TypeError(f"a Store is wanted, not {kind_of(store)}")
    return store._handle


def _handles(stores: Sequence[Store]) -> Any:
    return (ctypes.c_void_p * len(stores))(*map(_handle_of, stores))


def _fields(report: ctypes.Structure) -> dict[str, Any]:
    """A report's fields without its size and what is reserved."""
    names = [field[0] for field in report._fields_ if field[0] not in ("struct_size", "reserved")]
    values = {name: getattr(report, name) for name in names}
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in values.items()}
