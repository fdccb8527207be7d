//! A closer look: what is called when, under which key, and what an operator sees and can do.
//!
//! Each case lets a plan of faults run and compares the calls that were made: how many milliseconds
//! after the beginning, what was asked, and the key without the saga's id. Latency is 10 ms each
//! way, a gateway waits 5 s, and the ladder of pauses is 250, 500, 1000, 2000 and then 2000 ms.

use bursar_domain::call::Policy;
use bursar_domain::code::Code;
use bursar_domain::compensation::{self, Compensation};
use bursar_domain::id::EntityId;
use bursar_domain::saga::{self, Saga, StepName, StepStatus};

use crate::ends::Ending;
use crate::faults::{Fault, Plan};
use crate::flight::Strays;
use crate::parties::Route;
use crate::stage::{Scene, policy};
use crate::world::{Delivery, World};

/// The calls of one kind of key, such as `pull`.
pub(crate) fn calls(world: &World, saga: &EntityId, of: &str) -> Vec<String> {
    let began = world.saga(saga).steps()[0].at.millis();
    let ours = world.called.iter().filter(|(_, who, _)| who.id == saga.id);
    let said = ours.filter_map(|(at, _, call)| {
        let key = call.key.strip_prefix(&*saga.id)?.strip_prefix('/')?;
        // The saga's own calls name the instant of its beginning, too.
        let key = key.strip_prefix(&format!("{began}/")).unwrap_or(key);
        let route = Route::of(&call.request);
        key.starts_with(of).then(|| format!("{} {route:?} {key}", at - began))
    });
    said.collect()
}

#[track_caller]
pub(crate) fn check(
    scene: Scene,
    plan: Plan,
    ending: &Ending,
    of: &str,
    expected: &[&str],
) -> World {
    let (mut world, saga) = scene.begin(Delivery::Once, plan);
    assert_eq!(world.settled()[&saga], *ending);
    assert_eq!(calls(&world, &saga, of), expected);
    world
}

pub(crate) fn failed(code: &str) -> Ending {
    Ending::Failed(code.into())
}

#[test]
fn an_unknown_pull_is_asked_after_and_only_what_was_never_seen_is_made_again() {
    check(
        Scene::Deposit,
        Plan::first(Route::Pull, 1, Fault::LoseAnswer),
        &Ending::Done,
        "pull",
        &["0 Pull pull", "5250 Find pull"],
    );
    check(
        Scene::Deposit,
        Plan::first(Route::Pull, 2, Fault::Error).and(Route::Find, 2, Fault::Error),
        &Ending::Done,
        "pull",
        &[
            "0 Pull pull",
            "260 Find pull",
            "770 Find pull",
            "1780 Find pull",
            "1800 Pull pull",
            // The ladder goes on where it was.
            "3810 Find pull",
            "3830 Pull pull",
        ],
    );
    check(
        Scene::Bank,
        Plan::first(Route::Pull, 1, Fault::Pending),
        &Ending::Done,
        "pull",
        &["0 Pull pull", "270 Find pull", "790 Find pull", "1810 Find pull", "3830 Find pull"],
    );
}

#[test]
fn a_pull_that_was_not_sent_fails_at_once_and_is_not_asked_after() {
    for scene in [Scene::Bank, Scene::Deposit] {
        let plan = Plan::first(Route::Pull, 1, Fault::NotSent);
        check(scene, plan, &failed("processor-unavailable"), "pull", &["0 Pull pull"]);
    }
}

