//! One contract, every implementation: the sled store and its twin in memory.
//!
//! Each fact below is a function over any [`Place`]; the macro at the end makes a test of it for
//! each store. A further implementation (a database elsewhere) gets a `Place` and one more module
//! in the macro, nothing else. `tests/twin.rs` compares the answers of both, call by call.

mod common;

use bursar_domain::id::{Position, Seq, ShardId};
use bursar_snapshots::group::RECORD_SIZE_MAX;
use bursar_snapshots::memory::MemoryStore;
use bursar_snapshots::store::{Archive, IndexKind, Journal, Snapshot, StoreError};
use common::{
    Directory, Place, Writer, outcome, provider, records, rows, saved, shards, slice, wallet,
};

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

fn what_was_saved_is_loaded<P: Place>() {
    let place = P::new();
    let (journal, archive) = place.open().expect("opened");
    let (alice, bob, acme) = (wallet("alice"), wallet("bob"), provider("alice"));
    assert_eq!(archive.load(&alice).expect("read"), None);
    archive.save(&[]).expect("nothing");
    let first = [saved(&alice, &[1, 5, 9], 20), saved(&acme, &[2, 3], 20)];
    archive.save(&first).expect("saved");
    archive.save(&[saved(&alice, &[12], 20)]).expect("saved");
    // Older than what is there: it stays.
    archive.save(&[saved(&alice, &[5], 20)]).expect("saved");
    drop((journal, archive));

    let (_journal, archive) = place.open().expect("reopened");
    let covers = |entity| archive.load(entity).expect("read").map(|saved| saved.covers.0);
    assert_eq!((covers(&alice), covers(&acme), covers(&bob)), (Some(12), Some(3), None));
    let state = archive.load(&alice).expect("read").expect("saved").state;
    assert_eq!(state, b"wallet/alice 12");
    let index = |entity, slot| archive.index(entity, IndexKind::Key, slot).expect("read");
    assert_eq!(index(&alice, 5 << 64), Some(5));
    assert_eq!(index(&alice, 12 << 64), Some(12));
    assert_eq!(index(&alice, 2 << 64), None);
    assert_eq!(index(&acme, 2 << 64), Some(2));
    assert_eq!(archive.index(&alice, IndexKind::Refunded, 5 << 64).expect("read"), None);
    let slots = |after, limit| archive.index_slots(&alice, IndexKind::Key, after, limit);
    assert_eq!(slots(None, 9).expect("read"), [1 << 64, 5 << 64, 9 << 64, 12 << 64]);
    assert_eq!(slots(Some(5 << 64), 1).expect("read"), [9 << 64]);
    assert_eq!(slots(Some(12 << 64), 9).expect("read"), []);
    let others = archive.index_slots(&alice, IndexKind::Refunded, None, 9).expect("read");
    assert!(others.is_empty());
    let mut all = Vec::new();
    archive
        .entities(&mut |entity, snapshot| {
            all.push((entity, snapshot.covers.0));
            Ok(())
        })
        .expect("read");
    assert_eq!(all, [(alice, 12), (acme, 3)]);
    assert!(archive.size_bytes().expect("read") > 0);
}

fn history_is_read_by_position_and_backwards<P: Place>() {
    let place = P::new();
    let (_journal, archive) = place.open().expect("opened");
    let (a, ab) = (wallet("a"), wallet("ab"));
    let seqs: Vec<u64> = (1..=300).map(|n| n * 3).collect();
    archive.save(&[saved(&a, &seqs[..100], 700), saved(&ab, &[1, 2, 4000], 10)]).expect("saved");
    archive.save(&[saved(&a, &seqs[100..101], 60_000)]).expect("saved");
    archive.save(&[saved(&a, &seqs[101..], 300)]).expect("saved");
    for seq in 0..=910 {
        let found = archive.record(&a, Seq(seq)).expect("read");
        assert_eq!(found.is_some(), seqs.contains(&seq), "{seq}");
        if let Some(bytes) = found {
            assert!(bytes.starts_with(format!("shard 0 seq {seq} ").as_bytes()));
        }
    }
    assert_eq!(archive.record(&wallet("b"), Seq(3)).expect("read"), None);
    for (before, limit) in [(901, 1000), (900, 1), (303, 5), (300, 5), (4, 3), (3, 3), (0, 3)] {
        let found = archive.records_before(&a, Seq(before), limit).expect("read");
        let found: Vec<_> = found.iter().map(|record| record.0.0).collect();
        let expected = seqs.iter().rev().filter(|seq| **seq < before).take(limit);
        assert_eq!(found, expected.copied().collect::<Vec<_>>(), "{before} {limit}");
    }
    assert_eq!(archive.records_before(&a, Seq(u64::MAX), 0).expect("read"), []);
    let found = archive.records_before(&ab, Seq(u64::MAX), 10).expect("read");
    assert_eq!(found.iter().map(|record| record.0.0).collect::<Vec<_>>(), [4000, 2, 1]);
}

fn saving_again_is_harmless<P: Place>() {
    let place = P::new();
    let (_journal, archive) = place.open().expect("opened");
    let alice = wallet("alice");
    let seqs: Vec<u64> = (1..=200).collect();
    archive.save(&[saved(&alice, &seqs[..50], 400)]).expect("saved");
    for count in [120, 120, 200, 90] {
        archive.save(&[saved(&alice, &seqs[..count], 400)]).expect("saved");
    }
    assert_eq!(archive.load(&alice).expect("read").expect("saved").covers, Seq(200));
    let found = archive.records_before(&alice, Seq(1000), 1000).expect("read");
    let found: Vec<_> = found.iter().rev().map(|record| record.0.0).collect();
    assert_eq!(found, seqs);
}

