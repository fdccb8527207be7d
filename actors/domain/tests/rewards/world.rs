//! A small world: statements, campaigns, wallets, sagas and compensations, with messages between.
//!
//! It does what the engine does, and no more than what the engine promises: each shard counts its
//! records; effects leave once a record is written; what one shard sends to one entity arrives in
//! order and at least once; a mail's answer comes once or never; a crash loses every answer, plays the
//! records again, and sends again what was not acknowledged. Which message comes next is chance.
//!
//! Whatever comes for the first time has an effect and whatever comes again has none; both are
//! asserted each time. `rest` says what must hold when nothing is left to happen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bursar_domain::call::{Answered, Call, Context, Policy, Reply};
use bursar_domain::campaign::{self, Campaign, Terms};
use bursar_domain::compensation::Compensation;
use bursar_domain::entity::{Due, Entity, Wake};
use bursar_domain::id::{EntityId, Kind, ProviderId, RewardId, Seq, ShardId};
use bursar_domain::machine::Machine;
use bursar_domain::message::{Effect, Message, Outcome, Source, Stamp};
use bursar_domain::record::{Record, Recorded, Verdict};
use bursar_domain::saga::Saga;
use bursar_domain::statement::{self, Draw, Statement, Submitted, Take};
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::command::{Lookup, Pay, Payee, PayeeSettlement};
use bursar_domain::wallet::{self, Wallet};

use crate::chances::Chance;
use crate::stage::{amount, campaign, euro, wallet};

const SHARDS: u16 = 5;

/// So many messages of a stream come again at most after a crash.
const UNACKNOWLEDGED_MAX: usize = 6;

/// One entity: the live machine and every record it made.
#[derive(Clone)]
pub(crate) struct Account<E> {
    pub(crate) live: Machine<E>,
    records: Vec<(Seq, Record)>,
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
    Statement, statements;
    Campaign, campaigns;
    Wallet, wallets;
    Saga, sagas;
    Compensation, compensations;
}

/// What one shard sends to one entity, in order; the first so many have arrived.
#[derive(Clone, Default)]
struct Stream {
    sent: Vec<Message>,
    arrived: usize,
    /// The most that ever arrived: before it, nothing is news.
    seen: usize,
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    policy: Arc<Policy>,
    pub(crate) chance: Chance,
    /// Whether messages come again, and things crash.
    pub(crate) is_rough: bool,
    pub(crate) statements: Accounts<Statement>,
    pub(crate) campaigns: Accounts<Campaign>,
    pub(crate) wallets: Accounts<Wallet>,
    pub(crate) sagas: Accounts<Saga>,
    compensations: Accounts<Compensation>,
    streams: BTreeMap<(ShardId, EntityId), Stream>,
    calls: Vec<(EntityId, Call)>,
    /// The mails that arrived, by the keys of their calls.
    pub(crate) mails: BTreeSet<Box<str>>,
    pub(crate) told: Vec<Outcome>,
    /// Every draw, with its name and its campaign's.
    pub(crate) draws: Vec<(RewardId, String, Draw)>,
    /// What came into wallets from elsewhere, less what left them.
    pub(crate) elsewhere: i64,
    pub(crate) books: i64,
    seqs: [u64; SHARDS as usize],
}

impl World {
    pub(crate) fn new(policy: Policy, now: Timestamp, seed: u64) -> Self {
        Self {
            now,
            policy: Arc::new(policy),
            chance: Chance::new(seed),
            is_rough: true,
            statements: Accounts::new(),
            campaigns: Accounts::new(),
            wallets: Accounts::new(),
            sagas: Accounts::new(),
            compensations: Accounts::new(),
            streams: BTreeMap::new(),
            calls: Vec::new(),
            mails: BTreeSet::new(),
            told: Vec::new(),
            draws: Vec::new(),
            elsewhere: 0,
            books: 0,
            seqs: [0; SHARDS as usize],
        }
    }

    /// With these campaigns announced and these wallets open.
    pub(crate) fn with(terms: &[Terms], wallets: &[&str], now: Timestamp, seed: u64) -> Self {
        let mut world = Self::new(crate::stage::policy(terms), now, seed);
        for terms in terms {
            let announce = campaign::Command::Announce(Arc::new(terms.clone()));
            world.ask::<Campaign>(&EntityId::campaign(&terms.id), &announce);
        }
        for name in wallets {
            world.open(name, 0, 0);
        }
        world
    }

    /// Opens a wallet with a credit limit and some money in it.
    pub(crate) fn open(&mut self, name: &str, limit: i64, money: i64) {
        let profile = wallet::Profile {
            currency: euro(),
            credit_limit: amount(limit),
            owner: None,
            email: Some(format!("{name}@example.com").into()),
            bank_account: None,
        };
        let id = EntityId::wallet(&wallet(name));
        self.ask::<Wallet>(&id, &wallet::Command::Open(profile));
        if money > 0 {
            let (amount, currency) = (amount(money), euro());
            let (effective_at, description) = (None, None);
            let deposit = wallet::command::Deposit { amount, currency, effective_at, description };
            self.ask::<Wallet>(&id, &wallet::Command::Deposit(deposit));
            self.elsewhere += money;
        }
    }

