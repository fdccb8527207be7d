//! What must hold for a deal whatever happens to it in whatever order.
//!
//! A deal is driven by random requests, confirmations, freed places, withdrawals, a closing and
//! time, and compared with the simple model after each decision. Held: never over the amount or
//! the seats; nobody is admitted while an earlier one in line would fit; tickets are dense and in
//! order; what is read changes nothing; a message that comes again changes nothing; replaying the
//! records gives the live state, also through an encoded snapshot.

mod model;

use std::sync::LazyLock;

use bursar_domain::call::{Context, Policy};
use bursar_domain::currency::Currency;
use bursar_domain::deal::command::{IfFull, Invest, Investor};
use bursar_domain::deal::{Command, Deal, Decision, Event, Profile, Standing};
use bursar_domain::entity::Entity;
use bursar_domain::id::{DealId, EntityId, Seq, ShardId, WalletId};
use bursar_domain::key::Key;
use bursar_domain::machine::Machine;
use bursar_domain::message::{Asker, Body, Effect, Message, Source, Stamp};
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Recorded};
use bursar_domain::saga::investment::Funding;
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::Status;
use bursar_domain::wallet::command::Lookup;
use model::{Entry, Got, Model, Moves, Stand};
use proptest::prelude::*;

static POLICY: LazyLock<Policy> = LazyLock::new(Policy::default);

/// The shard of the deal; sagas are in the others.
const HOME: ShardId = ShardId(0);

#[derive(Clone, Debug)]
enum Step {
    Invest { wallet: u8, minor: i64, waits: bool },
    Confirm(usize),
    Free(usize),
    Withdraw(usize),
    Close,
    Pass(i64),
    GoOn,
    Again(usize),
}

fn step(minor: std::ops::Range<i64>) -> impl Strategy<Value = Step> {
    let any = any::<usize>();
    let wallet = prop_oneof![3 => 0..4_u8, 1 => 4..9_u8];
    prop_oneof![
        10 => (wallet, minor, prop::bool::weighted(0.8))
            .prop_map(|(wallet, minor, waits)| Step::Invest { wallet, minor, waits }),
        3 => any.prop_map(Step::Confirm),
        5 => any.prop_map(Step::Free),
        2 => any.prop_map(Step::Withdraw),
        1 => (0..100_i64).prop_map(Step::Pass),
        3 => Just(Step::GoOn),
        2 => any.prop_map(Step::Again),
        1 => prop::bool::weighted(0.1).prop_map(|close| if close { Step::Close } else { Step::GoOn }),
    ]
}

fn euro() -> Currency {
    Currency::from_code("EUR").expect("known")
}

fn bytes(machine: &Machine<Deal>) -> Vec<u8> {
    bincode::encode_to_vec(machine, bincode::config::standard()).expect("encodes")
}

fn decoded(bytes: &[u8]) -> Machine<Deal> {
    let decoded = bincode::decode_from_slice(bytes, bincode::config::standard());
    let (machine, read) = decoded.expect("decodes");
    assert_eq!(read, bytes.len(), "all of it is read");
    machine
}

struct Bench {
    id: EntityId,
    live: Machine<Deal>,
    model: Model,
    records: Vec<(Seq, Record)>,
    seq: u64,
    now: i64,
    to_itself: Vec<Message>,
    delivered: Vec<Message>,
}

impl Bench {
    fn new(profile: Profile) -> Self {
        let mut bench = Self {
            id: EntityId::deal(&DealId::parse("wind").expect("well-formed")),
            live: Machine::default(),
            model: Model::new(&profile),
            records: Vec::new(),
            seq: 0,
            now: 0,
            to_itself: Vec::new(),
            delivered: Vec::new(),
        };
        bench.ask(&Command::Open(profile)).expect("it opens");
        bench
    }

