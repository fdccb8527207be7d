//! The actors of a shard and of its entities: mailboxes around plain structs.
//!
//! A [`ShardActor`] passes what it is told to its [`Dispatch`], and sets the timer that this asks
//! for; an entity's actor passes what it is told to its [`Worker`], and stops when that has. All
//! actors of a shard run on one thread. Nothing is decided here.

use std::cell::RefCell;
use std::rc::Rc;

use actix::prelude::*;
use bursar_domain::id::ShardId;

use crate::clerk::Clerk;
use crate::committer::CommitterHandle;
use crate::gateway::Gateways;
use crate::metrics::Metrics;
use crate::peers::Peers;
use crate::shard::core::{Handed, Start};
use crate::shard::desk::{Desk, Lines};
use crate::shard::dispatch::{self, Crew, Dispatch, TICK};
use crate::shard::messages::{Limits, Local, Pressure, ToShard};
use crate::shard::ports::ActixPorts;
use crate::shard::timers::Timers;
use crate::shard::worker::{ToEntity, Worker};
use crate::storage::StorageHandle;

/// The actor of one entity.
pub struct EntityActor(Worker);

impl Actor for EntityActor {
    type Context = Context<Self>;
}

impl Handler<ToEntity> for EntityActor {
    type Result = ();

    fn handle(&mut self, message: ToEntity, context: &mut Context<Self>) {
        if self.0.handle(message) {
            context.stop();
        }
    }
}

/// Entities as actors of the shard's own thread.
pub struct Actors(Addr<ShardActor>);

impl Crew for Actors {
    type Address = Addr<EntityActor>;

    fn start(&self, worker: Worker) -> Self::Address {
        EntityActor(worker).start()
    }

    fn tell(&self, to: &Self::Address, message: ToEntity) {
        to.do_send(message);
    }

    fn tell_self(&self, message: Local) {
        self.0.do_send(message);
    }
}

/// The lines of a thread whose shards are actors.
pub struct ActixLines {
    /// Where all shards are.
    pub peers: Peers,
    /// The committer.
    pub committer: CommitterHandle,
}

impl Lines for ActixLines {
    fn tell(&self, shard: ShardId, message: ToShard) {
        self.peers.tell(shard, message);
    }

    fn commit(&self, handed: Vec<Handed>) {
        self.committer.commit(handed);
    }
}

/// What a shard's actor is made of.
pub struct Parts {
    /// The shard as recovery found it.
    pub start: Start,
    /// The committer.
    pub committer: CommitterHandle,
    /// The storage thread.
    pub storage: StorageHandle,
    /// The third parties.
    pub gateways: Gateways,
    /// Who runs errands.
    pub clerk: Clerk,
    /// How it keeps its memory short.
    pub limits: Limits,
    /// What the edge sees.
    pub pressure: std::sync::Arc<Pressure>,
    /// What is counted.
    pub metrics: Metrics,
}

/// The actor of a shard.
pub struct ShardActor(Dispatch<Actors>);

impl ShardActor {
    /// A shard in its context.
    pub fn new(parts: Parts, desk: Rc<Desk>, context: &mut Context<Self>) -> Self {
        let Parts { start, committer, storage, gateways, clerk, limits, pressure, metrics } = parts;
        let me = context.address();
        let timers = Rc::new(RefCell::new(Timers::default()));
        let ports = ActixPorts {
            shard: start.shard,
            timers: Rc::clone(&timers),
            me: me.clone(),
            desk: Rc::clone(&desk),
            committer,
            storage,
            gateways,
            clerk,
        };
        let (crew, ports) = (Actors(me), Box::new(ports));
        Self(Dispatch::new(dispatch::Parts {
            start,
            crew,
            ports,
            timers,
            desk,
            limits,
            pressure,
            metrics,
        }))
    }

    /// Sets the timer that was asked for.
    fn ring(&mut self, context: &mut Context<Self>) {
        if let Some(ring) = self.0.take_ring() {
            context.run_later(ring.wait, move |shard, context| {
                shard.0.local(Local::Ring(ring));
                shard.ring(context);
            });
        }
    }
}

impl Actor for ShardActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(TICK, |shard, context| {
            shard.0.tick();
            shard.ring(context);
        });
    }
}

impl Handler<Local> for ShardActor {
    type Result = ();

    fn handle(&mut self, message: Local, context: &mut Context<Self>) {
        self.0.local(message);
        self.ring(context);
    }
}

impl Handler<ToShard> for ShardActor {
    type Result = ();

    fn handle(&mut self, message: ToShard, context: &mut Context<Self>) {
        self.0.handle(message);
        self.ring(context);
    }
}
