//! File systems: trees of files with their history.
//!
//! A [`Tree`] is open: looked at, and changed in memory until [`Tree::commit`] makes a version of it, to
//! which a branch then points. Branches, tags, history, differences and merges are a [`FileSystem`]'s.
//!
//! ```
//! # let path = std::env::temp_dir().join(format!("ipldstore-fs-{}", std::process::id()));
//! # ipldstore::Store::create(&path)?;
//! # let store = ipldstore::Store::open(&path)?;
//! use ipldstore::fs::{Merge, MergeOptions};
//!
//! let fs = store.fs();
//! let tree = fs.open_branch("main")?; // empty: there is no such branch
//! tree.make_directories("etc", 0o755)?;
//! tree.write("etc/hosts", b"localhost\n")?;
//! let first = tree.commit("main", "the first version", "me")?;
//!
//! fs.fork(&first, "dev")?; // costs nothing
//! let dev = fs.open_branch("dev")?;
//! dev.rename("etc/hosts", "hosts")?;
//! let second = dev.commit("dev", "moved", "me")?;
//! for difference in fs.diff_with_renames(&first, &second)? {
//!     println!("{:?}", difference?);
//! }
//!
//! assert!(matches!(fs.merge("main", &second, &MergeOptions::new())?, Merge::FastForward(_)));
//! assert_eq!(fs.open_branch("main")?.read("hosts")?, b"localhost\n");
//! # drop((tree, dev, store));
//! # std::fs::remove_dir_all(&path).unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Paths are paths in a tree, never of the host, and are bytes: names between "/", with "." and ".." as
//! everywhere. Names on the way are followed when they are symbolic links. What always holds: an operation
//! that fails has changed nothing, and [`Error::errno`](crate::Error::errno) is what a file system would
//! give.

mod change;
mod conflict;
mod diff;
mod entry;
mod file;
mod host;
mod merge;
mod transfer;
mod tree;
mod versions;

pub use change::{Links, NewNode};
pub use conflict::{Conflict, ConflictKind, Resolution};
pub use diff::{Aspects, Difference, DifferenceKind, Differences};
pub use entry::{Entry, Kind, SyncType, Timestamp};
pub use file::{File, FileOptions};
pub use host::{
    Existing, ExportOptions, ExportReport, ImportOptions, ImportReport, Transfer, Trouble, TroubleKind,
};
pub use merge::{Decide, Merge, MergeOptions, Policy};
pub use transfer::{remove_directory, remove_directory_with};
pub use tree::{CommitError, Entries, Tree};
pub use versions::{BranchCopy, CopyOptions, History, Keep, Names, Version};

use crate::Store;

/// The branches, tags, versions and trees of a store.
#[derive(Clone, Copy, Debug)]
pub struct FileSystem<'s> {
    store: &'s Store,
}

impl Store {
    /// The versioned file systems in the store.
    pub fn fs(&self) -> FileSystem<'_> {
        FileSystem { store: self }
    }
}

/// Bytes of a path in a tree.
fn path_bytes(path: &std::path::Path) -> ipldstore_sys::ips_bytes {
    use std::os::unix::ffi::OsStrExt;
    crate::raw::bytes(path.as_os_str().as_bytes())
}

/// A path in a tree, of the library's bytes.
fn path_of(bytes: &[u8]) -> std::path::PathBuf {
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(bytes.to_vec()).into()
}
