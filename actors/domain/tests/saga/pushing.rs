//! A closer look at what is pushed to a bank: what is called when, and when it is given up.
//!
//! As in `undoing`, each case lets a plan of faults run and compares the calls: how many
//! milliseconds after the beginning, what was asked, and the key. A push has 20 s, the other steps
//! 12 s. Once it is not known whether money went, it is only asked after: it may arrive late, and
//! then it is done, whatever the deadline says.

use bincode::Encode;
use bursar_domain::call::{Lane, Policy, Request};
use bursar_domain::code::Code;
use bursar_domain::saga::{Found, StepName, StepStatus};

use crate::ends::Ending;
use crate::faults::{Fault, Plan};
use crate::flight::Strays;
use crate::parties::Route;
use crate::stage::{Scene, policy};
use crate::undoing::{calls, check, failed};
use crate::world::Delivery;

/// The number with which a value begins on disk.
fn number(value: &impl Encode) -> u8 {
    bincode::encode_to_vec(value, bincode::config::standard()).expect("encodes")[0]
}

#[test]
fn what_was_added_stands_behind_what_was_on_disk_before() {
    for (at, scene) in Scene::ALL.into_iter().enumerate() {
        let (mut world, saga) = scene.begin(Delivery::Once, Plan::fair());
        world.settled();
        let subject = world.saga(&saga).subject().expect("it began");
        assert_eq!(number(subject), [0, 0, 1, 2, 3, 4, 5][at], "{subject:?}");
    }
    let added = [
        StepName::Hold,
        StepName::Push,
        StepName::Post,
        StepName::Close,
        StepName::Paid,
        StepName::Open,
        StepName::Activate,
    ];
    assert_eq!(number(&StepName::Credit), 8);
    assert_eq!(added.map(|name| number(&name)), [9, 10, 11, 12, 13, 14, 15]);
    assert_eq!(number(&Found::Documents { id: "d".into(), url: None }), 4);
    assert_eq!(number(&Found::Pushed { transaction: "t".into() }), 5);
}

#[test]
fn what_is_pushed_says_whose_it_is_and_waits_in_its_lane_until_it_is_given_up() {
    for (scene, lane, account) in [
        (Scene::Payment, Lane::Interactive, "acct-clinic"),
        (Scene::Reimbursement, Lane::Batch, "acct-clinic"),
        (Scene::Credit, Lane::Interactive, "acct-ann"),
    ] {
        let (mut world, saga) = scene.begin(Delivery::Once, Plan::fair());
        assert_eq!(world.settled()[&saga], Ending::Done);
        let (at, _, call) = &world.called[0];
        let Request::Push { account: to, amount, reference, .. } = &call.request else {
            panic!("{call:?}")
        };
        assert_eq!((&**to, amount.minor(), &**reference), (account, 100, &*saga.id));
        assert_eq!((call.lane, call.not_after.millis() - at), (lane, policy().push_patience_ms));
        assert_eq!(calls(&world, &saga, "push"), ["0 Push push"]);
        let found = world.saga(&saga).found().transaction.as_deref();
        assert_eq!(found, Some("ptx-0"), "the processor's name of it is kept");
        let steps = world.saga(&saga).steps();
        assert!(steps.iter().all(|step| step.status == StepStatus::Done), "{steps:?}");
        assert_eq!(world.compensation(&saga), None);
    }
}

#[test]
fn a_push_that_is_declined_or_not_sent_undoes_what_came_before_it() {
    for (fault, code) in [(Fault::Decline, "not-today"), (Fault::NotSent, "processor-unavailable")]
    {
        for (scene, first) in [
            (Scene::Payment, StepName::Hold),
            (Scene::Reimbursement, StepName::Close),
            (Scene::Credit, StepName::Open),
        ] {
            let (mut world, saga) =
                scene.begin(Delivery::Twice, Plan::first(Route::Push, 1, fault));
            assert_eq!(world.settled()[&saga], failed(code));
            assert_eq!(calls(&world, &saga, "push"), ["0 Push push"]);
            let undone = world.compensation(&saga).expect("it undid").undoing().expect("begun");
            let undone: Vec<_> = undone.undos.iter().map(|undo| undo.name).collect();
            assert_eq!(undone, [first]);
        }
    }
}

