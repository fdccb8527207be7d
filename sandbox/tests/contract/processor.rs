//! The processor when nothing goes wrong: pulls, pushes, refunds, look-ups, and what it refuses.
//!
//! Above all the idempotency of its keys: one booking and one answer per key, however often and
//! however many at once it is sent. After each refusal the ledger shows that nothing was booked.

use bursar_sandbox::{Latency, Rates, Settings};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Bench, TRANSACTIONS, refund_of, transaction};

#[actix_web::test]
async fn a_transaction_is_answered_as_the_contract_says() {
    let bench = Bench::start();
    for direction in ["pull", "push"] {
        let body = transaction(direction, "alice", "12.3");
        let answer = bench.post(TRANSACTIONS, direction, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let said = answer.json();
        let expected = json!({
            "id": said["id"], "key": direction, "status": "succeeded", "amount": "12.30",
            "currency": "EUR", "account": "alice", "direction": direction,
            "reference": "for a test", "at": said["at"],
        });
        assert_eq!(said, expected);
        assert!(said["id"].as_str().expect("an id").starts_with("ptx_"));
        assert_eq!(bench.get(&format!("{TRANSACTIONS}?key={direction}")).await.json(), said);
    }
    let ledger = bench.ledger().await;
    assert_eq!(ledger["items"].as_array().expect("a list").len(), 2);
    let totals = json!({ "pulled": "12.30", "pushed": "12.30", "refunded": "0.00", "net": "0.00" });
    assert_eq!(ledger["totals"], json!({ "EUR": totals }));
}

#[actix_web::test]
async fn a_key_gives_its_first_answer_again() {
    let bench = Bench::start();
    let first = bench.pull("k", "5.00").await;
    let again = bench.pull("k", "5.00").await;
    assert_eq!(first.text, again.text);
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let booked = bench.booked("k").await.expect("booked");
    assert_eq!(booked["attempts"], 2);
    assert_eq!(booked["kind"], "pull");
}

#[actix_web::test]
async fn a_key_for_something_else_is_refused() {
    let bench = Bench::start();
    let first = bench.pull("k", "5.00").await;
    let reused = (422, "idempotency-key-reused".to_owned());
    assert_eq!(bench.pull("k", "5.01").await.problem(), reused);
    let push = transaction("push", "alice", "5.00");
    assert_eq!(bench.post(TRANSACTIONS, "k", &push).await.problem(), reused);
    let refund = bench.post(&refund_of(&first), "k", &json!({ "amount": "5.00" })).await;
    assert_eq!(refund.problem(), reused);
    // The same content in other words is the same.
    assert_eq!(bench.pull("k", "5").await.text, first.text);
    assert_eq!(bench.ledger().await["items"].as_array().expect("a list").len(), 1);
}

#[actix_web::test]
async fn calls_with_one_key_at_once_are_booked_once() {
    let latency = Latency { base_ms: 1, jitter_ms: 20 };
    let rates = Rates { processor: None, ..Rates::default() };
    let bench = Bench::start_with(Settings { latency, rates, ..Settings::default() });
    let answers = join_all((0..40).map(|_| bench.pull("k", "5.00"))).await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.text == answers[0].text));
    let first = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_none());
    assert_eq!(first.count(), 1);
    assert_eq!(bench.booked("k").await.expect("booked")["attempts"], 40);
}

