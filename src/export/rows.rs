//! Rows in memory, column by column.
//!
//! Tables write rows cell by cell; formats read them either by columns, as Parquet wants them, or
//! row by row ([`Rows::each`]). A column keeps only the values that are there, and for every row a
//! level: 1 when it has a value, 0 when it has none, which is what Parquet calls the definition
//! level. Rows are used again after they were written, so a long export allocates once.
//!
//! Invariants: a row is filled in the order of the columns, with values of their types, or the
//! process stops: that is a mistake in a table. A missing value stands only where one may be missing.

use std::fmt::{Display, Write};

use bursar_domain::currency::Currency;
use bursar_domain::plan::Day;
use bursar_domain::time::Timestamp;

use super::column::{Column, Type};

/// Which rows are wanted, by their time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Range {
    /// From this instant on.
    pub(crate) from: Option<Timestamp>,
    /// Before this instant.
    pub(crate) to: Option<Timestamp>,
    /// The time of the export: what may be shown only from some day on is shown by it.
    pub(crate) now: Timestamp,
}

impl Range {
    fn has(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at < to)
    }
}

/// A value, or that there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cell<'a> {
    /// None.
    Null,
    /// A text.
    Text(&'a str),
    /// A number.
    Int(i64),
    /// Milliseconds since the epoch.
    Time(i64),
    /// Days since the epoch.
    Date(i32),
    /// Yes or no.
    Flag(bool),
    /// An amount.
    Money(Money),
}

/// An amount of some currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Money {
    /// In minor units.
    pub(crate) minor: i128,
    /// How many decimals the currency has.
    pub(crate) decimals: u8,
}

/// The values of a column, without those that are missing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Values {
    /// Texts, one after the other, and where each ends.
    Text(String, Vec<usize>),
    /// Numbers, instants.
    Long(Vec<i64>),
    /// Days.
    Days(Vec<i32>),
    /// Yes or no.
    Flags(Vec<bool>),
    /// Amounts.
    Money(Vec<Money>),
}

impl Values {
    fn of(kind: Type) -> Self {
        match kind {
            Type::Text => Self::Text(String::new(), Vec::new()),
            Type::Int | Type::Time => Self::Long(Vec::new()),
            Type::Date => Self::Days(Vec::new()),
            Type::Flag => Self::Flags(Vec::new()),
            Type::Money => Self::Money(Vec::new()),
        }
    }

    fn clear(&mut self) {
        match self {
            Self::Text(text, ends) => {
                text.clear();
                ends.clear();
            }
            Self::Long(values) => values.clear(),
            Self::Days(values) => values.clear(),
            Self::Flags(values) => values.clear(),
            Self::Money(values) => values.clear(),
        }
    }

    /// The value at an index.
    fn get(&self, kind: Type, at: usize) -> Cell<'_> {
        match self {
            Self::Text(text, ends) => {
                let begin = at.checked_sub(1).map_or(0, |before| ends[before]);
                Cell::Text(&text[begin..ends[at]])
            }
            Self::Long(values) if kind == Type::Time => Cell::Time(values[at]),
            Self::Long(values) => Cell::Int(values[at]),
            Self::Days(values) => Cell::Date(values[at]),
            Self::Flags(values) => Cell::Flag(values[at]),
            Self::Money(values) => Cell::Money(values[at]),
        }
    }
}

/// A column of some rows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Filled {
    /// What it is.
    pub(crate) column: Column,
    /// The values that are there.
    pub(crate) values: Values,
    /// For every row, 1 when its value is there, else 0.
    pub(crate) levels: Vec<i16>,
}

/// Some rows of a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Rows {
    columns: Vec<Filled>,
    range: Range,
    count: usize,
    text_bytes: usize,
}

impl Rows {
    /// No rows yet; only those in the range will be taken.
    pub(crate) fn new(columns: &[Column], range: Range) -> Self {
        let filled = |column: &Column| Filled {
            column: *column,
            values: Values::of(column.kind),
            levels: Vec::new(),
        };
        Self { columns: columns.iter().map(filled).collect(), range, count: 0, text_bytes: 0 }
    }

    /// The time of the export.
    pub(crate) fn now(&self) -> Timestamp {
        self.range.now
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The bytes of all texts.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// The columns.
    pub(crate) fn columns(&self) -> &[Filled] {
        &self.columns
    }

    /// Forgets the rows, but keeps their room.
    pub(crate) fn clear(&mut self) {
        for filled in &mut self.columns {
            filled.values.clear();
            filled.levels.clear();
        }
        (self.count, self.text_bytes) = (0, 0);
    }

    /// Begins a row of this time; `None` when it is not wanted.
    pub(crate) fn row(&mut self, at: Timestamp) -> Option<Row<'_>> {
        self.range.has(at).then(|| self.any_row())
    }

