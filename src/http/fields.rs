//! The fields of requests: from JSON to the domain's types, with the faulty field named.
//!
//! Amounts come as strings. A number is taken off the wire as well, only to be refused with
//! `invalid-amount` rather than with a message about types: it is the commonest mistake, and floats
//! must not get in by it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use bursar_domain::code::Code;
use bursar_domain::currency::Currency;
use bursar_domain::id::{DealId, ProviderId, WalletId};
use bursar_domain::money::Amount;
use bursar_domain::time::Timestamp;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::http::problem::Problem;

/// The longest description, in characters.
pub(crate) const DESCRIPTION_MAX: usize = 500;
/// The most fields of metadata.
pub(crate) const METADATA_FIELDS_MAX: usize = 32;
/// The longest name in metadata, in characters.
pub(crate) const METADATA_NAME_MAX: usize = 64;
/// The longest value in metadata, in characters.
pub(crate) const METADATA_VALUE_MAX: usize = 500;

/// An amount as written in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AmountText<'a> {
    /// A string, as it should be.
    Text(Cow<'a, str>),
    /// A number, which is refused.
    Number,
}

impl<'de: 'a, 'a> Deserialize<'de> for AmountText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AmountVisitor;
        impl<'de> Visitor<'de> for AmountVisitor {
            type Value = AmountText<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount as a string such as \"12.30\"")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(AmountText::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(AmountText::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(AmountText::Number)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(AmountText::Number)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(AmountText::Number)
            }
        }
        deserializer.deserialize_any(AmountVisitor)
    }
}

impl AmountText<'_> {
    /// The text, if it is one; `pointer` says where it stands.
    pub(crate) fn text(&self, pointer: &str) -> Result<&str, Problem> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Number => {
                let detail = "write the amount as a string such as \"12.30\", not as a number";
                Err(Problem::field(Code::InvalidAmount, pointer, detail))
            }
        }
    }
}

/// A currency by its code.
pub(crate) fn currency(code: &str) -> Result<Currency, Problem> {
    Currency::from_code(code).ok_or_else(|| {
        let detail = format!("{code:?} is not an ISO 4217 code such as \"EUR\"");
        Problem::field(Code::UnknownCurrency, "/currency", detail)
    })
}

/// An amount above zero with its currency.
pub(crate) fn money(amount: &AmountText<'_>, code: &str) -> Result<(Amount, Currency), Problem> {
    let currency = currency(code)?;
    Ok((self::amount(amount, currency, "/amount")?, currency))
}

/// An amount above zero.
pub(crate) fn amount(
    amount: &AmountText<'_>,
    currency: Currency,
    pointer: &str,
) -> Result<Amount, Problem> {
    Amount::parse(amount.text(pointer)?, currency)
        .map_err(|error| Problem::field(Code::InvalidAmount, pointer, error.to_string()))
}

/// A limit: zero or above.
pub(crate) fn limit(amount: &AmountText<'_>, currency: Currency) -> Result<Amount, Problem> {
    let pointer = "/credit_limit";
    Amount::parse_or_zero(amount.text(pointer)?, currency)
        .map_err(|error| Problem::field(Code::InvalidAmount, pointer, error.to_string()))
}

/// The id of a wallet named in a body.
pub(crate) fn wallet_id(text: &str, pointer: &str) -> Result<WalletId, Problem> {
    WalletId::parse(text).ok_or_else(|| invalid_id(pointer))
}

/// The id of a provider named in a body.
pub(crate) fn provider_id(text: &str, pointer: &str) -> Result<ProviderId, Problem> {
    ProviderId::parse(text).ok_or_else(|| invalid_id(pointer))
}

/// The id of a deal named in a body.
pub(crate) fn deal_id(text: &str, pointer: &str) -> Result<DealId, Problem> {
    DealId::parse(text).ok_or_else(|| invalid_id(pointer))
}

