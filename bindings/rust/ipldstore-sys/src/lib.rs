//! Declarations of libipldstore, as `include/ipldstore.h` has them: that header is the manual. The crate
//! `ipldstore` is the safe form.
//!
//! The library is found by `pkg-config`, or where `IPLDSTORE_LIB_DIR` says; with `IPLDSTORE_STATIC=1` the
//! static one is linked.
#![no_std]
#![allow(non_camel_case_types)]

use core::ffi::{c_char, c_int, c_void};

/// Types that only the library can look into.
macro_rules! opaque {
    ($($name:ident),* $(,)?) => {$(
        #[repr(C)]
        pub struct $name {
            _private: [u8; 0],
            _marker: core::marker::PhantomData<(*mut u8, core::marker::PhantomPinned)>,
        }
    )*};
}

/// Fails the build where a struct is not as a C compiler sees it.
macro_rules! layout {
    ($name:ident: $size:literal, $($field:ident: $offset:literal),* $(,)?) => {
        const _: () = {
            assert!(core::mem::size_of::<$name>() == $size);
            $(assert!(core::mem::offset_of!($name, $field) == $offset);)*
        };
    };
}

#[rustfmt::skip]
mod abi {
    use super::*;

    include!("abi.rs");
}

pub use abi::*;
