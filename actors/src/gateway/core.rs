//! A gateway's rules: who goes when, what is tried again, what is answered. No clock, no async.
//!
//! The shell tells what happens ([`GatewayCore::submit`], [`GatewayCore::ended`]) and asks what to
//! do ([`GatewayCore::poll`]): calls to send, replies to hand back, and when to ask again. Instants
//! are times since the gateway began and never go back.
//!
//! Lanes are strict: a call to undo something goes before all others, and one that nobody waits for
//! goes last, however long it waits; `not_after` is what ends its waiting.
//!
//! Invariants: a call submitted is answered exactly once, or still waits, or is on its way; a call
//! that may have been acted on is never sent again from here; what came with a ticket is accepted
//! however long the queue, since refusing is the edge's, before the ticket (invariant 19).

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use bursar_domain::call::{Answered, Call, Lane, Reply};
use bursar_domain::id::EntityId;

use super::backoff::{self, Backoff};
use super::breaker::{self, Breaker};
use super::pace::Pace;
use super::queue::{Entry, Queue, Ticket};
use super::transport::{Attempt, clip};

/// A party that asks to be left alone for longer is asked again after this. What it turned away it
/// would turn away again, and a slip of its clock must not stop us for a day.
pub const PAUSE_MAX: Duration = Duration::from_hours(1);

/// How a gateway is held back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How many calls may go out in any second; `None` is without limit.
    pub rate_per_s: Option<NonZeroU32>,
    /// How many may be on their way at once.
    pub concurrency: NonZeroUsize,
    /// From how many waiting calls on the edge lets nobody in.
    pub queue_max: usize,
    /// When the circuit breaker opens and for how long.
    pub breaker: breaker::Limits,
    /// How long to wait before trying again.
    pub backoff: backoff::Limits,
}

/// What the shell is to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Send the call, and tell [`GatewayCore::ended`] with the ticket.
    Send {
        /// The call's place.
        ticket: Ticket,
        /// What to send.
        call: Arc<Call>,
        /// How long the call has waited, if it goes out for the first time.
        waited: Option<Duration>,
    },
    /// Hand the reply to who called.
    Answer(EntityId, Answered),
}

/// What [`GatewayCore::poll`] found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Polled {
    /// What to do, in this order.
    pub actions: Vec<Action>,
    /// When to ask again if nothing happens before; `None` when only a call or an end changes
    /// anything. Always later than the instant of asking.
    pub wake: Option<Duration>,
}

/// What was counted since the start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Calls that came.
    pub submitted: u64,
    /// Attempts that went out.
    pub sent: u64,
    /// Attempts after the first of a call.
    pub retried: u64,
    /// Attempts that were told to slow down.
    pub throttled: u64,
    /// Calls answered with what the party said.
    pub answered: u64,
    /// Calls answered with "unknown".
    pub unknown: u64,
    /// Calls answered with "not sent".
    pub not_sent: u64,
    /// Calls that came while the queue was full, and were accepted.
    pub over_full: u64,
}

/// A fault, and when it was seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What was seen.
    pub reason: Box<str>,
    /// When.
    pub at: Duration,
}

/// A call on its way.
#[derive(Debug)]
struct Flight {
    entry: Entry,
    sent_at: Duration,
}

/// The rules of one gateway.
#[derive(Debug)]
pub struct GatewayCore {
    limits: Limits,
    queue: Queue,
    flying: BTreeMap<Ticket, Flight>,
    pace: Pace,
    breaker: Breaker,
    backoff: Backoff,
    paused_until: Duration,
    /// How often in a row the party asked for a slower pace.
    throttles: u32,
    /// How long an attempt takes, smoothed.
    service: Duration,
    next_ticket: u64,
    now: Duration,
    counts: Counts,
    fault: Option<Fault>,
    actions: Vec<Action>,
}

