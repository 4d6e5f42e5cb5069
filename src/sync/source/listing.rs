//! The result of a reader: entries in one block, problems and warnings with their place.

mod budget;
mod left;
mod withdraw;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use super::SourceError;
use super::limits;
pub(super) use super::limits::{MAX_ADDRESSES, MAX_NAMES};
use super::statement::{Statement, Verdict, Written};
use super::token::quoted;
use crate::diag::{self, Diagnostic, Diagnostics, Id, Place};
use crate::zone::ViewName;
use budget::FileBudget;
pub(in crate::sync) use left::LeftName;

/// Octets of a name as it stands in a list. No host name has over 253 (RFC 1035 section 3.1), but a resource id with a
/// dot in it looks like one and is left aside later.
const MAX_NAME: usize = 1000;

/// Gaps that are kept apart. A subscription has a few endpoints that wait for something.
const MAX_GAPS: usize = 1000;

/// The contents of one file of a source. Names stand in few texts and an entry takes 44 bytes: lists may have a million
/// lines.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The source's name in the config.
    pub source: Arc<str>,
    /// The file, as messages show it.
    pub file: Arc<str>,
    /// The view that its source feeds; `None` for the base.
    pub view: Option<ViewName>,
    /// Lines that were read but are worth a look.
    pub warnings: Diagnostics,
    /// What the list lacks although it names it: nothing in service is removed for want of it.
    pub gaps: Vec<Gap>,
    /// Names that it has and that make no record, because nothing goes over the connection of their endpoint.
    pub(in crate::sync) left: Vec<LeftName>,
    /// Such names for which there was no room.
    pub(in crate::sync) unnamed_left: usize,
    blocks: Vec<Block>,
    /// The private endpoints that entries belong to, by their number from 1.
    endpoints: Vec<Box<str>>,
}

/// A part of a list that does not look complete: what may be missing, so that it stays in service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Of this private endpoint, which has no names or addresses in the list.
    Endpoint(Box<str>),
    /// This record, as owner and zone with dots and in lower case: its name stands in the list without an address.
    Record(Box<str>),
    /// Anything: the text ends in the middle, or is one page of several.
    Anything,
}

/// The entries that one reader found, in the order of the file.
#[derive(Clone, Debug, Default)]
struct Block {
    names: String,
    rows: Vec<EntryRow>,
}

#[derive(Clone, Copy, Debug)]
struct EntryRow {
    start: u32,
    line: u32,
    statement: u32,
    round: u32,
    /// Number of the endpoint, from 1; 0 for none.
    endpoint: u32,
    /// From 1; 0 where it is not known or does not fit.
    column: u16,
    len: u16,
    address: IpAddr,
}

/// One FQDN with one of its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The name as the list has it.
    pub fqdn: &'a str,
    /// Its address.
    pub address: IpAddr,
    /// Its line, from 1.
    pub line: u32,
    /// The column of the name in characters, from 1; `None` where it is not known.
    pub column: Option<u32>,
    /// The private endpoint that the list names for it.
    pub endpoint: Option<&'a str>,
    /// The number of that endpoint in the listing, from 1; 0 for none.
    pub endpoint_number: u32,
    /// Entries of one statement (one line of text, one JSON object) belong together: a name may have several addresses.
    pub statement: u32,
    /// Later rounds replace earlier ones: each line of a text that scripts append to is a round, and so is each
    /// document of a JSON file. Within a round, two statements that disagree are a conflict.
    pub round: u32,
}

impl Listing {
    /// Entries that a file may have: twice the million that is measured and documented. Each takes a hundred octets and
    /// more until it is a record, in every format.
    pub const MAX_ENTRIES: usize = 2_000_000;

    /// Records that one statement may make.
    pub const MAX_RECORDS: usize = limits::MAX_RECORDS;

    /// The entries in the order of the file.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.blocks.iter().flat_map(|block| block.entries(&self.endpoints))
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.blocks.iter().map(|block| block.rows.len()).sum()
    }

    /// The private endpoints that entries belong to, by their number from 1.
    pub(in crate::sync) fn endpoints(&self) -> &[Box<str>] {
        &self.endpoints
    }

    /// The octets that its names take.
    #[cfg(test)]
    pub(super) fn name_octets(&self) -> usize {
        self.blocks.iter().map(|block| block.names.len()).sum()
    }

    /// A line of the file, or the file as a whole.
    pub(in crate::sync) fn place(&self, line: impl Into<Option<u32>>) -> Place {
        Place::line(&self.file, line)
    }

    /// True if the list names nothing at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Block {
    fn names_since(&self, mark: usize) -> impl Iterator<Item = &str> {
        let rows = self.rows.get(mark..).unwrap_or_default();
        rows.iter().map(|row| &self.names[row.start as usize..row.start as usize + usize::from(row.len)])
    }

    fn entries<'a>(&'a self, endpoints: &'a [Box<str>]) -> impl Iterator<Item = Entry<'a>> {
        let endpoint = |number: u32| endpoints.get((number as usize).checked_sub(1)?).map(AsRef::as_ref);
        self.rows.iter().map(move |row| Entry {
            fqdn: &self.names[row.start as usize..row.start as usize + usize::from(row.len)],
            address: row.address,
            line: row.line,
            column: (row.column > 0).then_some(row.column.into()),
            endpoint: endpoint(row.endpoint),
            endpoint_number: row.endpoint,
            statement: row.statement,
            round: row.round,
        })
    }
}

