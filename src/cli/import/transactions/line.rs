//! Bank lines as they are sent: who has which, on which day, and what the server is told of each.
//!
//! The dates of the file are moved so that its first day is one to come; an amount, a name or an id
//! is never changed. A line of the file is a posted bank line: the account pays a debit and is paid
//! a credit. Its merchant is the other side: the id is its bank and account, or else the operation;
//! the name is the purpose, or else the operation; the category code follows from the operation
//! ([`category_code`]).
//!
//! Invariant: the lines of an account are in the order of their days.

use bursar_domain::currency::Currency;
use bursar_domain::money::Amount;
use bursar_domain::plan::Day;
use serde::Serialize;
use std::collections::HashMap;
use std::ops::Range;

use crate::cli::import::statement::{self, Direction};

/// How many days of lines go into a batch: as many as a bank sends again and again.
pub(super) const BATCH_DAYS: i32 = 30;

/// Which category code of ISO 18245 an operation has.
pub(super) fn category_code(operation: &str) -> Option<&'static str> {
    match operation {
        "cash-in" => Some("6010"),  // cash over a bank's counter
        "cash-out" => Some("6011"), // cash from a machine
        "interest" => Some("6012"), // a bank's services
        "transfer-in" | "transfer-out" => Some("4829"), // money transfers
        "card" => Some("5999"),     // shops of any other kind
        _ => None,
    }
}

/// The other side of a line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Merchant {
    /// Its bank and account, or else the operation.
    pub(super) id: String,
    /// The purpose, or else the operation.
    pub(super) name: String,
    /// By the operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) category_code: Option<&'static str>,
}

/// A line as it is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    /// Where it stands in the file, from 1.
    pub(super) number: u64,
    /// The bank's id of it.
    pub(super) transaction: String,
    /// Its day, moved.
    pub(super) day: Day,
    /// How much.
    pub(super) amount: Amount,
    /// The other side.
    pub(super) merchant: Merchant,
    /// What is sent: one JSON object.
    pub(super) body: String,
}

#[derive(Serialize)]
struct Body<'a> {
    transaction_id: &'a str,
    date: String,
    status: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    from_account: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    to_account: &'a str,
    amount: String,
    currency: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    merchant: &'a Merchant,
}

/// An account of the bank, and the wallet of its holder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Account {
    /// The bank's name for it.
    pub(super) name: String,
    /// The id of its wallet.
    pub(super) wallet: String,
    /// Its lines, by day.
    pub(super) lines: Vec<Line>,
}

impl Account {
    /// The places of the lines that a bank sends on a day: those of its last days.
    pub(super) fn batch(&self, day: Day) -> Range<usize> {
        let place = |past: i32| self.lines.partition_point(|line| line.day.days() <= past);
        place(day.days() - BATCH_DAYS)..place(day.days())
    }
}

/// The wallet of an account.
pub(super) fn wallet_of(account: &str) -> String {
    format!("customer-{account}")
}

/// How far the days of a file are moved, and which of them are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Calendar {
    /// So many days later.
    pub(super) shift: i32,
    /// The first wanted day of the file.
    pub(super) from: Day,
    /// The last one.
    pub(super) to: Day,
}

impl Calendar {
    /// A day of the file, moved; `None` past the end of the calendar.
    pub(super) fn moved(&self, day: Day) -> Option<Day> {
        day.checked_add_days(self.shift)
    }
}

/// The day of a line of the file.
pub(super) fn day_of(line: &statement::Line) -> Day {
    Day::utc(line.date)
}

/// The wanted lines of each account, in the order in which the accounts come up in the file, and
/// how many lines of zero were left out. `None` past the end of the calendar.
pub(super) fn accounts(
    lines: &[statement::Line],
    calendar: &Calendar,
    currency: Currency,
) -> Option<(Vec<Account>, u64)> {
    let (mut accounts, mut zeros) = (Vec::<Account>::new(), 0);
    let mut places: HashMap<&str, usize> = HashMap::new();
    for line in lines {
        let place = *places.entry(&line.account).or_insert_with(|| {
            let (name, wallet) = (line.account.clone(), wallet_of(&line.account));
            accounts.push(Account { name, wallet, lines: Vec::new() });
            accounts.len() - 1
        });
        let day = day_of(line);
        if !(calendar.from..=calendar.to).contains(&day) {
            continue;
        }
        if line.amount.is_zero() {
            zeros += 1;
            continue;
        }
        let moved = calendar.moved(day)?;
        accounts[place].lines.push(Line::new(line, moved, currency));
    }
    for account in &mut accounts {
        account.lines.sort_by_key(|line| line.day);
    }
    Some((accounts, zeros))
}

