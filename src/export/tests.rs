//! What holds for every table, and a table of the tests' own that has every type of column.
//!
//! The rows of each table are tested against the real server in `tests/blackbox/export*.rs`; here is
//! only what a new table could get wrong by itself.

use std::collections::BTreeSet;
use std::path::Path;

use bursar_domain::currency::Currency;
use bursar_domain::id::Kind;
use bursar_domain::message::Source;
use bursar_domain::plan::Day;
use bursar_domain::record::Record;
use bursar_domain::time::Timestamp;

use super::column::{Column, MINOR, Type, date, flag, int, money, text, time};
use super::rows::{Range, Rows};
use super::tables::{TABLES, of_name};
use super::{Fill, Table};

struct Nothing;

impl Fill for Nothing {
    fn record(&mut self, _source: Source, _record: &Record, _rows: &mut Rows) {}
}

static COLUMNS: [Column; 9] = [
    text("id").distinct(),
    time("at"),
    date("day"),
    int("number").or_null(),
    flag("good").or_null(),
    money("amount"),
    money("fee").or_null(),
    text("currency"),
    text("words").or_null(),
];

/// A table with every type of column, some with and some without missing values.
pub(super) static SAMPLE: Table = Table {
    name: "sample",
    about: "a row of the tests",
    kinds: &[Kind::Wallet],
    columns: &COLUMNS,
    by: "at",
    order: "as they come",
    begin: || Box::new(Nothing),
};

pub(super) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("an instant")
}

pub(super) fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("a currency")
}

/// Rows with what is hard: quotes, line breaks, no value, an empty one, extremes, several currencies.
pub(super) fn sample() -> Rows {
    let mut rows = Rows::new(SAMPLE.columns, Range::default());
    let day = |text| Day::parse(text).expect("a day");
    let (eur, jpy, kwd) = (currency("EUR"), currency("JPY"), currency("KWD"));
    rows.any_row()
        .text("a,\"b\"\r\nc")
        .time(at("2026-01-31T23:59:59.999Z"))
        .date(day("2026-01-31"))
        .null()
        .flag(true)
        .money(-1234, eur)
        .null()
        .text("EUR")
        .text("")
        .end();
    rows.any_row()
        .text("Žofie €🜚")
        .time(at("1969-12-31T00:00:00Z"))
        .date(day("1969-12-31"))
        .count(7)
        .null()
        .money(i64::MAX, jpy)
        .money(i64::MIN, kwd)
        .text("JPY")
        .null()
        .end();
    // More than 64 bits hold: a sum of a provider.
    rows.any_row()
        .text("big")
        .time(at("2026-02-01T00:00:00Z"))
        .date(day("2026-02-01"))
        .count(0)
        .flag(false)
        .money(i128::from(i64::MAX) * 10, eur)
        .money(0, eur)
        .text("EUR")
        .text("{\"a\":1}")
        .end();
    rows
}

#[test]
fn every_table_is_well_formed() {
    let names: BTreeSet<_> = TABLES.iter().map(|table| table.name).collect();
    assert_eq!(names.len(), TABLES.len(), "no name twice");
    for table in TABLES {
        let name = table.name;
        assert!(of_name(name).is_some_and(|found| std::ptr::eq(found, table)), "{name}");
        assert!(table.kinds.is_sorted() && !table.kinds.is_empty(), "{name}: kinds ascend");
        let columns: BTreeSet<String> = columns(table).collect();
        let amounts = table.columns.iter().filter(|column| column.kind == Type::Money).count();
        assert_eq!(columns.len(), table.columns.len() + amounts, "{name}: no column twice");
        assert!(columns.contains("currency") || amounts == 0, "{name}: amounts have a currency");
        assert!(columns.contains(table.by), "{name}: the column {} is there", table.by);
        assert!(table.columns[0].name != "end", "{name}: the end of a stream can be told");
        for column in columns {
            let is_plain =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            let begins = column.starts_with(|first: char| first.is_ascii_lowercase());
            assert!(begins && column.bytes().all(is_plain), "{name}: {column} needs no escapes");
        }
    }
}

/// The names of a table's columns as a file has them.
fn columns(table: &'static Table) -> impl Iterator<Item = String> {
    table.columns.iter().flat_map(|column| {
        let minor = (column.kind == Type::Money).then(|| format!("{}{MINOR}", column.name));
        std::iter::once(column.name.to_owned()).chain(minor)
    })
}

#[test]
fn every_column_is_explained() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/export.md");
    let text = std::fs::read_to_string(path).expect("docs/export.md is there");
    for table in TABLES {
        let heading = format!("\n### {}\n", table.name);
        let section = text.split_once(&heading).map(|(_, rest)| rest);
        let section = section.unwrap_or_else(|| panic!("docs/export.md has no {heading}"));
        let section = section.split_once("\n### ").map_or(section, |(section, _)| section);
        for column in table.columns {
            let name = format!("`{}`", column.name);
            assert!(section.contains(&name), "docs/export.md, {}: {name}", table.name);
        }
        assert!(section.contains(table.order), "docs/export.md, {}: {}", table.name, table.order);
    }
}

#[test]
fn only_rows_of_the_range_are_taken() {
    let columns = [time("at")];
    let (from, to) = (Some(at("2026-01-02T00:00:00Z")), Some(at("2026-01-03T00:00:00Z")));
    for (range, expected) in [
        (Range { from: None, to: None, ..Range::default() }, 4),
        (Range { from, to: None, ..Range::default() }, 3),
        (Range { from: None, to, ..Range::default() }, 3),
        (Range { from, to, ..Range::default() }, 2),
    ] {
        let mut rows = Rows::new(&columns, range);
        for text in ["01T23:59:59.999", "02T00:00:00", "02T23:59:59.999", "03T00:00:00"] {
            let at = at(&format!("2026-01-{text}Z"));
            if let Some(row) = rows.row(at) {
                row.time(at).end();
            }
        }
        assert_eq!(rows.len(), expected, "{range:?}");
    }
}

#[test]
#[should_panic(expected = "a row has a cell for every column")]
fn a_row_that_is_not_whole_is_a_fault() {
    Rows::new(SAMPLE.columns, Range::default()).any_row().text("a").end();
}

#[test]
#[should_panic(expected = "the column id has always a value")]
fn a_missing_value_where_there_must_be_one_is_a_fault() {
    drop(Rows::new(SAMPLE.columns, Range::default()).any_row().null());
}
