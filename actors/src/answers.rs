//! The way back from third parties and the clerk: each answer is brought to the entity that asked.
//!
//! Calls go out through the gateways, which know nothing of shards; [`Answers`] finds the shard of
//! the saga. It is made before the engine, because the gateways are, and linked when the engine
//! starts. Answers may come on any thread, in any order, or never: after a restart a saga asks anew.

use std::sync::{Arc, OnceLock};

use actix::prelude::*;
use bursar_domain::call::Answered;
use bursar_domain::errand::Brought;
use bursar_domain::id::EntityId;

use crate::shard::actor::ShardActor;
use crate::shard::messages::ToShard;

/// The way back to the sagas.
#[derive(Clone, Debug, Default)]
pub struct Answers(Arc<OnceLock<Vec<Addr<ShardActor>>>>);

impl Answers {
    /// Brings an answer to the entity that called.
    pub fn bring(&self, entity: EntityId, answered: Answered) {
        // Before the engine runs nobody calls, so there is nobody to answer.
        let Some(shards) = self.0.get() else { return };
        let count = u16::try_from(shards.len()).expect("the number came as a u16");
        let shard = usize::from(entity.shard(count).0);
        shards[shard].do_send(ToShard::Answered { entity, answered });
    }

    /// Brings what an errand fetched to the entity that asked.
    pub fn bring_found(&self, entity: EntityId, brought: Brought) {
        let Some(shards) = self.0.get() else { return };
        let count = u16::try_from(shards.len()).expect("the number came as a u16");
        let shard = usize::from(entity.shard(count).0);
        shards[shard].do_send(ToShard::Brought { entity, brought });
    }

    /// Links it with the shards.
    ///
    /// # Panics
    /// When it was linked before: each engine has its own.
    pub(crate) fn link(&self, shards: Vec<Addr<ShardActor>>) {
        assert!(self.0.set(shards).is_ok(), "answers are linked once");
    }
}
