// Written by scripts/abi from include/ipldstore.h, which is the manual; do not edit.

pub const IPS_VERSION_MAJOR: i32 = 0;
pub const IPS_VERSION_MINOR: i32 = 1;
pub const IPS_VERSION_PATCH: i32 = 0;
pub const IPS_VERSION_NUMBER: i32 = 100;
pub const IPS_NAME_MAX: i32 = 255;
pub const IPS_BLOCK_MAX: i32 = 1048576;
pub const IPS_ALL: u64 = u64::MAX;
pub const IPS_NO_LIMIT: u64 = u64::MAX;
pub const IPS_DEFAULT_BUDGET: u64 = u64::MAX - 1;
pub const IPS_CODEC_RAW: u64 = 85;
pub const IPS_CODEC_DAG_PB: u64 = 112;
pub const IPS_CODEC_DAG_CBOR: u64 = 113;
pub const IPS_HASH_IDENTITY: u64 = 0;
pub const IPS_HASH_SHA2_256: u64 = 18;
pub const IPS_HASH_BLAKE3: u64 = 30;
pub const IPS_CID_TEXT_SIZE: i32 = 674;
pub const IPS_CID_BINARY_SIZE: i32 = 84;
pub const IPS_OK: i32 = 0;
pub const IPS_END: i32 = 1;
pub const IPS_NOT_FOUND: i32 = -1;
pub const IPS_CORRUPT: i32 = -2;
pub const IPS_INVALID: i32 = -3;
pub const IPS_EXISTS: i32 = -4;
pub const IPS_CONFLICT: i32 = -5;
pub const IPS_BUSY: i32 = -6;
pub const IPS_FULL: i32 = -7;
pub const IPS_TOO_LARGE: i32 = -8;
pub const IPS_BUFFER_TOO_SMALL: i32 = -9;
pub const IPS_READ_ONLY: i32 = -10;
pub const IPS_PERMISSION: i32 = -11;
pub const IPS_NOT_A_STORE: i32 = -12;
pub const IPS_UNSUPPORTED: i32 = -13;
pub const IPS_IO: i32 = -14;
pub const IPS_CANCELLED: i32 = -15;
pub const IPS_CALLBACK: i32 = -16;
pub const IPS_FORKED: i32 = -17;
pub const IPS_INTERNAL: i32 = -18;
pub const IPS_CHUNKER_FASTCDC: i32 = 0;
pub const IPS_CHUNKER_FIXED: i32 = 1;
pub const IPS_LAYOUT_BALANCED: i32 = 0;
pub const IPS_LAYOUT_FLAT: i32 = 1;
pub const IPS_COMPRESSION_ZSTD: i32 = 0;
pub const IPS_COMPRESSION_NONE: i32 = 1;
pub const IPS_KIND_LMDB: i32 = 0;
pub const IPS_KIND_FLATFS: i32 = 1;
pub const IPS_KIND_MEMORY: i32 = 2;
pub const IPS_OPEN_READ_ONLY: i32 = 1;
pub const IPS_NODE_SET: i32 = 1;
pub const IPS_NODE_REMOVE: i32 = 2;
pub const IPS_NODE_REPLACE: i32 = 3;
pub const IPS_SEEK_START: i32 = 0;
pub const IPS_SEEK_CURRENT: i32 = 1;
pub const IPS_SEEK_END: i32 = 2;
pub const IPS_PROBLEM_DAMAGED_BLOCK: i32 = 1;
pub const IPS_PROBLEM_WRONG_COUNT: i32 = 2;
pub const IPS_PROBLEM_WRONG_DEAD_QUEUE: i32 = 3;
pub const IPS_PROBLEM_WRONG_ABSENT: i32 = 4;
pub const IPS_PROBLEM_MISSING_BLOCK: i32 = 5;
pub const IPS_PROBLEM_WRONG_SIZE: i32 = 6;
pub const IPS_PROBLEM_WRONG_COUNTER: i32 = 7;
pub const IPS_PROBLEM_WRONG_PACK: i32 = 8;
pub const IPS_PROBLEM_WRONG_JOURNAL: i32 = 9;
pub const IPS_PROBLEM_DAMAGED_INDEX: i32 = 10;
pub const IPS_PROBLEM_UNKNOWN_LEASE_TABLE: i32 = 11;
pub const IPS_PROBLEM_WRONG_LOAN: i32 = 12;
pub const IPS_PROBLEM_SURPLUS_HOLD: i32 = 13;
pub const IPS_FLATTEN_KEEP_GOING: i32 = 1;
pub const IPS_FORK_PRESENT: i32 = 1;
pub const IPS_FORK_GONE: i32 = 2;
pub const IPS_FORK_EXTERNAL: i32 = 3;
pub const IPS_FORK_UNKNOWN: i32 = 4;
pub const IPS_FS_FILE: i32 = 1;
pub const IPS_FS_DIRECTORY: i32 = 2;
pub const IPS_FS_SYMLINK: i32 = 3;
pub const IPS_FS_CID_LINK: i32 = 4;
pub const IPS_FS_FIFO: i32 = 5;
pub const IPS_FS_SOCKET: i32 = 6;
pub const IPS_FS_CHARACTER_DEVICE: i32 = 7;
pub const IPS_FS_BLOCK_DEVICE: i32 = 8;
pub const IPS_FS_TOMBSTONE: i32 = 9;
pub const IPS_FS_SYNC_DEFAULT: i32 = 0;
pub const IPS_FS_SYNC_RAFT: i32 = 1;
pub const IPS_FS_SYNC_MERKLE_CRDT: i32 = 2;
pub const IPS_FS_ALL: i32 = 1;
pub const IPS_FS_RENAMES: i32 = 2;
pub const IPS_FS_READ: i32 = 0;
pub const IPS_FS_WRITE: i32 = 1;
pub const IPS_FS_CREATE: i32 = 2;
pub const IPS_FS_TRUNCATE: i32 = 4;
pub const IPS_FS_ADDED: i32 = 1;
pub const IPS_FS_REMOVED: i32 = 2;
pub const IPS_FS_MODIFIED: i32 = 3;
pub const IPS_FS_RENAMED: i32 = 4;
pub const IPS_FS_TOMBSTONE_DIFFERS: i32 = 5;
pub const IPS_FS_TYPE: i32 = 1;
pub const IPS_FS_CONTENT: i32 = 2;
pub const IPS_FS_MODE: i32 = 4;
pub const IPS_FS_OWNER: i32 = 8;
pub const IPS_FS_TIME: i32 = 16;
pub const IPS_FS_ATTRIBUTES: i32 = 32;
pub const IPS_FS_SYNC: i32 = 64;
pub const IPS_FS_HARD_LINK: i32 = 128;
pub const IPS_FS_OTHER: i32 = 256;
pub const IPS_FS_REPORT: i32 = 0;
pub const IPS_FS_OURS: i32 = 1;
pub const IPS_FS_THEIRS: i32 = 2;
pub const IPS_FS_NEWEST: i32 = 3;
pub const IPS_FS_BOTH: i32 = 4;
pub const IPS_FS_ASK: i32 = 5;
pub const IPS_FS_BOTH_MODIFIED: i32 = 1;
pub const IPS_FS_MODIFIED_DELETED: i32 = 2;
pub const IPS_FS_BOTH_ADDED: i32 = 3;
pub const IPS_FS_FILE_DIRECTORY: i32 = 4;
pub const IPS_FS_BOTH_RENAMED: i32 = 5;
pub const IPS_FS_DIRECTORY_DELETED: i32 = 6;
pub const IPS_FS_NO_FAST_FORWARD: i32 = 7;
pub const IPS_FS_ALWAYS_VERSION: i32 = 1;
pub const IPS_FS_UP_TO_DATE: i32 = 1;
pub const IPS_FS_FAST_FORWARD: i32 = 2;
pub const IPS_FS_MERGED: i32 = 3;
pub const IPS_FS_UNREAD: i32 = 1;
pub const IPS_FS_CHANGING: i32 = 2;
pub const IPS_FS_UNMADE: i32 = 3;
pub const IPS_FS_OWNER_REFUSED: i32 = 4;
pub const IPS_FS_METADATA_REFUSED: i32 = 5;
pub const IPS_FS_UNREMOVED: i32 = 6;
pub const IPS_FS_FULL: i32 = 1;
pub const IPS_FS_ONE_FILE_SYSTEM: i32 = 2;
pub const IPS_FS_STAT_ATTRIBUTE: i32 = 4;
pub const IPS_FS_KEEP_GOING: i32 = 8;
pub const IPS_FS_REFUSE: i32 = 0;
pub const IPS_FS_REPLACE: i32 = 1;
pub const IPS_FS_INTO: i32 = 2;

