//! Faults that are found at rest: sums, third parties, sagas, and what follows from each decision.
//!
//! Invariant: each test breaks one thing in what is right, and the auditor says which.

use super::{finds, found};
use crate::facts::picture::{Entry, EntryKind, EntryState, Fate, Picture, SagaState};

fn entry<'a>(picture: &'a mut Picture, of: &str) -> &'a mut Entry {
    let mut entries = picture.entries.iter_mut();
    entries.find(|entry| entry.key.starts_with(of)).expect("it is in the story")
}

#[test]
fn a_balance_is_the_sum_of_what_was_told() {
    finds("told 80 in all", |story| {
        story.picture.wallets[0].posted += 1;
        story.picture.wallets[0].available += 1;
    });
}

#[test]
fn a_deposit_is_booked_once() {
    finds("expected one deposit.posted", |story| {
        story.told.remove(0);
        story.picture.outcomes.remove(0);
    });
    finds("expected one deposit.posted", |story| {
        let mut again = story.told[0].clone();
        again.position = (500, 0);
        story.told.push(again.clone());
        story.picture.outcomes.push(again);
    });
}

#[test]
fn what_is_set_aside_belongs_to_something_under_way() {
    finds("which is not under way", |story| {
        let wallet = &mut story.picture.wallets[0];
        wallet.holds.push(("inv_9_d0".to_owned(), 5));
        (wallet.held, wallet.available) = (5, 75);
    });
    finds("the sums are wrong", |story| story.picture.wallets[0].held = 1);
}

#[test]
fn nobody_is_below_the_limit() {
    finds("below its limit", |story| {
        let wallet = &mut story.picture.wallets[1];
        (wallet.posted, wallet.available) = (-1, -1);
    });
}

#[test]
fn no_more_is_given_back_than_was_paid() {
    finds("was left of the payment", |story| {
        for outcome in [&mut story.told[2], &mut story.picture.outcomes[2]] {
            assert_eq!(outcome.kind, "refund.posted");
            outcome.amount = 31;
        }
    });
    finds("there was no such payment", |story| {
        for outcome in [&mut story.told[2], &mut story.picture.outcomes[2]] {
            outcome.payment = Some(3);
        }
    });
}

#[test]
fn a_provider_has_what_was_told() {
    finds("told 35 in all", |story| story.picture.providers[0].accrued = 1);
    finds("was paid out", |story| {
        let provider = &mut story.picture.providers[0];
        (provider.accrued, provider.reimbursed) = (1, 34);
    });
    finds("nothing is under way", |story| {
        let provider = &mut story.picture.providers[0];
        (provider.in_reimbursement, provider.reimbursed) = (5, 30);
    });
    finds("expected one reimbursement.paid", |story| {
        let is_it = |kind: &str| kind != "reimbursement.paid";
        story.told.retain(|outcome| is_it(outcome.kind));
        story.picture.outcomes.retain(|outcome| is_it(outcome.kind));
    });
}

#[test]
fn an_activity_counts_once_as_wished() {
    finds("again at", |story| {
        let again = story.picture.providers[0].noted[0];
        story.picture.providers[0].noted.push(again);
    });
    finds("nobody wished it", |story| story.picture.providers[0].noted[0].2 = 16);
    finds("said new", |story| story.picture.providers[0].noted[0].0 = 3);
}

#[test]
fn third_parties_have_what_sagas_say() {
    for of in ["pay_", "txn_", "rmb_", "a7/1"] {
        finds("was to be taken", |story| {
            entry(&mut story.picture, of).state = EntryState::Declined;
        });
    }
    finds("pulls and", |story| {
        let mut again = entry(&mut story.picture, "txn_").clone();
        again.key.push('2');
        story.picture.entries.push(again);
    });
    finds("twice under one key", |story| {
        let again = entry(&mut story.picture, "pay_").clone();
        story.picture.entries.push(again);
    });
    finds("was given back of", |story| {
        let mut back = entry(&mut story.picture, "txn_").clone();
        (back.kind, back.amount) = (EntryKind::Refund, 41);
        back.key.push_str("/undo");
        story.picture.entries.push(back);
    });
    finds("which is not there", |story| {
        entry(&mut story.picture, "a7/d1").key = "a8/d1/1".to_owned();
    });
    finds("which never began", |story| {
        entry(&mut story.picture, "txn_").key = "txn_99_w0/1/pull".to_owned();
    });
}

