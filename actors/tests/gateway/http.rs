//! Calls over real HTTP: what goes over the wire, and what is seen when the other side misbehaves.
//!
//! The server says raw bytes, so it can say what no library would. Waiting is never measured: a
//! server that hangs meets a short timeout, and what counts is what the attempt says then. Whether
//! a call was sent is the question behind each of them.

use std::sync::Arc;

use bursar_actors::clock::SystemClock;
use bursar_actors::gateway::http::{BODY_BYTES_MAX, HttpTransport};
use bursar_actors::gateway::{Attempt, PartySettings, Transport};
use bursar_domain::call::Lane::Interactive;
use bursar_domain::call::{Party, Reply, Request};

use crate::calls::{call, documents, pull, void};
use crate::peers::{Conduct, Peer, answer, http, nobody};

const SUCCEEDED: &str = r#"{"id":"t1","status":"succeeded"}"#;

fn settings(port: u16) -> PartySettings {
    let mut settings = PartySettings::of(Party::Processor);
    settings.url = format!("http://127.0.0.1:{port}").into();
    settings
}

fn transport(settings: &PartySettings) -> HttpTransport {
    HttpTransport::new(Party::Processor, settings, Arc::new(SystemClock)).unwrap()
}

async fn attempt(settings: &PartySettings, request: Request) -> Attempt {
    transport(settings).send(Arc::new(call("k1", Interactive, request))).await
}

/// What one call brings back when the server does this.
async fn meets(conduct: Conduct) -> (Attempt, Peer) {
    let peer = http([conduct]).await;
    (attempt(&settings(peer.port), pull()).await, peer)
}

fn done() -> Attempt {
    Attempt::Answered(Reply::Done { id: "t1".into(), url: None })
}

#[tokio::test]
async fn a_call_goes_out_with_key_token_and_body() {
    let peer = http([Conduct::Say(answer(200, "", SUCCEEDED))]).await;
    let mut settings = settings(peer.port);
    settings.token = Some("s3cret".into());
    assert_eq!(attempt(&settings, pull()).await, done());
    let heard = peer.heard().remove(0);
    assert!(heard.starts_with("POST /processor/transactions HTTP/1.1\r\n"), "{heard}");
    let (head, body) = heard.split_once("\r\n\r\n").unwrap();
    for header in [
        "idempotency-key: k1",
        "authorization: Bearer s3cret",
        "content-type: application/json",
        &format!("host: 127.0.0.1:{}", peer.port),
    ] {
        assert!(head.lines().any(|line| line == header), "{header}: {head}");
    }
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["amount"], "12.30");
}

