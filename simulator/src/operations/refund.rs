//! Getting money of a payment back, a part of it or all that is left.
//!
//! Needs the payment's yes. The yes comes when the money is there, three records later. Drawn often
//! on the same payment, so that more is asked back than was paid; and on payments that are still
//! being settled, which is a no that may become a yes with a new key.

use bursar_actors::job::Command;
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::key::Key;
use bursar_domain::money::Amount;
use bursar_domain::record::Record;
use bursar_domain::wallet;
use bursar_domain::wallet::command::{self, Lookup};

use super::cast::Cast;
use super::{Operation, Sending, currency, to_wallet, wallet_events};
use crate::chance::Chance;
use crate::facts::wish::Refund;
use crate::facts::{Granted, Wish, names};

impl Operation for Refund {
    fn ask(&self, sending: &Sending<'_>) -> Option<(EntityId, Command)> {
        let payment = Seq(sending.known.place(self.payment)?.seq);
        let text = self.amount.map(Amount::from_minor);
        let text = text.map(|amount| amount.to_major(currency(self.currency)).into());
        let mut refund = command::Refund {
            payment,
            amount: text,
            effective_at: None,
            key: None,
            paid: Lookup::Open,
        };
        let content = wallet::Command::Refund(refund.clone()).content();
        refund.key = sending.key.map(|key| Key { text: names::key(key).into(), content });
        Some((to_wallet(self.wallet), Command::Wallet(wallet::Command::Refund(refund))))
    }

    fn refusals(&self) -> &'static [Code] {
        &[
            Code::WalletNotFound,
            Code::PaymentNotFound,
            Code::PaymentNotPosted,
            Code::InvalidAmount,
            Code::RefundExceedsPayment,
            Code::BalanceOverflow,
        ]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        let [wallet::Event::RefundReceived(event)] = wallet_events(record)? else { return None };
        Some(Granted::Refunded {
            payment: event.payment.0,
            asked: event.refund.0,
            amount: event.amount.minor(),
            balance_after: event.balance_after.minor(),
        })
    }
}

/// Draws one of a payment that was wished before, the newest more often; `None` before the first.
pub(super) fn draw(chance: &mut Chance, cast: &Cast) -> Option<Wish> {
    let count = cast.payments.len() as u64;
    let reach = if chance.strikes(700_000) { count.min(12) } else { count };
    let back = if reach == 0 { return None } else { chance.below(reach) };
    let index = usize::try_from(count - 1 - back).expect("below a length");
    let payment = cast.payments[index];
    let amount = match chance.weighted(&[2, 6, 1]) {
        0 => None,
        1 => Some(chance.between(1, payment.amount)),
        _ => Some(payment.amount + 1),
    };
    Some(Wish::Refund(Refund {
        wallet: payment.wallet.number,
        payment: payment.operation,
        amount,
        currency: payment.wallet.currency,
    }))
}
