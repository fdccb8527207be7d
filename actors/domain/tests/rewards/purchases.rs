//! Which purchases are drawn: posted ones, each once, under whichever ids its lines come.
//!
//! A purchase is what a posted line names: its `pending_id`, or else its own id. The tables go
//! through every order of a few lines, because none may matter. What only looks alike is written
//! down, and nothing follows from it.

use bursar_domain::campaign::terms::Limits;
use bursar_domain::campaign::{Merchants, Terms};
use bursar_domain::statement::{Entry, Fate, RewardStatus, Submitted};

use crate::desk::{Desk, NEW, purchases};
use crate::stage::{
    amount, content, day, merchant, noon, pending, policy, posted, posted_for, prize, reversal,
    reversed, terms, with,
};

/// Every order of some lines.
pub(crate) fn orders(lines: &[Submitted]) -> Vec<Vec<Submitted>> {
    if lines.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for at in 0..lines.len() {
        let mut rest = lines.to_vec();
        let first = rest.remove(at);
        all.extend(orders(&rest).into_iter().map(|order| [vec![first.clone()], order].concat()));
    }
    all
}

/// In every order, in one call, line by line, and all again: these purchases are drawn.
fn check(lines: &[Submitted], expected: &[&str]) {
    for order in orders(lines) {
        let mut desk = Desk::new(policy([&terms("spring")]));
        let mut drawn = desk.draws(noon(40), &order);
        drawn.sort_unstable();
        assert_eq!(drawn, expected, "{order:?} in one call");
        assert_eq!(desk.draws(noon(41), &order), [""; 0], "{order:?} again");

        let mut desk = Desk::new(policy([&terms("spring")]));
        let one = |line: &Submitted| desk.draws(noon(40), std::slice::from_ref(line));
        let mut drawn: Vec<_> = order.iter().chain(&order).flat_map(one).collect();
        drawn.sort_unstable();
        assert_eq!(drawn, expected, "{order:?} line by line");

        // All taken in before any is looked at.
        let mut desk = Desk::new(policy([&terms("spring")]));
        for line in &order {
            desk.take(noon(40), std::slice::from_ref(line));
        }
        let looked_at = std::iter::from_fn(|| desk.look(noon(45)));
        let mut drawn: Vec<_> = looked_at.flat_map(|drawn| purchases(&drawn.draws)).collect();
        drawn.sort_unstable();
        assert_eq!(drawn, expected, "{order:?} looked at late");
    }
}

#[test]
fn only_posted_lines_are_drawn() {
    check(&[pending("x", 38, 500)], &[]);
    check(&[reversed("x", 38, 500)], &[]);
    check(&[reversal("r", "x", 38, 500)], &[]);
    check(&[posted("x", 38, 500)], &["x"]);
}

#[test]
fn a_purchase_under_one_id_is_drawn_once() {
    check(&[pending("x", 37, 500), posted("x", 38, 510)], &["x"]);
    check(&[pending("x", 37, 500), posted("x", 38, 510), reversed("x", 39, 510)], &["x"]);
    check(&[pending("x", 37, 500), reversed("x", 39, 510)], &[]);
}

#[test]
fn a_purchase_under_two_ids_is_drawn_once_under_the_pending_one() {
    check(&[pending("p", 37, 500), posted_for("x", "p", 38, 510)], &["p"]);
    check(&[posted_for("x", "p", 38, 510)], &["p"]);
    check(&[pending("p", 37, 500), posted_for("x", "p", 38, 500), reversed("p", 39, 1)], &["p"]);
    check(&[posted_for("x", "p", 38, 500), reversal("r", "x", 39, 1), pending("x", 30, 1)], &["p"]);
    // A line may name itself.
    check(&[posted_for("x", "x", 38, 500), pending("x", 37, 500)], &["x"]);
}

#[test]
fn a_purchase_that_is_posted_more_than_once_is_drawn_once() {
    check(&[posted("p", 38, 500), posted_for("x", "p", 38, 500)], &["p"]);
    let two = [posted_for("x", "p", 38, 500), posted_for("y", "p", 38, 500)];
    check(&two, &["p"]);
    check(&[&two[..], &[posted("p", 38, 500), pending("p", 37, 500)]].concat(), &["p"]);
}

#[test]
fn a_line_that_replaces_a_posted_one_is_a_purchase_of_its_own_name() {
    // Contradictory: y is posted for p, and z says that y was pending. Each name is drawn once.
    check(&[posted_for("y", "p", 38, 500), posted_for("z", "y", 38, 500)], &["p", "y"]);
}

#[test]
fn lines_that_look_alike_are_purchases_of_their_own() {
    // The rule of likeness must cost nobody a draw, in whatever order the lines come.
    check(&[pending("p", 37, 500), posted("x", 38, 500)], &["x"]);
    check(&[pending("p", 37, 500), posted("x", 38, 500), posted("p", 38, 500)], &["p", "x"]);
    check(&[posted("x", 38, 500), posted("y", 38, 500)], &["x", "y"]);
    let coffees =
        [pending("p", 37, 3), pending("q", 37, 3), posted("x", 38, 3), posted("q", 38, 3)];
    check(&coffees, &["q", "x"]);
}

