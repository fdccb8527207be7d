//! What a host must know of an entity's kind beyond its rules.
//!
//! The rules of a kind (`Entity`) know nothing of disks and other shards. Here stands what a
//! command still has to be told before they can decide, how it is filled in, and which refunds are
//! still on their way, so that the ladder of a decision is the same for every kind.

use bursar_domain::entity::Entity;
use bursar_domain::id::{ProviderId, Seq};
use bursar_domain::key::{Index, Key, Known};
use bursar_domain::message::{Body, Message};
use bursar_domain::provider::Provider;
use bursar_domain::record::{Record, Recorded, Verdict};
use bursar_domain::wallet::command::{Lookup, Paid, Payee};
use bursar_domain::wallet::{self, Wallet};
use bursar_snapshots::store::IndexKind;

use crate::job::Command;
use crate::view::Summary;

/// What a command still has to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Need {
    /// A provider.
    Payee(ProviderId),
    /// A payment of the wallet.
    Payment(Seq),
}

/// A kind of entity that a [`super::Host`] can hold.
pub trait Hosted: Recorded {
    /// The command, if it is one to this kind.
    fn command(command: &Command) -> Option<&Self::Command>;

    /// What the command still has to know.
    fn need(_command: &Self::Command) -> Option<Need> {
        None
    }

    /// How the entity stands.
    fn seen(&self) -> Option<Summary>;

    /// What was refunded of a payment.
    fn refunded(&self, _payment: Seq) -> Known {
        Known::Never
    }

    /// The holds.
    fn holds(&self) -> Vec<wallet::Hold> {
        Vec::new()
    }

    /// For a message that ends a refund: the decision that asked, and its key.
    fn refund_of(&self, _message: &Message) -> Option<(Seq, Option<Key>)> {
        None
    }

    /// Whether a record is a refund whose money has not come back yet.
    fn is_pending_refund(&self, _record: &Record, _seq: Seq) -> bool {
        false
    }

    /// The index beside the keys, if the kind has one.
    fn side_index(&mut self) -> Option<(IndexKind, &mut Index)> {
        None
    }
}

impl Hosted for Wallet {
    fn command(command: &Command) -> Option<&wallet::Command> {
        match command {
            Command::Wallet(command) => Some(command),
            Command::Provider(_) => None,
        }
    }

    fn need(command: &wallet::Command) -> Option<Need> {
        match command {
            wallet::Command::Pay(pay) if pay.payee == Lookup::Open => {
                Some(Need::Payee(pay.provider.clone()))
            }
            wallet::Command::Refund(refund) if refund.paid == Lookup::Open => {
                Some(Need::Payment(refund.payment))
            }
            wallet::Command::Open(_)
            | wallet::Command::Deposit(_)
            | wallet::Command::Pay(_)
            | wallet::Command::Refund(_)
            | wallet::Command::Hold { .. }
            | wallet::Command::Release { .. }
            | wallet::Command::Freeze
            | wallet::Command::Unfreeze => None,
        }
    }

    fn seen(&self) -> Option<Summary> {
        self.summary().map(Summary::Wallet)
    }

    fn refunded(&self, payment: Seq) -> Known {
        Wallet::refunded(self).get(u128::from(payment.0))
    }

    fn holds(&self) -> Vec<wallet::Hold> {
        Wallet::holds(self).to_vec()
    }

    fn refund_of(&self, message: &Message) -> Option<(Seq, Option<Key>)> {
        match &message.body {
            Body::RefundMoney { refund, .. } => {
                let mut pending = self.pending_refunds().iter();
                let pending = pending.find(|pending| pending.refund == *refund)?;
                Some((*refund, pending.key.clone()))
            }
            Body::Payment { .. } | Body::RefundOrder { .. } => None,
        }
    }

    fn is_pending_refund(&self, record: &Record, seq: Seq) -> bool {
        matches!(&record.verdict, Verdict::Wallet(_))
            && self.pending_refunds().iter().any(|pending| pending.refund == seq)
    }

    fn side_index(&mut self) -> Option<(IndexKind, &mut Index)> {
        Some((IndexKind::Refunded, self.refunded_mut()?))
    }
}

impl Hosted for Provider {
    fn command(command: &Command) -> Option<&bursar_domain::provider::Command> {
        match command {
            Command::Provider(command) => Some(command),
            Command::Wallet(_) => None,
        }
    }

    fn seen(&self) -> Option<Summary> {
        self.summary().map(Summary::Provider)
    }
}

/// Fills in what a command had to know about a provider.
pub(super) fn fill_payee(command: &mut Command, payee: Option<Payee>) {
    if let Command::Wallet(wallet::Command::Pay(pay)) = command {
        pay.payee = payee.map_or(Lookup::Missing, Lookup::Found);
    }
}

/// Fills in what a command had to know about a payment.
pub(super) fn fill_payment(command: &mut Command, record: Option<&Record>, refunded: u64) {
    let Command::Wallet(wallet::Command::Refund(refund)) = command else { return };
    refund.paid = match record.and_then(paid) {
        Some(event) => Lookup::Found(Paid {
            provider: event.provider.clone(),
            amount: event.amount,
            refunded: bursar_domain::money::Amount::from_minor(
                i64::try_from(refunded).expect("a total of refunds is an amount"),
            ),
        }),
        None => Lookup::Missing,
    };
}

/// Forgets what a command had to know about a payment.
pub(super) fn forget_payment(command: &mut Command) {
    if let Command::Wallet(wallet::Command::Refund(refund)) = command {
        refund.paid = Lookup::Open;
    }
}

fn paid(record: &Record) -> Option<&wallet::event::Paid> {
    let Verdict::Wallet(events) = &record.verdict else { return None };
    events.iter().find_map(|event| match event {
        wallet::Event::Paid(paid) => Some(paid),
        wallet::Event::Opened(_)
        | wallet::Event::Deposited(_)
        | wallet::Event::HoldPlaced { .. }
        | wallet::Event::HoldReleased { .. }
        | wallet::Event::Frozen
        | wallet::Event::Unfrozen
        | wallet::Event::RefundRequested(_)
        | wallet::Event::RefundReceived(_) => None,
    })
}
