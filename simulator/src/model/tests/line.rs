//! Faults of deals: tickets, the waiting list, and what follows from a ticket.
//!
//! Invariant: each test breaks one thing in what is right, and the auditor says which.

use super::super::line;
use super::finds;
use crate::facts::picture::{Deal, DealStep, Ticket};

/// A deal that takes 100 from two investors, with some steps.
fn deal(steps: Vec<DealStep>) -> Deal {
    let numbered = steps.into_iter().enumerate();
    Deal {
        number: 0,
        currency: "EUR",
        amount: 100,
        investors_max: 2,
        open_ms: (0, 1_000),
        closed: false,
        last_ticket: 0,
        seats: 0,
        reserved: (0, 0),
        confirmed: (0, 0),
        waiting: 0,
        steps: numbered.map(|(at, step)| (at as u64 + 1, 5, step)).collect(),
    }
}

fn ticket(ticket: u64, wallet: u32, amount: i64) -> Ticket {
    Ticket { ticket, wallet, amount, from_bank: false }
}

#[track_caller]
fn finds_in(words: &str, deal: &Deal) {
    let found = line::check(deal);
    assert!(found.iter().any(|fault| fault.contains(words)), "{words:?} is not in {found:#?}");
}

#[test]
fn a_fair_line_is_accepted() {
    let mut deal = deal(vec![
        DealStep::Reserved(ticket(1, 0, 60)),
        DealStep::Waiting(ticket(2, 1, 50), 1),
        DealStep::Waiting(ticket(3, 2, 90), 2),
        DealStep::Reserved(ticket(4, 3, 40)),
        DealStep::NoPlace(ticket(5, 4, 10), "deal-full"),
        DealStep::Withdrawn(3),
        DealStep::Freed(1),
        DealStep::Promoted(2),
        DealStep::Closed,
    ]);
    // The place is given in the decision that frees it.
    deal.steps[7].0 = deal.steps[6].0;
    (deal.last_ticket, deal.seats, deal.reserved, deal.closed) = (5, 2, (90, 2), true);
    assert_eq!(line::check(&deal), Vec::<String>::new());
    deal.waiting = 1;
    finds_in("its steps give", &deal);
}

#[test]
fn tickets_are_dense() {
    finds_in("ticket 2 at 1, after 0", &deal(vec![DealStep::Reserved(ticket(2, 0, 1))]));
}

#[test]
fn who_does_not_fit_gets_no_place_and_who_fits_does() {
    finds_in("got a place", &deal(vec![DealStep::Reserved(ticket(1, 0, 101))]));
    finds_in("waits at", &deal(vec![DealStep::Waiting(ticket(1, 0, 10), 1)]));
    finds_in("got deal-full", &deal(vec![DealStep::NoPlace(ticket(1, 0, 10), "deal-full")]));
    finds_in("got deal-closed", &deal(vec![DealStep::NoPlace(ticket(1, 0, 10), "deal-closed")]));
    let mut late = deal(vec![DealStep::Reserved(ticket(1, 0, 10))]);
    late.steps[0].1 = 1_000;
    finds_in("open false", &late);
    let closed = deal(vec![DealStep::Closed, DealStep::Reserved(ticket(1, 0, 10))]);
    finds_in("open false", &closed);
}

#[test]
fn the_line_skips_nobody() {
    let mut skips = deal(vec![
        DealStep::Reserved(ticket(1, 0, 100)),
        DealStep::Waiting(ticket(2, 1, 50), 1),
        DealStep::Waiting(ticket(3, 2, 50), 2),
        DealStep::Freed(1),
        DealStep::Promoted(3),
    ]);
    skips.steps[4].0 = 4;
    finds_in("3 moved up, it was the turn of Some(2)", &skips);
    skips.steps.truncate(4);
    finds_in("2 fits after 4 and was left waiting", &skips);
}

#[test]
fn nobody_is_left_waiting_for_nothing_and_nobody_is_sent_away_early() {
    let mut steps = vec![
        DealStep::Reserved(ticket(1, 0, 100)),
        DealStep::Waiting(ticket(2, 1, 50), 1),
        DealStep::Confirmed(1),
    ];
    finds_in("wait for nothing", &deal(steps.clone()));
    steps[2] = DealStep::LineRefused(2);
    finds_in("is sent away while 1 are on their way", &deal(steps));
}

#[test]
fn only_what_stands_in_its_place_moves() {
    finds_in("confirmed without a place", &deal(vec![DealStep::Confirmed(7)]));
    finds_in("freed without a place", &deal(vec![DealStep::Freed(7)]));
    finds_in("moved up and did not wait", &deal(vec![DealStep::Promoted(7)]));
    finds_in("was not in it", &deal(vec![DealStep::Withdrawn(7)]));
    let many = vec![
        DealStep::Reserved(ticket(1, 0, 10)),
        DealStep::Reserved(ticket(2, 1, 10)),
        DealStep::Reserved(ticket(3, 2, 10)),
    ];
    finds_in("3 seats at 3", &deal(many));
}

#[test]
fn a_ticket_is_followed_by_what_its_end_says() {
    finds("expected [\"investment.confirmed\"]", |story| {
        let is_it = |kind: &str| kind != "investment.confirmed";
        story.told.retain(|outcome| is_it(outcome.kind));
        story.picture.outcomes.retain(|outcome| is_it(outcome.kind));
    });
    finds("nobody brings it about", |story| {
        story.picture.sagas.retain(|saga| !saga.id.starts_with("inv_"));
    });
    finds("that nobody wished", |story| {
        let DealStep::Reserved(ticket) = &mut story.picture.deals[0].steps[0].2 else {
            panic!("the first has a place")
        };
        ticket.amount = 24;
    });
    finds("documents are valid", |story| story.picture.papers[0].valid = false);
    finds("a mail about", |story| {
        let key = "inv_99_d0/1/tell".to_owned();
        story.picture.letters.push(crate::facts::picture::Letter { key, taken: 1 });
    });
}
