//! The processor's ledger, as plain rows.
//!
//! Invariant: one row for each entry, in the order of booking.

use crate::facts::picture::{Entry, EntryKind, EntryState};
use crate::parties::{self, Moved, State};

/// All that the processor booked.
pub fn entries(ledger: &[parties::Entry]) -> Vec<Entry> {
    ledger.iter().map(entry).collect()
}

fn entry(entry: &parties::Entry) -> Entry {
    Entry {
        key: entry.key.to_string(),
        kind: match entry.kind {
            Moved::Pull => EntryKind::Pull,
            Moved::Push => EntryKind::Push,
            Moved::Refund => EntryKind::Refund,
        },
        account: entry.account.to_string(),
        amount: entry.minor,
        currency: entry.currency,
        state: match entry.state {
            State::Succeeded => EntryState::Booked,
            State::Declined => EntryState::Declined,
            State::Pending => EntryState::Pending,
        },
    }
}
