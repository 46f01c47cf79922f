//! Branches, tags, versions and history.

use std::ops::ControlFlow;
use std::path::Path;
use std::ptr;

use ipldstore_sys as sys;

use super::{path_bytes, FileSystem, Timestamp};
use crate::callback::{self, unobserved, Callbacks};
use crate::cid::made;
use crate::error::{call, call_for_next, text, Result};
use crate::iter::{Handle, Iter, Links};
use crate::{raw, Cid, CopyReport, Roots, Usage};

const BRANCHES: &str = "fs/branch/";
const TAGS: &str = "fs/tag/";

/// Branches: names of newest versions.
impl FileSystem<'_> {
    /// The newest version of a branch.
    pub fn branch(&self, branch: &str) -> Result<Cid> {
        let branch = raw::text(branch)?;
        made(|cid, error| unsafe { sys::ips_fs_branch_get(self.store.raw(), branch.as_ptr(), cid, error) })
    }

    /// The names of all branches with their newest versions, in bytewise order.
    pub fn branches(&self) -> Result<Names> {
        Names::open(self, BRANCHES)
    }

    /// Makes a branch at a version, old or new; nothing is copied.
    pub fn fork(&self, version: &Cid, branch: &str) -> Result<()> {
        let branch = raw::text(branch)?;
        call(|error| unsafe { sys::ips_fs_fork(self.store.raw(), version.as_raw(), branch.as_ptr(), error) })
    }

    /// Removes a branch with the history that only it keeps.
    pub fn delete_branch(&self, branch: &str) -> Result<()> {
        self.delete_branch_with(branch, unobserved)
    }

    /// As [`FileSystem::delete_branch`]; `progress` hears of the versions that went and the blocks that were
    /// reclaimed. What went before it stopped is gone; a branch that is there still goes with the next call.
    pub fn delete_branch_with(
        &self,
        branch: &str,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let branch = raw::text(branch)?;
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = call(|error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            sys::ips_fs_branch_delete(self.store.raw(), branch.as_ptr(), progress, context, error)
        });
        callbacks.finish(result)
    }

    /// What a branch takes: the bytes of its newest tree, what removing it with its history would free, and
    /// the bytes of that tree which something else keeps.
    pub fn branch_usage(&self, branch: &str) -> Result<Usage> {
        self.branch_usage_with(branch, unobserved)
    }

    /// As [`FileSystem::branch_usage`]; `progress` hears of the blocks counted.
    pub fn branch_usage_with(
        &self,
        branch: &str,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Usage> {
        let branch = raw::text(branch)?;
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = Usage::made(|usage, error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            sys::ips_fs_branch_usage(self.store.raw(), branch.as_ptr(), progress, context, usage, error)
        });
        callbacks.finish(result)
    }

    /// Copies a version of another store with its history, as far as that is there and missing here, and
    /// moves a branch to it, which is made when it is not there. [`Error::Conflict`](crate::Error::Conflict)
    /// when the branch has versions that do not lead to this one. What a copy that was stopped has done is
    /// used by the next.
    pub fn copy_branch(&self, from: &FileSystem<'_>, version: &Cid, branch: &str) -> Result<BranchCopy> {
        self.copy_branch_with(from, version, branch, CopyOptions::default(), unobserved)
    }

    /// As [`FileSystem::copy_branch`]; `progress` hears of the blocks looked at.
    pub fn copy_branch_with(
        &self,
        from: &FileSystem<'_>,
        version: &Cid,
        branch: &str,
        options: CopyOptions,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<BranchCopy> {
        let branch = raw::text(branch)?;
        let mut versions = 0;
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = CopyReport::made(|report, error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            let (store, from, version) = (self.store.raw(), from.store.raw(), version.as_raw());
            let (branch, versions) = (branch.as_ptr(), &mut versions);
            let (limit, force) = (options.limit, options.force);
            sys::ips_fs_branch_copy(
                store, from, version, branch, limit, force, progress, context, versions, report, error,
            )
        });
        let report = callbacks.finish(result)?;
        Ok(BranchCopy { versions, report })
    }

    /// Drops versions of a branch, and says how many; the newest stays, and those that any rule keeps. What
    /// another branch or a tag keeps stays in the store as long as that; what a tag keeps is not counted.
    pub fn prune(&self, branch: &str, keep: Keep) -> Result<u64> {
        self.prune_with(branch, keep, unobserved)
    }

    /// As [`FileSystem::prune`]; `progress` hears of the versions that were looked at, those that went and
    /// the blocks that were reclaimed. What went before it stopped is gone, and the next call drops the
    /// others.
    pub fn prune_with(
        &self,
        branch: &str,
        keep: Keep,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<u64> {
        let branch = raw::text(branch)?;
        let mut dropped = 0;
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = call(|error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            let (store, since) = (self.store.raw(), keep.since.unwrap_or(i64::MAX));
            let (branch, dropped) = (branch.as_ptr(), &mut dropped);
            sys::ips_fs_prune(store, branch, keep.last, since, progress, context, dropped, error)
        });
        callbacks.finish(result)?;
        Ok(dropped)
    }

    /// Drops tombstones of a branch that are older than a time, in a new version, and says how many.
    pub fn drop_tombstones(&self, branch: &str, before_seconds: i64) -> Result<u64> {
        self.drop_tombstones_with(branch, before_seconds, unobserved)
    }

    /// As [`FileSystem::drop_tombstones`]; `progress` hears of the blocks that were read. What it stops has
    /// changed nothing.
    pub fn drop_tombstones_with(
        &self,
        branch: &str,
        before_seconds: i64,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<u64> {
        let branch = raw::text(branch)?;
        let mut dropped = 0;
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = call(|error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            let (store, branch, dropped) = (self.store.raw(), branch.as_ptr(), &mut dropped);
            sys::ips_fs_drop_tombstones(store, branch, before_seconds, progress, context, dropped, error)
        });
        callbacks.finish(result)?;
        Ok(dropped)
    }
}

