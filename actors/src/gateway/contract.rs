//! The contract with the processor and the maker of documents: what is sent and how an answer is
//! read. Pure: bytes in, bytes out. The section "The third parties" of the HTTP contract.
//!
//! An answer is believed only as far as the contract goes. A status or a body that is not in it is
//! unknown, never a guess. Refusals are told apart by whose fault they are: a 4xx is a definite no
//! to this call, but 401, 403 and 407, and a 404 or 405 that names no code of the party, are a
//! fault of our configuration. They did nothing and would meet every customer, so the call waits
//! and is tried again, rather than that a wrong credential declines everyone.
//!
//! Invariants: what comes from outside is bounded before it is kept (ids, addresses, codes, texts),
//! since it goes into records. The key goes along with every call.

use std::time::Duration;

use bursar_domain::call::{Call, Reply, Request};
use bursar_domain::currency::Currency;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::transport::{Attempt, clip};

/// The longest name that a party may give to what it made.
const ID_LENGTH_MAX: usize = 255;

/// The longest address that a party may give.
const URL_LENGTH_MAX: usize = 2_048;

/// The longest code that a party may give.
const CODE_LENGTH_MAX: usize = 64;

/// A verb of HTTP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    /// Look.
    Get,
    /// Do.
    Post,
    /// Make void.
    Delete,
}

/// A call, ready to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prepared {
    /// What is done.
    pub verb: Verb,
    /// To what.
    pub url: Url,
    /// JSON, or nothing.
    pub body: Option<String>,
}

/// A call that cannot be written down; it was not sent, and never can be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(&'static str);

impl Malformed {
    /// The key, or what it is sent to, fits into no header or address.
    pub const fn unfit() -> Self {
        Self("its key does not fit into a header")
    }
}

impl From<Malformed> for Attempt {
    fn from(malformed: Malformed) -> Self {
        Self::declined("malformed-call", malformed.0)
    }
}

/// An answer, as far as it was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen<'a> {
    /// The status.
    pub status: u16,
    /// How long the party asks to be left alone.
    pub wait: Option<Duration>,
    /// The whole body, or why there is none.
    pub body: Result<&'a [u8], &'a str>,
}

/// Writes a call down. `base` is what stands before the paths of the contract.
pub fn prepare(base: &Url, call: &Call) -> Result<Prepared, Malformed> {
    match &call.request {
        Request::Pull { account, amount, currency, reference } => {
            order(base, "pull", account, amount.to_major(*currency), *currency, reference)
        }
        Request::Push { account, amount, currency, reference } => {
            order(base, "push", account, amount.to_major(*currency), *currency, reference)
        }
        Request::Find => {
            let mut url = under(base, &["processor", "transactions"])?;
            url.query_pairs_mut().append_pair("key", &call.key);
            Ok(Prepared { verb: Verb::Get, url, body: None })
        }
        Request::Refund { transaction, amount, currency } => {
            let body = serde_json::json!({ "amount": amount.to_major(*currency) });
            post(base, &["processor", "transactions", transaction, "refund"], &body)
        }
        Request::MakeDocuments { kind, subject, data } => {
            let data: serde_json::Map<_, _> =
                data.iter().map(|(name, text)| (name.to_string(), text.as_ref().into())).collect();
            let body = serde_json::json!({ "kind": kind, "subject": subject, "data": data });
            post(base, &["documents"], &body)
        }
        Request::VoidDocuments { id } => {
            let url = under(base, &["documents", id])?;
            Ok(Prepared { verb: Verb::Delete, url, body: None })
        }
        Request::Mail(_) => Err(Malformed("a mail does not go over HTTP")),
    }
}

/// A transaction that the processor is to make.
fn order(
    base: &Url,
    direction: &str,
    account: &str,
    amount: String,
    currency: Currency,
    reference: &str,
) -> Result<Prepared, Malformed> {
    let body = serde_json::json!({
        "direction": direction,
        "account": account,
        "amount": amount,
        "currency": currency.code(),
        "reference": reference,
    });
    post(base, &["processor", "transactions"], &body)
}

fn post(base: &Url, path: &[&str], body: &serde_json::Value) -> Result<Prepared, Malformed> {
    Ok(Prepared { verb: Verb::Post, url: under(base, path)?, body: Some(body.to_string()) })
}

/// The address of a path. Its parts are escaped; one that would change the path is refused.
pub(crate) fn under(base: &Url, path: &[&str]) -> Result<Url, Malformed> {
    if path.iter().any(|part| matches!(*part, "" | "." | "..")) {
        return Err(Malformed("an id is no part of a path"));
    }
    let mut url = base.clone();
    match url.path_segments_mut() {
        Ok(mut parts) => drop(parts.pop_if_empty().extend(path)),
        Err(()) => return Err(Malformed("the party's address takes no paths")),
    }
    Ok(url)
}

