//! When periods end, what is sent, what is carried over, and what becomes of it.
//!
//! Each case drives one provider through instants and compares what it says, a phrase for each
//! event: the number of a period, from when to when, and what was sent or why nothing was. Dates
//! without an hour are midnight UTC.

use bursar_domain::cadence::MISSED_MAX;
use bursar_domain::call::CatchUp;
use bursar_domain::id::{ProviderId, ReimbursementId, Seq};
use bursar_domain::message::{About, Answer, Body, Effect, OutcomeKind};
use bursar_domain::provider::{Event, Settlement};
use bursar_domain::saga::Subject;
use rust_decimal::Decimal;

use crate::stand::{Stand, amount, at, daily, every, line, said};

#[test]
fn an_instant_before_the_end_belongs_to_the_period_and_the_end_to_the_next_one() {
    let mut stand = Stand::registered(daily(), "2026-11-20T10:00:00Z");
    assert_eq!(
        said(&stand.journal[0].1),
        "registered, began #1 2026-11-20T10:00:00.000Z to 2026-11-21"
    );
    assert_eq!(stand.due(), Some(at("2026-11-21")));
    stand.now = at("2026-11-20T23:59:59.999Z");
    assert_eq!(said(&stand.pay(700)), "received 700");
    stand.now = at("2026-11-21");
    let closed = "closed #1 2026-11-20T10:00:00.000Z to 2026-11-21 with 700";
    assert_eq!(said(&stand.pay(11)), format!("{closed}, received 11"));
    assert_eq!(stand.balance(), (11, 700, 0));
    let period = stand.summary().period.expect("one runs");
    assert_eq!((period.number, period.until), (2, at("2026-11-22")));
    assert_eq!((period.sums.first, period.sums.last), (stand.last_seq(), stand.last_seq()));
}

#[test]
fn the_timer_and_the_next_decision_end_a_period_alike() {
    let mut woken = Stand::registered(daily(), "2026-11-20");
    let mut lazy = Stand::registered(daily(), "2026-11-20");
    for stand in [&mut woken, &mut lazy] {
        assert_eq!(said(&stand.wake()), "", "too early");
        stand.pay(700);
    }
    let closed = "closed #1 2026-11-20 to 2026-11-21 with 700";
    assert_eq!(said(&woken.wake_at("2026-11-21T00:00:05Z")), closed);
    assert_eq!(said(&woken.wake()), "", "once");
    assert_eq!(said(&woken.refund(5)), "refunded 5");
    lazy.now = woken.now;
    assert_eq!(said(&lazy.refund(5)), format!("{closed}, refunded 5"));
    assert_eq!(woken.balance(), lazy.balance());
}

#[test]
fn a_closed_period_begins_the_saga_of_its_reimbursement() {
    let mut stand = Stand::registered(daily(), "2026-11-20");
    stand.pay(700);
    stand.wake_at("2026-11-21");
    let seq = stand.last_seq();
    let id = ReimbursementId { provider: ProviderId::parse("clinic").expect("an id"), seq };
    let [Effect::Send(message)] = &stand.effects[..] else { panic!("{:?}", stand.effects) };
    assert_eq!(message.to, id.saga());
    let Body::Begin(subject) = &message.body else { panic!("{message:?}") };
    let Subject::Reimbursement(reimbursement) = &**subject else { panic!("{subject:?}") };
    assert_eq!(reimbursement.id(), id);
    assert_eq!((reimbursement.amount, &*reimbursement.account), (amount(700), "tok_1"));

    stand.paid();
    assert_eq!(stand.balance(), (0, 0, 700));
    let (kind, failure) = told(&stand, id.seq);
    assert_eq!((kind, failure), (OutcomeKind::ReimbursementPaid, None));
}

