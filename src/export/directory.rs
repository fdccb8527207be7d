//! The records in the directory of a stopped server, in the order of a walk.
//!
//! History comes from the archive, a kind at a time; what no checkpoint has saved yet, as after a
//! kill, is in the journal's tail, which is read once and put between: an entity's tail follows its
//! history, and may repeat the end of it. So the export has everything that was acknowledged.
//!
//! The directory is opened under its lock, as the server and `bursar verify` do; nothing is claimed
//! or appended. Memory: the tail, which the server keeps short.
//!
//! Invariant: kinds are given ascending, entities of a kind ascending, records of an entity ascending.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bursar_domain::id::{EntityId, Kind, Seq};
use bursar_domain::record::Record;
use bursar_snapshots::codec;
use bursar_snapshots::sled_store::{Options, SledArchive, SledJournal, SledStore};
use bursar_snapshots::store::{Archive, Journal, Result, StoreError};

use super::position::Position;

/// An open directory.
pub(crate) struct Directory {
    journal: SledJournal,
    archive: Arc<SledArchive>,
}

/// Whoever is given the records.
pub(crate) trait Visit {
    /// The next record.
    fn record(&mut self, id: &EntityId, seq: Seq, bytes: &[u8]) -> Result<()>;

    /// The last record of a kind has been given.
    fn end_kind(&mut self, kind: Kind) -> Result<()>;
}

impl Directory {
    /// Opens the directory of a stopped server.
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self> {
        let (journal, archive) = SledStore::open_existing(path, options)?;
        Ok(Self { journal, archive })
    }

    /// Where it ends.
    pub(crate) fn position(&self) -> Position {
        Position::new(self.journal.ends())
    }

    /// Gives every record of these kinds to `visit`, a kind after the other.
    pub(crate) fn walk(&self, kinds: &[Kind], visit: &mut dyn Visit) -> Result<()> {
        walk(&self.journal, &*self.archive, kinds, visit)
    }
}

fn walk(
    journal: &dyn Journal,
    archive: &dyn Archive,
    kinds: &[Kind],
    visit: &mut dyn Visit,
) -> Result<()> {
    assert!(kinds.is_sorted(), "the tail is given in the order of kinds");
    let mut tail = Tail::read(journal, kinds)?;
    for kind in kinds {
        let mut last: Option<(EntityId, Seq)> = None;
        archive.histories(*kind, None, usize::MAX, &mut |id, seq, bytes| {
            if last.as_ref().is_none_or(|(of, _)| of != id) {
                tail.before(id, last.as_ref(), visit)?;
                last = Some((id.clone(), seq));
            } else if let Some((_, last)) = &mut last {
                *last = seq;
            }
            visit.record(id, seq, bytes)
        })?;
        tail.rest(*kind, last.as_ref(), visit)?;
        visit.end_kind(*kind)?;
    }
    Ok(())
}

/// The records of the journal, by entity.
#[derive(Default)]
struct Tail {
    bytes: Vec<u8>,
    /// Position, and where the bytes begin and end.
    entities: BTreeMap<EntityId, Vec<(Seq, usize, usize)>>,
}

impl Tail {
    fn read(journal: &dyn Journal, kinds: &[Kind]) -> Result<Self> {
        let mut tail = Self::default();
        journal.read(&mut |read| {
            let record: Record = codec::decode(read.bytes).map_err(|error| {
                let place = format!("journal, shard {}, record {}", read.shard.0, read.seq);
                StoreError::Damaged { place, what: error.to_string() }
            })?;
            if kinds.contains(&record.entity.kind) {
                let begin = tail.bytes.len();
                tail.bytes.extend_from_slice(read.bytes);
                let held = (read.seq, begin, tail.bytes.len());
                tail.entities.entry(record.entity).or_default().push(held);
            }
            Ok(())
        })?;
        Ok(tail)
    }

    /// Gives what comes before an entity's history; `last` is what was given last of history.
    fn before(
        &mut self,
        id: &EntityId,
        last: Option<&(EntityId, Seq)>,
        visit: &mut dyn Visit,
    ) -> Result<()> {
        while let Some(entry) = self.entities.first_entry() {
            if entry.key() >= id {
                break;
            }
            let (of, held) = entry.remove_entry();
            self.give(&of, &held, last, visit)?;
        }
        Ok(())
    }

    /// Gives what is left of a kind.
    fn rest(
        &mut self,
        kind: Kind,
        last: Option<&(EntityId, Seq)>,
        visit: &mut dyn Visit,
    ) -> Result<()> {
        while let Some(entry) = self.entities.first_entry()
            && entry.key().kind == kind
        {
            let (of, held) = entry.remove_entry();
            self.give(&of, &held, last, visit)?;
        }
        Ok(())
    }

