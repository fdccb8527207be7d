//! What a host must know of an entity's kind beyond its rules.
//!
//! The rules of a kind (`Entity`) know nothing of disks and other shards. Here stands what a
//! command still has to be told before they can decide, how it is filled in, and which refunds are
//! still on their way, so that the ladder of a decision is the same for every kind.

use bursar_domain::advance::Advance;
use bursar_domain::call::Context;
use bursar_domain::campaign::Campaign;
use bursar_domain::compensation::Compensation;
use bursar_domain::deal::{Deal, Standing};
use bursar_domain::entity::Entity;
use bursar_domain::id::{EntityId, ProviderId, Seq};
use bursar_domain::key::{Index, Key, Known};
use bursar_domain::message::{Body, Message};
use bursar_domain::money::Amount;
use bursar_domain::provider::Provider;
use bursar_domain::record::{Record, Recorded, Verdict};
use bursar_domain::run::Run;
use bursar_domain::saga::Saga;
use bursar_domain::schedule::Schedule;
use bursar_domain::statement::{Reward, Statement};
use bursar_domain::wallet::command::{Lookup, Paid};
use bursar_domain::wallet::{self, Wallet};
use bursar_domain::{
    advance, campaign, compensation, deal, provider, run, saga, schedule, statement,
};
use bursar_snapshots::store::IndexKind;

use crate::job::{Answer, Command};
use crate::view::{Neighbour, Summary};

/// What a command still has to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Need {
    /// Another entity.
    Neighbour(EntityId),
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

    /// Whether third parties, or the entity itself, have no room for what the command would bring.
    /// Asked only when the key is new; such a refusal is not recorded.
    fn would_overload(&self, _command: &Self::Command) -> bool {
        false
    }

    /// Whether all slots of the index beside the keys are listed when it is read from disk, because
    /// most commands ask for some.
    const LISTS_SIDE: bool = false;

    /// The slots of the index beside the keys that a command has to know and memory does not.
    fn unknown_slots(&self, _command: &Self::Command) -> Vec<u128> {
        Vec::new()
    }

    /// The answer to a command whose decision came to these events, when no record of them says it.
    fn answer(
        &self,
        _command: &Self::Command,
        _events: &[Self::Event],
        _context: &Context<'_>,
    ) -> Option<Answer> {
        None
    }

    /// How the entity stands.
    fn seen(&self) -> Option<Summary>;

    /// What was refunded of a payment.
    fn refunded(&self, _payment: Seq) -> Known {
        Known::Never
    }

    /// How an investment stands in line.
    fn standing(&self, _investment: Seq) -> Option<Standing> {
        None
    }

    /// The newest rewards before one.
    fn rewards(&self, _before: (Seq, u16), _limit: usize) -> Vec<(Seq, u16, Reward)> {
        Vec::new()
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
            Command::Provider(_)
            | Command::Deal(_)
            | Command::Saga(_)
            | Command::Compensation(_)
            | Command::Advance(_)
            | Command::Run(_)
            | Command::Schedule(_)
            | Command::Campaign(_)
            | Command::Statement(_) => None,
        }
    }

    fn need(command: &wallet::Command) -> Option<Need> {
        match command {
            wallet::Command::Pay(pay) if pay.payee == Lookup::Open => {
                Some(Need::Neighbour(EntityId::provider(&pay.provider)))
            }
            wallet::Command::Refund(refund) if refund.paid == Lookup::Open => {
                Some(Need::Payment(refund.payment))
            }
            wallet::Command::Open(_)
            | wallet::Command::Deposit(_)
            | wallet::Command::Pull(_)
            | wallet::Command::Pay(_)
            | wallet::Command::Refund(_)
            | wallet::Command::Hold { .. }
            | wallet::Command::Release { .. }
            | wallet::Command::Freeze
            | wallet::Command::Unfreeze => None,
        }
    }

    fn would_overload(&self, command: &wallet::Command) -> bool {
        if let wallet::Command::Pay(pay) = command { pay.would_overload() } else { false }
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
        let Body::RefundMoney { refund, .. } = &message.body else { return None };
        let expected = self.expected().iter().find(|expected| expected.asked == *refund)?;
        Some((*refund, expected.key.clone()))
    }

    fn is_pending_refund(&self, record: &Record, seq: Seq) -> bool {
        let Verdict::Wallet(events) = &record.verdict else { return false };
        matches!(events.first(), Some(wallet::Event::RefundRequested(_)))
            && self.expected().iter().any(|expected| expected.asked == seq)
    }

    fn side_index(&mut self) -> Option<(IndexKind, &mut Index)> {
        Some((IndexKind::Refunded, self.refunded_mut()?))
    }
}

