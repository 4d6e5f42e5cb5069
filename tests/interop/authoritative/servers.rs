//! NSD, Knot and BIND, authoritative for the files in a folder.

use std::fmt::Write;
use std::net::SocketAddrV4;
use std::path::Path;

use crate::resolvers::{Resolver, bind_ip, own_ip, start};
use crate::tool::find;

/// NSD.
pub(super) fn nsd(zones: &Path, apexes: &[&str]) -> Option<Resolver> {
    let program = find("nsd")?;
    let config = |folder: &Path, address: SocketAddrV4| {
        let (ip, port) = (address.ip(), address.port());
        let mut text = format!(
            "server:\n ip-address: {ip}@{port}\n port: {port}\n server-count: 1\n username: \"\"\n chroot: \"\"\n\
             \x20zonesdir: \"{zones}\"\n database: \"\"\n pidfile: \"{0}/pid\"\n xfrdfile: \"{0}/xfrd\"\n\
             \x20zonelistfile: \"{0}/list\"\n logfile: \"{0}/nsd\"\n minimal-responses: yes\n round-robin: no\n rrl-ratelimit: 0\n\
             remote-control:\n control-enable: no\n",
            folder.display(),
            zones = zones.display()
        );
        // Writing to a String cannot fail.
        for apex in apexes {
            let _fits = write!(text, "zone:\n name: \"{apex}\"\n zonefile: \"{apex}.zone\"\n");
        }
        text
    };
    Some(start(&program, &["-d", "-c"], own_ip, config))
}

/// Knot DNS.
pub(super) fn knot(zones: &Path, apexes: &[&str]) -> Option<Resolver> {
    let program = find("knotd")?;
    let config = |folder: &Path, address: SocketAddrV4| {
        let (ip, port) = (address.ip(), address.port());
        let mut text = format!(
            "server:\n  rundir: \"{0}\"\n  listen: {ip}@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n\
             control:\n  listen: \"{0}/control\"\n\
             database:\n  storage: \"{0}/db\"\nlog:\n - target: stdout\n   any: info\n\
             template:\n - id: default\n   storage: \"{zones}\"\n   file: \"%s.zone\"\n   zonefile-sync: -1\n   journal-content: none\n\
             zone:\n",
            folder.display(),
            zones = zones.display()
        );
        // Writing to a String cannot fail.
        for apex in apexes {
            let _fits = writeln!(text, " - domain: {apex}");
        }
        text
    };
    Some(start(&program, &["-c"], own_ip, config))
}

/// BIND.
pub(super) fn bind(zones: &Path, apexes: &[&str]) -> Option<Resolver> {
    let program = find("named")?;
    let config = |folder: &Path, address: SocketAddrV4| {
        let (ip, port) = (address.ip(), address.port());
        let mut text = format!(
            "options {{ directory \"{0}\"; pid-file \"{0}/pid\"; listen-on port {port} {{ {ip}; }};\n\
             listen-on-v6 {{ none; }}; recursion no; allow-query {{ 127.0.0.0/8; }}; dnssec-validation no;\n\
             minimal-responses yes; zero-no-soa-ttl no; notify no; empty-zones-enable no; check-names primary ignore; check-integrity no;\n\
             max-records-per-type 0; }};\ncontrols {{ }};\n",
            folder.display()
        );
        // Writing to a String cannot fail.
        for apex in apexes {
            let file = zones.join(format!("{apex}.zone"));
            let _fits = writeln!(text, "zone \"{apex}\" {{ type primary; file \"{}\"; }};", file.display());
        }
        text
    };
    Some(start(&program, &["-g", "-n", "1", "-c"], bind_ip, config))
}
