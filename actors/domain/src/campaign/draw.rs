//! The draw: who wins what, so that anyone can check it.
//!
//! Each campaign has a secret, and from it a seed for each day:
//! `seed = HMAC-SHA256(secret, "{campaign}/{YYYY-MM-DD}")`. The commitment `SHA-256(seed)` can be
//! read from the moment the campaign is announced; the seed itself once no purchase of that day can
//! come any more. A purchase is drawn by its business key, `"{wallet}/{purchase}"`: the text of
//! HMAC-SHA256(seed, key) gives numbers of 64 bits, and these decide. Nothing else takes part: not
//! when a line came, in which batch, or to which shard.
//!
//! From numbers to chances without bias: the digest is four numbers, big-endian, of eight bytes
//! each, in order. When they are used up, the next four are HMAC-SHA256(seed, key ‖ 0x00 ‖ n) with
//! n = 1, 2, ... as four bytes, big-endian (a key has no zero byte). To draw one of `n`: let `limit`
//! be the largest multiple of n that is at most 2^64; a number not below it is skipped; the first
//! one below it, modulo n, is drawn. First one of `odds.of` is drawn: it wins when below
//! `odds.wins`. Then, for a win, one of the sum of all weights: the prize is the first in the table
//! whose weights, summed up to it, are above the number.
//!
//! Invariant: the same seed, key and terms give the same draw, for ever.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::campaign::terms::{MILLION, Odds, Prize, Rounding, Secret, Terms, Worth};
use crate::id::WalletId;
use crate::money::Amount;
use crate::plan::Day;

/// A day's seed.
pub type Seed = [u8; 32];

type HmacSha256 = Hmac<Sha256>;

fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// A campaign's seed of a day.
pub fn seed(terms: &Terms, day: Day) -> Seed {
    seed_of(&terms.secret, terms.id.as_str(), day)
}

fn seed_of(secret: &Secret, campaign: &str, day: Day) -> Seed {
    let mut mac = keyed(&secret.0);
    mac.update(format!("{campaign}/{day}").as_bytes());
    mac.finalize().into_bytes().into()
}

/// What is published of a seed before the day.
pub fn commitment(seed: &Seed) -> [u8; 32] {
    Sha256::digest(seed).into()
}

/// The name of a purchase that is drawn.
pub fn business_key(wallet: &WalletId, purchase: &str) -> String {
    format!("{wallet}/{purchase}")
}

/// Draws with one seed; made once for many purchases.
#[derive(Clone)]
pub struct Drawer(HmacSha256);

impl Drawer {
    /// With this seed.
    pub fn new(seed: &Seed) -> Self {
        Self(keyed(seed))
    }

    /// The digest that decides first.
    pub fn digest(&self, key: &str) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(key.as_bytes());
        mac.finalize().into_bytes().into()
    }

    fn later_digest(&self, key: &str, number: u32) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(key.as_bytes());
        mac.update(&[0]);
        mac.update(&number.to_be_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The place in the table of the prize that a purchase wins; `None` when it wins nothing.
    pub fn draw(&self, key: &str, odds: Odds, prizes: &[Prize]) -> Option<u16> {
        let mut numbers =
            Numbers { drawer: self, key, block: 0, digest: self.digest(key), used: 0 };
        if numbers.one_of(odds.of) >= odds.wins {
            return None;
        }
        let weights = prizes.iter().map(|prize| u64::from(prize.weight));
        let mut drawn = numbers.one_of(weights.clone().sum());
        for (place, weight) in weights.enumerate() {
            match drawn.checked_sub(weight) {
                Some(rest) => drawn = rest,
                None => return Some(u16::try_from(place).expect("the table is short")),
            }
        }
        unreachable!("what is drawn is below the sum of the weights")
    }
}

/// The numbers of one key, one after the other.
struct Numbers<'a> {
    drawer: &'a Drawer,
    key: &'a str,
    block: u32,
    digest: [u8; 32],
    used: usize,
}

impl Numbers<'_> {
    fn next(&mut self) -> u64 {
        if self.used == 4 {
            self.block += 1;
            (self.digest, self.used) = (self.drawer.later_digest(self.key, self.block), 0);
        }
        let bytes = self.digest[self.used * 8..][..8].try_into().expect("eight bytes");
        self.used += 1;
        u64::from_be_bytes(bytes)
    }

    /// One of 0 to `n` - 1, each as likely.
    fn one_of(&mut self, n: u64) -> u64 {
        // 2^64 modulo n: so many numbers at the top would favour the small ones.
        let over = (u64::MAX % n + 1) % n;
        loop {
            let number = self.next();
            if number <= u64::MAX - over {
                return number % n;
            }
        }
    }
}

impl Worth {
    /// What a purchase wins; at least one minor unit.
    pub fn of(&self, purchase: Amount) -> Amount {
        match self {
            Self::Fixed(amount) => *amount,
            Self::Share { millionths, rounding, most } => {
                let product = i128::from(purchase.minor()) * i128::from(*millionths);
                let million = i128::from(MILLION);
                let (whole, rest) = (product / million, product % million);
                let up = match rounding {
                    Rounding::Down => false,
                    Rounding::Up => rest > 0,
                    Rounding::HalfEven => {
                        rest * 2 > million || (rest * 2 == million && whole % 2 == 1)
                    }
                };
                let share = (whole + i128::from(up)).clamp(1, i128::from(i64::MAX));
                let share = i64::try_from(share).expect("clamped to the range");
                let share = Amount::from_minor(share);
                most.map_or(share, |most| share.min(most))
            }
        }
    }
}
