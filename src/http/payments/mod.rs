//! Payments: pay, look, refund.
//!
//! A payment's id says where it was decided (wallet and position), so it is found without an index:
//! in memory while it is young, else in the wallet's history on disk. A refund is answered when the
//! money has come back from the provider. What is paid to a provider that is settled at once ends
//! later (`settled`).

pub(crate) mod settled;

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::{Path, Payload};
use bursar_actors::job::{Answer, Ask};
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Made, WalletId};
use bursar_domain::key::Known;
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::wallet::Event;
use bursar_snapshots::store::IndexKind;

use crate::http::operation::{Operation, payment_id};
use crate::http::prefer::{Later, Wait};
use crate::http::problem::Problem;
use crate::http::requests::{MakePayment, MakeRefund};
use crate::http::resources::{Form, Payment};
use crate::http::{Answered, Shared, State, body, json, key_of};
use settled::Settling;

/// Pays a provider.
#[utoipa::path(post, path = "/v1/payments", tag = "payments",
    params(("Idempotency-Key" = String, Header, description = "The client's own key"),
        ("Prefer" = Option<String>, Header,
            description = "`wait=N`: answer with the end if it comes within N seconds, up to 30")),
    request_body = MakePayment, responses(
    (status = 200, body = Payment, description = "Settled at once, and it ended in time"),
    (status = 201, body = Payment),
    (status = 202, body = Payment, description = "Settled at once: it is on its way"),
    (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(crate) async fn pay(state: Shared, request: HttpRequest, mut payload: Payload) -> Answered {
    let bytes = state.json(&request, &mut payload).await?;
    let operation = Operation::payment(body::parse::<MakePayment<'_>>(&bytes)?, key_of(&request))?;
    let (to, answer) = state.asked(&request, operation).await?;
    let Answer::Decided { seq, record, replayed } = &answer else {
        return State::rendered(&to, answer);
    };
    if settled::held(record).is_none() {
        return State::rendered(&to, answer);
    }
    let made = Made { wallet: WalletId::from_shared(Arc::clone(&to.id)), seq: *seq };
    let location = format!("/v1/payments/{}", made.text("pay"));
    let begun = Settling::begun(made, Arc::clone(record));
    let wait = Wait::of(&request);
    let payment = match wait {
        Some(wait) => Settling::until(&state, begun, wait).await,
        None if *replayed => begun.now(&state).await?,
        None => begun,
    };
    let ended_within = wait.filter(|_| payment.end.is_some());
    let later = Later { location, replayed: *replayed, ended_within };
    Ok(later.answer(&payment.view(&state, None)))
}

/// A payment, with what was refunded of it.
#[utoipa::path(get, path = "/v1/payments/{id}", tag = "payments",
    params(("id" = String, Path, description = "The payment")), responses(
    (status = 200, body = Payment), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn get(state: Shared, id: Path<String>) -> Answered {
    let made = payment_id(&id)?;
    let to = EntityId::wallet(&made.wallet);
    let (record, refunded) = recorded(&state, &made).await?;
    let refunded = match refunded {
        Known::Never => 0,
        Known::Value(total) => total,
        Known::AskDisk => stored_refunds(&state, &to, &made).await?,
    };
    let refunded = i64::try_from(refunded).map_err(|_| Problem::stopping())?;
    let (record, refunded) = (record.ok_or_else(not_found)?, Amount::from_minor(refunded));
    if settled::held(&record).is_some() {
        let payment = Settling::begun(made, record).now(&state).await?;
        return Ok(json(&payment.view(&state, Some(refunded))));
    }
    let Verdict::Wallet(events) = &record.verdict else { return Err(not_found()) };
    let Some(Event::Paid(paid)) = events.first() else { return Err(not_found()) };
    Ok(json(&Payment::new(&made, record.at, paid, Some(refunded), Form::Whole)))
}

/// The record of a payment, and what memory knows of its refunds.
pub(crate) async fn recorded(
    state: &State,
    made: &Made,
) -> Result<(Option<Arc<Record>>, Known), Problem> {
    let to = EntityId::wallet(&made.wallet);
    let answer = state.ask(to.clone(), Ask::Payment(made.seq)).await?;
    let Answer::Payment { record, refunded } = answer else { return Err(Problem::overloaded()) };
    let record = match record {
        Some(record) => Some(record),
        None => state.stored(&to, made.seq).await?,
    };
    Ok((record, refunded))
}

fn not_found() -> Problem {
    Problem::new(Code::PaymentNotFound, "there is no such payment")
}

async fn stored_refunds(state: &State, wallet: &EntityId, made: &Made) -> Result<u64, Problem> {
    let (wallet, slot) = (wallet.clone(), u128::from(made.seq.0));
    let read = state.engine.read(move |archive| archive.index(&wallet, IndexKind::Refunded, slot));
    Ok(read.await.map_err(|_| Problem::stopping())?.unwrap_or_default())
}

/// Gives money of a payment back, at most what was paid.
#[utoipa::path(post, path = "/v1/payments/{id}/refunds", tag = "payments",
    params(("id" = String, Path, description = "The payment"),
        ("Idempotency-Key" = String, Header, description = "The client's own key")),
    request_body = MakeRefund, responses(
    (status = 201, body = crate::http::resources::Refund), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn refund(
    state: Shared,
    request: HttpRequest,
    id: Path<String>,
    mut payload: Payload,
) -> Answered {
    let bytes = state.json(&request, &mut payload).await?;
    let body = match &*bytes {
        b"" => MakeRefund::default(),
        bytes => body::parse::<MakeRefund<'_>>(bytes)?,
    };
    let operation = Operation::refund(&id, body, key_of(&request))?;
    state.write(&request, operation).await
}
