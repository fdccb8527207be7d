//! The sums over all advances, by currency and status, with a total for each currency.
//!
//! Money of two currencies never meets: every currency has its own rows and its own total. The
//! total is the sum of the rows above it, so a reader can check it by eye; that it equals what was
//! given is checked here.
//!
//! Invariant: a row adds up if each of its advances does, so the faults are those of advances.

use std::collections::BTreeMap;

use bursar_domain::currency::Currency;
use bursar_domain::money::Total;
use serde_json::{Value, json};

use super::item::Item;
use super::status::Status;
use crate::cli::table::{Align, Table, line};

/// How many faults are told in words; the rest is only counted.
const FAULTS_TOLD: usize = 20;

/// Advances together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Row {
    count: u64,
    asked: Total,
    given: Total,
    collected: Total,
    outstanding: Total,
    written_off: Total,
    overpaid: Total,
}

impl Row {
    fn of(item: &Item) -> Self {
        Self {
            count: 1,
            asked: Total::from(item.amount),
            given: Total::from(item.given()),
            collected: Total::from(item.collected),
            outstanding: Total::from(item.outstanding),
            written_off: Total::from(item.written_off),
            overpaid: Total::from(item.overpaid),
        }
    }

    fn add(&mut self, other: &Self) {
        let add = |sum: &mut Total, other: Total| {
            let added = sum.checked_add_total(other);
            *sum = added.expect("a total has room for more amounts than there are advances");
        };
        self.count += other.count;
        add(&mut self.asked, other.asked);
        add(&mut self.given, other.given);
        add(&mut self.collected, other.collected);
        add(&mut self.outstanding, other.outstanding);
        add(&mut self.written_off, other.written_off);
        add(&mut self.overpaid, other.overpaid);
    }

    /// What came back, is to come back and will not, less what was given.
    fn difference(&self) -> Total {
        let parts = [self.collected, self.outstanding, self.written_off];
        let sum: i128 = parts.iter().map(|part| part.minor()).sum();
        Total::from_minor(sum - self.given.minor())
    }

    fn cells(&self, currency: Currency, name: &str) -> [String; 8] {
        [
            currency.code().to_owned(),
            name.to_owned(),
            self.count.to_string(),
            self.asked.to_major(currency),
            self.given.to_major(currency),
            self.collected.to_major(currency),
            self.outstanding.to_major(currency),
            self.written_off.to_major(currency),
        ]
    }

    fn to_document(self, currency: Currency, name: &str) -> Value {
        json!({
            "currency": currency.code(),
            "status": name,
            "count": self.count,
            "asked": self.asked.to_major(currency),
            "given": self.given.to_major(currency),
            "collected": self.collected.to_major(currency),
            "outstanding": self.outstanding.to_major(currency),
            "written_off": self.written_off.to_major(currency),
            "overpaid": self.overpaid.to_major(currency),
            "difference": self.difference().to_major(currency),
        })
    }
}

/// The sums.
#[derive(Debug, Default)]
pub(super) struct Summary {
    rows: BTreeMap<(Currency, Status), Row>,
    told: Vec<String>,
    faults: usize,
}

impl Summary {
    /// Adds one advance.
    pub(super) fn add(&mut self, item: &Item) {
        let row = self.rows.entry((item.currency, item.status)).or_default();
        row.add(&Row::of(item));
        if let Some(fault) = item.fault() {
            self.faults += 1;
            if self.told.len() < FAULTS_TOLD {
                self.told.push(fault);
            }
        }
    }

    /// The total of each currency.
    fn totals(&self) -> BTreeMap<Currency, Row> {
        let mut totals: BTreeMap<_, Row> = BTreeMap::new();
        for ((currency, _), row) in &self.rows {
            totals.entry(*currency).or_default().add(row);
        }
        totals
    }

