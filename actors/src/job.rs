//! What the edge asks of an entity, and how the answer gets back.
//!
//! A [`Job`] goes into the mailbox of the entity's shard and on to the entity. It carries its
//! [`ReplyTo`]: the way back and the permit of admission, which is given back when the answer has
//! been sent. A client that has gone away changes nothing: the job runs, the answer is dropped.

use std::sync::Arc;
use std::sync::Mutex;

use bursar_domain::code::Rejection;
use bursar_domain::deal::Standing;
use bursar_domain::id::{EntityId, Seq, ShardId};
use bursar_domain::key::{Key, Known};
use bursar_domain::provider::LineAnswer;
use bursar_domain::record::Record;
use bursar_domain::statement::Reward;
use bursar_domain::{
    advance, campaign, compensation, deal, provider, run, saga, schedule, statement, wallet,
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::view::{Neighbour, Seen};

/// A command to one entity.
#[derive(Clone, Debug)]
pub enum Command {
    /// To a wallet.
    Wallet(wallet::Command),
    /// To a provider.
    Provider(provider::Command),
    /// To a deal.
    Deal(deal::Command),
    /// To a saga.
    Saga(saga::Command),
    /// To a compensation.
    Compensation(compensation::Command),
    /// To an advance.
    Advance(advance::Command),
    /// To a run.
    Run(run::Command),
    /// To the schedule.
    Schedule(schedule::Command),
    /// To a campaign.
    Campaign(campaign::Command),
    /// To a statement.
    Statement(statement::Command),
}

/// Whether third parties have room for the calls that a decision would bring. Looked at only when
/// the key is new: who has a ticket is never turned away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Room {
    /// There is.
    There,
    /// Their queue is full: nothing new is decided.
    Full,
}

/// What is asked of an entity.
#[derive(Debug)]
pub enum Ask {
    /// Decide, record, and answer when it is durable.
    Decide {
        /// What is wished.
        command: Command,
        /// The client's key, if there is one.
        key: Option<Key>,
        /// The id of the request, kept with a refusal.
        request_id: Box<str>,
        /// Whether there is room for what would follow.
        room: Room,
    },
    /// How it stands.
    Summary,
    /// One of its payments: the record, and what was refunded of it.
    Payment(Seq),
    /// One of a deal's investments: the record that gave the ticket, and how it stands in line.
    Investment(Seq),
    /// A statement's newest rewards before one.
    Rewards {
        /// Only rewards before this one.
        before: (Seq, u16),
        /// At most so many.
        limit: usize,
    },
    /// Its oldest records that have not gone to history yet, after a position.
    Following {
        /// Only records after this one.
        after: Seq,
        /// At most so many.
        limit: usize,
    },
    /// Its newest records that have not gone to history yet, before a position.
    Recent {
        /// Only records before this one.
        before: Seq,
        /// At most so many.
        limit: usize,
    },
    /// Everything, for an operator.
    Inspect,
}

/// What an entity answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It was decided and is durable.
    Decided {
        /// Under which position.
        seq: Seq,
        /// The whole decision; a refusal that was recorded is one too.
        record: Arc<Record>,
        /// Whether it was decided by an earlier request with the same key.
        replayed: bool,
    },
    /// It was refused without a record: no such entity, or the key was used for something else.
    Rejected(Rejection),
    /// How it stands; `None` when it does not exist.
    Summary(Option<Seen>),
    /// A payment.
    Payment {
        /// The record, when it is still in memory.
        record: Option<Arc<Record>>,
        /// What was refunded of it, in minor units, as far as memory knows.
        refunded: Known,
    },
    /// An investment.
    Investment {
        /// The record that gave the ticket, when it is still in memory.
        record: Option<Arc<Record>>,
        /// How it stands in line; `None` when there is no such deal.
        standing: Option<Standing>,
    },
    /// Rewards, newest first, each with the decision that drew it and its line.
    Rewards(Vec<(Seq, u16, Reward)>),
    /// Records: newest first for [`Ask::Recent`], oldest first for [`Ask::Following`].
    Recent {
        /// How the entity stands with these records; `None` when it does not exist.
        seen: Option<Seen>,
        /// The records with their positions.
        records: Vec<(Seq, Record)>,
        /// All records before this one are in history.
        history_before: Seq,
    },
    /// How a provider's submitted activities were judged, when none of them was new.
    Judged(Vec<LineAnswer>),
    /// How a statement's lines were judged, when none of them was new.
    Known(Vec<statement::LineAnswer>),
    /// Everything, for an operator.
    Inspected(Box<Inspection>),
    /// The shard has too much to do; nothing was decided.
    Overloaded,
}

