//! Directories as released versions left them open as they are.
//!
//! That of the first release was killed after a checkpoint. It has two wallets, a provider, what
//! was saved of them and what the journal has behind that; it was made before there were deals and
//! sagas, so sled's trees `waits` and `pieces` are not in it. That of the second release has the
//! lives of `values/sagas.rs`: those that wait have it in their old form, and nothing is indexed by
//! time. What is needed is added in place; nothing that was there changes.

mod common;
mod values;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bursar_domain::compensation::Compensation;
use bursar_domain::deal::Deal;
use bursar_domain::entity::Entity;
use bursar_domain::id::{EntityId, Kind, Position, Seq, ShardId};
use bursar_domain::machine::Machine;
use bursar_domain::message::About;
use bursar_domain::money::Amount;
use bursar_domain::provider::Provider;
use bursar_domain::record::{Record, Recorded};
use bursar_domain::saga::Saga;
use bursar_domain::wallet::Wallet;
use bursar_snapshots::codec;
use bursar_snapshots::envelope::{self, NO_HASH};
use bursar_snapshots::sled_store::{Options, SledArchive, SledJournal, SledStore};
use bursar_snapshots::store::{Archive, Due, IndexKind, Journal, Saved, Snapshot, Waits};
use common::{entity, provider, records, rows, saved, slice, waiting, wallet};
use values::sagas::{self, Life};

/// A copy of a directory.
fn copied(name: &str) -> tempfile::TempDir {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("sled")).expect("made");
    for name in ["witness", "sled/db", "sled/conf"] {
        fs::copy(from.join(name), directory.path().join(name)).expect("copied");
    }
    directory
}

fn open(path: &Path) -> (SledJournal, Arc<SledArchive>) {
    SledStore::open_existing(path, &Options::default()).expect("opened")
}

/// The balances of the three, from their snapshots and the journal behind them.
fn balances(journal: &SledJournal, archive: &SledArchive) -> [Amount; 2] {
    let mut wallets = ["alice", "bob"].map(|id| {
        let snapshot = archive.load(&wallet(id)).expect("read").expect("saved");
        let machine: Machine<Wallet> = codec::decode(&snapshot.state).expect("a wallet");
        assert_eq!(machine.last(), snapshot.covers);
        (wallet(id), machine)
    });
    let visited = journal.read(&mut |read| {
        let record: Record = codec::decode(read.bytes).expect("a record");
        for (id, machine) in &mut wallets {
            if record.entity == *id && read.seq > machine.last() {
                machine.apply(&record, read.seq);
            }
        }
        Ok(())
    });
    visited.expect("whole");
    wallets.map(|(_, machine)| machine.entity().summary().expect("opened").posted)
}

#[test]
fn a_directory_of_the_first_release_opens_as_it_is() {
    let directory = copied("directory");
    let (journal, archive) = open(directory.path());
    assert_eq!(journal.ends().len(), 16);
    let before = rows(&journal);
    let expected = [8_550, 700].map(Amount::from_minor);
    assert_eq!(balances(&journal, &archive), expected);
    let acme = archive.load(&provider("acme")).expect("read").expect("saved");
    codec::decode::<Machine<Provider>>(&acme.state).expect("a provider");
    let count = archive.verify().expect("it sums up");
    let history = archive.records_after(&wallet("alice"), Seq(0), 99).expect("read");
    assert_eq!(history.len(), 5, "opened, deposit, payment, refund asked and received");
    for (_, bytes) in &history {
        codec::decode::<Record>(bytes).expect("a record");
    }
    let outcomes = archive.outcomes_after(Position::default(), 99).expect("read");
    assert_eq!(outcomes.len(), 3, "deposit, payment, refund");
    assert_eq!(waiting(&*archive).expect("read"), []);
    let wallets = archive.entities_of(Kind::Wallet, None, 9).expect("read");
    assert_eq!(wallets, [wallet("alice"), wallet("bob")]);
    assert_eq!(archive.entities_of(Kind::Saga, None, 9).expect("read"), []);
    drop((journal, archive));

    // What is new goes into it.
    let (mut journal, archive) = open(directory.path());
    assert_eq!((rows(&journal), archive.verify().expect("it sums up")), (before.clone(), count));
    let claim = journal.claim(&[ShardId(0)]).expect("claimed")[0];
    let more = slice(0, claim.epoch, claim.next.0, &records(0, claim.next.0, 3, 20));
    journal.append(&[more]).expect("appended");
    let (saga, deal) = (entity(Kind::Saga, "s"), entity(Kind::Deal, "d"));
    let large = Snapshot { covers: Seq(1), state: vec![1; 300_000] };
    let timer = Saved { waits: Some(Waits::until(7)), ..saved(&saga, &[1], 10) };
    let large = Saved { snapshot: large, ..saved(&deal, &[1], 10) };
    archive.save(&[timer, large]).expect("saved");
    drop((journal, archive));

    let (journal, archive) = open(directory.path());
    assert_eq!(rows(&journal)[..before.len()], before);
    assert_eq!(rows(&journal).len(), before.len() + 3);
    assert_eq!(waiting(&*archive).expect("read"), [(saga, Waits::until(7))]);
    assert!(archive.load(&deal).expect("read").expect("saved").state == vec![1; 300_000]);
    // Of each of the two a snapshot, a record and a key; a wait, twice; three pieces.
    assert_eq!(archive.verify().expect("it sums up"), count + 11);
}

