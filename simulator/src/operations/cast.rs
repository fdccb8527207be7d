//! Who takes part in a plan, and what has been wished so far.
//!
//! Wallets, providers and the rest are numbered from zero. A few numbers beyond are used as well:
//! nobody opens them, so whoever names them gets a no. Earlier operations are remembered with what
//! a later one needs to name them.
//!
//! Invariant: what is drawn depends on chance and on what was drawn before, never on an answer.

use crate::chance::Chance;
use crate::facts::{Number, given, owed};

/// A member with a currency.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    /// Its number.
    pub(super) number: Number,
    /// The one currency that it has.
    pub(super) currency: &'static str,
}

/// An earlier payment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payment {
    /// The operation.
    pub(super) operation: Number,
    /// Who paid.
    pub(super) wallet: Member,
    /// How much.
    pub(super) amount: i64,
}

/// An earlier investment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Investment {
    /// The operation.
    pub(super) operation: Number,
    /// In which deal.
    pub(super) deal: Number,
}

/// Who takes part.
#[derive(Clone, Debug, Default)]
pub(super) struct Cast {
    /// The wallets.
    pub(super) wallets: Vec<Member>,
    /// The providers.
    pub(super) providers: Vec<Member>,
    /// The deals.
    pub(super) deals: Vec<Member>,
    /// The payments that were wished.
    pub(super) payments: Vec<Payment>,
    /// The campaigns.
    pub(super) campaigns: Vec<Member>,
    /// The advances that were wished.
    pub(super) advances: Vec<Member>,
    /// The activities that were submitted.
    pub(super) activities: Vec<owed::Activity>,
    /// The bank lines that were submitted, each with the place of its wallet.
    pub(super) lines: Vec<(usize, given::Line)>,
    /// The investments that were wished.
    pub(super) investments: Vec<Investment>,
    /// The largest of the usual amounts, in minor units.
    pub(super) usual: i64,
}

const CURRENCIES: [&str; 4] = ["EUR", "EUR", "JPY", "KWD"];

/// How likely someone unknown is named, in parts per million.
const UNKNOWN_PPM: u32 = 15_000;
/// How likely a wrong currency is named.
const WRONG_CURRENCY_PPM: u32 = 25_000;
/// How likely someone is picked who has another currency than is needed.
const STRANGER_PPM: u32 = 30_000;

impl Cast {
    /// A cast of so many, with currencies by chance.
    pub(super) fn draw(chance: &mut Chance) -> Self {
        let kinds = chance.between(1, 4);
        let mut members = |counts: &[u32]| -> Vec<Member> {
            let count = *chance.pick(counts);
            let member = |number| {
                let index = chance.below(u64::try_from(kinds).expect("one to four"));
                let currency = CURRENCIES[usize::try_from(index).expect("below four")];
                Member { number, currency }
            };
            (0..count).map(member).collect()
        };
        let wallets = members(&[2, 5, 20, 60]);
        let providers = members(&[1, 3, 8]);
        let deals = members(&[1, 2, 6]);
        let campaigns = members(&[1, 2, 4]);
        let usual = *chance.pick(&[5, 100, 100, 10_000]);
        Self { wallets, providers, deals, campaigns, usual, ..Self::default() }
    }

    /// A provider.
    pub(super) fn provider(&self, chance: &mut Chance) -> Member {
        one_of(&self.providers, chance)
    }

    /// A campaign.
    pub(super) fn campaign(&self, chance: &mut Chance) -> Member {
        one_of(&self.campaigns, chance)
    }

    /// The place of a wallet that is opened, the first ones more often.
    pub(super) fn known_wallet(&self, chance: &mut Chance) -> usize {
        let bound = chance.below(self.wallets.len() as u64) + 1;
        usize::try_from(chance.below(bound)).expect("below a length")
    }

    /// A deal.
    pub(super) fn deal(&self, chance: &mut Chance) -> Member {
        one_of(&self.deals, chance)
    }

    /// An investment that was wished, one of the newest mostly.
    pub(super) fn investment(&self, chance: &mut Chance) -> Option<Investment> {
        let count = self.investments.len() as u64;
        let reach = if chance.strikes(800_000) { count.min(20) } else { count };
        let back = if reach == 0 { return None } else { chance.below(reach) };
        Some(self.investments[usize::try_from(count - 1 - back).expect("below a length")])
    }

    /// A wallet; the first ones more often, now and then one that is not there.
    pub(super) fn wallet(&self, chance: &mut Chance) -> Member {
        one_of(&self.wallets, chance)
    }

    /// A wallet of a currency, mostly.
    pub(super) fn wallet_of(&self, chance: &mut Chance, currency: &str) -> Member {
        fitting(&self.wallets, chance, currency)
    }

    /// A provider that takes a currency, mostly.
    pub(super) fn provider_of(&self, chance: &mut Chance, currency: &str) -> Member {
        fitting(&self.providers, chance, currency)
    }

    /// The currency that a member has, mostly.
    pub(super) fn currency(chance: &mut Chance, member: Member) -> &'static str {
        if chance.strikes(WRONG_CURRENCY_PPM) {
            chance.pick::<&'static str>(&CURRENCIES)
        } else {
            member.currency
        }
    }

    /// An amount; small ones are more likely.
    pub(super) fn amount(&self, chance: &mut Chance) -> i64 {
        let most = chance.between(1, self.usual);
        chance.between(1, most)
    }
}

/// One of these, the first ones more often; now and then one that is not there.
fn one_of(members: &[Member], chance: &mut Chance) -> Member {
    let count = members.len() as u64;
    if count == 0 || chance.strikes(UNKNOWN_PPM) {
        let number = 900 + u32::try_from(chance.below(3)).expect("below three");
        return Member { number, currency: "EUR" };
    }
    let bound = chance.below(count) + 1;
    members[usize::try_from(chance.below(bound)).expect("below a length")]
}

/// One of these with a currency, if a few tries find one.
fn fitting(members: &[Member], chance: &mut Chance, currency: &str) -> Member {
    let mut member = one_of(members, chance);
    if chance.strikes(STRANGER_PPM) {
        return member;
    }
    for _ in 0..12 {
        if member.currency == currency {
            break;
        }
        member = one_of(members, chance);
    }
    member
}
