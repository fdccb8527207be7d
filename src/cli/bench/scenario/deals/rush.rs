//! The rush: everybody wants into one deal at once.
//!
//! Every request is a ticket: decided in order, durable, and answered. Three kinds take turns with
//! the ceiling, which answers a place in line whatever is asked:
//!
//! - *refused, deal full*: the one seat is confirmed, so nobody can ever get in (409);
//! - *waitlisted*: the one seat is held by a pull that the processor does not answer, so everybody
//!   gets in line, from the first to the 20,000th (202); a fresh deal each time;
//! - *refused, line full*: the same deal after that (409).
//!
//! A refusal costs its outcome as well. The second kind lasts under a second a deal, so its rate is
//! that of a rush and has no warm-up.

use bursar_domain::deal::LINE_MAX;

use super::super::super::arguments::Load;
use super::super::super::expectation::TICKETS_TO_CEILING;
use super::super::super::failure::Failure;
use super::super::super::load::{Length, Window};
use super::super::super::progress::Progress;
use super::super::super::report::{Report, Row, Unit};
use super::super::super::server::Server;
use super::super::super::workload::{Deals, HOT_WALLET, Lines, Spread, Workload};
use super::super::http::WALLETS;
use super::super::turns::{self, Side};
use super::super::{Context, Subject};
use super::book::{self, Book};
use super::{parties, report_fairness};

/// The deal whose one seat is confirmed; the fresh ones come after it.
const FULL: u64 = 0;
/// A pull that is held must not be given up, nor the step that waits for it.
const PATIENT: [(&str, &str); 2] =
    [("BURSAR__PROCESSOR__TIMEOUT_MS", "3600000"), ("BURSAR__SAGAS__STEP_DEADLINE_MS", "7200000")];
const SIDES: u64 = 4;

/// Runs the rush.
pub(super) fn run(context: &Context, options: &Load, report: &mut Report) -> Result<(), Failure> {
    let settings = PATIENT.map(|(name, value)| (name, value.to_owned()));
    let subject = Subject::fresh(context, "deals-rush", &settings)?;
    subject.prepare(&Lines::open_wallets(WALLETS), WALLETS, "opening wallets")?;
    subject.prepare(&Lines::open_hot_wallet(), 1, "opening the hot wallet")?;
    let full = Book::open(&subject, FULL, 1)?;
    full.reserve(HOT_WALLET)?;
    full.wait_settled()?;
    parties::hold_pulls(&subject.server)?;
    let ceiling = Server::ceiling()?;
    let mut rush = Rush { subject: &subject, full, fresh: FULL };
    for connections in &options.connections {
        let slices = context.slices(options.seconds);
        rush.measure(*connections, slices, &ceiling, report)?;
    }
    ceiling.stop()?;
    subject.end(context)
}

struct Rush<'a> {
    subject: &'a Subject,
    full: Book<'a>,
    /// Number of the last deal that was opened.
    fresh: u64,
}

impl<'a> Rush<'a> {
    fn measure(
        &mut self,
        connections: u32,
        (rounds, window): (u32, Window),
        ceiling: &Server,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let server = &self.subject.server;
        let mut top = Side::new("ceiling, tickets", ceiling, self.workload(FULL, &[202]));
        let mut refused = Side::new("refused, deal full", server, self.workload(FULL, &[409]));
        let mut waitlisted = Side::new("waitlisted", server, self.workload(FULL, &[202]));
        let mut line_full = Side::new("refused, line full", server, self.workload(FULL, &[409]));
        let label = format!("tickets of one deal, {connections} connections");
        let progress = Progress::new(&label, u64::from(rounds) * SIDES);
        for _ in 0..rounds {
            top.turn(connections, Length::Time(window))?;
            progress.advance(1);
            turn(&mut refused, self.full, connections, Length::Time(window), report)?;
            progress.advance(1);
            let fresh = self.open_held()?;
            waitlisted.ask(self.workload(fresh.number, &[202]));
            let whole_line = Length::Requests(LINE_MAX as u64);
            turn(&mut waitlisted, fresh, connections, whole_line, report)?;
            progress.advance(1);
            line_full.ask(self.workload(fresh.number, &[409]));
            turn(&mut line_full, fresh, connections, Length::Time(window), report)?;
            progress.advance(1);
            check_code(fresh, "waiting-list-full")?;
        }
        check_code(self.full, "deal-full")?;
        drop(progress);
        report_sides(&label, &top, [&refused, &waitlisted, &line_full], report);
        Ok(())
    }

    fn workload(&self, deal: u64, expected: &'static [u16]) -> Workload {
        let spread = Spread::AtRandom(WALLETS);
        Workload::investments(&self.subject.keys, spread, Deals::only(deal), expected)
    }

    /// A deal whose one seat is neither free nor confirmed for long.
    fn open_held(&mut self) -> Result<Book<'a>, Failure> {
        self.fresh += 1;
        let book = Book::open(self.subject, self.fresh, 1)?;
        book.reserve(HOT_WALLET)?;
        Ok(book)
    }
}

/// A turn after which the deal must have given as many tickets as were answered.
fn turn(
    side: &mut Side<'_>,
    book: Book<'_>,
    connections: u32,
    length: Length,
    report: &mut Report,
) -> Result<(), Failure> {
    let (answered, tickets) = (side.answered(), book.standing()?.last_ticket);
    side.turn(connections, length)?;
    let answered = side.answered() - answered;
    let standing = book.standing()?;
    let given = standing.last_ticket - tickets;
    if given != answered {
        report.problem(format!("{answered} answers, but {given} tickets: {standing:?}"));
    }
    if let Length::Requests(all) = length
        && standing.waiting != all
    {
        report.problem(format!("{all} should wait: {standing:?}"));
    }
    Ok(())
}

/// One more request, to see that it is refused for the reason that the figures are named after.
fn check_code(book: Book<'_>, expected: &str) -> Result<(), Failure> {
    let answer = book.invest("w0000000")?;
    if book::code(&answer).as_deref() == Some(expected) {
        return Ok(());
    }
    Err(book::refused(&format!("instead of {expected}"), &answer))
}

/// Adds a section for the ceiling and one for each kind.
fn report_sides(label: &str, top: &Side<'_>, kinds: [&Side<'_>; 3], report: &mut Report) {
    report.section(format!("{label}: {}", top.name()));
    report.row(Row::series(top.name(), top.rate(), Unit::PerSecond));
    report_side(top, report);
    turns::report_others(std::iter::once(top).chain(kinds), report);
    for side in kinds {
        let name = side.name();
        report.section(format!("{label}: {name}"));
        report.row(Row::series(format!("{name}, durable"), side.rate(), Unit::PerSecond));
        let ratio = Row::series(format!("{name}, to ceiling"), side.rate_to(top), Unit::Ratio);
        report.row(ratio.at_least(TICKETS_TO_CEILING));
        report_side(side, report);
        side.report_quiet(report);
        side.report_journal(report);
    }
}

fn report_side(side: &Side<'_>, report: &mut Report) {
    let name = side.name();
    for (figure, quantile) in [("p50", 0.5), ("p99", 0.99)] {
        let value = side.latencies().quantile_ms(quantile);
        report.row(Row::new(format!("{name}: {figure}"), value, Unit::Milliseconds));
    }
    side.report_cost(report);
    side.report_answers(report);
    report_fairness(name, side.fairness(), report);
}
