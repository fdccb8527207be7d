//! Every message and every request to a third party that came with deals and sagas, or before, in
//! the order of their numbers on disk; those that came later are in `orders.rs`.
//!
//! One of each, with every field set to something that differs from its default, so that a field
//! that moves or vanishes changes the bytes of the golden file.

use bursar_domain::call::{Lane, Mail, Party, Request, Template};
use bursar_domain::compensation::Refused;
use bursar_domain::id::{Kind, Seq};
use bursar_domain::message::{Answer, Body};
use bursar_domain::saga::investment::Funding;
use bursar_domain::saga::{Sent, StepName};

use super::sagas::{alpha, compensation_of, failure, investment, saga_of, undoing, wallet_id};
use super::{acme, amount, at, eur};

/// How many kinds of entities there were.
const KINDS: usize = 5;

/// Every word of some kinds.
pub(crate) type Words =
    (Vec<Kind>, Vec<Party>, Vec<Lane>, Vec<Refused>, Vec<Sent>, Vec<Funding>, Vec<StepName>);

/// Every word that stands in records by its number.
pub(crate) fn words() -> Words {
    (
        Kind::ALL[..KINDS].to_vec(),
        Party::ALL.to_vec(),
        Lane::ALL.to_vec(),
        vec![Refused::Yes, Refused::No, Refused::Undecided],
        vec![Sent::Perhaps, Sent::No],
        vec![Funding::Bank, Funding::Wallet],
        vec![
            StepName::Reserve,
            StepName::Mark,
            StepName::Pull,
            StepName::Documents,
            StepName::Settle,
            StepName::Confirm,
            StepName::Tell,
            StepName::Expect,
            StepName::Credit,
        ],
    )
}

/// One of every request to a third party.
pub(crate) fn requests() -> Vec<Request> {
    let mail = Mail {
        to: "alice@example.com".into(),
        template: Template::InvestmentConfirmed,
        fields: vec![("deal".into(), "alpha".into()), ("documents".into(), "".into())],
    };
    vec![
        Request::Pull {
            account: "tok_alice".into(),
            amount: amount(40_000),
            currency: eur(),
            reference: "inv_12_alpha".into(),
        },
        Request::Find,
        Request::Refund { transaction: "tr_1".into(), amount: amount(30_000), currency: eur() },
        Request::MakeDocuments {
            kind: "subscription".into(),
            subject: "inv_12_alpha".into(),
            data: vec![("wallet".into(), "alice".into())],
        },
        Request::VoidDocuments { id: "doc_1".into() },
        Request::Mail(Box::new(mail)),
    ]
}

/// One of every message.
pub(crate) fn bodies() -> Vec<Body> {
    let (by, deposit, currency) = (saga_of("inv_12_alpha", 1), Seq(87), eur());
    let wallet = wallet_id("alice");
    vec![
        Body::Payment {
            wallet: wallet.clone(),
            amount: amount(1),
            currency,
            description: Some("order 17".into()),
            effective_at: None,
        },
        Body::RefundOrder {
            wallet,
            payment: Seq(3),
            amount: amount(2),
            currency,
            effective_at: Some(at(-1)),
        },
        Body::RefundMoney {
            provider: acme(),
            payment: Seq(3),
            refund: Seq(9),
            amount: amount(2),
            currency,
        },
        Body::Begin(Box::new(investment(12, 1, "alice", 40_000, Funding::Bank))),
        Body::Mark { by: by.clone(), hold: amount(0), currency },
        Body::Settle { by: by.clone(), deal: alpha() },
        Body::Unmark { by: compensation_of("inv_14_alpha", 1) },
        Body::Credit { by: saga_of("txn_87_bob", 2), deposit, amount: amount(5_000), currency },
        Body::Abandon { by: compensation_of("txn_88_bob", 0), deposit, failure: failure() },
        Body::Confirm { by, investment: Seq(12), amount: amount(40_000), currency },
        Body::Free { by: compensation_of("inv_14_alpha", 2), investment: Seq(14) },
        Body::Compensate(Box::new(undoing())),
        Body::Reply { step: 1, answer: Answer::Done },
        Body::Continue,
    ]
}
