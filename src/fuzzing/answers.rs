//! What third parties answer: the first byte says to what, two more are the status, the rest is the body.
//!
//! The processor and the maker of documents are believed only as far as the contract goes, so an answer
//! is money. What must hold: only a status of success makes a thing done, only a 4xx with the
//! party's word makes it declined, and whatever is kept of an answer is bounded and of visible letters.
//!
//! Also here: the header `Retry-After`, what a mail server's code means, and lines of the processor's
//! report, where what is taken is taken the same way again when it is written anew.

use std::time::Duration;

use bursar_actors::clerk::report::line::Line;
use bursar_actors::gateway::contract::{self, Seen};
use bursar_actors::gateway::mail::{self, Stage};
use bursar_actors::gateway::retry_after;
use bursar_actors::gateway::transport::Attempt;
use bursar_domain::call::{Call, Lane, Reply, Request};
use bursar_domain::currency::Currency;
use bursar_domain::money::Amount;
use bursar_domain::time::Timestamp;

/// The longest text that is kept of an answer, in bytes: an address.
const TEXT_BYTES_MAX: usize = 2_048;

/// Answers of third parties, and lines of a report.
pub fn answers(data: &[u8]) {
    let Some((letter, rest)) = data.split_first() else { return };
    match letter {
        b'h' => header(rest),
        b'l' => line(rest),
        b'm' => reply(rest),
        _ => {
            if let (Some(request), Some((status, body))) = (request(*letter), numbered(rest)) {
                answer(request, status, body);
            }
        }
    }
}

/// A number in two bytes, and what comes after it.
fn numbered(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*number), rest))
}

fn request(letter: u8) -> Option<Request> {
    let (account, reference) = ("acct-alice".into(), "inv_7_harbour".into());
    let (amount, currency) = (Amount::from_minor(1_250), Currency::from_code("EUR")?);
    Some(match letter {
        b'p' => Request::Pull { account, amount, currency, reference },
        b'u' => Request::Push { account, amount, currency, reference },
        b'f' => Request::Find,
        b'r' => Request::Refund { transaction: "tx-1".into(), amount, currency },
        b'd' => Request::MakeDocuments {
            kind: "investment".into(),
            subject: reference,
            data: Vec::new(),
        },
        b'v' => Request::VoidDocuments { id: "doc-1".into() },
        _ => return None,
    })
}

fn answer(request: Request, status: u16, body: &[u8]) {
    let looks = request == Request::Find;
    let call = Call {
        step: 1,
        attempt: 1,
        key: "inv_7_harbour/1/pull".into(),
        lane: Lane::Interactive,
        not_after: Timestamp::default(),
        request,
    };
    let wait = Some(Duration::from_secs(7));
    let attempt = contract::read(&call, &Seen { status, wait, body: Ok(body) });
    check(&attempt);
    match &attempt {
        Attempt::Answered(Reply::Done { .. }) => {
            let is_void = matches!(call.request, Request::VoidDocuments { .. });
            let gone = is_void && matches!(status, 404 | 410);
            assert!(matches!(status, 200 | 201 | 204) || gone, "{status}: {attempt:?}");
        }
        Attempt::Answered(Reply::Declined { .. }) => {
            assert!(status == 200 || (400..500).contains(&status), "{status}: {attempt:?}");
            assert!(status == 200 || !looks, "a refused question says nothing: {attempt:?}");
        }
        Attempt::Answered(Reply::NeverSeen) => assert!(looks && status == 404, "{attempt:?}"),
        Attempt::Answered(Reply::Pending) => assert_eq!(status, 200),
        Attempt::Answered(Reply::NotSent { .. } | Reply::Unknown { .. })
        | Attempt::NotSent { .. } => panic!("an answer came: {attempt:?}"),
        Attempt::Throttled { .. } => assert_eq!(status, 429),
        Attempt::TurnedAway { .. } | Attempt::Unclear { .. } => {
            assert!((400..500).contains(&status), "{status}: {attempt:?}");
        }
        Attempt::Unknown { .. } => {}
    }
    let broken = contract::read(&call, &Seen { status, wait, body: Err("it broke off") });
    let is_unknown = matches!(broken, Attempt::Unknown { .. } | Attempt::Throttled { .. });
    assert!(is_unknown, "of a body that did not come nothing is known: {broken:?}");
}

/// What is kept of an answer goes into records and logs.
fn check(attempt: &Attempt) {
    let texts: Vec<&str> = match attempt {
        Attempt::Answered(reply) => match reply {
            Reply::Done { id, url } => {
                [Some(id), url.as_ref()].into_iter().flatten().map(|t| &**t).collect()
            }
            Reply::Declined { code, detail } => vec![code, detail],
            Reply::NotSent { reason } | Reply::Unknown { reason } => vec![reason],
            Reply::NeverSeen | Reply::Pending => Vec::new(),
        },
        Attempt::Throttled { reason, .. }
        | Attempt::NotSent { reason }
        | Attempt::TurnedAway { reason }
        | Attempt::Unknown { reason, .. }
        | Attempt::Unclear { reason } => vec![reason],
    };
    for text in texts {
        assert!(text.len() <= TEXT_BYTES_MAX, "{} bytes are kept", text.len());
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}

/// `Retry-After`, and the date of the answer behind a line break.
fn header(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (value, date) = text.split_once('\n').map_or((text, None), |(v, d)| (v, Some(d)));
    let now = Timestamp::from_millis(1_800_000_000_000).expect("in range");
    let wait = retry_after::read(value, date, now);
    let is_number = !value.trim().is_empty() && value.trim().bytes().all(|b| b.is_ascii_digit());
    assert!(wait.is_some() || !is_number, "{value:?} is a number of seconds");
    if let Some(seconds) = wait.filter(|_| is_number) {
        assert_eq!(retry_after::read(&seconds.as_secs().to_string(), None, now), wait);
    }
}

/// What a mail server said, at some stage.
fn reply(bytes: &[u8]) {
    let Some((stage, rest)) = bytes.split_first() else { return };
    let stage = match stage % 3 {
        0 => Stage::Connection,
        1 => Stage::Envelope,
        _ => Stage::Content,
    };
    let code = numbered(rest).map(|(code, _)| code);
    let attempt = mail::read(stage, code, "what it said".into());
    check(&attempt);
    let is_declined = matches!(attempt, Attempt::Answered(_));
    let is_no = code.is_some_and(|code| (500..600).contains(&code)) && stage != Stage::Connection;
    assert!(is_no || !is_declined, "{code:?} at {stage:?}: {attempt:?}");
}

/// A line of the report.
fn line(bytes: &[u8]) {
    let line = match Line::parse(bytes) {
        Ok(line) => line,
        Err(fault) => return assert!(fault.len() <= TEXT_BYTES_MAX, "{} bytes", fault.len()),
    };
    let mark = line.mark();
    // Fields that are passed over may nest more deeply than a value.
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    let again = value.to_string();
    let again = Line::parse(again.as_bytes()).expect("the same line");
    assert_eq!((&again, again.mark()), (&line, mark));
    let brought = line.brought();
    assert!(brought.transaction.len() <= 255 && brought.key.len() <= 255, "{brought:?}");
    assert!(brought.code.as_ref().is_none_or(|code| code.len() <= 64), "{brought:?}");
}
