//! A million providers, each waiting for the end of its period, on disk.
//!
//! They are registered by batch and the server is stopped. The next one must be ready without
//! reading them, and have none of them in memory: whom nobody asks for is found by the clock alone.
//! Then the clock is moved over an instant for which a thousand of them wait, and only these wake,
//! close their periods and wait for the next. Before that it is moved to a time at which nobody is
//! due, which shows what looking costs.

use std::time::Instant;

use super::super::super::arguments::Schedule;
use super::super::super::expectation::{MILLION, READY_WITHIN};
use super::super::super::failure::Failure;
use super::super::super::report::{Report, Row, Unit};
use super::super::super::server::{QUIET_PATIENCE, Server};
use super::super::super::template::Keys;
use super::super::super::workload::Lines;
use super::super::{Context, Subject};
use super::ask;
use super::prepared::today;
use super::watch;

/// Who wakes.
const DUE: u64 = 1_000;
/// In how many days. Not tomorrow, so that midnight may pass while they are registered.
const SOON: i32 = 2;
/// And the others.
const LATER: i32 = 10;

/// Runs it.
pub(super) fn run(
    context: &Context,
    options: &Schedule,
    report: &mut Report,
) -> Result<(), Failure> {
    let count = context.size(options.sleepers);
    let (due, full) = (DUE.min(count), count >= MILLION);
    report.section(format!("{count} providers waiting, {due} of them due together"));
    let subject = Subject::fresh(context, "schedule-timers", &[])?;
    let empty = subject.server.resident_bytes()?;
    report.row(Row::new("RSS, nothing in it", empty as f64, Unit::Mebibytes));
    let lines = Lines::register_sleepers("later", count, &day_of_month(LATER));
    let outcome = subject.prepare(&lines, count, "registering providers")?;
    report.row(Row::new("registered, durable", outcome.rate(), Unit::PerSecond));
    let lines = Lines::register_sleepers("due", due, &day_of_month(SOON));
    subject.prepare(&lines, due, "registering those that are due")?;
    let Subject { server, data, .. } = subject;
    server.stop()?;

    let server = Server::serve(&data, &[])?;
    let ready = server.wait_ready()?;
    let row = Row::new("ready", ready.as_secs_f64(), Unit::Seconds);
    report.row(row.under(READY_WITHIN.as_secs_f64()).judged_if(full));
    server.wait_quiet(QUIET_PATIENCE)?;
    report.row(Row::new("asleep: RSS", server.resident_bytes()? as f64, Unit::Mebibytes));
    let residents = ask::residents(&server)? as f64;
    report.row(Row::new("asleep: entities in memory", residents, Unit::Count).at_most(1.0));

    let day = today(SOON);
    for (name, time, expected) in
        [("moved over nobody", "02:59:00", None), ("woken, all done", "03:00:01", Some(due))]
    {
        let ((steps, elapsed), peak) = watch::during(&server, || {
            let begin = Instant::now();
            let steps = ask::move_clock(&server, &format!("{day}T{time}Z"))?;
            Ok((steps, begin.elapsed()))
        })?;
        report.row(Row::new(name, elapsed.as_secs_f64(), Unit::Seconds));
        report.row(Row::new(format!("{name}: instants"), steps as f64, Unit::Count));
        let row =
            Row::new(format!("{name}: entities in memory"), peak.residents as f64, Unit::Count);
        report.row(match expected {
            Some(due) => row.at_least(due as f64),
            None => row,
        });
    }
    Subject { server, data, keys: Keys::default() }.end(context)
}

/// The day of the month, so many days from today.
fn day_of_month(days: i32) -> String {
    let date = today(days).to_string();
    date.rsplit('-').next().unwrap_or_default().trim_start_matches('0').to_owned()
}
