//! Drives a gateway's rules on virtual time and notes what they do.
//!
//! After each step the rules are asked what is to be done, as the actor does. Time moves only when
//! told to, and stops at every instant at which the rules want to be asked, so a wake that is
//! missing shows as a call that never goes out. Calls are named by their keys.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use bursar_actors::gateway::Attempt;
use bursar_actors::gateway::backoff;
use bursar_actors::gateway::breaker;
use bursar_actors::gateway::core::{Action, GatewayCore, Limits};
use bursar_actors::gateway::queue::Ticket;
use bursar_domain::call::{Lane, Reply};

use crate::calls::{call, caller, pull};

/// A long time.
pub(crate) const FAR: Duration = Duration::from_hours(1_000);

/// Milliseconds.
pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Limits that hold nothing back.
pub(crate) fn loose() -> Limits {
    Limits {
        rate_per_s: None,
        concurrency: NonZeroUsize::MAX,
        queue_max: 1_000,
        breaker: breaker::Limits { after: 1_000, cooldown: ms(1_000) },
        backoff: backoff::Limits { first: ms(100), longest: ms(1_000) },
    }
}

/// So many calls at once.
pub(crate) fn at_once(calls: usize) -> Limits {
    Limits { concurrency: NonZeroUsize::new(calls).unwrap(), ..loose() }
}

/// So many calls a second.
pub(crate) fn per_second(rate: u32) -> Limits {
    Limits { rate_per_s: NonZeroU32::new(rate), ..loose() }
}

/// A breaker that opens after so many failures, for a second.
pub(crate) fn breaking(after: u32) -> Limits {
    Limits { breaker: breaker::Limits { after, cooldown: ms(1_000) }, ..loose() }
}

/// It is done.
pub(crate) fn done() -> Attempt {
    Attempt::Answered(Reply::Done { id: "txn".into(), url: None })
}

/// The party could not be reached.
pub(crate) fn refused() -> Attempt {
    Attempt::NotSent { reason: "refused".into() }
}

/// The party asks for a pause.
pub(crate) fn throttled(wait: Option<Duration>) -> Attempt {
    Attempt::Throttled { reason: "429".into(), wait }
}

/// A gateway and what it did.
pub(crate) struct Bench {
    /// The rules.
    pub(crate) core: GatewayCore,
    /// The time.
    pub(crate) now: Duration,
    /// When it wants to be asked again.
    pub(crate) wake: Option<Duration>,
    /// What went out, in order: when, and the key.
    pub(crate) sent: Vec<(Duration, String)>,
    /// What is on its way, by key.
    pub(crate) flying: BTreeMap<String, Ticket>,
    /// What was answered, in order.
    pub(crate) answers: Vec<(String, Reply)>,
}

impl Bench {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            core: GatewayCore::new(limits, 42),
            now: Duration::ZERO,
            wake: None,
            sent: Vec::new(),
            flying: BTreeMap::new(),
            answers: Vec::new(),
        }
    }

    /// Hands a call over that never expires.
    pub(crate) fn submit(&mut self, key: &str, lane: Lane) {
        self.submit_until(key, lane, FAR);
    }

    /// Hands a call over.
    pub(crate) fn submit_until(&mut self, key: &str, lane: Lane, expires: Duration) {
        self.core.submit(self.now, caller(key), call(key, lane, pull()), expires);
        self.poll();
    }

    /// Ends the attempt of a call.
    pub(crate) fn end(&mut self, key: &str, attempt: Attempt) {
        let ticket = self.flying.remove(key).unwrap_or_else(|| panic!("{key} is on its way"));
        self.core.ended(self.now, ticket, attempt);
        self.poll();
    }

    /// Lets time pass, stopping wherever the rules want to be asked.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(wake) = self.wake.filter(|wake| *wake <= end) {
            self.now = wake;
            self.poll();
        }
        self.now = end;
        self.poll();
    }

    /// Goes to the next instant at which the rules want to be asked; false when there is none.
    pub(crate) fn wake(&mut self) -> bool {
        let Some(wake) = self.wake else { return false };
        self.now = self.now.max(wake);
        self.poll();
        true
    }

    pub(crate) fn poll(&mut self) {
        let polled = self.core.poll(self.now);
        self.wake = polled.wake;
        for action in polled.actions {
            match action {
                Action::Send { ticket, call, waited: _ } => {
                    self.sent.push((self.now, call.key.to_string()));
                    let before = self.flying.insert(call.key.to_string(), ticket);
                    assert!(before.is_none(), "{} went out twice at once", call.key);
                }
                Action::Answer(entity, answered) => {
                    assert_eq!((answered.step, answered.attempt), (3, 7));
                    self.answers.push((entity.id.to_string(), answered.reply));
                }
            }
        }
    }

    /// The keys of what went out, in order.
    pub(crate) fn order(&self) -> Vec<&str> {
        self.sent.iter().map(|(_, key)| key.as_str()).collect()
    }

    /// The only answer there is, to this call.
    pub(crate) fn only_answer(&self, key: &str) -> &Reply {
        let [(answered, reply)] = self.answers.as_slice() else { panic!("{:?}", self.answers) };
        assert_eq!(answered, key);
        reply
    }
}