#[test]
fn that_it_was_never_seen_is_believed_only_when_no_request_can_be_on_its_way() {
    // The third timeout is past the deadline of 12 s; then nothing is pulled any more.
    check(
        Scene::Deposit,
        Plan::first(Route::Pull, 3, Fault::Timeout),
        &failed("deadline-exceeded"),
        "pull",
        &[
            "0 Pull pull",
            "5250 Find pull",
            "5270 Pull pull",
            "11270 Find pull",
            "11290 Pull pull",
            // No answer at 16290. Asked before 18290, "never seen" says nothing.
            "18290 Find pull",
        ],
    );
    // The first timeout is past a deadline of 5 s, and two seconds later nothing can be on its way.
    let policy = Policy { step_deadline_ms: 5_000, ..policy() };
    let asked = ["0 Pull pull", "5250 Find pull", "5770 Find pull", "6790 Find pull"];
    for (pull, find, last) in [
        (Fault::Timeout, 0, "8810 Find pull"),
        // It arrives at 6500: found by the next question, and given back.
        (Fault::Slow, 0, "6810 Refund pull/undo"),
        // The answers to what is asked before that take their time, and still say nothing.
        (Fault::Slow, 1, "10760 Refund pull/undo"),
    ] {
        let plan = Plan::first(Route::Pull, 1, pull).and(Route::Find, find, Fault::Lag);
        let (mut world, saga) = Scene::Deposit.begin_with(policy.clone(), Delivery::Once, plan, 1);
        assert_eq!(world.settled()[&saga], failed("deadline-exceeded"));
        let found = calls(&world, &saga, "pull");
        assert_eq!(found.last().map(String::as_str), Some(last), "{found:?}");
        if find == 0 {
            assert_eq!(found[..4], asked);
        }
        assert_eq!(world.parties.net_of_all(world.now), 0);
    }
}

#[test]
fn asking_does_not_put_off_when_an_answer_is_believed() {
    // The pauses are shorter than the time to settle, and yet it ends.
    let policy = Policy { step_deadline_ms: 5_000, ladder_ms: vec![900], ..policy() };
    let plan = Plan::first(Route::Pull, 1, Fault::Timeout).and(Route::Find, 2, Fault::NotSent);
    let (mut world, saga) = Scene::Deposit.begin_with(policy, Delivery::Once, plan, 1);
    assert_eq!(world.settled()[&saga], failed("deadline-exceeded"));
    let asked = ["0 Pull pull", "5900 Find pull", "6810 Find pull", "7720 Find pull"];
    assert_eq!(calls(&world, &saga, "pull"), asked);
}

#[test]
fn what_is_cancelled_is_asked_after_and_not_made_again() {
    let plan = Plan::first(Route::Pull, 1, Fault::Timeout);
    let (mut world, saga) = Scene::Bank.begin(Delivery::Once, plan);
    while world.called.is_empty() {
        assert!(world.step(), "it is pulled");
    }
    assert_eq!(world.cancel(&saga), Ok(true));
    assert_eq!(world.settled()[&saga], Ending::Cancelled);
    let asked = ["0 Pull pull", "5250 Find pull", "5770 Find pull", "6790 Find pull"];
    assert_eq!(calls(&world, &saga, "pull"), [&asked[..], &["8810 Find pull"]].concat());
}

#[test]
fn what_was_done_last_is_undone_first() {
    let plan = Plan::first(Route::Make, 1, Fault::Late);
    let (mut world, saga) = Scene::Bank.begin(Delivery::Once, plan);
    world.settled();
    let undoing = world.compensation(&saga).expect("it undid").undoing().expect("it has begun");
    let undone: Vec<_> = undoing.undos.iter().map(|undo| undo.name).collect();
    let expected = [StepName::Documents, StepName::Pull, StepName::Mark, StepName::Reserve];
    assert_eq!(undone, expected);
}

#[test]
fn a_success_after_the_deadline_is_given_back() {
    for scene in [Scene::Bank, Scene::Deposit] {
        let plan = Plan::first(Route::Pull, 1, Fault::Late);
        let expected = ["0 Pull pull", "13010 Refund pull/undo"];
        let world = check(scene, plan, &failed("deadline-exceeded"), "pull", &expected);
        assert_eq!(world.parties.net_of_all(world.now), 0);
    }
    let plan = Plan::first(Route::Make, 1, Fault::Late);
    let expected = ["0 Make documents", "13010 Void documents/undo"];
    check(Scene::Wallet, plan, &failed("deadline-exceeded"), "documents", &expected);
}

#[test]
fn after_a_crash_during_a_call_the_same_key_goes_on() {
    for (scene, of, expected) in [
        (Scene::Deposit, "pull", ["0 Pull pull", "0 Find pull", "20 Pull pull"].as_slice()),
        (Scene::Wallet, "documents", &["0 Make documents", "0 Make documents"]),
        (Scene::Wallet, "tell", &["20 Mail tell", "20 Mail tell"]),
    ] {
        let (mut world, saga) = scene.begin(Delivery::Once, Plan::fair());
        while world.called.last().is_none_or(|(_, _, call)| !call.key.ends_with(of)) {
            assert!(world.step(), "{scene:?}: {of} is called");
        }
        world.crash(Strays::Lost);
        assert_eq!(world.settled()[&saga], Ending::Done);
        assert_eq!(calls(&world, &saga, of), expected);
    }
}

