//! What is forgotten, when, and what is not.
//!
//! A line is remembered as long as it could be taken again; what is in memory is bounded by that.
//! The window moves with the UTC date of the calls that bring something new, and never back.

use bursar_domain::call::Context;
use bursar_domain::campaign::terms::{Limits, Odds, OnReversal};
use bursar_domain::campaign::{News, Terms};
use bursar_domain::entity::Entity;
use bursar_domain::id::Seq;
use bursar_domain::saga::Failure;
use bursar_domain::statement::{
    Command, LineAnswer, LineRefusal, RewardStatus, Submitted, WINDOW_LINES_MAX,
};

use crate::desk::{CONFLICT, DUPLICATE, Desk, NEW, refused};
use crate::stage::{
    amount, day, hour, noon, pending, policy, posted, posted_for, reversal, reversed, take, terms,
};

const TOO_OLD: LineAnswer = refused(LineRefusal::TooOld);

#[test]
fn a_line_is_remembered_until_its_date_leaves_the_window() {
    let mut desk = Desk::new(policy([]));
    let mut take = |now, lines: &[Submitted]| {
        let answers = desk.take(now, lines);
        desk.look(now);
        (answers, desk.lines())
    };
    let (x, y, z) = (posted("x", 8, 5), posted("y", 40, 5), posted("z", 41, 5));
    assert_eq!(take(noon(10), &[x.clone(), pending("p", 8, 5)]), (vec![NEW, NEW], 2));
    assert_eq!(take(hour(40, 23), &[x.clone(), y]), (vec![DUPLICATE, NEW], 3));
    // The next day it could not be taken any more, whether it is in memory or not.
    assert_eq!(take(hour(41, 0), std::slice::from_ref(&x)), (vec![TOO_OLD], 3));
    assert_eq!(take(hour(41, 0), &[x.clone(), z]), (vec![TOO_OLD, NEW], 2));
    assert_eq!(take(hour(41, 0), &[x]), (vec![TOO_OLD], 2));
}

#[test]
fn the_window_never_goes_back() {
    let mut desk = Desk::new(policy([]));
    desk.take(noon(40), &[posted("x", 40, 5)]);
    // A clock that goes back, or a window that is configured longer, brings no day back.
    assert_eq!(desk.take(noon(38), &[posted("y", 7, 5)]), [TOO_OLD]);
    desk.policy.rewarding.window_days = 60;
    assert_eq!(desk.take(noon(40), &[posted("y", 7, 5), posted("z", 8, 5)]), [TOO_OLD, NEW]);
    assert_eq!(desk.take(noon(70), &[posted("w", 70, 5), posted("v", 8, 5)]), [NEW, NEW]);
}

#[test]
fn a_line_counts_as_long_as_the_last_line_that_was_it_or_spoke_of_it() {
    // p is dated day 8, x that replaces it day 12: p is not drawn again while x is remembered.
    let mut desk = Desk::new(policy([&terms("spring")]));
    assert_eq!(desk.draws(noon(12), &[pending("p", 8, 5), posted_for("x", "p", 12, 5)]), ["p"]);
    for today in [13, 40, 41, 44] {
        let moves = posted(&format!("m{today}"), today, 5);
        desk.draws(noon(today), &[moves]);
        let entries = desk.entries(noon(today), &[posted("p", 12, 5)]);
        let draws: Vec<_> = entries.iter().map(|entry| entry.draws).collect();
        assert_eq!(draws, [false], "it was never posted itself, and is not drawn on day {today}");
    }
    assert_eq!(desk.take(noon(45), &[posted("p", 12, 5)]), [TOO_OLD]);
}

#[test]
fn a_line_that_the_bank_dates_later_is_not_drawn_again_when_the_first_one_is_forgotten() {
    let mut desk = Desk::new(policy([&terms("spring")]));
    let (first, later) = (posted("x", 8, 5), posted("x", 12, 5));
    assert_eq!(desk.draws(noon(10), std::slice::from_ref(&first)), ["x"]);
    let records = desk.records;
    for _ in 0..3 {
        assert_eq!(desk.take(noon(20), std::slice::from_ref(&later)), [CONFLICT]);
    }
    assert_eq!(desk.records, records + 1, "once it is said that x is kept longer");
    assert!(desk.look(noon(20)).is_none(), "there is nothing to look at");
    for today in 21..=44 {
        let moves = posted(&format!("m{today}"), today, 5);
        assert_eq!(desk.take(noon(today), &[later.clone(), moves]), [CONFLICT, NEW], "{today}");
    }
    assert_eq!(desk.take(noon(45), &[later]), [TOO_OLD]);
    // One that could not be taken anyway keeps nothing.
    let records = desk.records;
    assert_eq!(desk.take(noon(45), &[posted("m44", 47, 5)]), [CONFLICT]);
    assert_eq!(desk.records, records);
}

