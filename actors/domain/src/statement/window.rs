//! The window: which lines are known, and what was said of each.
//!
//! A line is remembered by its slot until its date leaves the window. What is known of it: the mark
//! of its content, and facts: how far it was seen, whether its purchase was drawn or is about to be,
//! whether it was given back. A line of which only another one spoke (`pending_id`, `reversal_of`)
//! is there as well, without content.
//!
//! A posted line that does not say which pending one it replaces replaces the oldest that is like it
//! (same accounts, merchant and amount), is dated up to [`REPLACED_WITHIN_DAYS`] before it, and was
//! neither replaced nor posted nor given back before; only the first [`CANDIDATES_MAX`] are looked
//! at. This is only written down: what is drawn, and
//! what is taken back, follows from what lines say, never from what they look like, because a guess
//! would depend on the order in which lines come.
//!
//! Invariants: nothing before `oldest` is known; what is known of a line only grows.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use bincode::{Decode, Encode};

use crate::plan::Day;
use crate::statement::event::Entry;
use crate::statement::line::LineStatus;

/// How many days a pending line may be older than the posted one that replaces it unsaid.
pub(super) const REPLACED_WITHIN_DAYS: i32 = 7;

/// How many pending lines that are like a posted one are looked at: a statement may have thousands of
/// them.
pub(super) const CANDIDATES_MAX: usize = 16;

/// What was seen or said of a line: a set, which only grows.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Encode, Decode)]
pub(super) struct Facts(u8);

impl Facts {
    /// Seen pending.
    pub(super) const PENDING: Self = Self(1);

    /// Seen posted.
    pub(super) const POSTED: Self = Self(1 << 1);

    /// Seen reversed: the line itself gives something back.
    pub(super) const REVERSED: Self = Self(1 << 2);

    /// The purchase of this name was drawn, or is about to be.
    pub(super) const DRAWN: Self = Self(1 << 3);

    /// What it stands for was given back, as this or another line says.
    pub(super) const GIVEN_BACK: Self = Self(1 << 4);

    /// A posted line replaces it, said or by likeness.
    pub(super) const REPLACED: Self = Self(1 << 5);

    /// What a pending line that waits for its posted one has none of.
    const SETTLED: Self =
        Self(Self::POSTED.0 | Self::REVERSED.0 | Self::GIVEN_BACK.0 | Self::REPLACED.0);

    /// Whether it has this one, or one of these.
    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// What is known of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub(super) struct Known {
    /// The mark of its content: the posted one's, or else the pending one's, or else the reversed.
    pub(super) mark: u64,
    /// The day until which it counts: the latest date of a line that was it or spoke of it.
    pub(super) day: Day,
    /// What was seen or said of it.
    pub(super) facts: Facts,
}

impl Known {
    /// Whether a fact is known.
    pub(super) const fn has(self, fact: Facts) -> bool {
        self.facts.has(fact)
    }
}

/// What is known, in memory or on top of it while a call is judged.
pub(super) trait Lines {
    /// What is known of a line.
    fn get(&self, slot: u64) -> Option<Known>;

    /// This is known of a line.
    fn set(&mut self, slot: u64, known: Known);

    /// A pending line: what it has in common with its posted one, its date, its slot.
    fn pend(&mut self, likeness: u64, day: Day, slot: u64);

    /// What is known of a line, if only that it has come up on this day.
    fn get_or_new(&self, slot: u64, day: Day) -> Known {
        let mut known = self.get(slot).unwrap_or(Known { mark: 0, day, facts: Facts::default() });
        known.day = known.day.max(day);
        known
    }

    /// Adds a fact that a line of this date says.
    fn add(&mut self, slot: u64, day: Day, fact: Facts) {
        let mut known = self.get_or_new(slot, day);
        known.facts.add(fact);
        self.set(slot, known);
    }
}

/// What is known.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub(super) struct Window {
    /// Nothing before it is known.
    pub(super) oldest: Day,
    lines: BTreeMap<u64, Known>,
    /// Likeness, date and slot of lines that were seen pending; some were replaced since.
    pendings: BTreeSet<(u64, Day, u64)>,
}

impl Default for Window {
    fn default() -> Self {
        Self { oldest: Day::MIN, lines: BTreeMap::new(), pendings: BTreeSet::new() }
    }
}

impl Lines for Window {
    fn get(&self, slot: u64) -> Option<Known> {
        self.lines.get(&slot).copied().filter(|known| known.day >= self.oldest)
    }

    fn set(&mut self, slot: u64, known: Known) {
        self.lines.insert(slot, known);
    }

    fn pend(&mut self, likeness: u64, day: Day, slot: u64) {
        self.pendings.insert((likeness, day, slot));
    }
}

impl Window {
    /// How many lines are in memory.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether what a line stands for was given back; also of a line that only a batch that has yet
    /// to be looked at keeps in memory.
    pub(super) fn is_given_back(&self, slot: u64) -> bool {
        self.lines.get(&slot).is_some_and(|known| known.has(Facts::GIVEN_BACK))
    }

