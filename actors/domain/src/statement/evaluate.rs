//! Looking at what was taken: which campaign each purchase is for, what it draws, what is reversed.
//!
//! This is off the request path: a statement sends itself a message with each batch that it takes,
//! and looks at the oldest batch when it comes. Whether a purchase wins depends on its key, its date
//! and the terms; only a customer's limits count in the order in which lines came. How long a batch
//! waited plays no part: campaigns are asked as of the date on which it was taken.
//!
//! A reward goes back when a line says that its purchase, or a posted line of that purchase, was
//! given back; whichever of these lines comes last, it is looked at then.
//!
//! Invariant: a purchase that is reversed is drawn all the same, so that the draws are the same in
//! whatever order lines come; what it won is taken back afterwards, by the campaign's rule.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::call::Context;
use crate::campaign::draw::{Drawer, business_key, seed};
use crate::campaign::{News, Purchase, RewardNews, Terms};
use crate::id::{CampaignId, Seq};
use crate::message::Source;
use crate::money::Amount;
use crate::plan::Day;
use crate::planted::{self, Bug};
use crate::statement::event::{Clawed, Draw, Drawn, Entry, Fate, Heard, Party};
use crate::statement::line::{Line, LineStatus};
use crate::statement::rewards::{DayCount, Reward, RewardStatus};
use crate::statement::{Batch, Statement};

/// What is gathered while a batch is looked at.
#[derive(Default)]
struct Gathered {
    campaigns: Vec<Party>,
    numbers: HashMap<CampaignId, u16>,
    drawers: HashMap<(u16, Day), Drawer>,
    /// Counts against limits, with those of this batch.
    counts: BTreeMap<(Day, CampaignId), DayCount>,
    draws: Vec<Draw>,
}

impl Gathered {
    /// The number of a campaign in the event.
    fn number(&mut self, terms: &Terms) -> u16 {
        if let Some(number) = self.numbers.get(&terms.id) {
            return *number;
        }
        let number = u16::try_from(self.campaigns.len()).expect("a batch has few lines");
        let claws_back = match terms.on_reversal {
            crate::campaign::terms::OnReversal::ClawBack => true,
            crate::campaign::terms::OnReversal::Keep => false,
        };
        self.campaigns.push(Party { campaign: terms.id.clone(), claws_back });
        self.numbers.insert(terms.id.clone(), number);
        number
    }
}

impl Statement {
    /// Looks at the oldest batch.
    pub(super) fn drawn(&self, source: Source, context: &Context<'_>) -> Drawn {
        let batch = self.batches.front().expect("each batch sends one message");
        let owner = self.owner.as_ref().expect("a batch was taken for someone");
        let mut gathered = Gathered::default();
        for (line, entry) in batch.entries.iter().enumerate().filter(|(_, entry)| entry.draws) {
            let content = entry.line.content();
            let purchase = Purchase {
                day: content.date,
                amount: content.amount,
                currency: owner.currency,
                merchant: content.merchant.as_ref(),
            };
            let catalogue = &context.policy.rewarding.catalogue;
            if let Some(terms) = catalogue.for_purchase(purchase, batch.today) {
                let line = u16::try_from(line).expect("a batch has few lines");
                self.draw(line, entry, terms, &mut gathered);
            }
        }
        Drawn {
            source,
            taken: batch.taken,
            campaigns: gathered.campaigns,
            draws: gathered.draws,
            clawed: self.reversed_in(batch),
            currency: owner.currency,
        }
    }

    fn draw(&self, line: u16, entry: &Entry, terms: &Terms, gathered: &mut Gathered) {
        let owner = self.owner.as_ref().expect("a batch was taken for someone");
        let (purchase, content) = (entry.line.purchase(), entry.line.content());
        let (day, amount) = (content.date, content.amount);
        let campaign = gathered.number(terms);
        let drawer = gathered.drawers.entry((campaign, day));
        let drawer = drawer.or_insert_with(|| Drawer::new(&seed(terms, day)));
        let key = business_key(&owner.wallet, purchase);
        let fate = match drawer.draw(&key, terms.odds, &terms.prizes) {
            None => Fate::Lost,
            Some(prize) => {
                let won = terms.prizes[usize::from(prize)].worth.of(amount);
                if self.is_within_limits(terms, day, won, gathered) {
                    Fate::Won { prize, amount: won }
                } else {
                    Fate::Limited { prize, amount: won }
                }
            }
        };
        let purchase = purchase.into();
        gathered.draws.push(Draw { line, campaign, purchase, day, amount, fate });
    }

