//! A run over the advances, folded a second time and written apart from the rules in
//! `bursar-domain`.
//!
//! From nothing, record by record: its phases in order, each of which ends when nothing is left to
//! fetch and everybody asked has answered; what was fetched, page after page; who was asked in
//! which step; what they answered, added up a second time. That each question and each answer is
//! what the other side has of it, `transfers` finds. What an errand brought stands in no record, so
//! nothing is known of it but what the run did with it.
//!
//! Snapshots are read by their form on disk, field by field, not through the type that wrote them.

mod pages;

use bursar_domain::currency::Currency;
use bursar_domain::id::{Kind, Seq, ShardId};
use bursar_domain::message::{Answer, Asker, Body, Source};
use bursar_domain::plan::Day;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::run::{Event, Fetch, Phase, Report, ReportStatus, Tally};
use bursar_domain::time::Timestamp;
use bursar_snapshots::codec::{self, CodecError};

use super::advance::work::in_words;
use super::entity::{Account, Saved};
use super::ledger::{Entry, Marks, compare, must_be, same, strange};

/// What a run was begun with: who asked, the day, the instant for which it was planned, of how many
/// days the report is to be, when.
type Started = (Asker, Day, Timestamp, u16, Timestamp);

/// A run's state as it is on disk: what it was begun with, when it ended, phase, report, counts,
/// what is next to be fetched, whether it is being fetched, when it is fetched again, tries, what
/// could not be had, errands, how many have not answered, received messages.
pub(super) type State = (
    Option<Started>,
    Option<Timestamp>,
    Phase,
    Report,
    Tally,
    Option<Fetch>,
    bool,
    Option<Timestamp>,
    u32,
    Option<Box<str>>,
    u32,
    u32,
    Vec<(ShardId, Seq)>,
);

/// A run as its records make it.
#[derive(Debug, Default)]
pub(super) struct Run {
    started: Option<Started>,
    ended_at: Option<Timestamp>,
    phase: Phase,
    report: Report,
    tally: Tally,
    next: Option<Fetch>,
    is_fetching: bool,
    retry_at: Option<Timestamp>,
    tries: u32,
    trouble: Option<Box<str>>,
    errands: u32,
    outstanding: u32,
    marks: Marks,
}

impl Account for Run {
    type State = State;

    fn read(bytes: &[u8]) -> Result<Saved<State>, CodecError> {
        codec::decode(bytes)
    }

    fn add(&mut self, record: &Record, entry: &mut Entry<'_>) {
        match &record.verdict {
            Verdict::Run(events) => {
                for event in events {
                    self.event(event, entry);
                }
                self.check_goes_on(entry);
            }
            Verdict::Wallet(_)
            | Verdict::Provider(_)
            | Verdict::Deal(_)
            | Verdict::Saga(_)
            | Verdict::Compensation(_)
            | Verdict::Advance(_)
            | Verdict::Schedule(_)
            | Verdict::Campaign(_)
            | Verdict::Statement(_) => strange(entry),
            Verdict::Refused(_) => entry.wrong("a run is asked nothing that it could refuse"),
        }
    }

    fn differences(&self, state: &State) -> Vec<String> {
        let (started, ended_at, phase, report, tally, next, is_fetching, ..) = state;
        let (.., retry_at, tries, trouble, errands, outstanding, marks) = state;
        let mut list = Vec::new();
        same(&mut list, started, &self.started, "what it was begun with is not what was recorded");
        same(&mut list, ended_at, &self.ended_at, "when it ended is not as recorded");
        compare(&mut list, "phase", &phase.as_str(), &self.phase.as_str());
        same(&mut list, report, &self.report, "the report is not what the records say of it");
        compare(&mut list, "tally", &in_words(tally), &in_words(&self.tally));
        same(&mut list, next, &self.next, "what is fetched next is not as recorded");
        compare(&mut list, "fetching", is_fetching, &self.is_fetching);
        same(&mut list, retry_at, &self.retry_at, "when it is fetched again is not as recorded");
        compare(&mut list, "tries", tries, &self.tries);
        same(&mut list, trouble, &self.trouble, "what could not be had is not as recorded");
        compare(&mut list, "errands", errands, &self.errands);
        compare(&mut list, "outstanding", outstanding, &self.outstanding);
        if !self.marks.is(marks) {
            list.push("the received messages are not those of the records".to_owned());
        }
        list
    }

