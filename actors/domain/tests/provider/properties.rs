//! What must hold for a provider whatever happens to it in whatever order.
//!
//! A provider is driven by random payments, refunds, submissions, changes of settlement, answers
//! of its sagas, wakes and time, and compared with the model after each step. Held besides: every
//! period's sums are those of its lines as a reader of the history finds them, and every line is in
//! one period; nothing is lost; each missed period is run once, in order; whether the timer came
//! in time makes no difference; replaying the records gives the live state. That messages count
//! once, that deciding changes nothing, and that a snapshot is read back, the stand holds.

use bursar_domain::cadence::Cadence;
use bursar_domain::call::CatchUp;
use bursar_domain::code::Code;
use bursar_domain::currency::Currency;
use bursar_domain::entity::Entity;
use bursar_domain::id::Seq;
use bursar_domain::plan::Day;
use bursar_domain::provider::{
    Activity, ActivityLine, Event, LineAnswer, Period, Provider, Settlement, Sums,
};
use bursar_domain::time::Timestamp;
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::model::{End, Line, Model, Rule, Submitted, What};
use crate::stand::{Stand, amount, encode, eur, said};

const DAY: i64 = 86_400_000;

#[derive(Clone, Debug)]
enum Step {
    Pay(i64),
    Refund(i64),
    PaySettled(i64),
    Submit(Vec<Submitted>),
    Settle(Option<Rule>),
    Paid,
    Returned(bool),
    Wake,
    Pass(i64),
    /// To so many milliseconds from the end of the running period.
    ToDue(i64),
}

fn rule() -> impl Strategy<Value = Rule> {
    let hour = prop_oneof![Just(0), 0..24_i64];
    prop_oneof![
        3 => hour.clone().prop_map(|hour| Rule::Daily { hour }),
        2 => (1..=7_i64, hour.clone()).prop_map(|(weekday, hour)| Rule::Weekly { weekday, hour }),
        1 => (1..=28_i64, hour).prop_map(|(day, hour)| Rule::Monthly { day, hour }),
    ]
}

/// `None` is at once.
fn wish() -> impl Strategy<Value = Option<Rule>> {
    prop_oneof![3 => rule().prop_map(Some), 1 => Just(None)]
}

fn submitted() -> impl Strategy<Value = Submitted> {
    let days = prop_oneof![8 => -2..=2_i64, 1 => Just(-731_i64), 1 => Just(-732_i64)];
    (0..40_u8, 0..2_u8, days, 0..500_i64, prop::bool::weighted(0.9))
}

fn step() -> impl Strategy<Value = Step> {
    let minor = prop_oneof![6 => 1..1_000_i64, 1 => Just(i64::MAX)];
    prop_oneof![
        6 => minor.clone().prop_map(Step::Pay),
        3 => (1..1_000_i64).prop_map(Step::Refund),
        2 => minor.prop_map(Step::PaySettled),
        4 => prop::collection::vec(submitted(), 0..12).prop_map(Step::Submit),
        2 => wish().prop_map(Step::Settle),
        4 => Just(Step::Paid),
        4 => prop::bool::weighted(0.7).prop_map(Step::Returned),
        3 => Just(Step::Wake),
        4 => (0..2 * DAY).prop_map(Step::Pass),
        1 => (0..90 * DAY).prop_map(Step::Pass),
        6 => prop_oneof![Just(-1_i64), Just(0), Just(1)].prop_map(Step::ToDue),
    ]
}

#[derive(Clone, Debug)]
struct Life {
    wish: Option<Rule>,
    minimum: i64,
    one: bool,
    steps: Vec<Step>,
}

fn life() -> impl Strategy<Value = Life> {
    let minimum = prop_oneof![Just(0), 1..800_i64];
    let steps = prop::collection::vec(step(), 1..60);
    (wish(), minimum, prop::bool::weighted(0.3), steps)
        .prop_map(|(wish, minimum, one, steps)| Life { wish, minimum, one, steps })
}

