//! Reports that break off, cannot be read or are not one: nothing of them is ever brought.
//!
//! Cutting is tested at every byte of an answer, with a length and in chunks.

use bursar_actors::clerk::Settings;
use bursar_actors::clerk::settings::Limits;
use bursar_domain::errand::{Found, Wanted};
use serde_json::{Value, json};

use crate::bench::{Bench, Folder, run};
use crate::lines::{debit, debits, key, line, text};
use crate::peer::{CHUNKED, Conduct, Peer, chunked, report};

/// The code and the detail of a report that cannot be used, of which nothing is left.
async fn unusable(bench: &mut Bench, folder: &Folder) -> (String, String) {
    let found = bench.fetch(&run(1)).await;
    let Found::Unusable { code, detail } = found else { panic!("{found:?}") };
    let first = Wanted::ReportLines { from: 0, limit: 10 };
    assert_eq!(bench.run(&run(1), first).await, Found::Gone);
    assert_eq!(folder.names(), Vec::<String>::new());
    (code.into(), detail.into())
}

#[actix::test]
async fn wherever_a_report_is_cut_nothing_of_it_counts() {
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    let body = debits(0..3);
    let first = Wanted::ReportLines { from: 0, limit: 10 };
    for whole in [report(&body), chunked(&body, 60), chunked(&body, 1_000)] {
        // In chunks all is there when the last of them has begun.
        let there = whole.len() - if whole.ends_with(b"0\r\n\r\n") { 4 } else { 0 };
        let head = whole.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
        for cut in 0..there {
            peer.then(Conduct::Say(whole[..cut].to_vec()));
            let found = bench.fetch(&run(1)).await;
            if cut < head {
                assert!(matches!(found, Found::Unavailable { .. }), "cut at {cut}: {found:?}");
            } else {
                let Found::Unusable { code, .. } = found else { panic!("cut at {cut}: {found:?}") };
                assert_eq!(&*code, "report-incomplete");
            }
            assert_eq!(bench.run(&run(1), first.clone()).await, Found::Gone, "cut at {cut}");
        }
        peer.then(Conduct::Say(whole));
        assert_eq!(bench.fetched(&run(1)).await.fresh, 3, "uncut it is whole");
    }
    bench.end();
}

