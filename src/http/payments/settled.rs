//! A payment to a provider that is settled at once, as it stands.
//!
//! The wallet sets the amount aside and answers; the saga of the payment's id has the processor
//! bring it to the provider, then the wallet books it or sets nothing aside any more. How it ended
//! is in the wallet's records some places after the request; the saga hears of it a moment later,
//! so it is the wallet that is asked, and only when the end can be there.

use std::sync::Arc;

use bursar_actors::job::{Answer, Ask};
use bursar_domain::call::{Lane, Party};
use bursar_domain::id::{EntityId, Made, Seq};
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::saga::subject::Failure;
use bursar_domain::saga::{End, Phase, Saga, StepName};
use bursar_domain::wallet::Event;
use bursar_domain::wallet::settled::PaymentHeld;

use crate::http::State;
use crate::http::prefer::Wait;
use crate::http::problem::Problem;
use crate::http::resources::{Form, Payment};
use crate::http::steps::Course;
use crate::http::waiters::until_ended;

/// How many of the wallet's records after the request are searched for how it ended.
const SEARCHED: usize = 200;

/// A payment that was set aside, and how far it is.
#[derive(Clone)]
pub(crate) struct Settling {
    made: Made,
    record: Arc<Record>,
    course: Course,
    /// How it ended, if it did.
    pub(crate) end: Option<Ending>,
}

/// How it ended.
#[derive(Clone)]
pub(crate) enum Ending {
    /// It is booked; the balance afterwards, when it was found.
    Posted(Option<Amount>),
    /// It was not to be.
    Failed(Failure),
}

/// The event of a payment that was set aside, in its record.
pub(crate) fn held(record: &Record) -> Option<&PaymentHeld> {
    let Verdict::Wallet(events) = &record.verdict else { return None };
    if let Some(Event::PaymentHeld(held)) = events.first() { Some(held) } else { None }
}

impl Settling {
    /// A payment that was just set aside.
    pub(crate) fn begun(made: Made, record: Arc<Record>) -> Self {
        Self { made, record, course: Course::default(), end: None }
    }

    /// The same, as it stands now.
    pub(crate) async fn now(mut self, state: &State) -> Result<Self, Problem> {
        let saga = EntityId::saga(self.made.text("pay"));
        self.course = Course::of(state, &saga).await?;
        self.end = match &self.course.saga {
            Some(saga) if may_have_ended(saga) => match ending(state, &self.made).await? {
                Some(ending) => Some(ending),
                None => ended(saga),
            },
            Some(_) | None => None,
        };
        Ok(self)
    }

    /// The same when it has ended, or when nobody waits any longer.
    pub(crate) async fn until(state: &State, begun: Self, wait: Wait) -> Self {
        let awaited = (EntityId::wallet(&begun.made.wallet), begun.made.seq);
        let look = || begun.clone().now(state);
        let is_ended = |payment: &Self| payment.end.is_some();
        until_ended(state, awaited, wait.duration(), begun.clone(), look, is_ended).await
    }

    /// As a resource; `refunded` where it is known.
    pub(crate) fn view(&self, state: &State, refunded: Option<Amount>) -> Payment {
        let at = self.record.at;
        let event = held(&self.record).expect("made of a record that set a payment aside");
        let mut payment = Payment::pending(&self.made, at, event, Form::Whole);
        payment.steps = Some(self.course.of_payment(Some(at)));
        match &self.end {
            Some(Ending::Posted(balance)) => {
                payment.status = Some("posted");
                payment.balance_after = balance.map(|balance| balance.to_major(event.currency));
                payment.refunded = refunded.map(|refunded| refunded.to_major(event.currency));
            }
            Some(Ending::Failed(failure)) => {
                payment.status = Some("failed");
                payment.failure = Some(failure.into());
            }
            None => payment.estimated_wait_ms = self.estimated_wait_ms(state),
        }
        payment
    }

    /// How long the processor will take to get to it.
    fn estimated_wait_ms(&self, state: &State) -> Option<u64> {
        let pushed = self.course.saga.as_ref().is_some_and(|saga| {
            *saga.phase() != Phase::Running || saga.found().transaction.is_some()
        });
        let wait = || state.gateways.estimated_wait_ms(Party::Processor, Lane::Interactive);
        (!pushed).then(wait)
    }
}

/// Whether the wallet can have heard how it ended.
fn may_have_ended(saga: &Saga) -> bool {
    let posts = saga.subject().is_some_and(|subject| {
        saga.steps().len().checked_sub(1).map(|last| subject.step(last)) == Some(StepName::Post)
    });
    posts || *saga.phase() != Phase::Running
}

/// How it ended by its saga alone.
fn ended(saga: &Saga) -> Option<Ending> {
    match saga.phase() {
        Phase::Ended(End::Done) => Some(Ending::Posted(None)),
        Phase::Ended(End::Failed(failure)) => Some(Ending::Failed(failure.clone())),
        Phase::Ended(End::Cancelled) => {
            Some(Ending::Failed(Failure::new("cancelled", "it was cancelled")))
        }
        Phase::Running | Phase::Undoing(_) => None,
    }
}

/// How it ended by the wallet's own records.
async fn ending(state: &State, made: &Made) -> Result<Option<Ending>, Problem> {
    let wallet = EntityId::wallet(&made.wallet);
    let ask = Ask::Following { after: made.seq, limit: SEARCHED };
    let Answer::Recent { records, history_before, .. } = state.ask(wallet.clone(), ask).await?
    else {
        return Err(Problem::overloaded());
    };
    if let Some(ending) = records.iter().find_map(|(_, record)| ending_in(record, made.seq)) {
        return Ok(Some(ending));
    }
    if history_before <= made.seq.next() {
        return Ok(None);
    }
    let stored = state.stored_after(&wallet, made.seq, SEARCHED).await?;
    Ok(stored.iter().find_map(|(_, record)| ending_in(record, made.seq)))
}

fn ending_in(record: &Record, payment: Seq) -> Option<Ending> {
    let Verdict::Wallet(events) = &record.verdict else { return None };
    events.iter().find_map(|event| {
        if let Event::PaymentPosted(posted) = event
            && posted.payment == payment
        {
            return Some(Ending::Posted(Some(posted.balance_after)));
        }
        if let Event::PaymentFailed(failed) = event
            && failed.payment == payment
        {
            return Some(Ending::Failed(failed.failure.clone()));
        }
        None
    })
}
