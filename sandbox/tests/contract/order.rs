//! Ordering faults: what is taken, how it is shown, what is refused.
//!
//! An order with an unknown field, route or mode is malformed (400); one that is well formed but
//! could never strike as ordered makes no sense (422), and neither is left standing.

use serde_json::json;

use crate::harness::Bench;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

#[actix_web::test]
async fn a_fault_is_shown_as_it_stands_until_it_is_cleared() {
    let bench = Bench::start();
    let fault = json!({
        "route": "pull", "mode": "slow", "count": 2, "probability": "1", "delay_ms": 1,
        "match": { "account": "alice" },
    });
    let answer = bench.fault(fault).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let mut expected = json!({
        "id": "flt_1", "route": "pull", "mode": "slow", "count": 2, "probability": "1.000000",
        "delay_ms": 1, "match": { "account": "alice" }, "struck": 0,
    });
    assert_eq!(answer.json(), expected);
    bench.pull("k", "1.00").await;
    expected["count"] = json!(1);
    expected["struck"] = json!(1);
    assert_eq!(bench.get("/sandbox/faults").await.json(), json!({ "items": [expected] }));
    assert_eq!(bench.delete("/sandbox/faults").await.status, 204);
    assert_eq!(bench.get("/sandbox/faults").await.json(), json!({ "items": [] }));
    let next = bench.fault(json!({ "route": "mail", "mode": "timeout" })).await.json();
    assert_eq!(next["id"], "flt_2");
    assert_eq!(next["delay_ms"], 30_000);
}

#[actix_web::test]
async fn a_fault_that_makes_no_sense_is_refused() {
    let bench = Bench::start();
    for (fault, status) in [
        (json!({}), 400),
        (json!({ "route": "pull" }), 400),
        (json!({ "route": "sideways", "mode": "error" }), 400),
        (json!({ "route": "unreadable", "mode": "error" }), 400),
        (json!({ "route": "pull", "mode": "explode" }), 400),
        (json!({ "route": "pull", "mode": "error", "surprise": 1 }), 400),
        (json!({ "route": "pull", "mode": "error", "match": { "amount": "1" } }), 400),
        (json!({ "route": "pull", "mode": "error", "probability": 1.5 }), 400),
        (json!({ "route": "pull", "mode": "error", "probability": "0.0000001" }), 400),
        (json!({ "route": "pull", "mode": "error", "count": -1 }), 400),
        (json!({ "route": "pull", "mode": "error", "count": 0 }), 422),
        (json!({ "route": "pull", "mode": "error", "delay_ms": 1 }), 422),
        (json!({ "route": "pull", "mode": "slow", "delay_ms": 600_001 }), 422),
        (json!({ "route": "pull", "mode": "slow", "code": "x" }), 422),
        (json!({ "route": "pull", "mode": "decline", "code": "Not A Word" }), 422),
        (json!({ "route": "documents", "mode": "decline", "code": "x" }), 422),
        (json!({ "route": "report", "mode": "decline" }), 422),
        (json!({ "route": "lookup", "mode": "pending" }), 422),
        (json!({ "route": "mail", "mode": "pending" }), 422),
        (json!({ "route": "mail", "mode": "error", "match": { "account": "a" } }), 422),
        (json!({ "route": "pull", "mode": "pending", "then": "vanish" }), 400),
        (json!({ "route": "pull", "mode": "pending", "delay_ms": 0 }), 422),
        (json!({ "route": "pull", "mode": "pending", "delay_ms": 366 * DAY_MS + 1 }), 422),
        (json!({ "route": "pull", "mode": "pending", "then": "silent", "delay_ms": 1 }), 422),
        (json!({ "route": "pull", "mode": "pending", "then": "silent", "code": "x" }), 422),
        (json!({ "route": "pull", "mode": "pending", "then": "succeeded", "code": "x" }), 422),
        (json!({ "route": "pull", "mode": "decline", "then": "failed" }), 422),
        (json!({ "route": "pull", "mode": "cut" }), 422),
        (json!({ "route": "lookup", "mode": "contradict" }), 422),
        (json!({ "route": "report", "mode": "cut", "delay_ms": 1 }), 422),
    ] {
        let code = if status == 400 { "malformed-request" } else { "invalid-fault" };
        let problem = bench.fault(fault.clone()).await.problem();
        assert_eq!(problem, (status, code.to_owned()), "{fault}");
    }
    assert_eq!(bench.get("/sandbox/faults").await.json(), json!({ "items": [] }));
}
