//! The ledger's rules, as facts: booked once, never refunded beyond what was pulled, pending until
//! its time.
//!
//! The ledger reads no clock, so time is whatever a test says, and what depends on an instant is
//! tested on both sides of it.

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).expect("an instant")
}

fn euro(minor: i64, what: What) -> Order {
    let currency = Currency::from_code("EUR").expect("known");
    Order { what, account: "alice".into(), amount: Amount::from_minor(minor), currency }
}

fn pull(minor: i64) -> Order {
    euro(minor, What::Pull { reference: "r".into() })
}

fn ledger() -> Ledger {
    Ledger::new(1, 100)
}

/// Books and gives the place in the ledger.
fn book(ledger: &mut Ledger, key: &str, order: Order, verdict: Verdict, now: i64) -> usize {
    try_book(ledger, key, order, verdict, now).expect("booked")
}

fn try_book(
    ledger: &mut Ledger,
    key: &str,
    order: Order,
    verdict: Verdict,
    now: i64,
) -> Result<usize, Code> {
    let code = |problem: Problem| problem.code();
    if ledger.booked(key, &order).map_err(code)?.is_none() {
        let entry = ledger.draw_up(key, order, verdict, at(now)).map_err(code)?;
        ledger.append(entry).expect("it follows");
    }
    Ok(ledger.by_key[key])
}

fn declined(code: &str) -> Verdict {
    Verdict::Declined(code.into())
}

fn pending(millis: u64, code: Option<&str>) -> Verdict {
    let code = code.map(Arc::from);
    Verdict::Pending { delay: Duration::from_millis(millis), code }
}

#[test]
fn a_key_is_booked_once_with_its_first_answer() {
    let mut ledger = ledger();
    let first = book(&mut ledger, "k", pull(100), declined("no"), 0);
    let again = book(&mut ledger, "k", pull(100), Verdict::Fair, 9);
    assert_eq!((first, again, ledger.len()), (0, 0, 1));
    assert_eq!(ledger.entry(0).first(), Standing::Declined("no"));
    assert_eq!(ledger.entry(0).at, at(0));
    let refused = try_book(&mut ledger, "k", pull(101), Verdict::Fair, 9);
    assert_eq!(refused, Err(Code::KeyReused));
}

#[test]
fn a_refund_past_what_is_left_is_declined() {
    let mut ledger = ledger();
    let of = book(&mut ledger, "p", pull(100), Verdict::Fair, 0);
    for (key, minor, code) in [
        ("r1", 101, Some(EXCEEDS)),
        ("r2", 60, None),
        ("r3", 41, Some(EXCEEDS)),
        ("r4", 40, None),
        ("r5", 1, Some(EXCEEDS)),
    ] {
        let index = book(&mut ledger, key, euro(minor, What::Refund { of }), Verdict::Fair, 1);
        assert_eq!(ledger.entry(index).first().code(), code, "{key}");
    }
    let sums = ledger.sums(ledger.len(), at(1))[&pull(1).currency];
    assert_eq!((sums.pulled.minor(), sums.refunded.minor(), sums.net().minor()), (100, 100, 0));
}

#[test]
fn only_a_pull_that_succeeded_can_be_refunded() {
    let mut ledger = ledger();
    let push = euro(100, What::Push { reference: "r".into() });
    for (key, order, verdict) in [
        ("declined", pull(100), declined("no")),
        ("pending", pull(100), pending(50, None)),
        ("pushed", push, Verdict::Fair),
    ] {
        let of = book(&mut ledger, key, order, verdict, 0);
        let refund = format!("r-{key}");
        let index = book(&mut ledger, &refund, euro(1, What::Refund { of }), Verdict::Fair, 1);
        assert_eq!(ledger.entry(index).first(), Standing::Declined(EXCEEDS), "{key}");
    }
    let of = ledger.by_key["pending"];
    let index = book(&mut ledger, "r-later", euro(1, What::Refund { of }), Verdict::Fair, 50);
    assert_eq!(ledger.entry(index).first(), Standing::Succeeded);
    assert_eq!(ledger.transaction(&ledger.entry(index).id), None, "a refund is no transaction");
}

#[test]
fn a_pending_refund_holds_its_amount_until_it_is_declined() {
    let mut ledger = ledger();
    let of = book(&mut ledger, "p", pull(100), Verdict::Fair, 0);
    let refund = || euro(100, What::Refund { of });
    book(&mut ledger, "r1", refund(), pending(10, Some("returned")), 0);
    let held = book(&mut ledger, "r2", refund(), Verdict::Fair, 9);
    assert_eq!(ledger.entry(held).first(), Standing::Declined(EXCEEDS));
    let free = book(&mut ledger, "r3", refund(), Verdict::Fair, 10);
    assert_eq!(ledger.entry(free).first(), Standing::Succeeded);
}

