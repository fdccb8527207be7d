//! The calls that open advances, and the ones that ask what became of them.
//!
//! A bounded number is under way at once, in the order of the file: an overloaded server says when
//! to come back and is waited for, call by call ([`Client`]). A refused line is an answer like any
//! other; only a server that answers nothing ends the import.
//!
//! Waiting asks for each advance that is still pending, round by round, until none is or the time
//! is over; between rounds there is a pause that grows to two seconds.
//!
//! Invariant: each loan has exactly one outcome, at its place in the file.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use serde::Deserialize;

use super::file::Loan;
use super::order::{Order, Terms};
use crate::cli::advances::status::Status;
use crate::cli::client::{self, Answer, Attempt, Client, Failure, Problem};

/// The first pause between two rounds of asking.
const PAUSE_FIRST: Duration = Duration::from_millis(100);

/// The longest pause between two rounds.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// How an advance stands, as far as an import is concerned.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(crate) struct Standing {
    /// Its id.
    pub(crate) id: String,
    /// How it stands.
    pub(crate) status: Status,
    /// Why it failed.
    #[serde(default)]
    pub(crate) failure: Option<Problem>,
}

/// What became of one loan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// An advance was opened.
    Opened(Standing),
    /// It was there already, from an earlier import.
    There(Standing),
    /// The server refused it.
    Refused {
        /// The status of the answer.
        status: u16,
        /// Why.
        problem: Problem,
    },
}

impl Outcome {
    /// From the server's answer to the call that opens it.
    fn of(answer: Answer) -> Result<Self, Attempt> {
        if answer.status.is_client_error() {
            let status = answer.status.as_u16();
            let problem = answer.problem().unwrap_or_else(|| Problem {
                code: "without-a-code".to_owned(),
                detail: "no reason was given".to_owned(),
            });
            return Ok(Self::Refused { status, problem });
        }
        let is_replay = answer.is_replay;
        let standing = answer.read("an advance")?;
        Ok(if is_replay { Self::There(standing) } else { Self::Opened(standing) })
    }

    /// How its advance stands; `None` when there is none.
    pub(crate) fn standing(&self) -> Option<&Standing> {
        match self {
            Self::Opened(standing) | Self::There(standing) => Some(standing),
            Self::Refused { .. } => None,
        }
    }

    fn standing_mut(&mut self) -> Option<&mut Standing> {
        match self {
            Self::Opened(standing) | Self::There(standing) => Some(standing),
            Self::Refused { .. } => None,
        }
    }

    fn is_pending(&self) -> bool {
        self.standing().is_some_and(|standing| standing.status == Status::Pending)
    }
}

/// Opens an advance for each loan; an outcome each, in order.
pub(crate) async fn open(
    client: &Client,
    loans: &[Loan],
    terms: &Terms,
    at_once: usize,
    bar: &ProgressBar,
) -> Result<Vec<Outcome>, Failure> {
    let calls = loans.iter().map(|loan| async {
        let order = Order::new(loan, terms);
        let outcome = client.patiently(async || Outcome::of(post(client, &order).await?)).await;
        bar.inc(1);
        outcome
    });
    let mut calls = stream::iter(calls).buffered(at_once);
    let mut outcomes = Vec::with_capacity(loans.len());
    while let Some(outcome) = calls.next().await {
        outcomes.push(outcome?);
    }
    Ok(outcomes)
}

async fn post(client: &Client, order: &Order) -> Result<Answer, Attempt> {
    let request = client.post("/v1/advances")?.header("Idempotency-Key", &order.key);
    let request = request.header("Content-Type", "application/json").body(order.body.clone());
    client::send(request).await
}

