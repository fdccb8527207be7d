//! Payments to a provider that is settled at once: held, brought to its bank, then posted.
//!
//! Until the bank has the money it is set aside in the wallet and shown as pending; then it is
//! booked, or it is the wallet's again. Whatever the processor answers, or does not, the provider's
//! bank has each payment once.

use serde_json::{Value, json};

use crate::bank::{payment_body, texts};
use crate::harness::{Server, eventually};
use crate::http::{Answer, Client, Request};
use crate::investing::{id_of, step, step_statuses};
use crate::providers_desk::{Push, once, server};
use crate::streams::Outcomes;
use crate::stub::{Manner, Route, Stub};

/// Opens Ann's wallet with a hundred, and a kiosk that is settled at once.
fn kiosk(client: &mut Client) {
    client.open_with("ann", "100.00");
    client.register_so("kiosk", &json!("immediate"));
}

/// A stub that holds what it is asked, and a server that asks it for Ann's payment of a quarter.
fn held() -> (Stub, Server, String) {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let server = Server::start_with(stub.launch());
    let mut client = server.client();
    kiosk(&mut client);
    let asked = client.pay("ann", "kiosk", "p", "25.00").expect(202);
    stub.wait_asked(Route::Pull, 1);
    (stub, server, id_of(&asked))
}

fn pay_and_wait(client: &mut Client, key: &str, amount: &str) -> Answer {
    let body = payment_body("ann", "kiosk", amount);
    client.send(&Request::post("/v1/payments", &body).key(key).header("Prefer", "wait=30"))
}

fn payment(client: &mut Client, id: &str) -> Value {
    client.get(&format!("/v1/payments/{id}")).expect(200)
}

fn until(client: &mut Client, id: &str, status: &str) -> Value {
    eventually(&format!("{id} is {status}"), || {
        let found = payment(client, id);
        assert!(found["status"] == "pending" || found["status"] == status, "{found:#}");
        (found["status"] == status).then_some(found)
    })
}

fn balance(client: &mut Client, posted: &str, held: &str, available: &str) {
    let expected = json!({"posted": posted, "held": held, "available": available});
    assert_eq!(client.wallet("ann")["balance"], expected);
}

#[test]
fn a_payment_is_pending_until_the_bank_has_it() {
    let (stub, server, id) = held();
    let mut client = server.client();
    balance(&mut client, "100.00", "25.00", "75.00");
    let shown = payment(&mut client, &id);
    for (member, value) in [
        ("wallet", json!("ann")),
        ("provider", json!("kiosk")),
        ("amount", json!("25.00")),
        ("status", json!("pending")),
        ("balance_after", Value::Null),
        ("failure", Value::Null),
    ] {
        assert_eq!(shown[member], value, "{member}: {shown}");
    }
    assert_eq!(step_statuses(&shown), ["done", "running", "pending"], "{shown}");
    assert!(shown["estimated_wait_ms"].is_u64(), "{shown}");
    assert_eq!(client.wallet("ann")["pending_payments"], json!([id]));
    assert_eq!(client.all("/v1/wallets/ann/entries").len(), 1, "the deposit alone");
    let feed = client.get("/v1/wallets/ann/feed").expect(200);
    let newest = &feed["transactions"][1];
    assert_eq!((&feed["balance"], &newest["pending"]), (&json!(10_000), &json!(true)), "{feed}");
    assert_eq!((&newest["id"], &newest["amount"]), (&json!(id), &json!(-2_500)), "{feed}");
    assert_eq!(newest["name"], "Provider kiosk", "{feed}");
    assert_eq!(feed["transactions"][0]["pending"], Value::Null, "{feed}");

    stub.order(Route::Pull, Manner::Right);
    let posted = until(&mut client, &id, "posted");
    assert_eq!(posted["balance_after"], "75.00", "{posted}");
    assert_eq!(posted["estimated_wait_ms"], Value::Null, "{posted}");
    balance(&mut client, "75.00", "0.00", "75.00");
    assert_eq!(client.wallet("ann")["pending_payments"], json!([]));
    let entries = client.all("/v1/wallets/ann/entries");
    assert_eq!(texts(&entries, "amount"), ["-25.00", "100.00"]);
    assert_eq!(entries[0]["reference"], id.as_str());
    let feed = client.get("/v1/wallets/ann/feed").expect(200);
    assert_eq!(feed["transactions"].as_array().map(Vec::len), Some(2), "{feed}");
    assert_eq!(feed["transactions"][1]["pending"], Value::Null, "{feed}");
    client.wait_reimbursed("kiosk", 2_500);
    client.assert_settled();
}

