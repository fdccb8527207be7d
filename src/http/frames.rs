//! An outcome on the wire: the JSON of one frame, the same over WebSocket and as an event.
//!
//! The cursor of a frame is the outcome's position, so a reader goes on exactly after it. What only
//! some outcomes have is left out of the others: an investment moves no balance by itself, so it
//! tells none.

use bursar_actors::outcomes::Placed;
use bursar_domain::id::{
    AdvanceId, CampaignId, DealId, InvestmentId, Made, Position, ProviderId, ReimbursementId,
    RewardId, WalletId,
};
use bursar_domain::message::{About, Outcome, OutcomeKind};
use serde::Serialize;

use crate::http::resources::Failure;

/// The types that can be asked for.
pub(crate) fn types() -> impl Iterator<Item = &'static str> {
    OutcomeKind::ALL.into_iter().map(OutcomeKind::as_str)
}

/// Writes a position as a cursor.
pub(crate) fn cursor(position: Position) -> String {
    format!("{}-{}", position.commit, position.index)
}

/// Reads a cursor; `None` when it is not one.
pub(crate) fn position(cursor: &str) -> Option<Position> {
    let (commit, index) = cursor.split_once('-')?;
    Some(Position { commit: commit.parse().ok()?, index: index.parse().ok()? })
}

/// The deal of an outcome, when it is about an investment.
pub(crate) fn deal_of(outcome: &Outcome) -> Option<&DealId> {
    match &outcome.about {
        Some(About::Investment { deal, .. }) => Some(deal),
        Some(
            About::Failure(_)
            | About::Reimbursement { .. }
            | About::Advance { .. }
            | About::Reward { .. },
        )
        | None => None,
    }
}

/// The advance of an outcome, when it is about one.
pub(crate) fn advance_of(outcome: &Outcome) -> Option<&AdvanceId> {
    match &outcome.about {
        Some(About::Advance { advance, .. }) => Some(advance),
        Some(
            About::Investment { .. }
            | About::Failure(_)
            | About::Reimbursement { .. }
            | About::Reward { .. },
        )
        | None => None,
    }
}

/// What an outcome says of a reward.
struct RewardTold<'a> {
    id: RewardId,
    campaign: &'a CampaignId,
    purchase: Option<&'a str>,
}

fn reward_of(outcome: &Outcome) -> Option<RewardTold<'_>> {
    let Some(About::Reward { campaign, line, purchase, .. }) = &outcome.about else {
        return None;
    };
    let wallet = outcome.wallet.clone().expect("a reward is a wallet's");
    Some(RewardTold {
        id: RewardId { wallet, seq: outcome.seq, line: *line },
        campaign,
        purchase: purchase.as_deref(),
    })
}

/// One outcome on the wire.
#[derive(Serialize)]
struct Frame<'a> {
    cursor: String,
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    at: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    wallet: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<&'a str>,
    /// The purchase, as the bank named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advance: Option<&'a str>,
    /// The number of the debit in its plan, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    debit: Option<u32>,
    amount: String,
    currency: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    balance_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    seq: u64,
}

/// How the thing that an outcome tells of stands, and with what its id begins.
#[allow(clippy::match_same_arms, reason = "a table: a line for each kind")]
pub(crate) const fn words(kind: OutcomeKind) -> (&'static str, &'static str) {
    match kind {
        OutcomeKind::PaymentPosted => ("posted", "pay"),
        OutcomeKind::DepositPosted => ("booked", "txn"),
        OutcomeKind::RefundPosted => ("posted", "txn"),
        OutcomeKind::DepositFailed => ("failed", "txn"),
        OutcomeKind::InvestmentReserved => ("reserved", "inv"),
        OutcomeKind::InvestmentConfirmed => ("confirmed", "inv"),
        OutcomeKind::InvestmentFailed => ("failed", "inv"),
        OutcomeKind::InvestmentCancelled => ("cancelled", "inv"),
        OutcomeKind::InvestmentRefused => ("refused", "inv"),
        OutcomeKind::PaymentFailed => ("failed", "pay"),
        OutcomeKind::ReimbursementPaid => ("paid", "rmb"),
        OutcomeKind::ReimbursementReturned => ("returned", "rmb"),
        OutcomeKind::AdvanceActive => ("active", "adv"),
        OutcomeKind::AdvanceFailed => ("failed", "adv"),
        OutcomeKind::DebitSucceeded => ("succeeded", "adv"),
        OutcomeKind::DebitFailed => ("failed", "adv"),
        OutcomeKind::DebitRefunded => ("refunded", "adv"),
        OutcomeKind::AdvanceCompleted => ("completed", "adv"),
        OutcomeKind::AdvanceDefaulted => ("defaulted", "adv"),
        OutcomeKind::RewardGranted => ("granted", "rwd"),
        OutcomeKind::RewardRefused => ("refused", "rwd"),
        OutcomeKind::RewardTakenBack => ("clawed-back", "rwd"),
    }
}

