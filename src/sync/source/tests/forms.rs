//! What lines, tables and screens mean, by tables of cases: the records, or a part of the message that refuses them.

use super::*;
use std::collections::BTreeSet;

/// The records of a list as `name address`, or its first problem.
fn outcome(format: Format, text: &str) -> Result<BTreeSet<String>, String> {
    let listing =
        parse("s", Path::new("list.txt"), format, text.as_bytes().to_vec()).map_err(|error| error.to_string())?;
    let mut found = BTreeSet::new();
    for entry in listing.entries() {
        match normalise(entry.fqdn) {
            Ok(located) => drop(found.insert(format!("{} {}", located.owner.without_dot(), entry.address))),
            Err(NotHosted::Elsewhere) => {}
            Err(error) => return Err(format!("'{}' {error}", entry.fqdn)),
        }
    }
    Ok(found)
}

fn records(text: &str, expected: &[&str]) {
    records_of(Format::Auto, text, expected);
}

fn records_of(format: Format, text: &str, expected: &[&str]) {
    let short = |name: &String| {
        name.replace("privatelink.blob.core.windows.net", "B").replace("privatelink.queue.core.windows.net", "Q")
    };
    match outcome(format, text) {
        Ok(found) => assert_eq!(found.iter().map(short).collect::<Vec<_>>(), expected, "{text}"),
        Err(problem) => panic!("{text}\nis refused: {problem}"),
    }
}

fn refused(text: &str, message: &str) {
    refused_of(Format::Auto, text, message);
}

fn refused_of(format: Format, text: &str, message: &str) {
    match outcome(format, text) {
        Ok(found) => panic!("{text}\nis read as {found:?}"),
        Err(problem) => assert!(problem.contains(message), "{text}\nis refused with: {problem}"),
    }
}

/// `@` is the blob zone, `&` the queue zone; a name in front of them without a dot is a full name.
fn full(text: &str) -> String {
    text.replace('@', "privatelink.blob.core.windows.net").replace('&', "privatelink.queue.core.windows.net")
}

#[test]
fn a_label_stands_with_a_zone_only_as_the_one_candidate_on_the_line() {
    for line in [
        "abcd \t @ \t 10.0.0.4",
        "@ abcd 10.0.0.4",
        "10.0.0.4 @ abcd",
        "1. abcd @ 10.0.0.4",
        "abcd @ 10 IN A 10.0.0.4",
        "abcd A @ 10.0.0.4",
        "@,abcd,10.0.0.4,A,10",
        "abcd @ 10 AAAA 10.0.0.4",
        "- abcd | @ | 10.0.0.4 ✅",
        "abcd @ 10.0.0.4 Approved",
        "11:26:03 abcd @ 10.0.0.4",
        "00:0d:3a:1b:2c:3d abcd @ 10.0.0.4",
    ] {
        records(&full(line), &["abcd.B 10.0.0.4"]);
    }
    for line in [
        "rg-dns @ abcd 10.0.0.4",
        "abcd 3600 @ 10.0.0.4",
        "@ blob abcd 10.0.0.4",
        "abcd @ production 10.0.0.4",
        "srv01.corp.example @ abcd 10.0.0.4",
        "abc*d rg-dns @ 10.0.0.4",
    ] {
        refused(&full(line), "which word is the label");
    }
    for line in [" \t @ \t 10.0.0.4 10", " \t @ \t 10.0.0.4 \t production", "@,,10.0.0.4,production"] {
        refused(&full(line), "which word is the label");
    }
    records(&full("abcd,@,10.0.0.4,,"), &["abcd.B 10.0.0.4"]);
    refused(&full("- @ 10.0.0.4"), "is the name of a zone");
}

#[test]
fn a_full_name_beside_its_zone_makes_no_second_record() {
    for line in ["1 abcd.@ 10.0.0.4 @ production", "rsv @ abcd.blob.core.windows.net 10.0.0.4", "10.0.0.4 abcd.@ @"] {
        records(&full(line), &["abcd.B 10.0.0.4"]);
    }
    refused(&full("abcd.@ & kqwz 10.0.0.4"), "does not lie in the zone beside it");
}

