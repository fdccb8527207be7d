//! The engine: everything between the edge and the disk, started and stopped as one.
//!
//! [`Engine`] is what the server holds: it routes a request to its shard, reads what is durable,
//! follows outcomes, asks on behalf of operators. It can be shared between threads; the shards run
//! on their own arbiters, the committer and the storage on their own threads. `start`
//! starts it, `residents` says who is in memory, `time` is for whoever moves the clock.
//!
//! Stopping is in order: nobody is let in, what was let in is answered, everything is saved, the
//! threads end.

mod residents;
mod start;
mod time;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use actix::prelude::*;
use bursar_domain::call::Policy;
use bursar_domain::id::{EntityId, Seq};
use bursar_snapshots::store::{Archive, Journal, Result};
use tokio::sync::oneshot;

use crate::admission::{Door, Overloaded};
use crate::answers::Answers;
use crate::books::Books;
use crate::clerk::Clerk;
use crate::clock::Clock;
use crate::committer::CommitterHandle;
use crate::cut::Cut;
use crate::fatal::OnFatal;
use crate::gateway::Gateways;
use crate::job::{Answer, Ask, Batch, Job, ReplyTo};
use crate::metrics::Metrics;
use crate::outcomes::OutcomeLog;
use crate::shard::actor::ShardActor;
use crate::shard::messages::{Limits, Report, ShardState, ToShard};
use crate::storage::StorageHandle;
use crate::view::{Seen, Views};

/// How the engine is sized.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many shards; fixed with the data directory.
    pub shards: u16,
    /// Over how many threads they are spread.
    pub threads: usize,
    /// How each shard keeps its memory and its journal short.
    pub limits: Limits,
    /// How many requests may be on their way in each shard.
    pub in_flight_max: usize,
    /// A shard with more unsaved bytes than this lets nobody in until a checkpoint has saved them.
    pub tail_bytes_max: usize,
}

/// What starting found.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    /// How many records were read back from the journal.
    pub records: u64,
}

struct Shard {
    address: Addr<ShardActor>,
    door: Door,
    views: Arc<Views>,
}

/// A running engine.
pub struct Engine {
    shards: Vec<Shard>,
    outcomes: Arc<OutcomeLog>,
    committer: CommitterHandle,
    storage: StorageHandle,
    arbiters: Vec<Arbiter>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    archive: Arc<dyn Archive>,
    cut: Cut,
}

/// Many questions that have been handed on.
pub struct Asked {
    size: usize,
    answers: Option<oneshot::Receiver<Vec<Answer>>>,
}

impl Asked {
    /// The answers, in the order of the questions.
    pub async fn answers(self) -> Vec<Answer> {
        let overloaded = || vec![Answer::Overloaded; self.size];
        match self.answers {
            Some(answers) => answers.await.unwrap_or_else(|_| overloaded()),
            None => overloaded(),
        }
    }
}

/// The engine has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine has stopped")]
pub struct Stopped;

/// What the engine works with.
pub struct World {
    /// The log of decisions.
    pub journal: Box<dyn Journal>,
    /// Snapshots and history.
    pub archive: Arc<dyn Archive>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Metrics,
    /// What ends the process.
    pub on_fatal: OnFatal,
    /// How patient sagas are.
    pub policy: Policy,
    /// Whoever makes calls to third parties.
    pub gateways: Gateways,
    /// Whoever runs errands.
    pub clerk: Clerk,
    /// The way back for their answers.
    pub answers: Answers,
}

impl Engine {
    fn shard_of(&self, id: &EntityId) -> &Shard {
        let count = u16::try_from(self.shards.len()).expect("the number came as a u16");
        &self.shards[usize::from(id.shard(count).0)]
    }

    /// How an entity stands, if it is in memory and exists. Durable.
    pub fn see(&self, id: &EntityId) -> Option<Seen> {
        self.shard_of(id).views.see(id)
    }

    /// Asks an entity and waits for its answer.
    pub async fn ask(&self, to: EntityId, ask: Ask) -> std::result::Result<Answer, Overloaded> {
        let shard = self.shard_of(&to);
        let permit = shard.door.try_enter()?;
        let (sender, receiver) = oneshot::channel();
        let reply = ReplyTo::one(sender, permit);
        shard.address.do_send(ToShard::Job(Box::new(Job { to, ask, reply })));
        Ok(receiver.await.unwrap_or(Answer::Overloaded))
    }

