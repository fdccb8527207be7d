//! Reimbursements: what a provider was and will be paid on its calendar.
//!
//! Each names its decision in its id, and each decision has a link to the one before; so they are
//! found without an index, newest first. What one pays is in `closing`, its lines by member are in
//! `lines`, and how it is shown is in `view`.

pub(super) mod closing;
mod lines;
pub(crate) mod view;

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::Path;
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, ProviderId, ReimbursementId, Seq};
use bursar_domain::provider::Summary;
use bursar_domain::saga::Saga;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{hex, provider_in_path};
use crate::http::problem::Problem;
use crate::http::resources::{provider_of, saga_of};
use crate::http::steps::Course;
use crate::http::{Answered, Shared, State, entries, json, listing, query};
use closing::{Closing, Span};
use view::{Reimbursement, ReimbursementDetail, ReimbursementPage};

/// How many members one page shows when it is not said, and at the most. Each page reads all lines
/// of the reimbursement, so pages are larger than elsewhere.
const MEMBERS: usize = 500;
const MEMBERS_MAX: usize = 10_000;

/// Which reimbursements are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReimbursementFilters {
    /// 1 to 500; 50 when it is not said.
    limit: Option<usize>,
    /// Where to go on.
    cursor: Option<String>,
}

/// Which members' lines are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MemberFilters {
    /// How many members, 1 to 10000; 500 when it is not said.
    limit: Option<usize>,
    /// Where to go on.
    cursor: Option<String>,
}

/// There is no such reimbursement.
pub(super) fn not_found() -> Problem {
    Problem::new(Code::ReimbursementNotFound, "the provider has no such reimbursement")
}

/// The position in the id of a provider's reimbursement.
pub(super) fn in_text(provider: &ProviderId, text: &str) -> Result<Seq, Problem> {
    let id = ReimbursementId::parse(text).filter(|id| id.provider == *provider);
    Ok(id.ok_or_else(not_found)?.seq)
}

fn malformed_cursor() -> Problem {
    Problem::new(Code::MalformedRequest, "the cursor is not one that was given; begin without it")
}

/// How a provider stands with all that it has decided.
async fn standing(state: &State, provider: &ProviderId) -> Result<Summary, Problem> {
    let seen = state.look(&EntityId::provider(provider)).await?;
    seen.as_ref().and_then(provider_of).cloned().ok_or_else(super::not_found)
}

/// A closing with what it pays, and the closing before it.
async fn with_span(
    state: &State,
    provider: &ProviderId,
    closing: &Closing,
) -> Result<(Span, Option<Closing>), Problem> {
    let previous = closing.previous(state, provider).await?;
    let after = previous.as_ref().map_or(0, |previous| previous.closed.period.number);
    let within = (closing.seq.next(), after);
    let span = Span::of(state, provider, &closing.closed.period, within).await?;
    Ok((span, previous))
}

