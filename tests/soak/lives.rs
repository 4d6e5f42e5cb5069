//! Memory and files of each life of the server, second by second: flat after the warm-up.

use std::fmt;

use nix::unistd::Pid;

use crate::gauge::Gauge;

/// Seconds until the cache is full and memory has its size. A shorter life says nothing.
const WARM: usize = 60;

/// The least share of a life that counts as warm-up, percent.
const WARM_SHARE: usize = 30;

/// Memory at the end as a share of that after the warm-up, percent, that is not a leak: the allocator's own noise.
const SLACK: u64 = 110;

/// Files more than after the warm-up that may be open for good reason.
const FILES: usize = 8;

/// One process after the other.
#[derive(Default)]
pub(crate) struct Lives(Vec<(Pid, Vec<Gauge>)>);

impl Lives {
    /// Takes a reading.
    pub(crate) fn read(&mut self, pid: Pid) -> Gauge {
        if self.0.last().is_none_or(|(last, _)| *last != pid) {
            self.0.push((pid, Vec::new()));
        }
        let gauge = Gauge::read(pid);
        self.0.iter_mut().filter(|(own, _)| *own == pid).for_each(|(_, gauges)| gauges.push(gauge));
        gauge
    }

    /// Panics unless memory and files were flat in each.
    pub(crate) fn judge(&self) {
        for (pid, gauges) in &self.0 {
            let Some((warm, last)) = warm_and_last(gauges) else { continue };
            let (before, after) = (warm.resident, last.resident);
            assert!(
                after * 100 <= before * SLACK,
                "memory of {pid} grew from {before} to {after} KiB after the warm-up"
            );
            assert!(last.files <= warm.files + FILES, "files of {pid} stay open: {warm}, then {last}");
        }
    }
}

/// After the warm-up, and at the end.
fn warm_and_last(gauges: &[Gauge]) -> Option<(Gauge, Gauge)> {
    let warm = gauges.get(WARM.max(gauges.len() * WARM_SHARE / 100))?;
    Some((*warm, *gauges.last()?))
}

impl fmt::Display for Lives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (_, gauges)) in self.0.iter().enumerate() {
            writeln!(f, "life {:<3} {:5} s     {}", number + 1, gauges.len(), gauges[0])?;
            if let Some((warm, last)) = warm_and_last(gauges) {
                writeln!(f, "  after the warm-up {warm}\n  at the end        {last}")?;
            }
        }
        Ok(())
    }
}
