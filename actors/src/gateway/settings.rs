//! What a gateway is told when it starts: where its party is and how it is to be treated.
//!
//! Addresses and tokens may hold secrets, so both print without them: what is not in the text of a
//! log or an answer cannot leak from it.
//!
//! Invariant: settings that cannot work stop the start, with a message that says which.

use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use bursar_domain::call::Party;
use url::Url;

use super::backoff;
use super::breaker;
use super::core::Limits;

/// Settings that cannot work.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{party}.{setting}: {fault}", party = party.as_str())]
pub struct SettingsError {
    /// Whose.
    pub party: Party,
    /// Which one.
    pub setting: &'static str,
    /// What is wrong with it; without secrets.
    pub fault: Box<str>,
}

/// Where a party is. Prints without credentials and without the query.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Address(Box<str>);

impl Address {
    /// The whole text, with its secrets.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Box<str>>> From<T> for Address {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(url) = Url::parse(&self.0) else {
            return f.write_str(if self.0.is_empty() { "" } else { "(not an address)" });
        };
        write!(f, "{}://{}", url.scheme(), url.host_str().unwrap_or_default())?;
        match url.port() {
            Some(port) => write!(f, ":{port}{}", url.path()),
            None => f.write_str(url.path()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What proves to a party who we are. Does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Box<str>);

impl Token {
    /// The secret.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Box<str>>> From<T> for Token {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// How one party is treated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartySettings {
    /// Where it is. `http://` or `https://` for the processor and documents; for mail
    /// `smtp://host:port`, `smtp://host:port?starttls` or `smtps://host:port`, and before the host
    /// `user:password@` where the server wants it and the way is encrypted.
    pub url: Address,
    /// Sent as `Authorization: Bearer`; not for mail.
    pub token: Option<Token>,
    /// How many calls may go out in any second; `None` is without limit.
    pub rate_per_s: Option<NonZeroU32>,
    /// How many calls may be on their way at once.
    pub concurrency: NonZeroUsize,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: u64,
    /// From how many waiting calls on the edge lets nobody in.
    pub queue_max: usize,
    /// After how many failures in a row the circuit breaker opens; at least 1.
    pub breaker_after: u32,
    /// How long the circuit breaker stays open before a probe, in milliseconds.
    pub breaker_cooldown_ms: u64,
    /// The wait after the first failure of a call, in milliseconds; it doubles with each.
    pub backoff_first_ms: u64,
    /// The longest wait between two attempts, in milliseconds.
    pub backoff_longest_ms: u64,
}

const fn per_second(rate: u32) -> Option<NonZeroU32> {
    NonZeroU32::new(rate)
}

const fn at_once(calls: usize) -> NonZeroUsize {
    match NonZeroUsize::new(calls) {
        Some(calls) => calls,
        None => NonZeroUsize::MIN,
    }
}

impl PartySettings {
    /// The defaults of a party, without an address.
    pub fn of(party: Party) -> Self {
        let (rate_per_s, concurrency, timeout_ms) = match party {
            // The outside payment processor takes only hundreds per second.
            Party::Processor => (per_second(200), at_once(64), 10_000),
            Party::Documents => (None, at_once(64), 10_000),
            Party::Mail => (per_second(50), at_once(4), 30_000),
        };
        Self {
            url: Address::default(),
            token: None,
            rate_per_s,
            concurrency,
            timeout_ms,
            queue_max: 10_000,
            breaker_after: 10,
            breaker_cooldown_ms: 2_000,
            backoff_first_ms: 500,
            backoff_longest_ms: 30_000,
        }
    }

    /// Says which number cannot work.
    pub fn check(&self, party: Party) -> Result<(), SettingsError> {
        let zero = [
            ("timeout_ms", self.timeout_ms == 0),
            ("queue_max", self.queue_max == 0),
            ("breaker_after", self.breaker_after == 0),
        ];
        match zero.into_iter().find(|(_, zero)| *zero) {
            Some((setting, _)) => Err(SettingsError { party, setting, fault: "it is 0".into() }),
            None => Ok(()),
        }
    }

    /// How long one attempt may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// What the gateway's rules need of it.
    pub fn limits(&self) -> Limits {
        Limits {
            rate_per_s: self.rate_per_s,
            concurrency: self.concurrency,
            queue_max: self.queue_max,
            breaker: breaker::Limits {
                after: self.breaker_after.max(1),
                cooldown: Duration::from_millis(self.breaker_cooldown_ms),
            },
            backoff: backoff::Limits {
                first: Duration::from_millis(self.backoff_first_ms),
                longest: Duration::from_millis(self.backoff_longest_ms),
            },
        }
    }
}

/// How all parties are treated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Moves money.
    pub processor: PartySettings,
    /// Makes documents.
    pub documents: PartySettings,
    /// Carries mail.
    pub mail: PartySettings,
    /// Who mails are from: `Name <address>` or an address.
    pub mail_from: Box<str>,
}

impl Settings {
    /// The settings of a party.
    pub fn of(&self, party: Party) -> &PartySettings {
        match party {
            Party::Processor => &self.processor,
            Party::Documents => &self.documents,
            Party::Mail => &self.mail,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            processor: PartySettings::of(Party::Processor),
            documents: PartySettings::of(Party::Documents),
            mail: PartySettings::of(Party::Mail),
            mail_from: "Bursar <bursar@localhost>".into(),
        }
    }
}
