//! The schedule alone: when it rings, what it begins, and for how many days a report is asked.
//!
//! The bench plays the clock and the runs. After every decision the schedule is read back from its
//! bytes, so nothing that matters is kept anywhere else. Times of the calendar itself are tested with
//! the cadence.
//!
//! Tables of cases: what is asked, on what, and which events or code must follow.

use bursar_domain::cadence::Cadence;
use bursar_domain::call::{Context, Policy};
use bursar_domain::entity::{Due, Entity, Wake};
use bursar_domain::id::{EntityId, Seq, ShardId};
use bursar_domain::machine::Machine;
use bursar_domain::message::{Answer, Body, Effect, Message, Source, Stamp};
use bursar_domain::record::{Record, Recorded};
use bursar_domain::schedule::{Command, Event, Schedule};
use bursar_domain::time::Timestamp;

use crate::bench::{DAY_MS, policy, read_back};

struct Bench {
    machine: Machine<Schedule>,
    policy: Policy,
    now: i64,
    seq: u64,
    replies: u64,
    /// Runs that were begun: id, day, planned time, days of the report.
    begun: Vec<String>,
    last_step: u8,
}

fn instant(text: &str) -> i64 {
    Timestamp::parse(text).expect(text).millis()
}

fn daily(at: &str, zone: &str) -> Command {
    Command::Set(Cadence::new("day", None, Some(at), Some(zone)).expect("a cadence"))
}

impl Bench {
    fn at(now: &str) -> Self {
        Self {
            machine: Machine::default(),
            policy: policy(),
            now: instant(now),
            seq: 0,
            replies: 0,
            begun: Vec::new(),
            last_step: 0,
        }
    }

