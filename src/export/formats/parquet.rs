//! Parquet: columns, compressed, with their types and what the export was as of.
//!
//! The `parquet` crate writes the file without Arrow: each lot of rows becomes one row group, column
//! after column, so memory is that of a lot. Compression is Snappy, which every reader knows.
//! Amounts are `DECIMAL(38, 4)` and the exact `INT64` beside it, which is null in the one case that
//! 64 bits cannot hold it: a sum of a provider. The footer's key-value metadata has
//! `bursar.table`, `bursar.position`, and `bursar.from` and `bursar.to` where they were given.
//!
//! Invariant: a value is there exactly where its level says so.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType,
    Int32Type, Int64Type,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type as Schema, TypePtr};

use super::Writer;
use crate::export::Table;
use crate::export::column::{Column, DECIMALS, MINOR, Type};
use crate::export::rows::{Filled, Money, Rows, Values};

/// The digits of an amount.
const PRECISION: i32 = 38;
/// The bytes of an amount.
const WIDTH: usize = 16;

/// Writes Parquet.
pub(super) struct Parquet<W: Write + Send> {
    file: SerializedFileWriter<W>,
    /// Room for the values of a column.
    texts: Vec<ByteArray>,
    decimals: Vec<FixedLenByteArray>,
}

impl<W: Write + Send> Parquet<W> {
    /// Writes the beginning.
    pub(super) fn new(out: W, table: &Table, notes: &[(&str, String)]) -> io::Result<Self> {
        let file = SerializedFileWriter::new(
            out,
            schema(table).map_err(error)?,
            Arc::new(properties(table, notes)),
        );
        let (texts, decimals) = (Vec::new(), Vec::new());
        Ok(Self { file: file.map_err(error)?, texts, decimals })
    }

    fn group(&mut self, rows: &Rows) -> Result<()> {
        let mut group = self.file.next_row_group()?;
        for filled in rows.columns() {
            let levels = filled.column.nullable.then_some(filled.levels.as_slice());
            match &filled.values {
                Values::Long(values) => put::<Int64Type, W>(&mut group, values, levels)?,
                Values::Days(values) => put::<Int32Type, W>(&mut group, values, levels)?,
                Values::Flags(values) => put::<BoolType, W>(&mut group, values, levels)?,
                Values::Text(text, ends) => {
                    self.texts.clear();
                    split(text, ends, &mut self.texts);
                    put::<ByteArrayType, W>(&mut group, &self.texts, levels)?;
                }
                Values::Money(amounts) => {
                    self.decimals.clear();
                    scale(amounts, &mut self.decimals)?;
                    put::<FixedLenByteArrayType, W>(&mut group, &self.decimals, levels)?;
                    let (values, levels) = minor(filled, amounts);
                    put::<Int64Type, W>(&mut group, &values, Some(&levels))?;
                }
            }
        }
        group.close()?;
        Ok(())
    }
}

impl<W: Write + Send> Writer for Parquet<W> {
    fn write(&mut self, rows: &Rows) -> io::Result<()> {
        if rows.len() == 0 { Ok(()) } else { self.group(rows).map_err(error) }
    }

    fn end(self: Box<Self>) -> io::Result<()> {
        let mut file = self.file;
        file.finish().map_err(error)?;
        file.inner_mut().flush()
    }
}

/// The file's error, as it is when there is one inside.
fn error(error: ParquetError) -> io::Error {
    if let ParquetError::External(inner) = error {
        return inner.downcast::<io::Error>().map_or_else(io::Error::other, |error| *error);
    }
    io::Error::other(error)
}

/// Writes the next column.
fn put<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<()> {
    let column = group.next_column()?;
    let mut column = column.expect("the schema has a column for each of the table's");
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}

/// The texts of a column, which share their bytes.
fn split(text: &str, ends: &[usize], texts: &mut Vec<ByteArray>) {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    let mut begin = 0;
    texts.extend(ends.iter().map(|end| {
        let value = bytes.slice(begin..*end);
        begin = *end;
        ByteArray::from(value)
    }));
}

