//! How a call is carried out: when it is done, whether it is, and whether its answer leaves.
//!
//! What is done is done by a closure that is run at most once, under the lock and all at once. When
//! that is to be later (latency, `slow`), it waits in a task of its own: a client that leaves does
//! not stop what its call began, as with a real third party.
//!
//! | Mode | done | answer |
//! |---|---|---|
//! | none, `decline`, `pending` | after the latency | at once |
//! | `cut`, `contradict` | nothing is to be done | after the latency, spoiled by [`crate::report`] |
//! | `slow` | after latency and delay | at once |
//! | `error`, `rate-limit` | never | after the latency |
//! | `timeout` | never | none; cut after latency and delay |
//! | `lose-answer` | after the latency | none; cut after the delay |

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};
use tokio::time::sleep;

use crate::calls::{Ending, Route};
use crate::desk::{Desk, Shared, Visit};
use crate::faults::{Mode, Then};
use crate::line;
use crate::problem::{Answered, Code, Problem, told};

/// The code of what is declined when the fault names none.
const DECLINED_CODE: &str = "insufficient-funds";

/// How a call is to end, as far as that is decided from outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// By the rules.
    Fair,
    /// With no, for this reason.
    Declined(Arc<str>),
    /// Not yet: after the delay it succeeds, or is declined with the code.
    Pending {
        /// From now.
        delay: Duration,
        /// Why it is declined in the end.
        code: Option<Arc<str>>,
    },
    /// Never.
    Silent,
}

impl Verdict {
    /// That of a declining fault.
    pub(crate) fn declined(code: Option<Arc<str>>) -> Self {
        Self::Declined(code.unwrap_or_else(|| DECLINED_CODE.into()))
    }

    /// That of a fault that leaves it pending.
    fn pending(delay: Duration, then: Option<Then>, code: Option<Arc<str>>) -> Self {
        let code = match then {
            None | Some(Then::Succeeded) => code,
            Some(Then::Failed) => Some(code.unwrap_or_else(|| DECLINED_CODE.into())),
            Some(Then::Silent) => return Self::Silent,
        };
        Self::Pending { delay, code }
    }
}

/// Admits a call, does the rest and counts how it ended.
pub(crate) async fn counted(
    desk: &Desk,
    route: Route,
    rest: impl Future<Output = Answered>,
) -> HttpResponse {
    if let Err(problem) = desk.admit(route) {
        return problem.response();
    }
    let answer = rest.await;
    match answer.as_ref().map_err(Problem::code) {
        // Counted when it was decided, because its client may leave first.
        Err(Code::NoAnswer) => {}
        Err(Code::RateLimited) => desk.ended(route, Ending::Throttled),
        Ok(_) | Err(_) => desk.ended(route, Ending::Answered),
    }
    told(answer)
}

/// Carries out a call: `work` is what it does.
pub(crate) async fn carry_out(
    desk: Shared,
    request: &HttpRequest,
    route: Route,
    visit: Visit,
    work: impl FnOnce(&Desk, Verdict) -> Answered + 'static,
) -> Answered {
    let Visit { latency, strike } = visit;
    let Some(strike) = strike else { return after(latency, desk, Verdict::Fair, work).await };
    match strike.mode {
        Mode::Decline => after(latency, desk, Verdict::declined(strike.code), work).await,
        Mode::Pending => {
            let verdict = Verdict::pending(strike.delay, strike.then, strike.code);
            after(latency, desk, verdict, work).await
        }
        Mode::Cut | Mode::Contradict => after(latency, desk, Verdict::Fair, work).await,
        Mode::Slow => after(latency.saturating_add(strike.delay), desk, Verdict::Fair, work).await,
        Mode::Error => {
            sleep(latency).await;
            Err(Problem::new(Code::InternalError, "a fault of the sandbox; nothing was done"))
        }
        Mode::RateLimit => {
            sleep(latency).await;
            Err(Problem::rate_limited(strike.delay))
        }
        Mode::Timeout => {
            desk.ended(route, Ending::Silent);
            Err(line::hold_and_cut(request, latency.saturating_add(strike.delay)).await)
        }
        Mode::LoseAnswer => {
            desk.ended(route, Ending::Silent);
            drop(after(latency, desk, Verdict::Fair, work).await);
            Err(line::hold_and_cut(request, strike.delay).await)
        }
    }
}

/// Does the work after a while, whether or not the client still waits for it.
async fn after(
    wait: Duration,
    desk: Shared,
    verdict: Verdict,
    work: impl FnOnce(&Desk, Verdict) -> Answered + 'static,
) -> Answered {
    if wait.is_zero() {
        return work(&desk, verdict);
    }
    let waiting = desk.waiting().ok_or_else(Problem::full)?;
    let task = actix_web::rt::spawn(async move {
        sleep(wait).await;
        drop(waiting);
        work(&desk, verdict)
    });
    let stopping = |_| Err(Problem::new(Code::InternalError, "the sandbox is stopping"));
    task.await.unwrap_or_else(stopping)
}
