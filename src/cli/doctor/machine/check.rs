//! Section 2: this machine. In: its facts, the config, and what the running server says of itself. Out: findings.

use std::net::{IpAddr, SocketAddr};

use super::Machine;
use super::folders::Folder;
use crate::cli::doctor::Server;
use crate::cli::doctor::finding::{Finding, lines, some};
use crate::cli::doctor::id::Id;
use crate::config::{self, Config};
use crate::diag;
use crate::files;
use crate::forward::UpstreamSpec;
use crate::host::ports::Holder;
use crate::status::Status;
use crate::status::verdict::Level;

/// Open files beyond those of TCP connections: UDP sockets, lists, logs.
const OTHER_FILES: u64 = 200;

/// Octets that a folder should have left: zone files are written beside the old ones.
const LITTLE_ROOM: u64 = 100 << 20;

/// Octets below which nothing is written.
const NO_ROOM: u64 = 1 << 20;

/// All checks of the section.
pub(in crate::cli::doctor) fn check(machine: &Machine, config: &Config, server: &Server) -> Vec<Finding> {
    let mut found = vec![
        port(machine, server),
        bind(machine, config, server),
        addresses(machine),
        open_files(machine, config),
        timestamps(machine),
        clock(machine),
        resolv_conf(machine, config),
        folders(machine, server),
        disk(machine),
    ];
    found.extend(running(machine, config, server));
    found
}

fn is_server(holder: &Holder, status: Option<&Status>) -> bool {
    let pid = status.map(|status| status.server.pid);
    holder.process.as_ref().is_some_and(|(id, _)| Some(*id) == pid)
}

fn port(machine: &Machine, server: &Server) -> Finding {
    let status = server.status();
    let mut others: Vec<(SocketAddr, &Holder)> = Vec::new();
    for (wanted, holders) in &machine.holders {
        others.extend(holders.iter().filter(|holder| !is_server(holder, status)).map(|holder| (*wanted, holder)));
    }
    // Without the right to look, the holder of a socket may be the server itself.
    others.retain(|(_, holder)| holder.process.is_some() || status.is_none());
    let addresses: Vec<SocketAddr> = machine.holders.iter().map(|(wanted, _)| *wanted).collect();
    let Some((wanted, holder)) = others.first() else {
        if addresses.is_empty() {
            return Finding::good(Id::PORT, "the kernel chooses it");
        }
        let whose = if status.is_some() { "held by the server" } else { "free" };
        return Finding::good(Id::PORT, format!("{} {whose}", some(&addresses)));
    };
    if matches!(server, Server::Shut(_)) && others.iter().all(|(_, holder)| holder.process.is_none()) {
        return Finding::skipped(Id::PORT, "another user's process has it, perhaps the server: run doctor as root");
    }
    let names: Vec<String> = others.iter().map(|(_, holder)| holder.to_string()).collect();
    let mut names = names;
    names.dedup();
    let fact = format!("{wanted} cannot be had: {}", some(&names));
    let finding = if status.is_some() { Finding::warning(Id::PORT, fact) } else { Finding::problem(Id::PORT, fact) };
    finding.run(cure(holder, *wanted, &machine.own))
}

fn cure(holder: &Holder, wanted: SocketAddr, own: &[IpAddr]) -> String {
    let cures = holder.cures(wanted, own);
    if let [only] = &cures[..] { only.clone() } else { format!("either {}", cures.join("\nor, ")) }
}

fn addresses(machine: &Machine) -> Finding {
    if machine.absent.is_empty() {
        return Finding::good(Id::ADDRESSES, "this machine has every address of 'listen'");
    }
    let fact =
        format!("{} in 'listen' is no address of this machine: no query reaches it there", some(&machine.absent));
    Finding::warning(Id::ADDRESSES, fact)
        .run("ip address; then correct 'listen', or add the address to this machine; no restart is needed for that")
}

fn bind(machine: &Machine, config: &Config, server: &Server) -> Finding {
    let first = machine.first_free_port.unwrap_or(1024);
    let low: Vec<SocketAddr> =
        config.listen_addresses().all().into_iter().filter(|at| at.port() != 0 && at.port() < first).collect();
    if low.is_empty() {
        return Finding::good(Id::BIND, format!("every user may listen at ports from {first} on"));
    }
    if server.status().is_some() {
        return Finding::good(Id::BIND, "the server listens");
    }
    if machine.unit_may_bind == Some(true) {
        return Finding::good(Id::BIND, "the unit gives CAP_NET_BIND_SERVICE");
    }
    if machine.may_bind {
        return Finding::good(Id::BIND, "this user may listen at any port");
    }
    let fact = format!("{} needs CAP_NET_BIND_SERVICE, which this user does not have", some(&low));
    Finding::problem(Id::BIND, fact).run(if machine.has_systemd {
        "in the unit: AmbientCapabilities=CAP_NET_BIND_SERVICE; or: setcap cap_net_bind_service=+p \
         /usr/bin/privatelink-dns"
    } else {
        "give the container the capability NET_BIND_SERVICE, or 'listen' a port above 1023"
    })
}

