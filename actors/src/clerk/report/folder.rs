//! Where the files of reports are: a folder on disk, or one in memory for tests and the simulator.
//!
//! Both know the few things that are done with these files and nothing else, so that all that is
//! above them is the same code. A file that was renamed or removed while it is open stays readable,
//! as on disk.
//!
//! Invariant: in memory nothing depends on chance, so a simulated run can be repeated.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::BuildHasher;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A folder.
#[derive(Clone, Debug)]
pub enum Folder {
    /// On disk.
    Disk(PathBuf),
    /// In memory.
    Memory(Memory),
}

/// A folder in memory; clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    files: BTreeMap<String, Bytes>,
    marks: u64,
}

type Bytes = Arc<Mutex<Vec<u8>>>;

impl Folder {
    /// Begins a file, which replaces one that is there.
    pub(super) fn create(&self, name: &str) -> io::Result<Handle> {
        match self {
            Self::Disk(folder) => {
                let mut options = File::options();
                let options = options.read(true).write(true).create(true).truncate(true);
                Ok(Handle::Disk(options.open(folder.join(name))?))
            }
            Self::Memory(memory) => {
                let bytes = Bytes::default();
                memory.held().files.insert(name.to_owned(), Arc::clone(&bytes));
                Ok(Handle::Memory(bytes, 0))
            }
        }
    }

    /// Opens a file; `None` when it is not there.
    pub(super) fn open(&self, name: &str) -> io::Result<Option<Handle>> {
        match self {
            Self::Disk(folder) => match File::open(folder.join(name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                file => Ok(Some(Handle::Disk(file?))),
            },
            Self::Memory(memory) => {
                let found = memory.held().files.get(name).cloned();
                Ok(found.map(|bytes| Handle::Memory(bytes, 0)))
            }
        }
    }

    /// Whether a file is there.
    pub(super) fn has(&self, name: &str) -> io::Result<bool> {
        match self {
            Self::Disk(folder) => folder.join(name).try_exists(),
            Self::Memory(memory) => Ok(memory.held().files.contains_key(name)),
        }
    }

    /// Gives a file another name, in place of one that has it.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        match self {
            Self::Disk(folder) => fs::rename(folder.join(from), folder.join(to)),
            Self::Memory(memory) => {
                let mut held = memory.held();
                let file = held.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
                held.files.insert(to.to_owned(), file);
                Ok(())
            }
        }
    }

    /// Removes a file.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match self {
            Self::Disk(folder) => fs::remove_file(folder.join(name)),
            Self::Memory(memory) => {
                let removed = memory.held().files.remove(name);
                removed.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
            }
        }
    }

    /// A number that the next spool under this name will not have; its upper bits tell them apart.
    pub(super) fn mark(&self, name: &str) -> u64 {
        match self {
            Self::Disk(_) => RandomState::new().hash_one(name),
            Self::Memory(memory) => {
                let mut held = memory.held();
                held.marks += 1;
                held.marks.reverse_bits()
            }
        }
    }
}

impl Memory {
    /// Removes all files, as a loss of power may.
    pub fn lose(&self) {
        self.held().files.clear();
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        locked(&self.0)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An open file.
#[derive(Debug)]
pub(super) enum Handle {
    Disk(File),
    /// What is in it, and where reading and writing go on.
    Memory(Bytes, u64),
}

impl Handle {
    pub(super) fn length(&self) -> io::Result<u64> {
        match self {
            Self::Disk(file) => Ok(file.metadata()?.len()),
            Self::Memory(bytes, _) => Ok(locked(bytes).len() as u64),
        }
    }

    pub(super) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match self {
            Self::Disk(file) => file.read_exact_at(buffer, offset),
            Self::Memory(bytes, _) => {
                let bytes = locked(bytes);
                let there = bytes.get(place(offset)?..).and_then(|b| b.get(..buffer.len()));
                buffer.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
        }
    }

    pub(super) fn write_all_at(&self, buffer: &[u8], offset: u64) -> io::Result<()> {
        match self {
            Self::Disk(file) => file.write_all_at(buffer, offset),
            Self::Memory(bytes, _) => {
                let (mut bytes, from) = (locked(bytes), place(offset)?);
                let end = from + buffer.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[from..end].copy_from_slice(buffer);
                Ok(())
            }
        }
    }
}

fn place(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(io::Error::other)
}

impl Read for Handle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Disk(file) => file.read(buffer),
            Self::Memory(bytes, at) => {
                let bytes = locked(bytes);
                let rest = bytes.get(place(*at)?..).unwrap_or_default();
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                *at += count as u64;
                Ok(count)
            }
        }
    }
}

impl Write for Handle {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if let Self::Disk(file) = self {
            return file.write(buffer);
        }
        let from = self.stream_position()?;
        self.write_all_at(buffer, from)?;
        self.seek(SeekFrom::Start(from + buffer.len() as u64))?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Disk(file) => file.flush(),
            Self::Memory(..) => Ok(()),
        }
    }
}

impl Seek for Handle {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let length = self.length()?;
        match self {
            Self::Disk(file) => file.seek(to),
            Self::Memory(_, at) => {
                let moved = match to {
                    SeekFrom::Start(offset) => Some(offset),
                    SeekFrom::End(by) => length.checked_add_signed(by),
                    SeekFrom::Current(by) => at.checked_add_signed(by),
                };
                *at = moved.ok_or(io::ErrorKind::InvalidInput)?;
                Ok(*at)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_does_what_a_disk_does() {
        let folder = Folder::Memory(Memory::default());
        let mut file = folder.create("a").expect("in memory");
        file.write_all(b"0123").expect("in memory");
        file.write_all_at(b"xyz", 3).expect("in memory");
        file.write_all(b"4").expect("in memory");
        folder.rename("a", "b").expect("in memory");
        assert!(
            !folder.has("a").expect("in memory") && folder.open("a").expect("in memory").is_none()
        );
        let mut again = folder.open("b").expect("in memory").expect("it is there");
        folder.remove("b").expect("in memory");
        let mut text = String::new();
        again.seek(SeekFrom::Start(1)).expect("in memory");
        again.read_to_string(&mut text).expect("in memory");
        assert_eq!((&*text, again.length().expect("in memory")), ("12x4z", 6));
        let mut past = [0; 3];
        let missing = again.read_exact_at(&mut past, 4).expect_err("refused").kind();
        assert_eq!(missing, io::ErrorKind::UnexpectedEof);
        let gone = folder.remove("b").expect_err("refused").kind();
        assert_eq!(gone, io::ErrorKind::NotFound);
        assert_ne!(folder.mark("b"), folder.mark("b"));
    }
}
