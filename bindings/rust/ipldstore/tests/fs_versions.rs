//! Versions through the crate: branches and history, merges and who decides them, directories in and out.

mod place;

use std::ops::ControlFlow;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::Path;

use ipldstore::fs::{
    self, Aspects, Conflict, ConflictKind, CopyOptions, Existing, ExportOptions, ImportOptions, Keep, Merge,
    MergeOptions, Policy, Resolution, TroubleKind,
};
use ipldstore::{Cid, Error, Store};
use place::{main_of, names, Place};

#[test]
fn a_lost_race_keeps_the_version() {
    let place = Place::new();
    let fs = place.fs();
    let (ours, first) = main_of(&place, &[("a", b"1")]);
    let theirs = fs.open_branch("main").unwrap();
    theirs.write("b", b"2").unwrap();
    let second = theirs.commit("main", "second", "").unwrap();
    ours.write("c", b"3").unwrap();
    let failed = ours.commit("main", "beside", "").unwrap_err();
    assert!(matches!(failed.error, Error::Conflict(_)));
    let beside = failed.version.unwrap();
    assert_eq!(fs.version(&beside).unwrap().previous, Some(first));
    let merge = fs.merge("main", &beside, &MergeOptions::new().message("both").author("me")).unwrap();
    let Merge::Merged { version, conflicts } = &merge else { panic!("{merge:?}") };
    assert!(conflicts.is_empty() && merge.version() == Some(version));
    let merged = fs.version(version).unwrap();
    assert_eq!((merged.previous_count, &*merged.message, &*merged.author), (2, "both", "me"));
    assert_eq!(merged.previous, Some(second));
    assert_eq!(names(&fs.open_branch("main").unwrap(), "/").len(), 3);
    assert!(matches!(ours.commit("no\0name", "", ""), Err(failed) if failed.version.is_none()));
}

#[test]
fn conflicts_are_decided_by_policy() {
    let place = Place::new();
    let fs = place.fs();
    let (tree, first) = main_of(&place, &[("same", b"0"), ("gone", b"0")]);
    fs.fork(&first, "dev").unwrap();
    tree.write("same", b"ours").unwrap();
    tree.remove("gone").unwrap();
    tree.commit("main", "ours", "").unwrap();
    let dev = fs.open_branch("dev").unwrap();
    dev.write("same", b"theirs").unwrap();
    dev.write("gone", b"changed").unwrap();
    let theirs = dev.commit("dev", "theirs", "").unwrap();

    let kinds = |conflicts: &[Conflict]| -> Vec<_> {
        conflicts.iter().map(|one| (one.path.clone(), one.kind, one.resolution)).collect()
    };
    let Merge::Conflicts(found) = fs.merge("main", &theirs, &MergeOptions::new()).unwrap() else {
        panic!("there are conflicts")
    };
    let expected = [("gone", ConflictKind::ModifiedDeleted), ("same", ConflictKind::BothModified)];
    assert_eq!(kinds(&found), expected.map(|(path, kind)| (path.into(), kind, Resolution::Unresolved)));
    let ours = fs.branch("main").unwrap();
    for (policy, content) in
        [(Policy::Ours, b"ours".as_slice()), (Policy::Theirs, b"theirs"), (Policy::Both, b"ours")]
    {
        fs.fork(&ours, "try").unwrap();
        let merge = fs.merge("try", &theirs, &MergeOptions::new().policy(policy)).unwrap();
        let Merge::Merged { conflicts, .. } = &merge else { panic!("{merge:?}") };
        assert!(conflicts.iter().all(|one| one.resolution != Resolution::Unresolved), "{conflicts:?}");
        let merged = fs.open_branch("try").unwrap();
        assert_eq!(merged.read("same").unwrap(), content);
        assert_eq!(merged.exists("same.theirs").unwrap(), policy == Policy::Both);
        fs.delete_branch("try").unwrap();
    }
    assert_eq!(fs.merge("main", &first, &MergeOptions::new()).unwrap(), Merge::UpToDate(ours));
    fs.fork(&first, "behind").unwrap();
    assert_eq!(fs.merge("behind", &ours, &MergeOptions::new()).unwrap(), Merge::FastForward(ours));
}

