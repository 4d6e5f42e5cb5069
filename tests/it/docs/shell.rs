//! A line for a shell as the programs that it calls, each with its words; as far as pages need it.
//!
//! Quotes are taken off; `$(...)` counts as calls of its own, also within double quotes. Variables stay as they are
//! written. Redirections, assignments, comments and the words of loops and conditions are left out.

/// Words after which a program's name comes.
const KEYWORDS: [&str; 9] = ["do", "then", "else", "if", "while", "until", "!", "{", "exec"];

/// Words that stand alone or begin something that is no call.
const OTHERS: [&str; 7] = ["for", "done", "fi", "}", "export", "read", "set"];

/// The calls of a line, the outer before the inner ones.
pub(super) fn calls(line: &str) -> Vec<Vec<String>> {
    let mut reader = Reader { rest: line.chars().collect(), at: 0, found: Vec::new() };
    reader.list(false);
    reader.found
}

struct Reader {
    rest: Vec<char>,
    at: usize,
    found: Vec<Vec<String>>,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += 1;
        next
    }

    /// Reads calls up to the end, or up to the bracket that closes a `$(`.
    fn list(&mut self, is_nested: bool) {
        let mut words: Vec<String> = Vec::new();
        let mut is_redirected = false;
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' => self.at += 1,
                ')' if is_nested => break,
                '#' => break,
                '|' | '&' | ';' | '(' | ')' | '\n' => {
                    self.at += 1;
                    self.end(&mut words);
                }
                '>' | '<' => {
                    self.at += 1;
                    is_redirected = true;
                    // The number in 2>, the & in >&2.
                    if words.last().is_some_and(|word| word == "2") {
                        words.pop();
                    }
                    if self.peek() == Some('&') {
                        self.at += 1;
                    }
                }
                _ => {
                    let word = self.word();
                    if !std::mem::take(&mut is_redirected) {
                        words.push(word);
                    }
                }
            }
        }
        self.at += 1;
        self.end(&mut words);
    }

    /// A call ends.
    fn end(&mut self, words: &mut Vec<String>) {
        let is_assignment = |word: &String| {
            let name = word.split('=').next().unwrap_or_default();
            name.len() < word.len() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let skipped = |word: &&String| is_assignment(word) || KEYWORDS.contains(&word.as_str());
        let count = words.iter().take_while(skipped).count();
        let call: Vec<String> = words.drain(..).skip(count).collect();
        if call.first().is_some_and(|program| !OTHERS.contains(&program.as_str())) {
            self.found.push(call);
        }
    }

    fn word(&mut self) -> String {
        let (mut word, mut quote) = (String::new(), None);
        while let Some(c) = self.peek() {
            match (c, quote) {
                (' ' | '\t' | '|' | '&' | ';' | '(' | ')' | '<' | '>' | '\n', None) => break,
                ('\'' | '"', None) => quote = Some(c),
                (_, Some(open)) if c == open => quote = None,
                ('\\', None | Some('"')) => {
                    self.at += 1;
                    word.extend(self.peek());
                }
                ('$', None | Some('"')) if self.rest.get(self.at + 1) == Some(&'(') => {
                    self.at += 2;
                    self.list(true);
                    self.at -= 1;
                    word.push_str("$()");
                }
                _ => word.push(c),
            }
            self.next();
        }
        word
    }
}

#[test]
fn a_line_is_split_into_calls() {
    let split = |line: &str| calls(line).iter().map(|words| words.join("|")).collect::<Vec<_>>();
    assert_eq!(split("a 'b c' \"d e\" f\\ g"), ["a|b c|d e|f g"]);
    assert_eq!(split("a | b && c; d || e &"), ["a", "b", "c", "d", "e"]);
    assert_eq!(split("a > f 2>&1 # comment"), ["a"]);
    assert_eq!(split("a b >> f < g"), ["a|b"]);
    assert_eq!(split("X=1 a \"$(b c)\""), ["b|c", "a|$()"]);
    assert_eq!(split("id=$(b --q x.y)"), ["b|--q|x.y"]);
    assert_eq!(split("for a in 1 2; do b \"$a\"; done"), ["b|$a"]);
    assert_eq!(split("if ! a b; then c; fi"), ["a|b", "c"]);
    assert_eq!(split("a 'x | y' --jq 'select(.a == \"b\")'"), ["a|x | y|--jq|select(.a == \"b\")"]);
}
