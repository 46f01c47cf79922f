//! Rust's readers, writers and closures as C callbacks.
//!
//! What always holds: nothing unwinds into the library. What panicked is kept, the call is stopped, and the
//! panic goes on once the call has returned. An `io::Error` goes the same way.

use std::any::Any;
use std::ffi::c_void;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::ptr::NonNull;
use std::slice;

use ipldstore_sys as sys;

use crate::error::{Error, Result};

/// Stops a call: a positive status of the caller's own.
const STOPPED: sys::ips_status = 2;

pub(crate) type Progress<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

/// Goes on, whatever is done.
pub(crate) fn unobserved(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// What the callbacks of one call use, and what they leave.
#[derive(Default)]
pub(crate) struct Callbacks<'a> {
    pub(crate) read: Option<&'a mut dyn Read>,
    pub(crate) write: Option<&'a mut dyn Write>,
    pub(crate) progress: Option<Progress<'a>>,
    left: Left,
}

/// Why callbacks stopped a call.
#[derive(Default)]
pub(crate) struct Left {
    panic: Option<Box<dyn Any + Send>>,
    failure: Option<io::Error>,
}

impl<'a> Callbacks<'a> {
    pub(crate) fn progress(progress: Progress<'a>) -> Self {
        Callbacks { progress: Some(progress), ..Callbacks::default() }
    }

    pub(crate) fn context(&mut self) -> *mut c_void {
        (self as *mut Self).cast()
    }

    /// What the call's result is once a callback's own reason is taken for what it is.
    pub(crate) fn finish<T>(mut self, result: Result<T>) -> Result<T> {
        self.left.apply(result)
    }
}

impl Left {
    pub(crate) fn apply<T>(&mut self, result: Result<T>) -> Result<T> {
        if let Some(panic) = self.panic.take() {
            resume_unwind(panic);
        }
        match (result, self.failure.take()) {
            (Err(_), Some(failure)) => Err(Error::Stream(failure)),
            (result, _) => result,
        }
    }

    /// Runs the body of a callback.
    pub(crate) fn guard(&mut self, body: impl FnOnce() -> io::Result<sys::ips_status>) -> sys::ips_status {
        match catch_unwind(AssertUnwindSafe(body)) {
            Ok(Ok(status)) => status,
            Ok(Err(failure)) => {
                self.failure = Some(failure);
                STOPPED
            }
            Err(panic) => {
                self.panic = Some(panic);
                STOPPED
            }
        }
    }
}

pub(crate) fn answer(flow: ControlFlow<()>) -> sys::ips_status {
    match flow {
        ControlFlow::Continue(()) => sys::IPS_OK,
        ControlFlow::Break(()) => sys::IPS_CANCELLED,
    }
}

/// `context` is `Callbacks::context` of callbacks with a `progress`.
pub(crate) unsafe extern "C" fn progress(context: *mut c_void, done: u64) -> sys::ips_status {
    // SAFETY: it lives while the call runs, and one callback runs at a time.
    let callbacks = unsafe { &mut *context.cast::<Callbacks<'_>>() };
    let Callbacks { progress: Some(progress), left, .. } = callbacks else { return sys::IPS_OK };
    left.guard(|| Ok(answer(progress(done))))
}

/// `context` is `Callbacks::context` of callbacks with a `read`.
pub(crate) unsafe extern "C" fn read(
    context: *mut c_void,
    buffer: *mut c_void,
    capacity: usize,
    got: *mut usize,
) -> sys::ips_status {
    // SAFETY: as above; the library's buffer has `capacity` bytes, which have some value.
    let (callbacks, buffer) = unsafe {
        (&mut *context.cast::<Callbacks<'_>>(), slice::from_raw_parts_mut(buffer.cast::<u8>(), capacity))
    };
    let Callbacks { read: Some(read), left, .. } = callbacks else { return STOPPED };
    left.guard(|| loop {
        match read.read(buffer) {
            // SAFETY: the library's place for it.
            Ok(count) if count <= capacity => unsafe { *got = count },
            Ok(_) => return Err(io::Error::other("a reader read more than it was asked for")),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        return Ok(sys::IPS_OK);
    })
}

/// `context` is `Callbacks::context` of callbacks with a `write`.
pub(crate) unsafe extern "C" fn write(
    context: *mut c_void,
    data: *const c_void,
    length: usize,
) -> sys::ips_status {
    // SAFETY: as above; there are `length` bytes.
    let (callbacks, data) =
        unsafe { (&mut *context.cast::<Callbacks<'_>>(), slice::from_raw_parts(data.cast::<u8>(), length)) };
    let Callbacks { write: Some(write), left, .. } = callbacks else { return STOPPED };
    left.guard(|| write.write_all(data).map(|()| sys::IPS_OK))
}

/// A progress closure that the library calls for as long as a handle is open: it is dropped after that. It is
/// reached through its address only.
#[derive(Debug)]
pub(crate) struct Observer(NonNull<Observed>);

struct Observed {
    progress: Box<dyn FnMut(u64) -> ControlFlow<()> + Send>,
    left: Left,
}

impl Observer {
    pub(crate) fn new(progress: impl FnMut(u64) -> ControlFlow<()> + Send + 'static) -> Self {
        let observed = Box::new(Observed { progress: Box::new(progress), left: Left::default() });
        Observer(NonNull::from(Box::leak(observed)))
    }

    pub(crate) fn hear(&self) -> sys::ips_progress {
        Some(observe)
    }

    pub(crate) fn context(&self) -> *mut c_void {
        self.0.as_ptr().cast()
    }

    /// What a call's result is, once a panic of the closure goes on.
    pub(crate) fn settled<T>(&mut self, result: Result<T>) -> Result<T> {
        // SAFETY: no call is under way, and nobody else has it.
        unsafe { self.0.as_mut() }.left.apply(result)
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and dropped once.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

unsafe extern "C" fn observe(context: *mut c_void, done: u64) -> sys::ips_status {
    // SAFETY: it lives as long as the handle, and nobody else uses it during a call.
    let Observed { progress, left } = unsafe { &mut *context.cast::<Observed>() };
    left.guard(|| Ok(answer(progress(done))))
}