#[test]
fn a_purchase_that_was_drawn_under_another_id_is_kept_with_a_line_that_conflicts() {
    let mut desk = Desk::new(policy([&terms("spring")]));
    assert_eq!(desk.draws(noon(10), &[posted_for("x", "p", 8, 5)]), ["p"]);
    assert_eq!(desk.take(noon(20), &[posted_for("x", "p", 12, 5)]), [CONFLICT]);
    assert_eq!(desk.draws(noon(42), &[posted("m", 42, 5), posted("p", 12, 5)]), ["m"]);
}

#[test]
fn a_window_that_is_full_takes_again_when_lines_leave_it() {
    let mut desk = Desk::new(policy([]));
    let name = |number: usize| format!("{number}");
    let fill = |desk: &mut Desk, from: usize, to: usize, on: i32| {
        let lines: Vec<_> = (from..to).map(|number| posted(&name(number), on, 5)).collect();
        // Around the checks of the desk, which copies the state at each step.
        let context = Context { now: noon(8), policy: &desk.policy };
        let events = desk.statement.decide(&Command::Take(take("ann", &lines)), &context);
        for event in events.expect("lines are answered one by one") {
            desk.statement.apply(&event, Seq(u64::try_from(to).expect("small")));
        }
    };
    for from in (0..WINDOW_LINES_MAX).step_by(1_000) {
        fill(&mut desk, from, from + 1_000, if from < 2_000 { 7 } else { 8 });
    }
    assert_eq!(desk.lines(), WINDOW_LINES_MAX);
    let judge = |desk: &Desk, today: i32, lines: &[_]| {
        let context = Context { now: noon(today), policy: &desk.policy };
        desk.statement.judge(&take("ann", lines), &context)
    };
    let full = refused(LineRefusal::Full);
    let (known, new) = (posted("7", 7, 5), posted("new", 39, 5));
    assert_eq!(judge(&desk, 39, &[known, new.clone()]), [DUPLICATE, full]);
    // On day 40, 2,000 lines of day 7 leave.
    let lines: Vec<_> = (0..2_001).map(|number| posted(&format!("n{number}"), 40, 5)).collect();
    let answers = judge(&desk, 40, &lines);
    assert_eq!(answers.iter().filter(|answer| **answer == NEW).count(), 2_000);
    assert_eq!(answers.last(), Some(&full));
}

#[test]
fn memory_is_bounded_by_the_window() {
    // A year of the same days, in overlapping batches; nothing wins.
    let odds = Odds { wins: 1, of: u64::MAX };
    let mut desk = Desk::new(policy([&Terms { odds, last_day: day(400), ..terms("x") }]));
    let mut sizes = Vec::new();
    for today in 0..365 {
        let lines: Vec<_> = (0.max(today - 30)..=today)
            .flat_map(|on| {
                [
                    pending(&format!("p{on:03}"), on, 5),
                    posted_for(&format!("x{on:03}"), &format!("p{on:03}"), on, 5),
                    pending(&format!("q{on:03}"), on, 7),
                    reversed(&format!("q{on:03}"), on, 7),
                    reversal(&format!("r{on:03}"), &format!("x{on:03}"), on, 5),
                ]
            })
            .collect();
        let expected = if today == 0 { 5 } else { lines.len() };
        assert_eq!(desk.take(noon(today), &lines).len(), expected);
        desk.look(noon(today)).expect("the newest day is new");
        sizes.push((desk.lines(), desk.size()));
    }
    // Days 8 to 40 are 33: from then on it stays as it is, but for the length of numbers.
    let most = sizes[40..60].iter().max().expect("twenty of them");
    assert_eq!(most.0, 33 * 4);
    assert!(sizes[40..].iter().all(|(lines, bytes)| *lines == most.0 && *bytes <= most.1 + 64));
}

#[test]
fn counts_against_limits_are_kept_until_the_last_batch_of_the_day_is_looked_at() {
    let limits = Limits { rewards: Some(1), amount: None };
    let mut desk = Desk::new(policy([&Terms { limits, ..terms("spring") }]));
    desk.draws(noon(40), &[posted("a", 8, 5)]);
    // Taken on the last day, and not looked at before the day is forgotten.
    assert_eq!(desk.take(hour(40, 23), &[posted("b", 8, 5)]), [NEW]);
    assert_eq!(desk.take(hour(41, 0), &[posted("c", 41, 5)]), [NEW]);
    desk.look(hour(41, 0)).expect("b was taken");
    let (draw, line) = desk.rewards()[1];
    let reward = desk.statement.rewards().get(draw, line).expect("listed");
    assert_eq!(reward.status, RewardStatus::Limited);
}

