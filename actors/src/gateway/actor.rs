//! The actor of a gateway: a thin shell around [`GatewayCore`].
//!
//! It turns messages into calls of the core and what comes back into futures, replies and a timer.
//! All gateways run on one arbiter of their own, so no party's slowness touches a shard. Time is
//! the machine's steady clock, counted from the start: the pace must not follow a clock that is
//! set. Only `not_after` is an instant of the service's clock; it is translated when a call comes.
//!
//! Invariant: whatever a transport does, each attempt ends: one that takes twice its time is given
//! up, and its answer is unknown. When the arbiter ends, all of this is dropped; the sagas have
//! their calls on disk and make them again.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use bursar_domain::call::{Answered, Call, Party};
use bursar_domain::id::EntityId;
use tokio::sync::oneshot;

use super::board::Board;
use super::core::{Action, GatewayCore};
use super::metrics::PartyMetrics;
use super::queue::Ticket;
use super::state::{GatewayState, Surroundings};
use super::transport::{Attempt, Transport};
use crate::clock::Clock;

/// Takes replies back to who called. Called on the gateways' thread; must not block.
pub type OnReply = Arc<dyn Fn(EntityId, Answered) + Send + Sync>;

/// What a gateway is told from outside.
#[derive(Message)]
#[rtype(result = "()")]
pub enum ToGateway {
    /// Make a call.
    Submit(EntityId, Box<Call>),
    /// Tell how you stand.
    State(oneshot::Sender<GatewayState>),
}

/// An attempt has ended.
#[derive(Message)]
#[rtype(result = "()")]
struct Ended(Ticket, Attempt);

/// What a gateway's actor is made of.
pub struct Parts {
    /// Whose gateway it is.
    pub party: Party,
    /// Where the party is, without secrets.
    pub address: Box<str>,
    /// The rules.
    pub core: GatewayCore,
    /// The way to the party.
    pub transport: Box<dyn Transport>,
    /// How long an attempt should take at most.
    pub timeout: Duration,
    /// Where replies go.
    pub on_reply: OnReply,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What other threads see.
    pub board: Arc<Board>,
    /// What is counted.
    pub metrics: PartyMetrics,
}

/// The actor.
pub struct GatewayActor {
    parts: Parts,
    /// The timer that is set, and when it rings.
    timer: Option<(Duration, SpawnHandle)>,
}

impl GatewayActor {
    /// An actor with nothing to do.
    pub fn new(parts: Parts) -> Self {
        Self { parts, timer: None }
    }

    /// Does what is to be done, shows how it stands, and sets the timer.
    fn turn(&mut self, ctx: &mut Context<Self>) {
        let polled = self.parts.core.poll(self.parts.board.now());
        self.parts.board.show(&self.parts.core);
        self.parts.metrics.show(&self.parts.core);
        for action in polled.actions {
            match action {
                Action::Send { ticket, call, waited } => {
                    if let Some(waited) = waited {
                        self.parts.metrics.wait_seconds.observe(waited.as_secs_f64());
                    }
                    self.send(ticket, call, ctx.address());
                }
                Action::Answer(entity, answered) => (self.parts.on_reply)(entity, answered),
            }
        }
        self.set_timer(polled.wake, ctx);
    }

    fn send(&self, ticket: Ticket, call: Arc<Call>, back: Addr<Self>) {
        let sending = self.parts.transport.send(call);
        let patience = self.parts.timeout * 2;
        actix::spawn(async move {
            let attempt = tokio::time::timeout(patience, sending).await;
            let attempt = attempt.unwrap_or_else(|_| Attempt::unknown("the attempt did not end"));
            back.do_send(Ended(ticket, attempt));
        });
    }

    /// A timer that rings too early does no harm, so one that is set is left until then.
    fn set_timer(&mut self, wake: Option<Duration>, ctx: &mut Context<Self>) {
        let Some(wake) = wake else { return };
        if let Some((at, timer)) = self.timer {
            if at <= wake {
                return;
            }
            ctx.cancel_future(timer);
        }
        let wait = wake.saturating_sub(self.parts.board.now());
        let timer = ctx.run_later(wait, |gateway, ctx| {
            gateway.timer = None;
            gateway.turn(ctx);
        });
        self.timer = Some((wake, timer));
    }

    fn state(&self) -> GatewayState {
        let around = Surroundings {
            party: self.parts.party,
            address: &self.parts.address,
            since_start: self.parts.board.now(),
            now: self.parts.clock.now(),
        };
        GatewayState::of(&self.parts.core, around)
    }
}

impl Actor for GatewayActor {
    type Context = Context<Self>;
}

impl Handler<ToGateway> for GatewayActor {
    type Result = ();

    fn handle(&mut self, message: ToGateway, ctx: &mut Self::Context) {
        match message {
            ToGateway::Submit(entity, call) => {
                let now = self.parts.board.now();
                let left = call.not_after.millis().saturating_sub(self.parts.clock.now().millis());
                // What expired before it came expires in the turn that follows.
                let expires = u64::try_from(left)
                    .map_or(Duration::ZERO, |left| now.saturating_add(Duration::from_millis(left)));
                self.parts.core.submit(now, entity, *call, expires);
                self.turn(ctx);
            }
            // Who asked may be gone, and needs no answer then.
            ToGateway::State(back) => drop(back.send(self.state())),
        }
    }
}

impl Handler<Ended> for GatewayActor {
    type Result = ();

    fn handle(&mut self, Ended(ticket, attempt): Ended, ctx: &mut Self::Context) {
        self.parts.metrics.ended(&attempt);
        self.parts.core.ended(self.parts.board.now(), ticket, attempt);
        self.turn(ctx);
    }
}
