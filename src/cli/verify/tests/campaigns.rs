//! Campaigns and what they decide: what may not be is found and named.
//!
//! Which wins are granted, in which order, out of which budget; what is counted; how a pause ends; what
//! comes back. Where a fault would drag others along, the journal stands alone, as if nothing had been
//! saved. What wallets make of it is in `rewards`.

use bursar_domain::campaign::{self, Campaign, Command, Decision};
use bursar_domain::saga::Failure;

use super::fair::{bought, campaign_id, check_alone, expect_faults};
use super::*;

/// Changes the first decision of a campaign that has one like this.
#[track_caller]
fn check_decided(
    campaign: &str,
    of: Decision,
    change: impl Fn(&mut campaign::Decided, &mut Amount),
    expected: &[&str],
) {
    let change = |event: &mut campaign::Event| {
        let campaign::Event::Counted(event) = event else { return false };
        let mut wins = event.wins.iter_mut();
        let win = wins.find(|win| win.decision == of);
        win.map(|win| change(win, &mut event.granted_after)).is_some()
    };
    check_alone::<Campaign>(&campaign_id(campaign), change, expected);
}

/// A world in which more wins wait than are decided at a time, and the campaign pauses again.
fn crowd() -> World {
    let mut world = World::default();
    world.announce_all();
    world.open("zoe");
    let line = |k: i32| bought("travel", &format!("t{k}"), 0, 1_000);
    world.ask_campaign("travel", &Command::Pause);
    for part in [0..500, 500..900] {
        world.take("zoe", part.map(line).collect());
    }
    world.deliver();
    world.ask_campaign("travel", &Command::Resume);
    world.ask_campaign("travel", &Command::Pause);
    world.deliver();
    world.ask_campaign("travel", &Command::Resume);
    world.deliver();
    world
}

#[test]
fn wins_that_are_decided_otherwise_are_named() {
    check_decided(
        "books",
        Decision::Exhausted,
        |win, after| {
            win.decision = Decision::Granted;
            *after = after.checked_add(win.win.amount).expect("small");
        },
        &[
            "campaign/books, record .. win..cal is decided as Granted; it is Exhausted",
            "campaign/books, record .. of a budget of 7.00",
            "campaign/books, record .. granted_after is 6.50; it comes to 8.50",
            "message .. (news of rewards)..differs",
        ],
    );
    check_decided(
        "travel",
        Decision::Waits,
        |win, _| win.decision = Decision::Exhausted,
        &[
            "campaign/travel, record .. win..dee is decided as Exhausted; it is Waits",
            "campaign/travel, record .. win..dee is decided, which is not the next that waits",
            "campaign/travel, record .. win..cal is decided, which is not the next that waits",
        ],
    );
    check_decided(
        "coffee",
        Decision::Granted,
        |_, after| *after = Amount::from_minor(1),
        &[
            "campaign/coffee, record .. granted_after is 0.01; it comes to 2.00",
            "campaign/coffee, record .. granted_after is 2.78; it comes to 0.79",
        ],
    );
    check_decided(
        "coffee",
        Decision::Granted,
        |win, _| win.draw = Seq(77),
        &[
            "campaign/coffee, record .. its wins are not those of the statement's decision that",
            "message .. (news of rewards)..differs",
            "message .. (beginning of a saga of 1.00 EUR)..did not send it",
            "saga/rwd_..it is done, but no campaign granted it",
            "reward rwd_..it is in the wallet, and no campaign granted it",
            "campaign/coffee: it has granted 5.56; the wallets booked 12.56 and gave 7.00",
        ],
    );
    check_decided(
        "coffee",
        Decision::Granted,
        |win, _| win.win.purchase = "tea".into(),
        &[
            "message .. (word of draws)..differs",
            "message .. (beginning of a saga of 1.00 EUR)..differs",
            "reward rwd_..it was booked on other terms than it was granted",
        ],
    );
}