#[test]
fn a_name_with_anything_else_in_its_word_is_refused_whatever_else_is_on_the_line() {
    for odd in [
        "<abcd.blob.core.windows.net>",
        "*abcd.blob.core.windows.net*",
        "abcd.blob.core.windows.net:443",
        "https://abcd.blob.core.windows.net/",
        "abcd\\.blob\\.core\\.windows\\.net",
        "abcd.blob.core.windows.net<http://abcd.blob.core.windows.net>",
        "abcd.blob.core.windows.net/x",
        "abcd.\u{2060}blob.core.windows.net",
        "abcd\u{ad}.blob.core.windows.net",
    ] {
        refused(&format!("10.0.0.4 {odd}"), "");
        refused(&format!("10.0.0.4 {odd} efgh.blob.core.windows.net"), "");
        refused(&format!("FQDN,IP\n{odd},10.0.0.4\n"), "");
    }
    refused("10.0.0.4 abcd[.]blob[.]core[.]windows[.]net", "piece of a name");
    refused("10.0.0.4 abcd\u{2060}.blob.core.windows.net", "U+2060");
    records(
        "10.0.0.4 **abcd.blob.core.windows.net** `efgh.blob.core.windows.net`\n",
        &["abcd.B 10.0.0.4", "efgh.B 10.0.0.4"],
    );
    records("\u{200e}abcd.blob.core.windows.net\u{2060}\t\u{200f}10.0.0.4\u{feff}", &["abcd.B 10.0.0.4"]);
}

#[test]
fn a_name_that_was_broken_at_a_blank_is_refused() {
    for line in [
        "10.0.0.4 1000000000000000001-ab-pod01- fc1.privatelink.we.backup.windowsazure.com",
        "10.0.0.4 1000000000000000001-ab-pod01-f c1.privatelink.we.backup.windowsazure.com",
        "10.0.0.4 1000000000000000001 -ab-pod01-fc1.privatelink.we.backup.windowsazure.com",
        "10.0.0.4 abcd.blob. core.windows.net efgh.blob.core.windows.net",
        "10.0.0.4 abcd . blob . core . windows . net",
        "1000000000000000001-ab-pod01-\nfc1.privatelink.we.backup.windowsazure.com 10.0.0.4",
    ] {
        refused(line, "");
    }
    records("10.0.0.4 abcd.blob.core.windows.net abcd", &["abcd.B 10.0.0.4"]);
}

#[test]
fn a_bad_address_is_told_from_times_dates_and_numbers() {
    for other in ["11:26", "00:00:10", "30.03.2026", "1.", "0.1", "00:0d:3a:1b:2c:3d", "3/30/2026", "100%", "-", "/"] {
        records(&format!("{other} abcd.blob.core.windows.net 10.0.0.4"), &["abcd.B 10.0.0.4"]);
    }
    for bad in
        ["10.0.0.256", "10.0.0.4/32", "10.0.0.4:443", "10.0.0", "10.0.0.x", "10.0.0.5-7", "10.0.0.5?", "-10.0.0.5"]
    {
        refused(&format!("{bad} abcd.blob.core.windows.net 10.0.0.4"), &format!("'{bad}' is not an IP address"));
        refused(&format!("abcd.blob.core.windows.net {bad}"), &format!("'{bad}' is not an IP address"));
    }
    for none in ["Dynamic", "N/A", "TBD", "10,0,0,12"] {
        let word = none.split(',').next().unwrap_or_default();
        refused(&format!("abcd.blob.core.windows.net {none}"), &format!("has no address: '{word}' is none"));
    }
}

