//! The schedule: says when runs over the advances begin.
//!
//! There is one. It has a cadence from the configuration, rings at each occurrence, and begins a run
//! named after the local date. After downtime one run stands for all that were missed, because a run
//! takes everything that is due. An operator can have a run now; it has a number behind its date.
//!
//! A run reads the processor's report, which is only of some days. So the schedule remembers the
//! last run that had a good report, and has the next one ask for as many days as have passed since.
//!
//! Invariants: occurrences are rung in their order, each at most once; the reports of two good runs
//! leave no day out between them, up to [`REPORT_DAYS_MAX`].

mod rules;

use bincode::{Decode, Encode};

use crate::cadence::{Cadence, Zone};
use crate::call::Context;
use crate::key::ContentMark;
use crate::message::{Marks, Source};
use crate::plan::Day;
use crate::time::Timestamp;

/// The least days of a report.
pub const REPORT_DAYS_MIN: u16 = 5;

/// The most days of a report.
pub const REPORT_DAYS_MAX: u16 = 60;

/// How many runs are remembered that have not said yet how their report was.
const AWAITED_MAX: usize = 32;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// What may be asked of the schedule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Ring at these times, from the next one on.
    Set(Cadence),
    /// Begin a run now.
    RunNow,
}

impl Command {
    /// The mark of what was asked for.
    pub fn content(&self) -> u64 {
        match self {
            Self::Set(cadence) => {
                let mut mark = ContentMark::of("set-schedule");
                mark.text(cadence.every_name());
                mark.optional_text(cadence.on_text().as_deref());
                mark.text(&cadence.at_text());
                mark.text(cadence.time_zone());
                mark.finish()
            }
            Self::RunNow => ContentMark::of("run-now").finish(),
        }
    }
}

/// A run was begun.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Rang {
    /// The run's id.
    pub run: Box<str>,
    /// The day whose debits are due, and all before it.
    pub day: Day,
    /// The instant for which it was planned.
    pub planned_at: Timestamp,
    /// Of how many days the report is to be.
    pub days: u16,
    /// The number under which the run answers.
    pub step: u8,
    /// When.
    pub at: Timestamp,
    /// When the schedule rings next; `None` before it is set.
    pub next: Option<Timestamp>,
    /// The number of the run among those begun by hand; `None` for one of the cadence.
    pub by_hand: Option<u32>,
}

/// What may happen to the schedule. Only appended to: it is on disk.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Event {
    /// The cadence is another one.
    Set {
        /// When.
        at: Timestamp,
        /// The cadence.
        cadence: Cadence,
        /// When it rings first.
        next: Option<Timestamp>,
    },
    /// A run was begun.
    Rang(Box<Rang>),
    /// A run has ended and had a good report.
    Read {
        /// The run's record.
        source: Source,
        /// The number under which it answers.
        step: u8,
    },
}

/// The state of the schedule.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Schedule {
    cadence: Option<Cadence>,
    next: Option<Timestamp>,
    /// How many runs were begun, modulo 256.
    step: u8,
    by_hand: u32,
    last: Option<Box<str>>,
    /// Up to when the reports were read: the planned time of the last run that had a good one.
    read_to: Option<Timestamp>,
    /// Runs that have not said how their report was, and their planned times.
    awaited: Vec<(u8, Timestamp)>,
    marks: Marks,
}

impl Schedule {
    /// When it rings; `None` before it is set.
    pub fn cadence(&self) -> Option<&Cadence> {
        self.cadence.as_ref()
    }

    /// When it rings next.
    pub fn next(&self) -> Option<Timestamp> {
        self.next
    }

    /// The run that was begun last.
    pub fn last_run(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// Up to when the reports were read.
    pub fn read_to(&self) -> Option<Timestamp> {
        self.read_to
    }

    /// Of how many days the report of a run at this time is to be: those since the last good one,
    /// one more because its clock is not ours, and one because a day has begun.
    fn days(&self, now: Timestamp) -> u16 {
        let since = self.read_to.map_or(0, |read_to| now.millis().saturating_sub(read_to.millis()));
        let days = u16::try_from(since.max(0) / DAY_MS).unwrap_or(REPORT_DAYS_MAX);
        days.saturating_add(2).clamp(REPORT_DAYS_MIN, REPORT_DAYS_MAX)
    }

    fn write(&mut self, event: &Event) {
        match event {
            Event::Set { at, cadence, next } => {
                (self.cadence, self.next) = (Some(cadence.clone()), *next);
                self.read_to.get_or_insert(*at);
            }
            Event::Rang(rang) => {
                assert_eq!(rang.step, self.step.wrapping_add(1), "runs are counted");
                (self.step, self.next) = (rang.step, rang.next);
                if let Some(number) = rang.by_hand {
                    assert_eq!(number, self.by_hand + 1, "runs by hand are counted");
                    self.by_hand = number;
                }
                self.last = Some(rang.run.clone());
                self.read_to.get_or_insert(rang.at);
                if self.awaited.len() == AWAITED_MAX {
                    self.awaited.remove(0);
                }
                self.awaited.push((rang.step, rang.planned_at));
            }
            Event::Read { source, step } => {
                self.marks.raise(*source);
                let run = self.awaited.iter().find(|(other, _)| other == step);
                if let Some((_, planned_at)) = run.copied() {
                    self.read_to = self.read_to.max(Some(planned_at));
                    self.awaited.retain(|(_, other)| *other > planned_at);
                }
            }
        }
    }
}

/// The local date of an instant in a time zone that was checked before.
fn local_date(time_zone: &str, at: Timestamp) -> Day {
    let zone = Zone::named(time_zone).expect("checked when the configuration was read");
    Day::from_timestamp_in(&zone, at).expect("the clock shows a year of four digits")
}

fn next_after(cadence: &Cadence, context: &Context<'_>) -> Option<Timestamp> {
    cadence.next_after(context.now.millis()).and_then(Timestamp::from_millis)
}
