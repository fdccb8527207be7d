//! The report: the server's balances beside the bank's, and what the replay met.
//!
//! An account agrees when its balance is as near to the bank's as the bank's own rounding allows
//! ([`drift_room`]). The whole agrees when every account does and no order was refused; a program
//! reads that from the exit code, a person from the last lines.

use std::fmt::Write;

use bursar_domain::currency::Currency;
use bursar_domain::money::{Amount, Total};
use serde::Serialize;

use super::client::Answer;
use super::plan::{Account, Order, OrderKind, drift_room};

/// How many refusals are told in words; the rest is only counted.
const REFUSALS_TOLD: usize = 20;

/// What became of the orders.
#[derive(Debug, Default)]
pub(super) struct Tally {
    deposits: u64,
    payments: u64,
    replayed: u64,
    refused: u64,
    skipped: u64,
    told: Vec<String>,
}

impl Tally {
    /// Nothing sent yet, and so many lines left out.
    pub(super) fn new(skipped: u64) -> Self {
        Self { skipped, ..Self::default() }
    }

    /// Counts the answers of one call.
    pub(super) fn take(&mut self, orders: &[Order], answers: &[Answer]) {
        assert_eq!(orders.len(), answers.len(), "the client gives one answer an order");
        for (order, answer) in orders.iter().zip(answers) {
            if !answer.is_done() {
                self.refuse(order, answer);
                continue;
            }
            match order.kind {
                OrderKind::Setup => continue,
                OrderKind::Deposit => self.deposits += 1,
                OrderKind::Payment => self.payments += 1,
            }
            self.replayed += u64::from(answer.replayed);
        }
    }

    fn refuse(&mut self, order: &Order, answer: &Answer) {
        self.refused += 1;
        if self.told.len() < REFUSALS_TOLD {
            self.told.push(format!(
                "{}: refused with {} {}: {}",
                order.origin,
                answer.status,
                answer.code.as_deref().unwrap_or("without a code"),
                answer.detail.as_deref().unwrap_or("no reason given"),
            ));
        }
    }

    /// The first refusals in words, and how many more there were.
    pub(super) fn refusals(&self) -> impl Iterator<Item = String> {
        let told = u64::try_from(self.told.len()).expect("a usize fits a u64");
        let more = self.refused - told;
        let rest = (more > 0).then(|| format!("and {more} more were refused"));
        self.told.iter().cloned().chain(rest)
    }
}

/// One account: what the server says and what the bank says.
#[derive(Debug)]
pub(super) struct Row {
    account: String,
    lines: u32,
    balance: Option<Amount>,
    bank_balance: Amount,
    allowed: Amount,
}

impl Row {
    /// A row; `balance` is `None` when the server has no such wallet.
    pub(super) fn new(account: &Account, balance: Option<Amount>, currency: Currency) -> Self {
        Self {
            account: account.name.clone(),
            lines: account.lines,
            balance,
            bank_balance: account.bank_balance,
            allowed: drift_room(account.lines, currency),
        }
    }

    /// The server's balance less the bank's.
    fn difference(&self) -> Option<Total> {
        let difference = Total::from(self.balance?).checked_sub(self.bank_balance);
        Some(difference.expect("the difference of two amounts is a total"))
    }

    fn agrees(&self) -> bool {
        self.difference().is_some_and(|difference| {
            difference.minor().unsigned_abs() <= Total::from(self.allowed).minor().unsigned_abs()
        })
    }

    fn cells(&self, currency: Currency) -> [String; 6] {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
        [
            self.account.clone(),
            self.lines.to_string(),
            or_none(self.balance.map(|balance| balance.to_major(currency))),
            self.bank_balance.to_major(currency),
            or_none(self.difference().map(|difference| difference.to_major(currency))),
            self.allowed.to_major(currency),
        ]
    }
}

/// All of it.
#[derive(Debug)]
pub(super) struct Report {
    /// The currency of everything.
    pub(super) currency: Currency,
    /// The accounts, in the order of their first lines.
    pub(super) rows: Vec<Row>,
    /// What became of the orders.
    pub(super) tally: Tally,
}

