//! A simulated process: the production shards, committer, storage and gateways on one thread.
//!
//! It is put together as the server's engine puts it together (`bursar_actors::engine`), with
//! queues in place of mailboxes and threads. The world says when something has its turn: an entity
//! or a shard ([`Node::turn`]), the committer ([`Node::commit`]), the storage ([`Node::store`]). When
//! it is dropped, the process has ended: nothing of it happens any more.
//!
//! Invariant: the committer and the storage do one thing at a time, each, like their threads.

pub mod gates;
pub mod mailboxes;
pub mod ways;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use bursar_actors::admission::{Door, Overloaded};
use bursar_actors::catalogue::Announced;
use bursar_actors::clock::Clock;
use bursar_actors::committer::Committer;
use bursar_actors::cut::Cut;
use bursar_actors::job::{Answer, Ask, Job, ReplyTo};
use bursar_actors::metrics::Metrics;
use bursar_actors::outcomes::OutcomeLog;
use bursar_actors::recovery::{self, Recovered};
use bursar_actors::shard::core::{Handed, Start};
use bursar_actors::shard::desk::Desk;
use bursar_actors::shard::dispatch::{Dispatch, Parts};
use bursar_actors::shard::messages::{Limits, Pressure, Ring, ToShard};
use bursar_actors::shard::timers::Timers;
use bursar_actors::storage::{Request, Storage};
use bursar_actors::view::{Seen, Views};
use bursar_domain::call::{Answered, Policy};
use bursar_domain::errand::Brought;
use bursar_domain::id::{EntityId, Seq, ShardId};
use bursar_snapshots::store::{Archive, Journal, Result};
use tokio::sync::oneshot;

use crate::chance::Chance;
use gates::{GateSettings, Gates};
use mailboxes::{Mailboxes, Queued, ShardMail, Turn};
use ways::{Out, QueueLines, QueuePorts};

/// How a process is set up; the number of shards is the data directory's.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many shards.
    pub shards: u16,
    /// Over how many threads they are spread.
    pub threads: u16,
    /// How each shard keeps its memory and its journal short.
    pub limits: Limits,
    /// How many requests may be on their way in each shard.
    pub in_flight_max: usize,
    /// A shard with more unsaved bytes than this lets nobody in.
    pub tail_bytes_max: usize,
    /// How patient sagas are.
    pub policy: Policy,
    /// How third parties are treated.
    pub gates: GateSettings,
}

/// What the committer took: records, and how far the journal may go.
type Taken = (Vec<Handed>, Vec<(ShardId, Seq)>);

/// A running process.
pub struct Node {
    shards: Vec<Dispatch<Queued>>,
    /// Held for the shards, which only know where it is.
    _desks: Vec<Rc<Desk>>,
    doors: Vec<Door>,
    views: Vec<Arc<Views>>,
    /// For each shard, the first of its thread.
    leads: Vec<usize>,
    mailboxes: Rc<Mailboxes>,
    /// What leaves it.
    pub out: Rc<Out>,
    committer: Committer,
    committing: Option<Taken>,
    storage: Storage,
    storing: Option<Request>,
    /// The gateways.
    pub gates: Gates,
    /// The stream of outcomes.
    pub outcomes: Arc<OutcomeLog>,
    /// Snapshots and history.
    pub archive: Arc<dyn Archive>,
    cut: Cut,
    rings: Vec<(usize, Ring)>,
    /// How many records were read back.
    pub records: u64,
}

/// What a process is started with.
pub struct World {
    /// The log of decisions.
    pub journal: Box<dyn Journal>,
    /// Snapshots and history.
    pub archive: Arc<dyn Archive>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Metrics,
}

