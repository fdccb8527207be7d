//! Errands: what entities have fetched inside the server.
//!
//! Before the first page of an agenda all shards save what they have decided, as with the server's
//! clerk; the errand waits until they have. What an errand finds comes after a while.

use bursar_actors::shard::messages::ToShard;
use bursar_domain::errand::{Errand, Place};
use bursar_domain::id::EntityId;
use tokio::sync::oneshot;

use super::World;
use super::heap::OfProcess;
use crate::clerk::{Clerk, Sources};

/// An errand for which shards save first.
pub(super) struct Waiting {
    entity: EntityId,
    errand: Errand,
    saves: Vec<oneshot::Receiver<usize>>,
}

impl World<'_> {
    /// Takes an errand.
    pub(super) fn take_errand(&mut self, entity: EntityId, errand: Errand) {
        if !Clerk::saves_first(&errand) {
            return self.run_errand(&entity, errand);
        }
        let node = self.process_mut();
        let mut saves = Vec::new();
        for shard in 0..node.shards() {
            let (sender, receiver) = oneshot::channel();
            node.tell(shard, ToShard::Checkpoint(sender));
            saves.push(receiver);
        }
        self.errands.push(Waiting { entity, errand, saves });
    }

    /// Runs those errands for which all shards have saved.
    pub(super) fn run_saved(&mut self) {
        for mut waiting in std::mem::take(&mut self.errands) {
            waiting.saves.retain_mut(|save| save.try_recv().is_err());
            if waiting.saves.is_empty() {
                self.run_errand(&waiting.entity, waiting.errand);
            } else {
                self.errands.push(waiting);
            }
        }
    }

    fn run_errand(&mut self, entity: &EntityId, errand: Errand) {
        let Some(node) = &self.node else { return };
        let archive = &node.archive;
        let mut agenda = |kind, after: Option<Place>, until, limit| {
            let after = after.as_ref().map(|place| (place.number, &*place.id));
            // A disk that fails is seen by whoever writes to it.
            archive.agenda(kind, after, until, limit).unwrap_or_default()
        };
        let sources = Sources {
            agenda: &mut agenda,
            parties: &mut self.parties,
            // Nobody here knows what the asker has on disk, so no report lies.
            is_known: &|_| false,
        };
        let bringing = self.clerk.take(self.clock.true_ms(), entity, errand, sources);
        self.trace.tell(self.now_us, "errand", || format!("{entity} {bringing:?}"));
        let after = u64::try_from(bringing.after_ms).expect("above zero") * 1_000;
        self.later(after, OfProcess::Brought(entity.clone(), Box::new(bringing.brought)));
    }
}
