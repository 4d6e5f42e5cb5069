//! Each `toml` block of a page is a config, or a part of one, that the server takes.

use std::path::Path;

use privatelink_dns::config::Config;

use super::blocks::{Block, blocks};

/// What is wrong with the configs of a page.
pub(super) fn problems(text: &str) -> Vec<String> {
    blocks(text).iter().filter(|block| block.language == "toml").flat_map(of_block).collect()
}

fn of_block(block: &Block<'_>) -> Vec<String> {
    let lines: Vec<String> = block.lines.iter().map(|line| without_groups(line)).collect();
    let (_, problems) = Config::parse(Path::new("/etc/privatelink-dns/privatelink-dns.toml"), &lines.join("\n"));
    let errors = problems.iter().filter(|problem| problem.is_error());
    errors.map(|problem| format!("the config at line {}: {problem}", block.line)).collect()
}

/// A line whose group, which this machine does not have, is group 0.
fn without_groups(line: &str) -> String {
    let key = line.split([' ', '=']).next().unwrap_or_default();
    if ["control_group", "approve_group"].contains(&key) { format!("{key} = 0") } else { line.to_owned() }
}

#[test]
fn a_key_or_a_value_that_is_mistyped_is_found_with_its_block() {
    let page = |toml: &str| format!("# A\n\n```toml\n{toml}\n```\n");
    assert_eq!(
        problems(&page("[forward]\nupstreams = [\"10.0.0.1\"]\n[[sources]]\nname = \"a\"\npath = \"a.txt\"")),
        [""; 0]
    );
    assert_eq!(problems(&page("approve_group = \"dns-leads\"")), [""; 0]);
    for (toml, said) in [
        ("[forward]\nupstream = [\"10.0.0.1\"]", "unknown key 'upstream'"),
        ("[backup]\ncloud = \"pubic\"", "'pubic'"),
        ("listen = [10.0.0.1]", "the config at line 3"),
    ] {
        let found = problems(&page(toml));
        assert!(found.iter().any(|one| one.contains(said)), "{toml}: {found:?}");
    }
}
