//! The rows of the exported tables, as far as the check needs them.
//!
//! The names are those of `bursar export --table draws|campaigns|commitments`; other columns may
//! stand between them. A page of `GET /v1/campaigns/{id}/commitments` that someone saved is read as
//! well: its items are rows without the campaign's name.

use serde::Deserialize;

/// A purchase that was drawn.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct Draw {
    pub(super) reward_id: String,
    pub(super) wallet: String,
    pub(super) campaign: String,
    pub(super) transaction_id: String,
    pub(super) business_key: String,
    pub(super) day: String,
    pub(super) purchase_amount_minor: i64,
    pub(super) currency: String,
    pub(super) won: bool,
    pub(super) prize: Option<u64>,
    pub(super) prize_amount_minor: Option<i64>,
    pub(super) limited: bool,
    pub(super) drawn_at: String,
}

/// A campaign with its terms.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct Campaign {
    #[serde(rename = "campaign")]
    pub(super) id: String,
    pub(super) currency: String,
    pub(super) first_day: String,
    pub(super) last_day: String,
    pub(super) odds_wins: u64,
    pub(super) odds_of: u64,
    /// The prize table, as JSON.
    pub(super) prizes: String,
    #[serde(default)]
    pub(super) min_amount_minor: Option<i64>,
    pub(super) open_days: i32,
}

/// The commitment to a day's seed.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct Commitment {
    /// Not in a saved page, which is of one campaign.
    #[serde(default)]
    pub(super) campaign: Option<String>,
    pub(super) day: String,
    pub(super) sha256: String,
    pub(super) published_at: String,
    pub(super) published_before_day: bool,
    #[serde(default)]
    pub(super) seed: Option<String>,
}

/// A document of commitments.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Saved {
    /// A page as the server answered it.
    Page {
        /// Its days.
        items: Vec<Commitment>,
    },
    /// A row of the exported table.
    Row(Commitment),
}

/// Thirty-two bytes in hexadecimal digits.
pub(super) fn bytes_of(hex: &str) -> Option<[u8; 32]> {
    let digits = hex.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&hex[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}
