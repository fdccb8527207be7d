//! What the suites share: stores that can be reopened, and things to put into them.
//!
//! A [`Place`] is where a store lives while it is closed: a directory, the disk of a simulated
//! machine, or the twin's maps. Records say in their bytes which shard and position they belong to, so a suite that
//! reads one knows whether it is the right one.

#![allow(dead_code, unused_macros, reason = "each suite uses some of it")]

use std::sync::Arc;

use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, Kind, Position, ProviderId, Seq, ShardId, WalletId};
use bursar_domain::message::{Outcome, OutcomeKind};
use bursar_domain::money::Amount;
use bursar_domain::time::Timestamp;
use bursar_simulator::disk::SimDisk;
use bursar_snapshots::memory::{MemoryArchive, MemoryJournal, MemoryStore};
use bursar_snapshots::sled_store::{
    DiskArchive, DiskJournal, Options, SledArchive, SledJournal, SledStore,
};
use bursar_snapshots::store::{
    Archive, Claim, IndexKind, Journal, RecordBytes, Result, Saved, Slice, Snapshot, Waits,
};

/// How many shards the stores of the suites have.
pub(crate) const SHARDS: u16 = 4;

/// A place where a store lives across reopening.
pub(crate) trait Place {
    /// Its journal.
    type Journal: Journal;
    /// Its archive.
    type Archive: Archive;

    /// An empty one.
    fn new() -> Self;
    /// Opens the store in it.
    fn open(&self) -> Result<(Self::Journal, Arc<Self::Archive>)>;
}

/// A directory with a sled store.
pub(crate) struct Directory(pub(crate) tempfile::TempDir);

/// Small caches, so that many stores fit.
pub(crate) fn options() -> Options {
    Options { shards: SHARDS, cache_bytes: 64 << 20, ..Options::default() }
}

impl Place for Directory {
    type Journal = SledJournal;
    type Archive = SledArchive;

    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn open(&self) -> Result<(SledJournal, Arc<SledArchive>)> {
        SledStore::open(self.0.path(), &options())
    }
}

/// The same store on a simulated machine.
impl Place for SimDisk {
    type Journal = DiskJournal<SimDisk>;
    type Archive = DiskArchive<SimDisk>;

    fn new() -> Self {
        Self::new()
    }

    fn open(&self) -> Result<(DiskJournal<SimDisk>, Arc<DiskArchive<SimDisk>>)> {
        self.open_halves(&options())
    }
}

impl Place for MemoryStore {
    type Journal = MemoryJournal;
    type Archive = MemoryArchive;

    fn new() -> Self {
        Self::new(SHARDS)
    }

    fn open(&self) -> Result<(MemoryJournal, Arc<MemoryArchive>)> {
        Self::open(self)
    }
}

/// All shards.
pub(crate) fn shards() -> Vec<ShardId> {
    (0..SHARDS).map(ShardId).collect()
}

/// A slice of records.
pub(crate) fn slice(shard: u16, epoch: u64, first: u64, records: &[Vec<u8>]) -> Slice {
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    for record in records {
        bytes.extend_from_slice(record);
        ends.push(u32::try_from(bytes.len()).expect("small"));
    }
    let (bytes, ends) = (Arc::new(bytes), Arc::new(ends));
    Slice { shard: ShardId(shard), epoch, first: Seq(first), bytes, ends }
}

/// Records that tell where they belong.
pub(crate) fn records(shard: u16, first: u64, count: u64, size: usize) -> Vec<Vec<u8>> {
    let record = |seq: u64| {
        let mut record = format!("shard {shard} seq {seq} ").into_bytes();
        record.resize(record.len().max(size), u8::try_from(seq % 251).expect("small"));
        record
    };
    (first..first + count).map(record).collect()
}

/// A record as read: commit, shard, seq, bytes.
pub(crate) type Row = (u64, u16, u64, Vec<u8>);

/// All that is in a journal.
pub(crate) fn rows(journal: &impl Journal) -> Vec<Row> {
    let mut rows = Vec::new();
    journal
        .read(&mut |read| {
            rows.push((read.commit, read.shard.0, read.seq.0, read.bytes.to_vec()));
            Ok(())
        })
        .expect("the journal is whole");
    rows
}

/// A writer that keeps count of positions.
pub(crate) struct Writer<J> {
    /// The journal.
    pub(crate) journal: J,
    /// The claims, by shard, each with the position of the next record.
    pub(crate) claims: Vec<Claim>,
}

