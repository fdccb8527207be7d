//! Which lines a statement knows, and what was said of each; written a second time.
//!
//! A line is new once pending, once posted and once reversed, and a pending one only before its posted
//! one. A posted line is drawn unless the purchase that it names was; it replaces the line of its
//! `pending_id`, or else the oldest pending one that is like it and at most some days older, which is
//! only written down. What leaves the window with a call is not known any more when the call is
//! judged; but what a batch still needs stays in memory until it was looked at.
//!
//! What is known of a line only grows; the day until which it counts is the latest that was said.

use std::collections::{BTreeMap, BTreeSet};

use bursar_domain::plan::Day;
use bursar_domain::statement::{Content, Entry as Line, LineStatus, LineVerdict, Taken};

use super::line::{gives_back, likeness, mark, purchase, slot};
use crate::cli::verify::ledger::Entry;

/// How many days a pending line may be older than the posted one that replaces it unsaid.
const REPLACED_WITHIN_DAYS: i32 = 7;

/// How many pending lines that are like it are asked for a posted one, the oldest first.
const CANDIDATES_MAX: usize = 16;

/// The date is nowhere later than in this time zone.
const FIRST_ZONE_MS: i64 = 14 * 60 * 60 * 1_000;

// What was seen or said of a line, as bits.
const PENDING: u8 = 1;
const POSTED: u8 = 2;
const REVERSED: u8 = 4;
const DRAWN: u8 = 8;
const GIVEN_BACK: u8 = 16;
const REPLACED: u8 = 32;

/// What is known of a line, as it is on disk: mark, until which day it counts, what was said.
pub(super) type Known = (u64, Day, u8);

/// What is known, as it is on disk: from which day on, the lines by the slots of their ids, those seen
/// pending (likeness, date, slot).
pub(super) type State = (Day, BTreeMap<u64, Known>, BTreeSet<(u64, Day, u64)>);

/// What is known.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) oldest: Day,
    pub(super) lines: BTreeMap<u64, Known>,
    pub(super) pendings: BTreeSet<(u64, Day, u64)>,
}

impl Default for Window {
    fn default() -> Self {
        Self { oldest: Day::MIN, lines: BTreeMap::new(), pendings: BTreeSet::new() }
    }
}

impl Window {
    /// Lines were taken, and the window moved on; what is `needed` is kept in memory.
    pub(super) fn take(&mut self, event: &Taken, needed: Day, entry: &mut Entry<'_>) {
        check_bounds(event, entry);
        if event.oldest > self.oldest {
            Self { oldest: event.oldest, ..self.clone() }.judge(&event.entries, entry);
            self.forget_before(event.oldest, needed);
            self.keep(&event.kept);
            event.entries.iter().for_each(|line| self.note(line));
        } else {
            self.keep(&event.kept);
            self.judge(&event.entries, entry);
        }
        for slot in self.keep(&event.kept) {
            entry.wrong(format!("it keeps a line longer that is not known (slot {slot})"));
        }
    }

    /// Judges lines one by one, each with what those before it said, and notes them.
    fn judge(&mut self, lines: &[Line], entry: &mut Entry<'_>) {
        for (number, line) in lines.iter().enumerate() {
            let (id, status) = (&line.line.content().id, line.line.content().status);
            if !self.is_new(line.line.content()) {
                let status = status.as_str();
                entry.wrong(format!("line {number} ({id:?}, {status}) was taken before"));
            }
            let (draws, replaces) = self.expected(line.line.content());
            if line.replaces != replaces {
                entry.wrong(format!("line {number} ({id:?}) replaces another line than it says"));
            }
            if line.draws != draws {
                let what = if draws { "is to be drawn" } else { "is not to be drawn" };
                entry.wrong(format!("line {number} ({id:?}) {what}, and it says otherwise"));
            }
            self.note(line);
        }
    }

    /// What is known of a line that has not left the window.
    fn get(&self, slot: u64) -> Option<&Known> {
        self.lines.get(&slot).filter(|known| known.1 >= self.oldest)
    }

    fn has(&self, slot: u64, facts: u8) -> bool {
        self.get(slot).is_some_and(|known| known.2 & facts != 0)
    }

    fn is_new(&self, content: &Content) -> bool {
        let own = slot(&content.id);
        match content.status {
            LineStatus::Pending => !self.has(own, PENDING | POSTED),
            LineStatus::Posted => !self.has(own, POSTED),
            LineStatus::Reversed => !self.has(own, REVERSED),
        }
    }

