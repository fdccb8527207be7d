//! What each step of each kind of saga has to do, and what undoes it; written a second time.
//!
//! Only what matters is held: whom a step asks, for how much, under which name. The words in
//! documents and mails may change from version to version, and so may how patient a call is.
//! Nothing here is taken from the tables in `bursar-domain`, which the server runs by. What pushes
//! money to a bank has its own file, `push`, and so have rewards.

use bursar_domain::call::{Lane, Request};
use bursar_domain::id::{EntityId, InvestmentId, Seq, WalletId};
use bursar_domain::message::{Asker, Body};
use bursar_domain::money::Amount;
use bursar_domain::saga::deposit::Deposit;
use bursar_domain::saga::investment::{Funding, Investment};
use bursar_domain::saga::subject::Act;
use bursar_domain::saga::{Failure, Findings, StepName, Subject};

use super::{push, reward};

/// The steps of a kind of saga.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) names: &'static [StepName],
    /// The last step that can be undone.
    pub(super) returnable_to: usize,
    /// The last step that can fail, of those that it is done with.
    pub(super) fails_to: usize,
    /// The step with which it is done.
    pub(super) done_with: usize,
}

const INVESTMENT: Plan = Plan {
    names: &[
        StepName::Reserve,
        StepName::Mark,
        StepName::Pull,
        StepName::Documents,
        StepName::Settle,
        StepName::Confirm,
        StepName::Tell,
    ],
    returnable_to: 3,
    fails_to: 3,
    done_with: 5,
};

const DEPOSIT: Plan = Plan {
    names: &[StepName::Expect, StepName::Pull, StepName::Credit],
    returnable_to: 1,
    fails_to: 1,
    done_with: 2,
};

/// What a step does.
#[derive(Debug)]
pub(super) enum Deed {
    Nothing,
    Ask(EntityId, Body),
    /// Money from an account, for the saga.
    Pull(Box<str>),
    /// Money to an account.
    Push(Box<str>),
    /// Documents about the saga.
    Documents,
    /// A mail to an address.
    Mail(Box<str>),
}

/// The plan of a subject.
pub(super) fn of(subject: &Subject) -> &'static Plan {
    match subject {
        Subject::Investment(_) => &INVESTMENT,
        Subject::Deposit(_) => &DEPOSIT,
        Subject::Payment(_) => &push::PAYMENT,
        Subject::Reimbursement(_) => &push::REIMBURSEMENT,
        Subject::Advance(_) => &push::ADVANCE,
        Subject::Reward(_) => &reward::REWARD,
    }
}

/// The id of a deposit.
pub(in crate::cli::verify) fn deposit_id(wallet: &WalletId, seq: Seq) -> String {
    format!("txn_{seq}_{wallet}")
}

/// The id of a subject's saga.
pub(in crate::cli::verify) fn id(subject: &Subject) -> String {
    match subject {
        Subject::Investment(Investment { id: InvestmentId { deal, seq }, .. }) => {
            format!("inv_{seq}_{deal}")
        }
        Subject::Deposit(Deposit { wallet, seq, .. }) => deposit_id(wallet, *seq),
        Subject::Payment(payment) => push::payment_id(&payment.wallet, payment.seq),
        Subject::Reimbursement(reimbursement) => {
            push::reimbursement_id(&reimbursement.provider, reimbursement.seq)
        }
        Subject::Advance(credit) => credit.advance.to_string(),
        Subject::Reward(reward) => reward::reward_id(&reward.id),
    }
}

/// What a step does.
pub(super) fn deed(subject: &Subject, name: StepName, by: Asker, found: &Findings) -> Deed {
    match subject {
        Subject::Investment(investment) => investments_deed(investment, name, by, found),
        Subject::Deposit(deposit) => deposits_deed(deposit, name, by),
        Subject::Payment(payment) => push::payments_deed(payment, name, by),
        Subject::Reimbursement(reimbursement) => push::reimbursements_deed(reimbursement, name, by),
        Subject::Advance(credit) => push::advances_deed(credit, name, by),
        Subject::Reward(reward) => reward::rewards_deed(reward, name, by, found),
    }
}

fn investments_deed(investment: &Investment, name: StepName, by: Asker, found: &Findings) -> Deed {
    let Investment { id, wallet, amount, currency, funding, .. } = investment;
    let (wallet, amount, currency) = (EntityId::wallet(wallet), *amount, *currency);
    match (name, funding) {
        (StepName::Mark, Funding::Wallet) => {
            Deed::Ask(wallet, Body::Mark { by, hold: amount, currency })
        }
        (StepName::Mark, Funding::Bank) => {
            Deed::Ask(wallet, Body::Mark { by, hold: Amount::ZERO, currency })
        }
        (StepName::Pull, Funding::Bank) => Deed::Pull(found.account.clone()),
        (StepName::Documents, _) => Deed::Documents,
        (StepName::Settle, _) => Deed::Ask(wallet, Body::Settle { by, deal: id.deal.clone() }),
        (StepName::Confirm, _) => {
            let body = Body::Confirm { by, investment: id.seq, amount, currency };
            Deed::Ask(EntityId::deal(&id.deal), body)
        }
        (StepName::Tell, _) => match &found.email {
            Some(email) => Deed::Mail(email.clone()),
            None => Deed::Nothing,
        },
        // The place was reserved before the saga began; the others are none of its steps.
        (StepName::Pull, Funding::Wallet)
        | (
            StepName::Reserve
            | StepName::Expect
            | StepName::Credit
            | StepName::Hold
            | StepName::Push
            | StepName::Post
            | StepName::Close
            | StepName::Paid
            | StepName::Open
            | StepName::Activate,
            _,
        ) => Deed::Nothing,
    }
}

