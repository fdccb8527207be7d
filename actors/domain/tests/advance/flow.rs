//! How things happen in the small world: messages and calls on their way, time, crashes.
//!
//! Messages arrive before time passes, in any order that is allowed, some of them again. Then the
//! clock jumps to the next instant at which something happens. A crash reads every entity back from
//! bytes and loses every answer; requests that were on their way may still arrive, for a little
//! while; messages may come again.

use bursar_domain::advance::Advance;
use bursar_domain::call::{Answered, Call, Reply};
use bursar_domain::entity::{Due, Entity, Wake};
use bursar_domain::errand::Brought;
use bursar_domain::id::{EntityId, Kind, ShardId};
use bursar_domain::message::Body;
use bursar_domain::run::Run;

use crate::bench::read_back;
use crate::world::World;

/// How long a gateway waits for an answer.
const TIMEOUT_MS: i64 = 5_000;
/// How long a request that was cut off may still be on its way; less than the policy's `settle_ms`.
const STRAY_MS: i64 = 3_000;
/// How long a request takes, and an answer.
const LATENCY_MS: i64 = 40;

/// More than so many things do not happen in any of these tests.
const STEPS_MAX: u64 = 200_000;

/// What goes wrong, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    /// How many per cent of the calls.
    pub(crate) percent: u64,
    /// How many per cent of the credits.
    pub(crate) uncredited_percent: u64,
    /// Until then.
    pub(crate) until: i64,
    /// How many advances are on a page of the agenda.
    pub(crate) page: usize,
}

impl Faults {
    pub(crate) const NONE: Self = Self { percent: 0, uncredited_percent: 0, until: 0, page: 500 };

    pub(crate) const fn are_on(&self, now: i64) -> bool {
        now < self.until
    }
}

/// A call on its way.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    /// Who waits for the answer; nobody after a crash.
    who: Option<EntityId>,
    pub(crate) call: Call,
    /// When the request arrives; `None` when it has, or never will.
    arrives_at: Option<i64>,
    answers_at: i64,
    /// What the processor said, or what is told in its place.
    reply: Option<Reply>,
}

impl Flight {
    /// Whether the processor may get to see it.
    pub(crate) fn may_arrive(&self) -> bool {
        self.arrives_at.is_some()
    }

    fn next_at(&self) -> i64 {
        self.arrives_at.unwrap_or(i64::MAX).min(self.answers_at)
    }
}

/// What happens next in time.
enum Next {
    Flight(usize),
    Errand(usize),
    Credit(usize),
    Wake(EntityId),
}

impl World {
    /// Sends a call on its way.
    pub(crate) fn fly(&mut self, who: EntityId, call: Call) {
        let now = self.now;
        let (arrives_at, answers_at) = (Some(now + LATENCY_MS), now + 2 * LATENCY_MS);
        let fair = Flight { who: Some(who), call, arrives_at, answers_at, reply: None };
        let unknown = || Some(Reply::Unknown { reason: "no answer in time".into() });
        let late = now + TIMEOUT_MS;
        let goes_wrong = self.faults.are_on(now) && self.chance.of(self.faults.percent);
        let flight = match if goes_wrong { self.chance.below(5) } else { 5 } {
            0 => {
                let reply = Some(Reply::NotSent { reason: "the breaker is open".into() });
                Flight { arrives_at: None, reply, ..fair }
            }
            1 => Flight { arrives_at: None, answers_at: late, reply: unknown(), ..fair },
            2 => Flight { answers_at: late, reply: unknown(), ..fair },
            3 => {
                let arrives_at = Some(late + STRAY_MS);
                Flight { arrives_at, answers_at: late, reply: unknown(), ..fair }
            }
            4 => Flight { answers_at: late - 1, ..fair },
            _ => fair,
        };
        self.flights.push(flight);
    }

    /// The next thing happens; false when nothing but the schedule is left before an instant.
    pub(crate) fn step(&mut self, until: i64) -> bool {
        self.steps += 1;
        assert!(self.steps < STEPS_MAX, "it does not end, at {}: {:?}", self.now, self.waiting());
        if !self.open_streams.is_empty() {
            self.arrive();
            return true;
        }
        match self.next() {
            Some((at, _)) if at > until => {
                self.now = self.now.max(until);
                false
            }
            Some((at, next)) => {
                self.now = self.now.max(at);
                self.happen(next);
                true
            }
            None => false,
        }
    }

