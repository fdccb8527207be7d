//! The parties' properties: one booking for each key, answers that are true, replays that are the
//! same, and faults that all occur and do not disturb each other.
//!
//! Invariant: what these draw depends on their seeds alone.

use std::collections::{BTreeMap, BTreeSet};

use bursar_domain::call::{Lane, Mail, Reply, Request, Template};
use bursar_domain::currency::Currency;
use bursar_domain::money::Amount;
use bursar_domain::time::Timestamp;

use super::faults::Layer;
use super::*;
use crate::chance::{Chance, WHOLE_PPM};

fn call(key: &str, request: Request) -> Call {
    let not_after = Timestamp::from_millis(0).expect("an instant");
    Call { step: 1, attempt: 1, key: key.into(), lane: Lane::Interactive, not_after, request }
}

fn eur() -> Currency {
    Currency::from_code("EUR").expect("it is in the table")
}

fn pull(minor: i64) -> Request {
    let (amount, reference) = (Amount::from_minor(minor), "r".into());
    Request::Pull { account: "bank".into(), amount, currency: eur(), reference }
}

fn refund(of: &str, minor: i64) -> Request {
    let amount = Amount::from_minor(minor);
    Request::Refund { transaction: of.into(), amount, currency: eur() }
}

/// Every call is struck by a fault of this kind.
fn always(route: Route, kind: Kind) -> Faults {
    let (number, from_ms, until_ms, ppm) = (0, 0, i64::MAX, WHOLE_PPM);
    Faults { all: vec![Fault { number, route, from_ms, until_ms, ppm, kind }] }
}

fn ask(parties: &mut Parties, now_ms: i64, call: &Call) -> Vec<Came> {
    parties.attempt(now_ms, call.request.party(), call)
}

fn answer(parties: &mut Parties, now_ms: i64, call: &Call) -> Attempt {
    let mut came = ask(parties, now_ms, call);
    assert_eq!(came.len(), 1, "{came:?}");
    came.remove(0).attempt
}

fn done(attempt: &Attempt) -> Box<str> {
    let Attempt::Answered(Reply::Done { id, .. }) = attempt else { panic!("{attempt:?}") };
    id.clone()
}

#[test]
fn a_key_is_booked_once_and_refunds_never_exceed_it() {
    let mut parties = Parties::new(1, &Faults::default());
    let wish = call("k", pull(100));
    let id = done(&answer(&mut parties, 0, &wish));
    assert_eq!(done(&answer(&mut parties, 1, &wish)), id);
    assert_eq!(done(&answer(&mut parties, 2, &call("k", Request::Find))), id);
    done(&answer(&mut parties, 3, &call("r1", refund(&id, 60))));
    let second = answer(&mut parties, 4, &call("r2", refund(&id, 41)));
    assert_eq!(second, Attempt::declined("exceeds-transaction", ""));
    done(&answer(&mut parties, 5, &call("r3", refund(&id, 40))));
    let asked: Vec<_> = parties.ledger().iter().map(|entry| (&*entry.key, entry.asked)).collect();
    assert_eq!(asked, [("k", 2), ("r1", 1), ("r2", 1), ("r3", 1)]);
    assert_eq!(parties.ledger()[0].returned, 100);
    let other = answer(&mut parties, 6, &call("k", pull(99)));
    assert!(matches!(other, Attempt::Unclear { .. }) && parties.calls().reused == 1);
}

/// A workload of some keys: pulls, pushes, refunds of what is known to be pulled, questions,
/// documents, mails; each key asked again and again. What was said, and when it was heard.
struct Storm {
    parties: Parties,
    chance: Chance,
    now_ms: i64,
    /// What was sent: when, key, what came, in the order of sending.
    heard: Vec<(i64, Call, Vec<Came>)>,
    /// The ids of pulls that were answered with "done", when that was heard, and the amount.
    pulled: Vec<(Box<str>, i64, i64)>,
}