    /// Asks an entity for something that it does not refuse; what happened.
    pub(crate) fn ask<E: Lives>(&mut self, id: &EntityId, command: &E::Command) -> Vec<E::Event> {
        let policy = Arc::clone(&self.policy);
        let context = Context { now: self.now, policy: &policy };
        let account = E::accounts(self).entry(id.clone()).or_default();
        let events = account.live.entity().decide(command, &context).expect("it is allowed");
        if !events.is_empty() {
            self.record::<E>(id, events.clone());
        }
        events
    }

    /// A call of a wallet's owner's bank.
    pub(crate) fn take(&mut self, name: &str, lines: &[Submitted]) {
        for take in Take::cut(&wallet(name), euro(), lines.to_vec()) {
            let id = EntityId::statement(&wallet(name));
            self.ask::<Statement>(&id, &statement::Command::Take(take));
        }
    }

    /// A wallet pays a provider that this world does not have: the money is gone.
    pub(crate) fn spend(&mut self, name: &str, minor: i64) {
        let payee = Payee { currency: euro(), settlement: PayeeSettlement::OnCalendar };
        let pay = wallet::Command::Pay(Pay {
            wallet: wallet(name),
            provider: ProviderId::parse("shop").expect("well-formed"),
            amount: amount(minor),
            currency: euro(),
            description: None,
            metadata: Vec::new(),
            effective_at: None,
            payee: Lookup::Found(payee),
            queue_full: false,
        });
        self.ask::<Wallet>(&EntityId::wallet(&wallet(name)), &pay);
        self.elsewhere -= minor;
    }

    pub(crate) fn pause(&mut self, name: &str) {
        self.ask::<Campaign>(&EntityId::campaign(&campaign(name)), &campaign::Command::Pause);
    }

    pub(crate) fn resume(&mut self, name: &str) {
        self.ask::<Campaign>(&EntityId::campaign(&campaign(name)), &campaign::Command::Resume);
    }