impl Line {
    fn new(line: &statement::Line, day: Day, currency: Currency) -> Self {
        let or = |text: &str| if text.is_empty() { &line.operation } else { text }.to_owned();
        let merchant = Merchant {
            id: or(&line.counter),
            name: or(&line.purpose),
            category_code: category_code(&line.operation),
        };
        let (from_account, to_account) = match line.direction {
            Direction::Credit => (&*line.counter, &*line.account),
            Direction::Debit => (&*line.account, &*line.counter),
        };
        let body = Body {
            transaction_id: &line.transaction,
            date: day.to_string(),
            status: "posted",
            from_account,
            to_account,
            amount: line.amount.to_major(currency),
            currency: currency.code(),
            description: &line.purpose,
            merchant: &merchant,
        };
        let body = serde_json::to_string(&body).expect("strings always are JSON");
        let (number, transaction, amount) = (line.number, line.transaction.clone(), line.amount);
        Self { number, transaction, day, amount, merchant, body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "transaction_id,account,date,direction,operation,amount,\
                          balance_after_by_bank,purpose,counter_bank,counter_account\n";

    fn czk() -> Currency {
        Currency::from_code("CZK").expect("the koruna is in the table")
    }

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    /// The lines of a file whose dates are moved by a day.
    fn read(lines: &str, from: &str, to: &str) -> (Vec<Account>, u64) {
        let lines = statement::read(format!("{HEADER}{lines}").as_bytes(), czk());
        let calendar = Calendar { shift: 1, from: day(from), to: day(to) };
        accounts(&lines.expect("a statement"), &calendar, czk()).expect("in the calendar")
    }

    #[test]
    fn a_line_is_what_a_bank_says_of_it() {
        let lines = "7,576,1993-01-02,debit,transfer-out,900.5,1,household,ST,42\n\
                     8,576,1993-01-03,credit,cash-in,3,1,,,\n";
        let (accounts, _) = read(lines, "1993-01-01", "1993-12-31");
        let bodies: Vec<_> = accounts[0].lines.iter().map(|line| &*line.body).collect();
        assert_eq!(
            bodies,
            [
                r#"{"transaction_id":"7","date":"1993-01-03","status":"posted","from_account":"576","to_account":"ST/42","amount":"900.50","currency":"CZK","description":"household","merchant":{"id":"ST/42","name":"household","category_code":"4829"}}"#,
                r#"{"transaction_id":"8","date":"1993-01-04","status":"posted","to_account":"576","amount":"3.00","currency":"CZK","merchant":{"id":"cash-in","name":"cash-in","category_code":"6010"}}"#,
            ]
        );
        assert_eq!(accounts[0].wallet, "customer-576");
    }

    #[test]
    fn only_the_wanted_days_and_no_zeros() {
        let lines = "1,a,1993-01-01,credit,cash-in,1,1,,,\n2,b,1993-01-02,credit,cash-in,1,1,,,\n\
                     3,a,1993-01-02,credit,cash-in,0,1,,,\n4,a,1993-01-03,credit,cash-in,1,1,,,\n";
        let (accounts, zeros) = read(lines, "1993-01-02", "1993-01-02");
        let found: Vec<_> =
            accounts.iter().map(|account| (&*account.name, account.lines.len())).collect();
        // Also who has no line in these days gets a wallet, so that the first is always the same.
        assert_eq!((found, zeros), (vec![("a", 0), ("b", 1)], 1));
    }

    #[test]
    fn a_batch_has_the_lines_of_thirty_days() {
        let lines = "1,a,1993-01-01,credit,cash-in,1,1,,,\n2,a,1993-01-30,credit,cash-in,1,1,,,\n\
                     3,a,1993-01-31,credit,cash-in,1,1,,,\n";
        let (accounts, _) = read(lines, "1993-01-01", "1993-12-31");
        let batch = |text| accounts[0].batch(day(text));
        assert_eq!(batch("1993-01-01"), 0..0);
        assert_eq!(batch("1993-01-02"), 0..1);
        assert_eq!(batch("1993-01-31"), 0..2);
        assert_eq!(batch("1993-02-01"), 1..3);
        assert_eq!(batch("1993-03-01"), 1..3);
        assert_eq!(batch("1993-03-02"), 2..3);
        assert_eq!(batch("1993-03-03"), 3..3);
    }
}
