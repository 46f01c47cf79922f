//! A store: bytes in, bytes out.

use std::ffi::c_void;
use std::io::{Read, Write};
use std::ops::{Bound, ControlFlow, RangeBounds};
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::ptr::NonNull;

use ipldstore_sys as sys;

use crate::callback::{self, unobserved, Callbacks};
use crate::cid::made;
use crate::error::{call, text, Error, Result};
use crate::raw::{self, bytes};
use crate::{Batch, Cid, CreateOptions, OpenOptions};

/// An open store. Any number of threads may use one at once.
///
/// What is stored through it, and not through a batch, is held once by the handle's owner until
/// [`Store::dereference`].
#[derive(Debug)]
pub struct Store {
    pub(crate) handle: NonNull<sys::ips_store>,
}

// SAFETY: the header says so of ips_store.
unsafe impl Send for Store {}
unsafe impl Sync for Store {}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: given back once.
        unsafe { sys::ips_store_close(self.handle.as_ptr()) }
    }
}

/// What a handle is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Information {
    pub is_read_only: bool,
    /// The store's random name, 32 hexadecimal digits.
    pub identity: String,
    /// Chunker, layout and hash as one line.
    pub layout: String,
    /// "none" or "zstd:LEVEL".
    pub compression: String,
    /// What a user of this handle should hear; empty: nothing.
    pub warning: String,
    /// `IPS_KIND_…` of the C header: where its own blocks are.
    pub kind: u32,
    /// Whether nothing of the store changes any more.
    pub is_sealed: bool,
    /// Stores that it reads through.
    pub bases: u32,
}

impl Store {
    /// Makes a store of the default options in a directory that does not exist, or is empty.
    pub fn create(path: impl AsRef<Path>) -> Result<()> {
        CreateOptions::new().create(path)
    }

    /// Opens a store. Where its files may only be read, the handle only reads.
    pub fn open(path: impl AsRef<Path>) -> Result<Store> {
        OpenOptions::new().open(path)
    }

    pub(crate) fn raw(&self) -> *mut sys::ips_store {
        self.handle.as_ptr()
    }

    /// Says what the handle is. No I/O.
    pub fn information(&self) -> Result<Information> {
        // SAFETY: such a struct.
        let mut found: sys::ips_store_information = unsafe { raw::sized() };
        call(|error| unsafe { sys::ips_store_get_information(self.raw(), &mut found, error) })?;
        Ok(Information {
            is_read_only: found.is_read_only != 0,
            identity: text(&found.identity),
            layout: text(&found.layout),
            compression: text(&found.compression),
            warning: text(&found.warning),
            kind: found.kind,
            is_sealed: found.is_sealed != 0,
            bases: found.bases,
        })
    }

    /// What the store was made with, every field explicit. No I/O.
    pub fn configuration(&self) -> Result<CreateOptions> {
        let mut options = CreateOptions::new();
        call(|error| unsafe { sys::ips_store_get_configuration(self.raw(), &mut options.0, error) })?;
        Ok(options)
    }

    /// Begins a batch: many things stored as one unit of work.
    pub fn batch(&self) -> Result<Batch> {
        Batch::begin(self)
    }

    // ------------------------------------------------------------------------------------- Storing

    /// Stores bytes in memory.
    pub fn put(&self, data: &[u8]) -> Result<Cid> {
        made(|cid, error| unsafe { sys::ips_store_put_buffer(self.raw(), bytes(data), cid, error) })
    }

    /// Stores what a reader gives. When it fails, nothing is stored, and the error is [`Error::Stream`].
    pub fn put_reader(&self, reader: impl Read) -> Result<Cid> {
        self.put_reader_with(reader, unobserved)
    }

