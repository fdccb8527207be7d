//! What a run fetches, page after page, and whom it asks because of that.
//!
//! Only what is next is fetched, and only what is being fetched can come. A page goes on where the
//! one before ended; everybody on it is asked once, in the step of the phase. A line of the report
//! goes to the advance whose key it has.

use std::collections::BTreeSet;

use bursar_domain::errand::ReportLine;
use bursar_domain::id::{AdvanceId, EntityId, Kind};
use bursar_domain::message::{Asker, Body, Pass};
use bursar_domain::plan::Day;
use bursar_domain::run::{Event, Fetch, Phase, ReportStatus};

use super::{Run, step_of};
use crate::cli::verify::ledger::Entry;

impl Run {
    /// The first page of the agenda, up to the day of the run. How many at once is free.
    pub(super) fn agenda(&self) -> Option<Fetch> {
        let until = self.started.as_ref()?.1;
        Some(Fetch::Agenda { until, after: None, limit: 0 })
    }

    pub(super) fn whole_report(&self) -> Option<Fetch> {
        Some(Fetch::Report { days: self.started.as_ref()?.3 })
    }

    /// What a phase fetches first.
    pub(super) fn first_of(&self, phase: Phase) -> Option<Fetch> {
        match phase {
            Phase::Staging | Phase::Submitting => self.agenda(),
            Phase::Fetching => self.whole_report(),
            Phase::Reading => Some(Fetch::Lines { from: 0, limit: 0 }),
            Phase::Closing => Some(Fetch::Close),
            Phase::Done => None,
        }
    }

    pub(super) fn fetched(&mut self, number: u32, fetch: &Fetch, entry: &mut Entry<'_>) {
        if number != self.errands + 1 {
            entry.wrong(format!("errand {number} follows errand {}", self.errands));
        }
        if !self.next.as_ref().is_some_and(|next| is_same(next, fetch)) {
            entry.wrong("it fetches what is not next");
        }
        // Only now it is known how many at once.
        self.next = Some(fetch.clone());
        (self.errands, self.is_fetching, self.retry_at) = (number, true, None);
    }

    pub(super) fn must_fetch(&self, entry: &mut Entry<'_>) {
        if !self.is_fetching {
            entry.wrong("something came, and nothing is being fetched");
        }
    }

    pub(super) fn brought(&mut self, next: Option<Fetch>, entry: &mut Entry<'_>) {
        self.must_fetch(entry);
        (self.is_fetching, self.next, self.trouble) = (false, next, None);
    }

    /// Who asks advances in this phase, and of which day.
    pub(super) fn check_asks(&self, step: u8, day: Day, entry: &mut Entry<'_>) {
        if step != step_of(self.phase) {
            let phase = self.phase.as_str();
            entry.wrong(format!("it asks in step {step}; the run is {phase}"));
        }
        if self.started.as_ref().is_some_and(|started| started.1 != day) {
            entry.wrong(format!("it asks for {day}, which is not the day of the run"));
        }
    }

    pub(super) fn listed(&mut self, event: &Event, entry: &mut Entry<'_>) {
        let Event::Listed { step, day, pass, judge_silence, advances, next } = event else {
            return;
        };
        self.check_asks(*step, *day, entry);
        let expected = match self.phase {
            Phase::Staging => Some(Pass::Stage),
            Phase::Submitting => Some(Pass::Submit),
            Phase::Fetching | Phase::Reading | Phase::Closing | Phase::Done => None,
        };
        if Some(*pass) != expected {
            let phase = self.phase.as_str();
            entry.wrong(format!("advances are asked for what is not to be done while {phase}"));
        }
        if *judge_silence != (self.report.status == ReportStatus::Read) {
            entry.wrong("it says whether there was a good report, and is mistaken");
        }
        let limit = match &self.next {
            Some(Fetch::Agenda { limit, .. }) => *limit,
            Some(Fetch::Report { .. } | Fetch::Lines { .. } | Fetch::Close) | None => 0,
        };
        if advances.len() > limit as usize {
            let count = advances.len();
            entry.wrong(format!("{count} advances are on a page of {limit}"));
        }
        if let Some(next) = next {
            let is_next = matches!(next, Fetch::Agenda { until, after: Some(after), limit: size }
                if until == day && *size == limit
                    && advances.last().is_some_and(|last| *last.as_str() == *after.id));
            if !is_next {
                entry.wrong("the next page does not begin behind this one");
            }
        }
        let by = asker(*step, entry);
        let body = Body::Collect { by, day: *day, pass: *pass, judge_silence: *judge_silence };
        self.ask(advances.iter().map(|advance| (advance, body.clone())), entry);
        self.brought(next.clone(), entry);
    }

