//! What an advance asked the processor: in order, one call at a time, never blindly.
//!
//! A debit that is due is submitted under a key of its own for each attempt; that key was never
//! used before, unless what was to be sent certainly was not. An answer that says nothing leads to
//! a question; the wish is made again only when the question was answered that nobody ever saw it,
//! or, for giving money back, when nothing can have been done. Nothing is asked for that nobody
//! owes, and what is asked for is what is owed.

use bursar_domain::advance::{Ask, Called, DebitStatus, Event, Next};
use bursar_domain::plan::Day;
use bursar_domain::saga::Sent;
use bursar_domain::time::Timestamp;

use super::debits::Debit;
use super::{Advance, day_of};
use crate::cli::verify::ledger::Entry;

/// What the processor was asked for and has not answered.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) debit: u32,
    /// To give back, not to collect.
    pub(super) is_refund: bool,
    /// Until when it waits; `None` while it is being called for.
    pub(super) waits_until: Option<Timestamp>,
    /// Whether the call under way, or else the next one, is a question.
    pub(super) is_question: bool,
    pub(super) tries: u32,
    pub(super) refusals: u32,
    pub(super) called_at: Timestamp,
    pub(super) sent_at: Option<Timestamp>,
    pub(super) stuck: Option<Box<str>>,
}

impl Wish {
    fn new(debit: u32, is_refund: bool, at: Timestamp) -> Self {
        Self {
            debit,
            is_refund,
            waits_until: Some(at),
            is_question: false,
            tries: 0,
            refusals: 0,
            called_at: at,
            sent_at: None,
            stuck: None,
        }
    }

    pub(super) fn to_refund(debit: u32, at: Timestamp) -> Self {
        Self::new(debit, true, at)
    }

    pub(super) fn is_calling(&self) -> bool {
        self.waits_until.is_none()
    }

    /// Whether nothing of it is with the processor, as far as that was asked.
    pub(super) fn is_unmade(&self) -> bool {
        !self.is_calling() && !self.is_question
    }
}

impl Advance {
    pub(super) fn forget_pull(&mut self, debit: u32) {
        self.wishes.retain(|wish| wish.debit != debit || wish.is_refund);
    }

    fn wish(&mut self, debit: u32) -> Option<&mut Wish> {
        self.wishes.iter_mut().find(|wish| wish.debit == debit)
    }

    pub(super) fn called(&mut self, called: &Called, entry: &mut Entry<'_>) {
        let Called { debit: number, attempt, at, .. } = *called;
        if self.wishes.iter().any(Wish::is_calling) {
            entry.wrong("the processor is called, and another call is under way");
        }
        if called.number != self.calls + 1 {
            entry.wrong(format!("call {} follows call {}", called.number, self.calls));
        }
        self.calls = called.number;
        entry.check_at(at);
        let is_pull = matches!(called.ask, Ask::Pull { .. });
        let Some(debit) = self.find(number, entry) else { return };
        if debit.status == DebitStatus::Due && is_pull {
            debit.status = DebitStatus::Submitting;
            debit.attempts += 1;
            if attempt <= debit.used {
                let id = &entry.place.id.id;
                entry.wrong(format!("the key {id}/d{number}/{attempt} was used before"));
            }
            debit.used = debit.used.max(attempt);
            self.wishes.push(Wish::new(number, false, at));
            if let Some(work) = &mut self.work {
                (work.submitted_to, work.submitting) = (number, Some(number));
            }
        }
        let Some(debit) = self.find(number, entry) else { return };
        if attempt != debit.attempts {
            let attempts = debit.attempts;
            entry.wrong(format!("attempt {attempt} at debit {number}, after {attempts}"));
        }
        self.check_ask(called, entry);
        let Some(wish) = self.wish(number) else { return };
        (wish.waits_until, wish.called_at, wish.tries) = (None, at, wish.tries + 1);
        match called.ask {
            Ask::Pull { .. } | Ask::Refund { .. } => {
                (wish.is_question, wish.sent_at) = (false, None);
            }
            Ask::Find | Ask::FindRefund { .. } => wish.is_question = true,
        }
    }

