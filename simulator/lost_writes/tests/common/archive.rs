//! The archive's side of the work: what is drawn, what it means for the model, what must be left.
//!
//! After a cut, what was acknowledged is there; of the save that was cut off, each entity is as
//! before or as after, its history and indexes anything between, but whole where its snapshot is
//! the new one; of outcomes a beginning, of a dropping of outcomes any part. What an entity no
//! longer waits for may stand a little longer (`Archive::save` says so).

use std::collections::BTreeMap;

use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, Kind, Position, Seq, ShardId, WalletId};
use bursar_domain::message::{Outcome, OutcomeKind};
use bursar_domain::money::Amount;
use bursar_domain::time::Timestamp;
use bursar_simulator::chance::Chance;
use bursar_snapshots::sled_store::SledArchive;
use bursar_snapshots::store::{
    Archive, Due, IndexKind, RecordBytes, Result, Saved, Slice, Snapshot, Waits,
};
use std::sync::Arc;

use super::journal::SHARDS;

const ALL: usize = 1_000_000;

/// One call.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Save(Vec<Saved>),
    Books(ShardId, Snapshot),
    Outcomes(Vec<(Position, Outcome)>),
    Drop(i64),
}

/// One entity.
#[derive(Clone, PartialEq, Debug, Default)]
struct Entity {
    snapshot: Option<Snapshot>,
    history: BTreeMap<u64, Vec<u8>>,
    index: BTreeMap<u128, u64>,
    waits: Waits,
}

/// What was acknowledged.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Model {
    entities: BTreeMap<EntityId, Entity>,
    books: BTreeMap<u16, Snapshot>,
    outcomes: BTreeMap<Position, Outcome>,
    dropped_to: Position,
    last: Position,
}

/// What a record of an entity says: always the same, because a save that a crash cut off is made
/// again from the records in the journal.
fn record(world: &Chance, entity: &EntityId, seq: u64, large: u32) -> (Vec<u8>, (u128, u64)) {
    let mut chance = world.split(&entity.to_string()).split_at(seq);
    let size = if chance.strikes(large) { 30_000 } else { 20 + chance.below(300) };
    let mut bytes = format!("{entity} {seq} {:x} ", chance.next_u64()).into_bytes();
    bytes.resize(bytes.len() + usize::try_from(size).expect("small"), 7);
    (bytes, (u128::from(chance.below(50)) << 70, chance.next_u64()))
}

fn saved(
    chance: &mut Chance,
    world: &Chance,
    entity: EntityId,
    before: &Entity,
    large: u32,
) -> Saved {
    let first = before.snapshot.as_ref().map_or(1, |snapshot| snapshot.covers.0 + 1);
    let count = 1 + chance.below(4);
    let (mut bytes, mut ends, mut index) = (Vec::new(), Vec::new(), Vec::new());
    for seq in first..first + count {
        let (record, (slot, number)) = record(world, &entity, seq, large);
        bytes.extend(record);
        ends.push(u32::try_from(bytes.len()).expect("small"));
        index.push((IndexKind::Key, slot, number));
    }
    let (bytes, ends) = (Arc::new(bytes), Arc::new(ends));
    let slice = Slice { shard: ShardId(0), epoch: 1, first: Seq(first), bytes, ends };
    let records = (0..slice.len())
        .map(|index| (Seq(first + index as u64), RecordBytes { slice: slice.clone(), index }));
    let mut state = format!("{entity} {:x} ", chance.next_u64()).into_bytes();
    let is_large = entity.kind == Kind::Deal && chance.strikes(large);
    let length = if is_large { 150_000 + chance.below(300_000) } else { chance.below(500) };
    let fill = chance.next_u64().to_le_bytes();
    state.extend(fill.iter().cycle().take(usize::try_from(length).expect("small")));
    let waits = (entity.kind == Kind::Saga).then(|| {
        let until = Waits::until(i64::try_from(chance.below(1_000)).expect("small") + 1);
        let number = i64::try_from(chance.below(5)).expect("small");
        *chance.pick(&[Waits::NO, Waits::ANSWER, until, until.listed(number)])
    });
    Saved {
        snapshot: Snapshot { covers: Seq(first + count - 1), state },
        records: records.collect(),
        index,
        entity,
        waits,
    }
}

fn outcome(chance: &mut Chance, at: Position) -> Outcome {
    let millis = i64::try_from(at.commit).expect("small") * 1000;
    Outcome {
        kind: OutcomeKind::PaymentPosted,
        at: Timestamp::from_millis(millis).expect("in range"),
        wallet: WalletId::parse("alice"),
        seq: Seq(at.commit),
        provider: None,
        payment: None,
        amount: Amount::from_minor(i64::try_from(chance.below(1 << 40)).expect("small")),
        currency: Currency::from_code("EUR").expect("known"),
        balance_after: Amount::from_minor(0),
        description: None,
        effective_at: None,
        about: None,
    }
}

