//! The certificates.

use std::path::Path;

use super::{config_of, expect};
use crate::cli::doctor::Server;
use crate::cli::doctor::certificates::check;
use crate::cli::doctor::finding::{Finding, State};
use crate::config::Config;
use crate::diag::{Diagnostic, Id, Place};
use crate::status::Status;
use crate::status::encryption::CertificateStatus;
use crate::tls::{Inspection, expiry};

fn config() -> Config {
    config_of("[backup]\n[tls]\ncert = \"/srv/c.pem\"\nkey = \"/srv/c.key\"\n")
}

fn problem(id: Id, of: fn(Id, Place, &'static str) -> Diagnostic) -> Inspection {
    let problems = vec![of(id, Place::file(Path::new("/srv/c.pem")), "what this user saw")];
    Inspection { problems, ..Inspection::default() }
}

fn without_server(read: &Inspection) -> Vec<Finding> {
    check(&config(), read, &Server::NoSocket, 0).into_iter().collect()
}

/// With a server that uses one which ends at 400.
fn with_server(read: &Inspection, now: u64) -> Vec<Finding> {
    let mut status = Status::default();
    let file = "/srv/c.pem".to_owned();
    status.encryption.certificates.push(CertificateStatus { file, valid_from: 0, valid_until: 400 });
    check(&config(), read, &Server::Runs(Box::new(status)), now).into_iter().collect()
}

#[test]
fn without_certificates_in_the_config_there_is_no_check() {
    assert_eq!(check(&config_of("[backup]\n"), &Inspection::default(), &Server::NoSocket, 0), None);
}

#[test]
fn each_kind_of_problem_has_its_own_help() {
    for (id, of, state, help) in [
        (
            Id::CERTIFICATE_UNUSABLE,
            Diagnostic::error as fn(Id, Place, &'static str) -> _,
            State::Problem,
            "mend the files",
        ),
        (Id::CERTIFICATE_INVALID, Diagnostic::error, State::Problem, "renew the certificate that has expired"),
        (Id::CERTIFICATE_NOT_YET_VALID, Diagnostic::error, State::Problem, "timedatectl"),
        (Id::CERTIFICATE_EXPIRES, Diagnostic::warning, State::Warning, "mend what should have done so"),
        (Id::CERTIFICATE_LACKS_NAME, Diagnostic::warning, State::Warning, "a mere renewal lacks them again"),
    ] {
        expect(&without_server(&problem(id, of)), "PD110", state, &["what this user saw", help]);
    }
    let note = problem(Id::CERTIFICATE_LACKS_NAME, Diagnostic::note);
    expect(&without_server(&note), "PD110", State::Good, &["can be used by user", "what this user saw"]);
    let early = expiry::check(Path::new("/srv/c.pem"), (300, 400), 100).unwrap();
    expect(
        &without_server(&Inspection { problems: vec![early], ..Inspection::default() }),
        "PD110",
        State::Problem,
        &["not valid before 1970", "timedatectl"],
    );
}

#[test]
fn a_server_that_runs_counts_and_not_what_this_user_may_read() {
    let unread = problem(Id::CERTIFICATE_UNUSABLE, Diagnostic::error);
    let wanted = ["1 in use: /srv/c.pem, valid until 1970-01-01T00:06:40Z"];
    expect(&with_server(&unread, 100), "PD110", State::Good, &wanted);
    expect(&with_server(&unread, 390), "PD110", State::Warning, &["expires at 1970", "mend what should have done so"]);
    expect(&with_server(&unread, 401), "PD110", State::Problem, &["expired at 1970", "renew the certificate"]);
    let lacks = problem(Id::CERTIFICATE_LACKS_NAME, Diagnostic::warning);
    expect(&with_server(&lacks, 100), "PD110", State::Warning, &["what this user saw"]);
}

#[test]
fn what_the_server_cannot_use_is_found_though_this_user_can() {
    let mut status = Status::default();
    let text = "user 'privatelink-dns' may not read it";
    status.encryption.problems = vec![Diagnostic::error(Id::CERTIFICATE_UNUSABLE, Place::Server, text)];
    let found = check(&config(), &Inspection::default(), &Server::Runs(Box::new(status)), 100);
    expect(&found.into_iter().collect::<Vec<_>>(), "PD110", State::Problem, &[text, "mend the files"]);
}