impl<J: Journal> Writer<J> {
    /// Claims all shards.
    pub(crate) fn new(mut journal: J) -> Self {
        let claims = journal.claim(&shards()).expect("claimed");
        Self { journal, claims }
    }

    /// Appends records to shards, one slice each; returns what was appended.
    pub(crate) fn append(&mut self, counts: &[(u16, u64)], size: usize) -> Vec<Row> {
        let mut slices = Vec::new();
        for (shard, count) in counts {
            let claim = &mut self.claims[usize::from(*shard)];
            let first = claim.next.0;
            claim.next = Seq(first + count);
            slices.push(slice(*shard, claim.epoch, first, &records(*shard, first, *count, size)));
        }
        let written = self.journal.append(&slices).expect("appended");
        let mut rows = Vec::new();
        for part in &written {
            let (shard, first, count) = (part.shard.0, part.first.0, u64::from(part.count));
            for (seq, bytes) in (first..).zip(records(shard, first, count, size)) {
                rows.push((part.commit, shard, seq, bytes));
            }
        }
        assert_eq!(rows.len() as u64, counts.iter().map(|count| count.1).sum::<u64>());
        rows
    }
}

/// A wallet.
pub(crate) fn wallet(id: &str) -> EntityId {
    EntityId::wallet(&WalletId::parse(id).expect("well formed"))
}

/// A provider.
pub(crate) fn provider(id: &str) -> EntityId {
    EntityId::provider(&ProviderId::parse(id).expect("well formed"))
}

/// An entity of any kind.
pub(crate) fn entity(kind: Kind, id: &str) -> EntityId {
    EntityId { kind, id: Arc::from(id) }
}

/// An instant.
pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).expect("in range")
}

/// What a checkpoint saves of an entity: records at the given positions.
pub(crate) fn saved(entity: &EntityId, seqs: &[u64], size: usize) -> Saved {
    let all: Vec<_> = seqs.iter().flat_map(|seq| records(0, *seq, 1, size)).collect();
    let slice = slice(0, 1, 1, &all);
    let records = seqs
        .iter()
        .enumerate()
        .map(|(index, seq)| (Seq(*seq), RecordBytes { slice: slice.clone(), index }));
    let last = seqs.last().copied().unwrap_or_default();
    Saved {
        entity: entity.clone(),
        snapshot: Snapshot { covers: Seq(last), state: format!("{entity} {last}").into_bytes() },
        records: records.collect(),
        index: seqs.iter().map(|seq| (IndexKind::Key, u128::from(*seq) << 64, *seq)).collect(),
        waits: None,
    }
}

/// All that wait.
pub(crate) fn waiting(archive: &impl Archive) -> Result<Vec<(EntityId, Waits)>> {
    let mut all = Vec::new();
    archive.waiting(&mut |entity, waits| {
        all.push((entity, waits));
        Ok(())
    })?;
    Ok(all)
}

/// A save of one record that says what the entity waits for.
pub(crate) fn waits(entity: &EntityId, seq: u64, waits: Waits) -> Saved {
    Saved { waits: Some(waits), ..saved(entity, &[seq], 10) }
}

/// An outcome.
pub(crate) fn outcome(commit: u64, index: u32) -> (Position, Outcome) {
    let outcome = Outcome {
        kind: OutcomeKind::PaymentPosted,
        at: at(i64::try_from(commit).expect("small") * 1000 + i64::from(index)),
        wallet: WalletId::parse("alice"),
        seq: Seq(commit),
        provider: ProviderId::parse("acme"),
        payment: None,
        amount: Amount::from_minor(1234),
        currency: Currency::from_code("EUR").expect("known"),
        balance_after: Amount::from_minor(-5),
        description: Some("a description of some length, so that chunks fill".into()),
        effective_at: Some(at(1_700_000_000_000)),
        about: None,
    };
    (Position { commit, index }, outcome)
}

/// Makes a test of each fact for each store.
macro_rules! contract {
    ($($fact:ident)*) => {
        mod sled {
            $(#[test] fn $fact() { super::$fact::<super::Directory>(); })*
        }
        mod simulated {
            $(#[test] fn $fact() { super::$fact::<super::SimDisk>(); })*
        }
        mod memory {
            $(#[test] fn $fact() { super::$fact::<super::MemoryStore>(); })*
        }
    };
}
