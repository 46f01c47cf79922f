//! Finds libipldstore, in this order:
//!
//! - `IPLDSTORE_LIB_DIR`: the directory that holds it
//! - `pkg-config` (`PKG_CONFIG` names another program): of the version of these declarations or newer
//!
//! `IPLDSTORE_STATIC` (anything but `0`) links `libipldstore.a` and what that needs: lmdb, zstd and the C++
//! library. Crates that depend on this one's `links` key see `DEP_IPLDSTORE_LIB_DIR`.

use std::env;
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
        Ok(directory) if !directory.is_empty() => directory,
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
