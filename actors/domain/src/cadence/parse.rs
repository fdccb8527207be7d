//! The texts of a cadence: its fields as they stand in a request.
//!
//! The grammar is strict, because a cadence decides when money leaves: `5` is the fifth and `05`
//! is refused, `9:00` is refused, `02-30` is refused. Only the names of days, which people write
//! in several ways, are taken in any case and as three letters.
//!
//! Invariants: what is returned is within the ranges of [`Every`]; every error names the field
//! that was read.

use jiff::civil::Date;

use super::{CadenceError, Every};

/// From Monday, as ISO 8601 numbers them.
const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// A year that has every date.
const LEAP_YEAR: i16 = 2024;

/// The name of a day of the week, 1 to 7.
pub(super) fn weekday_name(weekday: u8) -> &'static str {
    WEEKDAYS[usize::from(weekday) - 1]
}

/// Whether a leap year has this date.
pub(super) fn is_date_of_some_year(month: u8, day: u8) -> bool {
    let (Ok(month), Ok(day)) = (i8::try_from(month), i8::try_from(day)) else {
        return false;
    };
    Date::new(LEAP_YEAR, month, day).is_ok()
}

/// The fields `every` and `on` together.
pub(super) fn every(every: &str, on: Option<&str>) -> Result<Every, CadenceError> {
    match every {
        "day" => match on {
            None => Ok(Every::Day),
            Some(_) => Err(CadenceError::OnOfDay),
        },
        "week" => {
            let weekday = weekday(on.unwrap_or("monday")).ok_or(CadenceError::OnOfWeek)?;
            Ok(Every::Week(weekday))
        }
        "month" => {
            let day = day_of_month(on.unwrap_or("1")).ok_or(CadenceError::OnOfMonth)?;
            Ok(Every::Month(day))
        }
        "year" => {
            let (month, day) = pair(on.unwrap_or("01-01"), b'-').ok_or(CadenceError::OnOfYear)?;
            if !is_date_of_some_year(month, day) {
                return Err(CadenceError::OnOfYear);
            }
            Ok(Every::Year { month, day })
        }
        _ => Err(CadenceError::Every),
    }
}

/// The field `at`: hour and minute.
pub(super) fn time_of_day(text: &str) -> Result<(u8, u8), CadenceError> {
    pair(text, b':').filter(|&(hour, minute)| hour < 24 && minute < 60).ok_or(CadenceError::At)
}

fn weekday(text: &str) -> Option<u8> {
    (1..=7).zip(WEEKDAYS).find_map(|(number, name)| {
        let named = text.eq_ignore_ascii_case(name) || text.eq_ignore_ascii_case(&name[..3]);
        (named || text.as_bytes() == [b'0' + number]).then_some(number)
    })
}

fn day_of_month(text: &str) -> Option<u8> {
    if text.eq_ignore_ascii_case("last") {
        return Some(31);
    }
    let day = match *text.as_bytes() {
        [ones] => digit(ones)?,
        [tens @ b'1'..=b'9', ones] => digit(tens)? * 10 + digit(ones)?,
        _ => return None,
    };
    (1..=31).contains(&day).then_some(day)
}

/// Two numbers of two digits each with a separator between them.
fn pair(text: &str, separator: u8) -> Option<(u8, u8)> {
    let &[a, b, between, c, d] = text.as_bytes() else {
        return None;
    };
    if between != separator {
        return None;
    }
    Some((digit(a)? * 10 + digit(b)?, digit(c)? * 10 + digit(d)?))
}

fn digit(byte: u8) -> Option<u8> {
    byte.is_ascii_digit().then(|| byte - b'0')
}
