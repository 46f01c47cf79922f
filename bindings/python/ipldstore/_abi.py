"""Written by scripts/abi from include/ipldstore.h, which is the manual; do not edit."""

from __future__ import annotations

import ctypes
from typing import Any

ips_status = ctypes.c_int32

IPS_VERSION_MAJOR = 0
IPS_VERSION_MINOR = 1
IPS_VERSION_PATCH = 0
IPS_VERSION_NUMBER = 100
IPS_NAME_MAX = 255
IPS_BLOCK_MAX = 1048576
IPS_ALL = 18446744073709551615
IPS_NO_LIMIT = 18446744073709551615
IPS_DEFAULT_BUDGET = 18446744073709551614
IPS_CODEC_RAW = 85
IPS_CODEC_DAG_PB = 112
IPS_CODEC_DAG_CBOR = 113
IPS_HASH_IDENTITY = 0
IPS_HASH_SHA2_256 = 18
IPS_HASH_BLAKE3 = 30
IPS_CID_TEXT_SIZE = 674
IPS_CID_BINARY_SIZE = 84
IPS_OK = 0
IPS_END = 1
IPS_NOT_FOUND = -1
IPS_CORRUPT = -2
IPS_INVALID = -3
IPS_EXISTS = -4
IPS_CONFLICT = -5
IPS_BUSY = -6
IPS_FULL = -7
IPS_TOO_LARGE = -8
IPS_BUFFER_TOO_SMALL = -9
IPS_READ_ONLY = -10
IPS_PERMISSION = -11
IPS_NOT_A_STORE = -12
IPS_UNSUPPORTED = -13
IPS_IO = -14
IPS_CANCELLED = -15
IPS_CALLBACK = -16
IPS_FORKED = -17
IPS_INTERNAL = -18
IPS_CHUNKER_FASTCDC = 0
IPS_CHUNKER_FIXED = 1
IPS_LAYOUT_BALANCED = 0
IPS_LAYOUT_FLAT = 1
IPS_COMPRESSION_ZSTD = 0
IPS_COMPRESSION_NONE = 1
IPS_KIND_LMDB = 0
IPS_KIND_FLATFS = 1
IPS_KIND_MEMORY = 2
IPS_OPEN_READ_ONLY = 1
IPS_NODE_SET = 1
IPS_NODE_REMOVE = 2
IPS_NODE_REPLACE = 3
IPS_SEEK_START = 0
IPS_SEEK_CURRENT = 1
IPS_SEEK_END = 2
IPS_PROBLEM_DAMAGED_BLOCK = 1
IPS_PROBLEM_WRONG_COUNT = 2
IPS_PROBLEM_WRONG_DEAD_QUEUE = 3
IPS_PROBLEM_WRONG_ABSENT = 4
IPS_PROBLEM_MISSING_BLOCK = 5
IPS_PROBLEM_WRONG_SIZE = 6
IPS_PROBLEM_WRONG_COUNTER = 7
IPS_PROBLEM_WRONG_PACK = 8
IPS_PROBLEM_WRONG_JOURNAL = 9
IPS_PROBLEM_DAMAGED_INDEX = 10
IPS_PROBLEM_UNKNOWN_LEASE_TABLE = 11
IPS_PROBLEM_WRONG_LOAN = 12
IPS_PROBLEM_SURPLUS_HOLD = 13
IPS_FLATTEN_KEEP_GOING = 1
IPS_FORK_PRESENT = 1
IPS_FORK_GONE = 2
IPS_FORK_EXTERNAL = 3
IPS_FORK_UNKNOWN = 4
IPS_FS_FILE = 1
IPS_FS_DIRECTORY = 2
IPS_FS_SYMLINK = 3
IPS_FS_CID_LINK = 4
IPS_FS_FIFO = 5
IPS_FS_SOCKET = 6
IPS_FS_CHARACTER_DEVICE = 7
IPS_FS_BLOCK_DEVICE = 8
IPS_FS_TOMBSTONE = 9
IPS_FS_SYNC_DEFAULT = 0
IPS_FS_SYNC_RAFT = 1
IPS_FS_SYNC_MERKLE_CRDT = 2
IPS_FS_ALL = 1
IPS_FS_RENAMES = 2
IPS_FS_READ = 0
IPS_FS_WRITE = 1
IPS_FS_CREATE = 2
IPS_FS_TRUNCATE = 4
IPS_FS_ADDED = 1
IPS_FS_REMOVED = 2
IPS_FS_MODIFIED = 3
IPS_FS_RENAMED = 4
IPS_FS_TOMBSTONE_DIFFERS = 5
IPS_FS_TYPE = 1
IPS_FS_CONTENT = 2
IPS_FS_MODE = 4
IPS_FS_OWNER = 8
IPS_FS_TIME = 16
IPS_FS_ATTRIBUTES = 32
IPS_FS_SYNC = 64
IPS_FS_HARD_LINK = 128
IPS_FS_OTHER = 256
IPS_FS_REPORT = 0
IPS_FS_OURS = 1
IPS_FS_THEIRS = 2
IPS_FS_NEWEST = 3
IPS_FS_BOTH = 4
IPS_FS_ASK = 5
IPS_FS_BOTH_MODIFIED = 1
IPS_FS_MODIFIED_DELETED = 2
IPS_FS_BOTH_ADDED = 3
IPS_FS_FILE_DIRECTORY = 4
IPS_FS_BOTH_RENAMED = 5
IPS_FS_DIRECTORY_DELETED = 6
IPS_FS_NO_FAST_FORWARD = 7
IPS_FS_ALWAYS_VERSION = 1
IPS_FS_UP_TO_DATE = 1
IPS_FS_FAST_FORWARD = 2
IPS_FS_MERGED = 3
IPS_FS_UNREAD = 1
IPS_FS_CHANGING = 2
IPS_FS_UNMADE = 3
IPS_FS_OWNER_REFUSED = 4
IPS_FS_METADATA_REFUSED = 5
IPS_FS_UNREMOVED = 6
IPS_FS_FULL = 1
IPS_FS_ONE_FILE_SYSTEM = 2
IPS_FS_STAT_ATTRIBUTE = 4
IPS_FS_KEEP_GOING = 8
IPS_FS_REFUSE = 0
IPS_FS_REPLACE = 1
IPS_FS_INTO = 2


