//! Bins: records sorted roughly, by the first byte of a hash, in one file.
//!
//! Each bin has a small buffer in memory; a full one is written to the end of the file, and where
//! it stands is remembered. So memory is that of the buffers, plus eight bytes for each block
//! written, and a bin is read again block by block, in the order in which it was filled.
//!
//! The file is gone when the bins are dropped.

use std::io;

use super::folder::{Folder, Handle};

/// How many bins there are: one for each value of a hash's first byte.
pub const BINS: usize = 256;

/// Records in bins, on disk.
#[derive(Debug)]
pub struct Bins {
    folder: Folder,
    name: String,
    file: Handle,
    end: u64,
    block_bytes: usize,
    all: Vec<Bin>,
}

#[derive(Debug, Default)]
struct Bin {
    buffer: Vec<u8>,
    blocks: Vec<Block>,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    from: u64,
    bytes: usize,
}

/// The bin of a hash.
pub fn bin_of(hash: u128) -> usize {
    usize::from(hash.to_be_bytes()[0])
}

impl Bins {
    /// Empty bins in a new file, which replaces one that is there.
    pub fn create(folder: &Folder, name: String, block_bytes: usize) -> io::Result<Self> {
        let (folder, file) = (folder.clone(), folder.create(&name)?);
        let all = (0..BINS).map(|_| Bin::default()).collect();
        Ok(Self { folder, name, file, end: 0, block_bytes, all })
    }

    /// Adds a record, in parts, to the bin of a hash.
    pub fn add(&mut self, hash: u128, parts: &[&[u8]]) -> io::Result<()> {
        let bin = &mut self.all[bin_of(hash)];
        let bytes = parts.iter().map(|part| part.len()).sum::<usize>();
        if bin.buffer.len() + bytes > self.block_bytes {
            write_out(&self.file, &mut self.end, bin)?;
        }
        if bin.buffer.capacity() == 0 {
            bin.buffer.reserve_exact(self.block_bytes.max(bytes));
        }
        for part in parts {
            bin.buffer.extend_from_slice(part);
        }
        Ok(())
    }

    /// Writes out all buffers and gives their memory back; then the bins can be read.
    pub fn finish(&mut self) -> io::Result<()> {
        for bin in &mut self.all {
            write_out(&self.file, &mut self.end, bin)?;
            bin.buffer = Vec::new();
        }
        Ok(())
    }

    /// Gives the blocks of a bin, each of whole records, in the order in which they were added.
    pub fn read<E: From<io::Error>>(
        &self,
        bin: usize,
        mut block: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut buffer = Vec::new();
        for Block { from, bytes } in &self.all[bin].blocks {
            buffer.resize(*bytes, 0);
            self.file.read_exact_at(&mut buffer, *from)?;
            block(&buffer)?;
        }
        Ok(())
    }
}

fn write_out(file: &Handle, end: &mut u64, bin: &mut Bin) -> io::Result<()> {
    if bin.buffer.is_empty() {
        return Ok(());
    }
    file.write_all_at(&bin.buffer, *end)?;
    bin.blocks.push(Block { from: *end, bytes: bin.buffer.len() });
    *end += bin.buffer.len() as u64;
    bin.buffer.clear();
    Ok(())
}

impl Drop for Bins {
    /// What cannot be removed now is removed by the next start.
    fn drop(&mut self) {
        drop(self.folder.remove(&self.name));
    }
}
