//! A call on its way to a third party, and its answer on the way back.
//!
//! Every call is checked when it is made: a repeat carries the next number and the same key, unless
//! the last attempt was definitely refused; and no pull or push is repeated before the processor
//! has said that it never saw the first one (DESIGN invariant 16).

use bursar_domain::call::{Answered, Call, Reply, Request};
use bursar_domain::id::EntityId;

use crate::faults::{Course, STRAY_MS};
use crate::parties::{Conduct, Route};
use crate::world::{Delivery, World};

#[derive(Clone, Debug)]
pub(crate) struct Flight {
    who: EntityId,
    call: Call,
    conduct: Conduct,
    /// When the request arrives, if it will.
    pub(crate) arrives_at: Option<i64>,
    /// When the answer is there, if it will be.
    pub(crate) answers_at: Option<i64>,
    /// What is answered, once it is known.
    reply: Option<Reply>,
}

/// What becomes of requests on their way when the caller crashes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Strays {
    Lost,
    Arrive,
    /// One or the other.
    Either,
}

impl World {
    pub(crate) fn call(&mut self, who: &EntityId, call: Call) {
        assert!(call.not_after >= self.at(), "{call:?} is over before it begins");
        self.check_repeat(who, &call);
        self.called.push((self.now, who.clone(), call.clone()));
        let route = Route::of(&call.request);
        let fault = self.plan.next(route, self.now, &mut self.chance);
        let latency = match self.delivery {
            Delivery::Once | Delivery::Twice => 10,
            Delivery::Anyhow => 1 + i64::try_from(self.chance.below(150)).expect("small"),
        };
        let patience_ms = match route {
            Route::Push => self.policy.push_patience_ms,
            Route::Pull | Route::Find | Route::Refund | Route::Make | Route::Void | Route::Mail => {
                self.policy.step_deadline_ms
            }
        };
        let course = Course::of(fault, self.now, latency, patience_ms);
        self.flights.push(Flight {
            who: who.clone(),
            call,
            conduct: course.conduct,
            arrives_at: course.arrives_at,
            answers_at: Some(course.answers_at),
            reply: course.told,
        });
    }

    /// A repeat has the number after the last attempt and its key, unless that was definitely
    /// refused; and money is never moved again before the processor said that it never was.
    fn check_repeat(&self, who: &EntityId, call: &Call) {
        let earlier = self.called.iter().rev().filter(|(_, by, _)| by == who);
        let last = earlier.map(|(_, _, last)| last).find(|last| last.step == call.step);
        let Some(last) = last else { return assert_eq!(call.attempt, 1, "{call:?}") };
        assert_eq!(call.attempt, last.attempt + 1, "{call:?}");
        let answers_last = |(by, answered): &&(EntityId, Answered)| {
            by == who && (answered.step, answered.attempt) == (last.step, last.attempt)
        };
        let said = self.answers.iter().find(answers_last).map(|(_, answered)| &answered.reply);
        let is_refused = matches!(said, Some(Reply::Declined { .. }));
        assert_eq!(call.key == last.key, !is_refused, "{call:?} after {last:?}: {said:?}");
        if matches!(call.request, Request::Pull { .. } | Request::Push { .. }) {
            assert_eq!(said, Some(&Reply::NeverSeen), "{call:?} is blind");
        }
    }

    /// A request arrives at the third party.
    pub(crate) fn arrive(&mut self, at: usize) {
        let flight = &mut self.flights[at];
        let reply = self.parties.handle(&flight.call, flight.conduct, self.now);
        flight.arrives_at = None;
        flight.reply.get_or_insert(reply);
        self.land();
    }

    /// The answer arrives at the caller, who waits for it.
    pub(crate) fn come_back(&mut self, at: usize) {
        let flight = &mut self.flights[at];
        flight.answers_at = None;
        let reply = flight.reply.clone().expect("it is known before it comes");
        let (step, attempt) = (flight.call.step, flight.call.attempt);
        let (who, answered) = (flight.who.clone(), Answered { step, attempt, reply });
        self.land();
        self.answers.push((who.clone(), answered.clone()));
        assert!(self.answer(&who, &answered), "{who} waits for {answered:?}");
        let again = match self.delivery {
            Delivery::Once => 0,
            Delivery::Twice => self.answers.len(),
            Delivery::Anyhow => self.chance.below(3),
        };
        for _ in 0..again {
            let at = match self.delivery {
                Delivery::Once | Delivery::Twice => self.answers.len() - 1,
                Delivery::Anyhow => self.chance.below(self.answers.len()),
            };
            let (who, answered) = self.answers[at].clone();
            assert!(!self.answer(&who, &answered), "{who} has {answered:?} already");
        }
    }

    /// Forgets what neither goes nor comes any more.
    fn land(&mut self) {
        self.flights.retain(|flight| flight.arrives_at.is_some() || flight.answers_at.is_some());
    }

    /// Every answer is lost; requests are, or arrive soon.
    pub(crate) fn cut_off(&mut self, strays: Strays) {
        for flight in &mut self.flights {
            flight.answers_at = None;
            let arrives = match strays {
                Strays::Lost => false,
                Strays::Arrive => true,
                Strays::Either => self.chance.of(50),
            };
            let latest = self.now + STRAY_MS;
            flight.arrives_at = flight.arrives_at.filter(|_| arrives).map(|at| at.min(latest));
        }
        self.land();
    }
}
