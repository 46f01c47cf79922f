//! Errors: the C library's status, as an enum.

use std::ffi::CStr;
use std::{fmt, io, mem::MaybeUninit};

use ipldstore_sys as sys;

pub type Result<T> = std::result::Result<T, Error>;

/// What a failed call said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The status, `IPS_…` of the C header.
    pub code: i32,
    /// The `errno` behind it, or 0.
    pub errno: i32,
    /// One sentence without a final full stop.
    pub message: String,
}

macro_rules! errors {
    ($($(#[$meta:meta])* $name:ident = $status:ident,)*) => {
        /// Why a call failed.
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum Error {
            $($(#[$meta])* $name(Failure),)*
            /// The caller's own reader or writer failed.
            Stream(io::Error),
            /// A status that a later version of the library knows.
            Other(Failure),
        }

        impl Error {
            pub(crate) fn from_failure(failure: Failure) -> Self {
                match failure.code {
                    $(sys::$status => Error::$name(failure),)*
                    _ => Error::Other(failure),
                }
            }

            /// What the library said; `None` when it was the caller's stream that failed.
            pub fn failure(&self) -> Option<&Failure> {
                match self {
                    $(Error::$name(failure) => Some(failure),)*
                    Error::Other(failure) => Some(failure),
                    Error::Stream(_) => None,
                }
            }
        }
    };
}

errors! {
    /// The block, root, hold or file does not exist.
    NotFound = IPS_NOT_FOUND,
    /// Stored bytes are not what they must be: verify the store.
    Corrupt = IPS_CORRUPT,
    /// An argument or an input makes no sense.
    Invalid = IPS_INVALID,
    /// It exists already, and was left as it is.
    Exists = IPS_EXISTS,
    /// Somebody else changed it first: look again and retry.
    Conflict = IPS_CONFLICT,
    /// In use by another thread, call or process: try later.
    Busy = IPS_BUSY,
    /// The disk, a quota or a table is full. Deleting and gc still work.
    Full = IPS_FULL,
    /// Beyond a limit of the format.
    TooLarge = IPS_TOO_LARGE,
    /// A buffer was too small.
    BufferTooSmall = IPS_BUFFER_TOO_SMALL,
    /// The store was opened, or can only be opened, for reading.
    ReadOnly = IPS_READ_ONLY,
    /// The operating system refused access.
    Permission = IPS_PERMISSION,
    /// The path holds no store.
    NotAStore = IPS_NOT_A_STORE,
    /// A format, codec, hash, option or file system that this version does not handle.
    Unsupported = IPS_UNSUPPORTED,
    /// A system call failed; see `errno`.
    Io = IPS_IO,
    /// A progress closure asked to stop.
    Cancelled = IPS_CANCELLED,
    /// A callback broke its contract.
    Callback = IPS_CALLBACK,
    /// The handle was inherited through fork: open the store again.
    Forked = IPS_FORKED,
    /// A promise inside the library was broken. Please report it.
    Internal = IPS_INTERNAL,
}

impl Error {
    /// The library's status; 0 for [`Error::Stream`].
    pub fn code(&self) -> i32 {
        self.failure().map_or(0, |failure| failure.code)
    }

    /// The `errno` behind it, or 0.
    pub fn errno(&self) -> i32 {
        match self {
            Error::Stream(error) => error.raw_os_error().unwrap_or(0),
            _ => self.failure().map_or(0, |failure| failure.errno),
        }
    }

    pub(crate) fn cancelled(message: &str) -> Self {
        Error::Cancelled(Failure { code: sys::IPS_CANCELLED, errno: 0, message: message.to_owned() })
    }

    pub(crate) fn invalid(message: &str) -> Self {
        Error::Invalid(Failure { code: sys::IPS_INVALID, errno: 0, message: message.to_owned() })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Stream(error) => error.fmt(formatter),
            _ => formatter.write_str(self.failure().map_or("", |failure| &failure.message)),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Stream(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Stream(_) => {
                let Error::Stream(inner) = error else { unreachable!("matched above") };
                return inner;
            }
            Error::NotFound(_) | Error::NotAStore(_) => io::ErrorKind::NotFound,
            Error::Corrupt(_) => io::ErrorKind::InvalidData,
            Error::Invalid(_) => io::ErrorKind::InvalidInput,
            Error::Exists(_) => io::ErrorKind::AlreadyExists,
            Error::Permission(_) | Error::ReadOnly(_) => io::ErrorKind::PermissionDenied,
            Error::Unsupported(_) => io::ErrorKind::Unsupported,
            Error::Busy(_) => io::ErrorKind::WouldBlock,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

/// Makes a call, which gets a place for its error.
pub(crate) fn call(body: impl FnOnce(*mut sys::ips_error) -> sys::ips_status) -> Result<()> {
    status_of(body).map(|_| ())
}

/// As `call`; whether there was one more, for the functions that answer `IPS_END`.
pub(crate) fn call_for_next(body: impl FnOnce(*mut sys::ips_error) -> sys::ips_status) -> Result<bool> {
    status_of(body).map(|status| status == sys::IPS_OK)
}

/// As `call`; `IPS_OK` or `IPS_END`.
pub(crate) fn status_of(
    body: impl FnOnce(*mut sys::ips_error) -> sys::ips_status,
) -> Result<sys::ips_status> {
    let mut error = MaybeUninit::<sys::ips_error>::uninit();
    let status = body(error.as_mut_ptr());
    if status == sys::IPS_OK || status == sys::IPS_END {
        return Ok(status);
    }
    // SAFETY: the library fills the error whenever a call that takes it fails.
    let error = unsafe { error.assume_init_ref() };
    let message = text(&error.message);
    Err(Error::from_failure(Failure { code: status, errno: error.os_errno, message }))
}

/// A path that ends with NUL, in a field of the library's.
pub(crate) fn path(field: &[std::ffi::c_char]) -> std::path::PathBuf {
    use std::os::unix::ffi::OsStringExt;
    let bytes = field.iter().take_while(|byte| **byte != 0).map(|byte| *byte as u8).collect();
    std::ffi::OsString::from_vec(bytes).into()
}

/// Text that ends with NUL, in a field of the library's.
pub(crate) fn text(field: &[std::ffi::c_char]) -> String {
    // SAFETY: c_char and u8 have the same layout.
    let bytes = unsafe { std::slice::from_raw_parts(field.as_ptr().cast::<u8>(), field.len()) };
    match CStr::from_bytes_until_nul(bytes) {
        Ok(text) => text.to_string_lossy().into_owned(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}
