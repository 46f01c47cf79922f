//! Writers: files changed anywhere.

use std::cell::Cell;
use std::ffi::c_void;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::ptr::NonNull;

use ipldstore_sys as sys;

use crate::callback::{unobserved, Observer};
use crate::cid::{made, optional};
use crate::error::{call, Error, Result};
use crate::raw::{self, bytes};
use crate::{Batch, Cid, Store};

/// The writer has a batch of its own, whose commit is its own.
#[derive(Debug)]
pub struct Alone(());

/// The writer belongs to a batch, and stays with it.
#[derive(Debug)]
pub struct Within<'b>(PhantomData<&'b Batch>);

impl Store {
    /// Opens a file for change; `None`: an empty one. The file stays as it is: the commit gives a new CID.
    pub fn writer(&self, cid: Option<&Cid>) -> Result<Writer> {
        self.writer_with(cid, unobserved)
    }

    /// As [`Store::writer`]. `progress` hears of the bytes stored while much is (a file of other options than
    /// the store's is stored anew by its first change), in later calls on the writer.
    pub fn writer_with(
        &self,
        cid: Option<&Cid>,
        progress: impl FnMut(u64) -> ControlFlow<()> + Send + 'static,
    ) -> Result<Writer> {
        Writer::open(progress, |progress, context, writer, error| unsafe {
            sys::ips_writer_open(self.raw(), optional(cid), progress, context, writer, error)
        })
    }
}

/// A file that is changed anywhere; reads see what was written. [`Writer::commit`] gives the CID that storing
/// the changed bytes at once gives; a writer that is dropped forgets them.
///
/// `Read`, `Write` and `Seek` have a position of their own, which begins at 0. `Write::flush` does nothing:
/// nothing is durable before the commit.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("ipldstore-writer-{}", std::process::id()));
/// # ipldstore::Store::create(&path)?;
/// # let store = ipldstore::Store::open(&path)?;
/// use std::io::{Seek, SeekFrom, Write};
///
/// let old = store.put(b"the old text")?;
/// let mut writer = store.writer(Some(&old))?;
/// writer.seek(SeekFrom::Start(4))?;
/// writer.write_all(b"new")?;
/// let new = writer.commit()?;
/// assert_eq!(store.get(&new)?, b"the new text");
/// assert_eq!(store.get(&old)?, b"the old text");
/// # drop(store);
/// # std::fs::remove_dir_all(&path).unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A batch's writer does not outlive it:
///
/// ```compile_fail,E0505
/// # fn outlive(batch: ipldstore::Batch) -> Result<(), ipldstore::Error> {
/// let writer = batch.writer(None)?;
/// batch.commit()?;
/// writer.commit()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Writer<Of = Alone> {
    handle: NonNull<sys::ips_writer>,
    observer: Observer,
    position: u64,
    of: PhantomData<Of>,
    not_sync: PhantomData<Cell<()>>,
}

// SAFETY: any thread may use a writer, one at a time. One of a batch is as its `&Batch`, which is not Send.
unsafe impl<Of: Send> Send for Writer<Of> {}

impl<Of> Drop for Writer<Of> {
    fn drop(&mut self) {
        // SAFETY: given back once. The observer goes after it, when the library cannot call it any more.
        unsafe { sys::ips_writer_close(self.handle.as_ptr()) }
    }
}

impl<Of> Writer<Of> {
    pub(crate) fn open(
        progress: impl FnMut(u64) -> ControlFlow<()> + Send + 'static,
        body: impl FnOnce(
            sys::ips_progress,
            *mut c_void,
            *mut *mut sys::ips_writer,
            *mut sys::ips_error,
        ) -> sys::ips_status,
    ) -> Result<Self> {
        let observer = Observer::new(progress);
        let (hear, context) = (observer.hear(), observer.context());
        let handle = raw::handle(|writer, error| body(hear, context, writer, error))?;
        Ok(Writer { handle, observer, position: 0, of: PhantomData, not_sync: PhantomData })
    }

    fn raw(&self) -> *mut sys::ips_writer {
        self.handle.as_ptr()
    }

    /// What a call's result is, once a panic of the progress closure goes on.
    fn settled<T>(&mut self, result: Result<T>) -> Result<T> {
        self.observer.settled(result)
    }

    /// Writes bytes at an offset, which may be beyond the end: what is between reads as zeros.
    pub fn write_at(&mut self, offset: u64, data: &[u8]) -> Result<()> {
        let result =
            call(|error| unsafe { sys::ips_writer_write_at(self.raw(), offset, bytes(data), error) });
        self.settled(result)
    }

    /// Writes bytes at the end.
    pub fn append(&mut self, data: &[u8]) -> Result<()> {
        let result = call(|error| unsafe { sys::ips_writer_append(self.raw(), bytes(data), error) });
        self.settled(result)
    }

    /// Cuts the file, or lengthens it by zeros, which cost nothing.
    pub fn set_len(&mut self, size: u64) -> Result<()> {
        let result = call(|error| unsafe { sys::ips_writer_truncate(self.raw(), size, error) });
        self.settled(result)
    }

    /// Reads the file as it is now; else as [`Reader::read_at`](crate::Reader::read_at).
    pub fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let mut got = 0;
        let result = call(|error| unsafe {
            let room = buffer.as_mut_ptr().cast();
            sys::ips_writer_read_at(self.raw(), offset, room, buffer.len(), &mut got, error)
        });
        self.settled(result)?;
        Ok(got)
    }

    /// The file's size in bytes, as it is now. No I/O.
    pub fn size(&self) -> Result<u64> {
        let mut size = 0;
        call(|error| unsafe { sys::ips_writer_size(self.raw(), &mut size, error) })?;
        Ok(size)
    }

    /// Stores what was written so far, and says what the file is now. Nothing is durable, or kept, before the
    /// commit.
    pub fn store_so_far(&mut self) -> Result<Cid> {
        let result = made(|cid, error| unsafe { sys::ips_writer_flush(self.raw(), cid, error) });
        self.settled(result)
    }

    /// Stores what was written. Alone, the file is then durable, and held by the store handle's owner; in a
    /// batch it is for the batch to name and to commit. When that fails, what was written is forgotten.
    pub fn commit(mut self) -> Result<Cid> {
        self.try_commit()
    }

    /// As [`Writer::commit`], but what `progress` stops goes on: the writer has what was written, and can be
    /// committed again. Committed, it has ended: all but dropping it is [`Error::Invalid`].
    pub fn try_commit(&mut self) -> Result<Cid> {
        let result = made(|cid, error| unsafe { sys::ips_writer_commit(self.raw(), cid, error) });
        self.settled(result)
    }

    /// Forgets what was written. A batch that it belongs to goes on.
    pub fn abort(mut self) -> Result<()> {
        let result = call(|error| unsafe { sys::ips_writer_abort(self.raw(), error) });
        self.settled(result)
    }
}

impl<Of> Write for Writer<Of> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.write_at(self.position, data)?;
        self.position += data.len() as u64;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<Of> Read for Writer<Of> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.size()? {
            return Ok(0);
        }
        let got = self.read_at(self.position, buffer)?;
        self.position += got as u64;
        Ok(got)
    }
}

impl<Of> Seek for Writer<Of> {
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
