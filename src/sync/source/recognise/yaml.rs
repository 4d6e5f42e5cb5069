//! What tells YAML from a list of lines with colons in it.

use super::content;

/// Lines that are looked at.
const LINES: usize = 50;

/// True for a text that starts as a tree does: with `- key: value`, or with `key:` above lines that belong to it.
pub(super) fn is_yaml(text: &str) -> bool {
    let lines = text.lines().take(LINES).filter(|line| !content(line).is_empty()).map(str::trim_end);
    let mut lines = lines.skip_while(|line| *line == "---" || line.starts_with("%YAML "));
    let first = lines.find(|line| pair(line).is_none_or(str::is_empty));
    match first {
        Some(line) if line.trim_start().starts_with("- ") => lines.next().is_none_or(is_of_tree) && is_element(line),
        Some(line) if pair(line).is_some() => {
            lines.next().is_some_and(|next| is_of_tree(next) && (is_below(next) || next.starts_with("- ")))
        }
        _ => false,
    }
}

/// The value behind a key at the margin; empty if it stands below. One that has a colon itself is no YAML.
fn pair(line: &str) -> Option<&str> {
    let (key, value) = line.split_once(':')?;
    let is_key = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let value = value.strip_prefix(' ').or(value.is_empty().then_some(value))?.trim();
    (is_key && !value.contains(": ") && !value.contains(char::is_whitespace)).then_some(value)
}

/// `- key: value`, `- key:`, `- {key: value}`.
fn is_element(line: &str) -> bool {
    let inside = line.trim_start().trim_start_matches("- ").trim_start();
    let flow = inside.strip_prefix('{').and_then(|rest| rest.split_once(':')).map(|(key, _)| key.trim());
    pair(inside).is_some() || flow.is_some_and(|key| pair(&format!("{key}:")).is_some())
}

fn is_below(line: &str) -> bool {
    line.starts_with([' ', '\t'])
}

/// A line as a tree has it: an element, or a key.
fn is_of_tree(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("- ") || line.ends_with(':') || line.contains(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_is_known_by_its_tree() {
        for text in [
            "- fqdn: a.blob.core.windows.net\n  ipAddresses:\n  - 10.0.0.4\n",
            "# x\n---\n- fqdn: a.blob.core.windows.net\n  ip: 10.0.0.4\n",
            "- {fqdn: a.blob.core.windows.net, ip: 10.0.0.4}\n- {fqdn: b.blob.core.windows.net, ip: 10.0.0.5}\n",
            "- customDnsConfigs:\n  - fqdn: a\n",
            "pe:\n  \"a.blob.core.windows.net\": \"10.0.0.4\"\n",
            "customDnsConfigs:\n- fqdn: a\n",
            "apiVersion: v1\nkind: Pod\nspec:\n  hostAliases:\n  - ip: 10.0.0.4\n",
            "fqdn: a.blob.core.windows.net\nipAddresses:\n- 10.0.0.4\n",
        ] {
            assert!(is_yaml(text), "{text}");
        }
    }

    #[test]
    fn lines_with_colons_are_not_yaml() {
        for text in [
            "",
            "---\n",
            "- a.blob.core.windows.net: 10.0.0.4\n- b.blob.core.windows.net: 10.0.0.5\n",
            "- 10.0.0.4 a.blob.core.windows.net\n",
            "- fqdn: a.blob.core.windows.net, ip: 10.0.0.4\n",
            "IP: 10.0.0.4 Name: a.blob.core.windows.net\n",
            "Name:    a.blob.core.windows.net\nAddress: 10.0.0.4\n",
            "Blob:\n  10.0.0.4 a.blob.core.windows.net\n",
            "Generated: 2026-03-30\n10.0.0.4 a.blob.core.windows.net\n",
            "Fqdn : a\nIp : 10.0.0.4\n",
            "---\n| FQDN | IP |\n",
            "fd00::4 a.blob.core.windows.net\n",
        ] {
            assert!(!is_yaml(text), "{text}");
        }
    }
}
