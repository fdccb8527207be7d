//! What each line of a call is answered.
//!
//! Most cases are one call through `check()`: what was sent before, what comes now, what it is
//! answered. The order of the checks is: is the line known, with this content or another; then
//! currency, amount, date, room; cases in which two reasons hold say which one wins.

use bursar_domain::call::Policy;
use bursar_domain::currency::Currency;
use bursar_domain::plan::Day;
use bursar_domain::statement::line::{LINES_MAX, LINES_SIZE_MAX, is_transaction_id};
use bursar_domain::statement::{
    Content, Line, LineAnswer, LineRefusal, LineStatus, Submitted, Take,
};

use crate::desk::{CONFLICT, DUPLICATE, Desk, NEW, refused};
use crate::stage::{
    content, day, euro, hour, merchant, noon, pending, posted, posted_for, reversal, reversed,
    wallet, with,
};

fn check(before: &[Submitted], line: &Submitted, expected: LineAnswer) {
    let mut desk = Desk::new(Policy::default());
    desk.take(noon(40), before);
    assert_eq!(desk.take(noon(40), std::slice::from_ref(line)), [expected], "{line:?}");
    // In one call it is the same.
    let mut desk = Desk::new(Policy::default());
    let all: Vec<_> = before.iter().chain([line]).cloned().collect();
    let answers = desk.take(noon(40), &all);
    assert_eq!(answers.last(), Some(&expected), "{line:?} in one call");
}

fn in_dollars(line: Submitted) -> Submitted {
    Submitted { currency: Currency::from_code("USD").expect("known"), ..line }
}

#[test]
fn a_line_is_new_once() {
    for line in [
        pending("x", 38, 500),
        posted("x", 38, 500),
        posted_for("x", "p", 38, 500),
        reversed("x", 38, 500),
        reversal("x", "y", 38, 500),
    ] {
        check(&[], &line, NEW);
        check(&[posted("other", 38, 500)], &line, NEW);
        check(std::slice::from_ref(&line), &line, DUPLICATE);
    }
}

#[test]
fn anything_else_under_the_same_id_is_a_conflict() {
    let line = posted_for("x", "p", 38, 500);
    let changes: [fn(&mut Content); 12] = [
        |line| line.date = day(37),
        |line| line.date = day(39),
        |line| line.amount = bursar_domain::money::Amount::from_minor(501),
        |line| line.from_account = None,
        |line| line.to_account = Some("DE01".into()),
        |line| line.description = Some("".into()),
        |line| line.merchant = None,
        |line| line.merchant = Some(merchant("m2", "Baker", Some(5_462))),
        |line| line.merchant = Some(merchant("m1", "baker", Some(5_462))),
        |line| line.merchant = Some(merchant("m1", "Baker", None)),
        |line| line.pending_id = None,
        |line| line.pending_id = Some("q".into()),
    ];
    for change in changes {
        check(std::slice::from_ref(&line), &with(&line, change), CONFLICT);
    }
    check(std::slice::from_ref(&line), &in_dollars(line.clone()), CONFLICT);
    check(&[pending("x", 38, 500)], &pending("x", 38, 501), CONFLICT);
    check(&[reversal("x", "y", 38, 500)], &reversal("x", "z", 38, 500), CONFLICT);
}

#[test]
fn the_first_of_two_that_conflict_stands() {
    let mut desk = Desk::new(Policy::default());
    desk.take(noon(40), &[posted("x", 38, 500)]);
    assert_eq!(desk.take(noon(40), &[posted("x", 38, 501)]), [CONFLICT]);
    assert_eq!(desk.take(noon(40), &[posted("x", 38, 500)]), [DUPLICATE]);
    assert_eq!(desk.take(noon(40), &[posted("x", 38, 501)]), [CONFLICT]);
    assert_eq!(desk.records, 1);
}

#[test]
fn a_line_comes_pending_posted_and_reversed_each_once() {
    let (first, second, third) =
        (pending("x", 36, 500), posted("x", 38, 510), reversed("x", 39, 1));
    check(std::slice::from_ref(&first), &second, NEW);
    check(&[first.clone(), second.clone()], &third, NEW);
    // What comes late is known better already.
    check(std::slice::from_ref(&second), &first, DUPLICATE);
    check(&[first.clone(), second.clone()], &first, DUPLICATE);
    check(&[first.clone(), second.clone(), third.clone()], &first, DUPLICATE);
    check(&[first.clone(), second.clone(), third.clone()], &second, DUPLICATE);
    check(&[first.clone(), second.clone(), third.clone()], &third, DUPLICATE);
    check(&[first.clone(), second, third.clone()], &posted("x", 38, 511), CONFLICT);
    // A reversal may come first; it does not stand for what it reverses.
    check(std::slice::from_ref(&third), &first, NEW);
    check(&[first.clone(), third.clone()], &first, DUPLICATE);
    check(&[third, first.clone()], &first, DUPLICATE);
}

