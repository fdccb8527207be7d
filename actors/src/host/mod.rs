//! One entity without its actor: what it is, what waits to be decided, what is not saved yet.
//!
//! A host works its jobs off in the order in which they came. A job whose decision needs something
//! that is not in memory (an old key, a payment to refund, a provider never paid before) waits at
//! the head of the line while it is fetched; everything behind it waits too, so the order never
//! changes, but what the others need is fetched meanwhile.
//!
//! `decide` is the ladder from idempotency to the record, `lookup` fetches what is missing,
//! `outside` takes what third parties and the clock say, `save` loads, saves and retires.
//!
//! Invariant: jobs are decided first come first served.

mod decide;
mod kinds;
mod lookup;
mod outside;
mod save;

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use bursar_domain::entity::Due;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::machine::Machine;
use bursar_domain::message::Message;
use bursar_domain::planted::{self, Bug};
use bursar_domain::record::Record;

use crate::job::{Answer, Ask, Inspection, Job, ReplyTo};
use crate::shard::core::{Found, ShardCore};
use crate::view::{Neighbour, Seen, View};

pub use kinds::Hosted;
use lookup::Waiting;

/// What the shard and the entity both see of a resident entity.
#[derive(Debug, Default)]
pub struct Slot {
    /// Forwarded to the entity and not handled yet: the depth of its mailbox.
    pub inbox: Cell<u32>,
    /// When it last had something to do, in milliseconds since the epoch.
    pub active: Cell<i64>,
    /// Whether it has records that are not saved.
    pub dirty: Cell<bool>,
    /// Whether it has stopped; the next message starts it anew.
    pub gone: Cell<bool>,
    /// Whether it waits for a third party's answer.
    pub awaits: Cell<bool>,
    /// How often it was woken while it was being read.
    pub wakes: Cell<usize>,
}

/// What only some hosts have at any one time; apart, so that an idle entity stays small.
#[derive(Debug, Default)]
struct Busy {
    queue: VecDeque<Waiting>,
    messages: Vec<Message>,
    refunds: Vec<(Seq, ReplyTo, bool)>,
    next_ticket: u32,
    saving: Option<save::Saving>,
    /// Whether the keys on disk are being listed.
    listing: bool,
    /// Whether it was woken while it was being read.
    woken: bool,
}

impl Busy {
    fn is_idle(&self) -> bool {
        self.queue.is_empty()
            && self.messages.is_empty()
            && self.refunds.is_empty()
            && self.saving.is_none()
            && !self.listing
            && !self.woken
    }
}

/// One entity.
pub struct Host<E> {
    id: EntityId,
    slot: Rc<Slot>,
    machine: Option<Box<Machine<E>>>,
    view: Option<Arc<View>>,
    unsaved: Vec<Seq>,
    busy: Option<Box<Busy>>,
}

impl<E: Hosted> Host<E> {
    /// An entity that is being read from disk.
    pub fn new(id: EntityId, slot: Rc<Slot>) -> Self {
        Self { id, slot, machine: None, view: None, unsaved: Vec::new(), busy: None }
    }

    fn busy(&mut self) -> &mut Busy {
        self.busy.get_or_insert_default()
    }

    /// A job has come.
    pub fn job(&mut self, job: Job, core: &mut ShardCore) {
        let waiting = Waiting::new(job);
        let first = self.busy.as_ref().is_none_or(|busy| busy.queue.is_empty());
        if self.machine.is_some() && (first || planted::is(Bug::JobsOvertake)) {
            if let Some(waiting) = self.work(waiting, core) {
                self.busy().queue.push_back(waiting);
            }
        } else {
            let mut waiting = waiting;
            if self.machine.is_some() {
                self.fetch(&mut waiting, core);
            }
            self.busy().queue.push_back(waiting);
        }
    }

    /// Messages of other entities have come.
    pub fn messages(&mut self, messages: Vec<Message>, core: &mut ShardCore) {
        if self.machine.is_none() {
            self.busy().messages.extend(messages);
            return;
        }
        for message in &messages {
            self.receive(message, core);
        }
    }

    /// Something that was looked up has come.
    pub fn found(&mut self, found: Found, core: &mut ShardCore) {
        match found {
            Found::Entity(snapshot) => self.loaded(snapshot, core),
            Found::Record { ticket, record, refunded } => {
                if let Some(waiting) = self.waiting(ticket) {
                    waiting.found_record(record, refunded);
                }
            }
            Found::Slots(kind, slots) => self.listed(kind, &slots, core),
            Found::Values { ticket, values } => {
                if let Some(waiting) = self.waiting(ticket) {
                    waiting.found_values(values);
                }
            }
        }
        self.advance(core);
    }

    /// What another entity's shard said has come.
    pub fn neighbour(&mut self, ticket: u32, neighbour: Option<Neighbour>, core: &mut ShardCore) {
        if let Some(waiting) = self.waiting(ticket) {
            waiting.found_neighbour(neighbour);
        }
        self.advance(core);
    }

