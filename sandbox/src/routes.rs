//! All addresses of the sandbox, in one table; and how another server serves them too.
//!
//! The third parties' own addresses come first, then what a test or an operator asks, under
//! `/sandbox`. A known address with another method is 405 and says in `Allow` what it takes. On the
//! sandbox's own server what is unknown is 404; a [`Mount`] leaves that to its host.
//!
//! Each address carries the state and the bound on bodies itself: nothing is set for the host as a
//! whole, and what the host sets for itself does not reach in here.

use std::fmt;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource};

use crate::desk::{Desk, Shared};
use crate::intake::BODY_BYTES_MAX;
use crate::problem::{Code, Problem};
use crate::{documents, operator, processor, report};

/// The addresses of a sandbox on its state, for another server of the same process: give
/// [`Mount::configure`] to its `App`.
///
/// They are `/processor/…`, `/documents…` and `/sandbox/…`. Limits, faults and counts are those of
/// the sandbox, whichever way a call came.
#[derive(Clone)]
pub struct Mount(Shared);

impl Mount {
    pub(crate) fn new(desk: Shared) -> Self {
        Self(desk)
    }

    /// Adds the addresses to an `App`, and nothing else: no data, no limits, no default.
    pub fn configure(&self, config: &mut ServiceConfig) {
        parties(config, &self.0);
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.0
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mount")
    }
}

/// All addresses of the sandbox's own server.
pub(crate) fn all(config: &mut ServiceConfig, desk: &Shared) {
    parties(config, desk);
    config
        .service(only(desk, "/livez", "GET").route(web::get().to(livez)))
        .default_service(web::to(not_found));
}

fn parties(config: &mut ServiceConfig, desk: &Shared) {
    let only = |path, methods| only(desk, path, methods);
    config
        .service(
            only("/processor/transactions", "GET, POST")
                .route(web::post().to(processor::transact))
                .route(web::get().to(processor::lookup)),
        )
        .service(
            only("/processor/transactions/{id}/refund", "POST")
                .route(web::post().to(processor::refund)),
        )
        .service(only("/processor/report", "GET").route(web::get().to(report::report)))
        .service(only("/documents", "POST").route(web::post().to(documents::make)))
        .service(
            only("/documents/{id}", "GET, DELETE")
                .route(web::get().to(documents::get))
                .route(web::delete().to(documents::void)),
        )
        .service(
            only("/sandbox/faults", "GET, POST, DELETE")
                .route(web::get().to(operator::list_faults))
                .route(web::post().to(operator::add_fault))
                .route(web::delete().to(operator::clear_faults)),
        )
        .service(only("/sandbox/ledger", "GET").route(web::get().to(operator::ledger)))
        .service(only("/sandbox/mail", "GET").route(web::get().to(operator::mail)))
        .service(only("/sandbox/calls", "GET").route(web::get().to(operator::calls)));
}

/// An address that takes only these methods; its routes are added by the caller.
fn only(desk: &Shared, path: &str, methods: &'static str) -> Resource {
    let refused = move || async move { Problem::method_not_allowed(methods).response() };
    web::resource(path)
        .app_data(desk.clone())
        .app_data(web::PayloadConfig::new(BODY_BYTES_MAX))
        .default_service(web::to(refused))
}

async fn livez() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("alive\n")
}

async fn not_found() -> HttpResponse {
    Problem::new(Code::NotFound, "the sandbox has no such address").response()
}
