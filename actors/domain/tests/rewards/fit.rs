//! Which purchases a campaign is for, and which of several campaigns draws one.
//!
//! Tables of merchants, days and amounts, each at both of its edges. Of several campaigns that fit, the
//! one that draws is said by priority, then start, then id, and never by the order in which they were
//! announced.

use std::sync::Arc;

use bursar_domain::campaign::merchants::{CodeRange, NameRule, fold};
use bursar_domain::campaign::{Catalogue, Merchants, Purchase, Terms};
use bursar_domain::currency::Currency;

use crate::stage::{amount, campaign, day, euro, hour, merchant, terms};

fn codes(ranges: &[(u16, u16)]) -> Merchants {
    let codes = ranges.iter().map(|(first, last)| CodeRange { first: *first, last: *last });
    Merchants { codes: codes.collect(), ..Merchants::default() }
}

fn ids(ids: &[&str]) -> Merchants {
    let mut ids: Vec<Box<str>> = ids.iter().map(|id| (*id).into()).collect();
    ids.sort_unstable();
    Merchants { ids, ..Merchants::default() }
}

fn names(names: &[NameRule]) -> Merchants {
    Merchants { names: names.to_vec(), ..Merchants::default() }
}

fn exactly(name: &str) -> NameRule {
    NameRule::Exactly(fold(name).into())
}

fn begins_with(name: &str) -> NameRule {
    NameRule::BeginsWith(fold(name).into())
}

#[test]
fn without_rules_every_purchase_fits() {
    let any = Merchants::default();
    assert!(any.is_any());
    assert!(any.fit(None));
    assert!(any.fit(Some(&merchant("", "", None))));
    assert!(any.fit(Some(&merchant("m1", "Baker", Some(1)))));
}

#[test]
fn with_rules_a_purchase_without_a_merchant_fits_nowhere() {
    for rules in [ids(&["m1"]), codes(&[(0, 9_999)]), names(&[begins_with("b")])] {
        assert!(!rules.is_any());
        assert!(!rules.fit(None));
        assert!(!rules.fit(Some(&merchant("", "", None))), "nothing is said of it");
    }
}

#[test]
fn merchants_are_found_by_id_as_written() {
    let rules = ids(&["m9", "m1", "M3", "m20"]);
    for (id, fits) in [("m1", true), ("m9", true), ("m20", true), ("M3", true)] {
        assert_eq!(rules.fit(Some(&merchant(id, "", None))), fits, "{id}");
    }
    for id in ["m2", "m", "m11", "m3", "M1", " m1"] {
        assert!(!rules.fit(Some(&merchant(id, "m1", Some(1)))), "{id}");
    }
}

#[test]
fn ranges_of_category_codes_include_both_ends() {
    let rules = codes(&[(5_411, 5_411), (5_811, 5_814), (0, 3), (9_999, 9_999)]);
    for (code, fits) in [
        (5_410, false),
        (5_411, true),
        (5_412, false),
        (5_810, false),
        (5_811, true),
        (5_813, true),
        (5_814, true),
        (5_815, false),
        (0, true),
        (3, true),
        (4, false),
        (9_998, false),
        (9_999, true),
    ] {
        assert_eq!(rules.fit(Some(&merchant("m1", "x", Some(code)))), fits, "{code}");
    }
    assert!(!rules.fit(Some(&merchant("m1", "x", None))));
}

#[test]
fn names_are_folded_and_whole_or_by_their_beginning() {
    let rules = names(&[exactly("Bäckerei MÜLLER"), begins_with("Café "), begins_with("ΟΔΟΣ")]);
    for (name, fits) in [
        ("Bäckerei Müller", true),
        ("  BÄCKEREI müller ", true),
        ("Bäckerei Müller 2", false),
        ("Bäckerei", false),
        ("CAFÉ", true),
        ("café am ring", true),
        ("Cafeteria", false),
        ("Das Café", false),
        // At the end of a word sigma has another small letter, in the middle it has not.
        ("ΟΔΟΣ", true),
        ("οδος", true),
        ("ΟΔΟΣΑ", true),
        ("", false),
    ] {
        assert_eq!(rules.fit(Some(&merchant("m1", name, None))), fits, "{name:?}");
    }
}

