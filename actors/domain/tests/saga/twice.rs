//! The first test that every saga passes: every message and every answer comes twice.
//!
//! The world in which everything is repeated ends exactly as the world in which nothing is: the
//! same number of records, the same keys used outside, the same outcomes told, the same books. So
//! whatever came a second time changed nothing, and everything was done once.

use crate::ends::Ending;
use crate::faults::{Fault, Plan};
use crate::parties::Route;
use crate::stage::Scene;
use crate::world::{Delivery, World};

/// What can be seen of a world that has come to its end.
pub(crate) fn seen(world: &World) -> String {
    let keys: Vec<_> = world.parties.keys().collect();
    let records = |all: Vec<usize>| all;
    let sagas = records(world.sagas.values().map(|one| one.records.len()).collect());
    let undoings = records(world.compensations.values().map(|one| one.records.len()).collect());
    let campaigns = records(world.campaigns.values().map(|one| one.records.len()).collect());
    let ends = world.counterparts.values().map(|one| (&one.settled, &one.ended, &one.news));
    let ends: Vec<_> = ends.collect();
    let (told, books) = (&world.told, world.books);
    format!("{keys:?} {sagas:?} {undoings:?} {campaigns:?} {ends:?} {told:?} {books:?}")
}

fn check(scene: Scene, plan: &Plan, expected: &Ending) {
    let [once, twice] = [Delivery::Once, Delivery::Twice].map(|delivery| {
        let (mut world, saga) = scene.begin(delivery, plan.clone());
        assert_eq!(world.settled()[&saga], *expected, "{scene:?} {plan:?}");
        seen(&world)
    });
    assert_eq!(once, twice, "{scene:?} {plan:?}");
}

#[test]
fn a_saga_in_which_everything_comes_twice_ends_as_if_it_came_once() {
    for scene in Scene::ALL {
        check(scene, &Plan::fair(), &Ending::Done);
    }
}

#[test]
fn an_undoing_in_which_everything_comes_twice_ends_as_if_it_came_once() {
    let declined = Ending::Failed("not-today".into());
    for scene in [Scene::Bank, Scene::Wallet] {
        check(scene, &Plan::first(Route::Make, 1, Fault::Decline), &declined);
    }
    for scene in Scene::PUSHING {
        check(scene, &Plan::first(Route::Push, 1, Fault::Decline), &declined);
    }
    for scene in [Scene::Bank, Scene::Deposit] {
        check(scene, &Plan::first(Route::Pull, 1, Fault::Decline), &declined);
        let late = Ending::Failed("deadline-exceeded".into());
        check(scene, &Plan::first(Route::Pull, 1, Fault::Late), &late);
    }
}