#[test]
fn branches_tags_and_history() {
    let place = Place::new();
    let fs = place.fs();
    let (tree, first) = main_of(&place, &[("a", b"1")]);
    for number in 2..=5u8 {
        tree.write(if number % 2 == 0 { "b" } else { "a" }, &[number]).unwrap();
        tree.commit("main", &format!("version {number}"), "").unwrap();
    }
    let newest = fs.branch("main").unwrap();
    fs.set_tag("v1", &first).unwrap();
    assert!(matches!(fs.set_tag("v1", &newest), Err(Error::Exists(_))));
    fs.set_tag("v2", &first).unwrap();
    fs.move_tag("v2", &newest).unwrap();
    assert_eq!(fs.tags().unwrap().map(Result::unwrap).collect::<Vec<_>>().len(), 2);
    assert_eq!(fs.tag("v2").unwrap(), newest);
    fs.delete_tag("v2").unwrap();
    fs.fork(&first, "dev").unwrap();
    assert!(matches!(fs.fork(&newest, "dev"), Err(Error::Exists(_))));
    let branches: Vec<_> = fs.branches().unwrap().map(Result::unwrap).collect();
    assert_eq!(branches, [("dev".to_owned(), first), ("main".to_owned(), newest)]);

    let messages = |history: ipldstore::fs::History| -> Vec<_> {
        history.map(|version| version.unwrap().message).collect()
    };
    let all = messages(fs.history(&newest).unwrap());
    assert_eq!(all, ["version 5", "version 4", "version 3", "version 2", "first"]);
    assert_eq!(messages(fs.history_of("b", &newest).unwrap()), ["version 4", "version 2"]);
    assert_eq!(fs.version(&first).unwrap().generation + 4, fs.version(&newest).unwrap().generation);

    fs.delete_branch("dev").unwrap();
    let dropped = fs.prune("main", Keep { last: 2, ..Keep::default() }).unwrap();
    assert_eq!(dropped, 2);
    assert_eq!(fs.version(&first).unwrap().message, "first");
    assert!(matches!(fs.branch("dev"), Err(Error::NotFound(_))));
    assert!(matches!(fs.tag("v2"), Err(Error::NotFound(_))));

    tree.remove("b").unwrap();
    tree.commit("main", "removed", "").unwrap();
    assert_eq!(fs.drop_tombstones("main", i64::MAX).unwrap(), 1);
    assert_eq!(fs.drop_tombstones("main", i64::MAX).unwrap(), 0);
}

#[test]
fn branches_come_from_another_store() {
    let (place, other) = (Place::new(), Place::new());
    let (from, to) = (place.fs(), other.fs());
    let (tree, first) = main_of(&place, &[("a", b"0")]);
    tree.write("b", b"1").unwrap();
    let second = tree.commit("main", "second", "").unwrap();

    stops("copy_branch", |progress| {
        to.copy_branch_with(&from, &second, "main", CopyOptions::default(), progress)
    });
    assert!(matches!(to.branch("main"), Err(Error::NotFound(_))));
    let copy = to.copy_branch(&from, &second, "main").unwrap();
    assert_eq!((copy.versions, to.branch("main").unwrap()), (2, second));
    assert!(copy.report.blocks >= 2);
    assert_eq!(to.copy_branch(&from, &second, "main").unwrap().versions, 0);

    let options = CopyOptions { limit: 1, ..CopyOptions::default() };
    assert_eq!(to.copy_branch_with(&from, &second, "one", options, unheard).unwrap().versions, 1);
    assert!(matches!(to.copy_branch(&from, &first, "main"), Err(Error::Conflict(_))));
    let options = CopyOptions { force: true, ..CopyOptions::default() };
    to.copy_branch_with(&from, &first, "main", options, unheard).unwrap();
    assert_eq!(to.branch("main").unwrap(), first);

    to.copy_tag(&from, &first, "tag", false).unwrap();
    assert!(matches!(to.copy_tag(&from, &second, "tag", false), Err(Error::Exists(_))));
    stops("copy_tag", |progress| to.copy_tag_with(&from, &second, "tag", true, progress));
    to.copy_tag(&from, &second, "tag", true).unwrap();
    assert_eq!(to.tag("tag").unwrap(), second);

    let usage = from.branch_usage("main").unwrap();
    assert!(usage.logical_bytes == 2 && usage.exclusive_blocks > 0 && usage.shared_bytes == 0);
    stops("branch_usage", |progress| from.branch_usage_with("main", progress));
    assert!(matches!(from.branch_usage("none"), Err(Error::NotFound(_))));
}

