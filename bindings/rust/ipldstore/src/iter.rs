//! Iterators over what the library finds.

use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::ptr::NonNull;

use ipldstore_sys as sys;

use crate::callback::{self, Callbacks};
use crate::error::{call_for_next, path, text, Result};
use crate::{raw, Base, Cid, Fork};

/// A root: a name that keeps a CID alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    pub name: String,
    pub cid: Cid,
}

/// A hold of an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub owner: String,
    pub cid: Cid,
    /// How often the owner retained it.
    pub count: u64,
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `IPS_PROBLEM_…` of the C header.
    pub kind: i32,
    /// The block concerned.
    pub cid: Option<Cid>,
    pub message: String,
}

/// What differs between two files: `old_length` bytes at `old_offset` are replaced by `new_length` bytes at
/// `new_offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub old_offset: u64,
    pub old_length: u64,
    pub new_offset: u64,
    pub new_length: u64,
}

mod sealed {
    pub trait Item: Sized {
        type Raw;
        /// # Safety
        /// `iter` is an iterator's handle.
        unsafe fn next(
            iter: *mut ipldstore_sys::ips_iter,
            raw: *mut Self::Raw,
            error: *mut ipldstore_sys::ips_error,
        ) -> ipldstore_sys::ips_status;
        fn from_raw(raw: &Self::Raw) -> Self;
    }
}

use sealed::Item;

macro_rules! item {
    ($name:ty, $raw:ident, $next:ident, |$value:ident| $made:expr) => {
        impl Item for $name {
            type Raw = sys::$raw;

            unsafe fn next(
                iter: *mut sys::ips_iter,
                raw: *mut sys::$raw,
                error: *mut sys::ips_error,
            ) -> sys::ips_status {
                unsafe { sys::$next(iter, raw, error) }
            }

            fn from_raw($value: &sys::$raw) -> Self {
                $made
            }
        }
    };
}

item!(Cid, ips_cid, ips_iter_next_cid, |cid| Cid::from_raw(*cid));
item!(Root, ips_root, ips_iter_next_root, |root| Root {
    name: text(&root.name),
    cid: Cid::from_raw(root.cid)
});
item!(Hold, ips_hold, ips_iter_next_hold, |hold| Hold {
    owner: text(&hold.owner),
    cid: Cid::from_raw(hold.cid),
    count: hold.count
});
item!(Problem, ips_problem, ips_iter_next_problem, |problem| Problem {
    kind: problem.kind,
    cid: (problem.has_cid != 0).then(|| Cid::from_raw(problem.cid)),
    message: text(&problem.message)
});

item!(Base, ips_base, ips_iter_next_base, |base| Base {
    identity: text(&base.identity),
    path: path(&base.path)
});
item!(Fork, ips_fork, ips_iter_next_fork, |fork| Fork {
    identity: text(&fork.identity),
    state: fork.state,
    holds: fork.holds,
    path: path(&fork.path)
});

impl From<&sys::ips_change> for Change {
    fn from(raw: &sys::ips_change) -> Self {
        Change {
            old_offset: raw.old_offset,
            old_length: raw.old_length,
            new_offset: raw.new_offset,
            new_length: raw.new_length,
        }
    }
}

/// An iterator's handle.
#[derive(Debug)]
pub(crate) struct Handle(NonNull<sys::ips_iter>);

// SAFETY: any thread may use an iterator, one at a time: every use takes it by `&mut`.
unsafe impl Send for Handle {}
unsafe impl Sync for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: given back once.
        unsafe { sys::ips_iter_close(self.0.as_ptr()) }
    }
}

impl Handle {
    pub(crate) fn open(
        body: impl FnOnce(*mut *mut sys::ips_iter, *mut sys::ips_error) -> sys::ips_status,
    ) -> Result<Handle> {
        Ok(Handle(raw::handle(body)?))
    }

    /// Of a handle that nobody else gives back.
    pub(crate) fn from_raw(handle: NonNull<sys::ips_iter>) -> Handle {
        Handle(handle)
    }

    pub(crate) fn raw(&self) -> *mut sys::ips_iter {
        self.0.as_ptr()
    }
}

/// An iterator; it ends after its first error.
pub struct Iter<T> {
    handle: Handle,
    has_ended: bool,
    item: PhantomData<fn() -> T>,
}

pub type Links = Iter<Cid>;
pub type Roots = Iter<Root>;
pub type Holds = Iter<Hold>;
pub type Problems = Iter<Problem>;
pub type Bases = Iter<Base>;
pub type Forks = Iter<Fork>;

impl<T> fmt::Debug for Iter<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Iter").field(&self.handle.0).finish()
    }
}

impl<T> Iter<T> {
    pub(crate) fn open(
        body: impl FnOnce(*mut *mut sys::ips_iter, *mut sys::ips_error) -> sys::ips_status,
    ) -> Result<Self> {
        Ok(Iter { handle: Handle::open(body)?, has_ended: false, item: PhantomData })
    }

    /// Of a handle that nobody else gives back.
    pub(crate) fn from_raw(handle: NonNull<sys::ips_iter>) -> Self {
        Iter { handle: Handle::from_raw(handle), has_ended: false, item: PhantomData }
    }
}

impl<T: Item> Iterator for Iter<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        if self.has_ended {
            return None;
        }
        let mut raw = MaybeUninit::uninit();
        // SAFETY: the handle is an iterator's; on IPS_OK the item is written.
        let found =
            call_for_next(|error| unsafe { T::next(self.handle.0.as_ptr(), raw.as_mut_ptr(), error) })
                .map(|is_there| is_there.then(|| T::from_raw(unsafe { raw.assume_init_ref() })));
        self.has_ended = !matches!(found, Ok(Some(_)));
        found.transpose()
    }
}

impl<T: Item> std::iter::FusedIterator for Iter<T> {}

/// The changes between two files, in order, found as it goes.
#[derive(Debug)]
pub struct Changes {
    handle: Handle,
    has_ended: bool,
}

impl Changes {
    pub(crate) fn open(
        body: impl FnOnce(*mut *mut sys::ips_iter, *mut sys::ips_error) -> sys::ips_status,
    ) -> Result<Self> {
        Ok(Changes { handle: Handle::open(body)?, has_ended: false })
    }

    /// The next change. `progress` hears of the bytes of the new file that are dealt with; when it stops the
    /// call, the next one goes on.
    pub fn next_with(&mut self, mut progress: impl FnMut(u64) -> ControlFlow<()>) -> Result<Option<Change>> {
        let mut callbacks = Callbacks::progress(&mut progress);
        let mut raw = MaybeUninit::<sys::ips_change>::uninit();
        let result = call_for_next(|error| unsafe {
            let (progress, context) = (Some(callback::progress as _), callbacks.context());
            sys::ips_iter_next_change(self.handle.0.as_ptr(), raw.as_mut_ptr(), progress, context, error)
        });
        let is_there = callbacks.finish(result)?;
        // SAFETY: on IPS_OK it is written.
        Ok(is_there.then(|| Change::from(unsafe { raw.assume_init_ref() })))
    }
}

impl Iterator for Changes {
    type Item = Result<Change>;

    fn next(&mut self) -> Option<Result<Change>> {
        if self.has_ended {
            return None;
        }
        let found = self.next_with(callback::unobserved);
        self.has_ended = !matches!(found, Ok(Some(_)));
        found.transpose()
    }
}
