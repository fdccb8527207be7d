//! The tally under crashes: a save is cut after each of its entries, and the store opened again.
//!
//! A cut here is what sled recovers after a crash: the intent, and the changes up to some entry.

use std::collections::BTreeSet;

use bursar_domain::id::{EntityId, Kind as EntityKind, Seq};

use super::*;
use crate::sled_store::snapshot::Stages;
use crate::sled_store::{Directory, Options, SledArchive, SledStore};
use crate::store::{Archive, Awaited, Due, RecordBytes, Saved, Slice, Snapshot, StoreError, Waits};
use crate::witness::NOTHING;

fn value(text: &str) -> Vec<u8> {
    envelope::seal(Kind::Index, &NO_HASH, text.as_bytes())
}

/// Changes that add, replace and remove.
fn changes(entries: &[(&str, Option<&str>)]) -> Changes {
    let entry = |(key, text): &(&str, Option<&str>)| {
        ((Place::Keys, key.as_bytes().to_vec()), text.map(value))
    };
    entries.iter().map(entry).collect()
}

/// A disk with three entries, saved in one save.
fn disk() -> (tempfile::TempDir, Arc<Disk<Directory>>) {
    let directory = tempfile::tempdir().expect("a directory");
    let (_, archive) = SledStore::open(directory.path(), &Options::default()).expect("opened");
    let disk = Arc::clone(&archive.entries_with_tally().disk);
    let first = changes(&[("a", Some("1")), ("b", Some("1")), ("c", Some("1"))]);
    archive.entries_with_tally().change("testing", vec![first]).expect("saved");
    (directory, disk)
}

fn second() -> Changes {
    changes(&[("a", Some("2")), ("b", None), ("c", Some("1")), ("d", Some("2"))])
}

fn seen(saves: u64) -> Seen {
    Seen { saves, ..NOTHING }
}

#[test]
fn a_save_that_a_crash_cut_anywhere_is_made_good() {
    for done in 0..=3 {
        let (_directory, disk) = disk();
        let mut tally = Tally::read(&disk).expect("there");
        let (made, intents) = intend(&disk, "testing", &mut tally, second()).expect("read");
        assert_eq!((made.len(), intents.len()), (3, 3), "c stays as it is");
        write_intents(&disk, 2, &intents).expect("written");
        write(&disk, "testing", made.into_iter().take(done).collect()).expect("written");

        let entries = Tallied::open(Arc::clone(&disk), seen(1)).expect("made good");
        assert_eq!(entries.saves(), 2);
        let count = entries.verify().expect("it sums up");
        assert_eq!(count, [3, 3, 2, 3][done]);
        drop(entries);
        assert_eq!(disk.trees.meta.scan_prefix(INTENT).count(), 0);
        Tallied::open(disk, seen(2)).expect("fine").verify().expect("it sums up");
    }
}

#[test]
fn a_finished_save_of_which_only_the_intent_is_left_is_damage() {
    let (_directory, disk) = disk();
    let mut tally = Tally::read(&disk).expect("there");
    let (_, intents) = intend(&disk, "testing", &mut tally, second()).expect("read");
    write_intents(&disk, 2, &intents).expect("written");
    let error = Tallied::open(disk, seen(2)).expect_err("the witness saw it finished");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("1 saves are missing"), "{error}");
}

#[test]
fn an_entry_that_no_save_made_is_damage() {
    for (key, text) in [("a", "0"), ("x", "1")] {
        let (_directory, disk) = disk();
        let changed = changes(&[(key, Some(text))]);
        write(&disk, "testing", changed).expect("written");
        let entries = Tallied::open(Arc::clone(&disk), seen(1)).expect("not yet seen");
        assert!(matches!(entries.verify(), Err(StoreError::Damaged { .. })));

        let mut tally = Tally::read(&disk).expect("there");
        let intents = vec![(Place::Keys as u8, key.as_bytes().to_vec(), 7, 8)];
        tally.change(7, 8);
        write_intents(&disk, 2, &intents).expect("written");
        let error = Tallied::open(disk, seen(1)).expect_err("neither before nor after");
        assert!(error.to_string().contains("neither as before nor as after"), "{error}");
    }
}

