//! The open loop: requests start when they are due, whatever the server does.
//!
//! A thread of its own releases due requests every tenth of a millisecond (the runtime's timers
//! tick by the millisecond, too coarse for answers that take less); an idle connection takes each
//! in order. Latency counts from the intended start: waiting for the release and for a connection
//! to be free is part of it, as it is for a customer. What is released late by the generator is
//! therefore held against the server, about 0.1 ms at the median.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::super::client::{self, Connection};
use super::super::failure::Failure;
use super::super::measurement::Latencies;
use super::super::tally::Tally;
use super::super::tickets::Heard;
use super::super::workload::{Source, Workload};
use super::{Answers, connect, gather};

const TICK: Duration = Duration::from_micros(100);
/// The first tenth of all requests warms up and is not recorded.
const WARM_UP_SHARE: usize = 10;

/// What came of a paced run.
pub(crate) struct Paced {
    /// Latencies from the intended start.
    pub(crate) latencies: Latencies,
    /// All answers.
    pub(crate) tally: Tally,
    /// All tickets.
    pub(crate) heard: Heard,
}

/// When each request is due, and which were released.
pub(crate) struct Timetable {
    start: Instant,
    /// After the start, ascending.
    due: Vec<Duration>,
    released: AtomicUsize,
    taken: AtomicUsize,
    permits: Semaphore,
}

impl Timetable {
    /// At one rate.
    fn steady(per_second: f64, length: Duration) -> Self {
        let total = whole(per_second * length.as_secs_f64()).max(1);
        Self::of((0..total).map(|number| seconds(number as f64 / per_second)).collect())
    }

    /// At these rates, each of them for some time; between the two of a pair it rises evenly.
    pub(crate) fn rising(phases: &[(f64, f64, Duration)]) -> Self {
        let (mut due, mut before) = (Vec::new(), 0.0);
        for (first, last, length) in phases {
            let (mut since, length) = (0.0, length.as_secs_f64());
            while since < length {
                due.push(seconds(before + since));
                since += 1.0 / (first + (last - first) * since / length);
            }
            before += length;
        }
        Self::of(due)
    }

    fn of(due: Vec<Duration>) -> Self {
        Self {
            // Some time to set everything up before the first is due.
            start: Instant::now() + Duration::from_millis(20),
            due,
            released: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            permits: Semaphore::new(0),
        }
    }

    /// How many requests there are.
    pub(crate) fn total(&self) -> usize {
        self.due.len()
    }

    /// When one is due.
    pub(crate) fn intended(&self, number: usize) -> Instant {
        self.start + self.due[number]
    }

    /// When the last is due.
    pub(crate) fn end(&self) -> Instant {
        self.due.last().map_or(self.start, |last| self.start + *last)
    }

    fn due(&self, now: Instant) -> usize {
        match now.checked_duration_since(self.start) {
            None => 0,
            Some(since) => self.due.partition_point(|due| *due <= since),
        }
    }

    /// Releases what is due; after the last, also lets every connection see that it was the last.
    pub(crate) fn release(&self, connections: u32) -> bool {
        let due = self.due(Instant::now());
        let before = self.released.fetch_max(due, Ordering::Relaxed);
        if due > before {
            let last = if due == self.total() { connections as usize } else { 0 };
            self.permits.add_permits(due - before + last);
        }
        due == self.total()
    }

    /// Waits for the next that is due; `None` after the last.
    pub(crate) async fn take(&self) -> Option<usize> {
        let permit = self.permits.acquire().await.expect("the timetable is never closed");
        permit.forget();
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        (number < self.total()).then_some(number)
    }

    /// How many nobody took.
    pub(crate) fn never_taken(&self) -> usize {
        self.total().saturating_sub(self.taken.load(Ordering::Relaxed))
    }
}

