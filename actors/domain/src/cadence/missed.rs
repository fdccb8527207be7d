//! What came due while nobody was there to act: after downtime each missed period is run once, in
//! order, or all of them together.
//!
//! The span is open at its beginning, the end of the last period that was run, and closed at its
//! end, now: an occurrence at this very instant is due. So calls with adjoining spans give every
//! occurrence to exactly one of them.
//!
//! Invariants: what is returned strictly increases and lies in the span; a call never returns more
//! than [`MISSED_MAX`], and a shorter answer is a complete one.

use bincode::{Decode, Encode};

use super::Cadence;

/// The most occurrences that one call returns: 27 years of days. As many as this means there may
/// be more; ask again from the last one.
pub const MISSED_MAX: usize = 10_000;

/// What to do with several periods that were missed. Only appended to: the order is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum CatchUp {
    /// Each is run by itself, the oldest first.
    Each,
    /// One run stands for all: it ends where the last of them ended.
    One,
}

impl CatchUp {
    /// From the word of a request or the configuration.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Each, Self::One].into_iter().find(|catch_up| catch_up.as_str() == text)
    }

    /// `each` or `one`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Each => "each",
            Self::One => "one",
        }
    }
}

/// The occurrences in (`after_ms`, `now_ms`] that are to be run, oldest first: the first
/// [`MISSED_MAX`] of them for `Each`, only the latest for `One`.
pub fn missed(cadence: &Cadence, after_ms: i64, now_ms: i64, catch_up: CatchUp) -> Vec<i64> {
    match catch_up {
        CatchUp::Each => cadence
            .iter_after(after_ms)
            .take_while(|&at_ms| at_ms <= now_ms)
            .take(MISSED_MAX)
            .collect(),
        CatchUp::One => {
            cadence.last_until(now_ms).filter(|&at_ms| at_ms > after_ms).into_iter().collect()
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

    fn daily_in_prague() -> Cadence {
        Cadence::new("day", None, Some("02:30"), Some("Europe/Prague")).expect("a cadence")
    }

    /// Checks what is missed in a span, with the hours of Prague's day without 02:30.
    fn check(after: &str, now: &str, expected: &[&str]) {
        let cadence = daily_in_prague();
        let expected: Vec<_> = expected.iter().map(|text| instant(text)).collect();
        let (after, now) = (instant(after), instant(now));
        assert_eq!(missed(&cadence, after, now, CatchUp::Each), expected);
        let last = expected.last().copied();
        assert_eq!(missed(&cadence, after, now, CatchUp::One), Vec::from_iter(last));
    }

    #[test]
    fn each_missed_period_is_run_once_in_order() {
        let days = ["2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"];
        check("2026-03-27T01:30:00Z", "2026-03-30T12:00:00Z", &days);
        check(days[0], "2026-03-30T12:00:00Z", &days[1..]);
        check(days[0], days[2], &days[1..]);
        check(days[0], "2026-03-30T00:29:59.999Z", &days[1..2]);
    }

    #[test]
    fn nothing_is_missed_within_a_period_or_backwards() {
        check("2026-03-28T01:30:00Z", "2026-03-29T01:29:59.999Z", &[]);
        check("2026-03-28T01:30:00Z", "2026-03-28T01:30:00Z", &[]);
        check("2026-03-28T01:30:00Z", "2020-01-01T00:00:00Z", &[]);
    }

    #[test]
    fn a_long_downtime_is_told_in_several_calls() {
        let cadence = daily_in_prague();
        let (mut after, now) = (instant("1970-01-01"), instant("2030-01-01T12:00:00Z"));
        let mut lengths = Vec::new();
        loop {
            let found = missed(&cadence, after, now, CatchUp::Each);
            lengths.push(found.len());
            after = found.last().copied().unwrap_or(after);
            if found.len() < MISSED_MAX {
                break;
            }
        }
        // 60 years and the 1st of January 1970 and 2030: 21,916 days.
        assert_eq!(lengths, [MISSED_MAX, MISSED_MAX, 21_916 - 2 * MISSED_MAX]);
        let last = vec![instant("2030-01-01T01:30:00Z")];
        assert_eq!(after, last[0]);
        assert_eq!(missed(&cadence, instant("1970-01-01"), now, CatchUp::One), last);
    }

    #[test]
    fn the_last_occurrence_is_found_up_to_the_edges() {
        let weekly = Cadence::new("week", Some("sunday"), None, None).expect("a cadence");
        // 9999-12-26 is a Sunday; the week after it has none any more. -9999-01-03 is the first.
        let last = instant("9999-12-26T00:00:00Z");
        assert_eq!(weekly.last_until(instant("9999-12-30T21:00:00Z")), Some(last));
        assert_eq!(weekly.last_until(i64::MAX), None);
        assert_eq!(weekly.last_until(i64::MIN), None);
        let start = jiff::Timestamp::MIN.as_millisecond();
        let days: i64 = 86_400_000;
        assert_eq!(weekly.last_until(start), None);
        assert!(weekly.last_until(start + 8 * days).is_some());
    }

    #[test]
    fn the_words_are_each_and_one() {
        for (catch_up, text) in [(CatchUp::Each, "each"), (CatchUp::One, "one")] {
            assert_eq!(catch_up.as_str(), text);
            assert_eq!(CatchUp::parse(text), Some(catch_up));
        }
        for text in ["", "all", "One", "none"] {
            assert_eq!(CatchUp::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn adjoining_spans_give_every_occurrence_once(
            cadence in any_cadence(),
            // 1960 to 2100, and spans up to three years.
            start_ms in -315_619_200_000..4_102_444_800_000_i64,
            lengths in proptest::collection::vec(0..94_608_000_000_i64, 1..5),
        ) {
            let mut now_ms = start_ms;
            let mut found = Vec::new();
            for length in &lengths {
                let after_ms = now_ms;
                now_ms += length;
                let each = missed(&cadence, after_ms, now_ms, CatchUp::Each);
                let one = missed(&cadence, after_ms, now_ms, CatchUp::One);
                prop_assert_eq!(one, Vec::from_iter(each.last().copied()));
                prop_assert!(each.iter().all(|&at_ms| after_ms < at_ms && at_ms <= now_ms));
                found.extend(each);
            }
            prop_assert_eq!(found, missed(&cadence, start_ms, now_ms, CatchUp::Each));
        }

        #[test]
        fn the_last_occurrence_is_the_one_before_the_next(
            cadence in any_cadence(),
            at_ms in -377_000_000_000_000..253_000_000_000_000_i64,
        ) {
            let last = cadence.last_until(at_ms).expect("in range");
            prop_assert!(last <= at_ms);
            prop_assert_eq!(cadence.next_after(last), cadence.next_after(at_ms));
            prop_assert_eq!(cadence.next_after(last - 1), Some(last));
        }
    }
}
