//! One shard without its actor: the sequence, what waits for the disk, what goes out after it.
//!
//! Entities stage records here ([`ShardCore::stage`]); nothing of a record leaves until the
//! committer has said that it is durable ([`ShardCore::durable`]). Then, in this order: views are
//! set, messages go to other shards, receipts are acknowledged, answers are sent. The entity itself
//! has moved on long before, so a hot entity does not wait for the disk between decisions.
//!
//! Everything that touches a thread, a disk or another shard goes through [`Ports`], so the
//! simulator can run this very struct.
//!
//! Invariants: positions are dense; what leaves, leaves in the order of positions; nothing leaves
//! before it is durable.

use std::collections::VecDeque;
use std::sync::Arc;

use bursar_domain::call::Call;
use bursar_domain::errand::Errand;
use bursar_domain::id::{EntityId, Kind, Seq, ShardId};
use bursar_domain::message::{Effect, Message, Outcome, Source, Stamp};
use bursar_domain::planted::{self, Bug};
use bursar_domain::record::Record;
use bursar_domain::time::Timestamp;
use bursar_snapshots::store::{IndexKind, Saved, Slice, Snapshot};
use foldhash::{HashMap, HashMapExt};

use crate::books::Books;
use crate::catalogue::{Announced, Current};
use crate::clock::Clock;
use crate::job::{Answer, NeighbourAnswer, ReplyTo};
use crate::shard::outbox::Outbox;
use crate::shard::tail::Tail;
use crate::shard::timers::Timer;
use crate::shard::work::Cause;
use crate::view::{Neighbour, Seen, Summary, View, Views};

/// How many providers a shard remembers before it starts anew.
const PAYEES_MAX: usize = 100_000;

/// What a shard needs from the world around it. Nothing here blocks.
pub trait Ports {
    /// Takes what [`ShardCore::close`] gives once the entities have worked off their mailboxes.
    fn flush_soon(&self);
    /// Hands records to the committer.
    fn commit(&self, handed: Handed);
    /// Reads an entity from disk; it comes back as [`Found::Entity`].
    fn load(&self, entity: &EntityId);
    /// Looks something of an entity up on disk; it comes back under the ticket.
    fn look_up(&self, entity: &EntityId, ticket: u32, wanted: Wanted);
    /// Asks an entity's shard about it.
    fn ask_neighbour(&self, entity: &EntityId);
    /// Answers another shard's question about an entity.
    fn tell_neighbour(&self, answer: NeighbourAnswer);
    /// Makes a call to a third party; the answer comes back to the entity.
    fn call(&self, entity: &EntityId, call: Call);
    /// Fetches something inside the server; what is found comes back to the entity.
    fn fetch(&self, entity: &EntityId, errand: Errand);
    /// Wakes an entity at an instant, or some time after it, and perhaps in between.
    fn wake_at(&self, entity: &EntityId, at: Timestamp);
    /// Reads a page of those that wait for an instant, up to one; they come back.
    fn read_timers(&self, after: Option<Timer>, until: i64);
    /// Delivers a message to a shard; messages to one shard arrive in the order given.
    fn deliver(&self, to: ShardId, message: Message);
    /// Tells a shard that its message is on disk here.
    fn acknowledge(&self, source: Source);
    /// Saves entities; it comes back when they are on disk.
    fn save(&self, entities: Vec<Saved>);
    /// Saves the outcomes so far and the books; it comes back when they are on disk.
    fn save_books(&self, snapshot: Snapshot);
    /// Lets the journal go before a position.
    fn trim(&self, keep_from: Seq);
}

/// Records on their way to the committer.
#[derive(Debug)]
pub struct Handed {
    /// The records.
    pub slice: Slice,
    /// What the world is told when they are durable: index of the record in the slice, outcome.
    pub outcomes: Vec<(u32, Outcome)>,
}

/// What is looked up on disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// The record at a position.
    Record(Seq),
    /// The record under an index entry whose value is a position.
    KeyRecord(u128),
    /// A payment: its record, and what was refunded of it.
    Payment(Seq, u128),
    /// The slots of an index on disk, after one.
    Slots(IndexKind, Option<u128>),
    /// The values of slots of an index.
    Values(IndexKind, Arc<[u128]>),
}

