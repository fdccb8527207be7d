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

use bursar_domain::id::{Seq, ShardId};
use bursar_domain::message::{Message as Sent, Source};

use crate::shard::core::Handed;
use crate::shard::messages::ToShard;
use crate::shard::worker::Shared;

/// What connects the shards of a thread with the others and with the disk. Nothing here blocks.
pub trait Lines {
    /// Puts something into a shard's mailbox.
    fn tell(&self, shard: ShardId, message: ToShard);
    /// Hands records to the committer.
    fn commit(&self, handed: Vec<Handed>);
}

/// What the shards of one thread share.
pub struct Desk {
    lines: Box<dyn Lines>,
    local: RefCell<Vec<(ShardId, Rc<Shared>)>>,
    flush_asked: Cell<bool>,
    messages: RefCell<Vec<Vec<Sent>>>,
    receipts: RefCell<Vec<Vec<Seq>>>,
}

impl Desk {
    /// A desk of a thread, of `shards` shards in all.
    pub fn new(lines: Box<dyn Lines>, shards: u16) -> Rc<Self> {
        let count = usize::from(shards);
        let empty = || RefCell::new(Vec::new());
        let (messages, receipts) = (empty(), RefCell::new(Vec::new()));
        messages.borrow_mut().resize_with(count, Vec::new);
        receipts.borrow_mut().resize_with(count, Vec::new);
        let (local, flush_asked) = (RefCell::default(), Cell::new(false));
        Rc::new(Self { lines, local, flush_asked, messages, receipts })
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

    /// Tells a shard something by itself.
    pub fn tell(&self, shard: ShardId, message: ToShard) {
        self.lines.tell(shard, message);
    }

    /// Hands records over by themselves.
    pub fn commit(&self, handed: Handed) {
        self.lines.commit(vec![handed]);
    }

    /// Has `ask` ask for a flush, unless one was asked for: to hand over and dispatch once the
    /// entities have worked off their mailboxes. A message to oneself comes after everything that
    /// has been sent to them.
    pub fn flush_soon(&self, ask: impl FnOnce()) {
        if !self.flush_asked.replace(true) {
            ask();
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
            self.lines.commit(handed);
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
