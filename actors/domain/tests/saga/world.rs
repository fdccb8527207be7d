//! A small world: entities in shards, messages and calls on their way, a clock that jumps.
//!
//! It does what the engine does, and no more than what the engine promises: each shard counts its
//! records; a record's effects leave once it is written; what one shard sends to one entity arrives
//! in order and at least once; a call's answer comes once or never; a crash loses every answer, and
//! whoever waits for something is woken. Beside each deal runs the simple model of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bursar_domain::call::{Answered, Call, Context, Policy};
use bursar_domain::campaign::Campaign;
use bursar_domain::code::Code;
use bursar_domain::compensation::Compensation;
use bursar_domain::deal::{self, Deal};
use bursar_domain::entity::{Due, Entity, Wake};
use bursar_domain::id::{EntityId, Kind, Seq, ShardId};
use bursar_domain::machine::Machine;
use bursar_domain::message::{Body, Effect, Message, Outcome, Source, Stamp};
use bursar_domain::record::{Record, Recorded};
use bursar_domain::saga::Saga;
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::Wallet;

use crate::books::Books;
use crate::chance::Chance;
use crate::counterparts::Counterpart;
use crate::faults::Plan;
use crate::flight::Flight;
use crate::model::{Model, Moves};
use crate::parties::Parties;

pub(crate) const SHARDS: u16 = 5;

/// One entity: the live machine and every record it made.
#[derive(Clone, Debug)]
pub(crate) struct Account<E> {
    pub(crate) live: Machine<E>,
    pub(crate) records: Vec<(Seq, Record)>,
}

impl<E: Default> Default for Account<E> {
    fn default() -> Self {
        Self { live: Machine::default(), records: Vec::new() }
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
    Wallet, wallets;
    Deal, deals;
    Saga, sagas;
    Compensation, compensations;
    Campaign, campaigns;
}

/// What one shard sends to one entity, in order; the first so many have arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    pub(crate) sent: Vec<(u64, Message)>,
    pub(crate) arrived: usize,
    /// The most that ever arrived: before it, nothing is news.
    pub(crate) seen: usize,
}

/// How messages and answers come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Delivery {
    /// Once, in the order in which they were sent.
    Once,
    /// The same, and each again at once, and the first of its stream again.
    Twice,
    /// In any order that is allowed, some of them again.
    Anyhow,
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) now: i64,
    pub(crate) policy: Arc<Policy>,
    pub(crate) delivery: Delivery,
    pub(crate) chance: Chance,
    pub(crate) plan: Plan,
    pub(crate) parties: Parties,
    pub(crate) books: Books,
    pub(crate) told: Vec<Outcome>,
    /// What came into each wallet, or provider, from outside without a saga.
    pub(crate) deposited: BTreeMap<EntityId, i64>,
    pub(crate) wallets: Accounts<Wallet>,
    pub(crate) deals: Accounts<Deal>,
    pub(crate) sagas: Accounts<Saga>,
    pub(crate) compensations: Accounts<Compensation>,
    pub(crate) campaigns: Accounts<Campaign>,
    /// Providers, advances and statements, simply played.
    pub(crate) counterparts: BTreeMap<EntityId, Counterpart>,
    pub(crate) models: BTreeMap<EntityId, Model>,
    pub(crate) streams: BTreeMap<(ShardId, EntityId), Stream>,
    pub(crate) flights: Vec<Flight>,
    /// Every call that was made, and when.
    pub(crate) called: Vec<(i64, EntityId, Call)>,
    /// Every answer that came.
    pub(crate) answers: Vec<(EntityId, Answered)>,
    seqs: [u64; SHARDS as usize],
    messages: u64,
}

