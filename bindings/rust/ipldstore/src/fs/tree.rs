//! Trees that are open: looking, and committing.

use std::ffi::OsString;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::{error, fmt};

use ipldstore_sys as sys;

use super::{path_bytes, path_of, Entry, FileSystem};
use crate::callback::{self, unobserved, Callbacks};
use crate::cid::optional;
use crate::error::{call, Error, Result};
use crate::{raw, Cid};

impl FileSystem<'_> {
    /// Opens the newest version of a branch; an empty tree when there is no such branch.
    pub fn open_branch(&self, branch: &str) -> Result<Tree> {
        let branch = raw::text(branch)?;
        let handle = raw::handle(|fs, error| unsafe {
            sys::ips_fs_open_branch(self.store.raw(), branch.as_ptr(), fs, error)
        })?;
        Ok(Tree { handle })
    }

    /// Opens a version, tree or directory; `None`: an empty tree.
    pub fn open(&self, cid: Option<&Cid>) -> Result<Tree> {
        self.open_with(cid, unobserved)
    }

    /// As [`FileSystem::open`]; `progress` hears of the blocks that are read: many for a large directory,
    /// whose names are counted.
    pub fn open_with(
        &self,
        cid: Option<&Cid>,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Tree> {
        let mut callbacks = Callbacks::progress(&mut progress);
        let context = callbacks.context();
        let result = raw::handle(|fs, error| unsafe {
            let (store, hear) = (self.store.raw(), Some(callback::progress as _));
            sys::ips_fs_open(store, optional(cid), hear, context, fs, error)
        });
        let handle = callbacks.finish(result)?;
        Ok(Tree { handle })
    }
}

/// A tree that is open. What was changed since the last commit is forgotten when it is dropped. It is for one
/// thread at a time, with its files and iterators:
///
/// ```compile_fail,E0277
/// fn share(tree: &ipldstore::fs::Tree) {
///     std::thread::scope(|scope| {
///         scope.spawn(|| tree.metadata("/"));
///     });
/// }
/// ```
///
/// A file does not outlive its tree:
///
/// ```compile_fail,E0505
/// # fn outlive(tree: ipldstore::fs::Tree) -> Result<(), ipldstore::Error> {
/// let file = tree.open("file")?;
/// drop(tree);
/// println!("{}", file.size()?);
/// # Ok(())
/// # }
/// ```
///
/// Nor does an iterator:
///
/// ```compile_fail,E0505
/// # fn outlive(tree: ipldstore::fs::Tree) -> Result<(), ipldstore::Error> {
/// let entries = tree.list("/")?;
/// drop(tree);
/// println!("{}", entries.count());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Tree {
    handle: NonNull<sys::ips_fs>,
}

// SAFETY: any thread may use a tree, one at a time.
unsafe impl Send for Tree {}

impl Drop for Tree {
    fn drop(&mut self) {
        // SAFETY: given back once.
        unsafe { sys::ips_fs_close(self.handle.as_ptr()) }
    }
}

impl Tree {
    /// Of a handle that nobody else gives back.
    pub(super) fn from_handle(handle: NonNull<sys::ips_fs>) -> Tree {
        Tree { handle }
    }

    pub(super) fn raw(&self) -> *mut sys::ips_fs {
        self.handle.as_ptr()
    }

    /// Makes a version of the tree and moves the branch to it: the branch's newest version now. A tree that
    /// was not changed makes none.
    ///
    /// When the branch is not where the tree was opened, the error says under which CID the new version is
    /// kept nevertheless, to be merged.
    pub fn commit(&self, branch: &str, message: &str, author: &str) -> std::result::Result<Cid, CommitError> {
        self.commit_with(branch, message, author, unobserved)
    }

    /// As [`Tree::commit`]; `progress` hears of the directories that are stored and the blocks that are read
    /// for it. When it stops the call, the tree has its changes still, and can be committed.
    pub fn commit_with(
        &self,
        branch: &str,
        message: &str,
        author: &str,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> std::result::Result<Cid, CommitError> {
        let plain = |error| CommitError { error, version: None };
        let branch = raw::text(branch).map_err(plain)?;
        let message = raw::text(message).map_err(plain)?;
        let author = raw::text(author).map_err(plain)?;
        // SAFETY: zeros are a value, and no CID.
        let mut version: sys::ips_cid = unsafe { std::mem::zeroed() };
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = call(|error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            let (branch, message, author) = (branch.as_ptr(), message.as_ptr(), author.as_ptr());
            let version = &mut version;
            sys::ips_fs_commit(self.raw(), branch, message, author, progress, context, version, error)
        });
        let version = Cid::from_raw(version);
        match callbacks.finish(result) {
            Ok(()) => Ok(version),
            Err(error) => {
                let is_kept = matches!(error, Error::Conflict(_)) && !version.digest().is_empty();
                Err(CommitError { error, version: is_kept.then_some(version) })
            }
        }
    }

    /// The entry at a path; a symbolic link at its end is followed.
    pub fn metadata(&self, path: impl AsRef<Path>) -> Result<Entry> {
        self.stat(path.as_ref(), true)
    }

    /// The entry at a path; a symbolic link at its end is the entry.
    pub fn symlink_metadata(&self, path: impl AsRef<Path>) -> Result<Entry> {
        self.stat(path.as_ref(), false)
    }

    fn stat(&self, path: &Path, follow: bool) -> Result<Entry> {
        // SAFETY: such a struct.
        let mut entry: sys::ips_fs_entry = unsafe { raw::sized() };
        call(|error| unsafe { sys::ips_fs_stat(self.raw(), path_bytes(path), follow, &mut entry, error) })?;
        Entry::from_raw(&entry).ok_or_else(|| Error::invalid("the library says of an entry what it is not"))
    }

