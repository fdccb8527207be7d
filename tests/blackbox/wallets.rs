//! Wallets: opening, reading, depositing, freezing, and the lists of what happened.
//!
//! Entries are newest first and page by an opaque cursor that stays put while writes go on; the
//! feed has the shape of the Finance Service: signed minor units, newest last. Paging over the
//! boundary between memory and disk is in `paging`.

use serde_json::{Value, json};

use crate::bank::{minor, texts};
use crate::harness::Server;
use crate::http::Request;

#[test]
fn a_wallet_opens_empty_and_reads_back() {
    let server = Server::start();
    let mut client = server.client();
    let opened = client.open("alice");
    assert_eq!(opened["id"], "alice");
    assert_eq!(opened["currency"], "EUR");
    assert_eq!(opened["status"], "active");
    let empty = json!({"posted": "0.00", "held": "0.00", "available": "0.00"});
    assert_eq!(opened["balance"], empty);
    let read = client.wallet("alice");
    assert_eq!(read["balance"], empty);
    assert_eq!(read["id"], "alice");
    assert_eq!(read["pending_investments"], json!([]));
}

#[test]
fn the_server_makes_an_id_when_the_client_gives_none() {
    let server = Server::start();
    let mut client = server.client();
    let opened = client.post("/v1/wallets", "key", &json!({"currency": "JPY"})).expect(201);
    let id = opened["id"].as_str().expect("an id is a string");
    assert!(id.starts_with("wal_"), "{id}");
    assert_eq!(client.wallet(id)["balance"]["posted"], "0");
}

#[test]
fn an_id_is_taken_once() {
    let server = Server::start();
    let mut client = server.client();
    client.open("alice");
    let body = json!({"id": "alice", "currency": "EUR"});
    client.post("/v1/wallets", "another-key", &body).problem(409, "already-exists");
    client.send(&Request::post("/v1/wallets", &body)).problem(409, "already-exists");
}

#[test]
fn a_deposit_raises_the_balance_at_once() {
    let server = Server::start();
    let mut client = server.client();
    client.open("alice");
    let answer = client.deposit("alice", "d1", "12.3").expect(201);
    assert_eq!(answer["balance_after"], "12.30");
    let expected = json!({"posted": "12.30", "held": "0.00", "available": "12.30"});
    assert_eq!(client.wallet("alice")["balance"], expected);
    client.deposit("alice", "d2", "0.01").expect(201);
    assert_eq!(client.posted("alice"), "12.31");
}

#[test]
fn a_deposit_by_a_method_that_is_not_served_is_refused() {
    let server = Server::start();
    let mut client = server.client();
    client.open("alice");
    let body = json!({"amount": "1.00", "currency": "EUR", "method": "barter"});
    let answer = client.post("/v1/wallets/alice/deposits", "d1", &body);
    assert!((400..500).contains(&answer.status), "{}", answer.text());
    assert_eq!(client.posted("alice"), "0.00");
}

#[test]
fn a_frozen_wallet_receives_but_does_not_pay() {
    let server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "10.00");
    client.register("shop");
    assert_eq!(client.command("/v1/wallets/alice/freeze").expect(200)["status"], "frozen");
    client.pay("alice", "shop", "p1", "1.00").problem(409, "wallet-frozen");
    client.deposit("alice", "d2", "1.00").expect(201);
    assert_eq!(client.wallet("alice")["status"], "frozen");
    assert_eq!(client.command("/v1/wallets/alice/unfreeze").expect(200)["status"], "active");
    assert_eq!(client.pay("alice", "shop", "p2", "1.00").expect(201)["balance_after"], "10.00");
    client.command("/v1/wallets/nobody/freeze").problem(404, "wallet-not-found");
}

#[test]
fn credit_reaches_to_its_limit_and_no_further() {
    let server = Server::start();
    let mut client = server.client();
    let body = json!({"id": "alice", "currency": "EUR", "credit_limit": "5.00"});
    client.post("/v1/wallets", "open", &body).expect(201);
    client.register("shop");
    client.pay("alice", "shop", "p1", "5.01").problem(409, "insufficient-funds");
    assert_eq!(client.pay("alice", "shop", "p2", "5.00").expect(201)["balance_after"], "-5.00");
    client.pay("alice", "shop", "p3", "0.01").problem(409, "insufficient-funds");
    assert_eq!(client.wallet("alice")["balance"]["available"], "-5.00");
}

/// A wallet with ten deposits of 1.00 to 10.00 and a payment of 0.50 last.
fn busy_wallet(server: &Server) {
    let mut client = server.client();
    client.open("alice");
    client.register("shop");
    for number in 1..=10 {
        client.deposit("alice", &format!("d{number}"), &format!("{number}.00")).expect(201);
    }
    client.pay("alice", "shop", "p1", "0.50").expect(201);
}

