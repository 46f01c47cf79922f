//! How directories of the host come in and go out, and what is heard of it: plain values.

use std::path::PathBuf;

use ipldstore_sys as sys;

use crate::error::{call, Error, Result};
use crate::{raw, Cid};

/// How far an import or export is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transfer {
    pub entries: u64,
    pub bytes: u64,
    /// 0 while they are counted.
    pub total_entries: u64,
    pub total_bytes: u64,
}

/// What went wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TroubleKind {
    /// Import: it could not be read. What the branch had of it stays; else it is left out.
    Unread,
    /// Import: it changed whenever it was read, and is what was read.
    Changing,
    /// Export: the host refused to make it.
    Unmade,
    /// Export: the host refused its owner.
    OwnerRefused,
    /// An attribute, a mode or a time could not be read, or was refused.
    MetadataRefused,
    /// Removing: it could not be removed.
    Unremoved,
    /// What a later version of the library knows.
    Other(i32),
}

/// Something that the host does not let be as it is.
#[derive(Debug)]
#[non_exhaustive]
pub struct Trouble {
    pub kind: TroubleKind,
    /// What a call would fail with.
    pub error: Error,
    /// From the directory that the call is about.
    pub path: PathBuf,
}

/// How a directory is imported.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    pub(super) flags: i32,
    pub(super) message: String,
    pub(super) author: String,
    pub(super) path: Vec<u8>,
}

impl ImportOptions {
    pub fn new() -> Self {
        ImportOptions::default()
    }

    /// Reads every file, also those that are known from the import before.
    pub fn full(mut self) -> Self {
        self.flags |= sys::IPS_FS_FULL;
        self
    }

    /// Directories on other file systems are imported empty.
    pub fn one_file_system(mut self) -> Self {
        self.flags |= sys::IPS_FS_ONE_FILE_SYSTEM;
        self
    }

    /// Takes owner, mode and kind from the attribute user.containers.override_stat, where it is.
    pub fn stat_attribute(mut self) -> Self {
        self.flags |= sys::IPS_FS_STAT_ATTRIBUTE;
        self
    }

    /// Of the version.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Of the version.
    pub fn author(mut self, author: impl Into<String>) -> Self {
        self.author = author.into();
        self
    }

    /// What of the branch becomes what the directory is: a directory, or a name in one, of a branch that is
    /// there. All else of the branch stays, and every file is read.
    pub fn path(mut self, path: impl AsRef<[u8]>) -> Self {
        self.path = path.as_ref().to_vec();
        self
    }
}

/// What an import did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportReport {
    /// The branch has no new version, because the tree is that of the one before.
    pub is_unchanged: bool,
    pub tree: Cid,
    /// The branch's newest version; `None` without a branch.
    pub version: Option<Cid>,
    pub entries: u64,
    pub files: u64,
    pub bytes: u64,
    /// Files that had to be read, and what they had.
    pub files_read: u64,
    pub bytes_read: u64,
    /// Entries that could not be read.
    pub unread: u64,
}

/// What is done with a directory that is there and holds something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// It is left as it is, which is an error.
    #[default]
    Refuse,
    /// The tree takes its place as a whole, in one step; what was there is removed.
    Replace,
    /// Names of the tree take the place of what has them; other names stay.
    Into,
}

/// How a tree is exported.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExportOptions {
    pub(super) flags: i32,
    pub(super) existing: Existing,
}

impl ExportOptions {
    pub fn new() -> Self {
        ExportOptions::default()
    }

    pub fn existing(mut self, existing: Existing) -> Self {
        self.existing = existing;
        self
    }

    /// Puts what the host refuses of owner, mode and kind into the attribute user.containers.override_stat.
    pub fn stat_attribute(mut self) -> Self {
        self.flags |= sys::IPS_FS_STAT_ATTRIBUTE;
        self
    }

    /// Leaves out files and directories of which the store has lost something, and goes on; else that ends
    /// the export.
    pub fn keep_going(mut self) -> Self {
        self.flags |= sys::IPS_FS_KEEP_GOING;
        self
    }
}

crate::space::report! {
    /// What an export did.
    ExportReport, ips_fs_export_report {
        entries,
        files,
        bytes,
        /// Entries that are missing.
        unmade,
        /// Entries that are there without their owner, because the host refused.
        without_owner,
        /// Entries that are there without an attribute, mode or time.
        without_metadata,
        /// Of those that are missing, the ones of which the store has lost something.
        damaged,
    }
}
