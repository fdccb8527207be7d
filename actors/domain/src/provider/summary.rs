//! What anyone may see of a provider.
//!
//! A summary is made after every decision, so what is big in it is shared. Wallets look at it
//! before they pay: [`Summary::immediate`] says whether a payment is to be settled at once.
//!
//! What is due and not yet run is shown as it stands: the period that is over, until the timer or
//! the next decision ends it.

use std::sync::Arc;

use crate::id::Seq;
use crate::money::{Amount, Total};
use crate::provider::Profile;
use crate::provider::books::{Books, Pending};
use crate::provider::event::Event;
use crate::provider::period::Period;
use crate::provider::settlement::{Settlement, Terms};
use crate::time::Timestamp;

/// What anyone may see of a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Summary {
    /// What was said when it was registered.
    pub profile: Arc<Profile>,
    /// What was said last of how it is paid, and the calendar of the running period.
    pub terms: Arc<Terms>,
    /// Received and submitted, not paid out and not on its way.
    pub accrued: Total,
    /// The reimbursement on its way.
    pub pending: Option<Pending>,
    /// Paid out, with what was settled at once.
    pub reimbursed: Total,
    /// Reimbursements declined in a row.
    pub declines: u32,
    /// Whether nothing is sent until `PATCH .../settlement`.
    pub on_hold: bool,
    /// The running period.
    pub period: Option<Period>,
    /// The record of the last reimbursement; each has a link to the one before.
    pub last_reimbursement: Option<Seq>,
}

impl Summary {
    pub(super) fn of(books: &Books) -> Self {
        Self {
            profile: Arc::clone(&books.profile),
            terms: Arc::clone(&books.terms),
            accrued: books.accrued,
            pending: books.pending,
            reimbursed: books.reimbursed,
            declines: books.declines,
            on_hold: books.on_hold,
            period: books.period,
            last_reimbursement: books.previous,
        }
    }

    /// Of a provider that has just been registered: made from the record, for its answer.
    pub fn registered(events: &[Event]) -> Option<Self> {
        let (first, rest) = events.split_first()?;
        let Event::Registered(profile) = first else { return None };
        let mut books = Books::registered(Arc::clone(profile), Total::ZERO);
        for event in rest {
            books.write_ahead(event);
        }
        Some(Self::of(&books))
    }

    /// On its way to the provider's bank.
    pub fn in_reimbursement(&self) -> Amount {
        self.pending.map_or(Amount::ZERO, |pending| pending.amount)
    }

    /// Where payments that are decided now are settled to; `None` when they accrue.
    pub fn immediate(&self) -> Option<&str> {
        match self.terms.settlement {
            Settlement::Immediate => Some(&self.profile.account),
            Settlement::OnCalendar(_) => None,
        }
    }

    /// How the provider will be paid when the running period has ended, if otherwise than now.
    pub fn coming(&self) -> Option<&Settlement> {
        let current = self.period.and(self.terms.cadence.as_ref());
        let said = &self.terms.settlement;
        (current.is_some() && said.cadence() != current).then_some(said)
    }

    /// When the running period ends.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.period.map(|period| period.until)
    }

    /// The next `count` ends of periods, as far as they are known.
    pub fn schedule(&self, now: Timestamp, count: usize) -> Vec<Timestamp> {
        let first = self.next_due();
        let after = first.unwrap_or(now).millis();
        let more = count.saturating_sub(usize::from(first.is_some()));
        let following = self.terms.settlement.cadence();
        let later = following.map_or_else(Vec::new, |c| c.occurrences_after(after, more));
        let later = later.into_iter().filter_map(Timestamp::from_millis);
        first.into_iter().chain(later).take(count).collect()
    }
}
