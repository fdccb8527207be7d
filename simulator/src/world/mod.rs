//! The world: one process on one machine, its clients and third parties, under virtual time.
//!
//! [`World::run`] plays a scenario: it gives whoever has mail a turn, lets time pass to the next
//! thing that happens, and tells the model what is said. When the last operation was sent the
//! faults end, and everything has to come to rest: that phase is [`rest`]. [`process`] starts and
//! ends the process, [`outside`] are gateways and errands, [`clients`] those who ask and listen.
//!
//! Every step goes into a digest, so that two runs can be compared byte for byte.
//!
//! Invariant: what happens depends on the scenario and the seed alone.

mod clients;
pub mod clock;
mod errands;
mod heap;
pub mod machine;
mod outside;
mod process;
mod rest;
mod trace;

use std::collections::BTreeMap;

use bursar_actors::gateway::queue::Ticket;
use bursar_actors::metrics::Metrics;
use bursar_domain::call::Party;
use bursar_snapshots::sled_store::Options;

use crate::chance::Chance;
use crate::clerk::Clerk;
use crate::disk::SimDisk;
use crate::model::Model;
use crate::node::Node;
use crate::parties::Parties;
use crate::scenario::Scenario;
use clients::Clients;
use clock::MachineClock;
use heap::{Edge, Event, Heap, OfProcess};
pub use trace::Trace;

/// How often shards look around, in microseconds, while anything happens.
const TICK_US: u64 = 500_000;

/// How often they do while nothing else happens.
const IDLE_TICK_US: u64 = 600_000_000;

/// How many steps a run may have, at most: far more than any that ends.
const STEPS_MAX: u64 = 30_000_000;

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was wrong; nothing, if all was right.
    pub faults: Vec<String>,
    /// A digest of everything that happened.
    pub digest: u64,
    /// What was counted.
    pub counts: Counts,
}

/// What was counted in a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Turns of shards and entities.
    pub turns: u64,
    /// Things that happened: disk, timers, third parties, clients.
    pub events: u64,
    /// Requests of clients that were sent.
    pub sent: u64,
    /// Records made durable.
    pub records: u64,
    /// Attempts at third parties.
    pub attempts: u64,
    /// Ends of processes, by crashes and failing disks.
    pub ends: u64,
    /// Damage that was found when it had been made.
    pub damage_found: u64,
    /// Virtual time, in milliseconds.
    pub millis: u64,
}

impl Counts {
    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        self.turns += other.turns;
        self.events += other.events;
        self.sent += other.sent;
        self.records += other.records;
        self.attempts += other.attempts;
        self.ends += other.ends;
        self.damage_found += other.damage_found;
        self.millis += other.millis;
    }
}

/// The world of one run.
pub struct World<'a> {
    scenario: &'a Scenario,
    chance: Chance,
    now_us: u64,
    clock: MachineClock,
    heap: Heap,
    disk: SimDisk,
    options: Options,
    metrics: Metrics,
    node: Option<Node>,
    /// The number of the process.
    process: u32,
    began_us: u64,
    is_full: bool,
    slow_us: u64,
    parties: Parties,
    clerk: Clerk,
    /// Errands for which shards save first.
    errands: Vec<errands::Waiting>,
    clients: Clients,
    model: Model,
    /// Answers that come a second time, and after how long.
    repeated: BTreeMap<(Party, Ticket), u64>,
    /// After how long the answer that is being given comes once more.
    twice: Option<u64>,
    trace: Trace,
    counts: Counts,
    /// What the world itself found wrong.
    faults: Vec<String>,
}

impl<'a> World<'a> {
    /// A world in which nothing has happened yet.
    pub fn new(scenario: &'a Scenario, trace: Trace) -> Self {
        let chance = Chance::new(scenario.seed).split("world");
        let options =
            Options { shards: scenario.settings.shards, cache_bytes: 0, ..Options::default() };
        let registry = prometheus::Registry::new();
        // Third parties live by true time.
        let mut faults = scenario.parties.clone();
        for fault in &mut faults.all {
            fault.from_ms += clock::BEGIN_MS;
            fault.until_ms += clock::BEGIN_MS;
        }
        Self {
            scenario,
            now_us: 0,
            clock: MachineClock::default(),
            heap: Heap::new(chance.split("heap")),
            disk: SimDisk::of(scenario.temper),
            options,
            metrics: Metrics::new(&registry),
            node: None,
            process: 0,
            began_us: 0,
            is_full: false,
            slow_us: 0,
            parties: Parties::new(scenario.seed, &faults),
            clerk: Clerk::new(scenario.seed, &faults),
            errands: Vec::new(),
            clients: Clients::new(scenario),
            model: Model::new(&scenario.plan),
            repeated: BTreeMap::new(),
            twice: None,
            trace,
            counts: Counts::default(),
            faults: Vec::new(),
            chance,
        }
    }

