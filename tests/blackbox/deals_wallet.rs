//! Investments that the wallet pays itself: set aside first, paid when there is no way back.
//!
//! The maker of documents is the tests' own and holds them until it is told to go on, so that what
//! is set aside can be looked at. Nothing here may reach the processor.

use serde_json::{Value, json};

use crate::harness::Server;
use crate::investing::{from_wallet, id_of, step, step_statuses};
use crate::streams::Outcomes;
use crate::stub::{Manner, Route, Stub};

/// Ann has 1000.00 and invests 400.00; the documents are not made yet.
struct Begun {
    stub: Stub,
    server: Server,
    ann: String,
}

impl Begun {
    fn new() -> Self {
        let stub = Stub::start();
        stub.order(Route::Documents, Manner::Holds);
        let server = Server::start_with(stub.launch());
        let mut client = server.client();
        client.deal("harbour", "500.00", 1);
        client.open_with("ann", "1000.00");
        let body = from_wallet("ann", "400.00");
        let ann = id_of(&client.ask_to_invest("harbour", "ann", &body).expect(202));
        stub.wait_asked(Route::Documents, 1);
        Self { stub, server, ann }
    }
}

fn balance(posted: &str, held: &str, available: &str) -> Value {
    json!({"posted": posted, "held": held, "available": available})
}

#[test]
fn what_is_invested_is_set_aside_until_it_is_confirmed() {
    let begun = Begun::new();
    let mut client = begun.server.client();
    client.register("shop");
    let pending = client.until(&begun.ann, "documenting");
    assert_eq!(step_statuses(&pending)[..4], ["done", "done", "skipped", "running"], "{pending}");
    let ann = client.wallet("ann");
    assert_eq!(ann["balance"], balance("1000.00", "400.00", "600.00"));
    assert_eq!(ann["pending_investments"], json!([begun.ann]));
    client.pay("ann", "shop", "p1", "600.01").problem(409, "insufficient-funds");
    client.pay("ann", "shop", "p2", "600.00").expect(201);
    begun.stub.order(Route::Documents, Manner::Right);
    client.until(&begun.ann, "confirmed");
    assert_eq!(client.wallet("ann")["balance"], balance("0.00", "0.00", "0.00"));
    client.assert_nothing_pending("ann");
    assert_eq!(client.deal_now("harbour")["confirmed"], "400.00");
    client.wait_accrued("shop", "600.00");
    client.assert_settled();
    assert_eq!(begun.stub.asked(Route::Pull).len(), 0, "the bank was not asked");
}

#[test]
fn an_investment_is_an_entry_and_a_line_of_the_feed_once_it_is_confirmed() {
    let begun = Begun::new();
    let mut client = begun.server.client();
    assert_eq!(client.all("/v1/wallets/ann/entries").len(), 1, "the deposit");
    begun.stub.order(Route::Documents, Manner::Right);
    client.until(&begun.ann, "confirmed");
    for saved in [false, true] {
        let entries = client.get("/v1/wallets/ann/entries?kind=investment").expect(200);
        let entries = entries["items"].as_array().expect("a list has items");
        assert_eq!(entries.len(), 1, "saved: {saved}");
        assert_eq!(entries[0]["amount"], "-400.00");
        assert_eq!(entries[0]["balance_after"], "600.00");
        assert_eq!(entries[0]["reference"], begun.ann.as_str());
        assert_eq!(entries[0]["counterparty"], "harbour");
        let feed = client.get("/v1/wallets/ann/feed").expect(200);
        assert_eq!(feed["balance"], 60_000);
        let newest = &feed["transactions"][1];
        assert_eq!((&newest["amount"], &newest["name"]), (&json!(-40_000), &json!("Deal harbour")));
        client.command("/admin/checkpoint").expect(200);
    }
}