#[test]
fn lines_that_turn_a_meaning_round_are_refused() {
    for line in [
        "update delete abcd.@ A 10.0.0.4",
        "Remove-DnsServerResourceRecord abcd @ 10.0.0.4",
        "+ abcd.@ 10.0.0.4",
        "< abcd.@ 10.0.0.4",
        "> abcd.@ 10.0.0.4",
        "abcd @ 10.0.0.4 =>",
        "abcd @ 10.0.0.4 <=",
        "<<<<<<< HEAD",
        "abcd.@ 10 IN TXT \"see 10.0.0.4\"",
        "10.0.0.4 abcd.@ 10.0.0.5",
        "10.0.0.4 - 10.0.0.6 abcd.@",
        "{10.0.0.4, 10.0.0.5} abcd.@ abcd.&",
        "address=/abcd.@/10.0.0.4",
    ] {
        refused(&full(line), "");
    }
    refused(&full("10.0.0.4 efgh.@\naddress=/abcd.@/10.0.0.4"), "host-record=NAME,ADDRESS");
    records(&full("host-record=abcd.@,10.0.0.4"), &["abcd.B 10.0.0.4"]);
    records(&full("abcd.@ => 10.0.0.4\nefgh.@: 10.0.0.5"), &["abcd.B 10.0.0.4", "efgh.B 10.0.0.5"]);
    for line in ["rem 10.0.0.4 abcd.@", "<!-- 10.0.0.4 abcd.@ -->", "-- 10.0.0.4 abcd.@", "~~10.0.0.4 abcd.@~~"] {
        refused(&full(&format!("10.0.0.5 efgh.@\n{line}")), "");
    }
    records(&full("abcd.@ 10 IN A 10.0.0.4 ; was efgh.@ 10.0.0.5"), &["abcd.B 10.0.0.4"]);
    records(&full("abcd.@;10.0.0.4;efgh.@"), &["abcd.B 10.0.0.4", "efgh.B 10.0.0.4"]);
    records(&full("www.@ 60 IN CNAME abcd.@\nabcd.@ 60 IN A 10.0.0.4"), &["abcd.B 10.0.0.4"]);
}

#[test]
fn a_host_without_a_domain_is_left_aside_beside_entries_of_ours() {
    let listing = read("10.0.9.5 srv02\n10.0.9.6 4f8a2c6e7a11\n10.0.0.4 abcd.blob.core.windows.net\n").unwrap();
    assert_eq!(listing.len(), 1);
    assert_eq!(listing.warnings.lines(), ["list.txt:1: 'srv02' and 1 more hosts without a domain left aside"]);
    refused("10.0.9.5 srv02\n10.0.9.6 kv.vault.azure.net", "list.txt:1:10: 'srv02' has no zone");
    for line in
        ["10.0.0.5 1000000000000000001-ab-pod01-fc1", "10.0.0.5 abcdepod01ecs114", "srv02 10.0.9.5", "10.0.9.5 TBD"]
    {
        refused(&format!("10.0.0.4 abcd.blob.core.windows.net\n{line}\n"), "has no zone");
    }
}

#[test]
fn the_comment_behind_a_line_names_its_endpoint_and_a_word_its_state() {
    let id = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.Network/privateEndpoints/pe-1";
    let listing =
        read(&format!("10.0.0.4 abcd.blob.core.windows.net #{id}\n10.0.0.5 efgh.blob.core.windows.net # x")).unwrap();
    let endpoints: Vec<_> = listing.entries().map(|entry| (entry.endpoint, entry.column)).collect();
    assert_eq!(endpoints, [(Some("pe-1"), Some(10)), (None, Some(10))]);
    for state in ["Pending", "rejected", "Disconnected"] {
        let listing = read(&format!("{state} 10.0.0.4 abcd.blob.core.windows.net\n")).unwrap();
        assert_eq!((listing.len(), listing.warnings.lines().len()), (0, 1), "{state}");
    }
}