#[test]
fn an_unknown_push_is_asked_after_and_only_what_was_never_seen_is_made_again() {
    for scene in Scene::PUSHING {
        check(
            scene,
            Plan::first(Route::Push, 1, Fault::LoseAnswer),
            &Ending::Done,
            "push",
            &["0 Push push", "5250 Find push"],
        );
        check(
            scene,
            Plan::first(Route::Push, 2, Fault::Error).and(Route::Find, 1, Fault::NotSent),
            &Ending::Done,
            "push",
            &[
                "0 Push push",
                "260 Find push",
                "770 Find push",
                "790 Push push",
                // The ladder goes on where it was.
                "2800 Find push",
                "2820 Push push",
            ],
        );
    }
}

#[test]
fn a_push_is_given_up_only_when_it_can_not_be_on_its_way_any_more() {
    // The fourth timeout is past the deadline of 20 s; then nothing is pushed any more.
    check(
        Scene::Payment,
        Plan::first(Route::Push, 4, Fault::Timeout),
        &failed("deadline-exceeded"),
        "push",
        &[
            "0 Push push",
            "5250 Find push",
            "5270 Push push",
            "11270 Find push",
            "11290 Push push",
            "18290 Find push",
            "18310 Push push",
            // No answer at 23310. Asked before 25310, "never seen" says nothing.
            "25310 Find push",
        ],
    );
    // It arrives when nobody waits for it any more, and is found before it is given up.
    let policy = Policy { push_patience_ms: 5_000, payout_patience_ms: 5_000, ..policy() };
    for scene in Scene::PUSHING {
        let plan = Plan::first(Route::Push, 1, Fault::Slow);
        let (mut world, saga) = scene.begin_with(policy.clone(), Delivery::Once, plan, 1);
        assert_eq!(world.settled()[&saga], Ending::Done);
        let asked = ["0 Push push", "5250 Find push", "5770 Find push", "6790 Find push"];
        assert_eq!(calls(&world, &saga, "push"), asked);
    }
}

#[test]
fn what_the_processor_has_not_decided_is_asked_after_without_end() {
    for scene in Scene::PUSHING {
        for (fault, ending) in
            [(Fault::Pending, Ending::Done), (Fault::PendingDecline, failed("returned"))]
        {
            // It is decided after 3 s, long after everything that could be given up.
            let policy = Policy {
                push_patience_ms: 100,
                payout_patience_ms: 100,
                step_deadline_ms: 100,
                ..policy()
            };
            let plan = Plan::first(Route::Push, 1, fault);
            let (mut world, saga) = scene.begin_with(policy, Delivery::Once, plan, 1);
            assert_eq!(world.settled()[&saga], ending);
            let begins = ["0 Push push", "270 Find push", "790 Find push", "1810 Find push"];
            assert_eq!(calls(&world, &saga, "push"), [&begins[..], &["3830 Find push"]].concat());
        }
    }
}

#[test]
fn after_a_crash_during_a_push_it_is_asked_after_under_the_same_key() {
    for scene in Scene::PUSHING {
        for (strays, expected) in [
            (Strays::Lost, &["0 Push push", "0 Find push", "20 Push push"][..]),
            (Strays::Arrive, &["0 Push push", "0 Find push"]),
        ] {
            let (mut world, saga) = scene.begin(Delivery::Once, Plan::fair());
            while world.called.is_empty() {
                assert!(world.step(), "it is pushed");
            }
            world.crash(strays);
            assert_eq!(world.settled()[&saga], Ending::Done);
            assert_eq!(calls(&world, &saga, "push"), expected);
        }
    }
}

#[test]
fn once_the_push_has_begun_nothing_is_cancelled() {
    for scene in Scene::PUSHING {
        for (fault, ending) in [(None, Ending::Done), (Some(Fault::Decline), failed("not-today"))] {
            let plan = fault.map_or(Plan::fair(), |fault| Plan::first(Route::Push, 1, fault));
            let (mut world, saga) = scene.begin(Delivery::Once, plan);
            while world.called.is_empty() {
                assert!(world.step(), "it is pushed");
            }
            assert_eq!(world.cancel(&saga), Err(Code::InvestmentConfirmed));
            assert_eq!(world.settled()[&saga], ending);
        }
    }
}