class ips_error(ctypes.Structure):
    code: int
    os_errno: int
    message: bytes

    _fields_ = [
        ("code", ctypes.c_int32),
        ("os_errno", ctypes.c_int32),
        ("message", ctypes.c_char * 504),
    ]


class ips_bytes(ctypes.Structure):
    data: Any
    len: int

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("len", ctypes.c_size_t),
    ]


class ips_cid(ctypes.Structure):
    codec: int
    hash: int
    version: int
    digest_length: int
    reserved: Any
    digest: Any

    _fields_ = [
        ("codec", ctypes.c_uint64),
        ("hash", ctypes.c_uint64),
        ("version", ctypes.c_uint8),
        ("digest_length", ctypes.c_uint8),
        ("reserved", ctypes.c_uint8 * 6),
        ("digest", ctypes.c_uint8 * 64),
    ]


class ips_create_options(ctypes.Structure):
    struct_size: int
    chunker: int
    chunk_average: int
    chunk_minimum: int
    chunk_maximum: int
    chunk_normalization: int
    layout: int
    node_minimum: int
    node_expected: int
    node_maximum: int
    hash: int
    compression: int
    compression_level: int
    kind: int
    flatfs_levels: int

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("chunker", ctypes.c_uint32),
        ("chunk_average", ctypes.c_uint32),
        ("chunk_minimum", ctypes.c_uint32),
        ("chunk_maximum", ctypes.c_uint32),
        ("chunk_normalization", ctypes.c_uint32),
        ("layout", ctypes.c_uint32),
        ("node_minimum", ctypes.c_uint32),
        ("node_expected", ctypes.c_uint32),
        ("node_maximum", ctypes.c_uint32),
        ("hash", ctypes.c_uint64),
        ("compression", ctypes.c_uint32),
        ("compression_level", ctypes.c_uint32),
        ("kind", ctypes.c_uint32),
        ("flatfs_levels", ctypes.c_uint32),
    ]


class ips_open_options(ctypes.Structure):
    struct_size: int
    flags: int
    owner: bytes

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("owner", ctypes.c_char_p),
    ]


class ips_store_information(ctypes.Structure):
    struct_size: int
    is_read_only: int
    identity: bytes
    layout: bytes
    compression: bytes
    warning: bytes
    kind: int
    is_sealed: int
    bases: int
    reserved: int

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("is_read_only", ctypes.c_uint32),
        ("identity", ctypes.c_char * 40),
        ("layout", ctypes.c_char * 168),
        ("compression", ctypes.c_char * 32),
        ("warning", ctypes.c_char * 256),
        ("kind", ctypes.c_uint32),
        ("is_sealed", ctypes.c_uint32),
        ("bases", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
    ]


class ips_node_change(ctypes.Structure):
    kind: int
    reserved: int
    key: ips_bytes
    position: int
    count: int
    values: ips_bytes

    _fields_ = [
        ("kind", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("key", ips_bytes),
        ("position", ctypes.c_uint64),
        ("count", ctypes.c_uint64),
        ("values", ips_bytes),
    ]


class ips_block_information(ctypes.Structure):
    struct_size: int
    reserved: int
    raw_length: int
    stored_length: int
    references: int

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("raw_length", ctypes.c_uint64),
        ("stored_length", ctypes.c_uint64),
        ("references", ctypes.c_uint64),
    ]


class ips_gc_report(ctypes.Structure):
    struct_size: int
    is_complete: int
    blocks: int
    stored_bytes: int
    remaining: int
    reclaimed_bytes: int
    packs: int

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("is_complete", ctypes.c_uint32),
        ("blocks", ctypes.c_uint64),
        ("stored_bytes", ctypes.c_uint64),
        ("remaining", ctypes.c_uint64),
        ("reclaimed_bytes", ctypes.c_uint64),
        ("packs", ctypes.c_uint64),
    ]


class ips_root(ctypes.Structure):
    cid: ips_cid
    name: bytes

    _fields_ = [
        ("cid", ips_cid),
        ("name", ctypes.c_char * 256),
    ]


class ips_hold(ctypes.Structure):
    cid: ips_cid
    count: int
    owner: bytes

    _fields_ = [
        ("cid", ips_cid),
        ("count", ctypes.c_uint64),
        ("owner", ctypes.c_char * 256),
    ]


class ips_problem(ctypes.Structure):
    kind: int
    has_cid: int
    cid: ips_cid
    message: bytes

    _fields_ = [
        ("kind", ctypes.c_int32),
        ("has_cid", ctypes.c_uint32),
        ("cid", ips_cid),
        ("message", ctypes.c_char * 512),
    ]


class ips_change(ctypes.Structure):
    old_offset: int
    old_length: int
    new_offset: int
    new_length: int

    _fields_ = [
        ("old_offset", ctypes.c_uint64),
        ("old_length", ctypes.c_uint64),
        ("new_offset", ctypes.c_uint64),
        ("new_length", ctypes.c_uint64),
    ]


