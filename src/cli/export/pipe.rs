//! From whoever makes rows to the thread that writes them.
//!
//! Reading and writing go on at the same time, on two threads. Rows are handed over some hundred
//! thousand at a time and come back empty; there are three such lots, one being filled, one that
//! waits, one being written, and they are all the memory there is. Who is faster waits.

use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Wanted;
use super::failure::Failure;
use super::output::Output;
use super::report::Report;
use crate::export::formats::Writer;
use crate::export::position::Position;
use crate::export::rows::Rows;

/// A lot is handed over when it has so many rows, or so many bytes of texts. It is also a row group
/// of Parquet: as many as DuckDB likes to read at a time.
const ROWS: usize = 122_880;
const TEXT_BYTES: usize = 16 << 20;

/// Hands rows to the thread that writes them.
pub(super) struct Pipe {
    full: SyncSender<Rows>,
    empty: Receiver<Rows>,
    thread: JoinHandle<io::Result<()>>,
    output: Output,
    report: Report,
    progress: ProgressBar,
}

/// The thread that writes has ended; it knows why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Broken;

impl Pipe {
    /// Begins an export as of a position.
    pub(super) fn begin(
        wanted: &Wanted<'_>,
        position: &Position,
        output: Output,
    ) -> Result<Self, Failure> {
        let report = Report::begun(wanted, position, output.file());
        let failed = |source| Failure::Output { path: output.name(), source };
        let sink = output.sink().map_err(failed)?;
        let writer = wanted.format.writer(sink, wanted.table, &report.notes()).map_err(failed)?;
        let (full, to_write) = sync_channel(1);
        let (written, empty) = channel();
        for _ in 0..2 {
            let rows = Rows::new(wanted.table.columns, wanted.range);
            written.send(rows).expect("the receiver is here");
        }
        let thread = Builder::new().name("writer".to_owned());
        let thread = thread.spawn(move || write(writer, &to_write, &written));
        let thread = thread.map_err(Failure::Start)?;
        Ok(Self { full, empty, thread, output, report, progress: progress() })
    }

    /// Whether rows are enough to be handed over.
    pub(super) fn is_enough(rows: &Rows) -> bool {
        rows.len() >= ROWS || rows.text_bytes() >= TEXT_BYTES
    }

    /// Hands rows over and gives empty ones to fill.
    pub(super) fn hand(&mut self, rows: Rows) -> Result<Rows, Broken> {
        let count = u64::try_from(rows.len()).expect("a usize fits a u64");
        self.report.rows += count;
        self.progress.inc(count);
        self.full.send(rows).map_err(|_| Broken)?;
        self.empty.recv().map_err(|_| Broken)
    }

    /// There are no more rows: makes the file whole. After an error before, there is only the
    /// writer's, if it has one.
    pub(super) fn end(self, fed: Result<(), Broken>) -> Result<Report, Failure> {
        let Self { full, empty, thread, output, mut report, progress } = self;
        drop((full, empty));
        let written = thread.join().expect("a panic ends the process");
        progress.finish_and_clear();
        let path = output.name();
        let kept = written.and_then(|()| output.keep());
        report.bytes = kept.map_err(|source| Failure::Output { path, source })?;
        assert_eq!(fed, Ok(()), "a writer without an error takes everything");
        Ok(report)
    }
}

fn write(
    mut writer: Box<dyn Writer + '_>,
    full: &Receiver<Rows>,
    empty: &Sender<Rows>,
) -> io::Result<()> {
    for mut rows in full {
        writer.write(&rows)?;
        rows.clear();
        // At the end nobody wants them any more.
        drop(empty.send(rows));
    }
    writer.end()
}

/// A counter on standard error, for people who watch: how many rows there are is known at the end.
fn progress() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
    let style = ProgressStyle::with_template("{spinner} {human_pos} rows, {elapsed} ({per_sec})")
        .expect("the template is a constant, and drawn by every run");
    bar.set_style(style);
    bar
}
