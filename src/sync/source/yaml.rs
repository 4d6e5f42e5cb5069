//! YAML lists: `az -o yaml`, Kubernetes' `hostAliases`, Ansible's maps.
//!
//! The parser's events become the same tree as JSON, see [`super::tree`]. Tags are left aside. Aliases (`*x`) and keys
//! that are no text are refused, and so are two equal keys: each of these gives a list another meaning than it shows.
//! `10.20` without quotes is a number and no address.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::Wrong;
use super::json;
use super::listing::ListingBuilder;
use super::token::quoted;
use super::tree::{self, Kind, Ledger, MAX_DEPTH, MAX_TREE, Piece, Tree};
use crate::diag::Id;

/// What is wrong, and where: line and column from 1.
type Fault = (u32, u32, Wrong);

/// Reads a file: one document or several.
pub(super) fn read(text: &str, out: &mut ListingBuilder) {
    let mut tree = Tree::new(text, 1, MAX_TREE);
    let mut reader = Reader { place: Place::new(text), open: Vec::new(), is_list: false, round: 0 };
    let mut ledger = Ledger::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let piece = match event {
            Ok((event, span)) => reader.event(event, span, &mut tree),
            Err(error) => Err(of_scan(&error)),
        };
        match piece {
            Ok(None) => {}
            Ok(Some(piece)) => {
                tree::walk(&tree, piece, reader.round, Some(json::read_text), &mut ledger, out);
                tree.clear();
            }
            Err((line, column, (id, problem))) => return out.problem_at(line, column, id, || problem),
        }
    }
    ledger.settle(out);
}

/// Puts events into a tree.
struct Reader<'t> {
    place: Place<'t>,
    open: Vec<Open>,
    /// The document is a sequence whose elements are handed over one by one.
    is_list: bool,
    round: u32,
}

/// An object or array that is not at its end.
struct Open {
    index: usize,
    is_map: bool,
    /// The key whose value comes next.
    key: Option<String>,
}

impl Reader<'_> {
    /// Takes an event; gives what it completes.
    fn event(&mut self, event: Event<'_>, span: Span, tree: &mut Tree<'_>) -> Result<Option<Piece>, Fault> {
        let (line, column) = place(span.start.line(), span.start.col());
        let at = self.place.of(span.start.index());
        let refuse = |wrong: Wrong| (line, column, wrong);
        match event {
            Event::DocumentEnd => {
                self.round += 1;
                self.is_list = false;
                Ok(None)
            }
            Event::Alias(_) => Err(refuse(alias())),
            Event::Scalar(text, style, _, _) => match self.open.last_mut() {
                Some(open) if open.is_map && open.key.is_none() => {
                    open.key = Some(text.into_owned());
                    Ok(None)
                }
                _ => {
                    let key = self.open.last_mut().and_then(|open| open.key.take());
                    push(kind_of(&text, style), key.as_deref(), &text, at, tree).map_err(refuse)?;
                    Ok(self.complete())
                }
            },
            Event::SequenceStart(..) if self.open.is_empty() && !self.is_list => {
                self.is_list = true;
                Ok(None)
            }
            Event::SequenceStart(..) => self.enter(Kind::Array, at, tree).map_err(refuse),
            Event::MappingStart(..) => self.enter(Kind::Object, at, tree).map_err(refuse),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(None) };
                tree.close(open.index);
                if let Some(key) = tree.repeated_key(open.index) {
                    return Err(refuse(twice(key)));
                }
                Ok(self.complete())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => Ok(None),
        }
    }

    fn enter(&mut self, kind: Kind, at: usize, tree: &mut Tree<'_>) -> Result<Option<Piece>, Wrong> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Tree::too_deep());
        }
        if self.open.last().is_some_and(|open| open.is_map && open.key.is_none()) {
            return Err((Id::LIST_SYNTAX, "a key that is a list or a map, which no list of endpoints has".to_owned()));
        }
        let key = self.open.last_mut().and_then(|open| open.key.take());
        let index = push(kind, key.as_deref(), "", at, tree)?;
        self.open.push(Open { index, is_map: kind == Kind::Object, key: None });
        Ok(None)
    }

    /// The piece that is whole when a value ends.
    fn complete(&self) -> Option<Piece> {
        self.open.is_empty().then_some(if self.is_list { Piece::Element } else { Piece::Document })
    }
}

fn push(kind: Kind, key: Option<&str>, text: &str, at: usize, tree: &mut Tree<'_>) -> Result<usize, Wrong> {
    tree.push(kind, key, text, at).ok_or_else(Tree::too_large)
}

