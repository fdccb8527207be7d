//! Providers: register, look, entries, schedule.
//!
//! A provider hears of payments by messages from wallets, a commit after they were answered, so
//! its balance trails theirs by a moment. When it is reimbursed is worked out from its calendar
//! whenever somebody looks; nothing is stored for it.

use actix_web::HttpRequest;
use actix_web::web::{Path, Payload};
use bursar_actors::clock::{Clock, SystemClock};
use bursar_actors::view::Seen;
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, ProviderId};
use bursar_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::operation::Operation;
use crate::http::problem::Problem;
use crate::http::requests::RegisterProvider;
use crate::http::resources::{Form, Provider, provider_of};
use crate::http::{Answered, Shared, State, body, entries, json, key_of, query};

/// The most times that a schedule shows.
const SCHEDULE_MAX: usize = 500;

fn not_found() -> Problem {
    Problem::new(Code::ProviderNotFound, "register the provider first")
}

fn provider_in_path(text: &str) -> Result<ProviderId, Problem> {
    ProviderId::parse(text).ok_or_else(not_found)
}

/// Now, by the machine's clock.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
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
    let operation = Operation::register_provider(body, key_of(&request))?;
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
    Ok(json(&Provider::seen(id.as_str(), provider, seen.version, now(), Form::Whole)))
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
    let times = provider.profile.cadence.occurrences_after(now().millis(), count);
    let items = times.into_iter().filter_map(Timestamp::from_millis).map(|at| at.to_string());
    Ok(json(&Schedule { items: items.collect() }))
}