    /// As [`Store::put_reader`]; `progress` hears of the bytes read, and stops the call with `Break`.
    pub fn put_reader_with(
        &self,
        mut reader: impl Read,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Cid> {
        let mut callbacks = Callbacks::progress(&mut progress);
        callbacks.read = Some(&mut reader);
        let result = made(|cid, error| unsafe {
            let context = callbacks.context();
            let (read, progress) = (Some(callback::read as _), Some(callback::progress as _));
            sys::ips_store_put_callback(self.raw(), read, progress, context, cid, error)
        });
        callbacks.finish(result)
    }

    /// Stores what a file or another descriptor gives from its current offset to its end; its offset moves.
    pub fn put_file(&self, file: impl AsFd) -> Result<Cid> {
        self.put_file_with(file, unobserved)
    }

    /// As [`Store::put_file`]; `progress` hears of the bytes read.
    pub fn put_file_with(
        &self,
        file: impl AsFd,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Cid> {
        let descriptor = file.as_fd().as_raw_fd();
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = made(|cid, error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            sys::ips_store_put_descriptor(self.raw(), descriptor, progress, context, cid, error)
        });
        callbacks.finish(result)
    }

    // ------------------------------------------------------------------------------------- Reading

    /// Whether a block is here. A damaged one is not.
    pub fn has(&self, cid: &Cid) -> Result<bool> {
        let mut is_here = false;
        call(|error| unsafe { sys::ips_store_has(self.raw(), cid.as_raw(), &mut is_here, error) })?;
        Ok(is_here)
    }

    /// The size in bytes of what a CID names, from one block at most.
    pub fn size(&self, cid: &Cid) -> Result<u64> {
        let mut size = 0;
        call(|error| unsafe { sys::ips_store_size(self.raw(), cid.as_raw(), &mut size, error) })?;
        Ok(size)
    }

    /// Reads all the data into memory.
    pub fn get(&self, cid: &Cid) -> Result<Vec<u8>> {
        let size = self.size(cid)?;
        let size = usize::try_from(size).map_err(|_| Error::invalid("the data is larger than memory"))?;
        raw::whole(size, |buffer, capacity, length, error| unsafe {
            sys::ips_store_get_buffer(self.raw(), cid.as_raw(), buffer, capacity, length, error)
        })
    }

    /// Reads data at an offset, as pread does: fewer bytes than `buffer` has only at the end.
    pub fn read_at(&self, cid: &Cid, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let mut got = 0;
        call(|error| unsafe {
            let room = buffer.as_mut_ptr().cast::<c_void>();
            sys::ips_store_read_at(self.raw(), cid.as_raw(), offset, room, buffer.len(), &mut got, error)
        })?;
        Ok(got)
    }

    /// Writes a range of the data to a writer, in order. What is beyond the end is left out.
    pub fn copy_to(&self, cid: &Cid, range: impl RangeBounds<u64>, writer: impl Write) -> Result<()> {
        self.copy_to_with(cid, range, writer, unobserved)
    }

    /// As [`Store::copy_to`]; `progress` hears of the bytes written.
    pub fn copy_to_with(
        &self,
        cid: &Cid,
        range: impl RangeBounds<u64>,
        mut writer: impl Write,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let (offset, length) = offset_and_length(range);
        let mut callbacks = Callbacks::progress(&mut progress);
        callbacks.write = Some(&mut writer);
        let result = call(|error| unsafe {
            let context = callbacks.context();
            let (write, progress) = (Some(callback::write as _), Some(callback::progress as _));
            let (store, cid) = (self.raw(), cid.as_raw());
            sys::ips_store_get_callback(store, cid, offset, length, write, progress, context, error)
        });
        callbacks.finish(result)
    }

    /// Writes a range of the data to a file or another descriptor where it stands; its offset moves.
    pub fn copy_to_file(&self, cid: &Cid, range: impl RangeBounds<u64>, file: impl AsFd) -> Result<()> {
        self.copy_to_file_with(cid, range, file, unobserved)
    }

    /// As [`Store::copy_to_file`]; `progress` hears of the bytes written.
    pub fn copy_to_file_with(
        &self,
        cid: &Cid,
        range: impl RangeBounds<u64>,
        file: impl AsFd,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let (offset, length) = offset_and_length(range);
        let descriptor = file.as_fd().as_raw_fd();
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = call(|error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            let (store, cid) = (self.raw(), cid.as_raw());
            sys::ips_store_get_descriptor(store, cid, offset, length, descriptor, progress, context, error)
        });
        callbacks.finish(result)
    }
}

fn offset_and_length(range: impl RangeBounds<u64>) -> (u64, u64) {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => start.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let length = match range.end_bound() {
        Bound::Included(end) => end.saturating_add(1).saturating_sub(start),
        Bound::Excluded(end) => end.saturating_sub(start),
        Bound::Unbounded => sys::IPS_ALL,
    };
    (start, length)
}
