//! BIND, Unbound and dnsmasq with text of the page, and around it what the page leaves to its reader: where they listen,
//! how they resolve everything else, and their guards.

use std::fmt::Write;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::page::block;
use super::world::{PUBLIC, RESOLVER, World};
use crate::resolvers::{Resolver, start};
use crate::tool::{find, run};

/// A resolver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Bind,
    Unbound,
    Dnsmasq,
}

/// How a resolver finds every other name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// From the root.
    Recursion,
    /// From the resolver of its provider.
    Provider,
}

/// What is around the text of the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around {
    pub(crate) rest: Rest,
    /// DNSSEC validation with the root's key as trust anchor.
    pub(crate) validates: bool,
    /// Private addresses in answers are refused.
    pub(crate) rebinding: bool,
    /// The page's exemption for a network without a way to the root's servers.
    pub(crate) closed: bool,
}

impl Around {
    pub(crate) const PLAIN: Self = Self { rest: Rest::Recursion, validates: false, rebinding: false, closed: false };
}

impl Peer {
    pub(crate) const ALL: [Self; 3] = [Self::Bind, Self::Unbound, Self::Dnsmasq];

    /// Its program, its argument for the version, and the version that the page's table is about.
    pub(crate) fn version(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Bind => ("named", "-v", "BIND 9.18."),
            Self::Unbound => ("unbound", "-V", "Version 1.17."),
            Self::Dnsmasq => ("dnsmasq", "-v", "version 2.90"),
        }
    }

    fn program(self) -> Option<PathBuf> {
        find(self.version().0)
    }

    /// The block of the page that forwards.
    pub(crate) fn forwarding(self, page: &str) -> String {
        block(page, self.info())
    }

    /// The info string of its blocks.
    pub(crate) fn info(self) -> &'static str {
        match self {
            Self::Bind => "named",
            Self::Unbound => "unbound",
            Self::Dnsmasq => "dnsmasq",
        }
    }

    /// The same form as on the page with other suffixes, and nothing else.
    pub(crate) fn forwarding_of(self, suffixes: &[&str]) -> String {
        let mut text = String::new();
        for suffix in suffixes {
            // Writing to a String cannot fail.
            let _fits = match self {
                Self::Bind => writeln!(
                    text,
                    "zone \"{suffix}\" {{ type forward; forward only; forwarders {{ 10.0.0.4; 10.0.0.5; }}; }};"
                ),
                Self::Unbound => writeln!(
                    text,
                    "forward-zone:\n name: \"{suffix}\"\n forward-addr: 10.0.0.4\n forward-addr: 10.0.0.5"
                ),
                Self::Dnsmasq => writeln!(text, "server=/{suffix}/10.0.0.4\nserver=/{suffix}/10.0.0.5"),
            };
        }
        text
    }

    /// Starts it on the world's host, with a text that forwards; further blocks are those of the page.
    pub(crate) fn start(self, world: &World, page: &str, forwarding: &str, around: Around) -> Option<Resolver> {
        let program = self.program()?;
        let anchor = &world.anchor;
        let arguments: &[&str] = match self {
            Self::Bind => &["-g", "-n", "1", "-c"],
            Self::Unbound => &["-d", "-c"],
            Self::Dnsmasq => &["-k", "-C"],
        };
        let config = |folder: &Path, at| match self {
            Self::Bind => bind(anchor, page, forwarding, around, folder, at),
            Self::Unbound => unbound(anchor, page, forwarding, around, folder, at),
            Self::Dnsmasq => dnsmasq(anchor, forwarding, around, folder, at),
        };
        Some(world.host.run(|| start(&program, arguments, || RESOLVER, config)))
    }
}

/// The key of a DNSKEY record, without blanks.
pub(crate) fn key(anchor: &str) -> (String, String) {
    let words: Vec<&str> = anchor.split_whitespace().skip_while(|word| *word != "DNSKEY").skip(1).collect();
    (words[..3].join(" "), words[3..].concat())
}

/// The file that names the root's only server.
fn hints(folder: &Path) -> String {
    let file = folder.join("hints");
    std::fs::write(&file, format!(". 3600 NS ns.example.\nns.example. 3600 A {PUBLIC}\n")).unwrap();
    file.display().to_string()
}

