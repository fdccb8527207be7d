//! Batches: lines of JSON in, one answer a line out, in the same order.
//!
//! A bad line fails alone. Lines for one wallet are decided in line order, so a batch may open a
//! wallet, fill it and pay from it. A batch with too many lines is refused whole, before any of
//! it is done.

use serde_json::{Value, json};

use crate::harness::Server;
use crate::http::{NDJSON, Request};

fn deposit(wallet: &str, key: &str, amount: &str) -> Value {
    json!({"op": "deposit", "idempotency_key": key, "wallet": wallet, "amount": amount,
        "currency": "EUR", "method": "external"})
}

fn payment(wallet: &str, key: &str, amount: &str) -> Value {
    json!({"op": "payment", "idempotency_key": key, "wallet": wallet, "provider": "shop",
        "amount": amount, "currency": "EUR"})
}

fn statuses(answers: &[Value]) -> Vec<u64> {
    for (index, answer) in answers.iter().enumerate() {
        assert_eq!(answer["index"], index, "{answer}");
    }
    answers.iter().map(|answer| answer["status"].as_u64().expect("a status")).collect()
}

#[test]
fn one_batch_opens_registers_deposits_pays_and_refunds() {
    let server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "10.00");
    client.register("shop");
    let paid = client.pay("alice", "shop", "p1", "4.00").expect(201);
    let answers = client.batch(
        "/v1/batch",
        &[
            json!({"op": "open-wallet", "idempotency_key": "o", "id": "bob", "currency": "EUR"}),
            json!({"op": "register-provider", "idempotency_key": "r", "id": "other",
                "name": "Other", "currency": "EUR", "settlement": {"every": "day"},
                "account": "a"}),
            deposit("bob", "d1", "3.00"),
            payment("bob", "p1", "1.00"),
            json!({"op": "refund", "idempotency_key": "f", "payment": paid["id"],
                "amount": "1.50"}),
        ],
    );
    assert_eq!(statuses(&answers), [201, 201, 201, 201, 201], "{answers:?}");
    assert_eq!(client.posted("bob"), "2.00");
    client.get("/v1/providers/other").expect(200);
    crate::harness::eventually("the refund arrives", || {
        (client.posted("alice") == "7.50").then_some(())
    });
    client.wait_accrued("shop", "3.50");
    client.assert_balanced();
}

#[test]
fn a_bad_line_fails_alone() {
    let server = Server::start();
    let mut client = server.client();
    client.open("alice");
    client.register("shop");
    let lines = [
        deposit("alice", "d1", "5.00").to_string(),
        "{not json".to_owned(),
        payment("alice", "p1", "1e3").to_string(),
        payment("alice", "p2", "9.00").to_string(),
        json!({"op": "dance", "idempotency_key": "x"}).to_string(),
        json!({"op": "payment", "wallet": "alice", "provider": "shop", "amount": "1.00",
            "currency": "EUR"})
        .to_string(),
        payment("nobody", "p3", "1.00").to_string(),
        payment("alice", "p4", "2.00").to_string(),
    ];
    let request = Request::new("POST", "/v1/batch").body(NDJSON, lines.join("\n"));
    let answer = client.send(&request);
    for line in answer.text().lines() {
        assert_eq!(line.matches("\"status\":").count(), 1, "no member stands there twice: {line}");
    }
    let answers = answer.lines();
    assert_eq!(statuses(&answers), [201, 400, 422, 409, 400, 400, 404, 201], "{answers:?}");
    for (index, code) in [
        (1, "malformed-request"),
        (2, "invalid-amount"),
        (3, "insufficient-funds"),
        (4, "malformed-request"),
        (5, "idempotency-key-missing"),
        (6, "wallet-not-found"),
    ] {
        assert_eq!(answers[index]["code"], code, "{}", answers[index]);
        assert!(answers[index]["detail"].is_string(), "{}", answers[index]);
    }
    assert_eq!(client.posted("alice"), "3.00");
}

#[test]
fn lines_of_one_wallet_are_decided_in_line_order() {
    let server = Server::start();
    let mut client = server.client();
    client.register("shop");
    for wallet in 0..4 {
        client.open(&format!("w{wallet}"));
    }
    // Each deposit is all that the next payment needs: any other order refuses one.
    let lines: Vec<_> = (0..1000)
        .map(|index| {
            let wallet = format!("w{}", index / 2 % 4);
            let key = format!("k{index}");
            if index % 2 == 0 {
                deposit(&wallet, &key, "1.00")
            } else {
                payment(&wallet, &key, "1.00")
            }
        })
        .collect();
    let answers = client.batch("/v1/batch", &lines);
    assert!(statuses(&answers).iter().all(|&status| status == 201), "{answers:?}");
    let again = client.batch("/v1/batch", &lines);
    assert_eq!(again.len(), 1000);
    assert!(again.iter().all(|answer| answer["replayed"] == true), "{again:?}");
    for wallet in 0..4 {
        assert_eq!(client.posted(&format!("w{wallet}")), "0.00");
    }
    client.wait_accrued("shop", "500.00");
}

#[test]
fn a_batch_of_payments_answers_each_line() {
    let server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "2.50");
    client.register("shop");
    let lines: Vec<_> = (0..3)
        .map(|index| {
            json!({"idempotency_key": format!("p{index}"), "wallet": "alice",
                "provider": "shop", "amount": "1.00", "currency": "EUR"})
        })
        .collect();
    let answers = client.batch("/v1/payments/batch", &lines);
    assert_eq!(statuses(&answers), [201, 201, 409]);
    assert_eq!(answers[1]["balance_after"], "0.50");
    assert_eq!(answers[2]["code"], "insufficient-funds");
}

#[test]
fn ten_thousand_lines_are_taken_and_one_more_is_not() {
    let server = Server::start();
    let mut client = server.client();
    client.open("alice");
    let mut lines: Vec<_> =
        (0..10_001).map(|index| deposit("alice", &format!("d{index}"), "0.01")).collect();
    client.send(&Request::lines("/v1/batch", &lines)).problem(413, "body-too-large");
    assert_eq!(client.posted("alice"), "0.00", "nothing of a refused batch is done");
    lines.pop();
    let answers = client.batch("/v1/batch", &lines);
    assert!(statuses(&answers).iter().all(|&status| status == 201));
    assert_eq!(answers.len(), 10_000);
    assert_eq!(client.posted("alice"), "100.00");
}

#[test]
fn an_empty_batch_has_no_answers() {
    let server = Server::start();
    let mut client = server.client();
    for body in ["", "\n", "\n\n"] {
        let answer = client.send(&Request::new("POST", "/v1/batch").body(NDJSON, body));
        assert_eq!((answer.status, answer.text().trim()), (200, ""), "{body:?}");
    }
}

#[test]
fn a_batch_of_another_type_is_refused() {
    let server = Server::start();
    let request = Request::new("POST", "/v1/batch").body("text/plain", "");
    server.client().send(&request).problem(415, "unsupported-media-type");
}
