//! What a reader makes: entries in one block, problems and warnings with their place.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use super::{Notes, SourceError};

/// The contents of one file of a source. Names stand in few texts and an entry takes 36 bytes: lists may have a million
/// lines.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The source's name in the config.
    pub source: Arc<str>,
    /// The file, as messages show it.
    pub file: Arc<str>,
    /// What was read but is worth a look.
    pub warnings: Notes,
    blocks: Vec<Block>,
}

/// What one reader found, in the order of the file.
#[derive(Clone, Debug, Default)]
struct Block {
    names: String,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    start: u32,
    line: u32,
    statement: u32,
    round: u32,
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
    /// Where it stands, from 1.
    pub line: u32,
    /// Entries of one statement (one line of text, one JSON object) belong together: a name may have several addresses.
    pub statement: u32,
    /// Later rounds replace earlier ones: each line of a text that scripts append to is a round, and so is each
    /// document of a JSON file. Within a round, two statements that disagree are a conflict.
    pub round: u32,
}

impl Listing {
    /// The entries in the order of the file.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.blocks.iter().flat_map(Block::entries)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.blocks.iter().map(|block| block.rows.len()).sum()
    }

    /// Whether the list names nothing at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Block {
    fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.rows.iter().map(|row| Entry {
            fqdn: &self.names[row.start as usize..row.start as usize + usize::from(row.len)],
            address: row.address,
            line: row.line,
            statement: row.statement,
            round: row.round,
        })
    }
}

/// A listing in the making.
pub(super) struct Builder {
    listing: Listing,
    block: Block,
    problems: Notes,
    statements: u32,
}

impl Builder {
    pub(super) fn new(source: &str, path: &Path) -> Self {
        let listing = Listing {
            source: source.into(),
            file: path.display().to_string().into(),
            warnings: Notes::default(),
            blocks: Vec::new(),
        };
        Self { listing, block: Block::default(), problems: Notes::default(), statements: 0 }
    }

    /// One for a later part of the same file.
    pub(super) fn for_part(&self) -> Self {
        Self::new(&self.listing.source, Path::new(&*self.listing.file))
    }

    /// Adds what a later part of the file holds.
    pub(super) fn append(&mut self, part: Self) {
        self.listing.blocks.push(std::mem::take(&mut self.block));
        self.listing.blocks.push(part.block);
        self.listing.warnings.append(part.listing.warnings);
        self.problems.append(part.problems);
    }

    /// Makes room for a text of this many bytes; right for the common line and harmless for others.
    pub(super) fn expect_lines(&mut self, lines: usize, bytes: usize) {
        self.block.rows.reserve(lines);
        self.block.names.reserve(bytes);
    }

    /// The number of a new statement.
    pub(super) fn statement(&mut self) -> u32 {
        self.statements += 1;
        self.statements
    }

    /// Adds an entry whose name is the parts joined by dots.
    pub(super) fn entry(&mut self, line: u32, (statement, round): (u32, u32), name: &[&str], address: IpAddr) {
        let start = self.block.names.len();
        for (index, part) in name.iter().enumerate() {
            if index > 0 {
                self.block.names.push('.');
            }
            self.block.names.push_str(part);
        }
        let length = self.block.names.len() - start;
        let (Ok(start), Ok(len)) = (u32::try_from(start), u16::try_from(length)) else {
            self.block.names.truncate(start);
            return self.problem(line, || "the name is far too long for a host name".to_owned());
        };
        self.block.rows.push(Row { start, line, statement, round, len, address });
    }

    pub(super) fn problem(&mut self, line: u32, text: impl FnOnce() -> String) {
        let file = &self.listing.file;
        self.problems.push(|| place(file, line) + &text());
    }

    pub(super) fn warning(&mut self, line: u32, text: impl FnOnce() -> String) {
        let file = &self.listing.file;
        self.listing.warnings.push(|| place(file, line) + &text());
    }

    pub(super) fn finish(mut self) -> Result<Listing, SourceError> {
        if !self.problems.is_empty() {
            return Err(SourceError(self.problems));
        }
        self.listing.blocks.push(self.block);
        self.block = Block::default();
        if self.listing.is_empty() {
            self.warning(0, || "names no endpoint at all".to_owned());
        }
        Ok(self.listing)
    }
}

/// `file:line: `, without the line where it is 0.
pub(in crate::sync) fn place(file: &str, line: u32) -> String {
    if line == 0 { format!("{file}: ") } else { format!("{file}:{line}: ") }
}
