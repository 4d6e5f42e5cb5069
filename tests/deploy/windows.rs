//! `deploy/windows/Set-PrivatelinkDns.ps1` and the PowerShell of the pages, read by tree-sitter's grammar of PowerShell.
//!
//! No PowerShell runs here: that the script does what it says on a Windows is not shown by this. What is shown: it
//! parses, also in Windows PowerShell 5.1, changes nothing behind the back of `-WhatIf`, and has the code's suffixes.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use privatelink_dns::azure::{Cloud, forwarded_suffixes};

use crate::checkers::{ROOT, find};

/// The reader's program, run by the checkers' Python.
const READER: &str = "tests/deploy/powershell.py";

/// The pages that have PowerShell in them.
const PAGES: [&str; 3] = ["docs/encrypted.md", "docs/forwarders.md", "docs/mars-hosts.md"];

/// Verbs of commands that change something.
const CHANGING: [&str; 13] = [
    "Add", "Clear", "Disable", "Enable", "Invoke", "Move", "New", "Remove", "Rename", "Restart", "Set", "Start", "Stop",
];

/// Commands with such a verb that change nothing of the host.
const HARMLESS: [&str; 2] = ["Set-StrictMode", "New-Object"];

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn script() -> String {
    read("deploy/windows/Set-PrivatelinkDns.ps1")
}

/// The reader's lines, as words; `None` where it is not installed.
fn parsed(text: &str) -> Option<Vec<Vec<String>>> {
    let mut command = Command::new(find("python")?);
    command.arg(Path::new(ROOT).join(READER)).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{READER} failed; `.ci/tools deploy` installs what it needs");
    let lines = String::from_utf8(output.stdout).unwrap();
    Some(lines.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect())
}

/// What is no PowerShell 5.1 in a text.
fn mistakes(text: &str) -> Option<Vec<String>> {
    let lines = parsed(text)?.into_iter();
    Some(lines.filter(|words| ["error", "newer"].contains(&&*words[0])).map(|words| words.join(" ")).collect())
}

/// The commands that change something outside an `if ($PSCmdlet.ShouldProcess(...))`.
fn unguarded(text: &str) -> Option<Vec<String>> {
    let lines = parsed(text)?;
    let own: Vec<&String> = lines.iter().filter(|words| words[0] == "function").map(|words| &words[2]).collect();
    let changes = |name: &String| {
        let verb = name.split('-').next().unwrap_or_default();
        CHANGING.contains(&verb) && !HARMLESS.contains(&&**name) && !own.contains(&name)
    };
    let is_open = |words: &&Vec<String>| words[0] == "command" && words[3] == "open" && changes(&words[2]);
    Some(lines.iter().filter(is_open).map(|words| words.join(" ")).collect())
}

/// The commands of the module `DnsClient` that do not stop the script when they fail. They are functions of a module,
/// which does not see the `$ErrorActionPreference` of a script: after rules that could not be added, the old ones would
/// be removed, and all would be called done.
fn unstopped(text: &str) -> Option<Vec<String>> {
    let is_of_module = |name: &str| name.contains("-DnsClient");
    let goes_on = |words: &&Vec<String>| words[0] == "command" && is_of_module(&words[2]) && words[4] != "stops";
    Some(parsed(text)?.iter().filter(goes_on).map(|words| words.join(" ")).collect())
}