/// What was found on disk.
#[derive(Debug)]
pub enum Found {
    /// An entity's snapshot.
    Entity(Option<Snapshot>),
    /// A record, and for a payment what was refunded of it.
    Record {
        /// Which question this answers.
        ticket: u32,
        /// The record with its position.
        record: Option<(Seq, Arc<Record>)>,
        /// What was refunded, in minor units; `None` when nothing is said of it.
        refunded: Option<u64>,
    },
    /// Slots of an index on disk, ascending; fewer than a page when there are no more.
    Slots(IndexKind, Vec<u128>),
    /// Slots of an index that are on disk, of those asked for, with their values.
    Values {
        /// Which question this answers.
        ticket: u32,
        /// The slots and their values.
        values: Vec<(u128, u64)>,
    },
}

/// How many slots are listed at a time.
pub const SLOTS_PAGE: usize = 4_096;

/// What leaves when a record is durable.
#[derive(Debug)]
struct Pending {
    seq: Seq,
    publish: Option<(Arc<View>, Seen)>,
    send: Option<Message>,
    more: Option<Box<More>>,
    acknowledge: Option<Source>,
    reply: Option<(ReplyTo, Answer)>,
    cause: Cause,
}

/// What else leaves with a few records: further messages, calls and errands of an entity.
#[derive(Debug, Default)]
struct More {
    messages: Vec<Message>,
    calls: Vec<(EntityId, Call)>,
    errands: Vec<(EntityId, Errand)>,
}

/// What goes with a record when it is staged.
#[derive(Debug, Default)]
pub struct Along {
    /// The answer's way back, and whether it is a replay.
    pub reply: Option<(ReplyTo, bool)>,
    /// The message that the record receives.
    pub received: Option<Source>,
    /// What led to it.
    pub cause: Cause,
}

/// One shard.
pub struct ShardCore {
    /// Which.
    pub shard: ShardId,
    /// The world around it.
    pub ports: Box<dyn Ports>,
    /// The newest records.
    pub tail: Tail,
    /// What has been sent and not acknowledged.
    pub outbox: Outbox,
    /// The sums.
    pub books: Books,
    /// Entities with records that were recovered and not applied to a resident entity yet.
    pub recovered: HashMap<EntityId, Vec<Seq>>,
    /// Entities with unsaved records, each once.
    pub dirty: Vec<EntityId>,
    /// Entities that have stopped.
    pub retired: Vec<EntityId>,
    shards: u16,
    clock: Arc<dyn Clock>,
    last_at: Timestamp,
    durable: Seq,
    begun: u64,
    pending: VecDeque<Pending>,
    outcomes: Vec<(u32, Outcome)>,
    payees: HashMap<EntityId, Neighbour>,
    asking: HashMap<EntityId, Vec<(EntityId, u32)>>,
    views: Arc<Views>,
    /// What decisions are made by.
    pub current: Current,
}

/// What a shard starts with.
pub struct Start {
    /// Which.
    pub shard: ShardId,
    /// Of how many.
    pub shards: u16,
    /// The records after the last checkpoint.
    pub tail: Tail,
    /// Messages that may not have arrived.
    pub outbox: Outbox,
    /// The sums, with the tail.
    pub books: Books,
    /// Entities of the tail.
    pub recovered: HashMap<EntityId, Vec<Seq>>,
    /// The time of the last record.
    pub last_at: Timestamp,
    /// Where reads look.
    pub views: Arc<Views>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What decisions are made by.
    pub announced: Arc<Announced>,
}

impl ShardCore {
    /// A shard as recovery found it. All of its tail is durable.
    pub fn new(start: Start, ports: Box<dyn Ports>) -> Self {
        let durable = Seq(start.tail.next().0 - 1);
        let mut dirty: Vec<EntityId> = start.recovered.keys().cloned().collect();
        dirty.sort();
        Self {
            shard: start.shard,
            ports,
            tail: start.tail,
            outbox: start.outbox,
            books: start.books,
            dirty,
            recovered: start.recovered,
            retired: Vec::new(),
            shards: start.shards,
            clock: start.clock,
            last_at: start.last_at,
            durable,
            begun: 0,
            pending: VecDeque::new(),
            outcomes: Vec::new(),
            payees: HashMap::new(),
            asking: HashMap::new(),
            views: start.views,
            current: Current::of(start.announced),
        }
    }

