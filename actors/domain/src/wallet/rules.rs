//! What a wallet decides.
//!
//! Each rule is a ladder, and the order of its checks is the precedence of the codes: does the
//! wallet exist, may it act, what is on the other side, do the currencies agree, do the limits
//! hold. Shape and idempotency come before, in the request's parsing and in the host.

use std::sync::Arc;

use crate::call::Context;
use crate::code::{Code, Rejection};
use crate::currency::Currency;
use crate::entity::Entity;
use crate::id::{DealId, InvestmentId, Kind, Made, ProviderId, Seq};
use crate::message::{Asker, Body, Effect, Message, Movement, Source, Stamp};
use crate::money::{Amount, Total};
use crate::wallet::command::{Command, Deposit, Lookup, Pay, PayeeSettlement, Refund};
use crate::wallet::event::{
    Deposited, Event, Invested, Marked, Paid, PullBooked, PullRequested, RefundReceived,
    RefundRequested,
};
use crate::wallet::reward::RewardEvent;
use crate::wallet::settled::PaymentFailed;
use crate::wallet::{EXPECTED_MAX, Expected, HOLDS_MAX, Hold, Profile, Status, Summary, Wallet};

impl Entity for Wallet {
    type Command = Command;
    type Event = Event;
    type Summary = Summary;
    const KIND: Kind = Kind::Wallet;

    fn exists(&self) -> bool {
        self.profile.is_some()
    }

    fn decide(&self, command: &Command, _: &Context<'_>) -> Result<Vec<Event>, Rejection> {
        let Some(profile) = &self.profile else {
            return match command {
                Command::Open(profile) => Ok(vec![Event::Opened(Arc::new(profile.clone()))]),
                Command::Deposit(_)
                | Command::Pull(_)
                | Command::Pay(_)
                | Command::Refund(_)
                | Command::Hold { .. }
                | Command::Release { .. }
                | Command::Freeze
                | Command::Unfreeze => {
                    Err(Rejection::new(Code::WalletNotFound, "open the wallet first"))
                }
            };
        };
        match command {
            Command::Open(_) => {
                Err(Rejection::new(Code::AlreadyExists, "a wallet with this id exists"))
            }
            Command::Deposit(deposit) => self.deposit(profile, deposit),
            Command::Pull(deposit) => self.pull(profile, deposit),
            Command::Pay(pay) => self.pay(profile, pay),
            Command::Refund(refund) => self.refund(profile, refund),
            Command::Hold { id, amount, currency } => self.hold(profile, id, *amount, *currency),
            Command::Release { id } => self.release(id),
            Command::Freeze => Ok(match self.status {
                Status::Active => vec![Event::Frozen],
                Status::Frozen => Vec::new(),
            }),
            Command::Unfreeze => Ok(match self.status {
                Status::Active => Vec::new(),
                Status::Frozen => vec![Event::Unfrozen],
            }),
        }
    }

    fn receive(&self, message: &Message, _: &Context<'_>) -> Vec<Event> {
        if self.rare().marks.has(message.source) {
            return Vec::new();
        }
        let profile = self.profile.as_ref().expect("only a wallet that was opened is written to");
        let source = message.source;
        vec![match &message.body {
            Body::RefundMoney { provider, payment, refund, amount, currency } => {
                let (of, money) = ((*payment, *refund), (*amount, *currency));
                Event::RefundReceived(self.refund_received(source, provider, of, money))
            }
            Body::Mark { by, hold, currency } => {
                match self.mark(profile, &by.entity.id, *hold, *currency) {
                    Ok(hold) => Event::Marked(marked(profile, source, by, hold)),
                    Err(rejection) => Event::MarkRefused { source, by: by.clone(), rejection },
                }
            }
            Body::Settle { by, deal } => Event::Invested(self.invested(source, by, deal, profile)),
            Body::Unmark { by } => Event::Unmarked { source, by: by.clone() },
            Body::Credit { by, deposit, amount, currency } => {
                Event::PullBooked(self.pull_booked(source, by, *deposit, (*amount, *currency)))
            }
            Body::Abandon { by, deposit, failure } => Event::PullAbandoned {
                source,
                by: by.clone(),
                deposit: *deposit,
                amount: self.expected_under(*deposit).amount,
                currency: profile.currency,
                failure: failure.clone(),
            },
            Body::Post { by, payment } => {
                Event::PaymentPosted(self.payment_posted(source, by, payment))
            }
            Body::Unhold { by, payment, failure } => {
                Event::PaymentFailed(PaymentFailed::new(source, by, payment, failure))
            }
            Body::RewardCredit { by, reward } => {
                Event::Reward(self.rewarded(profile, source, by, reward))
            }
            Body::ClawBack(rewards) => {
                let taken = self.rewards_taken_back(profile, source, rewards);
                Event::Reward(RewardEvent::TakenBack(taken))
            }
            Body::Payment { .. }
            | Body::RefundOrder { .. }
            | Body::Begin(_)
            | Body::Confirm { .. }
            | Body::Free { .. }
            | Body::Compensate(_)
            | Body::Reply { .. }
            | Body::Continue
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
            | Body::Ungrant { .. }
            | Body::TakenBack { .. } => unreachable!("{message:?} is not for a wallet"),
        }]
    }

