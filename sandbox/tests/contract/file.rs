//! What the third parties know outlives their process: the file, and what can be wrong with it.
//!
//! A kill is a copy of the file while its sandbox runs: what was written when the last answer came
//! is all that a SIGKILL leaves, and nothing is done in order any more. A stop is tested as well.
//! Where a line may be torn, and what else may be damaged, is told apart in `src/journal/tests.rs`.

use std::fs;
use std::path::{Path, PathBuf};

use bursar_sandbox::{Rates, Sandbox, Settings};
use serde_json::{Value, json};

use crate::harness::{Answer, Bench, Hand, Scratch, TRANSACTIONS, refund_of, transaction};
use crate::mail::greeted;

fn settings(file: &Path) -> Settings {
    let rates = Rates { processor: None, ..Rates::default() };
    Settings { rates, file: Some(file.to_owned()), ..Settings::default() }
}

fn on_clock(file: &Path, hand: &Hand) -> Settings {
    Settings { clock: hand.clock(), ..settings(file) }
}

/// All that is told of what was done.
async fn told(bench: &Bench) -> Vec<String> {
    let mut all = Vec::new();
    for path in ["/sandbox/ledger", "/sandbox/faults", "/sandbox/mail", "/processor/report"] {
        all.push(bench.get(path).await.text);
    }
    all
}

fn document() -> Value {
    json!({ "kind": "contract", "subject": "inv_1", "data": { "a": 1 } })
}

/// A call that was answered, and can be repeated.
struct Done {
    path: String,
    key: &'static str,
    body: Value,
    answer: Answer,
}

/// Something of every kind: booked, declined, pending, refunded, made, voided, struck, mailed.
async fn work(bench: &Bench) -> Vec<Done> {
    let mut all = Vec::new();
    let mut post = async |path: &str, key: &'static str, body: Value| {
        let answer = bench.post(path, key, &body).await;
        all.push(Done { path: path.to_owned(), key, body, answer: answer.clone() });
        answer
    };
    let pulled = post(TRANSACTIONS, "good", transaction("pull", "alice", "10.00")).await;
    post(TRANSACTIONS, "push", transaction("push", "bob", "0.01")).await;
    for (key, fault) in [
        ("declined", json!({ "route": "pull", "mode": "decline", "count": 1, "code": "r01" })),
        ("pending", json!({ "route": "pull", "mode": "pending", "count": 1, "delay_ms": 1_000 })),
        ("returned", json!({ "route": "pull", "mode": "pending", "count": 1, "code": "r02" })),
    ] {
        bench.ordered(fault).await;
        post(TRANSACTIONS, key, transaction("pull", "alice", "2.00")).await;
    }
    post(&refund_of(&pulled), "refund", json!({ "amount": "4.00" })).await;
    post(&refund_of(&pulled), "too-much", json!({ "amount": "6.01" })).await;
    post("/documents", "kept", document()).await;
    let made = post("/documents", "voided", document()).await.json();
    let made = made["id"].as_str().expect("an id");
    assert_eq!(bench.delete(&format!("/documents/{made}")).await.status, 204);
    bench.ordered(json!({ "route": "push", "mode": "error" })).await;
    assert_eq!(bench.delete("/sandbox/faults").await.status, 204);
    let carol = json!({ "account": "carol" });
    bench.ordered(json!({ "route": "push", "mode": "error", "count": 3, "match": carol })).await;
    bench.ordered(json!({ "route": "mail", "mode": "decline", "probability": "0" })).await;
    let pushed = bench.post(TRANSACTIONS, "struck", &transaction("push", "carol", "1.00")).await;
    assert_eq!(pushed.status, 500);
    assert_eq!(greeted(bench).await.send("<1@x>").await, "250");
    all
}

