//! The bench: one deal, what may happen to it, and what it says, as text.
//!
//! A step is something asked of the deal, or a message to it from a saga, a compensation or itself.
//! What the deal says is one phrase for each event, so that a case of a table is one line. Tickets
//! stand for investments; the bench knows which decision gave which.

use std::sync::LazyLock;

use bursar_domain::call::{Context, Policy};
use bursar_domain::currency::Currency;
use bursar_domain::deal::command::{IfFull, Invest, Investor};
use bursar_domain::deal::{Command, Deal, Decision, Event, Profile, Standing, Waiting};
use bursar_domain::entity::Entity;
use bursar_domain::id::{DealId, EntityId, Seq, ShardId, WalletId};
use bursar_domain::message::{Asker, Body, Message, Source};
use bursar_domain::money::Amount;
use bursar_domain::saga::investment::Funding;
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::Status;
use bursar_domain::wallet::command::Lookup;

static POLICY: LazyLock<Policy> = LazyLock::new(Policy::default);

pub(crate) fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("known")
}

/// A deal in EUR without bounds or times.
pub(crate) fn profile(amount: i64, investors_max: u16) -> Profile {
    Profile {
        name: "Wind park".into(),
        currency: currency("EUR"),
        amount: Amount::from_minor(amount),
        investors_max,
        investment_min: None,
        investment_max: None,
        opens_at: None,
        closes_at: None,
    }
}

/// What may happen to a deal. Investments are named by their tickets.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Ask(Box<Command>),
    Withdraw(u64),
    Confirm(u64),
    Free(u64),
    /// Delivers the oldest of the deal's messages to itself.
    GoOn,
    /// Delivers the last message once more.
    Again,
    /// The time is so many milliseconds from now on.
    At(i64),
}

pub(crate) fn open(profile: Profile) -> Step {
    Step::Ask(Box::new(Command::Open(profile)))
}

pub(crate) fn invest(wallet: &str, minor: i64) -> Invest {
    Invest {
        wallet: WalletId::parse(wallet).expect("well-formed"),
        amount: Amount::from_minor(minor),
        currency: currency("EUR"),
        funding: Funding::Bank,
        if_full: IfFull::Wait,
        request_id: "req_1".into(),
        investor: Lookup::Found(Investor { currency: currency("EUR"), status: Status::Active }),
    }
}

/// Invests, and waits if there is no place.
pub(crate) fn wait(wallet: &str, minor: i64) -> Step {
    ask(invest(wallet, minor))
}

/// Invests, and does not wait.
pub(crate) fn now(wallet: &str, minor: i64) -> Step {
    ask(Invest { if_full: IfFull::Refuse, ..invest(wallet, minor) })
}

pub(crate) fn ask(invest: Invest) -> Step {
    Step::Ask(Box::new(Command::Invest(invest)))
}

pub(crate) fn close() -> Step {
    Step::Ask(Box::new(Command::Close))
}

/// A deal, and what it did.
#[derive(Default)]
pub(crate) struct Bench {
    pub(crate) deal: Deal,
    /// By ticket: which decision gave it, and how much it is over.
    tickets: Vec<(Seq, Amount)>,
    seq: u64,
    now: i64,
    /// The decisions in which the deal wrote to itself.
    unfinished: Vec<u64>,
    last: Option<Message>,
}

impl Bench {
    pub(crate) fn of(steps: &[Step]) -> Self {
        let mut bench = Self::default();
        for step in steps {
            let said = bench.step(step);
            assert!(!said.starts_with("no: "), "{step:?}: {said}");
        }
        bench
    }

    fn ticket(&self, ticket: u64) -> (Seq, Amount) {
        self.tickets[usize::try_from(ticket - 1).expect("few")]
    }

    pub(crate) fn standing(&self, ticket: u64) -> Standing {
        self.deal.standing(self.ticket(ticket).0)
    }

    /// Lets it happen, and says what the deal said.
    pub(crate) fn step(&mut self, step: &Step) -> String {
        let message = match step {
            Step::At(millis) => {
                self.now = *millis;
                return String::new();
            }
            Step::Ask(command) => return self.ask(command),
            Step::Withdraw(ticket) => {
                let investment = self.ticket(*ticket).0;
                return self.ask(&Command::Withdraw { investment });
            }
            Step::Confirm(ticket) => {
                let by = Asker { entity: EntityId::saga("saga"), step: 5 };
                let ((investment, amount), currency) = (self.ticket(*ticket), currency("EUR"));
                self.message(Body::Confirm { by, investment, amount, currency })
            }
            Step::Free(ticket) => {
                let by = Asker { entity: EntityId::compensation(&"saga".into()), step: 0 };
                self.message(Body::Free { by, investment: self.ticket(*ticket).0 })
            }
            Step::GoOn => {
                let source = Source { shard: ShardId(0), seq: Seq(self.unfinished.remove(0)) };
                Message { source, ..self.message(Body::Continue) }
            }
            Step::Again => self.last.clone().expect("there was one"),
        };
        let events = self.deal.receive(&message, &self.context());
        self.last = Some(message);
        self.happened(&events)
    }

