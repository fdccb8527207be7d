//! Purchases that are given back: what becomes of their rewards, whenever the reversal comes.
//!
//! Each case is a story in the small world, told for both rules of reversal and many orders of
//! messages: `rest` holds after each that the money is where it belongs and each word was said once.

use bursar_domain::campaign::Terms;
use bursar_domain::campaign::terms::OnReversal;
use bursar_domain::id::EntityId;
use bursar_domain::message::OutcomeKind;
use bursar_domain::money::Amount;
use bursar_domain::statement::{RewardStatus, Submitted};
use bursar_domain::wallet::{self, Wallet};

use crate::purchases::orders;
use crate::stage::{
    amount, euro, noon, pending, posted, posted_for, reversal, reversed, terms, wallet as id,
};
use crate::world::World;

const SEEDS: std::ops::Range<u64> = 0..6;

fn rule(on_reversal: OnReversal) -> Terms {
    Terms { on_reversal, ..terms("spring") }
}

/// The calls, one after the other; before each of them so many things happen. What ann has in the
/// end, whatever the order of messages.
fn check(on_reversal: OnReversal, calls: &[&[Submitted]], expected: i64) {
    for steps in [0, 1, 2, 3, 5, 9, 100] {
        for seed in SEEDS {
            let mut world = World::with(&[rule(on_reversal)], &["ann"], noon(40), seed);
            for lines in calls {
                world.take("ann", lines);
                world.steps(steps);
            }
            world.run();
            let context = format!("{on_reversal:?} after {steps} with {seed}: {calls:?}");
            assert_eq!(world.posted("ann"), expected, "{context}");
            assert_eq!(world.campaign("spring").granted(), amount(expected), "{context}");
            assert_eq!(world.campaign("spring").counts().draws, 1, "{context}");
        }
    }
}

/// In every order, each line in a call of its own, and all of them in one: the reward is gone when
/// it is clawed back, and stays when it is kept.
fn goes_back(lines: &[Submitted]) {
    for order in orders(lines) {
        let one_by_one: Vec<&[Submitted]> = order.iter().map(std::slice::from_ref).collect();
        check(OnReversal::ClawBack, &one_by_one, 0);
        check(OnReversal::ClawBack, &[&order], 0);
    }
    check(OnReversal::Keep, &[lines], 100);
    let one_by_one: Vec<&[Submitted]> = lines.iter().map(std::slice::from_ref).collect();
    check(OnReversal::Keep, &one_by_one, 100);
}

fn stays(lines: &[Submitted]) {
    for order in orders(lines) {
        let one_by_one: Vec<&[Submitted]> = order.iter().map(std::slice::from_ref).collect();
        check(OnReversal::ClawBack, &one_by_one, 100);
        check(OnReversal::ClawBack, &[&order], 100);
    }
}

#[test]
fn a_purchase_is_given_back_under_its_own_id() {
    goes_back(&[posted("x", 38, 500), reversed("x", 39, 500)]);
}

#[test]
fn a_purchase_is_given_back_by_a_line_that_names_it() {
    goes_back(&[posted("x", 38, 500), reversal("r", "x", 39, 500)]);
}

#[test]
fn a_purchase_under_two_ids_is_given_back_by_either() {
    let x = posted_for("x", "p", 38, 500);
    goes_back(&[x.clone(), reversed("x", 39, 500)]);
    goes_back(&[x.clone(), reversed("p", 39, 500)]);
    goes_back(&[x.clone(), reversal("r", "x", 39, 500)]);
    goes_back(&[x, pending("p", 37, 500), reversal("r", "p", 39, 500)]);
}

#[test]
fn a_purchase_that_was_posted_twice_is_given_back_by_either() {
    let (p, x) = (posted("p", 38, 500), posted_for("x", "p", 38, 500));
    goes_back(&[p.clone(), x.clone(), reversed("x", 39, 500)]);
    goes_back(&[p.clone(), x.clone(), reversal("r", "p", 39, 500)]);
    // The reversal alone says which pending line its own replaced.
    let says = crate::stage::with(&reversed("x", 39, 500), |line| {
        line.pending_id = Some("p".into());
    });
    goes_back(&[p, says]);
}

