//! What follows when a debit ends: it succeeded, it failed, or nothing was heard of it for long.
//!
//! The first success of an instalment counts, and makes its replacement needless; any other one is
//! given back. A failure leads to the same debit being presented again, as often as the policy
//! allows, and then to another debit at the end of the plan; silence leads to the latter at once.
//! After too many attempts at one instalment the whole advance is given up: what is not out at the
//! processor is cancelled, and what is not collected is written off. What still comes counts.
//!
//! Invariant: an instalment that is paid, or given up, is not asked for again.

use std::sync::Arc;

use super::Status;
use super::debit::DebitStatus;
use super::event::{Counts, Event, Then};
use super::rules::Turn;
use crate::money::Amount;
use crate::plan::Day;
use crate::planted::{self, Bug};
use crate::saga::Failure;

/// The most that a debit may be presented again, as ACH allows.
const REPRESENTMENTS_MAX: u32 = 2;

impl Turn<'_> {
    /// The money of a debit came.
    pub(super) fn succeeded(&mut self, number: u32, transaction: &str) {
        let profile = self.advance.profile.as_ref().expect("only what was opened has debits");
        let (whole, currency) = (profile.amount, profile.currency);
        let instalment = self.advance.debit(number).instalment;
        let is_first = !self.advance.is_paid(instalment);
        let counts = if is_first { Counts::First } else { Counts::Second };
        self.push(Event::Succeeded {
            debit: number,
            at: self.context.now,
            amount: self.advance.part(instalment),
            currency,
            transaction: Arc::from(transaction),
            counts,
        });
        if !is_first {
            return;
        }
        let ahead = self.advance.chain(instalment).find(|(_, debit)| debit.status.is_ahead());
        if let Some((replacement, _)) = ahead
            && !planted::is(Bug::ReplacementNotCancelled)
        {
            self.push(Event::Cancelled { debit: replacement });
        }
        if self.advance.collected == whole {
            self.push(Event::Completed { amount: whole, currency });
        }
    }

    /// The money of a debit did not come.
    pub(super) fn failed(&mut self, number: u32, failure: Failure) {
        let debit = self.advance.debit(number);
        let policy = &self.context.policy.collecting;
        let may_repeat =
            u32::from(debit.attempts) <= policy.representments_max.min(REPRESENTMENTS_MAX);
        let then = match self.after_failure(number) {
            Then::Replaced if may_repeat => Then::Again,
            then @ (Then::Replaced | Then::Again | Then::Nothing | Then::GivenUp) => then,
        };
        let (amount, currency) = self.money(number);
        self.push(Event::Failed { debit: number, amount, currency, failure, then });
        self.give_up_if(number, then);
    }

    /// Gives up what nothing was heard of by a day.
    pub(super) fn judge_silence(&mut self, day: Day) {
        let silent = self.advance.numbered().filter(|(_, debit)| {
            if let DebitStatus::Submitted { silent_on } = debit.status {
                silent_on <= day
            } else {
                false
            }
        });
        let silent: Vec<u32> = silent.map(|(number, _)| number).collect();
        for number in silent {
            let then = self.after_failure(number);
            let (amount, currency) = self.money(number);
            let days = self.context.policy.collecting.silent_days;
            self.push(Event::FellSilent { debit: number, amount, currency, days, then });
            self.give_up_if(number, then);
        }
    }

    /// What follows when this attempt at a debit, too, has failed.
    fn after_failure(&self, number: u32) -> Then {
        let instalment = self.advance.debit(number).instalment;
        let failures = self.advance.failures(instalment) + 1;
        if self.is_given_up() || self.advance.is_paid(instalment) {
            Then::Nothing
        } else if failures >= self.context.policy.collecting.attempts_max {
            Then::GivenUp
        } else {
            Then::Replaced
        }
    }

    fn give_up_if(&mut self, debit: u32, then: Then) {
        if then != Then::GivenUp {
            return;
        }
        assert_eq!(self.advance.status, Status::Active, "it is given up once");
        let profile = self.advance.profile.as_ref().expect("only what was opened has debits");
        let (amount, currency) = (profile.amount, profile.currency);
        let written_off = self.advance.outstanding();
        self.push(Event::Defaulted { debit, written_off, amount, currency });
    }

    /// How much a debit is.
    pub(super) fn money(&self, number: u32) -> (Amount, crate::currency::Currency) {
        let profile = self.advance.profile.as_ref().expect("only what was opened has debits");
        (self.advance.part(self.advance.debit(number).instalment), profile.currency)
    }
}
