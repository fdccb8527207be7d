//! Two years of the bank's loans: ten percent of debits fail, five percent are never heard of again.
//!
//! All loans of the file become advances with monthly plans. The clock is moved through two years,
//! a fortnight at a time, and the server is killed twenty times on the way, wherever it is. Then
//! the faults end and what is on its way comes to its end. What counts is computed from the sandbox's
//! ledger, which keeps no secrets and shares no code with the advances: what was pulled and not given
//! back is what advances say they collected, to the cent, no attempt was asked for twice under
//! different words, and no advance collected more than it gave.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::{self, TryRecvError};
use std::thread;

use serde_json::{Value, json};

use crate::bank::minor;
use crate::harness::{Launch, Random, Server, bursar, eventually};
use crate::http::{Client, Request};

const KILLS: u64 = 20;
const FORTNIGHTS: u64 = 53;
const FORTNIGHT_MS: i64 = 14 * 24 * 3_600_000;

fn launch() -> Launch {
    Launch::with("BURSAR__SANDBOX__LATENCY_MS", "0")
        .and("BURSAR__SANDBOX__LATENCY_JITTER_MS", "0")
        .and("BURSAR__SANDBOX__RATE_PER_S", "100000")
        .and("BURSAR__PROCESSOR__RATE_PER_S", "0")
}

fn fault(client: &mut Client, fault: &Value) {
    let answer = client.send(&Request::post("/sandbox/faults", fault));
    assert!((200..300).contains(&answer.status), "{}", answer.text());
}

/// Everything of a list that is given page by page.
fn all(client: &mut Client, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let more = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = client.get(&format!("{path}?limit=500{more}")).expect(200);
        items.extend(page["items"].as_array().expect("a list").iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return items,
        }
    }
}

fn now_ms(client: &mut Client) -> i64 {
    let shown = client.get("/admin/clock").expect(200);
    let now: jiff::Timestamp = shown["now"].as_str().expect("a text").parse().expect("RFC 3339");
    now.as_millisecond()
}

/// Moves the clock to an instant; `None` when the server went away meanwhile.
fn move_to(client: &mut Client, target_ms: i64) -> Option<Value> {
    let to = jiff::Timestamp::from_millisecond(target_ms).expect("within range").to_string();
    let answer = client.try_send(&Request::post("/admin/clock", &json!({"set": to}))).ok()?;
    // Killed on the way, it may be past the instant by the time that went on since.
    if answer.status == 422 { Some(answer.json()) } else { Some(answer.expect(200)) }
}

