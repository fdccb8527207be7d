//! A deal as JSON.
//!
//! Its status follows from the clock and from what is left, so it is worked out whenever somebody
//! looks; nothing is stored for it. It says what a new investor can expect now, not what the deal
//! will decide: that is the deal's own, with a ticket, when the request has reached it.

use std::sync::Arc;

use bursar_domain::deal::{Profile, Summary};
use bursar_domain::money::Amount;
use bursar_domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// Whether a deal takes requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    /// Not yet: before its opening.
    Upcoming,
    /// It does.
    Open,
    /// A new investor gets no place now: every seat is taken, or less is left than the least
    /// investment. What is on its way may still fail and free a place.
    Full,
    /// No more: closed by hand, or after its closing.
    Closed,
}

impl Status {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Upcoming, Self::Open, Self::Full, Self::Closed];

    /// The word used in JSON.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Upcoming => "upcoming",
            Self::Open => "open",
            Self::Full => "full",
            Self::Closed => "closed",
        }
    }

    /// The status of a word.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// How a deal stands at a time.
    pub(crate) fn of(deal: &Summary, now: Timestamp) -> Self {
        let profile = &deal.profile;
        let remaining = deal.remaining();
        if deal.closed || profile.closes_at.is_some_and(|at| now >= at) {
            Self::Closed
        } else if profile.opens_at.is_some_and(|at| now < at) {
            Self::Upcoming
        } else if deal.seats_taken >= usize::from(profile.investors_max)
            || remaining.is_zero()
            || profile.investment_min.is_some_and(|least| remaining < least)
        {
            Self::Full
        } else {
            Self::Open
        }
    }
}

/// A deal's seats. A wallet takes one, however often it invests.
#[derive(Serialize, ToSchema)]
pub(crate) struct DealSeats {
    /// Wallets that have a place or are confirmed.
    taken: usize,
    /// Wallets that are confirmed.
    confirmed: usize,
    /// The most.
    max: u16,
}

/// How many investments a deal has.
#[derive(Serialize, ToSchema)]
pub(crate) struct DealInvestments {
    /// On their way.
    reserved: usize,
    /// For good.
    confirmed: u32,
}

/// A deal.
#[derive(Serialize, ToSchema)]
pub(crate) struct Deal {
    #[schema(example = "harbour")]
    pub(crate) id: String,
    #[schema(example = "Harbour Lofts")]
    name: String,
    /// The most that it takes, in major units.
    #[schema(example = "500000.00")]
    amount: String,
    /// ISO 4217.
    #[schema(example = "EUR")]
    currency: &'static str,
    #[schema(example = 200)]
    max_investors: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "100.00")]
    min_investment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "50000.00")]
    max_investment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opens_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closes_at: Option<String>,
    /// `upcoming`, `open`, `full` (a new investor gets no place now) or `closed`.
    #[schema(example = "open")]
    status: &'static str,
    /// What can still be reserved.
    #[schema(example = "499000.00")]
    remaining: String,
    seats: DealSeats,
    /// The sum of investments on their way.
    #[schema(example = "1000.00")]
    reserved: String,
    /// The sum of confirmed investments.
    #[schema(example = "0.00")]
    confirmed: String,
    investments: DealInvestments,
    /// How many wait in line.
    waiting: usize,
    /// The last ticket that was given.
    last_ticket: u64,
    /// How many decisions the deal has made.
    version: u64,
}

impl Deal {
    /// A deal as it stands at a time.
    pub(crate) fn seen(id: &str, deal: &Summary, version: u64, now: Timestamp) -> Self {
        let profile = &deal.profile;
        let major = |amount: Amount| amount.to_major(profile.currency);
        let instant = |at: Option<Timestamp>| at.map(|at| at.to_string());
        Self {
            id: id.to_owned(),
            name: profile.name.to_string(),
            amount: major(profile.amount),
            currency: profile.currency.code(),
            max_investors: profile.investors_max,
            min_investment: profile.investment_min.map(major),
            max_investment: profile.investment_max.map(major),
            opens_at: instant(profile.opens_at),
            closes_at: instant(profile.closes_at),
            status: Status::of(deal, now).as_str(),
            remaining: major(deal.remaining()),
            seats: DealSeats {
                taken: deal.seats_taken,
                confirmed: deal.seats_confirmed,
                max: profile.investors_max,
            },
            reserved: major(deal.reserved),
            confirmed: major(deal.confirmed),
            investments: DealInvestments {
                reserved: deal.reserved_count,
                confirmed: deal.confirmed_count,
            },
            waiting: deal.waiting,
            last_ticket: deal.last_ticket,
            version,
        }
    }

    /// A deal as it was opened.
    pub(crate) fn opened(id: &str, profile: &Arc<Profile>, at: Timestamp) -> Self {
        Self::seen(id, &fresh(profile), 1, at)
    }
}

/// A deal in which nobody has invested.
fn fresh(profile: &Arc<Profile>) -> Summary {
    Summary {
        profile: Arc::clone(profile),
        closed: false,
        last_ticket: 0,
        seats_taken: 0,
        seats_confirmed: 0,
        reserved: Amount::ZERO,
        reserved_count: 0,
        confirmed: Amount::ZERO,
        confirmed_count: 0,
        waiting: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bursar_domain::currency::Currency;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000).expect("a time")
    }

    fn summary(change: impl FnOnce(&mut Summary)) -> Summary {
        let profile = Profile {
            name: "D".into(),
            currency: Currency::from_code("EUR").expect("known"),
            amount: Amount::from_minor(1000),
            investors_max: 3,
            investment_min: Some(Amount::from_minor(100)),
            investment_max: None,
            opens_at: Some(at(10)),
            closes_at: Some(at(20)),
        };
        let mut summary = fresh(&Arc::new(profile));
        change(&mut summary);
        summary
    }

    #[test]
    fn the_status_follows_from_the_clock_and_from_what_is_left() {
        let check = |now: i64, change: fn(&mut Summary), expected| {
            assert_eq!(Status::of(&summary(change), at(now)), expected, "at {now}");
        };
        check(9, |_| {}, Status::Upcoming);
        check(10, |_| {}, Status::Open);
        check(19, |_| {}, Status::Open);
        check(20, |_| {}, Status::Closed);
        check(9, |deal| deal.closed = true, Status::Closed);
        check(10, |deal| deal.seats_taken = 3, Status::Full);
        check(10, |deal| deal.reserved = Amount::from_minor(1000), Status::Full);
        check(10, |deal| deal.confirmed = Amount::from_minor(901), Status::Full);
        check(10, |deal| deal.confirmed = Amount::from_minor(900), Status::Open);
        check(20, |deal| deal.seats_taken = 3, Status::Closed);
    }
}
