//! A shard without its actor: receives, finds or starts the entity, forwards. First in, first out.
//!
//! Everything that decides is in [`super::core`] and [`crate::host`]; here are the addresses of the
//! resident entities, what drives the checkpoint, wakes who is due (`alarm`) and asks the idle to
//! stop. How entities run and how they are reached is the [`Crew`]'s: actix's mailboxes in the
//! server ([`super::actor`]), plain queues in the simulator. All of a shard's entities run on one
//! thread and share one [`Shared`].
//!
//! Invariant: what is forwarded to one entity arrives in the order in which it came here.

mod alarm;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bursar_domain::id::{EntityId, Seq};
use bursar_domain::message::Message as Sent;
use bursar_domain::planted::{self, Bug};
use foldhash::{HashMap, HashMapExt};
use tokio::sync::oneshot;

use crate::host::Slot;
use crate::job::{Ask, Job, ReplyTo};
use crate::metrics::Metrics;
use crate::shard::checkpoint::{Checkpoint, Step};
use crate::shard::core::{Ports, ShardCore, Start};
use crate::shard::desk::Desk;
use crate::shard::messages::{
    Limits, Local, Pressure, Report, ResidentState, Ring, ShardState, ShardTimers, ToShard,
};
use crate::shard::residents::{Resident, Residents};
use crate::shard::timers::Timers;
use crate::shard::work::Work;
use crate::shard::worker::{Shared, ToEntity, Worker};
use crate::storage::Done;
use crate::view::Neighbour;

use alarm::Alarm;

/// How often a shard looks for what is due.
pub const TICK: Duration = Duration::from_millis(500);

/// What runs the entities of a shard, each with a mailbox of its own.
pub trait Crew {
    /// How an entity is reached.
    type Address;
    /// Starts an entity.
    fn start(&self, worker: Worker) -> Self::Address;
    /// Puts something into an entity's mailbox.
    fn tell(&self, to: &Self::Address, message: ToEntity);
    /// Puts something into the shard's own mailbox.
    fn tell_self(&self, message: Local);
}

/// What a shard is made of.
pub struct Parts<C> {
    /// The shard as recovery found it.
    pub start: Start,
    /// What runs its entities.
    pub crew: C,
    /// The way out.
    pub ports: Box<dyn Ports>,
    /// The instants for which its entities wait; the way out sets them.
    pub timers: Rc<RefCell<Timers>>,
    /// What it shares with the other shards of its thread.
    pub desk: Rc<Desk>,
    /// How it keeps its memory short.
    pub limits: Limits,
    /// What the edge sees.
    pub pressure: Arc<Pressure>,
    /// What is counted.
    pub metrics: Metrics,
}

/// One shard.
pub struct Dispatch<C: Crew> {
    shared: Rc<Shared>,
    crew: Rc<C>,
    residents: Residents<C::Address>,
    desk: Rc<Desk>,
    limits: Limits,
    pressure: Arc<Pressure>,
    metrics: Metrics,
    last_checkpoint_ms: i64,
    checkpoint_again: Vec<oneshot::Sender<usize>>,
    timers: Rc<RefCell<Timers>>,
    alarm: Alarm,
    counted_residents: i64,
    counted_tail: i64,
}

