//! One entity: its snapshot against its whole history, and its newest records after that.
//!
//! The history and the journal are merged by position. What both have must be the same bytes; what
//! the snapshot covers must be in the history; what it does not must be in the journal. At the point
//! up to which the snapshot covers, the fold must have come to exactly the snapshot's state: every
//! field, the number of records (`version`) and the position of the last one.
//!
//! A crash in the midst of a save leaves records (and index entries) of a save whose snapshot is not
//! there yet. That is not wrong: the journal still has them, and the next save writes the same.

use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, Kind, Seq, ShardId};
use bursar_domain::key::Index;
use bursar_domain::record::Record;
use bursar_domain::time::Timestamp;
use bursar_snapshots::codec::{self, CodecError};
use bursar_snapshots::store::{Archive, Result, Snapshot};

use super::advance::Advance;
use super::campaign::Campaign;
use super::compensation::Compensation;
use super::deal::Deal;
use super::faults::Faults;
use super::history;
use super::keys::Keys;
use super::ledger::{Entry, Ledger, Place, compare};
use super::provider::Provider;
use super::run::Run;
use super::saga::Saga;
use super::schedule::Schedule;
use super::side::{Covered, Side};
use super::statement::Statement;
use super::tail::{self, Held, Tail};
use super::wallet::{self, Wallet};

/// A snapshot's bytes as fields: the entity, its keys, the number of its records, the last one.
pub(super) type Saved<S> = (S, Index, u64, Seq);

/// A kind of entity, folded.
pub(super) trait Account: Default {
    /// The kind's own part of a snapshot.
    type State;

    /// Reads a snapshot.
    fn read(bytes: &[u8]) -> std::result::Result<Saved<Self::State>, CodecError>;

    /// Takes one record.
    fn add(&mut self, record: &Record, entry: &mut Entry<'_>);

    /// In words, where a snapshot differs from what the records came to so far.
    fn differences(&self, state: &Self::State) -> Vec<String>;

    /// Currency and balance, once they exist.
    fn balance(&self) -> Option<(Currency, i128)>;

    /// The index beside the keys, where the kind has one, and what a snapshot has of it.
    fn side<'a>(&'a self, _state: Option<&'a Self::State>) -> Option<Side<'a>> {
        None
    }

    /// Compares what else of the kind stands in the index.
    fn check_index(
        &self,
        _state: Option<&Self::State>,
        _archive: &dyn Archive,
        _covered: Covered<'_>,
        _faults: &mut Faults,
    ) -> Result<()> {
        Ok(())
    }

    /// Until when a snapshot waits, in milliseconds since the epoch, 0 for the answer to a call;
    /// `None` when it waits for nothing.
    fn waits(_state: &Self::State) -> Option<i64> {
        None
    }

    /// Under which number a snapshot stands in the agenda of its kind.
    fn listed(_state: &Self::State) -> Option<i64> {
        None
    }

    /// All records have been given: what is to be known of it beside others.
    fn conclude(&self, _id: &EntityId, _ledger: &mut Ledger) {}
}

/// Where records are.
#[derive(Clone, Copy)]
pub(super) struct Store<'a> {
    pub(super) archive: &'a dyn Archive,
    pub(super) tail: &'a Tail,
}

/// Checks an entity. `held` are its records in the journal.
pub(super) fn check(
    store: Store<'_>,
    id: &EntityId,
    snapshot: Option<&Snapshot>,
    held: &[Held],
    ledger: &mut Ledger,
) -> Result<()> {
    if !tail::is_possible(id) {
        ledger.faults.damaged(id, "there can be no entity with this id");
        return Ok(());
    }
    ledger.entities[usize::from(id.kind.number())] += 1;
    let check = match id.kind {
        Kind::Wallet => check_as::<Wallet>,
        Kind::Provider => check_as::<Provider>,
        Kind::Deal => check_as::<Deal>,
        Kind::Saga => check_as::<Saga>,
        Kind::Compensation => check_as::<Compensation>,
        Kind::Advance => check_as::<Advance>,
        Kind::Run => check_as::<Run>,
        Kind::Schedule => check_as::<Schedule>,
        Kind::Campaign => check_as::<Campaign>,
        Kind::Statement => check_as::<Statement>,
    };
    check(store, id, snapshot, held, ledger)
}

