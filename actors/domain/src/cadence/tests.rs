//! The calendar by tables: what people ask about (month ends, leap years, daylight saving), what
//! is refused, and the edges of the range.
//!
//! Each row is checked by `check`: the fields as in a request, an instant, and the occurrences
//! that follow it in UTC. Where a clock changes, the comment says how.

use super::*;

fn instant(text: &str) -> i64 {
    text.parse::<Timestamp>().expect(text).as_millisecond()
}

/// Fields in the order every, on, at, time zone; an empty one is absent.
fn made(fields: [&str; 4]) -> Result<Cadence, CadenceError> {
    let [on, at, time_zone] =
        [fields[1], fields[2], fields[3]].map(|text| (!text.is_empty()).then_some(text));
    Cadence::new(fields[0], on, at, time_zone)
}

/// Checks the occurrences after an instant, each written as UTC without seconds.
fn check(fields: [&str; 4], after: &str, expected: &[&str]) {
    let cadence = made(fields).expect("a cadence");
    let found: Vec<String> = cadence
        .occurrences_after(instant(after), expected.len())
        .into_iter()
        .map(|ms| Timestamp::from_millisecond(ms).expect("in range").to_string())
        .collect();
    let expected: Vec<String> = expected.iter().map(|text| format!("{text}:00Z")).collect();
    assert_eq!(found, expected, "{fields:?} after {after}");
}

#[test]
fn an_occurrence_is_strictly_after_the_instant() {
    let daily = ["day", "", "08:00", ""];
    check(daily, "2026-01-01T07:59:59.999Z", &["2026-01-01T08:00", "2026-01-02T08:00"]);
    check(daily, "2026-01-01T08:00:00Z", &["2026-01-02T08:00"]);
    check(daily, "2026-01-01T08:00:00.001Z", &["2026-01-02T08:00"]);
    check(daily, "1969-12-31T23:59:59.999Z", &["1970-01-01T08:00"]);
}

#[test]
fn the_defaults_are_monday_the_first_new_year_midnight_and_utc() {
    let after = "2026-11-20T10:15:30Z";
    check(["day", "", "", ""], after, &["2026-11-21T00:00", "2026-11-22T00:00"]);
    check(["week", "", "", ""], after, &["2026-11-23T00:00", "2026-11-30T00:00"]);
    check(["month", "", "", ""], after, &["2026-12-01T00:00", "2027-01-01T00:00"]);
    check(["year", "", "", ""], after, &["2027-01-01T00:00", "2028-01-01T00:00"]);
}

#[test]
fn a_week_has_its_day_whatever_day_it_is_now() {
    // 2026-11-20 is a Friday.
    let after = "2026-11-20T12:00:00Z";
    check(["week", "friday", "12:01", ""], after, &["2026-11-20T12:01", "2026-11-27T12:01"]);
    check(["week", "fri", "12:00", ""], after, &["2026-11-27T12:00"]);
    check(["week", "4", "12:00", ""], after, &["2026-11-26T12:00"]);
    check(["week", "Sunday", "", ""], after, &["2026-11-22T00:00", "2026-11-29T00:00"]);
    check(["week", "sun", "", ""], "2026-11-22T00:00:00Z", &["2026-11-29T00:00"]);
    check(["week", "mon", "", ""], "2026-12-31T00:00:00Z", &["2027-01-04T00:00"]);
}

#[test]
fn a_day_past_the_end_of_a_month_is_its_last_day() {
    let after = "2026-12-31T00:00:00Z";
    let ends = ["2027-01-31T00:00", "2027-02-28T00:00", "2027-03-31T00:00", "2027-04-30T00:00"];
    check(["month", "31", "", ""], after, &ends);
    check(["month", "last", "", ""], after, &ends);
    check(["month", "30", "", ""], "2028-01-31T00:00:00Z", &["2028-02-29T00:00"]);
    check(["month", "29", "", ""], "2027-01-31T00:00:00Z", &["2027-02-28T00:00"]);
    check(["month", "28", "", ""], "2028-02-01T00:00:00Z", &["2028-02-28T00:00"]);
    check(["month", "31", "", ""], "2100-02-01T00:00:00Z", &["2100-02-28T00:00"]);
}

