//! Texts that are no lists, and the command that gives one.
//!
//! Each is known by what its own program writes at the start of a line, so that no comment and no column of a list can
//! look like it. One more kind is one more row of [`KINDS`].

mod looks;

use super::content;
use crate::azure::names::mentions;
use looks::{
    is_assignment, is_bicep, is_cmdlet, is_command_line, is_corefile, is_phrase, is_python, is_record_command,
    is_type_names,
};

/// Lines that are looked at.
const LINES: usize = 200;

/// A text that is no list: the line where that shows, and what to do.
pub(super) type Refusal = (u32, String);

/// The lines at the top of a text that are not blank, without the blanks around them, and their numbers.
pub(super) struct Head<'t> {
    text: &'t str,
    lines: Vec<(u32, &'t str)>,
    /// The first that is no comment.
    first: usize,
}

impl<'t> Head<'t> {
    fn new(text: &'t str) -> Self {
        let lines = (1..).zip(text.lines().map(str::trim)).take(LINES).filter(|(_, line)| !line.is_empty());
        let lines: Vec<_> = lines.collect();
        let first = lines.iter().position(|(_, line)| !content(line).is_empty()).unwrap_or_default();
        Self { text, lines, first }
    }

    /// The lines from the first that is no comment on.
    fn contents(&self) -> &[(u32, &'t str)] {
        &self.lines[self.first.min(self.lines.len())..]
    }
}

/// What tells a kind of text.
enum Sign {
    /// The first line, or the first that is no comment, starts with one of these, in any case.
    First(&'static [&'static str]),
    /// The same, and a line below it with one of those.
    FirstThen(&'static [&'static str], &'static [&'static str]),
    /// Some line starts with one of these.
    Line(&'static [&'static str]),
    /// Some line that is no comment looks so.
    Look(fn(&str) -> bool),
    /// The text looks so from its first line on.
    Whole(fn(&[(u32, &str)]) -> bool),
}

/// A kind of text that is no list.
struct Kind {
    what: &'static str,
    sign: Sign,
    advice: &'static str,
}

const EXPORT: &str = "export the list as CSV or JSON";
const ENDPOINTS: &str = "`az network private-endpoint list -o json` gives one";
const RECORDS: &str = "`az network private-dns record-set a list -g <group> -z <zone> -o json` gives one";
const AGAIN: &str = "run the command again, and look at what it prints";
const TO_JSON: &str = "put `| ConvertTo-Json -Depth 10` behind the command";
const TERRAFORM: &str = "`terraform output -json` gives one";
const PRINTED: &str = "remove this line, and keep what the command printed";

use Sign::{First, FirstThen, Line, Look, Whole};