#[test]
fn a_table_is_read_by_its_header_whatever_other_columns_it_has() {
    for (header, row) in [
        ("ResourceGroup,Zone,Record,IP", "rg-dns,@,abcd,10.0.0.4"),
        ("Name,Type,Zone,Value", "abcd,A,@,10.0.0.4"),
        ("Zone,TTL,Name,IP", "@,10,abcd,10.0.0.4"),
        ("Name;Private DNS zone;IP-Adresse;Kommentar", "abcd;@;10.0.0.4;täglich, um 8"),
        ("No,FQDN,IP,Zone", "1,abcd.@,10.0.0.4,@"),
        ("FQDN,IP,Subnet,MAC", "abcd.@,10.0.0.4,10.0.0.0/26,00:0d:3a:1b:2c:3d"),
        ("\"FQDN\",\"IP\",\"Note\"", "\"abcd.@\",\"10.0.0.4\",\"was \"\"kqwz\"\", 10.0.0.9\""),
        ("| FQDN | Status | Zone | IP |\n|---|---|---|---|", "| `abcd.@` | Approved | @ | **10.0.0.4** |"),
        (
            "Name   ResourceGroup  Zone                               Ip\n-----  -------------  ---------------------------------  --",
            "abcd   rg-dns         @  10.0.0.4",
        ),
        ("Configuration name\tFQDN\tIP address\tSubscription\tPrivate DNS zone", "blob\tabcd.@\t10.0.0.4\tsub-hub\t@"),
        ("sep=;\nFQDN;IP", "abcd.@;10.0.0.4"),
        ("Extra,FQDN,IP", "2026-03-30 11:26:03,abcd.@,10.0.0.4"),
        ("Storage account,IP", "abcd.@,10.0.0.4"),
        ("FQDN,IP,Alias", "abcd.@,10.0.0.4,abcd.blob.core.windows.net"),
        ("Zone,FQDN,IP", "@,abcd.@,10.0.0.4\n@,kv.vault.azure.net,"),
        ("FQDN,IP", "abcd.@,\"[\"\"10.0.0.4\"\"]\""),
        ("name,customDnsConfigs", "pe,\"[{\"\"fqdn\"\":\"\"abcd.@\"\",\"\"ipAddresses\"\":[\"\"10.0.0.4\"\"]}]\""),
        ("PrivateDNSZoneName,Records,FQDN,DNSRecords", "@,10.0.0.4,abcd.@,10.0.0.4"),
    ] {
        records(&full(&format!("{header}\n{row}\n")), &["abcd.B 10.0.0.4"]);
    }
}

#[test]
fn a_row_that_its_header_does_not_explain_is_refused() {
    for (header, row, message) in [
        ("FQDN,OldIP,NewIP", "abcd.@,10.0.0.9,10.0.0.4", "'OldIP' and 'NewIP' have different addresses"),
        ("FQDN,PrivateIP,PublicIP", "abcd.@,10.0.0.4,52.239.1.1", "'PrivateIP' and 'PublicIP'"),
        ("FQDN,IP,State", "abcd.@,,Approved", "has no address under 'IP'"),
        ("FQDN,IP", ",10.0.0.4", "without a host name under 'FQDN'"),
        ("FQDN,IP", "abcd.@,10.0.0.4/32", "'10.0.0.4/32' is not an IP address"),
        ("FQDN,IP", "abcd.@,pending", ""),
        ("FQDN,IP", "abcd.@,System.Object[]", ""),
        ("FQDN,IP", "10.0.0.4,10.0.0.5", "an address where a host name belongs"),
        ("FQDN,IP,Replaces", "abcd.@,10.0.0.4,efgh.@", "under 'Replaces' is another name"),
        ("FQDN;IP", "\"abcd.@, abcd.&\";\"{10.0.0.4, 10.0.0.5}\"", "2 names and 2 addresses"),
        ("FQDN,IP,Note", "\"abcd.@\",\"10.0.0.4\",\"line one", "does not end on its line"),
        (
            "HostName   RecordType  RecordData\n--------   ----------  ----------",
            "abcd       A           10.0.0.4",
            "add a column ZoneName",
        ),
        ("RecordName,HostName,Zone,IP", "abcd,efgh,@,10.0.0.4", "two labels in one row"),
        ("name,customDnsConfigs", "pe,System.Object[]", "ConvertTo-Json -Depth 10"),
        ("RecordSet,Zone,IP", ",@,10.0.0.4", "no label of a record"),
        ("RecordSet,Zone,IP", "abcd,@,", "has no address"),
        ("RecordSet,FQDN,Zone,IP", "efgh,abcd.@,@,10.0.0.4", "is another record"),
        ("Vault,FQDN,IP", "1000000000000000001-ab-pod01-fc1,abcd.@,10.0.0.4", "is the label of another record"),
        ("Name,Zone,IP", "abcd.&,@,10.0.0.4", "does not lie in the zone beside it"),
    ] {
        refused(&full(&format!("{header}\n{row}\n")), message);
    }
}

