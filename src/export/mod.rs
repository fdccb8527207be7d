//! Export: the records of all entities as flat tables, for analysis outside of Bursar.
//!
//! A [`Table`] says which columns it has and how rows are made from records; it knows neither
//! where records come from nor what is written. [`Walk`] gives it the records up to one position
//! (`position.rs`), an entity at a time, and collects [`Rows`]; `directory.rs` walks the directory
//! of a stopped server, `src/http/export.rs` a running one; `formats` writes rows to files,
//! `stream.rs` is how they get from a server to the command (`src/cli/export`).
//!
//! **How to add a table.** One new file in `tables/`: take `payments.rs` as the pattern.
//! 1. Name the columns, in order, with the functions of `column.rs` (`text`, `int`, `time`, `date`,
//!    `flag`, `money`); say `.or_null()` where a value may be missing and `.distinct()` where a text
//!    is nearly never the same twice. An amount stands beside a column `currency`.
//! 2. Implement [`Fill`]: `record` is called for every record of the table's kinds of entity, entity
//!    by entity, in the order of positions. Make rows with `rows.row(at)`: `None` means that the
//!    instant is outside `--from` and `--to`. Fill the cells in the order of the columns and call
//!    `end`. What is only known at the end of an entity (a balance, a status) is kept in `self` and
//!    written in `entity_ended`, which must also forget it: memory is bounded by one entity.
//! 3. Make a `pub(super) static TABLE` of it, and name the file twice in `tables/mod.rs`. The
//!    command line, the server, the formats and the tests over all tables find it there.
//!
//! Match events with `if let`, so that a new event of the domain does not touch tables that have no
//! use for it. The words in cells are those of the HTTP API.

pub(crate) mod column;
pub(crate) mod directory;
pub(crate) mod formats;
pub(crate) mod position;
pub(crate) mod rows;
pub(crate) mod stream;
pub(crate) mod tables;
#[cfg(test)]
mod tests;
mod walk;

use bursar_domain::id::{EntityId, Kind};
use bursar_domain::message::Source;
use bursar_domain::record::Record;

use column::Column;
use rows::Rows;

pub(crate) use walk::Walk;

/// A table that can be exported.
pub(crate) struct Table {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What a row is.
    pub(crate) about: &'static str,
    /// The kinds of entity whose records it is made of, in the order in which they are read.
    pub(crate) kinds: &'static [Kind],
    /// Its columns.
    pub(crate) columns: &'static [Column],
    /// The column that `--from` and `--to` go by.
    pub(crate) by: &'static str,
    /// In which order its rows come.
    pub(crate) order: &'static str,
    /// Begins a walk.
    pub(crate) begin: fn() -> Box<dyn Fill>,
}

/// Makes the rows of a table from records.
pub(crate) trait Fill: Send {
    /// Whether the records of this entity are needed at all.
    fn wants(&self, _id: &EntityId) -> bool {
        true
    }

    /// A record, which stands at `source`. The records of an entity come together, in order.
    fn record(&mut self, source: Source, record: &Record, rows: &mut Rows);

    /// There are no more records of this entity.
    fn entity_ended(&mut self, _id: &EntityId, _rows: &mut Rows) {}

    /// There are no more records.
    fn ended(&mut self, _rows: &mut Rows) {}
}
