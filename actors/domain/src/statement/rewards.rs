//! How the rewards of a statement stand: the wins of its window and what became of them, and older
//! ones of which something may still be heard.
//!
//! The campaign says whether its budget held, the wallet when the money came and what was taken
//! back. A purchase that is reversed before its reward is granted is remembered, and taken back when
//! it is. A reversal counts as long as its purchase is in the window; later, the reward stays. Counts
//! against a customer's limits are kept as long.
//!
//! Invariant: a reward goes forward only: won, reserved, granted, taken back; or it ends as failed
//! or limited.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::campaign::News;
use crate::id::{CampaignId, Seq};
use crate::money::Amount;
use crate::plan::Day;
use crate::saga::subject::Failure;
use crate::statement::event::{Draw, Drawn, Fate};
use crate::statement::line::slot_of;

/// How a reward stands. Only appended to: it is on disk.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum RewardStatus {
    /// It is drawn; the campaign has not said anything.
    Won,
    /// The campaign set its money aside.
    Reserved,
    /// It is in the wallet.
    Granted,
    /// It was taken back, so much of it.
    TakenBack(Amount),
    /// The customer had won as much as the campaign allows.
    Limited,
    /// It came to nothing.
    Failed(Box<Failure>),
}

impl RewardStatus {
    /// The word used in JSON; for what failed, why.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Won => "won",
            Self::Reserved => "reserved",
            Self::Granted => "granted",
            Self::TakenBack(_) => "clawed-back",
            Self::Limited => "limit-reached",
            Self::Failed(failure) if &*failure.code == "budget-exhausted" => "budget-exhausted",
            Self::Failed(_) => "failed",
        }
    }
}

/// A win.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Reward {
    /// In which campaign.
    pub campaign: CampaignId,
    /// The purchase's name; with the wallet's id, its business key.
    pub purchase: Box<str>,
    /// The purchase's date, whose seed drew it.
    pub day: Day,
    /// How much the purchase was.
    pub spent: Amount,
    /// The prize's place in the table.
    pub prize: u16,
    /// How much, positive.
    pub amount: Amount,
    /// How it stands.
    pub status: RewardStatus,
    /// Whether it is taken back when its purchase is reversed.
    pub claws_back: bool,
    /// Whether its purchase was reversed.
    pub reversed: bool,
}

impl Reward {
    /// A win as it was drawn, of a purchase that nobody gave back; `None` for a draw that lost.
    pub fn drawn(drawn: &Drawn, draw: &Draw) -> Option<Self> {
        let (prize, amount, status) = match draw.fate {
            Fate::Lost => return None,
            Fate::Won { prize, amount } => (prize, amount, RewardStatus::Won),
            Fate::Limited { prize, amount } => (prize, amount, RewardStatus::Limited),
        };
        let party = &drawn.campaigns[usize::from(draw.campaign)];
        Some(Self {
            campaign: party.campaign.clone(),
            purchase: draw.purchase.clone(),
            day: draw.day,
            spent: draw.amount,
            prize,
            amount,
            status,
            claws_back: party.claws_back,
            reversed: false,
        })
    }

    /// Writes what is new of it.
    pub fn hear(&mut self, news: &News) {
        match news {
            // The wallet's word may overtake the campaign's.
            News::Reserved => {
                if self.status == RewardStatus::Won {
                    self.status = RewardStatus::Reserved;
                }
            }
            News::Failed(failure) => {
                self.status = RewardStatus::Failed(Box::new(failure.clone()));
            }
            News::Credited => self.status = RewardStatus::Granted,
            News::TakenBack(amount) => self.status = RewardStatus::TakenBack(*amount),
        }
    }

    /// Whether nothing more is heard of it.
    fn is_final(&self) -> bool {
        match self.status {
            RewardStatus::Won | RewardStatus::Reserved => false,
            RewardStatus::Granted => !(self.reversed && self.claws_back),
            RewardStatus::TakenBack(_) | RewardStatus::Limited | RewardStatus::Failed(_) => true,
        }
    }
}

/// What one customer has won for a day's purchases in a campaign.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct DayCount {
    /// So many rewards.
    pub rewards: u32,
    /// So much money.
    pub amount: Amount,
}

/// The rewards of a statement.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Rewards {
    by_draw: BTreeMap<(Seq, u16), Reward>,
    /// The draws that won, by the slots of their purchases.
    of_purchase: BTreeMap<u64, (Seq, u16)>,
    /// The purchases of these, by the slots of lines that have another id.
    other_ids: BTreeMap<u64, u64>,
    pub(super) by_day: BTreeMap<(Day, CampaignId), DayCount>,
}

impl Rewards {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_draw.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_draw.is_empty()
    }

    /// The reward of a draw.
    pub fn get(&self, draw: Seq, line: u16) -> Option<&Reward> {
        self.by_draw.get(&(draw, line))
    }

    /// The newest rewards before a draw, newest first.
    pub fn before(&self, draw: Seq, line: u16) -> impl Iterator<Item = (Seq, u16, &Reward)> {
        let before = self.by_draw.range(..(draw, line)).rev();
        before.map(|((draw, line), reward)| (*draw, *line, reward))
    }

    /// The reward of a purchase.
    pub(super) fn of_purchase(&self, slot: u64) -> Option<(Seq, u16)> {
        self.of_purchase.get(&slot).copied()
    }

    /// The purchases that are given back with a line: the one that it names and the one that it
    /// belongs to.
    pub(super) fn purchases(&self, slot: u64) -> impl Iterator<Item = u64> {
        let purchase = self.other_ids.get(&slot).copied();
        [Some(slot), purchase].into_iter().flatten()
    }

    /// A purchase is drawn: what an older one of the same name won is not its own.
    pub(super) fn drawn(&mut self, purchase: u64) {
        self.of_purchase.remove(&purchase);
    }

    pub(super) fn won(&mut self, draw: Seq, line: u16, reward: Reward) {
        self.of_purchase.insert(slot_of(&reward.purchase), (draw, line));
        let before = self.by_draw.insert((draw, line), reward);
        assert_eq!(before, None, "a draw is won once");
    }

    /// A posted line belongs to a purchase of another name.
    pub(super) fn belongs(&mut self, line: u64, purchase: u64) {
        self.other_ids.remove(&line);
        if line != purchase && self.of_purchase.contains_key(&purchase) {
            self.other_ids.insert(line, purchase);
        }
    }

    pub(super) fn reversed(&mut self, draw: Seq, line: u16) {
        if let Some(reward) = self.by_draw.get_mut(&(draw, line)) {
            reward.reversed = true;
        }
    }

    pub(super) fn heard(&mut self, draw: Seq, line: u16, news: &News) {
        // One that is final may be forgotten before a word that was overtaken comes.
        if let Some(reward) = self.by_draw.get_mut(&(draw, line)) {
            reward.hear(news);
        }
    }

    /// Forgets what only counts within the window. How older rewards ended is in the records.
    pub(super) fn forget_before(&mut self, oldest: Day) {
        let is_recent = |reward: &Reward| reward.day >= oldest;
        self.by_draw.retain(|_, reward| is_recent(reward) || !reward.is_final());
        let by_draw = &self.by_draw;
        self.of_purchase.retain(|_, place| by_draw.get(place).is_some_and(is_recent));
        let of_purchase = &self.of_purchase;
        self.other_ids.retain(|_, purchase| of_purchase.contains_key(purchase));
        self.by_day.retain(|(day, _), _| *day >= oldest);
    }
}
