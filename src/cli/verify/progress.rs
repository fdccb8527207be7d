//! How far the check is, on standard error.
//!
//! How many entities there are is only known at the end, so what turns is a counter and not a bar.
//! It is hidden by itself when standard error is no terminal, and gone when it is dropped, so that
//! the report on standard output is the same with and without it.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A counter that turns.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// A counter for people who watch.
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
        let style = ProgressStyle::with_template("{spinner} {msg:32} {human_pos:>12}  {elapsed}")
            .expect("the template is a constant, and drawn by every run");
        bar.set_style(style);
        Self(bar)
    }

    /// A counter that nobody sees.
    #[cfg(test)]
    pub(super) fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    /// Begins something else to count.
    pub(super) fn begin(&self, what: &'static str) {
        self.0.set_message(what);
        self.0.reset();
        self.0.tick();
    }

    /// One more.
    pub(super) fn advance(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