    fn waiting(&mut self, ticket: u32) -> Option<&mut Waiting> {
        let busy = self.busy.as_mut()?;
        busy.queue.iter_mut().find(|waiting| waiting.is(ticket))
    }

    /// Works off what can be worked off, in order.
    fn advance(&mut self, core: &mut ShardCore) {
        while let Some(first) = self.busy.as_mut().and_then(|busy| busy.queue.pop_front()) {
            if let Some(first) = self.work(first, core) {
                self.busy().queue.push_front(first);
                return;
            }
        }
        self.rest();
    }

    /// Lets go of what only a busy host needs.
    fn rest(&mut self) {
        if self.busy.as_ref().is_some_and(|busy| busy.is_idle()) {
            self.busy = None;
        }
    }

    /// Works one job off, or gives it back because something is still missing.
    fn work(&mut self, waiting: Waiting, core: &mut ShardCore) -> Option<Waiting> {
        match &waiting.job.ask {
            Ask::Decide { .. } => self.decide(waiting, core),
            Ask::Summary
            | Ask::Payment(_)
            | Ask::Investment(_)
            | Ask::Rewards { .. }
            | Ask::Following { .. }
            | Ask::Recent { .. }
            | Ask::Inspect => {
                let answer = self.look(&waiting.job.ask, core);
                core.reply_after(self.machine().last(), waiting.job.reply, answer);
                None
            }
        }
    }

    fn machine(&self) -> &Machine<E> {
        self.machine.as_ref().expect("jobs are worked off after the entity was loaded")
    }

    fn seen(&self) -> Option<Seen> {
        let machine = self.machine();
        let summary = E::seen(machine.entity())?;
        Some(Seen { summary, version: machine.version(), last: machine.last() })
    }

    /// Reads; never changes anything.
    fn look(&self, ask: &Ask, core: &ShardCore) -> Answer {
        match ask {
            Ask::Payment(seq) => {
                let record = self.unsaved_record(*seq, core);
                Answer::Payment { record, refunded: E::refunded(self.machine().entity(), *seq) }
            }
            Ask::Investment(seq) => {
                let record = self.unsaved_record(*seq, core);
                Answer::Investment { record, standing: E::standing(self.machine().entity(), *seq) }
            }
            Ask::Rewards { before, limit } => {
                Answer::Rewards(E::rewards(self.machine().entity(), *before, *limit))
            }
            Ask::Following { after, limit } => {
                let begin = self.unsaved.partition_point(|seq| seq <= after);
                let oldest = self.unsaved[begin..].iter().take(*limit);
                let with_record = |seq: &Seq| Some((*seq, core.tail.record(*seq)?));
                self.records(oldest.filter_map(with_record).collect())
            }
            Ask::Recent { before, limit } => self.records(self.recent(*before, *limit, core)),
            Ask::Inspect => Answer::Inspected(Box::new(self.inspect(core))),
            Ask::Summary | Ask::Decide { .. } => Answer::Summary(self.seen()),
        }
    }

    fn unsaved_record(&self, seq: Seq, core: &ShardCore) -> Option<Arc<Record>> {
        self.unsaved.binary_search(&seq).ok()?;
        core.tail.record(seq).map(Arc::new)
    }

    fn records(&self, records: Vec<(Seq, Record)>) -> Answer {
        let first = self.unsaved.first().copied();
        let history_before = first.unwrap_or(self.machine().last().next());
        Answer::Recent { seen: self.seen(), records, history_before }
    }

    fn recent(&self, before: Seq, limit: usize, core: &ShardCore) -> Vec<(Seq, Record)> {
        let end = self.unsaved.partition_point(|seq| *seq < before);
        let newest = self.unsaved[..end].iter().rev().take(limit);
        let with_record = |seq: &Seq| Some((*seq, core.tail.record(*seq)?));
        newest.filter_map(with_record).collect()
    }

    fn inspect(&self, core: &ShardCore) -> Inspection {
        let machine = self.machine();
        let mut waits_for = Vec::new();
        if let Some(busy) = &self.busy {
            waits_for.extend(busy.queue.iter().filter_map(Waiting::in_words));
            let refunds = busy.refunds.iter();
            waits_for.extend(refunds.map(|(seq, ..)| format!("the money of refund {seq}")));
        }
        match machine.entity().due() {
            Due::Nothing => {}
            Due::Answer => waits_for.push("a third party's answer".to_owned()),
            Due::At(at) => waits_for.push(format!("{at}, to try again")),
        }
        if machine.last() > core.durable_to() {
            waits_for.push(format!("the commit of {}", machine.last()));
        }
        Inspection {
            seen: self.seen(),
            holds: E::holds(machine.entity()),
            records: self.recent(Seq(u64::MAX), 20, core),
            waits_for,
            unsaved: self.unsaved.len(),
            last: machine.last(),
            keys_in_memory: machine.keys().len(),
        }
    }
}