fn unheard(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// A branch "main" and a version beside it; both changed "a" and "b".
fn contradicting(store: &Store) -> (Cid, Cid) {
    let (tree, first) = main_of(store, &[("a", b"0"), ("b", b"0")]);
    store.fs().fork(&first, "dev").unwrap();
    let dev = store.fs().open_branch("dev").unwrap();
    for (side, content) in [(&tree, b"ours".as_slice()), (&dev, b"theirs")] {
        side.write("a", content).unwrap();
        side.write("b", content).unwrap();
    }
    (tree.commit("main", "ours", "").unwrap(), dev.commit("dev", "theirs", "").unwrap())
}

#[test]
fn a_closure_decides_conflicts() {
    let place = Place::new();
    let fs = place.fs();
    let (ours, theirs) = contradicting(&place);
    let options = MergeOptions::new().suffix("dev").message("asked");
    let mut asked = Vec::new();
    let merge = fs.merge_with("main", &theirs, &options, |conflict| {
        asked.push(conflict.clone());
        let is_first = conflict.path == Path::new("a");
        ControlFlow::Continue(if is_first { Resolution::Theirs } else { Resolution::Both })
    });
    let Merge::Merged { version, conflicts } = merge.unwrap() else { panic!("there are conflicts") };
    assert_eq!(asked.len(), 2);
    assert_eq!((asked[0].kind, asked[0].resolution), (ConflictKind::BothModified, Resolution::Unresolved));
    assert!(asked[0].aspects.contains(Aspects::CONTENT));
    let sizes = |one: &Conflict| [&one.base, &one.ours, &one.theirs].map(|side| side.as_ref().unwrap().size);
    assert_eq!((sizes(&asked[0]), sizes(&conflicts[0])), ([1, 4, 6], [1, 4, 6]));
    assert_eq!(conflicts[1].other_path.as_deref(), Some(Path::new("b.dev")));
    let merged = fs.open(Some(&version)).unwrap();
    assert_eq!(merged.read("a").unwrap(), b"theirs");
    assert_eq!(
        (merged.read("b").unwrap(), merged.read("b.dev").unwrap()),
        (b"ours".into(), b"theirs".into())
    );
    let parents: Vec<_> = fs.previous(&version).unwrap().map(Result::unwrap).collect();
    assert_eq!(parents, [ours, theirs]);
}

#[test]
fn a_closure_may_leave_stop_or_panic() {
    let place = Place::new();
    let fs = place.fs();
    let (ours, theirs) = contradicting(&place);
    let options = MergeOptions::new();
    let left = fs.merge_with("main", &theirs, &options, |_| ControlFlow::Continue(Resolution::Unresolved));
    assert!(matches!(left.unwrap(), Merge::Conflicts(found) if found.len() == 2));
    let stopped = fs.merge_with("main", &theirs, &options, |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(Error::Cancelled(_))));
    let wrong = fs.merge_with("main", &theirs, &options, |_| ControlFlow::Continue(Resolution::Other(99)));
    assert!(wrong.is_err());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _ = fs.merge_with("main", &theirs, &options, |conflict| panic!("{}", conflict.path.display()));
    }));
    assert_eq!(panicked.unwrap_err().downcast_ref::<String>().unwrap(), "a");
    assert_eq!(fs.branch("main").unwrap(), ours);
    // A closure may use the store.
    let merge = fs.merge_with("main", &theirs, &options, |conflict| {
        let tree = fs.open(Some(&theirs)).unwrap();
        assert_eq!(tree.read(&conflict.path).unwrap(), b"theirs");
        ControlFlow::Continue(Resolution::Ours)
    });
    assert!(matches!(merge.unwrap(), Merge::Merged { .. }));
}

