//! Changing a tree: making, moving, removing, and metadata.

use std::ffi::c_void;
use std::ops::ControlFlow;
use std::path::Path;

use ipldstore_sys as sys;

use super::{path_bytes, SyncType, Timestamp, Tree};
use crate::callback::{self, unobserved, Callbacks};
use crate::error::{call, Result};
use crate::{raw, Cid};

/// What is made at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewNode {
    /// An empty file.
    File,
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
}

/// What is done with a symbolic link at a path's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// What it leads to is changed.
    #[default]
    Follow,
    /// It is changed itself.
    Keep,
}

impl Tree {
    /// Makes a directory in one that is there.
    pub fn make_directory(&self, path: impl AsRef<Path>, mode: u32) -> Result<()> {
        let path = path_bytes(path.as_ref());
        call(|error| unsafe { sys::ips_fs_make_directory(self.raw(), path, mode, false, error) })
    }

    /// Makes a directory and those that are missing above it; it is no error when it is there.
    pub fn make_directories(&self, path: impl AsRef<Path>, mode: u32) -> Result<()> {
        let path = path_bytes(path.as_ref());
        call(|error| unsafe { sys::ips_fs_make_directory(self.raw(), path, mode, true, error) })
    }

    /// Makes an empty file, FIFO, socket or device.
    pub fn make_node(&self, path: impl AsRef<Path>, node: NewNode, mode: u32) -> Result<()> {
        let path = path_bytes(path.as_ref());
        let (kind, major, minor) = match node {
            NewNode::File => (sys::IPS_FS_FILE, 0, 0),
            NewNode::Fifo => (sys::IPS_FS_FIFO, 0, 0),
            NewNode::Socket => (sys::IPS_FS_SOCKET, 0, 0),
            NewNode::CharacterDevice { major, minor } => (sys::IPS_FS_CHARACTER_DEVICE, major, minor),
            NewNode::BlockDevice { major, minor } => (sys::IPS_FS_BLOCK_DEVICE, major, minor),
        };
        call(|error| unsafe { sys::ips_fs_make_node(self.raw(), path, kind, mode, major, minor, error) })
    }

    /// Makes a symbolic link to a path, which need not be there.
    pub fn symlink(&self, target: impl AsRef<Path>, path: impl AsRef<Path>) -> Result<()> {
        let (path, target) = (path_bytes(path.as_ref()), path_bytes(target.as_ref()));
        call(|error| unsafe { sys::ips_fs_make_symlink(self.raw(), path, target, error) })
    }

    /// Makes a symbolic link to a tree, directory or file of the store, which it keeps.
    pub fn cid_link(&self, target: &Cid, path: impl AsRef<Path>) -> Result<()> {
        let path = path_bytes(path.as_ref());
        call(|error| unsafe { sys::ips_fs_make_cid_link(self.raw(), path, target.as_raw(), error) })
    }

    /// Gives a file, which is no directory, one more name.
    pub fn hard_link(&self, existing: impl AsRef<Path>, path: impl AsRef<Path>) -> Result<()> {
        let (existing, path) = (path_bytes(existing.as_ref()), path_bytes(path.as_ref()));
        call(|error| unsafe { sys::ips_fs_link(self.raw(), existing, path, error) })
    }

    /// Gives a file the content of one that is stored, as [`Store::put_file`](crate::Store::put_file) or
    /// another tree gave it, and makes it, with these permissions, when it is not there. Nothing is copied.
    /// What [`Tree::metadata`] says of a file of more than 512 bytes has the CID, which the store has once
    /// the tree is committed.
    pub fn put_file(&self, path: impl AsRef<Path>, cid: &Cid, mode: u32) -> Result<()> {
        self.put_file_with(path, cid, mode, unobserved)
    }

    /// As [`Tree::put_file`], and `progress` hears of the blocks that are read for it.
    pub fn put_file_with(
        &self,
        path: impl AsRef<Path>,
        cid: &Cid,
        mode: u32,
        progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let path = path_bytes(path.as_ref());
        self.change(progress, |hear, context, error| unsafe {
            sys::ips_fs_put_file(self.raw(), path, cid.as_raw(), mode, hear, context, error)
        })
    }

    /// A change that takes long where names are gone through: those of directories of type
    /// [`SyncType::MerkleCrdt`], and those that share files. What `progress` stops leaves the tree as it was.
    fn change(
        &self,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
        body: impl FnOnce(sys::ips_progress, *mut c_void, *mut sys::ips_error) -> sys::ips_status,
    ) -> Result<()> {
        let mut callbacks = Callbacks::progress(&mut progress);
        let context = callbacks.context();
        let result = call(|error| body(Some(callback::progress as _), context, error));
        callbacks.finish(result)
    }