/// A listing in the making.
pub(super) struct ListingBuilder {
    listing: Listing,
    block: Block,
    problems: Diagnostics,
    statements: u32,
    /// The numbers of the endpoints.
    endpoints: HashMap<Box<str>, u32>,
    room: FileBudget,
    /// True if a list without an entry is no mistake.
    may_be_empty: bool,
}

impl ListingBuilder {
    pub(super) fn new(source: &str, path: &Path) -> Self {
        let listing = Listing {
            source: source.into(),
            // The name of a file must not start a line of its own in any message.
            file: diag::path(path).into(),
            view: None,
            warnings: Diagnostics::default(),
            gaps: Vec::new(),
            left: Vec::new(),
            unnamed_left: 0,
            blocks: Vec::new(),
            endpoints: Vec::new(),
        };
        let problems = Diagnostics::default();
        let endpoints = HashMap::new();
        let (block, room) = (Block::default(), FileBudget::new());
        Self { listing, block, problems, statements: 0, endpoints, room, may_be_empty: false }
    }

    /// One for a later part of the same file.
    pub(super) fn for_part(&self) -> Self {
        let mut part = Self::new(&self.listing.source, Path::new(&*self.listing.file));
        part.room.shared = Arc::clone(&self.room.shared);
        part
    }

    /// Adds what a later part of the file holds.
    pub(super) fn append(&mut self, mut part: Self) {
        self.listing.blocks.push(std::mem::take(&mut self.block));
        let before = self.statements;
        self.statements += part.statements;
        let numbers: Vec<u32> = part.listing.endpoints.iter().map(|endpoint| self.endpoint(endpoint)).collect();
        for row in &mut part.block.rows {
            row.endpoint = (row.endpoint as usize).checked_sub(1).map_or(0, |at| numbers[at]);
            row.statement += before;
        }
        self.listing.blocks.push(part.block);
        part.listing.gaps.into_iter().for_each(|gap| self.lacks(gap));
        self.listing.unnamed_left += part.listing.unnamed_left;
        part.listing.left.into_iter().for_each(|left| self.listing.leave(left));
        self.listing.warnings.append(part.listing.warnings);
        self.problems.append(part.problems);
    }

    /// True if there were more entries than a file may have.
    pub(super) fn is_full(&self) -> bool {
        self.room.is_full
    }

    /// Leaves what it was to have added: its room is free again.
    pub(super) fn discard(self) {
        self.room.give_back();
    }

    /// True if there is an entry with such a name.
    pub(super) fn has_entry(&self, is_such: impl Fn(&str) -> bool) -> bool {
        self.names().any(is_such)
    }

    /// Makes room for a text of this many bytes; right for the common line and harmless for others.
    pub(super) fn expect_lines(&mut self, lines: usize, bytes: usize) {
        self.block.rows.reserve(lines.min(Listing::MAX_ENTRIES));
        self.block.names.reserve(bytes);
    }

    /// A mark behind the last entry.
    pub(super) fn mark(&self) -> usize {
        self.block.rows.len()
    }

    /// The names of the entries behind a mark.
    pub(super) fn names_since(&self, mark: usize) -> impl Iterator<Item = &str> {
        self.block.names_since(mark)
    }