#[test]
fn what_is_there_already_costs_nothing() {
    let (_directory, disk) = disk();
    let entries = Tallied::open(Arc::clone(&disk), seen(1)).expect("fine");
    let again = changes(&[("a", Some("1")), ("b", Some("1")), ("x", None)]);
    entries.change("testing", vec![again, Changes::new()]).expect("nothing to do");
    assert_eq!(entries.saves(), 1);
}

const KIB: usize = 1024;

fn open(path: &std::path::Path) -> Arc<SledArchive> {
    SledStore::open(path, &Options::default()).expect("opened").1
}

fn entity(kind: EntityKind, id: &str) -> EntityId {
    EntityId { kind, id: Arc::from(id) }
}

/// A save of one record at a position, with a state of some size.
fn saved(entity: &EntityId, seq: u64, size: usize, waits: Option<Waits>) -> Saved {
    let record = format!("{entity} {seq}").into_bytes();
    let ends = Arc::new(vec![u32::try_from(record.len()).expect("small")]);
    let shard = bursar_domain::id::ShardId(0);
    let slice = Slice { shard, epoch: 1, first: Seq(seq), bytes: Arc::new(record), ends };
    Saved {
        entity: entity.clone(),
        snapshot: Snapshot { covers: Seq(seq), state: state(seq, size) },
        records: vec![(Seq(seq), RecordBytes { slice, index: 0 })],
        index: Vec::new(),
        waits,
    }
}

/// Those that the index has. Nothing is in it that they do not wait for.
fn indexed(archive: &SledArchive) -> BTreeSet<EntityId> {
    let (mut all, mut count) = (BTreeSet::new(), 0);
    let visited = archive.due(&mut |due| {
        count += 1;
        assert!(!waits::is_stale(&archive.entries_with_tally().disk, &keys::due(&due))?, "{due:?}");
        let (Due::Timer { entity, .. } | Due::Listed { entity, .. } | Due::Answer(entity)) = due;
        all.insert(entity);
        Ok(())
    });
    visited.expect("whole");
    let shards = (0..16).map(bursar_domain::id::ShardId);
    let timers = |shard| archive.timers(shard, None, i64::MAX, 9).expect("read").len();
    let listed = archive.agenda(EntityKind::Saga, None, i64::MAX, 9).expect("read").len();
    let answers = archive.answer_waiters().expect("read").len();
    assert_eq!(shards.map(timers).sum::<usize>() + listed + answers, count);
    all
}

/// Those that wait, with their instants; 0 for an answer.
fn waiting(archive: &SledArchive) -> crate::store::Result<Vec<(EntityId, i64)>> {
    let mut all = Vec::new();
    archive.waiting(&mut |entity, waits| {
        let millis = match waits.awaits {
            Awaited::Instant(millis) => millis,
            Awaited::Answer => 0,
            Awaited::Nothing => panic!("{entity} does not wait"),
        };
        all.push((entity, millis));
        Ok(())
    })?;
    Ok(all)
}

fn state(seq: u64, size: usize) -> Vec<u8> {
    (0..size as u64).map(|n| u8::try_from((n * n + seq) % 251).expect("small")).collect()
}

/// Does a save up to some of its entries, and no further. Returns how many there are.
fn cut(archive: &SledArchive, entities: &[Saved], done: usize) -> usize {
    let Stages { before, snapshots, after } = archive.stages(entities).expect("read");
    let disk = &archive.entries_with_tally().disk;
    let mut tally = Tally::read(disk).expect("there");
    let (mut all, mut intents) = (Vec::new(), Vec::new());
    for stage in [before, snapshots, after] {
        let (changes, meant) = intend(disk, "testing", &mut tally, stage).expect("read");
        all.extend(changes);
        intents.extend(meant);
    }
    write_intents(disk, tally.saves + 1, &intents).expect("written");
    let count = all.len();
    for change in all.into_iter().take(done) {
        write(disk, "testing", Changes::from([change])).expect("written");
    }
    count
}