/// What a posted line replaces after some others came.
fn replaced(before: &[Submitted], line: &Submitted) -> Option<Submitted> {
    let mut desk = Desk::new(policy([]));
    desk.take(noon(40), before);
    let entries = desk.entries(noon(40), std::slice::from_ref(line));
    let [Entry { replaces, draws, .. }] = &*entries else { panic!("{entries:?}") };
    assert!(draws, "{line:?}");
    let slot = (*replaces)?;
    let is_it = |line: &&Submitted| line.line.slot() == slot;
    Some(before.iter().find(is_it).expect("one of those before").clone())
}

#[test]
fn a_posted_line_without_a_link_replaces_the_oldest_pending_one_that_is_like_it() {
    let (p, q) = (pending("p", 36, 500), pending("q", 37, 500));
    let x = posted("x", 38, 500);
    let both = [q.clone(), p.clone()];
    assert_eq!(replaced(&both, &x), Some(p.clone()));
    // Not one that was settled in any way.
    for settled in [
        posted("p", 38, 500),
        reversed("p", 38, 500),
        reversal("r", "p", 38, 500),
        posted_for("w", "p", 38, 500),
        posted("w", 38, 500),
    ] {
        let before = [&both[..], &[settled]].concat();
        assert_eq!(replaced(&before, &x), Some(q.clone()), "{before:?}");
    }
    assert_eq!(replaced(&[], &x), None);
    assert_eq!(replaced(&both, &posted_for("x", "q", 38, 500)), Some(q.clone()), "as it says");
    // One that was pending under its own id replaces no other.
    assert_eq!(replaced(&[p.clone(), pending("x", 37, 500)], &x), None);
    assert_eq!(replaced(std::slice::from_ref(&p), &posted("p", 38, 500)), None);
}

#[test]
fn likeness_is_accounts_merchant_amount_and_near_dates() {
    let p = pending("p", 31, 500);
    let cases: [(&str, Submitted, bool); 13] = [
        ("7 days later", posted("x", 38, 500), true),
        ("8 days later", posted("x", 39, 500), false),
        ("the same day", posted("x", 31, 500), true),
        ("a day before", posted("x", 30, 500), false),
        ("another amount", posted("x", 33, 501), false),
        ("from elsewhere", with(&posted("x", 33, 500), |l| l.from_account = None), false),
        (
            "to elsewhere",
            with(&posted("x", 33, 500), |l| l.to_account = Some("DE01".into())),
            false,
        ),
        (
            "another description",
            with(&posted("x", 33, 500), |l| l.description = Some("!".into())),
            true,
        ),
        (
            "another name of the merchant",
            with(&posted("x", 33, 500), |l| l.merchant = Some(merchant("m1", "B", None))),
            true,
        ),
        (
            "another merchant",
            with(&posted("x", 33, 500), |l| l.merchant = Some(merchant("m2", "Baker", None))),
            false,
        ),
        ("no merchant", with(&posted("x", 33, 500), |l| l.merchant = None), false),
        (
            "the merchant's id as a name",
            with(&posted("x", 33, 500), |l| l.merchant = Some(merchant("", "m1", None))),
            true,
        ),
        (
            "accounts exchanged",
            with(&posted("x", 33, 500), |line| {
                std::mem::swap(&mut line.from_account, &mut line.to_account);
            }),
            false,
        ),
    ];
    for (what, line, is_like) in cases {
        assert_eq!(replaced(std::slice::from_ref(&p), &line).is_some(), is_like, "{what}");
    }
}

#[test]
fn a_draw_says_all_that_it_was_made_from() {
    let spring = Terms {
        prizes: vec![prize(1, 250)],
        merchants: Merchants { ids: vec!["m1".into()], ..Merchants::default() },
        ..terms("spring")
    };
    let autumn = Terms { priority: -1, prizes: vec![prize(1, 70)], ..terms("autumn") };
    let mut desk = Desk::new(policy([&spring, &autumn]));
    let elsewhere = with(&posted("c", 38, 900), |line| line.merchant = None);
    let before = posted("d", 10, 1);
    let lines = [pending("a", 37, 500), posted_for("b", "a", 38, 510), elsewhere, before];
    assert_eq!(desk.take(noon(40), &lines), [NEW; 4]);
    let drawn = desk.look(noon(40)).expect("it was taken");
    let said: Vec<_> = drawn
        .draws
        .iter()
        .map(|draw| {
            let party = &drawn.campaigns[usize::from(draw.campaign)];
            let Fate::Won { prize: 0, amount } = draw.fate else { panic!("{draw:?}") };
            (draw.line, party.campaign.as_str(), &*draw.purchase, draw.day, draw.amount, amount)
        })
        .collect();
    assert_eq!(
        said,
        [
            (1, "spring", "a", day(38), amount(510), amount(250)),
            (2, "autumn", "c", day(38), amount(900), amount(70)),
            (3, "spring", "d", day(10), amount(1), amount(250)),
        ]
    );
    assert_eq!(desk.sent.len(), 2, "each campaign is told once: {:?}", desk.sent);
}

