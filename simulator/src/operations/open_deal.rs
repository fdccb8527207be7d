//! Opening a deal, with few seats and a small amount.
//!
//! Drawn first of all, some late, so that there is always a line. Some open later or close by
//! themselves. Yes once for an id; `already-exists` after that.

use bursar_actors::job::Command;
use bursar_domain::code::Code;
use bursar_domain::deal;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::money::Amount;
use bursar_domain::record::Record;
use bursar_domain::time::Timestamp;

use super::cast::{Cast, Member};
use super::{Operation, Sending, deal_events, deal_id, money};
use crate::chance::Chance;
use crate::facts::wish::{Money, OpenDeal};
use crate::facts::{Granted, Wish, names};

impl Operation for OpenDeal {
    fn ask(&self, sending: &Sending<'_>) -> Option<(EntityId, Command)> {
        let (amount, currency) = money(self.money);
        let instant = |after_ms| {
            let instant = Timestamp::from_millis(sending.known.instant_ms(after_ms));
            instant.expect("a plan is within the calendar")
        };
        let profile = deal::Profile {
            name: names::deal(self.deal).into(),
            currency,
            amount,
            investors_max: self.investors_max,
            investment_min: self.least.map(Amount::from_minor),
            investment_max: self.most.map(Amount::from_minor),
            opens_at: self.opens_ms.map(instant),
            closes_at: self.closes_ms.map(instant),
        };
        let to = EntityId::deal(&deal_id(self.deal));
        Some((to, Command::Deal(deal::Command::Open(profile))))
    }

    fn refusals(&self) -> &'static [Code] {
        &[Code::AlreadyExists]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        let [deal::Event::Opened(profile)] = deal_events(record)? else { return None };
        (profile.amount.minor() == self.money.amount).then_some(Granted::Opened)
    }
}

/// Draws one: few seats, so that there is a line; times within the days of the plan.
pub(super) fn draw(chance: &mut Chance, cast: &Cast, member: Member, whole_ms: u64) -> Wish {
    let investors_max = u16::try_from(chance.between(1, 6)).expect("a few");
    let amount = cast.usual.saturating_mul(chance.between(1, i64::from(investors_max)));
    let least = chance.strikes(150_000).then(|| chance.between(1, amount.min(3)));
    let most = chance.strikes(150_000).then(|| chance.between(least.unwrap_or(1), amount));
    let opens_ms = chance.strikes(150_000).then(|| chance.below(whole_ms / 8 + 1));
    let closes_ms =
        chance.strikes(150_000).then(|| opens_ms.unwrap_or(0) + 1 + chance.below(whole_ms / 2 + 1));
    let money = Money { amount, currency: member.currency };
    Wish::OpenDeal(OpenDeal {
        deal: member.number,
        money,
        investors_max,
        least,
        most,
        opens_ms,
        closes_ms,
    })
}
