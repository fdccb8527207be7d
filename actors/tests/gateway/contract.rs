//! The contract with the processor and the maker of documents: what is written, what is understood.
//!
//! Tables: a request and what it looks like; a status and a body and what they mean. Nothing here
//! touches a socket. What is not in the contract must come out as unknown, so the tables of faults
//! are longer than those of answers.

use std::time::Duration;

use bursar_actors::gateway::Attempt;
use bursar_actors::gateway::contract::{Malformed, Prepared, Seen, Verb, prepare, read};
use bursar_domain::call::Lane::Interactive;
use bursar_domain::call::{Reply, Request};
use serde_json::json;
use url::Url;

use crate::calls::{call, documents, mailing, pull, refund, void};

fn written(base: &str, key: &str, request: Request) -> Result<Prepared, Malformed> {
    prepare(&Url::parse(base).unwrap(), &call(key, Interactive, request))
}

#[test]
fn each_request_is_written_as_the_contract_says() {
    let base = "http://party:81";
    let pulled = json!({
        "direction": "pull", "account": "acc/1", "amount": "12.30", "currency": "EUR",
        "reference": "Müller \"GmbH\"",
    });
    let made = json!({
        "kind": "subscription", "subject": "inv_1",
        "data": { "investor": "Ann", "amount": "12.30 EUR" },
    });
    for (request, verb, path, body) in [
        (pull(), Verb::Post, "/processor/transactions", Some(pulled)),
        (Request::Find, Verb::Get, "/processor/transactions?key=a%2Fb%26c+d%2B", None),
        (
            refund("txn_1"),
            Verb::Post,
            "/processor/transactions/txn_1/refund",
            Some(json!({ "amount": "5" })),
        ),
        (documents(), Verb::Post, "/documents", Some(made)),
        (void("doc_1"), Verb::Delete, "/documents/doc_1", None),
    ] {
        let prepared = written(base, "a/b&c d+", request.clone()).unwrap();
        assert_eq!(prepared.verb, verb, "{request:?}");
        assert_eq!(prepared.url.as_str(), format!("{base}{path}"), "{request:?}");
        let sent = prepared.body.map(|body| serde_json::from_str(&body).unwrap());
        assert_eq!(sent, body, "{request:?}");
    }
}

#[test]
fn a_path_of_the_address_stands_before_the_contracts_paths() {
    for base in ["https://p.example/v2", "https://p.example/v2/"] {
        let prepared = written(base, "k", documents()).unwrap();
        assert_eq!(prepared.url.as_str(), "https://p.example/v2/documents");
    }
}

#[test]
fn an_id_cannot_leave_its_place_in_the_path() {
    let base = "http://p";
    for (id, path) in [
        ("a/b", "/documents/a%2Fb"),
        ("../x", "/documents/..%2Fx"),
        ("a?b#c", "/documents/a%3Fb%23c"),
        ("ä b", "/documents/%C3%A4%20b"),
    ] {
        let prepared = written(base, "k", void(id)).unwrap();
        assert_eq!(prepared.url.path(), path, "{id}");
    }
    for id in ["", ".", "..", "%2e%2e"] {
        let prepared = written(base, "k", refund(id));
        let changed = |prepared: &Prepared| prepared.url.path().split('/').count() == 5;
        assert!(prepared.as_ref().map_or(true, changed), "{id}: {prepared:?}");
    }
    assert!(written(base, "k", refund("..")).is_err());
    assert!(written(base, "k", mailing("a@b.example")).is_err());
}

/// What an answer means.
fn meaning(request: Request, status: u16, body: &str) -> Attempt {
    let seen = Seen { status, wait: None, body: Ok(body.as_bytes()) };
    read(&call("k1", Interactive, request), &seen)
}

fn done(id: &str) -> Attempt {
    Attempt::Answered(Reply::Done { id: id.into(), url: None })
}

