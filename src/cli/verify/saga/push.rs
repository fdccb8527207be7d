//! What each step of a saga has to do that pushes money to a bank, and what undoes it; written a
//! second time.
//!
//! The three of them have one shape: the owner set the money aside before the saga began, the
//! processor brings it to the account, the owner is told to book it. The saga holds no money at any
//! time. Until the push has begun it may be cancelled; a push that fails undoes the first step; a
//! push that succeeded is never given up.

use bursar_domain::id::{EntityId, ProviderId, Seq, WalletId};
use bursar_domain::message::{Asker, Body};
use bursar_domain::saga::credit::Credit;
use bursar_domain::saga::payment::Payment;
use bursar_domain::saga::reimbursement::Reimbursement;
use bursar_domain::saga::{Failure, StepName, Subject};

use super::plan::{Deed, Plan};

pub(super) const PAYMENT: Plan = plan(&[StepName::Hold, StepName::Push, StepName::Post]);
pub(super) const REIMBURSEMENT: Plan = plan(&[StepName::Close, StepName::Push, StepName::Paid]);
pub(super) const ADVANCE: Plan = plan(&[StepName::Open, StepName::Push, StepName::Activate]);

const fn plan(names: &'static [StepName]) -> Plan {
    Plan { names, returnable_to: 0, fails_to: 1, done_with: 2 }
}

/// The id of a payment that is settled at once, which is its hold's, too.
pub(in crate::cli::verify) fn payment_id(wallet: &WalletId, seq: Seq) -> String {
    format!("pay_{seq}_{wallet}")
}

/// The id of a reimbursement.
pub(in crate::cli::verify) fn reimbursement_id(provider: &ProviderId, seq: Seq) -> String {
    format!("rmb_{seq}_{provider}")
}

pub(super) fn payments_deed(payment: &Payment, name: StepName, by: Asker) -> Deed {
    if name == StepName::Push {
        return Deed::Push(payment.account.clone());
    }
    if name != StepName::Post {
        return Deed::Nothing;
    }
    let body = Body::Post { by, payment: Box::new(payment.clone()) };
    Deed::Ask(EntityId::wallet(&payment.wallet), body)
}

pub(super) fn reimbursements_deed(of: &Reimbursement, name: StepName, by: Asker) -> Deed {
    if name == StepName::Push {
        return Deed::Push(of.account.clone());
    }
    if name != StepName::Paid {
        return Deed::Nothing;
    }
    Deed::Ask(EntityId::provider(&of.provider), Body::Reimbursed { by, reimbursement: of.seq })
}

pub(super) fn advances_deed(credit: &Credit, name: StepName, by: Asker) -> Deed {
    if name == StepName::Push {
        return Deed::Push(credit.account.clone());
    }
    if name != StepName::Activate {
        return Deed::Nothing;
    }
    Deed::Ask(EntityId::advance(&credit.advance), Body::Activate { by })
}

/// What undoes a step: only the first one has something, and that is a word to the owner.
pub(super) fn undo(
    subject: &Subject,
    name: StepName,
    by: Asker,
    failure: Failure,
) -> Option<(EntityId, Body)> {
    match subject {
        Subject::Payment(payment) if name == StepName::Hold => {
            let body = Body::Unhold { by, payment: Box::new(payment.clone()), failure };
            Some((EntityId::wallet(&payment.wallet), body))
        }
        Subject::Reimbursement(of) if name == StepName::Close => {
            let body = Body::NotReimbursed { by, reimbursement: of.seq, failure };
            Some((EntityId::provider(&of.provider), body))
        }
        Subject::Advance(credit) if name == StepName::Open => {
            Some((EntityId::advance(&credit.advance), Body::NotCredited { by, failure }))
        }
        Subject::Payment(_)
        | Subject::Reimbursement(_)
        | Subject::Advance(_)
        | Subject::Investment(_)
        | Subject::Deposit(_)
        | Subject::Reward(_) => None,
    }
}
