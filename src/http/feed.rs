//! The feed: a wallet's transactions in the shape of the Finance Service.
//!
//! Amounts are signed integers in minor units, timestamps Unix seconds, the newest last.

use std::collections::HashMap;

use actix_web::HttpRequest;
use actix_web::web::Path;
use bursar_domain::id::{EntityId, ProviderId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::entries::{self, Scope};
use crate::http::problem::Problem;
use crate::http::resources::{provider_of, wallet_of};
use crate::http::wallets::{not_found, wallet_in_path};
use crate::http::{Answered, Shared, State, json, query};

/// How many transactions are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// 1 to 500; 50 when it is not said.
    limit: Option<usize>,
}

/// One transaction.
#[derive(Serialize, ToSchema)]
pub(crate) struct Transaction {
    id: String,
    /// The counterparty's name.
    name: String,
    /// Signed, in minor units.
    #[schema(example = -1230)]
    amount: i64,
    /// Unix seconds.
    timestamp: i64,
}

/// A wallet's transactions.
#[derive(Serialize, ToSchema)]
pub(crate) struct Feed {
    user_id: String,
    /// The posted balance in minor units.
    balance: i64,
    /// Newest last.
    transactions: Vec<Transaction>,
}

/// A wallet's newest transactions, newest last.
#[utoipa::path(get, path = "/v1/wallets/{id}/feed", tag = "wallets",
    params(("id" = String, Path, description = "The wallet"), Wanted), responses(
    (status = 200, body = Feed), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn feed(state: Shared, request: HttpRequest, id: Path<String>) -> Answered {
    let id = wallet_in_path(&id)?;
    let limit = entries::limit(query::<Wanted>(&request)?.limit)?;
    let wallet = EntityId::wallet(&id);
    let found = entries::find(&state, &wallet, Scope::all(), limit).await?.ok_or_else(not_found)?;
    let balance = wallet_of(&found.seen).ok_or_else(not_found)?.posted.minor();
    let mut names = HashMap::new();
    let mut transactions = Vec::with_capacity(found.entries.len());
    for entry in found.entries.into_iter().rev() {
        let name = name_of(&state, &mut names, &entry.counterparty).await?;
        transactions.push(Transaction {
            id: entry.reference,
            name,
            amount: entry.raw.minor,
            timestamp: entry.raw.counts_at.seconds(),
        });
    }
    Ok(json(&Feed { user_id: id.to_string(), balance, transactions }))
}

async fn name_of(
    state: &State,
    names: &mut HashMap<String, String>,
    counterparty: &str,
) -> Result<String, Problem> {
    if let Some(name) = names.get(counterparty) {
        return Ok(name.clone());
    }
    let name = match ProviderId::parse(counterparty) {
        Some(provider) if counterparty != "external" => {
            let seen = state.see(&EntityId::provider(&provider)).await?;
            let name = seen.as_ref().and_then(provider_of).map(|p| p.profile.name.to_string());
            name.unwrap_or_else(|| counterparty.to_owned())
        }
        Some(_) | None => "Deposit".to_owned(),
    };
    names.insert(counterparty.to_owned(), name.clone());
    Ok(name)
}
