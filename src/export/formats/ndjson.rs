//! NDJSON: an object for each row, with every column in its order; a missing value is `null`.
//!
//! This is also how rows get from a server to the command, so it is written and read here, cell by
//! cell and without a tree of values in between. The reader takes what the writer writes and nothing
//! else: members in another order, or others, are an error.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

use bursar_domain::plan::Day;
use bursar_domain::time::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::{Writer, text};
use crate::export::column::{Column, MINOR, Type};
use crate::export::rows::{Cell, Row, Rows};

/// Writes rows, a line each.
pub(crate) fn write(rows: &Rows, out: &mut Vec<u8>) {
    let width = rows.columns().len();
    let mut written = 0;
    let done = rows.each(|column, cell| -> io::Result<()> {
        out.push(if written == 0 { b'{' } else { b',' });
        member(column, "", out);
        value(cell, out)?;
        if column.kind == Type::Money {
            out.push(b',');
            member(column, MINOR, out);
            if let Cell::Money(money) = cell {
                write!(out, "{}", money.minor)?;
            } else {
                value(cell, out)?;
            }
        }
        written += 1;
        if written == width {
            written = 0;
            out.extend_from_slice(b"}\n");
        }
        Ok(())
    });
    done.expect("memory takes everything");
}

/// Names of columns need no escapes.
fn member(column: &Column, ending: &str, out: &mut Vec<u8>) {
    for part in ["\"", column.name, ending, "\":"] {
        out.extend_from_slice(part.as_bytes());
    }
}

fn value(cell: Cell<'_>, out: &mut Vec<u8>) -> io::Result<()> {
    match cell {
        Cell::Null => out.extend_from_slice(b"null"),
        Cell::Text(text) => serde_json::to_writer(out, text)?,
        Cell::Int(_) | Cell::Flag(_) => text::write(cell, out),
        Cell::Time(_) | Cell::Date(_) | Cell::Money(_) => {
            out.push(b'"');
            text::write(cell, out);
            out.push(b'"');
        }
    }
    Ok(())
}

/// Writes NDJSON.
pub(super) struct Ndjson<W> {
    out: W,
    lines: Vec<u8>,
}

impl<W: Write> Ndjson<W> {
    /// There is nothing to write before the first row.
    pub(super) fn new(out: W) -> Self {
        Self { out, lines: Vec::new() }
    }
}

impl<W: Write + Send> Writer for Ndjson<W> {
    fn write(&mut self, rows: &Rows) -> io::Result<()> {
        self.lines.clear();
        write(rows, &mut self.lines);
        self.out.write_all(&self.lines)
    }

    fn end(mut self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}

/// Reads lines back into rows.
pub(crate) struct Reader<'a> {
    columns: &'a [Column],
}

impl<'a> Reader<'a> {
    /// Of rows with these columns.
    pub(crate) fn new(columns: &'a [Column]) -> Self {
        Self { columns }
    }

    /// Reads a line into a row. After an error the rows are of no use.
    pub(crate) fn read(&self, line: &[u8], rows: &mut Rows) -> Result<(), serde_json::Error> {
        let mut json = serde_json::Deserializer::from_slice(line);
        let seed = Members { columns: self.columns, row: rows.any_row() };
        seed.deserialize(&mut json)?;
        json.end()
    }
}

/// Reads the members of an object into a row.
struct Members<'a> {
    columns: &'a [Column],
    row: Row<'a>,
}

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row with every column in its order")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { columns, mut row } = self;
        for column in columns {
            expect_name(&mut map, column.name, "")?;
            row = read(&mut map, column, row)?;
        }
        if let Some(other) = map.next_key::<Cow<'de, str>>()? {
            return Err(A::Error::custom(format_args!("an unknown column {other:?}")));
        }
        row.end();
        Ok(())
    }
}

fn expect_name<'de, A: MapAccess<'de>>(
    map: &mut A,
    name: &str,
    ending: &str,
) -> Result<(), A::Error> {
    let is_it = |key: &str| key.strip_prefix(name) == Some(ending);
    match map.next_key::<Cow<'de, str>>()? {
        Some(key) if is_it(&key) => Ok(()),
        Some(key) => Err(A::Error::custom(format_args!("{key:?} instead of {name}{ending}"))),
        None => Err(A::Error::custom(format_args!("no column {name}{ending}"))),
    }
}

/// Reads the value of a column.
fn read<'a, 'de, A: MapAccess<'de>>(
    map: &mut A,
    column: &Column,
    row: Row<'a>,
) -> Result<Row<'a>, A::Error> {
    let bad = |text: String| A::Error::custom(format_args!("{}: {text:?}", column.name));
    let mut text = || map.next_value::<Option<String>>();
    match column.kind {
        Type::Int => put(row, column, map.next_value::<Option<i64>>()?.map(Cell::Int)),
        Type::Flag => put(row, column, map.next_value::<Option<bool>>()?.map(Cell::Flag)),
        Type::Text => put(row, column, text()?.as_deref().map(Cell::Text)),
        Type::Time => {
            let read = |text: String| Timestamp::parse(&text).ok_or_else(|| bad(text));
            let at = text()?.map(read).transpose()?;
            put(row, column, at.map(|at| Cell::Time(at.millis())))
        }
        Type::Date => {
            let read = |text: String| Day::parse(&text).ok_or_else(|| bad(text));
            let day = text()?.map(read).transpose()?;
            put(row, column, day.map(|day| Cell::Date(day.days())))
        }
        Type::Money => {
            let read = |text: String| text::read_amount(&text).ok_or_else(|| bad(text));
            let money = text()?.map(read).transpose()?;
            expect_name(map, column.name, MINOR)?;
            if map.next_value::<Option<i128>>()? != money.map(|money| money.minor) {
                return Err(bad("the amount and its minor units differ".to_owned()));
            }
            put(row, column, money.map(Cell::Money))
        }
    }
}

fn put<'a, E: Error>(row: Row<'a>, column: &Column, cell: Option<Cell<'_>>) -> Result<Row<'a>, E> {
    match cell {
        Some(cell) => Ok(row.cell(cell)),
        None if column.nullable => Ok(row.null()),
        None => Err(E::custom(format_args!("{} has no value", column.name))),
    }
}
