//! The conversation as facts: what each line is answered with, and what mail comes out.
//!
//! The session has no I/O, so a test says lines and looks at the steps. Replies are compared by
//! their codes: those are what a client goes by, the words are for people. The sockets around it
//! are tested in `tests/contract/mail.rs`.

use super::*;

/// Says lines, each with CRLF, and gives the codes of the replies; `-` for silence.
fn say(session: &mut Session, lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| code(&session.take(format!("{line}\r\n").as_bytes()))).collect()
}

fn code(step: &Step) -> String {
    match step {
        Step::Reply(text) => text[..3].to_owned(),
        Step::Listen => "-".to_owned(),
        Step::Deliver(_) => "deliver".to_owned(),
        Step::Close(text) => format!("close {}", &text[..3]),
    }
}

/// A session that waits for the lines of a mail.
fn in_data() -> Session {
    let mut session = Session::default();
    let lines = ["EHLO me", "MAIL FROM:<a@x>", "RCPT TO:<b@x>", "DATA"];
    assert_eq!(say(&mut session, &lines), ["250", "250", "250", "354"]);
    session
}

fn delivered(step: Step) -> Envelope {
    match step {
        Step::Deliver(envelope) => envelope,
        Step::Reply(_) | Step::Listen | Step::Close(_) => panic!("no mail: {step:?}"),
    }
}

#[test]
fn a_mail_comes_out_as_it_was_sent() {
    let mut session = Session::default();
    let lines = [
        "EHLO me",
        "mail from: <a@x> SIZE=100 BODY=8BITMIME",
        "RCPT TO:<b@x>",
        "rcpt to:<c@x>",
        "DATA",
        "Subject: s",
        "",
        "..dot",
        "...",
        "end",
    ];
    assert_eq!(say(&mut session, &lines).join(" "), "250 250 250 250 354 - - - - -");
    let envelope = delivered(session.take(b".\r\n"));
    assert_eq!(envelope.from, "a@x");
    assert_eq!(envelope.to, ["b@x", "c@x"]);
    assert_eq!(envelope.data, b"Subject: s\r\n\r\n.dot\r\n..\r\nend\r\n");
    assert_eq!(
        say(&mut session, &["RCPT TO:<d@x>", "MAIL FROM:<>", "QUIT"]),
        ["503", "250", "close 221"]
    );
}

#[test]
fn only_a_dot_between_two_ends_of_lines_ends_a_mail() {
    let mut session = in_data();
    for line in [&b"one\n"[..], b".\r\n", b".\n", b"two\r\n", b". \r\n"] {
        assert_eq!(session.take(line), Step::Listen, "{line:?}");
    }
    assert_eq!(delivered(session.take(b".\r\n")).data, b"one\n.\r\n\ntwo\r\n \r\n");
}

#[test]
fn what_is_out_of_order_or_malformed_is_told_so() {
    for (lines, last) in [
        (&["MAIL FROM:<a@x>"][..], "503"),
        (&["EHLO"], "501"),
        (&["EHLO me", "RCPT TO:<a@x>"], "503"),
        (&["EHLO me", "DATA"], "503"),
        (&["EHLO me", "MAIL FROM:<a@x>", "DATA"], "503"),
        (&["EHLO me", "MAIL FROM:<a@x>", "MAIL FROM:<a@x>"], "503"),
        (&["EHLO me", "MAIL FROM:<a@x>", "RSET", "MAIL FROM:<a@x>"], "250"),
        (&["EHLO me", "MAIL FROM:<a@x>", "EHLO me", "MAIL FROM:<a@x>"], "250"),
        (&["EHLO me", "MAIL FROM:a@x"], "501"),
        (&["EHLO me", "MAIL TO:<a@x>"], "501"),
        (&["EHLO me", "MAIL FROM:<a b>"], "501"),
        (&["EHLO me", "MAIL é:<a@x>"], "501"),
        (&["EHLO me", "MAIL FROM:<a@x> SIZE=9999999"], "552"),
        (&["EHLO me", "MAIL FROM:<a@x> SIZE=many"], "501"),
        (&["EHLO me", "MAIL FROM:<a@x> RET=FULL"], "555"),
        (&["EHLO me", "MAIL FROM:<a@x>", "RCPT TO:<>"], "501"),
        (&["AUTH PLAIN x"], "502"),
        (&["STARTTLS"], "502"),
        (&[""], "502"),
        (&["NOOP"], "250"),
        (&["VRFY a"], "252"),
        (&["HELO me"], "250"),
    ] {
        let replies = say(&mut Session::default(), lines);
        assert_eq!(replies.last().expect("one"), last, "{lines:?}");
    }
}

#[test]
fn a_mail_past_the_bound_is_refused_and_forgotten() {
    let mut session = in_data();
    let line = format!("{}\r\n", "x".repeat(998));
    for _ in 0..=BYTES_MAX / line.len() {
        assert_eq!(session.take(line.as_bytes()), Step::Listen);
    }
    assert_eq!(code(&session.take(b".\r\n")), "552");
    assert_eq!(say(&mut session, &["MAIL FROM:<a@x>"]), ["250"]);
}

#[test]
fn recipients_are_bounded() {
    let mut session = Session::default();
    say(&mut session, &["EHLO me", "MAIL FROM:<a@x>"]);
    for _ in 0..RECIPIENTS_MAX {
        assert_eq!(say(&mut session, &["RCPT TO:<b@x>"]), ["250"]);
    }
    assert_eq!(say(&mut session, &["RCPT TO:<b@x>"]), ["452"]);
}
