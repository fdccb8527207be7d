//! Amounts of money: whole numbers of a currency's minor unit, never a float.
//!
//! An amount does not carry its currency; the account it belongs to does, and a command's
//! currency is compared with it once, at the top of the rule. There is no `+` and no `-`: every
//! operation says what happens when the result does not fit.
//!
//! Outside, an amount is a decimal string in major units (`"12.30"`). Requests are read by a
//! strict grammar, byte by byte, because this stands on the hot path of every payment; nothing is
//! rounded and nothing is guessed. A number too long for `i64` is refused, not wrapped.
//!
//! Invariants: what `write_major` writes for a positive amount, `parse` reads back as the same
//! amount; a `Total` holds the sum of more accounts than can exist (2^64 of them).

use std::fmt::{Display, Write};

use bincode::{Decode, Encode};
use rust_decimal::Decimal;
use thiserror::Error;

use crate::currency::Currency;

/// The longest amount in a request, in characters.
pub const TEXT_LENGTH_MAX: usize = 32;

/// An amount in minor units of a currency known from elsewhere; signed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug, Encode, Decode)]
pub struct Amount(i64);

/// Why a text is not an amount. The message tells the client what to send instead.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum AmountError {
    /// Not `(0|[1-9][0-9]*)(\.[0-9]+)?`, or too long.
    #[error(
        "write the amount as digits with a point before the decimals, such as \"12.30\": no sign, \
         exponent, space, separator or leading zero, at most {TEXT_LENGTH_MAX} characters"
    )]
    Grammar,
    /// More decimals than the currency has, even if they are zeros.
    #[error("{}", decimals_text(*.allowed))]
    TooManyDecimals {
        /// How many the currency has.
        allowed: u8,
    },
    /// Zero where something must move.
    #[error("the amount must be greater than zero")]
    Zero,
    /// Past `i64` minor units.
    #[error("the amount must be at most {} minor units of its currency", i64::MAX)]
    TooLarge,
}

fn decimals_text(allowed: u8) -> String {
    match allowed {
        0 => "this currency has no decimals: write a whole number without a point".to_owned(),
        _ => format!("this currency has {allowed} decimals: write no more than {allowed}"),
    }
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From minor units, such as cents.
    pub const fn from_minor(minor: i64) -> Self {
        Self(minor)
    }

    /// In minor units.
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// The sum; `None` when it does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference; `None` when it does not fit.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The same with the other sign; `None` for `i64::MIN`.
    pub fn checked_neg(self) -> Option<Self> {
        self.0.checked_neg().map(Self)
    }

    /// Whether it is 0.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether it is below 0.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Whether it is above 0.
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Reads an amount of a request: major units, greater than zero.
    ///
    /// The grammar is `(0|[1-9][0-9]*)(\.[0-9]+)?` with at most [`TEXT_LENGTH_MAX`] characters
    /// and at most as many decimals as the currency has. With several faults the first of
    /// `Grammar`, `TooManyDecimals`, `TooLarge`, `Zero` is told.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let amount = Self::parse_or_zero(text, currency)?;
        if amount.is_zero() {
            return Err(AmountError::Zero);
        }
        Ok(amount)
    }

    /// As [`Amount::parse`], but zero is fine: for limits.
    pub fn parse_or_zero(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let bytes = text.as_bytes();
        if bytes.len() > TEXT_LENGTH_MAX {
            return Err(AmountError::Grammar);
        }
        let (whole, fraction) = match bytes.iter().position(|&byte| byte == b'.') {
            None => (bytes, &[][..]),
            Some(point) if point + 1 == bytes.len() => return Err(AmountError::Grammar),
            Some(point) => (&bytes[..point], &bytes[point + 1..]),
        };
        if whole.is_empty() || (whole[0] == b'0' && whole.len() > 1) {
            return Err(AmountError::Grammar);
        }
        let mut minor = 0_u64;
        for byte in whole.iter().chain(fraction) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return Err(AmountError::Grammar);
            }
            minor = shifted(minor, digit);
        }
        let allowed = currency.exponent();
        if fraction.len() > usize::from(allowed) {
            return Err(AmountError::TooManyDecimals { allowed });
        }
        for _ in fraction.len()..usize::from(allowed) {
            minor = shifted(minor, 0);
        }
        i64::try_from(minor).map(Self).map_err(|_| AmountError::TooLarge)
    }

    /// Appends the amount in major units with all decimals of the currency: `12.30`, `-0.05`.
    pub fn write_major(self, currency: Currency, out: &mut String) {
        let unit = 10_u64.pow(u32::from(currency.exponent()));
        let minor = self.0.unsigned_abs();
        let sign = if self.is_negative() { "-" } else { "" };
        write_parts(sign, minor / unit, minor % unit, currency, out);
    }

    /// The amount in major units with all decimals of the currency: `12.30`, `-0.05`.
    pub fn to_major(self, currency: Currency) -> String {
        let mut out = String::with_capacity(24);
        self.write_major(currency, &mut out);
        out
    }

    /// The same number in major units, exactly.
    pub fn to_decimal(self, currency: Currency) -> Decimal {
        Decimal::new(self.0, u32::from(currency.exponent()))
    }

    /// From major units; `None` when it would have to be rounded or does not fit.
    pub fn from_decimal(major: Decimal, currency: Currency) -> Option<Self> {
        let (scale, exponent) = (major.scale(), u32::from(currency.exponent()));
        // A Decimal has at most 28 decimals, so neither power leaves an i128.
        let minor = if scale <= exponent {
            major.mantissa().checked_mul(10_i128.pow(exponent - scale))?
        } else {
            let divisor = 10_i128.pow(scale - exponent);
            if major.mantissa() % divisor != 0 {
                return None;
            }
            major.mantissa() / divisor
        };
        i64::try_from(minor).ok().map(Self)
    }
}