/// Reads an answer.
pub fn read(call: &Call, seen: &Seen<'_>) -> Attempt {
    let status = seen.status;
    if status == 429 {
        return Attempt::Throttled { reason: "429".into(), wait: seen.wait };
    }
    let body = match seen.body {
        Ok(body) => body,
        Err(why) => return Attempt::unknown(clip(&format!("{status}, {why}"))),
    };
    match (&call.request, status) {
        (
            Request::Pull { .. } | Request::Push { .. } | Request::Refund { .. } | Request::Find,
            200,
        ) => transaction(&call.key, body),
        (Request::MakeDocuments { .. }, 200 | 201) => documents(body),
        (Request::VoidDocuments { .. }, 200 | 204 | 404 | 410) => {
            // What is not there is as void as can be.
            Attempt::Answered(Reply::Done { id: "".into(), url: None })
        }
        (Request::Find, 404) => Attempt::Answered(Reply::NeverSeen),
        (Request::Find, 400..500) => looked_in_vain(status, body),
        (_, 400..500) => refused(status, body),
        (_, 500..600) => Attempt::Unknown { reason: shown(status, body), wait: seen.wait },
        _ => Attempt::unknown(format!("{status} is not in the contract")),
    }
}

#[derive(Deserialize)]
struct Transaction {
    id: String,
    status: String,
    key: Option<String>,
    code: Option<String>,
    detail: Option<String>,
}

fn transaction(key: &str, body: &[u8]) -> Attempt {
    let Some(transaction) = json::<Transaction>(body) else {
        return Attempt::unknown("200 with a body that is no transaction");
    };
    if transaction.key.is_some_and(|other| other != key) {
        return Attempt::unknown("200 with the transaction of another key");
    }
    match transaction.status.as_str() {
        "succeeded" => match id(&transaction.id) {
            Some(id) => Attempt::Answered(Reply::Done { id, url: None }),
            None => Attempt::unknown("200 with an id that cannot be one"),
        },
        "declined" => {
            let code = transaction.code.as_deref().and_then(code);
            let detail = clip(transaction.detail.as_deref().unwrap_or_default());
            Attempt::declined(code.unwrap_or_else(|| "declined".into()), detail)
        }
        "pending" => Attempt::Answered(Reply::Pending),
        other => Attempt::unknown(clip(&format!("200 with the status {other:?}"))),
    }
}

#[derive(Deserialize)]
struct Documents {
    id: String,
    url: String,
}

fn documents(body: &[u8]) -> Attempt {
    let documents = json::<Documents>(body);
    let made = documents.and_then(|made| Some((id(&made.id)?, address(&made.url)?)));
    match made {
        Some((id, url)) => Attempt::Answered(Reply::Done { id, url: Some(url) }),
        None => Attempt::unknown("made, with a body that names no documents"),
    }
}

#[derive(Default, Deserialize)]
struct Problem {
    code: Option<String>,
    title: Option<String>,
    detail: Option<String>,
}

impl Problem {
    fn of(body: &[u8]) -> Self {
        json(body).unwrap_or_default()
    }

    fn code(&self) -> Option<Box<str>> {
        code(self.code.as_deref()?)
    }

    fn detail(&self) -> Box<str> {
        clip(self.detail.as_deref().or(self.title.as_deref()).unwrap_or_default())
    }
}

/// A 4xx to something that does something.
fn refused(status: u16, body: &[u8]) -> Attempt {
    let problem = Problem::of(body);
    let code = problem.code();
    match (status, &code) {
        (401 | 403 | 407, _) | (404 | 405, None) => {
            Attempt::TurnedAway { reason: shown(status, body) }
        }
        (408, _) => Attempt::unknown(shown(status, body)),
        // It is still at work under this key, or knows the key from something else.
        (409 | 425, _) => Attempt::Unclear { reason: shown(status, body) },
        (_, Some(code)) if code.starts_with("idempotency-") => {
            Attempt::Unclear { reason: shown(status, body) }
        }
        _ => {
            let code = code.unwrap_or_else(|| format!("http-{status}").into());
            Attempt::declined(code, problem.detail())
        }
    }
}

/// A 4xx to a question is no answer to it, and says nothing of what was asked about.
fn looked_in_vain(status: u16, body: &[u8]) -> Attempt {
    match status {
        401 | 403 | 407 => Attempt::TurnedAway { reason: shown(status, body) },
        _ => Attempt::Unclear { reason: shown(status, body) },
    }
}

/// A status, with the code of its problem.
fn shown(status: u16, body: &[u8]) -> Box<str> {
    match Problem::of(body).code() {
        Some(code) => format!("{status} {code}").into(),
        None => status.to_string().into(),
    }
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

fn id(text: &str) -> Option<Box<str>> {
    let good = !text.is_empty() && text.len() <= ID_LENGTH_MAX && !text.contains(char::is_control);
    good.then(|| text.into())
}

fn address(text: &str) -> Option<Box<str>> {
    let unseen = |c: char| c.is_control() || c.is_whitespace();
    let good = !text.is_empty() && text.len() <= URL_LENGTH_MAX && !text.contains(unseen);
    good.then(|| text.into())
}

fn code(text: &str) -> Option<Box<str>> {
    let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let good = !text.is_empty() && text.len() <= CODE_LENGTH_MAX && text.bytes().all(letter);
    good.then(|| text.into())
}
