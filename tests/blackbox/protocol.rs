//! HTTP/1.1 itself, as good, careless and hostile clients write it.
//!
//! A request is one request, however it is framed, and its body is never taken for the next one:
//! whoever shares a connection (a proxy does, for all its clients) must not get another's answer.
//! What is framed wrongly is refused and moves nothing; who only holds a connection open keeps
//! nobody out.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};

use serde_json::json;

use crate::bank::deposit_body;
use crate::harness::{Launch, Server};
use crate::http::{Answer, Request, connect, read_answer, send_bytes};

/// A server where alice has nothing yet.
fn server_with_alice() -> Server {
    let server = Server::start();
    server.client().open("alice");
    server
}

/// The head of a deposit of alice, ready for the lines that frame its body.
fn head(key: &str, framing: &str) -> String {
    format!(
        "POST /v1/wallets/alice/deposits HTTP/1.1\r\nHost: test\r\nIdempotency-Key: {key}\r\n\
         Content-Type: application/json\r\n{framing}\r\n\r\n"
    )
}

/// A whole deposit of 1.00.
fn deposit(key: &str) -> String {
    let body = deposit_body("1.00").to_string();
    head(key, &format!("Content-Length: {}", body.len())) + &body
}

/// A deposit of 1.00 in chunks that are framed so.
fn chunked(key: &str, body: &str) -> String {
    head(key, "Transfer-Encoding: chunked") + body
}

const READ_ALICE: &str = "GET /v1/wallets/alice HTTP/1.1\r\nHost: test\r\n\r\n";

/// Sends everything at once on one connection and reads so many answers.
fn exchange(address: SocketAddr, bytes: &str, count: usize) -> Vec<Answer> {
    let mut stream = connect(address).expect("the server listens");
    stream.get_mut().write_all(bytes.as_bytes()).expect("requests can be sent");
    (0..count).map(|_| read_answer(&mut stream).expect("each request is answered")).collect()
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let server = server_with_alice();
    let requests: String = (0..50).map(|n| deposit(&format!("d{n}")) + READ_ALICE).collect();
    let answers = exchange(server.address(), &requests, 100);
    for (n, pair) in answers.chunks(2).enumerate() {
        let balance = format!("{}.00", n + 1);
        assert_eq!(pair[0].expect(201)["balance_after"], balance.as_str());
        assert_eq!(pair[1].expect(200)["balance"]["posted"], balance.as_str());
    }
}

#[test]
fn a_body_that_nobody_reads_is_not_taken_for_a_request() {
    let server = server_with_alice();
    let smuggled = deposit("smuggled");
    let length = smuggled.len();
    for (line, media_type, status) in [
        ("POST /nothing", "application/json", 404),
        ("DELETE /v1/payments", "application/json", 405),
        ("POST /v1/payments", "text/plain", 415),
        ("GET /livez", "application/json", 200),
    ] {
        let request = format!(
            "{line} HTTP/1.1\r\nHost: test\r\nContent-Type: {media_type}\r\n\
             Content-Length: {length}\r\n\r\n{smuggled}"
        );
        assert_eq!(exchange(server.address(), &request, 1)[0].status, status, "{line}");
    }
    assert_eq!(server.client().posted("alice"), "0.00", "no body was taken for a request");
}

#[test]
fn a_body_in_chunks_is_one_body() {
    let server = server_with_alice();
    let body = deposit_body("1.00").to_string();
    let (first, rest) = body.split_at(7);
    let framed = format!(
        "{:x};name=value\r\n{first}\r\n{:X}\r\n{rest}\r\n0\r\nX-Trailer: t\r\n\r\n",
        first.len(),
        rest.len()
    );
    let answers = exchange(server.address(), &(chunked("d1", &framed) + READ_ALICE), 2);
    answers[0].expect(201);
    assert_eq!(answers[1].expect(200)["balance"]["posted"], "1.00");
}

#[test]
fn chunks_with_junk_are_refused_and_move_nothing() {
    let server = server_with_alice();
    let body = deposit_body("1.00").to_string();
    let length = body.len();
    for junk in [
        format!("zz\r\n{body}\r\n0\r\n\r\n"),
        format!("-{length:x}\r\n{body}\r\n0\r\n\r\n"),
        format!("0x{length:x}\r\n{body}\r\n0\r\n\r\n"),
        format!("{length:x}\n{body}\n0\n\n"),
        format!("ffffffffffffffffff\r\n{body}"),
        format!("{:x}\r\n{body}\r\n0\r\n\r\n", length - 1),
        "\0\0\0\0".to_owned(),
    ] {
        let answer = send_bytes(server.address(), chunked("d1", &junk).as_bytes());
        answer.problem(400, "malformed-request");
    }
    assert_eq!(server.client().posted("alice"), "0.00");
}

#[test]
fn bodies_framed_in_two_ways_or_none_are_refused() {
    let server = server_with_alice();
    let body = deposit_body("1.00").to_string();
    let length = body.len();
    for framing in [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}"),
        "Transfer-Encoding: gzip".to_owned(),
        "Transfer-Encoding: chunked, chunked".to_owned(),
        format!("Content-Length: +{length}"),
        format!("Content-Length: -{length}"),
        format!("Content-Length: {length}, {length}"),
        "Content-Length: 99999999999999999999999".to_owned(),
        format!("Content-Length: {length}\r\nX-Nul: a\0b"),
        format!("Content-Length: {length}\r\nX-Folded: a\r\n b"),
    ] {
        let request = head("d1", &framing) + &body;
        let answer = send_bytes(server.address(), request.as_bytes());
        assert_eq!(answer.status, 400, "{framing}: {}", answer.text());
    }
    assert_eq!(server.client().posted("alice"), "0.00");
}

