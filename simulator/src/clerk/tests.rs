//! The clerk's properties: what a report brings is what the ledger says, or nothing; and every way
//! of spoiling one is seen for what it is.
//!
//! Invariant: what these draw depends on their seeds alone.

use std::collections::BTreeMap;

use bursar_domain::call::{Call, Lane, Party, Request};
use bursar_domain::currency::Currency;
use bursar_domain::errand::{ReportLine, Reported};
use bursar_domain::money::Amount;
use bursar_domain::time::Timestamp;

use super::*;
use crate::chance::WHOLE_PPM;
use crate::parties::{Fault, State, Then};

const DAY_MS: i64 = 86_400_000;

fn ask(parties: &mut Parties, at_ms: i64, key: &str) {
    let (amount, not_after) = (Amount::from_minor(500), Timestamp::from_millis(0));
    let currency = Currency::from_code("EUR").expect("it is in the table");
    let request = Request::Pull { account: "bank".into(), amount, currency, reference: "r".into() };
    let (key, not_after) = (key.into(), not_after.expect("an instant"));
    let call = Call { step: 1, attempt: 1, key, lane: Lane::Batch, not_after, request };
    drop(parties.attempt(at_ms, Party::Processor, &call));
}

fn fault(route: Route, kind: Kind, ppm: u32) -> Fault {
    Fault { number: 7, route, from_ms: 0, until_ms: i64::MAX, ppm, kind }
}

/// A processor with debits that succeeded, failed and are pending, one each hour, and others.
fn parties() -> Parties {
    let pending = Kind::Pending { then: Then::Silent, after_ms: 1 };
    let all = vec![
        fault(Route::Pull, Kind::Decline, 300_000),
        Fault { number: 8, ..fault(Route::Pull, pending, 200_000) },
    ];
    let mut parties = Parties::new(1, &Faults { all });
    for hour in 0..72 {
        ask(&mut parties, hour * 3_600_000, &format!("adv_{}/d{}/1", hour % 9 + 1, hour / 9 + 1));
        ask(&mut parties, hour * 3_600_000 + 1, &format!("inv_{hour}/1/pull"));
    }
    parties
}

struct Desk {
    clerk: Clerk,
    parties: Parties,
    run: EntityId,
    number: u32,
}

impl Desk {
    fn with(faults: Vec<Fault>) -> Self {
        let clerk = Clerk::new(3, &Faults { all: faults });
        Self { clerk, parties: parties(), run: EntityId::run("2026-01-01"), number: 0 }
    }

    fn always(route: Route, kind: Kind) -> Self {
        Self::with(vec![fault(route, kind, WHOLE_PPM)])
    }

    fn bring(&mut self, wanted: Wanted) -> Bringing {
        self.number += 1;
        let number = self.number;
        let sources = Sources {
            agenda: &mut |_, _, _, _| Vec::new(),
            parties: &mut self.parties,
            is_known: &|key| key.starts_with("adv_3/"),
        };
        self.clerk.take(3 * DAY_MS, &self.run, Errand { number, wanted }, sources)
    }

    fn fetch(&mut self) -> Found {
        self.bring(Wanted::FetchReport { days: 5 }).brought.found
    }

    /// All lines of what was set aside.
    fn lines(&mut self) -> Vec<ReportLine> {
        let (mut all, mut next) = (Vec::new(), Some(0));
        while let Some(from) = next {
            let found = self.bring(Wanted::ReportLines { from, limit: 7 }).brought.found;
            let Found::Lines { lines, next: following } = found else { panic!("{found:?}") };
            all.extend(lines);
            next = following;
        }
        all
    }

    /// How the ledger says that debits ended until an instant.
    fn truth(&self, until_ms: i64) -> BTreeMap<Box<str>, Reported> {
        let entries = self.parties.ended(0, until_ms);
        let debits = entries.filter(|entry| entry.key.starts_with("adv_"));
        let debits = debits.map(|entry| {
            let succeeded = entry.state == State::Succeeded;
            let status = if succeeded { Reported::Succeeded } else { Reported::Failed };
            (entry.key.clone(), status)
        });
        debits.collect()
    }
}

fn told(lines: Vec<ReportLine>) -> BTreeMap<Box<str>, Reported> {
    let count = lines.len();
    let told: BTreeMap<_, _> = lines.into_iter().map(|line| (line.key, line.status)).collect();
    assert_eq!(told.len(), count, "a line counts once");
    told
}

fn size(found: Found) -> ReportSize {
    let Found::Report(size) = found else { panic!("{found:?}") };
    size
}

fn code(found: Found) -> Box<str> {
    let Found::Unusable { code, .. } = found else { panic!("{found:?}") };
    code
}

#[test]
fn a_report_says_what_the_ledger_says_and_once() {
    for kinds in
        [vec![], vec![Kind::Double], vec![Kind::Shuffle], vec![Kind::Double, Kind::Shuffle]]
    {
        let faults = kinds.into_iter().map(|kind| fault(Route::Report, kind, WHOLE_PPM));
        let mut desk = Desk::with(faults.collect());
        let size = size(desk.fetch());
        let truth = desk.truth(i64::MAX);
        assert!(truth.len() > 40 && size.others > 40, "{size:?}");
        assert_eq!(size.fresh, truth.len() as u64);
        assert!(truth.values().any(|end| *end == Reported::Failed));
        assert_eq!(told(desk.lines()), truth);
        assert_eq!(desk.bring(Wanted::CloseReport).brought.found, Found::Closed);
        let again = super::tests::size(desk.fetch());
        assert_eq!((again.fresh, again.lines), (0, size.lines), "all of it was there before");
    }
}

