//! What must hold for every history, whatever is asked in whatever order.
//!
//! A small world of wallets and one provider is driven by random commands; messages between them
//! are delivered late, repeated, and in the order of each sender. The sagas of payments that are
//! settled at once are only played: they push the money or not. Held: money is conserved, available
//! never goes under the limit, a payment is refunded only when it is posted, `decide` changes
//! nothing, every accepted event applies, and replaying the records gives the live state, also
//! through an encoded snapshot.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one kind of event")]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use bursar_domain::cadence::Cadence;
use bursar_domain::call::{Context, Policy};
use bursar_domain::code::Code;
use bursar_domain::currency::Currency;
use bursar_domain::entity::Entity;
use bursar_domain::id::{EntityId, Kind, ProviderId, Seq, ShardId, WalletId};
use bursar_domain::key::{Key, Known};
use bursar_domain::machine::Machine;
use bursar_domain::message::{Asker, Body, Effect, Message, Source, Stamp};
use bursar_domain::money::Amount;
use bursar_domain::provider::{self, Provider, Settlement};
use bursar_domain::record::{Record, Recorded};
use bursar_domain::saga::payment::Payment;
use bursar_domain::saga::{Failure, Subject};
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::command::{Deposit, Lookup, Paid, Pay, Payee, PayeeSettlement, Refund};
use bursar_domain::wallet::{self, Command, Event, Profile, Wallet};
use proptest::prelude::*;

const WALLETS: usize = 3;

static POLICY: LazyLock<Policy> = LazyLock::new(Policy::default);

fn context() -> Context<'static> {
    Context { now: Timestamp::default(), policy: &POLICY }
}

#[derive(Clone, Debug)]
enum Step {
    Deposit(usize, i64),
    Pay(usize, i64),
    /// The same, settled at once.
    PayAtOnce(usize, i64),
    /// One of the pending payments has reached the provider's bank, or not.
    Settle {
        nth: usize,
        is_pushed: bool,
    },
    Refund(usize, usize, i64),
    Hold(usize, u8, i64),
    Release(usize, u8),
    Freeze(usize, bool),
    Deliver {
        again: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let wallet = 0..WALLETS;
    prop_oneof![
        3 => (wallet.clone(), 1..2000_i64).prop_map(|(w, a)| Step::Deposit(w, a)),
        4 => (wallet.clone(), 1..900_i64).prop_map(|(w, a)| Step::Pay(w, a)),
        3 => (wallet.clone(), 1..900_i64).prop_map(|(w, a)| Step::PayAtOnce(w, a)),
        3 => (any::<usize>(), prop::bool::weighted(0.7))
            .prop_map(|(nth, is_pushed)| Step::Settle { nth, is_pushed }),
        4 => (wallet.clone(), 0..8_usize, 1..900_i64).prop_map(|(w, p, a)| Step::Refund(w, p, a)),
        1 => (wallet.clone(), 0..4_u8, 1..500_i64).prop_map(|(w, h, a)| Step::Hold(w, h, a)),
        1 => (wallet.clone(), 0..4_u8).prop_map(|(w, h)| Step::Release(w, h)),
        1 => (wallet, any::<bool>()).prop_map(|(w, f)| Step::Freeze(w, f)),
        4 => any::<bool>().prop_map(|again| Step::Deliver { again }),
    ]
}

fn euro() -> Currency {
    Currency::from_code("EUR").expect("known")
}

fn provider_id() -> ProviderId {
    ProviderId::parse("clinic").expect("well-formed")
}

/// One account: the live machine and every record it made.
struct Account<E> {
    id: EntityId,
    live: Machine<E>,
    records: Vec<(Seq, Record)>,
}

impl<E: Recorded + std::fmt::Debug> Account<E> {
    fn new(id: EntityId) -> Self {
        Self { id, live: Machine::default(), records: Vec::new() }
    }

