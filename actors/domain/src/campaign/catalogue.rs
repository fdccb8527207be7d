//! The catalogue: the terms of all campaigns, and which of them a purchase is drawn in.
//!
//! A purchase is drawn in at most one campaign: of those that it fits, the one with the highest
//! priority; of these the one that started first; of these the one whose id comes first. A line is
//! drawn with the campaigns that are announced when it is looked at, so a campaign that is announced
//! before its first day begins anywhere on Earth (14 hours before it does in UTC; no line of it is
//! taken earlier) meets all purchases of its days, in whatever order they come.
//!
//! Terms never change, so a catalogue only grows. It is kept beside the shards and comes into a
//! decision with its context; what was decided with it is in the record.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::campaign::merchants::Merchant;
use crate::campaign::terms::{SharedTerms, Terms};
use crate::currency::Currency;
use crate::id::CampaignId;
use crate::money::Amount;
use crate::plan::Day;

/// A purchase, as far as a campaign looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Purchase<'a> {
    /// Its date.
    pub day: Day,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Where.
    pub merchant: Option<&'a Merchant>,
}

impl Terms {
    /// Whether a purchase is drawn in this campaign, taken in on the UTC date `today`.
    pub fn fit(&self, purchase: Purchase<'_>, today: Day) -> bool {
        (self.first_day..=self.last_day).contains(&purchase.day)
            && self.currency == purchase.currency
            && self.min_amount.is_none_or(|least| purchase.amount >= least)
            && self.is_open(purchase.day, today)
            && self.merchants.fit(purchase.merchant)
    }

    /// Whether purchases of a day that are taken in today may still be drawn.
    pub fn is_open(&self, day: Day, today: Day) -> bool {
        today.days() - day.days() <= i32::from(self.open_days)
    }

    /// Whether the seed of a day may be shown: no purchase of it can be drawn any more. One day is
    /// left between, so that no clock has to be exact.
    pub fn is_revealed(&self, day: Day, today: Day) -> bool {
        today >= self.revealed_from(day)
    }

    /// The UTC date from which the seed of a day may be shown.
    pub fn revealed_from(&self, day: Day) -> Day {
        day.checked_add_days(i32::from(self.open_days) + 2).unwrap_or(Day::MAX)
    }
}

/// The terms of all campaigns that were announced.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Catalogue {
    by_id: BTreeMap<CampaignId, SharedTerms>,
    /// In the order in which they are asked.
    in_order: Vec<SharedTerms>,
}

impl Catalogue {
    /// Adds a campaign; terms that are there already are the same.
    pub fn add(&mut self, terms: &SharedTerms) {
        if self.by_id.contains_key(&terms.id) {
            return;
        }
        self.by_id.insert(terms.id.clone(), Arc::clone(terms));
        self.in_order.push(Arc::clone(terms));
        self.in_order.sort_by(|one, other| {
            let later = (other.priority, one.starts_at, &one.id);
            later.cmp(&(one.priority, other.starts_at, &other.id))
        });
    }

    /// The campaign of this id.
    pub fn get(&self, id: &CampaignId) -> Option<&SharedTerms> {
        self.by_id.get(id)
    }

    /// The campaign in which a purchase is drawn.
    pub fn for_purchase(&self, purchase: Purchase<'_>, today: Day) -> Option<&SharedTerms> {
        self.in_order.iter().find(|terms| terms.fit(purchase, today))
    }
}
