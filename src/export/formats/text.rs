//! The text of a cell, for formats of text.
//!
//! Amounts are decimal numbers with as many decimals as their currency has, times RFC 3339 in UTC
//! with milliseconds, dates `YYYY-MM-DD`, as everywhere in the HTTP API.

use std::io::{self, Write};

use bursar_domain::plan::Day;
use bursar_domain::time::Timestamp;

use crate::export::rows::{Cell, Money};

/// Writes the text of a cell; nothing for one without a value.
pub(super) fn write(cell: Cell<'_>, out: &mut Vec<u8>) {
    let written = match cell {
        Cell::Null => Ok(()),
        Cell::Text(text) => out.write_all(text.as_bytes()),
        Cell::Int(value) => write!(out, "{value}"),
        Cell::Time(millis) => write!(out, "{}", instant(millis)),
        Cell::Date(days) => write!(out, "{}", day(days)),
        Cell::Flag(value) => write!(out, "{value}"),
        Cell::Money(money) => amount(money, out),
    };
    written.expect("memory takes everything");
}

/// The instant of a cell.
pub(super) fn instant(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).expect("it was made of an instant")
}

/// The day of a cell.
pub(super) fn day(days: i32) -> Day {
    Day::from_days(days).expect("it was made of a day")
}

/// Writes an amount in major units.
pub(super) fn amount(money: Money, out: &mut Vec<u8>) -> io::Result<()> {
    let Money { minor, decimals } = money;
    let scale = 10_u128.pow(u32::from(decimals));
    let (whole, rest) = (minor.unsigned_abs() / scale, minor.unsigned_abs() % scale);
    let sign = if minor < 0 { "-" } else { "" };
    match usize::from(decimals) {
        0 => write!(out, "{sign}{whole}"),
        width => write!(out, "{sign}{whole}.{rest:0width$}"),
    }
}

/// Reads an amount in major units; `None` when it is not one that [`amount`] wrote.
pub(super) fn read_amount(text: &str) -> Option<Money> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
    let decimals = u8::try_from(rest.len()).ok()?;
    let all = [whole, rest].concat();
    let is_number = !whole.is_empty() && all.bytes().all(|byte| byte.is_ascii_digit());
    let minor: i128 = all.parse().ok().filter(|_| is_number)?;
    Some(Money { minor: if digits.len() < text.len() { -minor } else { minor }, decimals })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_and_read_back() {
        for (minor, decimals, text) in [
            (0, 2, "0.00"),
            (-5, 2, "-0.05"),
            (123_456, 2, "1234.56"),
            (7, 0, "7"),
            (-1, 4, "-0.0001"),
            (i128::from(i64::MAX) * 10, 3, "92233720368547758.070"),
        ] {
            let mut out = Vec::new();
            let money = Money { minor, decimals };
            write(Cell::Money(money), &mut out);
            assert_eq!(String::from_utf8(out).expect("digits"), text);
            assert_eq!(read_amount(text), Some(money));
        }
        for bad in ["", "-", ".5", "1e3", "+1", "--1", "1.2.3", "1_0", " 1"] {
            assert_eq!(read_amount(bad), None, "{bad:?}");
        }
    }
}