    /// Begins a row of whatever time.
    pub(crate) fn any_row(&mut self) -> Row<'_> {
        Row { rows: self, next: 0 }
    }

    /// Gives every cell of every row to `visit`, row by row.
    pub(crate) fn each<E>(
        &self,
        mut visit: impl FnMut(&Column, Cell<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut places = vec![0; self.columns.len()];
        for row in 0..self.count {
            for (filled, place) in self.columns.iter().zip(&mut places) {
                let cell = if filled.levels[row] == 0 {
                    Cell::Null
                } else {
                    *place += 1;
                    filled.values.get(filled.column.kind, *place - 1)
                };
                visit(&filled.column, cell)?;
            }
        }
        Ok(())
    }
}

/// A row being filled.
#[must_use = "a row counts only when it is ended"]
pub(crate) struct Row<'a> {
    rows: &'a mut Rows,
    next: usize,
}

impl Row<'_> {
    fn next(&mut self, kind: Option<Type>) -> &mut Filled {
        let filled = self.rows.columns.get_mut(self.next).expect("a row has no more columns");
        let Column { name, kind: own, nullable, .. } = filled.column;
        match kind {
            Some(kind) => assert_eq!(own, kind, "the column {name}"),
            None => assert!(nullable, "the column {name} has always a value"),
        }
        self.next += 1;
        filled.levels.push(i16::from(kind.is_some()));
        filled
    }

    fn long(mut self, kind: Type, value: i64) -> Self {
        let Values::Long(values) = &mut self.next(Some(kind)).values else {
            unreachable!("numbers and instants are kept as numbers")
        };
        values.push(value);
        self
    }

    fn days(mut self, value: i32) -> Self {
        let Values::Days(values) = &mut self.next(Some(Type::Date)).values else {
            unreachable!("days are kept as days")
        };
        values.push(value);
        self
    }

    /// No value.
    pub(crate) fn null(mut self) -> Self {
        self.next(None);
        self
    }

    /// A text.
    pub(crate) fn text(self, value: &str) -> Self {
        self.shown(value)
    }

    /// What something shows, as a text.
    pub(crate) fn shown(mut self, value: impl Display) -> Self {
        let Values::Text(text, ends) = &mut self.next(Some(Type::Text)).values else {
            unreachable!("texts are kept as texts")
        };
        let before = text.len();
        write!(text, "{value}").expect("a text takes everything");
        ends.push(text.len());
        let added = text.len() - before;
        self.rows.text_bytes += added;
        self
    }

    /// A text, if there is one.
    pub(crate) fn text_or_null(self, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    /// A number that is not negative.
    pub(crate) fn count(self, value: u64) -> Self {
        self.long(Type::Int, i64::try_from(value).expect("nothing is counted so far"))
    }

    /// A number, if there is one.
    pub(crate) fn count_or_null(self, value: Option<u64>) -> Self {
        match value {
            Some(value) => self.count(value),
            None => self.null(),
        }
    }

    /// An instant.
    pub(crate) fn time(self, at: Timestamp) -> Self {
        self.long(Type::Time, at.millis())
    }

    /// An instant, if there is one.
    pub(crate) fn time_or_null(self, at: Option<Timestamp>) -> Self {
        match at {
            Some(at) => self.time(at),
            None => self.null(),
        }
    }

    /// A day.
    pub(crate) fn date(self, day: Day) -> Self {
        self.days(day.days())
    }

    /// Yes or no.
    pub(crate) fn flag(mut self, value: bool) -> Self {
        let Values::Flags(values) = &mut self.next(Some(Type::Flag)).values else {
            unreachable!("flags are kept as flags")
        };
        values.push(value);
        self
    }

    /// An amount in minor units.
    pub(crate) fn money(self, minor: impl Into<i128>, currency: Currency) -> Self {
        self.amount(Money { minor: minor.into(), decimals: currency.exponent() })
    }

    /// An amount in minor units, if there is one.
    pub(crate) fn money_or_null(self, minor: Option<impl Into<i128>>, currency: Currency) -> Self {
        match minor {
            Some(minor) => self.money(minor, currency),
            None => self.null(),
        }
    }

    fn amount(mut self, money: Money) -> Self {
        let Values::Money(values) = &mut self.next(Some(Type::Money)).values else {
            unreachable!("amounts are kept as amounts")
        };
        values.push(money);
        self
    }

    /// A cell as [`Rows::each`] gave it.
    pub(crate) fn cell(self, cell: Cell<'_>) -> Self {
        match cell {
            Cell::Null => self.null(),
            Cell::Text(text) => self.text(text),
            Cell::Int(value) => self.long(Type::Int, value),
            Cell::Time(value) => self.long(Type::Time, value),
            Cell::Flag(value) => self.flag(value),
            Cell::Money(money) => self.amount(money),
            Cell::Date(value) => self.days(value),
        }
    }

    /// The row is whole.
    pub(crate) fn end(self) {
        assert_eq!(self.next, self.rows.columns.len(), "a row has a cell for every column");
        self.rows.count += 1;
    }
}
