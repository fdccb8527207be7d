//! Rows from the directory of a stopped server.
//!
//! This thread reads and decodes, the pipe's writes. A directory that a server has open is refused:
//! its lock is taken here as there.

use std::path::Path;

use bursar_domain::id::{EntityId, Kind, Seq};
use bursar_snapshots::sled_store::Options;
use bursar_snapshots::store::{Result as Stored, StoreError};

use super::Wanted;
use super::failure::Failure;
use super::output::Output;
use super::pipe::{Broken, Pipe};
use super::report::Report;
use crate::config::Config;
use crate::export::Walk;
use crate::export::directory::{Directory, Visit};

/// What the database may keep in memory: everything is read once.
const CACHE_BYTES: u64 = 32 << 20;

/// Opens the directory.
pub(super) fn open(path: &Path, config: Option<&Path>) -> Result<Directory, Failure> {
    let config = Config::load(config).map_err(|error| Failure::Usage(error.to_string()))?;
    if !path.join("sled").exists() && !path.join("witness").exists() {
        let path = path.display();
        return Err(Failure::Usage(format!(
            "there is no data in {path}: name the data directory of a server with --data DIR"
        )));
    }
    let options = Options { cache_bytes: CACHE_BYTES, ..config.store() };
    Ok(Directory::open(path, &options)?)
}

/// Exports from it.
pub(super) fn export(
    directory: &Directory,
    wanted: &Wanted<'_>,
    output: Output,
) -> Result<Report, Failure> {
    let position = directory.position().asked(wanted.at);
    let position = position.map_err(|what| Failure::Usage(format!("--at: {what}")))?;
    let mut feeding = Feeding {
        pipe: Pipe::begin(wanted, &position, output)?,
        walk: Walk::new(wanted.table, position, wanted.range),
        fed: Ok(()),
    };
    let walked = directory.walk(wanted.table.kinds, &mut feeding);
    if feeding.fed.is_ok() {
        walked?;
        feeding.walk.end();
        feeding.fed = feeding.hand().map(drop);
    }
    feeding.pipe.end(feeding.fed)
}

/// A walk whose rows go into a pipe.
struct Feeding {
    pipe: Pipe,
    walk: Walk,
    fed: Result<(), Broken>,
}

impl Feeding {
    fn hand(&mut self) -> Result<(), Broken> {
        let rows = self.walk.take();
        self.walk.give(self.pipe.hand(rows)?);
        Ok(())
    }

    fn hand_if_enough(&mut self) -> Stored<()> {
        if !Pipe::is_enough(self.walk.rows()) {
            return Ok(());
        }
        self.fed = self.hand();
        self.fed.map_err(|Broken| stopped())
    }
}

/// Ends the walk; the writer says why.
fn stopped() -> StoreError {
    let source = std::io::ErrorKind::BrokenPipe.into();
    StoreError::Io { doing: "handing rows to the writer", source }
}

impl Visit for Feeding {
    fn record(&mut self, id: &EntityId, seq: Seq, bytes: &[u8]) -> Stored<()> {
        self.walk.record(id, seq, bytes)?;
        self.hand_if_enough()
    }

    fn end_kind(&mut self, kind: Kind) -> Stored<()> {
        self.walk.end_kind(kind);
        self.hand_if_enough()
    }
}