#[test]
fn who_has_not_enough_fails_with_the_reason_and_frees_the_seat() {
    let begun = Begun::new();
    let mut client = begun.server.client();
    client.deal("quay", "500.00", 1);
    client.open_with("ben", "99.99");
    let mut outcomes = Outcomes::open(begun.server.address(), "deal=quay");
    let ben = client.ask_to_invest("quay", "ben", &from_wallet("ben", "100.00")).expect(202);
    let ben = client.until(&id_of(&ben), "failed");
    assert_eq!(ben["failure"]["code"], "insufficient-funds", "{ben}");
    assert_eq!(step(&ben, "mark")["status"], "failed", "{ben}");
    assert_eq!(step(&ben, "reserve")["undo"]["status"], "undone", "{ben}");
    let outcome = outcomes.next();
    assert_eq!(outcome["type"], "investment.failed", "{outcome}");
    assert_eq!(client.wallet("ben")["balance"], balance("99.99", "0.00", "99.99"));
    client.assert_nothing_pending("ben");
    let deal = client.deal_now("quay");
    assert_eq!((&deal["seats"]["taken"], &deal["remaining"]), (&json!(0), &json!("500.00")));
    let more = client.ask_to_invest("quay", "again", &from_wallet("ben", "99.99")).expect(202);
    begun.stub.order(Route::Documents, Manner::Right);
    client.until(&id_of(&more), "confirmed");
    client.assert_settled();
}

#[test]
fn documents_that_are_refused_release_what_was_set_aside() {
    let begun = Begun::new();
    let mut client = begun.server.client();
    begun.stub.order(Route::Documents, Manner::Declines("subject-unknown"));
    let ann = client.until(&begun.ann, "failed");
    assert_eq!(ann["failure"]["code"], "subject-unknown", "{ann}");
    assert_eq!(client.wallet("ann")["balance"], balance("1000.00", "0.00", "1000.00"));
    assert_eq!(client.all("/v1/wallets/ann/entries").len(), 1, "the deposit alone");
    assert_eq!(client.deal_now("harbour")["seats"]["taken"], 0);
    client.assert_settled();
}

#[test]
fn who_takes_it_back_has_the_money_back_and_no_documents() {
    let begun = Begun::new();
    let mut client = begun.server.client();
    let answer = client.cancel(&begun.ann);
    assert_eq!(answer.expect(202)["status"], "compensating");
    begun.stub.order(Route::Documents, Manner::Right);
    client.until(&begun.ann, "cancelled");
    assert_eq!(client.wallet("ann")["balance"], balance("1000.00", "0.00", "1000.00"));
    let (made, void) = (begun.stub.done(Route::Documents), begun.stub.done(Route::Void));
    assert_eq!((made.len(), void.len()), (1, 1), "what was made is void");
    client.assert_nothing_pending("ann");
    client.assert_settled();
}

#[test]
fn who_was_frozen_in_line_is_passed_over_for_the_next() {
    let begun = Begun::new();
    let mut client = begun.server.client();
    let [ben, cleo] = ["ben", "cleo"].map(|name| {
        client.open_with(name, "400.00");
        let body = from_wallet(name, "400.00");
        id_of(&client.ask_to_invest("harbour", name, &body).expect(202))
    });
    client.command("/v1/wallets/ben/freeze").expect(200);
    begun.stub.order(Route::Documents, Manner::Declines("subject-unknown"));
    client.until(&begun.ann, "failed");
    let ben = client.until(&ben, "failed");
    assert_eq!(ben["failure"]["code"], "wallet-frozen", "{ben}");
    client.until(&cleo, "failed");
    assert_eq!(client.wallet("ben")["balance"], balance("400.00", "0.00", "400.00"));
    assert_eq!(client.deal_now("harbour")["waiting"], 0);
    client.assert_settled();
}

#[test]
fn two_investments_at_once_set_aside_both_and_a_third_does_not_fit() {
    let begun = Begun::new();
    let mut client = begun.server.client();
    client.deal("quay", "9000.00", 5);
    let body = from_wallet("ann", "600.00");
    let second = id_of(&client.ask_to_invest("quay", "second", &body).expect(202));
    begun.stub.wait_asked(Route::Documents, 2);
    assert_eq!(client.wallet("ann")["balance"], balance("1000.00", "1000.00", "0.00"));
    let pending = client.wallet("ann")["pending_investments"].clone();
    let mut pending: Vec<_> = pending.as_array().expect("a list").iter().collect();
    pending.sort_by_key(ToString::to_string);
    assert_eq!(pending, [begun.ann.as_str(), &second]);
    let third = client.ask_to_invest("quay", "third", &from_wallet("ann", "0.01")).expect(202);
    let third = client.until(&id_of(&third), "failed");
    assert_eq!(third["failure"]["code"], "insufficient-funds", "{third}");
    begun.stub.order(Route::Documents, Manner::Right);
    for id in [&begun.ann, &second] {
        client.until(id, "confirmed");
    }
    assert_eq!(client.posted("ann"), "0.00");
    client.assert_settled();
}
