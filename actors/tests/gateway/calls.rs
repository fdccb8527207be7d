//! Calls for tests, one of each kind. A call is told from others by its key.
//!
//! Entities are wallets named like the key, so a reply can be traced to its call.
//! Their `not_after` is far away; the bench passes expiry itself. Step and attempt are always the
//! same odd numbers, so that a reply that mixes them up shows.

use bursar_domain::call::{Call, Lane, Mail, Request, Template};
use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, WalletId};
use bursar_domain::money::Amount;
use bursar_domain::time::Timestamp;

/// Who makes the call of a key.
pub(crate) fn caller(key: &str) -> EntityId {
    EntityId::wallet(&WalletId::parse(key).unwrap())
}

/// A call.
pub(crate) fn call(key: &str, lane: Lane, request: Request) -> Call {
    let not_after = Timestamp::parse("9000-01-01").unwrap();
    Call { step: 3, attempt: 7, key: key.into(), lane, not_after, request }
}

/// To take twelve euros and thirty cents.
pub(crate) fn pull() -> Request {
    Request::Pull {
        account: "acc/1".into(),
        amount: Amount::from_minor(1_230),
        currency: Currency::from_code("EUR").unwrap(),
        reference: "Müller \"GmbH\"".into(),
    }
}

/// To give five yen back.
pub(crate) fn refund(transaction: &str) -> Request {
    Request::Refund {
        transaction: transaction.into(),
        amount: Amount::from_minor(5),
        currency: Currency::from_code("JPY").unwrap(),
    }
}

/// To make documents.
pub(crate) fn documents() -> Request {
    Request::MakeDocuments {
        kind: "subscription".into(),
        subject: "inv_1".into(),
        data: vec![("investor".into(), "Ann".into()), ("amount".into(), "12.30 EUR".into())],
    }
}

/// To make documents void.
pub(crate) fn void(id: &str) -> Request {
    Request::VoidDocuments { id: id.into() }
}

/// To write to someone that an investment is confirmed.
pub(crate) fn mail(to: &str) -> Mail {
    Mail {
        to: to.into(),
        template: Template::InvestmentConfirmed,
        fields: vec![
            ("investment".into(), "inv_1".into()),
            ("deal".into(), "Harbour".into()),
            ("amount".into(), "12.30 EUR".into()),
            ("documents".into(), "https://docs.example/d1".into()),
        ],
    }
}

/// To write to someone that a reward is in the wallet.
pub(crate) fn reward_mail(to: &str) -> Mail {
    Mail {
        to: to.into(),
        template: Template::RewardGranted,
        fields: vec![
            ("reward".into(), "rwd_7-2_ann".into()),
            ("campaign".into(), "spring".into()),
            ("purchase".into(), "bank-tx 17/9".into()),
            ("amount".into(), "0.50 EUR".into()),
        ],
    }
}

/// That an investment is confirmed, as a request.
pub(crate) fn mailing(to: &str) -> Request {
    Request::Mail(Box::new(mail(to)))
}
