//! Every message, request and word that came with money on a schedule, in the order of their
//! numbers on disk.
//!
//! One of each with every field set to something that differs from its default; then those again
//! that may lack something, without it.

use bursar_domain::advance::{Ask, Counts, DebitStatus, Next, Status, Task, Then};
use bursar_domain::cadence::Cadence;
use bursar_domain::call::Request;
use bursar_domain::errand::{Place, ReportLine, ReportSize, Reported};
use bursar_domain::id::{EntityId, Kind, Seq};
use bursar_domain::message::{Asker, Body, Pass};
use bursar_domain::plan::{Day, Period, Plan};
use bursar_domain::provider::event::Reason;
use bursar_domain::provider::{LineRefusal, LineVerdict, Settlement};
use bursar_domain::run::{Fetch, Phase, ReportStatus, Tally};
use bursar_domain::saga::{Found, StepName, Subject};

use super::pushes::{bare_payment, credit, full_payment, reimbursement};
use super::sagas::{compensation_of, failure, now, saga_of, wallet_id};
use super::{amount, at, eur};

/// A day: so many after 2026-11-21.
pub(crate) fn day(after: i32) -> Day {
    Day::from_days(20_778 + after).expect("in range")
}

/// A run that asks, in one of its steps.
pub(super) fn run_of(id: &str, step: u8) -> Asker {
    Asker { entity: EntityId::run(id), step }
}

/// The schedule, under one of its numbers.
pub(super) fn schedule_of(step: u8) -> Asker {
    Asker { entity: EntityId::schedule(), step }
}

/// Lines of a report about a debit: it succeeded, it failed with a word, it failed.
pub(super) fn lines(keys: [&str; 3]) -> Vec<ReportLine> {
    let codes = [None, Some("R01"), None];
    let line = |((number, key), code): ((i64, &str), Option<&str>)| ReportLine {
        transaction: format!("tr_{number}").into(),
        key: key.into(),
        status: if number == 1 { Reported::Succeeded } else { Reported::Failed },
        at: now(-number),
        code: code.map(Into::into),
    };
    (1..).zip(keys).zip(codes).map(line).collect()
}

/// Counts, each another number.
pub(super) fn tally() -> Tally {
    Tally {
        advances: 1,
        staged: 2,
        submitted: 300,
        unknown: 4,
        deferred: 5,
        succeeded: 70_000,
        failed: 7,
        silent: 8,
        replaced: 9,
        cancelled: 10,
        refunded: 11,
        contradicted: 12,
        strange: 13,
        completed: 14,
        defaulted: 15,
    }
}

/// One of every message.
pub(crate) fn bodies() -> Vec<Body> {
    let by = || saga_of("pay_102_alice", 2);
    let full = || Box::new(full_payment(102, 12_345));
    vec![
        Body::Post { by: by(), payment: full() },
        Body::Unhold {
            by: compensation_of("pay_104_alice", 0),
            payment: full(),
            failure: failure(),
        },
        Body::SettledPayment {
            wallet: wallet_id("alice"),
            payment: Seq(102),
            amount: amount(12_345),
            currency: eur(),
            description: Some("order 17".into()),
            effective_at: Some(at(-1)),
        },
        Body::Reimbursed { by: saga_of("rmb_204_acme", 2), reimbursement: Seq(204) },
        Body::NotReimbursed {
            by: compensation_of("rmb_208_acme", 0),
            reimbursement: Seq(208),
            failure: failure(),
        },
        Body::Activate { by: saga_of("adv_1", 2) },
        Body::NotCredited { by: compensation_of("adv_3", 0), failure: failure() },
        Body::StartRun { by: schedule_of(7), day: day(0), planned_at: now(0), days: 5 },
        Body::Collect {
            by: run_of("run_2026-11-21", 2),
            day: day(0),
            pass: Pass::Submit,
            judge_silence: true,
        },
        Body::ReportSaid {
            by: run_of("run_2026-11-21_1", 1),
            day: day(-1),
            lines: lines(["adv_1/d1/1", "adv_1/d2/2", "adv_1/d3/1"]),
        },
        Body::Collected { step: 2, tally: tally() },
    ]
}

/// Those again that may lack something.
pub(crate) fn bare_bodies() -> Vec<Body> {
    let bare = || Box::new(bare_payment(103, 500));
    vec![
        Body::Post { by: saga_of("pay_103_alice", 2), payment: bare() },
        Body::Unhold {
            by: compensation_of("pay_105_alice", 0),
            payment: bare(),
            failure: failure(),
        },
        Body::SettledPayment {
            wallet: wallet_id("alice"),
            payment: Seq(103),
            amount: amount(500),
            currency: eur(),
            description: None,
            effective_at: None,
        },
        Body::Collect {
            by: run_of("run_2026-11-21", 0),
            day: Day::MIN,
            pass: Pass::Stage,
            judge_silence: false,
        },
        Body::ReportSaid { by: run_of("run_2026-11-21", 1), day: Day::MAX, lines: Vec::new() },
        Body::Collected { step: 0, tally: Tally::default() },
        Body::Begin(Box::new(Subject::Payment(full_payment(102, 12_345)))),
        Body::Begin(Box::new(Subject::Payment(bare_payment(103, 500)))),
        Body::Begin(Box::new(Subject::Reimbursement(reimbursement(204, 16_000)))),
        Body::Begin(Box::new(Subject::Advance(credit("adv_1")))),
    ]
}