    /// Plays the scenario to its end.
    pub fn run(mut self) -> Report {
        self.heap.put(0, Event::Start);
        for (place, planned) in self.scenario.plan.planned.iter().enumerate() {
            self.send_at(planned.at_ms * 1_000 + 1_000, place);
            for repeat in &planned.repeats {
                self.send_at((planned.at_ms + repeat) * 1_000 + 1_000, place);
            }
        }
        for (place, fault) in self.scenario.machine.iter().enumerate() {
            self.heap.put(fault.at_us, Event::Fault(place, Edge::Begin));
        }
        let last_ms = self.scenario.plan.planned.last().map_or(0, |planned| planned.at_ms);
        self.go_on_until((last_ms + 2_000) * 1_000);
        self.come_to_rest();
        self.counts.millis = self.now_us / 1_000;
        let mut faults = self.faults;
        faults.extend(self.model.faults().iter().cloned());
        faults.dedup();
        Report { faults, digest: self.trace.digest(), counts: self.counts }
    }

    /// Whether something was found wrong: going on makes no sense.
    fn is_wrong(&mut self) -> bool {
        if self.counts.turns + self.counts.events > STEPS_MAX && self.faults.is_empty() {
            self.faults.push(format!("it goes on for ever: more than {STEPS_MAX} steps"));
        }
        !self.faults.is_empty() || !self.model.faults().is_empty()
    }

    /// Lets everything happen that happens until an instant.
    fn go_on_until(&mut self, end_us: u64) {
        while !self.is_wrong() {
            while self.heap.next_us().is_none_or(|at| at > self.now_us) && self.turn() {}
            match self.heap.next_us() {
                Some(at) if at <= end_us.max(self.now_us) => {
                    let (at_us, event) = self.heap.take().expect("just seen");
                    self.pass_to(at_us);
                    self.counts.events += 1;
                    self.happen(event);
                }
                Some(_) | None => break,
            }
        }
        self.pass_to(end_us);
    }

    fn pass_to(&mut self, at_us: u64) {
        self.now_us = self.now_us.max(at_us);
        self.clock.passed(self.now_us);
    }

    /// Gives one of those who have mail its turn. False when nobody has.
    fn turn(&mut self) -> bool {
        let Some(node) = &mut self.node else { return false };
        if !node.turn(&mut self.chance) {
            return false;
        }
        self.counts.turns += 1;
        self.now_us += self.scenario.turn_us;
        self.clock.passed(self.now_us);
        self.after_turn();
        true
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Send(place) => self.send(place),
            Event::Follow => {
                self.clients.is_called = false;
                self.follow();
            }
            Event::Fault(place, edge) => self.fault(place, edge),
            Event::Start => self.start(),
            Event::Of(process, event) => {
                if process == self.process && self.node.is_some() {
                    self.of_process(event);
                    self.after_turn();
                }
            }
        }
    }

    fn of_process(&mut self, event: OfProcess) {
        match event {
            OfProcess::Committed => self.committed(),
            OfProcess::Stored => self.stored(),
            OfProcess::Ring(shard, ring) => self.process_mut().ring(shard, ring),
            OfProcess::Tick => self.tick(),
            OfProcess::Gate(party) => self.poll(party),
            OfProcess::Ended(party, ticket, attempt) => self.ended(party, ticket, *attempt),
            OfProcess::Again(entity, answered) => self.process_mut().bring(entity, answered),
            OfProcess::Brought(entity, brought) => {
                self.process_mut().bring_found(entity, *brought);
            }
        }
    }

    fn process_mut(&mut self) -> &mut Node {
        self.node.as_mut().expect("events of a process come only to it")
    }

    /// Something of the running process will happen after a while.
    fn later(&mut self, after_us: u64, event: OfProcess) {
        self.heap.put(self.now_us + after_us, Event::Of(self.process, event));
    }

    /// Every shard looks around; seldom, while nothing else is going to happen.
    fn tick(&mut self) {
        self.process_mut().tick();
        let next = self.heap.next_us().unwrap_or(u64::MAX).saturating_sub(self.now_us);
        self.later(next.clamp(TICK_US, IDLE_TICK_US), OfProcess::Tick);
    }
}
