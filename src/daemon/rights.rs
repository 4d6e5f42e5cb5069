//! The right to listen at ports below 1024, where the program file brings it: as in the container image.
//!
//! Ambient capabilities, which a unit of systemd gives, are in effect from the start. A runtime of containers gives a
//! user other than root none of those: the file has the capability as permitted alone (`setcap ...=+p`), because a file
//! that puts it into effect by itself cannot be started at all where the container does not have it (capabilities(7)).

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

/// Puts the capability into effect for this thread, and for those that it starts later, if it is permitted.
pub(crate) fn claim_low_ports() {
    // A bind without the right says what is missing.
    let claimed = capabilities(None).ok().and_then(claimed);
    let _ = claimed.map(|sets| set_capabilities(None, sets));
}

/// The sets with the capability in effect; `None` where that changes nothing or is not permitted.
fn claimed(mut sets: CapabilitySets) -> Option<CapabilitySets> {
    let wanted = CapabilitySet::NET_BIND_SERVICE;
    let is_due = sets.permitted.contains(wanted) && !sets.effective.contains(wanted);
    sets.effective |= wanted;
    is_due.then_some(sets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(permitted: CapabilitySet, effective: CapabilitySet) -> CapabilitySets {
        CapabilitySets { effective, permitted, inheritable: CapabilitySet::empty() }
    }

    #[test]
    fn what_is_permitted_comes_into_effect_and_nothing_else_does() {
        let (none, bind, all) = (CapabilitySet::empty(), CapabilitySet::NET_BIND_SERVICE, CapabilitySet::all());
        assert_eq!(claimed(sets(bind, none)), Some(sets(bind, bind)));
        assert_eq!(claimed(sets(all, CapabilitySet::CHOWN)), Some(sets(all, CapabilitySet::CHOWN | bind)));
        for without_need_or_right in [sets(none, none), sets(bind, bind), sets(all - bind, none)] {
            assert_eq!(claimed(without_need_or_right), None);
        }
    }
}
