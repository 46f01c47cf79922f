//! The crate against a real store: what each area promises, and what happens when the caller's code fails.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use ipldstore::{
    Budget, Change, Cid, Codec, CreateOptions, Element, Error, HashFunction, NodeChange, OpenOptions, Store,
};

mod place;

use place::{fresh_path, Place};

/// Bytes that do not compress.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

#[test]
fn bytes_come_back() {
    let store = Place::new();
    for length in [0, 1, 5000, 3_000_000] {
        let data = noise(length, 1);
        let cid = store.put(&data).unwrap();
        assert_eq!(store.put_reader(&data[..]).unwrap(), cid);
        assert_eq!(store.size(&cid).unwrap(), length as u64);
        assert_eq!(store.get(&cid).unwrap(), data);
        let mut copy = Vec::new();
        store.copy_to(&cid, .., &mut copy).unwrap();
        assert_eq!(copy, data);
        assert!(store.has(&cid).unwrap());
    }
    let data = noise(200_000, 2);
    let cid = store.put(&data).unwrap();
    for range in [0..10, 150_000..199_999, 199_999..200_000] {
        let mut copy = Vec::new();
        store.copy_to(&cid, range.start as u64..range.end as u64, &mut copy).unwrap();
        assert_eq!(copy, data[range]);
    }
    let mut room = [0; 100];
    assert_eq!(store.read_at(&cid, 199_990, &mut room).unwrap(), 10);
    assert_eq!(room[..10], data[199_990..]);
    assert!(matches!(store.read_at(&cid, 200_001, &mut room), Err(Error::Invalid(_))));
}

