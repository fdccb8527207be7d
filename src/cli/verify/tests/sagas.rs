//! Sagas, compensations and who takes part in them: what may not be is found and named.
//!
//! Where a fault would drag others along, the journal stands alone, as if nothing had been saved; so
//! there is no snapshot, no book and no outcome that would disagree as well, and what nobody receives
//! any more is still on its way.

use bursar_domain::call::Request;
use bursar_domain::compensation::{self, Compensation};
use bursar_domain::message::{About, OutcomeKind};
use bursar_domain::record::Recorded;
use bursar_domain::saga::{self, End, Event, Failure, Saga};
use bursar_domain::time::Timestamp;
use bursar_snapshots::store::Waits;

use super::invest::{Cast, cast, compensation_of, deal_id, saga_of};
use super::*;

/// Changes the first event of an entity in the journal of a world of which `change` says that it
/// did.
fn check_alone<E: Recorded>(
    of: impl Fn(&Cast) -> EntityId,
    change: impl FnMut(&mut E::Event) -> bool,
    expected: &[&[&str]],
) {
    let cast = cast().in_the_tail();
    let id = of(&cast);
    let mut disk = cast.world.disk.alone();
    disk.change::<E>(&id, change);
    expect(&disk, expected);
}

fn ann(cast: &Cast) -> EntityId {
    saga_of("tower", cast.ann)
}

fn gus(cast: &Cast) -> EntityId {
    saga_of("quay", cast.gus)
}

fn undoing_of_gus(cast: &Cast) -> EntityId {
    compensation_of("quay", cast.gus)
}

fn deposit(seq: Seq) -> EntityId {
    EntityId::saga(format!("txn_{seq}_ann"))
}

#[test]
fn a_compensation_that_is_missing_is_named() {
    check_cast(
        |disk, cast| {
            let id = compensation_of("tower", cast.ben);
            disk.forget(&id, |_| true);
            disk.snapshots.remove(&id);
        },
        &[
            &["saga/inv_", "_tower", "it was undone, but it has no compensation"],
            &["shard ", "are in no history"],
            &["message of shard ", "(compensation of 0.00 EUR)", "it was never received"],
            &["message of shard ", "(reply)", "it was never received"],
            &["message of shard ", "(reply)", "that record did not send it"],
            &["message of shard ", "(end of a mark)", "that record did not send it"],
            &["message of shard ", "(end of a place)", "that record did not send it"],
        ],
    );
}

#[test]
fn money_that_is_left_is_named() {
    check_alone::<Saga>(
        gus,
        |event| {
            let Event::UndoingBegun { undoing, .. } = event else { return false };
            undoing.money = Amount::ZERO;
            true
        },
        &[
            &["saga/inv_", "it holds 900.00 and hands over 0.00"],
            &["saga/inv_", "it ends and holds 900.00 EUR"],
            &["message of shard ", "what was received differs: compensation of 900.00 EUR"],
            &["the trial balance in EUR", "come to 900.00"],
        ],
    );
    check_alone::<Compensation>(
        undoing_of_gus,
        |event| {
            let compensation::Event::Undone { returned, .. } = event else { return false };
            let is_it = returned.is_positive();
            *returned = Amount::ZERO;
            is_it
        },
        &[
            &["compensation/inv_", "0.00 went back with undo 1; it should be 900.00"],
            &["compensation/inv_", "it ends and holds 900.00 EUR"],
        ],
    );
}

#[test]
fn steps_that_do_not_follow_are_named() {
    check_alone::<Saga>(
        ann,
        |event| {
            let Event::StepSkipped { step, .. } = event else { return false };
            *step = 1;
            true
        },
        &[
            &["saga/inv_", "step 1 begins; 2 have begun before"],
            &["saga/inv_", "step 1 was passed by, and had something to do"],
        ],
    );
    check_alone::<Saga>(
        ann,
        |event| {
            let Event::StepSkipped { step, at, .. } = event else { return false };
            *event =
                Event::StepDone { step: *step, at: *at, source: None, found: saga::Found::Nothing };
            true
        },
        &[
            &["saga/inv_", "step 2 has an answer that nobody waits for"],
            &["saga/inv_", "it is about step 2; 2 have begun"],
            &["saga/inv_", "step 2 (pull) found what it was not to find"],
            &["saga/inv_", "step 3 begins; 2 have begun before"],
        ],
    );
}

#[test]
fn a_step_that_does_something_else_is_named() {
    check_alone::<Saga>(
        gus,
        |event| {
            let Event::StepBegun { action: saga::Action::Call(call), .. } = event else {
                return false;
            };
            let Request::Pull { amount, .. } = &mut call.request else { return false };
            *amount = Amount::from_minor(90_001);
            true
        },
        &[&["saga/inv_", "step 2 calls for what is not its to call for"]],
    );
    check_alone::<Saga>(
        gus,
        |event| {
            let Event::UndoingBegun { undoing, .. } = event else { return false };
            undoing.undos.swap(0, 1);
            true
        },
        &[
            &["saga/inv_", "to be undone [pull, documents, mark, reserve]; what was done is [doc"],
            &["message of shard ", "what was received differs: compensation of 900.00 EUR"],
        ],
    );
}

