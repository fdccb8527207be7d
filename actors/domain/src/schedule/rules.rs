//! What the schedule decides: when it is set, when its time has come, when a run has ended.
//!
//! The run's id is derived from the local date, so ringing twice for a date begins nothing twice.
//!
//! Invariant: the next time to ring is later than the last one, whatever was missed in between.

use std::sync::Arc;

use super::{Command, Event, Rang, Schedule, local_date, next_after};
use crate::call::Context;
use crate::code::Rejection;
use crate::entity::{Due, Entity, Wake};
use crate::id::{EntityId, Kind, Seq};
use crate::message::{Answer, Asker, Body, Effect, Message, Movement, Stamp};
use crate::plan::Day;
use crate::time::Timestamp;

impl Entity for Schedule {
    type Command = Command;
    type Event = Event;
    type Summary = Arc<Self>;
    const KIND: Kind = Kind::Schedule;
    const WAITS: bool = true;

    fn exists(&self) -> bool {
        self.cadence.is_some() || self.last.is_some()
    }

    fn decide(&self, command: &Command, context: &Context<'_>) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Set(cadence) if self.cadence.as_ref() == Some(cadence) => Ok(Vec::new()),
            Command::Set(cadence) => {
                let next = next_after(cadence, context);
                Ok(vec![Event::Set { at: context.now, cadence: cadence.clone(), next }])
            }
            Command::RunNow => {
                let day = local_date(&context.policy.collecting.time_zone, context.now);
                let number = self.by_hand + 1;
                let run = format!("run_{day}_{number}");
                let rang = self.rang(run, day, context.now, context);
                let rang = Rang { by_hand: Some(number), next: self.next, ..rang };
                Ok(vec![Event::Rang(Box::new(rang))])
            }
        }
    }

    fn receive(&self, message: &Message, _: &Context<'_>) -> Vec<Event> {
        if self.marks.has(message.source) {
            return Vec::new();
        }
        let Body::Reply { step, answer: Answer::Done } = message.body else {
            unreachable!("{message:?} is not for the schedule")
        };
        vec![Event::Read { source: message.source, step }]
    }

    fn woken(&self, _: Wake, context: &Context<'_>) -> Vec<Event> {
        let (Some(cadence), Some(next)) = (&self.cadence, self.next) else { return Vec::new() };
        if next > context.now {
            return Vec::new();
        }
        let last = cadence.last_until(context.now.millis()).and_then(Timestamp::from_millis);
        let planned_at = last.expect("there is one: the next one that has come");
        let day = local_date(cadence.time_zone(), planned_at);
        let rang = self.rang(format!("run_{day}"), day, planned_at, context);
        let rang = Rang { next: next_after(cadence, context), ..rang };
        vec![Event::Rang(Box::new(rang))]
    }

    fn due(&self) -> Due {
        self.next.map_or(Due::Nothing, Due::At)
    }

    fn apply(&mut self, event: &Event, _: Seq) {
        let before = self.next;
        self.write(event);
        if let Event::Rang(rang) = event
            && rang.by_hand.is_none()
        {
            assert!(self.next.is_none() || self.next > before, "{event:?}: each time once");
        }
    }

    fn react(id: &Arc<str>, event: &Event, stamp: Stamp) -> Vec<Effect> {
        let Event::Rang(rang) = event else { return Vec::new() };
        let entity = EntityId { kind: Kind::Schedule, id: Arc::clone(id) };
        let body = Body::StartRun {
            by: Asker { entity, step: rang.step },
            day: rang.day,
            planned_at: rang.planned_at,
            days: rang.days,
        };
        let to = EntityId::run(rang.run.as_ref());
        vec![Effect::Send(Message { source: stamp.source, to, body })]
    }

    fn movement(_: &Event) -> Option<Movement> {
        None
    }

    fn summary(&self) -> Option<Arc<Self>> {
        self.exists().then(|| Arc::new(self.clone()))
    }
}

impl Schedule {
    fn rang(&self, run: String, day: Day, planned_at: Timestamp, context: &Context<'_>) -> Rang {
        Rang {
            run: run.into(),
            day,
            planned_at,
            days: self.days(context.now),
            step: self.step.wrapping_add(1),
            at: context.now,
            next: None,
            by_hand: None,
        }
    }
}
