//! The feed: a wallet's transactions in the shape of the Finance Service.
//!
//! Amounts are signed integers in minor units, timestamps Unix seconds, the newest last. A name is
//! the counterparty's: a provider's, a deal's, or simply that it is a deposit.

use std::collections::HashMap;

use actix_web::HttpRequest;
use actix_web::web::Path;
use bursar_domain::id::{DealId, EntityId, Made, ProviderId};
use bursar_domain::wallet::Hold;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::entries::{self, Scope};
use crate::http::payments;
use crate::http::payments::settled::held;
use crate::http::problem::Problem;
use crate::http::resources::{deal_of, provider_of, wallet_of};
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
    /// Only on a payment that is set aside until its provider has the money: not in the balance.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pending: bool,
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
    let seen = wallet_of(&found.seen).ok_or_else(not_found)?;
    let (balance, pending) = (seen.posted.minor(), seen.pending_payments.clone());
    let mut names = HashMap::new();
    let mut transactions = Vec::with_capacity(found.entries.len());
    for entry in found.entries.into_iter().rev() {
        let side = (entry.kind, entry.counterparty);
        let name = name_of(&state, &mut names, side).await?;
        transactions.push(Transaction {
            id: entry.reference,
            name,
            amount: entry.raw.minor,
            timestamp: entry.raw.counts_at.seconds(),
            pending: false,
        });
    }
    for hold in pending.iter().flat_map(|holds| holds.iter()) {
        transactions.extend(pending_payment(&state, &mut names, hold).await?);
    }
    // The newest are kept, posted or pending.
    transactions.drain(..transactions.len().saturating_sub(limit));
    Ok(json(&Feed { user_id: id.to_string(), balance, transactions }))
}

/// A payment that is set aside, by its hold; `None` when it has just ended.
async fn pending_payment(
    state: &State,
    names: &mut HashMap<Side, String>,
    hold: &Hold,
) -> Result<Option<Transaction>, Problem> {
    let Some(made) = Made::parse(&hold.id, "pay") else { return Ok(None) };
    let (record, _) = payments::recorded(state, &made).await?;
    let Some((event, at)) = record.as_ref().and_then(|record| Some((held(record)?, record.at)))
    else {
        return Ok(None);
    };
    let name = name_of(state, names, ("payment", event.provider.to_string())).await?;
    Ok(Some(Transaction {
        id: hold.id.to_string(),
        name,
        amount: -hold.amount.minor(),
        timestamp: event.effective_at.unwrap_or(at).seconds(),
        pending: true,
    }))
}

/// Who is on the other side of an entry: its kind and the counterparty's id.
type Side = (&'static str, String);

async fn name_of(
    state: &State,
    names: &mut HashMap<Side, String>,
    side: Side,
) -> Result<String, Problem> {
    if let Some(name) = names.get(&side) {
        return Ok(name.clone());
    }
    let (kind, id) = &side;
    let name = match *kind {
        "deposit" => Some("Deposit".to_owned()),
        "investment" => deal_name(state, id).await?,
        _ => provider_name(state, id).await?,
    };
    let name = name.unwrap_or_else(|| id.clone());
    names.insert(side, name.clone());
    Ok(name)
}

async fn provider_name(state: &State, id: &str) -> Result<Option<String>, Problem> {
    let Some(id) = ProviderId::parse(id) else { return Ok(None) };
    let seen = state.see(&EntityId::provider(&id)).await?;
    Ok(seen.as_ref().and_then(provider_of).map(|provider| provider.profile.name.to_string()))
}

async fn deal_name(state: &State, id: &str) -> Result<Option<String>, Problem> {
    let Some(id) = DealId::parse(id) else { return Ok(None) };
    let seen = state.see(&EntityId::deal(&id)).await?;
    Ok(seen.as_ref().and_then(deal_of).map(|deal| deal.profile.name.to_string()))
}
