//! What a deal decides.
//!
//! A request is checked as a ladder: does the deal exist, is there such a wallet, do the currencies
//! agree, is the amount within the deal's bounds. What comes after depends on the state, so it is
//! decided with a ticket: is it time, may the wallet pay, is there a place, may there be one later.
//!
//! Whenever a place is freed, the line is worked off in the same decision. The line is bounded, a
//! decision must fit one group of the journal, so after `AT_ONCE` the deal writes to itself and
//! goes on; until then nobody new passes those in line.
//!
//! Invariant: nobody is admitted while an earlier one in line would fit.

use std::sync::Arc;

use crate::call::Context;
use crate::code::{Code, Rejection};
use crate::deal::command::{Command, IfFull, Invest, Investor};
use crate::deal::event::{Decision, Event, Ticketed, Waiting};
use crate::deal::{Deal, Gate, LINE_MAX, Profile, Seat, Summary};
use crate::entity::Entity;
use crate::id::{Kind, Seq, WalletId};
use crate::message::{Body, Effect, Message, Movement, Stamp};
use crate::money::{Amount, Total};
use crate::planted::{self, Bug};
use crate::saga::subject::Failure;
use crate::wallet::Status;
use crate::wallet::command::Lookup;

/// How many of the line one decision promotes or refuses at the most.
const AT_ONCE: usize = 400;

impl Entity for Deal {
    type Command = Command;
    type Event = Event;
    type Summary = Summary;
    const KIND: Kind = Kind::Deal;

    fn exists(&self) -> bool {
        self.profile.is_some()
    }

    fn decide(&self, command: &Command, context: &Context<'_>) -> Result<Vec<Event>, Rejection> {
        let Some(profile) = &self.profile else {
            return match command {
                Command::Open(profile) => Ok(vec![Event::Opened(Arc::new(profile.clone()))]),
                Command::Invest(_) | Command::Withdraw { .. } | Command::Close => {
                    Err(Rejection::new(Code::DealNotFound, "there is no such deal"))
                }
            };
        };
        match command {
            Command::Open(_) => {
                Err(Rejection::new(Code::AlreadyExists, "a deal with this id exists"))
            }
            Command::Invest(invest) => self.invest(profile, invest, context),
            Command::Withdraw { investment } => self.withdraw(profile, *investment),
            Command::Close => Ok(match self.gate {
                Gate::Open => vec![Event::Closed],
                Gate::Closed => Vec::new(),
            }),
        }
    }

    fn receive(&self, message: &Message, _: &Context<'_>) -> Vec<Event> {
        if self.marks.has(message.source) {
            return Vec::new();
        }
        let profile = self.profile.as_ref().expect("only a deal that was opened has sagas");
        let source = message.source;
        let first = match &message.body {
            Body::Confirm { by, investment, amount, currency } => {
                assert_eq!(*currency, profile.currency, "the deal compared the currencies");
                let after = self.posted.checked_add(*amount);
                Event::Confirmed {
                    source,
                    by: by.clone(),
                    investment: *investment,
                    amount: *amount,
                    currency: *currency,
                    balance_after: after.expect("a total holds any number of amounts"),
                }
            }
            Body::Free { by, investment } => {
                Event::Freed { source, by: by.clone(), investment: *investment }
            }
            Body::Continue => Event::Continued { source },
            Body::Payment { .. }
            | Body::RefundOrder { .. }
            | Body::RefundMoney { .. }
            | Body::Begin(_)
            | Body::Mark { .. }
            | Body::Settle { .. }
            | Body::Unmark { .. }
            | Body::Credit { .. }
            | Body::Abandon { .. }
            | Body::Compensate(_)
            | Body::Reply { .. }
            | Body::Post { .. }
            | Body::Unhold { .. }
            | Body::SettledPayment { .. }
            | Body::Reimbursed { .. }
            | Body::NotReimbursed { .. }
            | Body::Activate { .. }
            | Body::NotCredited { .. }
            | Body::StartRun { .. }
            | Body::Collect { .. }
            | Body::ReportSaid { .. }
            | Body::Collected { .. }
            | Body::Drew { .. }
            | Body::RewardNews(_)
            | Body::RewardCredit { .. }
            | Body::Ungrant { .. }
            | Body::ClawBack(_)
            | Body::TakenBack { .. } => unreachable!("{message:?} is not for a deal"),
        };
        let mut room = Room::of(self, profile);
        let mut events = vec![first];
        if let Body::Free { investment, .. } = &message.body {
            room.free(self, *investment);
        } else if let Body::Confirm { .. } = &message.body {
            room.places -= 1;
        }
        events.extend(self.work_off(profile, room));
        events
    }

    fn apply(&mut self, event: &Event, seq: Seq) {
        self.write(event, seq);
        self.check();
    }

