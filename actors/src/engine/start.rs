//! Starting the engine: what recovery found becomes shards on their threads.
//!
//! The committer and the storage get threads of their own. All shards are linked before the first
//! sends anything; then they go on with what a crash has left.

use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use actix::prelude::*;
use bursar_domain::id::{EntityId, Seq, ShardId};
use bursar_domain::message::Message;
use bursar_snapshots::store::{Result, StoreError};

use super::{Engine, Settings, Shard, Started, World};
use crate::admission::Door;
use crate::answers::Answers;
use crate::catalogue::Announced;
use crate::clerk::Clerk;
use crate::clock::Clock;
use crate::committer::{self, Committer, CommitterHandle};
use crate::cut::Cut;
use crate::fatal::OnFatal;
use crate::gateway::Gateways;
use crate::metrics::Metrics;
use crate::peers::Peers;
use crate::recovery::{self, Recovered};
use crate::shard::actor::{ActixLines, Parts, ShardActor};
use crate::shard::core::Start;
use crate::shard::desk::Desk;
use crate::shard::messages::{Pressure, ToShard};
use crate::storage::{self, Storage, StorageHandle};
use crate::view::Views;

/// What every shard is given.
struct Common<'a> {
    settings: &'a Settings,
    committer: CommitterHandle,
    storage: StorageHandle,
    clock: Arc<dyn Clock>,
    announced: Arc<Announced>,
    gateways: Gateways,
    clerk: Clerk,
    metrics: Metrics,
}

impl Common<'_> {
    /// A shard's parts, its door and where reads look.
    fn parts(&self, recovered: Recovered) -> (Parts, Door, Arc<Views>) {
        let views = Arc::new(Views::default());
        let pressure = Arc::new(Pressure::default());
        let (in_flight, tail) = (self.settings.in_flight_max, self.settings.tail_bytes_max);
        let door = Door::new(in_flight, Arc::clone(&pressure), tail);
        let start = Start {
            shard: recovered.shard,
            shards: self.settings.shards,
            tail: recovered.tail,
            outbox: recovered.outbox,
            books: recovered.books,
            recovered: recovered.recovered,
            last_at: recovered.last_at,
            views: Arc::clone(&views),
            clock: Arc::clone(&self.clock),
            announced: Arc::clone(&self.announced),
        };
        let parts = Parts {
            start,
            committer: self.committer.clone(),
            storage: self.storage.clone(),
            gateways: self.gateways.clone(),
            clerk: self.clerk.clone(),
            limits: self.settings.limits,
            pressure,
            metrics: self.metrics.clone(),
        };
        (parts, door, views)
    }
}

impl Engine {
    /// Recovers what is on disk and starts everything. Must be called in an actix system.
    pub fn start(settings: &Settings, world: World) -> Result<(Self, Started)> {
        let World { mut journal, archive, on_fatal, answers, .. } = world;
        let recovery = recovery::recover(&mut *journal, &*archive, settings.shards)?;
        let started = Started { records: recovery.records };
        let outcomes = Arc::new(recovery.outcomes);
        let announced = Arc::new(Announced::new(world.policy));
        for terms in &recovery.campaigns {
            announced.add(terms);
        }
        let committer = CommitterHandle::default();
        let (storage, requests) = storage::queue();
        let arbiters: Vec<Arbiter> = (0..settings.threads).map(|_| Arbiter::new()).collect();
        let common = Common {
            settings,
            committer: committer.clone(),
            storage: storage.clone(),
            clock: world.clock,
            announced: Arc::clone(&announced),
            gateways: world.gateways,
            clerk: world.clerk,
            metrics: world.metrics.clone(),
        };
        let durable = |shard: &Recovered| Seq(shard.tail.next().0 - 1);
        let cut = Cut::at(recovery.shards.iter().map(durable).collect());
        let (mut seen, mut unfinished) = (Vec::new(), Vec::new());
        let mut by_thread: Vec<Vec<Parts>> = arbiters.iter().map(|_| Vec::new()).collect();
        for mut recovered in recovery.shards {
            let messages = std::mem::take(&mut recovered.messages);
            unfinished.push((messages, std::mem::take(&mut recovered.resume)));
            let thread = usize::from(recovered.shard.0) % by_thread.len();
            let (parts, door, views) = common.parts(recovered);
            by_thread[thread].push(parts);
            seen.push((door, views));
        }
        let (addresses, threads_of) =
            start_shards(&arbiters, by_thread, &committer, &answers, settings.shards);
        let shard = |((door, views), address): ((Door, Arc<Views>), &Addr<ShardActor>)| Shard {
            address: address.clone(),
            door,
            views,
        };
        let shards: Vec<Shard> = seen.into_iter().zip(&addresses).map(shard).collect();
        let archive_of_storage = Storage::new(Arc::clone(&archive), Arc::clone(&outcomes));
        let threads = vec![
            spawn_committer(
                Committer::new(journal, Arc::clone(&outcomes), world.metrics),
                committer.clone(),
                (addresses.clone(), threads_of),
                storage.clone(),
                cut.clone(),
                on_fatal.clone(),
            )?,
            spawn_storage(archive_of_storage, requests, addresses.clone(), on_fatal)?,
        ];
        set_going(&addresses, &answers, unfinished);
        let threads = Mutex::new(threads);
        let engine = Self { shards, outcomes, committer, storage, arbiters, threads, archive, cut };
        Ok((engine, started))
    }
}

/// Starts the shards of each thread on it. Returns their addresses by number, and for each shard
/// the number of the first shard of its thread.
fn start_shards(
    arbiters: &[Arbiter],
    by_thread: Vec<Vec<Parts>>,
    committer: &CommitterHandle,
    answers: &Answers,
    shards: u16,
) -> (Vec<Addr<ShardActor>>, Vec<usize>) {
    let (sender, receiver) = std::sync::mpsc::channel();
    for (arbiter, parts) in arbiters.iter().zip(by_thread) {
        let (sender, committer) = (sender.clone(), committer.clone());
        let peers: Peers = answers.peers().clone();
        arbiter.spawn_fn(move || {
            let desk = Desk::new(Box::new(ActixLines { peers, committer }), shards);
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
    // A shard that is linked wakes who is due, who may call and be answered at once.
    answers.peers().link(shards.to_vec());
    for shard in shards {
        shard.do_send(ToShard::Linked);
    }
    for (shard, (messages, resume)) in shards.iter().zip(unfinished) {
        shard.do_send(ToShard::Resend(messages));
        shard.do_send(ToShard::Resume(resume));
    }
}

fn spawn_committer(
    committer: Committer,
    handle: CommitterHandle,
    (shards, leads): (Vec<Addr<ShardActor>>, Vec<usize>),
    storage: StorageHandle,
    cut: Cut,
    on_fatal: OnFatal,
) -> Result<JoinHandle<()>> {
    let tell = move |committed: &committer::Committed| {
        // Before anyone is answered.
        cut.raise(&committed.durable);
        for (lead, durable) in committed.by_thread(&leads) {
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
