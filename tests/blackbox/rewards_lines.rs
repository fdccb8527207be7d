//! Bank lines: what each line of a call is answered, whatever the others are.
//!
//! A call is answered 202 once all that is new in it is durable. No line is taken twice and none
//! spoils another one; what is refused is not remembered and may come again, corrected. Which lines
//! draw, and what they win, is in `rewards` and its neighbours.

use serde_json::{Value, json};

use crate::harness::eventually;
use crate::http::{JSON, NDJSON, Request};
use crate::providers_desk::{days_after, items, statuses};
use crate::rewards_desk::{
    TAKEN_DAYS, campaign_body, lines_of, purchase, purchase_at, server, with,
};

/// The most lines of a call.
const LINES_MAX: usize = 10_000;

/// A line, its status and the code of its refusal.
type Case = (Value, &'static str, Option<&'static str>);

/// Submits all lines in one call and compares each answer; the counts must agree.
fn check(client: &mut crate::http::Client, wallet: &str, cases: &[Case]) {
    let lines: Vec<Value> = cases.iter().map(|case| case.0.clone()).collect();
    let answer = client.take(wallet, &lines);
    assert_eq!(items(&answer).len(), cases.len());
    for (index, ((line, status, code), item)) in cases.iter().zip(items(&answer)).enumerate() {
        assert_eq!(item["index"], index, "{item}");
        assert_eq!(item["status"], *status, "{line}: {item}");
        assert_eq!(item["code"].as_str(), *code, "{line}: {item}");
        assert_eq!(item["detail"].is_string(), code.is_some(), "{line}: {item}");
        let id = line["transaction_id"].as_str();
        if *code != Some("malformed-request") {
            assert_eq!(item["transaction_id"].as_str(), id, "{line}: {item}");
        }
    }
    let count = |status: &str| cases.iter().filter(|case| case.1 == status).count();
    let expected = json!({"new": count("new"), "duplicate": count("duplicate"),
        "conflict": count("conflict"), "refused": count("refused")});
    assert_eq!(answer["counts"], expected);
}

#[test]
fn each_line_is_new_a_duplicate_a_conflict_or_refused() {
    let (_server, mut client, today) = server();
    client.open("alice");
    let whole = json!({"transaction_id": "t1", "date": today, "status": "posted",
        "from_account": "DE-1", "to_account": "DE-2", "amount": "12.50", "currency": "EUR",
        "description": "Thanks", "merchant": {"id": "m-1", "name": "Cafe", "category_code": "5814"}});
    let other = |members: Value| (with(&whole, &members), "conflict", None);
    let merchant = |merchant: Value| json!({ "merchant": merchant });
    let cases: Vec<Case> = vec![
        (whole.clone(), "new", None),
        (whole.clone(), "duplicate", None),
        // Said in other words it is the same.
        (with(&whole, &json!({"amount": "12.5"})), "duplicate", None),
        (with(&whole, &json!({"date": format!("{today}T23:59:59Z")})), "duplicate", None),
        (
            with(&whole, &merchant(json!({"id": "m-1", "name": "Cafe", "category_code": 5814}))),
            "duplicate",
            None,
        ),
        other(json!({"amount": "12.51"})),
        other(json!({"date": days_after(&today, -1)})),
        other(json!({"from_account": "DE-3"})),
        other(json!({"from_account": null})),
        other(json!({"to_account": "DE-3"})),
        other(json!({"from_account": "DE-2", "to_account": "DE-1"})),
        other(json!({"description": "thanks"})),
        other(json!({"description": null})),
        other(json!({"pending_id": "p1"})),
        other(merchant(Value::Null)),
        other(merchant(json!({"id": "m-2", "name": "Cafe", "category_code": "5814"}))),
        other(merchant(json!({"id": "m-1", "name": "cafe", "category_code": "5814"}))),
        other(merchant(json!({"id": "m-1", "name": "Cafe", "category_code": "5815"}))),
        other(merchant(json!({"id": "m-1", "name": "Cafe"}))),
        // Ids are told apart to the letter.
        (with(&whole, &json!({"transaction_id": "T1"})), "new", None),
        (with(&whole, &json!({"transaction_id": "t1 \u{fc} /?"})), "new", None),
        (with(&whole, &json!({"transaction_id": "x".repeat(64)})), "new", None),
    ];
    check(&mut client, "alice", &cases);
    let again = client.take("alice", std::slice::from_ref(&whole));
    assert_eq!(statuses(items(&again)), ["duplicate"]);
    // Another wallet's lines are its own.
    client.open("bob");
    client.take_new("bob", &[with(&whole, &json!({"amount": "1.00"}))]);
}

