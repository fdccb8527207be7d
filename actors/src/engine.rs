//! The engine: everything between the edge and the disk, started and stopped as one.
//!
//! [`Engine`] is what the server holds: it routes a request to its shard, reads what is durable,
//! follows outcomes, asks on behalf of operators. It can be shared between threads; the shards run
//! on their own arbiters, the committer and the storage on their own threads.
//!
//! Stopping is in order: nobody is let in, what was let in is answered, everything is saved, the
//! threads end.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread::JoinHandle;

use actix::prelude::*;
use bursar_domain::call::Policy;
use bursar_domain::id::{EntityId, Kind, Seq, ShardId};
use bursar_domain::message::Message;
use bursar_snapshots::store::{Archive, Journal, Result, StoreError};
use tokio::sync::oneshot;

use crate::admission::{Door, Overloaded};
use crate::answers::Answers;
use crate::books::Books;
use crate::clock::Clock;
use crate::committer::{self, Committer, CommitterHandle};
use crate::fatal::OnFatal;
use crate::gateway::Gateways;
use crate::job::{Answer, Ask, Batch, Job, ReplyTo};
use crate::metrics::Metrics;
use crate::outcomes::OutcomeLog;
use crate::recovery;
use crate::shard::actor::{Parts, ShardActor};
use crate::shard::core::Start;
use crate::shard::desk::Desk;
use crate::shard::messages::{Limits, Pressure, Report, ResidentState, ShardState, ToShard};
use crate::storage::{self, Storage, StorageHandle};
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
    /// The way back for their answers.
    pub answers: Answers,
}

impl Engine {
    /// Recovers what is on disk and starts everything. Must be called in an actix system.
    pub fn start(settings: &Settings, world: World) -> Result<(Self, Started)> {
        let World { mut journal, archive, clock, metrics, on_fatal, policy, gateways, answers } =
            world;
        let policy = Arc::new(policy);
        let recovery = recovery::recover(&mut *journal, &*archive, settings.shards)?;
        let started = Started { records: recovery.records };
        let outcomes = Arc::new(recovery.outcomes);
        let committer = CommitterHandle::default();
        let (storage, requests) = storage::queue();
        let arbiters: Vec<Arbiter> = (0..settings.threads).map(|_| Arbiter::new()).collect();
        let mut shards = Vec::new();
        let mut unfinished = Vec::new();
        let mut by_thread: Vec<Vec<Parts>> = arbiters.iter().map(|_| Vec::new()).collect();
        for recovered in recovery.shards {
            let views = Arc::new(Views::default());
            let pressure = Arc::new(Pressure::default());
            let door =
                Door::new(settings.in_flight_max, Arc::clone(&pressure), settings.tail_bytes_max);
            unfinished.push((recovered.messages, recovered.resume));
            shards.push((door, Arc::clone(&views)));
            let start = Start {
                shard: recovered.shard,
                shards: settings.shards,
                tail: recovered.tail,
                outbox: recovered.outbox,
                books: recovered.books,
                recovered: recovered.recovered,
                last_at: recovered.last_at,
                views,
                clock: Arc::clone(&clock),
                policy: Arc::clone(&policy),
            };
            let thread = usize::from(recovered.shard.0) % by_thread.len();
            by_thread[thread].push(Parts {
                start,
                committer: committer.clone(),
                storage: storage.clone(),
                gateways: gateways.clone(),
                limits: settings.limits,
                pressure,
                metrics: metrics.clone(),
            });
        }
        let (addresses, threads_of) =
            start_shards(&arbiters, by_thread, &committer, settings.shards);
        let shard = |((door, views), address): ((Door, Arc<Views>), &Addr<ShardActor>)| Shard {
            address: address.clone(),
            door,
            views,
        };
        let shards: Vec<Shard> = shards.into_iter().zip(&addresses).map(shard).collect();
        let archive_of_storage = Storage::new(Arc::clone(&archive), Arc::clone(&outcomes));
        let threads = vec![
            spawn_committer(
                Committer::new(journal, Arc::clone(&outcomes), metrics),
                committer.clone(),
                addresses.clone(),
                threads_of,
                storage.clone(),
                on_fatal.clone(),
            )?,
            spawn_storage(archive_of_storage, requests, addresses.clone(), on_fatal)?,
        ];
        set_going(&addresses, &answers, unfinished);
        let threads = Mutex::new(threads);
        Ok((Self { shards, outcomes, committer, storage, arbiters, threads, archive }, started))
    }

    fn shard_of(&self, id: &EntityId) -> &Shard {
        let count = u16::try_from(self.shards.len()).expect("the number came as a u16");
        &self.shards[usize::from(id.shard(count).0)]
    }

    /// How an entity stands, if it is in memory and exists. Durable.
    pub fn see(&self, id: &EntityId) -> Option<Seen> {
        self.shard_of(id).views.see(id)
    }

