//! Where all shards are, for whoever has something to tell them.
//!
//! The shards start on their threads, and those who tell them something are made before; so the
//! addresses are linked once, when all shards have started. Clones are the same list.
//!
//! Invariant: it is linked once, and before that nobody is told anything.

use std::sync::{Arc, OnceLock};

use actix::prelude::*;
use bursar_domain::id::{EntityId, ShardId};

use crate::shard::actor::ShardActor;
use crate::shard::messages::ToShard;

/// Where all shards are.
#[derive(Clone, Debug, Default)]
pub struct Peers(Arc<OnceLock<Vec<Addr<ShardActor>>>>);

impl Peers {
    /// Puts something into a shard's mailbox. Before the engine runs there is nobody to tell.
    pub fn tell(&self, shard: ShardId, message: ToShard) {
        if let Some(shards) = self.0.get() {
            shards[usize::from(shard.0)].do_send(message);
        }
    }

    /// Puts something into the mailbox of an entity's shard.
    pub fn tell_shard_of(&self, entity: &EntityId, message: ToShard) {
        let Some(shards) = self.0.get() else { return };
        let count = u16::try_from(shards.len()).expect("the number came as a u16");
        self.tell(entity.shard(count), message);
    }

    /// Links it with the shards, by number.
    ///
    /// # Panics
    /// When it was linked before: each engine has its own.
    pub(crate) fn link(&self, shards: Vec<Addr<ShardActor>>) {
        assert!(self.0.set(shards).is_ok(), "shards are linked once");
    }
}