#[test]
fn a_count_that_is_not_what_was_drawn_is_named() {
    let counted = |change: fn(&mut campaign::event::Counted)| {
        move |event: &mut campaign::Event| {
            let campaign::Event::Counted(event) = event else { return false };
            let is_it = event.wins.len() > 1;
            if is_it {
                change(event);
            }
            is_it
        }
    };
    let travel = campaign_id("travel");
    check_alone::<Campaign>(
        &travel,
        counted(|event| event.draws += 1),
        &["message .. (word of draws)..differs"],
    );
    check_alone::<Campaign>(
        &travel,
        counted(|event| event.wins.swap(0, 1)),
        &[
            "campaign/travel, record .. 9 draws and 4 wins of 4 lines",
            "message .. (word of draws)..differs",
            "message .. (news of rewards)..differs",
        ],
    );
    check_alone::<Campaign>(
        &travel,
        counted(|event| event.source.seq = Seq(1)),
        &[
            "campaign/travel, record .. its wins are not those of the statement's decision that",
            "message .. (word of draws)..did not send it",
        ],
    );
}

#[test]
fn a_budget_that_is_overdrawn_is_named() {
    check_alone::<Campaign>(
        &campaign_id("coffee"),
        |event| {
            let campaign::Event::Announced(terms) = event else { return false };
            let budget = Amount::from_minor(200);
            *terms = campaign::Terms { budget, ..(**terms).clone() }.into();
            true
        },
        &[
            "campaign/coffee, record .. win..amy is decided as Granted; it is Exhausted",
            "campaign/coffee, record .. of a budget of 2.00",
            "campaign/coffee, record .. win..bea is decided as Granted; it is Exhausted",
            "campaign/coffee, record .. win..dee is decided as Granted; it is Exhausted",
            "campaign/coffee, record .. win..rex is decided as Granted; it is Exhausted",
            "campaign/coffee, record .. win..cal is decided as Granted; it is Exhausted",
        ],
    );
}

#[test]
fn terms_that_cannot_be_are_named() {
    check_alone::<Campaign>(
        &campaign_id("books"),
        |event| {
            let campaign::Event::Announced(terms) = event else { return false };
            let mut other = (**terms).clone();
            other.first_day = other.last_day;
            other.odds.of = 0;
            other.prizes[0].weight = 0;
            *terms = other.into();
            true
        },
        &[
            "campaign/books, record .. its days are not those from its start to its end",
            "campaign/books, record .. its odds are not above zero and at most one",
            "campaign/books, record .. its prizes are none, or one that is never drawn or worth",
            "statement/.. is not for campaign books: its date is not one of the campaign's days",
            "statement/.. drew prize 0 of .. in books; it draws nothing",
        ],
    );
}

#[test]
fn what_is_in_another_currency_is_named() {
    let dollar = || bursar_domain::currency::Currency::from_code("USD").expect("in the table");
    let coffee = campaign_id("coffee");
    check_alone::<Campaign>(
        &coffee,
        |event| {
            let campaign::Event::Counted(event) = event else { return false };
            event.currency = dollar();
            true
        },
        &[
            "campaign/coffee, record .. the amount is in USD; the campaign is not",
            "message .. (beginning of a saga of 1.00 USD)..differs: beginning of a saga of 1.00",
        ],
    );
}

#[test]
fn a_pause_that_is_not_one_is_named() {
    let travel = campaign_id("travel");
    check_alone::<Campaign>(
        &travel,
        |event| {
            let is_it = matches!(event, campaign::Event::Resumed);
            if is_it {
                *event = campaign::Event::Paused;
            }
            is_it
        },
        &[
            "campaign/travel, record .. it pauses already",
            "campaign/travel, record .. wins that wait are decided, and nobody asked for it",
            "campaign/travel, record .. 7 wins that wait are decided, and it is no time for it",
            "campaign/travel, record .. win..dee is decided as Granted; it is Waits",
        ],
    );
    let admitted = |change: fn(&mut campaign::event::Admitted)| {
        move |event: &mut campaign::Event| {
            let campaign::Event::Admitted(event) = event else { return false };
            change(event);
            true
        }
    };
    check_alone::<Campaign>(
        &travel,
        admitted(|event| event.wins.swap(0, 1)),
        &[
            "campaign/travel, record .. win..dee is decided, which is not the next that waits",
            "message .. (news of rewards)..differs",
        ],
    );
    check_alone::<Campaign>(
        &travel,
        admitted(|event| event.more = true),
        &["campaign/travel, record .. 0 wins wait, and it says otherwise"],
    );
}

