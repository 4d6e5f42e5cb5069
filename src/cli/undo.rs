//! `sync --undo`: the inverse of the last change, by the running server or by hand.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use super::control::{unexpected, with_reply};
use super::{FAILED, HELD, count, fail, print, print_diagnostic, print_error, unseen, usage};
use crate::config::Config;
use crate::control::protocol::{ControlReply, ControlRequest};
use crate::control::who::{Peer, Who};
use crate::diag;
use crate::status::sync::UndoStatus;
use crate::sync::guard::{ApproveCommand, Consent};
use crate::sync::plan::Digest;
use crate::sync::undo::{self, Undo};
use crate::zone::store::Store;

/// Has the running server undo its last change.
pub(super) fn running(file: Result<PathBuf, String>, approve: Option<&str>) -> ExitCode {
    if let Some(Err(error)) = approve.map(str::parse::<Digest>) {
        return usage(error);
    }
    let config = file.clone();
    let request = ControlRequest::Sync { approve: approve.map(str::to_owned), undo: true };
    with_reply(file, &request, |reply| match reply {
        ControlReply::Undone(status) => show(&status, &config.unwrap_or_default()),
        other => unexpected(other),
    })
}

/// Undoes the last change without a server.
pub(super) fn by_hand(config: &Config, approve: Option<&str>) -> ExitCode {
    let by = Who::of(Peer::own()).to_string();
    let consent = match approve.map(str::parse).transpose() {
        Ok(digest) => digest.map(|digest| Consent { digest, by: by.clone() }),
        Err(error) => return usage(error),
    };
    if let Some(refused) = unseen::zones_or_state(config, &["sync", "--undo"]) {
        return refused;
    }
    let zones = Store::new(config.zones.clone()).reload().zones;
    match undo::run(&config.sync, &zones, &Undo { by, consent }, SystemTime::now()) {
        Ok(undone) => {
            undone.changes.shown.iter().for_each(print);
            show(&UndoStatus::of(&undone, ApproveCommand::by_hand(&diag::path(&config.file))), &config.file)
        }
        Err(refused) => {
            print_diagnostic(&refused);
            ExitCode::from(FAILED)
        }
    }
}

fn show(status: &UndoStatus, config: &Path) -> ExitCode {
    let UndoStatus { of, changes, left, written, held, frozen, found } = status;
    for left in left {
        print_error(format!("left as it is: {left}"));
    }
    found.iter().for_each(print_diagnostic);
    if let Some(held) = held {
        print_error(format!("the undo of the change of {of} is held back; nothing was undone:"));
        held.reasons.iter().for_each(|reason| print_error(format!("  {reason}")));
        held.stale.iter().for_each(print_error);
        print_error(&held.what_to_do);
        return ExitCode::from(HELD);
    }
    for (zone, serial) in written {
        print(format!("{zone}: serial {serial}"));
    }
    if found.iter().any(diag::Diagnostic::is_error) {
        return fail("not everything could be undone; the rest stays as it is in service");
    }
    if *changes == 0 {
        print(format!("nothing of the change of {of} is left to undo"));
        return ExitCode::SUCCESS;
    }
    print(format!("undone: the change of {of}, {}", count(*changes, "record")));
    if *frozen {
        let config = diag::path(config);
        print("lists may still say otherwise, so the sync is frozen: mend them, look at what would change, and thaw:");
        print(format!("  {}", diag::command(&["plan"], &config)));
        print(format!("  {}", diag::command(&["thaw"], &config)));
    }
    ExitCode::SUCCESS
}
