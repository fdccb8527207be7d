//! An advance as a resource: what was given, what came back, what is to come.
//!
//! Made from the entity as it stands, and for the first answer from the record that opened it. In
//! lists the schedule is left out: it has a line for each debit.

use bursar_domain::advance::{self, Row, Status};
use bursar_domain::currency::Currency;
use bursar_domain::money::Amount;
use bursar_domain::plan;
use bursar_domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::resources::Failure;
use crate::http::steps::Step;

/// How an advance is paid back.
#[derive(Serialize, ToSchema)]
pub(crate) struct Plan {
    /// By how many debits.
    installments: u16,
    /// `day`, `week`, `month` or `year`.
    every: &'static str,
    /// The first day; missing until the customer has the money, unless it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-12-01")]
    first_due: Option<String>,
}

/// One scheduled debit.
#[derive(Serialize, ToSchema)]
pub(crate) struct Debit {
    /// From 1, in the order of their days.
    number: u32,
    #[schema(example = "2026-12-01")]
    due: String,
    amount: String,
    /// `scheduled`, `due`, `submitting`, `submitted`, `succeeded`, `failed`, `silent` (given up:
    /// nothing was heard of it), `cancelled`, `refunding` or `refunded` (it came twice).
    #[schema(example = "scheduled")]
    status: &'static str,
    /// How often it was presented.
    attempts: u16,
    /// The processor's name of what collected it.
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<String>,
    /// The debit in whose place it was put at the end of the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<u32>,
    /// Why it is stuck, after many attempts to know how it stands or to give it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// An advance.
#[derive(Serialize, ToSchema)]
pub(crate) struct Advance {
    #[schema(example = "adv_0123456789abcdef0123456789abcdef")]
    id: String,
    account: String,
    amount: String,
    currency: &'static str,
    plan: Plan,
    /// `pending`, `active`, `failed` (the money could not be brought to the customer), `completed`
    /// or `defaulted`.
    pub(crate) status: &'static str,
    /// When it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    collected: String,
    /// Given and not yet collected.
    outstanding: String,
    /// Given up.
    written_off: String,
    /// Collected twice and on its way back; missing when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    overpaid: Option<String>,
    /// Left out of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<Vec<Debit>>,
    /// How far the credit is; left out of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) steps: Option<Vec<Step>>,
    /// Why the money could not be brought to the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// How long the processor's queue makes the credit wait, in milliseconds; an estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) estimated_wait_ms: Option<u64>,
    /// How many decisions the advance has made.
    version: u64,
}

fn debit(row: &Row<'_>, currency: Currency) -> Debit {
    Debit {
        number: row.number,
        due: row.due.to_string(),
        amount: row.amount.to_major(currency),
        status: row.status.as_str(),
        attempts: row.attempts,
        transaction: row.transaction.map(str::to_owned),
        replaces: row.replaces,
        detail: row.stuck.map(str::to_owned),
    }
}

impl Advance {
    /// An advance as it stands; `None` when nobody opened it.
    pub(crate) fn seen(id: &str, advance: &advance::Advance, version: u64) -> Option<Self> {
        let mut seen = Self::brief(id, advance, version)?;
        let currency = advance.profile()?.currency;
        seen.schedule = Some(advance.schedule().iter().map(|row| debit(row, currency)).collect());
        Some(seen)
    }

    /// The same without what a list leaves out.
    pub(crate) fn brief(id: &str, advance: &advance::Advance, version: u64) -> Option<Self> {
        let profile = advance.profile()?;
        let major = |amount: Amount| amount.to_major(profile.currency);
        let first_due = advance.schedule().first().map(|row| row.due);
        let overpaid = advance.overpaid();
        Some(Self {
            id: id.to_owned(),
            account: profile.account.to_string(),
            amount: major(profile.amount),
            currency: profile.currency.code(),
            plan: plan(&profile.plan, first_due),
            status: advance.status().as_str(),
            at: None,
            collected: major(advance.collected()),
            outstanding: major(advance.outstanding()),
            written_off: major(advance.written_off()),
            overpaid: (overpaid.minor() != 0).then(|| overpaid.to_major(profile.currency)),
            schedule: None,
            steps: None,
            failure: advance.failure().map(Failure::from),
            estimated_wait_ms: None,
            version,
        })
    }

    /// One that was just opened, from its record.
    pub(crate) fn opened(id: &str, profile: &advance::Profile, at: Timestamp) -> Self {
        let zero = Amount::ZERO.to_major(profile.currency);
        Self {
            id: id.to_owned(),
            account: profile.account.to_string(),
            amount: profile.amount.to_major(profile.currency),
            currency: profile.currency.code(),
            plan: plan(&profile.plan, None),
            status: Status::Pending.as_str(),
            at: Some(at.to_string()),
            collected: zero.clone(),
            outstanding: zero.clone(),
            written_off: zero,
            overpaid: None,
            schedule: Some(Vec::new()),
            steps: None,
            failure: None,
            estimated_wait_ms: None,
            version: 1,
        }
    }
}

fn plan(plan: &plan::Plan, first_due: Option<plan::Day>) -> Plan {
    Plan {
        installments: plan.installments(),
        every: plan.every().as_str(),
        first_due: plan.first_due().or(first_due).map(|day| day.to_string()),
    }
}
