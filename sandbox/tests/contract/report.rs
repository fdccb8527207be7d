//! The report, and what is pending until its time; on a clock that the test sets.
//!
//! Days pass by setting the clock, so that the window of the report is tested at its edges, and
//! what is pending is looked at before and after it is settled.

use bursar_sandbox::Settings;
use serde_json::{Value, json};

use crate::harness::{Bench, Hand, TRANSACTIONS, refund_of};

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