/// How a branch is copied from another store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyOptions {
    /// So many versions at most, the newest ones; 0: all.
    pub limit: u64,
    /// Moves the branch although it has versions that do not lead to this one; they are held by it until they
    /// are pruned.
    pub force: bool,
}

/// What came with a branch of another store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BranchCopy {
    /// Versions that were missing.
    pub versions: u64,
    /// Blocks that were looked at, and those that were missing.
    pub report: CopyReport,
}

/// Which versions a branch keeps beside its newest: those that any of the rules names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// So many of the newest.
    pub last: u64,
    /// Those made at this time or later, in seconds since 1970.
    pub since: Option<i64>,
}

/// Tags: names of versions that stay where they are.
impl FileSystem<'_> {
    /// The version that a tag names.
    pub fn tag(&self, tag: &str) -> Result<Cid> {
        let tag = raw::text(tag)?;
        made(|cid, error| unsafe { sys::ips_fs_tag_get(self.store.raw(), tag.as_ptr(), cid, error) })
    }

    /// The names of all tags with their versions, in bytewise order.
    pub fn tags(&self) -> Result<Names> {
        Names::open(self, TAGS)
    }

    /// Tags a version; a tag that is there is an error.
    pub fn set_tag(&self, tag: &str, version: &Cid) -> Result<()> {
        self.change_tag(tag, version, false)
    }

    /// Tags a version, with a tag that may be there.
    pub fn move_tag(&self, tag: &str, version: &Cid) -> Result<()> {
        self.change_tag(tag, version, true)
    }

    fn change_tag(&self, tag: &str, version: &Cid, is_moved: bool) -> Result<()> {
        let tag = raw::text(tag)?;
        call(|error| unsafe {
            sys::ips_fs_tag_set(self.store.raw(), tag.as_ptr(), version.as_raw(), is_moved, error)
        })
    }

    pub fn delete_tag(&self, tag: &str) -> Result<()> {
        let tag = raw::text(tag)?;
        call(|error| unsafe { sys::ips_fs_tag_delete(self.store.raw(), tag.as_ptr(), error) })
    }

    /// Copies a version of another store, without its history, and tags it.
    /// [`Error::Exists`](crate::Error::Exists) when the tag is at another version, unless it may be `moving`.
    pub fn copy_tag(
        &self,
        from: &FileSystem<'_>,
        version: &Cid,
        tag: &str,
        moving: bool,
    ) -> Result<CopyReport> {
        self.copy_tag_with(from, version, tag, moving, unobserved)
    }

    /// As [`FileSystem::copy_tag`]; `progress` hears of the blocks looked at.
    pub fn copy_tag_with(
        &self,
        from: &FileSystem<'_>,
        version: &Cid,
        tag: &str,
        moving: bool,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<CopyReport> {
        let tag = raw::text(tag)?;
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = CopyReport::made(|report, error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            let (store, from, version) = (self.store.raw(), from.store.raw(), version.as_raw());
            let tag = tag.as_ptr();
            sys::ips_fs_tag_copy(store, from, version, tag, moving, progress, context, report, error)
        });
        callbacks.finish(result)
    }
}

