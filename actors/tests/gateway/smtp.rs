//! Mails over real SMTP: what is said, and what each way of failing means.
//!
//! The server's replies are scripted by the word they answer. The same failure means something else
//! before and after the content was sent, so most tables go through the whole conversation.
//! A server that hangs meets a short timeout; nothing is measured.

use std::sync::Arc;

use bursar_actors::clock::SystemClock;
use bursar_actors::gateway::letter::message_id;
use bursar_actors::gateway::mail::{MailTransport, Stage, read};
use bursar_actors::gateway::{Attempt, Settings, Transport};
use bursar_domain::call::Lane::Batch;
use bursar_domain::call::{Reply, Request};

use crate::calls::{call, mailing};
use crate::peers::{Peer, Replies, friendly, nobody, smtp};

fn settings(url: String) -> Settings {
    let mut settings = Settings::default();
    settings.mail.url = url.into();
    settings.mail_from = "Bursar <no-reply@bursar.example>".into();
    settings
}

fn transport(port: u16) -> MailTransport {
    let settings = settings(format!("smtp://127.0.0.1:{port}"));
    MailTransport::new(&settings, Arc::new(SystemClock)).unwrap()
}

async fn send(transport: &MailTransport, to: &str) -> Attempt {
    transport.send(Arc::new(call("k1", Batch, mailing(to)))).await
}

/// What a mail brings back when the server replies so.
async fn meets(changes: &[(&'static str, &'static str)]) -> (Attempt, Peer) {
    let mut replies = friendly();
    replies.extend(changes.iter().copied());
    let peer = smtp([replies]).await;
    (send(&transport(peer.port), "ann@example.com").await, peer)
}

fn done() -> Attempt {
    Attempt::Answered(Reply::Done { id: "".into(), url: None })
}

