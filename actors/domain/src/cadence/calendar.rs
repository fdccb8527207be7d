//! A cadence that may be changed: the new one takes effect from the next period.
//!
//! The period that is open ends when it was going to end, because its payee counts on that; from
//! there the new cadence counts. The first period of the new one may be short ("on the 31st",
//! changed to "on the 1st"), but no period overlaps another and none is left out. Several changes
//! within one period: the last counts, and a change back to the present cadence is none.
//!
//! Every question is asked from the end of the last period that was run, not from now: only that
//! instant tells which period is open. Invariant: what waits differs from what counts.

use std::iter;

use bincode::{Decode, Encode};

use super::Cadence;
use super::missed::{CatchUp, MISSED_MAX, missed};

/// The cadence that counts, and the one that replaces it when the open period has ended.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Calendar {
    current: Cadence,
    next: Option<Cadence>,
}

impl Calendar {
    /// A cadence that nobody has changed.
    pub const fn new(cadence: Cadence) -> Self {
        Self { current: cadence, next: None }
    }

    /// The cadence of the open period.
    pub const fn current(&self) -> &Cadence {
        &self.current
    }

    /// The cadence of the periods after the open one, if it is another.
    pub const fn next(&self) -> Option<&Cadence> {
        self.next.as_ref()
    }

    /// Asks for another cadence from the next period on.
    pub fn change(&mut self, cadence: Cadence) {
        self.next = (cadence != self.current).then_some(cadence);
    }

    /// The open period has ended: what waited counts from now on.
    pub fn end_period(&mut self) {
        if let Some(next) = self.next.take() {
            self.current = next;
        }
    }

    /// When the period that began at `after_ms` ends.
    pub fn next_after(&self, after_ms: i64) -> Option<i64> {
        self.current.next_after(after_ms)
    }

    /// The ends of the next `count` periods, the first of which began at `after_ms`.
    pub fn occurrences_after(&self, after_ms: i64, count: usize) -> Vec<i64> {
        let Some(first) = self.next_after(after_ms) else {
            return Vec::new();
        };
        let following = self.next.as_ref().unwrap_or(&self.current);
        iter::once(first).chain(following.iter_after(first)).take(count).collect()
    }

    /// As [`missed`], where the period that began at `after_ms` is the open one.
    pub fn missed(&self, after_ms: i64, now_ms: i64, catch_up: CatchUp) -> Vec<i64> {
        let Some(first) = self.next_after(after_ms).filter(|&at_ms| at_ms <= now_ms) else {
            return Vec::new();
        };
        let following = self.next.as_ref().unwrap_or(&self.current);
        let rest = missed(following, first, now_ms, catch_up);
        match catch_up {
            CatchUp::Each => iter::once(first).chain(rest).take(MISSED_MAX).collect(),
            CatchUp::One if rest.is_empty() => vec![first],
            CatchUp::One => rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::properties::any_cadence;
    use super::*;
    use crate::time::Timestamp;

    fn instant(text: &str) -> i64 {
        Timestamp::parse(text).expect(text).millis()
    }

    fn cadence(every: &str, on: Option<&str>) -> Cadence {
        Cadence::new(every, on, None, None).expect("a cadence")
    }

    fn instants(days: &[&str]) -> Vec<i64> {
        days.iter().map(|day| instant(day)).collect()
    }

    #[test]
    fn a_change_takes_effect_from_the_next_period() {
        let mut calendar = Calendar::new(cadence("month", Some("15")));
        let began = instant("2026-10-15");
        let days = instants(&["2026-11-15", "2026-12-15", "2027-01-15"]);
        assert_eq!(calendar.occurrences_after(began, 3), days);
        calendar.change(cadence("week", Some("monday")));
        // 2026-11-15 is a Sunday: the first week has one day.
        let days = instants(&["2026-11-15", "2026-11-16", "2026-11-23"]);
        assert_eq!(calendar.occurrences_after(began, 3), days);
        assert_eq!(calendar.occurrences_after(began, 0), []);
        assert_eq!(calendar.next_after(began), Some(days[0]));
        assert_eq!(calendar.current(), &cadence("month", Some("15")));
        calendar.end_period();
        assert_eq!(calendar, Calendar::new(cadence("week", Some("monday"))));
        assert_eq!(calendar.next_after(days[0]), Some(days[1]));
        calendar.end_period();
        assert_eq!(calendar.current(), &cadence("week", Some("monday")));
    }

    #[test]
    fn of_several_changes_the_last_counts() {
        let mut calendar = Calendar::new(cadence("month", None));
        calendar.change(cadence("day", None));
        calendar.change(cadence("year", None));
        assert_eq!(calendar.next(), Some(&cadence("year", None)));
        calendar.change(cadence("month", None));
        assert_eq!(calendar, Calendar::new(cadence("month", None)));
        assert_eq!(calendar.next(), None);
    }

    #[test]
    fn what_was_missed_across_a_change_is_of_both_cadences() {
        let mut calendar = Calendar::new(cadence("month", None));
        calendar.change(cadence("day", None));
        let (began, now) = (instant("2026-10-01"), instant("2026-11-03T12:00:00Z"));
        let days = instants(&["2026-11-01", "2026-11-02", "2026-11-03"]);
        assert_eq!(calendar.missed(began, now, CatchUp::Each), days);
        assert_eq!(calendar.missed(began, now, CatchUp::One), days[2..]);
        assert_eq!(calendar.missed(began, days[0], CatchUp::Each), days[..1]);
        assert_eq!(calendar.missed(began, days[0], CatchUp::One), days[..1]);
        assert_eq!(calendar.missed(began, days[0] - 1, CatchUp::Each), []);
        assert_eq!(calendar.missed(began, days[0] - 1, CatchUp::One), []);
        let far = instant("2100-01-01");
        assert_eq!(calendar.missed(began, far, CatchUp::Each).len(), MISSED_MAX);
    }

    proptest! {
        #[test]
        fn a_preview_is_what_is_run(
            before in any_cadence(),
            after in any_cadence(),
            // 1960 to 2100.
            began in -315_619_200_000..4_102_444_800_000_i64,
        ) {
            let mut calendar = Calendar::new(before);
            calendar.change(after);
            let preview = calendar.occurrences_after(began, 6);
            let now = *preview.last().expect("in range");
            prop_assert_eq!(&calendar.missed(began, now, CatchUp::Each), &preview);
            prop_assert_eq!(calendar.missed(began, now, CatchUp::One), vec![now]);
            let mut run = Vec::new();
            let mut last = began;
            while run.len() < preview.len() {
                last = calendar.next_after(last).expect("in range");
                calendar.end_period();
                run.push(last);
            }
            prop_assert_eq!(run, preview);
        }
    }
}