    fn react(id: &Arc<str>, event: &Event, stamp: Stamp) -> Vec<Effect> {
        event.effects(id, stamp)
    }

    fn movement(event: &Event) -> Option<Movement> {
        event.booked()
    }

    fn balance_after(event: &Event) -> Option<Total> {
        if let Event::Confirmed { balance_after, .. } = event { Some(*balance_after) } else { None }
    }

    fn summary(&self) -> Option<Summary> {
        let profile = self.profile.as_ref()?;
        Some(Summary {
            profile: Arc::clone(profile),
            closed: self.gate == Gate::Closed,
            last_ticket: self.last_ticket,
            seats_taken: self.seats.len(),
            seats_confirmed: usize::from(self.seats_confirmed),
            reserved: self.reserved,
            reserved_count: self.places.len(),
            confirmed: self.confirmed,
            confirmed_count: self.confirmed_count,
            waiting: self.line.len(),
        })
    }
}

impl Deal {
    fn invest(
        &self,
        profile: &Profile,
        invest: &Invest,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Rejection> {
        let investor = match &invest.investor {
            Lookup::Found(investor) => investor,
            Lookup::Missing => {
                let detail = format!("there is no wallet {}", invest.wallet);
                return Err(Rejection::new(Code::WalletNotFound, detail));
            }
            Lookup::Open => unreachable!("the host looks the wallet up first"),
        };
        bounds(profile, invest, investor)?;
        // After this nothing is refused without a ticket.
        let decision = match self.place(profile, invest, investor, context) {
            Ok(decision) => decision,
            Err(rejection) => {
                Decision::Refused { rejection, request_id: invest.request_id.clone() }
            }
        };
        Ok(vec![Event::Ticketed(Ticketed {
            ticket: self.last_ticket + 1,
            wallet: invest.wallet.clone(),
            amount: invest.amount,
            currency: invest.currency,
            funding: invest.funding,
            decision,
        })])
    }

    fn place(
        &self,
        profile: &Profile,
        invest: &Invest,
        investor: &Investor,
        context: &Context<'_>,
    ) -> Result<Decision, Rejection> {
        if let Some(at) = profile.opens_at.filter(|at| context.now < *at) {
            let detail = format!("the deal opens at {at}");
            return Err(Rejection::new(Code::DealNotOpen, detail));
        }
        if self.gate == Gate::Closed || profile.closes_at.is_some_and(|at| context.now >= at) {
            return Err(Rejection::new(Code::DealClosed, "the deal takes no more requests"));
        }
        if investor.status == Status::Frozen {
            return Err(Rejection::new(Code::WalletFrozen, "a frozen wallet cannot invest"));
        }
        let fits = self.fits(profile, &invest.wallet, invest.amount);
        let passes = |waiting: &Waiting| self.fits(profile, &waiting.wallet, waiting.amount);
        if fits && !(self.unfinished && self.line.values().any(passes)) {
            return Ok(Decision::Reserved);
        }
        let may_fit = fits || self.may_fit(profile, &invest.wallet, invest.amount);
        if invest.if_full == IfFull::Refuse || !may_fit {
            return Err(self.no_place(profile, &invest.wallet));
        }
        if self.line.len() >= LINE_MAX {
            let detail = format!("{LINE_MAX} are waiting already");
            return Err(Rejection::new(Code::WaitingListFull, detail));
        }
        let position = u32::try_from(self.line.len() + 1);
        Ok(Decision::Waiting(position.expect("the line is bounded")))
    }

    /// Whether an investment would have a place now.
    fn fits(&self, profile: &Profile, wallet: &WalletId, amount: Amount) -> bool {
        let has_seat = self.seats.len() < usize::from(profile.investors_max);
        amount <= self.free(profile) && (has_seat || self.is_seated(wallet))
    }

    /// Whether an investment would have a place if everything on its way failed.
    fn may_fit(&self, profile: &Profile, wallet: &WalletId, amount: Amount) -> bool {
        let left = profile.amount.checked_sub(self.confirmed).expect("never over the amount");
        let has_seat = self.seats_confirmed < profile.investors_max;
        let is_seated = self.seats.get(wallet).is_some_and(|seat| seat.confirmed > 0);
        !self.places.is_empty() && amount <= left && (has_seat || is_seated)
    }

    fn free(&self, profile: &Profile) -> Amount {
        let taken = self.reserved.checked_add(self.confirmed);
        let free = taken.and_then(|taken| profile.amount.checked_sub(taken));
        free.expect("never over the amount")
    }

    fn no_place(&self, profile: &Profile, wallet: &WalletId) -> Rejection {
        if self.seats.len() >= usize::from(profile.investors_max) && !self.is_seated(wallet) {
            let detail = format!("all {} seats are taken", profile.investors_max);
            return Rejection::new(Code::DealFull, detail);
        }
        let free = self.free(profile).to_major(profile.currency);
        let detail = format!("{free} {} can still be invested", profile.currency);
        Rejection::new(Code::AmountExceedsRemaining, detail)
    }

    fn withdraw(&self, profile: &Profile, investment: Seq) -> Result<Vec<Event>, Rejection> {
        let Some(place) = self.line.get(&investment) else {
            let detail = "the investment is not in the waiting list";
            return Err(Rejection::new(Code::InvestmentNotWaiting, detail));
        };
        Ok(vec![Event::Withdrawn { place: place.clone(), currency: profile.currency }])
    }

    /// Gives places to those in line who fit now; when nothing is on its way any more, nobody in
    /// line can fit later, and they are refused.
    fn work_off(&self, profile: &Profile, mut room: Room) -> Vec<Event> {
        let currency = profile.currency;
        let mut places = Vec::new();
        for waiting in self.line.values().skip(usize::from(planted::is(Bug::WaitingListSkips))) {
            if places.len() == AT_ONCE || !room.free.is_positive() {
                break;
            }
            if room.fits(waiting) {
                room.take(waiting);
                places.push(waiting.clone());
            }
        }
        let (event, count) = if !places.is_empty() {
            let count = places.len();
            (Event::Promoted { places, currency }, count)
        } else if room.places == 0 && !self.line.is_empty() {
            let first = self.line.values().take(AT_ONCE);
            let places: Vec<_> =
                first.map(|waiting| (waiting.clone(), room.failure(waiting))).collect();
            let count = places.len();
            (Event::LineRefused { places, currency }, count)
        } else {
            return Vec::new();
        };
        if count == AT_ONCE && self.line.len() > AT_ONCE {
            vec![event, Event::Unfinished]
        } else {
            vec![event]
        }
    }
}

fn bounds(profile: &Profile, invest: &Invest, investor: &Investor) -> Result<(), Rejection> {
    let currency = profile.currency;
    if invest.currency != currency {
        let detail = format!("the deal takes {currency}, not {}", invest.currency);
        return Err(Rejection::new(Code::CurrencyMismatch, detail));
    }
    if investor.currency != currency {
        let detail = format!("the deal takes {currency}, the wallet holds {}", investor.currency);
        return Err(Rejection::new(Code::CurrencyMismatch, detail));
    }
    if let Some(least) = profile.investment_min.filter(|least| invest.amount < *least) {
        let detail = format!("an investment is at least {} {currency}", least.to_major(currency));
        return Err(Rejection::new(Code::InvalidAmount, detail));
    }
    if let Some(most) = profile.investment_max.filter(|most| invest.amount > *most) {
        let detail = format!("an investment is at most {} {currency}", most.to_major(currency));
        return Err(Rejection::new(Code::InvalidAmount, detail));
    }
    Ok(())
}

/// What is free while the line is worked off, before anything is written.
struct Room {
    free: Amount,
    seats: std::collections::BTreeMap<WalletId, Seat>,
    seats_max: usize,
    /// How many investments are on their way.
    places: usize,
}

impl Room {
    fn of(deal: &Deal, profile: &Profile) -> Self {
        Self {
            free: deal.free(profile),
            seats: deal.seats.clone(),
            seats_max: usize::from(profile.investors_max),
            places: deal.places.len(),
        }
    }

