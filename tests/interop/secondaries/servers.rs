//! The servers of the page with its text, and around it what the page leaves to its reader: where they listen, and where
//! a resolver asks for everything else.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::stage::Stage;
use crate::forwarders::page::block;
use crate::forwarders::peers::key;
use crate::forwarders::world::PUBLIC;
use crate::resolvers::{Resolver, start_at};
use crate::tool::{find, run};

/// The tables of `pdns_server`, where Debian has them.
const SCHEMA: &str = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";

/// A server of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secondary {
    Bind,
    Unbound,
    Recursor,
    Kresd,
    Knot,
    Nsd,
    PowerDns,
}

impl Secondary {
    /// Those that have the feed.
    pub(crate) const RESOLVERS: [Self; 4] = [Self::Bind, Self::Unbound, Self::Recursor, Self::Kresd];

    pub(crate) const ALL: [Self; 7] =
        [Self::Bind, Self::Unbound, Self::Recursor, Self::Kresd, Self::Knot, Self::Nsd, Self::PowerDns];

    /// Its name in the config of the page.
    pub(crate) fn peer(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Unbound => "unbound",
            Self::Recursor => "recursor",
            Self::Kresd => "kresd",
            Self::Knot => "knot",
            Self::Nsd => "nsd",
            Self::PowerDns => "powerdns",
        }
    }

    /// Its address in the config of the page.
    pub(crate) fn ip(self) -> Ipv4Addr {
        let last = match self {
            Self::Bind => 53,
            Self::Unbound => 54,
            Self::Recursor => 55,
            Self::Kresd => 56,
            Self::Knot => 57,
            Self::Nsd => 58,
            Self::PowerDns => 59,
        };
        Ipv4Addr::new(10, 0, 0, last)
    }

    fn program(self) -> &'static str {
        match self {
            Self::Bind => "named",
            Self::Unbound => "unbound",
            Self::Recursor => "pdns_recursor",
            Self::Kresd => "kresd",
            Self::Knot => "knotd",
            Self::Nsd => "nsd",
            Self::PowerDns => "pdns_server",
        }
    }

    /// What starts it; the path of its config follows.
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Bind => &["named", "-g", "-n", "1", "-c"],
            Self::Unbound => &["unbound", "-d", "-c"],
            Self::Recursor => &["sh", "-c", "exec pdns_recursor --config-dir=\"${0%/conf}\""],
            Self::Kresd => &["sh", "-c", "exec kresd -n -c \"$0\" \"${0%/conf}\""],
            Self::Knot => &["knotd", "-c"],
            Self::Nsd => &["nsd", "-d", "-c"],
            Self::PowerDns => &["sh", "-c", "exec pdns_server --config-dir=\"${0%/conf}\""],
        }
    }

    /// Starts it with the blocks of a page, and with a folder for what it keeps.
    pub(crate) fn start(self, stage: &Stage, page: &str, kept: &TempDir) -> Option<Resolver> {
        find(self.program())?;
        let (keys, kept_in) = (&stage.keys, kept.path());
        let text = |info: &str| keys.fill(self, &block(page, info), kept_in);
        if self == Self::PowerDns {
            find("sqlite3")?;
        }
        if self == Self::Kresd {
            // What it fetched before is good as long as ours are away.
            let _has_new = self.fetch(stage, page, kept);
        }
        let [program, arguments @ ..] = self.arguments() else { unreachable!("it has a program") };
        let program = find(program)?;
        let validation = if stage.validates { self.validation(&stage.world.anchor) } else { Default::default() };
        let config = |folder: &Path, at: SocketAddrV4| self.config(folder, kept_in, at, text, &validation);
        let address = SocketAddrV4::new(self.ip(), 53);
        let started = stage.world.host.run(|| start_at(&program, arguments, address, config));
        Some(started.unwrap_or_else(|| panic!("{self:?} does not start")))
    }

    /// Runs the page's script that fetches the feed; whether it had it.
    pub(crate) fn fetch(self, stage: &Stage, page: &str, kept: &TempDir) -> bool {
        let script = stage.keys.fill(self, &block(page, "sh fetch"), kept.path());
        stage.world.host.run(|| run(Command::new("sh").arg("-c").arg(script))).0
    }

    /// What makes it validate: for its options, and beside them.
    fn validation(self, anchor: &str) -> [String; 2] {
        let (numbers, key) = key(anchor);
        match self {
            Self::Bind => ["yes".to_owned(), format!("trust-anchors {{ . static-key {numbers} \"{key}\"; }};\n")],
            Self::Unbound => [format!(" trust-anchor: \". DNSKEY {numbers} {key}\"\n"), String::new()],
            _ => unreachable!("{self:?} is not made to validate"),
        }
    }

    fn config(
        self,
        folder: &Path,
        kept: &Path,
        at: SocketAddrV4,
        text: impl Fn(&str) -> String,
        [validation, anchor]: &[String; 2],
    ) -> String {
        let (ip, port) = (at.ip(), at.port());
        let here = folder.display();
        match self {
            Self::Bind => format!(
                "options {{ directory \"{}\"; pid-file \"{here}/pid\"; listen-on port {port} {{ {ip}; }};\n\
                 listen-on-v6 {{ none; }}; recursion yes; allow-query {{ any; }}; dnssec-validation {};\n\
                 forward only; forwarders {{ {PUBLIC}; }};\n{}{}}};\ncontrols {{ }};\n{anchor}{}{}",
                kept.display(),
                if validation.is_empty() { "no" } else { validation },
                text("named options"),
                text("named catalog options"),
                text("named"),
                text("named catalog"),
            ),
            Self::Unbound => format!(
                "server:\n interface: {ip}@{port}\n port: {port}\n outgoing-interface: {ip}\n do-daemonize: no\n \
                 username: \"\"\n chroot: \"\"\n directory: \"{here}\"\n pidfile: \"{here}/pid\"\n logfile: \"\"\n \
                 use-syslog: no\n access-control: 127.0.0.0/8 allow\n num-threads: 1\n{validation}remote-control:\n \
                 control-enable: no\nforward-zone:\n name: \".\"\n forward-addr: {PUBLIC}\n{}",
                text("unbound"),
            ),
            Self::Recursor => {
                recursor(folder, at, &text("lua recursor"));
                String::new()
            }
            Self::Kresd => format!(
                "net.listen('{ip}', {port}, {{ kind = 'dns' }})\ntrust_anchors.remove('.')\ncache.size = 10 * MB\n{}\
                 policy.add(policy.all(policy.FORWARD('{PUBLIC}')))\n",
                text("lua kresd"),
            ),
            Self::Knot => {
                std::fs::create_dir(folder.join("db")).unwrap();
                format!(
                    "server:\n  rundir: \"{here}\"\n  listen: {ip}@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  \
                 background-workers: 1\ncontrol:\n  listen: \"{here}/control\"\ndatabase:\n  storage: \"{here}/db\"\n\
                 log:\n - target: stdout\n   any: info\n{}",
                    text("knot"),
                )
            }
            Self::Nsd => format!(
                "server:\n ip-address: {ip}@{port}\n port: {port}\n server-count: 1\n username: \"\"\n chroot: \"\"\n \
                 zonesdir: \"{here}\"\n database: \"\"\n pidfile: \"{here}/pid\"\n xfrdfile: \"{here}/xfrd\"\n \
                 zonelistfile: \"{here}/list\"\n logfile: \"{here}/nsd\"\nremote-control:\n control-enable: no\n{}",
                text("nsd"),
            ),
            Self::PowerDns => {
                powerdns(folder, at, &text("ini powerdns"), &text("sh powerdns"));
                String::new()
            }
        }
    }
}

