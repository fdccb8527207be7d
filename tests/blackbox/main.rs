//! Black-box tests: the real binary over HTTP, each test with its own server.
//!
//! A server gets a temporary data directory and port 0, so tests need no order and may run side
//! by side. Nothing here knows the server's insides: what is asserted is the contract that a
//! client may rely on. One test crate with many modules, because each crate is linked anew.
//!
//! [`harness`] starts and ends servers, [`parties`] the third parties they call, [`stub`] is one
//! that does what a test orders, [`loan_desk`] is such a server for the commands that call one,
//! [`http`] and [`streams`] speak to servers, [`bank`], [`investing`] and [`providers_desk`] have the
//! calls that most tests make, [`export`] reads exported tables.

mod activities;
mod activities_list;
mod bad_input;
mod bank;
mod batches;
mod crash;
mod damage;
mod deals;
mod deals_bad_input;
mod deals_cancel;
mod deals_crash;
mod deals_faults;
mod deals_keys;
mod deals_limits;
mod deals_races;
mod deals_refused;
mod deals_script;
mod deals_wallet;
mod deposits_by_pull;
mod described;
mod draws;
mod export;
mod export_live;
mod export_refused;
mod fairness;
mod gateways;
mod harness;
mod hostile_bodies;
mod http;
mod idempotency;
mod import;
mod import_loans;
mod import_transactions;
mod investing;
mod loan_desk;
mod operations;
mod outcomes;
mod paging;
mod parties;
mod payments;
mod protocol;
mod providers;
mod providers_desk;
mod refunds;
mod reimbursements;
mod reimbursements_declined;
mod residents;
mod rewards;
mod rewards_campaigns;
mod rewards_crash;
mod rewards_desk;
mod rewards_lines;
mod rewards_overlaps;
mod rewards_proof;
mod rewards_refused;
mod rewards_reversals;
mod rewards_rules;
mod sagas_admin;
mod sagas_crash;
mod sandbox;
mod settlement;
mod settlement_rush;
mod streams;
mod stub;
mod wallets;
mod websocket;
mod years;