#[test]
fn folding_a_name_again_changes_nothing() {
    for name in ["", " Ab C ", "ΟΔΟΣ", "ẞ straße", "İstanbul", "Ǆ"] {
        assert_eq!(fold(&fold(name)), fold(name), "{name:?}");
    }
}

#[test]
fn one_rule_that_fits_is_enough() {
    let rules = Merchants { ids: ids(&["m1"]).ids, ..codes(&[(10, 20)]) };
    let rules = Merchants { names: vec![exactly("kiosk")], ..rules };
    for (id, name, code, fits) in [
        ("m1", "x", None, true),
        ("m2", "x", Some(10), true),
        ("", "Kiosk", Some(21), true),
        ("m2", "x", Some(21), false),
    ] {
        assert_eq!(rules.fit(Some(&merchant(id, name, code))), fits, "{id} {name} {code:?}");
    }
}

fn purchase(on: i32, minor: i64) -> Purchase<'static> {
    Purchase { day: day(on), amount: amount(minor), currency: euro(), merchant: None }
}

#[test]
fn a_purchase_fits_by_day_amount_and_currency() {
    let of_ten_days = Terms {
        first_day: day(10),
        last_day: day(19),
        min_amount: Some(amount(500)),
        ..terms("spring")
    };
    for (on, minor, fits) in [
        (9, 500, false),
        (10, 500, true),
        (19, 500, true),
        (20, 500, false),
        (15, 499, false),
        (15, 501, true),
    ] {
        assert_eq!(of_ten_days.fit(purchase(on, minor), day(20)), fits, "{minor} on day {on}");
    }
    let dollar = Currency::from_code("USD").expect("known");
    assert!(!of_ten_days.fit(Purchase { currency: dollar, ..purchase(15, 500) }, day(20)));
}

#[test]
fn a_day_is_drawn_while_it_is_open_and_its_seed_is_shown_two_days_later() {
    let terms = Terms { open_days: 32, ..terms("spring") };
    for (today, is_open, is_revealed) in [
        (4, true, false),
        (5, true, false),
        (37, true, false),
        (38, false, false),
        (39, false, true),
        (99, false, true),
    ] {
        assert_eq!(terms.is_open(day(5), day(today)), is_open, "day 5 on day {today}");
        assert_eq!(terms.is_revealed(day(5), day(today)), is_revealed, "day 5 on day {today}");
        assert_eq!(terms.fit(purchase(5, 100), day(today)), is_open, "day 5 on day {today}");
    }
}

#[test]
fn the_campaign_that_draws_is_said_by_priority_then_start_then_id() {
    let starting = |name: &str, priority, from| Terms {
        priority,
        starts_at: hour(from, 0),
        first_day: day(from),
        ..terms(name)
    };
    let all = [
        starting("late", 5, 9),
        starting("b", 5, 3),
        starting("a", 5, 3),
        starting("early", 0, 0),
        starting("last", -1, 0),
        Terms { min_amount: Some(amount(1_000)), ..starting("big", 9, 0) },
    ];
    // Whatever the order in which they were announced.
    for turn in 0..all.len() {
        let mut catalogue = Catalogue::default();
        let turned = all.iter().cycle().skip(turn).take(all.len());
        turned.for_each(|terms| catalogue.add(&Arc::new(terms.clone())));
        let drawn_in = |on, minor| {
            let terms = catalogue.for_purchase(purchase(on, minor), day(20));
            terms.map(|terms| terms.id.as_str().to_owned())
        };
        for (on, minor, expected) in [
            (0, 100, "early"),
            (2, 100, "early"),
            (3, 100, "a"),
            (9, 100, "a"),
            (0, 1_000, "big"),
            (9, 1_000, "big"),
        ] {
            assert_eq!(drawn_in(on, minor).as_deref(), Some(expected), "{minor} on day {on}");
        }
        assert_eq!(drawn_in(-1, 100), None);
        assert_eq!(drawn_in(100, 100), None);
    }
}

#[test]
fn terms_that_are_announced_again_change_nothing() {
    let mut catalogue = Catalogue::default();
    catalogue.add(&Arc::new(terms("spring")));
    let before = catalogue.clone();
    catalogue.add(&Arc::new(Terms { priority: 7, ..terms("spring") }));
    assert_eq!(catalogue, before);
    assert_eq!(catalogue.get(&campaign("spring")).map(|terms| terms.priority), Some(0));
    assert!(catalogue.get(&campaign("autumn")).is_none());
}
