//! Deals: open, look, close.
//!
//! A deal takes investments first come first served, up to an amount and a number of investors.
//! What it takes is in `investments`; `bodies` makes its commands, `view` shows it, `list` lists.
//! Closing keeps who has a place or waits; it only takes no new requests.

pub(crate) mod bodies;
pub(crate) mod list;
pub(crate) mod view;

use actix_web::HttpRequest;
use actix_web::web::{Path, Payload};
use bursar_domain::code::Code;
use bursar_domain::id::{DealId, EntityId};

use crate::http::problem::Problem;
use crate::http::requests::OpenDeal;
use crate::http::resources::deal_of;
use crate::http::{Answered, Shared, State, body, json, json_replayed, key_of};

pub(crate) use view::Deal;

/// There is no such deal.
pub(crate) fn not_found() -> Problem {
    Problem::new(Code::DealNotFound, "there is no such deal")
}

/// The deal of a path; what cannot be an id is not found.
pub(crate) fn deal_in_path(text: &str) -> Result<DealId, Problem> {
    DealId::parse(text).ok_or_else(not_found)
}

async fn seen(state: &State, id: &DealId) -> Result<Deal, Problem> {
    let seen = state.see(&EntityId::deal(id)).await?.ok_or_else(not_found)?;
    let deal = deal_of(&seen).ok_or_else(not_found)?;
    Ok(Deal::seen(id.as_str(), deal, seen.version, state.now()))
}

/// Opens a deal.
#[utoipa::path(post, path = "/v1/deals", tag = "deals",
    params(("Idempotency-Key" = Option<String>, Header, description = "The client's own key")),
    request_body = OpenDeal, responses(
    (status = 201, body = Deal), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn open(state: Shared, request: HttpRequest, mut payload: Payload) -> Answered {
    let bytes = state.json(&request, &mut payload).await?;
    let operation = bodies::open(body::parse::<OpenDeal<'_>>(&bytes)?, key_of(&request))?;
    state.write(&request, operation).await
}

/// A deal with its seats and sums.
#[utoipa::path(get, path = "/v1/deals/{id}", tag = "deals",
    params(("id" = String, Path, description = "The deal")), responses(
    (status = 200, body = Deal), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn get(state: Shared, id: Path<String>) -> Answered {
    Ok(json(&seen(&state, &deal_in_path(&id)?).await?))
}

/// Takes no more requests. Who has a place or waits in line is not touched.
#[utoipa::path(post, path = "/v1/deals/{id}/close", tag = "deals",
    params(("id" = String, Path, description = "The deal"),
        ("Idempotency-Key" = Option<String>, Header, description = "The client's own key")),
    responses(
    (status = 200, body = Deal), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn close(state: Shared, request: HttpRequest, id: Path<String>) -> Answered {
    let id = deal_in_path(&id)?;
    let operation = bodies::close(&id, key_of(&request))?;
    let decided = state.decide(&request, operation).await?;
    let replayed = decided.is_some_and(|decided| decided.replayed);
    Ok(json_replayed(&seen(&state, &id).await?, replayed))
}