/// The kind of a scalar by YAML's core schema.
fn kind_of(text: &str, style: ScalarStyle) -> Kind {
    if style != ScalarStyle::Plain {
        return Kind::String;
    }
    let is_number =
        text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) && text.parse::<f64>().is_ok();
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Kind::Other,
        _ if is_number => Kind::Other,
        _ => Kind::String,
    }
}

fn alias() -> Wrong {
    (Id::LIST_SYNTAX, "an alias ('*') stands for a value elsewhere in the file: write the value itself".to_owned())
}

fn twice(key: &str) -> Wrong {
    (Id::LIST_SYNTAX, format!("the key '{}' stands twice in the map that ends here: keep one", quoted(key)))
}

fn of_scan(error: &ScanError) -> Fault {
    let (line, column) = place(error.marker().line(), error.marker().col());
    (line, column, (Id::LIST_SYNTAX, format!("this is not YAML: {}", quoted(error.info()))))
}

/// Line and column from 1.
fn place(line: usize, column: usize) -> (u32, u32) {
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column + 1).unwrap_or(u32::MAX))
}

/// Turns the parser's count of characters into octets; places are asked for in their order.
struct Place<'t> {
    text: &'t str,
    is_ascii: bool,
    chars: usize,
    at: usize,
}

impl<'t> Place<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, is_ascii: text.is_ascii(), chars: 0, at: 0 }
    }

    fn of(&mut self, chars: usize) -> usize {
        if self.is_ascii {
            return chars.min(self.text.len());
        }
        if let Some(more) = chars.checked_sub(self.chars) {
            let rest = self.text.get(self.at..).unwrap_or_default();
            self.at += rest.char_indices().nth(more).map_or(rest.len(), |(at, _)| at);
            self.chars = chars;
        }
        self.at
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn builder(text: &str) -> ListingBuilder {
        let mut out = ListingBuilder::new("s", Path::new("list.yaml"));
        read(text, &mut out);
        out
    }

    fn shown(text: &str) -> Vec<String> {
        let listing = builder(text).finish().unwrap();
        listing.entries().map(|entry| format!("{} {} {}", entry.line, entry.fqdn, entry.address)).collect()
    }

    fn problem(text: &str) -> String {
        builder(text).finish().unwrap_err().to_string()
    }

    #[test]
    fn the_yaml_that_people_hold_is_read() {
        for text in [
            "- fqdn: a.blob.core.windows.net\n  ipAddresses:\n  - 10.0.0.4\n",
            "# é\n---\nhostAliases:\n- ip: \"10.0.0.4\"\n  hostnames:\n  - a.blob.core.windows.net\n",
            "pe:\n  a.blob.core.windows.net: 10.0.0.4\n",
            "all:\n  hosts:\n    a.blob.core.windows.net:\n      ansible_host: 10.0.0.4\n",
            "!!map {fqdn: &x a.blob.core.windows.net, ip: !!str 10.0.0.4}\n",
        ] {
            let found = shown(text);
            assert_eq!(found.len(), 1, "{text}");
            assert!(found[0].ends_with(" a.blob.core.windows.net 10.0.0.4"), "{found:?}");
        }
        assert_eq!(shown("---\n{ip: 10.0.0.4, fqdn: a.blob.core.windows.net}\n---\n{ip: 10.0.0.5, fqdn: a.blob.core.windows.net}\n").len(), 2);
        assert_eq!(
            shown("é: ü\nö:\n  - fqdn: a.blob.core.windows.net\n    ip: ::1\n"),
            ["3 a.blob.core.windows.net ::1"]
        );
    }

    #[test]
    fn what_gives_yaml_another_meaning_than_it_shows_is_refused_at_its_place() {
        for (text, expected) in [
            ("a: &x 1\nb: *x\n", "list.yaml:2:4: an alias"),
            ("a: 1\na: 2\n", "list.yaml:3:1: the key 'a' stands twice"),
            ("? [a]\n: b\n", "list.yaml:1:3: a key that is a list"),
            ("a: [\n", "list.yaml:2:1: this is not YAML"),
            ("fqdn: a.blob.core.windows.net\nip: 10.20\n", "list.yaml:1: '10.20' is a number"),
        ] {
            let message = problem(text);
            assert!(message.starts_with(expected), "{message}");
        }
    }

    #[test]
    fn yaml_of_any_depth_and_length_is_read_within_bounds() {
        for text in [
            "[", "- ", "{a: ", "? ", "&a ", "a: *b\n", "!!a ", "'", "\"", "- a\n", "|\n", "a:\n", "%", "<<: ",
            "--- a\n",
        ] {
            let long = text.repeat(20_000);
            let reader = move || drop(builder(&long));
            std::thread::Builder::new().stack_size(1 << 20).spawn(reader).unwrap().join().unwrap();
        }
        assert!(problem(&"- ".repeat(1000)).contains("nest over 64 deep"));
    }
}
