//! One line of a text without a header above it: one address and one or more full names, or a label and its zone, in
//! any order.
//!
//! Every word on the line has to be explained by that, or it must be one that can be no name and no address. Which of
//! two words is the label of a record is never guessed.

use std::net::IpAddr;

use super::aside::Aside;
use crate::azure::names::{NotHosted, begins_like_vault, locate};
use crate::sync::source::keys::key;
use crate::sync::source::listing::{ListingBuilder, MAX_ADDRESSES};
use crate::sync::source::problems::{self, Fault};
use crate::sync::source::statement::{Statement, Written};
use crate::sync::source::token::{Token, TokenKind, tokens};
use crate::sync::source::words::{
    endpoint_in_id, is_any_of, is_blank_filler, is_boilerplate, is_down, is_fragment, is_in_zone, is_other_type,
    is_removal, looks_like_ours, may_be_label, mentions_ours,
};

/// Words that a line may have. A line of a list has a handful, exports with all their columns a few dozen.
pub(super) const MAX_WORDS: usize = 1000;

/// What starts a comment elsewhere.
const COMMENTS: [&str; 5] = ["/*", "*/", "--", "rem", "!"];

/// The contents of one line; the vectors are reused from line to line.
#[derive(Default)]
pub(super) struct Line<'t> {
    content: &'t str,
    pub(super) tokens: Vec<Token<'t>>,
    comment: Option<&'t str>,
    addresses: Vec<IpAddr>,
    /// Host names with at least one dot that are not zones, as indexes into `tokens`.
    names: Vec<usize>,
    /// The same of names of zones.
    zones: Vec<usize>,
    /// The first word by which the line is refused whatever else is on it.
    broken: Option<usize>,
    /// The connection is in this state, of which nothing is published.
    down: Option<&'t str>,
    has_text: bool,
    buffer: String,
}

impl<'t> Line<'t> {
    pub(super) fn read(&mut self, content: &'t str) {
        self.content = content;
        self.tokens.clear();
        self.addresses.clear();
        self.names.clear();
        self.zones.clear();
        self.broken = None;
        self.down = None;
        self.has_text = false;
        let mut words = tokens(content);
        self.tokens.extend(words.by_ref().take(MAX_WORDS + 1));
        self.comment = words.comment();
        self.end_record();
        for index in 0..self.tokens.len() {
            self.sort_in(index);
        }
    }

    /// Leaves out what stands behind the semicolon of a record: there it starts a comment (RFC 1035 section 5.1).
    fn end_record(&mut self) {
        let Some(semicolon) = self.content.bytes().position(|byte| byte == b';') else { return };
        let Some(address) = self.tokens.iter().rposition(|token| token.start < semicolon) else { return };
        let is_type = |at: usize| self.tokens.get(at).is_some_and(|token| is_any_of(token.text, &["a", "aaaa"]));
        if matches!(self.tokens[address].kind, TokenKind::Address(_)) && address.checked_sub(1).is_some_and(is_type) {
            self.tokens.truncate(address + 1);
        }
    }

    fn sort_in(&mut self, index: usize) {
        let token = self.tokens[index];
        match token.kind {
            TokenKind::Address(address) => {
                // Once there are too many, the exact number does not matter.
                if self.addresses.len() <= MAX_ADDRESSES && !self.addresses.contains(&address) {
                    self.addresses.push(address);
                }
            }
            TokenKind::BadAddress | TokenKind::CutOff | TokenKind::Hidden(_) => {
                self.broken = self.broken.or(Some(index));
            }
            // The zone of a label may be spelled in any way in which a name may be: ask what it would be as a name.
            TokenKind::Name if self.tokens.len() > 2 && self.is_zone(token.text) => self.zones.push(index),
            TokenKind::Name => self.names.push(index),
            TokenKind::Rule => return,
            TokenKind::Word => {
                if is_down(token.text) {
                    self.down = Some(token.text);
                }
            }
        }
        self.has_text = true;
    }