#[derive(Serialize)]
struct Document<'a> {
    accounts: Vec<AccountDocument<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
struct AccountDocument<'a> {
    account: &'a str,
    lines: u32,
    balance: Option<String>,
    bank_balance: String,
    difference: Option<String>,
    allowed: String,
    agrees: bool,
}

#[derive(Serialize)]
struct Summary {
    agrees: bool,
    currency: &'static str,
    accounts: usize,
    lines: u64,
    deposits: u64,
    payments: u64,
    skipped: u64,
    replayed: u64,
    refused: u64,
    largest_difference: String,
    outside: usize,
}

impl Report {
    /// Whether every balance is near enough and no order was refused.
    pub(super) fn agrees(&self) -> bool {
        self.tally.refused == 0 && self.outside() == 0
    }

    /// How many accounts are too far from the bank, or missing.
    fn outside(&self) -> usize {
        self.rows.iter().filter(|row| !row.agrees()).count()
    }

    fn summary(&self) -> Summary {
        let largest = self.rows.iter().filter_map(Row::difference);
        let largest = largest.max_by_key(|difference| difference.minor().unsigned_abs());
        Summary {
            agrees: self.agrees(),
            currency: self.currency.code(),
            accounts: self.rows.len(),
            lines: self.rows.iter().map(|row| u64::from(row.lines)).sum(),
            deposits: self.tally.deposits,
            payments: self.tally.payments,
            skipped: self.tally.skipped,
            replayed: self.tally.replayed,
            refused: self.tally.refused,
            largest_difference: largest.unwrap_or_default().to_major(self.currency),
            outside: self.outside(),
        }
    }

    /// The report for programs: one JSON document and a line break.
    pub(super) fn to_json(&self) -> String {
        let major = |amount: Amount| amount.to_major(self.currency);
        let accounts = self.rows.iter().map(|row| AccountDocument {
            account: &row.account,
            lines: row.lines,
            balance: row.balance.map(major),
            bank_balance: major(row.bank_balance),
            difference: row.difference().map(|difference| difference.to_major(self.currency)),
            allowed: major(row.allowed),
            agrees: row.agrees(),
        });
        let document = Document { accounts: accounts.collect(), summary: self.summary() };
        let mut text = serde_json::to_string_pretty(&document).expect("strings always are JSON");
        text.push('\n');
        text
    }

