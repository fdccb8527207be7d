//! What is shown of a failing scenario: enough to play it again and to see what it is.
//!
//! The seed and the commit come first; then what was wrong, and the operations and faults that are
//! left after it was made smaller.

use std::fmt::Write as _;

use crate::facts::Planned;
use crate::scenario::Scenario;
use crate::world::Report;

/// The most lines of a list that are shown.
const LINES_MAX: usize = 40;

/// The commit this was built from, if it is known.
fn commit() -> &'static str {
    option_env!("BURSAR_COMMIT").unwrap_or("unknown")
}

/// The text.
pub fn text(scenario: &Scenario, report: &Report) -> String {
    let mut text = String::new();
    let seed = scenario.seed;
    write!(text, "seed {seed} fails at commit {}\n\n", commit()).expect("a string takes all");
    list(&mut text, "what is wrong", report.faults.iter().cloned());
    list(&mut text, "operations", scenario.plan.planned.iter().map(Planned::describe));
    list(
        &mut text,
        "faults of third parties",
        scenario.parties.all.iter().map(|f| format!("{f:?}")),
    );
    list(&mut text, "faults of the machine", scenario.machine.iter().map(|f| format!("{f:?}")));
    let settings = &scenario.settings;
    list(&mut text, "settings", [format!("{settings:?}")].into_iter());
    let size = scenario.size;
    let command = "cargo run --profile simulator -p bursar-simulator --";
    let (operations, days) = (size.operations, size.days);
    writeln!(text, "replay: {command} --seed {seed} --operations {operations} --days {days}")
        .expect("a string takes all");
    text
}

fn list(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    writeln!(text, "{title} ({}):", lines.len()).expect("a string takes all");
    for line in lines.iter().take(LINES_MAX) {
        writeln!(text, "  {line}").expect("a string takes all");
    }
    if lines.len() > LINES_MAX {
        writeln!(text, "  and {} more", lines.len() - LINES_MAX).expect("a string takes all");
    }
    text.push('\n');
}
