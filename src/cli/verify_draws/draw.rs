//! A draw, done again: from the seed and the business key to the prize and what it is worth.
//!
//! This is written from the stated method alone, without the rules of the server, so that the two
//! check each other: HMAC-SHA256 of the key under the seed is four numbers of 64 bits, big-endian,
//! used in order; further ones come from HMAC-SHA256(seed, key, a zero byte, n as four bytes). To
//! draw one of N, numbers not below the largest multiple of N up to 2^64 are skipped, and the first
//! other one modulo N is taken.
//!
//! Invariant: nothing but the seed, the key, the odds, the prizes and the purchase takes part.

use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::{Digest, Sha256};

type Keyed = Hmac<Sha256>;

/// All numbers of 64 bits.
const NUMBERS: u128 = 1 << 64;

/// All of a purchase, in millionths.
const WHOLE: i128 = 1_000_000;

/// A day's seed.
pub(super) type Seed = [u8; 32];

/// What is published of a seed before its day.
pub(super) fn commitment(seed: &Seed) -> [u8; 32] {
    Sha256::digest(seed).into()
}

/// Which way a share is rounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Rounding {
    /// Towards zero.
    Down,
    /// To the nearest, a half to the even one.
    HalfEven,
    /// Away from zero.
    Up,
}

/// A line of the prize table, as the export of campaigns writes it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct Prize {
    weight: u32,
    #[serde(default)]
    amount_minor: Option<i64>,
    #[serde(default)]
    millionths: Option<u64>,
    #[serde(default)]
    rounding: Option<Rounding>,
    #[serde(default)]
    max_minor: Option<i64>,
}

impl Prize {
    /// Whether it is one: weighed, and either an amount or a share.
    fn is_well_formed(&self) -> bool {
        let is_share = self.millionths.is_some() && self.rounding.is_some();
        self.weight > 0 && (self.amount_minor.is_some() != is_share)
    }

    /// What it is worth for a purchase; `None` when it is more than an amount can be.
    fn worth(&self, purchase: i64) -> Option<i64> {
        if let Some(amount) = self.amount_minor {
            return Some(amount);
        }
        let product = i128::from(purchase) * i128::from(self.millionths?);
        let rest = product.rem_euclid(WHOLE);
        let down = product.div_euclid(WHOLE);
        let is_up = match self.rounding? {
            Rounding::Down => false,
            Rounding::Up => rest != 0,
            Rounding::HalfEven if 2 * rest == WHOLE => down % 2 != 0,
            Rounding::HalfEven => 2 * rest > WHOLE,
        };
        let share = (down + i128::from(is_up)).max(1);
        let share = share.min(self.max_minor.map_or(i128::MAX, i128::from));
        i64::try_from(share).ok()
    }
}

/// The odds and the prizes of a campaign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Chances {
    wins: u64,
    of: u64,
    prizes: Vec<Prize>,
}

/// What a purchase won.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Won {
    /// The prize's place in the table.
    pub(super) prize: u64,
    /// What it is worth, in minor units.
    pub(super) amount_minor: i64,
}

impl Chances {
    /// Odds and prizes; `None` when they are not such.
    pub(super) fn new(wins: u64, of: u64, prizes: Vec<Prize>) -> Option<Self> {
        let good = wins > 0 && wins <= of && !prizes.is_empty();
        (good && prizes.iter().all(Prize::is_well_formed)).then_some(Self { wins, of, prizes })
    }

    /// How many of so many draws win in the mean, in tenths.
    pub(super) fn expected_tenths(&self, draws: u64) -> u128 {
        u128::from(draws) * u128::from(self.wins) * 10 / u128::from(self.of)
    }

    /// Draws a purchase: what it won, if anything. `Err` when the prize is more than an amount can
    /// be.
    pub(super) fn draw(
        &self,
        drawer: &Drawer,
        key: &str,
        purchase: i64,
    ) -> Result<Option<Won>, ()> {
        let mut numbers = drawer.numbers(key);
        if pick(&mut numbers, self.of) >= self.wins {
            return Ok(None);
        }
        let all: u64 = self.prizes.iter().map(|prize| u64::from(prize.weight)).sum();
        let picked = pick(&mut numbers, all);
        let mut up_to = 0;
        for (place, prize) in (0..).zip(&self.prizes) {
            up_to += u64::from(prize.weight);
            if picked < up_to {
                let amount_minor = prize.worth(purchase).ok_or(())?;
                return Ok(Some(Won { prize: place, amount_minor }));
            }
        }
        unreachable!("what is picked is below the sum of the weights")
    }
}

/// One of 0 to `n` - 1.
fn pick(numbers: &mut impl Iterator<Item = u64>, n: u64) -> u64 {
    let n = u128::from(n);
    let limit = NUMBERS / n * n;
    let fair = numbers.map(u128::from).find(|number| *number < limit);
    let picked = fair.expect("numbers never end") % n;
    u64::try_from(picked).expect("below what is 64 bits")
}

/// Draws with the seed of a day.
#[derive(Clone, Debug)]
pub(super) struct Drawer(Keyed);

impl Drawer {
    /// With this seed.
    pub(super) fn new(seed: &Seed) -> Self {
        Self(Keyed::new_from_slice(seed).expect("HMAC takes a key of any length"))
    }