impl GatewayCore {
    /// An empty gateway. The seed gives the jitter.
    pub fn new(limits: Limits, seed: u64) -> Self {
        Self {
            limits,
            queue: Queue::default(),
            flying: BTreeMap::new(),
            pace: Pace::new(limits.rate_per_s),
            breaker: Breaker::new(limits.breaker),
            backoff: Backoff::new(limits.backoff, seed),
            paused_until: Duration::ZERO,
            throttles: 0,
            service: Duration::ZERO,
            next_ticket: 0,
            now: Duration::ZERO,
            counts: Counts::default(),
            fault: None,
            actions: Vec::new(),
        }
    }

    /// Takes a call. After `expires` it is not sent any more.
    pub fn submit(&mut self, now: Duration, entity: EntityId, call: Call, expires: Duration) {
        self.advance(now);
        self.counts.submitted += 1;
        if self.is_full() {
            self.counts.over_full += 1;
        }
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let call = Arc::new(call);
        let entry = Entry { entity, call, since: now, expires, tries: 0, why: None };
        self.queue.put(ticket, entry, None);
    }

    /// Takes what an attempt brought back.
    pub fn ended(&mut self, now: Duration, ticket: Ticket, attempt: Attempt) {
        self.advance(now);
        let flight = self.flying.remove(&ticket).expect("only what was sent comes back, and once");
        let Flight { entry, sent_at } = flight;
        self.learn(now.saturating_sub(sent_at));
        self.breaker.ended(now, ticket, attempt.health());
        match attempt {
            Attempt::Answered(reply) => {
                self.throttles = 0;
                self.answer(&entry, reply);
            }
            Attempt::Throttled { reason, wait } => {
                self.counts.throttled += 1;
                // One that went out before the pause began says nothing new.
                if wait.is_none() && sent_at >= self.paused_until {
                    self.throttles = self.throttles.saturating_add(1);
                    let wait = self.backoff.wait(self.throttles);
                    self.pause(wait);
                }
                if let Some(wait) = wait {
                    self.pause(wait);
                }
                self.again(ticket, entry, reason, None);
            }
            Attempt::NotSent { reason } | Attempt::TurnedAway { reason } => {
                let ripe_at = now.saturating_add(self.backoff.wait(entry.tries));
                self.again(ticket, entry, reason, Some(ripe_at));
            }
            Attempt::Unknown { reason, wait } => {
                if let Some(wait) = wait {
                    self.pause(wait);
                }
                self.note(&reason);
                self.answer(&entry, Reply::Unknown { reason });
            }
            Attempt::Unclear { reason } => {
                self.note(&reason);
                self.answer(&entry, Reply::Unknown { reason });
            }
        }
    }

    /// What is to be done now.
    pub fn poll(&mut self, now: Duration) -> Polled {
        self.advance(now);
        while let Some((_, entry)) = self.queue.take_expired(now) {
            let reason = self.why_not_sent(&entry);
            self.answer(&entry, Reply::NotSent { reason });
        }
        self.queue.ripen(now);
        while self.gate().is_some_and(|at| at <= now)
            && let Some((ticket, entry)) = self.queue.take_next()
        {
            self.send(ticket, entry);
        }
        let wake = self.wake();
        assert!(wake.is_none_or(|at| at > now), "what can be done now is done");
        Polled { actions: std::mem::take(&mut self.actions), wake }
    }

    fn advance(&mut self, now: Duration) {
        assert!(now >= self.now, "time does not go back");
        self.now = now;
        self.breaker.advance(now);
    }

    /// The first instant at which a call may go out; `None` while one has to come back first.
    fn gate(&self) -> Option<Duration> {
        if self.flying.len() >= self.limits.concurrency.get() {
            return None;
        }
        let breaker = self.breaker.free_at()?;
        Some(breaker.max(self.paused_until).max(self.pace.free_at()))
    }

    /// When something changes by itself.
    fn wake(&self) -> Option<Duration> {
        // A call may still be sent at the instant at which it expires, so it is over one later.
        let expiry = self.queue.expires_at().map(|at| at.saturating_add(Duration::from_nanos(1)));
        let ready = self.queue.has_ready().then(|| self.gate()).flatten();
        [expiry, ready, self.queue.ripe_at()].into_iter().flatten().min()
    }

