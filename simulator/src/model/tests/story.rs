//! A small run in which something of each family happens, as it must look when all is right.
//!
//! One shard, so that positions tell the order. Wallet w0 gets 100, pays, gets a part back, pays a
//! provider that is paid at once, has money pulled, invests, wins a reward; provider p0 notes an
//! activity and is reimbursed; w1 waits in line for nothing; an advance has collected its half.

use crate::facts::given::{Announce, Line, Lines, Stage, Worth};
use crate::facts::lent::Lend;
use crate::facts::owed::{Activities, Activity};
use crate::facts::picture::{
    Advance, Books, Campaign, Deal, DealStep, Debit, Draw, Entry, EntryKind, EntryState, Fate,
    Paper, Picture, Provider, Record, Saga, SagaState, Statement, Taken, Ticket, Wallet,
};
use crate::facts::wish::{
    Deposit, Invest, Money, OpenDeal, OpenWallet, Pay, Pull, Refund, Register,
};
use crate::facts::{
    Accepted, Granted, Number, Outcome, Place, Plan, Planned, Said, Who, Wish, Words,
};
use crate::model::Model;

const EUR: &str = "EUR";

/// A run, with what was heard and told, and the system at rest.
pub(super) struct Story {
    pub(super) plan: Plan,
    /// Who heard what, in order.
    pub(super) heard: Vec<(Number, Said)>,
    /// What listeners were told.
    pub(super) told: Vec<Outcome>,
    pub(super) picture: Picture,
}

pub(super) fn money(amount: i64) -> Money {
    Money { amount, currency: EUR }
}

pub(super) fn yes(seq: u64, granted: Granted) -> Said {
    let (place, fingerprint) = (Place { shard: 0, seq }, seq * 1_000);
    Said::Accepted(Accepted { place, at_ms: 0, replayed: false, fingerprint, granted })
}

impl Story {
    /// The run as it must be.
    pub(super) fn right() -> Self {
        let mut story = Self {
            plan: Plan { planned: Vec::new() },
            heard: Vec::new(),
            told: Vec::new(),
            picture: Picture::default(),
        };
        story.opens();
        story.pays();
        story.invests();
        story.accrues();
        story.wins();
        story.lends();
        story.stands();
        story
    }

    /// What the auditor finds.
    pub(super) fn audit(&self) -> Vec<String> {
        let mut model = Model::new(&self.plan);
        for (arrival, (number, said)) in self.heard.iter().enumerate() {
            model.answered(*number, arrival as u64, said);
        }
        for outcome in &self.told {
            model.told(outcome);
        }
        model.audit(&self.picture)
    }

    /// The number of the next operation.
    fn number(&self) -> Number {
        Number::try_from(self.plan.planned.len()).expect("a story is short")
    }

    /// A wish that was heard with a yes, and its record.
    fn wish(&mut self, wish: Wish, granted: Granted) -> u64 {
        let who = wish.who();
        let number = self.number();
        let key = (wish.keyed() != crate::facts::wish::Keyed::Never).then_some(number);
        let seq = self.record(who, key);
        self.plan.planned.push(Planned {
            number,
            at_ms: 0,
            wish,
            key,
            repeats: Vec::new(),
            vanishes: false,
        });
        self.heard.push((number, yes(seq, granted)));
        seq
    }

    fn record(&mut self, who: Option<Who>, key: Option<Number>) -> u64 {
        let seq = self.picture.records.len() as u64 + 1;
        let place = Place { shard: 0, seq };
        let fingerprint = seq * 1_000;
        self.picture.records.push(Record { place, who, key, refused: false, fingerprint });
        seq
    }

    fn tell(&mut self, kind: &'static str, seq: u64, amount: i64) -> &mut Outcome {
        self.told.push(Outcome {
            position: (self.told.len() as u64 + 1, 0),
            kind,
            at_ms: 0,
            wallet: Some(0),
            seq,
            provider: None,
            payment: None,
            amount,
            currency: EUR,
            balance_after: None,
            ticket: None,
            advance: None,
            reward: None,
            failure: None,
        });
        self.told.last_mut().expect("just pushed")
    }

    fn saga(&mut self, id: String, moves: Option<(EntryKind, i64)>) {
        if let Some((kind, amount)) = moves {
            self.entry(format!("{id}/1/step"), kind, amount);
        }
        let (undoes, state, held, waits_for) = (false, SagaState::Done, 0, String::new());
        self.picture.sagas.push(Saga { id, undoes, state, held, waits_for });
    }