    /// Moves an entry with all that is below it. What is at the target is replaced if it is no directory, or
    /// an empty one and replaced by one.
    pub fn rename(&self, path: impl AsRef<Path>, target: impl AsRef<Path>) -> Result<()> {
        self.rename_with(path, target, unobserved)
    }

    /// As [`Tree::rename`], and `progress` hears of the blocks that are read for it.
    pub fn rename_with(
        &self,
        path: impl AsRef<Path>,
        target: impl AsRef<Path>,
        progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let (path, target) = (path_bytes(path.as_ref()), path_bytes(target.as_ref()));
        self.change(progress, |hear, context, error| unsafe {
            sys::ips_fs_rename(self.raw(), path, target, hear, context, error)
        })
    }

    /// Copies an entry with all that is below it, which costs nothing whatever its size, but for names that
    /// share files or are of type [`SyncType::MerkleCrdt`].
    pub fn copy(&self, path: impl AsRef<Path>, target: impl AsRef<Path>) -> Result<()> {
        self.copy_with(path, target, unobserved)
    }

    /// As [`Tree::copy`], and `progress` hears of the blocks that are read for it.
    pub fn copy_with(
        &self,
        path: impl AsRef<Path>,
        target: impl AsRef<Path>,
        progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let (path, target) = (path_bytes(path.as_ref()), path_bytes(target.as_ref()));
        self.change(progress, |hear, context, error| unsafe {
            sys::ips_fs_copy(self.raw(), path, target, hear, context, error)
        })
    }

    /// Gives a path what another version, tree or directory has at `from`, with all that is below it, in the
    /// place of what it has now. Costs nothing whatever its size.
    pub fn restore(&self, path: impl AsRef<Path>, tree: &Cid, from: impl AsRef<Path>) -> Result<()> {
        self.restore_with(path, tree, from, unobserved)
    }

    /// As [`Tree::restore`], and `progress` hears of the blocks that are read for it.
    pub fn restore_with(
        &self,
        path: impl AsRef<Path>,
        tree: &Cid,
        from: impl AsRef<Path>,
        progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let (path, from) = (path_bytes(path.as_ref()), path_bytes(from.as_ref()));
        self.change(progress, |hear, context, error| unsafe {
            sys::ips_fs_restore(self.raw(), path, tree.as_raw(), from, hear, context, error)
        })
    }

    /// Removes an entry, which is no directory with anything in it, and leaves a tombstone.
    pub fn remove(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path_bytes(path.as_ref());
        let change = |hear, context, error| unsafe {
            sys::ips_fs_remove(self.raw(), path, false, hear, context, error)
        };
        self.change(unobserved, change)
    }

    /// Removes an entry with all that is below it.
    pub fn remove_all(&self, path: impl AsRef<Path>) -> Result<()> {
        self.remove_all_with(path, unobserved)
    }

    /// As [`Tree::remove_all`], and `progress` hears of the blocks that are read for it.
    pub fn remove_all_with(
        &self,
        path: impl AsRef<Path>,
        progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let path = path_bytes(path.as_ref());
        self.change(progress, |hear, context, error| unsafe {
            sys::ips_fs_remove(self.raw(), path, true, hear, context, error)
        })
    }

    /// Permissions with set-user-id, set-group-id and sticky bits: 0 to 0o7777.
    pub fn set_mode(&self, path: impl AsRef<Path>, mode: u32, links: Links) -> Result<()> {
        self.set_mode_with(path, mode, links, unobserved)
    }

    /// As [`Tree::set_mode`], and `progress` hears of the blocks that are read for it.
    pub fn set_mode_with(
        &self,
        path: impl AsRef<Path>,
        mode: u32,
        links: Links,
        progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let (path, follow) = (path_bytes(path.as_ref()), links == Links::Follow);
        self.change(progress, |hear, context, error| unsafe {
            sys::ips_fs_set_mode(self.raw(), path, mode, follow, hear, context, error)
        })
    }

    /// The owner and the group; `None` leaves what is there.
    pub fn set_owner(
        &self,
        path: impl AsRef<Path>,
        uid: Option<u32>,
        gid: Option<u32>,
        links: Links,
    ) -> Result<()> {
        self.set_owner_with(path, uid, gid, links, unobserved)
    }

