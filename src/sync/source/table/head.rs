//! The first line of a table: which column holds what.

use super::cells::{Cell, Form};
use crate::sync::source::keys::{Key, key};

/// Words of titles and heads of several words, beside the keys.
const TITLE_WORDS: [&str; 16] = [
    "all",
    "configuration",
    "configurations",
    "custom",
    "customer",
    "endpoints",
    "list",
    "names",
    "network",
    "of",
    "private",
    "public",
    "records",
    "set",
    "visible",
    "zones",
];

/// A line that stands above others.
#[derive(Debug)]
pub(in crate::sync::source) enum Head<'t> {
    /// A title, or a header whose columns cannot be told apart.
    Title,
    /// The header of a table.
    Table(Box<Layout<'t>>),
}

/// A table's columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sync::source) struct Layout<'t> {
    pub(super) header: &'t str,
    pub(super) form: Form,
    pub(super) heads: Vec<&'t str>,
    pub(super) roles: Roles,
}

/// The columns by what is taken from them, decided once for the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Roles {
    /// Columns of full names.
    pub(super) names: Vec<usize>,
    /// Columns of labels, or of full names if there is no other name.
    pub(super) labels: Vec<usize>,
    pub(super) zones: Vec<usize>,
    pub(super) addresses: Vec<usize>,
    pub(super) rtype: Option<usize>,
    pub(super) connection: Option<usize>,
    pub(super) provisioning: Option<usize>,
    pub(super) endpoint: Option<usize>,
}

impl<'t> Head<'t> {
    /// The line as a head, if it is one: `next` is the line below it. `is_first` is true where nothing but comments and
    /// titles stands above.
    pub(in crate::sync::source) fn of(line: &'t str, next: Option<&str>, is_first: bool) -> Option<Self> {
        let starts = next.and_then(drawn);
        let form = form_of(line, starts);
        let mut cells = Vec::new();
        if !form.split(line, &mut cells).ok()? {
            return None;
        }
        let heads: Vec<&str> = cells.iter().map(head_text).collect();
        let keys: Vec<Option<Key>> = heads.iter().map(|head| key(head)).collect();
        let known = keys.iter().flatten().count();
        let is_whole = known == keys.len();
        let is_table = match form {
            _ if is_whole => true,
            Form::Fixed(_) => known > 0,
            Form::Separated(_) => known > 1 || is_first && known > 0,
            Form::Blanks => known > 1,
            Form::Words => false,
        };
        if is_table && keys.len() > 1 {
            let layout = Layout { header: line, form, roles: Roles::of(&keys, &heads), heads };
            return Some(Self::Table(Box::new(layout)));
        }
        (is_table || is_title(line)).then_some(Self::Title)
    }
}

impl Layout<'_> {
    /// True if the table names what a record needs.
    pub(super) fn is_usable(&self) -> bool {
        let roles = &self.roles;
        !(roles.addresses.is_empty() || roles.names.is_empty() && roles.labels.is_empty())
    }

    /// True if the next blank line ends the table.
    pub(in crate::sync::source) fn ends_at_blank(&self) -> bool {
        matches!(self.form, Form::Fixed(_) | Form::Blanks | Form::Words)
    }
}

fn head_text<'t>(cell: &Cell<'t>) -> &'t str {
    cell.text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '`' | '*' | '\''))
}

fn form_of(line: &str, starts: Option<Vec<usize>>) -> Form {
    let by_character = [b'\t', b'|', b';', b','].into_iter().find(|separator| line.as_bytes().contains(separator));
    match (by_character, starts) {
        (Some(separator), _) => Form::Separated(separator),
        (None, Some(starts)) => Form::Fixed(starts),
        (None, None) if line.trim().contains("  ") => Form::Blanks,
        (None, None) => Form::Words,
    }
}

/// The columns in which the parts of a drawn line start, in characters from 0; `None` for any other line.
fn drawn(line: &str) -> Option<Vec<usize>> {
    let is_drawn = line.trim_end().bytes().all(|byte| matches!(byte, b'-' | b' '));
    let bytes = line.as_bytes();
    let starts = |at: &usize| bytes[*at] == b'-' && (*at == 0 || bytes[*at - 1] == b' ');
    let all: Vec<usize> = (0..bytes.len()).filter(starts).collect();
    (is_drawn && !all.is_empty()).then_some(all)
}

