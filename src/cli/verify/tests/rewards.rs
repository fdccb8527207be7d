//! Rewards from the campaign to the wallet: what is true passes, what may not be is found and named.
//!
//! What wallets book and give back, how the sagas go that bring it, what is told. Where a fault would drag others along, the journal stands alone, as if nothing had
//! been saved. How snapshots are checked is in `rewards_saved`; campaigns, and lines with
//! their draws, have files of their own.

use bursar_domain::code::{Code, Rejection};
use bursar_domain::compensation::{self, Compensation};
use bursar_domain::id::RewardId;
use bursar_domain::message::{About, Body, OutcomeKind};
use bursar_domain::saga::{self, Saga};
use bursar_domain::wallet::reward::{RewardBooked, RewardEvent, RewardsTakenBack};

use super::fair::{GOES_ON, check_alone, fair, goes_on};
use super::*;

fn booked(event: &mut wallet::Event) -> Option<&mut RewardBooked> {
    let wallet::Event::Reward(RewardEvent::Booked(event)) = event else { return None };
    Some(event)
}

fn taken_back(event: &mut wallet::Event) -> Option<&mut RewardsTakenBack> {
    let wallet::Event::Reward(RewardEvent::TakenBack(event)) = event else { return None };
    Some(event)
}

/// Changes what a wallet gave back first.
#[track_caller]
fn check_back(wallet: &str, change: impl Fn(&mut RewardsTakenBack), expected: &[&str]) {
    let change = |event: &mut wallet::Event| taken_back(event).map(&change).is_some();
    check_alone::<Wallet>(&wallet_id(wallet), change, expected);
}

#[test]
fn a_true_directory_with_rewards_passes() {
    let world = fair();
    let report = report(&world.disk);
    assert_eq!(report.exit(), Exit::Done, "{:#?}", report.faults);
    let counts = report.counts.expect("it was opened");
    assert_eq!((counts.campaigns, counts.statements), (3, 5));
    assert_eq!((counts.draws, counts.rewards), (36, 14));
    assert!(report.to_table().contains("3 campaigns, 5 statements)"));
    let world = goes_on();
    let kinds = world.disk.outcomes.iter().map(|(_, outcome)| outcome.kind.as_str());
    let kinds: std::collections::BTreeSet<_> = kinds.collect();
    for kind in ["reward.granted", "reward.refused", "reward.clawed-back"] {
        assert!(kinds.contains(kind), "{kind} is saved");
    }
    assert_eq!(faults(&world.disk), Vec::<String>::new());
    assert_eq!(faults(&world.disk.alone()), Vec::<String>::new());
}

#[test]
fn a_save_of_a_fair_cut_off_by_a_crash_passes() {
    let mut world = goes_on();
    let before = world.disk.clone();
    world.checkpoint();
    let known = |id: &EntityId| before.snapshots.contains_key(id);
    let mut disk = std::mem::take(&mut world.disk);
    disk.history.retain(|(_, _, record)| known(&record.entity));
    disk.index.retain(|(id, ..)| known(id));
    disk.waits.retain(|id, _| known(id));
    (disk.snapshots, disk.books) = (before.snapshots.clone(), before.books);
    (disk.outcomes, disk.keep) = (before.outcomes, before.keep);
    assert_eq!(faults(&disk), Vec::<String>::new());
}

#[test]
fn a_booking_that_is_not_what_was_granted_is_named() {
    let change = |change: fn(&mut RewardBooked)| {
        move |event: &mut wallet::Event| booked(event).map(change).is_some()
    };
    let amy = wallet_id("amy");
    check_alone::<Wallet>(
        &amy,
        change(|event| {
            event.reward.amount = Amount::from_minor(44);
        }),
        &[
            "wallet/amy, record .. balance_after is 1.00; 0.00 before and 0.44 here come to 0.44",
            "message .. (credit of a reward of 1.00 EUR)..differs: credit of a reward of 0.44 EUR",
            "reward rwd_..it was booked on other terms than it was granted",
            "campaign/coffee: it has granted 5.56; the wallets booked 12.00 and gave 7.00",
        ],
    );
    check_alone::<Wallet>(
        &amy,
        change(|event| event.reward.purchase = "other".into()),
        &["reward rwd_..it was booked on other terms than it was granted"],
    );
    check_alone::<Wallet>(
        &amy,
        change(|event| event.email = None),
        &[
            "wallet/amy, record .. it gives another address than the wallet was opened with",
            "message .. (reply)..differs",
        ],
    );
    let mut first = None;
    let again = |event: &mut wallet::Event| {
        let Some(event) = booked(event) else { return false };
        let Some(first) = first.replace(event.reward.id.clone()) else { return false };
        event.reward.id = first;
        true
    };
    check_alone::<Wallet>(
        &amy,
        again,
        &[
            "wallet/amy, record .. saga/..amy asks, which is not about reward..amy",
            "wallet/amy, record .. reward..amy was booked before",
            "wallet/amy, record .. reward..amy was not booked and is taken back",
            "message .. (news of rewards)..differs",
            "reward rwd_..it was booked on other terms than it was granted",
            "reward rwd_..its statement says more of it than its campaign and its wallet do",
            "campaign/coffee: it has granted 5.56; the wallets booked 11.56 and gave 6.00",
        ],
    );
}

