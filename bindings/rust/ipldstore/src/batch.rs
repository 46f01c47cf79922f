//! Batches: many things stored as one unit of work.

use std::io::Read;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::NonNull;

use ipldstore_sys as sys;

use crate::callback::{self, unobserved, Callbacks};
use crate::cid::{made, optional};
use crate::error::{call, Result};
use crate::raw::{self, bytes};
use crate::writer::{Within, Writer};
use crate::{Cid, Codec, Store};

/// A unit of work. Its roots and holds appear in one step with [`Batch::commit`], or not at all; one that is
/// dropped is aborted.
///
/// A call that fails while it stores ends the batch: the next ones are [`Error::Invalid`].
///
/// ```
/// # let path = std::env::temp_dir().join(format!("ipldstore-batch-{}", std::process::id()));
/// # ipldstore::Store::create(&path)?;
/// # let store = ipldstore::Store::open(&path)?;
/// let batch = store.batch()?;
/// let one = batch.put(b"one")?;
/// let two = batch.put(b"two")?;
/// batch.set_root("pair/one", &one)?;
/// batch.set_root("pair/two", &two)?;
/// batch.commit()?;
/// assert_eq!(store.roots()?.count(), 2);
/// # drop(store);
/// # std::fs::remove_dir_all(&path).unwrap();
/// # Ok::<(), ipldstore::Error>(())
/// ```
///
/// It is sent to other threads, and not shared between them:
///
/// ```compile_fail,E0277
/// fn shared<T: Sync>() {}
/// shared::<ipldstore::Batch>();
/// ```
///
/// [`Error::Invalid`]: crate::Error::Invalid
#[derive(Debug)]
pub struct Batch {
    handle: NonNull<sys::ips_batch>,
}

// SAFETY: any thread may use a batch, one at a time. It is not Sync, and so its writers, which count as one
// with it, stay with it.
unsafe impl Send for Batch {}

impl Drop for Batch {
    fn drop(&mut self) {
        // SAFETY: given back once.
        unsafe { sys::ips_batch_free(self.handle.as_ptr()) }
    }
}

impl Batch {
    pub(crate) fn begin(store: &Store) -> Result<Batch> {
        let handle = raw::handle(|batch, error| unsafe { sys::ips_batch_begin(store.raw(), batch, error) })?;
        Ok(Batch { handle })
    }

    pub(crate) fn raw(&self) -> *mut sys::ips_batch {
        self.handle.as_ptr()
    }

    /// As [`Store::put`], except that nothing is held.
    pub fn put(&self, data: &[u8]) -> Result<Cid> {
        made(|cid, error| unsafe { sys::ips_batch_put_buffer(self.raw(), bytes(data), cid, error) })
    }

    /// As [`Store::put_reader`], except that nothing is held.
    pub fn put_reader(&self, reader: impl Read) -> Result<Cid> {
        self.put_reader_with(reader, unobserved)
    }

    /// As [`Store::put_reader_with`], except that nothing is held.
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
            sys::ips_batch_put_callback(self.raw(), read, progress, context, cid, error)
        });
        callbacks.finish(result)
    }

    /// As [`Store::put_file`], except that nothing is held.
    pub fn put_file(&self, file: impl AsFd) -> Result<Cid> {
        self.put_file_with(file, unobserved)
    }

    /// As [`Store::put_file_with`], except that nothing is held.
    pub fn put_file_with(
        &self,
        file: impl AsFd,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Cid> {
        let descriptor = file.as_fd().as_raw_fd();
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = made(|cid, error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            sys::ips_batch_put_descriptor(self.raw(), descriptor, progress, context, cid, error)
        });
        callbacks.finish(result)
    }

    /// As [`Store::put_block`], except that nothing is held.
    pub fn put_block(&self, block: &[u8], codec: Codec) -> Result<Cid> {
        made(|cid, error| unsafe { sys::ips_batch_put_block(self.raw(), bytes(block), codec.0, cid, error) })
    }

    /// As [`Store::put_node`], except that nothing is held.
    pub fn put_node(&self, dag_cbor: &[u8]) -> Result<Cid> {
        made(|cid, error| unsafe { sys::ips_batch_put_node(self.raw(), bytes(dag_cbor), cid, error) })
    }

    /// Opens a file for change within the batch; `None`: an empty one. It ends before the batch does.
    pub fn writer(&self, cid: Option<&Cid>) -> Result<Writer<Within<'_>>> {
        self.writer_with(cid, unobserved)
    }

    /// As [`Batch::writer`]; `progress` as for [`Store::writer_with`].
    pub fn writer_with(
        &self,
        cid: Option<&Cid>,
        progress: impl FnMut(u64) -> ControlFlow<()> + Send + 'static,
    ) -> Result<Writer<Within<'_>>> {
        Writer::open(progress, |progress, context, writer, error| unsafe {
            sys::ips_batch_open_writer(self.raw(), optional(cid), progress, context, writer, error)
        })
    }

    /// Has the commit point a root at a CID, whatever it is then.
    pub fn set_root(&self, name: &str, cid: &Cid) -> Result<()> {
        self.change_root(name, Some(cid))
    }

    /// Has the commit remove a root, if it is there.
    pub fn remove_root(&self, name: &str) -> Result<()> {
        self.change_root(name, None)
    }

    fn change_root(&self, name: &str, cid: Option<&Cid>) -> Result<()> {
        let name = raw::text(name)?;
        call(|error| unsafe { sys::ips_batch_set_root(self.raw(), name.as_ptr(), optional(cid), error) })
    }

    /// Has the commit change a root if it then is what is expected (`None`: not there); `None` removes it.
    pub fn swap_root(&self, name: &str, expected: Option<&Cid>, cid: Option<&Cid>) -> Result<()> {
        let name = raw::text(name)?;
        call(|error| unsafe {
            let (expected, cid) = (optional(expected), optional(cid));
            sys::ips_batch_swap_root(self.raw(), name.as_ptr(), expected, cid, error)
        })
    }

    /// Has the commit retain a CID for an owner; `None`: that of the store handle.
    pub fn hold(&self, cid: &Cid, owner: Option<&str>) -> Result<()> {
        let owner = owner.map(raw::text).transpose()?;
        call(|error| unsafe {
            sys::ips_batch_hold(self.raw(), cid.as_raw(), raw::optional_text(&owner), error)
        })
    }

    /// Makes everything durable and the names visible.
    pub fn commit(self) -> Result<()> {
        call(|error| unsafe { sys::ips_batch_commit(self.raw(), error) })
    }

    /// Ends the batch without a name; what it stored is dead.
    pub fn abort(self) -> Result<()> {
        call(|error| unsafe { sys::ips_batch_abort(self.raw(), error) })
    }
}
