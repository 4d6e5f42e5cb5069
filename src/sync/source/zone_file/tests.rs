use super::*;
use crate::sync::source::{Format, Listing, SourceError, parse};

fn read_as(file: &str, text: &str) -> Result<Listing, SourceError> {
    parse("s", Path::new(file), Format::Auto, text.as_bytes().to_vec())
}

fn shown(listing: &Listing) -> Vec<String> {
    listing.entries().map(|entry| format!("{} {} {}", entry.line, entry.fqdn, entry.address)).collect()
}

fn entries(text: &str) -> Vec<String> {
    shown(&read_as("list.txt", text).unwrap_or_else(|error| panic!("{text}: {error}")))
}

fn problem(text: &str) -> String {
    read_as("list.txt", text).unwrap_err().to_string()
}

const EXPORT: &str = "; Exported zone file from Azure DNS
;      Zone name: privatelink.blob.core.windows.net
;      Date and time (UTC): 05/24/2026 20:05:30

$TTL 3600
$ORIGIN privatelink.blob.core.windows.net.

@ 3600 IN SOA azureprivatedns.net. azureprivatedns-host.microsoft.com. (
              1 ; serial
              3600 300 2419200 10 )

acct1 10 IN A 10.0.0.4

acct2 10 IN A 10.0.0.5
      10 IN A 10.0.0.6
acct2 10 IN AAAA fd00::5
";

const WINDOWS: &str = ";\r
;  Database file blob.dns for Default zone scope in zone privatelink.blob.core.windows.net.\r
;      Zone version:  12\r
;\r
\r
@                       IN  SOA dc01.corp.example. hostmaster.corp.example. (\r
                        \t12           ; serial number\r
                        \t900          ; refresh\r
                        \t600 86400 3600       ) ; minimum  TTL\r
@                       NS\tdc01.corp.example.\r
acct1                   A\t10.0.0.4\r
acct2                   [AGE:3632512]\t3600\tA\t10.0.0.5\r
";

const ZONEPRINT: &str = ";
;  Zone:          privatelink.blob.core.windows.net
;  Server:        DC01.corp.example
;
@ 3600 NS\tdc01.corp.example.
\t\t3600 SOA\tdc01.corp.example. hostmaster.corp.example. 108 900 600 86400 3600
acct1 3600 A\t10.0.0.4
acct2 [Aging:3632512] 3600 A\t10.0.0.5
;
;  Finished zone: 3 nodes and 4 records in 0 seconds
";

const BIND: &str = "$TTL 1h
@ IN SOA ns hostmaster ( 1 3h 15m 1w 1d )
  IN NS ns.corp.example.
$ORIGIN blob.core.windows.net.
acct1.privatelink 1d IN A 10.0.0.4 ; pe-1
$ORIGIN privatelink.blob.core.windows.net.
acct2 IN A ( 10.0.0.5
  )
";

#[test]
fn zone_files_of_every_program_are_read() {
    let name =
        |line: u32, label: &str, address: &str| format!("{line} {label}.privatelink.blob.core.windows.net {address}");
    assert_eq!(
        entries(EXPORT),
        [
            name(12, "acct1", "10.0.0.4"),
            name(14, "acct2", "10.0.0.5"),
            name(14, "acct2", "10.0.0.6"),
            name(14, "acct2", "fd00::5")
        ]
    );
    assert_eq!(entries(WINDOWS), [name(11, "acct1", "10.0.0.4"), name(12, "acct2", "10.0.0.5")]);
    assert_eq!(entries(ZONEPRINT), [name(7, "acct1", "10.0.0.4"), name(8, "acct2", "10.0.0.5")]);
    let bind = read_as("db.privatelink.blob.core.windows.net", BIND).unwrap();
    assert_eq!(shown(&bind), [name(5, "acct1", "10.0.0.4"), name(7, "acct2", "10.0.0.5")]);
    assert!(bind.warnings.is_empty(), "{}", bind.warnings);
}

#[test]
fn an_apex_below_the_root_is_no_mistake() {
    let text = "$ORIGIN .\n$TTL 10\nprivatelink.blob.core.windows.net IN SOA a. b. 1 2 3 4 5\n\
                $ORIGIN privatelink.blob.core.windows.net.\nacct1 A 10.0.0.4\n";
    assert_eq!(entries(text), ["5 acct1.privatelink.blob.core.windows.net 10.0.0.4"]);
}

#[test]
fn addresses_of_one_name_are_one_statement_wherever_they_stand() {
    let text = "$ORIGIN privatelink.blob.core.windows.net.\na A 10.0.0.4\nb A 10.0.0.5\nA A 10.0.0.6\na A 10.0.0.4\n";
    let listing = read_as("list.txt", text).unwrap();
    let all: Vec<_> = listing.entries().map(|entry| (entry.line, entry.statement)).collect();
    assert_eq!(all, [(2, 1), (2, 1), (3, 2)]);
}

