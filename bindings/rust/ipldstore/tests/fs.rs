//! Trees through the crate: what is made comes back, and files, iterators and panics of the caller's leave
//! nothing behind.

mod place;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ipldstore::fs::{Aspects, DifferenceKind, FileOptions, Kind, Links, NewNode, SyncType, Timestamp};
use ipldstore::{Error, Store};
use place::{main_of, names, Place};

#[test]
fn what_is_made_comes_back() {
    let place = Place::new();
    let tree = place.fs().open(None).unwrap();
    tree.make_directory("dir", 0o750).unwrap();
    tree.write("dir/file", b"content").unwrap();
    tree.symlink("dir/file", "link").unwrap();
    tree.hard_link("dir/file", "again").unwrap();
    tree.make_node("fifo", NewNode::Fifo, 0o600).unwrap();
    tree.make_node("socket", NewNode::Socket, 0o600).unwrap();
    tree.make_node("empty", NewNode::File, 0o4711).unwrap();
    tree.make_node("null", NewNode::CharacterDevice { major: 1, minor: 3 }, 0o666).unwrap();
    tree.make_node("disk", NewNode::BlockDevice { major: 8, minor: 1 }, 0o660).unwrap();
    let kept = place.put(b"elsewhere").unwrap();
    tree.cid_link(&kept, "kept").unwrap();
    let bytes = OsStr::from_bytes(b"not \xff UTF-8");
    tree.write(bytes, b"x").unwrap();
    let version = tree.commit("main", "all kinds", "").unwrap();
    drop(tree);

    let tree = place.fs().open(Some(&version)).unwrap();
    let found: BTreeMap<_, _> = tree.list("/").unwrap().map(Result::unwrap).collect();
    let kind = |name: &str| found[Path::new(name)].kind;
    assert_eq!(found.len(), 10);
    assert_eq!(kind("null"), Kind::CharacterDevice { major: 1, minor: 3 });
    assert_eq!(kind("disk"), Kind::BlockDevice { major: 8, minor: 1 });
    assert_eq!((kind("fifo"), kind("socket")), (Kind::Fifo, Kind::Socket));
    assert_eq!((kind("kept"), found[Path::new("kept")].cid), (Kind::CidLink, Some(kept)));
    assert_eq!((kind("link"), found[Path::new("link")].size), (Kind::Symlink, 8));
    assert_eq!((kind("empty"), found[Path::new("empty")].mode), (Kind::File, 0o4711));
    assert!(found.contains_key(Path::new(bytes)));
    let directory = &found[Path::new("dir")];
    assert!(directory.is_directory() && directory.entries == 1 && directory.size == 7);
    let again = &found[Path::new("again")];
    assert!(again.hard_link.is_some());
    assert_eq!(again.hard_link, tree.metadata("dir/file").unwrap().hard_link);

    assert_eq!(tree.read("link").unwrap(), b"content");
    assert_eq!(tree.read_link("link").unwrap(), Path::new("dir/file"));
    assert!(tree.metadata("link").unwrap().is_file());
    assert_eq!(tree.symlink_metadata("link").unwrap().kind, Kind::Symlink);
    assert!(tree.exists("dir/../again").unwrap() && !tree.exists("nothing").unwrap());
    assert_eq!(names(&tree, "dir"), [Path::new("dir/file")]);
    let from: Vec<_> = tree.list_from("/", "l", false).unwrap().map(|entry| entry.unwrap().0).collect();
    assert_eq!(from[0], Path::new("link"));
}

