//! What a shard is told and asked, what it reports, and how it is kept in bounds.
//!
//! Everything that comes from other threads is one enum, [`ToShard`], so that it arrives in one
//! queue in the order in which it was sent. Reports are for operators; [`Pressure`] is what the
//! edge reads without asking.

use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use actix::Message;
use bursar_domain::call::Answered;
use bursar_domain::errand::Brought;
use bursar_domain::id::{EntityId, Kind, Seq, ShardId};
use bursar_domain::message::Message as Sent;
use tokio::sync::oneshot;

use crate::books::Books;
use crate::job::Job;
use crate::shard::work::ShardWork;
use crate::storage::Done;
use crate::view::Neighbour;

/// What the edge sees of a shard's load without asking it.
#[derive(Debug, Default)]
pub struct Pressure {
    /// Set when too many entities are in memory: nobody new is let in until some have gone.
    pub full: AtomicBool,
    /// Entities in memory.
    pub residents: AtomicUsize,
    /// Bytes of records that have not gone to history.
    pub tail_bytes: AtomicUsize,
}

/// How a shard keeps its memory and its journal short.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// At most so many entities in memory, as far as they can be let go.
    pub residents_max: usize,
    /// Who is idle for so long is let go, in milliseconds.
    pub idle_ms: i64,
    /// A checkpoint begins at the latest after so many milliseconds.
    pub checkpoint_ms: i64,
    /// A checkpoint begins at the latest after so many bytes of records.
    pub checkpoint_bytes: usize,
}

/// What a shard tells itself.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum Local {
    /// The entities have worked off their mailboxes: hand over what was staged.
    Flush,
    /// The checkpoint can go on.
    Step,
    /// An entity waits for an instant before all others.
    Arm,
    /// All who were woken have decided.
    Look,
    /// The time of a look has come.
    Ring(Ring),
}

/// A look at the timers that is to be taken after a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ring {
    /// After which time.
    pub wait: Duration,
    /// For which instant, in milliseconds since the epoch.
    pub armed_for: i64,
    /// How long it waits at least, in milliseconds.
    pub pause_ms: u64,
}

/// What comes from other threads and shards.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum ToShard {
    /// A request to an entity.
    Job(Box<Job>),
    /// Requests, in order.
    Jobs(Vec<Job>),
    /// Messages of another shard's entities, in order.
    Deliver(Vec<Sent>),
    /// Messages that another shard has on disk.
    Acknowledge(Vec<Seq>),
    /// For each of these shards of its thread, everything up to there is durable.
    Durable(Vec<(ShardId, Seq)>),
    /// Something was read or written.
    Storage(Done),
    /// Another shard wants to know an entity.
    AskNeighbour {
        /// Whom.
        entity: EntityId,
        /// Which shard.
        from: ShardId,
    },
    /// Another shard has answered.
    Neighbour {
        /// About whom.
        entity: EntityId,
        /// What it said.
        neighbour: Option<Neighbour>,
    },
    /// A third party has answered.
    Answered {
        /// Whom.
        entity: EntityId,
        /// What.
        answered: Answered,
    },
    /// An errand has brought something.
    Brought {
        /// To whom.
        entity: EntityId,
        /// What.
        brought: Brought,
    },
    /// These entities may wait for something: read them, and they will see to it.
    Resume(Vec<EntityId>),
    /// All shards have started and can be reached.
    Linked,
    /// Every shard is linked; these messages of this shard may not have arrived before.
    Resend(Vec<Sent>),
    /// Save everything now; tells how many entities were saved.
    Checkpoint(oneshot::Sender<usize>),
    /// The clock was moved: look what is due. Tells when those that are have been woken.
    TimeMoved(oneshot::Sender<()>),
    /// Tell an operator.
    Report(Report),
    /// Forget what other entities were told of this one: it has changed. Tells when it is done.
    Forget(EntityId, oneshot::Sender<()>),
    /// Ask an entity to stop; tells whether it is no longer in memory.
    Passivate(EntityId, oneshot::Sender<bool>),
}

/// What an operator may ask of a shard.
#[derive(Debug)]
pub enum Report {
    /// The sums so far, with what is not durable yet.
    Books(oneshot::Sender<Books>),
    /// Who is in memory.
    Residents(oneshot::Sender<Vec<ResidentState>>),
    /// How far it is.
    State(oneshot::Sender<ShardState>),
    /// What is not done yet.
    Work(oneshot::Sender<ShardWork>),
    /// Who of a kind is in memory, or is being read.
    Present(Kind, oneshot::Sender<Vec<EntityId>>),
    /// Who is due next.
    Timers(oneshot::Sender<ShardTimers>),
}

/// One resident, for an operator.
#[derive(Clone, Debug)]
pub struct ResidentState {
    /// Who.
    pub id: EntityId,
    /// In which shard.
    pub shard: ShardId,
    /// How many requests are in its mailbox.
    pub mailbox: u32,
    /// Whether it has records that no checkpoint has saved.
    pub dirty: bool,
    /// When it last decided, in milliseconds since the epoch; 0 if not since it was read.
    pub active_ms: i64,
}

/// Who is due next in a shard. In milliseconds since the epoch.
#[derive(Clone, Copy, Debug)]
pub struct ShardTimers {
    /// Which.
    pub shard: ShardId,
    /// The first instant for which one of its entities waits, of those in memory.
    pub next: Option<i64>,
    /// Up to here all are in memory; later ones are on disk, or not saved yet.
    pub known_to: i64,
    /// Whether there are entities that are not saved.
    pub is_unsaved: bool,
}

/// How far a shard is, for an operator.
#[derive(Clone, Copy, Debug)]
pub struct ShardState {
    /// Which.
    pub shard: ShardId,
    /// The last position given.
    pub last: Seq,
    /// The last durable position.
    pub durable: Seq,
    /// Entities in memory.
    pub residents: usize,
    /// Entities with unsaved records.
    pub dirty: usize,
    /// Entities in or out of memory that wait for an instant, as far as the shard knows of them yet.
    pub timers: usize,
    /// Bytes of records that have not gone to history.
    pub tail_bytes: usize,
    /// Messages sent and not acknowledged.
    pub unacknowledged: usize,
    /// Records and answers that wait for the disk.
    pub waiting: usize,
    /// Whether a checkpoint is on its way.
    pub checkpointing: bool,
}
