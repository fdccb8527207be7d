//! From a loan to the call that opens its advance.
//!
//! The key is made from the bank's id of the loan alone. So a second import of the same file
//! changes nothing, and one with another currency or first date is refused by the server rather
//! than opening everything once more. The account is the one at the payment processor:
//! `acct-` and the bank's name for it. The date of the file is not sent, because the plan of an
//! advance begins with its credit, which is now.
//!
//! Invariant: the same loan and terms always give the same bytes.

use bursar_domain::currency::Currency;
use bursar_domain::plan::Day;
use serde::Serialize;

use super::file::Loan;

/// What all loans of an import have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// The currency of everything.
    pub(crate) currency: Currency,
    /// The day of the first debit; a month after the credit when there is none.
    pub(crate) first_due: Option<Day>,
}

/// One call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Order {
    /// The idempotency key.
    pub(crate) key: String,
    /// What is sent: one JSON object.
    pub(crate) body: String,
}

#[derive(Serialize)]
struct Body<'a> {
    account: String,
    amount: String,
    currency: &'a str,
    plan: Plan,
}

#[derive(Serialize)]
struct Plan {
    installments: u16,
    every: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_due: Option<String>,
}

impl Order {
    /// The call that opens this loan.
    pub(crate) fn new(loan: &Loan, terms: &Terms) -> Self {
        let first_due = terms.first_due.map(|day| day.to_string());
        let body = Body {
            account: format!("acct-{}", loan.account),
            amount: loan.amount.to_major(terms.currency),
            currency: terms.currency.code(),
            plan: Plan { installments: loan.months, every: "month", first_due },
        };
        Self {
            key: format!("loan-{}", loan.id),
            body: serde_json::to_string(&body).expect("strings always are JSON"),
        }
    }
}

#[cfg(test)]
mod tests {
    use bursar_domain::money::Amount;

    use super::*;

    fn order(currency: &str, first_due: Option<&str>) -> Order {
        let loan = Loan {
            line: 2,
            id: "5314".to_owned(),
            account: "1787".to_owned(),
            amount: Amount::from_minor(9_639_600),
            months: 12,
            monthly_payment: Amount::from_minor(803_300),
        };
        let first_due = first_due.map(|text| Day::parse(text).expect("a day"));
        let currency = Currency::from_code(currency).expect("in the table");
        Order::new(&loan, &Terms { currency, first_due })
    }

    #[test]
    fn a_loan_is_an_advance_with_a_monthly_plan() {
        let order = order("CZK", None);
        assert_eq!(order.key, "loan-5314");
        assert_eq!(
            order.body,
            r#"{"account":"acct-1787","amount":"96396.00","currency":"CZK","plan":{"installments":12,"every":"month"}}"#
        );
    }

    #[test]
    fn the_terms_change_the_content_and_not_the_key() {
        let order = order("JPY", Some("2027-01-31"));
        assert_eq!(order.key, "loan-5314");
        assert_eq!(
            order.body,
            r#"{"account":"acct-1787","amount":"9639600","currency":"JPY","plan":{"installments":12,"every":"month","first_due":"2027-01-31"}}"#
        );
    }
}
