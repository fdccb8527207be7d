//! A server under test: this same binary, started again as a process of its own.
//!
//! It counts as listening when it says so on its standard output, and as ready when `/readyz`
//! says so. Its output is read to the end so that it never waits for a full pipe; the last lines
//! are kept to explain a death. It ends with its use: dropped, it is killed.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::client;
use super::exposition::Journal;
use super::failure::Failure;
use super::interrupt;
use super::process;

/// How long a server may take to listen and be ready; far more than is expected of it.
const START_PATIENCE: Duration = Duration::from_mins(5);
/// How long an orderly stop may take.
const STOP_PATIENCE: Duration = Duration::from_mins(2);
/// How long background work may take after load before a figure is taken all the same.
pub(crate) const QUIET_PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(2);
const LOG_LINES: usize = 20;
const LISTENING: &str = "listening on http://";

/// The last lines of a server's output.
type Log = Arc<Mutex<VecDeque<String>>>;

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    started: Instant,
    /// From the start of the process until it said that it listens.
    pub(crate) listening_after: Duration,
    log: Log,
}

impl Server {
    /// Starts `bursar serve` on a directory, with settings in the environment.
    pub(crate) fn serve(data: &Path, settings: &[(&str, String)]) -> Result<Self, Failure> {
        Self::start(&Self::arguments(data, Some("--sandbox")), settings)
    }

    /// As [`Self::serve`], with third parties of one's own, whose addresses are in the settings.
    pub(crate) fn serve_calling_others(
        data: &Path,
        settings: &[(&str, String)],
    ) -> Result<Self, Failure> {
        Self::start(&Self::arguments(data, None), settings)
    }

    fn arguments(data: &Path, flag: Option<&str>) -> Vec<OsString> {
        let listen = ["--listen", "127.0.0.1:0", "--data"];
        let mut arguments: Vec<OsString> =
            ["serve"].into_iter().chain(flag).chain(listen).map(OsString::from).collect();
        arguments.push(data.into());
        arguments
    }

    /// Starts the ceiling's server.
    pub(crate) fn ceiling() -> Result<Self, Failure> {
        Self::start(&["bench", "ceiling"].map(OsString::from), &[])
    }

