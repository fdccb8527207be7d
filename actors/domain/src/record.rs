//! A record: one decision, as it stands in the journal and, later, in its entity's history.
//!
//! It holds all that the decision did: the events, or the refusal; the key it was asked under; and
//! when. The answer to the client is made from the record and nothing else, so a replayed answer
//! is the first one, to the letter. The position (`seq`) stands beside a record, not in it.

use bincode::{Decode, Encode};

use crate::code::Rejection;
use crate::entity::Entity;
use crate::id::EntityId;
use crate::key::Key;
use crate::message::{Effect, Movement, Stamp};
use crate::provider::{self, Provider};
use crate::time::Timestamp;
use crate::wallet::{self, Wallet};

/// What was decided. Only appended to: it is on disk.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum Verdict {
    /// A wallet's events; none when the command changed nothing.
    Wallet(Vec<wallet::Event>),
    /// A provider's events.
    Provider(Vec<provider::Event>),
    /// No.
    Refused(Refusal),
}

/// A refusal that is kept with its key, so that a retry gets the same no.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Refusal {
    /// Why.
    pub rejection: Rejection,
    /// The id of the request that was refused first; it is part of the answer.
    pub request_id: Box<str>,
}

/// One decision.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct Record {
    /// When it was decided, by the server's clock; within a shard it never goes back.
    pub at: Timestamp,
    /// Who decided.
    pub entity: EntityId,
    /// The client's key, where there was one.
    pub key: Option<Key>,
    /// What was decided.
    pub verdict: Verdict,
}

impl Record {
    /// What must happen outside once the record is durable.
    pub fn effects(&self, stamp: Stamp) -> Vec<Effect> {
        let id = &self.entity.id;
        match &self.verdict {
            Verdict::Wallet(events) => {
                events.iter().flat_map(|event| Wallet::react(id, event, stamp)).collect()
            }
            Verdict::Provider(events) => {
                events.iter().flat_map(|event| Provider::react(id, event, stamp)).collect()
            }
            Verdict::Refused(_) => Vec::new(),
        }
    }

    /// What the record does to the books, event by event.
    pub fn movements(&self) -> impl Iterator<Item = Movement> {
        let (wallet, provider): (&[wallet::Event], &[provider::Event]) = match &self.verdict {
            Verdict::Wallet(events) => (events, &[]),
            Verdict::Provider(events) => (&[], events),
            Verdict::Refused(_) => (&[], &[]),
        };
        let wallet = wallet.iter().filter_map(Wallet::movement);
        wallet.chain(provider.iter().filter_map(Provider::movement))
    }
}

/// An entity kind whose events have a place in a [`Record`].
pub trait Recorded: Entity {
    /// Puts events into a verdict.
    fn verdict(events: Vec<Self::Event>) -> Verdict;

    /// Takes events out of a verdict; a refusal has none, another kind's verdict is `None`.
    fn events(verdict: &Verdict) -> Option<&[Self::Event]>;
}

impl Recorded for Wallet {
    fn verdict(events: Vec<wallet::Event>) -> Verdict {
        Verdict::Wallet(events)
    }

    fn events(verdict: &Verdict) -> Option<&[wallet::Event]> {
        match verdict {
            Verdict::Wallet(events) => Some(events),
            Verdict::Refused(_) => Some(&[]),
            Verdict::Provider(_) => None,
        }
    }
}

impl Recorded for Provider {
    fn verdict(events: Vec<provider::Event>) -> Verdict {
        Verdict::Provider(events)
    }

    fn events(verdict: &Verdict) -> Option<&[provider::Event]> {
        match verdict {
            Verdict::Provider(events) => Some(events),
            Verdict::Refused(_) => Some(&[]),
            Verdict::Wallet(_) => None,
        }
    }
}
