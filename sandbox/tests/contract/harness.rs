//! A sandbox and its client.
//!
//! A [`Bench`] is one sandbox in this process, on free ports, and an HTTP client for it. Calls give
//! an [`Answer`], whatever its status; that no answer came is an error of the client. A clock that
//! the test sets ([`Hand`]) stands in for time wherever a result depends on it. Files of sandboxes
//! are in a folder of the test's own ([`Scratch`]), which is gone with it.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use bursar_domain::time::Timestamp;
use bursar_sandbox::{Clock, Rate, Running, Sandbox, Settings};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A sandbox and its client.
pub(crate) struct Bench {
    running: Running,
    client: Client,
    url: String,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("visible"))
    }

    /// The status and the code of a problem.
    pub(crate) fn problem(&self) -> (u16, String) {
        let body = self.json();
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(body["status"], self.status);
        for field in ["type", "title", "detail"] {
            assert!(body[field].is_string(), "{field} of {body}");
        }
        (self.status, body["code"].as_str().expect("a code").to_owned())
    }
}

impl Bench {
    pub(crate) fn start() -> Self {
        Self::start_with(Settings::default())
    }

    pub(crate) fn start_with(settings: Settings) -> Self {
        let running = Sandbox::start(settings).expect("it listens on free ports");
        let url = running.url();
        Self { running, client: Client::new(), url }
    }

    /// The same sandbox by way of another server.
    pub(crate) fn through(self, url: String) -> Self {
        Self { url, ..self }
    }

    pub(crate) fn running(&self) -> &Running {
        &self.running
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }

    /// Sends a call; the error is that no answer came.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<String>,
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, text: response.text().await? })
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.try_post(path, key, body).await.expect("an answer")
    }

    pub(crate) async fn try_post(
        &self,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Result<Answer, reqwest::Error> {
        self.send(Method::POST, path, Some(key), Some(body.to_string())).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, None).await.expect("an answer")
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None, None).await.expect("an answer")
    }

    /// Orders a fault.
    pub(crate) async fn fault(&self, fault: Value) -> Answer {
        let body = Some(fault.to_string());
        self.send(Method::POST, "/sandbox/faults", None, body).await.expect("an answer")
    }

    /// Orders a fault that is taken.
    pub(crate) async fn ordered(&self, fault: Value) {
        let answer = self.fault(fault).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }

    pub(crate) async fn ledger(&self) -> Value {
        self.get("/sandbox/ledger").await.json()
    }

    /// What the ledger has under this key, if anything.
    pub(crate) async fn booked(&self, key: &str) -> Option<Value> {
        let ledger = self.ledger().await;
        let items = ledger["items"].as_array().expect("a list").clone();
        let mut found: Vec<_> = items.into_iter().filter(|item| item["key"] == key).collect();
        assert!(found.len() <= 1, "{key} was booked {} times", found.len());
        found.pop()
    }

    /// Pulls money.
    pub(crate) async fn pull(&self, key: &str, amount: &str) -> Answer {
        self.post(TRANSACTIONS, key, &transaction("pull", "alice", amount)).await
    }

    /// Sends a request by hand and reads to the end of the connection.
    pub(crate) async fn raw(&self, request: &str) -> Vec<u8> {
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an orderly end");
        answer
    }
}

/// Where transactions are posted.
pub(crate) const TRANSACTIONS: &str = "/processor/transactions";

/// A transaction in euro.
pub(crate) fn transaction(direction: &str, account: &str, amount: &str) -> Value {
    json!({
        "direction": direction, "account": account, "amount": amount, "currency": "EUR",
        "reference": "for a test",
    })
}

/// The address of a transaction's refunds.
pub(crate) fn refund_of(transaction: &Answer) -> String {
    format!("{TRANSACTIONS}/{}/refund", transaction.json()["id"].as_str().expect("an id"))
}

/// A limit.
pub(crate) fn rate(per_second: u32, burst: u32) -> Rate {
    let number = |number| NonZeroU32::new(number).expect("not zero");
    Rate { per_second: number(per_second), burst: number(burst) }
}

/// A clock that a test sets.
#[derive(Clone, Default)]
pub(crate) struct Hand(Arc<AtomicI64>);

impl Hand {
    pub(crate) fn clock(&self) -> Clock {
        let millis = Arc::clone(&self.0);
        Clock::new(move || {
            Timestamp::from_millis(millis.load(Ordering::SeqCst)).expect("an instant")
        })
    }

    pub(crate) fn set(&self, millis: i64) {
        self.0.store(millis, Ordering::SeqCst);
    }
}

/// A folder of the test's own.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("sandbox-{}-{count}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What is left of a sandbox's file when its process is killed now: what was written so far.
    pub(crate) fn killed(&self, file: &Path, name: &str) -> PathBuf {
        let copy = self.path(name);
        std::fs::copy(file, &copy).expect("copied");
        copy
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