    fn turn(&mut self, look: impl FnOnce(&Schedule, &Context<'_>) -> Vec<Event>) -> usize {
        let at = Timestamp::from_millis(self.now).expect("a date");
        let events = look(self.machine.entity(), &Context { now: at, policy: &self.policy });
        let count = events.len();
        if count == 0 {
            return 0;
        }
        self.seq += 1;
        let entity = EntityId::schedule();
        let verdict = Schedule::verdict(events);
        let record = read_back(&Record { at, entity, key: None, verdict });
        self.machine.apply(&record, Seq(self.seq));
        self.machine = read_back(&self.machine);
        let source = Source { shard: ShardId(1), seq: Seq(self.seq) };
        for effect in record.effects(Stamp { source, at }) {
            let Effect::Send(Message { to, body, .. }) = effect else { panic!("{effect:?}") };
            let Body::StartRun { by, day, planned_at, days } = body else { panic!("{body:?}") };
            assert_eq!(by.entity, EntityId::schedule());
            self.last_step = by.step;
            self.begun.push(format!("{} of {day} at {planned_at}, {days} days", to.id));
        }
        count
    }

    fn ask(&mut self, command: &Command) -> usize {
        self.turn(|schedule, at| schedule.decide(command, at).expect("it never says no"))
    }

    fn wake(&mut self, now: &str, why: Wake) -> usize {
        self.now = instant(now);
        self.turn(|schedule, at| schedule.woken(why, at))
    }

    /// The run that was begun last has ended and had a good report.
    fn read(&mut self) {
        self.replies += 1;
        let body = Body::Reply { step: self.last_step, answer: Answer::Done };
        let source = Source { shard: ShardId(3), seq: Seq(self.replies) };
        let message = Message { source, to: EntityId::schedule(), body };
        assert_eq!(self.turn(|schedule, at| schedule.receive(&message, at)), 1);
        assert_eq!(self.turn(|schedule, at| schedule.receive(&message, at)), 0, "received once");
    }

    fn due(&self) -> Option<String> {
        match self.machine.entity().due() {
            Due::Nothing => None,
            Due::At(at) => Some(at.to_string()),
            Due::Answer => panic!("it calls nobody"),
        }
    }
}

#[test]
fn it_rings_at_its_time_and_not_before() {
    let mut bench = Bench::at("2026-11-20T12:00:00Z");
    assert_eq!(bench.due(), None);
    assert_eq!(bench.ask(&daily("02:30", "Europe/Prague")), 1);
    assert_eq!(bench.due().as_deref(), Some("2026-11-21T01:30:00.000Z"));
    assert_eq!(bench.ask(&daily("02:30", "Europe/Prague")), 0, "it is the same");
    assert_eq!(bench.wake("2026-11-21T01:29:59.999Z", Wake::Resumed), 0);
    assert_eq!(bench.wake("2026-11-21T01:30:00Z", Wake::Due), 1);
    assert_eq!(bench.begun, ["run_2026-11-21 of 2026-11-21 at 2026-11-21T01:30:00.000Z, 5 days"]);
    assert_eq!(bench.wake("2026-11-21T01:30:00Z", Wake::Due), 0, "once");
    assert_eq!(bench.due().as_deref(), Some("2026-11-22T01:30:00.000Z"));
}

#[test]
fn the_day_of_a_run_is_the_local_one() {
    let mut bench = Bench::at("2026-11-20T12:00:00Z");
    bench.ask(&daily("22:00", "America/New_York"));
    bench.wake("2026-11-21T03:00:00Z", Wake::Due);
    assert_eq!(bench.begun, ["run_2026-11-20 of 2026-11-20 at 2026-11-21T03:00:00.000Z, 5 days"]);
}

#[test]
fn after_downtime_one_run_stands_for_all() {
    let mut bench = Bench::at("2026-11-20T12:00:00Z");
    bench.ask(&daily("02:00", "UTC"));
    assert_eq!(bench.wake("2026-12-05T01:00:00Z", Wake::Resumed), 1);
    assert_eq!(bench.begun, ["run_2026-12-04 of 2026-12-04 at 2026-12-04T02:00:00.000Z, 16 days"]);
    assert_eq!(bench.due().as_deref(), Some("2026-12-05T02:00:00.000Z"));
}

#[test]
fn another_cadence_counts_from_the_next_time_on() {
    let mut bench = Bench::at("2026-11-20T12:00:00Z");
    bench.ask(&daily("02:00", "UTC"));
    assert_eq!(bench.ask(&daily("13:00", "UTC")), 1);
    assert_eq!(bench.due().as_deref(), Some("2026-11-20T13:00:00.000Z"));
}

#[test]
fn a_run_by_hand_has_a_number_and_leaves_the_calendar_alone() {
    let mut bench = Bench::at("2026-11-20T12:00:00Z");
    bench.ask(&Command::RunNow);
    bench.ask(&daily("02:00", "UTC"));
    bench.ask(&Command::RunNow);
    assert_eq!(bench.due().as_deref(), Some("2026-11-21T02:00:00.000Z"));
    bench.wake("2026-11-21T02:00:00Z", Wake::Due);
    bench.ask(&Command::RunNow);
    assert_eq!(
        bench.begun,
        [
            "run_2026-11-20_1 of 2026-11-20 at 2026-11-20T12:00:00.000Z, 5 days",
            "run_2026-11-20_2 of 2026-11-20 at 2026-11-20T12:00:00.000Z, 5 days",
            "run_2026-11-21 of 2026-11-21 at 2026-11-21T02:00:00.000Z, 5 days",
            "run_2026-11-21_3 of 2026-11-21 at 2026-11-21T02:00:00.000Z, 5 days",
        ]
    );
    assert_eq!(bench.machine.entity().last_run(), Some("run_2026-11-21_3"));
}

#[test]
fn the_report_is_of_all_days_since_the_last_good_one() {
    let mut bench = Bench::at("2026-11-20T02:00:00Z");
    bench.ask(&daily("02:00", "UTC"));
    let mut days = Vec::new();
    for round in 0..70 {
        bench.now += DAY_MS;
        let now = Timestamp::from_millis(bench.now).expect("a date").to_string();
        assert_eq!(bench.wake(&now, Wake::Due), 1);
        let begun = bench.begun.last().expect("just begun");
        let text = begun.rsplit(", ").next().expect("it has days").trim_end_matches(" days");
        days.push(text.parse::<u16>().expect("a number"));
        if round < 3 || round == 9 {
            bench.read();
        }
    }
    // Good until the third; then none until the tenth; then none any more.
    assert_eq!(days[..13], [5, 5, 5, 5, 5, 5, 6, 7, 8, 9, 5, 5, 5]);
    assert_eq!(days[13..16], [6, 7, 8]);
    assert_eq!(days[69], 60, "at the most");
}

#[test]
fn a_run_that_ends_late_takes_nothing_back() {
    let mut bench = Bench::at("2026-11-20T02:00:00Z");
    bench.ask(&daily("02:00", "UTC"));
    bench.wake("2026-11-21T02:00:00Z", Wake::Due);
    let first = bench.last_step;
    bench.wake("2026-11-22T02:00:00Z", Wake::Due);
    bench.read();
    let read_to = bench.machine.entity().read_to();
    assert_eq!(read_to.map(|at| at.to_string()).as_deref(), Some("2026-11-22T02:00:00.000Z"));
    bench.last_step = first;
    bench.read();
    assert_eq!(bench.machine.entity().read_to(), read_to);
}
