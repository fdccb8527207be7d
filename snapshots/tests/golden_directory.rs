//! A directory as the first release left it, killed after a checkpoint, opens as it is.
//!
//! It has two wallets, a provider, what was saved of them and what the journal has behind that; it
//! was made before there were deals and sagas, so sled's trees `waits` and `pieces` are not in it.
//! What is needed is added in place; nothing that was there changes.

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bursar_domain::entity::Entity;
use bursar_domain::id::{Kind, Position, Seq, ShardId};
use bursar_domain::machine::Machine;
use bursar_domain::money::Amount;
use bursar_domain::provider::Provider;
use bursar_domain::record::Record;
use bursar_domain::wallet::Wallet;
use bursar_snapshots::codec;
use bursar_snapshots::sled_store::{Options, SledArchive, SledJournal, SledStore};
use bursar_snapshots::store::{Archive, Journal, Saved, Snapshot, Waits};
use common::{entity, provider, records, rows, saved, slice, wallet};

/// A copy of the directory.
fn copied() -> tempfile::TempDir {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/directory");
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
    let directory = copied();
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
    assert_eq!(archive.waiting().expect("read"), []);
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
    let waiting = Saved { waits: Some(Waits::Until(7)), ..saved(&saga, &[1], 10) };
    let large = Saved { snapshot: large, ..saved(&deal, &[1], 10) };
    archive.save(&[waiting, large]).expect("saved");
    drop((journal, archive));

    let (journal, archive) = open(directory.path());
    assert_eq!(rows(&journal)[..before.len()], before);
    assert_eq!(rows(&journal).len(), before.len() + 3);
    assert_eq!(archive.waiting().expect("read"), [(saga, 7)]);
    assert!(archive.load(&deal).expect("read").expect("saved").state == vec![1; 300_000]);
    // Of each of the two a snapshot, a record and a key; a wait; three pieces.
    assert_eq!(archive.verify().expect("it sums up"), count + 10);
}
