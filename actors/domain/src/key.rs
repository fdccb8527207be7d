//! Idempotency: a client's key, the mark of what it was used for, and the index of keys.
//!
//! A key lives as long as its entity. The entity's decisions are its history; the index only says
//! at which position of the journal a key was decided. The newest entries stay in memory and in
//! the entity's snapshot, older ones are spilled to disk with a checkpoint. The index has a second
//! use: from a payment to what was refunded of it.
//!
//! Invariant: an entry leaves memory only after it is on disk ([`Index::forget`] follows a save).
//! Entries are found by XXH3-128 of the text; the record that is found holds the text itself and
//! is compared, so two texts with one hash never share an answer.

use std::collections::HashMap;

use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};

use crate::id::Seq;
use crate::spilled::Spilled;

/// The longest key, in bytes.
pub const KEY_LENGTH_MAX: usize = 255;

/// How many index entries an entity keeps in memory and in its snapshot.
pub const RECENT_KEPT: usize = 32;

/// Above this many entries the index is hashed rather than scanned.
const SCANNED_MAX: usize = 48;

/// An idempotency key as recorded: the client's text and the mark of the request's content.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Key {
    /// 1 to 255 visible characters, as sent.
    pub text: Box<str>,
    /// XXH3-64 of the request's content in canonical form.
    pub content: u64,
}

impl Key {
    /// Whether a text can be a key: 1 to 255 visible ASCII characters.
    pub fn is_well_formed(text: &str) -> bool {
        (1..=KEY_LENGTH_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
    }

    /// Where the index keeps it.
    pub fn slot(&self) -> u128 {
        xxhash_rust::xxh3::xxh3_128(self.text.as_bytes())
    }
}

/// Collects the content of a request into one mark. Field by field, each with its length, so that
/// two different requests never feed the same bytes.
#[derive(Default)]
pub struct ContentMark(Vec<u8>);

impl ContentMark {
    /// A mark that starts with the name of the operation.
    pub fn of(operation: &str) -> Self {
        let mut mark = Self(Vec::with_capacity(128));
        mark.text(operation);
        mark
    }

    /// Adds a text.
    pub fn text(&mut self, text: &str) {
        self.number(i64::try_from(text.len()).expect("a request is far shorter than i64::MAX"));
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Adds a text that may be missing; missing and empty differ.
    pub fn optional_text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => {
                self.0.push(1);
                self.text(text);
            }
            None => self.0.push(0),
        }
    }

    /// Adds a number.
    pub fn number(&mut self, number: i64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// Adds a number that may be missing.
    pub fn optional_number(&mut self, number: Option<i64>) {
        match number {
            Some(number) => {
                self.0.push(1);
                self.number(number);
            }
            None => self.0.push(0),
        }
    }

    /// The mark.
    pub fn finish(self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&self.0)
    }
}

/// What the index knows of a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known {
    /// It is here, with this value.
    Value(u64),
    /// It was never set.
    Never,
    /// It is not in memory; the disk has to be asked.
    AskDisk,
}

/// From a slot to a number: the newest entries in memory, older ones on disk.
#[derive(Clone, Debug, Default)]
#[allow(clippy::box_collection, reason = "most entities have none, and there are millions")]
pub struct Index {
    recent: Vec<(u128, u64)>,
    hashed: Option<Box<HashMap<u128, u64>>>,
    spilled: Spilled,
    spills: u32,
}

impl Index {
    /// Nothing set.
    pub const EMPTY: Self =
        Self { recent: Vec::new(), hashed: None, spilled: Spilled::Nothing, spills: 0 };

    /// Looks a slot up in memory.
    pub fn get(&self, slot: u128) -> Known {
        let found = match &self.hashed {
            Some(hashed) => hashed.get(&slot).copied(),
            None => self.recent.iter().rev().find(|entry| entry.0 == slot).map(|entry| entry.1),
        };
        match found {
            Some(value) => Known::Value(value),
            None if self.spilled.may_have(slot) => Known::AskDisk,
            None => Known::Never,
        }
    }

