//! Plain tables on a terminal: columns as wide as their widest cell, two spaces between them.
//!
//! Words begin at the left of their column and figures end at its right, so that amounts can be
//! compared by eye. Nothing is cut off: a report that leaves out digits is worse than a wide one.
//!
//! Invariant: every row has a cell for every column.

use std::fmt::Write;

/// How the cells of a column stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// A table of `N` columns.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    aligns: [Align; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// A table with nothing but the heads of its columns.
    pub(crate) fn new(columns: [(&str, Align); N]) -> Self {
        let heads = columns.map(|(head, _)| head.to_owned());
        Self { aligns: columns.map(|(_, align)| align), rows: vec![heads] }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: [String; N]) {
        self.rows.push(row);
    }

    /// The whole table, each line with its break.
    pub(crate) fn to_text(&self) -> String {
        let widths: [usize; N] = std::array::from_fn(|column| {
            let width = |row: &[String; N]| row[column].chars().count();
            self.rows.iter().map(width).max().unwrap_or_default()
        });
        let mut text = String::new();
        for row in &self.rows {
            let cells = row.iter().zip(widths).zip(self.aligns);
            let cells: Vec<_> =
                cells.map(|((cell, width), align)| pad(cell, width, align)).collect();
            line(&mut text, format_args!("{}", cells.join("  ").trim_end()));
        }
        text
    }
}

fn pad(cell: &str, width: usize, align: Align) -> String {
    match align {
        Align::Left => format!("{cell:<width$}"),
        Align::Right => format!("{cell:>width$}"),
    }
}

/// Adds a line to a report.
pub(crate) fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_left_and_figures_right() {
        let mut table = Table::new([("status", Align::Left), ("sum", Align::Right)]);
        table.push(["active".to_owned(), "1.00".to_owned()]);
        table.push(["é".to_owned(), "-1000.00".to_owned()]);
        assert_eq!(table.to_text(), "status       sum\nactive      1.00\né       -1000.00\n");
    }

    #[test]
    fn lines_end_with_their_last_cell() {
        let mut table = Table::new([("a", Align::Right), ("detail", Align::Left)]);
        table.push(["1".to_owned(), String::new()]);
        assert_eq!(table.to_text(), "a  detail\n1\n");
    }
}