#[test]
fn a_definite_no_to_an_undo_gets_a_new_key_and_an_unknown_answer_keeps_it() {
    let refunds = |plan: Plan, expected: &[&str]| {
        let plan = plan.and(Route::Make, 1, Fault::Decline);
        check(Scene::Bank, plan, &failed("not-today"), "pull/undo", expected)
    };
    let first = |count, fault| Plan::first(Route::Refund, count, fault);
    refunds(Plan::fair(), &["40 Refund pull/undo"]);
    refunds(first(1, Fault::Error), &["40 Refund pull/undo", "300 Refund pull/undo"]);
    refunds(first(1, Fault::NotSent), &["40 Refund pull/undo", "300 Refund pull/undo"]);
    refunds(first(1, Fault::LoseAnswer), &["40 Refund pull/undo", "5290 Refund pull/undo"]);
    let world = refunds(
        first(2, Fault::Decline).and(Route::Refund, 1, Fault::Error),
        &[
            "40 Refund pull/undo",
            "310 Refund pull/undo/2",
            "830 Refund pull/undo/3",
            "1840 Refund pull/undo/3",
        ],
    );
    assert_eq!(world.parties.net_of_all(world.now), 0);
}

#[test]
fn a_refund_that_is_pending_is_asked_after_and_not_made_again() {
    let refunds = |fault, find: Plan, ending: &[&str]| {
        let plan = find.and(Route::Make, 1, Fault::Decline).and(Route::Refund, 1, fault);
        let begins = ["40 Refund pull/undo", "310 Find pull/undo"];
        let expected = [&begins[..], ending].concat();
        check(Scene::Bank, plan, &failed("not-today"), "pull/undo", &expected);
    };
    refunds(
        Fault::Pending,
        Plan::fair(),
        &["830 Find pull/undo", "1850 Find pull/undo", "3870 Find pull/undo"],
    );
    // A question without an answer leaves it a question.
    refunds(
        Fault::Pending,
        Plan::first(Route::Find, 1, Fault::Error),
        &["820 Find pull/undo", "1840 Find pull/undo", "3860 Find pull/undo"],
    );
    // Declined in the end: nothing was given back, so it is asked for anew.
    refunds(
        Fault::PendingDecline,
        Plan::fair(),
        &[
            "830 Find pull/undo",
            "1850 Find pull/undo",
            "3870 Find pull/undo",
            "5890 Refund pull/undo/2",
        ],
    );
}

/// A world in which the refund fails so often, run until an undo is stuck.
fn stuck(count: usize, fault: Fault) -> (World, EntityId) {
    let plan = Plan::first(Route::Make, 1, Fault::Decline).and(Route::Refund, count, fault);
    let (mut world, saga) = Scene::Bank.begin(Delivery::Twice, plan);
    while world.compensation(&saga).is_none_or(|undoing| undoing.stuck().is_none()) {
        assert!(world.step(), "it sticks");
    }
    (world, saga)
}

#[test]
fn an_undo_that_keeps_failing_is_shown_as_stuck_with_its_reason() {
    for (fault, reason) in [
        (Fault::Decline, "not-today: no"),
        (Fault::Error, "500"),
        (Fault::NotSent, "the breaker is open"),
        (Fault::Garbage, "<html>"),
    ] {
        let (mut world, saga) = stuck(5, fault);
        let undoing = world.compensation(&saga).expect("it undoes");
        assert_eq!(undoing.stuck(), Some((StepName::Pull, reason)));
        assert_eq!(undoing.progress()[0].attempts, policy().stuck_after);
        assert_eq!(undoing.held().minor(), 100, "the money is still there");
        // It goes on by itself, and is no longer shown when it is done.
        assert_eq!(world.settled()[&saga], failed("not-today"));
        assert_eq!(world.compensation(&saga).expect("it undid").stuck(), None);
    }
}

