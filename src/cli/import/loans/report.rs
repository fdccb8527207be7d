//! The report: what was opened, was there already and was refused, by the length of the plans.
//!
//! It is good when no loan was refused and, after waiting, every advance was credited; a program
//! reads that from the exit code, a person from the table. Where the bank's monthly payments do
//! not make the amount, the report only says so: the plan divides the amount itself.
//!
//! Invariant: opened, there already and refused are together the loans of the file; so are
//! credited, pending, failed and refused.

use std::collections::BTreeMap;

use bursar_domain::currency::Currency;
use bursar_domain::money::Total;
use serde::Serialize;

use super::file::Loan;
use super::opening::{Outcome, Standing};
use crate::cli::advances::status::Status;
use crate::cli::table::{Align, Table, line};

/// How many refusals or failures are told in words; the rest is only counted.
const COMPLAINTS_TOLD: usize = 20;

/// How many advances stand how.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Counts {
    loans: u64,
    opened: u64,
    there_already: u64,
    refused: u64,
    credited: u64,
    pending: u64,
    failed: u64,
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        self.loans += 1;
        match outcome {
            Outcome::Opened(standing) => {
                self.opened += 1;
                self.stand(standing.status);
            }
            Outcome::There(standing) => {
                self.there_already += 1;
                self.stand(standing.status);
            }
            Outcome::Refused { .. } => self.refused += 1,
        }
    }

    fn stand(&mut self, status: Status) {
        match status {
            Status::Pending => self.pending += 1,
            Status::Failed => self.failed += 1,
            Status::Active | Status::Completed | Status::Defaulted => self.credited += 1,
        }
    }
}

/// Loans together.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    counts: Counts,
    amount: Total,
}

impl Group {
    fn add(&mut self, loan: &Loan, outcome: &Outcome) {
        self.counts.add(outcome);
        let amount = self.amount.checked_add(loan.amount);
        self.amount = amount.expect("a total has room for more loans than a file has lines");
    }
}

/// A loan without an advance that was credited, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Complaint {
    line: u64,
    loan_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    code: String,
    detail: String,
}

impl Complaint {
    fn of(loan: &Loan, outcome: &Outcome) -> Option<Self> {
        let (line, loan_id) = (loan.line, loan.id.clone());
        match outcome {
            Outcome::Refused { status, problem } => Some(Self {
                line,
                loan_id,
                advance: None,
                status: Some(*status),
                code: problem.code.clone(),
                detail: problem.detail.clone(),
            }),
            Outcome::Opened(Standing { id, status: Status::Failed, failure })
            | Outcome::There(Standing { id, status: Status::Failed, failure }) => Some(Self {
                line,
                loan_id,
                advance: Some(id.clone()),
                status: None,
                code: failure.as_ref().map_or("without-a-code", |f| &f.code).to_owned(),
                detail: failure.as_ref().map_or("no reason was given", |f| &f.detail).to_owned(),
            }),
            Outcome::Opened(_) | Outcome::There(_) => None,
        }
    }

    fn to_words(&self) -> String {
        let Self { line, loan_id, code, detail, .. } = self;
        match (&self.advance, self.status) {
            (Some(advance), _) => {
                format!("line {line}: loan {loan_id}: {advance} failed: {code}: {detail}")
            }
            (None, Some(status)) => {
                format!("line {line}: loan {loan_id}: refused with {status} {code}: {detail}")
            }
            (None, None) => format!("line {line}: loan {loan_id}: {code}: {detail}"),
        }
    }
}

/// All of it.
#[derive(Debug)]
pub(super) struct Report {
    currency: Currency,
    by_months: BTreeMap<u16, Group>,
    all: Group,
    complaints: Vec<Complaint>,
    differing: u64,
    surplus: Total,
    waited: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    plans: Vec<PlanDocument>,
    complaints: &'a [Complaint],
    summary: Summary<'a>,
}

#[derive(Serialize)]
struct PlanDocument {
    months: u16,
    amount: String,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Serialize)]
struct Summary<'a> {
    good: bool,
    waited: bool,
    currency: &'static str,
    amount: String,
    #[serde(flatten)]
    counts: Counts,
    codes: BTreeMap<&'a str, u64>,
    payments_differ: u64,
    payments_surplus: String,
}

