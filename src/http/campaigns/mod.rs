//! Campaigns: announce, look, pause, and the commitments that make draws checkable.
//!
//! `bodies` makes terms of a body, `view` shows a campaign; terms never change afterwards. The seeds'
//! commitments of all days can be read from the announcement on; whoever keeps them can check every
//! draw when the seeds are revealed.

pub(crate) mod bodies;
pub(crate) mod requests;
pub(crate) mod view;

use actix_web::http::header::LOCATION;
use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use bursar_actors::job::Command;
use bursar_actors::view::{Seen, Summary};
use bursar_domain::campaign::{self, Event};
use bursar_domain::code::Code;
use bursar_domain::id::{CampaignId, EntityId, Kind};
use bursar_domain::plan::Day;
use bursar_domain::record::Verdict;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use self::requests::AnnounceCampaign;
use crate::http::listing::{ids_after, standing};
use crate::http::operation::Operation;
use crate::http::problem::Problem;
use crate::http::{Answered, Shared, State, body, entries, json, json_replayed, key_of, query};

pub(crate) use view::{Campaign, Commitment};

/// There is no such campaign.
pub(crate) fn not_found() -> Problem {
    Problem::new(Code::CampaignNotFound, "there is no such campaign")
}

fn in_path(text: &str) -> Result<CampaignId, Problem> {
    CampaignId::parse(text).ok_or_else(not_found)
}

/// How a campaign stands, if that is one.
pub(crate) fn campaign_of(seen: &Seen) -> Option<&campaign::Summary> {
    if let Summary::Campaign(campaign) = &seen.summary { Some(campaign) } else { None }
}

async fn seen(state: &State, id: &CampaignId) -> Result<Campaign, Problem> {
    let seen = state.look(&EntityId::campaign(id)).await?.ok_or_else(not_found)?;
    let campaign = campaign_of(&seen).ok_or_else(not_found)?;
    Ok(Campaign::seen(campaign, seen.version, state.now()))
}

