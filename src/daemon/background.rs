//! Work that may take seconds while clients are served: each task has its own thread, at a lower priority than those
//! that answer.
//!
//! Input: a task. Output: its result. A thread that answers queries never runs one.

use std::io;

use rustix::process::setpriority_process;
use rustix::thread::gettid;
use tokio::sync::oneshot;

use crate::diag::{Diagnostic, Id, Place};

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
    // Without it the work is done all the same; `check` says so once.
    let _ = lower_priority();
}

fn lower_priority() -> io::Result<()> {
    // On Linux the priority is the thread's own.
    Ok(setpriority_process(Some(gettid()), NICE)?)
}

/// Tries on a thread of its own whether threads can stand back; the answer holds for the life of the process.
pub(super) async fn check() -> Option<Diagnostic> {
    match run("priority", lower_priority).await {
        Ok(Err(denied)) => Some(no_priority(&denied)),
        // A thread that does not start is said where its work is missed.
        Ok(Ok(())) | Err(_) => None,
    }
}

fn no_priority(denied: &io::Error) -> Diagnostic {
    let text = format!(
        "background threads cannot get a lower priority ({denied}): answers may take longer during a sync; in the \
         systemd unit, add: SystemCallFilter=setpriority"
    );
    Diagnostic::warning(Id::PRIORITY_DENIED, Place::Server, text)
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
    async fn nothing_is_said_where_threads_can_stand_back() {
        assert_eq!(check().await, None);
    }

    /// Does it where the system denies each change of a priority, as a unit does whose `SystemCallFilter` excludes
    /// `@resources`. The filter is the thread's, and that of the threads that it starts.
    fn without_priorities<T: Send>(work: impl FnOnce() -> T + Send) -> T {
        use seccompiler::{SeccompAction, SeccompFilter};
        let setpriority = if cfg!(target_arch = "aarch64") { 140 } else { 141 };
        let deny = SeccompAction::Errno(nix::errno::Errno::EPERM as u32);
        let machine = std::env::consts::ARCH.try_into().unwrap();
        let rules = [(setpriority, vec![])].into_iter().collect();
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, deny, machine).unwrap();
        std::thread::scope(|scope| {
            let confined = scope.spawn(|| {
                seccompiler::apply_filter(&seccompiler::BpfProgram::try_from(filter).unwrap()).unwrap();
                work()
            });
            confined.join().unwrap()
        })
    }

    #[test]
    fn a_sandbox_that_denies_the_priority_is_said_in_one_warning_and_the_work_is_done_all_the_same() {
        let (said, done) = without_priorities(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async { (check().await, run("test", || 7).await) })
        });
        let said = said.unwrap();
        assert_eq!((said.id, said.is_error()), (Id::PRIORITY_DENIED, false));
        assert!(said.text.contains("SystemCallFilter=setpriority"), "{said}");
        assert_eq!(done.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_panic_stays_with_the_work() {
        assert!(run::<()>("test", || panic!("on purpose")).await.is_err());
    }
}
