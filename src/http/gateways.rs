//! The gateways, for operators: how many calls wait, how long, and how the third parties answer.
//!
//! Each gateway tells its own state between two of its turns, so the numbers of one belong
//! together; those of two are of two moments. One that has ended, as when the server stops, is left
//! out. Nothing here changes anything: a gateway recovers by itself when its party does.

use actix_web::HttpResponse;
use bursar_actors::gateway::GatewayState;
use bursar_domain::call::{Lane, Party};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{Shared, json};

/// A number for each lane: who goes first, second and last.
#[derive(Serialize, ToSchema)]
pub(crate) struct Lanes {
    /// Undoing what was done.
    undo: u64,
    /// Someone waits for it.
    interactive: u64,
    /// Nobody waits for it.
    batch: u64,
}

/// What a gateway has counted since the start.
#[derive(Serialize, ToSchema)]
pub(crate) struct GatewayCounts {
    /// Calls that came.
    submitted: u64,
    /// Attempts that went out.
    sent: u64,
    /// Attempts after the first of a call.
    retried: u64,
    /// Attempts that were told to slow down.
    throttled: u64,
    /// Calls answered with what the party said.
    answered: u64,
    /// Calls whose answer is unknown.
    unknown: u64,
    /// Calls that certainly were not sent.
    not_sent: u64,
    /// Calls that came while the queue was full, and were accepted.
    over_full: u64,
}

/// A fault of a third party.
#[derive(Serialize, ToSchema)]
pub(crate) struct GatewayFault {
    /// What was seen.
    reason: String,
    at: String,
}

/// How a gateway stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct Gateway {
    /// `processor`, `documents` or `mail`.
    #[schema(example = "processor")]
    party: &'static str,
    /// Where the party is, without secrets.
    address: String,
    /// How many calls wait.
    waiting: Lanes,
    /// How long a new call would wait, in milliseconds; an estimate.
    estimated_wait_ms: Lanes,
    /// How long the oldest waiting call has waited, in milliseconds.
    oldest_wait_ms: u64,
    /// From how many waiting calls on requests that would bring more are refused.
    queue_max: usize,
    /// Whether they are refused now.
    full: bool,
    /// How many calls are on their way.
    in_flight: usize,
    /// How many may be.
    concurrency: usize,
    /// How many may go out in a second; null is without limit.
    rate_per_s: Option<u32>,
    /// The circuit breaker: `closed` (calls go through), `open` (none do), `half-open` (one does).
    #[schema(example = "closed")]
    breaker: &'static str,
    /// Until when the party asked to be left alone.
    paused_until: Option<String>,
    counts: GatewayCounts,
    last_error: Option<GatewayFault>,
}

/// All gateways.
#[derive(Serialize, ToSchema)]
pub(crate) struct GatewayList {
    items: Vec<Gateway>,
}

/// The numbers of all lanes, given in the order of [`Lane::ALL`].
fn lanes(numbers: [u64; 3]) -> Lanes {
    let of = |lane: Lane| {
        let at = Lane::ALL.iter().position(|known| *known == lane);
        numbers[at.expect("all lanes are listed")]
    };
    Lanes { undo: of(Lane::Undo), interactive: of(Lane::Interactive), batch: of(Lane::Batch) }
}

impl From<GatewayState> for Gateway {
    fn from(state: GatewayState) -> Self {
        let counts = state.counts;
        Self {
            party: Party::as_str(state.party),
            address: state.address.into(),
            waiting: lanes(state.waiting.map(|count| count as u64)),
            estimated_wait_ms: lanes(state.estimated_wait_ms),
            oldest_wait_ms: state.oldest_wait_ms,
            queue_max: state.queue_max,
            full: state.full,
            in_flight: state.in_flight,
            concurrency: state.concurrency,
            rate_per_s: state.rate_per_s,
            breaker: state.breaker.as_str(),
            paused_until: state.paused_until.map(|at| at.to_string()),
            counts: GatewayCounts {
                submitted: counts.submitted,
                sent: counts.sent,
                retried: counts.retried,
                throttled: counts.throttled,
                answered: counts.answered,
                unknown: counts.unknown,
                not_sent: counts.not_sent,
                over_full: counts.over_full,
            },
            last_error: state
                .last_error
                .map(|(reason, at)| GatewayFault { reason: reason.into(), at: at.to_string() }),
        }
    }
}

/// How every gateway stands.
#[utoipa::path(get, path = "/admin/gateways", tag = "admin", responses(
    (status = 200, body = GatewayList)))]
pub(crate) async fn list(state: Shared) -> HttpResponse {
    let states = state.gateways.states().await;
    json(&GatewayList { items: states.into_iter().map(Gateway::from).collect() })
}
