//! Calls that go out when they are due, as from a bank that pushes what it books.
//!
//! The open loop of single requests ([`super::super::super::load`]) with calls of many lines:
//! latency counts from the instant a call was due, so a stall of the server is felt by every call
//! that should have started meanwhile. What each answer was and when it came is kept.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use super::super::super::client::{self, Connection};
use super::super::super::failure::Failure;
use super::super::super::load::{self, Timetable};
use super::super::super::measurement::Latencies;
use super::super::super::tally::Tally;
use super::lines::Call;

const CONNECTIONS: u32 = 64;

/// What came of it.
pub(super) struct Pushed {
    /// When each call was answered, in the order of the calls.
    pub(super) answered: Vec<Option<Instant>>,
    /// From the instants at which calls were due.
    pub(super) latencies: Latencies,
    /// All answers, a call each.
    pub(super) tally: Tally,
}

/// Sends the calls.
pub(super) fn send(
    address: SocketAddr,
    calls: &Arc<Vec<Call>>,
    timetable: Timetable,
) -> Result<Pushed, Failure> {
    client::runtime()?.block_on(async {
        let opened = load::connect(address, CONNECTIONS).await?;
        let timetable = Arc::new(timetable);
        let mut tasks = JoinSet::new();
        for connection in opened {
            tasks.spawn(drive(connection, Arc::clone(calls), Arc::clone(&timetable)));
        }
        let pacer = load::release_in_time(&timetable, CONNECTIONS);
        let mut pushed = Pushed {
            answered: vec![None; timetable.total()],
            latencies: Latencies::new(),
            tally: Tally::default(),
        };
        for (samples, tally) in load::gather(tasks, timetable.end(), &mut pushed.tally).await {
            pushed.tally.add(tally);
            for (number, at) in samples {
                let latency = at.saturating_duration_since(timetable.intended(number)).as_micros();
                pushed.latencies.record(u64::try_from(latency).unwrap_or(u64::MAX));
                pushed.answered[number] = Some(at);
            }
        }
        if pacer.join().is_err() {
            pushed.tally.broken(&"the pacer stopped");
        }
        let never_sent = timetable.never_taken();
        if never_sent > 0 {
            pushed.tally.broken(&format!("{never_sent} calls found no connection"));
        }
        Ok(pushed)
    })
}

async fn drive(
    mut connection: Connection,
    calls: Arc<Vec<Call>>,
    timetable: Arc<Timetable>,
) -> (Vec<(usize, Instant)>, Tally) {
    let (mut samples, mut tally) = (Vec::new(), Tally::default());
    while let Some(number) = timetable.take().await {
        let call = &calls[number];
        let status = match connection.exchange_long(&call.head, &call.body).await {
            Ok(status) => status,
            Err(error) => {
                tally.broken(&error);
                break;
            }
        };
        samples.push((number, Instant::now()));
        let body = connection.body();
        if tally.answer(status, &[202], body) && !are_all_new(body, call.lines) {
            tally.broken(&format!("not all new: {}", String::from_utf8_lossy(body)));
        }
        // A thread that is awake need not wait for the pacer to be.
        timetable.release(CONNECTIONS);
    }
    (samples, tally)
}

/// Whether the counts of an answer say so; they are at its end.
fn are_all_new(body: &[u8], lines: u64) -> bool {
    let counts =
        format!("\"counts\":{{\"new\":{lines},\"duplicate\":0,\"conflict\":0,\"refused\":0}}}}");
    body.ends_with(counts.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_when_every_line_is_new() {
        let body = |new: u64, duplicate: u64| {
            format!(
                "{{\"items\":[],\"counts\":{{\"new\":{new},\"duplicate\":{duplicate},\
                 \"conflict\":0,\"refused\":0}}}}"
            )
        };
        assert!(are_all_new(body(10, 0).as_bytes(), 10));
        assert!(!are_all_new(body(9, 1).as_bytes(), 10));
        assert!(!are_all_new(body(110, 0).as_bytes(), 10));
    }
}
