//! Worlds made by chance: whatever happens in whatever order, what comes out passes.
//!
//! Everything that the rules allow is done at random: payments, refunds, investments, activities,
//! advances, runs by hand and by the clock, bank lines and campaigns; calls are answered with anything that a third party may
//! answer, late or never; the report says what nobody asked; entities are read from disk again and
//! have forgotten what they called; everything is saved in between. The numbers come from a fixed
//! seed, so a world that fails is the same one the next time.

use bursar_domain::call::{Reply, Request};
use bursar_domain::campaign;
use bursar_domain::deal::Command;
use bursar_domain::entity::Wake;
use bursar_domain::errand::{Brought, Found, ReportLine, Reported};
use bursar_domain::message::OutcomeKind;
use bursar_domain::plan::{Day, Plan};
use bursar_domain::provider::{self, Settlement};
use bursar_domain::saga::investment::Funding;
use bursar_domain::schedule;
use bursar_domain::statement::Content;

use super::fair::{CAMPAIGNS, bought, pending, reversed};
use super::season::{DAY_MS, activity, daily, line};
use super::*;

/// Numbers that look like chance (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("small")
    }

    fn money(&mut self, limit: i64) -> i64 {
        1 + i64::try_from(self.next() >> 1).expect("positive") % limit
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

const WALLETS: [&str; 4] = ["ann", "ben", "cat", "dan"];
const PROVIDERS: [&str; 3] = ["clinic", "gym", "spa"];

/// One world on its way.
struct Game {
    world: World,
    chance: Chance,
    payments: Vec<(&'static str, Seq)>,
    investments: Vec<Seq>,
    advances: usize,
    /// Keys under which debits were asked for.
    keys: Vec<Box<str>>,
}

impl Game {
    fn begin(seed: u64) -> Self {
        let mut world = World::default();
        world.announce_all();
        for id in WALLETS {
            world.open(id);
            world.deposit(id, 100_000);
        }
        world.register("clinic");
        world.register("gym");
        world.register_with("spa", Settlement::Immediate);
        world.register_as_before("old");
        world.open_deal("tower", 50_000, 2);
        let cadence = daily().cadence().expect("a calendar").clone();
        world.ask_schedule(&schedule::Command::Set(cadence));
        let (payments, investments, keys) = (Vec::new(), Vec::new(), Vec::new());
        Self { world, chance: Chance(seed), payments, investments, advances: 0, keys }
    }

    fn step(&mut self) {
        match self.chance.below(46) {
            0..=9 => self.answer_one(),
            10..=21 => self.errand(),
            22 | 23 => self.ask_wallet(),
            24 => self.ask_provider(),
            25 => self.ask_deal(),
            26 if self.chance.below(2) == 0 => self.open_advance(),
            27 => self.let_time_pass(),
            28 => self.forget(),
            29 if self.chance.below(4) == 0 => self.world.checkpoint(),
            30 if self.chance.below(8) == 0 => {
                self.world.ask_schedule(&schedule::Command::RunNow);
            }
            31..=35 => self.take_lines(),
            36 => self.ask_campaign(),
            _ => self.world.deliver(),
        }
    }

    /// Lines of few ids, so that the same ones come again: alike, otherwise, linked, given back.
    fn take_lines(&mut self) {
        let wallet = *self.chance.one_of(&WALLETS);
        let today = Day::utc(self.world.now().now).days();
        let lines = (0..=self.chance.below(6)).map(|_| {
            let campaign = *self.chance.one_of(&["coffee", "coffee", "books", "travel", "none"]);
            let (id, back) = (self.chance.below(150), self.chance.below(40));
            let day = today - i32::try_from(back).expect("small");
            let minor = 1_000 + 400 * i64::try_from(self.chance.below(3)).expect("small");
            let mut line = bought(campaign, &format!("l{id}"), day, minor);
            let other = format!("l{}", self.chance.below(150));
            match self.chance.below(12) {
                0..=2 => line = pending(line),
                3 => line = reversed(line),
                4 => line = reversed(Content { reversal_of: Some(other.into()), ..line }),
                5 | 6 => line.pending_id = Some(other.into()),
                7 => line = reversed(Content { pending_id: Some(other.into()), ..line }),
                _ => {}
            }
            line
        });
        let lines = lines.collect();
        self.world.take(wallet, lines);
    }

    fn ask_campaign(&mut self) {
        let campaign = *self.chance.one_of(&CAMPAIGNS);
        let goes_on = self.chance.below(2) == 0;
        let command = if goes_on { campaign::Command::Resume } else { campaign::Command::Pause };
        self.world.ask_campaign(campaign, &command);
    }

    fn ask_wallet(&mut self) {
        let wallet = *self.chance.one_of(&WALLETS);
        let minor = self.chance.money(9_000);
        match self.chance.below(6) {
            0 => drop(self.world.pull(wallet, minor)),
            1 if !self.payments.is_empty() => {
                let (wallet, payment) = *self.chance.one_of(&self.payments);
                self.world.refund(wallet, payment, minor % 500 + 1);
            }
            2 => self.world.deposit(wallet, minor),
            _ => {
                let provider = self.chance.one_of(&[PROVIDERS[0], "gym", "spa", "spa", "old"]);
                let seq = self.world.pay(wallet, provider, minor);
                if self.world.was_accepted(&wallet_id(wallet), seq) {
                    self.payments.push((wallet, seq));
                }
            }
        }
    }

    fn ask_provider(&mut self) {
        let provider = *self.chance.one_of(&PROVIDERS);
        if self.chance.below(6) == 0 {
            let settlement =
                if self.chance.below(2) == 0 { daily() } else { Settlement::Immediate };
            self.world.ask_provider(provider, &provider::Command::Settle(settlement));
            return;
        }
        let lines = (0..=self.chance.below(9)).map(|_| {
            let (id, member) = (self.chance.below(400), self.chance.below(5));
            let minor = self.chance.money(3) * 100 - 100;
            activity(&format!("a{id}"), &format!("m{member}"), 0, minor)
        });
        let lines: Vec<_> = lines.collect();
        self.world.submit(provider, &lines);
    }

    fn ask_deal(&mut self) {
        let wallet = *self.chance.one_of(&WALLETS);
        match self.chance.below(4) {
            0 if !self.investments.is_empty() => {
                let investment = *self.chance.one_of(&self.investments);
                self.world.ask_deal("tower", &Command::Withdraw { investment });
            }
            1 => {
                let minor = self.chance.money(30_000);
                self.invest(wallet, minor, Funding::Wallet);
            }
            _ => {
                let minor = self.chance.money(30_000);
                self.invest(wallet, minor, Funding::Bank);
            }
        }
    }

    fn invest(&mut self, wallet: &str, minor: i64, from: Funding) {
        let seq = self.world.invest("tower", wallet, minor, from);
        self.investments.push(seq);
    }

    fn open_advance(&mut self) {
        self.advances += 1;
        let count = 1 + self.chance.below(4) as u64;
        let every = *self.chance.one_of(&["day", "day", "week"]);
        let plan = Plan::new(count, every, None).expect("a plan");
        let minor = 100 + self.chance.money(5_000);
        self.world.open_advance(&format!("adv_{}", self.advances), minor, plan);
    }

    fn let_time_pass(&mut self) {
        let hours = 1 + i64::try_from(self.chance.below(40)).expect("small");
        self.world.pass_ms(hours * DAY_MS / 24);
        if self.chance.below(4) > 0 {
            self.world.wake_all_due();
        }
        self.report_again();
    }

    /// The report says something else from now on.
    fn report_again(&mut self) {
        if self.chance.below(6) == 0 {
            self.world.report = None;
            return;
        }
        let lines = (0..self.chance.below(4)).map(|_| {
            let key = match self.chance.below(9) {
                0 => "adv_1/d77/1".into(),
                1 => "nobody/d1/1".into(),
                2 => "pay_1_ann/7/push".into(),
                _ if self.keys.is_empty() => "adv_2/d1/1".into(),
                _ => self.chance.one_of(&self.keys).clone(),
            };
            let came = self.chance.below(3) > 0;
            line(&key, if came { Reported::Succeeded } else { Reported::Failed })
        });
        let mut lines: Vec<_> = lines.collect();
        if self.chance.below(5) == 0 {
            // Too much for one record.
            let long = ReportLine {
                transaction: "t".repeat(30_000).into(),
                ..line("long", Reported::Failed)
            };
            lines.extend([long.clone(), long]);
        }
        self.world.report = Some(lines);
    }

    /// Someone was read from disk: nobody brings the answer any more that it waits for.
    fn forget(&mut self) {
        if let Some((id, _)) = self.world.calls.pop_front() {
            self.world.wake_if(&id, Wake::Resumed);
        }
        if let Some((id, _)) = self.world.errands.pop_front() {
            self.world.wake_if(&id, Wake::Resumed);
        }
    }

    fn errand(&mut self) {
        if let Some((id, errand)) = self.world.errands.pop_front() {
            if self.chance.below(9) == 0 {
                let found = Found::Unavailable { reason: "not now".into() };
                self.world.bring_found(&id, Brought { number: errand.number, found });
            } else {
                self.world.bring(&id, &errand);
            }
            self.world.deliver();
        }
    }

    fn answer_one(&mut self) {
        if self.world.calls.is_empty() {
            return;
        }
        let at = self.chance.below(self.world.calls.len());
        let (id, call) = self.world.calls.remove(at).expect("it is there");
        let is_pull = matches!(call.request, Request::Pull { .. });
        if is_pull && call.key.contains("/d") {
            self.keys.push(call.key.clone());
        }
        let moves = is_pull
            || matches!(
                call.request,
                Request::Push { .. } | Request::Find | Request::Refund { .. }
            );
        let is_question = call.request == Request::Find;
        let reply = match self.chance.below(12) {
            0 | 1 => Reply::Declined { code: "no-funds".into(), detail: "no".into() },
            2 => Reply::Unknown { reason: "no answer".into() },
            3 => Reply::NotSent { reason: "no room".into() },
            4 if moves => Reply::Pending,
            5 | 6 if is_question => Reply::NeverSeen,
            _ => Reply::Done { id: format!("tr-{}", call.key).into(), url: None },
        };
        self.world.answer_if(&id, &call, reply);
    }
}

#[test]
fn what_happens_by_chance_passes() {
    let (mut draws, mut back) = (0, 0);
    for seed in 0..6 {
        let mut game = Game::begin(seed);
        for _ in 0..1_500 {
            game.step();
        }
        let disk = &game.world.disk;
        assert_eq!(faults(disk), Vec::<String>::new(), "seed {seed}");
        draws += report(disk).counts.expect("it was opened").draws;
        let kinds = disk.outcomes.iter().map(|(_, outcome)| outcome.kind);
        back += kinds.filter(|kind| *kind == OutcomeKind::RewardTakenBack).count();
        let whole = disk.clone().alone();
        assert_eq!(faults(&whole), Vec::<String>::new(), "seed {seed}, the journal alone");
    }
    assert!(draws > 200 && back > 20, "{draws} draws, {back} rewards taken back");
}
