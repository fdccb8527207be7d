//! What happens when bytes on disk are not what was written.
//!
//! The fact to hold: opening a damaged store gives an error (or sled stops the process), or all
//! that was acknowledged is there unchanged; never silently less, never something else. While the
//! database is small enough to be checked as a copy, a refused opening leaves the files as they
//! were, so the right byte put back brings everything back.
//!
//! What sled 0.34.7 does with bytes flipped in its `db` file: in the segment it last wrote it cuts
//! the log there and zeroes the rest; in other segments written since it was last opened it drops
//! the rest of the segment, which loses single entries without a word, or panics; older pages are
//! checked when read. 150 flips in several segments: 84 hit nothing still needed, 22 ended in a
//! panic, sled's checksums, the witness and the tally found 44, none was missed.
//! `DAMAGE_SAMPLES=1000` looks closer.

mod common;
mod image;

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use bursar_domain::id::{Seq, ShardId};
use bursar_snapshots::sled_store::{Options, SledJournal, SledStore};
use bursar_snapshots::store::{Archive, Journal, Result, Snapshot, StoreError};
use common::{Directory, Place, Writer, options, rows, saved, wallet};
use image::{End, Image, end, flip, quiet, told, told_archive};

/// Flips one byte after the other; returns how it ended, counted.
fn flip_each(image: &Image, name: &str, samples: &[u64]) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for at in samples {
        let copy = image.copy();
        let file = copy.path().join(name);
        flip(&file, *at);
        let flipped = fs::read(&file).expect("readable");
        let kind = match end(copy.path(), &options()) {
            End::Opened(told) => {
                assert!(told == image.told, "{name} at {at}: opened with other data");
                "harmless"
            }
            End::Refused(error) => {
                let is_named =
                    matches!(&error, StoreError::Damaged { .. } | StoreError::Database { .. });
                assert!(is_named, "{name} at {at}: {error:?}");
                "refused"
            }
            End::Stopped => "stopped",
        };
        *counts.entry(kind).or_default() += 1;
        if kind != "harmless" {
            assert!(fs::read(&file).expect("readable") == flipped, "{name} at {at}: changed");
            flip(&file, *at);
            let repaired = told(copy.path(), &options()).expect("whole again");
            assert!(repaired == image.told, "{name} at {at}: not as before");
        }
    }
    println!("{name}: {counts:?}");
    counts
}

#[test]
fn flips_in_one_segment_are_refused_or_harmless() {
    let image = Image::new(12, 200);
    let counts = flip_each(&image, "sled/db", &image.samples("sled/db", 10));
    assert!(counts["refused"] > 5, "most of the file is needed");
    flip_each(&image, "sled/conf", &image.samples("sled/conf", 3));
    let snapshot = image.sled_snapshot();
    flip_each(&image, &snapshot, &image.samples(&snapshot, 3));
    let counts = flip_each(&image, "witness", &image.samples("witness", 5));
    assert_eq!(counts.into_keys().collect::<Vec<_>>(), ["harmless"], "the other slot is enough");
}

#[test]
fn flips_in_many_segments_are_refused_or_harmless() {
    let image = Image::new(30, 60_000);
    flip_each(&image, "sled/db", &image.samples("sled/db", 5));
}

/// What a store past the scrub limit has, and what verifying it says.
struct Unscrubbed {
    rows: Vec<common::Row>,
    verified: Result<u64>,
    archive: Result<Vec<String>>,
}

#[test]
fn past_the_scrub_limit_the_journal_is_still_whole_and_verify_finds_the_rest() {
    let image = Image::new(20, 60_000);
    let options = Options { scrub_limit_bytes: 0, ..options() };
    for at in image.samples("sled/db", 4) {
        let copy = image.copy();
        flip(&copy.path().join("sled/db"), at);
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let (journal, archive) = SledStore::open(copy.path(), &options)?;
            let verified = archive.verify();
            Ok(Unscrubbed { rows: rows(&journal), verified, archive: told_archive(&archive) })
        }));
        match opened {
            Ok(Ok(found)) => {
                assert!(found.rows == image.told.rows, "at {at}: another journal");
                let is_same = found.archive.is_ok_and(|told| told == image.told.archive);
                assert!(is_same || found.verified.is_err(), "at {at}: something vanished unseen");
            }
            Ok(Err(error)) => {
                assert!(matches!(error, StoreError::Damaged { .. }), "at {at}: {error:?}");
            }
            Err(_) => {}
        }
    }
}

