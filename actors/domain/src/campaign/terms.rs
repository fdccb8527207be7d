//! The terms of a campaign: what was announced when it was made, and never changes.
//!
//! Odds, prizes and days are part of what anyone can check (`draw`), so nothing here is ever
//! edited; a pause is the campaign's, not its terms'. The secret stands here too: every day's seed
//! comes from it (`draw::seed`), and nobody is shown it.
//!
//! Invariants: odds are above zero and at most one; there is at least one prize and each has a
//! weight; the days are in order; texts and lists are bounded.

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::campaign::merchants::Merchants;
use crate::currency::Currency;
use crate::id::CampaignId;
use crate::money::Amount;
use crate::plan::Day;
use crate::time::Timestamp;

/// The most prizes of a campaign.
pub const PRIZES_MAX: usize = 100;

/// The most days of a campaign: ten years.
pub const DAYS_MAX: i32 = 3_660;

/// Parts of a million that are all of it.
pub const MILLION: u64 = 1_000_000;

/// An exact fraction: how likely a draw wins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Odds {
    /// Above, from 1 to `of`.
    pub wins: u64,
    /// Below.
    pub of: u64,
}

/// Which way a share of a purchase is rounded to a minor unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Rounding {
    /// Towards zero.
    Down,
    /// To the nearest, a half to the even one.
    HalfEven,
    /// Away from zero.
    Up,
}

impl Rounding {
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::HalfEven => "half-even",
            Self::Up => "up",
        }
    }
}

/// What a prize is worth. At least one minor unit, whatever the share comes to.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Worth {
    /// An amount, positive.
    Fixed(Amount),
    /// A share of the purchase.
    Share {
        /// In millionths, positive: 10 % is 100,000.
        millionths: u64,
        /// Which way it is rounded.
        rounding: Rounding,
        /// At most this, positive.
        most: Option<Amount>,
    },
}

/// One line of the prize table.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Prize {
    /// How often it is drawn, against the sum of all weights; positive.
    pub weight: u32,
    /// What it is worth.
    pub worth: Worth,
}

/// How much one customer may win for purchases of one day. What is over it is not granted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Limits {
    /// So many rewards.
    pub rewards: Option<u32>,
    /// So much money.
    pub amount: Option<Amount>,
}

/// What becomes of a reward when its purchase is reversed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum OnReversal {
    /// It stays.
    Keep,
    /// It is taken back, as far as the wallet's limit allows.
    ClawBack,
}

impl OnReversal {
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::ClawBack => "claw-back",
        }
    }
}

/// Thirty-two bytes that nobody is shown.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Secret(pub [u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What was announced.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Terms {
    /// The campaign.
    pub id: CampaignId,
    /// The name that customers see.
    pub name: Option<Box<str>>,
    /// The one currency of budget, prizes and purchases.
    pub currency: Currency,
    /// The cap on what is granted, positive.
    pub budget: Amount,
    /// From this instant, as said.
    pub starts_at: Timestamp,
    /// To this instant, itself not, as said.
    pub ends_at: Timestamp,
    /// The first day whose purchases are drawn: the UTC date of `starts_at`.
    pub first_day: Day,
    /// The last one: the UTC date of the instant before `ends_at`.
    pub last_day: Day,
    /// How likely a draw wins.
    pub odds: Odds,
    /// The prize table, never empty.
    pub prizes: Vec<Prize>,
    /// Whose purchases are drawn.
    pub merchants: Merchants,
    /// Purchases from this amount on are drawn.
    pub min_amount: Option<Amount>,
    /// How much one customer may win.
    pub limits: Limits,
    /// What becomes of a reward when its purchase is reversed.
    pub on_reversal: OnReversal,
    /// Where several campaigns fit, the one with the highest number draws.
    pub priority: i32,
    /// How many days after its date a purchase may still be drawn.
    pub open_days: u16,
    /// Where the days' seeds come from.
    pub secret: Secret,
    /// When it was announced: from then on its commitments can be read.
    pub announced_at: Timestamp,
}

/// Terms are shared between the campaign, the catalogue and views.
pub type SharedTerms = Arc<Terms>;
