//! How a provider is paid may be changed: from which instant, and what becomes of what is accrued.
//!
//! The running period always ends at the instant that was said when it began; wallets are told at
//! once how payments are settled. 2026-11-20 is a Friday.

use bursar_domain::code::Code;
use bursar_domain::key::ContentMark;
use bursar_domain::provider::{Command, Settlement};
use bursar_domain::time::Timestamp;

use crate::stand::{Stand, at, daily, every, line, profile, said};

fn weekly() -> Settlement {
    every("week", Some("monday"), None)
}

fn days(texts: &[&str]) -> Vec<Timestamp> {
    texts.iter().map(|text| at(text)).collect()
}

#[test]
fn nothing_is_decided_of_a_provider_that_is_not_registered() {
    let mut stand = Stand::empty("2026-11-20");
    for command in [Command::Settle(daily()), Command::Activities(stand.filled(vec![]))] {
        assert_eq!(stand.ask(&command).map_err(|no| no.code), Err(Code::ProviderNotFound));
    }
    assert_eq!((stand.due(), stand.wake()), (None, vec![]));
    stand.ask(&Command::Register(profile(daily()))).expect("registered");
    let again = stand.ask(&Command::Register(profile(daily())));
    assert_eq!(again.map_err(|no| no.code), Err(Code::AlreadyExists));
}

#[test]
fn a_change_of_calendar_takes_effect_from_the_next_period() {
    // 2026-11-20 is a Friday.
    let mut stand = Stand::registered(every("month", Some("25"), None), "2026-11-20");
    assert_eq!(said(&stand.settle(weekly())), "changed to week");
    let summary = stand.summary();
    assert_eq!((summary.coming(), stand.due()), (Some(&weekly()), Some(at("2026-11-25"))));
    let preview = days(&["2026-11-25", "2026-11-30", "2026-12-07"]);
    assert_eq!(summary.schedule(stand.now, 3), preview);
    stand.pay(700);
    assert_eq!(said(&stand.wake_at("2026-11-25")), "closed #1 2026-11-20 to 2026-11-25 with 700");
    assert_eq!((stand.summary().coming(), stand.due()), (None, Some(at("2026-11-30"))));
    assert_eq!(stand.summary().terms.cadence.as_ref(), weekly().cadence());
}

#[test]
fn the_same_settlement_again_is_nothing() {
    let mut stand = Stand::registered(daily(), "2026-11-20");
    assert_eq!(said(&stand.settle(daily())), "");
    assert_eq!(said(&stand.settle(weekly())), "changed to week");
    assert_eq!(said(&stand.settle(weekly())), "");
    assert_eq!(said(&stand.settle(daily())), "changed to day");
    assert_eq!(stand.summary().coming(), None);
    // What is due is then left to the timer.
    stand.now = at("2026-11-22");
    assert_eq!(said(&stand.settle(daily())), "");
    let ends =
        "carried #1 2026-11-20 to 2026-11-21: zero, carried #2 2026-11-21 to 2026-11-22: zero";
    assert_eq!(said(&stand.settle(weekly())), format!("{ends}, changed to week"));
    assert_eq!(stand.due(), Some(at("2026-11-23")), "the running period is still a day");
}

#[test]
fn from_at_once_to_a_calendar_a_period_begins_now() {
    let mut stand = Stand::registered(Settlement::Immediate, "2026-11-20T10:00:00Z");
    stand.pay_settled(700);
    stand.refund(30);
    let began = "began #1 2026-11-20T10:00:00.000Z to 2026-11-23";
    assert_eq!(said(&stand.settle(weekly())), format!("changed to week, {began}"));
    assert_eq!(stand.summary().immediate(), None);
    stand.pay(100);
    let ended = stand.wake_at("2026-11-23");
    assert_eq!(said(&ended), "closed #1 2026-11-20T10:00:00.000Z to 2026-11-23 with 70");
}

