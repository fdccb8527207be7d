//! Columns: their names and types, the same for every format.
//!
//! An amount is one column here and two in every format: `amount`, a decimal number in major units
//! (`DECIMAL(38, 4)` in Parquet; no currency has more than four decimals), which can be summed as it
//! is, and `amount_minor`, the exact integer of minor units that Bursar computes with. Neither alone
//! says in which currency; each table has a column `currency`.
//!
//! Times are UTC with milliseconds, dates are days of the calendar without a zone.

/// The decimals of an amount in major units where a format needs one number for all currencies.
#[cfg(any(test, feature = "parquet"))]
pub(crate) const DECIMALS: u8 = 4;

/// What the second column of an amount is called: the name of the first, and this.
pub(crate) const MINOR: &str = "_minor";

/// The type of a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Type {
    /// UTF-8.
    Text,
    /// 64 bits, signed.
    Int,
    /// An instant, in milliseconds since the epoch.
    Time,
    /// A day, counted from 1970-01-01.
    Date,
    /// Yes or no.
    Flag,
    /// An amount; two columns in the file.
    Money,
}

impl Type {
    /// The word for it in the head of a stream.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Int => "int64",
            Self::Time => "timestamp",
            Self::Date => "date",
            Self::Flag => "bool",
            Self::Money => "amount",
        }
    }
}

/// A column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its type.
    pub(crate) kind: Type,
    /// Whether values may be missing.
    pub(crate) nullable: bool,
    /// Whether nearly every value is another one, so that a dictionary would only cost.
    pub(crate) distinct: bool,
}

const fn column(name: &'static str, kind: Type) -> Column {
    Column { name, kind, nullable: false, distinct: false }
}

/// A text.
pub(crate) const fn text(name: &'static str) -> Column {
    column(name, Type::Text)
}

/// A whole number.
pub(crate) const fn int(name: &'static str) -> Column {
    column(name, Type::Int)
}

/// An instant.
pub(crate) const fn time(name: &'static str) -> Column {
    column(name, Type::Time)
}

/// A day.
pub(crate) const fn date(name: &'static str) -> Column {
    column(name, Type::Date)
}

/// Yes or no.
pub(crate) const fn flag(name: &'static str) -> Column {
    column(name, Type::Flag)
}

/// An amount.
pub(crate) const fn money(name: &'static str) -> Column {
    column(name, Type::Money)
}

impl Column {
    /// The same, whose values may be missing.
    pub(crate) const fn or_null(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// The same, of which nearly every value is another one.
    pub(crate) const fn distinct(self) -> Self {
        Self { distinct: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    use bursar_domain::currency::Currency;

    use super::*;

    #[test]
    fn every_currency_has_room_for_its_decimals() {
        assert!(Currency::all().all(|currency| currency.exponent() <= DECIMALS));
    }
}
