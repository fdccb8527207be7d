//! Batches: NDJSON out, NDJSON back, every line of the answer looked at.
//!
//! Used to prepare every scenario and to measure payments by the batch. A few callers at a time
//! each send the next ten thousand lines when the answer to the last has come. An answer counts
//! only with as many lines as were sent, each with the index of its line and the status expected.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::client::{self, Connection};
use super::failure::Failure;
use super::measurement::{Latencies, rate};
use super::progress::Progress;
use super::tally::Tally;
use super::template::Keys;
use super::workload::Lines;

/// Lines a call when preparing: the most the contract allows.
pub(crate) const LINES: u64 = 10_000;
/// Callers when preparing.
pub(crate) const CALLERS: u32 = 2;

/// When to stop sending.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// After this many lines in all.
    Lines(u64),
    /// After this time; calls under way are finished and counted.
    Elapsed(Duration),
}

/// How to send batches.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Lines a call.
    pub(crate) lines: u64,
    /// Calls in flight at a time.
    pub(crate) callers: u32,
    /// When to stop.
    pub(crate) until: Until,
}

impl Plan {
    /// So many lines in all, in calls of the usual size.
    pub(crate) fn lines(count: u64) -> Self {
        Self { lines: LINES, callers: CALLERS, until: Until::Lines(count) }
    }
}

/// What came of it. The tally counts lines.
pub(crate) struct Outcome {
    /// Lines, good and bad.
    pub(crate) tally: Tally,
    /// From the first call to the last answer.
    pub(crate) elapsed: Duration,
    /// How long calls took.
    pub(crate) latencies: Latencies,
}

impl Outcome {
    /// Lines per second.
    pub(crate) fn rate(&self) -> f64 {
        rate(self.tally.answered, self.elapsed)
    }

    /// This outcome, if every line was answered as expected: for steps others build on.
    pub(crate) fn clean(self, step: &str) -> Result<Self, Failure> {
        if self.tally.is_clean() {
            return Ok(self);
        }
        Err(Failure::Answer(format!("{step}: {}", self.tally)))
    }
}

/// Sends batches of these lines.
pub(crate) fn send(
    address: SocketAddr,
    lines: &Lines,
    keys: &Keys,
    plan: Plan,
    label: &str,
) -> Result<Outcome, Failure> {
    let steps = match plan.until {
        Until::Lines(count) => count,
        Until::Elapsed(time) => time.as_secs(),
    };
    let shared = Arc::new(Shared {
        next: AtomicU64::new(0),
        plan,
        begin: Instant::now(),
        keys: keys.clone(),
        progress: Progress::new(label, steps),
    });
    client::runtime()?.block_on(async {
        let mut callers = JoinSet::new();
        for _ in 0..plan.callers {
            let connection = Connection::open(address).await;
            let connection = connection.map_err(Failure::system("connecting to the server"))?;
            callers.spawn(call(connection, lines.clone(), Arc::clone(&shared)));
        }
        let mut tally = Tally::default();
        let mut latencies = Latencies::new();
        while let Some(ended) = callers.join_next().await {
            match ended {
                Ok((part, samples)) => {
                    tally.add(part);
                    for sample in samples {
                        latencies.record(sample);
                    }
                }
                Err(error) => tally.broken(&error),
            }
        }
        Ok(Outcome { tally, elapsed: shared.begin.elapsed(), latencies })
    })
}

struct Shared {
    /// Number of the first line nobody has taken.
    next: AtomicU64,
    plan: Plan,
    begin: Instant,
    keys: Keys,
    progress: Progress,
}

impl Shared {
    /// The next call's lines: the number of the first, and how many; `None` at the end.
    fn take(&self) -> Option<(u64, u64)> {
        let first = self.next.fetch_add(self.plan.lines, Ordering::Relaxed);
        let count = match self.plan.until {
            Until::Lines(total) => total.saturating_sub(first).min(self.plan.lines),
            Until::Elapsed(time) if self.begin.elapsed() < time => self.plan.lines,
            Until::Elapsed(_) => 0,
        };
        (count > 0).then_some((first, count))
    }
}