#[test]
fn who_waits_is_answered_with_the_end() {
    let server = server();
    let mut client = server.client();
    kiosk(&mut client);
    let mut outcomes = Outcomes::open(server.address(), "type=payment.posted");
    let answer = client.pay("ann", "kiosk", "first", "1.00");
    let first = id_of(&answer.expect(202));
    assert_eq!(answer.header("location"), Some(format!("/v1/payments/{first}").as_str()));
    assert_eq!(outcomes.next()["data"]["id"], first.as_str());
    let answer = pay_and_wait(&mut client, "second", "2.00");
    let posted = answer.expect(200);
    assert_eq!((&posted["status"], &posted["balance_after"]), (&json!("posted"), &json!("97.00")));
    assert_eq!(answer.header("preference-applied"), Some("wait=30"));
    let told = outcomes.next();
    assert_eq!(
        (&told["data"]["id"], &told["data"]["balance_after"]),
        (&posted["id"], &json!("97.00"))
    );
    // A repeat is the same payment as it stands.
    let again = client.pay("ann", "kiosk", "first", "1.00");
    assert!(again.is_replay(), "{}", again.text());
    assert_eq!((&again.json()["id"], &again.json()["status"]), (&json!(first), &json!("posted")));
    client.pay("ann", "kiosk", "first", "1.01").problem(422, "idempotency-key-reused");
    let second = id_of(&posted);
    let expected =
        [Push::done(&first, "account-kiosk", 100), Push::done(&second, "account-kiosk", 200)];
    assert_eq!(client.pushes(), expected);
}

#[test]
fn what_the_bank_declines_is_the_wallets_again() {
    let server = server();
    let mut client = server.client();
    kiosk(&mut client);
    let mut outcomes = Outcomes::open(server.address(), "type=payment.failed");
    client.fault(&json!({"route": "push", "mode": "decline", "count": 1, "code": "no-account"}));
    let failed = pay_and_wait(&mut client, "p", "25.00").expect(200);
    assert_eq!(
        (&failed["status"], &failed["failure"]["code"]),
        (&json!("failed"), &json!("no-account")),
        "{failed}"
    );
    let told = outcomes.next();
    assert_eq!(
        (&told["data"]["id"], &told["data"]["failure"]["code"]),
        (&failed["id"], &json!("no-account")),
        "{told}"
    );
    balance(&mut client, "100.00", "0.00", "100.00");
    assert_eq!(client.all("/v1/wallets/ann/entries").len(), 1, "the deposit alone");
    let id = id_of(&failed);
    let shown = until(&mut client, &id, "failed");
    assert_eq!(step(&shown, "push")["status"], "failed", "{shown:#}");
    let again = client.pay("ann", "kiosk", "p", "25.00");
    assert!(again.is_replay() && again.json()["status"] == "failed", "{}", again.text());
    let feed = client.get("/v1/wallets/ann/feed").expect(200);
    assert_eq!(feed["transactions"].as_array().map(Vec::len), Some(1), "{feed}");
    let refused = client.refund(&id, "r", None).problem(409, "payment-not-posted");
    assert!(refused["detail"].as_str().is_some_and(|it| it.contains("failed")), "{refused}");
    // The money can go elsewhere.
    client.register("shop");
    client.pay("ann", "shop", "all", "100.00").expect(201);
    client.assert_settled();
    assert_eq!(client.provider("kiosk")["balance"]["reimbursed"], "0.00");
}

#[test]
fn an_answer_that_was_lost_is_asked_for_and_posted_once() {
    let server = server();
    let mut client = server.client();
    kiosk(&mut client);
    let mut expected = Vec::new();
    for mode in ["lose-answer", "timeout", "error", "rate-limit"] {
        client.fault(&once(mode, 100));
        let posted = pay_and_wait(&mut client, mode, "5.00").expect(200);
        assert_eq!(posted["status"], "posted", "{mode}: {posted:#}");
        expected.push(Push::done(&id_of(&posted), "account-kiosk", 500));
    }
    assert_eq!(client.pushes(), expected);
    balance(&mut client, "80.00", "0.00", "80.00");
    client.assert_settled();
}

#[test]
fn what_is_held_cannot_be_paid_twice() {
    let (stub, server, id) = held();
    let mut client = server.client();
    client.register("shop");
    client.pay("ann", "shop", "a", "75.01").problem(409, "insufficient-funds");
    client.pay("ann", "kiosk", "b", "75.01").problem(409, "insufficient-funds");
    client.pay("ann", "shop", "c", "75.00").expect(201);
    client.pay("ann", "kiosk", "d", "0.01").problem(409, "insufficient-funds");
    assert_eq!(stub.asked(Route::Pull).len(), 1, "what is refused is not asked for");
    let usd = json!({"wallet": "ann", "provider": "kiosk", "amount": "1.00", "currency": "USD"});
    client.post("/v1/payments", "e", &usd).problem(422, "currency-mismatch");
    stub.order(Route::Pull, Manner::Right);
    until(&mut client, &id, "posted");
    balance(&mut client, "0.00", "0.00", "0.00");
    client.assert_settled();
}

