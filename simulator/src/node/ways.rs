//! The ways out of a simulated process: queues that the world works off when their time has come.
//!
//! The same calls as the server's (`bursar_actors::shard::ports`), with queues where that has
//! threads. Nothing is decided here, and nothing happens at once.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use bursar_actors::job::NeighbourAnswer;
use bursar_actors::shard::core::{Handed, Ports, Wanted};
use bursar_actors::shard::desk::{Desk, Lines};
use bursar_actors::shard::messages::{Local, ToShard};
use bursar_actors::shard::timers::{Timer, Timers};
use bursar_actors::storage::Request;
use bursar_actors::storage::line::Line;
use bursar_domain::call::Call;
use bursar_domain::errand::Errand;
use bursar_domain::id::{EntityId, Seq, ShardId};
use bursar_domain::message::{Message, Source};
use bursar_domain::time::Timestamp;
use bursar_snapshots::store::{Saved, Snapshot};

use super::mailboxes::{Mailboxes, ShardMail};

/// What waits outside the shards.
#[derive(Default)]
pub struct Out {
    /// Records for the committer.
    pub handed: RefCell<Vec<Handed>>,
    /// How far the journal may go.
    pub trims: RefCell<Vec<(ShardId, Seq)>>,
    /// What the storage is asked.
    pub storage: RefCell<Line<Request>>,
    /// Calls to third parties.
    pub calls: RefCell<VecDeque<(EntityId, Call)>>,
    /// Errands.
    pub errands: RefCell<VecDeque<(EntityId, Errand)>>,
}

impl Out {
    /// Asks the storage.
    pub fn ask_storage(&self, request: Request) {
        let is_read = request.is_read();
        self.storage.borrow_mut().push(request, is_read);
    }

    /// The process ends: nothing of it leaves any more.
    pub fn clear(&self) {
        drop(self.handed.take());
        drop(self.trims.take());
        drop(self.storage.take());
        drop(self.calls.take());
        drop(self.errands.take());
    }
}

/// The ports of one shard.
pub struct QueuePorts {
    /// Which shard.
    pub shard: ShardId,
    /// The instants its entities wait for.
    pub timers: Rc<RefCell<Timers>>,
    /// What it shares with the other shards of its thread.
    pub desk: Weak<Desk>,
    /// The mailboxes.
    pub mailboxes: Rc<Mailboxes>,
    /// The ways out.
    pub out: Rc<Out>,
}

impl QueuePorts {
    fn desk(&self) -> Rc<Desk> {
        self.desk.upgrade().expect("the desk lives as long as its shards")
    }

    fn tell_self(&self, message: Local) {
        self.mailboxes.tell_shard(usize::from(self.shard.0), ShardMail::Local(message));
    }
}

impl Ports for QueuePorts {
    fn flush_soon(&self) {
        self.desk().flush_soon(|| self.tell_self(Local::Flush));
    }

    fn commit(&self, handed: Handed) {
        self.desk().commit(handed);
    }

    fn load(&self, entity: &EntityId) {
        self.out.ask_storage(Request::Load(self.shard, entity.clone()));
    }

    fn look_up(&self, entity: &EntityId, ticket: u32, wanted: Wanted) {
        self.out.ask_storage(Request::LookUp(self.shard, entity.clone(), ticket, wanted));
    }

    fn ask_neighbour(&self, entity: &EntityId) {
        let desk = self.desk();
        let question = ToShard::AskNeighbour { entity: entity.clone(), from: self.shard };
        desk.tell(entity.shard(desk.shards()), question);
    }

    fn tell_neighbour(&self, answer: NeighbourAnswer) {
        let NeighbourAnswer { shard, entity, neighbour } = answer;
        self.desk().tell(shard, ToShard::Neighbour { entity, neighbour });
    }

    fn call(&self, entity: &EntityId, call: Call) {
        self.out.calls.borrow_mut().push_back((entity.clone(), call));
    }

    fn fetch(&self, entity: &EntityId, errand: Errand) {
        self.out.errands.borrow_mut().push_back((entity.clone(), errand));
    }

    fn wake_at(&self, entity: &EntityId, at: Timestamp) {
        if self.timers.borrow_mut().set(at.millis(), entity.clone()) {
            self.tell_self(Local::Arm);
        }
    }

    fn read_timers(&self, after: Option<Timer>, until: i64) {
        self.out.ask_storage(Request::Timers(self.shard, after, until));
    }

    fn deliver(&self, to: ShardId, message: Message) {
        self.desk().deliver(to, message);
        self.flush_soon();
    }

    fn acknowledge(&self, source: Source) {
        self.desk().acknowledge(source);
        self.flush_soon();
    }

    fn save(&self, entities: Vec<Saved>) {
        self.out.ask_storage(Request::Save(self.shard, entities));
    }

    fn save_books(&self, snapshot: Snapshot) {
        self.out.ask_storage(Request::SaveBooks(self.shard, snapshot));
    }

    fn trim(&self, keep_from: Seq) {
        self.out.trims.borrow_mut().push((self.shard, keep_from));
    }
}

/// The lines of one thread.
pub struct QueueLines {
    /// The mailboxes.
    pub mailboxes: Rc<Mailboxes>,
    /// The ways out.
    pub out: Rc<Out>,
}

impl Lines for QueueLines {
    fn tell(&self, shard: ShardId, message: ToShard) {
        self.mailboxes.tell_shard(usize::from(shard.0), ShardMail::Told(message));
    }

    fn commit(&self, handed: Vec<Handed>) {
        self.out.handed.borrow_mut().extend(handed);
    }
}