    fn balance(&self) -> Option<(Currency, i128)> {
        None
    }

    fn waits((.., is_fetching, retry_at, _, _, _, _, _): &State) -> Option<i64> {
        match retry_at {
            Some(retry_at) => Some(retry_at.millis()),
            None => is_fetching.then_some(0),
        }
    }
}

/// The step in which a phase asks.
fn step_of(phase: Phase) -> u8 {
    match phase {
        Phase::Staging => 0,
        Phase::Fetching | Phase::Reading | Phase::Closing => 1,
        Phase::Submitting | Phase::Done => 2,
    }
}

impl Run {
    fn event(&mut self, event: &Event, entry: &mut Entry<'_>) {
        if self.started.is_none() && !matches!(event, Event::Started { .. }) {
            entry.wrong("it was decided before the run began");
        }
        if self.phase == Phase::Done {
            entry.wrong("it was decided after the run ended");
        }
        match event {
            Event::Started { source, by, day, planned_at, days, at } => {
                let body = Body::StartRun {
                    by: by.clone(),
                    day: *day,
                    planned_at: *planned_at,
                    days: *days,
                };
                self.marks.receive(*source, &body, entry);
                must_be(Kind::Schedule, by, entry);
                entry.check_at(*at);
                let started = (by.clone(), *day, *planned_at, *days, *at);
                if self.started.replace(started).is_some() {
                    entry.wrong("the run began before");
                }
                self.next = self.agenda();
            }
            Event::Fetched { number, fetch } => self.fetched(*number, fetch, entry),
            Event::Listed { .. } => self.listed(event, entry),
            Event::Said { step, day, groups, foreign, next } => {
                self.check_asks(*step, *day, entry);
                self.said(groups, *foreign, next.as_ref(), entry);
            }
            Event::Shortened { next } => self.shortened(next, entry),
            Event::ReportFound { size } => {
                self.report_ends(ReportStatus::Read, entry);
                let status = ReportStatus::Read;
                let (lines, fresh, others) = (size.lines, size.fresh, size.others);
                self.report = Report { status, lines, fresh, others, ..Report::default() };
            }
            Event::ReportFailed { status, code, detail } => {
                self.report_ends(*status, entry);
                self.report.status = *status;
                self.report.code = Some(code.clone());
                self.report.detail = Some(detail.clone());
            }
            Event::Delayed { detail, retry_at } => {
                self.must_fetch(entry);
                (self.is_fetching, self.retry_at) = (false, Some(*retry_at));
                (self.tries, self.trouble) = (self.tries + 1, Some(detail.clone()));
            }
            Event::ReportLost { tries } => {
                self.must_be_in(&[Phase::Reading], entry);
                if *tries != self.tries + 1 {
                    entry.wrong(format!("try {tries} follows try {}", self.tries));
                }
                (self.phase, self.tries) = (Phase::Fetching, *tries);
                let report = self.whole_report();
                self.brought(report, entry);
            }
            Event::Closed => {
                self.must_be_in(&[Phase::Closing], entry);
                self.brought(None, entry);
            }
            Event::Collected { source, step, tally } => {
                self.collected(*source, *step, tally, entry);
            }
            Event::Entered { phase } => self.entered(*phase, entry),
            Event::Ended { at, by, report } => self.ended(*at, by, *report, entry),
        }
    }

    fn must_be_in(&self, phases: &[Phase], entry: &mut Entry<'_>) {
        if !phases.contains(&self.phase) {
            entry.wrong(format!("it cannot happen while the run is {}", self.phase.as_str()));
        }
    }

