//! All questions in flight, by their id and by what they ask.
//!
//! A flight is taken out for a decision, and put back if it goes on: it is looked up only once, and no other code can
//! touch it meanwhile. The allocations of a flight that has ended serve the next one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use foldhash::quality::RandomState;

use super::flight::{Flight, FlightKey};
use crate::forward::ids::FlightId;

/// The capacity for ended flights that are reused.
const MAX_SPARE: usize = 512;

/// The flights.
#[derive(Default)]
pub(crate) struct Flights {
    slots: Vec<FlightSlot>,
    free: Vec<u32>,
    by_key: HashMap<Arc<FlightKey>, FlightId, RandomState>,
    #[expect(clippy::vec_box, reason = "they move between the lists without a copy")]
    spare: Vec<Box<Flight>>,
}

#[derive(Default)]
struct FlightSlot {
    generation: u32,
    /// Also empty while the flight is taken out.
    flight: Option<Box<Flight>>,
}

/// The flight for a question.
pub(crate) enum Found {
    /// The flight that asks the same.
    Same(FlightId),
    /// A new flight.
    New(FlightId),
}

impl Flights {
    /// The flight that asks this, or the id of a new one, which has to be put back.
    pub(crate) fn find_or_insert(&mut self, key: &Arc<FlightKey>) -> Found {
        match self.by_key.entry(Arc::clone(key)) {
            Entry::Occupied(same) => Found::Same(*same.get()),
            Entry::Vacant(vacant) => {
                let slot = self.free.pop().unwrap_or_else(|| {
                    self.slots.push(FlightSlot::default());
                    u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
                });
                let generation = self.slots[slot as usize].generation;
                Found::New(*vacant.insert(FlightId { slot, generation }))
            }
        }
    }

    /// A flight that has ended, to be reused for a new one.
    pub(crate) fn spare(&mut self) -> Option<Box<Flight>> {
        self.spare.pop()
    }

    /// Takes a flight out; `None` if it has ended.
    pub(crate) fn take(&mut self, id: FlightId) -> Option<Box<Flight>> {
        self.slots.get_mut(id.slot as usize).filter(|slot| slot.generation == id.generation)?.flight.take()
    }

    /// Puts back a flight that goes on.
    pub(crate) fn put(&mut self, flight: Box<Flight>) {
        let id = flight.id;
        self.slots[id.slot as usize].flight = Some(flight);
    }

    /// Removes a flight that was taken out and has ended.
    pub(crate) fn end(&mut self, flight: Box<Flight>) {
        let slot = &mut self.slots[flight.id.slot as usize];
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(flight.id.slot);
        self.by_key.remove(&flight.key);
        if self.spare.len() < MAX_SPARE {
            self.spare.push(flight);
        }
    }

    /// All flights, except those that are taken out.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Flight> {
        self.slots.iter().filter_map(|slot| slot.flight.as_deref())
    }

    /// Whether no question is in flight.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}