#[actix_web::test]
async fn what_was_done_is_known_after_a_kill() {
    let (scratch, hand) = (Scratch::new(), Hand::default());
    let file = scratch.path("journal");
    let before = Bench::start_with(on_clock(&file, &hand));
    let done = work(&before).await;
    let known = told(&before).await;
    let after = Bench::start_with(on_clock(&scratch.killed(&file, "killed"), &hand));
    assert_eq!(told(&after).await, known);
    assert_eq!(after.get("/sandbox/calls").await.json()["pull"]["calls"], 0, "counts start anew");
    for Done { path, key, body, answer } in &done {
        let again = after.post(path, key, body).await;
        assert_eq!((again.status, &again.text), (answer.status, &answer.text), "{key}");
        assert_eq!(again.header("idempotency-replayed"), Some("true"), "{key}");
        let mut other = body.clone();
        let field = if body["amount"].is_null() { "subject" } else { "amount" };
        other[field] = json!("3.21");
        let reused = after.post(path, key, &other).await.problem();
        assert_eq!(reused, (422, "idempotency-key-reused".to_owned()), "{key}");
    }
    assert_eq!(after.booked("good").await.expect("booked")["attempts"], 2);
    // The fault with a count goes on where it was, and numbers of faults are not used again.
    for status in [500, 500, 200] {
        let push = after.post(TRANSACTIONS, "struck", &transaction("push", "carol", "1.00")).await;
        assert_eq!(push.status, status);
    }
    let next = after.fault(json!({ "route": "mail", "mode": "error" })).await.json();
    assert_eq!(next["id"], "flt_7");
}

#[actix_web::test]
async fn what_is_pending_at_a_kill_is_settled_by_the_clock() {
    let (scratch, hand) = (Scratch::new(), Hand::default());
    let file = scratch.path("journal");
    let before = Bench::start_with(on_clock(&file, &hand));
    work(&before).await;
    let after = Bench::start_with(on_clock(&scratch.killed(&file, "killed"), &hand));
    let status = async |key: &str| {
        after.get(&format!("{TRANSACTIONS}?key={key}")).await.json()["status"].clone()
    };
    assert_eq!(
        (status("pending").await, status("returned").await),
        ("pending".into(), "pending".into())
    );
    hand.set(1_000);
    assert_eq!(
        (status("pending").await, status("returned").await),
        ("succeeded".into(), "declined".into())
    );
    assert_eq!(told(&after).await, told(&before).await, "as if nothing had been");
    // What was known at a later time stays known when the clock is behind it.
    after.pull("later", "1.00").await;
    let known = after.ledger().await;
    hand.set(0);
    let file = scratch.killed(&scratch.path("killed"), "again");
    let again = Bench::start_with(on_clock(&file, &hand));
    assert_eq!(again.ledger().await, known);
}

#[actix_web::test]
async fn a_stopped_sandbox_goes_on_with_the_next_and_any_seed() {
    let scratch = Scratch::new();
    let mut known = None;
    for seed in 0..3 {
        let settings = Settings { seed, ..settings(&scratch.path("journal")) };
        let bench = Bench::start_with(settings);
        let ledger = bench.ledger().await;
        assert_eq!(known.get_or_insert_with(|| ledger.clone()), &ledger);
        bench.pull(&format!("k{seed}"), "1.00").await;
        known = Some(bench.ledger().await);
        bench.stop().await;
    }
}

#[actix_web::test]
async fn chance_goes_on_where_it_was() {
    let scratch = Scratch::new();
    let fault = json!({ "route": "lookup", "mode": "error", "probability": "0.5" });
    let statuses = async |bench: &Bench| {
        let mut statuses = Vec::new();
        for _ in 0..20 {
            statuses.push(bench.get(&format!("{TRANSACTIONS}?key=k")).await.status);
        }
        statuses
    };
    let whole = Bench::start_with(settings(&scratch.path("whole")));
    whole.ordered(fault.clone()).await;
    let expected = [statuses(&whole).await, statuses(&whole).await];
    let first = Bench::start_with(settings(&scratch.path("first")));
    first.ordered(fault).await;
    let begun = statuses(&first).await;
    let second = Bench::start_with(settings(&scratch.killed(&scratch.path("first"), "second")));
    assert_eq!([begun, statuses(&second).await], expected);
    assert_ne!(expected[0], expected[1]);
}

#[actix_web::test]
async fn a_torn_last_line_is_cut_off() {
    let scratch = Scratch::new();
    let file = scratch.path("journal");
    let bench = Bench::start_with(settings(&file));
    bench.pull("k1", "1.00").await;
    let known = bench.ledger().await;
    bench.pull("k2", "1.00").await;
    let torn = scratch.killed(&file, "torn");
    let text = fs::read_to_string(&torn).expect("text");
    // The booking and the attempt of the second key, both in part.
    for cut in [2, text.len() - text.match_indices("attempted").last().expect("one").0] {
        fs::write(&torn, &text[..text.len() - cut]).expect("written");
        let after = Bench::start_with(settings(&torn));
        assert_eq!(after.ledger().await["items"], known["items"]);
        assert_eq!(after.pull("k2", "1.00").await.header("idempotency-replayed"), None);
        let whole = after.ledger().await;
        after.stop().await;
        let again = Bench::start_with(settings(&torn));
        assert_eq!(again.ledger().await, whole, "what is cut off leaves no trace");
        again.stop().await;
    }
}

