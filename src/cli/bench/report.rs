//! The report: one row per figure, as an aligned table or as one JSON document.
//!
//! Both come from the same rows, so they cannot disagree. A row has a verdict only where something
//! is expected of it. Unexpected answers are problems, shown after the table; with any of them the
//! figures above are of something else than what was asked for, and the run fails.

use std::fmt::Write;

use serde_json::{Value, json};

use super::failure::Failure;
use super::measurement::Series;
use super::tally::Tally;

/// What a figure counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Things per second.
    PerSecond,
    /// A share of something else.
    Ratio,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Seconds.
    Seconds,
    /// Bytes, few of them.
    Bytes,
    /// Bytes, shown in MiB.
    Mebibytes,
    /// Things.
    Count,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::PerSecond => "per_second",
            Self::Ratio => "ratio",
            Self::Milliseconds => "ms",
            Self::Microseconds => "us",
            Self::Seconds => "s",
            Self::Bytes | Self::Mebibytes => "bytes",
            Self::Count => "count",
        }
    }

    fn show(self, value: f64) -> String {
        match self {
            Self::PerSecond => format!("{}/s", thousands(value)),
            Self::Ratio => format!("{value:.2}"),
            Self::Milliseconds => format!("{value:.2} ms"),
            Self::Microseconds => format!("{value:.1} µs"),
            Self::Seconds => format!("{value:.2} s"),
            Self::Bytes => format!("{} B", thousands(value)),
            Self::Mebibytes => format!("{:.1} MiB", value / (1024.0 * 1024.0)),
            Self::Count => format!("{value:.1}"),
        }
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
    Under(f64),
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
            Self::Under(limit) => value < limit,
        }
    }

    fn show(self, unit: Unit) -> String {
        match self {
            Self::AtLeast(least) => format!("at least {}", unit.show(least)),
            Self::AtMost(most) => format!("at most {}", unit.show(most)),
            Self::Under(limit) => format!("under {}", unit.show(limit)),
        }
    }

    fn json(self) -> Value {
        match self {
            Self::AtLeast(least) => json!({ "at_least": least }),
            Self::AtMost(most) => json!({ "at_most": most }),
            Self::Under(limit) => json!({ "under": limit }),
        }
    }
}

/// One figure.
pub(crate) struct Row {
    figure: String,
    value: f64,
    unit: Unit,
    spread: Option<(f64, f64)>,
    bound: Option<Bound>,
    judged: bool,
}

impl Row {
    /// A figure measured once.
    pub(crate) fn new(figure: impl Into<String>, value: f64, unit: Unit) -> Self {
        Self { figure: figure.into(), value, unit, spread: None, bound: None, judged: true }
    }

    /// The median of several slices, with their spread.
    pub(crate) fn series(figure: impl Into<String>, series: Series, unit: Unit) -> Self {
        let spread = Some((series.least, series.greatest));
        Self { spread, ..Self::new(figure, series.median, unit) }
    }

    /// Expected to be this or more.
    pub(crate) fn at_least(self, least: f64) -> Self {
        Self { bound: Some(Bound::AtLeast(least)), ..self }
    }

    /// Expected to be this or less.
    pub(crate) fn at_most(self, most: f64) -> Self {
        Self { bound: Some(Bound::AtMost(most)), ..self }
    }

    /// Expected to be less than this.
    pub(crate) fn under(self, limit: f64) -> Self {
        Self { bound: Some(Bound::Under(limit)), ..self }
    }

    /// Shows what is expected, but gives a verdict only if the sizes are the ones it is for.
    pub(crate) fn judged_if(self, judged: bool) -> Self {
        Self { judged, ..self }
    }

    fn ok(&self) -> Option<bool> {
        self.bound.filter(|_| self.judged).map(|bound| bound.holds(self.value))
    }

    fn cells(&self) -> [String; 4] {
        let mut measured = self.unit.show(self.value);
        if let Some((least, greatest)) = self.spread {
            let (least, greatest) = (self.unit.show(least), self.unit.show(greatest));
            write!(measured, " ({least} to {greatest})").expect("a string takes all");
        }
        let expected = self.bound.map(|bound| bound.show(self.unit)).unwrap_or_default();
        let verdict = match self.ok() {
            Some(true) => "ok",
            Some(false) => "falls short",
            None if self.bound.is_some() => "(other sizes)",
            None => "",
        };
        [format!("  {}", self.figure), measured, expected, verdict.to_owned()]
    }

    fn json(&self, section: &str) -> Value {
        json!({
            "section": section,
            "figure": self.figure,
            "value": self.value,
            "unit": self.unit.name(),
            "spread": self.spread.map(|(least, greatest)| json!([least, greatest])),
            "expected": self.bound.map(Bound::json),
            "ok": self.ok(),
        })
    }
}