    /// The time of a decision now; never before the last one.
    pub fn now(&mut self) -> Timestamp {
        self.last_at = self.last_at.max(self.clock.now());
        self.last_at
    }

    /// The last durable position.
    pub fn durable_to(&self) -> Seq {
        self.durable
    }

    /// How many staged records and answers wait for the disk.
    pub fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// How many of these came by themselves. One that receives a message is not counted: the
    /// message is, until it is acknowledged.
    pub fn unasked(&self) -> usize {
        let is_one =
            |pending: &&Pending| pending.cause == Cause::Itself && pending.acknowledge.is_none();
        self.pending.iter().filter(is_one).count()
    }

    /// How many decisions that lead on have come by themselves since the start.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// The position that the next staged record gets.
    pub fn next(&self) -> Seq {
        self.tail.next()
    }

    /// Records a decision. The entity must apply it before it decides again.
    pub fn stage(&mut self, record: Record, view: Option<(Arc<View>, Seen)>, along: Along) {
        let seq = self.tail.stage(&record);
        self.books.add(&record, seq);
        let stamp = Stamp { source: Source { shard: self.shard, seq }, at: record.at };
        let mut send = None;
        let mut more: Option<Box<More>> = None;
        for effect in record.effects(stamp) {
            match effect {
                Effect::Send(message) => {
                    self.outbox.sent(seq, along.cause);
                    if send.is_none() {
                        send = Some(message);
                    } else {
                        more.get_or_insert_default().messages.push(message);
                    }
                }
                Effect::Call(call) => {
                    let calls = &mut more.get_or_insert_default().calls;
                    calls.push((record.entity.clone(), call));
                }
                Effect::Fetch(errand) => {
                    let errands = &mut more.get_or_insert_default().errands;
                    errands.push((record.entity.clone(), errand));
                }
                Effect::Tell(outcome) => {
                    let index = u32::try_from(self.tail.staged() - 1);
                    self.outcomes.push((index.expect("a slice is short"), outcome));
                }
            }
        }
        if planted::is(Bug::ReadBeforeSync)
            && let Some((view, seen)) = &view
        {
            show(&self.current, &self.views, view, seen.clone());
        }
        let leads_on = along.received.is_none() || send.is_some() || more.is_some();
        self.begun += u64::from(along.cause == Cause::Itself && leads_on);
        let reply = along.reply.map(|(to, replayed)| {
            (to, Answer::Decided { seq, record: Arc::new(record), replayed })
        });
        self.pending.push_back(Pending {
            seq,
            publish: view,
            send,
            more,
            acknowledge: along.received.filter(|_| !planted::is(Bug::AcknowledgedOnArrival)),
            reply,
            cause: along.cause,
        });
        self.ports.flush_soon();
    }

    /// Sends an answer once everything up to `seq` is durable.
    pub fn reply_after(&mut self, seq: Seq, to: ReplyTo, answer: Answer) {
        if seq <= self.durable {
            self.answer(to, answer);
        } else {
            self.wait(seq, None, Some((to, answer)));
        }
    }

    /// Acknowledges a message once everything up to `seq` is durable.
    pub fn acknowledge_after(&mut self, seq: Seq, source: Source) {
        if planted::is(Bug::AcknowledgedOnArrival) {
            return;
        }
        if seq <= self.durable {
            self.ports.acknowledge(source);
        } else {
            self.wait(seq, Some(source), None);
        }
    }

    fn wait(&mut self, seq: Seq, acknowledge: Option<Source>, reply: Option<(ReplyTo, Answer)>) {
        let (publish, send, more) = (None, None, None);
        let cause = Cause::Asked;
        let pending = Pending { seq, publish, send, more, acknowledge, reply, cause };
        let at = self.pending.partition_point(|other| other.seq <= seq);
        self.pending.insert(at, pending);
    }

    /// Sends an answer now.
    pub fn answer(&self, to: ReplyTo, answer: Answer) {
        if let Some(answer) = to.send(answer) {
            self.ports.tell_neighbour(answer);
        }
    }

