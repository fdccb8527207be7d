//! How the world goes on: one thing at a time, until nothing is left to happen.
//!
//! What happens next is the oldest message, else the oldest request or answer, else a timer; or, in
//! a world in which things come anyhow, any of them. Whatever comes for the first time has an
//! effect, and whatever comes again has none: both are asserted each time.

use bursar_domain::entity::{Due, Wake};
use bursar_domain::id::{EntityId, ShardId};
use bursar_domain::record::Recorded;

use crate::flight::Strays;
use crate::world::{Accounts, Delivery, World};

/// More steps than any run takes: who takes more hangs.
const STEPS_MAX: usize = 20_000;

/// Something that can happen now.
enum Next {
    Message(ShardId, EntityId),
    Arrival(usize),
    Answer(usize),
    Timer(EntityId),
}

impl World {
    /// What can happen now: messages first, the oldest first.
    fn ready(&self, waiting: &[(EntityId, Due)]) -> Vec<Next> {
        let mut messages: Vec<_> = self
            .streams
            .iter()
            .filter_map(|(key, stream)| Some((stream.sent.get(stream.arrived)?.0, key)))
            .collect();
        messages.sort_unstable();
        let message =
            |(_, (shard, to)): &(u64, &(ShardId, EntityId))| Next::Message(*shard, to.clone());
        let mut ready: Vec<_> = messages.iter().map(message).collect();
        let is_now = |at: Option<i64>| at.is_some_and(|at| at <= self.now);
        for (at, flight) in self.flights.iter().enumerate() {
            if is_now(flight.arrives_at) {
                ready.push(Next::Arrival(at));
            } else if is_now(flight.answers_at) {
                ready.push(Next::Answer(at));
            }
        }
        let is_due = |due: &Due| matches!(due, Due::At(at) if at.millis() <= self.now);
        let timers = waiting.iter().filter(|(_, due)| is_due(due));
        ready.extend(timers.map(|(who, _)| Next::Timer(who.clone())));
        ready
    }

    /// The next instant at which something can happen.
    fn next_instant(&self, waiting: &[(EntityId, Due)]) -> Option<i64> {
        let flights = self.flights.iter().flat_map(|one| [one.arrives_at, one.answers_at]);
        let timers = waiting.iter().map(|(_, due)| match due {
            Due::At(at) => Some(at.millis()),
            Due::Answer | Due::Nothing => None,
        });
        flights.chain(timers).flatten().filter(|at| *at > self.now).min()
    }

    /// Lets one thing happen; says whether there was anything.
    pub(crate) fn step(&mut self) -> bool {
        let waiting = self.waiting();
        let mut ready = self.ready(&waiting);
        let is_anyhow = self.delivery == Delivery::Anyhow;
        // Messages and answers may take their time; how long a request may, the policy says.
        let may_jump = !ready.iter().any(|next| matches!(next, Next::Arrival(_)));
        if ready.is_empty() || (is_anyhow && may_jump && self.chance.of(5)) {
            let Some(at) = self.next_instant(&waiting) else { return !ready.is_empty() };
            self.now = at;
            return true;
        }
        let at = if is_anyhow { self.chance.below(ready.len()) } else { 0 };
        match ready.swap_remove(at) {
            Next::Message(shard, to) => self.message(shard, &to),
            Next::Arrival(at) => self.arrive(at),
            Next::Answer(at) => self.come_back(at),
            Next::Timer(who) => {
                assert!(self.wake(&who, Wake::Due), "{who} waited for this");
                assert!(!self.wake(&who, Wake::Due), "{who} is woken once");
            }
        }
        true
    }

    /// The next message of a stream arrives, and perhaps again.
    fn message(&mut self, shard: ShardId, to: &EntityId) {
        let stream = self.streams.get_mut(&(shard, to.clone())).expect("it was picked");
        let message = stream.sent[stream.arrived].1.clone();
        let is_news = stream.arrived == stream.seen;
        stream.arrived += 1;
        stream.seen = stream.seen.max(stream.arrived);
        let oldest = match self.delivery {
            Delivery::Once => None,
            Delivery::Twice => Some(0),
            Delivery::Anyhow => self.chance.of(40).then(|| self.chance.below(stream.arrived)),
        };
        let again = oldest.map(|at| stream.sent[at].1.clone());
        assert_eq!(self.deliver(&message), is_news, "{message:?}");
        if let Some(again) = again {
            assert!(!self.deliver(&message), "it came before: {message:?}");
            assert!(!self.deliver(&again), "it came before: {again:?}");
        }
    }

    /// Goes on until nothing is left to happen.
    pub(crate) fn run(&mut self) {
        for _ in 0..STEPS_MAX {
            if !self.step() {
                return;
            }
        }
        panic!("it hangs: {:?}, {:?}", self.waiting(), self.flights);
    }

    /// Everything in memory is lost: what was written is read again, unacknowledged messages are
    /// sent again, and whoever waits for something is woken.
    pub(crate) fn crash(&mut self, strays: Strays) {
        self.cut_off(strays);
        reload(&mut self.wallets);
        reload(&mut self.deals);
        reload(&mut self.sagas);
        reload(&mut self.compensations);
        reload(&mut self.campaigns);
        for stream in self.streams.values_mut() {
            stream.arrived = match self.delivery {
                Delivery::Once | Delivery::Twice => 0,
                Delivery::Anyhow => self.chance.below(stream.arrived + 1),
            };
        }
        for (who, _) in self.waiting() {
            self.wake(&who, Wake::Resumed);
        }
    }
}

fn reload<E: Recorded>(accounts: &mut Accounts<E>) {
    for account in accounts.values_mut() {
        let config = bincode::config::standard();
        let bytes = bincode::encode_to_vec(&account.live, config).expect("encodes");
        account.live = bincode::decode_from_slice(&bytes, config).expect("decodes").0;
    }
}
