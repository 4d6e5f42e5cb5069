//! Tests of what `Cargo.toml` says of the packages, without the tools that make them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::machine::said;

/// A file of a package: where it comes from and where it goes, without the first slash.
type Asset = (String, String);

/// What the tools are told.
fn metadata() -> Value {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--no-deps", "--format-version", "1", "--locked"]).current_dir(crate::root());
    let metadata: Value = serde_json::from_str(&said(&mut cargo).unwrap()).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().find(|package| package["name"] == "privatelink-dns").unwrap()["metadata"].clone()
}

fn deb(metadata: &Value) -> Vec<Asset> {
    let assets = metadata["deb"]["assets"].as_array().unwrap().iter();
    assets.map(|asset| (asset[0].as_str().unwrap().to_owned(), asset[1].as_str().unwrap().to_owned())).collect()
}

fn rpm(metadata: &Value) -> Vec<Asset> {
    let assets = metadata["generate-rpm"]["assets"].as_array().unwrap().iter();
    let text = |asset: &Value, key: &str| asset[key].as_str().unwrap().trim_start_matches('/').to_owned();
    assets.map(|asset| (text(asset, "source"), text(asset, "dest"))).collect()
}

/// The source of a staged copy or page in the repository; `None` for what is made anew.
fn origin(source: &str) -> Option<String> {
    let Some(staged) = source.strip_prefix("target/package/stage/") else { return Some(source.to_owned()) };
    if let Some(section) = staged.strip_prefix("man").and_then(|rest| rest.strip_suffix("/*.gz")) {
        return Some(format!("packaging/man/*.{section}"));
    }
    let is_copy = super::stage::COPIED.iter().any(|copied| staged.starts_with(copied));
    is_copy.then(|| staged.to_owned())
}

/// Whether a path exists, or a file that a star in its last segment stands for.
fn exists(root: &Path, path: &str) -> bool {
    let Some((start, end)) = path.split_once('*') else { return root.join(path).is_file() };
    let (folder, start) = start.rsplit_once('/').unwrap_or(("", start));
    let mut names = std::fs::read_dir(root.join(folder)).unwrap().flatten().map(|entry| entry.file_name());
    names.any(|name| name.to_string_lossy().starts_with(start) && name.to_string_lossy().ends_with(end))
}

#[test]
fn the_files_that_the_packages_name_exist() {
    let (root, metadata) = (crate::root(), metadata());
    let sources = [deb(&metadata), rpm(&metadata)].concat().into_iter().map(|(source, _)| source);
    let missing: Vec<String> =
        sources.filter_map(|source| origin(&source)).filter(|path| !exists(&root, path)).collect();
    assert_eq!(missing, [""; 0]);
    for script in ["post_install_script", "pre_uninstall_script", "post_uninstall_script"] {
        assert!(root.join(metadata["generate-rpm"][script].as_str().unwrap()).is_file(), "{script}");
    }
}

/// Where both packages put a file: the folder, and the name where there is one.
fn destinations(assets: &[Asset], elsewhere: &[(&str, &str)]) -> BTreeSet<String> {
    let whole = |(source, dest): &Asset| match source.rsplit('/').next() {
        Some(name) if dest.ends_with('/') && !name.contains('*') => format!("{dest}{name}"),
        _ => dest.clone(),
    };
    let moved = |dest: String| elsewhere.iter().fold(dest, |dest, (from, to)| dest.replace(from, to));
    assets.iter().map(whole).map(moved).collect()
}

#[test]
fn both_packages_have_the_same_files_but_for_each_systems_own() {
    let metadata = metadata();
    let debian = destinations(&deb(&metadata), &[("zsh/vendor-completions", "zsh/site-functions")]);
    let red_hat = destinations(&rpm(&metadata), &[("licenses/privatelink-dns/THIRD", "doc/privatelink-dns/THIRD")]);
    // cargo-deb finds the unit and the sysusers file by their names.
    let of_rpm = [
        "usr/lib/systemd/system/privatelink-dns.service",
        "usr/lib/sysusers.d/privatelink-dns.conf",
        "usr/share/doc/privatelink-dns/CHANGELOG.md",
        "usr/share/licenses/privatelink-dns/",
    ];
    let of_deb = [
        "usr/share/doc/privatelink-dns/changelog.gz",
        "usr/share/doc/privatelink-dns/copyright",
        "usr/share/lintian/overrides/privatelink-dns",
    ];
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect::<Vec<_>>();
    assert_eq!(only(&red_hat, &debian), of_rpm);
    assert_eq!(only(&debian, &red_hat), of_deb);
}

#[test]
fn the_config_is_kept_at_an_upgrade_and_its_folder_of_lists_has_no_file() {
    let metadata = metadata();
    let config = metadata["generate-rpm"]["assets"].as_array().unwrap().iter();
    let kept = config.filter(|asset| asset["dest"].as_str().unwrap().starts_with("/etc/"));
    assert!(kept.clone().count() == 1 && kept.into_iter().all(|asset| asset["config"] == "noreplace"));
    // In a Debian package, all in /etc is a conffile.
    let in_etc = |assets: Vec<Asset>| assets.into_iter().filter(|(_, dest)| dest.starts_with("etc/")).count();
    assert_eq!((in_etc(deb(&metadata)), in_etc(rpm(&metadata))), (1, 1));
}

#[test]
fn the_scripts_of_the_packages_are_shell_and_name_no_file_or_service_of_others() {
    for script in super::checks::SCRIPTS {
        let path = crate::root().join("packaging").join(script);
        assert!(Command::new("sh").arg("-n").arg(&path).status().unwrap().success(), "{script}");
        let text = std::fs::read_to_string(path).unwrap();
        for foreign in ["resolv.conf", "systemd-resolved", "resolvconf", "dnsmasq", "named", "unbound"] {
            let mentions = text.lines().filter(|line| !line.trim_start().starts_with('#') && line.contains(foreign));
            assert_eq!(mentions.filter(|line| !line.contains("echo")).count(), 0, "{script}: {foreign}");
        }
    }
}
