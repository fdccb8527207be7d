//! The routes: which address and method leads to which handler, the busiest first.
//!
//! A known address with another method says which methods it takes (405 with Allow) instead of
//! pretending that there is nothing. HEAD is GET without the body. Each helper below is one shape
//! of address, so that methods and Allow cannot come apart.

use actix_web::{FromRequest, Handler, Resource, Responder, Route, guard, web};

use crate::http::{
    admin, advances, batch, campaigns, clock, deals, deposits, export, feed, gateways, inspect,
    investments, openapi, operations, outcomes, payments, providers, rewards, sagas, shell,
    statements, wallets,
};

fn reading<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::route().guard(guard::Any(guard::Get()).or(guard::Head())).to(handler)
}

/// Other methods than those of the routes are refused with the list of these.
fn only(resource: Resource, allowed: &'static str) -> Resource {
    resource.default_service(web::to(move || async move { shell::method_not_allowed(allowed) }))
}

/// An address that is read.
fn read<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    only(web::resource(path).route(reading(handler)), "GET, HEAD")
}

/// An address that is written to.
fn write<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    only(web::resource(path).route(web::post().to(handler)), "POST")
}

/// An address that is changed.
fn change<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    only(web::resource(path).route(web::patch().to(handler)), "PATCH")
}

/// A list that is read and added to.
fn list<R, RArgs, W, WArgs>(path: &str, reader: R, writer: W) -> Resource
where
    R: Handler<RArgs>,
    RArgs: FromRequest + 'static,
    R::Output: Responder + 'static,
    W: Handler<WArgs>,
    WArgs: FromRequest + 'static,
    W::Output: Responder + 'static,
{
    let resource = web::resource(path).route(reading(reader)).route(web::post().to(writer));
    only(resource, "GET, HEAD, POST")
}

/// A thing that is read and taken back.
fn revocable<R, RArgs, D, DArgs>(path: &str, reader: R, deleter: D) -> Resource
where
    R: Handler<RArgs>,
    RArgs: FromRequest + 'static,
    R::Output: Responder + 'static,
    D: Handler<DArgs>,
    DArgs: FromRequest + 'static,
    D::Output: Responder + 'static,
{
    let resource = web::resource(path).route(reading(reader)).route(web::delete().to(deleter));
    only(resource, "GET, HEAD, DELETE")
}

/// All routes, the busiest first: they are tried in order, and one with an `{id}` is a regular
/// expression; behind eleven others, a rush on a deal spent 7 % of its processor time on them.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(write("/v1/payments", payments::pay))
        .service(write("/v1/payments/batch", batch::payments))
        .service(list("/v1/deals/{id}/investments", investments::list::list, investments::invest))
        .service(read("/v1/payments/{id}", payments::get))
        .service(write("/v1/payments/{id}/refunds", payments::refund))
        .service(write("/v1/batch", batch::mixed))
        .service(write("/v1/wallets", wallets::open))
        .service(read("/v1/wallets/{id}", wallets::get))
        .service(write("/v1/wallets/{id}/deposits", deposits::deposit))
        .service(read("/v1/wallets/{id}/deposits/{deposit}", deposits::get))
        .service(read("/v1/wallets/{id}/entries", wallets::entries))
        .service(read("/v1/wallets/{id}/feed", feed::feed))
        .service(write("/v1/wallets/{id}/freeze", wallets::freeze))
        .service(write("/v1/wallets/{id}/unfreeze", wallets::unfreeze))
        .service(revocable("/v1/investments/{id}", investments::get, investments::cancel::cancel))
        .service(list("/v1/deals", deals::list::list, deals::open))
        .service(read("/v1/deals/{id}", deals::get))
        .service(write("/v1/deals/{id}/close", deals::close))
        .service(write("/v1/providers", providers::register))
        .service(read("/v1/providers/{id}", providers::get))
        .service(read("/v1/providers/{id}/entries", providers::entries))
        .service(read("/v1/providers/{id}/schedule", providers::schedule))
        .service(change("/v1/providers/{id}/settlement", providers::settle))
        .service(list(
            "/v1/providers/{id}/activities",
            providers::listed::list,
            providers::activities::submit,
        ))
        .service(read("/v1/providers/{id}/reimbursements", providers::reimbursements::list))
        .service(read("/v1/providers/{id}/reimbursements/{rmb}", providers::reimbursements::get))
        .service(write("/v1/advances/runs", advances::runs::begin))
        .service(read("/v1/advances/runs/{id}", advances::runs::get))
        .service(list("/v1/advances", advances::list, advances::open))
        .service(read("/v1/advances/{id}", advances::get))
        .service(list("/v1/campaigns", campaigns::list, campaigns::announce))
        .service(read("/v1/campaigns/{id}", campaigns::get))
        .service(write("/v1/campaigns/{id}/pause", campaigns::pause))
        .service(write("/v1/campaigns/{id}/resume", campaigns::resume))
        .service(read("/v1/campaigns/{id}/commitments", campaigns::commitments))
        .service(write("/v1/wallets/{id}/transactions", statements::submit))
        .service(read("/v1/wallets/{id}/rewards", rewards::list))
        .service(read("/v1/rewards/{id}", rewards::get))
        .service(read("/v1/rewards/{id}/proof", rewards::proof))
        .service(read("/v1/outcomes", outcomes::websocket))
        .service(read("/v1/outcomes/events", outcomes::events))
        .service(read("/livez", operations::livez))
        .service(read("/readyz", operations::readyz))
        .service(read("/metrics", operations::metrics))
        .service(read("/openapi.json", openapi::description))
        .service(read("/docs", openapi::page))
        .service(read("/admin/actors", admin::actors))
        .service(read("/admin/actors/{kind}/{id}", inspect::actor))
        .service(write("/admin/actors/{kind}/{id}/passivate", inspect::passivate))
        .service(read("/admin/sagas", sagas::list))
        .service(write("/admin/sagas/{id}/retry", sagas::retry))
        .service(read("/admin/gateways", gateways::list))
        .service(read("/admin/shards", admin::shards))
        .service(read("/admin/trial-balance", admin::trial_balance))
        .service(write("/admin/checkpoint", admin::checkpoint))
        .service(read("/admin/export/{table}", export::table))
        .service(list("/admin/clock", clock::get, clock::advance))
        .default_service(web::to(shell::not_found));
}