/// An entity as an operator sees it.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// How it stands; `None` when it does not exist.
    pub seen: Option<Seen>,
    /// Its holds, for a wallet: name and amount.
    pub holds: Vec<wallet::Hold>,
    /// Its newest records, newest first.
    pub records: Vec<(Seq, Record)>,
    /// What it waits for, in words.
    pub waits_for: Vec<String>,
    /// How many of its records have not gone to history yet.
    pub unsaved: usize,
    /// Its last position.
    pub last: Seq,
    /// How many idempotency keys it holds in memory.
    pub keys_in_memory: usize,
}

/// Where an answer goes.
#[derive(Debug)]
enum Sink {
    /// To one waiting request.
    One(oneshot::Sender<Answer>),
    /// Into a batch.
    Line(Arc<Batch>, usize),
    /// To a shard that wants to know the entity.
    Neighbour { shard: ShardId, entity: EntityId },
}

/// The way back, with the permit of admission.
#[derive(Debug)]
pub struct ReplyTo {
    sink: Sink,
    _permit: Option<OwnedSemaphorePermit>,
}

/// An answer that must be carried to another shard.
#[derive(Debug)]
pub struct NeighbourAnswer {
    /// Which shard asked.
    pub shard: ShardId,
    /// About whom.
    pub entity: EntityId,
    /// What was found.
    pub neighbour: Option<Neighbour>,
}

impl ReplyTo {
    /// To one waiting request.
    pub fn one(sender: oneshot::Sender<Answer>, permit: OwnedSemaphorePermit) -> Self {
        Self { sink: Sink::One(sender), _permit: Some(permit) }
    }

    /// Into line `index` of a batch; the batch holds the permits.
    pub fn line(batch: Arc<Batch>, index: usize) -> Self {
        Self { sink: Sink::Line(batch, index), _permit: None }
    }

    /// To a shard that wants to know the entity.
    pub fn neighbour(shard: ShardId, entity: EntityId) -> Self {
        Self { sink: Sink::Neighbour { shard, entity }, _permit: None }
    }

    /// Sends the answer. Returns what another shard has to be told.
    pub fn send(self, answer: Answer) -> Option<NeighbourAnswer> {
        match self.sink {
            Sink::One(sender) => {
                // The client may have gone away; its decision stands all the same.
                drop(sender.send(answer));
                None
            }
            Sink::Line(batch, index) => {
                batch.fill(index, answer);
                None
            }
            Sink::Neighbour { shard, entity } => {
                let neighbour = match answer {
                    Answer::Summary(Some(seen)) => seen.neighbour(),
                    Answer::Summary(None)
                    | Answer::Decided { .. }
                    | Answer::Rejected(_)
                    | Answer::Payment { .. }
                    | Answer::Investment { .. }
                    | Answer::Recent { .. }
                    | Answer::Judged(_)
                    | Answer::Rewards(_)
                    | Answer::Known(_)
                    | Answer::Inspected(_)
                    | Answer::Overloaded => None,
                };
                Some(NeighbourAnswer { shard, entity, neighbour })
            }
        }
    }
}

/// The answers of one batch, collected until the last one is there.
#[derive(Debug)]
pub struct Batch {
    state: Mutex<BatchState>,
    _permits: Vec<OwnedSemaphorePermit>,
}

#[derive(Debug)]
struct BatchState {
    answers: Vec<Option<Answer>>,
    missing: usize,
    done: Option<oneshot::Sender<Vec<Answer>>>,
}

impl Batch {
    /// A batch of `size` lines and the place where its answers will be.
    pub fn new(
        size: usize,
        permits: Vec<OwnedSemaphorePermit>,
    ) -> (Arc<Self>, oneshot::Receiver<Vec<Answer>>) {
        let (sender, receiver) = oneshot::channel();
        let mut answers = Vec::new();
        answers.resize_with(size, || None);
        let state = BatchState { answers, missing: size, done: Some(sender) };
        (Arc::new(Self { state: Mutex::new(state), _permits: permits }), receiver)
    }

    fn fill(&self, index: usize, answer: Answer) {
        let mut state = self.state.lock().expect("no holder of this lock panics");
        let before = state.answers[index].replace(answer);
        assert!(before.is_none(), "a line of a batch is answered once");
        state.missing -= 1;
        if state.missing == 0 {
            let answers = std::mem::take(&mut state.answers);
            let done = state.done.take().expect("the last answer comes once");
            let whole = answers.into_iter().map(|answer| answer.expect("all are there")).collect();
            drop(done.send(whole));
        }
    }
}

/// One request to one entity, on its way.
#[derive(Debug)]
pub struct Job {
    /// To whom.
    pub to: EntityId,
    /// What is asked.
    pub ask: Ask,
    /// Where the answer goes.
    pub reply: ReplyTo,
}
