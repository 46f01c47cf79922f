//! Layers, copies and stores in memory; what is damaged here and whole elsewhere.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::ptr;

use ipldstore_sys as sys;

use crate::callback::{self, unobserved, Callbacks};
use crate::cid::made;
use crate::error::{call, Result};
use crate::iter::{Bases, Forks, Iter};
use crate::space::report;
use crate::{raw, Cid, CreateOptions, RepairReport, Store};

/// A store that a layer reads through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// The store's random name.
    pub identity: String,
    pub path: PathBuf,
}

/// A layer that a store is a base of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The name under which blocks are held for it.
    pub identity: String,
    /// `IPS_FORK_…` of the C header.
    pub state: i32,
    /// Blocks that are held for it.
    pub holds: u64,
    /// Where it was last opened for writing; empty: not known.
    pub path: PathBuf,
}

report! {
    /// What copying did.
    CopyReport, ips_copy_report {
        /// Blocks that were looked at.
        visited,
        /// Blocks that were missing, and are there now, and their bytes.
        blocks,
        bytes,
    }
}

report! {
    /// What healing did.
    HealReport, ips_heal_report {
        /// Blocks that are whole again.
        healed,
        /// Blocks that are damaged, or linked to and not here, and that no donor has.
        missing,
    }
}

/// Pointers for a call, which the stores outlive.
fn handles(stores: &[&Store]) -> Vec<*const sys::ips_store> {
    stores.iter().map(|store| store.raw().cast_const()).collect()
}

fn create_layer(path: &Path, bases: &[&Path], options: *const sys::ips_create_options) -> Result<()> {
    let path = raw::path(path)?;
    let bases = bases.iter().map(|base| raw::path(base)).collect::<Result<Vec<_>>>()?;
    let pointers: Vec<_> = bases.iter().map(|base| base.as_ptr()).collect();
    call(|error| unsafe {
        sys::ips_store_create_layer(path.as_ptr(), pointers.as_ptr(), pointers.len(), options, error)
    })
}

impl CreateOptions {
    /// Makes a layer of these options over the stores at `bases`.
    pub fn create_layer(&self, path: impl AsRef<Path>, bases: &[&Path]) -> Result<()> {
        create_layer(path.as_ref(), bases, &self.0)
    }

    /// Makes a store in memory of these options, over stores that stay as they are.
    pub fn in_memory(&self, bases: &[&Store]) -> Result<Store> {
        Store::memory(bases, &self.0)
    }
}

/// Making layers and buffers.
///
/// ```
/// # let place = std::env::temp_dir().join(format!("ipldstore-layer-{}", std::process::id()));
/// # std::fs::create_dir(&place).unwrap();
/// # let (base_path, fork_path) = (place.join("images"), place.join("fork"));
/// use ipldstore::{Budget, Store};
///
/// Store::create(&base_path)?;
/// let base = Store::open(&base_path)?;
/// let image = base.put(b"an image")?;
/// base.set_root("debian", &image)?;
///
/// Store::create_layer(&fork_path, &[&base_path])?; // costs next to nothing
/// let fork = Store::open(&fork_path)?;
/// fork.set_root("disk", &fork.find_root("debian")?)?;
///
/// base.delete_root("debian", None, Budget::NoLimit)?;
/// assert_eq!(fork.get(&fork.root("disk")?)?, b"an image"); // the base holds it for the fork
/// # drop((base, fork));
/// # std::fs::remove_dir_all(&place).unwrap();
/// # Ok::<(), ipldstore::Error>(())
/// ```
impl Store {
    /// Makes a layer: it reads through the stores at `bases`, has their options, and writes only to itself.
    pub fn create_layer(path: impl AsRef<Path>, bases: &[&Path]) -> Result<()> {
        create_layer(path.as_ref(), bases, ptr::null())
    }

    /// Makes a store in memory, which is gone with its handle. Over other stores it is a buffer, which
    /// reads through them and leaves them as they are; they stay open for as long as it needs them.
    pub fn in_memory(bases: &[&Store]) -> Result<Store> {
        Store::memory(bases, ptr::null())
    }

    fn memory(bases: &[&Store], options: *const sys::ips_create_options) -> Result<Store> {
        let bases = handles(bases);
        let handle = raw::handle(|store, error| unsafe {
            let (bases, count, owner) = (bases.as_ptr(), bases.len(), ptr::null());
            sys::ips_store_create_memory(bases, count, options, owner, store, error)
        })?;
        Ok(Store { handle })
    }

    /// As [`Store::root`], and where the store has no such root, the first base's that has one.
    pub fn find_root(&self, name: &str) -> Result<Cid> {
        let name = raw::text(name)?;
        made(|cid, error| unsafe { sys::ips_root_find(self.raw(), name.as_ptr(), cid, error) })
    }

    /// Copies what a CID reaches from another store into this one, as far as it is missing here. `root` names
    /// the copy; without, it is held by the handle's owner.
    pub fn copy_from(&self, from: &Store, cid: &Cid, root: Option<&str>) -> Result<CopyReport> {
        self.copy_from_with(from, cid, root, unobserved)
    }

