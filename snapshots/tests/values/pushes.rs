//! What is pushed to a bank, event by event: payments that are settled at once, reimbursements,
//! advances; the sagas and compensations of each, and the wallet that pays.
//!
//! Each record is one that the rules could have written. Of each there is one that is done and one
//! that is not to be; what may be missing is there once and missing once.

use std::sync::Arc;

use bursar_domain::call::{Call, Lane, Request};
use bursar_domain::compensation::{self, Undo, Undoing};
use bursar_domain::id::{AdvanceId, EntityId, Seq};
use bursar_domain::message::Body;
use bursar_domain::money::Amount;
use bursar_domain::record::Verdict;
use bursar_domain::saga::credit::Credit;
use bursar_domain::saga::payment::Payment;
use bursar_domain::saga::reimbursement::Reimbursement;
use bursar_domain::saga::subject::Act;
use bursar_domain::saga::{self, Action, End, Failure, Found, Sent, StepName, Subject};
use bursar_domain::wallet::event::Deposited;
use bursar_domain::wallet::settled::{PaymentFailed, PaymentHeld, PaymentPosted};
use bursar_domain::wallet::{self, Hold};

use super::sagas::{
    Life, begun, compensation_of, done, failure, life, now, saga_of, unanswered, wallet_of,
};
use super::{acme, alice, amount, at, eur, source};

/// A payment with all that it may have.
pub(super) fn full_payment(seq: u64, minor: i64) -> Payment {
    Payment {
        description: Some("order 17 – Měsíc".into()),
        effective_at: Some(at(1_700_000_000_123)),
        ..bare_payment(seq, minor)
    }
}

/// A payment with what it must have.
pub(super) fn bare_payment(seq: u64, minor: i64) -> Payment {
    Payment {
        wallet: alice(),
        seq: Seq(seq),
        provider: acme(),
        account: "tok_acme".into(),
        amount: amount(minor),
        currency: eur(),
        description: None,
        effective_at: None,
    }
}

pub(super) fn reimbursement(seq: u64, minor: i64) -> Reimbursement {
    Reimbursement {
        provider: acme(),
        seq: Seq(seq),
        account: "tok_acme".into(),
        amount: amount(minor),
        currency: eur(),
    }
}

pub(crate) fn advance_id(id: &str) -> AdvanceId {
    AdvanceId::parse(id).expect("well formed")
}

pub(super) fn credit(id: &str) -> Credit {
    let account = "tok_bob".into();
    Credit { advance: advance_id(id), account, amount: amount(10_000), currency: eur() }
}

/// Why a push was given up that was not wanted any more.
fn not_wanted() -> Failure {
    Failure::new("cancelled", "it was cancelled")
}

fn held(payment: &Payment, metadata: &[(&str, &str)]) -> wallet::Event {
    wallet::Event::PaymentHeld(PaymentHeld {
        wallet: payment.wallet.clone(),
        provider: payment.provider.clone(),
        account: payment.account.clone(),
        amount: payment.amount,
        currency: payment.currency,
        effective_at: payment.effective_at,
        description: payment.description.clone(),
        metadata: metadata.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect(),
    })
}

fn posted(payment: &Payment, saga_seq: u64, balance_after: i64) -> wallet::Event {
    wallet::Event::PaymentPosted(PaymentPosted {
        source: source(6, saga_seq),
        by: saga_of(&Payment::id(&payment.wallet, payment.seq), 2),
        payment: payment.seq,
        provider: payment.provider.clone(),
        amount: payment.amount,
        currency: payment.currency,
        balance_after: amount(balance_after),
        effective_at: payment.effective_at,
        description: payment.description.clone(),
    })
}

fn failed(payment: &Payment, compensation_seq: u64, failure: Failure) -> wallet::Event {
    wallet::Event::PaymentFailed(PaymentFailed {
        source: source(7, compensation_seq),
        by: compensation_of(&Payment::id(&payment.wallet, payment.seq), 0),
        payment: payment.seq,
        provider: payment.provider.clone(),
        amount: payment.amount,
        currency: payment.currency,
        effective_at: payment.effective_at,
        description: payment.description.clone(),
        failure,
    })
}

/// The payments of the wallet; the last one stays pending.
pub(super) fn payments() -> [Payment; 5] {
    [
        full_payment(102, 12_345),
        bare_payment(103, 500),
        full_payment(104, 700),
        bare_payment(105, 900),
        bare_payment(106, 1_000),
    ]
}

