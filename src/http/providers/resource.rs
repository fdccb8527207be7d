//! A provider as a resource: how it is paid, what it is owed, the period that runs.
//!
//! It is made from what anyone may see of a provider and nothing else. What is due and not yet run
//! is shown as it stands. A change of settlement counts from the next period, so while a period runs
//! under another calendar both are shown: the one in force, and the one that comes.

use bursar_domain::money::Amount;
use bursar_domain::provider::{self, Period};
use bursar_domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::resources::{Form, instant};

/// When a provider is reimbursed: on a calendar, or `"immediate"`.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Settlement {
    /// Each period.
    Calendar(CalendarSettlement),
    /// Each payment at once.
    #[schema(value_type = String, example = "immediate")]
    Immediate(&'static str),
}

/// A calendar of reimbursements.
#[derive(Serialize, ToSchema)]
pub(crate) struct CalendarSettlement {
    /// `day`, `week`, `month` or `year`.
    every: &'static str,
    /// Which day of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<String>,
    /// At which local time.
    at: String,
    /// In which time zone.
    time_zone: String,
}

/// A provider's balance, in major units.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProviderBalance {
    /// Owed and not on its way.
    accrued: String,
    /// On its way to the provider.
    in_reimbursement: String,
    /// Paid out, with what was settled at once.
    reimbursed: String,
}

/// The period that runs.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunningPeriod {
    /// Counted from 1, without gaps.
    number: u64,
    began_at: String,
    /// How many activities accrued in it.
    activities: u64,
    /// How many payments arrived in it.
    payments: u64,
    /// How many refunds left in it.
    refunds: u64,
}

/// A provider.
#[derive(Serialize, ToSchema)]
pub(crate) struct Provider {
    id: String,
    name: String,
    currency: &'static str,
    /// `active`; `on-hold` after too many declined reimbursements: nothing is sent until its
    /// settlement is set anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    settlement: Settlement,
    /// What was said since: it counts from the next period on.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_settlement: Option<Settlement>,
    /// Where it is reimbursed to.
    account: String,
    balance: ProviderBalance,
    /// When the running period ends; null when it is paid at once.
    next_reimbursement_at: Option<String>,
    /// Null when it is paid at once.
    period: Option<RunningPeriod>,
    /// How many decisions the provider has made.
    version: u64,
}

impl Settlement {
    fn new(settlement: &provider::Settlement) -> Self {
        match settlement.cadence() {
            Some(cadence) => Self::Calendar(CalendarSettlement {
                every: cadence.every_name(),
                on: cadence.on_text(),
                at: cadence.at_text(),
                time_zone: cadence.time_zone().to_owned(),
            }),
            None => Self::Immediate("immediate"),
        }
    }
}

impl RunningPeriod {
    fn new(period: &Period) -> Self {
        Self {
            number: period.number,
            began_at: period.began_at.to_string(),
            activities: period.sums.activities.count,
            payments: period.sums.payments.count,
            refunds: period.sums.refunds.count,
        }
    }
}

impl Provider {
    /// A provider as it stands at a time.
    pub(crate) fn seen(
        id: &str,
        provider: &provider::Summary,
        version: u64,
        now: Timestamp,
        form: Form,
    ) -> Self {
        let profile = &provider.profile;
        let major = |amount: Amount| amount.to_major(profile.currency);
        let coming = provider.coming();
        let said = &provider.terms.settlement;
        // While another one is coming, the calendar of the running period is the one that counts.
        let current = match (coming, &provider.terms.cadence) {
            (Some(_), Some(cadence)) => provider::Settlement::OnCalendar(cadence.clone()),
            (Some(_) | None, _) => said.clone(),
        };
        Self {
            id: id.to_owned(),
            name: profile.name.to_string(),
            currency: profile.currency.code(),
            status: form.status(if provider.on_hold { "on-hold" } else { "active" }),
            settlement: Settlement::new(&current),
            next_settlement: coming.map(Settlement::new),
            account: profile.account.to_string(),
            balance: ProviderBalance {
                accrued: provider.accrued.to_major(profile.currency),
                in_reimbursement: major(provider.in_reimbursement()),
                reimbursed: provider.reimbursed.to_major(profile.currency),
            },
            next_reimbursement_at: instant(provider.schedule(now, 1).first().copied()),
            period: provider.period.as_ref().map(RunningPeriod::new),
            version,
        }
    }
}