impl Hosted for Provider {
    fn command(command: &Command) -> Option<&provider::Command> {
        if let Command::Provider(command) = command { Some(command) } else { None }
    }

    const LISTS_SIDE: bool = true;

    fn unknown_slots(&self, command: &provider::Command) -> Vec<u128> {
        self.slots_to_ask(command)
    }

    fn answer(
        &self,
        command: &provider::Command,
        events: &[provider::Event],
        context: &Context<'_>,
    ) -> Option<Answer> {
        let provider::Command::Activities(call) = command else { return None };
        if events.iter().any(|event| matches!(event, provider::Event::Activities(_))) {
            return None;
        }
        // Nothing is new, so no record says how the lines were judged.
        Some(match self.judge(call, context) {
            Ok(answers) => Answer::Judged(answers),
            Err(rejection) => Answer::Rejected(rejection),
        })
    }

    fn seen(&self) -> Option<Summary> {
        self.summary().map(Summary::Provider)
    }

    fn side_index(&mut self) -> Option<(IndexKind, &mut Index)> {
        Some((IndexKind::Activity, self.activities_mut()))
    }
}

impl Hosted for Deal {
    fn command(command: &Command) -> Option<&deal::Command> {
        if let Command::Deal(command) = command { Some(command) } else { None }
    }

    fn need(command: &deal::Command) -> Option<Need> {
        match command {
            deal::Command::Invest(invest) if invest.investor == Lookup::Open => {
                Some(Need::Neighbour(EntityId::wallet(&invest.wallet)))
            }
            deal::Command::Open(_)
            | deal::Command::Invest(_)
            | deal::Command::Withdraw { .. }
            | deal::Command::Close => None,
        }
    }

    fn seen(&self) -> Option<Summary> {
        self.summary().map(Summary::Deal)
    }

    fn standing(&self, investment: Seq) -> Option<Standing> {
        self.exists().then(|| Deal::standing(self, investment))
    }

    fn side_index(&mut self) -> Option<(IndexKind, &mut Index)> {
        Some((IndexKind::Left, self.left_mut()))
    }
}

impl Hosted for Saga {
    fn command(command: &Command) -> Option<&saga::Command> {
        if let Command::Saga(command) = command { Some(command) } else { None }
    }

    fn seen(&self) -> Option<Summary> {
        self.summary().map(Summary::Saga)
    }
}

impl Hosted for Compensation {
    fn command(command: &Command) -> Option<&compensation::Command> {
        if let Command::Compensation(command) = command { Some(command) } else { None }
    }

    fn seen(&self) -> Option<Summary> {
        self.summary().map(Summary::Compensation)
    }
}

impl Hosted for Advance {
    fn command(command: &Command) -> Option<&advance::Command> {
        if let Command::Advance(command) = command { Some(command) } else { None }
    }

    fn seen(&self) -> Option<Summary> {
        self.summary().map(Summary::Advance)
    }
}

impl Hosted for Run {
    fn command(command: &Command) -> Option<&run::Command> {
        if let Command::Run(command) = command { Some(command) } else { None }
    }

    fn seen(&self) -> Option<Summary> {
        self.summary().map(Summary::Run)
    }
}

impl Hosted for Schedule {
    fn command(command: &Command) -> Option<&schedule::Command> {
        if let Command::Schedule(command) = command { Some(command) } else { None }
    }

