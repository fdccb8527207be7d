//! Chance from a seed: streams of numbers that depend on nothing else.
//!
//! SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014). Each
//! purpose has its own stream, split off by a name, so that one more draw in one place changes
//! nothing elsewhere; a run with some operations or faults left out keeps the rest as it was.
//!
//! Invariant: the same seed and the same calls give the same numbers, on every machine.

/// A stream of numbers.
#[derive(Clone, Debug)]
pub struct Chance {
    state: u64,
}

/// One part in a million, as chances are said.
pub const WHOLE_PPM: u32 = 1_000_000;

impl Chance {
    /// The stream of a seed.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A stream of its own for a purpose; this one goes on as if nothing had happened.
    pub fn split(&self, purpose: &str) -> Self {
        let mixed = purpose.bytes().fold(self.state, |state, byte| mix(state ^ u64::from(byte)));
        Self { state: mix(mixed.wrapping_add(GAMMA)) }
    }

    /// A stream of its own for the n-th of something.
    pub fn split_at(&self, number: u64) -> Self {
        Self { state: mix(mix(self.state ^ GAMMA).wrapping_add(number.wrapping_mul(GAMMA))) }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        mix(self.state)
    }

    /// A number below a bound above zero. The bias is below 2^-32 for bounds below 2^32.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is nothing below zero");
        let wide = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("a product of 64 bits by 64, shifted by 64")
    }

    /// A number from `least` to `most`, both with.
    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        let width = u64::try_from(most - least).expect("the bounds are in order");
        least + i64::try_from(self.below(width + 1)).expect("within the bounds")
    }

    /// Yes, with a chance in parts per million.
    pub fn strikes(&mut self, ppm: u32) -> bool {
        self.below(u64::from(WHOLE_PPM)) < u64::from(ppm)
    }

    /// One of these; there must be one.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let index = self.below(of.len() as u64);
        &of[usize::try_from(index).expect("below a length")]
    }

    /// An index by weight; one of the weights must be above zero.
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let whole = weights.iter().map(|weight| u64::from(*weight)).sum();
        let mut left = self.below(whole);
        for (index, weight) in weights.iter().enumerate() {
            if left < u64::from(*weight) {
                return index;
            }
            left -= u64::from(*weight);
        }
        unreachable!("what is left is below the sum")
    }
}

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_paper() {
        // The reference implementation's first numbers for the seed 1234567.
        let mut chance = Chance::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| chance.next_u64()).collect();
        let known =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(first, known);
    }

    #[test]
    fn streams_do_not_disturb_each_other() {
        let mut one = Chance::new(7);
        let mut other = one.clone();
        let mut apart = other.split("clients");
        apart.next_u64();
        assert_eq!(one.next_u64(), other.next_u64());
        assert_ne!(one.split("a").next_u64(), one.split("b").next_u64());
        assert_ne!(one.split_at(1).next_u64(), one.split_at(2).next_u64());
    }

    #[test]
    fn bounds_and_weights_hold() {
        let mut chance = Chance::new(3);
        let mut seen = [0; 3];
        for _ in 0..3_000 {
            assert!((-2..=2).contains(&chance.between(-2, 2)));
            seen[chance.weighted(&[1, 0, 2])] += 1;
        }
        assert!(seen[1] == 0 && seen[0] > 800 && seen[2] > 1_800, "{seen:?}");
        assert!(!chance.strikes(0) && chance.strikes(WHOLE_PPM));
    }
}