impl Report {
    /// The report over loans and what became of each; whether it was waited for the credits.
    pub(super) fn new(
        currency: Currency,
        loans: &[Loan],
        outcomes: &[Outcome],
        waited: bool,
    ) -> Self {
        assert_eq!(loans.len(), outcomes.len(), "each loan has one outcome");
        let mut report = Self {
            currency,
            by_months: BTreeMap::new(),
            all: Group::default(),
            complaints: Vec::new(),
            differing: 0,
            surplus: Total::default(),
            waited,
        };
        for (loan, outcome) in loans.iter().zip(outcomes) {
            report.by_months.entry(loan.months).or_default().add(loan, outcome);
            report.all.add(loan, outcome);
            report.complaints.extend(Complaint::of(loan, outcome));
            let surplus = loan.surplus();
            report.differing += u64::from(surplus.minor() != 0);
            let sum = report.surplus.checked_add_total(surplus);
            report.surplus = sum.expect("a total has room for more loans than a file has lines");
        }
        report
    }

    /// Whether no loan was refused and, after waiting, every advance was credited.
    pub(super) fn is_good(&self) -> bool {
        let counts = &self.all.counts;
        counts.refused == 0 && (!self.waited || (counts.pending == 0 && counts.failed == 0))
    }

    /// The first refusals and failures in words, and how many more there were.
    pub(super) fn complaints(&self) -> Vec<String> {
        let told = self.complaints.iter().take(COMPLAINTS_TOLD).map(Complaint::to_words);
        let more = self.complaints.len().saturating_sub(COMPLAINTS_TOLD);
        let rest = (more > 0).then(|| format!("and {more} more were refused or failed"));
        told.chain(rest).collect()
    }

    fn codes(&self) -> BTreeMap<&str, u64> {
        let mut codes = BTreeMap::new();
        for complaint in &self.complaints {
            *codes.entry(complaint.code.as_str()).or_default() += 1;
        }
        codes
    }

    /// The report for programs: one JSON document and a line break.
    pub(super) fn to_json(&self) -> String {
        let plans = self.by_months.iter().map(|(&months, group)| PlanDocument {
            months,
            amount: group.amount.to_major(self.currency),
            counts: group.counts,
        });
        let document = Document {
            plans: plans.collect(),
            complaints: &self.complaints,
            summary: Summary {
                good: self.is_good(),
                waited: self.waited,
                currency: self.currency.code(),
                amount: self.all.amount.to_major(self.currency),
                counts: self.all.counts,
                codes: self.codes(),
                payments_differ: self.differing,
                payments_surplus: self.surplus.to_major(self.currency),
            },
        };
        let mut text = serde_json::to_string_pretty(&document).expect("strings always are JSON");
        text.push('\n');
        text
    }

    /// The report for people: a row for each length of plan, a total, then what is remarkable.
    pub(super) fn to_table(&self) -> String {
        let amount = format!("amount in {}", self.currency.code());
        let mut table = Table::new(
            [
                "months",
                "loans",
                &amount,
                "opened",
                "there already",
                "refused",
                "credited",
                "pending",
                "failed",
            ]
            .map(|head| (head, Align::Right)),
        );
        for (months, group) in &self.by_months {
            table.push(self.cells(months.to_string(), group));
        }
        table.push(self.cells("total".to_owned(), &self.all));
        let mut text = table.to_text();
        line(&mut text, format_args!(""));
        match self.differing {
            0 => line(&mut text, format_args!("Every loan's monthly payments make its amount.")),
            differing => line(
                &mut text,
                format_args!(
                    "In {differing} lines the monthly payments do not make the amount; all \
                     together they differ by {} {}.",
                    self.surplus.to_major(self.currency),
                    self.currency.code()
                ),
            ),
        }
        for (code, count) in self.codes() {
            line(&mut text, format_args!("{code}: {count}"));
        }
        if self.waited && self.all.counts.pending > 0 {
            let pending = self.all.counts.pending;
            line(&mut text, format_args!("The time is over; {pending} are still pending."));
        }
        text
    }

    fn cells(&self, name: String, group: &Group) -> [String; 9] {
        let counts = &group.counts;
        [
            name,
            counts.loans.to_string(),
            group.amount.to_major(self.currency),
            counts.opened.to_string(),
            counts.there_already.to_string(),
            counts.refused.to_string(),
            counts.credited.to_string(),
            counts.pending.to_string(),
            counts.failed.to_string(),
        ]
    }
}

#[cfg(test)]
mod tests;
