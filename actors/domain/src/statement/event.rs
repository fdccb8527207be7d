//! What may happen to a statement, and what follows from it outside.
//!
//! Events are on disk for ever: variants and fields are only appended. `Taken` is all that the
//! request path does; it sends a message to itself, and `Drawn` follows: the draws of those lines,
//! word to the campaigns, and what reversals take back.

use std::collections::BTreeMap;
use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::campaign::{News, Win};
use crate::currency::Currency;
use crate::id::{CampaignId, EntityId, RewardId, Seq, WalletId};
use crate::message::{Body, Effect, Message, Source, Stamp};
use crate::money::Amount;
use crate::plan::Day;
use crate::statement::line::{Line, LineAnswer, LineVerdict};

/// A line that was taken.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Entry {
    /// The line.
    pub line: Arc<Line>,
    /// Whether it is to be drawn: it is posted, and its purchase was not before.
    pub draws: bool,
    /// The slot of the pending line that it replaces, said or found by likeness. A likeness is only
    /// written down; nothing follows from it.
    pub replaces: Option<u64>,
}

/// Lines were submitted, and some were new, or say that known ones are to be kept longer.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Taken {
    /// The wallet; no statement knows its own id.
    pub wallet: WalletId,
    /// The wallet's currency.
    pub currency: Currency,
    /// The UTC date on which they were taken: campaigns are asked as of then, whenever the lines
    /// are looked at.
    pub today: Day,
    /// Lines before this date are forgotten from now on.
    pub oldest: Day,
    /// The new ones, in the order of the call.
    pub entries: Vec<Entry>,
    /// The other lines: their places in the call, from 0, ascending.
    pub others: Vec<(u16, LineVerdict)>,
    /// Known lines, by their slots, that are kept until a later date, because a line of that date
    /// conflicts with them.
    pub kept: Vec<(u64, Day)>,
}

impl Taken {
    /// Whether it says anything that was not known.
    pub(super) fn is_news(&self) -> bool {
        !self.entries.is_empty() || !self.kept.is_empty()
    }

    /// What each line of the call is answered, in the order of the call.
    pub fn answers(&self) -> Vec<LineAnswer> {
        answers(self.entries.len(), &self.others)
    }
}

/// One answer for each line of a call, in its order.
pub(super) fn answers(new: usize, others: &[(u16, LineVerdict)]) -> Vec<LineAnswer> {
    let mut answers = vec![LineAnswer::New; new + others.len()];
    for (place, verdict) in others {
        answers[usize::from(*place)] = LineAnswer::Not(*verdict);
    }
    answers
}

/// What a draw came to. Only appended to: it is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Fate {
    /// Nothing.
    Lost,
    /// A prize; the campaign decides whether its budget holds it.
    Won {
        /// Its place in the table.
        prize: u16,
        /// How much, positive.
        amount: Amount,
    },
    /// A prize that is more than the customer may win for that day's purchases.
    Limited {
        /// Its place in the table.
        prize: u16,
        /// How much it would have been, positive.
        amount: Amount,
    },
}

/// A purchase was drawn.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Draw {
    /// Which entry of the batch; with the decision it names the draw.
    pub line: u16,
    /// Which campaign of [`Drawn::campaigns`].
    pub campaign: u16,
    /// The purchase's name; with the wallet's id, its business key.
    pub purchase: Box<str>,
    /// The purchase's date, whose seed drew it.
    pub day: Day,
    /// How much the purchase was.
    pub amount: Amount,
    /// What it came to.
    pub fate: Fate,
}

/// A campaign that took part.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Party {
    /// Which.
    pub campaign: CampaignId,
    /// Whether what is granted is taken back when the purchase is reversed.
    pub claws_back: bool,
}

/// A reward whose purchase was reversed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Clawed {
    /// The decision that drew it.
    pub draw: Seq,
    /// Which of its lines.
    pub line: u16,
    /// The campaign that granted it.
    pub campaign: CampaignId,
    /// How much was granted, positive.
    pub amount: Amount,
}