/// Lines that are well formed and are not taken.
fn nonsense(today: &str) -> Vec<(Value, &'static str)> {
    let long = |size: usize| json!("x".repeat(size));
    let tomorrow = days_after(today, 2);
    vec![
        (json!({"transaction_id": ""}), "invalid-id"),
        (json!({"transaction_id": " a"}), "invalid-id"),
        (json!({"transaction_id": "a "}), "invalid-id"),
        (json!({"transaction_id": "a\u{0}"}), "invalid-id"),
        (json!({"transaction_id": "a\nb"}), "invalid-id"),
        (json!({"transaction_id": long(65)}), "invalid-id"),
        (json!({"transaction_id": "\u{fc}".repeat(33)}), "invalid-id"),
        (json!({"pending_id": ""}), "invalid-id"),
        (json!({"pending_id": long(65)}), "invalid-id"),
        (json!({"status": "reversed", "reversal_of": "a\u{7f}"}), "invalid-id"),
        (json!({"status": ""}), "invalid-field"),
        (json!({"status": "Posted"}), "invalid-field"),
        (json!({"status": "booked"}), "invalid-field"),
        (json!({"status": "pending", "pending_id": "p"}), "invalid-field"),
        (json!({"status": "reversed", "pending_id": "p"}), "invalid-field"),
        (json!({"reversal_of": "p"}), "invalid-field"),
        (json!({"status": "pending", "reversal_of": "p"}), "invalid-field"),
        (json!({"date": ""}), "invalid-field"),
        (json!({"date": "yesterday"}), "invalid-field"),
        (json!({"date": "2026-02-30"}), "invalid-field"),
        (json!({"date": "20.11.2026"}), "invalid-field"),
        (json!({"date": "2026-11-20T10:00:00"}), "invalid-field"),
        (json!({"date": tomorrow}), "date-in-future"),
        (json!({"date": "9999-12-31"}), "date-in-future"),
        (json!({"date": days_after(today, -TAKEN_DAYS - 1)}), "outside-window"),
        (json!({"date": "0000-01-01"}), "outside-window"),
        (json!({"amount": "0"}), "invalid-amount"),
        (json!({"amount": "-1.00"}), "invalid-amount"),
        (json!({"amount": "1.001"}), "invalid-amount"),
        (json!({"amount": "1e3"}), "invalid-amount"),
        (json!({"amount": ""}), "invalid-amount"),
        (json!({"amount": "92233720368547758.08"}), "invalid-amount"),
        (json!({"amount": 5}), "invalid-amount"),
        (json!({"amount": 5.5}), "invalid-amount"),
        (json!({"currency": "USD"}), "currency-mismatch"),
        (json!({"currency": "EURO"}), "unknown-currency"),
        (json!({"currency": ""}), "unknown-currency"),
        (json!({"from_account": long(65)}), "invalid-field"),
        (json!({"to_account": long(65)}), "invalid-field"),
        (json!({"to_account": "\u{fc}".repeat(33)}), "invalid-field"),
        (json!({"from_account": "a\u{1b}"}), "invalid-field"),
        (json!({"description": long(1_025)}), "invalid-field"),
        (json!({"description": "a\u{0}"}), "invalid-field"),
        (json!({"merchant": {"id": long(65)}}), "invalid-field"),
        (json!({"merchant": {"name": long(257)}}), "invalid-field"),
        (json!({"merchant": {"name": "a\tb"}}), "invalid-field"),
        (json!({"merchant": {"category_code": "541"}}), "invalid-field"),
        (json!({"merchant": {"category_code": "54111"}}), "invalid-field"),
        (json!({"merchant": {"category_code": "abcd"}}), "invalid-field"),
        (json!({"merchant": {"category_code": "+541"}}), "invalid-field"),
        (json!({"merchant": {"category_code": 10_000}}), "invalid-field"),
    ]
}