#[rustfmt::skip]
const KINDS: &[Kind] = &[
    Kind { what: "a web page", sign: First(&["<!doctype html", "<html", "<head", "<body", "<table", "<div", "<meta "]), advice: EXPORT },
    Kind { what: "CLIXML of PowerShell", sign: First(&["#< clixml", "<objs "]), advice: TO_JSON },
    Kind { what: "XML", sign: First(&["<?xml"]), advice: EXPORT },
    Kind { what: "RTF", sign: First(&["{\\rtf"]), advice: "save it as plain text" },
    Kind { what: "encrypted text or a certificate", sign: First(&["-----BEGIN "]), advice: "decrypt it first" },
    Kind { what: "a pointer of git-lfs", sign: First(&["version https://git-lfs"]), advice: "`git lfs pull` gets the file" },
    Kind { what: "a diff", sign: First(&["diff --git ", "diff -u", "@@ -"]), advice: "take the file that it changes" },
    Kind { what: "a diff", sign: FirstThen(&["--- "], &["+++ "]), advice: "take the file that it changes" },
    Kind { what: "a transcript of PowerShell", sign: FirstThen(&["**********************"], &["windows powershell transcript", "powershell transcript", "psversion:", "start time:", "startzeit:", "username:", "benutzername:"]), advice: "remove its own lines, or write the list with `Out-File` instead" },
    Kind {
        what: "a mail",
        sign: FirstThen(&["from: ", "return-path: ", "received: ", "delivered-to: ", "date: ", "mime-version: ", "message-id: "], &["subject: ", "message-id: ", "content-type: "]),
        advice: "save the list in it alone",
    },
    Kind { what: "a mail", sign: FirstThen(&["subject: "], &["from: ", "date: "]), advice: "save the list in it alone" },
    Kind { what: "the message of a command that failed", sign: First(&["error: ", "az: error", "usage: az", "please run 'az login'", "(resourcenotfound)", "(authorizationfailed)", "(resourcegroupnotfound)", "(subscriptionnotfound)"]), advice: AGAIN },
    Kind { what: "the message of a command that failed", sign: Line(&["+ CategoryInfo ", "+ FullyQualifiedErrorId "]), advice: AGAIN },
    Kind { what: "the output of nslookup", sign: FirstThen(&["server:"], &["address:", "addresses:"]), advice: RECORDS },
    Kind { what: "the output of nslookup", sign: First(&["non-authoritative answer", "dns request timed out"]), advice: RECORDS },
    Kind { what: "the output of nslookup", sign: Look(|line| is_phrase(line, "canonical name =")), advice: RECORDS },
    Kind { what: "the output of dig", sign: Line(&["; <<>> DiG ", ";; ->>HEADER<<-", ";; QUESTION SECTION"]), advice: "`dig +noall +answer` gives the records alone" },
    Kind { what: "the output of resolvectl", sign: Line(&["-- Information acquired via protocol"]), advice: RECORDS },
    Kind { what: "the output of host", sign: Look(|line| is_phrase(line, "is an alias for")), advice: "keep the lines with 'has address' alone" },
    Kind { what: "the output of ping", sign: FirstThen(&["pinging ", "ping "], &["reply from ", "64 bytes from ", "request timed out", "antwort von ", "ping statistics", "---"]), advice: RECORDS },
    Kind { what: "a configuration of Unbound", sign: FirstThen(&["server:"], &["local-data", "local-zone", "access-control", "private-address", "verbosity:"]), advice: "keep its `local-data:` lines alone" },
    Kind { what: "a configuration of BIND", sign: First(&["options {", "zone \"", "acl \"", "view \"", "include \"", "logging {"]), advice: "name the zone file instead" },
    Kind { what: "a Corefile of CoreDNS", sign: Whole(is_corefile), advice: "keep the lines within `hosts { }` alone" },
    Kind { what: "Python", sign: Whole(is_python), advice: "write the values with `json.dump`" },
    Kind { what: "Terraform", sign: First(&["resource \"", "variable \"", "data \"", "module \"", "output \"", "provider \"", "locals {", "terraform {"]), advice: TERRAFORM },
    Kind { what: "Bicep", sign: First(&["targetscope ", "@description(", "@secure("]), advice: ENDPOINTS },
    Kind { what: "Bicep", sign: Whole(is_bicep), advice: ENDPOINTS },
    Kind { what: "Terraform or the like", sign: Whole(|lines| lines.first().is_some_and(|(_, line)| is_assignment(line))), advice: TERRAFORM },
    Kind { what: "PowerShell's text for objects", sign: First(&["@{", "@("]), advice: TO_JSON },
    Kind { what: "PowerShell's names of types", sign: Whole(is_type_names), advice: TO_JSON },
    Kind { what: "a script that changes records", sign: Look(is_record_command), advice: RECORDS },
    Kind { what: "a line of a command", sign: Look(is_command_line), advice: PRINTED },
    Kind { what: "a script", sign: First(&["#!", "#requires ", "@echo off", "param(", "param (", "[cmdletbinding", "import-module "]), advice: ENDPOINTS },
    Kind { what: "a script", sign: Look(is_cmdlet), advice: ENDPOINTS },
];

/// What a text is, if it is certainly no list.
pub(super) fn find(text: &str) -> Option<Refusal> {
    let head = Head::new(text);
    let found = KINDS.iter().find_map(|kind| Some((kind.sign.line(&head)?, kind)));
    let conflict = || conflict(text);
    let known = found.map(|(line, kind)| (line, format!("this is {}, not a list: {}", kind.what, kind.advice)));
    above_json(&head).or_else(|| below_context(&head)).or(known).or_else(conflict)
}