#[tokio::test]
async fn a_question_goes_out_with_the_key_in_the_query_and_in_the_header() {
    let peer = http([Conduct::Say(answer(404, "", ""))]).await;
    let call = call("a b/1", Interactive, Request::Find);
    let attempt = transport(&settings(peer.port)).send(Arc::new(call)).await;
    assert_eq!(attempt, Attempt::Answered(Reply::NeverSeen));
    let heard = peer.heard().remove(0);
    assert!(heard.starts_with("GET /processor/transactions?key=a+b%2F1 HTTP/1.1\r\n"), "{heard}");
    assert!(heard.contains("\r\nidempotency-key: a b/1\r\n"), "{heard}");
    assert!(!heard.contains("authorization"), "{heard}");
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let made = answer(201, "", r#"{"id":"d1","url":"https://x/d1"}"#);
    let gone = b"HTTP/1.1 204 No Content\r\n\r\n".to_vec();
    let peer = http([Conduct::Say(made), Conduct::Say(gone)]).await;
    let transport = transport(&settings(peer.port));
    for request in [documents(), void("d1")] {
        let attempt = transport.send(Arc::new(call("k", Interactive, request))).await;
        assert!(matches!(attempt, Attempt::Answered(Reply::Done { .. })), "{attempt:?}");
    }
    assert_eq!((peer.connections(), peer.heard().len()), (1, 2));
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let attempt = attempt(&settings(nobody().await), pull()).await;
    let Attempt::NotSent { reason } = attempt else { panic!("{attempt:?}") };
    assert_eq!(reason.matches("refused").count(), 1, "{reason}");
}

#[tokio::test]
async fn a_name_that_nobody_has_means_nothing_was_sent() {
    let mut settings = settings(1);
    settings.url = "http://nobody.invalid".into();
    let attempt = attempt(&settings, pull()).await;
    assert!(matches!(attempt, Attempt::NotSent { .. }), "{attempt:?}");
}

#[tokio::test]
async fn whatever_goes_wrong_after_sending_is_unknown() {
    let head = |headers: &str| format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
    for said in [
        String::new(),
        "garbage\r\n\r\n".to_owned(),
        "\0\0\0\0".to_owned(),
        "HTTP/1.1 200".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Le".to_owned(),
        head("Content-Length: 100\r\n") + SUCCEEDED,
        head("Content-Length: x\r\n") + SUCCEEDED,
        head("Transfer-Encoding: chunked\r\n") + "20\r\n" + SUCCEEDED,
        head("Transfer-Encoding: chunked\r\n") + "zz\r\n" + SUCCEEDED,
        head("Content-Length: 4\r\n") + "null",
        "HTTP/1.1 404 X\r\nContent-Length: 100\r\n\r\n{}".to_owned(),
        "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n".to_owned(),
    ] {
        let (attempt, _) = meets(Conduct::SayAndClose(said.clone().into_bytes())).await;
        assert!(matches!(attempt, Attempt::Unknown { .. }), "{said:?}: {attempt:?}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_unknown() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_vec();
    for script in [vec![Conduct::Hang], vec![Conduct::Say(half)]] {
        let peer = http(script).await;
        let mut settings = settings(peer.port);
        settings.timeout_ms = 100;
        let attempt = attempt(&settings, pull()).await;
        assert_eq!(attempt, Attempt::unknown("no answer in 100 ms"));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let redirect = answer(307, "Location: /elsewhere\r\n", "");
    let (attempt, peer) = meets(Conduct::Say(redirect)).await;
    assert_eq!(attempt, Attempt::unknown("307 is not in the contract"));
    assert_eq!(peer.heard().len(), 1);
}

#[tokio::test]
async fn a_huge_body_is_not_read() {
    let length = BODY_BYTES_MAX + 1;
    let told = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    // It hangs after the head: the attempt does not wait for the body.
    let (attempt, _) = meets(Conduct::Say(told)).await;
    assert_eq!(attempt, Attempt::unknown("200, a body longer than 65536 bytes"));
    let chunk = format!("{:x}\r\n{}\r\n", 1_024, " ".repeat(1_024));
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let untold = format!("{head}{}", chunk.repeat(65)).into_bytes();
    let (attempt, _) = meets(Conduct::Say(untold)).await;
    assert_eq!(attempt, Attempt::unknown("200, a body longer than 65536 bytes"));
}

#[tokio::test]
async fn a_body_of_the_longest_length_is_read() {
    let body = format!("{SUCCEEDED}{}", " ".repeat(BODY_BYTES_MAX - SUCCEEDED.len()));
    let (attempt, _) = meets(Conduct::Say(answer(200, "", &body))).await;
    assert_eq!(attempt, done());
}

#[tokio::test]
async fn a_pause_is_understood_in_both_forms() {
    let date = "Date: Thu, 01 Jan 2026 12:00:00 GMT\r\n";
    for (headers, seconds) in [
        ("Retry-After: 7\r\n".to_owned(), Some(7)),
        (format!("{date}Retry-After: Thu, 01 Jan 2026 12:00:09 GMT\r\n"), Some(9)),
        (String::new(), None),
    ] {
        let (attempt, _) = meets(Conduct::Say(answer(429, &headers, "{}"))).await;
        let wait = seconds.map(std::time::Duration::from_secs);
        assert_eq!(attempt, Attempt::Throttled { reason: "429".into(), wait });
    }
}

#[tokio::test]
async fn a_key_that_fits_no_header_is_never_sent() {
    let peer = http([]).await;
    let call = call("a\r\nb", Interactive, pull());
    let attempt = transport(&settings(peer.port)).send(Arc::new(call)).await;
    assert!(matches!(attempt, Attempt::Answered(Reply::Declined { .. })), "{attempt:?}");
    assert_eq!(peer.connections(), 0);
}

#[tokio::test]
async fn a_party_that_does_not_speak_tls_gets_nothing() {
    let peer = http([]).await;
    let mut settings = settings(peer.port);
    settings.url = format!("https://127.0.0.1:{}", peer.port).into();
    let made = HttpTransport::new(Party::Processor, &settings, Arc::new(SystemClock));
    // A machine without certificates cannot have a party behind https, and says so at the start.
    match made {
        Ok(transport) => {
            let attempt = transport.send(Arc::new(call("k", Interactive, pull()))).await;
            assert!(matches!(attempt, Attempt::NotSent { .. }), "{attempt:?}");
            assert!(peer.heard().is_empty());
        }
        Err(error) => assert!(error.to_string().starts_with("processor.url: the machine's")),
    }
}