    fn record(&mut self, seq: Seq, events: Vec<E::Event>, key: Option<Key>) -> Vec<Effect> {
        let verdict = E::verdict(events);
        let record = Record { at: Timestamp::default(), entity: self.id.clone(), key, verdict };
        self.live.apply(&record, seq);
        let source = Source { shard: ShardId(0), seq };
        let effects = record.effects(Stamp { source, at: record.at });
        self.records.push((seq, record));
        effects
    }

    /// The state by replaying the records from nothing, through a snapshot after `cut` of them.
    fn replayed(&self, cut: usize) -> Machine<E> {
        let mut machine: Machine<E> = Machine::default();
        for (at, (seq, record)) in self.records.iter().enumerate() {
            if at == cut {
                let bytes = bincode::encode_to_vec(&machine, bincode::config::standard());
                let bytes = bytes.expect("encodes");
                let decoded = bincode::decode_from_slice(&bytes, bincode::config::standard());
                machine = decoded.expect("decodes").0;
            }
            machine.apply(record, *seq);
        }
        machine
    }
}

struct World {
    wallets: Vec<Account<Wallet>>,
    provider: Account<Provider>,
    seq: u64,
    on_their_way: Vec<Message>,
    delivered: Vec<Message>,
    deposited: i64,
    /// The payments whose money is on its way to the provider's bank.
    pushing: Vec<Payment>,
    /// Every payment whose saga has begun, and every one that is posted.
    begun: BTreeSet<Seq>,
    posted: BTreeSet<Seq>,
}

impl World {
    fn new(credit_limit: i64) -> Self {
        let id = |n| EntityId::wallet(&WalletId::parse(&format!("w{n}")).expect("well-formed"));
        let mut world = Self {
            wallets: (0..WALLETS).map(|n| Account::new(id(n))).collect(),
            provider: Account::new(EntityId::provider(&provider_id())),
            seq: 0,
            on_their_way: Vec::new(),
            delivered: Vec::new(),
            deposited: 0,
            pushing: Vec::new(),
            begun: BTreeSet::new(),
            posted: BTreeSet::new(),
        };
        let cadence = Cadence::new("day", None, None, None);
        let profile = provider::Profile {
            name: "Clinic".into(),
            currency: euro(),
            settlement: Settlement::OnCalendar(cadence.expect("a cadence")),
            account: "acct".into(),
        };
        let registered = provider::Event::Registered(profile.into());
        let seq = world.next();
        world.provider.record(seq, vec![registered], None);
        for n in 0..WALLETS {
            world.ask(
                n,
                &Command::Open(Profile {
                    currency: euro(),
                    credit_limit: Amount::from_minor(credit_limit),
                    owner: None,
                    email: None,
                    bank_account: None,
                }),
            );
        }
        world
    }

    fn next(&mut self) -> Seq {
        self.seq += 1;
        Seq(self.seq)
    }

    fn ask(&mut self, wallet: usize, command: &Command) {
        let before = format!("{:?}", self.wallets[wallet].live);
        let decided = self.wallets[wallet].live.entity().decide(command, &context());
        assert_eq!(before, format!("{:?}", self.wallets[wallet].live), "decide changes nothing");
        if let Command::Refund(Refund { payment, paid: Lookup::Found(paid), .. }) = command {
            let is_posted = !paid.was_held || self.posted.contains(payment);
            let is_refused = decided.as_ref().is_err_and(|no| no.code == Code::PaymentNotPosted);
            assert_eq!(is_refused, !is_posted, "{decided:?}");
        }
        let Ok(events) = decided else { return };
        let seq = self.next();
        let key = Key { text: format!("k{seq}").into(), content: command.content() };
        let effects = self.wallets[wallet].record(seq, events, Some(key));
        self.send(effects);
    }

    fn send(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Send(message) = effect {
                self.on_their_way.push(message);
            }
        }
    }