#[test]
fn a_reversal_under_the_same_id_may_say_it_in_other_words() {
    check(&[posted("x", 38, 500), reversed("x", 38, 500)], &reversed("x", 39, 499), DUPLICATE);
    check(&[pending("x", 38, 500)], &reversed("x", 39, 499), NEW);
}

#[test]
fn a_line_of_which_another_one_spoke_is_new_all_the_same() {
    let spoken = [posted_for("a", "x", 38, 500), reversal("b", "x", 39, 500)];
    for line in [
        pending("x", 37, 500),
        posted("x", 37, 500),
        reversed("x", 37, 500),
        reversal("x", "y", 37, 500),
    ] {
        check(&spoken, &line, NEW);
    }
}

#[test]
fn a_reversal_that_is_itself_reversed_is_new() {
    check(&[reversal("b", "a", 39, 500)], &reversal("a", "x", 38, 500), NEW);
    check(&[reversal("a", "x", 38, 500)], &reversal("b", "a", 39, 500), NEW);
}

#[test]
fn lines_are_refused_for_the_first_reason_that_holds() {
    let good = posted("x", 38, 500);
    let with_amount = |minor| with(&good, |line| line.amount = crate::stage::amount(minor));
    let (ahead, old) = (posted("x", 42, 500), posted("x", 7, 500));
    for (line, why) in [
        (in_dollars(good.clone()), LineRefusal::Currency),
        (with_amount(0), LineRefusal::Amount),
        (with_amount(-1), LineRefusal::Amount),
        (ahead.clone(), LineRefusal::Ahead),
        (old.clone(), LineRefusal::TooOld),
        (in_dollars(with_amount(0)), LineRefusal::Currency),
        (in_dollars(ahead.clone()), LineRefusal::Currency),
        (with(&ahead, |line| line.amount = crate::stage::amount(0)), LineRefusal::Amount),
        (with(&old, |line| line.amount = crate::stage::amount(0)), LineRefusal::Amount),
    ] {
        check(&[], &line, refused(why));
        for status in [LineStatus::Pending, LineStatus::Reversed] {
            let line = with(&line, |line| line.status = status);
            check(&[], &line, refused(why));
        }
        // It is not remembered: corrected, it may come again.
        check(&[line], &good, NEW);
    }
    check(&[], &with_amount(1), NEW);
    check(&[], &with_amount(i64::MAX), NEW);
}

#[test]
fn what_is_known_comes_before_every_refusal() {
    let good = posted("x", 38, 500);
    let known = std::slice::from_ref(&good);
    check(known, &with(&good, |line| line.amount = crate::stage::amount(0)), CONFLICT);
    check(known, &posted("x", 42, 500), CONFLICT);
    check(known, &posted("x", 7, 500), CONFLICT);
    // Another status of a known line is no exception to the window.
    check(known, &reversed("x", 42, 500), refused(LineRefusal::Ahead));
    check(known, &reversed("x", 7, 500), refused(LineRefusal::TooOld));
}

#[test]
fn the_window_has_both_ends() {
    // On day 40, by UTC: 32 days back; ahead as far as it is anywhere on Earth.
    for (at, date, expected) in [
        (hour(40, 0), 7, refused(LineRefusal::TooOld)),
        (hour(40, 0), 8, NEW),
        (hour(40, 23), 8, NEW),
        (hour(41, 0), 8, refused(LineRefusal::TooOld)),
        (hour(40, 0), 40, NEW),
        (hour(40, 0), 41, refused(LineRefusal::Ahead)),
        (hour(40, 9), 41, refused(LineRefusal::Ahead)),
        (hour(40, 10), 41, NEW),
        (hour(40, 10), 42, refused(LineRefusal::Ahead)),
        (hour(40, 23), 41, NEW),
        (hour(40, 23), 42, refused(LineRefusal::Ahead)),
    ] {
        let mut desk = Desk::new(Policy::default());
        assert_eq!(desk.take(at, &[posted("x", date, 1)]), [expected], "{date} at {at}");
    }
}

#[test]
fn the_window_is_as_long_as_configured() {
    let mut policy = Policy::default();
    (policy.rewarding.window_days, policy.rewarding.margin_days) = (3, 1);
    let mut desk = Desk::new(policy);
    let answers = desk.take(noon(40), &[posted("a", 35, 1), posted("b", 36, 1)]);
    assert_eq!(answers, [refused(LineRefusal::TooOld), NEW]);
}

#[test]
fn answers_stand_in_the_order_of_the_call() {
    let mut desk = Desk::new(Policy::default());
    let zero = with(&posted("z", 38, 5), |line| line.amount = crate::stage::amount(0));
    let lines = [
        zero,
        posted("a", 38, 5),
        posted("a", 38, 5),
        posted("a", 38, 6),
        posted("b", 38, 5),
        posted("c", 3, 5),
        reversed("b", 38, 5),
    ];
    let answers = desk.take(noon(40), &lines);
    let (zero, old) = (refused(LineRefusal::Amount), refused(LineRefusal::TooOld));
    assert_eq!(answers, [zero, NEW, DUPLICATE, CONFLICT, NEW, old, NEW]);
}