impl Node {
    /// Recovers what is on disk and starts everything.
    pub fn start(settings: &Settings, world: World, chance: &mut Chance) -> Result<Self> {
        let World { mut journal, archive, clock, metrics } = world;
        let recovery = recovery::recover(&mut *journal, &*archive, settings.shards)?;
        let outcomes = Arc::new(recovery.outcomes);
        let announced = Arc::new(Announced::new(settings.policy.clone()));
        for terms in &recovery.campaigns {
            announced.add(terms);
        }
        let durable = |shard: &Recovered| Seq(shard.tail.next().0 - 1);
        let cut = Cut::at(recovery.shards.iter().map(durable).collect());
        let (mailboxes, out) = (Mailboxes::new(settings.shards), Rc::new(Out::default()));
        let threads = usize::from(settings.threads);
        let desk = |_| {
            let lines = QueueLines { mailboxes: Rc::clone(&mailboxes), out: Rc::clone(&out) };
            Desk::new(Box::new(lines), settings.shards)
        };
        let desks: Vec<Rc<Desk>> = (0..threads).map(desk).collect();
        let mut node = Self {
            shards: Vec::new(),
            doors: Vec::new(),
            views: Vec::new(),
            leads: (0..usize::from(settings.shards)).map(|shard| shard % threads).collect(),
            committer: Committer::new(journal, Arc::clone(&outcomes), metrics.clone()),
            committing: None,
            storage: Storage::new(Arc::clone(&archive), Arc::clone(&outcomes)),
            storing: None,
            gates: Gates::new(settings.gates, chance),
            rings: Vec::new(),
            records: recovery.records,
            _desks: desks.clone(),
            mailboxes,
            out,
            outcomes,
            archive,
            cut,
        };
        let mut unfinished = Vec::new();
        for mut recovered in recovery.shards {
            let messages = std::mem::take(&mut recovered.messages);
            unfinished.push((messages, std::mem::take(&mut recovered.resume)));
            let desk = &desks[usize::from(recovered.shard.0) % threads];
            node.add(settings, recovered, desk, &clock, &announced, &metrics);
        }
        for shard in 0..node.shards.len() {
            node.tell(shard, ToShard::Linked);
        }
        for (shard, (messages, resume)) in unfinished.into_iter().enumerate() {
            node.tell(shard, ToShard::Resend(messages));
            node.tell(shard, ToShard::Resume(resume));
        }
        Ok(node)
    }

    fn add(
        &mut self,
        settings: &Settings,
        recovered: Recovered,
        desk: &Rc<Desk>,
        clock: &Arc<dyn Clock>,
        announced: &Arc<Announced>,
        metrics: &Metrics,
    ) {
        let (views, pressure) = (Arc::new(Views::default()), Arc::new(Pressure::default()));
        let door =
            Door::new(settings.in_flight_max, Arc::clone(&pressure), settings.tail_bytes_max);
        let shard = recovered.shard;
        let start = Start {
            shard,
            shards: settings.shards,
            tail: recovered.tail,
            outbox: recovered.outbox,
            books: recovered.books,
            recovered: recovered.recovered,
            last_at: recovered.last_at,
            views: Arc::clone(&views),
            clock: Arc::clone(clock),
            announced: Arc::clone(announced),
        };
        let timers = Rc::new(RefCell::new(Timers::default()));
        let ports = QueuePorts {
            shard,
            timers: Rc::clone(&timers),
            desk: Rc::downgrade(desk),
            mailboxes: Rc::clone(&self.mailboxes),
            out: Rc::clone(&self.out),
        };
        let crew = Queued { mailboxes: Rc::clone(&self.mailboxes), shard: usize::from(shard.0) };
        self.shards.push(Dispatch::new(Parts {
            start,
            crew,
            ports: Box::new(ports),
            timers,
            desk: Rc::clone(desk),
            limits: settings.limits,
            pressure,
            metrics: metrics.clone(),
        }));
        self.doors.push(door);
        self.views.push(views);
    }

    fn shard_of(&self, entity: &EntityId) -> usize {
        let count = u16::try_from(self.shards.len()).expect("the number came as a u16");
        usize::from(entity.shard(count).0)
    }

    /// Puts something into a shard's mailbox.
    pub fn tell(&self, shard: usize, message: ToShard) {
        self.mailboxes.tell_shard(shard, ShardMail::Told(message));
    }

    /// How many shards.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Asks an entity, as the edge does.
    pub fn ask(
        &self,
        to: EntityId,
        ask: Ask,
    ) -> std::result::Result<oneshot::Receiver<Answer>, Overloaded> {
        let shard = self.shard_of(&to);
        let permit = self.doors[shard].try_enter()?;
        let (sender, receiver) = oneshot::channel();
        let reply = ReplyTo::one(sender, permit);
        self.tell(shard, ToShard::Job(Box::new(Job { to, ask, reply })));
        Ok(receiver)
    }

