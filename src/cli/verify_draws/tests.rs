//! The check over tables made by hand: each kind of fault is found, and nothing else is one.
//!
//! The draws are made by the arithmetic under test, so that only what a test changes is wrong; that
//! the arithmetic is the right one is tested beside it, against another program.

use super::draw::{Chances, Drawer, commitment};
use super::rows::bytes_of;
use super::*;

const PRIZES: &str = "[{\"weight\":3,\"amount_minor\":500},\
                      {\"weight\":1,\"millionths\":100000,\"rounding\":\"half-even\"}]";
const SEED: [u8; 32] = [7; 32];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).map(char::from).collect()
}

fn campaign() -> Campaign {
    Campaign {
        id: "spring".to_owned(),
        currency: "EUR".to_owned(),
        first_day: "2027-03-01".to_owned(),
        last_day: "2027-05-31".to_owned(),
        odds_wins: 1,
        odds_of: 2,
        prizes: PRIZES.to_owned(),
        min_amount_minor: Some(100),
        open_days: 32,
    }
}

fn promise(day: &str) -> Commitment {
    Commitment {
        campaign: Some("spring".to_owned()),
        day: day.to_owned(),
        sha256: hex(&commitment(&SEED)),
        published_at: "2027-02-01T00:00:00.000Z".to_owned(),
        published_before_day: true,
        seed: Some(hex(&SEED)),
    }
}

fn draw(number: u32) -> Draw {
    let chances = Chances::new(1, 2, serde_json::from_str(PRIZES).expect("a table"));
    let key = format!("ann/tx-{number}");
    let won = chances.expect("chances").draw(&Drawer::new(&SEED), &key, 1_250);
    let won = won.expect("a small prize");
    Draw {
        reward_id: format!("rwd_9-{number}_ann"),
        wallet: "ann".to_owned(),
        campaign: "spring".to_owned(),
        transaction_id: format!("tx-{number}"),
        business_key: key,
        day: "2027-03-01".to_owned(),
        purchase_amount_minor: 1_250,
        currency: "EUR".to_owned(),
        won: won.is_some(),
        prize: won.map(|won| won.prize),
        prize_amount_minor: won.map(|won| won.amount_minor),
        limited: false,
        drawn_at: "2027-03-02T08:00:00.000Z".to_owned(),
    }
}

/// Fifty draws of one day, after a change to the tables.
fn check(change: impl FnOnce(&mut Campaign, &mut Commitment, &mut Vec<Draw>)) -> Check {
    let (mut campaign, mut promise) = (campaign(), promise("2027-03-01"));
    let mut draws: Vec<_> = (0..50).map(draw).collect();
    change(&mut campaign, &mut promise, &mut draws);
    let mut check = Check::default();
    check.campaign(campaign);
    check.commitment(&promise, "spring");
    for draw in &draws {
        check.draw(draw);
    }
    check
}

fn faults(change: impl FnOnce(&mut Campaign, &mut Commitment, &mut Vec<Draw>)) -> Vec<String> {
    check(change).faults.told()
}

#[test]
fn draws_that_are_what_the_seed_says_are_good() {
    let check = check(|_, _, _| ());
    assert_eq!(check.faults.told(), [] as [&str; 0]);
    let counts = &check.parties().next().expect("a campaign").counts;
    assert_eq!((counts.draws, counts.checked, counts.hidden), (50, 50, 0));
    assert!((10..40).contains(&counts.won), "{counts:?}");
    let text = report::to_table(&check);
    assert!(text.contains("Every draw that could be done again is the one in the file."), "{text}");
    assert!(text.contains("50       50             0"), "{text}");
    let document: serde_json::Value =
        serde_json::from_str(&report::to_json(&check)).expect("one document");
    assert_eq!((&document["good"], &document["checked"]), (&true.into(), &50.into()));
    assert_eq!(document["campaigns"][0]["expected"], "25.0");
}

#[test]
fn every_change_of_a_draw_is_found() {
    type Change = fn(&mut Draw);
    let changes: [(&str, Change, &str); 9] = [
        ("a win", |draw| draw.won = !draw.won, "it has a prize and has not won"),
        ("a prize", |draw| draw.prize = Some(1 - draw.prize.unwrap_or(0)), "the seed says prize"),
        ("more", |draw| draw.prize_amount_minor = Some(501), "the seed says prize"),
        ("a key", |draw| draw.business_key.push('0'), "its key is not its wallet"),
        ("a currency", |draw| draw.currency = "CZK".to_owned(), "its currency is not"),
        ("a day", |draw| draw.day = "2027-06-01".to_owned(), "its day is not the campaign's"),
        ("a small purchase", |draw| draw.purchase_amount_minor = 99, "too small"),
        ("a campaign", |draw| draw.campaign = "autumn".to_owned(), "there is no campaign autumn"),
        ("no day", |draw| draw.day = "soon".to_owned(), "\"soon\" is not a day"),
    ];
    for (name, change, words) in changes {
        let found = faults(|_, _, draws| {
            let winner = draws.iter_mut().find(|draw| draw.won).expect("one wins");
            change(winner);
        });
        assert!(found.iter().any(|fault| fault.contains(words)), "{name}: {found:?}");
    }
}