fn deposits_deed(deposit: &Deposit, name: StepName, by: Asker) -> Deed {
    let Deposit { wallet, seq, amount, currency, account } = deposit;
    match name {
        StepName::Pull => Deed::Pull(account.clone()),
        StepName::Credit => {
            let (deposit, amount, currency) = (*seq, *amount, *currency);
            Deed::Ask(EntityId::wallet(wallet), Body::Credit { by, deposit, amount, currency })
        }
        // It was noted before the saga began; the others are none of its steps.
        StepName::Expect
        | StepName::Reserve
        | StepName::Mark
        | StepName::Documents
        | StepName::Settle
        | StepName::Confirm
        | StepName::Tell
        | StepName::Hold
        | StepName::Push
        | StepName::Post
        | StepName::Close
        | StepName::Paid
        | StepName::Open
        | StepName::Activate => Deed::Nothing,
    }
}

impl Deed {
    /// Whether a call is this deed of this saga.
    pub(super) fn is(&self, request: &Request, subject: &Subject, saga: &str) -> bool {
        match (self, request) {
            (Self::Pull(whose), Request::Pull { account, amount, currency, reference })
            | (Self::Push(whose), Request::Push { account, amount, currency, reference }) => {
                let money = (subject.amount(), subject.currency());
                (*amount, *currency) == money && account == whose && **reference == *saga
            }
            (Self::Documents, Request::MakeDocuments { subject, .. }) => **subject == *saga,
            (Self::Mail(address), Request::Mail(mail)) => mail.to == *address,
            (
                Self::Nothing
                | Self::Ask(..)
                | Self::Pull(_)
                | Self::Push(_)
                | Self::Documents
                | Self::Mail(_),
                Request::Pull { .. }
                | Request::Push { .. }
                | Request::Find
                | Request::Refund { .. }
                | Request::MakeDocuments { .. }
                | Request::VoidDocuments { .. }
                | Request::Mail(_),
            ) => false,
        }
    }
}

/// What undoes a step that was done; `None` when there is nothing to undo. The end of what has an
/// owner tells it why; for one that was cancelled the words are free, and given as `told`.
pub(super) fn undo(
    subject: &Subject,
    name: StepName,
    by: Asker,
    found: &Findings,
    told: &Failure,
) -> Option<Act> {
    let send = |to, body| Some(Act::Send(to, Box::new(body)));
    match subject {
        Subject::Investment(Investment { id, wallet, .. }) => match name {
            StepName::Reserve => {
                send(EntityId::deal(&id.deal), Body::Free { by, investment: id.seq })
            }
            StepName::Mark => send(EntityId::wallet(wallet), Body::Unmark { by }),
            StepName::Documents => {
                Some(Act::Call(Request::VoidDocuments { id: found.documents.clone()? }, Lane::Undo))
            }
            StepName::Pull => refund(subject, name, found),
            StepName::Settle
            | StepName::Confirm
            | StepName::Tell
            | StepName::Expect
            | StepName::Credit
            | StepName::Hold
            | StepName::Push
            | StepName::Post
            | StepName::Close
            | StepName::Paid
            | StepName::Open
            | StepName::Activate => None,
        },
        Subject::Deposit(Deposit { wallet, seq, .. }) if name == StepName::Expect => {
            let failure = told.clone();
            send(EntityId::wallet(wallet), Body::Abandon { by, deposit: *seq, failure })
        }
        Subject::Deposit(_) => refund(subject, name, found),
        Subject::Payment(_) | Subject::Reimbursement(_) | Subject::Advance(_) => {
            let (to, body) = push::undo(subject, name, by, told.clone())?;
            send(to, body)
        }
        Subject::Reward(reward) => {
            let (to, body) = reward::undo(reward, name, by, told.clone())?;
            send(to, body)
        }
    }
}

/// A pull gives the money back; nothing else of these is undone by a call.
fn refund(subject: &Subject, name: StepName, found: &Findings) -> Option<Act> {
    if name != StepName::Pull {
        return None;
    }
    let transaction = found.transaction.clone()?;
    let (amount, currency) = (subject.amount(), subject.currency());
    Some(Act::Call(Request::Refund { transaction, amount, currency }, Lane::Undo))
}
