//! Investing in a deal, from the wallet or from the bank.
//!
//! Who is let in at all gets a ticket: with a place, with a place in line, or with a no. Drawn in
//! bursts on few seats, mostly willing to wait. Without a ticket it is a no only for what can be
//! said without a place: no such deal or wallet, another currency, too small, too large.

use bursar_actors::job::Command;
use bursar_actors::view::Neighbour;
use bursar_domain::call::Party;
use bursar_domain::code::Code;
use bursar_domain::deal::command::{self, IfFull};
use bursar_domain::deal::{self, Decision};
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::record::Record;
use bursar_domain::saga::investment::Funding;
use bursar_domain::wallet::command::Lookup;

use super::cast::{Cast, Investment};
use super::{Operation, Sending, deal_events, deal_id, money, request_id, to_wallet, wallet_id};
use crate::chance::Chance;
use crate::facts::wish::{Invest, Money};
use crate::facts::{Granted, Number, Wish, names};

/// With a ticket, a no has one of these codes.
const WITH_TICKET: [Code; 6] = [
    Code::DealNotOpen,
    Code::DealClosed,
    Code::WalletFrozen,
    Code::DealFull,
    Code::AmountExceedsRemaining,
    Code::WaitingListFull,
];

impl Operation for Invest {
    fn ask(&self, sending: &Sending<'_>) -> Option<(EntityId, Command)> {
        let (amount, currency) = money(self.money);
        let seen = sending.sight.see(&to_wallet(self.wallet));
        let investor = match seen.and_then(|seen| seen.neighbour()) {
            Some(Neighbour::Investor(investor)) => Lookup::Found(investor),
            Some(Neighbour::Payee(_)) | None => Lookup::Open,
        };
        let invest = command::Invest {
            wallet: wallet_id(self.wallet),
            amount,
            currency,
            funding: if self.from_bank { Funding::Bank } else { Funding::Wallet },
            if_full: if self.waits { IfFull::Wait } else { IfFull::Refuse },
            request_id: request_id(sending.number),
            investor,
        };
        let to = EntityId::deal(&deal_id(self.deal));
        Some((to, Command::Deal(deal::Command::Invest(invest))))
    }

    fn refusals(&self) -> &'static [Code] {
        &[Code::DealNotFound, Code::WalletNotFound, Code::CurrencyMismatch, Code::InvalidAmount]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        let [deal::Event::Ticketed(event)] = deal_events(record)? else { return None };
        let is_it = event.amount.minor() == self.money.amount
            && names::number('w', event.wallet.as_str()) == Some(self.wallet);
        let ticket = event.ticket;
        match &event.decision {
            _ if !is_it => None,
            Decision::Reserved => Some(Granted::Reserved { ticket }),
            Decision::Waiting(position) => {
                self.waits.then_some(Granted::Waiting { ticket, position: *position })
            }
            Decision::Refused { rejection, .. } => {
                let code = rejection.code.as_str();
                WITH_TICKET.contains(&rejection.code).then_some(Granted::NoPlace { ticket, code })
            }
        }
    }

    fn calls(&self) -> &'static [Party] {
        if self.from_bank { &[Party::Processor, Party::Documents] } else { &[Party::Documents] }
    }
}

/// Draws one, and remembers it for those who take it back.
pub(super) fn draw(chance: &mut Chance, cast: &mut Cast, number: Number) -> Wish {
    let deal = cast.deal(chance);
    let wallet = cast.wallet_of(chance, deal.currency).number;
    let currency = Cast::currency(chance, deal);
    let amount = cast.amount(chance);
    cast.investments.push(Investment { operation: number, deal: deal.number });
    Wish::Invest(Invest {
        deal: deal.number,
        wallet,
        money: Money { amount, currency },
        from_bank: chance.strikes(500_000),
        waits: chance.strikes(800_000),
    })
}
