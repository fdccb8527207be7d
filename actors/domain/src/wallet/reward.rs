//! Rewards in a wallet: money that a campaign gives, and what is taken back of it.
//!
//! A reward comes from outside with a saga that waits for the answer; a wallet that has no room for
//! it says no. When a rewarded purchase is reversed, the wallet gives back as much as it may spend:
//! taking back never brings the available balance under the limit, and takes nothing that is set
//! aside. A frozen wallet takes and gives back as any other: nobody is paid. The statement is told
//! of both, the campaigns of what came back.
//!
//! Invariant: every reward that is booked or taken back has two sides, the wallet and the outside.

use std::collections::BTreeMap;
use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::campaign::{News, RewardNews};
use crate::code::{Code, Rejection};
use crate::currency::Currency;
use crate::id::{CampaignId, EntityId, RewardId, WalletId};
use crate::message::{
    About, Answer, Asker, Body, Effect, Message, Movement, Outcome, OutcomeKind, Source, Stamp,
};
use crate::money::Amount;
use crate::saga::reward::Reward;
use crate::wallet::{Profile, Wallet};

/// A reward was booked.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct RewardBooked {
    /// The saga's record.
    pub source: Source,
    /// Who asked.
    pub by: Asker,
    /// What was granted.
    pub reward: Box<Reward>,
    /// The posted balance afterwards.
    pub balance_after: Amount,
    /// Where mails go.
    pub email: Option<Box<str>>,
}

/// A reward whose purchase was reversed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Back {
    /// Which.
    pub id: RewardId,
    /// Which campaign granted it.
    pub campaign: CampaignId,
    /// How much was granted, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
}

/// Rewards were taken back, as far as the limit allowed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct RewardsTakenBack {
    /// The statement's record.
    pub source: Source,
    /// What was asked back, and how much of it was taken: zero or more.
    pub rewards: Vec<(Back, Amount)>,
    /// The sum of what was taken.
    pub taken: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The posted balance afterwards.
    pub balance_after: Amount,
}

/// What may happen to a wallet because of rewards. Only appended to: it is on disk.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum RewardEvent {
    /// A reward was booked.
    Booked(RewardBooked),
    /// There is no room for a reward.
    Refused {
        /// The saga's record.
        source: Source,
        /// Who asked.
        by: Asker,
        /// Why.
        rejection: Rejection,
    },
    /// Rewards were taken back.
    TakenBack(RewardsTakenBack),
}

impl RewardEvent {
    /// The message that was received with it.
    pub(super) fn source(&self) -> Source {
        match self {
            Self::Booked(event) => event.source,
            Self::Refused { source, .. } => *source,
            Self::TakenBack(event) => event.source,
        }
    }

    pub(super) fn effects(&self, id: &Arc<str>, stamp: Stamp) -> Vec<Effect> {
        match self {
            Self::Booked(event) => event.effects(id, stamp),
            Self::Refused { by, rejection, .. } => {
                vec![by.reply(stamp.source, Answer::Refused(rejection.clone()))]
            }
            Self::TakenBack(event) => event.effects(id, stamp),
        }
    }

    pub(super) fn movement(&self) -> Option<Movement> {
        match self {
            Self::Booked(event) => Some(event.movement()),
            Self::Refused { .. } => None,
            Self::TakenBack(event) => event.movement(),
        }
    }

    /// The posted balance afterwards, where it changes.
    pub(super) fn balance_after(&self) -> Option<Amount> {
        match self {
            Self::Booked(event) => Some(event.balance_after),
            Self::Refused { .. } => None,
            Self::TakenBack(event) => event.taken.is_positive().then_some(event.balance_after),
        }
    }
}

impl RewardBooked {
    /// What it does to the books.
    pub fn movement(&self) -> Movement {
        Movement::booked(self.reward.currency, self.reward.amount)
    }

    pub(super) fn effects(&self, id: &Arc<str>, stamp: Stamp) -> Vec<Effect> {
        let wallet = WalletId::from_shared(Arc::clone(id));
        let contact = Answer::Contact { email: self.email.clone(), account: "".into() };
        let reward = &self.reward;
        let (draw, line) = (reward.id.seq, reward.id.line);
        let news = vec![RewardNews { draw, line, news: News::Credited }];
        let (to, body) = (EntityId::statement(&wallet), Body::RewardNews(news));
        vec![
            self.by.reply(stamp.source, contact),
            Effect::Send(Message { source: stamp.source, to, body }),
            Effect::Tell(Outcome {
                kind: OutcomeKind::RewardGranted,
                at: stamp.at,
                wallet: Some(wallet),
                seq: draw,
                provider: None,
                payment: None,
                amount: reward.amount,
                currency: reward.currency,
                balance_after: self.balance_after,
                description: None,
                effective_at: None,
                about: Some(About::Reward {
                    campaign: reward.campaign.clone(),
                    line,
                    purchase: Some(reward.purchase.clone()),
                    failure: None,
                }),
            }),
        ]
    }
}