#[test]
fn what_a_zone_transfer_and_dig_give_are_zone_files() {
    let soa = "privatelink.blob.core.windows.net. 3600 IN SOA a. b. 1 3600 300 2419200 10\n";
    let transfer = format!("{soa}a.privatelink.blob.core.windows.net. 10 IN A 10.0.0.4\n{soa}");
    assert_eq!(entries(&transfer), ["2 a.privatelink.blob.core.windows.net 10.0.0.4"]);
    let answer = "a.blob.core.windows.net. 60 IN CNAME a.privatelink.blob.core.windows.net.\n\
                  a.privatelink.blob.core.windows.net. 10 IN A 10.0.0.4\n\
                  b.blob.core.windows.net. 60 IN CNAME b.privatelink.blob.core.windows.net.\n\
                  b.privatelink.blob.core.windows.net. 10 IN A 10.0.0.5\n";
    let listing = read_as("list.txt", answer).unwrap();
    assert_eq!(listing.len(), 2);
    assert_eq!(
        listing.warnings.lines(),
        ["list.txt:1: the CNAME record of 'a.blob.core.windows.net' and one more such record is left aside: a list \
             takes A and AAAA records"]
    );
}

#[test]
fn records_of_other_types_are_a_note_a_type_if_they_name_a_name_of_ours() {
    let text = "$ORIGIN 0.0.10.in-addr.arpa.\n4 PTR a.privatelink.blob.core.windows.net.\n5 PTR b.corp.example.\n\
                x TXT \"see a.blob.core.windows.net 10.0.0.4\"\nx A 10.0.0.9\n@ NS ns.corp.example.\n6 10 IN PTR c.blob.core.windows.net.\n";
    let lines = read_as("list.txt", text).unwrap().warnings.lines();
    for expected in [
        "list.txt:2: the PTR record of 'a.privatelink.blob.core.windows.net' and one more such record is left aside",
        "list.txt:4: the TXT record of 'a.blob.core.windows.net' is left aside",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(expected)), "{lines:?}");
    }
}

#[test]
fn a_file_with_no_address_at_all_is_refused_if_it_names_names_of_ours() {
    let text = "4.0.0.10.in-addr.arpa. 10 IN PTR a.privatelink.blob.core.windows.net.\n";
    let expected = "list.txt:1: the PTR record of 'a.privatelink.blob.core.windows.net' gives no address";
    assert!(problem(text).starts_with(expected), "{}", problem(text));
    assert!(read_as("list.txt", "4.0.0.10.in-addr.arpa. 10 IN PTR a.corp.example.\n").unwrap().is_empty());
}

#[test]
fn a_relative_name_needs_a_zone_and_an_absolute_one_a_dot() {
    let problem = |text: &str| problem(&format!("$TTL 10\n{text}\nb A 10.0.0.5\n"));
    let expected =
        "list.txt:2: 'acct' has no zone, since the file does not say which zone it is: put `$ORIGIN <zone>.`";
    assert!(problem("acct A 10.0.0.4").starts_with(expected), "{}", problem("acct A 10.0.0.4"));
    let expected = "list.txt:2: 'a.blob.core.windows.net' has no final dot, so that the name of the zone would follow";
    for text in ["a.blob.core.windows.net A 10.0.0.4", "a.blob.core.windows.net CNAME b."] {
        assert!(problem(text).starts_with(expected), "{}", problem(text));
        let text = format!("$ORIGIN privatelink.blob.core.windows.net.\n{text}");
        assert!(problem(&text).starts_with(&expected.replace(":2:", ":3:")), "{}", problem(&text));
    }
    let dotless = "$ORIGIN privatelink.blob.core.windows.net\nacct A 10.0.0.4";
    assert!(
        problem(dotless).contains("'acct.privatelink.blob.core.windows.net' has no final dot"),
        "{}",
        problem(dotless)
    );
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    let origin = "$ORIGIN privatelink.blob.core.windows.net.\n";
    for (text, expected) in [
        ("a A 10.0.0.400\n", "list.txt:2:"),
        ("a A (10.0.0.4\n", "list.txt:2:5: in this zone file, '(' is opened here and never closed"),
        ("$INCLUDE other.zone\n", "list.txt:2: in this zone file, $INCLUDE is not supported"),
        ("$GENERATE 1-9 a$ A 10.0.0.$\n", "list.txt:2:"),
        ("a CH A 10.0.0.4\n", "list.txt:2:8: in this zone file, different class: CH"),
    ] {
        let problem = problem(&format!("{origin}{text}"));
        assert!(problem.starts_with(expected), "{problem}");
    }
}

#[test]
fn two_files_of_a_zone_in_one_are_refused() {
    let problem = problem(&format!("{EXPORT}{EXPORT}"));
    assert!(
        problem.starts_with("list.txt:28: zone 'privatelink.blob.core.windows.net' begins again on line 24"),
        "{problem}"
    );
    let other = EXPORT.replace("blob", "queue");
    assert_eq!(read_as("list.txt", &format!("{EXPORT}{other}")).unwrap().len(), 8);
}

#[test]
fn lines_with_absolute_names_are_still_a_list_of_lines() {
    let text = "a.blob.core.windows.net. IN A 10.0.0.4 ; pe-1\nb.blob.core.windows.net IN A 10.0.0.5\n";
    assert_eq!(entries(text).len(), 2);
}
