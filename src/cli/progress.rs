//! Shows on a terminal the step that a long pass is at.
//!
//! Input: the steps of a pass. Output: one line on standard error that is redrawn with each step and wiped at the end;
//! nothing at all when standard error is not a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::sync::progress::PassStep;

/// The time between two drawings of the line: a short pass is over before the first one.
const TICK: Duration = Duration::from_millis(150);

/// The line; it goes when this is dropped.
pub(super) struct ProgressLine(ProgressBar);

impl ProgressLine {
    /// Starts with reading the zones, which comes before every pass.
    pub(super) fn start() -> Self {
        Self::with("reading the zones".to_owned())
    }

    /// Starts with this text.
    pub(super) fn with(text: String) -> Self {
        let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
        let line = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        line.set_message(text);
        line.enable_steady_tick(TICK);
        Self(line)
    }

    /// Goes on to this step of a pass.
    pub(super) fn show(&self, step: PassStep<'_>) {
        self.say(step.to_string());
    }

    /// Goes on to this step.
    pub(super) fn say(&self, step: impl Into<String>) {
        self.0.set_message(step.into());
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
