//! Announcing a campaign: a budget that is given away by draws over bank lines.
//!
//! Drawn first of all, some late, with high odds and small budgets, so that budgets run out and
//! customers reach their limits. Yes once for an id; `already-exists` after that. The secret comes
//! from the plan; it is no part of what the client asked for.

use std::sync::Arc;

use bursar_actors::job::Command;
use bursar_domain::campaign::merchants::Merchants;
use bursar_domain::campaign::terms::{Limits, Odds, OnReversal, Prize, Rounding, Secret, Worth};
use bursar_domain::campaign::{self, Terms};
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::time::Timestamp;

use super::cast::{Cast, Member};
use super::{Operation, Sending, campaign_id, money};
use crate::chance::Chance;
use crate::facts::wish::Money;
use crate::facts::{Granted, Wish, given};

/// For how many days after its date a purchase may still be drawn: what the configuration of the
/// rewarding policy gives.
const OPEN_DAYS: u16 = 32;

const DAY_MS: i64 = 86_400_000;

impl Operation for given::Announce {
    fn ask(&self, sending: &Sending<'_>) -> Option<(EntityId, Command)> {
        let (budget, currency) = money(self.budget);
        let (first_day, last_day) =
            (sending.known.day(self.days.0), sending.known.day(self.days.1));
        let instant = |millis| Timestamp::from_millis(millis).expect("within the calendar");
        let prize = |(weight, worth): &(u32, given::Worth)| Prize {
            weight: *weight,
            worth: match worth {
                given::Worth::Fixed(amount) => Worth::Fixed(Amount::from_minor(*amount)),
                given::Worth::Share(millionths) => {
                    let (millionths, rounding) = (*millionths, Rounding::HalfEven);
                    Worth::Share { millionths, rounding, most: None }
                }
            },
        };
        let mut secret = [0; 32];
        secret[..8].copy_from_slice(&self.secret.to_le_bytes());
        let terms = Terms {
            id: campaign_id(self.campaign),
            name: None,
            currency,
            budget,
            starts_at: instant(i64::from(first_day.days()) * DAY_MS),
            ends_at: instant((i64::from(last_day.days()) + 1) * DAY_MS),
            first_day,
            last_day,
            odds: Odds { wins: self.odds.0, of: self.odds.1 },
            prizes: self.prizes.iter().map(prize).collect(),
            merchants: Merchants::default(),
            min_amount: self.least.map(Amount::from_minor),
            limits: Limits { rewards: self.rewards_max, amount: None },
            on_reversal: if self.claws_back { OnReversal::ClawBack } else { OnReversal::Keep },
            priority: self.priority,
            open_days: OPEN_DAYS,
            secret: Secret(secret),
            announced_at: instant(sending.known.instant_ms(sending.at_ms)),
        };
        let command = campaign::Command::Announce(Arc::new(terms));
        let to = EntityId::campaign(&campaign_id(self.campaign));
        Some((to, Command::Campaign(command)))
    }

    fn refusals(&self) -> &'static [Code] {
        &[Code::AlreadyExists]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        let Verdict::Campaign(events) = &record.verdict else { return None };
        let [campaign::Event::Announced(terms)] = events.as_slice() else { return None };
        (terms.budget.minor() == self.budget.amount).then_some(Granted::Opened)
    }
}

/// Draws one: for some days of the plan, mostly those at its beginning.
pub(super) fn draw(chance: &mut Chance, cast: &Cast, member: Member, days: u32) -> Wish {
    let span = i64::from(days).max(1);
    let first = chance.between(0, span / 2);
    let last = chance.between(first, span);
    let day = |day| i32::try_from(day).expect("a plan has few days");
    let prize = |chance: &mut Chance| {
        let weight = u32::try_from(chance.between(1, 3)).expect("small");
        let worth = if chance.strikes(600_000) {
            given::Worth::Fixed(cast.amount(chance))
        } else {
            given::Worth::Share(*chance.pick(&[1, 10_000, 333_333, 2_000_000]))
        };
        (weight, worth)
    };
    let count = chance.between(1, 3);
    let prizes = (0..count).map(|_| prize(chance)).collect();
    let amount = cast.usual.saturating_mul(chance.between(1, 8));
    Wish::Announce(given::Announce {
        campaign: member.number,
        budget: Money { amount, currency: member.currency },
        days: (day(first), day(last)),
        odds: *chance.pick(&[(1, 1), (1, 2), (1, 10), (9, 10)]),
        prizes,
        least: chance.strikes(200_000).then(|| cast.amount(chance)),
        rewards_max: chance
            .strikes(300_000)
            .then(|| 1 + u32::try_from(chance.below(3)).expect("below three")),
        claws_back: chance.strikes(700_000),
        priority: i32::try_from(chance.between(-1, 1)).expect("small"),
        secret: chance.next_u64(),
    })
}