#[test]
fn rows_of_other_types_and_connections_that_are_down_are_left_aside_with_a_note() {
    let listing = read(&full("Name,Type,Zone,Value\n@,SOA,@,x\nwww,CNAME,@,abcd.@\nabcd,A,@,10.0.0.4\n")).unwrap();
    assert_eq!((listing.len(), listing.warnings.lines().len()), (1, 1), "{:?}", listing.warnings);
    let listing = read(&full("FQDN,IP,ConnectionState\nabcd.@,10.0.0.4,Pending\nefgh.@,10.0.0.5,Approved\n")).unwrap();
    assert_eq!((listing.len(), listing.warnings.lines().len()), (1, 1), "{:?}", listing.warnings);
}

#[test]
fn a_header_holds_up_to_the_next_one_in_however_many_parts_a_text_is_read() {
    let mut text = full("ResourceGroup,Zone,Record,IP\n");
    for n in 0..200_000 {
        text += &full(&format!("rg,@,a{n},10.{}.{}.{}\n", n >> 16, n >> 8 & 255, n & 255));
    }
    text += &full("IP,Zone,Record,Note\n10.9.9.9,@,last,rg\n");
    let listing = read(&text).unwrap();
    assert_eq!(listing.len(), 200_001);
    let last = listing.entries().last().unwrap();
    assert_eq!((last.fqdn, last.line), (full("last.@").as_str(), 200_003));
}

#[test]
fn screens_are_read_object_by_object() {
    for screen in [
        "Fqdn : abcd.@\nIpAddresses : {10.0.0.4}\n\nFqdn : abcd.&\nIpAddresses : {10.0.0.5}",
        "IpAddress : 10.0.0.4\nFqdn : abcd.@\nIpAddress : 10.0.0.5\nFqdn : abcd.&\n",
        "Name : abcd.@\nIPAddress : 10.0.0.4\n\nName : abcd.&\nIPAddress : 10.0.0.5\n",
        "RecordName : abcd\nZone : @\nPrivateIP : 10.0.0.4\n\nRecordName : abcd\nZone : &\nPrivateIP : 10.0.0.5\n",
        "Name : abcd\nZoneName : @\nRecords : {10.0.0.4}\n\nName : abcd\nZoneName : &\nRecords : {10.0.0.5}\n",
        "Name : abcd.blob.core.windows.net\nQueryType : CNAME\nNameHost : abcd.@\n\nName : abcd.@\nQueryType : A\nIP4Address : 10.0.0.4\n\nName : abcd.&\nQueryType : A\nIP4Address : 10.0.0.5\n",
        "Name : pe-1\nProvisioningState : Succeeded\nCustomDnsConfigs : [\n {\"Fqdn\": \"abcd.@\", \"IpAddresses\": [\"10.0.0.4\"]},\n {\"Fqdn\": \"abcd.&\", \"IpAddresses\": [\"10.0.0.5\"]}\n ]\nEtag : x\n",
    ] {
        records_of(Format::Screen, &full(screen), &["abcd.B 10.0.0.4", "abcd.Q 10.0.0.5"]);
    }
}

#[test]
fn a_zone_beside_a_full_name_is_the_zone_of_the_name() {
    for zone in [
        "@",
        "@.",
        "blob.core.windows.net",
        "/subscriptions/1/resourceGroups/r/providers/Microsoft.Network/privateDnsZones/@",
        "",
        "1",
        "blob",
    ] {
        records(&full(&format!("FQDN,Zone,IP\nabcd.@,{zone},10.0.0.4")), &["abcd.B 10.0.0.4"]);
    }
    for zone in ["privatelik.blob.core.windows.net", "other.blob.core.windows.net", "&", "corp.example"] {
        refused(&full(&format!("FQDN,Zone,IP\nabcd.@,{zone},10.0.0.4")), "does not lie in the zone beside it");
    }
}