fn invalid_id(pointer: &str) -> Problem {
    let detail = "an id is 1 to 64 of the characters A-Z a-z 0-9 _ -";
    Problem::field(Code::InvalidId, pointer, detail)
}

/// The date of the business.
pub(crate) fn effective_at(text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    text.map(|text| instant(text, Code::InvalidField, "/effective_at")).transpose()
}

/// An instant, with the code and place of the fault when it is not one.
pub(crate) fn instant(text: &str, code: Code, pointer: &str) -> Result<Timestamp, Problem> {
    timestamp(text).ok_or_else(|| {
        let detail = "write the time as RFC 3339, such as \"2026-11-20T10:15:30Z\", or a date";
        Problem::field(code, pointer, detail)
    })
}

/// RFC 3339 with any offset, or a plain date, in the years 0000 to 9999 of UTC. The parser behind it
/// knows more ways to write an instant, and years that no answer could write as RFC 3339.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    let first = Timestamp::parse("0000-01-01").expect("the first day of the first year");
    is_rfc3339(text).then(|| Timestamp::parse(text))?.filter(|at| *at >= first)
}

/// Whether a text has the form; whether there is such a day is another question.
fn is_rfc3339(text: &str) -> bool {
    // Digits stand where the form has a 0; a letter is of either case.
    let fits = |text: &[u8], form: &[u8]| {
        text.len() == form.len()
            && text.iter().zip(form).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                form => byte.eq_ignore_ascii_case(form),
            })
    };
    let bytes = text.as_bytes();
    if bytes.len() <= 10 {
        return fits(bytes, b"0000-00-00");
    }
    let Some((time, rest)) = bytes.split_at_checked(19) else { return false };
    let zone = match rest.split_first() {
        Some((b'.', fraction)) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            &fraction[digits..]
        }
        Some(_) | None => rest,
    };
    let is_zone = fits(zone, b"Z") || fits(zone, b"+00:00") || fits(zone, b"-00:00");
    fits(time, b"0000-00-00T00:00:00") && is_zone
}

/// A text of bounded length without control characters.
pub(crate) fn text(
    text: Option<Cow<'_, str>>,
    length_max: usize,
    pointer: &str,
) -> Result<Option<Box<str>>, Problem> {
    let Some(text) = text else { return Ok(None) };
    if text.len() > length_max && text.chars().count() > length_max {
        let detail = format!("at most {length_max} characters");
        return Err(Problem::field(Code::InvalidField, pointer, detail));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::field(Code::InvalidField, pointer, "no control characters"));
    }
    Ok(Some(text.into()))
}

/// A text that must be there and not be empty.
pub(crate) fn required(
    value: Cow<'_, str>,
    length_max: usize,
    pointer: &str,
) -> Result<Box<str>, Problem> {
    if value.trim().is_empty() {
        return Err(Problem::field(Code::InvalidField, pointer, "must not be empty"));
    }
    Ok(text(Some(value), length_max, pointer)?.expect("it was given"))
}

/// The client's own fields, sorted by name.
pub(crate) type Metadata = Vec<(Box<str>, Box<str>)>;

/// Checks the client's own fields.
pub(crate) fn metadata(
    fields: Option<std::collections::BTreeMap<Cow<'_, str>, Cow<'_, str>>>,
) -> Result<Metadata, Problem> {
    let Some(fields) = fields else { return Ok(Vec::new()) };
    if fields.len() > METADATA_FIELDS_MAX {
        let detail = format!("at most {METADATA_FIELDS_MAX} fields");
        return Err(Problem::field(Code::InvalidField, "/metadata", detail));
    }
    let field = |(name, value): (Cow<'_, str>, Cow<'_, str>)| {
        let name = required(name, METADATA_NAME_MAX, "/metadata")?;
        let value = text(Some(value), METADATA_VALUE_MAX, "/metadata")?;
        Ok((name, value.expect("it was given")))
    };
    fields.into_iter().map(field).collect()
}

