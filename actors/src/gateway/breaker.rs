//! The circuit breaker: a party that keeps failing is left alone for a while.
//!
//! Closed: all goes through, and failures in a row are counted. Open: nothing goes through until a
//! cooldown is over. Half open: one call goes through as a probe; its end closes the breaker or
//! opens it again. *(Michael Nygard, "Release It!", 2007.)*
//!
//! A call that ends while the breaker is open, or half open and waiting for another call, was sent
//! before and says nothing about now: it does not count. An end that says nothing about the
//! party's health (it was told to slow down) leaves the count alone and gives the probe back.
//!
//! Invariant: half open, at most one call is on its way that was sent since.

use std::time::Duration;

use super::queue::Ticket;

/// When the breaker opens and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// After how many failures in a row it opens; at least 1.
    pub after: u32,
    /// How long it stays open before a probe.
    pub cooldown: Duration,
}

/// What the end of a call says of the party.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Health {
    /// It answers.
    Alive,
    /// It does not answer, or not in its right mind.
    Failing,
    /// Neither.
    Unsaid,
}

/// How the breaker stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Calls go through.
    Closed,
    /// No call goes through.
    Open,
    /// One call goes through as a probe.
    HalfOpen,
}

impl State {
    /// The word used in JSON and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }

    /// The number used in metrics.
    pub const fn number(self) -> i64 {
        match self {
            Self::Closed => 0,
            Self::Open => 1,
            Self::HalfOpen => 2,
        }
    }
}

/// The breaker of one gateway.
#[derive(Debug)]
pub struct Breaker {
    limits: Limits,
    inner: Inner,
}

#[derive(Clone, Copy, Debug)]
enum Inner {
    Closed { failures: u32 },
    Open { until: Duration },
    HalfOpen { probe: Option<Ticket> },
}

impl Breaker {
    /// A closed breaker.
    pub fn new(limits: Limits) -> Self {
        Self { limits, inner: Inner::Closed { failures: 0 } }
    }

    /// Ends the cooldown if it is over.
    pub fn advance(&mut self, now: Duration) {
        if let Inner::Open { until } = self.inner
            && now >= until
        {
            self.inner = Inner::HalfOpen { probe: None };
        }
    }

    /// The first instant at which a call may go through; `None` while a probe is on its way.
    pub fn free_at(&self) -> Option<Duration> {
        match self.inner {
            Inner::Closed { .. } | Inner::HalfOpen { probe: None } => Some(Duration::ZERO),
            Inner::Open { until } => Some(until),
            Inner::HalfOpen { probe: Some(_) } => None,
        }
    }

    /// A call goes out; the breaker must let it through.
    pub fn sent(&mut self, ticket: Ticket) {
        match &mut self.inner {
            Inner::Closed { .. } => {}
            Inner::HalfOpen { probe } if probe.is_none() => *probe = Some(ticket),
            Inner::Open { .. } | Inner::HalfOpen { .. } => {
                panic!("the breaker lets nothing through")
            }
        }
    }

    /// A call has ended.
    pub fn ended(&mut self, now: Duration, ticket: Ticket, health: Health) {
        self.inner = match (self.inner, health) {
            (Inner::Closed { .. }, Health::Alive) => Inner::Closed { failures: 0 },
            (Inner::Closed { failures }, Health::Failing) => self.after_failures(now, failures + 1),
            (Inner::HalfOpen { probe }, health) if probe == Some(ticket) => match health {
                Health::Alive => Inner::Closed { failures: 0 },
                Health::Failing => self.open(now),
                Health::Unsaid => Inner::HalfOpen { probe: None },
            },
            (unmoved, Health::Alive | Health::Failing | Health::Unsaid) => unmoved,
        };
    }

    fn after_failures(&self, now: Duration, failures: u32) -> Inner {
        if failures >= self.limits.after { self.open(now) } else { Inner::Closed { failures } }
    }

    fn open(&self, now: Duration) -> Inner {
        Inner::Open { until: now.saturating_add(self.limits.cooldown) }
    }

    /// How it stands.
    pub fn state(&self) -> State {
        match self.inner {
            Inner::Closed { .. } => State::Closed,
            Inner::Open { .. } => State::Open,
            Inner::HalfOpen { .. } => State::HalfOpen,
        }
    }
}
