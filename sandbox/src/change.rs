//! Everything that can change in what the sandbox knows, as data.
//!
//! A call decides what is to change by looking only; then the change is written and made
//! ([`State::commit`](crate::desk::State::commit)). A start makes the same changes again, by the
//! same function, so what was known before and after cannot differ.
//!
//! Not among them, because they may start anew with the process: the counts of calls, the state
//! of the limits, and calls that are under way.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::documents::Document;
use crate::faults::Order;
use crate::journal::forms;
use crate::ledger::Entry;
use crate::mail::Taken;

/// A change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Change {
    /// A key was attempted once more.
    Attempted {
        /// The mark of the key and of what it is a key for.
        #[serde(with = "forms::mark")]
        key: u128,
        /// The number of the fault that struck.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        struck: Option<u64>,
    },
    /// The processor booked an order.
    Booked(Entry),
    /// A document was made.
    Made(Document),
    /// A document was voided.
    Voided {
        /// Which.
        id: Arc<str>,
    },
    /// A fault was ordered.
    Ordered(Order),
    /// All faults were removed.
    Cleared {},
    /// A mail was taken.
    Taken(Taken),
}

/// A change that does not follow from what is known; why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Misfit(pub(crate) &'static str);