impl World {
    pub(crate) fn new(policy: Policy, delivery: Delivery, plan: Plan, seed: u64) -> Self {
        Self {
            now: 1_000_000,
            policy: Arc::new(policy),
            delivery,
            chance: Chance::new(seed),
            plan,
            parties: Parties::default(),
            books: Books::default(),
            told: Vec::new(),
            deposited: BTreeMap::new(),
            wallets: Accounts::new(),
            deals: Accounts::new(),
            sagas: Accounts::new(),
            compensations: Accounts::new(),
            campaigns: Accounts::new(),
            counterparts: BTreeMap::new(),
            models: BTreeMap::new(),
            streams: BTreeMap::new(),
            flights: Vec::new(),
            called: Vec::new(),
            answers: Vec::new(),
            seqs: [0; SHARDS as usize],
            messages: 0,
        }
    }

    pub(crate) fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.now).expect("a date")
    }

    /// Lets an entity look at something, and records what follows from it.
    pub(crate) fn turn<E: Lives, R>(
        &mut self,
        id: &EntityId,
        look: impl FnOnce(&E, &Context<'_>) -> Result<Vec<E::Event>, R>,
    ) -> Result<Vec<E::Event>, R> {
        let policy = Arc::clone(&self.policy);
        let context = Context { now: self.at(), policy: &policy };
        let account = E::accounts(self).entry(id.clone()).or_default();
        let events = look(account.live.entity(), &context)?;
        if !events.is_empty() {
            self.record::<E>(id, events.clone());
        }
        Ok(events)
    }

    /// The same, where the entity cannot say no.
    fn happens<E: Lives>(
        &mut self,
        id: &EntityId,
        look: impl FnOnce(&E, &Context<'_>) -> Vec<E::Event>,
    ) -> Vec<E::Event> {
        let Ok(events) =
            self.turn::<E, std::convert::Infallible>(id, |entity, at| Ok(look(entity, at)));
        events
    }

    fn record<E: Lives>(&mut self, id: &EntityId, events: Vec<E::Event>) {
        let source = self.next_source(id);
        let (seq, at) = (source.seq, self.at());
        let record = Record { at, entity: id.clone(), key: None, verdict: E::verdict(events) };
        let bytes = bincode::encode_to_vec(&record, bincode::config::standard()).expect("encodes");
        let read = bincode::decode_from_slice::<Record, _>(&bytes, bincode::config::standard());
        assert_eq!(read.expect("decodes").0, record, "a record reads back as it was written");
        record.movements(|movement| self.books.book(&movement));
        let effects = record.effects(Stamp { source, at });
        let account = E::accounts(self).get_mut(id).expect("it decided just now");
        account.live.apply(&record, seq);
        account.records.push((seq, record));
        let mut receivers = BTreeSet::new();
        for effect in effects {
            match effect {
                Effect::Send(message) => {
                    assert!(receivers.insert(message.to.clone()), "{message:?} is a second one");
                    self.send(message);
                }
                Effect::Tell(outcome) => self.told.push(outcome),
                Effect::Call(call) => self.call(id, call),
                Effect::Fetch(errand) => unreachable!("{id} has nobody for {errand:?}"),
            }
        }
    }

    /// Counts a record of an entity's shard.
    pub(crate) fn next_source(&mut self, id: &EntityId) -> Source {
        self.seqs[usize::from(id.shard(SHARDS).0)] += 1;
        self.last_source(id)
    }

    /// The last record of an entity's shard.
    pub(crate) fn last_source(&self, id: &EntityId) -> Source {
        Source { shard: id.shard(SHARDS), seq: self.seq(id) }
    }

    /// Sends a message on its way.
    pub(crate) fn send(&mut self, message: Message) {
        self.messages += 1;
        let stream = self.streams.entry((message.source.shard, message.to.clone())).or_default();
        stream.sent.push((self.messages, message));
    }

    /// Gives a message to whom it is for; says whether anything followed from it.
    pub(crate) fn deliver(&mut self, message: &Message) -> bool {
        let to = &message.to;
        match to.kind {
            Kind::Wallet => {
                !self.happens::<Wallet>(to, |wallet, at| wallet.receive(message, at)).is_empty()
            }
            Kind::Deal => {
                let events = self.happens::<Deal>(to, |deal, at| deal.receive(message, at));
                if !events.is_empty() {
                    self.compare(message, &events);
                }
                !events.is_empty()
            }
            Kind::Saga => {
                !self.happens::<Saga>(to, |saga, at| saga.receive(message, at)).is_empty()
            }
            Kind::Compensation => !self
                .happens::<Compensation>(to, |undoing, at| undoing.receive(message, at))
                .is_empty(),
            Kind::Campaign => {
                let events = self.happens::<Campaign>(to, |one, at| one.receive(message, at));
                !events.is_empty()
            }
            Kind::Provider | Kind::Advance | Kind::Statement => self.tell_counterpart(message),
            Kind::Run | Kind::Schedule => unreachable!("this world has no {to}"),
        }
    }

    /// What a message did to a deal is what it does to the model.
    fn compare(&mut self, message: &Message, events: &[deal::Event]) {
        let model = self.models.get_mut(&message.to).expect("it was opened");
        let moves = if let Body::Confirm { investment, .. } = &message.body {
            model.confirm(investment.0)
        } else if let Body::Free { investment, .. } = &message.body {
            model.free_up(investment.0)
        } else {
            model.go_on()
        };
        assert_eq!(Moves::of(events), moves, "{message:?}");
        assert_eq!(model.first_that_fits(), None, "someone in line has a place");
    }

    /// Gives an answer to whoever called; says whether anything followed from it.
    pub(crate) fn answer(&mut self, who: &EntityId, answered: &Answered) -> bool {
        match who.kind {
            Kind::Saga => {
                !self.happens::<Saga>(who, |saga, at| saga.answered(answered, at)).is_empty()
            }
            Kind::Compensation => {
                let events =
                    self.happens::<Compensation>(who, |undoing, at| undoing.answered(answered, at));
                !events.is_empty()
            }
            Kind::Wallet
            | Kind::Deal
            | Kind::Provider
            | Kind::Advance
            | Kind::Run
            | Kind::Schedule
            | Kind::Campaign
            | Kind::Statement => unreachable!("{who} calls nobody"),
        }
    }

    /// Wakes someone; says whether anything followed from it.
    pub(crate) fn wake(&mut self, who: &EntityId, why: Wake) -> bool {
        match who.kind {
            Kind::Saga => !self.happens::<Saga>(who, |saga, at| saga.woken(why, at)).is_empty(),
            Kind::Compensation => {
                !self.happens::<Compensation>(who, |undoing, at| undoing.woken(why, at)).is_empty()
            }
            Kind::Wallet
            | Kind::Deal
            | Kind::Provider
            | Kind::Advance
            | Kind::Run
            | Kind::Schedule
            | Kind::Campaign
            | Kind::Statement => unreachable!("{who} waits for nothing"),
        }
    }

    /// Who waits for something, and for what.
    pub(crate) fn waiting(&self) -> Vec<(EntityId, Due)> {
        fn dues<E: Recorded>(accounts: &Accounts<E>) -> impl Iterator<Item = (EntityId, Due)> {
            let due =
                |(id, account): (&EntityId, &Account<E>)| (id.clone(), account.live.entity().due());
            accounts.iter().map(due).filter(|(_, due)| *due != Due::Nothing)
        }
        dues(&self.sagas).chain(dues(&self.compensations)).collect()
    }

    /// Asks an entity for something; how many events followed, or why not.
    pub(crate) fn ask<E: Lives>(
        &mut self,
        id: &EntityId,
        command: &E::Command,
    ) -> Result<usize, Code> {
        let asked = self.turn::<E, _>(id, |entity, at| entity.decide(command, at));
        asked.map(|events| events.len()).map_err(|no| no.code)
    }

    /// The last position of a shard.
    pub(crate) fn seq(&self, id: &EntityId) -> Seq {
        Seq(self.seqs[usize::from(id.shard(SHARDS).0)])
    }

    pub(crate) fn saga(&self, id: &EntityId) -> &Saga {
        self.sagas.get(id).expect("it was begun").live.entity()
    }

    pub(crate) fn compensation(&self, saga: &EntityId) -> Option<&Compensation> {
        let account = self.compensations.get(&EntityId::compensation(&saga.id))?;
        Some(account.live.entity())
    }
}
