//! Reading the file again: line by line, each checked before it is believed.
//!
//! Only the last line may be broken off, without its end: that is what a process leaves that is
//! killed in the middle of a write, and nothing of that change was answered. It is reported, and
//! cut off by the caller. Everything else that is not as it was written stops the reading, because
//! a processor that has forgotten one booking is worse than one that does not start.
//!
//! A file that is no journal is left as it is, also when it looks like a torn first line.

use std::io::{self, BufRead, BufReader, Read};

use serde::Deserialize;

use super::{End, HEADER, LINE_BYTES_MAX, PARTS, SUM_DIGITS, VERSION, digits, sum};
use crate::change::{Change, Misfit};

/// How much is read at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// A last line without its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Torn {
    /// Its number, from 1.
    pub(super) line: u64,
    /// How much of it is there.
    pub(super) bytes: usize,
}

#[derive(Deserialize)]
struct Header {
    journal: String,
    version: u64,
}

/// Reads all changes; where what can be believed ends, and what stands behind it.
pub(super) fn replay(
    file: impl Read,
    mut apply: impl FnMut(Change) -> Result<(), Misfit>,
) -> io::Result<(End, Option<Torn>)> {
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
    let (mut end, mut line) = (End::default(), Vec::new());
    for number in 1_u64.. {
        line.clear();
        let mut bounded = (&mut reader).take(LINE_BYTES_MAX as u64);
        if bounded.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if !line.ends_with(b"\n") {
            let torn = Torn { line: number, bytes: line.len() };
            let torn_header = number > 1 || HEADER.as_bytes().starts_with(&line);
            return match (torn_header, line.len() < LINE_BYTES_MAX) {
                (true, true) => Ok((end, Some(torn))),
                (true, false) => Err(damaged(number, "it is longer than any line")),
                (false, _) => Err(foreign()),
            };
        }
        if number == 1 {
            check_header(&line)?;
        } else {
            let (change, sum) = read(&line, end.sum).map_err(|why| damaged(number, &why))?;
            apply(change).map_err(|Misfit(why)| damaged(number, why))?;
            end.sum = sum;
        }
        end.bytes += line.len() as u64;
    }
    Ok((end, None))
}

fn check_header(line: &[u8]) -> io::Result<()> {
    match serde_json::from_slice::<Header>(line) {
        Ok(Header { journal, .. }) if journal != "bursar-sandbox" => Err(foreign()),
        Ok(Header { version: VERSION, .. }) => Ok(()),
        Ok(Header { version, .. }) => {
            let text = format!("it is of version {version}; this sandbox has version {VERSION}");
            Err(io::Error::new(io::ErrorKind::InvalidData, text))
        }
        Err(_) => Err(foreign()),
    }
}

/// The change of a line and its sum.
fn read(line: &[u8], before: u64) -> Result<(Change, u64), String> {
    let [prefix, between, suffix] = PARTS.map(str::as_bytes);
    let parts = line.strip_prefix(prefix).and_then(|rest| {
        let (sum, rest) = rest.split_at_checked(SUM_DIGITS)?;
        Some((sum, rest.strip_prefix(between)?.strip_suffix(suffix)?))
    });
    let Some((written, change)) = parts else {
        return Err("it is not of the form {\"sum\":…,\"did\":…}".to_owned());
    };
    let sum = sum(change, before);
    if written != digits(sum).as_bytes() {
        return Err("its sum is not that of its content after the line before".to_owned());
    }
    let change = serde_json::from_slice(change);
    Ok((change.map_err(|error| format!("what it says is not known here: {error}"))?, sum))
}

fn damaged(line: u64, why: &str) -> io::Error {
    let text = format!("line {line} is damaged: {why}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn foreign() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "line 1 is not the header of a sandbox's file")
}
