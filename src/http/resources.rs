//! Resources as JSON, shared by single answers and the lines of a batch: wallets, payments,
//! refunds, providers. Deals, investments and deposits have files of their own.
//!
//! A resource of a decision is made from its record alone, so a replay gives the first answer to
//! the letter. In a line of a batch the resource's own `status` is left out, because `status` there
//! is the HTTP status.

use std::collections::BTreeMap;
use std::sync::Arc;

use bursar_actors::view::{Seen, Summary};
use bursar_domain::advance::Advance;
use bursar_domain::compensation::Compensation;
use bursar_domain::id::{Made, Seq, WalletId};
use bursar_domain::money::Amount;
use bursar_domain::run::Run;
use bursar_domain::saga::{Saga, subject};
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::settled::PaymentHeld;
use bursar_domain::wallet::{self, event};
use bursar_domain::{deal, provider};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::steps::Step;

/// A wallet's balance, in major units.
#[derive(Serialize, ToSchema)]
pub(crate) struct WalletBalance {
    /// Booked.
    #[schema(example = "100.00")]
    posted: String,
    /// Set aside.
    #[schema(example = "0.00")]
    held: String,
    /// Posted less held.
    #[schema(example = "100.00")]
    available: String,
}

/// A wallet.
#[derive(Serialize, ToSchema)]
pub(crate) struct Wallet {
    #[schema(example = "alice")]
    id: String,
    /// ISO 4217.
    #[schema(example = "EUR")]
    currency: &'static str,
    /// `active` or `frozen`.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    balance: WalletBalance,
    /// How far below zero the available balance may go.
    credit_limit: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// The account at the processor.
    bank_account: String,
    /// Investments of this wallet that are not decided yet.
    pending_investments: Vec<String>,
    /// Payments whose amount is set aside until their provider has it.
    pending_payments: Vec<String>,
    /// How many decisions the wallet has made.
    version: u64,
}

/// A payment.
#[derive(Serialize, ToSchema)]
pub(crate) struct Payment {
    #[schema(example = "pay_8_alice")]
    id: String,
    wallet: String,
    provider: String,
    #[schema(example = "12.30")]
    amount: String,
    currency: &'static str,
    /// `posted`; to a provider that is settled at once also `pending` and `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// The client's own fields.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    /// The date of the business.
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_at: Option<String>,
    /// When it was decided.
    at: String,
    /// The position in the shard's journal.
    seq: u64,
    /// The wallet's posted balance after it was posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) balance_after: Option<String>,
    /// What was refunded of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refunded: Option<String>,
    /// How long the processor's queue makes it wait, in milliseconds; an estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) estimated_wait_ms: Option<u64>,
    /// Settled at once: what is done and what is to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) steps: Option<Vec<Step>>,
    /// Why it was not to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<Failure>,
}

/// A refund.
#[derive(Serialize, ToSchema)]
pub(crate) struct Refund {
    #[schema(example = "txn_9_alice")]
    id: String,
    payment: String,
    wallet: String,
    provider: String,
    amount: String,
    currency: &'static str,
    /// `posted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// The date of the business.
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_at: Option<String>,
    /// When the money arrived.
    at: String,
    /// The position in the shard's journal.
    seq: u64,
    /// The wallet's posted balance afterwards.
    balance_after: String,
}

/// Whether a resource says its own status.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// On its own: it does.
    Whole,
    /// In a line of a batch: there, `status` is the HTTP status.
    Line,
}

