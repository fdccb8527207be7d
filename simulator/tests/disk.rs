//! The simulated disk by itself: what it keeps, loses and refuses.
//!
//! The store's suites run on it in `snapshots/tests`; here are the promises of the machine that they
//! do not reach: what a crash keeps is a part from the front, the same seed gives the same end, a
//! machine that is off answers nobody, failures strike once or for good, and there is one lock.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use bursar_simulator::chance::Chance;
use bursar_simulator::disk::{Failure, SimDisk, Temper};
use bursar_snapshots::port::{Database, Found, Home, Slots, Tree};
use bursar_snapshots::sled_store::Options;
use bursar_snapshots::store::StoreError;

/// All entries of a tree, as text.
fn all(tree: &impl Tree) -> Vec<String> {
    let entries = tree.range(..).map(|entry| entry.expect("the machine is on"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    entries.map(|(key, value)| format!("{}={}", text(&key), text(&value))).collect()
}

fn put(tree: &impl Tree, key: &str, value: &str) {
    tree.insert(key.as_bytes(), value.as_bytes().to_vec()).expect("written");
}

#[test]
fn a_crash_keeps_what_was_synced_and_a_part_from_the_front_of_the_rest() {
    let mut ends = BTreeSet::new();
    for seed in 0..64 {
        let disk = SimDisk::new();
        let database = disk.database(0).expect("opened");
        let (a, b) = (database.tree("a").expect("made"), database.tree("b").expect("made"));
        put(&a, "x", "1");
        put(&b, "y", "1");
        database.sync().expect("synced");
        let mut steps = vec![(vec!["x=1"], vec!["y=1"])];
        put(&a, "x", "2");
        steps.push((vec!["x=2"], vec!["y=1"]));
        b.remove(b"y").expect("removed");
        steps.push((vec!["x=2"], vec![]));
        put(&a, "z", "1");
        steps.push((vec!["x=2", "z=1"], vec![]));
        disk.crash(&mut Chance::new(seed));
        assert!(a.get(b"x").is_err() && database.sync().is_err(), "the machine was off");
        let database = disk.database(0).expect("opened");
        let tree = |name| all(&database.tree(name).expect("there"));
        let (a, b) = (tree("a"), tree("b"));
        let found = steps.iter().position(|step| a == step.0 && b == step.1);
        ends.insert(found.expect("no other end"));
    }
    assert_eq!(ends.len(), 4, "every end comes");
}

#[test]
fn a_range_is_read_from_both_ends_beside_changes() {
    let disk = SimDisk::new();
    let tree = disk.database(0).expect("opened").tree("a").expect("made");
    for key in ["a", "ab", "b\u{7f}", "c", "d"] {
        put(&tree, key, "");
    }
    let key = |found: Option<Found<Arc<[u8]>>>| found?.ok().map(|(key, _)| key.to_vec());
    let mut range = tree.range((Bound::Excluded(b"a".to_vec()), Bound::Included(b"d".to_vec())));
    assert_eq!(key(range.next()), Some(b"ab".to_vec()));
    put(&tree, "aa", "");
    put(&tree, "bb", "");
    assert_eq!(key(range.next_back()), Some(b"d".to_vec()));
    tree.remove(b"c").expect("removed");
    assert_eq!(key(range.next()), Some(b"bb".to_vec()));
    assert_eq!(key(range.next_back()), Some(b"b\x7f".to_vec()));
    assert_eq!((key(range.next()), key(range.next_back())), (None, None));
    assert_eq!(tree.scan_prefix(b"a").count(), 3);
    assert_eq!(tree.scan_prefix(b"").count(), 6);
    assert_eq!(tree.scan_prefix(b"\xff").count(), 0);
    let (from, to) = (b"d".to_vec(), b"a".to_vec());
    assert_eq!(tree.range(from..to).count(), 0, "no range, and no panic");
    disk.crash(&mut Chance::new(0));
    assert_eq!(tree.range(..).map(|found| found.is_err()).collect::<Vec<_>>(), [true]);
}

#[test]
fn failures_strike_where_they_were_told_to() {
    let disk = SimDisk::new();
    let database = disk.database(0).expect("opened");
    let tree = database.tree("a").expect("made");
    disk.fail_at(disk.operations() + 2, Failure::Sync);
    put(&tree, "a", "");
    put(&tree, "b", "");
    assert!(database.sync().is_err(), "the first sync after it");
    database.sync().expect("once");
    disk.fail_at(disk.operations() + 2, Failure::Full);
    put(&tree, "c", "");
    for _ in 0..2 {
        assert!(tree.insert(b"d", vec![]).is_err() && tree.remove(b"a").is_err());
    }
    database.sync().expect("what is there can be synced");
    disk.repair();
    put(&tree, "d", "");
    disk.fail_at(disk.operations() + 1, Failure::End);
    assert!(database.sync().is_err() && tree.get(b"a").is_err() && disk.database(0).is_err());
    let count = disk.operations();
    assert!(database.sync().is_err());
    assert_eq!(disk.operations(), count, "nobody asked a disk");
    disk.crash(&mut Chance::new(1));
    let tree = disk.database(0).expect("opened").tree("a").expect("there");
    assert!(all(&tree).starts_with(&["a=".to_owned(), "b=".to_owned(), "c=".to_owned()]));
}

/// What a witness's two slots and a tree hold after a crash.
fn end(seed: u64, temper: Temper, is_named: bool) -> String {
    let disk = SimDisk::of(temper);
    let tree = disk.database(0).expect("opened").tree("a").expect("made");
    put(&tree, "a", "");
    let slots = disk.make_witness().expect("made");
    slots.write(b"1111", 0).expect("written");
    slots.write(b"2222", 9).expect("written");
    slots.sync().expect("synced");
    if is_named {
        disk.sync_names().expect("synced");
    }
    slots.write(b"3333", 0).expect("written");
    slots.write(b"4444", 9).expect("written");
    disk.crash(&mut Chance::new(seed));
    let Some(slots) = disk.witness().expect("on") else { return "none".to_owned() };
    let read = |at| {
        let mut bytes = [0; 4];
        slots.read(&mut bytes, at).expect("there");
        String::from_utf8_lossy(&bytes).into_owned()
    };
    format!("{} {}", read(0), read(9))
}

#[test]
fn slots_are_as_any_write_since_the_last_sync_left_them() {
    let ends = |temper, is_named| -> BTreeSet<String> {
        (0..200).map(|seed| end(seed, temper, is_named)).collect()
    };
    let whole = ["1111 2222", "1111 4444", "3333 2222", "3333 4444"].map(str::to_owned);
    assert_eq!(ends(Temper::Mild, false), BTreeSet::from(whole.clone()));
    let harsh = ends(Temper::Harsh, true);
    assert!(harsh.is_superset(&BTreeSet::from(whole)) && harsh.len() > 4);
    assert!(harsh.iter().all(|end| ["1111", "3333"].contains(&&end[..4])), "one is torn at most");
    assert!(harsh.contains("3333 4422") && !harsh.contains("none"), "{harsh:?}");
    assert!(ends(Temper::Harsh, false).contains("none"));
    assert_eq!(end(7, Temper::Harsh, true), end(7, Temper::Harsh, true));
}

#[test]
fn one_store_is_open_at_a_time() {
    let disk = SimDisk::new();
    let options = Options { shards: 2, ..Options::default() };
    let first = disk.open(&options).expect("opened");
    assert!(disk.is_open() && disk.clone().is_open());
    assert!(matches!(disk.open(&options), Err(StoreError::InUse { .. })));
    disk.crash(&mut Chance::new(3));
    assert!(!disk.is_open());
    let second = disk.open(&options).expect("after a crash");
    drop(first);
    assert!(disk.is_open(), "the dead one holds no lock");
    drop(second);
    assert!(!disk.is_open());
}