    fn deliver(&mut self, message: Message) {
        let seq = self.next();
        let effects = match message.to.kind {
            Kind::Provider => {
                let events = self.provider.live.entity().receive(&message, &context());
                if events.is_empty() { Vec::new() } else { self.provider.record(seq, events, None) }
            }
            Kind::Wallet => {
                let account = self.wallets.iter_mut().find(|account| account.id == message.to);
                let account = account.expect("sent to a wallet that is there");
                let events = account.live.entity().receive(&message, &context());
                self.posted.extend(events.iter().filter_map(|event| match event {
                    Event::PaymentPosted(posted) => Some(posted.payment),
                    _ => None,
                }));
                if events.is_empty() { Vec::new() } else { account.record(seq, events, None) }
            }
            Kind::Saga => {
                self.begin(&message.body);
                Vec::new()
            }
            other => unreachable!("this world has no {}", other.as_str()),
        };
        self.send(effects);
        self.delivered.push(message);
    }

    /// The saga of a payment has begun, or has its answer.
    fn begin(&mut self, body: &Body) {
        let Body::Begin(subject) = body else { return };
        let Subject::Payment(payment) = &**subject else { unreachable!("{subject:?}") };
        if self.begun.insert(payment.seq) {
            self.pushing.push(payment.clone());
        }
    }

    /// What the saga of a pending payment asks of its wallet, once the processor has decided.
    fn settle(&mut self, nth: usize, is_pushed: bool) {
        let Some(at) = nth.checked_rem(self.pushing.len()) else { return };
        let payment = Box::new(self.pushing.remove(at));
        let to = EntityId::wallet(&payment.wallet);
        let id = Payment::id(&payment.wallet, payment.seq);
        let by = Asker { entity: EntityId::saga(id), step: 2 };
        let body = if is_pushed {
            Body::Post { by, payment }
        } else {
            Body::Unhold { by, payment, failure: Failure::new("declined", "no such account") }
        };
        let source = Source { shard: ShardId(0), seq: self.next() };
        self.on_their_way.push(Message { source, to, body });
    }

    fn payment(&self, wallet: usize, nth: usize) -> Option<(Seq, Paid)> {
        let found = |provider: &ProviderId, amount, was_held| {
            Some(Paid { provider: provider.clone(), amount, refunded: None, was_held })
        };
        let paid = |(seq, record): &(Seq, Record)| {
            let events = Wallet::events(&record.verdict).expect("a wallet's");
            let paid = events.iter().find_map(|event| match event {
                Event::Paid(paid) => found(&paid.provider, paid.amount, false),
                Event::PaymentHeld(held) => found(&held.provider, held.amount, true),
                _ => None,
            });
            Some((*seq, paid?))
        };
        self.wallets[wallet].records.iter().filter_map(paid).nth(nth)
    }

    fn pay(&mut self, wallet: usize, minor: i64, settlement: PayeeSettlement) {
        let id = WalletId::from_shared(self.wallets[wallet].id.id.clone());
        let pay = Pay {
            wallet: id,
            provider: provider_id(),
            amount: Amount::from_minor(minor),
            currency: euro(),
            description: None,
            metadata: Vec::new(),
            effective_at: None,
            payee: Lookup::Found(Payee { currency: euro(), settlement }),
            queue_full: false,
        };
        self.ask(wallet, &Command::Pay(pay));
    }

    fn step(&mut self, step: &Step) {
        let amount = Amount::from_minor;
        match step {
            Step::Deposit(wallet, minor) => {
                self.deposited += minor;
                self.ask(
                    *wallet,
                    &Command::Deposit(Deposit {
                        amount: amount(*minor),
                        currency: euro(),
                        effective_at: None,
                        description: None,
                    }),
                );
            }
            Step::Pay(wallet, minor) => self.pay(*wallet, *minor, PayeeSettlement::OnCalendar),
            Step::PayAtOnce(wallet, minor) => {
                let settlement = PayeeSettlement::Immediate { account: "acct".into() };
                self.pay(*wallet, *minor, settlement);
            }
            Step::Settle { nth, is_pushed } => self.settle(*nth, *is_pushed),
            Step::Refund(wallet, nth, minor) => {
                let found = self.payment(*wallet, *nth);
                let (payment, paid) = found
                    .map_or((Seq(0), Lookup::Missing), |(seq, paid)| (seq, Lookup::Found(paid)));
                self.ask(
                    *wallet,
                    &Command::Refund(Refund {
                        payment,
                        amount: Some(amount(*minor).to_major(euro()).into()),
                        effective_at: None,
                        key: None,
                        paid,
                    }),
                );
            }
            Step::Hold(wallet, id, minor) => self.ask(
                *wallet,
                &Command::Hold {
                    id: id.to_string().into(),
                    amount: amount(*minor),
                    currency: euro(),
                },
            ),
            Step::Release(wallet, id) => {
                self.ask(*wallet, &Command::Release { id: id.to_string().into() });
            }
            Step::Freeze(wallet, true) => self.ask(*wallet, &Command::Freeze),
            Step::Freeze(wallet, false) => self.ask(*wallet, &Command::Unfreeze),
            Step::Deliver { again: true } => {
                if let Some(message) = self.delivered.last().cloned() {
                    self.deliver(message);
                }
            }
            Step::Deliver { again: false } => {
                if !self.on_their_way.is_empty() {
                    let message = self.on_their_way.remove(0);
                    self.deliver(message);
                }
            }
        }
    }

