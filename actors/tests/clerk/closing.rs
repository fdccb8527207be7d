//! One report after another: what was closed is not brought again, what was not is.
//!
//! And errands of one run and of several, in the order in which they come.

use bursar_domain::errand::{Found, ReportSize, Wanted};

use crate::bench::{Bench, Folder, run};
use crate::lines::{debit, debits, key};
use crate::peer::{Conduct, Peer, report};

#[actix::test]
async fn five_overlapping_reports_bring_each_line_once() {
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    let mut brought = Vec::new();
    for day in 0..10_u32 {
        // Ten lines a day, those of the last five days in each report.
        let days = day.saturating_sub(4)..=day;
        let body: String = days.clone().map(|day| debits(day * 10..day * 10 + 10)).collect();
        peer.then(Conduct::Say(report(&body)));
        let size = bench.fetched(&run(day + 1)).await;
        let lines = 10 * u64::try_from(days.count()).unwrap();
        assert_eq!(size, ReportSize { lines, fresh: 10, others: 0 });
        brought.extend(bench.keys(&run(day + 1)).await);
        bench.close(&run(day + 1)).await;
    }
    brought.sort();
    let mut expected: Vec<_> = (0..100).map(key).collect();
    expected.sort();
    assert_eq!(brought, expected);
    bench.end();
}

#[actix::test]
async fn what_was_not_closed_is_brought_again() {
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    for day in [1, 2] {
        peer.then(Conduct::Say(report(&debits(0..5))));
        assert_eq!(bench.fetched(&run(day)).await.fresh, 5);
    }
    bench.close(&run(2)).await;
    peer.then(Conduct::Say(report(&debits(0..6))));
    assert_eq!(bench.fetched(&run(3)).await.fresh, 1);
    bench.end();
}

#[actix::test]
async fn a_key_that_ended_otherwise_than_before_is_new() {
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    peer.then(Conduct::Say(report(&format!("{}{}", debit(1, "failed"), debit(2, "failed")))));
    bench.fetched(&run(1)).await;
    bench.close(&run(1)).await;
    peer.then(Conduct::Say(report(&format!("{}{}", debit(1, "failed"), debit(2, "succeeded")))));
    assert_eq!(bench.fetched(&run(2)).await.fresh, 1);
    assert_eq!(bench.keys(&run(2)).await, [key(2)]);
    bench.end();
}

#[actix::test]
async fn a_closed_report_is_gone_and_can_be_closed_again() {
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    bench.close(&run(1)).await;
    peer.then(Conduct::Say(report(&debits(0..5))));
    bench.fetched(&run(1)).await;
    bench.close(&run(1)).await;
    bench.close(&run(1)).await;
    let first = Wanted::ReportLines { from: 0, limit: 1 };
    assert_eq!(bench.run(&run(1), first).await, Found::Gone);
    assert_eq!(folder.names(), ["closed"]);
    peer.then(Conduct::Say(report(&debits(0..5))));
    assert_eq!(bench.fetched(&run(1)).await.fresh, 0, "it was closed, however often");
    bench.end();
}

#[actix::test]
async fn a_report_that_failed_leaves_the_closed_one_as_it_was() {
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    peer.then(Conduct::Say(report(&debits(0..5))));
    bench.fetched(&run(1)).await;
    bench.close(&run(1)).await;
    peer.then(Conduct::Say(report(&format!("{}{{}}\n", debits(0..9)))));
    assert!(matches!(bench.fetch(&run(2)).await, Found::Unusable { .. }));
    bench.close(&run(2)).await;
    peer.then(Conduct::Say(report(&debits(0..7))));
    assert_eq!(bench.fetched(&run(2)).await.fresh, 2);
    bench.end();
}

#[actix::test]
async fn reports_of_two_runs_do_not_get_into_each_others_way() {
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    peer.then(Conduct::Say(report(&debits(0..3))));
    peer.then(Conduct::Say(report(&debits(0..5))));
    for day in [1, 2] {
        bench.ask(&run(day), Wanted::FetchReport { days: 5 });
    }
    for _ in 0..2 {
        assert!(matches!(bench.next().await.1.found, Found::Report(_)));
    }
    let mut counts = [bench.lines(&run(1), 2).await.len(), bench.lines(&run(2), 2).await.len()];
    counts.sort_unstable();
    assert_eq!(counts, [3, 5]);
    bench.end();
}

#[actix::test]
async fn errands_of_one_run_are_seen_to_in_their_order() {
    let (folder, peer) = (Folder::new(), Peer::saying(report(&debits(0..3))).await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    let wanted = [
        Wanted::ReportLines { from: 0, limit: 9 },
        Wanted::FetchReport { days: 5 },
        Wanted::ReportLines { from: 0, limit: 9 },
        Wanted::CloseReport,
        Wanted::ReportLines { from: 0, limit: 9 },
    ];
    let numbers: Vec<_> = wanted.into_iter().map(|wanted| bench.ask(&run(1), wanted)).collect();
    let mut found = Vec::new();
    for number in numbers {
        let (_, brought) = bench.next().await;
        assert_eq!(brought.number, number);
        found.push(brought.found);
    }
    assert_eq!(found[0], Found::Gone);
    assert!(matches!(found[1], Found::Report(ReportSize { fresh: 3, .. })));
    assert!(matches!(&found[2], Found::Lines { lines, next: None } if lines.len() == 3));
    assert_eq!(found[3..], [Found::Closed, Found::Gone]);
    bench.end();
}

#[actix::test]
async fn the_same_errand_again_does_not_fetch_again() {
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    peer.then(Conduct::Say(report(&debits(0..3))));
    bench.ask_as(&run(1), 7, Wanted::FetchReport { days: 5 });
    bench.ask_as(&run(1), 7, Wanted::FetchReport { days: 5 });
    let (first, again) = (bench.next().await.1, bench.next().await.1);
    assert_eq!(first, again);
    assert_eq!(peer.heard().len(), 1);
    peer.then(Conduct::Say(report(&debits(0..4))));
    bench.ask_as(&run(1), 8, Wanted::FetchReport { days: 5 });
    assert!(matches!(bench.next().await.1.found, Found::Report(ReportSize { fresh: 4, .. })));
    bench.end();
}

#[actix::test]
async fn a_position_in_a_report_is_none_in_the_one_that_took_its_place() {
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    peer.then(Conduct::Say(report(&debits(0..3))));
    bench.fetched(&run(1)).await;
    let first = Wanted::ReportLines { from: 0, limit: 1 };
    let Found::Lines { next: Some(next), .. } = bench.run(&run(1), first).await else { panic!() };
    let second = Wanted::ReportLines { from: next, limit: 1 };
    assert!(matches!(bench.run(&run(1), second.clone()).await, Found::Lines { .. }));
    for from in [1, next + 1, next - 1, u64::MAX, next ^ (1 << 63)] {
        let wrong = Wanted::ReportLines { from, limit: 1 };
        assert_eq!(bench.run(&run(1), wrong).await, Found::Gone, "{from}");
    }
    peer.then(Conduct::Say(report(&debits(0..3))));
    bench.fetched(&run(1)).await;
    assert_eq!(bench.run(&run(1), second).await, Found::Gone);
    bench.end();
}
