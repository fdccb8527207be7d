//! What a world leaves on disk: plain lists, which a test changes before they are written.
//!
//! Nothing here knows any rule. A disk is written to an empty store through the store's own traits,
//! in the order in which a server would have done it: the journal, the entities with their histories,
//! indexes and waits, the books, the outcomes; then the journal is trimmed.

use std::collections::BTreeMap;
use std::sync::Arc;

use bursar_actors::books::Books;
use bursar_domain::id::{EntityId, Position, Seq, ShardId};
use bursar_domain::message::Outcome;
use bursar_domain::record::{Record, Recorded};
use bursar_snapshots::codec;
use bursar_snapshots::store::{
    Archive, IndexKind, Journal, RecordBytes, Saved, Slice, Snapshot, Waits,
};

use super::world::SHARDS;

/// A record where it stands.
pub(super) type Placed = (ShardId, Seq, Record);

/// What is on disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    /// All records, in the order of their decisions; each is a commit.
    pub(super) journal: Vec<Placed>,
    /// From where each shard's journal is kept.
    pub(super) keep: BTreeMap<ShardId, Seq>,
    pub(super) history: Vec<Placed>,
    pub(super) snapshots: BTreeMap<EntityId, Snapshot>,
    pub(super) waits: BTreeMap<EntityId, Waits>,
    pub(super) index: Vec<(EntityId, IndexKind, u128, u64)>,
    pub(super) books: BTreeMap<ShardId, Books>,
    pub(super) outcomes: Vec<(Position, Outcome)>,
}

fn slice(epoch: u64, (shard, seq, record): &Placed) -> Slice {
    let bytes = codec::encode(record);
    let ends = Arc::new(vec![u32::try_from(bytes.len()).expect("small")]);
    Slice { shard: *shard, epoch, first: *seq, bytes: Arc::new(bytes), ends }
}

impl Disk {
    /// Writes everything to an empty store.
    pub(super) fn write(&self, journal: &mut dyn Journal, archive: &dyn Archive) {
        let shards: Vec<_> = (0..SHARDS).map(ShardId).collect();
        let claims = journal.claim(&shards).expect("claimed");
        for placed in &self.journal {
            let epoch = claims[usize::from(placed.0.0)].epoch;
            journal.append(&[slice(epoch, placed)]).expect("appended");
        }
        for (id, snapshot) in &self.snapshots {
            let of = self.history.iter().filter(|(_, _, record)| record.entity == *id);
            let record =
                |placed: &Placed| (placed.1, RecordBytes { slice: slice(1, placed), index: 0 });
            let index = self.index.iter().filter(|entry| entry.0 == *id);
            let saved = Saved {
                entity: id.clone(),
                snapshot: snapshot.clone(),
                records: of.map(record).collect(),
                index: index.map(|(_, kind, slot, value)| (*kind, *slot, *value)).collect(),
                waits: self.waits.get(id).copied(),
            };
            archive.save(&[saved]).expect("saved");
        }
        for (shard, books) in &self.books {
            let snapshot = Snapshot { covers: books.covers, state: codec::encode(books) };
            archive.save_shard(*shard, &snapshot).expect("saved");
        }
        archive.save_outcomes(&self.outcomes).expect("saved");
        let keep: Vec<_> = self.keep.iter().map(|(shard, seq)| (*shard, *seq)).collect();
        journal.trim(&keep).expect("trimmed");
    }

    /// The last position of each shard.
    pub(super) fn ends(&self) -> Vec<Seq> {
        let last = |shard| {
            let own = self.journal.iter().filter(|placed| placed.0 == ShardId(shard));
            own.map(|placed| placed.1).max().unwrap_or_default()
        };
        (0..SHARDS).map(last).collect()
    }

    /// The record of an entity in its history that a question picks, to be changed.
    pub(super) fn in_history(
        &mut self,
        id: &EntityId,
        pick: impl Fn(&Record) -> bool,
    ) -> &mut Placed {
        let mut records = self.history.iter_mut();
        let found = records.find(|(_, _, record)| record.entity == *id && pick(record));
        found.expect("there is such a record")
    }

    /// Changes the first event of an entity of which `change` says that it did.
    pub(super) fn change<E: Recorded>(
        &mut self,
        id: &EntityId,
        mut change: impl FnMut(&mut E::Event) -> bool,
    ) {
        let of_it = |placed: &&Placed| placed.2.entity == *id;
        let found = self.journal.iter().filter(of_it).find_map(|(shard, seq, record)| {
            let mut events = E::events(&record.verdict).expect("of this kind").to_vec();
            let is_changed = events.iter_mut().any(&mut change);
            is_changed.then(|| (*shard, *seq, E::verdict(events)))
        });
        let (shard, seq, verdict) = found.expect("there is such an event");
        for placed in self.journal.iter_mut().chain(&mut self.history) {
            if (placed.0, placed.1) == (shard, seq) {
                placed.2.verdict = verdict.clone();
            }
        }
    }

    /// Takes the records of an entity that a question picks out of its history.
    pub(super) fn forget(&mut self, id: &EntityId, pick: impl Fn(&Record) -> bool) {
        let before = self.history.len();
        self.history.retain(|(_, _, record)| record.entity != *id || !pick(record));
        assert!(self.history.len() < before, "there is such a record");
    }

    /// The journal up to the last record that a question picks.
    pub(super) fn end_with(&mut self, is_last: impl Fn(&Record) -> bool) {
        let last = self.journal.iter().rposition(|placed| is_last(&placed.2));
        self.journal.truncate(last.expect("there is such a record") + 1);
    }

    /// The journal alone, as if nothing had ever been saved.
    pub(super) fn alone(self) -> Self {
        Self { journal: self.journal, ..Self::default() }
    }
}
