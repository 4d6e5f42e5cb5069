//! Whether what was printed is what a page shows.
//!
//! The lines below a command are all that it prints, in order. `...` stands for anything in a line, and for any number
//! of lines where it stands alone. Tabs count as one space.

/// Whether the lines are those of the page; the reason if they are not.
pub(crate) fn compare(wanted: &[String], printed: &str) -> Result<(), String> {
    let printed: Vec<String> = printed.lines().map(|line| untabbed(line.trim_end())).collect();
    let mut lines = printed.iter();
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

/// A line with one space for each run of tabs: `dig` aligns its columns with them.
fn untabbed(line: &str) -> String {
    line.split('\t').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
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
    assert!(is_same("a. 10 IN A", "a.\t\t10\tIN A\n"));
    assert!(!is_same("a", "a\nb"), "a line that the page leaves out");
    assert!(!is_same("", "a"), "a page that shows nothing");
    assert!(!is_same("a\nb", "a"), "a line that was not printed");
    assert!(is_same("a\n...", "a\nb\nc") && is_same("...\nc", "a\nb\nc") && is_same("a\n...\nc", "a\nc"));
    assert!(!is_same("...\nc", "a\nb"));
    assert!(!is_like("b ... d", "b c e") && !is_like("b", "bc") && is_like("a...", "abc") && !is_like("a...bb", "ab"));
}
