//! A campaign as JSON, and the commitments to its seeds.
//!
//! The secret is shown nowhere. A day's commitment can be read from the announcement on; its seed
//! once no purchase of the day can be drawn any more.

use bursar_domain::campaign::draw::{commitment, seed};
use bursar_domain::campaign::merchants::NameRule;
use bursar_domain::campaign::terms::{Odds, Prize, Terms, Worth};
use bursar_domain::campaign::{Counts, Summary};
use bursar_domain::money::Amount;
use bursar_domain::plan::Day;
use bursar_domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(out, "{byte:02x}").expect("writing to a String cannot fail");
    }
    out
}

/// Odds as they are written: a decimal where they are tenths, hundredths and so on.
pub(in crate::http) fn odds_text(odds: Odds) -> String {
    let decimals = odds.of.ilog10();
    if 10_u64.pow(decimals) != odds.of {
        return format!("{}/{}", odds.wins, odds.of);
    }
    let places = usize::try_from(decimals).expect("at most 19");
    let (whole, part) = (odds.wins / odds.of, odds.wins % odds.of);
    if places == 0 { whole.to_string() } else { format!("{whole}.{part:0places$}") }
}

/// A share in percent.
fn percent_text(millionths: u64) -> String {
    let percent = rust_decimal::Decimal::new(i64::try_from(millionths).unwrap_or(i64::MAX), 4);
    percent.normalize().to_string()
}

/// One line of the prize table.
#[derive(Serialize, ToSchema)]
pub(crate) struct PrizeState {
    /// How often it is drawn, against the sum of all weights.
    weight: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "5.00")]
    amount: Option<String>,
    /// Of the purchase.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "10")]
    percent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "down")]
    rounding: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "20.00")]
    max: Option<String>,
}

impl PrizeState {
    pub(in crate::http) fn table(terms: &Terms) -> Vec<Self> {
        terms.prizes.iter().map(|prize| Self::of(prize, terms)).collect()
    }

    fn of(prize: &Prize, terms: &Terms) -> Self {
        let major = |amount: Amount| amount.to_major(terms.currency);
        let weight = prize.weight;
        match &prize.worth {
            Worth::Fixed(amount) => Self {
                weight,
                amount: Some(major(*amount)),
                percent: None,
                rounding: None,
                max: None,
            },
            Worth::Share { millionths, rounding, most } => Self {
                weight,
                amount: None,
                percent: Some(percent_text(*millionths)),
                rounding: Some(rounding.as_str()),
                max: most.map(major),
            },
        }
    }
}

/// Whose purchases are drawn.
#[derive(Serialize, ToSchema)]
pub(crate) struct MerchantsState {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ids: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    category_codes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
}

impl MerchantsState {
    fn of(terms: &Terms) -> Self {
        let merchants = &terms.merchants;
        let codes = merchants.codes.iter().map(|range| {
            if range.first == range.last {
                format!("{:04}", range.first)
            } else {
                format!("{:04}-{:04}", range.first, range.last)
            }
        });
        let names = merchants.names.iter().map(|rule| match rule {
            NameRule::Exactly(name) => name.to_string(),
            NameRule::BeginsWith(begin) => format!("{begin}*"),
        });
        Self {
            ids: merchants.ids.iter().map(ToString::to_string).collect(),
            category_codes: codes.collect(),
            names: names.collect(),
        }
    }
}

/// How much one customer may win for purchases of one day.
#[derive(Serialize, ToSchema)]
pub(crate) struct LimitsState {
    #[serde(skip_serializing_if = "Option::is_none")]
    rewards_per_day: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_per_day: Option<String>,
}

/// What is published of a day's seed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Commitment {
    /// The date of purchases.
    #[schema(example = "2026-12-01")]
    day: String,
    /// The SHA-256 of the seed, in hexadecimal.
    sha256: String,
    /// Since when it can be read.
    published_at: String,
    /// Whether that was before the day began anywhere on Earth.
    published_before_day: bool,
    /// The seed, in hexadecimal; null until no purchase of the day can be drawn any more.
    seed: Option<String>,
    /// From this date on (UTC) it is shown.
    revealed_from: String,
}

/// The first day begins at UTC+14.
const FIRST_ZONE_MS: i64 = 14 * 60 * 60 * 1_000;

/// Whether a campaign was announced before a day began anywhere on Earth.
pub(crate) fn is_before_day(terms: &Terms, day: Day) -> bool {
    let begins_ms = i64::from(day.days()) * 24 * 60 * 60 * 1_000 - FIRST_ZONE_MS;
    terms.announced_at.millis() <= begins_ms
}

