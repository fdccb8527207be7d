//! What becomes of submitted activities, line by line.
//!
//! Order of the checks: is the id known, with this content or another; only then the amount, the
//! currency, the service date, the sum of the call. So a line that was taken stays a duplicate
//! however long ago its service was, and a refused line may come again, corrected.
//!
//! Lines are judged in the order of the call: of two lines with one id the first stands. A late
//! line, with a service date before the running period, is taken into the running period.
//!
//! Invariant: judging reads only; the same lines on the same state at the same time are answered
//! the same.

use std::collections::HashMap;
use std::sync::Arc;

use crate::call::Context;
use crate::code::{Code, Rejection};
use crate::currency::Currency;
use crate::key::Known;
use crate::money::Amount;
use crate::plan::Day;
use crate::provider::Provider;
use crate::provider::activity::{
    Activity, ActivityLine, DAYS_AHEAD_MAX, DAYS_BACK_MAX, LINES_MAX, LINES_SIZE_MAX, LineAnswer,
    LineRefusal, LineVerdict,
};
use crate::provider::books::Books;
use crate::provider::command::{Activities, Command};
use crate::provider::event::{Event, Noted, answers};
use crate::provider::period;
use crate::time::Timestamp;

/// What a call comes to.
struct Judged {
    /// The number of the period that runs, and the local date on which it began.
    period: (u64, Day),
    lines: Vec<Arc<Activity>>,
    others: Vec<(u16, LineVerdict)>,
    total: Amount,
}

/// What a line is held against besides what is known.
struct Bounds {
    currency: Currency,
    oldest: Day,
    newest: Day,
}

impl Bounds {
    fn of(books: &Books, now: Timestamp) -> (Self, (u64, Day)) {
        let zone = period::zone(&books.terms).expect("a period keeps a calendar");
        let running = books.period.as_ref().expect("begun with the decision");
        let today = period::local_date(&zone, now);
        let bounds = Self {
            currency: books.profile.currency,
            oldest: today.checked_add_days(-DAYS_BACK_MAX).unwrap_or(Day::MIN),
            newest: today.checked_add_days(DAYS_AHEAD_MAX).unwrap_or(Day::MAX),
        };
        (bounds, (running.number, period::local_date(&zone, running.began_at)))
    }

    /// Whether a line may accrue: the sum with it, or why not.
    fn take(&self, total: Amount, line: &ActivityLine) -> Result<Amount, LineRefusal> {
        let activity = &line.activity;
        if line.currency != self.currency {
            return Err(LineRefusal::Currency);
        }
        if !activity.amount().is_positive() {
            return Err(LineRefusal::Amount);
        }
        if activity.service_date() > self.newest {
            return Err(LineRefusal::Ahead);
        }
        if activity.service_date() < self.oldest {
            return Err(LineRefusal::TooOld);
        }
        total.checked_add(activity.amount()).ok_or(LineRefusal::TooMuch)
    }
}

impl Provider {
    /// The slots that a command has to know and memory does not: the host asks the disk for them
    /// and fills in [`Activities::known`].
    pub fn slots_to_ask(&self, command: &Command) -> Vec<u128> {
        match command {
            Command::Activities(call) => {
                let slots = call.lines.iter().map(|line| line.activity.slot());
                slots.filter(|slot| self.activities.get(*slot) == Known::AskDisk).collect()
            }
            Command::Register(_) | Command::Settle(_) => Vec::new(),
        }
    }

    /// What each line of a call is answered now, in its order. When the decision notes something,
    /// [`Noted::answers`] says the same from the record; when nothing is new there is no record,
    /// and this is the answer.
    pub fn judge(
        &self,
        call: &Activities,
        context: &Context<'_>,
    ) -> Result<Vec<LineAnswer>, Rejection> {
        let Some(books) = &self.books else {
            return Err(super::rules::not_found());
        };
        let (books, _) = books.up_to_date(context);
        takes_activities(&books)?;
        let judged = self.lines(&books, call, context.now);
        Ok(answers(&judged.lines, &judged.others, judged.period.1))
    }

    /// The rule of a call: notes what is new.
    pub(super) fn note(
        &self,
        call: &Activities,
        books: &Books,
        context: &Context<'_>,
    ) -> Result<Option<Event>, Rejection> {
        takes_activities(books)?;
        let judged = self.lines(books, call, context.now);
        if judged.lines.is_empty() {
            return Ok(None);
        }
        let (number, since) = judged.period;
        Ok(Some(Event::Activities(Noted {
            period: number,
            since,
            lines: judged.lines,
            others: judged.others,
            total: judged.total,
            currency: books.profile.currency,
            balance_after: books.accrued_after(judged.total.minor()),
        })))
    }

    fn lines(&self, books: &Books, call: &Activities, now: Timestamp) -> Judged {
        let size: usize = call.lines.iter().map(|line| line.activity.size()).sum();
        let fits = call.lines.len() <= LINES_MAX && size <= LINES_SIZE_MAX;
        assert!(fits, "{} lines of {size} bytes: the edge cuts calls", call.lines.len());
        let (bounds, period) = Bounds::of(books, now);
        let (mut total, count) = (Amount::ZERO, call.lines.len());
        let (mut lines, mut others) = (Vec::with_capacity(count), Vec::new());
        let mut here = HashMap::with_capacity(count);
        for (index, line) in (0..).zip(&call.lines) {
            let (slot, mark) = (line.activity.slot(), line.activity.mark());
            let known = here.get(&slot).copied().or_else(|| self.mark_of(slot, call));
            let verdict = match known {
                Some(first) if first == mark && line.currency == bounds.currency => {
                    LineVerdict::Duplicate
                }
                Some(_) => LineVerdict::Conflict,
                None => match bounds.take(total, line) {
                    Ok(sum) => {
                        total = sum;
                        here.insert(slot, mark);
                        lines.push(Arc::clone(&line.activity));
                        continue;
                    }
                    Err(refusal) => LineVerdict::Refused(refusal),
                },
            };
            others.push((index, verdict));
        }
        Judged { period, lines, others, total }
    }

    /// What is known of a slot from earlier calls.
    fn mark_of(&self, slot: u128, call: &Activities) -> Option<u64> {
        match self.activities.get(slot) {
            Known::Value(mark) => Some(mark),
            Known::Never => None,
            Known::AskDisk => call.remembered(slot),
        }
    }
}

/// Activities are reimbursed at the end of a period; who is paid at once has none to come.
fn takes_activities(books: &Books) -> Result<(), Rejection> {
    if books.terms.settlement.cadence().is_some() {
        return Ok(());
    }
    let detail = "activities are reimbursed on a calendar; this provider is paid at once: \
                  give it a calendar first";
    Err(Rejection::new(Code::SettlementIsImmediate, detail))
}
