//! Line numbers of places in a text.

/// The number of lines that end in these bytes.
pub(super) fn feeds(bytes: &[u8]) -> u32 {
    bytes.iter().map(|byte| u32::from(*byte == b'\n')).sum()
}

/// Counts lines up to ever later places, so that a long text is counted once.
pub(super) struct LineCounter<'t> {
    text: &'t str,
    at: usize,
    line: u32,
}

impl<'t> LineCounter<'t> {
    /// The text starts on line `first`.
    pub(super) fn new(text: &'t str, first: u32) -> Self {
        Self { text, at: 0, line: first }
    }

    /// The text has this line at a place, and no earlier place will be asked for.
    pub(super) fn starting(text: &'t str, at: usize, line: u32) -> Self {
        Self { text, at, line }
    }

    /// The line of a place. One before the last place asked for gets that one's line: readers ask in order.
    pub(super) fn at(&mut self, index: usize) -> u32 {
        if let Some(passed) = self.text.as_bytes().get(self.at..index) {
            self.line = self.line.saturating_add(feeds(passed));
            self.at = index;
        }
        self.line
    }
}
