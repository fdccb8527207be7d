//! The way back from third parties and the clerk: each answer is brought to the entity that asked.
//!
//! Calls go out through the gateways, which know nothing of shards; [`Answers`] finds the shard of
//! the saga. It is made before the engine, because the gateways are, and linked when the engine
//! starts. Answers may come on any thread, in any order, or never: after a restart a saga asks anew.

use bursar_domain::call::Answered;
use bursar_domain::errand::Brought;
use bursar_domain::id::EntityId;

use crate::peers::Peers;
use crate::shard::messages::ToShard;

/// The way back to the sagas.
#[derive(Clone, Debug, Default)]
pub struct Answers(Peers);

impl Answers {
    /// Brings an answer to the entity that called. Before the engine runs nobody calls.
    pub fn bring(&self, entity: EntityId, answered: Answered) {
        let answered = ToShard::Answered { entity: entity.clone(), answered };
        self.0.tell_shard_of(&entity, answered);
    }

    /// Brings what an errand fetched to the entity that asked.
    pub fn bring_found(&self, entity: EntityId, brought: Brought) {
        let brought = ToShard::Brought { entity: entity.clone(), brought };
        self.0.tell_shard_of(&entity, brought);
    }

    /// Where the shards are; linked when the engine starts.
    pub(crate) fn peers(&self) -> &Peers {
        &self.0
    }
}