#[test]
fn the_29th_of_february_is_the_28th_in_a_common_year() {
    let days = ["2027-02-28T09:00", "2028-02-29T09:00", "2029-02-28T09:00"];
    check(["year", "02-29", "09:00", ""], "2026-03-01T00:00:00Z", &days);
    check(["year", "02-29", "", ""], "2099-12-01T00:00:00Z", &["2100-02-28T00:00"]);
    check(["year", "02-28", "", ""], "2028-01-01T00:00:00Z", &["2028-02-28T00:00"]);
    check(["year", "12-31", "", ""], "2026-12-31T00:00:00Z", &["2027-12-31T00:00"]);
}

#[test]
fn a_local_time_in_a_gap_moves_forward_by_the_gap() {
    // Prague goes from 02:00 +01 to 03:00 +02 on 2026-03-29: 02:30 becomes 03:30.
    let daily = ["day", "", "02:30", "Europe/Prague"];
    let days = ["2026-03-28T01:30", "2026-03-29T01:30", "2026-03-30T00:30"];
    check(daily, "2026-03-28T00:00:00Z", &days);
    check(daily, "2026-03-29T01:29:59.999Z", &days[1..]);
    check(daily, "2026-03-29T01:30:00Z", &days[2..]);
    let after = "2026-03-28T12:00:00Z";
    check(["day", "", "03:30", "Europe/Prague"], after, &["2026-03-29T01:30"]);
    check(["day", "", "02:00", "Europe/Prague"], after, &["2026-03-29T01:00"]);
    // New York goes from 02:00 -05 to 03:00 -04 on 2026-03-08.
    let days = ["2026-03-07T07:30", "2026-03-08T07:30", "2026-03-09T06:30"];
    check(["day", "", "02:30", "America/New_York"], "2026-03-07T00:00:00Z", &days);
    // Lord Howe's gap is half an hour: 02:15 becomes 02:45 +11.
    let days = ["2026-10-03T15:45", "2026-10-04T15:15"];
    check(["day", "", "02:15", "Australia/Lord_Howe"], "2026-10-03T12:00:00Z", &days);
}

#[test]
fn a_local_time_that_comes_twice_is_taken_the_first_time() {
    // Prague goes from 03:00 +02 back to 02:00 +01 on 2026-10-25.
    let daily = ["day", "", "02:30", "Europe/Prague"];
    let days = ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"];
    check(daily, "2026-10-24T00:00:00Z", &days);
    check(daily, "2026-10-25T00:29:00Z", &days[1..]);
    check(daily, "2026-10-25T00:30:00Z", &days[2..]);
    check(daily, "2026-10-25T01:29:00Z", &days[2..]);
    // New York goes from 02:00 -04 back to 01:00 -05 on 2026-11-01.
    let days = ["2026-11-01T05:30", "2026-11-02T06:30"];
    check(["day", "", "01:30", "America/New_York"], "2026-11-01T00:00:00Z", &days);
}

#[test]
fn a_local_time_that_only_a_later_rule_would_repeat_comes_once() {
    // Nuuk stayed at -02 in the autumn of 2023; from 2024 on it goes from -01 back to -02 then.
    for (at, once) in [("23:00", "2023-10-29T01:00"), ("23:59", "2023-10-29T01:59")] {
        check(["month", "28", at, "America/Nuuk"], "2023-10-01T00:00:00Z", &[once]);
    }
    let daily = ["day", "", "23:30", "America/Nuuk"];
    check(daily, "2023-10-28T12:00:00Z", &["2023-10-29T01:30", "2023-10-30T01:30"]);
    check(daily, "2024-10-26T12:00:00Z", &["2024-10-27T00:30", "2024-10-28T01:30"]);
}

