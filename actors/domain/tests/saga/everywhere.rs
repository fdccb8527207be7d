//! The second test that every saga passes: it fails, is cancelled and crashes at every point, in
//! every way, and at the end nothing is left behind. What that means stands in `ends`.
//!
//! A point is before one of the world's steps: a message, a request or an answer that arrives, an
//! instant that comes. The world is copied there, so each point costs only what comes after it.

use bursar_domain::call::Policy;
use bursar_domain::code::Code;
use bursar_domain::id::EntityId;

use crate::ends::Ending;
use crate::faults::{Fault, Plan};
use crate::flight::Strays;
use crate::parties::Route;
use crate::stage::{Scene, policy};
use crate::world::{Delivery, World};

const DELIVERIES: [Delivery; 3] = [Delivery::Once, Delivery::Twice, Delivery::Anyhow];

fn routes(scene: Scene) -> &'static [Route] {
    match scene {
        Scene::Bank => &[Route::Pull, Route::Find, Route::Make, Route::Mail],
        Scene::Wallet => &[Route::Make, Route::Mail],
        Scene::Deposit => &[Route::Pull, Route::Find],
        Scene::Payment | Scene::Reimbursement | Scene::Credit => &[Route::Push, Route::Find],
        Scene::Reward => &[Route::Mail],
    }
}

/// Every way in which a call of a scene's saga can go wrong.
fn wrongs(scene: Scene) -> impl Iterator<Item = (Route, Fault)> {
    let routes = routes(scene).iter().copied();
    let all = routes.flat_map(|route| Fault::ALL.map(|fault| (route, fault)));
    all.filter(|(route, fault)| fault.befalls(*route))
}

/// A plan in which a call goes wrong so many times. A question is asked only after a call that was
/// not answered.
fn plan(scene: Scene, route: Route, count: usize, fault: Fault) -> Plan {
    let plan = Plan::first(route, count, fault);
    let moves = if scene.is_pushing() { Route::Push } else { Route::Pull };
    if route == Route::Find { plan.and(moves, 1, Fault::Error) } else { plan }
}

/// How a saga ends when the first attempt of one of its calls goes wrong.
fn expected(route: Route, fault: Fault) -> Ending {
    let unavailable = match route {
        Route::Pull | Route::Push => "processor-unavailable",
        Route::Make => "documents-unavailable",
        // A question is asked again, a mail is written again or given up.
        Route::Mail | Route::Find | Route::Refund | Route::Void => return Ending::Done,
    };
    match fault {
        Fault::Error
        | Fault::Timeout
        | Fault::LoseAnswer
        | Fault::Slow
        | Fault::Lag
        | Fault::Pending
        | Fault::Garbage => Ending::Done,
        Fault::Decline => Ending::Failed("not-today".into()),
        Fault::PendingDecline => Ending::Failed("returned".into()),
        // What was pushed is pushed, however late.
        Fault::Late if route == Route::Push => Ending::Done,
        Fault::Late => Ending::Failed("deadline-exceeded".into()),
        Fault::NotSent => Ending::Failed(unavailable.into()),
    }
}

#[test]
fn a_step_that_goes_wrong_once_ends_as_the_table_says() {
    for scene in Scene::ALL {
        for (route, fault) in wrongs(scene) {
            // An answer to a question that comes after the deadline is an answer after the deadline.
            // A push has more time.
            let is_late = (route, fault) == (Route::Find, Fault::Late) && !scene.is_pushing();
            let late = Ending::Failed("deadline-exceeded".into());
            let expected = if is_late { late } else { expected(route, fault) };
            for delivery in DELIVERIES {
                let (mut world, saga) = scene.begin(delivery, plan(scene, route, 1, fault));
                let ending = &world.settled()[&saga];
                assert_eq!(*ending, expected, "{scene:?}: {route:?} {fault:?} {delivery:?}");
            }
        }
    }
}

#[test]
fn a_step_that_goes_wrong_for_long_leaves_nothing_behind() {
    for scene in Scene::ALL {
        for (route, fault) in wrongs(scene) {
            for (count, delivery) in [2, 3, 5, 8, 13].into_iter().zip(DELIVERIES.iter().cycle()) {
                let (mut world, saga) = scene.begin(*delivery, plan(scene, route, count, fault));
                let ending = world.settled().remove(&saga).expect("it ended");
                if route == Route::Mail {
                    assert_eq!(ending, Ending::Done, "a mail undoes nothing");
                }
            }
        }
    }
}

/// The plans under which something is undone, and how the saga ends.
fn undoings(scene: Scene) -> Vec<(Plan, Ending, &'static [Route])> {
    let late = Ending::Failed("deadline-exceeded".into());
    let declined = Ending::Failed("not-today".into());
    let no_documents = || Plan::first(Route::Make, 1, Fault::Decline);
    let late_documents = || Plan::first(Route::Make, 1, Fault::Late);
    match scene {
        Scene::Bank => vec![
            (no_documents(), declined, &[Route::Refund]),
            (late_documents(), late.clone(), &[Route::Void, Route::Refund]),
            (Plan::first(Route::Pull, 1, Fault::Late), late, &[Route::Refund]),
        ],
        Scene::Wallet => vec![(late_documents(), late, &[Route::Void])],
        Scene::Deposit => vec![(Plan::first(Route::Pull, 1, Fault::Late), late, &[Route::Refund])],
        // What undoes them is asked of one of us, who does not say no.
        Scene::Payment | Scene::Reimbursement | Scene::Credit | Scene::Reward => Vec::new(),
    }
}

