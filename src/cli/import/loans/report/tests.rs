//! The report of an import: what is counted, what is told, and when it is good.
//!
//! Made from outcomes by hand, so that each test shows only what it is about.

use bursar_domain::money::Amount;
use serde_json::{Value, json};

use super::*;
use crate::cli::client::Problem;

fn loan(line: u64, months: u16, amount: i64, monthly_payment: i64) -> Loan {
    Loan {
        line,
        id: (line * 10).to_string(),
        account: "a".to_owned(),
        amount: Amount::from_minor(amount),
        months,
        monthly_payment: Amount::from_minor(monthly_payment),
    }
}

fn standing(status: Status) -> Standing {
    Standing { id: "adv_1".to_owned(), status, failure: None }
}

fn refused(code: &str) -> Outcome {
    let problem = Problem { code: code.to_owned(), detail: "no".to_owned() };
    Outcome::Refused { status: 422, problem }
}

fn report(waited: bool, outcomes: &[Outcome]) -> Report {
    let loans: Vec<_> = (2..).zip(outcomes).map(|(line, _)| loan(line, 12, 1200, 100)).collect();
    let currency = Currency::from_code("CZK").expect("the koruna is in the table");
    Report::new(currency, &loans, outcomes, waited)
}

#[test]
fn a_row_for_each_length_and_a_total() {
    let loans = [loan(2, 60, 6000, 100), loan(3, 12, 1200, 100), loan(4, 12, 100_000, 1)];
    let outcomes = [
        Outcome::Opened(standing(Status::Pending)),
        Outcome::There(standing(Status::Active)),
        refused("invalid-amount"),
    ];
    let currency = Currency::from_code("CZK").expect("the koruna is in the table");
    let report = Report::new(currency, &loans, &outcomes, false);
    let text = report.to_table();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines[0],
        "months  loans  amount in CZK  opened  there already  refused  credited  pending  failed"
    );
    assert_eq!(
        lines[1],
        "    12      2        1012.00       0              1        1         1        0       0"
    );
    assert_eq!(
        lines[2],
        "    60      1          60.00       1              0        0         0        1       0"
    );
    assert_eq!(
        lines[3],
        " total      3        1072.00       1              1        1         1        1       0"
    );
    assert_eq!(lines[4], "");
    assert_eq!(
        lines[5],
        "In 1 lines the monthly payments do not make the amount; all together they differ by \
         -999.88 CZK."
    );
    assert_eq!(lines[6..], ["invalid-amount: 1"]);
}

#[test]
fn it_is_good_when_nothing_was_refused_and_what_was_waited_for_came() {
    let credited = Outcome::Opened(standing(Status::Completed));
    for (waited, other, good) in [
        (false, Outcome::Opened(standing(Status::Pending)), true),
        (true, Outcome::Opened(standing(Status::Pending)), false),
        (false, Outcome::There(standing(Status::Failed)), true),
        (true, Outcome::There(standing(Status::Failed)), false),
        (true, Outcome::There(standing(Status::Defaulted)), true),
        (false, refused("forbidden"), false),
    ] {
        let report = report(waited, &[credited.clone(), other.clone()]);
        assert_eq!(report.is_good(), good, "{waited} {other:?}");
    }
}

#[test]
fn refusals_and_failures_are_told_with_their_lines_and_many_are_counted() {
    let failed = Standing {
        failure: Some(Problem { code: "account-closed".to_owned(), detail: "gone".to_owned() }),
        ..standing(Status::Failed)
    };
    let mut outcomes = vec![refused("forbidden"), Outcome::Opened(failed)];
    outcomes.extend((0..25).map(|_| refused("forbidden")));
    let told = report(true, &outcomes).complaints();
    assert_eq!(told[0], "line 2: loan 20: refused with 422 forbidden: no");
    assert_eq!(told[1], "line 3: loan 30: adv_1 failed: account-closed: gone");
    assert_eq!(told.len(), COMPLAINTS_TOLD + 1);
    assert_eq!(told[COMPLAINTS_TOLD], "and 7 more were refused or failed");
}

#[test]
fn the_document_for_programs_says_the_same() {
    let text = report(true, &[refused("forbidden"), Outcome::There(standing(Status::Pending))]);
    let document: Value = serde_json::from_str(&text.to_json()).expect("one document");
    assert_eq!(document["plans"][0]["months"], 12);
    assert_eq!(document["plans"][0]["loans"], 2);
    assert_eq!(
        document["complaints"],
        json!([{"line": 2, "loan_id": "20", "status": 422, "code": "forbidden", "detail": "no"}])
    );
    let summary = &document["summary"];
    assert_eq!(summary["good"], false);
    assert_eq!(summary["amount"], "24.00");
    assert_eq!(summary["codes"], json!({"forbidden": 1}));
    assert_eq!((&summary["refused"], &summary["pending"]), (&1.into(), &1.into()));
    assert_eq!((&summary["there_already"], &summary["opened"]), (&1.into(), &0.into()));
    assert_eq!(
        (&summary["payments_differ"], &summary["payments_surplus"]),
        (&0.into(), &"0.00".into())
    );
}
