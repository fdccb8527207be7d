//! The configuration of what happens on a calendar: reimbursements of providers, runs over advances.
//!
//! Amounts are decimal texts in major units, as in the API; times of day are local times of a zone
//! of the IANA database. What is wrong is refused at start with its key.

use bursar_domain::cadence::Cadence;
use bursar_domain::call::{CatchUp, Collecting, Reimbursing};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// How providers are reimbursed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Reimbursements {
    pub(crate) minimum: String,
    pub(crate) declines_max: u32,
    pub(crate) catch_up: Missed,
    pub(crate) patience_h: u64,
}

/// What happens to periods that were missed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Missed {
    Each,
    One,
}

/// How advances are collected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Advances {
    pub(crate) run_at: String,
    pub(crate) time_zone: String,
    pub(crate) attempts_max: u32,
    pub(crate) representments_max: u32,
    pub(crate) silent_days: u32,
    pub(crate) report_lines_max: u64,
    pub(crate) report_timeout_s: u64,
}

impl Default for Reimbursements {
    fn default() -> Self {
        let defaults = Reimbursing::default();
        Self {
            minimum: defaults.minimum.to_string(),
            declines_max: defaults.declines_max,
            catch_up: Missed::Each,
            patience_h: 72,
        }
    }
}

impl Default for Advances {
    fn default() -> Self {
        let defaults = Collecting::default();
        Self {
            run_at: "02:00".to_owned(),
            time_zone: defaults.time_zone.to_string(),
            attempts_max: defaults.attempts_max,
            representments_max: defaults.representments_max,
            silent_days: defaults.silent_days,
            report_lines_max: 20_000_000,
            report_timeout_s: 600,
        }
    }
}

fn wrong(key: &'static str, value: &str, rule: &'static str) -> ConfigError {
    ConfigError::OutOfRange { key, value: format!("{value:?}"), rule }
}

impl Reimbursements {
    /// The rules' part.
    pub(crate) fn policy(&self) -> Result<Reimbursing, ConfigError> {
        let rule = "a decimal in major units such as \"1.00\", not below zero";
        let minimum = Decimal::from_str_exact(&self.minimum).ok();
        let minimum = minimum.filter(|minimum| !minimum.is_sign_negative());
        if self.declines_max == 0 {
            return Err(wrong("reimbursements.declines_max", "0", "at least 1"));
        }
        Ok(Reimbursing {
            minimum: minimum.ok_or_else(|| wrong("reimbursements.minimum", &self.minimum, rule))?,
            declines_max: self.declines_max,
            catch_up: match self.catch_up {
                Missed::Each => CatchUp::Each,
                Missed::One => CatchUp::One,
            },
        })
    }
}

impl Advances {
    /// When the daily run begins.
    pub(crate) fn cadence(&self) -> Result<Cadence, ConfigError> {
        Cadence::new("day", None, Some(&self.run_at), Some(&self.time_zone)).map_err(|error| {
            use bursar_domain::cadence::CadenceError;
            match error {
                CadenceError::TimeZone => wrong(
                    "advances.time_zone",
                    &self.time_zone,
                    "a name of the IANA database such as \"Europe/Prague\"",
                ),
                CadenceError::At
                | CadenceError::Every
                | CadenceError::OnOfDay
                | CadenceError::OnOfWeek
                | CadenceError::OnOfMonth
                | CadenceError::OnOfYear => {
                    wrong("advances.run_at", &self.run_at, "a time of day such as \"02:00\"")
                }
            }
        })
    }

    /// The rules' part.
    pub(crate) fn policy(&self) -> Result<Collecting, ConfigError> {
        let cadence = self.cadence()?;
        for (key, value, good, rule) in [
            ("advances.attempts_max", self.attempts_max, 1..=100, "1 to 100 attempts"),
            (
                "advances.representments_max",
                self.representments_max,
                0..=2,
                "0 to 2, as ACH allows",
            ),
            ("advances.silent_days", self.silent_days, 1..=60, "1 to 60 days"),
        ] {
            if !good.contains(&value) {
                return Err(ConfigError::OutOfRange { key, value: value.to_string(), rule });
            }
        }
        Ok(Collecting {
            attempts_max: self.attempts_max,
            representments_max: self.representments_max,
            silent_days: self.silent_days,
            time_zone: cadence.time_zone().into(),
        })
    }
}
