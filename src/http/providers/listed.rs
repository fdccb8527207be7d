//! A provider's activities, newest first.
//!
//! One record can hold a thousand activities, so a cursor points into the middle of a record. Which
//! reimbursement pays a line is not written on it: it is the first one whose period was closed after
//! the line's record. Walking back in time, that is the last closing that was seen, so the cursor
//! carries it too.
//!
//! A filter that finds little ends a page early rather than reading without end; `next_cursor` goes
//! on from there.

use actix_web::HttpRequest;
use actix_web::web::Path;
use bursar_domain::code::Code;
use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, ProviderId, ReimbursementId, Seq};
use bursar_domain::provider::activity::is_member;
use bursar_domain::provider::event::Noted;
use bursar_domain::provider::{Activity, Event};
use bursar_domain::record::{Record, Verdict};
use bursar_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::reimbursements::closing::Closing;
use super::{hex, not_found, provider_in_path, reimbursements};
use crate::http::history::Backwards;
use crate::http::problem::Problem;
use crate::http::{Answered, Shared, State, entries, json, query};

/// How many records are looked at for one page at the most.
const RECORDS_MAX: usize = 5_000;
/// How many activities are.
const LINES_MAX: usize = 200_000;
/// How many records are read first.
const PIECE: usize = 4;

/// Which activities are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ActivityFilters {
    /// 1 to 500; 50 when it is not said.
    limit: Option<usize>,
    /// Where to go on; carries the filters of the first page.
    cursor: Option<String>,
    /// Only those for this member.
    member: Option<String>,
    /// Only those that this reimbursement pays.
    reimbursement: Option<String>,
}

/// What a provider did for a member.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActivityView {
    #[schema(example = "act-1")]
    activity_id: String,
    #[schema(example = "member-7")]
    member: String,
    /// When it was done.
    #[schema(example = "2026-11-20")]
    service_date: String,
    /// The client's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// In major units.
    #[schema(example = "12.30")]
    amount: String,
    currency: &'static str,
    /// When it was submitted.
    at: String,
    /// The position in the shard's journal; lines of one call may share it.
    seq: u64,
    /// Whether its service date lies before the period in which it accrued.
    late: bool,
    /// The reimbursement that pays it; null before its period is reimbursed.
    reimbursement: Option<String>,
}

/// A page of activities.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActivityPage {
    /// Newest first.
    items: Vec<ActivityView>,
    /// Give this as `cursor` for the next page; null at the end.
    next_cursor: Option<String>,
}

/// Where a page begins and what is shown on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    before: Seq,
    /// How many lines of the newest record before it were shown already.
    skip: usize,
    /// The first closing after what comes next, if there was one.
    closing: Option<Seq>,
    /// Whether only what that closing pays is wanted.
    one: bool,
    member: Option<String>,
}

impl Scope {
    /// Written for a client.
    pub(crate) fn cursor(&self) -> String {
        let closing = self.closing.map_or(String::new(), |seq| seq.to_string());
        let member = self.member.as_deref().map(hex::encode).unwrap_or_default();
        format!("{}.{}.{closing}.{}.{member}", self.before, self.skip, u8::from(self.one))
    }

    /// Read again; `None` when it is not one that was written.
    pub(crate) fn from_cursor(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let before = Seq(parts.next()?.parse().ok()?);
        let skip = parts.next()?.parse().ok()?;
        let closing = match parts.next()? {
            "" => None,
            seq => Some(Seq(seq.parse().ok()?)),
        };
        let one = match parts.next()? {
            "0" => false,
            "1" => true,
            _ => return None,
        };
        let member = match parts.next()? {
            "" => None,
            member => Some(hex::decode(member)?),
        };
        let scope = Self { before, skip, closing, one, member };
        parts.next().is_none().then_some(scope)
    }

    /// From the query of a first page.
    async fn of(
        state: &State,
        provider: &ProviderId,
        filters: ActivityFilters,
    ) -> Result<Self, Problem> {
        if let Some(cursor) = &filters.cursor {
            let detail = "the cursor is not one that was given; begin without it";
            let malformed = || Problem::new(Code::MalformedRequest, detail);
            return Self::from_cursor(cursor).ok_or_else(malformed);
        }
        let (before, member) = (Seq(u64::MAX), filters.member);
        if member.as_deref().is_some_and(|member| !is_member(member)) {
            let detail = "a member is 1 to 64 characters, none of them a control character";
            return Err(Problem::new(Code::MalformedRequest, detail));
        }
        let Some(id) = filters.reimbursement else {
            return Ok(Self { before, skip: 0, closing: None, one: false, member });
        };
        let seq = reimbursements::in_text(provider, &id)?;
        let closing = Closing::find(state, provider, seq).await?;
        let seq = closing.ok_or_else(reimbursements::not_found)?.seq;
        Ok(Self { before: seq, skip: 0, closing: Some(seq), one: true, member })
    }
}

