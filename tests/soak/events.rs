//! Events while questions are asked: words in `SOAK_EVENTS`, each with its own interval.

use std::sync::Arc;

use crate::kills::{Kills, Outages};
use crate::support::server::Server;
use crate::support::site::Site;
use crate::truth::{self, LIST};

/// The things that an event may change.
pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) server: Server,
    pub(crate) outages: Arc<Outages>,
    pub(crate) kills: Kills,
}

impl World {
    fn kill(&mut self, second: u64) {
        self.kills.kill(second, &mut self.site, &mut self.server, &self.outages);
    }
}

/// An event and its interval in seconds.
struct Event {
    word: &'static str,
    every: u64,
    act: fn(u64, &mut World),
}

/// Add one here, and `cargo xtask soak 60 WORD` has it happen.
const ALL: [Event; 3] = [
    Event { word: "sync", every: 1, act: |second, world| world.site.rename_list(LIST, truth::list(second)) },
    Event { word: "reload", every: 5, act: |_, world| world.server.reload() },
    Event { word: "kill", every: 100, act: |second, world| world.kill(second) },
];

pub(crate) struct Events(Vec<&'static Event>);

impl Events {
    pub(crate) fn from_environment() -> Self {
        let words = std::env::var("SOAK_EVENTS").unwrap_or_default();
        let find =
            |word: &str| ALL.iter().find(|event| event.word == word).unwrap_or_else(|| panic!("no event '{word}'"));
        Self(words.split_whitespace().map(find).collect())
    }

    /// Runs the events that are due in this second.
    pub(crate) fn happen(&mut self, second: u64, world: &mut World) {
        for event in self.0.iter().filter(|event| second.is_multiple_of(event.every)) {
            (event.act)(second, world);
        }
    }
}
