//! The archive's part of the contract about those that wait: for an answer, an instant, in an
//! agenda.
//!
//! Each fact is a function over any [`Place`], as in `tests/contract.rs`. The last one holds a
//! random sequence of saves against a plain map. What a crash within a save leaves of those that
//! wait is in `src/sled_store/tally/tests.rs` and `tests/twin.rs`.

#[macro_use]
mod common;

use std::collections::BTreeMap;

use bursar_domain::id::{EntityId, Kind, Seq, ShardId};
use bursar_simulator::disk::SimDisk;
use bursar_snapshots::memory::MemoryStore;
use bursar_snapshots::store::{Archive, Awaited, Due, Saved, Waits};
use common::{Directory, Place, SHARDS, entity, saved, waiting, waits, wallet};
use proptest::prelude::*;

fn who_waits_is_told<P: Place>() {
    let place = P::new();
    let (journal, archive) = place.open().expect("opened");
    assert_eq!(waiting(&*archive).expect("read"), []);
    let [deal, saga, undo] = [Kind::Deal, Kind::Saga, Kind::Compensation].map(|k| entity(k, "x"));
    let (first, alice) = (entity(Kind::Saga, "inv_1_x"), wallet("alice"));
    archive
        .save(&[
            waits(&undo, 1, Waits::until(i64::MAX)),
            waits(&saga, 1, Waits::ANSWER),
            waits(&deal, 1, Waits::NO),
            saved(&alice, &[1], 10),
            waits(&first, 1, Waits::until(1_763_633_730_123)),
        ])
        .expect("saved");
    let told = |archive: &P::Archive| waiting(archive).expect("read");
    let expected = [
        (first.clone(), Waits::until(1_763_633_730_123)),
        (saga.clone(), Waits::ANSWER),
        (undo.clone(), Waits::until(i64::MAX)),
    ];
    assert_eq!(told(&archive), expected);
    drop((journal, archive));

    let (journal, archive) = place.open().expect("reopened");
    assert_eq!(told(&archive), expected);
    // Replaced, removed, begun; where nothing is said, nothing changes.
    archive
        .save(&[
            waits(&first, 2, Waits::until(5)),
            waits(&saga, 2, Waits::NO),
            waits(&deal, 2, Waits::until(7)),
            saved(&undo, &[2], 10),
        ])
        .expect("saved");
    let expected = [
        (deal.clone(), Waits::until(7)),
        (first.clone(), Waits::until(5)),
        (undo.clone(), Waits::until(i64::MAX)),
    ];
    assert_eq!(told(&archive), expected);
    // What is older than what is there does not count, whatever it says.
    archive
        .save(&[
            waits(&first, 1, Waits::NO),
            waits(&saga, 1, Waits::ANSWER),
            waits(&deal, 1, Waits::until(1)),
        ])
        .expect("saved");
    assert_eq!(told(&archive), expected);
    // The same again changes nothing.
    archive.save(&[waits(&first, 2, Waits::until(5))]).expect("saved");
    drop((journal, archive));

    let (_journal, archive) = place.open().expect("reopened");
    assert_eq!(told(&archive), expected);
    let all = [&first, &deal, &undo].map(|entity| waits(entity, 3, Waits::NO));
    archive.save(&all).expect("saved");
    assert_eq!(told(&archive), []);
}

fn of_two_states_of_one_entity_the_newest_counts<P: Place>() {
    let place = P::new();
    let (_journal, archive) = place.open().expect("opened");
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|id| entity(Kind::Saga, id));
    archive.save(&[waits(&a, 1, Waits::NO), waits(&a, 2, Waits::until(2))]).expect("saved");
    archive.save(&[waits(&b, 2, Waits::until(2)), waits(&b, 1, Waits::NO)]).expect("saved");
    archive.save(&[waits(&c, 1, Waits::until(1)), waits(&c, 2, Waits::NO)]).expect("saved");
    archive.save(&[waits(&d, 1, Waits::NO), waits(&d, 1, Waits::until(1))]).expect("saved");
    let expected =
        [(a.clone(), Waits::until(2)), (b.clone(), Waits::until(2)), (d, Waits::until(1))];
    assert_eq!(waiting(&*archive).expect("read"), expected);
    for entity in [a, b, c] {
        assert_eq!(archive.load(&entity).expect("read").expect("saved").covers, Seq(2));
        let records = archive.records_after(&entity, Seq(0), 9).expect("read");
        assert_eq!(records.len(), 2, "the history is whole");
    }
}

