//! Bodies that attack the server: too large, too deep, too slow, with lengths that lie, or with
//! JSON that two readers would read in two ways.
//!
//! The server answers without reading what it does not want, lets nobody hold a connection by
//! sending nothing, and serves others meanwhile. What is not said clearly moves nothing.

use std::io::Write;
use std::thread;
use std::time::Instant;

use crate::harness::{DEADLINE, Launch, Server};
use crate::http::{JSON, Request, connect, read_answer, send_bytes};

const FIFTY_MEGABYTES: usize = 50 * 1024 * 1024;

fn head(path: &str, lines: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\
         Idempotency-Key: k\r\n{lines}\r\n\r\n"
    )
}

#[test]
fn a_body_declared_too_large_is_refused_unread() {
    let server = Server::start();
    let mut client = server.client();
    client.open("alice");
    for path in ["/v1/wallets", "/v1/wallets/alice/deposits", "/v1/payments", "/v1/providers"] {
        let head = head(path, &format!("Content-Length: {FIFTY_MEGABYTES}"));
        // Nothing of the body is ever sent: an answer shows that nobody waited for it.
        send_bytes(server.address(), head.as_bytes()).problem(413, "body-too-large");
    }
    assert_eq!(client.posted("alice"), "0.00");
}

#[test]
fn a_body_without_a_length_is_cut_off_when_it_is_too_large() {
    let server = Server::start();
    let mut stream = connect(server.address()).expect("the server listens");
    let mut writer = stream.get_ref().try_clone().expect("a socket can be shared");
    let sender = thread::spawn(move || {
        let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
        let head = head("/v1/payments", "Transfer-Encoding: chunked");
        let mut sent = 0;
        let mut result = writer.write_all(head.as_bytes());
        while result.is_ok() && sent < FIFTY_MEGABYTES {
            result = writer.write_all(chunk.as_bytes());
            sent += 0x10000;
        }
        sent
    });
    read_answer(&mut stream).expect("an answer comes").problem(413, "body-too-large");
    drop(stream);
    assert!(sender.join().expect("the sender does not panic") > 0);
    server.client().get("/livez").expect_ok();
}

#[test]
fn a_body_that_never_ends_times_out() {
    let server = Server::start_with(Launch::with("BURSAR__SERVER__BODY_TIMEOUT_MS", "300"));
    let head = head("/v1/payments", "Content-Length: 100");
    let start = Instant::now();
    let slow = format!("{head}{{\"wallet\"");
    send_bytes(server.address(), slow.as_bytes()).problem(408, "request-timeout");
    assert!(start.elapsed() < DEADLINE / 3, "{:?}", start.elapsed());
    server.client().get("/livez").expect_ok();
}

