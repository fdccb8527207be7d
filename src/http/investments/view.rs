//! An investment as JSON: whole, with its steps, for who asks for one; short in lists.
//!
//! What was asked for comes from the deal's record, where it stands from `current`, so the first
//! answer, a replay, a look and a line of a list never disagree. How long the next third party's
//! queue is comes from the gateway's board; it is advice, not a promise.

use bursar_actors::gateway::Gateways;
use bursar_domain::call::{Lane, Party};
use bursar_domain::deal::Decision;
use bursar_domain::saga::investment::Funding;
use bursar_domain::saga::{End, Phase, Saga, StepStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::current::{Current, Place, Status};
use crate::http::resources::Failure;
use crate::http::steps::{Course, Step};

/// What was made for the investor to sign or keep.
#[derive(Serialize, ToSchema)]
pub(crate) struct Documents {
    /// Their maker's name of them.
    id: String,
    /// Where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// An investment.
#[derive(Serialize, ToSchema)]
pub(crate) struct Investment {
    #[schema(example = "inv_12_harbour")]
    id: String,
    #[schema(example = "harbour")]
    deal: String,
    #[schema(example = "alice")]
    wallet: String,
    #[schema(example = "1000.00")]
    amount: String,
    /// ISO 4217.
    #[schema(example = "EUR")]
    currency: &'static str,
    /// Where the money comes from: `bank` or `wallet`.
    #[schema(example = "bank")]
    funding: &'static str,
    /// The place in the order in which requests reached the deal, from 1, without gaps.
    ticket: u64,
    /// `waitlisted`, `reserved`, `collecting`, `documenting`, `confirmed`; `compensating`, then
    /// `failed` or `cancelled`; `refused`.
    #[schema(example = "reserved")]
    status: &'static str,
    /// While it waits: the place in line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<usize>,
    /// When the ticket was given.
    at: String,
    /// How long the queue of the third party that is next makes it wait, in milliseconds; an
    /// estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_wait_ms: Option<u64>,
    /// What is done and what is to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<Step>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    documents: Option<Documents>,
    /// Why it was not to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

impl Investment {
    /// For a list.
    pub(crate) fn short(current: &Current) -> Self {
        let (ticket, ticketed) = (&current.ticket, &current.ticket.ticketed);
        let position = match current.place {
            Place::Waiting(position) => Some(position),
            Place::Refused(_) | Place::Withdrawn | Place::Given(_) => None,
        };
        Self {
            id: ticket.id.to_string(),
            deal: ticket.id.deal.to_string(),
            wallet: ticketed.wallet.to_string(),
            amount: ticketed.amount.to_major(ticketed.currency),
            currency: ticketed.currency.code(),
            funding: ticketed.funding.as_str(),
            ticket: ticketed.ticket,
            status: current.status().as_str(),
            position,
            at: ticket.at.to_string(),
            estimated_wait_ms: None,
            steps: None,
            documents: None,
            failure: current.failure().map(Failure::from),
        }
    }

    /// As the first answer says it: no step has begun that would be worth its bytes.
    pub(crate) fn begun(current: &Current, gateways: &Gateways) -> Self {
        let next = next_party(current.status(), current.ticket.ticketed.funding, None);
        let wait = |party| gateways.estimated_wait_ms(party, Lane::Interactive);
        Self { estimated_wait_ms: next.map(wait), ..Self::short(current) }
    }

    /// With everything.
    pub(crate) fn whole(current: &Current, gateways: &Gateways) -> Self {
        let nobody = Course::default();
        let course = match &current.place {
            Place::Given(course) => course,
            Place::Refused(_) | Place::Waiting(_) | Place::Withdrawn => &nobody,
        };
        let ticket = &current.ticket;
        // A place that was given later, from the line, is dated by the saga.
        let reserved_at = (ticket.ticketed.decision == Decision::Reserved).then_some(ticket.at);
        let next = next_party(current.status(), ticket.ticketed.funding, course.saga.as_deref());
        let wait = |party| gateways.estimated_wait_ms(party, Lane::Interactive);
        Self {
            estimated_wait_ms: next.map(wait),
            steps: Some(course.of_investment(reserved_at)),
            documents: course.saga.as_deref().and_then(documents),
            ..Self::short(current)
        }
    }
}

/// Which third party is called next, as far as it can be told.
fn next_party(status: Status, funding: Funding, saga: Option<&Saga>) -> Option<Party> {
    match status {
        Status::Reserved => match funding {
            Funding::Bank => Some(Party::Processor),
            Funding::Wallet => Some(Party::Documents),
        },
        Status::Collecting => Some(Party::Processor),
        Status::Documenting => {
            let last = saga.and_then(|saga| saga.steps().last())?;
            let found = saga.is_some_and(|saga| saga.found().documents.is_some());
            let waits = matches!(last.status, StepStatus::Calling | StepStatus::Unanswered { .. });
            (waits && !found).then_some(Party::Documents)
        }
        Status::Waitlisted
        | Status::Confirmed
        | Status::Compensating
        | Status::Failed
        | Status::Cancelled
        | Status::Refused => None,
    }
}

/// The documents, unless they are void or about to be.
fn documents(saga: &Saga) -> Option<Documents> {
    match saga.phase() {
        Phase::Running | Phase::Ended(End::Done) => {}
        Phase::Undoing(_) | Phase::Ended(End::Failed(_) | End::Cancelled) => return None,
    }
    let found = saga.found();
    let id = found.documents.as_ref()?.to_string();
    Some(Documents { id, url: found.url.as_deref().map(str::to_owned) })
}