    /// Balances, what is on its way and what is in the provider's bank, together.
    fn money(&self) -> i128 {
        let posted = |account: &Account<Wallet>| {
            i128::from(account.live.entity().summary().expect("open").posted.minor())
        };
        let on_its_way = |message: &Message| match &message.body {
            Body::Payment { amount, .. }
            | Body::SettledPayment { amount, .. }
            | Body::RefundMoney { amount, .. } => i128::from(amount.minor()),
            _ => 0,
        };
        let provider = self.provider.live.entity().summary().expect("registered");
        self.wallets.iter().map(posted).sum::<i128>()
            + provider.accrued.minor()
            + provider.reimbursed.minor()
            + self.on_their_way.iter().map(on_its_way).sum::<i128>()
    }
}

proptest! {
    #[test]
    fn money_is_conserved_and_replay_is_live(
        credit_limit in 0..500_i64,
        steps in proptest::collection::vec(step(), 1..80),
        cut in 0..40_usize,
    ) {
        let mut world = World::new(credit_limit);
        for step in &steps {
            world.step(step);
            prop_assert_eq!(world.money(), i128::from(world.deposited), "after {:?}", step);
            for account in &world.wallets {
                let summary = account.live.entity().summary().expect("open");
                prop_assert!(summary.available().minor() >= -credit_limit);
            }
        }
        while !world.on_their_way.is_empty() || !world.pushing.is_empty() {
            world.step(&Step::Deliver { again: false });
            world.step(&Step::Settle { nth: 0, is_pushed: true });
        }
        prop_assert_eq!(world.money(), i128::from(world.deposited));
        for account in &world.wallets {
            prop_assert!(account.live.entity().expected().is_empty());
            prop_assert_eq!(account.live.entity().pending_payments().count(), 0);
            let replayed = format!("{:?}", account.replayed(cut));
            prop_assert_eq!(replayed, format!("{:?}", account.live));
        }
        let replayed = format!("{:?}", world.provider.replayed(cut));
        prop_assert_eq!(replayed, format!("{:?}", world.provider.live));
    }

    #[test]
    fn a_key_is_found_where_it_was_recorded(count in 1..120_u64) {
        let id = EntityId::wallet(&WalletId::parse("w").expect("well-formed"));
        let mut account: Account<Wallet> = Account::new(id);
        let key = |n: u64| Key { text: format!("key-{n}").into(), content: n };
        for n in 1..=count {
            let events = if n == 1 {
                let profile = Profile {
                    currency: euro(),
                    credit_limit: Amount::ZERO,
                    owner: None,
                    email: None,
                    bank_account: None,
                };
                vec![wallet::Event::Opened(profile.into())]
            } else {
                Vec::new()
            };
            account.record(Seq(n), events, Some(key(n)));
        }
        for n in 1..=count {
            prop_assert_eq!(account.live.find(&key(n)), Known::Value(n));
        }
        prop_assert_eq!(account.live.find(&key(0)), Known::Never);
        prop_assert_eq!(account.live.version(), count);
    }
}
