//! Space, verification and repair.

use std::ops::ControlFlow;
use std::path::Path;
use std::ptr;
use std::time::Duration;

use ipldstore_sys as sys;

use crate::callback::{self, unobserved, Callbacks};
use crate::error::{call, Error, Result};
use crate::iter::{Iter, Links, Problems};
use crate::{raw, Store};

/// How long reclaiming may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Budget {
    /// What the command line uses, a second.
    #[default]
    Usual,
    /// Until nothing is left to do.
    NoLimit,
    /// For so long, in whole milliseconds.
    For(Duration),
}

impl Budget {
    pub(crate) fn raw(self) -> u64 {
        match self {
            Budget::Usual => sys::IPS_DEFAULT_BUDGET,
            Budget::NoLimit => sys::IPS_NO_LIMIT,
            // The two largest numbers mean something else.
            Budget::For(time) => u64::try_from(time.as_millis()).unwrap_or(u64::MAX).min(u64::MAX - 2),
        }
    }
}

/// A struct of reports and counters, made from the library's of the same fields.
macro_rules! report {
    ($(#[$meta:meta])* $name:ident, $raw:ident { $($(#[$field_meta:meta])* $field:ident,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_meta])* pub $field: u64,)*
        }

        impl $name {
            pub(crate) fn made(
                body: impl FnOnce(*mut sys::$raw, *mut sys::ips_error) -> sys::ips_status,
            ) -> Result<Self> {
                // SAFETY: such a struct.
                let mut raw: sys::$raw = unsafe { raw::sized() };
                call(|error| body(&mut raw, error))?;
                Ok($name { $($field: raw.$field,)* })
            }
        }
    };
}

/// What a collection did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GcReport {
    /// `false` when the budget ended it before all was done.
    pub is_complete: bool,
    /// Blocks taken.
    pub blocks: u64,
    /// Bytes of their payloads as stored.
    pub stored_bytes: u64,
    /// Dead blocks that remain: they died while something was open that still is (readers, writers, batches,
    /// trees, iterators over them, stores in memory), are beyond the budget, or unreadable.
    pub remaining: u64,
    /// Bytes given back to the file system.
    pub reclaimed_bytes: u64,
    /// Packs removed.
    pub packs: u64,
}

impl GcReport {
    pub(crate) fn made(
        body: impl FnOnce(*mut sys::ips_gc_report, *mut sys::ips_error) -> sys::ips_status,
    ) -> Result<Self> {
        // SAFETY: such a struct.
        let mut raw: sys::ips_gc_report = unsafe { raw::sized() };
        call(|error| body(&mut raw, error))?;
        Ok(GcReport {
            is_complete: raw.is_complete != 0,
            blocks: raw.blocks,
            stored_bytes: raw.stored_bytes,
            remaining: raw.remaining,
            reclaimed_bytes: raw.reclaimed_bytes,
            packs: raw.packs,
        })
    }
}

pub(crate) use report;

report! {
    /// What some roots use, and use alone.
    Usage, ips_usage {
        /// Bytes of the roots' data.
        logical_bytes,
        /// Blocks that deleting the roots would free.
        exclusive_blocks,
        /// Bytes of their payloads as stored: what deleting would give back.
        exclusive_bytes,
        /// Bytes of the data in blocks that would stay, because something else keeps them.
        shared_bytes,
    }
}

report! {
    /// Counters of a store.
    Stat, ips_stat {
        /// Blocks stored, dead ones included.
        blocks,
        raw_bytes,
        /// Bytes of their payloads as stored.
        stored_bytes,
        /// Blocks that nothing keeps, and bytes of their payloads as stored.
        dead_blocks,
        dead_bytes,
        /// Dead blocks that cannot be read to release what they link to; repair recounts.
        set_aside_blocks,
        roots,
        /// (owner, CID) pairs.
        holds,
        /// Batches and readers that live now, in all processes.
        leases,
        packs,
        /// Bytes of the index in use.
        index_bytes,
        /// Changes of the store so far.
        epoch,
    }
}

report! {
    /// What verification found.
    VerifyReport, ips_verify_report {
        /// Blocks read and checked, and their bytes.
        blocks,
        raw_bytes,
        /// Things that are not as they must be; 0: all is well.
        problems,
        /// Links of nodes that something keeps to blocks that are not here. No problems: a link may come
        /// before what it names. After a repair that lost blocks, what is missing.
        missing_links,
        /// How many blocks those are.
        missing_blocks,
    }
}

/// What verification found, and the first thousand of each kind.
#[derive(Debug)]
#[non_exhaustive]
pub struct Verification {
    pub report: VerifyReport,
    pub problems: Problems,
    /// Blocks that are linked to and not here.
    pub missing: Links,
}

