//! A reward as JSON: a draw, what it won, and what became of it.
//!
//! A draw that won nothing has the same shape, without an amount, so that every draw can be looked at
//! under its id.

use bursar_domain::currency::Currency;
use bursar_domain::id::RewardId;
use bursar_domain::statement::{Draw, Reward, RewardStatus};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::resources::Failure;
use crate::http::steps::Step;

/// A draw and its reward.
#[derive(Serialize, ToSchema)]
pub(crate) struct RewardState {
    #[schema(example = "rwd_42-0_alice")]
    pub(super) id: String,
    #[schema(example = "alice")]
    wallet: String,
    #[schema(example = "coffee")]
    campaign: String,
    /// The purchase: the bank's name of it.
    #[schema(example = "tx-1")]
    transaction_id: String,
    /// The purchase's date.
    #[schema(example = "2026-11-20")]
    date: String,
    /// How much the purchase was.
    #[schema(example = "12.50")]
    purchase_amount: String,
    /// `lost`; `won` (the campaign has not said), `reserved`, `granted`, `clawed-back`;
    /// `limit-reached`, `budget-exhausted` or `failed`.
    #[schema(example = "granted")]
    status: String,
    /// What is won; null when nothing is.
    #[schema(example = "5.00")]
    amount: Option<String>,
    #[schema(example = "EUR")]
    currency: &'static str,
    /// The prize's place in the table, from 0.
    prize: Option<u16>,
    /// Whether the purchase was reversed.
    reversed: bool,
    /// How much was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    clawed_back: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// When it was drawn; only where one reward is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) drawn_at: Option<String>,
    /// What its saga did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) steps: Vec<Step>,
}

impl RewardState {
    /// Of a draw that won.
    pub(super) fn won(id: &RewardId, reward: &Reward, currency: Currency) -> Self {
        let (clawed_back, failure) = match &reward.status {
            RewardStatus::TakenBack(amount) => (Some(amount.to_major(currency)), None),
            RewardStatus::Failed(failure) => (None, Some(Failure::from(&**failure))),
            RewardStatus::Won
            | RewardStatus::Reserved
            | RewardStatus::Granted
            | RewardStatus::Limited => (None, None),
        };
        Self {
            id: id.to_string(),
            wallet: id.wallet.to_string(),
            campaign: reward.campaign.to_string(),
            transaction_id: reward.purchase.to_string(),
            date: reward.day.to_string(),
            purchase_amount: reward.spent.to_major(currency),
            status: reward.status.as_str().to_owned(),
            amount: Some(reward.amount.to_major(currency)),
            currency: currency.code(),
            prize: Some(reward.prize),
            reversed: reward.reversed,
            clawed_back,
            failure,
            drawn_at: None,
            steps: Vec::new(),
        }
    }

    /// Of a draw that won nothing.
    pub(super) fn lost(id: &RewardId, draw: &Draw, campaign: &str, currency: Currency) -> Self {
        Self {
            id: id.to_string(),
            wallet: id.wallet.to_string(),
            campaign: campaign.to_owned(),
            transaction_id: draw.purchase.to_string(),
            date: draw.day.to_string(),
            purchase_amount: draw.amount.to_major(currency),
            status: "lost".to_owned(),
            amount: None,
            currency: currency.code(),
            prize: None,
            reversed: false,
            clawed_back: None,
            failure: None,
            drawn_at: None,
            steps: Vec::new(),
        }
    }
}