impl RewardsTakenBack {
    /// What it does to the books; nothing when nothing could be taken.
    pub fn movement(&self) -> Option<Movement> {
        let any = self.taken.is_positive();
        any.then(|| Movement::returned(self.currency, self.taken))
    }

    pub(super) fn effects(&self, id: &Arc<str>, stamp: Stamp) -> Vec<Effect> {
        let wallet = WalletId::from_shared(Arc::clone(id));
        let news = |(back, taken): &(Back, Amount)| RewardNews {
            draw: back.id.seq,
            line: back.id.line,
            news: News::TakenBack(*taken),
        };
        let news = self.rewards.iter().map(news).collect();
        let (to, body) = (EntityId::statement(&wallet), Body::RewardNews(news));
        let mut effects = vec![Effect::Send(Message { source: stamp.source, to, body })];
        let mut by_campaign: BTreeMap<&CampaignId, Amount> = BTreeMap::new();
        for (back, taken) in &self.rewards {
            let sum = by_campaign.entry(&back.campaign).or_default();
            *sum = sum.checked_add(*taken).expect("parts of what is taken");
        }
        for (campaign, amount) in by_campaign {
            let (wallet, currency) = (wallet.clone(), self.currency);
            let body = Body::TakenBack { wallet, amount, currency };
            let to = EntityId::campaign(campaign);
            effects.push(Effect::Send(Message { source: stamp.source, to, body }));
        }
        effects.extend(self.outcomes(&wallet, stamp));
        effects
    }

    /// One for each reward, with the balance as if they were taken back one after the other.
    fn outcomes(&self, wallet: &WalletId, stamp: Stamp) -> impl Iterator<Item = Effect> {
        let mut left = self.taken;
        self.rewards.iter().map(move |(back, taken)| {
            left = left.checked_sub(*taken).expect("parts of what is taken");
            let balance_after = self.balance_after.checked_add(left);
            Effect::Tell(Outcome {
                kind: OutcomeKind::RewardTakenBack,
                at: stamp.at,
                wallet: Some(wallet.clone()),
                seq: back.id.seq,
                provider: None,
                payment: None,
                amount: *taken,
                currency: self.currency,
                balance_after: balance_after.expect("between two balances"),
                description: None,
                effective_at: None,
                about: Some(About::Reward {
                    campaign: back.campaign.clone(),
                    line: back.id.line,
                    purchase: None,
                    failure: None,
                }),
            })
        })
    }
}

impl Wallet {
    /// A reward came.
    pub(super) fn rewarded(
        &self,
        profile: &Profile,
        source: Source,
        by: &Asker,
        reward: &Reward,
    ) -> RewardEvent {
        match self.reward_booked(profile, source, by, reward) {
            Ok(booked) => RewardEvent::Booked(booked),
            Err(rejection) => RewardEvent::Refused { source, by: by.clone(), rejection },
        }
    }

    /// Whether a reward can be booked.
    fn reward_booked(
        &self,
        profile: &Profile,
        source: Source,
        by: &Asker,
        reward: &Reward,
    ) -> Result<RewardBooked, Rejection> {
        if profile.currency != reward.currency {
            let detail = "the wallet holds another currency than the campaign gives";
            return Err(Rejection::new(Code::CurrencyMismatch, detail));
        }
        let balance_after = self.room_for(reward.amount)?;
        let (by, reward) = (by.clone(), Box::new(reward.clone()));
        Ok(RewardBooked { source, by, reward, balance_after, email: profile.email.clone() })
    }

    /// Takes back what may be spent, in the order in which it is asked.
    pub(super) fn rewards_taken_back(
        &self,
        profile: &Profile,
        source: Source,
        rewards: &[Back],
    ) -> RewardsTakenBack {
        let is_ours = |back: &Back| back.currency == profile.currency;
        assert!(rewards.iter().all(is_ours), "{rewards:?}: the wallet holds {}", profile.currency);
        // Above the range of amounts everything is covered.
        let most = Amount::from_minor(i64::MAX);
        let spendable = self.available().checked_add(profile.credit_limit).unwrap_or(most);
        let mut left = spendable.max(Amount::ZERO);
        let mut taken = Amount::ZERO;
        let take = |back: &Back| {
            let part = back.amount.min(left);
            left = left.checked_sub(part).expect("at most what is left");
            taken = taken.checked_add(part).expect("at most what may be spent");
            (back.clone(), part)
        };
        let rewards = rewards.iter().map(take).collect();
        let balance_after = self.posted.checked_sub(taken).expect("it may be spent");
        RewardsTakenBack { source, rewards, taken, currency: profile.currency, balance_after }
    }
}
