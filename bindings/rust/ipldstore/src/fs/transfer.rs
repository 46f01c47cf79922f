//! Directories of the host, in and out.

use std::ffi::c_void;
use std::ops::ControlFlow;
use std::path::Path;
use std::ptr;

use ipldstore_sys as sys;

use super::{
    path_bytes, path_of, CommitError, Existing, ExportOptions, ExportReport, FileSystem, ImportOptions,
    ImportReport, Transfer, Trouble, TroubleKind,
};
use crate::callback::{answer, Left};
use crate::error::{call, Error, Failure, Result};
use crate::{raw, Cid};

/// Who watches one call.
struct Watch<'a> {
    progress: Option<&'a mut dyn FnMut(Transfer) -> ControlFlow<()>>,
    trouble: Option<&'a mut dyn FnMut(&Trouble) -> ControlFlow<()>>,
    left: Left,
}

impl Watch<'_> {
    fn nobody() -> Self {
        Watch { progress: None, trouble: None, left: Left::default() }
    }

    fn callbacks(&self) -> (sys::ips_fs_progress, sys::ips_fs_on_trouble) {
        let progress = self.progress.as_ref().map(|_| progress as _);
        (progress, self.trouble.as_ref().map(|_| trouble as _))
    }

    fn context(&mut self) -> *mut c_void {
        (self as *mut Self).cast()
    }
}