#[test]
fn http_1_0_is_answered_in_its_own_way() {
    let server = server_with_alice();
    let mut line = deposit_body("1.00");
    for (member, value) in [("op", "deposit"), ("wallet", "alice"), ("idempotency_key", "d2")] {
        line[member] = json!(value);
    }
    let line = line.to_string();
    let batch = format!(
        "POST /v1/batch HTTP/1.0\r\nContent-Type: application/x-ndjson\r\n\
         Content-Length: {}\r\nConnection: keep-alive\r\n\r\n{line}",
        line.len()
    );
    let one = deposit("d1").replace("HTTP/1.1", "HTTP/1.0");
    send_bytes(server.address(), one.as_bytes()).expect(201);
    let answer = send_bytes(server.address(), batch.as_bytes());
    assert_eq!(answer.header("transfer-encoding"), None, "HTTP/1.0 knows no chunks");
    assert_eq!(answer.expect(200)["status"], 201);
    assert_eq!(server.client().posted("alice"), "2.00");
}

#[test]
fn who_has_sent_all_and_says_so_is_answered() {
    let server = server_with_alice();
    for (number, request) in [deposit("d1"), deposit("d2") + READ_ALICE].iter().enumerate() {
        let mut stream = connect(server.address()).expect("the server listens");
        stream.get_mut().write_all(request.as_bytes()).expect("a request can be sent");
        stream.get_mut().shutdown(Shutdown::Write).expect("half of it can be closed");
        for _ in 0..=number {
            let answer = read_answer(&mut stream).expect("the answer still comes");
            assert!((200..300).contains(&answer.status), "{}", answer.text());
        }
        assert_eq!(stream.read(&mut [0]).expect("then the server closes too"), 0);
    }
    assert_eq!(server.client().posted("alice"), "2.00");
}

#[test]
fn who_stops_in_the_middle_moves_nothing() {
    let server = server_with_alice();
    let whole = deposit("d1");
    for cut in [10, whole.len() / 2, whole.len() - 1] {
        let mut stream = connect(server.address()).expect("the server listens");
        stream.get_mut().write_all(&whole.as_bytes()[..cut]).expect("a part can be sent");
        stream.get_mut().shutdown(Shutdown::Write).expect("half of it can be closed");
        let mut rest = String::new();
        stream.read_to_string(&mut rest).expect("the server closes");
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 4"), "{rest}");
    }
    assert_eq!(server.client().posted("alice"), "0.00");
}

#[test]
fn two_keys_in_one_request_are_refused() {
    let server = server_with_alice();
    let mut client = server.client();
    let request = Request::post("/v1/wallets/alice/deposits", &deposit_body("1.00"));
    client.send(&request.clone().key("k1").key("k2")).problem(400, "malformed-request");
    client.send(&request.key("k\u{e9}")).problem(400, "malformed-request");
    assert_eq!(client.posted("alice"), "0.00");
}

#[test]
fn heads_past_every_limit_are_refused() {
    let server = server_with_alice();
    let many: Vec<_> = (0..1000).map(|n| format!("X-{n}: 1\r\n")).collect();
    let many = many.concat();
    for head in [
        format!("GET /livez HTTP/1.1\r\nHost: test\r\n{many}\r\n"),
        format!("GET /livez HTTP/1.1\r\nHost: test\r\nX-Long: {}\r\n\r\n", "x".repeat(1_000_000)),
        format!("GET /{} HTTP/1.1\r\nHost: test\r\n\r\n", "x".repeat(1_000_000)),
        "GET /livez HTTP/9.9\r\nHost: test\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ] {
        let answer = send_bytes(server.address(), head.as_bytes());
        assert!((400..500).contains(&answer.status), "{}", answer.status);
    }
    server.client().get("/livez").expect_ok();
}

#[test]
fn every_answer_names_its_request() {
    let server = server_with_alice();
    let mut client = server.client();
    for path in ["/livez", "/metrics", "/v1/wallets/alice", "/nothing", "/docs"] {
        let own = client.get(path);
        assert!(own.header("x-request-id").is_some_and(|id| id.starts_with("req_")), "{path}");
        let given = client.send(&Request::new("GET", path).header("X-Request-Id", "order-17"));
        assert_eq!(given.header("x-request-id"), Some("order-17"), "{path}");
        for bad in ["x".repeat(1000), "a b".to_owned(), "\u{fc}".to_owned()] {
            let made = client.send(&Request::new("GET", path).header("X-Request-Id", bad));
            assert!(made.header("x-request-id").is_some_and(|id| id.starts_with("req_")));
        }
    }
}

#[test]
fn who_only_holds_connections_keeps_nobody_out() {
    let launch = Launch::with("BURSAR__SERVER__HEAD_TIMEOUT_MS", "300");
    let server = Server::start_with(launch);
    server.client().open("alice");
    let mut silent: Vec<_> =
        (0..500).map(|_| connect(server.address()).expect("the server listens")).collect();
    for slow in silent.iter_mut().step_by(2) {
        slow.get_mut().write_all(b"GET /livez HT").expect("a part can be sent");
    }
    assert_eq!(server.client().posted("alice"), "0.00");
    for stream in &mut silent {
        let mut rest = String::new();
        stream.read_to_string(&mut rest).expect("the server closes who sends nothing");
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408"), "{rest}");
    }
}
