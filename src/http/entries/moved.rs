//! What a record moved: the entries of a wallet's or a provider's events, as parts that the edge
//! gives the form of JSON and an export that of a row.
//!
//! Entries are made from events alone, so they are the same for ever. Events that move no balance
//! have none: a payment that is set aside appears when it is posted, and in the feed as pending.
//!
//! A provider's balance is what it accrued. A payment that was settled at once goes through it: two
//! entries, in and out again. Its event does not say what was accrued, so that is counted back from
//! the event after it.

use std::sync::Arc;

use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, Made, ProviderId, ReimbursementId, Seq, WalletId};
use bursar_domain::money::{Amount, Total};
use bursar_domain::provider::event::ReceivedSettled;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::reward::{RewardEvent, RewardsTakenBack};
use bursar_domain::{provider, wallet};

use super::{Entry, Raw};

/// What one record moved.
pub(crate) struct Moved<'a> {
    /// The newest first.
    pub(crate) parts: Vec<Parts<'a>>,
    /// What a provider had accrued before them.
    pub(crate) accrued_before: Option<Total>,
    /// What a provider had accrued with them, where the record itself says so.
    pub(crate) accrued_after: Option<Total>,
}

/// An entry before it has its form.
pub(crate) struct Parts<'a> {
    /// The word for it.
    pub(crate) kind: &'static str,
    /// Signed.
    pub(crate) amount: Amount,
    /// Of both.
    pub(crate) currency: Currency,
    /// The balance afterwards.
    pub(crate) balance_after: Total,
    /// What it belongs to.
    pub(crate) reference: String,
    /// Who is on the other side.
    pub(crate) counterparty: String,
    /// The client's words.
    pub(crate) description: Option<&'a str>,
    /// The date of the business.
    pub(crate) effective_at: Option<Timestamp>,
}

/// What a record moved; `accrued` is what a provider had accrued with it.
pub(crate) fn moved<'a>(
    id: &EntityId,
    seq: Seq,
    record: &'a Record,
    accrued: Option<Total>,
) -> Moved<'a> {
    let mut moved = Moved { parts: Vec::new(), accrued_before: accrued, accrued_after: None };
    match &record.verdict {
        Verdict::Wallet(events) => {
            for event in events.iter().rev() {
                if let wallet::Event::Reward(RewardEvent::TakenBack(event)) = event {
                    moved.parts.extend(taken_back(event));
                } else {
                    moved.parts.extend(of_wallet(id, seq, event));
                }
            }
        }
        Verdict::Provider(events) => {
            for event in events.iter().rev() {
                moved.add(id, seq, event);
            }
        }
        // A deal's and a saga's money is shown by what it is about, not as entries.
        Verdict::Refused(_)
        | Verdict::Deal(_)
        | Verdict::Saga(_)
        | Verdict::Compensation(_)
        | Verdict::Advance(_)
        | Verdict::Run(_)
        | Verdict::Schedule(_)
        | Verdict::Campaign(_)
        | Verdict::Statement(_) => {}
    }
    moved
}

impl<'a> Moved<'a> {
    /// Adds what a provider's event moved, which came before what is there.
    fn add(&mut self, id: &EntityId, seq: Seq, event: &'a provider::Event) {
        if let provider::Event::ReceivedSettled(event) = event {
            // Known but for a cursor that no server gave.
            let accrued = self.accrued_before.unwrap_or_default();
            self.parts.extend(settled(event, accrued));
        } else if let Some(parts) = of_provider(id, seq, event) {
            self.accrued_after.get_or_insert(parts.balance_after);
            self.accrued_before = parts.balance_after.checked_sub(parts.amount);
            self.parts.push(parts);
        }
    }
}

/// The form of an entry.
pub(super) fn entry(seq: Seq, record: &Record, parts: Parts<'_>) -> Entry {
    let (amount, balance, currency) = (parts.amount, parts.balance_after, parts.currency);
    let counts_at = parts.effective_at.unwrap_or(record.at);
    Entry {
        seq: seq.0,
        at: record.at.to_string(),
        kind: parts.kind,
        amount: amount.to_major(currency),
        balance_after: balance.to_major(currency),
        reference: parts.reference,
        counterparty: parts.counterparty,
        description: parts.description.map(str::to_owned),
        effective_at: parts.effective_at.map(|at| at.to_string()),
        raw: Raw { minor: amount.minor(), counts_at, at: record.at },
    }
}

/// The parts of an entry with nobody's words.
fn parts<'a>(
    kind: &'static str,
    (amount, balance_after, currency): (Amount, Total, Currency),
    reference: String,
    counterparty: impl ToString,
) -> Parts<'a> {
    Parts {
        kind,
        amount,
        currency,
        balance_after,
        reference,
        counterparty: counterparty.to_string(),
        description: None,
        effective_at: None,
    }
}

fn negative(amount: Amount) -> Amount {
    amount.checked_neg().expect("what an event moves is positive")
}

