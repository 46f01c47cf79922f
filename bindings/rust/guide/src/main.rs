//! Runs the examples of docs/RUST_GUIDE.md, which scripts/snippets makes steps.rs of: each with a store of
//! its own, data.store, beside a file rootfs.tar, in a new current directory.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use ipldstore::Store;

type Failed = Box<dyn std::error::Error>;

include!("steps.rs");

fn main() -> Result<(), Failed> {
    let place = env::args().nth(1).ok_or("usage: guide NEW-DIRECTORY")?;
    fs::create_dir(&place)?;
    let place = Path::new(&place).canonicalize()?;
    let mut text = String::new();
    for number in 0..300_000 {
        writeln!(text, "{number}")?;
    }
    for (number, step) in STEPS.iter().enumerate() {
        let directory = place.join((number + 1).to_string());
        fs::create_dir(&directory)?;
        env::set_current_dir(&directory)?;
        fs::write("rootfs.tar", &text)?;
        Store::create("data.store")?;
        step(Store::open("data.store")?)?;
    }
    println!("{} steps", STEPS.len());
    Ok(())
}
