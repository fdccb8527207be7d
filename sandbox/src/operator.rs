//! What a test or an operator asks and orders: `/sandbox/*`. No fault and no limit is for these.
//!
//! A fault that could never strike as ordered is refused rather than left standing: a test that
//! waits for it would otherwise pass for the wrong reason. What is asked is told as of one instant,
//! that of the question; only how often a key was attempted and whether a document is voided may be
//! later, because long lists are written page by page.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use bursar_domain::time::Timestamp;
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::calls::Route;
use crate::chance::WHOLE_PPM;
use crate::change::Change;
use crate::desk::{Shared, State};
use crate::faults::{Faults, Mode, Order, Then};
use crate::intake::{self, Body};
use crate::ledger::{Standing, What};
use crate::pages;
use crate::problem::{Answered, Code, Problem, told};

/// The longest delay of a fault for which a call waits.
const DELAY_MS_MAX: u64 = 10 * 60 * 1_000;
/// The longest time for which something is pending, by the sandbox's clock.
const PENDING_MS_MAX: u64 = 366 * 24 * 60 * 60 * 1_000;
/// The longest code, in characters.
const CODE_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewFault {
    route: Route,
    mode: Mode,
    count: Option<u32>,
    probability: Option<Probability>,
    #[serde(rename = "match")]
    only: Option<Match>,
    delay_ms: Option<u64>,
    code: Option<String>,
    then: Option<Then>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Match {
    account: Option<String>,
}

impl NewFault {
    fn order(self) -> Result<Order, Problem> {
        let Self { route, mode, count, probability, only, delay_ms, code, then } = self;
        let account = only.and_then(|only| only.account);
        let declines = match (mode, then) {
            (_, Some(Then::Succeeded | Then::Silent)) => false,
            (mode, _) => matches!(mode, Mode::Decline | Mode::Pending),
        };
        let pends = mode == Mode::Pending;
        let delay_ms_max = if pends { PENDING_MS_MAX } else { DELAY_MS_MAX };
        let code_is_word = code.as_deref().is_none_or(|code| {
            (1..=CODE_MAX).contains(&code.len())
                && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        });
        for (holds, otherwise) in [
            (mode.suits(route), "this mode does not go with this route"),
            (count != Some(0), "count is at least 1"),
            (account.is_none() || route.moves_money(), "match.account is for pull, push, refund"),
            (
                delay_ms.is_none_or(|ms| ms <= delay_ms_max),
                "delay_ms is at most ten minutes, of pending 366 days",
            ),
            (delay_ms.is_none() || mode.delay_default().is_some(), "this mode has no delay"),
            (!pends || delay_ms != Some(0), "what is pending is so for at least a millisecond"),
            (then.is_none() || pends, "then is for pending"),
            (delay_ms.is_none() || then != Some(Then::Silent), "what is silent has no delay"),
            (
                code.is_none() || (declines && route.moves_money()),
                "code is for what is declined or fails, of pull, push, refund",
            ),
            (code_is_word, "code is 1 to 64 of a-z 0-9 -"),
        ] {
            if !holds {
                return Err(Problem::new(Code::InvalidFault, otherwise));
            }
        }
        let delay = delay_ms.map(Duration::from_millis).or(mode.delay_default());
        let delay = delay.filter(|_| then != Some(Then::Silent));
        let probability_ppm = probability.map(|probability| probability.0);
        let code = code.map(Arc::from);
        Ok(Order { route, mode, count, probability_ppm, account, delay, code, then })
    }
}

/// A probability in parts per million; a decimal from 0 to 1 as a number or a string.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Probability(u32);

impl Probability {
    /// `None` for what is no decimal from 0 to 1 with at most six decimals.
    fn parse(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let well_formed = (1..=6).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if !well_formed || !matches!(whole, "0" | "1") {
            return None;
        }
        let whole: u32 = whole.parse().ok()?;
        let part: u32 = format!("{part:0<6}").parse().ok()?;
        let ppm = whole * WHOLE_PPM + part;
        (ppm <= WHOLE_PPM).then_some(Self(ppm))
    }
}

impl<'de> Deserialize<'de> for Probability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Decimal;
        impl Visitor<'_> for Decimal {
            type Value = Probability;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a probability from 0 to 1 with at most six decimals")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Probability, E> {
                let unexpected = serde::de::Unexpected::Str(text);
                Probability::parse(text).ok_or_else(|| E::invalid_value(unexpected, &self))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Probability, E> {
                self.visit_str(&number.to_string())
            }

            // A float is only written out, in the shortest form that is this float.
            fn visit_f64<E: Error>(self, number: f64) -> Result<Probability, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(Decimal)
    }
}

/// `POST /sandbox/faults`.
pub(crate) async fn add_fault(desk: Shared, body: Body) -> HttpResponse {
    told(ordered(&desk, body))
}

fn ordered(desk: &Shared, body: Body) -> Answered {
    let order = intake::object::<NewFault>(body)?.order()?;
    let (mut state, _) = desk.open();
    if state.faults.len() >= Faults::MAX {
        let detail = format!("at most {} faults stand at once", Faults::MAX);
        return Err(Problem::new(Code::InvalidFault, detail));
    }
    state.commit(Change::Ordered(order))?;
    Ok(HttpResponse::Created().json(state.faults.last_to_json()))
}

