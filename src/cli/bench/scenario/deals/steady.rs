//! Tickets at a steady pace while sagas run.
//!
//! Requests come at 500 a second whatever the server does, a thousand to each deal: the first two
//! hundred get a place, and a saga has their money pulled and their documents made by a sandbox
//! that takes 150 ms for everything; the others wait in line and are refused once every seat is
//! confirmed. So a hundred places a second are paid for on average, in bursts above the 200 calls
//! that the processor takes in a second. The last deal gets two hundred requests only, so that the
//! last request comes when the most is still to be done.
//!
//! Afterwards everything must come to its end, the processor must never have been called too often,
//! and what it booked must be what the deals have.

use std::time::{Duration, Instant};

use super::super::super::expectation::{PROCESSOR_PER_SECOND, TICKET_P99_MS};
use super::super::super::failure::Failure;
use super::super::super::load::{self, Paced};
use super::super::super::measurement::ratio;
use super::super::super::process;
use super::super::super::progress::Progress;
use super::super::super::report::{Report, Row, Unit};
use super::super::super::workload::{Deals, Lines, Spread, Workload};
use super::super::http::WALLETS;
use super::super::{Context, Subject};
use super::book::{Book, LOOK, Standing};
use super::{parties, report_fairness};

const PER_SECOND: u64 = 500;
const SECONDS: u64 = 60;
const QUICK_SECONDS: u64 = 3;
const CONNECTIONS: u32 = 64;
const SEATS: u64 = 200;
const REQUESTS_EACH: u64 = 1_000;
/// How long sagas may go on after the last request.
const PATIENCE: Duration = Duration::from_mins(2);
const SANDBOX: [(&str, &str); 2] =
    [("BURSAR__SANDBOX__LATENCY_MS", "150"), ("BURSAR__SANDBOX__LATENCY_JITTER_MS", "0")];

/// Runs it.
pub(super) fn run(context: &Context, report: &mut Report) -> Result<(), Failure> {
    let settings = SANDBOX.map(|(name, value)| (name, value.to_owned()));
    let subject = Subject::fresh(context, "deals-steady", &settings)?;
    subject.prepare(&Lines::open_wallets(WALLETS), WALLETS, "opening wallets")?;
    let seconds = if context.quick { QUICK_SECONDS } else { SECONDS };
    let requests = PER_SECOND * seconds;
    // The first deal makes up for the last one.
    let skipped = (REQUESTS_EACH - (requests - SEATS) % REQUESTS_EACH) % REQUESTS_EACH;
    let books: Vec<Book<'_>> = (0..(skipped + requests).div_ceil(REQUESTS_EACH))
        .map(|number| Book::open(&subject, number, SEATS))
        .collect::<Result<_, _>>()?;
    report.section(format!("{PER_SECOND} tickets a second for {seconds} s, sagas running"));

    let workload = Workload::investments(
        &subject.keys,
        Spread::InTurn(WALLETS),
        Deals { first: 0, requests_each: REQUESTS_EACH, skipped },
        &[202, 409],
    );
    let progress = Progress::new("tickets while sagas run", 2);
    let begin = Begin::now(&subject)?;
    let length = Duration::from_secs(seconds);
    let address = subject.server.address;
    let paced = load::pace(address, &workload, CONNECTIONS, PER_SECOND as f64, length)?;
    let last_answer = Instant::now();
    progress.advance(1);
    let standings = wait_settled(&books, report)?;
    let finished = last_answer.elapsed();
    drop(progress);

    report_tickets(paced, &standings, report);
    report.row(Row::new("sagas finished after", finished.as_secs_f64(), Unit::Seconds));
    begin.report(&subject, requests, report)?;
    report_money(&subject, &standings, report)?;
    subject.end(context)
}

/// How much of the machine was used when it began.
struct Begin {
    at: Instant,
    server: Duration,
    own: Duration,
    machine: Duration,
}

