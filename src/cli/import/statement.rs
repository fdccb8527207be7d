//! A bank's statement: CSV in, checked lines out.
//!
//! Columns are found by their names in the first line; others may stand between them. Whatever
//! cannot be replayed is refused here with its line number, before the first call is made: half
//! an import because of a comma would be worse than none. A transaction that stands in the file
//! twice is such a fault, because its second line would be taken for a repeat of the first.
//!
//! Amounts are whole minor units from the first character on ([`Amount`]); only a balance may
//! carry a sign.

use std::collections::HashSet;
use std::io::{self, Read};

use bursar_domain::currency::Currency;
use bursar_domain::money::{Amount, AmountError};
use bursar_domain::time::Timestamp;
use csv::StringRecord;
use thiserror::Error;

/// The columns that are read, in the order of [`Column`].
const COLUMNS: [&str; 8] = [
    "transaction_id",
    "account",
    "date",
    "direction",
    "operation",
    "amount",
    "balance_after_by_bank",
    "purpose",
];

/// The longest name: with the longest prefix, it still fits an id of 64 characters.
pub(super) const NAME_LENGTH_MAX: usize = 50;

/// The columns of the other side, which need not be there.
const COUNTER_COLUMNS: [&str; 2] = ["counter_bank", "counter_account"];

#[derive(Clone, Copy)]
enum Column {
    Transaction,
    Account,
    Date,
    Direction,
    Operation,
    Amount,
    Balance,
    Purpose,
}

/// Where the money of a line goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Direction {
    /// Into the account.
    Credit,
    /// Out of the account.
    Debit,
}

/// One line of the statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    /// Where it stands in the file, from 1.
    pub(super) number: u64,
    /// The bank's id of it.
    pub(super) transaction: String,
    /// Whose it is.
    pub(super) account: String,
    /// The day.
    pub(super) date: Timestamp,
    /// In or out.
    pub(super) direction: Direction,
    /// The kind of operation, such as `cash-in`.
    pub(super) operation: String,
    /// How much, not negative.
    pub(super) amount: Amount,
    /// What the bank printed as the balance afterwards.
    pub(super) bank_balance: Amount,
    /// What it was for; may be empty.
    pub(super) purpose: String,
    /// The other side's bank and account, `/` between them; may be empty.
    pub(super) counter: String,
}

/// Why a file is not a statement.
#[derive(Debug, Error)]
pub(super) enum StatementError {
    /// It cannot be opened.
    #[error("cannot be opened: {0}")]
    Open(#[source] io::Error),
    /// It is not CSV, or cannot be read to its end.
    #[error("{}{source}", place(source))]
    Csv {
        /// What the reader says; with it, where.
        source: csv::Error,
    },
    /// A column is missing.
    #[error("line 1: the column {0} is missing")]
    Column(&'static str),
    /// A line says something that cannot be replayed.
    #[error("line {number}: {what}")]
    Line {
        /// Where, from 1.
        number: u64,
        /// What is wrong.
        what: String,
    },
    /// There is nothing to replay.
    #[error("there is no line after the header")]
    Empty,
}

pub(super) fn place(error: &csv::Error) -> String {
    match error.position() {
        // The reader's own words for these carry the line already.
        Some(_) if matches!(error.kind(), csv::ErrorKind::UnequalLengths { .. }) => String::new(),
        Some(position) => format!("line {}: ", position.line()),
        None => String::new(),
    }
}

/// Reads the whole statement, in file order.
pub(super) fn read(reader: impl Read, currency: Currency) -> Result<Vec<Line>, StatementError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(reader);
    let header = reader.headers().map_err(|source| StatementError::Csv { source })?;
    let mut places = [0; COLUMNS.len()];
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        let found = header.iter().position(|column| column == name);
        *place = found.ok_or(StatementError::Column(name))?;
    }
    let counter = COUNTER_COLUMNS.map(|name| header.iter().position(|column| column == name));
    let mut lines = Vec::new();
    let mut seen = HashSet::new();
    for record in reader.records() {
        let record = record.map_err(|source| StatementError::Csv { source })?;
        let number = record.position().map_or(0, csv::Position::line);
        let line = Fields { record: &record, places: &places, counter, currency }
            .line(number)
            .map_err(|what| StatementError::Line { number, what })?;
        if !seen.insert((line.account.clone(), line.transaction.clone())) {
            let what = format!("transaction {} stands in the file twice", line.transaction);
            return Err(StatementError::Line { number, what });
        }
        lines.push(line);
    }
    if lines.is_empty() { Err(StatementError::Empty) } else { Ok(lines) }
}

/// One record with the knowledge of how to read it.
struct Fields<'a> {
    record: &'a StringRecord,
    places: &'a [usize; COLUMNS.len()],
    counter: [Option<usize>; COUNTER_COLUMNS.len()],
    currency: Currency,
}

