use super::*;

fn found(text: &str) -> String {
    find(text).map_or_else(String::new, |(line, problem)| format!("{line} {problem}"))
}

/// A text, the line of the problem, what the text is called, and a part of the advice.
const TEXTS: &[(&str, u32, &str, &str)] = &[
    ("<!DOCTYPE html><html><title>Sign in</title>", 1, "a web page", "CSV"),
    ("\n  <table>\n<tr><td>a.blob.core.windows.net</td><td>10.0.0.4</td>", 2, "a web page", "CSV"),
    ("#< CLIXML\n<Objs Version=\"1.1.0.1\">", 1, "CLIXML of PowerShell", "-Depth 10"),
    ("<Objs Version=\"1.1.0.1\">", 1, "CLIXML of PowerShell", "-Depth 10"),
    ("<?xml version=\"1.0\"?>", 1, "XML", "CSV"),
    ("{\\rtf1\\ansi a.blob.core.windows.net\\tab 10.0.0.4}", 1, "RTF", "plain text"),
    ("-----BEGIN PGP MESSAGE-----", 1, "encrypted text or a certificate", "decrypt"),
    ("version https://git-lfs.github.com/spec/v1\noid sha256:1", 1, "a pointer of git-lfs", "git lfs pull"),
    ("diff --git a/x b/x\n--- a/x\n+++ b/x", 1, "a diff", "take the file"),
    ("--- a\n+++ b\n@@ -1 +1 @@\n-10.0.0.4 a.blob.core.windows.net", 1, "a diff", "take the file"),
    (
        "**********************\nStart der PowerShell-Aufzeichnung\nPSVersion: 7",
        1,
        "a transcript of PowerShell",
        "Out-File",
    ),
    ("From: a@corp.example\nSubject: list\n\na.blob.core.windows.net 10.0.0.4", 1, "a mail", "alone"),
    ("ERROR: (ResourceNotFound) The Resource", 1, "the message of a command that failed", "again"),
    ("Get-AzX : x\nAt line:1 char:1\n+ CategoryInfo : x", 3, "the message of a command that failed", "again"),
    (
        "Server:  dc01.corp.example\nAddress:  10.0.0.1\n\nName:    a\nAddress:  10.0.0.4",
        1,
        "the output of nslookup",
        "-o json",
    ),
    ("Server:\t\t127.0.0.53\nAddress:\t127.0.0.53#53\n", 1, "the output of nslookup", "-o json"),
    ("Non-authoritative answer:\nName: a\nAddress: 10.0.0.4", 1, "the output of nslookup", "-o json"),
    ("a.blob.core.windows.net\tcanonical name = b.", 1, "the output of nslookup", "-o json"),
    ("\n; <<>> DiG 9.18 <<>> a\n;; Got answer:\na. 10 IN A 10.0.0.4", 2, "the output of dig", "+noall +answer"),
    ("a: 10.0.0.4 -- link: eth0\n-- Information acquired via protocol DNS", 2, "the output of resolvectl", "-o json"),
    ("a.blob.core.windows.net is an alias for b.\nb has address 10.0.0.4", 1, "the output of host", "'has address'"),
    (
        "Pinging a.blob.core.windows.net [10.0.0.4] with 32 bytes\nReply from 10.0.0.4: x",
        1,
        "the output of ping",
        "-o json",
    ),
    ("# x\nserver:\n  local-data: \"a. IN A 10.0.0.4\"", 2, "a configuration of Unbound", "`local-data:` lines"),
    ("zone \"x\" {\n  type master;", 1, "a configuration of BIND", "zone file"),
    (".:53 {\n  errors\n  hosts {\n  10.0.0.4 a", 1, "a Corefile of CoreDNS", "hosts { }"),
    ("blob.core.windows.net {\n  hosts {\n  10.0.0.4 a", 1, "a Corefile of CoreDNS", "hosts { }"),
    ("HOSTS = {\n  \"a.blob.core.windows.net\": \"10.0.0.4\",\n}", 1, "Python", "json.dump"),
    ("import json\nx = 1", 1, "Python", "json.dump"),
    ("resource \"azurerm_private_endpoint\" \"x\" {", 1, "Terraform", "terraform output -json"),
    ("# x\nrecords = [\n  {\n    name = \"a\"", 2, "Terraform or the like", "terraform output -json"),
    (
        "ips = tomap({\n  \"a.blob.core.windows.net\" = \"10.0.0.4\"",
        1,
        "Terraform or the like",
        "terraform output -json",
    ),
    ("    ipConfigurations: []\n    customDnsConfigs: [\n {\n fqdn: 'a'", 1, "Bicep", "az network private-endpoint"),
    ("param x string\nresource pe 'Microsoft.Network/privateEndpoints@2023-04-01' = {", 1, "Bicep", "az network"),
    ("@{Fqdn=a.blob.core.windows.net; IpAddresses=10.0.0.4}", 1, "PowerShell's text for objects", "-Depth 10"),
    ("Name,Configs\npe,System.Object[]", 1, "PowerShell's names of types", "-Depth 10"),
    (
        "# x\nAdd-DnsServerResourceRecordA -ZoneName z -Name a -IPv4Address 10.0.0.4",
        2,
        "a script that changes records",
        "a list",
    ),
    (
        "az network private-dns record-set a add-record -z z -n a -a 10.0.0.4",
        1,
        "a script that changes records",
        "a list",
    ),
    ("dnscmd DC01 /RecordAdd z a A 10.0.0.4", 1, "a script that changes records", "a list"),
    ("server 10.0.0.1\nupdate delete a. A 10.0.0.4\n", 2, "a script that changes records", "a list"),
    (
        "PS C:\\temp> .\\PrivateIP.ps1\na privatelink.blob.core.windows.net 10.0.0.4",
        1,
        "a line of a command",
        "remove this line",
    ),
    ("$ az network private-endpoint list -o table\nName", 1, "a line of a command", "remove this line"),
    ("admin@host:~$ ./x\n10.0.0.4 a.blob.core.windows.net", 1, "a line of a command", "remove this line"),
    ("#!/bin/bash\necho 10.0.0.4 a", 1, "a script", "gives one"),
    ("$ip = '10.0.0.4'\n", 1, "a script", "gives one"),
];

