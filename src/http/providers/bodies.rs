//! From a body to what is asked of a provider.
//!
//! Every field is checked here, and what is wrong is said with its place in the body. A settlement
//! stands in the body of a registration, in a line of a batch, or is the body itself; so its place
//! comes in. What depends on the provider's state, such as its currency, the domain checks.

use std::sync::Arc;

use bursar_domain::cadence::Cadence;
use bursar_domain::code::Code;
use bursar_domain::id::ProviderId;
use bursar_domain::plan::Day;
use bursar_domain::provider::activity::{DESCRIPTION_SIZE_MAX, is_activity_id, is_member};
use bursar_domain::provider::{self, Activity, ActivityLine, Settlement};

use crate::http::fields;
use crate::http::operation::{KeyText, Operation, made_id};
use crate::http::problem::Problem;
use crate::http::requests::{ActivityBody, RegisterProvider, SettlementBody};

/// Registers a provider.
pub(crate) fn register(
    body: RegisterProvider<'_>,
    key_text: KeyText<'_>,
) -> Result<Operation, Problem> {
    let key_text = key_text.checked()?;
    let id = match body.id {
        Some(id) => fields::provider_id(&id, "/id")?,
        None => ProviderId::parse(&made_id("prv", key_text)).expect("well-formed by its making"),
    };
    let profile = provider::Profile {
        currency: fields::currency(&body.currency)?,
        name: fields::required(body.name, 200, "/name")?,
        settlement: settlement(&body.settlement, "/settlement")?,
        account: fields::required(body.account, 200, "/account")?,
    };
    Ok(Operation::to_provider(&id, provider::Command::Register(profile), key_text))
}

/// Changes how a provider is paid.
pub(crate) fn settle(
    provider: &ProviderId,
    body: &SettlementBody<'_>,
    key_text: KeyText<'_>,
) -> Result<Operation, Problem> {
    let command = provider::Command::Settle(settlement(body, "")?);
    Ok(Operation::to_provider(provider, command, key_text.checked()?))
}

/// How a provider is to be paid; `at` is where the settlement stands in the body.
fn settlement(body: &SettlementBody<'_>, at: &str) -> Result<Settlement, Problem> {
    match body {
        SettlementBody::Word(word) if word == "immediate" => Ok(Settlement::Immediate),
        SettlementBody::Word(_) => {
            let detail = "a calendar such as {\"every\": \"month\", \"on\": \"31\"}, or \
                          \"immediate\"";
            Err(Problem::field(Code::InvalidCadence, at, detail))
        }
        SettlementBody::Calendar(calendar) => {
            let on = match &calendar.on {
                None | Some(serde_json::Value::Null) => None,
                Some(serde_json::Value::String(text)) => Some(text.clone()),
                Some(other) => Some(other.to_string()),
            };
            let (time, zone) = (calendar.at.as_deref(), calendar.time_zone.as_deref());
            let cadence = Cadence::new(&calendar.every, on.as_deref(), time, zone);
            cadence.map(Settlement::OnCalendar).map_err(|error| {
                let field = error.pointer().strip_prefix("/settlement").unwrap_or_default();
                let pointer = format!("{at}{field}");
                Problem::field(Code::InvalidCadence, &pointer, error.to_string())
            })
        }
    }
}

/// One submitted activity.
pub(crate) fn activity(body: ActivityBody<'_>) -> Result<ActivityLine, Problem> {
    let refuse = |pointer, detail: &str| Err(Problem::field(Code::InvalidField, pointer, detail));
    if !is_activity_id(&body.activity_id) {
        let detail = "an activity_id is 1 to 64 of A-Z a-z 0-9 _ . : -";
        return Err(Problem::field(Code::InvalidId, "/activity_id", detail));
    }
    if !is_member(&body.member) {
        return refuse(
            "/member",
            "a member is 1 to 64 characters, none of them a control character",
        );
    }
    let Some(service_date) = Day::parse(&body.service_date) else {
        return refuse("/service_date", "a service_date is a date such as 2026-11-20");
    };
    let description = fields::text(body.description, DESCRIPTION_SIZE_MAX, "/description")?;
    if description.as_ref().is_some_and(|text| text.len() > DESCRIPTION_SIZE_MAX) {
        return refuse("/description", "at most 2048 bytes");
    }
    let (amount, currency) = fields::money(&body.amount, &body.currency)?;
    let (id, member) = (body.activity_id.into(), body.member.into());
    let activity = Activity::new(id, member, service_date, description, amount);
    let activity = Arc::new(activity.expect("its texts were checked"));
    Ok(ActivityLine { activity, currency })
}
