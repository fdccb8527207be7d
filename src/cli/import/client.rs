//! The calls that replay a statement.
//!
//! They are made with the patience of [`client::Client`]: every line carries its key, so what was
//! decided is answered from the key and the rest is decided now. When that patience ends, the same
//! command, run again, goes on where it stopped.
//!
//! Invariant: [`Client::batch`] returns exactly one answer a line, in the order of the lines.

use bursar_domain::currency::Currency;
use bursar_domain::money::Amount;
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::plan::Order;
use super::statement::signed_amount;
use crate::cli::client::{self, Attempt, Failure};

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

/// A client of one server.
pub(super) struct Client(client::Client);

impl Client {
    /// A client of the server at `url`.
    pub(super) fn new(url: &Url) -> Result<Self, Failure> {
        client::Client::new(url).map(Self)
    }

    /// Sends the orders as one batch: an answer each, in order.
    pub(super) async fn batch(&self, orders: &[Order]) -> Result<Vec<Answer>, Failure> {
        let mut body = String::with_capacity(orders.iter().map(|o| o.body.len() + 1).sum());
        for order in orders {
            body.push_str(&order.body);
            body.push('\n');
        }
        self.0
            .patiently(async || {
                let request = self.0.post("/v1/batch")?;
                let request = request.header("Content-Type", "application/x-ndjson");
                let text = client::send(request.body(body.clone())).await?.good()?;
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
        self.0
            .patiently(async || {
                let answer = client::send(self.0.get(&format!("/v1/wallets/{wallet}"))?).await?;
                if answer.status == StatusCode::NOT_FOUND {
                    return Ok(None);
                }
                posted(&answer.good()?, currency).map(Some)
            })
            .await
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
            return Err(Attempt::again(format!("answered {}: {what}", answer.status)));
        }
        answers.push(answer);
    }
    if answers.len() == length {
        Ok(answers)
    } else {
        Err(Attempt::again(format!("answered {} of {length} lines", answers.len())))
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
            Attempt::Again { .. } => "again",
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