/// A page being filled.
struct Filling {
    provider: ProviderId,
    scope: Scope,
    limit: usize,
    items: Vec<ActivityView>,
    records: usize,
    lines: usize,
    ended: bool,
}

impl Filling {
    /// Takes a record. False when the page is full.
    fn take(&mut self, seq: Seq, record: &Record) -> bool {
        if self.records >= RECORDS_MAX || self.lines >= LINES_MAX {
            return false;
        }
        self.records += 1;
        let skip = std::mem::take(&mut self.scope.skip);
        let events = match &record.verdict {
            Verdict::Provider(events) => &events[..],
            Verdict::Refused(_)
            | Verdict::Wallet(_)
            | Verdict::Deal(_)
            | Verdict::Saga(_)
            | Verdict::Compensation(_)
            | Verdict::Advance(_)
            | Verdict::Run(_)
            | Verdict::Schedule(_)
            | Verdict::Campaign(_)
            | Verdict::Statement(_) => &[],
        };
        for event in events.iter().rev() {
            if let Event::Activities(noted) = event
                && !self.lines_of(seq, record.at, noted, skip)
            {
                return false;
            }
            if let Event::PeriodClosed(_) = event {
                self.ended |= self.scope.one;
                self.scope.closing = Some(seq);
            }
        }
        self.scope.before = seq;
        !self.ended
    }

    /// Takes the lines of a record but the first ones. False when the page is full.
    fn lines_of(&mut self, seq: Seq, at: Timestamp, noted: &Noted, skip: usize) -> bool {
        for (index, activity) in noted.lines.iter().rev().enumerate().skip(skip) {
            if self.items.len() >= self.limit {
                (self.scope.before, self.scope.skip) = (seq.next(), index);
                return false;
            }
            self.lines += 1;
            if self.scope.member.as_deref().is_none_or(|member| member == activity.member()) {
                let late = noted.is_late(activity);
                let item = self.view(activity, noted.currency, (seq, at, late));
                self.items.push(item);
            }
        }
        true
    }

    fn view(
        &self,
        activity: &Activity,
        currency: Currency,
        (seq, at, late): (Seq, Timestamp, bool),
    ) -> ActivityView {
        let reimbursement = |seq| ReimbursementId { provider: self.provider.clone(), seq };
        ActivityView {
            activity_id: activity.id().to_owned(),
            member: activity.member().to_owned(),
            service_date: activity.service_date().to_string(),
            description: activity.description().map(str::to_owned),
            amount: activity.amount().to_major(currency),
            currency: currency.code(),
            at: at.to_string(),
            seq: seq.0,
            late,
            reimbursement: self.scope.closing.map(|seq| reimbursement(seq).to_string()),
        }
    }
}

/// A provider's activities, newest first.
#[utoipa::path(get, path = "/v1/providers/{id}/activities", tag = "providers",
    params(("id" = String, Path, description = "The provider"), ActivityFilters), responses(
    (status = 200, body = ActivityPage), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn list(state: Shared, request: HttpRequest, id: Path<String>) -> Answered {
    let provider = provider_in_path(&id)?;
    let entity = EntityId::provider(&provider);
    let filters: ActivityFilters = query(&request)?;
    let limit = entries::limit(filters.limit)?;
    state.see(&entity).await?.ok_or_else(not_found)?;
    let scope = Scope::of(&state, &provider, filters).await?;
    let records = Backwards::begin(&state, &entity, scope.before, PIECE).await?;
    let mut records = records.ok_or_else(not_found)?;
    let (items, records_seen, lines) = (Vec::new(), 0, 0);
    let mut filling =
        Filling { provider, scope, limit, items, records: records_seen, lines, ended: false };
    let mut more = true;
    while more {
        let piece = records.next(&state).await?;
        filling.ended |= piece.is_empty();
        more = !filling.ended && piece.iter().all(|(seq, record)| filling.take(*seq, record));
    }
    let next_cursor = (!filling.ended).then(|| filling.scope.cursor());
    Ok(json(&ActivityPage { items: filling.items, next_cursor }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_with_its_filters() {
        for member in [None, Some("Žofie .7".to_owned())] {
            for closing in [None, Some(Seq(41))] {
                let member = member.clone();
                let scope = Scope { before: Seq(42), skip: 7, closing, one: true, member };
                assert_eq!(Scope::from_cursor(&scope.cursor()), Some(scope));
            }
        }
        for bad in ["", "x", "1", "1.2", "1.2..", "1.2..2.", "1.2..0.x", "1.2..0.ff", "1.2..0.."] {
            assert_eq!(Scope::from_cursor(bad), None, "{bad}");
        }
    }
}
