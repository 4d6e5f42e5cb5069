//! The status page: a [`Status`] as one HTML document, for a person at three in the morning.
//!
//! In: a [`Status`]. Out: a document without a script, which loads nothing. What is shown, in which words and how much
//! of it, is decided in the files beside this one; `templates/` has the HTML. Everything that others wrote is escaped
//! by the templates, and no character of it moves the text around it. Never: a socket, a clock.

mod age;
mod changes;
mod chart;
pub(super) mod explained;
mod lines;
mod mark;
mod number;
mod overview;
mod peers;
mod recent;
mod sources;
mod traffic;
mod upstreams;
mod waits;
mod zones;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use self::age::Moment;
use self::mark::{Mark, Tone};
use self::overview::Tile;
use crate::diag::{self, printable_lines};
use crate::status::Status;

/// Its colours and its layout.
const STYLE: &str = include_str!("../../templates/page.css");

/// The content security policy that the page needs: its own style by its digest, the sign in the browser's tab, and
/// nothing else.
pub(crate) fn csp() -> &'static str {
    "default-src 'none'; style-src 'sha256-Tc82Xj9w4ruwYrEVBeUyq2R2fTyDerTdtP9dz7yAR/M='; img-src data:; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

/// The status as a page that is loaded again after so many seconds; `None` for never.
pub(crate) fn render(status: &Status, refresh: Option<u64>) -> String {
    let page = Page::of(status, refresh).render();
    // Writing to a String cannot fail.
    visible(&page.unwrap_or_default())
}

/// The text without characters that hide or turn others, and without those that no document may hold.
fn visible(html: &str) -> String {
    printable_lines(html).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// The whole page.
#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    style: &'static str,
    refresh: Option<u64>,
    title: String,
    icon: String,
    verdict: Mark,
    headline: String,
    facts: Vec<String>,
    /// Shows the same on the host.
    command: String,
    at: Moment,
    tiles: Vec<Tile>,
    waits: waits::Waits,
    sources: sources::Sources,
    zones: zones::Zones,
    upstreams: upstreams::Upstreams,
    peers: peers::Peers,
    traffic: traffic::View,
    recent: recent::Recent,
    changes: changes::Changes,
}

impl Page {
    fn of(status: &Status, refresh: Option<u64>) -> Self {
        let verdict = overview::verdict(status);
        Self {
            style: STYLE,
            refresh,
            title: overview::title(status),
            icon: icon(verdict.tone),
            headline: status.verdict.headline.clone(),
            verdict,
            facts: overview::facts(status),
            command: diag::command(&["status"], &status.config.file),
            at: Moment::full(status.at),
            tiles: overview::tiles(status),
            waits: waits::Waits::of(status),
            sources: sources::Sources::of(status),
            zones: zones::Zones::of(status),
            upstreams: upstreams::Upstreams::of(status),
            peers: peers::Peers::of(status),
            traffic: traffic::View::of(status),
            recent: recent::Recent::of(status),
            changes: changes::Changes::of(status),
        }
    }
}

/// The sign in the browser's tab, as the address of an image: another form for each tone, not only another colour.
fn icon(tone: Tone) -> String {
    let form = match tone {
        Tone::Good | Tone::Quiet => "<circle cx='8' cy='8' r='7' fill='#1a7f37'/>",
        Tone::Warning => "<path d='M8 1l7 14H1z' fill='#e0a100'/>",
        Tone::Error => "<path d='M1 1h14v14H1z' fill='#c62828'/>",
    };
    let svg = format!("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>{form}</svg>");
    format!("data:image/svg+xml;base64,{}", BASE64.encode(svg))
}

#[cfg(test)]
mod tests;
