//! What follows from each decision of a wallet, and what its sums must be.
//!
//! A decision is checked against the wish behind it: a deposit is told once and no more, a payment
//! is posted or failed as its saga ended, a refund is told once, a refusal has left no trace. The
//! balance is then the sum of all that was told, and what is set aside belongs to what is under way.
//!
//! A decision of which nobody heard may belong to any of the wishes under its key; one must fit.
//!
//! Invariant: sums are made from the stream and the wishes, never from the wallet's own account.

use std::collections::BTreeMap;

use super::super::answers::Answers;
use super::super::case::Case;
use crate::facts::picture::SagaState;
use crate::facts::wish::Money;
use crate::facts::{Number, Outcome, Planned, Who, Wish, names};

pub(super) fn check(case: &Case<'_>, answers: &Answers, faults: &mut Vec<String>) {
    for (who, seq, record) in case.records() {
        let Who::Wallet(wallet) = who else { continue };
        if record.refused {
            nothing(case, wallet, seq, faults);
        } else if let Some(key) = record.key {
            let heard = answers.number(who, key).and_then(|number| case.planned(number));
            let wished = heard.map_or_else(|| case.wished(who, seq), |planned| vec![planned]);
            fits(case, wallet, seq, &wished, faults);
        } else if let Some(outcome) = case.told(who, seq).first() {
            faults.push(format!("told of {who} at {seq}, which no client wished: {outcome:?}"));
        }
    }
    unfounded(case, faults);
    refunds(case, faults);
    sums(case, faults);
}

/// A refusal has left no trace.
fn nothing(case: &Case<'_>, wallet: Number, seq: u64, faults: &mut Vec<String>) {
    for outcome in case.told(Who::Wallet(wallet), seq) {
        faults.push(format!("w{wallet} refused at {seq}, and yet was told: {outcome:?}"));
    }
    for prefix in ["pay", "txn"] {
        let id = made(prefix, wallet, seq);
        if case.saga(&id).is_some() {
            faults.push(format!("w{wallet} refused at {seq}, and yet there is a saga {id}"));
        }
    }
}

/// One of the wishes has led to this.
fn fits(case: &Case<'_>, wallet: Number, seq: u64, wished: &[&Planned], faults: &mut Vec<String>) {
    let mut why = None;
    for planned in wished {
        match follows(case, wallet, seq, &planned.wish) {
            Ok(()) => return,
            Err(what) => why = Some(format!("{}: {what}", planned.describe())),
        }
    }
    faults.extend(why);
}

/// Whether what was told is what follows from a wish.
fn follows(case: &Case<'_>, wallet: Number, seq: u64, wish: &Wish) -> Result<(), String> {
    let told = case.told(Who::Wallet(wallet), seq);
    match wish {
        Wish::Deposit(deposit) => once(told, "deposit.posted", deposit.money),
        Wish::Pay(pay) => {
            let id = made("pay", wallet, seq);
            if case.saga(&id).is_none() {
                let Some(first) = told.first() else {
                    return Err(format!("neither posted nor on its way: {id}"));
                };
                if first.provider != Some(pay.provider) {
                    return Err(format!("paid to another one: {first:?}"));
                }
                return once(told, "payment.posted", pay.money);
            }
            by_saga(case, &id, told, ["payment.posted", "payment.failed"], pay.money)
        }
        Wish::Pull(pull) => {
            let id = made("txn", wallet, seq);
            if case.saga(&id).is_none() {
                return Err(format!("nobody brings it about: {id}"));
            }
            by_saga(case, &id, told, ["deposit.posted", "deposit.failed"], pull.money)
        }
        Wish::Refund(refund) => refunded(case, wallet, seq, refund.amount),
        Wish::OpenWallet(_) | Wish::Freeze(_) => none(told),
        Wish::Register(_)
        | Wish::OpenDeal(_)
        | Wish::Invest(_)
        | Wish::Withdraw(_)
        | Wish::Cancel(_)
        | Wish::CloseDeal(_)
        | Wish::Settle(_)
        | Wish::Activities(_)
        | Wish::Announce(_)
        | Wish::Pause(_)
        | Wish::Lines(_)
        | Wish::Lend(_)
        | Wish::Ring(_) => Err("no wallet was asked for it".to_owned()),
    }
}

fn none(told: &[&Outcome]) -> Result<(), String> {
    if told.is_empty() { Ok(()) } else { Err(format!("nothing follows from it, but {told:?}")) }
}

/// Told once, with this money, and nothing else.
fn once(told: &[&Outcome], kind: &str, money: Money) -> Result<(), String> {
    if let [one] = told
        && one.kind == kind
        && one.amount == money.amount
        && one.currency == money.currency
    {
        return Ok(());
    }
    Err(format!("expected one {kind} of {} {}, told {told:?}", money.amount, money.currency))
}

