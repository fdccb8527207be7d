//! A run: one daily pass over the advances.
//!
//! In order: the debits that became due are created; the processor's report is fetched, read and
//! what it says is told to the advances it is about; what is silent is given up and what is due is
//! submitted. The run asks the advances page by page, never more than a bounded number at once, and
//! goes on when they have answered; what money does is decided by them. `event` says what may
//! happen and what follows, `rules` decides, `tally` counts; this file has the state.
//!
//! Everything is recorded as it happens: a crash at any point is gone on from, and a second start is
//! ignored. An errand is asked for anew after a crash, since it changes nothing.
//!
//! Invariants: a phase ends when nothing is left to fetch and everybody asked has answered; without
//! a whole report of this run, nothing is called silent.

mod event;
mod rules;
mod tally;

use bincode::{Decode, Encode};

use crate::call::{Context, Policy};
use crate::errand::Place;
use crate::message::{Asker, Marks};
use crate::plan::Day;
use crate::time::Timestamp;

pub use event::{Event, Fetch, Groups};
pub use tally::Tally;

/// How many advances are asked to create what became due, at once: a page of the agenda.
pub const STAGED_AT_ONCE: u32 = 500;

/// How many advances are asked to submit at once: few, so that the queue to the processor is short.
pub const SUBMITTED_AT_ONCE: u32 = 200;

/// How many lines of the report are taken at once.
pub const LINES_AT_ONCE: u32 = 500;

/// How often a report is asked for that cannot be had.
pub const REPORT_TRIES_MAX: u32 = 5;

/// How many bytes the lines of one decision may have, so that its record fits a group of the
/// journal (128 KiB) with room to spare.
const LINES_BYTES_MAX: usize = 48 * 1024;

/// What may be asked of a run: nothing, it is begun by the schedule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {}

impl Command {
    /// The mark of what was asked for.
    pub fn content(&self) -> u64 {
        match *self {}
    }
}

/// How far a run is. Only appended to: it is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Encode, Decode)]
pub enum Phase {
    /// Debits that became due are created.
    #[default]
    Staging,
    /// The report is fetched.
    Fetching,
    /// What the report says is told.
    Reading,
    /// The report is closed.
    Closing,
    /// What is due is submitted.
    Submitting,
    /// It is over.
    Done,
}

impl Phase {
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Staging => "staging",
            Self::Fetching => "fetching",
            Self::Reading => "reading",
            Self::Closing => "closing",
            Self::Submitting => "submitting",
            Self::Done => "done",
        }
    }

    /// The step under which advances answer.
    const fn step(self) -> u8 {
        match self {
            Self::Staging => 0,
            Self::Fetching | Self::Reading | Self::Closing => 1,
            Self::Submitting | Self::Done => 2,
        }
    }
}

/// How the report was. Only appended to: it is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Encode, Decode)]
pub enum ReportStatus {
    /// It was not fetched yet.
    #[default]
    Awaited,
    /// It was whole, and counts.
    Read,
    /// It could not be had.
    Unavailable,
    /// It was there and could not be used: nothing of it counts.
    Unusable,
}

impl ReportStatus {
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Awaited => "awaited",
            Self::Read => "read",
            Self::Unavailable => "unavailable",
            Self::Unusable => "unusable",
        }
    }
}

/// What is known of the report.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Report {
    /// How it was.
    pub status: ReportStatus,
    /// Lines in all.
    pub lines: u64,
    /// Lines about debits of advances that the report before did not have.
    pub fresh: u64,
    /// Lines that are not about debits of advances.
    pub others: u64,
    /// A word for what was wrong.
    pub code: Option<Box<str>>,
    /// What was wrong, for people.
    pub detail: Option<Box<str>>,
}

/// What a run was begun with.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct Started {
    by: Asker,
    day: Day,
    planned_at: Timestamp,
    days: u16,
    at: Timestamp,
}

/// The state of a run. Before `Started` it has no beginning.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Run {
    started: Option<Box<Started>>,
    ended_at: Option<Timestamp>,
    phase: Phase,
    report: Report,
    tally: Tally,
    /// What is to be fetched, or is being fetched, in this phase.
    next: Option<Fetch>,
    is_fetching: bool,
    /// When it is fetched again.
    retry_at: Option<Timestamp>,
    /// How often something could not be had in this phase; the report is one phase in this.
    tries: u32,
    /// What could not be had, last time.
    trouble: Option<Box<str>>,
    /// How many errands there were: the last one's number.
    errands: u32,
    /// How many advances were asked and have not answered.
    outstanding: u32,
    marks: Marks,
}

impl Run {
    /// The day whose debits are due, and all before it; `None` before it has begun.
    pub fn day(&self) -> Option<Day> {
        Some(self.started.as_ref()?.day)
    }

    /// The instant for which it was planned.
    pub fn planned_at(&self) -> Option<Timestamp> {
        Some(self.started.as_ref()?.planned_at)
    }

    /// When it began.
    pub fn started_at(&self) -> Option<Timestamp> {
        Some(self.started.as_ref()?.at)
    }

