//! The storage thread: checkpoints are written and cold data is read here, never on a shard.
//!
//! Reads for an entity go first (`line`); all else is worked off in the order in which it comes. A
//! checkpoint comes in small pieces, so a cold read waits for one piece at most. What was read goes
//! back to the shard that asked, or to a waiting request.

pub mod line;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use bursar_domain::id::{EntityId, Position, Seq, ShardId};
use bursar_domain::message::Outcome;
use bursar_domain::planted::{self, Bug};
use bursar_domain::record::Record;
use bursar_snapshots::codec;
use bursar_snapshots::store::{Archive, IndexKind, Result, Saved, Snapshot, StoreError};

use crate::fatal::OnFatal;
use crate::outcomes::OutcomeLog;
use crate::shard::core::{Found, SLOTS_PAGE, Wanted};
use crate::shard::timers::{self, Timer};
use line::Line;

/// A question of the edge, answered on the storage thread.
pub type Query = Box<dyn FnOnce(&dyn Archive) -> Result<()> + Send>;

/// What the storage thread is asked to do.
pub enum Request {
    /// To read an entity for its shard.
    Load(ShardId, EntityId),
    /// To look something up for an entity, under a ticket.
    LookUp(ShardId, EntityId, u32, Wanted),
    /// To read a page of those that wait for an instant, after one of them, up to an instant.
    Timers(ShardId, Option<Timer>, i64),
    /// To answer a question of the edge.
    Query(Query),
    /// To save entities.
    Save(ShardId, Vec<Saved>),
    /// To save the outcomes so far, then a shard's books.
    SaveBooks(ShardId, Snapshot),
    /// To save the outcomes so far.
    SaveOutcomes,
    /// To drop some outcomes decided before an instant, in milliseconds since the epoch.
    DropOutcomesBefore(i64),
    /// To end once everything before was done.
    Stop,
}

impl Request {
    /// Whether someone waits for what it reads.
    pub fn is_read(&self) -> bool {
        matches!(self, Self::Load(..) | Self::LookUp(..))
    }
}

/// What the storage thread has to say to a shard.
#[derive(Debug)]
pub enum Done {
    /// Something was read for an entity.
    Found(EntityId, Box<Found>),
    /// A page of those that wait for an instant; fewer than a page when there are no more.
    Timers(Vec<Timer>),
    /// Entities are saved.
    Saved,
    /// The books are saved.
    BooksSaved,
}

/// Reads and writes the archive.
pub struct Storage {
    archive: Arc<dyn Archive>,
    outcomes: Arc<OutcomeLog>,
}

impl Storage {
    /// On this archive, saving these outcomes.
    pub fn new(archive: Arc<dyn Archive>, outcomes: Arc<OutcomeLog>) -> Self {
        Self { archive, outcomes }
    }

    fn look_up(&self, entity: &EntityId, ticket: u32, wanted: Wanted) -> Result<Found> {
        let mut refunded = None;
        let is_key = matches!(wanted, Wanted::Record(_) | Wanted::KeyRecord(_));
        let seq = match wanted {
            Wanted::Slots(kind, after) => {
                let slots = self.archive.index_slots(entity, kind, after, SLOTS_PAGE)?;
                return Ok(Found::Slots(kind, slots));
            }
            Wanted::Values(kind, slots) => {
                let values = self.values(entity, kind, &slots)?;
                return Ok(Found::Values { ticket, values });
            }
            Wanted::Record(seq) => Some(seq),
            Wanted::KeyRecord(slot) => self.archive.index(entity, IndexKind::Key, slot)?.map(Seq),
            Wanted::Payment(seq, slot) => {
                refunded = self.archive.index(entity, IndexKind::Refunded, slot)?;
                Some(seq)
            }
        };
        let record = match seq {
            Some(seq) => self.record(entity, seq)?.map(|record| (seq, Arc::new(record))),
            None => None,
        };
        if let (true, Some(seq), None) = (is_key, seq, &record) {
            // Deciding anew under a key that was decided would be worse than stopping.
            return Err(StoreError::Damaged {
                place: format!("history of {entity}, record {seq}"),
                what: "an idempotency key leads to it, and it is not there".to_owned(),
            });
        }
        Ok(Found::Record { ticket, record, refunded })
    }

    fn values(
        &self,
        entity: &EntityId,
        kind: IndexKind,
        slots: &[u128],
    ) -> Result<Vec<(u128, u64)>> {
        let mut values = Vec::new();
        for slot in slots {
            if let Some(value) = self.archive.index(entity, kind, *slot)? {
                values.push((*slot, value));
            }
        }
        Ok(values)
    }

    fn record(&self, entity: &EntityId, seq: Seq) -> Result<Option<Record>> {
        let Some(bytes) = self.archive.record(entity, seq)? else { return Ok(None) };
        decode_record(entity, seq, &bytes).map(Some)
    }

    fn save_outcomes(&self) -> Result<()> {
        let unsaved = self.outcomes.unsaved();
        let Some((newest, _)) = unsaved.last() else { return Ok(()) };
        let newest = *newest;
        let plain: Vec<(Position, Outcome)> =
            unsaved.into_iter().map(|(at, outcome)| (at, Arc::unwrap_or_clone(outcome))).collect();
        self.archive.save_outcomes(&plain)?;
        self.outcomes.saved(newest);
        Ok(())
    }

