//! A closed store with some of everything, to be damaged; and what it tells before and after.
//!
//! [`Image`] is made once and copied for each trial; [`told`] asks a store everything that it can be
//! asked, so that two of them can be compared; [`end`] says how opening a damaged copy ended. sled
//! panics on some damage, which stops the process in the server; here the panic is caught.

#![allow(dead_code, reason = "each suite uses some of it")]

use std::fs;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use bursar_domain::id::{Kind, Position, Seq, ShardId};
use bursar_snapshots::sled_store::{Options, SledArchive, SledJournal, SledStore};
use bursar_snapshots::store::{
    Archive, IndexKind, Journal, Result, Saved, Snapshot, StoreError, Waits,
};
use xxhash_rust::xxh3::xxh3_64;

use crate::common::{self, Directory, Place, Writer, entity, options, outcome, saved, wallet};

const ENTITIES: u64 = 7;
/// The deal whose state is saved in pieces.
const LARGE: &str = "large";

/// Keeps the backtraces of sled's panics out: they are expected here, and slow.
pub(crate) fn quiet() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let file = panic.location().map_or("", |location| location.file());
            if file.contains("/sled-0.34") {
                println!("sled stopped: {panic}");
            } else {
                before(panic);
            }
        }));
    });
}

/// Everything a store can be asked.
#[derive(PartialEq, Debug)]
pub(crate) struct Told {
    pub(crate) rows: Vec<common::Row>,
    pub(crate) archive: Vec<String>,
}

pub(crate) fn told(path: &Path, options: &Options) -> Result<Told> {
    let (journal, archive) = SledStore::open(path, options)?;
    let mut rows = Vec::new();
    journal.read(&mut |read| {
        rows.push((read.commit, read.shard.0, read.seq.0, read.bytes.to_vec()));
        Ok(())
    })?;
    let archive = told_archive(&archive)?;
    Ok(Told { rows, archive })
}

pub(crate) fn told_archive(archive: &SledArchive) -> Result<Vec<String>> {
    let mut all = Vec::new();
    archive.entities(&mut |entity, snapshot| {
        all.push(format!("{entity} {snapshot:?}"));
        Ok(())
    })?;
    for entity in 0..ENTITIES {
        let entity = wallet(&format!("w{entity}"));
        all.push(format!("{:?}", archive.load(&entity)?));
        for record in archive.records_before(&entity, Seq(u64::MAX), 100_000)? {
            all.push(format!("{record:?}"));
            let slot = u128::from(record.0.0) << 64;
            all.push(format!("{:?}", archive.index(&entity, IndexKind::Key, slot)?));
        }
    }
    all.push(format!("{:?}", common::waiting(archive)?));
    let mut due = Vec::new();
    archive.due(&mut |entry| {
        due.push(entry);
        Ok(())
    })?;
    all.push(format!("{due:?}"));
    all.push(format!("{:?}", archive.timers(ShardId(0), None, i64::MAX, 100_000)?));
    all.push(format!("{:?}", archive.agenda(Kind::Saga, None, i64::MAX, 100_000)?));
    let large = archive.load(&entity(Kind::Deal, LARGE))?;
    all.push(format!("{:?}", large.map(|deal| (deal.covers, xxh3_64(&deal.state)))));
    all.push(format!("{:?}", archive.outcomes_after(Position::default(), 100_000)?));
    all.push(format!("{:?}", archive.outcomes_dropped_to()?));
    all.push(format!("{:?}", archive.load_shard(ShardId(1))?));
    Ok(all)
}

/// Sagas that begin to wait, wait longer, and wait no longer; now and then a deal of some pieces.
fn waiting(round: u64) -> Vec<Saved> {
    let waits = |n: u64, waits| {
        let saga = entity(Kind::Saga, &format!("s{n}"));
        Saved { waits: Some(waits), ..saved(&saga, &[round], 10) }
    };
    let until = Waits::until(1_763_633_730_000 + i64::try_from(round).expect("small"));
    let listed = until.listed(i64::try_from(round % 5).expect("small"));
    let mut all = vec![waits(round, until), waits(round + 100, listed)];
    if round > 3 {
        all.extend([waits(round - 3, Waits::NO), waits(round + 97, until)]);
    }
    if round.is_multiple_of(12) {
        let deal = saved(&entity(Kind::Deal, LARGE), &[round], 10);
        let state = (0..150_000_u64).map(|n| u8::try_from((n * n + round) % 251).expect("small"));
        let snapshot = Snapshot { covers: Seq(round), state: state.collect() };
        all.push(Saved { snapshot, ..deal });
    }
    all
}

