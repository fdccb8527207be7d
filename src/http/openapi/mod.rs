//! The description of the API, and a page that shows it.
//!
//! The page is one file that loads nothing from outside; it reads `/openapi.json` and the table of
//! codes that stands in it.

mod answers;
mod texts;

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use bursar_domain::code::Code;
use utoipa::OpenApi;

use crate::http::{
    admin, advances, batch, campaigns, clock, deals, deposits, export, feed, gateways, inspect,
    investments, operations, outcomes, payments, providers, rewards, sagas, statements, wallets,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bursar",
        description = "A payments core: one actor per wallet, provider, deal and saga, every \
                       answer durable before it is given."
    ),
    paths(
        wallets::open,
        wallets::get,
        deposits::deposit,
        deposits::get,
        wallets::entries,
        wallets::freeze,
        wallets::unfreeze,
        feed::feed,
        payments::pay,
        payments::get,
        payments::refund,
        batch::payments,
        batch::mixed,
        providers::register,
        providers::get,
        providers::entries,
        providers::schedule,
        providers::settle,
        providers::activities::submit,
        providers::listed::list,
        providers::reimbursements::list,
        providers::reimbursements::get,
        deals::open,
        deals::list::list,
        deals::get,
        deals::close,
        investments::invest,
        investments::list::list,
        investments::get,
        investments::cancel::cancel,
        outcomes::websocket,
        outcomes::events,
        operations::livez,
        operations::readyz,
        operations::metrics,
        admin::actors,
        inspect::actor,
        inspect::passivate,
        sagas::list,
        sagas::retry,
        gateways::list,
        admin::shards,
        admin::trial_balance,
        admin::checkpoint,
        export::table,
        advances::open,
        advances::get,
        advances::list,
        advances::runs::begin,
        advances::runs::get,
        campaigns::announce,
        campaigns::list,
        campaigns::get,
        campaigns::pause,
        campaigns::resume,
        campaigns::commitments,
        statements::submit,
        rewards::list,
        rewards::get,
        rewards::proof,
        clock::get,
        clock::advance
    )
)]
struct Description;

fn whole() -> serde_json::Value {
    let mut description =
        serde_json::to_value(Description::openapi()).expect("a description has a JSON form");
    texts::complete(&mut description);
    answers::complete(&mut description);
    let codes = Code::ALL.iter().map(|code| {
        serde_json::json!({
            "code": code.as_str(),
            "status": code.status(),
            "title": code.title(),
            "retryable": code.retryable(),
        })
    });
    description["x-codes"] = codes.collect();
    description
}

/// The description of the API.
pub(crate) async fn description() -> HttpResponse {
    crate::http::json(&whole())
}

/// A page that shows it.
pub(crate) async fn page() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
             connect-src 'self'; base-uri 'none'; form-action 'none'",
        ))
        .body(include_str!("docs.html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_names_every_address() {
        let whole = whole();
        let paths = whole["paths"].as_object().expect("paths");
        assert!(paths.contains_key("/v1/payments") && paths.contains_key("/v1/outcomes"));
        assert_eq!(whole["x-codes"].as_array().map(Vec::len), Some(Code::ALL.len()));
    }

    #[test]
    fn the_page_loads_nothing_from_outside() {
        let page = include_str!("docs.html");
        assert!(!page.contains("http://") && !page.contains("https://"));
    }
}