/// Lines that are no lines.
fn malformed(good: &Value) -> Vec<Value> {
    let mut lines: Vec<Value> = [
        json!({"colour": "red"}),
        json!({"transaction_id": null}),
        json!({"transaction_id": 5}),
        json!({"date": null}),
        json!({"date": 20_261_120}),
        json!({"status": null}),
        json!({"amount": null}),
        json!({"amount": ["1.00"]}),
        json!({"amount": true}),
        json!({"currency": null}),
        json!({"currency": 978}),
        json!({"description": 5}),
        json!({"merchant": "Cafe"}),
        json!({"merchant": {"colour": "red"}}),
        json!({"merchant": {"name": ["Cafe"]}}),
        json!({"merchant": {"category_code": 54.11}}),
        json!({"merchant": {"category_code": -1}}),
        json!({"merchant": {"category_code": ["5411"]}}),
        // Values without names are not an object.
        json!({"merchant": ["m-1", "Cafe", "5411"]}),
        json!({"merchant": [null, null, null]}),
    ]
    .iter()
    .map(|members| with(good, members))
    .collect();
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    let values =
        json!(["bad", good["date"], "posted", null, null, "1.00", "EUR", null, null, null, null]);
    lines.extend([json!([]), json!({}), Value::Null, json!(5), json!("line"), values, deep]);
    lines
}

#[test]
fn a_hostile_line_fails_alone() {
    let (_server, mut client, today) = server();
    client.open("alice");
    let bad = purchase("bad", &today, "1.00");
    let mut cases: Vec<Case> = Vec::new();
    let good = |number: usize| (purchase(&format!("g{number}"), &today, "1.00"), "new", None);
    for (members, code) in nonsense(&today) {
        cases.push(good(cases.len()));
        cases.push((with(&bad, &members), "refused", Some(code)));
    }
    for line in malformed(&bad) {
        cases.push(good(cases.len()));
        cases.push((line, "refused", Some("malformed-request")));
    }
    check(&mut client, "alice", &cases);
    // What was refused was not remembered.
    check(&mut client, "alice", &[(bad.clone(), "new", None)]);
    let empty = json!({"pending_id": null, "reversal_of": null, "merchant": null,
        "description": null, "from_account": null, "to_account": null});
    let mut line = bad;
    line.as_object_mut().expect("an object").extend(empty.as_object().expect("one").clone());
    check(&mut client, "alice", &[(line, "duplicate", None)]);
    client.assert_balanced();
}

#[test]
fn lines_in_are_lines_out_in_their_order() {
    let (_server, mut client, today) = server();
    client.open("alice");
    let good = |id: &str| purchase(id, &today, "1.00").to_string();
    let text = format!(
        "{}\r\n\n{{\"transaction_id\": \n{}\n[]\n\"x\"\n\u{fffd}\n{} x\n{}\n",
        good("t1"),
        good("t2"),
        good("t3"),
        good("t1")
    );
    let path = lines_of("alice");
    let send = |media: &str, text: &[u8]| Request::new("POST", &*path).body(media, text);
    let answer = client.send(&send(NDJSON, text.as_bytes()));
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some(NDJSON));
    let lines = answer.lines();
    let expected =
        ["new", "refused", "new", "refused", "refused", "refused", "refused", "duplicate"];
    assert_eq!(statuses(&lines), expected);
    assert_eq!(lines[2], json!({"index": 2, "transaction_id": "t2", "status": "new"}));
    // Bytes that are no text spoil their line only; what begins with a bracket is an array.
    let raw = [good("t4").as_bytes(), b"\n\xff\xfe\n", good("t5").as_bytes()].concat();
    let answer = client.send(&send(NDJSON, &raw));
    assert_eq!(statuses(&answer.lines()), ["new", "refused", "new"]);
    for media in ["application/ndjson", "application/jsonl", JSON] {
        let answer = client.send(&send(media, good("t5").as_bytes()));
        assert_eq!(statuses(&answer.lines()), ["duplicate"], "{media}");
    }
    let array = format!(" [{},{}]", good("t5"), good("t6"));
    let answer = client.send(&send(NDJSON, array.as_bytes())).expect(202);
    assert_eq!(statuses(items(&answer)), ["duplicate", "new"]);
    // A body without any line is a call without any.
    let nothing = client.send(&send(NDJSON, b"\n \n"));
    assert_eq!((nothing.status, nothing.body.len()), (202, 0), "{}", nothing.text());
    let counts = json!({"new": 0, "duplicate": 0, "conflict": 0, "refused": 0});
    assert_eq!(client.take("alice", &[]), json!({"items": [], "counts": counts}));
}