/// Announces a campaign. From now on the commitments of all its days can be read.
#[utoipa::path(post, path = "/v1/campaigns", tag = "rewards",
    params(("Idempotency-Key" = Option<String>, Header, description = "The client's own key")),
    request_body = AnnounceCampaign, responses(
    (status = 201, body = Campaign), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn announce(
    state: Shared,
    request: HttpRequest,
    mut payload: Payload,
) -> Answered {
    let bytes = state.json(&request, &mut payload).await?;
    let parsed = body::parse::<AnnounceCampaign<'_>>(&bytes)?;
    let rewards = &state.config.rewards;
    let open_days = rewards.window_days + rewards.margin_days;
    let operation = bodies::announce(parsed, key_of(&request), state.now(), open_days)?;
    let decided = state.decide(&request, operation).await?.ok_or_else(Problem::stopping)?;
    let Verdict::Campaign(events) = &decided.record.verdict else {
        unreachable!("a campaign decides for itself")
    };
    let Some(Event::Announced(terms)) = events.first() else {
        return Err(Problem::new(Code::IdempotencyKeyReused, "the key was used for another call"));
    };
    let mut response = HttpResponse::Created();
    response.insert_header((LOCATION, format!("/v1/campaigns/{}", terms.id)));
    if decided.replayed {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    Ok(response.json(Campaign::announced(terms, decided.record.at)))
}

/// A campaign with its budget and counts.
#[utoipa::path(get, path = "/v1/campaigns/{id}", tag = "rewards",
    params(("id" = String, Path, description = "The campaign")), responses(
    (status = 200, body = Campaign), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn get(state: Shared, id: Path<String>) -> Answered {
    Ok(json(&seen(&state, &in_path(&id)?).await?))
}

/// Where a list goes on.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// 1 to 500; 50 when it is not said.
    limit: Option<usize>,
    /// Where to go on.
    cursor: Option<String>,
}

/// A page of campaigns.
#[derive(Serialize, ToSchema)]
pub(crate) struct CampaignPage {
    /// Ascending by id.
    items: Vec<Campaign>,
    /// Give this as `cursor` for the next page; null at the end.
    next_cursor: Option<String>,
}

fn no_cursor() -> Problem {
    let detail = "the cursor is not one that was given; begin without it";
    Problem::new(Code::MalformedRequest, detail)
}

/// Campaigns, ascending by id.
#[utoipa::path(get, path = "/v1/campaigns", tag = "rewards", params(Paging), responses(
    (status = 200, body = CampaignPage), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn list(state: Shared, request: HttpRequest) -> Answered {
    let paging: Paging = query(&request)?;
    let limit = entries::limit(paging.limit)?;
    let after = paging.cursor.as_deref();
    if after.is_some_and(|after| CampaignId::parse(after).is_none()) {
        return Err(no_cursor());
    }
    let mut ids = ids_after(&state, Kind::Campaign, after, limit + 1).await?;
    let more = ids.len() > limit;
    ids.truncate(limit);
    let next_cursor = ids.last().filter(|_| more).map(|last| last.id.to_string());
    let now = state.now();
    let standing = standing(&state, ids).await?;
    let items = standing
        .iter()
        .filter_map(|(_, seen)| Some(Campaign::seen(campaign_of(seen)?, seen.version, now)));
    Ok(json(&CampaignPage { items: items.collect(), next_cursor }))
}

async fn ask(
    state: &State,
    request: &HttpRequest,
    id: &CampaignId,
    command: campaign::Command,
) -> Answered {
    let content = command.content();
    let (to, command) = (EntityId::campaign(id), Command::Campaign(command));
    let operation = Operation::of_operator(to, command, content, key_of(request))?;
    let decided = state.decide(request, operation).await?;
    let replayed = decided.is_some_and(|decided| decided.replayed);
    Ok(json_replayed(&seen(state, id).await?, replayed))
}

/// Grants nothing until it is resumed. Purchases are drawn all the same; what they win waits in order.
#[utoipa::path(post, path = "/v1/campaigns/{id}/pause", tag = "rewards",
    params(("id" = String, Path, description = "The campaign"),
        ("Idempotency-Key" = Option<String>, Header, description = "The client's own key")),
    responses((status = 200, body = Campaign), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn pause(state: Shared, request: HttpRequest, id: Path<String>) -> Answered {
    ask(&state, &request, &in_path(&id)?, campaign::Command::Pause).await
}

/// Grants again, first what waited.
#[utoipa::path(post, path = "/v1/campaigns/{id}/resume", tag = "rewards",
    params(("id" = String, Path, description = "The campaign"),
        ("Idempotency-Key" = Option<String>, Header, description = "The client's own key")),
    responses((status = 200, body = Campaign), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn resume(state: Shared, request: HttpRequest, id: Path<String>) -> Answered {
    ask(&state, &request, &in_path(&id)?, campaign::Command::Resume).await
}

/// A page of commitments.
#[derive(Serialize, ToSchema)]
pub(crate) struct CommitmentPage {
    /// By day.
    items: Vec<Commitment>,
    /// Give this as `cursor` for the next page; null at the end.
    next_cursor: Option<String>,
}

/// The commitments to the seeds of a campaign's days, and the seeds that are revealed.
#[utoipa::path(get, path = "/v1/campaigns/{id}/commitments", tag = "rewards",
    params(("id" = String, Path, description = "The campaign"), Paging), responses(
    (status = 200, body = CommitmentPage), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn commitments(state: Shared, request: HttpRequest, id: Path<String>) -> Answered {
    let id = in_path(&id)?;
    let paging: Paging = query(&request)?;
    let limit = entries::limit(paging.limit)?;
    let seen = state.see(&EntityId::campaign(&id)).await?.ok_or_else(not_found)?;
    let terms = &campaign_of(&seen).ok_or_else(not_found)?.terms;
    let first = match paging.cursor.as_deref() {
        None => terms.first_day,
        Some(cursor) => Day::parse(cursor).ok_or_else(no_cursor)?.max(terms.first_day),
    };
    let days = (first.days()..=terms.last_day.days()).filter_map(Day::from_days);
    let now = state.now();
    let items = days.clone().take(limit).map(|day| Commitment::of(terms, day, now)).collect();
    let next_cursor = days.clone().nth(limit).map(|day| day.to_string());
    Ok(json(&CommitmentPage { items, next_cursor }))
}
