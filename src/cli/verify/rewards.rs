//! Each reward as its campaign, its wallet and its statement have it, and what campaigns come to.
//!
//! A reward is granted by a campaign and booked by a wallet, in two shards; here both are laid side by
//! side: the same campaign, amount and purchase, each once, and nothing in a wallet that no campaign
//! granted or that its campaign has again. What a wallet gives back was booked, is given back once,
//! and is not more. A statement never says more of a reward than these two did.
//!
//! In the end, for each campaign: what it has granted is what the wallets booked, less what they gave
//! back, and what is on its way in either direction.
//!
//! Memory: some 200 bytes a reward.

use std::collections::BTreeMap;

use bursar_domain::currency::Currency;
use bursar_domain::id::{CampaignId, EntityId, RewardId};
use bursar_domain::money::Amount;

use super::faults::Faults;
use super::saga::reward::reward_id;
use super::sums::major;
use super::transfers::Transfers;

/// The terms of a reward.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Grant {
    campaign: CampaignId,
    amount: Amount,
    purchase: u64,
}

impl Grant {
    pub(super) fn new(campaign: &CampaignId, amount: Amount, purchase: &str) -> Self {
        let purchase = xxhash_rust::xxh3::xxh3_64(purchase.as_bytes());
        Self { campaign: campaign.clone(), amount, purchase }
    }
}

/// How far a statement believes a reward to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Said {
    /// Its campaign granted it.
    Reserved,
    /// The wallet has it.
    Booked,
    /// The wallet gave so much of it back.
    TakenBack(Amount),
}

#[derive(Debug, Default)]
struct Reward {
    granted: Option<Grant>,
    is_ungranted: bool,
    booked: Option<Grant>,
    taken: Option<Amount>,
    said: Option<Said>,
}

/// What a campaign says in the end.
#[derive(Clone, Copy, Debug)]
struct Total {
    currency: Currency,
    granted: i128,
}

/// What the rewards of a campaign come to.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    booked: i128,
    taken: i128,
    to_come: i128,
}

/// All rewards, and all campaigns.
#[derive(Debug, Default)]
pub(super) struct Rewards {
    rewards: BTreeMap<RewardId, Reward>,
    campaigns: BTreeMap<CampaignId, Total>,
}

/// What is wrong, if anything is.
type Fault = Option<String>;

impl Rewards {
    fn of(&mut self, id: &RewardId) -> &mut Reward {
        self.rewards.entry(id.clone()).or_default()
    }

    /// A campaign granted a reward.
    pub(super) fn granted(&mut self, id: &RewardId, grant: Grant) -> Fault {
        let before = self.of(id).granted.replace(grant);
        before.map(|_| format!("reward {} was granted before", reward_id(id)))
    }

    /// A campaign has the amount of a reward again.
    pub(super) fn ungranted(&mut self, id: &RewardId, grant: &Grant) -> Fault {
        let reward = self.of(id);
        let is_again = std::mem::replace(&mut reward.is_ungranted, true);
        if reward.granted.as_ref() != Some(grant) {
            return Some(format!("reward {} was not granted, or otherwise", reward_id(id)));
        }
        is_again.then(|| format!("reward {} was given up before", reward_id(id)))
    }

    /// A wallet booked a reward.
    pub(super) fn booked(&mut self, id: &RewardId, grant: Grant) -> Fault {
        let before = self.of(id).booked.replace(grant);
        before.map(|_| format!("reward {} was booked before", reward_id(id)))
    }

    /// A wallet gave a part of a reward back.
    pub(super) fn taken_back(
        &mut self,
        id: &RewardId,
        campaign: &CampaignId,
        amount: Amount,
        part: Amount,
    ) -> Fault {
        let reward = self.of(id);
        let before = reward.taken.replace(part);
        let id = || reward_id(id);
        match &reward.booked {
            None => Some(format!("reward {} was not booked and is taken back", id())),
            Some(_) if before.is_some() => Some(format!("reward {} was taken back before", id())),
            Some(grant) if grant.campaign != *campaign || grant.amount != amount => {
                Some(format!("reward {} was booked on other terms", id()))
            }
            Some(_) if part.is_negative() || part > amount => {
                Some(format!("more of reward {} is taken back than was booked", id()))
            }
            Some(_) => None,
        }
    }

    /// What a statement says of a reward in the end.
    pub(super) fn said(&mut self, id: &RewardId, said: Said) {
        self.of(id).said = Some(said);
    }

    /// What a campaign has granted in the end.
    pub(super) fn campaign(&mut self, id: &CampaignId, currency: Currency, granted: i128) {
        self.campaigns.insert(id.clone(), Total { currency, granted });
    }

    /// How many were granted.
    pub(super) fn count(&self) -> u64 {
        self.rewards.values().filter(|reward| reward.granted.is_some()).count() as u64
    }

    /// All entities have been given.
    pub(super) fn judge(&self, transfers: &Transfers, faults: &mut Faults) {
        let mut sums: BTreeMap<&CampaignId, Sum> = BTreeMap::new();
        for (id, reward) in &self.rewards {
            for what in reward.contradictions() {
                faults.wrong(format_args!("reward {}", reward_id(id)), what);
            }
            reward.add_to(&mut sums);
        }
        for (id, total) in &self.campaigns {
            let sum = sums.remove(id).unwrap_or_default();
            let returning = transfers.returning_to(&EntityId::campaign(id));
            let expected = sum.booked - sum.taken + sum.to_come + returning;
            if total.granted != expected {
                let text = |minor| major(minor, total.currency);
                let what = format!(
                    "it has granted {}; the wallets booked {} and gave {} back, {} is on its way \
                     to them and {} from them, which come to {}",
                    text(total.granted),
                    text(sum.booked),
                    text(sum.taken),
                    text(sum.to_come),
                    text(returning),
                    text(expected)
                );
                faults.wrong(EntityId::campaign(id), what);
            }
        }
        for id in sums.keys() {
            faults.wrong(EntityId::campaign(id), "there are rewards of it, and no such campaign");
        }
    }
}

impl Reward {
    fn contradictions(&self) -> Vec<&'static str> {
        let mut found = Vec::new();
        match (&self.granted, &self.booked) {
            (None, Some(_)) => found.push("it is in the wallet, and no campaign granted it"),
            (Some(_), Some(_)) if self.is_ungranted => {
                found.push("it is in the wallet, and its campaign has the amount again");
            }
            (Some(granted), Some(booked)) if granted != booked => {
                found.push("it was booked on other terms than it was granted");
            }
            (_, None) | (Some(_), Some(_)) => {}
        }
        let is_said = match self.said {
            None => true,
            Some(Said::Reserved) => self.granted.is_some() && !self.is_ungranted,
            Some(Said::Booked) => self.booked.is_some(),
            Some(Said::TakenBack(part)) => self.booked.is_some() && self.taken == Some(part),
        };
        if !is_said {
            found.push("its statement says more of it than its campaign and its wallet do");
        }
        found
    }

    fn add_to<'a>(&'a self, sums: &mut BTreeMap<&'a CampaignId, Sum>) {
        if let Some(Grant { campaign, amount, .. }) = &self.booked {
            let sum = sums.entry(campaign).or_default();
            sum.booked += i128::from(amount.minor());
            sum.taken += i128::from(self.taken.unwrap_or_default().minor());
        } else if let Some(Grant { campaign, amount, .. }) = &self.granted {
            let to_come = if self.is_ungranted { 0 } else { i128::from(amount.minor()) };
            sums.entry(campaign).or_default().to_come += to_come;
        }
    }
}
