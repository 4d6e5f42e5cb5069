//! The certificates of the listeners that encrypt: read at the start, with each config, when their files change, and at
//! each interval.
//!
//! In: events. Out: credentials in service, and what is said of them. Two files of a pair are replaced one after the
//! other, so a pair that cannot be used is read again after a moment before anything is said. Nothing waits for a disk
//! here.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tracing::info;

use super::work::{Running, finished};
use super::{Daemon, background, log};
use crate::diag::{self, Diagnostic};
use crate::status::EncryptionStatus;
use crate::tls::{self, Credentials, Loaded, Settings};

/// The time that a program may take to replace both files of a pair.
const HALFWAY: Duration = Duration::from_secs(5);

/// The time that the first reading may take before the server answers without.
const FIRST: Duration = Duration::from_secs(2);

/// What is due, and what was said.
#[derive(Default)]
pub(super) struct CertificateWork {
    is_due: bool,
    /// The time to look again at a pair that is halfway.
    again: Option<Instant>,
    /// The time since which a pair is halfway.
    halfway: Option<Instant>,
    said: Vec<Diagnostic>,
}

/// Credentials, the settings that they were read for, and those that were in use then.
pub(super) struct Read {
    settings: Settings,
    in_use: Option<Arc<Credentials>>,
    loaded: Loaded,
}

/// Whether a person waits to hear what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    ByNobody,
    ByPerson,
}

impl CertificateWork {
    /// The files changed, or may have.
    pub(super) fn due(&mut self) {
        self.is_due = true;
    }

    /// The time to look again.
    pub(super) fn again(&self) -> Option<Instant> {
        self.again
    }

    /// The problems that are to be told now: none while a program may be writing, unless a person asked.
    fn judge(&mut self, loaded: &Loaded, asked: Asked, now: Instant) -> Option<Vec<Diagnostic>> {
        self.halfway = loaded.is_halfway.then(|| self.halfway.unwrap_or(now));
        // Each file has several events, so that a pair may be looked at more than once meanwhile.
        let until = self.halfway.map(|since| since + HALFWAY).filter(|until| now < *until);
        if until.is_some() {
            self.again = until;
            if asked == Asked::ByNobody {
                return None;
            }
        }
        let is_new = |problem: &&Diagnostic| !self.said.contains(problem);
        loaded.problems.iter().filter(is_new).for_each(log::found);
        self.said.clone_from(&loaded.problems);
        Some(loaded.problems.clone())
    }
}

impl Daemon {
    /// Reads the certificates for the first time; on a disk that hangs they come later.
    pub(super) async fn first_certificates(&mut self) {
        self.certificates.due();
        if let Some(reading) = self.start_certificates() {
            match timeout(FIRST, finished(&mut Some(reading))).await {
                Ok((read, _)) => self.certificates_read(read),
                Err(_) => self.certificates.due(),
            }
        }
    }

    /// Starts to read them, if that is due.
    pub(super) fn start_certificates(&mut self) -> Option<Running<Read>> {
        let now = Instant::now();
        let is_again = self.certificates.again.take_if(|again| *again <= now).is_some();
        if !std::mem::take(&mut self.certificates.is_due) && !is_again {
            return None;
        }
        let (settings, in_use) = (self.config.tls.clone(), self.shared.credentials.load_full());
        let work = move || {
            let loaded = tls::load(&settings, in_use.as_ref());
            Read { settings, in_use, loaded }
        };
        Some(Running::new(background::start("certificates", work), Vec::new()))
    }

    /// Puts in service what was read. Where a config brought other credentials meanwhile, those may be newer, so
    /// the files are read again. A reader that panicked has left all as it was.
    pub(super) fn certificates_read(&mut self, read: Option<Read>) {
        let Some(Read { settings, in_use, loaded }) = read else { return };
        if settings == self.config.tls && is_same(in_use.as_ref(), self.shared.credentials.load_full().as_ref()) {
            self.take_certificates(&loaded, Asked::ByNobody);
        } else {
            self.certificates.due();
        }
    }

    /// Puts credentials in service.
    pub(super) fn take_certificates(&mut self, loaded: &Loaded, asked: Asked) {
        let before = self.shared.credentials.load_full();
        let problems = self.certificates.judge(loaded, asked, Instant::now());
        if !is_same(loaded.credentials.as_ref(), before.as_ref()) {
            for certificate in loaded.credentials.iter().flat_map(|credentials| credentials.certificates.iter()) {
                let (file, until) = (diag::path(&certificate.file), tls::expiry::shown(certificate.valid.1));
                info!(%file, valid_until = %until, "certificate in use");
            }
            self.shared.credentials.store(loaded.credentials.clone());
        }
        let problems = problems.unwrap_or_else(|| self.certificates.said.clone());
        let (configured, credentials) = (self.config.tls.pairs.len(), loaded.credentials.as_deref());
        self.board.encryption(EncryptionStatus::of(&self.bound, configured, credentials, problems));
    }
}

fn is_same(one: Option<&Arc<Credentials>>, other: Option<&Arc<Credentials>>) -> bool {
    one.map(Arc::as_ptr) == other.map(Arc::as_ptr)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Id, Place};

    fn loaded(is_halfway: bool) -> Loaded {
        let problem = Diagnostic::error(Id::CERTIFICATE_UNUSABLE, Place::Server, "why");
        Loaded { credentials: None, problems: if is_halfway { vec![problem] } else { vec![] }, is_halfway }
    }

    #[tokio::test]
    async fn nothing_is_said_of_a_pair_before_five_seconds_however_often_it_is_looked_at() {
        let (mut work, now) = (CertificateWork::default(), Instant::now());
        let said = |work: &mut CertificateWork, seconds: u64, is_halfway| {
            work.judge(&loaded(is_halfway), Asked::ByNobody, now + Duration::from_secs(seconds)).map(|said| said.len())
        };
        assert_eq!([0, 1, 4].map(|at| said(&mut work, at, true)), [None; 3]);
        assert_eq!(work.again(), Some(now + HALFWAY));
        assert_eq!(said(&mut work, 5, true), Some(1), "it cannot be used still");
        assert_eq!(said(&mut work, 6, false), Some(0));
        assert_eq!(said(&mut work, 7, true), None, "and the next time");
        assert_eq!(work.again(), Some(now + Duration::from_secs(12)));
    }

    #[tokio::test]
    async fn a_person_who_asks_hears_of_a_pair_at_once_and_it_is_looked_at_again_all_the_same() {
        let (mut work, now) = (CertificateWork::default(), Instant::now());
        assert_eq!(work.judge(&loaded(true), Asked::ByPerson, now).map(|said| said.len()), Some(1));
        assert_eq!(work.again(), Some(now + HALFWAY));
    }
}