impl Operation {
    /// Draws what to do next.
    pub(crate) fn draw(chance: &mut Chance, world: &Chance, model: &Model, large: u32) -> Self {
        match chance.weighted(&[6, 2, 3, 1]) {
            0 => {
                let mut all: BTreeMap<EntityId, Saved> = BTreeMap::new();
                for _ in 0..=chance.below(5) {
                    let kind = *chance.pick(&[Kind::Wallet, Kind::Saga, Kind::Deal]);
                    let id = format!("e{}", chance.below(8));
                    let entity = EntityId { kind, id: id.as_str().into() };
                    let before = model.entities.get(&entity).cloned().unwrap_or_default();
                    all.insert(entity.clone(), saved(chance, world, entity, &before, large));
                }
                Self::Save(all.into_values().collect())
            }
            1 => {
                let shard = u16::try_from(chance.below(SHARDS.into())).expect("small");
                let covers = model.books.get(&shard).map_or(0, |books| books.covers.0) + 1;
                let state = format!("books {shard} {covers} {:x}", chance.next_u64()).into_bytes();
                Self::Books(ShardId(shard), Snapshot { covers: Seq(covers), state })
            }
            2 => {
                let first = model.last.commit + 1;
                let commits = first..=first + chance.below(30);
                let new = commits.map(|commit| Position { commit, index: 0 });
                Self::Outcomes(new.map(|at| (at, outcome(chance, at))).collect())
            }
            _ => {
                let commits = model.last.commit - model.dropped_to.commit;
                let commit = model.dropped_to.commit + chance.below(commits + 1);
                Self::Drop(i64::try_from(commit).expect("small") * 1000)
            }
        }
    }

    /// Does it. Gives the last outcome that was dropped.
    pub(crate) fn perform(&self, archive: &SledArchive) -> Result<Position> {
        match self {
            Self::Save(entities) => archive.save(entities)?,
            Self::Books(shard, snapshot) => archive.save_shard(*shard, snapshot)?,
            Self::Outcomes(outcomes) => archive.save_outcomes(outcomes)?,
            Self::Drop(millis) => archive.drop_outcomes_before(*millis, ALL).map(drop)?,
        }
        archive.outcomes_dropped_to()
    }
}

/// For people: states and records are long.
impl std::fmt::Display for Entity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let snapshot = self.snapshot.as_ref();
        let covers = snapshot.map(|snapshot| (snapshot.covers.0, snapshot.state.len()));
        let start = |bytes: &Vec<u8>| String::from_utf8_lossy(&bytes[..30]).into_owned();
        let history: Vec<_> = self.history.values().map(start).collect();
        let Self { index, waits, .. } = self;
        write!(f, "covers and length {covers:?}, {waits:?}, history {history:?}, index {index:?}")
    }
}

impl Entity {
    fn save(&mut self, saved: &Saved) {
        let records = saved.records.iter().map(|(seq, bytes)| (seq.0, bytes.get().to_vec()));
        self.history.extend(records);
        self.index.extend(saved.index.iter().map(|(_, slot, number)| (*slot, *number)));
        self.snapshot = Some(saved.snapshot.clone());
        self.waits = saved.waits.unwrap_or(self.waits);
    }

    /// Whether this is what may be left between two states.
    fn is_between(&self, before: &Self, after: &Self) -> bool {
        let is_new = self.snapshot == after.snapshot && before.snapshot != after.snapshot;
        let (least, is_waiting_right) = if is_new {
            (after, self.waits == after.waits || after.waits == Waits::NO)
        } else {
            (before, self.snapshot == before.snapshot)
        };
        let has_waits = self.waits == before.waits || self.waits == after.waits;
        let of_history = least.history.keys().all(|seq| self.history.contains_key(seq))
            && self.history.iter().all(|(seq, bytes)| after.history.get(seq) == Some(bytes));
        let of_index = least.index.keys().all(|slot| self.index.contains_key(slot))
            && self.index.iter().all(|(slot, number)| {
                let is_after = after.index.get(slot) == Some(number);
                is_after || (!is_new && before.index.get(slot) == Some(number))
            });
        is_waiting_right && has_waits && of_history && of_index
    }
}

impl Model {
    /// A finished call.
    pub(crate) fn finished(&mut self, operation: &Operation, dropped_to: Position) {
        match operation {
            Operation::Save(entities) => {
                for saved in entities {
                    self.entities.entry(saved.entity.clone()).or_default().save(saved);
                }
            }
            Operation::Books(shard, snapshot) => {
                self.books.insert(shard.0, snapshot.clone());
            }
            Operation::Outcomes(outcomes) => {
                self.outcomes.extend(outcomes.iter().cloned());
                self.last = self.outcomes.keys().next_back().copied().unwrap_or(self.last);
            }
            Operation::Drop(_) => {
                self.dropped_to = dropped_to;
                self.outcomes.retain(|at, _| *at > dropped_to);
            }
        }
    }