    /// Whether there is something at a path; a symbolic link at its end is followed.
    pub fn exists(&self, path: impl AsRef<Path>) -> Result<bool> {
        match self.stat(path.as_ref(), true) {
            Ok(_) => Ok(true),
            Err(Error::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The names of a directory with their entries, in bytewise order. What is changed meanwhile may be seen
    /// or not; all else comes once.
    pub fn list(&self, path: impl AsRef<Path>) -> Result<Entries<'_>> {
        self.list_from(path, "", false)
    }

    /// As [`Tree::list`], from a name on, or where it would be; `all`: with tombstones.
    pub fn list_from(
        &self,
        path: impl AsRef<Path>,
        from: impl AsRef<Path>,
        all: bool,
    ) -> Result<Entries<'_>> {
        let (path, from) = (path_bytes(path.as_ref()), path_bytes(from.as_ref()));
        Entries::open(|iter, error| unsafe {
            sys::ips_fs_list(self.raw(), path, from, flags(all), iter, error)
        })
    }

    /// Everything below a directory, each before what is in it, by paths from the root.
    pub fn walk(&self, path: impl AsRef<Path>) -> Result<Entries<'_>> {
        self.walk_all(path, false)
    }

    /// As [`Tree::walk`]; `all`: with tombstones.
    pub fn walk_all(&self, path: impl AsRef<Path>, all: bool) -> Result<Entries<'_>> {
        let path = path_bytes(path.as_ref());
        Entries::open(|iter, error| unsafe { sys::ips_fs_walk(self.raw(), path, flags(all), iter, error) })
    }

    /// The target of a symbolic link to a path.
    pub fn read_link(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        let path = path_bytes(path.as_ref());
        let target = raw::whole(256, |buffer, capacity, length, error| unsafe {
            sys::ips_fs_read_link(self.raw(), path, buffer, capacity, length, error)
        })?;
        Ok(path_of(&target))
    }

    /// The value of an extended attribute, of what a symbolic link leads to.
    pub fn attribute(&self, path: impl AsRef<Path>, name: &[u8]) -> Result<Vec<u8>> {
        let (path, name) = (path_bytes(path.as_ref()), raw::bytes(name));
        raw::whole(1024, |buffer, capacity, length, error| unsafe {
            sys::ips_fs_get_attribute(self.raw(), path, name, buffer, capacity, length, error)
        })
    }

    /// The same, of a value of any kind: its DAG-CBOR. Those of the host are byte strings.
    pub fn attribute_value(&self, path: impl AsRef<Path>, name: &[u8]) -> Result<Vec<u8>> {
        let (path, name) = (path_bytes(path.as_ref()), raw::bytes(name));
        raw::whole(1024, |buffer, capacity, length, error| unsafe {
            sys::ips_fs_get_attribute_value(self.raw(), path, name, buffer, capacity, length, error)
        })
    }

    /// The names of extended attributes, of what a symbolic link leads to.
    pub fn attributes(&self, path: impl AsRef<Path>) -> Result<Vec<OsString>> {
        use std::os::unix::ffi::OsStringExt;
        let path = path_bytes(path.as_ref());
        let names = raw::whole(1024, |buffer, capacity, length, error| unsafe {
            sys::ips_fs_list_attributes(self.raw(), path, buffer, capacity, length, error)
        })?;
        let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        Ok(names.map(|name| OsString::from_vec(name.to_vec())).collect())
    }
}

fn flags(all: bool) -> u32 {
    if all {
        sys::IPS_FS_ALL as u32
    } else {
        0
    }
}

/// Names, or paths, and their entries. It ends after its first error.
#[derive(Debug)]
pub struct Entries<'t> {
    handle: crate::iter::Handle,
    name: [Vec<u8>; 1],
    has_ended: bool,
    tree: PhantomData<&'t Tree>,
}

impl Entries<'_> {
    fn open(
        body: impl FnOnce(*mut *mut sys::ips_iter, *mut sys::ips_error) -> sys::ips_status,
    ) -> Result<Self> {
        let handle = crate::iter::Handle::open(body)?;
        Ok(Entries { handle, name: [vec![0; 256]], has_ended: false, tree: PhantomData })
    }

    fn read(&mut self) -> Result<Option<(PathBuf, Entry)>> {
        // SAFETY: such a struct.
        let mut entry: sys::ips_fs_entry = unsafe { raw::sized() };
        let iter = self.handle.raw();
        let found = raw::fitted(&mut self.name, |[name], [length], error| unsafe {
            sys::ips_iter_next_entry(iter, name.as_mut_ptr().cast(), name.len(), length, &mut entry, error)
        })?;
        let Some([length]) = found else { return Ok(None) };
        Ok(Entry::from_raw(&entry).map(|entry| (path_of(&self.name[0][..length]), entry)))
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<(PathBuf, Entry)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let found = self.read();
        self.has_ended = !matches!(found, Ok(Some(_)));
        found.transpose()
    }
}

impl std::iter::FusedIterator for Entries<'_> {}

/// Why a commit failed.
#[derive(Debug)]
pub struct CommitError {
    pub error: Error,
    /// The version that was made nevertheless when the branch had been moved meanwhile: merge it.
    pub version: Option<Cid>,
}

impl fmt::Display for CommitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(formatter)
    }
}

impl error::Error for CommitError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.error)
    }
}

impl From<CommitError> for Error {
    fn from(failed: CommitError) -> Self {
        failed.error
    }
}
