//! What goes wrong on the way to a third party and back, and when.
//!
//! A fault plan says for every attempt what befalls it. How a fault looks from both sides stands in
//! one table: when the request arrives, if it does, what the party does with it, and what the caller
//! is told when.

use std::collections::{BTreeMap, VecDeque};

use bursar_domain::call::Reply;

use crate::chance::Chance;
use crate::parties::{Conduct, Route};

/// How long a gateway waits for an answer.
const TIMEOUT_MS: i64 = 5_000;
/// How long a request that was cut off may still be on its way; less than the policy's `settle_ms`.
pub(crate) const STRAY_MS: i64 = 1_500;
/// How long what is pending stays so.
const PENDING_MS: i64 = 3_000;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Fault {
    /// A definite no.
    Decline,
    /// 5xx; nothing is done.
    Error,
    /// No answer in time; nothing is done.
    Timeout,
    /// It is done; the answer is lost.
    LoseAnswer,
    /// No answer in time; it is done afterwards.
    Slow,
    /// It is done at once; the answer takes its time.
    Lag,
    /// It is done and answered after the deadline of the step.
    Late,
    /// Booked, and decided later.
    Pending,
    /// Booked, and declined later.
    PendingDecline,
    /// It never left.
    NotSent,
    /// It is done; the answer cannot be read.
    Garbage,
}

impl Fault {
    pub(crate) const ALL: [Self; 11] = [
        Self::Decline,
        Self::Error,
        Self::Timeout,
        Self::LoseAnswer,
        Self::Slow,
        Self::Lag,
        Self::Late,
        Self::Pending,
        Self::PendingDecline,
        Self::NotSent,
        Self::Garbage,
    ];

    /// Whether the contract lets it befall such a call.
    pub(crate) fn befalls(self, route: Route) -> bool {
        match self {
            Self::Decline => route != Route::Find,
            Self::Pending | Self::PendingDecline => {
                matches!(route, Route::Pull | Route::Push | Route::Refund)
            }
            Self::Error
            | Self::Timeout
            | Self::LoseAnswer
            | Self::Slow
            | Self::Lag
            | Self::Late
            | Self::NotSent
            | Self::Garbage => true,
        }
    }
}

/// What befalls which attempt.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// These, one attempt after another; then nothing.
    Script(BTreeMap<Route, VecDeque<Fault>>),
    /// One of so many per cent of the attempts, until some instant.
    Random { percent: u64, until: i64 },
}

impl Plan {
    pub(crate) fn fair() -> Self {
        Self::Script(BTreeMap::new())
    }

    /// The first `count` attempts of a route fail in one way.
    pub(crate) fn first(route: Route, count: usize, fault: Fault) -> Self {
        Self::fair().and(route, count, fault)
    }

    pub(crate) fn and(mut self, route: Route, count: usize, fault: Fault) -> Self {
        let Self::Script(script) = &mut self else { unreachable!("only a script goes on") };
        script.entry(route).or_default().extend(std::iter::repeat_n(fault, count));
        self
    }

    pub(crate) fn next(&mut self, route: Route, now: i64, chance: &mut Chance) -> Option<Fault> {
        match self {
            Self::Script(script) => script.get_mut(&route)?.pop_front(),
            Self::Random { percent, until } if now < *until && chance.of(*percent) => {
                let fault = Fault::ALL[chance.below(Fault::ALL.len())];
                fault.befalls(route).then_some(fault)
            }
            Self::Random { .. } => None,
        }
    }
}

/// How an attempt goes.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    /// When the request arrives.
    pub(crate) arrives_at: Option<i64>,
    pub(crate) conduct: Conduct,
    pub(crate) answers_at: i64,
    /// What is told, if not what the party says.
    pub(crate) told: Option<Reply>,
}

impl Course {
    pub(crate) fn of(fault: Option<Fault>, now: i64, latency: i64, patience_ms: i64) -> Self {
        let (soon, timeout) = (now + latency, now + TIMEOUT_MS);
        let late = now + patience_ms + 1_000;
        let unknown = |reason: &str| Some(Reply::Unknown { reason: reason.into() });
        let course = |arrives_at: Option<i64>, answers_at: i64, told: Option<Reply>| Self {
            arrives_at,
            conduct: Conduct::Fair,
            answers_at,
            told,
        };
        let pending = |succeeds| Self {
            conduct: Conduct::Pending { until: soon + PENDING_MS, succeeds },
            ..course(Some(soon), soon + latency, None)
        };
        match fault {
            None => course(Some(soon), soon + latency, None),
            Some(Fault::Decline) => {
                Self { conduct: Conduct::Decline, ..course(Some(soon), soon + latency, None) }
            }
            Some(Fault::Error) => course(None, soon, unknown("500")),
            Some(Fault::Timeout) => course(None, timeout, unknown("no answer in time")),
            Some(Fault::LoseAnswer) => course(Some(soon), timeout, unknown("no answer in time")),
            Some(Fault::Slow) => {
                course(Some(timeout + STRAY_MS), timeout, unknown("no answer in time"))
            }
            Some(Fault::Lag) => course(Some(soon), timeout - latency, None),
            Some(Fault::Late) => course(Some(late), late + latency, None),
            Some(Fault::Pending) => pending(true),
            Some(Fault::PendingDecline) => pending(false),
            Some(Fault::NotSent) => {
                course(None, soon, Some(Reply::NotSent { reason: "the breaker is open".into() }))
            }
            Some(Fault::Garbage) => course(Some(soon), soon + latency, unknown("<html>")),
        }
    }
}