    /// Sets a slot; the newest value wins.
    pub fn set(&mut self, slot: u128, value: u64) {
        if self.recent.is_empty() {
            // Most wallets have one key for long.
            self.recent.reserve_exact(1);
        }
        self.recent.push((slot, value));
        if let Some(hashed) = &mut self.hashed {
            hashed.insert(slot, value);
        } else if self.recent.len() > SCANNED_MAX {
            self.hashed = Some(Box::new(self.recent.iter().copied().collect()));
        }
    }

    /// The entries that a save must write to disk, oldest first: all but the newest few.
    pub fn overflow(&self) -> &[(u128, u64)] {
        &self.recent[..self.recent.len().saturating_sub(RECENT_KEPT)]
    }

    /// Drops the oldest `count` entries, which are on disk now.
    pub fn forget(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        self.spilled.add(self.recent.drain(..count).map(|(slot, _)| slot));
        self.recent.shrink_to(RECENT_KEPT * 2);
        self.spills += 1;
        self.hashed = (self.recent.len() > SCANNED_MAX)
            .then(|| Box::new(self.recent.iter().copied().collect()));
    }

    /// How often entries were dropped since the entity was loaded. A look-up on disk that began
    /// before such a drop may have missed what was dropped and must be made again.
    pub fn spills(&self) -> u32 {
        self.spills
    }

    /// What is known of the entries on disk.
    pub fn spilled(&self) -> &Spilled {
        &self.spilled
    }

    /// What is known of the entries on disk, to be told more.
    pub fn spilled_mut(&mut self) -> &mut Spilled {
        &mut self.spilled
    }

    /// Entries in memory.
    pub fn len(&self) -> usize {
        self.recent.len()
    }

    /// Whether nothing is in memory.
    pub fn is_empty(&self) -> bool {
        self.recent.is_empty()
    }
}

/// The snapshot's form: whether older entries are on disk, and the newest few.
impl Encode for Index {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        let overflow = self.overflow().len();
        (!self.spilled.is_nothing() || overflow > 0).encode(encoder)?;
        self.recent[overflow..].encode(encoder)
    }
}

impl<C> Decode<C> for Index {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let spilled = if bool::decode(decoder)? { Spilled::unknown() } else { Spilled::Nothing };
        let recent: Vec<(u128, u64)> = Vec::decode(decoder)?;
        Ok(Self { recent, hashed: None, spilled, spills: 0 })
    }
}

bincode::impl_borrow_decode!(Index);

impl From<Known> for Option<Seq> {
    fn from(known: Known) -> Self {
        match known {
            Known::Value(value) => Some(Seq(value)),
            Known::Never | Known::AskDisk => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_forgotten_that_was_not_saved() {
        let mut index = Index::default();
        for n in 0..100_u64 {
            index.set(u128::from(n), n);
        }
        assert_eq!(index.get(0), Known::Value(0));
        assert_eq!(index.get(100), Known::Never);
        let saved = index.overflow().to_vec();
        assert_eq!(saved.len(), 100 - RECENT_KEPT);
        index.set(100, 100);
        index.forget(saved.len());
        for n in 0..=100_u64 {
            let expected = if n < 68 { Known::AskDisk } else { Known::Value(n) };
            assert_eq!(index.get(u128::from(n)), expected, "{n}");
        }
        assert_eq!(index.get(1000), Known::Never);
        assert_eq!(index.spills(), 1);
    }

    #[test]
    fn the_newest_value_of_a_slot_wins_scanned_and_hashed() {
        let mut index = Index::default();
        for n in 0..200_u64 {
            index.set(u128::from(n % 7), n);
            assert_eq!(index.get(u128::from(n % 7)), Known::Value(n));
        }
    }

    #[test]
    fn marks_tell_neighbouring_fields_apart() {
        let mark = |parts: [&str; 2]| {
            let mut mark = ContentMark::of("op");
            for part in parts {
                mark.text(part);
            }
            mark.finish()
        };
        assert_ne!(mark(["ab", "c"]), mark(["a", "bc"]));
        assert_eq!(mark(["ab", "c"]), mark(["ab", "c"]));
    }
}