#[test]
fn a_transaction_is_understood_by_its_status() {
    for request in [pull(), Request::Find, refund("t")] {
        for (body, attempt) in [
            (r#"{"id":"t1","status":"succeeded"}"#, done("t1")),
            (r#"{"id":"t1","status":"succeeded","code":null,"more":[1]}"#, done("t1")),
            (r#"{"id":"t1","status":"succeeded","key":"k1"}"#, done("t1")),
            (r#"{"id":"t1","status":"pending"}"#, Attempt::Answered(Reply::Pending)),
            (r#"{"id":"t1","status":"declined"}"#, Attempt::declined("declined", "")),
            (
                r#"{"id":"t1","status":"declined","code":"no-funds","detail":"a\nb"}"#,
                Attempt::declined("no-funds", "a b"),
            ),
            (
                r#"{"id":"t1","status":"declined","code":"not a word"}"#,
                Attempt::declined("declined", ""),
            ),
        ] {
            assert_eq!(meaning(request.clone(), 200, body), attempt, "{request:?} {body}");
        }
    }
}

#[test]
fn a_body_that_is_not_in_the_contract_is_unknown() {
    let long_id = format!(r#"{{"id":"{}","status":"succeeded"}}"#, "x".repeat(256));
    for body in [
        "",
        "null",
        "[]",
        "{}",
        "<html>",
        "\u{feff}{}",
        r#""succeeded""#,
        r#"{"status":"succeeded"}"#,
        r#"{"id":"t1"}"#,
        r#"{"id":"t1","status":"Succeeded"}"#,
        r#"{"id":"t1","status":"refunded"}"#,
        r#"{"id":"t1","status":""}"#,
        r#"{"id":"t1","status":true}"#,
        r#"{"id":"t1","status":null}"#,
        r#"{"id":1,"status":"succeeded"}"#,
        r#"{"id":"","status":"succeeded"}"#,
        r#"{"id":"a\u0000b","status":"succeeded"}"#,
        r#"{"id":"t1","status":"succeeded","key":"another"}"#,
        r#"{"id":"t1","status":"succeeded","code":7}"#,
        r#"{"id":"t1","status":"succeeded"}{}"#,
        r#"{"id":"t1","status":"succeeded""#,
        r#"[{"id":"t1","status":"succeeded"}]"#,
        long_id.as_str(),
    ] {
        for request in [pull(), Request::Find, refund("t")] {
            let attempt = meaning(request.clone(), 200, body);
            assert!(matches!(attempt, Attempt::Unknown { .. }), "{request:?} {body}: {attempt:?}");
        }
    }
    let not_utf8 = Seen { status: 200, wait: None, body: Ok(b"{\"id\":\"\xff\"}") };
    let attempt = read(&call("k", Interactive, pull()), &not_utf8);
    assert!(matches!(attempt, Attempt::Unknown { .. }));
}

#[test]
fn documents_are_understood() {
    let made = Attempt::Answered(Reply::Done {
        id: "d1".into(),
        url: Some("https://docs.example/d1".into()),
    });
    let good = r#"{"id":"d1","url":"https://docs.example/d1"}"#;
    for status in [200, 201] {
        assert_eq!(meaning(documents(), status, good), made);
        for body in [
            "",
            "{}",
            r#"{"id":"d1"}"#,
            r#"{"id":"d1","url":null}"#,
            r#"{"id":"d1","url":""}"#,
            r#"{"id":"d1","url":"a b"}"#,
            r#"{"id":"","url":"https://x"}"#,
            r#"{"url":"https://x"}"#,
        ] {
            let attempt = meaning(documents(), status, body);
            assert!(matches!(attempt, Attempt::Unknown { .. }), "{body}: {attempt:?}");
        }
    }
    assert!(matches!(meaning(documents(), 202, good), Attempt::Unknown { .. }));
    for (status, body) in [(204, ""), (200, "{}"), (200, ""), (404, "<html>"), (410, "")] {
        assert_eq!(meaning(void("d1"), status, body), done(""), "{status}");
    }
}

#[test]
fn a_4xx_is_a_definite_no_with_the_code_of_its_problem() {
    for (status, body, attempt) in [
        (400, "", Attempt::declined("http-400", "")),
        (402, "<html>", Attempt::declined("http-402", "")),
        (422, r#"{"code":"bad-account","detail":"No."}"#, Attempt::declined("bad-account", "No.")),
        (422, r#"{"code":"bad-account","title":"T"}"#, Attempt::declined("bad-account", "T")),
        (422, r#"{"code":7}"#, Attempt::declined("http-422", "")),
        (422, r#"{"code":"no word"}"#, Attempt::declined("http-422", "")),
        (404, r#"{"code":"account-not-found"}"#, Attempt::declined("account-not-found", "")),
        (418, "[]", Attempt::declined("http-418", "")),
    ] {
        for request in [pull(), refund("t"), documents()] {
            assert_eq!(meaning(request.clone(), status, body), attempt, "{request:?} {status}");
        }
    }
}

#[test]
fn what_is_our_own_fault_declines_nobody() {
    let coded = r#"{"code":"forbidden"}"#;
    for (status, body) in
        [(401, ""), (401, coded), (403, ""), (403, coded), (407, ""), (404, "<html>"), (405, "")]
    {
        for request in [pull(), refund("t"), documents()] {
            let attempt = meaning(request, status, body);
            assert!(matches!(attempt, Attempt::TurnedAway { .. }), "{status} {attempt:?}");
        }
    }
}

#[test]
fn a_4xx_that_leaves_it_open_is_no_definite_no() {
    let reused = r#"{"code":"idempotency-key-reused"}"#;
    for (status, body) in [(409, ""), (425, ""), (422, reused), (400, reused)] {
        let attempt = meaning(pull(), status, body);
        assert!(matches!(attempt, Attempt::Unclear { .. }), "{status} {attempt:?}");
    }
    assert!(matches!(meaning(pull(), 408, ""), Attempt::Unknown { .. }));
}

#[test]
fn only_404_says_that_a_key_was_never_seen() {
    for body in ["", "{}", r#"{"code":"transaction-not-found"}"#] {
        assert_eq!(meaning(Request::Find, 404, body), Attempt::Answered(Reply::NeverSeen));
    }
    for (status, turned_away) in
        [(400, false), (401, true), (403, true), (405, false), (408, false), (410, false)]
    {
        let kind = if turned_away { "turned-away" } else { "unclear" };
        assert_eq!(meaning(Request::Find, status, "").as_str(), kind, "{status}");
    }
}

#[test]
fn any_other_status_is_unknown() {
    let good = r#"{"id":"t1","status":"succeeded","url":"https://x"}"#;
    for status in [100, 101, 199, 202, 203, 206, 301, 302, 304, 307, 308, 500, 501, 502, 503, 599] {
        for request in [pull(), Request::Find, refund("t"), documents(), void("d")] {
            let attempt = meaning(request.clone(), status, good);
            assert!(matches!(attempt, Attempt::Unknown { .. }), "{request:?} {status}");
        }
    }
    for status in [0, 600, 999] {
        assert!(matches!(meaning(pull(), status, good), Attempt::Unknown { .. }));
    }
    for request in [pull(), Request::Find, refund("t")] {
        assert!(matches!(meaning(request, 201, good), Attempt::Unknown { .. }));
    }
}

#[test]
fn a_pause_is_asked_for_by_429_and_by_a_party_that_is_not_available() {
    let wait = Some(Duration::from_secs(3));
    for body in [Ok(&b"{}"[..]), Err("half a body")] {
        for request in [pull(), Request::Find, refund("t"), documents(), void("d")] {
            let call = call("k", Interactive, request);
            let attempt = read(&call, &Seen { status: 429, wait, body });
            assert_eq!(attempt, Attempt::Throttled { reason: "429".into(), wait });
        }
    }
    let seen = Seen { status: 503, wait, body: Ok(br#"{"code":"overloaded"}"#) };
    let attempt = read(&call("k", Interactive, pull()), &seen);
    assert_eq!(attempt, Attempt::Unknown { reason: "503 overloaded".into(), wait });
}

#[test]
fn an_answer_that_broke_off_is_no_answer() {
    for status in [200, 201, 204, 400, 401, 404, 422, 500] {
        for request in [pull(), Request::Find, refund("t"), documents(), void("d")] {
            let seen = Seen { status, wait: None, body: Err("half a body") };
            let attempt = read(&call("k", Interactive, request), &seen);
            assert!(matches!(attempt, Attempt::Unknown { .. }), "{status} {attempt:?}");
        }
    }
}
