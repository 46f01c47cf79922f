//! Trees through the crate: what is made comes back, and files, iterators and panics of the caller's leave
//! nothing behind.

mod place;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ipldstore::fs::{Aspects, DifferenceKind, FileOptions, Kind, Links, NewNode, SyncType, Timestamp, Tree};
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
    let mut old = tree.open("file").unwrap();
    tree.open_with("file", FileOptions::new().truncate()).unwrap().write_at(0, b"lost").unwrap();
    assert_eq!(tree.metadata("file").unwrap().size, 1_200_013);
    let mut cut = tree.open_with("file", FileOptions::new().write()).unwrap();
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

#[test]
fn files_come_by_cid_and_go_out_by_it() {
    let place = Place::new();
    let tree = place.fs().open_branch("main").unwrap();
    let data: Vec<u8> = (0..3_000_000_u32).map(|number| (number / 3 % 251) as u8).collect();
    let (cid, small) = (place.put(&data).unwrap(), place.put(b"small").unwrap());
    tree.put_file("disk", &cid, 0o600).unwrap();
    tree.put_file("small", &small, 0o644).unwrap();
    assert_eq!(tree.read("small").unwrap(), b"small");
    assert_eq!(tree.metadata("small").unwrap().cid, None);
    let version = tree.commit("main", "", "").unwrap();
    place.dereference(&cid, None, ipldstore::Budget::NoLimit).unwrap();
    let entry = tree.metadata("disk").unwrap();
    assert_eq!((entry.cid, entry.mode, entry.size), (Some(cid), 0o600, 3_000_000));
    assert_eq!(place.get(&entry.cid.unwrap()).unwrap(), data);
    assert!(matches!(tree.put_file("disk", &version, 0o600), Err(Error::Invalid(_))));
}

#[test]
fn changes_of_a_tree_stop_and_panics_go_on() {
    let place = Place::new();
    let (tree, version) = main_of(&place, &[("d/a", b"1"), ("d/b", b"2"), ("other", b"3")]);
    tree.hard_link("d/a", "d/c").unwrap();
    tree.set_sync_of_all("d", SyncType::MerkleCrdt).unwrap();
    tree.commit("main", "", "").unwrap();
    let stop = |_| ControlFlow::Break(());
    let path = Path::new("d");
    type Change<'a> = &'a dyn Fn(&Tree, &mut dyn FnMut(u64) -> ControlFlow<()>) -> ipldstore::Result<()>;
    let changes: [Change<'_>; 12] = [
        &|tree, hear| tree.remove_all_with(path, hear),
        &|tree, hear| tree.rename_with(path, "e", hear),
        &|tree, hear| tree.copy_with(path, "e", hear),
        &|tree, hear| tree.restore_with("d", &version, "d", hear),
        &|tree, hear| tree.set_sync_of_all_with(path, SyncType::Raft, hear),
        &|tree, hear| tree.set_mode_with("d/a", 0o600, Links::Follow, hear),
        &|tree, hear| tree.set_owner_with("d/a", Some(7), None, Links::Follow, hear),
        &|tree, hear| tree.set_time_with("d/a", UNIX_EPOCH, Links::Follow, hear),
        &|tree, hear| tree.set_attribute_with("d/a", b"user.a", b"x", hear),
        &|tree, hear| tree.set_attribute_value_with("d/a", b"user.a", b"\x01", hear),
        &|tree, hear| tree.remove_attribute_with("other", b"user.a", hear),
        &|tree, hear| tree.put_file_with("d/a", &place.put(b"new").unwrap(), 0o600, hear),
    ];
    tree.set_attribute("other", b"user.a", b"x").unwrap();
    tree.commit("main", "", "").unwrap();
    for change in changes {
        let tree = place.fs().open_branch("main").unwrap();
        let before: Vec<_> = place.fs().open_branch("main").unwrap().walk("/").unwrap().map(found).collect();
        assert!(matches!(change(&tree, &mut { stop }), Err(Error::Cancelled(_))));
        assert_eq!(tree.walk("/").unwrap().map(found).collect::<Vec<_>>(), before);
        change(&tree, &mut |_| ControlFlow::Continue(())).unwrap();
        let fresh = place.fs().open_branch("main").unwrap();
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            change(&fresh, &mut |_| panic!("on the way")).unwrap();
        }));
        assert_eq!(*panic.unwrap_err().downcast::<&'static str>().unwrap(), "on the way");
        assert_eq!(fresh.walk("/").unwrap().map(found).collect::<Vec<_>>(), before);
    }
}

fn found(entry: ipldstore::Result<(PathBuf, ipldstore::fs::Entry)>) -> String {
    format!("{:?}", entry.unwrap())
}

#[test]
fn writing_to_a_file_stops_and_goes_on() {
    let place = Place::new();
    ipldstore::CreateOptions::new().fixed_chunks(1 << 16).create(place.path.join("fixed")).unwrap();
    let fixed = Store::open(place.path.join("fixed")).unwrap();
    let mut data: Vec<u8> =
        (0..9_000_000_u32).map(|number| (number.wrapping_mul(number) >> 11) as u8).collect();
    let foreign = fixed.put(&data).unwrap();
    place.copy_from(&fixed, &foreign, None).unwrap();
    let tree = place.fs().open_branch("main").unwrap();
    tree.put_file("disk", &foreign, 0o644).unwrap();
    tree.commit("main", "", "").unwrap();
    let open = |progress: fn(u64) -> ControlFlow<()>| {
        let mut file = tree.open_observed("disk", FileOptions::new().write(), progress).unwrap();
        file.write_at(5, b"changed").unwrap();
        file
    };
    assert!(matches!(open(|_| ControlFlow::Break(())).commit(), Err(Error::Cancelled(_))));
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        open(|_| panic!("while it is stored")).commit().unwrap();
    }));
    assert_eq!(*panic.unwrap_err().downcast::<&'static str>().unwrap(), "while it is stored");
    assert_eq!(tree.metadata("disk").unwrap().cid, Some(foreign));
    // Stopped once, it goes on with what was written.
    let mut answers = vec![ControlFlow::Break(())];
    let progress = move |_| answers.pop().unwrap_or(ControlFlow::Continue(()));
    let mut file = tree.open_observed("disk", FileOptions::new().write(), progress).unwrap();
    file.write_at(5, b"changed").unwrap();
    assert!(matches!(file.try_commit(), Err(Error::Cancelled(_))));
    assert_eq!(tree.metadata("disk").unwrap().cid, Some(foreign));
    file.try_commit().unwrap();
    assert!(matches!(file.try_commit(), Err(Error::Invalid(_))));
    drop(file);
    data[5..12].copy_from_slice(b"changed");
    assert_eq!(tree.metadata("disk").unwrap().cid, Some(place.put(&data).unwrap()));
}
