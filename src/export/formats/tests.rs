//! What stands in the files: the same rows in every format, to the letter, and read back.
//!
//! The rows are hard ones (`crate::export::tests::sample`). An independent reader of Parquet is asked in
//! `tests/export/check.sh`.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::{Format, NdjsonReader, write_ndjson};
use crate::export::rows::{Range, Rows};
use crate::export::tests::{SAMPLE, sample};

/// A file in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("one thread").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Rows in a format, written so many times.
fn written(format: Format, rows: &Rows, times: usize) -> Vec<u8> {
    let file = Memory::default();
    let notes = [("bursar.position", "1.2".to_owned())];
    let mut writer = format.writer(file.clone(), &SAMPLE, &notes).expect("begun");
    for _ in 0..times {
        writer.write(rows).expect("written");
    }
    writer.end().expect("ended");
    file.0.lock().expect("one thread").clone()
}

#[test]
fn csv_is_what_the_rfc_says() {
    let text = String::from_utf8(written(Format::Csv, &sample(), 1)).expect("UTF-8");
    let expected = concat!(
        "id,at,day,number,good,amount,amount_minor,fee,fee_minor,currency,words\r\n",
        "\"a,\"\"b\"\"\r\nc\",2026-01-31T23:59:59.999Z,2026-01-31,,true,-12.34,-1234,,,EUR,\r\n",
        "Žofie €🜚,1969-12-31T00:00:00.000Z,1969-12-31,7,,9223372036854775807,\
         9223372036854775807,-9223372036854775.808,-9223372036854775808,JPY,\r\n",
        "big,2026-02-01T00:00:00.000Z,2026-02-01,0,false,922337203685477580.70,\
         92233720368547758070,0.00,0,EUR,\"{\"\"a\"\":1}\"\r\n",
    );
    assert_eq!(text, expected);
    let none = Rows::new(SAMPLE.columns, Range::default());
    let empty = String::from_utf8(written(Format::Csv, &none, 1)).expect("UTF-8");
    assert_eq!(empty, expected.lines().next().expect("a line").to_owned() + "\r\n");
}

#[test]
fn ndjson_has_every_column_and_reads_back() {
    let rows = sample();
    let bytes = written(Format::Ndjson, &rows, 1);
    let text = String::from_utf8(bytes.clone()).expect("UTF-8");
    let first = text.lines().next().expect("a line");
    assert_eq!(
        first,
        r#"{"id":"a,\"b\"\r\nc","at":"2026-01-31T23:59:59.999Z","day":"2026-01-31","number":null,"good":true,"amount":"-12.34","amount_minor":-1234,"fee":null,"fee_minor":null,"currency":"EUR","words":""}"#
    );
    let reader = NdjsonReader::new(SAMPLE.columns);
    let mut read = Rows::new(SAMPLE.columns, Range::default());
    for line in text.lines() {
        reader.read(line.as_bytes(), &mut read).expect("a row");
    }
    assert_eq!(read, rows);
    let mut again = Vec::new();
    write_ndjson(&read, &mut again);
    assert_eq!(again, bytes);
}

