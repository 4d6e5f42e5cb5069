//! The name that the relative names of a zone file belong to: `$ORIGIN`, the program that wrote the file, or its name.

use std::path::Path;

use crate::azure::names::locate;
use crate::dns::Name;
use crate::sync::source::token::quoted;

/// Lines at the top of a file in which programs say which zone it is.
const HEAD: usize = 40;

/// Stands behind the relative names of a file that does not say what they are relative to.
const UNKNOWN: &str = "origin-of-this-zone-file.invalid.";

/// What the owners of a file are relative to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    apex: Name,
    is_known: bool,
}

impl Origin {
    /// Looks at the head of a file, then at its name.
    pub(super) fn find(text: &str, path: &Path) -> Self {
        let said = text.lines().take(HEAD).find_map(|line| directive(line).or_else(|| comment(line)));
        let found = said.or_else(|| file_name(path));
        let is_known = found.is_some();
        let apex = found.or_else(|| UNKNOWN.parse().ok()).unwrap_or_else(Name::root);
        Self { apex, is_known }
    }

    pub(super) fn apex(&self) -> &Name {
        &self.apex
    }

    /// The reason why an owner is not what was meant, if it is not.
    pub(super) fn problem_with(&self, owner: &Name) -> Option<String> {
        // BIND writes `$ORIGIN .` above an apex: there a name needs no dot.
        if self.apex.label_count() == 0 {
            return None;
        }
        let relative = owner.is_at_or_below(&self.apex).then(|| owner.relative_to(&self.apex))?;
        if relative != "@" && is_record(&self.apex.without_dot()) {
            return Some(format!(
                "'{}' would lie below '{}', which is a record itself and no zone: put the name of the zone behind $ORIGIN",
                quoted(&relative),
                quoted(&self.apex.without_dot())
            ));
        }
        if is_record(&relative) {
            return Some(format!(
                "'{}' has no final dot, so that the name of the zone would follow: put a dot behind it",
                quoted(&relative)
            ));
        }
        (!self.is_known).then(|| {
            let what = if relative == "@" { "this record".to_owned() } else { format!("'{}'", quoted(&relative)) };
            format!(
                "{what} has no zone, since the file does not say which zone it is: put `$ORIGIN <zone>.` on the first \
                 line, such as `$ORIGIN privatelink.blob.core.windows.net.`"
            )
        })
    }
}

/// True if a name would be a record of ours as it stands.
fn is_record(name: &str) -> bool {
    locate(name, &mut String::new()).is_ok()
}

/// A name that is absolute beyond doubt.
fn absolute(word: &str) -> Option<Name> {
    word.ends_with('.').then(|| word.parse().ok()).flatten()
}

fn directive(line: &str) -> Option<Name> {
    let mut words = line.split_whitespace();
    let is_origin = words.next().is_some_and(|word| word.eq_ignore_ascii_case("$ORIGIN"));
    absolute(words.next()?).filter(|_| is_origin)
}

/// What `az network private-dns zone export`, `dnscmd /zoneprint` and Windows DNS write on top:
///
/// ```text
/// ;      Zone name: privatelink.blob.core.windows.net
/// ;  Zone:          privatelink.blob.core.windows.net
/// ;  Database file x.dns for Default zone scope in zone privatelink.blob.core.windows.net.
/// ;  Database file x.dns for privatelink.blob.core.windows.net zone.
/// ```
fn comment(line: &str) -> Option<Name> {
    let text = line.strip_prefix(';')?.trim();
    let lower = text.to_ascii_lowercase();
    let word = if let Some(name) = ["zone name:", "zone:"].iter().find_map(|label| lower.strip_prefix(label)) {
        name.split_whitespace().next()
    } else if lower.starts_with("database file ") {
        let words: Vec<&str> = lower.split_whitespace().collect();
        match words.as_slice() {
            [.., "in", "zone", name] | [.., "for", name, "zone." | "zone"] => Some(*name),
            _ => None,
        }
    } else {
        None
    }?;
    word.contains('.').then(|| word.parse().ok()).flatten()
}

/// `db.<zone>`, `<zone>.dns` and the like, for zones of ours alone: other files are called by names with dots too.
fn file_name(path: &Path) -> Option<Name> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let name = name.strip_prefix("db.").unwrap_or(&name);
    let endings = ["", ".dns", ".zone", ".db", ".txt", ".hosts", ".bind"];
    let zones = endings.iter().filter_map(|ending| name.strip_suffix(ending));
    zones.filter(|zone| is_record(&format!("x.{zone}"))).find_map(|zone| zone.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOB: &str = "privatelink.blob.core.windows.net";

    fn found(text: &str, file: &str) -> Option<String> {
        let origin = Origin::find(text, Path::new(file));
        origin.is_known.then(|| origin.apex.without_dot())
    }

    #[test]
    fn every_program_says_which_zone_it_is_in_its_own_way() {
        for text in [
            "$ORIGIN {}.\n",
            "; x\n\n$TTL 3600\n$origin\t{}. ; y\n",
            "; Exported zone file from Azure DNS\n;      Zone name: {}\n",
            ";\r\n;  Zone:          {}\r\n",
            ";\n;  Database file {}.dns for Default zone scope in zone {}.\n",
            ";\n;  Database file blob.dns for {} zone.\n",
        ] {
            assert_eq!(found(&text.replace("{}", BLOB), "list.txt").as_deref(), Some(BLOB), "{text}");
        }
        for text in ["", "$ORIGIN privatelink.blob.core.windows.net\n", "; zone: blob\n", "; for the zone x.y\n"] {
            assert_eq!(found(text, "list.txt"), None, "{text}");
        }
    }

    #[test]
    fn the_name_of_a_file_counts_for_a_zone_of_ours() {
        for file in ["{}.dns", "{}.zone", "db.{}", "{}", "/x/{}.TXT"] {
            assert_eq!(found("", &file.replace("{}", BLOB)).as_deref(), Some(BLOB), "{file}");
        }
        for file in ["export.2026.zone", "blob.zone", "db.corp.example", "a.privatelink.blob.core.windows.net.x.zone"] {
            assert_eq!(found("", file), None, "{file}");
        }
        assert_eq!(found("$ORIGIN corp.example.\n", &format!("{BLOB}.dns")).as_deref(), Some("corp.example"));
    }
}
