//! The grammar of JSON over the tokens of `jsonc_parser`: a document becomes a tree, a root array one tree for each
//! element.
//!
//! Strict where laxness would hide that a list is damaged: a lost comma often goes with a lost line. Comments and a
//! comma behind the last value are taken, the additions of JSON5 are not.

use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::tokens::Token;
use jsonc_parser::{Scanner, ScannerOptions};

use crate::diag::Id;
use crate::sync::source::Wrong;
use crate::sync::source::tree::{Kind, MAX_DEPTH, Piece, Tree};

/// A place in the text and what is wrong there.
pub(super) type Fault = (usize, Wrong);

/// The reader of one document.
pub(super) struct Parser<'t, 'r> {
    scanner: Scanner<'t>,
    /// The place of the document in the text of the tree.
    base: usize,
    tree: &'r mut Tree<'t>,
    depth: usize,
    /// The text is a part of the root array, which ends behind a comma.
    is_part: bool,
}

impl<'t, 'r> Parser<'t, 'r> {
    /// A reader of the document at a place.
    pub(super) fn new(tree: &'r mut Tree<'t>, base: usize) -> Self {
        let text = tree.text().get(base..).unwrap_or_default();
        Self::over(text, tree, base)
    }

    fn over(text: &'t str, tree: &'r mut Tree<'t>, base: usize) -> Self {
        let options = ScannerOptions {
            allow_single_quoted_strings: false,
            allow_hexadecimal_numbers: false,
            allow_unary_plus_numbers: false,
            allow_bare_decimal_point_numbers: false,
            allow_non_finite_numbers: false,
            allow_extended_string_escapes: false,
        };
        Self { scanner: Scanner::new(text, &options), base, tree, depth: 0, is_part: false }
    }

    /// Reads elements of the root array from a place behind its bracket or one of its commas on: up to `end` behind
    /// another such comma, or else up to the end of the array. Gives the place behind them.
    pub(super) fn part(
        tree: &'r mut Tree<'t>,
        from: usize,
        end: Option<usize>,
        mut each: impl FnMut(&Tree<'t>),
    ) -> Result<usize, Fault> {
        let text = tree.text().get(from..end.unwrap_or(tree.text().len())).unwrap_or_default();
        let mut parser = Self { is_part: end.is_some(), ..Self::over(text, tree, from) };
        parser.root_elements(from, &mut each)
    }

    /// Reads the document, hands over its pieces, and gives the place behind it.
    pub(super) fn document(mut self, mut each: impl FnMut(&Tree<'t>, Piece)) -> Result<usize, Fault> {
        self.tree.clear();
        match self.token()? {
            None => {}
            Some(Token::OpenBracket) => {
                let start = self.start();
                return self.root_elements(start, |tree| each(tree, Piece::Element));
            }
            Some(token) => {
                self.value(token, None)?;
                each(self.tree, Piece::Document);
            }
        }
        Ok(self.base + self.scanner.token_end())
    }

    /// The place of what comes first, if there is anything but comments.
    pub(super) fn next_start(mut self) -> Result<Option<usize>, Fault> {
        Ok(self.token()?.map(|_| self.start()))
    }

    fn root_elements(&mut self, start: usize, mut each: impl FnMut(&Tree<'t>)) -> Result<usize, Fault> {
        self.depth = 1;
        self.elements(start, |parser, token| {
            parser.tree.clear();
            parser.value(token, None)?;
            each(parser.tree);
            Ok(())
        })?;
        Ok(self.base + self.scanner.token_end())
    }

    /// The next token that is no comment.
    fn token(&mut self) -> Result<Option<Token<'t>>, Fault> {
        loop {
            match self.scanner.scan() {
                Ok(Some(Token::CommentLine(_) | Token::CommentBlock(_))) => {}
                Ok(token) => return Ok(token),
                Err(error) => return Err(self.fault_of(&error)),
            }
        }
    }

    fn start(&self) -> usize {
        self.base + self.scanner.token_start()
    }

    fn value(&mut self, token: Token<'t>, key: Option<&str>) -> Result<(), Fault> {
        let at = self.start();
        match token {
            Token::OpenBrace => self.object(at, key),
            Token::OpenBracket => self.array(at, key),
            Token::String(text) => self.push(Kind::String, key, &text, at).map(drop),
            Token::Number(text) => self.push(Kind::Other, key, text, at).map(drop),
            Token::Boolean(truth) => self.push(Kind::Other, key, if truth { "true" } else { "false" }, at).map(drop),
            Token::Null => self.push(Kind::Null, key, "", at).map(drop),
            other => Err(unexpected(&other, at)),
        }
    }

    fn push(&mut self, kind: Kind, key: Option<&str>, value: &str, at: usize) -> Result<usize, Fault> {
        self.tree.push(kind, key, value, at).ok_or_else(|| (at, Tree::too_large()))
    }

    fn descend(&mut self, at: usize) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err((at, Tree::too_deep())) } else { Ok(()) }
    }

