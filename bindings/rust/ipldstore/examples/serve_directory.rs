//! Stores a directory under a root, and serves random reads of its files from several threads.
//!
//! ```text
//! cargo run --example serve_directory -- NEW-STORE DIRECTORY [READS]
//! ```
//!
//! The directory becomes one node, a map from each file's path to the CID of its bytes, so that the root
//! keeps them all. A file is found by its path with `get_value`, however many there are.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, error, fs, process, thread};

use ipldstore::{Cid, Store};

type Failed = Box<dyn error::Error + Send + Sync>;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = env::args().collect();
    let (place, directory, reads) = match &arguments[..] {
        [_, place, directory] => (place, directory, 2000),
        [_, place, directory, reads] => (place, directory, reads.parse()?),
        _ => {
            eprintln!("usage: serve_directory NEW-STORE DIRECTORY [READS]");
            process::exit(2);
        }
    };
    Store::create(place)?;
    let store = Store::open(place)?;
    let (count, bytes) = store_directory(&store, Path::new(directory))?;
    let stat = store.stat()?;
    println!("{count} files of {bytes} bytes in {} blocks, stored as {}", stat.blocks, stat.stored_bytes);
    println!("{} bytes read and compared", serve(&store, Path::new(directory), reads)?);
    let ipldstore::Verification { report, problems, .. } = store.verify()?;
    for problem in problems {
        println!("problem: {}", problem?.message);
    }
    println!("{} blocks verified, {} problems", report.blocks, report.problems);
    Ok(())
}

/// All files below a directory, in one batch, and their map under the root "directory".
fn store_directory(store: &Store, directory: &Path) -> Result<(usize, u64), Failed> {
    let batch = store.batch()?;
    let mut entries = BTreeMap::new();
    let mut bytes = 0;
    for path in files(directory)? {
        let file = File::open(&path)?;
        bytes += file.metadata()?.len();
        let name = path.strip_prefix(directory)?.to_string_lossy().into_owned();
        entries.insert(key(&name), batch.put_file(file)?);
    }
    let node = batch.put_node(&map_of_links(&entries))?;
    batch.set_root("directory", &node)?;
    batch.commit()?;
    Ok((entries.len(), bytes))
}

/// Reads pieces of files anywhere, in four threads, and compares them with the files themselves.
fn serve(store: &Store, directory: &Path, reads: u64) -> Result<u64, Failed> {
    use std::os::unix::fs::FileExt;

    let root = store.root("directory")?;
    let paths = files(directory)?;
    let total = AtomicU64::new(0);
    thread::scope(|scope| {
        let threads: Vec<_> = (1..=4u64)
            .map(|seed| {
                let (paths, total) = (&paths, &total);
                scope.spawn(move || -> Result<(), Failed> {
                    let mut random = seed;
                    for _ in 0..if paths.is_empty() { 0 } else { reads / 4 } {
                        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                        let path = &paths[(random >> 33) as usize % paths.len()];
                        let name = path.strip_prefix(directory)?.to_string_lossy().into_owned();
                        let cid = link(&store.get_value(&root, &key(&name))?)?;
                        let reader = store.reader(&cid)?;
                        let offset = (random >> 20) % (reader.size()? + 1);
                        let (mut ours, mut theirs) = ([0; 4096], [0; 4096]);
                        let got = reader.read_at(offset, &mut ours)?;
                        let there = File::open(path)?.read_at(&mut theirs, offset)?;
                        if ours[..got] != theirs[..there] {
                            return Err(format!("{name} differs at {offset}").into());
                        }
                        total.fetch_add(got as u64, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a reading thread panicked"))
    })?;
    Ok(total.into_inner())
}

/// The regular files below a directory; symbolic links are left out.
fn files(directory: &Path) -> Result<Vec<PathBuf>, Failed> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            match entry.file_type()? {
                kind if kind.is_dir() => waiting.push(entry.path()),
                kind if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A path as one key: slashes separate keys in `get_value`.
fn key(path: &str) -> String {
    path.replace('%', "%25").replace('/', "%2F")
}

/// Strict DAG-CBOR of a map of links: shorter keys first, then in order of their bytes.
fn map_of_links(entries: &BTreeMap<String, Cid>) -> Vec<u8> {
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_by_key(|(key, _)| (key.len(), key.as_bytes()));
    let mut node = Vec::new();
    head(&mut node, 5, sorted.len());
    for (key, cid) in sorted {
        head(&mut node, 3, key.len());
        node.extend(key.as_bytes());
        let cid = cid.to_bytes();
        head(&mut node, 6, 42);
        head(&mut node, 2, cid.len() + 1);
        node.push(0);
        node.extend(cid);
    }
    node
}

/// What begins a CBOR item: its type and a number in the shortest form.
fn head(node: &mut Vec<u8>, kind: u8, number: usize) {
    let kind = kind << 5;
    match number {
        0..=23 => node.push(kind | number as u8),
        24..=0xff => node.extend([kind | 24, number as u8]),
        0x100..=0xffff => {
            node.push(kind | 25);
            node.extend((number as u16).to_be_bytes());
        }
        _ => {
            node.push(kind | 26);
            node.extend((number as u32).to_be_bytes());
        }
    }
}

/// The CID of a link in DAG-CBOR: tag 42 over a byte string that begins with 0.
fn link(node: &[u8]) -> Result<Cid, Failed> {
    match node {
        [0xd8, 0x2a, 0x58, _, 0, cid @ ..] => Ok(Cid::from_bytes(cid)?),
        _ => Err("this entry is no link".into()),
    }
}
