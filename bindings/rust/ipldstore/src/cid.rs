//! CIDs: plain values.

use std::cmp::Ordering;
use std::ffi::CString;
use std::hash::{Hash, Hasher};
use std::mem::MaybeUninit;
use std::{fmt, str::FromStr};

use ipldstore_sys as sys;

use crate::error::{call, Error, Result};
use crate::raw::bytes;

/// A codec, by its multicodec code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Codec(pub u64);

impl Codec {
    pub const RAW: Codec = Codec(sys::IPS_CODEC_RAW);
    pub const DAG_PB: Codec = Codec(sys::IPS_CODEC_DAG_PB);
    pub const DAG_CBOR: Codec = Codec(sys::IPS_CODEC_DAG_CBOR);
}

/// A hash function, by its multicodec code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashFunction(pub u64);

impl HashFunction {
    pub const IDENTITY: HashFunction = HashFunction(sys::IPS_HASH_IDENTITY);
    pub const SHA2_256: HashFunction = HashFunction(sys::IPS_HASH_SHA2_256);
    pub const BLAKE3: HashFunction = HashFunction(sys::IPS_HASH_BLAKE3);
}

/// Which bytes, under which codec, named by which hash.
///
/// ```
/// use ipldstore::{Cid, Codec, HashFunction};
///
/// let cid = Cid::of_block(b"hello", Codec::RAW, HashFunction::BLAKE3)?;
/// let text = cid.to_string();
/// assert_eq!(text.parse::<Cid>()?, cid);
/// assert_eq!(Cid::from_bytes(&cid.to_bytes())?, cid);
/// # Ok::<(), ipldstore::Error>(())
/// ```
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Cid(sys::ips_cid);

impl Cid {
    /// The CID that one block of these bytes has. Nothing is stored.
    pub fn of_block(block: &[u8], codec: Codec, hash: HashFunction) -> Result<Cid> {
        made(|cid, error| unsafe { sys::ips_cid_of_block(bytes(block), codec.0, hash.0, cid, error) })
    }

    /// Reads the binary form, which must be all of `binary`.
    pub fn from_bytes(binary: &[u8]) -> Result<Cid> {
        made(|cid, error| unsafe { sys::ips_cid_from_bytes(bytes(binary), cid, error) })
    }

    /// The binary form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut buffer = [0u8; sys::IPS_CID_BINARY_SIZE as usize];
        let mut length = 0;
        let result = call(|error| unsafe {
            sys::ips_cid_to_bytes(&self.0, buffer.as_mut_ptr().cast(), buffer.len(), &mut length, error)
        });
        debug_assert!(result.is_ok(), "a Cid is valid");
        buffer[..length].to_vec()
    }

    /// The text in a base: the multibase's character. A version 0 CID has one text only.
    pub fn to_text(&self, base: char) -> Result<String> {
        if !base.is_ascii() {
            return Err(Error::invalid("a multibase is one ASCII character"));
        }
        let mut buffer = [0u8; sys::IPS_CID_TEXT_SIZE as usize];
        let mut length = 0;
        call(|error| unsafe {
            let text = buffer.as_mut_ptr().cast();
            sys::ips_cid_format(
                &self.0,
                base as u8 as std::ffi::c_char,
                text,
                buffer.len(),
                &mut length,
                error,
            )
        })?;
        Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    pub fn version(&self) -> u8 {
        self.0.version
    }

    pub fn codec(&self) -> Codec {
        Codec(self.0.codec)
    }

    pub fn hash_function(&self) -> HashFunction {
        HashFunction(self.0.hash)
    }

    pub fn digest(&self) -> &[u8] {
        &self.0.digest[..usize::from(self.0.digest_length).min(64)]
    }

    /// As the C functions take it.
    pub fn as_raw(&self) -> &sys::ips_cid {
        &self.0
    }

    pub(crate) fn from_raw(raw: sys::ips_cid) -> Cid {
        Cid(raw)
    }
}

/// The CID that a call writes.
pub(crate) fn made(
    body: impl FnOnce(*mut sys::ips_cid, *mut sys::ips_error) -> sys::ips_status,
) -> Result<Cid> {
    let mut cid = MaybeUninit::uninit();
    call(|error| body(cid.as_mut_ptr(), error))?;
    // SAFETY: the call succeeded, and then has written it.
    Ok(Cid(unsafe { cid.assume_init() }))
}

/// NULL for none.
pub(crate) fn optional(cid: Option<&Cid>) -> *const sys::ips_cid {
    cid.map_or(std::ptr::null(), |cid| &cid.0)
}

impl FromStr for Cid {
    type Err = Error;

    fn from_str(text: &str) -> Result<Cid> {
        let text = CString::new(text).map_err(|_| Error::invalid("a CID has no NUL"))?;
        made(|cid, error| unsafe { sys::ips_cid_parse(text.as_ptr(), cid, error) })
    }
}

impl fmt::Display for Cid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_text('\0').map_err(|_| fmt::Error)?;
        formatter.pad(&text)
    }
}

impl fmt::Debug for Cid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Cid({self})")
    }
}

impl PartialEq for Cid {
    fn eq(&self, other: &Cid) -> bool {
        (self.0.codec, self.0.hash, self.0.version, self.digest())
            == (other.0.codec, other.0.hash, other.0.version, other.digest())
    }
}

impl Eq for Cid {}

impl Hash for Cid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.codec, self.0.hash, self.0.version, self.digest()).hash(state);
    }
}

/// In the order of the binary forms.
impl Ord for Cid {
    fn cmp(&self, other: &Cid) -> Ordering {
        // SAFETY: both are valid; the function reads them only.
        unsafe { sys::ips_cid_compare(&self.0, &other.0) }.cmp(&0)
    }
}

impl PartialOrd for Cid {
    fn partial_cmp(&self, other: &Cid) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