/// The suffixes of the script's table by cloud: the texts between quotes from the cloud's line to the next `)`.
fn suffixes(script: &str, cloud: Cloud) -> Vec<String> {
    let (_, table) = script.split_once("$Suffixes = @{").expect("the table");
    let (_, list) = table.split_once(&format!("'{cloud}' = @(")).expect("the cloud's list");
    let (list, _) = list.split_once(')').expect("the end of the list");
    list.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The fenced blocks of PowerShell in a page.
fn blocks(page: &str) -> Vec<&str> {
    let mut parts = page.split("```powershell\n").skip(1);
    parts.by_ref().map(|part| part.split("```").next().unwrap_or_default()).collect()
}

#[test]
fn the_script_and_the_blocks_of_the_pages_are_powershell_of_windows() {
    let Some(found) = mistakes(&script()) else { return };
    assert_eq!(found, Vec::<String>::new());
    for file in PAGES {
        let page = read(file);
        assert!(!blocks(&page).is_empty(), "{file} has no PowerShell");
        for block in blocks(&page) {
            assert_eq!(mistakes(block), Some(Vec::new()), "{file}: {block}");
        }
    }
}

#[test]
fn every_command_of_the_script_that_changes_the_host_asks_should_process() {
    let Some(found) = unguarded(&script()) else { return };
    assert_eq!(found, Vec::<String>::new());
    let changes = ["Add-DnsClientNrptRule", "Remove-DnsClientNrptRule", "Clear-DnsClientCache"];
    for change in changes {
        assert!(script().contains(change), "the script has no {change}");
    }
    assert!(script().contains("SupportsShouldProcess = $true"));
}

#[test]
fn every_command_that_fails_stops_the_script() {
    let Some(found) = unstopped(&script()) else { return };
    assert_eq!(found, Vec::<String>::new());
    assert!(script().contains("$ErrorActionPreference = 'Stop'"), "for all commands that are no functions");
}

#[test]
fn the_script_has_the_suffixes_of_every_cloud() {
    for cloud in Cloud::ALL {
        assert_eq!(suffixes(&script(), cloud), forwarded_suffixes(cloud), "{cloud}");
    }
}

/// The namespaces of rules in the page that has them by hand: a suffix with a dot before it.
fn namespaces(page: &str) -> Vec<String> {
    let line = page.lines().find(|line| line.starts_with("$suffixes = '.")).expect("the rules by hand");
    line.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_rules_by_hand_are_for_the_same_suffixes_and_each_has_its_dot() {
    let right: Vec<String> = forwarded_suffixes(Cloud::Public).iter().map(|suffix| format!(".{suffix}")).collect();
    let page = read("docs/mars-hosts.md");
    assert_eq!(namespaces(&page), right);
    for (from, to) in
        [("'.queue.", "'queue."), (", '.blob.storage.azure.net'", ""), ("'.blob.core", "'.privatelink.blob.core")]
    {
        assert_ne!(namespaces(&page.replace(from, to)), right, "{from} -> {to}");
    }
}

/// Commands of Microsoft on the pages, and their parameters that stand there, as Microsoft's reference spells them.
const REFERENCE: [(&str, &[&str]); 16] = [
    ("Add-DnsClientDohServerAddress", &["ServerAddress", "DohTemplate", "AutoUpgrade", "AllowFallbackToUdp"]),
    ("Add-DnsClientNrptRule", &["Namespace", "NameServers", "DisplayName"]),
    ("Add-DnsServerConditionalForwarderZone", &["Name", "MasterServers", "ReplicationScope"]),
    ("Clear-DnsClientCache", &[]),
    ("Clear-DnsServerCache", &["Force"]),
    ("Get-DnsClientDohServerAddress", &["ServerAddress"]),
    ("Get-DnsClientNrptPolicy", &["Effective"]),
    ("Get-DnsClientNrptRule", &[]),
    ("Get-DnsServerZone", &[]),
    ("Import-Certificate", &["FilePath", "CertStoreLocation"]),
    ("Remove-DnsClientNrptRule", &["Force"]),
    ("Set-DnsClientServerAddress", &["InterfaceAlias", "ServerAddresses"]),
    ("Set-DnsServerConditionalForwarderZone", &["Name", "UseRecursion", "ForwarderTimeout"]),
    ("Where-Object", &[]),
    (".\\Set-PrivatelinkDns.ps1", &["Server", "WhatIf", "Test", "Name", "Remove"]),
    ("powershell", &["ExecutionPolicy", "File", "Server"]),
];

/// The commands and parameters of a block that are in no reference.
fn unknown(block: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for line in block.replace("`\n", " ").split(['\n', '|']) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_command = |word: &str| word.contains('-') && word.starts_with(|first: char| first.is_ascii_uppercase());
        let Some(name) = words.first().filter(|word| is_command(word) || word.starts_with('.')) else { continue };
        let known = REFERENCE.iter().find(|(known, _)| known == name).map(|(_, parameters)| *parameters);
        wrong.extend(known.is_none().then(|| (*name).to_owned()));
        let parameters = words.iter().filter_map(|word| word.strip_prefix('-'));
        let named = parameters.filter(|word| word.starts_with(|first: char| first.is_ascii_uppercase()));
        wrong.extend(
            named.filter(|word| known.is_some_and(|all| !all.contains(word))).map(|word| format!("{name} -{word}")),
        );
    }
    wrong
}

#[test]
fn the_commands_of_the_pages_and_their_parameters_are_spelt_as_in_the_reference_of_microsoft() {
    for file in PAGES {
        let page = read(file);
        for block in blocks(&page) {
            assert_eq!(unknown(block), [""; 0], "{file}: {block}");
        }
    }
    let page = read("docs/encrypted.md");
    for (right, wrong, said) in [
        ("-AllowFallbackToUdp", "-FallbackToUdp", "Add-DnsClientDohServerAddress -FallbackToUdp"),
        ("Add-DnsClientDohServerAddress", "Add-DnsClientDohServer", "Add-DnsClientDohServer"),
        ("-ServerAddresses", "-ServerAddress", "Set-DnsClientServerAddress -ServerAddress"),
    ] {
        assert!(blocks(&page)[0].contains(right), "{right}");
        assert_eq!(unknown(&blocks(&page)[0].replace(right, wrong)), [said], "{wrong}");
    }
}

/// What a page's block for Windows has of other servers than the config on the page.
fn elsewhere(page: &str) -> Option<&'static str> {
    let block = blocks(page)[0];
    let resolved = page.lines().find_map(|line| line.strip_prefix("DNS=")).expect("the servers of systemd-resolved");
    let servers: Vec<String> =
        resolved.split(' ').filter_map(|server| Some(format!("'{}'", server.split_once('#')?.0))).collect();
    let name = page.lines().find_map(|line| line.strip_prefix("name = ")).expect("the name of [ddr]").trim_matches('"');
    let of_both = servers.join(", ");
    let has_all = block.lines().filter(|line| line.contains("'10.")).all(|line| line.contains(&of_both));
    let has_template = block.contains(&format!("'https://{name}/dns-query'"));
    [(has_all, "servers"), (has_template, "template")].into_iter().find(|(is_good, _)| !is_good).map(|(_, what)| what)
}

