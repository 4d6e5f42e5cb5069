//! Forms with a line or a block for each name.

use std::fmt::Write as _;

use super::{Row, Tape, Written, remark};

/// `10.0.0.4 name name  # comment`
pub(super) fn hosts(tape: &mut Tape<'_>, rows: &[Row]) -> Written {
    let mut text = String::new();
    if tape.rarely(3) {
        text.push_str("127.0.0.1 localhost\n::1 localhost ip6-localhost\n\n");
    }
    for row in rows {
        let gap = tape.one(&[" ", "\t", "    "]);
        write!(text, "{}{gap}{}", row.address, row.name(tape)).unwrap();
        if tape.rarely(4) {
            write!(text, " {}", row.name(tape)).unwrap();
        }
        writeln!(text, "{}", remark(tape)).unwrap();
    }
    Written { text, by_line: true, is_plain: true }
}

/// A name and an address in either order, with any separator.
pub(super) fn pairs(tape: &mut Tape<'_>, rows: &[Row]) -> Written {
    let between = tape.one(&[" ", "\t", ",", ";", " | ", ", ", " = ", " -> ", ": "]);
    let is_name_first = tape.below(2) == 0;
    let quote = tape.one(&["", "", "\"", "'"]);
    let mut text = String::new();
    for row in rows {
        let (name, address) = (row.name(tape), row.address);
        if is_name_first {
            write!(text, "{quote}{name}{quote}{between}{quote}{address}{quote}").unwrap();
        } else {
            write!(text, "{quote}{address}{quote}{between}{quote}{name}{quote}").unwrap();
        }
        writeln!(text, "{}", remark(tape)).unwrap();
    }
    Written { text, by_line: true, is_plain: matches!(between, " " | "\t" | "," | ";" | " | ") }
}

/// `label zone address`, as `PrivateIP.ps1` prints them.
pub(super) fn labels(tape: &mut Tape<'_>, rows: &[Row]) -> Written {
    let between = tape.one(&[" \t ", " ", "\t", ", "]);
    let mut text = String::new();
    for row in rows {
        if row.is_ours() {
            let zone = row.zone.as_str();
            let zone = if tape.rarely(4) { &zone["privatelink.".len()..] } else { zone };
            writeln!(text, "{}{between}{zone}{between}{}", row.owner, row.address).unwrap();
        } else {
            writeln!(text, "{}{between}{}", row.zone, row.address).unwrap();
        }
    }
    Written { text, by_line: true, is_plain: false }
}

/// The host file that the portal offers for download.
pub(super) fn portal(tape: &mut Tape<'_>, rows: &[Row]) -> Written {
    let mut text = "# Exported from the Azure portal \"2026-03-30 11:26:03Z\"\n\
                    # Private IP    FQDN    Private Endpoint Id\n"
        .to_owned();
    for row in rows {
        let id = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.Network/privateEndpoints/pe-1";
        writeln!(text, "{}    {}    #{id}", row.address, row.name(tape)).unwrap();
    }
    Written { text, by_line: true, is_plain: true }
}

/// A master file, a part for each zone.
pub(super) fn zone_file(tape: &mut Tape<'_>, rows: &[Row]) -> Written {
    let mut text = "; made by hand\n$TTL 3600\n".to_owned();
    let is_absolute = tape.below(3) == 0;
    let mut zones: Vec<&str> = rows.iter().filter(|row| row.is_ours()).map(|row| row.zone.as_str()).collect();
    zones.sort_unstable();
    zones.dedup();
    for zone in zones {
        if !is_absolute {
            writeln!(text, "$ORIGIN {zone}.").unwrap();
            if tape.below(2) == 0 {
                writeln!(text, "@ IN SOA ns1.corp.example. host.corp.example. (\n 1 ; serial\n 3600 300 2419200 10 )")
                    .unwrap();
            }
        }
        for row in rows.iter().filter(|row| row.is_ours() && row.zone == zone) {
            let owner = if is_absolute { format!("{}.{zone}.", row.owner) } else { row.owner.clone() };
            let ttl = tape.one(&["", "10 ", "1h "]);
            let class = tape.one(&["IN ", ""]);
            let comment = tape.one(&["", " ; was 10.9.9.9", " ; stold01.blob.core.windows.net"]);
            writeln!(text, "{owner} {ttl}{class}{} {}{comment}", row.rtype(), row.address).unwrap();
        }
    }
    for row in rows.iter().filter(|row| !row.is_ours()) {
        writeln!(text, "{}. 10 IN {} {}", row.zone, row.rtype(), row.address).unwrap();
    }
    Written { text, by_line: true, is_plain: false }
}

/// Our own format.
pub(super) fn toml(tape: &mut Tape<'_>, rows: &[Row]) -> Written {
    let mut text = String::new();
    for row in rows {
        let name = row.name(tape);
        match tape.below(2) {
            0 => writeln!(text, "[[endpoint]]\nfqdn = \"{name}\"\naddress = \"{}\"\n", row.address).unwrap(),
            _ => writeln!(text, "[[endpoint]]\naddresses = [\"{}\"]\nfqdn = \"{name}\"\n", row.address).unwrap(),
        }
    }
    Written { text, by_line: false, is_plain: true }
}

/// `Format-List`.
pub(super) fn screen(tape: &mut Tape<'_>, rows: &[Row]) -> Written {
    let mut text = "\n".to_owned();
    let label = tape.one(&["Fqdn", "Fqdn", "FQDN", "Name", "DnsName"]);
    let addresses = tape.one(&["IpAddresses", "IpAddresses", "IpAddress", "PrivateIpAddress", "Ip"]);
    let is_first = tape.below(3) < 2;
    let is_apart = tape.below(4) < 3;
    for row in rows {
        let name = row.name(tape);
        let address = match tape.below(2) {
            0 => format!("{{{}}}", row.address),
            _ => row.address.to_string(),
        };
        let (a, b) = (format!("{label:11} : {name}"), format!("{addresses:11} : {address}"));
        let (a, b) = if is_first { (a, b) } else { (b, a) };
        writeln!(text, "{a}\n{b}").unwrap();
        if is_apart {
            text.push('\n');
        }
    }
    Written { text, by_line: false, is_plain: is_first && is_apart && label == "Fqdn" && addresses == "IpAddresses" }
}
