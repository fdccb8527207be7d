//! Rewards: each purchase drawn once, each win decided once, no budget exceeded.
//!
//! What a statement took was wished. A purchase is drawn in one campaign, once. A win is granted or
//! refused, once, unless its campaign pauses; what is granted is what listeners were told, less what
//! was taken back, and never more than the budget, at no moment of the stream.
//!
//! Invariant: a campaign's counts are those of its draws.

use std::collections::{BTreeMap, BTreeSet};

use super::super::case::Case;
use crate::facts::given::Stage;
use crate::facts::picture::{Campaign, Draw, Fate, Statement};
use crate::facts::{Number, Outcome, Who, Wish};

/// What is counted of a campaign's draws.
#[derive(Default)]
struct Counts {
    draws: u64,
    wins: u64,
    granted: u64,
    refused: u64,
    open: u64,
}

pub(super) fn check(case: &Case<'_>, faults: &mut Vec<String>) {
    budgets(case, faults);
    let mut counts: BTreeMap<Number, Counts> = BTreeMap::new();
    for statement in &case.picture.statements {
        taken(case, statement, faults);
        once(statement, faults);
        for draw in &statement.draws {
            let told = rewards_of(case, statement.wallet, draw);
            let counts = counts.entry(draw.campaign).or_default();
            count(counts, draw, &told);
            fate(statement.wallet, draw, &told, faults);
        }
    }
    for campaign in &case.picture.campaigns {
        let counts = counts.remove(&campaign.number).unwrap_or_default();
        compare(campaign, &counts, faults);
    }
    for (campaign, _) in counts {
        faults.push(format!("c{campaign} draws and does not exist"));
    }
}

/// Never more than the budget, at no moment; at rest, the sum is the campaign's.
fn budgets(case: &Case<'_>, faults: &mut Vec<String>) {
    let mut granted: BTreeMap<Number, i128> = BTreeMap::new();
    let mut back: BTreeMap<Number, i128> = BTreeMap::new();
    let campaigns = &case.picture.campaigns;
    let budget = |number| campaigns.iter().find(|one| one.number == number);
    for outcome in &case.picture.outcomes {
        let Some((campaign, _)) = outcome.reward else { continue };
        let amount = i128::from(outcome.amount);
        match outcome.kind {
            "reward.granted" => *granted.entry(campaign).or_default() += amount,
            "reward.clawed-back" => {
                *granted.entry(campaign).or_default() -= amount;
                *back.entry(campaign).or_default() += amount;
            }
            _ => {}
        }
        let sum = granted.get(&campaign).copied().unwrap_or(0);
        if budget(campaign).is_none_or(|one| sum > i128::from(one.budget)) {
            faults.push(format!("c{campaign}: {sum} is granted with {outcome:?}"));
        }
    }
    for campaign in campaigns {
        let granted = granted.get(&campaign.number).copied().unwrap_or(0);
        let back = back.get(&campaign.number).copied().unwrap_or(0);
        if granted != i128::from(campaign.granted) || back != campaign.taken_back {
            faults.push(format!("told {granted} granted and {back} taken back: {campaign:?}"));
        }
    }
}

/// What was taken was wished, each line once for each of its stages.
fn taken(case: &Case<'_>, statement: &Statement, faults: &mut Vec<String>) {
    let mut wished = BTreeSet::new();
    for planned in case.operations() {
        if let Wish::Lines(wish) = &planned.wish
            && wish.wallet == statement.wallet
        {
            let lines = wish.lines.iter();
            wished.extend(lines.map(|line| (line.number, line.stage as u8, line.money.amount)));
        }
    }
    let mut seen = BTreeSet::new();
    for line in &statement.taken {
        let (number, stage) = (line.number, line.stage as u8);
        if !wished.contains(&(number, stage, line.amount)) {
            faults.push(format!("w{} took what nobody wished: {line:?}", statement.wallet));
        }
        if !seen.insert((number, stage)) {
            faults.push(format!("w{} took a line again: {line:?}", statement.wallet));
        }
    }
}

/// A purchase is drawn once, by a posted line.
fn once(statement: &Statement, faults: &mut Vec<String>) {
    let lines: BTreeMap<_, _> = statement.taken.iter().map(|line| (line.at, line)).collect();
    let mut drawn = BTreeSet::new();
    for draw in &statement.draws {
        if !drawn.insert(draw.purchase) {
            faults.push(format!("w{}: drawn again: {draw:?}", statement.wallet));
        }
        let line = lines.get(&(draw.taken, draw.at.1));
        if !line.is_some_and(|line| line.stage == Stage::Posted && line.amount == draw.amount) {
            faults.push(format!("w{}: drawn for {line:?}: {draw:?}", statement.wallet));
        }
    }
}

/// What listeners were told of a draw.
fn rewards_of<'a>(case: &Case<'a>, wallet: Number, draw: &Draw) -> Vec<&'a Outcome> {
    let told = case.told(Who::Statement(wallet), draw.at.0).iter();
    told.filter(|one| one.reward == Some((draw.campaign, draw.at.1))).copied().collect()
}

fn count(counts: &mut Counts, draw: &Draw, told: &[&Outcome]) {
    counts.draws += 1;
    match draw.fate {
        Fate::Won(_) => counts.wins += 1,
        Fate::Lost | Fate::Limited => return,
    }
    match told.first().map(|outcome| outcome.kind) {
        Some("reward.granted") => counts.granted += 1,
        Some("reward.refused") => counts.refused += 1,
        Some(_) => {}
        None => counts.open += 1,
    }
}

/// What was told is what a draw came to.
fn fate(wallet: Number, draw: &Draw, told: &[&Outcome], faults: &mut Vec<String>) {
    let kinds: Vec<_> = told.iter().map(|outcome| outcome.kind).collect();
    let fair = match draw.fate {
        Fate::Lost | Fate::Limited => kinds.is_empty(),
        Fate::Won(amount) => match kinds.as_slice() {
            // Whether it may still wait, the campaign's counts say.
            [] | ["reward.refused"] => true,
            ["reward.granted"] => told[0].amount == amount,
            ["reward.granted", "reward.clawed-back"] => {
                told[0].amount == amount && (0..=amount).contains(&told[1].amount)
            }
            _ => false,
        },
    };
    if !fair {
        faults.push(format!("w{wallet}: {draw:?}, told {told:?}"));
    }
}

/// A campaign has counted what was drawn and told; only while it pauses do wins wait.
fn compare(campaign: &Campaign, counts: &Counts, faults: &mut Vec<String>) {
    let (granted, exhausted, failed) = campaign.decided;
    let is_right = campaign.drawn == (counts.draws, counts.wins)
        && granted == counts.granted
        && exhausted + failed == counts.refused
        && campaign.waiting == counts.open
        && (campaign.paused || campaign.waiting == 0)
        && campaign.granted <= campaign.budget;
    if !is_right {
        let Counts { draws, wins, granted, refused, open } = counts;
        faults.push(format!(
            "counted {draws} draws, {wins} wins, {granted} granted, {refused} refused, {open} open: \
             {campaign:?}"
        ));
    }
}