fn check_as<A: Account>(
    store: Store<'_>,
    id: &EntityId,
    snapshot: Option<&Snapshot>,
    held: &[Held],
    ledger: &mut Ledger,
) -> Result<()> {
    let mut saved = None;
    if let Some(snapshot) = snapshot {
        match A::read(&snapshot.state) {
            Ok(read) => saved = Some(read),
            Err(error) => ledger.faults.damaged(format_args!("{id}, snapshot"), error.to_string()),
        }
    }
    let covers = snapshot.map_or(Seq(0), |snapshot| snapshot.covers);
    ledger.waiting.exists(id);
    if held.last().is_some_and(|held| held.seq > covers) {
        ledger.waiting.excuse(id);
    } else if let Some((state, ..)) = &saved {
        let (until, listed) = (A::waits(state), A::listed(state));
        ledger.waiting.check(id, until, listed, &mut ledger.faults);
    }
    let keys = Keys::new(store.archive, id, saved.as_ref().map(|saved| &saved.1), covers);
    let mut check = Check::<A> {
        id,
        shard: id.shard(ledger.shards),
        covers,
        saved: saved.as_ref(),
        is_compared: false,
        account: A::default(),
        keys,
        version: 0,
        last: Seq(0),
        last_at: Timestamp::default(),
        ledger,
    };
    check.merge(store, held)?;
    check.finish(store.archive)
}

/// An entity's check on its way.
struct Check<'a, A: Account> {
    id: &'a EntityId,
    shard: ShardId,
    covers: Seq,
    saved: Option<&'a Saved<A::State>>,
    is_compared: bool,
    account: A,
    keys: Keys<'a>,
    version: u64,
    last: Seq,
    last_at: Timestamp,
    ledger: &'a mut Ledger,
}

impl<'a, A: Account> Check<'a, A> {
    fn place(&self, seq: Seq) -> Place<'a> {
        Place { id: self.id, shard: self.shard, seq }
    }

    /// Takes all records, each once, in order, from wherever they are.
    fn merge(&mut self, store: Store<'_>, held: &[Held]) -> Result<()> {
        let Store { archive, tail } = store;
        let mut held = held.iter().peekable();
        history::each(archive, self.id, &mut |seq, bytes| {
            while let Some(earlier) = held.next_if(|held| held.seq < seq) {
                self.missing(earlier.seq);
                self.add(earlier.seq, tail.bytes(*earlier))?;
            }
            match held.next_if(|held| held.seq == seq) {
                Some(same) if tail.bytes(*same) != bytes => {
                    let what = "history and journal have different records here";
                    self.ledger.faults.wrong(self.place(seq), what);
                }
                None if seq > self.covers => {
                    let what = format!(
                        "it is in the history and not in the journal, but the snapshot covers only {}",
                        self.covers
                    );
                    self.ledger.faults.wrong(self.place(seq), what);
                }
                Some(_) | None => {}
            }
            self.add(seq, bytes)
        })?;
        for newer in held {
            if newer.seq <= self.covers {
                self.missing(newer.seq);
            }
            self.add(newer.seq, tail.bytes(*newer))?;
        }
        Ok(())
    }

    fn missing(&mut self, seq: Seq) {
        let what = "the journal has this record and the history, which goes further, has not";
        self.ledger.faults.wrong(self.place(seq), what);
    }

    fn add(&mut self, seq: Seq, bytes: &[u8]) -> Result<()> {
        if seq > self.covers {
            self.compare();
        }
        let place = self.place(seq);
        let record: Record = match codec::decode(bytes) {
            Ok(record) => record,
            Err(error) => {
                self.ledger.faults.damaged(place, error.to_string());
                return Ok(());
            }
        };
        let mut entry = Entry { ledger: self.ledger, place, at: record.at };
        entry.take_position();
        if record.entity != *self.id {
            entry.wrong(format!("it is a record of {}", record.entity));
        }
        if record.at < self.last_at {
            entry.wrong("it was decided before the entity's record that stands before it");
        }
        if let Some(key) = &record.key {
            self.keys.add(key, wallet::role(&record), &mut entry)?;
        }
        self.account.add(&record, &mut entry);
        self.version += 1;
        (self.last, self.last_at) = (seq, record.at);
        Ok(())
    }

    /// All that the snapshot covers has been taken: compares, once.
    fn compare(&mut self) {
        if std::mem::replace(&mut self.is_compared, true) {
            return;
        }
        let Some((state, _, version, last)) = self.saved else { return };
        let mut differences = self.account.differences(state);
        compare(&mut differences, "version", version, &self.version);
        compare(&mut differences, "last", last, &self.last);
        if self.covers != *last {
            differences.push(format!("it covers {} and ends with {last}", self.covers));
        }
        for what in differences {
            self.ledger.faults.wrong(format_args!("{}, snapshot", self.id), what);
        }
    }

    fn finish(&mut self, archive: &dyn Archive) -> Result<()> {
        self.compare();
        let faults = &mut self.ledger.faults;
        for what in self.keys.astray() {
            faults.wrong(self.id, what);
        }
        let (state, covered) = (self.saved.map(|saved| &saved.0), (self.id, self.covers));
        if let Some(side) = self.account.side(state) {
            side.check(archive, covered, faults)?;
        }
        self.account.check_index(state, archive, covered, faults)?;
        self.account.conclude(self.id, self.ledger);
        if let Some((currency, balance)) = self.account.balance() {
            self.ledger.sums.account(currency, balance);
        }
        Ok(())
    }
}