#[test]
fn entries_are_newest_first_and_add_up() {
    let server = Server::start();
    busy_wallet(&server);
    let entries = server.client().all("/v1/wallets/alice/entries");
    let amounts = texts(&entries, "amount");
    assert_eq!(amounts[..3], ["-0.50", "10.00", "9.00"]);
    assert_eq!(amounts.len(), 11);
    let sequence: Vec<_> = entries.iter().map(|entry| entry["seq"].as_u64()).collect();
    assert!(sequence.windows(2).all(|pair| pair[0] > pair[1]), "{sequence:?}");
    let mut sum = 0;
    for entry in entries.iter().rev() {
        sum += minor(&entry["amount"]);
        assert_eq!(minor(&entry["balance_after"]), sum, "{entry}");
        for member in ["at", "kind", "reference"] {
            assert!(entry[member].is_string(), "{member}: {entry}");
        }
    }
    assert_eq!(entries[0]["kind"], "payment");
    assert_eq!(entries[1]["kind"], "deposit");
    let counterparty = entries[0]["counterparty"].to_string();
    assert!(counterparty.contains("shop"), "{counterparty}");
}

#[test]
fn a_page_is_stable_while_writes_go_on() {
    let server = Server::start();
    busy_wallet(&server);
    let mut client = server.client();
    let mut seen = Vec::new();
    let mut path = "/v1/wallets/alice/entries?limit=4".to_owned();
    for round in 0.. {
        let page = client.get(&path).expect(200);
        let items = page["items"].as_array().expect("a list has items");
        assert!(items.len() <= 4);
        seen.extend(items.iter().map(|item| item["seq"].as_u64().expect("a position")));
        client.deposit("alice", &format!("late{round}"), "99.00").expect(201);
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/wallets/alice/entries?limit=4&cursor={cursor}");
    }
    assert_eq!(seen.len(), 11, "no entry is left out and none of the late ones is in");
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "{seen:?}");
}

#[test]
fn entries_are_filtered_by_kind_and_time() {
    let server = Server::start();
    busy_wallet(&server);
    let mut client = server.client();
    let mut count = |query: &str| {
        let page = client.get(&format!("/v1/wallets/alice/entries?limit=500&{query}"));
        page.expect(200)["items"].as_array().expect("a list has items").len()
    };
    assert_eq!(count("kind=payment"), 1);
    assert_eq!(count("kind=deposit"), 10);
    assert_eq!(count("from=2000-01-01T00:00:00Z"), 11);
    assert_eq!(count("from=2200-01-01T00:00:00Z"), 0);
    assert_eq!(count("to=2200-01-01T00:00:00Z&kind=deposit"), 10);
    assert_eq!(count("to=2000-01-01T00:00:00Z"), 0);
}

#[test]
fn a_cursor_carries_its_filters() {
    let server = Server::start();
    busy_wallet(&server);
    let mut client = server.client();
    let first = client.get("/v1/wallets/alice/entries?kind=deposit&limit=9").expect(200);
    let cursor = first["next_cursor"].as_str().expect("one deposit is left");
    let rest = client.get(&format!("/v1/wallets/alice/entries?cursor={cursor}")).expect(200);
    let items = rest["items"].as_array().expect("a list has items");
    assert_eq!(texts(items, "amount"), ["1.00"]);
    assert_eq!(rest["next_cursor"], Value::Null);
}

#[test]
fn bad_paging_is_refused() {
    let server = Server::start();
    let mut client = server.client();
    client.open("alice");
    for query in [
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=-1",
        "cursor=%00",
        "cursor=zzzz",
        "from=yesterday",
        "colour=red",
    ] {
        let answer = client.get(&format!("/v1/wallets/alice/entries?{query}"));
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        answer.problem(400, "malformed-request");
    }
    client.get("/v1/wallets/nobody/entries").problem(404, "wallet-not-found");
}

#[test]
fn the_feed_has_the_shape_of_the_finance_service() {
    let server = Server::start();
    busy_wallet(&server);
    let mut client = server.client();
    let feed = client.get("/v1/wallets/alice/feed").expect(200);
    assert_eq!(feed["user_id"], "alice");
    assert_eq!(feed["balance"], 5450);
    let transactions = feed["transactions"].as_array().expect("a list");
    assert_eq!(transactions.len(), 11);
    let amounts: Vec<_> = transactions.iter().map(|line| line["amount"].as_i64()).collect();
    assert_eq!(amounts[0], Some(100));
    assert_eq!(amounts[10], Some(-50), "the newest is last");
    assert_eq!(transactions[10]["name"], "Provider shop");
    for line in transactions {
        assert!(line["timestamp"].as_i64().is_some_and(|seconds| seconds > 1_600_000_000));
        assert!(!line["id"].is_null(), "{line}");
    }
    let newest = client.get("/v1/wallets/alice/feed?limit=2").expect(200);
    let newest = newest["transactions"].as_array().expect("a list");
    assert_eq!(newest.as_slice(), &transactions[9..]);
}