#[test]
fn each_kind_of_text_is_called_what_it_is_with_the_command_that_gives_a_list() {
    for (text, line, what, advice) in TEXTS {
        let problem = found(text);
        assert!(problem.starts_with(&format!("{line} this is {what}, not a list: ")), "{text}: {problem}");
        assert!(problem.contains(advice), "{text}: {problem}");
    }
}

#[test]
fn the_line_where_the_list_starts_is_said() {
    let json = "[\n  {\n    \"fqdn\": 1\n  }\n]";
    for (above, line) in [("Vault : rsv-we-01\n", 1), ("# x\nWARNING: preview\n\n", 2), ("PS C:\\> az network x\n", 1)]
    {
        let start = above.matches('\n').count() + 1;
        let expected = format!("{line} JSON starts at line {start}: remove the lines above it");
        assert_eq!(found(&format!("{above}{json}")), expected);
    }
    let context = "\nName  Account  SubscriptionName  Environment  TenantId\n----  -------  ---\nsub  a@b  sub  AzureCloud  9…\n\n";
    let expected = "2 the table of Set-AzContext stands here, and the list starts at line 6: remove the lines above it";
    assert_eq!(found(&format!("{context}a \t privatelink.blob.core.windows.net \t 10.0.0.4\n")), expected);
}

#[test]
fn a_conflict_of_git_is_found_anywhere_and_in_every_format() {
    let text = format!("{}<<<<<<< HEAD\n10.0.0.4 a\n=======\n>>>>>>> main\n", "10.0.0.4 a\n".repeat(1000));
    let expected = "1001 git left a conflict here, with two versions of the list: keep one, and remove its marks";
    assert_eq!(found(&text), expected);
    assert!(conflict("[\n<<<<<<< HEAD\n").is_some_and(|(line, _)| line == 2));
    assert_eq!(conflict("# <<<<<<< HEAD\n"), None);
}

/// What is in no list by chance, where it may well be.
#[test]
fn a_list_is_not_refused_for_a_comment_or_a_column() {
    for text in [
        "",
        "# see <html>, az network private-endpoint list, update delete, System.Object[]\n10.0.0.4 a.blob.core.windows.net",
        "# PS C:\\> .\\PrivateIP.ps1\na privatelink.blob.core.windows.net 10.0.0.4",
        "<vaultId>-ab-pod01-fc1 privatelink.we.backup.windowsazure.com 10.0.0.4",
        "FQDN,IP,Script\na.blob.core.windows.net,10.0.0.4,az network private-dns record-set a add-record",
        "FQDN,IP,Tags\na.blob.core.windows.net,10.0.0.4,System.Object[]",
        "SubscriptionName  Account  TenantId  Fqdn  Ip\ns a t a.blob.core.windows.net 10.0.0.4",
        "Fqdn : a.blob.core.windows.net\nIpAddresses : {10.0.0.4}",
        "a.blob.core.windows.net = 10.0.0.4",
        "local-data: \"a.blob.core.windows.net. IN A 10.0.0.4\"",
        "[private_endpoints]\na.blob.core.windows.net ansible_host=10.0.0.4",
        "Name:   a.blob.core.windows.net\nServer: dc01",
        "| # | FQDN | IP |\n|---|---|---|\n| 1 | a.blob.core.windows.net | 10.0.0.4 |",
        "data a.blob.core.windows.net 10.0.0.4",
        "a.blob.core.windows.net {10.0.0.4, 10.0.0.5}",
        "10.0.0.4 a.blob.core.windows.net\n[\n  {\n",
        "Get-AzPrivateEndpoint of March\n",
        "**********************\nEndpoints\n**********************\n10.0.0.4 a.blob.core.windows.net",
        "Date: 2026-03-30\nFrom: sub-hub\n10.0.0.4 a.blob.core.windows.net",
        "FQDN,IP,Note\na.blob.core.windows.net,10.0.0.4,x is an alias for y",
        "Path,FQDN,IP\nC:\\x\\pe.csv,a.blob.core.windows.net,10.0.0.4,#1>2",
        "import of March\n10.0.0.4 a.blob.core.windows.net",
        "ping list\n10.0.0.4 a.blob.core.windows.net",
        "acct = {10.0.0.4, 10.0.0.5}\n",
        "- {fqdn: a.blob.core.windows.net, ip: 10.0.0.4}",
    ] {
        assert_eq!(found(text), "", "{text}");
    }
}
