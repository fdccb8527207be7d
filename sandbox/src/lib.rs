//! The third parties, simulated: a processor, a maker of documents and a mail server.
//!
//! A real HTTP server and a real SMTP server, so that what Bursar calls is called over sockets,
//! with everything that can go wrong there: answers that never come or come late, limits, refusals.
//! `POST /sandbox/faults` orders what goes wrong; `GET /sandbox/ledger` tells what was done, so
//! that a test can compare both sides of every call. `README.md` beside this has every address.
//!
//! Invariants: a key is booked at most once, and its first answer is its answer for ever; never
//! more is refunded than was pulled; chance depends on the seed, the key and how often the key was
//! seen, never on the order in which different keys arrive. With [`Settings::file`] all that holds
//! across processes, however they end.
//!
//! Deliberately absent: authentication, TLS, delivery of mail to anyone.

mod calls;
mod chance;
mod change;
mod conduct;
mod desk;
mod documents;
mod faults;
mod intake;
mod journal;
mod ledger;
mod line;
mod mail;
mod operator;
mod pages;
mod problem;
mod processor;
mod rate;
mod report;
mod routes;
mod server;
mod settings;

pub use routes::Mount;
pub use server::{Running, Sandbox};
pub use settings::{Clock, Latency, Rate, Rates, Settings};