#[test]
fn a_saga_that_failed_gave_everything_back() {
    finds("ended as Failed", |story| {
        let mut sagas = story.picture.sagas.iter_mut();
        let saga = sagas.find(|saga| saga.id.starts_with("txn_")).expect("it is in the story");
        saga.state = SagaState::Failed;
    });
}

#[test]
fn sagas_end_unless_a_third_party_never_answers() {
    finds("hangs", |story| story.picture.sagas[0].state = SagaState::Running);
    let excused = found(|story| {
        story.picture.sagas[0].state = SagaState::Running;
        entry(&mut story.picture, "pay_").state = EntryState::Pending;
    });
    assert!(excused.iter().all(|fault| !fault.contains("hangs")), "{excused:?}");
    finds("is over and holds", |story| story.picture.sagas[0].held = 3);
}

#[test]
fn a_wish_that_needs_a_saga_has_one() {
    finds("nobody brings it about", |story| {
        story.picture.sagas.retain(|saga| !saga.id.starts_with("txn_"));
        story.picture.entries.retain(|entry| !entry.key.starts_with("txn_"));
    });
}

#[test]
fn money_sums_to_zero_and_none_is_lost() {
    finds("do not balance by 1", |story| story.picture.books[0].accounts += 1);
    finds("got lost between", |story| {
        let books = &mut story.picture.books[0];
        (books.in_transit, books.external) = (2, books.external - 2);
    });
    finds("came from outside", |story| {
        let books = &mut story.picture.books[0];
        (books.accounts, books.external) = (76, -76);
    });
    finds("all accounts hold 75", |story| {
        let books = &mut story.picture.books[0];
        (books.accounts, books.external) = (76, -76);
    });
}

#[test]
fn a_budget_holds_and_each_win_is_decided_once() {
    finds("is granted with", |story| story.picture.campaigns[0].budget = 4);
    finds("taken back", |story| story.picture.campaigns[0].granted = 6);
    finds("counted 1 draws", |story| story.picture.campaigns[0].drawn = (2, 1));
    finds("counted 1 draws", |story| story.picture.campaigns[0].waiting = 1);
    finds("does not exist", |story| story.picture.campaigns.clear());
    finds("told [Outcome", |story| story.picture.statements[0].draws[0].fate = Fate::Lost);
}

#[test]
fn a_purchase_is_drawn_once_by_a_line_that_someone_wished() {
    finds("drawn again", |story| {
        let again = story.picture.statements[0].draws[0].clone();
        story.picture.statements[0].draws.push(again);
    });
    finds("drawn for None", |story| story.picture.statements[0].draws[0].at.1 = 3);
    finds("took what nobody wished", |story| story.picture.statements[0].taken[0].amount = 9);
    finds("took a line again", |story| {
        let again = story.picture.statements[0].taken[0].clone();
        story.picture.statements[0].taken.push(again);
    });
}

#[test]
fn an_advance_is_collected_once_and_no_more() {
    finds("the sums are wrong", |story| story.picture.advances[0].collected = 31);
    finds("its credit ended", |story| story.picture.advances[0].status = "pending");
    finds("was collected 2 times", |story| {
        let second = &mut story.picture.advances[0].debits[1];
        (second.replaces, second.status) = (Some(1), "succeeded");
    });
    finds("its debits have collected 0", |story| {
        story.picture.advances[0].debits[0].status = "failed";
    });
    finds("pulled and", |story| entry(&mut story.picture, "a7/d1").state = EntryState::Declined);
    finds("the processor has", |story| {
        entry(&mut story.picture, "a7/d1").key = "a7/d5/1".to_owned();
    });
    finds("told active, 29 less 0", |story| {
        for outcomes in [&mut story.told, &mut story.picture.outcomes] {
            let mut outcomes = outcomes.iter_mut();
            let last = outcomes.find(|outcome| outcome.kind == "advance.debit.succeeded");
            last.expect("it is in the story").amount = 29;
        }
    });
}

#[test]
fn what_was_told_was_decided_by_a_member() {
    finds("never decided", |story| {
        for outcome in [&mut story.told[0], &mut story.picture.outcomes[0]] {
            outcome.seq = 400;
        }
    });
}