#[test]
fn conflicts_are_decided_by_hand() {
    let place = Place::new();
    let fs = place.fs();
    let (ours, theirs) = contradicting(&place);
    let (tree, conflicts) = fs.open_merge(&ours, &theirs, &MergeOptions::new()).unwrap();
    assert_eq!(conflicts.len(), 2);
    tree.restore("a", &theirs, "b").unwrap();
    assert!(matches!(tree.restore("a", &theirs, "nothing"), Err(Error::NotFound(_))));
    let version = tree.commit("main", "by hand", "me").unwrap();
    assert_eq!(fs.version(&version).unwrap().previous_count, 2);
    let merged = fs.open(Some(&version)).unwrap();
    assert_eq!((merged.read("a").unwrap(), merged.read("b").unwrap()), (b"theirs".into(), b"ours".into()));
    let (_, rest) = fs
        .open_merge_with(&ours, &theirs, &MergeOptions::new(), |_| ControlFlow::Continue(Resolution::Theirs))
        .unwrap();
    assert!(rest.iter().all(|one| one.resolution == Resolution::Theirs));

    let (base, _) = main_of(&Place::new(), &[("x", b"")]);
    drop(base);
    let over = fs.overlay(&theirs, &ours).unwrap();
    assert_eq!(over.read("a").unwrap(), b"theirs");
    over.commit("layered", "", "").unwrap();
}

#[test]
fn directories_come_in_and_go_out() {
    let place = Place::new();
    let fs = place.fs();
    // Beside the store: it takes none of its own files in, and nothing out over them.
    let outside = place.path.with_extension("outside");
    let directory = outside.join("in");
    let copy = outside.join("out");
    std::fs::create_dir_all(directory.join("deep")).unwrap();
    std::fs::write(directory.join("deep/file"), vec![7; 100_000]).unwrap();
    std::os::unix::fs::symlink("deep/file", directory.join("link")).unwrap();
    let options = ImportOptions::new().message("imported").author("me");
    let mut heard = fs::Transfer::default();
    let report = fs
        .import_with(
            &directory,
            Some("main"),
            &options,
            |done| {
                heard = done;
                ControlFlow::Continue(())
            },
            |trouble| panic!("{trouble:?}"),
        )
        .unwrap();
    assert_eq!((report.files, report.bytes, report.unread, report.is_unchanged), (1, 100_000, 0, false));
    assert_eq!(heard.bytes, 100_000);
    assert_eq!(fs.version(&report.version.unwrap()).unwrap().message, "imported");
    let again = fs.import(&directory, Some("main"), &options).unwrap();
    assert!(again.is_unchanged && again.version == report.version && again.tree == report.tree);
    assert!(fs.import(&directory, None, &options.clone().full()).unwrap().version.is_none());
    let below = fs.import(&directory, Some("main"), &options.clone().path("below")).unwrap();
    assert_eq!((below.tree, below.files_read), (report.tree.clone(), 1));
    let tree = fs.open(below.version.as_ref()).unwrap();
    assert_eq!(tree.metadata("below/deep/file").unwrap().size, 100_000);
    assert_eq!(tree.metadata("deep/file").unwrap().size, 100_000);
    let nowhere = fs.import(&directory, None, &options.clone().path("below"));
    assert!(matches!(nowhere.map_err(Error::from), Err(Error::Invalid(_))));

    let exported = fs.export(&report.tree, "/", &copy, &ExportOptions::new()).unwrap();
    assert_eq!((exported.files, exported.unmade), (1, 0));
    assert_eq!(std::fs::read(copy.join("link")).unwrap(), vec![7; 100_000]);
    let refused = fs.export(&report.tree, "/", &copy, &ExportOptions::new());
    assert!(matches!(refused, Err(Error::Exists(_))));
    std::fs::write(copy.join("other"), "stays").unwrap();
    fs.export(&report.tree, "deep", &copy, &ExportOptions::new().existing(Existing::Into)).unwrap();
    assert!(copy.join("other").exists() && copy.join("file").exists() && copy.join("link").exists());
    let replacing = ExportOptions::new().existing(Existing::Replace).keep_going();
    let exported = fs.export(&report.tree, "/", &copy, &replacing).unwrap();
    assert_eq!((exported.unmade, exported.damaged), (0, 0));
    assert!(!copy.join("other").exists() && copy.join("deep/file").exists());
    assert!(matches!(
        fs.import(&outside.join("nowhere"), None, &options).map_err(Error::from),
        Err(Error::NotFound(_))
    ));

    let stopped = fs.export_with(
        &report.tree,
        "/",
        outside.join("stopped"),
        &ExportOptions::new(),
        |_| ControlFlow::Break(()),
        |_| ControlFlow::Continue(()),
    );
    assert!(matches!(stopped, Err(Error::Cancelled(_))));
    assert!(!outside.join("stopped").exists());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let go_on = |_: &fs::Trouble| ControlFlow::Continue(());
        fs.import_with(&directory, None, &options, |_| panic!("mine"), go_on).unwrap();
    }));
    assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"mine"));

    let go_on = |_: &fs::Trouble| ControlFlow::Continue(());
    let stopped = fs::remove_directory_with(&copy, |_| ControlFlow::Break(()), go_on);
    assert!(matches!(stopped, Err(Error::Cancelled(_))) && copy.exists());
    fs::remove_directory(&copy).unwrap();
    assert!(!copy.exists());
    assert!(matches!(fs::remove_directory(&copy), Err(Error::NotFound(_))));
    std::fs::remove_dir_all(&outside).unwrap();
}

