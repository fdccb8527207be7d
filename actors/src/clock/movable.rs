//! A clock that can be moved ahead: the machine's clock plus an offset that only grows.
//!
//! It is for a sandbox, where weeks have to pass in seconds. The offset can be kept in a file: it is
//! durable there before it takes effect, so that a clock that was started again never shows an
//! earlier time than any that was decided with. The file has one line, `offset_ms 86400000`.
//!
//! Clones are the same clock. Who gives it to a third party's simulator hands over a closure
//! (`bursar_sandbox::Clock::new(move || clock.now())`), so that all see the same time.
//!
//! Invariant: the offset never falls, and its file never says less than what is in effect.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bursar_domain::time::Timestamp;
use tokio::sync::MutexGuard;

use super::{Clock, SystemClock};

/// The clock goes up to the end of the year 9998, in milliseconds since the epoch: what it shows
/// can always be written, also while it goes on.
const LATEST_MS: i64 = 253_370_764_799_999;

/// Why a clock cannot be moved, or not be started.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// Time only goes on.
    #[error("the clock stands at {now} and does not go back to {to}")]
    Back {
        /// What it shows.
        now: Timestamp,
        /// Where it was to go.
        to: Timestamp,
    },
    /// Further than can be written.
    #[error("the clock does not go as far as {to}: it ends with the year 9998")]
    Late {
        /// Where it was to go.
        to: Timestamp,
    },
    /// The file is not what was written.
    #[error("the clock's file {path}: {what}; put it back as it was, or choose another one")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// The file cannot be read or written.
    #[error("{doing} the clock's file {path}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

struct Inner {
    base: Arc<dyn Clock>,
    offset_ms: AtomicI64,
    /// Held while the offset is written.
    file: Mutex<Option<PathBuf>>,
    turn: tokio::sync::Mutex<()>,
}

/// The clock.
#[derive(Clone)]
pub struct MovableClock(Arc<Inner>);

impl Default for MovableClock {
    fn default() -> Self {
        Self::over(Arc::new(SystemClock))
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        let now = self.0.base.now().millis();
        let now = now.saturating_add(self.offset_ms()).min(LATEST_MS);
        Timestamp::from_millis(now).expect("it is not moved further than can be written")
    }
}

impl MovableClock {
    /// Shows what another clock shows, until it is moved. Nothing is kept.
    pub fn over(base: Arc<dyn Clock>) -> Self {
        Self::at_offset(base, 0, None)
    }

    /// Shows what another clock shows, moved as far as a file says, which need not be there yet.
    pub fn kept(base: Arc<dyn Clock>, file: &Path) -> Result<Self, ClockError> {
        let offset_ms = read(file)?;
        Ok(Self::at_offset(base, offset_ms, Some(file.to_owned())))
    }

    fn at_offset(base: Arc<dyn Clock>, offset_ms: i64, file: Option<PathBuf>) -> Self {
        let (offset_ms, file) = (AtomicI64::new(offset_ms), Mutex::new(file));
        Self(Arc::new(Inner { base, offset_ms, file, turn: tokio::sync::Mutex::new(()) }))
    }

    /// How far it is ahead, in milliseconds.
    pub fn offset_ms(&self) -> i64 {
        self.0.offset_ms.load(Ordering::Acquire)
    }

    /// Moves it ahead to an instant; returns what it shows then. Blocks while the file is written.
    ///
    /// # Errors
    /// When it shows a later time already, or the file cannot be written. Then nothing has changed.
    pub fn move_to(&self, to: Timestamp) -> Result<Timestamp, ClockError> {
        self.move_when(to, |now| Err(ClockError::Back { now, to }))
    }

    /// Moves it ahead to an instant, unless it shows that time or a later one already.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn reach(&self, to: Timestamp) -> Result<Timestamp, ClockError> {
        self.move_when(to, Ok)
    }

    fn move_when(
        &self,
        to: Timestamp,
        when_past: impl FnOnce(Timestamp) -> Result<Timestamp, ClockError>,
    ) -> Result<Timestamp, ClockError> {
        let file = self.0.file.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        if to == now {
            return Ok(now);
        }
        if to < now {
            return when_past(now);
        }
        if to.millis() > LATEST_MS {
            return Err(ClockError::Late { to });
        }
        let offset_ms = self.offset_ms() + (to.millis() - now.millis());
        if let Some(path) = &*file {
            write(path, offset_ms).map_err(|(doing, source)| ClockError::Io {
                doing,
                path: path.clone(),
                source,
            })?;
        }
        self.0.offset_ms.store(offset_ms, Ordering::Release);
        Ok(self.now())
    }

    /// Waits until nobody else moves the clock step by step. Who waits longest is next.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.0.turn.lock().await
    }
}