/// `GET /sandbox/faults`.
pub(crate) async fn list_faults(desk: Shared) -> HttpResponse {
    let items = desk.open().0.faults.to_json();
    HttpResponse::Ok().json(json!({ "items": items }))
}

/// `DELETE /sandbox/faults`.
pub(crate) async fn clear_faults(desk: Shared) -> HttpResponse {
    let (mut state, _) = desk.open();
    let cleared = if state.faults.len() > 0 { state.commit(Change::Cleared {}) } else { Ok(()) };
    told(cleared.map(|()| HttpResponse::NoContent().finish()))
}

/// `GET /sandbox/calls`.
pub(crate) async fn calls(desk: Shared) -> HttpResponse {
    let counts = desk.open().0.calls.to_json();
    HttpResponse::Ok().json(counts)
}

/// `GET /sandbox/mail`.
pub(crate) async fn mail(desk: Shared) -> HttpResponse {
    let end = desk.open().0.mailbox.len();
    let items = pages::pages(desk, 0..end, |state, index, page| {
        pages::list_item(index, state.mailbox.mail(index), page);
    });
    let parts = once(r#"{"items":["#).chain(items).chain(once("]}"));
    pages::answer("application/json", parts)
}

/// `GET /sandbox/ledger`: everything as of now, in the order in which it was booked.
pub(crate) async fn ledger(desk: Shared) -> HttpResponse {
    let (entries, documents, now) = {
        let (state, now) = desk.open();
        (state.ledger.len(), state.documents.len(), now)
    };
    let items = pages::pages(desk.clone(), 0..entries, move |state, index, page| {
        pages::list_item(index, &Item::new(state, index, now), page);
    });
    let made = pages::pages(desk.clone(), 0..documents, |state, index, page| {
        pages::list_item(index, &state.documents.to_json(index), page);
    });
    let totals = std::iter::once_with(move || totals(&desk, entries, now));
    let parts = once(r#"{"items":["#)
        .chain(items)
        .chain(once(r#"],"documents":["#))
        .chain(made)
        .chain(once(r#"],"totals":"#))
        .chain(totals)
        .chain(once("}"));
    pages::answer("application/json", parts)
}

fn once(text: &'static str) -> impl Iterator<Item = Bytes> {
    std::iter::once(Bytes::from_static(text.as_bytes()))
}

/// The sums by currency. `net` is what the processor holds for its client.
fn totals(desk: &Shared, entries: usize, now: Timestamp) -> Bytes {
    let sums = desk.open().0.ledger.sums(entries, now);
    let mut totals = serde_json::Map::new();
    for (currency, sums) in sums {
        let sums = json!({
            "pulled": sums.pulled.to_major(currency),
            "pushed": sums.pushed.to_major(currency),
            "refunded": sums.refunded.to_major(currency),
            "net": sums.net().to_major(currency),
        });
        totals.insert(currency.code().to_owned(), sums);
    }
    Bytes::from(serde_json::Value::Object(totals).to_string())
}

/// An entry of the ledger.
#[derive(Serialize)]
struct Item<'a> {
    id: &'a str,
    key: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    account: &'a str,
    amount: String,
    currency: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<String>,
    /// How it will end, while it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    then: Option<Then>,
    attempts: u32,
}

impl<'a> Item<'a> {
    fn new(state: &'a State, index: usize, now: Timestamp) -> Self {
        let entry = state.ledger.entry(index);
        let order = &entry.order;
        let (kind, transaction, reference) = match &order.what {
            What::Pull { reference } => ("pull", None, Some(&**reference)),
            What::Push { reference } => ("push", None, Some(&**reference)),
            What::Refund { of } => ("refund", Some(&*state.ledger.entry(*of).id), None),
        };
        let standing = entry.standing(now);
        let (then, settled_at) = entry.end();
        Self {
            id: &entry.id,
            key: &entry.key,
            kind,
            transaction,
            reference,
            account: &order.account,
            amount: order.amount.to_major(order.currency),
            currency: order.currency.code(),
            status: standing.word(),
            code: standing.code().map(str::to_owned),
            at: entry.at.to_string(),
            settled_at: settled_at.map(|at| at.to_string()),
            then: (standing == Standing::Pending).then_some(then),
            attempts: state.attempts(&entry.key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_is_a_decimal_from_zero_to_one() {
        for (json, ppm) in [
            ("0", Some(0)),
            ("1", Some(1_000_000)),
            ("0.3", Some(300_000)),
            ("0.000001", Some(1)),
            ("1e-6", Some(1)),
            ("1.0", Some(1_000_000)),
            (r#""0.05""#, Some(50_000)),
            (r#""1.000000""#, Some(1_000_000)),
            ("1.000001", None),
            ("2", None),
            ("-0.5", None),
            ("0.1234567", None),
            (r#""""#, None),
            (r#"".5""#, None),
            (r#""0.""#, None),
            (r#""half""#, None),
            ("true", None),
        ] {
            let found = serde_json::from_str::<Probability>(json).ok();
            assert_eq!(found, ppm.map(Probability), "{json}");
        }
    }
}