#[test]
fn a_repeat_that_is_another_wish_is_named() {
    let repeated = |event: &mut Event, change: &dyn Fn(&mut bursar_domain::call::Call)| {
        let Event::CallRepeated { call, .. } = event else { return false };
        change(call);
        true
    };
    check_alone::<Saga>(
        |cast| deposit(cast.unknown),
        |event| repeated(event, &|call| call.key = "other".into()),
        &[&["saga/txn_", "/pull\" is repeated under \"other\""]],
    );
    check_alone::<Saga>(
        |cast| deposit(cast.unknown),
        |event| repeated(event, &|call| call.attempt = 3),
        &[&["saga/txn_", "attempt 3 follows attempt 1"]],
    );
    check_alone::<Compensation>(
        undoing_of_gus,
        |event| {
            let compensation::Event::Tried { action: saga::Action::Call(call), .. } = event else {
                return false;
            };
            let is_it = call.key.ends_with("/undo/2");
            if is_it {
                call.key = call.key.trim_end_matches("/2").into();
            }
            is_it
        },
        &[&["compensation/inv_", "undo 1 is called under ", "/undo/2\""]],
    );
}

#[test]
fn a_pull_that_is_repeated_blindly_is_named() {
    let cast = cast().in_the_tail();
    let id = deposit(cast.unknown);
    let mut disk = cast.world.disk.alone();
    let mut pull = None;
    disk.change::<Saga>(&id, |event| match event {
        Event::StepBegun { action: saga::Action::Call(call), .. } => {
            pull = Some(call.request.clone());
            false
        }
        Event::CallRepeated { call, .. } => {
            assert_eq!(call.request, Request::Find);
            call.request = pull.clone().expect("the first call comes first");
            true
        }
        Event::Begun { .. }
        | Event::CancelAsked
        | Event::StepBegun { .. }
        | Event::StepSkipped { .. }
        | Event::CallUnanswered { .. }
        | Event::StepDone { .. }
        | Event::StepFailed { .. }
        | Event::UndoingBegun { .. }
        | Event::Ended { .. } => false,
    });
    expect(&disk, &[&["saga/txn_", "a pull is repeated, and it is not known"]]);
}

#[test]
fn an_end_that_the_others_do_not_know_is_named() {
    check_alone::<Saga>(
        ann,
        |event| {
            let Event::Ended { end, .. } = event else { return false };
            *end = End::Cancelled;
            true
        },
        &[
            &["saga/inv_", "it ends as cancelled, which does not follow"],
            &["saga/inv_", "step 6 begins; it is not the time for it"],
            &["saga/inv_", "it was undone, but it has no compensation"],
            &["saga/inv_", "it was undone, but its deal has it confirmed"],
            &["saga/inv_", "it was undone, but its wallet has it settled"],
        ],
    );
    check_alone::<Wallet>(
        |_| wallet_id("ben"),
        |event| {
            let is_it = matches!(event, wallet::Event::Unmarked { .. });
            if is_it {
                *event = wallet::Event::Unfrozen;
            }
            is_it
        },
        &[
            &["message of shard ", "(reply)", "that record did not send it"],
            &["saga/inv_", "it was undone, but its wallet has it pending"],
        ],
    );
}

#[test]
fn an_expectation_without_an_end_is_named() {
    check_alone::<Wallet>(
        |_| wallet_id("ben"),
        |event| {
            let is_it = matches!(event, wallet::Event::PullAbandoned { .. });
            if is_it {
                *event = wallet::Event::Unfrozen;
            }
            is_it
        },
        &[
            &["message of shard ", "(reply)", "that record did not send it"],
            &["saga/txn_", "_ben", "it was undone, but its wallet has it pending"],
        ],
    );
}

#[test]
fn an_undo_that_does_not_ask_after_is_named() {
    check_alone::<Compensation>(
        undoing_of_gus,
        |event| {
            let compensation::Event::Tried { action: saga::Action::Call(call), .. } = event else {
                return false;
            };
            let is_it = call.request == Request::Find;
            if is_it {
                call.request = Request::Refund {
                    transaction: "tr-9".into(),
                    amount: Amount::from_minor(90_000),
                    currency: euro(),
                };
            }
            is_it
        },
        &[&["compensation/inv_", "undo 1 (pull) does not do what undoes it"]],
    );
}