    /// Lets an entity look at something that it cannot refuse; says whether anything followed.
    fn happens<E: Lives>(
        &mut self,
        id: &EntityId,
        look: impl FnOnce(&E, &Context<'_>) -> Vec<E::Event>,
    ) -> bool {
        let policy = Arc::clone(&self.policy);
        let context = Context { now: self.now, policy: &policy };
        let account = E::accounts(self).entry(id.clone()).or_default();
        let events = look(account.live.entity(), &context);
        let is_news = !events.is_empty();
        if is_news {
            self.record::<E>(id, events);
        }
        is_news
    }

    fn record<E: Lives>(&mut self, id: &EntityId, events: Vec<E::Event>) {
        let shard = id.shard(SHARDS);
        self.seqs[usize::from(shard.0)] += 1;
        let seq = Seq(self.seqs[usize::from(shard.0)]);
        let record =
            Record { at: self.now, entity: id.clone(), key: None, verdict: E::verdict(events) };
        let bytes = encoded(&record);
        let read = bincode::decode_from_slice::<Record, _>(&bytes, bincode::config::standard());
        assert_eq!(read.expect("decodes").0, record, "a record reads back as it was written");
        record.movements(|movement| {
            self.books += movement.account.minor() + movement.external.minor();
            self.books += movement.sent.minor() - movement.received.minor();
        });
        let effects = record.effects(Stamp { source: Source { shard, seq }, at: self.now });
        let account = E::accounts(self).get_mut(id).expect("it decided just now");
        account.live.apply(&record, seq);
        account.records.push((seq, record.clone()));
        if let Verdict::Statement(events) = &record.verdict {
            for event in events {
                self.drew(&id.id, seq, event);
            }
        }
        let mut receivers = BTreeSet::new();
        for effect in effects {
            match effect {
                Effect::Send(message) if message.to.kind == Kind::Provider => {}
                Effect::Send(message) => {
                    assert!(receivers.insert(message.to.clone()), "{message:?} is a second one");
                    self.streams.entry((shard, message.to.clone())).or_default().sent.push(message);
                }
                Effect::Tell(outcome) => self.told.push(outcome),
                Effect::Call(call) => self.calls.push((id.clone(), call)),
                Effect::Fetch(errand) => unreachable!("{id} has nobody for {errand:?}"),
            }
        }
    }

    fn drew(&mut self, name: &str, seq: Seq, event: &statement::Event) {
        if let statement::Event::Drawn(drawn) = event {
            for draw in &drawn.draws {
                let party = &drawn.campaigns[usize::from(draw.campaign)];
                let id = RewardId { wallet: wallet(name), seq, line: draw.line };
                self.draws.push((id, party.campaign.to_string(), draw.clone()));
            }
        }
    }

    fn deliver(&mut self, message: &Message) -> bool {
        let to = &message.to;
        match to.kind {
            Kind::Statement => self.happens::<Statement>(to, |one, at| one.receive(message, at)),
            Kind::Campaign => self.happens::<Campaign>(to, |one, at| one.receive(message, at)),
            Kind::Wallet => self.happens::<Wallet>(to, |one, at| one.receive(message, at)),
            Kind::Saga => self.happens::<Saga>(to, |one, at| one.receive(message, at)),
            Kind::Compensation => {
                self.happens::<Compensation>(to, |one, at| one.receive(message, at))
            }
            Kind::Provider | Kind::Deal | Kind::Advance | Kind::Run | Kind::Schedule => {
                unreachable!("this world has no {to}")
            }
        }
    }

    /// Lets one thing happen, by chance; says whether there was anything.
    pub(crate) fn step(&mut self) -> bool {
        let ready = self.streams.iter().filter(|(_, stream)| stream.arrived < stream.sent.len());
        let mut ready: Vec<_> = ready.map(|(key, _)| key.clone()).collect();
        let count = ready.len() + self.calls.len();
        if count == 0 {
            return false;
        }
        if self.is_rough && self.chance.below(250) == 0 {
            self.crash();
            return true;
        }
        let at = self.chance.below(count);
        if at < ready.len() {
            self.message(ready.swap_remove(at));
        } else {
            let (who, call) = self.calls.swap_remove(at - ready.len());
            self.mails.insert(call.key.clone());
            let reply = Reply::Done { id: "".into(), url: None };
            let answered = Answered { step: call.step, attempt: call.attempt, reply };
            let is_news = self.happens::<Saga>(&who, |saga, at| saga.answered(&answered, at));
            assert!(is_news, "{who} waits for {answered:?}");
        }
        true
    }

    /// The next message of a stream arrives, and perhaps again, and an older one.
    fn message(&mut self, key: (ShardId, EntityId)) {
        let again = self.is_rough && self.chance.of(20);
        let stream = self.streams.get_mut(&key).expect("it was picked");
        let message = stream.sent[stream.arrived].clone();
        let is_news = stream.arrived == stream.seen;
        stream.arrived += 1;
        stream.seen = stream.seen.max(stream.arrived);
        let older = again.then(|| stream.sent[self.chance.below(stream.arrived)].clone());
        assert_eq!(self.deliver(&message), is_news, "{message:?}");
        if let Some(older) = older {
            assert!(!self.deliver(&message), "it came before: {message:?}");
            assert!(!self.deliver(&older), "it came before: {older:?}");
        }
    }

    /// Goes on until nothing is left to happen, and looks whether all is as it must be then.
    pub(crate) fn run(&mut self) {
        while self.step() {}
        self.rest();
    }

    /// Lets so many things happen, if there are so many.
    pub(crate) fn steps(&mut self, count: usize) {
        for _ in 0..count {
            self.step();
        }
    }

    /// Everything in memory is lost: records are played again, unacknowledged messages are sent
    /// again, and whoever waits for an answer is woken.
    pub(crate) fn crash(&mut self) {
        replay(&mut self.statements);
        replay(&mut self.campaigns);
        replay(&mut self.wallets);
        replay(&mut self.sagas);
        replay(&mut self.compensations);
        for stream in self.streams.values_mut() {
            stream.arrived -= self.chance.below(stream.arrived.min(UNACKNOWLEDGED_MAX) + 1);
        }
        self.calls.clear();
        let waits = |(id, account): (&EntityId, &Account<Saga>)| {
            (account.live.entity().due() != Due::Nothing).then(|| id.clone())
        };
        let waiting: Vec<_> = self.sagas.iter().filter_map(waits).collect();
        for who in waiting {
            self.happens::<Saga>(&who, |saga, at| saga.woken(Wake::Resumed, at));
        }
    }

    pub(crate) fn campaign(&self, name: &str) -> &Campaign {
        self.campaigns[&EntityId::campaign(&campaign(name))].live.entity()
    }

    pub(crate) fn statement(&self, name: &str) -> &Statement {
        self.statements[&EntityId::statement(&wallet(name))].live.entity()
    }

    /// The posted balance of a wallet.
    pub(crate) fn posted(&self, name: &str) -> i64 {
        let wallet = self.wallets[&EntityId::wallet(&wallet(name))].live.entity();
        wallet.summary().expect("open").posted.minor()
    }
}

fn encoded(value: &impl bincode::Encode) -> Vec<u8> {
    bincode::encode_to_vec(value, bincode::config::standard()).expect("encodes")
}

/// What was written is played again: from nothing, and from a state that was saved half-way. Both
/// give the state that was live.
fn replay<E: Recorded>(accounts: &mut Accounts<E>) {
    for account in accounts.values_mut() {
        let mut again = Machine::<E>::default();
        for (at, (seq, record)) in account.records.iter().enumerate() {
            if at == account.records.len() / 2 {
                let saved = encoded(&again);
                let config = bincode::config::standard();
                (again, _) = bincode::decode_from_slice(&saved, config).expect("decodes");
            }
            again.apply(record, *seq);
        }
        assert_eq!(encoded(&again), encoded(&account.live), "a replay gives the live state");
        account.live = again;
    }
}