impl<C: Crew + 'static> Dispatch<C> {
    /// A shard that joins its thread's desk.
    pub fn new(parts: Parts<C>) -> Self {
        let Parts { start, crew, ports, timers, desk, limits, pressure, metrics } = parts;
        let shard = start.shard;
        let mut core = ShardCore::new(start, ports);
        let last_checkpoint_ms = core.now().millis();
        let crew = Rc::new(crew);
        let (stepper, looker) = (Rc::clone(&crew), Rc::clone(&crew));
        let shared = Rc::new(Shared {
            core: RefCell::new(core),
            checkpoint: RefCell::new(None),
            step: Box::new(move || stepper.tell_self(Local::Step)),
            look: Box::new(move || looker.tell_self(Local::Look)),
            work: Work::default(),
        });
        desk.join(shard, Rc::clone(&shared));
        Self {
            shared,
            crew,
            residents: Residents::new(limits.residents_max, limits.idle_ms),
            desk,
            limits,
            pressure,
            metrics,
            last_checkpoint_ms,
            checkpoint_again: Vec::new(),
            timers,
            alarm: Alarm::default(),
            counted_residents: 0,
            counted_tail: 0,
        }
    }

    /// Forwards to an entity, which is started if it is not in memory.
    fn forward(&mut self, id: EntityId, message: ToEntity) {
        self.shared.work.sent(&message);
        if let Some(resident) = self.residents.get(&id) {
            let slot = &resident.slot;
            slot.inbox.set(slot.inbox.get() + 1);
            self.crew.tell(&resident.address, message);
            return;
        }
        let slot = Rc::new(Slot::default());
        slot.inbox.set(1);
        let mut core = self.shared.core.borrow_mut();
        slot.active.set(core.now().millis());
        core.ports.load(&id);
        drop(core);
        let worker = Worker::new(id.clone(), Rc::clone(&slot), Rc::clone(&self.shared));
        let address = self.crew.start(worker);
        self.crew.tell(&address, message);
        self.residents.add(id, Resident { address, slot });
    }

    fn deliver(&mut self, messages: Vec<Sent>) {
        // Who is told first does not depend on hashes, so that a run can be repeated.
        let mut places: HashMap<EntityId, usize> = HashMap::new();
        let mut by_entity: Vec<(EntityId, Vec<Sent>)> = Vec::new();
        for message in messages {
            if planted::is(Bug::AcknowledgedOnArrival) {
                self.shared.core.borrow().ports.acknowledge(message.source);
            }
            let place = *places.entry(message.to.clone()).or_insert(by_entity.len());
            if place == by_entity.len() {
                by_entity.push((message.to.clone(), Vec::new()));
            }
            by_entity[place].1.push(message);
        }
        for (id, messages) in by_entity {
            self.forward(id, ToEntity::Messages(messages));
        }
    }

    fn is_due_by_bytes(&self) -> bool {
        self.shared.core.borrow().tail.bytes() >= self.limits.checkpoint_bytes
    }

    fn begin_if_due(&mut self) {
        if self.shared.checkpoint.borrow().is_some() {
            return;
        }
        let now_ms = self.shared.core.borrow_mut().now().millis();
        let dirty = !self.shared.core.borrow().dirty.is_empty();
        let by_time = now_ms - self.last_checkpoint_ms >= self.limits.checkpoint_ms;
        if dirty && (by_time || self.is_due_by_bytes() || self.residents.is_over()) {
            self.begin(Vec::new());
        }
    }

    fn begin(&mut self, asked_by: Vec<oneshot::Sender<usize>>) {
        let mut core = self.shared.core.borrow_mut();
        self.last_checkpoint_ms = core.now().millis();
        self.alarm.checkpoints += 1;
        let mut checkpoint = Checkpoint::begin(&mut core);
        drop(core);
        for sender in asked_by {
            checkpoint.notify(sender);
        }
        *self.shared.checkpoint.borrow_mut() = Some(checkpoint);
        self.step();
    }

    fn step(&mut self) {
        loop {
            let step = {
                let mut checkpoint = self.shared.checkpoint.borrow_mut();
                let Some(checkpoint) = checkpoint.as_mut() else { return };
                checkpoint.step(&mut self.shared.core.borrow_mut())
            };
            if !self.follow(step) {
                return;
            }
        }
    }

    /// Does what a step says. True when the next step can be taken at once.
    fn follow(&mut self, step: Step) -> bool {
        match step {
            Step::Wait => false,
            Step::Collect(ids) => {
                for id in ids {
                    self.forward(id, ToEntity::Save);
                }
                false
            }
            Step::Tell(ids) => {
                for id in ids {
                    self.forward(id, ToEntity::Saved);
                    self.metrics.saved.inc();
                }
                false
            }
            Step::Done(asked_by, saved) => {
                *self.shared.checkpoint.borrow_mut() = None;
                self.metrics.checkpoints.inc();
                for sender in asked_by {
                    answer(sender, saved);
                }
                self.sweep();
                self.saved_for_timers();
                let is_running = self.shared.checkpoint.borrow().is_some();
                if !is_running && !self.checkpoint_again.is_empty() {
                    let asked_by = std::mem::take(&mut self.checkpoint_again);
                    self.begin(asked_by);
                }
                false
            }
        }
    }

    fn storage(&mut self, done: Done) {
        match done {
            Done::Timers(page) => self.timers_read(page),
            Done::Found(id, found) => self.forward(id, ToEntity::Found(found)),
            Done::Saved | Done::BooksSaved => {
                let step = {
                    let mut checkpoint = self.shared.checkpoint.borrow_mut();
                    let checkpoint = checkpoint.as_mut().expect("only a checkpoint saves");
                    checkpoint.saved(&mut self.shared.core.borrow_mut())
                };
                if self.follow(step) {
                    self.step();
                }
            }
        }
    }

    /// Removes who has stopped and asks who may stop.
    fn sweep(&mut self) {
        let (retired, now_ms) = {
            let mut core = self.shared.core.borrow_mut();
            (std::mem::take(&mut core.retired), core.now().millis())
        };
        for id in retired {
            self.residents.remove_stopped(&id);
        }
        for id in self.residents.sweep(now_ms) {
            self.forward(id, ToEntity::Retire);
        }
        self.show();
    }

    /// Shows how full the shard is.
    fn show(&mut self) {
        let residents = self.residents.len();
        let tail = self.shared.core.borrow().tail.bytes();
        let full = self.residents.is_full();
        self.pressure.full.store(full, Ordering::Relaxed);
        self.pressure.residents.store(residents, Ordering::Relaxed);
        self.pressure.tail_bytes.store(tail, Ordering::Relaxed);
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.residents.add(gauge(residents) - self.counted_residents);
        self.counted_residents = gauge(residents);
        self.metrics.tail_bytes.add(gauge(tail) - self.counted_tail);
        self.counted_tail = gauge(tail);
    }

    fn report(&self, report: Report) {
        let core = self.shared.core.borrow();
        match report {
            Report::Books(sender) => answer(sender, core.books.clone()),
            Report::State(sender) => answer(
                sender,
                ShardState {
                    shard: core.shard,
                    last: Seq(core.next().0 - 1),
                    durable: core.durable_to(),
                    residents: self.residents.len(),
                    dirty: core.dirty.len(),
                    timers: self.timers.borrow().len(),
                    tail_bytes: core.tail.bytes(),
                    unacknowledged: core.outbox.len(),
                    waiting: core.waiting(),
                    checkpointing: self.shared.checkpoint.borrow().is_some(),
                },
            ),
            Report::Work(sender) => {
                drop(core);
                answer(sender, self.work());
            }
            Report::Present(kind, sender) => {
                let ids = self.residents.iter().map(|(id, _)| id);
                answer(sender, ids.filter(|id| id.kind == kind).cloned().collect());
            }
            Report::Timers(sender) => {
                let timers = self.timers.borrow();
                let is_saving = self.shared.checkpoint.borrow().is_some();
                let timers = ShardTimers {
                    shard: core.shard,
                    next: timers.next(),
                    known_to: timers.known_to(),
                    is_unsaved: is_saving || !core.dirty.is_empty(),
                };
                answer(sender, timers);
            }
            Report::Residents(sender) => {
                let state = |(id, resident): (&EntityId, &Resident<_>)| ResidentState {
                    id: id.clone(),
                    shard: core.shard,
                    mailbox: resident.slot.inbox.get(),
                    dirty: resident.slot.dirty.get(),
                    active_ms: resident.slot.active.get(),
                };
                answer(sender, self.residents.iter().map(state).collect());
            }
        }
    }

    fn forget(&self, id: &EntityId, sender: oneshot::Sender<()>) {
        self.shared.core.borrow_mut().forget_neighbour(id);
        answer(sender, ());
    }

    fn resend(&self, unacknowledged: Vec<Sent>) {
        let core = self.shared.core.borrow();
        for message in unacknowledged {
            core.ports.deliver(message.to.shard(self.desk.shards()), message);
        }
    }

    /// Some time has passed: does what is due.
    pub fn tick(&mut self) {
        if !self.timers.borrow().is_unread() {
            self.look();
        }
        self.begin_if_due();
        self.sweep();
    }

    /// When the shard wants to be told [`Local::Ring`], if that has changed.
    pub fn take_ring(&mut self) -> Option<Ring> {
        self.alarm.ring.take()
    }

    /// Takes what the shard has told itself.
    pub fn local(&mut self, message: Local) {
        match message {
            Local::Arm => self.arm(1),
            Local::Look => self.look(),
            Local::Flush => self.desk.flush(),
            Local::Step => self.step(),
            Local::Ring(ring) => self.rung(ring),
        }
    }

    /// Takes what comes from other threads and shards.
    pub fn handle(&mut self, message: ToShard) {
        match message {
            ToShard::Job(job) => self.forward(job.to.clone(), ToEntity::Job(job)),
            ToShard::Jobs(jobs) => {
                for job in jobs {
                    self.forward(job.to.clone(), ToEntity::Job(Box::new(job)));
                }
            }
            ToShard::Deliver(messages) => self.deliver(messages),
            ToShard::Acknowledge(seqs) => {
                let mut core = self.shared.core.borrow_mut();
                for seq in seqs {
                    core.outbox.acknowledge(seq);
                }
            }
            ToShard::Durable(durable) => self.desk.durable(&durable),
            ToShard::Storage(done) => self.storage(done),
            ToShard::AskNeighbour { entity, from } => {
                let reply = ReplyTo::neighbour(from, entity.clone());
                let job = Job { to: entity.clone(), ask: Ask::Summary, reply };
                self.forward(entity, ToEntity::Job(Box::new(job)));
            }
            ToShard::Neighbour { entity, neighbour } => self.neighbour(entity, neighbour),
            ToShard::Answered { entity, answered } => {
                self.forward(entity, ToEntity::Answered(answered));
            }
            ToShard::Brought { entity, brought } => {
                self.forward(entity, ToEntity::Brought(Box::new(brought)));
            }
            ToShard::Resume(entities) => {
                for id in entities {
                    self.forward(id, ToEntity::Wake);
                }
            }
            ToShard::Linked => self.start_timers(),
            ToShard::TimeMoved(sender) => {
                self.look();
                answer(sender, ());
            }
            ToShard::Resend(unacknowledged) => self.resend(unacknowledged),
            ToShard::Checkpoint(sender) => {
                if self.shared.checkpoint.borrow().is_some() {
                    self.checkpoint_again.push(sender);
                } else {
                    self.begin(vec![sender]);
                }
            }
            ToShard::Report(report) => self.report(report),
            ToShard::Forget(id, sender) => self.forget(&id, sender),
            ToShard::Passivate(id, sender) => {
                let resident = self.residents.get(&id).is_some();
                if resident {
                    self.forward(id, ToEntity::Retire);
                }
                answer(sender, !resident);
            }
        }
    }

    fn neighbour(&mut self, entity: EntityId, neighbour: Option<Neighbour>) {
        let waiting = self.shared.core.borrow_mut().neighbour_found(entity, neighbour.as_ref());
        for (id, ticket) in waiting {
            self.forward(id, ToEntity::Neighbour(ticket, neighbour.clone()));
        }
    }
}

/// Answers an operator, who may have gone away.
fn answer<T>(sender: oneshot::Sender<T>, value: T) {
    if sender.send(value).is_err() {
        tracing::debug!("an operator did not wait for an answer");
    }
}