fn open_files(machine: &Machine, config: &Config) -> Finding {
    let Some(limit) = machine.max_files else { return Finding::skipped(Id::FILES, "the system does not say") };
    let wanted = config.server.tcp.max_connections as u64 + OTHER_FILES;
    if limit >= wanted {
        return Finding::good(Id::FILES, format!("{limit} allowed, {wanted} needed at most"));
    }
    let fact =
        format!("{limit} allowed, but [tcp] max_connections = {} needs {wanted}", config.server.tcp.max_connections);
    let raise = if machine.has_systemd { "in the unit: LimitNOFILE=" } else { "for the container: --ulimit nofile=" };
    let fewer = limit.saturating_sub(OTHER_FILES);
    Finding::warning(Id::FILES, fact).run(format!("{raise}{wanted}; or, in [tcp]: max_connections = {fewer}"))
}

fn timestamps(machine: &Machine) -> Finding {
    let is_azure = machine.is_azure == Some(true);
    match machine.timestamps {
        None => Finding::skipped(Id::TIMESTAMPS, "the system does not say"),
        Some(false) => Finding::good(Id::TIMESTAMPS, "net.ipv4.tcp_timestamps is 0"),
        Some(true) if !is_azure => {
            Finding::good(Id::TIMESTAMPS, "on, and this machine is not behind a balancer of Azure")
        }
        Some(true) => Finding::warning(Id::TIMESTAMPS, "net.ipv4.tcp_timestamps is 1 on a machine in Azure")
            .run("behind a load balancer: sysctl -w net.ipv4.tcp_timestamps=0, and the same line in /etc/sysctl.d"),
    }
}

fn clock(machine: &Machine) -> Finding {
    let help = "timedatectl set-ntp true, or start chrony; then: timedatectl";
    if let Some((file, ahead)) = &machine.clock.behind {
        let ahead = humantime::format_duration(std::time::Duration::from_secs(ahead.as_secs()));
        let fact = format!("the clock is behind: {} was written {ahead} in the future", diag::path(file));
        return Finding::problem(Id::CLOCK, fact).run(help);
    }
    match machine.clock.synchronised {
        Some(true) => Finding::good(Id::CLOCK, "a time server keeps it"),
        Some(false) => Finding::warning(Id::CLOCK, "no time server keeps it (timedatectl)").run(help),
        None => {
            Finding::good(Id::CLOCK, "not behind what was written before; the system does not say whether it is kept")
        }
    }
}

fn resolv_conf(machine: &Machine, config: &Config) -> Finding {
    let all = machine.resolvers.iter().chain(&machine.behind_stub);
    let here: Vec<&SocketAddr> = all.filter(|resolver| machine.leads_here(config, resolver)).collect();
    let uses_system = config.groups.iter().any(|group| group.upstreams.contains(&UpstreamSpec::System));
    match (here.is_empty(), uses_system) {
        (true, true) => Finding::good(Id::RESOLV_CONF, format!("\"system\" means {}", some(&machine.resolvers))),
        (true, false) => Finding::good(Id::RESOLV_CONF, "upstreams do not depend on it"),
        (false, false) => {
            Finding::good(Id::RESOLV_CONF, "this machine asks the server itself, which forwards elsewhere")
        }
        (false, true) => {
            let fact = format!(
                "upstreams = [\"system\"], and the machine's name server {} is this server itself",
                some(&here)
            );
            Finding::problem(Id::RESOLV_CONF, fact).run(
                "in a VNet of Azure whose DNS is this server: [forward] upstreams = [\"168.63.129.16\"]; elsewhere the \
                 address of the site's resolver",
            )
        }
    }
}

fn folders(machine: &Machine, server: &Server) -> Finding {
    if matches!(server, Server::Shut(_)) {
        return Finding::skipped(Id::FOLDERS, "this is not the server's user: run doctor as root");
    }
    let mut facts = Vec::new();
    let mut help = Vec::new();
    for folder in &machine.folders {
        let Folder { key, path, .. } = folder;
        let path = diag::path(path);
        if folder.is_link {
            facts.push(format!("{path} is a symbolic link, and the server writes a view's zones into a folder alone"));
            help.push(format!("mv {path} somewhere else; the server makes the folder"));
        } else if !folder.is_there {
            if server.status().is_some() && *key == "zone_dir" {
                facts.push(format!("{key} {path} is not there"));
                help.push(format!("mkdir -p {path}"));
            }
        } else if let Some((owner, user)) = folder.other_owner {
            facts.push(format!("{key} {path} belongs to user {owner}, but the server runs as user {user}"));
            help.push(format!("chown -R {user} {path}"));
        } else if !folder.is_writable {
            facts.push(format!("this user may not write to {key} {path}"));
            help.push(format!("run doctor as the server's user; if it is: chown -R $(id -u) {path}"));
        }
    }
    if facts.is_empty() {
        return Finding::good(Id::FOLDERS, "they are there for the server to write, or will be made");
    }
    Finding::problem(Id::FOLDERS, lines(&facts)).run(lines(&help))
}