#[test]
fn what_is_given_back_twice_is_taken_back_once() {
    let two = [reversed("x", 39, 500), reversal("r", "x", 39, 500)];
    goes_back(&[&[posted("x", 38, 500)][..], &two].concat());
    let x = posted("x", 38, 500);
    let both = [reversal("r", "x", 39, 250), reversal("s", "x", 39, 250)];
    check(OnReversal::ClawBack, &[&[x], &both, &both], 0);
}

#[test]
fn a_reversal_that_is_itself_reversed_stays_a_reversal() {
    goes_back(&[posted("x", 38, 500), reversal("r", "x", 39, 500), reversal("s", "r", 39, 500)]);
}

#[test]
fn a_reversal_of_anything_else_changes_nothing() {
    stays(&[posted("x", 38, 500), reversal("r", "y", 39, 500)]);
    stays(&[posted("x", 38, 500), reversed("y", 39, 500)]);
}

#[test]
fn a_cancelled_pending_line_says_nothing_of_a_purchase_that_only_looks_like_it() {
    // A payment that failed and was tried again: the second one counts, and its reward stays.
    stays(&[pending("p", 37, 500), reversed("p", 37, 500), posted("x", 38, 500)]);
    stays(&[pending("p", 37, 500), reversal("r", "p", 39, 500), posted("x", 38, 500)]);
}

#[test]
fn known_lines_again_change_nothing() {
    let lines = [posted("x", 38, 500), reversed("x", 39, 500), reversal("r", "x", 39, 500)];
    check(OnReversal::ClawBack, &[&lines[..1], &lines, &lines, &lines[1..]], 0);
}

/// Ann won a hundred and spends some of it before the purchase is given back; a credit limit and a
/// hold play a part. What is left in the wallet, and what was taken back.
fn spent(limit: i64, money: i64, held: i64, expected: (i64, i64)) {
    for seed in SEEDS {
        let mut world = World::with(&[rule(OnReversal::ClawBack)], &[], noon(40), seed);
        world.open("ann", limit, 0);
        world.take("ann", &[posted("x", 38, 500)]);
        world.run();
        let wallet = EntityId::wallet(&id("ann"));
        if money > 0 {
            world.spend("ann", money);
        }
        if held > 0 {
            let (amount, currency) = (amount(held), euro());
            let hold = wallet::Command::Hold { id: "h".into(), amount, currency };
            world.ask::<Wallet>(&wallet, &hold);
        }
        world.take("ann", &[reversed("x", 39, 500)]);
        world.run();
        let (left, taken) = expected;
        assert_eq!(world.posted("ann"), left, "limit {limit}, spent {money}, held {held}");
        assert_eq!(world.campaign("spring").granted(), amount(100 - taken));
        let back = |status: &RewardStatus| *status == RewardStatus::TakenBack(amount(taken));
        assert!(world.rewards().values().all(|reward| back(&reward.status)));
        let told: Vec<_> =
            world.told.iter().filter(|told| told.kind == OutcomeKind::RewardTakenBack).collect();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].amount, told[0].balance_after), (amount(taken), amount(left)));
    }
}

#[test]
fn what_was_spent_is_not_taken_back_beyond_the_limit() {
    spent(0, 0, 0, (0, 100));
    spent(0, 30, 0, (0, 70));
    spent(0, 100, 0, (0, 0));
    spent(0, 30, 60, (60, 10));
    spent(0, 0, 100, (100, 0));
    spent(50, 100, 0, (-50, 50));
    spent(50, 30, 0, (-30, 100));
    spent(50, 150, 0, (-50, 0));
    spent(500, 100, 0, (-100, 100));
}