#[test]
fn an_operator_has_a_stuck_undo_tried_at_once() {
    let (mut world, saga) = stuck(3, Fault::Error);
    let undoing = EntityId::compensation(&saga.id);
    let before = (world.now, world.called.len());
    assert_eq!(world.ask::<Compensation>(&undoing, &compensation::Command::Retry), Ok(1));
    assert_eq!((world.now, world.called.len()), (before.0, before.1 + 1));
    // While it is being tried there is nothing to try.
    let again = world.ask::<Compensation>(&undoing, &compensation::Command::Retry);
    assert_eq!(again, Err(Code::SagaNotStuck));
    let stuck = world.compensation(&saga).expect("it undoes").stuck();
    assert_eq!(stuck, Some((StepName::Pull, "500")), "it is shown until it is done");
    assert_eq!(world.settled()[&saga], failed("not-today"));
    let after = world.ask::<Compensation>(&undoing, &compensation::Command::Retry);
    assert_eq!(after, Err(Code::SagaNotStuck));
}

#[test]
fn an_operator_has_a_call_without_an_answer_asked_after_at_once() {
    let plan = Plan::first(Route::Pull, 1, Fault::LoseAnswer).and(Route::Find, 9, Fault::Error);
    let (mut world, saga) = Scene::Deposit.begin(Delivery::Once, plan);
    let retry = saga::Command::Retry;
    while world.called.len() < 4 {
        assert!(world.step(), "it is asked after again and again");
    }
    assert_eq!(world.ask::<Saga>(&saga, &retry), Err(Code::SagaNotStuck), "it is being asked");
    while !matches!(world.saga(&saga).steps()[1].status, StepStatus::Unanswered { .. }) {
        assert!(world.step(), "no answer comes");
    }
    world.plan = Plan::fair();
    assert_eq!(world.ask::<Saga>(&saga, &retry), Ok(1));
    let now = world.now;
    assert_eq!(world.settled()[&saga], Ending::Done);
    assert_eq!(world.now - now, 20, "nothing waited for the clock");
    assert_eq!(world.ask::<Saga>(&saga, &retry), Err(Code::SagaNotStuck));
}

#[test]
fn a_mail_is_tried_until_patience_is_over_and_its_failure_undoes_nothing() {
    let last = |world: &World, saga: &EntityId| {
        let step = world.saga(saga).steps().last().expect("the mail").clone();
        (step.status, step.detail.map(String::from))
    };
    for (count, fault, expected) in [
        (0, Fault::Error, StepStatus::Done),
        (9, Fault::Error, StepStatus::Done),
        (9, Fault::NotSent, StepStatus::Done),
        (1, Fault::Late, StepStatus::Done),
        (1, Fault::Decline, StepStatus::Failed),
        (99, Fault::Error, StepStatus::Failed),
        (99, Fault::NotSent, StepStatus::Failed),
        (99, Fault::Timeout, StepStatus::Failed),
    ] {
        for scene in [Scene::Bank, Scene::Wallet] {
            let plan = Plan::first(Route::Mail, count, fault);
            let (mut world, saga) = scene.begin(Delivery::Twice, plan);
            assert_eq!(world.settled()[&saga], Ending::Done);
            let (status, detail) = last(&world, &saga);
            assert_eq!(status, expected, "{fault:?} × {count}");
            if count == 99 {
                let detail = detail.expect("it says why");
                assert!(detail.starts_with("mail-undeliverable: given up after "), "{detail}");
                let tried = calls(&world, &saga, "tell").len();
                assert!((6..20).contains(&tried), "{tried}");
            }
        }
    }
}

#[test]
fn a_wallet_without_an_address_is_not_written_to() {
    let (mut world, _) = Scene::Bank.begin(Delivery::Once, Plan::fair());
    world.open_wallet("bob", 0, None);
    world.open_deal("sun", 10, 1);
    let (_, saga) = world.invest("sun", "bob", 10, bursar_domain::saga::investment::Funding::Bank);
    assert_eq!(world.settled()[&saga], Ending::Done);
    let step = world.saga(&saga).steps().last().expect("the mail");
    assert_eq!((step.status, step.attempts), (StepStatus::Skipped, 0));
    assert_eq!(step.detail.as_deref(), Some("the wallet has no e-mail"));
    assert_eq!(world.parties.mails(&saga.id), 0);
}