    /// Closes what is staged, for the committer.
    pub fn close(&mut self) -> Option<Handed> {
        let slice = self.tail.close()?;
        if planted::is(Bug::ReplyBeforeSync) {
            self.let_out(Seq(slice.next().0 - 1));
        }
        Some(Handed { slice, outcomes: std::mem::take(&mut self.outcomes) })
    }

    /// Hands what is staged to the committer now.
    pub fn flush(&mut self) {
        if let Some(handed) = self.close() {
            self.ports.commit(handed);
        }
    }

    /// Everything up to `seq` is durable: lets it out.
    pub fn durable(&mut self, seq: Seq) {
        assert!(seq >= self.durable, "what is durable stays so");
        self.durable = seq;
        self.let_out(seq);
    }

    /// Lets out what goes with the records up to `seq`.
    fn let_out(&mut self, seq: Seq) {
        let count = self.pending.partition_point(|pending| pending.seq <= seq);
        let mut replies = Vec::with_capacity(count);
        for pending in self.pending.drain(..count) {
            if let Some((view, seen)) = pending.publish {
                show(&self.current, &self.views, &view, seen);
            }
            if let Some(message) = pending.send {
                self.ports.deliver(message.to.shard(self.shards), message);
            }
            if let Some(more) = pending.more {
                for message in more.messages {
                    self.ports.deliver(message.to.shard(self.shards), message);
                }
                for (entity, call) in more.calls {
                    self.ports.call(&entity, call);
                }
                for (entity, errand) in more.errands {
                    self.ports.fetch(&entity, errand);
                }
            }
            if let Some(source) = pending.acknowledge {
                self.ports.acknowledge(source);
            }
            replies.extend(pending.reply);
        }
        for (to, answer) in replies {
            self.answer(to, answer);
        }
    }

    /// What is known of another entity without asking it.
    pub fn neighbour(&self, entity: &EntityId) -> Option<Neighbour> {
        self.payees.get(entity).cloned()
    }

    /// Asks for an entity that is not known; whoever asks is told under its ticket
    /// ([`ShardCore::neighbour_found`]).
    pub fn ask_neighbour(&mut self, about: &EntityId, entity: &EntityId, ticket: u32) {
        let waiting = self.asking.entry(about.clone()).or_default();
        waiting.push((entity.clone(), ticket));
        // A wallet changes, so each question is a new one; a provider's answer holds for all.
        if waiting.len() == 1 || about.kind != Kind::Provider {
            self.ports.ask_neighbour(about);
        }
    }

    /// Another shard has answered. Returns who waits for it.
    pub fn neighbour_found(
        &mut self,
        about: EntityId,
        neighbour: Option<&Neighbour>,
    ) -> Vec<(EntityId, u32)> {
        if about.kind != Kind::Provider {
            let Some(waiting) = self.asking.get_mut(&about) else { return Vec::new() };
            let first = waiting.remove(0);
            if waiting.is_empty() {
                self.asking.remove(&about);
            }
            return vec![first];
        }
        let waiting = self.asking.remove(&about).unwrap_or_default();
        if let Some(neighbour @ Neighbour::Payee(_)) = neighbour {
            if self.payees.len() >= PAYEES_MAX {
                self.payees.clear();
            }
            self.payees.insert(about, neighbour.clone());
        }
        waiting
    }

    /// Forgets what was known of another entity: the next who needs it asks anew.
    pub fn forget_neighbour(&mut self, about: &EntityId) {
        self.payees.remove(about);
    }

    /// Stops showing an entity that retires.
    pub fn retire(&mut self, id: &EntityId) {
        self.views.remove(id);
        self.retired.push(id.clone());
    }

    /// Shows an entity that was just read from disk.
    pub fn publish_loaded(&self, view: &Arc<View>, seen: Seen) {
        show(&self.current, &self.views, view, seen);
    }
}

/// Shows an entity as it stands durably; a campaign's terms count from then on.
fn show(current: &Current, views: &Views, view: &Arc<View>, seen: Seen) {
    if let Summary::Campaign(campaign) = &seen.summary {
        current.add(&campaign.terms);
    }
    views.publish(view, seen);
}
