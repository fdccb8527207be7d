//! The closed loop: the next request goes out when the answer has come.
//!
//! What it measures is throughput. Latencies are kept for tickets only: their median is the number
//! of connections divided by the throughput, but the longest say how long a rush makes one wait.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::super::client::{self, Connection};
use super::super::failure::Failure;
use super::super::measurement::{Latencies, rate};
use super::super::process;
use super::super::tally::Tally;
use super::super::tickets::Heard;
use super::super::workload::{Source, Workload};
use super::{Answers, connect, gather};

/// How long a slice of a number of requests may take; far more than any should.
const REQUESTS_PATIENCE: Duration = Duration::from_mins(1);

/// How long a slice is.
#[derive(Clone, Copy)]
pub(crate) enum Length {
    /// So much time.
    Time(Window),
    /// So many requests, all counted: from the first to the last answer.
    Requests(u64),
}

/// A slice of time.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    /// Under load, but not counted.
    pub(crate) warm_up: Duration,
    /// Counted.
    pub(crate) measured: Duration,
}

/// What came of a slice.
pub(crate) struct Slice {
    /// Answers per second in the measured part.
    pub(crate) rate: f64,
    /// All answers, with those of the warm-up.
    pub(crate) tally: Tally,
    /// Share of one core the generator used; near 1 it is the generator that was measured.
    pub(crate) generator_share: f64,
    /// Latencies in the measured part, where answers have tickets.
    pub(crate) latencies: Latencies,
    /// The tickets, with those of the warm-up.
    pub(crate) heard: Heard,
}

/// What all connections of a slice share.
struct Shared {
    /// Requests are numbered in the order in which they are written.
    next: AtomicU64,
    requests: u64,
    from: Instant,
    until: Instant,
}

impl Shared {
    fn new(length: Length) -> Self {
        let begin = Instant::now();
        let (requests, from, until) = match length {
            Length::Time(Window { warm_up, measured }) => {
                (u64::MAX, begin + warm_up, begin + warm_up + measured)
            }
            Length::Requests(count) => (count, begin, begin + REQUESTS_PATIENCE),
        };
        Self { next: AtomicU64::new(0), requests, from, until }
    }

    /// The number of the next request, unless it was the last.
    fn take(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.requests).then_some(number)
    }
}

/// Drives a server as hard as this many connections can.
pub(crate) fn saturate(
    address: SocketAddr,
    workload: &Workload,
    connections: u32,
    length: Length,
) -> Result<Slice, Failure> {
    let own = std::process::id();
    client::runtime()?.block_on(async {
        let connections = connect(address, connections).await?;
        let processor = process::processor_time(own)?;
        let begin = Instant::now();
        let shared = Arc::new(Shared::new(length));
        let mut tasks = JoinSet::new();
        for (seed, connection) in (0..).zip(connections) {
            tasks.spawn(drive(connection, workload.source(seed), Arc::clone(&shared)));
        }
        let (mut tally, mut heard) = (Tally::default(), Heard::default());
        let mut latencies = Latencies::new();
        let mut counted = 0;
        for part in gather(tasks, shared.until, &mut tally).await {
            counted += part.counted;
            tally.add(part.answers.tally);
            heard.add(part.answers.heard);
            part.samples.into_iter().for_each(|sample| latencies.record(u64::from(sample)));
        }
        let elapsed = begin.elapsed();
        let used = process::processor_time(own)?.saturating_sub(processor);
        let measured = match length {
            Length::Time(window) => window.measured,
            Length::Requests(_) => elapsed,
        };
        Ok(Slice {
            rate: rate(counted, measured),
            tally,
            generator_share: used.as_secs_f64() / elapsed.as_secs_f64(),
            latencies,
            heard,
        })
    })
}

/// What came of one connection.
#[derive(Default)]
struct Part {
    counted: u64,
    answers: Answers,
    /// Latencies in microseconds.
    samples: Vec<u32>,
}

async fn drive(mut connection: Connection, mut source: Source, shared: Arc<Shared>) -> Part {
    let mut part = Part::default();
    let mut sent = Instant::now();
    while let Some(number) = shared.take() {
        if !part.answers.exchange(&mut connection, &mut source, number).await {
            break;
        }
        let now = Instant::now();
        if now >= shared.until {
            break;
        }
        if now >= shared.from {
            part.counted += 1;
            if source.deal(number).is_some() {
                let latency = now.duration_since(sent).as_micros();
                part.samples.push(u32::try_from(latency).unwrap_or(u32::MAX));
            }
        }
        sent = now;
    }
    part
}
