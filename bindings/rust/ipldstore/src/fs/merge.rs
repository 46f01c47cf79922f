//! Merging: a version into a branch, two versions into a tree, a layer over a base.

use std::ffi::{c_void, CString};
use std::ops::ControlFlow;
use std::ptr;

use ipldstore_sys as sys;

use super::{conflict, Conflict, FileSystem, Resolution, Tree};
use crate::callback::{self, answer, unobserved, Callbacks, Left, Progress};
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
    /// Both; theirs under its name with a dot and a suffix. Of what one side removed, the other's.
    Both,
}

/// How a version is merged.
#[derive(Clone, Debug, Default)]
pub struct MergeOptions {
    policy: Policy,
    is_always_version: bool,
    suffix: Option<String>,
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

    /// What the second of two kept entries ends in, behind a dot; else "theirs".
    pub fn suffix(mut self, suffix: impl Into<String>) -> Self {
        self.suffix = Some(suffix.into());
        self
    }

    /// A version is made even where the branch could just move.
    pub fn always_version(mut self) -> Self {
        self.is_always_version = true;
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

/// Options for a call, with the texts that they point to.
struct RawOptions {
    raw: sys::ips_fs_merge_options,
    _texts: [Option<CString>; 3],
}

impl RawOptions {
    fn new(options: &MergeOptions, is_asked: bool) -> Result<RawOptions> {
        let texts = [
            options.suffix.as_deref().map(raw::text).transpose()?,
            Some(raw::text(&options.message)?),
            Some(raw::text(&options.author)?),
        ];
        // SAFETY: such a struct; zeros are its defaults.
        let mut raw: sys::ips_fs_merge_options = unsafe { raw::sized() };
        raw.policy = match options.policy {
            _ if is_asked => sys::IPS_FS_ASK,
            Policy::Report => sys::IPS_FS_REPORT,
            Policy::Ours => sys::IPS_FS_OURS,
            Policy::Theirs => sys::IPS_FS_THEIRS,
            Policy::Newest => sys::IPS_FS_NEWEST,
            Policy::Both => sys::IPS_FS_BOTH,
        };
        if options.is_always_version {
            raw.flags = sys::IPS_FS_ALWAYS_VERSION as u32;
        }
        [raw.suffix, raw.message, raw.author] = texts.each_ref().map(raw::optional_text);
        Ok(RawOptions { raw, _texts: texts })
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
    /// A new version has both; the conflicts are those that were decided.
    Merged { version: Cid, conflicts: Vec<Conflict> },
    /// Nothing was changed: there are conflicts that nobody has decided.
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

/// Decides a conflict, or stops the merge.
pub type Decide<'a> = &'a mut dyn FnMut(&Conflict) -> ControlFlow<(), Resolution>;

/// Who decides the conflicts of one call, and hears of it.
struct Judge<'p, 'd> {
    progress: Progress<'p>,
    decide: Option<Decide<'d>>,
    has_stopped: bool,
    left: Left,
}

impl<'p, 'd> Judge<'p, 'd> {
    fn new(decide: Option<Decide<'d>>, progress: Progress<'p>) -> Self {
        Judge { progress, decide, has_stopped: false, left: Left::default() }
    }

    fn callbacks(&self) -> (sys::ips_progress, sys::ips_fs_decide) {
        (Some(progress as _), self.decide.as_ref().map(|_| decide as _))
    }

    fn context(&mut self) -> *mut c_void {
        (self as *mut Self).cast()
    }

    /// What the call's result is once the closure's own reason is taken for what it is.
    fn settled<T>(&mut self, result: Result<T>) -> Result<T> {
        match self.left.apply(result) {
            Err(_) if self.has_stopped => Err(Error::cancelled("the closure that decides stopped the merge")),
            result => result,
        }
    }
}

unsafe extern "C" fn progress(context: *mut c_void, done: u64) -> sys::ips_status {
    // SAFETY: the judge lives while the call runs, and one callback runs at a time.
    let Judge { progress, left, .. } = unsafe { &mut *context.cast::<Judge<'_, '_>>() };
    left.guard(|| Ok(answer(progress(done))))
}

unsafe extern "C" fn decide(
    context: *mut c_void,
    conflict: *const sys::ips_fs_conflict,
    resolution: *mut i32,
) -> sys::ips_status {
    // SAFETY: as above.
    let Judge { decide: Some(decide), has_stopped, left, .. } =
        (unsafe { &mut *context.cast::<Judge<'_, '_>>() })
    else {
        return sys::IPS_OK;
    };
    left.guard(|| {
        // SAFETY: both are the library's, for the time of the callback.
        match decide(&unsafe { Conflict::asked(&*conflict) }) {
            ControlFlow::Continue(decided) => unsafe { *resolution = decided.raw() },
            ControlFlow::Break(()) => {
                *has_stopped = true;
                return Ok(sys::IPS_CANCELLED);
            }
        }
        Ok(sys::IPS_OK)
    })
}

impl FileSystem<'_> {
    /// Merges a version into a branch: three-way, by entry and by field, with what both have in common.
    ///
    /// [`Error::Conflict`] when the branch was moved meanwhile; conflicts of the trees are a result.
    pub fn merge(&self, branch: &str, theirs: &Cid, options: &MergeOptions) -> Result<Merge> {
        self.merge_watched(branch, theirs, options, None, unobserved)
    }

    /// As [`FileSystem::merge`]; a closure decides each conflict, in place of the policy, or stops the merge
    /// with `Break`. It is not asked about those of [`SyncType::Raft`](super::SyncType::Raft).
    pub fn merge_with(
        &self,
        branch: &str,
        theirs: &Cid,
        options: &MergeOptions,
        mut decide: impl FnMut(&Conflict) -> ControlFlow<(), Resolution>,
    ) -> Result<Merge> {
        self.merge_watched(branch, theirs, options, Some(&mut decide), unobserved)
    }

    /// As [`FileSystem::merge`], or with `decide` as [`FileSystem::merge_with`]; `progress` hears of the
    /// blocks of versions and directories that were read. What it stops with `Break` has changed nothing.
    pub fn merge_watched(
        &self,
        branch: &str,
        theirs: &Cid,
        options: &MergeOptions,
        decide: Option<Decide<'_>>,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Merge> {
        let (branch, options) = (raw::text(branch)?, RawOptions::new(options, decide.is_some())?);
        let mut judge = Judge::new(decide, &mut progress);
        let (mut outcome, mut list) = (0, ptr::null_mut());
        // SAFETY: zeros are a value, and no CID.
        let mut version: sys::ips_cid = unsafe { std::mem::zeroed() };
        let (progress, decide) = judge.callbacks();
        let result = call(|error| unsafe {
            sys::ips_fs_merge(
                self.store.raw(),
                branch.as_ptr(),
                theirs.as_raw(),
                &options.raw,
                progress,
                decide,
                judge.context(),
                &mut outcome,
                &mut version,
                &mut list,
                error,
            )
        });
        // The iterator is given out after IPS_CONFLICT too.
        let list = ptr::NonNull::new(list).map(Handle::from_raw);
        let result = judge.settled(result);
        let conflicts = list.map(|handle| conflict::all(&handle)).transpose()?.unwrap_or_default();
        let version = Cid::from_raw(version);
        match (result, outcome) {
            (Err(Error::Conflict(_)), _) if !conflicts.is_empty() => Ok(Merge::Conflicts(conflicts)),
            (Err(error), _) => Err(error),
            (Ok(()), sys::IPS_FS_UP_TO_DATE) => Ok(Merge::UpToDate(version)),
            (Ok(()), sys::IPS_FS_FAST_FORWARD) => Ok(Merge::FastForward(version)),
            (Ok(()), _) => Ok(Merge::Merged { version, conflicts }),
        }
    }

    /// Merges two versions into a tree that is open, for conflicts that are decided by hand: where nobody has
    /// decided, it has what `ours` has. Change it as any tree ([`Tree::restore`] takes what another version
    /// has), then commit it to a branch that is at `ours`: the version has both in its history. Of the
    /// options, policy and suffix count.
    ///
    /// ```
    /// # let path = std::env::temp_dir().join(format!("ipldstore-by-hand-{}", std::process::id()));
    /// # ipldstore::Store::create(&path)?;
    /// # let store = ipldstore::Store::open(&path)?;
    /// use ipldstore::fs::MergeOptions;
    ///
    /// let fs = store.fs();
    /// let tree = fs.open_branch("main")?;
    /// tree.write("file", b"of both")?;
    /// fs.fork(&tree.commit("main", "", "")?, "dev")?;
    /// tree.write("file", b"ours")?;
    /// let ours = tree.commit("main", "", "")?;
    /// let dev = fs.open_branch("dev")?;
    /// dev.write("file", b"theirs")?;
    /// let theirs = dev.commit("dev", "", "")?;
    ///
    /// let (merged, conflicts) = fs.open_merge(&ours, &theirs, &MergeOptions::new())?;
    /// for conflict in conflicts {
    ///     merged.restore(&conflict.path, &theirs, &conflict.path)?;
    /// }
    /// let version = merged.commit("main", "decided by hand", "")?;
    /// assert_eq!(fs.open(Some(&version))?.read("file")?, b"theirs");
    /// # drop((tree, dev, merged, store));
    /// # std::fs::remove_dir_all(&path).unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_merge(
        &self,
        ours: &Cid,
        theirs: &Cid,
        options: &MergeOptions,
    ) -> Result<(Tree, Vec<Conflict>)> {
        self.open_merge_watched(ours, theirs, options, None, unobserved)
    }

    /// As [`FileSystem::open_merge`]; a closure decides conflicts, or leaves them for later.
    pub fn open_merge_with(
        &self,
        ours: &Cid,
        theirs: &Cid,
        options: &MergeOptions,
        mut decide: impl FnMut(&Conflict) -> ControlFlow<(), Resolution>,
    ) -> Result<(Tree, Vec<Conflict>)> {
        self.open_merge_watched(ours, theirs, options, Some(&mut decide), unobserved)
    }

    /// As [`FileSystem::open_merge`], or with `decide` as [`FileSystem::open_merge_with`]; `progress` hears
    /// of the blocks that were read.
    pub fn open_merge_watched(
        &self,
        ours: &Cid,
        theirs: &Cid,
        options: &MergeOptions,
        decide: Option<Decide<'_>>,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(Tree, Vec<Conflict>)> {
        let options = RawOptions::new(options, decide.is_some())?;
        let (mut judge, mut list) = (Judge::new(decide, &mut progress), ptr::null_mut());
        let (progress, decide) = judge.callbacks();
        let handle = raw::handle(|fs, error| unsafe {
            sys::ips_fs_merge_open(
                self.store.raw(),
                ours.as_raw(),
                theirs.as_raw(),
                &options.raw,
                progress,
                decide,
                judge.context(),
                fs,
                &mut list,
                error,
            )
        });
        let list = ptr::NonNull::new(list).map(Handle::from_raw);
        let tree = Tree::from_handle(judge.settled(handle)?);
        let conflicts = list.map(|handle| conflict::all(&handle)).transpose()?.unwrap_or_default();
        Ok((tree, conflicts))
    }

    /// Opens one tree over another, as the layers of images are: names and tombstones of the layer stand,
    /// other names are the base's. A commit of it is one to a new branch.
    pub fn overlay(&self, layer: &Cid, base: &Cid) -> Result<Tree> {
        self.overlay_with(layer, base, unobserved)
    }

    /// As [`FileSystem::overlay`]; `progress` hears of the blocks that were read.
    pub fn overlay_with(
        &self,
        layer: &Cid,
        base: &Cid,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Tree> {
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = raw::handle(|fs, error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            let (store, layer, base) = (self.store.raw(), layer.as_raw(), base.as_raw());
            sys::ips_fs_overlay(store, layer, base, progress, context, fs, error)
        });
        Ok(Tree::from_handle(callbacks.finish(result)?))
    }
}