    /// The names of all entries.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.listing.blocks.iter().chain([&self.block]).flat_map(|block| block.names_since(0))
    }

    /// The private endpoints that have entries.
    pub(super) fn endpoint_names(&self) -> impl Iterator<Item = &str> {
        self.listing.endpoints.iter().map(AsRef::as_ref)
    }

    /// The number of a new statement.
    fn statement(&mut self) -> u32 {
        self.statements += 1;
        self.statements
    }

    /// The number of an endpoint.
    fn endpoint(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.endpoints.get(name) {
            return number;
        }
        self.listing.endpoints.push(name.into());
        let number = u32::try_from(self.listing.endpoints.len()).unwrap_or_default();
        self.endpoints.insert(name.into(), number);
        number
    }

    /// Adds what a statement says, by the rules of [`super::statement`].
    pub(super) fn add(&mut self, statement: &Statement<'_>) {
        match statement.verdict() {
            Verdict::Publish => self.publish(statement),
            Verdict::PublishWith((id, text)) => {
                self.warning(statement.line, id, || text);
                self.publish(statement);
            }
            Verdict::Leave((id, text)) => {
                self.note(statement.line, id, || text);
                self.leave(statement);
            }
            Verdict::Refuse((id, text)) => self.problem(statement.line, id, || text),
        }
    }

    fn publish(&mut self, statement: &Statement<'_>) {
        let number = self.statement();
        let endpoint = statement.endpoint.map_or(0, |name| self.endpoint(name));
        for name in statement.names {
            self.entry(statement, name, number, endpoint);
        }
    }

    fn entry(&mut self, statement: &Statement<'_>, name: &Written<'_>, number: u32, endpoint: u32) {
        let &Statement { line, round, addresses, .. } = statement;
        if !self.room.take(addresses.len()) {
            return self.full(line);
        }
        let start = self.block.names.len();
        let length = name.parts().map(|part| part.len() + 1).sum::<usize>().saturating_sub(1);
        let (Ok(start), Some(len)) =
            (u32::try_from(start), u16::try_from(length).ok().filter(|len| usize::from(*len) <= MAX_NAME))
        else {
            return self.problem(line, Id::LIST_BAD_NAME, || {
                format!("'{}' is too long for a host name, which has at most 253 characters", quoted(name.text))
            });
        };
        for (index, part) in name.parts().enumerate() {
            if index > 0 {
                self.block.names.push('.');
            }
            self.block.names.push_str(part);
        }
        let column = u16::try_from(name.column).unwrap_or_default();
        let row = |&address| EntryRow { start, line, statement: number, round, endpoint, column, len, address };
        self.block.rows.extend(addresses.iter().map(row));
    }

    /// Says so once: what follows is as much too much.
    fn full(&mut self, line: u32) {
        if !std::mem::replace(&mut self.room.is_full, true) {
            self.problem(line, Id::LIST_TOO_LARGE, || {
                format!(
                    "from here on the list has over {} entries, which is more than one file may have: is this the right \
                     file? Split it if it is",
                    Listing::MAX_ENTRIES
                )
            });
        }
    }

    /// Adds a problem; without a line it is one of the whole file.
    pub(super) fn problem(&mut self, line: impl Into<Option<u32>>, id: Id, text: impl FnOnce() -> String) {
        self.problem_at(line, None, id, text);
    }

    /// Adds a problem at a column of a line.
    pub(super) fn problem_at(
        &mut self,
        line: impl Into<Option<u32>>,
        column: impl Into<Option<u32>>,
        id: Id,
        text: impl FnOnce() -> String,
    ) {
        let listing = &self.listing;
        let place = || Place::column(&listing.file, line, column);
        self.problems.error(|| Diagnostic::error(id, place(), text()).of_source(&listing.source));
    }

    /// Adds a warning about a line that was read.
    pub(super) fn warning(&mut self, line: impl Into<Option<u32>>, id: Id, text: impl FnOnce() -> String) {
        let listing = &mut self.listing;
        let place = Place::line(&listing.file, line);
        listing.warnings.warning(|| Diagnostic::warning(id, place, text()).of_source(&listing.source));
    }

    /// Adds a note about a line that was read.
    pub(super) fn note(&mut self, line: impl Into<Option<u32>>, id: Id, text: impl FnOnce() -> String) {
        let listing = &mut self.listing;
        let place = Place::line(&listing.file, line);
        listing.warnings.note(|| Diagnostic::note(id, place, text()).of_source(&listing.source));
    }

    /// Adds a warning that something is missing here: of an endpoint, or of anything in the list. What is in service of
    /// it stays.
    pub(super) fn gap(&mut self, line: impl Into<Option<u32>>, endpoint: Option<&str>, text: impl FnOnce() -> String) {
        self.warning(line, Id::LIST_INCOMPLETE, text);
        self.lacks(endpoint.map_or(Gap::Anything, |endpoint| Gap::Endpoint(endpoint.into())));
    }

    /// Adds what the list may lack.
    pub(super) fn lacks(&mut self, gap: Gap) {
        if self.listing.gaps.len() < MAX_GAPS {
            self.listing.gaps.push(gap);
        } else {
            // More than anybody looks through: anything may be missing.
            self.listing.gaps[0] = Gap::Anything;
        }
    }

    /// The list itself says why it has no record: nothing is wrong with it.
    pub(super) fn is_meant_to_be_empty(&mut self) {
        self.may_be_empty = true;
    }

    pub(super) fn finish(mut self) -> Result<Listing, SourceError> {
        if !self.problems.is_empty() {
            return Err(SourceError(self.problems));
        }
        self.listing.blocks.push(self.block);
        self.block = Block::default();
        let leaves_names = !self.listing.left.is_empty() || self.listing.unnamed_left > 0;
        if self.listing.is_empty() && self.listing.gaps.is_empty() && !leaves_names && !self.may_be_empty {
            let empty = Diagnostic::warning(Id::LIST_EMPTY, self.listing.place(None), "names no endpoint at all");
            self.listing.warnings.push(empty.of_source(&self.listing.source));
        }
        Ok(self.listing)
    }
}
