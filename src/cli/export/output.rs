//! The file that is written, or standard output.
//!
//! Rows go into `FILE.part` beside the file, which is locked, synced when it is whole, and only then
//! renamed. So a file of the name that was asked for is never half of one; what was there before
//! stays until then. When anything fails, the part is removed.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::failure::Failure;

/// How much is gathered for one write.
const BUFFER: usize = 1 << 20;

/// Where rows go.
pub(super) enum Output {
    /// A file that has no name yet.
    File(Part),
    /// Standard output.
    Stdout,
}

/// A file being written.
pub(super) struct Part {
    file: File,
    path: PathBuf,
    whole: PathBuf,
    is_whole: bool,
}

impl Output {
    /// Opens it; `-` is standard output.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let usage = |what: &str| Failure::Usage(format!("--out {}: {what}", path.display()));
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => return Err(usage("this is a directory; name a file")),
            Ok(found) if !found.is_file() => {
                return Err(usage("this is no plain file; for a pipe, use --out -"));
            }
            Ok(_) | Err(_) => {}
        }
        let Some(name) = path.file_name() else { return Err(usage("this names no file")) };
        let mut name = name.to_owned();
        name.push(".part");
        let part = path.with_file_name(name);
        let options = File::options().write(true).create(true).truncate(false).open(&part);
        let file = options.map_err(|error| usage(&format!("it cannot be written: {error}")))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(usage("another export is writing this file"));
            }
            Err(TryLockError::Error(source)) => return Err(Failure::of(&part, source)),
        }
        file.set_len(0).map_err(|source| Failure::of(&part, source))?;
        Ok(Self::File(Part { file, path: part, whole: path.to_owned(), is_whole: false }))
    }

    /// What messages call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(part) => part.whole.display().to_string(),
            Self::Stdout => "standard output".to_owned(),
        }
    }

    /// The file's name; none for standard output.
    pub(super) fn file(&self) -> Option<PathBuf> {
        match self {
            Self::File(part) => Some(part.whole.clone()),
            Self::Stdout => None,
        }
    }

    /// Something that takes bytes and counts them.
    pub(super) fn sink(&self) -> io::Result<Sink> {
        let out: Box<dyn Write + Send> = match self {
            Self::File(part) => Box::new(part.file.try_clone()?),
            Self::Stdout => Box::new(io::stdout()),
        };
        Ok(Sink { out: BufWriter::with_capacity(BUFFER, out) })
    }

    /// Everything has been written: makes it durable and gives it its name. Returns its size.
    pub(super) fn keep(self) -> io::Result<u64> {
        match self {
            Self::File(mut part) => part.keep(),
            Self::Stdout => Ok(0),
        }
    }
}

impl Part {
    fn keep(&mut self) -> io::Result<u64> {
        let size = self.file.metadata()?.len();
        self.file.sync_all()?;
        fs::rename(&self.path, &self.whole)?;
        self.is_whole = true;
        // The name is durable when the directory is.
        let directory = self.whole.parent().filter(|path| !path.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(size)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_whole
            && let Err(error) = fs::remove_file(&self.path)
        {
            eprintln!("bursar export: {} is left over: {error}", self.path.display());
        }
    }
}

/// Takes bytes.
pub(super) struct Sink {
    out: BufWriter<Box<dyn Write + Send>>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Failure {
    /// A file could not be written.
    pub(super) fn of(path: &Path, source: io::Error) -> Self {
        Self::Output { path: path.display().to_string(), source }
    }
}