fn shards_have_their_own_books<P: Place>() {
    let place = P::new();
    let (journal, archive) = place.open().expect("opened");
    assert_eq!(archive.load_shard(ShardId(3)).expect("read"), None);
    let books = |covers| Snapshot { covers: Seq(covers), state: vec![7; 100] };
    archive.save_shard(ShardId(3), &books(5)).expect("saved");
    archive.save_shard(ShardId(0), &books(1)).expect("saved");
    archive.save_shard(ShardId(3), &books(9)).expect("saved");
    archive.save(&[saved(&wallet("a"), &[1], 10)]).expect("saved");
    drop((journal, archive));
    let (_journal, archive) = place.open().expect("reopened");
    assert_eq!(archive.load_shard(ShardId(3)).expect("read"), Some(books(9)));
    assert_eq!(archive.load_shard(ShardId(0)).expect("read"), Some(books(1)));
    assert_eq!(archive.load_shard(ShardId(1)).expect("read"), None);
    let mut count = 0;
    let visited = archive.entities(&mut |_, _| {
        count += 1;
        Ok(())
    });
    assert!(visited.is_ok() && count == 1, "books are no entity");
}

fn outcomes_are_read_after_a_position<P: Place>() {
    let place = P::new();
    let (journal, archive) = place.open().expect("opened");
    assert_eq!(archive.last_outcome().expect("read"), None);
    assert_eq!(archive.outcomes_after(Position::default(), 5).expect("read"), []);
    let all: Vec<_> =
        (1..=400).flat_map(|commit| (0..3).map(move |index| outcome(commit, index))).collect();
    archive.save_outcomes(&[]).expect("nothing");
    archive.save_outcomes(&all[..700]).expect("saved");
    archive.save_outcomes(&all[..700]).expect("saved again");
    archive.save_outcomes(&all[300..]).expect("saved again, with more");
    drop((journal, archive));

    let (_journal, archive) = place.open().expect("reopened");
    assert_eq!(archive.last_outcome().expect("read"), Some(all[1199].0));
    let mut found = Vec::new();
    let mut after = Position::default();
    loop {
        let piece = archive.outcomes_after(after, 50).expect("read");
        let Some(last) = piece.last() else { break };
        assert!(piece.len() < 500);
        after = last.0;
        found.extend(piece);
    }
    assert_eq!(found, all);
    for start in [0, 1, 2, 299, 300, 699, 1198] {
        let found = archive.outcomes_after(all[start].0, 0).expect("read");
        assert_eq!(found[0], all[start + 1], "after {start}");
    }
    assert_eq!(archive.outcomes_after(all[1199].0, 5).expect("read"), []);
}

fn old_outcomes_are_dropped_but_not_the_last<P: Place>() {
    let place = P::new();
    let (journal, archive) = place.open().expect("opened");
    for commits in [1..100, 100..200, 200..300_u64] {
        let outcomes: Vec<_> = commits.map(|commit| outcome(commit, 0)).collect();
        archive.save_outcomes(&outcomes).expect("saved");
    }
    assert_eq!(archive.drop_outcomes_before(1000, 1000).expect("none so old"), 0);
    assert_eq!(archive.outcomes_dropped_to().expect("read"), Position::default());
    assert_eq!(archive.drop_outcomes_before(200_000, 1).expect("dropped"), 1);
    while archive.drop_outcomes_before(200_000, 7).expect("dropped") > 0 {}
    let first = archive.outcomes_after(Position::default(), 1).expect("read")[0].0;
    assert_eq!(first.commit, 200);
    let dropped_to = archive.outcomes_dropped_to().expect("read");
    assert!(dropped_to.commit == 199 && dropped_to < first, "{dropped_to:?}");
    while archive.drop_outcomes_before(i64::MAX, 1000).expect("dropped") > 0 {}
    assert_eq!(archive.last_outcome().expect("read").expect("kept").commit, 299);
    drop((journal, archive));
    let (_journal, archive) = place.open().expect("reopened");
    assert_eq!(archive.last_outcome().expect("read").expect("kept").commit, 299);
    archive.save_outcomes(&[outcome(300, 0)]).expect("saved");
    assert_eq!(archive.last_outcome().expect("read").expect("kept").commit, 300);
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

macro_rules! contract {
    ($($fact:ident)*) => {
        mod sled {
            $(#[test] fn $fact() { super::$fact::<super::Directory>(); })*
        }
        mod memory {
            $(#[test] fn $fact() { super::$fact::<super::MemoryStore>(); })*
        }
    };
}

contract! {
    what_was_appended_is_read
    commits_only_grow
    nothing_to_append_is_nothing
    large_slices_are_spread_over_commits
    a_claim_fences_the_epoch_before
    trim_keeps_what_is_needed
    a_visitor_can_stop_the_reading
    what_was_saved_is_loaded
    history_is_read_by_position_and_backwards
    saving_again_is_harmless
    shards_have_their_own_books
    outcomes_are_read_after_a_position
    old_outcomes_are_dropped_but_not_the_last
    a_gap_of_our_own_stops
}
