//! What a run decides: what an errand brought, who has answered, what comes next.
//!
//! A turn ends with [`Turn::go_on`]: the next page is fetched when few enough advances still owe an
//! answer, the next phase begins when nothing is left. So whatever comes in, the run goes on.
//!
//! Without the agenda there is no run, so it is asked for until it comes. Without a report there is
//! one: after some tries the run goes on, says so, and calls nothing silent, because silence is what
//! a report does not have.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    Command, Event, Fetch, LINES_BYTES_MAX, Phase, REPORT_TRIES_MAX, ReportStatus, Run, pause,
};
use crate::advance::DebitKey;
use crate::call::Context;
use crate::code::Rejection;
use crate::entity::{Due, Entity, Wake};
use crate::errand::{Brought, Found, Place, ReportLine};
use crate::id::{AdvanceId, Kind, Seq};
use crate::message::{Body, Effect, Message, Movement, Pass, Stamp};

impl Entity for Run {
    type Command = Command;
    type Event = Event;
    type Summary = Arc<Self>;
    const KIND: Kind = Kind::Run;
    const WAITS: bool = true;

    fn exists(&self) -> bool {
        self.started.is_some()
    }

    fn decide(&self, command: &Command, _: &Context<'_>) -> Result<Vec<Event>, Rejection> {
        match *command {}
    }

    fn receive(&self, message: &Message, context: &Context<'_>) -> Vec<Event> {
        if self.marks.has(message.source) {
            return Vec::new();
        }
        let source = message.source;
        let mut turn = Turn::new(self, context);
        match &message.body {
            // It was begun before under this id, so there is nothing to begin.
            Body::StartRun { .. } if self.started.is_some() => {}
            Body::StartRun { by, day, planned_at, days } => {
                let (by, day, planned_at, days) = (by.clone(), *day, *planned_at, *days);
                let at = context.now;
                turn.push(Event::Started { source, by, day, planned_at, days, at });
            }
            Body::Collected { step, tally } => {
                turn.push(Event::Collected { source, step: *step, tally: *tally });
            }
            Body::Payment { .. }
            | Body::RefundOrder { .. }
            | Body::RefundMoney { .. }
            | Body::Begin(_)
            | Body::Mark { .. }
            | Body::Settle { .. }
            | Body::Unmark { .. }
            | Body::Credit { .. }
            | Body::Abandon { .. }
            | Body::Confirm { .. }
            | Body::Free { .. }
            | Body::Compensate(_)
            | Body::Reply { .. }
            | Body::Continue
            | Body::Post { .. }
            | Body::Unhold { .. }
            | Body::SettledPayment { .. }
            | Body::Reimbursed { .. }
            | Body::NotReimbursed { .. }
            | Body::Activate { .. }
            | Body::NotCredited { .. }
            | Body::Collect { .. }
            | Body::ReportSaid { .. }
            | Body::Drew { .. }
            | Body::RewardNews(_)
            | Body::RewardCredit { .. }
            | Body::Ungrant { .. }
            | Body::ClawBack(_)
            | Body::TakenBack { .. } => unreachable!("{message:?} is not for a run"),
        }
        turn.go_on();
        turn.events
    }

    fn brought(&self, brought: &Brought, context: &Context<'_>) -> Vec<Event> {
        let fetch = match &self.next {
            Some(fetch) if self.is_fetching && brought.number == self.errands => fetch,
            Some(_) | None => return Vec::new(),
        };
        let mut turn = Turn::new(self, context);
        turn.brought(fetch, &brought.found);
        turn.go_on();
        turn.events
    }

    fn woken(&self, why: Wake, context: &Context<'_>) -> Vec<Event> {
        let mut turn = Turn::new(self, context);
        match (why, self.retry_at) {
            (Wake::Resumed, None) if self.is_fetching => turn.fetch(),
            (_, Some(retry_at)) if retry_at <= context.now => turn.fetch(),
            (Wake::Resumed | Wake::Due, _) => {}
        }
        turn.events
    }

    fn due(&self) -> Due {
        match self.retry_at {
            Some(retry_at) => Due::At(retry_at),
            None if self.is_fetching => Due::Answer,
            None => Due::Nothing,
        }
    }

    fn apply(&mut self, event: &Event, _: Seq) {
        self.take(event);
    }

    fn react(id: &Arc<str>, event: &Event, stamp: Stamp) -> Vec<Effect> {
        event.effects(id, stamp)
    }

    fn movement(_: &Event) -> Option<Movement> {
        None
    }

    fn summary(&self) -> Option<Arc<Self>> {
        self.exists().then(|| Arc::new(self.clone()))
    }
}

/// One decision being made: events, and the state as they leave it.
struct Turn<'a> {
    run: Run,
    events: Vec<Event>,
    context: &'a Context<'a>,
}

impl<'a> Turn<'a> {
    fn new(run: &Run, context: &'a Context<'a>) -> Self {
        Self { run: run.clone(), events: Vec::new(), context }
    }

    fn push(&mut self, event: Event) {
        self.run.take(&event);
        self.events.push(event);
    }

