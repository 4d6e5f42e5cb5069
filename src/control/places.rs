//! The places for connections: those of the owner and root are apart from those of everybody else, and no user has all
//! of the latter.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections of the owner and root that are served at one time: an operator and some scripts.
const OWNER_PLACES: usize = 16;

/// Connections of theirs that may wait for a place.
const OWNER_WAITING: usize = 64;

/// Connections of all others at one time.
const OTHER_PLACES: usize = 16;

/// Connections of one other user at one time.
const PLACES_OF_ONE: usize = 4;

/// All places.
pub(super) struct Places {
    owner: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    others: Arc<Mutex<HashMap<u32, usize>>>,
}

/// A place, until it is dropped.
#[expect(dead_code, reason = "what it holds is given back when it is dropped")]
pub(super) enum Place {
    Owner(OwnedSemaphorePermit),
    Other(OtherPlace),
}

/// A place of another user.
pub(super) struct OtherPlace {
    uid: u32,
    taken: Arc<Mutex<HashMap<u32, usize>>>,
}

impl Places {
    pub(super) fn new() -> Self {
        Self {
            owner: Arc::new(Semaphore::new(OWNER_PLACES)),
            waiting: Arc::new(Semaphore::new(OWNER_WAITING)),
            others: Arc::default(),
        }
    }

    /// A place for the owner or root, once one is free; `None` if too many wait already.
    pub(super) async fn for_owner(&self) -> Option<Place> {
        let waiting = self.waiting.try_acquire().ok()?;
        let place = Arc::clone(&self.owner).acquire_owned().await.ok()?;
        drop(waiting);
        Some(Place::Owner(place))
    }

    /// A place for another user, if one is free.
    pub(super) fn for_other(&self, uid: u32) -> Option<Place> {
        let mut taken = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = taken.values().sum();
        let own = taken.get(&uid).copied().unwrap_or_default();
        if all >= OTHER_PLACES || own >= PLACES_OF_ONE {
            return None;
        }
        taken.insert(uid, own + 1);
        Some(Place::Other(OtherPlace { uid, taken: Arc::clone(&self.others) }))
    }
}

impl Drop for OtherPlace {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.uid) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.uid)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn others_take_no_place_of_the_owner_and_one_user_takes_not_all_of_the_others() {
        let places = Places::new();
        let of_one: Vec<Place> = (0..100).filter_map(|_| places.for_other(7)).collect();
        assert_eq!(of_one.len(), PLACES_OF_ONE);
        let of_others: Vec<Place> = (100..200).filter_map(|uid| places.for_other(uid)).collect();
        assert_eq!(of_others.len(), OTHER_PLACES - PLACES_OF_ONE);
        assert!(places.for_owner().await.is_some(), "the owner's are apart");
        drop(of_one);
        assert!(places.for_other(300).is_some(), "what was given back can be taken");
        drop(of_others);
        assert!(places.others.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn the_owner_waits_for_a_place() {
        let places = Places::new();
        let mut served = Vec::new();
        for _ in 0..OWNER_PLACES {
            served.push(places.for_owner().await.unwrap());
        }
        let (next, ()) = tokio::join!(places.for_owner(), async { drop(served.pop()) });
        assert!(next.is_some());
    }
}
