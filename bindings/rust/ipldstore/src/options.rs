//! How stores are made and opened.

use std::fmt;
use std::mem::size_of;
use std::path::Path;

use ipldstore_sys as sys;

use crate::error::{call, Result};
use crate::raw;
use crate::{HashFunction, Store};

/// What a store is made with, for ever: it decides which CID given bytes have.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("ipldstore-options-{}", std::process::id()));
/// use ipldstore::{CreateOptions, Store};
///
/// CreateOptions::new().fixed_chunks(4096).compression_level(3).create(&path)?;
/// let store = Store::open(&path)?;
/// assert_eq!(store.configuration()?.chunk_average(), 4096);
/// # std::fs::remove_dir_all(&path).unwrap();
/// # Ok::<(), ipldstore::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct CreateOptions(pub(crate) sys::ips_create_options);

impl CreateOptions {
    /// The defaults: FastCDC-2020 of 64 KiB, balanced trees, BLAKE3, zstd 1.
    pub fn new() -> Self {
        // SAFETY: such a struct; the function sets all of its fields.
        unsafe {
            let mut options = raw::sized();
            sys::ips_create_options_init(&mut options, size_of::<sys::ips_create_options>());
            CreateOptions(options)
        }
    }

    /// Chunks end where the content says, `average` bytes apart; 0: the default.
    pub fn content_defined_chunks(mut self, average: u32) -> Self {
        self.0.chunker = sys::IPS_CHUNKER_FASTCDC as u32;
        self.0.chunk_average = average;
        self
    }

    /// The shortest and the longest chunk; 0: a quarter and four times the average.
    pub fn chunk_limits(mut self, minimum: u32, maximum: u32) -> Self {
        self.0.chunk_minimum = minimum;
        self.0.chunk_maximum = maximum;
        self
    }

    /// How much the average attracts, 0 to 3; the default is 2.
    pub fn chunk_normalization(mut self, level: u32) -> Self {
        self.0.chunk_normalization = level;
        self
    }

    /// Every chunk has `size` bytes, but the last.
    pub fn fixed_chunks(mut self, size: u32) -> Self {
        self.0.chunker = sys::IPS_CHUNKER_FIXED as u32;
        self.0.chunk_average = size;
        self
    }

    /// Trees of any height; the fewest, expected and most children of a node. All 0: the defaults.
    pub fn balanced_trees(mut self, minimum: u32, expected: u32, maximum: u32) -> Self {
        self.0.layout = sys::IPS_LAYOUT_BALANCED as u32;
        (self.0.node_minimum, self.0.node_expected, self.0.node_maximum) = (minimum, expected, maximum);
        self
    }

    /// One node above all leaves.
    pub fn flat_trees(mut self) -> Self {
        self.0.layout = sys::IPS_LAYOUT_FLAT as u32;
        self
    }

    /// [`HashFunction::BLAKE3`] or [`HashFunction::SHA2_256`].
    pub fn hash(mut self, hash: HashFunction) -> Self {
        self.0.hash = hash.0;
        self
    }

    /// Blocks are kept as they are.
    pub fn no_compression(mut self) -> Self {
        self.0.compression = sys::IPS_COMPRESSION_NONE as u32;
        self.0.compression_level = 0;
        self
    }

    /// zstd at a level from 1 to 19; 0: the default.
    pub fn compression_level(mut self, level: u32) -> Self {
        self.0.compression = sys::IPS_COMPRESSION_ZSTD as u32;
        self.0.compression_level = level;
        self
    }

    /// Each block is a plain file named by its CID, below so many folders: 0 to 2. Uncompressed.
    pub fn block_files(mut self, levels: u32) -> Self {
        (self.0.kind, self.0.flatfs_levels) = (sys::IPS_KIND_FLATFS as u32, levels);
        self
    }

    pub fn chunk_average(&self) -> u32 {
        self.0.chunk_average
    }

    pub fn hash_function(&self) -> HashFunction {
        HashFunction(self.0.hash)
    }

    /// As the C functions take them.
    pub fn as_raw(&self) -> &sys::ips_create_options {
        &self.0
    }

    /// Makes a store in a directory that does not exist, or is empty.
    pub fn create(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = raw::path(path.as_ref())?;
        call(|error| unsafe { sys::ips_store_create(path.as_ptr(), &self.0, error) })
    }
}

impl Default for CreateOptions {
    fn default() -> Self {
        CreateOptions::new()
    }
}

impl fmt::Debug for CreateOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.0;
        formatter
            .debug_struct("CreateOptions")
            .field("chunker", &options.chunker)
            .field("chunk_average", &options.chunk_average)
            .field("chunk_minimum", &options.chunk_minimum)
            .field("chunk_maximum", &options.chunk_maximum)
            .field("chunk_normalization", &options.chunk_normalization)
            .field("layout", &options.layout)
            .field("node_minimum", &options.node_minimum)
            .field("node_expected", &options.node_expected)
            .field("node_maximum", &options.node_maximum)
            .field("hash", &options.hash)
            .field("compression", &options.compression)
            .field("compression_level", &options.compression_level)
            .field("kind", &options.kind)
            .field("flatfs_levels", &options.flatfs_levels)
            .finish()
    }
}

/// How a store is opened.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    flags: u32,
    owner: Option<String>,
}

impl OpenOptions {
    pub fn new() -> Self {
        OpenOptions::default()
    }

    /// Never write, whatever the files allow.
    pub fn read_only(mut self) -> Self {
        self.flags |= sys::IPS_OPEN_READ_ONLY as u32;
        self
    }

    /// Whose holds the handle makes; else "default".
    pub fn owner(mut self, name: impl Into<String>) -> Self {
        self.owner = Some(name.into());
        self
    }

    pub fn open(&self, path: impl AsRef<Path>) -> Result<Store> {
        let path = raw::path(path.as_ref())?;
        let owner = self.owner.as_deref().map(raw::text).transpose()?;
        // SAFETY: such a struct; zeros are its defaults.
        let mut options: sys::ips_open_options = unsafe { raw::sized() };
        options.flags = self.flags;
        options.owner = raw::optional_text(&owner);
        let handle = raw::handle(|handle, error| unsafe {
            sys::ips_store_open(path.as_ptr(), &options, handle, error)
        })?;
        Ok(Store { handle })
    }
}
