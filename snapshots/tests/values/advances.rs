//! Lives of advances, event by event: one that is paid back over every obstacle, one that is given
//! up, one that is not credited, and one that never was.
//!
//! Each record is one that the rules could have written; together they have every event. The first
//! is of 100.00 in three weekly debits, the second of 9.00 in two monthly ones.

use std::sync::Arc;

use bursar_domain::advance::{Ask, Called, Counts, Event, Next, Profile, Task, Then};
use bursar_domain::id::EntityId;
use bursar_domain::message::Asker;
use bursar_domain::plan::{Dates, Period, Plan};
use bursar_domain::record::Verdict;
use bursar_domain::run::Tally;
use bursar_domain::saga::{Failure, Sent};

use super::orders::{day, run_of};
use super::pushes::advance_id;
use super::sagas::{Life, compensation_of, failure, life, now, saga_of};
use super::{amount, eur, source};

/// Before the money is with the customer.
pub(crate) const PENDING: u64 = 300;
/// A debit of which it is not known whether the processor has it.
pub(crate) const UNANSWERED: u64 = 304;
/// A run waits, two debits are with the processor or on their way there.
pub(crate) const WORKING: u64 = 315;
/// Paid back, and what came twice is being given back.
pub(crate) const REFUNDING: u64 = 326;
/// The last record of the first one.
pub(crate) const COMPLETED: u64 = 327;
/// The last record of the second one.
pub(crate) const DEFAULTED: u64 = 344;

/// A day's run, by its step.
fn first(step: u8) -> Asker {
    run_of("run_2026-11-21", step)
}

/// A run by hand on the same day.
fn second(step: u8) -> Asker {
    run_of("run_2026-11-21_1", step)
}

fn opened(minor: i64, plan: Option<Plan>) -> Event {
    let (account, plan) = ("tok_bob".into(), plan.expect("few enough installments"));
    Event::Opened(Arc::new(Profile { account, amount: amount(minor), currency: eur(), plan }))
}

fn activated(id: &str, dates: Dates, minor: i64) -> Event {
    let (source, by) = (source(4, 500), saga_of(id, 2));
    Event::Activated { source, by, dates, amount: amount(minor), currency: eur() }
}

/// What a run asks for; `seq` names its record.
fn asked(seq: u64, by: Asker, task: Task) -> Event {
    Event::Asked { source: source(12, seq), by, task }
}

fn answered(by: Asker, tally: Tally) -> Event {
    Event::Answered { by, tally: Tally { advances: 1, ..tally } }
}

fn called(debit: u32, attempt: u16, number: u32, ask: Ask) -> Event {
    let (at, not_after) = (now(0), now(600_000));
    Event::Called(Box::new(Called { debit, attempt, number, at, not_after, ask }))
}

fn pull(minor: i64) -> Ask {
    Ask::Pull { account: "tok_bob".into(), amount: amount(minor), currency: eur() }
}

fn refund(refusals: u32) -> Ask {
    let (amount, currency) = (amount(3_333), eur());
    Ask::Refund { transaction: "tr_5".into(), amount, currency, refusals }
}

fn unanswered(debit: u32, sent: Sent, next: Next, stuck_after: u32) -> Event {
    let (at, retry_at) = (now(1), now(250));
    let reason = "the connection broke: spojení".into();
    Event::Unanswered { debit, at, reason, sent, next, retry_at, stuck_after }
}

fn submitted(debit: u32) -> Event {
    Event::Submitted { debit, silent_on: day(5) }
}

fn succeeded(debit: u32, minor: i64, counts: Counts) -> Event {
    Event::Succeeded {
        debit,
        at: now(2),
        amount: amount(minor),
        currency: eur(),
        transaction: format!("tr_{debit}").into(),
        counts,
    }
}

fn failed(debit: u32, failure: Failure, then: Then) -> Event {
    Event::Failed { debit, amount: amount(3_333), currency: eur(), failure, then }
}

