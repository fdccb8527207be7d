//! Starts, kills, stops and restarts the real binary.
//!
//! A [`Server`] owns its process and shares its data directory: after [`Server::kill`] (SIGKILL)
//! or [`Server::stop`] (SIGTERM) a [`Server::restart`] goes on in the same directory, at another
//! port. What the process prints is drained by threads, so that it can never block on a full
//! pipe, and stands in the message of a test that fails.
//!
//! Nothing here sleeps to synchronise: readiness is a line on standard output, the rest is
//! [`eventually`].

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::http::Client;

/// The binary under test.
pub(crate) const BURSAR: &str = env!("CARGO_BIN_EXE_bursar");

/// How long anything may take that has to happen.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Launch {
    /// Set in its environment.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// The largest file that it may write, in KiB, as a disk that is full.
    pub(crate) file_limit_kib: Option<u64>,
    /// Third parties of their own process, instead of those inside.
    pub(crate) outside: bool,
}

impl Launch {
    /// With one variable in the environment.
    pub(crate) fn with(name: &'static str, value: &str) -> Self {
        Self { environment: vec![(name, value.to_owned())], ..Self::default() }
    }

    /// With one more variable in the environment.
    pub(crate) fn and(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    fn command(&self, data: &Path) -> Command {
        let mut command = match self.file_limit_kib {
            None => Command::new(BURSAR),
            Some(limit) => {
                let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" \"$@\"");
                let mut bash = Command::new("bash");
                bash.args(["-c", &script, BURSAR]);
                bash
            }
        };
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        if !self.outside {
            command.arg("--sandbox");
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// What a process printed, so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<String>>);

impl Log {
    /// The text so far.
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn push(&self, line: &str) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(line);
        text.push('\n');
    }

    /// Drains a pipe to its end in a thread, and tells where the server listens.
    fn drain(
        &self,
        pipe: impl Read + Send + 'static,
        address: Option<Sender<SocketAddr>>,
    ) -> JoinHandle<()> {
        let log = self.clone();
        thread::spawn(move || {
            let mut address = address;
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line);
                log.push(&line);
                if let Some(found) = listening(&line)
                    && let Some(sender) = address.take()
                {
                    sender.send(found).expect("the harness waits for the address");
                }
            }
        })
    }
}

fn listening(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("listening on http://")?;
    let end = rest.find(|c: char| !(c.is_ascii_hexdigit() || ".:[]".contains(c)));
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

/// A process that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    /// What it printed to standard output.
    pub(crate) stdout: String,
    /// What it printed to standard error.
    pub(crate) stderr: String,
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    data: Arc<TempDir>,
    launch: Launch,
    stdout: Log,
    stderr: Log,
}

impl Server {
    /// A fresh server.
    pub(crate) fn start() -> Self {
        Self::start_with(Launch::default())
    }

    /// A fresh server, started so.
    pub(crate) fn start_with(launch: Launch) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory can be made");
        Self::start_in(Arc::new(data), launch).expect("a server starts in a fresh directory")
    }

    /// A server in this directory; or how the process ended, if it did not come to listen.
    pub(crate) fn start_in(data: Arc<TempDir>, launch: Launch) -> Result<Self, Ended> {
        let directory = data.path().join("data");
        let mut child = launch.command(&directory).spawn().expect("the binary can be run");
        let (stdout, stderr) = (Log::default(), Log::default());
        let (sender, receiver) = mpsc::channel();
        let pipes = (
            stdout.drain(child.stdout.take().expect("it is piped"), Some(sender)),
            stderr.drain(child.stderr.take().expect("it is piped"), None),
        );
        match receiver.recv_timeout(DEADLINE) {
            Ok(address) => Ok(Self { child, address, data, launch, stdout, stderr }),
            Err(RecvTimeoutError::Timeout) => {
                child.kill().expect("an own child can be killed");
                panic!("the server never listened: {}{}", stdout.text(), stderr.text());
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = wait(&mut child);
                pipes.0.join().expect("a drain does not panic");
                pipes.1.join().expect("a drain does not panic");
                let (stdout, stderr) = (stdout.text(), stderr.text());
                Err(Ended { code: status, stdout, stderr })
            }
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address for people and other programs.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A new client of it.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.data.path().join("data")
    }

    /// The directory around its data directory, which lives as long as someone holds it.
    pub(crate) fn home(&self) -> Arc<TempDir> {
        Arc::clone(&self.data)
    }

    /// What it printed, for messages.
    pub(crate) fn log(&self) -> String {
        format!("{}{}", self.stdout.text(), self.stderr.text())
    }

    /// Ends it at once: SIGKILL. It must not have ended by itself.
    pub(crate) fn kill(&mut self) {
        let ended = self.child.try_wait().expect("an own child can be asked");
        assert_eq!(ended, None, "it has ended by itself: {}", self.log());
        self.child.kill().expect("an own child can be killed");
        self.child.wait().expect("an own child can be waited for");
    }

    /// Ends it in order: SIGTERM; returns its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let process = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &process]).status();
        assert!(sent.expect("kill can be run").success(), "no such process: {}", self.log());
        self.wait()
    }

    /// Waits for it to end by itself; returns its exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        wait(&mut self.child)
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("an own child can be asked").is_none()
    }

    /// Starts it again in its directory, once it has ended.
    pub(crate) fn restart(&mut self) {
        assert!(!self.is_running(), "a server is restarted after it ended");
        let again = Self::start_in(Arc::clone(&self.data), self.launch.clone());
        *self = again.expect("a server starts again in its directory");
    }

    /// The same, started otherwise than before.
    pub(crate) fn restart_with(&mut self, launch: Launch) {
        self.launch = launch;
        self.restart();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; either way nothing is left behind.
        drop(self.child.kill());
        drop(self.child.wait());
        if thread::panicking() {
            eprintln!("the server printed:\n{}", self.log());
        } else {
            assert!(!self.log().contains("panicked at"), "the server printed:\n{}", self.log());
        }
    }
}

fn wait(child: &mut Child) -> Option<i32> {
    eventually("the process ends", || child.try_wait().expect("an own child can be asked")).code()
}

/// Runs the binary with these arguments to its end.
pub(crate) fn bursar(arguments: &[&str]) -> Ended {
    let output = Command::new(BURSAR).args(arguments).stdin(Stdio::null()).output();
    let output = output.expect("the binary can be run");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Asks until there is an answer; fails the test when there is none in time.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < DEADLINE, "this did not happen in time: {what}");
        thread::park_timeout(Duration::from_millis(2));
    }
}

/// A small random generator with a fixed seed (xorshift64), so that a failure can be repeated.
pub(crate) struct Random(u64);

impl Random {
    /// A generator; the seed must not be 0.
    pub(crate) fn new(seed: u64) -> Self {
        assert_ne!(seed, 0, "xorshift stays at 0");
        Self(seed)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}
