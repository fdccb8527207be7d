//! One contract, every implementation: the sled store and its twin in memory.
//!
//! Each fact below is a function over any [`Place`]; the macro in `common` makes a test of it for
//! each store. A further implementation (a database elsewhere) gets a `Place` and one more module
//! in the macro, nothing else. This file has the journal, `tests/contract_archive.rs` the archive;
//! `tests/twin.rs` compares the answers of both stores, call by call.

#[macro_use]
mod common;

use bursar_domain::id::{Seq, ShardId};
use bursar_simulator::disk::SimDisk;
use bursar_snapshots::group::RECORD_SIZE_MAX;
use bursar_snapshots::memory::MemoryStore;
use bursar_snapshots::store::{Archive, Journal, StoreError};
use common::{Directory, Place, Writer, records, rows, saved, shards, slice, wallet};

fn what_was_appended_is_read<P: Place>() {
    let place = P::new();
    let (journal, archive) = place.open().expect("opened");
    let mut writer = Writer::new(journal);
    assert!(writer.claims.iter().all(|claim| claim.epoch == 1 && claim.next == Seq(1)));
    let mut expected = writer.append(&[(0, 3), (1, 1), (0, 2), (3, 7)], 100);
    expected.extend(writer.append(&[(2, 1)], 10));
    expected.extend(writer.append(&[(1, 5), (0, 1)], 1000));
    assert!(expected.is_sorted_by_key(|row| row.0));
    assert_eq!(rows(&writer.journal), expected);
    drop((writer, archive));

    let (journal, _archive) = place.open().expect("reopened");
    assert_eq!(rows(&journal), expected);
    let writer = Writer::new(journal);
    let next: Vec<_> = writer.claims.iter().map(|claim| (claim.epoch, claim.next.0)).collect();
    assert_eq!(next, [(2, 7), (2, 7), (2, 2), (2, 8)]);
    assert_eq!(rows(&writer.journal), expected);
}

fn commits_only_grow<P: Place>() {
    let place = P::new();
    let mut last = 0;
    for _ in 0..3 {
        let (journal, _archive) = place.open().expect("opened");
        let mut writer = Writer::new(journal);
        for _ in 0..3 {
            let rows = writer.append(&[(0, 2), (1, 2)], 20);
            assert!(rows[0].0 > last, "commit {} after {last}", rows[0].0);
            last = rows[3].0;
        }
    }
}

fn nothing_to_append_is_nothing<P: Place>() {
    let place = P::new();
    let (journal, _archive) = place.open().expect("opened");
    let mut writer = Writer::new(journal);
    assert_eq!(writer.append(&[], 0), []);
    assert_eq!(writer.append(&[(0, 0), (1, 0)], 0), []);
    assert_eq!(rows(&writer.journal), []);
    assert_eq!(writer.journal.claim(&[]).expect("nothing"), []);
}

fn large_slices_are_spread_over_commits<P: Place>() {
    let place = P::new();
    let (journal, archive) = place.open().expect("opened");
    let mut writer = Writer::new(journal);
    let mut expected = writer.append(&[(0, 20), (1, 1), (2, 9)], 30_000);
    assert!(expected.last().expect("some").0 >= expected[0].0 + 6);
    expected.extend(writer.append(&[(0, 2), (1, 1)], RECORD_SIZE_MAX));
    expected.extend(writer.append(&[(0, 1)], 0));
    assert_eq!(rows(&writer.journal), expected);
    drop((writer, archive));
    let (journal, _archive) = place.open().expect("reopened");
    assert_eq!(rows(&journal), expected);
}

fn a_claim_fences_the_epoch_before<P: Place>() {
    let place = P::new();
    let (mut journal, archive) = place.open().expect("opened");
    journal.claim(&shards()).expect("claimed");
    journal.append(&[slice(1, 1, 1, &records(1, 1, 2, 9))]).expect("appended");
    let claims = journal.claim(&[ShardId(1)]).expect("claimed");
    assert_eq!((claims[0].epoch, claims[0].next), (2, Seq(3)));
    // The others keep theirs.
    journal.append(&[slice(0, 1, 1, &records(0, 1, 1, 9))]).expect("appended");
    let fenced = journal
        .append(&[slice(0, 1, 2, &records(0, 2, 1, 9)), slice(1, 1, 3, &records(1, 3, 1, 9))]);
    match fenced {
        Err(StoreError::Fenced { shard: ShardId(1), epoch: 2, ours: 1 }) => {}
        other => panic!("{other:?}"),
    }
    // Nothing of it was written, and the store is finished.
    assert!(journal.append(&[slice(1, 2, 3, &records(1, 3, 1, 9))]).is_err());
    assert!(archive.save(&[saved(&wallet("a"), &[1], 10)]).is_err());
    assert_eq!(rows(&journal).len(), 3);
    drop((journal, archive));
    let (mut journal, _archive) = place.open().expect("reopened");
    assert_eq!(rows(&journal).len(), 3);
    assert_eq!(journal.claim(&[ShardId(1)]).expect("claimed")[0].epoch, 3);
    assert_eq!(journal.claim(&[ShardId(0)]).expect("claimed")[0].epoch, 2);
}

