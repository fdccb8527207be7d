//! Everything the sandbox knows, behind one lock, and what every call passes first.
//!
//! A call is counted and let in by its party's limit ([`Desk::admit`]); then, when it is known to
//! make sense, it is one more attempt of its key, and it is decided what befalls it
//! ([`State::visit`]). Calls that a limit turned away are no attempts, because limits depend on
//! timing and attempts decide chance.
//!
//! What is known changes in one way only: a [`Change`] is written to the file, if there is one, and
//! then made ([`State::commit`]), under the same lock, so nobody sees what is not written.
//!
//! Invariants: nothing waits while the lock is held, but for the page cache to take a line; time as
//! the state sees it never goes back, whatever the clock does, also not behind what was written by
//! an earlier run, so what was settled stays settled.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actix_web::web;
use bursar_domain::time::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use xxhash_rust::xxh3::xxh3_128;

use crate::calls::{Calls, Ending, Party, Route};
use crate::chance::Chance;
use crate::change::{Change, Misfit};
use crate::documents::Documents;
use crate::faults::{Faults, Strike, Target};
use crate::journal::{Journal, Unwritten};
use crate::ledger::Ledger;
use crate::mail::Mailbox;
use crate::problem::Problem;
use crate::rate::Bucket;
use crate::settings::{Clock, Latency, Rates, Settings};

/// The most calls that wait in tasks of their own, whose clients may have left.
const WAITING_MAX: usize = 20_000;

/// The desk in a handler.
pub(crate) type Shared = web::Data<Desk>;

/// What all calls share.
#[derive(Debug)]
pub(crate) struct Desk {
    clock: Clock,
    began: Instant,
    waiting: Arc<Semaphore>,
    state: Mutex<State>,
}

/// Everything the sandbox knows.
#[derive(Debug)]
pub(crate) struct State {
    /// What the processor booked.
    pub(crate) ledger: Ledger,
    /// What documents were made.
    pub(crate) documents: Documents,
    /// What mails were taken.
    pub(crate) mailbox: Mailbox,
    /// What is to go wrong.
    pub(crate) faults: Faults,
    /// What was called.
    pub(crate) calls: Calls,
    attempts: Attempts,
    limits: Limits,
    chance: Chance,
    latency: Latency,
    latest: Timestamp,
    journal: Option<Journal>,
}

/// What befalls a call.
#[derive(Debug)]
pub(crate) struct Visit {
    /// How long it takes in any case.
    pub(crate) latency: Duration,
    /// What goes wrong, if anything does.
    pub(crate) strike: Option<Strike>,
}

impl Desk {
    /// A desk at which nothing has happened but what is in the file. Fails when that cannot be
    /// opened or read.
    pub(crate) fn new(settings: &Settings) -> io::Result<Self> {
        let entries_max = settings.entries_max;
        let mut state = State {
            ledger: Ledger::new(settings.seed, entries_max),
            documents: Documents::new(settings.seed, entries_max),
            mailbox: Mailbox::new(settings.mails_max),
            faults: Faults::default(),
            calls: Calls::default(),
            attempts: Attempts { counts: HashMap::new(), max: entries_max.saturating_mul(4) },
            limits: Limits::new(settings.rates),
            chance: Chance::new(settings.seed),
            latency: settings.latency,
            latest: settings.clock.now(),
            journal: None,
        };
        if let Some(file) = &settings.file {
            state.journal = Some(Journal::open(file, |change| state.apply(change))?);
        }
        Ok(Self {
            clock: settings.clock.clone(),
            began: Instant::now(),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            state: Mutex::new(state),
        })
    }

    /// The state, locked; and now.
    pub(crate) fn open(&self) -> (MutexGuard<'_, State>, Timestamp) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.latest = state.latest.max(self.clock.now());
        let now = state.latest;
        (state, now)
    }

    /// Counts a call and lets it in, or turns it away.
    pub(crate) fn admit(&self, route: Route) -> Result<(), Problem> {
        let (mut state, _) = self.open();
        let now_ns = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        state.calls.arrived(route, now_ns);
        let bucket = state.limits.of(route.party());
        if let Some(Err(wait)) = bucket.map(|bucket| bucket.take(now_ns)) {
            state.calls.ended(route, Ending::Throttled);
            return Err(Problem::rate_limited(wait));
        }
        Ok(())
    }

    /// Room for one more call that waits; `None` when too many do.
    pub(crate) fn waiting(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.waiting).try_acquire_owned().ok()
    }

    /// Closes the file, if there is one: what is still to be done is refused.
    pub(crate) fn close(&self) {
        if let Some(journal) = &mut self.open().0.journal {
            journal.close();
        }
    }

    /// Counts how a call ended.
    pub(crate) fn ended(&self, route: Route, ending: Ending) {
        self.open().0.calls.ended(route, ending);
    }
}

impl State {
    /// One more attempt of a key: what befalls it.
    pub(crate) fn visit(&mut self, target: Target<'_>) -> Result<Visit, Problem> {
        let key = Attempts::slot(target.route, target.key);
        let attempt = self.attempts.next(key).ok_or_else(Problem::full)?;
        let purpose = format!("latency {}", target.route.word());
        let draw = self.chance.draw(&purpose, target.key, attempt);
        let jitter_ms = draw.below(self.latency.jitter_ms.saturating_add(1));
        let latency = Duration::from_millis(self.latency.base_ms.saturating_add(jitter_ms));
        let strike = self.faults.strike(self.chance, target, attempt);
        let struck = strike.as_ref().map(|strike| strike.fault);
        self.commit(Change::Attempted { key, struck })?;
        Ok(Visit { latency, strike })
    }

