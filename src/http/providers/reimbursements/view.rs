//! A reimbursement as a resource.
//!
//! Its total is what was carried into its periods, and what accrued in them. Whether it was paid its
//! saga knows; the provider books it a moment before, so the provider is asked first whether it is
//! still on its way.

use std::sync::Arc;

use bursar_domain::id::{ProviderId, ReimbursementId};
use bursar_domain::money::Total;
use bursar_domain::provider::{Pending, Period, Sum, Summary};
use bursar_domain::saga::{End, Phase, Saga, StepName};
use serde::Serialize;
use utoipa::ToSchema;

use super::closing::{Closing, Span};
use super::lines::MemberLine;
use crate::http::resources::Failure;
use crate::http::steps::Step;

/// How many, and how much.
#[derive(Serialize, ToSchema)]
pub(crate) struct CountedSum {
    count: u64,
    /// In major units.
    #[schema(example = "12.30")]
    amount: String,
}

/// What a provider is paid for a period.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reimbursement {
    /// Null for the period that runs.
    id: Option<String>,
    /// The number of the period that it ends with.
    number: u64,
    /// `scheduled` (its period runs), `paying`, `paid`, or `returned`: it was declined, and its
    /// amount is carried into the period that ran then.
    #[schema(example = "paid")]
    status: &'static str,
    /// When the first of its periods began: those before that ended with too little are in it.
    from: String,
    /// When its period ends.
    to: String,
    /// In major units: carried + activities + payments - refunds.
    #[schema(example = "1234.50")]
    total: String,
    currency: &'static str,
    /// What came back from reimbursements that were returned, and what was left of those before.
    carried: String,
    activities: CountedSum,
    payments: CountedSum,
    refunds: CountedSum,
    /// When its period was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<String>,
    /// When the provider had the money.
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_at: Option<String>,
    /// Why it was returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

/// What a provider is paid for a period, with its lines.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReimbursementDetail {
    #[serde(flatten)]
    pub(super) reimbursement: Reimbursement,
    /// The steps of its saga.
    pub(super) steps: Vec<Step>,
    /// Ascending by member.
    pub(super) lines: Vec<MemberLine>,
    /// Give this as `cursor` for the next members; null at the end.
    pub(super) next_cursor: Option<String>,
}

/// A page of reimbursements.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReimbursementPage {
    /// Newest first; the running period before all.
    pub(super) items: Vec<Reimbursement>,
    /// Give this as `cursor` for the next page; null at the end.
    pub(super) next_cursor: Option<String>,
}

impl Reimbursement {
    /// Of the period that runs.
    pub(super) fn running(summary: &Summary, period: &Period, span: &Span) -> Self {
        let empty = (summary, period.number, summary.accrued);
        Self { status: "scheduled", to: period.until.to_string(), ..Self::of_span(empty, span) }
    }

    /// Of a period that was closed, with its saga.
    pub(super) fn closed(
        provider: &ProviderId,
        summary: &Summary,
        (closing, span): (&Closing, &Span),
        saga: Option<&Arc<Saga>>,
    ) -> Self {
        let closed = &closing.closed;
        let (status, failure) = status(closing, summary.pending, saga);
        let id = ReimbursementId { provider: provider.clone(), seq: closing.seq };
        let paid = saga.filter(|_| status == "paid").and_then(|saga| paid_at(saga));
        Self {
            id: Some(id.to_string()),
            status,
            to: closed.to.to_string(),
            closed_at: Some(closing.at.to_string()),
            paid_at: paid,
            failure,
            ..Self::of_span((summary, closed.period.number, closed.amount.into()), span)
        }
    }

    fn of_span((summary, number, total): (&Summary, u64, Total), span: &Span) -> Self {
        let (sums, currency) = (&span.sums, summary.profile.currency);
        let carried = Total::from_minor(total.minor() - sums.net().minor());
        let counted =
            |sum: &Sum| CountedSum { count: sum.count, amount: sum.amount.to_major(currency) };
        Self {
            id: None,
            number,
            status: "scheduled",
            from: span.from.to_string(),
            to: String::new(),
            total: total.to_major(currency),
            currency: currency.code(),
            carried: carried.to_major(currency),
            activities: counted(&sums.activities),
            payments: counted(&sums.payments),
            refunds: counted(&sums.refunds),
            closed_at: None,
            paid_at: None,
            failure: None,
        }
    }
}

/// How it stands, and why it was returned.
fn status(
    closing: &Closing,
    pending: Option<Pending>,
    saga: Option<&Arc<Saga>>,
) -> (&'static str, Option<Failure>) {
    if pending.is_some_and(|pending| pending.reimbursement == closing.seq) {
        return ("paying", None);
    }
    match saga.map(|saga| saga.phase()) {
        Some(Phase::Undoing(failure)) => ("returned", failure.as_ref().map(Failure::from)),
        Some(Phase::Ended(End::Failed(failure))) => ("returned", Some(failure.into())),
        Some(Phase::Ended(End::Cancelled)) => ("returned", None),
        // The provider has booked it, the saga has not heard of that yet.
        Some(Phase::Running | Phase::Ended(End::Done)) | None => ("paid", None),
    }
}

/// When the provider booked it, as far as its saga has heard.
fn paid_at(saga: &Saga) -> Option<String> {
    let subject = saga.subject()?;
    let mut steps = saga.steps().iter().enumerate();
    let paid = steps.find(|(index, _)| subject.step(*index) == StepName::Paid);
    paid.map(|(_, step)| step.at.to_string())
}
