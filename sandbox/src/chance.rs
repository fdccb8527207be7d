//! Chance that can be repeated: every draw is a hash of the seed and of what is drawn for.
//!
//! There is no generator with a state, because then a draw would depend on the order in which
//! calls arrive. A draw depends on its purpose, the idempotency key and how often that key was
//! seen, so a test with a seed sees the same faults however its calls are scheduled.
//!
//! The hash is XXH3-64, which is specified, so a seed means the same on every machine. All is
//! integers: a probability is parts per million.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Parts per million in the whole.
pub(crate) const WHOLE_PPM: u32 = 1_000_000;

/// What all draws of a sandbox come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance {
    seed: u64,
}

/// What was drawn: every value of 64 bits is as likely.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Draw(u64);

impl Chance {
    /// The chance of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The draw for a purpose, on the `attempt`th call with this key.
    pub(crate) fn draw(self, purpose: &str, key: &str, attempt: u32) -> Draw {
        // Purposes have no NUL and what follows the last NUL is digits, so two different draws
        // never hash the same text.
        let text = format!("{purpose}\0{key}\0{attempt}");
        Draw(xxh3_64_with_seed(text.as_bytes(), self.seed))
    }
}

impl Draw {
    /// Whether something of this probability happens.
    pub(crate) fn happens(self, probability_ppm: u32) -> bool {
        self.below(u64::from(WHOLE_PPM)) < u64::from(probability_ppm)
    }

    /// A number from 0 to `bound - 1`; 0 for a bound of 0.
    pub(crate) fn below(self, bound: u64) -> u64 {
        let scaled = (u128::from(self.0) * u128::from(bound)) >> 64;
        u64::try_from(scaled).expect("the upper half of a product of two u64 is a u64")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_draws_in_any_order() {
        let draws = |keys: &mut dyn Iterator<Item = u32>| {
            let chance = Chance::new(7);
            let mut all: Vec<_> = keys
                .flat_map(|key| [1, 2].map(|attempt| (key, attempt)))
                .map(|(key, attempt)| (key, attempt, chance.draw("f", &format!("k{key}"), attempt)))
                .collect();
            all.sort_by_key(|&(key, attempt, _)| (key, attempt));
            all
        };
        assert_eq!(draws(&mut (0..100)), draws(&mut (0..100).rev()));
    }

    #[test]
    fn a_draw_is_fixed_for_ever() {
        // Written down once, so that a change of the hash or of what is hashed does not pass.
        assert_eq!(Chance::new(1).draw("fault", "key-1", 1), Draw(6_022_652_864_801_790_734));
    }

    #[test]
    fn seed_purpose_key_and_attempt_each_make_another_draw() {
        let draw = Chance::new(1).draw("a", "k", 1);
        for other in [
            Chance::new(2).draw("a", "k", 1),
            Chance::new(1).draw("b", "k", 1),
            Chance::new(1).draw("a", "j", 1),
            Chance::new(1).draw("a", "k", 2),
        ] {
            assert_ne!(draw, other);
        }
    }

    #[test]
    fn what_is_drawn_is_spread_evenly() {
        let chance = Chance::new(3);
        let draws = (0..10_000).map(|key| chance.draw("f", &key.to_string(), 1));
        let struck = draws.clone().filter(|draw| draw.happens(WHOLE_PPM / 4)).count();
        assert!((2_300..2_700).contains(&struck), "{struck} of 10000 at a quarter");
        assert!(draws.clone().all(|draw| draw.below(10) < 10 && draw.below(0) == 0));
        assert!(draws.clone().all(|draw| draw.happens(WHOLE_PPM)));
        assert!(!draws.clone().any(|draw| draw.happens(0)));
    }
}
