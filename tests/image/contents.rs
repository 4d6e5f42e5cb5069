//! What is in the image, and what is not.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::unpacked::{folder, image, succeed};

/// Octets of all files. The program has 11 MB of them, the libraries of C and their loader 3.
const MAX_FILES: u64 = 15 << 20;

/// Octets of the archive.
const MAX_ARCHIVE: u64 = 7_500_000;

/// The user of the image.
const USER: u32 = 65_532;

/// What that user may write: the volumes.
const VOLUMES: [&str; 2] = ["/var/lib/privatelink-dns", "/run/privatelink-dns"];

const PROGRAM: &str = "/usr/bin/privatelink-dns";

/// The texts that go with the program.
const LICENCES: [&str; 4] = ["LICENSE", "LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY.gz"];

/// All that is wrong with the files of an image.
fn problems(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let all = below(root);
    for path in &all {
        found.extend(problem(root, path));
    }
    let files = all.iter().map(|path| fs::symlink_metadata(path).unwrap()).filter(fs::Metadata::is_file);
    let size: u64 = files.map(|file| file.len()).sum();
    if size > MAX_FILES {
        found.push(format!("{size} octets of files"));
    }
    let capabilities = succeed(Command::new("getcap").arg("-r").arg(root));
    let expected = format!("{}{PROGRAM} cap_net_bind_service=p\n", root.display());
    if capabilities != expected {
        found.push(format!("capabilities: {capabilities:?}"));
    }
    let texts = LICENCES.map(|name| format!("usr/share/doc/privatelink-dns/{name}"));
    let packages = fs::read_dir(root.join("var/lib/dpkg/status.d")).unwrap().flatten();
    let copyrights = packages.map(|package| format!("usr/share/doc/{}/copyright", package.file_name().display()));
    found.extend(
        texts.into_iter().chain(copyrights).filter(|text| !root.join(text).is_file()).map(|text| format!("no {text}")),
    );
    let authorities = fs::read_to_string(root.join("etc/ssl/certs/ca-certificates.crt")).unwrap_or_default();
    if authorities.matches("-----BEGIN CERTIFICATE-----").count() < 100 {
        found.push("few certificates of authorities".to_owned());
    }
    found
}

/// What is wrong with a file or a folder.
fn problem(root: &Path, path: &Path) -> Option<String> {
    let inside = format!("/{}", path.strip_prefix(root).unwrap().display());
    let metadata = fs::symlink_metadata(path).unwrap();
    let (mode, is_volume) = (metadata.permissions().mode(), VOLUMES.contains(&inside.as_str()));
    let owner = if is_volume { USER } else { 0 };
    if (metadata.uid(), metadata.gid()) != (owner, owner) {
        return Some(format!("{inside} belongs to {}:{}", metadata.uid(), metadata.gid()));
    }
    if metadata.is_symlink() || mode & 0o7022 != 0 {
        return Some(format!("{inside} has the mode {mode:o}"));
    }
    // Libraries and their loader are not started by anybody's name.
    let is_library = inside.starts_with("/lib") && inside.contains(".so.");
    let may_run = inside == PROGRAM || is_library;
    (metadata.is_file() && mode & 0o111 != 0 && !may_run).then(|| format!("{inside} is another program"))
}