    /// Whether the processor is asked what it is to be asked.
    fn check_ask(&mut self, called: &Called, entry: &mut Entry<'_>) {
        let number = called.debit;
        let Some(debit) = self.find(number, entry) else { return };
        let (instalment, transaction) = (debit.instalment, debit.transaction.clone());
        let money = (self.part(instalment), self.currency());
        let is_needless = self.is_needless(instalment);
        let Some(wish) = self.wishes.iter().find(|wish| wish.debit == number) else {
            return entry
                .wrong(format!("the processor is called, and nobody wants debit {number}"));
        };
        let (is_question, is_refund) = (wish.is_question, wish.is_refund);
        let is_right = match &called.ask {
            Ask::Pull { account, amount, currency } => {
                let own = self.profile.as_ref().map(|profile| &profile.account);
                let is_it = own == Some(account) && (*amount, Some(*currency)) == money;
                is_it && !is_refund && !is_question && !is_needless
            }
            Ask::Find => !is_refund && is_question,
            Ask::Refund { transaction: of, amount, currency, refusals } => {
                let is_it = transaction.as_ref() == Some(of);
                let is_wanted = is_refund && !is_question && *refusals == wish.refusals;
                is_it && (*amount, Some(*currency)) == money && is_wanted
            }
            Ask::FindRefund { refusals } => is_refund && is_question && *refusals == wish.refusals,
        };
        if !is_right {
            entry.wrong(format!("the call about debit {number} is not what is to be asked now"));
        }
        if wish.waits_until.is_some_and(|until| until > called.at) {
            entry.wrong(format!("debit {number} is called for before its time"));
        }
    }

    /// The wish that is being called for, which must be about this debit.
    fn under_way(
        &mut self,
        debit: u32,
        is_refund: Option<bool>,
        entry: &mut Entry<'_>,
    ) -> Option<&mut Wish> {
        let found = self.wishes.iter_mut().find(|wish| {
            let is_of_kind = is_refund.is_none_or(|is_refund| wish.is_refund == is_refund);
            wish.debit == debit && wish.is_calling() && is_of_kind
        });
        if found.is_none() {
            entry.wrong(format!("it is the answer to a call about debit {debit}; there is none"));
        }
        found
    }

    pub(super) fn unanswered(&mut self, event: &Event, entry: &mut Entry<'_>) {
        let Event::Unanswered { debit, at, reason, sent, next, retry_at, stuck_after } = event
        else {
            return;
        };
        entry.check_at(*at);
        let Some(wish) = self.under_way(*debit, None, entry) else { return };
        let is_unsent = *sent == Sent::No;
        let is_right = match next {
            Next::Find => true,
            Next::Make if wish.is_refund => is_unsent,
            Next::Make => is_unsent && wish.is_question,
            Next::MakeAnew => is_unsent && wish.is_refund,
        };
        if !is_right {
            let what = "is to be called for again, and it is not known how it stands";
            entry.wrong(format!("debit {debit} {what}"));
        }
        wish.waits_until = Some(*retry_at);
        if *sent == Sent::Perhaps {
            wish.sent_at = Some(*at);
        }
        match next {
            Next::Make => wish.is_question = false,
            Next::Find => wish.is_question = true,
            Next::MakeAnew => (wish.is_question, wish.refusals) = (false, wish.refusals + 1),
        }
        wish.stuck = (wish.tries >= *stuck_after).then(|| reason.clone());
    }

    /// It certainly was not sent, so its key is free again.
    pub(super) fn deferred(&mut self, number: u32, entry: &mut Entry<'_>) {
        if let Some(wish) = self.under_way(number, Some(false), entry)
            && wish.is_question
        {
            entry.wrong(format!("debit {number} stays due, and it was only asked after"));
        }
        self.forget_pull(number);
        self.pass(number, DebitStatus::Submitting, DebitStatus::Due, entry);
        let Some(debit) = self.find(number, entry) else { return };
        debit.attempts = debit.attempts.saturating_sub(1);
        debit.used = debit.attempts;
    }

    pub(super) fn submitted(&mut self, number: u32, silent_on: Day, entry: &mut Entry<'_>) {
        self.under_way(number, Some(false), entry);
        self.forget_pull(number);
        if i64::from(silent_on.days()) < day_of(entry) - 1 {
            entry.wrong(format!("debit {number} counts as silent on {silent_on}, before today"));
        }
        let status = DebitStatus::Submitted { silent_on };
        self.pass(number, DebitStatus::Submitting, status, entry);
    }

    /// Each debit that is on its way, there or back, has one wish, and no other has any.
    pub(super) fn check_wishes(&mut self, entry: &mut Entry<'_>) {
        let has_its_own = |(number, debit): &(u32, &Debit)| {
            let expected = match debit.status {
                DebitStatus::Submitting => Some(false),
                DebitStatus::Refunding => Some(true),
                DebitStatus::Scheduled
                | DebitStatus::Due
                | DebitStatus::Submitted { .. }
                | DebitStatus::Succeeded
                | DebitStatus::Failed
                | DebitStatus::Silent
                | DebitStatus::Cancelled
                | DebitStatus::Refunded => None,
            };
            let wishes = self.wishes.iter().filter(|wish| wish.debit == *number);
            wishes.map(|wish| wish.is_refund).eq(expected)
        };
        let without = (1..).zip(&self.debits).find(|debit| !has_its_own(debit));
        if let Some((number, debit)) = without {
            let status = debit.status.as_str();
            let what = format!("debit {number} is {status}, and nobody, or many, call for it");
            self.once(what, entry);
        }
    }
}
