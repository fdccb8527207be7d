//! The calls to the server, with patience.
//!
//! A call that got no whole answer (refused connection, broken connection, timeout, 5xx) is made
//! again as it was. That is safe because every line carries its key: what was decided is
//! answered from the key, the rest is decided now. After a few seconds of this the import gives
//! up, and the same command, run again, goes on where it stopped.
//!
//! Invariant: [`Client::batch`] returns exactly one answer a line, in the order of the lines.

use std::time::Duration;

use bursar_domain::currency::Currency;
use bursar_domain::money::Amount;
use reqwest::{Response, StatusCode, Url};
use serde::Deserialize;
use thiserror::Error;

use super::plan::Order;
use super::statement::signed_amount;

/// The pauses between attempts, in milliseconds: five seconds in all.
const PAUSES_MS: [u64; 6] = [100, 200, 400, 800, 1500, 2000];

/// How long the connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long one call may take, its whole answer included.
const CALL_TIMEOUT: Duration = Duration::from_mins(1);

/// Why the import cannot go on.
#[derive(Debug, Error)]
pub(super) enum Failure {
    /// No answer, several times.
    #[error(
        "{url} does not answer: {last}\nStart the server and run the same command again: it goes \
         on where this one stopped, and nothing is booked twice."
    )]
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
enum Attempt {
    /// The next may succeed.
    Again(String),
    /// No other will.
    Final(String),
}

/// The server's answer to one line of a call.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct Answer {
    /// Which line, from 0.
    index: usize,
    /// The HTTP status that the line alone would have got.
    pub(super) status: u16,
    /// Whether it was answered from its key.
    #[serde(default)]
    pub(super) replayed: bool,
    /// Why it was refused.
    #[serde(default)]
    pub(super) code: Option<String>,
    /// The same for people.
    #[serde(default)]
    pub(super) detail: Option<String>,
}

impl Answer {
    /// Whether the line was done.
    pub(super) fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

#[derive(Deserialize)]
struct Wallet {
    balance: Balance,
}

#[derive(Deserialize)]
struct Balance {
    posted: String,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
    detail: String,
}

/// A client of one server.
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
}

impl Client {
    /// A client of the server at `url`.
    pub(super) fn new(url: &Url) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .build()
            .map_err(|error| Failure::Answer(format!("no client can be made: {error}")))?;
        Ok(Self { http, url: url.clone() })
    }

    /// Sends the orders as one batch: an answer each, in order.
    pub(super) async fn batch(&self, orders: &[Order]) -> Result<Vec<Answer>, Failure> {
        let mut body = String::with_capacity(orders.iter().map(|o| o.body.len() + 1).sum());
        for order in orders {
            body.push_str(&order.body);
            body.push('\n');
        }
        self.patiently(async || {
            let url = self.address("/v1/batch")?;
            let request = self.http.post(url).header("Content-Type", "application/x-ndjson");
            let response = request.body(body.clone()).send().await.map_err(broken)?;
            let text = whole(response).await?;
            answers(&text, orders.len())
        })
        .await
    }

    /// The posted balance of a wallet; `None` when there is no such wallet.
    pub(super) async fn balance(
        &self,
        wallet: &str,
        currency: Currency,
    ) -> Result<Option<Amount>, Failure> {
        self.patiently(async || {
            let url = self.address(&format!("/v1/wallets/{wallet}"))?;
            let response = self.http.get(url).send().await.map_err(broken)?;
            if response.status() == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            let text = whole(response).await?;
            posted(&text, currency).map(Some)
        })
        .await
    }

    fn address(&self, path: &str) -> Result<Url, Attempt> {
        self.url.join(path).map_err(|error| Attempt::Final(format!("{path}: {error}")))
    }

    async fn patiently<T>(&self, call: impl AsyncFn() -> Result<T, Attempt>) -> Result<T, Failure> {
        let mut pauses = PAUSES_MS.into_iter();
        loop {
            let last = match call().await {
                Ok(value) => return Ok(value),
                Err(Attempt::Final(what)) => {
                    return Err(Failure::Answer(format!("{}: {what}", self.url)));
                }
                Err(Attempt::Again(what)) => what,
            };
            let Some(pause) = pauses.next() else {
                return Err(Failure::Unreachable { url: self.url.clone(), last });
            };
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }
}