unsafe extern "C" fn progress(context: *mut c_void, done: *const sys::ips_fs_transfer) -> sys::ips_status {
    // SAFETY: the watch lives while the call runs, one callback runs at a time, `done` is the library's.
    let (watch, done) = unsafe { (&mut *context.cast::<Watch<'_>>(), &*done) };
    let Watch { progress: Some(progress), left, .. } = watch else { return sys::IPS_OK };
    let done = Transfer {
        entries: done.entries,
        bytes: done.bytes,
        total_entries: done.total_entries,
        total_bytes: done.total_bytes,
    };
    left.guard(|| Ok(answer(progress(done))))
}

/// As `progress`, of a call that counts entries only.
unsafe extern "C" fn counted(context: *mut c_void, entries: u64) -> sys::ips_status {
    // SAFETY: as above.
    let watch = unsafe { &mut *context.cast::<Watch<'_>>() };
    let Watch { progress: Some(progress), left, .. } = watch else { return sys::IPS_OK };
    left.guard(|| Ok(answer(progress(Transfer { entries, ..Transfer::default() }))))
}

unsafe extern "C" fn trouble(context: *mut c_void, found: *const sys::ips_fs_trouble) -> sys::ips_status {
    // SAFETY: as above.
    let (watch, found) = unsafe { (&mut *context.cast::<Watch<'_>>(), &*found) };
    let Watch { trouble: Some(trouble), left, .. } = watch else { return sys::IPS_OK };
    left.guard(|| {
        let kind = match found.kind {
            sys::IPS_FS_UNREAD => TroubleKind::Unread,
            sys::IPS_FS_CHANGING => TroubleKind::Changing,
            sys::IPS_FS_UNMADE => TroubleKind::Unmade,
            sys::IPS_FS_OWNER_REFUSED => TroubleKind::OwnerRefused,
            sys::IPS_FS_METADATA_REFUSED => TroubleKind::MetadataRefused,
            sys::IPS_FS_UNREMOVED => TroubleKind::Unremoved,
            other => TroubleKind::Other(other),
        };
        // SAFETY: valid during the callback.
        let (path, message) = unsafe { (path_of(raw::slice(&found.path)), raw::owned_text(found.message)) };
        let error = Error::from_failure(Failure { code: found.status, errno: found.os_errno, message });
        Ok(answer(trouble(&Trouble { kind, error, path })))
    })
}

impl FileSystem<'_> {
    /// Stores a directory of the host with all that is in it, as the newest version of a branch; without a
    /// branch, the tree is held for the handle's owner. Files that the branch knows are not read again. What
    /// could not be read is counted, and the rest goes on.
    ///
    /// When the branch was moved meanwhile, the error says under which CID the version is kept nevertheless.
    ///
    /// ```
    /// # let place = std::env::temp_dir().join(format!("ipldstore-import-{}", std::process::id()));
    /// # std::fs::create_dir_all(place.join("directory")).unwrap();
    /// # std::fs::write(place.join("directory/file"), "bytes").unwrap();
    /// # let path = place.join("store");
    /// # ipldstore::Store::create(&path)?;
    /// # let store = ipldstore::Store::open(&path)?;
    /// use ipldstore::fs::{ExportOptions, ImportOptions};
    ///
    /// let fs = store.fs();
    /// let report = fs.import(&place.join("directory"), Some("main"), &ImportOptions::new())?;
    /// assert_eq!((report.files, report.unread), (1, 0));
    /// fs.export(&report.tree, "/", &place.join("copy"), &ExportOptions::new())?;
    /// assert_eq!(std::fs::read(place.join("copy/file")).unwrap(), b"bytes");
    /// # drop(store);
    /// # std::fs::remove_dir_all(&place).unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn import(
        &self,
        directory: impl AsRef<Path>,
        branch: Option<&str>,
        options: &ImportOptions,
    ) -> std::result::Result<ImportReport, CommitError> {
        self.import_by(directory.as_ref(), branch, options, Watch::nobody())
    }

    /// As [`FileSystem::import`]; `progress` hears how far it is, `trouble` of each entry that went wrong,
    /// and either stops it with `Break`.
    pub fn import_with(
        &self,
        directory: impl AsRef<Path>,
        branch: Option<&str>,
        options: &ImportOptions,
        mut progress: impl FnMut(Transfer) -> ControlFlow<()>,
        mut trouble: impl FnMut(&Trouble) -> ControlFlow<()>,
    ) -> std::result::Result<ImportReport, CommitError> {
        let watch =
            Watch { progress: Some(&mut progress), trouble: Some(&mut trouble), left: Left::default() };
        self.import_by(directory.as_ref(), branch, options, watch)
    }

    fn import_by(
        &self,
        directory: &Path,
        branch: Option<&str>,
        options: &ImportOptions,
        mut watch: Watch<'_>,
    ) -> std::result::Result<ImportReport, CommitError> {
        let plain = |error| CommitError { error, version: None };
        let directory = raw::path(directory).map_err(plain)?;
        let branch = branch.map(raw::text).transpose().map_err(plain)?;
        let message = raw::text(&options.message).map_err(plain)?;
        let author = raw::text(&options.author).map_err(plain)?;
        // SAFETY: such structs; zeros are the defaults of the one, and are CIDs that name nothing.
        let (mut how, mut report): (sys::ips_fs_import_options, sys::ips_fs_import_report) =
            unsafe { (raw::sized(), raw::sized()) };
        how.flags = options.flags as u32;
        (how.message, how.author) = (message.as_ptr(), author.as_ptr());
        how.path = raw::bytes(&options.path);
        let result = call(|error| unsafe {
            let ((progress, trouble), context) = (watch.callbacks(), watch.context());
            let (directory, branch) = (directory.as_ptr(), raw::optional_text(&branch));
            let store = self.store.raw();
            sys::ips_fs_import(store, directory, branch, &how, progress, trouble, context, &mut report, error)
        });
        let version = Cid::from_raw(report.version);
        let version = (!version.digest().is_empty()).then_some(version);
        watch.left.apply(result).map_err(|error| {
            let is_kept = matches!(error, Error::Conflict(_));
            CommitError { error, version: version.filter(|_| is_kept) }
        })?;
        Ok(ImportReport {
            is_unchanged: report.is_unchanged != 0,
            tree: Cid::from_raw(report.tree),
            version,
            entries: report.entries,
            files: report.files,
            bytes: report.bytes,
            files_read: report.files_read,
            bytes_read: report.bytes_read,
            unread: report.unread,
        })
    }

    /// Writes what a version, tree or directory has at a path ("/": all) to a directory of the host. One that
    /// is not there appears when it is whole and durable. Nothing is written outside of it. What the host
    /// refuses is counted, and the rest goes on.
    pub fn export(
        &self,
        tree: &Cid,
        path: impl AsRef<Path>,
        directory: impl AsRef<Path>,
        options: &ExportOptions,
    ) -> Result<ExportReport> {
        self.export_by(tree, path.as_ref(), directory.as_ref(), options, Watch::nobody())
    }

    /// As [`FileSystem::export`]; `progress` and `trouble` as for [`FileSystem::import_with`].
    pub fn export_with(
        &self,
        tree: &Cid,
        path: impl AsRef<Path>,
        directory: impl AsRef<Path>,
        options: &ExportOptions,
        mut progress: impl FnMut(Transfer) -> ControlFlow<()>,
        mut trouble: impl FnMut(&Trouble) -> ControlFlow<()>,
    ) -> Result<ExportReport> {
        let watch =
            Watch { progress: Some(&mut progress), trouble: Some(&mut trouble), left: Left::default() };
        self.export_by(tree, path.as_ref(), directory.as_ref(), options, watch)
    }

    fn export_by(
        &self,
        tree: &Cid,
        path: &Path,
        directory: &Path,
        options: &ExportOptions,
        mut watch: Watch<'_>,
    ) -> Result<ExportReport> {
        let directory = raw::path(directory)?;
        // SAFETY: such a struct; zeros are its defaults.
        let mut how: sys::ips_fs_export_options = unsafe { raw::sized() };
        how.flags = options.flags as u32;
        how.existing = match options.existing {
            Existing::Refuse => sys::IPS_FS_REFUSE,
            Existing::Replace => sys::IPS_FS_REPLACE,
            Existing::Into => sys::IPS_FS_INTO,
        };
        let result = ExportReport::made(|report, error| unsafe {
            let ((progress, trouble), context) = (watch.callbacks(), watch.context());
            let (store, tree, path) = (self.store.raw(), tree.as_raw(), path_bytes(path));
            let directory = directory.as_ptr();
            sys::ips_fs_export(store, tree, path, directory, &how, progress, trouble, context, report, error)
        });
        watch.left.apply(result)
    }
}

/// Removes a directory of the host with all that is in it, or a file: what an export made, say. Directories
/// that their owner, who runs this, has closed to himself are opened first.
pub fn remove_directory(directory: impl AsRef<Path>) -> Result<()> {
    let directory = raw::path(directory.as_ref())?;
    call(|error| unsafe {
        sys::ips_fs_remove_directory(directory.as_ptr(), None, None, ptr::null_mut(), error)
    })
}

/// As [`remove_directory`]; `progress` hears how many entries went, `trouble` of what cannot be removed, and
/// either stops it with `Break`: what is left stays.
pub fn remove_directory_with(
    directory: impl AsRef<Path>,
    mut progress: impl FnMut(u64) -> ControlFlow<()>,
    mut trouble: impl FnMut(&Trouble) -> ControlFlow<()>,
) -> Result<()> {
    let directory = raw::path(directory.as_ref())?;
    let mut count = |done: Transfer| progress(done.entries);
    let mut watch = Watch { progress: Some(&mut count), trouble: Some(&mut trouble), left: Left::default() };
    let result = call(|error| unsafe {
        let ((_, trouble), context) = (watch.callbacks(), watch.context());
        sys::ips_fs_remove_directory(directory.as_ptr(), Some(counted as _), trouble, context, error)
    });
    watch.left.apply(result)
}