/// The whole number that a number with a fraction of zero is; a large one is out of every range.
pub(crate) fn whole(number: f64) -> Option<i128> {
    let is_whole = number.fract() == 0.0 && number.abs() < 1e18;
    // Written out in full, it is read exactly.
    is_whole.then(|| format!("{number:.0}").parse().ok())?
}

/// A whole number, or none. One with a fraction of zero is one, as in JSON Schema: some clients have
/// only one kind of number.
pub(crate) fn integer<'de, D: Deserializer<'de>, T: TryFrom<i128>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let whole = number.as_i128().or_else(|| whole(number.as_f64()?));
    let whole = whole.and_then(|whole| T::try_from(whole).ok());
    whole.map(Some).ok_or_else(|| {
        D::Error::custom(format_args!("invalid value: {number}, expected a whole number in range"))
    })
}

/// An object inside of a body. A list of its values is not one: it says no names, so a value in the
/// wrong place would be taken for another.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// A field that is an object, or is not there.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let object = Option::<Object<T>>::deserialize(deserializer)?;
    Ok(object.map(|Object(object)| object))
}

/// A field that is a list of objects.
pub(crate) fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let objects = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(objects.into_iter().map(|Object(object)| object).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_strings_of_the_currency() {
        for (text, code, reason) in [
            ("\"12.30\"", "EUR", None),
            ("\"12\"", "JPY", None),
            ("\"1e3\"", "EUR", Some(Code::InvalidAmount)),
            ("\"-5\"", "EUR", Some(Code::InvalidAmount)),
            ("\"0\"", "EUR", Some(Code::InvalidAmount)),
            ("\"1.234\"", "EUR", Some(Code::InvalidAmount)),
            ("\"1.5\"", "JPY", Some(Code::InvalidAmount)),
            ("12.30", "EUR", Some(Code::InvalidAmount)),
            ("5", "EUR", Some(Code::InvalidAmount)),
            ("\"5\"", "EURO", Some(Code::UnknownCurrency)),
        ] {
            let amount: AmountText<'_> = serde_json::from_str(text).expect("string or number");
            let found = money(&amount, code).err().map(|problem| problem.status());
            assert_eq!(found, reason.map(Code::status), "{text} {code}");
        }
        assert!(serde_json::from_str::<AmountText<'_>>("[1]").is_err());
    }

    #[test]
    fn instants_are_rfc_3339_in_the_years_that_it_can_write() {
        for good in [
            "2026-11-20",
            "2026-11-20T10:15:30Z",
            "2026-11-20t10:15:30.123456789z",
            "2026-11-20T10:15:30-11:30",
            "0000-01-01T00:00:00Z",
        ] {
            assert!(timestamp(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "2026-02-30",
            "20261120",
            "20261120T101530Z",
            "2026-11-20T10:15Z",
            "2026-11-20 10:15:30Z",
            "2026-11-20T10:15:30",
            "2026-11-20T10:15:30,5Z",
            "2026-11-20T10:15:30.Z",
            "2026-11-20T10:15:30+01",
            "2026-11-20T10:15:30+01:00:30",
            "2026-11-20T10:15:30Z[UTC]",
            "-009998-01-02T00:00:00Z",
            "0000-01-01T00:00:00+23:59",
            "2026-11-20T10:15:\u{e9}0Z",
        ] {
            assert!(timestamp(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn whole_numbers_may_have_a_fraction_of_zero() {
        for (text, number) in [
            ("12", Ok(Some(12))),
            ("12.0", Ok(Some(12))),
            ("-1.2e1", Ok(Some(-12))),
            ("2147483647", Ok(Some(i32::MAX))),
            ("null", Ok(None)),
            ("12.5", Err(())),
            ("2147483648", Err(())),
            ("1e300", Err(())),
            ("\"12\"", Err(())),
            ("true", Err(())),
        ] {
            let found = integer::<_, i32>(&mut serde_json::Deserializer::from_str(text));
            assert_eq!(found.map_err(|_| ()), number, "{text}");
        }
    }
}
