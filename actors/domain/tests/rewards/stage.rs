//! What tests of rewards are made of: days, terms of campaigns, bank lines, and calls with them.
//!
//! The days of the tests are numbered: day 0 is 2026-10-01, and a call comes at noon UTC of its day
//! unless said otherwise. Everything is in euro. Terms win always and give one euro unless changed.

use std::sync::Arc;

use bursar_domain::call::{Policy, Rewarding};
use bursar_domain::campaign::terms::{Limits, Odds, OnReversal, Prize, Secret, Worth};
use bursar_domain::campaign::{Catalogue, Merchant, Merchants, Terms};
use bursar_domain::currency::Currency;
use bursar_domain::id::{CampaignId, WalletId};
use bursar_domain::money::Amount;
use bursar_domain::plan::Day;
use bursar_domain::statement::{Content, Line, LineStatus, Submitted, Take};
use bursar_domain::time::Timestamp;

pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

pub(crate) fn euro() -> Currency {
    Currency::from_code("EUR").expect("known")
}

pub(crate) fn wallet(name: &str) -> WalletId {
    WalletId::parse(name).expect("well-formed")
}

pub(crate) fn campaign(name: &str) -> CampaignId {
    CampaignId::parse(name).expect("well-formed")
}

pub(crate) fn amount(minor: i64) -> Amount {
    Amount::from_minor(minor)
}

/// A day of the tests.
pub(crate) fn day(number: i32) -> Day {
    let first = Day::parse("2026-10-01").expect("a day");
    first.checked_add_days(number).expect("within the range")
}

/// An hour of a day, UTC.
pub(crate) fn hour(number: i32, hour: i64) -> Timestamp {
    let millis = i64::from(day(number).days()) * DAY_MS + hour * 60 * 60 * 1_000;
    Timestamp::from_millis(millis).expect("a date")
}

pub(crate) fn noon(number: i32) -> Timestamp {
    hour(number, 12)
}

/// A campaign of days 0 to 99 in which every purchase wins one euro.
pub(crate) fn terms(name: &str) -> Terms {
    Terms {
        id: campaign(name),
        name: None,
        currency: euro(),
        budget: amount(1_000_000),
        starts_at: hour(0, 0),
        ends_at: hour(100, 0),
        first_day: day(0),
        last_day: day(99),
        odds: Odds { wins: 1, of: 1 },
        prizes: vec![prize(1, 100)],
        merchants: Merchants::default(),
        min_amount: None,
        limits: Limits::default(),
        on_reversal: OnReversal::ClawBack,
        priority: 0,
        open_days: 32,
        secret: Secret([7; 32]),
        announced_at: noon(-2),
    }
}

pub(crate) fn prize(weight: u32, minor: i64) -> Prize {
    Prize { weight, worth: Worth::Fixed(amount(minor)) }
}

/// The usual policy, with these campaigns announced.
pub(crate) fn policy<'a>(campaigns: impl IntoIterator<Item = &'a Terms>) -> Policy {
    let mut catalogue = Catalogue::default();
    for terms in campaigns {
        catalogue.add(&Arc::new(terms.clone()));
    }
    let rewarding = Rewarding { catalogue: Arc::new(catalogue), ..Rewarding::default() };
    Policy { rewarding, ..Policy::default() }
}

pub(crate) fn merchant(id: &str, name: &str, code: Option<u16>) -> Merchant {
    let text = |text: &str| (!text.is_empty()).then(|| text.into());
    Merchant { id: text(id), name: text(name), category_code: code }
}

/// What a bank line says.
pub(crate) fn content(id: &str, status: LineStatus, on: i32, minor: i64) -> Content {
    Content {
        id: id.into(),
        date: day(on),
        status,
        from_account: Some("DE01".into()),
        to_account: Some("DE02".into()),
        amount: amount(minor),
        description: None,
        merchant: Some(merchant("m1", "Baker", Some(5_462))),
        pending_id: None,
        reversal_of: None,
    }
}

pub(crate) fn submitted(content: Content) -> Submitted {
    Submitted { line: Arc::new(Line::new(content).expect("well-formed")), currency: euro() }
}

/// A pending line.
pub(crate) fn pending(id: &str, on: i32, minor: i64) -> Submitted {
    submitted(content(id, LineStatus::Pending, on, minor))
}

/// A posted line.
pub(crate) fn posted(id: &str, on: i32, minor: i64) -> Submitted {
    submitted(content(id, LineStatus::Posted, on, minor))
}

/// A posted line that says which pending one it replaces.
pub(crate) fn posted_for(id: &str, pending: &str, on: i32, minor: i64) -> Submitted {
    let content = content(id, LineStatus::Posted, on, minor);
    submitted(Content { pending_id: Some(pending.into()), ..content })
}

/// A line that is reversed under its own id.
pub(crate) fn reversed(id: &str, on: i32, minor: i64) -> Submitted {
    submitted(content(id, LineStatus::Reversed, on, minor))
}

/// A reversal with an id of its own.
pub(crate) fn reversal(id: &str, of: &str, on: i32, minor: i64) -> Submitted {
    let content = content(id, LineStatus::Reversed, on, minor);
    submitted(Content { reversal_of: Some(of.into()), ..content })
}

/// The line with something changed.
pub(crate) fn with(line: &Submitted, change: impl FnOnce(&mut Content)) -> Submitted {
    let mut content = line.line.content().clone();
    change(&mut content);
    Submitted { currency: line.currency, ..submitted(content) }
}

/// A call of one wallet.
pub(crate) fn take(name: &str, lines: &[Submitted]) -> Take {
    Take { wallet: wallet(name), currency: euro(), lines: lines.to_vec() }
}
