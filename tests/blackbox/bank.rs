//! The calls that most tests make, and sums over what they see.
//!
//! Money in tests is whole minor units ([`minor`]), read from the decimal strings of the answers
//! with the same strictness that the contract promises: no float ever stands between. The bodies
//! are made here once, so that a test shows only what it is about.

use serde_json::{Value, json};

use crate::harness::eventually;
use crate::http::{Answer, Client, Request};

/// An amount such as `-12.30` in hundredths.
pub(crate) fn minor(text: &Value) -> i128 {
    let text = text.as_str().unwrap_or_else(|| panic!("an amount is a string: {text}"));
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or_else(|| panic!("{text}"));
    assert_eq!(fraction.len(), 2, "{text}");
    let number = format!("{whole}{fraction}");
    assert!(number.bytes().all(|byte| byte.is_ascii_digit()), "{text}");
    sign * number.parse::<i128>().expect("digits are a number")
}

/// Hundredths as an amount.
pub(crate) fn major(minor: u64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

/// The body of a deposit in euros.
pub(crate) fn deposit_body(amount: &str) -> Value {
    json!({"amount": amount, "currency": "EUR", "method": "external"})
}

/// The body of a payment in euros.
pub(crate) fn payment_body(wallet: &str, provider: &str, amount: &str) -> Value {
    json!({"wallet": wallet, "provider": provider, "amount": amount, "currency": "EUR"})
}

/// The body of a provider that takes euros and is reimbursed monthly.
pub(crate) fn provider_body(id: &str) -> Value {
    json!({"id": id, "name": format!("Provider {id}"), "currency": "EUR",
        "settlement": {"every": "month"}, "account": format!("account-{id}")})
}

impl Client {
    /// Opens a wallet in euros.
    pub(crate) fn open(&mut self, id: &str) -> Value {
        let body = json!({"id": id, "currency": "EUR"});
        self.post("/v1/wallets", &format!("open-{id}"), &body).expect(201)
    }

    /// Opens a wallet in euros and puts money in.
    pub(crate) fn open_with(&mut self, id: &str, amount: &str) {
        self.open(id);
        self.deposit(id, &format!("first-{id}"), amount).expect(201);
    }

    /// Registers a provider that takes euros.
    pub(crate) fn register(&mut self, id: &str) -> Value {
        self.post("/v1/providers", &format!("register-{id}"), &provider_body(id)).expect(201)
    }

    /// Books a deposit in euros.
    pub(crate) fn deposit(&mut self, wallet: &str, key: &str, amount: &str) -> Answer {
        self.post(&format!("/v1/wallets/{wallet}/deposits"), key, &deposit_body(amount))
    }

    /// Pays in euros.
    pub(crate) fn pay(&mut self, wallet: &str, provider: &str, key: &str, amount: &str) -> Answer {
        self.post("/v1/payments", key, &payment_body(wallet, provider, amount))
    }

    /// Refunds; without an amount, all that is left. Waits for the money to arrive.
    pub(crate) fn refund(&mut self, payment: &str, key: &str, amount: Option<&str>) -> Answer {
        let body = amount.map_or_else(|| json!({}), |amount| json!({"amount": amount}));
        let path = format!("/v1/payments/{payment}/refunds");
        self.send(&Request::post(path, &body).key(key).header("Prefer", "wait=10"))
    }

    /// A wallet.
    pub(crate) fn wallet(&mut self, id: &str) -> Value {
        self.get(&format!("/v1/wallets/{id}")).expect(200)
    }

    /// The posted balance of a wallet.
    pub(crate) fn posted(&mut self, id: &str) -> String {
        let wallet = self.wallet(id);
        wallet["balance"]["posted"].as_str().expect("a balance is a string").to_owned()
    }

    /// Waits until a provider has accrued this much; it hears of a payment a commit later.
    pub(crate) fn wait_accrued(&mut self, provider: &str, amount: &str) {
        eventually(&format!("{provider} accrues {amount}"), || {
            let found = self.get(&format!("/v1/providers/{provider}")).expect(200);
            (found["balance"]["accrued"] == amount).then_some(())
        });
    }

    /// All items of a list, page by page.
    pub(crate) fn all(&mut self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut query = "?limit=500".to_owned();
        loop {
            let page = self.get(&format!("{path}{query}")).expect(200);
            items.extend(page["items"].as_array().expect("a list has items").iter().cloned());
            match page["next_cursor"].as_str() {
                Some(cursor) => query = format!("?limit=500&cursor={cursor}"),
                None => return items,
            }
        }
    }

    /// Asserts that the books balance to zero in every currency.
    pub(crate) fn assert_balanced(&mut self) {
        let books = self.get("/admin/trial-balance").expect(200);
        // Where no money has moved there is nothing to add up.
        for line in books["items"].as_array().expect("a list has items") {
            let digits = line["sum"].as_str().unwrap_or_else(|| panic!("no sum: {books}"));
            assert!(digits.bytes().all(|byte| byte == b'0' || byte == b'.'), "{books}");
        }
    }
}

/// Every value with this name, however deep.
pub(crate) fn collect(name: &str, value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                if member == name {
                    found.push(value.clone());
                }
                collect(name, value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(name, item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The text members with this name of a list's items.
pub(crate) fn texts(items: &[Value], name: &str) -> Vec<String> {
    items
        .iter()
        .map(|item| item[name].as_str().unwrap_or_else(|| panic!("{name}: {item}")).to_owned())
        .collect()
}
