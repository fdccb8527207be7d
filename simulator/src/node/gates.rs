//! The gateways of a simulated process: the production cores, without actors and sockets.
//!
//! The world hands calls in, is told what to send and when to look again, and hands in what came
//! back. A call that is not answered within its party's time is unknown, as with the server's
//! transports.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use bursar_actors::gateway::core::{GatewayCore, Limits, Polled};
use bursar_actors::gateway::queue::Ticket;
use bursar_actors::gateway::transport::Attempt;
use bursar_actors::gateway::{backoff, breaker};
use bursar_domain::call::{Call, Party};
use bursar_domain::id::EntityId;
use bursar_domain::time::Timestamp;

use crate::chance::Chance;

/// How the parties are treated.
#[derive(Clone, Copy, Debug)]
pub struct GateSettings {
    /// The limits of every gateway.
    pub limits: Limits,
    /// How long an attempt may take.
    pub timeout: Duration,
}

impl GateSettings {
    /// What a seed means.
    pub fn draw(chance: &mut Chance) -> Self {
        let millis = |chance: &mut Chance, least, most| {
            let drawn = chance.between(least, most);
            Duration::from_millis(u64::try_from(drawn).expect("above zero"))
        };
        let rate = *chance.pick(&[0, 5, 50, 200, 500]);
        let limits = Limits {
            rate_per_s: NonZeroU32::new(rate),
            concurrency: NonZeroUsize::new(*chance.pick(&[1, 4, 64])).expect("above zero"),
            queue_max: *chance.pick(&[8, 200, 100_000]),
            breaker: breaker::Limits {
                after: *chance.pick(&[1, 5, 20]),
                cooldown: millis(chance, 100, 10_000),
            },
            backoff: backoff::Limits {
                first: millis(chance, 10, 500),
                longest: millis(chance, 1_000, 30_000),
            },
        };
        Self { limits, timeout: millis(chance, 500, 10_000) }
    }
}

/// The gateways.
pub struct Gates {
    cores: [GatewayCore; 3],
    /// For when each is to look again.
    armed: [Option<Duration>; 3],
    /// How long an attempt may take.
    pub timeout: Duration,
}

fn place(party: Party) -> usize {
    match party {
        Party::Processor => 0,
        Party::Documents => 1,
        Party::Mail => 2,
    }
}

impl Gates {
    /// Gateways with nothing to do.
    pub fn new(settings: GateSettings, chance: &mut Chance) -> Self {
        let cores = Party::ALL.map(|_| GatewayCore::new(settings.limits, chance.next_u64()));
        Self { cores, armed: [None; 3], timeout: settings.timeout }
    }

    /// Takes a call; `now` is since the process began, `wall` is what the clock shows.
    pub fn submit(
        &mut self,
        now: Duration,
        wall: Timestamp,
        entity: EntityId,
        call: Call,
    ) -> Party {
        let party = call.request.party();
        let left = call.not_after.millis().saturating_sub(wall.millis());
        let expires = u64::try_from(left)
            .map_or(Duration::ZERO, |left| now.saturating_add(Duration::from_millis(left)));
        self.cores[place(party)].submit(now, entity, call, expires);
        party
    }

    /// Takes what an attempt brought back.
    pub fn ended(&mut self, now: Duration, party: Party, ticket: Ticket, attempt: Attempt) {
        self.cores[place(party)].ended(now, ticket, attempt);
    }

    /// What is to be done now.
    pub fn poll(&mut self, now: Duration, party: Party) -> Polled {
        let armed = &mut self.armed[place(party)];
        *armed = armed.filter(|at| *at > now);
        self.cores[place(party)].poll(now)
    }

    /// A gateway is to look again at an instant. False when it will anyway.
    pub fn arm(&mut self, party: Party, at: Duration) -> bool {
        let armed = &mut self.armed[place(party)];
        let is_new = armed.is_none_or(|before| at < before);
        if is_new {
            *armed = Some(at);
        }
        is_new
    }

    /// Whether the edge lets nobody in who would bring calls to a party.
    pub fn is_full(&self, party: Party) -> bool {
        self.cores[place(party)].is_full()
    }
}
