//! The JSON bodies that the server reads: the first byte says which, the rest is the body.
//!
//! Each goes the whole way from bytes to what is asked of an entity, as its handler takes it. What
//! was understood must not depend on how the JSON was written, so the same value is written in three
//! other ways (fields sorted, spread over lines, every letter escaped) and must be understood as the
//! same. The escaped form also takes every text through the path on which it cannot be borrowed.

use std::fmt::Debug;

use bursar_domain::id::{DealId, ProviderId, WalletId};
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::command::Lookup;
use serde_json::Value;

use super::check_refusal;
use crate::http::operation::{KeyText, Operation};
use crate::http::problem::Problem;
use crate::http::{advances, batch, body, campaigns, clock, deals, providers, statements};

/// What a body was understood as, in words.
type Understood = Result<String, Problem>;

const KEY: KeyText<'_> = KeyText::Some("fuzz");

/// Reads a body.
type Reader = fn(&[u8]) -> Understood;

/// The readers, by the letter that stands before a body.
const READERS: [(u8, Reader); 15] = [
    (b'a', |bytes| told(providers::activities::taken(bytes))),
    (b'b', |bytes| told(batch::payment_line(bytes))),
    (b'c', |bytes| told(campaigns::bodies::announce(body::parse(bytes)?, KEY, now(), 120))),
    (b'd', |bytes| told(Operation::deposit(&wallet(), body::parse(bytes)?, KEY))),
    (b'g', |bytes| told(providers::bodies::register(body::parse(bytes)?, KEY))),
    (b'i', |bytes| {
        let unknown = |_: &WalletId| Lookup::Open;
        told(deals::bodies::invest(&deal(), body::parse(bytes)?, KEY, unknown))
    }),
    (b'l', |bytes| told(statements::taken(bytes))),
    (b'm', |bytes| told(clock::target(&body::parse(bytes)?, now()))),
    (b'o', |bytes| told(deals::bodies::open(body::parse(bytes)?, KEY))),
    (b'p', |bytes| told(Operation::payment(body::parse(bytes)?, KEY))),
    (b'r', |bytes| told(Operation::refund("pay_7_alice", body::parse(bytes)?, KEY))),
    (b's', |bytes| told(providers::bodies::settle(&provider(), &body::parse(bytes)?, KEY))),
    (b'v', |bytes| told(advances::operation(KEY, body::parse(bytes)?))),
    (b'w', |bytes| told(Operation::open_wallet(body::parse(bytes)?, KEY))),
    (b'x', |bytes| told(batch::mixed_line(bytes))),
];

fn told<T: Debug>(result: Result<T, Problem>) -> Understood {
    result.map(|understood| format!("{understood:?}"))
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000).expect("in range")
}

fn wallet() -> WalletId {
    WalletId::parse("alice").expect("well-formed")
}

fn deal() -> DealId {
    DealId::parse("harbour").expect("well-formed")
}

fn provider() -> ProviderId {
    ProviderId::parse("clinic").expect("well-formed")
}

/// The bodies of single requests, and lines of batches.
pub fn bodies(data: &[u8]) {
    let Some((letter, bytes)) = data.split_first() else { return };
    let Some((_, read)) = READERS.iter().find(|(known, _)| known == letter) else { return };
    let understood = match read(bytes) {
        Ok(understood) => understood,
        Err(problem) => return check_refusal(&problem),
    };
    let value: Value = serde_json::from_slice(bytes).expect("what was understood is JSON");
    let spread = serde_json::to_string_pretty(&value).expect("a value has a JSON form");
    for form in [value.to_string(), spread, escaped(&value)] {
        match read(form.as_bytes()) {
            Ok(again) => assert_eq!(again, understood, "{form}"),
            Err(problem) => panic!("{form}: {problem}"),
        }
    }
}

/// A value as JSON in which every letter of every text is escaped.
fn escaped(value: &Value) -> String {
    let text = |text: &str| {
        let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
        format!("\"{}\"", units.collect::<String>())
    };
    match value {
        Value::String(string) => text(string),
        Value::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(escaped).collect();
            format!("[{}]", elements.join(","))
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields: Vec<_> =
                fields.map(|(name, value)| format!("{}:{}", text(name), escaped(value))).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}
