"""Batches, and what they have in common with stores: bytes, files, blocks and nodes go in."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any, BinaryIO, Sequence

from . import _abi, nodes
from ._library import Callbacks, Data, Progress, call, given, kind_of, made, optional_text, text
from .cid import RAW, Cid, optional, required, written
from .nodes import NodeChange
from .streams import Handle, Writer

if TYPE_CHECKING:
    from types import TracebackType


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
                callbacks = Callbacks(progress)
                return self._put("put_descriptor", callbacks, opened.fileno())
        if not hasattr(file, "read"):
            raise TypeError(f"a binary stream or the path of a file is wanted, not {kind_of(file)}")
        callbacks = Callbacks(progress, read=file.read)
        return self._put("put_callback", callbacks, callbacks.read)

    def _put(self, function: str, callbacks: Callbacks, source: Any) -> Cid:
        raw = _abi.ips_cid()
        arguments = (source, callbacks.progress, None, ctypes.byref(raw))
        call(self._prefix + function, self._handle, *arguments, callbacks=callbacks)
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
        return nodes.edited(function, self._handle, required(cid), text(path, "a path"), changes)

    def _open_writer(self, function: str, cid: Cid | None, progress: Progress | None) -> Writer:
        callbacks = Callbacks(progress)
        handle = made(function, self._handle, optional(cid), callbacks.progress, None)
        return Writer(handle, callbacks, self)


class Batch(Storing):
    """Many things stored as one unit of work. A `with` commits it, and aborts it when it is left by an
    exception."""

    _close = "ips_batch_free"
    _prefix = "ips_batch_"

    def set_root(self, name: str, cid: Cid | None) -> None:
        """Has the commit point a root at a CID, whatever it is then; None removes it."""
        call("ips_batch_set_root", self._handle, text(name, "a name"), optional(cid))

    def swap_root(self, name: str, expected: Cid | None, cid: Cid | None) -> None:
        """Has the commit change a root if it then is what is expected; None: not there."""
        call("ips_batch_swap_root", self._handle, text(name, "a name"), optional(expected), optional(cid))

    def hold(self, cid: Cid, owner: str | None = None) -> None:
        """Has the commit retain a CID for an owner; None: that of the store handle."""
        call("ips_batch_hold", self._handle, required(cid), optional_text(owner, "an owner"))

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
        if kind is None and self._open_handle is not None:
            self.commit()
        self.close()
