//! The configuration of what is outside: the third parties, how patient sagas are, the sandbox.
//!
//! Each party is one section with the same keys. An address that is empty is not set; a server that
//! is not started with `--sandbox` needs all three. Tokens are read like any key, best from the
//! environment (`BURSAR__PROCESSOR__TOKEN=...`), and are never printed.
//!
//! Invariant: a section with some of its keys has the defaults of its party for the others.

use std::num::{NonZeroU32, NonZeroUsize};

use bursar_actors::gateway::{PartySettings, Settings};
use bursar_domain::call::{self, Policy};
use serde::{Deserialize, Serialize};

use super::{Config, ConfigError};

const HOUR_MS: u64 = 3_600_000;

/// One third party.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Party {
    pub(crate) url: String,
    pub(crate) token: Secret,
    pub(crate) rate_per_s: u32,
    pub(crate) concurrency: usize,
    pub(crate) timeout_ms: u64,
    pub(crate) queue_max: usize,
    pub(crate) breaker_after: u32,
    pub(crate) breaker_cooldown_ms: u64,
    /// Who mails are from; for mail only.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) from: String,
}

/// A text that is not printed.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "\"\"" } else { "(secret)" })
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0.is_empty() { "" } else { "(secret)" })
    }
}

/// How patient sagas are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sagas {
    pub(crate) step_deadline_ms: u64,
    pub(crate) ladder_ms: Vec<u64>,
    pub(crate) settle_ms: u64,
    pub(crate) stuck_after: u32,
    pub(crate) mail_patience_h: u64,
    pub(crate) push_patience_s: u64,
}

/// The simulated third parties.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sandbox {
    pub(crate) seed: u64,
    pub(crate) latency_ms: u64,
    pub(crate) latency_jitter_ms: u64,
    pub(crate) rate_per_s: u32,
}

impl Party {
    fn of(settings: &PartySettings) -> Self {
        Self {
            url: String::new(),
            token: Secret::default(),
            rate_per_s: settings.rate_per_s.map_or(0, NonZeroU32::get),
            concurrency: settings.concurrency.get(),
            timeout_ms: settings.timeout_ms,
            queue_max: settings.queue_max,
            breaker_after: settings.breaker_after,
            breaker_cooldown_ms: settings.breaker_cooldown_ms,
            from: String::new(),
        }
    }

    /// The defaults of the processor.
    pub(crate) fn processor() -> Self {
        Self::of(&PartySettings::of(call::Party::Processor))
    }

    /// The defaults of the maker of documents.
    pub(crate) fn documents() -> Self {
        Self::of(&PartySettings::of(call::Party::Documents))
    }

    /// The defaults of the mail server.
    pub(crate) fn mail() -> Self {
        let from = "Bursar <bursar@localhost>".to_owned();
        Self { from, ..Self::of(&PartySettings::of(call::Party::Mail)) }
    }

    fn settings(&self, party: call::Party) -> PartySettings {
        let defaults = PartySettings::of(party);
        PartySettings {
            url: self.url.as_str().into(),
            token: (!self.token.0.is_empty()).then(|| self.token.0.as_str().into()),
            rate_per_s: NonZeroU32::new(self.rate_per_s),
            concurrency: NonZeroUsize::new(self.concurrency).unwrap_or(defaults.concurrency),
            timeout_ms: self.timeout_ms,
            queue_max: self.queue_max,
            breaker_after: self.breaker_after,
            breaker_cooldown_ms: self.breaker_cooldown_ms,
            ..defaults
        }
    }
}

impl Default for Sagas {
    fn default() -> Self {
        let policy = Policy::default();
        let millis = |millis: i64| u64::try_from(millis).unwrap_or_default();
        Self {
            step_deadline_ms: millis(policy.step_deadline_ms),
            ladder_ms: policy.ladder_ms.iter().map(|pause| millis(*pause)).collect(),
            settle_ms: millis(policy.settle_ms),
            stuck_after: policy.stuck_after,
            mail_patience_h: millis(policy.mail_patience_ms) / HOUR_MS,
            push_patience_s: millis(policy.push_patience_ms) / 1_000,
        }
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self { seed: 1, latency_ms: 150, latency_jitter_ms: 50, rate_per_s: 200 }
    }
}

impl Config {
    /// The gateways' part.
    pub(crate) fn gateways(&self) -> Settings {
        Settings {
            processor: self.processor.settings(call::Party::Processor),
            documents: self.documents.settings(call::Party::Documents),
            mail: self.mail.settings(call::Party::Mail),
            mail_from: self.mail.from.as_str().into(),
        }
    }

    /// The rules' part.
    pub(crate) fn policy(&self) -> Result<Policy, ConfigError> {
        let millis = |millis: u64| i64::try_from(millis).unwrap_or(i64::MAX / 4);
        Ok(Policy {
            step_deadline_ms: millis(self.sagas.step_deadline_ms),
            ladder_ms: self.sagas.ladder_ms.iter().map(|pause| millis(*pause)).collect(),
            settle_ms: millis(self.sagas.settle_ms),
            stuck_after: self.sagas.stuck_after,
            mail_patience_ms: millis(self.sagas.mail_patience_h.saturating_mul(HOUR_MS)),
            push_patience_ms: millis(self.sagas.push_patience_s.saturating_mul(1_000)),
            payout_patience_ms: millis(self.reimbursements.patience_h.saturating_mul(HOUR_MS)),
            reimbursing: self.reimbursements.policy()?,
            collecting: self.advances.policy()?,
            rewarding: self.rewards.policy()?,
        })
    }

    /// The third parties whose address is not set.
    pub(crate) fn missing_parties(&self) -> Vec<&'static str> {
        let parties = [
            ("processor.url", &self.processor),
            ("documents.url", &self.documents),
            ("mail.url", &self.mail),
        ];
        let missing = parties.into_iter().filter(|(_, party)| party.url.is_empty());
        missing.map(|(key, _)| key).collect()
    }
}
