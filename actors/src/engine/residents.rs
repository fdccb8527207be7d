//! Who is in memory, and leaving it, for operators and lists.
//!
//! Views show who exists and is in memory, durably and without asking; the shards know also who is
//! still being read.

use bursar_domain::id::{EntityId, Kind};
use tokio::sync::oneshot;

use super::{Engine, Stopped};
use crate::shard::messages::{Report, ResidentState, ToShard};

impl Engine {
    /// The entities of a kind that are in memory and exist, ascending. Durable.
    pub fn residents_of(&self, kind: Kind) -> Vec<EntityId> {
        let ids = self.shards.iter().flat_map(|shard| shard.views.of_kind(kind));
        let mut ids: Vec<EntityId> = ids.map(|id| EntityId { kind, id }).collect();
        ids.sort();
        ids
    }

    /// Who is in memory.
    pub async fn residents(&self) -> std::result::Result<Vec<ResidentState>, Stopped> {
        let lists = self.each(|sender| ToShard::Report(Report::Residents(sender))).await?;
        Ok(lists.into_iter().flatten().collect())
    }

    /// The entities of a kind that are in memory or are being read, ascending; also those that the
    /// start reads, from the beginning.
    pub async fn present(&self, kind: Kind) -> std::result::Result<Vec<EntityId>, Stopped> {
        let lists = self.each(|sender| ToShard::Report(Report::Present(kind, sender))).await?;
        let mut ids: Vec<EntityId> = lists.into_iter().flatten().collect();
        ids.sort();
        Ok(ids)
    }

    /// Saves everything and asks an entity to leave memory. True when it was not there any more.
    pub async fn passivate(&self, id: &EntityId) -> std::result::Result<bool, Stopped> {
        let shard = self.shard_of(id);
        let (sender, receiver) = oneshot::channel();
        shard.address.do_send(ToShard::Checkpoint(sender));
        receiver.await.map_err(|_| Stopped)?;
        for _ in 0..2 {
            let (sender, receiver) = oneshot::channel();
            shard.address.do_send(ToShard::Passivate(id.clone(), sender));
            if receiver.await.map_err(|_| Stopped)? {
                return Ok(true);
            }
        }
        Ok(self.see(id).is_none())
    }
}