impl Begin {
    fn now(subject: &Subject) -> Result<Self, Failure> {
        let server = subject.server.processor_time()?;
        let own = process::processor_time(std::process::id())?;
        Ok(Self { at: Instant::now(), server, own, machine: process::machine_time()? })
    }

    fn report(self, subject: &Subject, requests: u64, report: &mut Report) -> Result<(), Failure> {
        let now = Self::now(subject)?;
        let elapsed = now.at.duration_since(self.at).as_secs_f64();
        let server = now.server.saturating_sub(self.server).as_secs_f64();
        let own = now.own.saturating_sub(self.own).as_secs_f64();
        let machine = now.machine.saturating_sub(self.machine).as_secs_f64();
        let each = ratio(server * 1e6, requests as f64);
        let row = Row::new("processor a ticket, with its share of sagas", each, Unit::Microseconds);
        report.row(row);
        let others = ratio((machine - server - own).max(0.0), elapsed);
        report.row(Row::new("cores used by other processes", others, Unit::Ratio));
        Ok(())
    }
}

/// Waits until nothing is on its way in any deal, but not for ever.
fn wait_settled(books: &[Book<'_>], report: &mut Report) -> Result<Vec<Standing>, Failure> {
    let begin = Instant::now();
    let mut standings = Vec::new();
    for book in books {
        let mut standing = book.standing()?;
        while !standing.is_settled() && begin.elapsed() < PATIENCE {
            std::thread::sleep(LOOK);
            standing = book.standing()?;
        }
        if !standing.is_settled() {
            report.problem(format!("deal {} does not come to an end: {standing:?}", book.number));
        }
        standings.push(standing);
    }
    Ok(standings)
}

fn report_tickets(paced: Paced, standings: &[Standing], report: &mut Report) {
    let Paced { latencies, tally, heard } = paced;
    report.answers("tickets", &tally);
    if latencies.len() == 0 {
        report.problem("tickets: no answers".to_owned());
        return;
    }
    let row = |figure: &str, value| Row::new(figure, value, Unit::Milliseconds);
    report.row(row("ticket, p50", latencies.quantile_ms(0.5)));
    report.row(row("ticket, p99", latencies.quantile_ms(0.99)).under(TICKET_P99_MS));
    report.row(row("ticket, p99.9", latencies.quantile_ms(0.999)));
    report.row(row("ticket, longest", latencies.longest_ms()));
    report.row(Row::new("refused at once", heard.refused as f64, Unit::Count));
    report_fairness("steady", heard.fairness(), report);
    let given: u64 = standings.iter().map(|standing| standing.last_ticket).sum();
    if given != tally.answered {
        report.problem(format!("{} answers, but {given} tickets", tally.answered));
    }
}

fn report_money(
    subject: &Subject,
    standings: &[Standing],
    report: &mut Report,
) -> Result<(), Failure> {
    let confirmed: u64 = standings.iter().map(|standing| standing.confirmed).sum();
    let places = SEATS * standings.len() as u64;
    let row = Row::new("investments confirmed", confirmed as f64, Unit::Count);
    report.row(row.at_least(places as f64));
    let parties::Calls { count, throttled, most_in_a_second } =
        parties::processor_calls(&subject.server)?;
    report.row(Row::new("calls to the processor", count as f64, Unit::Count));
    let row = Row::new("most in any one second", most_in_a_second as f64, Unit::Count);
    report.row(row.at_most(PROCESSOR_PER_SECOND));
    report.row(Row::new("of them turned away", throttled as f64, Unit::Count).at_most(0.0));
    let booked = parties::ledger_minor(&subject.server)?;
    let held: u64 = standings.iter().map(|standing| standing.confirmed_minor).sum();
    report.row(Row::new(
        "ledger to confirmed sums",
        ratio(booked as f64, held as f64),
        Unit::Ratio,
    ));
    if booked != held {
        report.problem(format!("the ledger has {booked} cents, the deals {held}"));
    }
    Ok(())
}
