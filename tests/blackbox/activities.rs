//! Activities: what a provider did for members, submitted in bulk, each once for ever.
//!
//! Every line of a call is answered for itself, in its place. Whatever else happens, sending the
//! same lines again makes all of them known and none of them twice.

use serde_json::{Value, json};

use crate::bank::{major, minor};
use crate::harness::{Server, bursar};
use crate::http::{Client, JSON, NDJSON, Request};
use crate::providers_desk::{days_after, items, line, server, statuses};

/// The most lines of a call.
const LINES_MAX: usize = 100_000;

/// A server with a clinic that is paid every month.
fn clinic() -> (Server, Client, String) {
    let server = server();
    let mut client = server.client();
    client.register("clinic");
    let today = client.today();
    (server, client, today)
}

fn accrued(client: &mut Client, provider: &str) -> String {
    let balance = client.provider(provider)["balance"].clone();
    balance["accrued"].as_str().expect("an amount is a string").to_owned()
}

#[test]
fn each_line_is_new_a_duplicate_a_conflict_or_refused() {
    let (_server, mut client, today) = clinic();
    let good = |id: &str, amount: &str| line(id, "member-7", &today, amount);
    let with = |member: &str, value: Value| {
        let mut line = good("bad", "1.00");
        line[member] = value;
        line
    };
    let cases = [
        (good("a1", "25.00"), "new", None),
        (good("a2", "0.01"), "new", None),
        (good("a1", "25"), "duplicate", None),
        (good("a1", "25.01"), "conflict", None),
        (line("a1", "member-8", &today, "25.00"), "conflict", None),
        (with("amount", json!("0")), "refused", Some("invalid-amount")),
        (with("amount", json!(5)), "refused", Some("invalid-amount")),
        (with("amount", json!("-1.00")), "refused", Some("invalid-amount")),
        (with("amount", json!("1.001")), "refused", Some("invalid-amount")),
        (with("currency", json!("USD")), "refused", Some("currency-mismatch")),
        (with("currency", json!("EURO")), "refused", Some("unknown-currency")),
        (with("service_date", json!("yesterday")), "refused", Some("invalid-field")),
        (with("service_date", json!("2026-02-30")), "refused", Some("invalid-field")),
        (with("service_date", json!(days_after(&today, 2))), "refused", Some("invalid-field")),
        (with("service_date", json!(days_after(&today, -732))), "refused", Some("invalid-field")),
        (with("activity_id", json!("a b")), "refused", Some("invalid-id")),
        (with("activity_id", json!("")), "refused", Some("invalid-id")),
        (with("member", json!("")), "refused", Some("invalid-field")),
        (with("member", json!("m\u{7}")), "refused", Some("invalid-field")),
        (with("colour", json!("red")), "refused", Some("malformed-request")),
        (json!({"activity_id": "bad"}), "refused", Some("malformed-request")),
        (json!([1]), "refused", Some("malformed-request")),
        (Value::Null, "refused", Some("malformed-request")),
        (with("service_date", json!(days_after(&today, -731))), "new", None),
        (with("amount", json!("2.00")), "conflict", None),
    ];
    let lines: Vec<Value> = cases.iter().map(|case| case.0.clone()).collect();
    let answer = client.submit("clinic", &lines);
    for (index, ((line, status, code), item)) in cases.iter().zip(items(&answer)).enumerate() {
        assert_eq!(item["index"], index, "{item}");
        assert_eq!(item["status"], *status, "{line}: {item}");
        assert_eq!(item["code"].as_str(), *code, "{line}: {item}");
        assert_eq!(item["detail"].is_string(), code.is_some(), "{line}: {item}");
    }
    assert_eq!(answer["items"].as_array().map(Vec::len), Some(cases.len()));
    let count = |status: &str| cases.iter().filter(|case| case.1 == status).count();
    let expected = json!({"new": count("new"), "duplicate": count("duplicate"),
        "conflict": count("conflict"), "refused": count("refused")});
    assert_eq!(answer["counts"], expected);
    assert_eq!(accrued(&mut client, "clinic"), "26.01");
    let again = client.submit("clinic", &lines);
    assert_eq!(again["counts"]["new"], 0, "{again}");
    assert_eq!(again["counts"]["duplicate"], 4, "{again}");
    assert_eq!(accrued(&mut client, "clinic"), "26.01");
}

