//! A line of the report: what it must have, and which lines are about debits of advances.
//!
//! The contract: `{id, key, status: "succeeded" | "failed", at, code?}`. Other fields are passed
//! over, so that the processor can add some; a field that is missing, of another type or of a
//! meaning that is not known makes the report unreadable, never a guess.
//!
//! Invariant: what comes from outside is bounded before it is kept.

use std::borrow::Cow;

use bursar_domain::advance::DebitKey;
use bursar_domain::errand::{ReportLine, Reported};
use bursar_domain::key::Key;
use bursar_domain::time::Timestamp;
use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_128;

/// The longest name of a transaction.
const ID_LENGTH_MAX: usize = 255;

/// The longest code.
const CODE_LENGTH_MAX: usize = 64;

#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow)]
    at: Cow<'a, str>,
    code: Option<Cow<'a, str>>,
}

/// A line that is as agreed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line<'a> {
    /// The processor's name for the transaction.
    pub id: Cow<'a, str>,
    /// Ours.
    pub key: Cow<'a, str>,
    /// How it ended.
    pub status: Reported,
    at: Timestamp,
    code: Option<Cow<'a, str>>,
}

impl<'a> Line<'a> {
    /// Reads a line, without its end; an error says what is wrong with it.
    pub fn parse(text: &'a [u8]) -> Result<Self, Box<str>> {
        if text.trim_ascii_start().first() != Some(&b'{') {
            return Err("it is no JSON object".into());
        }
        let written: Written<'_> =
            serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let unseen = |c: char| c.is_control();
        if written.id.is_empty() || written.id.len() > ID_LENGTH_MAX || written.id.contains(unseen)
        {
            return Err("its id cannot be one".into());
        }
        if !Key::is_well_formed(&written.key) {
            return Err("its key cannot be one".into());
        }
        let status = match &*written.status {
            "succeeded" => Reported::Succeeded,
            "failed" => Reported::Failed,
            _ => return Err("its status is neither succeeded nor failed".into()),
        };
        let at = Timestamp::parse(&written.at).ok_or("its time cannot be read")?;
        // A code only explains; one that is no word does not make the line wrong.
        let code = written.code.filter(|code| is_code(code));
        Ok(Self { id: written.id, key: written.key, status, at, code })
    }

    /// As it is brought.
    pub fn brought(self) -> ReportLine {
        ReportLine {
            transaction: self.id.into(),
            key: self.key.into(),
            status: self.status,
            at: self.at,
            code: self.code.map(Into::into),
        }
    }

    /// What stands for it while it is checked.
    pub fn mark(&self) -> Mark {
        Mark {
            key: xxh3_128(self.key.as_bytes()),
            id: xxh3_128(self.id.as_bytes()),
            succeeded: self.status == Reported::Succeeded,
            debit: DebitKey::parse(&self.key).is_some_and(|key| is_made_here(&key)),
        }
    }
}

/// Whether an advance can be one that this server made. The report speaks of all that anybody asked
/// of the processor, and a line about an advance that nobody opened would make one of nothing.
fn is_made_here(key: &DebitKey) -> bool {
    key.advance.as_str().starts_with("adv_")
}

fn is_code(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=CODE_LENGTH_MAX).contains(&text.len()) && text.bytes().all(letter)
}

/// What stands for a line while it is checked. Hashes of 128 bits, so that two keys or ids of one
/// report, or of many years of them, are never taken for each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// Of its key.
    pub key: u128,
    /// Of its id.
    pub id: u128,
    /// How it ended.
    pub succeeded: bool,
    /// Whether it is about a debit of an advance.
    pub debit: bool,
}