    fn seen(&self) -> Option<Summary> {
        self.summary().map(Summary::Schedule)
    }
}

impl Hosted for Campaign {
    fn command(command: &Command) -> Option<&campaign::Command> {
        if let Command::Campaign(command) = command { Some(command) } else { None }
    }

    fn seen(&self) -> Option<Summary> {
        self.summary().map(Summary::Campaign)
    }
}

impl Hosted for Statement {
    fn command(command: &Command) -> Option<&statement::Command> {
        if let Command::Statement(command) = command { Some(command) } else { None }
    }

    fn would_overload(&self, _: &statement::Command) -> bool {
        self.is_behind()
    }

    fn answer(
        &self,
        command: &statement::Command,
        events: &[statement::Event],
        context: &Context<'_>,
    ) -> Option<Answer> {
        let statement::Command::Take(take) = command;
        // Nothing is new, so no record says how the lines were judged.
        events.is_empty().then(|| Answer::Known(self.judge(take, context)))
    }

    fn seen(&self) -> Option<Summary> {
        self.summary().map(Summary::Statement)
    }

    fn rewards(&self, (draw, line): (Seq, u16), limit: usize) -> Vec<(Seq, u16, Reward)> {
        let newest = Statement::rewards(self).before(draw, line).take(limit);
        newest.map(|(draw, line, reward)| (draw, line, reward.clone())).collect()
    }
}

/// Fills in what a command had to know about another entity.
pub(super) fn fill_neighbour(command: &mut Command, neighbour: Option<Neighbour>) {
    match (command, neighbour) {
        (Command::Wallet(wallet::Command::Pay(pay)), Some(Neighbour::Payee(payee))) => {
            pay.payee = Lookup::Found(payee);
        }
        (Command::Wallet(wallet::Command::Pay(pay)), _) => pay.payee = Lookup::Missing,
        (Command::Deal(deal::Command::Invest(invest)), Some(Neighbour::Investor(investor))) => {
            invest.investor = Lookup::Found(investor);
        }
        (Command::Deal(deal::Command::Invest(invest)), _) => invest.investor = Lookup::Missing,
        (
            Command::Wallet(_)
            | Command::Provider(_)
            | Command::Deal(_)
            | Command::Saga(_)
            | Command::Compensation(_)
            | Command::Advance(_)
            | Command::Run(_)
            | Command::Schedule(_)
            | Command::Campaign(_)
            | Command::Statement(_),
            _,
        ) => {}
    }
}

/// Fills in which of the slots that a command had to know are on disk.
pub(super) fn fill_values(command: &mut Command, values: Vec<(u128, u64)>) {
    if let Command::Provider(provider::Command::Activities(call)) = command {
        call.known = Lookup::Found(values.into_iter().collect());
    }
}

/// Fills in what a command had to know about a payment. `refunded` is what the disk says was
/// refunded of it, in minor units.
pub(super) fn fill_payment(command: &mut Command, record: Option<&Record>, refunded: Option<u64>) {
    let Command::Wallet(wallet::Command::Refund(refund)) = command else { return };
    let minor = |total| i64::try_from(total).expect("a total of refunds is an amount");
    refund.paid = match record.and_then(paid) {
        Some((provider, amount, was_held)) => Lookup::Found(Paid {
            provider: provider.clone(),
            amount,
            refunded: refunded.map(|total| Amount::from_minor(minor(total))),
            was_held,
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

/// Who was paid how much, and whether it was only set aside then.
fn paid(record: &Record) -> Option<(&ProviderId, Amount, bool)> {
    let Verdict::Wallet(events) = &record.verdict else { return None };
    events.iter().find_map(|event| {
        if let wallet::Event::Paid(paid) = event {
            Some((&paid.provider, paid.amount, false))
        } else if let wallet::Event::PaymentHeld(held) = event {
            Some((&held.provider, held.amount, true))
        } else {
            None
        }
    })
}