class ips_usage(ctypes.Structure):
    struct_size: int
    reserved: int
    logical_bytes: int
    exclusive_blocks: int
    exclusive_bytes: int
    shared_bytes: int

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("logical_bytes", ctypes.c_uint64),
        ("exclusive_blocks", ctypes.c_uint64),
        ("exclusive_bytes", ctypes.c_uint64),
        ("shared_bytes", ctypes.c_uint64),
    ]


class ips_stat(ctypes.Structure):
    struct_size: int
    reserved: int
    blocks: int
    raw_bytes: int
    stored_bytes: int
    dead_blocks: int
    dead_bytes: int
    set_aside_blocks: int
    roots: int
    holds: int
    leases: int
    packs: int
    index_bytes: int
    epoch: int

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("blocks", ctypes.c_uint64),
        ("raw_bytes", ctypes.c_uint64),
        ("stored_bytes", ctypes.c_uint64),
        ("dead_blocks", ctypes.c_uint64),
        ("dead_bytes", ctypes.c_uint64),
        ("set_aside_blocks", ctypes.c_uint64),
        ("roots", ctypes.c_uint64),
        ("holds", ctypes.c_uint64),
        ("leases", ctypes.c_uint64),
        ("packs", ctypes.c_uint64),
        ("index_bytes", ctypes.c_uint64),
        ("epoch", ctypes.c_uint64),
    ]


class ips_verify_report(ctypes.Structure):
    struct_size: int
    reserved: int
    blocks: int
    raw_bytes: int
    problems: int
    missing_links: int
    missing_blocks: int

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("blocks", ctypes.c_uint64),
        ("raw_bytes", ctypes.c_uint64),
        ("problems", ctypes.c_uint64),
        ("missing_links", ctypes.c_uint64),
        ("missing_blocks", ctypes.c_uint64),
    ]


class ips_repair_report(ctypes.Structure):
    struct_size: int
    reserved: int
    blocks: int
    damaged_records: int
    roots: int
    holds: int
    lost_names: int
    missing_blocks: int
    recovered_roots: int

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("blocks", ctypes.c_uint64),
        ("damaged_records", ctypes.c_uint64),
        ("roots", ctypes.c_uint64),
        ("holds", ctypes.c_uint64),
        ("lost_names", ctypes.c_uint64),
        ("missing_blocks", ctypes.c_uint64),
        ("recovered_roots", ctypes.c_uint64),
    ]


class ips_heal_report(ctypes.Structure):
    struct_size: int
    reserved: int
    healed: int
    missing: int

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("healed", ctypes.c_uint64),
        ("missing", ctypes.c_uint64),
    ]


class ips_copy_report(ctypes.Structure):
    struct_size: int
    reserved: int
    visited: int
    blocks: int
    bytes: int

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("visited", ctypes.c_uint64),
        ("blocks", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
    ]


class ips_base(ctypes.Structure):
    identity: bytes
    path: bytes

    _fields_ = [
        ("identity", ctypes.c_char * 40),
        ("path", ctypes.c_char * 4096),
    ]


class ips_fork(ctypes.Structure):
    identity: bytes
    state: int
    reserved: int
    holds: int
    path: bytes

    _fields_ = [
        ("identity", ctypes.c_char * 40),
        ("state", ctypes.c_int32),
        ("reserved", ctypes.c_uint32),
        ("holds", ctypes.c_uint64),
        ("path", ctypes.c_char * 4096),
    ]


class ips_fs_entry(ctypes.Structure):
    struct_size: int
    kind: int
    mode: int
    uid: int
    gid: int
    sync: int
    size: int
    mtime_seconds: int
    mtime_nanoseconds: int
    device_major: int
    device_minor: int
    has_cid: int
    cid: ips_cid
    entries: int
    tombstones: int
    hard_link: int

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("kind", ctypes.c_int32),
        ("mode", ctypes.c_uint32),
        ("uid", ctypes.c_uint32),
        ("gid", ctypes.c_uint32),
        ("sync", ctypes.c_int32),
        ("size", ctypes.c_uint64),
        ("mtime_seconds", ctypes.c_int64),
        ("mtime_nanoseconds", ctypes.c_uint32),
        ("device_major", ctypes.c_uint32),
        ("device_minor", ctypes.c_uint32),
        ("has_cid", ctypes.c_uint32),
        ("cid", ips_cid),
        ("entries", ctypes.c_uint64),
        ("tombstones", ctypes.c_uint64),
        ("hard_link", ctypes.c_uint64),
    ]


class ips_fs_version(ctypes.Structure):
    struct_size: int
    previous_count: int
    previous: ips_cid
    tree: ips_cid
    time_seconds: int
    time_nanoseconds: int
    reserved: int
    generation: int
    author: bytes
    message: bytes

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("previous_count", ctypes.c_uint32),
        ("previous", ips_cid),
        ("tree", ips_cid),
        ("time_seconds", ctypes.c_int64),
        ("time_nanoseconds", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("generation", ctypes.c_uint64),
        ("author", ctypes.c_char * 256),
        ("message", ctypes.c_char * 1024),
    ]


class ips_fs_conflict(ctypes.Structure):
    kind: int
    fields: int
    path: ips_bytes
    other_path: ips_bytes
    base: ips_fs_entry
    ours: ips_fs_entry
    theirs: ips_fs_entry

    _fields_ = [
        ("kind", ctypes.c_int32),
        ("fields", ctypes.c_uint32),
        ("path", ips_bytes),
        ("other_path", ips_bytes),
        ("base", ctypes.POINTER(ips_fs_entry)),
        ("ours", ctypes.POINTER(ips_fs_entry)),
        ("theirs", ctypes.POINTER(ips_fs_entry)),
    ]