    /// Whether a line is to be drawn, and what it replaces.
    fn expected(&self, content: &Content) -> (bool, Option<u64>) {
        if content.status != LineStatus::Posted {
            return (false, None);
        }
        let (own, purchase) = (slot(&content.id), purchase(content));
        let replaces = if content.pending_id.is_some() {
            Some(purchase).filter(|slot| *slot != own)
        } else if self.has(own, PENDING | DRAWN) {
            None
        } else {
            self.like(own, content)
        };
        (!self.has(purchase, DRAWN), replaces)
    }

    /// The oldest pending line that a posted one replaces without saying so.
    fn like(&self, own: u64, content: &Content) -> Option<u64> {
        let (like, last) = (likeness(content), content.date);
        let near = last.checked_add_days(-REPLACED_WITHIN_DAYS).unwrap_or(Day::MIN);
        let range = (like, near.max(self.oldest), 0)..=(like, last, u64::MAX);
        let found = self.pendings.range(range).take(CANDIDATES_MAX).find(|(_, _, slot)| {
            let settled = POSTED | REVERSED | GIVEN_BACK | REPLACED;
            *slot != own && self.get(*slot).is_some() && !self.has(*slot, settled)
        });
        found.map(|(_, _, slot)| *slot)
    }

    /// Something is said of a line on a day; what was known before.
    fn say(&mut self, slot: u64, day: Day, fact: u8) -> u8 {
        let new = (0, day, 0);
        let known = self.lines.entry(slot).or_insert(new);
        if known.1 < self.oldest {
            *known = new;
        }
        let before = known.2;
        (known.1, known.2) = (known.1.max(day), before | fact);
        before
    }

    /// Notes what a line says.
    fn note(&mut self, line: &Line) {
        let content = line.line.content();
        let (own, day) = (slot(&content.id), content.date);
        let (fact, better) = match content.status {
            LineStatus::Pending => (PENDING, POSTED),
            LineStatus::Posted => (POSTED, 0),
            LineStatus::Reversed => (REVERSED, PENDING | POSTED),
        };
        if self.say(own, day, fact) & better == 0
            && let Some(known) = self.lines.get_mut(&own)
        {
            known.0 = mark(content);
        }
        match content.status {
            LineStatus::Pending => {
                self.pendings.insert((likeness(content), day, own));
            }
            LineStatus::Posted => {
                self.say(purchase(content), day, DRAWN);
            }
            LineStatus::Reversed => {
                for slot in gives_back(content) {
                    self.say(slot, day, GIVEN_BACK);
                }
            }
        }
        if let Some(slot) = line.replaces {
            self.say(slot, day, REPLACED);
        }
    }

    /// Keeps known lines longer; those that are not known.
    fn keep(&mut self, kept: &[(u64, Day)]) -> Vec<u64> {
        let mut unknown = Vec::new();
        for (slot, until) in kept {
            match self.lines.get_mut(slot) {
                Some(known) => known.1 = known.1.max(*until),
                None => unknown.push(*slot),
            }
        }
        unknown
    }

    fn forget_before(&mut self, oldest: Day, needed: Day) {
        self.oldest = oldest;
        self.lines.retain(|_, known| known.1 >= oldest.min(needed));
        self.pendings.retain(|(_, day, _)| *day >= oldest);
    }

    /// Whether one of these was given back; also what only a batch keeps in memory.
    pub(super) fn is_given_back(&self, slots: [u64; 2]) -> bool {
        let is_it = |slot| self.lines.get(slot).is_some_and(|known| known.2 & GIVEN_BACK != 0);
        slots.iter().any(is_it)
    }
}

/// Every line is within the window, and so is the window within time.
fn check_bounds(event: &Taken, entry: &mut Entry<'_>) {
    let newest = Day::utc_ms(entry.at.millis().saturating_add(FIRST_ZONE_MS)).unwrap_or(Day::MAX);
    let Taken { today, oldest, entries, others, kept, .. } = event;
    if *today != Day::utc(entry.at) || oldest > today {
        entry.wrong(format!("it takes lines on {today}, from {oldest} on; it was another day"));
    }
    let is_within = |day: Day| (*oldest..=newest).contains(&day);
    for (number, line) in entries.iter().enumerate() {
        let content = line.line.content();
        if !is_within(content.date) {
            let date = content.date;
            entry.wrong(format!("line {number} is of {date}, which is outside the window"));
        }
        if !content.amount.is_positive() {
            entry.wrong(format!("line {number} has no positive amount"));
        }
    }
    let has_conflict = others.iter().any(|(_, verdict)| *verdict == LineVerdict::Conflict);
    if !kept.iter().all(|(_, until)| is_within(*until)) || !kept.is_empty() && !has_conflict {
        entry.wrong("it keeps lines longer for a line that cannot be");
    }
    if entries.is_empty() && kept.is_empty() {
        entry.wrong("it takes no line, and there was nothing to note");
    }
}