    fn send(&mut self, ticket: Ticket, mut entry: Entry) {
        self.pace.take(self.now);
        self.breaker.sent(ticket);
        self.counts.sent += 1;
        entry.tries += 1;
        let first = entry.tries == 1;
        if !first {
            self.counts.retried += 1;
        }
        let waited = first.then(|| self.now.saturating_sub(entry.since));
        self.actions.push(Action::Send { ticket, call: Arc::clone(&entry.call), waited });
        self.flying.insert(ticket, Flight { entry, sent_at: self.now });
    }

    fn again(
        &mut self,
        ticket: Ticket,
        mut entry: Entry,
        reason: Box<str>,
        ripe_at: Option<Duration>,
    ) {
        self.note(&reason);
        entry.why = Some(reason);
        self.queue.put(ticket, entry, ripe_at);
    }

    fn answer(&mut self, entry: &Entry, reply: Reply) {
        let count = match &reply {
            Reply::Done { .. } | Reply::Declined { .. } | Reply::NeverSeen | Reply::Pending => {
                &mut self.counts.answered
            }
            Reply::NotSent { .. } => &mut self.counts.not_sent,
            Reply::Unknown { .. } => &mut self.counts.unknown,
        };
        *count += 1;
        let answered = Answered { step: entry.call.step, attempt: entry.call.attempt, reply };
        self.actions.push(Action::Answer(entry.entity.clone(), answered));
    }

    fn why_not_sent(&self, entry: &Entry) -> Box<str> {
        let held = match self.breaker.state() {
            breaker::State::Open | breaker::State::HalfOpen => "its party does not answer",
            breaker::State::Closed if self.paused_until > self.now => "its party asked for a pause",
            breaker::State::Closed => "others went before it",
        };
        match &entry.why {
            Some(why) => clip(&format!("not in time, tried {} times: {why}", entry.tries)),
            None => clip(&format!("not in time: {held}")),
        }
    }

    fn note(&mut self, reason: &str) {
        self.fault = Some(Fault { reason: reason.into(), at: self.now });
    }

    /// Lets nothing out for a while.
    fn pause(&mut self, wait: Duration) {
        let until = self.now.saturating_add(wait.min(PAUSE_MAX));
        self.paused_until = self.paused_until.max(until);
    }

    /// Smooths how long an attempt takes: each new one counts for an eighth.
    fn learn(&mut self, took: Duration) {
        self.service = match self.service {
            Duration::ZERO => took,
            before => (before.saturating_mul(7).saturating_add(took)) / 8,
        };
    }

    /// Whether the edge should let nobody in who would bring calls.
    pub fn is_full(&self) -> bool {
        self.queue.len() >= self.limits.queue_max
    }

    /// Until when certainly nothing goes out.
    pub fn held_until(&self) -> Duration {
        self.paused_until.max(self.breaker.free_at().unwrap_or_default())
    }

    /// How long a call that now came to this lane would wait once calls go out again: those ahead
    /// of it, at the pace that the limit and the party's own time allow.
    pub fn estimate(&self, lane: Lane) -> Duration {
        let concurrency = u32::try_from(self.limits.concurrency.get()).unwrap_or(u32::MAX);
        let each = self.pace.interval().max(self.service / concurrency);
        let busy = usize::from(self.flying.len() >= self.limits.concurrency.get());
        let ahead = self.queue.ahead_of(lane).saturating_add(busy);
        each.saturating_mul(u32::try_from(ahead).unwrap_or(u32::MAX))
    }

    /// What it was told when it began.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How many calls wait in each lane, in the order of [`Lane::ALL`].
    pub fn waiting(&self) -> [usize; 3] {
        self.queue.by_lane()
    }

    /// How many calls are on their way.
    pub fn in_flight(&self) -> usize {
        self.flying.len()
    }

    /// When the call that waits longest came.
    pub fn oldest(&self) -> Option<Duration> {
        self.queue.oldest()
    }

    /// How the circuit breaker stands.
    pub fn breaker(&self) -> breaker::State {
        self.breaker.state()
    }

    /// Until when the party asked to be left alone; may be over.
    pub fn paused_until(&self) -> Duration {
        self.paused_until
    }

    /// What was counted.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The last fault.
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }
}
