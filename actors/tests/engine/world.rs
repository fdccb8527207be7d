//! The world of a test: a store that outlives its engines, a clock, gates, and running engines.
//!
//! [`World::start`] opens the store and starts an engine on it; [`Running::crash`] takes the power
//! away: whatever the engine's threads do from then on reaches no disk. What would end the process
//! is noted, and every wait in a test ends when it is ([`Running::unless_ended`]) or, when
//! something that has to come does not, with a failed test after a minute.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use bursar_actors::answers::Answers;
use bursar_actors::clerk::Clerk;
use bursar_actors::clock::{Clock, MovableClock};
use bursar_actors::engine::{Asked, Engine, Settings, World as Parts};
use bursar_actors::fatal::OnFatal;
use bursar_actors::gateway::Gateways;
use bursar_actors::job::{Answer, Ask};
use bursar_actors::metrics::Metrics;
use bursar_actors::shard::messages::{Limits, ShardState};
use bursar_domain::call::Policy;
use bursar_domain::id::EntityId;
use bursar_domain::time::Timestamp;
use bursar_snapshots::memory::MemoryStore;
use bursar_snapshots::store::Archive;
use prometheus::Registry;
use tokio::sync::watch;

use crate::bank::Bank;
use crate::gates::Gates;
use crate::wrapped::{GatedArchive, GatedJournal, TestClock};

/// How long something that has to come may take. Only a failing test waits for so long.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// Everything that outlives an engine.
pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) gates: Arc<Gates>,
    pub(crate) settings: Settings,
    pub(crate) policy: Policy,
    /// Who is called; nobody, if there is nobody.
    pub(crate) bank: Option<Arc<Bank>>,
    /// The engine's clock: it stands, until time passes or it is moved.
    pub(crate) clock: MovableClock,
    base: Arc<TestClock>,
}

/// An engine at work.
pub(crate) struct Running {
    pub(crate) engine: Engine,
    /// How many records were read back from the journal.
    pub(crate) records: u64,
    store: MemoryStore,
    ended: watch::Sender<Option<String>>,
}

/// Runs a test in an actix system of its own.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    actix::System::new().block_on(test)
}

/// Waits until something is so, without a clock.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "waited in vain until {what}");
        std::thread::yield_now();
        tokio::task::yield_now().await;
    }
}

