//! Entries: what moved an account's balance, newest first, page by page.
//!
//! Entries are made from records: the newest from the entity's unsaved ones, older ones from its
//! history on disk. A cursor is the position of the last record shown with the filters in force, so
//! pages never shift while writes go on. A filter that finds little ends a page early rather than
//! reading without end; `next_cursor` goes on from there.

use std::sync::Arc;

use actix_web::HttpRequest;
use bursar_actors::job::{Answer, Ask};
use bursar_actors::storage::decode_record;
use bursar_actors::view::Seen;
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Made, Seq, WalletId};
use bursar_domain::record::{Record, Verdict};
use bursar_domain::time::Timestamp;
use bursar_domain::{provider, wallet};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::fields::instant;
use crate::http::problem::Problem;
use crate::http::{Answered, State, json, query};

/// The most entries of one page.
const LIMIT_MAX: usize = 500;
/// How many records are looked at for one page at the most.
const LOOK_MAX: usize = 20_000;
/// How many records are read from disk at a time.
const READ: usize = 1_000;

/// One thing that moved a balance.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Entry {
    /// The position in the shard's journal.
    pub(crate) seq: u64,
    /// When it was decided.
    pub(crate) at: String,
    /// `deposit`, `payment`, `refund` or `investment`.
    pub(crate) kind: &'static str,
    /// Signed, in major units.
    #[schema(example = "-12.30")]
    pub(crate) amount: String,
    /// The posted balance afterwards.
    pub(crate) balance_after: String,
    /// The deposit, payment, refund or investment.
    pub(crate) reference: String,
    /// Who is on the other side: an id, or `external`.
    pub(crate) counterparty: String,
    /// The client's words.
    pub(crate) description: Option<String>,
    /// The date of the business.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) effective_at: Option<String>,
    /// The amount in minor units, and when it counts, for the feed.
    #[serde(skip)]
    pub(crate) raw: Raw,
}

/// An entry in numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw {
    /// Signed, in minor units.
    pub(crate) minor: i64,
    /// The date of the business, else when it was decided.
    pub(crate) counts_at: Timestamp,
    /// When it was decided.
    pub(crate) at: Timestamp,
}

/// A page of entries.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page {
    /// Newest first.
    items: Vec<Entry>,
    /// Give this as `cursor` for the next page; null at the end.
    next_cursor: Option<String>,
}

/// Which entries are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filters {
    /// 1 to 500; 50 when it is not said.
    limit: Option<usize>,
    /// Where to go on; carries the filters of the first page.
    cursor: Option<String>,
    /// Only this kind: `deposit`, `payment`, `refund` or `investment`.
    kind: Option<String>,
    /// Only what was decided at or after this time.
    from: Option<String>,
    /// Only what was decided before this time.
    to: Option<String>,
}

/// Where a page begins and what is shown on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    before: Seq,
    kind: Option<&'static str>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Scope {
    /// Everything, from the newest.
    pub(crate) fn all() -> Self {
        Self { before: Seq(u64::MAX), kind: None, from: None, to: None }
    }

    fn of(filters: &Filters) -> Result<Self, Problem> {
        if let Some(cursor) = &filters.cursor {
            let malformed = || {
                let detail = "the cursor is not one that was given; begin without it";
                Problem::new(Code::MalformedRequest, detail)
            };
            return Self::from_cursor(cursor).ok_or_else(malformed);
        }
        let time = |text: &Option<String>, pointer| {
            let parsed = text.as_deref().map(|text| instant(text, Code::MalformedRequest, pointer));
            parsed.transpose()
        };
        let kind = filters.kind.as_deref().map(|kind| {
            KINDS.into_iter().find(|known| *known == kind).ok_or_else(|| {
                let detail = format!("kind is one of {}", KINDS.join(", "));
                Problem::new(Code::MalformedRequest, detail)
            })
        });
        Ok(Self {
            before: Seq(u64::MAX),
            kind: kind.transpose()?,
            from: time(&filters.from, "/from")?,
            to: time(&filters.to, "/to")?,
        })
    }

    fn cursor(&self) -> String {
        let time = |at: Option<Timestamp>| at.map_or(String::new(), |at| at.millis().to_string());
        let kind = self.kind.unwrap_or_default();
        format!("{}.{kind}.{}.{}", self.before, time(self.from), time(self.to))
    }

    fn from_cursor(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let before = Seq(parts.next()?.parse().ok()?);
        let kind = match parts.next()? {
            "" => None,
            kind => Some(KINDS.into_iter().find(|known| *known == kind)?),
        };
        let mut time = || match parts.next()? {
            "" => Some(None),
            millis => Some(Some(Timestamp::from_millis(millis.parse().ok()?)?)),
        };
        let (from, to) = (time()?, time()?);
        parts.next().is_none().then_some(Self { before, kind, from, to })
    }

    fn shows(&self, entry: &Entry) -> bool {
        self.kind.is_none_or(|kind| entry.kind == kind)
            && self.from.is_none_or(|from| entry.raw.at >= from)
            && self.to.is_none_or(|to| entry.raw.at < to)
    }

    /// Whether nothing before this entry can be shown: times within a shard never go back.
    fn is_past(&self, entry: &Entry) -> bool {
        self.from.is_some_and(|from| entry.raw.at < from)
    }
}

