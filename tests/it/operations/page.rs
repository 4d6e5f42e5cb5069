//! The nights of the page: their headings, their commands, and whether what was printed is what the page shows.

/// A command and all that it prints.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) command: String,
    pub(super) output: Vec<String>,
}

/// The headings of the nights.
pub(super) fn nights(page: &str) -> impl Iterator<Item = &str> {
    page.lines().filter_map(|line| line.strip_prefix("## ")).filter(|title| *title != "First")
}

/// The commands of a night.
pub(super) fn night(page: &str, title: &str) -> Vec<Block> {
    let lines = page.lines().skip_while(|line| line.strip_prefix("## ") != Some(title)).skip(1);
    let (mut blocks, mut inside) = (Vec::<Block>::new(), false);
    for line in lines.take_while(|line| !line.starts_with("## ")) {
        match (line, inside) {
            ("```console", _) => inside = true,
            ("```", _) => inside = false,
            (line, true) => match (line.strip_prefix("$ "), blocks.last_mut()) {
                (Some(command), _) => blocks.push(Block { command: command.to_owned(), output: Vec::new() }),
                (None, Some(block)) => block.output.push(line.trim_end().to_owned()),
                (None, None) => panic!("{title}: output without a command: {line}"),
            },
            _ => {}
        }
    }
    blocks
}

/// Whether the lines are those of the page; the reason if they are not.
pub(super) fn compare(wanted: &[String], printed: &str) -> Result<(), String> {
    let mut lines = printed.lines().map(str::trim_end).peekable();
    let mut is_any = false;
    for line in wanted {
        if line == "..." {
            is_any = true;
            continue;
        }
        loop {
            match lines.next() {
                Some(found) if is_like(line, found) => break,
                Some(_) if is_any => {}
                Some(found) => return Err(format!("the page has: {line}\nand here is: {found}")),
                None => return Err(format!("the page has: {line}\nand there is no more")),
            }
        }
        is_any = false;
    }
    match lines.next() {
        Some(more) if !is_any => Err(format!("the page ends before: {more}")),
        _ => Ok(()),
    }
}

/// True if a line is the wanted one, with `...` for anything in it.
fn is_like(wanted: &str, found: &str) -> bool {
    let mut parts = wanted.split("...");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = found.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn a_page_is_compared_line_by_line() {
    let wanted = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let is_same = |page: &str, printed: &str| compare(&wanted(page), printed).is_ok();
    assert!(is_same("a\nb ... d", "a\nb c d\n"));
    assert!(!is_same("a", "a\nb"), "a line that the page leaves out");
    assert!(!is_same("a\nb", "a"), "a line that was not printed");
    assert!(is_same("a\n...", "a\nb\nc") && is_same("...\nc", "a\nb\nc") && is_same("a\n...\nc", "a\nc"));
    assert!(!is_same("...\nc", "a\nb"));
    assert!(!is_like("b ... d", "b c e") && !is_like("b", "bc") && is_like("a...", "abc") && !is_like("a...bb", "ab"));
    let page = "## First\n```console\n$ no\n```\n## 1. One\ntext\n```console\n$ a b\nout\n\n$ c\n```\n## 2. Two\n";
    assert_eq!(nights(page).collect::<Vec<_>>(), ["1. One", "2. Two"]);
    let blocks = night(page, "1. One");
    assert_eq!(blocks.len(), 2);
    assert_eq!((blocks[0].command.as_str(), &blocks[0].output[..]), ("a b", &["out".to_owned(), String::new()][..]));
}
