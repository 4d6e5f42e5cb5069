//! `flush`, `status`, `reload`, `freeze`, `thaw` and `sync --running`: requests to the running server, through its
//! control socket.
//!
//! Input: a config, of which only the socket's path is used: `status` must work while the config is being repaired.
//! Output: text or JSON.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::{FAILED, HELD, USAGE, WARNINGS, fail, freeze, print, print_diagnostic, print_error, status, usage};
use crate::config::{self, Config};
use crate::control::protocol::{ControlReply, ControlRequest};
use crate::diag::{self, Diagnostic};
use crate::dns::Name;
use crate::status::Status;
use crate::status::sync::{PassResult, PassStatus};
use crate::status::verdict::Level;
use crate::sync::pass::rfc3339;
use crate::sync::plan::Digest;
use crate::sync::state::freeze::{MAX_REASON, by_whom};

/// The time that a pass over many long lists may take.
const REPLY_TIMEOUT: Duration = Duration::from_mins(2);

/// The time that a server has to accept us: it accepts at once, however busy it is.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Octets of a reply that are read at most.
const MAX_REPLY: u64 = 64 << 20;

/// Has the server forget what it cached about a name.
pub(super) fn flush(file: Result<PathBuf, String>, name: &str, subtree: bool) -> ExitCode {
    if let Err(error) = name.parse::<Name>() {
        return usage(format!("'{name}' is not a domain name: {error}"));
    }
    let shown = match (name.trim_end_matches('.'), subtree) {
        ("", true) => "all names".to_owned(),
        ("", false) => "the root".to_owned(),
        (name, true) => format!("'{name}' and the names below it"),
        (name, false) => format!("'{name}'"),
    };
    with_reply(file, &ControlRequest::Flush { name: name.to_owned(), subtree }, |reply| match reply {
        ControlReply::Flushed(count) => {
            print(format!("{shown}: {} forgotten", super::count(count, "cached answer")));
            ExitCode::SUCCESS
        }
        other => unexpected(other),
    })
}

/// Shows how the server is doing; `live` asks only whether it answers at all.
pub(super) fn show_status(file: Result<PathBuf, String>, json: bool, live: bool) -> ExitCode {
    with_reply(file, &ControlRequest::Status, |reply| match reply {
        ControlReply::Status(found) => {
            let shown = print_status(&found, json, live);
            if live { ExitCode::SUCCESS } else { shown }
        }
        other => unexpected(other),
    })
}

/// The exit code says what the verdict does: 0 good, 3 warnings only, 1 errors.
fn print_status(found: &Status, json: bool, live: bool) -> ExitCode {
    if json {
        match serde_json::to_string_pretty(found) {
            Ok(text) => print(text),
            Err(error) => return fail(error),
        }
    } else if !live {
        status::lines(found).iter().for_each(print);
    }
    match found.verdict.level {
        Level::Good => ExitCode::SUCCESS,
        Level::Warning => ExitCode::from(WARNINGS),
        Level::Error => ExitCode::from(FAILED),
    }
}

/// Has the server read everything again.
pub(super) fn reload(file: Result<PathBuf, String>) -> ExitCode {
    let again = file.clone();
    with_reply(file, &ControlRequest::Reload, |reply| match reply {
        ControlReply::Passed(pass) => {
            print("config read");
            show_freeze(again.clone(), &pass);
            // The changes that need a restart are part of the result, and so are certificates that cannot be used.
            let mut problems = Vec::new();
            if let Ok(ControlReply::Status(status)) = reply_to(again, &ControlRequest::Status) {
                status.config.waits_for_restart.iter().for_each(print);
                problems = status.encryption.problems;
            }
            passed(&PassStatus { errors: [problems, pass.errors].concat(), ..pass })
        }
        ControlReply::Refused(problems) => {
            problems.iter().for_each(print_diagnostic);
            fail("the new config is not taken; the old one stays in service")
        }
        other => unexpected(other),
    })
}

/// Has the server make a pass now, with consent to the held changes of a digest if there is one.
pub(super) fn sync(file: Result<PathBuf, String>, approve: Option<&str>) -> ExitCode {
    if let Some(Err(error)) = approve.map(str::parse::<Digest>) {
        return usage(error);
    }
    let again = file.clone();
    with_reply(file, &ControlRequest::Sync { approve: approve.map(str::to_owned), undo: false }, |reply| match reply {
        ControlReply::Passed(pass) => {
            show_freeze(again, &pass);
            passed(&pass)
        }
        other => unexpected(other),
    })
}

/// Has the server write no zone file until thaw.
pub(super) fn freeze(file: Result<PathBuf, String>, reason: &[String]) -> ExitCode {
    // The server keeps no more of it, and reads no longer line.
    let reason: String = reason.join(" ").chars().take(MAX_REASON).collect();
    let reason = Some(reason).filter(|reason| !reason.is_empty());
    with_reply(file, &ControlRequest::Freeze { reason }, |reply| match reply {
        ControlReply::Frozen { reason, since, is_settled } => {
            let why = by_whom(None, reason.as_deref());
            print(format!("frozen since {}{why}: no zone file is written until thaw", rfc3339(since)));
            if is_settled {
                return ExitCode::SUCCESS;
            }
            print_error("warning: a sync that began before is still writing; what it writes comes into service");
            ExitCode::from(FAILED)
        }
        other => unexpected(other),
    })
}

