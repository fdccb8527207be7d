//! Outcomes as they are written: those of the old kinds as ever, those of the new ones with `about`.
//!
//! The stream of outcomes is on disk. Versions before deals wrote eleven fields, and what they wrote
//! must read back; what this version writes of the kinds they knew must be the same bytes, field by
//! field, without anything behind. Only kinds that they never wrote have more.

use bincode::{Decode, Encode};
use bursar_domain::currency::Currency;
use bursar_domain::id::{AdvanceId, DealId, ProviderId, Seq, WalletId};
use bursar_domain::message::{About, Outcome, OutcomeKind};
use bursar_domain::money::Amount;
use bursar_domain::saga::Failure;
use bursar_domain::time::Timestamp;
use proptest::prelude::*;

/// The kinds as they were.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
enum OldKind {
    Deposit,
    Payment,
    Refund,
}

/// An outcome as it was.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct Old {
    kind: OldKind,
    at: Timestamp,
    wallet: WalletId,
    seq: Seq,
    provider: Option<ProviderId>,
    payment: Option<Seq>,
    amount: Amount,
    currency: Currency,
    balance_after: Amount,
    description: Option<Box<str>>,
    effective_at: Option<Timestamp>,
}

impl Old {
    fn as_new(&self) -> Outcome {
        let old = self.clone();
        Outcome {
            kind: match old.kind {
                OldKind::Deposit => OutcomeKind::DepositPosted,
                OldKind::Payment => OutcomeKind::PaymentPosted,
                OldKind::Refund => OutcomeKind::RefundPosted,
            },
            at: old.at,
            wallet: Some(old.wallet),
            seq: old.seq,
            provider: old.provider,
            payment: old.payment,
            amount: old.amount,
            currency: old.currency,
            balance_after: old.balance_after,
            description: old.description,
            effective_at: old.effective_at,
            about: None,
        }
    }
}

fn bytes(value: &impl Encode) -> Vec<u8> {
    bincode::encode_to_vec(value, bincode::config::standard()).expect("encodes")
}

/// What is read, and that nothing was left.
fn read<T: Decode<()>>(bytes: &[u8]) -> T {
    let (value, read) =
        bincode::decode_from_slice(bytes, bincode::config::standard()).expect("decodes");
    assert_eq!(read, bytes.len(), "all of it is read");
    value
}

fn instant() -> impl Strategy<Value = Timestamp> {
    (-9_000_000_000_000..9_000_000_000_000_i64)
        .prop_map(|millis| Timestamp::from_millis(millis).expect("a date"))
}

fn old() -> impl Strategy<Value = Old> {
    let kinds = [OldKind::Deposit, OldKind::Payment, OldKind::Refund];
    let currency = prop::sample::select(vec!["EUR", "JPY", "BHD"]);
    let named = (prop::sample::select(kinds.to_vec()), instant(), any::<u64>(), currency);
    let amounts = (any::<i64>(), any::<i64>());
    let options = (
        prop::option::of(any::<u64>()),
        prop::option::of("[a-z ü]{0,40}"),
        prop::option::of(instant()),
        any::<bool>(),
    );
    (named, amounts, options).prop_map(|(named, amounts, options)| {
        let (kind, at, seq, code) = named;
        let (payment, description, effective_at, has_provider) = options;
        Old {
            kind,
            at,
            wallet: WalletId::parse("ann").expect("well-formed"),
            seq: Seq(seq),
            provider: has_provider.then(|| ProviderId::parse("clinic").expect("well-formed")),
            payment: payment.map(Seq),
            amount: Amount::from_minor(amounts.0),
            currency: Currency::from_code(code).expect("known"),
            balance_after: Amount::from_minor(amounts.1),
            description: description.map(Into::into),
            effective_at,
        }
    })
}

proptest! {
    #[test]
    fn an_outcome_of_an_old_kind_is_written_as_ever(old in old()) {
        let new = old.as_new();
        prop_assert_eq!(bytes(&new), bytes(&old));
        prop_assert_eq!(read::<Outcome>(&bytes(&old)), new);
        prop_assert_eq!(read::<Old>(&bytes(&old.as_new())), old);
    }

    #[test]
    fn an_outcome_of_a_new_kind_is_an_old_one_with_what_it_is_about_behind(
        old in old(),
        at in 3..OutcomeKind::ALL.len(),
        ticket in prop::option::of(any::<u64>()),
    ) {
        let failure = Failure::new("declined", "no money");
        let about = match ticket {
            None => About::Failure(failure),
            Some(ticket) => About::Investment {
                deal: DealId::parse("wind").expect("well-formed"),
                ticket,
                failure: (ticket % 2 == 0).then_some(failure),
            },
        };
        let kind = OutcomeKind::ALL[at];
        let wallet = kind.has_wallet().then(|| old.wallet.clone());
        let outcome = Outcome { kind, wallet, about: Some(about.clone()), ..old.as_new() };
        let mut expected = bytes(&kind);
        expected.extend(bytes(&old.at));
        if kind.has_wallet() {
            expected.extend(bytes(&old.wallet));
        }
        let of_all = bytes(&old.kind).len() + bytes(&old.at).len() + bytes(&old.wallet).len();
        expected.extend(&bytes(&old)[of_all..]);
        expected.extend(bytes(&Some(about)));
        prop_assert_eq!(bytes(&outcome), expected);
        prop_assert_eq!(read::<Outcome>(&bytes(&outcome)), outcome);
    }
}

#[test]
fn only_the_old_kinds_and_rewards_move_a_balance() {
    let rewards = [OutcomeKind::RewardGranted, OutcomeKind::RewardTakenBack];
    for (at, kind) in OutcomeKind::ALL.into_iter().enumerate() {
        let outcome = Outcome { kind, ..sample().as_new() };
        let moves = at < 3 || rewards.contains(&kind);
        assert_eq!(outcome.moves_balance(), moves, "{}", kind.as_str());
    }
}

#[test]
fn what_is_about_no_wallet_is_written_without_one() {
    let without: Vec<_> = OutcomeKind::ALL.into_iter().filter(|kind| !kind.has_wallet()).collect();
    assert_eq!(without.first(), Some(&OutcomeKind::ReimbursementPaid));
    assert_eq!(without.len(), 9);
    for kind in without {
        let about = match kind.as_str().split('.').next() {
            Some("reimbursement") => About::Reimbursement { failure: None },
            _ => About::Advance {
                advance: AdvanceId::parse("adv_1").expect("well-formed"),
                debit: Some(3),
                failure: Some(Failure::new("declined", "no money")),
            },
        };
        let outcome = Outcome { kind, wallet: None, about: Some(about), ..sample().as_new() };
        assert_eq!(read::<Outcome>(&bytes(&outcome)), outcome);
    }
}

fn sample() -> Old {
    Old {
        kind: OldKind::Deposit,
        at: Timestamp::default(),
        wallet: WalletId::parse("ann").expect("well-formed"),
        seq: Seq(1),
        provider: None,
        payment: None,
        amount: Amount::from_minor(1),
        currency: Currency::from_code("EUR").expect("known"),
        balance_after: Amount::ZERO,
        description: None,
        effective_at: None,
    }
}
