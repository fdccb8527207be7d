//! Lives of runs and of the schedule, event by event.
//!
//! Each record is one that the rules could have written; together they have every event. The first
//! run has a report that is lost once while it is read, the second one that cannot be used, the
//! third has none.

use bursar_domain::cadence::Cadence;
use bursar_domain::errand::{Place, ReportSize};
use bursar_domain::id::{AdvanceId, EntityId};
use bursar_domain::message::Pass;
use bursar_domain::record::Verdict;
use bursar_domain::run::{Event, Fetch, Groups, Phase, ReportStatus, Tally};
use bursar_domain::schedule::{self, Rang};
use bursar_domain::time::Timestamp;

use super::orders::{day, lines, schedule_of, tally};
use super::pushes::advance_id;
use super::sagas::{Life, life, now};
use super::source;

/// A page was listed, the next one is fetched.
pub(crate) const STAGING: u64 = 401;
/// A page could not be had.
pub(crate) const DELAYED: u64 = 402;
/// The report was lost.
pub(crate) const LOST: u64 = 410;
/// Lines were told, and advances owe answers.
pub(crate) const READING: u64 = 412;
/// The last record of the first run.
pub(crate) const DONE: u64 = 418;
/// The second run goes on without a report.
pub(crate) const UNUSABLE: u64 = 432;
/// The schedule waits for two runs.
pub(crate) const AWAITING: u64 = 452;
/// The last record of the schedule.
pub(crate) const SET_AGAIN: u64 = 456;

fn started(step: u8, days: u16) -> Event {
    let (by, day, planned_at, at) = (schedule_of(step), day(0), now(-5), now(0));
    Event::Started { source: source(13, 1), by, day, planned_at, days, at }
}

fn agenda(after: Option<&str>, limit: u32) -> Fetch {
    let after = after.map(|id| Place { number: i64::from(day(0).days()), id: id.into() });
    Fetch::Agenda { until: day(0), after, limit }
}

fn fetched(number: u32, fetch: Fetch) -> Event {
    Event::Fetched { number, fetch }
}

fn listed(pass: Pass, ids: &[&str], next: Option<Fetch>) -> Event {
    let step = match pass {
        Pass::Stage => 0,
        Pass::Submit => 2,
    };
    let advances = ids.iter().map(|id| advance_id(id)).collect();
    let judge_silence = pass == Pass::Submit;
    Event::Listed { step, day: day(0), pass, judge_silence, advances, next }
}

fn collected(shard: u16, seq: u64, step: u8, tally: Tally) -> Event {
    Event::Collected { source: source(shard, seq), step, tally }
}

fn entered(phase: Phase) -> Event {
    Event::Entered { phase }
}

/// Lines about two advances.
fn groups() -> Groups {
    let one: (AdvanceId, _) =
        (advance_id("adv_1"), lines(["adv_1/d1/1", "adv_1/d2/2", "adv_1/d3/1"]));
    let other = lines(["adv_2/d1/1", "adv_2/d2/1", "adv_2/d9/3"]);
    vec![one, (advance_id("adv_2"), other[1..2].to_vec())]
}

fn run_life(id: &str, first: u64, decisions: Vec<Vec<Event>>) -> Life {
    life(&EntityId::run(id), first, decisions.into_iter().map(Verdict::Run).collect())
}

/// The first pass, and a report that is lost while it is read.
fn until_lost() -> Vec<Vec<Event>> {
    let size = ReportSize { lines: 1_000_000, fresh: 300, others: 70_000 };
    let one = Tally { advances: 1, staged: 2, ..Tally::default() };
    let retry_at = now(250);
    vec![
        vec![started(1, 5), fetched(1, agenda(None, 500))],
        vec![
            listed(Pass::Stage, &["adv_1", "adv_2"], Some(agenda(Some("adv_2"), 500))),
            fetched(2, agenda(Some("adv_2"), 500)),
        ],
        vec![Event::Delayed { detail: "the disk is slow".into(), retry_at }],
        vec![fetched(3, agenda(Some("adv_2"), 500))],
        vec![listed(Pass::Stage, &["adv_4"], None)],
        vec![collected(0, 302, 0, one)],
        vec![collected(1, 332, 0, one)],
        vec![
            collected(2, 370, 0, Tally::default()),
            entered(Phase::Fetching),
            fetched(4, Fetch::Report { days: 5 }),
        ],
        vec![
            Event::ReportFound { size },
            entered(Phase::Reading),
            fetched(5, Fetch::Lines { from: 0, limit: 500 }),
        ],
        vec![
            Event::Shortened { next: Fetch::Lines { from: 0, limit: 250 } },
            fetched(6, Fetch::Lines { from: 0, limit: 250 }),
        ],
        vec![Event::ReportLost { tries: 1 }, fetched(7, Fetch::Report { days: 5 })],
    ]
}

