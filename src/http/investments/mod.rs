//! Investments: invest, look.
//!
//! An investment is the deal's decision that gave its ticket (`inv_{seq}_{deal}`); a saga then
//! brings it about. `current` finds out where one stands, `view` shows it, `cancel` takes it back,
//! `list` lists a deal's.
//!
//! Tickets are given in the order in which requests reach the deal's shard. So between the parsed
//! body and the shard's mailbox nothing is waited for: what the deal must know of the wallet is
//! taken from what is shown when the wallet is in memory, else the deal asks, with the request in
//! line.

pub(crate) mod cancel;
pub(crate) mod current;
pub(crate) mod list;
pub(crate) mod view;

use std::sync::Arc;

use actix_web::web::{Path, Payload};
use actix_web::{HttpMessage, HttpRequest};
use bursar_actors::view::Neighbour;
use bursar_domain::code::Code;
use bursar_domain::deal::Decision;
use bursar_domain::deal::command::Investor;
use bursar_domain::id::{EntityId, InvestmentId, WalletId};
use bursar_domain::wallet::command::Lookup;

use crate::http::deals::{bodies, deal_in_path};
use crate::http::prefer::{Later, Wait};
use crate::http::problem::Problem;
use crate::http::requests::MakeInvestment;
use crate::http::shell::RequestId;
use crate::http::waiters::until_ended;
use crate::http::{Answered, Shared, State, body, json, key_of};
use current::{Current, Ticket};
pub(crate) use view::Investment;

/// There is no such investment.
pub(crate) fn not_found() -> Problem {
    Problem::new(Code::InvestmentNotFound, "there is no such investment")
}

/// The investment of a path; one that this server cannot have made is not found.
pub(crate) fn investment_in_path(text: &str) -> Result<InvestmentId, Problem> {
    InvestmentId::parse(text).ok_or_else(not_found)
}

/// Where an investment is.
pub(crate) fn location(id: &InvestmentId) -> String {
    format!("/v1/investments/{id}")
}

/// What is known of a wallet without asking its shard.
fn known(state: &State, wallet: &WalletId) -> Lookup<Investor> {
    let seen = state.engine.see(&EntityId::wallet(wallet));
    match seen.and_then(|seen| seen.neighbour()) {
        Some(Neighbour::Investor(investor)) => Lookup::Found(investor),
        Some(Neighbour::Payee(_)) | None => Lookup::Open,
    }
}

/// Invests in a deal.
#[utoipa::path(post, path = "/v1/deals/{id}/investments", tag = "investments",
    params(("id" = String, Path, description = "The deal"),
        ("Idempotency-Key" = String, Header, description = "The client's own key"),
        ("Prefer" = Option<String>, Header,
            description = "`wait=N`: answer with the end if it comes within N seconds, up to 30")),
    request_body = MakeInvestment, responses(
    (status = 200, body = Investment, description = "It ended in time"),
    (status = 202, body = Investment, description = "It has a place or waits in line"),
    (status = "4XX", body = Problem,
        description = "409 with `ticket` and `investment` when there was no place"),
    (status = "5XX", body = Problem)))]
pub(crate) async fn invest(
    state: Shared,
    request: HttpRequest,
    id: Path<String>,
    mut payload: Payload,
) -> Answered {
    let bytes = state.json(&request, &mut payload).await?;
    let deal = deal_in_path(&id)?;
    let body = body::parse::<MakeInvestment<'_>>(&bytes)?;
    let operation = bodies::invest(&deal, body, key_of(&request), |id| known(&state, id))?;
    // For whoever wants to compare the order of requests with the order of tickets.
    tracing::trace!(target: "bursar::arrival", "{}", RequestId::of(&request.extensions()));
    let Some(decided) = state.decide(&request, operation).await? else {
        unreachable!("a request with a key is recorded")
    };
    let id = InvestmentId { deal, seq: decided.seq };
    let ticket = Ticket::of(&id, &decided.record).expect("whoever invests gets a ticket");
    if let Decision::Refused { rejection, request_id } = &ticket.ticketed.decision {
        let problem = Problem::rejected(rejection).with_ticket(ticket.ticketed.ticket, &id);
        return Err(problem.with_request(request_id).replayed(decided.replayed));
    }
    let (ticket, wait) = (Arc::new(ticket), Wait::of(&request));
    let current = match wait {
        Some(wait) => until(&state, Current::begun(ticket), wait).await,
        None if decided.replayed => Current::of(&state, ticket).await?,
        None => {
            let begun = Investment::begun(&Current::begun(ticket), &state.gateways);
            return Ok(Later::at(location(&id)).answer(&begun));
        }
    };
    let ended_within = wait.filter(|_| current.status().is_final());
    let later = Later { location: location(&id), replayed: decided.replayed, ended_within };
    Ok(later.answer(&Investment::whole(&current, &state.gateways)))
}

/// An investment when it has ended, or when nobody waits any longer.
async fn until(state: &State, begun: Current, wait: Wait) -> Current {
    let ticket = Arc::clone(&begun.ticket);
    let awaited = (EntityId::deal(&ticket.id.deal), ticket.id.seq);
    let look = || Current::of(state, Arc::clone(&ticket));
    let is_ended = |current: &Current| current.status().is_final();
    until_ended(state, awaited, wait.duration(), begun, look, is_ended).await
}

/// An investment with its steps.
#[utoipa::path(get, path = "/v1/investments/{id}", tag = "investments",
    params(("id" = String, Path, description = "The investment")), responses(
    (status = 200, body = Investment), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn get(state: Shared, id: Path<String>) -> Answered {
    let current = current::find(&state, &investment_in_path(&id)?).await?;
    Ok(json(&Investment::whole(&current, &state.gateways)))
}