    pub(super) fn said(
        &mut self,
        groups: &[(AdvanceId, Vec<ReportLine>)],
        foreign: u32,
        next: Option<&Fetch>,
        entry: &mut Entry<'_>,
    ) {
        self.must_be_in(&[Phase::Reading], entry);
        let (first, limit) = self.lines();
        let count: usize = groups.iter().map(|(_, lines)| lines.len()).sum();
        let count = count as u64 + u64::from(foreign);
        if count > u64::from(limit) {
            entry.wrong(format!("{count} lines came; {limit} were fetched"));
        }
        if let Some(next) = next {
            let goes_on = matches!(next, Fetch::Lines { from, limit: size }
                if *from > first && *size == limit);
            if !goes_on {
                entry.wrong("the next lines do not begin behind these");
            }
        }
        for (advance, lines) in groups {
            let key = format!("{advance}/d");
            if lines.is_empty() || lines.iter().any(|line| !line.key.starts_with(&key)) {
                entry.wrong(format!("advance {advance} is told lines that are not about it"));
            }
        }
        let day = self.started.as_ref().map(|started| started.1);
        let by = asker(step_of(self.phase), entry);
        let told = groups.iter().filter_map(|(advance, lines)| {
            let body = Body::ReportSaid { by: by.clone(), day: day?, lines: lines.clone() };
            Some((advance, body))
        });
        let told: Vec<_> = told.collect();
        self.ask(told.into_iter(), entry);
        self.tally.strange += u64::from(foreign);
        self.brought(next.cloned(), entry);
    }

    /// From where, and how many at once, the lines are that are being fetched.
    fn lines(&self) -> (u64, u32) {
        if let Some(Fetch::Lines { from, limit }) = &self.next { (*from, *limit) } else { (0, 0) }
    }

    pub(super) fn shortened(&mut self, next: &Fetch, entry: &mut Entry<'_>) {
        self.must_be_in(&[Phase::Reading], entry);
        let (first, size) = self.lines();
        let is_shorter = matches!(next, Fetch::Lines { from, limit }
            if *from == first && *limit < size && *limit > 0);
        if !is_shorter {
            entry.wrong("fewer of the same lines are to be fetched, and it says otherwise");
        }
        self.brought(Some(next.clone()), entry);
    }

    /// Asks some advances, each once.
    fn ask<'a>(
        &mut self,
        asked: impl Iterator<Item = (&'a AdvanceId, Body)>,
        entry: &mut Entry<'_>,
    ) {
        let mut before = BTreeSet::new();
        for (advance, body) in asked {
            if !before.insert(advance.as_str()) {
                entry.wrong(format!("advance {advance} is asked twice at once"));
                continue;
            }
            self.outstanding += 1;
            entry.sent(&EntityId::advance(advance), &body);
        }
    }
}

/// Whether what is fetched is what was next; how many at once is free at the beginning.
fn is_same(next: &Fetch, fetch: &Fetch) -> bool {
    match (next, fetch) {
        (
            Fetch::Agenda { until, after: None, limit: 0 },
            Fetch::Agenda { until: day, after: None, .. },
        ) => until == day,
        (Fetch::Lines { from: 0, limit: 0 }, Fetch::Lines { from, .. }) => *from == 0,
        (Fetch::Agenda { .. } | Fetch::Report { .. } | Fetch::Lines { .. } | Fetch::Close, _) => {
            next == fetch
        }
    }
}

fn asker(step: u8, entry: &Entry<'_>) -> Asker {
    let entity = EntityId { kind: Kind::Run, id: entry.place.id.id.clone() };
    Asker { entity, step }
}
