//! Looks at what a campaign has drawn while calls are answered, and says how far behind it is.
//!
//! A campaign counts draws, not lines, so the count is held against the answers in their order: when
//! it stands at n, the first n lines that were answered are taken to be drawn. That says how far
//! drawing is behind as a whole. A line that others have overtaken does not show in it; for some of
//! the lines [`super::winners`] knows the time one by one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::super::super::client::{self, Connection};
use super::super::super::failure::Failure;
use super::super::super::measurement::Latencies;
use super::campaign;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// What was drawn when.
pub(super) type Drawn = Vec<(Instant, u64)>;

/// A thread that looks.
pub(super) struct Watch {
    is_over: Arc<AtomicBool>,
    looking: JoinHandle<Result<Drawn, Failure>>,
}

impl Watch {
    /// Begins to look.
    pub(super) fn begin(address: SocketAddr) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        Self { is_over, looking: std::thread::spawn(move || look(address, &until)) }
    }

    /// Ends it.
    pub(super) fn end(self) -> Result<Drawn, Failure> {
        self.is_over.store(true, Ordering::Release);
        self.looking.join().expect("looking does not panic")
    }
}

fn look(address: SocketAddr, is_over: &AtomicBool) -> Result<Drawn, Failure> {
    let failed = || Failure::system("reading how the campaign stands");
    client::runtime()?.block_on(async {
        let mut connection = Connection::open(address).await.map_err(failed())?;
        let mut drawn: Drawn = Vec::new();
        loop {
            // Read before, so that there is a look after the end.
            let last = is_over.load(Ordering::Acquire);
            let draws = campaign::draws(&mut connection).await.map_err(failed())?;
            if drawn.last().is_none_or(|(_, before)| *before != draws) {
                drawn.push((Instant::now(), draws));
            }
            if last {
                return Ok(drawn);
            }
            tokio::time::sleep(LOOK).await;
        }
    })
}

/// How long after its answer each line was seen to be drawn. `answered` is in the order of time: when
/// an answer came, and how many lines it was about.
pub(super) fn behind(answered: &[(Instant, u64)], drawn: &Drawn) -> Latencies {
    let mut latencies = Latencies::new();
    let mut looks = drawn.iter().peekable();
    let mut count = 0;
    for (at, lines) in answered {
        for _ in 0..*lines {
            count += 1;
            while looks.next_if(|(_, draws)| *draws < count).is_some() {}
            let Some((seen, _)) = looks.peek() else { return latencies };
            let behind = seen.saturating_duration_since(*at).as_micros();
            latencies.record(u64::try_from(behind).unwrap_or(u64::MAX));
        }
    }
    latencies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_waits_until_the_count_has_come_to_it() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let answered = [(at(0), 2), (at(10), 1), (at(20), 1)];
        let latencies = behind(&answered, &vec![(at(5), 0), (at(30), 2), (at(40), 3)]);
        // The fourth was never seen.
        assert_eq!(latencies.len(), 3);
        assert!((latencies.longest_ms() - 30.0).abs() < 0.1);
    }
}