fn settlement(wish: Option<Rule>) -> Settlement {
    let Some(rule) = wish else { return Settlement::Immediate };
    let (every, on, hour) = match rule {
        Rule::Daily { hour } => ("day", None, hour),
        Rule::Weekly { weekday, hour } => ("week", Some(weekday), hour),
        Rule::Monthly { day, hour } => ("month", Some(day), hour),
    };
    let (on, at) = (on.map(|on| on.to_string()), format!("{hour:02}:00"));
    let cadence = Cadence::new(every, on.as_deref(), Some(&at), None);
    Settlement::OnCalendar(cadence.expect("a cadence"))
}

/// The provider, and what it should be.
struct Pair {
    stand: Stand,
    model: Model,
}

impl Pair {
    fn new(life: &Life) -> Self {
        let now = "2026-11-20T13:30:00Z";
        let mut stand = Stand::registered(settlement(life.wish), now);
        let mut model = Model::registered(stand.now.millis(), life.wish);
        stand.policy.reimbursing.minimum = Decimal::new(life.minimum, 2);
        stand.policy.reimbursing.declines_max = 2;
        if life.one {
            stand.policy.reimbursing.catch_up = CatchUp::One;
        }
        (model.minimum, model.declines_max, model.one) = (life.minimum, 2, life.one);
        Self { stand, model }
    }

    fn pass_to(&mut self, now: i64) {
        let now = now.max(self.model.now);
        self.model.now = now;
        self.stand.now = Timestamp::from_millis(now).expect("in range");
    }

    fn step(&mut self, step: &Step) {
        let (stand, model) = (&mut self.stand, &mut self.model);
        match step {
            Step::Pay(minor) => {
                stand.pay(*minor);
                model.pay(What::Payment, *minor);
            }
            Step::Refund(minor) => {
                stand.refund(*minor);
                model.pay(What::Refund, -minor);
            }
            Step::PaySettled(minor) => {
                stand.pay_settled(*minor);
                model.pay_settled(*minor);
            }
            Step::Submit(call) => self.submit(call),
            Step::Settle(wish) => {
                let events = stand.settle(settlement(*wish));
                assert_eq!(!events.is_empty(), model.settle(*wish));
            }
            Step::Paid if model.pending.is_some() => {
                stand.paid();
                model.paid();
            }
            Step::Returned(declined) if model.pending.is_some() => {
                stand.returned(if *declined { "account-closed" } else { "deadline-exceeded" });
                model.returned(*declined);
            }
            Step::Paid | Step::Returned(_) => {}
            Step::Wake => {
                stand.wake();
                model.run_due();
            }
            Step::Pass(millis) => self.pass_to(self.model.now + millis),
            Step::ToDue(millis) => {
                if let Some(running) = self.model.running {
                    self.pass_to(running.until + millis);
                }
            }
        }
    }

    fn submit(&mut self, call: &[Submitted]) {
        let lines = call.iter().map(|line| self.line(line)).collect();
        let answers = match self.stand.submit(lines) {
            Ok(answers) => Some(answers.into_iter().map(word).collect()),
            Err(rejection) => {
                assert_eq!(rejection.code, Code::SettlementIsImmediate);
                None
            }
        };
        assert_eq!(answers, self.model.submit(call));
    }

    fn line(&self, line: &Submitted) -> ActivityLine {
        let (id, content, days, minor, right_currency) = *line;
        let date = i32::try_from(self.model.now.div_euclid(DAY) + days).expect("small");
        let activity = Activity::new(
            format!("id-{id}").into(),
            format!("member-{content}").into(),
            Day::from_days(date).expect("in range"),
            None,
            amount(minor),
        );
        let usd = Currency::from_code("USD").expect("known");
        let currency = if right_currency { eur() } else { usd };
        ActivityLine { activity: activity.expect("well-formed").into(), currency }
    }

