//! What the process uses of the machine, as the kernel says.

use std::fs;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};
use nix::sys::time::TimeVal;

use crate::status::model::ProcessStatus;

/// What this process uses now; `None` where the kernel does not say, as without `/proc`.
pub(super) fn usage() -> Option<ProcessStatus> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes = |key| Some(number(&status, key)?.saturating_mul(1024));
    let times = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    // The folder that is being read is one of them.
    let open = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    Some(ProcessStatus {
        resident_bytes: kibibytes("VmRSS")?,
        virtual_bytes: kibibytes("VmSize")?,
        cpu_s: seconds(times.user_time()) + seconds(times.system_time()),
        open_fds: open as u64,
        max_fds: getrlimit(Resource::RLIMIT_NOFILE).ok()?.0,
        threads: number(&status, "Threads")?,
    })
}

/// The number behind a key of `/proc/self/status`.
fn number(status: &str, key: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    value.split_whitespace().next()?.parse().ok()
}

fn seconds(time: TimeVal) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a process does not run for longer than 52 bits of seconds")]
    let (whole, parts) = (time.tv_sec() as f64, time.tv_usec() as f64);
    whole + parts / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_threads_memory_and_descriptors_within_its_limits() {
        let before = usage().unwrap();
        let file = fs::File::open("/proc/self/status").unwrap();
        let after = usage().unwrap();
        drop(file);
        assert!(before.threads >= 1 && before.open_fds >= 1 && before.open_fds <= before.max_fds, "{before:?}");
        assert!(before.resident_bytes > 0 && before.resident_bytes <= before.virtual_bytes, "{before:?}");
        assert!(after.cpu_s >= before.cpu_s, "{before:?} {after:?}");
    }

    #[test]
    fn a_key_is_found_whole_and_a_number_without_its_unit() {
        let status = "Name:\tx\nVmRSSX:\t1 kB\nVmRSS:\t  5124 kB\nThreads:\tmany\n";
        assert_eq!(number(status, "VmRSS"), Some(5124));
        assert_eq!(number(status, "Threads"), None);
        assert_eq!(number(status, "VmSize"), None);
    }
}
