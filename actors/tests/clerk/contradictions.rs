//! Reports that say two things of one transaction.
//!
//! The two lines stand far apart, with hundreds between them; `properties` finds contradictions by
//! comparing every line with every other.

use bursar_domain::errand::Found;
use serde_json::{Value, json};

use crate::bench::{Bench, Folder, run};
use crate::lines::{debits, key, line, text};
use crate::peer::{Peer, report};

async fn fetched(lines: &[Value]) -> Found {
    let lines: String = lines.iter().map(text).collect();
    // Far apart, with many between them.
    let (first, rest) = lines.split_once('\n').unwrap();
    let body = format!("{first}\n{}{rest}", debits(100..400));
    let (folder, peer) = (Folder::new(), Peer::saying(report(&body)).await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    let found = bench.fetch(&run(1)).await;
    bench.end();
    if matches!(found, Found::Unusable { .. }) {
        assert_eq!(folder.names(), Vec::<String>::new());
    }
    found
}

fn with_id(id: &str, mut line: Value) -> Value {
    line["id"] = json!(id);
    line
}

#[actix::test]
async fn two_lines_that_contradict_each_other_spoil_the_report() {
    let (one, two) = (key(1), key(2));
    for (lines, named) in [
        ([line(&one, "succeeded"), line(&one, "failed")], [&one, &one]),
        ([line(&one, "failed"), line(&one, "succeeded")], [&one, &one]),
        ([line(&one, "failed"), with_id("other", line(&one, "failed"))], [&one, &one]),
        ([line(&one, "failed"), with_id("other", line(&one, "succeeded"))], [&one, &one]),
        (
            [with_id("same", line(&one, "failed")), with_id("same", line(&two, "failed"))],
            [&one, &two],
        ),
        (
            [with_id("same", line(&one, "failed")), with_id("same", line(&two, "succeeded"))],
            [&one, &two],
        ),
    ] {
        let Found::Unusable { code, detail } = fetched(&lines).await else { panic!("{lines:?}") };
        assert_eq!(&*code, "report-contradictory", "{lines:?}");
        for key in named {
            assert!(detail.contains(&format!("{key:?}")), "{detail}");
        }
    }
}

#[actix::test]
async fn lines_about_other_things_are_believed_no_more_than_those_about_debits() {
    let push = "adv_1_a/push";
    for lines in [
        [line(push, "succeeded"), line(push, "failed")],
        [with_id("same", line(push, "failed")), with_id("same", line(&key(1), "failed"))],
    ] {
        let Found::Unusable { code, .. } = fetched(&lines).await else { panic!("{lines:?}") };
        assert_eq!(&*code, "report-contradictory", "{lines:?}");
    }
}

#[actix::test]
async fn another_time_or_reason_in_a_repeated_line_is_no_contradiction() {
    let mut again = line(&key(1), "failed");
    again["at"] = json!("2026-11-22T06:00:00.000Z");
    again["code"] = json!("R01");
    let Found::Report(size) = fetched(&[line(&key(1), "failed"), again]).await else { panic!() };
    assert_eq!((size.lines, size.fresh), (302, 301));
}
