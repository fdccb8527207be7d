//! The shape of every entity: `decide`, `apply`, `react`.
//!
//! A command is a wish; `decide` reads the state and says which events follow, or why not.
//! `apply` writes an event into the state and never refuses. `react` says what must happen outside
//! the entity once the event is durable. It needs only the event and where it was recorded, so
//! after a crash the messages that are still unacknowledged are made again from the journal's tail
//! without loading an entity.
//!
//! Invariants: `decide` changes nothing; every event that `decide` returns applies to the state it
//! was decided on; the same command on the same state at the same time gives the same events.
//!
//! Some entities wait for the outside world: a call's answer, or an instant. They say so with
//! [`Entity::due`], and are woken when the answer comes, when the time comes, or after a crash.

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::call::{Answered, Context};
use crate::code::Rejection;
use crate::errand::Brought;
use crate::id::{Kind, Seq};
use crate::message::{Effect, Message, Movement, Stamp};
use crate::money::Total;
use crate::time::Timestamp;

/// What an entity waits for besides requests and messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Due {
    /// Nothing.
    #[default]
    Nothing,
    /// The answer to a call.
    Answer,
    /// An instant.
    At(Timestamp),
}

/// Why an entity is woken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wake {
    /// The instant it waits for has come; or it waits for another one by now, and nothing follows.
    Due,
    /// It was read from disk: whatever it had called before, nobody will bring the answer.
    Resumed,
}

/// The rules of one kind of entity.
pub trait Entity: Default + Clone + Encode + Decode<()> + 'static {
    /// What may be asked of it.
    type Command;
    /// What may happen to it.
    type Event: Clone + PartialEq + std::fmt::Debug + Encode + Decode<()> + 'static;
    /// What anyone may see of it, cheap to make and to share.
    type Summary: Clone + Send + Sync + 'static;

    /// Its kind.
    const KIND: Kind;

    /// Whether it ever waits for anything besides requests and messages.
    const WAITS: bool = false;

    /// Whether it has come into being. Before, it has nothing to save.
    fn exists(&self) -> bool;

    /// What follows from a command. Reads only.
    fn decide(
        &self,
        command: &Self::Command,
        context: &Context<'_>,
    ) -> Result<Vec<Self::Event>, Rejection>;

    /// What follows from a message of another entity: nothing when it was received before.
    /// A message is never refused, because its money has already left the sender.
    fn receive(&self, message: &Message, context: &Context<'_>) -> Vec<Self::Event>;

    /// What follows from a third party's answer: nothing when it is not the one waited for.
    fn answered(&self, _answered: &Answered, _context: &Context<'_>) -> Vec<Self::Event> {
        Vec::new()
    }

    /// What follows from what an errand brought: nothing when it is not the one waited for.
    fn brought(&self, _brought: &Brought, _context: &Context<'_>) -> Vec<Self::Event> {
        Vec::new()
    }

    /// What follows from being woken.
    fn woken(&self, _why: Wake, _context: &Context<'_>) -> Vec<Self::Event> {
        Vec::new()
    }

    /// What it waits for.
    fn due(&self) -> Due {
        Due::Nothing
    }

    /// The number under which it stands in the agenda of its kind, ascending, as the day of its next
    /// debit. Someone else asks who stands there; it is not woken by it. Counts only for a kind
    /// that waits ([`Entity::WAITS`]).
    fn listed(&self) -> Option<i64> {
        None
    }

    /// Writes an event, recorded at `seq`, into the state.
    fn apply(&mut self, event: &Self::Event, seq: Seq);

    /// What must happen outside after the commit.
    fn react(id: &Arc<str>, event: &Self::Event, stamp: Stamp) -> Vec<Effect>;

    /// What an event does to the books.
    fn movement(event: &Self::Event) -> Option<Movement>;

    /// The entity's posted balance after an event, as the event itself says it.
    fn balance_after(_event: &Self::Event) -> Option<Total> {
        None
    }

    /// What anyone may see, at this moment.
    fn summary(&self) -> Option<Self::Summary>;
}
