//! First come, first served: tickets follow the order in which requests arrived.
//!
//! The server can log each request to invest at the moment it hands it over (the target
//! `bursar::arrival`, with the id of the request). With one worker that is one order, and the
//! tickets must be in exactly this order, over all connections. With more there is no one order to
//! compare with, but on each connection the order in which requests were sent still holds.
//!
//! Requests are sent many at a time on each connection, without waiting for answers.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;

use serde_json::json;

use crate::harness::{Server, eventually};
use crate::http::{Client, Request};
use crate::investing::{investment_body, investments_of};
use crate::stub::{Manner, Route, Stub};

const CONNECTIONS: usize = 64;
const PIPELINED: usize = 8;
const ROUNDS: usize = 3;
const REQUESTS: usize = CONNECTIONS * PIPELINED * ROUNDS;

/// The name of a request: its id and its key.
fn name(connection: usize, number: usize) -> String {
    format!("arrival-{connection}-{number}-end")
}

fn request(connection: usize, number: usize) -> Request {
    let body = investment_body(&format!("w{connection}"), "10.00");
    let name = name(connection, number);
    let request = Request::post(investments_of("rush"), &body).key(&name);
    request.header("X-Request-Id", name)
}

/// Sends a connection's requests, so many at once, and returns the tickets in the order in which
/// the requests were sent.
fn invest(address: SocketAddr, connection: usize, start: &Barrier) -> Vec<u64> {
    let mut client = Client::new(address);
    start.wait();
    let mut tickets = Vec::new();
    for round in 0..ROUNDS {
        let numbers = round * PIPELINED..(round + 1) * PIPELINED;
        let requests: Vec<_> = numbers.clone().map(|number| request(connection, number)).collect();
        for (answer, number) in client.send_all(&requests).iter().zip(numbers) {
            assert!(matches!(answer.status, 202 | 409), "{}", answer.text());
            assert_eq!(answer.header("x-request-id"), Some(&*name(connection, number)));
            let ticket = answer.json()["ticket"].as_u64();
            tickets.push(ticket.unwrap_or_else(|| panic!("no ticket: {}", answer.text())));
        }
    }
    tickets
}

/// A rush on a deal by so many workers. Returns the server and the ticket of each request, by name.
fn rush(workers: &str) -> (Stub, Server, HashMap<String, u64>) {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let launch = stub.launch().and("BURSAR__SERVER__WORKERS", workers);
    let server = Server::start_with(launch.and("BURSAR__LOG__LEVEL", "info,bursar::arrival=trace"));
    let mut client = server.client();
    client.deal("rush", "9000.00", 20);
    for connection in 0..CONNECTIONS {
        client.open(&format!("w{connection}"));
    }
    let (address, start) = (server.address(), Barrier::new(CONNECTIONS));
    let mut by_name = HashMap::new();
    thread::scope(|scope| {
        let start = &start;
        let connections: Vec<_> = (0..CONNECTIONS)
            .map(|connection| scope.spawn(move || invest(address, connection, start)))
            .collect();
        for (connection, tickets) in connections.into_iter().enumerate() {
            let tickets = tickets.join().expect("no connection fails");
            assert!(tickets.is_sorted(), "connection {connection}: {tickets:?}");
            let named = tickets.iter().enumerate();
            by_name.extend(named.map(|(number, ticket)| (name(connection, number), *ticket)));
        }
    });
    let mut tickets: Vec<_> = by_name.values().copied().collect();
    tickets.sort_unstable();
    assert!(tickets.into_iter().eq(1..=REQUESTS as u64), "each ticket was given once");
    let deal = client.deal_now("rush");
    assert_eq!((&deal["last_ticket"], &deal["seats"]["taken"]), (&json!(REQUESTS), &json!(20)));
    (stub, server, by_name)
}

/// The names of requests in the order in which the server says that they arrived.
fn arrivals(server: &Server) -> Vec<String> {
    eventually("every arrival is in the log", || {
        let log = server.log();
        let named = log.lines().filter_map(|line| {
            let (_, rest) = line.split_once("arrival-")?;
            let (middle, _) = rest.split_once("-end")?;
            Some(format!("arrival-{middle}-end"))
        });
        let named: Vec<_> = named.collect();
        (named.len() >= REQUESTS).then_some(named)
    })
}

#[test]
fn tickets_are_in_the_order_of_arrival_over_all_connections() {
    let (_stub, server, tickets) = rush("1");
    let arrived: Vec<u64> = arrivals(&server).iter().map(|name| tickets[name]).collect();
    let first = arrived.windows(2).find(|pair| pair[0] >= pair[1]);
    assert_eq!(first, None, "arrived in another order than the tickets say");
    assert_eq!(arrived.len(), REQUESTS);
}

#[test]
fn tickets_ascend_on_each_connection_whatever_the_number_of_workers() {
    let (_stub, server, tickets) = rush("2");
    assert_eq!(arrivals(&server).len(), tickets.len());
}

#[test]
fn the_first_have_the_seats_and_the_line_is_in_order() {
    let (_stub, server, tickets) = rush("1");
    let mut client = server.client();
    let listed = client.all(&investments_of("rush"));
    assert_eq!(listed.len(), REQUESTS);
    let mut seated = std::collections::BTreeSet::new();
    let mut waiting = 0;
    for (item, ticket) in listed.iter().zip(1_u64..) {
        assert_eq!(item["ticket"], ticket, "{item}");
        let wallet = item["wallet"].as_str().expect("a wallet");
        if item["status"] == "waitlisted" {
            waiting += 1;
            assert_eq!(item["position"], waiting, "{item}");
            assert!(seated.len() == 20, "nobody waits while there is a seat: {item}");
            assert!(!seated.contains(wallet), "who has a seat needs no other: {item}");
        } else {
            seated.insert(wallet.to_owned());
            assert!(seated.len() <= 20, "{item}");
        }
    }
    assert_eq!(tickets.len(), REQUESTS);
}
