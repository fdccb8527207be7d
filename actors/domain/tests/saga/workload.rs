//! Several investors on one small deal, with everything that can go wrong going wrong by chance.
//!
//! Requests, cancellations, crashes and frozen wallets come at random points; messages come in any
//! order that is allowed, and again; calls fail in every way. A campaign gives to the same
//! wallets, is paused, and takes back. Held all the time: the deal does what the model does, so
//! those in line move up in order. Held once the faults stop: everything ends in a bounded number
//! of steps, money is conserved, and the end of each ticket and each win was told once.

use std::collections::BTreeMap;

use bursar_domain::code::Code;
use bursar_domain::compensation::{self, Compensation};
use bursar_domain::deal::Standing;
use bursar_domain::id::{EntityId, InvestmentId, RewardId};
use bursar_domain::message::{About, OutcomeKind};
use bursar_domain::saga::investment::Funding;
use bursar_domain::saga::{self, Saga};
use proptest::prelude::*;

use crate::faults::Plan;
use crate::flight::Strays;
use crate::model::Got;
use crate::stage::{deal, policy};
use crate::world::{Delivery, World};

const NAMES: [&str; 5] = ["ann", "bob", "cat", "dan", "eve"];

#[derive(Clone, Debug)]
enum Action {
    Invest { wallet: usize, minor: i64, by_bank: bool },
    Pull { wallet: usize, minor: i64 },
    Pay { wallet: usize, minor: i64 },
    Win { wallet: usize, minor: i64 },
    Pause { is_paused: bool },
    ClawBack(usize),
    Cancel(usize),
    Freeze { wallet: usize, is_frozen: bool },
    Retry(usize),
    Crash,
    Run(usize),
}

fn action() -> impl Strategy<Value = Action> {
    let (wallet, number) = (0..NAMES.len(), any::<usize>());
    prop_oneof![
        8 => (wallet.clone(), 1..70_i64, any::<bool>())
            .prop_map(|(wallet, minor, by_bank)| Action::Invest { wallet, minor, by_bank }),
        2 => (wallet.clone(), 1..70_i64).prop_map(|(wallet, minor)| Action::Pull { wallet, minor }),
        3 => (wallet.clone(), 1..40_i64).prop_map(|(wallet, minor)| Action::Pay { wallet, minor }),
        3 => (wallet.clone(), 1..30_i64).prop_map(|(wallet, minor)| Action::Win { wallet, minor }),
        1 => any::<bool>().prop_map(|is_paused| Action::Pause { is_paused }),
        1 => any::<usize>().prop_map(Action::ClawBack),
        4 => number.prop_map(Action::Cancel),
        1 => (wallet, any::<bool>())
            .prop_map(|(wallet, is_frozen)| Action::Freeze { wallet, is_frozen }),
        1 => number.prop_map(Action::Retry),
        1 => Just(Action::Crash),
        8 => (1..40_usize).prop_map(Action::Run),
    ]
}

struct Workload {
    world: World,
    /// Every investment, with what its ticket got.
    investments: Vec<(EntityId, Got)>,
    /// The sagas of deposits and payments.
    others: Vec<EntityId>,
    /// Every win, and how much.
    wins: Vec<(EntityId, i64)>,
}

