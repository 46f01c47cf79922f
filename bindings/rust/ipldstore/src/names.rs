//! What keeps data: roots and holds.

use std::ptr;

use ipldstore_sys as sys;

use crate::cid::{made, optional};
use crate::error::{call, Result};
use crate::iter::{Holds, Iter, Roots};
use crate::space::{Budget, GcReport};
use crate::{raw, Cid, Store};

/// Roots.
impl Store {
    /// The CID that a root points to.
    pub fn root(&self, name: &str) -> Result<Cid> {
        let name = raw::text(name)?;
        made(|cid, error| unsafe { sys::ips_root_get(self.raw(), name.as_ptr(), cid, error) })
    }

    /// Points a root, new or not, at a block that is here.
    pub fn set_root(&self, name: &str, cid: &Cid) -> Result<()> {
        let name = raw::text(name)?;
        call(|error| unsafe { sys::ips_root_set(self.raw(), name.as_ptr(), cid.as_raw(), error) })
    }

    /// Compare and set: [`Error::Conflict`] when the root is not what is expected (`None`: not there).
    ///
    /// [`Error::Conflict`]: crate::Error::Conflict
    pub fn swap_root(&self, name: &str, expected: Option<&Cid>, cid: &Cid) -> Result<()> {
        let name = raw::text(name)?;
        call(|error| unsafe {
            sys::ips_root_swap(self.raw(), name.as_ptr(), optional(expected), cid.as_raw(), error)
        })
    }

    /// Removes a root, if it is what is expected (`None`: whatever it is), and reclaims what only it kept.
    pub fn delete_root(&self, name: &str, expected: Option<&Cid>, budget: Budget) -> Result<GcReport> {
        let name = raw::text(name)?;
        GcReport::made(|report, error| unsafe {
            let expected = optional(expected);
            sys::ips_root_delete(self.raw(), name.as_ptr(), expected, budget.raw(), report, error)
        })
    }

    /// The roots, in bytewise order of name.
    pub fn roots(&self) -> Result<Roots> {
        Iter::open(|iter, error| unsafe { sys::ips_root_list(self.raw(), ptr::null(), iter, error) })
    }

    /// The roots that only bases have, in bytewise order of name.
    pub fn base_roots(&self) -> Result<Roots> {
        Iter::open(|iter, error| unsafe { sys::ips_root_list_base(self.raw(), ptr::null(), iter, error) })
    }

    /// The roots from a name on.
    pub fn roots_from(&self, name: &str) -> Result<Roots> {
        let name = raw::text(name)?;
        Iter::open(|iter, error| unsafe { sys::ips_root_list(self.raw(), name.as_ptr(), iter, error) })
    }
}

/// Holds. `owner` is `None` for that of the store handle.
impl Store {
    /// One more hold of an owner on a block that is here.
    pub fn retain(&self, cid: &Cid, owner: Option<&str>) -> Result<()> {
        let owner = owner.map(raw::text).transpose()?;
        call(|error| unsafe {
            sys::ips_store_retain(self.raw(), cid.as_raw(), raw::optional_text(&owner), error)
        })
    }

    /// One hold of an owner less; with the block's last reference, what only it kept is reclaimed.
    pub fn dereference(&self, cid: &Cid, owner: Option<&str>, budget: Budget) -> Result<GcReport> {
        let owner = owner.map(raw::text).transpose()?;
        GcReport::made(|report, error| unsafe {
            let (owner, budget) = (raw::optional_text(&owner), budget.raw());
            sys::ips_store_dereference(self.raw(), cid.as_raw(), owner, budget, report, error)
        })
    }

    /// The holds of an owner, or with `None` of all of them, in order of owner and CID.
    pub fn holds(&self, owner: Option<&str>) -> Result<Holds> {
        let owner = owner.map(raw::text).transpose()?;
        Iter::open(|iter, error| unsafe {
            sys::ips_store_holds(self.raw(), raw::optional_text(&owner), iter, error)
        })
    }
}