/// /proc has links that nobody may remove.
#[test]
fn troubles_are_heard_one_by_one() {
    let mut heard = Vec::new();
    let go_on = |_| ControlFlow::Continue(());
    let failed = fs::remove_directory_with("/proc/self/ns", go_on, |trouble| {
        heard.push((trouble.kind, trouble.error.code()));
        ControlFlow::Break(())
    });
    assert!(matches!(failed, Err(Error::Cancelled(_))), "{failed:?}");
    assert_eq!(heard, [(TroubleKind::Unremoved, ipldstore::sys::IPS_PERMISSION)]);
}

/// Stops a call where it is heard of first, and lets a panic through.
fn stops<T: std::fmt::Debug>(
    what: &str,
    mut call: impl FnMut(&mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<T, Error>,
) {
    let stopped = call(&mut |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(Error::Cancelled(_))), "{what}: {stopped:?}");
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _ = call(&mut |done| panic!("at {done}"));
    }));
    assert!(panicked.unwrap_err().downcast_ref::<String>().unwrap().starts_with("at "), "{what}");
}

#[test]
fn what_takes_long_stops_and_leaves_nothing_half_done() {
    let place = Place::new();
    let fs = place.fs();
    let (ours, theirs) = contradicting(&place);
    let options = MergeOptions::new().policy(Policy::Theirs);
    stops("merge", |progress| fs.merge_watched("main", &theirs, &options, None, progress));
    assert_eq!(fs.branch("main").unwrap(), ours);
    stops("open_merge", |progress| fs.open_merge_watched(&ours, &theirs, &options, None, progress));
    stops("overlay", |progress| fs.overlay_with(&theirs, &ours, progress));
    stops("diff", |progress| fs.diff_with_renames_watched(&ours, &theirs, progress));

    let tree = fs.open_branch("main").unwrap();
    tree.write("c", b"kept").unwrap();
    tree.remove("a").unwrap();
    stops("commit", |progress| tree.commit_with("main", "", "", progress).map_err(Error::from));
    assert_eq!(fs.branch("main").unwrap(), ours);
    let changed = tree.commit("main", "", "").unwrap();
    assert_eq!(fs.open(Some(&changed)).unwrap().read("c").unwrap(), b"kept");

    stops("drop_tombstones", |progress| fs.drop_tombstones_with("main", i64::MAX, progress));
    assert_eq!(fs.branch("main").unwrap(), changed);
    stops("prune", |progress| fs.prune_with("main", Keep::default(), progress));
    assert_eq!(fs.history(&changed).unwrap().count(), 3);
    let mut history = fs.history_of("b", &changed).unwrap();
    // The newest version did not change it: the second is found once both were looked at.
    let mut looked = 0;
    let stopped = history.next_with(|done| {
        looked = done;
        if done < 1 {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    assert!(matches!(stopped, Err(Error::Cancelled(_))) && looked == 1);
    assert_eq!(history.next().unwrap().unwrap().cid, ours);

    let mut heard = 0;
    let merge = fs.merge_watched(
        "main",
        &theirs,
        &MergeOptions::new(),
        Some(&mut |_| ControlFlow::Continue(Resolution::Ours)),
        |done| {
            heard = done;
            ControlFlow::Continue(())
        },
    );
    assert!(matches!(merge.unwrap(), Merge::Merged { .. }) && heard > 4);
    assert!(matches!(fs.delete_branch_with("dev", |_| ControlFlow::Break(())), Err(Error::Cancelled(_))));
    assert!(matches!(fs.branch("dev"), Err(Error::NotFound(_))));
}