fn fell_silent(debit: u32, minor: i64, then: Then) -> Event {
    Event::FellSilent { debit, amount: amount(minor), currency: eur(), days: 5, then }
}

fn advance_life(id: &str, at: u64, decisions: Vec<Vec<Event>>) -> Life {
    let entity = EntityId::advance(&advance_id(id));
    life(&entity, at, decisions.into_iter().map(Verdict::Advance).collect())
}

/// The first debit: not answered, with the processor, presented again, not sent, declined.
fn first_debit() -> Vec<Vec<Event>> {
    let staged = Event::Staged { debits: vec![1] };
    let reported = Failure::new("R01", "the processor's report says so");
    let none = Tally::default();
    vec![
        vec![
            asked(302, first(0), Task::Stage),
            staged,
            answered(first(0), Tally { staged: 1, ..none }),
        ],
        vec![asked(303, first(2), Task::Submit), called(1, 1, 1, pull(3_333))],
        vec![
            unanswered(1, Sent::Perhaps, Next::Find, 1),
            answered(first(2), Tally { unknown: 1, ..none }),
        ],
        vec![called(1, 1, 2, Ask::Find)],
        vec![submitted(1)],
        vec![
            asked(307, first(1), Task::Report),
            failed(1, reported, Then::Again),
            answered(first(1), Tally { failed: 1, replaced: 1, ..none }),
        ],
        vec![asked(308, first(2), Task::Submit), called(1, 2, 3, pull(3_333))],
        vec![
            Event::Deferred { debit: 1, reason: "the queue is full".into() },
            answered(first(2), Tally { deferred: 1, ..none }),
        ],
        vec![asked(310, first(2), Task::Submit), called(1, 2, 4, pull(3_333))],
        vec![
            failed(1, failure(), Then::Replaced),
            answered(first(2), Tally { submitted: 1, failed: 1, replaced: 1, ..none }),
        ],
    ]
}

/// The second and the third, which another run finds under way, and their replacements.
fn later_debits() -> Vec<Vec<Event>> {
    let none = Tally::default();
    let staged = |debits| Event::Staged { debits };
    vec![
        vec![
            asked(312, first(0), Task::Stage),
            staged(vec![2, 3]),
            answered(first(0), Tally { staged: 2, ..none }),
        ],
        vec![asked(313, first(2), Task::Submit), called(2, 1, 5, pull(3_333))],
        vec![submitted(2), called(3, 1, 6, pull(3_334))],
        vec![asked(315, second(0), Task::Stage), Event::AnsweredBeside { by: second(0) }],
        vec![
            succeeded(3, 3_334, Counts::First),
            answered(first(2), Tally { submitted: 2, succeeded: 1, ..none }),
        ],
        vec![
            asked(317, first(2), Task::Submit),
            fell_silent(2, 3_333, Then::Replaced),
            answered(first(2), Tally { silent: 1, replaced: 1, ..none }),
        ],
        vec![
            asked(318, first(0), Task::Stage),
            staged(vec![4, 5]),
            answered(first(0), Tally { staged: 2, ..none }),
        ],
        vec![asked(319, first(2), Task::Submit), called(4, 1, 7, pull(3_333))],
        vec![submitted(4), called(5, 1, 8, pull(3_333))],
        vec![submitted(5), answered(first(2), Tally { submitted: 2, ..none })],
    ]
}

/// A report in which the silent debit succeeded, and its replacement as well.
fn last_report() -> Vec<Vec<Event>> {
    let found = Tally {
        succeeded: 3,
        refunded: 1,
        contradicted: 1,
        strange: 2,
        completed: 1,
        ..Tally::default()
    };
    vec![
        vec![
            asked(322, first(1), Task::Report),
            succeeded(2, 3_333, Counts::First),
            succeeded(5, 3_333, Counts::Second),
            succeeded(4, 3_333, Counts::First),
            Event::Completed { amount: amount(10_000), currency: eur() },
            Event::Ignored { contradicted: 1, strange: 2 },
            answered(first(1), found),
            called(5, 1, 9, refund(0)),
        ],
        vec![unanswered(5, Sent::No, Next::MakeAnew, 5)],
        vec![called(5, 1, 10, refund(1))],
        vec![unanswered(5, Sent::Perhaps, Next::Find, 2)],
        vec![called(5, 1, 11, Ask::FindRefund { refusals: 1 })],
        vec![Event::Refunded { debit: 5, amount: amount(3_333), currency: eur() }],
    ]
}

