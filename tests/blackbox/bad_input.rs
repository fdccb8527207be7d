//! Bad input: what is well formed but wrong, and what is not well formed at all.
//!
//! Every refusal is a problem document with a stable code, moves nothing, and leaves the server
//! as it was. Bodies that attack the server itself (size, depth, slowness) are in
//! `hostile_bodies`.

use serde_json::{Value, json};

use crate::bank::{deposit_body, payment_body, provider_body};
use crate::harness::Server;
use crate::http::{Client, JSON, Request, send_bytes};

fn server_with_money() -> Server {
    let server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "10.00");
    client.register("shop");
    server
}

#[test]
fn amounts_outside_the_grammar_are_refused() {
    let server = server_with_money();
    let mut client = server.client();
    let forty = "1".repeat(40);
    let bad = [
        json!("1e3"),
        json!("-5"),
        json!("0"),
        json!("0.00"),
        json!("1.234"),
        json!("1.000"),
        json!(forty),
        json!("92233720368547758.08"),
        json!("+1"),
        json!(" 1"),
        json!("1 "),
        json!("1_000"),
        json!("1,000.00"),
        json!("01"),
        json!(".5"),
        json!("5."),
        json!("0x10"),
        json!("NaN"),
        json!("Infinity"),
        json!("\u{0661}"),
        json!("\u{0}"),
        json!(""),
        json!(5),
        json!(5.5),
        json!(-1),
    ];
    for (index, amount) in bad.iter().enumerate() {
        let mut body = deposit_body("1.00");
        body["amount"] = amount.clone();
        let answer = client.post("/v1/wallets/alice/deposits", &format!("d{index}"), &body);
        assert_eq!(answer.status, 422, "{amount}: {}", answer.text());
        answer.problem(422, "invalid-amount");
        let mut body = payment_body("alice", "shop", "1.00");
        body["amount"] = amount.clone();
        let answer = client.post("/v1/payments", &format!("p{index}"), &body);
        assert_eq!(answer.status, 422, "{amount}: {}", answer.text());
        answer.problem(422, "invalid-amount");
    }
    assert_eq!(client.posted("alice"), "10.00");
    assert_eq!(client.all("/v1/wallets/alice/entries").len(), 1);
}

#[test]
fn an_amount_has_no_more_decimals_than_its_currency() {
    let server = Server::start();
    let mut client = server.client();
    for (currency, bad, good) in
        [("JPY", "1.5", "1"), ("EUR", "1.005", "1.00"), ("BHD", "1.0005", "1.005")]
    {
        let body = json!({"id": currency, "currency": currency});
        client.post("/v1/wallets", "open", &body).expect(201);
        let path = format!("/v1/wallets/{currency}/deposits");
        let deposit =
            |amount: &str| json!({"amount": amount, "currency": currency, "method": "external"});
        client.post(&path, "bad", &deposit(bad)).problem(422, "invalid-amount");
        client.post(&path, "good", &deposit(good)).expect(201);
        assert_eq!(client.posted(currency), good);
    }
}

#[test]
fn a_balance_past_the_range_is_refused_and_stays() {
    let server = Server::start();
    let mut client = server.client();
    client.open("alice");
    let much = "90000000000000000.00";
    client.deposit("alice", "d1", much).expect(201);
    client.deposit("alice", "d2", much).problem(409, "balance-overflow");
    assert_eq!(client.posted("alice"), much);
    client.assert_balanced();
}

#[test]
fn currencies_are_known_and_agree() {
    let server = server_with_money();
    let mut client = server.client();
    for currency in ["QQQ", "eur", "EURO", "", "\u{20ac}"] {
        let body = json!({"id": "bob", "currency": currency});
        client.post("/v1/wallets", "open-bob", &body).problem(422, "unknown-currency");
        let mut body = deposit_body("1.00");
        body["currency"] = json!(currency);
        let answer = client.post("/v1/wallets/alice/deposits", "d1", &body);
        answer.problem(422, "unknown-currency");
    }
    let mut body = deposit_body("1.00");
    body["currency"] = json!("USD");
    client.post("/v1/wallets/alice/deposits", "d2", &body).problem(422, "currency-mismatch");
    let mut body = payment_body("alice", "shop", "1.00");
    body["currency"] = json!("USD");
    client.post("/v1/payments", "p1", &body).problem(422, "currency-mismatch");
    let mut body = provider_body("dollars");
    body["currency"] = json!("USD");
    client.post("/v1/providers", "register", &body).expect(201);
    client.pay("alice", "dollars", "p2", "1.00").problem(422, "currency-mismatch");
    assert_eq!(client.posted("alice"), "10.00");
}

#[test]
fn whom_nobody_knows_is_not_found() {
    let server = server_with_money();
    let mut client = server.client();
    client.get("/v1/wallets/nobody").problem(404, "wallet-not-found");
    client.get("/v1/wallets/nobody/feed").problem(404, "wallet-not-found");
    client.deposit("nobody", "d1", "1.00").problem(404, "wallet-not-found");
    client.pay("nobody", "shop", "p1", "1.00").problem(404, "wallet-not-found");
    client.pay("alice", "nobody", "p2", "1.00").problem(404, "provider-not-found");
    client.get("/v1/nothing").problem(404, "not-found");
    client.send(&Request::new("DELETE", "/v1/wallets/alice")).problem(405, "method-not-allowed");
}

