//! The progress bar of a long phase, on standard error.
//!
//! Where standard error is no terminal there is a line per phase instead. The bar is moved between
//! slices and calls only, never within a measurement.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that is gone when it is dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar over `steps` steps.
    pub(crate) fn new(label: &str, steps: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr_with_hz(5));
        let style = ProgressStyle::with_template("{msg:44} [{bar:30}] {pos}/{len} {elapsed}")
            .expect("the template is a constant, and drawn by every run");
        bar.set_style(style.progress_chars("=> "));
        bar.set_message(label.to_owned());
        bar.tick();
        if bar.is_hidden() {
            eprintln!("{label}");
        }
        Self(bar)
    }

    /// Some steps are done.
    pub(crate) fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
