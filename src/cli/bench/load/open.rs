//! The open loop: requests start when they are due, whatever the server does.
//!
//! A thread of its own releases due requests every tenth of a millisecond (the runtime's timers
//! tick by the millisecond, too coarse for answers that take less); an idle connection takes each
//! in order. Latency counts from the intended start: waiting for the release and for a connection
//! to be free is part of it, as it is for a customer. What is released late by the generator is
//! therefore held against the server, about 0.1 ms at the median.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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
const WARM_UP_SHARE: u64 = 10;

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
struct Schedule {
    start: Instant,
    per_second: f64,
    total: u64,
    released: AtomicU64,
    taken: AtomicU64,
    permits: Semaphore,
}

impl Schedule {
    fn new(per_second: f64, length: Duration) -> Self {
        Self {
            // Some time to set everything up before the first is due.
            start: Instant::now() + Duration::from_millis(20),
            per_second,
            total: whole(per_second * length.as_secs_f64()).max(1),
            released: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            permits: Semaphore::new(0),
        }
    }

    fn intended(&self, number: u64) -> Instant {
        self.start + Duration::from_secs_f64(number as f64 / self.per_second)
    }

    fn due(&self, now: Instant) -> u64 {
        match now.checked_duration_since(self.start) {
            None => 0,
            Some(since) => (whole(since.as_secs_f64() * self.per_second) + 1).min(self.total),
        }
    }

    /// Releases what is due; after the last, also lets every connection see that it was the last.
    fn release(&self, connections: u32) -> bool {
        let due = self.due(Instant::now());
        let before = self.released.fetch_max(due, Ordering::Relaxed);
        if due > before {
            let last = if due == self.total { u64::from(connections) } else { 0 };
            let permits = usize::try_from(due - before + last);
            self.permits.add_permits(permits.expect("a count of requests fits in memory"));
        }
        due == self.total
    }

    async fn take(&self) -> Option<u64> {
        let permit = self.permits.acquire().await.expect("the schedule is never closed");
        permit.forget();
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        (number < self.total).then_some(number)
    }
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
        let schedule = Arc::new(Schedule::new(per_second.max(1.0), length));
        let mut tasks = JoinSet::new();
        for (seed, connection) in (0..).zip(opened) {
            tasks.spawn(drive(
                connection,
                workload.source(seed),
                Arc::clone(&schedule),
                connections,
            ));
        }
        let pacer = {
            let schedule = Arc::clone(&schedule);
            std::thread::spawn(move || {
                while !schedule.release(connections) {
                    std::thread::sleep(TICK);
                }
            })
        };
        let mut latencies = Latencies::new();
        let (mut tally, mut heard) = (Tally::default(), Heard::default());
        let end = schedule.intended(schedule.total);
        for (samples, answers) in gather(tasks, end, &mut tally).await {
            for sample in samples {
                latencies.record(u64::from(sample));
            }
            tally.add(answers.tally);
            heard.add(answers.heard);
        }
        if pacer.join().is_err() {
            tally.broken(&"the pacer stopped");
        }
        let never_sent = schedule.total.saturating_sub(schedule.taken.load(Ordering::Relaxed));
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
    schedule: Arc<Schedule>,
    connections: u32,
) -> (Vec<u32>, Answers) {
    let mut samples = Vec::new();
    let mut answers = Answers::default();
    while let Some(number) = schedule.take().await {
        if !answers.exchange(&mut connection, &mut source, number).await {
            break;
        }
        let latency = Instant::now().saturating_duration_since(schedule.intended(number));
        if number >= schedule.total / WARM_UP_SHARE {
            samples.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
        }
        // A thread that is awake need not wait for the pacer to be.
        schedule.release(connections);
    }
    (samples, answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_at_their_intended_start_and_no_more_than_all() {
        let schedule = Schedule::new(1_000.0, Duration::from_secs(1));
        assert_eq!(schedule.total, 1_000);
        let before = schedule.start.checked_sub(Duration::from_millis(1)).expect("after the boot");
        assert_eq!(schedule.due(before), 0);
        assert_eq!(schedule.due(schedule.start), 1);
        assert_eq!(schedule.due(schedule.start + Duration::from_micros(10_500)), 11);
        assert_eq!(schedule.due(schedule.start + Duration::from_secs(9)), 1_000);
        assert!(schedule.intended(10) <= schedule.start + Duration::from_millis(10));
    }
}
