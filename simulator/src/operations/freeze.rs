//! Stopping a wallet from paying, and letting it pay again.
//!
//! Always yes where the wallet exists. A wish that changes nothing has no record without a key,
//! and an empty one with a key.

use bursar_actors::job::{Answer, Command};
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::record::Record;
use bursar_domain::wallet;

use super::{Operation, Sending, to_wallet, wallet_events};
use crate::facts::wish::Freeze;
use crate::facts::{Granted, Said};

impl Operation for Freeze {
    fn ask(&self, _: &Sending<'_>) -> Option<(EntityId, Command)> {
        let command = if self.frozen { wallet::Command::Freeze } else { wallet::Command::Unfreeze };
        Some((to_wallet(self.wallet), Command::Wallet(command)))
    }

    fn refusals(&self) -> &'static [Code] {
        &[Code::WalletNotFound]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        match wallet_events(record)? {
            [] => Some(Granted::Done),
            [wallet::Event::Frozen] => self.frozen.then_some(Granted::Done),
            [wallet::Event::Unfrozen] => (!self.frozen).then_some(Granted::Done),
            _ => None,
        }
    }

    fn beside(&self, answer: &Answer) -> Option<Said> {
        matches!(answer, Answer::Summary(Some(_))).then_some(Said::Unchanged)
    }
}