#[test]
fn files_come_back() {
    let store = Place::new();
    let path = store.path.with_extension("file");
    let data = noise(1_000_000, 3);
    std::fs::write(&path, &data).unwrap();
    let heard = AtomicU64::new(0);
    let cid = store
        .put_file_with(std::fs::File::open(&path).unwrap(), |done| {
            heard.store(done, Ordering::Relaxed);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(heard.into_inner(), 1_000_000);
    store.copy_to_file(&cid, .., std::fs::File::create(&path).unwrap()).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), data);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn cids_are_values() {
    let cid = Cid::of_block(b"hello", Codec::RAW, HashFunction::SHA2_256).unwrap();
    assert_eq!(cid.to_string(), "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq");
    assert_eq!(cid.to_string().parse::<Cid>().unwrap(), cid);
    assert_eq!(cid.to_text('f').unwrap().parse::<Cid>().unwrap(), cid);
    assert_eq!(Cid::from_bytes(&cid.to_bytes()).unwrap(), cid);
    assert_eq!((cid.version(), cid.codec(), cid.digest().len()), (1, Codec::RAW, 32));
    let other = Cid::of_block(b"hallo", Codec::RAW, HashFunction::SHA2_256).unwrap();
    assert_eq!(cid < other, cid.to_bytes() < other.to_bytes());
    assert!(matches!("no cid".parse::<Cid>(), Err(Error::Invalid(_))));
    assert!(matches!("nul\0inside".parse::<Cid>(), Err(Error::Invalid(_))));
    assert!(matches!(cid.to_text('é'), Err(Error::Invalid(_))));
}

#[test]
fn blocks_nodes_and_views() {
    let store = Place::new();
    let leaf = store.put_block(b"leaf", Codec::RAW).unwrap();
    // {"list": [leaf, "text"]}
    let mut node = b"\xa1\x64list\x82\xd8\x2a\x58\x25\x00".to_vec();
    node.extend(leaf.to_bytes());
    node.extend(b"\x64text");
    let cid = store.put_node(&node).unwrap();
    assert_eq!(store.get_node(&cid).unwrap(), node);
    assert_eq!(store.get_value(&cid, "list/1").unwrap(), b"\x64text");
    assert_eq!(store.links(&cid).unwrap().collect::<Result<Vec<_>, _>>().unwrap(), [leaf]);
    assert_eq!(store.inspect(&leaf).unwrap().references, 2);
    assert_eq!(store.get_block(&cid).unwrap(), node);
    assert_eq!(&store.view(&leaf).unwrap()[..], b"leaf");
    let error = store.get_value(&cid, "list/2").unwrap_err();
    assert!(matches!(&error, Error::NotFound(failure) if !failure.message.is_empty()));
    assert_eq!(error.code(), ipldstore::sys::IPS_NOT_FOUND);

    // A node of more than a block.
    let mut large = b"\x9a\x00\x03\x0d\x40".to_vec();
    for number in 0..200_000u32 {
        large.push(0x1a);
        large.extend((number + 0x10000).to_be_bytes());
    }
    let cid = store.put_node(&large).unwrap();
    assert_eq!(store.get_node(&cid).unwrap(), large);
    assert_eq!(store.get_value(&cid, "199999").unwrap(), large[large.len() - 5..]);

    let swapped = NodeChange::Replace { position: 5, count: 1, values: b"\x01\x02" };
    let edited = store.edit_node(&cid, "", &[swapped]).unwrap();
    let mut elements = store.elements(&edited, "").unwrap();
    assert_eq!((elements.total().unwrap(), elements.is_map().unwrap()), (200_001, false));
    elements.seek(6).unwrap();
    assert_eq!(elements.next().unwrap().unwrap().value, [2]);
    assert_eq!(elements.position().unwrap(), 7);
    assert_eq!(elements.count(), 200_001 - 7);
}

#[test]
fn maps_are_changed_and_gone_through() {
    let store = Place::new();
    let empty = store.put_node(b"\xa0").unwrap();
    let long = [b"\x59\xff\xff".to_vec(), noise(65535, 9)].concat();
    let batch = store.batch().unwrap();
    let changes = [
        NodeChange::Set { key: "bb", value: &long },
        NodeChange::Set { key: "a", value: b"\x01" },
        NodeChange::Set { key: "c", value: b"\x02" },
    ];
    let map = batch.edit_node(&empty, "", &changes).unwrap();
    let map = batch.edit_node(&map, "", &[NodeChange::Remove { key: "c" }]).unwrap();
    batch.set_root("map", &map).unwrap();
    batch.commit().unwrap();
    let mut elements = store.elements(&map, "").unwrap();
    let found: Vec<_> = elements.by_ref().map(|element| element.unwrap()).collect();
    assert_eq!(found[0], Element { key: "a".to_owned(), value: vec![1] });
    assert_eq!((&found[1].key[..], found.len()), ("bb", 2));
    assert_eq!(found[1].value, long);
    elements.seek_key("b").unwrap();
    assert_eq!(elements.next().unwrap().unwrap().key, "bb");
    assert!(matches!(elements.seek(3), Err(Error::Invalid(_))));
    let missing = store.edit_node(&map, "", &[NodeChange::Remove { key: "x" }]);
    assert!(matches!(missing, Err(Error::NotFound(_))));
    assert!(matches!(store.elements(&map, "a"), Err(Error::Invalid(_))));
}

#[test]
fn roots_and_holds_keep() {
    let store = Place::new();
    let one = store.put(b"one").unwrap();
    let two = store.put(b"two").unwrap();
    store.set_root("a", &one).unwrap();
    store.swap_root("a", Some(&one), &two).unwrap();
    assert!(matches!(store.swap_root("a", Some(&one), &two), Err(Error::Conflict(_))));
    store.swap_root("b", None, &one).unwrap();
    let names: Vec<_> = store.roots().unwrap().map(|root| root.unwrap().name).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(store.roots_from("b").unwrap().count(), 1);
    assert_eq!(store.root("a").unwrap(), two);
    assert!(matches!(store.root("c"), Err(Error::NotFound(_))));
    assert!(matches!(store.root("nul\0"), Err(Error::Invalid(_))));

    store.retain(&one, Some("me")).unwrap();
    let holds: Vec<_> = store.holds(Some("me")).unwrap().map(|hold| hold.unwrap()).collect();
    assert_eq!((holds.len(), holds[0].cid, holds[0].count), (1, one, 1));
    assert_eq!(store.holds(None).unwrap().count(), 3);
    for owner in [Some("me"), None] {
        store.dereference(&one, owner, Budget::Usual).unwrap();
    }
    assert!(matches!(store.dereference(&one, None, Budget::Usual), Err(Error::NotFound(_))));
    assert_eq!(store.usage(&["a", "b"]).unwrap().exclusive_blocks, 1);
    let mut heard = 0;
    let stopped = store.usage_with(&["a", "b"], |blocks| {
        heard = blocks;
        ControlFlow::Break(())
    });
    assert!(heard == 1 && matches!(stopped, Err(Error::Cancelled(_))));
    let report = store.delete_root("b", Some(&one), Budget::NoLimit).unwrap();
    assert_eq!((report.blocks, report.is_complete), (1, true));
    assert!(!store.has(&one).unwrap());
    store.delete_root("a", None, Budget::For(Duration::from_secs(5))).unwrap();
    assert!(store.has(&two).unwrap());
    store.dereference(&two, None, Budget::NoLimit).unwrap();
    store.gc(Budget::NoLimit).unwrap();
    assert_eq!(store.gc_dry_run().unwrap().exclusive_blocks, 0);
    assert_eq!(store.stat().unwrap().blocks, 0);
}

#[test]
fn batches_are_one_step() {
    let store = Place::new();
    let batch = store.batch().unwrap();
    let data = noise(500_000, 4);
    let cid = batch.put_reader(&data[..]).unwrap();
    let mut writer = batch.writer(Some(&cid)).unwrap();
    writer.append(b"more").unwrap();
    let longer = writer.commit().unwrap();
    batch.set_root("first", &cid).unwrap();
    batch.swap_root("second", None, Some(&longer)).unwrap();
    batch.hold(&longer, Some("me")).unwrap();
    assert_eq!(store.roots().unwrap().count(), 0);
    batch.commit().unwrap();
    assert_eq!(store.roots().unwrap().count(), 2);
    assert_eq!(store.get(&longer).unwrap().len(), 500_004);

    let batch = store.batch().unwrap();
    batch.remove_root("first").unwrap();
    batch.abort().unwrap();
    assert_eq!(store.root("first").unwrap(), cid);
    drop(store.batch().unwrap());
    assert_eq!(store.stat().unwrap().leases, 0);
}

#[test]
fn readers_and_writers_are_streams() {
    let store = Place::new();
    let mut data = noise(400_000, 5);
    let cid = store.put(&data).unwrap();
    let mut reader = store.reader(&cid).unwrap();
    assert_eq!(reader.seek(SeekFrom::Start(300_000)).unwrap(), 300_000);
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, data[300_000..]);
    assert_eq!((reader.position().unwrap(), reader.size().unwrap()), (400_000, 400_000));
    assert_eq!(reader.seek(SeekFrom::End(1)).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert_eq!(reader.seek(SeekFrom::Start(u64::MAX)).unwrap_err().kind(), io::ErrorKind::InvalidInput);

    let mut writer = store.writer(Some(&cid)).unwrap();
    writer.seek(SeekFrom::Start(1000)).unwrap();
    writer.write_all(b"changed").unwrap();
    writer.seek(SeekFrom::End(10)).unwrap();
    writer.write_all(b"end").unwrap();
    data[1000..1007].copy_from_slice(b"changed");
    data.extend([0; 10]);
    data.extend(b"end");
    writer.seek(SeekFrom::Start(0)).unwrap();
    let mut seen = Vec::new();
    writer.read_to_end(&mut seen).unwrap();
    assert!(seen == data);
    let so_far = writer.store_so_far().unwrap();
    let changed = writer.commit().unwrap();
    assert_eq!(so_far, changed);
    assert_eq!(store.put(&data).unwrap(), changed);

    let changes: Vec<Change> = store.diff(&cid, &changed).unwrap().map(|change| change.unwrap()).collect();
    let added = Change { old_offset: 400_000, old_length: 0, new_offset: 400_000, new_length: 13 };
    assert_eq!(changes.len(), 2);
    assert!((1000..1007).contains(&changes[0].old_offset));
    assert_eq!(changes[1], added);

    let mut shorter = store.writer(Some(&cid)).unwrap();
    shorter.set_len(5).unwrap();
    assert_eq!(shorter.size().unwrap(), 5);
    shorter.abort().unwrap();
}

#[test]
fn what_the_caller_s_code_does_reaches_the_caller() {
    let store = Place::new();
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::new(io::ErrorKind::ConnectionReset, "gone"))
        }
    }
    let error = store.put_reader(Broken).unwrap_err();
    assert!(matches!(&error, Error::Stream(inner) if inner.kind() == io::ErrorKind::ConnectionReset));

    struct Panicking;
    impl Read for Panicking {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("by the reader")
        }
    }
    impl Write for Panicking {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("by the writer")
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let said = |body: &mut dyn FnMut()| {
        let panic = catch_unwind(AssertUnwindSafe(body)).unwrap_err();
        *panic.downcast::<&'static str>().unwrap()
    };
    let data = noise(6_000_000, 6);
    let cid = store.put(&data).unwrap();
    let old = store.stat().unwrap();
    assert_eq!(said(&mut || drop(store.put_reader(Panicking))), "by the reader");
    assert_eq!(said(&mut || drop(store.copy_to(&cid, .., Panicking))), "by the writer");
    let observed = &mut || drop(store.put_reader_with(&data[1..], |_| panic!("by progress")));
    assert_eq!(said(observed), "by progress");
    assert_eq!(said(&mut || drop(store.verify_with(|_| panic!("while verifying")))), "while verifying");

    let other = CreateOptions::new().fixed_chunks(4096).create(store.path.join("other"));
    assert!(other.is_ok());
    let elsewhere = Store::open(store.path.join("other")).unwrap();
    let foreign = elsewhere.put(&data).unwrap();
    let mut writer = elsewhere.writer_with(Some(&foreign), |_| panic!("by the writer's progress")).unwrap();
    let appended = &mut || {
        for _ in 0..100 {
            writer.append(&data).unwrap();
        }
    };
    assert_eq!(said(appended), "by the writer's progress");
    drop(writer);
    // Stopped once, it goes on with what was written.
    let mut answers = vec![ControlFlow::Break(())];
    let progress = move |_| answers.pop().unwrap_or(ControlFlow::Continue(()));
    let mut writer = elsewhere.writer_with(Some(&foreign), progress).unwrap();
    writer.append(&data).unwrap();
    assert!(matches!(writer.try_commit(), Err(Error::Cancelled(_))));
    let twice = writer.try_commit().unwrap();
    assert!(matches!(writer.try_commit(), Err(Error::Invalid(_))));
    drop(writer);
    assert_eq!(elsewhere.get(&twice).unwrap(), data.repeat(2));

    // The calls were stopped, the store is as it was, and it goes on.
    let stopped = store.put_reader_with(&data[1..], |_| ControlFlow::Break(())).unwrap_err();
    assert!(matches!(stopped, Error::Cancelled(_)));
    let new = store.stat().unwrap();
    assert_eq!((new.holds, new.leases), (old.holds, 0));
    assert_eq!(store.get(&cid).unwrap(), data);
}

