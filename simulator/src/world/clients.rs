//! Those who ask and those who listen.
//!
//! A client sends its operations as planned and hears what is answered. Whoever hears nothing,
//! because the process ended or there was too much to do, sends again under the same key; whoever
//! vanishes sends again only when all comes to rest. A listener follows the stream of outcomes and
//! goes on after every crash where it was.
//!
//! Invariant: the model hears what a client could hear, in the order in which it could.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use bursar_actors::job::Answer;
use bursar_actors::outcomes::After;
use bursar_actors::view::Seen;
use bursar_domain::call::Party;
use bursar_domain::id::{EntityId, Position};
use tokio::sync::oneshot;

use super::World;
use super::clock::BEGIN_MS;
use super::heap::{Event, Heap};
use crate::chance::Chance;
use crate::facts::Said;
use crate::lens;
use crate::node::Node;
use crate::operations::{Known, Sight};
use crate::scenario::Scenario;

/// How long a client waits at most before it sends again for the first time, in microseconds. It
/// doubles with each time, up to some minutes.
const AGAIN_US: u64 = 700_000;
const DOUBLINGS_MAX: u32 = 9;

/// How many outcomes a listener reads at a time.
const PAGE: usize = 100;

/// The numbers of the sendings that were answered.
type Bells = Arc<Mutex<Vec<u64>>>;

struct Bell {
    sending: u64,
    bells: Bells,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.bells.lock().expect("nobody panics while ringing").push(self.sending);
    }
}

/// A sending on its way.
struct Sending {
    place: usize,
    receiver: oneshot::Receiver<Answer>,
}

/// Those who ask and those who listen.
pub(super) struct Clients {
    known: Known,
    on_the_way: BTreeMap<u64, Sending>,
    bells: Bells,
    sendings: u64,
    /// How many sendings are going to be.
    to_come: u64,
    /// How often each operation was to be sent again.
    again: Vec<u32>,
    /// Operations that were answered for good, or left out.
    is_done: Vec<bool>,
    /// Operations whose client has gone away and does not hear the first answer.
    is_deaf: Vec<bool>,
    cursor: Position,
    /// Whether the listener is going to read on.
    pub(super) is_called: bool,
    pub(super) is_at_rest: bool,
    /// By shard, the last decision that anyone outside knows of.
    seen: Vec<u64>,
}

impl Clients {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let planned = &scenario.plan.planned;
        Self {
            known: Known::new(scenario.settings.shards, BEGIN_MS),
            on_the_way: BTreeMap::new(),
            bells: Bells::default(),
            sendings: 0,
            to_come: 0,
            again: vec![0; planned.len()],
            is_done: vec![false; planned.len()],
            is_deaf: planned.iter().map(|planned| planned.vanishes).collect(),
            cursor: Position::default(),
            is_called: false,
            is_at_rest: false,
            seen: vec![0; usize::from(scenario.settings.shards)],
        }
    }

    /// The process has ended: whoever waits sends again.
    pub(super) fn lost(&mut self, heap: &mut Heap, now_us: u64, chance: &mut Chance) {
        for sending in std::mem::take(&mut self.on_the_way).into_values() {
            if !self.is_done[sending.place] && !self.is_deaf[sending.place] {
                self.to_come += 1;
                heap.put(now_us + 1 + chance.below(AGAIN_US), Event::Send(sending.place));
            }
        }
        self.bells.lock().expect("nobody panics while ringing").clear();
    }

    /// From now on nobody vanishes. The operations that are to be sent again.
    pub(super) fn rest(&mut self) -> Vec<usize> {
        self.is_at_rest = true;
        self.is_deaf.iter_mut().for_each(|deaf| *deaf = false);
        let waiting: Vec<usize> = self.on_the_way.values().map(|sending| sending.place).collect();
        let open = self.is_done.iter().enumerate().filter(|(_, done)| !**done);
        open.map(|(place, _)| place).filter(|place| !waiting.contains(place)).collect()
    }

    /// Whether everyone was answered.
    pub(super) fn is_done(&self) -> bool {
        self.to_come == 0 && self.on_the_way.is_empty() && self.is_done.iter().all(|done| *done)
    }
}

/// What the edge sees of a process.
struct NodeSight<'a>(&'a Node);

impl Sight for NodeSight<'_> {
    fn see(&self, entity: &EntityId) -> Option<Seen> {
        self.0.see(entity)
    }

    fn is_full(&self, party: Party) -> bool {
        self.0.gates.is_full(party)
    }
}