    fn context(&self) -> Context<'static> {
        Context { now: Timestamp::from_millis(self.now).expect("a date"), policy: &POLICY }
    }

    /// The state as bytes, to see that nothing changes it; while it is small, because it is slow.
    fn seen(&self) -> Vec<u8> {
        if self.records.len() < 200 { bytes(&self.live) } else { Vec::new() }
    }

    /// What the deal decides; nothing is recorded when it says no.
    fn ask(&mut self, command: &Command) -> Option<Vec<Event>> {
        let before = self.seen();
        let decided = self.live.entity().decide(command, &self.context());
        assert_eq!(before, self.seen(), "{command:?} is only decided");
        let events = decided.ok()?;
        let text = format!("key-{}", self.records.len()).into();
        self.record(events.clone(), Some(Key { text, content: command.content() }));
        Some(events)
    }

    /// What the deal does with a message, which then comes a second time.
    fn deliver(&mut self, message: Message) -> Vec<Event> {
        let before = self.seen();
        let events = self.live.entity().receive(&message, &self.context());
        assert_eq!(before, self.seen(), "{message:?} is only received");
        if !events.is_empty() {
            self.record(events.clone(), None);
        }
        assert_eq!(self.live.entity().receive(&message, &self.context()), [], "{message:?}");
        self.delivered.push(message);
        events
    }

    fn record(&mut self, events: Vec<Event>, key: Option<Key>) {
        self.seq += 1;
        let seq = Seq(self.seq);
        let at = Timestamp::from_millis(self.now).expect("a date");
        let record = Record { at, entity: self.id.clone(), key, verdict: Deal::verdict(events) };
        self.live.apply(&record, seq);
        let source = Source { shard: HOME, seq };
        for effect in record.effects(Stamp { source, at }) {
            if let Effect::Send(message) = effect
                && message.to == self.id
            {
                self.to_itself.push(message);
            }
        }
        self.records.push((seq, record));
    }

    /// The one of those who stand so that a number picks.
    fn pick(&self, stand: Stand, number: usize) -> Option<Entry> {
        let all: Vec<_> = self.model.all(stand).collect();
        let at = number.checked_rem(all.len())?;
        Some(all[at].clone())
    }

    fn message(&self, body: impl FnOnce(Asker) -> Body) -> Message {
        let by = Asker { entity: EntityId::saga("someone"), step: 1 };
        // Each sending shard has its own positions, which only grow.
        let shard = ShardId(1 + u16::try_from(self.seq % 3).expect("small"));
        let source = Source { shard, seq: Seq(1_000 + self.seq) };
        Message { source, to: self.id.clone(), body: body(by) }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Invest { wallet, minor, waits } => self.invest(wallet, minor, waits),
            Step::Confirm(number) => {
                let Some(Entry { seq, amount, .. }) = self.pick(Stand::Reserved, number) else {
                    return;
                };
                let (investment, amount) = (Seq(seq), Amount::from_minor(amount));
                let message =
                    self.message(|by| Body::Confirm { by, investment, amount, currency: euro() });
                let found = Moves::of(&self.deliver(message));
                assert_eq!(found, self.model.confirm(seq));
            }
            Step::Free(number) => {
                let Some(Entry { seq, .. }) = self.pick(Stand::Reserved, number) else { return };
                let message = self.message(|by| Body::Free { by, investment: Seq(seq) });
                let found = Moves::of(&self.deliver(message));
                assert_eq!(found, self.model.free_up(seq));
            }
            Step::GoOn => {
                if self.to_itself.is_empty() {
                    return;
                }
                let message = self.to_itself.remove(0);
                let found = Moves::of(&self.deliver(message));
                assert_eq!(found, self.model.go_on());
            }
            Step::Withdraw(number) => {
                let Some(at) = number.checked_rem(self.model.entries.len()) else { return };
                let seq = self.model.entries[at].seq;
                let asked = self.ask(&Command::Withdraw { investment: Seq(seq) });
                assert_eq!(asked.is_some(), self.model.withdraw(seq));
            }
            Step::Close => {
                let events = self.ask(&Command::Close).expect("anyone may close it");
                assert_eq!(events.is_empty(), self.model.closed, "it closes once");
                self.model.closed = true;
            }
            Step::Pass(millis) => self.now += millis,
            Step::Again(number) => {
                let Some(at) = number.checked_rem(self.delivered.len()) else { return };
                let message = self.delivered[at].clone();
                assert_eq!(self.deliver(message), [], "it was received before");
            }
        }
    }

    fn invest(&mut self, wallet: u8, minor: i64, waits: bool) {
        let name = format!("w{wallet}");
        let amount = Amount::from_minor(minor);
        let events = self.ask(&Command::Invest(Invest {
            wallet: WalletId::parse(&name).expect("well-formed"),
            amount,
            currency: euro(),
            funding: Funding::Wallet,
            if_full: if waits { IfFull::Wait } else { IfFull::Refuse },
            request_id: "req".into(),
            investor: Lookup::Found(Investor { currency: euro(), status: Status::Active }),
        }));
        let passed = self.model.first_that_fits().cloned();
        let expected = self.model.invest(self.seq, self.now, &name, amount, waits);
        let events = events.expect("it gets a ticket");
        let [Event::Ticketed(ticketed)] = &*events else { unreachable!("{events:?}") };
        let found = match &ticketed.decision {
            Decision::Reserved => Got::Reserved,
            Decision::Waiting(position) => Got::Waiting(*position),
            Decision::Refused { rejection, .. } => Got::Refused(rejection.code),
        };
        assert_eq!(found, expected);
        assert_eq!(ticketed.ticket, self.model.entries.len() as u64, "tickets are dense");
        if found == Got::Reserved {
            assert_eq!(passed, None, "an earlier one would fit");
        }
    }

    fn check(&self, profile: &Profile) {
        let (model, deal) = (&self.model, self.live.entity());
        let seen = deal.summary().expect("it is open");
        let (reserved, confirmed) = (model.sum(Stand::Reserved), model.sum(Stand::Confirmed));
        assert_eq!((seen.reserved.minor(), seen.confirmed.minor()), (reserved, confirmed));
        assert!(reserved + confirmed <= profile.amount.minor(), "never over the amount");
        assert_eq!(seen.reserved_count, model.all(Stand::Reserved).count());
        assert_eq!(seen.confirmed_count as usize, model.all(Stand::Confirmed).count());
        assert_eq!(seen.waiting, model.all(Stand::Waiting).count());
        assert_eq!(seen.seats_confirmed, model.wallets(Stand::Confirmed).len());
        let mut seated = model.wallets(Stand::Reserved);
        seated.extend(model.wallets(Stand::Confirmed));
        assert_eq!(seen.seats_taken, seated.len());
        assert!(seated.len() <= usize::from(profile.investors_max), "never too many seats");
        assert_eq!((seen.last_ticket, seen.closed), (model.entries.len() as u64, model.closed));
        if !model.unfinished {
            assert_eq!(
                model.first_that_fits(),
                None,
                "someone in line has a place and no one says"
            );
        }
        for (at, entry) in model.all(Stand::Waiting).enumerate() {
            assert_eq!(deal.standing(Seq(entry.seq)), Standing::Waiting(at + 1));
        }
    }

    /// The records from nothing on, through a snapshot after `cut` of them.
    fn replayed(&self, cut: usize) -> Machine<Deal> {
        let mut machine = Machine::default();
        for (at, (seq, record)) in self.records.iter().enumerate() {
            if at == cut {
                machine = decoded(&bytes(&machine));
            }
            machine.apply(record, *seq);
        }
        machine
    }

    /// Everything on its way ends, and then nobody waits.
    fn end(&mut self, profile: &Profile) {
        for round in 0.. {
            assert!(round < 10_000, "it comes to an end");
            while !self.to_itself.is_empty() {
                self.step(&Step::GoOn);
            }
            if self.model.all(Stand::Reserved).next().is_none() {
                break;
            }
            self.step(&if round % 3 == 0 { Step::Free(round) } else { Step::Confirm(round) });
        }
        self.check(profile);
        let seen = self.live.entity().summary().expect("it is open");
        assert_eq!((seen.waiting, seen.reserved_count), (0, 0));
    }
}