    /// The report for people: a row an account, then the summary.
    pub(super) fn to_table(&self) -> String {
        let heads = ["account", "lines", "balance", "bank's balance", "difference", "allowed"];
        let mut rows = vec![heads.map(str::to_owned)];
        rows.extend(self.rows.iter().map(|row| row.cells(self.currency)));
        let widths: [usize; 6] = std::array::from_fn(|column| {
            rows.iter().map(|row| row[column].len()).max().unwrap_or_default()
        });
        let mut text = String::new();
        for (index, row) in rows.iter().enumerate() {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}"));
            let outside = index > 0 && !self.rows[index - 1].agrees();
            let mark = if outside { "  <- outside" } else { "" };
            let cells: Vec<_> = cells.collect();
            line(&mut text, format_args!("{}{mark}", cells.join("  ")));
        }
        self.write_summary(&mut text);
        text
    }

    fn write_summary(&self, text: &mut String) {
        let summary = self.summary();
        line(text, format_args!(""));
        line(text, format_args!("accounts            {}", summary.accounts));
        line(text, format_args!("lines               {}", summary.lines));
        line(text, format_args!("deposits            {}", summary.deposits));
        line(text, format_args!("payments            {}", summary.payments));
        line(text, format_args!("skipped             {}", summary.skipped));
        line(text, format_args!("replayed            {}", summary.replayed));
        line(text, format_args!("refused             {}", summary.refused));
        let largest = &summary.largest_difference;
        line(text, format_args!("largest difference  {largest} {}", summary.currency));
        line(text, format_args!("outside the drift   {}", summary.outside));
    }
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn row(account: &str, lines: u32, balance: Option<i64>, bank: i64) -> Row {
        let account = Account {
            name: account.to_owned(),
            lines,
            lowest: Amount::ZERO,
            bank_balance: Amount::from_minor(bank),
        };
        Row::new(&account, balance.map(Amount::from_minor), currency())
    }

    fn currency() -> Currency {
        Currency::from_code("CZK").expect("the koruna is in the table")
    }

    fn report(rows: Vec<Row>) -> Report {
        Report { currency: currency(), rows, tally: Tally::new(0) }
    }

    #[test]
    fn an_account_agrees_within_fifteen_hundredths_a_line() {
        for (lines, balance, bank, agrees) in [
            (1, Some(100), 100, true),
            (1, Some(115), 100, true),
            (1, Some(116), 100, false),
            (1, Some(85), 100, true),
            (1, Some(84), 100, false),
            (10, Some(-150), 0, true),
            (10, Some(-151), 0, false),
            (1, None, 0, false),
            (1, Some(i64::MAX), i64::MIN, false),
        ] {
            let row = row("1", lines, balance, bank);
            assert_eq!(row.agrees(), agrees, "{row:?}");
        }
    }

    #[test]
    fn the_largest_difference_is_the_farthest_from_zero() {
        let rows = vec![
            row("1", 100, Some(110), 100),
            row("2", 100, Some(75), 100),
            row("3", 9, None, 100),
        ];
        let report = report(rows);
        let summary = report.summary();
        assert_eq!(summary.largest_difference, "-0.25");
        assert_eq!((summary.accounts, summary.lines, summary.outside), (3, 209, 1));
        assert!(!report.agrees());
    }

    #[test]
    fn answers_are_counted_by_what_was_asked() {
        let order = |kind| Order { kind, origin: "line 5".to_owned(), body: String::new() };
        let orders = [
            order(OrderKind::Setup),
            order(OrderKind::Deposit),
            order(OrderKind::Payment),
            order(OrderKind::Payment),
        ];
        let answers: Vec<Answer> = [
            json!({"index": 0, "status": 201, "replayed": true}),
            json!({"index": 1, "status": 201, "replayed": true}),
            json!({"index": 2, "status": 201}),
            json!({"index": 3, "status": 409, "code": "insufficient-funds", "detail": "no"}),
        ]
        .map(|value| serde_json::from_value(value).expect("an answer"))
        .into();
        let mut tally = Tally::new(2);
        tally.take(&orders, &answers);
        let counts = (tally.deposits, tally.payments, tally.replayed, tally.refused, tally.skipped);
        assert_eq!(counts, (1, 1, 1, 1, 2));
        let told: Vec<_> = tally.refusals().collect();
        assert_eq!(told, ["line 5: refused with 409 insufficient-funds: no"]);
        assert!(!Report { currency: currency(), rows: Vec::new(), tally }.agrees());
    }

    #[test]
    fn the_table_has_a_row_an_account_and_marks_what_is_outside() {
        let table = report(vec![row("576", 2, Some(90_010), 90_000), row("7", 1, None, 5)]);
        let table = table.to_table();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[0], "account  lines  balance  bank's balance  difference  allowed");
        assert_eq!(lines[1], "    576      2   900.10          900.00        0.10     0.30");
        assert_eq!(
            lines[2],
            "      7      1     none            0.05        none     0.15  <- outside"
        );
        assert!(table.contains("outside the drift   1\n"), "{table}");
    }

    #[test]
    fn the_document_for_programs_says_the_same() {
        let text = report(vec![row("576", 2, Some(90_010), 90_000)]).to_json();
        let document: Value = serde_json::from_str(&text).expect("one document");
        assert_eq!(document["accounts"][0]["difference"], "0.10");
        assert_eq!(document["accounts"][0]["agrees"], true);
        assert_eq!(document["summary"]["agrees"], true);
        assert_eq!(document["summary"]["largest_difference"], "0.10");
    }
}