    fn apply(&mut self, event: &Event, seq: Seq) {
        let before = self.posted;
        self.write(event, seq);
        let moved = event.booked().map_or(Amount::ZERO, |movement| movement.account);
        assert_eq!(before.checked_add(moved), Some(self.posted), "{event:?} at {seq}: wrong sum");
        self.check();
    }

    fn react(id: &Arc<str>, event: &Event, stamp: Stamp) -> Vec<Effect> {
        event.effects(id, stamp)
    }

    fn movement(event: &Event) -> Option<Movement> {
        event.booked()
    }

    fn balance_after(event: &Event) -> Option<Total> {
        event.balance_after().map(Total::from)
    }

    fn summary(&self) -> Option<Summary> {
        let profile = self.profile.as_ref()?;
        Some(Summary {
            profile: Arc::clone(profile),
            status: self.status,
            posted: self.posted,
            held: self.held,
            pending_investments: self.pending_list(),
            pending_payments: self.pending_payment_list(),
        })
    }
}

impl Wallet {
    fn deposit(&self, profile: &Profile, deposit: &Deposit) -> Result<Vec<Event>, Rejection> {
        same_currency(profile, deposit.currency)?;
        let balance_after = self.room_for(deposit.amount)?;
        Ok(vec![Event::Deposited(Deposited {
            amount: deposit.amount,
            currency: deposit.currency,
            balance_after,
            effective_at: deposit.effective_at,
            description: deposit.description.clone(),
        })])
    }

    fn pull(&self, profile: &Profile, deposit: &Deposit) -> Result<Vec<Event>, Rejection> {
        same_currency(profile, deposit.currency)?;
        if self.rare().expected.len() >= EXPECTED_MAX {
            let detail = format!("at most {EXPECTED_MAX} deposits are on their way at one time");
            return Err(Rejection::new(Code::TooManyPending, detail));
        }
        self.room_for(deposit.amount)?;
        Ok(vec![Event::PullRequested(PullRequested {
            amount: deposit.amount,
            currency: deposit.currency,
            account: profile.bank_account.clone(),
            effective_at: deposit.effective_at,
            description: deposit.description.clone(),
        })])
    }

    fn pay(&self, profile: &Profile, pay: &Pay) -> Result<Vec<Event>, Rejection> {
        let payee = match &pay.payee {
            Lookup::Found(payee) => payee,
            Lookup::Missing => {
                let detail = format!("{} is not registered", Self::name_of(&pay.provider));
                return Err(Rejection::new(Code::ProviderNotFound, detail));
            }
            Lookup::Open => unreachable!("the host looks the provider up first"),
        };
        if pay.would_overload() {
            // Never recorded: the host asks the same before it has anything decided.
            let detail = "too many payments wait for the processor";
            return Err(Rejection::new(Code::Overloaded, detail));
        }
        self.may_pay()?;
        same_currency(profile, pay.currency)?;
        if payee.currency != pay.currency {
            let detail = format!(
                "{} takes {}, not {}",
                Self::name_of(&pay.provider),
                payee.currency,
                pay.currency
            );
            return Err(Rejection::new(Code::CurrencyMismatch, detail));
        }
        if let PayeeSettlement::Immediate { account } = &payee.settlement {
            return self.hold_payment(profile, pay, account);
        }
        self.covers(profile, pay.amount)?;
        let balance_after = self.posted.checked_sub(pay.amount);
        Ok(vec![Event::Paid(Paid {
            provider: pay.provider.clone(),
            amount: pay.amount,
            currency: pay.currency,
            balance_after: balance_after.expect("covered, so within range"),
            effective_at: pay.effective_at,
            description: pay.description.clone(),
            metadata: pay.metadata.clone(),
        })])
    }

