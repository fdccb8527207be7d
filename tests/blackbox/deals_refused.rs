//! Investments that are refused with a ticket: the state of the deal or the wallet says no.
//!
//! Such a refusal is a decision of the deal: it has its place in the order of tickets, can be read
//! and listed, is told on the stream, and is given again to the letter when the request is
//! repeated, whatever has changed since.

use serde_json::{Value, json};

use crate::bank::texts;
use crate::harness::{Server, eventually};
use crate::http::{Answer, Client, JSON, Request};
use crate::investing::{deal_body, id_of, investment_body, investments_of, is_over, step_statuses};
use crate::parties::Parties;
use crate::streams::Outcomes;
use crate::stub::{Manner, Route, Stub};

/// The same body, of someone who does not wait.
fn impatient(wallet: &str, amount: &str) -> Value {
    let mut body = investment_body(wallet, amount);
    body["waitlist"] = json!(false);
    body
}

/// Asks, is refused with this ticket, and finds the refusal wherever one looks. Returns its id.
fn refused(client: &mut Client, deal: &str, body: &Value, code: &str, ticket: u64) -> String {
    let key = format!("{deal}-{ticket}");
    let answer = client.ask_to_invest(deal, &key, body);
    let problem = answer.problem(409, code);
    assert_eq!(problem["ticket"], ticket, "{problem}");
    let id = problem["investment"].as_str().unwrap_or_else(|| panic!("{problem}")).to_owned();
    let found = client.investment(&id);
    assert_eq!(found["status"], "refused", "{found}");
    assert!(is_over(&found) && found["position"].is_null(), "{found}");
    assert_eq!((&found["failure"]["code"], &found["ticket"]), (&json!(code), &json!(ticket)));
    assert_eq!((&found["wallet"], &found["deal"]), (&body["wallet"], &json!(deal)));
    assert_eq!(step_statuses(&found), ["pending"; 7], "{found}");
    assert_eq!(client.deal_now(deal)["last_ticket"], ticket);
    let again = client.ask_to_invest(deal, &key, body);
    assert_replay(&answer, &again);
    id
}

fn assert_replay(first: &Answer, again: &Answer) {
    assert!(!first.is_replay() && again.is_replay(), "{}", again.text());
    assert_eq!((again.status, again.text()), (first.status, first.text()));
}

#[test]
fn before_it_opens_and_after_it_closes_a_deal_takes_nobody() {
    let (_parties, server) = Parties::with_server();
    let mut client = server.client();
    client.open("ann");
    let body = investment_body("ann", "10.00");
    let mut open = |id: &str, member: &str, at: &str| {
        let mut deal = deal_body(id, "100.00", 5);
        deal[member] = json!(at);
        client.post("/v1/deals", id, &deal).expect(201)["status"].clone()
    };
    assert_eq!(open("early", "opens_at", "2200-01-01T00:00:00Z"), "upcoming");
    assert_eq!(open("late", "closes_at", "2020-01-01T00:00:00Z"), "closed");
    assert_eq!(open("open", "closes_at", "2200-01-01T00:00:00Z"), "open");
    let early = refused(&mut client, "early", &body, "deal-not-open", 1);
    assert!(client.investment(&early)["failure"]["detail"].to_string().contains("2200"));
    let problem = client.ask_to_invest("early", "early-1", &body).problem(409, "deal-not-open");
    assert_eq!(problem["retryable"], true, "{problem}");
    refused(&mut client, "late", &body, "deal-closed", 1);
    client.invest("open", "ann", "10.00");
}

/// A second after this instant; `None` while that would be another minute.
fn a_second_after(at: &Value) -> Option<String> {
    let at = at.as_str().expect("an instant is text");
    let (before, rest) = (&at[..17], &at[19..]);
    let second: u32 = at[17..19].parse().expect("a number of seconds");
    (second < 59).then(|| format!("{before}{:02}{rest}", second + 1))
}

