//! Keeps a directory as a versioned file system: stores its files on a branch, forks it, changes both sides,
//! shows what differs, and merges one into the other.
//!
//! ```text
//! cargo run --example branches -- NEW-STORE DIRECTORY
//! ```

use std::fs;
use std::io;
use std::path::Path;
use std::{env, error, process};

use ipldstore::fs::{Conflict, FileOptions, FileSystem, Merge, MergeOptions, Policy, Tree};
use ipldstore::{Cid, Store};

type Failed = Box<dyn error::Error>;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = env::args().collect();
    let [_, place, directory] = &arguments[..] else {
        eprintln!("usage: branches NEW-STORE DIRECTORY");
        process::exit(2);
    };
    Store::create(place)?;
    let store = Store::open(place)?;
    let fs = store.fs();

    // A branch begins with nothing. What is changed is in memory until the commit.
    let main = fs.open_branch("main")?;
    main.make_directory("data", 0o755)?;
    store_directory(&main, Path::new(directory), Path::new("data"))?;
    main.write("README", b"Files of a directory\n")?;
    let first = main.commit("main", "what the directory has", "example")?;
    let root = main.metadata("/")?;
    println!("{first}: {} names, {} bytes", root.entries, root.size);

    // A fork is another branch at the same version. An edit costs the edit; a copy costs nothing.
    fs.fork(&first, "dev")?;
    let dev = fs.open_branch("dev")?;
    dev.copy("data", "backup")?;
    dev.rename("data", "content")?;
    let mut readme = dev.open_with("README", FileOptions::new().write())?;
    readme.write_at(readme.size()?, b"changed in dev\n")?;
    readme.commit()?;
    let theirs = dev.commit("dev", "moved, and a copy of it", "example")?;
    main.write("README", b"Files of a directory, in main\n")?;
    main.write("NEWS", b"a file of main's own\n")?;
    let ours = main.commit("main", "news", "example")?;
    show_difference(&fs, &ours, &theirs)?;

    // Both changed README: reported, and nothing is changed, until somebody decides.
    match fs.merge("main", &theirs, &MergeOptions::new())? {
        Merge::Conflicts(conflicts) => show("to be decided", &conflicts),
        merge => return Err(format!("a conflict was lost: {merge:?}").into()),
    }
    let both = MergeOptions::new().policy(Policy::Both).message("dev into main").author("example");
    let Merge::Merged { version, conflicts } = fs.merge("main", &theirs, &both)? else {
        return Err("the merge makes a version".into());
    };
    show("decided", &conflicts);

    let merged = fs.open(Some(&version))?;
    for name in ["README", "README.theirs", "NEWS"] {
        print!("{name}: {}", String::from_utf8_lossy(&merged.read(name)?));
    }
    if merged.metadata("backup")?.size != merged.metadata("content")?.size {
        return Err("the copy has another size".into());
    }
    for version in fs.history(&version)? {
        let version = version?;
        println!("{} {}", version.generation, version.message);
    }
    Ok(())
}

/// The directories and regular files below a directory of the host.
fn store_directory(tree: &Tree, from: &Path, to: &Path) -> Result<(), Failed> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            tree.make_directory(&target, 0o755)?;
            store_directory(tree, &source, &target)?;
        } else if kind.is_file() {
            let mut file = tree.open_with(&target, FileOptions::new().create(0o644))?;
            io::copy(&mut fs::File::open(&source)?, &mut file)?;
            file.commit()?;
        }
    }
    Ok(())
}

fn show_difference(fs: &FileSystem<'_>, old: &Cid, new: &Cid) -> Result<(), Failed> {
    let mut count = 0;
    for difference in fs.diff_with_renames(old, new)? {
        let difference = difference?;
        if count < 10 {
            println!("  {:?} {}", difference.kind, difference.path.display());
        }
        count += 1;
    }
    println!("{count} differences");
    Ok(())
}

fn show(what: &str, conflicts: &[Conflict]) {
    for conflict in conflicts {
        println!("{what}: {:?} {} ({:?})", conflict.kind, conflict.path.display(), conflict.resolution);
    }
}