/// Marks that git leaves where two versions disagree, anywhere in a text of any format.
pub(super) fn conflict(text: &str) -> Option<Refusal> {
    let at = ["<<<<<<< ", ">>>>>>> "].iter().filter_map(|mark| find_line(text, mark)).min()?;
    let line = crate::sync::source::lines::feeds(&text.as_bytes()[..at]) + 1;
    Some((line, "git left a conflict here, with two versions of the list: keep one, and remove its marks".to_owned()))
}

/// The start of a line that begins so.
fn find_line(text: &str, mark: &str) -> Option<usize> {
    let starts_line = |at: &usize| *at == 0 || text.as_bytes()[at - 1] == b'\n';
    memchr::memmem::find_iter(text.as_bytes(), mark).find(starts_line)
}

impl Sign {
    /// The line where it shows.
    fn line(&self, head: &Head<'_>) -> Option<u32> {
        let first = || [head.lines.first(), head.contents().first()].into_iter().flatten();
        let found = match self {
            First(starts) => first().find(|(_, line)| starts_with(line, starts)),
            FirstThen(starts, then) => {
                let below = head.contents().iter().skip(1);
                let is_below = below.into_iter().any(|(_, line)| starts_with(line, then));
                head.contents().first().filter(|(_, line)| is_below && starts_with(line, starts))
            }
            Line(starts) => head.lines.iter().find(|(_, line)| starts_with(line, starts)),
            Look(is_so) => head.contents().iter().find(|(_, line)| !content(line).is_empty() && is_so(line)),
            Whole(is_so) => head.contents().first().filter(|_| is_so(head.contents())),
        };
        found.map(|(line, _)| *line)
    }
}

fn starts_with(line: &str, starts: &[&str]) -> bool {
    starts.iter().any(|start| line.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)))
}

/// JSON behind a prompt, a warning or a title.
fn above_json(head: &Head<'_>) -> Option<Refusal> {
    let starts = ["[{", "{\"", "[\"", "[ {", "{ \""];
    let is_start = |line: &str| ["[", "{", "[]"].contains(&line) || starts_with(line, &starts);
    let lines = head.contents();
    let at = lines.iter().position(|(_, line)| is_start(line)).filter(|at| *at > 0)?;
    let (number, _) = lines[at];
    // In JSON itself, and in scripts, brackets below the first line are indented or follow others.
    let is_at_margin = head.text.lines().nth(number as usize - 1).is_some_and(|line| line.starts_with(['[', '{']));
    let is_title = |line: &str| !line.ends_with(['[', '{', '(', '=', ':', ',']) && !holds_entry(line);
    let is_above = is_at_margin && lines[..at].iter().all(|(_, line)| is_title(line));
    is_above.then(|| (lines[0].0, format!("JSON starts at line {number}: remove the lines above it")))
}

/// The table that `Set-AzContext` prints in front of what a script prints.
fn below_context(head: &Head<'_>) -> Option<Refusal> {
    let words = ["account", "subscriptionname", "subscriptionid", "environment", "tenantid"];
    let is_context = |line: &str| {
        let heads = line.split_whitespace().filter(|word| words.iter().any(|known| word.eq_ignore_ascii_case(known)));
        heads.count() > 2 && !line.to_ascii_lowercase().contains("fqdn")
    };
    let lines = head.contents();
    let at = lines.iter().position(|(_, line)| is_context(line))?;
    let (start, _) = lines[at..].iter().find(|(_, line)| holds_entry(line))?;
    Some((
        lines[at].0,
        format!(
            "the table of Set-AzContext stands here, and the list starts at line {start}: remove the lines above it"
        ),
    ))
}

/// True if a line has an address or a name of ours.
pub(crate) fn holds_entry(line: &str) -> bool {
    holds_address(line) || mentions(line).next().is_some()
}

fn holds_address(line: &str) -> bool {
    let mut words = line.split(|c: char| c.is_whitespace() || ",;|\"'()[]{}".contains(c));
    words.any(|word| word.parse::<std::net::IpAddr>().is_ok())
}

#[cfg(test)]
mod tests;