impl World<'_> {
    /// A client is going to send an operation.
    pub(super) fn send_at(&mut self, at_us: u64, place: usize) {
        self.clients.to_come += 1;
        self.heap.put(at_us, Event::Send(place));
    }

    /// A client sends an operation.
    pub(super) fn send(&mut self, place: usize) {
        self.clients.to_come -= 1;
        let planned = &self.scenario.plan.planned[place];
        let Some(node) = &self.node else { return self.again(place) };
        let Some((to, ask)) = planned.ask(&self.clients.known, &NodeSight(node)) else {
            // An earlier operation had no yes; at rest it has had its chance.
            self.clients.is_done[place] = true;
            return;
        };
        self.counts.sent += 1;
        let number = u64::from(planned.number);
        let looked_at = self.chance.strikes(300_000).then(|| to.clone());
        match node.ask(to, ask) {
            Err(_) => self.again(place),
            Ok(receiver) => {
                self.clients.sendings += 1;
                let sending = self.clients.sendings;
                self.trace.step(self.now_us, "send", &[number, sending]);
                let bell = Bell { sending, bells: Arc::clone(&self.clients.bells) };
                let mut waiting = Sending { place, receiver };
                let waker = Waker::from(Arc::new(bell));
                let answered =
                    Pin::new(&mut waiting.receiver).poll(&mut Context::from_waker(&waker));
                assert!(matches!(answered, Poll::Pending), "nobody answers before a turn");
                self.clients.on_the_way.insert(sending, waiting);
            }
        }
        self.after_turn();
        if let Some(entity) = looked_at {
            for _ in 0..self.chance.below(6) {
                self.turn();
                self.look(&entity);
            }
        }
    }

    /// Someone looks at an entity, without asking it: what is shown has to be durable.
    fn look(&mut self, entity: &EntityId) {
        let Some(node) = &self.node else { return };
        let Some(seen) = node.see(entity) else { return };
        let shard = entity.shard(self.scenario.settings.shards);
        self.seen(shard.0, seen.last.0);
    }

    /// Someone outside knows of a decision: it has to survive from now on.
    fn seen(&mut self, shard: u16, seq: u64) {
        let seen = &mut self.clients.seen[usize::from(shard)];
        *seen = seq.max(*seen);
    }

    /// After a start: everything that anyone knew of is still there.
    pub(super) fn nothing_seen_is_lost(&mut self) {
        let Some(node) = &self.node else { return };
        for (shard, (seen, durable)) in self.clients.seen.iter().zip(node.cut()).enumerate() {
            if *seen > durable.0 {
                self.faults.push(format!(
                    "shard {shard} goes on after {durable}, and someone has seen what it decided at \
                     {seen}"
                ));
            }
        }
    }

    fn again(&mut self, place: usize) {
        if !self.clients.is_done[place] {
            let again = &mut self.clients.again[place];
            *again += 1;
            let most_us = AGAIN_US << (*again - 1).min(DOUBLINGS_MAX);
            let after = 1 + self.chance.below(most_us);
            self.send_at(self.now_us + after, place);
        }
    }

    /// The clients hear what was answered since the last time.
    pub(super) fn hear(&mut self) {
        let rung = {
            let mut bells = self.clients.bells.lock().expect("nobody panics while ringing");
            if bells.is_empty() {
                return;
            }
            std::mem::take(&mut *bells)
        };
        for sending in rung {
            let Some(mut answered) = self.clients.on_the_way.remove(&sending) else { continue };
            match answered.receiver.try_recv() {
                Ok(answer) => self.answered(answered.place, sending, &answer),
                Err(_) => self.again(answered.place),
            }
        }
    }

    fn answered(&mut self, place: usize, sending: u64, answer: &Answer) {
        if std::mem::take(&mut self.clients.is_deaf[place]) {
            return;
        }
        let planned = &self.scenario.plan.planned[place];
        let said = planned.heard(&self.clients.known, answer);
        if matches!(said, Said::Overloaded) {
            return self.again(place);
        }
        self.trace.step(self.now_us, "hear", &[u64::from(planned.number), sending]);
        self.trace.tell(self.now_us, "heard", || format!("{} {said:?}", planned.describe()));
        self.clients.known.note(planned.number, &said);
        self.clients.is_done[place] = true;
        if let Some(place) = said.place() {
            self.seen(place.shard, place.seq);
        }
        self.model.answered(planned.number, sending, &said);
    }

    /// The listener will read on, if there is more to read.
    pub(super) fn call_listener(&mut self) {
        let Some(node) = &self.node else { return };
        if !self.clients.is_called && node.outcomes.newest() > self.clients.cursor {
            self.clients.is_called = true;
            let pause = 1 + self.chance.below(400_000);
            self.heap.put(self.now_us + pause, Event::Follow);
        }
    }

    /// The listener reads on.
    pub(super) fn follow(&mut self) {
        let Some(node) = &self.node else { return };
        loop {
            let after = self.clients.cursor;
            let page: Vec<_> = match node.outcomes.after(after, PAGE) {
                After::Here(placed) => placed,
                After::OnDisk => match node.archive.outcomes_after(after, PAGE) {
                    Ok(page) => page.into_iter().map(|(at, told)| (at, Arc::new(told))).collect(),
                    // A disk that fails is seen by whoever writes to it.
                    Err(_) => return,
                },
            };
            let is_last = page.len() < PAGE;
            for (position, outcome) in page {
                self.trace.step(self.now_us, "told", &[position.commit, u64::from(position.index)]);
                let told = lens::outcome(position, &outcome);
                self.trace.tell(self.now_us, "outcome", || format!("{told:?}"));
                self.model.told(&told);
                self.clients.cursor = position;
            }
            if is_last {
                return;
            }
        }
    }
}
