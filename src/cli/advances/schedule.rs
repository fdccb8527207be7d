//! One advance's plan, debit by debit.
//!
//! The debits stand in the order of the plan, with the ones that were put at its end for others
//! that failed. Under them is what their amounts make by status, then the advance itself.
//!
//! What was collected must be the sum of the debits that succeeded; a difference is told.
//!
//! Invariant: what is shown is what the server said; only sums are made here.

use std::collections::BTreeMap;

use bursar_domain::currency::Currency;
use bursar_domain::money::{Amount, Total};
use serde::Deserialize;
use serde_json::Value;

use super::item::Item;
use crate::cli::table::{Align, Table, line};

#[derive(Deserialize)]
struct Wire {
    account: String,
    schedule: Vec<WireDebit>,
    #[serde(default)]
    failure: Option<WireFailure>,
}

#[derive(Deserialize)]
struct WireFailure {
    code: String,
    detail: String,
}

#[derive(Deserialize)]
struct WireDebit {
    number: u64,
    due: String,
    amount: String,
    status: String,
    attempts: u64,
    #[serde(default)]
    transaction: Option<String>,
    #[serde(default)]
    replaces: Option<u64>,
    #[serde(default)]
    detail: Option<String>,
}

/// One debit of a plan.
#[derive(Debug)]
struct Debit {
    number: u64,
    due: String,
    amount: Amount,
    status: String,
    attempts: u64,
    transaction: String,
    replaces: Option<u64>,
    detail: String,
}

impl Debit {
    fn of(wire: WireDebit, currency: Currency) -> Result<Self, String> {
        let amount = Amount::parse(&wire.amount, currency)
            .map_err(|error| format!("debit {} is {:?}: {error}", wire.number, wire.amount))?;
        Ok(Self {
            number: wire.number,
            due: wire.due,
            amount,
            status: wire.status,
            attempts: wire.attempts,
            transaction: wire.transaction.unwrap_or_default(),
            replaces: wire.replaces,
            detail: wire.detail.unwrap_or_default(),
        })
    }
}

/// An advance with its plan.
#[derive(Debug)]
pub(super) struct Schedule {
    item: Item,
    account: String,
    debits: Vec<Debit>,
    failure: Option<String>,
}

impl Schedule {
    /// From the server's document; the message says what is wrong with it.
    pub(super) fn read(document: &Value) -> Result<Self, String> {
        let item = Item::read(document)?;
        let wire = Wire::deserialize(document).map_err(|error| error.to_string())?;
        let debits = wire.schedule.into_iter().map(|debit| Debit::of(debit, item.currency));
        Ok(Self {
            account: wire.account,
            debits: debits.collect::<Result<_, _>>()?,
            failure: wire.failure.map(|failure| format!("{}: {}", failure.code, failure.detail)),
            item,
        })
    }

    /// What does not add up, in words; empty when all does.
    pub(super) fn faults(&self) -> Vec<String> {
        let currency = self.item.currency;
        let sums = self.sums();
        let (_, succeeded) = sums.get("succeeded").copied().unwrap_or_default();
        let fault = (succeeded != Total::from(self.item.collected)).then(|| {
            format!(
                "{}: the debits that succeeded make {} {currency} and not what was collected",
                self.item.id,
                succeeded.to_major(currency)
            )
        });
        self.item.fault().into_iter().chain(fault).collect()
    }

    /// The plan for people.
    pub(super) fn to_table(&self) -> String {
        let currency = self.item.currency;
        let mut text = String::new();
        let Item { id, status, .. } = &self.item;
        line(&mut text, format_args!("{id} of {}: {status}", self.account));
        if let Some(failure) = &self.failure {
            line(&mut text, format_args!("failed because of {failure}"));
        }
        line(&mut text, format_args!(""));
        if self.debits.is_empty() {
            line(&mut text, format_args!("The plan begins when the credit has succeeded."));
        } else {
            text.push_str(&self.debits_to_table());
        }
        line(&mut text, format_args!(""));
        let parts = [
            ("given", self.item.given()),
            ("collected", self.item.collected),
            ("outstanding", self.item.outstanding),
            ("written off", self.item.written_off),
        ];
        let mut table = Table::new([(currency.code(), Align::Left), ("amount", Align::Right)]);
        for (name, amount) in parts {
            table.push([name.to_owned(), amount.to_major(currency)]);
        }
        text.push_str(&table.to_text());
        text
    }

