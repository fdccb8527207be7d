//! Reading exported files: what a file is, is seen from its first bytes.
//!
//! `PAR1` begins Parquet, `{` begins NDJSON (or saved answers of the server, one after the other),
//! anything else is CSV. Rows are read one by one, so memory does not grow with the file; a row that
//! is none ends the reading with its number, because a check that leaves rows out is worth nothing.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::rows::{Commitment, Saved};

/// Why a file cannot be read; with its path.
#[derive(Debug, Error)]
#[error("{}: {what}", path.display())]
pub(super) struct InputError {
    path: PathBuf,
    what: String,
}

impl InputError {
    /// A file, and what is wrong with it.
    pub(super) fn new(path: &Path, what: impl ToString) -> Self {
        Self { path: path.to_owned(), what: what.to_string() }
    }
}

fn open(path: &Path) -> Result<(File, [u8; 4]), InputError> {
    let wrong = |error: io::Error| InputError::new(path, format_args!("cannot be read: {error}"));
    let mut first = Vec::new();
    File::open(path).and_then(|file| file.take(4).read_to_end(&mut first)).map_err(wrong)?;
    first.resize(4, 0);
    let first = first.try_into().expect("four bytes");
    Ok((File::open(path).map_err(wrong)?, first))
}

/// Reads a table, row by row.
pub(super) fn each<T: DeserializeOwned>(
    path: &Path,
    bar: &ProgressBar,
    mut row: impl FnMut(T),
) -> Result<(), InputError> {
    let (file, first) = open(path)?;
    if first == *b"PAR1" {
        return parquet::each(path, file, bar, row);
    }
    bar.set_length(file.metadata().map_or(0, |metadata| metadata.len()));
    let mut reader = BufReader::with_capacity(1 << 20, bar.wrap_read(file));
    if first[0] != b'{' {
        return csv(path, reader, row);
    }
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let length = reader.read_until(b'\n', &mut line);
        let length = length.map_err(|error| InputError::new(path, error))?;
        if length == 0 {
            break;
        }
        if !line.trim_ascii().is_empty() {
            let wrong = |error| InputError::new(path, format_args!("line {number}: {error}"));
            row(serde_json::from_slice(&line).map_err(wrong)?);
        }
    }
    Ok(())
}

/// Reads commitments: the rows of a table, or saved answers of the server, one after the other.
pub(super) fn commitments(path: &Path, mut row: impl FnMut(Commitment)) -> Result<(), InputError> {
    let (file, first) = open(path)?;
    if first[0] != b'{' {
        return each(path, &ProgressBar::hidden(), row);
    }
    let reader = serde_json::Deserializer::from_reader(BufReader::new(file));
    for found in reader.into_iter() {
        match found.map_err(|error| InputError::new(path, error))? {
            Saved::Page { items } => items.into_iter().for_each(&mut row),
            Saved::Row(found) => row(found),
        }
    }
    Ok(())
}

fn csv<T: DeserializeOwned>(
    path: &Path,
    reader: impl Read,
    mut row: impl FnMut(T),
) -> Result<(), InputError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(reader);
    for found in reader.deserialize() {
        row(found.map_err(|error| InputError::new(path, error))?);
    }
    Ok(())
}

#[cfg(feature = "parquet")]
mod parquet {
    use bursar_domain::plan::Day;
    use bursar_domain::time::Timestamp;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::{Field, Row};
    use serde_json::{Map, Value};

    use super::{DeserializeOwned, File, InputError, Path, ProgressBar};

    pub(super) fn each<T: DeserializeOwned>(
        path: &Path,
        file: File,
        bar: &ProgressBar,
        mut row: impl FnMut(T),
    ) -> Result<(), InputError> {
        let reader = SerializedFileReader::new(file);
        let reader = reader.map_err(|error| InputError::new(path, error))?;
        bar.set_length(u64::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or(0));
        let rows = reader.get_row_iter(None).map_err(|error| InputError::new(path, error))?;
        for (number, found) in (1_u64..).zip(rows) {
            let found = found.map_err(|error| InputError::new(path, error))?;
            let wrong = |error| InputError::new(path, format_args!("row {number}: {error}"));
            row(serde_json::from_value(object(&found)).map_err(wrong)?);
            bar.inc(1);
        }
        Ok(())
    }

    fn object(row: &Row) -> Value {
        let members = row.get_column_iter().map(|(name, field)| (name.clone(), value(field)));
        Value::Object(members.collect::<Map<_, _>>())
    }

    /// A value of one of the types that the export writes; decimals are there as integers, too.
    fn value(field: &Field) -> Value {
        if let Field::Str(text) = field {
            Value::from(text.as_str())
        } else if let Field::Long(number) = field {
            Value::from(*number)
        } else if let Field::Bool(flag) = field {
            Value::from(*flag)
        } else if let Field::Date(days) = field {
            Day::from_days(*days).map(|day| day.to_string()).into()
        } else if let Field::TimestampMillis(at) = field {
            Timestamp::from_millis(*at).map(|at| at.to_string()).into()
        } else {
            Value::Null
        }
    }
}

#[cfg(not(feature = "parquet"))]
mod parquet {
    use super::{DeserializeOwned, File, InputError, Path, ProgressBar};

    pub(super) fn each<T: DeserializeOwned>(
        path: &Path,
        _: File,
        _: &ProgressBar,
        _: impl FnMut(T),
    ) -> Result<(), InputError> {
        let what = "is Parquet, which this build cannot read; export as ndjson or csv";
        Err(InputError::new(path, what))
    }
}