    /// Asks many entities. Waits for room rather than refusing; when this returns, all have been
    /// handed on, and what goes to one entity is decided in the order given. The answers come in
    /// the same order.
    pub async fn ask_all(&self, asks: Vec<(EntityId, Ask)>) -> Asked {
        let size = asks.len();
        let mut by_shard: Vec<Vec<(usize, EntityId, Ask)>> = Vec::new();
        by_shard.resize_with(self.shards.len(), Vec::new);
        let count = u16::try_from(self.shards.len()).expect("the number came as a u16");
        for (index, (id, ask)) in asks.into_iter().enumerate() {
            by_shard[usize::from(id.shard(count).0)].push((index, id, ask));
        }
        let mut permits = Vec::new();
        for (shard, asks) in self.shards.iter().zip(&by_shard) {
            if asks.is_empty() {
                continue;
            }
            match shard.door.enter(asks.len()).await {
                Ok(permit) => permits.push(permit),
                Err(Overloaded) => return Asked { size, answers: None },
            }
        }
        if size == 0 {
            return Asked { size, answers: None };
        }
        let (batch, answers) = Batch::new(size, permits);
        for (shard, asks) in self.shards.iter().zip(by_shard) {
            if asks.is_empty() {
                continue;
            }
            let job = |(index, to, ask)| {
                let reply = ReplyTo::line(Arc::clone(&batch), index);
                Job { to, ask, reply }
            };
            shard.address.do_send(ToShard::Jobs(asks.into_iter().map(job).collect()));
        }
        Asked { size, answers: Some(answers) }
    }

    /// Reads the archive on the storage thread.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Archive) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, Stopped> {
        let (sender, receiver) = oneshot::channel();
        self.storage.query(move |archive| {
            // Whoever asked may have gone away.
            drop(sender.send(read(archive)?));
            Ok(())
        });
        receiver.await.map_err(|_| Stopped)
    }

    /// The stream of outcomes.
    pub fn outcomes(&self) -> &Arc<OutcomeLog> {
        &self.outcomes
    }

    /// Drops some outcomes decided before an instant, in milliseconds since the epoch.
    pub fn drop_outcomes_before(&self, millis: i64) {
        self.storage.drop_outcomes_before(millis);
    }

    /// How many requests are on their way, by shard.
    pub fn in_flight(&self) -> Vec<usize> {
        self.shards.iter().map(|shard| shard.door.in_flight()).collect()
    }

    /// Bytes on disk.
    pub fn size_bytes(&self) -> Result<u64> {
        self.archive.size_bytes()
    }

    async fn each<T>(
        &self,
        question: impl Fn(oneshot::Sender<T>) -> ToShard,
    ) -> std::result::Result<Vec<T>, Stopped> {
        let mut receivers = Vec::with_capacity(self.shards.len());
        for shard in &self.shards {
            let (sender, receiver) = oneshot::channel();
            shard.address.do_send(question(sender));
            receivers.push(receiver);
        }
        let mut answers = Vec::with_capacity(receivers.len());
        for receiver in receivers {
            answers.push(receiver.await.map_err(|_| Stopped)?);
        }
        Ok(answers)
    }

    /// How far every shard is durable, all at one commit; whatever was answered is in it.
    pub fn cut(&self) -> Vec<Seq> {
        self.cut.positions()
    }

    /// Has every shard forget what it was told of an entity, which has changed: whoever decides
    /// after this returned asks anew.
    pub async fn forget(&self, id: &EntityId) -> std::result::Result<(), Stopped> {
        self.each(|sender| ToShard::Forget(id.clone(), sender)).await.map(drop)
    }

    /// Saves everything now. Returns how many entities were saved.
    pub async fn checkpoint(&self) -> std::result::Result<usize, Stopped> {
        Ok(self.each(ToShard::Checkpoint).await?.into_iter().sum())
    }

    /// The sums of every shard.
    pub async fn books(&self) -> std::result::Result<Vec<Books>, Stopped> {
        self.each(|sender| ToShard::Report(Report::Books(sender))).await
    }

    /// How far every shard is.
    pub async fn states(&self) -> std::result::Result<Vec<ShardState>, Stopped> {
        self.each(|sender| ToShard::Report(Report::State(sender))).await
    }

    /// Whether everything that was let in has been answered, has arrived and was acknowledged.
    async fn is_quiet(&self) -> std::result::Result<bool, Stopped> {
        let states = self.states().await?;
        let at_rest = |state: &ShardState| state.waiting == 0 && state.unacknowledged == 0;
        Ok(states.iter().all(at_rest) && self.in_flight().iter().all(|count| *count == 0))
    }

    /// Tells the threads to end.
    fn end(&self) {
        self.committer.stop();
        self.storage.stop();
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
    }

    /// Lets nobody in any more, answers what was let in, saves everything and ends the threads.
    pub async fn stop(&self) -> std::result::Result<(), Stopped> {
        for shard in &self.shards {
            shard.door.close();
        }
        // What was let in may still begin other work: a read, a message, its receipt. The last
        // checkpoint is one that began when nothing was on its way, and found nothing to save.
        loop {
            let quiet = self.is_quiet().await?;
            if self.checkpoint().await? == 0 && quiet {
                break;
            }
        }
        self.end();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            thread.join().map_err(|_| Stopped)?;
        }
        Ok(())
    }
}

/// Without [`Engine::stop`] before, as after a panic: the threads end, and what was on its way is
/// as after a crash.
impl Drop for Engine {
    fn drop(&mut self) {
        self.end();
    }
}
