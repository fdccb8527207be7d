//! The real world of a shard: its thread's desk, the committer, the storage thread.
//!
//! Nothing here decides or waits: each call passes something on, and what comes back arrives in the
//! shard's mailbox. The simulator has another implementation of the same [`Ports`].

use std::cell::RefCell;
use std::rc::Rc;

use actix::prelude::*;
use bursar_domain::call::Call;
use bursar_domain::errand::Errand;
use bursar_domain::id::{EntityId, Seq, ShardId};
use bursar_domain::message::{Message as Sent, Source};
use bursar_domain::time::Timestamp;
use bursar_snapshots::store::{Saved, Snapshot};

use crate::clerk::Clerk;
use crate::committer::CommitterHandle;
use crate::gateway::Gateways;
use crate::job::NeighbourAnswer;
use crate::shard::actor::ShardActor;
use crate::shard::core::{Handed, Ports, Wanted};
use crate::shard::desk::Desk;
use crate::shard::messages::{Local, ToShard};
use crate::shard::timers::{Timer, Timers};
use crate::storage::StorageHandle;

/// The ports of a shard that runs as an actor.
pub struct ActixPorts {
    /// Which shard this is.
    pub shard: ShardId,
    /// The instants its entities wait for.
    pub timers: Rc<RefCell<Timers>>,
    /// The shard's own address.
    pub me: Addr<ShardActor>,
    /// What it shares with the other shards of its thread.
    pub desk: Rc<Desk>,
    /// The committer.
    pub committer: CommitterHandle,
    /// The storage thread.
    pub storage: StorageHandle,
    /// The third parties.
    pub gateways: Gateways,
    /// Who runs errands.
    pub clerk: Clerk,
}

impl Ports for ActixPorts {
    fn flush_soon(&self) {
        self.desk.flush_soon(|| self.me.do_send(Local::Flush));
    }

    fn commit(&self, handed: Handed) {
        self.desk.commit(handed);
    }

    fn load(&self, entity: &EntityId) {
        self.storage.load(self.shard, entity.clone());
    }

    fn look_up(&self, entity: &EntityId, ticket: u32, wanted: Wanted) {
        self.storage.look_up(self.shard, entity.clone(), ticket, wanted);
    }

    fn ask_neighbour(&self, entity: &EntityId) {
        let shard = entity.shard(self.desk.shards());
        let question = ToShard::AskNeighbour { entity: entity.clone(), from: self.shard };
        self.desk.tell(shard, question);
    }

    fn tell_neighbour(&self, answer: NeighbourAnswer) {
        let NeighbourAnswer { shard, entity, neighbour } = answer;
        self.desk.tell(shard, ToShard::Neighbour { entity, neighbour });
    }

    fn call(&self, entity: &EntityId, call: Call) {
        self.gateways.submit(entity.clone(), call);
    }

    fn fetch(&self, entity: &EntityId, errand: Errand) {
        self.clerk.run(entity.clone(), errand);
    }

    fn wake_at(&self, entity: &EntityId, at: Timestamp) {
        if self.timers.borrow_mut().set(at.millis(), entity.clone()) {
            self.me.do_send(Local::Arm);
        }
    }

    fn read_timers(&self, after: Option<Timer>, until: i64) {
        self.storage.timers(self.shard, after, until);
    }

    fn deliver(&self, to: ShardId, message: Sent) {
        self.desk.deliver(to, message);
        self.flush_soon();
    }

    fn acknowledge(&self, source: Source) {
        self.desk.acknowledge(source);
        self.flush_soon();
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
