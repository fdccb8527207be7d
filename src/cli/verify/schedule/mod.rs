//! The schedule of the runs, folded a second time and written apart from the rules in
//! `bursar-domain`.
//!
//! From nothing, record by record: when it is to ring, that each time is rung once and in order,
//! the numbers and names of the runs, and how far the reports were read. Two good runs leave no day
//! out between their reports. When a calendar has its days is not computed a second time. A run
//! that is begun a second time under its name ignores it: so that message is not looked for.
//!
//! Snapshots are read by their form on disk, field by field, not through the type that wrote them.

use std::collections::HashSet;

use bursar_domain::cadence::Cadence;
use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, Kind, Seq, ShardId};
use bursar_domain::message::{Answer, Asker, Body};
use bursar_domain::record::{Record, Verdict};
use bursar_domain::schedule::{Event, Rang};
use bursar_domain::time::Timestamp;
use bursar_snapshots::codec::{self, CodecError};

use super::entity::{Account, Saved};
use super::ledger::{Entry, Marks, compare, same, strange};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// The most days of a report.
const REPORT_DAYS_MAX: u16 = 60;

/// How many runs are remembered that have not said how their report was.
const AWAITED_MAX: usize = 32;

/// The schedule's state as it is on disk: cadence, when it rings next, how many runs were begun
/// modulo 256, how many by hand, the last one, up to when the reports were read, the runs that have
/// not said how theirs was, received messages.
pub(super) type State = (
    Option<Cadence>,
    Option<Timestamp>,
    u8,
    u32,
    Option<Box<str>>,
    Option<Timestamp>,
    Vec<(u8, Timestamp)>,
    Vec<(ShardId, Seq)>,
);

/// The schedule as its records make it.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    cadence: Option<Cadence>,
    next: Option<Timestamp>,
    step: u8,
    by_hand: u32,
    last: Option<Box<str>>,
    read_to: Option<Timestamp>,
    awaited: Vec<(u8, Timestamp)>,
    /// All runs that were begun.
    runs: HashSet<Box<str>>,
    marks: Marks,
}

impl Account for Schedule {
    type State = State;

    fn read(bytes: &[u8]) -> Result<Saved<State>, CodecError> {
        codec::decode(bytes)
    }

    fn add(&mut self, record: &Record, entry: &mut Entry<'_>) {
        match &record.verdict {
            Verdict::Schedule(events) => {
                for event in events {
                    self.event(event, entry);
                }
            }
            Verdict::Wallet(_)
            | Verdict::Provider(_)
            | Verdict::Deal(_)
            | Verdict::Saga(_)
            | Verdict::Compensation(_)
            | Verdict::Advance(_)
            | Verdict::Run(_)
            | Verdict::Campaign(_)
            | Verdict::Statement(_) => strange(entry),
            Verdict::Refused(_) => {
                entry.wrong("the schedule is asked nothing that it could refuse");
            }
        }
    }

    fn differences(&self, state: &State) -> Vec<String> {
        let (cadence, next, step, by_hand, last, read_to, awaited, marks) = state;
        let mut list = Vec::new();
        same(&mut list, cadence, &self.cadence, "the cadence is not what was said last");
        same(&mut list, next, &self.next, "when it rings next is not as recorded");
        compare(&mut list, "step", step, &self.step);
        compare(&mut list, "by_hand", by_hand, &self.by_hand);
        same(&mut list, last, &self.last, "the last run is another one");
        same(&mut list, read_to, &self.read_to, "how far the reports were read is not as recorded");
        same(&mut list, awaited, &self.awaited, "the runs that are awaited are not those begun");
        if !self.marks.is(marks) {
            list.push("the received messages are not those of the records".to_owned());
        }
        list
    }

    fn balance(&self) -> Option<(Currency, i128)> {
        None
    }

    fn waits((_, next, ..): &State) -> Option<i64> {
        next.map(Timestamp::millis)
    }
}

impl Schedule {
    fn event(&mut self, event: &Event, entry: &mut Entry<'_>) {
        match event {
            Event::Set { at, cadence, next } => {
                entry.check_at(*at);
                if next.is_some_and(|next| next <= *at) {
                    entry.wrong("it is to ring at a time that has passed");
                }
                (self.cadence, self.next) = (Some(cadence.clone()), *next);
                self.read_to.get_or_insert(*at);
            }
            Event::Rang(rang) => self.rang(rang, entry),
            Event::Read { source, step } => {
                let done = Body::Reply { step: *step, answer: Answer::Done };
                self.marks.receive(*source, &done, entry);
                let run = self.awaited.iter().find(|(other, _)| other == step).copied();
                if let Some((_, planned_at)) = run {
                    self.read_to = self.read_to.max(Some(planned_at));
                    self.awaited.retain(|(_, other)| *other > planned_at);
                }
            }
        }
    }

    fn rang(&mut self, rang: &Rang, entry: &mut Entry<'_>) {
        let Rang { day, planned_at, days, step, at, next, by_hand, .. } = *rang;
        entry.check_at(at);
        if step != self.step.wrapping_add(1) {
            entry.wrong(format!("run {step} is begun; the last one was {}", self.step));
        }
        let name = match by_hand {
            None => format!("run_{day}"),
            Some(number) => format!("run_{day}_{number}"),
        };
        if *rang.run != *name {
            entry.wrong(format!("the run is named {}, not {name}", rang.run));
        }
        // In whichever time zone.
        let planned_on = planned_at.millis().div_euclid(DAY_MS);
        if (i64::from(day.days()) - planned_on).abs() > 1 || planned_at > at {
            entry.wrong(format!("the run is of {day}, planned for {planned_at}"));
        }
        match by_hand {
            None => self.check_turn(rang, entry),
            Some(number) => {
                if number != self.by_hand + 1 {
                    entry.wrong(format!("run {number} by hand follows run {}", self.by_hand));
                }
                if next != self.next {
                    entry.wrong("a run by hand changes when it rings next");
                }
                self.by_hand = number;
            }
        }
        if let Some(read_to) = self.read_to {
            let since = at.millis() - read_to.millis();
            if days < REPORT_DAYS_MAX && i64::from(days) * DAY_MS < since {
                entry.wrong(format!("a report of {days} days leaves out what is since {read_to}"));
            }
        }
        (self.step, self.next) = (step, next);
        self.last = Some(rang.run.clone());
        self.read_to.get_or_insert(at);
        if self.awaited.len() == AWAITED_MAX {
            self.awaited.remove(0);
        }
        self.awaited.push((step, planned_at));
        if self.runs.insert(rang.run.clone()) {
            let entity = EntityId { kind: Kind::Schedule, id: entry.place.id.id.clone() };
            let body = Body::StartRun { by: Asker { entity, step }, day, planned_at, days };
            entry.sent(&EntityId::run(rang.run.as_ref()), &body);
        }
    }

    /// Each time it is to ring is rung once, in order; one for all that were missed.
    fn check_turn(&self, rang: &Rang, entry: &mut Entry<'_>) {
        let Rang { planned_at, at, next, .. } = *rang;
        if self.next.is_none_or(|next| planned_at < next) {
            entry.wrong(format!("it rings for {planned_at}, which was not its time"));
        }
        if next.is_some_and(|next| next <= at) {
            entry.wrong("it is to ring at a time that has passed");
        }
    }
}
