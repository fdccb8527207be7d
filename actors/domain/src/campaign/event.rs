//! What may happen to a campaign, and what follows from it outside.
//!
//! Events are on disk for ever: variants and fields are only appended. A campaign is told what was
//! drawn in it by statements, batch by batch; it answers each with what became of the wins. What it
//! grants is brought about by a saga for each reward.

use std::collections::BTreeMap;
use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::campaign::terms::SharedTerms;
use crate::currency::Currency;
use crate::id::{CampaignId, EntityId, RewardId, Seq, WalletId};
use crate::message::{
    About, Answer, Asker, Body, Effect, Message, Outcome, OutcomeKind, Source, Stamp,
};
use crate::money::Amount;
use crate::saga::Subject;
use crate::saga::reward::Reward;
use crate::saga::subject::Failure;

/// A draw that won, as its statement says it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Win {
    /// The line of the statement's decision; with it, it names the reward.
    pub line: u16,
    /// The purchase, as the bank named it.
    pub purchase: Box<str>,
    /// What is won, positive.
    pub amount: Amount,
}

/// What becomes of a win. Only appended to: it is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum Decision {
    /// Its money is reserved, and on its way.
    Granted,
    /// It is more than is left of the budget.
    Exhausted,
    /// The campaign pauses; it waits in line.
    Waits,
    /// The campaign pauses, and the line is full.
    TurnedAway,
}

impl Decision {
    /// Why not, where it is a no.
    pub fn failure(self) -> Option<Failure> {
        match self {
            Self::Granted | Self::Waits => None,
            Self::Exhausted => {
                Some(Failure::new("budget-exhausted", "the campaign's budget has less left"))
            }
            Self::TurnedAway => {
                Some(Failure::new("campaign-paused", "too many wins wait for the campaign"))
            }
        }
    }
}

/// A win that was decided, or waits.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Decided {
    /// Whose.
    pub wallet: WalletId,
    /// The statement's decision that drew it.
    pub draw: Seq,
    /// The win.
    pub win: Win,
    /// What became of it.
    pub decision: Decision,
}

/// A statement said what was drawn.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Counted {
    /// The statement's record: the draws.
    pub source: Source,
    /// How many draws.
    pub draws: u32,
    /// The wins among them, in order.
    pub wins: Vec<Decided>,
    /// In which currency.
    pub currency: Currency,
    /// Granted afterwards.
    pub granted_after: Amount,
}

/// Wins that waited were decided, the oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Admitted {
    /// This campaign's own message that asked to go on; `None` when a request did.
    pub source: Option<Source>,
    /// The wins.
    pub wins: Vec<Decided>,
    /// In which currency.
    pub currency: Currency,
    /// Granted afterwards.
    pub granted_after: Amount,
    /// Whether more wait.
    pub more: bool,
}

/// A reward could not be brought to its wallet.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Ungranted {
    /// The compensation's record.
    pub source: Source,
    /// Who asked.
    pub by: Asker,
    /// Whose.
    pub wallet: WalletId,
    /// The statement's decision that drew it.
    pub draw: Seq,
    /// The win.
    pub win: Win,
    /// In which currency.
    pub currency: Currency,
    /// Why.
    pub failure: Failure,
}

/// What may happen to a campaign. Only appended to: it is on disk.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Event {
    /// It was announced.
    Announced(SharedTerms),
    /// A statement said what was drawn.
    Counted(Counted),
    /// It grants nothing for now.
    Paused,
    /// It grants again.
    Resumed,
    /// Wins that waited were decided.
    Admitted(Admitted),
    /// A reward could not be brought to its wallet; its money is free again.
    Ungranted(Ungranted),
    /// A wallet gave rewards back; their money is free again.
    TakenBack {
        /// The wallet's record.
        source: Source,
        /// Whose.
        wallet: WalletId,
        /// How much, zero or positive.
        amount: Amount,
        /// In which currency.
        currency: Currency,
    },
    /// Its own message came when there was nothing to go on with.
    NothingWaits {
        /// The message.
        source: Source,
    },
}

impl Event {
    /// The message that was received with it.
    pub fn received(&self) -> Option<Source> {
        match self {
            Self::Announced(_) | Self::Paused | Self::Resumed => None,
            Self::Counted(event) => Some(event.source),
            Self::Admitted(event) => event.source,
            Self::Ungranted(event) => Some(event.source),
            Self::TakenBack { source, .. } | Self::NothingWaits { source } => Some(*source),
        }
    }

