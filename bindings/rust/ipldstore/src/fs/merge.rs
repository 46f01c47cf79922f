//! Merging a version into a branch.

use std::path::PathBuf;
use std::ptr;

use ipldstore_sys as sys;

use super::{path_of, FileSystem};
use crate::error::{call, Error, Result};
use crate::iter::Handle;
use crate::{raw, Cid};

/// What becomes of conflicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Policy {
    /// Nothing is changed, and they are reported.
    #[default]
    Report,
    Ours,
    Theirs,
    /// The side that was changed last, by the entries' times.
    Newest,
    /// Both; theirs under its name with ".theirs".
    Both,
}

/// How a version is merged.
#[derive(Clone, Debug, Default)]
pub struct MergeOptions {
    policy: Policy,
    message: String,
    author: String,
}

impl MergeOptions {
    /// Conflicts are reported; no message, no author.
    pub fn new() -> Self {
        MergeOptions::default()
    }

    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Of the version that is made.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Of the version that is made.
    pub fn author(mut self, author: impl Into<String>) -> Self {
        self.author = author.into();
        self
    }
}

/// What a merge did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "there may be conflicts, and then nothing was changed"]
pub enum Merge {
    /// The branch had it already.
    UpToDate(Cid),
    /// The branch had nothing of its own, and points to the version now.
    FastForward(Cid),
    /// A new version has both; the conflicts are those that the policy has decided.
    Merged { version: Cid, conflicts: Vec<Conflict> },
    /// Nothing was changed: there are conflicts that the policy does not decide.
    Conflicts(Vec<Conflict>),
}

impl Merge {
    /// The branch's newest version now; `None` when nothing was changed because of conflicts.
    pub fn version(&self) -> Option<&Cid> {
        match self {
            Merge::UpToDate(version) | Merge::FastForward(version) => Some(version),
            Merge::Merged { version, .. } => Some(version),
            Merge::Conflicts(_) => None,
        }
    }
}

/// How two sides contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConflictKind {
    BothModified,
    ModifiedDeleted,
    BothAdded,
    FileDirectory,
    BothRenamed,
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

/// A path at which two sides contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conflict {
    pub kind: ConflictKind,
    pub resolution: Resolution,
    pub path: PathBuf,
}

impl FileSystem<'_> {
    /// Merges a version into a branch: three-way, by entry and by field, with what both have in common.
    ///
    /// [`Error::Conflict`] when the branch was moved meanwhile; conflicts of the trees are a result.
    pub fn merge(&self, branch: &str, theirs: &Cid, options: &MergeOptions) -> Result<Merge> {
        let (branch, message) = (raw::text(branch)?, raw::text(&options.message)?);
        let author = raw::text(&options.author)?;
        let policy = match options.policy {
            Policy::Report => sys::IPS_FS_REPORT,
            Policy::Ours => sys::IPS_FS_OURS,
            Policy::Theirs => sys::IPS_FS_THEIRS,
            Policy::Newest => sys::IPS_FS_NEWEST,
            Policy::Both => sys::IPS_FS_BOTH,
        };
        let (mut outcome, mut list) = (0, ptr::null_mut());
        // SAFETY: zeros are a value, and no CID.
        let mut version: sys::ips_cid = unsafe { std::mem::zeroed() };
        let result = call(|error| unsafe {
            let (branch, message, author) = (branch.as_ptr(), message.as_ptr(), author.as_ptr());
            let (store, theirs, list) = (self.store.raw(), theirs.as_raw(), &mut list);
            sys::ips_fs_merge(
                store,
                branch,
                theirs,
                policy,
                message,
                author,
                &mut outcome,
                &mut version,
                list,
                error,
            )
        });
        // The iterator is given out after IPS_CONFLICT too.
        let found = ptr::NonNull::new(list).map(Handle::from_raw);
        let conflicts = found.map(|handle| conflicts(&handle)).transpose()?.unwrap_or_default();
        let version = Cid::from_raw(version);
        match (result, outcome) {
            (Err(Error::Conflict(_)), _) if !conflicts.is_empty() => Ok(Merge::Conflicts(conflicts)),
            (Err(error), _) => Err(error),
            (Ok(()), sys::IPS_FS_UP_TO_DATE) => Ok(Merge::UpToDate(version)),
            (Ok(()), sys::IPS_FS_FAST_FORWARD) => Ok(Merge::FastForward(version)),
            (Ok(()), _) => Ok(Merge::Merged { version, conflicts }),
        }
    }
}

fn conflicts(handle: &Handle) -> Result<Vec<Conflict>> {
    let mut found = Vec::new();
    let mut path = [vec![0; 256]];
    loop {
        let (mut kind, mut resolution) = (0, 0);
        let next = raw::fitted(&mut path, |[path], [length], error| unsafe {
            let (room, capacity) = (path.as_mut_ptr().cast(), path.len());
            let iter = handle.raw();
            sys::ips_iter_next_conflict(iter, &mut kind, &mut resolution, room, capacity, length, error)
        })?;
        let Some([length]) = next else { return Ok(found) };
        let kind = match kind {
            sys::IPS_FS_BOTH_MODIFIED => ConflictKind::BothModified,
            sys::IPS_FS_MODIFIED_DELETED => ConflictKind::ModifiedDeleted,
            sys::IPS_FS_BOTH_ADDED => ConflictKind::BothAdded,
            sys::IPS_FS_FILE_DIRECTORY => ConflictKind::FileDirectory,
            sys::IPS_FS_BOTH_RENAMED => ConflictKind::BothRenamed,
            sys::IPS_FS_DIRECTORY_DELETED => ConflictKind::DirectoryDeleted,
            sys::IPS_FS_NO_FAST_FORWARD => ConflictKind::NoFastForward,
            other => ConflictKind::Other(other),
        };
        let resolution = match resolution {
            sys::IPS_FS_REPORT => Resolution::Unresolved,
            sys::IPS_FS_OURS => Resolution::Ours,
            sys::IPS_FS_THEIRS => Resolution::Theirs,
            sys::IPS_FS_BOTH => Resolution::Both,
            other => Resolution::Other(other),
        };
        found.push(Conflict { kind, resolution, path: path_of(&path[0][..length]) });
    }
}