/// The id of what an outcome tells of: a payment, deposit, refund, investment, reimbursement,
/// advance or reward.
pub(crate) fn subject_id(outcome: &Outcome, prefix: &str) -> String {
    if let Some(deal) = deal_of(outcome) {
        return InvestmentId { deal: deal.clone(), seq: outcome.seq }.to_string();
    }
    if let Some(advance) = advance_of(outcome) {
        return advance.to_string();
    }
    if let Some(reward) = reward_of(outcome) {
        return reward.id.to_string();
    }
    match (&outcome.wallet, &outcome.provider) {
        (Some(wallet), _) => Made { wallet: wallet.clone(), seq: outcome.seq }.text(prefix),
        (None, Some(provider)) => {
            ReimbursementId { provider: provider.clone(), seq: outcome.seq }.to_string()
        }
        (None, None) => unreachable!("{outcome:?} is about nobody"),
    }
}

/// An outcome as JSON.
pub(crate) fn frame((position, outcome): &Placed) -> String {
    let (status, prefix) = words(outcome.kind);
    let (ticket, debit, failure) = match &outcome.about {
        Some(About::Investment { ticket, failure, .. }) => (Some(*ticket), None, failure.as_ref()),
        Some(About::Failure(failure)) => (None, None, Some(failure)),
        Some(About::Reimbursement { failure } | About::Reward { failure, .. }) => {
            (None, None, failure.as_ref())
        }
        Some(About::Advance { debit, failure, .. }) => (None, *debit, failure.as_ref()),
        None => (None, None, None),
    };
    let reward = reward_of(outcome);
    let payment = |seq| Some(Made { wallet: outcome.wallet.clone()?, seq }.text("pay"));
    let balance = || outcome.balance_after.to_major(outcome.currency);
    let frame = Frame {
        cursor: cursor(*position),
        id: format!("out_{}_{}", position.commit, position.index),
        kind: outcome.kind.as_str(),
        at: outcome.at.to_string(),
        data: Data {
            id: subject_id(outcome, prefix),
            status,
            wallet: outcome.wallet.as_ref().map(WalletId::as_str),
            provider: outcome.provider.as_ref().map(ProviderId::as_str),
            payment: outcome.payment.and_then(payment),
            deal: deal_of(outcome).map(DealId::as_str),
            ticket,
            campaign: reward.as_ref().map(|reward| reward.campaign.as_str()),
            transaction_id: reward.as_ref().and_then(|reward| reward.purchase),
            advance: advance_of(outcome).map(AdvanceId::as_str),
            debit,
            amount: outcome.amount.to_major(outcome.currency),
            currency: outcome.currency.code(),
            balance_after: outcome.moves_balance().then(balance),
            description: outcome.description.as_deref(),
            effective_at: outcome.effective_at.map(|at| at.to_string()),
            failure: failure.map(Failure::from),
            seq: outcome.seq.0,
        },
    };
    serde_json::to_string(&frame).expect("a frame has a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bursar_domain::currency::Currency;
    use bursar_domain::id::Seq;
    use bursar_domain::money::Amount;
    use bursar_domain::saga::subject;
    use bursar_domain::time::Timestamp;

    fn told(kind: OutcomeKind, about: Option<About>) -> serde_json::Value {
        let outcome = Outcome {
            kind,
            at: Timestamp::default(),
            wallet: WalletId::parse("alice"),
            seq: Seq(7),
            provider: None,
            payment: None,
            amount: Amount::from_minor(1250),
            currency: Currency::from_code("EUR").expect("known"),
            balance_after: Amount::ZERO,
            description: None,
            effective_at: None,
            about,
        };
        let placed = (Position { commit: 3, index: 1 }, std::sync::Arc::new(outcome));
        serde_json::from_str(&frame(&placed)).expect("a frame is JSON")
    }

    #[test]
    fn an_investment_is_told_with_its_deal_and_no_balance() {
        let deal = DealId::parse("harbour").expect("well-formed");
        let failure = Some(subject::Failure::new("declined", "no"));
        let about = About::Investment { deal, ticket: 5, failure };
        let frame = told(OutcomeKind::InvestmentFailed, Some(about));
        assert_eq!(frame["type"], "investment.failed");
        assert_eq!(
            frame["data"],
            serde_json::json!({
                "id": "inv_7_harbour", "deal": "harbour", "wallet": "alice", "ticket": 5,
                "status": "failed", "amount": "12.50", "currency": "EUR", "seq": 7,
                "failure": {"code": "declined", "detail": "no"},
            })
        );
    }

    #[test]
    fn money_that_did_not_come_is_told_with_its_failure() {
        let about = About::Failure(subject::Failure::new("declined", "no"));
        let data = &told(OutcomeKind::DepositFailed, Some(about))["data"];
        assert_eq!(
            (&data["id"], &data["failure"]["code"]),
            (&"txn_7_alice".into(), &"declined".into())
        );
        assert!(data.get("balance_after").is_none());
        assert_eq!(told(OutcomeKind::DepositPosted, None)["data"]["balance_after"], "0.00");
    }

    #[test]
    fn a_cursor_reads_back_and_others_do_not() {
        let there = Position { commit: 12, index: 3 };
        assert_eq!(position(&cursor(there)), Some(there));
        for bad in ["", "12", "12-", "-3", "a-b", "12-3-4", "99999999999999999999-0"] {
            assert_eq!(position(bad), None, "{bad}");
        }
    }
}