#[test]
fn threads_share_a_store() {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<Store>();
    shared::<ipldstore::Reader>();
    shared::<ipldstore::View>();
    shared::<Cid>();
    shared::<Error>();
    sent::<ipldstore::Batch>();
    sent::<ipldstore::Writer>();
    sent::<ipldstore::Roots>();

    let place = Place::new();
    let data = noise(300_000, 7);
    let cid = place.put(&data).unwrap();
    let reader = Arc::new(place.reader(&cid).unwrap());
    std::thread::scope(|scope| {
        for thread in 0..8usize {
            let (place, reader, data) = (&place, reader.clone(), &data);
            scope.spawn(move || {
                for round in 0..50 {
                    let at = (thread * 31_337 + round * 977) % 299_000;
                    let mut room = [0; 1000];
                    assert_eq!(reader.read_at(at as u64, &mut room).unwrap(), 1000);
                    assert_eq!(room, data[at..at + 1000]);
                }
                place.put(&thread.to_le_bytes()).unwrap();
            });
        }
    });
    let found = place.verify().unwrap();
    let (report, problems) = (found.report, found.problems);
    assert_eq!((report.problems, problems.count()), (0, 0));
    assert!(report.blocks >= 9);
}

#[test]
fn layers_read_through_their_bases() {
    let base = Place::new();
    let data = noise(300_000, 10);
    let image = base.put(&data).unwrap();
    base.set_root("image", &image).unwrap();
    let fork_path = base.path.with_extension("fork");
    Store::create_layer(&fork_path, &[&base.path]).unwrap();
    {
        let fork = Store::open(&fork_path).unwrap();
        assert_eq!((fork.find_root("image").unwrap(), fork.information().unwrap().bases), (image, 1));
        fork.set_root("disk", &image).unwrap();
        base.dereference(&image, None, Budget::NoLimit).unwrap();
        base.delete_root("image", None, Budget::NoLimit).unwrap();
        assert!(fork.get(&image).unwrap() == data);
        let forks: Vec<_> = base.forks().unwrap().map(|fork| fork.unwrap()).collect();
        assert_eq!((forks.len(), forks[0].state), (1, ipldstore::sys::IPS_FORK_PRESENT));

        let buffer = Store::in_memory(&[&fork]).unwrap();
        let note = buffer.put(b"a note").unwrap();
        assert!(!fork.has(&note).unwrap());
        assert_eq!(fork.copy_from(&buffer, &note, Some("note")).unwrap().blocks, 1);
        assert_eq!(fork.root("note").unwrap(), note);
    }
    let bases: Vec<_> = Store::bases(&fork_path).unwrap().map(|base| base.unwrap()).collect();
    assert_eq!(bases[0].identity, base.information().unwrap().identity);
    assert!(matches!(Store::add_base(&fork_path, &base.path), Err(Error::Exists(_))));
    Store::set_base(&fork_path, &bases[0].identity, &base.path).unwrap();
    assert!(Store::flatten(&fork_path).unwrap().blocks > 0);
    base.gc(Budget::NoLimit).unwrap();
    assert_eq!(base.stat().unwrap().blocks, 0);
    let alone = Store::open(&fork_path).unwrap();
    assert!(alone.get(&image).unwrap() == data);
    assert_eq!(base.heal(&[&alone]).unwrap().missing, 0);
    assert!(matches!(base.forget_fork("0123"), Err(Error::Invalid(_) | Error::NotFound(_))));

    let files = base.path.with_extension("files");
    CreateOptions::new().block_files(1).create(&files).unwrap();
    let donor = Store::open(&files).unwrap();
    assert_eq!(
        donor.copy_from(&alone, &image, Some("image")).unwrap().bytes,
        alone.stat().unwrap().raw_bytes - 6
    );
    drop(alone);
    let (repair, heal) = Store::repair_from(&fork_path, &[&donor]).unwrap();
    assert_eq!((repair.roots, heal.missing), (2, 0));
    let alone = Store::open(&fork_path).unwrap();
    alone.seal().unwrap();
    assert!(matches!(alone.put(b"x"), Err(Error::ReadOnly(_))));
    assert!(alone.information().unwrap().is_sealed);
    drop(alone);
    std::fs::remove_dir_all(&fork_path).unwrap();
    std::fs::remove_dir_all(&files).unwrap();
}