/// Does some of everything.
fn work(
    writer: &mut Writer<SledJournal>,
    archive: &SledArchive,
    rounds: std::ops::Range<u64>,
    size: usize,
) {
    for round in rounds {
        writer.append(&[(0, 2), (1, 1)], size);
        writer.append(&[(2, 3)], size);
        if round % 3 == 0 {
            let of = |n: u64| wallet(&format!("w{}", n % ENTITIES));
            let first = saved(&of(round), &[round * 10 + 1, round * 10 + 2], size);
            archive.save(&[first, saved(&of(round + 1), &[round * 10 + 3], size)]).expect("saved");
            archive.save(&waiting(round)).expect("saved");
            archive.save_outcomes(&[outcome(round, 0), outcome(round, 1)]).expect("saved");
            let books = Snapshot { covers: Seq(round), state: vec![1; 200] };
            archive.save_shard(ShardId(1), &books).expect("saved");
        }
        if round % 10 == 9 {
            let back = |seq: Seq| Seq(seq.0.saturating_sub(20).max(1));
            let keep: Vec<_> = writer.claims.iter().map(|c| (c.shard, back(c.next))).collect();
            writer.journal.trim(&keep).expect("trimmed");
        }
    }
}

/// A closed store with some of everything, opened three times, and what it holds.
pub(crate) struct Image {
    place: Directory,
    /// As it was some saves earlier.
    pub(crate) older: PathBuf,
    pub(crate) told: Told,
}

impl Image {
    pub(crate) fn new(rounds: u64, size: usize) -> Self {
        quiet();
        let place = Directory::new();
        let older = place.0.path().join("older");
        for part in 0..3 {
            if part == 2 {
                copy_store(place.0.path(), &older);
            }
            let (journal, archive) = place.open().expect("opened");
            let first = part * rounds + 1;
            work(&mut Writer::new(journal), &archive, first..first + rounds, size);
            let millis = i64::try_from(first).expect("small") * 1000;
            archive.drop_outcomes_before(millis, 100).expect("dropped");
        }
        copy_store(place.0.path(), &place.0.path().join("image"));
        let told = told(place.0.path(), &options()).expect("whole");
        Self { place, older, told }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.place.0.path().join("image")
    }

    /// A copy to be damaged.
    pub(crate) fn copy(&self) -> tempfile::TempDir {
        let directory = tempfile::tempdir_in(self.place.0.path()).expect("a directory");
        copy(&self.path(), directory.path());
        directory
    }

    /// The places to flip in a file: spread over what is not zeros at its end.
    pub(crate) fn samples(&self, name: &str, count: u64) -> Vec<u64> {
        let bytes = fs::read(self.path().join(name)).expect("readable");
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
        let count = std::env::var("DAMAGE_SAMPLES").map_or(count, |n| n.parse().expect("a number"));
        (0..count).map(|n| (used * n / count + n * 37 % 101).min(used - 1)).collect()
    }

    /// sled's name for its newest snapshot file.
    pub(crate) fn sled_snapshot(&self) -> String {
        let names = fs::read_dir(self.path().join("sled")).expect("listed");
        let names = names.map(|entry| entry.expect("listed").file_name());
        let mut names = names.map(|name| name.to_string_lossy().into_owned());
        format!("sled/{}", names.find(|name| name.starts_with("snap.")).expect("there is one"))
    }
}

fn copy_store(from: &Path, to: &Path) {
    for name in ["sled", "witness"] {
        fs::create_dir_all(to).expect("made");
        copy(&from.join(name), &to.join(name));
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        fs::copy(from, to).expect("copied");
        return;
    }
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("listed") {
        let entry = entry.expect("listed");
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

pub(crate) fn flip(path: &Path, at: u64) {
    let file = fs::File::options().read(true).write(true).open(path).expect("there");
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).expect("within the file");
    byte[0] ^= 1 << (at % 8);
    file.write_all_at(&byte, at).expect("written");
}

/// How an opening ended, and what it told if it was fine.
pub(crate) enum End {
    /// sled panicked.
    Stopped,
    Refused(StoreError),
    Opened(Told),
}

pub(crate) fn end(path: &Path, options: &Options) -> End {
    match catch_unwind(AssertUnwindSafe(|| told(path, options))) {
        Err(_) => End::Stopped,
        Ok(Err(error)) => End::Refused(error),
        Ok(Ok(told)) => End::Opened(told),
    }
}