#[test]
fn a_purchase_that_no_campaign_is_for_is_looked_at_and_not_drawn() {
    let mut desk = Desk::new(policy([&Terms { min_amount: Some(amount(501)), ..terms("spring") }]));
    assert_eq!(desk.draws(noon(40), &[posted("x", 38, 500)]), [""; 0]);
    assert!(desk.sent.is_empty());
    // It was looked at; what comes later of it is not drawn either.
    assert_eq!(desk.draws(noon(40), &[posted_for("y", "x", 38, 900)]), [""; 0]);
}

#[test]
fn the_date_of_taking_counts_however_late_a_batch_is_looked_at() {
    // On its last day the line was taken; it is looked at after midnight, or after weeks.
    for late in [noon(40), noon(41), noon(43), noon(90)] {
        let mut desk = Desk::new(policy([&terms("spring")]));
        assert_eq!(desk.take(noon(40), &[posted("x", 8, 500)]), [NEW]);
        let drawn = desk.look(late).expect("it was taken");
        assert_eq!(purchases(&drawn.draws), ["x"], "looked at on {late}");
    }
}

#[test]
fn limits_hold_for_a_customer_and_a_day_of_purchases() {
    let limited = |rewards, money: Option<i64>| Terms {
        limits: Limits { rewards, amount: money.map(amount) },
        prizes: vec![prize(1, 100)],
        ..terms("spring")
    };
    let line = |name: &str, on| posted(name, on, 500);
    let lines = [line("a", 38), line("b", 38), line("c", 37), line("d", 38), line("e", 37)];
    for (terms, expected) in [
        (limited(None, None), [true; 5]),
        (limited(Some(2), None), [true, true, true, false, true]),
        (limited(Some(1), None), [true, false, true, false, false]),
        (limited(Some(0), None), [false; 5]),
        (limited(None, Some(299)), [true, true, true, false, true]),
        (limited(None, Some(199)), [true, false, true, false, false]),
        (limited(Some(2), Some(100)), [true, false, true, false, false]),
    ] {
        // In one call, and line by line.
        let mut one = Desk::new(policy([&terms]));
        one.take(noon(40), &lines);
        let mut draws = one.look(noon(40)).expect("taken").draws;
        let mut many = Desk::new(policy([&terms]));
        for line in &lines {
            many.take(noon(40), std::slice::from_ref(line));
        }
        while let Some(drawn) = many.look(noon(40)) {
            draws.extend(drawn.draws);
        }
        let won: Vec<_> = draws.iter().map(|draw| matches!(draw.fate, Fate::Won { .. })).collect();
        assert_eq!(won, [expected, expected].concat(), "{:?}", terms.limits);
        for (draw, line) in one.rewards() {
            let reward = one.statement.rewards().get(draw, line).expect("listed");
            let is_limited = reward.status == RewardStatus::Limited;
            assert_eq!(is_limited, !expected[usize::from(line)], "{reward:?}");
        }
    }
}

#[test]
fn a_smaller_prize_may_fit_where_a_larger_one_did_not() {
    let share = bursar_domain::campaign::terms::Worth::Share {
        millionths: 100_000,
        rounding: bursar_domain::campaign::terms::Rounding::Down,
        most: None,
    };
    let terms = Terms {
        limits: Limits { rewards: None, amount: Some(amount(100)) },
        prizes: vec![bursar_domain::campaign::terms::Prize { weight: 1, worth: share }],
        ..terms("spring")
    };
    let mut desk = Desk::new(policy([&terms]));
    desk.take(noon(40), &[posted("a", 38, 900), posted("b", 38, 110), posted("c", 38, 100)]);
    let drawn = desk.look(noon(40)).expect("taken");
    let fates: Vec<_> = drawn.draws.iter().map(|draw| draw.fate).collect();
    let of = |minor| amount(minor);
    assert_eq!(
        fates,
        [
            Fate::Won { prize: 0, amount: of(90) },
            Fate::Limited { prize: 0, amount: of(11) },
            Fate::Won { prize: 0, amount: of(10) },
        ]
    );
}

#[test]
fn what_is_drawn_does_not_depend_on_what_else_a_line_says() {
    // The key is the wallet's id and the purchase's name; amount and merchant only choose.
    let odds = bursar_domain::campaign::terms::Odds { wins: 1, of: 3 };
    let terms = Terms { odds, ..terms("spring") };
    for number in 0..40 {
        let name = format!("t{number}");
        let plain = posted(&name, 38, 500);
        let other = with(&plain, |line| {
            *line = content(&name, line.status, 38, 77);
            line.merchant = None;
            line.description = Some("another".into());
        });
        let fate = |line: &Submitted| {
            let mut desk = Desk::new(policy([&terms]));
            desk.take(noon(40), std::slice::from_ref(line));
            desk.look(noon(40)).expect("taken").draws[0].fate
        };
        assert_eq!(fate(&plain), fate(&other), "{name}");
    }
}
