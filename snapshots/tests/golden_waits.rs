//! Golden files of what the archive writes about those that wait, and a directory of this release.
//!
//! What stands in sled's trees `waits`, `due` and `keys` is read from under the store and compared
//! byte for byte: values in the old form and the new one, the keys of the index by time, entries of
//! every index. The directory has the lives of `golden_schedule.rs` as they were saved; it must
//! open, and say the same of each. `BLESS=1 cargo nextest run -p bursar-snapshots --test
//! golden_waits` makes both anew until they are released.

mod common;
mod values;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bursar_domain::advance::Advance;
use bursar_domain::compensation::Compensation;
use bursar_domain::entity;
use bursar_domain::id::{EntityId, Kind, Position, Seq, ShardId};
use bursar_domain::machine::Machine;
use bursar_domain::provider::Provider;
use bursar_domain::record::{Record, Recorded};
use bursar_domain::run::Run;
use bursar_domain::saga::Saga;
use bursar_domain::schedule::Schedule;
use bursar_domain::wallet::Wallet;
use bursar_snapshots::codec;
use bursar_snapshots::sled_store::{Options, SledArchive, SledStore};
use bursar_snapshots::store::{
    Archive, Awaited, Due, IndexKind, Journal, RecordBytes, Saved, Snapshot, Waits,
};
use common::{Directory, Place, SHARDS, outcome, rows, waiting};
use values::sagas::Life;
use values::{advances, golden, providers, pushes, runs, same, slice};

/// As `SledStore` opens it: its own constant is nobody else's business.
const SEGMENT_SIZE: usize = 16 * 1024 * 1024;

/// An entry: key and value.
type Entry = (Vec<u8>, Vec<u8>);

/// All entries of a tree of a closed store.
fn entries(path: &Path, tree: &str) -> Vec<Entry> {
    let config = sled::Config::new().path(path.join("sled")).segment_size(SEGMENT_SIZE);
    let tree = config.open().expect("opened").open_tree(tree).expect("opened");
    let entry = |found: sled::Result<(sled::IVec, sled::IVec)>| {
        let (key, value) = found.expect("read");
        (key.to_vec(), value.to_vec())
    };
    tree.iter().map(entry).collect()
}

/// Every form of waiting, by the entity that waits.
fn every_wait() -> Vec<(EntityId, Waits)> {
    let saga = EntityId::saga;
    let advance = |id| EntityId::advance(&pushes::advance_id(id));
    vec![
        (EntityId::provider(&values::acme()), Waits::until(0)),
        // In the form of the second release.
        (saga("pay_102_alice"), Waits::ANSWER),
        (saga("rmb_204_acme"), Waits::until(1_763_633_730_373)),
        (EntityId::compensation(&Arc::from("pay_104_alice")), Waits::until(i64::MIN)),
        (advance("adv_1"), Waits::ANSWER.listed(20_778)),
        (advance("adv_2"), Waits::until(1_763_633_730_373).listed(20_783)),
        (advance("adv_3"), Waits::NO.listed(-1)),
        (advance("adv_4"), Waits::until(0).listed(i64::MAX)),
        (EntityId::run("run_2026-11-21"), Waits::until(-1)),
        (EntityId::schedule(), Waits::until(i64::MAX)),
    ]
}

/// Stops the build when a form is added: it needs a golden file.
fn wait_number(waits: Waits) -> (u8, bool) {
    let awaited = match waits.awaits {
        Awaited::Nothing => 0,
        Awaited::Answer => 1,
        Awaited::Instant(_) => 2,
    };
    (awaited, waits.listed.is_some())
}

/// The same for indexes.
fn index_number(kind: IndexKind) -> u64 {
    match kind {
        IndexKind::Key => 0,
        IndexKind::Refunded => 1,
        IndexKind::Left => 2,
        IndexKind::Activity => 3,
    }
}

const INDEXES: [IndexKind; 4] =
    [IndexKind::Key, IndexKind::Refunded, IndexKind::Left, IndexKind::Activity];

/// The slot of an entry in each index.
const SLOT: u128 = 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10;

#[test]
fn every_form_is_in_the_files() {
    let mut forms: Vec<_> = every_wait().iter().map(|(_, waits)| wait_number(*waits)).collect();
    forms.sort_unstable();
    forms.dedup();
    assert_eq!(forms, [(0, true), (1, false), (1, true), (2, false), (2, true)]);
    assert!(INDEXES.into_iter().map(index_number).eq(0..4));
}

