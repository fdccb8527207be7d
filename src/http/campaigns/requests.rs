//! The bodies of writes to campaigns, as they come: unknown fields are refused.
//!
//! Texts are borrowed from the body; whether they make sense is found out in `bodies`, with the place
//! of the fault.

use std::borrow::Cow;

use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::fields::{AmountText, integer, object, objects};

/// Announces a campaign.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnnounceCampaign<'a> {
    /// Its id; without it, the server makes one.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "coffee")]
    pub(crate) id: Option<Cow<'a, str>>,
    /// The name that customers see.
    #[schema(value_type = Option<String>, example = "Free coffee")]
    pub(crate) name: Option<Cow<'a, str>>,
    /// ISO 4217: of budget, prizes and purchases.
    #[schema(value_type = String, example = "EUR")]
    pub(crate) currency: Cow<'a, str>,
    /// The most that is granted.
    #[schema(value_type = String, example = "10000.00")]
    pub(crate) budget: AmountText<'a>,
    /// Purchases dated from this day (UTC) on are drawn: RFC 3339.
    #[schema(value_type = String, example = "2026-12-01T00:00:00.000Z")]
    pub(crate) starts_at: Cow<'a, str>,
    /// Up to this instant, itself not: RFC 3339.
    #[schema(value_type = String, example = "2027-01-01T00:00:00.000Z")]
    pub(crate) ends_at: Cow<'a, str>,
    /// The chance of a draw to win: a decimal such as `0.05`, or a fraction such as `1/20`; above 0,
    /// at most 1.
    #[schema(value_type = String, example = "0.05")]
    pub(crate) odds: Cow<'a, str>,
    /// The prize table.
    #[serde(deserialize_with = "objects")]
    #[schema(inline)]
    pub(crate) prizes: Vec<PrizeBody<'a>>,
    /// Whose purchases are drawn; without any rule, all.
    #[serde(default, deserialize_with = "object")]
    #[schema(inline)]
    pub(crate) merchants: Option<MerchantsBody<'a>>,
    /// Purchases from this amount on are drawn.
    #[schema(value_type = Option<String>, example = "5.00")]
    pub(crate) min_amount: Option<AmountText<'a>>,
    /// How much one customer may win for purchases of one day.
    #[serde(default, deserialize_with = "object")]
    #[schema(inline)]
    pub(crate) limits: Option<LimitsBody<'a>>,
    /// When a rewarded purchase is reversed: `claw-back` (the default) or `keep`.
    #[schema(value_type = Option<String>, example = "claw-back")]
    pub(crate) on_reversal: Option<Cow<'a, str>>,
    /// Where several campaigns fit, the one with the highest number draws; 0 when it is not said.
    #[serde(default, deserialize_with = "integer")]
    #[schema(minimum = -2_147_483_648_i32, maximum = 2_147_483_647)]
    pub(crate) priority: Option<i32>,
}

/// A prize: an `amount`, or a `percent` of the purchase.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrizeBody<'a> {
    /// How often it is drawn, against the sum of all weights; 1 when it is not said.
    #[serde(default, deserialize_with = "integer")]
    #[schema(minimum = 1, maximum = 4_294_967_295_u32)]
    pub(crate) weight: Option<u32>,
    /// A fixed amount.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "5.00")]
    pub(crate) amount: Option<AmountText<'a>>,
    /// A share of the purchase, up to 4 decimals; at least one minor unit is won.
    #[schema(value_type = Option<String>, example = "10")]
    pub(crate) percent: Option<Cow<'a, str>>,
    /// Of a share: `down` (the default), `half-even` or `up`.
    #[schema(value_type = Option<String>, example = "down")]
    pub(crate) rounding: Option<Cow<'a, str>>,
    /// Of a share: at most this.
    #[schema(value_type = Option<String>, example = "20.00")]
    pub(crate) max: Option<AmountText<'a>>,
}

/// Which merchants: a purchase fits when any list has it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MerchantsBody<'a> {
    /// The bank's ids of merchants.
    #[serde(borrow)]
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) ids: Option<Vec<Cow<'a, str>>>,
    /// Category codes of ISO 18245, alone or as ranges.
    #[schema(value_type = Option<Vec<String>>, example = json!(["5411", "5812-5814"]))]
    pub(crate) category_codes: Option<Vec<Cow<'a, str>>>,
    /// Names, whatever their case; one that ends with `*` is the beginning of names.
    #[schema(value_type = Option<Vec<String>>, example = json!(["Cafe*"]))]
    pub(crate) names: Option<Vec<Cow<'a, str>>>,
}

/// How much one customer may win.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsBody<'a> {
    /// So many rewards for purchases of one day.
    #[serde(default, deserialize_with = "integer")]
    #[schema(minimum = 1, maximum = 4_294_967_295_u32)]
    pub(crate) rewards_per_day: Option<u32>,
    /// So much money for purchases of one day.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "50.00")]
    pub(crate) amount_per_day: Option<AmountText<'a>>,
}
