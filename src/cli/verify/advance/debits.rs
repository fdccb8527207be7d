//! The debits of an advance: how each stands, and what follows when it ends.
//!
//! The first success of a part of the amount counts and makes its replacement needless; another one
//! is given back. What failed or fell silent is presented again, or replaced at the end of the
//! plan, or the advance is given up. How often something may be tried only the configuration of
//! that time could say; that it goes on as the event says is checked here.

use std::sync::Arc;

use bursar_domain::advance::{Counts, DebitStatus, Event, Status, Then};
use bursar_domain::currency::Currency;
use bursar_domain::message::OutcomeKind;
use bursar_domain::money::Amount;
use bursar_domain::plan::Day;
use bursar_domain::saga::Failure;
use bursar_domain::time::Timestamp;

use super::calls::Wish;
use super::{Advance, day_of};
use crate::cli::verify::ledger::Entry;
use crate::cli::verify::sums::major;

/// How often a debit may be presented: once, and two times more, as ACH allows.
const PRESENTED_MAX: u16 = 3;

/// One debit.
#[derive(Debug)]
pub(super) struct Debit {
    pub(super) instalment: u16,
    pub(super) status: DebitStatus,
    pub(super) attempts: u16,
    pub(super) transaction: Option<Arc<str>>,
    /// The last attempt under whose key something may have been sent.
    pub(super) used: u16,
}

impl Debit {
    pub(super) fn scheduled(instalment: u16) -> Self {
        let status = DebitStatus::Scheduled;
        Self { instalment, status, attempts: 0, transaction: None, used: 0 }
    }

    /// Whether it is still to be submitted.
    pub(super) fn is_ahead(&self) -> bool {
        matches!(self.status, DebitStatus::Scheduled | DebitStatus::Due)
    }

    /// Whether it was submitted, perhaps, and has no outcome.
    pub(super) fn is_out(&self) -> bool {
        matches!(self.status, DebitStatus::Submitting | DebitStatus::Submitted { .. })
    }
}

impl Advance {
    /// How much a part of the amount is: an equal share, and in the last one what is left of it.
    pub(super) fn part(&self, instalment: u16) -> Amount {
        let Some(profile) = &self.profile else { return Amount::ZERO };
        let count = i64::from(profile.plan.installments());
        let (share, rest) = (profile.amount.minor() / count, profile.amount.minor() % count);
        let is_last = i64::from(instalment) + 1 == count;
        Amount::from_minor(if is_last { share + rest } else { share })
    }

    pub(super) fn find(&mut self, number: u32, entry: &mut Entry<'_>) -> Option<&mut Debit> {
        let index = number.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        let found = index.and_then(|index| self.debits.get_mut(index));
        if found.is_none() {
            entry.wrong(format!("there is no debit {number}"));
        }
        found
    }

    fn due(&self, number: u32) -> Day {
        let nth = number.checked_sub(1).and_then(|index| self.dates?.nth(index));
        nth.unwrap_or(Day::MAX)
    }

    /// Whether money came for a part of the amount and counts.
    pub(super) fn is_paid(&self, instalment: u16) -> bool {
        let is_it = |debit: &Debit| {
            debit.instalment == instalment && debit.status == DebitStatus::Succeeded
        };
        self.debits.iter().any(is_it)
    }

    /// Whether nobody owes a part of the amount any more.
    pub(super) fn is_needless(&self, instalment: u16) -> bool {
        self.status == Status::Defaulted || self.is_paid(instalment)
    }

    /// Money of one debit.
    pub(super) fn check_part(
        &mut self,
        number: u32,
        (amount, currency): (Amount, Currency),
        entry: &mut Entry<'_>,
    ) {
        let Some(debit) = self.find(number, entry) else { return };
        let instalment = debit.instalment;
        let part = self.part(instalment);
        if amount != part || self.currency() != Some(currency) {
            entry.wrong(format!(
                "debit {number} is of {}, and it is about {} {currency}",
                part.to_major(currency),
                amount.to_major(currency)
            ));
        }
    }

    /// Changes how a debit stands.
    pub(super) fn pass(
        &mut self,
        number: u32,
        from: DebitStatus,
        to: DebitStatus,
        entry: &mut Entry<'_>,
    ) {
        let Some(debit) = self.find(number, entry) else { return };
        if debit.status != from {
            let (is, from) = (debit.status.as_str(), from.as_str());
            entry.wrong(format!("debit {number} is {is}; it should be {from} before this"));
        }
        debit.status = to;
    }

