//! The formats: what rows look like in a file.
//!
//! A format takes rows some thousand at a time and writes them to whatever takes bytes. All formats
//! have the same columns under the same names. CSV and NDJSON write an amount as its decimal text;
//! Parquet, which knows types, as `DECIMAL(38, 4)`.

mod csv;
mod ndjson;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(test)]
mod tests;
mod text;

use std::io::{self, Write};

use super::Table;
use super::rows::Rows;

pub(crate) use ndjson::{Reader as NdjsonReader, write as write_ndjson};

/// A format.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns, compressed; what DuckDB, Polars and pandas read fastest
    Parquet,
    /// Comma separated, with a line of names (RFC 4180); a missing value is an empty field
    Csv,
    /// One JSON object a line
    Ndjson,
}

impl Format {
    /// The word used on the command line and in reports.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// Whether this program can write it; else what to do.
    pub(crate) fn check(self) -> Result<(), &'static str> {
        match self {
            Self::Parquet if cfg!(not(feature = "parquet")) => {
                Err("this program was built without Parquet: build it with the feature `parquet` \
                 (cargo build --release --features parquet), or choose --format csv or ndjson")
            }
            Self::Parquet | Self::Csv | Self::Ndjson => Ok(()),
        }
    }

    /// A writer of this format, for the rows of a table. `notes` go into a file that has room for
    /// them.
    pub(crate) fn writer<'a>(
        self,
        out: impl Write + Send + 'a,
        table: &Table,
        notes: &[(&str, String)],
    ) -> io::Result<Box<dyn Writer + 'a>> {
        match self {
            Self::Csv => Ok(Box::new(csv::Csv::new(out, table)?)),
            Self::Ndjson => Ok(Box::new(ndjson::Ndjson::new(out))),
            #[cfg(feature = "parquet")]
            Self::Parquet => Ok(Box::new(parquet::Parquet::new(out, table, notes)?)),
            #[cfg(not(feature = "parquet"))]
            Self::Parquet => {
                // Only Parquet has room for them.
                let _ = notes;
                Err(io::Error::new(io::ErrorKind::Unsupported, "built without Parquet"))
            }
        }
    }
}

/// Writes rows in a format.
pub(crate) trait Writer: Send {
    /// Writes some rows.
    fn write(&mut self, rows: &Rows) -> io::Result<()>;

    /// Writes what stands at the end.
    fn end(self: Box<Self>) -> io::Result<()>;
}
