//! The parties' properties: one booking for each key, answers that are true, replays that are the
//! same, and faults that all occur and do not disturb each other.

use std::collections::{BTreeMap, BTreeSet};

use bursar_domain::call::{Lane, Mail, Reply, Request, Template};
use bursar_domain::currency::Currency;
use bursar_domain::money::Amount;
use bursar_domain::time::Timestamp;

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
    match attempt {
        Attempt::Answered(Reply::Done { id, .. }) => id.clone(),
        other => panic!("{other:?}"),
    }
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
