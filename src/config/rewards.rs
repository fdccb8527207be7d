//! The configuration of rewards: how long bank lines are taken.
//!
//! Both numbers are written into a campaign when it is announced, because its seeds are revealed by
//! them; a change counts for campaigns announced later, and for what is taken at once.

use bursar_domain::call::Rewarding;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// How bank lines are taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Rewards {
    pub(crate) window_days: u16,
    pub(crate) margin_days: u16,
}

impl Default for Rewards {
    fn default() -> Self {
        let defaults = Rewarding::default();
        Self { window_days: defaults.window_days, margin_days: defaults.margin_days }
    }
}

impl Rewards {
    /// The rules' part, without any campaign.
    pub(crate) fn policy(&self) -> Result<Rewarding, ConfigError> {
        for (key, value, good, rule) in [
            ("rewards.window_days", self.window_days, 1..=400, "1 to 400 days"),
            ("rewards.margin_days", self.margin_days, 0..=30, "0 to 30 days"),
        ] {
            if !good.contains(&value) {
                return Err(ConfigError::OutOfRange { key, value: value.to_string(), rule });
            }
        }
        let (window_days, margin_days) = (self.window_days, self.margin_days);
        Ok(Rewarding { window_days, margin_days, ..Rewarding::default() })
    }
}