#[test]
fn the_entries_of_those_that_wait() {
    let place = Directory::new();
    let (journal, archive) = place.open().expect("opened");
    let save = |(entity, waits): (EntityId, Waits)| {
        let snapshot = Snapshot { covers: Seq(1), state: vec![1] };
        let has_index = entity.kind == Kind::Provider;
        let indexes = INDEXES.into_iter().filter(|_| has_index);
        let index = indexes.map(|kind| (kind, SLOT, u64::MAX - index_number(kind))).collect();
        Saved { entity, snapshot, records: Vec::new(), index, waits: Some(waits) }
    };
    let all: Vec<_> = every_wait().into_iter().map(save).collect();
    archive.save(&all).expect("saved");
    drop((journal, archive));
    let path = place.0.path();
    let trees = ["waits", "due", "keys"].map(|tree| entries(path, tree));
    assert_eq!([10, 13, 4], trees.each_ref().map(Vec::len));
    same!("waits.bin", [Vec<Entry>; 3], trees);

    // What stands there says what was saved.
    let (_journal, archive) = place.open().expect("reopened");
    assert_eq!(waiting(&*archive).expect("read"), every_wait());
    let mut expected: Vec<_> =
        every_wait().iter().flat_map(|(entity, waits)| due(entity, *waits, SHARDS)).collect();
    expected.sort();
    assert_eq!(index(&archive), expected);
    let acme = EntityId::provider(&values::acme());
    for kind in INDEXES {
        let found = archive.index(&acme, kind, SLOT).expect("read");
        assert_eq!(found, Some(u64::MAX - index_number(kind)));
    }
}

/// The entries that an entity has in the index by time.
fn due(entity: &EntityId, waits: Waits, shards: u16) -> Vec<Due> {
    let awaited = match waits.awaits {
        Awaited::Nothing => None,
        Awaited::Answer => Some(Due::Answer(entity.clone())),
        Awaited::Instant(at) => {
            Some(Due::Timer { shard: entity.shard(shards), at, entity: entity.clone() })
        }
    };
    let listed = waits.listed.map(|number| Due::Listed { number, entity: entity.clone() });
    awaited.into_iter().chain(listed).collect()
}

/// The whole index.
fn index(archive: &SledArchive) -> Vec<Due> {
    let mut all = Vec::new();
    let visited = archive.due(&mut |due| {
        all.push(due);
        Ok(())
    });
    visited.expect("read");
    all
}

/// What a checkpoint writes after a life, and of which activities it writes the marks.
fn saved<E: Recorded>(life: &Life, covers: u64, side: fn(&E) -> &[(u128, u64)]) -> Saved {
    let part: Vec<_> = life.iter().filter(|entry| entry.0 <= Seq(covers)).collect();
    let mut machine = Machine::<E>::default();
    for (seq, record) in &part {
        machine.apply(record, *seq);
    }
    let entity = part[0].1.entity.clone();
    let of_part: Vec<Record> = part.iter().map(|entry| entry.1.clone()).collect();
    let slice = slice(entity.shard(16).0, part[0].0.0, &of_part);
    let bytes = |index| RecordBytes { slice: slice.clone(), index };
    let records = part.iter().enumerate().map(|(index, entry)| (entry.0, bytes(index)));
    let awaits = match machine.entity().due() {
        entity::Due::Nothing => Awaited::Nothing,
        entity::Due::Answer => Awaited::Answer,
        entity::Due::At(at) => Awaited::Instant(at.millis()),
    };
    let waits = Waits { awaits, listed: machine.entity().listed() };
    let side = side(machine.entity()).iter();
    Saved {
        entity,
        snapshot: Snapshot { covers: Seq(covers), state: codec::encode(&machine) },
        records: records.collect(),
        index: side.map(|(slot, mark)| (IndexKind::Activity, *slot, *mark)).collect(),
        waits: E::WAITS.then_some(waits),
    }
}

fn no_side<E>(_: &E) -> &[(u128, u64)] {
    &[]
}