/// An advance that is paid back.
pub(crate) fn completed() -> Life {
    let dates = Dates { first: day(0), every: Period::Week };
    let begun = vec![
        vec![opened(10_000, Plan::of(3, Period::Week, None))],
        vec![activated("adv_1", dates, 10_000)],
    ];
    let decisions = [begun, first_debit(), later_debits(), last_report()].concat();
    advance_life("adv_1", PENDING, decisions)
}

/// An advance that is given up.
pub(crate) fn defaulted() -> Life {
    let none = Tally::default();
    let staged = |debit| Event::Staged { debits: vec![debit] };
    let (written_off, whole) = (amount(450), amount(900));
    let given_up = Event::Defaulted { debit: 2, written_off, amount: whole, currency: eur() };
    let decisions = vec![
        vec![opened(900, Plan::of(2, Period::Month, Some(day(7))))],
        vec![activated("adv_2", Dates { first: day(7), every: Period::Month }, 900)],
        vec![
            asked(332, first(0), Task::Stage),
            staged(1),
            answered(first(0), Tally { staged: 1, ..none }),
        ],
        vec![asked(333, first(2), Task::Submit), called(1, 1, 1, pull(450))],
        vec![submitted(1), answered(first(2), Tally { submitted: 1, ..none })],
        vec![
            asked(335, first(2), Task::Submit),
            fell_silent(1, 450, Then::Replaced),
            answered(first(2), Tally { silent: 1, replaced: 1, ..none }),
        ],
        vec![
            asked(336, first(1), Task::Report),
            succeeded(1, 450, Counts::First),
            Event::Cancelled { debit: 3 },
            answered(first(1), Tally { succeeded: 1, cancelled: 1, ..none }),
        ],
        vec![
            asked(337, first(0), Task::Stage),
            staged(2),
            answered(first(0), Tally { staged: 1, ..none }),
        ],
        vec![asked(338, first(2), Task::Submit), called(2, 1, 2, pull(450))],
        vec![
            unanswered(2, Sent::Perhaps, Next::Find, 5),
            answered(first(2), Tally { unknown: 1, ..none }),
        ],
        vec![called(2, 1, 3, Ask::Find)],
        vec![unanswered(2, Sent::No, Next::Make, 5), called(2, 1, 4, pull(450))],
        vec![submitted(2)],
        vec![
            asked(343, first(2), Task::Submit),
            fell_silent(2, 450, Then::GivenUp),
            given_up,
            answered(first(2), Tally { silent: 1, defaulted: 1, ..none }),
        ],
        vec![
            asked(344, first(1), Task::Report),
            Event::FoundFailed { debit: 2 },
            answered(first(1), Tally { failed: 1, ..none }),
        ],
    ];
    advance_life("adv_2", 330, decisions)
}

/// An advance whose money could not be brought to the customer.
pub(crate) fn not_credited() -> Life {
    let (source, by) = (source(7, 1), compensation_of("adv_3", 0));
    let (amount, currency) = (amount(10_000), eur());
    let not_credited = Event::NotCredited { source, by, failure: failure(), amount, currency };
    let plan = Plan::of(520, Period::Day, Some(day(1)));
    advance_life("adv_3", 360, vec![vec![opened(10_000, plan)], vec![not_credited]])
}

/// An advance that nobody opened, and that runs wrote to nevertheless.
pub(crate) fn mistaken() -> Life {
    let mistaken = |seq, by, lines| vec![Event::Mistaken { source: source(12, seq), by, lines }];
    advance_life("adv_4", 370, vec![mistaken(1, first(1), 2), mistaken(2, second(0), 0)])
}
