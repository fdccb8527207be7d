//! Marks: keys as numbers, and the chance that belongs to one attempt at one key.
//!
//! A mark is a hash of 64 bits that depends on nothing but the text; the parties' maps are kept by
//! it, and whoever finds something by a mark compares the text. A [`Strike`] is drawn from seed,
//! fault, mark and count.
//!
//! Invariant: the same text has the same mark on every machine and in every run.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::chance::WHOLE_PPM;

/// A key as a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Mark(pub(crate) u64);

impl Mark {
    pub(crate) fn of(text: &str) -> Self {
        let mut words = text.as_bytes().chunks_exact(8);
        let mut state = text.len() as u64;
        for word in &mut words {
            let word = word.try_into().expect("chunks of eight bytes");
            state = mix(state ^ u64::from_le_bytes(word));
        }
        let mut last = [0; 8];
        let rest = words.remainder();
        last[..rest.len()].copy_from_slice(rest);
        Self(mix(mix(state ^ u64::from_le_bytes(last))))
    }

    /// The mark of the same key for another purpose.
    pub(crate) fn with(self, purpose: u64) -> Self {
        Self(mix(self.0 ^ mix(purpose.wrapping_add(1))))
    }

    /// The chance of a fault at the `count`th attempt.
    pub(crate) fn strike(self, seed: u64, fault: u32, count: u32) -> Strike {
        let which = u64::from(fault) << 32 | u64::from(count);
        Strike(mix(mix(seed ^ self.0).wrapping_add(mix(which))))
    }
}

/// What was drawn for one attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Strike(u64);

impl Strike {
    /// Whether it is one of those in a million.
    pub(crate) fn is_within(self, ppm: u32) -> bool {
        self.below(0, u64::from(WHOLE_PPM)) < u64::from(ppm)
    }

    /// Heads or tails, apart from all else that is drawn here.
    pub(crate) fn coin(self, purpose: u64) -> bool {
        self.below(purpose, 2) == 1
    }

    /// A number below a bound, apart from all else that is drawn here.
    pub(crate) fn below(self, purpose: u64, bound: u64) -> u64 {
        let wide = u128::from(mix(self.0 ^ mix(purpose))) * u128::from(bound);
        u64::try_from(wide >> 64).expect("a product of 64 bits by 64, shifted by 64")
    }
}

/// A map by marks. It is never walked through, so its order means nothing.
pub(crate) type ByMark<T> = HashMap<Mark, T, BuildHasherDefault<AsItIs>>;

/// A mark is a hash already.
#[derive(Default)]
pub(crate) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |state, byte| mix(state ^ u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
