//! Finds libipldstore, in this order:
//!
//! - `IPLDSTORE_LIB_DIR`: the directory that holds it; a relative one is looked for where cargo was called,
//!   then in this package's directory and those above it
//! - `pkg-config` (`PKG_CONFIG` names another program): of the version of these declarations or newer
//!
//! `IPLDSTORE_STATIC` (anything but `0`) links `libipldstore.a` and what that needs: lmdb, zstd and the C++
//! library. Crates that depend on this one's `links` key see `DEP_IPLDSTORE_LIB_DIR`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const NEEDED_BY_STATIC: [&str; 4] = ["lmdb", "zstd", "stdc++", "m"];

fn main() {
    for name in ["IPLDSTORE_LIB_DIR", "IPLDSTORE_STATIC", "PKG_CONFIG", "PKG_CONFIG_PATH"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("DOCS_RS").is_some() {
        return;
    }
    let is_static = env::var("IPLDSTORE_STATIC").is_ok_and(|value| !value.is_empty() && value != "0");
    let directory = match env::var("IPLDSTORE_LIB_DIR") {
        Ok(directory) if !directory.is_empty() => from_variable(Path::new(&directory), is_static),
        _ => from_pkg_config(),
    };
    println!("cargo:rustc-link-search=native={directory}");
    println!("cargo:lib_dir={directory}");
    if is_static {
        println!("cargo:rustc-link-lib=static=ipldstore");
        for library in NEEDED_BY_STATIC {
            println!("cargo:rustc-link-lib=dylib={library}");
        }
    } else {
        println!("cargo:rustc-link-lib=dylib=ipldstore");
    }
}

/// The absolute path of a directory that holds the library. Build scripts and linkers run in directories of
/// their own, so that a relative path would be another one to each.
fn from_variable(directory: &Path, is_static: bool) -> String {
    let mut places = Vec::new();
    if directory.is_absolute() {
        places.push(directory.to_owned());
    } else {
        println!("cargo:rerun-if-env-changed=PWD");
        let called_in = env::var_os("PWD").map(PathBuf::from).filter(|place| place.is_absolute());
        let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        places.extend(called_in.iter().map(|place| place.join(directory)));
        places.extend(
            package.iter().flat_map(|package| package.ancestors()).map(|place| place.join(directory)),
        );
    }
    let file = if is_static { "libipldstore.a" } else { "libipldstore.so" };
    match places.iter().find(|place| place.join(file).exists()) {
        Some(place) => place.canonicalize().unwrap_or_else(|_| place.clone()).display().to_string(),
        None => {
            let looked: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
            fail(&format!(
                "IPLDSTORE_LIB_DIR is {}, and there is no {file} in {}",
                directory.display(),
                looked.join(", ")
            ))
        }
    }
}

/// What `pkg-config` says is the library's directory. Ends the build, with what it says, when it knows none.
fn from_pkg_config() -> String {
    let wanted = concat!("ipldstore >= ", env!("CARGO_PKG_VERSION"));
    pkg_config(&["--exists", "--print-errors", wanted]);
    pkg_config(&["--variable=libdir", "ipldstore"])
}

fn pkg_config(arguments: &[&str]) -> String {
    let program = env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".to_owned());
    let advice = "set IPLDSTORE_LIB_DIR to the directory of libipldstore, or PKG_CONFIG_PATH to that of \
                  ipldstore.pc";
    match Command::new(&program).args(arguments).output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Ok(output) => fail(&format!("{}\n{advice}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => fail(&format!("cannot run {program}: {error}; {advice}")),
    }
}

fn fail(message: &str) -> ! {
    eprintln!("ipldstore-sys: {message}");
    std::process::exit(1);
}