    fn arrive(&mut self) {
        let number = self.chance.below(self.open_streams.len());
        let key = self.open_streams.iter().nth(number).expect("below the length").clone();
        let stream = self.streams.get_mut(&key).expect("an open one");
        let (message, is_news) =
            (stream.sent[stream.arrived].clone(), stream.arrived >= stream.seen);
        stream.arrived += 1;
        stream.seen = stream.seen.max(stream.arrived);
        if stream.arrived == stream.sent.len() {
            self.open_streams.remove(&key);
        }
        let events = self.deliver(&message);
        if is_news {
            let is_start = matches!(message.body, Body::StartRun { .. });
            assert!(events > 0 || is_start, "{message:?} was dropped");
        } else {
            assert_eq!(events, 0, "{message:?} came again and changed something");
        }
        if self.faults.are_on(self.now) && self.chance.of(5) {
            self.arrive_again(&key);
        }
    }

    /// Something of a stream that arrived long ago comes again.
    fn arrive_again(&mut self, key: &(ShardId, EntityId)) {
        if is_played(&key.1) {
            return;
        }
        let stream = &self.streams[key];
        let message = stream.sent[self.chance.below(stream.arrived)].clone();
        assert_eq!(self.deliver(&message), 0, "{message:?} came again and changed something");
    }

    fn next(&self) -> Option<(i64, Next)> {
        let flights = self.flights.iter().enumerate();
        let flights = flights.map(|(index, flight)| (flight.next_at(), Next::Flight(index)));
        let errands = self.errands.iter().enumerate();
        let errands = errands.map(|(index, errand)| (errand.0, Next::Errand(index)));
        let credits = self.credits.iter().enumerate();
        let credits = credits.map(|(index, credit)| (credit.at, Next::Credit(index)));
        let wakes = self.waiting().into_iter().filter_map(|(who, due)| match due {
            Due::At(at) => Some((at.millis(), Next::Wake(who))),
            Due::Answer | Due::Nothing => None,
        });
        flights.chain(errands).chain(credits).chain(wakes).min_by_key(|(at, _)| *at)
    }

    fn happen(&mut self, next: Next) {
        match next {
            Next::Flight(index) => self.flight(index),
            Next::Errand(index) => {
                let (_, run, errand) = self.errands.remove(index);
                let found = self.find(&run, &errand.wanted);
                let brought = Brought { number: errand.number, found };
                let events = self.turn::<Run>(&run, |run, at| run.brought(&brought, at));
                assert!(events > 0, "{brought:?} was waited for");
            }
            Next::Credit(index) => {
                let credit = self.credits.remove(index);
                self.end_credit(&credit);
            }
            Next::Wake(who) => {
                let events = self.wake(&who, Wake::Due);
                assert!(events > 0, "{who}: its time has come");
            }
        }
    }

    fn flight(&mut self, index: usize) {
        if self.flights[index].arrives_at.is_some_and(|at| at <= self.now) {
            let now = self.now;
            let flight = &mut self.flights[index];
            flight.arrives_at = None;
            let says = self.processor.take(&flight.call, now, &mut self.chance);
            flight.reply.get_or_insert(says);
        }
        let flight = &mut self.flights[index];
        if flight.answers_at > self.now {
            if flight.next_at() == i64::MAX {
                self.flights.swap_remove(index);
            }
            return;
        }
        flight.answers_at = i64::MAX;
        let answer = flight.who.take().zip(flight.reply.clone());
        let (step, attempt) = (flight.call.step, flight.call.attempt);
        if flight.arrives_at.is_none() {
            self.flights.swap_remove(index);
        }
        if let Some((who, reply)) = answer {
            let answered = Answered { step, attempt, reply };
            self.turn::<Advance>(&who, |advance, at| advance.answered(&answered, at));
        }
    }

    /// Everything is read back from disk; whatever was on its way back is lost.
    pub(crate) fn crash(&mut self) {
        for account in self.advances.values_mut() {
            account.live = read_back(&account.live);
        }
        for id in &self.open_runs {
            let account = self.runs.get_mut(id).expect("it was begun");
            account.live = read_back(&account.live);
        }
        for account in self.schedules.values_mut() {
            account.live = read_back(&account.live);
        }
        self.errands.clear();
        for flight in &mut self.flights {
            (flight.who, flight.answers_at) = (None, i64::MAX);
            // The connection is cut; what was written may still be read.
            let arrives_at = flight.arrives_at.map(|at| at.min(self.now + STRAY_MS));
            flight.arrives_at = arrives_at.filter(|_| self.chance.of(50));
        }
        self.flights.retain(Flight::may_arrive);
        for (key, stream) in &mut self.streams {
            let again = self.chance.below(4).min(stream.arrived);
            let is_played =
                key.1.id.starts_with("adv_") && key.1.kind != bursar_domain::id::Kind::Advance;
            if again > 0 && !is_played && self.chance.of(20) {
                stream.arrived -= again;
                self.open_streams.insert(key.clone());
            }
        }
        for (who, _) in self.waiting() {
            self.wake(&who, Wake::Resumed);
        }
    }
}

/// Whether nobody remembers what came to it.
fn is_played(who: &EntityId) -> bool {
    matches!(who.kind, Kind::Saga | Kind::Compensation)
}
