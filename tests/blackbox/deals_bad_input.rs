//! Deals and investments that make no sense: refused without a trace.
//!
//! No ticket is given to what could never be: a body that is not well formed, an amount outside
//! the deal's bounds, another currency, a wallet or deal that nobody knows. So after each of these
//! the last ticket is what it was. Refusals with a ticket are in `deals_refused`.

use serde_json::{Value, json};

use crate::bank::texts;
use crate::harness::Server;
use crate::http::{Answer, Client, JSON, Request};
use crate::investing::{deal_body, investment_body, investments_of};
use crate::parties::Parties;

/// The same body with one member changed; `null` leaves it out.
fn with(body: &Value, member: &str, value: &Value) -> Value {
    let mut body = body.clone();
    let members = body.as_object_mut().expect("a body is an object");
    if value.is_null() {
        members.remove(member);
    } else {
        members.insert(member.to_owned(), value.clone());
    }
    body
}

/// A refusal that names the faulty field, when the body was well formed.
fn assert_refused(answer: &Answer, what: &Value, status: u16, code: &str, pointer: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    let problem = answer.problem(status, code);
    for member in ["ticket", "investment"] {
        assert_eq!(problem[member], Value::Null, "{what}: {problem}");
    }
    if !pointer.is_empty() {
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{what}: {problem}");
    }
}

/// Amounts that are none.
fn bad_amounts() -> Vec<Value> {
    vec![
        json!("0"),
        json!("0.00"),
        json!("-5"),
        json!("1e3"),
        json!("1.234"),
        json!("1,000"),
        json!(""),
        json!("92233720368547758.08"),
        json!(0),
        json!(100),
        json!(100.5),
    ]
}

#[test]
fn a_deal_that_makes_no_sense_is_not_opened() {
    let server = Server::start();
    let mut client = server.client();
    let good = deal_body("harbour", "1000.00", 5);
    let long = "x".repeat(65);
    let mut cases = vec![
        ("max_investors", json!(0), 422, "invalid-field"),
        ("max_investors", json!(201), 422, "invalid-field"),
        ("max_investors", json!(-1), 422, "invalid-field"),
        ("max_investors", json!(70_000), 422, "invalid-field"),
        ("name", json!(""), 422, "invalid-field"),
        ("name", json!(" "), 422, "invalid-field"),
        ("name", json!("x".repeat(201)), 422, "invalid-field"),
        ("name", json!("a\u{0}b"), 422, "invalid-field"),
        ("currency", json!("EURO"), 422, "unknown-currency"),
        ("currency", json!("eur"), 422, "unknown-currency"),
        ("id", json!(""), 422, "invalid-id"),
        ("id", json!("a/b"), 422, "invalid-id"),
        ("id", json!("a b"), 422, "invalid-id"),
        ("id", json!("a.b"), 422, "invalid-id"),
        ("id", json!("\u{fc}"), 422, "invalid-id"),
        ("id", json!(long), 422, "invalid-id"),
        ("min_investment", json!("1000.01"), 422, "invalid-field"),
        ("opens_at", json!("soon"), 422, "invalid-field"),
        ("closes_at", json!("2026-13-01"), 422, "invalid-field"),
    ];
    for member in ["amount", "min_investment", "max_investment"] {
        cases.extend(bad_amounts().into_iter().map(|bad| (member, bad, 422, "invalid-amount")));
    }
    for (member, value, status, code) in &cases {
        let body = with(&good, member, value);
        let answer = client.post("/v1/deals", "open", &body);
        assert_refused(&answer, &body, *status, code, &format!("/{member}"));
    }
    let together = [
        ("/closes_at", json!({"opens_at": "2026-01-02", "closes_at": "2026-01-01"})),
        ("/closes_at", json!({"opens_at": "2026-01-02", "closes_at": "2026-01-02"})),
        ("/min_investment", json!({"min_investment": "9", "max_investment": "8"})),
    ];
    for (pointer, members) in together {
        let mut body = good.clone();
        for (member, value) in members.as_object().expect("members") {
            body[member] = value.clone();
        }
        let answer = client.post("/v1/deals", "open", &body);
        assert_refused(&answer, &body, 422, "invalid-field", pointer);
    }
    assert_eq!(texts(&client.all("/v1/deals"), "id"), Vec::<String>::new());
    client.post("/v1/deals", "open", &good).expect(201);
}

