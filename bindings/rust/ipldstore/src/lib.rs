//! ipldstore: an embedded, content-addressed storage engine.
//!
//! Bytes go in and a CID comes out; the same bytes are stored once, however many files contain them. What a
//! root or a hold keeps alive stays, what nothing keeps is taken away, and every byte that is read is checked
//! against its CID first.
//!
//! ```
//! # let path = std::env::temp_dir().join(format!("ipldstore-lib-{}", std::process::id()));
//! use ipldstore::{Budget, Store};
//!
//! Store::create(&path)?;
//! let store = Store::open(&path)?;
//!
//! let batch = store.batch()?;
//! let cid = batch.put(b"hello")?;
//! batch.set_root("greeting", &cid)?;
//! batch.commit()?; // durable, and visible as a whole
//!
//! assert_eq!(store.get(&store.root("greeting")?)?, b"hello");
//! store.delete_root("greeting", None, Budget::Usual)?;
//! # drop(store);
//! # std::fs::remove_dir_all(&path).unwrap();
//! # Ok::<(), ipldstore::Error>(())
//! ```
//!
//! The crate is the safe form of `ipldstore.h`, which is the manual where a docstring is short. What always
//! holds: handles are given back when they are dropped; readers, writers and closures of the caller's may
//! fail or panic, and neither unwinds into the library: the panic goes on once the call has returned.

mod batch;
mod blocks;
mod callback;
mod cid;
mod error;
pub mod fs;
mod iter;
mod layers;
mod names;
mod nodes;
mod options;
mod raw;
mod reader;
mod space;
mod store;
mod writer;

pub use batch::Batch;
pub use blocks::{BlockInformation, View};
pub use cid::{Cid, Codec, HashFunction};
pub use error::{Error, Failure, Result};
pub use iter::{Bases, Change, Changes, Forks, Hold, Holds, Iter, Links, Problem, Problems, Root, Roots};
pub use layers::{Base, CopyReport, Fork, HealReport};
pub use nodes::{Element, Elements, NodeChange};
pub use options::{CreateOptions, OpenOptions};
pub use reader::Reader;
pub use space::{Budget, GcReport, RepairReport, Stat, Usage, Verification, VerifyReport};
pub use store::{Information, Store};
pub use writer::{Alone, Within, Writer};

/// The declarations behind this crate.
pub use ipldstore_sys as sys;

/// The version of the library that runs, which may be newer than [`sys::IPS_VERSION_NUMBER`]: 10000 * major +
/// 100 * minor + patch.
pub fn version_number() -> u32 {
    // SAFETY: any thread, any time.
    unsafe { sys::ips_version_number() }
}

/// What the library was built with, in one line for bug reports.
pub fn build_info() -> &'static str {
    // SAFETY: any thread, any time; the text is constant.
    unsafe { std::ffi::CStr::from_ptr(sys::ips_build_info()) }.to_str().unwrap_or("")
}