/// Fills segments without new pages: each piece of the journal goes before the next one comes.
fn churn(writer: &mut Writer<SledJournal>, rounds: u64) {
    for _ in 0..rounds {
        writer.append(&[(0, 1)], 120_000);
        let keep: Vec<_> = writer.claims.iter().map(|claim| (claim.shard, claim.next)).collect();
        writer.journal.trim(&keep).expect("trimmed");
    }
}

#[test]
fn the_last_save_cannot_vanish_unseen() {
    // sled drops the rest of a segment that is not the last one: here the last save, but nothing of
    // the journal, which was trimmed since.
    quiet();
    let place = Directory::new();
    let books = |n: u64| Snapshot { covers: Seq(n), state: n.to_le_bytes().repeat(40) };
    let (journal, archive) = place.open().expect("opened");
    archive.save_shard(ShardId(1), &books(1)).expect("saved");
    churn(&mut Writer::new(journal), 20);
    drop(archive);
    let (journal, archive) = place.open().expect("opened");
    let mut writer = Writer::new(journal);
    churn(&mut writer, 70);
    archive.save_shard(ShardId(1), &books(2)).expect("saved");
    churn(&mut writer, 200);
    drop((writer, archive));
    let file = place.0.path().join("sled/db");
    let bytes = fs::read(&file).expect("readable");
    let last = books(2).state;
    let found = bytes.windows(last.len()).position(|window| window == last);
    flip(&file, found.expect("saved") as u64);
    match end(place.0.path(), &options()) {
        End::Refused(StoreError::Damaged { place, what }) => {
            assert!(place.starts_with("the archive"), "{place}: {what}");
        }
        End::Stopped => panic!("sled stopped"),
        End::Refused(error) => panic!("{error:?}"),
        // sled may have rewritten the entry elsewhere meanwhile; then nothing was lost.
        End::Opened(told) => {
            assert_eq!(told.archive.last(), Some(&format!("{:?}", Some(books(2)))));
        }
    }
}

fn refused(path: &Path) -> String {
    match SledStore::open(path, &options()) {
        Err(error @ StoreError::Damaged { .. }) => error.to_string(),
        other => panic!("{:?}", other.map(drop)),
    }
}

#[test]
fn what_is_missing_is_told() {
    let image = Image::new(10, 200);
    let copy = image.copy();
    fs::remove_dir_all(copy.path().join("sled")).expect("removed");
    let message = refused(copy.path());
    assert!(message.contains("groups are missing") && message.contains("Restore"), "{message}");
    assert!(refused(copy.path()).contains("groups are missing"), "also the second time");

    let copy = image.copy();
    fs::remove_file(copy.path().join("witness")).expect("removed");
    assert!(refused(copy.path()).contains("witness"));

    let copy = image.copy();
    let file = fs::File::options().write(true).open(copy.path().join("sled/db")).expect("there");
    let samples = image.samples("sled/db", 40);
    let used = samples[samples.len() * 38 / 40];
    file.set_len(used).expect("cut");
    let message = refused(copy.path());
    assert!(message.contains("missing"), "{message}");
}

#[test]
fn an_older_database_is_found_and_an_older_witness_is_fine() {
    let image = Image::new(10, 200);
    let (old, new) = (image.copy(), image.copy());
    let (journal, archive) = SledStore::open(new.path(), &options()).expect("opened");
    let mut writer = Writer::new(journal);
    let more = writer.append(&[(0, 1), (3, 1)], 10);
    archive.save(&[saved(&wallet("w0"), &[9999], 10)]).expect("saved");
    drop((writer, archive));

    // As after a power cut: the journal is there, the witness is from before.
    fs::copy(old.path().join("witness"), new.path().join("witness.old")).expect("copied");
    fs::copy(new.path().join("witness"), old.path().join("witness")).expect("copied");
    fs::rename(new.path().join("witness.old"), new.path().join("witness")).expect("renamed");
    let (journal, archive) = SledStore::open(new.path(), &options()).expect("opened");
    assert!(rows(&journal).ends_with(&more));
    drop((journal, archive));

    // As after a restore of half a directory.
    let message = refused(old.path());
    assert!(message.contains("groups are missing: the witness saw group"), "{message}");
}