#[test]
fn a_deal_that_is_not_well_formed_is_not_opened() {
    let server = Server::start();
    let mut client = server.client();
    let good = deal_body("harbour", "1000.00", 5);
    for (member, value) in [
        ("colour", json!("red")),
        ("status", json!("open")),
        ("max_investors", json!("5")),
        ("max_investors", json!(1.5)),
        ("name", Value::Null),
        ("amount", Value::Null),
        ("currency", Value::Null),
        ("name", json!(5)),
        ("amount", json!(["1"])),
    ] {
        let body = with(&good, member, &value);
        let answer = client.post("/v1/deals", "open", &body);
        assert_refused(&answer, &body, 400, "malformed-request", "");
    }
    for text in ["", "{", "[]", "null", "\"deal\"", "{\"id\":\"a\",\"id\":\"b\"}"] {
        let request = Request::new("POST", "/v1/deals").key("open").body(JSON, text);
        client.send(&request).problem(400, "malformed-request");
    }
    let request = Request::new("POST", "/v1/deals").body("text/plain", good.to_string());
    client.send(&request).problem(415, "unsupported-media-type");
    let request = Request::post("/v1/deals", &good).key("a b");
    client.send(&request).problem(400, "malformed-request");
    client.get("/v1/deals/harbour").problem(404, "deal-not-found");
}

#[test]
fn the_id_of_a_deal_is_taken_once() {
    let server = Server::start();
    let mut client = server.client();
    client.deal("harbour", "1000.00", 5);
    let other = deal_body("harbour", "2000.00", 5);
    client.post("/v1/deals", "another", &other).problem(409, "already-exists");
    client.send(&Request::post("/v1/deals", &other)).problem(409, "already-exists");
    client.post("/v1/deals", "deal-harbour", &other).problem(422, "idempotency-key-reused");
    assert_eq!(client.deal_now("harbour")["amount"], "1000.00");
    // A wallet may have the same id: they are different things.
    client.open("harbour");
}

/// A deal in euros from 10.00 to 100.00 each, and wallets in two currencies.
fn server_with_deal() -> (Parties, Server) {
    let (parties, server) = Parties::with_server();
    let mut client = server.client();
    let mut body = deal_body("harbour", "1000.00", 50);
    body["min_investment"] = json!("10.00");
    body["max_investment"] = json!("100.00");
    client.post("/v1/deals", "harbour", &body).expect(201);
    client.open("ann");
    let dollars = json!({"id": "dora", "currency": "USD"});
    client.post("/v1/wallets", "dora", &dollars).expect(201);
    (parties, server)
}

/// No ticket was given, so nothing was begun.
fn assert_no_ticket(client: &mut Client) {
    let deal = client.deal_now("harbour");
    assert_eq!(deal["last_ticket"], 0, "{deal}");
    assert_eq!(deal["remaining"], "1000.00", "{deal}");
    assert_eq!(client.all(&investments_of("harbour")).len(), 0);
}

#[test]
fn an_investment_that_makes_no_sense_gets_no_ticket() {
    let (_parties, server) = server_with_deal();
    let mut client = server.client();
    let good = investment_body("ann", "50.00");
    let mut cases = vec![
        ("amount", json!("9.99"), 422, "invalid-amount", ""),
        ("amount", json!("100.01"), 422, "invalid-amount", ""),
        ("currency", json!("USD"), 422, "currency-mismatch", ""),
        ("wallet", json!("dora"), 422, "currency-mismatch", ""),
        ("currency", json!("EURO"), 422, "unknown-currency", "/currency"),
        ("wallet", json!("nobody"), 404, "wallet-not-found", ""),
        ("wallet", json!("a/b"), 422, "invalid-id", "/wallet"),
        ("wallet", json!(""), 422, "invalid-id", "/wallet"),
        ("funding", json!("gold"), 422, "invalid-field", "/funding"),
        ("funding", Value::Null, 400, "malformed-request", ""),
        ("wallet", Value::Null, 400, "malformed-request", ""),
        ("colour", json!("red"), 400, "malformed-request", ""),
        ("ticket", json!(1), 400, "malformed-request", ""),
        ("waitlist", json!("yes"), 400, "malformed-request", ""),
        ("waitlist", json!(1), 400, "malformed-request", ""),
    ];
    let amounts = bad_amounts().into_iter();
    cases.extend(amounts.map(|bad| ("amount", bad, 422, "invalid-amount", "/amount")));
    for (number, (member, value, status, code, pointer)) in cases.iter().enumerate() {
        let body = with(&good, member, value);
        let answer = client.ask_to_invest("harbour", &format!("k{number}"), &body);
        assert_refused(&answer, &body, *status, code, pointer);
    }
    let answer = client.ask_to_invest("nowhere", "n1", &good);
    assert_refused(&answer, &good, 404, "deal-not-found", "");
    let answer = client.ask_to_invest("a%2Fb", "n2", &good);
    assert_refused(&answer, &good, 404, "deal-not-found", "");
    let path = investments_of("harbour");
    let answer = client.send(&Request::post(path.as_str(), &good));
    assert_refused(&answer, &good, 400, "idempotency-key-missing", "");
    let answer = client.send(&Request::post(path.as_str(), &good).key("x".repeat(256)));
    assert_refused(&answer, &good, 400, "malformed-request", "");
    let answer = client.send(&Request::new("POST", path).key("k").body(JSON, "[1]"));
    assert_refused(&answer, &json!([1]), 400, "malformed-request", "");
    assert_no_ticket(&mut client);
    // The bounds themselves are within.
    for (key, amount) in [("least", "10.00"), ("most", "100.00")] {
        client.ask_to_invest("harbour", key, &investment_body("ann", amount)).expect(202);
    }
}

