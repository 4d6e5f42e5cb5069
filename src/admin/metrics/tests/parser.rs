//! A small parser of both text forms, made from their specifications and not from the encoder.

use std::collections::BTreeMap;

use super::Form;

/// A family as it was read.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) name: String,
    pub(super) help: String,
    pub(super) kind: String,
    pub(super) unit: Option<String>,
    pub(super) samples: Vec<Sample>,
}

/// One line with a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

/// Reads a whole text.
pub(super) fn parse(text: &str, form: Form) -> Result<Vec<Parsed>, String> {
    let body = match form {
        Form::Text => text,
        Form::OpenMetrics => text.strip_suffix("# EOF\n").ok_or("no '# EOF' at the end")?,
    };
    let body = body.strip_suffix('\n').ok_or("the last line has no end")?;
    let mut families: Vec<Parsed> = Vec::new();
    for line in body.split('\n') {
        if let Some(rest) = line.strip_prefix("# ") {
            describe(&mut families, rest).map_err(|why| format!("{why}: {line}"))?;
        } else {
            let sample = sample(line).ok_or_else(|| format!("no sample: {line}"))?;
            let family = families.last_mut().ok_or("a sample before any family")?;
            if family.help.is_empty() || family.kind.is_empty() || !belongs(&sample.name, family, form) {
                return Err(format!("not of the family '{}': {line}", family.name));
            }
            family.samples.push(sample);
        }
    }
    Ok(families)
}

fn describe(families: &mut Vec<Parsed>, line: &str) -> Result<(), &'static str> {
    let mut words = line.splitn(3, ' ');
    let (Some(what), Some(name), Some(text)) = (words.next(), words.next(), words.next()) else {
        return Err("too few words");
    };
    if what == "HELP" {
        if families.iter().any(|family| family.name == name) {
            return Err("a family twice");
        }
        families.push(Parsed { name: name.to_owned(), help: text.to_owned(), ..Parsed::default() });
        return Ok(());
    }
    let family = families.last_mut().filter(|family| family.name == name && family.samples.is_empty());
    let family = family.ok_or("not beside its HELP")?;
    match what {
        "TYPE" if family.kind.is_empty() => text.clone_into(&mut family.kind),
        "UNIT" if family.unit.is_none() && name.ends_with(&format!("_{text}")) => family.unit = Some(text.to_owned()),
        _ => return Err("not understood"),
    }
    Ok(())
}

fn belongs(sample: &str, family: &Parsed, form: Form) -> bool {
    let Some(suffix) = sample.strip_prefix(&*family.name) else { return false };
    match (&*family.kind, form) {
        ("histogram", _) => ["_bucket", "_sum", "_count"].contains(&suffix),
        ("counter", Form::OpenMetrics) => suffix == "_total",
        ("info", Form::OpenMetrics) => suffix == "_info",
        ("counter", Form::Text) => suffix.is_empty() && sample.ends_with("_total"),
        ("gauge", _) => suffix.is_empty(),
        _ => false,
    }
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, behind) = rest.split_once("=\"")?;
            let is_word = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            let (value, behind) = quoted(behind)?;
            if !is_word(label) || labels.insert(label.to_owned(), value).is_some() {
                return None;
            }
            match (behind.strip_prefix(','), behind.strip_prefix('}')) {
                (Some(next), _) => rest = next,
                (None, next) => {
                    rest = next?;
                    break;
                }
            }
        }
    }
    let value = rest.strip_prefix(' ')?;
    let is_number = value.chars().all(|c| c.is_ascii_digit() || "+-.e".contains(c));
    let value: f64 = value.parse().ok().filter(|_| is_number)?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// The value up to the closing quote, and what is behind the quote.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut escaped) = (String::new(), false);
    for (at, c) in text.char_indices() {
        match (escaped, c) {
            (true, 'n') => value.push('\n'),
            (true, '\\' | '"') => value.push(c),
            (true, _) => return None,
            (false, '"') => return Some((value, &text[at + 1..])),
            (false, '\\') => {}
            (false, _) => value.push(c),
        }
        escaped = !escaped && c == '\\';
    }
    None
}