#[test]
fn a_refund_waits_until_the_payment_is_posted() {
    let (stub, server, id) = held();
    let mut client = server.client();
    let refused = client.refund(&id, "early", None).problem(409, "payment-not-posted");
    assert_eq!(refused["retryable"], true, "{refused}");
    stub.order(Route::Pull, Manner::Right);
    until(&mut client, &id, "posted");
    assert!(client.refund(&id, "early", None).is_replay(), "a refusal is kept");
    client.refund(&id, "some", Some("5.00")).expect(201);
    client.refund(&id, "more", Some("20.01")).problem(409, "refund-exceeds-payment");
    client.refund(&id, "rest", None).expect(201);
    assert_eq!(payment(&mut client, &id)["refunded"], "25.00");
    balance(&mut client, "100.00", "0.00", "100.00");
    // The bank has the payment, the refund was the provider's: it owes that.
    client.wait_accrued("kiosk", "-25.00");
    client.wait_reimbursed("kiosk", 2_500);
    let kinds = texts(&client.provider_entries("kiosk"), "kind");
    assert_eq!(kinds, ["refund", "refund", "settlement", "payment"]);
    client.assert_settled();
}

#[test]
fn a_full_queue_refuses_before_anything_is_held() {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let launch = stub.launch().and("BURSAR__PROCESSOR__QUEUE_MAX", "2");
    let server = Server::start_with(launch.and("BURSAR__PROCESSOR__CONCURRENCY", "1"));
    let mut client = server.client();
    kiosk(&mut client);
    let mut ids = Vec::new();
    let mut number = 0;
    eventually("the queue is full", || {
        number += 1;
        let answer = client.pay("ann", "kiosk", &format!("p{number}"), "1.00");
        if answer.status == 503 {
            return Some(());
        }
        ids.push(id_of(&answer.expect(202)));
        None
    });
    let set_aside = format!("{}.00", ids.len());
    for key in ["new", "newer", "new"] {
        let answer = client.pay("ann", "kiosk", key, "1.00");
        let problem = answer.problem(503, "overloaded");
        assert_eq!(problem["retryable"], true, "{problem}");
        assert!(answer.header("retry-after").is_some(), "{problem}");
        assert_eq!(client.wallet("ann")["balance"]["held"], set_aside.as_str());
    }
    // Who has a payment is told of it, and what accrues needs no processor.
    let again = client.pay("ann", "kiosk", "p1", "1.00");
    assert!(again.is_replay(), "{}", again.text());
    assert_eq!(again.expect(202)["id"], ids[0].as_str());
    client.register("shop");
    client.pay("ann", "shop", "own", "1.00").expect(201);
    let line = json!({"idempotency_key": "line", "wallet": "ann", "provider": "kiosk",
        "amount": "1.00", "currency": "EUR"});
    let lines = client.batch("/v1/payments/batch", &[line]);
    assert_eq!(lines[0]["status"], 503, "{}", lines[0]);
    stub.order(Route::Pull, Manner::Right);
    for id in &ids {
        until(&mut client, id, "posted");
    }
    let later = client.pay("ann", "kiosk", "new", "1.00");
    assert!(!later.is_replay(), "the refusal was not kept: {}", later.text());
    until(&mut client, &id_of(&later.expect(202)), "posted");
    client.assert_settled();
}

#[test]
fn a_processor_that_is_away_ends_a_payment_unsent() {
    let stub = Stub::start();
    let launch = stub.launch().and("BURSAR__PROCESSOR__URL", "http://127.0.0.1:1");
    let server = Server::start_with(launch.and("BURSAR__SAGAS__PUSH_PATIENCE_S", "1"));
    let mut client = server.client();
    kiosk(&mut client);
    let failed = pay_and_wait(&mut client, "p", "25.00").expect(200);
    assert_eq!(failed["status"], "failed", "{failed}");
    assert_eq!(failed["failure"]["code"], "processor-unavailable", "{failed}");
    balance(&mut client, "100.00", "0.00", "100.00");
    client.assert_settled();
}

#[test]
fn lines_of_a_batch_are_settled_at_once_too() {
    let server = server();
    let mut client = server.client();
    kiosk(&mut client);
    client.register("shop");
    let line = |key: &str, provider: &str, amount: &str| {
        let mut line = payment_body("ann", provider, amount);
        line["idempotency_key"] = json!(key);
        line
    };
    let lines = [
        line("a", "kiosk", "10.00"),
        line("b", "shop", "20.00"),
        line("c", "kiosk", "70.01"),
        line("d", "kiosk", "70.00"),
    ];
    let answers = client.batch("/v1/payments/batch", &lines);
    let statuses: Vec<_> = answers.iter().map(|answer| answer["status"].as_u64()).collect();
    assert_eq!(statuses, [Some(202), Some(201), Some(409), Some(202)], "{answers:#?}");
    client.assert_settled();
    eventually("all is posted", || (client.posted("ann") == "0.00").then_some(()));
    assert_eq!(client.pushes().iter().map(|push| push.amount).sum::<i128>(), 8_000);
}