/// What the archive has of a life up to a position, against the life.
#[track_caller]
fn holds<E: Recorded>(archive: &SledArchive, life: &Life, covers: u64) {
    let mut machine = Machine::<E>::default();
    let part: Vec<_> = life.iter().filter(|entry| entry.0 <= Seq(covers)).collect();
    let entity = &part[0].1.entity;
    for (seq, record) in &part {
        machine.apply(record, *seq);
        if let Some(key) = &record.key {
            let found = archive.index(entity, IndexKind::Key, key.slot()).expect("read");
            assert_eq!(found, Some(seq.0));
        }
    }
    let snapshot = archive.load(entity).expect("read").expect("saved");
    assert_eq!(snapshot.covers, Seq(covers), "{entity}");
    let read: Machine<E> = codec::decode(&snapshot.state).expect("a machine");
    assert_eq!((read.last(), read.version()), (machine.last(), machine.version()), "{entity}");
    assert_eq!(snapshot.state, codec::encode(&machine), "{entity}");
    let history = archive.records_after(entity, Seq(0), 99).expect("read");
    assert_eq!(history.len(), part.len(), "{entity}");
    for ((seq, bytes), (expected, record)) in history.iter().zip(part) {
        assert_eq!(seq, expected);
        assert_eq!(codec::decode::<Record>(bytes).expect("a record"), *record);
    }
}

/// The whole index of those that wait.
fn index(archive: &SledArchive) -> Vec<Due> {
    let mut all = Vec::new();
    let visited = archive.due(&mut |due| {
        all.push(due);
        Ok(())
    });
    visited.expect("read");
    all
}

#[test]
fn a_directory_of_the_second_release_opens_as_it_is() {
    let directory = copied("directory_sagas");
    let (journal, archive) = open(directory.path());
    let count = archive.verify().expect("it sums up");
    holds::<Saga>(&archive, &sagas::saga(), 32);
    holds::<Saga>(&archive, &sagas::cancelled_saga(), 51);
    holds::<Saga>(&archive, &sagas::failed_saga(), 63);
    holds::<Compensation>(&archive, &sagas::compensation(), 71);
    holds::<Wallet>(&archive, &sagas::wallet(), 91);
    holds::<Deal>(&archive, &sagas::deal(), 22);
    let deal = sagas::deal().into_iter().map(|entry| codec::encode(&entry.1));
    let in_journal: Vec<_> = rows(&journal).into_iter().map(|row| row.3).collect();
    assert_eq!(in_journal, deal.collect::<Vec<_>>());
    let outcomes = archive.outcomes_after(Position::default(), 99).expect("read");
    assert!(matches!(outcomes[0].1.about, Some(About::Failure(_))), "{outcomes:?}");

    let (asking, calling) = (EntityId::saga("inv_12_alpha"), EntityId::saga("inv_14_alpha"));
    let undoing = EntityId::compensation(&calling.id);
    let (first, second) = (1_763_633_730_373, 1_763_633_730_623);
    let expected = [
        (asking.clone(), Waits::until(first)),
        (calling.clone(), Waits::ANSWER),
        (undoing.clone(), Waits::until(second)),
    ];
    assert_eq!(waiting(&*archive).expect("read"), expected);
    // It was indexed when it was opened.
    let timer =
        |at, entity: &EntityId| Due::Timer { shard: entity.shard(16), at, entity: entity.clone() };
    let mut expected =
        [timer(first, &asking), timer(second, &undoing), Due::Answer(calling.clone())];
    expected.sort();
    assert_eq!(index(&archive), expected);
    assert_eq!(archive.answer_waiters().expect("read"), [calling]);
    let due = archive.timers(asking.shard(16), None, first, 9).expect("read");
    assert_eq!(due, [(first, asking)]);
    drop((journal, archive));

    let (_journal, archive) = open(directory.path());
    assert_eq!(index(&archive), expected, "indexed once");
    assert_eq!(archive.verify().expect("it sums up"), count);
}

#[test]
fn a_mark_of_dropped_outcomes_from_before_it_was_tallied_counts() {
    let directory = copied("directory_schedule");
    let mark = Position { commit: 1, index: 7 };
    let value = envelope::seal(envelope::Kind::Meta, &NO_HASH, &codec::encode(&mark));
    let config = sled::Config::new().path(directory.path().join("sled")).segment_size(16 << 20);
    let database = config.open().expect("opened");
    let meta = database.open_tree("meta").expect("there");
    meta.insert("dropped", value).expect("written");
    drop((meta, database));
    let (_, archive) = open(directory.path());
    assert_eq!(archive.outcomes_dropped_to().expect("read"), mark);
}
