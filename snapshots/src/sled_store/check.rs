//! Looking before opening: a small database is opened as a copy first.
//!
//! sled cannot be asked to only look. When it opens a file with one byte that is not what it
//! wrote, it overwrites the rest of its log with zeros, forgets pages, or panics; then the file
//! that could have been repaired, or that was only read wrongly, is gone. So up to a size the
//! files are copied, the copy is opened and checked in full, and only then the files are opened.
//!
//! In the release build a panic ends the process, so its message is all that people see; the
//! command line's panic hook says what a panic within sled means and what to do.
//!
//! Invariant: when the check finds damage, the files are as they were.

use super::{Options, open};
use crate::port::Home;
use crate::store::Result;

/// Checks a copy of a store. Returns whether there was one to check, and room for the copy.
pub(super) fn check<H: Home>(home: &H, options: &Options) -> Result<bool> {
    let Some(copy) = home.copy(options.scrub_limit_bytes)? else { return Ok(false) };
    let checked = open::open_locked(&copy, None, options, open::Scrub::Full).map(drop);
    home.remove_copy()?;
    checked.map(|()| true)
}