const KINDS: [&str; 4] = ["deposit", "payment", "refund", "investment"];

/// What a search found.
pub(crate) struct Found {
    /// How the account stood.
    pub(crate) seen: Seen,
    /// Newest first.
    pub(crate) entries: Vec<Entry>,
    /// Where to go on, if there may be more.
    next: Option<Scope>,
}

/// Answers a request for entries.
pub(crate) async fn answer(
    state: &State,
    request: &HttpRequest,
    id: &EntityId,
    not_found: fn() -> Problem,
) -> Answered {
    let filters: Filters = query(request)?;
    let limit = limit(filters.limit)?;
    let found = find(state, id, Scope::of(&filters)?, limit).await?.ok_or_else(not_found)?;
    let next_cursor = found.next.map(|scope| scope.cursor());
    Ok(json(&Page { items: found.entries, next_cursor }))
}

/// Checks the size of a page.
pub(crate) fn limit(limit: Option<usize>) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(50);
    if (1..=LIMIT_MAX).contains(&limit) {
        return Ok(limit);
    }
    Err(Problem::new(Code::MalformedRequest, format!("limit is 1 to {LIMIT_MAX}")))
}

/// A page being filled.
struct Filling {
    scope: Scope,
    limit: usize,
    entries: Vec<Entry>,
    looked: usize,
    ended: bool,
}

impl Filling {
    /// Takes a record. False when the page is full.
    fn take(&mut self, id: &EntityId, seq: Seq, record: &Record) -> bool {
        if self.entries.len() >= self.limit || self.looked >= LOOK_MAX || self.ended {
            return false;
        }
        self.looked += 1;
        self.scope.before = seq;
        if let Some(entry) = entry_of(id, seq, record) {
            if self.scope.is_past(&entry) {
                self.ended = true;
            } else if self.scope.shows(&entry) {
                self.entries.push(entry);
            }
        }
        true
    }
}

/// The newest entries of a scope. `None` when there is no such account.
pub(crate) async fn find(
    state: &State,
    id: &EntityId,
    scope: Scope,
    limit: usize,
) -> Result<Option<Found>, Problem> {
    let ask = Ask::Recent { before: scope.before, limit: LOOK_MAX.min(limit.max(READ)) };
    let Answer::Recent { seen, records, history_before } = state.ask(id.clone(), ask).await? else {
        return Err(Problem::overloaded());
    };
    let Some(seen) = seen else { return Ok(None) };
    let mut filling = Filling { scope, limit, entries: Vec::new(), looked: 0, ended: false };
    let mut more = true;
    let all_unsaved = records.last().is_none_or(|(seq, _)| *seq <= history_before);
    for (seq, record) in &records {
        more = more && filling.take(id, *seq, record);
    }
    let mut before = filling.scope.before.min(history_before);
    while more && all_unsaved {
        let batch = stored(state, id, before).await?;
        let Some((last, _)) = batch.last() else {
            filling.ended = true;
            break;
        };
        before = *last;
        for (seq, record) in &batch {
            more = more && filling.take(id, *seq, record);
        }
    }
    let next = (!filling.ended).then_some(filling.scope);
    Ok(Some(Found { seen, entries: filling.entries, next }))
}

async fn stored(state: &State, id: &EntityId, before: Seq) -> Result<Vec<(Seq, Record)>, Problem> {
    let id = id.clone();
    let read = state.engine.read(move |archive| {
        let records = archive.records_before(&id, before, READ)?;
        records.iter().map(|(seq, bytes)| Ok((*seq, decode_record(&id, *seq, bytes)?))).collect()
    });
    read.await.map_err(|_| Problem::stopping())
}

/// The entry of a record, if it moved the balance.
fn entry_of(id: &EntityId, seq: Seq, record: &Record) -> Option<Entry> {
    match &record.verdict {
        Verdict::Wallet(events) => {
            events.iter().find_map(|event| of_wallet(id, seq, record, event))
        }
        Verdict::Provider(events) => {
            events.iter().find_map(|event| of_provider(seq, record, event))
        }
        // A deal's and a saga's money is shown by what it is about, not as entries.
        Verdict::Refused(_) | Verdict::Deal(_) | Verdict::Saga(_) | Verdict::Compensation(_) => {
            None
        }
    }
}

struct Parts<'a> {
    kind: &'static str,
    minor: i64,
    amount: String,
    balance_after: String,
    reference: String,
    counterparty: String,
    description: Option<&'a str>,
    effective_at: Option<Timestamp>,
}

