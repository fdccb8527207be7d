//! A report's new lines, set aside in a file to be brought page by page.
//!
//! The file is a head and records: length, CRC32C, the line as the processor wrote it. It is
//! written under another name and gets its own when it is whole. A position is where a record
//! begins, and beside it a mark of this very spool, so that no position is used on another one
//! that has taken its place.
//!
//! What is not as it was written is not there: [`Spool::page`] gives nothing, and the report is
//! asked for again.

use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use bursar_domain::errand::{ReportLine, ReportSize};

use super::folder::{Folder, Handle};
use super::line::Line;

/// What the file begins with: what it is, and the version of its form.
const MAGIC: &[u8; 8] = b"BRSLIN1\n";

/// Magic, mark, the three counts, where the records end, the CRC32C of all that.
const HEAD_BYTES: usize = 8 + 5 * 8 + 4;

/// Where in a position the mark begins; below it is an offset of at most a terabyte.
const MARK_SHIFT: u32 = 40;

/// Writes a spool.
#[derive(Debug)]
pub struct Writer {
    file: BufWriter<Handle>,
    end: u64,
}

impl Writer {
    /// Begins a file, which replaces one that is there.
    pub fn create(folder: &Folder, name: &str) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(64 * 1_024, folder.create(name)?);
        file.write_all(&[0; HEAD_BYTES])?;
        Ok(Self { file, end: HEAD_BYTES as u64 })
    }

    /// Adds a line.
    pub fn add(&mut self, line: &[u8]) -> io::Result<()> {
        let length = u32::try_from(line.len()).map_err(io::Error::other)?;
        self.file.write_all(&length.to_be_bytes())?;
        self.file.write_all(&crc32c::crc32c(line).to_be_bytes())?;
        self.file.write_all(line)?;
        self.end += 8 + u64::from(length);
        Ok(())
    }

    /// Writes the rest and the head. `mark` is any number.
    pub fn finish(self, size: ReportSize, mark: u64) -> io::Result<()> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        if self.end >> MARK_SHIFT != 0 {
            return Err(io::Error::other("a report of more than a terabyte"));
        }
        let mark = mark >> MARK_SHIFT;
        let head = Head { mark, size, end: self.end };
        file.write_all_at(&head.to_bytes(), 0)
    }
}

struct Head {
    mark: u64,
    size: ReportSize,
    end: u64,
}

impl Head {
    fn to_bytes(&self) -> [u8; HEAD_BYTES] {
        let ReportSize { lines, fresh, others } = self.size;
        let mut bytes = [0; HEAD_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        for (at, number) in [self.mark, lines, fresh, others, self.end].iter().enumerate() {
            bytes[8 + at * 8..][..8].copy_from_slice(&number.to_be_bytes());
        }
        let sum = crc32c::crc32c(&bytes[..HEAD_BYTES - 4]);
        bytes[HEAD_BYTES - 4..].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; HEAD_BYTES]) -> Option<Self> {
        let number = |at: usize| {
            let mut number = [0; 8];
            number.copy_from_slice(&bytes[8 + at * 8..][..8]);
            u64::from_be_bytes(number)
        };
        let size = ReportSize { lines: number(1), fresh: number(2), others: number(3) };
        let head = Self { mark: number(0), size, end: number(4) };
        (head.to_bytes() == *bytes).then_some(head)
    }
}

/// A spool that can be read.
#[derive(Debug)]
pub struct Spool {
    file: BufReader<Handle>,
    mark: u64,
    end: u64,
}

/// Lines, and where the next ones begin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// The lines.
    pub lines: Vec<ReportLine>,
    /// Where the next ones begin; `None` after the last.
    pub next: Option<u64>,
}

impl Spool {
    /// Opens one; `None` when it is not there or not as it was written.
    pub fn open(folder: &Folder, name: &str) -> io::Result<Option<Self>> {
        let Some(file) = folder.open(name)? else { return Ok(None) };
        let mut file = BufReader::new(file);
        let mut head = [0; HEAD_BYTES];
        match file.read_exact(&mut head) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let Some(head) = Head::from_bytes(&head) else { return Ok(None) };
        let whole = file.get_ref().length()? == head.end;
        Ok(whole.then_some(Self { file, mark: head.mark, end: head.end }))
    }

    /// At most so many lines from a position on, 0 being the first; `None` when the position is
    /// that of another spool, or a line is not as it was written.
    pub fn page(&mut self, from: u64, limit: usize) -> io::Result<Option<Page>> {
        let (mark, offset) = (from >> MARK_SHIFT, from & ((1 << MARK_SHIFT) - 1));
        let mut at = match from {
            0 => HEAD_BYTES as u64,
            _ if mark == self.mark && (HEAD_BYTES as u64..=self.end).contains(&offset) => offset,
            _ => return Ok(None),
        };
        self.file.seek(SeekFrom::Start(at))?;
        let mut lines = Vec::new();
        while lines.len() < limit && at < self.end {
            let Some((line, bytes)) = self.record(at)? else { return Ok(None) };
            lines.push(line);
            at += bytes;
        }
        let next = (at < self.end).then_some((self.mark << MARK_SHIFT) | at);
        Ok(Some(Page { lines, next }))
    }

    /// The line that begins here, and how many bytes it takes.
    fn record(&mut self, at: u64) -> io::Result<Option<(ReportLine, u64)>> {
        let mut head = [0; 8];
        if self.end - at < 8 {
            return Ok(None);
        }
        self.file.read_exact(&mut head)?;
        let [a, b, c, d, sum @ ..] = head;
        let length = u64::from(u32::from_be_bytes([a, b, c, d]));
        if self.end - at - 8 < length {
            return Ok(None);
        }
        let mut line = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.file.read_exact(&mut line)?;
        if crc32c::crc32c(&line) != u32::from_be_bytes(sum) {
            return Ok(None);
        }
        Ok(Line::parse(&line).ok().map(|line| (line.brought(), 8 + length)))
    }
}
