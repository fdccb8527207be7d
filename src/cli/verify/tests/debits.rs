//! The debits of advances, and what the processor is asked: what may not be is found and named.
//!
//! A debit is due on its day, ends once, is replaced or not as it should, and is submitted once
//! under each key, for what is owed.
//!
//! The journal stands alone, as if nothing had been saved, so that nothing disagrees but what is
//! changed.

use bursar_domain::advance::{Ask, Event, Next, Then};

use super::advances::{check_alone, day};
use super::*;

#[test]
fn what_follows_a_failure_is_checked() {
    let failed = |from: Then, to: Then| {
        move |event: &mut Event| {
            let Event::Failed { then, .. } = event else { return false };
            let is_it = *then == from;
            if is_it {
                *then = to;
            }
            is_it
        }
    };
    check_alone(
        "bad",
        failed(Then::Replaced, Then::Nothing),
        &[
            &["advance/bad, record ", "after debit 1 part 0 is still owed"],
            &["advance/bad, record ", "nobody asks for part 0 of the amount"],
            &["advance/bad, record ", "it answers with counts that are not what happened"],
            &["advance/bad, record ", "there is no debit 3"],
            &["advance/bad, record ", "attempt 1 at debit 3, after 0"],
            &["advance/bad, record ", "the processor is called, and nobody wants debit 3"],
            &[
                "advance/bad, record ",
                "a run waits for its answer, and nothing is under way for it",
            ],
            &["advance/bad, record ", "debit 3 fails, which is scheduled"],
        ],
    );
    check_alone(
        "bad",
        failed(Then::Again, Then::Replaced),
        &[
            &["advance/bad, record ", "attempt 2 at debit 1, after 1"],
            &["advance/bad, record ", "the processor is called, and nobody wants debit 1"],
            &[
                "advance/bad, record ",
                "a run waits for its answer, and nothing is under way for it",
            ],
            &["advance/bad, record ", "debit 1 fails, which is failed"],
            &["advance/bad, record ", "part 0 is asked for 2 times"],
            &["advance/bad, record ", "it answers with counts that are not what happened"],
        ],
    );
    check_alone(
        "late",
        |event| {
            let Event::FellSilent { then, .. } = event else { return false };
            *then = Then::Again;
            true
        },
        &[
            &["advance/late, record ", "debit 1 fell silent, and is presented again"],
            &["advance/late, record ", "there is no debit 2"],
            &["advance/late, record ", "money came for debit 1, which is due"],
        ],
    );
    check_alone(
        "late",
        |event| {
            let Event::Submitted { silent_on, .. } = event else { return false };
            *silent_on = day(60);
            true
        },
        &[&["advance/late, record ", "debit 1 counts as silent only on 1970-03-02"]],
    );
}

#[test]
fn a_debit_before_its_day_or_without_need_is_named() {
    check_alone(
        "good",
        |event| {
            let Event::Staged { debits } = event else { return false };
            debits.push(3);
            true
        },
        &[
            &["advance/good, record ", "debit 3 became due before its day, which is 1970-01-04"],
            &[
                "advance/good, record ",
                "it answers with counts that are not what happened",
                "2 staged",
            ],
            &["advance/good, record ", "debit 3 is due; it should be scheduled before this"],
        ],
    );
    check_alone(
        "late",
        |event| {
            let Event::Cancelled { debit } = event else { return false };
            *debit = 1;
            true
        },
        &[
            &["advance/late, record ", "debit 1 is cancelled, which is succeeded"],
            &["advance/late, record ", "debit 1 is cancelled, and part 0 is owed"],
            &[
                "advance/late, record ",
                "50.00 is collected and 0.00 written off; the debits come to 0.00",
            ],
        ],
    );
    check_alone(
        "good",
        |event| {
            let Event::Staged { debits } = event else { return false };
            *debits = vec![7];
            true
        },
        &[
            &["advance/good, record ", "debit 7 became due before its day, which is 1970-01-08"],
            &["advance/good, record ", "there is no debit 7"],
            &["advance/good, record ", "attempt 1 at debit 1, after 0"],
            &["advance/good, record ", "the processor is called, and nobody wants debit 1"],
            &[
                "advance/good, record ",
                "a run waits for its answer, and nothing is under way for it",
            ],
            &["advance/good, record ", "money came for debit 1, which is scheduled"],
            &["advance/good, record ", "it answers with counts that are not what happened"],
        ],
    );
}