fn disk(machine: &Machine) -> Finding {
    let room = machine.folders.iter().filter_map(|folder| Some((folder, folder.room?)));
    let Some((folder, (free, _))) = room.min_by_key(|(_, (free, _))| *free) else {
        return Finding::skipped(Id::DISK, "no folder is there yet");
    };
    let fact = format!("{} left for {} {}", files::size(free), folder.key, diag::path(&folder.path));
    let help = format!("df -h {0}; free some of it, or move {1}", diag::path(&folder.path), folder.key);
    match free {
        0..NO_ROOM => Finding::problem(Id::DISK, fact).run(help),
        NO_ROOM..LITTLE_ROOM => Finding::warning(Id::DISK, fact).run(help),
        _ => Finding::good(Id::DISK, fact),
    }
}

/// The server itself: whether it answers, runs with this config and is this version.
fn running(machine: &Machine, config: &Config, server: &Server) -> Vec<Finding> {
    let file = diag::path(&config.file);
    let skip = |reason: &str| {
        [Id::IN_SERVICE, Id::VERSION, Id::VERDICT]
            .map(|id| Finding::skipped(id, reason))
            .into_iter()
            .collect::<Vec<_>>()
    };
    let status = match server {
        Server::Runs(status) => status,
        Server::NoSocket => {
            let mut found = skip("control = \"off\"");
            found.insert(0, Finding::skipped(Id::RUNNING, "control = \"off\": the server cannot be asked how it is"));
            return found;
        }
        Server::Shut(reason) => {
            let mut found = skip("this user may not ask the server");
            let help = format!("sudo {}", diag::command(&["doctor"], &file));
            found.insert(0, Finding::warning(Id::RUNNING, reason).run(help));
            return found;
        }
        Server::Silent(reason) => {
            let mut found = skip("no server answers at the control socket");
            found.insert(
                0,
                Finding::problem(Id::RUNNING, reason).run(if machine.has_systemd {
                    "systemctl status privatelink-dns; then: systemctl start privatelink-dns"
                } else {
                    "look at the log of the server, and start it"
                }),
            );
            return found;
        }
    };
    let restart = if machine.has_systemd { "systemctl restart privatelink-dns" } else { "restart the server" };
    vec![answers(status), in_service(config, status, &file, restart), version(status, restart), verdict(status, &file)]
}

fn answers(status: &Status) -> Finding {
    Finding::good(Id::RUNNING, format!("process {} answers at the control socket", status.server.pid))
}

fn in_service(config: &Config, status: &Status, file: &str, restart: &str) -> Finding {
    let theirs = &status.config.file;
    if !config::is_same(&config.file, theirs) {
        let fact = format!("the server runs with another config, {theirs}");
        return Finding::problem(Id::IN_SERVICE, fact).run(diag::command(&["doctor"], theirs));
    }
    if let Some(first) = status.config.problems.first() {
        let fact = format!("the newest config is not in service: {first}");
        return Finding::problem(Id::IN_SERVICE, fact).run(diag::command(&["check"], file));
    }
    if let Some(first) = status.config.waits_for_restart.first() {
        return Finding::warning(Id::IN_SERVICE, first.to_string()).run(restart);
    }
    let changed = super::changed(&config.file).map(crate::cli::seconds);
    if changed.is_some_and(|changed| changed > status.config.read) {
        let fact = "the config file was changed after the server read it last";
        return Finding::warning(Id::IN_SERVICE, fact).run(diag::command(&["reload"], file));
    }
    Finding::good(Id::IN_SERVICE, theirs)
}

fn version(status: &Status, restart: &str) -> Finding {
    let server = &status.server;
    let (ours, revision) = (env!("CARGO_PKG_VERSION"), env!("PRIVATELINK_DNS_REVISION"));
    if server.version == ours && (server.revision.is_empty() || revision.is_empty() || server.revision == revision) {
        return Finding::good(Id::VERSION, ours);
    }
    let fact = format!("the server is {} ({}), this program {ours} ({revision})", server.version, server.revision);
    Finding::warning(Id::VERSION, fact).run(restart)
}

fn verdict(status: &Status, file: &str) -> Finding {
    let verdict = &status.verdict;
    let facts: Vec<String> = verdict.findings.iter().map(|found| format!("{}: {}", found.level, found.text)).collect();
    let helps: Vec<&str> = verdict.findings.iter().filter_map(|found| found.what_to_do.as_deref()).collect();
    let help = helps.first().map_or_else(|| diag::command(&["status"], file), ToString::to_string);
    match verdict.level {
        Level::Good => Finding::good(Id::VERDICT, &verdict.headline),
        Level::Warning => Finding::warning(Id::VERDICT, lines(&facts)).run(help),
        Level::Error => Finding::problem(Id::VERDICT, lines(&facts)).run(help),
    }
}
