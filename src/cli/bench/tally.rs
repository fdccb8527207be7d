//! The count of answers, good and bad.
//!
//! A load generator that only counts what went well measures how fast a server says no. So every
//! answer is held against the expected statuses (mostly one), the others are counted by status with
//! the first of them kept to read, and a run with any of them fails.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// Characters of an unexpected answer that are kept.
const SAMPLE_CHARACTERS: usize = 300;

/// How many answers came, and which of them nobody expected.
#[derive(Clone, Default, Debug)]
pub(crate) struct Tally {
    /// All answers.
    pub(crate) answered: u64,
    unexpected: BTreeMap<u16, u64>,
    broken: u64,
    sample: Option<String>,
}

impl Tally {
    /// An answer came; says whether it is one of those expected.
    pub(crate) fn answer(&mut self, status: u16, expected: &[u16], body: &[u8]) -> bool {
        self.answered += 1;
        if expected.contains(&status) {
            return true;
        }
        *self.unexpected.entry(status).or_default() += 1;
        self.keep(|| format!("{status}: {}", String::from_utf8_lossy(body).trim()));
        false
    }

    /// No answer came, or none that can be read.
    pub(crate) fn broken(&mut self, why: &dyn Display) {
        self.broken += 1;
        self.keep(|| why.to_string());
    }

    fn keep(&mut self, sample: impl FnOnce() -> String) {
        if self.sample.is_none() {
            self.sample = Some(sample().chars().take(SAMPLE_CHARACTERS).collect());
        }
    }

    /// Adds another count to this one.
    pub(crate) fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.broken += other.broken;
        for (status, count) in other.unexpected {
            *self.unexpected.entry(status).or_default() += count;
        }
        if self.sample.is_none() {
            self.sample = other.sample;
        }
    }

    /// Whether every answer was the expected one.
    pub(crate) fn is_clean(&self) -> bool {
        self.unexpected.is_empty() && self.broken == 0
    }
}

impl Display for Tally {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} answers", self.answered)?;
        for (status, count) in &self.unexpected {
            write!(formatter, ", {count} with {status}")?;
        }
        if self.broken > 0 {
            write!(formatter, ", {} broken", self.broken)?;
        }
        if let Some(sample) = &self.sample {
            write!(formatter, "; the first: {sample}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unexpected_answer_is_not_clean_and_is_shown() {
        let mut tally = Tally::default();
        assert!(tally.answer(201, &[201], b""));
        assert!(tally.answer(409, &[202, 409], b""));
        assert!(tally.is_clean());
        let mut other = Tally::default();
        assert!(!other.answer(503, &[202, 409], b"{\"code\":\"overloaded\"}"));
        other.broken(&"gone");
        tally.add(other);
        assert!(!tally.is_clean());
        let text = "3 answers, 1 with 503, 1 broken; the first: 503: {\"code\":\"overloaded\"}";
        assert_eq!(tally.to_string(), text);
    }
}
