//! What the server gave to a client and gets back: cursors of pages and streams, ids with a place.
//!
//! The first byte says where the text stood. A cursor that is taken is written as the server writes
//! it and read again as the same place; an id that is taken is exactly the one that the server would
//! write, because two texts for one thing would be two things to whoever compares them.

use std::fmt::Debug;

use bursar_domain::advance::DebitKey;
use bursar_domain::id::{InvestmentId, Made, ReimbursementId, RewardId};

use super::check_refusal;
use crate::export::position::Position;
use crate::http::{
    admin, deals, entries, frames, investments, outcomes, providers, rewards, sagas,
};

/// Cursors, ids and queries.
pub fn cursors(data: &[u8]) {
    let Some((letter, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    match letter {
        b'a' => kept(text, admin::Place::from_cursor, admin::Place::cursor),
        b'd' => kept(text, deals::list::Place::from_cursor, deals::list::Place::cursor),
        b'e' => kept(text, entries::Scope::from_cursor, entries::Scope::cursor),
        b'i' => {
            let write = |scope: &investments::list::Scope| scope.cursor();
            kept(text, investments::list::Scope::from_cursor, write);
        }
        b'l' => kept(text, providers::listed::Scope::from_cursor, providers::listed::Scope::cursor),
        b'o' => kept(text, frames::position, |position| frames::cursor(*position)),
        b's' => kept(text, sagas::Place::from_cursor, sagas::Place::cursor),
        b'r' => kept(text, rewards::place, |(seq, line)| format!("{seq}-{line}")),
        b'x' => kept(text, |text| text.parse::<Position>().ok(), Position::to_string),
        b'n' => named(text),
        b'q' => {
            if let Err(problem) = outcomes::parse_query(text) {
                check_refusal(&problem);
            }
        }
        _ => {}
    }
}

/// What is read is written and read again as the same, and then it is written as it was.
fn kept<T: Debug + PartialEq>(
    text: &str,
    read: impl Fn(&str) -> Option<T>,
    write: impl Fn(&T) -> String,
) {
    let Some(place) = read(text) else { return };
    let written = write(&place);
    let again = read(&written).unwrap_or_else(|| panic!("{written:?} is not taken"));
    assert_eq!(again, place, "{written:?}");
    assert_eq!(write(&again), written);
}

/// An id with a place in it is written in one way only.
fn named(text: &str) {
    for prefix in ["pay", "txn"] {
        if let Some(made) = Made::parse(text, prefix) {
            assert_eq!(made.text(prefix), text);
        }
    }
    let written = [
        InvestmentId::parse(text).map(|id| id.to_string()),
        ReimbursementId::parse(text).map(|id| id.to_string()),
        RewardId::parse(text).map(|id| id.to_string()),
        DebitKey::parse(text).map(|key| key.to_string()),
    ];
    for written in written.into_iter().flatten() {
        assert_eq!(written, text);
    }
}
