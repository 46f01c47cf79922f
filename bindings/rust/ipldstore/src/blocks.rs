//! Blocks, nodes and views.

use std::ops::Deref;
use std::ptr::NonNull;
use std::slice;

use ipldstore_sys as sys;

use crate::cid::made;
use crate::error::{call, Result};
use crate::iter::{Iter, Links};
use crate::raw::{self, bytes};
use crate::{Cid, Codec, Store};

/// Enough for most blocks and nodes; larger ones are asked for twice.
const USUAL_LENGTH: usize = 64 << 10;

/// What the index says of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockInformation {
    /// Bytes of the block.
    pub raw_length: u64,
    /// Bytes that its payload takes in the store.
    pub stored_length: u64,
    /// Nodes that link to it, roots and holders.
    pub references: u64,
}

impl Store {
    /// Stores one block of at most 1 MiB. A dag-cbor block keeps what it links to alive.
    pub fn put_block(&self, block: &[u8], codec: Codec) -> Result<Cid> {
        made(|cid, error| unsafe { sys::ips_store_put_block(self.raw(), bytes(block), codec.0, cid, error) })
    }

    /// Reads one block.
    pub fn get_block(&self, cid: &Cid) -> Result<Vec<u8>> {
        raw::whole(USUAL_LENGTH, |buffer, capacity, length, error| unsafe {
            sys::ips_store_get_block(self.raw(), cid.as_raw(), buffer, capacity, length, error)
        })
    }

    /// Stores an IPLD value of any size, given as strict DAG-CBOR.
    pub fn put_node(&self, dag_cbor: &[u8]) -> Result<Cid> {
        made(|cid, error| unsafe { sys::ips_store_put_node(self.raw(), bytes(dag_cbor), cid, error) })
    }

    /// Reads an IPLD value as DAG-CBOR.
    pub fn get_node(&self, cid: &Cid) -> Result<Vec<u8>> {
        raw::whole(USUAL_LENGTH, |buffer, capacity, length, error| unsafe {
            sys::ips_store_get_node(self.raw(), cid.as_raw(), buffer, capacity, length, error)
        })
    }

    /// Reads the value at a path inside a value ("config/layers/0") as DAG-CBOR; only the path is loaded.
    pub fn get_value(&self, cid: &Cid, path: &str) -> Result<Vec<u8>> {
        let path = raw::text(path)?;
        raw::whole(USUAL_LENGTH, |buffer, capacity, length, error| unsafe {
            let (store, cid) = (self.raw(), cid.as_raw());
            sys::ips_store_get_value(store, cid, path.as_ptr(), buffer, capacity, length, error)
        })
    }

    /// Looks a block up without reading it.
    pub fn inspect(&self, cid: &Cid) -> Result<BlockInformation> {
        // SAFETY: such a struct.
        let mut found: sys::ips_block_information = unsafe { raw::sized() };
        call(|error| unsafe { sys::ips_store_inspect(self.raw(), cid.as_raw(), &mut found, error) })?;
        Ok(BlockInformation {
            raw_length: found.raw_length,
            stored_length: found.stored_length,
            references: found.references,
        })
    }

    /// The distinct blocks that a block links to, in order of first appearance.
    pub fn links(&self, cid: &Cid) -> Result<Links> {
        Iter::open(|iter, error| unsafe { sys::ips_store_links(self.raw(), cid.as_raw(), iter, error) })
    }

    /// Reads one block into memory of the library, which the view lends out.
    pub fn view(&self, cid: &Cid) -> Result<View> {
        let handle =
            raw::handle(|view, error| unsafe { sys::ips_store_view(self.raw(), cid.as_raw(), view, error) })?;
        // SAFETY: a view; its bytes are valid until it is closed.
        let bytes = unsafe { sys::ips_view_bytes(handle.as_ptr()) };
        Ok(View { handle, bytes })
    }
}

/// One block's bytes, which stay as they are, whatever is deleted meanwhile.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("ipldstore-view-{}", std::process::id()));
/// # ipldstore::Store::create(&path)?;
/// # let store = ipldstore::Store::open(&path)?;
/// let cid = store.put(b"looked at in place")?;
/// let view = store.view(&cid)?;
/// assert!(view.ends_with(b"in place"));
/// # drop((view, store));
/// # std::fs::remove_dir_all(&path).unwrap();
/// # Ok::<(), ipldstore::Error>(())
/// ```
///
/// What it lends does not outlive it:
///
/// ```compile_fail,E0505
/// # fn outlive(store: &ipldstore::Store, cid: &ipldstore::Cid) -> Result<(), ipldstore::Error> {
/// let view = store.view(cid)?;
/// let bytes: &[u8] = &view;
/// drop(view);
/// println!("{}", bytes.len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct View {
    handle: NonNull<sys::ips_view>,
    bytes: sys::ips_bytes,
}

// SAFETY: the header says so of ips_view; its bytes do not change.
unsafe impl Send for View {}
unsafe impl Sync for View {}

impl Deref for View {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        if self.bytes.data.is_null() {
            return &[];
        }
        // SAFETY: they are there until the view is closed, which this borrows.
        unsafe { slice::from_raw_parts(self.bytes.data.cast(), self.bytes.len) }
    }
}

impl AsRef<[u8]> for View {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: given back once.
        unsafe { sys::ips_view_close(self.handle.as_ptr()) }
    }
}