/// `minor` with one more digit at its end. Stops at the largest `u64`, which is past `i64` and
/// stays there however many digits follow, so one check after the last digit is enough.
fn shifted(minor: u64, digit: u8) -> u64 {
    minor.saturating_mul(10).saturating_add(u64::from(digit))
}

fn write_parts(
    sign: &str,
    whole: impl Display,
    fraction: impl Display,
    currency: Currency,
    out: &mut String,
) {
    let written = match usize::from(currency.exponent()) {
        0 => write!(out, "{sign}{whole}"),
        decimals => write!(out, "{sign}{whole}.{fraction:0>decimals$}"),
    };
    written.expect("writing to a String cannot fail");
}

/// The sum over many accounts, in minor units: wider than an [`Amount`], so that a trial balance
/// cannot overflow before there are 2^64 accounts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug, Encode, Decode)]
pub struct Total(i128);

impl Total {
    /// From minor units.
    pub const fn from_minor(minor: i128) -> Self {
        Self(minor)
    }

    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// In minor units.
    pub const fn minor(self) -> i128 {
        self.0
    }

    /// The sum with one more account; `None` when it does not fit.
    pub fn checked_add(self, amount: Amount) -> Option<Self> {
        self.0.checked_add(i128::from(amount.0)).map(Self)
    }

    /// The sum without one account; `None` when it does not fit.
    pub fn checked_sub(self, amount: Amount) -> Option<Self> {
        self.0.checked_sub(i128::from(amount.0)).map(Self)
    }