/// All figures of a run.
#[derive(Default)]
pub(crate) struct Report {
    sections: Vec<(String, Vec<Row>)>,
    problems: Vec<String>,
}

impl Report {
    /// Starts a group of figures.
    pub(crate) fn section(&mut self, name: impl Into<String>) {
        self.sections.push((name.into(), Vec::new()));
    }

    /// Adds a figure to the last group.
    pub(crate) fn row(&mut self, row: Row) {
        if self.sections.is_empty() {
            self.section("figures");
        }
        if let Some((_, rows)) = self.sections.last_mut() {
            rows.push(row);
        }
    }

    /// Notes a count of answers if any of them was not the expected one.
    pub(crate) fn answers(&mut self, step: &str, tally: &Tally) {
        if !tally.is_clean() {
            self.problem(format!("{step}: {tally}"));
        }
    }

    /// Notes something that must not be.
    pub(crate) fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// Whether anything was that must not be.
    pub(crate) fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Whether nothing was measured.
    pub(crate) fn is_empty(&self) -> bool {
        self.sections.is_empty() && self.problems.is_empty()
    }

    /// The report for people.
    pub(crate) fn table(&self) -> String {
        let titles = ["figure", "measured", "expected", ""].map(str::to_owned);
        let mut lines: Vec<[String; 4]> = vec![titles];
        for (section, rows) in &self.sections {
            lines.push([section.clone(), String::new(), String::new(), String::new()]);
            lines.extend(rows.iter().map(Row::cells));
        }
        let width = |column: usize| {
            lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or_default()
        };
        // A section's name may run over the other columns, which are empty in its line.
        let [figure, measured, expected] = [0, 1, 2].map(width);
        let mut text = String::new();
        for [first, second, third, fourth] in &lines {
            let line = format!("{first:figure$}  {second:measured$}  {third:expected$}  {fourth}");
            writeln!(text, "{}", line.trim_end()).expect("a string takes all");
        }
        if !self.problems.is_empty() {
            text.push_str("\nUnexpected answers; the figures above are not valid:\n");
            for problem in &self.problems {
                writeln!(text, "  {problem}").expect("a string takes all");
            }
        }
        text
    }

    /// The report for programs.
    pub(crate) fn json(&self, failure: Option<&Failure>) -> Value {
        let figures: Vec<Value> = self
            .sections
            .iter()
            .flat_map(|(section, rows)| rows.iter().map(|row| row.json(section)))
            .collect();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "release": !cfg!(debug_assertions),
            "cores": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            "figures": figures,
            "problems": self.problems,
            "failure": failure.map(ToString::to_string),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::default();
        report.section("payments");
        let series = Series { median: 51_234.4, least: 50_000.0, greatest: 1_052_000.0 };
        report.row(Row::series("durable", series, Unit::PerSecond).at_least(60_000.0));
        report.row(Row::new("p99", 1.25, Unit::Milliseconds).under(10.0));
        report.row(Row::new("RSS", 1_572_864.0, Unit::Mebibytes));
        report.row(Row::new("opened in", 1.0, Unit::Seconds).under(60.0).judged_if(false));
        report
    }

    #[test]
    fn the_table_is_aligned_and_judges_only_what_is_expected() {
        let expected = "\
figure       measured                         expected           \n\
payments
  durable    51,234/s (50,000/s to 1,052,000/s)  at least 60,000/s  falls short
  p99        1.25 ms                             under 10.00 ms     ok
  RSS        1.5 MiB
  opened in  1.00 s                              under 60.00 s      (other sizes)
";
        let lines =
            |text: &str| -> Vec<String> { text.lines().skip(1).map(str::to_owned).collect() };
        assert_eq!(lines(&report().table()), lines(expected));
    }

    #[test]
    fn the_json_has_every_figure_with_its_verdict() {
        let json = report().json(None);
        let verdicts: Vec<&Value> =
            json["figures"].as_array().expect("an array").iter().map(|row| &row["ok"]).collect();
        assert_eq!(verdicts, [&json!(false), &json!(true), &Value::Null, &Value::Null]);
        assert_eq!(json["problems"], json!([]));
    }

    #[test]
    fn an_unexpected_answer_is_a_problem() {
        let mut report = report();
        let mut tally = Tally::default();
        assert!(!tally.answer(503, &[201], b"busy"));
        report.answers("payments", &tally);
        assert!(report.has_problems());
        assert!(report.table().contains("payments: 1 answers, 1 with 503; the first: 503: busy"));
    }
}
