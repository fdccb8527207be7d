//! The report of an import of bank lines: what fits, what does not, and what is told.
//!
//! Made from outcomes by hand, so that each test shows only what it is about: how many lines there
//! are for a campaign, and how far its count of draws went.

use serde_json::{Value, json};

use super::*;

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn campaigns(draws: u64) -> Campaigns {
    let campaign = json!({
        "id": "spring", "currency": "CZK", "first_day": "2027-01-01", "last_day": "2027-12-31",
        "starts_at": "2027-01-01T00:00:00.000Z", "priority": 0, "merchants": {}, "draws": draws,
        "wins": draws / 10, "rewards": draws / 20, "exhausted": draws / 20, "failed": 0,
        "waiting": 0, "granted": "12.50",
    });
    Campaigns::new(vec![serde_json::from_value(campaign).expect("a campaign")])
}

/// A run over 40 lines of which 20 are for the campaign.
fn outcome(before: u64, after: u64) -> Outcome {
    let due = Due { all: 20, new: 20, there: 0 };
    Outcome {
        currency: Currency::from_code("CZK").expect("the koruna is in the table"),
        days: (day("2027-01-01"), day("2027-01-31")),
        accounts: 3,
        zeros: 1,
        counts: Counts { sent: 100, new: 40, duplicate: 60, conflict: 0, refused: 0 },
        standing: Standing { new: 40, ..Standing::default() },
        from_its_beginning: true,
        eligible: Eligible { by_campaign: [("spring".to_owned(), due)].into() },
        before: campaigns(before),
        after: campaigns(after),
        faults: Vec::new(),
    }
}

#[test]
fn a_whole_run_adds_its_lines_to_the_draws_and_no_others() {
    for (before, after, good) in
        [(0, 20, true), (100, 120, true), (0, 19, false), (0, 21, false), (5, 20, false)]
    {
        let report = Report::new(outcome(before, after));
        assert_eq!(report.is_good(), good, "{before} to {after}");
        assert_eq!(report.complaints().is_empty(), good, "{before} to {after}");
    }
}

#[test]
fn a_run_that_goes_on_looks_at_all_draws_of_the_campaign() {
    let resumed = |after, from_its_beginning| {
        let due = Due { all: 20, new: 5, there: 3 };
        Report::new(Outcome {
            counts: Counts { sent: 20, new: 10, duplicate: 10, conflict: 0, refused: 0 },
            standing: Standing { unsent: 24, new: 10, there: 6, not: 0 },
            eligible: Eligible { by_campaign: [("spring".to_owned(), due)].into() },
            from_its_beginning,
            ..outcome(12, after)
        })
    };
    assert!(resumed(20, true).is_good());
    assert!(!resumed(19, true).is_good());
    // A part in the midst of the file: only what this run added can be held against its lines.
    for (after, good) in [(16, false), (17, true), (20, true), (21, false)] {
        assert_eq!(resumed(after, false).is_good(), good, "{after}");
    }
}

#[test]
fn wrong_answers_and_lines_that_were_not_new_are_told() {
    let fault = "line 7: transaction 5 was refused: too-old: no".to_owned();
    let report = Report::new(Outcome { faults: vec![fault.clone()], ..outcome(0, 20) });
    assert!(!report.is_good());
    assert_eq!(report.complaints(), [fault]);
    let twice = Counts { new: 41, ..outcome(0, 20).counts };
    assert!(!Report::new(Outcome { counts: twice, ..outcome(0, 20) }).is_good());
}

#[test]
fn the_table_says_lines_then_campaigns_then_the_verdict() {
    let text = Report::new(outcome(0, 20)).to_table();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "lines                   count");
    assert_eq!(lines[1], "in the file                40");
    assert_eq!(lines[2], "sent, with the overlap    100");
    assert!(text.contains("of zero, left out           1\n"), "{text}");
    assert!(!text.contains("there before"), "{text}");
    assert!(text.contains("campaign  for it  drawn  won  granted  amount in CZK"), "{text}");
    assert!(text.contains("spring        20     20    2        1          12.50"), "{text}");
    assert!(text.ends_with(
        "3 accounts, from 2027-01-01 to 2027-01-31.\nEvery line counts once, and each that is for \
         a campaign was drawn once.\n"
    ));
    let wrong = Report::new(outcome(0, 19)).to_table();
    assert!(wrong.ends_with("but the draws are not the lines.\n"), "{wrong}");
}

#[test]
fn the_document_for_programs_says_the_same() {
    let document: Value =
        serde_json::from_str(&Report::new(outcome(0, 20)).to_json()).expect("one document");
    assert_eq!((&document["good"], &document["drawn_once"]), (&true.into(), &true.into()));
    assert_eq!((&document["lines"], &document["new"]), (&40.into(), &40.into()));
    assert_eq!((&document["drawn"], &document["won"]), (&20.into(), &2.into()));
    assert_eq!(document["granted_amount"], "12.50");
    assert_eq!(document["campaigns"][0]["campaign"], "spring");
}
