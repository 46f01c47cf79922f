//! Conflicts of merges: plain values.

use std::path::PathBuf;

use ipldstore_sys as sys;

use super::{path_of, Aspects, Entry};
use crate::error::Result;
use crate::iter::Handle;
use crate::raw;

/// How two sides contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConflictKind {
    BothModified,
    ModifiedDeleted,
    BothAdded,
    FileDirectory,
    /// Both moved an entry, to different names.
    BothRenamed,
    /// One removed a directory in which the other changed or added something.
    DirectoryDeleted,
    /// Of [`SyncType::Raft`](super::SyncType::Raft), changed on both sides; no policy decides it.
    NoFastForward,
    /// What a later version of the library knows.
    Other(i32),
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resolution {
    /// Nobody has decided.
    Unresolved,
    Ours,
    Theirs,
    Both,
    /// What a later version of the library knows.
    Other(i32),
}

impl Resolution {
    fn from_raw(raw: i32) -> Resolution {
        match raw {
            sys::IPS_FS_REPORT => Resolution::Unresolved,
            sys::IPS_FS_OURS => Resolution::Ours,
            sys::IPS_FS_THEIRS => Resolution::Theirs,
            sys::IPS_FS_BOTH => Resolution::Both,
            other => Resolution::Other(other),
        }
    }

    pub(super) fn raw(self) -> i32 {
        match self {
            Resolution::Unresolved => sys::IPS_FS_REPORT,
            Resolution::Ours => sys::IPS_FS_OURS,
            Resolution::Theirs => sys::IPS_FS_THEIRS,
            Resolution::Both => sys::IPS_FS_BOTH,
            Resolution::Other(number) => number,
        }
    }
}

/// A path at which two sides contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conflict {
    pub kind: ConflictKind,
    pub resolution: Resolution,
    /// Of what both have: what both changed.
    pub aspects: Aspects,
    pub path: PathBuf,
    /// Of [`ConflictKind::BothRenamed`] where theirs was; of two kept entries where theirs is now.
    pub other_path: Option<PathBuf>,
    /// What the common ancestor and both sides had.
    pub base: Option<Entry>,
    pub ours: Option<Entry>,
    pub theirs: Option<Entry>,
}

fn kind(raw: i32) -> ConflictKind {
    match raw {
        sys::IPS_FS_BOTH_MODIFIED => ConflictKind::BothModified,
        sys::IPS_FS_MODIFIED_DELETED => ConflictKind::ModifiedDeleted,
        sys::IPS_FS_BOTH_ADDED => ConflictKind::BothAdded,
        sys::IPS_FS_FILE_DIRECTORY => ConflictKind::FileDirectory,
        sys::IPS_FS_BOTH_RENAMED => ConflictKind::BothRenamed,
        sys::IPS_FS_DIRECTORY_DELETED => ConflictKind::DirectoryDeleted,
        sys::IPS_FS_NO_FAST_FORWARD => ConflictKind::NoFastForward,
        other => ConflictKind::Other(other),
    }
}

impl Conflict {
    /// Of what a callback is asked about.
    ///
    /// # Safety
    /// `raw` is as the library gives it to the callback that runs.
    pub(super) unsafe fn asked(raw: &sys::ips_fs_conflict) -> Conflict {
        // SAFETY: valid during the callback; NULL where nothing is.
        let (path, other, [base, ours, theirs]) = unsafe {
            let entry = |entry: *const sys::ips_fs_entry| entry.as_ref().and_then(Entry::from_raw);
            let sides = [raw.base, raw.ours, raw.theirs].map(entry);
            (raw::slice(&raw.path), raw::slice(&raw.other_path), sides)
        };
        Conflict {
            kind: kind(raw.kind),
            resolution: Resolution::Unresolved,
            aspects: Aspects::from_bits(raw.fields),
            path: path_of(path),
            other_path: (!other.is_empty()).then(|| path_of(other)),
            base,
            ours,
            theirs,
        }
    }
}

/// All conflicts of an iterator.
pub(super) fn all(handle: &Handle) -> Result<Vec<Conflict>> {
    let mut found = Vec::new();
    let mut paths = [vec![0; 256], vec![0; 256]];
    loop {
        let (mut number, mut resolution, mut fields) = (0, 0, 0);
        // SAFETY: such structs.
        let mut sides: [sys::ips_fs_entry; 3] = unsafe { [raw::sized(), raw::sized(), raw::sized()] };
        let next = raw::fitted(&mut paths, |[path, other], [length, other_length], error| unsafe {
            let (path, room) = (path.as_mut_ptr().cast(), path.len());
            let (other, other_room) = (other.as_mut_ptr().cast(), other.len());
            let [base, ours, theirs] = &mut sides;
            sys::ips_iter_next_conflict(
                handle.raw(),
                &mut number,
                &mut resolution,
                &mut fields,
                path,
                room,
                length,
                other,
                other_room,
                other_length,
                base,
                ours,
                theirs,
                error,
            )
        })?;
        let Some([length, other_length]) = next else { return Ok(found) };
        let other = &paths[1][..other_length];
        let [base, ours, theirs] = sides.each_ref().map(Entry::from_raw);
        found.push(Conflict {
            kind: kind(number),
            resolution: Resolution::from_raw(resolution),
            aspects: Aspects::from_bits(fields),
            path: path_of(&paths[0][..length]),
            other_path: (!other.is_empty()).then(|| path_of(other)),
            base,
            ours,
            theirs,
        });
    }
}
