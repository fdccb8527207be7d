//! A whole report: what is counted, what is brought, how it is asked for.
//!
//! Over sockets, with a length and in chunks.

use bursar_actors::clerk::{Settings, StartError};
use bursar_domain::errand::{Found, ReportLine, ReportSize, Reported, Wanted};
use bursar_domain::time::Timestamp;
use serde_json::json;

use crate::bench::{Bench, Folder, run};
use crate::lines::{debit, debits, key, line, text};
use crate::peer::{Conduct, Peer, chunked, report};

#[actix::test]
async fn a_line_is_brought_as_it_stands_in_the_report() {
    let mut failed = line(&key(1), "failed");
    failed["code"] = json!("R01");
    failed["what-else"] = json!({ "the": ["processor", "says"] });
    let body = format!("{}{}", text(&failed), debit(2, "succeeded"));
    let (folder, peer) = (Folder::new(), Peer::saying(report(&body)).await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    let size = bench.fetched(&run(1)).await;
    assert_eq!(size, ReportSize { lines: 2, fresh: 2, others: 0 });
    let mut lines = bench.lines(&run(1), 10).await;
    lines.sort_by(|a, b| a.key.cmp(&b.key));
    let brought = |number, status, code: Option<&str>| ReportLine {
        transaction: format!("ptx-{}", key(number)).into(),
        key: key(number).into(),
        status,
        at: Timestamp::parse("2026-11-21T06:00:00Z").unwrap(),
        code: code.map(Into::into),
    };
    let expected =
        [brought(1, Reported::Failed, Some("R01")), brought(2, Reported::Succeeded, None)];
    assert_eq!(lines, expected);
    bench.end();
}

#[actix::test]
async fn pages_give_every_line_once_whatever_their_size() {
    let (folder, peer) = (Folder::new(), Peer::saying(report(&debits(0..100))).await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    assert_eq!(bench.fetched(&run(1)).await.fresh, 100);
    let whole = bench.lines(&run(1), 100).await;
    for limit in [1, 7, 99, 1_000] {
        assert_eq!(bench.lines(&run(1), limit).await, whole, "{limit} at once");
    }
    assert_eq!(bench.lines(&run(1), 0).await, whole, "none at once would never end");
    bench.end();
}

#[actix::test]
async fn lines_that_are_not_about_debits_are_counted_and_left_out() {
    let others = [
        "adv_1_a/push",
        "adv_1_a",
        "inv_1_d/collect",
        "adv_1_a/d1",
        "adv_1_a/d1/1/refund",
        "adv_1_a/x1/1",
        "adv_1_a/d01/1",
        "adv_1_a/d1/",
        "adv_1_a/d1/-1",
        "adv_1_a/d1/0",
        "adv_ä/d1/1",
    ];
    // A key is visible ASCII; the last of them is not one at all.
    let (others, no_key) = others.split_at(others.len() - 1);
    let body: String = others.iter().map(|key| text(&line(key, "failed"))).collect();
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    peer.then(Conduct::Say(report(&format!("{body}{}", debit(1, "failed")))));
    let size = bench.fetched(&run(1)).await;
    let others = u64::try_from(others.len()).unwrap();
    assert_eq!(size, ReportSize { lines: others + 1, fresh: 1, others });
    assert_eq!(bench.keys(&run(1)).await, [key(1)]);
    peer.then(Conduct::Say(report(&text(&line(no_key[0], "failed")))));
    assert!(matches!(bench.fetch(&run(2)).await, Found::Unusable { .. }));
    bench.end();
}

#[actix::test]
async fn the_same_line_twice_counts_once() {
    let body = format!("{}{}{}", debits(0..3), debits(1..2), debits(0..1));
    let (folder, peer) = (Folder::new(), Peer::saying(report(&body)).await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    let size = bench.fetched(&run(1)).await;
    assert_eq!(size, ReportSize { lines: 5, fresh: 3, others: 0 });
    assert_eq!(bench.keys(&run(1)).await, [key(0), key(1), key(2)]);
    bench.end();
}

#[actix::test]
async fn an_empty_report_and_blank_lines_are_no_fault() {
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    for body in ["", "\n", " \r\n\n"] {
        for answer in [report(body), chunked(body, 1)] {
            peer.then(Conduct::Say(answer));
            assert_eq!(bench.fetched(&run(1)).await, ReportSize::default(), "{body:?}");
            assert_eq!(bench.lines(&run(1), 5).await, []);
        }
    }
    peer.then(Conduct::Say(report(&format!("\n{}\r\n\n", debits(1..3).replace('\n', "\r\n")))));
    assert_eq!(bench.fetched(&run(1)).await, ReportSize { lines: 2, fresh: 2, others: 0 });
    bench.end();
}

#[actix::test]
async fn a_last_line_without_its_end_counts_when_it_can_be_read() {
    let body = debits(0..3);
    let (folder, peer) = (Folder::new(), Peer::saying(report(body.trim_end())).await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    assert_eq!(bench.fetched(&run(1)).await.fresh, 3);
    bench.end();
}

#[actix::test]
async fn it_is_asked_for_with_the_token_under_the_processors_address() {
    let (folder, peer) = (Folder::new(), Peer::saying(report("")).await);
    let mut settings = folder.settings(peer.port);
    settings.processor.token = Some("secret".into());
    settings.processor.url = format!("http://127.0.0.1:{}/v2/", peer.port).into();
    let mut bench = Bench::start(&settings);
    bench.run(&run(1), Wanted::FetchReport { days: 7 }).await;
    let heard = peer.heard()[0].to_ascii_lowercase();
    assert!(heard.starts_with("get /v2/processor/report?days=7 http/1.1\r\n"), "{heard}");
    assert!(heard.contains("\r\nauthorization: bearer secret\r\n"), "{heard}");
    bench.end();
}

#[actix::test]
async fn settings_that_cannot_work_stop_the_start() {
    let folder = Folder::new();
    let agenda = || std::sync::Arc::new(bursar_actors::clerk::AgendaLink::default());
    let mut settings = folder.settings(1);
    for url in ["", "ftp://x", "http://user@x", "http://x/?a=b", "not one"] {
        settings.processor.url = url.into();
        let error = Bench::with_agenda(&settings, agenda()).err().unwrap();
        assert!(matches!(error, StartError::Party(_)), "{url}: {error}");
        assert!(error.to_string().starts_with("processor.url: "), "{error}");
    }
    let taken = folder.file("");
    std::fs::write(taken.parent().unwrap().join("file"), "").unwrap();
    let settings =
        Settings { directory: taken.parent().unwrap().join("file"), ..folder.settings(1) };
    let error = Bench::with_agenda(&settings, agenda()).err().unwrap();
    assert!(matches!(error, StartError::Directory { .. }), "{error}");
}