#[test]
fn a_line_that_is_no_row_is_refused() {
    let mut line = Vec::new();
    write_ndjson(&sample(), &mut line);
    let text = String::from_utf8(line).expect("UTF-8");
    let good = text.lines().next().expect("a line");
    let reader = NdjsonReader::new(SAMPLE.columns);
    let read = |line: &str| {
        let mut rows = Rows::new(SAMPLE.columns, Range::default());
        reader.read(line.as_bytes(), &mut rows).map(|()| rows.len()).map_err(|e| e.to_string())
    };
    assert_eq!(read(good), Ok(1));
    for (from, to) in [
        ("\"at\"", "\"when\""),
        ("\"2026-01-31T23:59:59.999Z\"", "\"yesterday\""),
        ("\"2026-01-31T23:59:59.999Z\"", "null"),
        ("\"2026-01-31\"", "\"2026-02-31\""),
        ("-1234", "-1235"),
        ("\"-12.34\"", "-12.34"),
        ("true", "1"),
        ("\"words\":\"\"", "\"words\":\"\",\"more\":1"),
        (",\"words\":\"\"", ""),
        ("\"words\":\"\"}", "\"words\":\"\"} {}"),
    ] {
        assert!(good.contains(from), "{from}");
        assert!(read(&good.replace(from, to)).is_err(), "{from} -> {to}");
    }
    for length in 0..good.len() {
        assert!(read(&String::from_utf8_lossy(&good.as_bytes()[..length])).is_err(), "{length}");
    }
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_is_read_back_by_the_reader_of_the_crate() {
    use parquet::basic::{LogicalType, Type};
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::{Field, RowAccessor};

    let bytes = written(Format::Parquet, &sample(), 2);
    let file = SerializedFileReader::new(bytes::Bytes::from(bytes)).expect("a file");
    let metadata = file.metadata();
    assert_eq!((metadata.num_row_groups(), metadata.file_metadata().num_rows()), (2, 6));
    let notes = metadata.file_metadata().key_value_metadata().expect("notes");
    assert_eq!(notes[0].key, "bursar.position");
    assert_eq!(notes[0].value.as_deref(), Some("1.2"));
    let schema = metadata.file_metadata().schema_descr();
    let named = |name: &str| {
        let mut columns = schema.columns().iter();
        columns.find(|column| column.name() == name).expect("the column is there")
    };
    assert_eq!(schema.num_columns(), 11);
    assert_eq!(named("id").logical_type_ref(), Some(&LogicalType::String));
    assert_eq!(named("day").logical_type_ref(), Some(&LogicalType::Date));
    assert_eq!(named("amount").physical_type(), Type::FIXED_LEN_BYTE_ARRAY);
    assert_eq!(named("amount").logical_type_ref(), Some(&LogicalType::decimal(4, 38)));
    assert!(!named("amount").self_type().is_optional() && named("fee").self_type().is_optional());
    let rows: Vec<_> =
        file.get_row_iter(None).expect("rows").map(|row| row.expect("a row")).collect();
    let row = &rows[3];
    assert_eq!(row.get_string(0).expect("a text"), "a,\"b\"\r\nc");
    assert_eq!(row.get_timestamp_millis(1).expect("a time"), 1_769_903_999_999);
    assert!(row.get_long(3).is_err() && row.get_bool(4).expect("a flag"));
    assert_eq!(row.get_long(6).expect("a number"), -1234);
    assert!(row.get_long(8).is_err());
    assert_eq!(row.get_string(10).expect("a text"), "");
    assert_eq!(decimal(row.get_decimal(5).expect("a decimal").data()), -123_400);
    let row = &rows[1];
    let day = row.get_column_iter().nth(2).map(|(_, field)| field);
    assert_eq!(day, Some(&Field::Date(-1)));
    assert_eq!(row.get_long(6).expect("a number"), i64::MAX);
    assert_eq!(row.get_long(8).expect("a number"), i64::MIN);
    assert_eq!(decimal(row.get_decimal(7).expect("a decimal").data()), i128::from(i64::MIN) * 10);
    assert!(row.get_string(10).is_err(), "none");
    // What no 64 bits hold is in the decimal and missing beside it.
    let row = &rows[2];
    assert_eq!(decimal(row.get_decimal(5).expect("a decimal").data()), i128::from(i64::MAX) * 1000);
    assert!(row.get_long(6).is_err());
}

#[cfg(feature = "parquet")]
fn decimal(bytes: &[u8]) -> i128 {
    i128::from_be_bytes(bytes.try_into().expect("16 bytes"))
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_without_rows_has_its_columns() {
    use parquet::file::reader::{FileReader, SerializedFileReader};

    let none = Rows::new(SAMPLE.columns, Range::default());
    let bytes = written(Format::Parquet, &none, 1);
    let file = SerializedFileReader::new(bytes::Bytes::from(bytes)).expect("a file");
    assert_eq!(file.metadata().file_metadata().num_rows(), 0);
    assert_eq!(file.metadata().file_metadata().schema_descr().num_columns(), 11);
}
