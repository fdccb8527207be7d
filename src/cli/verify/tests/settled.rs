//! Payments that are settled at once, and the sagas that push money: what is true passes, what may
//! not be is found and named.
//!
//! What was set aside is what is booked or given back, a push goes where it should and is not
//! repeated blindly; and the outcomes of a season are complete. Where a fault would drag others
//! along, the journal stands alone, as if nothing had been saved.

use bursar_domain::call::Request;
use bursar_domain::message::{About, OutcomeKind};
use bursar_domain::record::Recorded;
use bursar_domain::saga::{self, Event, Failure, Saga};
use bursar_domain::wallet::Hold;

use super::season::{Season, season};
use super::*;

/// Changes the first event of an entity in the journal of a season of which `change` says that it
/// did.
fn check_alone<E: Recorded>(
    of: impl Fn(&Season) -> EntityId,
    change: impl FnMut(&mut E::Event) -> bool,
    expected: &[&[&str]],
) {
    let season = season();
    let id = of(&season);
    let mut disk = season.goes_on().disk.alone();
    disk.change::<E>(&id, change);
    expect(&disk, expected);
}

fn pat(_: &Season) -> EntityId {
    wallet_id("pat")
}

fn payment(seq: Seq) -> EntityId {
    EntityId::saga(format!("pay_{seq}_pat"))
}

#[test]
fn a_true_directory_with_payments_settled_at_once_passes() {
    let season = season();
    let report = report(&season.world.disk);
    assert_eq!(report.exit(), Exit::Done, "{:#?}", report.faults);
    assert_eq!(report.trial[&euro()].sum(), 0);
    let posted = season.world.disk.journal.iter().filter(|(_, _, record)| {
        matches!(&record.verdict, Verdict::Provider(events)
            if matches!(events.as_slice(), [provider::Event::ReceivedSettled(_)]))
    });
    assert_eq!(posted.count(), 1);
    let world = season.goes_on();
    assert_eq!(faults(&world.disk), Vec::<String>::new());
    assert_eq!(faults(&world.disk.alone()), Vec::<String>::new());
}

#[test]
fn a_save_of_a_season_cut_off_by_a_crash_passes() {
    // History, index and waits of a second save are there, its snapshots are not.
    let mut world = season().goes_on();
    let before = world.disk.clone();
    world.checkpoint();
    let known = |id: &EntityId| before.snapshots.contains_key(id);
    let mut disk = std::mem::take(&mut world.disk);
    disk.history.retain(|(_, _, record)| known(&record.entity));
    disk.index.retain(|(id, ..)| known(id));
    disk.waits.retain(|id, _| known(id));
    (disk.snapshots, disk.books) = (before.snapshots.clone(), before.books);
    (disk.outcomes, disk.keep) = (before.outcomes, before.keep);
    assert_eq!(faults(&disk), Vec::<String>::new());
}

#[test]
fn a_payment_that_is_not_what_was_set_aside_is_named() {
    check_alone::<Wallet>(
        pat,
        |event| {
            let wallet::Event::PaymentPosted(event) = event else { return false };
            event.amount = Amount::from_minor(2_999);
            true
        },
        &[
            &["wallet/pat, record ", "it is not what payment ", " set aside, or on other terms"],
            &["wallet/pat, record ", "balance_after is 945.00", "come to 945.01"],
            &["message of shard ", "(settled payment of 29.99 EUR)", "what was received differs"],
            &["the trial balance in EUR", "come to 0.01"],
        ],
    );
    check_alone::<Wallet>(
        pat,
        |event| {
            let wallet::Event::PaymentHeld(event) = event else { return false };
            event.amount = Amount::from_minor(3_001);
            true
        },
        &[
            &["wallet/pat, record ", "it is not what payment ", " set aside, or on other terms"],
            &["message of shard ", "(beginning of a saga of 30.01 EUR)", "differs"],
            &["message of shard ", "differs: booking of a payment of 30.01 EUR"],
        ],
    );
    check_alone::<Wallet>(
        pat,
        |event| {
            let wallet::Event::PaymentFailed(event) = event else { return false };
            event.provider = bursar_domain::id::ProviderId::parse("gym").expect("well-formed");
            true
        },
        &[&["wallet/pat, record ", "it is not what payment ", " set aside, or on other terms"]],
    );
}

#[test]
fn a_payment_that_does_not_end_is_named() {
    check_alone::<Wallet>(
        pat,
        |event| {
            let is_it = matches!(event, wallet::Event::PaymentFailed(_));
            if is_it {
                *event = wallet::Event::Unfrozen;
            }
            is_it
        },
        &[
            &["message of shard ", "(reply)", "that record did not send it"],
            &["saga/pay_", "_pat: it was undone, but its wallet has it pending"],
        ],
    );
    check_alone::<Wallet>(
        pat,
        |event| {
            let is_it = matches!(event, wallet::Event::PaymentPosted(_));
            if is_it {
                *event = wallet::Event::Unfrozen;
            }
            is_it
        },
        &[
            &["message of shard ", "(reply)", "that record did not send it"],
            &["saga/pay_", "_pat: it is done, but its wallet has it pending"],
            &["wallet/pat, record ", "is no payment of this wallet"],
            &["wallet/pat, record ", "balance_after is 957.00", "come to 987.00"],
            &["message of shard ", "(settled payment of 30.00 EUR)", "did not send it"],
            &["the trial balance in EUR", "come to 30.00"],
        ],
    );
}

