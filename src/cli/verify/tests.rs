//! What is true passes, and each kind of untruth is found and named.
//!
//! The world is saved once in full, then goes on in the journal, with one payment on its way. A
//! test changes one thing on the disk; the faults must name that thing and its place, and nothing
//! that does not follow from it.

mod activities;
mod advances;
mod campaigns;
mod chance;
mod deals;
mod debits;
mod disk;
mod draws;
mod fair;
mod invest;
mod providers;
mod rewards;
mod rewards_saved;
mod runs;
mod runs_saved;
mod sagas;
mod season;
mod settled;
mod snapshots;
mod statements;
mod troubles;
mod world;

use bursar_domain::id::{EntityId, Position, Seq};
use bursar_domain::key::Key;
use bursar_domain::machine::Machine;
use bursar_domain::money::Amount;
use bursar_domain::provider;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::wallet::{self, Wallet};
use bursar_snapshots::codec;
use bursar_snapshots::memory::MemoryStore;
use bursar_snapshots::sled_store::{Options, SledStore};
use bursar_snapshots::store::{IndexKind, StoreError};

use self::disk::Disk;
use self::invest::{Cast, cast};
use self::world::{SHARDS, World, euro, provider_id, wallet_id};
use super::*;

/// A world with something of everything.
fn world() -> World {
    let mut world = World::default();
    for id in ["alice", "bob", "carol"] {
        world.open(id);
        world.deposit(id, 10_000);
    }
    for id in ["clinic", "garden"] {
        world.register(id);
    }
    let mut payments = Vec::new();
    for n in 0..45 {
        world.deposit("alice", 1_000 + n);
        payments.push(world.pay("alice", if n % 3 == 0 { "garden" } else { "clinic" }, 700));
    }
    world.deliver();
    for payment in &payments[..40] {
        world.refund("alice", *payment, 300);
    }
    world.refund("alice", payments[0], 100);
    world.deliver();
    world.hold("bob", "trip", 2_000);
    world.pay("bob", "clinic", 1_000_000);
    world.pay("bob", "clinic", 8_500);
    world.deliver();
    world.checkpoint();

    world.deposit("bob", 50);
    world.refund("alice", payments[0], 200);
    world.deliver();
    world.pay("alice", "garden", 10);
    world.deliver();
    world.freeze("carol");
    world.open("dave");
    world.deposit("dave", 77);
    world.pay("dave", "clinic", 33);
    world
}

fn report(disk: &Disk) -> Report {
    let store = MemoryStore::new(SHARDS);
    let (mut journal, archive) = store.open().expect("opened");
    disk.write(&mut journal, &*archive);
    let progress = Progress::hidden();
    let ends = disk.ends();
    verify(&journal, &*archive, &ends, 0, Faults::default(), &progress).expect("the store works")
}

fn faults(disk: &Disk) -> Vec<String> {
    let report = report(disk);
    let all = report.faults.kept().iter().map(|fault| format!("{}: {}", fault.place, fault.what));
    let all: Vec<_> = all.collect();
    assert_eq!(report.exit() == Exit::Done, all.is_empty());
    all
}

/// Changes the disk and expects faults, one for each text, which holds all of its parts.
fn check(change: impl FnOnce(&mut Disk), expected: &[&[&str]]) {
    let mut disk = world().disk;
    change(&mut disk);
    expect(&disk, expected);
}

/// The same in the world of deals and sagas.
fn check_cast(change: impl FnOnce(&mut Disk, &Cast), expected: &[&[&str]]) {
    let cast = cast();
    let mut disk = cast.world.disk.clone();
    change(&mut disk, &cast);
    expect(&disk, expected);
}

/// Expects faults of a disk, one or more for each text, which holds all of its parts.
#[track_caller]
fn expect(disk: &Disk, expected: &[&[&str]]) {
    let found = faults(disk);
    for parts in expected {
        let is = |fault: &&String| parts.iter().all(|part| fault.contains(part));
        assert!(found.iter().any(|fault| is(&fault)), "{parts:?} in\n{}", found.join("\n"));
    }
    let named = |fault: &&String| {
        !expected.iter().any(|parts| parts.iter().all(|part| fault.contains(part)))
    };
    let more: Vec<_> = found.iter().filter(named).collect();
    assert!(more.is_empty(), "more than expected: {more:#?}");
}

