//! A processor and maker of documents of the tests' own, over raw TCP, that misbehaves as ordered.
//!
//! The sandbox fails as real services are known to; this one does what only a script can: says
//! garbage, half an answer, holds calls until it is told to go on. It keeps to the contract
//! otherwise: each key does something once, and its first answer is its answer for ever. Every call
//! is remembered, so that a test can count what was asked beside what was done.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::{Value, json};

use crate::harness::{Launch, eventually};
use crate::http::{broken, read_headers, read_line};
use crate::parties::NO_MAIL;

/// Longer than any test holds a call, in milliseconds.
pub(crate) const PATIENCE_MS: &str = "600000";

/// What is asked of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Route {
    /// Take money.
    Pull,
    /// How a key stands.
    Find,
    /// Give money back.
    Refund,
    /// Make documents.
    Documents,
    /// Make documents void.
    Void,
}

/// How it takes a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Manner {
    /// As the contract says.
    Right,
    /// Says no, for this reason.
    Declines(&'static str),
    /// Holds the call until it is ordered otherwise, and goes on as is ordered then.
    Holds,
    /// Does nothing and never answers, until the caller leaves.
    Ignores,
    /// Does nothing, says these bytes and closes.
    Says(String),
    /// Does it, says these bytes and closes.
    DoesAndSays(String),
}

/// A call that came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// What was asked.
    pub(crate) route: Route,
    /// Under which key.
    pub(crate) key: String,
    path: String,
    body: Value,
}

#[derive(Default)]
struct State {
    manners: HashMap<Route, Manner>,
    of_account: HashMap<String, Manner>,
    asked: Vec<Asked>,
    /// By key, what was said first.
    done: BTreeMap<String, (Route, Value)>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    ordered: Condvar,
}

/// It, listening.
pub(crate) struct Stub {
    shared: Arc<Shared>,
    address: SocketAddr,
}

/// An answer of HTTP/1.1 with this body, framed as it should be.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\n\
         \r\n{body}",
        body.len()
    )
}

