//! Lives of providers, event by event: on a calendar, with periods that are paid, carried over and
//! returned, until it is on hold; and paid at once.
//!
//! Each record is one that the rules could have written. Among the submitted activities are more
//! than an entity keeps in memory, and every answer that a line may get.

use std::sync::Arc;

use bursar_domain::cadence::Cadence;
use bursar_domain::code::{Code, Rejection};
use bursar_domain::id::{EntityId, ProviderId, Seq};
use bursar_domain::money::Total;
use bursar_domain::provider::event::{
    CarriedOver, Noted, PeriodBegan, PeriodClosed, Reason, ReceivedSettled, Reimbursed, Returned,
};
use bursar_domain::provider::{
    self, Activity, LineVerdict, Period, Profile, Received, RefundSent, Settlement, Sum, Sums,
};
use bursar_domain::record::{Refusal, Verdict};
use bursar_domain::time::Timestamp;

use super::orders::{day, refusals};
use super::sagas::{Life, compensation_of, failure, life, now, saga_of};
use super::{acme, alice, amount, at, eur, source, total};

/// The record that closes the period that is paid.
pub(crate) const PAID: u64 = 204;
/// The record after which a reimbursement is on its way and the next period has begun.
pub(crate) const PENDING: u64 = 205;
/// The record after which the provider is on hold.
pub(crate) const ON_HOLD: u64 = 211;
/// The record after which it is to be paid at once, when what it has from the calendar is paid.
pub(crate) const CHANGING: u64 = 215;
/// The last record.
pub(crate) const LAST: u64 = 221;

/// The end of a period; the first begins at 0.
fn end(period: i64) -> Timestamp {
    now(period * 86_400_000)
}

fn on(every: &str, on: Option<&str>) -> Settlement {
    let cadence = Cadence::new(every, on, Some("02:30"), Some("Europe/Prague"));
    Settlement::OnCalendar(cadence.expect("a cadence"))
}

fn profile(settlement: Settlement) -> provider::Event {
    provider::Event::Registered(Arc::new(Profile {
        name: "Acme – Měsíc".into(),
        currency: eur(),
        settlement,
        account: "tok_acme".into(),
    }))
}

/// A period of a day, with what was carried into it.
fn period(number: u64, carried: i64, sums: Sums) -> Period {
    let ends = i64::try_from(number).expect("small");
    let (began_at, until) = (end(ends - 1), end(ends));
    Period { number, began_at, until, carried: total(carried), sums }
}

/// Payments or activities of one record.
fn sum(count: u64, minor: i64) -> Sum {
    Sum { count, amount: total(minor) }
}

fn in_records(first: u64, last: u64) -> Sums {
    Sums { first: Seq(first), last: Seq(last), ..Sums::default() }
}

fn received(wallet_seq: u64, minor: i64, after: i64, text: Option<&str>) -> provider::Event {
    provider::Event::Received(Received {
        source: source(0, wallet_seq),
        wallet: alice(),
        amount: amount(minor),
        currency: eur(),
        balance_after: total(after),
        effective_at: text.map(|_| at(1_700_000_000_123)),
        description: text.map(Into::into),
    })
}

fn refund_sent(wallet_seq: u64, minor: i64, after: i64) -> provider::Event {
    provider::Event::RefundSent(RefundSent {
        source: source(0, wallet_seq),
        wallet: alice(),
        payment: Seq(300),
        amount: amount(minor),
        currency: eur(),
        balance_after: total(after),
        effective_at: None,
    })
}

fn settled(wallet_seq: u64, minor: i64, text: Option<&str>) -> provider::Event {
    provider::Event::ReceivedSettled(ReceivedSettled {
        source: source(0, wallet_seq),
        wallet: alice(),
        payment: Seq(wallet_seq - 5),
        amount: amount(minor),
        currency: eur(),
        effective_at: text.map(|_| at(-1)),
        description: text.map(Into::into),
    })
}

/// Activities of one amount, every third without a description.
fn activities(count: u16, minor: i64) -> Vec<Arc<Activity>> {
    let activity = |number: u16| {
        let (id, member) = (format!("a-{number}.{minor}"), format!("Jiří {}", number % 7));
        let text = (!number.is_multiple_of(3)).then(|| format!("visit {number}").into());
        let service_date = day(-i32::from(number));
        let activity = Activity::new(id.into(), member.into(), service_date, text, amount(minor));
        Arc::new(activity.expect("well formed"))
    };
    (0..count).map(activity).collect()
}

fn noted(
    period: u64,
    count: u16,
    minor: i64,
    after: i64,
    others: Vec<(u16, LineVerdict)>,
) -> provider::Event {
    provider::Event::Activities(Noted {
        period,
        since: day(-3),
        lines: activities(count, minor),
        others,
        total: amount(minor * i64::from(count)),
        currency: eur(),
        balance_after: total(after),
    })
}

/// Every answer but `new`, at places between those.
fn others() -> Vec<(u16, LineVerdict)> {
    let refused = refusals().map(LineVerdict::Refused);
    let verdicts = [LineVerdict::Duplicate, LineVerdict::Conflict].into_iter().chain(refused);
    [0, 2, 5, 9, 20, 45, 46].into_iter().zip(verdicts).collect()
}

