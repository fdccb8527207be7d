//! One report on its way in: cut into lines, each checked and thrown into its bin.
//!
//! It is given bytes as they come and holds of them the beginning of a line at most. When the last
//! have come, the whole is checked and set aside; when it is dropped before, nothing is left of it.
//!
//! Whoever gives the bytes says by [`Intake::finish`] that all have come. A last line without its
//! end counts when it can be read.

use std::sync::atomic::AtomicBool;

use bursar_domain::errand::ReportSize;

use super::Fault;
use super::check::{Binned, Outcome};
use super::line::Line;
use super::shelf::Places;
use crate::clerk::settings::Limits;

/// A report on its way in.
#[derive(Debug)]
pub struct Intake {
    places: Places,
    limits: Limits,
    binned: Binned,
    /// The beginning of a line whose end has not come yet.
    begun: Vec<u8>,
    bytes: u64,
    /// How many lines have ended, blank ones as well: the number of the last of them.
    number: u64,
    size: ReportSize,
}

impl Intake {
    pub(super) fn new(places: Places, limits: Limits, binned: Binned) -> Self {
        let (begun, size) = (Vec::new(), ReportSize::default());
        Self { places, limits, binned, begun, bytes: 0, number: 0, size }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.bytes > self.limits.bytes_max {
            return Err(too_long(format!("{} bytes", self.limits.bytes_max)));
        }
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            if self.begun.is_empty() {
                self.line(line)?;
                continue;
            }
            let mut begun = std::mem::take(&mut self.begun);
            begun.extend_from_slice(line);
            self.line(&begun)?;
            begun.clear();
            self.begun = begun;
        }
        self.begun.extend_from_slice(rest);
        self.fits(self.begun.len())
    }

    /// A line has ended.
    fn line(&mut self, text: &[u8]) -> Result<(), Fault> {
        self.fits(text.len())?;
        self.number += 1;
        if self.number > self.limits.lines_max {
            return Err(too_long(format!("{} lines", self.limits.lines_max)));
        }
        if text.trim_ascii().is_empty() {
            return Ok(());
        }
        let line = Line::parse(text);
        let line = line.map_err(|why| Fault::malformed(format!("line {}: {why}", self.number)))?;
        let mark = line.mark();
        self.size.lines += 1;
        self.size.others += u64::from(!mark.debit);
        self.binned.add(&mark, text)
    }

    /// All has come: checks it and sets it aside.
    pub fn finish(mut self, given_up: &AtomicBool) -> Result<ReportSize, Fault> {
        let last = std::mem::take(&mut self.begun);
        if let Err(why) = Line::parse(&last)
            && !last.trim_ascii().is_empty()
        {
            let number = self.number + 1;
            return Err(Fault::incomplete(format!("line {number}, the last, has no end: {why}")));
        }
        if !last.is_empty() {
            self.line(&last)?;
        }
        let Self { places, binned, mut size, .. } = self;
        let before = places.before()?;
        let mut outcome = Outcome { lines: places.lines()?, digests: places.digests()? };
        size.fresh = binned.check(before, &mut outcome, given_up)?;
        places.set_aside(outcome, size)?;
        Ok(size)
    }

    fn fits(&self, bytes: usize) -> Result<(), Fault> {
        if bytes <= self.limits.line_bytes_max {
            return Ok(());
        }
        let (number, most) = (self.number + 1, self.limits.line_bytes_max);
        Err(Fault::malformed(format!("line {number} is longer than {most} bytes")))
    }
}

fn too_long(most: String) -> Fault {
    let detail = format!("it has more than {most}").into();
    Fault::Unusable { code: "report-too-long", detail }
}
