//! Keys of debits: under which the processor is asked to collect, and under which its report speaks.
//!
//! `{advance}/d{number}/{attempt}`: each attempt at a debit has its own key, a repeat of the same
//! attempt has the same one. The refund of a debit that was collected twice has the key of the
//! attempt with `/refund` behind it; after a definite no, which did nothing, the next one is
//! `/refund/2`, because the old key would give the old no for ever.
//!
//! The processor's report speaks of everything that anybody asked of it, so reading is strict: what
//! this server cannot have written is no key of a debit, and neither is the key of a refund.
//!
//! Invariant: what is written reads back as the same key, and nothing else reads as it.

use std::fmt;
use std::sync::Arc;

use crate::id::AdvanceId;

/// The name of one attempt at a debit.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DebitKey {
    /// Whose debit.
    pub advance: AdvanceId,
    /// Which of its debits, from 1.
    pub debit: u32,
    /// Which attempt, from 1.
    pub attempt: u32,
}

impl DebitKey {
    /// Reads `{advance}/d{number}/{attempt}`; `None` when this server cannot have written it.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (advance, debit, attempt) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        Some(Self {
            advance: AdvanceId::parse(advance)?,
            debit: number(debit.strip_prefix('d')?)?,
            attempt: number(attempt)?,
        })
    }

    /// The key under which what this attempt collected is given back, after so many definite noes.
    pub fn refund(&self, refusals: u32) -> String {
        match refusals {
            0 => format!("{self}/refund"),
            refusals => format!("{self}/refund/{}", refusals + 1),
        }
    }

    /// The key of an attempt at a debit of the advance with this id.
    pub(super) fn of(id: &Arc<str>, debit: u32, attempt: u32) -> Self {
        Self { advance: AdvanceId::from_shared(Arc::clone(id)), debit, attempt }
    }
}

impl fmt::Display for DebitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/d{}/{}", self.advance, self.debit, self.attempt)
    }
}

/// A number from 1 as `Display` writes it: digits without a leading zero.
fn number(digits: &str) -> Option<u32> {
    let is_canonical = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    if is_canonical { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_as_it_was_written() {
        for (advance, debit, attempt) in
            [("adv_1", 1, 1), ("a-b_c", 10, 3), ("d1", u32::MAX, u32::MAX)]
        {
            let advance = AdvanceId::parse(advance).expect("well-formed");
            let key = DebitKey { advance, debit, attempt };
            assert_eq!(DebitKey::parse(&key.to_string()), Some(key));
        }
    }

    #[test]
    fn what_is_no_key_of_a_debit_is_none() {
        for text in [
            "",
            "adv_1",
            "adv_1/d1",
            "adv_1/1/1",
            "adv_1/d/1",
            "adv_1/d1/",
            "adv_1/d0/1",
            "adv_1/d1/0",
            "adv_1/d01/1",
            "adv_1/d1/01",
            "adv_1/d+1/1",
            "adv_1/d1/1/refund",
            "adv_1/d1/1/refund/2",
            "adv_1/d1/1/",
            "/d1/1",
            "ä/d1/1",
            "adv_1/d4294967296/1",
            "inv_3_deal/1700000000000/pull",
            "adv_1/D1/1",
            " adv_1/d1/1",
        ] {
            assert_eq!(DebitKey::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_refund_has_a_new_key_after_each_no() {
        let key = DebitKey::parse("adv_1/d2/1").expect("a key");
        let keys = [0, 1, 2].map(|refusals| key.refund(refusals));
        assert_eq!(keys, ["adv_1/d2/1/refund", "adv_1/d2/1/refund/2", "adv_1/d2/1/refund/3"]);
    }
}
