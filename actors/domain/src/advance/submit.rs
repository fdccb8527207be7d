//! How an advance asks the processor: what is next, and what an answer means.
//!
//! One call at a time. First what a run wants submitted, each debit once for a run; then whatever
//! wish waits longest. An answer that says nothing leads to a question under the same key, ever more
//! slowly, without end: the money may have moved. "Never seen" is believed once a request that was
//! cut off cannot be on its way any more; then the wish is made again under the same key, or dropped
//! if it is not needed any more.
//!
//! Invariants: every call was recorded before it is made; a debit has one key for each attempt, and
//! a new attempt only after the processor said a definite no to the one before.

use super::debit::DebitStatus;
use super::event::{Ask, Called, Event};
use super::rules::Turn;
use super::wish::{Next, Want, Wish};
use crate::call::Reply;
use crate::plan::Day;
use crate::saga::{Failure, Sent};
use crate::time::Timestamp;

impl Turn<'_> {
    /// Does what is next, if the processor is not being asked already.
    pub(super) fn go_on(&mut self) {
        loop {
            if self.advance.calling().is_some() {
                return;
            }
            if let Some(work) = &self.advance.work {
                match self.due_after(work.submitted_to) {
                    Some(number) => return self.pull(number),
                    None => self.answer(),
                }
            } else if let Some(wish) = self.ripe() {
                self.repeat(&wish);
            } else {
                return;
            }
        }
    }

    fn due_after(&self, number: u32) -> Option<u32> {
        let mut later = self.advance.numbered().filter(|(other, _)| *other > number);
        Some(later.find(|(_, debit)| debit.status == DebitStatus::Due)?.0)
    }

    /// The wish that has waited longest past its time.
    fn ripe(&self) -> Option<Wish> {
        let now = self.context.now;
        let ripe = self.advance.wishes.iter().filter_map(|wish| {
            let retry_at = wish.retry_at()?;
            (retry_at <= now).then_some((retry_at, wish))
        });
        ripe.min_by_key(|(retry_at, _)| *retry_at).map(|(_, wish)| wish.clone())
    }

    /// Asks the processor again, as the wish says.
    fn repeat(&mut self, wish: &Wish) {
        let number = wish.debit;
        let debit = self.advance.debit(number);
        let is_needless = self.is_given_up() || self.advance.is_paid(debit.instalment);
        match (wish.want, wish.finds) {
            (Want::Pull, true) => self.call(number, Ask::Find),
            (Want::Pull, false) if is_needless => self.push(Event::Cancelled { debit: number }),
            (Want::Pull, false) => self.pull(number),
            (Want::Refund, true) => {
                self.call(number, Ask::FindRefund { refusals: wish.refusals });
            }
            (Want::Refund, false) => {
                let transaction = debit.transaction.clone();
                let transaction = transaction.expect("only what was collected is given back");
                let (amount, currency) = self.money(number);
                let refusals = wish.refusals;
                self.call(number, Ask::Refund { transaction, amount, currency, refusals });
            }
        }
    }

    fn pull(&mut self, number: u32) {
        let profile = self.advance.profile.as_ref().expect("only what was opened has debits");
        let account = profile.account.clone();
        let (amount, currency) = self.money(number);
        self.call(number, Ask::Pull { account, amount, currency });
    }

    fn call(&mut self, number: u32, ask: Ask) {
        let debit = self.advance.debit(number);
        let attempt = debit.attempts + u16::from(debit.status == DebitStatus::Due);
        let policy = self.context.policy;
        let patience_ms = match ask {
            Ask::Pull { .. } => policy.push_patience_ms,
            Ask::Find | Ask::Refund { .. } | Ask::FindRefund { .. } => policy.step_deadline_ms,
        };
        self.push(Event::Called(Box::new(Called {
            debit: number,
            attempt,
            number: self.advance.calls + 1,
            at: self.context.now,
            not_after: self.context.after_ms(patience_ms),
            ask,
        })));
    }

    /// The processor has answered the call for a wish.
    pub(super) fn replied(&mut self, wish: &Wish, reply: &Reply) {
        match wish.want {
            Want::Pull => self.pull_replied(wish, reply),
            Want::Refund => self.refund_replied(wish, reply),
        }
    }

    fn pull_replied(&mut self, wish: &Wish, reply: &Reply) {
        let debit = wish.debit;
        match reply {
            Reply::Done { id, .. } => self.succeeded(debit, id),
            Reply::Declined { code, detail } => {
                self.failed(debit, Failure::new(code.clone(), detail.clone()));
            }
            Reply::Pending => {
                let silent_on = self.silent_on();
                self.push(Event::Submitted { debit, silent_on });
            }
            Reply::NeverSeen if is_settled(wish, self.context.policy.settle_ms) => {
                self.soon(wish, "it was never seen", Next::Make);
            }
            Reply::NeverSeen => {
                let reason = "it was never seen; asked again to be sure";
                self.pause(wish, reason, Sent::No, Next::Find);
            }
            Reply::NotSent { reason } if wish.finds => {
                self.pause(wish, reason, Sent::No, Next::Find);
            }
            Reply::NotSent { reason } => self.deferred(debit, reason),
            Reply::Unknown { reason } => self.pause(wish, reason, wish.sent(), Next::Find),
        }
    }

    /// A debit that was certainly not given to the processor.
    fn deferred(&mut self, debit: u32, reason: &str) {
        self.push(Event::Deferred { debit, reason: reason.into() });
        let instalment = self.advance.debit(debit).instalment;
        if self.is_given_up() || self.advance.is_paid(instalment) {
            self.push(Event::Cancelled { debit });
        }
    }

    fn refund_replied(&mut self, wish: &Wish, reply: &Reply) {
        let debit = wish.debit;
        match reply {
            Reply::Done { .. } => {
                let (amount, currency) = self.money(debit);
                self.push(Event::Refunded { debit, amount, currency });
            }
            Reply::Declined { code, detail } => {
                let reason = format!("{code}: {detail}");
                self.pause(wish, &reason, Sent::No, Next::MakeAnew);
            }
            Reply::Pending => {
                self.pause(wish, "it has not been decided yet", wish.sent(), Next::Find);
            }
            // The key is the same, so a request that is still on its way does no harm.
            Reply::NeverSeen => self.pause(wish, "it was never seen", Sent::No, Next::Make),
            Reply::NotSent { reason } => {
                let next = if wish.finds { Next::Find } else { Next::Make };
                self.pause(wish, reason, Sent::No, next);
            }
            Reply::Unknown { reason } => self.pause(wish, reason, wish.sent(), Next::Find),
        }
    }

    /// Goes on with a wish at once.
    fn soon(&mut self, wish: &Wish, reason: &str, next: Next) {
        self.later(wish, reason, Sent::No, next, self.context.now);
    }

    /// Goes on with a wish after the pause of the ladder.
    fn pause(&mut self, wish: &Wish, reason: &str, sent: Sent, next: Next) {
        let pause_ms = self.context.policy.pause_ms(wish.tries);
        self.later(wish, reason, sent, next, self.context.after_ms(pause_ms));
    }

    pub(super) fn later(
        &mut self,
        wish: &Wish,
        reason: &str,
        sent: Sent,
        next: Next,
        retry_at: Timestamp,
    ) {
        self.push(Event::Unanswered {
            debit: wish.debit,
            at: self.context.now,
            reason: reason.into(),
            sent,
            next,
            retry_at,
            stuck_after: self.context.policy.stuck_after,
        });
    }

    /// The day from which on a debit that is submitted now counts as silent.
    fn silent_on(&self) -> Day {
        let days = self.context.policy.collecting.silent_days;
        let days = i32::try_from(days).unwrap_or(i32::MAX);
        self.today().checked_add_days(days).unwrap_or(Day::MAX)
    }
}

/// Whether, when the processor was last asked, a request that was cut off could not be on its way
/// any more. When its answer came says nothing: it may have been long on its way.
fn is_settled(wish: &Wish, settle_ms: i64) -> bool {
    let long_ago =
        |sent_at: Timestamp| wish.called_at.millis().saturating_sub(sent_at.millis()) >= settle_ms;
    wish.finds && wish.sent_at.is_none_or(long_ago)
}