    fn free(&mut self, deal: &Deal, investment: Seq) {
        let place = deal.places.get(&investment).expect("only a place is freed");
        self.free = self.free.checked_add(place.amount).expect("at most the deal's amount");
        self.places -= 1;
        let seat = self.seats.get_mut(&place.wallet).expect("a place has a seat");
        seat.reserved -= 1;
        if *seat == Seat::default() && !planted::is(Bug::SeatNotFreed) {
            self.seats.remove(&place.wallet);
        }
    }

    fn has_seat(&self, wallet: &WalletId) -> bool {
        self.seats.len() < self.seats_max || self.seats.contains_key(wallet)
    }

    fn fits(&self, waiting: &Waiting) -> bool {
        waiting.amount <= self.free && self.has_seat(&waiting.wallet)
    }

    fn take(&mut self, waiting: &Waiting) {
        self.free = self.free.checked_sub(waiting.amount).expect("it fits");
        self.seats.entry(waiting.wallet.clone()).or_default().reserved += 1;
        self.places += 1;
    }

    /// Why someone in line cannot get a place any more.
    fn failure(&self, waiting: &Waiting) -> Failure {
        if self.has_seat(&waiting.wallet) {
            let (code, detail) = (Code::AmountExceedsRemaining, "less than this is left");
            Failure::new(code.as_str(), detail)
        } else {
            Failure::new(Code::DealFull.as_str(), "all seats are taken for good")
        }
    }
}
