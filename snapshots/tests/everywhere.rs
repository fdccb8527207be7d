//! Damage everywhere: every region of every file, and every entry of every tree.
//!
//! `damage.rs` knows what sled does and where it hurts; this knows nothing and goes through all there
//! is. Of each file a region is flipped, zeroed, cut off, dropped, doubled, or put back as it was
//! earlier; the file is removed. Of each tree an entry is removed, exchanged with another one, put
//! under a second key, or put back as it was earlier. The fact to hold is the same: the store is
//! refused with a text that says what and where (or sled stops the process), or all is exactly as it
//! was, also when it is opened once more; never silently less, never something else.
//!
//! What is looked at by default is spread over each file and tree, so that it ends soon;
//! `DAMAGE_EACH=1000` looks at up to so many places of each.

mod common;
mod image;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bursar_snapshots::store::StoreError;
use common::options;
use image::{End, Image, copy, end, flip};

/// How many places of each file and tree are looked at, when nothing else is wanted.
fn each(usual: usize) -> usize {
    std::env::var("DAMAGE_EACH").map_or(usual, |n| n.parse().expect("a number"))
}

/// Up to `count` of so many places, spread, with the first and the last one.
fn spread(places: usize, count: usize) -> Vec<usize> {
    let count = count.min(places);
    let last = places.saturating_sub(1);
    let mut all: Vec<_> = (0..count).map(|n| last * n / count.max(2).saturating_sub(1)).collect();
    all.dedup();
    all
}

/// Opens what was damaged and judges what it tells.
fn judge(image: &Image, path: &Path, what: &str) -> &'static str {
    match end(path, &options()) {
        End::Opened(told) => {
            assert!(
                told == image.told,
                "{what}: opened with other data: {}",
                differing(&told, image)
            );
            let again = end(path, &options());
            let same = matches!(again, End::Opened(again) if again == image.told);
            assert!(same, "{what}: opened, and then no more as it was");
            "harmless"
        }
        End::Refused(StoreError::Damaged { place, what: said }) => {
            assert!(!place.is_empty() && !said.is_empty(), "{what}: {place}: {said}");
            "refused"
        }
        End::Refused(StoreError::Incompatible { .. } | StoreError::Database { .. }) => "refused",
        End::Refused(error) => panic!("{what}: {error:?}"),
        End::Stopped => "stopped",
    }
}

/// What is told otherwise, short enough to be read.
fn differing(told: &image::Told, image: &Image) -> String {
    let rows = (told.rows.len(), image.told.rows.len());
    let other = told.archive.iter().zip(&image.told.archive).find(|(a, b)| a != b);
    let other = other.map(|(a, b)| {
        (a.chars().take(300).collect::<String>(), b.chars().take(300).collect::<String>())
    });
    format!("{rows:?} rows, {other:?}")
}

/// Something done to the bytes of a region of a file.
type Change = fn(&mut Vec<u8>, std::ops::Range<usize>);

const CHANGES: [(&str, Change); 5] = [
    ("zeroed", |bytes, at| bytes[at].fill(0)),
    ("cut off", |bytes, at| bytes.truncate(at.start)),
    ("dropped", |bytes, at| drop(bytes.drain(at))),
    ("doubled", |bytes, at| {
        let region = bytes[at.clone()].to_vec();
        drop(bytes.splice(at.start..at.start, region));
    }),
    ("written over the next", |bytes, at| {
        let to = at.end..(at.end + at.len()).min(bytes.len());
        let region = bytes[at.start..at.start + to.len()].to_vec();
        bytes[to].copy_from_slice(&region);
    }),
];

/// Does all there is to do to regions of a file; counts how it ended.
fn regions(image: &Image, name: &str, size: usize) {
    let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let whole = fs::read(image.path().join(name)).expect("readable");
    let used = whole.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    for number in spread(used.div_ceil(size), each(4)) {
        let region = number * size..((number + 1) * size).min(used);
        for (done, change) in CHANGES {
            let mut bytes = whole.clone();
            change(&mut bytes, region.clone());
            if bytes == whole {
                continue;
            }
            let copy = image.copy();
            fs::write(copy.path().join(name), &bytes).expect("written");
            let ended = judge(image, copy.path(), &format!("{name}, {region:?} {done}"));
            *counts.entry((done, ended)).or_default() += 1;
        }
    }
    for at in spread(used, each(10)) {
        let copy = image.copy();
        flip(&copy.path().join(name), at as u64);
        let ended = judge(image, copy.path(), &format!("{name}, byte {at} flipped"));
        *counts.entry(("flipped", ended)).or_default() += 1;
    }
    println!("{name}: {counts:?}");
}

#[test]
fn every_region_of_the_database_file() {
    let image = Image::new(6, 100);
    regions(&image, "sled/db", 4096);
}

#[test]
fn every_region_of_the_small_files() {
    let image = Image::new(6, 100);
    let snapshot = image.sled_snapshot();
    regions(&image, "sled/conf", 16);
    regions(&image, &snapshot, 64);
    regions(&image, "witness", 16);
}

