//! What a record moved: the entries of a wallet's or a provider's events.
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
use bursar_domain::{provider, wallet};

use super::{Entry, Raw};

/// The entries of one record.
pub(super) struct Moved {
    /// The newest first.
    pub(super) entries: Vec<Entry>,
    /// What a provider had accrued before them.
    pub(super) accrued_before: Option<Total>,
}

/// The entries of a record; `accrued` is what a provider had accrued with it.
pub(super) fn entries_of(
    id: &EntityId,
    seq: Seq,
    record: &Record,
    accrued: Option<Total>,
) -> Moved {
    let mut moved = Moved { entries: Vec::new(), accrued_before: accrued };
    match &record.verdict {
        Verdict::Wallet(events) => {
            let entries = events.iter().rev().filter_map(|event| of_wallet(id, seq, record, event));
            moved.entries.extend(entries);
        }
        Verdict::Provider(events) => {
            for event in events.iter().rev() {
                moved.add(id, seq, record, event);
            }
        }
        // A deal's and a saga's money is shown by what it is about, not as entries.
        Verdict::Refused(_)
        | Verdict::Deal(_)
        | Verdict::Saga(_)
        | Verdict::Compensation(_)
        | Verdict::Advance(_)
        | Verdict::Run(_)
        | Verdict::Schedule(_) => {}
    }
    moved
}

impl Moved {
    /// Adds the entries of a provider's event, which came before those that are there.
    fn add(&mut self, id: &EntityId, seq: Seq, record: &Record, event: &provider::Event) {
        if let provider::Event::ReceivedSettled(event) = event {
            // Known but for a cursor that no server gave.
            let accrued = self.accrued_before.unwrap_or_default();
            let both = settled(event, accrued);
            self.entries.extend(both.into_iter().map(|parts| entry(seq, record, parts)));
        } else if let Some((entry, accrued_after)) = of_provider(id, seq, record, event) {
            let moved = Amount::from_minor(entry.raw.minor);
            self.accrued_before = accrued_after.checked_sub(moved);
            self.entries.push(entry);
        }
    }
}

struct Parts<'a> {
    kind: &'static str,
    minor: i64,
    amount: String,
    balance_after: String,
    reference: String,
    counterparty: String,
    description: Option<&'a str>,
    effective_at: Option<Timestamp>,
}

fn entry(seq: Seq, record: &Record, parts: Parts<'_>) -> Entry {
    let counts_at = parts.effective_at.unwrap_or(record.at);
    Entry {
        seq: seq.0,
        at: record.at.to_string(),
        kind: parts.kind,
        amount: parts.amount,
        balance_after: parts.balance_after,
        reference: parts.reference,
        counterparty: parts.counterparty,
        description: parts.description.map(str::to_owned),
        effective_at: parts.effective_at.map(|at| at.to_string()),
        raw: Raw { minor: parts.minor, counts_at, at: record.at },
    }
}

/// The parts of an entry with nobody's words.
fn parts<'a>(
    kind: &'static str,
    (amount, balance, currency): (Amount, String, Currency),
    reference: String,
    counterparty: impl ToString,
) -> Parts<'a> {
    Parts {
        kind,
        minor: amount.minor(),
        amount: amount.to_major(currency),
        balance_after: balance,
        reference,
        counterparty: counterparty.to_string(),
        description: None,
        effective_at: None,
    }
}

fn negative(amount: Amount) -> Amount {
    amount.checked_neg().expect("what an event moves is positive")
}

fn of_wallet(id: &EntityId, seq: Seq, record: &Record, event: &wallet::Event) -> Option<Entry> {
    let made = |seq| Made { wallet: WalletId::from_shared(Arc::clone(&id.id)), seq };
    let money = |amount, balance: Amount, currency| (amount, balance.to_major(currency), currency);
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
        | wallet::Event::PaymentFailed(_) => return None,
    };
    Some(entry(seq, record, Parts { description, effective_at, ..parts }))
}

/// A payment that was settled at once: out to the provider's bank, and before that in.
fn settled(event: &ReceivedSettled, accrued: Total) -> [Parts<'_>; 2] {
    let payment = || Made { wallet: event.wallet.clone(), seq: event.payment }.text("pay");
    let through = accrued.checked_add(event.amount).expect("a total holds any number of amounts");
    let money = |amount, balance: Total| (amount, balance.to_major(event.currency), event.currency);
    let out = parts("settlement", money(negative(event.amount), accrued), payment(), "external");
    let into = parts("payment", money(event.amount, through), payment(), &event.wallet);
    let (description, effective_at) = (event.description.as_deref(), event.effective_at);
    [out, into].map(|parts| Parts { description, effective_at, ..parts })
}

/// The entry of a provider's event, and what was accrued afterwards.
fn of_provider(
    id: &EntityId,
    seq: Seq,
    record: &Record,
    event: &provider::Event,
) -> Option<(Entry, Total)> {
    let reimbursement = |seq| {
        let provider = ProviderId::from_shared(Arc::clone(&id.id));
        ReimbursementId { provider, seq }.to_string()
    };
    let money = |amount, balance: Total, currency| (amount, balance.to_major(currency), currency);
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
    Some((entry(seq, record, parts), accrued))
}
