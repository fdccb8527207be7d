//! Taking an investment back, before it is confirmed.
//!
//! Who waits in line just leaves it. Who has a place has a saga, which is asked to stop: what was
//! done is undone, step by step, and the place goes to whoever waits longest. The saga may not be
//! there yet; then it takes the wish first and stops before it begins. It is asked only about an
//! investment that the deal gave a place.
//!
//! Taking back twice is the same as once, so a key is accepted and not needed.

use std::sync::Arc;

use actix_web::web::Path;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use bursar_actors::job::{Answer, Ask, Command, Room};
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, InvestmentId};
use bursar_domain::{deal, saga};

use super::current::{Current, Place, Status, find};
use super::{Investment, investment_in_path, location, until};
use crate::http::prefer::{Later, Wait};
use crate::http::problem::Problem;
use crate::http::shell::RequestId;
use crate::http::{Answered, Shared, State, json, key_of};

/// Takes an investment back.
#[utoipa::path(delete, path = "/v1/investments/{id}", tag = "investments",
    params(("id" = String, Path, description = "The investment"),
        ("Idempotency-Key" = Option<String>, Header, description = "The client's own key"),
        ("Prefer" = Option<String>, Header,
            description = "`wait=N`: answer with the end if it comes within N seconds, up to 30")),
    responses(
    (status = 200, body = Investment, description = "It is over"),
    (status = 202, body = Investment, description = "What was done is being undone"),
    (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(crate) async fn cancel(state: Shared, request: HttpRequest, id: Path<String>) -> Answered {
    key_of(&request).checked()?;
    let id = investment_in_path(&id)?;
    let mut current = find(&state, &id).await?;
    if let Place::Waiting(_) = current.place {
        leave_line(&state, &request, &id).await?;
        // It may have got a place meanwhile; then that is taken back.
        current = find(&state, &id).await?;
    }
    match current.status() {
        Status::Refused | Status::Failed | Status::Cancelled => Ok(now(&state, &current)),
        Status::Confirmed => Err(too_late()),
        Status::Compensating => Ok(later(&state, &request, current).await),
        Status::Reserved | Status::Collecting | Status::Documenting => {
            stop(&state, &request, &id).await?;
            let current = Current::of(&state, Arc::clone(&current.ticket)).await?;
            Ok(later(&state, &request, current).await)
        }
        Status::Waitlisted => Err(Problem::overloaded()),
    }
}

fn too_late() -> Problem {
    Problem::new(Code::InvestmentConfirmed, "it is past the point of no return")
}

fn now(state: &State, current: &Current) -> HttpResponse {
    json(&Investment::whole(current, &state.gateways))
}

/// The answer while it is being undone, or with the end if the client waits and it comes in time.
async fn later(state: &State, request: &HttpRequest, current: Current) -> HttpResponse {
    let wait = Wait::of(request);
    let current = match wait {
        Some(wait) => until(state, current, wait).await,
        None => current,
    };
    if current.status().is_final() && wait.is_none() {
        return now(state, &current);
    }
    let ended_within = wait.filter(|_| current.status().is_final());
    let location = location(&current.ticket.id);
    let later = Later { location, replayed: false, ended_within };
    later.answer(&Investment::whole(&current, &state.gateways))
}

/// Asks an entity to take something back. A refusal with this code is no refusal.
async fn wish(
    state: &State,
    request: &HttpRequest,
    to: EntityId,
    command: Command,
    unless: Option<Code>,
) -> Result<(), Problem> {
    let request_id = RequestId::of(&request.extensions()).into();
    let ask = Ask::Decide { command, key: None, request_id, room: Room::There };
    match state.ask(to, ask).await? {
        Answer::Decided { .. } | Answer::Summary(_) => Ok(()),
        Answer::Rejected(rejection) if Some(rejection.code) == unless => Ok(()),
        Answer::Rejected(rejection) => Err(Problem::rejected(&rejection)),
        Answer::Overloaded => Err(Problem::overloaded()),
        Answer::Payment { .. }
        | Answer::Investment { .. }
        | Answer::Recent { .. }
        | Answer::Judged(_)
        | Answer::Known(_)
        | Answer::Rewards(_)
        | Answer::Inspected(_) => Err(Problem::stopping()),
    }
}

async fn leave_line(
    state: &State,
    request: &HttpRequest,
    id: &InvestmentId,
) -> Result<(), Problem> {
    let command = Command::Deal(deal::Command::Withdraw { investment: id.seq });
    let to = EntityId::deal(&id.deal);
    wish(state, request, to, command, Some(Code::InvestmentNotWaiting)).await
}

async fn stop(state: &State, request: &HttpRequest, id: &InvestmentId) -> Result<(), Problem> {
    wish(state, request, id.saga(), Command::Saga(saga::Command::Cancel), None).await
}