    /// As [`Store::copy_from`]; `progress` hears of the blocks looked at.
    pub fn copy_from_with(
        &self,
        from: &Store,
        cid: &Cid,
        root: Option<&str>,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<CopyReport> {
        let root = root.map(raw::text).transpose()?;
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = CopyReport::made(|report, error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            let (root, cid) = (raw::optional_text(&root), cid.as_raw());
            sys::ips_store_copy(self.raw(), from.raw(), cid, root, progress, context, report, error)
        });
        callbacks.finish(result)
    }

    /// Puts back blocks that are damaged, or linked to and not here, from stores that have them.
    pub fn heal(&self, donors: &[&Store]) -> Result<HealReport> {
        self.heal_with(donors, unobserved)
    }

    /// As [`Store::heal`]; `progress` hears of the blocks looked at.
    pub fn heal_with(
        &self,
        donors: &[&Store],
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<HealReport> {
        let donors = handles(donors);
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = HealReport::made(|report, error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            let (donors, count) = (donors.as_ptr(), donors.len());
            sys::ips_store_heal(self.raw(), donors, count, progress, context, report, error)
        });
        callbacks.finish(result)
    }

    /// As [`Store::repair`], and then heals from stores that still have what is damaged or missing.
    pub fn repair_from(path: impl AsRef<Path>, donors: &[&Store]) -> Result<(RepairReport, HealReport)> {
        let path = raw::path(path.as_ref())?;
        let donors = handles(donors);
        let mut healing = Ok(HealReport::default());
        let repair = RepairReport::made(|repair, error| {
            let mut status = sys::IPS_OK;
            healing = HealReport::made(|healing, _| {
                let (path, donors, count) = (path.as_ptr(), donors.as_ptr(), donors.len());
                let (progress, context) = (None, ptr::null_mut());
                // SAFETY: all of it lives while the call runs.
                status = unsafe {
                    sys::ips_store_repair_from(path, donors, count, progress, context, repair, healing, error)
                };
                sys::IPS_OK
            });
            status
        })?;
        Ok((repair, healing?))
    }

    /// Ends all change of the store, for ever, in every process.
    pub fn seal(&self) -> Result<()> {
        call(|error| unsafe { sys::ips_store_seal(self.raw(), error) })
    }

    /// The layers that the store is a base of.
    pub fn forks(&self) -> Result<Forks> {
        Iter::open(|iter, error| unsafe { sys::ips_store_forks(self.raw(), iter, error) })
    }

    /// Releases all that is held for a fork, which loses what it has here once that is collected.
    pub fn forget_fork(&self, identity: &str) -> Result<()> {
        self.forget_fork_with(identity, unobserved)
    }

    /// As [`Store::forget_fork`]; `progress` hears of the holds that went. When it stops the call, those are
    /// gone, and the next call goes on.
    pub fn forget_fork_with(
        &self,
        identity: &str,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let identity = raw::text(identity)?;
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = call(|error| unsafe {
            let (hear, context) = (Some(callback::progress as _), callbacks.context());
            sys::ips_store_forget_fork(self.raw(), identity.as_ptr(), hear, context, error)
        });
        callbacks.finish(result)
    }
}

/// Stores that are not open, by their paths.
impl Store {
    /// The bases that are recorded in a store, whether or not they are there.
    pub fn bases(path: impl AsRef<Path>) -> Result<Bases> {
        let path = raw::path(path.as_ref())?;
        Iter::open(|iter, error| unsafe { sys::ips_store_bases(path.as_ptr(), iter, error) })
    }

    /// Has a store read through another one, too, after the bases that it has.
    pub fn add_base(path: impl AsRef<Path>, base: impl AsRef<Path>) -> Result<()> {
        let (path, base) = (raw::path(path.as_ref())?, raw::path(base.as_ref())?);
        call(|error| unsafe { sys::ips_store_add_base(path.as_ptr(), base.as_ptr(), error) })
    }

    /// Records where a base is now; `was` is its recorded path, or its identity.
    pub fn set_base(path: impl AsRef<Path>, was: &str, is_now: impl AsRef<Path>) -> Result<()> {
        let (path, was, is_now) = (raw::path(path.as_ref())?, raw::text(was)?, raw::path(is_now.as_ref())?);
        call(|error| unsafe { sys::ips_store_set_base(path.as_ptr(), was.as_ptr(), is_now.as_ptr(), error) })
    }

    /// Copies what a layer needs of its bases into it, and has it stand alone.
    pub fn flatten(path: impl AsRef<Path>) -> Result<CopyReport> {
        Store::flatten_with(path, unobserved)
    }

    /// As [`Store::flatten`]; `progress` hears of the blocks looked at.
    pub fn flatten_with(
        path: impl AsRef<Path>,
        progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<CopyReport> {
        Store::flatten_by(path, 0, progress)
    }

    /// As [`Store::flatten_with`], and leaves out what a base has lost, and what only a base has that is not
    /// there any more: [`Store::verify`] tells of it.
    pub fn flatten_keeping_going(
        path: impl AsRef<Path>,
        progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<CopyReport> {
        Store::flatten_by(path, sys::IPS_FLATTEN_KEEP_GOING as u32, progress)
    }

    fn flatten_by(
        path: impl AsRef<Path>,
        flags: u32,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<CopyReport> {
        let path = raw::path(path.as_ref())?;
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = CopyReport::made(|report, error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            sys::ips_store_flatten(path.as_ptr(), flags, progress, context, report, error)
        });
        callbacks.finish(result)
    }
}