/// Amounts with the decimals of the column, which share their bytes.
fn scale(amounts: &[Money], decimals: &mut Vec<FixedLenByteArray>) -> Result<()> {
    let mut bytes = Vec::with_capacity(amounts.len() * WIDTH);
    for amount in amounts {
        let factor = 10_i128.pow(u32::from(DECIMALS - amount.decimals));
        let scaled = amount.minor.checked_mul(factor).ok_or_else(|| {
            ParquetError::General(format!("{} does not fit DECIMAL({PRECISION})", amount.minor))
        })?;
        bytes.extend_from_slice(&scaled.to_be_bytes());
    }
    let bytes = Bytes::from(bytes);
    let value = |at: usize| bytes.slice(at * WIDTH..(at + 1) * WIDTH);
    decimals.extend((0..amounts.len()).map(|at| ByteArray::from(value(at)).into()));
    Ok(())
}

/// Amounts in minor units, where they fit, and which do.
fn minor(filled: &Filled, amounts: &[Money]) -> (Vec<i64>, Vec<i16>) {
    let mut amounts = amounts.iter();
    let mut values = Vec::with_capacity(amounts.len());
    let levels = filled.levels.iter().map(|level| {
        let amount = (*level == 1).then(|| amounts.next().expect("a level of 1 has a value"));
        let value = amount.and_then(|amount| i64::try_from(amount.minor).ok());
        values.extend(value);
        i16::from(value.is_some())
    });
    let levels = levels.collect();
    (values, levels)
}

fn schema(table: &Table) -> Result<TypePtr> {
    let mut fields = Vec::new();
    for column in table.columns {
        let nullable = if column.nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        fields.push(field(column.name, column.kind, nullable)?);
        if column.kind == Type::Money {
            let name = minor_name(column);
            fields.push(field(&name, Type::Int, Repetition::OPTIONAL)?);
        }
    }
    Schema::group_type_builder(table.name).with_fields(fields).build().map(Arc::new)
}

fn minor_name(column: &Column) -> String {
    format!("{}{MINOR}", column.name)
}

fn field(name: &str, kind: Type, repetition: Repetition) -> Result<TypePtr> {
    let millis = LogicalType::timestamp(true, TimeUnit::MILLIS);
    let decimal = LogicalType::decimal(i32::from(DECIMALS), PRECISION);
    let (physical, logical) = match kind {
        Type::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Type::Int => (Physical::INT64, None),
        Type::Time => (Physical::INT64, Some(millis)),
        Type::Date => (Physical::INT32, Some(LogicalType::Date)),
        Type::Flag => (Physical::BOOLEAN, None),
        Type::Money => (Physical::FIXED_LEN_BYTE_ARRAY, Some(decimal)),
    };
    let mut field = Schema::primitive_type_builder(name, physical)
        .with_repetition(repetition)
        .with_logical_type(logical);
    if kind == Type::Money {
        let width = i32::try_from(WIDTH).expect("a small number");
        field = field.with_length(width).with_precision(PRECISION).with_scale(i32::from(DECIMALS));
    }
    field.build().map(Arc::new)
}

fn properties(table: &Table, notes: &[(&str, String)]) -> WriterProperties {
    let note = |(name, text): &(&str, String)| KeyValue::new((*name).to_owned(), text.clone());
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("bursar {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_key_value_metadata(Some(notes.iter().map(note).collect()));
    for column in table.columns {
        let path = ColumnPath::from(column.name);
        match column.kind {
            // Ascending for the most part: the differences are small.
            Type::Int | Type::Time | Type::Date => {
                properties = properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
            }
            Type::Text if column.distinct => {
                properties = properties.set_column_dictionary_enabled(path, false);
            }
            Type::Money => {
                let path = ColumnPath::from(minor_name(column).as_str());
                properties = properties.set_column_dictionary_enabled(path, false);
            }
            Type::Text | Type::Flag => {}
        }
    }
    properties.build()
}