impl Commitment {
    /// Of a day, looked at now.
    pub(in crate::http) fn of(terms: &Terms, day: Day, now: Timestamp) -> Self {
        let seed = seed(terms, day);
        let revealed = terms.is_revealed(day, Day::utc(now));
        Self {
            day: day.to_string(),
            sha256: hex(&commitment(&seed)),
            published_at: terms.announced_at.to_string(),
            published_before_day: is_before_day(terms, day),
            seed: revealed.then(|| hex(&seed)),
            revealed_from: terms.revealed_from(day).to_string(),
        }
    }
}

/// A campaign.
#[derive(Serialize, ToSchema)]
pub(crate) struct Campaign {
    #[schema(example = "coffee")]
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[schema(example = "EUR")]
    currency: &'static str,
    #[schema(example = "10000.00")]
    budget: String,
    starts_at: String,
    ends_at: String,
    /// The first date whose purchases are drawn.
    first_day: String,
    /// The last one.
    last_day: String,
    #[schema(example = "0.05")]
    odds: String,
    prizes: Vec<PrizeState>,
    merchants: MerchantsState,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<LimitsState>,
    #[schema(example = "claw-back")]
    on_reversal: &'static str,
    priority: i32,
    /// `upcoming`, `running`, `paused` or `ended`.
    #[schema(example = "running")]
    status: &'static str,
    /// What is granted and not taken back.
    granted: String,
    /// What is left of the budget.
    remaining: String,
    /// Purchases drawn.
    draws: u64,
    /// Draws that won.
    wins: u64,
    /// Wins that were granted.
    rewards: u64,
    /// Wins for which the budget had not enough left.
    exhausted: u64,
    /// Wins that came to nothing for another reason.
    failed: u64,
    /// Wins that wait until it is resumed.
    waiting: usize,
    /// What was taken back of what was granted.
    clawed_back: String,
    announced_at: String,
    /// Of today, or else of the nearest day.
    commitment: Commitment,
    version: u64,
}

impl Campaign {
    /// As it was announced.
    pub(super) fn announced(terms: &bursar_domain::campaign::SharedTerms, at: Timestamp) -> Self {
        let summary = Summary {
            terms: terms.clone(),
            paused: false,
            granted: Amount::ZERO,
            counts: Counts::default(),
            waiting: 0,
        };
        Self::seen(&summary, 1, at)
    }

    /// As it stands.
    pub(in crate::http) fn seen(campaign: &Summary, version: u64, now: Timestamp) -> Self {
        let (terms, counts) = (&campaign.terms, campaign.counts);
        let major = |amount: Amount| amount.to_major(terms.currency);
        let limits = terms.limits;
        let has_limits = limits.rewards.is_some() || limits.amount.is_some();
        let today = Day::utc(now).clamp(terms.first_day, terms.last_day);
        Self {
            id: terms.id.to_string(),
            name: terms.name.as_deref().map(str::to_owned),
            currency: terms.currency.code(),
            budget: major(terms.budget),
            starts_at: terms.starts_at.to_string(),
            ends_at: terms.ends_at.to_string(),
            first_day: terms.first_day.to_string(),
            last_day: terms.last_day.to_string(),
            odds: odds_text(terms.odds),
            prizes: PrizeState::table(terms),
            merchants: MerchantsState::of(terms),
            min_amount: terms.min_amount.map(major),
            limits: has_limits.then(|| LimitsState {
                rewards_per_day: limits.rewards,
                amount_per_day: limits.amount.map(major),
            }),
            on_reversal: terms.on_reversal.as_str(),
            priority: terms.priority,
            status: status(campaign, now),
            granted: major(campaign.granted),
            remaining: major(campaign.remaining()),
            draws: counts.draws,
            wins: counts.wins,
            rewards: counts.rewards,
            exhausted: counts.exhausted,
            failed: counts.failed,
            waiting: campaign.waiting,
            clawed_back: counts.taken_back.to_major(terms.currency),
            announced_at: terms.announced_at.to_string(),
            commitment: Commitment::of(terms, today, now),
            version,
        }
    }
}

fn status(campaign: &Summary, now: Timestamp) -> &'static str {
    if campaign.paused {
        "paused"
    } else if now < campaign.terms.starts_at {
        "upcoming"
    } else if now >= campaign.terms.ends_at {
        "ended"
    } else {
        "running"
    }
}
