//! The end of the process, when going on could lose money or show what may be lost.
//!
//! A failed write or sync is never retried and nothing more is answered (invariant 8). Whoever
//! starts the engine says what ending means: the server logs and exits with a named code, a test
//! notes it.

use std::sync::Arc;

use bursar_snapshots::store::StoreError;

/// What is called when the process must end. It does not return in the server.
#[derive(Clone)]
pub struct OnFatal(Arc<dyn Fn(&StoreError) + Send + Sync>);

impl OnFatal {
    /// Calls `end` when the process must end.
    pub fn new(end: impl Fn(&StoreError) + Send + Sync + 'static) -> Self {
        Self(Arc::new(end))
    }

    /// Ends the process.
    pub fn end(&self, error: &StoreError) {
        (self.0)(error);
    }
}