#[test]
fn a_call_without_anything_new_leaves_no_record() {
    let mut desk = Desk::new(Policy::default());
    let lines = [pending("p", 37, 5), posted("a", 38, 5), reversed("a", 38, 5), posted("b", 38, 5)];
    desk.take(noon(40), &lines);
    for now in [noon(40), hour(40, 23), hour(41, 0), noon(60)] {
        assert_eq!(desk.take(now, &lines), [DUPLICATE; 4]);
        assert_eq!(desk.take(now, &[posted("old", 3, 5)]), [refused(LineRefusal::TooOld)]);
    }
    assert_eq!(desk.take(noon(40), &[]), []);
    assert_eq!(desk.records, 1);
}

#[test]
fn ids_are_checked_byte_by_byte() {
    let longest = "é".repeat(32);
    for (text, good) in [
        ("a", true),
        ("Zahlung 7/3 – Café", true),
        (longest.as_str(), true),
        (&"x".repeat(65), false),
        (&"é".repeat(33), false),
        ("", false),
        (" a", false),
        ("a ", false),
        ("a\u{a0}", false),
        ("a\0b", false),
        ("a\nb", false),
        ("a\u{85}b", false),
    ] {
        assert_eq!(is_transaction_id(text), good, "{text:?}");
        let line = content(text, LineStatus::Posted, 1, 1);
        assert_eq!(Line::new(line).is_some(), good, "{text:?}");
        let line = content("a", LineStatus::Posted, 1, 1);
        let linked = Content { pending_id: Some(text.into()), ..line.clone() };
        assert_eq!(Line::new(linked).is_some(), good, "{text:?}");
        let linked = Content { reversal_of: Some(text.into()), ..line };
        assert_eq!(Line::new(linked).is_some(), good, "{text:?}");
    }
}

#[test]
fn a_line_reads_back_and_a_bad_one_does_not() {
    let config = bincode::config::standard();
    for line in [posted_for("x", "p", 38, 500), reversal("x", "y", 38, 500), pending("é", 1, 1)] {
        let bytes = bincode::encode_to_vec(&*line.line, config).expect("encodes");
        let (read, _): (Line, _) = bincode::decode_from_slice(&bytes, config).expect("decodes");
        assert_eq!(read, *line.line, "slot and mark included");
    }
    let bytes = bincode::encode_to_vec(content(" x", LineStatus::Posted, 1, 1), config);
    let bytes = bytes.expect("encodes");
    assert!(bincode::decode_from_slice::<Line, _>(&bytes, config).is_err());
}

#[test]
fn a_call_is_cut_into_decisions_in_order() {
    let name = |number: usize| format!("{number:05}");
    let many: Vec<_> = (0..1_203).map(|number| posted(&name(number), 1, 1)).collect();
    let calls = Take::cut(&wallet("ann"), euro(), many.clone());
    let sizes: Vec<_> = calls.iter().map(|call| call.lines.len()).collect();
    assert_eq!(sizes, [LINES_MAX, LINES_MAX, 203]);
    let joined: Vec<_> = calls.into_iter().flat_map(|call| call.lines).collect();
    assert_eq!(joined, many);
    assert_eq!(Take::cut(&wallet("ann"), euro(), Vec::new()), []);

    // Long lines are fewer to a decision: what they have on disk stays below the bound.
    let long = |number: usize| {
        with(&posted(&name(number), 1, i64::MAX), |line| {
            line.date = Day::MAX;
            line.from_account = Some("f".repeat(64).into());
            line.to_account = Some("t".repeat(64).into());
            line.description = Some("d".repeat(1_024).into());
            line.merchant = Some(merchant(&"i".repeat(64), &"n".repeat(256), Some(9_999)));
            line.pending_id = Some("p".repeat(64).into());
            line.reversal_of = Some("r".repeat(64).into());
        })
    };
    let many: Vec<_> = (0..300).map(long).collect();
    let calls = Take::cut(&wallet("ann"), euro(), many.clone());
    let config = bincode::config::standard();
    for call in &calls {
        let size = |line: &Submitted| bincode::encode_to_vec(&*line.line, config).expect("encodes");
        let bytes: usize = call.lines.iter().map(|line| size(line).len()).sum();
        assert!(bytes <= LINES_SIZE_MAX, "{bytes} in {} lines", call.lines.len());
        assert!(bytes > LINES_SIZE_MAX / 2 || call.lines.len() < 40, "{bytes}: as many as fit");
    }
    let joined: Vec<_> = calls.into_iter().flat_map(|call| call.lines).collect();
    assert_eq!(joined, many);
}
