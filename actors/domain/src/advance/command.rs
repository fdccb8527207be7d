//! What may be asked of an advance: to open it. All else follows from messages and answers.
//!
//! The rule is a ladder: is the id free, is there an amount, is there enough of it for the plan.
//! Shape and currency were checked when the request was read.
//!
//! Invariant: what is opened can be divided into its debits, each of at least one minor unit.

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::advance::{Advance, Event};
use crate::code::{Code, Rejection};
use crate::currency::Currency;
use crate::key::ContentMark;
use crate::money::Amount;
use crate::plan::{Plan, split};

/// What is said of an advance when it is opened, and does not change.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Profile {
    /// The customer's account at the processor: credited now, debited later.
    pub account: Box<str>,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// How it is paid back.
    pub plan: Plan,
}

/// What may be asked of an advance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Credit an account now, and collect it back by a plan.
    Open {
        /// The customer's account at the processor.
        account: Box<str>,
        /// How much.
        amount: Amount,
        /// In which currency.
        currency: Currency,
        /// How it is paid back.
        plan: Plan,
    },
}

impl Command {
    /// The mark of what the client asked for.
    pub fn content(&self) -> u64 {
        match self {
            Self::Open { account, amount, currency, plan } => {
                let mut mark = ContentMark::of("open-advance");
                mark.text(account);
                mark.number(amount.minor());
                mark.text(currency.code());
                mark.number(i64::from(plan.installments()));
                mark.text(plan.every().as_str());
                mark.optional_number(plan.first_due().map(|day| i64::from(day.days())));
                mark.finish()
            }
        }
    }
}

impl Advance {
    pub(super) fn open(&self, command: &Command) -> Result<Vec<Event>, Rejection> {
        let Command::Open { account, amount, currency, plan } = command;
        if self.profile.is_some() {
            let detail = "an advance with this id exists";
            return Err(Rejection::new(Code::AlreadyExists, detail));
        }
        if !amount.is_positive() {
            let detail = "the amount of an advance is greater than zero";
            return Err(Rejection::new(Code::InvalidAmount, detail));
        }
        if split(*amount, plan.installments()).is_none() {
            let detail = format!(
                "{} {currency} cannot be divided into {} debits: each must be at least one minor \
                 unit",
                amount.to_major(*currency),
                plan.installments(),
            );
            return Err(Rejection::new(Code::InvalidAmount, detail));
        }
        let (account, amount, currency, plan) = (account.clone(), *amount, *currency, *plan);
        let profile = Profile { account, amount, currency, plan };
        Ok(vec![Event::Opened(Arc::new(profile))])
    }
}
