//! A stopwatch that writes down what took how long.

use std::time::Instant;

/// What happened, and when.
pub(crate) struct Account {
    start: Instant,
    lines: Vec<String>,
}

impl Account {
    /// Starts the watch.
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), lines: Vec::new() }
    }

    /// Writes down what is reached now, and shows it.
    pub(crate) fn reached(&mut self, what: &str) {
        let line = format!("{:6.1} s  {what}", self.start.elapsed().as_secs_f64());
        println!("{line}");
        self.lines.push(line);
    }
}

impl Drop for Account {
    /// All lines again, so that they stand together below what the commands said.
    fn drop(&mut self) {
        println!("\n{}\n", self.lines.join("\n"));
    }
}