#[test]
fn from_a_calendar_to_at_once_the_running_period_still_ends() {
    let mut stand = Stand::registered(daily(), "2026-11-20");
    stand.pay(700);
    assert_eq!(said(&stand.settle(Settlement::Immediate)), "changed to immediate");
    let summary = stand.summary();
    assert_eq!(
        (summary.immediate(), summary.coming()),
        (Some("tok_1"), Some(&Settlement::Immediate))
    );
    assert_eq!(summary.schedule(stand.now, 3), days(&["2026-11-21"]));
    // A wallet that had looked before the change.
    assert_eq!(said(&stand.pay(1)), "received 1");
    assert_eq!(said(&stand.pay_settled(50)), "settled 50");
    assert_eq!(said(&stand.wake_at("2026-11-21")), "closed #1 2026-11-20 to 2026-11-21 with 701");
    // While it is on its way the calendar goes on, because it may come back.
    assert_eq!(said(&stand.returned("account-closed")), "returned 701 (1)");
    assert_eq!(said(&stand.wake_at("2026-11-22")), "closed #2 2026-11-21 to 2026-11-22 with 701");
    stand.paid();
    assert_eq!(said(&stand.wake_at("2026-11-24")), "carried #3 2026-11-22 to 2026-11-23: zero");
    assert_eq!((stand.due(), stand.balance()), (None, (0, 0, 751)));
    assert_eq!((stand.summary().coming(), stand.summary().schedule(stand.now, 3)), (None, vec![]));
}

#[test]
fn a_payment_on_its_way_since_the_calendar_is_still_reimbursed() {
    let mut stand = Stand::registered(daily(), "2026-11-20");
    stand.settle(Settlement::Immediate);
    stand.wake_at("2026-11-21");
    assert_eq!(stand.due(), None);
    stand.now = at("2026-11-21T06:00:00Z");
    let began = "began #2 2026-11-21T06:00:00.000Z to 2026-11-22";
    assert_eq!(said(&stand.pay(5)), format!("{began}, received 5"));
    let ended = stand.wake_at("2026-11-22");
    assert_eq!(said(&ended), "closed #2 2026-11-21T06:00:00.000Z to 2026-11-22 with 5");
    stand.paid();
    stand.wake_at("2026-11-23");
    assert_eq!(stand.due(), None);
    assert_eq!(said(&stand.settle(weekly())), "changed to week, began #4 2026-11-23 to 2026-11-30");
}

#[test]
fn back_to_the_calendar_within_the_period_is_no_interruption() {
    let mut stand = Stand::registered(daily(), "2026-11-20");
    stand.settle(Settlement::Immediate);
    assert_eq!(said(&stand.settle(daily())), "changed to day");
    assert_eq!((stand.summary().immediate(), stand.summary().coming()), (None, None));
    assert_eq!(said(&stand.wake_at("2026-11-21")), "carried #1 2026-11-20 to 2026-11-21: zero");
    assert_eq!(stand.due(), Some(at("2026-11-22")));
}

#[test]
fn activities_need_a_calendar() {
    let lines = || vec![line("a", "m1", "2026-11-20", 3)];
    let mut stand = Stand::registered(Settlement::Immediate, "2026-11-20");
    let refused = stand.submit(lines()).map_err(|no| no.code);
    assert_eq!(refused, Err(Code::SettlementIsImmediate));
    stand.settle(daily());
    stand.submit(lines()).expect("taken");
    stand.settle(Settlement::Immediate);
    let refused = stand.submit(lines()).map_err(|no| no.code);
    assert_eq!(refused, Err(Code::SettlementIsImmediate), "also while the last period runs");
}

#[test]
fn a_calendar_is_kept_in_its_time_zone() {
    let prague =
        bursar_domain::cadence::Cadence::new("day", None, Some("02:30"), Some("Europe/Prague"));
    let mut stand = Stand::registered(
        Settlement::OnCalendar(prague.expect("a cadence")),
        "2026-03-27T12:00:00Z",
    );
    // On the 29th the clock goes from 02:00 to 03:00.
    for end in ["2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"] {
        assert_eq!(stand.due(), Some(at(end)));
        stand.wake_at(end);
    }
}

#[test]
fn the_content_of_a_request_with_a_calendar_has_the_mark_of_the_first_release() {
    let registered = Command::Register(profile(every("month", Some("31"), Some("02:30"))));
    // As the first release computed it.
    let mut mark = ContentMark::of("register-provider");
    mark.text("Clinic");
    mark.text("EUR");
    mark.text("month");
    mark.optional_text(Some("31"));
    mark.text("02:30");
    mark.text("UTC");
    mark.text("tok_1");
    assert_eq!(registered.content(), mark.finish());
    let settle = |settlement| Command::Settle(settlement).content();
    assert_ne!(settle(daily()), settle(weekly()));
    assert_ne!(settle(daily()), settle(Settlement::Immediate));
}