#[test]
fn a_refund_of_a_payment_that_was_not_posted_is_named() {
    let season = season();
    let failed = season.failed;
    check_alone::<Wallet>(
        pat,
        |event| {
            let wallet::Event::RefundRequested(event) = event else { return false };
            let is_it = event.amount == Amount::from_minor(1_200);
            if is_it {
                event.payment = failed;
            }
            is_it
        },
        &[
            &["wallet/pat, record ", "is no payment of this wallet"],
            &["wallet/pat, record ", "it is not what refund "],
            &["message of shard ", "(refund order of 12.00 EUR)", "what was received differs"],
        ],
    );
}

#[test]
fn a_hold_under_a_payments_name_is_named() {
    check(
        |disk| {
            disk.change::<Wallet>(&wallet_id("bob"), |event| {
                let wallet::Event::HoldPlaced { hold, .. } = event else { return false };
                *hold = Hold { id: "pay_1_bob".into(), amount: hold.amount };
                true
            });
        },
        &[
            &["wallet/bob, record ", "\"pay_1_bob\" is the name of a mark"],
            &["wallet/bob, snapshot", "the holds are not"],
        ],
    );
}

#[test]
fn a_push_to_someone_else_is_named() {
    let pushed = |event: &mut Event| {
        let Event::StepBegun { action: saga::Action::Call(call), .. } = event else { return false };
        let Request::Push { account, .. } = &mut call.request else { return false };
        *account = "mine".into();
        true
    };
    check_alone::<Saga>(
        |season| payment(season.posted),
        pushed,
        &[&["saga/pay_", "step 1 calls for what is not its to call for"]],
    );
    check_alone::<Saga>(
        |season| EntityId::saga(format!("rmb_{}_clinic", season.on_its_way)),
        pushed,
        &[&["saga/rmb_", "step 1 calls for what is not its to call for"]],
    );
}

#[test]
fn a_push_that_is_repeated_blindly_is_named() {
    let mut push = None;
    check_alone::<Saga>(
        |season| payment(season.unknown),
        |event| {
            if let Event::StepBegun { action: saga::Action::Call(call), .. } = event {
                push = Some(call.request.clone());
            }
            let Event::CallRepeated { call, .. } = event else { return false };
            assert_eq!(call.request, Request::Find);
            call.request = push.clone().expect("the first call comes first");
            true
        },
        &[&["saga/pay_", "a push is repeated, and it is not known how the last one stands"]],
    );
}

#[test]
fn a_push_that_is_given_up_too_late_is_named() {
    check_alone::<Saga>(
        |season| payment(season.failed),
        |event| {
            let Event::StepFailed { step, at, .. } = event else { return false };
            let found = saga::Found::Pushed { transaction: "tr-1".into() };
            *event = Event::StepDone { step: *step, at: *at, source: None, found };
            true
        },
        &[
            &["saga/pay_", "it is given up, and it is too late for that"],
            &["saga/pay_", "it is given up for a reason that is not there"],
        ],
    );
    check_alone::<Saga>(
        |season| payment(season.posted),
        |event| {
            let Event::StepDone { step: 2, at, source, .. } = event else { return false };
            let failure = Failure::new("wallet-frozen", "frozen");
            *event = Event::StepFailed { step: 2, at: *at, source: *source, failure };
            true
        },
        &[
            &["saga/pay_", "step 2 fails; it is past the point of no return"],
            &["saga/pay_", "it ends as done, which does not follow"],
            &["message of shard ", "(reply): what was received differs"],
        ],
    );
    check_alone::<Saga>(
        |season| payment(season.posted),
        |event| {
            let Event::StepDone { step: 1, found, .. } = event else { return false };
            *found = saga::Found::Nothing;
            true
        },
        &[&["saga/pay_", "step 1 (push) found what it was not to find"]],
    );
}

#[test]
fn outcomes_of_a_season_that_are_missing_or_wrong_are_named() {
    let told = season().world.disk.outcomes;
    for kind in [
        OutcomeKind::PaymentPosted,
        OutcomeKind::PaymentFailed,
        OutcomeKind::ReimbursementPaid,
        OutcomeKind::ReimbursementReturned,
    ] {
        let at = told.iter().rposition(|(_, outcome)| outcome.kind == kind).expect("it was told");
        let mut disk = season().world.disk;
        disk.outcomes.remove(at);
        expect(&disk, &[&["outcomes of shard ", "1 that follow"]]);
        let mut disk = season().world.disk;
        disk.outcomes[at].1.about = Some(About::Failure(Failure::new("other", "other")));
        disk.outcomes[at].1.amount = Amount::from_minor(1);
        expect(
            &disk,
            &[
                &["outcome ", kind.as_str(), "no record tells this"],
                &["outcomes of shard ", "1 that follow"],
            ],
        );
    }
}
