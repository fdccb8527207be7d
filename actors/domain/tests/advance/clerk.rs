//! The clerk: runs errands in the small world, and brings reports that are sometimes odd.
//!
//! The report of the processor is made odder than it is: each line may stand there twice, lines say
//! the opposite of what has long been known, speak of attempts that never were and of advances that
//! nobody opened. All of it is brought, day after day, as if nothing had been read before.

use std::collections::BTreeMap;
use std::sync::Arc;

use bursar_domain::advance::{DebitKey, DebitStatus};
use bursar_domain::entity::Entity;
use bursar_domain::errand::{Found, Place, ReportLine, ReportSize, Reported, Wanted};
use bursar_domain::id::EntityId;

use crate::bench::DAY_MS;
use crate::world::World;

#[derive(Clone, Debug, Default)]
pub(crate) struct Clerk {
    set_aside: BTreeMap<EntityId, Arc<Vec<ReportLine>>>,
    /// Until then, there is no report.
    down_until: i64,
}

impl World {
    /// What an errand of a run finds, now.
    pub(crate) fn find(&mut self, run: &EntityId, wanted: &Wanted) -> Found {
        match wanted {
            Wanted::Agenda { until, after, limit, .. } => {
                self.agenda(*until, after.as_ref(), *limit)
            }
            Wanted::FetchReport { days } => self.fetch_report(run, *days),
            Wanted::ReportLines { from, limit } => {
                if self.faults.are_on(self.now) && self.chance.of(3) {
                    self.clerk.set_aside.remove(run);
                }
                let Some(lines) = self.clerk.set_aside.get(run) else { return Found::Gone };
                let from = usize::try_from(*from).expect("small");
                let end = (from + *limit as usize).min(lines.len());
                let next = (end < lines.len()).then_some(end as u64);
                Found::Lines { lines: lines[from..end].to_vec(), next }
            }
            Wanted::CloseReport => {
                let closed = self.clerk.set_aside.remove(run).is_some();
                if closed { Found::Closed } else { Found::Gone }
            }
        }
    }

    fn agenda(&self, until: i64, after: Option<&Place>, limit: u32) -> Found {
        let place = |(id, account): (&EntityId, &crate::world::Account<_>)| {
            let advance: &bursar_domain::advance::Advance = account.live.entity();
            Some(Place { number: advance.listed()?, id: id.id.as_ref().into() })
        };
        let mut places: Vec<Place> = self.advances.iter().filter_map(place).collect();
        places.retain(|place| place.number <= until && after.is_none_or(|after| place > after));
        places.sort();
        // Small pages, so that there are some.
        let limit = usize::try_from(limit).expect("small").min(self.faults.page);
        let more = places.len() > limit;
        places.truncate(limit);
        Found::Agenda { places, more }
    }

    fn fetch_report(&mut self, run: &EntityId, days: u16) -> Found {
        if self.faults.are_on(self.now) {
            if self.now < self.clerk.down_until || self.chance.of(10) {
                return Found::Unavailable { reason: "503".into() };
            }
            if self.chance.of(5) {
                return Found::Unusable { code: "truncated".into(), detail: "it ends".into() };
            }
            if self.chance.of(2) {
                let days = i64::try_from(self.chance.below(15)).expect("small");
                self.clerk.down_until = self.now + days * DAY_MS;
            }
        }
        let mut lines = self.processor.report(days, self.now);
        if self.faults.are_on(self.now) {
            self.make_odd(&mut lines);
        }
        let size = ReportSize { lines: lines.len() as u64, fresh: lines.len() as u64, others: 0 };
        self.clerk.set_aside.insert(run.clone(), Arc::new(lines));
        Found::Report(size)
    }

    fn make_odd(&mut self, lines: &mut Vec<ReportLine>) {
        for at in 0..lines.len() {
            if self.chance.of(20) {
                lines.push(lines[at].clone());
            }
            let other = self.chance.below(lines.len());
            lines.swap(at, other);
        }
        let Some(template) = lines.first().cloned() else { return };
        if self.chance.of(30) {
            let keys = ["adv_nobody/d1/1", "adv_0/d999/1", "adv_1/d1/77", "adv_2/d1/1/refund/9"];
            let key = keys[self.chance.below(keys.len())].into();
            lines.push(ReportLine { key, ..template.clone() });
        }
        if self.chance.of(30)
            && let Some(line) = self.lie(&template)
        {
            lines.push(line);
        }
    }

    /// A line that says the opposite of what an advance has known for good.
    fn lie(&mut self, template: &ReportLine) -> Option<ReportLine> {
        let number = self.chance.below(self.advances.len());
        let (id, account) = self.advances.iter().nth(number)?;
        let id = bursar_domain::id::AdvanceId::parse(&id.id)?;
        let rows = account.live.entity().schedule();
        let known = rows.iter().filter_map(|row| {
            let status = match row.status {
                DebitStatus::Succeeded | DebitStatus::Refunded => Reported::Failed,
                DebitStatus::Failed => Reported::Succeeded,
                DebitStatus::Scheduled
                | DebitStatus::Due
                | DebitStatus::Submitting
                | DebitStatus::Submitted { .. }
                | DebitStatus::Silent
                | DebitStatus::Cancelled
                | DebitStatus::Refunding => return None,
            };
            let (debit, attempt) = (row.number, u32::from(row.attempts));
            Some((DebitKey { advance: id.clone(), debit, attempt }.to_string(), status))
        });
        let known = known.collect::<Vec<_>>();
        let (key, status) = known.get(self.chance.below(known.len().max(1)))?.clone();
        Some(ReportLine { key: key.into(), status, ..template.clone() })
    }
}
