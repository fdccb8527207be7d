//! Load by single requests over many connections.
//!
//! [`closed`] finds the most a server can do: each connection sends the next request when the
//! answer has come. [`open`] finds how long an answer takes at a given rate: requests have intended
//! start times that do not wait for anybody, and latency counts from there, so a stall of the
//! server is felt by every request that should have started meanwhile (no coordinated omission).
//!
//! Both run on one thread. Connections are opened before a slice and closed after it, so none
//! idles into a server's keep-alive limit while the other side is measured.

mod closed;
mod open;

pub(crate) use closed::{Length, Window, saturate};
pub(crate) use open::{Paced, Timetable, pace, release_in_time};

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::client::Connection;
use super::failure::Failure;
use super::tally::Tally;
use super::tickets::Heard;
use super::workload::Source;

/// How long answers may take after the end of a slice before they count as missing.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens so many connections.
pub(crate) async fn connect(address: SocketAddr, count: u32) -> Result<Vec<Connection>, Failure> {
    let mut connections = Vec::new();
    for _ in 0..count {
        let connection = Connection::open(address).await;
        connections.push(connection.map_err(Failure::system("connecting to the server"))?);
    }
    Ok(connections)
}

/// What one connection was answered.
#[derive(Default)]
struct Answers {
    tally: Tally,
    heard: Heard,
}

impl Answers {
    /// Sends request number `number` and notes its answer; says whether the connection goes on.
    async fn exchange(
        &mut self,
        connection: &mut Connection,
        source: &mut Source,
        number: u64,
    ) -> bool {
        let status = match connection.exchange(source.next(number)).await {
            Ok(status) => status,
            Err(error) => {
                self.tally.broken(&error);
                return false;
            }
        };
        let body = connection.body();
        let expected = self.tally.answer(status, source.expected(), body);
        if let Some(deal) = source.deal(number)
            && expected
            && !self.heard.hear(deal, number, status, body)
        {
            let body = String::from_utf8_lossy(body);
            self.tally.broken(&format!("no ticket in {status}: {body}"));
        }
        true
    }
}

/// Waits for all tasks, but not for ever; gives what the ones that ended have to say.
pub(crate) async fn gather<T: 'static>(
    mut tasks: JoinSet<T>,
    until: Instant,
    tally: &mut Tally,
) -> Vec<T> {
    let mut ended = Vec::new();
    let limit = tokio::time::Instant::from_std(until + PATIENCE);
    while let Ok(Some(outcome)) = tokio::time::timeout_at(limit, tasks.join_next()).await {
        match outcome {
            Ok(outcome) => ended.push(outcome),
            Err(error) => tally.broken(&error),
        }
    }
    for _ in 0..tasks.len() {
        tally.broken(&"no answer in time");
    }
    ended
}
