//! What each step of each kind of saga has to do, and what undoes it; written a second time.
//!
//! Only what matters is held: whom a step asks, for how much, under which name. The words in
//! documents and mails may change from version to version, and so may how patient a call is.
//! Nothing here is taken from the tables in `bursar-domain`, which the server runs by.

use bursar_domain::call::{Lane, Request};
use bursar_domain::id::{EntityId, InvestmentId, Seq, WalletId};
use bursar_domain::message::{Asker, Body};
use bursar_domain::money::Amount;
use bursar_domain::saga::deposit::Deposit;
use bursar_domain::saga::investment::{Funding, Investment};
use bursar_domain::saga::subject::Act;
use bursar_domain::saga::{Failure, Findings, StepName, Subject};

/// The steps of a kind of saga.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) names: &'static [StepName],
    /// The last step that can be undone.
    pub(super) returnable_to: usize,
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
    done_with: 5,
};

const DEPOSIT: Plan = Plan {
    names: &[StepName::Expect, StepName::Pull, StepName::Credit],
    returnable_to: 1,
    done_with: 2,
};

/// What a step does.
#[derive(Debug)]
pub(super) enum Deed {
    Nothing,
    Ask(EntityId, Body),
    /// Money from an account, for the saga.
    Pull(Box<str>),
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
    }
}

/// What a step does.
pub(super) fn deed(subject: &Subject, name: StepName, by: Asker, found: &Findings) -> Deed {
    let wallet = || EntityId::wallet(subject.wallet());
    let (amount, currency) = (subject.amount(), subject.currency());
    match (subject, name) {
        (Subject::Investment(investment), StepName::Mark) => {
            let hold = match investment.funding {
                Funding::Wallet => amount,
                Funding::Bank => Amount::ZERO,
            };
            Deed::Ask(wallet(), Body::Mark { by, hold, currency })
        }
        (Subject::Investment(investment), StepName::Pull) => match investment.funding {
            Funding::Wallet => Deed::Nothing,
            Funding::Bank => Deed::Pull(found.account.clone()),
        },
        (Subject::Deposit(deposit), StepName::Pull) => Deed::Pull(deposit.account.clone()),
        (Subject::Investment(_), StepName::Documents) => Deed::Documents,
        (Subject::Investment(investment), StepName::Settle) => {
            Deed::Ask(wallet(), Body::Settle { by, deal: investment.id.deal.clone() })
        }
        (Subject::Investment(Investment { id, .. }), StepName::Confirm) => {
            let body = Body::Confirm { by, investment: id.seq, amount, currency };
            Deed::Ask(EntityId::deal(&id.deal), body)
        }
        (Subject::Investment(_), StepName::Tell) => match &found.email {
            Some(email) => Deed::Mail(email.clone()),
            None => Deed::Nothing,
        },
        (Subject::Deposit(deposit), StepName::Credit) => {
            Deed::Ask(wallet(), Body::Credit { by, deposit: deposit.seq, amount, currency })
        }
        // Done before the saga began, or none of its steps.
        (Subject::Investment(_), StepName::Reserve | StepName::Expect | StepName::Credit)
        | (
            Subject::Deposit(_),
            StepName::Reserve
            | StepName::Mark
            | StepName::Documents
            | StepName::Settle
            | StepName::Confirm
            | StepName::Tell
            | StepName::Expect,
        ) => Deed::Nothing,
    }
}

impl Deed {
    /// Whether a call is this deed of this saga.
    pub(super) fn is(&self, request: &Request, subject: &Subject, saga: &str) -> bool {
        match (self, request) {
            (Self::Pull(from), Request::Pull { account, amount, currency, reference }) => {
                let money = (subject.amount(), subject.currency());
                (*amount, *currency) == money && account == from && **reference == *saga
            }
            (Self::Documents, Request::MakeDocuments { subject, .. }) => **subject == *saga,
            (Self::Mail(address), Request::Mail(mail)) => mail.to == *address,
            (
                Self::Nothing | Self::Ask(..) | Self::Pull(_) | Self::Documents | Self::Mail(_),
                Request::Pull { .. }
                | Request::Find
                | Request::Refund { .. }
                | Request::MakeDocuments { .. }
                | Request::VoidDocuments { .. }
                | Request::Mail(_),
            ) => false,
        }
    }
}

/// What undoes a step that was done; `None` when there is nothing to undo. A deposit's end tells the
/// wallet why; for one that was cancelled the words are free, and given as `told`.
pub(super) fn undo(
    subject: &Subject,
    name: StepName,
    by: Asker,
    found: &Findings,
    told: &Failure,
) -> Option<Act> {
    let wallet = || EntityId::wallet(subject.wallet());
    let send = |to, body| Some(Act::Send(to, Box::new(body)));
    match (subject, name) {
        (Subject::Investment(Investment { id, .. }), StepName::Reserve) => {
            send(EntityId::deal(&id.deal), Body::Free { by, investment: id.seq })
        }
        (Subject::Investment(_), StepName::Mark) => send(wallet(), Body::Unmark { by }),
        (Subject::Investment(_) | Subject::Deposit(_), StepName::Pull) => {
            let transaction = found.transaction.clone()?;
            let (amount, currency) = (subject.amount(), subject.currency());
            Some(Act::Call(Request::Refund { transaction, amount, currency }, Lane::Undo))
        }
        (Subject::Investment(_), StepName::Documents) => {
            Some(Act::Call(Request::VoidDocuments { id: found.documents.clone()? }, Lane::Undo))
        }
        (Subject::Deposit(deposit), StepName::Expect) => {
            send(wallet(), Body::Abandon { by, deposit: deposit.seq, failure: told.clone() })
        }
        (
            Subject::Investment(_),
            StepName::Settle
            | StepName::Confirm
            | StepName::Tell
            | StepName::Expect
            | StepName::Credit,
        )
        | (
            Subject::Deposit(_),
            StepName::Reserve
            | StepName::Mark
            | StepName::Documents
            | StepName::Settle
            | StepName::Confirm
            | StepName::Tell
            | StepName::Credit,
        ) => None,
    }
}
