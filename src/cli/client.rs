//! The calls that commands make to a running server, with patience.
//!
//! A call that got no whole answer (refused or broken connection, timeout, 5xx) is made again as
//! it was. That is safe because what is read changes nothing and what is written carries its key.
//! A server that says when to come back (`Retry-After`) is alive and waited for much longer than
//! one that is silent ([`Patience`]).
//!
//! Invariant: no call waits longer than its patience, so a command always comes to an end.

use std::array;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// The pauses between attempts when the server does not say when, in milliseconds: five seconds
/// in all.
const PAUSES_MS: [u64; 6] = [100, 200, 400, 800, 1500, 2000];

/// The shortest pause, also when the server says "at once".
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// The longest pause, also when the server asks for a longer one.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// How long one call follows what the server asks for, all its pauses together.
const WAIT_MAX: Duration = Duration::from_mins(5);

/// How long the connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long one call may take, its whole answer included.
const CALL_TIMEOUT: Duration = Duration::from_mins(1);

/// Why a command cannot go on.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// No answer, several times.
    #[error("{url} does not answer: {last}\nStart the server and run the same command again")]
    Unreachable {
        /// Where.
        url: Url,
        /// What the last attempt met.
        last: String,
    },
    /// An answer that no further attempt will change.
    #[error("{0}")]
    Answer(String),
}

/// Why one attempt failed.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// The next may succeed.
    Again {
        /// What this one met.
        what: String,
        /// How long the server asked to wait.
        after: Option<Duration>,
    },
    /// No other will.
    Final(String),
}

impl Attempt {
    /// The next may succeed; the server did not say when.
    pub(crate) fn again(what: String) -> Self {
        Self::Again { what, after: None }
    }
}

/// Why the server refused, in its own words.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(crate) struct Problem {
    /// The stable code.
    pub(crate) code: String,
    /// The reason for people.
    pub(crate) detail: String,
}

/// A whole answer that another attempt would not change.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The status: 2xx, 3xx, or 4xx but 429.
    pub(crate) status: StatusCode,
    /// Whether it was answered from its key.
    pub(crate) is_replay: bool,
    /// The body.
    pub(crate) text: String,
}

impl Answer {
    /// Why it was refused; `None` when the body does not say.
    pub(crate) fn problem(&self) -> Option<Problem> {
        serde_json::from_str(&self.text).ok()
    }

    /// The body of an answer that must be good.
    pub(crate) fn good(self) -> Result<String, Attempt> {
        if self.status.is_success() {
            return Ok(self.text);
        }
        Err(Attempt::Final(said(self.status, &self.text)))
    }

    /// The body as a document; `what` names it in the message when it cannot be read.
    pub(crate) fn read<T: DeserializeOwned>(self, what: &str) -> Result<T, Attempt> {
        let text = self.good()?;
        serde_json::from_str(&text).map_err(|error| {
            Attempt::Final(format!("answered {what} that cannot be read: {error}"))
        })
    }
}

/// How long to wait before the next attempt of one call.
#[derive(Debug)]
struct Patience {
    pauses: array::IntoIter<u64, 6>,
    left: Duration,
}

impl Patience {
    fn new() -> Self {
        Self { pauses: PAUSES_MS.into_iter(), left: WAIT_MAX }
    }

    /// The next pause; `None` when patience is at its end. Who says when is alive, so the short
    /// pauses of a silence begin anew.
    fn pause(&mut self, told: Option<Duration>) -> Option<Duration> {
        let Some(told) = told else {
            return self.pauses.next().map(Duration::from_millis);
        };
        let pause = told.clamp(PAUSE_MIN, PAUSE_MAX);
        self.left = self.left.checked_sub(pause)?;
        self.pauses = PAUSES_MS.into_iter();
        Some(pause)
    }
}

/// A client of one server.
pub(crate) struct Client {
    http: reqwest::Client,
    url: Url,
}

impl Client {
    /// A client of the server at `url`.
    pub(crate) fn new(url: &Url) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .build()
            .map_err(|error| Failure::Answer(format!("no client can be made: {error}")))?;
        Ok(Self { http, url: url.clone() })
    }

    /// A request to read what is at a path.
    pub(crate) fn get(&self, path: &str) -> Result<RequestBuilder, Attempt> {
        Ok(self.http.get(self.address(path)?))
    }

    /// The same with a query.
    pub(crate) fn get_with(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<RequestBuilder, Attempt> {
        let mut address = self.address(path)?;
        address.query_pairs_mut().extend_pairs(query);
        Ok(self.http.get(address))
    }

    /// A request to write to a path.
    pub(crate) fn post(&self, path: &str) -> Result<RequestBuilder, Attempt> {
        Ok(self.http.post(self.address(path)?))
    }

    /// Makes a call until it comes to something definite.
    pub(crate) async fn patiently<T>(
        &self,
        call: impl AsyncFn() -> Result<T, Attempt>,
    ) -> Result<T, Failure> {
        let mut patience = Patience::new();
        loop {
            let (last, told) = match call().await {
                Ok(value) => return Ok(value),
                Err(Attempt::Final(what)) => {
                    return Err(Failure::Answer(format!("{}: {what}", self.url)));
                }
                Err(Attempt::Again { what, after }) => (what, after),
            };
            let Some(pause) = patience.pause(told) else {
                return Err(Failure::Unreachable { url: self.url.clone(), last });
            };
            tokio::time::sleep(pause).await;
        }
    }

    fn address(&self, path: &str) -> Result<Url, Attempt> {
        self.url.join(path).map_err(|error| Attempt::Final(format!("{path}: {error}")))
    }
}

