//! Entries of directories: plain values.

use std::num::NonZeroU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ipldstore_sys as sys;

use crate::error::Error;
use crate::Cid;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    File,
    Directory,
    /// A symbolic link to a path.
    Symlink,
    /// A symbolic link to a CID.
    CidLink,
    Fifo,
    Socket,
    CharacterDevice {
        major: u32,
        minor: u32,
    },
    BlockDevice {
        major: u32,
        minor: u32,
    },
    /// That a name was removed.
    Tombstone,
    /// What a later version of the library knows.
    Other(i32),
}

/// How an entry is merged. A child has its parent's when it is added, and keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SyncType {
    /// Conflicts are reported.
    #[default]
    Default,
    /// Changed on one side only.
    Raft,
    /// Always merged, with the same result whoever merges what in which order.
    MerkleCrdt,
    /// What a later version of the library knows.
    Other(i32),
}

impl SyncType {
    pub(super) fn raw(self) -> i32 {
        match self {
            SyncType::Default => sys::IPS_FS_SYNC_DEFAULT,
            SyncType::Raft => sys::IPS_FS_SYNC_RAFT,
            SyncType::MerkleCrdt => sys::IPS_FS_SYNC_MERKLE_CRDT,
            SyncType::Other(number) => number,
        }
    }
}

/// Seconds and nanoseconds since 1970, in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    pub seconds: i64,
    /// Less than 1,000,000,000, and added to the seconds, before 1970 too.
    pub nanoseconds: u32,
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let (seconds, nanoseconds) = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => (i128::from(after.as_secs()), after.subsec_nanos()),
            Err(before) => {
                let before = before.duration();
                match (-i128::from(before.as_secs()), before.subsec_nanos()) {
                    (seconds, 0) => (seconds, 0),
                    (seconds, part) => (seconds - 1, 1_000_000_000 - part),
                }
            }
        };
        // The system's clock has 64 bits for seconds, too.
        let seconds = i64::try_from(seconds).unwrap_or(if seconds < 0 { i64::MIN } else { i64::MAX });
        Timestamp { seconds, nanoseconds }
    }
}

/// Fails for times that `SystemTime` does not reach.
impl TryFrom<Timestamp> for SystemTime {
    type Error = Error;

    fn try_from(time: Timestamp) -> Result<SystemTime, Error> {
        let whole = Duration::from_secs(time.seconds.unsigned_abs());
        let second =
            if time.seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
        second
            .and_then(|second| second.checked_add(Duration::from_nanos(time.nanoseconds.into())))
            .ok_or_else(|| Error::invalid("the time is beyond what the system's clock can say"))
    }
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    pub kind: Kind,
    /// Permissions with set-user-id, set-group-id and sticky bits: 0 to 0o7777.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub sync: SyncType,
    /// Bytes of a file, or of all files below a directory; of a symbolic link's target.
    pub size: u64,
    /// When the content was last changed; of a tombstone, when the entry was removed.
    pub modified: Timestamp,
    /// Of a file longer than 512 bytes that of its bytes; of a directory that is not empty as it was stored
    /// last; of a link to a CID; of a tombstone that of what was there, which may be gone.
    pub cid: Option<Cid>,
    /// Names below a directory, at any depth.
    pub entries: u64,
    /// Tombstones below a directory, at any depth.
    pub tombstones: u64,
    /// Equal for names of one file; none for a file that has one name.
    pub hard_link: Option<NonZeroU64>,
}

impl Entry {
    pub fn is_file(&self) -> bool {
        self.kind == Kind::File
    }

    pub fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }

    /// As the library says it; `None` where it says that there is nothing.
    pub(super) fn from_raw(raw: &sys::ips_fs_entry) -> Option<Entry> {
        let (major, minor) = (raw.device_major, raw.device_minor);
        let kind = match raw.kind {
            0 => return None,
            sys::IPS_FS_FILE => Kind::File,
            sys::IPS_FS_DIRECTORY => Kind::Directory,
            sys::IPS_FS_SYMLINK => Kind::Symlink,
            sys::IPS_FS_CID_LINK => Kind::CidLink,
            sys::IPS_FS_FIFO => Kind::Fifo,
            sys::IPS_FS_SOCKET => Kind::Socket,
            sys::IPS_FS_CHARACTER_DEVICE => Kind::CharacterDevice { major, minor },
            sys::IPS_FS_BLOCK_DEVICE => Kind::BlockDevice { major, minor },
            sys::IPS_FS_TOMBSTONE => Kind::Tombstone,
            other => Kind::Other(other),
        };
        let sync = match raw.sync {
            sys::IPS_FS_SYNC_DEFAULT => SyncType::Default,
            sys::IPS_FS_SYNC_RAFT => SyncType::Raft,
            sys::IPS_FS_SYNC_MERKLE_CRDT => SyncType::MerkleCrdt,
            other => SyncType::Other(other),
        };
        Some(Entry {
            kind,
            mode: raw.mode,
            uid: raw.uid,
            gid: raw.gid,
            sync,
            size: raw.size,
            modified: Timestamp { seconds: raw.mtime_seconds, nanoseconds: raw.mtime_nanoseconds },
            cid: (raw.has_cid != 0).then(|| Cid::from_raw(raw.cid)),
            entries: raw.entries,
            tombstones: raw.tombstones,
            hard_link: NonZeroU64::new(raw.hard_link),
        })
    }
}