pub type ips_status = i32;

opaque! { ips_store, ips_batch, ips_view, ips_reader, ips_writer, ips_iter, ips_fs, ips_fs_file }

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_error {
    pub code: i32,
    pub os_errno: i32,
    pub message: [c_char; 504],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_bytes {
    pub data: *const c_void,
    pub len: usize,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_cid {
    pub codec: u64,
    pub hash: u64,
    pub version: u8,
    pub digest_length: u8,
    pub reserved: [u8; 6],
    pub digest: [u8; 64],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_create_options {
    pub struct_size: u32,
    pub chunker: u32,
    pub chunk_average: u32,
    pub chunk_minimum: u32,
    pub chunk_maximum: u32,
    pub chunk_normalization: u32,
    pub layout: u32,
    pub node_minimum: u32,
    pub node_expected: u32,
    pub node_maximum: u32,
    pub hash: u64,
    pub compression: u32,
    pub compression_level: u32,
    pub kind: u32,
    pub flatfs_levels: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_open_options {
    pub struct_size: u32,
    pub flags: u32,
    pub owner: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_store_information {
    pub struct_size: u32,
    pub is_read_only: u32,
    pub identity: [c_char; 40],
    pub layout: [c_char; 168],
    pub compression: [c_char; 32],
    pub warning: [c_char; 256],
    pub kind: u32,
    pub is_sealed: u32,
    pub bases: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_node_change {
    pub kind: u32,
    pub reserved: u32,
    pub key: ips_bytes,
    pub position: u64,
    pub count: u64,
    pub values: ips_bytes,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_block_information {
    pub struct_size: u32,
    pub reserved: u32,
    pub raw_length: u64,
    pub stored_length: u64,
    pub references: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_gc_report {
    pub struct_size: u32,
    pub is_complete: u32,
    pub blocks: u64,
    pub stored_bytes: u64,
    pub remaining: u64,
    pub reclaimed_bytes: u64,
    pub packs: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_root {
    pub cid: ips_cid,
    pub name: [c_char; 256],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_hold {
    pub cid: ips_cid,
    pub count: u64,
    pub owner: [c_char; 256],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_problem {
    pub kind: i32,
    pub has_cid: u32,
    pub cid: ips_cid,
    pub message: [c_char; 512],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_change {
    pub old_offset: u64,
    pub old_length: u64,
    pub new_offset: u64,
    pub new_length: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_usage {
    pub struct_size: u32,
    pub reserved: u32,
    pub logical_bytes: u64,
    pub exclusive_blocks: u64,
    pub exclusive_bytes: u64,
    pub shared_bytes: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_stat {
    pub struct_size: u32,
    pub reserved: u32,
    pub blocks: u64,
    pub raw_bytes: u64,
    pub stored_bytes: u64,
    pub dead_blocks: u64,
    pub dead_bytes: u64,
    pub set_aside_blocks: u64,
    pub roots: u64,
    pub holds: u64,
    pub leases: u64,
    pub packs: u64,
    pub index_bytes: u64,
    pub epoch: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_verify_report {
    pub struct_size: u32,
    pub reserved: u32,
    pub blocks: u64,
    pub raw_bytes: u64,
    pub problems: u64,
    pub missing_links: u64,
    pub missing_blocks: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_repair_report {
    pub struct_size: u32,
    pub reserved: u32,
    pub blocks: u64,
    pub damaged_records: u64,
    pub roots: u64,
    pub holds: u64,
    pub lost_names: u64,
    pub missing_blocks: u64,
    pub recovered_roots: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_heal_report {
    pub struct_size: u32,
    pub reserved: u32,
    pub healed: u64,
    pub missing: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_copy_report {
    pub struct_size: u32,
    pub reserved: u32,
    pub visited: u64,
    pub blocks: u64,
    pub bytes: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_base {
    pub identity: [c_char; 40],
    pub path: [c_char; 4096],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_fork {
    pub identity: [c_char; 40],
    pub state: i32,
    pub reserved: u32,
    pub holds: u64,
    pub path: [c_char; 4096],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_fs_entry {
    pub struct_size: u32,
    pub kind: i32,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub sync: i32,
    pub size: u64,
    pub mtime_seconds: i64,
    pub mtime_nanoseconds: u32,
    pub device_major: u32,
    pub device_minor: u32,
    pub has_cid: u32,
    pub cid: ips_cid,
    pub entries: u64,
    pub tombstones: u64,
    pub hard_link: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_fs_version {
    pub struct_size: u32,
    pub previous_count: u32,
    pub previous: ips_cid,
    pub tree: ips_cid,
    pub time_seconds: i64,
    pub time_nanoseconds: u32,
    pub reserved: u32,
    pub generation: u64,
    pub author: [c_char; 256],
    pub message: [c_char; 1024],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_fs_conflict {
    pub kind: i32,
    pub fields: u32,
    pub path: ips_bytes,
    pub other_path: ips_bytes,
    pub base: *const ips_fs_entry,
    pub ours: *const ips_fs_entry,
    pub theirs: *const ips_fs_entry,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_fs_merge_options {
    pub struct_size: u32,
    pub policy: i32,
    pub flags: u32,
    pub reserved: u32,
    pub suffix: *const c_char,
    pub message: *const c_char,
    pub author: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_fs_transfer {
    pub entries: u64,
    pub bytes: u64,
    pub total_entries: u64,
    pub total_bytes: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_fs_trouble {
    pub kind: i32,
    pub status: i32,
    pub os_errno: i32,
    pub reserved: u32,
    pub path: ips_bytes,
    pub message: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_fs_import_options {
    pub struct_size: u32,
    pub flags: u32,
    pub message: *const c_char,
    pub author: *const c_char,
    pub path: ips_bytes,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_fs_import_report {
    pub struct_size: u32,
    pub is_unchanged: u32,
    pub tree: ips_cid,
    pub version: ips_cid,
    pub entries: u64,
    pub files: u64,
    pub bytes: u64,
    pub files_read: u64,
    pub bytes_read: u64,
    pub unread: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_fs_export_options {
    pub struct_size: u32,
    pub flags: u32,
    pub existing: i32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ips_fs_export_report {
    pub struct_size: u32,
    pub reserved: u32,
    pub entries: u64,
    pub files: u64,
    pub bytes: u64,
    pub unmade: u64,
    pub without_owner: u64,
    pub without_metadata: u64,
    pub damaged: u64,
}

pub type ips_progress = Option<unsafe extern "C" fn(context: *mut c_void, done: u64) -> ips_status>;
pub type ips_read_callback = Option<unsafe extern "C" fn(
    context: *mut c_void, buffer: *mut c_void, capacity: usize, got: *mut usize,
) -> ips_status>;
pub type ips_write_callback = Option<unsafe extern "C" fn(
    context: *mut c_void, data: *const c_void, length: usize,
) -> ips_status>;
pub type ips_fs_decide = Option<unsafe extern "C" fn(
    context: *mut c_void, conflict: *const ips_fs_conflict, resolution: *mut i32,
) -> ips_status>;
pub type ips_fs_progress = Option<unsafe extern "C" fn(
    context: *mut c_void, done: *const ips_fs_transfer,
) -> ips_status>;
pub type ips_fs_on_trouble = Option<unsafe extern "C" fn(
    context: *mut c_void, trouble: *const ips_fs_trouble,
) -> ips_status>;

extern "C" {
    pub fn ips_strerror(status: ips_status) -> *const c_char;
    pub fn ips_version_number() -> u32;
    pub fn ips_version_string() -> *const c_char;
    pub fn ips_build_info() -> *const c_char;
    pub fn ips_cid_parse(text: *const c_char, cid: *mut ips_cid, error: *mut ips_error) -> ips_status;
    pub fn ips_cid_format(
        cid: *const ips_cid, base: c_char, buffer: *mut c_char, capacity: usize, length: *mut usize,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_cid_from_bytes(bytes: ips_bytes, cid: *mut ips_cid, error: *mut ips_error) -> ips_status;
    pub fn ips_cid_to_bytes(
        cid: *const ips_cid, buffer: *mut c_void, capacity: usize, length: *mut usize, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_cid_of_block(
        block: ips_bytes, codec: u64, hash: u64, cid: *mut ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_cid_compare(a: *const ips_cid, b: *const ips_cid) -> c_int;
    pub fn ips_create_options_init(options: *mut ips_create_options, struct_size: usize);
    pub fn ips_store_create(
        path: *const c_char, options: *const ips_create_options, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_open_options_init(options: *mut ips_open_options, struct_size: usize);
    pub fn ips_store_open(
        path: *const c_char, options: *const ips_open_options, store: *mut *mut ips_store,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_close(store: *mut ips_store);
    pub fn ips_store_information_init(information: *mut ips_store_information, struct_size: usize);
    pub fn ips_store_get_information(
        store: *const ips_store, information: *mut ips_store_information, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_get_configuration(
        store: *const ips_store, options: *mut ips_create_options, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_put_buffer(
        store: *mut ips_store, data: ips_bytes, cid: *mut ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_put_descriptor(
        store: *mut ips_store, descriptor: c_int, progress: ips_progress, context: *mut c_void,
        cid: *mut ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_put_callback(
        store: *mut ips_store, read: ips_read_callback, progress: ips_progress, context: *mut c_void,
        cid: *mut ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_has(
        store: *const ips_store, cid: *const ips_cid, is_here: *mut bool, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_size(
        store: *const ips_store, cid: *const ips_cid, size: *mut u64, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_get_buffer(
        store: *const ips_store, cid: *const ips_cid, buffer: *mut c_void, capacity: usize,
        length: *mut usize, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_read_at(
        store: *const ips_store, cid: *const ips_cid, offset: u64, buffer: *mut c_void, capacity: usize,
        got: *mut usize, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_get_descriptor(
        store: *const ips_store, cid: *const ips_cid, offset: u64, length: u64, descriptor: c_int,
        progress: ips_progress, context: *mut c_void, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_get_callback(
        store: *const ips_store, cid: *const ips_cid, offset: u64, length: u64, write: ips_write_callback,
        progress: ips_progress, context: *mut c_void, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_put_block(
        store: *mut ips_store, block: ips_bytes, codec: u64, cid: *mut ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_get_block(
        store: *const ips_store, cid: *const ips_cid, buffer: *mut c_void, capacity: usize,
        length: *mut usize, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_put_node(
        store: *mut ips_store, dag_cbor: ips_bytes, cid: *mut ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_get_node(
        store: *const ips_store, cid: *const ips_cid, buffer: *mut c_void, capacity: usize,
        length: *mut usize, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_get_value(
        store: *const ips_store, cid: *const ips_cid, path: *const c_char, buffer: *mut c_void,
        capacity: usize, length: *mut usize, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_edit_node(
        store: *mut ips_store, cid: *const ips_cid, path: *const c_char, changes: *const ips_node_change,
        count: usize, edited: *mut ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_elements(
        store: *const ips_store, cid: *const ips_cid, path: *const c_char, elements: *mut *mut ips_iter,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_block_information_init(information: *mut ips_block_information, struct_size: usize);
    pub fn ips_store_inspect(
        store: *const ips_store, cid: *const ips_cid, information: *mut ips_block_information,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_links(
        store: *const ips_store, cid: *const ips_cid, links: *mut *mut ips_iter, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_view(
        store: *const ips_store, cid: *const ips_cid, view: *mut *mut ips_view, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_view_bytes(view: *const ips_view) -> ips_bytes;
    pub fn ips_view_close(view: *mut ips_view);
    pub fn ips_batch_begin(
        store: *mut ips_store, batch: *mut *mut ips_batch, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_batch_put_buffer(
        batch: *mut ips_batch, data: ips_bytes, cid: *mut ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_batch_put_descriptor(
        batch: *mut ips_batch, descriptor: c_int, progress: ips_progress, context: *mut c_void,
        cid: *mut ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_batch_put_callback(
        batch: *mut ips_batch, read: ips_read_callback, progress: ips_progress, context: *mut c_void,
        cid: *mut ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_batch_put_block(
        batch: *mut ips_batch, block: ips_bytes, codec: u64, cid: *mut ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_batch_put_node(
        batch: *mut ips_batch, dag_cbor: ips_bytes, cid: *mut ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_batch_edit_node(
        batch: *mut ips_batch, cid: *const ips_cid, path: *const c_char, changes: *const ips_node_change,
        count: usize, edited: *mut ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_batch_set_root(
        batch: *mut ips_batch, name: *const c_char, cid: *const ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_batch_swap_root(
        batch: *mut ips_batch, name: *const c_char, expected: *const ips_cid, cid: *const ips_cid,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_batch_hold(
        batch: *mut ips_batch, cid: *const ips_cid, owner: *const c_char, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_batch_commit(batch: *mut ips_batch, error: *mut ips_error) -> ips_status;
    pub fn ips_batch_abort(batch: *mut ips_batch, error: *mut ips_error) -> ips_status;
    pub fn ips_batch_free(batch: *mut ips_batch);
    pub fn ips_root_get(
        store: *const ips_store, name: *const c_char, cid: *mut ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_root_set(
        store: *mut ips_store, name: *const c_char, cid: *const ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_root_swap(
        store: *mut ips_store, name: *const c_char, expected: *const ips_cid, cid: *const ips_cid,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_gc_report_init(report: *mut ips_gc_report, struct_size: usize);
    pub fn ips_root_delete(
        store: *mut ips_store, name: *const c_char, expected: *const ips_cid, budget: u64,
        report: *mut ips_gc_report, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_root_list(
        store: *const ips_store, from: *const c_char, roots: *mut *mut ips_iter, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_root_list_base(
        store: *const ips_store, from: *const c_char, roots: *mut *mut ips_iter, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_retain(
        store: *mut ips_store, cid: *const ips_cid, owner: *const c_char, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_dereference(
        store: *mut ips_store, cid: *const ips_cid, owner: *const c_char, budget: u64,
        report: *mut ips_gc_report, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_holds(
        store: *const ips_store, owner: *const c_char, holds: *mut *mut ips_iter, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_reader_open(
        store: *const ips_store, cid: *const ips_cid, reader: *mut *mut ips_reader, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_reader_read_at(
        reader: *const ips_reader, offset: u64, buffer: *mut c_void, capacity: usize, got: *mut usize,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_reader_read(
        reader: *mut ips_reader, buffer: *mut c_void, capacity: usize, got: *mut usize,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_reader_seek(
        reader: *mut ips_reader, offset: i64, origin: c_int, position: *mut u64, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_reader_tell(
        reader: *const ips_reader, position: *mut u64, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_reader_size(reader: *const ips_reader, size: *mut u64, error: *mut ips_error) -> ips_status;
    pub fn ips_reader_close(reader: *mut ips_reader);
    pub fn ips_store_diff(
        store: *const ips_store, from: *const ips_cid, to: *const ips_cid, changes: *mut *mut ips_iter,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_writer_open(
        store: *mut ips_store, cid: *const ips_cid, progress: ips_progress, context: *mut c_void,
        writer: *mut *mut ips_writer, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_batch_open_writer(
        batch: *mut ips_batch, cid: *const ips_cid, progress: ips_progress, context: *mut c_void,
        writer: *mut *mut ips_writer, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_writer_write_at(
        writer: *mut ips_writer, offset: u64, data: ips_bytes, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_writer_append(writer: *mut ips_writer, data: ips_bytes, error: *mut ips_error) -> ips_status;
    pub fn ips_writer_truncate(writer: *mut ips_writer, size: u64, error: *mut ips_error) -> ips_status;
    pub fn ips_writer_read_at(
        writer: *mut ips_writer, offset: u64, buffer: *mut c_void, capacity: usize, got: *mut usize,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_writer_size(writer: *const ips_writer, size: *mut u64, error: *mut ips_error) -> ips_status;
    pub fn ips_writer_flush(writer: *mut ips_writer, cid: *mut ips_cid, error: *mut ips_error) -> ips_status;
    pub fn ips_writer_commit(writer: *mut ips_writer, cid: *mut ips_cid, error: *mut ips_error) -> ips_status;
    pub fn ips_writer_abort(writer: *mut ips_writer, error: *mut ips_error) -> ips_status;
    pub fn ips_writer_close(writer: *mut ips_writer);
    pub fn ips_iter_next_cid(iter: *mut ips_iter, cid: *mut ips_cid, error: *mut ips_error) -> ips_status;
    pub fn ips_iter_next_root(iter: *mut ips_iter, root: *mut ips_root, error: *mut ips_error) -> ips_status;
    pub fn ips_iter_next_hold(iter: *mut ips_iter, hold: *mut ips_hold, error: *mut ips_error) -> ips_status;
    pub fn ips_iter_next_problem(
        iter: *mut ips_iter, problem: *mut ips_problem, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_iter_next_change(
        iter: *mut ips_iter, change: *mut ips_change, progress: ips_progress, context: *mut c_void,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_iter_next_element(
        iter: *mut ips_iter, key: *mut c_void, key_capacity: usize, key_length: *mut usize,
        value: *mut c_void, value_capacity: usize, value_length: *mut usize, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_iter_tell_element(
        iter: *mut ips_iter, position: *mut u64, count: *mut u64, is_map: *mut bool, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_iter_seek_element(iter: *mut ips_iter, position: u64, error: *mut ips_error) -> ips_status;
    pub fn ips_iter_seek_key(iter: *mut ips_iter, key: ips_bytes, error: *mut ips_error) -> ips_status;
    pub fn ips_iter_close(iter: *mut ips_iter);
    pub fn ips_store_gc(
        store: *mut ips_store, budget: u64, progress: ips_progress, context: *mut c_void,
        report: *mut ips_gc_report, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_usage_init(usage: *mut ips_usage, struct_size: usize);
    pub fn ips_store_usage(
        store: *const ips_store, names: *const *const c_char, count: usize, progress: ips_progress,
        context: *mut c_void, usage: *mut ips_usage, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_gc_dry_run(
        store: *const ips_store, progress: ips_progress, context: *mut c_void, usage: *mut ips_usage,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_stat_init(stat: *mut ips_stat, struct_size: usize);
    pub fn ips_store_stat(store: *const ips_store, stat: *mut ips_stat, error: *mut ips_error) -> ips_status;
    pub fn ips_verify_report_init(report: *mut ips_verify_report, struct_size: usize);
    pub fn ips_store_verify(
        store: *mut ips_store, progress: ips_progress, context: *mut c_void, report: *mut ips_verify_report,
        problems: *mut *mut ips_iter, missing: *mut *mut ips_iter, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_repair_report_init(report: *mut ips_repair_report, struct_size: usize);
    pub fn ips_store_repair(
        path: *const c_char, progress: ips_progress, context: *mut c_void, report: *mut ips_repair_report,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_heal_report_init(report: *mut ips_heal_report, struct_size: usize);
    pub fn ips_store_repair_from(
        path: *const c_char, donors: *const *const ips_store, count: usize, progress: ips_progress,
        context: *mut c_void, report: *mut ips_repair_report, healing: *mut ips_heal_report,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_heal(
        store: *mut ips_store, donors: *const *const ips_store, count: usize, progress: ips_progress,
        context: *mut c_void, report: *mut ips_heal_report, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_create_layer(
        path: *const c_char, bases: *const *const c_char, count: usize, options: *const ips_create_options,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_create_memory(
        bases: *const *const ips_store, count: usize, options: *const ips_create_options,
        owner: *const c_char, store: *mut *mut ips_store, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_copy_report_init(report: *mut ips_copy_report, struct_size: usize);
    pub fn ips_store_copy(
        store: *mut ips_store, from: *const ips_store, cid: *const ips_cid, root: *const c_char,
        progress: ips_progress, context: *mut c_void, report: *mut ips_copy_report, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_root_find(
        store: *const ips_store, name: *const c_char, cid: *mut ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_bases(
        path: *const c_char, bases: *mut *mut ips_iter, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_iter_next_base(iter: *mut ips_iter, base: *mut ips_base, error: *mut ips_error) -> ips_status;
    pub fn ips_store_add_base(path: *const c_char, base: *const c_char, error: *mut ips_error) -> ips_status;
    pub fn ips_store_set_base(
        path: *const c_char, was: *const c_char, is_now: *const c_char, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_flatten(
        path: *const c_char, flags: u32, progress: ips_progress, context: *mut c_void,
        report: *mut ips_copy_report, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_store_seal(store: *mut ips_store, error: *mut ips_error) -> ips_status;
    pub fn ips_store_forks(
        store: *const ips_store, forks: *mut *mut ips_iter, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_iter_next_fork(iter: *mut ips_iter, fork: *mut ips_fork, error: *mut ips_error) -> ips_status;
    pub fn ips_store_forget_fork(
        store: *mut ips_store, identity: *const c_char, progress: ips_progress, context: *mut c_void,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_entry_init(entry: *mut ips_fs_entry, struct_size: usize);
    pub fn ips_fs_open(
        store: *const ips_store, cid: *const ips_cid, progress: ips_progress, context: *mut c_void,
        fs: *mut *mut ips_fs, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_open_branch(
        store: *const ips_store, branch: *const c_char, fs: *mut *mut ips_fs, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_close(fs: *mut ips_fs);
    pub fn ips_fs_commit(
        fs: *mut ips_fs, branch: *const c_char, message: *const c_char, author: *const c_char,
        progress: ips_progress, context: *mut c_void, version: *mut ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_stat(
        fs: *mut ips_fs, path: ips_bytes, follow: bool, entry: *mut ips_fs_entry, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_list(
        fs: *mut ips_fs, path: ips_bytes, from: ips_bytes, flags: u32, entries: *mut *mut ips_iter,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_walk(
        fs: *mut ips_fs, path: ips_bytes, flags: u32, entries: *mut *mut ips_iter, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_iter_next_entry(
        iter: *mut ips_iter, name: *mut c_void, capacity: usize, length: *mut usize,
        entry: *mut ips_fs_entry, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_read_link(
        fs: *mut ips_fs, path: ips_bytes, buffer: *mut c_void, capacity: usize, length: *mut usize,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_make_directory(
        fs: *mut ips_fs, path: ips_bytes, mode: u32, parents: bool, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_make_node(
        fs: *mut ips_fs, path: ips_bytes, kind: i32, mode: u32, major: u32, minor: u32,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_make_symlink(
        fs: *mut ips_fs, path: ips_bytes, target: ips_bytes, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_make_cid_link(
        fs: *mut ips_fs, path: ips_bytes, target: *const ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_link(
        fs: *mut ips_fs, existing: ips_bytes, path: ips_bytes, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_rename(
        fs: *mut ips_fs, path: ips_bytes, target: ips_bytes, progress: ips_progress, context: *mut c_void,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_copy(
        fs: *mut ips_fs, path: ips_bytes, target: ips_bytes, progress: ips_progress, context: *mut c_void,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_restore(
        fs: *mut ips_fs, path: ips_bytes, tree: *const ips_cid, from: ips_bytes, progress: ips_progress,
        context: *mut c_void, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_remove(
        fs: *mut ips_fs, path: ips_bytes, tree: bool, progress: ips_progress, context: *mut c_void,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_set_mode(
        fs: *mut ips_fs, path: ips_bytes, mode: u32, follow: bool, progress: ips_progress,
        context: *mut c_void, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_set_owner(
        fs: *mut ips_fs, path: ips_bytes, uid: u32, gid: u32, follow: bool, progress: ips_progress,
        context: *mut c_void, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_set_time(
        fs: *mut ips_fs, path: ips_bytes, seconds: i64, nanoseconds: u32, follow: bool,
        progress: ips_progress, context: *mut c_void, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_set_sync(
        fs: *mut ips_fs, path: ips_bytes, sync: i32, recursively: bool, progress: ips_progress,
        context: *mut c_void, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_get_attribute(
        fs: *mut ips_fs, path: ips_bytes, name: ips_bytes, buffer: *mut c_void, capacity: usize,
        length: *mut usize, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_list_attributes(
        fs: *mut ips_fs, path: ips_bytes, buffer: *mut c_void, capacity: usize, length: *mut usize,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_set_attribute(
        fs: *mut ips_fs, path: ips_bytes, name: ips_bytes, value: ips_bytes, progress: ips_progress,
        context: *mut c_void, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_get_attribute_value(
        fs: *mut ips_fs, path: ips_bytes, name: ips_bytes, buffer: *mut c_void, capacity: usize,
        length: *mut usize, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_set_attribute_value(
        fs: *mut ips_fs, path: ips_bytes, name: ips_bytes, dag_cbor: ips_bytes, progress: ips_progress,
        context: *mut c_void, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_remove_attribute(
        fs: *mut ips_fs, path: ips_bytes, name: ips_bytes, progress: ips_progress, context: *mut c_void,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_put_file(
        fs: *mut ips_fs, path: ips_bytes, cid: *const ips_cid, mode: u32, progress: ips_progress,
        context: *mut c_void, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_file_open(
        fs: *mut ips_fs, path: ips_bytes, flags: u32, mode: u32, progress: ips_progress,
        context: *mut c_void, file: *mut *mut ips_fs_file, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_file_size(file: *mut ips_fs_file, size: *mut u64, error: *mut ips_error) -> ips_status;
    pub fn ips_fs_file_read_at(
        file: *mut ips_fs_file, offset: u64, buffer: *mut c_void, capacity: usize, got: *mut usize,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_file_write_at(
        file: *mut ips_fs_file, offset: u64, data: ips_bytes, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_file_truncate(file: *mut ips_fs_file, size: u64, error: *mut ips_error) -> ips_status;
    pub fn ips_fs_file_commit(file: *mut ips_fs_file, error: *mut ips_error) -> ips_status;
    pub fn ips_fs_file_close(file: *mut ips_fs_file);
    pub fn ips_fs_branch_get(
        store: *const ips_store, branch: *const c_char, version: *mut ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_fork(
        store: *mut ips_store, version: *const ips_cid, branch: *const c_char, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_branch_delete(
        store: *mut ips_store, branch: *const c_char, progress: ips_progress, context: *mut c_void,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_branch_usage(
        store: *const ips_store, branch: *const c_char, progress: ips_progress, context: *mut c_void,
        usage: *mut ips_usage, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_branch_copy(
        store: *mut ips_store, from: *const ips_store, version: *const ips_cid, branch: *const c_char,
        limit: u64, force: bool, progress: ips_progress, context: *mut c_void, versions: *mut u64,
        report: *mut ips_copy_report, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_tag_copy(
        store: *mut ips_store, from: *const ips_store, version: *const ips_cid, tag: *const c_char,
        move_: bool, progress: ips_progress, context: *mut c_void, report: *mut ips_copy_report,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_tag_set(
        store: *mut ips_store, tag: *const c_char, version: *const ips_cid, move_: bool,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_tag_get(
        store: *const ips_store, tag: *const c_char, version: *mut ips_cid, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_tag_delete(store: *mut ips_store, tag: *const c_char, error: *mut ips_error) -> ips_status;
    pub fn ips_fs_version_init(version: *mut ips_fs_version, struct_size: usize);
    pub fn ips_fs_version_get(
        store: *const ips_store, cid: *const ips_cid, version: *mut ips_fs_version, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_version_previous(
        store: *const ips_store, cid: *const ips_cid, previous: *mut *mut ips_iter, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_history(
        store: *const ips_store, version: *const ips_cid, path: *const ips_bytes,
        versions: *mut *mut ips_iter, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_iter_next_version(
        iter: *mut ips_iter, cid: *mut ips_cid, version: *mut ips_fs_version, progress: ips_progress,
        context: *mut c_void, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_prune(
        store: *mut ips_store, branch: *const c_char, keep_last: u64, keep_since: i64,
        progress: ips_progress, context: *mut c_void, dropped: *mut u64, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_drop_tombstones(
        store: *mut ips_store, branch: *const c_char, before_seconds: i64, progress: ips_progress,
        context: *mut c_void, dropped: *mut u64, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_diff(
        store: *const ips_store, old_tree: *const ips_cid, new_tree: *const ips_cid, flags: u32,
        progress: ips_progress, context: *mut c_void, differences: *mut *mut ips_iter, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_iter_next_difference(
        iter: *mut ips_iter, kind: *mut i32, aspects: *mut u32, path: *mut c_void, capacity: usize,
        length: *mut usize, old_path: *mut c_void, old_capacity: usize, old_length: *mut usize,
        old_entry: *mut ips_fs_entry, new_entry: *mut ips_fs_entry, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_merge_options_init(options: *mut ips_fs_merge_options, struct_size: usize);
    pub fn ips_fs_merge(
        store: *mut ips_store, branch: *const c_char, theirs: *const ips_cid,
        options: *const ips_fs_merge_options, progress: ips_progress, decide: ips_fs_decide,
        context: *mut c_void, outcome: *mut i32, version: *mut ips_cid, conflicts: *mut *mut ips_iter,
        error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_merge_open(
        store: *mut ips_store, ours: *const ips_cid, theirs: *const ips_cid,
        options: *const ips_fs_merge_options, progress: ips_progress, decide: ips_fs_decide,
        context: *mut c_void, fs: *mut *mut ips_fs, conflicts: *mut *mut ips_iter, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_iter_next_conflict(
        iter: *mut ips_iter, kind: *mut i32, resolution: *mut i32, fields: *mut u32, path: *mut c_void,
        capacity: usize, length: *mut usize, other_path: *mut c_void, other_capacity: usize,
        other_length: *mut usize, base_entry: *mut ips_fs_entry, our_entry: *mut ips_fs_entry,
        their_entry: *mut ips_fs_entry, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_overlay(
        store: *mut ips_store, layer: *const ips_cid, base: *const ips_cid, progress: ips_progress,
        context: *mut c_void, fs: *mut *mut ips_fs, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_import_options_init(options: *mut ips_fs_import_options, struct_size: usize);
    pub fn ips_fs_import_report_init(report: *mut ips_fs_import_report, struct_size: usize);
    pub fn ips_fs_import(
        store: *mut ips_store, directory: *const c_char, branch: *const c_char,
        options: *const ips_fs_import_options, progress: ips_fs_progress, on_trouble: ips_fs_on_trouble,
        context: *mut c_void, report: *mut ips_fs_import_report, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_export_options_init(options: *mut ips_fs_export_options, struct_size: usize);
    pub fn ips_fs_export_report_init(report: *mut ips_fs_export_report, struct_size: usize);
    pub fn ips_fs_export(
        store: *const ips_store, tree: *const ips_cid, path: ips_bytes, directory: *const c_char,
        options: *const ips_fs_export_options, progress: ips_fs_progress, on_trouble: ips_fs_on_trouble,
        context: *mut c_void, report: *mut ips_fs_export_report, error: *mut ips_error,
    ) -> ips_status;
    pub fn ips_fs_remove_directory(
        directory: *const c_char, progress: ips_progress, on_trouble: ips_fs_on_trouble,
        context: *mut c_void, error: *mut ips_error,
    ) -> ips_status;
}

// Sizes and offsets as a C compiler sees them.
layout! { ips_error: 512, code: 0, os_errno: 4, message: 8 }
layout! { ips_bytes: 16, data: 0, len: 8 }
layout! { ips_cid: 88, codec: 0, hash: 8, version: 16, digest_length: 17, reserved: 18, digest: 24 }
layout! { ips_create_options: 64,
    struct_size: 0, chunker: 4, chunk_average: 8, chunk_minimum: 12, chunk_maximum: 16,
    chunk_normalization: 20, layout: 24, node_minimum: 28, node_expected: 32, node_maximum: 36, hash: 40,
    compression: 48, compression_level: 52, kind: 56, flatfs_levels: 60,
}
layout! { ips_open_options: 16, struct_size: 0, flags: 4, owner: 8 }
layout! { ips_store_information: 520,
    struct_size: 0, is_read_only: 4, identity: 8, layout: 48, compression: 216, warning: 248, kind: 504,
    is_sealed: 508, bases: 512, reserved: 516,
}
layout! { ips_node_change: 56, kind: 0, reserved: 4, key: 8, position: 24, count: 32, values: 40 }
layout! { ips_block_information: 32,
    struct_size: 0, reserved: 4, raw_length: 8, stored_length: 16, references: 24,
}
layout! { ips_gc_report: 48,
    struct_size: 0, is_complete: 4, blocks: 8, stored_bytes: 16, remaining: 24, reclaimed_bytes: 32,
    packs: 40,
}
layout! { ips_root: 344, cid: 0, name: 88 }
layout! { ips_hold: 352, cid: 0, count: 88, owner: 96 }
layout! { ips_problem: 608, kind: 0, has_cid: 4, cid: 8, message: 96 }
layout! { ips_change: 32, old_offset: 0, old_length: 8, new_offset: 16, new_length: 24 }
layout! { ips_usage: 40,
    struct_size: 0, reserved: 4, logical_bytes: 8, exclusive_blocks: 16, exclusive_bytes: 24,
    shared_bytes: 32,
}
layout! { ips_stat: 104,
    struct_size: 0, reserved: 4, blocks: 8, raw_bytes: 16, stored_bytes: 24, dead_blocks: 32, dead_bytes: 40,
    set_aside_blocks: 48, roots: 56, holds: 64, leases: 72, packs: 80, index_bytes: 88, epoch: 96,
}
layout! { ips_verify_report: 48,
    struct_size: 0, reserved: 4, blocks: 8, raw_bytes: 16, problems: 24, missing_links: 32,
    missing_blocks: 40,
}
layout! { ips_repair_report: 64,
    struct_size: 0, reserved: 4, blocks: 8, damaged_records: 16, roots: 24, holds: 32, lost_names: 40,
    missing_blocks: 48, recovered_roots: 56,
}
layout! { ips_heal_report: 24, struct_size: 0, reserved: 4, healed: 8, missing: 16 }
layout! { ips_copy_report: 32, struct_size: 0, reserved: 4, visited: 8, blocks: 16, bytes: 24 }
layout! { ips_base: 4136, identity: 0, path: 40 }
layout! { ips_fork: 4152, identity: 0, state: 40, reserved: 44, holds: 48, path: 56 }
layout! { ips_fs_entry: 168,
    struct_size: 0, kind: 4, mode: 8, uid: 12, gid: 16, sync: 20, size: 24, mtime_seconds: 32,
    mtime_nanoseconds: 40, device_major: 44, device_minor: 48, has_cid: 52, cid: 56, entries: 144,
    tombstones: 152, hard_link: 160,
}
layout! { ips_fs_version: 1488,
    struct_size: 0, previous_count: 4, previous: 8, tree: 96, time_seconds: 184, time_nanoseconds: 192,
    reserved: 196, generation: 200, author: 208, message: 464,
}
layout! { ips_fs_conflict: 64, kind: 0, fields: 4, path: 8, other_path: 24, base: 40, ours: 48, theirs: 56 }
layout! { ips_fs_merge_options: 40,
    struct_size: 0, policy: 4, flags: 8, reserved: 12, suffix: 16, message: 24, author: 32,
}
layout! { ips_fs_transfer: 32, entries: 0, bytes: 8, total_entries: 16, total_bytes: 24 }
layout! { ips_fs_trouble: 40, kind: 0, status: 4, os_errno: 8, reserved: 12, path: 16, message: 32 }
layout! { ips_fs_import_options: 40, struct_size: 0, flags: 4, message: 8, author: 16, path: 24 }
layout! { ips_fs_import_report: 232,
    struct_size: 0, is_unchanged: 4, tree: 8, version: 96, entries: 184, files: 192, bytes: 200,
    files_read: 208, bytes_read: 216, unread: 224,
}
layout! { ips_fs_export_options: 16, struct_size: 0, flags: 4, existing: 8, reserved: 12 }
layout! { ips_fs_export_report: 64,
    struct_size: 0, reserved: 4, entries: 8, files: 16, bytes: 24, unmade: 32, without_owner: 40,
    without_metadata: 48, damaged: 56,
}
