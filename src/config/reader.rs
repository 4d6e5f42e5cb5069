//! Reads TOML section by section, so that every problem is found in one reading and each has its place.
//!
//! Input: text. Output: values, and diagnostics with line and column. This module does not know the meaning of the
//! keys.

use std::cell::RefCell;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diag::{self, Diagnostic, Id, Place};

/// A config text and what is wrong with it so far.
pub(super) struct ConfigText<'a> {
    file: &'a Path,
    content: &'a str,
    problems: RefCell<Vec<Found>>,
    warnings: RefCell<Vec<Found>>,
}

/// A finding: its place in the text, its kind, and the text for people.
type Found = (usize, Id, String);

/// One table of it. Keys that were not asked for before [`Section::finish`] are unknown.
pub(super) struct Section<'a> {
    text: &'a ConfigText<'a>,
    /// `[forward]`, for messages.
    title: String,
    /// `None` if the text does not have it: then it has no keys.
    table: Option<&'a DeTable<'a>>,
    at: usize,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> ConfigText<'a> {
    pub(super) fn new(file: &'a Path, content: &'a str) -> Self {
        Self { file, content, problems: RefCell::default(), warnings: RefCell::default() }
    }

    /// The top table; syntax errors become problems.
    pub(super) fn parse(&self) -> Spanned<DeTable<'a>> {
        let (table, errors) = DeTable::parse_recoverable(self.content);
        for error in errors {
            self.add(error.span().map_or(0, |span| span.start), Id::CONFIG_SYNTAX, error.message().to_owned());
        }
        table
    }

    pub(super) fn add(&self, at: usize, id: Id, text: String) {
        self.problems.borrow_mut().push((at, id, text));
    }

    /// All problems in the order of the text.
    pub(super) fn problems(&self) -> Vec<Diagnostic> {
        self.placed(&self.problems, Diagnostic::error)
    }

    /// All that is allowed but looks like a mistake, in the order of the text.
    pub(super) fn warnings(&self) -> Vec<Diagnostic> {
        self.placed(&self.warnings, Diagnostic::warning)
    }

    fn placed(&self, found: &RefCell<Vec<Found>>, make: impl Fn(Id, Place, String) -> Diagnostic) -> Vec<Diagnostic> {
        let mut found = found.borrow().clone();
        found.sort();
        found.dedup();
        found.into_iter().map(|(at, id, text)| make(id, self.place(at), text)).collect()
    }

    fn place(&self, at: usize) -> Place {
        let before = self.content.get(..at).unwrap_or(self.content);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Place::column(&diag::path(self.file), number(line), number(column))
    }
}

impl<'a> Section<'a> {
    pub(super) fn top(text: &'a ConfigText<'a>, table: &'a Spanned<DeTable<'a>>) -> Self {
        Self { text, title: "the top level".to_owned(), table: Some(table.get_ref()), at: 0, known: RefCell::default() }
    }

    fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.borrow_mut().push(key);
        self.table?.get(key)
    }

    /// Adds a problem with the section as a whole, at its start.
    pub(super) fn problem(&self, id: Id, text: impl Into<String>) {
        self.text.add(self.at, id, text.into());
    }

    /// A problem with the value of a key.
    pub(super) fn problem_at(&self, key: &str, text: impl Into<String>) {
        self.text.add(self.place_of(key), Id::CONFIG_BAD_VALUE, text.into());
    }

    /// Something about the value of a key, or about the section, that is allowed but looks like a mistake.
    pub(super) fn warn_at(&self, key: &str, id: Id, text: impl Into<String>) {
        self.text.warnings.borrow_mut().push((self.place_of(key), id, text.into()));
    }

    /// True if the text has the key.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// A known key that makes no sense here: a problem, if the text has it.
    pub(super) fn refuse(&self, key: &'static str, reason: &str) {
        if self.get(key).is_some() {
            self.problem_at(key, format!("{key}: {reason}"));
        }
    }

    fn place_of(&self, key: &str) -> usize {
        self.table.and_then(|table| table.get(key)).map_or(self.at, |value| value.span().start)
    }

    fn read<T>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'a>>,
        read: impl FnOnce(&DeValue<'a>) -> Result<T, String>,
    ) -> Option<T> {
        match read(value.get_ref()) {
            Ok(good) => Some(good),
            Err(reason) => {
                self.text.add(value.span().start, Id::CONFIG_BAD_VALUE, format!("{key}: {reason}"));
                None
            }
        }
    }

    /// A string that `parse` makes a value of.
    pub(super) fn string<T>(&self, key: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let value = self.get(key)?;
        self.read(key, value, |value| as_str(value).and_then(parse))
    }

    /// The same, where a whole number may stand for a string.
    pub(super) fn word<T>(&self, key: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let value = self.get(key)?;
        self.read(key, value, |value| match value.as_integer() {
            Some(number) if number.radix() == 10 => parse(number.as_str()),
            _ => as_str(value).and_then(parse),
        })
    }

    /// A list of strings; every bad one is reported.
    pub(super) fn strings<T>(&self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
        self.items(key, self.get(key)?, parse)
    }

    fn items<T>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'a>>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let items = self.read(key, value, |value| {
            value.as_array().cloned().ok_or_else(|| format!("expected a list, not {}", kind(value)))
        })?;
        let mut good = Vec::new();
        let mut complete = true;
        for item in &items {
            match self.read(key, item, |value| as_str(value).and_then(&parse)) {
                Some(value) => good.push(value),
                None => complete = false,
            }
        }
        complete.then_some(good)
    }

    /// A table whose keys are names of the operator's, each with a list of strings; every bad one is reported.
    pub(super) fn named_strings<K, T>(
        &self,
        key: &'static str,
        name: impl Fn(&str) -> Result<K, String>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<(K, Vec<T>)>> {
        let value = self.get(key)?;
        let expected = |value: &DeValue<'_>| format!("expected a table {{ \"name\" = [...] }}, not {}", kind(value));
        let table = self.read(key, value, |value| value.as_table().cloned().ok_or_else(|| expected(value)))?;
        let mut good = Vec::new();
        for (found, value) in &table {
            let named = name(found.get_ref());
            if let Err(reason) = &named {
                self.text.add(found.span().start, Id::CONFIG_BAD_VALUE, format!("{key}: {reason}"));
            }
            if let (Some(items), Ok(named)) = (self.items(key, value, &parse), named) {
                good.push((named, items));
            }
        }
        (good.len() == table.len()).then_some(good)
    }

    /// A whole number in a range.
    pub(super) fn number(&self, key: &'static str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let value = self.get(key)?;
        self.read(key, value, |value| {
            let number = value
                .as_integer()
                .and_then(|number| u64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok());
            number
                .filter(|number| range.contains(number))
                .ok_or_else(|| format!("expected a whole number from {} to {}", range.start(), range.end()))
        })
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        self.read(key, value, |value| {
            value.as_bool().ok_or_else(|| format!("expected true or false, not {}", kind(value)))
        })
    }

    /// A table, `[key]`.
    pub(super) fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let value = self.get(key)?;
        let table = self.read(key, value, |value| match value {
            DeValue::Table(_) => Ok(()),
            other => Err(format!("expected a table [{key}], not {}", kind(other))),
        });
        table.and_then(|()| self.child(format!("[{key}]"), value))
    }

    /// A table, `[key]`; one without keys if the text does not have it, so that each key has its default.
    pub(super) fn section_or_empty(&self, key: &'static str) -> Section<'a> {
        let empty =
            || Section { text: self.text, title: String::new(), table: None, at: self.at, known: RefCell::default() };
        self.section(key).unwrap_or_else(empty)
    }

    /// One table, `[key]`, or a list of them, `[[key]]`.
    pub(super) fn one_or_more(&self, key: &'static str) -> Vec<Section<'a>> {
        let is_one = self.table.and_then(|table| table.get(key)).is_some_and(|value| value.get_ref().is_table());
        if is_one { self.section(key).into_iter().collect() } else { self.sections(key, key) }
    }

    /// A list of tables, `[[key]]`.
    pub(super) fn sections(&self, key: &'static str, shown: &str) -> Vec<Section<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let items = self.read(key, value, |value| match value {
            DeValue::Array(items) if items.iter().all(|item| item.get_ref().is_table()) => Ok(()),
            _ => Err(format!("expected tables [[{shown}]]")),
        });
        let Some((DeValue::Array(items), ())) = items.map(|()| (value.get_ref(), ())) else { return Vec::new() };
        items.iter().filter_map(|item| self.child(format!("[[{shown}]]"), item)).collect()
    }

    fn child(&self, title: String, value: &'a Spanned<DeValue<'a>>) -> Option<Section<'a>> {
        let table = Some(value.get_ref().as_table()?);
        Some(Section { text: self.text, title, table, at: value.span().start, known: RefCell::default() })
    }

    /// Reports the unknown keys, each with the nearest known one.
    pub(super) fn finish(self) {
        let known = self.known.borrow();
        for key in self.table.into_iter().flat_map(DeTable::keys) {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let hint = nearest(name, &known)
                .map_or_else(|| format!("known keys: {}", known.join(", ")), |near| format!("did you mean '{near}'?"));
            let text = format!("unknown key '{name}' in {}; {hint}", self.title);
            self.text.add(key.span().start, Id::CONFIG_UNKNOWN_KEY, text);
        }
    }
}

fn as_str<'v>(value: &'v DeValue<'_>) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| format!("expected a string in quotes, not {}", kind(value)))
}

/// The kind of a value, in words that people use: TOML calls a list an array.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The known word that is close enough to be what was meant.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let near = known.iter().map(|known| (strsim::damerau_levenshtein(word, known), *known)).min()?;
    (near.0 <= 1 + word.len() / 4).then_some(near.1)
}