#[test]
fn options_and_repair() {
    let path = fresh_path();
    let options =
        CreateOptions::new().content_defined_chunks(16384).hash(HashFunction::SHA2_256).compression_level(5);
    options.create(&path).unwrap();
    assert!(matches!(options.create(&path), Err(Error::Exists(_))));
    let store = OpenOptions::new().owner("somebody").open(&path).unwrap();
    assert_eq!(store.information().unwrap().compression, "zstd:5");
    let made = store.configuration().unwrap();
    assert_eq!((made.chunk_average(), made.hash_function()), (16384, HashFunction::SHA2_256));
    let cid = store.put(&noise(100_000, 8)).unwrap();
    store.set_root("kept", &cid).unwrap();
    assert_eq!(store.holds(None).unwrap().next().unwrap().unwrap().owner, "somebody");

    let reading = OpenOptions::new().read_only().open(&path).unwrap();
    assert!(reading.information().unwrap().is_read_only);
    assert!(matches!(reading.put(b"x"), Err(Error::ReadOnly(_))));
    assert!(matches!(Store::repair(&path), Err(Error::Busy(_))));
    drop((store, reading));
    assert_eq!(Store::repair(&path).unwrap().roots, 1);
    assert_eq!(Store::open(&path).unwrap().root("kept").unwrap(), cid);
    std::fs::remove_dir_all(&path).unwrap();

    let missing = Store::open(Path::new("/nonexistent/store")).unwrap_err();
    assert!(matches!(missing, Error::NotFound(_)));
    assert_eq!(io::Error::from(missing).kind(), io::ErrorKind::NotFound);
    assert!(ipldstore::version_number() >= ipldstore::sys::IPS_VERSION_NUMBER as u32);
    assert!(ipldstore::build_info().starts_with("ipldstore "));
}

#[test]
fn what_is_linked_to_and_not_here_is_counted_and_named() {
    let store = Place::new();
    let absent = Cid::of_block(b"elsewhere", Codec::RAW, HashFunction::BLAKE3).unwrap();
    // A list of one link.
    let mut node = vec![0x81, 0xd8, 0x2a, 0x58, 0x25, 0];
    node.extend_from_slice(&absent.to_bytes());
    let node = store.put_node(&node).unwrap();
    let found = store.verify().unwrap();
    assert_eq!((found.report.problems, found.report.missing_links, found.report.missing_blocks), (0, 1, 1));
    assert_eq!(found.missing.map(Result::unwrap).collect::<Vec<_>>(), [absent]);
    store.dereference(&node, None, Budget::NoLimit).unwrap();
    assert_eq!(store.verify().unwrap().report.missing_links, 0);
}
