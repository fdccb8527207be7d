//! What a provider decides.
//!
//! Every decision that notes something first brings the books up to date: periods that are over
//! are ended, each once, whether the timer came first or a payment did. What a command asks in vain
//! (the same settlement again, known activities) has no events at all; then the timer ends what is
//! due.
//!
//! A change of settlement counts for the periods after the running one, and at once for payments
//! that wallets decide from then on. Who is paid at once and still has money from the calendar,
//! accrued or on its way, keeps the old calendar until that is paid.

use std::sync::Arc;

use crate::call::Context;
use crate::code::{Code, Rejection};
use crate::entity::{Due, Entity, Wake};
use crate::id::{Kind, Seq, WalletId};
use crate::message::{Asker, Body, Effect, Message, Movement, Source, Stamp};
use crate::money::{Amount, Total};
use crate::planted::{self, Bug};
use crate::provider::books::Books;
use crate::provider::command::Command;
use crate::provider::event::{Event, Received, ReceivedSettled, RefundSent, Reimbursed, Returned};
use crate::provider::{Profile, Provider, Settlement, Summary};
use crate::saga::subject::Failure;
use crate::time::Timestamp;

/// The words of a saga that gave a push up before the processor had decided on it. That is no
/// decline: an outage of the processor puts no provider on hold.
const NOT_DECLINED: [&str; 3] = ["cancelled", "deadline-exceeded", "processor-unavailable"];

impl Entity for Provider {
    type Command = Command;
    type Event = Event;
    type Summary = Summary;
    const KIND: Kind = Kind::Provider;
    const WAITS: bool = true;

    fn exists(&self) -> bool {
        self.books.is_some()
    }

    fn decide(&self, command: &Command, context: &Context<'_>) -> Result<Vec<Event>, Rejection> {
        let Some(books) = &self.books else {
            return match command {
                Command::Register(profile) => Ok(registered(profile, context)),
                Command::Settle(_) | Command::Activities(_) => Err(not_found()),
            };
        };
        match command {
            Command::Register(_) => {
                Err(Rejection::new(Code::AlreadyExists, "a provider with this id exists"))
            }
            Command::Settle(settlement) => Ok(settle(books, settlement, context)),
            Command::Activities(call) => {
                let (books, mut events) = books.up_to_date(context);
                let Some(noted) = self.note(call, &books, context)? else {
                    return Ok(Vec::new());
                };
                events.push(noted);
                Ok(events)
            }
        }
    }

    fn receive(&self, message: &Message, context: &Context<'_>) -> Vec<Event> {
        let again = planted::is(Bug::CreditTwice) && matches!(message.body, Body::Payment { .. });
        if self.marks.has(message.source) && !again {
            return Vec::new();
        }
        let books = self.books.as_ref().expect("only a registered provider is written to");
        let (mut books, mut events) = books.up_to_date(context);
        if let Body::Payment { .. } | Body::RefundOrder { .. } = &message.body {
            // Decided by a wallet before it knew that payments are settled at once.
            books.begin(context.now, &mut events);
        }
        events.push(received(&books, message, context));
        events
    }

    fn woken(&self, _: Wake, context: &Context<'_>) -> Vec<Event> {
        self.books.as_ref().map_or_else(Vec::new, |books| books.up_to_date(context).1)
    }

    fn due(&self) -> Due {
        let Some(books) = &self.books else { return Due::Nothing };
        match books.period {
            Some(period) => Due::At(period.until),
            // Long past: its first period begins as soon as it is woken.
            None if books.is_unbegun() => Due::At(Timestamp::default()),
            None => Due::Nothing,
        }
    }

    fn apply(&mut self, event: &Event, seq: Seq) {
        if let Some(source) = event.source() {
            self.marks.raise(source);
        }
        if let Event::Registered(profile) = event {
            assert!(self.books.is_none(), "it was registered before");
            self.books = Some(Books::registered(Arc::clone(profile), Total::ZERO));
            return;
        }
        if let Event::Activities(noted) = event {
            for line in &noted.lines {
                self.activities.set(line.slot(), line.mark());
            }
        }
        let books = self.books.as_mut().expect("it is registered before all else");
        let before = books.account();
        books.write(event, seq);
        let moved = event.booked().map_or(Amount::ZERO, |movement| movement.account);
        let after = before.checked_add(moved);
        assert_eq!(after, Some(books.account()), "{event:?} at {seq}: wrong sum");
        books.check();
    }

    fn react(id: &Arc<str>, event: &Event, stamp: Stamp) -> Vec<Effect> {
        event.effects(id, stamp)
    }

