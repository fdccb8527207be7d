//! What may happen to a run, and what follows from it outside.
//!
//! Events are on disk for ever: only appended to. A page of the agenda or of the report is one
//! event, from which the messages to all advances on it are made; pages are bounded, so that the
//! record fits a group of the journal.

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::errand::{Errand, Place, ReportLine, ReportSize, Wanted};
use crate::id::{AdvanceId, EntityId, Kind};
use crate::message::{Answer, Asker, Body, Effect, Message, Pass, Source, Stamp};
use crate::plan::Day;
use crate::run::{ReportStatus, Tally};
use crate::time::Timestamp;

/// Lines of a report by advance.
pub type Groups = Vec<(AdvanceId, Vec<ReportLine>)>;

/// What a run fetches.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Fetch {
    /// Advances that have something to do.
    Agenda {
        /// Up to and including this day.
        until: Day,
        /// After this place.
        after: Option<Place>,
        /// At most so many.
        limit: u32,
    },
    /// The processor's report.
    Report {
        /// Of how many days.
        days: u16,
    },
    /// Lines of the report.
    Lines {
        /// From this position.
        from: u64,
        /// At most so many.
        limit: u32,
    },
    /// Nothing: the report was worked through.
    Close,
}

impl Fetch {
    fn wanted(&self) -> Wanted {
        match self {
            Self::Agenda { until, after, limit } => Wanted::Agenda {
                kind: Kind::Advance,
                until: i64::from(until.days()),
                after: after.clone(),
                limit: *limit,
            },
            Self::Report { days } => Wanted::FetchReport { days: *days },
            Self::Lines { from, limit } => Wanted::ReportLines { from: *from, limit: *limit },
            Self::Close => Wanted::CloseReport,
        }
    }

    /// How many advances may still owe an answer when it is fetched: half of what it may bring.
    pub(super) const fn room(&self) -> u32 {
        match self {
            Self::Agenda { limit, .. } | Self::Lines { limit, .. } => *limit / 2,
            Self::Report { .. } | Self::Close => 0,
        }
    }
}

/// What may happen to a run.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Event {
    /// It began.
    Started {
        /// The schedule's record.
        source: Source,
        /// Who asked.
        by: Asker,
        /// The day whose debits are due, and all before it.
        day: Day,
        /// The instant for which it was planned.
        planned_at: Timestamp,
        /// Of how many days the report is to be.
        days: u16,
        /// When.
        at: Timestamp,
    },
    /// An errand was given.
    Fetched {
        /// The errand's number.
        number: u32,
        /// What is fetched.
        fetch: Fetch,
    },
    /// A page of the agenda came; the advances on it are asked.
    Listed {
        /// The step under which they answer.
        step: u8,
        /// The day of the run.
        day: Day,
        /// What they are to do.
        pass: Pass,
        /// Whether what has no outcome can be called silent.
        judge_silence: bool,
        /// Who is asked.
        advances: Vec<AdvanceId>,
        /// What is fetched next.
        next: Option<Fetch>,
    },
    /// Lines of the report came; the advances they are about are told.
    Said {
        /// The step under which they answer.
        step: u8,
        /// The day of the run.
        day: Day,
        /// The lines.
        groups: Groups,
        /// Lines that are about no debit of an advance.
        foreign: u32,
        /// What is fetched next.
        next: Option<Fetch>,
    },
    /// The lines that came were too long for one record; fewer are fetched.
    Shortened {
        /// What is fetched next.
        next: Fetch,
    },
    /// The report is whole.
    ReportFound {
        /// What it has.
        size: ReportSize,
    },
    /// There is no report for this run.
    ReportFailed {
        /// How it was.
        status: ReportStatus,
        /// A word.
        code: Box<str>,
        /// What was seen.
        detail: Box<str>,
    },
    /// Something could not be had; it is fetched again.
    Delayed {
        /// What was seen.
        detail: Box<str>,
        /// When it is fetched again.
        retry_at: Timestamp,
    },
    /// The report that was set aside is gone; it is fetched again.
    ReportLost {
        /// How often something of it could not be had.
        tries: u32,
    },
    /// The report is closed.
    Closed,
    /// An advance has answered.
    Collected {
        /// The advance's record.
        source: Source,
        /// The step in which it was asked.
        step: u8,
        /// What it did.
        tally: Tally,
    },
    /// The next phase began.
    Entered {
        /// Which.
        phase: super::Phase,
    },
    /// It is over.
    Ended {
        /// When.
        at: Timestamp,
        /// Who asked for it.
        by: Asker,
        /// How the report was: whoever asked is told of a good one.
        report: ReportStatus,
    },
}

impl Event {
    /// What must happen outside, once the event is durable.
    pub(super) fn effects(&self, id: &Arc<str>, stamp: Stamp) -> Vec<Effect> {
        let source = stamp.source;
        let by = |step| Asker { entity: EntityId::run(Arc::clone(id)), step };
        match self {
            Self::Fetched { number, fetch } => {
                vec![Effect::Fetch(Errand { number: *number, wanted: fetch.wanted() })]
            }
            Self::Listed { step, day, pass, judge_silence, advances, .. } => {
                let ask = |advance: &AdvanceId| {
                    let (by, day, pass) = (by(*step), *day, *pass);
                    let body = Body::Collect { by, day, pass, judge_silence: *judge_silence };
                    Effect::Send(Message { source, to: EntityId::advance(advance), body })
                };
                advances.iter().map(ask).collect()
            }
            Self::Said { step, day, groups, .. } => {
                let tell = |(advance, lines): &(AdvanceId, Vec<ReportLine>)| {
                    let (by, day, lines) = (by(*step), *day, lines.clone());
                    let body = Body::ReportSaid { by, day, lines };
                    Effect::Send(Message { source, to: EntityId::advance(advance), body })
                };
                groups.iter().map(tell).collect()
            }
            Self::Ended { by, report: ReportStatus::Read, .. } => {
                vec![by.reply(source, Answer::Done)]
            }
            Self::Started { .. }
            | Self::Shortened { .. }
            | Self::ReportFound { .. }
            | Self::ReportFailed { .. }
            | Self::Delayed { .. }
            | Self::ReportLost { .. }
            | Self::Closed
            | Self::Collected { .. }
            | Self::Entered { .. }
            | Self::Ended { .. } => Vec::new(),
        }
    }
}
