//! Requests that wait for an outcome (`Prefer: wait`).
//!
//! One task follows the stream of outcomes and wakes whoever waits for one of them, so a thousand
//! waiting requests cost a commit no more than one. What is waited for is named by who decided it
//! and where: the deal's decision that gave a ticket, the wallet's that asked for money.
//!
//! Nothing is missed: whoever waits is entered here first and looks how it stands then, by asking
//! the entity itself. An outcome that came before is seen by that look, a later one wakes.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bursar_actors::outcomes::{After, OutcomeLog};
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::message::{About, Outcome, OutcomeKind};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::http::State;
use crate::http::problem::Problem;

/// How many outcomes are taken from the log at a time.
const TAKE: usize = 1_024;

/// What is waited for: who decided it, under which position.
pub(crate) type Awaited = (EntityId, Seq);

/// Everyone who waits.
#[derive(Debug, Default)]
pub(crate) struct Waiters(Mutex<HashMap<Awaited, Vec<oneshot::Sender<()>>>>);

/// One who waits.
struct Waiter<'a> {
    waiters: &'a Waiters,
    awaited: Awaited,
    told: oneshot::Receiver<()>,
}

impl Waiters {
    fn lock(&self) -> MutexGuard<'_, HashMap<Awaited, Vec<oneshot::Sender<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, awaited: Awaited) -> Waiter<'_> {
        let (sender, told) = oneshot::channel();
        self.lock().entry(awaited.clone()).or_default().push(sender);
        Waiter { waiters: self, awaited, told }
    }

    /// Wakes who waits for one of these.
    fn tell<'a>(&self, outcomes: impl Iterator<Item = &'a Outcome>) {
        let mut waiting = self.lock();
        if waiting.is_empty() {
            return;
        }
        for awaited in outcomes.filter_map(ends) {
            wake(waiting.remove(&awaited).into_iter().flatten());
        }
    }

    /// Wakes everyone, to look for themselves.
    fn tell_all(&self) {
        wake(std::mem::take(&mut *self.lock()).into_values().flatten());
    }
}

fn wake(senders: impl Iterator<Item = oneshot::Sender<()>>) {
    for sender in senders {
        if sender.send(()).is_err() {
            tracing::trace!("a request that waited has gone away");
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.told.close();
        let mut waiting = self.waiters.lock();
        if let Some(senders) = waiting.get_mut(&self.awaited) {
            senders.retain(|sender| !sender.is_closed());
            if senders.is_empty() {
                waiting.remove(&self.awaited);
            }
        }
    }
}

/// What an outcome is the end of, if anyone can wait for it.
fn ends(outcome: &Outcome) -> Option<Awaited> {
    match outcome.kind {
        OutcomeKind::DepositPosted
        | OutcomeKind::DepositFailed
        | OutcomeKind::PaymentPosted
        | OutcomeKind::PaymentFailed => {
            Some((EntityId::wallet(outcome.wallet.as_ref()?), outcome.seq))
        }
        OutcomeKind::InvestmentConfirmed
        | OutcomeKind::InvestmentFailed
        | OutcomeKind::InvestmentCancelled
        | OutcomeKind::InvestmentRefused => match &outcome.about {
            Some(About::Investment { deal, .. }) => Some((EntityId::deal(deal), outcome.seq)),
            Some(
                About::Failure(_)
                | About::Reimbursement { .. }
                | About::Advance { .. }
                | About::Reward { .. },
            )
            | None => None,
        },
        OutcomeKind::AdvanceActive | OutcomeKind::AdvanceFailed => match &outcome.about {
            Some(About::Advance { advance, .. }) => Some((EntityId::advance(advance), Seq(0))),
            Some(
                About::Investment { .. }
                | About::Failure(_)
                | About::Reimbursement { .. }
                | About::Reward { .. },
            )
            | None => None,
        },
        OutcomeKind::RefundPosted
        | OutcomeKind::InvestmentReserved
        | OutcomeKind::ReimbursementPaid
        | OutcomeKind::ReimbursementReturned
        | OutcomeKind::DebitSucceeded
        | OutcomeKind::DebitFailed
        | OutcomeKind::DebitRefunded
        | OutcomeKind::AdvanceCompleted
        | OutcomeKind::AdvanceDefaulted
        | OutcomeKind::RewardGranted
        | OutcomeKind::RewardRefused
        | OutcomeKind::RewardTakenBack => None,
    }
}

/// Follows the stream and wakes who waits, until the server stops.
pub(crate) async fn follow(
    log: Arc<OutcomeLog>,
    waiters: Arc<Waiters>,
    mut stop: watch::Receiver<bool>,
) {
    let mut newest = log.follow();
    let mut position = log.newest();
    while !*stop.borrow() {
        newest.mark_unchanged();
        match log.after(position, TAKE) {
            After::Here(taken) => {
                let Some((last, _)) = taken.last() else {
                    tokio::select! {
                        changed = newest.changed() => if changed.is_err() { return },
                        changed = stop.changed() => if changed.is_err() { return },
                    }
                    continue;
                };
                position = *last;
                waiters.tell(taken.iter().map(|(_, outcome)| &**outcome));
                tokio::task::yield_now().await;
            }
            After::OnDisk => {
                // So far behind that some outcomes have left memory: all look for themselves.
                position = log.newest();
                waiters.tell_all();
            }
        }
    }
}

/// Looks at something until it has ended or the time is up. Returns how it stood last.
pub(crate) async fn until_ended<T, L>(
    state: &State,
    awaited: Awaited,
    wait: Duration,
    begun: T,
    mut look: impl FnMut() -> L,
    is_ended: impl Fn(&T) -> bool,
) -> T
where
    L: Future<Output = Result<T, Problem>>,
{
    let deadline = Instant::now() + wait;
    let mut stop = state.stop.subscribe();
    let mut current = begun;
    loop {
        let mut waiter = state.waiters.enter(awaited.clone());
        // Who cannot look any more, because too much is going on, tells what was known last.
        let Ok(now) = look().await else { return current };
        current = now;
        if is_ended(&current) || *stop.borrow() || Instant::now() >= deadline {
            return current;
        }
        // Whatever comes first, the last word is how it stands then.
        tokio::select! {
            _ = &mut waiter.told => {}
            () = tokio::time::sleep_until(deadline) => {}
            _ = stop.changed() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bursar_domain::id::WalletId;

    fn awaited(seq: u64) -> Awaited {
        (EntityId::wallet(&WalletId::parse("w").expect("well-formed")), Seq(seq))
    }

    #[test]
    fn who_goes_away_leaves_nothing_behind() {
        let waiters = Waiters::default();
        let first = waiters.enter(awaited(1));
        let second = waiters.enter(awaited(1));
        drop(first);
        assert_eq!(waiters.lock().len(), 1);
        drop(second);
        assert!(waiters.lock().is_empty());
    }

    #[test]
    fn everyone_is_woken_when_outcomes_were_missed() {
        let waiters = Waiters::default();
        let mut one = waiters.enter(awaited(1));
        let mut other = waiters.enter(awaited(2));
        waiters.tell_all();
        assert_eq!((one.told.try_recv(), other.told.try_recv()), (Ok(()), Ok(())));
    }
}
