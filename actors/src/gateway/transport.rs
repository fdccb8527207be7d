//! What carries a call to its party, as a port, and what one attempt brings back.
//!
//! The transport tries once and tells what it saw; the gateway's core decides what follows. The
//! kinds of [`Attempt`] are the kinds of consequences: only what is certain not to have been acted
//! on may be tried again here, anything that is not definite goes back to the saga at once
//! (invariant 16).
//!
//! A port, so that tests and the simulator put their own world behind a gateway.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bursar_domain::call::{Call, Reply};

use super::breaker::Health;

/// One attempt on its way.
pub type Sending = Pin<Box<dyn Future<Output = Attempt>>>;

/// Carries calls to one party.
pub trait Transport: Send {
    /// Tries once. Must end within the time that was set for this party; one that takes more than
    /// twice as long is given up, and the call's answer is unknown.
    fn send(&self, call: Arc<Call>) -> Sending;
}

/// What one attempt brought back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Attempt {
    /// The party said how it stands: done, declined, pending, or never seen.
    Answered(Reply),
    /// The party asks for a slower pace; the call was not acted on. Everyone waits.
    Throttled {
        /// What was seen.
        reason: Box<str>,
        /// How long to wait, if the party said so.
        wait: Option<Duration>,
    },
    /// The party could not be reached; nothing of the call was sent.
    NotSent {
        /// What was seen.
        reason: Box<str>,
    },
    /// The party is there and turned the call away unread: wrong credentials, a wrong address, or
    /// a no for the time being. Only this call waits.
    TurnedAway {
        /// What was seen.
        reason: Box<str>,
    },
    /// It may or may not have been done, and the party does not seem well.
    Unknown {
        /// What was seen.
        reason: Box<str>,
        /// How long the party asks to be left alone, if it said so.
        wait: Option<Duration>,
    },
    /// It may or may not have been done, and the party is well: it is still at it.
    Unclear {
        /// What was seen.
        reason: Box<str>,
    },
}

impl Attempt {
    /// Not definite, as after a timeout or a broken connection.
    pub fn unknown(reason: impl Into<Box<str>>) -> Self {
        Self::Unknown { reason: reason.into(), wait: None }
    }

    /// A definite no.
    pub fn declined(code: impl Into<Box<str>>, detail: impl Into<Box<str>>) -> Self {
        Self::Answered(Reply::Declined { code: code.into(), detail: detail.into() })
    }

    /// What it says of the party.
    pub fn health(&self) -> Health {
        match self {
            Self::Answered(_) | Self::TurnedAway { .. } | Self::Unclear { .. } => Health::Alive,
            Self::NotSent { .. } | Self::Unknown { .. } => Health::Failing,
            Self::Throttled { .. } => Health::Unsaid,
        }
    }

    /// The word used in metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Answered(reply) => match reply {
                Reply::Done { .. } => "done",
                Reply::Declined { .. } => "declined",
                Reply::NeverSeen => "never-seen",
                Reply::Pending => "pending",
                Reply::NotSent { .. } => "not-sent",
                Reply::Unknown { .. } => "unknown",
            },
            Self::Throttled { .. } => "throttled",
            Self::NotSent { .. } => "not-sent",
            Self::TurnedAway { .. } => "turned-away",
            Self::Unknown { .. } => "unknown",
            Self::Unclear { .. } => "unclear",
        }
    }
}

/// A text from outside, fit for a record and a log: no control characters, at most 200 letters.
pub fn clip(text: &str) -> Box<str> {
    let clean = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(200).collect::<String>().into_boxed_str()
}