#[actix::test]
async fn an_answer_that_only_ends_with_its_connection_may_have_been_cut() {
    let answer = format!("HTTP/1.1 200 OK\r\n\r\n{}", debits(0..3));
    let (folder, peer) = (Folder::new(), Peer::saying(answer.into_bytes()).await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    assert_eq!(unusable(&mut bench, &folder).await.0, "report-incomplete");
    bench.end();
}

#[actix::test]
async fn a_last_line_that_breaks_off_makes_the_report_incomplete() {
    let body = debits(0..3);
    for cut in [1, 10, 50] {
        let (folder, peer) =
            (Folder::new(), Peer::saying(report(&body[..body.len() - 1 - cut])).await);
        let mut bench = Bench::start(&folder.settings(peer.port));
        let (code, detail) = unusable(&mut bench, &folder).await;
        assert_eq!(code, "report-incomplete");
        assert!(detail.starts_with("line 3, the last, has no end: "), "{detail}");
        bench.end();
    }
}

#[actix::test]
async fn a_processor_that_falls_silent_has_broken_off() {
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let mut bench = Bench::start(&Settings { idle_ms: 1_000, ..folder.settings(peer.port) });
    let whole = report(&debits(0..3));
    peer.then(Conduct::SayAndHang(whole[..whole.len() - 1].to_vec()));
    let (code, detail) = unusable(&mut bench, &folder).await;
    assert_eq!((code.as_str(), detail.as_str()), ("report-incomplete", "nothing came for 1000 ms"));
    peer.then(Conduct::SayAndHang(Vec::new()));
    assert!(matches!(bench.fetch(&run(1)).await, Found::Unavailable { .. }));
    bench.end();
}

#[actix::test]
async fn a_report_that_takes_for_ever_is_given_up() {
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let mut bench = Bench::start(&Settings { whole_ms: 50, ..folder.settings(peer.port) });
    peer.then(Conduct::SayAndHang(format!("{CHUNKED}1\r\n\n\r\n").into_bytes()));
    let (code, detail) = unusable(&mut bench, &folder).await;
    assert_eq!((code.as_str(), detail.as_str()), ("report-incomplete", "it did not end in 50 ms"));
    bench.end();
}

fn without(field: &str) -> Value {
    let mut line = line(&key(9), "failed");
    line.as_object_mut().unwrap().remove(field);
    line
}

fn with(field: &str, value: Value) -> Value {
    let mut line = line(&key(9), "failed");
    line[field] = value;
    line
}

#[actix::test]
async fn a_line_that_is_not_as_agreed_spoils_the_report() {
    let mut bad: Vec<String> = [
        without("id"),
        without("key"),
        without("status"),
        without("at"),
        with("id", json!(7)),
        with("id", json!("")),
        with("id", json!("a\u{7}b")),
        with("id", json!("x".repeat(256))),
        with("key", json!(null)),
        with("key", json!("two words")),
        with("key", json!("x".repeat(256))),
        with("status", json!("pending")),
        with("status", json!("Succeeded")),
        with("status", json!(true)),
        with("at", json!(1_763_633_730)),
        with("at", json!("yesterday")),
        with("code", json!(7)),
        json!(["ptx", "adv_1_a/d1/0", "failed", "2026-11-21T06:00:00.000Z", null]),
        json!("text"),
    ]
    .iter()
    .map(Value::to_string)
    .collect();
    let good = line(&key(9), "failed").to_string();
    bad.push("<html>".to_owned());
    bad.push(format!("{good}{good}"));
    bad.push(good.replacen('{', "{\"id\":\"twice\",", 1));
    bad.push("{\"a\":".repeat(500));
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    for bad in bad {
        let body = format!("{}{bad}\n{}", debits(0..2), debits(2..4));
        peer.then(Conduct::Say(report(&body)));
        let (code, detail) = unusable(&mut bench, &folder).await;
        assert_eq!(code, "report-malformed", "{bad}");
        assert!(detail.starts_with("line 3: "), "{bad}: {detail}");
    }
    let mut bytes = report(&debits(0..3));
    let last = bytes.len() - 30;
    bytes[last] = 0xFF;
    peer.then(Conduct::Say(bytes));
    assert_eq!(unusable(&mut bench, &folder).await.0, "report-malformed", "no UTF-8");
    bench.end();
}

#[actix::test]
async fn a_code_that_is_no_word_is_left_out() {
    for (code, brought) in [("R01", Some("R01")), ("", None), ("two words", None), ("\n", None)] {
        let body = text(&with("code", json!(code)));
        let (folder, peer) = (Folder::new(), Peer::saying(report(&body)).await);
        let mut bench = Bench::start(&folder.settings(peer.port));
        bench.fetched(&run(1)).await;
        assert_eq!(bench.lines(&run(1), 1).await[0].code.as_deref(), brought);
        bench.end();
    }
}

#[actix::test]
async fn a_line_without_end_is_not_kept_in_memory() {
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let limits = Limits { line_bytes_max: 300, ..Limits::default() };
    let mut bench = Bench::start(&Settings { limits, ..folder.settings(peer.port) });
    // A line of so many bytes, its end not among them.
    let long = |bytes: usize| {
        let line = debit(0, "failed");
        let spaces = " ".repeat(bytes + 1 - line.len());
        line.replacen('{', &format!("{{{spaces}"), 1)
    };
    peer.then(Conduct::Say(report(&long(300))));
    assert_eq!(bench.fetched(&run(1)).await.fresh, 1);
    for bytes in [301, 70_000] {
        peer.then(Conduct::Say(report(&format!("\n{}", long(bytes)))));
        let told = unusable(&mut bench, &folder).await;
        let expected = ("report-malformed", "line 2 is longer than 300 bytes");
        assert_eq!((told.0.as_str(), told.1.as_str()), expected);
    }
    // A gigabyte is promised; it ends when nobody reads any more.
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n";
    let endless = [head.as_bytes(), &vec![b'x'; 100_000]].concat();
    peer.then(Conduct::Repeat(endless, 10_000));
    assert_eq!(unusable(&mut bench, &folder).await.0, "report-malformed");
    bench.end();
}

#[actix::test]
async fn a_report_with_too_many_lines_or_bytes_is_too_long() {
    for limits in [
        Limits { lines_max: 3, ..Limits::default() },
        Limits { bytes_max: debits(0..4).len() as u64 - 1, ..Limits::default() },
    ] {
        let (folder, peer) = (Folder::new(), Peer::start().await);
        let mut bench = Bench::start(&Settings { limits, ..folder.settings(peer.port) });
        peer.then(Conduct::Say(report(&debits(0..3))));
        assert_eq!(bench.fetched(&run(1)).await.fresh, 3);
        peer.then(Conduct::Say(report(&debits(0..4))));
        assert_eq!(unusable(&mut bench, &folder).await.0, "report-too-long");
        bench.end();
    }
}
