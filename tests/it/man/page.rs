//! One man page: headings, paragraphs, lists and commands to roff text.
//!
//! In a text, what stands in backticks is bold, and so is the name of a page in front of its section: `dig(1)`.

use clap_mangen::roff::{Inline, Roff, bold, roman};

/// A place at which a long word may be broken, without a hyphen.
pub(crate) const BREAK: char = '\u{200b}';

/// A page that is being written.
pub(crate) struct Page {
    roff: Roff,
    /// What is written already.
    text: String,
}

impl Page {
    /// A page with its title line and NAME section.
    pub(crate) fn new(title: &str, section: &str, about: &str) -> Self {
        let mut roff = Roff::new();
        let source = concat!("privatelink-dns ", env!("CARGO_PKG_VERSION"));
        // The third argument is the date: an empty one needs its quotes.
        roff.control("TH", [title, section, "\"\"", source, "DNS server"]);
        // Names and commands are copied from pages: no hyphens in them, and no blanks between their words.
        roff.control("nh", []);
        roff.control("ad", ["l"]);
        roff.control("SH", ["NAME"]);
        roff.text([roman(format!("{title} - {about}"))]);
        Self { roff, text: Roff::new().render() }
    }

    pub(crate) fn heading(&mut self, title: &str) {
        self.roff.control("SH", [title]);
    }

    pub(crate) fn subheading(&mut self, title: &str) {
        self.roff.control("SS", [title]);
    }

    /// Paragraphs, divided by blank lines. Each sentence has a line of its own, as roff wants it.
    pub(crate) fn text(&mut self, text: &str) {
        for (number, paragraph) in text.split("\n\n").enumerate() {
            if number > 0 {
                self.roff.control("PP", []);
            }
            self.roff.text(inlines(paragraph));
        }
    }

    /// The forms in which a command is typed.
    pub(crate) fn synopsis(&mut self, forms: Vec<Vec<Inline>>) {
        self.heading("SYNOPSIS");
        for (number, form) in forms.into_iter().enumerate() {
            if number > 0 {
                self.roff.control("br", []);
            }
            self.roff.text(form);
        }
    }

    /// A term and what it means.
    pub(crate) fn term(&mut self, term: Vec<Inline>, text: &str) {
        self.roff.control("TP", []);
        self.roff.text(term);
        for (number, paragraph) in text.split("\n\n").enumerate() {
            if number > 0 {
                self.roff.control("IP", []);
            }
            self.roff.text(inlines(paragraph));
        }
    }

    /// Lines as they are typed.
    pub(crate) fn code(&mut self, lines: &[&str]) {
        self.roff.control("PP", []);
        self.roff.control("RS", ["4"]);
        self.roff.control("EX", []);
        for line in lines {
            self.roff.text([roman(*line)]);
        }
        self.roff.control("EE", []);
        self.roff.control("RE", []);
    }

    /// A command and what it is for, or the command alone.
    pub(crate) fn example(&mut self, command: &str, meaning: &str) {
        if meaning.is_empty() {
            self.roff.control("PP", []);
            self.roff.text([bold(command)]);
        } else {
            self.term(vec![bold(command)], &sentence(meaning));
        }
    }

    /// The exit codes of the table at the end of a help, one a line: the code, then its meaning.
    pub(crate) fn exit_codes(&mut self, table: &str) {
        self.heading("EXIT STATUS");
        for line in table.lines() {
            let (code, meaning) = line.trim_start().split_once("  ").unwrap();
            self.term(vec![bold(code)], &sentence(meaning));
        }
    }

    pub(crate) fn see_also(&mut self, pages: &[&str]) {
        self.heading("SEE ALSO");
        self.text(&pages.join(", "));
    }

    /// A section that `clap_mangen` made.
    pub(crate) fn section(&mut self, section: &str) {
        self.flush();
        self.text += without_head(section);
    }

    /// The page: without the paragraphs that would begin where a heading begins one, and with breaks that have no width.
    pub(crate) fn finish(mut self) -> String {
        self.flush();
        let mut text = String::new();
        let mut is_below_heading = false;
        for line in self.text.lines() {
            if line != ".PP" || !is_below_heading {
                text.push_str(line);
                text.push('\n');
            }
            is_below_heading = [".SH ", ".SS "].iter().any(|heading| line.starts_with(heading));
        }
        text.replace(BREAK, "\\:")
    }

    fn flush(&mut self) {
        let made = std::mem::take(&mut self.roff).render();
        self.text += without_head(&made);
    }
}

/// Roff text without the definition of the apostrophe that each piece begins with.
fn without_head(text: &str) -> &str {
    text.strip_prefix(&Roff::new().render()).unwrap()
}

/// A sentence: a capital in front, unless a name of the program or a code stands there, and a full stop at its end.
pub(crate) fn sentence(text: &str) -> String {
    let text = text.trim();
    let end = if text.ends_with(['.', '?']) { "" } else { "." };
    let first = text.split(' ').next().unwrap_or_default().trim_end_matches([',', ':', ';', '.']);
    let is_word = first.bytes().all(|b| b.is_ascii_lowercase());
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if is_word => format!("{}{}{end}", first.to_ascii_uppercase(), letters.as_str()),
        _ => format!("{text}{end}"),
    }
}

/// A paragraph with what is bold in it.
fn inlines(paragraph: &str) -> Vec<Inline> {
    let words = paragraph.split_whitespace().collect::<Vec<_>>().join(" ").replace(". ", ".\n");
    let mut inlines = Vec::new();
    for (number, part) in words.split('`').enumerate() {
        if number % 2 == 1 {
            inlines.push(bold(part));
        } else {
            references(part, &mut inlines);
        }
    }
    inlines
}

/// Text in which the names of other pages become bold.
fn references(text: &str, inlines: &mut Vec<Inline>) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let mut rest = text;
    while let Some(open) = rest.find(['(']) {
        let begin = rest[..open].rfind(|c| !is_name(c)).map_or(0, |at| at + 1);
        let is_page =
            rest[open + 1..].starts_with(|c: char| ('1'..='8').contains(&c)) && rest[open + 2..].starts_with(')');
        if is_page && begin < open {
            inlines.extend([roman(&rest[..begin]), bold(&rest[begin..open]), roman(&rest[open..open + 3])]);
            rest = &rest[open + 3..];
        } else {
            inlines.push(roman(&rest[..=open]));
            rest = &rest[open + 1..];
        }
    }
    inlines.push(roman(rest));
}
