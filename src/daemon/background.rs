//! Work that may take seconds while clients are served: each task has its own thread, at a lower priority than those
//! that answer.
//!
//! Input: a task. Output: its result. A thread that answers queries never runs one.

use std::io;

use rustix::process::setpriority_process;
use rustix::thread::gettid;
use tokio::sync::oneshot;

/// Where cores are scarce, a tenth of what each thread that answers gets: on one core an answer never waits for a zone
/// of ten thousand records to be written, and a sync on a server under full load still ends.
const NICE: i32 = 10;

/// Runs the work on a new thread and sends its result; nothing comes if the thread cannot start, or panics.
///
/// The caller need not wait: a disk or a share may hang for as long as it likes.
pub(super) fn start<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
    let (done, result) = oneshot::channel();
    let thread = move || {
        stand_back();
        // The receiver may be gone.
        let _ = done.send(work());
    };
    // Without a thread the sender is gone, and the receiver learns of it.
    drop(std::thread::Builder::new().name(name.to_owned()).spawn(thread));
    result
}

/// Puts the present thread behind those that answer.
pub(super) fn stand_back() {
    // On Linux the priority is the thread's own. Without it the work is done all the same.
    let _ = setpriority_process(Some(gettid()), NICE);
}

/// Does it on a new thread and waits for it.
///
/// # Errors
/// If the thread cannot start, or panics.
pub(super) async fn run<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    start(name, work).await.map_err(|_| io::Error::other("no thread could be started, or it panicked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_work_is_done_behind_the_threads_that_answer_and_they_keep_their_place() {
        let nice = || rustix::process::getpriority_process(Some(gettid())).unwrap();
        let before = nice();
        assert_eq!(run("test", nice).await.unwrap(), before.max(NICE));
        assert_eq!(nice(), before);
    }

    #[tokio::test]
    async fn a_panic_stays_with_the_work() {
        assert!(run::<()>("test", || panic!("on purpose")).await.is_err());
    }
}