    /// The report is there, or there is none for this run.
    fn report_ends(&mut self, status: ReportStatus, entry: &mut Entry<'_>) {
        let phases: &[Phase] = match status {
            ReportStatus::Read | ReportStatus::Unusable => &[Phase::Fetching],
            ReportStatus::Unavailable => &[Phase::Fetching, Phase::Reading],
            ReportStatus::Awaited => &[],
        };
        self.must_be_in(phases, entry);
        self.brought(None, entry);
    }

    fn collected(&mut self, source: Source, step: u8, tally: &Tally, entry: &mut Entry<'_>) {
        self.marks.receive(source, &Body::Collected { step, tally: *tally }, entry);
        if step != step_of(self.phase) {
            let phase = self.phase.as_str();
            entry.wrong(format!("an advance answers in step {step}; the run is {phase}"));
        }
        match self.outstanding.checked_sub(1) {
            Some(left) => self.outstanding = left,
            None => entry.wrong("an advance answers, and everybody asked has answered"),
        }
        // Each advance is one of those of the run in the first pass only.
        let advances = if self.phase == Phase::Staging { tally.advances } else { 0 };
        let sum = |one: u64, other: u64| one.saturating_add(other);
        let before = self.tally;
        self.tally = Tally {
            advances: sum(before.advances, advances),
            staged: sum(before.staged, tally.staged),
            submitted: sum(before.submitted, tally.submitted),
            unknown: sum(before.unknown, tally.unknown),
            deferred: sum(before.deferred, tally.deferred),
            succeeded: sum(before.succeeded, tally.succeeded),
            failed: sum(before.failed, tally.failed),
            silent: sum(before.silent, tally.silent),
            replaced: sum(before.replaced, tally.replaced),
            cancelled: sum(before.cancelled, tally.cancelled),
            refunded: sum(before.refunded, tally.refunded),
            contradicted: sum(before.contradicted, tally.contradicted),
            strange: sum(before.strange, tally.strange),
            completed: sum(before.completed, tally.completed),
            defaulted: sum(before.defaulted, tally.defaulted),
        };
    }

    /// The phase that comes after this one.
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

    /// A phase ends only when nothing is left.
    fn phase_ends(&self, following: Phase, entry: &mut Entry<'_>) {
        let expected = self.following();
        if following != expected {
            let (from, to) = (self.phase.as_str(), following.as_str());
            let expected = expected.as_str();
            entry.wrong(format!("after {from} comes {expected}, and it goes on with {to}"));
        }
        if self.outstanding > 0 || self.next.is_some() || self.is_fetching {
            let (phase, count) = (self.phase.as_str(), self.outstanding);
            let rest = if self.next.is_some() { "something" } else { "nothing" };
            entry.wrong(format!(
                "the phase {phase} ends; {count} advances have not answered and {rest} is to be \
                 fetched"
            ));
        }
    }

    fn entered(&mut self, phase: Phase, entry: &mut Entry<'_>) {
        self.phase_ends(phase, entry);
        self.phase = phase;
        if phase != Phase::Reading {
            self.tries = 0;
        }
        self.next = self.first_of(phase);
    }

    fn ended(&mut self, at: Timestamp, by: &Asker, report: ReportStatus, entry: &mut Entry<'_>) {
        self.phase_ends(Phase::Done, entry);
        entry.check_at(at);
        if report != self.report.status {
            let (said, found) = (report.as_str(), self.report.status.as_str());
            entry.wrong(format!("it ends with a report that is {said}; it was {found}"));
        }
        if self.started.as_ref().is_some_and(|started| started.0 != *by) {
            let (entity, step) = (&by.entity, by.step);
            entry.wrong(format!("it tells {entity} in step {step}, which did not begin it"));
        }
        if report == ReportStatus::Read {
            entry.replied(by, Answer::Done);
        }
        (self.phase, self.ended_at) = (Phase::Done, Some(at));
    }

    /// A decision leaves something under way, or the run is over: else nobody would go on with it.
    fn check_goes_on(&self, entry: &mut Entry<'_>) {
        let goes_on = self.is_fetching || self.retry_at.is_some() || self.outstanding > 0;
        if !goes_on && self.phase != Phase::Done {
            entry.wrong("the run is not over, and nothing is under way for it");
        }
    }
}
