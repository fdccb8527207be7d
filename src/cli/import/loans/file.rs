//! A file of loans: CSV in, checked loans out.
//!
//! Columns are found by their names in the first line; others, such as the date and the status of
//! a loan that was given long ago, may stand between them and are not read. Whatever could not be
//! opened is refused here with its line number, before the first call is made, and all such lines
//! are told at once. A loan that stands in the file twice is such a fault: its second line would
//! be taken for a repeat of the first.
//!
//! Invariant: the loans of a file have different ids; amounts are positive whole minor units.

use std::collections::HashSet;
use std::io::{self, Read};

use bursar_domain::currency::Currency;
use bursar_domain::id::is_well_formed;
use bursar_domain::money::{Amount, Total};
use bursar_domain::plan::INSTALLMENTS_MAX;
use csv::StringRecord;
use thiserror::Error;

use crate::cli::import::statement::{NAME_LENGTH_MAX, place};

/// The columns that are read, in the order of [`Column`].
const COLUMNS: [&str; 5] = ["loan_id", "account", "amount", "months", "monthly_payment"];

/// How many faults of one file are told.
const FAULTS_TOLD: usize = 20;

#[derive(Clone, Copy)]
enum Column {
    Loan,
    Account,
    Amount,
    Months,
    MonthlyPayment,
}

/// One line of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Loan {
    /// Where it stands in the file, from 1.
    pub(crate) line: u64,
    /// The bank's id of it.
    pub(crate) id: String,
    /// The bank's name for the account.
    pub(crate) account: String,
    /// How much was given.
    pub(crate) amount: Amount,
    /// In how many monthly payments it is paid back.
    pub(crate) months: u16,
    /// How much each of them is, by the bank.
    pub(crate) monthly_payment: Amount,
}

impl Loan {
    /// What all payments make by the bank, less the amount. Zero when the bank asks no interest.
    pub(crate) fn surplus(&self) -> Total {
        let paid = i128::from(self.monthly_payment.minor()) * i128::from(self.months);
        Total::from_minor(paid).checked_sub(self.amount).expect("months are few, so it fits")
    }
}

/// Why a file is not one of loans.
#[derive(Debug, Error)]
pub(crate) enum LoansError {
    /// It cannot be opened.
    #[error("cannot be opened: {0}")]
    Open(#[source] io::Error),
    /// Its first line cannot be read.
    #[error("{}{source}", place(source))]
    Head {
        /// What the reader says.
        source: csv::Error,
    },
    /// A column is missing.
    #[error("line 1: the column {0} is missing")]
    Column(&'static str),
    /// Lines that cannot be opened as advances, told in words.
    #[error("{}", .0.join("\n"))]
    Lines(Vec<String>),
    /// There is nothing to open.
    #[error("there is no line after the header")]
    Empty,
}

/// Reads the file, or so many lines of it, in file order.
pub(crate) fn read(
    reader: impl Read,
    currency: Currency,
    limit: usize,
) -> Result<Vec<Loan>, LoansError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(reader);
    let header = reader.headers().map_err(|source| LoansError::Head { source })?;
    let mut places = [0; COLUMNS.len()];
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        let found = header.iter().position(|column| column == name);
        *place = found.ok_or(LoansError::Column(name))?;
    }
    let (mut loans, mut seen, mut faults) = (Vec::new(), HashSet::new(), Faults::default());
    for record in reader.records().take(limit) {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                faults.add(format!("{}{error}", place(&error)));
                // A line that is no CSV is passed over; a disk that fails stays so.
                if error.is_io_error() {
                    break;
                }
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        match (Fields { record: &record, places: &places, currency }).loan(line) {
            Ok(loan) if !seen.insert(loan.id.clone()) => {
                faults.add(format!("line {line}: loan {} stands in the file twice", loan.id));
            }
            Ok(loan) => loans.push(loan),
            Err(what) => faults.add(format!("line {line}: {what}")),
        }
    }
    faults.none()?;
    if loans.is_empty() { Err(LoansError::Empty) } else { Ok(loans) }
}

/// What is wrong with a file, the first of it in words.
#[derive(Default)]
struct Faults {
    told: Vec<String>,
    more: usize,
}

impl Faults {
    fn add(&mut self, what: String) {
        if self.told.len() < FAULTS_TOLD {
            self.told.push(what);
        } else {
            self.more += 1;
        }
    }

    fn none(mut self) -> Result<(), LoansError> {
        if self.told.is_empty() {
            return Ok(());
        }
        if self.more > 0 {
            self.told.push(format!("and {} more lines are wrong", self.more));
        }
        Err(LoansError::Lines(self.told))
    }
}

/// One record with the knowledge of how to read it.
struct Fields<'a> {
    record: &'a StringRecord,
    places: &'a [usize; COLUMNS.len()],
    currency: Currency,
}

