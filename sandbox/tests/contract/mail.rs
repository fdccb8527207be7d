//! Mail over a socket: a conversation, what is stored of it, and every fault.
//!
//! The client's side is written by hand ([`Talk`]), line by line, so that a test decides what comes
//! when: several commands at once, a line without an end, an end without an answer. What each
//! command is answered with is a matter of `src/mail/session`, and tested there.

use std::time::Duration;

use bursar_sandbox::{Rates, Settings};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

use crate::harness::{Bench, rate};

/// A client's side of a conversation.
pub(crate) struct Talk(BufStream<TcpStream>);

impl Talk {
    async fn begin(bench: &Bench) -> Self {
        let stream = TcpStream::connect(bench.running().smtp()).await.expect("it listens");
        let mut talk = Self(BufStream::new(stream));
        assert_eq!(talk.hear().await, "220");
        talk
    }

    /// The code of a reply, of one or more lines; empty when the connection ended.
    async fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.expect("text");
            if line.is_empty() {
                return line;
            }
            if line.as_bytes()[3] == b' ' {
                return line[..3].to_owned();
            }
        }
    }

    async fn say(&mut self, line: &str) -> String {
        self.write(&format!("{line}\r\n")).await;
        self.hear().await
    }

    async fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("sent");
        self.0.flush().await.expect("sent");
    }

    /// Sends a mail; the code of the last reply.
    pub(crate) async fn send(&mut self, message_id: &str) -> String {
        assert_eq!(self.say("MAIL FROM:<from@bursar.test>").await, "250");
        assert_eq!(self.say("RCPT TO:<to@bursar.test>").await, "250");
        assert_eq!(self.say("DATA").await, "354");
        self.say(&format!("Message-ID: {message_id}\r\nSubject: s\r\n\r\nbody\r\n.")).await
    }
}

pub(crate) async fn greeted(bench: &Bench) -> Talk {
    let mut talk = Talk::begin(bench).await;
    assert_eq!(talk.say("EHLO test").await, "250");
    talk
}

async fn mails(bench: &Bench) -> Vec<Value> {
    bench.get("/sandbox/mail").await.json()["items"].as_array().expect("a list").clone()
}

#[actix_web::test]
async fn a_mail_is_stored_as_it_was_sent() {
    let bench = Bench::start();
    let mut talk = Talk::begin(&bench).await;
    assert_eq!(talk.say("DATA").await, "503");
    assert_eq!(talk.say("EHLO test").await, "250");
    assert_eq!(talk.say("MAIL FROM:<a@x>").await, "250");
    assert_eq!(talk.say("RSET").await, "250");
    assert_eq!(talk.say("MAIL FROM:<a@x> BODY=8BITMIME").await, "250");
    assert_eq!(talk.say("RCPT TO:<b@x>").await, "250");
    assert_eq!(talk.say("RCPT TO:<c@x>").await, "250");
    assert_eq!(talk.say("DATA").await, "354");
    let mail = "Subject: Your\r\n papers\r\nMessage-ID: <1@x>\r\n\r\nGrüße\r\n..\r\n...end\r\n.";
    assert_eq!(talk.say(mail).await, "250");
    assert_eq!(talk.say("NOOP").await, "250");
    assert_eq!(talk.say("QUIT").await, "221");
    assert_eq!(talk.hear().await, "", "it closes");
    let mails = mails(&bench).await;
    let expected = json!([{
        "from": "a@x", "to": ["b@x", "c@x"], "subject": "Your papers", "message_id": "<1@x>",
        "headers": [
            { "name": "Subject", "value": "Your papers" },
            { "name": "Message-ID", "value": "<1@x>" },
        ],
        "body": "Grüße\r\n.\r\n..end\r\n", "at": mails[0]["at"],
    }]);
    assert_eq!(json!(mails), expected);
}

