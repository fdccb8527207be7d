//! Wallets: open, look, entries, freeze. Deposits have a file of their own.
//!
//! A look is answered from what is durable, without asking the wallet's actor when it is in memory
//! (`State::see`); everything else goes through its mailbox. What cannot be an id in a path is not
//! found rather than refused, because no such wallet can exist.

use actix_web::HttpRequest;
use actix_web::web::{Path, Payload};
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, WalletId};
use bursar_domain::wallet::Command;

use crate::http::operation::Operation;
use crate::http::problem::Problem;
use crate::http::requests::OpenWallet;
use crate::http::resources::{Form, Wallet, wallet_of};
use crate::http::{Answered, Shared, body, entries, json, key_of};

/// The wallet of a path; what cannot be an id is not found.
pub(crate) fn wallet_in_path(text: &str) -> Result<WalletId, Problem> {
    WalletId::parse(text).ok_or_else(not_found)
}

/// There is no such wallet.
pub(crate) fn not_found() -> Problem {
    Problem::new(Code::WalletNotFound, "open the wallet first")
}

/// Opens a wallet.
#[utoipa::path(post, path = "/v1/wallets", tag = "wallets",
    params(("Idempotency-Key" = Option<String>, Header, description = "The client's own key")),
    request_body = OpenWallet, responses(
    (status = 201, body = Wallet), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(crate) async fn open(state: Shared, request: HttpRequest, mut payload: Payload) -> Answered {
    let bytes = state.json(&request, &mut payload).await?;
    let operation =
        Operation::open_wallet(body::parse::<OpenWallet<'_>>(&bytes)?, key_of(&request))?;
    state.write(&request, operation).await
}

/// A wallet with its balance.
#[utoipa::path(get, path = "/v1/wallets/{id}", tag = "wallets",
    params(("id" = String, Path, description = "The wallet")), responses(
    (status = 200, body = Wallet), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(crate) async fn get(state: Shared, id: Path<String>) -> Answered {
    let id = wallet_in_path(&id)?;
    let seen = state.see(&EntityId::wallet(&id)).await?.ok_or_else(not_found)?;
    let wallet = wallet_of(&seen).ok_or_else(not_found)?;
    Ok(json(&Wallet::seen(id.as_str(), wallet, seen.version, Form::Whole)))
}

/// What moved a wallet's balance, newest first.
#[utoipa::path(get, path = "/v1/wallets/{id}/entries", tag = "wallets",
    params(("id" = String, Path, description = "The wallet"), entries::Filters), responses(
    (status = 200, body = entries::Page), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn entries(state: Shared, request: HttpRequest, id: Path<String>) -> Answered {
    let id = wallet_in_path(&id)?;
    entries::answer(&state, &request, &EntityId::wallet(&id), not_found).await
}

/// The short answer to freeze and unfreeze.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub(crate) struct WalletStatus {
    /// The wallet.
    id: String,
    /// `active` or `frozen`.
    status: String,
}

/// Stops a wallet from paying. It still receives.
#[utoipa::path(post, path = "/v1/wallets/{id}/freeze", tag = "wallets",
    params(("id" = String, Path, description = "The wallet"),
        ("Idempotency-Key" = Option<String>, Header, description = "The client's own key")),
    responses(
    (status = 200, body = WalletStatus), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn freeze(state: Shared, request: HttpRequest, id: Path<String>) -> Answered {
    let id = wallet_in_path(&id)?;
    let operation = Operation::set_frozen(&id, Command::Freeze, key_of(&request))?;
    state.write(&request, operation).await
}

/// Lets a wallet pay again.
#[utoipa::path(post, path = "/v1/wallets/{id}/unfreeze", tag = "wallets",
    params(("id" = String, Path, description = "The wallet"),
        ("Idempotency-Key" = Option<String>, Header, description = "The client's own key")),
    responses(
    (status = 200, body = WalletStatus), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn unfreeze(state: Shared, request: HttpRequest, id: Path<String>) -> Answered {
    let id = wallet_in_path(&id)?;
    let operation = Operation::set_frozen(&id, Command::Unfreeze, key_of(&request))?;
    state.write(&request, operation).await
}
