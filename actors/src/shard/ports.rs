//! The real world of a shard: the other shards' mailboxes, the committer, the storage thread.

use std::cell::OnceCell;
use std::rc::Rc;

use actix::prelude::*;
use bursar_domain::id::{EntityId, ProviderId, Seq, ShardId};
use bursar_domain::message::Message as Sent;
use bursar_snapshots::store::{Saved, Snapshot};

use crate::committer::CommitterHandle;
use crate::job::PayeeAnswer;
use crate::shard::actor::{Local, ShardActor, ToShard};
use crate::shard::core::{Handed, Ports, Wanted};
use crate::storage::StorageHandle;

/// The addresses of all shards, by number; known once all have started.
pub type Peers = Rc<OnceCell<Vec<Addr<ShardActor>>>>;

/// The ports of a shard that runs as an actor.
pub struct ActixPorts {
    /// Which shard this is.
    pub shard: ShardId,
    /// Of how many.
    pub shards: u16,
    /// The shard's own address.
    pub me: Addr<ShardActor>,
    /// Everyone's address.
    pub peers: Peers,
    /// The committer.
    pub committer: CommitterHandle,
    /// The storage thread.
    pub storage: StorageHandle,
}

impl ActixPorts {
    fn tell(&self, shard: ShardId, message: ToShard) {
        let peers = self.peers.get().expect("shards are linked before anything is asked of them");
        peers[usize::from(shard.0)].do_send(message);
    }
}

impl Ports for ActixPorts {
    fn flush_soon(&self) {
        self.me.do_send(Local::Flush);
    }

    fn commit(&self, handed: Handed) {
        self.committer.commit(handed);
    }

    fn load(&self, entity: &EntityId) {
        self.storage.load(self.shard, entity.clone());
    }

    fn look_up(&self, entity: &EntityId, ticket: u32, wanted: Wanted) {
        self.storage.look_up(self.shard, entity.clone(), ticket, wanted);
    }

    fn ask_payee(&self, provider: &ProviderId) {
        let shard = EntityId::provider(provider).shard(self.shards);
        self.tell(shard, ToShard::AskPayee { provider: provider.clone(), from: self.shard });
    }

    fn tell_payee(&self, answer: PayeeAnswer) {
        let PayeeAnswer { shard, provider, payee } = answer;
        self.tell(shard, ToShard::Payee { provider, payee });
    }

    fn deliver(&self, to: ShardId, messages: Vec<Sent>) {
        self.tell(to, ToShard::Deliver(messages));
    }

    fn acknowledge(&self, to: ShardId, seqs: Vec<Seq>) {
        self.tell(to, ToShard::Acknowledge(seqs));
    }

    fn save(&self, entities: Vec<Saved>) {
        self.storage.save(self.shard, entities);
    }

    fn save_books(&self, snapshot: Snapshot) {
        self.storage.save_books(self.shard, snapshot);
    }

    fn trim(&self, keep_from: Seq) {
        self.committer.trim(self.shard, keep_from);
    }
}