    /// How an entity stands, if it is in memory and exists. Durable.
    pub fn see(&self, entity: &EntityId) -> Option<Seen> {
        self.views[self.shard_of(entity)].see(entity)
    }

    /// How far every shard is durable.
    pub fn cut(&self) -> Vec<Seq> {
        self.cut.positions()
    }

    /// Brings an answer to the entity that called.
    pub fn bring(&self, entity: EntityId, answered: Answered) {
        self.tell(self.shard_of(&entity), ToShard::Answered { entity, answered });
    }

    /// Brings what an errand fetched.
    pub fn bring_found(&self, entity: EntityId, brought: Brought) {
        self.tell(self.shard_of(&entity), ToShard::Brought { entity, brought });
    }

    /// Whether anyone has mail.
    pub fn has_mail(&self) -> bool {
        !self.mailboxes.is_empty()
    }

    /// Gives one of those who have mail its turn. False when nobody has.
    pub fn turn(&mut self, chance: &mut Chance) -> bool {
        match self.mailboxes.take(chance) {
            None => return false,
            Some(Turn::Entity(at, mut worker, message)) => {
                if worker.handle(message) {
                    self.mailboxes.remove(at);
                } else {
                    self.mailboxes.put_back(at, worker);
                }
            }
            Some(Turn::Shard(number, mail)) => {
                let shard = &mut self.shards[number];
                match mail {
                    ShardMail::Local(message) => shard.local(message),
                    ShardMail::Told(message) => shard.handle(message),
                }
                self.rings.extend(shard.take_ring().map(|ring| (number, ring)));
            }
        }
        true
    }

    /// The time of a look that a shard asked for has come.
    pub fn ring(&self, shard: usize, ring: Ring) {
        let ring = bursar_actors::shard::messages::Local::Ring(ring);
        self.mailboxes.tell_shard(shard, ShardMail::Local(ring));
    }

    /// Some time has passed.
    pub fn tick(&mut self) {
        for (number, shard) in self.shards.iter_mut().enumerate() {
            shard.tick();
            self.rings.extend(shard.take_ring().map(|ring| (number, ring)));
        }
    }

    /// The looks that shards have asked for since the last time.
    pub fn take_rings(&mut self) -> Vec<(usize, Ring)> {
        std::mem::take(&mut self.rings)
    }

    /// Has the committer take all that waits. False when it is busy or nothing does.
    pub fn begin_commit(&mut self) -> bool {
        let (handed, trims) = (&self.out.handed, &self.out.trims);
        if self.committing.is_some() || (handed.borrow().is_empty() && trims.borrow().is_empty()) {
            return false;
        }
        self.committing = Some((handed.take(), trims.take()));
        true
    }

    /// The committer writes and syncs what it took, and tells the shards. Tells how many records.
    ///
    /// # Errors
    /// When the disk fails: the process has to end.
    pub fn commit(&mut self) -> Result<usize> {
        let (handed, trims) = self.committing.take().expect("a commit began");
        let records = handed.iter().map(|handed| handed.slice.len()).sum();
        if !handed.is_empty() {
            let committed = self.committer.commit(handed)?;
            self.cut.raise(&committed.durable);
            for (lead, durable) in committed.by_thread(&self.leads) {
                self.tell(lead, ToShard::Durable(durable));
            }
            if committed.save_outcomes {
                self.out.ask_storage(Request::SaveOutcomes);
            }
        }
        if !trims.is_empty() {
            self.committer.trim(&trims)?;
        }
        Ok(records)
    }

    /// Has the storage take what is next. False when it is busy or nothing waits.
    pub fn begin_store(&mut self) -> bool {
        if self.storing.is_none() {
            self.storing = self.out.storage.borrow_mut().take();
            return self.storing.is_some();
        }
        false
    }

    /// The storage does what it took, and tells the shard.
    ///
    /// # Errors
    /// When the disk fails: the process has to end.
    pub fn store(&mut self) -> Result<()> {
        let request = self.storing.take().expect("the storage took something");
        if let Some((shard, done)) = self.storage.work(request)? {
            self.tell(usize::from(shard.0), ToShard::Storage(done));
        }
        Ok(())
    }

    /// Whether a commit, or something for the storage, is under way.
    pub fn under_way(&self) -> (bool, bool) {
        (self.committing.is_some(), self.storing.is_some())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Entities and shards know each other.
        self.mailboxes.clear();
        self.out.clear();
    }
}