    fn entry(&mut self, key: String, kind: EntryKind, amount: i64) {
        let (account, state) = ("bank".to_owned(), EntryState::Booked);
        self.picture.entries.push(Entry { key, kind, account, amount, currency: EUR, state });
    }

    fn opens(&mut self) {
        for wallet in 0..2 {
            let wish = OpenWallet { wallet, currency: EUR, credit_limit: 0, has_email: false };
            self.wish(Wish::OpenWallet(wish), Granted::Opened);
        }
        let calendar = Words::Calendar { every: "day", on: None, at: "00:00", zone: "UTC" };
        for (provider, settlement) in [(0, calendar), (1, Words::Immediate)] {
            let wish = Register { provider, currency: EUR, settlement };
            self.wish(Wish::Register(wish), Granted::Opened);
        }
    }

    fn pays(&mut self) {
        let granted = Granted::Deposited { amount: 100, balance_after: 100 };
        let seq = self.wish(Wish::Deposit(Deposit { wallet: 0, money: money(100) }), granted);
        self.tell("deposit.posted", seq, 100);

        let pay = |provider, amount| Wish::Pay(Pay { wallet: 0, provider, money: money(amount) });
        let granted = Granted::Paid { provider: 0, amount: 30, balance_after: 70 };
        let paid = self.wish(pay(0, 30), granted);
        self.tell("payment.posted", paid, 30).provider = Some(0);

        let operation = self.number() - 1;
        let refund = Refund { wallet: 0, payment: operation, amount: Some(10), currency: EUR };
        let key = Some(operation + 1);
        let asked = self.record(Some(Who::Wallet(0)), key);
        let granted = Granted::Refunded { payment: paid, asked, amount: 10, balance_after: 80 };
        self.wish(Wish::Refund(refund), granted);
        let told = self.tell("refund.posted", asked, 10);
        (told.provider, told.payment) = (Some(0), Some(paid));

        let held = self.wish(pay(1, 20), Granted::PaymentHeld { provider: 1, amount: 20 });
        self.saga(format!("pay_{held}_w0"), Some((EntryKind::Push, 20)));
        self.tell("payment.posted", held, 20).provider = Some(1);

        let pull = Wish::Pull(Pull { wallet: 0, money: money(40) });
        let pulled = self.wish(pull, Granted::PullRequested { amount: 40 });
        self.saga(format!("txn_{pulled}_w0"), Some((EntryKind::Pull, 40)));
        self.tell("deposit.posted", pulled, 40);
    }

    fn invests(&mut self) {
        let open = OpenDeal {
            deal: 0,
            money: money(50),
            investors_max: 1,
            least: None,
            most: None,
            opens_ms: None,
            closes_ms: None,
        };
        self.wish(Wish::OpenDeal(open), Granted::Opened);
        let invest = |wallet, from_bank| {
            let money = money(25);
            Wish::Invest(Invest { deal: 0, wallet, money, from_bank, waits: true })
        };
        let first = self.wish(invest(0, false), Granted::Reserved { ticket: 1 });
        let second = self.wish(invest(1, true), Granted::Waiting { ticket: 2, position: 1 });
        let confirmed = self.record(Some(Who::Deal(0)), None);
        self.saga(format!("inv_{first}_d0"), None);
        self.tell("investment.refused", second, 25).ticket = Some((0, 2));
        self.told.last_mut().expect("just told").wallet = Some(1);
        self.tell("investment.confirmed", first, 25).ticket = Some((0, 1));
        let key = format!("inv_{first}_d0/1/documents");
        self.picture.papers.push(Paper { key, valid: true });
        let ticket = |ticket, wallet, from_bank| Ticket { ticket, wallet, amount: 25, from_bank };
        self.picture.deals.push(Deal {
            number: 0,
            currency: EUR,
            amount: 50,
            investors_max: 1,
            open_ms: (i64::MIN, i64::MAX),
            closed: false,
            last_ticket: 2,
            seats: 1,
            reserved: (0, 0),
            confirmed: (25, 1),
            waiting: 0,
            steps: vec![
                (first, 0, DealStep::Reserved(ticket(1, 0, false))),
                (second, 0, DealStep::Waiting(ticket(2, 1, true), 1)),
                (confirmed, 0, DealStep::Confirmed(first)),
                (confirmed, 0, DealStep::LineRefused(second)),
            ],
        });
    }