fn trim_keeps_what_is_needed<P: Place>() {
    let place = P::new();
    let (journal, archive) = place.open().expect("opened");
    let mut writer = Writer::new(journal);
    let mut expected = Vec::new();
    for _ in 0..10 {
        expected.extend(writer.append(&[(0, 1), (1, 2)], 50));
        expected.extend(writer.append(&[(2, 1)], 50));
    }
    // Shard 2 is not named, shard 3 has nothing: both keep what they have.
    let keep = [(ShardId(0), Seq(6)), (ShardId(1), Seq(4))];
    writer.journal.trim(&keep).expect("trimmed");
    let needed = |row: &common::Row| match row.1 {
        0 => row.2 >= 6,
        1 => row.2 >= 4,
        _ => true,
    };
    let needed: Vec<_> = expected.iter().filter(|row| needed(row)).cloned().collect();
    assert_eq!(rows(&writer.journal), needed);
    // Going back means nothing.
    writer.journal.trim(&[(ShardId(0), Seq(1))]).expect("trimmed");
    assert_eq!(rows(&writer.journal), needed);
    drop((writer, archive));

    // What is not needed may come back, what is needed must.
    let (journal, archive) = place.open().expect("reopened");
    let found = rows(&journal);
    assert!(needed.iter().all(|row| found.contains(row)));
    assert!(expected.ends_with(&found) || found.iter().all(|row| expected.contains(row)));
    let mut writer = Writer::new(journal);
    let all: Vec<_> = writer.claims.iter().map(|claim| (claim.shard, claim.next)).collect();
    assert_eq!(all.iter().map(|shard| shard.1.0).collect::<Vec<_>>(), [11, 21, 11, 1]);
    writer.journal.trim(&all).expect("trimmed");
    assert_eq!(rows(&writer.journal), []);
    drop((writer, archive));

    // Positions, epochs and commits go on after everything was trimmed.
    let (journal, archive) = place.open().expect("reopened");
    assert_eq!(rows(&journal), []);
    let mut writer = Writer::new(journal);
    assert!(writer.claims.iter().all(|claim| claim.epoch == 3));
    let more = writer.append(&[(0, 1), (3, 1)], 5);
    assert_eq!((more[0].2, more[1].2), (11, 1));
    assert!(more[0].0 > expected.last().expect("some").0);
    assert_eq!(rows(&writer.journal), more);
    drop((writer, archive));
    let (journal, _archive) = place.open().expect("reopened");
    assert_eq!(rows(&journal), more);
}

fn a_visitor_can_stop_the_reading<P: Place>() {
    let place = P::new();
    let (journal, _archive) = place.open().expect("opened");
    let mut writer = Writer::new(journal);
    writer.append(&[(0, 5)], 5);
    let mut count = 0;
    let stopped = writer.journal.read(&mut |read| {
        count += 1;
        if read.seq == Seq(3) {
            return Err(StoreError::Incompatible { what: "stop".to_owned() });
        }
        Ok(())
    });
    assert!(matches!(stopped, Err(StoreError::Incompatible { .. })));
    assert_eq!(count, 3);
}

fn a_gap_of_our_own_stops<P: Place>() {
    let place = P::new();
    let (mut journal, _archive) = place.open().expect("opened");
    journal.claim(&shards()).expect("claimed");
    let append = |journal: &mut P::Journal, first| {
        drop(journal.append(&[slice(0, 1, first, &records(0, first, 1, 5))]));
    };
    append(&mut journal, 1);
    let stopped =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| append(&mut journal, 3)));
    assert!(stopped.is_err());
}

contract! {
    what_was_appended_is_read
    commits_only_grow
    nothing_to_append_is_nothing
    large_slices_are_spread_over_commits
    a_claim_fences_the_epoch_before
    trim_keeps_what_is_needed
    a_visitor_can_stop_the_reading
    a_gap_of_our_own_stops
}