    /// What follows outside.
    pub fn effects(&self, id: &Arc<str>, stamp: Stamp) -> Vec<Effect> {
        let campaign = CampaignId::from_shared(Arc::clone(id));
        match self {
            Self::Announced(_)
            | Self::Paused
            | Self::Resumed
            | Self::TakenBack { .. }
            | Self::NothingWaits { .. } => Vec::new(),
            Self::Counted(event) => after(&campaign, &event.wins, event.currency, stamp),
            Self::Admitted(event) => {
                let mut effects = after(&campaign, &event.wins, event.currency, stamp);
                if event.more {
                    let to = EntityId::campaign(&campaign);
                    let body = Body::Continue;
                    effects.push(Effect::Send(Message { source: stamp.source, to, body }));
                }
                effects
            }
            Self::Ungranted(event) => ungranted(&campaign, event, stamp),
        }
    }
}

/// What follows from decided wins: sagas for those that are granted, word to the statements, and
/// the refusals are told.
fn after(campaign: &CampaignId, wins: &[Decided], currency: Currency, stamp: Stamp) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut by_statement: BTreeMap<&WalletId, Vec<RewardNews>> = BTreeMap::new();
    for decided in wins {
        let (win, wallet) = (&decided.win, &decided.wallet);
        let news = match (decided.decision, decided.decision.failure()) {
            (Decision::Waits, _) => continue,
            (Decision::Granted, _) => {
                let reward = Reward {
                    campaign: campaign.clone(),
                    id: RewardId { wallet: wallet.clone(), seq: decided.draw, line: win.line },
                    purchase: win.purchase.clone(),
                    amount: win.amount,
                    currency,
                };
                let to = EntityId::saga(reward.id.to_string());
                let body = Body::Begin(Box::new(Subject::Reward(reward)));
                effects.push(Effect::Send(Message { source: stamp.source, to, body }));
                News::Reserved
            }
            (Decision::Exhausted | Decision::TurnedAway, failure) => {
                let failure = failure.expect("a no has a reason");
                effects.push(refused(campaign, decided, currency, failure.clone(), stamp));
                News::Failed(failure)
            }
        };
        let news = RewardNews { draw: decided.draw, line: win.line, news };
        by_statement.entry(wallet).or_default().push(news);
    }
    for (wallet, news) in by_statement {
        let (to, body) = (EntityId::statement(wallet), Body::RewardNews(news));
        effects.push(Effect::Send(Message { source: stamp.source, to, body }));
    }
    effects
}

fn refused(
    campaign: &CampaignId,
    decided: &Decided,
    currency: Currency,
    failure: Failure,
    stamp: Stamp,
) -> Effect {
    Effect::Tell(Outcome {
        kind: OutcomeKind::RewardRefused,
        at: stamp.at,
        wallet: Some(decided.wallet.clone()),
        seq: decided.draw,
        provider: None,
        payment: None,
        amount: decided.win.amount,
        currency,
        balance_after: Amount::ZERO,
        description: None,
        effective_at: None,
        about: Some(About::Reward {
            campaign: campaign.clone(),
            line: decided.win.line,
            purchase: Some(decided.win.purchase.clone()),
            failure: Some(failure),
        }),
    })
}

fn ungranted(campaign: &CampaignId, event: &Ungranted, stamp: Stamp) -> Vec<Effect> {
    let decided = Decided {
        wallet: event.wallet.clone(),
        draw: event.draw,
        win: event.win.clone(),
        decision: Decision::Granted,
    };
    let news = RewardNews {
        draw: event.draw,
        line: event.win.line,
        news: News::Failed(event.failure.clone()),
    };
    let (to, body) = (EntityId::statement(&event.wallet), Body::RewardNews(vec![news]));
    vec![
        event.by.reply(stamp.source, Answer::Done),
        Effect::Send(Message { source: stamp.source, to, body }),
        refused(campaign, &decided, event.currency, event.failure.clone(), stamp),
    ]
}

/// What a statement is told of one of its rewards.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct RewardNews {
    /// The statement's decision that drew it.
    pub draw: Seq,
    /// Which of its lines.
    pub line: u16,
    /// What is new.
    pub news: News,
}

/// What is new of a reward. Only appended to: it is on disk.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum News {
    /// The campaign set its money aside.
    Reserved,
    /// It will not be.
    Failed(Failure),
    /// It is in the wallet.
    Credited,
    /// It was taken back, so much of it.
    TakenBack(Amount),
}
