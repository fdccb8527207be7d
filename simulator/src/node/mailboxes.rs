//! Mailboxes without actors: one for each shard and each entity, first in, first out.
//!
//! Whose turn it is, is drawn, so that every order is tried that actors on several threads could
//! take; within one mailbox the order stays. An entity is out of its place while it has its turn.
//!
//! Invariant: who is ready has mail, and stands in the list of the ready once.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use bursar_actors::shard::dispatch::Crew;
use bursar_actors::shard::messages::{Local, ToShard};
use bursar_actors::shard::worker::{ToEntity, Worker};

use crate::chance::Chance;

/// What stands in a shard's mailbox.
#[derive(Debug)]
pub enum ShardMail {
    /// What it told itself.
    Local(Local),
    /// What it was told.
    Told(ToShard),
}

/// A turn: who, and what it is told.
pub enum Turn {
    /// A shard, by number.
    Shard(usize, ShardMail),
    /// An entity, by place, and itself.
    Entity(usize, Box<Worker>, ToEntity),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ready {
    Shard(usize),
    Entity(usize),
}

#[derive(Default)]
struct EntityBox {
    worker: Option<Box<Worker>>,
    mail: VecDeque<ToEntity>,
}

#[derive(Default)]
struct Inner {
    shards: Vec<VecDeque<ShardMail>>,
    entities: Vec<EntityBox>,
    free: Vec<usize>,
    ready: Vec<Ready>,
}

/// All mailboxes of a process.
#[derive(Default)]
pub struct Mailboxes(RefCell<Inner>);

impl Mailboxes {
    /// Empty ones for a number of shards.
    pub fn new(shards: u16) -> Rc<Self> {
        let mut inner = Inner::default();
        inner.shards.resize_with(usize::from(shards), VecDeque::new);
        Rc::new(Self(RefCell::new(inner)))
    }

    /// Puts something into a shard's mailbox.
    pub fn tell_shard(&self, shard: usize, mail: ShardMail) {
        let inner = &mut *self.0.borrow_mut();
        if inner.shards[shard].is_empty() {
            inner.ready.push(Ready::Shard(shard));
        }
        inner.shards[shard].push_back(mail);
    }

    /// Whether anyone has mail.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().ready.is_empty()
    }

    /// Takes the next turn, if anyone has mail.
    pub fn take(&self, chance: &mut Chance) -> Option<Turn> {
        let inner = &mut *self.0.borrow_mut();
        if inner.ready.is_empty() {
            return None;
        }
        let drawn = chance.below(inner.ready.len() as u64);
        let place = usize::try_from(drawn).expect("below a length");
        let (turn, is_empty) = match inner.ready[place] {
            Ready::Shard(shard) => {
                let mail = inner.shards[shard].pop_front().expect("who is ready has mail");
                (Turn::Shard(shard, mail), inner.shards[shard].is_empty())
            }
            Ready::Entity(at) => {
                let entity = &mut inner.entities[at];
                let mail = entity.mail.pop_front().expect("who is ready has mail");
                let worker = entity.worker.take().expect("it has one turn at a time");
                (Turn::Entity(at, worker, mail), entity.mail.is_empty())
            }
        };
        if is_empty {
            inner.ready.swap_remove(place);
        }
        Some(turn)
    }

    /// An entity's turn is over.
    pub fn put_back(&self, at: usize, worker: Box<Worker>) {
        self.0.borrow_mut().entities[at].worker = Some(worker);
    }

    /// An entity has stopped.
    pub fn remove(&self, at: usize) {
        let inner = &mut *self.0.borrow_mut();
        // Who stops has no mail: it says so only then.
        assert!(inner.entities[at].mail.is_empty(), "an entity stopped with mail");
        inner.free.push(at);
    }

    fn add(&self, worker: Worker) -> usize {
        let inner = &mut *self.0.borrow_mut();
        let at = inner.free.pop().unwrap_or_else(|| {
            inner.entities.push(EntityBox::default());
            inner.entities.len() - 1
        });
        inner.entities[at].worker = Some(Box::new(worker));
        at
    }

    fn tell_entity(&self, at: usize, message: ToEntity) {
        let inner = &mut *self.0.borrow_mut();
        if inner.entities[at].mail.is_empty() {
            inner.ready.push(Ready::Entity(at));
        }
        inner.entities[at].mail.push_back(message);
    }

    /// The process ends: everything in memory is gone.
    pub fn clear(&self) {
        let gone = std::mem::take(&mut *self.0.borrow_mut());
        drop(gone);
    }
}

/// The entities of one shard, run from its process's mailboxes.
pub struct Queued {
    /// The mailboxes.
    pub mailboxes: Rc<Mailboxes>,
    /// Which shard.
    pub shard: usize,
}

impl Crew for Queued {
    type Address = usize;

    fn start(&self, worker: Worker) -> usize {
        self.mailboxes.add(worker)
    }

    fn tell(&self, to: &usize, message: ToEntity) {
        self.mailboxes.tell_entity(*to, message);
    }

    fn tell_self(&self, message: Local) {
        self.mailboxes.tell_shard(self.shard, ShardMail::Local(message));
    }
}
