//! A small world in which advances, runs and the schedule live together with a processor.
//!
//! It does what the engine does, and no more than what the engine promises: each shard counts its
//! records; a record's effects leave once it is written; what one shard sends to one entity arrives
//! in order and at least once; a call's answer and what an errand brings come once or never. The
//! sagas that credit advances are played: the credit comes after a while, or does not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bursar_domain::advance::{self, Advance};
use bursar_domain::call::{Context, Policy, Request};
use bursar_domain::entity::{Due, Entity, Wake};
use bursar_domain::errand::Errand;
use bursar_domain::id::{EntityId, Kind, Seq, ShardId};
use bursar_domain::machine::Machine;
use bursar_domain::message::{Asker, Body, Effect, Message, Source, Stamp};
use bursar_domain::money::Amount;
use bursar_domain::plan::Plan;
use bursar_domain::record::{Record, Recorded};
use bursar_domain::run::{Phase, Run};
use bursar_domain::saga::{Failure, Subject};
use bursar_domain::schedule::{self, Schedule};
use bursar_domain::time::Timestamp;

use crate::bench::{START_MS, advance_id, euro, read_back};
use crate::chance::Chance;
use crate::clerk::Clerk;
use crate::flow::{Faults, Flight};
use crate::processor::Processor;

pub(crate) const SHARDS: u16 = 5;

/// One entity, and how many records it made.
#[derive(Clone, Debug)]
pub(crate) struct Account<E> {
    pub(crate) live: Machine<E>,
    pub(crate) records: usize,
}

impl<E: Default> Default for Account<E> {
    fn default() -> Self {
        Self { live: Machine::default(), records: 0 }
    }
}

pub(crate) type Accounts<E> = BTreeMap<EntityId, Account<E>>;

/// A kind of entity that lives in the world.
pub(crate) trait Lives: Recorded {
    fn accounts(world: &mut World) -> &mut Accounts<Self>;
}

macro_rules! lives {
    ($($rules:ty, $field:ident;)*) => {
        $(impl Lives for $rules {
            fn accounts(world: &mut World) -> &mut Accounts<Self> {
                &mut world.$field
            }
        })*
    };
}

lives! {
    Advance, advances;
    Run, runs;
    Schedule, schedules;
}

/// What one shard sends to one entity, in order; the first so many have arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    pub(crate) sent: Vec<Message>,
    pub(crate) arrived: usize,
    /// The most that ever arrived: before it, nothing is news.
    pub(crate) seen: usize,
}

/// A credit that a saga brings about.
#[derive(Clone, Debug)]
pub(crate) struct Credit {
    pub(crate) at: i64,
    pub(crate) advance: EntityId,
    pub(crate) succeeds: bool,
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) now: i64,
    pub(crate) policy: Arc<Policy>,
    pub(crate) chance: Chance,
    pub(crate) faults: Faults,
    pub(crate) processor: Processor,
    pub(crate) clerk: Clerk,
    pub(crate) advances: Accounts<Advance>,
    pub(crate) runs: Accounts<Run>,
    pub(crate) schedules: Accounts<Schedule>,
    pub(crate) streams: BTreeMap<(ShardId, EntityId), Stream>,
    /// Runs that have not ended: there are thousands of the others.
    pub(crate) open_runs: BTreeSet<EntityId>,
    /// Streams of which something has not arrived.
    pub(crate) open_streams: BTreeSet<(ShardId, EntityId)>,
    pub(crate) flights: Vec<Flight>,
    pub(crate) errands: Vec<(i64, EntityId, Errand)>,
    pub(crate) credits: Vec<Credit>,
    /// The sum of all accounts, and what went to and came from outside.
    pub(crate) books: (i64, i64),
    pub(crate) told: BTreeMap<&'static str, u64>,
    /// How many things have happened: a world that hangs is stopped.
    pub(crate) steps: u64,
    seqs: [u64; SHARDS as usize],
}