    fn compare(&self) {
        let (summary, model) = (self.stand.summary(), &self.model);
        assert_eq!(summary.accrued.minor(), model.accrued);
        assert_eq!(summary.in_reimbursement().minor(), model.pending.unwrap_or(0));
        assert_eq!(summary.reimbursed.minor(), model.reimbursed);
        assert_eq!((summary.declines, summary.on_hold), (model.declines, model.on_hold));
        assert_eq!(summary.immediate().is_some(), model.wish.is_none());
        let held = model.accrued + i128::from(model.pending.unwrap_or(0)) + model.reimbursed;
        assert_eq!(held, model.earned, "nothing is lost");
        let running = summary.period.map(|period| {
            assert_eq!(period.sums.net(), net(&self.model.lines, period.number), "{period:?}");
            (period.number, period.began_at.millis(), period.until.millis())
        });
        let expected = model.running.map(|it| (it.number, it.from, it.until));
        assert_eq!(running, expected);
        assert_eq!(self.stand.due().map(Timestamp::millis), expected.map(|it| it.2));
    }

    /// What is to be found in the history when all is over.
    fn read_the_history(&self) {
        let mut ends = self.model.ends.iter();
        let mut account = 0;
        let mut previous = None;
        for (seq, events) in &self.stand.journal {
            for event in events {
                let moved = Provider::movement(event).map_or(0, |it| it.account.minor());
                account += i128::from(moved);
                match event {
                    Event::PeriodClosed(closed) => {
                        let end = ends.next().expect("the model ended it");
                        self.check_end(end, &closed.period, closed.to);
                        assert_eq!(end.sent, Ok(closed.amount.minor()));
                        assert_eq!(closed.previous, previous, "reimbursements are linked");
                        previous = Some(*seq);
                    }
                    Event::CarriedOver(carried) => {
                        let (first, last) = (carried.period.number, carried.last);
                        for number in first..=last {
                            let end = ends.next().expect("the model ended it");
                            assert_eq!(end.number, number, "each once, in order");
                            assert_eq!(end.sent, Err(carried.reason.as_str()));
                            if number == first {
                                let to =
                                    if number == last { carried.to } else { carried.period.until };
                                self.check_end(end, &carried.period, to);
                            }
                            assert_eq!(number == last, end.to == carried.to.millis());
                        }
                    }
                    Event::Registered(_)
                    | Event::Received(_)
                    | Event::RefundSent(_)
                    | Event::PeriodBegan(_)
                    | Event::Activities(_)
                    | Event::Reimbursed(_)
                    | Event::Returned(_)
                    | Event::ReceivedSettled(_)
                    | Event::SettlementChanged { .. } => {}
                }
            }
        }
        assert_eq!(ends.next(), None, "no end is missing");
        assert_eq!(account, self.model.accrued + i128::from(self.model.pending.unwrap_or(0)));
    }

    /// A period as the event tells it, and as a reader finds its lines.
    fn check_end(&self, end: &End, period: &Period, to: Timestamp) {
        assert_eq!(
            (end.number, end.from, end.to),
            (period.number, period.began_at.millis(), to.millis())
        );
        let lines: Vec<_> =
            self.model.lines.iter().filter(|line| line.period == end.number).cloned().collect();
        assert_eq!(self.lines_between(end.number, &period.sums), lines);
        let sum = |what| {
            let lines = lines.iter().filter(|line| line.what == what);
            lines.fold((0, 0), |(n, sum), line| (n + 1, sum + i128::from(line.minor.abs())))
        };
        let sums = period.sums;
        for (what, sums) in [
            (What::Payment, sums.payments),
            (What::Refund, sums.refunds),
            (What::Activity, sums.activities),
        ] {
            assert_eq!((sums.count, sums.amount.minor()), sum(what), "{what:?}");
        }
    }

