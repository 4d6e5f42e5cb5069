//! The image, unpacked once for all tests, and what it says of itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// The image on the disk.
pub(crate) struct Unpacked {
    /// The archive.
    pub(crate) archive: PathBuf,
    /// Its files.
    pub(crate) rootfs: PathBuf,
    /// How a runtime is to run it: the config that umoci makes of the image's own.
    pub(crate) runtime_config: Value,
    /// The image's own config.
    pub(crate) image_config: Value,
}

/// A folder for the tests, empty at their start.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("image");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    })
}

/// The image.
pub(crate) fn image() -> &'static Unpacked {
    static IMAGE: OnceLock<Unpacked> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let archive = std::env::var_os("IMAGE").expect("IMAGE names no archive: run 'cargo xtask acceptance image'");
        let archive = fs::canonicalize(archive).unwrap();
        let from = format!("oci-archive:{}", archive.display());
        let (layout, bundle) = (folder().join("layout"), folder().join("bundle"));
        // skopeo compares every digest.
        succeed(Command::new("skopeo").args(["copy", "--quiet", &from, &format!("oci:{}:it", layout.display())]));
        succeed(Command::new("umoci").args(["unpack", "--image", &format!("{}:it", layout.display())]).arg(&bundle));
        let image_config = succeed(Command::new("skopeo").args(["inspect", "--config", &from]));
        Unpacked {
            archive,
            rootfs: bundle.join("rootfs"),
            runtime_config: serde_json::from_slice(&fs::read(bundle.join("config.json")).unwrap()).unwrap(),
            image_config: serde_json::from_str(&image_config).unwrap(),
        }
    })
}

/// Runs a command that must succeed; returns what it printed.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{errors}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}
