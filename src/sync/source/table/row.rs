//! A row of a table with a header.

mod names;

use std::net::IpAddr;

use super::cells::{Cell, Form, Unclosed};
use super::head::Layout;
use crate::azure::names::{NotHosted, begins_like_vault, locate};
use crate::diag::Id;
use crate::sync::source::json;
use crate::sync::source::listing::{ListingBuilder, MAX_ADDRESSES};
use crate::sync::source::problems::{self, Fault};
use crate::sync::source::statement::{Statement, Written};
use crate::sync::source::token::{Token, TokenKind, quoted, tokens};
use crate::sync::source::words::{endpoint_in_id, is_blank_filler, is_other_type, is_same_record, mentions_ours};

/// What became of a line below a header.
#[derive(Debug)]
pub(in crate::sync::source) enum Outcome<'t> {
    /// It was a row and is read.
    Read,
    /// A row with a record of a type that has no addresses, and its name.
    OtherType(&'t str),
    /// It does not have the form of the table.
    NoRow,
    /// It is a row, and this is wrong with it.
    Bad(Fault),
}

/// The contents of one row; the vectors are reused from row to row.
#[derive(Default)]
pub(in crate::sync::source) struct Row<'t> {
    content: &'t str,
    cells: Vec<Cell<'t>>,
    names: Vec<Token<'t>>,
    /// The column of the first of them.
    of_name: usize,
    zone: Option<&'t str>,
    addresses: Vec<IpAddr>,
    others: Vec<IpAddr>,
    buffer: String,
}

