//! Faults that are found while answers and outcomes come in, or when they are held against the
//! disk.
//!
//! Invariant: each test breaks one thing in what is right, and the auditor says which.

use super::story::{money, yes};
use super::{finds, found};
use crate::facts::{Granted, Outcome, Place, Refused, Said, Wish};

/// The operation that deposits: its number, and its place in what was heard.
const DEPOSIT_NUMBER: u32 = 4;
const DEPOSIT: usize = 4;

fn deposited() -> Granted {
    Granted::Deposited { amount: 100, balance_after: 100 }
}

#[test]
fn one_key_has_one_answer() {
    finds("two answers to one key", |story| {
        story.heard.push((DEPOSIT_NUMBER, yes(77, deposited())));
    });
}

#[test]
fn a_repeat_may_say_the_same_again_and_is_no_decision() {
    let again = |replayed| {
        found(|story| {
            let mut said = story.heard[DEPOSIT].1.clone();
            let Said::Accepted(accepted) = &mut said else { panic!("{said:?}") };
            accepted.replayed = replayed;
            story.heard.push((DEPOSIT_NUMBER, said));
        })
    };
    assert_eq!(again(true), Vec::<String>::new());
    assert!(again(false)[0].contains("decided twice"));
}

#[test]
fn a_decision_is_one_operation_s() {
    finds("was given to", |story| {
        let seq = story.heard[DEPOSIT].1.place().expect("it was recorded").seq;
        story.heard[DEPOSIT + 1].1 = yes(seq, deposited());
    });
}

#[test]
fn an_answer_is_on_the_operation_s_list() {
    finds("not an answer to it", |story| {
        story.heard.push((DEPOSIT_NUMBER, Said::Strange("five".to_owned())));
    });
}

#[test]
fn tickets_are_unique_and_in_the_order_of_arrival() {
    let invests = |story: &super::Story| {
        let of_deals = story.plan.planned.iter();
        let of_deals = of_deals.filter(|planned| matches!(planned.wish, Wish::Invest(_)));
        of_deals.map(|planned| planned.number as usize).collect::<Vec<_>>()
    };
    finds("for arrival", |story| {
        let [first, second] = invests(story)[..] else { panic!("two invest") };
        story.heard.swap(first, second);
    });
    finds("is also", |story| {
        let second = invests(story)[1];
        let seq = story.heard[second].1.place().expect("it has a ticket").seq;
        story.heard[second].1 = yes(seq, Granted::Waiting { ticket: 1, position: 1 });
    });
}

#[test]
fn outcomes_are_told_once_in_order_and_do_not_change() {
    finds("told twice", |story| {
        let mut again = story.told[0].clone();
        again.position = (500, 0);
        story.told.push(again);
    });
    finds("behind its position", |story| {
        let mut late = story.told[1].clone();
        late.position = (0, 5);
        story.told.push(late);
    });
    finds("an outcome changed", |story| {
        let mut other = story.told[0].clone();
        other.amount += 1;
        story.told.push(other);
    });
    finds("in the stream is", |story| story.told[2].amount += 1);
    finds("in the stream is", |story| drop(story.told.remove(3)));
    finds("are in the stream", |story| {
        let mut more = story.told[0].clone();
        (more.position, more.kind) = ((500, 0), "deposit.failed");
        story.told.push(more);
    });
}

#[test]
fn a_listener_that_begins_anew_hears_the_same() {
    let found = found(|story| {
        let again: Vec<Outcome> = story.told[..4].to_vec();
        story.told.extend(again);
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn what_was_acknowledged_is_on_disk_to_the_letter() {
    finds("and gone", |story| {
        let last = story.heard.len() - 1;
        story.heard[last].1 = yes(900, Granted::Opened);
    });
    finds("on disk is", |story| story.picture.records[DEPOSIT].fingerprint += 1);
    finds("on disk is", |story| story.picture.records[4].key = Some(3));
}

#[test]
fn positions_have_no_gaps() {
    finds("is missing before", |story| {
        story.picture.records.remove(0);
    });
}

#[test]
fn nothing_is_on_disk_that_nobody_wished() {
    finds("nobody wished it", |story| {
        story.heard.remove(DEPOSIT);
        story.plan.planned.remove(DEPOSIT);
    });
    finds("times under", |story| {
        let mut again = story.picture.records[DEPOSIT].clone();
        again.place.seq = story.picture.records.len() as u64 + 1;
        story.picture.records.push(again);
    });
}

#[test]
fn a_refusal_leaves_no_trace() {
    finds("and yet was told", |story| {
        let record = &mut story.picture.records[DEPOSIT];
        record.refused = true;
        let recorded = Some((record.place, record.fingerprint));
        let refused = Refused { code: "balance-overflow", recorded, replayed: false };
        story.heard[DEPOSIT].1 = Said::Refused(refused);
    });
}

#[test]
fn a_decision_that_nobody_heard_must_fit_a_wish_all_the_same() {
    let unheard = |amount| {
        found(|story| {
            story.heard.remove(DEPOSIT);
            let Wish::Deposit(wish) = &mut story.plan.planned[DEPOSIT].wish else {
                panic!("the fifth is a deposit")
            };
            wish.money = money(amount);
        })
    };
    assert_eq!(unheard(100), Vec::<String>::new());
    assert!(unheard(99)[0].contains("expected one deposit.posted of 99"));
    assert_eq!(Place { shard: 1, seq: 2 }.to_string(), "1:2");
}
