//! Draws: one that comes to something else than it draws is named, wherever its campaign is read.
//!
//! And the second code of a draw against the first: the same numbers, prizes and amounts. The two
//! share nothing but the libraries of the hash. With odds of a little more than 2^63 nearly half of all
//! numbers are passed over, so that later digests are needed as well.

use bursar_domain::campaign::draw::{Drawer, seed};
use bursar_domain::campaign::terms::{Odds, Rounding, Secret, Worth};
use bursar_domain::campaign::{self, Campaign, Terms};
use bursar_domain::plan::Day;
use bursar_domain::statement::Fate;

use super::fair::{self, CAMPAIGNS, GOES_ON, campaign_id};
use super::statements::check_drawn;
use super::*;
use crate::cli::verify::draws;

#[test]
fn a_draw_is_the_same_by_both_codes() {
    let day = Day::from_days(20_000).expect("in range");
    for (wins, of) in [(1, 1), (1, 3), (999, 1_000), (1 << 62, (1 << 63) + 1), (7, u64::MAX)] {
        let terms = Terms { odds: Odds { wins, of }, ..(*fair::terms("coffee")).clone() };
        let own = draws::seed(&terms, day);
        assert_eq!(own, seed(&terms, day));
        let drawer = Drawer::new(&own);
        for n in 0..300 {
            let key = format!("amy/line-{n}");
            let drawn = drawer.draw(&key, terms.odds, &terms.prizes).map(usize::from);
            assert_eq!(draws::draw(&own, &key, &terms), drawn, "{key} with {wins} of {of}");
        }
    }
}

#[test]
fn a_prize_is_worth_the_same_by_both_codes() {
    for rounding in [Rounding::Down, Rounding::HalfEven, Rounding::Up] {
        for millionths in [1, 500_000, 250_000, 333_333, 1_000_000, 1_500_000, u64::MAX] {
            for most in [None, Some(Amount::from_minor(3))] {
                for spent in [1, 2, 3, 5, 6, 7, 10, 999_999, 1_000_001, i64::MAX] {
                    let worth = Worth::Share { millionths, rounding, most };
                    let spent = Amount::from_minor(spent);
                    assert_eq!(draws::worth(&worth, spent), worth.of(spent), "{worth:?} {spent:?}");
                }
            }
        }
    }
}

#[test]
fn a_draw_that_comes_to_something_else_is_named() {
    check_drawn(
        "amy",
        1,
        |event| event.draws[0].fate = Fate::Lost,
        &[
            "statement/amy, record .. purchase \"c1-1\" drew nothing in coffee; it draws prize 0",
            "statement/amy, record .. purchase \"p3-1\" drew prize 1 of 1.00, over the customer's",
            "statement/amy, record .. it hears of reward.., which it did not win",
            "message .. (word of draws)..differs",
        ],
    );
    check_drawn(
        "amy",
        1,
        |event| {
            let Fate::Won { prize, .. } = &mut event.draws[0].fate else { panic!("it won") };
            *prize = 1 - *prize;
        },
        &["statement/amy, record .. purchase \"c1-1\" drew prize 1 of 1.00 in coffee; it draws"],
    );
    check_drawn(
        "amy",
        1,
        |event| {
            let Fate::Limited { prize, amount } = event.draws[2].fate else {
                panic!("over the limit")
            };
            event.draws[2].fate = Fate::Won { prize, amount };
        },
        &[
            "statement/amy, record .. purchase \"p3-1\" drew prize 1 of 1.00 in coffee; it draws",
            "message .. (word of draws)..differs",
        ],
    );
    check_drawn(
        "amy",
        1,
        |event| drop(event.draws.remove(1)),
        &[
            "statement/amy, record .. purchase \"p3-1\" drew prize 1 of 1.00, over the customer's",
            "statement/amy, record .. it hears of reward.., which it did not win",
            "statement/amy, record .. it asks back [..]; what is to be asked back is []",
            "message .. (word of draws)..differs",
        ],
    );
    check_drawn(
        "amy",
        1,
        |event| event.draws[1] = event.draws[0].clone(),
        &[
            "statement/amy, record .. its draws are not in the order of the lines, each once",
            "statement/amy, record .. purchase \"c1-1\" was drawn before, of..-05",
            "statement/amy, record .. it hears of reward.., which it did not win",
            "statement/amy, record .. it asks back [..]; what is to be asked back is []",
            "message .. (word of draws)..differs",
        ],
    );
}