    fn is_zone(&mut self, text: &str) -> bool {
        locate(text, &mut self.buffer) == Err(NotHosted::Apex)
    }

    /// True if there is a word on it that is not part of a drawn line.
    pub(super) fn has_text(&self) -> bool {
        self.has_text
    }

    /// True if it has words that are neither names nor addresses, and nothing else.
    pub(super) fn is_of_words(&self) -> bool {
        self.has_text && self.tokens.iter().all(|token| matches!(token.kind, TokenKind::Word | TokenKind::Rule))
    }

    /// Adds what the line says, or the reason why it says nothing.
    pub(super) fn report(&mut self, number: u32, out: &mut ListingBuilder, aside: &mut Aside) {
        if !self.has_text {
            return;
        }
        if let Err(fault) = self.entries(number, out, aside) {
            self.refuse(number, fault, out);
        }
    }

    /// Adds a problem with the line.
    pub(super) fn refuse(&self, number: u32, fault: Fault, out: &mut ListingBuilder) {
        let column = fault.at.map(|at| self.column(at));
        out.problem_at(number, column, fault.id, || fault.text);
    }

    /// The column of an octet, in characters from 1.
    fn column(&self, at: usize) -> u32 {
        let before = self.content.get(..at).unwrap_or_default();
        let characters = if before.is_ascii() { before.len() } else { before.chars().count() };
        u32::try_from(characters + 1).unwrap_or(u32::MAX)
    }

    fn entries(&mut self, number: u32, out: &mut ListingBuilder, aside: &mut Aside) -> Result<(), Fault> {
        if self.tokens.len() > MAX_WORDS {
            return Err(problems::too_many_words(MAX_WORDS));
        }
        if self.is_alias()? {
            aside.other_type(number, self.tokens[0].text);
            return Ok(());
        }
        if let Some(index) = self.broken {
            let token = &self.tokens[index];
            let is_name = token.kind == TokenKind::BadAddress && mentions_ours(token.text);
            return Err(if is_name { self.unclean(index) } else { problems::broken(token) });
        }
        self.check_marks()?;
        let pair = self.pair()?;
        self.check_words(pair)?;
        if self.names.is_empty() && pair.is_none() {
            return self.nameless(number, aside);
        }
        self.check_addresses(pair)?;
        let written = |index: &usize| {
            let token = self.tokens[*index];
            Written { text: token.text, zone: None, column: self.column(token.start) }
        };
        let label = pair.map(|(label, zone)| {
            let token = self.tokens[label];
            Written { text: token.text, zone: Some(self.tokens[zone].text), column: self.column(token.start) }
        });
        let endpoint = self.comment.and_then(endpoint_in_id);
        // Every line is a round of its own: scripts append, and the later line is the newer one.
        let statement =
            Statement { line: number, round: number, endpoint, connection: self.down, ..Statement::default() };
        // One name is what nearly all lines have, and needs no vector.
        match (self.names.as_slice(), label) {
            ([index], None) => {
                out.add(&Statement { names: &[written(index)], addresses: &self.addresses, ..statement });
            }
            (names, label) => {
                let names: Vec<Written<'_>> = names.iter().map(written).chain(label).collect();
                out.add(&Statement { names: &names, addresses: &self.addresses, ..statement });
            }
        }
        Ok(())
    }

    /// True if the line is a CNAME record (RFC 1035 section 5.1); records of other types without addresses are refused.
    fn is_alias(&self) -> Result<bool, Fault> {
        let Some((owner, rest)) = self.tokens.split_first() else { return Ok(false) };
        let is_between = |token: &Token<'_>| {
            is_any_of(token.text, &["in", "ch", "hs"]) || token.text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let skipped = rest.iter().take(2).take_while(|token| is_between(token)).count();
        let Some(rtype) = rest.get(skipped).filter(|token| token.kind == TokenKind::Word && is_other_type(token.text))
        else {
            return Ok(false);
        };
        if !matches!(owner.kind, TokenKind::Name | TokenKind::Word) || (skipped == 0 && rest.len() != 2) {
            return Ok(false);
        }
        let is_alias = rtype.text.eq_ignore_ascii_case("cname") && rest.len() == skipped + 2;
        if is_alias { Ok(true) } else { Err(problems::other_type(rtype)) }
    }