    /// The entities of a kind that are in memory and exist, ascending. Durable.
    pub fn residents_of(&self, kind: Kind) -> Vec<EntityId> {
        let ids = self.shards.iter().flat_map(|shard| shard.views.of_kind(kind));
        let mut ids: Vec<EntityId> = ids.map(|id| EntityId { kind, id }).collect();
        ids.sort();
        ids
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

    /// Who is in memory.
    pub async fn residents(&self) -> std::result::Result<Vec<ResidentState>, Stopped> {
        let lists = self.each(|sender| ToShard::Report(Report::Residents(sender))).await?;
        Ok(lists.into_iter().flatten().collect())
    }

    /// Saves everything and asks an entity to leave memory. True when it was not there any more.
    pub async fn passivate(&self, id: &EntityId) -> std::result::Result<bool, Stopped> {
        let shard = self.shard_of(id);
        let (sender, receiver) = oneshot::channel();
        shard.address.do_send(ToShard::Checkpoint(sender));
        receiver.await.map_err(|_| Stopped)?;
        for _ in 0..2 {
            let (sender, receiver) = oneshot::channel();
            shard.address.do_send(ToShard::Passivate(id.clone(), sender));
            if receiver.await.map_err(|_| Stopped)? {
                return Ok(true);
            }
        }
        Ok(self.see(id).is_none())
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

/// Starts the shards of each thread on it. Returns their addresses by number, and for each shard
/// the number of the first shard of its thread.
fn start_shards(
    arbiters: &[Arbiter],
    by_thread: Vec<Vec<Parts>>,
    committer: &CommitterHandle,
    shards: u16,
) -> (Vec<Addr<ShardActor>>, Vec<usize>) {
    let (sender, receiver) = std::sync::mpsc::channel();
    for (arbiter, parts) in arbiters.iter().zip(by_thread) {
        let (sender, committer) = (sender.clone(), committer.clone());
        arbiter.spawn_fn(move || {
            let desk = Desk::new(committer, shards);
            let lead = parts.first().map_or(0, |parts| usize::from(parts.start.shard.0));
            for parts in parts {
                let (shard, desk) = (usize::from(parts.start.shard.0), Rc::clone(&desk));
                let address = ShardActor::create(|context| ShardActor::new(parts, desk, context));
                sender.send((shard, lead, address)).expect("the engine waits for it");
            }
        });
    }
    drop(sender);
    let mut started: Vec<_> = receiver.iter().collect();
    started.sort_by_key(|(shard, ..)| *shard);
    assert_eq!(started.len(), usize::from(shards), "every shard has started");
    started.into_iter().map(|(_, lead, address)| (address, lead)).unzip()
}

/// Links the shards and has them go on with what a crash has left: messages that may not have
/// arrived, entities that wait. All are linked before the first sends anything: whoever receives
/// must be able to answer.
fn set_going(
    shards: &[Addr<ShardActor>],
    answers: &Answers,
    unfinished: Vec<(Vec<Message>, Vec<EntityId>)>,
) {
    for shard in shards {
        shard.do_send(ToShard::Linked(shards.to_vec()));
    }
    answers.link(shards.to_vec());
    for (shard, (messages, resume)) in shards.iter().zip(unfinished) {
        shard.do_send(ToShard::Resend(messages));
        shard.do_send(ToShard::Resume(resume));
    }
}

fn spawn_committer(
    committer: Committer,
    handle: CommitterHandle,
    shards: Vec<Addr<ShardActor>>,
    leads: Vec<usize>,
    storage: StorageHandle,
    on_fatal: OnFatal,
) -> Result<JoinHandle<()>> {
    let tell = move |committed: &committer::Committed| {
        // One message per thread: its first shard lets out what all of them have.
        let mut by_lead: Vec<(usize, Vec<(ShardId, Seq)>)> = Vec::new();
        for (shard, seq) in &committed.durable {
            let lead = leads[usize::from(shard.0)];
            match by_lead.iter_mut().find(|(other, _)| *other == lead) {
                Some((_, durable)) => durable.push((*shard, *seq)),
                None => by_lead.push((lead, vec![(*shard, *seq)])),
            }
        }
        for (lead, durable) in by_lead {
            shards[lead].do_send(ToShard::Durable(durable));
        }
        if committed.save_outcomes {
            storage.save_outcomes();
        }
    };
    committer::spawn(committer, handle, tell, on_fatal).map_err(no_thread)
}

fn spawn_storage(
    storage: Storage,
    requests: storage::Requests,
    shards: Vec<Addr<ShardActor>>,
    on_fatal: OnFatal,
) -> Result<JoinHandle<()>> {
    let tell = move |shard: ShardId, done| {
        shards[usize::from(shard.0)].do_send(ToShard::Storage(done));
    };
    storage::spawn(storage, requests, tell, on_fatal).map_err(no_thread)
}

fn no_thread(source: std::io::Error) -> StoreError {
    StoreError::Io { doing: "starting a thread", source }
}
