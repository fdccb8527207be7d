//! The way to the gateways from the shards and the edge: one handle for all parties.
//!
//! [`Gateways`] can be cloned and shared between threads; handing a call over never blocks. Behind
//! it stands a [`CallPort`]: the actors that [`Gateways::start`] starts, or, in tests and in the
//! simulator, any function that takes a call.
//!
//! Invariant: calls of one party that one thread hands over arrive in that order.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::future::Future;
use std::hash::BuildHasher;
use std::pin::Pin;
use std::sync::Arc;

use actix::prelude::*;
use bursar_domain::call::{Call, Lane, Party};
use bursar_domain::id::EntityId;
use tokio::sync::oneshot;

use super::actor::{GatewayActor, OnReply, Parts, ToGateway};
use super::board::Board;
use super::core::GatewayCore;
use super::http::HttpTransport;
use super::mail::MailTransport;
use super::metrics::Metrics;
use super::settings::{Settings, SettingsError};
use super::state::GatewayState;
use super::transport::Transport;
use crate::clock::Clock;

/// How the gateways stand, once they have told.
pub type States = Pin<Box<dyn Future<Output = Vec<GatewayState>> + Send>>;

/// Something that takes calls. What it does not say for itself is: never full, no wait, no states.
pub trait CallPort: Send + Sync {
    /// Takes a call; its reply comes by another way. Never blocks, never refuses.
    fn submit(&self, entity: EntityId, call: Call);

    /// Whether the edge should let nobody in who would bring calls to this party.
    fn is_full(&self, _party: Party) -> bool {
        false
    }

    /// How long a call that came now would wait, in milliseconds.
    fn estimated_wait_ms(&self, _party: Party, _lane: Lane) -> u64 {
        0
    }

    /// How each gateway stands.
    fn states(&self) -> States {
        Box::pin(std::future::ready(Vec::new()))
    }
}

impl<F: Fn(EntityId, Call) + Send + Sync> CallPort for F {
    fn submit(&self, entity: EntityId, call: Call) {
        self(entity, call);
    }
}

/// The ways to the parties.
pub struct Transports {
    /// To the processor.
    pub processor: Box<dyn Transport>,
    /// To the maker of documents.
    pub documents: Box<dyn Transport>,
    /// To the mail server.
    pub mail: Box<dyn Transport>,
}

impl Transports {
    /// The real ones. Opens no connection yet; an error says which setting is wrong.
    pub fn new(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Self, SettingsError> {
        for party in Party::ALL {
            settings.of(party).check(party)?;
        }
        let http = |party| HttpTransport::new(party, settings.of(party), Arc::clone(clock));
        Ok(Self {
            processor: Box::new(http(Party::Processor)?),
            documents: Box::new(http(Party::Documents)?),
            mail: Box::new(MailTransport::new(settings, Arc::clone(clock))?),
        })
    }

    fn take(self) -> [(Party, Box<dyn Transport>); 3] {
        [
            (Party::Processor, self.processor),
            (Party::Documents, self.documents),
            (Party::Mail, self.mail),
        ]
    }
}

/// What the gateways work with besides their settings.
pub struct World {
    /// The ways to the parties.
    pub transports: Transports,
    /// Where replies go.
    pub on_reply: OnReply,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Metrics,
}

/// The way to the gateways.
#[derive(Clone)]
pub struct Gateways(Arc<dyn CallPort>);

impl Gateways {
    /// Starts one actor per party on the arbiter. They end with it.
    pub fn start(settings: &Settings, arbiter: &ArbiterHandle, world: World) -> Self {
        let World { transports, on_reply, clock, metrics } = world;
        let gateways = transports.take().map(|(party, transport)| {
            let of_party = settings.of(party);
            let board = Arc::new(Board::new(of_party.queue_max));
            // Any number will do; two processes should not draw the same.
            let seed = RandomState::new().hash_one(party);
            let parts = Parts {
                party,
                address: of_party.url.to_string().into(),
                core: GatewayCore::new(of_party.limits(), seed),
                transport,
                timeout: of_party.timeout(),
                on_reply: Arc::clone(&on_reply),
                clock: Arc::clone(&clock),
                board: Arc::clone(&board),
                metrics: metrics.of(party),
            };
            let start = |_: &mut Context<GatewayActor>| GatewayActor::new(parts);
            Gateway { address: GatewayActor::start_in_arbiter(arbiter, start), board }
        });
        Self(Arc::new(Running(gateways)))
    }

    /// Gateways that are something else, for tests and the simulator.
    pub fn from_port(port: Arc<dyn CallPort>) -> Self {
        Self(port)
    }

    /// Hands a call over; its reply comes by `on_reply`. Never blocks.
    pub fn submit(&self, entity: EntityId, call: Call) {
        self.0.submit(entity, call);
    }

    /// Whether the edge should let nobody in who would bring calls to this party. Cheap.
    pub fn is_full(&self, party: Party) -> bool {
        self.0.is_full(party)
    }

    /// How long a call that came now would wait, in milliseconds. Cheap; an estimate.
    pub fn estimated_wait_ms(&self, party: Party, lane: Lane) -> u64 {
        self.0.estimated_wait_ms(party, lane)
    }

    /// How each gateway stands. One that has ended is left out.
    pub async fn states(&self) -> Vec<GatewayState> {
        self.0.states().await
    }
}

impl fmt::Debug for Gateways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gateways")
    }
}

struct Gateway {
    address: Addr<GatewayActor>,
    board: Arc<Board>,
}

/// The gateways that run on an arbiter, in the order of [`Party::ALL`].
struct Running([Gateway; 3]);

impl Running {
    fn of(&self, party: Party) -> &Gateway {
        match party {
            Party::Processor => &self.0[0],
            Party::Documents => &self.0[1],
            Party::Mail => &self.0[2],
        }
    }
}

impl CallPort for Running {
    fn submit(&self, entity: EntityId, call: Call) {
        let gateway = self.of(call.request.party());
        gateway.board.hand();
        gateway.address.do_send(ToGateway::Submit(entity, Box::new(call)));
    }

    fn is_full(&self, party: Party) -> bool {
        self.of(party).board.is_full()
    }

    fn estimated_wait_ms(&self, party: Party, lane: Lane) -> u64 {
        self.of(party).board.estimated_wait_ms(lane)
    }

    fn states(&self) -> States {
        let asked = Party::ALL.map(|party| {
            let (back, state) = oneshot::channel();
            self.of(party).address.do_send(ToGateway::State(back));
            state
        });
        Box::pin(async move {
            let mut states = Vec::with_capacity(asked.len());
            for state in asked {
                states.extend(state.await.ok());
            }
            states
        })
    }
}
