//! What may be asked of a campaign.
//!
//! Announcing it brings all its terms, which never change; pausing and resuming need nothing more.
//! The content mark covers what the client sent, never what the server added (the secret, the
//! instant, for how long a day stays open), so that a repeated request is recognised.

use crate::campaign::merchants::NameRule;
use crate::campaign::terms::{Limits, SharedTerms, Terms, Worth};
use crate::key::ContentMark;
use crate::money::Amount;

/// What may be asked of a campaign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Announce it.
    Announce(SharedTerms),
    /// Grant nothing until it is resumed; wins wait in order.
    Pause,
    /// Grant again, first what waited.
    Resume,
}

impl Command {
    /// The mark of what the client asked for: without the secret and the instant, which the server
    /// added.
    pub fn content(&self) -> u64 {
        match self {
            Self::Announce(terms) => announced(terms),
            Self::Pause => ContentMark::of("pause-campaign").finish(),
            Self::Resume => ContentMark::of("resume-campaign").finish(),
        }
    }
}

fn announced(terms: &Terms) -> u64 {
    let mut mark = ContentMark::of("announce-campaign");
    mark.optional_text(terms.name.as_deref());
    mark.text(terms.currency.code());
    mark.number(terms.budget.minor());
    mark.number(terms.starts_at.millis());
    mark.number(terms.ends_at.millis());
    // As texts: a mark takes signed numbers.
    for number in [terms.odds.wins, terms.odds.of] {
        mark.text(&number.to_string());
    }
    for prize in &terms.prizes {
        mark.number(i64::from(prize.weight));
        match &prize.worth {
            Worth::Fixed(amount) => {
                mark.text("fixed");
                mark.number(amount.minor());
            }
            Worth::Share { millionths, rounding, most } => {
                mark.text("share");
                mark.text(&millionths.to_string());
                mark.text(rounding.as_str());
                mark.optional_number(most.map(Amount::minor));
            }
        }
    }
    mark.text("merchants");
    for id in &terms.merchants.ids {
        mark.text(id);
    }
    mark.text("codes");
    for range in &terms.merchants.codes {
        mark.number(i64::from(range.first));
        mark.number(i64::from(range.last));
    }
    mark.text("names");
    for rule in &terms.merchants.names {
        match rule {
            NameRule::Exactly(name) => {
                mark.text("exactly");
                mark.text(name);
            }
            NameRule::BeginsWith(name) => {
                mark.text("begins-with");
                mark.text(name);
            }
        }
    }
    mark.optional_number(terms.min_amount.map(Amount::minor));
    let Limits { rewards, amount } = terms.limits;
    mark.optional_number(rewards.map(i64::from));
    mark.optional_number(amount.map(Amount::minor));
    mark.text(terms.on_reversal.as_str());
    mark.number(i64::from(terms.priority));
    mark.finish()
}