#[test]
fn metadata_is_data() {
    let place = Place::new();
    let (tree, _) = main_of(&place, &[("file", b"1"), ("dir/child", b"2")]);
    tree.symlink("file", "link").unwrap();
    tree.set_mode("link", 0o4755, Links::Follow).unwrap();
    tree.set_owner("link", Some(7), None, Links::Keep).unwrap();
    tree.set_owner("file", None, Some(8), Links::Follow).unwrap();
    let before = UNIX_EPOCH - Duration::from_millis(1500);
    tree.set_time("file", before, Links::Follow).unwrap();
    let file = tree.metadata("file").unwrap();
    assert_eq!((file.mode, file.uid, file.gid), (0o4755, 0, 8));
    assert_eq!(file.modified, Timestamp { seconds: -2, nanoseconds: 500_000_000 });
    assert_eq!(SystemTime::try_from(file.modified).unwrap(), before);
    assert_eq!(tree.symlink_metadata("link").unwrap().uid, 7);
    let far = Timestamp { seconds: i64::MIN, nanoseconds: 0 };
    assert!(SystemTime::try_from(far).is_err() || Timestamp::from(SystemTime::try_from(far).unwrap()) == far);
    assert!(matches!(tree.set_mode("file", 0o10000, Links::Follow), Err(Error::Invalid(_))));

    let long = vec![b'v'; 5000];
    tree.set_attribute("link", b"user.long", &long).unwrap();
    tree.set_attribute("file", b"user.\xff", b"").unwrap();
    assert_eq!(tree.attribute("file", b"user.long").unwrap(), long);
    tree.set_attribute_value("file", b"user.list", b"\x82\x01\x02").unwrap();
    assert_eq!(tree.attribute_value("file", b"user.list").unwrap(), b"\x82\x01\x02");
    assert!(tree.set_attribute_value("file", b"user.list", b"no").is_err());
    tree.remove_attribute("file", b"user.list").unwrap();
    let mut attributes = tree.attributes("file").unwrap();
    attributes.sort();
    assert_eq!(attributes, [OsStr::new("user.long"), OsStr::from_bytes(b"user.\xff")]);
    tree.remove_attribute("file", b"user.long").unwrap();
    assert!(matches!(tree.attribute("file", b"user.long"), Err(Error::NotFound(_))));

    tree.set_sync("dir", SyncType::Raft).unwrap();
    assert_eq!(tree.metadata("dir/child").unwrap().sync, SyncType::Default);
    tree.write("dir/later", b"").unwrap();
    assert_eq!(tree.metadata("dir/later").unwrap().sync, SyncType::Raft);
    tree.set_sync_of_all("dir", SyncType::MerkleCrdt).unwrap();
    assert_eq!(tree.metadata("dir/child").unwrap().sync, SyncType::MerkleCrdt);
    assert!(matches!(tree.set_sync("dir", SyncType::Other(99)), Err(Error::Unsupported(_))));
}

#[test]
fn files_are_streams() {
    let place = Place::new();
    let tree = place.fs().open_branch("main").unwrap();
    assert!(matches!(tree.open("file"), Err(Error::NotFound(_))));
    let mut file = tree.open_with("file", FileOptions::new().create(0o640)).unwrap();
    let data: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
    file.write_all(&data).unwrap();
    file.seek(SeekFrom::Start(4)).unwrap();
    let mut four = [0; 4];
    file.read_exact(&mut four).unwrap();
    assert_eq!(u32::from_le_bytes(four), 1);
    assert_eq!(file.seek(SeekFrom::End(10)).unwrap(), 1_200_010);
    assert_eq!(file.read(&mut four).unwrap(), 0);
    file.write_all(b"end").unwrap();
    assert!(file.seek(SeekFrom::Current(-2_000_000)).is_err());
    file.commit().unwrap();
    assert_eq!(tree.metadata("file").unwrap().mode, 0o640);
    let read = tree.read("file").unwrap();
    assert_eq!((&read[..1_200_000], &read[1_200_000..]), (&data[..], &b"\0\0\0\0\0\0\0\0\0\0end"[..]));

    // What is not committed is forgotten; an open reader keeps what it was opened on.
    let old = tree.open("file").unwrap();
    tree.open_with("file", FileOptions::new().truncate()).unwrap().write_at(0, b"lost").unwrap();
    assert_eq!(tree.metadata("file").unwrap().size, 1_200_013);
    let cut = tree.open_with("file", FileOptions::new().write()).unwrap();
    cut.set_len(2).unwrap();
    assert!(matches!(tree.commit("main", "", "").map_err(Error::from), Err(Error::Busy(_))));
    cut.commit().unwrap();
    assert_eq!(tree.read("file").unwrap(), data[..2]);
    assert_eq!(old.size().unwrap(), 1_200_013);
    assert!(matches!(old.write_at(0, b"x"), Err(Error::Invalid(_))));
    drop(old);
    tree.commit("main", "", "").unwrap();
}