/// Asks until no advance is pending any more or the time is over.
pub(crate) async fn settle(
    client: &Client,
    outcomes: &mut [Outcome],
    at_once: usize,
    time: Duration,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    let began = Instant::now();
    let mut pause = PAUSE_FIRST;
    loop {
        let asked = round(client, outcomes, at_once, bar).await?;
        let left = outcomes.iter().filter(|outcome| outcome.is_pending()).count();
        let used = began.elapsed();
        if left == 0 || used >= time {
            return Ok(());
        }
        // Who gets on is asked again soon, who does not is left in peace.
        pause = if left < asked { PAUSE_FIRST } else { (pause * 2).min(PAUSE_MAX) };
        tokio::time::sleep(pause.min(time.saturating_sub(used))).await;
    }
}

/// Asks once for each advance that is pending; how many those were.
async fn round(
    client: &Client,
    outcomes: &mut [Outcome],
    at_once: usize,
    bar: &ProgressBar,
) -> Result<usize, Failure> {
    let pending = outcomes.iter_mut().filter(|outcome| outcome.is_pending());
    let pending: Vec<_> = pending.filter_map(Outcome::standing_mut).collect();
    let asked = pending.len();
    let calls = pending.into_iter().map(|standing| ask(client, standing));
    let mut calls = stream::iter(calls).buffer_unordered(at_once);
    while let Some(settled) = calls.next().await {
        bar.inc(u64::from(settled?));
    }
    Ok(asked)
}

/// Asks how one advance stands; whether it is pending no more.
async fn ask(client: &Client, standing: &mut Standing) -> Result<bool, Failure> {
    let path = format!("/v1/advances/{}", standing.id);
    let now: Standing = client
        .patiently(async || client::send(client.get(&path)?).await?.read("an advance"))
        .await?;
    *standing = now;
    Ok(standing.status != Status::Pending)
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;

    fn of(status: u16, is_replay: bool, text: &str) -> Result<Outcome, String> {
        let status = StatusCode::from_u16(status).expect("a status");
        let answer = Answer { status, is_replay, text: text.to_owned() };
        Outcome::of(answer).map_err(|attempt| match attempt {
            Attempt::Final(what) => what,
            Attempt::Again { what, .. } => format!("again: {what}"),
        })
    }

    fn standing(status: Status) -> Standing {
        Standing { id: "adv_1".to_owned(), status, failure: None }
    }

    #[test]
    fn an_answer_from_its_key_was_there_already() {
        let text = r#"{"id":"adv_1","status":"pending","amount":"1.00"}"#;
        assert_eq!(of(202, false, text), Ok(Outcome::Opened(standing(Status::Pending))));
        let text = r#"{"id":"adv_1","status":"active"}"#;
        assert_eq!(of(202, true, text), Ok(Outcome::There(standing(Status::Active))));
    }

    #[test]
    fn a_refusal_is_an_outcome() {
        let refused = |status, code: &str, detail: &str| {
            let problem = Problem { code: code.to_owned(), detail: detail.to_owned() };
            Ok(Outcome::Refused { status, problem })
        };
        let text = r#"{"code":"invalid-amount","detail":"too small","retryable":false}"#;
        assert_eq!(of(422, false, text), refused(422, "invalid-amount", "too small"));
        let none = refused(404, "without-a-code", "no reason was given");
        assert_eq!(of(404, false, "<html>"), none);
    }

    #[test]
    fn an_answer_that_is_no_advance_ends_the_import() {
        for text in ["", "{}", r#"{"id":"adv_1","status":"paused"}"#] {
            let error = of(202, false, text).expect_err(text);
            assert!(error.starts_with("answered an advance that cannot be read"), "{error}");
        }
        assert!(of(302, false, "").is_err());
    }

    #[test]
    fn a_failed_advance_says_why() {
        let text = r#"{"id":"adv_1","status":"failed",
                       "failure":{"code":"account-closed","detail":"no"}}"#;
        let outcome = of(202, true, text).expect("an advance");
        let failure = outcome.standing().and_then(|standing| standing.failure.as_ref());
        assert_eq!(failure.map(|failure| failure.code.as_str()), Some("account-closed"));
        assert!(!outcome.is_pending());
    }
}
