//! Giving an advance: money now, collected by debits.
//!
//! A yes says that the money is on its way to the customer; how that ended, and every debit, is an
//! outcome. Drawn with few debits a day or a week apart. No when the id is taken, or the amount
//! cannot be divided.

use bursar_actors::job::Command;
use bursar_domain::advance;
use bursar_domain::call::Party;
use bursar_domain::code::Code;
use bursar_domain::id::{AdvanceId, EntityId, Seq};
use bursar_domain::plan::Plan;
use bursar_domain::record::{Record, Verdict};

use super::cast::{Cast, Member};
use super::{Operation, Sending, money};
use crate::chance::Chance;
use crate::facts::lent::Lend;
use crate::facts::wish::Money;
use crate::facts::{Granted, Number, Wish, names};

impl Operation for Lend {
    fn ask(&self, sending: &Sending<'_>) -> Option<(EntityId, Command)> {
        let (amount, currency) = money(self.money);
        let first_day = self.first_day.map(|day| sending.known.day(day).to_string());
        let plan = Plan::new(u64::from(self.installments), self.every, first_day.as_deref());
        let plan = plan.expect("a plan has well-formed advances");
        let account = format!("bank-{}", names::advance(self.advance)).into();
        let command = advance::Command::Open { account, amount, currency, plan };
        let id = AdvanceId::parse(&names::advance(self.advance)).expect("a letter and digits");
        Some((EntityId::advance(&id), Command::Advance(command)))
    }

    fn refusals(&self) -> &'static [Code] {
        &[Code::AlreadyExists, Code::InvalidAmount]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        let Verdict::Advance(events) = &record.verdict else { return None };
        let [advance::Event::Opened(profile)] = events.as_slice() else { return None };
        (profile.amount.minor() == self.money.amount).then_some(Granted::Opened)
    }

    fn calls(&self) -> &'static [Party] {
        &[Party::Processor]
    }
}

/// Draws one under the operation's own number, now and then under an earlier one's.
pub(super) fn draw(chance: &mut Chance, cast: &mut Cast, number: Number, today: i32) -> Wish {
    let advance = if !cast.advances.is_empty() && chance.strikes(50_000) {
        chance.pick(&cast.advances).number
    } else {
        let currency = chance.pick(&cast.wallets).currency;
        cast.advances.push(Member { number, currency });
        number
    };
    let amount = cast.amount(chance);
    let currency = chance.pick(&cast.wallets).currency;
    Wish::Lend(Lend {
        advance,
        money: Money { amount, currency },
        installments: u16::try_from(chance.between(1, 4)).expect("a few"),
        every: chance.pick::<&'static str>(&["day", "day", "week"]),
        first_day: chance.strikes(400_000).then(|| today + 1),
    })
}