#[test]
fn moving_copying_and_removing() {
    let place = Place::new();
    let (tree, first) = main_of(&place, &[("a/b/file", b"x"), ("c", b"y")]);
    assert!(matches!(tree.rename("a", "a/b/a"), Err(Error::Invalid(_))));
    tree.copy("a", "copy").unwrap();
    tree.rename("a/b", "b").unwrap();
    assert!(matches!(tree.remove("copy"), Err(error) if error.errno() == 39)); // ENOTEMPTY
    tree.remove("c").unwrap();
    tree.remove_all("copy").unwrap();
    assert_eq!(names(&tree, "/"), [Path::new("a"), Path::new("b"), Path::new("b/file")]);
    let all: Vec<_> = tree.walk_all("/", true).unwrap().map(Result::unwrap).collect();
    assert!(all.iter().any(|(path, entry)| path == Path::new("c") && entry.kind == Kind::Tombstone));
    assert!(tree.metadata("a/b").is_err_and(|error| error.errno() == 2));
    let second = tree.commit("main", "second", "").unwrap();

    let fs = place.fs();
    let found: Vec<_> = fs.diff_with_renames(&first, &second).unwrap().map(Result::unwrap).collect();
    let renamed = found.iter().find(|one| one.kind == DifferenceKind::Renamed).unwrap();
    assert_eq!(renamed.path, Path::new("b"));
    assert_eq!(renamed.old_path.as_deref(), Some(Path::new("a/b")));
    assert!(
        fs.diff_with_tombstones(&first, &second).unwrap().count() > fs.diff(&first, &second).unwrap().count()
    );
    assert_eq!(fs.diff(&second, &second).unwrap().count(), 0);

    tree.write("b/file", b"xyz").unwrap();
    tree.set_mode("b/file", 0o600, Links::Follow).unwrap();
    let third = tree.commit("main", "third", "").unwrap();
    let found: Vec<_> = fs.diff(&second, &third).unwrap().map(Result::unwrap).collect();
    let file = found.iter().find(|one| one.path == Path::new("b/file")).unwrap();
    assert_eq!(file.kind, DifferenceKind::Modified);
    assert!(file.aspects.contains(Aspects::CONTENT | Aspects::MODE) && !file.aspects.contains(Aspects::TYPE));
    assert_eq!((file.old.as_ref().unwrap().size, file.new.as_ref().unwrap().size), (1, 3));
}

/// Names that need more room than a buffer has at first.
#[test]
fn long_names_and_paths() {
    let place = Place::new();
    let tree = place.fs().open_branch("main").unwrap();
    let name = "n".repeat(1024);
    let long = [&*name; 4].join("/");
    tree.make_directories(&long, 0o755).unwrap();
    tree.symlink(&long, "link").unwrap();
    assert_eq!(tree.read_link("link").unwrap(), Path::new(&long));
    assert_eq!(names(&tree, "/").last().unwrap(), Path::new(&long));
    assert!(matches!(tree.make_directory("n".repeat(1025), 0o755), Err(_)));
    let first = tree.commit("main", "", "").unwrap();
    tree.rename(&long, "short").unwrap();
    let second = tree.commit("main", "", "").unwrap();
    let found: Vec<_> = place.fs().diff(&first, &second).unwrap().map(Result::unwrap).collect();
    assert!(found.iter().any(|one| one.path == Path::new(&long)));
}

#[test]
fn trees_move_between_threads_and_outlive_the_store() {
    let place = Place::new();
    let (tree, _) = main_of(&place, &[("a", b"1")]);
    let tree = std::thread::spawn(move || {
        tree.write("b", b"2").unwrap();
        tree
    })
    .join()
    .unwrap();
    let other = Store::open(&place.path).unwrap();
    let beside = other.fs().open_branch("main").unwrap();
    drop(other);
    assert_eq!(beside.read("a").unwrap(), b"1");
    tree.commit("main", "", "").unwrap();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _file = tree.open_with("a", FileOptions::new().truncate()).unwrap();
        for entry in tree.list("/").unwrap() {
            panic!("{:?}", entry.unwrap());
        }
    }));
    assert!(caught.is_err());
    // The file and the iterator were given back.
    tree.write("c", b"3").unwrap();
    tree.commit("main", "", "").unwrap();
}