fn profile(minor: i64, investors_max: u16, closes_at: Option<i64>) -> Profile {
    Profile {
        name: "Wind park".into(),
        currency: euro(),
        amount: Amount::from_minor(minor),
        investors_max,
        investment_min: None,
        investment_max: None,
        opens_at: closes_at.map(|_| Timestamp::from_millis(20).expect("a date")),
        closes_at: closes_at.and_then(Timestamp::from_millis),
    }
}

fn check_replay(bench: &Bench, cut: usize) {
    let live = bytes(&bench.live);
    assert!(live == bytes(&bench.replayed(cut)), "replay is live");
    assert!(live == bytes(&decoded(&live)), "a snapshot reads back as it was written");
}

proptest! {
    #[test]
    fn a_deal_does_what_the_model_does(
        amount in 1..200_i64,
        investors_max in 1..6_u16,
        closes_at in prop::option::weighted(0.3, 20..800_i64),
        steps in prop::collection::vec(step(1..90), 1..120),
        cut in 0..120_usize,
    ) {
        let profile = profile(amount, investors_max, closes_at);
        let mut bench = Bench::new(profile.clone());
        for step in &steps {
            bench.step(step);
            bench.check(&profile);
        }
        check_replay(&bench, cut);
        bench.end(&profile);
        check_replay(&bench, cut);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn a_line_longer_than_one_decision_is_worked_off_in_order(
        behind in 399..900_u64,
        minor in 1..4_i64,
        steps in prop::collection::vec(step(1..600), 1..30),
        cut in 0..1_000_usize,
    ) {
        let profile = profile(2_000, 8, None);
        let mut bench = Bench::new(profile.clone());
        bench.invest(0, 2_000, true);
        for n in 0..behind {
            bench.invest(u8::try_from(n % 9).expect("small"), minor + i64::from(n % 7 == 0), true);
        }
        for step in &steps {
            bench.step(step);
        }
        bench.check(&profile);
        check_replay(&bench, cut);
        bench.end(&profile);
        check_replay(&bench, cut);
    }
}