    /// The sum of two sums; `None` when it does not fit.
    pub fn checked_add_total(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The sum in major units with all decimals of the currency.
    pub fn to_major(self, currency: Currency) -> String {
        let unit = 10_u128.pow(u32::from(currency.exponent()));
        let minor = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let mut out = String::with_capacity(24);
        write_parts(sign, minor / unit, minor % unit, currency, &mut out);
        out
    }
}

impl From<Amount> for Total {
    fn from(amount: Amount) -> Self {
        Self(i128::from(amount.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use AmountError::{Grammar, TooLarge, TooManyDecimals, Zero};

    /// One of each exponent.
    const CODES: [&str; 4] = ["JPY", "EUR", "BHD", "CLF"];

    fn currency(code: &str) -> Currency {
        Currency::from_code(code).expect(code)
    }

    fn check(code: &str, text: &str, expected: Result<i64, AmountError>) {
        let found = Amount::parse(text, currency(code)).map(Amount::minor);
        assert_eq!(found, expected, "{text:?} {code}");
        let or_zero = if expected == Err(Zero) { Ok(0) } else { expected };
        let found = Amount::parse_or_zero(text, currency(code)).map(Amount::minor);
        assert_eq!(found, or_zero, "{text:?} {code}, or zero");
    }

    #[test]
    fn amounts_of_requests_are_read_in_minor_units() {
        check("EUR", "12.34", Ok(1234));
        check("EUR", "12.3", Ok(1230));
        check("EUR", "12", Ok(1200));
        check("EUR", "0.01", Ok(1));
        check("EUR", "92233720368547758.07", Ok(i64::MAX));
        check("JPY", "12", Ok(12));
        check("JPY", "9223372036854775807", Ok(i64::MAX));
        check("BHD", "1.234", Ok(1234));
        check("BHD", "1.2", Ok(1200));
        check("CLF", "0.0001", Ok(1));
        check("CLF", "922337203685477.5807", Ok(i64::MAX));
    }

    #[test]
    fn what_breaks_the_grammar_is_refused() {
        for text in [
            "",
            " ",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            "1E3",
            "1_000",
            "1,000",
            "1,5",
            " 1",
            "1 ",
            "1\n",
            "00",
            "01",
            "00.5",
            "1.2.3",
            "1..2",
            "1.-2",
            "0x10",
            "١",
            "12.3٤",
            "NaN",
            "inf",
            "\0",
            "1\0",
            "1/",
            "1:",
            "000000000000000000000000000000001",
            "100000000000000000000000000000000",
            "1.0000000000000000000000000000000",
        ] {
            for code in CODES {
                check(code, text, Err(Grammar));
            }
        }
    }

    #[test]
    fn the_first_fault_is_told() {
        check("JPY", "1.5", Err(TooManyDecimals { allowed: 0 }));
        check("JPY", "1.0", Err(TooManyDecimals { allowed: 0 }));
        check("EUR", "1.234", Err(TooManyDecimals { allowed: 2 }));
        check("EUR", "1.230", Err(TooManyDecimals { allowed: 2 }));
        check("EUR", "0.000", Err(TooManyDecimals { allowed: 2 }));
        check("EUR", "99999999999999999999999.999", Err(TooManyDecimals { allowed: 2 }));
        check("CLF", "1.23456", Err(TooManyDecimals { allowed: 4 }));
        check("EUR", "0", Err(Zero));
        check("EUR", "0.0", Err(Zero));
        check("EUR", "0.00", Err(Zero));
        check("EUR", "92233720368547758.08", Err(TooLarge));
        check("EUR", "92233720368547759", Err(TooLarge));
        check("EUR", "184467440737095516.16", Err(TooLarge));
        check("EUR", "18446744073709551616", Err(TooLarge));
        check("JPY", "9223372036854775808", Err(TooLarge));
        check("JPY", "99999999999999999999999999999999", Err(TooLarge));
    }

    #[test]
    fn a_refusal_tells_what_to_send() {
        for (error, part) in [
            (Grammar, "such as \"12.30\""),
            (Grammar, "at most 32 characters"),
            (TooManyDecimals { allowed: 0 }, "write a whole number"),
            (TooManyDecimals { allowed: 3 }, "no more than 3"),
            (Zero, "greater than zero"),
            (TooLarge, "at most 9223372036854775807 minor units"),
        ] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }

    #[test]
    fn amounts_are_written_with_all_decimals() {
        for (code, minor, text) in [
            ("EUR", 1230, "12.30"),
            ("EUR", -5, "-0.05"),
            ("EUR", 0, "0.00"),
            ("EUR", 100, "1.00"),
            ("EUR", i64::MAX, "92233720368547758.07"),
            ("EUR", i64::MIN, "-92233720368547758.08"),
            ("JPY", 12, "12"),
            ("JPY", 0, "0"),
            ("JPY", i64::MIN, "-9223372036854775808"),
            ("BHD", 1234, "1.234"),
            ("BHD", 7, "0.007"),
            ("CLF", -1, "-0.0001"),
        ] {
            let amount = Amount::from_minor(minor);
            assert_eq!(amount.to_major(currency(code)), text);
            let total = Total::from(amount);
            assert_eq!(Total::ZERO.checked_add(amount), Some(total));
            assert_eq!(total.to_major(currency(code)), text);
            assert_eq!(amount.to_decimal(currency(code)).to_string(), text);
            let mut out = "=".to_owned();
            amount.write_major(currency(code), &mut out);
            assert_eq!(out, format!("={text}"));
        }
    }

    #[test]
    fn a_decimal_is_taken_exactly_or_not_at_all() {
        for (code, text, minor) in [
            ("EUR", "12.3", Some(1230)),
            ("EUR", "12.3000000", Some(1230)),
            ("EUR", "-0.05", Some(-5)),
            ("EUR", "0.0000000000000000000000000000", Some(0)),
            ("EUR", "0.001", None),
            ("EUR", "0.0000000000000000000000000001", None),
            ("EUR", "-92233720368547758.08", Some(i64::MIN)),
            ("EUR", "92233720368547758.08", None),
            ("EUR", "79228162514264337593543950335", None),
            ("CLF", "79228162514264337593543950335", None),
            ("JPY", "1.5", None),
            ("JPY", "1.0", Some(1)),
        ] {
            let decimal = Decimal::from_str_exact(text).expect(text);
            let found = Amount::from_decimal(decimal, currency(code)).map(Amount::minor);
            assert_eq!(found, minor, "{text} {code}");
        }
    }

    #[test]
    fn what_does_not_fit_is_none() {
        let (max, min) = (Amount::from_minor(i64::MAX), Amount::from_minor(i64::MIN));
        let one = Amount::from_minor(1);
        assert_eq!(max.checked_add(one), None);
        assert_eq!(min.checked_sub(one), None);
        assert_eq!(min.checked_neg(), None);
        assert_eq!(max.checked_add(min), Some(Amount::from_minor(-1)));
        assert_eq!(one.checked_neg(), Some(Amount::from_minor(-1)));
        assert!(min.is_negative() && max.is_positive() && Amount::ZERO.is_zero());
        assert!(!Amount::ZERO.is_negative() && !Amount::ZERO.is_positive() && !one.is_zero());
        let total = Total::ZERO.checked_sub(min).expect("wider than an amount");
        assert_eq!(total.minor(), 1 << 63);
        assert_eq!(Total(i128::MAX).checked_add(one), None);
        assert_eq!(Total(i128::MIN).checked_sub(one), None);
        assert_eq!(Total(i128::MAX).checked_add_total(total), None);
        assert_eq!(total.checked_add_total(total).expect("fits").minor(), 1 << 64);
        let smallest = "-1701411834604692317316873037158841057.28";
        assert_eq!(Total(i128::MIN).to_major(currency("EUR")), smallest);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(minor in 1..=i64::MAX, code in 0..4_usize) {
            let (amount, currency) = (Amount::from_minor(minor), currency(CODES[code]));
            prop_assert_eq!(Amount::parse(&amount.to_major(currency), currency), Ok(amount));
        }

        #[test]
        fn decimals_and_bytes_keep_every_amount(minor in any::<i64>(), code in 0..4_usize) {
            let (amount, currency) = (Amount::from_minor(minor), currency(CODES[code]));
            let decimal = amount.to_decimal(currency);
            prop_assert_eq!(Amount::from_decimal(decimal, currency), Some(amount));
            let config = bincode::config::standard();
            let bytes = bincode::encode_to_vec(amount, config).expect("encodes");
            let read = bincode::decode_from_slice(&bytes, config);
            let read: (Amount, usize) = read.expect("decodes");
            prop_assert_eq!(read, (amount, bytes.len()));
        }

        #[test]
        fn parsing_agrees_with_rust_decimal(
            whole in prop_oneof![0..1000_u64, any::<u64>()],
            fraction in proptest::collection::vec(0..10_u8, 0..=4),
            code in 0..4_usize,
        ) {
            let currency = currency(CODES[code]);
            let decimals = fraction.len().min(usize::from(currency.exponent()));
            let digits = fraction[..decimals].iter().map(u8::to_string).collect::<String>();
            let point = if digits.is_empty() { "" } else { "." };
            let text = format!("{whole}{point}{digits}");
            let decimal = Decimal::from_str_exact(&text).expect("a plain number");
            let expected = Amount::from_decimal(decimal, currency).ok_or(TooLarge);
            prop_assert_eq!(Amount::parse_or_zero(&text, currency), expected);
        }

        #[test]
        fn any_text_that_is_read_keeps_to_the_grammar(text in "[0-9.+eE_ -]{0,8}") {
            if let Ok(amount) = Amount::parse_or_zero(&text, currency("EUR")) {
                let decimal = Decimal::from_str_exact(&text).expect("a plain number");
                prop_assert_eq!(amount.to_decimal(currency("EUR")), decimal);
                prop_assert!(text.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
            }
        }
    }
}
