//! What differs between two trees.

use std::ops::ControlFlow;
use std::path::PathBuf;

use ipldstore_sys as sys;

use super::{path_of, Entry, FileSystem};
use crate::callback::{self, unobserved, Callbacks, Progress};
use crate::error::Result;
use crate::iter::Handle;
use crate::{raw, Cid};

impl FileSystem<'_> {
    /// What differs between two versions, trees or directories, in the order of paths, at the cost of what
    /// differs.
    pub fn diff(&self, old: &Cid, new: &Cid) -> Result<Differences> {
        self.diff_by(old, new, 0, &mut unobserved)
    }

    /// As [`FileSystem::diff`]; what was renamed is one difference, not two.
    pub fn diff_with_renames(&self, old: &Cid, new: &Cid) -> Result<Differences> {
        self.diff_by(old, new, sys::IPS_FS_RENAMES, &mut unobserved)
    }

    /// As [`FileSystem::diff_with_renames`], which goes through all that differs before the first difference
    /// is given; `progress` hears of the blocks that were read.
    pub fn diff_with_renames_watched(
        &self,
        old: &Cid,
        new: &Cid,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Differences> {
        self.diff_by(old, new, sys::IPS_FS_RENAMES, &mut progress)
    }

    /// As [`FileSystem::diff`], with tombstones.
    pub fn diff_with_tombstones(&self, old: &Cid, new: &Cid) -> Result<Differences> {
        self.diff_by(old, new, sys::IPS_FS_ALL, &mut unobserved)
    }

    fn diff_by(&self, old: &Cid, new: &Cid, flags: i32, progress: Progress<'_>) -> Result<Differences> {
        let mut callbacks = Callbacks::progress(progress);
        let result = Handle::open(|iter, error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            let (old, new) = (old.as_raw(), new.as_raw());
            sys::ips_fs_diff(self.store.raw(), old, new, flags as u32, progress, context, iter, error)
        });
        let handle = callbacks.finish(result)?;
        Ok(Differences { handle, paths: [vec![0; 256], vec![0; 256]], has_ended: false })
    }
}

/// What happened to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DifferenceKind {
    Added,
    Removed,
    Modified,
    Renamed,
    /// A tombstone that one tree has and the other has not, or that differs.
    Tombstone,
    /// What a later version of the library knows.
    Other(i32),
}

/// What of an entry differs: a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Aspects(u32);

impl Aspects {
    pub const TYPE: Aspects = Aspects(sys::IPS_FS_TYPE as u32);
    pub const CONTENT: Aspects = Aspects(sys::IPS_FS_CONTENT as u32);
    pub const MODE: Aspects = Aspects(sys::IPS_FS_MODE as u32);
    pub const OWNER: Aspects = Aspects(sys::IPS_FS_OWNER as u32);
    pub const TIME: Aspects = Aspects(sys::IPS_FS_TIME as u32);
    pub const ATTRIBUTES: Aspects = Aspects(sys::IPS_FS_ATTRIBUTES as u32);
    pub const SYNC: Aspects = Aspects(sys::IPS_FS_SYNC as u32);
    pub const HARD_LINK: Aspects = Aspects(sys::IPS_FS_HARD_LINK as u32);
    pub const OTHER: Aspects = Aspects(sys::IPS_FS_OTHER as u32);

    pub(super) fn from_bits(bits: u32) -> Aspects {
        Aspects(bits)
    }

    /// Whether all of `other` are in it.
    pub fn contains(self, other: Aspects) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// As the C functions give them.
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl std::ops::BitOr for Aspects {
    type Output = Aspects;

    fn bitor(self, other: Aspects) -> Aspects {
        Aspects(self.0 | other.0)
    }
}

/// What differs at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    pub kind: DifferenceKind,
    /// Of what both trees have.
    pub aspects: Aspects,
    /// In the new tree; of what was removed, in the old one.
    pub path: PathBuf,
    /// Of what was renamed, in the old tree.
    pub old_path: Option<PathBuf>,
    pub old: Option<Entry>,
    pub new: Option<Entry>,
}

/// Differences in the order of paths, found as it goes. It ends after its first error.
#[derive(Debug)]
pub struct Differences {
    handle: Handle,
    paths: [Vec<u8>; 2],
    has_ended: bool,
}

impl Differences {
    fn read(&mut self) -> Result<Option<Difference>> {
        // SAFETY: such structs.
        let (mut old, mut new): (sys::ips_fs_entry, sys::ips_fs_entry) =
            unsafe { (raw::sized(), raw::sized()) };
        let (mut kind, mut aspects) = (0, 0);
        let iter = self.handle.raw();
        let found = raw::fitted(&mut self.paths, |[path, before], [length, before_length], error| unsafe {
            let (path, capacity) = (path.as_mut_ptr().cast(), path.len());
            let (before, before_capacity) = (before.as_mut_ptr().cast(), before.len());
            sys::ips_iter_next_difference(
                iter,
                &mut kind,
                &mut aspects,
                path,
                capacity,
                length,
                before,
                before_capacity,
                before_length,
                &mut old,
                &mut new,
                error,
            )
        })?;
        let Some([length, before_length]) = found else { return Ok(None) };
        let kind = match kind {
            sys::IPS_FS_ADDED => DifferenceKind::Added,
            sys::IPS_FS_REMOVED => DifferenceKind::Removed,
            sys::IPS_FS_MODIFIED => DifferenceKind::Modified,
            sys::IPS_FS_RENAMED => DifferenceKind::Renamed,
            sys::IPS_FS_TOMBSTONE_DIFFERS => DifferenceKind::Tombstone,
            other => DifferenceKind::Other(other),
        };
        let before = &self.paths[1][..before_length];
        Ok(Some(Difference {
            kind,
            aspects: Aspects(aspects),
            path: path_of(&self.paths[0][..length]),
            old_path: (!before.is_empty()).then(|| path_of(before)),
            old: Entry::from_raw(&old),
            new: Entry::from_raw(&new),
        }))
    }
}

impl Iterator for Differences {
    type Item = Result<Difference>;

    fn next(&mut self) -> Option<Result<Difference>> {
        if self.has_ended {
            return None;
        }
        let found = self.read();
        self.has_ended = !matches!(found, Ok(Some(_)));
        found.transpose()
    }
}

impl std::iter::FusedIterator for Differences {}
