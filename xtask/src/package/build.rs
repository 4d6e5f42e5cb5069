//! The program that is packaged: the `dist` profile, without a path of this machine in it.

use std::path::{Path, PathBuf};

use super::{Context, step};
use crate::succeed;

/// The place of the crates in the paths that a panic or an assertion of the program would name.
const CRATES: &str = "/crates";

/// The place of this project in such paths.
const PROJECT: &str = "/privatelink-dns";

/// The C compiler writes no date: mimalloc has one of its own build.
const UNDATED: [&str; 3] = ["-Wno-builtin-macro-redefined", "-D__DATE__=\"\"", "-D__TIME__=\"\""];

/// Smaller functions are inlined only, down from LLVM's 225: a tenth less to fetch, at the cost of a tenth of an answer
/// over HTTPS and none over UDP or TLS.
const INLINED: &str = "-Cllvm-args=-inline-threshold=60";

/// Builds the program; returns its file.
pub(super) fn run(context: &Context) -> Result<PathBuf, String> {
    step("program (cargo build --profile dist), some minutes");
    let target = target(&context.root);
    let mut maps = vec![(context.root.clone(), PROJECT.to_owned()), (target.clone(), format!("{PROJECT}/target"))];
    // Each folder of a registry has a name of its own on each kind of machine.
    maps.extend(registries().into_iter().map(|folder| (folder, CRATES.to_owned())));
    let mut rust: Vec<String> =
        maps.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect();
    rust.push(INLINED.to_owned());
    let mut c: Vec<String> =
        maps.iter().map(|(from, to)| format!("-ffile-prefix-map={}={to}", from.display())).collect();
    c.extend(UNDATED.map(str::to_owned));
    let mut command = context.command("cargo");
    command.args([
        "build",
        "--profile",
        "dist",
        "--locked",
        "--package",
        "privatelink-dns",
        "--bin",
        "privatelink-dns",
    ]);
    command.env("CARGO_ENCODED_RUSTFLAGS", rust.join("\u{1f}")).env_remove("RUSTFLAGS");
    // ring and mimalloc are in C.
    command.env("CFLAGS", c.join(" ")).env("CARGO_INCREMENTAL", "0");
    succeed(&mut command)?;
    let binary = target.join("dist/privatelink-dns");
    let places: Vec<PathBuf> = maps.into_iter().map(|(from, _)| from).chain(home()).collect();
    match foreign(&binary, &places)? {
        None => Ok(binary),
        Some(found) => Err(format!("{} holds a path of this machine: {found}", binary.display())),
    }
}

/// The last program that was built, for packages or else for releases.
pub(super) fn last(root: &Path) -> Result<PathBuf, String> {
    let target = target(root);
    let found = ["dist", "release"].map(|profile| target.join(profile).join("privatelink-dns"));
    let found = found.into_iter().find(|file| file.is_file());
    found.ok_or_else(|| format!("no program in {}/dist or release: leave --no-build out", target.display()))
}

/// Cargo's folder for what it builds.
fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder))
}

fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| home.components().count() > 1)
}

/// The folders that hold the source of crates.
fn registries() -> Vec<PathBuf> {
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(home()?.join(".cargo")));
    let entries = cargo.and_then(|cargo| std::fs::read_dir(cargo.join("registry/src")).ok());
    let mut folders: Vec<PathBuf> = entries.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    folders.sort();
    folders
}

/// The first text of a file that starts with one of these folders.
fn foreign(file: &Path, folders: &[PathBuf]) -> Result<Option<String>, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(folders.iter().find_map(|folder| place(&bytes, format!("{}/", folder.display()).as_bytes())))
}

/// The printable text from the place of `start` on.
fn place(bytes: &[u8], start: &[u8]) -> Option<String> {
    let at = bytes.windows(start.len()).position(|window| window == start)?;
    let text = bytes[at..].iter().take(200).take_while(|byte| byte.is_ascii_graphic());
    Some(text.map(|byte| char::from(*byte)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_a_program_is_found_and_shown_to_its_end() {
        assert_eq!(place(b"\0\x01x/home/a/b.rs\0/usr", b"/home/"), Some("/home/a/b.rs".to_owned()));
        assert_eq!(place(b"/homes/a", b"/home/"), None);
    }
}
