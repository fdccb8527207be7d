//! What third parties have on their books, as plain rows.
//!
//! Invariant: one row for each entry, in the order of booking.

use crate::facts::picture::{Entry, EntryKind, EntryState, Letter, Paper};
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

/// All documents that were asked for.
pub fn papers(papers: &[parties::Paper]) -> Vec<Paper> {
    let paper = |paper: &parties::Paper| Paper {
        key: paper.key.to_string(),
        valid: !paper.refused && paper.voided_ms.is_none(),
    };
    papers.iter().map(paper).collect()
}

/// All mails that came.
pub fn letters(letters: &[parties::Letter]) -> Vec<Letter> {
    letters.iter().map(|one| Letter { key: one.key.to_string(), taken: one.taken }).collect()
}