#[test]
fn a_crash_within_a_save_loses_no_wait_and_no_state() {
    let [longer, done, begun] = ["longer", "done", "begun"].map(|id| entity(EntityKind::Saga, id));
    let deal = entity(EntityKind::Deal, "large");
    let first = [
        saved(&longer, 1, 10, Some(Waits::until(10).listed(-1))),
        saved(&done, 1, 10, Some(Waits::ANSWER)),
        saved(&deal, 1, 300 * KIB, None),
    ];
    let second = [
        saved(&longer, 2, 10, Some(Waits::until(20).listed(1))),
        saved(&done, 2, 10, Some(Waits::NO)),
        saved(&begun, 2, 10, Some(Waits::until(5))),
        saved(&deal, 2, 400 * KIB, None),
    ];
    let mut at = 0;
    loop {
        let directory = tempfile::tempdir().expect("a directory");
        let archive = open(directory.path());
        archive.save(&first).expect("saved");
        let count = cut(&archive, &second, at);
        drop(archive);

        // Opening checks a copy in full.
        let archive = open(directory.path());
        let covers = |entity| archive.load(entity).expect("whole").map_or(0, |s| s.covers.0);
        let told = waiting(&archive).expect("read");
        let wait =
            |entity: &EntityId| told.iter().find(|wait| wait.0 == *entity).map(|wait| wait.1);
        let large = archive.load(&deal).expect("whole").expect("saved");
        assert!(large.state == state(large.covers.0, large.state.len()), "cut at {at}");
        let stand = [&longer, &done, &begun].map(|entity| (covers(entity), wait(entity)));
        let indexed = indexed(&archive);
        for (id, at) in [&longer, &done, &begun].into_iter().zip(&stand) {
            // What the journal has more is not looked for in the index.
            let is_behind = matches!(at, (1, Some(20)) | (0, Some(5)));
            let is_there = indexed.contains(id);
            assert!(is_behind || is_there == at.1.is_some(), "{id} {stand:?} at {at:?}");
        }
        let [longer, done, begun] = stand;
        assert!(matches!(longer, (1, Some(10 | 20)) | (2, Some(20))), "{stand:?} at {at}");
        assert!(matches!(done, (1, Some(0)) | (2, Some(0) | None)), "{stand:?} at {at}");
        assert!(matches!(begun, (0, None | Some(5)) | (2, Some(5))), "{stand:?} at {at}");
        for saved in &second {
            let record = archive.record(&saved.entity, Seq(2)).expect("read");
            assert!(record.is_some() || covers(&saved.entity) < 2, "history before snapshots");
        }

        // The journal has it all, so it is saved again, perhaps with more.
        archive.save(&second).expect("saved");
        assert_eq!(waiting(&archive).expect("read").len(), 2);
        archive.save(&[saved(&deal, 3, 200 * KIB, None)]).expect("saved");
        let disk = &archive.entries_with_tally().disk;
        assert_eq!(disk.trees.pieces.range(..).count(), 2, "pieces that nobody names are gone");
        archive.save(&[saved(&deal, 4, 10, None)]).expect("saved");
        assert_eq!(disk.trees.pieces.range(..).count(), 0);
        archive.verify().expect("it sums up");
        if at == count {
            assert_eq!(stand, [(2, Some(20)), (2, None), (2, Some(5))]);
            break;
        }
        at += 1;
    }
    assert!(at > 15, "history, waits, pieces, snapshots, and what goes: {at}");
}

#[test]
fn the_layout_of_waits_and_pieces_is_fixed() {
    let directory = tempfile::tempdir().expect("a directory");
    let options = Options { shards: 1, ..Options::default() };
    let (_, archive) = SledStore::open(directory.path(), &options).expect("opened");
    let state: Vec<u8> = (0..128 * KIB).map(|_| 1).chain([2, 3]).collect();
    let saga = entity(EntityKind::Saga, "s");
    let saved = saved(&saga, 258, 0, Some(Waits::until(-2)));
    let snapshot = Snapshot { covers: Seq(258), state: state.clone() };
    archive.save(&[Saved { snapshot, ..saved }]).expect("saved");
    let disk = &archive.entries_with_tally().disk;
    let all = |place: Place| -> Vec<(Vec<u8>, Vec<u8>)> {
        let entries = place.tree(disk).range(..).map(|entry| entry.expect("whole"));
        entries.map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
    };
    let seal = |kind, body: &[u8]| envelope::seal(kind, &NO_HASH, body);
    let wait = seal(Kind::Wait, b"\xfe\xff\xff\xff\xff\xff\xff\xff");
    let due = seal(Kind::Due, b"");
    let places = [Place::Waits, Place::Pieces, Place::Due].map(|place| place as u8);
    assert_eq!((wait[5], due[5], places), (8, 11, [4, 5, 6]));
    let timer = b"\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xfe\x03s\0".to_vec();
    assert_eq!(all(Place::Due), [(timer, due)]);
    assert_eq!(all(Place::Waits), [(b"\x03s\0".to_vec(), wait)]);
    let name = xxhash_rust::xxh3::xxh3_128(&state);
    let body = [b"\x02\x01\0\0\0\0\0\0", &name.to_le_bytes()[..], b"\x02\0"].concat();
    let named = seal(Kind::Pieces, &body);
    assert_eq!(named[5], 9);
    assert!(all(Place::Snapshots) == [(b"\x03s\0".to_vec(), named)]);
    let piece = |number: u8, bytes: &[u8]| {
        let key = [b"\x03s\0", &name.to_be_bytes()[..], &[0, number]].concat();
        (key, seal(Kind::Piece, bytes))
    };
    let expected = [piece(0, &state[..128 * KIB]), piece(1, &[2, 3])];
    assert_eq!(expected[0].1[5], 10);
    assert!(all(Place::Pieces) == expected);
}