/// Ends the freeze; what waited is planned, reviewed and written.
pub(super) fn thaw(file: Result<PathBuf, String>) -> ExitCode {
    with_reply(file, &ControlRequest::Thaw, |reply| match reply {
        ControlReply::Passed(pass) => {
            print("not frozen any more; a pass was made:");
            passed(&pass)
        }
        other => unexpected(other),
    })
}

/// Says who froze the sync, where it is frozen.
fn show_freeze(file: Result<PathBuf, String>, pass: &PassStatus) {
    if let Some(waiting) = &pass.waiting
        && let Ok(ControlReply::Status(status)) = reply_to(file, &ControlRequest::Status)
        && let Some(frozen) = &status.sync.frozen
    {
        freeze::show_status(frozen, waiting, &status.config.file);
    }
}

fn passed(pass: &PassStatus) -> ExitCode {
    pass.warnings.iter().filter(|found| !found.is_note()).for_each(print_diagnostic);
    pass.conflicts.iter().for_each(|conflict| print_error(format!("conflict: {conflict}")));
    pass.errors.iter().for_each(print_diagnostic);
    pass.written.iter().for_each(|(zone, serial)| print(format!("{zone}: serial {serial}")));
    if let Some(held) = &pass.held {
        print_error("held back; those records stay as they are in service:");
        held.reasons.iter().for_each(|reason| print_error(format!("  {reason}")));
        held.stale.iter().for_each(print_error);
        print_error(&held.what_to_do);
    }
    pass.warnings.iter().filter(|found| found.is_note()).for_each(print_diagnostic);
    // A live source that is yet to be read for the first time is no failure: the server does that by itself.
    if pass.errors.iter().any(Diagnostic::is_error) {
        return fail("not everything could be done; the rest stays as it is in service");
    }
    if pass.held.is_some() || pass.outcome == PassResult::Frozen {
        return ExitCode::from(HELD);
    }
    if pass.written.is_empty() {
        print("nothing to change");
    }
    ExitCode::SUCCESS
}

pub(super) fn unexpected(reply: ControlReply) -> ExitCode {
    match reply {
        ControlReply::Refused(reasons) => {
            reasons.iter().for_each(print_diagnostic);
            ExitCode::from(FAILED)
        }
        _ => fail("unexpected reply from the server; is it another version?"),
    }
}

pub(super) fn with_reply(
    file: Result<PathBuf, String>,
    request: &ControlRequest,
    then: impl FnOnce(ControlReply) -> ExitCode,
) -> ExitCode {
    match reply_to(file, request) {
        Ok(reply) => then(reply),
        Err((code, reason)) => {
            print_error(format!("privatelink-dns: {reason}"));
            ExitCode::from(code)
        }
    }
}

/// The server's reply, or the exit code and the reason why there is none.
fn reply_to(file: Result<PathBuf, String>, request: &ControlRequest) -> Result<ControlReply, (u8, String)> {
    let wrong = |reason: String| (USAGE, reason);
    let file = file.map_err(wrong)?;
    let (config, _) = Config::inspect(&file).map_err(|problem| wrong(problem.to_string()))?;
    let off = || wrong("this config has control = \"off\": the server has no control socket".to_owned());
    let path = config.control.ok_or_else(off)?;
    let ask = |request| ask(&path, request).map_err(|error| (FAILED, explain(&path, &config.file, &error)));
    let status = ask(&ControlRequest::Status)?;
    if matches!(status, ControlReply::Refused(_)) {
        return Ok(status);
    }
    if let ControlReply::Status(found) = &status
        && let Some(stranger) = other_config(&config.file, found)
    {
        return Err((FAILED, stranger));
    }
    if *request == ControlRequest::Status { Ok(status) } else { ask(request) }
}

/// Two servers may share a zone folder: the one that answers at the socket may run with another config.
fn other_config(ours: &Path, found: &Status) -> Option<String> {
    (!config::is_same(ours, &found.config.file)).then(|| {
        format!(
            "the server that answers there (process {}) runs with another config, {}; give each server a 'control' of its \
             own, or name its config: --config {}",
            found.server.pid,
            found.config.file,
            diag::shell(&found.config.file)
        )
    })
}

pub(super) fn ask(path: &Path, request: &ControlRequest) -> io::Result<ControlReply> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // It also bounds how long to wait for a server that does not accept.
    socket.set_write_timeout(Some(CONNECT_TIMEOUT))?;
    socket.connect(&SockAddr::unix(path)?)?;
    let mut stream = UnixStream::from(socket);
    stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    // A server that turns us away may not hear us out; its words can be read all the same.
    let written = stream.write_all(&line);
    let mut reply = Vec::new();
    BufReader::new(stream.take(MAX_REPLY)).read_until(b'\n', &mut reply)?;
    if reply.is_empty() {
        written?;
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&reply)?)
}

pub(super) fn explain(path: &Path, config: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => format!(
            "no server is running with this config (no answer at '{path}'); start it: systemctl start privatelink-dns, or by hand: {}",
            diag::command(&["serve"], &diag::path(config))
        ),
        io::ErrorKind::PermissionDenied | io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => format!(
            "the server at '{path}' refused the connection ({error}); run this as the server's own user, as root, or as a member of \
             control_group or approve_group"
        ),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("the server at '{path}' took longer than {} s; see its log", REPLY_TIMEOUT.as_secs())
        }
        _ => format!("the control socket '{path}' cannot be used: {error}"),
    }
}