impl Storm {
    fn run(seed: u64, faults: &Faults, count: usize) -> Self {
        let chance = Chance::new(seed).split("storm");
        let parties = Parties::new(seed, faults);
        let (heard, pulled) = (Vec::new(), Vec::new());
        let mut storm = Self { parties, chance, now_ms: 0, heard, pulled };
        for _ in 0..count {
            storm.now_ms += storm.chance.between(0, 400);
            let call = storm.draw();
            let came = ask(&mut storm.parties, storm.now_ms, &call);
            if let (Request::Pull { amount, .. }, [came]) = (&call.request, &came[..])
                && let Attempt::Answered(Reply::Done { id, .. }) = &came.attempt
            {
                storm.pulled.push((id.clone(), storm.now_ms + came.after_ms, amount.minor()));
            }
            storm.heard.push((storm.now_ms, call, came));
        }
        storm.now_ms += 30_000;
        storm.parties.advance(storm.now_ms);
        storm
    }

    fn draw(&mut self) -> Call {
        let chance = &mut self.chance;
        let number = chance.below(60);
        let again = (!self.heard.is_empty() && chance.strikes(500_000))
            .then(|| chance.below(self.heard.len() as u64));
        if let Some(at) = again.and_then(|at| usize::try_from(at).ok()) {
            let before = self.heard[at].1.clone();
            let moves_money = before.request.party() == Party::Processor;
            if moves_money && chance.strikes(400_000) {
                return call(&before.key, Request::Find);
            }
            if before.request != Request::Find {
                return before;
            }
        }
        let amount = 100 + i64::try_from(number).expect("it is small");
        match chance.below(6) {
            0 => call(&format!("push{number}"), push(amount)),
            1 => call(&format!("doc{number}"), documents(&format!("about {number}"))),
            2 => call(&format!("mail{number}"), mail()),
            3 if self.pulled.first().is_some_and(|first| first.1 <= self.now_ms) => {
                let at = usize::try_from(chance.below(self.pulled.len() as u64));
                let heard = &self.pulled[at.expect("an index")];
                let heard = if heard.1 <= self.now_ms { heard } else { &self.pulled[0] };
                let (id, _, minor) = heard.clone();
                let number = self.heard.len();
                call(&format!("refund{number}"), refund(&id, chance.between(1, minor)))
            }
            _ => call(&format!("pull{number}"), pull(amount)),
        }
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        let mut found = self.parties.ledger().iter().filter(|entry| &*entry.key == key);
        let entry = found.next();
        assert!(found.next().is_none(), "{key} is booked twice");
        entry
    }
}

fn push(minor: i64) -> Request {
    let (amount, reference) = (Amount::from_minor(minor), "r".into());
    Request::Push { account: "bank".into(), amount, currency: eur(), reference }
}

fn documents(subject: &str) -> Request {
    let data = vec![("a".into(), "b".into())];
    Request::MakeDocuments { kind: "agreement".into(), subject: subject.into(), data }
}

fn mail() -> Request {
    let (to, template) = ("a@example.com".into(), Template::InvestmentConfirmed);
    Request::Mail(Box::new(Mail { to, template, fields: Vec::new() }))
}

/// Drawn faults for a storm: many, and over all of it.
fn drawn(seed: u64) -> Faults {
    let bounds = Bounds { most: 30, ..Bounds::of(200_000) };
    Faults::draw_within(&Chance::new(seed), &bounds)
}

const STORMS: u64 = 60;