    /// Everything an archive tells.
    fn read(archive: &SledArchive) -> Result<Self> {
        let mut model = Self::default();
        for kind in [Kind::Wallet, Kind::Saga, Kind::Deal] {
            let mut at = None;
            archive.histories(kind, None, usize::MAX, &mut |entity, seq, bytes| {
                let found = model.entities.entry(entity.clone()).or_default();
                found.history.insert(seq.0, bytes.to_vec());
                at = Some(seq);
                Ok(())
            })?;
        }
        archive.entities(&mut |entity, snapshot| {
            model.entities.entry(entity).or_default().snapshot = Some(snapshot);
            Ok(())
        })?;
        archive.waiting(&mut |entity, waits| {
            model.entities.entry(entity).or_default().waits = waits;
            Ok(())
        })?;
        for (id, entity) in &mut model.entities {
            for slot in archive.index_slots(id, IndexKind::Key, None, ALL)? {
                let number = archive.index(id, IndexKind::Key, slot)?;
                entity.index.insert(slot, number.expect("it was listed"));
            }
        }
        for shard in 0..SHARDS {
            model.books.extend(archive.load_shard(ShardId(shard))?.map(|books| (shard, books)));
        }
        model.outcomes.extend(archive.outcomes_after(Position::default(), ALL)?);
        model.dropped_to = archive.outcomes_dropped_to()?;
        model.last = archive.last_outcome()?.unwrap_or_default();
        Ok(model)
    }

    /// Compares an opened archive with what must be there, when an operation may have been cut
    /// off, and takes over what is there.
    pub(crate) fn compare(
        &mut self,
        archive: &SledArchive,
        cut_off: Option<&Operation>,
    ) -> std::result::Result<(), String> {
        archive.verify().map_err(|error| format!("the archive is not whole: {error}"))?;
        let found = Self::read(archive).map_err(|error| format!("cannot be read: {error}"))?;
        let mut after = self.clone();
        if let Some(operation) = cut_off {
            after.finished(operation, Position::default());
        }
        if let Some(Operation::Drop(millis)) = cut_off {
            after.outcomes.retain(|_, outcome| outcome.at.millis() >= *millis);
        }
        let nothing = Entity::default();
        let ids = after.entities.keys().chain(found.entities.keys());
        for id in ids {
            let [here, old, new] =
                [&found, self, &after].map(|model| model.entities.get(id).unwrap_or(&nothing));
            if !here.is_between(old, new) {
                return Err(format!("{id} is {here}\n  but was {old}\n  or became {new}"));
            }
        }
        for shard in 0..SHARDS {
            let [here, old, new] = [&found, self, &after].map(|model| model.books.get(&shard));
            if here != old && here != new {
                return Err(format!("books of {shard}: {here:?}, not {old:?} or {new:?}"));
            }
        }
        self.compare_outcomes(&found, &after)?;
        check_index(&found, archive)?;
        *self = found;
        Ok(())
    }

    /// All outcomes that were there before and after are there, and none that was in neither; new
    /// ones are a beginning, dropped ones are behind the mark.
    fn compare_outcomes(&self, found: &Self, after: &Self) -> std::result::Result<(), String> {
        let wrong = |what: &str| Err(format!("outcomes {what}: {:?}", found.outcomes.keys()));
        for (at, outcome) in &found.outcomes {
            if self.outcomes.get(at).or_else(|| after.outcomes.get(at)) != Some(outcome) {
                return wrong("that nobody saved");
            }
        }
        for at in self.outcomes.keys().filter(|at| !found.outcomes.contains_key(at)) {
            if after.outcomes.contains_key(at) || *at > found.dropped_to {
                return wrong(&format!("without {at:?}"));
            }
        }
        let new: Vec<_> = after.outcomes.keys().filter(|at| **at > self.last).collect();
        let there = new.iter().filter(|at| found.outcomes.contains_key(at)).count();
        if !new[..there].iter().all(|at| found.outcomes.contains_key(at)) {
            return wrong("with a gap");
        }
        if found.dropped_to < self.dropped_to {
            return wrong("dropped, and told as not dropped");
        }
        Ok(())
    }
}

/// Every entry of the index of those that wait is borne out by one that waits, and the other way.
fn check_index(found: &Model, archive: &SledArchive) -> std::result::Result<(), String> {
    let (mut listed, mut timed, mut answers) = (0, 0, 0);
    let counted = archive.due(&mut |due| {
        match due {
            Due::Timer { .. } => timed += 1,
            Due::Listed { .. } => listed += 1,
            Due::Answer(_) => answers += 1,
        }
        Ok(())
    });
    counted.map_err(|error| format!("the index of waits: {error}"))?;
    let waits = || found.entities.values().map(|entity| entity.waits);
    let is_timed = |waits: &Waits| *waits != Waits { listed: waits.listed, ..Waits::NO };
    let told = (
        waits().filter(|waits| waits.listed.is_some()).count(),
        waits().filter(|waits| is_timed(waits) && *waits != Waits::ANSWER).count(),
        waits().filter(|waits| *waits == Waits::ANSWER).count(),
    );
    if told == (listed, timed, answers) {
        Ok(())
    } else {
        Err(format!("the index of waits has {:?}; {told:?} wait", (listed, timed, answers)))
    }
}
