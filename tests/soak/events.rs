//! What else happens while questions are asked: words in `SOAK_EVENTS`, each with its own interval.

use crate::support::server::Server;
use crate::support::site::Site;
use crate::truth;

/// What happens, and every how many seconds.
struct Event {
    word: &'static str,
    every: u64,
    act: fn(u64, &mut Site, &Server),
}

/// Add one here, and `cargo xtask soak 60 WORD` has it happen.
const ALL: [Event; 2] = [
    Event { word: "sync", every: 1, act: |second, site, _| site.rename_list("soak.txt", truth::list(second)) },
    Event { word: "reload", every: 5, act: |_, _, server| server.reload() },
];

pub(crate) struct Events(Vec<&'static Event>);

impl Events {
    pub(crate) fn from_environment() -> Self {
        let words = std::env::var("SOAK_EVENTS").unwrap_or_default();
        let find =
            |word: &str| ALL.iter().find(|event| event.word == word).unwrap_or_else(|| panic!("no event '{word}'"));
        Self(words.split_whitespace().map(find).collect())
    }

    /// Has happen what is due in this second.
    pub(crate) fn happen(&mut self, second: u64, site: &mut Site, server: &Server) {
        for event in self.0.iter().filter(|event| second.is_multiple_of(event.every)) {
            (event.act)(second, site, server);
        }
    }
}
