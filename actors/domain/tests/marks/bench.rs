//! The bench on which each case runs: a wallet, steps that are asked or sent, and what follows.
//!
//! A message comes a second time each time, which changes nothing. `check` compares what the wallet
//! answered and its balance, `check_code` why a command was refused.

use std::sync::LazyLock;

use bursar_domain::call::{Context, Policy};
use bursar_domain::code::Code;
use bursar_domain::currency::Currency;
use bursar_domain::entity::Entity;
use bursar_domain::id::{EntityId, ProviderId, Seq, ShardId, WalletId};
use bursar_domain::message::{Answer, Asker, Body, Effect, Message, Source, Stamp};
use bursar_domain::money::Amount;
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::command::{Deposit, Lookup, Pay, Payee, PayeeSettlement};
use bursar_domain::wallet::{Command, Profile, Wallet};

static POLICY: LazyLock<Policy> = LazyLock::new(Policy::default);

/// The largest amount.
pub(crate) const MOST: i64 = i64::MAX;

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Ask(Box<Command>),
    Send(Box<Body>),
}

pub(crate) fn context() -> Context<'static> {
    Context { now: Timestamp::default(), policy: &POLICY }
}

pub(crate) fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("known")
}

pub(crate) fn ask(command: Command) -> Step {
    Step::Ask(Box::new(command))
}

pub(crate) fn open(credit_limit: i64) -> Step {
    ask(Command::Open(Profile {
        currency: currency("EUR"),
        credit_limit: Amount::from_minor(credit_limit),
        owner: None,
        email: Some("ann@example.com".into()),
        bank_account: None,
    }))
}

pub(crate) fn money(minor: i64) -> Deposit {
    let (amount, currency) = (Amount::from_minor(minor), currency("EUR"));
    Deposit { amount, currency, effective_at: None, description: None }
}

pub(crate) fn deposit(minor: i64) -> Step {
    ask(Command::Deposit(money(minor)))
}

pub(crate) fn pull(minor: i64) -> Step {
    ask(Command::Pull(money(minor)))
}

pub(crate) fn hold(id: &str, minor: i64) -> Step {
    let (amount, currency) = (Amount::from_minor(minor), currency("EUR"));
    ask(Command::Hold { id: id.into(), amount, currency })
}

pub(crate) fn pay(minor: i64) -> Step {
    pay_in(minor, PayeeSettlement::OnCalendar)
}

pub(crate) fn pay_in(minor: i64, settlement: PayeeSettlement) -> Step {
    ask(Command::Pay(Pay {
        wallet: WalletId::parse("ann").expect("well-formed"),
        provider: clinic(),
        amount: Amount::from_minor(minor),
        currency: currency("EUR"),
        description: Some("glasses".into()),
        metadata: vec![("order".into(), "17".into())],
        effective_at: Timestamp::from_millis(5),
        payee: Lookup::Found(Payee { currency: currency("EUR"), settlement }),
        queue_full: false,
    }))
}

pub(crate) fn clinic() -> ProviderId {
    ProviderId::parse("clinic").expect("well-formed")
}

/// The saga of an investment by its position, or its compensation; both have one id.
pub(crate) fn by(seq: u64) -> Asker {
    Asker { entity: EntityId::saga(format!("inv_{seq}_wind")), step: 4 }
}

pub(crate) fn send(body: Body) -> Step {
    Step::Send(Box::new(body))
}

#[derive(Default)]
pub(crate) struct Bench {
    pub(crate) wallet: Wallet,
    pub(crate) seq: u64,
}

impl Bench {
    /// Lets it happen; what follows outside, or why not.
    pub(crate) fn step(&mut self, step: &Step) -> Result<Vec<Effect>, Code> {
        let events = match step {
            Step::Ask(command) => self.wallet.decide(command, &context()).map_err(|no| no.code)?,
            Step::Send(body) => {
                let id = WalletId::parse("ann").expect("well-formed");
                let source = Source { shard: ShardId(3), seq: Seq(self.seq + 1) };
                let body = (**body).clone();
                let message = Message { source, to: EntityId::wallet(&id), body };
                let events = self.wallet.receive(&message, &context());
                assert_eq!(events.len(), 1, "{message:?}");
                let mut after = self.wallet.clone();
                after.apply(&events[0], Seq(self.seq + 1));
                assert_eq!(after.receive(&message, &context()), [], "it came before");
                events
            }
        };
        let mut effects = Vec::new();
        for event in &events {
            self.seq += 1;
            self.wallet.apply(event, Seq(self.seq));
            let source = Source { shard: ShardId(0), seq: Seq(self.seq) };
            let stamp = Stamp { source, at: Timestamp::default() };
            effects.extend(Wallet::react(&"ann".into(), event, stamp));
        }
        Ok(effects)
    }

    pub(crate) fn of(given: &[Step]) -> Self {
        let mut bench = Self::default();
        for step in given {
            bench.step(step).unwrap_or_else(|no| panic!("{step:?}: {no}"));
        }
        bench
    }

    pub(crate) fn balance(&self) -> (i64, i64) {
        let seen = self.wallet.summary().expect("it is open");
        (seen.posted.minor(), seen.held.minor())
    }
}

/// The one answer among what follows outside, which names the step in which it was asked.
pub(crate) fn answer(effects: &[Effect]) -> Answer {
    let answers = effects.iter().filter_map(|effect| {
        let Effect::Send(Message { body: Body::Reply { step: 4, answer }, .. }) = effect else {
            return None;
        };
        Some(answer.clone())
    });
    let answers: Vec<_> = answers.collect();
    let [answer] = &*answers else { panic!("{effects:?}") };
    answer.clone()
}

/// `given`, then a message: answered with `expected`, with posted and held afterwards.
#[track_caller]
pub(crate) fn check(given: &[Step], message: &Step, expected: &Answer, balance: (i64, i64)) {
    let mut bench = Bench::of(given);
    let effects = bench.step(message).expect("a message is not refused");
    let mut found = answer(&effects);
    if let Answer::Refused(rejection) = &mut found {
        rejection.detail = "".into();
    }
    assert_eq!((&found, bench.balance()), (expected, balance), "{given:?}, then {message:?}");
}

/// `given`, then `step` is refused with a code, or not.
#[track_caller]
pub(crate) fn check_code(given: &[Step], step: &Step, expected: Result<(), Code>) {
    assert_eq!(Bench::of(given).step(step).map(drop), expected, "{given:?}, then {step:?}");
}