impl Fields<'_> {
    fn line(&self, number: u64) -> Result<Line, String> {
        let date = self.text(Column::Date);
        let direction = self.text(Column::Direction);
        Ok(Line {
            number,
            transaction: self.name(Column::Transaction)?,
            account: self.name(Column::Account)?,
            date: Timestamp::parse(date)
                .filter(|_| date.len() == "1993-01-01".len())
                .ok_or_else(|| format!("{date:?} is not a date such as 1993-01-01"))?,
            direction: match direction {
                "credit" => Direction::Credit,
                "debit" => Direction::Debit,
                _ => return Err(format!("direction is {direction:?}, not credit or debit")),
            },
            operation: self.name(Column::Operation)?,
            amount: self.amount(Column::Amount)?,
            bank_balance: self.balance(Column::Balance)?,
            purpose: self.text(Column::Purpose).to_owned(),
            counter: self.counter(),
        })
    }

    fn counter(&self) -> String {
        let text = |place: usize| self.record.get(place).filter(|text| !text.is_empty());
        let parts: Vec<&str> = self.counter.into_iter().flatten().filter_map(text).collect();
        parts.join("/")
    }

    fn text(&self, column: Column) -> &str {
        self.record.get(self.places[column as usize]).unwrap_or_default()
    }

    /// A text that becomes part of an id or a key.
    fn name(&self, column: Column) -> Result<String, String> {
        let text = self.text(column);
        if text.len() > NAME_LENGTH_MAX || !bursar_domain::id::is_well_formed(text) {
            return Err(format!(
                "{} is {text:?}; it must be 1 to {NAME_LENGTH_MAX} of A-Z a-z 0-9 _ -",
                COLUMNS[column as usize]
            ));
        }
        Ok(text.to_owned())
    }

    fn amount(&self, column: Column) -> Result<Amount, String> {
        let text = self.text(column);
        Amount::parse_or_zero(text, self.currency).map_err(|error| wrong(column, text, error))
    }

    fn balance(&self, column: Column) -> Result<Amount, String> {
        let text = self.text(column);
        signed_amount(text, self.currency).map_err(|error| wrong(column, text, error))
    }
}

/// Reads an amount that may carry a minus: a balance.
pub(super) fn signed_amount(text: &str, currency: Currency) -> Result<Amount, AmountError> {
    match text.strip_prefix('-') {
        None => Amount::parse_or_zero(text, currency),
        Some(digits) => Amount::parse_or_zero(digits, currency)
            .map(|amount| amount.checked_neg().expect("what was read is not below zero")),
    }
}

fn wrong(column: Column, text: &str, error: AmountError) -> String {
    format!("{} is {text:?}: {error}", COLUMNS[column as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "transaction_id,account,date,direction,operation,amount,\
                          balance_after_by_bank,purpose,counter_bank,counter_account\n";

    fn parse(lines: &str) -> Result<Vec<Line>, String> {
        let currency = Currency::from_code("CZK").expect("the koruna is in the table");
        read(format!("{HEADER}{lines}").as_bytes(), currency).map_err(|error| error.to_string())
    }

    #[test]
    fn a_line_is_read_in_minor_units() {
        let lines = parse("7,576,1993-01-02,debit,card,900.5,-3724.70,fees,ST,42\n");
        let expected = Line {
            number: 2,
            transaction: "7".to_owned(),
            account: "576".to_owned(),
            date: Timestamp::parse("1993-01-02").expect("a date"),
            direction: Direction::Debit,
            operation: "card".to_owned(),
            amount: Amount::from_minor(90_050),
            bank_balance: Amount::from_minor(-372_470),
            purpose: "fees".to_owned(),
            counter: "ST/42".to_owned(),
        };
        assert_eq!(lines, Ok(vec![expected]));
    }

    #[test]
    fn columns_are_found_by_name() {
        let currency = Currency::from_code("CZK").expect("the koruna is in the table");
        let text = "purpose,amount,extra,account,transaction_id,direction,date,operation,\
                    balance_after_by_bank\nrent,5,x,a,t,credit,1993-01-02,cash-in,5.00\n";
        let lines = read(text.as_bytes(), currency).expect("a statement");
        assert_eq!(lines[0].amount, Amount::from_minor(500));
        assert_eq!((&*lines[0].purpose, &*lines[0].counter), ("rent", ""));
        let error = read(&b"account,date\n1,2\n"[..], currency).expect_err("columns are missing");
        assert_eq!(error.to_string(), "line 1: the column transaction_id is missing");
    }

    #[test]
    fn a_malformed_line_is_named_by_its_number() {
        let good = "1,576,1993-01-01,credit,cash-in,900.00,900.00,,,\n";
        for (bad, words) in [
            ("2,576,1993-13-01,credit,cash-in,1,1,,,", "\"1993-13-01\" is not a date"),
            ("2,576,1993-01-01T00:00:00Z,credit,cash-in,1,1,,,", "is not a date"),
            ("2,576,1993-01-01,up,cash-in,1,1,,,", "not credit or debit"),
            ("2,576,1993-01-01,credit,cash-in,1e3,1,,,", "amount is \"1e3\""),
            ("2,576,1993-01-01,credit,cash-in,-1,1,,,", "amount is \"-1\""),
            ("2,576,1993-01-01,credit,cash-in,1.001,1,,,", "this currency has 2 decimals"),
            ("2,576,1993-01-01,credit,cash-in,1,--1,,,", "balance_after_by_bank is \"--1\""),
            ("2,5/6,1993-01-01,credit,cash-in,1,1,,,", "account is \"5/6\""),
            (",576,1993-01-01,credit,cash-in,1,1,,,", "transaction_id is \"\""),
            ("1,576,1993-01-01,credit,cash-in,1,1,,,", "stands in the file twice"),
            ("2,576,1993-01-01,credit,cash-in,1,1", "10"),
        ] {
            let error = parse(&format!("{good}{bad}\n")).expect_err(bad);
            assert!(error.contains("line 3") || error.contains("line: 3"), "{bad}: {error}");
            assert!(error.contains(words), "{bad}: {error}");
        }
    }

    #[test]
    fn a_file_without_lines_is_refused() {
        assert_eq!(parse(""), Err("there is no line after the header".to_owned()));
    }

    #[test]
    fn bytes_that_are_not_text_are_refused_with_their_line() {
        let currency = Currency::from_code("CZK").expect("the koruna is in the table");
        let mut bytes = HEADER.as_bytes().to_vec();
        bytes.extend_from_slice(b"1,576,1993-01-01,credit,cash-in,1,1,\xff,,\n");
        let error = read(bytes.as_slice(), currency).expect_err("not UTF-8").to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}
