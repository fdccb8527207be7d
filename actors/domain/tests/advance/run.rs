//! A run alone: what it fetches, whom it asks and when, and what it says at the end.
//!
//! The bench plays the clerk, from a script, and the advances, which answer when they are let. Every
//! step of a run is either an errand that brings something or an advance that answers, so a test can
//! do something before each of them.

use std::collections::{BTreeMap, VecDeque};

use bursar_domain::call::{Context, Policy};
use bursar_domain::entity::{Due, Entity, Wake};
use bursar_domain::errand::{
    Brought, Errand, Found, Place, ReportLine, ReportSize, Reported, Wanted,
};
use bursar_domain::id::{EntityId, Seq, ShardId};
use bursar_domain::machine::Machine;
use bursar_domain::message::{Answer, Asker, Body, Effect, Message, Pass, Source, Stamp};
use bursar_domain::record::{Record, Recorded};
use bursar_domain::run::{Event, Phase, ReportStatus, Run, Tally};
use bursar_domain::time::Timestamp;

use crate::bench::{START_MS, day, policy, read_back};

/// The largest record that the journal takes, about.
const RECORD_BYTES_MAX: usize = 128 * 1024 - 1_024;

#[derive(Clone)]
struct Bench {
    machine: Machine<Run>,
    policy: Policy,
    now: i64,
    seq: u64,
    answered: u64,
    /// Who stands in the agenda.
    agenda: Vec<String>,
    /// What the clerk says when the report is fetched; a good one when it has no more to say.
    reports: VecDeque<Found>,
    lines: Vec<ReportLine>,
    /// How often lines are gone when they are asked for.
    gone: usize,
    /// The errand that waits for what it brings.
    errand: Option<Errand>,
    /// Advances that owe an answer.
    owing: VecDeque<(EntityId, u8)>,
    most_owing: usize,
    /// What was asked of each advance.
    asked: BTreeMap<String, Vec<String>>,
    replied: Vec<Answer>,
    fetched: Vec<String>,
    largest: usize,
}

impl Bench {
    fn new(advances: usize, lines: Vec<ReportLine>) -> Self {
        let mut bench = Self {
            machine: Machine::default(),
            policy: policy(),
            now: START_MS,
            seq: 0,
            answered: 0,
            agenda: (0..advances).map(|n| format!("adv_{n:05}")).collect(),
            reports: VecDeque::new(),
            lines,
            gone: 0,
            errand: None,
            owing: VecDeque::new(),
            most_owing: 0,
            asked: BTreeMap::new(),
            replied: Vec::new(),
            fetched: Vec::new(),
            largest: 0,
        };
        assert_eq!(bench.start(1), 2, "it begins");
        bench
    }

    fn run(&self) -> &Run {
        self.machine.entity()
    }

    fn start(&mut self, seq: u64) -> usize {
        let by = Asker { entity: EntityId::schedule(), step: 4 };
        let planned_at = Timestamp::from_millis(START_MS).expect("a date");
        let body = Body::StartRun { by, day: day(0), planned_at, days: 9 };
        let source = Source { shard: ShardId(7), seq: Seq(seq) };
        let message = Message { source, to: EntityId::run("run_a"), body };
        self.turn(|run, at| run.receive(&message, at))
    }

    fn turn(&mut self, look: impl FnOnce(&Run, &Context<'_>) -> Vec<Event>) -> usize {
        let at = Timestamp::from_millis(self.now).expect("a date");
        let events = look(self.machine.entity(), &Context { now: at, policy: &self.policy });
        let count = events.len();
        if count == 0 {
            return 0;
        }
        self.seq += 1;
        let record =
            Record { at, entity: EntityId::run("run_a"), key: None, verdict: Run::verdict(events) };
        self.largest = self.largest.max(crate::bench::encoded(&record).len());
        let record = read_back(&record);
        self.machine.apply(&record, Seq(self.seq));
        let source = Source { shard: ShardId(5), seq: Seq(self.seq) };
        for effect in record.effects(Stamp { source, at }) {
            self.effect(effect);
        }
        self.most_owing = self.most_owing.max(self.owing.len());
        assert_eq!(self.owing.len(), usize::try_from(self.run().outstanding()).expect("small"));
        count
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Fetch(errand) => {
                let last = self.fetched.last().cloned().unwrap_or_default();
                let wanted = format!("{:?}", errand.wanted);
                let name = wanted.split([' ', '{']).next().expect("a name").to_owned();
                if last != name {
                    self.fetched.push(name);
                }
                self.errand = Some(errand);
            }
            Effect::Send(Message { to, body: Body::Reply { step: 4, answer }, .. }) => {
                assert_eq!(to, EntityId::schedule());
                self.replied.push(answer);
            }
            Effect::Send(Message { to, body, .. }) => {
                let (by, what) = if let Body::Collect { by, pass, judge_silence, .. } = body {
                    let words = match (pass, judge_silence) {
                        (Pass::Stage, _) => "stage",
                        (Pass::Submit, true) => "submit",
                        (Pass::Submit, false) => "submit blindly",
                    };
                    (by, words.to_owned())
                } else if let Body::ReportSaid { by, lines, .. } = body {
                    assert!(lines.iter().all(|line| line.key.starts_with(&*to.id)));
                    (by, format!("{} lines", lines.len()))
                } else {
                    panic!("{body:?}")
                };
                assert_eq!(by.entity, EntityId::run("run_a"));
                self.asked.entry(to.id.to_string()).or_default().push(what);
                self.owing.push_back((to, by.step));
            }
            Effect::Tell(_) | Effect::Call(_) => panic!("{effect:?}"),
        }
    }

