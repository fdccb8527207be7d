//! The edges: limits on calls and on memory, addresses, bodies, long lists, starting and stopping.
//!
//! Limits are real time, so a test of one never says how many calls a second lets in, only that
//! at some call it is enough, and that the counts agree with what the client saw.

use std::net::TcpListener;

use bursar_sandbox::{Rates, Sandbox, Settings};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Bench, TRANSACTIONS, rate, transaction};

#[actix_web::test]
async fn past_its_limit_the_processor_says_when_to_come_again() {
    let rates = Rates { processor: Some(rate(1, 2)), ..Rates::default() };
    let bench = Bench::start_with(Settings { rates, ..Settings::default() });
    // A slow machine may let some more in; a fast one turns the third away.
    let mut calls = 1_u64;
    let limited = loop {
        let answer = bench.pull("k", "1.00").await;
        if answer.status != 200 {
            break answer;
        }
        calls += 1;
    };
    assert_eq!(limited.problem(), (429, "rate-limited".to_owned()));
    assert_eq!(limited.header("retry-after"), Some("1"));
    assert!(calls >= 3, "the burst was let in");
    let counts = bench.get("/sandbox/calls").await.json();
    for route in ["pull", "processor"] {
        assert_eq!(counts[route]["calls"], calls, "{counts}");
        assert_eq!(counts[route]["throttled"], 1);
        assert_eq!(counts[route]["answered"], calls - 1);
        assert!(counts[route]["most_in_a_second"].as_u64().expect("a number") >= 3);
    }
    assert_eq!(bench.booked("k").await.expect("booked")["attempts"], calls - 1);
    // One limit for all of the processor, none for the others.
    let document = json!({ "kind": "k", "subject": "s", "data": {} });
    for _ in 0..10 {
        assert_eq!(bench.post("/documents", "k", &document).await.status, 201);
    }
}

#[actix_web::test]
async fn without_a_limit_all_are_let_in() {
    let rates = Rates { processor: None, documents: Some(rate(1, 1)), mail: None };
    let bench = Bench::start_with(Settings { rates, ..Settings::default() });
    for number in 0..400 {
        let answer = bench.get(&format!("{TRANSACTIONS}?key={number}")).await;
        assert_eq!(answer.status, 404);
    }
    let mut statuses = Vec::new();
    while statuses.last() != Some(&429) {
        statuses.push(bench.get("/documents/doc_0").await.status);
    }
    assert_eq!(statuses[0], 404);
}

#[actix_web::test]
async fn a_full_sandbox_takes_no_more() {
    let bench = Bench::start_with(Settings { entries_max: 2, ..Settings::default() });
    for key in ["k1", "k2"] {
        assert_eq!(bench.pull(key, "1.00").await.status, 200);
    }
    assert_eq!(bench.pull("k3", "1.00").await.problem(), (503, "full".to_owned()));
    assert_eq!(bench.pull("k1", "1.00").await.status, 200, "what it has it still knows");
}

#[actix_web::test]
async fn a_long_ledger_is_told_whole_and_in_order() {
    let rates = Rates { processor: None, ..Rates::default() };
    let bench = Bench::start_with(Settings { rates, ..Settings::default() });
    for number in 0..1_100 {
        bench.pull(&format!("k{number}"), "0.01").await;
    }
    let ledger = bench.ledger().await;
    let items = ledger["items"].as_array().expect("a list");
    assert_eq!(items.len(), 1_100);
    for (number, item) in items.iter().enumerate() {
        assert_eq!(item["key"], format!("k{number}"));
    }
    assert_eq!(ledger["totals"]["EUR"]["net"], "11.00");
    let report = bench.get("/processor/report").await;
    assert_eq!(report.text.lines().count(), 1_100);
}

#[actix_web::test]
async fn unknown_addresses_and_methods_are_told_so() {
    let bench = Bench::start();
    for path in ["/", "/v1/wallets", "/processor", "/sandbox/ledger/1"] {
        assert_eq!(bench.get(path).await.problem(), (404, "not-found".to_owned()), "{path}");
    }
    for (method, path, allowed) in [
        (Method::PUT, TRANSACTIONS, "GET, POST"),
        (Method::GET, "/processor/transactions/ptx_0/refund", "POST"),
        (Method::GET, "/documents", "POST"),
        (Method::DELETE, "/sandbox/ledger", "GET"),
    ] {
        let answer = bench.send(method, path, None, None).await.expect("an answer");
        assert_eq!(answer.problem(), (405, "method-not-allowed".to_owned()), "{path}");
        assert_eq!(answer.header("allow"), Some(allowed));
    }
    assert_eq!(bench.get("/livez").await.status, 200);
}

#[actix_web::test]
async fn a_body_past_the_bound_is_refused() {
    let bench = Bench::start();
    let mut body = transaction("pull", "alice", "1.00");
    body["reference"] = json!("r".repeat(64 * 1024));
    let answer = bench.post(TRANSACTIONS, "k", &body).await;
    assert_eq!(answer.problem(), (413, "body-too-large".to_owned()));
}

#[actix_web::test]
async fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it listens");
    let defaults = Settings::default;
    for settings in [
        Settings { listen: address, ..defaults() },
        Settings { smtp_listen: address, ..defaults() },
    ] {
        let error = Sandbox::start(settings).expect_err("it is taken");
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
}

#[actix_web::test]
async fn a_stopped_sandbox_ends_every_conversation() {
    let bench = Bench::start();
    let mut http = TcpStream::connect(bench.running().http()).await.expect("it listens");
    http.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sent");
    let mut smtp = TcpStream::connect(bench.running().smtp()).await.expect("it listens");
    for stream in [&mut http, &mut smtp] {
        // Something was said, so the conversation has begun.
        assert_ne!(stream.read(&mut [0; 16]).await.expect("heard"), 0);
    }
    bench.stop().await;
    for mut stream in [http, smtp] {
        // Orderly or not, it ends.
        drop(stream.read_to_end(&mut Vec::new()).await);
    }
}

#[tokio::test]
async fn it_runs_without_actix_around_it() {
    let bench = Bench::start();
    assert_eq!(bench.pull("k", "1.00").await.status, 200);
    bench.stop().await;
}