#[test]
fn a_key_that_is_used_twice_is_named() {
    let mut called = 0;
    check_alone(
        "bad",
        |event| {
            let Event::Called(call) = event else { return false };
            called += 1;
            let is_it = called == 2;
            if is_it {
                assert_eq!((call.debit, call.attempt), (1, 2));
                call.attempt = 1;
            }
            is_it
        },
        &[
            &["advance/bad, record ", "the key bad/d1/1 was used before"],
            &["advance/bad, record ", "attempt 1 at debit 1, after 2"],
        ],
    );
}

#[test]
fn a_call_for_what_is_not_owed_is_named() {
    let pull = |change: fn(&mut Ask)| {
        move |event: &mut Event| {
            let Event::Called(call) = event else { return false };
            change(&mut call.ask);
            true
        }
    };
    check_alone(
        "good",
        pull(|ask| {
            let Ask::Pull { amount, .. } = ask else { panic!("it pulls") };
            *amount = Amount::from_minor(4_002);
        }),
        &[&["advance/good, record ", "the call about debit 1 is not what is to be asked now"]],
    );
    check_alone(
        "good",
        pull(|ask| {
            let Ask::Pull { account, .. } = ask else { panic!("it pulls") };
            *account = "other".into();
        }),
        &[&["advance/good, record ", "the call about debit 1 is not what is to be asked now"]],
    );
    check_alone(
        "good",
        pull(|ask| *ask = Ask::Find),
        &[
            &["advance/good, record ", "attempt 1 at debit 1, after 0"],
            &["advance/good, record ", "the processor is called, and nobody wants debit 1"],
            &[
                "advance/good, record ",
                "a run waits for its answer, and nothing is under way for it",
            ],
            &["advance/good, record ", "money came for debit 1, which is due"],
            &["advance/good, record ", "it answers with counts that are not what happened"],
        ],
    );
    check_alone(
        "slow",
        |event| {
            let Event::Called(call) = event else { return false };
            let Ask::Refund { refusals, .. } = &mut call.ask else { return false };
            let is_it = *refusals == 1;
            *refusals = 0;
            is_it
        },
        &[&["advance/slow, record ", "the call about debit 2 is not what is to be asked now"]],
    );
    check_alone(
        "good",
        |event| {
            let Event::Called(call) = event else { return false };
            call.number = 2;
            true
        },
        &[
            &["advance/good, record ", "call 2 follows call 0"],
            &["advance/good, record ", "call 2 follows call 2"],
        ],
    );
}

#[test]
fn a_debit_that_is_submitted_blindly_is_named() {
    check_alone(
        "lost",
        |event| {
            let Event::Unanswered { next, .. } = event else { return false };
            *next = Next::Make;
            true
        },
        &[
            &[
                "advance/lost, record ",
                "debit 1 is to be called for again, and it is not known how it stands",
            ],
            &["advance/lost, record ", "the call about debit 1 is not what is to be asked now"],
        ],
    );
    let mut pull = None;
    check_alone(
        "lost",
        |event| {
            let Event::Called(call) = event else { return false };
            match &call.ask {
                ask @ Ask::Pull { .. } => {
                    pull = Some(ask.clone());
                    false
                }
                Ask::Find | Ask::Refund { .. } | Ask::FindRefund { .. } => {
                    call.ask = pull.clone().expect("the first call comes first");
                    true
                }
            }
        },
        &[&["advance/lost, record ", "the call about debit 1 is not what is to be asked now"]],
    );
    check_alone(
        "kept",
        |event| {
            let is_it = matches!(event, Event::Deferred { .. });
            if is_it {
                *event = Event::Ignored { contradicted: 0, strange: 0 };
            }
            is_it
        },
        &[
            &["advance/kept, record ", "it answers with counts that are not what happened"],
            &["advance/kept, record ", "the processor is called, and another call is under way"],
        ],
    );
}
