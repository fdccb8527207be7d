//! Providers: register, look, entries, schedule, settlement.
//!
//! A provider hears of payments by messages from wallets, a commit after they were answered, so
//! its balance trails theirs by a moment. What it submits is in `activities` and, read back, in
//! `listed`; what it is paid in `reimbursements`; how it is shown in `resource`.

pub(crate) mod activities;
pub(crate) mod bodies;
mod hex;
pub(crate) mod listed;
pub(crate) mod reimbursements;
mod resource;

use actix_web::web::{Path, Payload};
use actix_web::{HttpMessage, HttpRequest};
use bursar_actors::view::Seen;
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, ProviderId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::problem::Problem;
use crate::http::requests::{RegisterProvider, SettlementBody};
use crate::http::resources::{Form, provider_of};
use crate::http::shell::RequestId;
use crate::http::{Answered, Shared, State, body, entries, json, json_replayed, key_of, query};
pub(crate) use resource::Provider;

/// The most times that a schedule shows.
const SCHEDULE_MAX: usize = 500;

fn not_found() -> Problem {
    Problem::new(Code::ProviderNotFound, "register the provider first")
}

fn provider_in_path(text: &str) -> Result<ProviderId, Problem> {
    ProviderId::parse(text).ok_or_else(not_found)
}

async fn seen(state: &State, id: &ProviderId) -> Result<Seen, Problem> {
    state.see(&EntityId::provider(id)).await?.ok_or_else(not_found)
}

/// Registers a provider.
#[utoipa::path(post, path = "/v1/providers", tag = "providers",
    params(("Idempotency-Key" = Option<String>, Header, description = "The client's own key")),
    request_body = RegisterProvider, responses(
    (status = 201, body = Provider), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn register(
    state: Shared,
    request: HttpRequest,
    mut payload: Payload,
) -> Answered {
    let bytes = state.json(&request, &mut payload).await?;
    let body = body::parse::<RegisterProvider<'_>>(&bytes)?;
    let operation = bodies::register(body, key_of(&request))?;
    state.write(&request, operation).await
}

/// A provider with its balance.
#[utoipa::path(get, path = "/v1/providers/{id}", tag = "providers",
    params(("id" = String, Path, description = "The provider")), responses(
    (status = 200, body = Provider), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn get(state: Shared, id: Path<String>) -> Answered {
    let id = provider_in_path(&id)?;
    let seen = seen(&state, &id).await?;
    let provider = provider_of(&seen).ok_or_else(not_found)?;
    Ok(json(&Provider::seen(id.as_str(), provider, seen.version, state.now(), Form::Whole)))
}

/// What moved a provider's balance, newest first.
#[utoipa::path(get, path = "/v1/providers/{id}/entries", tag = "providers",
    params(("id" = String, Path, description = "The provider"), entries::Filters), responses(
    (status = 200, body = entries::Page), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn entries(state: Shared, request: HttpRequest, id: Path<String>) -> Answered {
    let id = provider_in_path(&id)?;
    entries::answer(&state, &request, &EntityId::provider(&id), not_found).await
}

/// How many times are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Count {
    /// 1 to 500; 10 when it is not said.
    count: Option<usize>,
}

/// The next times at which a provider is reimbursed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Schedule {
    /// RFC 3339, ascending.
    items: Vec<String>,
}

/// The next times at which a provider is reimbursed.
#[utoipa::path(get, path = "/v1/providers/{id}/schedule", tag = "providers",
    params(("id" = String, Path, description = "The provider"), Count), responses(
    (status = 200, body = Schedule), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn schedule(state: Shared, request: HttpRequest, id: Path<String>) -> Answered {
    let id = provider_in_path(&id)?;
    let count = query::<Count>(&request)?.count.unwrap_or(10);
    if !(1..=SCHEDULE_MAX).contains(&count) {
        let detail = format!("count is 1 to {SCHEDULE_MAX}");
        return Err(Problem::new(Code::MalformedRequest, detail));
    }
    let seen = seen(&state, &id).await?;
    let provider = provider_of(&seen).ok_or_else(not_found)?;
    let times = provider.schedule(state.now(), count);
    Ok(json(&Schedule { items: times.iter().map(ToString::to_string).collect() }))
}

/// Changes how a provider is paid: from the next period on, or for payments at once. Takes it off
/// hold.
#[utoipa::path(patch, path = "/v1/providers/{id}/settlement", tag = "providers",
    params(("id" = String, Path, description = "The provider"),
        ("Idempotency-Key" = Option<String>, Header, description = "The client's own key")),
    request_body = SettlementBody, responses(
    (status = 200, body = Provider), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn settle(
    state: Shared,
    request: HttpRequest,
    id: Path<String>,
    mut payload: Payload,
) -> Answered {
    let id = provider_in_path(&id)?;
    let bytes = state.json(&request, &mut payload).await?;
    let body = body::parse::<SettlementBody<'_>>(&bytes)?;
    let operation = bodies::settle(&id, &body, key_of(&request))?;
    let request_id = RequestId::of(&request.extensions()).to_owned();
    let (entity, working) = (EntityId::provider(&id), state.clone());
    // A task of its own: wallets may have been told how it was paid before, and who asked may go
    // away in between.
    let told = entity.clone();
    let decided = actix_web::rt::spawn(async move {
        let decided = working.decide_for(&request_id, operation).await?;
        working.engine.forget(&told).await?;
        Ok::<_, Problem>(decided)
    });
    let decided = decided.await.map_err(|_| Problem::stopping())??;
    let seen = state.look(&entity).await?.ok_or_else(not_found)?;
    let provider = provider_of(&seen).ok_or_else(not_found)?;
    let resource = Provider::seen(id.as_str(), provider, seen.version, state.now(), Form::Whole);
    Ok(json_replayed(&resource, decided.is_some_and(|decided| decided.replayed)))
}