#[actix_web::test]
async fn a_file_that_cannot_be_believed_stops_the_start() {
    let scratch = Scratch::new();
    let file = scratch.path("journal");
    let bench = Bench::start_with(settings(&file));
    bench.pull("k1", "1.00").await;
    bench.pull("k2", "1.00").await;
    let text = fs::read_to_string(&file).expect("text");
    let bad = scratch.path("bad");
    for (content, said) in [
        (text.replacen("alice", "alicf", 1), "line 3 is damaged"),
        (text.replacen("\"version\":1", "\"version\":2", 1), "version 2"),
        (text.replacen("bursar-sandbox", "other", 1), "line 1"),
        ("no journal at all".to_owned(), "line 1"),
    ] {
        fs::write(&bad, &content).expect("written");
        let error = Sandbox::start(settings(&bad)).expect_err(said).to_string();
        assert!(error.contains(said) && error.contains(&bad.display().to_string()), "{error}");
        assert_eq!(fs::read_to_string(&bad).expect("text"), content, "it is left as it is");
    }
    let error = Sandbox::start(settings(&file)).expect_err("in use").to_string();
    assert!(error.contains("another sandbox"), "{error}");
    for path in [scratch.path(""), scratch.path("no/such/folder")] {
        let error = Sandbox::start(settings(&path)).expect_err("no file").to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
}

#[actix_web::test]
async fn what_cannot_be_written_is_not_done() {
    // A device that is always full.
    let bench = Bench::start_with(settings(&PathBuf::from("/dev/full")));
    let not_written = (503, "not-written".to_owned());
    assert_eq!(bench.pull("k", "1.00").await.problem(), not_written);
    assert_eq!(bench.post("/documents", "k", &document()).await.problem(), not_written);
    let lookup = bench.get(&format!("{TRANSACTIONS}?key=k")).await;
    assert_eq!(lookup.problem(), not_written);
    let fault = bench.fault(json!({ "route": "pull", "mode": "error" })).await;
    assert_eq!(fault.problem(), not_written);
    assert_eq!(bench.delete("/sandbox/faults").await.status, 204, "there is none to remove");
    assert_eq!(greeted(&bench).await.send("<1@x>").await, "452");
    assert_eq!(bench.ledger().await["items"], json!([]));
    for path in ["/sandbox/faults", "/sandbox/mail"] {
        assert_eq!(bench.get(path).await.json()["items"], json!([]), "{path}");
    }
}

#[actix_web::test]
async fn a_file_of_the_first_version_is_read_for_ever() {
    let scratch = Scratch::new();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/journal-v1.ndjson");
    let file = scratch.killed(&golden, "journal");
    let bench = Bench::start_with(on_clock(&file, &Hand::default()));
    let ledger = bench.ledger().await;
    let items = ledger["items"].as_array().expect("a list");
    let standings: Vec<_> = items
        .iter()
        .map(|item| {
            let text = |field: &str| item[field].as_str().unwrap_or("-").to_owned();
            [text("key"), text("kind"), text("amount"), text("status"), text("code")].join(" ")
        })
        .collect();
    let expected = [
        "good pull 10.00 succeeded -",
        "push push 0.01 succeeded -",
        "declined pull 2.00 declined r01",
        "pending pull 2.00 pending -",
        "returned pull 2.00 pending -",
        "refund refund 4.00 succeeded -",
        "too-much refund 6.01 declined exceeds-transaction",
    ];
    assert_eq!(standings, expected);
    assert_eq!(ledger["documents"][0]["status"], "made");
    assert_eq!(ledger["documents"][1]["status"], "voided");
    let faults = bench.get("/sandbox/faults").await.json();
    assert_eq!(
        (&faults["items"][0]["count"], &faults["items"][1]["id"]),
        (&json!(2), &json!("flt_6"))
    );
    let mails = bench.get("/sandbox/mail").await.json();
    assert_eq!(mails["items"][0]["message_id"], "<1@x>");
    let again = bench.pull("good", "10.00").await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
}