    fn movement(event: &Event) -> Option<Movement> {
        event.booked()
    }

    fn balance_after(event: &Event) -> Option<Total> {
        event.balance_after()
    }

    fn summary(&self) -> Option<Summary> {
        self.books.as_ref().map(Summary::of)
    }
}

/// Nothing is known under the id.
pub(super) fn not_found() -> Rejection {
    Rejection::new(Code::ProviderNotFound, "there is no such provider")
}

fn registered(profile: &Profile, context: &Context<'_>) -> Vec<Event> {
    let profile = Arc::new(profile.clone());
    let mut books = Books::registered(Arc::clone(&profile), Total::ZERO);
    let mut events = vec![Event::Registered(profile)];
    books.begin(context.now, &mut events);
    events
}

fn settle(books: &Books, settlement: &Settlement, context: &Context<'_>) -> Vec<Event> {
    if books.terms.settlement == *settlement && !books.on_hold {
        return Vec::new();
    }
    let (mut books, mut events) = books.up_to_date(context);
    let (settlement, lifted) = (settlement.clone(), books.on_hold);
    let event = Event::SettlementChanged { settlement, lifted };
    books.write_ahead(&event);
    events.push(event);
    if books.is_unbegun() {
        books.begin(context.now, &mut events);
    }
    events
}

/// What a message says, on books that are up to date.
fn received(books: &Books, message: &Message, context: &Context<'_>) -> Event {
    let (source, ours) = (message.source, books.profile.currency);
    match &message.body {
        Body::Payment { wallet, amount, currency, description, effective_at } => {
            assert_eq!(*currency, ours, "the wallet compared the currencies");
            Event::Received(Received {
                source,
                wallet: wallet.clone(),
                amount: *amount,
                currency: *currency,
                balance_after: books.accrued_after(amount.minor()),
                effective_at: *effective_at,
                description: description.clone(),
            })
        }
        Body::RefundOrder { wallet, payment, amount, currency, effective_at } => {
            assert_eq!(*currency, ours, "a refund is in the payment's currency");
            let about = (wallet, *payment, *effective_at);
            Event::RefundSent(refund_sent(books, source, about, *amount))
        }
        Body::SettledPayment { wallet, payment, amount, currency, description, effective_at } => {
            assert_eq!(*currency, ours, "the wallet compared the currencies");
            Event::ReceivedSettled(ReceivedSettled {
                source,
                wallet: wallet.clone(),
                payment: *payment,
                amount: *amount,
                currency: *currency,
                effective_at: *effective_at,
                description: description.clone(),
            })
        }
        Body::Reimbursed { by, reimbursement } => {
            Event::Reimbursed(reimbursed(books, source, by, *reimbursement))
        }
        Body::NotReimbursed { by, reimbursement, failure } => {
            Event::Returned(returned(books, source, by, (*reimbursement, failure), context))
        }
        Body::RefundMoney { .. }
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
        | Body::Continue
        | Body::Post { .. }
        | Body::Unhold { .. }
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
        | Body::TakenBack { .. } => unreachable!("{message:?} is not for a provider"),
    }
}

fn refund_sent(
    books: &Books,
    source: Source,
    (wallet, payment, effective_at): (&WalletId, Seq, Option<Timestamp>),
    amount: Amount,
) -> RefundSent {
    RefundSent {
        source,
        wallet: wallet.clone(),
        payment,
        amount,
        currency: books.profile.currency,
        balance_after: books.accrued_after(-amount.minor()),
        effective_at,
    }
}

fn reimbursed(books: &Books, source: Source, by: &Asker, reimbursement: Seq) -> Reimbursed {
    let (amount, currency) = (books.in_reimbursement(), books.profile.currency);
    Reimbursed { source, by: by.clone(), reimbursement, amount, currency }
}

fn returned(
    books: &Books,
    source: Source,
    by: &Asker,
    (reimbursement, failure): (Seq, &Failure),
    context: &Context<'_>,
) -> Returned {
    let amount = books.in_reimbursement();
    let declined = !NOT_DECLINED.contains(&&*failure.code);
    let declines = books.declines.saturating_add(u32::from(declined));
    let most = context.policy.reimbursing.declines_max;
    Returned {
        source,
        by: by.clone(),
        reimbursement,
        amount,
        currency: books.profile.currency,
        balance_after: books.accrued_after(amount.minor()),
        failure: failure.clone(),
        declines,
        on_hold: declined && declines >= most,
    }
}