/// A change of something.
type Change<S> = fn(&mut S);

fn is_deposit(record: &Record) -> bool {
    matches!(&record.verdict, Verdict::Wallet(events)
        if matches!(events.as_slice(), [wallet::Event::Deposited(_)]))
}

fn is_receipt(record: &Record) -> bool {
    matches!(&record.verdict, Verdict::Provider(events)
        if matches!(events.as_slice(), [provider::Event::Received(_)]))
}

#[test]
fn a_true_directory_passes() {
    let world = world();
    assert!(world.disk.keep.values().all(|seq| *seq > Seq(1)), "something was trimmed");
    assert!(world.disk.index.iter().any(|entry| entry.1 == IndexKind::Key));
    assert!(world.disk.index.iter().any(|entry| entry.1 == IndexKind::Refunded));
    let report = report(&world.disk);
    assert_eq!(report.exit(), Exit::Done, "{:#?}", report.faults);
    let trial = report.trial[&euro()];
    assert_eq!((trial.sum(), trial.in_transit.messages), (0, 1));
    assert_eq!(trial.in_transit.money, 33);
    let counts = report.counts.expect("it was opened");
    assert_eq!((counts.wallets, counts.providers), (4, 2));
    assert_eq!(counts.records, world.disk.journal.len() as u64);
    assert!(counts.outcomes_saved > 0 && counts.outcomes_not_yet_saved > 0);
    assert!(report.to_table().ends_with("all is right\n"));
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).expect("it is JSON");
    assert_eq!(json["verdict"], "right");
    assert_eq!(json["currencies"][0]["in_transit"], "0.33");
}

#[test]
fn an_empty_store_passes() {
    assert_eq!(faults(&Disk::default()), Vec::<String>::new());
}

#[test]
fn a_journal_alone_passes() {
    let mut disk = world().disk;
    let journal = std::mem::take(&mut disk.journal);
    assert_eq!(faults(&Disk { journal, ..Disk::default() }), Vec::<String>::new());
}

#[test]
fn a_save_cut_off_by_a_crash_passes() {
    // History and index of a second save are there, its snapshots are not.
    let mut world = world();
    let before = (world.disk.snapshots.clone(), world.disk.books.clone());
    let (outcomes, keep) = (world.disk.outcomes.clone(), world.disk.keep.clone());
    world.checkpoint();
    let known = |id: &EntityId| before.0.contains_key(id);
    world.disk.history.retain(|(_, _, record)| known(&record.entity));
    world.disk.index.retain(|(id, ..)| known(id));
    (world.disk.snapshots, world.disk.books) = before;
    (world.disk.outcomes, world.disk.keep) = (outcomes, keep);
    assert_eq!(faults(&world.disk), Vec::<String>::new());
}

#[test]
fn a_wrong_balance_after_is_named() {
    check(
        |disk| {
            let (_, _, record) = disk.in_history(&wallet_id("bob"), is_deposit);
            let Verdict::Wallet(events) = &mut record.verdict else { unreachable!() };
            let wallet::Event::Deposited(event) = &mut events[0] else { unreachable!() };
            event.balance_after = Amount::from_minor(10_001);
        },
        &[
            &["wallet/bob, record ", "balance_after is 100.01", "come to 100.00"],
            &["wallet/bob, record ", "balance_after is 15.00", "come to 15.01"],
            &["outcome ", "wallet bob", "no record tells this"],
            &["outcomes of shard ", "1 that follow"],
        ],
    );
}

#[test]
fn a_missing_record_is_named() {
    check(
        |disk| {
            let bob = wallet_id("bob");
            disk.history.retain(|(_, _, record)| record.entity != bob || !is_deposit(record));
        },
        &[
            &["wallet/bob, record ", "balance_after is 15.00; 0.00 before"],
            &["wallet/bob, record ", "to be spent"],
            &["wallet/bob, record ", "to be spent"],
            &["wallet/bob, snapshot", "posted is saved as 15.00; the records come to -85.00"],
            &["wallet/bob, snapshot", "version is saved as 5; the records come to 4"],
            &["shard ", "1 of ", "are in no history"],
            &["outcome ", "wallet bob", "no record tells this"],
            &["the books of shard ", "accounts", "the records up to"],
            &["the books of shard ", "external", "the records up to"],
        ],
    );
}

