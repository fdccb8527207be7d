//! Reports written by tests: lines about debits and about other things.
//!
//! A line's id follows from its key, as it does with an honest processor, unless a test says
//! otherwise.

use serde_json::{Value, json};

/// A line about a debit, with its end.
pub(crate) fn debit(number: u32, status: &str) -> String {
    text(&line(&key(number), status))
}

/// The key of a debit.
pub(crate) fn key(number: u32) -> String {
    format!("adv_{number}_a/d3/1")
}

/// A line.
pub(crate) fn line(key: &str, status: &str) -> Value {
    json!({
        "id": format!("ptx-{key}"),
        "key": key,
        "status": status,
        "at": "2026-11-21T06:00:00.000Z",
    })
}

/// As it stands in a report.
pub(crate) fn text(line: &Value) -> String {
    format!("{line}\n")
}

/// Lines about these debits, all of which succeeded.
pub(crate) fn debits(numbers: impl IntoIterator<Item = u32>) -> String {
    numbers.into_iter().map(|number| debit(number, "succeeded")).collect()
}
