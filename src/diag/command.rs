//! The commands that messages tell people to run.

use super::shell;

/// The command that runs a verb of this program: each word and the path of the config quoted for a shell.
///
/// The config is always named, also where the program would find it by itself. People run the command in any folder and
/// with `sudo`, where another config may come first: `config/privatelink-dns.toml` in that folder, or the one that
/// `PRIVATELINK_DNS_CONFIG` names. A thaw or a consent would then reach another server, and a `sync` would write the
/// zones of another config.
/// Only without a config (`config` is empty) there is none to name.
pub fn command(verb: &[&str], config: &str) -> String {
    let words = ["privatelink-dns"].iter().chain(verb).map(|word| shell(word));
    let line = words.collect::<Vec<_>>().join(" ");
    // What begins with a hyphen would be read as an option.
    let folder = if config.starts_with('-') { "./" } else { "" };
    if config.is_empty() { line } else { format!("{line} --config {}", shell(&format!("{folder}{config}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_is_named_last_and_every_word_is_quoted_for_a_shell() {
        assert_eq!(
            command(&["thaw"], "/etc/privatelink-dns/privatelink-dns.toml"),
            "privatelink-dns thaw --config /etc/privatelink-dns/privatelink-dns.toml"
        );
        assert_eq!(
            command(&["explain", "a;b"], "/srv/my dns/c.toml"),
            "privatelink-dns explain 'a;b' --config '/srv/my dns/c.toml'"
        );
        assert_eq!(command(&["check"], "-c.toml"), "privatelink-dns check --config ./-c.toml");
        assert_eq!(command(&["status"], ""), "privatelink-dns status");
    }
}