/// What is in the directory: of each kind some that wait, and some that are over.
fn everything() -> Vec<Saved> {
    let pushes = pushes::all();
    let provider =
        |life, covers| saved::<Provider>(life, covers, |provider| provider.activities().overflow());
    let saga = |life: usize, covers| saved::<Saga>(&pushes[life], covers, no_side);
    let advance = |life, covers| saved::<Advance>(life, covers, no_side);
    let run = |life, covers| saved::<Run>(life, covers, no_side);
    vec![
        saved::<Wallet>(&pushes::wallet(), 110, no_side),
        provider(&providers::on_calendar(), providers::PENDING),
        provider(&providers::at_once(), 231),
        saga(0, 111),
        saga(6, 160),
        saga(9, 504),
        saved::<Compensation>(&pushes[4], 150, no_side),
        advance(&advances::completed(), advances::WORKING),
        advance(&advances::defaulted(), 331),
        advance(&advances::not_credited(), 361),
        advance(&advances::mistaken(), 371),
        run(&runs::read(), runs::DELAYED),
        run(&runs::unusable(), runs::UNUSABLE),
        run(&runs::unavailable(), 443),
        saved::<Schedule>(&runs::schedule(), runs::AWAITING, no_side),
    ]
}

fn options() -> Options {
    Options { cache_bytes: 64 << 20, ..Options::default() }
}

/// The directory; `BLESS=1` first makes it anew, unless it was released.
fn directory() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/directory_schedule");
    if std::env::var_os("BLESS").is_some() && !values::is_released("directory_schedule") {
        let made = tempfile::tempdir().expect("a directory");
        let (mut journal, archive) = SledStore::open(made.path(), &options()).expect("opened");
        journal.claim(&(0..16).map(ShardId).collect::<Vec<_>>()).expect("claimed");
        archive.save(&everything()).expect("saved");
        archive.save_outcomes(&[outcome(5, 0)]).expect("saved");
        let records: Vec<_> = runs::schedule().into_iter().map(|entry| entry.1).collect();
        let shard = EntityId::schedule().shard(16).0;
        let slice = bursar_snapshots::store::Slice { epoch: 1, ..slice(shard, 1, &records) };
        journal.append(&[slice]).expect("appended");
        drop((journal, archive));
        fs::create_dir_all(path.join("sled")).expect("made");
        for name in ["witness", "sled/db", "sled/conf"] {
            fs::copy(made.path().join(name), path.join(name)).expect("copied");
        }
    }
    path
}

#[test]
fn a_directory_of_this_release_opens_as_it_is() {
    let (from, copy) = (directory(), tempfile::tempdir().expect("a directory"));
    fs::create_dir(copy.path().join("sled")).expect("made");
    for name in ["witness", "sled/db", "sled/conf"] {
        fs::copy(from.join(name), copy.path().join(name)).expect("copied");
    }
    let (journal, archive) = SledStore::open_existing(copy.path(), &options()).expect("opened");
    archive.verify().expect("it sums up");
    let (mut waits, mut dues) = (Vec::new(), Vec::new());
    for saved in everything() {
        let entity = &saved.entity;
        assert_eq!(archive.load(entity).expect("read"), Some(saved.snapshot), "{entity}");
        let history = archive.records_after(entity, Seq(0), 99).expect("read");
        let expected = saved.records.iter().map(|(seq, bytes)| (*seq, bytes.get().to_vec()));
        assert_eq!(history, expected.collect::<Vec<_>>(), "{entity}");
        for (kind, slot, mark) in saved.index {
            assert_eq!(archive.index(entity, kind, slot).expect("read"), Some(mark), "{entity}");
        }
        if let Some(wait) = saved.waits.filter(|waits| *waits != Waits::NO) {
            dues.extend(due(entity, wait, 16));
            waits.push((entity.clone(), wait));
        }
    }
    waits.sort_by(|one, other| one.0.cmp(&other.0));
    dues.sort();
    assert_eq!(waiting(&*archive).expect("read"), waits);
    assert_eq!(index(&archive), dues);
    let agenda = archive.agenda(Kind::Advance, None, i64::MAX, 9).expect("read");
    let ids: Vec<_> = agenda.iter().map(|(day, entity)| (*day, &*entity.id)).collect();
    assert_eq!(ids, [(20_783, "adv_1"), (20_785, "adv_2")]);
    let records = runs::schedule().into_iter().map(|entry| codec::encode(&entry.1));
    let in_journal: Vec<_> = rows(&journal).into_iter().map(|row| row.3).collect();
    assert_eq!(in_journal, records.collect::<Vec<_>>());
    let outcomes = archive.outcomes_after(Position::default(), 9).expect("read");
    assert_eq!(outcomes, [outcome(5, 0)]);
}
