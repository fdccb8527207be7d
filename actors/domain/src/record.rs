//! A record: one decision, as it stands in the journal and, later, in its entity's history.
//!
//! It holds all that the decision did: the events, or the refusal; the key it was asked under; and
//! when. The answer to the client is made from the record and nothing else, so a replayed answer
//! is the first one, to the letter. The position (`seq`) stands beside a record, not in it.

use bincode::{Decode, Encode};

use crate::advance::{self, Advance};
use crate::campaign::{self, Campaign};
use crate::code::Rejection;
use crate::compensation::{self, Compensation};
use crate::deal::{self, Deal};
use crate::entity::Entity;
use crate::id::EntityId;
use crate::key::Key;
use crate::message::{Effect, Movement, Stamp};
use crate::provider::{self, Provider};
use crate::run::{self, Run};
use crate::saga::{self, Saga};
use crate::schedule::{self, Schedule};
use crate::statement::{self, Statement};
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
    /// A deal's events.
    Deal(Vec<deal::Event>),
    /// A saga's events.
    Saga(Vec<saga::Event>),
    /// A compensation's events.
    Compensation(Vec<compensation::Event>),
    /// An advance's events.
    Advance(Vec<advance::Event>),
    /// A run's events.
    Run(Vec<run::Event>),
    /// The schedule's events.
    Schedule(Vec<schedule::Event>),
    /// A campaign's events.
    Campaign(Vec<campaign::Event>),
    /// A statement's events.
    Statement(Vec<statement::Event>),
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

/// Every kind of entity whose events have a place in a verdict: the variant and the rules.
macro_rules! kinds {
    ($($variant:ident $rules:ty;)*) => {
        impl Record {
            /// What must happen outside once the record is durable.
            pub fn effects(&self, stamp: Stamp) -> Vec<Effect> {
                let id = &self.entity.id;
                match &self.verdict {
                    $(Verdict::$variant(events) => {
                        events.iter().flat_map(|event| <$rules>::react(id, event, stamp)).collect()
                    })*
                    Verdict::Refused(_) => Vec::new(),
                }
            }

            /// Gives what the record does to the books to `visit`, event by event.
            pub fn movements(&self, mut visit: impl FnMut(Movement)) {
                match &self.verdict {
                    $(Verdict::$variant(events) => {
                        events.iter().filter_map(<$rules>::movement).for_each(&mut visit);
                    })*
                    Verdict::Refused(_) => {}
                }
            }
        }

        $(impl Recorded for $rules {
            fn verdict(events: Vec<Self::Event>) -> Verdict {
                Verdict::$variant(events)
            }

            fn events(verdict: &Verdict) -> Option<&[Self::Event]> {
                if let Verdict::$variant(events) = verdict {
                    Some(events)
                } else {
                    matches!(verdict, Verdict::Refused(_)).then_some(&[])
                }
            }
        })*
    };
}

kinds! {
    Wallet Wallet;
    Provider Provider;
    Deal Deal;
    Saga Saga;
    Compensation Compensation;
    Advance Advance;
    Run Run;
    Schedule Schedule;
    Campaign Campaign;
    Statement Statement;
}

/// An entity kind whose events have a place in a [`Record`].
pub trait Recorded: Entity {
    /// Puts events into a verdict.
    fn verdict(events: Vec<Self::Event>) -> Verdict;

    /// Takes events out of a verdict; a refusal has none, another kind's verdict is `None`.
    fn events(verdict: &Verdict) -> Option<&[Self::Event]>;
}