#[test]
fn the_same_position_may_have_another_state() {
    let directory = tempfile::tempdir().expect("a directory");
    let (archive, deal) = (open(directory.path()), entity(EntityKind::Deal, "d"));
    for size in [300, 200, 300, 500] {
        archive.save(&[saved(&deal, 1, size * KIB, None)]).expect("saved");
        assert!(archive.load(&deal).expect("whole").expect("saved").state == state(1, size * KIB));
        let pieces = archive.entries_with_tally().disk.trees.pieces.range(..).count();
        assert_eq!(pieces, (size * KIB).div_ceil(128 * KIB));
    }
    // Reading while it is replaced: what was read first names pieces that are gone.
    let disk = &archive.entries_with_tally().disk;
    let key = keys::entity(&deal);
    let old = get(disk, "testing", Place::Snapshots, &key).expect("read").expect("there");
    archive.save(&[saved(&deal, 2, 400 * KIB, None)]).expect("saved");
    let read = crate::sled_store::snapshot::read(disk, Kind::Snapshot, &key, old);
    assert_eq!(read.expect("the new one").covers, Seq(2));
}

/// A closed store with a plain wallet and, perhaps, what needs the newer trees; without these.
fn without_newer_trees(waits: Option<Waits>, size: usize) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let archive = open(directory.path());
    let wallet = entity(EntityKind::Wallet, "alice");
    archive.save(&[saved(&wallet, 1, 10, None)]).expect("saved");
    archive.save(&[saved(&entity(EntityKind::Saga, "s"), 1, size, waits)]).expect("saved");
    let database = &archive.entries_with_tally().disk.database.database;
    for name in ["waits", "pieces", "due"] {
        assert!(database.drop_tree(name).expect("dropped"));
    }
    archive.entries_with_tally().disk.trees.meta.remove(b"due").expect("removed");
    directory
}

#[test]
fn a_directory_from_before_these_trees_opens_as_it_is() {
    for waits in [None, Some(Waits::NO)] {
        let directory = without_newer_trees(waits, 10);
        for round in 0..2 {
            let archive = open(directory.path());
            // Two snapshots and two pieces of history.
            assert_eq!(archive.verify().expect("it sums up"), 4 + 2 * round);
            let saga = entity(EntityKind::Saga, "s");
            archive.save(&[saved(&saga, 1, 10, Some(Waits::until(7)))]).expect("saved");
            assert_eq!(waiting(&archive).expect("read"), [(saga, 7)]);
        }
    }
}

