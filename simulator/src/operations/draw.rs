//! The whole workload of a seed, drawn before anything runs.
//!
//! A seed has its taste: how much of each family, how many take part, how large amounts are, how
//! close in time. First the cast is opened (some of it late, or never), then everything else comes,
//! in bursts at one instant and with gaps of minutes to days.
//!
//! Each operation is drawn from a stream of its own and names earlier ones by number, so that a
//! plan from which some are left out still is one. Invariant: sorted by time; the same seed and
//! size give the same plan.

use super::cast::{Cast, Member};
use crate::chance::Chance;
use crate::facts::given::Pause;
use crate::facts::lent::Ring;
use crate::facts::wish::{CloseDeal, Freeze, Keyed, OpenWallet};
use crate::facts::{Number, Plan, Planned, Wish};

/// How large a workload is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// How many operations, those that open the cast included.
    pub operations: u32,
    /// Over how many simulated days they are spread, at most.
    pub days: u32,
}

/// A family of operations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    /// Deposits, payments, refunds, freezing.
    Money,
    /// Money from the bank.
    Pulls,
    /// Investing, and taking it back.
    Deals,
    /// What providers are owed, and how they are paid.
    Providers,
    /// Bank lines and campaigns.
    Rewards,
    /// Advances and their runs.
    Advances,
}

const FAMILIES: [Family; 6] = [
    Family::Money,
    Family::Pulls,
    Family::Deals,
    Family::Providers,
    Family::Rewards,
    Family::Advances,
];

/// The taste of a seed.
struct Taste {
    /// Weights of the families.
    weights: [u32; FAMILIES.len()],
    /// How likely an operation comes at the same instant as the one before.
    burst_ppm: u32,
    /// The longest gap, in milliseconds.
    gap_ms: u64,
    repeats_ppm: u32,
}

impl Taste {
    fn draw(chance: &mut Chance, size: Size) -> Self {
        let mut weights = FAMILIES.map(|_| *chance.pick(&[0, 1, 2, 4, 8]));
        if weights.iter().all(|weight| *weight == 0) {
            weights = [1; FAMILIES.len()];
        }
        let whole = u64::from(size.days) * 86_400_000;
        let share = whole / u64::from(size.operations.max(1));
        let burst_ppm = *chance.pick(&[200_000, 600_000, 950_000]);
        // The fewer gaps there are, the longer they may be.
        let gaps = u64::from(crate::chance::WHOLE_PPM - burst_ppm);
        let gap_ms = *chance.pick(&[20, 1_000, share * 1_000_000 / gaps * 2]);
        let repeats_ppm = *chance.pick(&[20_000, 100_000, 400_000]);
        Self { weights, burst_ppm, gap_ms: gap_ms.max(1), repeats_ppm }
    }
}

/// A drawing under way.
struct Drawing {
    cast: Cast,
    taste: Taste,
    planned: Vec<Planned>,
    now_ms: u64,
}

/// The workload of a seed.
pub fn draw(chance: &Chance, size: Size) -> Plan {
    let cast = Cast::draw(&mut chance.split("cast"));
    let taste = Taste::draw(&mut chance.split("taste"), size);
    let mut drawing = Drawing { cast, taste, planned: Vec::new(), now_ms: 0 };
    drawing.open_all(&mut chance.split("opening"), size);
    let operations = chance.split("operations");
    while drawing.planned.len() < size.operations as usize {
        let mut chance = operations.split_at(drawing.planned.len() as u64);
        drawing.pass_time(&mut chance);
        let family = FAMILIES[chance.weighted(&drawing.taste.weights)];
        let wish = drawing.wish(&mut chance, family);
        drawing.add(&mut chance, wish);
    }
    let mut planned = drawing.planned;
    planned.sort_by_key(|planned| planned.at_ms);
    Plan { planned }
}

impl Drawing {
    fn open_all(&mut self, chance: &mut Chance, size: Size) {
        let late_ms = u64::from(size.days) * 86_400_000 / 4;
        for member in self.cast.wallets.clone() {
            let wish = open_wallet(chance, &self.cast, member);
            self.add_opening(chance, wish, late_ms);
        }
        for member in self.cast.deals.clone() {
            let wish = super::open_deal::draw(chance, &self.cast, member, late_ms * 4);
            self.add_opening(chance, wish, late_ms);
        }
        for member in self.cast.providers.clone() {
            let wish = super::register::draw(chance, member);
            self.add_opening(chance, wish, late_ms);
        }
        for member in self.cast.campaigns.clone() {
            let wish = super::announce::draw(chance, &self.cast, member, size.days);
            self.add_opening(chance, wish, late_ms);
        }
        let at = Some(*chance.pick(&["00:00", "09:00"]));
        self.add(chance, Wish::Ring(Ring { at }));
    }