fn records(client: &mut Client) -> Option<u64> {
    let metrics = client.try_send(&Request::new("GET", "/metrics")).ok()?.text();
    let line = metrics.lines().find(|line| line.starts_with("bursar_journal_records_total "))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Moves the clock and kills the server on the way, when it has written so many records.
fn move_and_kill(server: &mut Server, target_ms: i64, after_records: u64) {
    let mut watching = server.client();
    let before = records(&mut watching).expect("it runs");
    let (done, moved) = mpsc::channel();
    let mut moving = server.client();
    let mover = thread::spawn(move || {
        let answer = move_to(&mut moving, target_ms);
        // Nobody listens any more when the server was killed first.
        done.send(answer.is_some()).unwrap_or_default();
    });
    eventually("the clock has moved some way", || {
        let written = records(&mut watching)?.saturating_sub(before);
        let ended = moved.try_recv() != Err(TryRecvError::Empty);
        (written >= after_records || ended).then_some(())
    });
    server.kill();
    mover.join().expect("it only waits for an answer");
    server.restart();
}

struct Books {
    pulled: i128,
    given_back: i128,
    pushed: i128,
    attempts: HashMap<String, (i128, u64)>,
}

/// What the sandbox booked for advances.
fn books(client: &mut Client) -> Books {
    let ledger = client.get("/sandbox/ledger").expect(200);
    let mut books = Books { pulled: 0, given_back: 0, pushed: 0, attempts: HashMap::new() };
    for entry in ledger["items"].as_array().expect("a list") {
        let amount = minor(&entry["amount"]);
        let key = entry["key"].as_str().expect("a text").to_owned();
        let succeeded = entry["status"] == "succeeded";
        match entry["kind"].as_str().expect("a text") {
            "pull" => {
                books.pulled += if succeeded { amount } else { 0 };
                let attempt = books.attempts.entry(key).or_insert((amount, 0));
                assert_eq!(attempt.0, amount, "an attempt has one amount: {entry}");
                attempt.1 += 1;
            }
            "refund" => books.given_back += if succeeded { amount } else { 0 },
            "push" => books.pushed += if succeeded { amount } else { 0 },
            other => panic!("a ledger has no {other}: {entry}"),
        }
    }
    books
}

fn check(server: &Server) {
    let mut client = server.client();
    let advances = all(&mut client, "/v1/advances");
    let (mut given, mut collected, mut overpaid) = (0, 0, 0);
    let booked = books(&mut client);
    for brief in &advances {
        let id = brief["id"].as_str().expect("a text");
        let advance = client.get(&format!("/v1/advances/{id}")).expect(200);
        let sum = |name: &str| if advance[name].is_null() { 0 } else { minor(&advance[name]) };
        let amount = sum("amount");
        given += amount;
        collected += sum("collected");
        overpaid += sum("overpaid");
        let parts = sum("collected") + sum("outstanding") + sum("written_off");
        assert_eq!(parts, amount, "collected, outstanding and written off are it: {advance}");
        let schedule = advance["schedule"].as_array().expect("a list");
        let mut succeeded = 0;
        for debit in schedule {
            let number = debit["number"].as_u64().expect("a number");
            let attempts = debit["attempts"].as_u64().expect("a number");
            if debit["status"] == "succeeded" {
                succeeded += minor(&debit["amount"]);
            }
            for attempt in 1..=attempts {
                let key = format!("{id}/d{number}/{attempt}");
                let times = booked.attempts.get(&key).map_or(0, |(_, times)| *times);
                assert_eq!(times, 1, "each attempt was asked for once: {key} of {advance}");
            }
            let next = format!("{id}/d{number}/{}", attempts + 1);
            assert!(!booked.attempts.contains_key(&next), "nobody says {next} was asked for");
        }
        assert_eq!(succeeded, sum("collected"), "what was collected is what succeeded: {advance}");
    }
    assert_eq!(booked.pushed, given, "every advance was credited once");
    assert_eq!(booked.pulled - booked.given_back, collected + overpaid, "to the cent");
    let balance = client.get("/admin/trial-balance").expect(200);
    assert_eq!(balance["balanced"], true, "{balance}");
}

#[test]
fn two_years_of_loans_with_failures_silence_and_twenty_kills() {
    let mut server = Server::start_with(launch());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/loans.csv");
    let file = file.to_str().expect("the path is text");
    let import = bursar(&["import", "--loans", file, "--url", &server.url(), "--wait"]);
    assert_eq!(import.code, Some(0), "{import:?}");

    let mut client = server.client();
    let week_ms = 7 * 24 * 3_600_000;
    for order in [
        json!({"route": "pull", "mode": "pending", "probability": 0.10, "then": "failed"}),
        json!({"route": "pull", "mode": "pending", "probability": 0.05, "then": "silent"}),
        json!({"route": "pull", "mode": "pending", "probability": 0.03, "then": "succeeded",
            "delay_ms": week_ms}),
        json!({"route": "pull", "mode": "decline", "probability": 0.02}),
        json!({"route": "pull", "mode": "error", "probability": 0.01}),
        json!({"route": "report", "mode": "cut", "probability": 0.03}),
        json!({"route": "report", "mode": "contradict", "probability": 0.02}),
    ] {
        fault(&mut client, &order);
    }
    let began_ms = now_ms(&mut client);
    let mut random = Random::new(4);
    for fortnight in 1..=FORTNIGHTS {
        let target_ms = began_ms + i64::try_from(fortnight).expect("few") * FORTNIGHT_MS;
        if fortnight % 5 != 0
            && fortnight * KILLS / FORTNIGHTS != (fortnight - 1) * KILLS / FORTNIGHTS
        {
            move_and_kill(&mut server, target_ms, random.below(400));
        }
        move_to(&mut server.client(), target_ms).expect("nobody kills it now");
    }
    assert_eq!(bursar(&["advances", "--url", &server.url()]).code, Some(0));

    // No more faults: what is on its way comes to its end.
    let mut client = server.client();
    assert_eq!(client.send(&Request::new("DELETE", "/sandbox/faults")).status, 204);
    let target_ms = now_ms(&mut client) + FORTNIGHT_MS;
    move_to(&mut client, target_ms).expect("nobody kills it now");
    check(&server);
    assert_eq!(server.stop(), Some(0));
    let data = server.data();
    let verified = bursar(&["verify", "--data", data.to_str().expect("the path is text")]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}
