//! The names of a row: full ones, or a label and its zone.

use super::{Row, is_empty};
use crate::azure::names::{NotHosted, locate};
use crate::diag::Id;
use crate::sync::source::listing::MAX_NAMES;
use crate::sync::source::problems::{self, Fault};
use crate::sync::source::table::head::Layout;
use crate::sync::source::token::{Token, TokenKind, quoted, tokens};
use crate::sync::source::words::{is_in_zone, is_same_record};

impl<'t> Row<'t> {
    /// The names of the row, from the columns of full names, or else the label and its zone.
    pub(super) fn read_names(&mut self, layout: &Layout<'_>) -> Result<(), Fault> {
        self.names.clear();
        self.zone = None;
        for &column in &layout.roles.names {
            self.full_names(column)?;
        }
        // A zone in a column of full names has its name beside it.
        if self.names.len() > 1 {
            let buffer = &mut self.buffer;
            self.names.retain(|name| locate(name.text, buffer) != Err(NotHosted::Apex));
        }
        let zone = self.read_zone(layout)?;
        if !self.names.is_empty() {
            return zone.map_or(Ok(()), |zone| self.check_zone(zone, layout));
        }
        let mut label = None;
        for &column in layout.roles.labels.iter().filter(|column| !is_empty(self.cells[**column].text)) {
            let token = self.single(column)?;
            if label.is_some_and(|(earlier, _): (Token<'_>, usize)| !earlier.text.eq_ignore_ascii_case(token.text)) {
                let text = format!(
                    "'{}' and '{}' are two labels in one row: keep one of their columns",
                    quoted(label.map_or("", |(earlier, _)| earlier.text)),
                    quoted(token.text)
                );
                return Err(self.fault(self.cell(column), Id::LIST_AMBIGUOUS, text));
            }
            label = label.or(Some((token, column)));
        }
        if let Some((token, column)) = label {
            self.of_name = column;
            self.zone = zone.filter(|_| token.kind != TokenKind::Name);
            self.names.push(token);
            if let Some(zone) = zone.filter(|_| token.kind == TokenKind::Name) {
                return self.check_zone(zone, layout);
            }
        } else if let Some(zone) = zone {
            let text = format!("'{}' is the name of a zone, and the row has no label of a record in it", quoted(zone));
            return Err(self.fault(zone, Id::LIST_BAD_NAME, text));
        }
        Ok(())
    }

    /// Refuses full names with the zone or the label of another record beside them.
    fn check_zone(&self, zone: &str, layout: &Layout<'_>) -> Result<(), Fault> {
        if let Some(name) = self.names.iter().find(|name| is_in_zone(name.text, zone) == Some(false)) {
            return Err(problems::other_zone(name, zone));
        }
        let is_of_record = |column: &&usize| layout.heads[**column].to_ascii_lowercase().contains("record");
        for column in layout.roles.labels.iter().filter(is_of_record) {
            let label = self.cell(*column);
            let is_named = is_empty(label)
                || label.eq_ignore_ascii_case(self.names[0].text)
                || self.names.iter().any(|name| is_same_record(label, Some(zone), name.text));
            if !is_named && !label.contains('.') {
                let text = format!(
                    "'{}' in '{}' is another record than '{}': keep one of the two in the row",
                    quoted(label),
                    quoted(zone),
                    quoted(self.names[0].text)
                );
                return Err(self.fault(label, Id::LIST_AMBIGUOUS, text));
            }
        }
        Ok(())
    }

    fn full_names(&mut self, column: usize) -> Result<(), Fault> {
        let cell = self.cell(column);
        for mut token in tokens(cell) {
            token.start += self.start(cell);
            problems::check_name(&token)?;
            match token.kind {
                TokenKind::Name if self.names.len() <= MAX_NAMES => {
                    if self.names.is_empty() {
                        self.of_name = column;
                    }
                    self.names.push(token);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The zone of the row: its own cell, or the last part of a resource's id.
    fn read_zone(&mut self, layout: &Layout<'_>) -> Result<Option<&'t str>, Fault> {
        let mut zone: Option<&'t str> = None;
        for &column in layout.roles.zones.iter().filter(|column| !is_empty(self.cells[**column].text)) {
            let token = self.single(column)?;
            let text = token.text.rsplit('/').next().unwrap_or_default();
            match zone {
                Some(other) if !other.trim_end_matches('.').eq_ignore_ascii_case(text.trim_end_matches('.')) => {
                    let text = format!("'{}' and '{}' are two zones in one row", quoted(other), quoted(text));
                    return Err(self.fault(token.text, Id::LIST_AMBIGUOUS, text));
                }
                _ => zone = Some(text),
            }
        }
        Ok(zone)
    }

    /// The one word of a cell.
    fn single(&self, column: usize) -> Result<Token<'t>, Fault> {
        let cell = self.cell(column);
        let mut words = tokens(cell);
        if let (Some(mut token), None) = (words.next(), words.next()) {
            token.start += self.start(cell);
            problems::check_name(&token)?;
            return Ok(token);
        }
        let text = format!("'{}' is more than one word where the name of one record belongs", quoted(cell));
        Err(self.fault(cell, Id::LIST_BAD_NAME, text))
    }
}