    /// When it ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.ended_at
    }

    /// How far it is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What is known of the report.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// What was done, counted.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How many advances were asked and have not answered.
    pub fn outstanding(&self) -> u32 {
        self.outstanding
    }

    /// What it cannot have, and asks for again and again.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    fn began(&self) -> &Started {
        self.started.as_ref().expect("only a run that was begun goes on")
    }

    /// The beginning of what is fetched in a phase.
    fn first(&self, phase: Phase) -> Option<Fetch> {
        let until = self.began().day;
        let agenda = |limit| Some(Fetch::Agenda { until, after: None, limit });
        match phase {
            Phase::Staging => agenda(STAGED_AT_ONCE),
            Phase::Fetching => Some(Fetch::Report { days: self.began().days }),
            Phase::Reading => Some(Fetch::Lines { from: 0, limit: LINES_AT_ONCE }),
            Phase::Closing => Some(Fetch::Close),
            Phase::Submitting => agenda(SUBMITTED_AT_ONCE),
            Phase::Done => None,
        }
    }

    /// The phase after this one.
    fn following(&self) -> Phase {
        let is_read = self.report.status == ReportStatus::Read;
        match self.phase {
            Phase::Staging => Phase::Fetching,
            Phase::Fetching if is_read => Phase::Reading,
            Phase::Reading if is_read => Phase::Closing,
            Phase::Fetching | Phase::Reading | Phase::Closing => Phase::Submitting,
            Phase::Submitting | Phase::Done => Phase::Done,
        }
    }

    /// Writes an event; it never refuses. What does not fit is our fault, so the process stops.
    fn take(&mut self, event: &Event) {
        match event {
            Event::Started { source, by, day, planned_at, days, at } => {
                assert!(self.started.is_none(), "a run begins once");
                self.marks.raise(*source);
                let (by, planned_at, at) = (by.clone(), *planned_at, *at);
                let (day, days) = (*day, *days);
                self.started = Some(Box::new(Started { by, day, planned_at, days, at }));
                self.next = self.first(Phase::Staging);
            }
            Event::Fetched { number, fetch } => {
                assert_eq!(*number, self.errands + 1, "errands are counted");
                assert_eq!(self.next.as_ref(), Some(fetch), "what is next is fetched");
                (self.errands, self.is_fetching, self.retry_at) = (*number, true, None);
            }
            Event::Listed { advances, next, .. } => {
                self.brought(next.clone());
                self.asked(advances.len());
            }
            Event::Said { groups, next, foreign, .. } => {
                self.brought(next.clone());
                self.asked(groups.len());
                self.tally.strange += u64::from(*foreign);
            }
            Event::Shortened { next } => self.brought(Some(next.clone())),
            Event::ReportFound { size } => {
                self.brought(None);
                self.report.status = ReportStatus::Read;
                (self.report.lines, self.report.fresh) = (size.lines, size.fresh);
                self.report.others = size.others;
                (self.report.code, self.report.detail) = (None, None);
            }
            Event::ReportFailed { status, code, detail } => {
                self.brought(None);
                self.report.status = *status;
                self.report.code = Some(code.clone());
                self.report.detail = Some(detail.clone());
            }
            Event::Delayed { detail, retry_at } => {
                (self.is_fetching, self.retry_at) = (false, Some(*retry_at));
                self.tries += 1;
                self.trouble = Some(detail.clone());
            }
            Event::ReportLost { tries } => {
                (self.phase, self.tries) = (Phase::Fetching, *tries);
                self.brought(self.first(Phase::Fetching));
            }
            Event::Closed => self.brought(None),
            Event::Collected { source, step, tally } => {
                self.marks.raise(*source);
                assert_eq!(*step, self.phase.step(), "{event:?}: a phase ends with its answers");
                let left = self.outstanding.checked_sub(1);
                self.outstanding = left.expect("only who was asked answers");
                self.add(tally);
            }
            Event::Entered { phase } => {
                assert_eq!((self.outstanding, self.next.as_ref()), (0, None), "{event:?}");
                self.phase = *phase;
                if *phase != Phase::Reading {
                    self.tries = 0;
                }
                self.next = self.first(*phase);
            }
            Event::Ended { at, .. } => (self.phase, self.ended_at) = (Phase::Done, Some(*at)),
        }
    }

    /// An errand is done; what is next.
    fn brought(&mut self, next: Option<Fetch>) {
        assert!(self.is_fetching, "only what is fetched is brought");
        (self.is_fetching, self.next, self.trouble) = (false, next, None);
    }

    fn asked(&mut self, count: usize) {
        self.outstanding += u32::try_from(count).expect("a page is short");
    }

    /// Each advance is counted in the first pass: it has all that have something to do that day.
    fn add(&mut self, tally: &Tally) {
        let is_first = self.phase == Phase::Staging;
        let advances = if is_first { tally.advances } else { 0 };
        self.tally.add(&Tally { advances, ..*tally });
    }

    /// The place after the last one of a page.
    fn after(until: Day, places: &[Place], limit: u32, more: bool) -> Option<Fetch> {
        let after = places.last().filter(|_| more)?;
        Some(Fetch::Agenda { until, after: Some(after.clone()), limit })
    }
}

/// When something that could not be had is fetched again.
fn pause(context: &Context<'_>, policy: &Policy, tries: u32) -> Timestamp {
    context.after_ms(policy.pause_ms(tries + 1))
}
