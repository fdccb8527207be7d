//! Cancelling what has not begun, and what is refused while it is being cancelled.
//!
//! Whoever has a ticket may cancel at once, before the message that begins the saga has arrived:
//! the saga remembers it, and when it begins it is over. A wallet may refuse its mark, and may be
//! frozen at any time; what it set aside before is paid all the same.

use bursar_domain::code::Code;
use bursar_domain::entity::{Due, Entity};
use bursar_domain::saga::{Phase, Saga, StepName, StepStatus};

use crate::ends::Ending;
use crate::faults::Plan;
use crate::flight::Strays;
use crate::parties::Route;
use crate::stage::Scene;
use crate::world::{Delivery, World};

#[test]
fn a_saga_cancelled_before_it_begins_is_undone_when_it_begins() {
    for scene in Scene::ALL {
        for is_crashed in [false, true] {
            let (mut world, saga) = scene.begin(Delivery::Twice, Plan::fair());
            assert_eq!((world.cancel(&saga), world.cancel(&saga)), (Ok(true), Ok(false)));
            let early = world.saga(&saga);
            assert!(early.exists() && early.is_cancelled() && early.subject().is_none());
            assert_eq!((early.due(), early.steps()), (Due::Nothing, &[][..]));
            if is_crashed {
                world.crash(Strays::Lost);
                assert!(world.saga(&saga).is_cancelled(), "it is remembered");
            }
            assert_eq!(world.settled()[&saga], Ending::Cancelled, "{scene:?}");
            let statuses: Vec<_> = world.saga(&saga).steps().iter().map(|one| one.status).collect();
            assert_eq!(statuses, [StepStatus::Done], "no step but the first has begun");
            assert_eq!(world.parties.booked(&saga.id), (0, 0), "nobody outside was asked");
            let compensation = world.compensation(&saga).expect("the place is freed");
            let undone: Vec<_> = compensation
                .undoing()
                .expect("it has begun")
                .undos
                .iter()
                .map(|one| one.name)
                .collect();
            let first = match scene {
                Scene::Bank | Scene::Wallet | Scene::Reward => StepName::Reserve,
                Scene::Deposit => StepName::Expect,
                Scene::Payment => StepName::Hold,
                Scene::Reimbursement => StepName::Close,
                Scene::Credit => StepName::Open,
            };
            assert_eq!(undone, [first]);
        }
    }
}

#[test]
fn a_saga_that_nobody_begins_and_nobody_cancels_does_not_exist() {
    let saga = Saga::default();
    assert!(!saga.exists());
    assert!(saga.summary().is_none());
    assert_eq!((saga.due(), saga.phase()), (Due::Nothing, &Phase::Running));
}

#[test]
fn cancelling_again_changes_nothing_and_what_is_done_stays_done() {
    for scene in Scene::ALL {
        let (mut world, saga) = scene.begin(Delivery::Once, Plan::fair());
        world.settled();
        assert_eq!(world.cancel(&saga), Err(Code::InvestmentConfirmed));
        assert_eq!(world.settled()[&saga], Ending::Done);
    }
    for scene in [Scene::Bank, Scene::Deposit] {
        let declined = Plan::first(Route::Pull, 1, crate::faults::Fault::Decline);
        let (mut world, saga) = scene.begin(Delivery::Once, declined);
        world.settled();
        assert_eq!(world.cancel(&saga), Ok(false), "it is undone already");
        assert_eq!(world.settled()[&saga], Ending::Failed("not-today".into()));
    }
}

/// An investment whose wallet is frozen before it is asked.
fn frozen() -> (World, bursar_domain::id::EntityId) {
    let (mut world, saga) = Scene::Wallet.begin(Delivery::Once, Plan::fair());
    world.set_frozen("ann", true);
    (world, saga)
}

#[test]
fn a_refused_mark_fails_the_investment() {
    let (mut world, saga) = frozen();
    assert_eq!(world.settled()[&saga], Ending::Failed("wallet-frozen".into()));
    let steps = world.saga(&saga).steps();
    assert_eq!(steps.last().expect("the mark").status, StepStatus::Failed);
}

#[test]
fn a_mark_refused_while_it_is_cancelled_is_a_cancellation() {
    let (mut world, saga) = frozen();
    loop {
        let mut fork = world.clone();
        if fork.cancel(&saga) == Ok(true) {
            assert_eq!(fork.settled()[&saga], Ending::Cancelled);
        }
        if !world.step() {
            break;
        }
    }
}

#[test]
fn a_wallet_frozen_after_the_mark_still_pays_what_was_set_aside() {
    for scene in [Scene::Bank, Scene::Wallet, Scene::Deposit, Scene::Payment] {
        let (mut world, saga) = scene.begin(Delivery::Once, Plan::fair());
        let mut points = 0;
        while world.step() {
            let is_marked = !world.wallets.values().all(|one| one.live.entity().holds().is_empty());
            if is_marked || scene == Scene::Deposit {
                let mut fork = world.clone();
                fork.set_frozen("ann", true);
                assert_eq!(fork.settled()[&saga], Ending::Done);
                points += 1;
            }
        }
        assert!(points > 3, "{points}");
    }
}