#[test]
fn what_is_not_a_call_is_refused_whole() {
    let (_server, mut client, today) = server();
    client.open("alice");
    let path = lines_of("alice");
    for text in ["[1,", "[}", "[1] 2", "[\u{0}]", "["] {
        let answer = client.send(&Request::new("POST", &*path).body(JSON, text));
        answer.problem(400, "malformed-request");
    }
    let one = json!([purchase("t1", &today, "1.00")]);
    let answer = client.send(&Request::new("POST", &*path).body("text/plain", one.to_string()));
    answer.problem(415, "unsupported-media-type");
    client.register("shop");
    client.announce(&campaign_body("coffee", &today, &today));
    for nobody in ["nobody", "no%20body", "shop", "coffee", "%FF"] {
        let answer = client.send(&Request::post(lines_of(nobody), &one));
        answer.problem(404, "wallet-not-found");
        client.send(&Request::post(lines_of(nobody), &json!([]))).problem(404, "wallet-not-found");
    }
    for method in ["GET", "PUT", "DELETE"] {
        client.send(&Request::new(method, &*path)).problem(405, "method-not-allowed");
    }
    client.take_new("alice", &[purchase("t1", &today, "1.00")]);
}

#[test]
fn ten_thousand_lines_are_one_call_and_no_more() {
    let (_server, mut client, today) = server();
    client.open("alice");
    let day = |number: usize| days_after(&today, -i32::try_from(number % 30).expect("small"));
    let line = |number: usize| purchase(&format!("t{number}"), &day(number), "1.00").to_string();
    let lines: Vec<String> = (0..=LINES_MAX).map(line).collect();
    let path = lines_of("alice");
    let array = |lines: &[String]| format!("[{}]", lines.join(","));
    for (media, text) in [(NDJSON, lines.join("\n")), (JSON, array(&lines))] {
        let answer = client.send(&Request::new("POST", &*path).body(media, text));
        answer.problem(413, "body-too-large");
    }
    let whole = lines[..LINES_MAX].join("\n");
    let answer = client.send(&Request::new("POST", &*path).body(NDJSON, whole));
    assert_eq!(answer.status, 202, "{}", answer.text());
    let answers = answer.lines();
    assert_eq!(answers.len(), LINES_MAX);
    for (index, line) in answers.iter().enumerate() {
        assert_eq!((&line["index"], &line["status"]), (&json!(index), &json!("new")));
    }
    // The same as an array, one of them changed and one refused.
    let mut lines = lines[..LINES_MAX].to_vec();
    lines[7_777] = purchase("t7777", &today, "1.01").to_string();
    lines[123] = "{}".to_owned();
    let answer = client.send(&Request::new("POST", &*path).body(JSON, array(&lines))).expect(202);
    let expected = json!({"new": 0, "duplicate": LINES_MAX - 2, "conflict": 1, "refused": 1});
    assert_eq!(answer["counts"], expected);
    assert_eq!(answer["items"][7_777]["status"], "conflict");
    assert_eq!(answer["items"][123]["status"], "refused");
}

#[test]
fn more_than_can_wait_gets_through_when_it_is_sent_again() {
    let (_server, mut client, today) = server();
    client.open("alice");
    client.announce(&campaign_body("c", &today, &today));
    let long = json!({"description": "d".repeat(1_024), "from_account": "f".repeat(64),
        "to_account": "t".repeat(64),
        "merchant": {"id": "i".repeat(64), "name": "n".repeat(256), "category_code": "5411"}});
    let line = |number: usize| with(&purchase(&format!("t{number:062}"), &today, "1.00"), &long);
    let lines: Vec<String> = (0..LINES_MAX).map(|number| line(number).to_string()).collect();
    let request = Request::new("POST", lines_of("alice")).body(NDJSON, lines.join("\n"));
    let answers = eventually("all lines are taken", || {
        let answer = client.send(&request);
        if answer.status == 202 {
            return Some(answer.lines());
        }
        answer.problem(503, "overloaded");
        assert!(answer.header("retry-after").is_some(), "{}", answer.text());
        None
    });
    let known = |line: &Value| line["status"] == "new" || line["status"] == "duplicate";
    assert!(answers.len() == LINES_MAX && answers.iter().all(known));
    let again = client.send(&request).lines();
    assert!(again.iter().all(|line| line["status"] == "duplicate"));
    client.wait_looked_at("alice");
    client.wait_drawn("c", LINES_MAX);
}

#[test]
fn a_body_above_its_limit_is_refused_whatever_it_says() {
    let (_server, mut client, today) = server();
    client.open("alice");
    let huge = with(&purchase("t1", &today, "1.00"), &json!({"description": "x".repeat(1 << 16)}));
    let line = format!("{huge}\n");
    let refused = client.send(&Request::new("POST", lines_of("alice")).body(NDJSON, line.clone()));
    assert_eq!(statuses(&refused.lines()), ["refused"]);
    let answer = client
        .try_send(&Request::new("POST", lines_of("alice")).body(NDJSON, line.repeat(600)))
        .map(|answer| answer.status);
    // The server may answer and close before it has read everything.
    assert!(answer.is_err() || answer.is_ok_and(|status| status == 413));
    client.take_new("alice", &[purchase("t1", &today, "1.00")]);
}

