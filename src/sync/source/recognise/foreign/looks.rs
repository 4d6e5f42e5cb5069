//! Lines of programs and scripts, by their syntax.

/// `name = [`, `name = {`, `name = tomap({`: a name of one word, and a value in brackets.
pub(super) fn is_assignment(line: &str) -> bool {
    let Some((name, value)) = line.split_once('=') else { return false };
    let value =
        ["tomap(", "tolist(", "toset("].iter().find_map(|start| value.trim().strip_prefix(start)).unwrap_or(value);
    let value = value.trim();
    // `{10.0.0.4}` is PowerShell's way to show a list.
    let is_list = value.ends_with([']', '}']) && !value.contains(['=', ':']);
    is_identifier(name.trim()) && value.starts_with(['[', '{']) && !is_list
}

fn is_identifier(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// An assignment of a dictionary, whose keys stand before colons.
pub(super) fn is_python(lines: &[(u32, &str)]) -> bool {
    let [(_, first), (_, second), ..] = lines else { return false };
    let has_key = second.starts_with(['"', '\'']) && (second.contains("\":") || second.contains("':"));
    let is_import = first.strip_prefix("import ").is_some_and(is_identifier)
        || (first.starts_with("from ") && first.contains(" import "));
    is_import || (is_assignment(first) && has_key)
}

/// `key: [` or `key: {` without quotes, and strings in single quotes; in JSON keys have quotes, and in YAML strings
/// need none.
pub(super) fn is_bicep(lines: &[(u32, &str)]) -> bool {
    let opens = |line: &str| {
        line.split_once(": ").is_some_and(|(key, value)| is_identifier(key) && matches!(value, "[" | "{" | "[]" | "{}"))
    };
    let is_string =
        |line: &str| line.split_once(": '").is_some_and(|(key, value)| is_identifier(key) && value.ends_with('\''));
    let is_resource = |line: &str| line.starts_with("resource ") && line.contains(" '") && line.contains('@');
    let Some((_, first)) = lines.first() else { return false };
    let is_open = opens(first) || first.starts_with("param ") || *first == "{";
    lines.iter().any(|(_, line)| is_resource(line))
        || (is_open && lines.iter().any(|(_, line)| opens(line)) && lines.iter().any(|(_, line)| is_string(line)))
}

/// A name, these words, and one more word: a line that a program writes about a name.
pub(super) fn is_phrase(line: &str, phrase: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().take(9).collect();
    let is_name = |word: &str| word.contains('.') && !word.contains([',', ';', '|', '"']);
    match words.as_slice() {
        [first, middle @ .., last] => is_name(first) && is_name(last) && middle.iter().copied().eq(phrase.split(' ')),
        _ => false,
    }
}

/// A block, and plugins in it.
pub(super) fn is_corefile(lines: &[(u32, &str)]) -> bool {
    let Some(((_, first), below)) = lines.split_first() else { return false };
    let plugins =
        ["errors", "log", "cache", "forward", "hosts", "health", "ready", "reload", "loop", "template", "file"];
    let is_plugin = |line: &str| line.split_whitespace().next().is_some_and(|word| plugins.contains(&word));
    let is_block = first.ends_with('{') && !first.contains(['=', '"', '\'', ':']) || first.starts_with(".:53 ");
    let is_zone = first.ends_with(":53 {") || is_block;
    (is_zone && below.iter().any(|(_, line)| is_plugin(line))) || (*first == "hosts {")
}

/// Names of .NET types where addresses and names belong.
pub(super) fn is_type_names(lines: &[(u32, &str)]) -> bool {
    let types = ["System.Object[]", "System.String[]", "System.Collections.", "Microsoft.Azure.Commands."];
    lines.iter().any(|(_, line)| types.iter().any(|name| line.contains(name)))
        && !lines.iter().any(|(_, line)| super::holds_address(line))
}

/// A line that adds or deletes a record: of az, PowerShell, dnscmd, nsupdate.
pub(super) fn is_record_command(line: &str) -> bool {
    let line = without_prompt(line).unwrap_or(line);
    let starts = |start: &str| line.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    let changes = ["add-record", "remove-record", "record-set a create", "record-set a delete", "record-set a update"];
    (starts("az network ") && changes.iter().any(|change| line.contains(change)))
        || ["update add ", "update delete ", "update del ", "prereq "].iter().any(|start| starts(start))
        || ((starts("dnscmd ") || starts("dnscmd.exe ")) && line.contains(" /"))
        || ["Add-DnsServer", "Remove-DnsServer", "New-AzPrivateDns", "Add-AzPrivateDns"]
            .iter()
            .any(|start| starts(start))
            && line.contains(" -")
}

/// A command of az or PowerShell that prints something, or any behind a prompt.
pub(super) fn is_command_line(line: &str) -> bool {
    without_prompt(line).is_some()
        || ["az network ", "az graph ", "az rest ", "az resource "].iter().any(|start| line.starts_with(start))
        || (is_cmdlet(line) && line.starts_with("Get-"))
}

/// What stands behind `PS C:\>`, `C:\>`, `user@host:~$` or `$`.
fn without_prompt(line: &str) -> Option<&str> {
    if let Some(command) = line.strip_prefix("$ ") {
        return Some(command);
    }
    let end = line.find(['>', '$', '#'])?;
    let (prompt, command) = (&line[..end], &line[end + 1..]);
    if prompt.contains([',', ';', '|', '"', '\t']) {
        return None;
    }
    let is_windows = line.as_bytes()[end] == b'>';
    let drive =
        |text: &str| is_windows && text.as_bytes().get(1) == Some(&b':') && text.as_bytes().get(2) == Some(&b'\\');
    let is_prompt = prompt == "PS"
        || prompt.strip_prefix("PS ").is_some_and(|path| path.starts_with('/') || path.starts_with('~') || drive(path))
        || drive(prompt)
        || prompt.split_once('@').is_some_and(|(user, rest)| {
            is_identifier(user) && rest.split_once(':').is_some_and(|(_, folder)| folder.starts_with(['~', '/']))
        });
    is_prompt.then_some(command.trim_start())
}

/// `Verb-Noun` with a parameter or a pipe behind it, or a variable that is set.
pub(super) fn is_cmdlet(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (Some(first), Some(second)) = (words.next(), words.next()) else { return false };
    let verbs =
        ["Add", "Connect", "Export", "Get", "Import", "Install", "Invoke", "New", "Remove", "Select", "Set", "Write"];
    let is_called = first.split_once('-').is_some_and(|(verb, noun)| {
        verbs.contains(&verb) && noun.starts_with(|c: char| c.is_ascii_uppercase()) && is_identifier(noun)
    });
    let is_variable = first.strip_prefix('$').is_some_and(is_identifier) && matches!(second, "=" | "+=" | "|");
    (is_called && second.starts_with(['-', '|', '$', '@', '"', '\''])) || is_variable
}