    /// Marks of comparisons and words of commands turn the meaning of a line round.
    fn check_marks(&self) -> Result<(), Fault> {
        let (Some(first), Some(last)) = (self.tokens.first(), self.tokens.last()) else { return Ok(()) };
        let is_compared =
            |text: &str| text.starts_with(['<', '>', '|']) && text.bytes().all(|b| b == text.as_bytes()[0]);
        if self.content.trim_start().starts_with(';')
            || is_any_of(first.text, &COMMENTS)
            || first.text.starts_with("<!")
        {
            return Err(problems::comment(first));
        }
        for token in [first, last] {
            if token.kind == TokenKind::Word && is_compared(token.text) || token.text == "+" {
                return Err(problems::compared(token));
            }
        }
        let removal = self.tokens.iter().find(|token| token.kind == TokenKind::Word && is_removal(token.text));
        removal.map_or(Ok(()), |token| Err(problems::removal(token)))
    }

    /// The label and the zone of a line that has them in columns of their own, as indexes.
    fn pair(&mut self) -> Result<Option<(usize, usize)>, Fault> {
        let zone = match *self.zones.as_slice() {
            [] => return Ok(None),
            [zone] => zone,
            [_, second, ..] => return Err(problems::two_zones(&self.tokens[second])),
        };
        let zone_token = self.tokens[zone];
        for index in 0..self.names.len() {
            let name = self.tokens[self.names[index]];
            match is_in_zone(name.text, zone_token.text) {
                Some(true) => return Ok(None),
                Some(false) => return Err(problems::other_zone(&name, zone_token.text)),
                None => {}
            }
        }
        let is_label = |index: &usize| may_be_label(&self.tokens[*index]) && !self.is_of_record(*index);
        let mut labels = (0..self.tokens.len()).filter(is_label);
        match (labels.next(), labels.next(), self.names.first()) {
            (Some(label), None, None) if !self.is_doubtful(label, zone) => Ok(Some((label, zone))),
            (None, _, None) => Err(problems::zone_alone(&zone_token)),
            (first, second, name) => {
                let all: Vec<&str> =
                    [first, second, name.copied()].into_iter().flatten().map(|index| self.tokens[index].text).collect();
                Err(problems::which_label(&zone_token, &all))
            }
        }
    }

    /// True if the only word beside a zone may be something else than a label: a number, or a word behind the zone on a
    /// line with an empty cell, where the label is missing.
    fn is_doubtful(&self, label: usize, zone: usize) -> bool {
        let is_number = self.tokens[label].text.bytes().all(|byte| byte.is_ascii_digit());
        let is_separator = |byte: &u8| matches!(byte, b'\t' | b',' | b';');
        let mut is_empty = true;
        let mut has_empty_cell = || {
            self.content.bytes().any(|byte| {
                let was_empty = is_empty && is_separator(&byte);
                is_empty = is_separator(&byte) || is_empty && byte == b' ';
                was_empty
            })
        };
        is_number || label > zone && has_empty_cell()
    }

    /// True for type and class of a record, and for a number beside them, as in `10 IN A 10.0.0.4`. A label of ours has
    /// three characters or more.
    fn is_of_record(&self, index: usize) -> bool {
        let beside =
            || [index.checked_sub(1), Some(index + 1)].into_iter().flatten().filter_map(|at| self.tokens.get(at));
        let text = self.tokens[index].text;
        if text.eq_ignore_ascii_case("aaaa") {
            return beside().any(|token| matches!(token.kind, TokenKind::Address(_)));
        }
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        is_any_of(text, &["a", "in"]) || is_number && beside().any(|token| is_any_of(token.text, &["a", "in", "aaaa"]))
    }

