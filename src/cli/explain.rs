//! `explain`: why a name has the answer that it has, by the running server.
//!
//! Input: what a person typed. Output: the verdict first, then the chain hop by hop, the record behind it, and what to
//! do; or the same as JSON. Exit code 0: private; 4: public; 1: no address, or no server.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

use super::control::with_reply;
use super::{FAILED, PUBLIC, fail, print, usage};
use crate::control::protocol::{ControlReply, ControlRequest};
use crate::diag;
use crate::explain::show::{asked, sections};
use crate::explain::{Explanation, Subject, Verdict};

/// What to ask.
pub(super) struct Options {
    pub(super) name: String,
    pub(super) rtype: String,
    pub(super) client: Option<String>,
    pub(super) json: bool,
}

/// Asks the server, and shows what it says.
pub(super) fn run(file: Result<PathBuf, String>, options: Options) -> ExitCode {
    // Whatever stands behind the host of a URL stays here.
    let name = match Subject::parse(&options.name) {
        Ok(subject) => subject.text,
        Err(error) => return usage(error),
    };
    let (rtype, client) = (options.rtype, options.client);
    if let Err(reason) = crate::explain::check(&name, &rtype, client.as_deref()) {
        return usage(reason);
    }
    with_reply(file, &ControlRequest::Explain { name, rtype, client }, |reply| match reply {
        ControlReply::Explained(explanation) => show(&explanation, options.json),
        other => super::control::unexpected(other),
    })
}

fn show(explanation: &Explanation, json: bool) -> ExitCode {
    if json {
        match serde_json::to_string_pretty(explanation) {
            Ok(text) => print(text),
            Err(error) => return fail(error),
        }
    } else {
        let style = style(explanation.verdict);
        let headline = diag::printable(&explanation.headline);
        let _ = writeln!(anstream::stdout(), "{style}{headline}{style:#}");
        lines(explanation).iter().for_each(print);
    }
    match explanation.verdict {
        Verdict::Private => ExitCode::SUCCESS,
        Verdict::Public => ExitCode::from(PUBLIC),
        Verdict::Failed => ExitCode::from(FAILED),
    }
}

fn style(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Private => AnsiColor::Green,
        Verdict::Public => AnsiColor::Yellow,
        Verdict::Failed => AnsiColor::Red,
    };
    Style::new().bold().fg_color(Some(colour.into()))
}

/// The lines below the headline.
fn lines(explanation: &Explanation) -> Vec<String> {
    let mut lines = vec![asked(&explanation.asked)];
    let mut section = |head: &str, entries: &[String]| {
        lines.push(head.to_owned());
        lines.extend(entries.iter().map(|entry| format!("  {entry}")));
    };
    for found in sections(explanation) {
        section(found.head, &found.lines);
    }
    section("what to do", &explanation.what_to_do);
    lines
}