    /// Writes a change and makes it; neither, when it cannot be written.
    pub(crate) fn commit(&mut self, change: Change) -> Result<(), Problem> {
        if let Some(journal) = &mut self.journal {
            journal.append(&change).map_err(|Unwritten| Problem::not_written())?;
        }
        self.apply(change).expect("what was decided under this lock follows from what is known");
        Ok(())
    }

    /// Makes a change, now or again.
    fn apply(&mut self, change: Change) -> Result<(), Misfit> {
        match change {
            Change::Attempted { key, struck } => {
                self.attempts.count_one(key);
                struck.map_or(Ok(()), |number| self.faults.struck(number))
            }
            Change::Booked(entry) => {
                self.latest = self.latest.max(entry.at);
                self.ledger.append(entry)
            }
            Change::Made(document) => {
                self.latest = self.latest.max(document.at);
                self.documents.append(document)
            }
            Change::Voided { id } => self.documents.void(&id),
            Change::Ordered(order) => {
                self.faults.add(order);
                Ok(())
            }
            Change::Cleared {} => {
                self.faults.clear();
                Ok(())
            }
            Change::Taken(taken) => {
                self.latest = self.latest.max(taken.at);
                self.mailbox.store(taken);
                Ok(())
            }
        }
    }

    /// How often an order to move money was attempted.
    pub(crate) fn attempts(&self, key: &str) -> u32 {
        self.attempts.count(Attempts::slot(Route::Pull, key))
    }
}

/// How often each key was seen.
#[derive(Debug)]
struct Attempts {
    counts: HashMap<u128, u32>,
    max: usize,
}

impl Attempts {
    /// Which attempt the next would be; `None` when there is no room for another key.
    fn next(&self, slot: u128) -> Option<u32> {
        let room = self.counts.len() < self.max || self.counts.contains_key(&slot);
        room.then(|| self.count(slot).saturating_add(1))
    }

    fn count_one(&mut self, slot: u128) {
        let count = self.counts.entry(slot).or_insert(0);
        *count = count.saturating_add(1);
    }

    fn count(&self, slot: u128) -> u32 {
        self.counts.get(&slot).copied().unwrap_or(0)
    }

    /// Orders to move money share their keys; every other route has keys of its own.
    fn slot(route: Route, key: &str) -> u128 {
        let keys_of = if route.moves_money() { "order" } else { route.word() };
        xxh3_128(format!("{keys_of}\0{key}").as_bytes())
    }
}

/// The limits of the parties.
#[derive(Debug)]
struct Limits {
    processor: Option<Bucket>,
    documents: Option<Bucket>,
    mail: Option<Bucket>,
}

impl Limits {
    fn new(rates: Rates) -> Self {
        Self {
            processor: rates.processor.map(Bucket::new),
            documents: rates.documents.map(Bucket::new),
            mail: rates.mail.map(Bucket::new),
        }
    }

    fn of(&mut self, party: Party) -> Option<&mut Bucket> {
        match party {
            Party::Processor => self.processor.as_mut(),
            Party::Documents => self.documents.as_mut(),
            Party::Mail => self.mail.as_mut(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[test]
    fn time_never_goes_back() {
        let millis = Arc::new(AtomicI64::new(100));
        let source = Arc::clone(&millis);
        let clock = Clock::new(move || {
            Timestamp::from_millis(source.load(Ordering::Relaxed)).expect("an instant")
        });
        let desk = Desk::new(&Settings { clock, ..Settings::default() }).expect("no file");
        let seen = [100, 50, 120].map(|now| {
            millis.store(now, Ordering::Relaxed);
            desk.open().1.millis()
        });
        assert_eq!(seen, [100, 100, 120]);
    }

    #[test]
    fn orders_share_their_keys_and_others_do_not() {
        let mut attempts = Attempts { counts: HashMap::new(), max: 2 };
        let counts = [
            (Route::Pull, "k"),
            (Route::Refund, "k"),
            (Route::Lookup, "k"),
            (Route::Push, "other"),
            (Route::Push, "k"),
        ]
        .map(|(route, key)| {
            let slot = Attempts::slot(route, key);
            let next = attempts.next(slot);
            next.inspect(|_| attempts.count_one(slot))
        });
        assert_eq!(counts, [Some(1), Some(2), Some(1), None, Some(3)]);
        assert_eq!(attempts.count(Attempts::slot(Route::Pull, "k")), 3);
    }

    #[test]
    fn latency_is_within_its_bounds_and_repeats() {
        let latency = Latency { base_ms: 10, jitter_ms: 5 };
        let drawn = || {
            let desk = Desk::new(&Settings { latency, ..Settings::default() }).expect("no file");
            (0..100)
                .map(|key| {
                    let key = key.to_string();
                    let target =
                        Target { route: Route::Pull, key: &key, account: None, settled: false };
                    desk.open().0.visit(target).expect("there is room").latency.as_millis()
                })
                .collect::<Vec<_>>()
        };
        assert!(drawn().iter().all(|millis| (10..=15).contains(millis)));
        assert!((10..=15).all(|millis| drawn().contains(&millis)));
        assert_eq!(drawn(), drawn());
    }
}