#[test]
fn a_transfer_received_twice_is_named() {
    check(
        |disk| {
            // A later receipt becomes one of the same message.
            let clinic = provider_id("clinic");
            let mut receipts = disk
                .history
                .iter_mut()
                .filter(|(_, _, record)| record.entity == clinic && is_receipt(record));
            let mut event = || {
                let (_, _, record) = receipts.next().expect("there are many");
                let Verdict::Provider(events) = &mut record.verdict else { unreachable!() };
                let provider::Event::Received(event) = &mut events[0] else { unreachable!() };
                event
            };
            let (first, second) = (event(), event());
            second.source = first.source;
        },
        &[
            &["provider/clinic, record ", "was received before"],
            &["message of shard ", "(payment of 7.00 EUR)", "it was received 2 times"],
            &["message of shard ", "(payment of 7.00 EUR)", "it was never received"],
            &["the trial balance in EUR", "and not to zero"],
        ],
    );
}

#[test]
fn a_receipt_of_another_amount_is_named() {
    check(
        |disk| {
            let (_, _, record) = disk.in_history(&provider_id("garden"), is_receipt);
            let Verdict::Provider(events) = &mut record.verdict else { unreachable!() };
            let provider::Event::Received(event) = &mut events[0] else { unreachable!() };
            event.amount = Amount::from_minor(701);
        },
        &[
            &["provider/garden, record ", "balance_after is 7.00"],
            &["provider/garden, snapshot", "accrued"],
            &["provider/garden, snapshot", "earned"],
            &["provider/garden, snapshot", "the running period has payments 15 of 105.00"],
            &["message of shard ", "what was received differs: payment of 7.01 EUR"],
            &["the trial balance in EUR", "come to 0.01"],
            &["the books of shard ", "accounts"],
            &["the books of shard ", "received"],
        ],
    );
}

#[test]
fn a_message_that_is_gone_is_named() {
    let mut world = world();
    world.checkpoint();
    assert_eq!(faults(&world.disk), Vec::<String>::new());
    let ends = world.disk.ends();
    let shard = wallet_id("dave").shard(SHARDS);
    world.disk.keep.insert(shard, ends[usize::from(shard.0)].next());
    let found = faults(&world.disk);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("(payment of 0.33 EUR): it was never received"), "{found:?}");
}

#[test]
fn records_that_were_trimmed_and_never_saved_are_named() {
    check(
        |disk| {
            let shard = wallet_id("dave").shard(SHARDS);
            let end = disk.ends()[usize::from(shard.0)];
            disk.keep.insert(shard, end.next());
        },
        &[
            &["shard ", "are in no history and not in the journal"],
            &["the books of shard ", "the journal goes on only at"],
        ],
    );
}

#[test]
fn a_key_that_is_in_no_index_is_named() {
    let key = Key { text: "key-10".into(), content: 0 };
    let slot = key.slot();
    check(
        |disk| {
            let before = disk.index.len();
            disk.index.retain(|entry| entry.2 != slot);
            assert_eq!(disk.index.len(), before - 1, "the key was spilled");
        },
        &[&["wallet/alice, record ", "\"key-10\" is in no index"]],
    );
    check(
        |disk| {
            let mut entries = disk.index.iter_mut();
            entries.find(|entry| entry.2 == slot).expect("the key was spilled").3 += 1;
        },
        &[&["wallet/alice, record ", "\"key-10\" leads to "]],
    );
}

#[test]
fn a_wrong_index_of_refunds_is_named() {
    check(
        |disk| {
            let mut entries = disk.index.iter_mut().rev();
            let refunded = entries.find(|entry| entry.1 == IndexKind::Refunded);
            refunded.expect("some were spilled").3 = 299;
        },
        &[&["wallet/alice, payment ", "has 299 minor units", "come to 300"]],
    );
}