/// The outcome that follows from the last record, beside the reply to who asked.
fn told(stand: &Stand, reimbursement: Seq) -> (OutcomeKind, Option<String>) {
    let [Effect::Send(reply), Effect::Tell(outcome)] = &stand.effects[..] else {
        panic!("{:?}", stand.effects)
    };
    assert_eq!(&*reply.to.id, format!("rmb_{reimbursement}_clinic"));
    assert_eq!(reply.body, Body::Reply { step: 2, answer: Answer::Done });
    assert_eq!((outcome.seq, outcome.amount), (reimbursement, amount(700)));
    assert_eq!(outcome.provider, ProviderId::parse("clinic"));
    let Some(About::Reimbursement { failure }) = &outcome.about else { panic!("{outcome:?}") };
    (outcome.kind, failure.as_ref().map(|failure| failure.code.to_string()))
}

#[test]
fn a_declined_reimbursement_is_tried_again_at_the_next_end() {
    let mut stand = Stand::registered(daily(), "2026-11-20");
    stand.pay(700);
    stand.wake_at("2026-11-21");
    let first = stand.pending();
    assert_eq!(said(&stand.returned("account-closed")), "returned 700 (1)");
    assert_eq!(
        told(&stand, first),
        (OutcomeKind::ReimbursementReturned, Some("account-closed".to_owned()))
    );
    assert_eq!(stand.balance(), (700, 0, 0));
    stand.pay(1);
    let again = stand.wake_at("2026-11-22");
    assert_eq!(said(&again), "closed #2 2026-11-21 to 2026-11-22 with 701");
    let Event::PeriodClosed(closed) = &again[0] else { panic!("{again:?}") };
    assert_eq!(closed.previous, Some(first));
    assert_eq!((closed.period.carried.minor(), closed.period.sums.net().minor()), (700, 1));
    stand.paid();
    assert_eq!((stand.balance(), stand.summary().declines), ((0, 0, 701), 0));
}

#[test]
fn after_some_declines_in_a_row_a_provider_is_on_hold_until_it_is_settled_anew() {
    let mut stand = Stand::registered(daily(), "2026-11-20");
    stand.policy.reimbursing.declines_max = 2;
    stand.pay(700);
    stand.wake_at("2026-11-21");
    assert_eq!(said(&stand.returned("account-closed")), "returned 700 (1)");
    // The processor has not said no: it was not asked, or not in time.
    for (day, code) in
        [("2026-11-22", "processor-unavailable"), ("2026-11-23", "deadline-exceeded")]
    {
        stand.wake_at(day);
        assert_eq!(said(&stand.returned(code)), "returned 700 (1)");
    }
    stand.wake_at("2026-11-24");
    assert_eq!(said(&stand.returned("account-closed")), "returned 700 (2, on hold)");
    stand.pay(1);
    assert_eq!(said(&stand.wake_at("2026-11-25")), "carried #5 2026-11-24 to 2026-11-25: on-hold");
    assert_eq!((stand.balance(), stand.summary().on_hold), ((701, 0, 0), true));
    stand.refund(701);
    assert_eq!(said(&stand.wake_at("2026-11-26")), "carried #6 2026-11-25 to 2026-11-26: zero");
    stand.pay(701);
    assert_eq!(said(&stand.settle(daily())), "changed to day, lifted");
    assert_eq!((stand.summary().declines, stand.summary().on_hold), (0, false));
    assert_eq!(said(&stand.wake_at("2026-11-27")), "closed #7 2026-11-26 to 2026-11-27 with 701");
}

#[test]
fn a_paid_reimbursement_ends_the_row_of_declines() {
    let mut stand = Stand::registered(daily(), "2026-11-20");
    stand.policy.reimbursing.declines_max = 2;
    for (day, declined) in [("2026-11-21", true), ("2026-11-22", false), ("2026-11-23", true)] {
        stand.pay(100);
        stand.wake_at(day);
        if declined {
            stand.returned("account-closed")
        } else {
            stand.paid()
        };
    }
    assert_eq!((stand.summary().declines, stand.summary().on_hold), (1, false));
}

