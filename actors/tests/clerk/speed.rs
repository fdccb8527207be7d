//! How long a report takes and how much memory, by its number of lines. By hand, optimised and
//! alone, because memory is that of the process:
//!
//! `REPORT_LINES=1000000 cargo nextest run --release -p bursar-actors --test clerk --no-capture \
//! many_lines`
//!
//! What is measured is printed; what is tested is that no line is lost.

use std::fs;
use std::time::Instant;

use bursar_domain::errand::{Found, Wanted};

use crate::bench::{Bench, Folder, run};
use crate::lines::debit;
use crate::peer::{CHUNKED, Conduct, Peer};

/// The most memory that the process ever had, in KiB.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A report of so many lines, in a file, so that it is in no memory of ours.
fn write(folder: &Folder, lines: u32) -> std::path::PathBuf {
    use std::io::Write;
    let path = folder.file("../report");
    let mut file = std::io::BufWriter::new(fs::File::create(&path).unwrap());
    file.write_all(CHUNKED.as_bytes()).unwrap();
    for number in 0..lines {
        let status = if number % 10 == 0 { "failed" } else { "succeeded" };
        let line = debit(number, status);
        write!(file, "{:x}\r\n{line}\r\n", line.len()).unwrap();
    }
    file.write_all(b"0\r\n\r\n").unwrap();
    path
}

async fn measure(count: u32) {
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    let path = write(&folder, count);
    let before_kib = peak_kib();
    for day in [1, 2] {
        peer.then(Conduct::SayFile(path.clone()));
        let began = Instant::now();
        let size = bench.fetched(&run(day)).await;
        let fetched = began.elapsed();
        let (mut next, mut brought, all) = (Some(0), 0, u64::from(count));
        while let Some(from) = next {
            let page = Wanted::ReportLines { from, limit: 1_000 };
            let Found::Lines { lines, next: after } = bench.run(&run(day), page).await else {
                panic!()
            };
            brought += lines.len() as u64;
            next = after;
        }
        assert_eq!((brought, size.fresh), if day == 1 { (all, all) } else { (0, 0) });
        let read = began.elapsed().saturating_sub(fetched);
        bench.close(&run(day)).await;
        println!(
            "{count} lines, {} new: fetched in {fetched:?}, brought in {read:?}; peak {} KiB, \
             {} KiB before",
            size.fresh,
            peak_kib(),
            before_kib
        );
    }
    bench.end();
}

#[actix::test]
async fn a_report_of_many_lines_is_taken_and_brought() {
    let lines = std::env::var("REPORT_LINES").map_or(2_000, |lines| lines.parse().unwrap());
    measure(lines).await;
}
