//! The server that the clients use, and its kills.
//!
//! A [`Site`] is killed and started again while clients go on: each [`Caller`] has a connection of
//! its own and sends a request, with its key, again and again until it is answered, wherever the
//! server is by then. How patient it is says its [`Patience`]: it may also walk away without
//! reading the answer, or give up when the connection breaks.
//!
//! Invariant: between a kill and the moment at which clients learn the new address, whoever
//! strikes may look first; so it is seen what is right after a restart, before anything is sent.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{DEADLINE, Launch, Server};
use crate::http::{Answer, connect, read_answer};

/// How long a caller rests before it tries again.
const REST: Duration = Duration::from_millis(2);

/// How long a caller waits for its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Patience {
    /// It asks until it is answered.
    Insists,
    /// It gives up when the connection breaks.
    UntilBroken,
    /// It sends, and does not wait.
    None,
}

/// An answer, and how often was asked for it.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) answer: Answer,
    pub(crate) attempts: usize,
}

/// A server and where it is.
pub(crate) struct Site {
    server: Mutex<Server>,
    address: Mutex<SocketAddr>,
    answered: AtomicUsize,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Site {
    /// A fresh server.
    pub(crate) fn start(launch: Launch) -> Self {
        let server = Server::start_with(launch);
        let address = Mutex::new(server.address());
        Self { server: Mutex::new(server), address, answered: AtomicUsize::new(0) }
    }

    /// A new caller of it.
    pub(crate) fn caller(&self) -> Caller<'_> {
        Caller { site: self, connection: None }
    }

    /// How many requests were answered.
    pub(crate) fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// Kills the server and starts it again. `look` sees it before the callers find it.
    pub(crate) fn strike(&self, look: impl FnOnce(&mut Caller<'_>)) {
        let mut server = held(&self.server);
        server.kill();
        server.restart();
        let connection = connect(server.address()).expect("it listens");
        look(&mut Caller { site: self, connection: Some(connection) });
        *held(&self.address) = server.address();
    }
}

/// A client of a site.
pub(crate) struct Caller<'a> {
    site: &'a Site,
    connection: Option<BufReader<TcpStream>>,
}

impl Caller<'_> {
    /// Sends a request. `None` when it gave up.
    pub(crate) fn ask(&mut self, request: &[u8], patience: Patience) -> Option<Heard> {
        let begun = Instant::now();
        let mut attempts = 0;
        loop {
            assert!(begun.elapsed() < DEADLINE, "never answered: {}", text(request));
            let Some(mut stream) = self.connection.take().or_else(|| self.connect()) else {
                thread::park_timeout(REST);
                continue;
            };
            attempts += 1;
            let sent = stream.get_mut().write_all(request);
            if patience == Patience::None {
                return None;
            }
            match sent.and_then(|()| read_answer(&mut stream)) {
                // Nothing was decided: as if it had not been asked.
                Ok(answer) if answer.status == 503 => self.connection = Some(stream),
                Ok(answer) => {
                    let closes = answer.header("connection").is_some_and(|value| value == "close");
                    self.connection = (!closes).then_some(stream);
                    self.site.answered.fetch_add(1, Ordering::Relaxed);
                    return Some(Heard { answer, attempts });
                }
                Err(_) if patience == Patience::UntilBroken => return None,
                Err(_) => thread::park_timeout(REST),
            }
        }
    }

    fn connect(&self) -> Option<BufReader<TcpStream>> {
        let address = *held(&self.site.address);
        connect(address).ok()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The bytes of a request.
pub(crate) fn request(
    method: &str,
    path: &str,
    key: Option<&str>,
    body: Option<&Value>,
) -> Vec<u8> {
    let body = body.map(Value::to_string);
    let mut lines = vec![format!("{method} {path} HTTP/1.1"), "Host: test".to_owned()];
    lines.extend(key.map(|key| format!("Idempotency-Key: {key}")));
    if let Some(body) = &body {
        lines.push("Content-Type: application/json".to_owned());
        lines.push(format!("Content-Length: {}", body.len()));
    }
    let body = body.unwrap_or_default();
    format!("{}\r\n\r\n{body}", lines.join("\r\n")).into_bytes()
}

/// The mark of a text: equal texts have equal marks.
pub(crate) fn mark(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// An amount such as `-12.30` in hundredths.
pub(crate) fn minor(text: &Value) -> i64 {
    let text = text.as_str().unwrap_or_else(|| panic!("an amount is a string: {text}"));
    let (whole, fraction) = text.split_once('.').unwrap_or_else(|| panic!("{text}"));
    assert_eq!(fraction.len(), 2, "{text}");
    format!("{whole}{fraction}").parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Hundredths as an amount.
pub(crate) fn major(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}