#[test]
fn nothing_is_sent_of_nothing_and_of_less_than_nothing() {
    let mut stand = Stand::registered(daily(), "2026-11-20");
    assert_eq!(said(&stand.wake_at("2026-11-21")), "carried #1 2026-11-20 to 2026-11-21: zero");
    stand.refund(300);
    assert_eq!(said(&stand.wake_at("2026-11-22")), "carried #2 2026-11-21 to 2026-11-22: zero");
    assert_eq!(stand.effects, [], "nobody is told");
    stand.pay(1_000);
    assert_eq!(said(&stand.wake_at("2026-11-23")), "closed #3 2026-11-22 to 2026-11-23 with 700");
}

#[test]
fn less_than_the_minimum_is_carried_over_exactly() {
    for (minimum, accrued, sent) in [
        ("1.00", 99, false),
        ("1.00", 100, true),
        ("1.0001", 100, false),
        ("1.0001", 101, true),
        ("0", 1, true),
        ("92233720368547758.08", i64::MAX, false),
        ("92233720368547758.07", i64::MAX, true),
    ] {
        let mut stand = Stand::registered(daily(), "2026-11-20");
        stand.policy.reimbursing.minimum = Decimal::from_str_exact(minimum).expect(minimum);
        stand.pay(accrued);
        let end = said(&stand.wake_at("2026-11-21"));
        let expected =
            if sent { "closed" } else { "carried #1 2026-11-20 to 2026-11-21: under-minimum" };
        assert!(end.starts_with(expected), "{accrued} of {minimum}: {end}");
        let left = if sent { (0, accrued, 0) } else { (i128::from(accrued), 0, 0) };
        assert_eq!(stand.balance(), left);
    }
}

#[test]
fn what_is_more_than_the_largest_amount_is_sent_in_parts() {
    let mut stand = Stand::registered(daily(), "2026-11-20");
    stand.pay(i64::MAX);
    stand.pay(i64::MAX);
    stand.pay(7);
    for (day, rest) in [("2026-11-21", i128::from(i64::MAX) + 7), ("2026-11-22", 7)] {
        stand.wake_at(day);
        assert_eq!((stand.balance().0, stand.balance().1), (rest, i64::MAX));
        stand.paid();
    }
    assert_eq!(said(&stand.wake_at("2026-11-23")), "closed #3 2026-11-22 to 2026-11-23 with 7");
}

#[test]
fn one_reimbursement_is_on_its_way_at_a_time() {
    let mut stand = Stand::registered(daily(), "2026-11-20");
    stand.pay(700);
    stand.wake_at("2026-11-21");
    assert_eq!(said(&stand.wake_at("2026-11-22")), "carried #2 2026-11-21 to 2026-11-22: zero");
    stand.pay(30);
    stand.now = at("2026-11-23");
    // The answer comes at the end of the third period: that ends first.
    let carried = "carried #3 2026-11-22 to 2026-11-23: in-reimbursement";
    assert_eq!(said(&stand.paid()), format!("{carried}, reimbursed 700"));
    assert_eq!(said(&stand.wake_at("2026-11-24")), "closed #4 2026-11-23 to 2026-11-24 with 30");
}

#[test]
fn after_downtime_each_missed_period_is_run_once_in_order() {
    let mut stand = Stand::registered(daily(), "2016-11-20");
    stand.pay(700);
    // Ten years of days, in two events.
    let events = stand.wake_at("2026-11-20T12:00:00Z");
    let expected = "closed #1 2016-11-20 to 2016-11-21 with 700, \
                    carried #2-3652 2016-11-21 to 2026-11-20: zero";
    assert_eq!(said(&events), expected);
    let period = stand.summary().period.expect("one runs");
    assert_eq!((period.number, period.began_at), (3_653, at("2026-11-20")));
    assert_eq!(stand.due(), Some(at("2026-11-21")));
}