impl World {
    pub(crate) fn new(policy: Policy, faults: Faults, seed: u64) -> Self {
        let mut world = Self {
            now: START_MS - 7_200_000,
            policy: Arc::new(policy),
            chance: Chance::new(seed),
            faults,
            processor: Processor::default(),
            clerk: Clerk::default(),
            advances: Accounts::new(),
            runs: Accounts::new(),
            schedules: Accounts::new(),
            open_runs: BTreeSet::new(),
            streams: BTreeMap::new(),
            open_streams: BTreeSet::new(),
            flights: Vec::new(),
            errands: Vec::new(),
            credits: Vec::new(),
            books: (0, 0),
            told: BTreeMap::new(),
            steps: 0,
            seqs: [0; SHARDS as usize],
        };
        let cadence = bursar_domain::cadence::Cadence::new("day", None, Some("02:00"), None);
        world.command(&schedule::Command::Set(cadence.expect("a cadence")));
        world
    }

    /// Asks the schedule for something.
    pub(crate) fn command(&mut self, command: &schedule::Command) {
        let decide = |schedule: &Schedule, at: &Context<'_>| {
            schedule.decide(command, at).expect("it never says no")
        };
        self.turn::<Schedule>(&EntityId::schedule(), decide);
    }

    pub(crate) fn open(&mut self, name: &str, cents: i64, plan: Plan) {
        let id = EntityId::advance(&advance_id(name));
        let (account, amount) = (format!("acc-{name}").into(), Amount::from_minor(cents));
        let command = advance::Command::Open { account, amount, currency: euro(), plan };
        let decide = |advance: &Advance, at: &Context<'_>| {
            advance.decide(&command, at).expect("it is a good plan")
        };
        self.turn::<Advance>(&id, decide);
    }

    /// Lets an entity look at something, and records what follows; how many events did.
    pub(crate) fn turn<E: Lives>(
        &mut self,
        id: &EntityId,
        look: impl FnOnce(&E, &Context<'_>) -> Vec<E::Event>,
    ) -> usize {
        let policy = Arc::clone(&self.policy);
        let now = Timestamp::from_millis(self.now).expect("a date");
        let account = E::accounts(self).entry(id.clone()).or_default();
        let events = look(account.live.entity(), &Context { now, policy: &policy });
        let count = events.len();
        if count > 0 {
            let (entity, verdict) = (id.clone(), E::verdict(events));
            self.record::<E>(&read_back(&Record { at: now, entity, key: None, verdict }));
        }
        count
    }

    fn next_source(&mut self, id: &EntityId) -> Source {
        let shard = id.shard(SHARDS);
        let count = &mut self.seqs[usize::from(shard.0)];
        *count += 1;
        Source { shard, seq: Seq(*count) }
    }

    fn record<E: Lives>(&mut self, record: &Record) {
        let id = &record.entity;
        let source = self.next_source(id);
        record.movements(|movement| {
            self.books.0 += movement.account.minor();
            self.books.1 += movement.external.minor();
        });
        let account = E::accounts(self).get_mut(id).expect("it decided just now");
        account.live.apply(record, source.seq);
        account.records += 1;
        let mut receivers = BTreeSet::new();
        for effect in record.effects(Stamp { source, at: record.at }) {
            match effect {
                Effect::Send(message) => {
                    assert!(receivers.insert(message.to.clone()), "{message:?} is a second one");
                    self.send(message);
                }
                Effect::Tell(outcome) => *self.told.entry(outcome.kind.as_str()).or_default() += 1,
                Effect::Call(call) => {
                    if let Request::Pull { .. } = call.request {
                        self.is_not_blind(&call.key);
                    }
                    self.fly(id.clone(), call);
                }
                Effect::Fetch(errand) => {
                    let at = self.now + 50;
                    self.errands.push((at, id.clone(), errand));
                }
            }
        }
        match id.kind {
            Kind::Advance => self.holds(id),
            Kind::Run if self.runs[id].live.entity().phase() == Phase::Done => {
                self.open_runs.remove(id);
            }
            Kind::Run => drop(self.open_runs.insert(id.clone())),
            Kind::Schedule
            | Kind::Wallet
            | Kind::Provider
            | Kind::Deal
            | Kind::Saga
            | Kind::Compensation
            | Kind::Campaign
            | Kind::Statement => {}
        }
    }

    fn send(&mut self, message: Message) {
        let key = (message.source.shard, message.to.clone());
        self.streams.entry(key.clone()).or_default().sent.push(message);
        self.open_streams.insert(key);
    }

    /// A pull is made only when the processor cannot have seen its key, and never will by an
    /// earlier call.
    fn is_not_blind(&self, key: &str) {
        assert!(!self.processor.entries.contains_key(key), "{key} is with the processor");
        let mut on_its_way = self.flights.iter().filter(|flight| flight.may_arrive());
        assert!(!on_its_way.any(|flight| &*flight.call.key == key), "{key} is on its way");
    }

    /// Gives a message to whom it is for; how many events followed.
    pub(crate) fn deliver(&mut self, message: &Message) -> usize {
        let to = &message.to;
        match to.kind {
            Kind::Advance => self.turn::<Advance>(to, |one, at| one.receive(message, at)),
            Kind::Run => self.turn::<Run>(to, |one, at| one.receive(message, at)),
            Kind::Schedule => self.turn::<Schedule>(to, |one, at| one.receive(message, at)),
            Kind::Saga => {
                if let Body::Begin(subject) = &message.body {
                    self.begin_credit(subject);
                }
                1
            }
            Kind::Compensation => 1,
            Kind::Wallet | Kind::Provider | Kind::Deal | Kind::Campaign | Kind::Statement => {
                panic!("{message:?}: nobody is there")
            }
        }
    }

    fn begin_credit(&mut self, subject: &Subject) {
        let Subject::Advance(credit) = subject else { panic!("{subject:?}") };
        let hours = i64::try_from(self.chance.below(40)).expect("small");
        self.credits.push(Credit {
            at: self.now + hours * 3_600_000,
            advance: EntityId::advance(&credit.advance),
            succeeds: !self.chance.of(self.faults.uncredited_percent),
        });
    }

    /// A saga has ended.
    pub(crate) fn end_credit(&mut self, credit: &Credit) {
        let id = &credit.advance.id;
        let saga = EntityId::saga(Arc::clone(id));
        let (entity, body) = if credit.succeeds {
            let by = Asker { entity: saga.clone(), step: 2 };
            (saga, Body::Activate { by })
        } else {
            let entity = EntityId::compensation(id);
            let by = Asker { entity: entity.clone(), step: 0 };
            let failure = Failure::new("declined", "there is no such account");
            (entity, Body::NotCredited { by, failure })
        };
        let source = self.next_source(&entity);
        self.send(Message { source, to: credit.advance.clone(), body });
    }

    /// Wakes someone; how many events followed.
    pub(crate) fn wake(&mut self, who: &EntityId, why: Wake) -> usize {
        match who.kind {
            Kind::Advance => self.turn::<Advance>(who, |one, at| one.woken(why, at)),
            Kind::Run => self.turn::<Run>(who, |one, at| one.woken(why, at)),
            Kind::Schedule => self.turn::<Schedule>(who, |one, at| one.woken(why, at)),
            Kind::Wallet
            | Kind::Provider
            | Kind::Deal
            | Kind::Saga
            | Kind::Compensation
            | Kind::Campaign
            | Kind::Statement => panic!("{who} waits for nothing"),
        }
    }

    /// Who waits for something, and for what.
    pub(crate) fn waiting(&self) -> Vec<(EntityId, Due)> {
        fn due<E: Recorded>((id, account): (&EntityId, &Account<E>)) -> (EntityId, Due) {
            (id.clone(), account.live.entity().due())
        }
        let runs = self.open_runs.iter().map(|id| due((id, &self.runs[id])));
        let schedules = self.schedules.iter().map(due);
        let all = self.advances.iter().map(due).chain(runs).chain(schedules);
        all.filter(|(_, due)| *due != Due::Nothing).collect()
    }
}