/// All files and folders below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        if fs::symlink_metadata(&path).unwrap().is_dir() {
            all.extend(below(&path));
        }
        all.push(path);
    }
    all
}

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn the_image_holds_the_program_and_what_it_needs_and_nobody_else_may_write_it() {
    assert_eq!(problems(&image().rootfs), [""; 0]);
    assert!(fs::metadata(&image().archive).unwrap().len() < MAX_ARCHIVE);
}

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn mistakes_in_the_files_of_an_image_are_found() {
    let copy = folder().join("copy");
    let in_copy = |path: &str| copy.join(path.trim_start_matches('/'));
    let run = |words: &[&str], path: &str| succeed(Command::new(words[0]).args(&words[1..]).arg(in_copy(path)));
    let mistakes: [(&dyn Fn(), &str); 8] = [
        (&|| drop(run(&["chmod", "0666"], "/etc/passwd")), "/etc/passwd has the mode 100666"),
        (&|| drop(run(&["chown", "65532"], "/etc/privatelink-dns")), "/etc/privatelink-dns belongs to 65532:0"),
        (&|| drop(run(&["install", "-m", "755", "/bin/sh"], "/usr/bin/sh")), "/usr/bin/sh is another program"),
        (&|| drop(run(&["ln", "-s", "/etc"], "/usr/link")), "/usr/link has the mode"),
        (&|| drop(run(&["setcap", "cap_net_bind_service=+ep"], PROGRAM)), "cap_net_bind_service=ep"),
        (&|| drop(run(&["setcap", "-r"], PROGRAM)), "capabilities: \"\""),
        (&|| drop(run(&["rm"], "/usr/share/doc/libc6/copyright")), "no usr/share/doc/libc6/copyright"),
        (&|| drop(run(&["truncate", "-s", "20M"], "/usr/share/doc/large")), "octets of files"),
    ];
    for (mistake, expected) in mistakes {
        let _ = fs::remove_dir_all(&copy);
        succeed(Command::new("cp").arg("-a").arg(&image().rootfs).arg(&copy));
        mistake();
        let found = problems(&copy);
        assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
    }
    fs::remove_dir_all(copy).unwrap();
}

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn the_image_says_how_it_is_run_and_what_it_is() {
    let config = &image().image_config["config"];
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Entrypoint"], serde_json::json!([PROGRAM]));
    assert_eq!(config["Cmd"], serde_json::json!(["serve"]));
    assert_eq!(config["StopSignal"], "SIGTERM");
    for port in ["53/udp", "53/tcp", "443/tcp", "853/tcp", "8053/tcp"] {
        assert!(config["ExposedPorts"][port].is_object(), "{config}");
    }
    for volume in VOLUMES {
        assert!(config["Volumes"][volume].is_object(), "{config}");
    }
    let label = |key: &str| config["Labels"][format!("org.opencontainers.image.{key}")].as_str().unwrap_or_default();
    assert_eq!((label("title"), label("version")), ("privatelink-dns", env!("CARGO_PKG_VERSION")));
    assert_eq!(label("licenses"), env!("CARGO_PKG_LICENSE"));
    assert!(label("created").ends_with('Z') && label("revision").len() >= 12, "{config}");
}

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn docker_finds_the_image_in_the_archive_too() {
    let archive = format!("docker-archive:{}", image().archive.display());
    let config = succeed(Command::new("skopeo").args(["inspect", "--config", &archive]));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&config).unwrap()["config"], image().image_config["config"]);
}

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn the_storage_of_podman_keeps_name_owners_and_capability_of_both_forms() {
    let storage = folder().join("storage");
    let buildah = |words: &[&str]| {
        let mut command = Command::new("buildah");
        command.args(["--storage-driver", "vfs", "--root"]).arg(storage.join("root"));
        command.arg("--runroot").arg(storage.join("run")).args(words);
        succeed(&mut command).trim().to_owned()
    };
    let name = concat!("localhost/privatelink-dns:", env!("CARGO_PKG_VERSION"));
    let ids = ["docker-archive", "oci-archive"].map(|form| {
        let id = buildah(&["pull", "--quiet", &format!("{form}:{}", image().archive.display())]);
        assert!(id.starts_with(&buildah(&["images", "--quiet", name])), "{form}: {id}");
        id
    });
    assert_eq!(ids[0], ids[1]);
    let container = buildah(&["from", "--pull-never", name]);
    let root = buildah(&["mount", &container]);
    assert_eq!(problems(Path::new(&root)), [""; 0]);
    buildah(&["umount", &container]);
    fs::remove_dir_all(storage).unwrap();
}