#[test]
fn what_is_spoiled_does_not_count() {
    for (kind, code) in [
        (Kind::Cut, "report-incomplete"),
        (Kind::Contradict, "report-contradictory"),
        (Kind::TurnAway, "report-refused"),
    ] {
        for seed in 0..20 {
            let mut desk = Desk::always(Route::Report, kind);
            desk.clerk.armed =
                Armed::new(seed, &Faults { all: vec![fault(Route::Report, kind, WHOLE_PPM)] });
            assert_eq!(&*super::tests::code(desk.fetch()), code, "{kind:?}");
            let gone = desk.bring(Wanted::ReportLines { from: 0, limit: 1 }).brought.found;
            assert_eq!(gone, Found::Gone);
            desk.parties = Parties::new(1, &Faults::default());
            assert_eq!(&*super::tests::code(desk.fetch()), code, "{kind:?} of nothing");
        }
    }
    let unavailable = Desk::always(Route::Report, Kind::Refuse).fetch();
    assert!(matches!(unavailable, Found::Unavailable { .. }), "{unavailable:?}");
}

#[test]
fn what_is_strange_is_told_apart_by_the_key() {
    let mut desk = Desk::always(Route::Report, Kind::Strange);
    let size = size(desk.fetch());
    let (truth, told) = (desk.truth(i64::MAX), told(desk.lines()));
    assert_eq!(told.len() as u64, size.fresh);
    let strange: Vec<_> = told.keys().filter(|key| !truth.contains_key(*key)).collect();
    assert!(strange.len() > 5, "{strange:?}");
    assert!(truth.iter().all(|(key, end)| told[key] == *end));
}

#[test]
fn it_lies_only_about_what_is_known() {
    let mut desk = Desk::always(Route::Report, Kind::Lie);
    size(desk.fetch());
    let (truth, told) = (desk.truth(i64::MAX), told(desk.lines()));
    let lies = truth.iter().filter(|(key, end)| told[*key] != **end);
    let lies: Vec<_> = lies.map(|(key, _)| key).collect();
    assert!(lies.iter().all(|key| key.starts_with("adv_3/")), "{lies:?}");
    assert!(!lies.is_empty() && lies.len() as u64 == desk.clerk.counts().lies);
}

#[test]
fn an_older_report_has_all_that_was_known_then() {
    let mut desk = Desk::always(Route::Report, Kind::Stale { ms: DAY_MS });
    size(desk.fetch());
    let then = desk.truth(2 * DAY_MS);
    assert!(then.len() < desk.truth(i64::MAX).len());
    assert_eq!(told(desk.lines()), then);
}

#[test]
fn what_is_lost_is_gone_and_can_be_had_again() {
    let mut desk = Desk::always(Route::Shelf, Kind::Forget);
    size(desk.fetch());
    let lines = Wanted::ReportLines { from: 0, limit: 5 };
    assert_eq!(desk.bring(lines.clone()).brought.found, Found::Gone);
    desk.clerk.calm();
    size(desk.fetch());
    desk.clerk.crash(Power::On);
    assert_eq!(told(desk.lines()), desk.truth(i64::MAX));
    desk.clerk.crash(Power::Lost);
    assert_eq!(desk.bring(lines).brought.found, Found::Gone);
}

#[test]
fn the_same_number_is_fetched_once_until_a_crash() {
    let mut desk = Desk::with(Vec::new());
    let first = desk.fetch();
    for debit in 90..99 {
        ask(&mut desk.parties, 3 * DAY_MS, &format!("adv_1/d{debit}/1"));
    }
    desk.number -= 1;
    assert_eq!(desk.fetch(), first);
    desk.clerk.crash(Power::On);
    desk.number -= 1;
    assert_ne!(desk.fetch(), first);
}

#[test]
fn pages_of_the_agenda_are_cut_as_asked() {
    let mut clerk = Clerk::new(1, &Faults::default());
    let run = EntityId::run("r");
    let mut page = |after: Option<Place>| {
        let is_first = after.is_none();
        let kind = EntityKind::Advance;
        let errand =
            Errand { number: 1, wanted: Wanted::Agenda { kind, until: 9, after, limit: 2 } };
        assert_eq!(Clerk::saves_first(&errand), is_first);
        let mut agenda = |_, after: Option<Place>, _, most: usize| {
            let from = after.map_or(0, |place| place.number);
            let all = (1..=5).filter(|number| *number > from);
            let place = |number| (number, EntityId::run(format!("e{number}")));
            all.take(most).map(place).collect()
        };
        let (parties, is_known) = (&mut Parties::new(1, &Faults::default()), &|_: &str| false);
        let sources = Sources { agenda: &mut agenda, parties, is_known };
        clerk.take(0, &run, errand, sources).brought.found
    };
    let (mut after, mut sizes) = (None, Vec::new());
    loop {
        let found = page(after.take());
        let Found::Agenda { places, more } = found else { panic!("{found:?}") };
        sizes.push(places.len());
        after = places.last().cloned();
        if !more {
            break;
        }
    }
    assert_eq!(sizes, [2, 2, 1]);
}

#[test]
fn a_seed_replays_the_same_and_slow_means_later() {
    let run = |kind: Kind| {
        let mut desk = Desk::always(Route::Report, kind);
        let bringing = desk.bring(Wanted::FetchReport { days: 5 });
        let more = desk.bring(Wanted::ReportLines { from: 0, limit: 3 });
        (bringing, more)
    };
    let (slow, after) = run(Kind::Slow { ms: 9_000 });
    assert!(slow.after_ms > 9_000 && after.after_ms > slow.after_ms);
    assert_eq!(run(Kind::Shuffle), run(Kind::Shuffle));
}
