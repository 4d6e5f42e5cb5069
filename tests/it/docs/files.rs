//! What commands name: files of the repository and of the package, verbs of xtask, stages, tests, versions.

use std::path::Path;

const CARGO: &str = include_str!("../../../Cargo.toml");
const XTASK: &str = include_str!("../../../xtask/src/main.rs");
const STAGES: &str = include_str!("../../../xtask/src/stages.rs");

/// Folders of the repository whose files commands name.
const ROOTS: [&str; 8] = [".ci/", "config/", "contrib/", "deploy/", "docs/", "packaging/", "tests/", "xtask/"];

/// Where the packages put documents and examples.
const DOCUMENTS: &str = "/usr/share/doc/privatelink-dns/";

/// Checks the file that a word names, if it names one that we know.
pub(super) fn exists(word: &str) -> Result<(), String> {
    // --template-file=deploy/x, @deploy/x
    let word = word.rsplit(['=', '@']).next().unwrap_or_default();
    version(word)?;
    let plain = word.strip_prefix("./").unwrap_or(word);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if ROOTS.iter().any(|folder| plain.starts_with(folder)) && !plain.contains(['*', '$', '<']) {
        let is_there = root.join(plain).exists() || is_in_a_site(plain);
        return if is_there { Ok(()) } else { Err(format!("'{plain}' is no file of the repository")) };
    }
    match plain.strip_prefix(DOCUMENTS) {
        Some(file) if !is_packaged(file) => Err(format!("'{plain}' is no file of the package")),
        _ => Ok(()),
    }
}

/// Lists that a scene has in place of the repository's.
fn is_in_a_site(path: &str) -> bool {
    path.starts_with("config/endpoints/")
}

/// A file or image of ours has the present version.
fn version(word: &str) -> Result<(), String> {
    let own = env!("CARGO_PKG_VERSION");
    for start in ["privatelink-dns_", "privatelink-dns-", "privatelink-dns:"] {
        let Some((_, rest)) = word.split_once(start) else { continue };
        if rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains('.') && !rest.starts_with(own) {
            return Err(format!("'{word}' is of another version than {own}"));
        }
    }
    Ok(())
}

/// Whether the package has this file among its documents, by the assets in Cargo.toml.
fn is_packaged(file: &str) -> bool {
    let cargo: toml::Table = CARGO.parse().unwrap();
    let assets = cargo["package"]["metadata"]["deb"]["assets"].as_array().unwrap();
    let file = file.trim_end_matches('/');
    assets.iter().any(|asset| {
        let (source, target) = (asset[0].as_str().unwrap(), asset[1].as_str().unwrap());
        let Some(folder) = target.strip_prefix(&DOCUMENTS[1..]) else { return false };
        let folder = folder.trim_end_matches('/');
        let source = Path::new(source.strip_prefix("target/package/stage/").unwrap_or(source));
        let is_name = |name: &str| Path::new(folder).join(name) == Path::new(file);
        match source.file_name().map(|name| name.to_string_lossy()) {
            Some(name) if name.starts_with('*') => {
                let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(source.parent().unwrap());
                let names = std::fs::read_dir(root).into_iter().flatten().filter_map(Result::ok);
                let ending = name.trim_start_matches('*').to_owned();
                folder == file
                    || names
                        .map(|entry| entry.file_name().to_string_lossy().into_owned())
                        .any(|name| name.ends_with(&ending) && is_name(&name))
            }
            Some(name) => folder == file || is_name(&name),
            None => false,
        }
    })
}

/// Checks what a call of cargo names: a verb of xtask, a stage, a test.
pub(super) fn is_of_cargo(words: &[String]) -> Result<(), String> {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let is_placeholder = |word: &str| word.chars().all(|c| c.is_ascii_uppercase());
    let (kind, name, is_known) = match (word(1), word(2)) {
        ("xtask", "acceptance") if !word(3).starts_with('-') => {
            ("stage", word(3), STAGES.contains(&format!("\"{}\"", word(3))))
        }
        ("xtask", verb) => ("verb", verb, XTASK.contains(&format!("\"{verb}\" =>"))),
        ("test" | "bench", flag @ ("--test" | "--bench")) => {
            let kind = &flag[2..];
            let cargo: toml::Table = CARGO.parse().unwrap();
            let has = |one: &toml::Value| one["name"].as_str() == Some(word(3));
            (kind, word(3), cargo[kind].as_array().is_some_and(|all| all.iter().any(has)))
        }
        _ => return Ok(()),
    };
    if is_known || is_placeholder(name) {
        Ok(())
    } else {
        Err(format!("'{}': there is no {kind} '{name}'", words.join(" ")))
    }
}

#[test]
fn files_of_the_package_are_those_of_its_assets() {
    for name in ["examples/himds.conf", "examples/prometheus/privatelink-dns.rules.yml", "docs/azure.md", "README.md"] {
        assert_eq!(exists(&format!("{DOCUMENTS}{name}")), Ok(()));
    }
    assert!(exists(&format!("{DOCUMENTS}examples/hinds.conf")).is_err());
    assert!(exists(&format!("{DOCUMENTS}docs/azur.md")).is_err());
}
