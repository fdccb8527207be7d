//! CSV (RFC 4180): a line of names, then a line for each row.
//!
//! The writer is the `csv` crate's, which quotes where it must; lines end with CR LF as the RFC says.
//! A missing value is an empty field, so an empty text cannot be told from a missing one here; the
//! other formats can.

use std::io::{self, Write};

use csv::{Terminator, WriterBuilder};

use super::{Writer, text};
use crate::export::Table;
use crate::export::column::{MINOR, Type};
use crate::export::rows::{Cell, Rows};

/// Writes CSV.
pub(super) struct Csv<W: Write> {
    out: csv::Writer<W>,
    /// The text of a field.
    field: Vec<u8>,
}

impl<W: Write> Csv<W> {
    /// Writes the names.
    pub(super) fn new(out: W, table: &Table) -> io::Result<Self> {
        let mut out = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
        for column in table.columns {
            out.write_field(column.name)?;
            if column.kind == Type::Money {
                out.write_field(format!("{}{MINOR}", column.name))?;
            }
        }
        out.write_record(None::<&[u8]>)?;
        Ok(Self { out, field: Vec::new() })
    }
}

impl<W: Write + Send> Writer for Csv<W> {
    fn write(&mut self, rows: &Rows) -> io::Result<()> {
        let width = rows.columns().len();
        let mut written = 0;
        rows.each(|column, cell| {
            if let Cell::Text(text) = cell {
                self.out.write_field(text)?;
            } else {
                self.field.clear();
                text::write(cell, &mut self.field);
                self.out.write_field(&self.field)?;
            }
            if column.kind == Type::Money {
                self.field.clear();
                if let Cell::Money(money) = cell {
                    write!(self.field, "{}", money.minor)?;
                }
                self.out.write_field(&self.field)?;
            }
            written += 1;
            if written == width {
                written = 0;
                self.out.write_record(None::<&[u8]>)?;
            }
            Ok(())
        })
    }

    fn end(mut self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}