#[test]
fn a_mark_of_another_amount_is_named() {
    check_alone::<Wallet>(
        |_| wallet_id("ann"),
        |event| {
            let wallet::Event::Marked(event) = event else { return false };
            event.hold.amount = Amount::from_minor(39_000);
            true
        },
        &[
            &["wallet/ann, record ", "390.00 were set aside, and 400.00 are paid"],
            &["message of shard ", "(mark of 400.00 EUR)", "differs: mark of 390.00 EUR"],
        ],
    );
    check(
        |disk| {
            disk.change::<Wallet>(&wallet_id("bob"), |event| {
                let wallet::Event::HoldPlaced { hold, .. } = event else { return false };
                hold.id = "inv_1_tower".into();
                true
            });
        },
        &[
            &["wallet/bob, record ", "\"inv_1_tower\" is the name of a mark"],
            &["wallet/bob, snapshot", "the holds are not"],
        ],
    );
}

#[test]
fn a_pull_that_brings_another_amount_is_named() {
    check_alone::<Wallet>(
        |_| wallet_id("ann"),
        |event| {
            let wallet::Event::PullBooked(event) = event else { return false };
            event.amount = Amount::from_minor(7_001);
            true
        },
        &[
            &["wallet/ann, record ", "balance_after is "],
            &["wallet/ann, record ", "it is not what deposit "],
            &["message of shard ", "what was received differs: credit of 70.01 EUR"],
            &["the trial balance in EUR", "come to 0.01"],
        ],
    );
}

#[test]
fn an_expectation_that_differs_is_named() {
    check_cast(
        |disk, cast| {
            disk.change::<Wallet>(&wallet_id("ann"), |event| {
                let wallet::Event::PullRequested(event) = event else { return false };
                let is_it = event.amount == Amount::from_minor(9_000);
                event.effective_at = event.effective_at.or(Some(Timestamp::default()));
                is_it
            });
            assert!(cast.unknown > cast.came);
        },
        &[&["wallet/ann, snapshot", "the expected money is not what the records asked for"]],
    );
}

#[test]
fn a_message_to_a_saga_that_is_gone_is_named() {
    let mut world = cast().in_the_tail().world;
    world.checkpoint();
    assert_eq!(faults(&world.disk), Vec::<String>::new());
    let ends = world.disk.ends();
    for id in [wallet_id("jim"), deal_id("pier")] {
        let shard = id.shard(SHARDS);
        world.disk.keep.insert(shard, ends[usize::from(shard.0)].next());
    }
    expect(
        &world.disk,
        &[
            &["message of shard ", "(beginning of a saga of 0.33 EUR): it was never received"],
            &["message of shard ", "(beginning of a saga of 0.01 EUR): it was never received"],
        ],
    );
}

#[test]
fn who_would_not_be_woken_is_named() {
    check_cast(
        |disk, cast| {
            disk.waits.remove(&saga_of("quay", cast.ida)).expect("she waits");
        },
        &[&["saga/inv_", "_quay, snapshot", "it waits for an answer, but does not stand among"]],
    );
    check_cast(
        |disk, cast| {
            disk.waits.remove(&deposit(cast.unknown)).expect("it waits");
        },
        &[&["saga/txn_", "_ann, snapshot", "it waits until ", "but does not stand among"]],
    );
    check_cast(
        |disk, cast| {
            disk.waits.insert(deposit(cast.unknown), Waits::until(1)).expect("it waits");
        },
        &[&["saga/txn_", "_ann, snapshot", "it stands as one that waits until 1 ms"]],
    );
    // Woken in vain, which is harmless.
    check_cast(
        |disk, cast| {
            disk.waits.insert(ann(cast), Waits::until(1)).expect("it does not wait");
        },
        &[],
    );
    // It has records after its snapshot, and is woken because of these.
    let mut cast = cast().in_the_tail();
    assert!(cast.world.disk.waits.remove(&deposit(cast.unknown)).is_some());
    assert_eq!(faults(&cast.world.disk), Vec::<String>::new());
}

#[test]
fn outcomes_of_sagas_that_are_missing_or_wrong_are_named() {
    let of = |disk: &Disk, kind: OutcomeKind| {
        let at = disk.outcomes.iter().position(|(_, outcome)| outcome.kind == kind);
        at.unwrap_or_else(|| panic!("{} was told", kind.as_str()))
    };
    for kind in OutcomeKind::ALL {
        let is_told = cast().world.disk.outcomes.iter().any(|(_, outcome)| outcome.kind == kind);
        assert_eq!(is_told, of_sagas(kind) || kind == OutcomeKind::DepositPosted, "{kind:?}");
        if !of_sagas(kind) {
            continue;
        }
        check_cast(
            |disk, _| drop(disk.outcomes.remove(of(disk, kind))),
            &[&["outcomes of shard ", "1 that follow"]],
        );
        check_cast(
            |disk, _| {
                let at = of(disk, kind);
                disk.outcomes[at].1.about = Some(About::Failure(Failure::new("other", "other")));
            },
            &[
                &["outcome ", kind.as_str(), "no record tells this"],
                &["outcomes of shard ", "1 that follow"],
            ],
        );
    }
}

/// Outcomes of investments and of pulls that failed.
fn of_sagas(kind: OutcomeKind) -> bool {
    kind.as_str().starts_with("investment.") || kind == OutcomeKind::DepositFailed
}
