//! The calls: wallets are opened, then the lines go out day by day as a bank would send them.
//!
//! On each day every account gets one batch with its lines of the last days, most of which were
//! sent before. Accounts do not depend on each other, so some calls are under way at once; the
//! clock is moved to the next day when all of a day are answered.
//!
//! How far the dates were moved is written into the wallets (their owner), so that a command that
//! is run again moves them by the same.
//!
//! Invariant: each line of a batch has exactly one answer, in its place.

use std::ops::Range;

use bursar_domain::currency::Currency;
use bursar_domain::plan::Day;
use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use serde::Deserialize;
use serde_json::json;

use super::clock;
use super::line::{Account, wallet_of};
use super::tally::Tally;
use crate::cli::client::{Attempt, Client, Failure, send};

/// What the server says of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// It was not there.
    New,
    /// It was there.
    Duplicate,
    /// Its id was there, with another content.
    Conflict,
    /// It cannot be taken.
    Refused,
}

/// The server's answer to one line.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct State {
    index: usize,
    /// What it says.
    pub(super) status: Verdict,
    /// Why it was refused.
    #[serde(default)]
    pub(super) code: Option<String>,
    /// The same for people.
    #[serde(default)]
    pub(super) detail: Option<String>,
}

#[derive(Deserialize)]
struct Answered {
    items: Vec<State>,
}

/// Which day of the file is which day now; told in the owner of a wallet.
fn owner_of(account: &str, file_first: Day, first: Day) -> String {
    format!("account {account}; the bank's {file_first} is {first}")
}

fn shift_of(owner: &str) -> Option<i32> {
    let (file_first, first) = owner.rsplit_once("; the bank's ")?.1.split_once(" is ")?;
    Some(Day::parse(first)?.days() - Day::parse(file_first)?.days())
}

/// How far an earlier run moved the dates, by the wallet of the file's first account; `None` when it
/// is not there.
pub(super) async fn shift_before(client: &Client, account: &str) -> Result<Option<i32>, Failure> {
    #[derive(Deserialize)]
    struct Wallet {
        #[serde(default)]
        owner: String,
    }
    let wallet = wallet_of(account);
    client
        .patiently(async || {
            let answer = send(client.get(&format!("/v1/wallets/{wallet}"))?).await?;
            if answer.status == reqwest::StatusCode::NOT_FOUND {
                return Ok(None);
            }
            let found: Wallet = answer.read("a wallet")?;
            let other = || {
                let what = format!("has a wallet {wallet} that no import of bank lines opened");
                Attempt::Final(what)
            };
            shift_of(&found.owner).ok_or_else(other).map(Some)
        })
        .await
}

/// Opens the wallet of each account. The first alone, because it tells how far dates are moved.
pub(super) async fn open(
    client: &Client,
    accounts: &[Account],
    (file_first, first): (Day, Day),
    currency: Currency,
    at_once: usize,
) -> Result<(), Failure> {
    let open = |account: &Account| {
        let wallet = account.wallet.clone();
        let body = json!({
            "id": wallet,
            "currency": currency.code(),
            "owner": owner_of(&account.name, file_first, first),
            "email": format!("{wallet}@example.com"),
        });
        let body = body.to_string();
        async move {
            let call = async || {
                let request = client.post("/v1/wallets")?;
                let request = request.header("Idempotency-Key", format!("open-{wallet}"));
                let request = request.header("Content-Type", "application/json");
                send(request.body(body.clone())).await?.good().map(drop)
            };
            client.patiently(call).await
        }
    };
    let Some((head, rest)) = accounts.split_first() else { return Ok(()) };
    open(head).await?;
    let mut calls = stream::iter(rest.iter().map(open)).buffer_unordered(at_once);
    while let Some(opened) = calls.next().await {
        opened?;
    }
    Ok(())
}

/// Sends the batches of these days, and notes the answers.
pub(super) async fn feed(
    client: &Client,
    accounts: &[Account],
    days: impl Iterator<Item = Day>,
    at_once: usize,
    tally: &mut Tally,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    for day in days {
        clock::reach(client, day).await?;
        let batches = accounts.iter().enumerate().map(|(place, account)| {
            let range = account.batch(day);
            async move { (place, range.clone(), send_batch(client, account, range).await) }
        });
        let batches = batches.zip(accounts).filter(|(_, account)| !account.batch(day).is_empty());
        let calls = batches.map(|(call, _)| call);
        let mut calls = stream::iter(calls).buffer_unordered(at_once);
        while let Some((place, range, states)) = calls.next().await {
            let length = u64::try_from(range.len()).expect("a usize fits a u64");
            tally.take(accounts, place, range, &states?);
            bar.inc(length);
        }
    }
    Ok(())
}

/// How many lines are sent on these days, each as often as it is sent.
pub(super) fn length(accounts: &[Account], days: impl Iterator<Item = Day> + Clone) -> u64 {
    let of = |account: &Account| days.clone().map(|day| account.batch(day).len()).sum::<usize>();
    u64::try_from(accounts.iter().map(of).sum::<usize>()).expect("a usize fits a u64")
}

async fn send_batch(
    client: &Client,
    account: &Account,
    range: Range<usize>,
) -> Result<Vec<State>, Failure> {
    let lines = &account.lines[range];
    let bodies: Vec<&str> = lines.iter().map(|line| &*line.body).collect();
    let body = format!("[{}]", bodies.join(","));
    client
        .patiently(async || {
            let request = client.post(&format!("/v1/wallets/{}/transactions", account.wallet))?;
            let request = request.header("Content-Type", "application/json").body(body.clone());
            let answered: Answered = send(request).await?.read("bank lines")?;
            checked(answered.items, lines.len())
        })
        .await
}

fn checked(states: Vec<State>, length: usize) -> Result<Vec<State>, Attempt> {
    let in_order = states.iter().enumerate().all(|(place, state)| state.index == place);
    if states.len() == length && in_order {
        return Ok(states);
    }
    Err(Attempt::Final(format!("answered {} of {length} bank lines", states.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_dates_are_moved_can_be_read_from_a_wallet() {
        let day = |text| Day::parse(text).expect("a day");
        let owner = owner_of("576", day("1993-01-01"), day("2026-11-23"));
        assert_eq!(owner, "account 576; the bank's 1993-01-01 is 2026-11-23");
        assert_eq!(shift_of(&owner), Some(day("2026-11-23").days() - day("1993-01-01").days()));
        for text in ["", "Ann", "account 1; the bank's x is y", "the bank's 1993-01-01 is"] {
            assert_eq!(shift_of(text), None, "{text:?}");
        }
    }

    #[test]
    fn each_line_of_a_batch_is_answered_in_its_place() {
        let state = |index| State { index, status: Verdict::New, code: None, detail: None };
        assert!(checked(vec![state(0), state(1)], 2).is_ok());
        assert!(checked(vec![state(0)], 2).is_err());
        assert!(checked(vec![state(1), state(0)], 2).is_err());
    }
}