class ips_fs_merge_options(ctypes.Structure):
    struct_size: int
    policy: int
    flags: int
    reserved: int
    suffix: bytes
    message: bytes
    author: bytes

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("policy", ctypes.c_int32),
        ("flags", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("suffix", ctypes.c_char_p),
        ("message", ctypes.c_char_p),
        ("author", ctypes.c_char_p),
    ]


class ips_fs_transfer(ctypes.Structure):
    entries: int
    bytes: int
    total_entries: int
    total_bytes: int

    _fields_ = [
        ("entries", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
        ("total_entries", ctypes.c_uint64),
        ("total_bytes", ctypes.c_uint64),
    ]


class ips_fs_trouble(ctypes.Structure):
    kind: int
    status: int
    os_errno: int
    reserved: int
    path: ips_bytes
    message: bytes

    _fields_ = [
        ("kind", ctypes.c_int32),
        ("status", ctypes.c_int32),
        ("os_errno", ctypes.c_int32),
        ("reserved", ctypes.c_uint32),
        ("path", ips_bytes),
        ("message", ctypes.c_char_p),
    ]


class ips_fs_import_options(ctypes.Structure):
    struct_size: int
    flags: int
    message: bytes
    author: bytes
    path: ips_bytes

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("message", ctypes.c_char_p),
        ("author", ctypes.c_char_p),
        ("path", ips_bytes),
    ]


class ips_fs_import_report(ctypes.Structure):
    struct_size: int
    is_unchanged: int
    tree: ips_cid
    version: ips_cid
    entries: int
    files: int
    bytes: int
    files_read: int
    bytes_read: int
    unread: int

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("is_unchanged", ctypes.c_uint32),
        ("tree", ips_cid),
        ("version", ips_cid),
        ("entries", ctypes.c_uint64),
        ("files", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
        ("files_read", ctypes.c_uint64),
        ("bytes_read", ctypes.c_uint64),
        ("unread", ctypes.c_uint64),
    ]


class ips_fs_export_options(ctypes.Structure):
    struct_size: int
    flags: int
    existing: int
    reserved: int

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("existing", ctypes.c_int32),
        ("reserved", ctypes.c_uint32),
    ]


class ips_fs_export_report(ctypes.Structure):
    struct_size: int
    reserved: int
    entries: int
    files: int
    bytes: int
    unmade: int
    without_owner: int
    without_metadata: int
    damaged: int

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("entries", ctypes.c_uint64),
        ("files", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
        ("unmade", ctypes.c_uint64),
        ("without_owner", ctypes.c_uint64),
        ("without_metadata", ctypes.c_uint64),
        ("damaged", ctypes.c_uint64),
    ]


