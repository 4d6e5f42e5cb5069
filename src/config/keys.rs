//! `[[keys]]`: the keys of clients that sign (RFC 8945), each with a file for its secret.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::reader::Section;
use super::values;
use crate::diag::{self, Diagnostic, Id, Place};
use crate::dns::Name;
use crate::dns::tsig::{Algorithm, Key, Keys};
use crate::files;

/// Octets of a file with a secret.
const MAX_BYTES: u64 = 16 << 10;

/// The longest name of a key, octets in wire format: signed, the longest question still fits into 512 octets.
const MAX_NAME: usize = 66;

/// A key without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyFile {
    /// The name that both sides give it.
    pub(crate) name: Name,
    algorithm: Algorithm,
    /// The file that has its secret.
    file: PathBuf,
}

/// The keys that the text names; whatever is wrong has been said.
pub(super) fn key_files(top: &Section<'_>, base: &Path) -> Vec<KeyFile> {
    let mut keys = Vec::<KeyFile>::new();
    for section in top.sections("keys", "keys") {
        let name = section.string("name", key_name);
        let algorithm = section.string("algorithm", str::parse).unwrap_or(Algorithm::HmacSha256);
        let file = section.string("secret_file", |text| Ok(base.join(text)));
        for (key, has) in [("name", section.has("name")), ("secret_file", section.has("secret_file"))] {
            if !has {
                section.problem(Id::CONFIG_MISSING_KEY, format!("a key needs {key}"));
            }
        }
        if let (Some(name), Some(file)) = (name, file) {
            if keys.iter().any(|key| key.name == name) {
                section.problem_at("name", format!("two keys have the name '{}'; rename one", name.without_dot()));
            }
            keys.push(KeyFile { name, algorithm, file });
        }
        section.finish();
    }
    keys
}

fn key_name(text: &str) -> Result<Name, String> {
    let name = values::name(text)?;
    match name.as_wire().len() {
        2..=MAX_NAME => Ok(name),
        _ => Err(format!("the name of a key has from 1 to {} octets", MAX_NAME - 2)),
    }
}

/// Reads the secrets. A key whose secret cannot be had is a problem, and is not among the keys.
pub(super) fn read(files: &[KeyFile]) -> (Keys, Vec<Diagnostic>) {
    let (mut keys, mut problems) = (Vec::new(), Vec::new());
    for key in files {
        match key.read() {
            Ok(key) => keys.push(key),
            Err(text) => {
                let text = format!("key '{}': {text}", key.name.without_dot());
                problems.push(Diagnostic::error(Id::KEY_UNREADABLE, Place::file(&key.file), text));
            }
        }
    }
    (Keys::new(keys), problems)
}

impl KeyFile {
    fn read(&self) -> Result<Key, String> {
        let (bytes, about) =
            files::read(&self.file, MAX_BYTES).map_err(|error| format!("its secret cannot be read: {error}"))?;
        if !files::is_private(about.mode(), Some(about.uid())) {
            let mode = about.mode() & 0o7777;
            return Err(format!(
                "others than this service can read or write its secret (mode {mode:04o}), so it is not used: chmod 600 it, \
                 or 640 if root owns it"
            ));
        }
        let text = String::from_utf8(bytes).map_err(|_| "its secret is not text".to_owned())?;
        let secret = self.secret_of(&text)?;
        // The text is not shown: it is the secret.
        let secret = STANDARD.decode(secret).map_err(|_| {
            "its secret is not base64: write it as `tsig-keygen` prints it, or the base64 text alone".to_owned()
        })?;
        Key::new(self.name.clone(), self.algorithm, &secret).map_err(|error| error.to_string())
    }