    /// Whether a customer may win so much more; if so, it counts.
    fn is_within_limits(
        &self,
        terms: &Terms,
        day: Day,
        won: Amount,
        gathered: &mut Gathered,
    ) -> bool {
        let place = (day, terms.id.clone());
        let so_far = || self.rewards.by_day.get(&place).copied().unwrap_or_default();
        let count = gathered.counts.get(&place).copied().unwrap_or_else(so_far);
        let Some(amount) = count.amount.checked_add(won) else { return false };
        let next = DayCount { rewards: count.rewards + 1, amount };
        let limits = terms.limits;
        let fits = limits.rewards.is_none_or(|most| next.rewards <= most)
            && limits.amount.is_none_or(|most| next.amount <= most);
        if fits {
            gathered.counts.insert(place, next);
        }
        fits
    }

    /// What is taken back now because of the lines of a batch: granted, and not reversed before.
    fn reversed_in(&self, batch: &Batch) -> Vec<Clawed> {
        let taken_back = |(draw, line): (Seq, u16)| {
            let reward = self.rewards.get(draw, line).expect("a line leads to its reward");
            let again = planted::is(Bug::TakenBackTwice)
                && matches!(reward.status, RewardStatus::Granted | RewardStatus::TakenBack(_));
            let due = again || (reward.status == RewardStatus::Granted && !reward.reversed);
            (due && reward.claws_back).then(|| clawed(draw, line, reward))
        };
        // What is drawn now is not what a purchase of the same name won long ago.
        let drawn = batch.entries.iter().filter(|entry| entry.draws);
        let renewed = drawn.map(|entry| entry.line.purchase_slot()).collect();
        self.given_back_by(batch, &renewed).into_iter().filter_map(taken_back).collect()
    }

    /// The rewards whose purchases were given back, as far as the lines of a batch have to do with
    /// it: they say so, or they are posted lines of which others said so before. Those of `renewed`
    /// purchases are left out.
    fn given_back_by(&self, batch: &Batch, renewed: &HashSet<u64>) -> BTreeSet<(Seq, u16)> {
        let reward = |purchase: u64| {
            self.rewards.of_purchase(purchase).filter(|_| !renewed.contains(&purchase))
        };
        let mut rewards = BTreeSet::new();
        for line in batch.entries.iter().map(|entry| &entry.line) {
            match line.content().status {
                LineStatus::Posted if self.is_given_back(line) => {
                    rewards.extend(reward(line.purchase_slot()));
                }
                LineStatus::Pending | LineStatus::Posted => {}
                LineStatus::Reversed => {
                    let purchases = line.gives_back().flat_map(|slot| self.rewards.purchases(slot));
                    rewards.extend(purchases.filter_map(reward));
                }
            }
        }
        rewards
    }

    /// Whether a posted line, or its purchase, was given back.
    fn is_given_back(&self, line: &Line) -> bool {
        let slots = [line.slot(), line.purchase_slot()];
        slots.into_iter().any(|slot| self.window.is_given_back(slot))
    }

    /// What is told of rewards, and what is taken back because of it.
    pub(super) fn heard(&self, source: Source, news: &[RewardNews]) -> Heard {
        let owner = self.owner.as_ref().expect("rewards are of someone");
        let taken_back = |told: &RewardNews| {
            let reward = self.rewards.get(told.draw, told.line)?;
            let due = told.news == News::Credited && reward.reversed && reward.claws_back;
            due.then(|| clawed(told.draw, told.line, reward))
        };
        let clawed = news.iter().filter_map(taken_back).collect();
        let told = |told: &RewardNews| (told.draw, told.line, told.news.clone());
        let news = news.iter().map(told).collect();
        Heard { source, news, clawed, currency: owner.currency }
    }

    /// Writes what was looked at, recorded at `seq`.
    pub(super) fn write_drawn(&mut self, event: &Drawn, seq: Seq) {
        let batch = self.batches.pop_front().expect("a batch was looked at");
        assert_eq!(batch.taken, event.taken, "the oldest batch first");
        for entry in batch.entries.iter().filter(|entry| entry.draws) {
            self.rewards.drawn(entry.line.purchase_slot());
        }
        for draw in &event.draws {
            self.write_draw(draw, event, seq);
        }
        for line in batch.entries.iter().map(|entry| &entry.line) {
            if line.content().status == LineStatus::Posted {
                self.rewards.belongs(line.slot(), line.purchase_slot());
            }
        }
        for (draw, line) in self.given_back_by(&batch, &HashSet::new()) {
            self.rewards.reversed(draw, line);
        }
    }

    fn write_draw(&mut self, draw: &Draw, event: &Drawn, seq: Seq) {
        // Whether it was given back: its lines are asked with those of the whole batch.
        let Some(reward) = Reward::drawn(event, draw) else { return };
        if reward.status == RewardStatus::Won {
            let count = self.rewards.by_day.entry((draw.day, reward.campaign.clone())).or_default();
            count.rewards += 1;
            let sum = count.amount.checked_add(reward.amount);
            count.amount = sum.expect("checked with the draw");
        }
        self.rewards.won(seq, draw.line, reward);
    }
}

fn clawed(draw: Seq, line: u16, reward: &Reward) -> Clawed {
    Clawed { draw, line, campaign: reward.campaign.clone(), amount: reward.amount }
}