    /// What does not add up, in words; empty when all does.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = self.told.clone();
        if self.faults > self.told.len() {
            faults.push(format!("and {} more do not add up", self.faults - self.told.len()));
        }
        for (currency, total) in self.totals() {
            let difference = total.difference();
            if difference.minor() != 0 {
                let difference = difference.to_major(currency);
                faults.push(format!("the total in {currency} is off by {difference}"));
            }
        }
        faults
    }

    /// The sums for programs.
    pub(super) fn to_document(&self) -> Value {
        let rows = self.rows.iter();
        let rows =
            rows.map(|((currency, status), row)| row.to_document(*currency, status.as_str()));
        let totals = self.totals();
        let totals = totals.iter().map(|(currency, row)| row.to_document(*currency, "total"));
        json!({
            "adds_up": self.faults().is_empty(),
            "rows": rows.collect::<Vec<_>>(),
            "totals": totals.collect::<Vec<_>>(),
        })
    }

    /// The sums for people: a row for each status, a total for each currency.
    pub(super) fn to_table(&self) -> String {
        if self.rows.is_empty() {
            return "There are no such advances.\n".to_owned();
        }
        let mut table = Table::new([
            ("currency", Align::Left),
            ("status", Align::Left),
            ("count", Align::Right),
            ("asked", Align::Right),
            ("given", Align::Right),
            ("collected", Align::Right),
            ("outstanding", Align::Right),
            ("written off", Align::Right),
        ]);
        for (currency, total) in self.totals() {
            let rows = self.rows.iter().filter(|((of, _), _)| *of == currency);
            for ((_, status), row) in rows {
                table.push(row.cells(currency, status.as_str()));
            }
            table.push(total.cells(currency, "total"));
        }
        let mut text = table.to_text();
        let totals = self.totals();
        for (currency, total) in totals.iter().filter(|(_, total)| total.overpaid.minor() != 0) {
            let overpaid = total.overpaid.to_major(*currency);
            line(
                &mut text,
                format_args!("Collected twice and on its way back: {overpaid} {currency}"),
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::tests::document;
    use super::*;

    fn summary(items: &[(&str, &str, [&str; 4])]) -> Summary {
        let mut summary = Summary::default();
        for (currency, status, amounts) in items {
            let mut document = document(status, *amounts);
            document["currency"] = (*currency).into();
            summary.add(&Item::read(&document).expect("an advance"));
        }
        summary
    }

    #[test]
    fn a_row_for_each_status_and_a_total_for_each_currency() {
        let summary = summary(&[
            ("EUR", "active", ["10.00", "4.00", "6.00", "0.00"]),
            ("CZK", "active", ["100.00", "40.00", "60.00", "0.00"]),
            ("CZK", "failed", ["7.00", "0.00", "0.00", "0.00"]),
            ("CZK", "active", ["1000.00", "0.00", "1000.00", "0.00"]),
            ("CZK", "defaulted", ["50.00", "20.00", "0.00", "30.00"]),
        ]);
        let text = summary.to_table();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "currency  status     count    asked    given  collected  outstanding  written off",
                "CZK       active         2  1100.00  1100.00      40.00      1060.00         0.00",
                "CZK       defaulted      1    50.00    50.00      20.00         0.00        30.00",
                "CZK       failed         1     7.00     0.00       0.00         0.00         0.00",
                "CZK       total          4  1157.00  1150.00      60.00      1060.00        30.00",
                "EUR       active         1    10.00    10.00       4.00         6.00         0.00",
                "EUR       total          1    10.00    10.00       4.00         6.00         0.00",
            ]
        );
        assert_eq!(summary.faults(), [""; 0]);
        let document = summary.to_document();
        assert_eq!(document["adds_up"], true);
        assert_eq!(document["rows"].as_array().map(Vec::len), Some(4));
        assert_eq!(document["totals"][0]["collected"], "60.00");
        assert_eq!(document["totals"][0]["difference"], "0.00");
    }

    #[test]
    fn what_came_twice_stands_apart_and_is_no_part_of_the_sum() {
        let mut document = document("completed", ["10.00", "10.00", "0.00", "0.00"]);
        document["overpaid"] = "2.50".into();
        let mut summary = Summary::default();
        summary.add(&Item::read(&document).expect("an advance"));
        assert_eq!(summary.faults(), [""; 0]);
        let text = summary.to_table();
        assert!(text.ends_with("Collected twice and on its way back: 2.50 CZK\n"), "{text}");
    }

    #[test]
    fn a_difference_is_told_for_the_advance_and_the_total() {
        let summary = summary(&[("CZK", "active", ["100.00", "40.00", "59.99", "0.00"])]);
        let faults = summary.faults();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert_eq!(faults[1], "the total in CZK is off by -0.01");
        assert_eq!(summary.to_document()["adds_up"], false);
    }

    #[test]
    fn two_differences_that_cancel_out_are_told_all_the_same() {
        let summary = summary(&[
            ("CZK", "active", ["1.00", "0.00", "1.01", "0.00"]),
            ("CZK", "active", ["1.00", "0.00", "0.99", "0.00"]),
        ]);
        assert_eq!(summary.faults().len(), 2, "{:?}", summary.faults());
    }

    #[test]
    fn many_differences_are_counted() {
        let bad = ("CZK", "active", ["1.00", "0.00", "0.00", "0.00"]);
        let faults = summary(&[bad; 25]).faults();
        assert_eq!(faults.len(), FAULTS_TOLD + 2);
        assert_eq!(faults[FAULTS_TOLD], "and 5 more do not add up");
    }

    #[test]
    fn an_amount_of_another_currency_never_joins_a_row() {
        let summary = summary(&[
            ("JPY", "active", ["5", "0", "5", "0"]),
            ("BHD", "active", ["5.000", "0.000", "5.000", "0.000"]),
        ]);
        let totals = summary.totals();
        assert_eq!(totals.len(), 2);
        assert!(totals.values().all(|total| total.count == 1));
    }
}
