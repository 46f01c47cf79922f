//! Files of trees that are open.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::path::Path;
use std::ptr::NonNull;

use ipldstore_sys as sys;

use super::{path_bytes, Tree};
use crate::callback::{unobserved, Observer};
use crate::error::{call, Error, Result};
use crate::raw::{self, bytes};

/// How a file is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileOptions {
    flags: i32,
    mode: u32,
}

impl FileOptions {
    /// For reading only, as it is now.
    pub fn new() -> Self {
        FileOptions { flags: sys::IPS_FS_READ, mode: 0 }
    }

    /// For reading and writing: what is written is in the tree with [`File::commit`], and not before.
    pub fn write(mut self) -> Self {
        self.flags |= sys::IPS_FS_WRITE;
        self
    }

    /// For writing; it is made, with these permissions, when it is not there.
    pub fn create(mut self, mode: u32) -> Self {
        self.flags |= sys::IPS_FS_WRITE | sys::IPS_FS_CREATE;
        self.mode = mode;
        self
    }

    /// For writing; what it has is dropped.
    pub fn truncate(mut self) -> Self {
        self.flags |= sys::IPS_FS_WRITE | sys::IPS_FS_TRUNCATE;
        self
    }
}

impl Tree {
    /// Opens a file for reading, as it is now. A symbolic link at the path's end is followed.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<File<'_>> {
        self.open_with(path, FileOptions::new())
    }

    /// Opens a file. A symbolic link at the path's end is followed.
    pub fn open_with(&self, path: impl AsRef<Path>, options: FileOptions) -> Result<File<'_>> {
        self.open_observed(path, options, unobserved)
    }

    /// As [`Tree::open_with`]. `progress` hears of the bytes stored while much is (a file that was stored
    /// with other chunks is stored anew by its first change), in later calls on the file.
    pub fn open_observed(
        &self,
        path: impl AsRef<Path>,
        options: FileOptions,
        progress: impl FnMut(u64) -> ControlFlow<()> + Send + 'static,
    ) -> Result<File<'_>> {
        let path = path_bytes(path.as_ref());
        let (flags, mode) = (options.flags as u32, options.mode);
        let observer = Observer::new(progress);
        let (hear, context) = (observer.hear(), observer.context());
        let handle = raw::handle(|file, error| unsafe {
            sys::ips_fs_file_open(self.raw(), path, flags, mode, hear, context, file, error)
        })?;
        Ok(File { handle, observer, position: 0, tree: PhantomData })
    }

    /// All bytes of a file.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Vec<u8>> {
        let file = self.open(path)?;
        let size =
            usize::try_from(file.size()?).map_err(|_| Error::invalid("the file is larger than memory"))?;
        let mut data = Vec::new();
        raw::grow(&mut data, size)?;
        let got = file.read_at(0, &mut data)?;
        data.truncate(got);
        Ok(data)
    }

    /// Gives a file these bytes and no others. It is made, with permissions 0o644, when it is not there.
    pub fn write(&self, path: impl AsRef<Path>, data: &[u8]) -> Result<()> {
        let mut file = self.open_with(path, FileOptions::new().create(0o644).truncate())?;
        file.write_at(0, data)?;
        file.commit()
    }
}

/// A file of a tree that is open. `Read`, `Write` and `Seek` have a position of their own, which begins at 0.
/// What was written and not given to the tree by [`File::commit`] is forgotten when it is dropped;
/// `Write::flush` does nothing.
#[derive(Debug)]
pub struct File<'t> {
    handle: NonNull<sys::ips_fs_file>,
    observer: Observer,
    position: u64,
    tree: PhantomData<&'t Tree>,
}

impl Drop for File<'_> {
    fn drop(&mut self) {
        // SAFETY: given back once. The observer goes after it, when the library cannot call it any more.
        unsafe { sys::ips_fs_file_close(self.handle.as_ptr()) }
    }
}

impl File<'_> {
    fn raw(&self) -> *mut sys::ips_fs_file {
        self.handle.as_ptr()
    }

    /// In bytes, with all that was written.
    pub fn size(&self) -> Result<u64> {
        let mut size = 0;
        call(|error| unsafe { sys::ips_fs_file_size(self.raw(), &mut size, error) })?;
        Ok(size)
    }

    /// Reads at an offset, as pread does: fewer bytes than `buffer` has only at the end.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let mut got = 0;
        call(|error| unsafe {
            let room = buffer.as_mut_ptr().cast();
            sys::ips_fs_file_read_at(self.raw(), offset, room, buffer.len(), &mut got, error)
        })?;
        Ok(got)
    }

    /// Writes bytes at an offset, which may be beyond the end: what is between reads as zeros.
    pub fn write_at(&mut self, offset: u64, data: &[u8]) -> Result<()> {
        let result =
            call(|error| unsafe { sys::ips_fs_file_write_at(self.raw(), offset, bytes(data), error) });
        self.observer.settled(result)
    }

    /// Cuts the file, or lengthens it by zeros.
    pub fn set_len(&mut self, size: u64) -> Result<()> {
        let result = call(|error| unsafe { sys::ips_fs_file_truncate(self.raw(), size, error) });
        self.observer.settled(result)
    }

    /// Gives the tree what was written, under the name that the file has by now. When that fails, it is
    /// forgotten, and the tree is as it was.
    pub fn commit(mut self) -> Result<()> {
        self.try_commit()
    }

    /// As [`File::commit`], but after a failure, as when `progress` stops it, the file is open still and can
    /// be committed again. Committed, it is closed: all but dropping it is [`Error::Invalid`].
    pub fn try_commit(&mut self) -> Result<()> {
        let result = call(|error| unsafe { sys::ips_fs_file_commit(self.raw(), error) });
        self.observer.settled(result)
    }
}

impl Write for File<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.write_at(self.position, data)?;
        self.position += data.len() as u64;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for File<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.size()? {
            return Ok(0);
        }
        let got = self.read_at(self.position, buffer)?;
        self.position += got as u64;
        Ok(got)
    }
}

impl Seek for File<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let reached = match position {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.size()?.checked_add_signed(offset),
        };
        self.position = reached.ok_or_else(|| Error::invalid("the position is before the start"))?;
        Ok(self.position)
    }
}
