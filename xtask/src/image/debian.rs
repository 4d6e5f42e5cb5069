//! What the image takes from this machine's Debian: the shared libraries of the program with their loader, the
//! certificates of authorities, and for each package the copyright file and its record, by which scanners know it.
//!
//! Nothing is named here that the program itself or the package manager can name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::files::Entry;
use crate::machine::said;

/// The package of the certificates. Its files are taken, not the bundle in /etc, to which an administrator may have
/// added authorities of his own.
const AUTHORITIES: &str = "ca-certificates";

/// The folder of its certificates.
const CERTIFICATES: &str = "/usr/share/ca-certificates/mozilla";

/// Where the program looks for them.
const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";

/// The folder of licence texts that copyright files name instead of quoting them.
const LICENCES: &str = "/usr/share/common-licenses/";

/// All files that are Debian's.
pub(super) fn files(program: &Path) -> Result<Vec<Entry>, String> {
    let said = said(Command::new("ldd").arg(program))?;
    let libraries = libraries(&said)?;
    let mut packages = BTreeSet::from([AUTHORITIES.to_owned()]);
    let mut files = vec![Entry::file(BUNDLE, certificates(Path::new(CERTIFICATES))?)];
    files.push(Entry::file("etc/os-release", read(Path::new("/etc/os-release"))?));
    for library in libraries {
        packages.insert(owner(&library)?);
        files.push(Entry::program(&inside(&library), read(&library)?));
    }
    let mut licences = BTreeSet::new();
    for package in packages {
        let copyright = read(&PathBuf::from("/usr/share/doc").join(&package).join("copyright"))?;
        licences.extend(named_licences(&String::from_utf8_lossy(&copyright)));
        files.push(Entry::file(&format!("usr/share/doc/{package}/copyright"), copyright));
        files.push(Entry::file(&format!("var/lib/dpkg/status.d/{package}"), record(&package)?));
    }
    for licence in licences {
        files.push(Entry::file(&inside(Path::new(&licence)), read(Path::new(&licence))?));
    }
    Ok(files)
}

/// The libraries and the loader in what `ldd` says: a path behind `=>`, or alone. The kernel's own has neither.
fn libraries(ldd: &str) -> Result<BTreeSet<PathBuf>, String> {
    let mut found = BTreeSet::new();
    for line in ldd.lines() {
        let (name, place) = line.trim().split_once(" => ").unwrap_or(("", line.trim()));
        let path = place.split(" (").next().unwrap_or_default();
        if path.starts_with('/') {
            found.insert(PathBuf::from(path));
        } else if !name.is_empty() || path.starts_with("not ") {
            return Err(format!("ldd does not find a library of the program: {}", line.trim()));
        }
    }
    if found.is_empty() { Err(format!("ldd names no library: {ldd}")) } else { Ok(found) }
}

/// The package of a file. With a merged /usr it is known by one of two paths.
fn owner(file: &Path) -> Result<String, String> {
    let real = file.canonicalize().map_err(|error| format!("{}: {error}", file.display()))?;
    let unmerged = real.strip_prefix("/usr").map_or_else(|_| real.clone(), |rest| Path::new("/").join(rest));
    let asked = [file, &real, &unmerged].map(|path| said(Command::new("dpkg-query").arg("--search").arg(path)));
    let answer = asked.into_iter().find_map(Result::ok);
    let package = answer.as_ref().and_then(|answer| answer.split(':').next());
    package
        .map(str::to_owned)
        .ok_or_else(|| format!("{} is of no Debian package: the image is made on Debian or Ubuntu", file.display()))
}

/// The record of a package, such as its version.
fn record(package: &str) -> Result<Vec<u8>, String> {
    let record = said(Command::new("dpkg-query").args(["--status", package]))?;
    Ok(format!("{}\n", record.trim_end()).into_bytes())
}

/// The bundle: all certificates of a folder, in the order of their names.
fn certificates(folder: &Path) -> Result<Vec<u8>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| {
        format!("{}: {error}; the image is made on Debian or Ubuntu with ca-certificates", folder.display())
    })?;
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|kind| kind == "crt"));
    paths.sort();
    let mut bundle = Vec::new();
    for path in paths {
        bundle.extend(read(&path)?.trim_ascii_end());
        bundle.push(b'\n');
    }
    if bundle.is_empty() { Err(format!("{}: no certificate is there", folder.display())) } else { Ok(bundle) }
}

/// The licence texts that a copyright file names and that are there; a name at the end of a sentence has its dot.
fn named_licences(copyright: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let names = copyright.split(LICENCES).skip(1).map(|rest| rest.split(|c| !is_name(c)).next().unwrap_or_default());
    let paths = names.map(|name| format!("{LICENCES}{}", name.trim_end_matches('.')));
    paths.filter(|path| Path::new(path).is_file()).collect()
}

/// A path of this machine as one in the image.
fn inside(path: &Path) -> String {
    path.display().to_string().trim_start_matches('/').to_owned()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_loader_are_found_in_what_ldd_says_and_a_missing_one_is_an_error() {
        let ldd = "\tlinux-vdso.so.1 (0x1)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x2)\n\
                   \t/lib64/ld-linux-x86-64.so.2 (0x3)\n";
        let expected = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from);
        assert_eq!(libraries(ldd), Ok(BTreeSet::from(expected)));
        assert!(libraries("\tlibssl.so.3 => not found\n").unwrap_err().contains("libssl.so.3"));
        assert!(libraries("\tstatically linked\n").is_err());
    }

    #[test]
    fn a_licence_that_a_copyright_file_names_is_found_with_and_without_the_dot_of_its_sentence() {
        let text = "see /usr/share/common-licenses/GPL-3. And `/usr/share/common-licenses/LGPL-2.1', and \
                    /usr/share/common-licenses/NONE-9";
        let found = named_licences(text);
        if Path::new("/usr/share/common-licenses/GPL-3").is_file() {
            assert_eq!(found, ["GPL-3", "LGPL-2.1"].map(|name| format!("{LICENCES}{name}")).into());
        }
    }
}