fn entry(seq: Seq, record: &Record, parts: Parts<'_>) -> Entry {
    let counts_at = parts.effective_at.unwrap_or(record.at);
    Entry {
        seq: seq.0,
        at: record.at.to_string(),
        kind: parts.kind,
        amount: parts.amount,
        balance_after: parts.balance_after,
        reference: parts.reference,
        counterparty: parts.counterparty,
        description: parts.description.map(str::to_owned),
        effective_at: parts.effective_at.map(|at| at.to_string()),
        raw: Raw { minor: parts.minor, counts_at, at: record.at },
    }
}

fn of_wallet(id: &EntityId, seq: Seq, record: &Record, event: &wallet::Event) -> Option<Entry> {
    let made = |seq| Made { wallet: WalletId::from_shared(Arc::clone(&id.id)), seq };
    let parts = match event {
        wallet::Event::Deposited(event) => Parts {
            kind: "deposit",
            minor: event.amount.minor(),
            amount: event.amount.to_major(event.currency),
            balance_after: event.balance_after.to_major(event.currency),
            reference: made(seq).text("txn"),
            counterparty: "external".to_owned(),
            description: event.description.as_deref(),
            effective_at: event.effective_at,
        },
        wallet::Event::Paid(event) => {
            let amount = event.amount.checked_neg().expect("a payment is positive");
            Parts {
                kind: "payment",
                minor: amount.minor(),
                amount: amount.to_major(event.currency),
                balance_after: event.balance_after.to_major(event.currency),
                reference: made(seq).text("pay"),
                counterparty: event.provider.to_string(),
                description: event.description.as_deref(),
                effective_at: event.effective_at,
            }
        }
        wallet::Event::RefundReceived(event) => Parts {
            kind: "refund",
            minor: event.amount.minor(),
            amount: event.amount.to_major(event.currency),
            balance_after: event.balance_after.to_major(event.currency),
            reference: made(event.refund).text("txn"),
            counterparty: event.provider.to_string(),
            description: None,
            effective_at: event.effective_at,
        },
        wallet::Event::PullBooked(event) => Parts {
            kind: "deposit",
            minor: event.amount.minor(),
            amount: event.amount.to_major(event.currency),
            balance_after: event.balance_after.to_major(event.currency),
            reference: made(event.deposit).text("txn"),
            counterparty: "external".to_owned(),
            description: None,
            effective_at: event.effective_at,
        },
        wallet::Event::Invested(event) if event.amount.is_positive() => invested(event),
        wallet::Event::Opened(_)
        | wallet::Event::HoldPlaced { .. }
        | wallet::Event::HoldReleased { .. }
        | wallet::Event::Frozen
        | wallet::Event::Unfrozen
        | wallet::Event::RefundRequested(_)
        | wallet::Event::Marked(_)
        | wallet::Event::MarkRefused { .. }
        // The bank paid: the wallet's balance did not move.
        | wallet::Event::Invested(_)
        | wallet::Event::Unmarked { .. }
        | wallet::Event::PullRequested(_)
        | wallet::Event::PullAbandoned { .. } => return None,
    };
    Some(entry(seq, record, parts))
}

fn invested(event: &wallet::event::Invested) -> Parts<'_> {
    let amount = event.amount.checked_neg().expect("an investment is positive");
    Parts {
        kind: "investment",
        minor: amount.minor(),
        amount: amount.to_major(event.currency),
        balance_after: event.balance_after.to_major(event.currency),
        reference: event.by.entity.id.to_string(),
        counterparty: event.deal.to_string(),
        description: None,
        effective_at: None,
    }
}

fn of_provider(seq: Seq, record: &Record, event: &provider::Event) -> Option<Entry> {
    let parts = match event {
        provider::Event::Received(event) => {
            let made = Made { wallet: event.wallet.clone(), seq: event.source.seq };
            Parts {
                kind: "payment",
                minor: event.amount.minor(),
                amount: event.amount.to_major(event.currency),
                balance_after: event.balance_after.to_major(event.currency),
                reference: made.text("pay"),
                counterparty: event.wallet.to_string(),
                description: event.description.as_deref(),
                effective_at: event.effective_at,
            }
        }
        provider::Event::RefundSent(event) => {
            let made = Made { wallet: event.wallet.clone(), seq: event.source.seq };
            let amount = event.amount.checked_neg().expect("a refund is positive");
            Parts {
                kind: "refund",
                minor: amount.minor(),
                amount: amount.to_major(event.currency),
                balance_after: event.balance_after.to_major(event.currency),
                reference: made.text("txn"),
                counterparty: event.wallet.to_string(),
                description: None,
                effective_at: event.effective_at,
            }
        }
        provider::Event::Registered(_) => return None,
    };
    Some(entry(seq, record, parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_with_its_filters() {
        let scope = Scope {
            before: Seq(42),
            kind: Some("payment"),
            from: None,
            to: Timestamp::from_millis(-5),
        };
        assert_eq!(Scope::from_cursor(&scope.cursor()), Some(scope));
        for bad in ["", "x", "1", "1..", "1.bad..", "1....", "1...x"] {
            assert_eq!(Scope::from_cursor(bad), None, "{bad}");
        }
    }
}