#[actix_web::test]
async fn what_is_wrong_with_a_transaction_is_told() {
    let bench = Bench::start();
    for (field, value, status, code) in [
        ("direction", json!("sideways"), 400, "malformed-request"),
        ("account", json!(7), 400, "malformed-request"),
        ("account", json!(""), 422, "invalid-field"),
        ("account", json!("a".repeat(256)), 422, "invalid-field"),
        ("reference", json!("r".repeat(501)), 422, "invalid-field"),
        ("amount", json!(12.3), 422, "invalid-amount"),
        ("amount", json!("0.00"), 422, "invalid-amount"),
        ("amount", json!("-1"), 422, "invalid-amount"),
        ("amount", json!("1.234"), 422, "invalid-amount"),
        ("currency", json!("EURO"), 422, "unknown-currency"),
        ("surprise", json!(1), 400, "malformed-request"),
    ] {
        let mut body = transaction("pull", "alice", "5.00");
        body[field] = value;
        let answer = bench.post(TRANSACTIONS, "k", &body).await;
        assert_eq!(answer.problem(), (status, code.to_owned()), "{body}");
    }
    for text in
        ["", "{", "null", r#"["pull","alice","5.00","EUR","r"]"#, "{\"direction\":\"pull\"}"]
    {
        let body = Some(text.to_owned());
        let answer = bench.send(Method::POST, TRANSACTIONS, Some("k"), body).await;
        let problem = answer.expect("an answer").problem();
        assert_eq!(problem, (400, "malformed-request".to_owned()), "{text}");
    }
    assert_eq!(bench.ledger().await["items"], json!([]));
    assert_eq!(bench.pull("k", "5.00").await.status, 200, "the key is still free");
}

#[actix_web::test]
async fn a_key_is_required_and_well_formed() {
    let bench = Bench::start();
    let pulled = bench.pull("p", "5.00").await;
    let amount = json!({ "amount": "5.00" });
    let document = json!({ "kind": "k", "subject": "s", "data": {} });
    for (path, body) in [
        (TRANSACTIONS, &transaction("pull", "alice", "5.00")),
        (&*refund_of(&pulled), &amount),
        ("/documents", &document),
    ] {
        let long = "k".repeat(256);
        for (key, code) in [
            (None, "idempotency-key-missing"),
            (Some(""), "malformed-request"),
            (Some("a b"), "malformed-request"),
            (Some(&*long), "malformed-request"),
        ] {
            let answer = bench.send(Method::POST, path, key, Some(body.to_string())).await;
            let problem = answer.expect("an answer").problem();
            assert_eq!(problem, (400, code.to_owned()), "{path} {key:?}");
        }
    }
}

#[actix_web::test]
async fn a_pull_is_refunded_in_parts_and_never_beyond() {
    let bench = Bench::start();
    let pulled = bench.pull("p", "10.00").await;
    let path = refund_of(&pulled);
    for (key, amount, status, code) in [
        ("r1", "4.00", "succeeded", None),
        ("r2", "6.01", "declined", Some("exceeds-transaction")),
        ("r3", "6.00", "succeeded", None),
        ("r4", "0.01", "declined", Some("exceeds-transaction")),
    ] {
        let answer = bench.post(&path, key, &json!({ "amount": amount })).await;
        let said = answer.json();
        assert_eq!((answer.status, &said["status"]), (200, &json!(status)), "{key}");
        assert_eq!(said["code"].as_str(), code, "{key}");
        assert_eq!(said["transaction"], pulled.json()["id"]);
        assert_eq!(bench.post(&path, key, &json!({ "amount": amount })).await.text, answer.text);
        assert_eq!(bench.get(&format!("{TRANSACTIONS}?key={key}")).await.json(), said);
    }
    let ledger = bench.ledger().await;
    assert_eq!(ledger["totals"]["EUR"]["net"], "0.00");
    assert_eq!(ledger["totals"]["EUR"]["refunded"], "10.00");
    let kinds: Vec<_> = ledger["items"].as_array().expect("a list").iter().collect();
    assert_eq!(kinds.len(), 5);
    assert!(kinds[1..].iter().all(|item| item["kind"] == "refund"
        && item["transaction"] == pulled.json()["id"]
        && item["attempts"] == 2));
}

#[actix_web::test]
async fn a_refund_of_nothing_is_not_found() {
    let bench = Bench::start();
    let pulled = bench.pull("p", "10.00").await;
    let refunded = bench.post(&refund_of(&pulled), "r", &json!({ "amount": "1.00" })).await;
    let amount = json!({ "amount": "1.00" });
    for path in [refund_of(&refunded), format!("{TRANSACTIONS}/ptx_0/refund")] {
        let problem = bench.post(&path, "x", &amount).await.problem();
        assert_eq!(problem, (404, "transaction-not-found".to_owned()), "{path}");
    }
    let unreadable = bench.post(&refund_of(&pulled), "y", &json!({ "amount": "1.234" })).await;
    assert_eq!(unreadable.problem(), (422, "invalid-amount".to_owned()));
}

#[actix_web::test]
async fn a_key_never_seen_is_not_found() {
    let bench = Bench::start();
    let never = bench.get(&format!("{TRANSACTIONS}?key=k")).await;
    assert_eq!(never.problem(), (404, "transaction-not-found".to_owned()));
    for query in ["", "?id=1", "?key=k&other=1"] {
        let answer = bench.get(&format!("{TRANSACTIONS}{query}")).await;
        assert_eq!(answer.problem(), (400, "malformed-request".to_owned()), "{query}");
    }
}
