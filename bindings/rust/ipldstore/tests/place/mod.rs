//! A store of its own for each test.
#![allow(dead_code)] // Not all of it is used by each.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use ipldstore::fs::Tree;
use ipldstore::{Cid, Store};

/// A store of its own, removed with it.
pub struct Place {
    pub store: Store,
    pub path: PathBuf,
}

impl Place {
    pub fn new() -> Place {
        let path = fresh_path();
        Store::create(&path).unwrap();
        Place { store: Store::open(&path).unwrap(), path }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

impl std::ops::Deref for Place {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

/// Where nothing is.
pub fn fresh_path() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("ipldstore-rust-{}-{number}", std::process::id()))
}

/// A branch "main" of one version with these files.
pub fn main_of(store: &Store, files: &[(&str, &[u8])]) -> (Tree, Cid) {
    let tree = store.fs().open_branch("main").unwrap();
    for (path, data) in files {
        if let Some(parent) = Path::new(path).parent().filter(|parent| *parent != Path::new("")) {
            tree.make_directories(parent, 0o755).unwrap();
        }
        tree.write(path, data).unwrap();
    }
    let version = tree.commit("main", "first", "somebody").unwrap();
    (tree, version)
}

pub fn names(tree: &Tree, path: &str) -> Vec<PathBuf> {
    tree.walk(path).unwrap().map(|entry| entry.unwrap().0).collect()
}