    fn refund(&self, profile: &Profile, refund: &Refund) -> Result<Vec<Event>, Rejection> {
        let paid = match &refund.paid {
            Lookup::Found(paid) => paid,
            Lookup::Missing => {
                let detail = "the wallet has no such payment";
                return Err(Rejection::new(Code::PaymentNotFound, detail));
            }
            Lookup::Open => unreachable!("the host looks the payment up first"),
        };
        let refunded = self.refunded_of(refund.payment, paid)?;
        let left = paid.amount.checked_sub(refunded).expect("refunds never exceed the payment");
        let amount = match &refund.amount {
            Some(text) => Amount::parse(text, profile.currency)
                .map_err(|error| Rejection::new(Code::InvalidAmount, error.to_string()))?,
            None => left,
        };
        if amount > left || !amount.is_positive() {
            let detail = format!("{} is left to refund", left.to_major(profile.currency));
            return Err(Rejection::new(Code::RefundExceedsPayment, detail));
        }
        self.room_for(amount)?;
        Ok(vec![Event::RefundRequested(RefundRequested {
            payment: refund.payment,
            provider: paid.provider.clone(),
            amount,
            currency: profile.currency,
            refunded_total: refunded.checked_add(amount).expect("at most the payment"),
            key: refund.key.clone(),
            effective_at: refund.effective_at,
        })])
    }

    fn hold(
        &self,
        profile: &Profile,
        id: &str,
        amount: Amount,
        currency: Currency,
    ) -> Result<Vec<Event>, Rejection> {
        if is_mark(id) {
            let detail = "a hold cannot have the name of an investment or a payment";
            return Err(Rejection::new(Code::InvalidId, detail));
        }
        let hold = self.mark(profile, id, amount, currency)?;
        Ok(vec![Event::HoldPlaced { hold, currency }])
    }

    /// A hold that may be placed; of zero, it only marks.
    fn mark(
        &self,
        profile: &Profile,
        id: &str,
        amount: Amount,
        currency: Currency,
    ) -> Result<Hold, Rejection> {
        self.may_pay()?;
        if self.rare().holds.iter().any(|hold| &*hold.id == id) {
            return Err(Rejection::new(Code::AlreadyExists, "a hold with this name stands"));
        }
        same_currency(profile, currency)?;
        self.can_hold(profile, amount)?;
        Ok(Hold { id: id.into(), amount })
    }

    /// Whether so much can be set aside.
    pub(super) fn can_hold(&self, profile: &Profile, amount: Amount) -> Result<(), Rejection> {
        if self.rare().holds.len() >= HOLDS_MAX {
            let detail = format!("a wallet has at most {HOLDS_MAX} holds at one time");
            return Err(Rejection::new(Code::TooManyHolds, detail));
        }
        if amount.is_positive() {
            self.covers(profile, amount)?;
        }
        if self.held.checked_add(amount).is_none() {
            let detail = "what is set aside would exceed the largest amount";
            return Err(Rejection::new(Code::BalanceOverflow, detail));
        }
        Ok(())
    }

    fn invested(&self, source: Source, by: &Asker, deal: &DealId, profile: &Profile) -> Invested {
        let hold = self.rare().holds.iter().find(|hold| *hold.id == *by.entity.id);
        let amount = hold.expect("a saga settles what it marked").amount;
        let balance_after = self.posted.checked_sub(amount);
        Invested {
            source,
            by: by.clone(),
            deal: deal.clone(),
            amount,
            currency: profile.currency,
            balance_after: balance_after.expect("it was set aside"),
        }
    }

