//! The processor: moves money, once per key.
//!
//! A call's checks stand in this order: the limit, the key's form, the body's shape, what it is
//! about, whether the key was used for something else; then what befalls it is decided, and it is
//! booked at one instant. Between the decision and the booking another call with the same key may
//! have been booked: then that is the answer of both.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use bursar_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::calls::Route;
use crate::change::Change;
use crate::conduct::{carry_out, counted};
use crate::desk::{Shared, State};
use crate::faults::Target;
use crate::intake::{self, Body};
use crate::ledger::{Entry, Order, Standing, What};
use crate::problem::{Answered, Code, Problem};

/// The longest name of an account, in characters.
const ACCOUNT_MAX: usize = 255;
/// The longest reference, in characters.
const REFERENCE_MAX: usize = 500;

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Pull,
    Push,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTransaction {
    direction: Direction,
    account: String,
    amount: Value,
    currency: String,
    reference: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRefund {
    amount: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByKey {
    key: String,
}

impl NewTransaction {
    fn route(&self) -> Route {
        match self.direction {
            Direction::Pull => Route::Pull,
            Direction::Push => Route::Push,
        }
    }

    fn order(self) -> Result<Order, Problem> {
        let currency = intake::currency(&self.currency)?;
        let amount = intake::amount(&self.amount, currency)?;
        intake::text("account", &self.account, 1..=ACCOUNT_MAX)?;
        intake::text("reference", &self.reference, 0..=REFERENCE_MAX)?;
        let reference = self.reference.into();
        let what = match self.direction {
            Direction::Pull => What::Pull { reference },
            Direction::Push => What::Push { reference },
        };
        Ok(Order { what, account: self.account.into(), amount, currency })
    }
}

/// What the processor says of an order.
#[derive(Serialize)]
pub(crate) struct Said<'a> {
    id: &'a str,
    key: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    amount: String,
    currency: &'static str,
    account: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<&'a str>,
    at: String,
}

impl<'a> Said<'a> {
    fn new(state: &'a State, entry: &'a Entry, standing: &'a Standing<'a>) -> Self {
        let order = &entry.order;
        let (direction, reference, transaction) = match &order.what {
            What::Pull { reference } => (Some("pull"), Some(&**reference), None),
            What::Push { reference } => (Some("push"), Some(&**reference), None),
            What::Refund { of } => (None, None, Some(&*state.ledger.entry(*of).id)),
        };
        Self {
            id: &entry.id,
            key: &entry.key,
            status: standing.word(),
            code: standing.code(),
            amount: order.amount.to_major(order.currency),
            currency: order.currency.code(),
            account: &order.account,
            direction,
            reference,
            transaction,
            at: entry.at.to_string(),
        }
    }
}

/// `POST /processor/transactions`.
pub(crate) async fn transact(desk: Shared, request: HttpRequest, body: Body) -> HttpResponse {
    let form = intake::object::<NewTransaction>(body);
    let route = form.as_ref().map_or(Route::Unreadable, NewTransaction::route);
    counted(&desk, route, async {
        let key = intake::key(&request)?;
        let order = form?.order()?;
        move_money(desk.clone(), &request, route, key, order).await
    })
    .await
}

/// `POST /processor/transactions/{id}/refund`.
pub(crate) async fn refund(desk: Shared, request: HttpRequest, body: Body) -> HttpResponse {
    counted(&desk, Route::Refund, async {
        let key = intake::key(&request)?;
        let form: NewRefund = intake::object(body)?;
        let order = refund_order(&desk, &intake::id(&request), &form)?;
        move_money(desk.clone(), &request, Route::Refund, key, order).await
    })
    .await
}

fn refund_order(desk: &Shared, id: &str, form: &NewRefund) -> Result<Order, Problem> {
    let (state, _) = desk.open();
    let of = state.ledger.transaction(id).ok_or_else(unknown)?;
    let Order { account, currency, .. } = &state.ledger.entry(of).order;
    let amount = intake::amount(&form.amount, *currency)?;
    let account = Arc::clone(account);
    Ok(Order { what: What::Refund { of }, account, amount, currency: *currency })
}

fn unknown() -> Problem {
    Problem::new(Code::TransactionNotFound, "the processor has no such transaction")
}

async fn move_money(
    desk: Shared,
    request: &HttpRequest,
    route: Route,
    key: String,
    order: Order,
) -> Answered {
    let visit = {
        let (mut state, _) = desk.open();
        let settled = state.ledger.booked(&key, &order)?.is_some();
        state.visit(Target { route, key: &key, account: Some(&order.account), settled })?
    };
    carry_out(desk, request, route, visit, move |desk, verdict| {
        let (mut state, now) = desk.open();
        let mut response = HttpResponse::Ok();
        if state.ledger.booked(&key, &order)?.is_some() {
            response.insert_header(("Idempotency-Replayed", "true"));
        } else {
            let entry = state.ledger.draw_up(&key, order, verdict, now)?;
            state.commit(Change::Booked(entry))?;
        }
        let entry = state.ledger.by_key(&key).expect("it was booked just now or before");
        Ok(response.json(Said::new(&state, entry, &entry.first())))
    })
    .await
}

/// `GET /processor/transactions?key=`: how it stands now, a refund as well.
pub(crate) async fn lookup(desk: Shared, request: HttpRequest) -> HttpResponse {
    counted(&desk, Route::Lookup, async {
        let ByKey { key } = intake::query(&request)?;
        let target = Target { route: Route::Lookup, key: &key, account: None, settled: false };
        let visit = desk.open().0.visit(target)?;
        carry_out(desk.clone(), &request, Route::Lookup, visit, move |desk, _| {
            let (state, now) = desk.open();
            let entry = state.ledger.by_key(&key).ok_or_else(unknown)?;
            Ok(found(&state, entry, now))
        })
        .await
    })
    .await
}

fn found(state: &State, entry: &Entry, now: Timestamp) -> HttpResponse {
    HttpResponse::Ok().json(Said::new(state, entry, &entry.standing(now)))
}