#[test]
fn the_block_for_windows_names_both_servers_of_the_page_and_the_name_in_their_certificates() {
    let page = read("docs/encrypted.md");
    assert_eq!(elsewhere(&page), None);
    for (right, wrong, what) in [
        ("in '10.0.0.4', '10.0.0.5'", "in '10.0.0.4'", "servers"),
        ("-ServerAddresses '10.0.0.4', '10.0.0.5'", "-ServerAddresses '10.0.0.4', '10.0.0.6'", "servers"),
        ("https://dns.corp.example/dns-query'", "https://10.0.0.5/dns-query'", "template"),
    ] {
        assert!(page.contains(right), "{right}");
        assert_eq!(elsewhere(&page.replace(right, wrong)), Some(what), "{wrong}");
    }
}

#[test]
fn the_script_is_ascii_because_windows_powershell_reads_a_file_without_bom_in_the_code_page_of_the_host() {
    assert!(script().is_ascii());
}

#[test]
fn the_script_its_page_and_its_help_say_that_it_was_not_run() {
    assert!(script().contains("has not been run by its authors"));
    assert!(read("docs/mars-hosts.md").contains("was not run"));
}

/// The script with a mistake in it.
fn mistaken(right: &str, wrong: &str) -> String {
    let script = script();
    assert!(script.contains(right), "the script has no {right}");
    script.replacen(right, wrong, 1)
}

#[test]
fn what_is_no_powershell_is_found() {
    for (right, wrong) in [
        ("function Clear-Cache {", "function Clear-Cache"),
        ("if ($Test) {", "if $Test {"),
        ("$ErrorActionPreference = 'Stop'", "$ErrorActionPreference = 'Stop"),
        ("exit 1\n", "$Test && exit 1\n"),
    ] {
        let Some(found) = mistakes(&mistaken(right, wrong)) else { return };
        assert!(!found.is_empty(), "{right} -> {wrong}");
    }
}

#[test]
fn a_change_behind_the_back_of_whatif_is_found() {
    for (right, wrong, name) in [
        ("if ($PSCmdlet.ShouldProcess('DNS client cache', 'Clear'))", "if ($true)", "Clear-DnsClientCache"),
        ("if ($PSCmdlet.ShouldProcess('NRPT rule for ' + $one,", "if (-not (", "Add-DnsClientNrptRule"),
        ("exit 0", "Set-DnsClientGlobalSetting -SuffixSearchList @()\nexit 0", "Set-DnsClientGlobalSetting"),
    ] {
        let Some(found) = unguarded(&mistaken(right, wrong)) else { return };
        assert!(found.iter().any(|line| line.contains(name)), "{right} -> {wrong}: {found:?}");
    }
}

#[test]
fn a_command_that_fails_and_does_not_stop_the_script_is_found() {
    for (right, wrong, name) in [
        ("-Comment $Note `\n                -ErrorAction Stop", "-Comment $Note", "Add-DnsClientNrptRule"),
        ("-Force -ErrorAction Stop", "-Force -ErrorAction Continue", "Remove-DnsClientNrptRule"),
        ("Get-DnsClientNrptRule -ErrorAction Stop |", "Get-DnsClientNrptRule |", "Get-DnsClientNrptRule"),
    ] {
        let Some(found) = unstopped(&mistaken(right, wrong)) else { return };
        assert!(found.iter().any(|line| line.contains(name)), "{right} -> {wrong}: {found:?}");
    }
}

#[test]
fn a_suffix_that_is_missing_or_another_one_is_found() {
    for (right, wrong) in [
        ("        'queue.core.windows.net'\n", ""),
        ("'backup.windowsazure.us'", "'backup.windowsazure.com'"),
        ("'blob.core.chinacloudapi.cn'", "'privatelink.blob.core.chinacloudapi.cn'"),
    ] {
        let script = mistaken(right, wrong);
        assert!(Cloud::ALL.iter().any(|cloud| suffixes(&script, *cloud) != forwarded_suffixes(*cloud)), "{wrong}");
    }
}
