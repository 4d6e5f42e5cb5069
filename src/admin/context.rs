//! The state that all connections share: the settings, and the newest status.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;

use super::settings::Settings;
use crate::explain::Explainer;
use crate::server::Shared;
use crate::status::{Board, Status};

/// The age up to which a status is shown again: however many ask, it is gathered a few times a second.
const GOOD_FOR: Duration = Duration::from_millis(200);

/// What answers need.
pub(crate) struct Context {
    pub(super) shared: Arc<Shared>,
    pub(super) board: Arc<Board>,
    pub(super) explainer: Arc<Explainer>,
    pub(super) settings: ArcSwap<Settings>,
    kept: Mutex<Option<(Instant, Arc<Status>)>>,
}

impl Context {
    pub(super) fn new(shared: Arc<Shared>, board: Arc<Board>, explainer: Arc<Explainer>) -> Arc<Self> {
        Arc::new(Self { shared, board, explainer, settings: ArcSwap::default(), kept: Mutex::default() })
    }

    /// How long queries are answered after the signal to stop.
    pub(crate) fn lameduck(&self) -> Duration {
        self.settings.load().lameduck
    }

    /// The status at this moment, or a little before it; that the server is about to stop shows at once.
    pub(super) fn status(&self, now: Instant) -> Arc<Status> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_draining = self.board.is_draining();
        let is_good = |(since, status): &&(Instant, Arc<Status>)| {
            now.saturating_duration_since(*since) < GOOD_FOR && status.readiness.draining == is_draining
        };
        if let Some((_, status)) = kept.as_ref().filter(is_good) {
            return Arc::clone(status);
        }
        let status = Arc::new(self.board.status(&self.shared, SystemTime::now()));
        *kept = Some((now, Arc::clone(&status)));
        status
    }
}