    pub(super) fn staged(&mut self, debits: &[u32], entry: &mut Entry<'_>) {
        if debits.is_empty() {
            entry.wrong("no debit became due");
        }
        for number in debits {
            let due = self.due(*number);
            if i64::from(due.days()) > day_of(entry) + 1 {
                entry.wrong(format!("debit {number} became due before its day, which is {due}"));
            }
            self.pass(*number, DebitStatus::Scheduled, DebitStatus::Due, entry);
        }
    }

    pub(super) fn succeeded(
        &mut self,
        number: u32,
        (amount, at): (Amount, Timestamp),
        transaction: &Arc<str>,
        counts: Counts,
        entry: &mut Entry<'_>,
    ) {
        self.forget_pull(number);
        let is_given_up = self.status == Status::Defaulted;
        let Some(debit) = self.find(number, entry) else { return };
        if !debit.is_out() && debit.status != DebitStatus::Silent {
            let status = debit.status.as_str();
            entry.wrong(format!("money came for debit {number}, which is {status}"));
        }
        debit.transaction = Some(Arc::clone(transaction));
        let (instalment, minor) = (debit.instalment, i128::from(amount.minor()));
        let is_second = self.is_paid(instalment);
        if is_second != (counts == Counts::Second) {
            let which = if is_second { "is paid already" } else { "is not paid yet" };
            entry.wrong(format!(
                "money came for debit {number}; part {instalment} {which}, and it says otherwise"
            ));
        }
        let Some(debit) = self.find(number, entry) else { return };
        match counts {
            Counts::First => {
                debit.status = DebitStatus::Succeeded;
                self.collected += minor;
                if is_given_up {
                    self.written_off -= minor;
                }
            }
            Counts::Second => {
                debit.status = DebitStatus::Refunding;
                self.overpaid += minor;
                self.wishes.push(Wish::to_refund(number, at));
            }
        }
        if let Some(currency) = self.currency() {
            entry.booked(currency, amount);
        }
        self.tell(OutcomeKind::DebitSucceeded, Some(number), amount, None, entry);
    }

    pub(super) fn failed(
        &mut self,
        (number, amount): (u32, Amount),
        failure: &Failure,
        then: Then,
        entry: &mut Entry<'_>,
    ) {
        let Some(debit) = self.find(number, entry) else { return };
        if !debit.is_out() {
            let status = debit.status.as_str();
            entry.wrong(format!("debit {number} fails, which is {status}"));
        }
        if then == Then::Again && debit.attempts >= PRESENTED_MAX {
            entry.wrong(format!("debit {number} is presented more than {PRESENTED_MAX} times"));
        }
        self.ends(number, DebitStatus::Failed, then, entry);
        let failure = Some(failure.clone());
        self.tell(OutcomeKind::DebitFailed, Some(number), amount, failure, entry);
    }

    pub(super) fn fell_silent(
        &mut self,
        (number, amount): (u32, Amount),
        days: u32,
        then: Then,
        entry: &mut Entry<'_>,
    ) {
        let Some(debit) = self.find(number, entry) else { return };
        match debit.status {
            DebitStatus::Submitted { silent_on } => {
                if i64::from(silent_on.days()) > day_of(entry) + 1 {
                    entry.wrong(format!("debit {number} counts as silent only on {silent_on}"));
                }
            }
            DebitStatus::Scheduled
            | DebitStatus::Due
            | DebitStatus::Submitting
            | DebitStatus::Succeeded
            | DebitStatus::Failed
            | DebitStatus::Silent
            | DebitStatus::Cancelled
            | DebitStatus::Refunding
            | DebitStatus::Refunded => {
                let status = debit.status.as_str();
                entry.wrong(format!("debit {number} fell silent, which is {status}"));
            }
        }
        if then == Then::Again {
            entry.wrong(format!("debit {number} fell silent, and is presented again"));
        }
        self.ends(number, DebitStatus::Silent, then, entry);
        let failure = Failure::new("silent", format!("nothing was heard of it for {days} days"));
        self.tell(OutcomeKind::DebitFailed, Some(number), amount, Some(failure), entry);
    }

