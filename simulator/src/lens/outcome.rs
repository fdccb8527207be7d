//! Outcomes of the product, as plain rows.
//!
//! Invariant: nothing that a listener is told is left out, apart from words for people.

use bursar_domain::id::Position;
use bursar_domain::message::{About, Outcome};
use bursar_domain::saga::subject::Failure;

use crate::facts::{self, Number, names};

/// An outcome and its position.
pub fn outcome(position: Position, outcome: &Outcome) -> facts::Outcome {
    let number = |letter, id: &str| member(letter, id);
    let mut row = facts::Outcome {
        position: (position.commit, position.index),
        kind: outcome.kind.as_str(),
        at_ms: outcome.at.millis(),
        wallet: outcome.wallet.as_ref().map(|id| number('w', id.as_str())),
        seq: outcome.seq.0,
        provider: outcome.provider.as_ref().map(|id| number('p', id.as_str())),
        payment: outcome.payment.map(|seq| seq.0),
        amount: outcome.amount.minor(),
        currency: outcome.currency.code(),
        balance_after: outcome.moves_balance().then(|| outcome.balance_after.minor()),
        ticket: None,
        advance: None,
        reward: None,
        failure: None,
    };
    let why = |failure: &Failure| failure.code.as_ref().into();
    match &outcome.about {
        None => {}
        Some(About::Investment { deal, ticket, failure }) => {
            row.ticket = Some((number('d', deal.as_str()), *ticket));
            row.failure = failure.as_ref().map(why);
        }
        Some(About::Failure(failure)) => row.failure = Some(why(failure)),
        Some(About::Reimbursement { failure }) => row.failure = failure.as_ref().map(why),
        Some(About::Advance { advance, debit, failure }) => {
            row.advance = Some((number('a', advance.as_str()), *debit));
            row.failure = failure.as_ref().map(why);
        }
        Some(About::Reward { campaign, line, failure, .. }) => {
            row.reward = Some((number('c', campaign.as_str()), *line));
            row.failure = failure.as_ref().map(why);
        }
    }
    row
}

/// The number of a member of the cast.
pub(super) fn member(letter: char, id: &str) -> Number {
    let number = names::number(letter, id);
    number.unwrap_or_else(|| panic!("{id} is not of the cast"))
}
