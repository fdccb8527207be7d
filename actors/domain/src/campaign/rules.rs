//! What a campaign decides: announcing, pausing, and which wins its budget holds.
//!
//! Wins are decided one by one in the order in which they are told. One that is more than what is
//! left is refused; a later, smaller one may still fit. While it pauses, and until all that waited
//! is decided, wins go to the end of the line.
//!
//! Invariant: what a statement says is never refused, because its draws have happened.

use std::sync::Arc;

use super::event::{Admitted, Counted, Ungranted};
use super::{ADMITTED_MAX, Campaign, Command, Decided, Decision, Event, Summary, WAITING_MAX, Win};
use crate::call::Context;
use crate::code::{Code, Rejection};
use crate::entity::Entity;
use crate::id::{Kind, Seq, WalletId};
use crate::message::{Body, Effect, Message, Movement, Source, Stamp};
use crate::money::Amount;

impl Entity for Campaign {
    type Command = Command;
    type Event = Event;
    type Summary = Summary;
    const KIND: Kind = Kind::Campaign;

    fn exists(&self) -> bool {
        self.terms.is_some()
    }

    fn decide(&self, command: &Command, _: &Context<'_>) -> Result<Vec<Event>, Rejection> {
        match (command, &self.terms) {
            (Command::Announce(terms), None) => Ok(vec![Event::Announced(Arc::clone(terms))]),
            (Command::Announce(_), Some(_)) => {
                let detail = "a campaign with this id was announced before";
                Err(Rejection::new(Code::AlreadyExists, detail))
            }
            (Command::Pause | Command::Resume, None) => {
                let detail = "there is no campaign with this id";
                Err(Rejection::new(Code::CampaignNotFound, detail))
            }
            (Command::Pause, Some(_)) => {
                Ok(if self.paused { Vec::new() } else { vec![Event::Paused] })
            }
            (Command::Resume, Some(_)) if self.paused => {
                let mut events = vec![Event::Resumed];
                if !self.waiting.is_empty() {
                    events.push(self.admitted(None));
                }
                Ok(events)
            }
            (Command::Resume, Some(_)) => Ok(Vec::new()),
        }
    }

    fn receive(&self, message: &Message, _: &Context<'_>) -> Vec<Event> {
        if self.marks.has(message.source) {
            return Vec::new();
        }
        let source = message.source;
        let terms = self.terms.as_ref().expect("only a campaign that was announced is written to");
        vec![match &message.body {
            Body::Drew { wallet, draws, wins } => self.counted(source, wallet, *draws, wins),
            Body::Ungrant { by, draw, wallet, win, failure } => Event::Ungranted(Ungranted {
                source,
                by: by.clone(),
                wallet: wallet.clone(),
                draw: *draw,
                win: win.clone(),
                currency: terms.currency,
                failure: failure.clone(),
            }),
            Body::TakenBack { wallet, amount, currency } => Event::TakenBack {
                source,
                wallet: wallet.clone(),
                amount: *amount,
                currency: *currency,
            },
            Body::Continue if self.paused || self.waiting.is_empty() => {
                Event::NothingWaits { source }
            }
            Body::Continue => self.admitted(Some(source)),
            Body::Payment { .. }
            | Body::RefundOrder { .. }
            | Body::RefundMoney { .. }
            | Body::Begin(_)
            | Body::Mark { .. }
            | Body::Settle { .. }
            | Body::Unmark { .. }
            | Body::Credit { .. }
            | Body::Abandon { .. }
            | Body::Confirm { .. }
            | Body::Free { .. }
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
            | Body::RewardNews(_)
            | Body::RewardCredit { .. }
            | Body::ClawBack(_) => unreachable!("{message:?} is not for a campaign"),
        }]
    }

    fn apply(&mut self, event: &Event, seq: Seq) {
        if let Some(source) = event.received() {
            self.marks.raise(source);
        }
        self.write(event, seq);
        self.check();
    }

    fn react(id: &Arc<str>, event: &Event, stamp: Stamp) -> Vec<Effect> {
        event.effects(id, stamp)
    }

    fn movement(_: &Event) -> Option<Movement> {
        None
    }

    fn summary(&self) -> Option<Summary> {
        let terms = Arc::clone(self.terms.as_ref()?);
        let (granted, counts) = (self.granted, self.counts);
        Some(Summary { terms, paused: self.paused, granted, counts, waiting: self.waiting.len() })
    }
}

impl Campaign {
    /// What is left of the budget.
    fn remaining(&self) -> Amount {
        let budget = self.terms.as_ref().map_or(Amount::ZERO, |terms| terms.budget);
        budget.checked_sub(self.granted).expect("granted is never over the budget")
    }

    fn currency(&self) -> crate::currency::Currency {
        self.terms.as_ref().expect("asked after it was announced").currency
    }

    fn counted(&self, source: Source, wallet: &WalletId, draws: u32, wins: &[Win]) -> Event {
        let mut remaining = self.remaining();
        let mut waiting = self.waiting.len();
        let must_wait = self.paused || waiting > 0;
        let decide = |win: &Win| {
            let decision = if !must_wait {
                take(&mut remaining, win.amount)
            } else if waiting < WAITING_MAX {
                waiting += 1;
                Decision::Waits
            } else {
                Decision::TurnedAway
            };
            Decided { wallet: wallet.clone(), draw: source.seq, win: win.clone(), decision }
        };
        let wins = wins.iter().map(decide).collect();
        Event::Counted(Counted {
            source,
            draws,
            wins,
            currency: self.currency(),
            granted_after: self.granted_after(remaining),
        })
    }

    /// Decides the oldest of those that wait.
    fn admitted(&self, source: Option<Source>) -> Event {
        let mut remaining = self.remaining();
        let decide = |waiting: &Decided| {
            let decision = take(&mut remaining, waiting.win.amount);
            Decided { decision, ..waiting.clone() }
        };
        let wins: Vec<Decided> = self.waiting.iter().take(ADMITTED_MAX).map(decide).collect();
        let more = self.waiting.len() > wins.len();
        let granted_after = self.granted_after(remaining);
        Event::Admitted(Admitted { source, wins, currency: self.currency(), granted_after, more })
    }

    fn granted_after(&self, remaining: Amount) -> Amount {
        let terms = self.terms.as_ref().expect("asked after it was announced");
        terms.budget.checked_sub(remaining).expect("what is left is part of the budget")
    }
}

/// Takes a win out of what is left, if it fits.
fn take(remaining: &mut Amount, amount: Amount) -> Decision {
    match remaining.checked_sub(amount) {
        Some(rest) if !rest.is_negative() => {
            *remaining = rest;
            Decision::Granted
        }
        Some(_) | None => Decision::Exhausted,
    }
}