#[test]
fn ids_keep_to_their_alphabet() {
    let server = server_with_money();
    let mut client = server.client();
    let long = "a".repeat(65);
    for id in ["a/b", "\u{fc}", "a b", "", "a.b", "../x", "a\u{0}", long.as_str()] {
        let body = json!({"id": id, "currency": "EUR"});
        client.post("/v1/wallets", "open", &body).problem(422, "invalid-id");
        client.post("/v1/providers", "register", &provider_body(id)).problem(422, "invalid-id");
        client.pay(id, "shop", "p1", "1.00").problem(422, "invalid-id");
        client.pay("alice", id, "p2", "1.00").problem(422, "invalid-id");
    }
    for id in ["a%2Fb", "%C3%BC", "a%20b", "%00", "%FF", "a.b", "..", long.as_str()] {
        let answer = client.get(&format!("/v1/wallets/{id}"));
        assert_eq!(answer.status, 404, "{id}: {}", answer.text());
        let answer = client.get(&format!("/v1/payments/{id}"));
        assert_eq!(answer.status, 404, "{id}: {}", answer.text());
    }
    client.open(&"a".repeat(64));
}

#[test]
fn a_path_of_raw_bytes_is_refused() {
    let server = server_with_money();
    let answer =
        send_bytes(server.address(), b"GET /v1/wallets/\xff\xfe HTTP/1.1\r\nHost: t\r\n\r\n");
    assert!((400..500).contains(&answer.status), "{}", answer.text());
    let answer = send_bytes(server.address(), b"\x16\x03\x01 nonsense\r\n\r\n");
    assert_eq!(answer.status, 400);
    server.client().get("/livez").expect_ok();
}

/// POSTs raw bytes as a deposit.
fn deposit(client: &mut Client, media_type: &str, body: &[u8]) -> crate::http::Answer {
    let request = Request::new("POST", "/v1/wallets/alice/deposits").key("d1");
    client.send(&request.body(media_type, body))
}

#[test]
fn bodies_that_are_not_the_calls_json_are_malformed() {
    let server = server_with_money();
    let mut client = server.client();
    let bodies: [&[u8]; 14] = [
        b"",
        b"null",
        b"[]",
        b"5",
        b"\"text\"",
        b"{",
        b"{}",
        b"{\"amount\":\"1.00\",\"currency\":\"EUR\",\"method\":\"external\"",
        b"{\"amount\":\"1.00\",\"currency\":\"EUR\",\"method\":\"external\"} x",
        b"{\"amount\":\"1.00\",\"currency\":\"EUR\",\"method\":\"external\",\"colour\":\"red\"}",
        b"{\"amount\":\"1.00\",\"amount\":\"2.00\",\"currency\":\"EUR\",\"method\":\"external\"}",
        b"{\"amount\":\"1.00\",\"currency\":5,\"method\":\"external\"}",
        b"{\"amount\":\"1.00\",\"currency\":\"EUR\",\"method\":\"\xff\xfe\"}",
        b"\xff\xfe\x00",
    ];
    for body in bodies {
        let answer = deposit(&mut client, JSON, body);
        assert_eq!(answer.status, 400, "{}: {}", String::from_utf8_lossy(body), answer.text());
        answer.problem(400, "malformed-request");
    }
    assert_eq!(client.posted("alice"), "10.00");
}

#[test]
fn unknown_fields_are_refused_on_every_write() {
    let server = server_with_money();
    let mut client = server.client();
    for (path, mut body) in [
        ("/v1/wallets", json!({"id": "bob", "currency": "EUR"})),
        ("/v1/providers", provider_body("other")),
        ("/v1/wallets/alice/deposits", deposit_body("1.00")),
        ("/v1/payments", payment_body("alice", "shop", "1.00")),
    ] {
        body["colour"] = json!("red");
        client.post(path, "key", &body).problem(400, "malformed-request");
    }
}

#[test]
fn only_json_is_taken() {
    let server = server_with_money();
    let mut client = server.client();
    let body = deposit_body("1.00").to_string();
    for media_type in ["text/plain", "application/xml", "application/x-www-form-urlencoded"] {
        let answer = deposit(&mut client, media_type, body.as_bytes());
        answer.problem(415, "unsupported-media-type");
    }
    deposit(&mut client, "application/json; charset=utf-8", body.as_bytes()).expect(201);
}

#[test]
fn every_refusal_is_a_problem_document() {
    let server = server_with_money();
    let mut client = server.client();
    let requests = [
        (Request::new("GET", "/v1/wallets/nobody"), 404, "wallet-not-found"),
        (Request::new("GET", "/v1/payments/pay_1_x"), 404, "payment-not-found"),
        (Request::new("GET", "/v1/providers/x"), 404, "provider-not-found"),
        (Request::new("GET", "/nothing"), 404, "not-found"),
        (Request::new("GET", "/admin/actors/wallet/nobody"), 404, "actor-not-found"),
        (Request::new("DELETE", "/v1/payments"), 405, "method-not-allowed"),
        (Request::new("GET", "/v1/wallets/alice/entries?limit=0"), 400, "malformed-request"),
    ];
    for (request, status, code) in requests {
        let problem: Value = client.send(&request).problem(status, code);
        assert_eq!(problem["retryable"], false, "{problem}");
    }
    let given = Request::new("GET", "/v1/wallets/alice");
    assert!(client.send(&given).header("x-request-id").is_some(), "good answers have one too");
}
