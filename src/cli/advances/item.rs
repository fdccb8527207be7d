//! One advance of the list, read strictly.
//!
//! Amounts are whole minor units from the first character on. What was given is the amount once
//! the credit succeeded and nothing before; the server's word for what is still to come counts
//! only then.
//!
//! Invariant: nothing of an [`Item`] was guessed; a document that lacks a part is refused.

use bursar_domain::currency::Currency;
use bursar_domain::money::{Amount, Total};
use serde::Deserialize;
use serde_json::Value;

use super::status::Status;

#[derive(Deserialize)]
struct Wire {
    id: String,
    amount: String,
    currency: String,
    status: Status,
    collected: String,
    outstanding: String,
    written_off: String,
    #[serde(default)]
    overpaid: Option<String>,
}

/// What counts of one advance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Item {
    /// Its id.
    pub(super) id: String,
    /// The currency of its amounts.
    pub(super) currency: Currency,
    /// How it stands.
    pub(super) status: Status,
    /// How much was asked for.
    pub(super) amount: Amount,
    /// How much came back.
    pub(super) collected: Amount,
    /// How much is still to come back.
    pub(super) outstanding: Amount,
    /// How much will not come back.
    pub(super) written_off: Amount,
    /// How much came twice and is on its way back; no part of the sum.
    pub(super) overpaid: Amount,
}

impl Item {
    /// From the server's document; the message says what is wrong with it.
    pub(super) fn read(document: &Value) -> Result<Self, String> {
        let wire = Wire::deserialize(document).map_err(|error| error.to_string())?;
        let currency = Currency::from_code(&wire.currency)
            .ok_or_else(|| format!("{} is in {:?}", wire.id, wire.currency))?;
        let amount = |name: &str, text: &str| {
            Amount::parse_or_zero(text, currency)
                .map_err(|error| format!("{}: {name} is {text:?}: {error}", wire.id))
        };
        Ok(Self {
            currency,
            status: wire.status,
            amount: amount("amount", &wire.amount)?,
            collected: amount("collected", &wire.collected)?,
            outstanding: amount("outstanding", &wire.outstanding)?,
            written_off: amount("written_off", &wire.written_off)?,
            overpaid: amount("overpaid", wire.overpaid.as_deref().unwrap_or("0"))?,
            id: wire.id,
        })
    }

    /// How much went out.
    pub(super) fn given(&self) -> Amount {
        if self.status.is_credited() { self.amount } else { Amount::ZERO }
    }

    /// What is wrong with its sum, in words; `None` when it adds up.
    pub(super) fn fault(&self) -> Option<String> {
        let parts = [self.collected, self.outstanding, self.written_off];
        let sum: i128 = parts.iter().map(|part| i128::from(part.minor())).sum();
        let difference = sum - i128::from(self.given().minor());
        (difference != 0).then(|| {
            let difference = Total::from_minor(difference).to_major(self.currency);
            format!(
                "{} is {} and does not add up: collected, outstanding and written off differ \
                 from what was given by {difference} {}",
                self.id, self.status, self.currency
            )
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// An advance as the server tells it.
    pub(in super::super) fn document(status: &str, amounts: [&str; 4]) -> Value {
        let [amount, collected, outstanding, written_off] = amounts;
        json!({"id": "adv_1", "account": "a", "amount": amount, "currency": "CZK",
            "plan": {"installments": 12, "every": "month"}, "status": status,
            "collected": collected, "outstanding": outstanding, "written_off": written_off,
            "version": 3})
    }

    fn fault(status: &str, amounts: [&str; 4]) -> Option<String> {
        Item::read(&document(status, amounts)).expect("an advance").fault()
    }

    #[test]
    fn an_advance_adds_up_or_says_by_how_much_it_does_not() {
        assert_eq!(fault("active", ["100.00", "30.00", "70.00", "0.00"]), None);
        assert_eq!(fault("defaulted", ["100.00", "30.00", "0.00", "70.00"]), None);
        assert_eq!(fault("pending", ["100.00", "0.00", "0.00", "0.00"]), None);
        let fault = fault("completed", ["100.00", "99.99", "0.00", "0.00"]).expect("a cent");
        assert!(fault.contains("adv_1 is completed") && fault.contains("-0.01 CZK"), "{fault}");
    }

    #[test]
    fn a_document_that_lacks_a_part_or_has_another_word_is_refused() {
        let good = document("active", ["1.00", "0.00", "1.00", "0.00"]);
        for (name, value) in [
            ("amount", json!(1)),
            ("amount", json!("1.001")),
            ("collected", json!("-1.00")),
            ("currency", json!("QQQ")),
            ("status", json!("paused")),
            ("written_off", Value::Null),
        ] {
            let mut bad = good.clone();
            bad[name] = value;
            assert!(Item::read(&bad).is_err(), "{bad}");
        }
        assert!(Item::read(&good).is_ok());
    }
}