#[test]
fn a_refused_line_may_come_again_corrected() {
    let (_server, mut client, today) = clinic();
    let refused = line("a1", "m", &days_after(&today, 5), "1.00");
    assert_eq!(statuses(items(&client.submit("clinic", &[refused]))), ["refused"]);
    client.submit_new("clinic", &[line("a1", "m", &today, "1.00")]);
    assert_eq!(accrued(&mut client, "clinic"), "1.00");
}

#[test]
fn lines_in_are_lines_out_in_their_order() {
    let (_server, mut client, today) = clinic();
    let good = |id: &str| line(id, "m", &today, "1.00").to_string();
    let text = format!(
        "{}\r\n\n{{\"activity_id\": \n{}\n[]\n\"x\"\n\u{fffd}\n{}\n",
        good("a1"),
        good("a2"),
        good("a1")
    );
    let path = "/v1/providers/clinic/activities";
    let answer = client.send(&Request::new("POST", path).body(NDJSON, text));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some(NDJSON));
    let lines = answer.lines();
    let expected = ["new", "refused", "new", "refused", "refused", "refused", "duplicate"];
    assert_eq!(statuses(&lines), expected);
    assert_eq!(lines[2], json!({"index": 2, "activity_id": "a2", "status": "new"}));
    // A body without any line is a call without any.
    let nothing = client.send(&Request::new("POST", path).body(NDJSON, "\n \n"));
    assert_eq!((nothing.status, nothing.body.len()), (200, 0), "{}", nothing.text());
    assert_eq!(client.submit("clinic", &[])["items"], json!([]));
}

#[test]
fn what_is_not_a_call_is_refused_whole() {
    let (_server, mut client, today) = clinic();
    let path = "/v1/providers/clinic/activities";
    let one = json!([line("a1", "m", &today, "1.00")]);
    for text in ["[1,", "[}", "[1] 2", "[\u{0}]"] {
        let answer = client.send(&Request::new("POST", path).body(JSON, text));
        answer.problem(400, "malformed-request");
    }
    let answer = client.send(&Request::new("POST", path).body("text/plain", one.to_string()));
    answer.problem(415, "unsupported-media-type");
    for nobody in ["nobody", "no%20body"] {
        let path = format!("/v1/providers/{nobody}/activities");
        client.send(&Request::post(&path, &one)).problem(404, "provider-not-found");
        client.get(&path).problem(404, "provider-not-found");
    }
    client.register_so("kiosk", &json!("immediate"));
    let path = "/v1/providers/kiosk/activities";
    client.send(&Request::post(path, &one)).problem(409, "settlement-is-immediate");
    assert_eq!(items(&client.get(path).expect(200)), &[] as &[Value]);
    let answer = client.send(&Request::new("DELETE", path));
    answer.problem(405, "method-not-allowed");
    assert_eq!(accrued(&mut client, "clinic"), "0.00");
}

/// Many lines, for 977 members.
fn many(count: usize, today: &str) -> Vec<String> {
    let one = |number: usize| {
        let (id, member) = (format!("act-{number}"), format!("member-{:03}", number % 977));
        let cents = u64::try_from(number % 500 + 1).expect("it is small");
        line(&id, &member, today, &major(cents)).to_string()
    };
    (0..count).map(one).collect()
}

fn sum_of(count: usize) -> i128 {
    (0..count).map(|number| i128::try_from(number % 500 + 1).expect("it is small")).sum()
}