async fn call(
    mut connection: Connection,
    mut lines: Lines,
    shared: Arc<Shared>,
) -> (Tally, Vec<u64>) {
    let mut tally = Tally::default();
    let mut samples = Vec::new();
    let mut body = Vec::new();
    while let Some((first, count)) = shared.take() {
        lines.render(&mut body, &shared.keys, first, count);
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n\
             Content-Length: {}\r\n\r\n",
            lines.path(first),
            body.len()
        );
        let begin = Instant::now();
        match connection.exchange_long(head.as_bytes(), &body).await {
            Ok(200) => {
                samples.push(u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX));
                inspect(connection.body(), count, lines.status, &mut tally);
            }
            Ok(status) => {
                tally.answer(status, &[200], connection.body());
                break;
            }
            Err(error) => {
                tally.broken(&error);
                break;
            }
        }
        let steps = match shared.plan.until {
            Until::Lines(_) => count,
            Until::Elapsed(_) => 0,
        };
        shared.progress.advance(steps);
    }
    (tally, samples)
}

/// Counts the lines of an answer: as many as were sent, in order, each with this status as it stands
/// in JSON: a number, or a word in quotes.
pub(crate) fn inspect(body: &[u8], count: u64, expected: &str, tally: &mut Tally) {
    let mut lines = 0;
    for line in body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let status = after(line, b"\"status\":");
        match (after(line, b"\"index\":").and_then(number), status) {
            (Some(index), Some(status)) if index == lines => {
                let is_expected = status.starts_with(expected.as_bytes());
                // A word that is not the expected one has no number.
                let number = number(status).and_then(|number| u16::try_from(number).ok());
                let number = number.unwrap_or_default();
                let expected = if is_expected { std::slice::from_ref(&number) } else { &[] };
                tally.answer(number, expected, line);
            }
            _ => tally.broken(&format!("line {lines}: {}", String::from_utf8_lossy(line))),
        }
        lines += 1;
    }
    if lines != count {
        tally.broken(&format!("{lines} lines answer {count}"));
    }
}

/// What stands behind the first of these names; names come at the start of a line.
fn after<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let at = line.windows(name.len()).position(|window| window == name)? + name.len();
    Some(line[at..].trim_ascii_start())
}

/// The number at the start.
fn number(rest: &[u8]) -> Option<u64> {
    let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspected(body: &str, count: u64) -> Tally {
        let mut tally = Tally::default();
        inspect(body.as_bytes(), count, "201", &mut tally);
        tally
    }

    #[test]
    fn a_word_is_a_status_too() {
        let body = "{\"index\":0,\"activity_id\":\"a\",\"status\":\"new\"}\n";
        for (expected, is_clean) in [("\"new\"", true), ("\"duplicate\"", false)] {
            let mut tally = Tally::default();
            inspect(body.as_bytes(), 1, expected, &mut tally);
            assert_eq!((tally.is_clean(), tally.answered), (is_clean, 1), "{tally}");
        }
    }

    #[test]
    fn as_many_lines_in_order_with_201_are_clean() {
        let body = "{\"index\":0,\"status\":201,\"body\":{\"status\":\"posted\"}}\n\
                    {\"index\": 1, \"status\": 201}\n";
        let tally = inspected(body, 2);
        assert!(tally.is_clean(), "{tally}");
        assert_eq!(tally.answered, 2);
    }

    #[test]
    fn missing_refused_and_misplaced_lines_are_not() {
        let good = "{\"index\":0,\"status\":201}\n";
        assert!(!inspected(good, 2).is_clean());
        assert!(!inspected("{\"index\":0,\"status\":409}\n", 1).is_clean());
        assert!(!inspected("{\"index\":1,\"status\":201}\n", 1).is_clean());
        assert!(!inspected("{\"error\":true}\n", 1).is_clean());
    }
}
