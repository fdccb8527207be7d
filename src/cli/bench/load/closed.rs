//! The closed loop: the next request goes out when the answer has come.
//!
//! What it measures is throughput. Its latencies would only be the number of connections divided
//! by the throughput, so it keeps none.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::super::client::{self, Connection};
use super::super::failure::Failure;
use super::super::measurement::rate;
use super::super::process;
use super::super::tally::Tally;
use super::super::workload::{Source, Workload};
use super::{connect, gather};

/// How long a slice is.
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
}

/// Drives a server as hard as this many connections can.
pub(crate) fn saturate(
    address: SocketAddr,
    workload: &Workload,
    connections: u32,
    window: Window,
) -> Result<Slice, Failure> {
    let own = std::process::id();
    client::runtime()?.block_on(async {
        let connections = connect(address, connections).await?;
        let processor = process::processor_time(own)?;
        let begin = Instant::now();
        let from = begin + window.warm_up;
        let until = from + window.measured;
        let mut tasks = JoinSet::new();
        for (seed, connection) in (0..).zip(connections) {
            tasks.spawn(drive(connection, workload.source(seed), from, until));
        }
        let mut tally = Tally::default();
        let mut counted = 0;
        for (count, part) in gather(tasks, until, &mut tally).await {
            counted += count;
            tally.add(part);
        }
        let used = process::processor_time(own)?.saturating_sub(processor);
        Ok(Slice {
            rate: rate(counted, window.measured),
            tally,
            generator_share: used.as_secs_f64() / begin.elapsed().as_secs_f64(),
        })
    })
}

async fn drive(
    mut connection: Connection,
    mut source: Source,
    from: Instant,
    until: Instant,
) -> (u64, Tally) {
    let mut tally = Tally::default();
    let mut counted = 0;
    loop {
        match connection.exchange(source.next()).await {
            Ok(status) => tally.answer(status, source.expected(), connection.body()),
            Err(error) => {
                tally.broken(&error);
                break;
            }
        }
        let now = Instant::now();
        if now >= until {
            break;
        }
        if now >= from {
            counted += 1;
        }
    }
    (counted, tally)
}