/// The lines of one decision were looked at.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Drawn {
    /// The message that asked for it.
    pub source: Source,
    /// The decision that took the lines.
    pub taken: Seq,
    /// The campaigns that took part.
    pub campaigns: Vec<Party>,
    /// The purchases that a campaign was for, in the order of the lines.
    pub draws: Vec<Draw>,
    /// What is taken back because of reversals among the lines.
    pub clawed: Vec<Clawed>,
    /// In which currency.
    pub currency: Currency,
}

/// A statement was told of its rewards.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Heard {
    /// The message.
    pub source: Source,
    /// What is new: the decision that drew the reward, its line, and the news.
    pub news: Vec<(Seq, u16, News)>,
    /// What is taken back, because its purchase was reversed before it was granted.
    pub clawed: Vec<Clawed>,
    /// In which currency.
    pub currency: Currency,
}

/// What may happen to a statement. Only appended to: it is on disk.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Event {
    /// Lines were taken.
    Taken(Taken),
    /// They were looked at.
    Drawn(Drawn),
    /// It was told of its rewards.
    Heard(Heard),
}

impl Event {
    /// The message that was received with it.
    pub fn received(&self) -> Option<Source> {
        match self {
            Self::Taken(_) => None,
            Self::Drawn(event) => Some(event.source),
            Self::Heard(event) => Some(event.source),
        }
    }

    /// What follows outside.
    pub fn effects(&self, id: &Arc<str>, stamp: Stamp) -> Vec<Effect> {
        let wallet = WalletId::from_shared(Arc::clone(id));
        let source = stamp.source;
        match self {
            Self::Taken(event) if event.entries.is_empty() => Vec::new(),
            Self::Taken(_) => {
                let to = EntityId::statement(&wallet);
                vec![Effect::Send(Message { source, to, body: Body::Continue })]
            }
            Self::Drawn(event) => {
                let mut effects = event.words(&wallet, source);
                effects.extend(claw_back(&wallet, &event.clawed, event.currency, source));
                effects
            }
            Self::Heard(event) => {
                claw_back(&wallet, &event.clawed, event.currency, source).into_iter().collect()
            }
        }
    }
}

impl Drawn {
    /// What each campaign is told.
    fn words(&self, wallet: &WalletId, source: Source) -> Vec<Effect> {
        let mut by_campaign: BTreeMap<u16, (u32, Vec<Win>)> = BTreeMap::new();
        for draw in &self.draws {
            let (draws, wins) = by_campaign.entry(draw.campaign).or_default();
            *draws += 1;
            if let Fate::Won { amount, .. } = draw.fate {
                wins.push(Win { line: draw.line, purchase: draw.purchase.clone(), amount });
            }
        }
        let word = |(campaign, (draws, wins)): (u16, (u32, Vec<Win>))| {
            let party = &self.campaigns[usize::from(campaign)];
            let body = Body::Drew { wallet: wallet.clone(), draws, wins };
            let to = EntityId::campaign(&party.campaign);
            Effect::Send(Message { source, to, body })
        };
        by_campaign.into_iter().map(word).collect()
    }
}

fn claw_back(
    wallet: &WalletId,
    clawed: &[Clawed],
    currency: Currency,
    source: Source,
) -> Option<Effect> {
    if clawed.is_empty() {
        return None;
    }
    let back = |clawed: &Clawed| crate::wallet::reward::Back {
        id: RewardId { wallet: wallet.clone(), seq: clawed.draw, line: clawed.line },
        campaign: clawed.campaign.clone(),
        amount: clawed.amount,
        currency,
    };
    let body = Body::ClawBack(clawed.iter().map(back).collect());
    Some(Effect::Send(Message { source, to: EntityId::wallet(wallet), body }))
}