impl<'t> Row<'t> {
    /// Reads a line below the header and adds what it says.
    pub(in crate::sync::source) fn read(
        &mut self,
        layout: &Layout<'_>,
        content: &'t str,
        number: u32,
        out: &mut ListingBuilder,
    ) -> Outcome<'t> {
        self.content = content;
        match self.entries(layout, number, out) {
            Ok(outcome) => outcome,
            Err(fault) => Outcome::Bad(fault),
        }
    }

    /// The octet where a cell starts.
    fn start(&self, text: &str) -> usize {
        (text.as_ptr() as usize).saturating_sub(self.content.as_ptr() as usize)
    }

    fn cell(&self, column: usize) -> &'t str {
        self.cells.get(column).map_or("", |cell| cell.text)
    }

    fn fault(&self, cell: &str, id: Id, text: String) -> Fault {
        Fault { id, text, at: Some(self.start(cell)) }
    }

    fn entries(&mut self, layout: &Layout<'_>, number: u32, out: &mut ListingBuilder) -> Result<Outcome<'t>, Fault> {
        if self.content == layout.header || is_drawn(self.content) {
            return Ok(Outcome::Read);
        }
        match layout.form.split(self.content, &mut self.cells) {
            Ok(true) => {}
            Ok(false) => return Ok(Outcome::NoRow),
            Err(Unclosed) => {
                let text = "a quoted cell does not end on its line: put each row on one line".to_owned();
                return Err(Fault { id: Id::LIST_SYNTAX, text, at: None });
            }
        }
        let columns = layout.heads.len();
        if self.cells.len() < columns || self.cells.iter().skip(columns).any(|cell| !cell.text.is_empty()) {
            return Ok(Outcome::NoRow);
        }
        let has_json = self.json_cells(number, out);
        if !layout.is_usable() {
            if let Some(fault) = self.unnamed_address(layout) {
                return Err(fault);
            }
            let is_rest_harmless = has_json && !self.cells.iter().any(|cell| mentions_ours(cell.text));
            return Ok(if is_rest_harmless { Outcome::Read } else { Outcome::NoRow });
        }
        self.read_names(layout)?;
        if let Some(outcome) = self.other_type(layout) {
            return Ok(outcome);
        }
        self.read_addresses(layout)?;
        if self.is_of_nothing(layout, has_json)? {
            return Ok(Outcome::Read);
        }
        self.check_others(layout)?;
        self.add(layout, number, out);
        Ok(Outcome::Read)
    }

    /// A head for addresses is missing, and the row has one: the list does not say whose it is.
    fn unnamed_address(&self, layout: &Layout<'t>) -> Option<Fault> {
        let is_address = |cell: &Cell<'_>| cell.text.trim().parse::<IpAddr>().is_ok();
        let is_missing = matches!(layout.form, Form::Separated(_)) && layout.roles.addresses.is_empty();
        let cell = self.cells.iter().find(|cell| is_missing && is_address(cell))?;
        let is_ours = self.cells.iter().any(|cell| mentions_ours(cell.text));
        is_ours.then(|| {
            let text = format!(
                "no head of '{}' says that '{}' is the address of the name: call that column IP",
                quoted(layout.header.trim()),
                quoted(cell.text)
            );
            Fault { id: Id::LIST_AMBIGUOUS, text, at: None }
        })
    }

    /// Gives the cells that hold JSON objects to the JSON reader, and empties them.
    fn json_cells(&mut self, number: u32, out: &mut ListingBuilder) -> bool {
        let mut any = false;
        for cell in &mut self.cells {
            let inside = cell.text.trim_start_matches(['[', ' ']);
            if !inside.starts_with("{\"") && !inside.starts_with("{ \"") {
                continue;
            }
            if cell.is_quoted {
                json::read_part(&cell.text.replace("\"\"", "\""), number, out);
            } else {
                json::read_part(cell.text, number, out);
            }
            cell.text = "";
            any = true;
        }
        any
    }

    /// A row whose record has no address.
    fn other_type(&self, layout: &Layout<'_>) -> Option<Outcome<'t>> {
        let rtype = self.cell(layout.roles.rtype?).rsplit('/').next().unwrap_or_default();
        if !is_other_type(rtype) {
            return None;
        }
        let is_ours = self.zone.is_some() || self.names.iter().any(|name| mentions_ours(name.text));
        Some(self.names.first().filter(|_| is_ours).map_or(Outcome::Read, |name| Outcome::OtherType(name.text)))
    }

    fn read_addresses(&mut self, layout: &Layout<'_>) -> Result<(), Fault> {
        self.addresses.clear();
        let mut first: Option<usize> = None;
        for &column in &layout.roles.addresses {
            if is_empty(self.cell(column)) {
                continue;
            }
            self.others.clear();
            self.cell_addresses(column)?;
            let is_more = |addresses: &[IpAddr], others: &[IpAddr]| {
                let family = |all: &[IpAddr]| all.iter().all(IpAddr::is_ipv4);
                addresses != others && family(addresses) == family(others)
            };
            match first {
                Some(earlier) if is_more(&self.addresses, &self.others) => {
                    let text = format!(
                        "the columns '{}' and '{}' have different addresses: keep the column of the private address alone",
                        quoted(layout.heads[earlier]),
                        quoted(layout.heads[column])
                    );
                    return Err(self.fault(self.cell(column), Id::LIST_AMBIGUOUS, text));
                }
                Some(_) if self.addresses == self.others => {}
                _ => self.addresses.append(&mut self.others),
            }
            first = first.or(Some(column));
        }
        Ok(())
    }

    /// The addresses of a cell, in `others`.
    fn cell_addresses(&mut self, column: usize) -> Result<(), Fault> {
        let cell = self.cell(column);
        let is_listed = cell.contains([',', ';', '{', '[']);
        for mut token in tokens(cell) {
            token.start += self.start(cell);
            match token.kind {
                TokenKind::Address(address) if !self.others.contains(&address) => {
                    if self.others.len() <= MAX_ADDRESSES {
                        self.others.push(address);
                    }
                }
                TokenKind::Address(_) => {}
                TokenKind::CutOff | TokenKind::Hidden(_) | TokenKind::BadAddress => {
                    return Err(problems::broken(&token));
                }
                _ => return Err(problems::no_ip(&token)),
            }
        }
        if self.others.len() > 1 && !is_listed {
            let text =
                format!("'{}' is more than one address: keep one, or write {{10.0.0.4, 10.0.0.5}}", quoted(cell));
            return Err(self.fault(cell, Id::LIST_AMBIGUOUS, text));
        }
        Ok(())
    }

    /// True if the row says nothing about us; a name of ours without an address, or an address without any name, is a
    /// fault.
    fn is_of_nothing(&mut self, layout: &Layout<'_>, has_json: bool) -> Result<bool, Fault> {
        let head = |column: Option<&usize>| quoted(column.map_or("", |column| layout.heads[*column])).into_owned();
        let Some(name) = self.names.first().copied() else {
            if self.addresses.is_empty() {
                return Ok(!self.cells.iter().any(|cell| mentions_ours(cell.text)) || has_json);
            }
            let roles = &layout.roles;
            let text = format!(
                "an address without a host name under '{}'",
                head(roles.names.iter().chain(&roles.labels).next())
            );
            return Err(Fault { id: Id::LIST_NO_NAME, text, at: None });
        };
        if self.addresses.is_empty() {
            let is_ours = self.zone.is_some() || mentions_ours(name.text);
            // On a screen it may be the rest of a name that was broken.
            if !is_ours && matches!(layout.form, Form::Separated(_)) {
                return Ok(true);
            }
            let text =
                format!("'{}' has no address under '{}'", quoted(name.text), head(layout.roles.addresses.first()));
            return Err(Fault { id: Id::LIST_NO_ADDRESS, text, at: Some(name.start) });
        }
        if name.kind != TokenKind::Name && self.zone.is_none() {
            return Err(problems::no_zone_in_table(&name));
        }
        Ok(false)
    }

    /// Refuses another name of ours in a column of which nothing is taken.
    fn check_others(&mut self, layout: &Layout<'_>) -> Result<(), Fault> {
        let roles = &layout.roles;
        for column in 0..self.cells.len() {
            let cell = self.cell(column);
            let is_read =
                [&roles.names, &roles.zones, &roles.addresses].iter().any(|columns| columns.contains(&column));
            if is_read || column == self.of_name {
                continue;
            }
            if begins_like_vault(cell) && !self.is_alias(cell) {
                let text = format!(
                    "'{}' under '{}' is the label of another record than that of the row: put it on a line of its own",
                    quoted(cell),
                    quoted(layout.heads.get(column).copied().unwrap_or_default())
                );
                return Err(self.fault(cell, Id::LIST_AMBIGUOUS, text));
            }
            if !cell.contains('.') || !mentions_ours(cell) {
                continue;
            }
            for token in tokens(cell).filter(|token| token.kind == TokenKind::Name && token.is_clean) {
                let is_other =
                    !matches!(locate(token.text, &mut self.buffer), Err(NotHosted::Elsewhere | NotHosted::Apex));
                if is_other && !self.is_named(token.text) {
                    let text = format!(
                        "'{}' under '{}' is another name than that of the record under '{}': put it on a line of its own",
                        quoted(token.text),
                        quoted(layout.heads.get(column).copied().unwrap_or_default()),
                        quoted(layout.heads[self.of_name])
                    );
                    return Err(self.fault(token.text, Id::LIST_AMBIGUOUS, text));
                }
            }
        }
        Ok(())
    }

    /// True if a label is the first one of a name of the row.
    fn is_alias(&self, label: &str) -> bool {
        let first = |name: &Token<'t>| name.text.split('.').next().unwrap_or_default();
        self.names.iter().any(|name| first(name).eq_ignore_ascii_case(label.split('.').next().unwrap_or_default()))
    }

    /// True if a name is a spelling of one of the row's.
    fn is_named(&self, text: &str) -> bool {
        self.names.iter().any(|name| is_same_record(name.text, self.zone, text))
    }

    fn add(&self, layout: &Layout<'_>, number: u32, out: &mut ListingBuilder) {
        let roles = &layout.roles;
        let cell = |column: Option<usize>| column.map(|column| self.cell(column)).filter(|text| !is_empty(text));
        let state = |column: Option<usize>| column.map(|column| self.cell(column)).filter(|text| !text.is_empty());
        let endpoint = cell(roles.endpoint).map(|text| endpoint_in_id(text).unwrap_or(text));
        let written = |token: &Token<'t>| {
            let before = self.content.get(..token.start).unwrap_or_default();
            let characters = if before.is_ascii() { before.len() } else { before.chars().count() };
            Written { text: token.text, zone: self.zone, column: u32::try_from(characters + 1).unwrap_or(u32::MAX) }
        };
        let statement = Statement {
            line: number,
            round: number,
            addresses: &self.addresses,
            endpoint,
            connection: state(roles.connection),
            provisioning: state(roles.provisioning),
            ..Statement::default()
        };
        match self.names.as_slice() {
            [name] => out.add(&Statement { names: &[written(name)], ..statement }),
            names => {
                let names: Vec<Written<'_>> = names.iter().map(written).collect();
                out.add(&Statement { names: &names, ..statement });
            }
        }
    }
}

/// Nothing, or a word that says so.
fn is_empty(text: &str) -> bool {
    text.is_empty() || text.bytes().all(|byte| byte == b'-') || text == "[]" || text == "{}" || is_filler(text)
}

fn is_filler(text: &str) -> bool {
    text.len() < 8 && is_blank_filler(text)
}

/// A line between header and rows: `|---|:--|`.
fn is_drawn(text: &str) -> bool {
    let is_of_line = |byte: u8| matches!(byte, b'-' | b'|' | b':' | b'+' | b'=' | b' ' | b'\t');
    text.contains('-') && text.bytes().all(is_of_line)
}