ips_progress = ctypes.CFUNCTYPE(ips_status, ctypes.c_void_p, ctypes.c_uint64)
ips_read_callback = ctypes.CFUNCTYPE(
    ips_status, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t),
)
ips_write_callback = ctypes.CFUNCTYPE(ips_status, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
ips_fs_decide = ctypes.CFUNCTYPE(
    ips_status, ctypes.c_void_p, ctypes.POINTER(ips_fs_conflict), ctypes.POINTER(ctypes.c_int32),
)
ips_fs_progress = ctypes.CFUNCTYPE(ips_status, ctypes.c_void_p, ctypes.POINTER(ips_fs_transfer))
ips_fs_on_trouble = ctypes.CFUNCTYPE(ips_status, ctypes.c_void_p, ctypes.POINTER(ips_fs_trouble))

# Name: size, offsets as a C compiler sees them.
LAYOUTS: dict[str, tuple[int, list[int]]] = {
    "ips_error": (512, [0, 4, 8]),
    "ips_bytes": (16, [0, 8]),
    "ips_cid": (88, [0, 8, 16, 17, 18, 24]),
    "ips_create_options": (64, [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 48, 52, 56, 60]),
    "ips_open_options": (16, [0, 4, 8]),
    "ips_store_information": (520, [0, 4, 8, 48, 216, 248, 504, 508, 512, 516]),
    "ips_node_change": (56, [0, 4, 8, 24, 32, 40]),
    "ips_block_information": (32, [0, 4, 8, 16, 24]),
    "ips_gc_report": (48, [0, 4, 8, 16, 24, 32, 40]),
    "ips_root": (344, [0, 88]),
    "ips_hold": (352, [0, 88, 96]),
    "ips_problem": (608, [0, 4, 8, 96]),
    "ips_change": (32, [0, 8, 16, 24]),
    "ips_usage": (40, [0, 4, 8, 16, 24, 32]),
    "ips_stat": (104, [0, 4, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96]),
    "ips_verify_report": (48, [0, 4, 8, 16, 24, 32, 40]),
    "ips_repair_report": (64, [0, 4, 8, 16, 24, 32, 40, 48, 56]),
    "ips_heal_report": (24, [0, 4, 8, 16]),
    "ips_copy_report": (32, [0, 4, 8, 16, 24]),
    "ips_base": (4136, [0, 40]),
    "ips_fork": (4152, [0, 40, 44, 48, 56]),
    "ips_fs_entry": (168, [0, 4, 8, 12, 16, 20, 24, 32, 40, 44, 48, 52, 56, 144, 152, 160]),
    "ips_fs_version": (1488, [0, 4, 8, 96, 184, 192, 196, 200, 208, 464]),
    "ips_fs_conflict": (64, [0, 4, 8, 24, 40, 48, 56]),
    "ips_fs_merge_options": (40, [0, 4, 8, 12, 16, 24, 32]),
    "ips_fs_transfer": (32, [0, 8, 16, 24]),
    "ips_fs_trouble": (40, [0, 4, 8, 12, 16, 32]),
    "ips_fs_import_options": (40, [0, 4, 8, 16, 24]),
    "ips_fs_import_report": (232, [0, 4, 8, 96, 184, 192, 200, 208, 216, 224]),
    "ips_fs_export_options": (16, [0, 4, 8, 12]),
    "ips_fs_export_report": (64, [0, 4, 8, 16, 24, 32, 40, 48, 56]),
}

# Name: result, parameters.
FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "ips_strerror": (ctypes.c_char_p, [ips_status]),
    "ips_version_number": (ctypes.c_uint32, []),
    "ips_version_string": (ctypes.c_char_p, []),
    "ips_build_info": (ctypes.c_char_p, []),
    "ips_cid_parse": (ips_status, [ctypes.c_char_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error)]),
    "ips_cid_format": (ips_status, [
        ctypes.POINTER(ips_cid), ctypes.c_char, ctypes.c_void_p, ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ips_error),
    ]),
    "ips_cid_from_bytes": (ips_status, [ips_bytes, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error)]),
    "ips_cid_to_bytes": (ips_status, [
        ctypes.POINTER(ips_cid), ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t),
        ctypes.POINTER(ips_error),
    ]),
    "ips_cid_of_block": (ips_status, [
        ips_bytes, ctypes.c_uint64, ctypes.c_uint64, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error),
    ]),
    "ips_cid_compare": (ctypes.c_int, [ctypes.POINTER(ips_cid), ctypes.POINTER(ips_cid)]),
    "ips_create_options_init": (None, [ctypes.POINTER(ips_create_options), ctypes.c_size_t]),
    "ips_store_create": (ips_status, [
        ctypes.c_char_p, ctypes.POINTER(ips_create_options), ctypes.POINTER(ips_error),
    ]),
    "ips_open_options_init": (None, [ctypes.POINTER(ips_open_options), ctypes.c_size_t]),
    "ips_store_open": (ips_status, [
        ctypes.c_char_p, ctypes.POINTER(ips_open_options), ctypes.POINTER(ctypes.c_void_p),
        ctypes.POINTER(ips_error),
    ]),
    "ips_store_close": (None, [ctypes.c_void_p]),
    "ips_store_information_init": (None, [ctypes.POINTER(ips_store_information), ctypes.c_size_t]),
    "ips_store_get_information": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_store_information), ctypes.POINTER(ips_error),
    ]),
    "ips_store_get_configuration": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_create_options), ctypes.POINTER(ips_error),
    ]),
    "ips_store_put_buffer": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error),
    ]),
    "ips_store_put_descriptor": (ips_status, [
        ctypes.c_void_p, ctypes.c_int, ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_cid),
        ctypes.POINTER(ips_error),
    ]),
    "ips_store_put_callback": (ips_status, [
        ctypes.c_void_p, ips_read_callback, ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_cid),
        ctypes.POINTER(ips_error),
    ]),
    "ips_store_has": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ctypes.c_bool), ctypes.POINTER(ips_error),
    ]),
    "ips_store_size": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ctypes.c_uint64), ctypes.POINTER(ips_error),
    ]),
    "ips_store_get_buffer": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.c_void_p, ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ips_error),
    ]),
    "ips_store_read_at": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.c_uint64, ctypes.c_void_p, ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ips_error),
    ]),
    "ips_store_get_descriptor": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.c_uint64, ctypes.c_uint64, ctypes.c_int,
        ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_error),
    ]),
    "ips_store_get_callback": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.c_uint64, ctypes.c_uint64, ips_write_callback,
        ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_error),
    ]),
    "ips_store_put_block": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.c_uint64, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error),
    ]),
    "ips_store_get_block": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.c_void_p, ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ips_error),
    ]),
    "ips_store_put_node": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error),
    ]),
    "ips_store_get_node": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.c_void_p, ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ips_error),
    ]),
    "ips_store_get_value": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ips_error),
    ]),
    "ips_store_edit_node": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.c_char_p, ctypes.POINTER(ips_node_change),
        ctypes.c_size_t, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error),
    ]),
    "ips_store_elements": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p),
        ctypes.POINTER(ips_error),
    ]),
    "ips_block_information_init": (None, [ctypes.POINTER(ips_block_information), ctypes.c_size_t]),
    "ips_store_inspect": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_block_information),
        ctypes.POINTER(ips_error),
    ]),
    "ips_store_links": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_store_view": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_view_bytes": (ips_bytes, [ctypes.c_void_p]),
    "ips_view_close": (None, [ctypes.c_void_p]),
    "ips_batch_begin": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_batch_put_buffer": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error),
    ]),
    "ips_batch_put_descriptor": (ips_status, [
        ctypes.c_void_p, ctypes.c_int, ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_cid),
        ctypes.POINTER(ips_error),
    ]),
    "ips_batch_put_callback": (ips_status, [
        ctypes.c_void_p, ips_read_callback, ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_cid),
        ctypes.POINTER(ips_error),
    ]),
    "ips_batch_put_block": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.c_uint64, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error),
    ]),
    "ips_batch_put_node": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error),
    ]),
    "ips_batch_edit_node": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.c_char_p, ctypes.POINTER(ips_node_change),
        ctypes.c_size_t, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error),
    ]),
    "ips_batch_set_root": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error),
    ]),
    "ips_batch_swap_root": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_cid),
        ctypes.POINTER(ips_error),
    ]),
    "ips_batch_hold": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.c_char_p, ctypes.POINTER(ips_error),
    ]),
    "ips_batch_commit": (ips_status, [ctypes.c_void_p, ctypes.POINTER(ips_error)]),
    "ips_batch_abort": (ips_status, [ctypes.c_void_p, ctypes.POINTER(ips_error)]),
    "ips_batch_free": (None, [ctypes.c_void_p]),
    "ips_root_get": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error),
    ]),
    "ips_root_set": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error),
    ]),
    "ips_root_swap": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_cid),
        ctypes.POINTER(ips_error),
    ]),
    "ips_gc_report_init": (None, [ctypes.POINTER(ips_gc_report), ctypes.c_size_t]),
    "ips_root_delete": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ips_cid), ctypes.c_uint64,
        ctypes.POINTER(ips_gc_report), ctypes.POINTER(ips_error),
    ]),
    "ips_root_list": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_root_list_base": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_store_retain": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.c_char_p, ctypes.POINTER(ips_error),
    ]),
    "ips_store_dereference": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.c_char_p, ctypes.c_uint64,
        ctypes.POINTER(ips_gc_report), ctypes.POINTER(ips_error),
    ]),
    "ips_store_holds": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_reader_open": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_reader_read_at": (ips_status, [
        ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t),
        ctypes.POINTER(ips_error),
    ]),
    "ips_reader_read": (ips_status, [
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t),
        ctypes.POINTER(ips_error),
    ]),
    "ips_reader_seek": (ips_status, [
        ctypes.c_void_p, ctypes.c_int64, ctypes.c_int, ctypes.POINTER(ctypes.c_uint64),
        ctypes.POINTER(ips_error),
    ]),
    "ips_reader_tell": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint64), ctypes.POINTER(ips_error),
    ]),
    "ips_reader_size": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint64), ctypes.POINTER(ips_error),
    ]),
    "ips_reader_close": (None, [ctypes.c_void_p]),
    "ips_store_diff": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_cid), ctypes.POINTER(ctypes.c_void_p),
        ctypes.POINTER(ips_error),
    ]),
    "ips_writer_open": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ips_progress, ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_batch_open_writer": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ips_progress, ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_writer_write_at": (ips_status, [
        ctypes.c_void_p, ctypes.c_uint64, ips_bytes, ctypes.POINTER(ips_error),
    ]),
    "ips_writer_append": (ips_status, [ctypes.c_void_p, ips_bytes, ctypes.POINTER(ips_error)]),
    "ips_writer_truncate": (ips_status, [ctypes.c_void_p, ctypes.c_uint64, ctypes.POINTER(ips_error)]),
    "ips_writer_read_at": (ips_status, [
        ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t),
        ctypes.POINTER(ips_error),
    ]),
    "ips_writer_size": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint64), ctypes.POINTER(ips_error),
    ]),
    "ips_writer_flush": (ips_status, [ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error)]),
    "ips_writer_commit": (ips_status, [ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error)]),
    "ips_writer_abort": (ips_status, [ctypes.c_void_p, ctypes.POINTER(ips_error)]),
    "ips_writer_close": (None, [ctypes.c_void_p]),
    "ips_iter_next_cid": (ips_status, [ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error)]),
    "ips_iter_next_root": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_root), ctypes.POINTER(ips_error),
    ]),
    "ips_iter_next_hold": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_hold), ctypes.POINTER(ips_error),
    ]),
    "ips_iter_next_problem": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_problem), ctypes.POINTER(ips_error),
    ]),
    "ips_iter_next_change": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_change), ips_progress, ctypes.c_void_p,
        ctypes.POINTER(ips_error),
    ]),
    "ips_iter_next_element": (ips_status, [
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t), ctypes.c_void_p,
        ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ips_error),
    ]),
    "ips_iter_tell_element": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint64), ctypes.POINTER(ctypes.c_uint64),
        ctypes.POINTER(ctypes.c_bool), ctypes.POINTER(ips_error),
    ]),
    "ips_iter_seek_element": (ips_status, [ctypes.c_void_p, ctypes.c_uint64, ctypes.POINTER(ips_error)]),
    "ips_iter_seek_key": (ips_status, [ctypes.c_void_p, ips_bytes, ctypes.POINTER(ips_error)]),
    "ips_iter_close": (None, [ctypes.c_void_p]),
    "ips_store_gc": (ips_status, [
        ctypes.c_void_p, ctypes.c_uint64, ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_gc_report),
        ctypes.POINTER(ips_error),
    ]),
    "ips_usage_init": (None, [ctypes.POINTER(ips_usage), ctypes.c_size_t]),
    "ips_store_usage": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ctypes.c_char_p), ctypes.c_size_t, ips_progress, ctypes.c_void_p,
        ctypes.POINTER(ips_usage), ctypes.POINTER(ips_error),
    ]),
    "ips_store_gc_dry_run": (ips_status, [
        ctypes.c_void_p, ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_usage), ctypes.POINTER(ips_error),
    ]),
    "ips_stat_init": (None, [ctypes.POINTER(ips_stat), ctypes.c_size_t]),
    "ips_store_stat": (ips_status, [ctypes.c_void_p, ctypes.POINTER(ips_stat), ctypes.POINTER(ips_error)]),
    "ips_verify_report_init": (None, [ctypes.POINTER(ips_verify_report), ctypes.c_size_t]),
    "ips_store_verify": (ips_status, [
        ctypes.c_void_p, ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_verify_report),
        ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_repair_report_init": (None, [ctypes.POINTER(ips_repair_report), ctypes.c_size_t]),
    "ips_store_repair": (ips_status, [
        ctypes.c_char_p, ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_repair_report),
        ctypes.POINTER(ips_error),
    ]),
    "ips_heal_report_init": (None, [ctypes.POINTER(ips_heal_report), ctypes.c_size_t]),
    "ips_store_repair_from": (ips_status, [
        ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t, ips_progress, ctypes.c_void_p,
        ctypes.POINTER(ips_repair_report), ctypes.POINTER(ips_heal_report), ctypes.POINTER(ips_error),
    ]),
    "ips_store_heal": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t, ips_progress, ctypes.c_void_p,
        ctypes.POINTER(ips_heal_report), ctypes.POINTER(ips_error),
    ]),
    "ips_store_create_layer": (ips_status, [
        ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p), ctypes.c_size_t,
        ctypes.POINTER(ips_create_options), ctypes.POINTER(ips_error),
    ]),
    "ips_store_create_memory": (ips_status, [
        ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t, ctypes.POINTER(ips_create_options),
        ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_copy_report_init": (None, [ctypes.POINTER(ips_copy_report), ctypes.c_size_t]),
    "ips_store_copy": (ips_status, [
        ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.c_char_p, ips_progress,
        ctypes.c_void_p, ctypes.POINTER(ips_copy_report), ctypes.POINTER(ips_error),
    ]),
    "ips_root_find": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error),
    ]),
    "ips_store_bases": (ips_status, [
        ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_iter_next_base": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_base), ctypes.POINTER(ips_error),
    ]),
    "ips_store_add_base": (ips_status, [ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(ips_error)]),
    "ips_store_set_base": (ips_status, [
        ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(ips_error),
    ]),
    "ips_store_flatten": (ips_status, [
        ctypes.c_char_p, ctypes.c_uint32, ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_copy_report),
        ctypes.POINTER(ips_error),
    ]),
    "ips_store_seal": (ips_status, [ctypes.c_void_p, ctypes.POINTER(ips_error)]),
    "ips_store_forks": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_iter_next_fork": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_fork), ctypes.POINTER(ips_error),
    ]),
    "ips_store_forget_fork": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_error),
    ]),
    "ips_fs_entry_init": (None, [ctypes.POINTER(ips_fs_entry), ctypes.c_size_t]),
    "ips_fs_open": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ips_progress, ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_open_branch": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_close": (None, [ctypes.c_void_p]),
    "ips_fs_commit": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ips_progress, ctypes.c_void_p,
        ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_stat": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.c_bool, ctypes.POINTER(ips_fs_entry), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_list": (ips_status, [
        ctypes.c_void_p, ips_bytes, ips_bytes, ctypes.c_uint32, ctypes.POINTER(ctypes.c_void_p),
        ctypes.POINTER(ips_error),
    ]),
    "ips_fs_walk": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.c_uint32, ctypes.POINTER(ctypes.c_void_p),
        ctypes.POINTER(ips_error),
    ]),
    "ips_iter_next_entry": (ips_status, [
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t),
        ctypes.POINTER(ips_fs_entry), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_read_link": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t),
        ctypes.POINTER(ips_error),
    ]),
    "ips_fs_make_directory": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.c_uint32, ctypes.c_bool, ctypes.POINTER(ips_error),
    ]),
    "ips_fs_make_node": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.c_int32, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32,
        ctypes.POINTER(ips_error),
    ]),
    "ips_fs_make_symlink": (ips_status, [ctypes.c_void_p, ips_bytes, ips_bytes, ctypes.POINTER(ips_error)]),
    "ips_fs_make_cid_link": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_link": (ips_status, [ctypes.c_void_p, ips_bytes, ips_bytes, ctypes.POINTER(ips_error)]),
    "ips_fs_rename": (ips_status, [
        ctypes.c_void_p, ips_bytes, ips_bytes, ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_error),
    ]),
    "ips_fs_copy": (ips_status, [
        ctypes.c_void_p, ips_bytes, ips_bytes, ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_error),
    ]),
    "ips_fs_restore": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.POINTER(ips_cid), ips_bytes, ips_progress, ctypes.c_void_p,
        ctypes.POINTER(ips_error),
    ]),
    "ips_fs_remove": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.c_bool, ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_error),
    ]),
    "ips_fs_set_mode": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.c_uint32, ctypes.c_bool, ips_progress, ctypes.c_void_p,
        ctypes.POINTER(ips_error),
    ]),
    "ips_fs_set_owner": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_bool, ips_progress,
        ctypes.c_void_p, ctypes.POINTER(ips_error),
    ]),
    "ips_fs_set_time": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.c_int64, ctypes.c_uint32, ctypes.c_bool, ips_progress,
        ctypes.c_void_p, ctypes.POINTER(ips_error),
    ]),
    "ips_fs_set_sync": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.c_int32, ctypes.c_bool, ips_progress, ctypes.c_void_p,
        ctypes.POINTER(ips_error),
    ]),
    "ips_fs_get_attribute": (ips_status, [
        ctypes.c_void_p, ips_bytes, ips_bytes, ctypes.c_void_p, ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_list_attributes": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t),
        ctypes.POINTER(ips_error),
    ]),
    "ips_fs_set_attribute": (ips_status, [
        ctypes.c_void_p, ips_bytes, ips_bytes, ips_bytes, ips_progress, ctypes.c_void_p,
        ctypes.POINTER(ips_error),
    ]),
    "ips_fs_get_attribute_value": (ips_status, [
        ctypes.c_void_p, ips_bytes, ips_bytes, ctypes.c_void_p, ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_set_attribute_value": (ips_status, [
        ctypes.c_void_p, ips_bytes, ips_bytes, ips_bytes, ips_progress, ctypes.c_void_p,
        ctypes.POINTER(ips_error),
    ]),
    "ips_fs_remove_attribute": (ips_status, [
        ctypes.c_void_p, ips_bytes, ips_bytes, ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_error),
    ]),
    "ips_fs_put_file": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.POINTER(ips_cid), ctypes.c_uint32, ips_progress, ctypes.c_void_p,
        ctypes.POINTER(ips_error),
    ]),
    "ips_fs_file_open": (ips_status, [
        ctypes.c_void_p, ips_bytes, ctypes.c_uint32, ctypes.c_uint32, ips_progress, ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_file_size": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint64), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_file_read_at": (ips_status, [
        ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t),
        ctypes.POINTER(ips_error),
    ]),
    "ips_fs_file_write_at": (ips_status, [
        ctypes.c_void_p, ctypes.c_uint64, ips_bytes, ctypes.POINTER(ips_error),
    ]),
    "ips_fs_file_truncate": (ips_status, [ctypes.c_void_p, ctypes.c_uint64, ctypes.POINTER(ips_error)]),
    "ips_fs_file_commit": (ips_status, [ctypes.c_void_p, ctypes.POINTER(ips_error)]),
    "ips_fs_file_close": (None, [ctypes.c_void_p]),
    "ips_fs_branch_get": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_fork": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.c_char_p, ctypes.POINTER(ips_error),
    ]),
    "ips_fs_branch_delete": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_error),
    ]),
    "ips_fs_branch_usage": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_usage),
        ctypes.POINTER(ips_error),
    ]),
    "ips_fs_branch_copy": (ips_status, [
        ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.c_char_p, ctypes.c_uint64,
        ctypes.c_bool, ips_progress, ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint64),
        ctypes.POINTER(ips_copy_report), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_tag_copy": (ips_status, [
        ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.c_char_p, ctypes.c_bool,
        ips_progress, ctypes.c_void_p, ctypes.POINTER(ips_copy_report), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_tag_set": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ips_cid), ctypes.c_bool, ctypes.POINTER(ips_error),
    ]),
    "ips_fs_tag_get": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_tag_delete": (ips_status, [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ips_error)]),
    "ips_fs_version_init": (None, [ctypes.POINTER(ips_fs_version), ctypes.c_size_t]),
    "ips_fs_version_get": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_fs_version), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_version_previous": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_history": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_bytes), ctypes.POINTER(ctypes.c_void_p),
        ctypes.POINTER(ips_error),
    ]),
    "ips_iter_next_version": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_fs_version), ips_progress,
        ctypes.c_void_p, ctypes.POINTER(ips_error),
    ]),
    "ips_fs_prune": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint64, ctypes.c_int64, ips_progress, ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_uint64), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_drop_tombstones": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int64, ips_progress, ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_uint64), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_diff": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_cid), ctypes.c_uint32, ips_progress,
        ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_iter_next_difference": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ctypes.c_int32), ctypes.POINTER(ctypes.c_uint32), ctypes.c_void_p,
        ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t), ctypes.c_void_p, ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ips_fs_entry), ctypes.POINTER(ips_fs_entry),
        ctypes.POINTER(ips_error),
    ]),
    "ips_fs_merge_options_init": (None, [ctypes.POINTER(ips_fs_merge_options), ctypes.c_size_t]),
    "ips_fs_merge": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_fs_merge_options),
        ips_progress, ips_fs_decide, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int32),
        ctypes.POINTER(ips_cid), ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_merge_open": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_cid),
        ctypes.POINTER(ips_fs_merge_options), ips_progress, ips_fs_decide, ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_iter_next_conflict": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ctypes.c_int32), ctypes.POINTER(ctypes.c_int32),
        ctypes.POINTER(ctypes.c_uint32), ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t),
        ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ips_fs_entry),
        ctypes.POINTER(ips_fs_entry), ctypes.POINTER(ips_fs_entry), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_overlay": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ctypes.POINTER(ips_cid), ips_progress, ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_import_options_init": (None, [ctypes.POINTER(ips_fs_import_options), ctypes.c_size_t]),
    "ips_fs_import_report_init": (None, [ctypes.POINTER(ips_fs_import_report), ctypes.c_size_t]),
    "ips_fs_import": (ips_status, [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(ips_fs_import_options),
        ips_fs_progress, ips_fs_on_trouble, ctypes.c_void_p, ctypes.POINTER(ips_fs_import_report),
        ctypes.POINTER(ips_error),
    ]),
    "ips_fs_export_options_init": (None, [ctypes.POINTER(ips_fs_export_options), ctypes.c_size_t]),
    "ips_fs_export_report_init": (None, [ctypes.POINTER(ips_fs_export_report), ctypes.c_size_t]),
    "ips_fs_export": (ips_status, [
        ctypes.c_void_p, ctypes.POINTER(ips_cid), ips_bytes, ctypes.c_char_p,
        ctypes.POINTER(ips_fs_export_options), ips_fs_progress, ips_fs_on_trouble, ctypes.c_void_p,
        ctypes.POINTER(ips_fs_export_report), ctypes.POINTER(ips_error),
    ]),
    "ips_fs_remove_directory": (ips_status, [
        ctypes.c_char_p, ips_progress, ips_fs_on_trouble, ctypes.c_void_p, ctypes.POINTER(ips_error),
    ]),
}