impl Fields<'_> {
    fn loan(&self, line: u64) -> Result<Loan, String> {
        Ok(Loan {
            line,
            id: self.name(Column::Loan)?,
            account: self.name(Column::Account)?,
            amount: self.amount(Column::Amount)?,
            months: self.months()?,
            monthly_payment: self.amount(Column::MonthlyPayment)?,
        })
    }

    fn text(&self, column: Column) -> &str {
        self.record.get(self.places[column as usize]).unwrap_or_default()
    }

    /// A text that becomes part of a key or an account.
    fn name(&self, column: Column) -> Result<String, String> {
        let text = self.text(column);
        if text.len() > NAME_LENGTH_MAX || !is_well_formed(text) {
            return Err(format!(
                "{} is {text:?}; it must be 1 to {NAME_LENGTH_MAX} of A-Z a-z 0-9 _ -",
                COLUMNS[column as usize]
            ));
        }
        Ok(text.to_owned())
    }

    fn amount(&self, column: Column) -> Result<Amount, String> {
        let text = self.text(column);
        let wrong = |error| format!("{} is {text:?}: {error}", COLUMNS[column as usize]);
        Amount::parse(text, self.currency).map_err(wrong)
    }

    fn months(&self) -> Result<u16, String> {
        let text = self.text(Column::Months);
        let months = text.parse().ok().filter(|months| (1..=INSTALLMENTS_MAX).contains(months));
        months.ok_or_else(|| {
            format!("months is {text:?}; it must be a whole number from 1 to {INSTALLMENTS_MAX}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "loan_id,account,date,amount,months,monthly_payment,status\n";

    fn parse(lines: &str, limit: usize) -> Result<Vec<Loan>, String> {
        let currency = Currency::from_code("CZK").expect("the koruna is in the table");
        read(format!("{HEADER}{lines}").as_bytes(), currency, limit)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_line_is_read_in_minor_units() {
        let loans = parse("5314,1787,1993-07-05,96396,12,8033.00,B\n", 10);
        let expected = Loan {
            line: 2,
            id: "5314".to_owned(),
            account: "1787".to_owned(),
            amount: Amount::from_minor(9_639_600),
            months: 12,
            monthly_payment: Amount::from_minor(803_300),
        };
        assert_eq!(loans, Ok(vec![expected]));
    }

    #[test]
    fn what_the_bank_asks_more_than_it_gave_is_told() {
        for (line, surplus) in [
            ("1,a,d,96396,12,8033.00,B", 0),
            ("1,a,d,100,12,8.33,B", -4),
            ("1,a,d,100.00,3,33.34,B", 2),
        ] {
            let loans = parse(line, 10).expect(line);
            assert_eq!(loans[0].surplus(), Total::from_minor(surplus), "{line}");
        }
    }

    #[test]
    fn only_so_many_lines_are_read() {
        let lines = "1,a,d,1,1,1,A\n2,a,d,1,1,1,A\n3,a,d,what,1,1,A\n";
        assert_eq!(parse(lines, 2).map(|loans| loans.len()), Ok(2));
        assert!(parse(lines, 3).is_err());
        assert_eq!(parse(lines, 0), Err("there is no line after the header".to_owned()));
    }

    #[test]
    fn a_malformed_line_is_named_by_its_number() {
        let good = "1,576,1993-01-01,900,12,75.00,A\n";
        for (bad, words) in [
            ("2,576,d,9e2,12,75,A", "amount is \"9e2\""),
            ("2,576,d,0,12,75,A", "amount is \"0\""),
            ("2,576,d,900,0,75,A", "months is \"0\""),
            ("2,576,d,900,1.5,75,A", "months is \"1.5\""),
            ("2,576,d,900,521,75,A", "from 1 to 520"),
            ("2,576,d,900,12,-75,A", "monthly_payment is \"-75\""),
            ("2,5/6,d,900,12,75,A", "account is \"5/6\""),
            (",576,d,900,12,75,A", "loan_id is \"\""),
            ("1,577,d,900,12,75,A", "loan 1 stands in the file twice"),
            ("2,576,d,900", "4"),
        ] {
            let error = parse(&format!("{good}{bad}\n"), 10).expect_err(bad);
            assert!(error.contains("line 3") || error.contains("line: 3"), "{bad}: {error}");
            assert!(error.contains(words), "{bad}: {error}");
        }
    }

    #[test]
    fn all_malformed_lines_are_told_at_once_and_many_are_counted() {
        let error = parse("1,a,d,x,1,1,A\n2,a,d,1,1,1,A\n3,a,d,y,1,1,A\n4,a\n", 10);
        let error = error.expect_err("three lines are wrong");
        let lines: Vec<_> = error.lines().collect();
        assert_eq!(lines.len(), 3, "{error}");
        assert!(lines[0].starts_with("line 2: ") && lines[1].starts_with("line 4: "), "{error}");
        let error = parse(&"1,a,d,x,1,1,A\n".repeat(25), 100).expect_err("all are wrong");
        assert!(error.ends_with("and 5 more lines are wrong"), "{error}");
    }

    #[test]
    fn a_file_that_is_another_is_refused_by_its_columns() {
        let currency = Currency::from_code("CZK").expect("the koruna is in the table");
        let error = read(&b"transaction_id,account\n1,2\n"[..], currency, 10);
        let error = error.expect_err("columns are missing").to_string();
        assert_eq!(error, "line 1: the column loan_id is missing");
        assert_eq!(parse("", 10), Err("there is no line after the header".to_owned()));
    }

    #[test]
    fn bytes_that_are_not_text_are_refused_with_their_line() {
        let currency = Currency::from_code("CZK").expect("the koruna is in the table");
        let mut bytes = HEADER.as_bytes().to_vec();
        bytes.extend_from_slice(b"1,\xff,d,1,1,1,A\n2,a,d,0,1,1,A\n");
        let error = read(bytes.as_slice(), currency, 10).expect_err("not UTF-8").to_string();
        assert!(error.contains("line 2") && error.contains("line 3"), "{error}");
    }
}