    /// What the clerk finds.
    fn find(&mut self, wanted: &Wanted) -> Found {
        match wanted {
            Wanted::Agenda { until, after, limit, .. } => {
                assert_eq!(*until, i64::from(day(0).days()));
                let from = after.as_ref().map_or(0, |place| {
                    self.agenda.iter().position(|id| **id == *place.id).expect("it stood there") + 1
                });
                let page = self.agenda[from..].iter().take(*limit as usize);
                let place = |id: &String| Place { number: *until, id: id.as_str().into() };
                let places: Vec<_> = page.map(place).collect();
                Found::Agenda { more: from + places.len() < self.agenda.len(), places }
            }
            Wanted::FetchReport { days } => {
                assert_eq!(*days, 9);
                let lines = self.lines.len() as u64;
                let good = Found::Report(ReportSize { lines, fresh: lines, others: 2 });
                self.reports.pop_front().unwrap_or(good)
            }
            Wanted::ReportLines { .. } if self.gone > 0 => {
                self.gone -= 1;
                Found::Gone
            }
            Wanted::ReportLines { from, limit } => {
                let from = usize::try_from(*from).expect("small");
                let end = (from + *limit as usize).min(self.lines.len());
                let next = (end < self.lines.len()).then_some(end as u64);
                Found::Lines { lines: self.lines[from..end].to_vec(), next }
            }
            Wanted::CloseReport => Found::Closed,
        }
    }

    /// The next thing happens; false when nothing is left.
    fn step(&mut self) -> bool {
        if let Some(Errand { number, wanted }) = self.errand.take() {
            let found = self.find(&wanted);
            let stale = Brought { number: number.wrapping_sub(1), found: Found::Gone };
            assert_eq!(self.turn(|run, at| run.brought(&stale, at)), 0, "nobody waits for it");
            let brought = Brought { number, found };
            assert!(self.turn(|run, at| run.brought(&brought, at)) > 0, "{brought:?}");
            true
        } else if let Some((_, step)) = self.owing.pop_front() {
            self.answered += 1;
            let source = Source { shard: ShardId(2), seq: Seq(self.answered) };
            let tally = Tally { advances: 1, staged: 1, ..Tally::default() };
            let body = Body::Collected { step, tally };
            let message = Message { source, to: EntityId::run("run_a"), body };
            assert!(self.turn(|run, at| run.receive(&message, at)) > 0);
            assert_eq!(self.turn(|run, at| run.receive(&message, at)), 0, "received once");
            true
        } else if let Due::At(at) = self.run().due() {
            self.now = self.now.max(at.millis());
            assert!(self.turn(|run, at| run.woken(Wake::Due, at)) > 0, "its time has come");
            true
        } else {
            false
        }
    }

    fn finish(&mut self) {
        for _ in 0..100_000 {
            if !self.step() {
                assert_eq!(self.run().phase(), Phase::Done, "it hangs");
                assert_eq!(self.run().due(), Due::Nothing);
                assert!(self.run().ended_at().is_some());
                assert!(self.largest < RECORD_BYTES_MAX, "{} bytes", self.largest);
                return;
            }
        }
        panic!("it does not end");
    }

    fn crash(&mut self) {
        self.machine = read_back(&self.machine);
        self.errand = None;
        if self.run().due() != Due::Nothing {
            self.turn(|run, at| run.woken(Wake::Resumed, at));
        }
    }
}

/// Lines about two debits of each of so many advances, and some about nobody's.
fn lines(advances: usize, name_bytes: usize) -> Vec<ReportLine> {
    let at = Timestamp::from_millis(START_MS).expect("a date");
    let line = |key: String| ReportLine {
        transaction: "t".repeat(name_bytes).into(),
        key: key.into(),
        status: Reported::Succeeded,
        at,
        code: None,
    };
    let keys =
        (0..2 * advances).map(|n| format!("adv_{:05}/d{}/1", n % advances, n / advances + 1));
    keys.chain(["inv_3_d/17/pull".to_owned(), "adv_1/d1/1/refund".to_owned()]).map(line).collect()
}

fn asked_once(bench: &Bench, expected: &[&str]) {
    for id in &bench.agenda {
        assert_eq!(bench.asked[id], expected, "{id}");
    }
}

