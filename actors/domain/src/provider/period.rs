//! A period: from one end of the calendar to the next, and what accrued in it.
//!
//! A period holds sums and counts, never its lines, so a provider stays small however many members
//! it serves. The lines are in the history: all of a period's lines stand in the records from
//! [`Sums::first`] to [`Sums::last`], and no other period's lines do, because a decision ends the
//! periods that are over before it notes anything.
//!
//! Invariant: an instant belongs to the period with `began_at` <= instant < `until`, once that
//! period has begun. What is accrued is what was carried into the period and its sums.

use bincode::{Decode, Encode};

use crate::cadence::{CatchUp, Zone, missed};
use crate::call::{self, Context};
use crate::id::Seq;
use crate::money::{Amount, Total};
use crate::plan::Day;
use crate::provider::books::Books;
use crate::provider::event::{CarriedOver, Event, PeriodBegan, PeriodClosed, Reason};
use crate::provider::settlement::Terms;
use crate::time::Timestamp;

/// How many, and how much.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// How much, not negative.
    pub amount: Total,
}

impl Sum {
    pub(super) fn add(&mut self, count: usize, amount: Amount) {
        self.count += u64::try_from(count).expect("a count of lines fits");
        let sum = self.amount.checked_add(amount);
        self.amount = sum.expect("a total holds any number of amounts");
    }
}

/// What accrued in a period.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Sums {
    /// The submitted activities.
    pub activities: Sum,
    /// The payments that arrived.
    pub payments: Sum,
    /// The refunds that left.
    pub refunds: Sum,
    /// The first record that has lines of the period; 0 when there are none.
    pub first: Seq,
    /// The last one.
    pub last: Seq,
}

impl Sums {
    /// Activities and payments without refunds.
    pub fn net(&self) -> Total {
        let gained = self.activities.amount.minor() + self.payments.amount.minor();
        Total::from_minor(gained - self.refunds.amount.minor())
    }

    /// A record has lines of the period.
    pub(super) fn touch(&mut self, seq: Seq) {
        if self.first == Seq(0) {
            self.first = seq;
        }
        self.last = seq;
    }
}

/// A period.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Period {
    /// Counted from 1, without gaps.
    pub number: u64,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ends; that instant belongs to the next one.
    pub until: Timestamp,
    /// What was accrued when it began, and what came back from reimbursements since.
    pub carried: Total,
    /// What accrued in it.
    pub sums: Sums,
}

/// Where a calendar has no further end, the last instant that there is.
fn or_never(end_ms: Option<i64>) -> Timestamp {
    let never = jiff::Timestamp::MAX.as_millisecond();
    Timestamp::from_millis(end_ms.unwrap_or(never)).expect("within the range of instants")
}

/// The time zone of a provider's calendar days.
pub(super) fn zone(terms: &Terms) -> Option<Zone> {
    let name = terms.cadence.as_ref()?.time_zone();
    Some(Zone::named(name).expect("checked when the cadence was made or decoded"))
}

/// The local date of an instant. Before the first [`Day`] there is none, so that counts as it.
pub(super) fn local_date(zone: &Zone, at: Timestamp) -> Day {
    Day::from_timestamp_in(zone, at).unwrap_or(Day::MIN)
}

/// Up to which end of the calendar one event goes, and the number of its last period.
struct Span {
    to: Timestamp,
    last: u64,
}

impl Books {
    /// The books after all that is due at this instant, and the events that lead there: periods
    /// that are over are ended, the oldest first.
    ///
    /// Only the first one has lines, because every decision begins here. So the ones behind it all
    /// end the same way and are told in one event, and a decision stays small however long nobody
    /// was there. Past [`crate::cadence::MISSED_MAX`] of them the rest is run as one.
    pub(super) fn up_to_date(&self, context: &Context<'_>) -> (Self, Vec<Event>) {
        let (mut books, mut events) = (self.clone(), Vec::new());
        while let Some(period) = books.period.filter(|period| period.until <= context.now) {
            let span = books.span(&period, events.len(), context);
            let event = books.ending(&period, span, context);
            books.write_ahead(&event);
            events.push(event);
        }
        if books.is_unbegun() {
            books.begin(context.now, &mut events);
        }
        (books, events)
    }

