//! The certificates of the listeners that encrypt. In: what this user reads of the files, and what a running server
//! says. Out: a finding. A server that runs counts for what it uses: it may read what this user may not, or the other
//! way round.

use std::path::Path;

use super::Server;
use super::finding::{Finding, some};
use super::id::Id;
use crate::config::Config;
use crate::diag::{self, Diagnostic, Id as DiagnosticId};
use crate::tls::{Inspection, expiry, reader};

/// The finding, where the config names certificates; `now` is in seconds since 1970.
pub(super) fn check(config: &Config, read: &Inspection, server: &Server, now: u64) -> Option<Finding> {
    if config.tls.pairs.is_empty() {
        return None;
    }
    let (good, mut problems) = if let Some(status) = server.status() {
        let encryption = &status.encryption;
        let dated = encryption.certificates.iter().map(|each| (&*each.file, (each.valid_from, each.valid_until)));
        let ends = dated.clone().filter_map(|(file, valid)| expiry::check(Path::new(file), valid, now));
        let lacks = read.problems.iter().filter(|found| found.id == DiagnosticId::CERTIFICATE_LACKS_NAME).cloned();
        let problems = encryption.problems.iter().cloned().chain(ends).chain(lacks).collect();
        (shown("in use", dated.map(|(file, (_, until))| (file.to_owned(), until))), problems)
    } else {
        let dated = read.certificates.iter().map(|each| (diag::path(&each.file), each.valid.1));
        (shown(&format!("can be used by {}", reader()), dated), read.problems.clone())
    };
    problems.sort_by_key(|found: &Diagnostic| found.severity as usize);
    let facts = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let mut help: Vec<&str> = problems.iter().filter_map(|found| help(found.id)).collect();
    help.dedup();
    Some(match problems.first() {
        None => Finding::good(Id::CERTIFICATES, good),
        Some(note) if note.is_note() => Finding::good(Id::CERTIFICATES, [good, facts].join("\n")),
        Some(first) if first.is_error() => Finding::problem(Id::CERTIFICATES, facts).run(help.join("\n")),
        Some(_) => Finding::warning(Id::CERTIFICATES, facts).run(help.join("\n")),
    })
}

fn shown(how: &str, dated: impl Iterator<Item = (String, u64)>) -> String {
    let each: Vec<String> =
        dated.map(|(file, until)| format!("{file}, valid until {}", expiry::shown(until))).collect();
    format!("{} {how}: {}", each.len(), some(&each))
}

/// What to do, by the kind of the problem.
fn help(id: DiagnosticId) -> Option<&'static str> {
    Some(match id {
        DiagnosticId::CERTIFICATE_UNUSABLE => "mend the files that [tls] names; they are taken by themselves",
        DiagnosticId::CERTIFICATE_INVALID => {
            "renew the certificate that has expired; new files are taken by themselves"
        }
        DiagnosticId::CERTIFICATE_NOT_YET_VALID => {
            "timedatectl; if the clock is right, wait, or use the certificate before"
        }
        DiagnosticId::CERTIFICATE_EXPIRES => "renew the certificates that expire, or mend what should have done so",
        DiagnosticId::CERTIFICATE_LACKS_NAME => {
            "have the certificate signed anew for each of these: a mere renewal lacks them again"
        }
        _ => return None,
    })
}