/// All timers of all shards, page by page.
fn timers(archive: &impl Archive, until: i64, page: usize) -> Vec<(ShardId, i64, EntityId)> {
    let mut all = Vec::new();
    for shard in common::shards() {
        let mut after: Option<(i64, EntityId)> = None;
        loop {
            let found = archive.timers(shard, after.as_ref(), until, page).expect("read");
            assert!(found.len() <= page);
            let Some(last) = found.last() else { break };
            after = Some(last.clone());
            all.extend(found.into_iter().map(|(at, entity)| (shard, at, entity)));
        }
    }
    all
}

/// The agenda of a kind, page by page.
fn agenda(archive: &impl Archive, kind: Kind, until: i64, page: usize) -> Vec<(i64, EntityId)> {
    let mut all: Vec<(i64, EntityId)> = Vec::new();
    loop {
        let after = all.last().map(|(number, entity)| (*number, &*entity.id));
        let found = archive.agenda(kind, after, until, page).expect("read");
        assert!(found.len() <= page);
        if found.is_empty() {
            return all;
        }
        all.extend(found);
    }
}

fn index(archive: &impl Archive) -> Vec<Due> {
    let mut all = Vec::new();
    archive
        .due(&mut |due| {
            all.push(due);
            Ok(())
        })
        .expect("read");
    all
}

/// Everything that can be asked of those that wait, against what a plain map says.
fn check(archive: &impl Archive, model: &BTreeMap<EntityId, Waits>, until: i64) {
    let all: Vec<_> = model.iter().map(|(entity, waits)| (entity.clone(), *waits)).collect();
    assert_eq!(waiting(archive).expect("read"), all);
    let instant = |waits: &Waits| match waits.awaits {
        Awaited::Instant(at) => Some(at),
        Awaited::Nothing | Awaited::Answer => None,
    };
    let timer = |(entity, waits): (&EntityId, &Waits)| {
        Some((entity.shard(SHARDS), instant(waits)?, entity.clone()))
    };
    let mut all_timers: Vec<_> = model.iter().filter_map(timer).collect();
    all_timers.sort();
    for page in [1, 3, 100] {
        assert_eq!(timers(archive, i64::MAX, page), all_timers);
        let up_to: Vec<_> = all_timers.iter().filter(|timer| timer.1 <= until).cloned().collect();
        assert_eq!(timers(archive, until, page), up_to);
    }
    for shard in common::shards() {
        for after in [i64::MIN, -1, until, i64::MAX] {
            let later = all_timers.iter().filter(|timer| timer.0 == shard && timer.1 > after);
            let first = archive.first_timer(shard, after).expect("read");
            assert_eq!(first, later.map(|timer| timer.1).next(), "{shard:?} after {after}");
        }
    }
    for kind in Kind::ALL {
        let of_kind = || model.iter().filter(|(entity, _)| entity.kind == kind);
        let listed = of_kind().filter_map(|(id, waits)| Some((waits.listed?, id.clone())));
        let mut listed: Vec<_> = listed.collect();
        listed.sort();
        for page in [1, 3, 100] {
            assert_eq!(agenda(archive, kind, i64::MAX, page), listed);
            let up_to: Vec<_> = listed.iter().filter(|one| one.0 <= until).cloned().collect();
            assert_eq!(agenda(archive, kind, until, page), up_to);
        }
        let ids: Vec<_> = of_kind().map(|(entity, _)| entity.clone()).collect();
        assert_eq!(archive.waiting_of(kind, None, 100).expect("read"), ids);
        for (at, id) in ids.iter().enumerate() {
            let later = archive.waiting_of(kind, Some(&id.id), 1).expect("read");
            assert_eq!(later, ids[at + 1..].iter().take(1).cloned().collect::<Vec<_>>());
        }
    }
    let answers = model.iter().filter(|(_, waits)| waits.awaits == Awaited::Answer);
    let answers: Vec<_> = answers.map(|(entity, _)| entity.clone()).collect();
    assert_eq!(archive.answer_waiters().expect("read"), answers);
    let entries = all_timers.len()
        + answers.len()
        + model.values().filter(|waits| waits.listed.is_some()).count();
    assert_eq!(index(archive).len(), entries, "nothing stale is left by whole saves");
}

fn timers_come_in_the_order_of_their_instants<P: Place>() {
    let place = P::new();
    let (journal, archive) = place.open().expect("opened");
    check(&*archive, &BTreeMap::new(), 0);
    let mut model = BTreeMap::new();
    let instants = [5, -7, 0, i64::MAX, i64::MIN, 5, 1_763_633_730_123, 256, 255];
    for (n, at) in instants.into_iter().enumerate() {
        for kind in [Kind::Saga, Kind::Compensation] {
            model.insert(entity(kind, &format!("e{n}")), Waits::until(at));
        }
    }
    let all: Vec<_> = model.iter().map(|(entity, until)| waits(entity, 1, *until)).collect();
    archive.save(&all).expect("saved");
    check(&*archive, &model, 5);
    drop((journal, archive));
    let (_journal, archive) = place.open().expect("reopened");
    check(&*archive, &model, -7);
    let none = archive.timers(ShardId(0), None, i64::MAX, 0).expect("read");
    assert_eq!(none, []);
}

