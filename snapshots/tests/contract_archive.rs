//! The archive's part of the contract: what checkpoints write and cold reads read.
//!
//! Each fact is a function over any [`Place`], as in `tests/contract.rs`. Facts about a crash
//! within a save need to know the store: for sled they are in `src/sled_store/tally/tests.rs`, for
//! its twin in `tests/twin.rs`.

#[macro_use]
mod common;

use std::sync::Arc;

use bursar_domain::currency::Currency;
use bursar_domain::deal::{self, Deal, Decision, LINE_MAX};
use bursar_domain::entity::Entity;
use bursar_domain::id::{ENTITY_ID_LENGTH_MAX, EntityId, Kind, Position, Seq, ShardId, WalletId};
use bursar_domain::machine::Machine;
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::saga::investment::Funding;
use bursar_simulator::disk::SimDisk;
use bursar_snapshots::codec;
use bursar_snapshots::memory::MemoryStore;
use bursar_snapshots::store::{Archive, IndexKind, Saved, Snapshot, Waits};
use common::{Directory, Place, entity, outcome, provider, saved, wallet};

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

fn histories_of_a_kind_are_read_as_one<P: Place>() {
    let place = P::new();
    let (_journal, archive) = place.open().expect("opened");
    let (a, ab, acme) = (wallet("a"), wallet("ab"), provider("a"));
    let seqs: Vec<u64> = (1..=200).map(|n| n * 2).collect();
    archive.save(&[saved(&ab, &[3, 5], 40), saved(&acme, &[7], 10)]).expect("saved");
    archive.save(&[saved(&a, &seqs[..150], 700)]).expect("saved");
    archive.save(&[saved(&a, &seqs[150..], 700), saved(&ab, &[9], 40)]).expect("saved");
    let read = |kind, after: Option<(&EntityId, u64)>, size| {
        let mut found = Vec::new();
        let after = after.map(|(entity, seq)| (entity, Seq(seq)));
        let visited = archive.histories(kind, after, size, &mut |entity, seq, bytes| {
            assert!(bytes.starts_with(format!("shard 0 seq {seq} ").as_bytes()));
            found.push((entity.clone(), seq.0));
            Ok(())
        });
        visited.expect("read");
        found
    };
    let all: Vec<_> =
        seqs.iter().map(|n| (a.clone(), *n)).chain([3, 5, 9].map(|n| (ab.clone(), n))).collect();
    assert_eq!(read(Kind::Wallet, None, usize::MAX), all);
    assert_eq!(read(Kind::Provider, None, usize::MAX), [(acme, 7)]);
    assert_eq!(read(Kind::Saga, None, usize::MAX), []);
    assert_eq!(read(Kind::Wallet, None, 0), []);
    for at in [0, 1, 20, 149, 150, 199, 200, 201, 202] {
        let (entity, seq) = &all[at];
        assert_eq!(read(Kind::Wallet, Some((entity, *seq)), usize::MAX), all[at + 1..], "{at}");
    }
    // Between two entities, and where there is no such record.
    assert_eq!(read(Kind::Wallet, Some((&a, 1_000)), usize::MAX), all[200..]);
    assert_eq!(read(Kind::Wallet, Some((&a, 21)), usize::MAX), all[10..]);
    let mut pieces: Vec<(EntityId, u64)> = Vec::new();
    loop {
        let after = pieces.last().cloned();
        let piece = read(Kind::Wallet, after.as_ref().map(|(entity, seq)| (entity, *seq)), 2_000);
        assert!(piece.len() < 100, "a piece is not much larger than it may be");
        if piece.is_empty() {
            break;
        }
        pieces.extend(piece);
    }
    assert_eq!(pieces, all);
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

fn history_is_read_forwards<P: Place>() {
    let place = P::new();
    let (journal, archive) = place.open().expect("opened");
    let (a, ab) = (wallet("a"), wallet("ab"));
    let seqs: Vec<u64> = (1..=300).map(|n| n * 3).collect();
    archive.save(&[saved(&a, &seqs[..100], 700), saved(&ab, &[1, 2, 4000], 10)]).expect("saved");
    archive.save(&[saved(&a, &seqs[100..101], 60_000)]).expect("saved");
    // As after a crash: saved again, with more behind.
    archive.save(&[saved(&a, &seqs[101..150], 300)]).expect("saved");
    archive.save(&[saved(&a, &seqs[101..], 300)]).expect("saved");
    drop((journal, archive));
    let (_journal, archive) = place.open().expect("reopened");
    let after = |entity: &EntityId, after, limit| -> Vec<u64> {
        let found = archive.records_after(entity, Seq(after), limit).expect("read");
        let read = |(seq, bytes): (Seq, Vec<u8>)| {
            assert!(bytes.starts_with(format!("shard 0 seq {seq} ").as_bytes()));
            seq.0
        };
        found.into_iter().map(read).collect()
    };
    let expected = |after, limit| -> Vec<u64> {
        seqs.iter().copied().filter(|seq| *seq > after).take(limit).collect()
    };
    for from in (0..=910).chain([u64::MAX - 1, u64::MAX]) {
        for limit in [0, 1, 7] {
            assert_eq!(after(&a, from, limit), expected(from, limit), "{from} {limit}");
        }
    }
    for from in [0, 1, 3, 299, 300, 303, 450, 897, 900] {
        assert_eq!(after(&a, from, 1000), expected(from, 1000), "{from}");
    }
    assert_eq!(after(&ab, 0, 9), [1, 2, 4000]);
    assert_eq!(after(&ab, 2, 9), [4000]);
    assert!(after(&wallet("b"), 0, 9).is_empty());
    // Page after page is the whole.
    let mut all: Vec<u64> = Vec::new();
    loop {
        let page = after(&a, all.last().copied().unwrap_or_default(), 37);
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    assert_eq!(all, seqs);
}

fn entities_are_listed_by_kind<P: Place>() {
    let place = P::new();
    let (journal, archive) = place.open().expect("opened");
    let ids = ["a", "a-", "a0", "aa", "b", "Z", "_"];
    let mut all = Vec::new();
    for kind in Kind::ALL {
        all.extend(ids.into_iter().map(|id| saved(&entity(kind, id), &[1], 10)));
    }
    assert_eq!(archive.entities_of(Kind::Deal, None, 9).expect("read"), []);
    archive.save(&all).expect("saved");
    let books = Snapshot { covers: Seq(1), state: vec![7; 10] };
    archive.save_shard(ShardId(0), &books).expect("saved");
    drop((journal, archive));
    let (_journal, archive) = place.open().expect("reopened");
    for kind in Kind::ALL {
        let of = |after, limit| -> Vec<String> {
            let found = archive.entities_of(kind, after, limit).expect("read");
            assert!(found.iter().all(|entity| entity.kind == kind));
            found.iter().map(|entity| entity.id.to_string()).collect()
        };
        assert_eq!(of(None, 99), ["Z", "_", "a", "a-", "a0", "aa", "b"]);
        assert_eq!(of(None, 0), [""; 0]);
        assert_eq!(of(None, 2), ["Z", "_"]);
        assert_eq!(of(Some("_"), 2), ["a", "a-"]);
        assert_eq!(of(Some("a"), 1), ["a-"]);
        assert_eq!(of(Some("aa"), 9), ["b"]);
        assert_eq!(of(Some("b"), 9), [""; 0]);
        // What is no id has its place in the order, too.
        for (after, first) in [("", "Z"), ("a!", "a-"), ("\0", "Z"), ("a.", "a0"), ("[", "_")] {
            assert_eq!(of(Some(after), 1), [first], "after {after:?}");
        }
        assert_eq!(of(Some("\u{10ffff}"), 9), [""; 0]);
    }
}

fn the_longest_id_works_everywhere<P: Place>() {
    let place = P::new();
    let (journal, archive) = place.open().expect("opened");
    let longest = "x".repeat(ENTITY_ID_LENGTH_MAX);
    for kind in Kind::ALL {
        let entity = entity(kind, &longest);
        let saved = Saved { waits: Some(Waits::until(9)), ..saved(&entity, &[1, 2], 9_000) };
        let left = (IndexKind::Left, 7, 3);
        let index = saved.index.iter().copied().chain([left]).collect();
        archive.save(&[Saved { index, ..saved }]).expect("saved");
    }
    drop((journal, archive));
    let (_journal, archive) = place.open().expect("reopened");
    let mut all = Vec::new();
    let visited = archive.entities(&mut |entity, _| {
        all.push(entity);
        Ok(())
    });
    visited.expect("read");
    let expected: Vec<_> = Kind::ALL.into_iter().map(|kind| entity(kind, &longest)).collect();
    assert_eq!(all, expected);
    let waiting: Vec<_> = expected.iter().map(|entity| (entity.clone(), Waits::until(9))).collect();
    assert_eq!(common::waiting(&*archive).expect("read"), waiting);
    for entity in expected {
        assert_eq!(archive.load(&entity).expect("read").expect("saved").covers, Seq(2));
        assert_eq!(archive.records_after(&entity, Seq(0), 9).expect("read").len(), 2);
        assert_eq!(archive.records_before(&entity, Seq(9), 9).expect("read").len(), 2);
        let index = |kind, slot| archive.index(&entity, kind, slot).expect("read");
        assert_eq!(index(IndexKind::Left, 7), Some(3));
        assert_eq!(index(IndexKind::Refunded, 7), None);
        assert_eq!(index(IndexKind::Key, 2 << 64), Some(2));
        let left = archive.index_slots(&entity, IndexKind::Left, None, 9).expect("read");
        assert_eq!(left, [7]);
        assert_eq!(archive.entities_of(entity.kind, None, 9).expect("read"), [entity]);
    }
}

fn a_large_state_is_saved_whole<P: Place>() {
    const KIB: usize = 1024;
    let place = P::new();
    let (journal, archive) = place.open().expect("opened");
    let (deal, other) = (entity(Kind::Deal, "d"), entity(Kind::Deal, "d-"));
    let state = |covers: u64, size: usize| -> Vec<u8> {
        let mut state = format!("state {covers} ").into_bytes();
        let fill = (0_u64..).map(|n| u8::try_from((n * n + covers) % 251).expect("small"));
        state.extend(fill.take(size - state.len()));
        state
    };
    let save = |archive: &P::Archive, entity: &EntityId, covers, size| {
        let snapshot = Snapshot { covers: Seq(covers), state: state(covers, size) };
        archive.save(&[Saved { snapshot, ..saved(entity, &[covers], 10) }]).expect("saved");
    };
    let load = |archive: &P::Archive, entity: &EntityId| {
        let snapshot = archive.load(entity).expect("read").expect("saved");
        assert!(snapshot.state == state(snapshot.covers.0, snapshot.state.len()), "{entity}");
        (snapshot.covers.0, snapshot.state.len())
    };
    // One value, the largest that is one, pieces; larger, smaller, and back to one.
    let sizes = [100, 128, 129, 2000, 1999, 500, 256, 5].map(|kib| kib * KIB);
    save(&archive, &other, 1, 700 * KIB);
    for (covers, size) in (1..).zip(sizes) {
        save(&archive, &deal, covers, size);
        assert_eq!(load(&archive, &deal), (covers, size));
    }
    save(&archive, &deal, 20, 300 * KIB);
    save(&archive, &deal, 19, 10 * KIB);
    save(&archive, &deal, 18, 600 * KIB);
    drop((journal, archive));

    let (_journal, archive) = place.open().expect("reopened");
    assert_eq!(load(&archive, &deal), (20, 300 * KIB));
    assert_eq!(load(&archive, &other), (1, 700 * KIB));
    let mut all = Vec::new();
    let visited = archive.entities(&mut |entity, snapshot| {
        all.push((entity, snapshot.covers.0, snapshot.state.len()));
        Ok(())
    });
    visited.expect("read");
    assert_eq!(all, [(deal.clone(), 20, 300 * KIB), (other, 1, 700 * KIB)]);
    assert_eq!(archive.entities_of(Kind::Deal, None, 9).expect("read").len(), 2);
}

fn a_deal_with_the_longest_line_is_saved<P: Place>() {
    let place = P::new();
    let (journal, archive) = place.open().expect("opened");
    let mut machine = Machine::<Deal>::default();
    let mut seq = Seq(u64::MAX / 2);
    let id = entity(Kind::Deal, &"d".repeat(64));
    let mut apply = |event| {
        seq = seq.next();
        let verdict = Verdict::Deal(vec![event]);
        let record = Record { at: common::at(1), entity: id.clone(), key: None, verdict };
        machine.apply(&record, seq);
    };
    let most = Amount::from_minor(1 << 50);
    let currency = Currency::from_code("EUR").expect("known");
    apply(deal::Event::Opened(Arc::new(deal::Profile {
        name: "Long".into(),
        currency,
        amount: most,
        investors_max: deal::INVESTORS_MAX,
        investment_min: None,
        investment_max: None,
        opens_at: None,
        closes_at: None,
    })));
    for ticket in 1..=LINE_MAX as u64 {
        apply(deal::Event::Ticketed(deal::event::Ticketed {
            ticket,
            wallet: WalletId::parse(&format!("{ticket:064}")).expect("well formed"),
            amount: most,
            currency,
            funding: Funding::Bank,
            decision: Decision::Waiting(u32::try_from(ticket).expect("small")),
        }));
    }
    let state = codec::encode(&machine);
    let snapshot = Snapshot { covers: seq, state: state.clone() };
    archive.save(&[Saved { snapshot, ..saved(&id, &[1], 10) }]).expect("saved");
    drop((journal, archive));
    let (_journal, archive) = place.open().expect("reopened");
    let read = archive.load(&id).expect("read").expect("saved");
    assert!(read.covers == seq && read.state == state, "{} bytes", state.len());
    let read: Machine<Deal> = codec::decode(&read.state).expect("a machine");
    assert_eq!(read.entity().summary().expect("open").waiting, LINE_MAX);
}

contract! {
    what_was_saved_is_loaded
    history_is_read_by_position_and_backwards
    history_is_read_forwards
    histories_of_a_kind_are_read_as_one
    saving_again_is_harmless
    shards_have_their_own_books
    outcomes_are_read_after_a_position
    old_outcomes_are_dropped_but_not_the_last
    entities_are_listed_by_kind
    the_longest_id_works_everywhere
    a_large_state_is_saved_whole
    a_deal_with_the_longest_line_is_saved
}