/// A wallet that pays a provider who is paid at once. Nothing but the last hold is left at 110.
pub(crate) fn wallet() -> Life {
    let profile = wallet::Profile {
        currency: eur(),
        credit_limit: amount(1_000),
        owner: Some("Alice Ångström".into()),
        email: None,
        bank_account: Some("tok_alice".into()),
    };
    let payments = payments();
    let [full, bare, full_not, bare_not, pending] = &payments;
    let events = vec![
        wallet::Event::Opened(Arc::new(profile)),
        wallet::Event::Deposited(Deposited {
            amount: amount(100_000),
            currency: eur(),
            balance_after: amount(100_000),
            effective_at: None,
            description: None,
        }),
        held(full, &[("order", "17"), ("shop", "Прага")]),
        held(bare, &[]),
        held(full_not, &[("order", "18")]),
        held(bare_not, &[]),
        held(pending, &[]),
        posted(full, 40, 87_655),
        posted(bare, 41, 87_155),
        failed(full_not, 9, failure()),
        failed(bare_not, 10, not_wanted()),
    ];
    let verdicts = events.into_iter().map(|event| Verdict::Wallet(vec![event])).collect();
    life(&wallet_of("alice"), 100, verdicts)
}

/// What the wallet has set aside after a record.
pub(crate) fn holds(payments_from: usize) -> Vec<Hold> {
    let hold = |payment: &Payment| Hold {
        id: Payment::id(&payment.wallet, payment.seq).into(),
        amount: payment.amount,
    };
    payments()[payments_from..].iter().map(hold).collect()
}

fn request(subject: &Subject) -> Request {
    let account = match subject {
        Subject::Payment(payment) => &payment.account,
        Subject::Reimbursement(reimbursement) => &reimbursement.account,
        Subject::Advance(credit) => &credit.account,
        Subject::Investment(_) | Subject::Deposit(_) | Subject::Reward(_) => {
            unreachable!("it is not pushed")
        }
    };
    Request::Push {
        account: account.clone(),
        amount: subject.amount(),
        currency: subject.currency(),
        reference: (*subject.id()).into(),
    }
}

fn call(subject: &Subject, attempt: u32, request: Request) -> Call {
    let lane = match subject {
        Subject::Payment(_) | Subject::Advance(_) => Lane::Interactive,
        Subject::Reimbursement(_) => Lane::Batch,
        Subject::Investment(_) | Subject::Deposit(_) | Subject::Reward(_) => {
            unreachable!("it is not pushed")
        }
    };
    let key = format!("{}/1763633730123/push", subject.id()).into();
    Call { step: 1, attempt, key, lane, not_after: now(600_000), request }
}

/// Who began the saga of a subject is undone, or done with, by these: the message that ends it
/// well, and the undo of its first step.
struct Table {
    to: EntityId,
    last: Body,
    first: StepName,
    undo: Body,
}

fn table(subject: &Subject, why: Failure) -> Table {
    let id = subject.id();
    let (by, not_by) = (saga_of(&id, 2), compensation_of(&id, 0));
    match subject {
        Subject::Payment(payment) => Table {
            to: EntityId::wallet(&payment.wallet),
            last: Body::Post { by, payment: Box::new(payment.clone()) },
            first: StepName::Hold,
            undo: Body::Unhold { by: not_by, payment: Box::new(payment.clone()), failure: why },
        },
        Subject::Reimbursement(reimbursement) => Table {
            to: EntityId::provider(&reimbursement.provider),
            last: Body::Reimbursed { by, reimbursement: reimbursement.seq },
            first: StepName::Close,
            undo: Body::NotReimbursed {
                by: not_by,
                reimbursement: reimbursement.seq,
                failure: why,
            },
        },
        Subject::Advance(credit) => Table {
            to: EntityId::advance(&credit.advance),
            last: Body::Activate { by },
            first: StepName::Open,
            undo: Body::NotCredited { by: not_by, failure: why },
        },
        Subject::Investment(_) | Subject::Deposit(_) | Subject::Reward(_) => {
            unreachable!("it is not pushed")
        }
    }
}

fn beginning(subject: &Arc<Subject>, began: u64) -> Vec<saga::Event> {
    let (at, subject) = (now(0), Arc::clone(subject));
    let action = Action::Call(Box::new(call(&subject, 1, request(&subject))));
    vec![saga::Event::Begun { source: source(4, began), at, subject }, begun_push(action)]
}

fn begun_push(action: Action) -> saga::Event {
    let (at, deadline) = (now(0), now(600_000));
    saga::Event::StepBegun { step: 1, at, deadline, action }
}

fn saga_life(subject: &Subject, first: u64, decisions: Vec<Vec<saga::Event>>) -> Life {
    let entity = EntityId::saga(subject.id());
    life(&entity, first, decisions.into_iter().map(Verdict::Saga).collect())
}

