//! What goes wrong with the machine: its power, its disk, its clock.
//!
//! A list, drawn from the seed; each fault has a number that stays when others are left out. Times
//! are microseconds since the beginning.

use crate::chance::Chance;

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The power goes; the machine comes back after a while.
    Crash {
        /// After how long.
        down_us: u64,
    },
    /// The power goes in the midst of what the disk is doing, after so many of its operations.
    CrashAtDisk {
        /// After how many operations from then on.
        operations: u64,
    },
    /// A sync fails, and with it the process ends.
    SyncFails {
        /// After how many operations from then on.
        operations: u64,
    },
    /// Nothing can be written for a while; processes end and cannot be started.
    Full {
        /// For how long.
        for_us: u64,
    },
    /// Bits flip in what is at rest, seen with the next start.
    Flip {
        /// How many values.
        count: u32,
    },
    /// Whatever the disk does takes longer for a while.
    Slow {
        /// For how long.
        for_us: u64,
        /// By how much.
        by_us: u64,
    },
    /// The clock is set wrong for a while.
    Clock {
        /// For how long.
        for_us: u64,
        /// By how much, in milliseconds.
        by_ms: i64,
    },
}

/// One fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Its number, for ever.
    pub number: u32,
    /// When it begins.
    pub at_us: u64,
    /// What it is.
    pub kind: Kind,
}

/// Draws the machine's faults for a span of time.
pub fn draw(chance: &mut Chance, span_us: u64, may_set_clock: bool) -> Vec<Fault> {
    let count = *chance.pick(&[0, 1, 2, 4, 8]);
    let weights = weights(chance, may_set_clock);
    let mut faults = Vec::new();
    for number in 0..count {
        let chance = &mut chance.split_at(u64::from(number));
        let at_us = chance.below(span_us);
        let kind = match chance.weighted(&weights) {
            0 => Kind::Crash { down_us: chance.below(2_000_000) },
            1 => Kind::CrashAtDisk { operations: chance.below(60) },
            2 => Kind::SyncFails { operations: chance.below(40) },
            3 => Kind::Full { for_us: chance.below(3_000_000) },
            4 => Kind::Flip { count: 1 },
            5 => {
                let by_us = *chance.pick(&[2_000, 50_000, 1_000_000, 30_000_000]);
                Kind::Slow { for_us: chance.below(10_000_000), by_us }
            }
            _ => {
                let by_ms = *chance.pick(&[-86_400_000, -60_000, -200, 200, 5_000, 3_600_000]);
                Kind::Clock { for_us: chance.below(span_us / 4 + 1), by_ms }
            }
        };
        faults.push(Fault { number, at_us, kind });
    }
    faults
}

fn weights(chance: &mut Chance, may_set_clock: bool) -> [u32; 7] {
    let mut of = |weights: &[u32]| *chance.pick(weights);
    [
        of(&[4, 8]),
        of(&[4, 8]),
        of(&[0, 2, 4]),
        of(&[0, 1]),
        of(&[0, 1]),
        of(&[0, 2, 4]),
        if may_set_clock { of(&[0, 2]) } else { 0 },
    ]
}