/// Words that stand in heads, and no other.
fn is_title(line: &str) -> bool {
    let is_word = |word: &str| {
        let plain = word.trim_matches(|c: char| !c.is_alphanumeric());
        TITLE_WORDS.iter().any(|title| plain.eq_ignore_ascii_case(title)) || key(plain).is_some()
    };
    let mut words = line.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).peekable();
    words.peek().is_some() && words.all(is_word)
}

impl Roles {
    fn of(keys: &[Option<Key>], heads: &[&str]) -> Self {
        let all = |wanted: Key| -> Vec<usize> { (0..keys.len()).filter(|at| keys[*at] == Some(wanted)).collect() };
        let first = |wanted: Key| keys.iter().position(|key| *key == Some(wanted));
        let (mut names, mut zones, either) = (all(Key::FullName), all(Key::Zone), all(Key::ZoneOrName));
        let (labels, named) = (all(Key::Label), all(Key::Name));
        let has_label = !labels.is_empty() || !named.is_empty();
        let into = if names.is_empty() && zones.is_empty() && has_label { &mut zones } else { &mut names };
        into.extend(either);
        // The name of anything is that of the record only where nothing else is.
        let is_taken = names.is_empty() && labels.is_empty();
        let endpoint = first(Key::Endpoint).or_else(|| first(Key::Name).filter(|_| !is_taken));
        Self {
            labels: if is_taken { named } else { labels },
            addresses: addresses(all(Key::Address), heads),
            rtype: first(Key::Type),
            connection: first(Key::Connection).or_else(|| first(Key::State)),
            provisioning: first(Key::Provisioning).or_else(|| first(Key::State)),
            names,
            zones,
            endpoint,
        }
    }
}

/// `Value` or `Data` is the address only where no head says so more clearly.
fn addresses(all: Vec<usize>, heads: &[&str]) -> Vec<usize> {
    let is_clear = |at: &usize| {
        let head = heads[*at].to_ascii_lowercase();
        head.contains("ip") || head.contains("addr")
    };
    let clear: Vec<usize> = all.iter().copied().filter(is_clear).collect();
    if clear.is_empty() { all } else { clear }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(header: &str) -> Roles {
        match Head::of(header, None, false) {
            Some(Head::Table(layout)) => layout.roles,
            other => panic!("{header}: {other:?}"),
        }
    }

    #[test]
    fn a_header_says_which_column_is_which() {
        for (header, names, labels, zones, addresses) in [
            ("FQDN,IP", &[0][..], &[][..], &[][..], &[1][..]),
            ("Name,Type,Zone,Value", &[], &[0], &[2], &[3]),
            ("Subscription,DNSZone,RecordSet,Records", &[], &[2], &[1], &[3]),
            ("ResourceName    DNS    PrivateIP", &[], &[0], &[1], &[2]),
            ("Name;DNS;FQDN;IP;Value", &[2, 1], &[], &[], &[3]),
            ("Network Interface\tIP addresses\tFQDN", &[2], &[], &[], &[1]),
            (
                "| Spoke | Storage Account Name | Public FQDN | Private Endpoint IP | Privatelink FQDN |",
                &[2, 4],
                &[1],
                &[],
                &[3],
            ),
        ] {
            let found = roles(header);
            assert_eq!(
                (&found.names[..], &found.labels[..], &found.zones[..], &found.addresses[..]),
                (names, labels, zones, addresses),
                "{header}"
            );
        }
    }

    #[test]
    fn words_are_a_header_only_if_all_are_or_a_table_starts_there() {
        for (line, next, is_first, is_head) in [
            ("Customer Visible FQDNs", None, false, true),
            ("Network Interface IP addresses FQDN", None, false, true),
            ("Name: kqwz Zone: blob IP: pending", None, true, false),
            ("host kqwz ip 10-20-0-12", None, true, false),
            ("Storage account,IP", None, true, true),
            ("Storage account,IP", None, false, false),
            ("Account  Zone", Some("-------  ----"), false, true),
            ("Account", Some("-------"), false, false),
            ("Exported by somebody on Tuesday", None, true, false),
        ] {
            assert_eq!(Head::of(line, next, is_first).is_some(), is_head, "{line}");
        }
    }
}
