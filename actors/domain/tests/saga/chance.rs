//! Chance that can be repeated.
//!
//! Numbers are drawn from a seed by SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom
//! number generators", 2014), so that a run that failed can be run again from the one number that
//! proptest shows.

#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let drawn = self.draw() % u64::try_from(end).expect("it fits");
        usize::try_from(drawn).expect("it is below a usize")
    }

    /// Whether what happens in so many of a hundred cases happens.
    pub(crate) fn of(&mut self, percent: u64) -> bool {
        self.draw() % 100 < percent
    }
}
