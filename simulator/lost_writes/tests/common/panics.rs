//! Panics, counted, with those that are expected kept quiet.
//!
//! sled panics on errors that it thinks cannot be, also in threads of its own. In the release build
//! every panic stops the process; the test profile unwinds, so a panic in sled's thread would go
//! unseen.

use std::panic::PanicHookInfo;
use std::sync::{Mutex, Once, PoisonError};

/// The panics since they were last asked for.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn is_of_sled(panic: &PanicHookInfo<'_>) -> bool {
    panic.location().is_some_and(|location| location.file().contains("/sled-0.34"))
}

/// Counts panics within sled from now on, and says nothing of them.
pub(crate) fn count() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if is_of_sled(panic) {
                let thread = std::thread::current();
                let told = format!("{panic} in thread {}", thread.name().unwrap_or("?"));
                PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(told);
            } else {
                before(panic);
            }
        }));
    });
}

/// The panics within sled since the last call.
pub(crate) fn take() -> Vec<String> {
    std::mem::take(&mut PANICS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Whether nothing panicked since.
pub(crate) fn is_empty() -> bool {
    PANICS.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
}
