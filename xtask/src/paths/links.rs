//! Links of the documents: their files, the headings in them, and the index that leads to every page.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// The index of the documents, from the repository's root.
pub(super) const INDEX: &str = "docs/README.md";

/// The targets of the relative links in a line, as they are written.
pub(super) fn targets(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
}

/// What is wrong with a link of a document, if anything is; `text` reads a file.
pub(super) fn wrong(document: &Path, target: &str, text: &impl Fn(&Path) -> Option<String>) -> Option<String> {
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    let file = if path.is_empty() { document.to_owned() } else { document.parent().unwrap_or(document).join(path) };
    if !file.exists() {
        return Some(format!("link {path}"));
    }
    let is_page = file.extension().is_some_and(|kind| kind == "md");
    let has_heading = || text(&file).is_some_and(|text| anchors(&text).iter().any(|anchor| anchor == heading));
    (!heading.is_empty() && is_page && !has_heading()).then(|| format!("link {target}: the heading"))
}

/// The anchors of a page's headings, as GitHub makes them: lower case, without punctuation, with hyphens for spaces;
/// the second of the same name has `-1` behind it.
fn anchors(text: &str) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let headings = super::prose(text).into_iter().filter_map(|(_, line)| {
        let title = line.trim_start_matches('#');
        (title.len() < line.len()).then(|| title.strip_prefix(' ')).flatten()
    });
    let anchor = |title: &str| -> String {
        let kept = title.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    let numbered = |anchor: String| {
        let count = seen.entry(anchor.clone()).or_default();
        *count += 1;
        if *count > 1 { format!("{anchor}-{}", *count - 1) } else { anchor }
    };
    headings.map(anchor).map(numbered).collect()
}

/// The pages that a reader should find and that no link of the index leads to, from the repository's root. A link to a
/// folder leads to all pages in it.
pub(super) fn unlisted(index: &str, pages: &[PathBuf]) -> Vec<String> {
    let folder = Path::new(INDEX).parent().unwrap_or(Path::new(""));
    let links: Vec<PathBuf> = super::prose(index)
        .into_iter()
        .flat_map(|(_, line)| targets(line))
        .map(|target| plain(&folder.join(target.split('#').next().unwrap_or_default())))
        .collect();
    let is_listed = |page: &PathBuf| {
        page == Path::new(INDEX) || links.iter().any(|link| link == page || page.parent() == Some(link))
    };
    pages.iter().filter(|page| !is_listed(page)).map(|page| page.display().to_string()).collect()
}

/// A path without `..` in it.
fn plain(path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = found.pop(),
            Component::CurDir => {}
            part => found.push(part),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_has_the_anchor_that_the_web_gives_it() {
        let text =
            "# `a b` of C, d\n## What is read, and what is not\n```\n# no\n```\n## 1. A list\n## 1. A list\n#no\n";
        assert_eq!(anchors(text), ["a-b-of-c-d", "what-is-read-and-what-is-not", "1-a-list", "1-a-list-1"]);
    }

    #[test]
    fn a_link_to_a_file_or_heading_that_does_not_exist_is_found() {
        let document = crate::root().join("docs/azure.md");
        let text = |file: &Path| std::fs::read_to_string(file).ok();
        let wrong = |target: &str| wrong(&document, target, &text);
        for good in ["lists.md", "#the-role", "../README.md#how-it-fails", "decisions", "pictures/overview.svg"] {
            assert_eq!(wrong(good), None, "{good}");
        }
        for (bad, said) in [
            ("list.md", "link list.md"),
            ("#the-rule", "link #the-rule: the heading"),
            ("../README.md#how-it-fail", "link ../README.md#how-it-fail: the heading"),
            ("doctor.md#", ""),
        ] {
            assert_eq!(wrong(bad).unwrap_or_default(), said, "{bad}");
        }
    }

    #[test]
    fn a_page_that_the_index_does_not_lead_to_is_found() {
        let index = "[a](a.md#x), [b](../deploy/b/README.md), [all](decisions/)\n```\n[c](c.md)\n```\n";
        let pages: Vec<PathBuf> =
            ["docs/README.md", "docs/a.md", "deploy/b/README.md", "docs/decisions/0001.md", "docs/c.md"]
                .map(PathBuf::from)
                .into();
        assert_eq!(unlisted(index, &pages), ["docs/c.md"]);
        assert_eq!(targets("[a](https://a.example/), [b](b.md), [c](#d)").collect::<Vec<_>>(), ["b.md", "#d"]);
    }
}
