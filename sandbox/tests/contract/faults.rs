//! Every fault on every route: what is done, and what the client hears.
//!
//! A fault that withholds the answer is short where the test waits for the cut, and ten minutes
//! where the client is to leave first.

use std::time::Duration;

use bursar_sandbox::{Rates, Settings};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Bench, TRANSACTIONS, refund_of, transaction};

/// A call that a fault can strike.
#[derive(Clone, Debug)]
struct Call {
    route: &'static str,
    method: Method,
    path: String,
    key: Option<&'static str>,
    body: Option<Value>,
    /// The status of its answer when nothing goes wrong.
    good: u16,
}

impl Call {
    async fn send(&self, bench: &Bench) -> Result<Answer, reqwest::Error> {
        let body = self.body.as_ref().map(Value::to_string);
        bench.send(self.method.clone(), &self.path, self.key, body).await
    }

    /// Whether what it asks for was done; `None` for a question.
    async fn done(&self, bench: &Bench) -> Option<bool> {
        let documents = bench.ledger().await["documents"].clone();
        let documents = documents.as_array().expect("a list");
        match (self.route, self.method.as_str()) {
            ("pull" | "push" | "refund", _) => {
                Some(bench.booked(self.key.expect("it has one")).await.is_some())
            }
            ("documents", "POST") => {
                Some(documents.iter().any(|document| document["key"] == "new"))
            }
            ("documents", _) => Some(documents.iter().any(|document| {
                document["status"] == "voided" && self.path.ends_with(text(&document["id"]))
            })),
            _ => None,
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// One of each kind of call, on a sandbox that has something to refund and to void.
async fn calls(bench: &Bench) -> Vec<Call> {
    let pulled = bench.pull("before", "10.00").await;
    let document = json!({ "kind": "k", "subject": "s", "data": {} });
    let made = bench.post("/documents", "before", &document).await.json();
    let post = |route, path: &str, key, body: Value, good| Call {
        route,
        method: Method::POST,
        path: path.to_owned(),
        key: Some(key),
        body: Some(body),
        good,
    };
    let ask = |route, method, path: String, good| Call {
        route,
        method,
        path,
        key: None,
        body: None,
        good,
    };
    vec![
        post("pull", TRANSACTIONS, "pull", transaction("pull", "alice", "1.00"), 200),
        post("push", TRANSACTIONS, "push", transaction("push", "alice", "1.00"), 200),
        post("refund", &refund_of(&pulled), "refund", json!({ "amount": "1.00" }), 200),
        post("documents", "/documents", "new", document, 201),
        ask("documents", Method::DELETE, format!("/documents/{}", text(&made["id"])), 204),
        ask("lookup", Method::GET, format!("{TRANSACTIONS}?key=before"), 200),
        ask("report", Method::GET, "/processor/report".to_owned(), 200),
    ]
}

/// Orders a fault that strikes each kind of call once, and sends it.
async fn struck(bench: &Bench, call: &Call, mode: &str) -> Result<Answer, reqwest::Error> {
    let mut fault = json!({ "route": call.route, "mode": mode, "count": 1 });
    if matches!(mode, "timeout" | "lose-answer" | "slow") {
        fault["delay_ms"] = json!(5);
    }
    bench.ordered(fault).await;
    let answer = call.send(bench).await;
    let left = bench.get("/sandbox/faults").await.json();
    assert_eq!(left["items"], json!([]), "it struck once and is gone");
    answer
}

/// After the fault the same call is as if nothing had been.
async fn good_at_last(bench: &Bench, call: &Call) {
    let answer = call.send(bench).await.expect("an answer");
    assert_eq!(answer.status, call.good, "{call:?} {}", answer.text);
    assert_ne!(call.done(bench).await, Some(false), "{call:?}");
}

#[actix_web::test]
async fn an_error_does_nothing() {
    let bench = Bench::start();
    for call in calls(&bench).await {
        let answer = struck(&bench, &call, "error").await.expect("an answer");
        assert_eq!(answer.problem(), (500, "internal-error".to_owned()), "{call:?}");
        assert_ne!(call.done(&bench).await, Some(true), "{call:?}");
        good_at_last(&bench, &call).await;
    }
}

#[actix_web::test]
async fn a_timeout_does_nothing_and_says_nothing() {
    let bench = Bench::start();
    for call in calls(&bench).await {
        let error = struck(&bench, &call, "timeout").await.expect_err("no answer");
        assert!(!error.is_connect(), "{error:?}");
        assert_ne!(call.done(&bench).await, Some(true), "{call:?}");
        good_at_last(&bench, &call).await;
    }
}

#[actix_web::test]
async fn a_lost_answer_is_of_something_done() {
    let bench = Bench::start();
    for call in calls(&bench).await {
        let error = struck(&bench, &call, "lose-answer").await.expect_err("no answer");
        assert!(!error.is_connect(), "{error:?}");
        assert_ne!(call.done(&bench).await, Some(false), "{call:?}");
        good_at_last(&bench, &call).await;
    }
    assert_eq!(bench.booked("pull").await.expect("booked")["attempts"], 2);
    let calls = bench.get("/sandbox/calls").await.json();
    assert_eq!(calls["pull"]["calls"], 3);
    assert_eq!(calls["pull"]["silent"], 1);
    assert_eq!(calls["pull"]["answered"], 2);
    assert_eq!(calls["documents"]["silent"], 2);
}

#[actix_web::test]
async fn what_is_slow_is_done_and_answered() {
    let bench = Bench::start();
    for call in calls(&bench).await {
        let answer = struck(&bench, &call, "slow").await.expect("an answer");
        assert_eq!(answer.status, call.good, "{call:?} {}", answer.text);
        assert_ne!(call.done(&bench).await, Some(false), "{call:?}");
    }
}

#[actix_web::test]
async fn a_rate_limit_does_nothing_and_says_when_to_come_again() {
    let bench = Bench::start();
    for call in calls(&bench).await {
        let fault = json!({ "route": call.route, "mode": "rate-limit", "delay_ms": 2_500 });
        bench.ordered(fault).await;
        let answer = call.send(&bench).await.expect("an answer");
        assert_eq!(answer.problem(), (429, "rate-limited".to_owned()), "{call:?}");
        assert_eq!(answer.header("retry-after"), Some("3"));
        assert_ne!(call.done(&bench).await, Some(true), "{call:?}");
        assert_eq!(bench.delete("/sandbox/faults").await.status, 204);
        good_at_last(&bench, &call).await;
    }
    assert_eq!(bench.get("/sandbox/calls").await.json()["push"]["throttled"], 1);
}

#[actix_web::test]
async fn what_is_declined_moves_no_money() {
    let bench = Bench::start();
    for call in calls(&bench).await {
        match call.route {
            "lookup" | "report" => {}
            "documents" => {
                let answer = struck(&bench, &call, "decline").await.expect("an answer");
                assert_eq!(answer.problem(), (422, "refused".to_owned()), "{call:?}");
                assert_eq!(call.done(&bench).await, Some(false), "{call:?}");
                good_at_last(&bench, &call).await;
            }
            _ => {
                let answer = struck(&bench, &call, "decline").await.expect("an answer");
                let said = answer.json();
                assert_eq!(answer.status, 200);
                assert_eq!(
                    (text(&said["status"]), text(&said["code"])),
                    ("declined", "insufficient-funds")
                );
                let again = call.send(&bench).await.expect("an answer");
                assert_eq!(again.text, answer.text, "the first answer stays");
            }
        }
    }
    let totals = bench.ledger().await["totals"]["EUR"].clone();
    let only_before =
        json!({ "pulled": "10.00", "pushed": "0.00", "refunded": "0.00", "net": "10.00" });
    assert_eq!(totals, only_before);
}

#[actix_web::test]
async fn pending_is_for_whatever_moves_money() {
    let bench = Bench::start();
    for call in calls(&bench).await {
        if matches!(call.route, "pull" | "push" | "refund") {
            let answer = struck(&bench, &call, "pending").await.expect("an answer");
            assert_eq!(answer.json()["status"], "pending", "{call:?}");
        }
    }
}

#[actix_web::test]
async fn not_one_byte_of_an_answer_is_sent() {
    let bench = Bench::start();
    let body = transaction("pull", "alice", "1.00").to_string();
    for mode in ["timeout", "lose-answer"] {
        for delay_ms in [0, 5] {
            let fault = json!({ "route": "pull", "mode": mode, "count": 1, "delay_ms": delay_ms });
            bench.ordered(fault).await;
            let request = format!(
                "POST {TRANSACTIONS} HTTP/1.1\r\nHost: x\r\nIdempotency-Key: {mode}{delay_ms}\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let answer = bench.raw(&request).await;
            assert_eq!(String::from_utf8_lossy(&answer), "", "{mode} after {delay_ms} ms");
        }
    }
}

#[actix_web::test]
async fn what_is_held_blocks_neither_others_nor_the_end() {
    let bench = Bench::start();
    for mode in ["timeout", "lose-answer"] {
        let fault = json!({ "route": "push", "mode": mode, "count": 1, "delay_ms": 600_000 });
        bench.ordered(fault).await;
    }
    let url = format!("{}{TRANSACTIONS}", bench.running().url());
    let held = ["h1", "h2"].map(|key| {
        let request = reqwest::Client::new().post(&url).header("Idempotency-Key", key);
        let body = transaction("push", "alice", "1.00").to_string();
        tokio::spawn(request.body(body).send())
    });
    // Both are held when both are counted; meanwhile others are served.
    while bench.get("/sandbox/calls").await.json()["push"]["silent"] != 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.pull("k", "1.00").await.status, 200);
    let booked = [bench.booked("h1").await, bench.booked("h2").await];
    assert_eq!(booked.iter().filter(|booked| booked.is_some()).count(), 1, "one was done");
    bench.stop().await;
    for held in held {
        assert!(held.await.expect("it ran").is_err(), "the connection ended without an answer");
    }
}

#[actix_web::test]
async fn what_a_client_left_behind_is_done_all_the_same() {
    let bench = Bench::start();
    bench.ordered(json!({ "route": "pull", "mode": "slow", "delay_ms": 300 })).await;
    let client = reqwest::Client::builder().timeout(Duration::from_millis(20)).build();
    let request = client
        .expect("a client")
        .post(format!("{}{TRANSACTIONS}", bench.running().url()))
        .header("Idempotency-Key", "left")
        .body(transaction("pull", "alice", "1.00").to_string());
    // Again, should the client have left before it had asked.
    while bench.get("/sandbox/calls").await.json()["pull"]["calls"] == 0 {
        let asked = request.try_clone().expect("it has a plain body").send().await;
        drop(asked);
    }
    while bench.booked("left").await.is_none() {
        tokio::task::yield_now().await;
    }
}

#[actix_web::test]
async fn a_settled_key_is_not_declined_but_may_lose_its_answer() {
    let bench = Bench::start();
    let first = bench.pull("k", "1.00").await;
    for mode in ["decline", "pending"] {
        bench.ordered(json!({ "route": "pull", "mode": mode })).await;
    }
    assert_eq!(bench.pull("k", "1.00").await.text, first.text);
    assert_eq!(bench.pull("other", "1.00").await.json()["status"], "declined");
    for mode in ["error", "timeout", "lose-answer"] {
        let mut fault = json!({ "route": "pull", "mode": mode, "count": 1 });
        if mode != "error" {
            fault["delay_ms"] = json!(5);
        }
        bench.ordered(fault).await;
        let body = transaction("pull", "alice", "1.00");
        let answer = bench.try_post(TRANSACTIONS, "k", &body).await;
        assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status == 500), "{mode}");
    }
    assert_eq!(bench.pull("k", "1.00").await.text, first.text);
    assert_eq!(bench.booked("k").await.expect("booked")["attempts"], 6);
}

#[actix_web::test]
async fn a_fault_may_be_for_one_account() {
    let bench = Bench::start();
    let matching = json!({ "account": "bob" });
    bench.ordered(json!({ "route": "pull", "mode": "error", "match": matching })).await;
    bench.ordered(json!({ "route": "refund", "mode": "error", "match": matching })).await;
    assert_eq!(bench.pull("alice", "1.00").await.status, 200);
    let bob = transaction("pull", "bob", "1.00");
    assert_eq!(bench.post(TRANSACTIONS, "bob", &bob).await.status, 500);
    assert_eq!(bench.delete("/sandbox/faults").await.status, 204);
    let pulled = bench.post(TRANSACTIONS, "bob", &bob).await;
    bench.ordered(json!({ "route": "refund", "mode": "error", "match": matching })).await;
    let refund = bench.post(&refund_of(&pulled), "r", &json!({ "amount": "1.00" })).await;
    assert_eq!(refund.status, 500, "the account of a refund is that of what it refunds");
}

#[actix_web::test]
async fn chance_is_the_seeds_and_not_that_of_the_order_of_calls() {
    let keys: Vec<_> = (0..60).map(|number| format!("k{number}")).collect();
    let mut found = Vec::new();
    for (seed, reversed) in [(5, false), (5, true), (6, false)] {
        let rates = Rates { processor: None, ..Rates::default() };
        let bench = Bench::start_with(Settings { seed, rates, ..Settings::default() });
        bench.ordered(json!({ "route": "pull", "mode": "decline", "probability": 0.5 })).await;
        let mut keys = keys.clone();
        if reversed {
            keys.reverse();
        }
        let mut declined = Vec::new();
        for key in keys {
            let answer = bench.pull(&key, "1.00").await;
            if answer.json()["status"] == "declined" {
                declined.push(key);
            }
        }
        declined.sort();
        found.push(declined);
    }
    assert!((10..50).contains(&found[0].len()), "{} of 60 at a half", found[0].len());
    assert_eq!(found[0], found[1]);
    assert_ne!(found[0], found[2]);
}
