//! What a crash leaves: a report that was set aside is there, one that was not is gone.
//!
//! What a kill leaves in the folder is written by hand; damage is tested at every byte.

use std::fs;
use std::time::{Duration, SystemTime};

use bursar_domain::errand::{Found, Wanted};

use crate::bench::{Bench, Folder, run};
use crate::lines::debits;
use crate::peer::{Conduct, Peer, report};

fn lines(from: u64, limit: u32) -> Wanted {
    Wanted::ReportLines { from, limit }
}

/// A clerk that has set five lines aside.
async fn set_aside(folder: &Folder) -> (Peer, Bench) {
    let peer = Peer::saying(report(&debits(0..5))).await;
    let mut bench = Bench::start(&folder.settings(peer.port));
    bench.fetched(&run(1)).await;
    (peer, bench)
}

#[actix::test]
async fn a_report_that_was_set_aside_is_used_after_a_restart() {
    let folder = Folder::new();
    let (peer, mut bench) = set_aside(&folder).await;
    let Found::Lines { next: Some(next), .. } = bench.run(&run(1), lines(0, 2)).await else {
        panic!()
    };
    bench.end();
    let mut bench = Bench::start(&folder.settings(peer.port));
    let found = bench.run(&run(1), lines(next, 9)).await;
    let Found::Lines { lines: rest, next: None } = found else { panic!("{found:?}") };
    assert_eq!(rest.len(), 3, "the rest of it");
    bench.close(&run(1)).await;
    bench.end();
    let mut bench = Bench::start(&folder.settings(peer.port));
    peer.then(Conduct::Say(report(&debits(0..6))));
    assert_eq!(bench.fetched(&run(2)).await.fresh, 1, "what was closed stays so");
    bench.end();
}

#[actix::test]
async fn asked_for_again_after_a_restart_it_is_fetched_again() {
    let folder = Folder::new();
    let (peer, bench) = set_aside(&folder).await;
    bench.end();
    let bench = Bench::start(&folder.settings(peer.port));
    peer.then(Conduct::Say(report(&debits(0..6))));
    let mut bench = bench;
    assert_eq!(bench.fetched(&run(1)).await.fresh, 6);
    bench.end();
}

#[actix::test]
async fn a_report_that_was_on_its_way_is_gone() {
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    let whole = report(&debits(0..5));
    peer.then(Conduct::SayAndHang(whole[..whole.len() - 1].to_vec()));
    bench.ask(&run(1), Wanted::FetchReport { days: 5 });
    while peer.heard().is_empty() {
        tokio::task::yield_now().await;
    }
    // It ends while the report is on its way: nothing comes back, nothing is left.
    bench.end();
    assert_eq!(folder.names(), Vec::<String>::new());
    let mut bench = Bench::start(&folder.settings(peer.port));
    assert_eq!(bench.run(&run(1), lines(0, 9)).await, Found::Gone);
    bench.end();
}

#[actix::test]
async fn a_new_report_takes_the_place_of_the_old_before_it_is_there() {
    let folder = Folder::new();
    let (peer, mut bench) = set_aside(&folder).await;
    peer.then(Conduct::Say(report("{}\n")));
    assert!(matches!(bench.fetch(&run(1)).await, Found::Unusable { .. }));
    assert_eq!(bench.run(&run(1), lines(0, 9)).await, Found::Gone);
    bench.end();
}

#[actix::test]
async fn a_start_removes_what_is_of_no_use_any_more() {
    let folder = Folder::new();
    let (peer, bench) = set_aside(&folder).await;
    bench.end();
    let old = SystemTime::now() - Duration::from_hours(31 * 24);
    for (name, old_one) in [
        ("run_2026-11-02.bins.part", false),
        ("run_2026-11-02.ids.part", false),
        ("run_2026-11-02.lines.part", false),
        ("run_2026-11-02.digests.part", false),
        ("run_2026-11-03.digests", false),
        ("run_2026-09-01.lines", true),
        ("run_2026-09-01.digests", true),
        ("closed", true),
    ] {
        fs::write(folder.file(name), "left over").unwrap();
        if old_one {
            fs::File::options()
                .write(true)
                .open(folder.file(name))
                .unwrap()
                .set_modified(old)
                .unwrap();
        }
    }
    Bench::start(&folder.settings(peer.port)).end();
    assert_eq!(folder.names(), ["closed", "run_2026-11-01.digests", "run_2026-11-01.lines"]);
}

#[actix::test]
async fn closing_goes_on_where_a_crash_cut_it_off() {
    let folder = Folder::new();
    let (peer, bench) = set_aside(&folder).await;
    bench.end();
    fs::rename(folder.file("run_2026-11-01.digests"), folder.file("closed")).unwrap();
    let mut bench = Bench::start(&folder.settings(peer.port));
    bench.close(&run(1)).await;
    assert_eq!(folder.names(), ["closed"]);
    peer.then(Conduct::Say(report(&debits(0..6))));
    assert_eq!(bench.fetched(&run(2)).await.fresh, 1);
    bench.end();
}

#[actix::test]
async fn lines_that_were_damaged_are_gone() {
    let folder = Folder::new();
    let (_peer, mut bench) = set_aside(&folder).await;
    let file = folder.file("run_2026-11-01.lines");
    let whole = fs::read(&file).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&file, &bytes).unwrap();
        assert_eq!(bench.run(&run(1), lines(0, 9)).await, Found::Gone, "byte {at}");
    }
    for length in 0..whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        assert_eq!(bench.run(&run(1), lines(0, 9)).await, Found::Gone, "{length} bytes");
    }
    fs::write(&file, &whole).unwrap();
    assert_eq!(bench.lines(&run(1), 9).await.len(), 5);
    bench.end();
}

#[actix::test]
async fn digests_that_were_damaged_only_bring_more_lines_again() {
    let folder = Folder::new();
    let (peer, mut bench) = set_aside(&folder).await;
    bench.close(&run(1)).await;
    let whole = fs::read(folder.file("closed")).unwrap();
    for bytes in [&whole[..whole.len() - 1], b"", b"something else !", &[0; 24]] {
        fs::write(folder.file("closed"), bytes).unwrap();
        peer.then(Conduct::Say(report(&debits(0..5))));
        assert_eq!(bench.fetched(&run(2)).await.fresh, 5);
    }
    bench.end();
}

#[actix::test]
async fn a_disk_that_does_not_take_it_is_told() {
    let folder = Folder::new();
    let (peer, mut bench) = set_aside(&folder).await;
    // A folder where a file is to be: neither written, read nor replaced.
    let unavailable = |found: Found| {
        let Found::Unavailable { reason } = found else { panic!("{found:?}") };
        assert!(reason.starts_with("the reports' directory: "), "{reason}");
    };
    fs::create_dir(folder.file("run_2026-11-02.bins.part")).unwrap();
    peer.then(Conduct::Say(report(&debits(0..5))));
    unavailable(bench.fetch(&run(2)).await);
    fs::create_dir(folder.file("run_2026-11-03.lines")).unwrap();
    fs::create_dir(folder.file("run_2026-11-03.lines/full")).unwrap();
    unavailable(bench.run(&run(3), Wanted::CloseReport).await);
    unavailable(bench.run(&run(3), lines(0, 1)).await);
    assert_eq!(bench.lines(&run(1), 9).await.len(), 5, "the others are as they were");
    bench.end();
}