/// What a provider was and will be paid, newest first.
#[utoipa::path(get, path = "/v1/providers/{id}/reimbursements", tag = "providers",
    params(("id" = String, Path, description = "The provider"), ReimbursementFilters), responses(
    (status = 200, body = ReimbursementPage), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn list(state: Shared, request: HttpRequest, id: Path<String>) -> Answered {
    let provider = provider_in_path(&id)?;
    let filters: ReimbursementFilters = query(&request)?;
    let limit = entries::limit(filters.limit)?;
    let summary = standing(&state, &provider).await?;
    let mut items = Vec::new();
    let mut next = match &filters.cursor {
        None => {
            let last = last(&state, &provider, &summary).await?;
            items.extend(running(&state, &provider, &summary, last.as_ref()).await?);
            last
        }
        Some(cursor) => {
            let seq = Seq(cursor.parse().map_err(|_| malformed_cursor())?);
            let closing = Closing::find(&state, &provider, seq).await?;
            Some(closing.ok_or_else(malformed_cursor)?)
        }
    };
    let mut closed = Vec::new();
    while let Some(closing) = next.take_if(|_| items.len() + closed.len() < limit) {
        let (span, previous) = with_span(&state, &provider, &closing).await?;
        closed.push((closing, span));
        next = previous;
    }
    let sagas = sagas(&state, &provider, &closed).await?;
    items.extend(closed.iter().map(|(closing, span)| {
        let saga = sagas.get(&closing.seq);
        Reimbursement::closed(&provider, &summary, (closing, span), saga)
    }));
    let next_cursor = next.map(|closing| closing.seq.to_string());
    Ok(json(&ReimbursementPage { items, next_cursor }))
}

/// The last closing.
async fn last(
    state: &State,
    provider: &ProviderId,
    summary: &Summary,
) -> Result<Option<Closing>, Problem> {
    match summary.last_reimbursement {
        Some(seq) => Closing::find(state, provider, seq).await,
        None => Ok(None),
    }
}

/// The running period, if there is one.
async fn running(
    state: &State,
    provider: &ProviderId,
    summary: &Summary,
    last: Option<&Closing>,
) -> Result<Option<Reimbursement>, Problem> {
    let Some(period) = &summary.period else { return Ok(None) };
    let after = last.map_or(0, |last| last.closed.period.number);
    let span = Span::of(state, provider, period, (Seq(u64::MAX), after)).await?;
    Ok(Some(Reimbursement::running(summary, period, &span)))
}

/// The sagas of closings.
async fn sagas(
    state: &State,
    provider: &ProviderId,
    closed: &[(Closing, Span)],
) -> Result<HashMap<Seq, Arc<Saga>>, Problem> {
    let saga = |(closing, _): &(Closing, Span)| {
        ReimbursementId { provider: provider.clone(), seq: closing.seq }.saga()
    };
    let found = listing::standing(state, closed.iter().map(saga).collect()).await?;
    let of_seq = found.iter().filter_map(|(id, seen)| {
        let seq = ReimbursementId::parse(&id.id)?.seq;
        Some((seq, Arc::clone(saga_of(seen)?)))
    });
    Ok(of_seq.collect())
}

/// What a provider is paid for a period, with its lines by member.
#[utoipa::path(get, path = "/v1/providers/{id}/reimbursements/{rmb}", tag = "providers",
    params(("id" = String, Path, description = "The provider"),
        ("rmb" = String, Path, description = "The reimbursement"), MemberFilters), responses(
    (status = 200, body = ReimbursementDetail), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn get(
    state: Shared,
    request: HttpRequest,
    path: Path<(String, String)>,
) -> Answered {
    let provider = provider_in_path(&path.0)?;
    let filters: MemberFilters = query(&request)?;
    let limit = filters.limit.unwrap_or(MEMBERS);
    if !(1..=MEMBERS_MAX).contains(&limit) {
        let detail = format!("limit is 1 to {MEMBERS_MAX}");
        return Err(Problem::new(Code::MalformedRequest, detail));
    }
    let after = match &filters.cursor {
        Some(cursor) => Some(hex::decode(cursor).ok_or_else(malformed_cursor)?),
        None => None,
    };
    let summary = standing(&state, &provider).await?;
    let seq = in_text(&provider, &path.1)?;
    let closing = Closing::find(&state, &provider, seq).await?.ok_or_else(not_found)?;
    let (span, _) = with_span(&state, &provider, &closing).await?;
    let saga = ReimbursementId { provider: provider.clone(), seq }.saga();
    let course = Course::of(&state, &saga).await?;
    let about = (&span.sums, summary.profile.currency);
    let window = (after.as_deref(), limit);
    let (lines, more) = lines::by_member(&state, &provider, about, window).await?;
    let next_cursor = lines.last().filter(|_| more).map(|line| hex::encode(line.member()));
    let reimbursement =
        Reimbursement::closed(&provider, &summary, (&closing, &span), course.saga.as_ref());
    let steps = course.of_reimbursement(Some(closing.at));
    Ok(json(&ReimbursementDetail { reimbursement, steps, lines, next_cursor }))
}
