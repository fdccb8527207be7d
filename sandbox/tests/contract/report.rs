//! The report, and what is pending until its time; on a clock that the test sets.
//!
//! Days pass by setting the clock, so that the window of the report is tested at its edges, and
//! what is pending is looked at before and after it is settled.

use bursar_sandbox::{Rates, Settings};
use serde_json::{Value, json};

use crate::harness::{Bench, Hand, Scratch, TRANSACTIONS, refund_of};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

async fn keys(bench: &Bench, query: &str) -> Vec<String> {
    lines(bench, query)
        .await
        .iter()
        .map(|line| line["key"].as_str().expect("a key").to_owned())
        .collect()
}

async fn lines(bench: &Bench, query: &str) -> Vec<Value> {
    let answer = bench.get(&format!("/processor/report{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    answer.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[actix_web::test]
async fn the_report_says_how_the_orders_of_the_last_days_ended() {
    let hand = Hand::default();
    let bench = Bench::start_with(Settings { clock: hand.clock(), ..Settings::default() });
    assert_eq!(lines(&bench, "").await, Vec::<Value>::new());
    let pulled = bench.pull("monday", "10.00").await;
    hand.set(2 * DAY_MS);
    bench.ordered(json!({ "route": "pull", "mode": "decline", "count": 1, "code": "r01" })).await;
    let declined = bench.pull("wednesday", "10.00").await;
    bench.post(&refund_of(&pulled), "refund", &json!({ "amount": "1.00" })).await;
    let expected = json!({
        "id": declined.json()["id"], "key": "wednesday", "status": "failed",
        "at": "1970-01-03T00:00:00.000Z", "code": "r01",
    });
    assert_eq!(lines(&bench, "?days=1").await[0], expected);
    assert_eq!(keys(&bench, "").await, ["monday", "wednesday", "refund"]);
    assert_eq!(lines(&bench, "").await[0]["status"], "succeeded");
    assert_eq!(keys(&bench, "?days=1").await, ["wednesday", "refund"]);
    hand.set(6 * DAY_MS);
    assert_eq!(keys(&bench, "").await, ["wednesday", "refund"], "five days unless said otherwise");
    assert_eq!(keys(&bench, "?days=366").await.len(), 3);
    for query in ["?days=0", "?days=367", "?days=many", "?weeks=1"] {
        let problem = bench.get(&format!("/processor/report{query}")).await.problem();
        assert_eq!(problem, (400, "malformed-request".to_owned()), "{query}");
    }
}

#[actix_web::test]
async fn what_is_pending_becomes_what_it_was_to_become() {
    let hand = Hand::default();
    let bench = Bench::start_with(Settings { clock: hand.clock(), ..Settings::default() });
    let pending = json!({ "route": "pull", "mode": "pending", "count": 1, "delay_ms": 1_000 });
    bench.ordered(pending.clone()).await;
    let mut returned = pending;
    returned["code"] = json!("r01");
    bench.ordered(returned).await;
    let first = bench.pull("good", "10.00").await;
    assert_eq!(first.json()["status"], "pending");
    assert_eq!(bench.pull("bad", "10.00").await.json()["status"], "pending");
    assert_eq!(lines(&bench, "").await, Vec::<Value>::new(), "it is not known how they end");
    assert_eq!(bench.ledger().await["totals"], json!({}));
    let status = async |key: &str| {
        let said = bench.get(&format!("{TRANSACTIONS}?key={key}")).await.json();
        (said["status"].as_str().expect("a status").to_owned(), said["code"].clone())
    };
    assert_eq!(status("good").await, ("pending".to_owned(), Value::Null));
    hand.set(1_000);
    assert_eq!(status("good").await, ("succeeded".to_owned(), Value::Null));
    assert_eq!(status("bad").await, ("declined".to_owned(), json!("r01")));
    assert_eq!(bench.pull("good", "10.00").await.text, first.text, "the first answer stays");
    assert_eq!(keys(&bench, "").await, ["good", "bad"]);
    assert_eq!(bench.ledger().await["totals"]["EUR"]["net"], "10.00");
}

/// How a key stands, with the reason.
async fn status(bench: &Bench, key: &str) -> (String, Value) {
    let said = bench.get(&format!("{TRANSACTIONS}?key={key}")).await.json();
    (said["status"].as_str().expect("a status").to_owned(), said["code"].clone())
}

/// Without a limit, on a clock of the test's own.
fn unlimited(hand: &Hand) -> Settings {
    let rates = Rates { processor: None, ..Rates::default() };
    Settings { clock: hand.clock(), rates, ..Settings::default() }
}

#[actix_web::test]
async fn what_is_pending_ends_as_it_was_ordered_to() {
    let (hand, scratch) = (Hand::default(), Scratch::new());
    let file = scratch.path("journal");
    let first = Bench::start_with(Settings { file: Some(file.clone()), ..unlimited(&hand) });
    for (key, fault) in [
        ("plain", json!({ "delay_ms": 8 * DAY_MS })),
        ("good", json!({ "delay_ms": 8 * DAY_MS, "then": "succeeded" })),
        ("bad", json!({ "delay_ms": 8 * DAY_MS, "then": "failed", "code": "r01" })),
        ("poor", json!({ "delay_ms": 8 * DAY_MS, "then": "failed" })),
        ("mute", json!({ "then": "silent" })),
    ] {
        let mut fault = fault;
        fault["route"] = json!("pull");
        fault["mode"] = json!("pending");
        fault["count"] = json!(1);
        first.ordered(fault).await;
        assert_eq!(first.pull(key, "10.00").await.json()["status"], "pending", "{key}");
    }
    let second = scratch.killed(&file, "second");
    let second = Bench::start_with(Settings { file: Some(second), ..unlimited(&hand) });
    for bench in [&first, &second] {
        hand.set(8 * DAY_MS - 1);
        for (key, then) in [("good", "succeeded"), ("bad", "failed"), ("mute", "silent")] {
            assert_eq!(status(bench, key).await, ("pending".to_owned(), Value::Null), "{key}");
            let booked = bench.booked(key).await.expect("booked");
            assert_eq!((&booked["status"], &booked["then"]), (&json!("pending"), &json!(then)));
            let settled =
                if then == "silent" { Value::Null } else { "1970-01-09T00:00:00.000Z".into() };
            assert_eq!(booked["settled_at"], settled);
        }
        assert_eq!(lines(bench, "?days=366").await, Vec::<Value>::new());
    }
    hand.set(8 * DAY_MS);
    for bench in [&first, &second] {
        assert_eq!(status(bench, "good").await.0, "succeeded");
        assert_eq!(status(bench, "bad").await, ("declined".to_owned(), json!("r01")));
        assert_eq!(status(bench, "poor").await.1, json!("insufficient-funds"));
        let said: Vec<_> = lines(bench, "?days=1").await.iter().map(ended).collect();
        let expected = ["plain succeeded", "good succeeded", "bad failed", "poor failed"];
        assert_eq!(said, expected, "by the day they were settled");
        assert_eq!(bench.booked("good").await.expect("booked")["then"], Value::Null);
        assert_eq!(bench.ledger().await["totals"]["EUR"]["pulled"], "20.00");
    }
    hand.set(300 * DAY_MS);
    assert_eq!(status(&first, "mute").await.0, "pending", "for ever");
    assert_eq!(keys(&first, "?days=366").await, ["plain", "good", "bad", "poor"]);
    assert_eq!(keys(&first, "").await, Vec::<String>::new());
}

fn ended(line: &Value) -> String {
    let word = |field: &str| line[field].as_str().expect("a word").to_owned();
    format!("{} {}", word("key"), word("status"))
}

#[actix_web::test]
async fn late_ends_and_new_bookings_are_in_the_order_of_booking() {
    let hand = Hand::default();
    let bench = Bench::start_with(unlimited(&hand));
    for (day, wait) in (0..10).zip([9, 1, 7, 0, 5, 0, 3, 0, 1, 0]) {
        hand.set(day * DAY_MS);
        if wait > 0 {
            let delay_ms = wait * DAY_MS;
            let fault =
                json!({ "route": "pull", "mode": "pending", "delay_ms": delay_ms, "count": 1 });
            bench.ordered(fault).await;
        }
        bench.pull(&format!("day{day}"), "1.00").await;
    }
    assert_eq!(
        keys(&bench, "?days=2").await,
        ["day0", "day2", "day4", "day6", "day7", "day8", "day9"]
    );
}

#[actix_web::test]
async fn a_report_that_is_cut_has_half_of_its_lines_and_no_end() {
    let hand = Hand::default();
    let bench = Bench::start_with(unlimited(&hand));
    for pulls in [0, 1, 2, 3_000] {
        for number in 0..pulls {
            bench.pull(&format!("k{number}"), "1.00").await;
        }
        let whole = bench.get("/processor/report").await.text;
        bench.ordered(json!({ "route": "report", "mode": "cut", "count": 1 })).await;
        let request = "GET /processor/report HTTP/1.1\r\nHost: x\r\n\r\n";
        let sent = String::from_utf8(bench.raw(request).await).expect("text");
        assert!(sent.starts_with("HTTP/1.1 200 OK\r\n"), "{sent:?}");
        assert!(!sent.ends_with("0\r\n\r\n"), "it has no end");
        let count = sent.matches("\"key\":").count();
        // What is on its way when it is cut may be lost as well.
        assert!(count <= whole.lines().count() / 2 + 1, "{count} of {pulls}");
        bench.ordered(json!({ "route": "report", "mode": "cut", "count": 1 })).await;
        bench.send(reqwest::Method::GET, "/processor/report", None, None).await.expect_err("cut");
        assert_eq!(bench.get("/processor/report").await.text, whole, "the next is whole");
    }
}

#[actix_web::test]
async fn a_report_that_contradicts_itself_says_the_opposite_of_its_first_line_at_its_end() {
    let hand = Hand::default();
    let bench = Bench::start_with(unlimited(&hand));
    let fault = json!({ "route": "report", "mode": "contradict", "count": 1 });
    bench.ordered(fault.clone()).await;
    let said = lines(&bench, "").await;
    assert_eq!(said.len(), 2, "about a transaction that never was");
    assert_eq!((&said[0]["id"], &said[0]["key"]), (&said[1]["id"], &said[1]["key"]));
    assert_ne!(said[0]["status"], said[1]["status"]);
    for (key, mode) in [("waits", "pending"), ("fails", "decline")] {
        bench.ordered(json!({ "route": "pull", "mode": mode, "count": 1 })).await;
        bench.pull(key, "1.00").await;
    }
    bench.pull("good", "1.00").await;
    bench.ordered(fault).await;
    let said: Vec<_> = lines(&bench, "").await.iter().map(ended).collect();
    assert_eq!(said, ["fails failed", "good succeeded", "fails succeeded"]);
    assert_eq!(keys(&bench, "").await, ["fails", "good"]);
}

/// By hand: `PULLS=200000 cargo nextest run --release -p bursar-sandbox --no-capture long_ledger`.
#[actix_web::test]
async fn a_report_of_a_few_days_of_a_long_ledger_has_only_these() {
    let pulls: u32 = std::env::var("PULLS").map_or(1_200, |pulls| pulls.parse().expect("a number"));
    let hand = Hand::default();
    let bench = Bench::start_with(unlimited(&hand));
    let all: Vec<_> = (0..pulls).map(|number| format!("adv_{number}_a/d1/1")).collect();
    for keys in all.chunks(100) {
        let pulls = keys.iter().map(|key| bench.pull(key, "1.00"));
        futures_util::future::join_all(pulls).await;
    }
    let began = std::time::Instant::now();
    let whole = bench.get("/processor/report").await.text;
    println!("{pulls} lines, {} bytes in {:?}", whole.len(), began.elapsed());
    assert_eq!(whole.lines().count(), all.len());
    hand.set(10 * DAY_MS);
    bench.pull("late", "1.00").await;
    let began = std::time::Instant::now();
    assert_eq!(keys(&bench, "").await, ["late"]);
    println!("1 line behind them in {:?}", began.elapsed());
}