#[test]
fn nothing_on_a_screen_vanishes() {
    for (screen, message) in [
        ("IpAddress : 10.0.0.4\nFqdn : abcd.@\nIpAddress : 10.0.0.5", "'10.0.0.5' has no host name"),
        ("Generated : 2026-03-30\n10.0.0.4 abcd.@", "list.txt:2: "),
        ("Fqdn : abcd.@\nIpAddresses : {10.0.0.4}\n\n10.0.0.5 efgh.@", "list.txt:4:"),
        ("Vault : rsv\n[\n {\"fqdn\": \"abcd.@\", \"ip\": \"10.0.0.4\"}\n]", "list.txt:1: JSON starts at line 2"),
        ("Name : abcd\nIPAddress : 10.0.0.4", "has no zone"),
        ("Fqdn : abcd.@\nState : Approved", "has no address"),
        (
            "Fqdn : abcd.privatelink.blob.core.win\n       dows.net\nIpAddresses : {10.0.0.4}",
            "ConvertTo-Json -Depth 10",
        ),
        ("Fqdn : abcd.@\nIpAddresses : {10.0.0.\n              4}", "the screen broke"),
        ("Fqdn : abcd.@\n       10.0.0.4", "list.txt:2: '10.0.0.4' stands below 'Fqdn' without a label of its own"),
        ("Generated : today\n  10.0.0.4 abcd.@", "the label 'Generated' above makes it a part of a screen: put '#'"),
        ("Fqdn : abcd.@\nIpAddresses : {10.0.0.4}\nOther : efgh.@", "of which nothing is read"),
        ("Target : abcd.@\nGateway : 10.0.0.4", "of which nothing is read"),
        ("Fqdn : abcd.@\nOldIp : 10.0.0.9\nNewIp : 10.0.0.4", "have different addresses"),
        ("Fqdns : {abcd.@, abcd.&}\nIpAddresses : {10.0.0.4, 10.0.0.5}", "2 names and 2 addresses"),
        ("ZoneName : @\nRecords : {10.0.0.4}", "no label of a record"),
        // A name of ours behind another word, without an address.
        ("Fqdn : efgh.@\nIpAddress : 10.0.0.4\n\nName : 412ame : abcd.@\nTtl : 10", "'abcd.privatelink"),
        ("Name : 412ame abcd.@\nTtl : 10", "has no address"),
    ] {
        refused_of(Format::Screen, &full(screen), message);
    }
    let pending = read(&full("Fqdn : abcd.@\nIpAddresses : {10.0.0.4}\nConnectionState : Pending")).unwrap();
    assert_eq!(pending.len(), 0);
}

#[test]
fn what_stands_where_nobody_looks_for_it_is_no_record_and_does_not_vanish() {
    // JSON behind the number of a line: braces are no sign that the addresses are of one thing.
    let numbered =
        r#"1: [{"IPAddress":["10.20.0.4"],"note":"x"},{"FQDN":"kqwz.blob.core.windows.net","ipAddress":"10.20.0.5"}]"#;
    refused_of(Format::Text, numbered, "list.txt:1");
    // A zone that is a record itself, by a slip of the hand.
    let zone = "$TTL 10\n$ORIGIN pjiatvelink.blob.core.windows.net.\nkqwz IN A 10.30.0.12\n";
    refused_of(Format::Zone, zone, "which is a record itself and no zone");
    let own = "$TTL 10\n$ORIGIN kqwz.privatelink.blob.core.windows.net.\n@ IN A 10.30.0.12\n";
    records_of(Format::Zone, own, &["kqwz.B 10.30.0.12"]);
    // Names that look like the head of a table, and behind a label that nobody knows.
    refused("| pe | kqwz.blob.core.windows.net<br>kqw | pe |\n| a | b | c |\n", "kqwz");
    refused_of(
        Format::Screen,
        "Fqdn : a.blob.core.windows.net\nIpAddress : 10.0.0.4\nRemark : https://kqwz.blob.core.windows.net/\n",
        "kqwz",
    );
    // A name in the type of an output of Terraform.
    let output = r#"{"pe":{"sensitive":false,"type":["kqwz.blob.core.windows.net"],"value":{"fqdn":"a.blob.core.windows.net","ip_addresses":["10.20.0.12"]}}}"#;
    let listing = parse("s", Path::new("list.json"), Format::Auto, output.as_bytes().to_vec()).unwrap();
    assert!(listing.warnings.to_string().contains("kqwz.blob.core.windows.net"), "{}", listing.warnings);
}
