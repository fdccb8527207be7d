//! An advance's state as it is on disk, and where it differs from what the records come to.
//!
//! It is read field by field, not through the type that wrote it; an enum of two as the number that
//! it is on disk. Also what follows from a snapshot for the lists of those that wait: the instant
//! or the answer, and the day under which it stands in the agenda of advances.

use std::sync::Arc;

use bursar_domain::advance::{DebitStatus, Profile, Status};
use bursar_domain::id::{Seq, ShardId};
use bursar_domain::message::Asker;
use bursar_domain::money::{Amount, Total};
use bursar_domain::plan::Dates;
use bursar_domain::run::Tally;
use bursar_domain::saga::Failure;
use bursar_domain::time::Timestamp;

use super::Advance;
use crate::cli::verify::ledger::{compare, same};
use crate::cli::verify::sums::major;

/// The dates, what each part of the amount is but the last, and the last.
type Terms = (Dates, Amount, Amount);

/// One debit: which part of the amount, how it stands, how often it was presented, what collected
/// it.
type Row = (u16, DebitStatus, u16, Option<Arc<str>>);

/// One wish: which debit, what is wanted (1: to give back), until when it waits unless it is called
/// for, whether it asks, tries, refusals, when it was called, when it may have been sent, what is
/// said when it is stuck.
type Wish =
    (u32, u32, Option<Timestamp>, bool, u32, u32, Timestamp, Option<Timestamp>, Option<Box<str>>);

/// What a run asked for: who, the last debit submitted for it, the one without an answer, the
/// counts.
type Work = (Asker, u32, Option<u32>, Tally);

/// An advance's state as it is on disk: profile, status, why it failed, terms, debits, collected,
/// overpaid, written off, wishes, how many calls there were, work, received messages.
pub(in crate::cli::verify) type State = (
    Option<Arc<Profile>>,
    Status,
    Option<Arc<Failure>>,
    Option<Terms>,
    Vec<Row>,
    Amount,
    Total,
    Amount,
    Vec<Wish>,
    u32,
    Option<Work>,
    Vec<(ShardId, Seq)>,
);

/// In words, where a snapshot differs from what the records came to.
pub(super) fn differences(found: &Advance, state: &State) -> Vec<String> {
    let (profile, status, failure, terms, debits, collected, overpaid, ..) = state;
    let (.., written_off, wishes, calls, work, marks) = state;
    let mut list = Vec::new();
    let what = "the profile is not what the advance was opened with";
    same(&mut list, profile, &found.profile, what);
    compare(&mut list, "status", &status.as_str(), &found.status.as_str());
    let what = "why it failed is not what the records say";
    same(&mut list, &failure.as_deref(), &found.failure.as_ref(), what);
    let last = found.profile.as_ref().map_or(0, |profile| profile.plan.installments() - 1);
    let expected = found.dates.map(|dates| {
        // Of a plan with one debit, the first one is the last one.
        (dates, found.part(0), found.part(last))
    });
    same(&mut list, terms, &expected, "the terms are not those of the plan");
    let rows = found
        .debits
        .iter()
        .map(|debit| (debit.instalment, debit.status, debit.attempts, debit.transaction.clone()));
    same(&mut list, debits, &rows.collect(), "the debits are not those of the records");
    if let Some(currency) = found.currency() {
        let mut money = |field: &str, saved: i128, found: i128| {
            compare(&mut list, field, &major(saved, currency), &major(found, currency));
        };
        money("collected", collected.minor().into(), found.collected);
        money("overpaid", overpaid.minor(), found.overpaid);
        money("written_off", written_off.minor().into(), found.written_off);
    }
    let rows = found.wishes.iter().map(|wish| {
        (
            wish.debit,
            u32::from(wish.is_refund),
            wish.waits_until,
            wish.is_question,
            wish.tries,
            wish.refusals,
            wish.called_at,
            wish.sent_at,
            wish.stuck.clone(),
        )
    });
    let what = "what the processor was asked is not what the records say";
    same(&mut list, wishes, &rows.collect(), what);
    compare(&mut list, "calls", calls, &found.calls);
    let expected = found.work.as_ref();
    let expected =
        expected.map(|work| (work.by.clone(), work.submitted_to, work.submitting, work.tally));
    same(&mut list, work, &expected, "what a run waits for is not what the records say");
    if !found.marks.is(marks) {
        list.push("the received messages are not those of the records".to_owned());
    }
    list
}

/// Until when it waits: for the answer to a call, or for when the next wish is called for.
pub(super) fn waits(state: &State) -> Option<i64> {
    let wishes = &state.8;
    if wishes.iter().any(|wish| wish.2.is_none()) {
        return Some(0);
    }
    wishes.iter().filter_map(|wish| wish.2).min().map(Timestamp::millis)
}

/// The day of its next thing to do in a run: of the next debit, or when one falls silent.
pub(super) fn listed(state: &State) -> Option<i64> {
    let (dates, ..) = state.3.as_ref()?;
    let ahead = state
        .4
        .iter()
        .position(|debit| matches!(debit.1, DebitStatus::Scheduled | DebitStatus::Due));
    let due = |index: usize| {
        let nth = u32::try_from(index).ok().and_then(|index| dates.nth(index));
        nth.unwrap_or(bursar_domain::plan::Day::MAX)
    };
    let silent = state.4.iter().filter_map(|debit| {
        if let DebitStatus::Submitted { silent_on } = debit.1 { Some(silent_on) } else { None }
    });
    silent.chain(ahead.map(due)).min().map(|day| i64::from(day.days()))
}