    fn ask(&mut self, command: &Command) -> String {
        match self.deal.decide(command, &self.context()) {
            Ok(events) => self.happened(&events),
            Err(no) => format!("no: {}", no.code),
        }
    }

    /// The words with which a ticket is refused.
    pub(crate) fn detail(&self, invest: &Invest) -> String {
        let events = self.deal.decide(&Command::Invest(invest.clone()), &self.context());
        let events = events.expect("it gets a ticket");
        let [Event::Ticketed(ticketed)] = &*events else { unreachable!("{events:?}") };
        let Decision::Refused { rejection, .. } = &ticketed.decision else {
            unreachable!("{ticketed:?}")
        };
        rejection.detail.to_string()
    }

    fn context(&self) -> Context<'static> {
        Context { now: Timestamp::from_millis(self.now).expect("a date"), policy: &POLICY }
    }

    /// A message from a shard that is not the deal's.
    fn message(&self, body: Body) -> Message {
        let deal = DealId::parse("wind").expect("well-formed");
        let source = Source { shard: ShardId(1), seq: Seq(self.seq + 1) };
        Message { source, to: EntityId::deal(&deal), body }
    }

    fn happened(&mut self, events: &[Event]) -> String {
        // Positions of a shard are not dense for one of its entities.
        self.seq += 3;
        for event in events {
            self.deal.apply(event, Seq(self.seq));
            if let Event::Ticketed(ticketed) = event {
                self.tickets.push((Seq(self.seq), ticketed.amount));
            } else if *event == Event::Unfinished {
                self.unfinished.push(self.seq);
            }
        }
        let said: Vec<_> = events.iter().map(|event| self.said(event)).collect();
        if said.is_empty() { "nothing".into() } else { said.join("; ") }
    }

    fn said(&self, event: &Event) -> String {
        match event {
            Event::Opened(_) => "opened".into(),
            Event::Ticketed(ticketed) => {
                let ticket = ticketed.ticket;
                match &ticketed.decision {
                    Decision::Reserved => format!("{ticket} reserved"),
                    Decision::Waiting(position) => format!("{ticket} waits at {position}"),
                    Decision::Refused { rejection, request_id } => {
                        assert_eq!(&**request_id, "req_1");
                        format!("{ticket} refused: {}", rejection.code)
                    }
                }
            }
            Event::Promoted { places, .. } => format!("promoted {}", self.list(places)),
            Event::LineRefused { places, .. } => {
                let mut said = Vec::new();
                for group in places.chunk_by(|one, next| one.1.code == next.1.code) {
                    let places: Vec<_> = group.iter().map(|(place, _)| place.clone()).collect();
                    said.push(format!("{} refused: {}", self.list(&places), group[0].1.code));
                }
                said.join(", ")
            }
            Event::Withdrawn { place, .. } => {
                format!("withdrawn {}", self.list(std::slice::from_ref(place)))
            }
            Event::Confirmed { .. } => "confirmed".into(),
            Event::Freed { .. } => "freed".into(),
            Event::Closed => "closed".into(),
            Event::Unfinished => "unfinished".into(),
            Event::Continued { .. } => "goes on".into(),
        }
    }

    /// The tickets, as ranges.
    fn list(&self, places: &[Waiting]) -> String {
        for place in places {
            assert_eq!(self.ticket(place.ticket), (place.investment, place.amount));
        }
        let ranges = places.chunk_by(|one, next| one.ticket + 1 == next.ticket);
        let said = ranges.map(|range| match range {
            [one] => one.ticket.to_string(),
            [first, .., last] => format!("{}-{}", first.ticket, last.ticket),
            [] => unreachable!("a range has someone in it"),
        });
        said.collect::<Vec<_>>().join(" ")
    }
}

/// After `given`, the deal says `expected` to one more step.
#[track_caller]
pub(crate) fn check(given: &[Step], step: &Step, expected: &str) {
    let mut bench = Bench::of(given);
    assert_eq!(bench.step(step), expected, "{given:?}, then {step:?}");
}

/// What the deal says to each step, one after another.
#[track_caller]
pub(crate) fn story(steps: &[(Step, &str)]) -> Bench {
    let mut bench = Bench::default();
    for (step, expected) in steps {
        assert_eq!(bench.step(step), *expected, "{step:?}");
    }
    bench
}