#[test]
fn an_undo_that_goes_wrong_is_tried_until_it_is_done() {
    for scene in Scene::ALL {
        for (plan, expected, routes) in undoings(scene) {
            for (route, fault) in routes.iter().flat_map(|one| Fault::ALL.map(|two| (*one, two))) {
                if !fault.befalls(route) {
                    continue;
                }
                for (count, delivery) in [1, 2, 4, 9].into_iter().zip(DELIVERIES.iter().cycle()) {
                    let plan = plan.clone().and(route, count, fault);
                    let (mut world, saga) = scene.begin(*delivery, plan);
                    let ending = &world.settled()[&saga];
                    assert_eq!(*ending, expected, "{scene:?}: {route:?} {fault:?} × {count}");
                }
            }
        }
    }
}

/// Does something to the world before each of its steps, each time to another copy of it.
pub(crate) fn at_every_point(world: &World, mut act: impl FnMut(World)) -> usize {
    let mut world = world.clone();
    for count in 1.. {
        act(world.clone());
        if !world.step() {
            return count;
        }
    }
    unreachable!("a count comes to its end")
}

/// Cancels, once and again, and checks the ending against what was said.
fn cancelled(scene: Scene, mut world: World, saga: &EntityId) {
    let said = world.cancel(saga);
    assert_ne!(world.cancel(saga), Ok(true), "it is cancelled once");
    let ending = &world.settled()[saga];
    match said {
        Ok(true) => assert_eq!(*ending, Ending::Cancelled),
        Ok(false) => assert!(matches!(ending, Ending::Failed(_)), "{ending:?}"),
        Err(code) => {
            // A push that has begun is left to its end, which may be a no.
            let is_left = scene.is_pushing() && matches!(ending, Ending::Failed(_));
            assert!(*ending == Ending::Done || is_left, "{ending:?}");
            assert_eq!(code, Code::InvestmentConfirmed);
        }
    }
}

/// No fault, each fault once or for some time, and each undoing.
fn plans(scene: Scene) -> Vec<Plan> {
    let mut plans = vec![Plan::fair()];
    for (route, fault) in wrongs(scene) {
        plans.push(plan(scene, route, 1, fault));
        plans.push(plan(scene, route, 3, fault));
    }
    plans.extend(undoings(scene).into_iter().map(|(plan, ..)| plan));
    plans
}

#[test]
fn cancelled_at_any_point_it_is_undone_or_it_is_too_late() {
    let mut points = 0;
    for scene in Scene::ALL {
        for plan in plans(scene) {
            for delivery in [Delivery::Once, Delivery::Anyhow] {
                let (world, saga) = scene.begin(delivery, plan.clone());
                points += at_every_point(&world, |world| cancelled(scene, world, &saga));
            }
        }
    }
    assert!(points > 1_000, "{points}");
}

#[test]
fn after_a_crash_at_any_point_it_goes_on() {
    let mut points = 0;
    for scene in Scene::ALL {
        for plan in plans(scene) {
            for (delivery, strays) in [
                (Delivery::Once, Strays::Lost),
                (Delivery::Once, Strays::Arrive),
                (Delivery::Anyhow, Strays::Either),
            ] {
                let (world, _) = scene.begin(delivery, plan.clone());
                points += at_every_point(&world, |mut world| {
                    world.crash(strays);
                    world.settled();
                });
            }
        }
    }
    assert!(points > 1_000, "{points}");
}

#[test]
fn without_faults_no_crash_undoes_anything() {
    for scene in Scene::ALL {
        for strays in [Strays::Lost, Strays::Arrive] {
            let (world, saga) = scene.begin(Delivery::Once, Plan::fair());
            at_every_point(&world, |mut world| {
                world.crash(strays);
                assert_eq!(world.settled()[&saga], Ending::Done);
            });
        }
    }
}

#[test]
fn cancelled_and_crashed_at_any_two_points_it_leaves_nothing_behind() {
    for scene in Scene::ALL {
        for strays in [Strays::Lost, Strays::Arrive] {
            let (world, saga) = scene.begin(Delivery::Once, Plan::fair());
            at_every_point(&world, |mut world| {
                world.crash(strays);
                at_every_point(&world, |world| cancelled(scene, world, &saga));
            });
            at_every_point(&world, |mut world| {
                // Whether it is too late is said at once; how it ends is checked in any case.
                let is_cancelled = world.cancel(&saga) == Ok(true);
                at_every_point(&world, |mut world| {
                    world.crash(strays);
                    let ending = &world.settled()[&saga];
                    assert_eq!(is_cancelled, *ending == Ending::Cancelled);
                });
            });
        }
    }
}

#[test]
fn whatever_the_patience_two_calls_that_go_wrong_leave_nothing_behind() {
    for step_deadline_ms in [0, 5_000, 7_000, 12_000] {
        let push_patience_ms = step_deadline_ms;
        let payout_patience_ms = push_patience_ms;
        let policy = Policy { step_deadline_ms, push_patience_ms, payout_patience_ms, ..policy() };
        for scene in Scene::ALL {
            for (first, one) in wrongs(scene) {
                for (second, other) in wrongs(scene) {
                    let plan = Plan::first(first, 1, one).and(second, 1, other);
                    let (mut world, _) = scene.begin_with(policy.clone(), Delivery::Once, plan, 7);
                    world.settled();
                }
            }
        }
    }
}
