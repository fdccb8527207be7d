//! Taking an investment back: from the line at once, from a seat by undoing what was done.
//!
//! The third parties are the tests' own and hold a call until they are told to go on, so that each
//! test takes back at a known step. Whatever the step, in the end the money is where it was, no
//! documents are valid, the seat is with the next in line, and it is told once.

use std::sync::Barrier;
use std::thread;

use serde_json::json;

use crate::harness::{Server, eventually};
use crate::http::{Client, Request};
use crate::investing::{id_of, investment_body, step, step_statuses};
use crate::streams::Outcomes;
use crate::stub::{Manner, Route, Stub};

/// A deal with one seat. Ann has it, and this call for her is held; Ben and Cleo wait.
struct Held {
    stub: Stub,
    server: Server,
    ann: String,
    ben: String,
    cleo: String,
}

impl Held {
    fn at(route: Route) -> Self {
        let stub = Stub::start();
        stub.order(route, Manner::Holds);
        let server = Server::start_with(stub.launch());
        let mut client = server.client();
        client.deal("harbour", "1000.00", 1);
        let [ann, ben, cleo] = ["ann", "ben", "cleo"].map(|name| {
            client.open(name);
            client.invest("harbour", name, "100.00")
        });
        stub.wait_asked(route, 1);
        Self { stub, server, ann, ben, cleo }
    }

    /// How often something of this kind was done for an investment.
    fn done(&self, route: Route, id: &str) -> usize {
        self.stub.done_for(route, id)
    }
}

#[test]
fn who_waits_leaves_the_line_at_once_and_never_moves_up() {
    let held = Held::at(Route::Pull);
    let mut client = held.server.client();
    let mut outcomes = Outcomes::open(held.server.address(), "deal=harbour");
    assert_eq!(client.investment(&held.cleo)["position"], 2);
    let left = client.cancel(&held.ben).expect(200);
    assert_eq!((&left["status"], &left["ticket"]), (&json!("cancelled"), &json!(2)));
    assert_eq!(left["failure"], json!(null), "{left}");
    let outcome = outcomes.next();
    assert_eq!(outcome["type"], "investment.cancelled", "{outcome}");
    assert_eq!(outcome["data"]["id"], held.ben.as_str(), "{outcome}");
    assert_eq!(client.investment(&held.cleo)["position"], 1, "the line moves up");
    assert_eq!(client.deal_now("harbour")["waiting"], 1);
    held.stub.order_account("ann", Manner::Declines("no"));
    client.until(&held.ann, "failed");
    held.stub.order(Route::Pull, Manner::Right);
    client.until(&held.cleo, "confirmed");
    assert_eq!(client.investment(&held.ben)["status"], "cancelled");
    assert_eq!(held.done(Route::Pull, &held.ben), 0, "nobody asked Ben's bank");
    assert_eq!(client.cancel(&held.ben).expect(200)["status"], "cancelled");
    client.command("/admin/checkpoint").expect(200);
    assert_eq!(client.investment(&held.ben)["status"], "cancelled");
    // The key is closed: a repeat gives what became of it.
    let again = client.ask_to_invest("harbour", "ben", &investment_body("ben", "100.00"));
    assert!(again.is_replay() && again.expect(202)["status"] == "cancelled", "{}", again.text());
}

#[test]
fn a_pull_under_way_is_waited_for_and_given_back() {
    let held = Held::at(Route::Pull);
    let mut client = held.server.client();
    let mut outcomes = Outcomes::open(held.server.address(), "type=investment.cancelled");
    let answer = client.cancel(&held.ann);
    let shown = answer.expect(202);
    assert_eq!(shown["status"], "compensating", "{shown}");
    let location = format!("/v1/investments/{}", held.ann);
    assert_eq!(answer.header("location"), Some(location.as_str()));
    // How the pull stands is not known, so the seat is not free and nothing is undone yet.
    assert_eq!(client.investment(&held.ben)["position"], 1);
    assert_eq!(client.cancel(&held.ann).expect(202)["status"], "compensating");
    held.stub.order(Route::Pull, Manner::Right);
    let ann = client.until(&held.ann, "cancelled");
    for undone in ["pull", "mark", "reserve"] {
        assert_eq!(step(&ann, undone)["undo"]["status"], "undone", "{ann}");
    }
    assert_eq!(held.done(Route::Pull, &held.ann), 1);
    assert_eq!(held.done(Route::Refund, &held.ann), 1);
    assert_eq!(held.done(Route::Documents, &held.ann), 0);
    client.until(&held.ben, "confirmed");
    assert_eq!(outcomes.next()["data"]["id"], held.ann.as_str());
    client.assert_nothing_pending("ann");
    assert_eq!(client.cancel(&held.ann).expect(200)["status"], "cancelled");
    client.assert_settled();
}

#[test]
fn a_pull_that_is_declined_after_all_needs_no_refund() {
    let held = Held::at(Route::Pull);
    let mut client = held.server.client();
    client.cancel(&held.ann).expect(202);
    held.stub.order_account("ann", Manner::Declines("no"));
    let ann = client.until(&held.ann, "cancelled");
    assert_eq!(step(&ann, "pull")["status"], "failed", "{ann}");
    assert_eq!(held.stub.asked(Route::Refund).len(), 0);
    client.until(&held.ben, "collecting");
    client.assert_balanced();
}