    /// Does one thing, unless it is to end. Returns what a shard must be told.
    pub fn work(&self, request: Request) -> Result<Option<(ShardId, Done)>> {
        match request {
            Request::Load(shard, entity) => {
                let snapshot = self.archive.load(&entity)?;
                Ok(Some((shard, Done::Found(entity, Box::new(Found::Entity(snapshot))))))
            }
            Request::LookUp(shard, entity, ticket, wanted) => {
                let found = self.look_up(&entity, ticket, wanted)?;
                Ok(Some((shard, Done::Found(entity, Box::new(found)))))
            }
            Request::Timers(shard, after, until) => {
                let page = self.archive.timers(shard, after.as_ref(), until, timers::PAGE)?;
                Ok(Some((shard, Done::Timers(page))))
            }
            Request::Query(query) => query(&*self.archive).map(|()| None),
            Request::Save(shard, entities) => {
                self.archive.save(&entities)?;
                Ok(Some((shard, Done::Saved)))
            }
            Request::SaveBooks(shard, books) => {
                if !planted::is(Bug::OutcomesLost) {
                    self.save_outcomes()?;
                }
                self.archive.save_shard(shard, &books)?;
                Ok(Some((shard, Done::BooksSaved)))
            }
            Request::SaveOutcomes => self.save_outcomes().map(|()| None),
            Request::DropOutcomesBefore(millis) => {
                self.archive.drop_outcomes_before(millis, 1000).map(|_| None)
            }
            Request::Stop => unreachable!("it is not worked off"),
        }
    }
}

/// Decodes a record of an entity's history.
pub fn decode_record(entity: &EntityId, seq: Seq, bytes: &[u8]) -> Result<Record> {
    codec::decode(bytes).map_err(|error| StoreError::Damaged {
        place: format!("history of {entity}, record {seq}"),
        what: error.to_string(),
    })
}

/// The way to the storage thread.
#[derive(Clone, Debug)]
pub struct StorageHandle(Sender<Request>);

/// Requests after the thread has ended are dropped: the process is ending too.
macro_rules! send {
    ($handle:expr, $request:expr) => {
        drop($handle.0.send($request))
    };
}

impl StorageHandle {
    /// Reads an entity for its shard.
    pub fn load(&self, shard: ShardId, entity: EntityId) {
        send!(self, Request::Load(shard, entity));
    }

    /// Looks something up for an entity.
    pub fn look_up(&self, shard: ShardId, entity: EntityId, ticket: u32, wanted: Wanted) {
        send!(self, Request::LookUp(shard, entity, ticket, wanted));
    }

    /// Reads a page of those of a shard that wait for an instant, after one of them, up to one.
    pub fn timers(&self, shard: ShardId, after: Option<Timer>, until: i64) {
        send!(self, Request::Timers(shard, after, until));
    }

    /// Answers a question on the storage thread. An error in it ends the process.
    pub fn query(&self, query: impl FnOnce(&dyn Archive) -> Result<()> + Send + 'static) {
        send!(self, Request::Query(Box::new(query)));
    }

    /// Saves entities of a shard.
    pub fn save(&self, shard: ShardId, entities: Vec<Saved>) {
        send!(self, Request::Save(shard, entities));
    }

    /// Saves the outcomes so far, then the books of a shard.
    pub fn save_books(&self, shard: ShardId, books: Snapshot) {
        send!(self, Request::SaveBooks(shard, books));
    }

    /// Saves the outcomes so far.
    pub fn save_outcomes(&self) {
        send!(self, Request::SaveOutcomes);
    }

    /// Drops some outcomes decided before an instant, in milliseconds since the epoch.
    pub fn drop_outcomes_before(&self, millis: i64) {
        send!(self, Request::DropOutcomesBefore(millis));
    }

    /// Ends the thread once everything before was done.
    pub fn stop(&self) {
        send!(self, Request::Stop);
    }
}

/// Requests on their way to the storage thread.
pub struct Requests(Receiver<Request>);

/// A way to the storage thread, before it runs.
pub fn queue() -> (StorageHandle, Requests) {
    let (sender, receiver) = channel();
    (StorageHandle(sender), Requests(receiver))
}

/// Runs the storage on its own thread. `tell` is called with what a shard must know.
pub fn spawn(
    storage: Storage,
    requests: Requests,
    tell: impl Fn(ShardId, Done) + Send + 'static,
    on_fatal: OnFatal,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("storage".to_owned()).spawn(move || {
        let mut line = Line::default();
        let mut stopping = false;
        loop {
            // What has come, and if nothing waits, what comes.
            let come = if line.is_empty() {
                if stopping {
                    return;
                }
                requests.0.recv().ok()
            } else {
                requests.0.try_recv().ok()
            };
            match come {
                Some(Request::Stop) => stopping = true,
                Some(request) => {
                    let is_read = request.is_read();
                    line.push(request, is_read);
                    continue;
                }
                None if line.is_empty() => return,
                None => {}
            }
            let Some(request) = line.take() else { continue };
            match storage.work(request) {
                Ok(Some((shard, done))) => tell(shard, done),
                Ok(None) => {}
                Err(error) => return on_fatal.end(&error),
            }
        }
    })
}
