//! The clock of a sandbox: look at it, move it ahead.
//!
//! Moving leaves nothing out: whatever falls due on the way runs at its time and in its order,
//! until all that follows from it is done; then the clock goes on to the next. The answer comes when
//! it is where it was to go. Who does not wait for that does not stop it.
//!
//! Without `--sandbox` there is no such clock, and nothing is found here.

use actix_web::HttpRequest;
use actix_web::web::Payload;
use bursar_actors::clock::{Clock, ClockError, MovableClock};
use bursar_actors::scheduler::{self, MoveError, Moved};
use bursar_domain::code::Code;
use bursar_domain::time::Timestamp;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span};
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;
use utoipa::ToSchema;

use crate::http::problem::Problem;
use crate::http::{Answered, Shared, State, body, json};

/// The clock.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClockState {
    /// What it shows.
    now: String,
    /// How far it is ahead of the machine's, in milliseconds.
    offset_ms: i64,
    /// Whether it is being moved.
    moving: bool,
    /// How many instants for which something waited were on the way that it was moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<u64>,
}

/// Where the clock is to go; one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoveClock {
    /// So far ahead: an ISO 8601 duration.
    #[schema(example = "P7D")]
    advance: Option<String>,
    /// To this instant.
    #[schema(example = "2027-01-01T00:00:00Z")]
    set: Option<String>,
}

/// The furthest that the clock goes at a time, in milliseconds: ten years. Each day on the way may
/// have a run over the advances, and each takes some time.
const FURTHEST_MS: i64 = 10 * 366 * 24 * 3_600_000;

fn movable(state: &State) -> Result<&MovableClock, Problem> {
    state.movable_clock.as_ref().ok_or_else(|| {
        let detail = "only the clock of a server that was started with --sandbox can be moved";
        Problem::new(Code::NotFound, detail)
    })
}

fn shown(state: &State, clock: &MovableClock, steps: Option<u64>) -> ClockState {
    ClockState {
        now: clock.now().to_string(),
        offset_ms: clock.offset_ms(),
        moving: state.moving.load(Ordering::Relaxed) > 0,
        steps,
    }
}

/// What the clock shows.
#[utoipa::path(get, path = "/admin/clock", tag = "admin", responses(
    (status = 200, body = ClockState), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn get(state: Shared) -> Answered {
    Ok(json(&shown(&state, movable(&state)?, None)))
}

/// Moves the clock ahead. All work that falls due in between runs, in the order of its due times.
#[utoipa::path(post, path = "/admin/clock", tag = "admin", request_body = MoveClock, responses(
    (status = 200, body = ClockState), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn advance(state: Shared, request: HttpRequest, mut payload: Payload) -> Answered {
    let clock = movable(&state)?.clone();
    let bytes = state.json(&request, &mut payload).await?;
    let target = target(&body::parse::<MoveClock>(&bytes)?, clock.now())?;
    let (moving, way) = (state.clone(), clock.clone());
    // A task of its own: who asked may go away in between.
    let moved = actix_web::rt::spawn(async move {
        moving.moving.fetch_add(1, Ordering::Relaxed);
        let moved = scheduler::run_until(&moving.engine, &way, target, |step| {
            tracing::debug!(at = %step.at, "the clock was moved to what was due");
        })
        .await;
        moving.moving.fetch_sub(1, Ordering::Relaxed);
        moved
    });
    let moved = moved.await.map_err(|_| Problem::stopping())?;
    let Moved { steps, .. } = moved.map_err(refused)?;
    Ok(json(&shown(&state, &clock, Some(steps))))
}

fn refused(error: MoveError) -> Problem {
    match error {
        MoveError::Stopped(_) => Problem::stopping(),
        MoveError::Clock(error @ (ClockError::Back { .. } | ClockError::Late { .. })) => {
            Problem::new(Code::ClockMovesForward, error.to_string())
        }
        MoveError::Clock(error @ (ClockError::Damaged { .. } | ClockError::Io { .. })) => {
            tracing::error!("the clock was not moved: {error}");
            Problem::stopping()
        }
    }
}

/// Where the clock is to go, when it shows `now`.
pub(crate) fn target(body: &MoveClock, now: Timestamp) -> Result<Timestamp, Problem> {
    let to = wanted(body, now)?;
    if to.millis().saturating_sub(now.millis()) > FURTHEST_MS {
        let detail = "the clock goes at most ten years ahead at a time";
        let pointer = if body.set.is_some() { "/set" } else { "/advance" };
        return Err(Problem::field(Code::InvalidField, pointer, detail));
    }
    Ok(to)
}

fn wanted(body: &MoveClock, now: Timestamp) -> Result<Timestamp, Problem> {
    match (&body.advance, &body.set) {
        (Some(advance), None) => ahead(now, advance),
        (None, Some(set)) => Timestamp::parse(set).ok_or_else(|| {
            let detail = "an instant such as 2027-01-01T00:00:00Z";
            Problem::field(Code::InvalidField, "/set", detail)
        }),
        (Some(_), Some(_)) | (None, None) => {
            let detail = "say either how far the clock is to go (\"advance\": \"P7D\") or where to \
                          (\"set\": \"2027-01-01T00:00:00Z\")";
            Err(Problem::new(Code::MalformedRequest, detail))
        }
    }
}

fn ahead(now: Timestamp, advance: &str) -> Result<Timestamp, Problem> {
    let wrong = || {
        let detail = "an ISO 8601 duration that is not negative, such as P7D or PT36H";
        Problem::field(Code::InvalidField, "/advance", detail)
    };
    let span: Span = advance.parse().map_err(|_| wrong())?;
    if span.is_negative() {
        return Err(wrong());
    }
    let instant = jiff::Timestamp::UNIX_EPOCH + SignedDuration::from_millis(now.millis());
    let moved = instant.to_zoned(TimeZone::UTC).checked_add(span).map_err(|_| wrong())?;
    Timestamp::from_millis(moved.timestamp().as_millisecond()).ok_or_else(wrong)
}
