//! One hot wallet: every payment from the same one, against payments spread over many.
//!
//! All decisions about a wallet are made one after the other, so a merchant's own wallet is where a
//! design with a sync per decision would show.

use super::super::arguments::Load;
use super::super::expectation::HOT_TO_SPREAD;
use super::super::failure::Failure;
use super::super::report::{Report, Row, Unit};
use super::super::workload::Workload;
use super::http::WALLETS;
use super::turns::{self, Side};
use super::{Context, Subject};

/// Runs the scenario.
pub(crate) fn run(context: &Context, options: &Load, report: &mut Report) -> Result<(), Failure> {
    let subject = Subject::fresh(context, "hot", &[])?;
    subject.open_and_fund(WALLETS)?;
    subject.open_hot_wallet()?;
    for connections in &options.connections {
        let spread = Workload::payments(&subject.keys, WALLETS);
        let hot = Workload::hot(&subject.keys);
        let mut sides = [
            Side::new("payments", &subject.server, spread),
            Side::new("hot wallet", &subject.server, hot),
        ];
        let label = format!("hot wallet, {connections} connections");
        turns::take(&label, context.slices(options.seconds), *connections, &mut sides)?;
        let [payments, hot] = &sides;
        report.section(label);
        report.row(Row::series("payments, durable", payments.rate(), Unit::PerSecond));
        report.row(Row::series("one hot wallet", hot.rate(), Unit::PerSecond));
        let ratio = Row::series("hot wallet to payments", hot.rate_to(payments), Unit::Ratio);
        report.row(ratio.at_least(HOT_TO_SPREAD));
        hot.report_journal(report);
        for side in &sides {
            side.report_answers(report);
            side.report_cost(report);
        }
        turns::report_others(&sides, report);
    }
    subject.end(context)
}
