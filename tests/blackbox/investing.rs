//! The calls about deals and investments, and how their answers are read.
//!
//! Bodies are made here once; who invests waits in line unless a test says otherwise. How an
//! investment goes on is found by asking until it stands as expected; one that has ended otherwise
//! fails the test at once, with all its steps.

use serde_json::{Value, json};

use crate::harness::eventually;
use crate::http::{Answer, Client, Request};

/// The names of an investment's steps.
pub(crate) const STEPS: [&str; 7] =
    ["reserve", "mark", "pull", "documents", "settle", "confirm", "tell"];

/// The body of an investment in euros, paid by the bank; it waits when there is no place.
pub(crate) fn investment_body(wallet: &str, amount: &str) -> Value {
    json!({"wallet": wallet, "amount": amount, "currency": "EUR", "funding": "bank",
        "waitlist": true})
}

/// The same, paid from the wallet.
pub(crate) fn from_wallet(wallet: &str, amount: &str) -> Value {
    json!({"wallet": wallet, "amount": amount, "currency": "EUR", "funding": "wallet",
        "waitlist": true})
}

/// The body of a deal in euros.
pub(crate) fn deal_body(id: &str, amount: &str, investors_max: u16) -> Value {
    json!({"id": id, "name": format!("Deal {id}"), "amount": amount, "currency": "EUR",
        "max_investors": investors_max})
}

/// The address of a deal's investments.
pub(crate) fn investments_of(deal: &str) -> String {
    format!("/v1/deals/{deal}/investments")
}

/// The id of a resource.
pub(crate) fn id_of(resource: &Value) -> String {
    resource["id"].as_str().unwrap_or_else(|| panic!("no id: {resource}")).to_owned()
}

/// Whether an investment has ended.
pub(crate) fn is_over(investment: &Value) -> bool {
    ["confirmed", "failed", "cancelled", "refused"].iter().any(|end| investment["status"] == *end)
}

/// A step of an investment, a deposit or a saga.
pub(crate) fn step<'a>(resource: &'a Value, name: &str) -> &'a Value {
    let steps = resource["steps"].as_array().unwrap_or_else(|| panic!("no steps: {resource}"));
    let found = steps.iter().find(|step| step["name"] == name);
    found.unwrap_or_else(|| panic!("no step {name}: {resource}"))
}

/// How each step stands, in order.
pub(crate) fn step_statuses(resource: &Value) -> Vec<&str> {
    let steps = resource["steps"].as_array().unwrap_or_else(|| panic!("no steps: {resource}"));
    steps.iter().map(|step| step["status"].as_str().unwrap_or_default()).collect()
}

impl Client {
    /// Opens a wallet in euros that can be written to.
    pub(crate) fn open_with_mail(&mut self, id: &str) {
        let body = json!({"id": id, "currency": "EUR", "email": format!("{id}@example.com")});
        self.post("/v1/wallets", &format!("open-{id}"), &body).expect(201);
    }

    /// Opens a deal in euros.
    pub(crate) fn deal(&mut self, id: &str, amount: &str, investors_max: u16) -> Value {
        let body = deal_body(id, amount, investors_max);
        self.post("/v1/deals", &format!("deal-{id}"), &body).expect(201)
    }

    /// A deal as it stands.
    pub(crate) fn deal_now(&mut self, id: &str) -> Value {
        self.get(&format!("/v1/deals/{id}")).expect(200)
    }

    /// Asks to invest.
    pub(crate) fn ask_to_invest(&mut self, deal: &str, key: &str, body: &Value) -> Answer {
        self.post(&investments_of(deal), key, body)
    }

    /// Invests, paid by the bank; the key is the wallet's name. Returns the investment's id.
    pub(crate) fn invest(&mut self, deal: &str, wallet: &str, amount: &str) -> String {
        let answer = self.ask_to_invest(deal, wallet, &investment_body(wallet, amount));
        id_of(&answer.expect(202))
    }

    /// An investment.
    pub(crate) fn investment(&mut self, id: &str) -> Value {
        self.get(&format!("/v1/investments/{id}")).expect(200)
    }

    /// Takes an investment back.
    pub(crate) fn cancel(&mut self, id: &str) -> Answer {
        self.send(&Request::new("DELETE", format!("/v1/investments/{id}")))
    }

    /// The investment once it has this status.
    pub(crate) fn until(&mut self, id: &str, status: &str) -> Value {
        eventually(&format!("{id} is {status}"), || {
            let found = self.investment(id);
            let is_there = found["status"] == status;
            assert!(is_there || !is_over(&found), "{status} expected: {found:#}");
            is_there.then_some(found)
        })
    }

    /// The investment once this step has this status.
    pub(crate) fn until_step(&mut self, id: &str, name: &str, status: &str) -> Value {
        eventually(&format!("{name} of {id} is {status}"), || {
            let found = self.investment(id);
            (step(&found, name)["status"] == status).then_some(found)
        })
    }

    /// Asserts that nothing is left of an investment with its wallet.
    pub(crate) fn assert_nothing_pending(&mut self, wallet: &str) {
        let wallet = self.wallet(wallet);
        assert_eq!(wallet["pending_investments"], json!([]), "{wallet}");
        assert_eq!(wallet["balance"]["held"], "0.00", "{wallet}");
    }

    /// Asserts that the books balance, with nothing on its way once all is done.
    pub(crate) fn assert_settled(&mut self) {
        self.assert_balanced();
        eventually("nothing is in transit", || {
            let books = self.get("/admin/trial-balance").expect(200);
            assert_eq!(books["balanced"], true, "{books}");
            let mut items = books["items"].as_array().expect("a list has items").iter();
            items.all(|item| item["in_transit"] == "0.00").then_some(())
        });
    }
}
