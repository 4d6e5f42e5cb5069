//! Transfers as they are in service: the settings, the places, and what each peer has.

use std::sync::Arc;

use super::board::Board;
use super::places::Places;
use super::settings::Settings;

/// The settings in service, and the places for transfers.
#[derive(Debug)]
pub struct Transfers {
    pub(crate) settings: Settings,
    pub(crate) places: Arc<Places>,
    pub(crate) board: Arc<Board>,
}

impl Transfers {
    /// All places free.
    pub fn new(settings: Settings) -> Arc<Self> {
        let places = Places::new(settings.max);
        Arc::new(Self { settings, places, board: Arc::default() })
    }

    /// These settings in place of the present ones. The places stay unless their number changes: transfers that run
    /// keep theirs.
    pub(crate) fn with(&self, settings: Settings) -> Arc<Self> {
        let is_same = settings.max == self.settings.max;
        let places = if is_same { Arc::clone(&self.places) } else { Places::new(settings.max) };
        Arc::new(Self { settings, places, board: Arc::clone(&self.board) })
    }
}
