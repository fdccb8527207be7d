//! How events are written into the state of an advance, and what must hold after each.
//!
//! `apply` never refuses. What does not fit is our fault, so the process stops rather than collect
//! money that nobody owes.
//!
//! Invariants: those of `advance`, computed anew from the debits after each event; each debit that
//! is out at the processor without an answer has one wish; one wish is called for at a time.

use std::sync::Arc;

use super::debit::{Debit, DebitStatus};
use super::event::{Ask, Called, Counts, Event, Then};
use super::wish::{Next, Want, Wish, WishStatus};
use super::{Advance, Status, Terms, Work};
use crate::money::{Amount, Total};
use crate::plan::{Dates, split};
use crate::run::Tally;
use crate::saga::Sent;
use crate::time::Timestamp;

impl Advance {
    /// Writes an event and holds the invariants.
    pub(super) fn take(&mut self, event: &Event) {
        if let Some(source) = event.received() {
            self.marks.raise(source);
        }
        self.count(event);
        self.write(event);
        self.check(event);
    }

    fn write(&mut self, event: &Event) {
        match event {
            Event::Opened(profile) => {
                assert!(self.profile.is_none(), "an advance is opened once");
                self.profile = Some(Arc::clone(profile));
            }
            Event::Activated { dates, .. } => self.activate(*dates),
            Event::NotCredited { failure, .. } => {
                assert_eq!(self.status, Status::Pending, "what is active was credited");
                (self.status, self.failure) = (Status::Failed, Some(Arc::new(failure.clone())));
            }
            Event::Asked { by, .. } => {
                if self.work.is_none() {
                    let (by, tally) = (by.clone(), Tally::default());
                    let (submitted_to, submitting) = (0, None);
                    self.work = Some(Box::new(Work { by, submitted_to, submitting, tally }));
                }
            }
            Event::Staged { debits } => {
                for number in debits {
                    self.pass(*number, DebitStatus::Scheduled, DebitStatus::Due);
                }
            }
            Event::Called(called) => self.called(called),
            Event::Unanswered { .. } => self.unanswered(event),
            Event::Deferred { debit, .. } => {
                self.forget(*debit, Want::Pull);
                self.pass(*debit, DebitStatus::Submitting, DebitStatus::Due).attempts -= 1;
            }
            Event::Submitted { debit, silent_on } => {
                self.forget(*debit, Want::Pull);
                let status = DebitStatus::Submitted { silent_on: *silent_on };
                self.pass(*debit, DebitStatus::Submitting, status);
            }
            Event::Succeeded { debit, at, amount, transaction, counts, .. } => {
                self.succeeded(*debit, *amount, transaction, (*counts, *at));
            }
            Event::Failed { debit, then, .. } => self.failed(*debit, DebitStatus::Failed, *then),
            Event::FellSilent { debit, then, .. } => {
                self.failed(*debit, DebitStatus::Silent, *then);
            }
            Event::FoundFailed { debit } => {
                self.pass(*debit, DebitStatus::Silent, DebitStatus::Failed);
            }
            Event::Cancelled { debit } => self.cancel(*debit),
            Event::Refunded { debit, amount, .. } => {
                self.forget(*debit, Want::Refund);
                self.pass(*debit, DebitStatus::Refunding, DebitStatus::Refunded);
                let left = self.overpaid.checked_sub(*amount);
                self.overpaid = left.expect("a total holds any number of amounts");
            }
            Event::Completed { .. } => self.status = Status::Completed,
            Event::Defaulted { written_off, .. } => {
                (self.status, self.written_off) = (Status::Defaulted, *written_off);
                for debit in Arc::make_mut(&mut self.debits) {
                    if debit.status.is_ahead() {
                        debit.status = DebitStatus::Cancelled;
                    }
                }
            }
            Event::Answered { .. } => self.work = None,
            Event::Mistaken { .. } | Event::Ignored { .. } | Event::AnsweredBeside { .. } => {}
        }
    }

    fn activate(&mut self, dates: Dates) {
        assert_eq!(self.status, Status::Pending, "an advance is credited once");
        let profile = self.profile.as_ref().expect("only what was opened is credited");
        let installments = profile.plan.installments();
        let parts = split(profile.amount, installments).expect("checked when it was opened");
        let (part, last) = (parts[0], parts[parts.len() - 1]);
        self.terms = Some(Terms { dates, part, last });
        self.debits = Arc::new((0..installments).map(Debit::scheduled).collect());
        self.status = Status::Active;
    }