    fn give(
        &self,
        id: &EntityId,
        held: &[(Seq, usize, usize)],
        last: Option<&(EntityId, Seq)>,
        visit: &mut dyn Visit,
    ) -> Result<()> {
        let saved = last.filter(|(of, _)| of == id).map_or(Seq(0), |(_, seq)| *seq);
        for (seq, begin, end) in held.iter().filter(|(seq, ..)| *seq > saved) {
            visit.record(id, *seq, &self.bytes[*begin..*end])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bursar_domain::id::ShardId;
    use bursar_domain::record::Verdict;
    use bursar_domain::time::Timestamp;
    use bursar_snapshots::memory::MemoryStore;
    use bursar_snapshots::store::{RecordBytes, Saved, Slice, Snapshot};

    use super::*;

    fn entity(kind: Kind, id: &str) -> EntityId {
        EntityId { kind, id: Arc::from(id) }
    }

    /// A journal whose records are of these entities, from position 1 on.
    fn slice(epoch: u64, entities: &[EntityId]) -> Slice {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for entity in entities {
            let is_wallet = entity.kind == Kind::Wallet;
            let verdict =
                if is_wallet { Verdict::Wallet(Vec::new()) } else { Verdict::Provider(Vec::new()) };
            let at = Timestamp::default();
            let record = Record { at, entity: entity.clone(), key: None, verdict };
            bytes.extend(codec::encode(&record));
            ends.push(u32::try_from(bytes.len()).expect("small"));
        }
        let (bytes, ends) = (Arc::new(bytes), Arc::new(ends));
        Slice { shard: ShardId(0), epoch, first: Seq(1), bytes, ends }
    }

    #[derive(Default)]
    struct Seen(Vec<(String, u64)>);

    impl Visit for Seen {
        fn record(&mut self, id: &EntityId, seq: Seq, bytes: &[u8]) -> Result<()> {
            let record: Record = codec::decode(bytes).expect("a record");
            assert_eq!(record.entity, *id);
            self.0.push((id.to_string(), seq.0));
            Ok(())
        }

        fn end_kind(&mut self, kind: Kind) -> Result<()> {
            self.0.push((format!("{} end", kind.as_str()), 0));
            Ok(())
        }
    }

    #[test]
    fn the_tail_stands_after_the_history_of_its_entity_and_repeats_nothing() {
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|id| entity(Kind::Wallet, id));
        let acme = entity(Kind::Provider, "acme");
        let all = [&b, &acme, &b, &d, &d, &a, &c, &b, &d].map(Clone::clone);
        let (mut journal, archive) = MemoryStore::new(1).open().expect("opened");
        let epoch = journal.claim(&[ShardId(0)]).expect("claimed")[0].epoch;
        let slice = slice(epoch, &all);
        journal.append(std::slice::from_ref(&slice)).expect("written");
        let save = |id: &EntityId, seqs: &[u64]| {
            let record = |seq: &u64| {
                let index = usize::try_from(*seq - 1).expect("small");
                (Seq(*seq), RecordBytes { slice: slice.clone(), index })
            };
            let saved = Saved {
                entity: id.clone(),
                snapshot: Snapshot { covers: Seq(0), state: Vec::new() },
                records: seqs.iter().map(record).collect(),
                index: Vec::new(),
                waits: None,
            };
            archive.save(&[saved]).expect("saved");
        };
        // Of b, two of three are saved; of d all; of the others nothing.
        save(&b, &[1, 3]);
        save(&d, &[4, 5, 9]);
        let mut seen = Seen::default();
        walk(&journal, &*archive, &[Kind::Wallet, Kind::Provider], &mut seen).expect("walked");
        let expected = [
            ("wallet/a", 6),
            ("wallet/b", 1),
            ("wallet/b", 3),
            ("wallet/b", 8),
            ("wallet/c", 7),
            ("wallet/d", 4),
            ("wallet/d", 5),
            ("wallet/d", 9),
            ("wallet end", 0),
            ("provider/acme", 2),
            ("provider end", 0),
        ];
        assert_eq!(seen.0, expected.map(|(id, seq)| (id.to_owned(), seq)));
        let mut seen = Seen::default();
        walk(&journal, &*archive, &[Kind::Provider], &mut seen).expect("walked");
        assert_eq!(seen.0.len(), 2, "only what was asked for");
    }
}
