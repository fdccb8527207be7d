//! A deal's investments, by ticket.
//!
//! Tickets are in the deal's records, oldest first. How each investment stands is known by the
//! deal's line and by its saga; both are asked for many at a time. A filter that finds little ends
//! a page early; `next_cursor` goes on.

use std::collections::VecDeque;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::Path;
use bursar_actors::job::{Answer, Ask};
use bursar_domain::code::Code;
use bursar_domain::deal::{Decision, Standing};
use bursar_domain::id::{EntityId, InvestmentId, Seq};
use bursar_domain::record::Record;
use bursar_domain::saga::Saga;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::current::{Current, Place, Status, Ticket, in_line};
use super::view::Investment;
use crate::http::deals::{self, deal_in_path};
use crate::http::history::Forwards;
use crate::http::problem::Problem;
use crate::http::resources::{deal_of, saga_of};
use crate::http::steps::Course;
use crate::http::{Answered, Shared, State, entries, json, query};

/// How many records are looked at for one page at the most.
const LOOK_MAX: usize = 5_000;
/// How many records are read first.
const PIECE: usize = 100;

/// Which investments are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InvestmentFilters {
    /// Only these: a status as an investment has it.
    status: Option<String>,
    /// 1 to 500; 50 when it is not said.
    limit: Option<usize>,
    /// Where to go on; carries the filters of the first page.
    cursor: Option<String>,
}

/// A page of investments.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvestmentPage {
    /// Ascending by ticket; without steps.
    items: Vec<Investment>,
    /// Give this as `cursor` for the next page; null at the end.
    next_cursor: Option<String>,
}

/// Where a page begins and what is shown on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    after: Seq,
    status: Option<Status>,
}

impl Scope {
    fn of(filters: &InvestmentFilters) -> Result<Self, Problem> {
        let malformed = |detail: String| Problem::new(Code::MalformedRequest, detail);
        if let Some(cursor) = &filters.cursor {
            let detail = "the cursor is not one that was given; begin without it".to_owned();
            return Self::from_cursor(cursor).ok_or_else(|| malformed(detail));
        }
        let status = filters.status.as_deref().map(|name| {
            let words = Status::ALL.map(Status::as_str).join(", ");
            Status::from_name(name).ok_or_else(|| malformed(format!("status is one of {words}")))
        });
        Ok(Self { after: Seq(0), status: status.transpose()? })
    }

    /// Written for a client.
    pub(crate) fn cursor(self) -> String {
        format!("{}.{}", self.after, self.status.map(Status::as_str).unwrap_or_default())
    }

    /// Read again; `None` when it is not one that was written.
    pub(crate) fn from_cursor(text: &str) -> Option<Self> {
        let (after, status) = text.split_once('.')?;
        let status = match status {
            "" => None,
            name => Some(Status::from_name(name)?),
        };
        Some(Self { after: Seq(after.parse().ok()?), status })
    }
}