    fn called(&mut self, called: &Called) {
        assert!(self.calling().is_none(), "one call at a time");
        assert_eq!(called.number, self.calls + 1, "calls are counted");
        self.calls = called.number;
        let number = called.debit;
        let is_first = self.debit(number).status == DebitStatus::Due;
        if is_first {
            let debit = self.pass(number, DebitStatus::Due, DebitStatus::Submitting);
            debit.attempts += 1;
            self.wishes.push(Wish::new(number, Want::Pull, called.at));
            if let Some(work) = &mut self.work {
                (work.submitted_to, work.submitting) = (number, Some(number));
            }
        }
        assert_eq!(called.attempt, self.debit(number).attempts, "the key of this attempt");
        let wish = self.wish_mut(number);
        (wish.status, wish.called_at, wish.tries) =
            (WishStatus::Calling, called.at, wish.tries + 1);
        match called.ask {
            Ask::Pull { .. } | Ask::Refund { .. } => (wish.finds, wish.sent_at) = (false, None),
            Ask::Find | Ask::FindRefund { .. } => wish.finds = true,
        }
    }

    fn unanswered(&mut self, event: &Event) {
        let Event::Unanswered { debit, at, reason, sent, next, retry_at, stuck_after } = event
        else {
            unreachable!("{event:?} is an answer")
        };
        let wish = self.wish_mut(*debit);
        wish.status = WishStatus::Waiting { retry_at: *retry_at };
        if *sent == Sent::Perhaps {
            wish.sent_at = Some(*at);
        }
        match next {
            Next::Make => wish.finds = false,
            Next::Find => wish.finds = true,
            Next::MakeAnew => {
                assert_eq!(wish.want, Want::Refund, "a declined debit is over");
                (wish.finds, wish.refusals) = (false, wish.refusals + 1);
            }
        }
        wish.stuck = (wish.tries >= *stuck_after).then(|| reason.clone());
    }

    fn succeeded(
        &mut self,
        number: u32,
        amount: Amount,
        transaction: &Arc<str>,
        (counts, at): (Counts, Timestamp),
    ) {
        self.forget(number, Want::Pull);
        let is_written_off = self.status == Status::Defaulted;
        let debit = self.debit_mut(number);
        assert!(
            debit.status.is_out() || debit.status == DebitStatus::Silent,
            "{debit:?}: only what was submitted succeeds"
        );
        debit.transaction = Some(Arc::clone(transaction));
        match counts {
            Counts::First => {
                debit.status = DebitStatus::Succeeded;
                self.collected = plus(self.collected, amount);
                if is_written_off {
                    self.written_off = minus(self.written_off, amount);
                }
            }
            Counts::Second => {
                debit.status = DebitStatus::Refunding;
                self.overpaid = twice(self.overpaid, amount);
                self.wishes.push(Wish::new(number, Want::Refund, at));
            }
        }
    }

    fn failed(&mut self, number: u32, status: DebitStatus, then: Then) {
        self.forget(number, Want::Pull);
        let debit = self.debit_mut(number);
        assert!(debit.status.is_out(), "{debit:?}: only what was submitted fails");
        debit.status = if then == Then::Again { DebitStatus::Due } else { status };
        let instalment = debit.instalment;
        if then == Then::Replaced {
            Arc::make_mut(&mut self.debits).push(Debit::scheduled(instalment));
        }
    }

    fn cancel(&mut self, number: u32) {
        self.forget(number, Want::Pull);
        let debit = self.debit_mut(number);
        if debit.status == DebitStatus::Submitting {
            // The processor never saw it, so its key was not used.
            debit.attempts -= 1;
        } else {
            assert!(debit.status.is_ahead(), "{debit:?}: what was submitted is not cancelled");
        }
        debit.status = DebitStatus::Cancelled;
    }

    fn debit_mut(&mut self, number: u32) -> &mut Debit {
        let index = usize::try_from(number).expect("a debit's number fits") - 1;
        &mut Arc::make_mut(&mut self.debits)[index]
    }

    /// Changes how a debit stands.
    fn pass(&mut self, number: u32, from: DebitStatus, to: DebitStatus) -> &mut Debit {
        let debit = self.debit_mut(number);
        assert_eq!(debit.status, from, "debit {number} on its way to {to:?}");
        debit.status = to;
        debit
    }

    fn wish_mut(&mut self, debit: u32) -> &mut Wish {
        let wish = self.wishes.iter_mut().find(|wish| wish.debit == debit);
        wish.expect("only what is wanted is called for")
    }

    fn forget(&mut self, debit: u32, want: Want) {
        self.wishes.retain(|wish| wish.debit != debit || wish.want != want);
    }