#[test]
fn the_window_ends_at_its_edges() {
    let (_server, mut client, today) = server();
    client.open("alice");
    let line = |id: &str, days: i32| purchase(id, &days_after(&today, days), "1.00");
    // At noon in UTC tomorrow has begun somewhere on Earth.
    let cases: Vec<Case> = vec![
        (line("future", 2), "refused", Some("date-in-future")),
        (line("ahead", 1), "new", None),
        (line("now", 0), "new", None),
        (line("last", -TAKEN_DAYS), "new", None),
        (line("old", -TAKEN_DAYS - 1), "refused", Some("outside-window")),
    ];
    check(&mut client, "alice", &cases);
    client.pass_to(&format!("{}T09:00:00Z", days_after(&today, 1)));
    // At nine it has not.
    let cases: Vec<Case> = vec![
        (line("future", 2), "refused", Some("date-in-future")),
        (line("ahead", 1), "duplicate", None),
        (line("last", -TAKEN_DAYS), "refused", Some("outside-window")),
        (line("first", -TAKEN_DAYS + 1), "new", None),
    ];
    check(&mut client, "alice", &cases);
    client.pass_to_noon(&days_after(&today, 1));
    check(&mut client, "alice", &[(line("future", 2), "new", None)]);
    // What has left the window is refused, not new; what is in it is known.
    client.pass_to_noon(&days_after(&today, TAKEN_DAYS));
    let cases: Vec<Case> = vec![
        (line("now", 0), "duplicate", None),
        (line("ahead", 1), "duplicate", None),
        (line("first", -TAKEN_DAYS + 1), "refused", Some("outside-window")),
        (line("another", 0), "new", None),
    ];
    check(&mut client, "alice", &cases);
    client.pass_to_noon(&days_after(&today, TAKEN_DAYS + 1));
    let cases: Vec<Case> = vec![
        (line("now", 0), "refused", Some("outside-window")),
        (line("ahead", 1), "duplicate", None),
    ];
    check(&mut client, "alice", &cases);
}

#[test]
fn an_instant_counts_by_its_date_in_utc() {
    let (_server, mut client, today) = server();
    client.open("alice");
    let yesterday = days_after(&today, -1);
    let line = |id: &str, date: String| purchase_at(id, &date, "1.00", &json!({"name": "Cafe"}));
    client.take_new(
        "alice",
        &[
            line("t1", format!("{today}T01:00:00+02:00")),
            line("t2", format!("{yesterday}T23:30:00-01:00")),
        ],
    );
    let cases: Vec<Case> =
        vec![(line("t1", yesterday), "duplicate", None), (line("t2", today), "duplicate", None)];
    check(&mut client, "alice", &cases);
}

#[test]
fn a_call_with_a_key_is_answered_the_same_again() {
    let (mut server, mut client, today) = server();
    client.open("alice");
    let lines: Vec<_> = (0..1_200).map(|n| purchase(&format!("t{n}"), &today, "1.00")).collect();
    let call = |lines: &[Value]| Request::post(lines_of("alice"), &json!(lines)).key("k");
    let first = client.send(&call(&lines));
    assert!(!first.is_replay());
    assert_eq!(first.expect(202)["counts"]["new"], 1_200);
    client.wait_looked_at("alice");
    for _ in 0..2 {
        let before = client.records();
        let again = client.send(&call(&lines));
        assert!(again.is_replay(), "{}", again.text());
        assert_eq!(again.text(), first.text(), "as it was answered");
        client.send(&call(&lines[1..])).problem(422, "idempotency-key-reused");
        assert_eq!(client.records(), before);
        server.kill();
        server.restart();
        client = server.client();
    }
    let bad = Request::post(lines_of("alice"), &json!(lines)).key("a b");
    client.send(&bad).problem(400, "malformed-request");
    let other = client.send(&Request::post(lines_of("alice"), &json!(lines)).key("other"));
    assert_eq!(other.expect(202)["counts"]["duplicate"], 1_200);
    // Another wallet's keys are its own.
    client.open("bob");
    let bob = client.send(&Request::post(lines_of("bob"), &json!(lines[..3])).key("k"));
    assert_eq!(bob.expect(202)["counts"]["new"], 3);
}