    /// Refuses a line with a name of ours that is no clean word, or with a piece of one.
    fn check_words(&self, pair: Option<(usize, usize)>) -> Result<(), Fault> {
        for (index, token) in self.tokens.iter().enumerate() {
            let is_label = pair.is_some_and(|(label, _)| label == index);
            let is_text = matches!(token.kind, TokenKind::Word | TokenKind::Name);
            if is_text && !token.is_clean && !is_label && mentions_ours(token.text) {
                return Err(self.unclean(index));
            }
            if is_fragment(token) {
                return Err(problems::fragment(token));
            }
            if token.kind == TokenKind::Word
                && !is_label
                && begins_like_vault(token.text)
                && self.is_left_over(token.text)
            {
                return Err(problems::left_over(token));
            }
        }
        Ok(())
    }

    fn unclean(&self, index: usize) -> Fault {
        let before = index.checked_sub(1).map(|before| self.tokens[before].text);
        problems::unclean(&self.tokens[index], before)
    }

    /// True unless the label is that of one of the names: then it is an alias.
    fn is_left_over(&self, label: &str) -> bool {
        let is_first = |index: &usize| {
            let first = self.tokens[*index].text.split('.').next();
            first.is_some_and(|first| first.eq_ignore_ascii_case(label))
        };
        !self.names.is_empty() && !self.names.iter().any(is_first)
    }

    fn nameless(&self, number: u32, aside: &mut Aside) -> Result<(), Fault> {
        if self.addresses.is_empty() {
            return Err(problems::nothing(&self.tokens));
        }
        // The lines every hosts file starts with.
        if self.tokens.len() > 1 && self.addresses.iter().all(is_boilerplate) {
            return Ok(());
        }
        let mut hosts = self.tokens.iter().filter(|token| token.kind == TokenKind::Word);
        let Some(first) = hosts.clone().next() else { return Err(problems::address_alone(&self.tokens[0])) };
        let is_plain = |token: &Token<'_>| {
            token.is_clean && !looks_like_ours(token.text) && !is_blank_filler(token.text) && !token.text.contains('.')
        };
        let starts_with_address = matches!(self.tokens[0].kind, TokenKind::Address(_)) && self.addresses.len() == 1;
        if starts_with_address && hosts.clone().count() + 1 == self.tokens.len() && hosts.all(is_plain) {
            aside.host(number, self.column(first.start), first.text);
            return Ok(());
        }
        Err(problems::no_zone(first))
    }

    fn check_addresses(&self, pair: Option<(usize, usize)>) -> Result<(), Fault> {
        // As PowerShell writes the addresses of one thing: with nothing of another between them.
        let in_braces = || {
            let is_address = |token: &&Token<'_>| matches!(token.kind, TokenKind::Address(_));
            let from_first = self.tokens.iter().skip_while(|token| !is_address(token));
            from_first.take_while(is_address).filter(|token| token.in_braces).count()
                == self.tokens.iter().filter(is_address).count()
        };
        match self.addresses.as_slice() {
            [] => {
                let name = self.names.first().copied().or(pair.map(|(label, _)| label)).unwrap_or_default();
                let is_other = |token: &&Token<'_>| {
                    token.kind == TokenKind::Word && token.start != self.tokens[name].start && key(token.text).is_none()
                };
                let other = self.tokens.iter().find(is_other);
                Err(problems::no_address(&self.tokens[name], other))
            }
            [_] => Ok(()),
            [a, b] if a.is_ipv4() != b.is_ipv4() => Ok(()),
            _ if in_braces() => Ok(()),
            _ => {
                let addresses = self.tokens.iter().filter(|token| matches!(token.kind, TokenKind::Address(_)));
                Err(problems::two_addresses(addresses.skip(1).last(), self.names.len()))
            }
        }
    }
}