fn of_wallet<'a>(id: &EntityId, seq: Seq, event: &'a wallet::Event) -> Option<Parts<'a>> {
    let made = |seq| Made { wallet: WalletId::from_shared(Arc::clone(&id.id)), seq };
    let money = |amount, balance: Amount, currency| (amount, balance.into(), currency);
    let (parts, description, effective_at) = match event {
        wallet::Event::Deposited(event) => {
            let money = money(event.amount, event.balance_after, event.currency);
            let parts = parts("deposit", money, made(seq).text("txn"), "external");
            (parts, event.description.as_deref(), event.effective_at)
        }
        wallet::Event::Paid(event) => {
            let money = money(negative(event.amount), event.balance_after, event.currency);
            let parts = parts("payment", money, made(seq).text("pay"), &event.provider);
            (parts, event.description.as_deref(), event.effective_at)
        }
        wallet::Event::PaymentPosted(event) => {
            let money = money(negative(event.amount), event.balance_after, event.currency);
            let parts = parts("payment", money, made(event.payment).text("pay"), &event.provider);
            (parts, event.description.as_deref(), event.effective_at)
        }
        wallet::Event::RefundReceived(event) => {
            let money = money(event.amount, event.balance_after, event.currency);
            let parts = parts("refund", money, made(event.refund).text("txn"), &event.provider);
            (parts, None, event.effective_at)
        }
        wallet::Event::PullBooked(event) => {
            let money = money(event.amount, event.balance_after, event.currency);
            let parts = parts("deposit", money, made(event.deposit).text("txn"), "external");
            (parts, None, event.effective_at)
        }
        wallet::Event::Reward(RewardEvent::Booked(event)) => {
            let reward = &event.reward;
            let money = money(reward.amount, event.balance_after, reward.currency);
            (parts("reward", money, reward.id.to_string(), &reward.campaign), None, None)
        }
        wallet::Event::Invested(event) if event.amount.is_positive() => {
            let money = money(negative(event.amount), event.balance_after, event.currency);
            (parts("investment", money, event.by.entity.id.to_string(), &event.deal), None, None)
        }
        wallet::Event::Opened(_)
        | wallet::Event::HoldPlaced { .. }
        | wallet::Event::HoldReleased { .. }
        | wallet::Event::Frozen
        | wallet::Event::Unfrozen
        | wallet::Event::RefundRequested(_)
        | wallet::Event::Marked(_)
        | wallet::Event::MarkRefused { .. }
        // The bank paid: the wallet's balance did not move.
        | wallet::Event::Invested(_)
        | wallet::Event::Unmarked { .. }
        | wallet::Event::PullRequested(_)
        | wallet::Event::PullAbandoned { .. }
        | wallet::Event::PaymentHeld(_)
        | wallet::Event::PaymentFailed(_)
        // Refused; what is taken back has entries of its own.
        | wallet::Event::Reward(_) => return None,
    };
    Some(Parts { description, effective_at, ..parts })
}

/// Rewards that were taken back, an entry each, the newest first: as if one after the other.
fn taken_back(event: &RewardsTakenBack) -> Vec<Parts<'_>> {
    let mut balance = event.balance_after;
    let mut all = Vec::new();
    for (back, taken) in event.rewards.iter().rev().filter(|(_, taken)| taken.is_positive()) {
        let money = (negative(*taken), Total::from(balance), event.currency);
        all.push(parts("reward-clawed-back", money, back.id.to_string(), &back.campaign));
        balance = balance.checked_add(*taken).expect("between two balances");
    }
    all
}

/// A payment that was settled at once: out to the provider's bank, and before that in.
fn settled(event: &ReceivedSettled, accrued: Total) -> [Parts<'_>; 2] {
    let payment = || Made { wallet: event.wallet.clone(), seq: event.payment }.text("pay");
    let through = accrued.checked_add(event.amount).expect("a total holds any number of amounts");
    let money = |amount, balance: Total| (amount, balance, event.currency);
    let out = parts("settlement", money(negative(event.amount), accrued), payment(), "external");
    let into = parts("payment", money(event.amount, through), payment(), &event.wallet);
    let (description, effective_at) = (event.description.as_deref(), event.effective_at);
    [out, into].map(|parts| Parts { description, effective_at, ..parts })
}

/// What a provider's event moved; the balance is what was accrued afterwards.
fn of_provider<'a>(id: &EntityId, seq: Seq, event: &'a provider::Event) -> Option<Parts<'a>> {
    let reimbursement = |seq| {
        let provider = ProviderId::from_shared(Arc::clone(&id.id));
        ReimbursementId { provider, seq }.to_string()
    };
    let money = |amount, balance: Total, currency| (amount, balance, currency);
    let (parts, accrued) = match event {
        provider::Event::Received(event) => {
            let made = Made { wallet: event.wallet.clone(), seq: event.source.seq };
            let money = money(event.amount, event.balance_after, event.currency);
            let (description, effective_at) = (event.description.as_deref(), event.effective_at);
            let parts = parts("payment", money, made.text("pay"), &event.wallet);
            (Parts { description, effective_at, ..parts }, event.balance_after)
        }
        provider::Event::RefundSent(event) => {
            let made = Made { wallet: event.wallet.clone(), seq: event.source.seq };
            let money = money(negative(event.amount), event.balance_after, event.currency);
            let parts = parts("refund", money, made.text("txn"), &event.wallet);
            (Parts { effective_at: event.effective_at, ..parts }, event.balance_after)
        }
        provider::Event::Activities(event) => {
            let money = money(event.total, event.balance_after, event.currency);
            (parts("activities", money, seq.to_string(), "members"), event.balance_after)
        }
        provider::Event::PeriodClosed(event) => {
            let money = money(negative(event.amount), event.balance_after, event.currency);
            let parts = parts("reimbursement", money, reimbursement(seq), "external");
            (parts, event.balance_after)
        }
        provider::Event::Returned(event) => {
            let money = money(event.amount, event.balance_after, event.currency);
            let reference = reimbursement(event.reimbursement);
            let parts = parts("reimbursement-returned", money, reference, "external");
            (parts, event.balance_after)
        }
        provider::Event::Registered(_)
        | provider::Event::PeriodBegan(_)
        | provider::Event::CarriedOver(_)
        // It left what is accrued when its period was closed.
        | provider::Event::Reimbursed(_)
        | provider::Event::ReceivedSettled(_)
        | provider::Event::SettlementChanged { .. } => return None,
    };
    Some(Parts { balance_after: accrued, ..parts })
}