/// Releases what is due, on a thread of its own, until all is.
pub(crate) fn release_in_time(timetable: &Arc<Timetable>, connections: u32) -> JoinHandle<()> {
    let timetable = Arc::clone(timetable);
    std::thread::spawn(move || {
        while !timetable.release(connections) {
            std::thread::sleep(TICK);
        }
    })
}

fn seconds(since: f64) -> Duration {
    Duration::from_secs_f64(since)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of requests: never negative and far below the largest integer"
)]
fn whole(count: f64) -> u64 {
    count as u64
}

/// Drives a server at a fixed rate.
pub(crate) fn pace(
    address: SocketAddr,
    workload: &Workload,
    connections: u32,
    per_second: f64,
    length: Duration,
) -> Result<Paced, Failure> {
    client::runtime()?.block_on(async {
        let opened = connect(address, connections).await?;
        let timetable = Arc::new(Timetable::steady(per_second.max(1.0), length));
        let mut tasks = JoinSet::new();
        for (seed, connection) in (0..).zip(opened) {
            tasks.spawn(drive(
                connection,
                workload.source(seed),
                Arc::clone(&timetable),
                connections,
            ));
        }
        let pacer = release_in_time(&timetable, connections);
        let mut latencies = Latencies::new();
        let (mut tally, mut heard) = (Tally::default(), Heard::default());
        for (samples, answers) in gather(tasks, timetable.end(), &mut tally).await {
            for sample in samples {
                latencies.record(u64::from(sample));
            }
            tally.add(answers.tally);
            heard.add(answers.heard);
        }
        if pacer.join().is_err() {
            tally.broken(&"the pacer stopped");
        }
        let never_sent = timetable.never_taken();
        if never_sent > 0 {
            tally.broken(&format!("{never_sent} requests found no connection"));
        }
        Ok(Paced { latencies, tally, heard })
    })
}

/// One connection: takes what is due, and keeps the latencies in microseconds.
async fn drive(
    mut connection: Connection,
    mut source: Source,
    timetable: Arc<Timetable>,
    connections: u32,
) -> (Vec<u32>, Answers) {
    let mut samples = Vec::new();
    let mut answers = Answers::default();
    while let Some(number) = timetable.take().await {
        if !answers.exchange(&mut connection, &mut source, number as u64).await {
            break;
        }
        let latency = Instant::now().saturating_duration_since(timetable.intended(number));
        if number >= timetable.total() / WARM_UP_SHARE {
            samples.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
        }
        // A thread that is awake need not wait for the pacer to be.
        timetable.release(connections);
    }
    (samples, answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_at_their_intended_start_and_no_more_than_all() {
        let timetable = Timetable::steady(1_000.0, Duration::from_secs(1));
        assert_eq!(timetable.total(), 1_000);
        let start = timetable.start;
        let before = start.checked_sub(Duration::from_millis(1)).expect("after the boot");
        assert_eq!(timetable.due(before), 0);
        assert_eq!(timetable.due(start), 1);
        assert_eq!(timetable.due(start + Duration::from_micros(10_500)), 11);
        assert_eq!(timetable.due(start + Duration::from_secs(9)), 1_000);
        assert!(timetable.intended(10) <= start + Duration::from_millis(10));
    }

    #[test]
    fn a_rate_that_rises_makes_half_of_what_it_rises_to_and_from() {
        let second = Duration::from_secs(1);
        let phases = [(100.0, 100.0, second), (100.0, 500.0, second), (500.0, 500.0, second)];
        let timetable = Timetable::rising(&phases);
        let by = |seconds: f64| timetable.due(timetable.start + Duration::from_secs_f64(seconds));
        assert!((95..=105).contains(&by(1.0)), "{}", by(1.0));
        assert!((395..=410).contains(&by(2.0)), "{}", by(2.0));
        assert!((890..=915).contains(&timetable.total()), "{}", timetable.total());
        assert!(timetable.end() < timetable.start + 3 * second);
    }
}