    fn array(&mut self, at: usize, key: Option<&str>) -> Result<(), Fault> {
        self.descend(at)?;
        let index = self.push(Kind::Array, key, "", at)?;
        self.elements(at, |parser, token| parser.value(token, None))?;
        self.tree.close(index);
        self.depth -= 1;
        Ok(())
    }

    /// The elements of an array up to its end.
    fn elements(
        &mut self,
        at: usize,
        mut each: impl FnMut(&mut Self, Token<'t>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let unterminated = || syntax(at, &ParseErrorKind::UnterminatedArray);
        let mut token = self.token()?.ok_or_else(unterminated)?;
        loop {
            match token {
                Token::CloseBracket => return Ok(()),
                first => each(self, first)?,
            }
            let end = self.base + self.scanner.token_end();
            match self.token()?.ok_or_else(unterminated)? {
                Token::CloseBracket => return Ok(()),
                Token::Comma if self.is_at_end_of_part() => return Ok(()),
                Token::Comma => token = self.token()?.ok_or_else(unterminated)?,
                _ => return Err(syntax(end, &ParseErrorKind::ExpectedComma)),
            }
        }
    }

    fn is_at_end_of_part(&self) -> bool {
        self.is_part && self.depth == 1 && self.scanner.token_end() == self.scanner.file_text().len()
    }

    fn object(&mut self, at: usize, key: Option<&str>) -> Result<(), Fault> {
        self.descend(at)?;
        let index = self.push(Kind::Object, key, "", at)?;
        let unterminated = || syntax(at, &ParseErrorKind::UnterminatedObject);
        let mut token = self.token()?.ok_or_else(unterminated)?;
        loop {
            match token {
                Token::CloseBrace => break,
                Token::String(name) => self.property(&name, at)?,
                Token::Word(word) => return Err((self.start(), unquoted_key(word))),
                other => return Err(unexpected(&other, self.start())),
            }
            let end = self.base + self.scanner.token_end();
            match self.token()?.ok_or_else(unterminated)? {
                Token::CloseBrace => break,
                Token::Comma => token = self.token()?.ok_or_else(unterminated)?,
                _ => return Err(syntax(end, &ParseErrorKind::ExpectedComma)),
            }
        }
        self.tree.close(index);
        self.depth -= 1;
        Ok(())
    }

    fn property(&mut self, name: &str, object: usize) -> Result<(), Fault> {
        let unterminated = || syntax(object, &ParseErrorKind::UnterminatedObject);
        let end = self.base + self.scanner.token_end();
        match self.token()?.ok_or_else(unterminated)? {
            Token::Colon => {}
            _ => return Err(syntax(end, &ParseErrorKind::ExpectedColonAfterObjectKey)),
        }
        let token = self.token()?.ok_or_else(unterminated)?;
        self.value(token, Some(name))
    }

    fn fault_of(&self, error: &ParseError) -> Fault {
        syntax(self.base + error.range().start, error.kind())
    }
}

fn syntax(at: usize, kind: &ParseErrorKind) -> Fault {
    let advice = match kind {
        ParseErrorKind::SingleQuotedStringsNotAllowed => ": put text in double quotes",
        ParseErrorKind::UnterminatedArray | ParseErrorKind::UnterminatedObject => {
            "; the list ends before its end: export it again"
        }
        _ => "",
    };
    (at, (Id::LIST_SYNTAX, format!("this is not JSON: {}{advice}", kind.to_string().to_lowercase())))
}

fn unquoted_key(word: &str) -> Wrong {
    let word = crate::sync::source::token::quoted(word);
    (
        Id::LIST_SYNTAX,
        format!("this is not JSON: the key {word} has no quotes: write \"{word}\", and all text in double quotes"),
    )
}

fn unexpected(token: &Token<'_>, at: usize) -> Fault {
    syntax(
        at,
        &match token {
            Token::Word(_) => ParseErrorKind::UnexpectedWord,
            Token::Comma => ParseErrorKind::UnexpectedComma,
            Token::Colon => ParseErrorKind::UnexpectedColon,
            Token::CloseBrace => ParseErrorKind::UnexpectedCloseBrace,
            Token::CloseBracket => ParseErrorKind::UnexpectedCloseBracket,
            _ => ParseErrorKind::UnexpectedToken,
        },
    )
}
