//! Readers and differences.

use std::io::{self, Read, Seek, SeekFrom};
use std::ptr::NonNull;

use ipldstore_sys as sys;

use crate::error::{call, Error, Result};
use crate::iter::Changes;
use crate::{raw, Cid, Store};

impl Store {
    /// Opens a file for reading. What is not deleted yet stays readable until the reader is dropped.
    pub fn reader(&self, cid: &Cid) -> Result<Reader> {
        let handle = raw::handle(|reader, error| unsafe {
            sys::ips_reader_open(self.raw(), cid.as_raw(), reader, error)
        })?;
        Ok(Reader { handle })
    }

    /// What differs between two files, at the cost of what differs.
    pub fn diff(&self, from: &Cid, to: &Cid) -> Result<Changes> {
        Changes::open(|iter, error| unsafe {
            sys::ips_store_diff(self.raw(), from.as_raw(), to.as_raw(), iter, error)
        })
    }
}

/// A file open for reading. Threads that share one do not wait for each other in [`Reader::read_at`]; they
/// take turns in `Read` and `Seek`, which `&Reader` has too, as `&File` does.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("ipldstore-reader-{}", std::process::id()));
/// # ipldstore::Store::create(&path)?;
/// # let store = ipldstore::Store::open(&path)?;
/// use std::io::{Read, Seek, SeekFrom};
///
/// let cid = store.put(b"0123456789")?;
/// let mut reader = store.reader(&cid)?;
/// reader.seek(SeekFrom::End(-3))?;
/// let mut text = String::new();
/// reader.read_to_string(&mut text)?;
/// assert_eq!(text, "789");
///
/// let mut two = [0; 2];
/// assert_eq!(reader.read_at(4, &mut two)?, 2);
/// assert_eq!(&two, b"45");
/// # drop((reader, store));
/// # std::fs::remove_dir_all(&path).unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    handle: NonNull<sys::ips_reader>,
}

// SAFETY: the header says so of ips_reader.
unsafe impl Send for Reader {}
unsafe impl Sync for Reader {}

impl Drop for Reader {
    fn drop(&mut self) {
        // SAFETY: given back once.
        unsafe { sys::ips_reader_close(self.handle.as_ptr()) }
    }
}

impl Reader {
    fn raw(&self) -> *mut sys::ips_reader {
        self.handle.as_ptr()
    }

    /// Reads at an offset, as pread does: fewer bytes than `buffer` has only at the end; the position stays.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let mut got = 0;
        call(|error| unsafe {
            let room = buffer.as_mut_ptr().cast();
            sys::ips_reader_read_at(self.raw(), offset, room, buffer.len(), &mut got, error)
        })?;
        Ok(got)
    }

    /// The file's size in bytes. No I/O.
    pub fn size(&self) -> Result<u64> {
        let mut size = 0;
        call(|error| unsafe { sys::ips_reader_size(self.raw(), &mut size, error) })?;
        Ok(size)
    }

    /// The position, in bytes from the start. No I/O.
    pub fn position(&self) -> Result<u64> {
        let mut position = 0;
        call(|error| unsafe { sys::ips_reader_tell(self.raw(), &mut position, error) })?;
        Ok(position)
    }
}

impl Read for &Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut got = 0;
        call(|error| unsafe {
            let room = buffer.as_mut_ptr().cast();
            sys::ips_reader_read(self.raw(), room, buffer.len(), &mut got, error)
        })?;
        Ok(got)
    }
}

impl Seek for &Reader {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let (offset, origin) = match position {
            SeekFrom::Start(offset) => match i64::try_from(offset) {
                Ok(offset) => (offset, sys::IPS_SEEK_START),
                Err(_) => return Err(Error::invalid("the position is beyond the end").into()),
            },
            SeekFrom::Current(offset) => (offset, sys::IPS_SEEK_CURRENT),
            SeekFrom::End(offset) => (offset, sys::IPS_SEEK_END),
        };
        let mut reached = 0;
        call(|error| unsafe { sys::ips_reader_seek(self.raw(), offset, origin, &mut reached, error) })?;
        Ok(reached)
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Seek for Reader {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        (&*self).seek(position)
    }
}