#[tokio::test]
async fn a_mail_is_delivered() {
    let (attempt, peer) = meets(&[]).await;
    assert_eq!(attempt, done());
    let heard = peer.heard();
    assert_eq!(
        heard[..4],
        [
            "EHLO bursar.example",
            "MAIL FROM:<no-reply@bursar.example>",
            "RCPT TO:<ann@example.com>",
            "DATA"
        ]
    );
    let id = message_id("k1", "bursar.example");
    assert!(heard[4].contains(&format!("Message-ID: {id}\r\n")), "{}", heard[4]);
    assert!(heard[4].ends_with("\r\n."));
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let peer = smtp([friendly()]).await;
    let transport = transport(peer.port);
    for _ in 0..3 {
        assert_eq!(send(&transport, "ann@example.com").await, done());
    }
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn a_kept_connection_that_is_closed_is_replaced_at_once() {
    for second in ["close", "421 closing", "503 out of order"] {
        let mut first = friendly();
        first.insert("MAIL2", second);
        let peer = smtp([first, friendly()]).await;
        let transport = transport(peer.port);
        for _ in 0..2 {
            assert_eq!(send(&transport, "ann@example.com").await, done(), "{second}");
        }
        assert_eq!(peer.connections(), 2, "{second}");
    }
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let attempt = send(&transport(nobody().await), "ann@example.com").await;
    let Attempt::NotSent { reason } = attempt else { panic!("{attempt:?}") };
    assert_eq!(reason.matches("refused").count(), 1, "{reason}");
}

#[tokio::test]
async fn an_impossible_mail_is_declined_without_asking_anyone() {
    let peer = smtp([friendly()]).await;
    let transport = transport(peer.port);
    let attempt = send(&transport, "nobody").await;
    let Attempt::Answered(Reply::Declined { code, .. }) = &attempt else { panic!("{attempt:?}") };
    assert_eq!(&**code, "mail-address-invalid");
    let attempt = transport.send(Arc::new(call("k1", Batch, Request::Find))).await;
    assert!(matches!(attempt, Attempt::Answered(Reply::Declined { .. })));
    assert_eq!(peer.connections(), 0);
}

#[tokio::test]
async fn a_permanent_no_to_the_mail_is_a_decline() {
    for (word, reply, code) in [
        ("MAIL", "550 no", "smtp-550"),
        ("RCPT", "550 no such user", "smtp-550"),
        ("RCPT", "551-not\r\n551 here", "smtp-551"),
        ("DATA", "554 no", "smtp-554"),
        (".", "550 spam", "smtp-550"),
    ] {
        let (attempt, _) = meets(&[(word, reply)]).await;
        let Attempt::Answered(Reply::Declined { code: seen, .. }) = &attempt else {
            panic!("{word} {reply}: {attempt:?}");
        };
        assert_eq!(&**seen, code, "{word} {reply}");
    }
}

#[tokio::test]
async fn a_no_for_the_time_being_is_tried_again() {
    for (word, reply) in
        [("MAIL", "450 later"), ("RCPT", "451 greylisted"), ("DATA", "451 no"), (".", "452 full")]
    {
        let (attempt, _) = meets(&[(word, reply)]).await;
        assert!(matches!(attempt, Attempt::TurnedAway { .. }), "{word} {reply}: {attempt:?}");
    }
}

#[tokio::test]
async fn a_server_that_wants_nothing_of_us_turns_all_mail_away() {
    for (word, reply) in [
        ("connect", "554 no mail here"),
        ("EHLO", "550 who?"),
        ("MAIL", "530 log in first"),
        ("MAIL", "535 wrong"),
    ] {
        let (attempt, _) = meets(&[(word, reply)]).await;
        assert!(matches!(attempt, Attempt::TurnedAway { .. }), "{word} {reply}: {attempt:?}");
    }
}

#[tokio::test]
async fn before_the_content_nothing_was_sent_and_after_it_nobody_knows() {
    for reply in ["close", "garbage"] {
        for word in ["connect", "EHLO", "MAIL", "RCPT", "DATA"] {
            let (attempt, _) = meets(&[(word, reply)]).await;
            assert!(matches!(attempt, Attempt::NotSent { .. }), "{word} {reply}: {attempt:?}");
        }
        let (attempt, _) = meets(&[(".", reply)]).await;
        assert!(matches!(attempt, Attempt::Unknown { .. }), "{reply}: {attempt:?}");
    }
    for (word, reply) in [("connect", "421 busy"), ("MAIL", "421 closing"), ("DATA", "250 what?")] {
        let (attempt, _) = meets(&[(word, reply)]).await;
        assert!(matches!(attempt, Attempt::NotSent { .. }), "{word} {reply}: {attempt:?}");
    }
    let (attempt, _) = meets(&[(".", "354 more?")]).await;
    assert!(matches!(attempt, Attempt::Unknown { .. }), "{attempt:?}");
}

#[tokio::test]
async fn a_server_that_hangs_is_left_in_time() {
    for (word, unknown) in
        [("connect", false), ("EHLO", false), ("RCPT", false), ("DATA", false), (".", true)]
    {
        let mut replies: Replies = friendly();
        replies.insert(word, "hang");
        let peer = smtp([replies]).await;
        let mut settings = settings(format!("smtp://127.0.0.1:{}", peer.port));
        // The last word is only waited for once the content has gone out, however slow the machine.
        settings.mail.timeout_ms = if unknown { 2_000 } else { 200 };
        let transport = MailTransport::new(&settings, Arc::new(SystemClock)).unwrap();
        let kind = if unknown { "unknown" } else { "not-sent" };
        assert_eq!(send(&transport, "ann@example.com").await.as_str(), kind, "{word}");
    }
}

#[tokio::test]
async fn an_address_outside_ascii_needs_a_server_that_takes_it() {
    let (to, able) = ("jürgen@example.com", "250-peer\r\n250-8BITMIME\r\n250 SMTPUTF8");
    let peer = smtp([friendly()]).await;
    let attempt = send(&transport(peer.port), to).await;
    let Attempt::Answered(Reply::Declined { code, .. }) = &attempt else { panic!("{attempt:?}") };
    assert_eq!(&**code, "mail-address-unsupported");
    let mut replies = friendly();
    replies.insert("EHLO", able);
    let peer = smtp([replies]).await;
    assert_eq!(send(&transport(peer.port), to).await, done());
    assert_eq!(peer.heard()[1], "MAIL FROM:<no-reply@bursar.example> SMTPUTF8");
}

#[test]
fn a_failure_is_read_by_its_stage_and_its_code() {
    let kind = |stage, code| read(stage, code, "why".into()).as_str();
    for (code, connection, envelope, content) in [
        (None, "not-sent", "not-sent", "unknown"),
        (Some(421), "not-sent", "not-sent", "not-sent"),
        (Some(450), "not-sent", "turned-away", "turned-away"),
        (Some(499), "not-sent", "turned-away", "turned-away"),
        (Some(500), "turned-away", "declined", "declined"),
        (Some(530), "turned-away", "turned-away", "turned-away"),
        (Some(535), "turned-away", "turned-away", "turned-away"),
        (Some(550), "turned-away", "declined", "declined"),
        (Some(599), "turned-away", "declined", "declined"),
    ] {
        assert_eq!(kind(Stage::Connection, code), connection, "{code:?}");
        assert_eq!(kind(Stage::Envelope, code), envelope, "{code:?}");
        assert_eq!(kind(Stage::Content, code), content, "{code:?}");
    }
}
