//! Paying a provider.
//!
//! A provider on a calendar: yes with the balance afterwards, and the provider has it a moment
//! later. A provider that is paid at once: the amount is set aside and the processor pushes it; how
//! that ended is an outcome. Amounts are drawn near what wallets hold, so that limits are reached.

use bursar_actors::job::Command;
use bursar_domain::call::Party;
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, ProviderId, Seq};
use bursar_domain::record::Record;
use bursar_domain::wallet;
use bursar_domain::wallet::command::{self, Lookup};

use super::cast::{Cast, Payment};
use super::{Operation, Sending, money, provider_id, to_wallet, wallet_events, wallet_id};
use crate::chance::Chance;
use crate::facts::wish::{Money, Pay};
use crate::facts::{Granted, Number, Wish, names};

impl Operation for Pay {
    fn ask(&self, sending: &Sending<'_>) -> Option<(EntityId, Command)> {
        let (amount, currency) = money(self.money);
        let pay = command::Pay {
            wallet: wallet_id(self.wallet),
            provider: provider_id(self.provider),
            amount,
            currency,
            description: None,
            metadata: Vec::new(),
            effective_at: None,
            payee: Lookup::Open,
            queue_full: sending.sight.is_full(Party::Processor),
        };
        Some((to_wallet(self.wallet), Command::Wallet(wallet::Command::Pay(pay))))
    }

    fn refusals(&self) -> &'static [Code] {
        &[
            Code::WalletNotFound,
            Code::ProviderNotFound,
            Code::WalletFrozen,
            Code::CurrencyMismatch,
            Code::InsufficientFunds,
            Code::TooManyHolds,
            Code::BalanceOverflow,
        ]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        match wallet_events(record)? {
            [wallet::Event::Paid(event)] => Some(Granted::Paid {
                provider: number_of(&event.provider)?,
                amount: event.amount.minor(),
                balance_after: event.balance_after.minor(),
            }),
            [wallet::Event::PaymentHeld(event)] => Some(Granted::PaymentHeld {
                provider: number_of(&event.provider)?,
                amount: event.amount.minor(),
            }),
            _ => None,
        }
    }
}

fn number_of(provider: &ProviderId) -> Option<Number> {
    names::number('p', provider.as_str())
}

/// Draws one, and remembers it for refunds.
pub(super) fn draw(chance: &mut Chance, cast: &mut Cast, number: Number) -> Wish {
    let wallet = cast.wallet(chance);
    let provider = cast.provider_of(chance, wallet.currency).number;
    let currency = Cast::currency(chance, wallet);
    let amount = cast.amount(chance);
    cast.payments.push(Payment { operation: number, wallet, amount });
    Wish::Pay(Pay { wallet: wallet.number, provider, money: Money { amount, currency } })
}
