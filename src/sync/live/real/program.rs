//! A program run without a shell, for as long as it may.

use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::Stop;

/// Octets that are kept of an output.
const MAX_OUTPUT: u64 = 1 << 20;
/// Between two looks whether a program has ended.
const LOOK: Duration = Duration::from_millis(20);

/// The standard output of a program.
///
/// # Errors
/// If it cannot be run, takes longer than `time`, or fails: then the first line of its standard error.
pub(super) fn run(program: &str, arguments: &[&str], time: Duration, stop: &Stop) -> io::Result<Vec<u8>> {
    let end = Instant::now() + time;
    let mut command = Command::new(program);
    // A group of its own: what it starts ends with it.
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn()?;
    let outputs = [child.stdout.take().map(read), child.stderr.take().map(read)];
    let ended = outputs
        .into_iter()
        .map(|output| output.map_or(Ok(Vec::new()), |output| wait_for(&output, end, stop)))
        .collect::<io::Result<Vec<_>>>()
        .and_then(|texts| wait_for_end(&mut child, end, stop).map(|is_good| (texts, is_good)));
    let (texts, is_good) = match ended {
        Ok(ended) => ended,
        Err(error) => {
            kill(&mut child);
            return Err(error);
        }
    };
    let mut texts = texts.into_iter();
    let (output, errors) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
    if is_good {
        return Ok(output);
    }
    let errors = String::from_utf8_lossy(&errors);
    let first = errors.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it failed and did not say why");
    Err(io::Error::other(first.chars().take(300).collect::<String>()))
}

/// Reads on a thread of its own: a program that writes much to both ends stands still otherwise.
fn read(mut from: impl Read + Send + 'static) -> Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        let done = from.by_ref().take(MAX_OUTPUT).read_to_end(&mut kept);
        let done = done.and_then(|_| io::copy(&mut from, &mut io::sink())).map(|_| kept);
        // Nobody waits any more if the time is over.
        let _ = sender.send(done);
    });
    receiver
}

fn wait_for(output: &Receiver<io::Result<Vec<u8>>>, end: Instant, stop: &Stop) -> io::Result<Vec<u8>> {
    loop {
        match output.recv_timeout(LOOK) {
            Ok(done) => return done,
            Err(RecvTimeoutError::Timeout) => may_wait(end, stop, Duration::ZERO)?,
            Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
        }
    }
}

fn wait_for_end(child: &mut Child, end: Instant, stop: &Stop) -> io::Result<bool> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        may_wait(end, stop, LOOK)?;
    }
}

fn may_wait(end: Instant, stop: &Stop, time: Duration) -> io::Result<()> {
    if !stop.wait(time) {
        return Err(io::Error::new(io::ErrorKind::Interrupted, "the source is to end"));
    }
    if Instant::now() >= end {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "it did not end in time"));
    }
    Ok(())
}

/// Ends a program with all that it started.
fn kill(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended by itself.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}
