//! Booking money that has arrived from outside.
//!
//! Drawn with small amounts, now and then with one so large that two of them leave the range.
//! Yes with the balance afterwards; no when there is no such wallet, it holds another currency, or
//! the balance would leave the range.

use bursar_actors::job::Command;
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::record::Record;
use bursar_domain::wallet;
use bursar_domain::wallet::command;

use super::cast::Cast;
use super::{Operation, Sending, money, to_wallet, wallet_events};
use crate::chance::Chance;
use crate::facts::wish::{Deposit, Money};
use crate::facts::{Granted, Wish};

impl Operation for Deposit {
    fn ask(&self, _: &Sending<'_>) -> Option<(EntityId, Command)> {
        let deposit = wallet::Command::Deposit(of(self.money));
        Some((to_wallet(self.wallet), Command::Wallet(deposit)))
    }

    fn refusals(&self) -> &'static [Code] {
        &[Code::WalletNotFound, Code::CurrencyMismatch, Code::BalanceOverflow]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        let [wallet::Event::Deposited(event)] = wallet_events(record)? else { return None };
        let is_it = event.currency.code() == self.money.currency;
        is_it.then_some(Granted::Deposited {
            amount: event.amount.minor(),
            balance_after: event.balance_after.minor(),
        })
    }
}

/// Money from outside, without words.
pub(super) fn of(asked: Money) -> command::Deposit {
    let (amount, currency) = money(asked);
    command::Deposit { amount, currency, effective_at: None, description: None }
}

/// Draws one: money for a wallet, now and then so much that it leaves the range.
pub(super) fn draw(chance: &mut Chance, cast: &Cast) -> Wish {
    let to = cast.wallet(chance);
    let currency = Cast::currency(chance, to);
    let amount = if chance.strikes(10_000) {
        i64::MAX - cast.amount(chance) + 1
    } else {
        cast.amount(chance)
    };
    Wish::Deposit(Deposit { wallet: to.number, money: Money { amount, currency } })
}