    /// As [`Tree::set_owner`], and `progress` hears of the blocks that are read for it.
    pub fn set_owner_with(
        &self,
        path: impl AsRef<Path>,
        uid: Option<u32>,
        gid: Option<u32>,
        links: Links,
        progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let (path, follow) = (path_bytes(path.as_ref()), links == Links::Follow);
        let (uid, gid) = (uid.unwrap_or(u32::MAX), gid.unwrap_or(u32::MAX));
        self.change(progress, |hear, context, error| unsafe {
            sys::ips_fs_set_owner(self.raw(), path, uid, gid, follow, hear, context, error)
        })
    }

    /// When the content was last changed.
    pub fn set_time(&self, path: impl AsRef<Path>, time: impl Into<Timestamp>, links: Links) -> Result<()> {
        self.set_time_with(path, time, links, unobserved)
    }

    /// As [`Tree::set_time`], and `progress` hears of the blocks that are read for it.
    pub fn set_time_with(
        &self,
        path: impl AsRef<Path>,
        time: impl Into<Timestamp>,
        links: Links,
        progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let (path, follow) = (path_bytes(path.as_ref()), links == Links::Follow);
        let Timestamp { seconds, nanoseconds } = time.into();
        self.change(progress, |hear, context, error| unsafe {
            sys::ips_fs_set_time(self.raw(), path, seconds, nanoseconds, follow, hear, context, error)
        })
    }

    /// The sync type, of a directory for children that are added from now on.
    pub fn set_sync(&self, path: impl AsRef<Path>, sync: SyncType) -> Result<()> {
        let path = path_bytes(path.as_ref());
        let change = |hear, context, error| unsafe {
            sys::ips_fs_set_sync(self.raw(), path, sync.raw(), false, hear, context, error)
        };
        self.change(unobserved, change)
    }

    /// The sync type, of a directory and of all that is below it.
    pub fn set_sync_of_all(&self, path: impl AsRef<Path>, sync: SyncType) -> Result<()> {
        self.set_sync_of_all_with(path, sync, unobserved)
    }

    /// As [`Tree::set_sync_of_all`], and `progress` hears of the blocks that are read for it.
    pub fn set_sync_of_all_with(
        &self,
        path: impl AsRef<Path>,
        sync: SyncType,
        progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let path = path_bytes(path.as_ref());
        self.change(progress, |hear, context, error| unsafe {
            sys::ips_fs_set_sync(self.raw(), path, sync.raw(), true, hear, context, error)
        })
    }

    /// Gives an extended attribute a value, of what a symbolic link leads to. Names are 1 to 255 bytes.
    pub fn set_attribute(&self, path: impl AsRef<Path>, name: &[u8], value: &[u8]) -> Result<()> {
        self.set_attribute_with(path, name, value, unobserved)
    }

    /// As [`Tree::set_attribute`], and `progress` hears of the blocks that are read for it.
    pub fn set_attribute_with(
        &self,
        path: impl AsRef<Path>,
        name: &[u8],
        value: &[u8],
        progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let (path, name, value) = (path_bytes(path.as_ref()), raw::bytes(name), raw::bytes(value));
        self.change(progress, |hear, context, error| unsafe {
            sys::ips_fs_set_attribute(self.raw(), path, name, value, hear, context, error)
        })
    }

    /// The same, of a value of any kind, which is given as DAG-CBOR.
    pub fn set_attribute_value(&self, path: impl AsRef<Path>, name: &[u8], dag_cbor: &[u8]) -> Result<()> {
        self.set_attribute_value_with(path, name, dag_cbor, unobserved)
    }

    /// As [`Tree::set_attribute_value`], and `progress` hears of the blocks that are read for it.
    pub fn set_attribute_value_with(
        &self,
        path: impl AsRef<Path>,
        name: &[u8],
        dag_cbor: &[u8],
        progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let (path, name, value) = (path_bytes(path.as_ref()), raw::bytes(name), raw::bytes(dag_cbor));
        self.change(progress, |hear, context, error| unsafe {
            sys::ips_fs_set_attribute_value(self.raw(), path, name, value, hear, context, error)
        })
    }

    /// Takes an extended attribute away.
    pub fn remove_attribute(&self, path: impl AsRef<Path>, name: &[u8]) -> Result<()> {
        self.remove_attribute_with(path, name, unobserved)
    }

    /// As [`Tree::remove_attribute`], and `progress` hears of the blocks that are read for it.
    pub fn remove_attribute_with(
        &self,
        path: impl AsRef<Path>,
        name: &[u8],
        progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let (path, name) = (path_bytes(path.as_ref()), raw::bytes(name));
        self.change(progress, |hear, context, error| unsafe {
            sys::ips_fs_remove_attribute(self.raw(), path, name, hear, context, error)
        })
    }
}