    fn block(&self, key: &str, number: u32) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(key.as_bytes());
        if number > 0 {
            mac.update(&[0]);
            mac.update(&number.to_be_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    /// The numbers of a key, without end.
    fn numbers(&self, key: &str) -> impl Iterator<Item = u64> {
        (0..).flat_map(|number| {
            let block = self.block(key, number);
            [0, 8, 16, 24].map(|at| {
                let bytes = block[at..at + 8].try_into().expect("eight bytes");
                u64::from_be_bytes(bytes)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PYTHON_NUMBERS: [u64; 5] = [
        14_447_828_508_157_836_101,
        1_096_646_909_331_324_872,
        7_869_680_965_591_798_421,
        6_300_995_110_673_398_687,
        8_154_248_731_056_676_036,
    ];

    const PYTHON_PRIZES: [Option<u64>; 40] = [
        Some(0),
        None,
        Some(1),
        None,
        None,
        Some(0),
        Some(0),
        Some(0),
        Some(0),
        Some(0),
        None,
        Some(0),
        None,
        Some(0),
        Some(0),
        None,
        None,
        None,
        Some(0),
        None,
        Some(0),
        None,
        Some(0),
        Some(0),
        Some(0),
        Some(0),
        Some(0),
        None,
        Some(0),
        None,
        None,
        Some(0),
        None,
        None,
        Some(0),
        Some(0),
        None,
        Some(0),
        None,
        Some(1),
    ];

    fn chances(wins: u64, of: u64, prizes: &str) -> Option<Chances> {
        Chances::new(wins, of, serde_json::from_str(prizes).expect("a table"))
    }

    fn worth(prize: &str, purchase: i64) -> Option<i64> {
        serde_json::from_str::<Prize>(prize).expect("a prize").worth(purchase)
    }

    #[test]
    fn shares_are_rounded_as_the_table_says() {
        let share = |rounding: &str, most: &str| {
            format!("{{\"weight\":1,\"millionths\":100000,\"rounding\":\"{rounding}\"{most}}}")
        };
        for (rounding, purchase, expected) in [
            ("down", 1_259, 125),
            ("up", 1_251, 126),
            ("up", 1_250, 125),
            ("half-even", 1_250, 125),
            ("half-even", 1_255, 126),
            ("half-even", 1_245, 124),
            ("half-even", 1_246, 125),
            ("down", 1, 1),
        ] {
            let found = worth(&share(rounding, ""), purchase);
            assert_eq!(found, Some(expected), "{rounding} of {purchase}");
        }
        assert_eq!(worth(&share("down", ",\"max_minor\":50"), 1_000), Some(50));
        assert_eq!(worth(&share("down", ",\"max_minor\":null"), 1_000), Some(100));
        assert_eq!(worth("{\"weight\":1,\"amount_minor\":7}", 1_000), Some(7));
        let tenfold = "{\"weight\":1,\"millionths\":10000000,\"rounding\":\"down\"}";
        assert_eq!(worth(tenfold, i64::MAX), None);
    }

    #[test]
    fn tables_that_are_none_are_refused() {
        let good = "[{\"weight\":1,\"amount_minor\":1}]";
        assert!(chances(1, 1, good).is_some());
        assert!(chances(0, 1, good).is_none());
        assert!(chances(2, 1, good).is_none());
        assert!(chances(1, 1, "[]").is_none());
        assert!(chances(1, 1, "[{\"weight\":0,\"amount_minor\":1}]").is_none());
        assert!(chances(1, 1, "[{\"weight\":1}]").is_none());
        assert!(chances(1, 1, "[{\"weight\":1,\"millionths\":5}]").is_none());
    }

    #[test]
    fn what_is_not_below_the_largest_multiple_is_skipped() {
        let n = 3;
        // 2^64 - 1 is a multiple of 3, so only the largest number is skipped.
        assert_eq!(pick(&mut [u64::MAX, 5].into_iter(), n), 2);
        assert_eq!(pick(&mut [u64::MAX - 1, 5].into_iter(), n), 2);
        assert_eq!(pick(&mut [u64::MAX].into_iter(), 1), 0);
        assert_eq!(pick(&mut [u64::MAX].into_iter(), 2), 1);
        assert_eq!(pick(&mut [1_u64 << 63, 9].into_iter(), (1 << 63) + 1), 1 << 63);
        assert_eq!(pick(&mut [(1_u64 << 63) + 1, 9].into_iter(), (1 << 63) + 1), 9);
    }

    #[test]
    fn numbers_go_on_past_the_first_block() {
        let drawer = Drawer::new(&[7; 32]);
        let numbers: Vec<u64> = drawer.numbers("ann/tx-1").take(9).collect();
        let different: std::collections::HashSet<_> = numbers.iter().collect();
        assert_eq!(different.len(), 9);
    }

    /// The same arithmetic, known from elsewhere: made with Python's hmac and hashlib.
    #[test]
    fn a_draw_is_the_one_that_another_program_makes() {
        let drawer = Drawer::new(&[7; 32]);
        let first: Vec<u64> = drawer.numbers("ann/tx-1").take(5).collect();
        assert_eq!(first, PYTHON_NUMBERS);
        let chances = chances(
            1,
            2,
            "[{\"weight\":9,\"amount_minor\":5},{\"weight\":1,\
            \"millionths\":100000,\"rounding\":\"down\"}]",
        )
        .expect("a table");
        let won = |key: &str| chances.draw(&drawer, key, 12_345).expect("an amount");
        let prizes: Vec<_> = (0..40).map(|n| won(&format!("ann/tx-{n}"))).collect();
        let prizes: Vec<_> = prizes.iter().map(|won| won.map(|won| won.prize)).collect();
        assert_eq!(prizes, PYTHON_PRIZES);
    }
}