#[test]
fn a_purchase_that_is_drawn_as_another_or_twice_is_named() {
    check_drawn(
        "amy",
        2,
        |event| event.draws[0].purchase = "c2-1".into(),
        &[
            "statement/amy, record .. line 0 is drawn as another purchase than it is",
            "statement/amy, record .. purchase \"c2-1\" was drawn before, of..-05",
            "statement/amy, record .. purchase \"c2-1\" drew prize 1 of 0.78 in coffee; it draws",
            "statement/amy, record .. it asks back [..]; what is to be asked back is [",
            "message .. (word of draws)..differs",
        ],
    );
    check_drawn(
        "amy",
        2,
        |event| event.draws[0].amount = Amount::from_minor(7_770),
        &[
            "statement/amy, record .. line 0 is drawn as another purchase than it is",
            "statement/amy, record .. purchase \"c4-1\" drew prize 1 of 0.78 in coffee; it draws",
        ],
    );
    check_drawn(
        "amy",
        2,
        |event| event.draws[0].line = 5,
        &[
            "statement/amy, record .. there is no line 5, or no campaign of it",
            "statement/amy, record .. it hears of reward.., which it did not win",
            "message .. (word of draws)..differs",
        ],
    );
}

#[test]
fn a_draw_in_another_campaign_is_named() {
    check_drawn(
        "amy",
        2,
        |event| event.campaigns[0].claws_back = false,
        &["statement/amy, record .. it mistakes what becomes of rewards of coffee after a"],
    );
    check_drawn(
        "amy",
        2,
        |event| {
            event.campaigns[0].campaign = fair::terms("books").id.clone();
        },
        &[
            "statement/amy, record .. purchase \"c4-1\" is not for campaign books: its merchant is",
            "statement/amy, record .. it mistakes what becomes of rewards of books after a",
            "statement/amy, record .. purchase \"c4-1\" drew prize 1 of 0.78 in books; it draws",
            "message .. (word of draws)..did not send it",
        ],
    );
    check_drawn(
        "amy",
        2,
        |event| {
            event.campaigns[0].campaign =
                bursar_domain::id::CampaignId::parse("none").expect("well-formed");
        },
        &[
            "message .. (word of draws)..did not send it",
            "statement/amy, record .. it is drawn in none, which is no campaign",
        ],
    );
    check_drawn(
        "amy",
        2,
        |event| event.campaigns.push(event.campaigns[0].clone()),
        &[
            "statement/amy, record .. its campaigns are not those of its draws, each once",
            "message .. (word of draws)..the record sends a second message to the same entity",
        ],
    );
}

/// Another secret of a campaign.
fn other_secret(disk: &mut Disk) {
    disk.change::<Campaign>(&campaign_id("travel"), |event| {
        let campaign::Event::Announced(terms) = event else { return false };
        *terms = Terms { secret: Secret([9; 32]), ..(**terms).clone() }.into();
        true
    });
}

#[test]
fn draws_with_another_secret_are_named() {
    let mut disk = GOES_ON.clone();
    other_secret(&mut disk);
    let named = |fault: &String| fault.contains(" in travel; it draws ");
    let found = faults(&disk);
    assert!(found.len() > 10 && found.iter().all(named), "{found:#?}");
}

#[test]
fn draws_in_campaigns_that_only_the_journal_knows_are_checked_in_the_end() {
    let mut disk = fair::fair().disk;
    disk.keep.clear();
    for id in CAMPAIGNS.map(campaign_id) {
        disk.snapshots.remove(&id).expect("saved");
        disk.history.retain(|(_, _, record)| record.entity != id);
        disk.index.retain(|entry| entry.0 != id);
    }
    assert_eq!(faults(&disk), Vec::<String>::new());
    other_secret(&mut disk);
    let found = faults(&disk);
    let named =
        |fault: &String| fault.starts_with("statement/") && fault.contains(" in travel; it draws ");
    assert!(found.len() > 5 && found.iter().all(named), "{found:#?}");
}
