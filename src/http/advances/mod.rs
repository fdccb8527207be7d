//! Advances: open, look, list. Their daily runs are in `runs`, how one is shown in `view`.
//!
//! An advance answers 202: a saga has the processor bring the money to the customer, then its plan
//! begins. From then on the daily run collects it.

pub(crate) mod runs;
mod view;

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::{Path, Payload};
use bursar_domain::advance::{Command, Event, Profile, Status};
use bursar_domain::call::{Lane, Party};
use bursar_domain::code::Code;
use bursar_domain::id::{AdvanceId, EntityId, Kind, Seq};
use bursar_domain::plan;
use bursar_domain::record::{Record, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::operation::{KeyText, Operation, made_id};
use crate::http::prefer::{Later, Wait};
use crate::http::problem::Problem;
use crate::http::requests::OpenAdvance;
use crate::http::resources::advance_of;
use crate::http::steps::Course;
use crate::http::waiters::until_ended;
use crate::http::{Answered, Shared, State, body, entries, fields, json, key_of, listing, query};
pub(crate) use view::Advance;

/// The debits of a plan that does not say how many.
const INSTALLMENTS: u64 = 12;
/// How many advances are looked at for one page at the most.
const LOOK_MAX: usize = 5_000;

fn not_found() -> Problem {
    Problem::new(Code::AdvanceNotFound, "there is no such advance")
}

/// The advance that a body asks for, and what is asked of it.
pub(crate) fn operation(
    key_text: KeyText<'_>,
    body: OpenAdvance<'_>,
) -> Result<(AdvanceId, Operation), Problem> {
    let key_text = key_text.required()?;
    let id = AdvanceId::parse(&made_id("adv", Some(key_text))).expect("well-formed by its making");
    let (amount, currency) = fields::money(&body.amount, &body.currency)?;
    let account = fields::required(body.account, 200, "/account")?;
    let (installments, every, first_due) = match &body.plan {
        Some(plan) => (plan.installments, plan.every.as_deref(), plan.first_due.as_deref()),
        None => (None, None, None),
    };
    let plan =
        plan::Plan::new(installments.unwrap_or(INSTALLMENTS), every.unwrap_or("week"), first_due);
    let plan = plan
        .map_err(|error| Problem::field(Code::InvalidField, error.pointer(), error.to_string()))?;
    let command = Command::Open { account, amount, currency, plan };
    Ok((id.clone(), Operation::to_advance(&id, command, key_text)))
}

/// Gives money now, to be collected by scheduled debits.
#[utoipa::path(post, path = "/v1/advances", tag = "advances",
    params(("Idempotency-Key" = String, Header, description = "The client's own key"),
        ("Prefer" = Option<String>, Header,
            description = "`wait=N`: answer when the customer has the money, if it comes within N \
                           seconds, up to 30")),
    request_body = OpenAdvance, responses(
    (status = 200, body = Advance, description = "The customer has the money, or never will"),
    (status = 202, body = Advance), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn open(state: Shared, request: HttpRequest, mut payload: Payload) -> Answered {
    let bytes = state.json(&request, &mut payload).await?;
    let (id, operation) = operation(key_of(&request), body::parse(&bytes)?)?;
    runs::ensure_schedule(&state).await?;
    let Some(decided) = state.decide(&request, operation).await? else {
        unreachable!("a request with a key is recorded")
    };
    let (location, replayed) = (format!("/v1/advances/{id}"), decided.replayed);
    let mut begun = opened(&id, &decided.record);
    begun.estimated_wait_ms =
        Some(state.gateways.estimated_wait_ms(Party::Processor, Lane::Interactive));
    let wait = Wait::of(&request);
    let advance = match wait {
        Some(wait) => {
            let awaited = (EntityId::advance(&id), Seq(0));
            let look = || shown(&state, &id);
            until_ended(&state, awaited, wait.duration(), begun, look, has_begun).await
        }
        None if replayed => shown(&state, &id).await?,
        None => begun,
    };
    let ended_within = wait.filter(|_| has_begun(&advance));
    Ok(Later { location, replayed, ended_within }.answer(&advance))
}

/// Whether the credit has ended.
fn has_begun(advance: &Advance) -> bool {
    advance.status != Status::Pending.as_str()
}

fn opened(id: &AdvanceId, record: &Arc<Record>) -> Advance {
    let Verdict::Advance(events) = &record.verdict else {
        unreachable!("an advance decides for itself")
    };
    let profile = events.iter().find_map(|event| profile_of(event));
    let profile = profile.expect("an advance is asked for nothing but to be opened");
    Advance::opened(id.as_str(), profile, record.at)
}

fn profile_of(event: &Event) -> Option<&Profile> {
    if let Event::Opened(profile) = event { Some(profile) } else { None }
}

/// An advance with all that it has decided, and how far its credit is.
async fn shown(state: &State, id: &AdvanceId) -> Result<Advance, Problem> {
    let seen = state.look(&EntityId::advance(id)).await?.ok_or_else(not_found)?;
    let advance = advance_of(&seen).ok_or_else(not_found)?;
    let mut shown = Advance::seen(id.as_str(), advance, seen.version).ok_or_else(not_found)?;
    if advance.status() == Status::Pending {
        let course = Course::of(state, &EntityId::saga(id.shared())).await?;
        shown.steps = Some(course.of_credit(None));
    }
    Ok(shown)
}

/// An advance with its schedule.
#[utoipa::path(get, path = "/v1/advances/{id}", tag = "advances",
    params(("id" = String, Path, description = "The advance")), responses(
    (status = 200, body = Advance), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn get(state: Shared, id: Path<String>) -> Answered {
    let id = AdvanceId::parse(&id).ok_or_else(not_found)?;
    Ok(json(&shown(&state, &id).await?))
}

/// Which advances are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AdvanceFilters {
    /// Only these: `pending`, `active`, `failed`, `completed` or `defaulted`.
    status: Option<String>,
    /// 1 to 500; 50 when it is not said.
    limit: Option<usize>,
    /// Where to go on; carries the filters of the first page.
    cursor: Option<String>,
}

/// A page of advances.
#[derive(Serialize, ToSchema)]
pub(crate) struct AdvancePage {
    /// Ascending by id; without schedules.
    items: Vec<Advance>,
    /// Give this as `cursor` for the next page; null at the end.
    next_cursor: Option<String>,
}

const STATUSES: [Status; 5] =
    [Status::Pending, Status::Active, Status::Failed, Status::Completed, Status::Defaulted];

fn status_of(word: &str) -> Option<Status> {
    STATUSES.into_iter().find(|status| status.as_str() == word)
}

/// Where a page begins, and what is on it: `{status}.{after}`.
fn place(filters: &AdvanceFilters) -> Result<(Option<Status>, Option<String>), Problem> {
    let malformed = |detail: &str| Problem::new(Code::MalformedRequest, detail);
    if let Some(cursor) = &filters.cursor {
        let wrong = || malformed("the cursor is not one that was given; begin without it");
        let (status, after) = cursor.split_once('.').ok_or_else(wrong)?;
        let after = AdvanceId::parse(after).ok_or_else(wrong)?.to_string();
        let status = match status {
            "" => None,
            word => Some(status_of(word).ok_or_else(wrong)?),
        };
        return Ok((status, Some(after)));
    }
    let unknown = || malformed("status is one of pending, active, failed, completed, defaulted");
    let status = filters.status.as_deref().map(|word| status_of(word).ok_or_else(unknown));
    Ok((status.transpose()?, None))
}

/// Advances, ascending by id.
#[utoipa::path(get, path = "/v1/advances", tag = "advances", params(AdvanceFilters), responses(
    (status = 200, body = AdvancePage), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn list(state: Shared, request: HttpRequest) -> Answered {
    let filters: AdvanceFilters = query(&request)?;
    let limit = entries::limit(filters.limit)?;
    let (status, mut after) = place(&filters)?;
    let (mut items, mut looked, mut more) = (Vec::new(), 0, true);
    while more && items.len() < limit && looked < LOOK_MAX {
        let wanted = limit - items.len();
        let mut ids =
            listing::ids_after(&state, Kind::Advance, after.as_deref(), wanted + 1).await?;
        more = ids.len() > wanted;
        ids.truncate(wanted);
        looked += ids.len();
        after = ids.last().map(|id| id.id.to_string()).or(after);
        for (id, seen) in listing::standing(&state, ids).await? {
            let Some(advance) = advance_of(&seen) else { continue };
            if status.is_none_or(|status| advance.status() == status) {
                items.extend(Advance::brief(&id.id, advance, seen.version));
            }
        }
    }
    let word = status.map(Status::as_str).unwrap_or_default();
    let next_cursor = after.filter(|_| more).map(|after| format!("{word}.{after}"));
    Ok(json(&AdvancePage { items, next_cursor }))
}