/// The address of a server, from an option.
pub(crate) fn server_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match url.scheme() {
        "http" => Ok(url),
        scheme => Err(format!("write http://HOST:PORT; {scheme} is not spoken here")),
    }
}

/// Sends a request once.
pub(crate) async fn send(request: RequestBuilder) -> Result<Answer, Attempt> {
    let response = request.send().await.map_err(broken)?;
    let status = response.status();
    let after = retry_after(response.headers());
    let is_replay = response.headers().get("idempotency-replayed").is_some_and(|v| v == "true");
    let text = response.text().await.map_err(broken)?;
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(Attempt::Again { what: said(status, &text), after });
    }
    Ok(Answer { status, is_replay, text })
}

/// Sends a request once, and leaves the body of a good answer to whoever reads it.
pub(crate) async fn open(request: RequestBuilder) -> Result<Response, Attempt> {
    let response = request.send().await.map_err(broken)?;
    let (status, after) = (response.status(), retry_after(response.headers()));
    if status.is_success() {
        return Ok(response);
    }
    let what = said(status, &response.text().await.map_err(broken)?);
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(Attempt::Again { what, after });
    }
    Err(Attempt::Final(what))
}

/// How long the server asks to wait. A date is left aside: clocks differ, and the pauses of our
/// own are short.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// A connection that failed, with the reason under it: reqwest's own words leave it out.
fn broken(error: reqwest::Error) -> Attempt {
    Attempt::again(reason(&error))
}

/// The reason under an error.
pub(crate) fn reason(error: &reqwest::Error) -> String {
    let mut what = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        what = inner.to_string();
        source = inner.source();
    }
    what
}

fn said(status: StatusCode, text: &str) -> String {
    match serde_json::from_str::<Problem>(text) {
        Ok(problem) => format!("answered {status}: {} ({})", problem.detail, problem.code),
        Err(_) => format!("answered {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many pauses there are when the server always says the same, and how long they are.
    fn pauses(told: Option<Duration>) -> (usize, Duration) {
        let mut patience = Patience::new();
        let pauses: Vec<_> = std::iter::from_fn(|| patience.pause(told)).take(10_000).collect();
        (pauses.len(), pauses.iter().sum())
    }

    #[test]
    fn patience_ends_whatever_the_server_says() {
        assert_eq!(pauses(None), (PAUSES_MS.len(), Duration::from_secs(5)));
        assert_eq!(pauses(Some(Duration::from_secs(1))), (300, WAIT_MAX));
        assert_eq!(pauses(Some(Duration::ZERO)), (3000, WAIT_MAX));
        assert_eq!(pauses(Some(Duration::MAX)), (10, WAIT_MAX));
    }

    #[test]
    fn a_server_that_says_when_is_alive_again() {
        let mut patience = Patience::new();
        let silence = |patience: &mut Patience| std::iter::from_fn(|| patience.pause(None)).count();
        assert_eq!(silence(&mut patience), PAUSES_MS.len());
        assert_eq!(patience.pause(None), None);
        assert_eq!(patience.pause(Some(PAUSE_MIN)), Some(PAUSE_MIN));
        assert_eq!(silence(&mut patience), PAUSES_MS.len());
    }

    #[test]
    fn only_plain_http_is_a_server() {
        for (text, good) in [
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:80/", true),
            ("https://127.0.0.1:8080", false),
            ("127.0.0.1:8080", false),
            ("", false),
        ] {
            assert_eq!(server_url(text).is_ok(), good, "{text:?}");
        }
    }

    #[test]
    fn only_seconds_tell_when_to_come_back() {
        for (text, expected) in [
            (Some("3"), Some(3)),
            (Some("0"), Some(0)),
            (Some("-1"), None),
            (Some("Sat, 21 Nov 2026 06:00:00 GMT"), None),
            (None, None),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(text) = text {
                headers.insert(RETRY_AFTER, text.parse().expect("a header's value"));
            }
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{text:?}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let text = r#"{"type":"x","code":"advance-not-found","detail":"no such advance"}"#;
        let answer =
            |status, text: &str| Answer { status, is_replay: false, text: text.to_owned() };
        let words = |answer: Answer| match answer.good() {
            Ok(text) => text,
            Err(Attempt::Final(what) | Attempt::Again { what, .. }) => what,
        };
        assert_eq!(
            words(answer(StatusCode::NOT_FOUND, text)),
            "answered 404 Not Found: no such advance (advance-not-found)"
        );
        assert_eq!(words(answer(StatusCode::FOUND, "moved")), "answered 302 Found");
        assert_eq!(words(answer(StatusCode::OK, "fine")), "fine");
    }
}
