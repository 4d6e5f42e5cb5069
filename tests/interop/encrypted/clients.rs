//! The clients of the page with its text, and around it what the page leaves to its reader: where they listen, and where
//! they ask for everything else.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;

use super::stage::Stage;
use crate::forwarders::world::{PUBLIC, RESOLVER};
use crate::resolvers::{Resolver, start_at};
use crate::tool::find;

/// A client that other clients ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    Resolved,
    Unbound,
    DnsdistDot,
    DnsdistDoh,
    Kresd,
}

/// systemd-resolved has its files at fixed places, and a user of its own: it sees others there than its host does.
const RESOLVED: &str = "set -e
here=${0%/conf}
mkdir \"$here/systemd\"
cp \"$0\" \"$here/systemd/resolved.conf\"
{ echo 'systemd-resolve:x:65000:65000::/:/usr/sbin/nologin'; cat /etc/passwd; } > \"$here/passwd\"
mount --bind \"$here/passwd\" /etc/passwd
mount --bind \"$here/systemd\" /etc/systemd
mount -t tmpfs tmpfs /run
mkdir /run/systemd
cp \"$AUTHORITY\" /run/ca.pem
SSL_CERT_FILE=/run/ca.pem exec \"$PROGRAM\"";

impl Client {
    pub(crate) const ALL: [Self; 5] = [Self::Resolved, Self::Unbound, Self::DnsdistDot, Self::DnsdistDoh, Self::Kresd];

    /// The info string of its block.
    fn info(self) -> &'static str {
        match self {
            Self::Resolved => "ini resolved",
            Self::Unbound => "unbound",
            Self::DnsdistDot => "lua dnsdist-dot",
            Self::DnsdistDoh => "lua dnsdist-doh",
            Self::Kresd => "lua kresd",
        }
    }

    /// The transport by which it asks.
    pub(crate) fn transport(self) -> &'static str {
        if self == Self::DnsdistDoh { "https" } else { "tls" }
    }

    fn program(self) -> &'static str {
        match self {
            Self::Resolved => "systemd-resolved",
            Self::Unbound => "unbound",
            Self::DnsdistDot | Self::DnsdistDoh => "dnsdist",
            Self::Kresd => "kresd",
        }
    }

    /// What starts it; the path of its config follows.
    fn arguments(self, stage: &Stage, program: &Path) -> Vec<String> {
        let of = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        match self {
            Self::Resolved => {
                let (program, authority) = (program.display(), stage.authority());
                let script = format!("PROGRAM={program} AUTHORITY={authority}\n{RESOLVED}");
                of(&["unshare", "--mount", "sh", "-c", &script])
            }
            Self::Unbound => of(&["unbound", "-d", "-c"]),
            Self::DnsdistDot | Self::DnsdistDoh => of(&["dnsdist", "--supervised", "--disable-syslog", "-C"]),
            Self::Kresd => of(&["sh", "-c", "exec kresd -n -c \"$0\" \"${0%/conf}\""]),
        }
    }

    /// Starts it with its block of a page.
    pub(crate) fn start(self, stage: &Stage, page: &str) -> Option<Resolver> {
        let program = find(self.program())?;
        let text = stage.block(page, self.info());
        let arguments = self.arguments(stage, &program);
        let (starter, arguments) = arguments.split_first().unwrap();
        let starter = find(starter)?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        // It listens there and nowhere else.
        let ip = if self == Self::Resolved { Ipv4Addr::new(127, 0, 0, 53) } else { RESOLVER };
        let config = |folder: &Path, at: SocketAddrV4| self.config(folder, at, &text);
        let started = stage.world.host.run(|| start_at(&starter, &arguments, SocketAddrV4::new(ip, 53), config));
        Some(started.unwrap_or_else(|| panic!("{self:?} does not start")))
    }

    fn config(self, folder: &Path, at: SocketAddrV4, text: &str) -> String {
        let here = folder.display();
        match self {
            Self::Resolved => text.to_owned(),
            Self::Unbound => format!(
                "server:\n interface: {at}\n port: 53\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n \
                 directory: \"{here}\"\n pidfile: \"{here}/pid\"\n logfile: \"\"\n use-syslog: no\n num-threads: 1\n \
                 module-config: \"iterator\"\n access-control: 10.0.0.0/8 allow\nremote-control:\n control-enable: \
                 no\nforward-zone:\n name: \".\"\n forward-addr: {PUBLIC}\n{text}",
                at = at.ip(),
            ),
            Self::DnsdistDot | Self::DnsdistDoh => format!(
                "setLocal('{at}')\nsetSecurityPollSuffix('')\nsetServFailWhenNoServer(true)\n\
                 newServer({{address = '{PUBLIC}', checkName = 'www.example.'}})\n{text}"
            ),
            Self::Kresd => format!(
                "net.listen('{}', 53, {{ kind = 'dns' }})\ntrust_anchors.remove('.')\ncache.size = 10 * MB\n\
                 {text}policy.add(policy.all(policy.FORWARD('{PUBLIC}')))\n",
                at.ip()
            ),
        }
    }
}