/// The one new request, and what a saga found with it.
pub(crate) fn push() -> (Request, Found) {
    let request = Request::Push {
        account: "tok_acme".into(),
        amount: amount(12_345),
        currency: eur(),
        reference: "pay_102_alice".into(),
    };
    (request, Found::Pushed { transaction: "tr_77".into() })
}

/// Everything that an advance asks the processor.
pub(crate) fn asks() -> Vec<Ask> {
    vec![
        Ask::Pull { account: "tok_bob".into(), amount: amount(3_333), currency: eur() },
        Ask::Find,
        Ask::Refund {
            transaction: "tr_9".into(),
            amount: amount(3_333),
            currency: eur(),
            refusals: 2,
        },
        Ask::FindRefund { refusals: 1 },
    ]
}

/// Everything that a run fetches; the agenda from a place on, and from its beginning.
pub(crate) fn fetches() -> Vec<Fetch> {
    let after = Some(Place { number: -20_778, id: "adv_1".into() });
    vec![
        Fetch::Agenda { until: day(0), after, limit: 500 },
        Fetch::Report { days: 60 },
        Fetch::Lines { from: 1_000_000, limit: 500 },
        Fetch::Close,
        Fetch::Agenda { until: day(1), after: None, limit: 200 },
    ]
}

/// What the steps, kinds and passes are called.
pub(crate) type Names = (Vec<Kind>, Vec<StepName>, Vec<Pass>, Vec<Phase>, Vec<ReportStatus>);

/// Every word of sagas and runs that stands in records by its number; of those that there were
/// before, only the new ones.
pub(crate) fn names() -> Names {
    (
        vec![Kind::Advance, Kind::Run, Kind::Schedule],
        vec![
            StepName::Hold,
            StepName::Push,
            StepName::Post,
            StepName::Close,
            StepName::Paid,
            StepName::Open,
            StepName::Activate,
        ],
        vec![Pass::Stage, Pass::Submit],
        vec![
            Phase::Staging,
            Phase::Fetching,
            Phase::Reading,
            Phase::Closing,
            Phase::Submitting,
            Phase::Done,
        ],
        vec![
            ReportStatus::Awaited,
            ReportStatus::Read,
            ReportStatus::Unavailable,
            ReportStatus::Unusable,
        ],
    )
}

/// The words of debits.
pub(crate) type Debits =
    (Vec<Status>, Vec<DebitStatus>, Vec<Task>, Vec<Then>, Vec<Counts>, Vec<Next>, Vec<Reported>);

/// Every word of advances that stands in records by its number.
pub(crate) fn debits() -> Debits {
    (
        vec![Status::Pending, Status::Active, Status::Failed, Status::Completed, Status::Defaulted],
        vec![
            DebitStatus::Scheduled,
            DebitStatus::Due,
            DebitStatus::Submitting,
            DebitStatus::Submitted { silent_on: day(5) },
            DebitStatus::Succeeded,
            DebitStatus::Failed,
            DebitStatus::Silent,
            DebitStatus::Cancelled,
            DebitStatus::Refunding,
            DebitStatus::Refunded,
        ],
        vec![Task::Stage, Task::Report, Task::Submit],
        vec![Then::Nothing, Then::Again, Then::Replaced, Then::GivenUp],
        vec![Counts::First, Counts::Second],
        vec![Next::Make, Next::Find, Next::MakeAnew],
        vec![Reported::Succeeded, Reported::Failed],
    )
}

/// Calendars, plans and days, and what stands in a provider's records.
pub(crate) type Calendars =
    (Vec<Settlement>, Vec<Plan>, Vec<Day>, Vec<ReportSize>, Vec<Reason>, Vec<LineVerdict>);

/// Every shape of what says when something is due, and every word of providers.
pub(crate) fn calendars() -> Calendars {
    let on = |every, on| {
        let cadence = Cadence::new(every, on, Some("06:30"), Some("Europe/Prague"));
        Settlement::OnCalendar(cadence.expect("a cadence"))
    };
    let plan = |installments, every, first| {
        Plan::of(installments, every, first).expect("few enough installments")
    };
    let mut verdicts = vec![LineVerdict::Duplicate, LineVerdict::Conflict];
    verdicts.extend(refusals().map(LineVerdict::Refused));
    (
        vec![
            on("day", None),
            on("week", Some("friday")),
            on("month", Some("31")),
            on("year", Some("02-29")),
            Settlement::Immediate,
        ],
        vec![
            plan(1, Period::Day, None),
            plan(12, Period::Week, Some(day(7))),
            plan(36, Period::Month, Some(Day::MIN)),
            plan(520, Period::Year, Some(Day::MAX)),
        ],
        vec![Day::MIN, day(0), Day::MAX],
        vec![ReportSize { lines: 1_000_000, fresh: 300, others: 70_000 }, ReportSize::default()],
        vec![Reason::Zero, Reason::UnderMinimum, Reason::OnHold, Reason::InReimbursement],
        verdicts,
    )
}

/// Why lines are refused.
pub(crate) fn refusals() -> [LineRefusal; 5] {
    [
        LineRefusal::Currency,
        LineRefusal::Amount,
        LineRefusal::TooMuch,
        LineRefusal::Ahead,
        LineRefusal::TooOld,
    ]
}
