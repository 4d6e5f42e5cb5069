//! What tells a zone file from a list of lines.

/// Lines that are looked at.
const LINES: usize = 200;

/// The entry of a zone file on one line, as far as it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RecordLine<'t> {
    owner: &'t str,
    rtype: &'t str,
    rdata: &'t str,
}

const TYPES: [&str; 13] =
    ["A", "AAAA", "CNAME", "SOA", "NS", "TXT", "MX", "PTR", "SRV", "CAA", "DNAME", "HTTPS", "SVCB"];

/// True for a text with the directives or the SOA record of a zone file, with records below a head of `;` comments, or
/// with nothing but records of absolute names, not all of them addresses. Above the first record or directive nothing
/// else stands: a table of records has heads of columns there.
pub(super) fn is_zone_file(text: &str) -> bool {
    let mut lines = text.lines().take(LINES).filter(|line| !line.trim().is_empty());
    let has_head = lines.clone().next().is_some_and(is_comment);
    let mut contents = lines.clone().filter(|line| !is_comment(line));
    let Some(first) = contents.clone().next() else { return false };
    if is_directive(first) {
        return true;
    }
    let Some(first) = record(first) else { return false };
    if contents.clone().any(|line| is_directive(line) || record(line).is_some_and(|record| record.is_soa())) {
        return true;
    }
    if has_head {
        return !first.owner.contains('.') || first.owner.ends_with('.');
    }
    let is_absolute = |owner: &str| owner.is_empty() || owner.ends_with('.');
    contents.any(|line| record(line).is_some_and(|record| !record.is_address()))
        && lines.all(|line| is_comment(line) || record(line).is_some_and(|record| is_absolute(record.owner)))
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with(';')
}

impl RecordLine<'_> {
    fn is_address(&self) -> bool {
        ["A", "AAAA"].iter().any(|known| self.rtype.eq_ignore_ascii_case(known))
    }

    /// Two names follow: the server and the person.
    fn is_soa(&self) -> bool {
        let mut words = self.rdata.split_whitespace();
        let mut is_name =
            || words.next().is_some_and(|word| !word.starts_with(|c: char| c.is_ascii_digit() || c == '['));
        self.rtype.eq_ignore_ascii_case("SOA") && is_name() && is_name()
    }
}

fn is_directive(line: &str) -> bool {
    let word = line.split_whitespace().next().filter(|_| line.starts_with('$')).unwrap_or_default();
    ["$TTL", "$ORIGIN", "$INCLUDE", "$GENERATE"].iter().any(|directive| word.eq_ignore_ascii_case(directive))
}

/// Owner, perhaps a TTL, a class and an age, then a type. An owner may be left away behind a blank.
fn record(line: &str) -> Option<RecordLine<'_>> {
    let (owner, mut rest) = if line.starts_with([' ', '\t']) { ("", line) } else { next_word(line)? };
    if owner.parse::<std::net::IpAddr>().is_ok() || owner.contains(['#', '"', ',', ':', '=', '|']) {
        return None;
    }
    // A TTL, a class and an age at most.
    for _ in 0..4 {
        let (word, behind) = next_word(rest)?;
        if TYPES.iter().any(|known| word.eq_ignore_ascii_case(known)) {
            return Some(RecordLine { owner, rtype: word, rdata: behind });
        }
        if !word.eq_ignore_ascii_case("IN") && !is_ttl(word) && !word.starts_with("[A") {
            return None;
        }
        rest = behind;
    }
    None
}

fn next_word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn is_ttl(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
        && word.chars().all(|c| c.is_ascii_digit() || "smhdwSMHDW".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_file_is_known_by_its_directives_its_soa_or_its_comments() {
        for text in [
            "$ORIGIN privatelink.blob.core.windows.net.\na 10 IN A 10.0.0.4",
            "; x\n\n$ttl 10\n",
            "@ 3600 IN SOA a. b. (\n1 2 3 4 5 )\n",
            "privatelink.blob.core.windows.net. 3600 IN SOA a. b. 1 2 3 4 5\n",
            ";\n;  Zone:  x\n@ 3600 NS\tdc01.\n\t\t3600 SOA\tdc01. h. 1 2 3 4 5\n",
            "; x\na [AGE:3632512] 3600 A 10.0.0.4",
            "; x\na.blob.core.windows.net. A 10.0.0.4",
            "a.blob.core.windows.net. 60 IN CNAME b.\nb. 10 IN A 10.0.0.4\n",
            "a. A 10.0.0.4\nb. 10 IN TXT \"see 10.0.0.5\"",
        ] {
            assert!(is_zone_file(text), "{text}");
        }
    }

    #[test]
    fn a_list_of_lines_is_no_zone_file() {
        for text in [
            "",
            "10.0.0.4 a.blob.core.windows.net",
            "a.blob.core.windows.net. IN A 10.0.0.4 ; x\nb.blob.core.windows.net. IN A 10.0.0.5",
            "; blob\n10.0.0.4 a.blob.core.windows.net",
            "; blob\na.blob.core.windows.net IN A 10.0.0.4",
            ";fqdn;type;ip\na;A;10.0.0.4",
            "Name Type TTL\na A 10",
            "a.blob.core.windows.net 10.0.0.4\nns1.x. NS",
            "HostName RecordType Type TTL\n@ SOA 6 0 01:00:00 [108][dc01.]\na A 1 0 00:00:10 10.0.0.4",
            "@ SOA 6 0 01:00:00 [108][dc01.]\na A 1 0 00:00:10 10.0.0.4",
            "; only comments\n",
            "$x = 1",
            "local-data: \"a. IN SOA 10.0.0.4\"",
        ] {
            assert!(!is_zone_file(text), "{text}");
        }
    }
}
