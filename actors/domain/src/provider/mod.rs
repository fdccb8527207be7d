//! A provider: a business that receives payments and is reimbursed on its calendar.
//!
//! What it received and has not been paid out is `accrued`. Refunds go out of it; where it does
//! not hold enough, it goes below zero and the next payments fill it up again, as at any acquirer.
//! Its sums are wider than an [`Amount`], because a payment that left its wallet cannot be refused.
//!
//! Invariant: accrued + in reimbursement + reimbursed = received - refunded.

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::cadence::Cadence;
use crate::call::Context;
use crate::code::{Code, Rejection};
use crate::currency::Currency;
use crate::entity::Entity;
use crate::id::{EntityId, Kind, ProviderId, Seq, WalletId};
use crate::key::ContentMark;
use crate::message::{Body, Effect, Marks, Message, Movement, Source, Stamp};
use crate::money::{Amount, Total};
use crate::time::Timestamp;

/// What is said of a provider when it is registered.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Profile {
    /// The name that customers see.
    pub name: Box<str>,
    /// The one currency it takes.
    pub currency: Currency,
    /// When it is reimbursed.
    pub cadence: Cadence,
    /// Where it is reimbursed to: a token at the processor.
    pub account: Box<str>,
}

/// What may be asked of a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Register it.
    Register(Profile),
}

impl Command {
    /// The mark of what the client asked for.
    pub fn content(&self) -> u64 {
        match self {
            Self::Register(profile) => {
                let mut mark = ContentMark::of("register-provider");
                mark.text(&profile.name);
                mark.text(profile.currency.code());
                mark.text(profile.cadence.every_name());
                mark.optional_text(profile.cadence.on_text().as_deref());
                mark.text(&profile.cadence.at_text());
                mark.text(profile.cadence.time_zone());
                mark.text(&profile.account);
                mark.finish()
            }
        }
    }
}

/// A payment arrived.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Received {
    /// The wallet's record; its position names the payment.
    pub source: Source,
    /// Who paid.
    pub wallet: WalletId,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Accrued afterwards.
    pub balance_after: Total,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
    /// The payer's words.
    pub description: Option<Box<str>>,
}

/// Money went back to a wallet.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct RefundSent {
    /// The wallet's record that asked; its position names the refund.
    pub source: Source,
    /// Who asked.
    pub wallet: WalletId,
    /// Which payment.
    pub payment: Seq,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Accrued afterwards; may be below zero.
    pub balance_after: Total,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
}

/// What may happen to a provider. Only appended to: it is on disk.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Event {
    /// It came into being.
    Registered(Arc<Profile>),
    /// A payment arrived.
    Received(Received),
    /// Money went back to a wallet.
    RefundSent(RefundSent),
}

/// The state of a provider. Before `Registered` it has no profile.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub struct Provider {
    profile: Option<Arc<Profile>>,
    accrued: Total,
    marks: Marks,
}

/// What anyone may see of a provider.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What was said when it was registered.
    pub profile: Arc<Profile>,
    /// Received and not yet paid out.
    pub accrued: Total,
}

impl Entity for Provider {
    type Command = Command;
    type Event = Event;
    type Summary = Summary;
    const KIND: Kind = Kind::Provider;

    fn exists(&self) -> bool {
        self.profile.is_some()
    }

    fn decide(&self, command: &Command, _: &Context<'_>) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Register(profile) if self.profile.is_none() => {
                Ok(vec![Event::Registered(Arc::new(profile.clone()))])
            }
            Command::Register(_) => {
                Err(Rejection::new(Code::AlreadyExists, "a provider with this id exists"))
            }
        }
    }

    fn receive(&self, message: &Message, _: &Context<'_>) -> Vec<Event> {
        if self.marks.has(message.source) {
            return Vec::new();
        }
        let profile = self.profile.as_ref().expect("a wallet pays only a registered provider");
        match &message.body {
            Body::Payment { wallet, amount, currency, description, effective_at } => {
                assert_eq!(*currency, profile.currency, "the wallet compared the currencies");
                let after = self.accrued.checked_add(*amount);
                vec![Event::Received(Received {
                    source: message.source,
                    wallet: wallet.clone(),
                    amount: *amount,
                    currency: *currency,
                    balance_after: after.expect("a total holds any number of amounts"),
                    effective_at: *effective_at,
                    description: description.clone(),
                })]
            }
            Body::RefundOrder { wallet, payment, amount, currency, effective_at } => {
                assert_eq!(*currency, profile.currency, "a refund is in the payment's currency");
                let after = self.accrued.checked_sub(*amount);
                vec![Event::RefundSent(RefundSent {
                    source: message.source,
                    wallet: wallet.clone(),
                    payment: *payment,
                    amount: *amount,
                    currency: *currency,
                    balance_after: after.expect("a total holds any number of amounts"),
                    effective_at: *effective_at,
                })]
            }
            Body::RefundMoney { .. }
            | Body::Begin(_)
            | Body::Mark { .. }
            | Body::Settle { .. }
            | Body::Unmark { .. }
            | Body::Credit { .. }
            | Body::Abandon { .. }
            | Body::Confirm { .. }
            | Body::Free { .. }
            | Body::Compensate(_)
            | Body::Reply { .. }
            | Body::Continue => unreachable!("{message:?} is not for a provider"),
        }
    }

    fn apply(&mut self, event: &Event, seq: Seq) {
        let before = self.accrued;
        match event {
            Event::Registered(profile) => self.profile = Some(Arc::clone(profile)),
            Event::Received(received) => {
                self.marks.raise(received.source);
                self.accrued = received.balance_after;
            }
            Event::RefundSent(refund) => {
                self.marks.raise(refund.source);
                self.accrued = refund.balance_after;
            }
        }
        let moved = Self::movement(event).map_or(Amount::ZERO, |movement| movement.account);
        assert_eq!(before.checked_add(moved), Some(self.accrued), "{event:?} at {seq}: wrong sum");
    }

    fn react(id: &Arc<str>, event: &Event, stamp: Stamp) -> Vec<Effect> {
        match event {
            Event::RefundSent(refund) => vec![Effect::Send(Message {
                source: stamp.source,
                to: EntityId::wallet(&refund.wallet),
                body: Body::RefundMoney {
                    provider: ProviderId::from_shared(Arc::clone(id)),
                    payment: refund.payment,
                    refund: refund.source.seq,
                    amount: refund.amount,
                    currency: refund.currency,
                },
            })],
            Event::Registered(_) | Event::Received(_) => Vec::new(),
        }
    }

    fn movement(event: &Event) -> Option<Movement> {
        match event {
            Event::Registered(_) => None,
            Event::Received(event) => Some(Movement::received(event.currency, event.amount)),
            Event::RefundSent(event) => Some(Movement::sent(event.currency, event.amount)),
        }
    }

    fn balance_after(event: &Event) -> Option<Total> {
        match event {
            Event::Registered(_) => None,
            Event::Received(event) => Some(event.balance_after),
            Event::RefundSent(event) => Some(event.balance_after),
        }
    }

    fn summary(&self) -> Option<Summary> {
        let profile = self.profile.as_ref()?;
        Some(Summary { profile: Arc::clone(profile), accrued: self.accrued })
    }
}