#[test]
fn a_file_that_is_gone_or_from_earlier_is_told_or_not_needed() {
    let image = Image::new(6, 100);
    let snapshot = image.sled_snapshot();
    let mut ended = BTreeMap::new();
    for name in ["sled/db", "sled/conf", snapshot.as_str(), "witness"] {
        let gone = image.copy();
        fs::remove_file(gone.path().join(name)).expect("removed");
        ended.insert((name, "gone"), judge(&image, gone.path(), &format!("{name} is gone")));
        let earlier = image.copy();
        if image.older.join(name).exists() {
            copy(&image.older.join(name), &earlier.path().join(name));
            let what = format!("{name} is from earlier");
            ended.insert((name, "earlier"), judge(&image, earlier.path(), &what));
        }
    }
    println!("{ended:?}");
    assert_eq!(ended[&("witness", "gone")], "refused");
    assert_eq!(ended[&("witness", "earlier")], "harmless");
    assert_ne!(ended[&("sled/db", "earlier")], "harmless");
}

/// sled as the store opens it, without the store.
fn database(path: &Path) -> sled::Db {
    let config = sled::Config::new().path(path.join("sled")).segment_size(16 << 20);
    config.flush_every_ms(None).open().expect("opened")
}

/// All entries, by the names of their trees.
type Trees = BTreeMap<String, Vec<(Vec<u8>, Vec<u8>)>>;

fn trees(path: &Path) -> Trees {
    let database = database(path);
    let names = database.tree_names().into_iter();
    names
        .map(|name| {
            let tree = database.open_tree(&name).expect("opened");
            let entries = tree.iter().map(|entry| entry.expect("read"));
            let entries = entries.map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
            (String::from_utf8(name.to_vec()).expect("a word"), entries)
        })
        .collect()
}

/// What is written under which key of a tree; nothing removes what is there.
type Edit = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// What can be done to an entry: it is gone, exchanged, doubled, from earlier, or was never here.
fn edits(
    entries: &[(Vec<u8>, Vec<u8>)],
    at: usize,
    older: &Trees,
    tree: &str,
) -> Vec<(&'static str, Edit)> {
    let (key, value) = &entries[at];
    let mut all = vec![("removed", vec![(key.clone(), None)])];
    let (other, others) = &entries[(at + 1) % entries.len()];
    if others != value {
        let exchange =
            vec![(key.clone(), Some(others.clone())), (other.clone(), Some(value.clone()))];
        all.push(("exchanged", exchange));
        all.push(("overwritten with its neighbour", vec![(key.clone(), Some(others.clone()))]));
    }
    let mut second = key.clone();
    *second.last_mut().expect("no key is empty") ^= 1;
    if entries.iter().all(|(key, _)| *key != second) {
        all.push(("doubled", vec![(second, Some(value.clone()))]));
    }
    let before = older[tree].iter().find(|(older, _)| older == key);
    if let Some((_, before)) = before.filter(|(_, before)| before != value) {
        all.push(("from earlier", vec![(key.clone(), Some(before.clone()))]));
    }
    all
}

fn edited(image: &Image, tree: &str, edit: &Edit) -> tempfile::TempDir {
    let copy = image.copy();
    let database = database(copy.path());
    let tree = database.open_tree(tree).expect("opened");
    for (key, value) in edit {
        match value {
            Some(value) => drop(tree.insert(key.as_slice(), value.as_slice()).expect("written")),
            None => drop(tree.remove(key).expect("removed")),
        }
    }
    database.flush().expect("flushed");
    copy
}

#[test]
fn every_entry_of_every_tree() {
    let image = Image::new(6, 100);
    let (now, older) = (trees(image.copy().path()), trees(&image.older));
    let mut counts: BTreeMap<(&str, &str, &str), u32> = BTreeMap::new();
    for (tree, entries) in now.iter().filter(|(tree, _)| *tree != "__sled__default") {
        assert!(!entries.is_empty(), "tree {tree} is looked at");
        let count = if tree == "meta" { entries.len() } else { each(3) };
        for at in spread(entries.len(), count) {
            for (done, edit) in edits(entries, at, &older, tree) {
                let copy = edited(&image, tree, &edit);
                let what = format!("tree {tree}, key {}, {done}", entries[at].0.escape_ascii());
                let ended = judge(&image, copy.path(), &what);
                *counts.entry((tree, done, ended)).or_default() += 1;
            }
        }
        for (key, value) in older[tree]
            .iter()
            .filter(|(key, _)| entries.iter().all(|(now, _)| now != key))
            .take(each(3))
        {
            let copy = edited(&image, tree, &vec![(key.clone(), Some(value.clone()))]);
            let what = format!("tree {tree}, key {}, is back", key.escape_ascii());
            *counts.entry((tree, "back", judge(&image, copy.path(), &what))).or_default() += 1;
        }
    }
    println!("{counts:#?}");
}
