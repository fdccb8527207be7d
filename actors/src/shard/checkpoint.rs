//! The steps of a checkpoint of one shard.
//!
//! Entities that changed since the last checkpoint are saved, some hundred at a time, while the
//! shard goes on deciding: each snapshot covers its entity up to the moment it was taken. A save
//! waits until what it contains is durable in the journal. When all that was dirty at the start is
//! saved, the outcomes and the books are saved; then the journal may go up to where the checkpoint
//! began, or to the oldest message that is not acknowledged.
//!
//! Each batch is over when its entities have heard that they are saved: only then do they say
//! which of them have unsaved records again, and the next checkpoint must know all of those.
//!
//! Invariant: the journal keeps every record that is not in some saved state.

use bursar_domain::id::{EntityId, Seq};
use bursar_domain::planted::{self, Bug};
use bursar_snapshots::codec;
use bursar_snapshots::store::{Saved, Snapshot};
use tokio::sync::oneshot;

use crate::shard::core::ShardCore;

/// How many entities are saved at a time.
const BATCH: usize = 512;

/// A checkpoint on its way.
#[derive(Debug)]
pub struct Checkpoint {
    upto: Seq,
    queue: Vec<EntityId>,
    batch: Vec<EntityId>,
    collected: Vec<Saved>,
    untold: usize,
    stage: Stage,
    saved: usize,
    asked_by: Vec<oneshot::Sender<usize>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Collecting,
    AwaitingDurable,
    Saving,
    Telling,
    AwaitingDurableBooks,
    SavingBooks,
}

/// What is to be done next.
#[derive(Debug)]
pub enum Step {
    /// Nothing until something comes back.
    Wait,
    /// Ask these entities for what is to be saved.
    Collect(Vec<EntityId>),
    /// Tell these entities that they are saved; step again when all have heard it.
    Tell(Vec<EntityId>),
    /// All is saved; tell whoever asked how many entities were.
    Done(Vec<oneshot::Sender<usize>>, usize),
}

impl Checkpoint {
    /// Begins: everything that is dirty now will be saved.
    pub fn begin(core: &mut ShardCore) -> Self {
        core.flush();
        Self {
            upto: Seq(core.next().0 - 1),
            queue: std::mem::take(&mut core.dirty),
            batch: Vec::new(),
            collected: Vec::new(),
            untold: 0,
            stage: Stage::Collecting,
            saved: 0,
            asked_by: Vec::new(),
        }
    }

    /// Someone wants to know when it is done.
    pub fn notify(&mut self, sender: oneshot::Sender<usize>) {
        self.asked_by.push(sender);
    }

    /// An entity has given what is to be saved. True when all that were asked have.
    pub fn collect(&mut self, saved: Saved) -> bool {
        self.collected.push(saved);
        self.collected.len() == self.batch.len()
    }

    /// What has to be done next.
    pub fn step(&mut self, core: &mut ShardCore) -> Step {
        match self.stage {
            Stage::Collecting if self.collected.len() < self.batch.len() => Step::Wait,
            Stage::Collecting if self.batch.is_empty() => self.next_batch(core),
            Stage::Collecting => {
                self.stage = Stage::AwaitingDurable;
                self.step(core)
            }
            Stage::AwaitingDurable => {
                let covers = self.collected.iter().map(|saved| saved.snapshot.covers).max();
                if covers > Some(core.durable_to()) && !planted::is(Bug::SaveBeforeSync) {
                    return Step::Wait;
                }
                self.stage = Stage::Saving;
                self.saved += self.collected.len();
                core.ports.save(std::mem::take(&mut self.collected));
                Step::Wait
            }
            Stage::AwaitingDurableBooks => {
                if core.books.covers > core.durable_to() && !planted::is(Bug::SaveBeforeSync) {
                    return Step::Wait;
                }
                self.stage = Stage::SavingBooks;
                let state = codec::encode(&core.books);
                core.ports.save_books(Snapshot { covers: core.books.covers, state });
                Step::Wait
            }
            Stage::Saving | Stage::Telling | Stage::SavingBooks => Step::Wait,
        }
    }

    fn next_batch(&mut self, core: &mut ShardCore) -> Step {
        if self.queue.is_empty() {
            self.stage = Stage::AwaitingDurableBooks;
            return self.step(core);
        }
        let rest = self.queue.len().saturating_sub(BATCH);
        self.batch = self.queue.split_off(rest);
        Step::Collect(self.batch.clone())
    }

    /// The last save is on disk.
    pub fn saved(&mut self, core: &mut ShardCore) -> Step {
        if self.stage == Stage::SavingBooks {
            let after = self.upto.next();
            let mut keep_from = core.outbox.oldest().map_or(after, |oldest| oldest.min(after));
            if planted::is(Bug::TrimPastUnacknowledged) {
                keep_from = after;
            }
            if planted::is(Bug::TrimOneTooFar) {
                keep_from = keep_from.next().min(core.durable_to().next());
            }
            core.ports.trim(keep_from);
            core.tail.forget_before(after);
            return Step::Done(std::mem::take(&mut self.asked_by), self.saved);
        }
        assert_eq!(self.stage, Stage::Saving, "only a save that was begun ends");
        self.stage = Stage::Telling;
        self.untold = self.batch.len();
        Step::Tell(std::mem::take(&mut self.batch))
    }

    /// An entity has heard that it is saved. True when all have.
    pub fn heard(&mut self) -> bool {
        assert_eq!(self.stage, Stage::Telling, "only who was told has heard");
        self.untold -= 1;
        if self.untold == 0 {
            self.stage = Stage::Collecting;
        }
        self.untold == 0
    }
}
