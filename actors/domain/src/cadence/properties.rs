//! The calendar against a slow second implementation that looks at every single date.
//!
//! The zones are those that do unusual things: half-hour steps (Lord Howe), changes at midnight
//! (Nuuk, St. John's, Cairo), a date left out (Apia), odd offsets (Kathmandu). Half of the local
//! times lie in the hours in which clocks change.

use proptest::prelude::*;

use super::*;

const ZONES: [&str; 9] = [
    "UTC",
    "Europe/Prague",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/Nuuk",
    "America/St_Johns",
    "Pacific/Apia",
    "Africa/Cairo",
];

fn any_every() -> impl Strategy<Value = Every> {
    prop_oneof![
        Just(Every::Day),
        (1..=7_u8).prop_map(Every::Week),
        (1..=31_u8).prop_map(Every::Month),
        (1..=12_u8, 1..=31_u8)
            .prop_filter("a date", |&(month, day)| parse::is_date_of_some_year(month, day))
            .prop_map(|(month, day)| Every::Year { month, day }),
    ]
}

pub(super) fn any_cadence() -> impl Strategy<Value = Cadence> {
    let hour = prop_oneof![0..24_u8, prop_oneof![Just(23_u8), 0..4_u8]];
    (any_every(), hour, 0..60_u8, 0..ZONES.len()).prop_map(|(every, hour, minute, zone)| Cadence {
        every,
        hour,
        minute,
        time_zone: ZONES[zone].to_owned(),
    })
}

/// Whether the rule names this date, told from the date alone.
fn is_named(every: Every, day: Date) -> bool {
    let is_last = day == day.last_of_month();
    let is_or_would_be = |wanted: u8| {
        let found = day.day().unsigned_abs();
        found == wanted || (is_last && found < wanted)
    };
    match every {
        Every::Day => true,
        Every::Week(weekday) => day.weekday().to_monday_one_offset().unsigned_abs() == weekday,
        Every::Month(wanted) => is_or_would_be(wanted),
        Every::Year { month, day: wanted } => {
            day.month().unsigned_abs() == month && is_or_would_be(wanted)
        }
    }
}

/// The occurrences after an instant, found by looking at each of the days around it.
fn by_looking_at_every_day(cadence: &Cadence, after_ms: i64, days: i64) -> Vec<i64> {
    let zone = cadence.zone();
    let after = Timestamp::from_millisecond(after_ms).expect("in range");
    let today = zone.date_at(after);
    let mut found: Vec<i64> = (-3..days)
        .map(|offset| today.checked_add(offset.days()).expect("in range"))
        .filter(|&day| is_named(cadence.every, day))
        .map(|day| cadence.instant_on(day, &zone).expect("in range"))
        .filter(|&at_ms| at_ms > after_ms)
        .collect();
    found.dedup();
    found
}

proptest! {
    #[test]
    fn no_period_is_skipped_or_comes_twice(
        cadence in any_cadence(),
        // 1960 to 2100.
        after_ms in -315_619_200_000..4_102_444_800_000_i64,
    ) {
        let days = match cadence.every {
            Every::Day => 400,
            Every::Week(_) | Every::Month(_) => 800,
            Every::Year { .. } => 3000,
        };
        let expected = by_looking_at_every_day(&cadence, after_ms, days);
        prop_assert!(expected.len() >= 7);
        prop_assert_eq!(&cadence.occurrences_after(after_ms, expected.len()), &expected);
    }

    #[test]
    fn occurrences_strictly_increase(
        cadence in any_cadence(),
        after_ms in -377_000_000_000_000..253_000_000_000_000_i64,
        back_ms in 1..100_000_000_i64,
    ) {
        let mut last = after_ms;
        for at_ms in cadence.occurrences_after(after_ms, 40) {
            prop_assert!(at_ms > last);
            prop_assert_eq!(cadence.next_after(last), Some(at_ms));
            // From anywhere between two occurrences the next one is the same.
            prop_assert_eq!(cadence.next_after(last.max(at_ms - back_ms)), Some(at_ms));
            last = at_ms;
        }
        prop_assert!(last > after_ms);
    }

    #[test]
    fn fields_and_bytes_keep_a_cadence(cadence in any_cadence()) {
        let (on, at) = (cadence.on_text(), cadence.at_text());
        let read = Cadence::new(
            cadence.every_name(),
            on.as_deref(),
            Some(&at),
            Some(cadence.time_zone()),
        );
        prop_assert_eq!(read.as_ref(), Ok(&cadence));
        let config = bincode::config::standard();
        let bytes = bincode::encode_to_vec(&cadence, config).expect("encodes");
        let (read, length): (Cadence, usize) =
            bincode::decode_from_slice(&bytes, config).expect("decodes");
        prop_assert_eq!((&read, length), (&cadence, bytes.len()));
    }
}