#[test]
fn a_wallet_of_another_shard_and_out_of_memory_is_looked_up() {
    let (_parties, mut server) = server_with_deal();
    let mut client = server.client();
    for number in 0..20 {
        client.open(&format!("w{number}"));
    }
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    server.restart();
    let mut client = server.client();
    let ask = |client: &mut Client, key: &str, wallet: &str| {
        client.ask_to_invest("harbour", key, &investment_body(wallet, "50.00"))
    };
    ask(&mut client, "d", "dora").problem(422, "currency-mismatch");
    ask(&mut client, "n", "nobody").problem(404, "wallet-not-found");
    assert_no_ticket(&mut client);
    for number in 0..20 {
        let wallet = format!("w{number}");
        let asked = ask(&mut client, &wallet, &wallet).expect(202);
        assert_eq!(asked["ticket"], number + 1, "{asked}");
    }
}

#[test]
fn what_is_not_served_says_what_is() {
    let (_parties, server) = server_with_deal();
    let mut client = server.client();
    for (method, path, allowed) in [
        ("PUT", "/v1/deals", "GET, HEAD, POST"),
        ("DELETE", "/v1/deals", "GET, HEAD, POST"),
        ("POST", "/v1/deals/harbour", "GET, HEAD"),
        ("DELETE", "/v1/deals/harbour", "GET, HEAD"),
        ("GET", "/v1/deals/harbour/close", "POST"),
        ("PATCH", "/v1/deals/harbour/investments", "GET, HEAD, POST"),
        ("POST", "/v1/investments/inv_2_harbour", "GET, HEAD, DELETE"),
        ("GET", "/admin/sagas/inv_2_harbour/retry", "POST"),
        ("POST", "/admin/sagas", "GET, HEAD"),
        ("POST", "/admin/gateways", "GET, HEAD"),
    ] {
        let answer = client.send(&Request::new(method, path));
        answer.problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
    }
}

#[test]
fn a_made_up_investment_is_not_found() {
    let (_parties, server) = server_with_deal();
    let mut client = server.client();
    let made = client.invest("harbour", "ann", "50.00");
    let (_, rest) = made.split_once('_').expect("a prefix");
    let long = format!("inv_1_{}", "x".repeat(65));
    for id in [
        "inv_1_harbour",
        "inv_0_harbour",
        "inv_99999_harbour",
        "inv_18446744073709551615_harbour",
        "inv_18446744073709551616_harbour",
        "inv_-1_harbour",
        "inv_x_harbour",
        "inv_2_nowhere",
        "inv_harbour",
        "inv_",
        "x",
        "inv_2_har%2Fbour",
        &format!("inv_0{rest}"),
        &format!("INV_{rest}"),
        &format!("pay_{rest}"),
        &long,
    ] {
        client.get(&format!("/v1/investments/{id}")).problem(404, "investment-not-found");
        client.cancel(id).problem(404, "investment-not-found");
    }
    assert_eq!(client.investment(&made)["id"], made.as_str());
}