    /// Whether a calendar was said and no period runs: the first release had none.
    pub(super) fn is_unbegun(&self) -> bool {
        self.period.is_none() && self.terms.settlement.cadence().is_some()
    }

    /// Begins a period now, if none runs and there is a calendar to end it.
    pub(super) fn begin(&mut self, now: Timestamp, events: &mut Vec<Event>) {
        let Some(cadence) = self.terms.following().filter(|_| self.period.is_none()) else {
            return;
        };
        let until = or_never(cadence.next_after(now.millis()));
        let event = Event::PeriodBegan(PeriodBegan { number: self.number + 1, at: now, until });
        self.write_ahead(&event);
        events.push(event);
    }

    /// Whether another period follows the running one: always on a calendar; of who is paid at
    /// once, while money from the calendar is left.
    fn goes_on(&self) -> bool {
        let left = self.accrued.minor() > 0 || self.pending.is_some();
        self.terms.settlement.cadence().is_some() || left
    }

    /// What the next event covers; `earlier` ones have been made in this decision.
    fn span(&self, period: &Period, earlier: usize, context: &Context<'_>) -> Span {
        let one = context.policy.reimbursing.catch_up == call::CatchUp::One;
        let (until, now) = (period.until.millis(), context.now.millis());
        let following = self.terms.following().expect("a period keeps a calendar");
        let last_of = |catch_up| {
            let ends = missed(following, until, now, catch_up);
            (or_never(Some(ends.last().copied().unwrap_or(until))), ends.len())
        };
        match earlier {
            0 if !one || !self.goes_on() => Span { to: period.until, last: period.number },
            1 if !one => {
                let (to, more) = last_of(CatchUp::Each);
                let more = u64::try_from(more).expect("a count of periods fits");
                Span { to, last: period.number + more }
            }
            _ => Span { to: last_of(CatchUp::One).0, last: period.number },
        }
    }

    /// The end of a period, and of those behind it within the span.
    fn ending(&self, period: &Period, span: Span, context: &Context<'_>) -> Event {
        let Span { to, last } = span;
        let most = Amount::from_minor(i64::MAX);
        let accrued = i64::try_from(self.accrued.minor()).map_or(most, Amount::from_minor);
        let following = self.terms.following().expect("a period keeps a calendar");
        let next = self.goes_on().then(|| or_never(following.next_after(to.millis())));
        if let Some(reason) = self.keeps_back(accrued, context) {
            return Event::CarriedOver(Box::new(CarriedOver {
                period: *period,
                last,
                to,
                reason,
                next,
            }));
        }
        assert_eq!(last, period.number, "a reimbursement is of one period");
        let rest = self.accrued.checked_sub(accrued);
        Event::PeriodClosed(Box::new(PeriodClosed {
            period: *period,
            to,
            amount: accrued,
            currency: self.profile.currency,
            account: self.profile.account.clone(),
            balance_after: rest.expect("it is at most what is accrued"),
            previous: self.previous,
            next,
        }))
    }

    /// Why what is accrued is not sent now. The order is the precedence.
    fn keeps_back(&self, accrued: Amount, context: &Context<'_>) -> Option<Reason> {
        let minimum = context.policy.reimbursing.minimum;
        if self.accrued.minor() <= 0 {
            Some(Reason::Zero)
        } else if self.on_hold {
            Some(Reason::OnHold)
        } else if self.pending.is_some() {
            Some(Reason::InReimbursement)
        } else if accrued.to_decimal(self.profile.currency) < minimum {
            Some(Reason::UnderMinimum)
        } else {
            None
        }
    }
}