    /// Something that is opened at the beginning, or in the middle of it all.
    fn add_opening(&mut self, chance: &mut Chance, wish: Wish, late_ms: u64) {
        self.add(chance, wish);
        let planned = self.planned.last_mut().expect("just added");
        planned.vanishes = false;
        if chance.strikes(60_000) {
            planned.at_ms = chance.below(late_ms.max(1));
        }
        self.now_ms = self.now_ms.max(1);
    }

    fn pass_time(&mut self, chance: &mut Chance) {
        if !chance.strikes(self.taste.burst_ppm) {
            self.now_ms += chance.below(self.taste.gap_ms) + 1;
        }
    }

    fn wish(&mut self, chance: &mut Chance, family: Family) -> Wish {
        let number = u32::try_from(self.planned.len()).expect("a plan is small");
        let today = self.today();
        match family {
            Family::Money => match chance.weighted(&[30, 45, 20, 5]) {
                0 => super::deposit::draw(chance, &self.cast),
                1 => super::pay::draw(chance, &mut self.cast, number),
                2 => super::refund::draw(chance, &self.cast)
                    .unwrap_or_else(|| super::deposit::draw(chance, &self.cast)),
                _ => {
                    let wallet = self.cast.wallet(chance).number;
                    Wish::Freeze(Freeze { wallet, frozen: chance.strikes(400_000) })
                }
            },
            Family::Pulls => super::pull::draw(chance, &self.cast),
            Family::Deals => self.in_deals(chance, number),
            Family::Providers => match chance.weighted(&[8, 2, 4]) {
                0 => super::activities::draw(chance, &mut self.cast, today),
                1 => super::settle::draw(chance, &self.cast),
                _ => super::pay::draw(chance, &mut self.cast, number),
            },
            Family::Rewards => {
                if chance.weighted(&[30, 3]) == 0 {
                    super::lines::draw(chance, &mut self.cast, today)
                } else {
                    let campaign = self.cast.campaign(chance).number;
                    Wish::Pause(Pause { campaign, paused: chance.strikes(400_000) })
                }
            }
            Family::Advances => match chance.weighted(&[10, 1]) {
                0 => super::lend::draw(chance, &mut self.cast, number, today),
                _ => Wish::Ring(Ring { at: None }),
            },
        }
    }

    /// The day, counted from the first.
    fn today(&self) -> i32 {
        i32::try_from(self.now_ms / 86_400_000).expect("a plan has few days")
    }

    fn in_deals(&mut self, chance: &mut Chance, number: Number) -> Wish {
        let back = match chance.weighted(&[700, 120, 170, 10]) {
            0 => None,
            1 => super::withdraw::draw(chance, &self.cast),
            2 => super::cancel::draw(chance, &self.cast),
            _ => Some(Wish::CloseDeal(CloseDeal { deal: self.cast.deal(chance).number })),
        };
        back.unwrap_or_else(|| super::invest::draw(chance, &mut self.cast, number))
    }

    /// Puts a wish into the plan, with its key and its repeats.
    fn add(&mut self, chance: &mut Chance, wish: Wish) {
        let number = u32::try_from(self.planned.len()).expect("a plan is small");
        let key = self.key(chance, number, &wish);
        let mut repeats = Vec::new();
        while key.is_some() && repeats.len() < 3 && chance.strikes(self.taste.repeats_ppm) {
            let latest = *chance.pick(&[1, 50, 5_000, 600_000, 90_000_000]);
            repeats.push(chance.below(latest));
        }
        let vanishes = chance.strikes(20_000);
        let at_ms = self.now_ms;
        self.planned.push(Planned { number, at_ms, wish, key, repeats, vanishes });
    }

    /// Mostly a key of its own; now and then one of an earlier operation, with its own content.
    fn key(&self, chance: &mut Chance, number: Number, wish: &Wish) -> Option<Number> {
        match wish.keyed() {
            Keyed::Always => {}
            Keyed::Perhaps if chance.strikes(600_000) => {}
            Keyed::Perhaps | Keyed::Never => return None,
        }
        if number > 0 && chance.strikes(20_000) {
            let newest = u64::from(number.min(40));
            let back = u32::try_from(chance.below(newest)).expect("at most forty");
            return self.planned[(number - 1 - back) as usize].key.or(Some(number));
        }
        Some(number)
    }
}

fn open_wallet(chance: &mut Chance, cast: &Cast, member: Member) -> Wish {
    let credit_limit = if chance.strikes(250_000) { cast.amount(chance) } else { 0 };
    let (wallet, currency) = (member.number, member.currency);
    Wish::OpenWallet(OpenWallet {
        wallet,
        currency,
        credit_limit,
        has_email: chance.strikes(500_000),
    })
}