report! {
    /// What repair brought back.
    RepairReport, ips_repair_report {
        /// Blocks in the new index.
        blocks,
        /// Records whose bytes are damaged and that are left out.
        damaged_records,
        roots,
        holds,
        /// Roots and holds that name a block which is not here; dropped.
        lost_names,
        /// Blocks that links name and no pack holds.
        missing_blocks,
        /// Roots named "recovered/…", made because the journal was lost.
        recovered_roots,
    }
}

impl Store {
    /// Takes dead blocks away and gives their space back. Costs what the garbage costs.
    pub fn gc(&self, budget: Budget) -> Result<GcReport> {
        self.gc_with(budget, unobserved)
    }

    /// As [`Store::gc`]; `progress` hears of the blocks taken, and stops it with `Break`.
    pub fn gc_with(
        &self,
        budget: Budget,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<GcReport> {
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = GcReport::made(|report, error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            sys::ips_store_gc(self.raw(), budget.raw(), progress, context, report, error)
        });
        callbacks.finish(result)
    }

    /// What [`Store::gc`] would take if nothing protected it: `exclusive_blocks` and `exclusive_bytes`.
    pub fn gc_dry_run(&self) -> Result<Usage> {
        self.gc_dry_run_with(|_| ControlFlow::Continue(()))
    }

    /// As [`Store::gc_dry_run`]; `progress` hears of the blocks found, and stops it with `Break`.
    pub fn gc_dry_run_with(&self, mut progress: impl FnMut(u64) -> ControlFlow<()>) -> Result<Usage> {
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = Usage::made(|usage, error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            sys::ips_store_gc_dry_run(self.raw(), progress, context, usage, error)
        });
        callbacks.finish(result)
    }

    /// What deleting these roots, together, would free; at the cost of what it would free.
    pub fn usage(&self, roots: &[&str]) -> Result<Usage> {
        self.usage_with(roots, |_| ControlFlow::Continue(()))
    }

    /// As [`Store::usage`]; `progress` hears of the blocks counted, and stops it with `Break`.
    pub fn usage_with(
        &self,
        roots: &[&str],
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Usage> {
        let names = roots.iter().map(|name| raw::text(name)).collect::<Result<Vec<_>>>()?;
        let pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = Usage::made(|usage, error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            let (names, count) = (pointers.as_ptr(), pointers.len());
            sys::ips_store_usage(self.raw(), names, count, progress, context, usage, error)
        });
        callbacks.finish(result)
    }

    /// The counters, which are kept with every change: asking costs nothing.
    pub fn stat(&self) -> Result<Stat> {
        Stat::made(|stat, error| unsafe { sys::ips_store_stat(self.raw(), stat, error) })
    }

    /// Recomputes from content what the store says of itself. `Ok` says that it ran, not that all is well:
    /// the report does.
    pub fn verify(&self) -> Result<Verification> {
        self.verify_with(unobserved)
    }

    /// As [`Store::verify`]; `progress` hears of the blocks checked.
    pub fn verify_with(&self, mut progress: impl FnMut(u64) -> ControlFlow<()>) -> Result<Verification> {
        let mut callbacks = Callbacks::progress(&mut progress);
        let (mut problems, mut missing) = (ptr::null_mut(), ptr::null_mut());
        let report = VerifyReport::made(|report, error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            let (problems, missing) = (&mut problems, &mut missing);
            sys::ips_store_verify(self.raw(), progress, context, report, problems, missing, error)
        });
        let report = callbacks.finish(report)?;
        let iter = |handle: *mut sys::ips_iter| {
            ptr::NonNull::new(handle).ok_or_else(|| Error::invalid("the library made no iterator"))
        };
        let (problems, missing) = (iter(problems)?, iter(missing)?);
        Ok(Verification { report, problems: Iter::from_raw(problems), missing: Iter::from_raw(missing) })
    }

    /// Builds the index of the store at `path` anew, from packs and journal. It must be open nowhere.
    pub fn repair(path: impl AsRef<Path>) -> Result<RepairReport> {
        Store::repair_with(path, unobserved)
    }

    /// As [`Store::repair`]; `progress` hears of the records read.
    pub fn repair_with(
        path: impl AsRef<Path>,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<RepairReport> {
        let path = raw::path(path.as_ref())?;
        let mut callbacks = Callbacks::progress(&mut progress);
        let result = RepairReport::made(|report, error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            sys::ips_store_repair(path.as_ptr(), progress, context, report, error)
        });
        callbacks.finish(result)
    }
}
