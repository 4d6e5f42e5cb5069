//! `query`: one answer, and how it came about.

use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;

use super::{fail, print, usage};
use crate::config::Config;
use crate::daemon;
use crate::diag;
use crate::dns::{Name, Rcode, Rtype};
use crate::forward::resolver::Provenance;
use crate::server::views::ViewIndex;
use crate::server::{self, Answered, Snapshot};
use crate::zone::store::file_of;

/// Answers as the server would, with a cache of its own.
pub(super) fn run(config: &Config, name: &str, rtype: &str, client: Option<IpAddr>) -> ExitCode {
    let name: Name = match name.parse() {
        Ok(name) => name,
        Err(error) => return usage(format!("'{name}' is not a domain name: {error}")),
    };
    let rtype: Rtype = match rtype.parse() {
        Ok(rtype) => rtype,
        Err(reason) => return usage(reason),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(format!("cannot start the runtime: {error}")),
    };
    let answered = runtime.block_on(async {
        let snapshot = daemon::snapshot(config)?;
        let view = snapshot.views.of_network(client);
        let answered = server::query(&snapshot, (name, rtype), client, view).await;
        show(config, &snapshot, &answered, view);
        Ok::<_, std::io::Error>(answered)
    });
    runtime.shutdown_background();
    match answered {
        Ok(answered) if answered.resolved.rcode == Rcode::SERVFAIL => ExitCode::from(super::FAILED),
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

fn show(config: &Config, snapshot: &Arc<Snapshot>, answered: &Answered, view: ViewIndex) {
    let resolved = &answered.resolved;
    let mut flags = Vec::from_iter(resolved.authoritative.then_some("authoritative"));
    flags.extend(resolved.authentic.then_some("authentic"));
    let flags = if flags.is_empty() { String::new() } else { format!(", {}", flags.join(", ")) };
    print(format!("{}{flags}", resolved.rcode));
    resolved.answer.iter().for_each(print);
    for record in &resolved.authority {
        print(format!("; authority: {record}"));
    }
    if let Some(ede) = &resolved.ede {
        // An upstream may have written it.
        print(format!("; note {}: {}", ede.code, diag::printable(&ede.text)));
    }
    for line in story(config, snapshot, answered, view) {
        print(format!("; {line}"));
    }
}

/// One line for each place that had a part in the answer.
fn story(config: &Config, snapshot: &Snapshot, answered: &Answered, view: ViewIndex) -> Vec<String> {
    let origin = &answered.resolved.origin;
    let view = snapshot.views.name(view);
    let mut lines: Vec<String> = view.iter().map(|view| format!("this client is in view {view}")).collect();
    for (name, part) in &answered.trace {
        let name = name.without_dot();
        lines.push(match part {
            Provenance::Cache => format!("'{name}' from the cache"),
            Provenance::Stale => format!("'{name}' from the cache, past its time"),
            Provenance::Upstream(address) => format!("'{name}' from upstream {address}"),
            Provenance::Special => format!("'{name}' is a special name (RFC 6761, RFC 6303) and is not asked upstream"),
            Provenance::SynthesizedCname => format!("'{name}' is a synthesized CNAME from our own zone"),
        });
    }
    if let Some(missed) = &origin.missed {
        lines.push(format!("no hosted zone has '{}'", missed.without_dot()));
    }
    if let Some(apex) = &origin.zone {
        let record = answered.resolved.answer.last().filter(|record| record.owner.is_at_or_below(apex));
        let part = snapshot.zones.part_of(view, apex, record.map_or(apex, |record| &record.owner));
        let file = file_of(&config.zones.zone_dir, &part);
        let serial = snapshot.zones.part(&part).and_then(|hosted| hosted.zone.as_ref()).map(|zone| zone.serial());
        let serial = serial.map(|serial| format!(" serial {serial}")).unwrap_or_default();
        let how = if origin.forwarded { "re-chased into zone" } else { "from zone" };
        lines.push(format!("{how} '{}'{serial}, {}", apex.without_dot(), diag::path(&file)));
        if let Some(record) = record {
            let provenance = config.sync.state.provenance(&part);
            let listed = provenance.of(&record.owner.relative_to(apex), record.rtype);
            lines.extend(listed.map(|listed| format!("listed by {listed}")));
        }
    }
    lines
}