#[test]
fn what_keeps_the_first_missed_period_back_keeps_back_the_others() {
    let mut stand = Stand::registered(every("month", Some("31"), None), "2026-01-31");
    stand.policy.reimbursing.minimum = Decimal::from(10);
    stand.pay(700);
    let events = stand.wake_at("2026-05-01");
    assert_eq!(
        said(&events),
        "carried #1 2026-01-31 to 2026-02-28: under-minimum, \
         carried #2-3 2026-02-28 to 2026-04-30: under-minimum"
    );
    stand.pay(300);
    let events = stand.wake_at("2026-07-31");
    assert_eq!(
        said(&events),
        "closed #4 2026-04-30 to 2026-05-31 with 1000, \
         carried #5-6 2026-05-31 to 2026-07-31: zero"
    );
}

#[test]
fn one_run_may_stand_for_all_missed_periods() {
    let mut stand = Stand::registered(daily(), "2026-11-20");
    stand.policy.reimbursing.catch_up = CatchUp::One;
    stand.pay(700);
    let events = stand.wake_at("2026-12-24T18:00:00Z");
    assert_eq!(said(&events), "closed #1 2026-11-20 to 2026-12-24 with 700");
    stand.paid();
    stand.pay(1);
    let events = stand.wake_at("2026-12-25");
    assert_eq!(said(&events), "closed #2 2026-12-24 to 2026-12-25 with 1");
}

#[test]
fn a_downtime_without_measure_is_one_small_decision() {
    let mut stand = Stand::registered(daily(), "1900-01-01");
    stand.pay(700);
    let events = stand.wake_at("2026-11-20T12:00:00Z");
    let each = u64::try_from(MISSED_MAX).expect("small");
    let numbers = format!("carried #2-{} ", 2 + each);
    assert!(said(&events).contains(&numbers), "{}", said(&events));
    assert_eq!(events.len(), 3);
    let period = stand.summary().period.expect("one runs");
    assert_eq!((period.number, period.began_at), (4 + each, at("2026-11-20")));
}

#[test]
fn a_period_says_how_much_of_what_and_where_its_lines_stand() {
    let mut stand = Stand::registered(daily(), "2026-11-20");
    stand.pay(700);
    let first = stand.last_seq();
    stand.refund(50);
    stand.pay(20);
    stand
        .submit(vec![line("a", "m1", "2026-11-20", 3), line("b", "m2", "2026-11-20", 4)])
        .expect("taken");
    let last = stand.last_seq();
    stand.settle(every("week", None, None));
    let events = stand.wake_at("2026-11-21");
    let Event::PeriodClosed(closed) = &events[0] else { panic!("{events:?}") };
    let sums = closed.period.sums;
    assert_eq!((sums.first, sums.last), (first, last));
    assert_eq!((sums.payments.count, sums.payments.amount.minor()), (2, 720));
    assert_eq!((sums.refunds.count, sums.refunds.amount.minor()), (1, 50));
    assert_eq!((sums.activities.count, sums.activities.amount.minor()), (2, 7));
    assert_eq!(closed.amount, amount(677));
    assert_eq!(stand.summary().last_reimbursement, Some(stand.last_seq()));
}

#[test]
fn a_provider_that_is_paid_at_once_waits_for_nothing() {
    let mut stand = Stand::registered(Settlement::Immediate, "2026-11-20");
    assert_eq!(said(&stand.journal[0].1), "registered");
    assert_eq!((stand.due(), stand.summary().immediate()), (None, Some("tok_1")));
    assert_eq!(said(&stand.pay_settled(700)), "settled 700");
    assert_eq!(stand.balance(), (0, 0, 700));
    assert_eq!(said(&stand.refund(100)), "refunded 100");
    assert_eq!((stand.balance(), stand.due()), ((-100, 0, 700), None));
}