#[test]
fn wrong_books_are_named() {
    check(
        |disk| {
            let mut books = disk.books.values_mut();
            let line = books.find_map(|books| books.lines.get_mut(&euro())).expect("a line");
            line.sent = line.sent.checked_add(Amount::from_minor(5)).expect("room");
        },
        &[&["the books of shard ", "EUR sent", "saved as"]],
    );
}

#[test]
fn books_that_end_before_the_journal_begins_are_named() {
    check(
        |disk| {
            let shard = wallet_id("dave").shard(SHARDS);
            assert!(disk.books.remove(&shard).is_some());
        },
        &[&["the books of shard ", "they cover 0; the journal goes on only at"]],
    );
}

#[test]
fn a_snapshot_that_differs_is_named() {
    check(
        |disk| {
            let bob = wallet_id("bob");
            let older = disk.snapshots[&wallet_id("carol")].state.clone();
            let machine: Machine<Wallet> = codec::decode(&older).expect("a wallet");
            assert_eq!(machine.version(), 2);
            disk.snapshots.get_mut(&bob).expect("saved").state = older;
        },
        &[
            &["wallet/bob, snapshot", "the profile is not"],
            &["wallet/bob, snapshot", "posted is saved as 100.00"],
            &["wallet/bob, snapshot", "held is saved as 0.00; the records come to 20.00"],
            &["wallet/bob, snapshot", "the holds are not"],
            &["wallet/bob, snapshot", "version is saved as 2"],
            &["wallet/bob, snapshot", "last is saved as"],
            &["wallet/bob, snapshot", "it covers"],
            &["wallet/bob, record ", "in no index"],
        ],
    );
}

#[test]
fn outcomes_that_are_missing_or_invented_are_named() {
    check(|disk| drop(disk.outcomes.remove(20)), &[&["outcomes of shard ", "1 that follow"]]);
    check(
        |disk| {
            let (last, _) = *disk.outcomes.last().expect("there are some");
            let again = disk.outcomes[7].1.clone();
            disk.outcomes.push((Position { index: 9, ..last }, again));
        },
        &[&["outcome ", "no record tells this, or it was saved before"]],
    );
}

#[test]
fn bytes_that_are_no_snapshot_are_damage() {
    let mut disk = world().disk;
    disk.snapshots.get_mut(&wallet_id("bob")).expect("saved").state.push(0);
    let report = report(&disk);
    assert_eq!(report.exit(), Exit::Damaged);
    assert!(report.faults.kept()[0].place.contains("wallet/bob, snapshot"));
    assert!(report.to_table().contains("DAMAGED"));
}

#[test]
fn a_directory_is_read_with_its_own_number_of_shards() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("data");
    let config = Config::default();
    assert_ne!(config.shards.count, SHARDS);
    let options = Options { shards: SHARDS, ..config.store() };
    let (mut journal, archive) = SledStore::open(&path, &options).expect("opened");
    world().disk.write(&mut journal, &*archive);
    let used = verify_directory(&path, &config);
    assert!(matches!(used, Err(StoreError::InUse { .. })), "{used:?}");
    drop((journal, archive));

    // The world's clock stands in 1970, so outcomes count as old; nothing else depends on it.
    for _ in 0..2 {
        let report = verify_directory(&path, &config).expect("the disk works");
        assert_eq!(report.exit(), Exit::Done, "{:#?}", report.faults);
        assert_eq!(report.shards.len(), usize::from(SHARDS));
        let counts = report.counts.expect("it was opened");
        assert!(counts.archive_entries > 0 && counts.bytes_on_disk > 0);
    }
    std::fs::remove_file(path.join("witness")).expect("removed");
    let report = verify_directory(&path, &config).expect("the disk works");
    assert_eq!(report.exit(), Exit::Damaged);
    assert!(report.faults.kept()[0].place.contains("witness"), "{:?}", report.faults);
}

#[test]
fn where_there_is_no_data_nothing_is_made() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let arguments = Arguments { data: Some(data.clone()), config: None, json: false };
    assert_eq!(run(&arguments), Exit::Usage);
    assert!(!data.exists());
}