impl Stub {
    /// Starts it; it ends with the test's process.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&serving);
                // A caller that leaves in the middle ends its connection and nothing else.
                thread::spawn(move || drop(shared.converse(&stream)));
            }
        });
        Self { shared, address }
    }

    /// How a server is started that calls it, is patient with it, and writes to nobody.
    pub(crate) fn launch(&self) -> Launch {
        let launch = Launch { outside: true, ..Launch::default() };
        launch
            .and("BURSAR__PROCESSOR__URL", &self.url())
            .and("BURSAR__DOCUMENTS__URL", &self.url())
            .and("BURSAR__MAIL__URL", NO_MAIL)
            .and("BURSAR__PROCESSOR__TIMEOUT_MS", PATIENCE_MS)
            .and("BURSAR__DOCUMENTS__TIMEOUT_MS", PATIENCE_MS)
            .and("BURSAR__SAGAS__STEP_DEADLINE_MS", PATIENCE_MS)
            .and("BURSAR__SAGAS__LADDER_MS", "20,50,100,200,400")
            .and("BURSAR__SAGAS__SETTLE_MS", "300")
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on calls of this kind are taken so, those that are held too.
    pub(crate) fn order(&self, route: Route, manner: Manner) {
        self.shared.lock().manners.insert(route, manner);
        self.shared.ordered.notify_all();
    }

    /// From now on pulls from this account are taken so, whatever is ordered for pulls.
    pub(crate) fn order_account(&self, account: &str, manner: Manner) {
        self.shared.lock().of_account.insert(account.to_owned(), manner);
        self.shared.ordered.notify_all();
    }

    /// The calls of a kind that came, in order.
    pub(crate) fn asked(&self, route: Route) -> Vec<Asked> {
        let state = self.shared.lock();
        state.asked.iter().filter(|asked| asked.route == route).cloned().collect()
    }

    /// All calls that came, in order.
    pub(crate) fn all_asked(&self) -> Vec<Asked> {
        self.shared.lock().asked.clone()
    }

    /// The keys of the calls of a kind that came for this saga, in order.
    pub(crate) fn asked_for(&self, route: Route, saga: &str) -> Vec<String> {
        let ours = self.asked(route).into_iter().filter(|asked| asked.is_for(saga));
        ours.map(|asked| asked.key).collect()
    }

    /// How often something of a kind was done for this saga.
    pub(crate) fn done_for(&self, route: Route, saga: &str) -> usize {
        self.done(route).iter().filter(|key| is_of(key, saga)).count()
    }

    /// Waits until so many calls of a kind have come.
    pub(crate) fn wait_asked(&self, route: Route, count: usize) {
        eventually(&format!("{count} times {route:?}"), || {
            (self.asked(route).len() >= count).then_some(())
        });
    }

    /// The keys under which something of a kind was done.
    pub(crate) fn done(&self, route: Route) -> Vec<String> {
        let state = self.shared.lock();
        let done = state
            .done
            .iter()
            .filter(|(_, (done, said))| *done == route && said["status"] != "declined");
        done.map(|(key, _)| key.clone()).collect()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes calls until the line is closed by either side.
    fn converse(&self, stream: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut writer = stream;
        loop {
            let asked = read_call(&mut reader)?;
            self.lock().asked.push(asked.clone());
            match self.manner(&asked) {
                Manner::Right => writer.write_all(self.perform(&asked, None).as_bytes())?,
                Manner::Declines(code) => {
                    writer.write_all(self.perform(&asked, Some(code)).as_bytes())?;
                }
                Manner::Holds => unreachable!("it is held until it is ordered otherwise"),
                Manner::Ignores => return reader.read_to_end(&mut Vec::new()).map(drop),
                Manner::Says(bytes) => return writer.write_all(bytes.as_bytes()),
                Manner::DoesAndSays(bytes) => {
                    self.perform(&asked, None);
                    return writer.write_all(bytes.as_bytes());
                }
            }
        }
    }

    /// How a call is to be taken, once it is not held any more.
    fn manner(&self, asked: &Asked) -> Manner {
        let mut state = self.lock();
        loop {
            let account = asked.body["account"].as_str().unwrap_or_default();
            let ordered = state.of_account.get(account).or(state.manners.get(&asked.route));
            let manner = ordered.cloned().unwrap_or(Manner::Right);
            if manner != Manner::Holds {
                return manner;
            }
            state = self.ordered.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Does what is asked, unless its key has its answer, and says it as the contract does.
    fn perform(&self, asked: &Asked, declined: Option<&'static str>) -> String {
        let mut state = self.lock();
        let number = state.done.len();
        let (route, key) = (asked.route, asked.key.as_str());
        let first = |said: Value| (route, said);
        match route {
            Route::Find => {
                if let Some((_, said)) = state.done.get(asked.sought().as_str()) {
                    return answer("200 OK", "", &said.to_string());
                }
                let body = json!({"code": "transaction-not-found"}).to_string();
                answer("404 Not Found", "", &body)
            }
            Route::Pull | Route::Refund => {
                let (_, said) = state.done.entry(key.to_owned()).or_insert_with(|| {
                    let status = if declined.is_some() { "declined" } else { "succeeded" };
                    first(json!({"id": format!("stub_{number}"), "key": key, "status": status,
                        "code": declined}))
                });
                answer("200 OK", "", &said.to_string())
            }
            Route::Documents => {
                if let Some(code) = declined {
                    let body = json!({"code": code, "detail": "the stub says no"}).to_string();
                    return answer("422 Unprocessable Content", "", &body);
                }
                let (_, said) = state.done.entry(key.to_owned()).or_insert_with(|| {
                    let id = format!("doc_{number}");
                    first(json!({"url": format!("http://stub/{id}"), "id": id}))
                });
                answer("201 Created", "", &said.to_string())
            }
            Route::Void => {
                state.done.entry(key.to_owned()).or_insert_with(|| first(Value::Null));
                "HTTP/1.1 204 No Content\r\n\r\n".to_owned()
            }
        }
    }
}

/// Whether a key is of this saga: it begins with its id.
fn is_of(key: &str, saga: &str) -> bool {
    key.strip_prefix(saga).is_some_and(|rest| rest.starts_with('/'))
}

impl Asked {
    /// Whether it is asked for this saga.
    pub(crate) fn is_for(&self, saga: &str) -> bool {
        is_of(&self.key, saga)
    }

    /// The key that is asked after.
    fn sought(&self) -> String {
        let (_, sought) = self.path.split_once("?key=").expect("a question names a key");
        sought.replace("%2F", "/")
    }
}

fn read_call(reader: &mut BufReader<&TcpStream>) -> io::Result<Asked> {
    let line = read_line(reader)?;
    let mut words = line.split(' ');
    let (method, path) = words.next().zip(words.next()).ok_or_else(|| broken("no request"))?;
    let headers = read_headers(reader)?;
    let header = |name: &str| headers.iter().find(|(header, _)| header == name);
    let length = header("content-length").map_or(Ok(0), |(_, length)| length.parse());
    let mut body = vec![0; length.map_err(|_| broken("no length"))?];
    reader.read_exact(&mut body)?;
    let route = match method {
        "GET" => Route::Find,
        "DELETE" => Route::Void,
        _ if path.ends_with("/refund") => Route::Refund,
        _ if path.starts_with("/documents") => Route::Documents,
        _ => Route::Pull,
    };
    let (_, key) = header("idempotency-key").ok_or_else(|| broken("no key"))?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Ok(Asked { route, key: key.clone(), path: path.to_owned(), body })
}