/// A saga whose push is asked after, found done, and booked.
fn pushed(subject: Subject, first: u64, began: u64) -> Life {
    let subject = Arc::new(subject);
    let Table { to, last, .. } = table(&subject, failure());
    let repeated = saga::Event::CallRepeated {
        at: now(300),
        call: Box::new(call(&subject, 2, Request::Find)),
    };
    let end = saga::Event::Ended {
        at: now(2),
        source: None,
        end: End::Done,
        subject: Arc::clone(&subject),
    };
    let decisions = vec![
        beginning(&subject, began),
        vec![unanswered(1, Sent::Perhaps)],
        vec![repeated],
        vec![
            done(1, None, Found::Pushed { transaction: "tr_77".into() }),
            begun(2, Action::Send(to, Box::new(last))),
        ],
        vec![done(2, Some(source(5, first)), Found::Nothing), end],
    ];
    saga_life(&subject, first, decisions)
}

fn undoing(subject: &Arc<Subject>, why: Failure) -> Undoing {
    let Table { to, first, undo, .. } = table(subject, why);
    Undoing {
        saga: subject.id(),
        subject: Arc::clone(subject),
        undos: vec![Undo { name: first, act: Act::Send(to, Box::new(undo)) }],
        money: Amount::ZERO,
    }
}

/// A saga whose push is declined.
fn declined(subject: Subject, first: u64, began: u64) -> Life {
    let (subject, at) = (Arc::new(subject), now(1));
    let end = End::Failed(failure());
    let undoing = Box::new(undoing(&subject, failure()));
    let decisions = vec![
        beginning(&subject, began),
        vec![
            saga::Event::StepFailed { step: 1, at, source: None, failure: failure() },
            saga::Event::UndoingBegun { failure: Some(failure()), undoing },
        ],
        vec![saga::Event::Ended {
            at,
            source: Some(source(7, first)),
            end,
            subject: Arc::clone(&subject),
        }],
    ];
    saga_life(&subject, first, decisions)
}

/// A saga that was not wanted any more before it began.
fn cancelled(subject: Subject, first: u64, began: u64) -> Life {
    let (subject, at) = (Arc::new(subject), now(0));
    let undoing = Box::new(undoing(&subject, not_wanted()));
    let source = |seq| source(4, seq);
    let decisions = vec![
        vec![saga::Event::CancelAsked],
        vec![
            saga::Event::Begun { source: source(began), at, subject: Arc::clone(&subject) },
            saga::Event::UndoingBegun { failure: None, undoing },
        ],
        vec![saga::Event::Ended {
            at,
            source: Some(source(began + 1)),
            end: End::Cancelled,
            subject: Arc::clone(&subject),
        }],
    ];
    saga_life(&subject, first, decisions)
}

/// The compensation of a push that was not to be: an entity is asked, and has done it.
fn undone(subject: Subject, first: u64, why: Failure) -> Life {
    let subject = Arc::new(subject);
    let Table { to, undo, .. } = table(&subject, why.clone());
    let action = Action::Send(to, Box::new(undo));
    let undoing = Arc::new(undoing(&subject, why));
    let saga = EntityId::saga(subject.id());
    let decisions = vec![
        vec![
            compensation::Event::Begun { source: source(6, first), undoing },
            compensation::Event::Tried { step: 0, at: now(0), attempt: 1, action },
        ],
        vec![
            compensation::Event::Undone {
                step: 0,
                at: now(1),
                source: Some(source(8, first)),
                returned: Amount::ZERO,
                subject: Arc::clone(&subject),
            },
            compensation::Event::Finished { at: now(1), saga },
        ],
    ];
    let entity = EntityId::compensation(&subject.id());
    life(&entity, first, decisions.into_iter().map(Verdict::Compensation).collect())
}

/// The sagas and compensations of payments, reimbursements and advances.
pub(crate) fn all() -> Vec<Life> {
    let payment = Subject::Payment;
    let closed = |seq, minor| Subject::Reimbursement(reimbursement(seq, minor));
    let advance = |id| Subject::Advance(credit(id));
    vec![
        pushed(payment(full_payment(102, 12_345)), 110, 102),
        pushed(payment(bare_payment(103, 500)), 120, 103),
        declined(payment(full_payment(104, 700)), 130, 104),
        cancelled(payment(bare_payment(105, 900)), 140, 105),
        undone(payment(full_payment(104, 700)), 150, failure()),
        undone(payment(bare_payment(105, 900)), 155, not_wanted()),
        pushed(closed(204, 16_000), 160, 204),
        declined(closed(208, 1_500), 170, 208),
        undone(closed(208, 1_500), 180, failure()),
        pushed(advance("adv_1"), 500, 300),
        declined(advance("adv_3"), 510, 360),
        undone(advance("adv_3"), 520, failure()),
    ]
}