#[test]
fn a_run_stages_reads_and_submits_page_by_page() {
    let mut bench = Bench::new(1_234, lines(1_234, 40));
    bench.finish();
    // Lines of one advance are 1,234 apart, so no page has two.
    asked_once(&bench, &["stage", "1 lines", "1 lines", "submit"]);
    assert_eq!(bench.fetched, ["Agenda", "FetchReport", "ReportLines", "CloseReport", "Agenda"]);
    assert!(bench.most_owing <= 750, "{}", bench.most_owing);
    assert_eq!(bench.replied, [Answer::Done]);
    let run = bench.run();
    assert_eq!((run.tally().advances, run.tally().staged), (1_234, 4 * 1_234));
    assert_eq!(run.tally().strange, 2, "what is about no debit");
    let report = run.report();
    assert_eq!((report.status, report.lines, report.others), (ReportStatus::Read, 2_470, 2));
}

#[test]
fn few_are_asked_to_submit_at_once() {
    let mut bench = Bench::new(1_000, Vec::new());
    while bench.run().phase() != Phase::Submitting {
        bench.step();
    }
    bench.most_owing = 0;
    bench.finish();
    assert!(bench.most_owing <= 300, "{}", bench.most_owing);
}

#[test]
fn with_nobody_in_the_agenda_it_reads_the_report_and_ends() {
    let mut bench = Bench::new(0, lines(3, 10));
    bench.finish();
    assert_eq!(bench.asked.len(), 3);
    assert_eq!(bench.run().report().status, ReportStatus::Read);
}

#[test]
fn lines_that_are_too_long_for_a_record_are_taken_in_shorter_pages() {
    let mut bench = Bench::new(5, lines(1_000, 255));
    bench.finish();
    assert_eq!(bench.asked.values().flatten().filter(|what| what.contains("lines")).count(), 2_000);
    assert!(bench.largest > 16 * 1_024, "or this shows nothing: {}", bench.largest);
}

#[test]
fn without_a_good_report_nothing_is_called_silent() {
    let unusable = || Found::Unusable { code: "truncated".into(), detail: "in line 9".into() };
    let unavailable = || Found::Unavailable { reason: "503".into() };
    for (reports, gone, status, code, pass) in [
        (vec![unusable()], 0, ReportStatus::Unusable, Some("truncated"), "submit blindly"),
        (vec![unavailable(); 4], 0, ReportStatus::Read, None, "submit"),
        (
            vec![unavailable(); 5],
            0,
            ReportStatus::Unavailable,
            Some("report-unavailable"),
            "submit blindly",
        ),
        (vec![], 1, ReportStatus::Read, None, "submit"),
        (vec![], 4, ReportStatus::Read, None, "submit"),
        (vec![], 5, ReportStatus::Unavailable, Some("report-unavailable"), "submit blindly"),
        (
            vec![unavailable(); 3],
            2,
            ReportStatus::Unavailable,
            Some("report-unavailable"),
            "submit blindly",
        ),
    ] {
        let mut bench = Bench::new(3, Vec::new());
        (bench.reports, bench.gone) = (reports.clone().into(), gone);
        bench.finish();
        let report = bench.run().report();
        assert_eq!((report.status, report.code.as_deref()), (status, code), "{reports:?} {gone}");
        asked_once(&bench, &["stage", pass]);
        let is_good = status == ReportStatus::Read;
        assert_eq!(bench.replied.len(), usize::from(is_good), "the schedule is told of good ones");
    }
}

#[test]
fn a_report_that_is_lost_half_way_is_read_again() {
    let mut bench = Bench::new(2, lines(600, 20));
    while !bench.asked.values().flatten().any(|what| what.contains("lines")) {
        bench.step();
    }
    bench.gone = 1;
    bench.finish();
    assert_eq!(bench.run().report().status, ReportStatus::Read);
    let told: usize = bench.asked.values().flatten().filter(|what| what.contains("lines")).count();
    assert!(told > 1_200, "some were told again: {told}");
}

#[test]
fn a_second_start_is_ignored() {
    let mut bench = Bench::new(3, Vec::new());
    let mut seq = 1;
    loop {
        seq += 1;
        assert_eq!(bench.start(seq), 0);
        if !bench.step() {
            break;
        }
    }
    asked_once(&bench, &["stage", "submit"]);
    assert_eq!(bench.run().phase(), Phase::Done);
}

#[test]
fn killed_at_any_point_it_asks_everybody_once() {
    let mut bench = Bench::new(520, lines(40, 20));
    bench.reports.push_back(Found::Unavailable { reason: "503".into() });
    let mut points = 0;
    loop {
        if points % 7 < 2 || bench.owing.is_empty() {
            let mut killed = bench.clone();
            killed.crash();
            killed.crash();
            killed.finish();
            assert!(killed.asked.values().all(|whats| {
                whats.iter().filter(|what| *what == "stage").count() <= 1
                    && whats.iter().filter(|what| what.contains("submit")).count() <= 1
            }));
            assert_eq!(killed.run().tally().advances, 520);
            assert_eq!(killed.replied, [Answer::Done]);
        }
        points += 1;
        if !bench.step() {
            break;
        }
    }
    assert!(points > 1_000, "{points}");
}
