//! The one place that makes a [`Snapshot`]: everything that decides an answer, from config, routes and zones.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use super::routes::Routes;
use crate::config::Config;
use crate::server::admission::cookies::{Cookies, Secret};
use crate::server::{Decides, Snapshot};
use crate::transfer::Transfers;
use crate::zone::ZoneSet;
use crate::zone::store::Store;

/// The snapshot that a server with this config would start with, for one question on the command line.
pub(crate) fn snapshot(config: &Config) -> io::Result<Arc<Snapshot>> {
    let zones = Store::new(config.zones.clone()).reload().zones;
    let transfers = Transfers::new(config.transfer.clone());
    let routes = Routes::for_one_question(config)?;
    Ok(Arc::new(of(config, &routes, Cookies::own_secret(), (Arc::new(zones), transfers))))
}

/// All that decides an answer, from all that it follows from.
pub(super) fn of(
    config: &Config,
    routes: &Routes,
    secret: Secret,
    (zones, transfers): (Arc<ZoneSet>, Arc<Transfers>),
) -> Snapshot {
    Snapshot::new(Decides {
        zones,
        views: Arc::clone(&config.views),
        access: config.access.clone(),
        resolver: routes.resolver(config),
        settings: Arc::new(config.server.clone()),
        cookies: Cookies::new(&config.server.cookies, secret, now()),
        transfers,
    })
}

/// On the clock that answers go by, and of the day.
pub(super) fn now() -> (std::time::Instant, SystemTime) {
    (std::time::Instant::now(), SystemTime::now())
}
