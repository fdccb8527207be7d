//! What a reimbursement pays, by member.
//!
//! The lines stand in the provider's records from the first to the last that the reimbursement pays.
//! For one page they are all read once, a piece at a time, and only the sums of the members on the
//! page are kept: the smallest names after the cursor. A name that fell off the end of the page can
//! not come back, because what is on it only gets smaller; so each sum that is shown is whole,
//! and memory is bounded by the page, however many members there are.

use std::collections::BTreeMap;

use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, ProviderId, Seq};
use bursar_domain::money::Total;
use bursar_domain::plan::Day;
use bursar_domain::provider::event::Noted;
use bursar_domain::provider::{Activity, Event, Sums};
use bursar_domain::record::Verdict;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::history::Forwards;
use crate::http::problem::Problem;

/// How many records are read first.
const PIECE: usize = 8;

/// What was done for one member.
#[derive(Serialize, ToSchema)]
pub(crate) struct MemberLine {
    #[schema(example = "member-7")]
    member: String,
    /// How many activities.
    activities: u64,
    /// Their sum, in major units.
    #[schema(example = "12.30")]
    amount: String,
    /// The earliest service date.
    #[schema(example = "2026-11-01")]
    service_from: String,
    /// The latest one.
    #[schema(example = "2026-11-30")]
    service_to: String,
    /// How many of them were for a service before the period in which they accrued.
    late: u64,
}

impl MemberLine {
    /// Whose it is.
    pub(super) fn member(&self) -> &str {
        &self.member
    }
}

/// The sums of one member.
#[derive(Clone, Copy)]
struct MemberSum {
    activities: u64,
    amount: Total,
    service_from: Day,
    service_to: Day,
    late: u64,
}

impl MemberSum {
    fn nothing(day: Day) -> Self {
        let (activities, amount, late) = (0, Total::ZERO, 0);
        Self { activities, amount, service_from: day, service_to: day, late }
    }

    fn add(&mut self, activity: &Activity, is_late: bool) {
        let sum = self.amount.checked_add(activity.amount());
        self.amount = sum.expect("a total holds any number of amounts");
        self.activities += 1;
        self.late += u64::from(is_late);
        self.service_from = self.service_from.min(activity.service_date());
        self.service_to = self.service_to.max(activity.service_date());
    }

    fn line(&self, member: Box<str>, currency: Currency) -> MemberLine {
        MemberLine {
            member: member.into(),
            activities: self.activities,
            amount: self.amount.to_major(currency),
            service_from: self.service_from.to_string(),
            service_to: self.service_to.to_string(),
            late: self.late,
        }
    }
}

/// The members of one page, and one more to know whether there is a next page.
struct Page<'a> {
    after: Option<&'a str>,
    limit: usize,
    members: BTreeMap<Box<str>, MemberSum>,
}

impl Page<'_> {
    fn take(&mut self, noted: &Noted) {
        for activity in &noted.lines {
            let (member, is_late) = (activity.member(), noted.is_late(activity));
            if self.after.is_some_and(|after| member <= after) {
                continue;
            }
            if let Some(sum) = self.members.get_mut(member) {
                sum.add(activity, is_late);
                continue;
            }
            if self.members.len() > self.limit {
                if self.members.last_key_value().is_some_and(|(last, _)| member > &**last) {
                    continue;
                }
                self.members.pop_last();
            }
            let mut sum = MemberSum::nothing(activity.service_date());
            sum.add(activity, is_late);
            self.members.insert(member.into(), sum);
        }
    }
}

/// The first members after one, ascending, and whether there are more.
pub(super) async fn by_member(
    state: &State,
    provider: &ProviderId,
    (sums, currency): (&Sums, Currency),
    (after, limit): (Option<&str>, usize),
) -> Result<(Vec<MemberLine>, bool), Problem> {
    let mut page = Page { after, limit, members: BTreeMap::new() };
    if sums.activities.count > 0 {
        read(state, provider, sums, &mut page).await?;
    }
    let more = page.members.len() > limit;
    let members = page.members.into_iter().take(limit);
    Ok((members.map(|(member, sum)| sum.line(member, currency)).collect(), more))
}

async fn read(
    state: &State,
    provider: &ProviderId,
    sums: &Sums,
    page: &mut Page<'_>,
) -> Result<(), Problem> {
    let entity = EntityId::provider(provider);
    let after = Seq(sums.first.0 - 1);
    let records = Forwards::begin(state, &entity, after, PIECE).await?;
    let mut records = records.ok_or_else(Problem::stopping)?;
    loop {
        let piece = records.next(state).await?;
        for (seq, record) in &piece {
            if *seq > sums.last {
                return Ok(());
            }
            let Verdict::Provider(events) = &record.verdict else { continue };
            for event in events {
                if let Event::Activities(noted) = event {
                    page.take(noted);
                }
            }
        }
        if piece.is_empty() || piece.last().is_some_and(|(seq, _)| *seq == sums.last) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bursar_domain::money::Amount;

    use super::*;

    fn noted(lines: &[(&str, i64)]) -> Noted {
        let day = |days| Day::from_days(days).expect("a day");
        let activity = |(index, (member, amount)): (usize, &(&str, i64))| {
            let id = format!("a{index}").into();
            let amount = Amount::from_minor(*amount);
            Arc::new(Activity::new(id, (*member).into(), day(20_000), None, amount).expect("good"))
        };
        Noted {
            period: 1,
            since: day(20_001),
            lines: lines.iter().enumerate().map(activity).collect(),
            others: Vec::new(),
            total: Amount::from_minor(lines.iter().map(|line| line.1).sum()),
            currency: Currency::from_code("EUR").expect("a currency"),
            balance_after: Total::ZERO,
        }
    }

    /// What one page shows: members, counts and sums; and whether there is more.
    fn page(after: Option<&str>, limit: usize, records: &[Noted]) -> (Vec<(String, i128)>, bool) {
        let mut page = Page { after, limit, members: BTreeMap::new() };
        for noted in records {
            page.take(noted);
        }
        let more = page.members.len() > limit;
        let sums = page.members.iter().take(limit);
        let shown = sums.map(|(member, sum)| (member.to_string(), sum.amount.minor())).collect();
        (shown, more)
    }

    #[test]
    fn pages_hold_whole_sums_in_whatever_order_members_come() {
        let records = [
            noted(&[("d", 1), ("c", 2), ("b", 4)]),
            noted(&[("a", 8), ("d", 16), ("b", 32)]),
            noted(&[("c", 64), ("a", 128), ("d", 256)]),
        ];
        let all = [("a", 136), ("b", 36), ("c", 66), ("d", 273)];
        let all = all.map(|(member, sum)| (member.to_owned(), sum));
        for limit in 1..=5 {
            let (mut shown, mut after) = (Vec::new(), None::<String>);
            loop {
                let (items, more) = page(after.as_deref(), limit, &records);
                after = items.last().map(|(member, _)| member.clone());
                shown.extend(items);
                if !more {
                    break;
                }
            }
            assert_eq!(shown, all, "{limit} a page");
        }
    }
}
