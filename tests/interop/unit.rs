//! systemd's own tools read the unit, its drop-in and the users of the packages.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::site::BINARY;
use crate::tool;

const UNIT: &str = include_str!("../../packaging/privatelink-dns.service");
const ARC: &str = include_str!("../../packaging/himds.conf");
const USERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/privatelink-dns.sysusers");

/// The unit in a folder, with this binary in place of the installed one.
fn unit(folder: &Path, drop_in: Option<&str>) -> std::path::PathBuf {
    let file = folder.join("privatelink-dns.service");
    fs::write(&file, UNIT.replace("/usr/bin/privatelink-dns", BINARY)).unwrap();
    if let Some(text) = drop_in {
        let drop_ins = folder.join("privatelink-dns.service.d");
        fs::create_dir(&drop_ins).unwrap();
        fs::write(drop_ins.join("himds.conf"), text).unwrap();
    }
    file
}

#[test]
fn systemd_understands_every_line_of_the_unit_and_of_its_drop_in() {
    let Some(analyze) = tool::find("systemd-analyze") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = unit(folder.path(), Some(ARC));
    let verify = || tool::run(Command::new(&analyze).args(["verify", "--man=no"]).arg(&file));
    assert_eq!(verify(), (true, String::new()));
    fs::write(folder.path().join("privatelink-dns.service.d/himds.conf"), format!("{ARC}SuplementaryGroups=x\n"))
        .unwrap();
    let (_, said) = verify();
    assert!(said.contains("SuplementaryGroups"), "a mistake would be seen: {said}");
}

#[test]
fn the_unit_leaves_little_to_a_server_that_was_taken_over() {
    let Some(analyze) = tool::find("systemd-analyze") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = unit(folder.path(), None);
    let security = ["security", "--offline=yes", "--threshold=16", "--no-pager"];
    let (is_good, said) = tool::run(Command::new(analyze).args(security).arg(&file));
    assert!(is_good, "exposure of 1.6 at most: {said}");
}

#[test]
fn sysusers_makes_the_user_and_the_groups() {
    let Some(sysusers) = tool::find("systemd-sysusers") else { return };
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    let mut root_is = std::ffi::OsString::from("--root=");
    root_is.push(root.path());
    let (made, said) = tool::run(Command::new(sysusers).arg(root_is).arg(USERS));
    assert!(made, "{said}");
    let passwd = fs::read_to_string(root.path().join("etc/passwd")).unwrap();
    assert!(passwd.starts_with("privatelink-dns:x:") && passwd.trim_end().ends_with("/nologin"), "{passwd}");
    let group = fs::read_to_string(root.path().join("etc/group")).unwrap();
    let mut groups: Vec<&str> = group.lines().filter_map(|line| line.split(':').next()).collect();
    groups.sort_unstable();
    assert_eq!(groups, ["privatelink-dns", "privatelink-dns-approve", "privatelink-dns-ask"]);
}
