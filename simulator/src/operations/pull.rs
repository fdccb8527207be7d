//! Having the processor pull money from the wallet's bank account.
//!
//! A yes says that it is on its way; how it ended is an outcome, `deposit.posted` or
//! `deposit.failed`. Drawn like a deposit. No when there is no such wallet, the currencies differ,
//! the balance would leave the range with all that is on its way, or too much is on its way.

use bursar_actors::job::Command;
use bursar_domain::call::Party;
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::record::Record;
use bursar_domain::wallet;

use super::cast::Cast;
use super::{Operation, Sending, deposit, to_wallet, wallet_events};
use crate::chance::Chance;
use crate::facts::wish::{Money, Pull};
use crate::facts::{Granted, Wish};

impl Operation for Pull {
    fn ask(&self, _: &Sending<'_>) -> Option<(EntityId, Command)> {
        let pull = wallet::Command::Pull(deposit::of(self.money));
        Some((to_wallet(self.wallet), Command::Wallet(pull)))
    }

    fn refusals(&self) -> &'static [Code] {
        &[Code::WalletNotFound, Code::CurrencyMismatch, Code::BalanceOverflow, Code::TooManyPending]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        let [wallet::Event::PullRequested(event)] = wallet_events(record)? else { return None };
        let is_it = event.currency.code() == self.money.currency;
        is_it.then_some(Granted::PullRequested { amount: event.amount.minor() })
    }

    fn calls(&self) -> &'static [Party] {
        &[Party::Processor]
    }
}

/// Draws one, now and then so large that it leaves the range.
pub(super) fn draw(chance: &mut Chance, cast: &Cast) -> Wish {
    let to = cast.wallet(chance);
    let currency = Cast::currency(chance, to);
    let amount = if chance.strikes(5_000) { i64::MAX / 2 + 1 } else { cast.amount(chance) };
    Wish::Pull(Pull { wallet: to.number, money: Money { amount, currency } })
}