    /// Keeps a line that is known until a later date.
    pub(super) fn keep(&mut self, slot: u64, until: Day) {
        let known = self.lines.get_mut(&slot).expect("only what is known is kept longer");
        known.day = known.day.max(until);
    }

    /// Forgets what is before a day, but for what is from `needed` on and has yet to be looked at.
    /// The window never goes back.
    pub(super) fn forget_before(&mut self, oldest: Day, needed: Day) {
        assert!(oldest > self.oldest, "the window never goes back");
        self.oldest = oldest;
        self.lines.retain(|_, known| known.day >= needed.min(oldest));
        self.pendings.retain(|(_, day, _)| *day >= oldest);
    }
}

/// A window with what a call that is being judged adds to it; what leaves the window with the call
/// is not known any more.
pub(super) struct Ahead<'a> {
    window: &'a Window,
    oldest: Day,
    lines: HashMap<u64, Known>,
    pendings: BTreeSet<(u64, Day, u64)>,
    added: usize,
    /// How many lines of the window are known.
    in_window: OnceCell<usize>,
}

impl<'a> Ahead<'a> {
    /// With nothing added, on a day on which nothing before `oldest` is known.
    pub(super) fn of(window: &'a Window, oldest: Day) -> Self {
        let (lines, pendings) = (HashMap::new(), BTreeSet::new());
        Self { window, oldest, lines, pendings, added: 0, in_window: OnceCell::new() }
    }

    /// Whether so many lines are known.
    pub(super) fn has_as_many_as(&self, most: usize) -> bool {
        // Counted one by one only when it may matter, and once.
        let count = || {
            let known = self.window.lines.values();
            known.filter(|known| known.day >= self.oldest).count()
        };
        self.window.len() + self.added >= most
            && *self.in_window.get_or_init(count) + self.added >= most
    }

    /// The oldest pending line that a posted one without a link replaces.
    pub(super) fn replaced_by(&self, own: u64, likeness: u64, day: Day) -> Option<u64> {
        let first = day.checked_add_days(-REPLACED_WITHIN_DAYS).unwrap_or(Day::MIN);
        let first = first.max(self.oldest);
        let both = [&self.window.pendings, &self.pendings];
        let candidates: BTreeSet<(Day, u64)> = both
            .iter()
            .flat_map(|lines| like(lines, (likeness, first, day)).take(CANDIDATES_MAX))
            .collect();
        let waits = |slot: &u64| {
            let known = self.get(*slot);
            *slot != own && known.is_some_and(|known| !known.has(Facts::SETTLED))
        };
        candidates.into_iter().take(CANDIDATES_MAX).map(|(_, slot)| slot).find(waits)
    }
}

impl Lines for Ahead<'_> {
    fn get(&self, slot: u64) -> Option<Known> {
        let before = || self.window.get(slot).filter(|known| known.day >= self.oldest);
        self.lines.get(&slot).copied().or_else(before)
    }

    fn set(&mut self, slot: u64, known: Known) {
        if self.get(slot).is_none() {
            self.added += 1;
        }
        self.lines.insert(slot, known);
    }

    fn pend(&mut self, likeness: u64, day: Day, slot: u64) {
        self.pendings.insert((likeness, day, slot));
    }
}

/// Pending lines of one likeness, from a day to another.
fn like(
    pendings: &BTreeSet<(u64, Day, u64)>,
    (likeness, first, last): (u64, Day, Day),
) -> impl Iterator<Item = (Day, u64)> {
    let range = pendings.range((likeness, first, 0)..=(likeness, last, u64::MAX));
    range.map(|(_, day, slot)| (*day, *slot))
}

/// Writes what a line that was taken says.
pub(super) fn note(lines: &mut impl Lines, entry: &Entry) {
    let (line, content) = (&entry.line, entry.line.content());
    let (own, day) = (line.slot(), content.date);
    let before = lines.get_or_new(own, day);
    let (fact, has_better_mark) = match content.status {
        LineStatus::Pending => {
            lines.pend(line.likeness(), day, own);
            (Facts::PENDING, before.has(Facts::POSTED))
        }
        LineStatus::Posted => {
            lines.add(line.purchase_slot(), day, Facts::DRAWN);
            (Facts::POSTED, false)
        }
        LineStatus::Reversed => {
            for slot in line.gives_back() {
                lines.add(slot, day, Facts::GIVEN_BACK);
            }
            (Facts::REVERSED, before.has(Facts::POSTED) || before.has(Facts::PENDING))
        }
    };
    let mut known = lines.get_or_new(own, day);
    known.facts.add(fact);
    if !has_better_mark {
        known.mark = line.mark();
    }
    lines.set(own, known);
    if let Some(slot) = entry.replaces {
        lines.add(slot, day, Facts::REPLACED);
    }
}