/// Whether something has not come yet. Looks once.
pub(crate) fn is_pending<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> bool {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

impl World {
    /// An empty store, and an engine that saves only when it is asked to.
    pub(crate) fn new(shards: u16) -> Self {
        let gates = Arc::new(Gates::default());
        let limits = Limits {
            residents_max: 100_000,
            idle_ms: i64::MAX,
            checkpoint_ms: i64::MAX,
            checkpoint_bytes: usize::MAX,
        };
        let settings = Settings {
            shards,
            threads: 2,
            limits,
            in_flight_max: 10_000,
            tail_bytes_max: usize::MAX,
        };
        let millis = AtomicI64::new(1_800_000_000_000);
        let base = Arc::new(TestClock(millis));
        let clock = MovableClock::over(Arc::clone(&base) as _);
        let (store, policy) = (MemoryStore::new(shards), Policy::default());
        Self { store, gates, settings, policy, bank: None, clock, base }
    }

    /// Time goes on.
    pub(crate) fn pass_ms(&self, millis: i64) {
        self.base.0.fetch_add(millis, Ordering::Relaxed);
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An instant some milliseconds from now.
    pub(crate) fn after_ms(&self, millis: i64) -> Timestamp {
        Timestamp::from_millis(self.now().millis() + millis).expect("in range")
    }

    /// Opens the store and starts an engine on it.
    pub(crate) fn start(&self) -> Running {
        let (journal, archive) = self.store.open().expect("nobody else has it open");
        let gates = || Arc::clone(&self.gates);
        let archive: Arc<dyn Archive> = archive;
        let ended = watch::Sender::new(None);
        let note = ended.clone();
        let (bank, answers) = (self.bank.clone(), Answers::default());
        let way_back = answers.clone();
        let parts = Parts {
            journal: Box::new(GatedJournal { inner: Box::new(journal), gates: gates() }),
            archive: Arc::new(GatedArchive { inner: archive, gates: gates() }),
            clock: Arc::new(self.clock.clone()),
            metrics: Metrics::new(&Registry::new()),
            on_fatal: OnFatal::new(move |error| {
                note.send_replace(Some(error.to_string()));
            }),
            policy: self.policy.clone(),
            gateways: Gateways::from_port(Arc::new(move |entity, call| match &bank {
                Some(bank) => bank.call(&way_back, entity, call),
                None => panic!("{entity} calls nobody in these tests: {call:?}"),
            })),
            clerk: Clerk::from_port(Arc::new(|entity, errand| {
                panic!("{entity} fetches nothing in these tests: {errand:?}")
            })),
            answers,
        };
        let (engine, started) = Engine::start(&self.settings, parts).expect("it recovers");
        Running { engine, records: started.records, store: self.store.clone(), ended }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.gates.open_all();
    }
}

impl Running {
    /// Why the process would have ended, if it would have.
    pub(crate) fn ended(&self) -> Option<String> {
        self.ended.borrow().clone()
    }

    /// What comes, or nothing when the process would have ended before.
    pub(crate) async fn unless_ended<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        let mut ended = self.ended.subscribe();
        tokio::select! {
            biased;
            value = wait => Some(value),
            _ = ended.wait_for(Option::is_some) => None,
            () = tokio::time::sleep(DEADLINE) => panic!("waited in vain for an answer"),
        }
    }

    /// What must come.
    pub(crate) async fn get<T>(&self, wait: impl Future<Output = T>) -> T {
        match self.unless_ended(wait).await {
            Some(value) => value,
            None => panic!("the engine ended: {:?}", self.ended()),
        }
    }

    /// Asks and waits for the answer.
    pub(crate) async fn ask(&self, (to, ask): (EntityId, Ask)) -> Answer {
        self.get(self.engine.ask(to, ask)).await.expect("there is room")
    }

    /// Hands questions on, in this order; they have reached their shards when this returns.
    pub(crate) async fn hand_on(&self, asks: Vec<(EntityId, Ask)>) -> Asked {
        self.get(self.engine.ask_all(asks)).await
    }

    /// Asks many and waits for all answers.
    pub(crate) async fn ask_all(&self, asks: Vec<(EntityId, Ask)>) -> Vec<Answer> {
        let asked = self.hand_on(asks).await;
        self.get(asked.answers()).await
    }

    /// Saves everything.
    pub(crate) async fn checkpoint(&self) -> usize {
        self.get(self.engine.checkpoint()).await.expect("it runs")
    }

    /// How far every shard is. Everything handed on before has reached its shard.
    pub(crate) async fn states(&self) -> Vec<ShardState> {
        self.get(self.engine.states()).await.expect("it runs")
    }

    /// Waits until nothing is on its way any more: no answer, no message, no checkpoint.
    pub(crate) async fn quiet(&self) {
        let began = Instant::now();
        let mut before = None;
        loop {
            assert!(began.elapsed() < DEADLINE, "it never became quiet: {before:?}");
            let states = self.states().await;
            let is_quiet = |state: &ShardState| {
                state.waiting == 0
                    && state.unacknowledged == 0
                    && state.last == state.durable
                    && !state.checkpointing
            };
            let quiet = states.iter().all(is_quiet);
            let lasts: Vec<_> = states.iter().map(|state| state.last).collect();
            // A message may have passed behind the question, so one look is not enough.
            if quiet && before.as_ref() == Some(&lasts) {
                return;
            }
            before = quiet.then_some(lasts);
        }
    }

    /// Lets an entity leave memory.
    pub(crate) async fn passivate(&self, id: &EntityId) {
        let began = Instant::now();
        while !self.get(self.engine.passivate(id)).await.expect("it runs") {
            assert!(began.elapsed() < DEADLINE, "{id} does not leave memory");
        }
    }

    /// The power goes. What the threads of this engine still do reaches no disk.
    pub(crate) fn crash(self) {
        self.store.crash();
        drop(self);
    }

    /// Stops in order.
    pub(crate) async fn stop(self) {
        self.get(self.engine.stop()).await.expect("it stops");
        assert_eq!(self.ended(), None);
    }
}