/// Names of branches or tags, and the versions that they point to.
#[derive(Debug)]
pub struct Names {
    roots: Roots,
    prefix: &'static str,
}

impl Names {
    fn open(fs: &FileSystem<'_>, prefix: &'static str) -> Result<Names> {
        Ok(Names { roots: fs.store.roots_from(prefix)?, prefix })
    }
}

impl Iterator for Names {
    type Item = Result<(String, Cid)>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.roots.next()? {
            // Roots come in order of name: the first of another kind is the end.
            Ok(root) => Some(Ok((root.name.strip_prefix(self.prefix)?.to_owned(), root.cid))),
            Err(error) => Some(Err(error)),
        }
    }
}

/// What a version says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Version {
    pub cid: Cid,
    pub tree: Cid,
    /// The first of the versions that it was made from; a merge has several.
    pub previous: Option<Cid>,
    pub previous_count: u32,
    pub time: Timestamp,
    /// One more than the greatest of those it was made from.
    pub generation: u64,
    /// At most 255 bytes of it.
    pub author: String,
    /// At most 1,023 bytes of it.
    pub message: String,
}

impl Version {
    fn from_raw(cid: Cid, raw: &sys::ips_fs_version) -> Version {
        Version {
            cid,
            tree: Cid::from_raw(raw.tree),
            previous: (raw.previous_count > 0).then(|| Cid::from_raw(raw.previous)),
            previous_count: raw.previous_count,
            time: Timestamp { seconds: raw.time_seconds, nanoseconds: raw.time_nanoseconds },
            generation: raw.generation,
            author: text(&raw.author),
            message: text(&raw.message),
        }
    }
}

/// Versions and their history.
impl FileSystem<'_> {
    /// What a version says.
    pub fn version(&self, cid: &Cid) -> Result<Version> {
        // SAFETY: such a struct.
        let mut version: sys::ips_fs_version = unsafe { raw::sized() };
        call(|error| unsafe {
            sys::ips_fs_version_get(self.store.raw(), cid.as_raw(), &mut version, error)
        })?;
        Ok(Version::from_raw(*cid, &version))
    }

    /// All versions that a version was made from, in order: those of a merge are several.
    pub fn previous(&self, version: &Cid) -> Result<Links> {
        Iter::open(|iter, error| unsafe {
            sys::ips_fs_version_previous(self.store.raw(), version.as_raw(), iter, error)
        })
    }

    /// The versions that lead to one, and it, newest first. The history ends where a version is no longer in
    /// the store.
    pub fn history(&self, version: &Cid) -> Result<History> {
        History::open(self, version, ptr::null())
    }

    /// Those of them in which a path became what it is there.
    pub fn history_of(&self, path: impl AsRef<Path>, version: &Cid) -> Result<History> {
        History::open(self, version, &path_bytes(path.as_ref()))
    }
}

/// Versions, newest first. It ends after its first error.
#[derive(Debug)]
pub struct History {
    handle: Handle,
    has_ended: bool,
}

impl History {
    fn open(fs: &FileSystem<'_>, version: &Cid, path: *const sys::ips_bytes) -> Result<History> {
        let handle = Handle::open(|iter, error| unsafe {
            sys::ips_fs_history(fs.store.raw(), version.as_raw(), path, iter, error)
        })?;
        Ok(History { handle, has_ended: false })
    }

    /// The next version. `progress` hears, of the history of a path, of the versions that were looked at;
    /// when it stops the call, the next one goes on.
    pub fn next_with(&mut self, mut progress: impl FnMut(u64) -> ControlFlow<()>) -> Result<Option<Version>> {
        // SAFETY: such structs.
        let (mut version, mut cid): (sys::ips_fs_version, sys::ips_cid) =
            unsafe { (raw::sized(), std::mem::zeroed()) };
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = call_for_next(|error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            let iter = self.handle.raw();
            sys::ips_iter_next_version(iter, &mut cid, &mut version, progress, context, error)
        });
        let is_there = callbacks.finish(result)?;
        Ok(is_there.then(|| Version::from_raw(Cid::from_raw(cid), &version)))
    }
}

impl Iterator for History {
    type Item = Result<Version>;

    fn next(&mut self) -> Option<Result<Version>> {
        if self.has_ended {
            return None;
        }
        let found = self.next_with(unobserved);
        self.has_ended = !matches!(found, Ok(Some(_)));
        found.transpose()
    }
}

impl std::iter::FusedIterator for History {}