    /// The base64 of a text: all of it, or the secret of its `key` clause, as `tsig-keygen` writes it.
    fn secret_of(&self, text: &str) -> Result<String, String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#') && !line.starts_with("//"));
        let text = lines.collect::<Vec<_>>().join(" ");
        let is_end = |letter: char| letter.is_whitespace() || matches!(letter, ';' | '{' | '}' | '"');
        let words: Vec<&str> = text.split(is_end).filter(|word| !word.is_empty()).collect();
        let after = |word: &str| words.iter().skip_while(|found| **found != word).nth(1).copied();
        if words.first() != Some(&"key") {
            return match words[..] {
                [secret] => Ok(secret.to_owned()),
                _ => Err("its file has to hold one secret in base64, or one `key` clause".to_owned()),
            };
        }
        if words.iter().filter(|word| **word == "secret").count() > 1 {
            return Err("its file has several keys; give each a file of its own".to_owned());
        }
        let name = after("key").unwrap_or_default();
        if name.parse::<Name>().ok().as_ref() != Some(&self.name) {
            return Err(format!("its file has the key '{}'; both names have to be the same", diag::printable(name)));
        }
        match after("algorithm").map(str::parse::<Algorithm>) {
            Some(Ok(algorithm)) if algorithm == self.algorithm => {}
            Some(Ok(algorithm)) => {
                let (other, own) = (algorithm.name(), self.algorithm.name());
                return Err(format!("its file is for {other}, and the config says {own}; change one"));
            }
            Some(Err(problem)) => return Err(format!("the algorithm in its file: {problem}")),
            None => {}
        }
        after("secret").map(str::to_owned).ok_or_else(|| "the `key` clause in its file has no secret".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::Config;

    const SECRET: &str = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=";

    fn key_in(text: &str, mode: u32) -> Result<Key, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("k1");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        KeyFile { name: "k1".parse().unwrap(), algorithm: Algorithm::HmacSha256, file }.read()
    }

    #[test]
    fn a_secret_is_base64_alone_or_the_key_clause_of_tsig_keygen() {
        let clause = format!("key \"k1\" {{\n\talgorithm hmac-sha256;\n\tsecret \"{SECRET}\";\n}};\n");
        let keys = [SECRET.to_owned(), format!("{SECRET}\n"), clause.clone(), format!("# for BIND\n{clause}")];
        let keys: Vec<_> = keys.iter().map(|text| key_in(text, 0o600).unwrap()).collect();
        assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
        for (text, wanted) in [
            (clause.replace("\"k1\"", "k2"), "its file has the key 'k2'"),
            (clause.replace("sha256", "sha512"), "its file is for hmac-sha512, and the config says hmac-sha256"),
            (clause.replace("hmac-sha256", "hmac-md5"), "the algorithm in its file: 'hmac-md5' is not one of"),
            (clause.replace("secret", "sekret"), "has no secret"),
            (format!("{clause}{clause}"), "several keys"),
            ("two words".to_owned(), "one secret in base64"),
            ("not*base64".to_owned(), "is not base64"),
            ("c2hvcnQ=".to_owned(), "the secret has 5 octets; 16 are the least for hmac-sha256"),
            (String::new(), "one secret in base64"),
        ] {
            let why = key_in(&text, 0o600).unwrap_err();
            assert!(why.contains(wanted), "{why}");
            assert!(text.is_empty() || !why.contains(SECRET), "{why}");
        }
    }

    #[test]
    fn a_secret_that_others_can_read_is_not_used() {
        let why = key_in(SECRET, 0o644).unwrap_err();
        assert!(why.contains("mode 0644") && why.contains("chmod 600"), "{why}");
    }

    #[test]
    fn each_mistake_in_keys_has_its_line() {
        let text = "[[keys]]\nname = \"k1\"\nsecret_file = \"a\"\n[[keys]]\nname = \"K1\"\nsecret_file = \"b\"\n\
                    [[keys]]\nname = \"k2\"\nsecret = \"x\"\n[[keys]]\nname = \".\"\nalgorithm = \"hmac-md5\"\n\
                    secret_file = \"c\"\n";
        let (_, problems) = Config::parse(Path::new("config.toml"), text);
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        for wanted in [
            "config.toml:5:8: two keys have the name 'k1'",
            "config.toml:9:1: unknown key 'secret' in [[keys]]; known keys: name, algorithm, secret_file",
            "config.toml:7:1: a key needs secret_file",
            "config.toml:11:8: name: the name of a key has from 1 to 64 octets",
            "config.toml:12:13: algorithm: 'hmac-md5' is not one of hmac-sha256, hmac-sha384, hmac-sha512",
        ] {
            assert!(said.iter().any(|said| said.starts_with(wanted)), "{wanted}\n{said:#?}");
        }
    }
}
