//! What may happen to a deal, and what follows from it outside.
//!
//! Events are on disk for ever: only appended to. An event says everything that follows from it,
//! so that messages, outcomes and books are made from the event alone.

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::code::Rejection;
use crate::currency::Currency;
use crate::deal::Profile;
use crate::id::{DealId, EntityId, InvestmentId, Seq, WalletId};
use crate::message::{
    About, Answer, Asker, Body, Effect, Message, Movement, Outcome, OutcomeKind, Source, Stamp,
};
use crate::money::{Amount, Total};
use crate::saga::Subject;
use crate::saga::investment::{Funding, Investment};
use crate::saga::subject::Failure;

/// What a ticket got.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Decision {
    /// A place.
    Reserved,
    /// A place in the line, from 1.
    Waiting(u32),
    /// No.
    Refused {
        /// Why.
        rejection: Rejection,
        /// The id of the request that was refused; it is part of the answer.
        request_id: Box<str>,
    },
}

/// A request got its ticket.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Ticketed {
    /// The ticket, from 1, without gaps.
    pub ticket: u64,
    /// Who invests.
    pub wallet: WalletId,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Where the money comes from.
    pub funding: Funding,
    /// What the ticket got.
    pub decision: Decision,
}

/// Someone in the line.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Waiting {
    /// The decision that gave the ticket; with the deal it names the investment.
    pub investment: Seq,
    /// The ticket.
    pub ticket: u64,
    /// Who invests.
    pub wallet: WalletId,
    /// How much, positive.
    pub amount: Amount,
    /// Where the money comes from.
    pub funding: Funding,
}

/// What may happen to a deal.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Event {
    /// It came into being.
    Opened(Arc<Profile>),
    /// A request got its ticket.
    Ticketed(Ticketed),
    /// These left the line for a place, in this order.
    Promoted {
        /// Who.
        places: Vec<Waiting>,
        /// In which currency.
        currency: Currency,
    },
    /// An investment is for good; its money is here.
    Confirmed {
        /// The saga's record.
        source: Source,
        /// Who asked.
        by: Asker,
        /// Which investment.
        investment: Seq,
        /// How much, positive.
        amount: Amount,
        /// In which currency.
        currency: Currency,
        /// All that came, this included.
        balance_after: Total,
    },
    /// An investment was undone; its place is free.
    Freed {
        /// The compensation's record.
        source: Source,
        /// Who asked.
        by: Asker,
        /// Which investment.
        investment: Seq,
    },
    /// These can no longer get a place.
    LineRefused {
        /// Who, and why.
        places: Vec<(Waiting, Failure)>,
        /// In which currency.
        currency: Currency,
    },
    /// Someone left the line.
    Withdrawn {
        /// Who.
        place: Waiting,
        /// In which currency.
        currency: Currency,
    },
    /// It takes no more requests.
    Closed,
    /// There was more to do than fits one decision; the rest follows.
    Unfinished,
    /// The rest is being done.
    Continued {
        /// The deal's own record.
        source: Source,
    },
}

impl Ticketed {
    fn investment(&self, deal: &DealId, seq: Seq) -> Investment {
        Investment {
            id: InvestmentId { deal: deal.clone(), seq },
            ticket: self.ticket,
            wallet: self.wallet.clone(),
            amount: self.amount,
            currency: self.currency,
            funding: self.funding,
        }
    }
}

impl Waiting {
    fn of(investment: &Investment) -> Self {
        Self {
            investment: investment.id.seq,
            ticket: investment.ticket,
            wallet: investment.wallet.clone(),
            amount: investment.amount,
            funding: investment.funding,
        }
    }

    fn begin(&self, deal: &DealId, currency: Currency, stamp: Stamp) -> Effect {
        let investment = Investment {
            id: InvestmentId { deal: deal.clone(), seq: self.investment },
            ticket: self.ticket,
            wallet: self.wallet.clone(),
            amount: self.amount,
            currency,
            funding: self.funding,
        };
        begin(investment, stamp)
    }

    fn outcome(
        &self,
        kind: OutcomeKind,
        failure: Option<Failure>,
        deal: &DealId,
        currency: Currency,
        stamp: Stamp,
    ) -> Effect {
        Effect::Tell(Outcome {
            kind,
            at: stamp.at,
            wallet: Some(self.wallet.clone()),
            seq: self.investment,
            provider: None,
            payment: None,
            amount: self.amount,
            currency,
            balance_after: Amount::ZERO,
            description: None,
            effective_at: None,
            about: Some(About::Investment { deal: deal.clone(), ticket: self.ticket, failure }),
        })
    }
}

fn begin(investment: Investment, stamp: Stamp) -> Effect {
    let to = investment.id.saga();
    let body = Body::Begin(Box::new(Subject::Investment(investment)));
    Effect::Send(Message { source: stamp.source, to, body })
}

fn ticketed(event: &Ticketed, deal: &DealId, stamp: Stamp) -> Option<Effect> {
    let investment = event.investment(deal, stamp.source.seq);
    match &event.decision {
        Decision::Reserved => Some(begin(investment, stamp)),
        Decision::Waiting(_) => None,
        Decision::Refused { rejection, .. } => {
            let failure = Failure::new(rejection.code.as_str(), rejection.detail.clone());
            let (kind, currency) = (OutcomeKind::InvestmentRefused, event.currency);
            let place = Waiting::of(&investment);
            Some(place.outcome(kind, Some(failure), deal, currency, stamp))
        }
    }
}

impl Event {
    /// What must happen outside, once the event is durable.
    pub(super) fn effects(&self, id: &Arc<str>, stamp: Stamp) -> Vec<Effect> {
        let deal = DealId::from_shared(Arc::clone(id));
        match self {
            Self::Ticketed(event) => ticketed(event, &deal, stamp).into_iter().collect(),
            Self::Promoted { places, currency } => {
                let kind = OutcomeKind::InvestmentReserved;
                let effects = |place: &Waiting| {
                    let told = place.outcome(kind, None, &deal, *currency, stamp);
                    [place.begin(&deal, *currency, stamp), told]
                };
                places.iter().flat_map(effects).collect()
            }
            Self::Confirmed { by, .. } | Self::Freed { by, .. } => {
                vec![by.reply(stamp.source, Answer::Done)]
            }
            Self::LineRefused { places, currency } => {
                let kind = OutcomeKind::InvestmentRefused;
                let told = |(place, failure): &(Waiting, Failure)| {
                    place.outcome(kind, Some(failure.clone()), &deal, *currency, stamp)
                };
                places.iter().map(told).collect()
            }
            Self::Withdrawn { place, currency } => {
                let kind = OutcomeKind::InvestmentCancelled;
                vec![place.outcome(kind, None, &deal, *currency, stamp)]
            }
            Self::Unfinished => {
                let to = EntityId::deal(&deal);
                let body = Body::Continue;
                vec![Effect::Send(Message { source: stamp.source, to, body })]
            }
            Self::Opened(_) | Self::Closed | Self::Continued { .. } => Vec::new(),
        }
    }

    /// What the event does to the books.
    pub(super) fn booked(&self) -> Option<Movement> {
        match self {
            Self::Confirmed { amount, currency, .. } => {
                Some(Movement::received(*currency, *amount))
            }
            Self::Opened(_)
            | Self::Ticketed(_)
            | Self::Promoted { .. }
            | Self::Freed { .. }
            | Self::LineRefused { .. }
            | Self::Withdrawn { .. }
            | Self::Closed
            | Self::Unfinished
            | Self::Continued { .. } => None,
        }
    }
}
