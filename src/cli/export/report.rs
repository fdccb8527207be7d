//! What an export says at its end: what was written, as of which position, how fast.
//!
//! The words are for people, `--json` is for programs; both say the same. The position can be given
//! to another export as it stands here.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::Wanted;
use crate::export::position::Position;
use crate::export::rows::Range;

/// What was written.
#[derive(Debug)]
pub(super) struct Report {
    table: &'static str,
    format: &'static str,
    range: Range,
    position: String,
    records: u64,
    /// None for standard output.
    pub(super) file: Option<PathBuf>,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) seconds: Duration,
}

impl Report {
    /// Nothing was written yet.
    pub(super) fn begun(wanted: &Wanted<'_>, position: &Position, file: Option<PathBuf>) -> Self {
        Self {
            table: wanted.table.name,
            format: wanted.format.as_str(),
            range: wanted.range,
            position: position.to_string(),
            records: position.records(),
            file,
            rows: 0,
            bytes: 0,
            seconds: Duration::ZERO,
        }
    }

    /// What a file says of itself, where its format has room for it.
    pub(super) fn notes(&self) -> Vec<(&'static str, String)> {
        let mut notes = vec![
            ("bursar.table", self.table.to_owned()),
            ("bursar.position", self.position.clone()),
        ];
        notes.extend(self.range.from.map(|from| ("bursar.from", from.to_string())));
        notes.extend(self.range.to.map(|to| ("bursar.to", to.to_string())));
        notes
    }

    /// Rows in a second.
    fn rate(&self) -> u64 {
        let micros = self.seconds.as_micros().max(1);
        let rate = u128::from(self.rows) * 1_000_000 / micros;
        u64::try_from(rate).unwrap_or(u64::MAX)
    }

    fn seconds(&self) -> String {
        format!("{:.3}", self.seconds.as_secs_f64())
    }

    /// As one JSON document.
    pub(super) fn to_json(&self) -> String {
        let document = json!({
            "table": self.table,
            "format": self.format,
            "file": self.file,
            "from": self.range.from.map(|at| at.to_string()),
            "to": self.range.to.map(|at| at.to_string()),
            "rows": self.rows,
            "bytes": self.bytes,
            "position": self.position,
            "records": self.records,
            "seconds": self.seconds.as_secs_f64(),
            "rows_per_second": self.rate(),
        });
        let mut text = serde_json::to_string_pretty(&document).expect("a value always is JSON");
        text.push('\n');
        text
    }

    /// For people.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            writeln!(text, "{name:9} {value}").expect("a text takes everything");
        };
        line("table", format!("{} ({})", self.table, self.format));
        if let Some(file) = &self.file {
            line("file", format!("{}, {} bytes", file.display(), self.bytes));
        }
        line("rows", format!("{} in {} s, {} a second", self.rows, self.seconds(), self.rate()));
        if let Some(from) = self.range.from {
            line("from", from.to_string());
        }
        if let Some(to) = self.range.to {
            line("to", to.to_string());
        }
        line("position", format!("{} (record {} of all shards)", self.position, self.records));
        text
    }
}