#[test]
fn a_reversal_is_kept_until_its_purchase_is_looked_at() {
    let mut desk = Desk::new(policy([&terms("spring")]));
    assert_eq!(desk.take(hour(40, 23), &[reversed("a", 8, 5), posted("a", 8, 5)]), [NEW, NEW]);
    assert_eq!(desk.take(hour(41, 0), &[posted("c", 41, 5)]), [NEW]);
    desk.look(hour(41, 0)).expect("a was taken");
    let place = desk.rewards()[0];
    assert_eq!(desk.hear(hour(41, 0), place, News::Credited), 1, "it goes back when it comes");
}

#[test]
fn a_reversal_counts_as_long_as_its_purchase_is_in_the_window() {
    for (rule, today, found) in [
        (OnReversal::ClawBack, 8, true),
        (OnReversal::ClawBack, 40, true),
        (OnReversal::ClawBack, 41, false),
        (OnReversal::Keep, 40, false),
    ] {
        let mut desk = Desk::new(policy([&Terms { on_reversal: rule, ..terms("spring") }]));
        desk.draws(noon(8), &[posted_for("x", "p", 8, 5)]);
        let place = desk.rewards()[0];
        desk.hear(noon(8), place, News::Credited);
        desk.draws(noon(today), &[reversal("r", "x", today, 5)]);
        let asked = desk.asked_back();
        assert_eq!(asked.len(), usize::from(found), "{rule:?} on day {today}");
        assert!(asked.iter().all(|back| (back.id.seq, back.id.line) == place));
        assert!(asked.iter().all(|back| back.amount == amount(100)));
    }
}

#[test]
fn a_reward_is_kept_until_nothing_more_is_heard_of_it() {
    let failure = || News::Failed(Failure::new("balance-overflow", "no room"));
    // What was heard before its day left the window, and whether it is kept then.
    let cases: [(&[News], bool, bool); 6] = [
        (&[], false, true),
        (&[News::Reserved], false, true),
        (&[News::Reserved, failure()], false, false),
        (&[News::Credited], false, false),
        (&[News::Credited], true, true),
        (&[News::Credited, News::TakenBack(amount(100))], true, false),
    ];
    for (heard, is_reversed, is_kept) in cases {
        let mut desk = Desk::new(policy([&terms("spring")]));
        desk.draws(hour(40, 22), &[posted("x", 8, 5)]);
        let place = desk.rewards()[0];
        if is_reversed {
            desk.draws(hour(40, 23), &[reversed("x", 40, 5)]);
        }
        for news in heard {
            desk.hear(hour(40, 23), place, news.clone());
        }
        desk.draws(noon(41), &[posted("m", 41, 5)]);
        assert_eq!(desk.rewards().contains(&place), is_kept, "{heard:?}, reversed: {is_reversed}");
        // A word that was overtaken is heard all the same.
        desk.hear(noon(41), place, News::Reserved);
    }
}

#[test]
fn a_name_that_is_used_again_later_is_another_purchase() {
    // A bank that uses an id again after the window: the old reward is not the new one's.
    let mut desk = Desk::new(policy([&terms("spring")]));
    desk.draws(noon(1), &[posted("x", 1, 5)]);
    let first = desk.rewards()[0];
    desk.hear(noon(1), first, News::Credited);
    assert_eq!(desk.draws(noon(60), &[posted("x", 60, 5)]), ["x"]);
    let second = *desk.rewards().last().expect("it won");
    assert_ne!(first, second);
    desk.hear(noon(60), second, News::Credited);
    desk.draws(noon(61), &[reversed("x", 61, 5)]);
    let asked: Vec<_> = desk.asked_back().iter().map(|back| (back.id.seq, back.id.line)).collect();
    assert_eq!(asked, [second]);
}

#[test]
fn a_name_that_is_used_again_while_its_old_reward_is_in_memory_is_another_purchase() {
    // A batch that waits keeps the old reward; the new purchase is in no campaign's days.
    let (again, back) = (posted("x", 41, 5), reversed("x", 41, 5));
    for calls in [vec![vec![again.clone()], vec![back.clone()]], vec![vec![again, back]]] {
        let mut desk = Desk::new(policy([&Terms { last_day: day(20), ..terms("spring") }]));
        desk.draws(noon(40), &[posted("x", 8, 5)]);
        let place = desk.rewards()[0];
        desk.hear(noon(40), place, News::Credited);
        assert_eq!(desk.take(hour(40, 23), &[posted("y", 8, 5)]), [NEW]);
        for lines in &calls {
            assert!(desk.take(noon(41), lines).iter().all(|answer| *answer == NEW));
            while desk.look(noon(41)).is_some() {}
        }
        assert!(desk.rewards().contains(&place), "it is in memory still");
        assert_eq!(desk.asked_back(), []);
    }
}
