//! Forms with columns under a header.

use std::fmt::Write as _;

use super::{Row, Tape, Written};

/// A header and its cells, one for each row.
type Column = (String, Vec<String>);

const JUNK: [(&str, &str); 16] = [
    ("ResourceGroup", "rg-dns"),
    ("Subscription", "sub-hub"),
    ("TTL", "3600"),
    ("Status", "Approved"),
    ("Location", "westeurope"),
    ("Owner", "jane"),
    ("Created", "2026-03-30"),
    ("Time", "11:26:03"),
    ("No", "1"),
    ("Comment", "production"),
    ("Comment", ""),
    ("GroupId", "blob"),
    ("Vault", "rsv-we-01"),
    ("Private endpoint", "pe-rsv-we-01"),
    ("Subnet", "10.20.0.0/26"),
    ("Environment", "prod web"),
];

fn junk(tape: &mut Tape<'_>, rows: &[Row], columns: &mut Vec<Column>) {
    for _ in 0..tape.below(4) {
        let (head, cell) = JUNK[tape.below(JUNK.len())];
        if columns.iter().all(|(known, _)| known != head) {
            columns.push((head.to_owned(), vec![cell.to_owned(); rows.len()]));
        }
    }
    if tape.rarely(4) {
        columns.push(("Type".to_owned(), rows.iter().map(|row| row.rtype().to_owned()).collect()));
    }
}

fn addresses(tape: &mut Tape<'_>, rows: &[Row]) -> Column {
    let head = tape.one(&["IPAddress", "IP", "Private IP", "ipAddresses", "IpAddress", "Address", "PrivateIPAddress"]);
    (head.to_owned(), rows.iter().map(|row| row.address.to_string()).collect())
}

/// Columns with full names.
fn full(tape: &mut Tape<'_>, rows: &[Row]) -> Vec<Column> {
    let head = tape.one(&["FQDN", "Fqdn", "fqdn", "HostName", "DNS name", "Name"]);
    let names = rows.iter().map(|row| row.name(tape)).collect();
    let mut columns = vec![(head.to_owned(), names), addresses(tape, rows)];
    if tape.rarely(4) {
        let zone = |row: &Row| if row.is_ours() { row.zone.clone() } else { String::new() };
        columns.push(("Zone".to_owned(), rows.iter().map(zone).collect()));
    }
    junk(tape, rows, &mut columns);
    tape.shuffled(columns)
}

/// Columns with labels and zones.
fn of_labels(tape: &mut Tape<'_>, rows: &[Row]) -> Vec<Column> {
    let label = tape.one(&["Name", "Record", "RecordName", "RecordSet", "HostName"]);
    let zone = tape.one(&["Zone", "ZoneName", "DNS zone", "PrivateDNSZoneName"]);
    let mut columns = vec![
        (label.to_owned(), rows.iter().map(|row| row.owner.clone()).collect()),
        (zone.to_owned(), rows.iter().map(|row| row.zone.clone()).collect()),
        addresses(tape, rows),
    ];
    junk(tape, rows, &mut columns);
    tape.shuffled(columns)
}

fn separated(tape: &mut Tape<'_>, rows: usize, columns: &[Column]) -> String {
    let between = tape.one(&[",", ";", "\t"]);
    let quoting = tape.below(3);
    let quoted = |cell: &str| match quoting {
        0 => cell.to_owned(),
        1 => format!("\"{cell}\""),
        _ if cell.contains([' ', '.']) => format!("\"{cell}\""),
        _ => cell.to_owned(),
    };
    let line = |cells: Vec<&str>| cells.into_iter().map(quoted).collect::<Vec<_>>().join(between) + "\n";
    let mut text = line(columns.iter().map(|(head, _)| head.as_str()).collect());
    for row in 0..rows {
        text += &line(columns.iter().map(|(_, cells)| cells[row].as_str()).collect());
    }
    text
}

/// A file of comma or otherwise separated values with full names.
pub(super) fn csv(tape: &mut Tape<'_>, rows: &[Row]) -> Written {
    let columns = full(tape, rows);
    let is_plain = columns.len() == 2 && columns.iter().any(|(head, _)| head.eq_ignore_ascii_case("fqdn"));
    Written { text: separated(tape, rows.len(), &columns), by_line: true, is_plain }
}

/// The same with a label and a zone; names of other services have no label and are left out.
pub(super) fn csv_of_labels(tape: &mut Tape<'_>, rows: &[Row]) -> Written {
    let rows: Vec<Row> = rows.iter().filter(|row| row.is_ours()).cloned().collect();
    let columns = of_labels(tape, &rows);
    Written { text: separated(tape, rows.len(), &columns), by_line: true, is_plain: false }
}

/// A table as consoles draw it.
pub(super) fn console(tape: &mut Tape<'_>, rows: &[Row]) -> Written {
    let rows: Vec<Row> = rows.iter().filter(|row| row.is_ours()).cloned().collect();
    let columns = if tape.below(2) == 0 { full(tape, &rows) } else { of_labels(tape, &rows) };
    let gap = tape.one(&["  ", " "]);
    let mut text = String::new();
    let width = |(head, cells): &Column| cells.iter().map(String::len).max().unwrap_or(0).max(head.len());
    let line = |cell: &dyn Fn(&Column) -> String| {
        let cells = columns.iter().map(|column| format!("{:1$}", cell(column), width(column)));
        cells.collect::<Vec<_>>().join(gap).trim_end().to_owned() + "\n"
    };
    text += &line(&|(head, _)| head.clone());
    text += &line(&|column| "-".repeat(width(column)));
    for row in 0..rows.len() {
        text += &line(&|(_, cells)| cells[row].clone());
    }
    Written { text, by_line: true, is_plain: false }
}

/// A Markdown table.
pub(super) fn markdown(tape: &mut Tape<'_>, rows: &[Row]) -> Written {
    let ours: Vec<Row> = rows.iter().filter(|row| row.is_ours()).cloned().collect();
    let (columns, rows) = match tape.below(3) {
        0 => (of_labels(tape, &ours), ours.len()),
        _ => (full(tape, rows), rows.len()),
    };
    let tick = tape.one(&["", "`", "**"]);
    let mut text = "# Private endpoints\n\n".to_owned();
    let heads: Vec<&str> = columns.iter().map(|(head, _)| head.as_str()).collect();
    writeln!(text, "| {} |", heads.join(" | ")).unwrap();
    writeln!(text, "|{}", "---|".repeat(columns.len())).unwrap();
    for row in 0..rows {
        let cells: Vec<String> = columns.iter().map(|(_, cells)| format!("{tick}{}{tick}", cells[row])).collect();
        writeln!(text, "| {} |", cells.join(" | ")).unwrap();
    }
    Written { text, by_line: true, is_plain: false }
}