impl Workload {
    fn new(amount: i64, investors_max: u16, percent: u64, seed: u64) -> Self {
        let plan = Plan::Random { percent, until: i64::MAX };
        let mut world = World::new(policy(), Delivery::Anyhow, plan, seed);
        for (at, name) in NAMES.into_iter().enumerate() {
            let email = format!("{name}@example.com");
            world.open_wallet(name, 60, (at % 2 == 0).then_some(&email));
        }
        world.open_deal("wind", amount, investors_max);
        world.announce("spring", amount);
        Self { world, investments: Vec::new(), others: Vec::new(), wins: Vec::new() }
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Invest { wallet, minor, by_bank } => {
                let funding = if by_bank { Funding::Bank } else { Funding::Wallet };
                let (got, saga) = self.world.invest("wind", NAMES[wallet], minor, funding);
                self.investments.push((saga, got));
            }
            Action::Pull { wallet, minor } => {
                self.others.push(self.world.pull(NAMES[wallet], minor));
            }
            Action::Pay { wallet, minor } => {
                let asked = self.world.pay_at_once(NAMES[wallet], minor);
                let may_be =
                    matches!(asked, Ok(_) | Err(Code::WalletFrozen | Code::InsufficientFunds));
                assert!(may_be, "{asked:?}");
                self.others.extend(asked.ok());
            }
            Action::Win { wallet, minor } => {
                let saga = self.world.win("spring", NAMES[wallet], &[minor]).remove(0);
                self.wins.push((saga, minor));
            }
            Action::Pause { is_paused } => self.world.set_paused("spring", is_paused),
            Action::ClawBack(number) => self.claw_back(number),
            Action::Cancel(number) => self.cancel(number),
            Action::Freeze { wallet, is_frozen } => self.world.set_frozen(NAMES[wallet], is_frozen),
            Action::Retry(number) => {
                let waiting = self.world.waiting();
                let Some(at) = number.checked_rem(waiting.len()) else { return };
                let who = &waiting[at].0;
                let asked = if EntityId::saga(who.id.clone()) == *who {
                    self.world.ask::<Saga>(who, &saga::Command::Retry)
                } else {
                    self.world.ask::<Compensation>(who, &compensation::Command::Retry)
                };
                // It is refused where nothing waits for its next attempt.
                assert!(matches!(asked, Ok(1) | Err(Code::SagaNotStuck)), "{asked:?}");
            }
            Action::Crash => self.world.crash(Strays::Either),
            Action::Run(steps) => {
                for _ in 0..steps {
                    self.world.step();
                }
            }
        }
    }

    /// Takes a win back that is in its wallet, as a statement does: once.
    fn claw_back(&mut self, number: usize) {
        let Some(at) = number.checked_rem(self.wins.len()) else { return };
        let (saga, minor) = &self.wins[at];
        if *minor > 0 && self.world.is_credited(saga) {
            self.world.claw_back("spring", &[(saga, *minor)]);
            self.wins[at].1 = 0;
        }
    }

    /// What whoever deletes an investment has done: out of the line, or the saga is cancelled.
    fn cancel(&mut self, number: usize) {
        let Some(at) = number.checked_rem(self.investments.len() + self.others.len()) else {
            return;
        };
        let saga = match self.investments.get(at) {
            None => self.others[at - self.investments.len()].clone(),
            Some((_, Got::Refused(_))) => return,
            Some((saga, Got::Reserved | Got::Waiting(_))) => {
                let seq = InvestmentId::parse(&saga.id).expect("one of ours").seq;
                match self.world.deals[&deal("wind")].live.entity().standing(seq) {
                    Standing::Waiting(_) => {
                        let saga = saga.clone();
                        assert!(self.world.withdraw("wind", &saga));
                        return;
                    }
                    Standing::Left(_) | Standing::AskDisk => return,
                    Standing::Beyond => saga.clone(),
                }
            }
        };
        let asked = self.world.cancel(&saga);
        assert!(matches!(asked, Ok(_) | Err(Code::InvestmentConfirmed)), "{asked:?}");
    }

    /// Each ticket's end was told once, and its place, if it had to wait for one.
    fn check_told(&self) {
        let mut told: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for outcome in &self.world.told {
            let Some(About::Investment { deal, .. }) = &outcome.about else {
                continue;
            };
            let id = InvestmentId { deal: deal.clone(), seq: outcome.seq };
            let counts = told.entry(id.to_string()).or_default();
            if outcome.kind == OutcomeKind::InvestmentReserved {
                counts.0 += 1;
            } else {
                counts.1 += 1;
            }
        }
        for (saga, got) in &self.investments {
            let begun = self
                .world
                .sagas
                .get(saga)
                .is_some_and(|account| account.live.entity().subject().is_some());
            let promoted = usize::from(begun && matches!(got, Got::Waiting(_)));
            assert_eq!(told.get(&*saga.id), Some(&(promoted, 1)), "{saga}: {got:?}");
        }
        for (saga, _) in &self.wins {
            let id = RewardId::parse(&saga.id).expect("one of ours");
            assert_eq!(self.world.told_of(&id).len(), 1, "{saga}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]
    #[test]
    fn whatever_goes_wrong_everything_ends_and_money_is_conserved(
        amount in 40..160_i64,
        investors_max in 1..4_u16,
        percent in prop_oneof![Just(0_u64), 5..60_u64, Just(90_u64)],
        seed in any::<u64>(),
        actions in prop::collection::vec(action(), 1..60),
    ) {
        let mut workload = Workload::new(amount, investors_max, percent, seed);
        for action in &actions {
            workload.act(action);
        }
        // From now on nothing goes wrong any more, so everything comes to its end.
        workload.world.plan = Plan::fair();
        workload.world.set_paused("spring", false);
        workload.world.settled();
        workload.check_told();
    }
}