#[test]
fn pending_becomes_what_it_was_to_become() {
    let mut ledger = ledger();
    let good = book(&mut ledger, "good", pull(100), pending(10, None), 5);
    let bad = book(&mut ledger, "bad", pull(100), pending(10, Some("r01")), 5);
    for index in [good, bad] {
        let entry = ledger.entry(index);
        assert_eq!(entry.first(), Standing::Pending);
        assert_eq!(entry.standing(at(14)), Standing::Pending);
        assert_eq!(entry.settled_at, at(15));
    }
    assert!(ledger.sums(2, at(14)).is_empty(), "what is pending does not count");
    assert_eq!(ledger.entry(good).standing(at(15)), Standing::Succeeded);
    assert_eq!(ledger.entry(bad).standing(at(15)), Standing::Declined("r01"));
    assert_eq!(ledger.sums(2, at(15))[&pull(1).currency].net().minor(), 100);
}

#[test]
fn what_is_silent_is_pending_for_ever() {
    let mut ledger = ledger();
    let silent = book(&mut ledger, "s", pull(100), Verdict::Silent, 5);
    let entry = ledger.entry(silent);
    for now in [5, 6, 253_402_207_200_000] {
        assert_eq!(entry.standing(at(now)), Standing::Pending);
    }
    assert_eq!(entry.end(), (Then::Silent, None));
    assert!(ledger.sums(1, at(1_000)).is_empty());
    let refund = book(&mut ledger, "r", euro(1, What::Refund { of: silent }), Verdict::Fair, 9);
    assert_eq!(ledger.entry(refund).first(), Standing::Declined(EXCEEDS));
}

#[test]
fn those_settled_since_are_found_in_the_order_of_booking() {
    let mut ledger = ledger();
    // Booked at 0, 1, 2, ...: pending for so long.
    for (now, wait) in (0..).zip([0, 10, 3, 7, 0, 100, 1, 0]) {
        let verdict = if wait == 0 { Verdict::Fair } else { pending(wait, None) };
        book(&mut ledger, &format!("k{now}"), pull(100), verdict, now);
    }
    book(&mut ledger, "silent", pull(100), Verdict::Silent, 8);
    // As a walk through all of it finds them, at every instant and for every window.
    for now in 0..120 {
        for since in 0..=now {
            let is_settled = |index: &usize| {
                let entry = ledger.entry(*index);
                entry.standing(at(now)) != Standing::Pending
            };
            let in_window = |index: &usize| ledger.entry(*index).settled_at >= at(since);
            let walked: Vec<_> = (0..9).filter(is_settled).filter(in_window).collect();
            let found = ledger.settled(at(since), at(now)).filter(is_settled);
            assert_eq!(found.collect::<Vec<_>>(), walked, "since {since}, now {now}");
        }
    }
    assert_eq!(ledger.settled(at(9), at(10)).collect::<Vec<_>>(), [3], "and not many others");
}

#[test]
fn a_full_ledger_still_knows_its_keys() {
    let mut ledger = Ledger::new(1, 1);
    book(&mut ledger, "k", pull(1), Verdict::Fair, 0);
    let refused = try_book(&mut ledger, "l", pull(1), Verdict::Fair, 0);
    assert_eq!(refused, Err(Code::Full));
    assert_eq!(book(&mut ledger, "k", pull(1), Verdict::Fair, 1), 0);
}

#[test]
fn ids_come_from_the_seed_and_the_key() {
    let id = |seed, keys: &[&str]| {
        let mut ledger = Ledger::new(seed, 10);
        for key in keys {
            book(&mut ledger, key, pull(1), Verdict::Fair, 0);
        }
        ledger.by_key("k").expect("booked").id.to_string()
    };
    assert_eq!(id(1, &["k", "l"]), id(1, &["l", "k"]));
    assert_ne!(id(1, &["k"]), id(2, &["k"]));
}

#[test]
fn what_does_not_follow_is_not_booked() {
    let mut ledger = ledger();
    book(&mut ledger, "k", pull(1), Verdict::Fair, 0);
    let again = Ledger::new(2, 10).draw_up("k", pull(1), Verdict::Fair, at(0)).expect("free");
    ledger.append(again).expect_err("the key is booked");
    let mut refund = ledger.draw_up("r", pull(1), Verdict::Fair, at(0)).expect("free");
    refund.order.what = What::Refund { of: 1 };
    ledger.append(refund).expect_err("there is one entry");
    assert_eq!(ledger.len(), 1);
}