    fn refund_received(
        &self,
        source: Source,
        provider: &ProviderId,
        (payment, refund): (Seq, Seq),
        (amount, currency): (Amount, Currency),
    ) -> RefundReceived {
        RefundReceived {
            source,
            refund,
            payment,
            provider: provider.clone(),
            amount,
            currency,
            balance_after: self.after(amount),
            effective_at: self.expected_under(refund).effective_at,
        }
    }

    fn pull_booked(
        &self,
        source: Source,
        by: &Asker,
        deposit: Seq,
        (amount, currency): (Amount, Currency),
    ) -> PullBooked {
        PullBooked {
            source,
            by: by.clone(),
            deposit,
            amount,
            currency,
            balance_after: self.after(amount),
            effective_at: self.expected_under(deposit).effective_at,
        }
    }

    /// What was asked for by a decision and has not come.
    fn expected_under(&self, asked: Seq) -> &Expected {
        let expected = self.rare().expected.iter().find(|expected| expected.asked == asked);
        expected.expect("only what was asked for comes")
    }

    /// The posted balance after expected money has come.
    fn after(&self, amount: Amount) -> Amount {
        self.posted.checked_add(amount).expect("room was checked with the request")
    }

    fn pending_list(&self) -> Option<Arc<[Box<str>]>> {
        let ids: Vec<Box<str>> = self.pending_investments().map(Into::into).collect();
        (!ids.is_empty()).then(|| ids.into())
    }

    fn pending_payment_list(&self) -> Option<Arc<[Hold]>> {
        let holds: Vec<Hold> = self.pending_payments().cloned().collect();
        (!holds.is_empty()).then(|| holds.into())
    }

    fn release(&self, id: &str) -> Result<Vec<Event>, Rejection> {
        // What a saga will settle is released by it and nobody else.
        if !is_mark(id) && self.rare().holds.iter().any(|hold| &*hold.id == id) {
            Ok(vec![Event::HoldReleased { id: id.into() }])
        } else {
            Err(Rejection::new(Code::HoldNotFound, "no hold with this name stands"))
        }
    }

    fn may_pay(&self) -> Result<(), Rejection> {
        match self.status {
            Status::Active => Ok(()),
            Status::Frozen => {
                Err(Rejection::new(Code::WalletFrozen, "a frozen wallet can only receive"))
            }
        }
    }

    /// Whether `amount` may leave: available stays at or above the limit.
    fn covers(&self, profile: &Profile, amount: Amount) -> Result<(), Rejection> {
        let spendable = self.available().checked_add(profile.credit_limit);
        match spendable {
            // Above the range of amounts: anything that is an amount is covered.
            None => Ok(()),
            Some(spendable) if amount <= spendable => Ok(()),
            Some(spendable) => {
                let currency = profile.currency;
                let detail = format!(
                    "{} {currency} asked, {} {currency} can be spent",
                    amount.to_major(currency),
                    spendable.to_major(currency),
                );
                Err(Rejection::new(Code::InsufficientFunds, detail))
            }
        }
    }

    /// The posted balance after `amount` arrives. What is asked back and still on its way counts
    /// as arrived, so that a message never has to be refused.
    pub(super) fn room_for(&self, amount: Amount) -> Result<Amount, Rejection> {
        let overflow =
            || Rejection::new(Code::BalanceOverflow, "the balance would exceed the largest amount");
        let after = self.posted.checked_add(amount).ok_or_else(overflow)?;
        let most = Total::from(Amount::from_minor(i64::MAX));
        let sum = self.on_its_way().checked_add(after);
        if sum.is_none_or(|sum| sum > most) { Err(overflow()) } else { Ok(after) }
    }
}

/// Whether a name of a hold is that of an investment's mark or of a payment.
fn is_mark(id: &str) -> bool {
    InvestmentId::parse(id).is_some() || Made::parse(id, "pay").is_some()
}

fn same_currency(profile: &Profile, currency: Currency) -> Result<(), Rejection> {
    if profile.currency == currency {
        Ok(())
    } else {
        let detail = format!("the wallet holds {}, not {currency}", profile.currency);
        Err(Rejection::new(Code::CurrencyMismatch, detail))
    }
}

fn marked(profile: &Profile, source: Source, by: &Asker, hold: Hold) -> Marked {
    Marked {
        source,
        by: by.clone(),
        hold,
        currency: profile.currency,
        email: profile.email.clone(),
        account: profile.bank_account.clone(),
    }
}