#[test]
fn a_frozen_wallet_gives_back_as_well() {
    let mut world = World::with(&[rule(OnReversal::ClawBack)], &["ann"], noon(40), 1);
    world.take("ann", &[posted("x", 38, 500)]);
    world.run();
    world.ask::<Wallet>(&EntityId::wallet(&id("ann")), &wallet::Command::Freeze);
    world.take("ann", &[reversed("x", 39, 500), posted("y", 39, 500)]);
    world.run();
    assert_eq!(world.posted("ann"), 100, "y is granted, x is gone");
    assert_eq!(world.campaign("spring").counts().rewards, 2);
}

#[test]
fn several_rewards_go_back_in_the_order_of_their_draws() {
    let mut world = World::with(&[rule(OnReversal::ClawBack)], &["ann"], noon(40), 1);
    world.take("ann", &["a", "b", "c"].map(|name| posted(name, 38, 500)));
    world.run();
    world.spend("ann", 150);
    world.take("ann", &["c", "a", "b"].map(|name| reversed(name, 39, 500)));
    world.run();
    let taken: Vec<_> = world.rewards().into_values().map(|reward| reward.status).collect();
    let back = |minor| RewardStatus::TakenBack(amount(minor));
    assert_eq!(taken, [back(100), back(50), back(0)]);
    assert_eq!(world.posted("ann"), 0);
}

#[test]
fn a_reward_that_the_budget_does_not_hold_has_nothing_to_give_back() {
    let terms = Terms { budget: amount(99), ..rule(OnReversal::ClawBack) };
    for lines in [
        [posted("x", 38, 500), reversed("x", 39, 500)],
        [reversed("x", 39, 500), posted("x", 38, 500)],
    ] {
        let mut world = World::with(std::slice::from_ref(&terms), &["ann"], noon(40), 3);
        world.take("ann", &lines);
        world.run();
        assert_eq!(world.posted("ann"), 0);
        let failed = |status: &RewardStatus| status.as_str() == "budget-exhausted";
        assert!(world.rewards().values().all(|reward| failed(&reward.status) && reward.reversed));
    }
}

#[test]
fn a_purchase_that_is_given_back_while_its_win_waits_goes_back_when_it_is_granted() {
    let mut world = World::with(&[rule(OnReversal::ClawBack)], &["ann"], noon(40), 3);
    world.pause("spring");
    world.take("ann", &[posted("x", 38, 500)]);
    world.run();
    world.take("ann", &[reversed("x", 39, 500)]);
    world.run();
    assert_eq!((world.posted("ann"), world.campaign("spring").waiting().len()), (0, 1));
    world.resume("spring");
    world.run();
    assert_eq!(world.posted("ann"), 0);
    let told = |kind| world.told.iter().filter(|told| told.kind == kind).count();
    assert_eq!(told(OutcomeKind::RewardGranted), 1);
    assert_eq!(told(OutcomeKind::RewardTakenBack), 1);
}

#[test]
fn a_wallet_without_room_says_no_and_the_budget_is_free_again() {
    for (reverse, seed) in [(false, 1), (true, 2), (true, 3)] {
        let mut world = World::with(&[rule(OnReversal::ClawBack)], &["bob"], noon(40), seed);
        world.open("ann", 0, i64::MAX - 100);
        world.take("ann", &[posted("x", 38, 500), posted("y", 38, 500)]);
        if reverse {
            world.take("ann", &[reversed("y", 38, 500), reversed("x", 38, 500)]);
        }
        world.run();
        let status = |status: &RewardStatus| status.as_str().to_owned();
        let mut said: Vec<_> = world.rewards().values().map(|one| status(&one.status)).collect();
        said.sort_unstable();
        if reverse {
            // One may have gone back before the other one came, which then had room.
            assert!(said.contains(&"clawed-back".to_owned()), "{said:?}");
        } else {
            assert_eq!(said, ["failed", "granted"]);
        }
        let campaign = world.campaign("spring");
        let granted = Amount::from_minor(if reverse { 0 } else { 100 });
        assert_eq!(campaign.granted(), granted);
    }
}