fn who_waits_may_be_listed_and_who_is_listed_may_wait<P: Place>() {
    let place = P::new();
    let (journal, archive) = place.open().expect("opened");
    let mut model = BTreeMap::new();
    let all = [
        ("a", Waits::NO.listed(20_000)),
        ("b", Waits::until(7).listed(20_001)),
        ("c", Waits::ANSWER.listed(-1)),
        ("d", Waits::until(0)),
        ("e", Waits::until(0).listed(i64::MIN)),
        ("f", Waits::NO.listed(20_000)),
        ("f-", Waits::NO.listed(20_000)),
    ];
    for (id, until) in all {
        let saga = entity(Kind::Saga, id);
        archive.save(&[waits(&saga, 1, until)]).expect("saved");
        model.insert(saga, until);
    }
    check(&*archive, &model, 20_000);
    // What is no id has its place in the order, too.
    let after = |id| archive.agenda(Kind::Saga, Some((20_000, id)), 20_000, 1).expect("read");
    assert_eq!(after("f!")[0].1, entity(Kind::Saga, "f-"));
    assert_eq!(after("g"), []);
    drop((journal, archive));
    let (_journal, archive) = place.open().expect("reopened");
    check(&*archive, &model, 20_000);
    for (id, until) in [("a", Waits::NO), ("b", Waits::until(8)), ("e", Waits::ANSWER.listed(1))] {
        let saga = entity(Kind::Saga, id);
        archive.save(&[waits(&saga, 2, until)]).expect("saved");
        if until == Waits::NO {
            model.remove(&saga);
        } else {
            model.insert(saga, until);
        }
        check(&*archive, &model, 0);
    }
}

/// What a random save says: of which entity, from how far back, and what it waits for.
type Step = (u8, bool, Option<Waits>);

fn step() -> impl Strategy<Value = Step> {
    let awaits = prop_oneof![
        Just(Awaited::Nothing),
        Just(Awaited::Answer),
        (-3..5_i64).prop_map(Awaited::Instant)
    ];
    let listed = prop::option::of(-2..3_i64);
    let waits = (awaits, listed).prop_map(|(awaits, listed)| Waits { awaits, listed });
    (0..8_u8, prop::bool::weighted(0.1), prop::option::weighted(0.9, waits))
}

/// Saves, some at once, some older than what is there; the archive is opened anew in between.
fn run<P: Place>(saves: &[Vec<Step>]) {
    let place = P::new();
    let mut open = Some(place.open().expect("opened"));
    let mut model = BTreeMap::new();
    let mut covers: BTreeMap<EntityId, u64> = BTreeMap::new();
    for (round, steps) in saves.iter().enumerate() {
        if round % 7 == 6 {
            open = None;
        }
        let (_, archive) = open.get_or_insert_with(|| place.open().expect("reopened"));
        let mut all = Vec::new();
        for (who, is_older, says) in steps {
            let kind = if who % 2 == 0 { Kind::Saga } else { Kind::Compensation };
            let entity = entity(kind, &format!("e{who}"));
            let covered = covers.entry(entity.clone()).or_default();
            let seq = if *is_older && *covered > 1 { *covered - 1 } else { *covered + 1 };
            all.push(Saved { waits: *says, ..saved(&entity, &[seq], 10) });
            if seq < *covered {
                continue;
            }
            *covered = seq;
            match says {
                Some(Waits::NO) => drop(model.remove(&entity)),
                Some(says) => drop(model.insert(entity, *says)),
                None => {}
            }
        }
        // Of an entity that is there twice, only what the newest says counts.
        for one in all {
            archive.save(&[one]).expect("saved");
        }
        check(&**archive, &model, i64::from(u8::try_from(round % 4).expect("small")) - 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn any_saves_leave_what_a_map_says(
        saves in prop::collection::vec(prop::collection::vec(step(), 1..4), 1..25),
    ) {
        run::<MemoryStore>(&saves);
        run::<Directory>(&saves);
    }
}

contract! {
    who_waits_is_told
    of_two_states_of_one_entity_the_newest_counts
    timers_come_in_the_order_of_their_instants
    who_waits_may_be_listed_and_who_is_listed_may_wait
}