#[actix_web::test]
async fn commands_may_come_all_at_once() {
    let bench = Bench::start();
    let mut talk = Talk::begin(&bench).await;
    talk.write(
        "EHLO test\r\nMAIL FROM:<>\r\nRCPT TO:<b@x>\r\nDATA\r\n\r\none\r\n.\r\nMAIL FROM:<>\r\n\
         RCPT TO:<c@x>\r\nDATA\r\ntwo\r\n.\r\nQUIT\r\n",
    )
    .await;
    let mut heard = Vec::new();
    for _ in 0..10 {
        heard.push(talk.hear().await);
    }
    assert_eq!(heard.join(" "), "250 250 250 354 250 250 250 354 250 221");
    let mails = mails(&bench).await;
    assert_eq!((&mails[0]["body"], &mails[1]["body"]), (&json!("one\r\n"), &json!("two\r\n")));
    assert_eq!((&mails[0]["subject"], &mails[0]["message_id"]), (&Value::Null, &Value::Null));
}

#[actix_web::test]
async fn many_conversations_go_on_at_once() {
    let bench = Bench::start();
    let mut talks = Vec::new();
    for _ in 0..30 {
        talks.push(greeted(&bench).await);
    }
    for (number, talk) in talks.iter_mut().enumerate().rev() {
        assert_eq!(talk.send(&format!("<{number}@x>")).await, "250");
    }
    assert_eq!(mails(&bench).await.len(), 30);
}

#[actix_web::test]
async fn a_fault_strikes_when_a_mail_is_complete() {
    let bench = Bench::start();
    for (mode, code, stored) in [
        ("decline", "550", 0),
        ("error", "451", 0),
        ("rate-limit", "451", 0),
        ("slow", "250", 1),
        ("timeout", "", 1),
        ("lose-answer", "", 2),
    ] {
        let mut fault = json!({ "route": "mail", "mode": mode, "count": 1 });
        if matches!(mode, "slow" | "timeout" | "lose-answer") {
            fault["delay_ms"] = json!(5);
        }
        bench.ordered(fault).await;
        let mut talk = greeted(&bench).await;
        assert_eq!(talk.send("<1@x>").await, code, "{mode}");
        assert_eq!(mails(&bench).await.len(), stored, "{mode}");
        if !code.is_empty() {
            assert_eq!(talk.say("QUIT").await, "221", "the conversation goes on after {mode}");
        }
    }
    let counts = bench.get("/sandbox/calls").await.json()["mail"].clone();
    let ended = [&counts["calls"], &counts["answered"], &counts["throttled"], &counts["silent"]];
    assert_eq!(ended, [6, 3, 1, 2]);
}

#[actix_web::test]
async fn a_held_mail_blocks_neither_others_nor_the_end() {
    let bench = Bench::start();
    let fault = json!({ "route": "mail", "mode": "lose-answer", "count": 1, "delay_ms": 600_000 });
    bench.ordered(fault).await;
    let mut held = greeted(&bench).await;
    let waiting = tokio::time::timeout(Duration::from_millis(20), held.send("<1@x>")).await;
    assert!(waiting.is_err(), "no answer comes");
    while bench.get("/sandbox/calls").await.json()["mail"]["silent"] != 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(greeted(&bench).await.send("<2@x>").await, "250");
    bench.stop().await;
    let mut rest = Vec::new();
    held.0.read_to_end(&mut rest).await.expect("an orderly end");
    assert_eq!(rest, b"");
}

#[actix_web::test]
async fn mails_have_a_limit_and_a_bound_too() {
    let rates = Rates { mail: Some(rate(1, 2)), ..Rates::default() };
    let bench = Bench::start_with(Settings { rates, mails_max: 1, ..Settings::default() });
    let mut talk = greeted(&bench).await;
    assert_eq!(talk.send("<1@x>").await, "250");
    assert_eq!(talk.send("<2@x>").await, "452", "one mail is all it keeps");
    let mut code = String::new();
    while code != "451" {
        code = talk.send("<3@x>").await;
    }
    assert_eq!(mails(&bench).await.len(), 1);
}

#[actix_web::test]
async fn a_line_without_an_end_ends_the_conversation() {
    let bench = Bench::start();
    let mut talk = greeted(&bench).await;
    assert_eq!(talk.say(&"x".repeat(70_000)).await, "500");
}