#[test]
fn a_line_that_goes_on_in_parts_passes_and_must_go_on() {
    let mut world = crowd();
    let events = |disk: &Disk, is: fn(&campaign::Event) -> bool| {
        let records = disk.journal.iter().filter_map(|(_, _, record)| {
            let Verdict::Campaign(events) = &record.verdict else { return None };
            Some(events.iter().filter(|event| is(event)).count())
        });
        records.sum::<usize>()
    };
    let is_part = |event: &campaign::Event| matches!(event, campaign::Event::Admitted(_));
    let is_idle = |event: &campaign::Event| matches!(event, campaign::Event::NothingWaits { .. });
    assert_eq!((events(&world.disk, is_part), events(&world.disk, is_idle)), (2, 1));
    assert_eq!(faults(&world.disk), Vec::<String>::new());
    world.disk.change::<Campaign>(&campaign_id("travel"), |event| {
        let is_it = matches!(event, campaign::Event::NothingWaits { .. });
        if is_it {
            *event = campaign::Event::Resumed;
        }
        is_it
    });
    expect_faults(
        &world.disk,
        &[
            "campaign/travel, record .. it resumes; 55 wins wait, which do not go on",
            "campaign/travel, record .. it does not pause",
        ],
    );
}

#[test]
fn a_reward_that_is_given_up_otherwise_is_named() {
    let ungranted = |change: fn(&mut campaign::event::Ungranted)| {
        move |event: &mut campaign::Event| {
            let campaign::Event::Ungranted(event) = event else { return false };
            change(event);
            true
        }
    };
    let coffee = campaign_id("coffee");
    check_alone::<Campaign>(
        &coffee,
        ungranted(|event| event.win.line = 3),
        &[
            "campaign/coffee, record .. compensation/..rex asks, which is not about..rex",
            "campaign/coffee, record .. reward..rex was not granted, or otherwise",
            "message .. (news of rewards)..differs",
            "message .. (end of a reward)..differs",
            "saga/rwd_..it was undone, but its campaign has it granted",
            "saga/rwd_..it has not begun, but its campaign has its amount again",
            "campaign/coffee: it has granted 5.56; the wallets booked 12.56 and gave 7.00",
        ],
    );
    check_alone::<Campaign>(
        &coffee,
        ungranted(|event| {
            event.failure = Failure::new("other", "other");
        }),
        &["message .. (news of rewards)..differs", "message .. (end of a reward)..differs"],
    );
    check_alone::<Campaign>(
        &coffee,
        |event| {
            let campaign::Event::Ungranted(own) = event else { return false };
            *event = campaign::Event::NothingWaits { source: own.source };
            true
        },
        &[
            "campaign/coffee, record .. granted_after is 3.28; it comes to 4.28",
            "message .. (reply)..did not send it",
            "message .. (news of rewards)..did not send it",
            "message .. (end of a reward)..differs: continuation",
            "saga/rwd_..it was undone, but its campaign has it granted",
        ],
    );
}

#[test]
fn what_a_campaign_has_again_otherwise_is_named() {
    check_alone::<Campaign>(
        &campaign_id("coffee"),
        |event| {
            let campaign::Event::TakenBack { amount, .. } = event else { return false };
            *amount = Amount::from_minor(1);
            true
        },
        &[
            "campaign/coffee, record .. granted_after is 3.78; it comes to 4.77",
            "message .. (return to a campaign of 1.00 EUR)..differs: return to a campaign of",
            "campaign/coffee: it has granted 6.55; the wallets booked 12.56 and gave 7.00",
        ],
    );
}