#[test]
fn what_was_answered_is_true() {
    let mut definite = 0;
    for seed in 0..STORMS {
        let storm = Storm::run(seed, &drawn(seed), 600);
        for (sent_ms, call, came) in &storm.heard {
            let is_find = call.request == Request::Find;
            for Came { after_ms, attempt } in came {
                assert!(*after_ms > 0);
                let entry = storm.entry(&call.key);
                match (attempt, entry) {
                    (Attempt::Answered(Reply::NeverSeen), entry) => {
                        assert!(is_find);
                        assert!(entry.is_none_or(|entry| entry.at_ms > *sent_ms), "{entry:?}");
                    }
                    (Attempt::Answered(Reply::Done { id, .. }), Some(entry)) => {
                        definite += 1;
                        assert_eq!((entry.state, &entry.id), (State::Succeeded, id), "{entry:?}");
                        assert!(entry.at_ms <= sent_ms + after_ms, "{entry:?}");
                    }
                    (Attempt::Answered(Reply::Declined { .. }), Some(entry)) => {
                        assert_eq!(entry.state, State::Declined, "{entry:?}");
                    }
                    (Attempt::Answered(Reply::Pending), entry) => {
                        let entry = entry.expect("what is pending is booked");
                        assert!(is_find || entry.first == State::Pending, "{entry:?}");
                    }
                    (Attempt::Answered(Reply::Done { .. } | Reply::Declined { .. }), None) => {
                        assert_ne!(call.request.party(), Party::Processor, "{seed} {call:?}");
                    }
                    (
                        Attempt::Answered(Reply::NotSent { .. } | Reply::Unknown { .. })
                        | Attempt::Throttled { .. }
                        | Attempt::NotSent { .. }
                        | Attempt::TurnedAway { .. }
                        | Attempt::Unknown { .. }
                        | Attempt::Unclear { .. },
                        _,
                    ) => {}
                }
            }
        }
        assert_eq!((storm.parties.calls().reused, storm.parties.calls().unfounded), (0, 0));
    }
    assert!(definite > 1_000, "{definite}");
}

#[test]
fn what_was_not_acted_on_is_not_in_the_ledger() {
    let mut found = 0;
    for seed in 0..STORMS {
        let storm = Storm::run(seed, &drawn(seed), 600);
        let mut acted: BTreeMap<&str, bool> = BTreeMap::new();
        for (_, call, came) in &storm.heard {
            let unread = |came: &Came| {
                let attempt = &came.attempt;
                matches!(attempt, Attempt::Throttled { .. } | Attempt::NotSent { .. })
                    || matches!(attempt, Attempt::TurnedAway { .. })
            };
            let was_read = call.request != Request::Find && !came.iter().any(unread);
            *acted.entry(&call.key).or_default() |= was_read;
        }
        for (key, _) in acted.into_iter().filter(|(_, acted)| !acted) {
            found += 1;
            assert_eq!(storm.entry(key), None);
            assert!(storm.parties.papers().iter().all(|paper| &*paper.key != key));
            assert!(storm.parties.letters().iter().all(|letter| &*letter.key != key));
        }
    }
    assert!(found > 20, "{found}");
}

#[test]
fn nothing_is_done_too_long_after_it_was_sent_and_refunds_stay_within() {
    let settle_ms = Bounds::of(0).settle_ms;
    let mut late = 0;
    for seed in 0..STORMS {
        let storm = Storm::run(seed, &drawn(seed), 600);
        for entry in storm.parties.ledger() {
            let mut sent = storm.heard.iter().filter(|(sent_ms, call, _)| {
                *call.key == *entry.key
                    && call.request != Request::Find
                    && (0..settle_ms).contains(&(entry.at_ms - sent_ms))
            });
            assert!(sent.next().is_some(), "{entry:?}");
            let refunds = storm.parties.ledger().iter().filter(|refund| {
                refund.of.map(|of| &*storm.parties.ledger()[of].id) == Some(&*entry.id)
                    && refund.state != State::Declined
            });
            let returned: i64 = refunds.map(|refund| refund.minor).sum();
            // What is still being worked on is set aside already.
            assert!(returned <= entry.returned && entry.returned <= entry.minor, "{entry:?}");
        }
        late += storm.parties.calls().late;
    }
    assert!(late > 20, "{late}");
}

#[test]
fn a_seed_replays_the_same() {
    for seed in 0..8 {
        let [one, other] = [0, 1].map(|_| Storm::run(seed, &drawn(seed), 600));
        assert_eq!(one.heard, other.heard);
        assert_eq!(one.parties.ledger(), other.parties.ledger());
        assert_eq!(one.parties.papers(), other.parties.papers());
        assert_eq!(one.parties.calls(), other.parties.calls());
    }
}

#[test]
fn what_befalls_a_key_does_not_depend_on_other_keys() {
    let faults = drawn(5);
    let keys: Vec<String> = (0..200).map(|number| format!("k{number}")).collect();
    let run = |keys: &mut dyn Iterator<Item = &String>| {
        let mut parties = Parties::new(5, &faults);
        let came = keys.map(|key| (key.clone(), ask(&mut parties, 100_000, &call(key, pull(7)))));
        came.collect::<BTreeMap<_, _>>()
    };
    assert_eq!(run(&mut keys.iter()), run(&mut keys.iter().rev()));
}

