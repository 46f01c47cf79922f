"""ipldstore: an embedded, content-addressed storage engine, over its C library.

    from ipldstore import Store

    with Store.create("data.store") as store:
        with store.batch() as batch:
            cid = batch.put(b"hello")
            batch.set_root("greeting", cid)
        assert store.get(store.root("greeting")) == b"hello"

        with store.fs.open_branch("main") as tree:
            tree.write("greeting", b"hello")
            tree.commit("main", "the first version")

The library is found where IPLDSTORE_LIBRARY (the file) or IPLDSTORE_LIB_DIR (its directory) says, else by the
loader. Its header, ipldstore.h, is the manual where a docstring is short. Errors are exceptions, one class a
status; what a callback raises is raised by the call. What is of the wrong type is a TypeError, an integer
that does not fit an OverflowError, and what else makes no sense Invalid, which is a ValueError too.
"""

from ._library import Data, Progress, library
from .batch import Batch
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
from .entries import (
    Aspect,
    ConflictKind,
    Difference,
    DifferenceKind,
    Entry,
    Kind,
    Outcome,
    Policy,
    Sync,
    TreeConflict,
    Version,
)
from .filesystem import FileSystem, Merge, MergeConflict
from .nodes import Element, Elements, NodeChange, Remove, Replace, Set
from .store import ALL, DEFAULT_BUDGET, NO_LIMIT, Store
from .streams import Base, Change, Fork, Hold, Problem, Reader, Root, View, Writer
from .transfer import (
    Existing,
    ExportReport,
    ImportReport,
    Transfer,
    Trouble,
    TroubleKind,
    remove_directory,
)
from .trees import File, LostRace, Tree

__all__ = [
    "ALL", "Aspect", "BLAKE3", "Base", "Batch", "Busy", "Cancelled", "Change", "Cid", "Conflict",
    "ConflictKind", "Corrupt", "DAG_CBOR", "DAG_PB", "DEFAULT_BUDGET", "Data", "Difference", "DifferenceKind",
    "Element", "Elements", "Entry", "Error", "Existing", "Exists", "ExportReport", "File", "FileSystem",
    "Fork", "Forked", "Full", "Hold", "ImportReport", "Invalid", "Kind", "LostRace", "Merge", "MergeConflict",
    "NO_LIMIT", "NodeChange", "NotAStore", "NotFound", "Outcome", "PermissionRefused", "Policy", "Problem",
    "Progress", "RAW", "ReadOnly", "Reader", "Remove", "Replace", "Root", "SHA2_256", "Set", "Store", "Sync",
    "SystemCallFailed", "TooLarge", "Transfer", "Tree", "TreeConflict", "Trouble", "TroubleKind",
    "Unsupported", "Version", "View", "Writer", "build_info", "library", "library_version",
    "remove_directory",
]


def library_version() -> str:
    """The version of the library that runs: "0.1.0"."""
    return str(library.ips_version_string().decode())


def build_info() -> str:
    """What the library was built with, in one line for bug reports."""
    return str(library.ips_build_info().decode())