    /// Fetches what is next, or begins the next phase.
    fn go_on(&mut self) {
        while self.run.phase != Phase::Done && !self.run.is_fetching && self.run.retry_at.is_none()
        {
            match &self.run.next {
                Some(fetch) if self.run.outstanding > fetch.room() => return,
                Some(_) => self.fetch(),
                None if self.run.outstanding > 0 => return,
                None => self.enter(self.run.following()),
            }
        }
    }

    fn enter(&mut self, phase: Phase) {
        if phase == Phase::Done {
            let (at, report) = (self.context.now, self.run.report.status);
            let by = self.run.began().by.clone();
            self.push(Event::Ended { at, by, report });
        } else {
            self.push(Event::Entered { phase });
        }
    }

    fn fetch(&mut self) {
        let fetch = self.run.next.clone().expect("only what is next is fetched");
        self.push(Event::Fetched { number: self.run.errands + 1, fetch });
    }

    fn brought(&mut self, fetch: &Fetch, found: &Found) {
        match (fetch, found) {
            (Fetch::Agenda { .. }, Found::Agenda { places, more }) => {
                self.listed(fetch, places, *more);
            }
            (Fetch::Report { .. }, Found::Report(size)) => {
                self.push(Event::ReportFound { size: *size });
            }
            (Fetch::Report { .. }, Found::Unusable { code, detail }) => {
                let (status, code) = (ReportStatus::Unusable, code.clone());
                self.push(Event::ReportFailed { status, code, detail: detail.clone() });
            }
            (Fetch::Report { .. } | Fetch::Lines { .. }, Found::Unavailable { reason })
                if self.run.tries + 1 >= REPORT_TRIES_MAX =>
            {
                self.unavailable(reason);
            }
            (Fetch::Lines { from, limit }, Found::Lines { lines, next }) => {
                self.said((*from, *limit), lines, *next);
            }
            (Fetch::Lines { .. }, Found::Gone) if self.run.tries + 1 >= REPORT_TRIES_MAX => {
                self.unavailable("it was lost while it was read");
            }
            (Fetch::Lines { .. }, Found::Gone) => {
                self.push(Event::ReportLost { tries: self.run.tries + 1 });
            }
            (Fetch::Close, Found::Closed | Found::Gone) => self.push(Event::Closed),
            // Unclosed, its lines come again with the next report, and are known.
            (Fetch::Close, Found::Unavailable { .. }) if self.run.tries + 1 >= REPORT_TRIES_MAX => {
                self.push(Event::Closed);
            }
            (_, Found::Unavailable { reason }) => {
                let retry_at = pause(self.context, self.context.policy, self.run.tries);
                self.push(Event::Delayed { detail: reason.clone(), retry_at });
            }
            (
                _,
                Found::Agenda { .. }
                | Found::Report(_)
                | Found::Unusable { .. }
                | Found::Lines { .. }
                | Found::Gone
                | Found::Closed,
            ) => unreachable!("{found:?} was brought for {fetch:?}"),
        }
    }

    fn unavailable(&mut self, reason: &str) {
        let (status, detail) = (ReportStatus::Unavailable, reason.into());
        self.push(Event::ReportFailed { status, code: "report-unavailable".into(), detail });
    }

    /// A page of the agenda: everybody on it is asked.
    fn listed(&mut self, fetch: &Fetch, places: &[Place], more: bool) {
        let Fetch::Agenda { until, limit, .. } = fetch else {
            unreachable!("{fetch:?} is no agenda")
        };
        let id = |place: &Place| {
            AdvanceId::parse(&place.id).expect("the agenda of advances has advances")
        };
        let pass = if self.run.phase == Phase::Staging { Pass::Stage } else { Pass::Submit };
        self.push(Event::Listed {
            step: self.run.phase.step(),
            day: *until,
            pass,
            judge_silence: self.run.report.status == ReportStatus::Read,
            advances: places.iter().map(id).collect(),
            next: Run::after(*until, places, *limit, more),
        });
    }

    /// Lines of the report: everybody they are about is told.
    fn said(&mut self, (from, limit): (u64, u32), lines: &[ReportLine], next: Option<u64>) {
        if lines.len() > 1 && lines.iter().map(size_bytes).sum::<usize>() > LINES_BYTES_MAX {
            let limit = u32::try_from(lines.len()).map_or(limit, |count| count.min(limit)) / 2;
            return self.push(Event::Shortened { next: Fetch::Lines { from, limit } });
        }
        let mut groups: BTreeMap<AdvanceId, Vec<ReportLine>> = BTreeMap::new();
        let mut foreign = 0;
        for line in lines {
            match DebitKey::parse(&line.key) {
                Some(key) => groups.entry(key.advance).or_default().push(line.clone()),
                None => foreign += 1,
            }
        }
        self.push(Event::Said {
            step: self.run.phase.step(),
            day: self.run.began().day,
            groups: groups.into_iter().collect(),
            foreign,
            next: next.map(|from| Fetch::Lines { from, limit }),
        });
    }
}

/// About how long a line is in a record.
fn size_bytes(line: &ReportLine) -> usize {
    let code = line.code.as_ref().map_or(0, |code| code.len());
    line.transaction.len() + 2 * line.key.len() + code + 16
}
