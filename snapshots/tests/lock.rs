//! One process at a time, and only the directory's own settings.
//!
//! The second opener is refused before it touches anything, and the lock is free as soon as both
//! halves of the first are dropped, however the process ended. A directory made with another
//! number of shards is refused with both numbers.

mod common;

use std::fs;

use bursar_domain::id::Seq;
use bursar_snapshots::sled_store::{Options, SledStore};
use bursar_snapshots::store::StoreError;
use common::{Directory, Place, Writer, options, rows};

#[test]
fn the_second_opener_is_refused() {
    let place = Directory::new();
    let (journal, archive) = place.open().expect("opened");
    for _ in 0..2 {
        match place.open() {
            Err(StoreError::InUse { path }) => assert_eq!(path, place.0.path()),
            other => panic!("{:?}", other.map(drop)),
        }
    }
    drop(journal);
    assert!(matches!(place.open(), Err(StoreError::InUse { .. })), "the archive is still open");
    drop(archive);
    for _ in 0..5 {
        place.open().expect("free again, at once");
    }
}

#[test]
fn another_number_of_shards_is_refused() {
    let place = Directory::new();
    let (journal, archive) = place.open().expect("opened");
    let expected = Writer::new(journal).append(&[(0, 3)], 10);
    drop(archive);
    for shards in [1, 3, 5, 16] {
        match SledStore::open(place.0.path(), &Options { shards, ..options() }) {
            Err(StoreError::Incompatible { what }) => {
                assert!(what.contains("4 shards") && what.contains(&shards.to_string()), "{what}");
            }
            other => panic!("{:?}", other.map(drop)),
        }
    }
    let (journal, _archive) = place.open().expect("opened with its own number");
    assert_eq!(rows(&journal), expected);
}

#[test]
fn a_torn_file_of_sled_is_removed() {
    let place = Directory::new();
    let (journal, archive) = place.open().expect("opened");
    let expected = Writer::new(journal).append(&[(0, 3)], 10);
    drop(archive);
    let torn = place.0.path().join("sled/snap.0000000000FFFFFF.generating");
    fs::write(&torn, b"torn").expect("written");
    let (journal, _archive) = place.open().expect("opened");
    assert_eq!(rows(&journal), expected);
    assert!(!torn.exists());
}

#[test]
fn what_a_torn_creation_left_is_made_whole() {
    // The process ended before the first open was through: a witness that saw nothing, or less.
    for witness in [None, Some(&b""[..]), Some(&b"BWIT"[..])] {
        let place = Directory::new();
        if let Some(bytes) = witness {
            fs::write(place.0.path().join("witness"), bytes).expect("written");
        }
        fs::create_dir(place.0.path().join("check")).expect("made");
        let (journal, _archive) = place.open().expect("opened");
        let writer = Writer::new(journal);
        assert!(writer.claims.iter().all(|claim| claim.next == Seq(1)));
    }
}

#[test]
fn large_values_never_go_to_files_of_their_own() {
    let place = Directory::new();
    let (journal, _archive) = place.open().expect("opened");
    let mut writer = Writer::new(journal);
    for _ in 0..40 {
        writer.append(&[(0, 8)], 120_000);
    }
    let blobs = fs::read_dir(place.0.path().join("sled/blobs")).expect("listed");
    assert_eq!(blobs.count(), 0);
}
