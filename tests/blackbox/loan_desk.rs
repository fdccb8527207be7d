//! A server of the tests' own that opens advances, over raw TCP, and misbehaves as ordered.
//!
//! For the commands that call a server: an overload, a lost answer or a sum that is off can be
//! ordered here and not there. It keeps to the contract otherwise: a key opens one advance, and
//! its repeat gives that one and says that it is a replay.

use std::collections::HashMap;
use std::io::{self, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::{Value, json};

use crate::http::{broken, read_headers, read_line};
use crate::stub::answer;

/// How the call that opens an advance is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Manner {
    /// 503, come back at once; nothing is done.
    Overloaded,
    /// 429, come back at once; nothing is done.
    Throttles,
    /// The connection is closed; nothing is done.
    Leaves,
    /// The connection is closed, but the advance is opened.
    OpensAndLeaves,
    /// 422 with this code.
    Refuses(&'static str),
    /// Opened, and the credit fails for this reason.
    Fails(&'static str),
}

struct Advance {
    key: String,
    document: Value,
    looks: u64,
    failure: Option<&'static str>,
}

struct State {
    advances: Vec<Advance>,
    once: HashMap<String, Manner>,
    always: HashMap<String, Manner>,
    asked: HashMap<String, u64>,
    credit_after: u64,
    page_length: usize,
    together: usize,
    arrived: usize,
    released: usize,
    under_way: usize,
    most_at_once: usize,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// It, listening.
pub(crate) struct Desk {
    shared: Arc<Shared>,
    address: SocketAddr,
}

impl Desk {
    /// Starts it; it ends with the test's process.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let state = State {
            advances: Vec::new(),
            once: HashMap::new(),
            always: HashMap::new(),
            asked: HashMap::new(),
            credit_after: 1,
            page_length: 500,
            together: 1,
            arrived: 0,
            released: 0,
            under_way: 0,
            most_at_once: 0,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
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

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next call with this key is taken so.
    pub(crate) fn order_once(&self, key: &str, manner: Manner) {
        self.shared.lock().once.insert(key.to_owned(), manner);
    }

    /// Every call with this key is taken so.
    pub(crate) fn order_always(&self, key: &str, manner: Manner) {
        self.shared.lock().always.insert(key.to_owned(), manner);
    }

    /// An advance is credited when it was looked at so often.
    pub(crate) fn credit_after(&self, looks: u64) {
        self.shared.lock().credit_after = looks;
    }

    /// So many advances go on a page at the most.
    pub(crate) fn page_length(&self, length: usize) {
        self.shared.lock().page_length = length;
    }

    /// Calls that open are held until so many are there, then answered together.
    pub(crate) fn hold_until_together(&self, count: usize) {
        self.shared.lock().together = count;
    }

    /// From now on less of an advance is outstanding, by so much.
    pub(crate) fn lose(&self, id: &str, amount: &str) {
        let mut state = self.shared.lock();
        let advance = state.advances.iter_mut().find(|advance| advance.document["id"] == id);
        let document = &mut advance.expect("it was opened").document;
        let left =
            crate::bank::minor(&document["outstanding"]) - crate::bank::minor(&amount.into());
        let left = u64::try_from(left).expect("less than all is lost");
        document["outstanding"] = crate::bank::major(left).into();
    }

    /// How many advances were opened.
    pub(crate) fn opened(&self) -> usize {
        self.shared.lock().advances.len()
    }

    /// How often it was asked to open the advance of this key.
    pub(crate) fn asked(&self, key: &str) -> u64 {
        self.shared.lock().asked.get(key).copied().unwrap_or_default()
    }

    /// How many calls that open were under way at once, at the most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.shared.lock().most_at_once
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
            let line = read_line(&mut reader)?;
            let mut words = line.split(' ');
            let (method, path) = words.next().zip(words.next()).ok_or_else(|| broken("what"))?;
            let headers = read_headers(&mut reader)?;
            let header = |name: &str| headers.iter().find(|(header, _)| header == name);
            let length = header("content-length").map_or(Ok(0), |(_, length)| length.parse());
            let mut body = vec![0; length.map_err(|_| broken("no length"))?];
            reader.read_exact(&mut body)?;
            let said = if method == "POST" {
                let (_, key) = header("idempotency-key").ok_or_else(|| broken("no key"))?;
                let body = serde_json::from_slice(&body).map_err(|_| broken("no JSON"))?;
                self.open(key, &body)
            } else {
                Some(self.read(path))
            };
            match said {
                Some(said) => writer.write_all(said.as_bytes())?,
                None => return Ok(()),
            }
        }
    }

    /// Takes a call that opens; `None` leaves it without an answer.
    fn open(&self, key: &str, body: &Value) -> Option<String> {
        let mut state = self.lock();
        *state.asked.entry(key.to_owned()).or_default() += 1;
        state.under_way += 1;
        state.most_at_once = state.most_at_once.max(state.under_way);
        state.arrived += 1;
        if state.arrived.is_multiple_of(state.together) {
            state.released = state.arrived;
            self.changed.notify_all();
        }
        let place = state.arrived;
        while state.released < place {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.under_way -= 1;
        let manner = state.once.remove(key).or_else(|| state.always.get(key).copied());
        let problem = |code: &str| json!({"code": code, "detail": "as ordered"}).to_string();
        let at_once = "Retry-After: 0\r\n";
        match manner {
            Some(Manner::Overloaded) => {
                Some(answer("503 Service Unavailable", at_once, &problem("overloaded")))
            }
            Some(Manner::Throttles) => {
                Some(answer("429 Too Many Requests", at_once, &problem("rate-limited")))
            }
            Some(Manner::Leaves) => None,
            Some(Manner::OpensAndLeaves) => {
                state.opened(key, body, None);
                None
            }
            Some(Manner::Refuses(code)) => {
                Some(answer("422 Unprocessable Content", "", &problem(code)))
            }
            Some(Manner::Fails(code)) => Some(state.opened(key, body, Some(code))),
            None => Some(state.opened(key, body, None)),
        }
    }

    fn read(&self, path: &str) -> String {
        let mut state = self.lock();
        if let Some(id) = path.strip_prefix("/v1/advances/") {
            return state.looked_at(id);
        }
        let (_, query) = path.split_once('?').unwrap_or((path, ""));
        let query: HashMap<_, _> = query.split('&').filter_map(|p| p.split_once('=')).collect();
        let start = query.get("cursor").map_or(0, |cursor| cursor.parse().expect("a number"));
        let length = state.page_length;
        let documents = state.advances.iter().map(|advance| &advance.document);
        let is_wanted =
            |document: &&Value| query.get("status").is_none_or(|s| document["status"] == *s);
        let page: Vec<_> = documents.skip(start).take(length).filter(is_wanted).collect();
        let next = start + length;
        let next_cursor = (next < state.advances.len()).then(|| next.to_string());
        answer("200 OK", "", &json!({"items": page, "next_cursor": next_cursor}).to_string())
    }
}

impl State {
    /// Opens an advance, unless its key has, and says it as the contract does.
    fn opened(&mut self, key: &str, body: &Value, failure: Option<&'static str>) -> String {
        let found = self.advances.iter().find(|advance| advance.key == key);
        if let Some(advance) = found {
            let replayed = "Idempotency-Replayed: true\r\n";
            return answer("202 Accepted", replayed, &advance.document.to_string());
        }
        let document = json!({"id": format!("adv_{}", Self::number(key)), "status": "pending",
            "account": body["account"], "amount": body["amount"], "currency": body["currency"],
            "plan": body["plan"], "collected": "0.00", "outstanding": "0.00",
            "written_off": "0.00"});
        let said = answer("202 Accepted", "", &document.to_string());
        self.advances.push(Advance { key: key.to_owned(), document, looks: 0, failure });
        said
    }

    /// The number of the loan: calls may come in any order, their numbers are told beforehand.
    fn number(key: &str) -> String {
        let (_, number) = key.split_once('-').expect("a key is loan-ID");
        number.to_owned()
    }

    fn looked_at(&mut self, id: &str) -> String {
        let after = self.credit_after;
        let Some(advance) = self.advances.iter_mut().find(|a| a.document["id"] == id) else {
            let body = json!({"code": "advance-not-found", "detail": "there is none"});
            return answer("404 Not Found", "", &body.to_string());
        };
        advance.looks += 1;
        let document = &mut advance.document;
        if let Some(code) = advance.failure {
            document["status"] = "failed".into();
            document["failure"] = json!({"code": code, "detail": "as ordered"});
        } else if advance.looks > after && document["status"] == "pending" {
            document["status"] = "active".into();
            document["outstanding"] = document["amount"].clone();
        }
        answer("200 OK", "", &document.to_string())
    }
}
