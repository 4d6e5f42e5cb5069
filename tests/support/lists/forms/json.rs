//! Forms of JSON, and YAML of the same values.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{Row, Tape, Written};

/// An object with its keys in any order.
fn object(tape: &mut Tape<'_>, keys: Vec<(&str, Value)>) -> Value {
    Value::Object(tape.shuffled(keys).into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn shown(tape: &mut Tape<'_>, value: &Value) -> String {
    match tape.below(4) {
        0 | 1 => serde_json::to_string_pretty(value).unwrap() + "\n",
        2 => value.to_string(),
        _ => value.to_string() + "\n",
    }
}

fn written(text: String, is_plain: bool) -> Written {
    Written { text, by_line: false, is_plain }
}

/// Junk that objects have beside a name.
fn beside(tape: &mut Tape<'_>, keys: &mut Vec<(&str, Value)>) {
    let junk: [(&str, Value); 6] = [
        ("resourceGroup", json!("rg-dns")),
        ("ttl", json!(3600)),
        ("tags", json!({"owner": "jane", "cost": null})),
        ("note", json!("checked, 2026-03-30")),
        ("isDefault", json!(true)),
        ("etag", json!("W/\"b\"")),
    ];
    for _ in 0..tape.below(3) {
        let (key, value) = junk[tape.below(junk.len())].clone();
        if keys.iter().all(|(known, _)| *known != key) {
            keys.push((key, value));
        }
    }
}

fn one_or_list(tape: &mut Tape<'_>, row: &Row) -> Value {
    let address = Value::String(row.address.to_string());
    if tape.below(2) == 0 { address } else { Value::Array(vec![address]) }
}

fn flat(tape: &mut Tape<'_>, row: &Row) -> Value {
    let is_pair = row.is_ours() && tape.rarely(3);
    let address = tape.one(&["ip", "ipAddress", "privateIpAddress", "ipAddresses", "IPAddress", "address"]);
    let mut keys = vec![(address, one_or_list(tape, row))];
    if is_pair {
        keys.push((tape.one(&["name", "record", "recordName", "label"]), json!(row.owner)));
        keys.push((tape.one(&["zone", "zoneName", "dnsZone"]), json!(row.zone)));
    } else {
        keys.push((tape.one(&["fqdn", "Fqdn", "FQDN", "hostname", "dnsName", "domain"]), json!(row.name(tape))));
    }
    beside(tape, &mut keys);
    object(tape, keys)
}

/// `[{"fqdn": ..., "ip": ...}]` with the keys that scripts use.
pub(super) fn rows(tape: &mut Tape<'_>, rows: &[Row]) -> Written {
    let all: Vec<Value> = rows.iter().map(|row| flat(tape, row)).collect();
    let value = match tape.below(3) {
        0 | 1 => Value::Array(all),
        _ => json!({"count": all.len(), "data": all}),
    };
    written(shown(tape, &value), false)
}

fn config(tape: &mut Tape<'_>, row: &Row, is_pascal: bool) -> Value {
    let (name, addresses) = if is_pascal { ("Fqdn", "IpAddresses") } else { ("fqdn", "ipAddresses") };
    let value = json!([row.address.to_string()]);
    let written = json!(row.name(tape));
    object(tape, vec![(name, written), (addresses, value)])
}

/// Bare `customDnsConfigs`.
pub(super) fn configs(tape: &mut Tape<'_>, rows: &[Row]) -> Written {
    let is_pascal = tape.rarely(3);
    let all = Value::Array(rows.iter().map(|row| config(tape, row, is_pascal)).collect());
    written(shown(tape, &all), true)
}

/// Whole endpoints, one to three.
pub(super) fn endpoints(tape: &mut Tape<'_>, rows: &[Row]) -> Written {
    let size = tape.below(3) + 1;
    let mut all = Vec::new();
    for (number, rows) in rows.chunks(size).enumerate() {
        let configs = Value::Array(rows.iter().map(|row| config(tape, row, false)).collect());
        let connection = json!([{"name": "c", "groupIds": ["AzureBackup"],
            "privateLinkServiceConnectionState": {"status": "Approved", "description": "Auto-Approved"}}]);
        let mut inner = vec![("customDnsConfigs", configs), ("privateLinkServiceConnections", connection)];
        inner.push(("provisioningState", json!("Succeeded")));
        let name = ("name", json!(format!("pe-{number}")));
        all.push(if tape.below(2) == 0 {
            inner.push(name);
            object(tape, inner)
        } else {
            let properties = object(tape, inner);
            object(tape, vec![name, ("properties", properties), ("location", json!("westeurope"))])
        });
    }
    let value = match tape.below(3) {
        0 => Value::Array(all),
        1 => json!({"value": all}),
        _ if all.len() == 1 => all.remove(0),
        _ => Value::Array(all),
    };
    written(shown(tape, &value), true)
}

/// `az network private-dns record-set a list`.
pub(super) fn record_sets(tape: &mut Tape<'_>, rows: &[Row]) -> Written {
    let mut all = Vec::new();
    for row in rows.iter().filter(|row| row.is_ours() && row.address.is_ipv4()) {
        let id = format!(
            "/subscriptions/1/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/{}/A/{}",
            row.zone, row.owner
        );
        let keys = vec![
            ("aRecords", json!([{"ipv4Address": row.address.to_string()}])),
            ("fqdn", json!(format!("{}.{}.", row.owner, row.zone))),
            ("id", json!(id)),
            ("name", json!(row.owner)),
            ("ttl", json!(10)),
            ("type", json!("Microsoft.Network/privateDnsZones/A")),
        ];
        all.push(object(tape, keys));
    }
    for row in rows.iter().filter(|row| row.is_ours() && row.address.is_ipv6()) {
        all.push(json!({"fqdn": row.name(tape), "ipAddresses": [row.address.to_string()]}));
    }
    written(shown(tape, &Value::Array(all)), true)
}

/// `{"name": "address"}`, as scripts and Terraform outputs have it.
pub(super) fn map(tape: &mut Tape<'_>, rows: &[Row]) -> Written {
    let all: Map<String, Value> = rows.iter().map(|row| (row.name(tape), one_or_list(tape, row))).collect();
    let value = match tape.below(3) {
        0 | 1 => Value::Object(all),
        _ => json!({"private_dns": {"sensitive": false, "type": "map", "value": all}}),
    };
    written(shown(tape, &value), false)
}

/// A document a line.
pub(super) fn lines(tape: &mut Tape<'_>, rows: &[Row]) -> Written {
    let is_pascal = tape.rarely(3);
    let all: Vec<String> = rows.iter().map(|row| config(tape, row, is_pascal).to_string() + "\n").collect();
    written(all.concat(), true)
}

/// Block style, as `az -o yaml` prints it.
pub(super) fn yaml(tape: &mut Tape<'_>, rows: &[Row]) -> Written {
    let mut text = tape.one(&["", "---\n", "# made by az\n", "records:\n"]).to_owned();
    for row in rows {
        let name = row.name(tape);
        let (key, addresses) =
            (tape.one(&["fqdn", "fqdn", "hostname"]), tape.one(&["ipAddresses", "ipAddresses", "ip"]));
        let quote = tape.one(&["", "", "\"", "'"]);
        let address = match tape.below(3) {
            0 => format!("\n  - {quote}{}{quote}", row.address),
            1 => format!(" [\"{}\"]", row.address),
            _ => format!(" \"{}\"", row.address),
        };
        writeln!(text, "- {key}: {quote}{name}{quote}\n  {addresses}:{address}").unwrap();
    }
    written(text, false)
}
