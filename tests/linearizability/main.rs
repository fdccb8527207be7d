//! Linearizability: what concurrent clients saw of the real binary, checked per entity.
//!
//! Clients send requests at the same time, repeat them with the same key, give up, and read, while
//! the server is killed and started again. Each call and each answer is written down in the order
//! in which it happened. A public checker (stateright's `LinearizabilityTester`) then looks for an
//! order of all requests that a plain sequential specification could have answered so, and in
//! which no request comes before one that was answered before it was sent.
//!
//! [`history`] records and checks, [`search`] keeps the checker's search short, [`wallet`] and
//! [`deal`] are the specifications, which share no code with the server's rules; [`site`] is the
//! server under kills, [`crew`] are its clients, [`wallets_run`] and [`deals_run`] the runs;
//! [`by_hand`] and [`by_hand_deals`] have histories that must be refused and others that must not. The harness is that of
//! the black-box tests.

#[path = "../blackbox/harness.rs"]
#[allow(dead_code, reason = "the black-box tests use the rest")]
mod harness;
#[path = "../blackbox/http.rs"]
#[allow(dead_code, reason = "the black-box tests use the rest")]
mod http;

mod by_hand;
mod by_hand_deals;
mod crew;
mod deal;
mod deals_run;
mod history;
mod lies;
mod search;
mod site;
mod wallet;
mod wallets_run;