#[test]
fn a_loser_that_should_have_won_is_found() {
    let found = faults(|_, _, draws| {
        let winner = draws.iter_mut().find(|draw| draw.won).expect("one wins");
        (winner.won, winner.prize, winner.prize_amount_minor) = (false, None, None);
    });
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("the seed says prize") && found[0].contains("nothing is won"));
}

#[test]
fn a_seed_that_was_not_promised_is_found() {
    let found = faults(|_, promise, _| promise.seed = Some(hex(&[8; 32])));
    assert_eq!(found, ["campaign spring, 2027-03-01: the seed is not the one that was promised"]);
    let found = faults(|_, promise, _| promise.sha256 = "0".to_owned());
    assert!(found[0].contains("the commitment cannot be read"), "{found:?}");
    let found = faults(|campaign, _, _| campaign.odds_wins = 3);
    assert!(found[0].contains("its odds or prizes are none"), "{found:?}");
}

#[test]
fn what_is_not_revealed_is_counted_and_what_was_not_promised_is_wrong() {
    let check = check(|_, promise, _| promise.seed = None);
    let counts = &check.parties().next().expect("a campaign").counts;
    assert_eq!((counts.checked, counts.hidden, check.faults.count()), (0, 50, 0));
    let found = faults(|_, promise, _| promise.day = "2027-03-02".to_owned());
    assert!(found[0].contains("there is no commitment of 2027-03-01"), "{found:?}");
}

#[test]
fn a_purchase_is_drawn_once_while_its_lines_may_come() {
    let again = |day: &str, drawn_at: &str| {
        let (day, drawn_at) = (day.to_owned(), drawn_at.to_owned());
        let mut check = check(|_, _, draws| draws.truncate(1));
        check.commitment(&Commitment { seed: None, ..promise(&day) }, "spring");
        check.draw(&Draw { day, drawn_at, ..draw(0) });
        (check.faults.count(), check.again)
    };
    assert_eq!(again("2027-03-20", "2027-03-20T08:00:00.000Z"), (1, 0));
    assert_eq!(again("2027-03-20", "2027-04-02T08:00:00.000Z"), (1, 0));
    assert_eq!(again("2027-03-20", "2027-04-03T08:00:00.000Z"), (0, 1));
    assert_eq!(again("2027-04-10", "2027-04-10T08:00:00.000Z"), (0, 1));
    let twice = faults(|_, _, draws| draws.push(draws[0].clone()));
    assert_eq!(twice.len(), 1, "{twice:?}");
    assert!(twice[0].contains("its purchase was drawn before"), "{twice:?}");
}

#[test]
fn commitments_must_be_as_they_were_noted() {
    let mut check = check(|_, _, _| ());
    check.noted(&Commitment { seed: None, ..promise("2027-03-01") }, "spring");
    assert_eq!((check.noted, check.faults.count()), (1, 0));
    check.noted(&Commitment { sha256: hex(&[1; 32]), ..promise("2027-03-01") }, "spring");
    check.noted(&promise("2027-03-02"), "spring");
    assert_eq!(
        check.faults.told(),
        [
            "campaign spring, 2027-03-01: another commitment was noted",
            "campaign spring, 2027-03-02: a commitment was noted and is gone",
        ]
    );
}

#[test]
fn late_promises_are_told_and_must_not_be_denied() {
    // The day begins at UTC+14, on the eve at ten.
    let late = |at: &str, says_before: bool| {
        let check = check(|_, promise, _| {
            promise.published_at = at.to_owned();
            promise.published_before_day = says_before;
        });
        (check.late_days().len(), check.faults.count())
    };
    assert_eq!(late("2027-02-28T10:00:00.000Z", true), (0, 0));
    assert_eq!(late("2027-02-28T10:00:00.001Z", false), (1, 0));
    assert_eq!(late("2027-02-28T10:00:00.001Z", true), (0, 1));
    assert_eq!(late("2027-02-28T09:00:00.000Z", false), (1, 1));
}

#[test]
fn a_file_of_commitments_may_say_whose_they_are() {
    let named = |text: &str| noted(text).expect("always");
    let of = |campaign: Option<&str>, file: &str| Noted {
        campaign: campaign.map(str::to_owned),
        file: file.into(),
    };
    assert_eq!(named("a.json"), of(None, "a.json"));
    assert_eq!(named("spring=a.json"), of(Some("spring"), "a.json"));
    assert_eq!(named("./odd=name/a.json"), of(None, "./odd=name/a.json"));
}

#[test]
fn the_other_tables_are_beside_the_draws() {
    let of = |draws: &str| beside(Path::new(draws), "campaigns");
    assert_eq!(of("out/draws.ndjson"), Path::new("out/campaigns.ndjson"));
    assert_eq!(of("march.parquet"), Path::new("campaigns.parquet"));
    assert_eq!(of("draws"), Path::new("campaigns"));
}

#[test]
fn only_whole_hexadecimal_texts_are_bytes() {
    assert_eq!(bytes_of(&hex(&SEED)), Some(SEED));
    for bad in ["", "07", &"g".repeat(64), &"é".repeat(32), &"+7".repeat(32)] {
        assert_eq!(bytes_of(bad), None, "{bad:?}");
    }
}