/// A deal's investments, by ticket.
#[utoipa::path(get, path = "/v1/deals/{id}/investments", tag = "investments",
    params(("id" = String, Path, description = "The deal"), InvestmentFilters), responses(
    (status = 200, body = InvestmentPage), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn list(state: Shared, request: HttpRequest, id: Path<String>) -> Answered {
    let deal = deal_in_path(&id)?;
    let filters: InvestmentFilters = query(&request)?;
    let limit = entries::limit(filters.limit)?;
    let mut scope = Scope::of(&filters)?;
    let records = Forwards::begin(&state, &EntityId::deal(&deal), scope.after, PIECE).await?;
    let mut records = records.ok_or_else(deals::not_found)?;
    let (mut items, mut looked, mut ended) = (Vec::new(), 0, false);
    while items.len() < limit && looked < LOOK_MAX && !ended {
        let batch = records.next(&state).await?;
        let last_ticket = deal_of(&records.seen).ok_or_else(deals::not_found)?.last_ticket;
        looked += batch.len();
        ended = batch.is_empty();
        let ticket = |(seq, record): &(Seq, Record)| {
            let id = InvestmentId { deal: deal.clone(), seq: *seq };
            Some(Arc::new(Ticket::of(&id, record)?))
        };
        let mut tickets: VecDeque<Arc<Ticket>> = batch.iter().filter_map(ticket).collect();
        while !tickets.is_empty() && items.len() < limit {
            // No more than can be shown are asked after, unless a filter drops some of them.
            let piece = tickets.len().min(limit - items.len());
            for current in standing(&state, tickets.drain(..piece).collect()).await? {
                scope.after = current.ticket.id.seq;
                ended = current.ticket.ticketed.ticket >= last_ticket;
                if scope.status.is_none_or(|status| current.status() == status) {
                    items.push(Investment::short(&current));
                }
            }
        }
        if let (true, Some((last, _))) = (tickets.is_empty(), batch.last()) {
            scope.after = *last;
        }
    }
    let next_cursor = (!ended).then(|| scope.cursor());
    Ok(json(&InvestmentPage { items, next_cursor }))
}

/// A ticket, what became of it as far as that is known, and whether its saga is still to be asked.
struct Found {
    current: Current,
    ask_saga: bool,
}

/// Where tickets stand, in their order. Who was given a place at once is known by the saga alone;
/// of those who waited, the deal says how they stand in line.
async fn standing(state: &State, tickets: Vec<Arc<Ticket>>) -> Result<Vec<Current>, Problem> {
    let sagas: Vec<Option<Arc<Saga>>> = tickets.iter().map(|ticket| shown(state, ticket)).collect();
    let waited = |ticket: &Ticket, saga: &Option<_>| {
        matches!(ticket.ticketed.decision, Decision::Waiting(_)) && saga.is_none()
    };
    let asked = tickets.iter().zip(&sagas).filter(|(ticket, saga)| waited(ticket, saga));
    let ask = |(ticket, _): (&Arc<Ticket>, _)| {
        (EntityId::deal(&ticket.id.deal), Ask::Investment(ticket.id.seq))
    };
    let asks = asked.map(ask).collect();
    let mut answers = state.engine.ask_all(asks).await.answers().await.into_iter();
    let mut found = Vec::with_capacity(tickets.len());
    for (ticket, saga) in tickets.into_iter().zip(sagas) {
        if let Decision::Refused { .. } = ticket.ticketed.decision {
            found.push(Found { current: Current::begun(ticket), ask_saga: false });
            continue;
        }
        let mut standing = Standing::Beyond;
        if waited(&ticket, &saga) {
            let Some(Answer::Investment { standing: Some(line), .. }) = answers.next() else {
                return Err(Problem::overloaded());
            };
            standing = line;
        }
        let place = in_line(state, &ticket.id, standing).await?;
        let ask_saga = place.is_none() && saga.is_none();
        let place = place.unwrap_or_else(|| given(saga));
        found.push(Found { current: Current { ticket, place }, ask_saga });
    }
    with_sagas(state, found).await
}

/// The saga of a ticket, when it is in memory.
fn shown(state: &State, ticket: &Ticket) -> Option<Arc<Saga>> {
    state.engine.see(&ticket.id.saga()).as_ref().and_then(saga_of).cloned()
}

fn given(saga: Option<Arc<Saga>>) -> Place {
    Place::Given(Course { saga, compensation: None })
}

/// Asks the sagas that are not in memory.
async fn with_sagas(state: &State, mut found: Vec<Found>) -> Result<Vec<Current>, Problem> {
    let asked = found.iter().filter(|found| found.ask_saga);
    let asks = asked.map(|found| (found.current.ticket.id.saga(), Ask::Summary)).collect();
    let mut answers = state.engine.ask_all(asks).await.answers().await.into_iter();
    for found in found.iter_mut().filter(|found| found.ask_saga) {
        let Some(Answer::Summary(seen)) = answers.next() else {
            return Err(Problem::overloaded());
        };
        found.current.place = given(seen.as_ref().and_then(saga_of).cloned());
    }
    Ok(found.into_iter().map(|found| found.current).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_with_its_filter() {
        for status in [None, Some(Status::Collecting)] {
            let scope = Scope { after: Seq(42), status };
            assert_eq!(Scope::from_cursor(&scope.cursor()), Some(scope));
        }
        for bad in ["", "x", "1", ".", "1.bad", "1.open.2", "-1."] {
            assert_eq!(Scope::from_cursor(bad), None, "{bad}");
        }
    }
}