    fn accrues(&mut self) {
        let line = Activity { number: 0, member: 0, day: 0, money: money(15) };
        let wish = Wish::Activities(Activities { provider: 0, lines: vec![line] });
        let noted = self.wish(wish, Granted::Judged(vec!["new"]));
        let closed = self.record(Some(Who::Provider(0)), None);
        self.saga(format!("rmb_{closed}_p0"), Some((EntryKind::Push, 35)));
        let told = self.tell("reimbursement.paid", closed, 35);
        (told.wallet, told.provider) = (None, Some(0));
        let provider = |number, reimbursed, noted| Provider {
            number,
            currency: EUR,
            accrued: 0,
            in_reimbursement: 0,
            reimbursed,
            noted,
        };
        self.picture.providers.push(provider(0, 35, vec![(noted, 0, 15)]));
        self.picture.providers.push(provider(1, 20, Vec::new()));
    }

    fn wins(&mut self) {
        let announce = Announce {
            campaign: 0,
            budget: money(50),
            days: (0, 3),
            odds: (1, 1),
            prizes: vec![(1, Worth::Fixed(5))],
            least: None,
            rewards_max: None,
            claws_back: true,
            priority: 0,
            secret: 1,
        };
        self.wish(Wish::Announce(announce), Granted::Opened);
        let line = Line {
            number: 0,
            day: 0,
            stage: Stage::Posted,
            money: money(10),
            replaces: None,
            reverses: None,
        };
        let lines = Lines { wallet: 0, opened: 0, currency: EUR, lines: vec![line] };
        let taken = self.wish(Wish::Lines(lines), Granted::Judged(vec!["new"]));
        let drawn = self.record(Some(Who::Statement(0)), None);
        self.saga(format!("rwd_{drawn}-0_w0"), None);
        self.tell("reward.granted", drawn, 5).reward = Some((0, 0));
        self.picture.campaigns.push(Campaign {
            number: 0,
            currency: EUR,
            budget: 50,
            granted: 5,
            paused: false,
            waiting: 0,
            drawn: (1, 1),
            decided: (1, 0, 0),
            taken_back: 0,
        });
        let line = Taken { at: (taken, 0), number: 0, stage: Stage::Posted, amount: 10 };
        let draw = Draw {
            at: (drawn, 0),
            taken,
            purchase: 0,
            day: 0,
            campaign: 0,
            amount: 10,
            fate: Fate::Won(5),
        };
        let (taken, draws) = (vec![line], vec![draw]);
        self.picture.statements.push(Statement { wallet: 0, taken, draws });
    }

    fn lends(&mut self) {
        let lend =
            Lend { advance: 7, money: money(60), installments: 2, every: "day", first_day: None };
        self.wish(Wish::Lend(lend), Granted::Opened);
        self.saga("a7".to_owned(), Some((EntryKind::Push, 60)));
        self.entry("a7/d1/1".to_owned(), EntryKind::Pull, 30);
        for (kind, debit, amount) in
            [("advance.active", None, 60), ("advance.debit.succeeded", Some(1), 30)]
        {
            let seq = self.record(Some(Who::Advance(7)), None);
            let told = self.tell(kind, seq, amount);
            (told.wallet, told.advance) = (None, Some((7, debit)));
        }
        let debit = |number, status| Debit { number, replaces: None, amount: 30, status };
        self.picture.advances.push(Advance {
            number: 7,
            currency: EUR,
            amount: 60,
            status: "active",
            collected: 30,
            overpaid: 0,
            written_off: 0,
            outstanding: 30,
            debits: vec![debit(1, "succeeded"), debit(2, "scheduled")],
        });
    }

    /// The wallets and the books at the end.
    fn stands(&mut self) {
        for (number, posted) in [(0, 80), (1, 0)] {
            self.picture.wallets.push(Wallet {
                number,
                currency: EUR,
                credit_limit: 0,
                frozen: false,
                posted,
                held: 0,
                available: posted,
                holds: Vec::new(),
            });
        }
        let (accounts, external) = (75, -75);
        self.picture.books.push(Books { currency: EUR, accounts, external, in_transit: 0 });
        self.picture.outcomes.clone_from(&self.told);
    }
}