/// The offset in a file; none when the file is not there.
fn read(path: &Path) -> Result<i64, ClockError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        Err(source) => {
            return Err(ClockError::Io { doing: "reading", path: path.to_owned(), source });
        }
    };
    let number = text.strip_prefix("offset_ms ").and_then(|rest| rest.strip_suffix('\n'));
    let offset = number.and_then(|number| number.parse().ok());
    offset.filter(|offset| (0..=LATEST_MS).contains(offset)).ok_or_else(|| {
        let what = format!("{text:?} is not \"offset_ms\" and a number of milliseconds");
        ClockError::Damaged { path: path.to_owned(), what }
    })
}

/// Writes the offset, durable when it returns: another file takes the place of the old one.
fn write(path: &Path, offset_ms: i64) -> Result<(), (&'static str, std::io::Error)> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let writing = |source| ("writing", source);
    let mut file = File::create(&new).map_err(writing)?;
    file.write_all(format!("offset_ms {offset_ms}\n").as_bytes()).map_err(writing)?;
    file.sync_all().map_err(writing)?;
    fs::rename(&new, path).map_err(|source| ("replacing", source))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or(Path::new(".")));
    folder.and_then(|folder| folder.sync_all()).map_err(|source| ("syncing the folder of", source))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that stands.
    struct Standing(AtomicI64);

    impl Clock for Standing {
        fn now(&self) -> Timestamp {
            at(self.0.load(Ordering::Relaxed))
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).expect("in range")
    }

    fn standing(millis: i64) -> Arc<Standing> {
        Arc::new(Standing(AtomicI64::new(millis)))
    }

    #[test]
    fn it_goes_on_from_where_it_was_moved_and_never_back() {
        let base = standing(1_000);
        let clock = MovableClock::over(Arc::clone(&base) as _);
        let other = clock.clone();
        assert_eq!((clock.now(), clock.offset_ms()), (at(1_000), 0));
        assert_eq!(clock.move_to(at(5_000)).expect("ahead"), at(5_000));
        base.0.store(1_250, Ordering::Relaxed);
        assert_eq!((other.now(), other.offset_ms()), (at(5_250), 4_000));
        assert_eq!(other.move_to(at(5_250)).expect("where it is"), at(5_250));
        let error = clock.move_to(at(5_249)).expect_err("back").to_string();
        let expected = "the clock stands at 1970-01-01T00:00:05.250Z and does not go back to \
                        1970-01-01T00:00:05.249Z";
        assert_eq!(error, expected);
        assert_eq!(clock.reach(at(3)).expect("past it"), at(5_250));
        assert_eq!(clock.reach(at(6_000)).expect("ahead"), at(6_000));
        assert!(MovableClock::default().now() > at(1_700_000_000_000));
    }

    #[test]
    fn it_ends_before_time_cannot_be_written() {
        let base = standing(1_000);
        let clock = MovableClock::over(Arc::clone(&base) as _);
        let last = Timestamp::parse("9998-12-31T23:59:59.999Z").expect("an instant");
        assert_eq!(last.millis(), LATEST_MS);
        let late = clock.move_to(at(LATEST_MS + 1)).expect_err("too late");
        assert!(late.to_string().contains("it ends with the year 9998"), "{late}");
        clock.move_to(last).expect("the last");
        base.0.store(9_000, Ordering::Relaxed);
        assert_eq!(clock.now(), last);
    }

    #[test]
    fn the_offset_is_kept_in_its_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("clock");
        let base = standing(1_000);
        let open = || MovableClock::kept(Arc::clone(&base) as _, &path);
        let clock = open().expect("not there yet");
        assert_eq!(clock.offset_ms(), 0);
        clock.move_to(at(90_000)).expect("ahead");
        assert_eq!(fs::read_to_string(&path).expect("written"), "offset_ms 89000\n");
        base.0.store(2_000, Ordering::Relaxed);
        assert_eq!(open().expect("kept").now(), at(91_000));
        let names = fs::read_dir(directory.path()).expect("listed").count();
        assert_eq!(names, 1, "nothing else is left");
        for bad in ["", "offset_ms", "offset_ms \n", "offset_ms -1\n", "offset_ms 1", "1\n"] {
            fs::write(&path, bad).expect("written");
            let error = open().err().expect("damaged");
            assert!(matches!(error, ClockError::Damaged { .. }), "{bad:?}: {error}");
        }
    }

    #[test]
    fn what_cannot_be_kept_does_not_take_effect() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("gone").join("clock");
        let clock = MovableClock::kept(standing(1_000), &path).expect("not there yet");
        let error = clock.move_to(at(9_000)).expect_err("there is no such folder");
        assert!(matches!(error, ClockError::Io { doing: "writing", .. }), "{error}");
        assert_eq!((clock.now(), clock.offset_ms()), (at(1_000), 0));
    }
}