/// The files of `pdns_recursor`, which has names of its own for them.
fn recursor(folder: &Path, at: SocketAddrV4, policy: &str) {
    let (ip, port, here) = (at.ip(), at.port(), folder.display());
    let config = format!(
        "local-address={ip}\nlocal-port={port}\nforward-zones-recurse=.={PUBLIC}\ndont-query=\n\
         lua-config-file={here}/policy.lua\nsocket-dir={here}\ndaemon=no\ndisable-syslog=yes\n\
         allow-from=127.0.0.0/8\nsecurity-poll-suffix=\nthreads=1\n"
    );
    std::fs::write(folder.join("policy.lua"), policy).unwrap();
    std::fs::write(folder.join("recursor.conf"), config).unwrap();
}

/// The file of `pdns_server`, and its database after the commands.
fn powerdns(folder: &Path, at: SocketAddrV4, settings: &str, commands: &str) {
    let (ip, port, here) = (at.ip(), at.port(), folder.display());
    let database = folder.join("pdns.sqlite3");
    let database = database.display();
    let config = format!(
        "launch=gsqlite3\ngsqlite3-database={database}\nlocal-address={ip}\nlocal-port={port}\n\
         query-local-address={ip}\nsocket-dir={here}\ndaemon=no\nguardian=no\ndisable-syslog=yes\n\
         security-poll-suffix=\n{settings}"
    );
    std::fs::write(folder.join("pdns.conf"), config).unwrap();
    let commands = commands.replace("pdnsutil ", &format!("pdnsutil --config-dir={here} "));
    let script = format!("sqlite3 {database} < {SCHEMA}\n{commands}");
    let (good, said) = run(Command::new("sh").arg("-ec").arg(script));
    assert!(good, "{said}");
}