    /// Counts an event for the run that asked, before it is written.
    fn count(&mut self, event: &Event) {
        let Some(work) = &mut self.work else { return };
        let Work { submitting, tally, .. } = &mut **work;
        let mut answered = |debit: u32| {
            let is_awaited = *submitting == Some(debit);
            if is_awaited {
                *submitting = None;
            }
            u64::from(is_awaited)
        };
        match event {
            Event::Staged { debits } => tally.staged += debits.len() as u64,
            Event::Unanswered { debit, .. } => tally.unknown += answered(*debit),
            Event::Deferred { debit, .. } => tally.deferred += answered(*debit),
            Event::Submitted { debit, .. } => tally.submitted += answered(*debit),
            Event::Succeeded { debit, counts, .. } => {
                tally.submitted += answered(*debit);
                tally.succeeded += 1;
                tally.refunded += u64::from(*counts == Counts::Second);
            }
            Event::Failed { debit, then, .. } => {
                tally.submitted += answered(*debit);
                tally.failed += 1;
                tally.replaced += u64::from(then.replaces());
            }
            Event::FellSilent { then, .. } => {
                tally.silent += 1;
                tally.replaced += u64::from(then.replaces());
            }
            Event::FoundFailed { .. } => tally.failed += 1,
            Event::Cancelled { .. } => tally.cancelled += 1,
            Event::Ignored { contradicted, strange } => {
                tally.contradicted += u64::from(*contradicted);
                tally.strange += u64::from(*strange);
            }
            Event::Completed { .. } => tally.completed += 1,
            Event::Defaulted { .. } => tally.defaulted += 1,
            Event::Opened(_)
            | Event::Activated { .. }
            | Event::NotCredited { .. }
            | Event::Asked { .. }
            | Event::Mistaken { .. }
            | Event::Called(_)
            | Event::Refunded { .. }
            | Event::Answered { .. }
            | Event::AnsweredBeside { .. } => {}
        }
    }

    /// The invariants; broken ones are our fault, so the process stops.
    fn check(&self, event: &Event) {
        let (Some(profile), Some(_)) = (&self.profile, &self.terms) else {
            assert!(self.debits.is_empty(), "{event:?}: before the credit nothing is collected");
            return;
        };
        let is_given_up = self.status == Status::Defaulted;
        // By instalment: what counts, and what is on its way for it.
        let mut chains = vec![(0_u32, 0_u32); usize::from(self.installments())];
        let (mut collected, mut unpaid) = (Amount::ZERO, Amount::ZERO);
        let mut overpaid = Total::default();
        for debit in self.debits.iter() {
            let chain = &mut chains[usize::from(debit.instalment)];
            match debit.status {
                DebitStatus::Succeeded => {
                    chain.0 += 1;
                    collected = plus(collected, self.part(debit.instalment));
                }
                DebitStatus::Refunding => overpaid = twice(overpaid, self.part(debit.instalment)),
                DebitStatus::Scheduled
                | DebitStatus::Due
                | DebitStatus::Submitting
                | DebitStatus::Submitted { .. } => chain.1 += 1,
                DebitStatus::Failed
                | DebitStatus::Silent
                | DebitStatus::Cancelled
                | DebitStatus::Refunded => {}
            }
        }
        for (instalment, (paid, on_the_way)) in (0..).zip(&chains) {
            assert!(*paid <= 1, "{event:?}: instalment {instalment} counts once");
            assert!(*on_the_way <= 1, "{event:?}: instalment {instalment} is asked for once");
            if *paid == 0 {
                unpaid = plus(unpaid, self.part(instalment));
                let is_asked_for = *on_the_way == 1 || is_given_up || gives_up(event);
                assert!(is_asked_for, "{event:?}: nobody asks for {instalment}");
            }
        }
        let (outstanding, lost) =
            if is_given_up { (Amount::ZERO, unpaid) } else { (unpaid, Amount::ZERO) };
        assert_eq!(self.collected, collected, "{event:?}: what was collected");
        assert_eq!(self.overpaid, overpaid, "{event:?}: what was collected twice");
        assert_eq!(self.written_off, lost, "{event:?}: what is written off");
        assert_eq!(self.outstanding(), outstanding, "{event:?}: what is outstanding");
        assert_eq!(plus(plus(collected, outstanding), lost), profile.amount, "{event:?}");
        self.check_wishes(event);
    }

    fn check_wishes(&self, event: &Event) {
        let calling = self.wishes.iter().filter(|wish| wish.is_calling()).count();
        assert!(calling <= 1, "{event:?}: one call at a time");
        let wanted = self.debits.iter().filter(|debit| {
            matches!(debit.status, DebitStatus::Submitting | DebitStatus::Refunding)
        });
        assert_eq!(wanted.count(), self.wishes.len(), "{event:?}: a wish for each");
        for wish in &self.wishes {
            let expected = match wish.want {
                Want::Pull => DebitStatus::Submitting,
                Want::Refund => DebitStatus::Refunding,
            };
            assert_eq!(self.debit(wish.debit).status, expected, "{event:?}: {wish:?}");
        }
    }
}

/// Whether the next event gives the advance up.
fn gives_up(event: &Event) -> bool {
    matches!(
        event,
        Event::Failed { then: Then::GivenUp, .. } | Event::FellSilent { then: Then::GivenUp, .. }
    )
}

fn twice(one: Total, other: Amount) -> Total {
    one.checked_add(other).expect("a total holds any number of amounts")
}

/// A sum of parts of one advance, each once.
fn plus(one: Amount, other: Amount) -> Amount {
    one.checked_add(other).expect("parts of one amount")
}

fn minus(one: Amount, other: Amount) -> Amount {
    one.checked_sub(other).expect("a part of it")
}
