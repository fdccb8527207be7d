//! The stream by which a server gives a table: a head, the rows, an end, a line each.
//!
//! ```text
//! {"export":{"table":"payments","position":"17.0.5",...,"columns":[{"name":"id","type":"text"},...]}}
//! {"id":"pay_3_alice",...}
//! {"end":{"rows":1}}
//! ```
//! The end says how many rows there were. A stream without it was cut off, whatever the connection
//! says, and whoever reads must throw away what came. No column is called `end`.

use bursar_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Table;
use super::column::{Column, MINOR, Type};
use super::formats::NdjsonReader;
use super::position::Position;
use super::rows::{Range, Rows};

/// The first line.
#[derive(Serialize, Deserialize)]
struct Head {
    export: Export,
}

/// What is exported.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Export {
    table: String,
    position: String,
    from: Option<String>,
    to: Option<String>,
    order: String,
    columns: Vec<Named>,
}

/// A column of the stream.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Named {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    nullable: bool,
}

/// The last line.
#[derive(Serialize, Deserialize)]
struct Tail {
    end: End,
}

#[derive(Serialize, Deserialize)]
struct End {
    rows: u64,
}

/// How the last line begins.
const END: &[u8] = b"{\"end\":";

fn named(table: &Table) -> Vec<Named> {
    let named = |name: String, column: &Column, kind: &str| Named {
        name,
        kind: kind.to_owned(),
        nullable: column.nullable,
    };
    let mut columns = Vec::new();
    for column in table.columns {
        columns.push(named(column.name.to_owned(), column, column.kind.as_str()));
        if column.kind == Type::Money {
            let minor = format!("{}{MINOR}", column.name);
            columns.push(named(minor, column, Type::Int.as_str()));
        }
    }
    columns
}

fn line(document: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(document).expect("a line has a JSON form");
    line.push(b'\n');
    line
}

/// The first line of a table at a position.
pub(crate) fn head(table: &Table, position: &Position, range: Range) -> Vec<u8> {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    line(&Head {
        export: Export {
            table: table.name.to_owned(),
            position: position.to_string(),
            from: time(range.from),
            to: time(range.to),
            order: table.order.to_owned(),
            columns: named(table),
        },
    })
}

/// The last line.
pub(crate) fn end(rows: u64) -> Vec<u8> {
    line(&Tail { end: End { rows } })
}

/// What reading a line led to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// It was the head, with this position.
    Begun(Position),
    /// It was a row.
    Row,
    /// It was the end.
    Ended,
}

/// Reads a stream, line by line.
pub(crate) struct Reader<'a> {
    table: &'a Table,
    lines: NdjsonReader<'a>,
    has_begun: bool,
    has_ended: bool,
    rows: u64,
}

impl<'a> Reader<'a> {
    /// Of a table.
    pub(crate) fn new(table: &'a Table) -> Self {
        let lines = NdjsonReader::new(table.columns);
        Self { table, lines, has_begun: false, has_ended: false, rows: 0 }
    }

    /// Reads a line, without its break. After an error nothing that came is of use.
    pub(crate) fn read(&mut self, line: &[u8], rows: &mut Rows) -> Result<Step, String> {
        if self.has_ended {
            return Err("something follows the end of the stream".to_owned());
        }
        if !self.has_begun {
            self.has_begun = true;
            return self.begun(line).map(Step::Begun);
        }
        if line.starts_with(END) {
            let Tail { end } = serde_json::from_slice(line).map_err(|error| error.to_string())?;
            if end.rows != self.rows {
                return Err(format!("{} rows came, and {} were sent", self.rows, end.rows));
            }
            self.has_ended = true;
            return Ok(Step::Ended);
        }
        let read = self.lines.read(line, rows);
        read.map_err(|error| format!("row {} cannot be read: {error}", self.rows + 1))?;
        self.rows += 1;
        Ok(Step::Row)
    }

    fn begun(&self, line: &[u8]) -> Result<Position, String> {
        let read: Result<Head, _> = serde_json::from_slice(line);
        let Head { export } =
            read.map_err(|_| "this is no export: its first line is none".to_owned())?;
        if export.table != self.table.name || export.columns != named(self.table) {
            return Err(format!(
                "the server's table {} has other columns: use the bursar of the server's version",
                export.table
            ));
        }
        export.position.parse()
    }

    /// The stream has no more lines; an error when it was cut off.
    pub(crate) fn finish(&self) -> Result<u64, String> {
        if self.has_ended {
            return Ok(self.rows);
        }
        Err(format!("the stream was cut off after {} rows, before its end", self.rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::formats::write_ndjson;
    use crate::export::tests::{SAMPLE, sample};

    fn position() -> Position {
        "1.2".parse().expect("a position")
    }

    /// A whole stream.
    fn stream() -> Vec<u8> {
        let rows = sample();
        let mut stream = head(&SAMPLE, &position(), Range::default());
        write_ndjson(&rows, &mut stream);
        stream.extend(end(3));
        stream
    }

    fn read(lines: &[&[u8]]) -> Result<(u64, Rows), String> {
        let mut reader = Reader::new(&SAMPLE);
        let mut rows = Rows::new(SAMPLE.columns, Range::default());
        for line in lines {
            reader.read(line, &mut rows)?;
        }
        Ok((reader.finish()?, rows))
    }

    #[test]
    fn a_whole_stream_is_read_and_any_other_is_not() {
        let stream = stream();
        let lines: Vec<&[u8]> = stream.trim_ascii_end().split(|byte| *byte == b'\n').collect();
        assert_eq!(lines.len(), 5);
        let (count, rows) = read(&lines).expect("whole");
        assert_eq!((count, rows), (3, sample()));
        for length in 0..lines.len() {
            let error = read(&lines[..length]).expect_err("cut off");
            assert!(error.contains("cut off after"), "{error}");
        }
        for left_out in 0..lines.len() {
            let mut fewer = lines.clone();
            fewer.remove(left_out);
            assert!(read(&fewer).is_err(), "{left_out}");
        }
        assert!(read(&[&lines[..], &lines[4..]].concat()).is_err(), "more after the end");
        assert!(read(&[&lines[..2], &lines[1..]].concat()).is_err(), "a row twice");
    }

    #[test]
    fn the_head_tells_the_position_and_whether_it_is_this_table() {
        let mut rows = Rows::new(SAMPLE.columns, Range::default());
        let head = head(&SAMPLE, &position(), Range::default());
        let step = Reader::new(&SAMPLE).read(&head, &mut rows);
        assert_eq!(step, Ok(Step::Begun(position())));
        let text = String::from_utf8(head).expect("UTF-8");
        for (from, to) in [("sample", "other"), ("\"words\"", "\"word\""), ("int64", "text")] {
            let other = text.replace(from, to);
            let error = Reader::new(&SAMPLE).read(other.as_bytes(), &mut rows).expect_err("other");
            assert!(error.contains("other columns"), "{error}");
        }
        for bad in ["", "{}", "<html>", "{\"id\":1}"] {
            assert!(Reader::new(&SAMPLE).read(bad.as_bytes(), &mut rows).is_err(), "{bad}");
        }
    }
}