#[test]
fn a_deal_opens_and_closes_by_the_clock() {
    let (_parties, server) = Parties::with_server();
    let mut client = server.client();
    client.open("ann");
    let mut number = 0;
    let at = eventually("a minute has a second left", || {
        number += 1;
        let now = client.deposit("ann", &format!("d{number}"), "1.00").expect(201);
        a_second_after(&now["at"])
    });
    for (id, member) in [("early", "opens_at"), ("late", "closes_at")] {
        let mut deal = deal_body(id, "1000.00", 5);
        deal[member] = json!(at);
        client.post("/v1/deals", id, &deal).expect(201);
    }
    let mut ask = |deal: &str, status: u16| {
        let body = investment_body("ann", "0.01");
        eventually(&format!("{deal} answers {status}"), || {
            number += 1;
            let answer = client.ask_to_invest(deal, &format!("k{number}"), &body);
            assert!(matches!(answer.status, 202 | 409), "{}", answer.text());
            (answer.status == status).then_some(answer)
        })
    };
    ask("late", 409).problem(409, "deal-closed");
    ask("early", 202);
    assert_eq!(client.deal_now("late")["status"], "closed");
    assert_eq!(client.deal_now("early")["status"], "open");
}

#[test]
fn a_deal_that_was_closed_takes_nobody_new() {
    let (_parties, server) = Parties::with_server();
    let mut client = server.client();
    client.deal("harbour", "100.00", 5);
    client.open("ann");
    client.open("ben");
    let ann = client.invest("harbour", "ann", "10.00");
    let close = || Request::new("POST", "/v1/deals/harbour/close").body(JSON, "").key("close");
    let closed = client.send(&close());
    assert_eq!(closed.expect(200)["status"], "closed");
    refused(&mut client, "harbour", &investment_body("ben", "10.00"), "deal-closed", 2);
    client.until(&ann, "confirmed");
    let again = client.send(&close());
    assert!(again.is_replay(), "{}", again.text());
    assert_eq!(client.command("/v1/deals/harbour/close").expect(200)["status"], "closed");
    client.command("/v1/deals/nowhere/close").problem(404, "deal-not-found");
    assert_eq!(client.deal_now("harbour")["confirmed"], "10.00");
}

#[test]
fn who_waits_when_a_deal_is_closed_keeps_the_place_in_line() {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let server = Server::start_with(stub.launch());
    let mut client = server.client();
    client.deal("harbour", "100.00", 1);
    let [ann, ben] = ["ann", "ben"].map(|name| {
        client.open(name);
        client.invest("harbour", name, "10.00")
    });
    client.command("/v1/deals/harbour/close").expect(200);
    assert_eq!(client.investment(&ben)["position"], 1);
    stub.order_account("ann", Manner::Declines("closed-account"));
    client.until(&ann, "failed");
    stub.order(Route::Pull, Manner::Right);
    client.until(&ben, "confirmed");
    assert_eq!(client.deal_now("harbour")["status"], "closed");
}

#[test]
fn a_frozen_wallet_is_refused() {
    let (_parties, server) = Parties::with_server();
    let mut client = server.client();
    client.deal("harbour", "100.00", 5);
    client.open("ann");
    client.command("/v1/wallets/ann/freeze").expect(200);
    let body = investment_body("ann", "10.00");
    refused(&mut client, "harbour", &body, "wallet-frozen", 1);
    client.command("/v1/wallets/ann/unfreeze").expect(200);
    let again = client.ask_to_invest("harbour", "harbour-1", &body);
    assert!(again.is_replay(), "{}", again.text());
    again.problem(409, "wallet-frozen");
    let ann = client.invest("harbour", "ann", "10.00");
    client.until(&ann, "confirmed");
}

/// A deal of 100.00 with two seats, 60.00 of it taken by a wallet whose bank says nothing yet.
fn half_taken() -> (Stub, Server, String) {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let server = Server::start_with(stub.launch());
    let mut client = server.client();
    client.deal("harbour", "100.00", 2);
    for name in ["ann", "ben", "cleo"] {
        client.open(name);
    }
    let ann = client.invest("harbour", "ann", "60.00");
    (stub, server, ann)
}

#[test]
fn who_does_not_wait_is_refused_when_there_is_no_place_now() {
    let (stub, server, ann) = half_taken();
    let mut client = server.client();
    let much = impatient("ben", "40.01");
    let much = refused(&mut client, "harbour", &much, "amount-exceeds-remaining", 2);
    let detail = client.investment(&much)["failure"]["detail"].to_string();
    assert!(detail.contains("40.00 EUR"), "{detail}");
    let ben = client.invest("harbour", "ben", "30.00");
    refused(&mut client, "harbour", &impatient("cleo", "1.00"), "deal-full", 4);
    // A wallet that has a seat needs no other; it may invest again as long as the amount fits.
    let more = impatient("ann", "10.01");
    refused(&mut client, "harbour", &more, "amount-exceeds-remaining", 5);
    let more = client.ask_to_invest("harbour", "more", &impatient("ann", "10.00")).expect(202);
    assert_eq!((&more["status"], &more["ticket"]), (&json!("reserved"), &json!(6)));
    stub.order(Route::Pull, Manner::Right);
    for id in [&ann, &ben, &id_of(&more)] {
        client.until(id, "confirmed");
    }
    let deal = client.deal_now("harbour");
    assert_eq!((&deal["remaining"], &deal["confirmed"]), (&json!("0.00"), &json!("100.00")));
    assert_eq!(deal["status"], "full");
    let none = investment_body("ann", "0.01");
    refused(&mut client, "harbour", &none, "amount-exceeds-remaining", 7);
    refused(&mut client, "harbour", &investment_body("cleo", "0.01"), "deal-full", 8);
}