/// A run that has a good report in the end.
pub(crate) fn read() -> Life {
    let more = Fetch::Lines { from: 500, limit: 500 };
    let said = |groups, foreign, next| Event::Said { step: 1, day: day(0), groups, foreign, next };
    let found = Tally { succeeded: 3, contradicted: 1, ..Tally::default() };
    let rest = vec![
        vec![
            Event::ReportFound { size: ReportSize::default() },
            entered(Phase::Reading),
            fetched(8, Fetch::Lines { from: 0, limit: 500 }),
        ],
        vec![said(groups(), 3, Some(more.clone())), fetched(9, more)],
        vec![said(Vec::new(), 0, None)],
        vec![collected(0, 307, 1, found)],
        vec![
            collected(1, 336, 1, Tally::default()),
            entered(Phase::Closing),
            fetched(10, Fetch::Close),
        ],
        vec![Event::Closed, entered(Phase::Submitting), fetched(11, agenda(None, 200))],
        vec![listed(Pass::Submit, &["adv_1"], None)],
        vec![
            collected(0, 311, 2, tally()),
            Event::Ended { at: now(9), by: schedule_of(1), report: ReportStatus::Read },
        ],
    ];
    run_life("run_2026-11-21", 400, [until_lost(), rest].concat())
}

/// A run whose report fails, in a way and with a word.
fn without_report(id: &str, at: u64, status: ReportStatus, code: &str) -> Life {
    let (code, detail) = (code.into(), "line 3: the amount is missing".into());
    let decisions = vec![
        vec![started(2, 60), fetched(1, agenda(None, 500))],
        vec![
            listed(Pass::Stage, &[], None),
            entered(Phase::Fetching),
            fetched(2, Fetch::Report { days: 60 }),
        ],
        vec![
            Event::ReportFailed { status, code, detail },
            entered(Phase::Submitting),
            fetched(3, agenda(None, 200)),
        ],
        vec![
            Event::Listed {
                step: 2,
                day: day(0),
                pass: Pass::Submit,
                judge_silence: false,
                advances: Vec::new(),
                next: None,
            },
            Event::Ended { at: now(9), by: schedule_of(2), report: status },
        ],
    ];
    run_life(id, at, decisions)
}

/// A run whose report breaks off.
pub(crate) fn unusable() -> Life {
    without_report("run_2026-11-21_1", 430, ReportStatus::Unusable, "truncated")
}

/// A run that can have no report.
pub(crate) fn unavailable() -> Life {
    let status = ReportStatus::Unavailable;
    without_report("run_2026-11-21_2", 440, status, "report-unavailable")
}

fn set(every: &str, on: Option<&str>, next: Option<Timestamp>) -> schedule::Event {
    let cadence = Cadence::new(every, on, Some("06:00"), Some("Europe/Prague"));
    schedule::Event::Set { at: now(-9), cadence: cadence.expect("a cadence"), next }
}

fn rang(run: &str, step: u8, next: Option<Timestamp>, by_hand: Option<u32>) -> schedule::Event {
    schedule::Event::Rang(Box::new(Rang {
        run: run.into(),
        day: day(0),
        planned_at: now(i64::from(step)),
        days: 5 + u16::from(step),
        step,
        at: now(i64::from(step) + 1),
        next,
        by_hand,
    }))
}

fn schedule_life(first: u64, events: Vec<schedule::Event>) -> Life {
    let verdicts = events.into_iter().map(|event| Verdict::Schedule(vec![event])).collect();
    life(&EntityId::schedule(), first, verdicts)
}

/// The schedule: set, rung, asked by hand, told of good reports, set again.
pub(crate) fn schedule() -> Life {
    let read = |seq, step| schedule::Event::Read { source: source(9, seq), step };
    let next = Some(now(86_400_000));
    let events = vec![
        set("day", None, Some(now(0))),
        rang("run_2026-11-21", 1, next, None),
        rang("run_2026-11-21_1", 2, next, Some(1)),
        read(418, 1),
        rang("run_2026-11-21_2", 3, next, Some(2)),
        read(419, 3),
        set("year", Some("02-29"), None),
    ];
    schedule_life(450, events)
}

/// A schedule that was never set and began a run by hand.
pub(crate) fn by_hand() -> Life {
    schedule_life(460, vec![rang("run_2026-11-21_1", 1, None, Some(1))])
}
