//! The third parties as a process of their own: `bursar sandbox`.
//!
//! It lives on when the server is killed, so both sides of every call can be compared afterwards.
//! What is asserted about it is the contract of the third parties and nothing else. What they did
//! for one saga is found by their keys, which begin with its id.

use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::bank::minor;
use crate::harness::{BURSAR, Launch, Server, eventually};
use crate::http::{Client, Request};

/// An address of mail at which nobody listens: no test can be given this port.
pub(crate) const NO_MAIL: &str = "smtp://127.0.0.1:1";

/// Running third parties.
pub(crate) struct Parties {
    child: Child,
    http: SocketAddr,
    smtp: SocketAddr,
}

/// What was done for one saga.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Work {
    /// How many pulls succeeded.
    pub(crate) pulls: usize,
    /// How many refunds succeeded.
    pub(crate) refunds: usize,
    /// What was pulled and not given back, in hundredths.
    pub(crate) net: i128,
    /// How many documents were made and not voided.
    pub(crate) documents: usize,
}

impl Work {
    /// Pulled once, and kept, with documents.
    pub(crate) fn kept(amount: i128) -> Self {
        Self { pulls: 1, refunds: 0, net: amount, documents: 1 }
    }

    /// Pulled once and given back once.
    pub(crate) fn given_back() -> Self {
        Self { pulls: 1, refunds: 1, net: 0, documents: 0 }
    }
}

fn address(line: &str, scheme: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(scheme)?;
    let end = rest.find(|c: char| !(c.is_ascii_hexdigit() || ".:[]".contains(c)));
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

fn find(scheme: &str, lines: &mut Lines<BufReader<ChildStdout>>) -> SocketAddr {
    let found = lines.map_while(Result::ok).find_map(|line| address(&line, scheme));
    found.unwrap_or_else(|| panic!("the sandbox never said its {scheme}"))
}

impl Parties {
    /// Starts them; each of their answers takes so long.
    pub(crate) fn start(latency_ms: u32) -> Self {
        let mut child = Command::new(BURSAR)
            .args(["sandbox", "--listen", "127.0.0.1:0", "--seed", "7"])
            .args(["--latency-ms", &latency_ms.to_string()])
            .env("BURSAR__SANDBOX__LATENCY_JITTER_MS", "3")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary can be run");
        let pipe = child.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(pipe).lines();
        let http = find("listening on http://", &mut lines);
        let smtp = find("smtp://", &mut lines);
        // Drained to its end, so that it never waits for a full pipe.
        thread::spawn(move || lines.count());
        Self { child, http, smtp }
    }

    /// Starts them, and a server that calls them.
    pub(crate) fn with_server() -> (Self, Server) {
        let parties = Self::start(0);
        let server = Server::start_with(parties.launch());
        (parties, server)
    }

    /// How a server that calls them is started.
    pub(crate) fn launch(&self) -> Launch {
        let http = format!("http://{}", self.http);
        let launch = Launch { outside: true, ..Launch::default() };
        launch
            .and("BURSAR__PROCESSOR__URL", &http)
            .and("BURSAR__DOCUMENTS__URL", &http)
            .and("BURSAR__MAIL__URL", &format!("smtp://{}", self.smtp))
            .and("BURSAR__PROCESSOR__TIMEOUT_MS", "1000")
            .and("BURSAR__DOCUMENTS__TIMEOUT_MS", "1000")
            .and("BURSAR__MAIL__TIMEOUT_MS", "2000")
            .and("BURSAR__SAGAS__LADDER_MS", "20,50,100,200,400")
            .and("BURSAR__SAGAS__SETTLE_MS", "300")
    }

    /// A new client of them.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.http)
    }

    /// Orders a fault.
    pub(crate) fn fault(&self, fault: &Value) {
        let answer = self.client().send(&Request::post("/sandbox/faults", fault));
        assert_eq!(answer.status / 100, 2, "{}", answer.text());
    }

    /// Ends all faults.
    pub(crate) fn heal(&self) {
        let answer = self.client().send(&Request::new("DELETE", "/sandbox/faults"));
        assert_eq!(answer.status / 100, 2, "{}", answer.text());
    }

    /// Waits until the faults with a count have all struck.
    pub(crate) fn wait_struck(&self) {
        eventually("the faults have struck", || {
            let faults = self.client().get("/sandbox/faults").expect(200);
            (faults["items"].as_array().expect("a list has items").is_empty()).then_some(())
        });
    }

    /// What they booked and made.
    pub(crate) fn ledger(&self) -> Value {
        self.client().get("/sandbox/ledger").expect(200)
    }

    /// What they did for one saga.
    pub(crate) fn work(&self, saga: &str) -> Work {
        let ledger = self.ledger();
        let prefix = format!("{saga}/");
        let ours = |item: &&Value| item["key"].as_str().is_some_and(|k| k.starts_with(&prefix));
        let mut work = Work::default();
        let items = ledger["items"].as_array().expect("a ledger has items");
        for item in items.iter().filter(ours).filter(|item| item["status"] == "succeeded") {
            if item["kind"] == "pull" {
                work.pulls += 1;
                work.net += minor(&item["amount"]);
            } else {
                assert_eq!(item["kind"], "refund", "{item}");
                work.refunds += 1;
                work.net -= minor(&item["amount"]);
            }
        }
        let documents = ledger["documents"].as_array().expect("a ledger has documents");
        work.documents =
            documents.iter().filter(ours).filter(|made| made["status"] == "made").count();
        work
    }

    /// The mails they took.
    pub(crate) fn mails(&self) -> Vec<Value> {
        let mails = self.client().get("/sandbox/mail").expect(200);
        mails["items"].as_array().expect("a list has items").clone()
    }
}

impl Drop for Parties {
    fn drop(&mut self) {
        // It may have ended already; either way nothing is left behind.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