    fn start(arguments: &[OsString], settings: &[(&str, String)]) -> Result<Self, Failure> {
        let failed = || Failure::system("starting this program again");
        let program = std::env::current_exe().map_err(failed())?;
        let started = Instant::now();
        let mut child = Command::new(program)
            .args(arguments)
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed())?;
        interrupt::process_began(child.id());
        let log = Log::default();
        let (said, hears) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            drain(stdout, Arc::clone(&log), Some(said));
        }
        if let Some(stderr) = child.stderr.take() {
            drain(stderr, Arc::clone(&log), None);
        }
        // Owned from here on, so that every way out of this function ends the process.
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let listening_after = Duration::ZERO;
        let mut server = Self { child, address: nowhere, started, listening_after, log };
        match hears.recv_timeout(START_PATIENCE) {
            Ok(address) => server.address = address,
            Err(_) => return Err(server.died("did not say that it listens")),
        }
        server.listening_after = started.elapsed();
        Ok(server)
    }

    /// Waits for `/readyz`; gives the time from the start of the process.
    pub(crate) fn wait_ready(&self) -> Result<Duration, Failure> {
        loop {
            let answer = client::call(self.address, "GET", "/readyz");
            let elapsed = self.started.elapsed();
            match answer {
                Ok(answer) if answer.status == 200 => return Ok(elapsed),
                Ok(_) | Err(_) if elapsed < START_PATIENCE => std::thread::sleep(POLL),
                Ok(answer) => {
                    return Err(self.died(&format!("is not ready: {}", answer.body)));
                }
                Err(error) => return Err(self.died(&format!("is not ready: {error}"))),
            }
        }
    }

    /// Waits until background work has ended, going by processor time, but not for ever;
    /// gives when it had.
    pub(crate) fn wait_quiet(&self, patience: Duration) -> Result<Duration, Failure> {
        const LOOK: Duration = Duration::from_millis(100);
        /// Of one core: one tick of the kernel's count a look.
        const QUIET_SHARE: f64 = 0.1;
        let begin = Instant::now();
        let mut processor = self.processor_time()?;
        let mut quiet_since = None;
        while begin.elapsed() < patience {
            let look = Instant::now();
            std::thread::sleep(LOOK);
            let now = self.processor_time()?;
            let share = now.saturating_sub(processor).as_secs_f64() / look.elapsed().as_secs_f64();
            processor = now;
            match quiet_since {
                _ if share > QUIET_SHARE => quiet_since = None,
                None => quiet_since = Some(look),
                Some(since) if since.elapsed() >= 3 * LOOK => {
                    return Ok(since.duration_since(begin));
                }
                Some(_) => {}
            }
        }
        Ok(begin.elapsed())
    }

    /// Resident memory, in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64, Failure> {
        process::resident_bytes(self.child.id())
    }

    /// The most resident memory since the last [`Self::forget_peak`], in bytes.
    pub(crate) fn peak_bytes(&self) -> Result<u64, Failure> {
        process::peak_bytes(self.child.id())
    }

    /// Begins to look for the most resident memory anew.
    pub(crate) fn forget_peak(&self) -> Result<(), Failure> {
        process::forget_peak(self.child.id())
    }

    /// Processor time used so far.
    pub(crate) fn processor_time(&self) -> Result<Duration, Failure> {
        process::processor_time(self.child.id())
    }

    /// The journal's counters.
    pub(crate) fn journal(&self) -> Result<Option<Journal>, Failure> {
        Journal::read(self.address)
            .map_err(|error| self.died(&format!("does not answer /metrics: {error}")))
    }

    /// Has the server write its snapshot.
    pub(crate) fn checkpoint(&self) -> Result<(), Failure> {
        let answer = client::call(self.address, "POST", "/admin/checkpoint")
            .map_err(|error| self.died(&format!("does not make a checkpoint: {error}")))?;
        if (200..300).contains(&answer.status) {
            return Ok(());
        }
        Err(Failure::Answer(format!("/admin/checkpoint: {}: {}", answer.status, answer.body)))
    }

    /// Kills the server without a warning, as a failing machine would.
    pub(crate) fn kill(mut self) -> Result<(), Failure> {
        self.child.kill().map_err(Failure::system("killing the server"))?;
        self.child.wait().map_err(Failure::system("waiting for the server's end"))?;
        Ok(())
    }

    /// Stops the server in order; gives the time it took.
    pub(crate) fn stop(mut self) -> Result<Duration, Failure> {
        let begin = Instant::now();
        let asked = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .map_err(Failure::system("running kill"))?;
        if !asked.success() {
            return Err(self.died("was gone before it was stopped"));
        }
        while begin.elapsed() < STOP_PATIENCE {
            let ended = self.child.try_wait();
            match ended.map_err(Failure::system("waiting for the server's end"))? {
                Some(status) if status.success() => return Ok(begin.elapsed()),
                Some(status) => return Err(self.died(&format!("ended with {status}"))),
                None => std::thread::sleep(POLL),
            }
        }
        Err(self.died("did not stop on SIGTERM"))
    }

    fn died(&self, what: &str) -> Failure {
        let lines = self.log.lock().map(|log| Vec::from(log.clone()).join("\n  "));
        let lines = lines.unwrap_or_default();
        Failure::Server(format!("the server {what}; its last lines:\n  {lines}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when it has ended already, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
        interrupt::process_ended(self.child.id());
    }
}

/// Reads a stream to its end on a thread of its own, and tells of the address once it is named.
fn drain(stream: impl Read + Send + 'static, log: Log, mut said: Option<Sender<SocketAddr>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if let Some(sender) = said.take() {
                match address_in(&line) {
                    // Nobody listens any more only after giving up on this server.
                    Some(address) => drop(sender.send(address)),
                    None => said = Some(sender),
                }
            }
            if let Ok(mut log) = log.lock() {
                if log.len() == LOG_LINES {
                    log.pop_front();
                }
                log.push_back(line);
            }
        }
    });
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(LISTENING)?;
    let end = rest.find(
        |character: char| !matches!(character, '0'..='9' | '.' | ':' | '[' | ']' | 'a'..='f'),
    );
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_any_log_format() {
        let expected = Some(SocketAddr::from(([127, 0, 0, 1], 8080)));
        for line in [
            "listening on http://127.0.0.1:8080",
            "2026-01-01T00:00:00Z INFO listening on http://127.0.0.1:8080 workers=2",
            "{\"message\":\"listening on http://127.0.0.1:8080\"}",
            "listening on http://127.0.0.1:8080\u{1b}[0m",
        ] {
            assert_eq!(address_in(line), expected, "{line}");
        }
        assert_eq!(address_in("listening soon"), None);
    }
}