#[test]
fn a_fault_left_out_moves_no_other() {
    let faults = drawn(9);
    assert!(faults.all.len() > 5, "{faults:?}");
    let strikes = |faults: &Faults| {
        let armed = Armed::new(9, faults);
        let mut struck = BTreeSet::new();
        for route in Route::ALL {
            for (at, layer) in [(0, Layer::Verdict), (1, Layer::Way)] {
                for which in 0..3_000 {
                    let key = Mark::of(&which.to_string());
                    let now_ms = i64::from(which) * 66;
                    for (kind, strike) in armed.strikes(now_ms, route, layer, (key, which % 3 + 1))
                    {
                        struck.insert((at, which, format!("{route:?} {kind:?} {strike:?}")));
                    }
                }
            }
        }
        struck
    };
    let all = strikes(&faults);
    let mut alone = BTreeSet::new();
    for fault in &faults.all {
        let one = strikes(&Faults { all: vec![*fault] });
        let rest = faults.all.iter().filter(|other| *other != fault).copied().collect();
        let rest = strikes(&Faults { all: rest });
        assert_eq!(rest, all.difference(&one).cloned().collect());
        alone.extend(one);
    }
    assert!(alone == all && all.len() > 500, "{}", all.len());
}

#[test]
fn every_kind_is_drawn_for_every_route_that_it_suits() {
    let name = |kind: Kind| {
        let text = format!("{kind:?}");
        text.split(' ').next().unwrap_or_default().to_owned()
    };
    let mut seen: BTreeMap<String, BTreeSet<Route>> = BTreeMap::new();
    let mut kinds = BTreeMap::new();
    for seed in 0..3_000 {
        let faults = Faults::draw(&Chance::new(seed), 86_400_000);
        for (at, fault) in faults.all.iter().enumerate() {
            assert_eq!(usize::try_from(fault.number), Ok(at));
            assert!(fault.kind.suits(fault.route) && fault.from_ms < fault.until_ms, "{fault:?}");
            assert!(fault.until_ms <= 86_400_000);
            seen.entry(name(fault.kind)).or_default().insert(fault.route);
            kinds.insert(name(fault.kind), fault.kind);
        }
    }
    assert_eq!(seen.len(), 22, "{seen:?}");
    for (name, routes) in seen {
        let suited = Route::ALL.into_iter().filter(|route| kinds[&name].suits(*route));
        assert_eq!(routes, suited.collect(), "{name}");
    }
}

#[test]
fn each_way_does_what_it_says() {
    let wish = call("k", pull(5));
    // What comes at once, and whether it is in the ledger after a while.
    let met = |kind: Kind| {
        let mut parties = Parties::new(3, &always(Route::Pull, kind));
        let came = ask(&mut parties, 0, &wish);
        let at_once = parties.ledger().len();
        parties.advance(20_000);
        let words: Vec<_> = came.iter().map(|came| came.attempt.as_str()).collect();
        (words.join(" "), came.last().map_or(0, |came| came.after_ms), at_once, parties)
    };
    let (words, _, at_once, parties) = met(Kind::Slow { ms: 5_000 });
    assert_eq!((&*words, at_once, parties.ledger()[0].at_ms), ("done", 0, 5_000));
    let (words, after_ms, at_once, _) = met(Kind::Lag { ms: 5_000 });
    assert_eq!((&*words, at_once, after_ms > 5_000), ("done", 1, true));
    let (words, after_ms, ..) = met(Kind::Twice { ms: 5_000 });
    assert_eq!((&*words, after_ms > 5_000), ("done done", true));
    let (words, _, at_once, parties) = met(Kind::Linger { ms: 5_000 });
    assert!(words.is_empty() || words == "unknown", "{words}");
    assert_eq!((at_once, parties.ledger()[0].at_ms, parties.calls().late), (0, 5_000, 1));
    for (kind, words, booked) in [
        (Kind::Decline, "declined", 1),
        (Kind::Swallow, "", 0),
        (Kind::LoseAnswer, "", 1),
        (Kind::Throttle { wait_ms: Some(5) }, "throttled", 0),
        (Kind::Refuse, "not-sent", 0),
        (Kind::TurnAway, "turned-away", 0),
    ] {
        let (said, _, _, parties) = met(kind);
        assert_eq!((&*said, parties.ledger().len()), (words, booked), "{kind:?}");
    }
    for kind in [Kind::Error { wait_ms: None }, Kind::Break, Kind::Busy] {
        let booked = |seed| {
            let mut parties = Parties::new(seed, &always(Route::Pull, kind));
            ask(&mut parties, 0, &wish);
            parties.ledger().len()
        };
        let both: BTreeSet<_> = (0..20).map(booked).collect();
        assert_eq!(both, BTreeSet::from([0, 1]), "{kind:?}");
    }
}