    /// A debit ended without money.
    fn ends(&mut self, number: u32, how: DebitStatus, then: Then, entry: &mut Entry<'_>) {
        self.forget_pull(number);
        let Some(debit) = self.find(number, entry) else { return };
        debit.status = if then == Then::Again { DebitStatus::Due } else { how };
        let instalment = debit.instalment;
        if (then == Then::Nothing) != self.is_needless(instalment) {
            let what = if then == Then::Nothing { "is still owed" } else { "is not owed any more" };
            entry.wrong(format!("after debit {number} part {instalment} {what}"));
        }
        if then == Then::Replaced {
            self.debits.push(Debit::scheduled(instalment));
        }
    }

    pub(super) fn cancelled(&mut self, number: u32, entry: &mut Entry<'_>) {
        let is_known = self.wishes.iter().all(|wish| wish.debit != number || wish.is_unmade());
        self.forget_pull(number);
        let Some(debit) = self.find(number, entry) else { return };
        let (instalment, is_ahead) = (debit.instalment, debit.is_ahead());
        if debit.status == DebitStatus::Submitting {
            // The processor never saw it.
            debit.attempts = debit.attempts.saturating_sub(1);
        }
        let is_right = is_ahead || (debit.status == DebitStatus::Submitting && is_known);
        if !is_right {
            let status = debit.status.as_str();
            entry.wrong(format!("debit {number} is cancelled, which is {status}"));
        }
        debit.status = DebitStatus::Cancelled;
        if !self.is_needless(instalment) {
            entry.wrong(format!("debit {number} is cancelled, and part {instalment} is owed"));
        }
    }

    pub(super) fn refunded(&mut self, number: u32, amount: Amount, entry: &mut Entry<'_>) {
        let is_called = |wish: &Wish| wish.debit == number && wish.is_refund && wish.is_calling();
        if !self.wishes.iter().any(is_called) {
            entry.wrong(format!("debit {number} was given back, and nobody was asked to"));
        }
        self.wishes.retain(|wish| wish.debit != number || !wish.is_refund);
        self.pass(number, DebitStatus::Refunding, DebitStatus::Refunded, entry);
        self.overpaid -= i128::from(amount.minor());
        if let Some(currency) = self.currency() {
            entry.returned(currency, amount);
        }
        self.tell(OutcomeKind::DebitRefunded, Some(number), amount, None, entry);
    }

    pub(super) fn completed(&mut self, amount: Amount, entry: &mut Entry<'_>) {
        if !matches!(self.status, Status::Active | Status::Defaulted) {
            let status = self.status.as_str();
            entry.wrong(format!("it is paid back, and was {status}"));
        }
        self.status = Status::Completed;
        self.tell(OutcomeKind::AdvanceCompleted, None, amount, None, entry);
    }

    pub(super) fn defaulted(
        &mut self,
        number: u32,
        (amount, written_off): (Amount, Amount),
        entry: &mut Entry<'_>,
    ) {
        let Some(currency) = self.currency() else { return };
        if self.status != Status::Active {
            let status = self.status.as_str();
            entry.wrong(format!("it is given up, and was {status}"));
        }
        let outstanding = i128::from(amount.minor()) - self.collected;
        let lost = written_off.to_major(currency);
        if i128::from(written_off.minor()) != outstanding {
            let outstanding = major(outstanding, currency);
            entry.wrong(format!("{lost} is written off; {outstanding} is outstanding"));
        }
        self.status = Status::Defaulted;
        self.written_off = i128::from(written_off.minor());
        for debit in self.debits.iter_mut().filter(|debit| debit.is_ahead()) {
            debit.status = DebitStatus::Cancelled;
        }
        let detail = format!("an instalment failed too often; {lost} is written off");
        let failure = Some(Failure::new("too-many-failures", detail));
        self.tell(OutcomeKind::AdvanceDefaulted, Some(number), amount, failure, entry);
    }
}

/// What gives the advance up is followed by that.
pub(super) fn check_followed(event: &Event, next: Option<&Event>, entry: &mut Entry<'_>) {
    let gives_up = |event: &Event| {
        if let Event::Failed { debit, then: Then::GivenUp, .. }
        | Event::FellSilent { debit, then: Then::GivenUp, .. } = event
        {
            Some(*debit)
        } else {
            None
        }
    };
    let given_up = match next {
        Some(Event::Defaulted { debit, .. }) => Some(*debit),
        Some(_) | None => None,
    };
    if gives_up(event) != given_up {
        entry.wrong("the advance is given up without a debit that failed too often, or is not");
    }
}
