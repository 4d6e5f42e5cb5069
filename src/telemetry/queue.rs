//! A bounded queue between the log and standard error, so that a reader that stands still stops nothing else.
//!
//! In: lines, from any thread. Out: the same lines in their order, written by a thread of their own; where lines did
//! not fit, one line says how many. Never: a wait for the reader, except at the end, and then not for long.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

/// Octets of the lines that wait.
const CAPACITY: usize = 1 << 20;

/// The queue.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    lost_line: Box<dyn Fn(u64) -> String + Send + Sync>,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    octets: usize,
    /// Lines that did not fit and were not reported yet.
    lost: u64,
    /// Whether a line is being written.
    is_writing: bool,
}

impl Queue {
    /// Starts the thread that writes to `output`; `lost_line` says how many lines did not fit.
    ///
    /// # Errors
    /// If the system has no thread left.
    pub(super) fn start(
        output: impl Write + Send + 'static,
        lost_line: impl Fn(u64) -> String + Send + Sync + 'static,
    ) -> io::Result<Arc<Self>> {
        let queue =
            Arc::new(Self { waiting: Mutex::default(), changed: Condvar::new(), lost_line: Box::new(lost_line) });
        let own = Arc::clone(&queue);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || own.write_all(output))?;
        Ok(queue)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line, or counts it as lost.
    pub(super) fn push(&self, line: &[u8]) {
        let mut waiting = self.waiting();
        if waiting.octets + line.len() > CAPACITY {
            waiting.lost += 1;
            return;
        }
        if waiting.lost > 0 {
            let lost = (self.lost_line)(std::mem::take(&mut waiting.lost));
            waiting.add(lost.into_bytes());
        }
        waiting.add(line.to_vec());
        drop(waiting);
        self.changed.notify_all();
    }

    /// Writes lines as they come, for ever.
    fn write_all(&self, mut output: impl Write) {
        loop {
            // A reader that is gone is not our problem.
            let _ = write_line(&mut output, &self.next());
        }
    }

    /// The next line, once there is one.
    fn next(&self) -> Vec<u8> {
        let mut waiting = self.waiting();
        loop {
            if let Some(line) = waiting.lines.pop_front() {
                waiting.octets -= line.len();
                waiting.is_writing = true;
                return line;
            }
            if waiting.lost > 0 {
                waiting.is_writing = true;
                return (self.lost_line)(std::mem::take(&mut waiting.lost)).into_bytes();
            }
            waiting.is_writing = false;
            self.changed.notify_all();
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until every line is written, but no longer than this.
    pub(super) fn flush(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut waiting = self.waiting();
        while waiting.is_writing || !waiting.lines.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            (waiting, _) = self.changed.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Waiting {
    fn add(&mut self, line: Vec<u8>) {
        self.octets += line.len();
        self.lines.push_back(line);
    }
}

/// Writes a line whole, also where somebody else made the terminal non-blocking.
fn write_line(output: &mut impl Write, mut line: &[u8]) -> io::Result<()> {
    while !line.is_empty() {
        match output.write(line) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => line = line.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(Duration::from_millis(10)),
            Err(error) => return Err(error),
        }
    }
    output.flush()
}

impl Write for &Queue {
    /// Takes one line; it never fails and never waits.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The queue as the writer of a log layer.
pub(super) struct ToQueue(pub(super) Arc<Queue>);

impl<'a> MakeWriter<'a> for ToQueue {
    type Writer = &'a Queue;

    fn make_writer(&'a self) -> Self::Writer {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// An output that takes a line whenever the test reads one.
    struct Slow(SyncSender<String>);

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.send(String::from_utf8_lossy(line).into_owned()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Arc<Queue>, Receiver<String>) {
        let (sender, lines) = sync_channel(0);
        (Queue::start(Slow(sender), |lost| format!("{lost} lost\n")).unwrap(), lines)
    }

    #[test]
    fn a_reader_that_stands_still_stops_nobody_and_learns_in_its_place_how_many_lines_were_lost() {
        let (queue, lines) = slow();
        let long = "x".repeat(CAPACITY / 64);
        for _ in 0..200 {
            queue.push(long.as_bytes());
        }
        assert!(queue.waiting().octets <= CAPACITY);
        let lost = queue.waiting().lost;
        assert!((135..=136).contains(&lost), "one may be on its way: {lost}");
        let first = lines.recv().unwrap();
        // There is room for a line now that the first is out; the report comes before it.
        while queue.waiting().octets + 10 > CAPACITY {
            assert_eq!(lines.recv().unwrap(), first);
        }
        queue.push(b"after\n");
        let rest: Vec<String> = lines.iter().filter(|line| *line != first).take(2).collect();
        assert_eq!(rest, [format!("{lost} lost\n"), "after\n".to_owned()]);
    }

    #[test]
    fn lost_lines_are_reported_once_the_queue_is_empty_although_no_line_follows() {
        let (queue, lines) = slow();
        queue.push(b"first\n");
        queue.push(&vec![b'x'; CAPACITY + 1]);
        assert_eq!(lines.iter().take(2).collect::<Vec<_>>(), ["first\n", "1 lost\n"]);
    }

    #[test]
    fn a_flush_ends_when_all_is_written_or_when_its_time_is_over() {
        let (queue, lines) = slow();
        queue.push(b"first\n");
        queue.flush(Duration::ZERO);
        let reading = std::thread::spawn(move || lines.iter().take(1).collect::<Vec<_>>());
        queue.flush(Duration::from_mins(1));
        assert_eq!(reading.join().unwrap(), ["first\n"]);
    }
}
