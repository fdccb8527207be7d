//! The proof of a draw: everything that anyone needs to do it again.
//!
//! Before the day, the commitment was published; when no purchase of the day can be drawn any more,
//! the seed is shown. Whoever has both checks that SHA-256 of the seed is the commitment, makes the
//! digest of the business key, and follows the stated arithmetic to the same prize.

use bursar_domain::campaign::Terms;
use bursar_domain::campaign::draw::{Drawer, business_key, seed};
use bursar_domain::id::RewardId;
use bursar_domain::statement::{Draw, Fate};
use bursar_domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::campaigns::Commitment;
use crate::http::campaigns::view::{PrizeState, hex};

/// How a digest decides, in words.
const METHOD: &str = "seed = revealed; commitment = SHA-256(seed); digest = HMAC-SHA256(seed, key); \
the digest is four big-endian 64-bit numbers, used in order; further ones come from \
HMAC-SHA256(seed, key || 0x00 || n) with n = 1, 2, ... as four big-endian bytes; to draw one of N, \
numbers not below the largest multiple of N that is at most 2^64 are skipped, the first other one \
modulo N is drawn; it wins when one of odds.of is below odds.wins; the prize is the first whose \
weights, summed up to it, are above one of the sum of all weights";

/// The odds as an exact fraction.
#[derive(Serialize, ToSchema)]
pub(crate) struct OddsState {
    wins: u64,
    of: u64,
}

/// What a draw was made from.
#[derive(Serialize, ToSchema)]
pub(crate) struct Inputs {
    /// The business key: `{wallet}/{transaction_id}`.
    #[schema(example = "alice/tx-1")]
    key: String,
    /// The purchase's date, whose seed drew it.
    #[schema(example = "2026-11-20")]
    day: String,
    #[schema(example = "12.50")]
    purchase_amount: String,
    #[schema(example = "EUR")]
    currency: &'static str,
    odds: OddsState,
    prizes: Vec<PrizeState>,
}

/// The proof of a draw.
#[derive(Serialize, ToSchema)]
pub(crate) struct Proof {
    #[schema(example = "rwd_42-0_alice")]
    reward: String,
    #[schema(example = "coffee")]
    campaign: String,
    inputs: Inputs,
    commitment: Commitment,
    /// The seed, in hexadecimal; null until no purchase of the day can be drawn any more.
    seed: Option<String>,
    /// HMAC-SHA256 of the key under the seed, in hexadecimal.
    digest: String,
    won: bool,
    /// The prize's place in the table, from 0.
    prize: Option<u16>,
    /// What it is worth.
    amount: Option<String>,
    /// How the digest decides.
    method: &'static str,
}

impl Proof {
    /// Of a draw.
    pub(super) fn of(id: &RewardId, draw: &Draw, terms: &Terms, now: Timestamp) -> Self {
        let key = business_key(&id.wallet, &draw.purchase);
        let seed = seed(terms, draw.day);
        let revealed = terms.is_revealed(draw.day, bursar_domain::plan::Day::utc(now));
        let (prize, amount) = match draw.fate {
            Fate::Lost => (None, None),
            Fate::Won { prize, amount } | Fate::Limited { prize, amount } => {
                (Some(prize), Some(amount.to_major(terms.currency)))
            }
        };
        Self {
            reward: id.to_string(),
            campaign: terms.id.to_string(),
            commitment: Commitment::of(terms, draw.day, now),
            seed: revealed.then(|| hex(&seed)),
            digest: hex(&Drawer::new(&seed).digest(&key)),
            inputs: Inputs {
                key,
                day: draw.day.to_string(),
                purchase_amount: draw.amount.to_major(terms.currency),
                currency: terms.currency.code(),
                odds: OddsState { wins: terms.odds.wins, of: terms.odds.of },
                prizes: PrizeState::table(terms),
            },
            won: prize.is_some(),
            prize,
            amount,
            method: METHOD,
        }
    }
}
