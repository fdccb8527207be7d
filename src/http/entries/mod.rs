//! Entries: what moved an account's balance, newest first, page by page.
//!
//! Entries are made from records. A cursor says after which entry of which record a page ended, with
//! the filters in force, so pages never shift while writes go on. A filter that finds little ends a
//! page early rather than reading without end; `next_cursor` goes on from there.
//!
//! Invariant: the amounts of all entries add up to the balance, and each `balance_after` is the one
//! before it and its amount.

pub(crate) mod moved;

use actix_web::HttpRequest;
use bursar_actors::view::Seen;
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::money::Total;
use bursar_domain::record::Record;
use bursar_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::fields::instant;
use crate::http::history::Backwards;
use crate::http::problem::Problem;
use crate::http::resources::provider_of;
use crate::http::{Answered, State, json, query};
use moved::{entry, moved};

/// The most entries of one page.
const LIMIT_MAX: usize = 500;
/// How many records are looked at for one page at the most.
const LOOK_MAX: usize = 20_000;
/// How many records are read first.
const PIECE: usize = 32;

/// One thing that moved a balance.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Entry {
    /// The position in the shard's journal.
    pub(crate) seq: u64,
    /// When it was decided.
    pub(crate) at: String,
    /// `deposit`, `payment`, `refund` or `investment`; of a provider also `activities`,
    /// `reimbursement`, `reimbursement-returned` and `settlement` (what was paid at once).
    #[schema(example = "payment")]
    pub(crate) kind: &'static str,
    /// Signed, in major units.
    #[schema(example = "-12.30")]
    pub(crate) amount: String,
    /// The posted balance afterwards; of a provider, what is accrued.
    pub(crate) balance_after: String,
    /// The deposit, payment, refund, investment or reimbursement; of activities their `seq`.
    pub(crate) reference: String,
    /// Who is on the other side: an id, `external` or `members`.
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
    /// Only this kind, a word as an entry has it.
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
    /// How many entries of the newest record before it were shown already.
    skip: usize,
    /// What a provider had accrued with that record; not known without a cursor.
    accrued: Option<Total>,
    kind: Option<&'static str>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Scope {
    /// Everything, from the newest.
    pub(crate) fn all() -> Self {
        let before = Seq(u64::MAX);
        Self { before, skip: 0, accrued: None, kind: None, from: None, to: None }
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
            kind: kind.transpose()?,
            from: time(&filters.from, "/from")?,
            to: time(&filters.to, "/to")?,
            ..Self::all()
        })
    }

    /// Written for a client.
    pub(crate) fn cursor(&self) -> String {
        let time = |at: Option<Timestamp>| at.map_or(String::new(), |at| at.millis().to_string());
        let (kind, skip) = (self.kind.unwrap_or_default(), self.skip);
        let accrued = self.accrued.map_or(String::new(), |accrued| accrued.minor().to_string());
        let (before, from, to) = (self.before, time(self.from), time(self.to));
        format!("{before}.{kind}.{from}.{to}.{skip}.{accrued}")
    }

    /// Read again; `None` when it is not one that was written.
    pub(crate) fn from_cursor(text: &str) -> Option<Self> {
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
        let skip = parts.next()?.parse().ok()?;
        let accrued = match parts.next()? {
            "" => None,
            minor => Some(Total::from_minor(minor.parse().ok().filter(is_sane)?)),
        };
        let scope = Self { before, skip, accrued, kind, from, to };
        parts.next().is_none().then_some(scope)
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

const KINDS: [&str; 10] = [
    "deposit",
    "payment",
    "refund",
    "investment",
    "activities",
    "reimbursement",
    "reimbursement-returned",
    "settlement",
    "reward",
    "reward-clawed-back",
];

/// Whether anything can be added to a sum that a client sent back.
fn is_sane(minor: &i128) -> bool {
    minor.unsigned_abs() < 1 << 100
}

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
        let moved = moved(id, seq, record, self.scope.accrued);
        let skip = std::mem::take(&mut self.scope.skip);
        for (index, parts) in moved.parts.into_iter().enumerate().skip(skip) {
            let entry = entry(seq, record, parts);
            if self.scope.is_past(&entry) {
                self.ended = true;
            } else if self.entries.len() >= self.limit {
                (self.scope.before, self.scope.skip) = (seq.next(), index);
                return false;
            } else if self.scope.shows(&entry) {
                self.entries.push(entry);
            }
        }
        (self.scope.before, self.scope.accrued) = (seq, moved.accrued_before);
        true
    }
}

/// The newest entries of a scope. `None` when there is no such account.
pub(crate) async fn find(
    state: &State,
    id: &EntityId,
    mut scope: Scope,
    limit: usize,
) -> Result<Option<Found>, Problem> {
    let Some(mut records) = Backwards::begin(state, id, scope.before, PIECE).await? else {
        return Ok(None);
    };
    let seen = records.seen.clone();
    if scope.before == Seq(u64::MAX) {
        scope.accrued = provider_of(&seen).map(|provider| provider.accrued);
    }
    let mut filling = Filling { scope, limit, entries: Vec::new(), looked: 0, ended: false };
    let mut more = true;
    while more {
        let piece = records.next(state).await?;
        filling.ended |= piece.is_empty();
        more = !filling.ended && piece.iter().all(|(seq, record)| filling.take(id, *seq, record));
    }
    let next = (!filling.ended).then_some(filling.scope);
    Ok(Some(Found { seen, entries: filling.entries, next }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_with_its_filters() {
        let scope = Scope {
            before: Seq(42),
            skip: 1,
            accrued: Some(Total::from_minor(-7)),
            kind: Some("payment"),
            from: None,
            to: Timestamp::from_millis(-5),
        };
        assert_eq!(Scope::from_cursor(&scope.cursor()), Some(scope));
        let huge = format!("1....0.{}", i128::MAX);
        for bad in
            ["", "x", "1", "1..", "1.bad...0.", "1.....", "1...x.0.", "1....0.x", "1....0..", &huge]
        {
            assert_eq!(Scope::from_cursor(bad), None, "{bad}");
        }
    }
}
