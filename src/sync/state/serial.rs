//! The last serial of each zone that the server writes: one for the base and all views together, since the zone that
//! the clients of a view see has the later serial of both.
//!
//! Input: the serials that a zone is known to have had, the time. Output: the next one, which is later, and is
//! remembered before the zone is written: a file that is lost is written again with a later serial, so that secondaries
//! take it. Without this memory the file, the zone in service and the clock remain.

use super::{State, of_zone};
use crate::dns::{Name, Serial};
use crate::zone::ZoneId;

const PART: &str = "serial";

/// Octets that are read.
const MAX_BYTES: u64 = 64;

impl State {
    /// The serial for a zone that is about to be written: the time in seconds since 1970 where that is later than all
    /// that are known, here or to the caller, else the next number. A zone is written all the same if the disk does
    /// not take this memory; that of the records' lists, which fails too, says so.
    pub(crate) fn next_serial(&self, apex: &Name, known: impl IntoIterator<Item = Serial>, now: u64) -> Serial {
        let serial = next(known.into_iter().chain(self.last_serial(apex)).reduce(Serial::later), now);
        // What is lost with the power is the memory of the last moments, and hardly the zone's file as well.
        let _lost = self.write_soon(PART, &of_zone(&ZoneId::base(apex.clone())), format!("{serial}\n").as_bytes());
        serial
    }

    /// The serial that the zone was written with last; a file that makes no sense is as good as none.
    fn last_serial(&self, apex: &Name) -> Option<Serial> {
        let bytes = self.read(PART, &of_zone(&ZoneId::base(apex.clone())), MAX_BYTES).ok().flatten()?;
        String::from_utf8(bytes).ok()?.trim_end().parse().ok().map(Serial)
    }
}

/// The serial after this one: the time where that is later, and always later in the sense of RFC 1982, also when the
/// clock was set back or the numbers wrap.
fn next(current: Option<Serial>, now: u64) -> Serial {
    // The low 32 bits go on in 2106 from 0, as serials do.
    let time = Serial(u32::try_from(now & u64::from(u32::MAX)).unwrap_or_default().max(1));
    match current {
        Some(current) if !time.is_after(current) => current.next(),
        _ => time,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: u64 = 1_800_000_000;

    fn apex() -> Name {
        "privatelink.blob.core.windows.net".parse().unwrap()
    }

    #[test]
    fn the_serial_is_the_time_and_never_goes_back() {
        assert_eq!(next(None, DAY), Serial(1_800_000_000));
        assert_eq!(next(Some(Serial(5)), DAY), Serial(1_800_000_000));
        assert_eq!(next(Some(Serial(1_800_000_000)), DAY), Serial(1_800_000_001), "two syncs in one second");
        assert_eq!(next(Some(Serial(1_900_000_000)), DAY), Serial(1_900_000_001), "the clock was set back");
        assert_eq!(next(Some(Serial(u32::MAX)), DAY), Serial(1_800_000_000), "later on the circle");
        assert_eq!(next(Some(Serial(u32::MAX)), 0xffff_ffff), Serial(1), "it wraps past 0");
        assert_eq!(next(Some(Serial(u32::MAX - 1)), 1 << 32), Serial(1), "after 2106");
        assert_eq!(next(None, 1 << 32), Serial(1));
    }

    #[test]
    fn a_serial_is_later_than_the_remembered_one_and_than_each_that_the_caller_knows() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path().to_owned());
        assert_eq!(state.next_serial(&apex(), None, DAY), Serial(1_800_000_000));
        assert_eq!(state.next_serial(&apex(), None, DAY), Serial(1_800_000_001), "the file is lost within the second");
        assert_eq!(state.next_serial(&apex(), None, 7), Serial(1_800_000_002), "and the clock is set back");
        assert_eq!(state.next_serial(&apex(), [Serial(1_800_000_009), Serial(3)], DAY), Serial(1_800_000_010));
        assert_eq!(state.next_serial(&apex(), [Serial(3), Serial(1_800_000_004)], DAY), Serial(1_800_000_011));
        let other = "privatelink.queue.core.windows.net".parse().unwrap();
        assert_eq!(state.next_serial(&other, None, DAY), Serial(1_800_000_000), "each zone has its own");
    }

    #[test]
    fn a_memory_that_makes_no_sense_or_cannot_be_kept_leaves_what_the_caller_knows() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path().join("state"));
        for text in [&b""[..], b"x\n", b"-1\n", b"4294967296\n", b"\xff\n", &[b'1'; 65]] {
            state.write(PART, &of_zone(&ZoneId::base(apex())), text).unwrap();
            assert_eq!(state.next_serial(&apex(), [Serial(1_800_000_000)], DAY), Serial(1_800_000_001), "{text:?}");
        }
        std::fs::write(folder.path().join("file"), "").unwrap();
        let state = State::new(folder.path().join("file"));
        assert_eq!(state.next_serial(&apex(), [Serial(1_800_000_000)], DAY), Serial(1_800_000_001));
    }

    proptest! {
        #[test]
        fn the_next_serial_is_always_later(current: u32, now: u64) {
            let next = next(Some(Serial(current)), now);
            prop_assert!(next.is_after(Serial(current)) && next.0 != 0);
        }
    }
}