    /// All lines in the records of a period.
    fn lines_between(&self, period: u64, sums: &Sums) -> Vec<Line> {
        if sums.first == Seq(0) {
            return Vec::new();
        }
        let records = self.stand.journal.iter();
        let records = records.filter(|(seq, _)| (sums.first..=sums.last).contains(seq));
        let line = |what, minor| Line { period, what, minor };
        records
            .flat_map(|(_, events)| events)
            .flat_map(|event| match event {
                Event::Received(event) => vec![line(What::Payment, event.amount.minor())],
                Event::RefundSent(event) => vec![line(What::Refund, -event.amount.minor())],
                Event::Activities(noted) => {
                    assert_eq!(noted.period, period);
                    let lines = noted.lines.iter();
                    lines.map(|it| line(What::Activity, it.amount().minor())).collect()
                }
                Event::Registered(_)
                | Event::PeriodBegan(_)
                | Event::PeriodClosed(_)
                | Event::CarriedOver(_)
                | Event::Reimbursed(_)
                | Event::Returned(_)
                | Event::ReceivedSettled(_)
                | Event::SettlementChanged { .. } => Vec::new(),
            })
            .collect()
    }

    fn replay(&self) {
        let mut provider = Provider::default();
        for (seq, events) in &self.stand.journal {
            for event in events {
                provider.apply(event, *seq);
            }
        }
        assert_eq!(encode(&provider), encode(&self.stand.provider));
    }
}

fn net(lines: &[Line], period: u64) -> bursar_domain::money::Total {
    let lines = lines.iter().filter(|line| line.period == period);
    bursar_domain::money::Total::from_minor(lines.map(|line| i128::from(line.minor)).sum())
}

fn word(answer: LineAnswer) -> String {
    let late = if answer == (LineAnswer::New { late: true }) { ", late" } else { "" };
    format!("{}{late}", answer.as_str())
}

/// What two providers have in common that differ only in when they were woken: all but the
/// positions of their records.
fn seen(stand: &Stand) -> String {
    let mut summary = stand.summary();
    summary.last_reimbursement = summary.last_reimbursement.map(|_| Seq(0));
    summary.pending = summary.pending.map(|mut pending| {
        pending.reimbursement = Seq(0);
        pending
    });
    if let Some(period) = &mut summary.period {
        (period.sums.first, period.sums.last) = (Seq(0), Seq(0));
    }
    format!("{summary:?} due {:?}", stand.due())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_provider_is_what_the_model_says(life in life()) {
        let mut pair = Pair::new(&life);
        pair.compare();
        for step in &life.steps {
            pair.step(step);
            pair.compare();
        }
        pair.read_the_history();
        pair.replay();
    }

    #[test]
    fn whether_the_timer_came_in_time_makes_no_difference(life in life()) {
        let (mut lazy, mut prompt) = (Pair::new(&life), Pair::new(&Life { one: false, ..life.clone() }));
        lazy.stand.policy.reimbursing.catch_up = CatchUp::Each;
        lazy.model.one = false;
        for step in &life.steps {
            // The saga of a period begins with its end, so only an answer to both can come.
            let answers = matches!(step, Step::Paid | Step::Returned(_));
            if answers && (lazy.model.pending.is_none() || prompt.model.pending.is_none()) {
                continue;
            }
            if let Step::Pass(_) | Step::ToDue(_) = step {
                lazy.step(step);
                let now = lazy.model.now;
                while let Some(due) = prompt.stand.due().filter(|due| due.millis() <= now) {
                    prompt.pass_to(due.millis());
                    let events = prompt.stand.wake();
                    prop_assert_eq!(events.len(), 1, "{}", said(&events));
                    prompt.model.run_due();
                }
                prompt.pass_to(now);
                continue;
            }
            let records = lazy.stand.journal.len();
            lazy.step(step);
            prompt.step(step);
            if lazy.stand.journal.len() > records {
                prop_assert_eq!(seen(&lazy.stand), seen(&prompt.stand));
            }
        }
        lazy.step(&Step::Wake);
        prop_assert_eq!(seen(&lazy.stand), seen(&prompt.stand));
    }
}