/// Told as its saga ended.
fn by_saga(
    case: &Case<'_>,
    id: &str,
    told: &[&Outcome],
    [well, ill]: [&str; 2],
    money: Money,
) -> Result<(), String> {
    match case.ended(id) {
        Some(SagaState::Done) => once(told, well, money),
        Some(SagaState::Failed | SagaState::Cancelled) => once(told, ill, money),
        // Whether it may still be under way, the check of sagas says.
        Some(SagaState::Running | SagaState::Undoing) | None if told.len() <= 1 => Ok(()),
        Some(SagaState::Running | SagaState::Undoing) | None => {
            Err(format!("{id} is under way, and told {told:?}"))
        }
    }
}

/// A refund has two decisions under its key: the first is told, the second is the money's arrival.
fn refunded(case: &Case<'_>, wallet: Number, seq: u64, amount: Option<i64>) -> Result<(), String> {
    let who = Who::Wallet(wallet);
    let key = case.record(who, seq).and_then(|record| record.key);
    let both = case.under_key(who, key);
    let told = case.told(who, seq);
    if both.first() != Some(&seq) {
        return none(told);
    }
    if both.len() != 2 {
        return Err(format!("the money asked for at {seq} did not arrive once: {both:?}"));
    }
    match told {
        [one] if one.kind == "refund.posted" && amount.is_none_or(|some| some == one.amount) => {
            Ok(())
        }
        _ => Err(format!("expected one refund.posted of {amount:?}, told {told:?}")),
    }
}

/// Everything that was told has a decision behind it.
fn unfounded(case: &Case<'_>, faults: &mut Vec<String>) {
    for outcome in &case.picture.outcomes {
        let Some(who) = super::super::case::about(outcome) else {
            faults.push(format!("about nobody: {outcome:?}"));
            continue;
        };
        if case.record(who, outcome.seq).is_none() {
            faults.push(format!("told, and never decided: {outcome:?}"));
        }
    }
}

/// Never more is given back than was paid.
fn refunds(case: &Case<'_>, faults: &mut Vec<String>) {
    let mut left: BTreeMap<(Number, u64), i128> = BTreeMap::new();
    for outcome in &case.picture.outcomes {
        let Some(wallet) = outcome.wallet else { continue };
        match outcome.kind {
            "payment.posted" => {
                left.insert((wallet, outcome.seq), outcome.amount.into());
            }
            "refund.posted" => {
                let left = outcome.payment.and_then(|seq| left.get_mut(&(wallet, seq)));
                match left {
                    Some(left) if *left >= i128::from(outcome.amount) => {
                        *left -= i128::from(outcome.amount);
                    }
                    Some(left) => {
                        faults.push(format!("{left} was left of the payment: {outcome:?}"));
                    }
                    None => faults.push(format!("there was no such payment: {outcome:?}")),
                }
            }
            _ => {}
        }
    }
}

/// What each wallet has by all that was told.
fn sums(case: &Case<'_>, faults: &mut Vec<String>) {
    let mut sums: BTreeMap<Number, i128> = BTreeMap::new();
    for outcome in &case.picture.outcomes {
        let Some(wallet) = outcome.wallet else { continue };
        *sums.entry(wallet).or_default() += change(case, outcome);
    }
    for wallet in &case.picture.wallets {
        let expected = sums.remove(&wallet.number).unwrap_or(0);
        if expected != i128::from(wallet.posted) {
            faults.push(format!(
                "w{}: told {expected} in all, holds {} {}",
                wallet.number, wallet.posted, wallet.currency
            ));
        }
        let held: i128 = wallet.holds.iter().map(|(_, amount)| i128::from(*amount)).sum();
        let available = i128::from(wallet.posted) - held;
        if held != i128::from(wallet.held) || available != i128::from(wallet.available) {
            faults.push(format!("the sums are wrong of {wallet:?}"));
        }
        if available < -i128::from(wallet.credit_limit) {
            faults.push(format!("below its limit: {wallet:?}"));
        }
        for (name, amount) in &wallet.holds {
            if case.ended(name).is_some() || case.saga(name).is_none() {
                faults.push(format!(
                    "w{}: {amount} is set aside for {name}, which is not under way",
                    wallet.number
                ));
            }
        }
    }
    for (wallet, sum) in sums {
        faults.push(format!("w{wallet} was told {sum} and does not exist"));
    }
}

/// By how much an outcome changes the wallet's balance.
fn change(case: &Case<'_>, outcome: &Outcome) -> i128 {
    let amount = i128::from(outcome.amount);
    match outcome.kind {
        "deposit.posted" | "refund.posted" | "reward.granted" => amount,
        "payment.posted" | "reward.clawed-back" => -amount,
        "investment.confirmed" if !case.is_from_bank(outcome) => -amount,
        _ => 0,
    }
}

fn made(prefix: &str, wallet: Number, seq: u64) -> String {
    format!("{prefix}_{seq}_{}", names::wallet(wallet))
}
