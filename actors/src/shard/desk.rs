//! What the shards of one thread share: one hand-over to the committer, one dispatch of messages.
//!
//! With sixteen shards on a thread, a commit of thirty payments has two records of each. Handing
//! every shard's over by itself, and telling every shard by itself, cost more than the decisions;
//! so a thread hands over all that its shards staged, is told of all that became durable, and sends
//! what leaves for a shard in one message (measured in `benches/README.md`). Nothing is shared that
//! a shard decides on: shards on other threads are reached by the same calls.
//!
//! Invariant: messages of one shard leave in the order in which they were given.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use actix::prelude::*;
use bursar_domain::id::{Seq, ShardId};
use bursar_domain::message::{Message as Sent, Source};

use crate::committer::CommitterHandle;
use crate::shard::actor::{Local, ShardActor};
use crate::shard::entity::Shared;
use crate::shard::messages::ToShard;

/// What the shards of one thread share.
#[derive(Default)]
pub struct Desk {
    committer: CommitterHandle,
    local: RefCell<Vec<(ShardId, Rc<Shared>)>>,
    peers: RefCell<Vec<Addr<ShardActor>>>,
    flush_asked: Cell<bool>,
    messages: RefCell<Vec<Vec<Sent>>>,
    receipts: RefCell<Vec<Vec<Seq>>>,
}

impl Desk {
    /// A desk of a thread, of `shards` shards in all.
    pub fn new(committer: CommitterHandle, shards: u16) -> Rc<Self> {
        let count = usize::from(shards);
        let desk = Self { committer, ..Self::default() };
        desk.messages.borrow_mut().resize_with(count, Vec::new);
        desk.receipts.borrow_mut().resize_with(count, Vec::new);
        Rc::new(desk)
    }

    /// How many shards there are in all.
    pub fn shards(&self) -> u16 {
        let count = self.messages.borrow().len();
        u16::try_from(count).expect("the number came as a u16")
    }

    /// A shard of this thread has started.
    pub fn join(&self, shard: ShardId, shared: Rc<Shared>) {
        self.local.borrow_mut().push((shard, shared));
    }

    /// Where all shards are. The first shard of a thread to learn it tells the others.
    pub fn link(&self, peers: &[Addr<ShardActor>]) {
        *self.peers.borrow_mut() = peers.to_vec();
    }

    /// Tells a shard something by itself.
    pub fn tell(&self, shard: ShardId, message: ToShard) {
        self.peers.borrow()[usize::from(shard.0)].do_send(message);
    }

    /// Hands over and dispatches once the entities have worked off their mailboxes: a message to
    /// oneself comes after everything that has been sent to them.
    pub fn flush_soon(&self, me: &Addr<ShardActor>) {
        if !self.flush_asked.replace(true) {
            me.do_send(Local::Flush);
        }
    }

    /// Gives a message on its way; it leaves with the next dispatch.
    pub fn deliver(&self, to: ShardId, message: Sent) {
        self.messages.borrow_mut()[usize::from(to.0)].push(message);
    }

    /// Acknowledges a message; it leaves with the next dispatch.
    pub fn acknowledge(&self, source: Source) {
        self.receipts.borrow_mut()[usize::from(source.shard.0)].push(source.seq);
    }

    /// Hands over what the shards of this thread have staged, and dispatches.
    pub fn flush(&self) {
        self.flush_asked.set(false);
        let mut handed = Vec::new();
        for (_, shared) in self.local.borrow().iter() {
            handed.extend(shared.core.borrow_mut().close());
        }
        if !handed.is_empty() {
            self.committer.commit(handed);
        }
        self.dispatch();
    }

    /// Lets out what became durable.
    pub fn durable(&self, durable: &[(ShardId, Seq)]) {
        for (shard, shared) in self.local.borrow().iter() {
            if let Some((_, seq)) = durable.iter().find(|(other, _)| other == shard) {
                shared.core.borrow_mut().durable(*seq);
                if shared.checkpoint.borrow().is_some() {
                    (shared.step)();
                }
            }
        }
        self.dispatch();
    }

    /// Sends what was given since the last time.
    fn dispatch(&self) {
        for (shard, messages) in (0..).zip(self.messages.borrow_mut().iter_mut()) {
            if !messages.is_empty() {
                self.tell(ShardId(shard), ToShard::Deliver(std::mem::take(messages)));
            }
        }
        for (shard, seqs) in (0..).zip(self.receipts.borrow_mut().iter_mut()) {
            if !seqs.is_empty() {
                self.tell(ShardId(shard), ToShard::Acknowledge(std::mem::take(seqs)));
            }
        }
    }
}