#[test]
fn an_amount_that_can_never_fit_does_not_wait() {
    let (stub, server, ann) = half_taken();
    let mut client = server.client();
    let never = investment_body("ben", "100.01");
    refused(&mut client, "harbour", &never, "amount-exceeds-remaining", 2);
    let waits = client.ask_to_invest("harbour", "waits", &investment_body("ben", "100.00"));
    assert_eq!(waits.expect(202)["status"], "waitlisted");
    let waits = id_of(&waits.json());
    stub.order(Route::Pull, Manner::Right);
    client.until(&ann, "confirmed");
    // With 60.00 gone for good, 100.00 can never come about.
    let gone = client.until(&waits, "refused");
    assert_eq!(gone["failure"]["code"], "amount-exceeds-remaining", "{gone}");
    let never = investment_body("cleo", "40.01");
    refused(&mut client, "harbour", &never, "amount-exceeds-remaining", 4);
}

#[test]
fn who_fits_passes_nobody_in_line_who_fits_too() {
    let (stub, server, ann) = half_taken();
    let mut client = server.client();
    // Ben does not fit now and waits; Cleo fits and does not take anything from him.
    let ben = client.ask_to_invest("harbour", "ben", &investment_body("ben", "50.00")).expect(202);
    assert_eq!(ben["status"], "waitlisted");
    let cleo =
        client.ask_to_invest("harbour", "cleo", &investment_body("cleo", "40.00")).expect(202);
    assert_eq!(cleo["status"], "reserved");
    stub.order_account("ann", Manner::Declines("no"));
    client.until(&ann, "failed");
    stub.order(Route::Pull, Manner::Right);
    for id in [&id_of(&ben), &id_of(&cleo)] {
        client.until(id, "confirmed");
    }
}

#[test]
fn refusals_are_told_and_listed_by_their_tickets() {
    let (_stub, server, ann) = half_taken();
    let mut client = server.client();
    let mut outcomes = Outcomes::open(server.address(), "deal=harbour");
    let mut expected = vec![ann];
    for ticket in 2..6 {
        let body = impatient("ben", "50.00");
        let code = "amount-exceeds-remaining";
        let id = refused(&mut client, "harbour", &body, code, ticket);
        let outcome = outcomes.next();
        assert_eq!(outcome["type"], "investment.refused", "{outcome}");
        assert_eq!(outcome["data"]["id"], id.as_str(), "{outcome}");
        assert_eq!(outcome["data"]["ticket"], ticket, "{outcome}");
        assert_eq!(outcome["data"]["failure"]["code"], code, "{outcome}");
        assert_eq!(outcome["data"]["balance_after"], Value::Null, "{outcome}");
        expected.push(id);
    }
    let listed = client.all(&investments_of("harbour"));
    assert_eq!(texts(&listed, "id"), expected);
    for item in &listed[1..] {
        assert_eq!(item["failure"]["code"], "amount-exceeds-remaining", "{item}");
    }
}

#[test]
fn a_refusal_outlives_a_restart_and_leaves_the_memory() {
    let (_stub, mut server, _) = half_taken();
    let mut client = server.client();
    let body = impatient("ben", "50.00");
    let id = refused(&mut client, "harbour", &body, "amount-exceeds-remaining", 2);
    let first = client.ask_to_invest("harbour", "harbour-2", &body);
    for orderly in [true, false] {
        client.command("/admin/checkpoint").expect(200);
        if orderly {
            assert_eq!(server.stop(), Some(0), "{}", server.log());
        } else {
            server.kill();
        }
        server.restart();
        client = server.client();
        let again = client.ask_to_invest("harbour", "harbour-2", &body);
        assert!(again.is_replay(), "{}", again.text());
        assert_eq!(again.text(), first.text());
        assert_eq!(client.investment(&id)["status"], "refused");
    }
}
