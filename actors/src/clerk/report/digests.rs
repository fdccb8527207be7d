//! What a report had, as a sorted list of digests, so that the next one, which overlaps with it, is
//! only brought where it is new.
//!
//! A digest stands for a key and how it ended: the hash of the key, whose last bit is how it ended.
//! They are written and read in ascending order, bin by bin ([`super::bins`]), so that comparing
//! two reports costs one pass over each file.
//!
//! A file that is not there, or not whole, has no digests: then more lines are brought again, which
//! does no harm.

use std::io::{self, BufReader, BufWriter, Read, Write};

use super::bins::bin_of;
use super::folder::{Folder, Handle};
use super::line::Mark;

/// What the file begins with: what it is, and the version of its form.
const MAGIC: &[u8; 8] = b"BRSDIG1\n";

const DIGEST_BYTES: usize = 16;

/// A digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Digest(u128);

impl Digest {
    /// Of a line.
    pub fn of(mark: &Mark) -> Self {
        Self((mark.key & !1) | u128::from(mark.succeeded))
    }
}

/// Writes digests.
#[derive(Debug)]
pub struct Writer(BufWriter<Handle>);

impl Writer {
    /// Begins a file, which replaces one that is there.
    pub fn create(folder: &Folder, name: &str) -> io::Result<Self> {
        let mut file = BufWriter::new(folder.create(name)?);
        file.write_all(MAGIC)?;
        Ok(Self(file))
    }

    /// Adds those of the next bin, ascending.
    pub fn add(&mut self, digests: &[Digest]) -> io::Result<()> {
        digests.iter().try_for_each(|digest| self.0.write_all(&digest.0.to_be_bytes()))
    }

    /// Writes the rest.
    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Reads digests, bin by bin.
#[derive(Debug)]
pub struct Reader {
    file: Option<BufReader<Handle>>,
    next: Option<Digest>,
}

impl Reader {
    /// Those of a file, as it is now; whatever replaces it later.
    pub fn open(folder: &Folder, name: &str) -> io::Result<Self> {
        let nothing = Self { file: None, next: None };
        let Some(file) = folder.open(name)? else { return Ok(nothing) };
        let bytes = file.length()?.checked_sub(MAGIC.len() as u64);
        let mut file = BufReader::new(file);
        let mut magic = [0; MAGIC.len()];
        let whole = bytes.is_some_and(|bytes| bytes.is_multiple_of(DIGEST_BYTES as u64));
        if !whole || file.read_exact(&mut magic).is_err() || &magic != MAGIC {
            tracing::warn!(
                "{name}, of the reports, is not as it was written; all lines of the next are new"
            );
            return Ok(nothing);
        }
        let mut reader = Self { file: Some(file), next: None };
        reader.next = reader.read()?;
        Ok(reader)
    }

    fn read(&mut self) -> io::Result<Option<Digest>> {
        let Some(file) = &mut self.file else { return Ok(None) };
        let mut bytes = [0; DIGEST_BYTES];
        match file.read_exact(&mut bytes) {
            Ok(()) => Ok(Some(Digest(u128::from_be_bytes(bytes)))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All of the next bin, ascending. Bins are asked for in their order.
    pub fn bin(&mut self, bin: usize) -> io::Result<Vec<Digest>> {
        let mut found = Vec::new();
        while let Some(digest) = self.next.filter(|digest| bin_of(digest.0) <= bin) {
            found.push(digest);
            self.next = self.read()?;
        }
        Ok(found)
    }
}
