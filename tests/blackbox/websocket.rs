//! WebSocket as hostile clients speak it: frames that the protocol forbids, frames without end,
//! clients that stop reading.
//!
//! Each of them loses its connection and nothing else: the server goes on, and the place of a
//! reader that went away is free again. Frames are written by hand here, because a good library
//! would refuse to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use crate::bank::major;
use crate::harness::{Launch, Server, eventually};
use crate::http::{Client, connect, read_head};
use crate::streams::Outcomes;

/// A connection that has shaken hands.
fn open(address: SocketAddr, query: &str) -> TcpStream {
    let mut stream = connect(address).expect("the server listens");
    let request = format!(
        "GET /v1/outcomes?{query} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.get_mut().write_all(request.as_bytes()).expect("a request can be sent");
    let (status, headers) = read_head(&mut stream).expect("an answer comes");
    assert_eq!(status, 101, "{headers:?}");
    stream.into_inner()
}

/// A masked frame; the mask is all zeros, so the payload stands there as it is.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..126) => bytes.push(0x80 | length.to_be_bytes()[1]),
        Ok(length) => {
            bytes.push(0x80 | 0x7e);
            bytes.extend(length.to_be_bytes());
        }
        Err(_) => {
            bytes.push(0x80 | 0x7f);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// How many readers of outcomes the server counts.
fn readers(server: &Server) -> u64 {
    let text = server.client().get("/metrics").text();
    let line = text.lines().find(|line| line.starts_with("bursar_outcome_readers "));
    let line = line.unwrap_or_else(|| panic!("no count of readers: {text}"));
    line.rsplit(' ').next().and_then(|number| number.parse().ok()).expect("a count")
}

#[test]
fn forbidden_frames_end_the_connection_and_nothing_else() {
    let server = Server::start();
    let lies = [&[0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], &b"x"[..]].concat();
    for (what, bytes) in [
        ("without a mask", vec![0x81, 0x02, b'h', b'i']),
        ("too large", frame(0x82, &[0; 5000])),
        ("far too large", frame(0x82, &vec![0; 1_000_000])),
        ("of a length that nobody has", lies),
        ("of an unknown kind", frame(0x8b, b"hi")),
        ("a ping in parts", frame(0x09, b"hi")),
        ("a ping that is too large", frame(0x89, &[0; 126])),
        ("a middle without a beginning", frame(0x80, b"hi")),
    ] {
        let mut stream = open(server.address(), "");
        // The server may close before it has read everything.
        drop(stream.write_all(&bytes));
        let mut rest = Vec::new();
        // A reset ends it as well as a close does.
        drop(stream.read_to_end(&mut rest));
        assert!(rest.len() < 200, "{what}: {rest:?}");
    }
    eventually("their places are free again", || (readers(&server) == 0).then_some(()));
    server.client().open_with("alice", "1.00");
}

#[test]
fn a_close_is_answered_and_frees_the_place() {
    let server = Server::start();
    let mut streams: Vec<_> = (0..50).map(|_| open(server.address(), "wallet=nobody")).collect();
    assert_eq!(readers(&server), 50);
    for stream in &mut streams {
        stream.write_all(&frame(0x88, &1000_u16.to_be_bytes())).expect("a frame can be sent");
    }
    for stream in &mut streams {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("the server closes");
        let close = [0x88, 0x02, 0x03, 0xe8];
        assert!(rest.ends_with(&close), "{rest:?}");
    }
    eventually("their places are free again", || (readers(&server) == 0).then_some(()));
}

#[test]
fn a_ping_is_answered_and_words_are_ignored() {
    let server = Server::start();
    let mut client = server.client();
    let mut stream = open(server.address(), "type=deposit.posted");
    for _ in 0..100 {
        stream.write_all(&frame(0x81, &[b'x'; 1000])).expect("a frame can be sent");
    }
    stream.write_all(&frame(0x89, b"are you there")).expect("a frame can be sent");
    let mut seen = Vec::new();
    let pong = [&[0x8a, 13], &b"are you there"[..]].concat();
    while !seen.windows(pong.len()).any(|part| part == pong) {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the pong comes");
        seen.push(byte[0]);
    }
    client.open_with("alice", "1.00");
    let mut text = vec![0; 20];
    stream.read_exact(&mut text).expect("outcomes go on");
    assert!(String::from_utf8_lossy(&text).contains("cursor"), "{text:?}");
}

#[test]
fn no_more_readers_than_are_allowed() {
    let server = Server::start_with(Launch::with("BURSAR__OUTCOMES__READERS_MAX", "3"));
    let open: Vec<_> = (0..3).map(|_| Outcomes::open(server.address(), "")).collect();
    assert_eq!(Outcomes::try_open(server.address(), "").err(), Some(503));
    server.client().get("/v1/outcomes/events").problem(503, "overloaded");
    drop(open);
    eventually("a place is free again", || Outcomes::try_open(server.address(), "").ok());
}

/// Deposits of a cent with so many words that a thousand of them come to most of a megabyte.
fn wordy_deposits(client: &mut Client, first: usize, count: usize) {
    let words = "w".repeat(500);
    let line = |number| {
        json!({"op": "deposit", "idempotency_key": format!("d{number}"), "wallet": "alice",
            "amount": "0.01", "currency": "EUR", "method": "external", "description": words})
    };
    let lines: Vec<Value> = (first..first + count).map(line).collect();
    for answer in client.batch("/v1/batch", &lines) {
        assert_eq!(answer["status"], 201, "{answer}");
    }
}

#[test]
fn a_reader_that_does_not_read_is_closed_and_resumes_without_a_gap() {
    let server = Server::start_with(Launch::with("BURSAR__OUTCOMES__BEHIND_MAX", "2000"));
    let mut client = server.client();
    client.open("alice");
    let mut outcomes = Outcomes::open(server.address(), "type=deposit.posted");
    wordy_deposits(&mut client, 0, 1);
    let mut last = outcomes.next();
    // More than the sockets hold and a reader may be behind, and nobody reads.
    for batch in 0..20 {
        wordy_deposits(&mut client, 1 + 1000 * batch, 1000);
    }
    let mut count = 1;
    let code = loop {
        match outcomes.next_or_end() {
            Ok(outcome) => last = outcome,
            Err(code) => break code,
        }
        count += 1;
        assert_eq!(last["data"]["balance_after"], major(count));
    };
    // Whose connection was full for too long finds its end instead.
    assert!(matches!(code, Some(4008) | None), "{code:?}");
    assert!(count < 20_001, "it was closed before the end");
    let cursor = last["cursor"].as_str().expect("a cursor");
    let query = format!("type=deposit.posted&cursor={cursor}");
    let mut outcomes = Outcomes::open(server.address(), &query);
    while count < 20_001 {
        count += 1;
        assert_eq!(outcomes.next()["data"]["balance_after"], major(count));
    }
}