fn bind(anchor: &str, page: &str, forwarding: &str, around: Around, folder: &Path, at: SocketAddrV4) -> String {
    let (mut options, mut more) = (Vec::new(), Vec::new());
    if around.rest == Rest::Provider {
        options.push(format!("forward only; forwarders {{ {PUBLIC}; }};\n"));
    } else {
        more.push(format!("zone \".\" {{ type hint; file \"{}\"; }};\n", hints(folder)));
    }
    if around.validates {
        let (numbers, key) = key(anchor);
        options.push("dnssec-validation yes;\n".to_owned());
        more.push(format!("trust-anchors {{ . static-key {numbers} \"{key}\"; }};\n"));
    } else {
        options.push("dnssec-validation no;\n".to_owned());
    }
    if around.rebinding {
        options.push(block(page, "named options"));
    }
    if around.closed {
        options.push(block(page, "named closed"));
    }
    let (ip, port, folder) = (at.ip(), at.port(), folder.display());
    let (options, more) = (options.concat(), more.concat());
    format!(
        "options {{ directory \"{folder}\"; pid-file \"{folder}/pid\"; listen-on port {port} {{ {ip}; }};\n\
         listen-on-v6 {{ none; }}; allow-query {{ any; }};\n{options}}};\ncontrols {{ }};\n{more}{forwarding}"
    )
}

fn unbound(anchor: &str, page: &str, forwarding: &str, around: Around, folder: &Path, at: SocketAddrV4) -> String {
    let (ip, port) = (at.ip(), at.port());
    let modules = if around.validates { "validator iterator" } else { "iterator" };
    let head = format!(
        "server:\n interface: {ip}@{port}\n port: {port}\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n \
         directory: \"{0}\"\n pidfile: \"{0}/pid\"\n logfile: \"\"\n use-syslog: no\n module-config: \"{modules}\"\n \
         root-hints: \"{1}\"\n access-control: 10.0.0.0/8 allow\n num-threads: 1\n",
        folder.display(),
        hints(folder),
    );
    let mut config = vec![head];
    if around.validates {
        let file = folder.join("anchor");
        std::fs::write(&file, format!("{anchor}\n")).unwrap();
        config.push(format!(" trust-anchor-file: \"{}\"\n", file.display()));
    }
    if around.rebinding {
        config.push(" private-address: 10.0.0.0/8\n".to_owned());
    }
    if around.closed {
        config.push(block(page, "unbound closed"));
    }
    config.push("remote-control:\n control-enable: no\n".to_owned());
    if around.rest == Rest::Provider {
        config.push(format!("forward-zone:\n name: \".\"\n forward-addr: {PUBLIC}\n"));
    }
    config.concat() + forwarding
}

/// dnsmasq resolves nothing from the root by itself: the rest is its provider's.
fn dnsmasq(anchor: &str, forwarding: &str, around: Around, folder: &Path, at: SocketAddrV4) -> String {
    let head = format!(
        "listen-address={}\nport={}\nbind-interfaces\nno-resolv\nno-hosts\nuser=root\npid-file={}\nserver={PUBLIC}\n",
        at.ip(),
        at.port(),
        folder.join("pid").display(),
    );
    let mut config = vec![head];
    if around.validates {
        let file = folder.join("anchor.key");
        std::fs::write(&file, format!("{anchor}\n")).unwrap();
        let tool = find("dnssec-dsfromkey").expect("beside dnssec-keygen");
        let (_, said) = run(Command::new(tool).arg("-2").arg(&file));
        let ds = said.lines().find_map(|line| line.split_once(" DS ")).expect("a DS record").1;
        let (numbers, digest) = ds.split_at(ds.match_indices(' ').nth(2).unwrap().0);
        config.push(format!("dnssec\ntrust-anchor=.,{},{}\n", numbers.replace(' ', ","), digest.replace(' ', "")));
    }
    if around.rebinding {
        config.push("stop-dns-rebind\n".to_owned());
    }
    config.concat() + forwarding
}