#[test]
fn documents_under_way_are_voided_and_the_money_given_back() {
    let held = Held::at(Route::Documents);
    let mut client = held.server.client();
    assert_eq!(client.cancel(&held.ann).expect(202)["status"], "compensating");
    held.stub.order(Route::Documents, Manner::Right);
    let ann = client.until(&held.ann, "cancelled");
    assert_eq!(step_statuses(&ann)[..5], ["done", "done", "done", "done", "pending"], "{ann}");
    assert_eq!(ann["documents"], json!(null), "void ones are not shown: {ann}");
    assert_eq!(held.done(Route::Void, &held.ann), 1);
    assert_eq!(held.done(Route::Refund, &held.ann), 1);
    client.until(&held.ben, "confirmed");
    client.assert_settled();
}

#[test]
fn what_is_confirmed_stays() {
    let held = Held::at(Route::Pull);
    let mut client = held.server.client();
    held.stub.order(Route::Pull, Manner::Right);
    client.until(&held.ann, "confirmed");
    client.cancel(&held.ann).problem(409, "investment-confirmed");
    let request = Request::new("DELETE", format!("/v1/investments/{}", held.ann));
    client.send(&request.key("k").header("Prefer", "wait=5")).problem(409, "investment-confirmed");
    assert_eq!(client.investment(&held.ann)["status"], "confirmed");
    assert_eq!(held.stub.asked(Route::Refund).len(), 0);
    // Who was refused, or failed, is told how it ended.
    let ben = client.until(&held.ben, "refused");
    assert_eq!(client.cancel(&held.ben).expect(200)["status"], ben["status"]);
}

#[test]
fn who_prefers_to_wait_is_told_when_everything_is_undone() {
    let held = Held::at(Route::Pull);
    let address = held.server.address();
    let waiting = format!("/v1/investments/{}", held.ann);
    let answer = thread::scope(|scope| {
        let cancel = scope.spawn(|| {
            let request = Request::new("DELETE", waiting).header("Prefer", "wait=30");
            Client::new(address).send(&request)
        });
        held.server.client().until(&held.ann, "compensating");
        held.stub.order(Route::Pull, Manner::Right);
        cancel.join().expect("it does not panic")
    });
    assert_eq!(answer.expect(200)["status"], "cancelled");
    assert_eq!(answer.header("preference-applied"), Some("wait=30"));
}

#[test]
fn a_stranger_and_a_bad_key_change_nothing() {
    let held = Held::at(Route::Pull);
    let mut client = held.server.client();
    client.cancel("inv_9999_harbour").problem(404, "investment-not-found");
    client.cancel("inv_2_nowhere").problem(404, "investment-not-found");
    let request = Request::new("DELETE", format!("/v1/investments/{}", held.ann)).key("a b");
    client.send(&request).problem(400, "malformed-request");
    assert_eq!(client.investment(&held.ann)["status"], "collecting");
}

#[test]
fn twenty_who_take_one_back_at_once_undo_it_once() {
    let held = Held::at(Route::Pull);
    let address = held.server.address();
    let start = Barrier::new(20);
    thread::scope(|scope| {
        for number in 0..20 {
            let (start, id) = (&start, if number % 2 == 0 { &held.ann } else { &held.ben });
            scope.spawn(move || {
                start.wait();
                let answer = Client::new(address).cancel(id);
                assert!(matches!(answer.status, 200 | 202), "{}", answer.text());
            });
        }
    });
    held.stub.order(Route::Pull, Manner::Right);
    let mut client = held.server.client();
    client.until(&held.ann, "cancelled");
    client.until(&held.ben, "cancelled");
    client.until(&held.cleo, "confirmed");
    assert_eq!(held.done(Route::Refund, &held.ann), 1);
    assert_eq!(client.deal_now("harbour")["seats"]["taken"], 1);
    client.assert_settled();
}

/// The wish to take it back may come before the investment's own saga has begun.
#[test]
fn taken_back_at_once_after_it_was_asked_for_nothing_is_left() {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let server = Server::start_with(stub.launch());
    let mut client = server.client();
    client.deal("harbour", "100000.00", 200);
    let ids: Vec<String> = (0..60)
        .map(|number| {
            let wallet = format!("w{number}");
            client.open(&wallet);
            let asked = client.ask_to_invest("harbour", &wallet, &investment_body(&wallet, "9.00"));
            let id = id_of(&asked.expect(202));
            let answer = client.cancel(&id);
            assert!(matches!(answer.status, 200 | 202), "{}", answer.text());
            id
        })
        .collect();
    stub.order(Route::Pull, Manner::Right);
    for (number, id) in ids.iter().enumerate() {
        client.until(id, "cancelled");
        client.assert_nothing_pending(&format!("w{number}"));
    }
    assert_eq!(stub.done(Route::Pull).len(), stub.done(Route::Refund).len());
    assert_eq!(stub.asked(Route::Documents).len(), 0);
    let deal = client.deal_now("harbour");
    assert_eq!((&deal["seats"]["taken"], &deal["reserved"]), (&json!(0), &json!("0.00")));
    client.assert_settled();
}

#[test]
fn a_cancellation_goes_on_after_a_crash() {
    let mut held = Held::at(Route::Pull);
    held.server.client().cancel(&held.ann).expect(202);
    held.server.kill();
    held.stub.order(Route::Pull, Manner::Right);
    held.server.restart();
    let mut client = held.server.client();
    client.until(&held.ann, "cancelled");
    client.until(&held.ben, "confirmed");
    eventually("what was pulled is given back", || {
        let (pulled, refunded) =
            (held.done(Route::Pull, &held.ann), held.done(Route::Refund, &held.ann));
        (pulled == refunded).then_some(())
    });
    client.assert_settled();
}
