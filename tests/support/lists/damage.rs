//! What happens to lists on their way: cut, folded, glued, commented, with the wrong line ends.

use super::forms::{Made, Tape};

/// A damaged list.
#[derive(Clone, Debug)]
pub(crate) struct Damaged {
    pub(crate) text: String,
    /// What was done.
    pub(crate) how: &'static str,
    /// No name or address was touched, and none was put beside another: whoever reads a record that the sound list does
    /// not have has made it up.
    pub(crate) is_gentle: bool,
    /// Lines stand elsewhere than before, or behind what was a comment.
    pub(crate) moves_lines: bool,
}

impl Damaged {
    /// True if the text cannot say anything that the list did not say when it was made.
    pub(crate) fn keeps(&self, made: &Made) -> bool {
        self.is_gentle && !(self.moves_lines && made.means_by_place())
    }
}

/// Characters that nobody sees, and some that look like others.
const INVISIBLE: [char; 14] = [
    '\u{200b}', '\u{200e}', '\u{2060}', '\u{ad}', '\u{a0}', '\u{feff}', '\u{2011}', '\u{200d}', '\u{202a}', '\u{2003}',
    '\u{3000}', '\u{1}', '\u{7f}', '\u{180e}',
];

/// Damages a list in one way.
pub(crate) fn damage(tape: &mut Tape<'_>, text: &str) -> Damaged {
    let lines: Vec<&str> = text.lines().collect();
    let at_line = tape.below(lines.len().max(1));
    let at = tape.below(text.len().max(1));
    let at = (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let (text, how, is_gentle) = match tape.below(14) {
        0 => (text[..at].to_owned(), "cut", false),
        1 => (line_ends(tape, &lines), "line ends", true),
        2 => {
            let invisible = INVISIBLE[tape.below(INVISIBLE.len())];
            // Some of them are blanks to the eye and to every reader: two words are two words.
            let is_gentle = !invisible.is_whitespace();
            (format!("{}{invisible}{}", &text[..at], &text[at..]), "an invisible character", is_gentle)
        }
        3 => (joined(&lines, at_line, " "), "lines glued with a blank", true),
        4 => (joined(&lines, at_line, ""), "lines glued", false),
        5 => (every(&lines, |line| format!("> {line}")), "quoted as mail", true),
        6 => (numbered(&lines, tape.below(2) == 0), "line numbers", true),
        7 => (twice(tape, &lines, at_line), "a line twice", true),
        8 => (folded(&lines, 40 + tape.below(100)), "folded by a console", false),
        9 => (format!("{}\n{text}", tape.one(&TITLES)), "a title", true),
        10 => {
            let repeated = lines.get(at_line).map(|line| repeated_word(line, at)).unwrap_or_default();
            let lines: Vec<&str> =
                lines.iter().enumerate().map(|(n, line)| if n == at_line { &repeated } else { *line }).collect();
            (every(&lines, str::to_owned), "a cell twice", true)
        }
        11 => (without(text, at), "a character less", false),
        12 => (lines[..at_line].join("\n") + "\n", "lines lost at the end", true),
        _ => (format!("{text}{text}"), "appended to itself", true),
    };
    let moves_lines = how.starts_with("lines glued") || how == "a line twice";
    Damaged { text, how, is_gentle, moves_lines }
}

const TITLES: [&str; 8] = [
    "Generated : 2026-03-30",
    "PS C:\\> Get-AzPrivateEndpoint",
    "WARNING: this command is in preview",
    "sep=;",
    "Private endpoints of the hub",
    "$ az network private-endpoint list -o table",
    "---",
    "[endpoints]",
];

fn every(lines: &[&str], change: impl Fn(&str) -> String) -> String {
    lines.iter().map(|line| change(line) + "\n").collect()
}

fn line_ends(tape: &mut Tape<'_>, lines: &[&str]) -> String {
    let is_mixed = tape.rarely(3);
    let ends = ["\r", "\r\n", "\u{2028}", "\u{b}", "\u{c}", "\u{85}", "\u{2029}", "\n\r", "\n\n"];
    let first = tape.below(ends.len());
    let mut text = String::new();
    for line in lines {
        text += line;
        text += ends[if is_mixed { tape.below(ends.len()) } else { first }];
    }
    text
}

fn joined(lines: &[&str], at: usize, with: &str) -> String {
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        text += line;
        text += if number == at { with } else { "\n" };
    }
    text
}

fn numbered(lines: &[&str], has_colon: bool) -> String {
    let colon = if has_colon { ":" } else { "" };
    let lines: Vec<String> = (1..).zip(lines).map(|(number, line)| format!("{number}{colon} {line}")).collect();
    lines.join("\n") + "\n"
}

fn twice(tape: &mut Tape<'_>, lines: &[&str], at: usize) -> String {
    let mut all = lines.to_vec();
    if let Some(line) = lines.get(at) {
        all.insert(tape.below(all.len() + 1), line);
    }
    every(&all, str::to_owned)
}

fn folded(lines: &[&str], width: usize) -> String {
    let mut text = String::new();
    for line in lines {
        for (number, c) in line.chars().enumerate() {
            if number > 0 && number % width == 0 {
                text.push('\n');
            }
            text.push(c);
        }
        text.push('\n');
    }
    text
}

/// The word around a place in each line, once more.
fn repeated_word(line: &str, at: usize) -> String {
    let words: Vec<&str> = line.split([' ', ',', ';', '\t', '|']).filter(|word| !word.is_empty()).collect();
    let Some(word) = words.get(at % words.len().max(1)) else { return line.to_owned() };
    let between = line.chars().find(|c| [',', ';', '\t', '|', ' '].contains(c)).unwrap_or(' ');
    line.replacen(word, &format!("{word}{between}{word}"), 1)
}

fn without(text: &str, at: usize) -> String {
    let mut text = text.to_owned();
    if at < text.len() {
        text.remove(at);
    }
    text
}
