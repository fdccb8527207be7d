//! How a gateway stands, for operators: `GET /admin/gateways`.
//!
//! Taken by the gateway's actor between two turns, so its numbers belong together. Instants are
//! those of the service's clock. No secrets: an address prints without credentials, a fault is what
//! was seen, not what was sent.

use std::time::Duration;

use bursar_domain::call::{Lane, Party};
use bursar_domain::time::Timestamp;

use super::breaker;
use super::core::{Counts, GatewayCore};

/// How a gateway stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewayState {
    /// Whose gateway it is.
    pub party: Party,
    /// Where the party is, without secrets.
    pub address: Box<str>,
    /// How many calls wait in each lane, in the order of [`Lane::ALL`].
    pub waiting: [usize; 3],
    /// How long a new call would wait in each lane, in milliseconds.
    pub estimated_wait_ms: [u64; 3],
    /// How long the oldest waiting call has waited, in milliseconds; 0 when none waits.
    pub oldest_wait_ms: u64,
    /// From how many waiting calls on the edge lets nobody in.
    pub queue_max: usize,
    /// Whether it does now.
    pub full: bool,
    /// How many calls are on their way.
    pub in_flight: usize,
    /// How many may be.
    pub concurrency: usize,
    /// How many may go out in any second; `None` is without limit.
    pub rate_per_s: Option<u32>,
    /// How the circuit breaker stands.
    pub breaker: breaker::State,
    /// Until when the party asked to be left alone, if that is not over.
    pub paused_until: Option<Timestamp>,
    /// What was counted since the start.
    pub counts: Counts,
    /// The last fault that was seen, and when.
    pub last_error: Option<(Box<str>, Timestamp)>,
}

/// What a state says that the gateway's rules do not know.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// Whose gateway it is.
    pub party: Party,
    /// Where the party is, without secrets.
    pub address: &'a str,
    /// Since when the gateway runs, on its own time.
    pub since_start: Duration,
    /// The time of the service's clock.
    pub now: Timestamp,
}

impl GatewayState {
    /// The state of a gateway.
    pub fn of(core: &GatewayCore, around: Surroundings<'_>) -> Self {
        let limits = core.limits();
        let until = |at: Duration| millis(at.saturating_sub(around.since_start));
        let ago = |at: Duration| millis(around.since_start.saturating_sub(at));
        let paused = until(core.paused_until());
        let wait = |lane| until(core.held_until()).saturating_add(millis(core.estimate(lane)));
        Self {
            party: around.party,
            address: around.address.into(),
            waiting: core.waiting(),
            estimated_wait_ms: Lane::ALL.map(wait),
            oldest_wait_ms: core.oldest().map_or(0, ago),
            queue_max: limits.queue_max,
            full: core.is_full(),
            in_flight: core.in_flight(),
            concurrency: limits.concurrency.get(),
            rate_per_s: limits.rate_per_s.map(std::num::NonZeroU32::get),
            breaker: core.breaker(),
            paused_until: (paused > 0).then(|| later(around.now, paused)),
            counts: core.counts(),
            last_error: core
                .fault()
                .map(|fault| (fault.reason.clone(), earlier(around.now, ago(fault.at)))),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn later(now: Timestamp, millis: u64) -> Timestamp {
    let then = now.millis().saturating_add_unsigned(millis);
    Timestamp::from_millis(then).unwrap_or(now)
}

fn earlier(now: Timestamp, millis: u64) -> Timestamp {
    let then = now.millis().saturating_sub_unsigned(millis);
    Timestamp::from_millis(then).unwrap_or(now)
}
