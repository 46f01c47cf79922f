"""ipldstore: an embedded, content-addressed storage engine, over its C library.

    from ipldstore import Store

    with Store.create("data.store") as store:
        with store.batch() as batch:
            cid = batch.put(b"hello")
            batch.set_root("greeting", cid)
        assert store.get(store.root("greeting")) == b"hello"

The library is found where IPLDSTORE_LIBRARY (the file) or IPLDSTORE_LIB_DIR (its directory) says, else by the
loader. Its header, ipldstore.h, is the manual where a docstring is short. Errors are exceptions, one class a
status; what a callback raises is raised by the call.
"""

from ._library import Data, Progress, library
from .cid import BLAKE3, DAG_CBOR, DAG_PB, RAW, SHA2_256, Cid
from .errors import (
    Busy,
    Cancelled,
    Conflict,
    Corrupt,
    Error,
    Exists,
    Forked,
    Full,
    Invalid,
    NotAStore,
    NotFound,
    PermissionRefused,
    ReadOnly,
    SystemCallFailed,
    TooLarge,
    Unsupported,
)
from .nodes import Element, Elements, NodeChange, Remove, Replace, Set
from .store import ALL, DEFAULT_BUDGET, NO_LIMIT, Batch, Store
from .streams import Base, Change, Fork, Hold, Problem, Reader, Root, View, Writer

__all__ = [
    "ALL", "BLAKE3", "Base", "Batch", "Busy", "Cancelled", "Change", "Cid", "Conflict", "Corrupt", "DAG_CBOR",
    "DAG_PB", "DEFAULT_BUDGET", "Data", "Element", "Elements", "Error", "Exists", "Fork", "Forked", "Full",
    "Hold", "Invalid", "NO_LIMIT", "NodeChange", "NotAStore", "NotFound", "PermissionRefused", "Problem",
    "Progress", "RAW", "ReadOnly", "Reader", "Remove", "Replace", "Root", "SHA2_256", "Set", "Store",
    "SystemCallFailed", "TooLarge", "Unsupported", "View", "Writer", "library", "library_version",
]


def library_version() -> str:
    """The version of the library that runs: "0.1.0"."""
    return str(library.ips_version_string().decode())
