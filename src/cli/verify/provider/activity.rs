//! The activities of a provider: each accepted once, for ever.
//!
//! The index says of every activity that was accepted what its content was: from a hash of its id
//! to a mark of all of it. Both are computed here a second time; how they are made never changes.
//! No record may accept what an earlier one did, and the index must have what the records accepted,
//! no more and no less: what the snapshot covers, or what a save wrote that a crash cut off.
//!
//! Memory: some 50 bytes for each activity of the one provider that is being read.

use std::collections::HashMap;

use bursar_domain::id::Seq;
use bursar_domain::key::{Index, Known};
use bursar_domain::money::Amount;
use bursar_domain::provider::Activity;
use bursar_domain::provider::event::Noted;
use bursar_snapshots::store::{Archive, IndexKind, Result};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed, xxh3_128};

use super::Provider;
use crate::cli::verify::faults::Faults;
use crate::cli::verify::ledger::{Entry, check_money};
use crate::cli::verify::side::{Covered, each_slot};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// What was accepted: for each slot in which record, and the mark.
#[derive(Debug, Default)]
pub(super) struct Accepted(HashMap<u128, (Seq, u64)>);

/// The slot of an activity, and the mark of its content.
fn entry_of(activity: &Activity) -> (u128, u64) {
    let (id, member) = (activity.id(), activity.member());
    let description = activity.description();
    let mut head = Vec::with_capacity(24);
    head.extend(activity.service_date().days().to_le_bytes());
    head.extend(activity.amount().minor().to_le_bytes());
    // A description that is missing differs from an empty one.
    for length in [id.len(), member.len(), description.map_or(0, |text| text.len() + 1)] {
        head.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    }
    let mut mark = xxh3_64(&head);
    for text in [id, member, description.unwrap_or_default()] {
        mark = xxh3_64_with_seed(text.as_bytes(), mark);
    }
    (xxh3_128(id.as_bytes()), mark)
}

impl Provider {
    pub(super) fn activities(&mut self, event: &Noted, entry: &mut Entry<'_>) {
        let Noted { period, since, total, currency, balance_after, .. } = *event;
        check_money(total, currency, self.currency(), entry);
        match &self.period {
            None => entry.wrong("activities are noted, and no period runs"),
            Some(running) if running.number != period => {
                let number = running.number;
                entry.wrong(format!("it is of period {period}; period {number} runs"));
            }
            Some(running) => {
                let began = running.began_at.millis().div_euclid(DAY_MS);
                // In whichever time zone.
                if (i64::from(since.days()) - began).abs() > 1 {
                    entry.wrong(format!("it says that its period began on {since}"));
                }
            }
        }
        self.accept(event, entry);
        let sum: i128 = event.lines.iter().map(|line| i128::from(line.amount().minor())).sum();
        if sum != i128::from(total.minor()) {
            let sum = crate::cli::verify::sums::major(sum, currency);
            let total = total.to_major(currency);
            entry.wrong(format!("the total is {total}; the lines come to {sum}"));
        }
        self.line(total.minor(), balance_after, currency, entry);
        self.add(entry, |sums| &mut sums.activities, (event.lines.len() as u64, total));
        entry.booked(currency, total);
    }

    fn accept(&mut self, event: &Noted, entry: &mut Entry<'_>) {
        let seq = entry.place.seq;
        for line in &event.lines {
            let (slot, mark) = entry_of(line);
            if line.amount() <= Amount::ZERO {
                entry.wrong(format!("activity {:?} is of no amount", line.id()));
            }
            if let Some((first, _)) = self.accepted.0.get(&slot) {
                let id = line.id();
                entry.wrong(format!("activity {id:?} was accepted before, in record {first}"));
            } else {
                self.accepted.0.insert(slot, (seq, mark));
            }
        }
        let count = event.lines.len() + event.others.len();
        let places = event.others.iter().map(|(place, _)| usize::from(*place));
        if !places.clone().is_sorted_by(|a, b| a < b) || places.max().is_some_and(|at| at >= count)
        {
            entry.wrong("the other lines stand where no line can be");
        }
    }
}

impl Accepted {
    /// Compares with the index: in memory when it was saved, and on disk.
    pub(super) fn check(
        &self,
        saved: Option<&Index>,
        archive: &dyn Archive,
        (id, covers): Covered<'_>,
        faults: &mut Faults,
    ) -> Result<()> {
        let mut slots: Vec<_> = self.0.iter().collect();
        slots.sort_unstable_by_key(|(_, (seq, _))| *seq);
        for (slot, (seq, mark)) in slots {
            let found = match saved.map(|index| index.get(*slot)) {
                Some(Known::Value(value)) => Some(value),
                Some(Known::Never) => None,
                Some(Known::AskDisk) | None => archive.index(id, IndexKind::Activity, *slot)?,
            };
            // What is newer the next save puts there.
            let is_right = found.map_or(*seq > covers, |found| found == *mark);
            if !is_right {
                let what = match found {
                    None => "it is not in the index: it could be accepted again",
                    Some(_) => "the index has another content than it was accepted with",
                };
                faults.wrong(format_args!("{id}, activity of record {seq}"), what);
            }
        }
        each_slot(archive, (id, IndexKind::Activity), &mut |slot| {
            if !self.0.contains_key(&slot) {
                let what = "the index has it, and no record accepted it";
                faults.wrong(format_args!("{id}, activity with the hash {slot:032x}"), what);
            }
        })
    }
}