/// A connection that failed, with the reason under it: reqwest's own words leave it out.
fn broken(error: reqwest::Error) -> Attempt {
    let mut what = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        what = inner.to_string();
        source = inner.source();
    }
    Attempt::Again(what)
}

/// The whole text of a good answer.
async fn whole(response: Response) -> Result<String, Attempt> {
    let status = response.status();
    let text = response.text().await.map_err(broken)?;
    if status.is_success() {
        return Ok(text);
    }
    let what = match serde_json::from_str::<Problem>(&text) {
        Ok(problem) => format!("answered {status}: {} ({})", problem.detail, problem.code),
        Err(_) => format!("answered {status}"),
    };
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        Err(Attempt::Again(what))
    } else {
        Err(Attempt::Final(what))
    }
}

/// The answers of a batch of `length` lines.
fn answers(text: &str, length: usize) -> Result<Vec<Answer>, Attempt> {
    let mut answers = Vec::with_capacity(length);
    for line in text.lines().filter(|line| !line.is_empty()) {
        let answer: Answer = serde_json::from_str(line)
            .map_err(|error| Attempt::Final(format!("answered {line:?}: {error}")))?;
        if answer.index != answers.len() {
            return Err(Attempt::Final("answered the lines of a batch out of order".to_owned()));
        }
        // Not decided, only turned away for now: the whole call again.
        if answer.status >= 500 {
            let what = answer.detail.unwrap_or_default();
            return Err(Attempt::Again(format!("answered {}: {what}", answer.status)));
        }
        answers.push(answer);
    }
    if answers.len() == length {
        Ok(answers)
    } else {
        Err(Attempt::Again(format!("answered {} of {length} lines", answers.len())))
    }
}

fn posted(text: &str, currency: Currency) -> Result<Amount, Attempt> {
    let wrong = |what: String| Attempt::Final(format!("answered a wallet that {what}"));
    let wallet: Wallet =
        serde_json::from_str(text).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let posted = &wallet.balance.posted;
    signed_amount(posted, currency).map_err(|error| wrong(format!("holds {posted:?}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(attempt: Attempt) -> &'static str {
        match attempt {
            Attempt::Again(_) => "again",
            Attempt::Final(_) => "final",
        }
    }

    fn check(text: &str, length: usize, expected: Result<usize, &str>) {
        let found = answers(text, length).map(|answers| answers.len()).map_err(word);
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn a_batch_is_answered_line_by_line_or_asked_again() {
        let two = "{\"index\":0,\"status\":201,\"id\":\"x\"}\n{\"index\":1,\"status\":409}\n";
        check(two, 2, Ok(2));
        check("", 0, Ok(0));
        check(two, 3, Err("again"));
        check("{\"index\":0,\"status\":503,\"code\":\"overloaded\"}\n", 1, Err("again"));
        check("{\"index\":1,\"status\":201}\n", 1, Err("final"));
        check("nonsense\n", 1, Err("final"));
    }

    #[test]
    fn an_answer_tells_refusals_and_replays() {
        let text = "{\"index\":0,\"status\":409,\"code\":\"insufficient-funds\",\"detail\":\"no\",\
                    \"replayed\":true}\n";
        let answers = answers(text, 1).map_err(word).expect("one answer");
        assert!(answers[0].replayed && !answers[0].is_done());
        assert_eq!(answers[0].code.as_deref(), Some("insufficient-funds"));
    }

    #[test]
    fn balances_are_read_with_their_sign() {
        let currency = Currency::from_code("CZK").expect("the koruna is in the table");
        for (text, expected) in [
            ("12.30", Ok(1230)),
            ("-0.05", Ok(-5)),
            ("0.00", Ok(0)),
            ("1e3", Err("final")),
            ("--1", Err("final")),
        ] {
            let body = format!("{{\"balance\":{{\"posted\":\"{text}\",\"held\":\"0.00\"}}}}");
            let found = posted(&body, currency).map(Amount::minor).map_err(word);
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