    fn debits_to_table(&self) -> String {
        let currency = self.item.currency;
        let mut table = Table::new([
            ("debit", Align::Right),
            ("due", Align::Left),
            ("amount", Align::Right),
            ("status", Align::Left),
            ("attempts", Align::Right),
            ("replaces", Align::Right),
            ("transaction", Align::Left),
            ("detail", Align::Left),
        ]);
        for debit in &self.debits {
            table.push([
                debit.number.to_string(),
                debit.due.clone(),
                debit.amount.to_major(currency),
                debit.status.clone(),
                debit.attempts.to_string(),
                debit.replaces.map(|number| number.to_string()).unwrap_or_default(),
                debit.transaction.clone(),
                debit.detail.clone(),
            ]);
        }
        let mut text = table.to_text();
        let sums = self.sums();
        let sums = sums
            .iter()
            .map(|(status, (count, sum))| format!("{count} {status} ({})", sum.to_major(currency)));
        line(&mut text, format_args!("\n{}", sums.collect::<Vec<_>>().join(", ")));
        text
    }

    /// How many debits stand how, and what they make.
    fn sums(&self) -> BTreeMap<&str, (u64, Total)> {
        let mut sums: BTreeMap<_, (u64, Total)> = BTreeMap::new();
        for debit in &self.debits {
            let (count, sum) = sums.entry(debit.status.as_str()).or_default();
            *count += 1;
            let added = sum.checked_add(debit.amount);
            *sum = added.expect("a total has room for more debits than a plan has");
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::item::tests::document;
    use super::*;

    fn advance() -> Value {
        let mut advance = document("active", ["100.00", "33.33", "66.67", "0.00"]);
        advance["schedule"] = json!([
            {"number": 1, "due": "2026-12-21", "amount": "33.33", "status": "succeeded",
             "attempts": 1, "transaction": "tx_1"},
            {"number": 2, "due": "2027-01-21", "amount": "33.33", "status": "failed",
             "attempts": 1, "transaction": "tx_2", "detail": "insufficient-funds"},
            {"number": 3, "due": "2027-02-21", "amount": "33.34", "status": "scheduled",
             "attempts": 0, "transaction": null},
            {"number": 4, "due": "2027-03-21", "amount": "33.33", "status": "scheduled",
             "attempts": 0, "replaces": 2},
        ]);
        advance
    }

    #[test]
    fn a_row_for_each_debit_then_the_sums() {
        let schedule = Schedule::read(&advance()).expect("an advance");
        let text = schedule.to_table();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "adv_1 of a: active",
                "",
                "debit  due         amount  status     attempts  replaces  transaction  detail",
                "    1  2026-12-21   33.33  succeeded         1            tx_1",
                "    2  2027-01-21   33.33  failed            1            tx_2         insufficient-funds",
                "    3  2027-02-21   33.34  scheduled         0",
                "    4  2027-03-21   33.33  scheduled         0         2",
                "",
                "1 failed (33.33), 2 scheduled (66.67), 1 succeeded (33.33)",
                "",
                "CZK          amount",
                "given        100.00",
                "collected     33.33",
                "outstanding   66.67",
                "written off    0.00",
            ]
        );
        assert_eq!(schedule.faults(), [""; 0]);
    }

    #[test]
    fn what_was_collected_is_what_succeeded_or_a_fault() {
        let mut advance = advance();
        advance["schedule"][3]["status"] = json!("succeeded");
        let faults = Schedule::read(&advance).expect("an advance").faults();
        assert_eq!(
            faults,
            ["adv_1: the debits that succeeded make 66.66 CZK and not what was collected"]
        );
    }

    #[test]
    fn an_advance_without_a_plan_says_when_it_begins() {
        let mut pending = document("pending", ["100.00", "0.00", "0.00", "0.00"]);
        pending["schedule"] = json!([]);
        let text = Schedule::read(&pending).expect("an advance").to_table();
        assert!(text.contains("The plan begins when the credit has succeeded."), "{text}");
    }

    #[test]
    fn a_failed_advance_says_why() {
        let mut failed = document("failed", ["100.00", "0.00", "0.00", "0.00"]);
        failed["schedule"] = json!([]);
        failed["failure"] = json!({"code": "account-closed", "detail": "no such account"});
        let text = Schedule::read(&failed).expect("an advance").to_table();
        assert!(text.contains("failed because of account-closed: no such account"), "{text}");
    }

    #[test]
    fn a_plan_that_cannot_be_read_is_refused() {
        let mut bad = advance();
        bad["schedule"][0]["amount"] = json!("33.333");
        assert!(Schedule::read(&bad).is_err());
        assert!(Schedule::read(&document("active", ["1.00", "0.00", "1.00", "0.00"])).is_err());
    }
}