#[test]
fn a_booking_that_is_missing_is_named() {
    check_alone::<Wallet>(
        &wallet_id("dee"),
        |event| {
            let is_it = booked(event).is_some();
            if is_it {
                *event = wallet::Event::Unfrozen;
            }
            is_it
        },
        &[
            "wallet/dee, record .. reward..dee was not booked and is taken back",
            "wallet/dee, record .. balance_after is 0.00; 0.00 before and -1.00 here come to",
            "message .. (reply)..did not send it",
            "message .. (news of rewards)..did not send it",
            "saga/rwd_..it is done, but its wallet knows nothing of it",
            "reward rwd_..its statement says more of it than its campaign and its wallet do",
            "campaign/coffee: it has granted 5.56; the wallets booked 11.56 and gave 6.00",
        ],
    );
}

#[test]
fn a_refused_booking_that_differs_is_named() {
    let refused = |change: fn(&mut bursar_domain::message::Asker, &mut Rejection)| {
        move |event: &mut wallet::Event| {
            let wallet::Event::Reward(RewardEvent::Refused { by, rejection, .. }) = event else {
                return false;
            };
            change(by, rejection);
            true
        }
    };
    let rex = wallet_id("rex");
    check_alone::<Wallet>(
        &rex,
        refused(|_, rejection| {
            *rejection = Rejection::new(Code::CurrencyMismatch, "no");
        }),
        &["message .. (reply)..differs"],
    );
    check_alone::<Wallet>(
        &rex,
        refused(|by, _| by.step = 2),
        &[
            "message .. (credit of a reward of 1.00 EUR)..differs: credit of a reward",
            "message .. (reply)..differs",
        ],
    );
}

#[test]
fn more_than_may_be_spent_is_not_taken_back() {
    check_back(
        "bea",
        |event| {
            event.rewards[1].1 = Amount::from_minor(60);
            event.taken = Amount::from_minor(160);
            event.balance_after = Amount::from_minor(40);
        },
        &[
            "wallet/bea, record .. 0.60 of reward..bea is taken back; it should be 0.50",
            "wallet/bea, record .. it leaves -0.10 to be spent",
            "wallet/bea, record .. balance_after is 1.50; 0.40 before and 1.00 here come to 1.40",
            "message .. (return to a campaign of 1.60 EUR)..differs: return to a campaign of",
            "message .. (news of rewards)..differs",
            "reward rwd_..its statement says more of it than its campaign and its wallet do",
            "campaign/coffee: it has granted 5.56; the wallets booked 12.56 and gave 7.10",
        ],
    );
    check_back(
        "bea",
        |event| event.taken = Amount::from_minor(149),
        &[
            "wallet/bea, record .. 1.49 is taken back in all; its parts come to 1.50",
            "wallet/bea, record .. balance_after is 0.50; 2.00 before and -1.49 here come to 0.51",
        ],
    );
}

#[test]
fn rewards_that_are_taken_back_in_another_currency_are_named() {
    let dollar = || bursar_domain::currency::Currency::from_code("USD").expect("in the table");
    check_back(
        "dee",
        |event| event.currency = dollar(),
        &[
            "wallet/dee, record .. 1 rewards in USD are taken back",
            "wallet/dee, record .. reward..dee is in EUR",
            "message .. (return to a campaign of 1.00 USD)..differs: return to a campaign of",
            "the trial balance in EUR:..accounts 92233720368547813.63, in transit 0.00 and",
            "the trial balance in USD:..accounts 0.00, in transit 0.00 and external 1.00 come to",
        ],
    );
}

