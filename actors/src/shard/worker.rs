//! One entity at work, without its actor: takes what its shard forwards, one thing at a time.
//!
//! Whatever its kind, each entity has a worker of its own around its [`Host`]. Workers of a shard
//! share its [`ShardCore`]; all of them live on one thread, and a turn of one never overlaps a turn
//! of another. The actor around it ([`super::actor`]) only has the mailbox.

use std::cell::RefCell;
use std::rc::Rc;

use bursar_domain::advance::Advance;
use bursar_domain::call::Answered;
use bursar_domain::campaign::Campaign;
use bursar_domain::compensation::Compensation;
use bursar_domain::deal::Deal;
use bursar_domain::entity::Wake;
use bursar_domain::errand::Brought;
use bursar_domain::id::{EntityId, Kind};
use bursar_domain::message::Message as Sent;
use bursar_domain::provider::Provider;
use bursar_domain::run::Run;
use bursar_domain::saga::Saga;
use bursar_domain::schedule::Schedule;
use bursar_domain::statement::Statement;
use bursar_domain::wallet::Wallet;

use crate::host::{Host, Slot};
use crate::job::Job;
use crate::shard::checkpoint::Checkpoint;
use crate::shard::core::{Found, ShardCore};
use crate::shard::work::Work;
use crate::view::Neighbour;

/// What a shard forwards to an entity.
#[derive(Debug, actix::Message)]
#[rtype(result = "()")]
pub enum ToEntity {
    /// A request.
    Job(Box<Job>),
    /// Messages of other entities.
    Messages(Vec<Sent>),
    /// Something looked up on disk.
    Found(Box<Found>),
    /// What another entity's shard said of it.
    Neighbour(u32, Option<Neighbour>),
    /// What a third party answered.
    Answered(Answered),
    /// What an errand brought.
    Brought(Box<Brought>),
    /// The instant it waits for has come, or the server has started.
    Wake,
    /// Give what a checkpoint must write.
    Save,
    /// It is written.
    Saved,
    /// Stop, if nothing is left to do.
    Retire,
}

/// What the entity actors of a shard share.
pub struct Shared {
    /// The shard.
    pub core: RefCell<ShardCore>,
    /// The checkpoint on its way.
    pub checkpoint: RefCell<Option<Checkpoint>>,
    /// Asks the shard to take the next step of its checkpoint.
    pub step: Box<dyn Fn()>,
    /// Asks the shard to look who is due.
    pub look: Box<dyn Fn()>,
    /// What is not done yet.
    pub work: Work,
}

enum Hosted {
    Wallet(Host<Wallet>),
    Provider(Host<Provider>),
    Deal(Host<Deal>),
    Saga(Host<Saga>),
    Compensation(Host<Compensation>),
    Advance(Host<Advance>),
    Run(Host<Run>),
    Schedule(Host<Schedule>),
    Campaign(Host<Campaign>),
    Statement(Host<Statement>),
}

/// One entity at work.
pub struct Worker {
    host: Hosted,
    slot: Rc<Slot>,
    shared: Rc<Shared>,
}

impl Worker {
    /// An entity that is being read from disk.
    pub fn new(id: EntityId, slot: Rc<Slot>, shared: Rc<Shared>) -> Self {
        let host = match id.kind {
            Kind::Wallet => Hosted::Wallet(Host::new(id, Rc::clone(&slot))),
            Kind::Provider => Hosted::Provider(Host::new(id, Rc::clone(&slot))),
            Kind::Deal => Hosted::Deal(Host::new(id, Rc::clone(&slot))),
            Kind::Saga => Hosted::Saga(Host::new(id, Rc::clone(&slot))),
            Kind::Compensation => Hosted::Compensation(Host::new(id, Rc::clone(&slot))),
            Kind::Advance => Hosted::Advance(Host::new(id, Rc::clone(&slot))),
            Kind::Run => Hosted::Run(Host::new(id, Rc::clone(&slot))),
            Kind::Schedule => Hosted::Schedule(Host::new(id, Rc::clone(&slot))),
            Kind::Campaign => Hosted::Campaign(Host::new(id, Rc::clone(&slot))),
            Kind::Statement => Hosted::Statement(Host::new(id, Rc::clone(&slot))),
        };
        Self { host, slot, shared }
    }
}

/// The same call on whichever host it is.
macro_rules! on {
    ($host:expr, $name:ident => $call:expr) => {
        match $host {
            Hosted::Wallet($name) => $call,
            Hosted::Provider($name) => $call,
            Hosted::Deal($name) => $call,
            Hosted::Saga($name) => $call,
            Hosted::Compensation($name) => $call,
            Hosted::Advance($name) => $call,
            Hosted::Run($name) => $call,
            Hosted::Schedule($name) => $call,
            Hosted::Campaign($name) => $call,
            Hosted::Statement($name) => $call,
        }
    };
}

impl Worker {
    /// Counts what it has to do by itself, and what it has done.
    fn count(&self, is_wake: bool) {
        let awaits = on!(&self.host, host => host.awaits_answer());
        if awaits != self.slot.awaits.replace(awaits) {
            self.shared.work.awaits(awaits);
        }
        let wakes = self.slot.wakes.get() + usize::from(is_wake);
        let is_read = on!(&self.host, host => host.is_read());
        self.slot.wakes.set(if is_read { 0 } else { wakes });
        if is_read && self.shared.work.woken(wakes) {
            (self.shared.look)();
        }
    }

    /// The checkpoint goes on when all it told have heard.
    fn heard(&self) {
        let mut checkpoint = self.shared.checkpoint.borrow_mut();
        if checkpoint.as_mut().expect("only a checkpoint tells").heard() {
            (self.shared.step)();
        }
    }

    /// Does one thing. True when the entity has stopped: nothing of it is to be used any more.
    pub fn handle(&mut self, message: ToEntity) -> bool {
        self.slot.inbox.set(self.slot.inbox.get() - 1);
        let is_wake = matches!(message, ToEntity::Wake);
        let core = &mut *self.shared.core.borrow_mut();
        let mut saved = None;
        let mut stop = false;
        match message {
            ToEntity::Job(job) => on!(&mut self.host, host => host.job(*job, core)),
            ToEntity::Messages(messages) => {
                on!(&mut self.host, host => host.messages(messages, core));
            }
            ToEntity::Found(found) => on!(&mut self.host, host => {
                host.found(*found, core);
                saved = host.save_if_wanted(core);
            }),
            ToEntity::Neighbour(ticket, neighbour) => {
                on!(&mut self.host, host => host.neighbour(ticket, neighbour, core));
            }
            ToEntity::Answered(answered) => {
                on!(&mut self.host, host => host.answered(&answered, core));
            }
            ToEntity::Brought(brought) => {
                on!(&mut self.host, host => host.brought(&brought, core));
            }
            ToEntity::Wake => on!(&mut self.host, host => host.wake(Wake::Due, core)),
            ToEntity::Save => saved = on!(&mut self.host, host => host.save(core)),
            ToEntity::Saved => {
                on!(&mut self.host, host => host.saved(core));
                self.heard();
            }
            ToEntity::Retire => stop = on!(&mut self.host, host => host.retire(core)),
        }
        self.count(is_wake);
        if on!(&self.host, host => host.is_nobody()) && !stop {
            stop = on!(&mut self.host, host => host.retire(core));
        }
        if let (Some(saved), Some(checkpoint)) =
            (saved, self.shared.checkpoint.borrow_mut().as_mut())
            && checkpoint.collect(saved)
        {
            (self.shared.step)();
        }
        stop
    }
}