#[test]
fn a_gap_that_leads_into_the_next_day_loses_nothing() {
    // Nuuk goes from 23:00 -02 to 00:00 -01 in the night to 2026-03-29: 23:30 becomes 00:30.
    let daily = ["day", "", "23:30", "America/Nuuk"];
    let days = ["2026-03-28T01:30", "2026-03-29T01:30", "2026-03-30T00:30"];
    check(daily, "2026-03-27T12:00:00Z", &days);
    check(daily, "2026-03-29T01:10:00Z", &days[1..]);
    let month = ["month", "28", "23:30", "America/Nuuk"];
    check(month, "2026-03-29T01:10:00Z", &["2026-03-29T01:30", "2026-04-29T00:30"]);
}

#[test]
fn a_date_that_a_zone_left_out_falls_on_the_next() {
    // Apia went from 2011-12-29 24:00 -10 to 2011-12-31 00:00 +14.
    let daily = ["day", "", "09:00", "Pacific/Apia"];
    let days = ["2011-12-29T19:00", "2011-12-30T19:00", "2011-12-31T19:00"];
    check(daily, "2011-12-29T00:00:00Z", &days);
    let month = ["month", "30", "09:00", "Pacific/Apia"];
    check(month, "2011-12-30T12:00:00Z", &["2011-12-30T19:00", "2012-01-29T19:00"]);
}

#[test]
fn local_days_are_those_of_the_zone() {
    // Kathmandu is at +05:45.
    let days = ["2026-01-31T18:15", "2026-02-28T18:15"];
    check(["month", "1", "", "Asia/Kathmandu"], "2026-01-31T18:14:00Z", &days);
    check(
        ["week", "mon", "06:00", "Asia/Kathmandu"],
        "2026-11-22T00:14:00Z",
        &["2026-11-23T00:15"],
    );
    check(["year", "", "", "America/New_York"], "2027-01-01T04:59:00Z", &["2027-01-01T05:00"]);
    check(["year", "", "", "America/New_York"], "2027-01-01T05:00:00Z", &["2028-01-01T05:00"]);
}

#[test]
fn past_the_range_there_is_no_occurrence() {
    let yearly = made(["year", "12-30", "", ""]).expect("a cadence");
    let last = instant("9999-12-30T00:00:00Z");
    assert_eq!(yearly.next_after(last - 1), Some(last));
    for after in [last, i64::MAX, i64::MIN] {
        assert_eq!(yearly.next_after(after), None, "{after}");
        assert!(yearly.occurrences_after(after, usize::MAX).is_empty());
    }
    assert_eq!(yearly.occurrences_after(instant("9990-01-01T00:00:00Z"), usize::MAX).len(), 10);
    for every in ["day", "week", "month", "year"] {
        let cadence = made([every, "", "", ""]).expect("a cadence");
        assert_eq!(cadence.next_after(instant("9999-12-30T21:59:59Z")), None, "{every}");
    }
}

#[test]
fn the_fields_are_given_back_in_one_spelling() {
    for (fields, given_back) in [
        (["day", "", "", ""], ["day", "", "00:00", "UTC"]),
        (["week", "", "", "utc"], ["week", "monday", "00:00", "UTC"]),
        (
            ["week", "WED", "23:59", "europe/prague"],
            ["week", "wednesday", "23:59", "Europe/Prague"],
        ),
        (["week", "7", "", "Etc/UTC"], ["week", "sunday", "00:00", "Etc/UTC"]),
        (["month", "", "", ""], ["month", "1", "00:00", "UTC"]),
        (["month", "Last", "09:05", ""], ["month", "31", "09:05", "UTC"]),
        (["month", "30", "", ""], ["month", "30", "00:00", "UTC"]),
        (["year", "", "", ""], ["year", "01-01", "00:00", "UTC"]),
        (["year", "02-29", "", "US/Eastern"], ["year", "02-29", "00:00", "US/Eastern"]),
    ] {
        let cadence = made(fields).expect("a cadence");
        let on = cadence.on_text().unwrap_or_default();
        let at = cadence.at_text();
        assert_eq!([cadence.every_name(), &on, &at, cadence.time_zone()], given_back);
        assert_eq!(made(given_back), Ok(cadence), "{fields:?}");
    }
}