#[test]
fn what_is_taken_back_otherwise_than_it_was_booked_is_named() {
    check_back(
        "amy",
        |event| event.rewards[0].0.id.line = 7,
        &[
            "wallet/amy, record .. reward..amy was not booked and is taken back",
            "message .. (news of rewards)..differs",
            "message .. (claw-back)..differs",
            "reward rwd_..its statement says more of it than its campaign and its wallet do",
            "campaign/coffee: it has granted 5.56; the wallets booked 12.56 and gave 6.00",
        ],
    );
    check_back(
        "bea",
        |event| event.rewards[1].0.id = event.rewards[0].0.id.clone(),
        &[
            "wallet/bea, record .. reward..bea was taken back before",
            "message .. (claw-back)..differs",
            "message .. (news of rewards)..differs",
            "reward rwd_..its statement says more of it than its campaign and its wallet do",
            "campaign/coffee: it has granted 5.56; the wallets booked 12.56 and gave 6.00",
        ],
    );
    check_back(
        "amy",
        |event| event.rewards[0].0.amount = Amount::from_minor(99),
        &[
            "wallet/amy, record .. 1.00 of reward..amy is taken back; it should be 0.99",
            "wallet/amy, record .. reward..amy was booked on other terms",
            "message .. (claw-back)..differs",
        ],
    );
}

#[test]
fn a_saga_of_a_reward_that_goes_otherwise_is_named() {
    let id = GOES_ON.journal.iter().find_map(|(_, _, record)| {
        let is_reward =
            record.entity.kind == Kind::Saga && RewardId::parse(&record.entity.id).is_some();
        is_reward.then(|| record.entity.clone())
    });
    let id = id.expect("there are many");
    check_alone::<Saga>(
        &id,
        |event| {
            let saga::Event::StepBegun { action: saga::Action::Send(_, body), .. } = event else {
                return false;
            };
            let Body::RewardCredit { reward, .. } = &mut **body else { return false };
            reward.amount = Amount::from_minor(1);
            true
        },
        &[
            "saga/rwd_.., record .. step 1 asks wallet/amy for what is not its to ask",
            "message .. (credit of a reward of 0.01 EUR)..differs: credit of a reward of 1.00 EUR",
        ],
    );
    check_alone::<Saga>(
        &id,
        |event| {
            let saga::Event::StepDone { found: saga::Found::Contact { email, .. }, .. } = event
            else {
                return false;
            };
            *email = None;
            true
        },
        &[
            "saga/rwd_.., record .. step 2 calls for what is not its to call for",
            "message .. (reply)..differs",
        ],
    );
    check_alone::<Saga>(
        &id,
        |event| {
            let saga::Event::StepBegun { action: saga::Action::Call(call), .. } = event else {
                return false;
            };
            let bursar_domain::call::Request::Mail(mail) = &mut call.request else { return false };
            mail.to = "else@example.org".into();
            true
        },
        &["saga/rwd_.., record .. step 2 calls for what is not its to call for"],
    );
}

#[test]
fn a_compensation_of_a_reward_that_goes_otherwise_is_named() {
    let undoing = GOES_ON.journal.iter().find(|(_, _, record)| {
        record.entity.kind == Kind::Compensation && record.entity.id.starts_with("rwd_")
    });
    let undoing = undoing.expect("one was refused").2.entity.clone();
    check_alone::<Compensation>(
        &undoing,
        |event| {
            let compensation::Event::Tried { action: saga::Action::Send(_, body), .. } = event
            else {
                return false;
            };
            let Body::Ungrant { win, .. } = &mut **body else { return false };
            win.amount = Amount::from_minor(1);
            true
        },
        &[
            "compensation/rwd_.., record .. undo 0 (reserve) does not do what undoes it",
            "message .. (end of a reward)..differs",
        ],
    );
}

#[test]
fn outcomes_of_rewards_that_are_missing_or_wrong_are_named() {
    let disk = fair().disk;
    for kind in
        [OutcomeKind::RewardGranted, OutcomeKind::RewardRefused, OutcomeKind::RewardTakenBack]
    {
        let at = disk.outcomes.iter().position(|(_, outcome)| outcome.kind == kind);
        let at = at.unwrap_or_else(|| panic!("{} was told", kind.as_str()));
        let mut missing = disk.clone();
        missing.outcomes.remove(at);
        expect(&missing, &[&["outcomes of shard ", "1 that follow"]]);
        let mut wrong = disk.clone();
        let Some(About::Reward { line, .. }) = &mut wrong.outcomes[at].1.about else { panic!() };
        *line += 1;
        expect(
            &wrong,
            &[
                &["outcome ", kind.as_str(), "no record tells this"],
                &["outcomes of shard ", "1 that follow"],
            ],
        );
    }
}