#[test]
fn a_batch_that_never_ends_times_out() {
    let server = Server::start_with(Launch::with("BURSAR__SERVER__BODY_TIMEOUT_MS", "300"));
    let head = head("/v1/batch", "Transfer-Encoding: chunked");
    let slow =
        format!("{}5\r\n{{\"op\"\r\n", head.replace("application/json", "application/x-ndjson"));
    send_bytes(server.address(), slow.as_bytes()).problem(408, "request-timeout");
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_body_moves_nothing() {
    let server = Server::start();
    let mut client = server.client();
    client.open("alice");
    let head = head("/v1/wallets/alice/deposits", "Content-Length: 100");
    for _ in 0..50 {
        let mut stream = connect(server.address()).expect("the server listens");
        let part = format!("{head}{{\"amount\":\"1.00\",");
        stream.get_mut().write_all(part.as_bytes()).expect("the head can be sent");
    }
    assert_eq!(client.posted("alice"), "0.00");
}

#[test]
fn a_name_that_stands_twice_is_refused() {
    let server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "1.00");
    client.register("shop");
    let payment = r#""wallet":"alice","provider":"shop","amount":"0.10","currency":"EUR""#;
    for (path, body) in [
        ("/v1/payments", format!(r#"{{{payment},"amount":"0.20"}}"#)),
        ("/v1/payments", format!(r#"{{{payment},"\u0061mount":"0.20"}}"#)),
        ("/v1/payments", format!(r#"{{{payment},"metadata":{{"a":"1","a":"2"}}}}"#)),
        ("/v1/payments", format!(r#"{{{payment},"metadata":{{"a":"1","\u0061":"2"}}}}"#)),
        ("/v1/providers", r#"{"name":"a","name":"b","currency":"EUR"}"#.to_owned()),
        (
            "/v1/providers",
            r#"{"name":"a","currency":"EUR","account":"a",
                "settlement":{"every":"day","every":"week"}}"#
                .to_owned(),
        ),
    ] {
        let answer = client.send(&Request::new("POST", path).key("k").body(JSON, body.clone()));
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        answer.problem(400, "malformed-request");
    }
    assert_eq!(client.posted("alice"), "1.00");
}

#[test]
fn a_list_of_values_is_not_taken_for_an_object() {
    let server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "1.00");
    client.register("shop");
    let paid = client.pay("alice", "shop", "p1", "0.50").expect(201);
    let refunds = format!("/v1/payments/{}/refunds", paid["id"].as_str().expect("an id"));
    let settlement = r#"["day",null,null,null]"#;
    for (path, body) in [
        ("/v1/payments", r#"["alice","shop","0.10","EUR",null,null,null]"#.to_owned()),
        ("/v1/wallets/alice/deposits", r#" ["1.00","EUR","external",null,null]"#.to_owned()),
        (&refunds, "[null,null]".to_owned()),
        ("/v1/wallets", r#"[null,"EUR",null,null,null,null]"#.to_owned()),
        (
            "/v1/providers",
            format!(r#"{{"name":"a","currency":"EUR","account":"a","settlement":{settlement}}}"#),
        ),
    ] {
        let answer = client.send(&Request::new("POST", path).key("k").body(JSON, body.clone()));
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        answer.problem(400, "malformed-request");
    }
    assert_eq!(client.posted("alice"), "0.50");
}

#[test]
fn nul_and_other_invisible_bytes_are_refused() {
    let server = Server::start();
    let mut client = server.client();
    client.open("alice");
    let fields = r#""amount":"1.00","currency":"EUR","method":"external""#;
    for (body, status) in [
        (format!("{{{fields}}}\0"), 400),
        (format!("\0{{{fields}}}"), 400),
        (format!("{{{fields},\0}}"), 400),
        (format!("\u{feff}{{{fields}}}"), 400),
        (format!(r#"{{{fields},"description":"a{}b"}}"#, '\0'), 400),
        (format!(r#"{{{fields},"description":"\ud800"}}"#), 400),
        (format!(r#"{{{fields},"description":"a\u0000b"}}"#), 422),
        (format!(r#"{{{fields},"description":"a\u001bb"}}"#), 422),
        (fields.replacen("1.00", r"1.\u00000", 1).replace("\"amount", "{\"amount") + "}", 422),
    ] {
        let request = Request::new("POST", "/v1/wallets/alice/deposits").key("k");
        let answer = client.send(&request.body(JSON, body.clone()));
        assert_eq!(answer.status, status, "{body:?}: {}", answer.text());
    }
    assert_eq!(client.posted("alice"), "0.00");
}

#[test]
fn json_that_is_ten_thousand_deep_is_malformed() {
    let server = Server::start();
    let mut client = server.client();
    client.open("alice");
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let inside = format!("{{\"id\":\"bob\",\"currency\":\"EUR\",\"owner\":{deep}}}");
    for body in [deep, objects, inside] {
        for path in ["/v1/wallets", "/v1/payments", "/v1/providers"] {
            let request = Request::new("POST", path).key("k").body(JSON, body.clone());
            client.send(&request).problem(400, "malformed-request");
        }
    }
    client.get("/livez").expect_ok();
}

#[test]
fn two_lengths_in_one_request_are_refused() {
    let server = Server::start();
    let head = head("/v1/wallets", "Content-Length: 5\r\nContent-Length: 6");
    let answer = send_bytes(server.address(), format!("{head}hello").as_bytes());
    assert_eq!(answer.status, 400, "{}", answer.text());
    server.client().get("/livez").expect_ok();
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let server = Server::start();
    let head = head("/v1/wallets", &format!("X-Filler: {}", "x".repeat(1024 * 1024)));
    let answer = send_bytes(server.address(), head.as_bytes());
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    server.client().get("/livez").expect_ok();
}