#[test]
fn a_hundred_thousand_lines_are_one_call_and_no_more() {
    let (_server, mut client, today) = clinic();
    let path = "/v1/providers/clinic/activities";
    let lines = many(LINES_MAX + 1, &today);
    let array = |lines: &[String]| format!("[{}]", lines.join(","));
    for (media, text) in [(NDJSON, lines.join("\n")), (JSON, array(&lines))] {
        let answer = client.send(&Request::new("POST", path).body(media, text));
        answer.problem(413, "body-too-large");
    }
    let whole = lines[..LINES_MAX].join("\n");
    let answer = client.send(&Request::new("POST", path).body(NDJSON, whole));
    let answers = answer.lines();
    assert_eq!(answers.len(), LINES_MAX);
    for (index, line) in answers.iter().enumerate() {
        assert_eq!((&line["index"], &line["status"]), (&json!(index), &json!("new")));
    }
    let total = sum_of(LINES_MAX);
    assert_eq!(minor(&json!(accrued(&mut client, "clinic"))), total);
    // The same as an array, one of them changed.
    let mut lines = lines[..LINES_MAX].to_vec();
    lines[77_777] = line("act-77777", "somebody else", &today, "1.00").to_string();
    let answer = client.send(&Request::new("POST", path).body(JSON, array(&lines))).expect(200);
    let expected = json!({"new": 0, "duplicate": LINES_MAX - 1, "conflict": 1, "refused": 0});
    assert_eq!(answer["counts"], expected);
    assert_eq!(answer["items"][77_777]["status"], "conflict");
    assert_eq!(minor(&json!(accrued(&mut client, "clinic"))), total);
    // And they are reimbursed by member.
    client.pass_the_end("clinic");
    let list = client.reimbursements("clinic");
    let id = list[1]["id"].as_str().expect("it is closed");
    let whole = client.reimbursement("clinic", id, 400);
    assert_eq!(minor(&whole["total"]), total);
    assert_eq!(whole["lines"].as_array().map(Vec::len), Some(977));
}

#[test]
fn lines_cut_off_by_a_kill_are_sent_again_and_count_once() {
    let (mut server, mut client, today) = clinic();
    let lines = many(40_000, &today);
    let request =
        Request::new("POST", "/v1/providers/clinic/activities").body(NDJSON, lines.join("\n"));
    for kill in 0..6_u64 {
        let (address, request) = (server.address(), request.clone());
        let sending = std::thread::spawn(move || Client::new(address).try_send(&request));
        // Each kill comes when the call has got a little further.
        let before = minor(&json!(accrued(&mut client, "clinic")));
        if kill % 2 == 0 {
            crate::harness::eventually("some lines are noted", || {
                let now = minor(&json!(accrued(&mut client, "clinic")));
                (now > before || before == sum_of(40_000) || sending.is_finished()).then_some(())
            });
        }
        server.kill();
        // It may have been answered before, or not.
        drop(sending.join().expect("a sender does not panic"));
        server.restart();
        client = server.client();
    }
    let answer = client.send(&request);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let known = answer.lines();
    assert!(known.iter().all(|line| line["status"] == "new" || line["status"] == "duplicate"));
    let again = client.send(&request).lines();
    assert!(again.iter().all(|line| line["status"] == "duplicate"));
    assert_eq!(minor(&json!(accrued(&mut client, "clinic"))), sum_of(40_000));
    assert_eq!(client.provider("clinic")["period"]["activities"], 40_000);
    client.assert_settled();
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    let data = server.data();
    let verified = bursar(&["verify", "--data", data.to_str().expect("a path is text")]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
}

#[test]
fn an_activity_is_known_for_ever() {
    let (mut server, mut client, today) = clinic();
    client.submit_new("clinic", &[line("a1", "m", &today, "1.00")]);
    for round in 0..3 {
        client.command("/admin/checkpoint").expect(200);
        let passivated = client.command("/admin/actors/provider/clinic/passivate");
        assert_eq!(passivated.status / 100, 2, "{}", passivated.text());
        let other = line(&format!("b{round}"), "m", &today, "1.00");
        let lines = [line("a1", "m", &today, "1.00"), line("a1", "m", &today, "2.00"), other];
        let answer = client.submit("clinic", &lines);
        assert_eq!(statuses(items(&answer)), ["duplicate", "conflict", "new"]);
        server.kill();
        server.restart();
        client = server.client();
    }
    assert_eq!(accrued(&mut client, "clinic"), "4.00");
    // Another provider's ids are its own.
    client.register("garage");
    client.submit_new("garage", &[line("a1", "m", &today, "9.00")]);
}