#[test]
fn what_is_pending_ends_as_it_was_to_and_when() {
    for (then, state) in [
        (Then::Succeeded, State::Succeeded),
        (Then::Failed, State::Declined),
        (Then::Silent, State::Pending),
    ] {
        let kind = Kind::Pending { then, after_ms: 1_000 };
        let mut parties = Parties::new(3, &always(Route::Pull, kind));
        let wish = call("k", pull(5));
        let pending = Attempt::Answered(Reply::Pending);
        assert_eq!(answer(&mut parties, 0, &wish), pending);
        assert_eq!(answer(&mut parties, 999, &call("k", Request::Find)), pending);
        let word = answer(&mut parties, 1_000, &call("k", Request::Find)).as_str();
        assert_eq!(
            (answer(&mut parties, 2_000, &wish), parties.ledger()[0].state),
            (pending, state)
        );
        assert_eq!(word == "pending", then == Then::Silent);
        parties.calm(3_000, |_| true);
        assert_eq!(parties.ledger()[0].state, state, "what is spared stays");
        parties.calm(3_000, |_| false);
        assert_ne!(parties.ledger()[0].state, State::Pending);
        assert_eq!(parties.ended(0, 3_000).count(), 1);
    }
}

#[test]
fn a_key_that_is_worked_on_is_neither_booked_nor_free() {
    let mut parties = Parties::new(3, &always(Route::Pull, Kind::Slow { ms: 5_000 }));
    let wish = call("k", pull(5));
    done(&answer(&mut parties, 0, &wish));
    assert_eq!(answer(&mut parties, 1, &wish).as_str(), "unclear");
    let never = Attempt::Answered(Reply::NeverSeen);
    assert_eq!(answer(&mut parties, 4_999, &call("k", Request::Find)), never);
    done(&answer(&mut parties, 5_000, &call("k", Request::Find)));
    assert_eq!((parties.ledger().len(), parties.ledger()[0].asked), (1, 2));
}

#[test]
fn documents_are_made_once_and_stay_void() {
    let mut parties = Parties::new(3, &Faults::default());
    let make = call("d", documents("it"));
    let id = done(&answer(&mut parties, 0, &make));
    let void = call("v", Request::VoidDocuments { id: id.clone() });
    done(&answer(&mut parties, 1, &void));
    assert_eq!(done(&answer(&mut parties, 2, &make)), id);
    done(&answer(&mut parties, 3, &void));
    let [paper] = parties.papers() else { panic!("{:?}", parties.papers()) };
    assert_eq!((paper.voided_ms, paper.asked), (Some(1), 2));
    answer(&mut parties, 4, &call("m", mail()));
    answer(&mut parties, 5, &call("m", mail()));
    assert_eq!(parties.letters()[0].taken, 2);
}

#[test]
fn a_no_stays_no_under_its_key() {
    for (route, request) in
        [(Route::Pull, pull(5)), (Route::Push, push(5)), (Route::Make, documents("it"))]
    {
        let mut faults = always(route, Kind::Decline);
        faults.all[0].until_ms = 10;
        let mut parties = Parties::new(3, &faults);
        let wish = call("k", request);
        let no = answer(&mut parties, 0, &wish);
        assert_eq!(no.as_str(), "declined");
        assert_eq!(answer(&mut parties, 20, &wish), no);
    }
}