fn closed(period: Period, minor: i64, previous: Option<u64>) -> provider::Event {
    let next = i64::try_from(period.number).expect("small") + 1;
    provider::Event::PeriodClosed(Box::new(PeriodClosed {
        period,
        to: period.until,
        amount: amount(minor),
        currency: eur(),
        account: "tok_acme".into(),
        balance_after: Total::ZERO,
        previous: previous.map(Seq),
        next: Some(end(next)),
    }))
}

fn carried_over(period: Period, last: i64, reason: Reason) -> provider::Event {
    let event = CarriedOver {
        period,
        last: u64::try_from(last).expect("small"),
        to: end(last),
        reason,
        next: Some(end(last + 1)),
    };
    provider::Event::CarriedOver(Box::new(event))
}

fn reimbursed(seq: u64, saga_seq: u64, minor: i64) -> provider::Event {
    provider::Event::Reimbursed(Reimbursed {
        source: source(6, saga_seq),
        by: saga_of(&format!("rmb_{seq}_acme"), 2),
        reimbursement: Seq(seq),
        amount: amount(minor),
        currency: eur(),
    })
}

fn returned(seq: u64, declines: u32, on_hold: bool) -> provider::Event {
    provider::Event::Returned(Returned {
        source: source(7, seq),
        by: compensation_of(&format!("rmb_{seq}_acme"), 0),
        reimbursement: Seq(seq),
        amount: amount(1_500),
        currency: eur(),
        balance_after: total(1_500),
        failure: failure(),
        declines,
        on_hold,
    })
}

fn changed(settlement: Settlement, lifted: bool) -> provider::Event {
    provider::Event::SettlementChanged { settlement, lifted }
}

fn provider_life(id: &ProviderId, first: u64, decisions: Vec<Vec<provider::Event>>) -> Life {
    let verdicts = decisions.into_iter().map(Verdict::Provider).collect();
    life(&EntityId::provider(id), first, verdicts)
}

/// What accrued in the first, the second and the third period.
fn first_periods() -> [Period; 3] {
    let first = Sums {
        activities: sum(40, 4_000),
        payments: sum(1, 12_345),
        refunds: sum(1, 345),
        ..in_records(201, 203)
    };
    let second = Sums { activities: sum(1, 500), ..in_records(PAID, PAID) };
    let third = Sums { payments: sum(1, 1_000), ..in_records(PENDING, PENDING) };
    [period(1, 0, first), period(2, 0, second), period(3, 500, third)]
}

/// A provider on a calendar, and in the end paid at once.
pub(crate) fn on_calendar() -> Life {
    let [first, second, third] = first_periods();
    let idle = |number, carried| period(number, carried, Sums::default());
    let last = CarriedOver {
        period: idle(11, 0),
        last: 11,
        to: end(11),
        reason: Reason::Zero,
        next: None,
    };
    let began = |number, from| {
        let (at, until) = (end(from), end(from + 1));
        provider::Event::PeriodBegan(PeriodBegan { number, at, until })
    };
    let decisions = vec![
        vec![profile(on("month", Some("31"))), began(1, 0)],
        vec![received(300, 12_345, 12_345, Some("order 17"))],
        vec![noted(1, 40, 100, 16_345, others())],
        vec![refund_sent(301, 345, 16_000)],
        vec![closed(first, 16_000, None), noted(2, 1, 500, 500, Vec::new())],
        vec![carried_over(second, 2, Reason::InReimbursement), received(302, 1_000, 1_500, None)],
        vec![reimbursed(PAID, 50, 16_000)],
        vec![carried_over(third, 5, Reason::UnderMinimum)],
        vec![closed(idle(6, 1_500), 1_500, Some(PAID))],
        vec![returned(208, 1, false)],
        vec![closed(idle(7, 1_500), 1_500, Some(208))],
        vec![returned(210, 2, true)],
        vec![carried_over(idle(8, 1_500), 8, Reason::OnHold)],
        vec![changed(on("week", Some("friday")), true)],
        vec![closed(idle(9, 1_500), 1_500, Some(210))],
        vec![changed(Settlement::Immediate, false)],
        vec![carried_over(idle(10, 0), 10, Reason::Zero)],
        vec![reimbursed(214, 51, 1_500)],
        vec![provider::Event::CarriedOver(Box::new(last))],
        vec![settled(303, 12_345, Some("order 18"))],
        vec![settled(304, 500, None)],
        vec![began(12, 14), refund_sent(305, 5, -5)],
    ];
    provider_life(&acme(), 200, decisions)
}

/// A provider that is paid at once, and later on a calendar.
pub(crate) fn at_once() -> Life {
    let bolt = ProviderId::parse("bolt").expect("well formed");
    let began = PeriodBegan { number: 1, at: end(1), until: end(900) };
    let decisions = vec![
        vec![profile(Settlement::Immediate)],
        vec![settled(400, 700, Some("order 19"))],
        vec![changed(on("year", Some("02-29")), false), provider::Event::PeriodBegan(began)],
    ];
    provider_life(&bolt, 230, decisions)
}

/// A provider that nobody registered, and who was asked under a key nevertheless.
pub(crate) fn nobody() -> Life {
    let nobody = ProviderId::parse("nobody").expect("well formed");
    let rejection = Rejection::new(Code::ProviderNotFound, "there is no such provider");
    let refusal = Refusal { rejection, request_id: "req_0199".into() };
    life(&EntityId::provider(&nobody), 240, vec![Verdict::Refused(refusal)])
}