#[test]
fn the_index_is_made_when_a_directory_without_one_is_opened() {
    let directory = tempfile::tempdir().expect("a directory");
    let archive = open(directory.path());
    let says = |n: i64| match n % 4 {
        0 => Waits::ANSWER,
        1 => Waits::until(n),
        2 => Waits::until(n).listed(-n),
        _ => Waits::NO.listed(n / 100),
    };
    let sagas: Vec<EntityId> =
        (0..1200).map(|n| entity(EntityKind::Saga, &format!("s{n}"))).collect();
    let all = (0..).zip(&sagas).map(|(n, saga)| saved(saga, 1, 10, Some(says(n))));
    archive.save(&all.collect::<Vec<_>>()).expect("saved");
    let index = |archive: &SledArchive| {
        let mut all = Vec::new();
        let visited = archive.due(&mut |due| {
            all.push(due);
            Ok(())
        });
        visited.map(|()| all).expect("whole")
    };
    let expected = index(&archive);
    assert_eq!(expected.len(), 1200 + 300);
    drop(archive);
    // As an older version leaves it; then as one leaves it that was cut off while it made some.
    for kept in [0, 1, 700] {
        let archive = open(directory.path());
        let gone = |due: &Due| ((Place::Due, keys::due(due)), None);
        let gone: Changes = expected[kept..].iter().map(gone).collect();
        archive.entries_with_tally().change("testing", vec![gone]).expect("removed");
        assert_eq!(index(&archive).len(), kept);
        archive.entries_with_tally().disk.trees.meta.remove(b"due").expect("removed");
        drop(archive);
        let archive = open(directory.path());
        assert_eq!(index(&archive), expected, "{kept} were there");
        archive.verify().expect("it sums up");
    }
    // It is made once.
    let archive = open(directory.path());
    let saves = archive.entries_with_tally().saves();
    drop(archive);
    assert_eq!(open(directory.path()).entries_with_tally().saves(), saves);
}

#[test]
fn a_tree_that_vanished_is_damage() {
    for (waits, size) in [(Some(Waits::until(7)), 10), (None, 200 * KIB)] {
        let directory = without_newer_trees(waits, size);
        match SledStore::open(directory.path(), &Options::default()) {
            Err(StoreError::Damaged { place, what }) => {
                assert!(place.starts_with("the archive"), "{place}: {what}");
            }
            other => panic!("{:?}", other.map(drop)),
        }
    }
}

#[test]
fn a_piece_that_vanished_or_changed_is_damage() {
    for (number, what) in [(0, None), (1, None), (1, Some("else"))] {
        let directory = tempfile::tempdir().expect("a directory");
        let (archive, deal) = (open(directory.path()), entity(EntityKind::Deal, "d"));
        archive.save(&[saved(&deal, 1, 300 * KIB, None)]).expect("saved");
        let disk = &archive.entries_with_tally().disk;
        let name = xxhash_rust::xxh3::xxh3_128(&state(1, 300 * KIB));
        let key = keys::piece(&keys::entity(&deal), name, number);
        let value = what.map(|what| envelope::seal(Kind::Piece, &NO_HASH, what.as_bytes()));
        write(disk, "testing", Changes::from([((Place::Pieces, key), value)])).expect("written");
        for error in [archive.load(&deal).map(drop), archive.verify().map(drop)] {
            assert!(matches!(error, Err(StoreError::Damaged { .. })), "{error:?}");
        }
        let visited = archive.entities(&mut |_, _| Ok(()));
        assert!(matches!(visited, Err(StoreError::Damaged { .. })), "{visited:?}");
    }
}

#[test]
fn a_wait_that_vanished_or_changed_is_damage() {
    let good = |millis: i64| envelope::seal(Kind::Wait, &NO_HASH, &millis.to_le_bytes());
    let mut flipped = good(7);
    *flipped.last_mut().expect("not empty") ^= 1;
    let short = envelope::seal(Kind::Wait, &NO_HASH, b"7");
    let other = envelope::seal(Kind::Index, &NO_HASH, &[0; 8]);
    // The first two only the tally can find.
    for (value, is_told) in [
        (None, false),
        (Some(good(8)), false),
        (Some(flipped), true),
        (Some(short), true),
        (Some(other), true),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let (archive, saga) = (open(directory.path()), entity(EntityKind::Saga, "s"));
        archive.save(&[saved(&saga, 1, 10, Some(Waits::until(7)))]).expect("saved");
        let disk = &archive.entries_with_tally().disk;
        let key = (Place::Waits, keys::entity(&saga));
        write(disk, "testing", Changes::from([(key, value)])).expect("written");
        let read = waiting(&archive);
        assert_eq!(matches!(read, Err(StoreError::Damaged { .. })), is_told, "{read:?}");
        assert!(matches!(archive.verify(), Err(StoreError::Damaged { .. })));
        drop(archive);
        let opened = SledStore::open(directory.path(), &Options::default()).map(drop);
        assert!(matches!(opened, Err(StoreError::Damaged { .. })), "{opened:?}");
    }
}