impl Form {
    /// The resource's own status, where it is said.
    pub(crate) fn status(self, status: &'static str) -> Option<&'static str> {
        (self == Self::Whole).then_some(status)
    }
}

/// An optional text as JSON has it.
pub(crate) fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

/// An optional instant as JSON has it.
pub(crate) fn instant(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

impl Wallet {
    /// A wallet as it stands.
    pub(crate) fn seen(id: &str, wallet: &wallet::Summary, version: u64, form: Form) -> Self {
        let currency = wallet.profile.currency;
        let profile = &wallet.profile;
        let pending = &wallet.pending_investments;
        let id_of = |hold: &wallet::Hold| hold.id.to_string();
        Self {
            id: id.to_owned(),
            currency: currency.code(),
            status: form.status(wallet.status.as_str()),
            balance: WalletBalance {
                posted: wallet.posted.to_major(currency),
                held: wallet.held.to_major(currency),
                available: wallet.available().to_major(currency),
            },
            credit_limit: profile.credit_limit.to_major(currency),
            owner: owned(profile.owner.as_deref()),
            email: owned(profile.email.as_deref()),
            bank_account: profile.bank_account.as_deref().unwrap_or(id).to_owned(),
            pending_investments: pending
                .iter()
                .flat_map(|ids| ids.iter())
                .map(ToString::to_string)
                .collect(),
            pending_payments: wallet
                .pending_payments
                .iter()
                .flat_map(|holds| holds.iter())
                .map(id_of)
                .collect(),
            version,
        }
    }

    /// A wallet as it was opened.
    pub(crate) fn opened(id: &str, profile: &Arc<wallet::Profile>, form: Form) -> Self {
        let summary = wallet::Summary {
            profile: Arc::clone(profile),
            status: wallet::Status::Active,
            posted: Amount::ZERO,
            held: Amount::ZERO,
            pending_investments: None,
            pending_payments: None,
        };
        Self::seen(id, &summary, 1, form)
    }
}

impl Payment {
    /// From its event; with what was refunded of it, when that is asked for.
    pub(crate) fn new(
        made: &Made,
        at: Timestamp,
        event: &event::Paid,
        refunded: Option<Amount>,
        form: Form,
    ) -> Self {
        let field = |(name, value): &(Box<str>, Box<str>)| (name.to_string(), value.to_string());
        Self {
            id: made.text("pay"),
            wallet: made.wallet.to_string(),
            provider: event.provider.to_string(),
            amount: event.amount.to_major(event.currency),
            currency: event.currency.code(),
            status: form.status("posted"),
            description: owned(event.description.as_deref()),
            metadata: event.metadata.iter().map(field).collect(),
            effective_at: instant(event.effective_at),
            at: at.to_string(),
            seq: made.seq.0,
            balance_after: Some(event.balance_after.to_major(event.currency)),
            refunded: refunded.map(|refunded| refunded.to_major(event.currency)),
            estimated_wait_ms: None,
            steps: None,
            failure: None,
        }
    }

    /// One that is set aside until its provider has the money, from its event.
    pub(crate) fn pending(made: &Made, at: Timestamp, event: &PaymentHeld, form: Form) -> Self {
        let field = |(name, value): &(Box<str>, Box<str>)| (name.to_string(), value.to_string());
        Self {
            id: made.text("pay"),
            wallet: made.wallet.to_string(),
            provider: event.provider.to_string(),
            amount: event.amount.to_major(event.currency),
            currency: event.currency.code(),
            status: form.status("pending"),
            description: owned(event.description.as_deref()),
            metadata: event.metadata.iter().map(field).collect(),
            effective_at: instant(event.effective_at),
            at: at.to_string(),
            seq: made.seq.0,
            balance_after: None,
            refunded: None,
            estimated_wait_ms: None,
            steps: None,
            failure: None,
        }
    }
}

impl Refund {
    /// From the event of its money's arrival, recorded at `seq`.
    pub(crate) fn new(
        wallet: &WalletId,
        seq: Seq,
        at: Timestamp,
        event: &event::RefundReceived,
        form: Form,
    ) -> Self {
        let made = |seq| Made { wallet: wallet.clone(), seq };
        Self {
            id: made(event.refund).text("txn"),
            payment: made(event.payment).text("pay"),
            wallet: wallet.to_string(),
            provider: event.provider.to_string(),
            amount: event.amount.to_major(event.currency),
            currency: event.currency.code(),
            status: form.status("posted"),
            effective_at: instant(event.effective_at),
            at: at.to_string(),
            seq: seq.0,
            balance_after: event.balance_after.to_major(event.currency),
        }
    }
}

/// Why something was not to be.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct Failure {
    /// A word: one of ours, or the third party's.
    #[schema(example = "insufficient-funds")]
    pub(crate) code: String,
    /// For people.
    pub(crate) detail: String,
}

impl From<&subject::Failure> for Failure {
    fn from(failure: &subject::Failure) -> Self {
        Self { code: failure.code.to_string(), detail: failure.detail.to_string() }
    }
}

/// The wallet in what was seen.
pub(crate) fn wallet_of(seen: &Seen) -> Option<&wallet::Summary> {
    if let Summary::Wallet(wallet) = &seen.summary { Some(wallet) } else { None }
}

/// The provider in what was seen.
pub(crate) fn provider_of(seen: &Seen) -> Option<&provider::Summary> {
    if let Summary::Provider(provider) = &seen.summary { Some(provider) } else { None }
}

/// The deal in what was seen.
pub(crate) fn deal_of(seen: &Seen) -> Option<&deal::Summary> {
    if let Summary::Deal(deal) = &seen.summary { Some(deal) } else { None }
}

/// The advance in what was seen.
pub(crate) fn advance_of(seen: &Seen) -> Option<&Arc<Advance>> {
    if let Summary::Advance(advance) = &seen.summary { Some(advance) } else { None }
}

/// The run in what was seen.
pub(crate) fn run_of(seen: &Seen) -> Option<&Arc<Run>> {
    if let Summary::Run(run) = &seen.summary { Some(run) } else { None }
}

/// The saga in what was seen.
pub(crate) fn saga_of(seen: &Seen) -> Option<&Arc<Saga>> {
    if let Summary::Saga(saga) = &seen.summary { Some(saga) } else { None }
}

/// The compensation in what was seen.
pub(crate) fn compensation_of(seen: &Seen) -> Option<&Arc<Compensation>> {
    if let Summary::Compensation(compensation) = &seen.summary { Some(compensation) } else { None }
}