#[test]
fn a_wrong_field_is_named_with_what_is_allowed() {
    use CadenceError::{At, Every, OnOfDay, OnOfMonth, OnOfWeek, OnOfYear, TimeZone};
    let check = |error: CadenceError, pointer: &str, part: &str, wrong: &[[&str; 4]]| {
        assert_eq!(error.pointer(), pointer);
        assert!(error.to_string().contains(part), "{error}");
        for &fields in wrong {
            assert_eq!(made(fields), Err(error), "{fields:?}");
        }
    };
    let every = ["", "Day", "days", "hour", " day"].map(|every| [every, "", "", ""]);
    check(Every, "/settlement/every", "\"day\", \"week\", \"month\" or \"year\"", &every);
    check(OnOfDay, "/settlement/on", "leave \"on\" out", &[["day", "1", "", ""]]);
    let on = ["0", "8", "01", "+1", "m", "mond", "mondays", " mon", "é"];
    let week = on.map(|on| ["week", on, "", ""]);
    check(OnOfWeek, "/settlement/on", "\"mon\" to \"sun\"", &week);
    let on = ["0", "32", "01", "+1", "-1", "1.", "first", "001", "99", "255", "1 ", "٣"];
    let month = on.map(|on| ["month", on, "", ""]);
    check(OnOfMonth, "/settlement/on", "\"1\" to \"31\"", &month);
    let on = ["02-30", "13-01", "00-01", "01-00", "1-1", "01/01", "0101", "04-31", "99-99"];
    let year = on.map(|on| ["year", on, "", ""]);
    check(OnOfYear, "/settlement/on", "\"MM-DD\"", &year);
    let at = ["24:00", "23:60", "9:00", "09:00:00", "0900", "09.00", "+9:00", "-1:00", "99:99"];
    let day = at.map(|at| ["day", "", at, ""]);
    check(At, "/settlement/at", "\"HH:MM\"", &day);
    let zones = ["Prague", "CEST", "+01:00", "Etc/Unknown", "Europe/Prague ", "../UTC", "EST5EDT4"];
    let zone = zones.map(|zone| ["day", "", "", zone]);
    check(TimeZone, "/settlement/time_zone", "IANA", &zone);
    // An empty text is given, not absent.
    assert_eq!(Cadence::new("month", Some(""), None, None), Err(OnOfMonth));
    assert_eq!(Cadence::new("day", None, Some(""), None), Err(At));
    assert_eq!(Cadence::new("day", None, None, Some("")), Err(TimeZone));
}

#[test]
fn only_a_cadence_in_its_ranges_decodes() {
    let config = bincode::config::standard();
    let decoded = |every: Every, hour: u8, minute: u8, zone: &str| {
        let bytes = bincode::encode_to_vec((every, hour, minute, zone), config).expect("encodes");
        bincode::decode_from_slice::<Cadence, _>(&bytes, config).is_ok()
    };
    let leap_day = Every::Year { month: 2, day: 29 };
    assert!(decoded(leap_day, 23, 59, "Europe/Prague"));
    assert!(decoded(Every::Day, 0, 0, "UTC"));
    for every in [
        Every::Week(0),
        Every::Week(8),
        Every::Month(0),
        Every::Month(32),
        Every::Year { month: 2, day: 30 },
        Every::Year { month: 200, day: 1 },
    ] {
        assert!(!decoded(every, 0, 0, "UTC"), "{every:?}");
    }
    assert!(!decoded(Every::Day, 24, 0, "UTC"));
    assert!(!decoded(Every::Day, 0, 60, "UTC"));
    assert!(!decoded(Every::Day, 0, 0, "Europe/Nowhere"));
}
