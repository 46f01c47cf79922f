//! Between Rust's values and the C library's.

use std::ffi::{c_void, CString};
use std::mem::{size_of, MaybeUninit};
use std::path::Path;
use std::ptr;

use ipldstore_sys as sys;

use crate::error::{call, call_for_next, Error, Result};

pub(crate) fn bytes(data: &[u8]) -> sys::ips_bytes {
    sys::ips_bytes { data: data.as_ptr().cast(), len: data.len() }
}

/// The bytes of a callback's argument.
///
/// # Safety
/// They are there for as long as the result is used.
pub(crate) unsafe fn slice(bytes: &sys::ips_bytes) -> &[u8] {
    if bytes.data.is_null() {
        return &[];
    }
    unsafe { std::slice::from_raw_parts(bytes.data.cast(), bytes.len) }
}

/// A copy of a callback's text; empty for NULL.
///
/// # Safety
/// It ends with NUL.
pub(crate) unsafe fn owned_text(text: *const std::ffi::c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    unsafe { std::ffi::CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

pub(crate) fn text(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::invalid("a text has a NUL inside"))
}

/// NULL for none; the result lives as long as `held`.
pub(crate) fn optional_text(held: &Option<CString>) -> *const std::ffi::c_char {
    held.as_ref().map_or(ptr::null(), |text| text.as_ptr())
}

pub(crate) fn path(path: &Path) -> Result<CString> {
    use std::os::unix::ffi::OsStrExt;
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Error::invalid("a path has a NUL inside"))
}

/// The handle that a call makes.
pub(crate) fn handle<H>(
    body: impl FnOnce(*mut *mut H, *mut sys::ips_error) -> sys::ips_status,
) -> Result<ptr::NonNull<H>> {
    let mut handle = ptr::null_mut();
    call(|error| body(&mut handle, error))?;
    ptr::NonNull::new(handle).ok_or_else(|| Error::invalid("the library made no handle"))
}

/// A struct of the library's that begins with its own size and is zero otherwise.
///
/// # Safety
/// `T` is one of the structs whose first field is `struct_size: u32`, and for which zeros are valid.
pub(crate) unsafe fn sized<T>() -> T {
    let mut value = MaybeUninit::<T>::zeroed();
    value.as_mut_ptr().cast::<u32>().write(size_of::<T>() as u32);
    value.assume_init()
}

/// Makes a buffer so long, if it is shorter.
pub(crate) fn grow(buffer: &mut Vec<u8>, length: usize) -> Result<()> {
    buffer
        .try_reserve_exact(length.saturating_sub(buffer.len()))
        .map_err(|_| Error::invalid("there is no memory for that many bytes"))?;
    buffer.resize(buffer.len().max(length), 0);
    Ok(())
}

/// Makes a call for the next item, which fills buffers and tells the lengths that they need; they grow until
/// they are large enough. The lengths in use; `None` at the end.
pub(crate) fn fitted<const N: usize>(
    buffers: &mut [Vec<u8>; N],
    mut body: impl FnMut(&mut [Vec<u8>; N], &mut [usize; N], *mut sys::ips_error) -> sys::ips_status,
) -> Result<Option<[usize; N]>> {
    loop {
        let mut lengths = [0; N];
        match call_for_next(|error| body(buffers, &mut lengths, error)) {
            Ok(is_there) => return Ok(is_there.then_some(lengths)),
            Err(Error::BufferTooSmall(failure)) => {
                if buffers.iter().zip(&lengths).all(|(buffer, length)| *length <= buffer.len()) {
                    return Err(Error::BufferTooSmall(failure));
                }
                for (buffer, length) in buffers.iter_mut().zip(lengths) {
                    grow(buffer, length)?;
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// All bytes of what a call writes to a buffer, whose length it tells when the buffer is too small.
pub(crate) fn whole(
    mut capacity: usize,
    mut body: impl FnMut(*mut c_void, usize, *mut usize, *mut sys::ips_error) -> sys::ips_status,
) -> Result<Vec<u8>> {
    loop {
        let mut buffer = Vec::<u8>::new();
        buffer
            .try_reserve_exact(capacity)
            .map_err(|_| Error::invalid("there is no memory for that many bytes"))?;
        let mut length = 0;
        match call(|error| body(buffer.as_mut_ptr().cast(), capacity, &mut length, error)) {
            Ok(()) => {
                // SAFETY: the call has written so many bytes, which are at most the capacity.
                unsafe { buffer.set_len(length.min(capacity)) };
                return Ok(buffer);
            }
            // A longer value than there was when it was asked for its length is possible, an equal one not.
            Err(Error::BufferTooSmall(_)) if length > capacity => capacity = length,
            Err(error) => return Err(error),
        }
    }
}
