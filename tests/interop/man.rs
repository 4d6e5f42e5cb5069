//! The man pages as man-db and mandoc read them: neither has a word to say, and each page has its name and summary.

use std::path::PathBuf;
use std::process::Command;

use crate::tool;

fn pages() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/man");
    let mut pages: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    assert!(pages.len() > 10, "{pages:?}");
    pages
}

#[test]
fn mandoc_has_no_warning_for_any_page() {
    let Some(mandoc) = tool::find("mandoc") else { return };
    for page in pages() {
        let (_, said) = tool::run(Command::new(&mandoc).args(["-T", "lint", "-W", "warning"]).arg(&page));
        // A date would differ from build to build, or be wrong.
        let warnings: Vec<_> = said.lines().filter(|line| !line.contains("missing date, using \"\": TH")).collect();
        assert!(warnings.is_empty(), "{warnings:#?}");
    }
}

#[test]
fn groff_has_no_warning_for_any_page_and_shows_it() {
    let (Some(man), Some(_)) = (tool::find("man"), tool::find("groff")) else { return };
    for page in pages() {
        let mut command = Command::new(&man);
        command.args(["--warnings", "-E", "UTF-8", "-l"]).arg(&page);
        command.env("MANWIDTH", "80").env("LC_ALL", "C.UTF-8").env("MANROFFSEQ", "");
        let output = command.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{}", page.display());
        let shown = String::from_utf8_lossy(&output.stdout);
        let name = page.file_stem().unwrap().to_string_lossy();
        assert!(shown.contains(&format!("{name} - ")), "{shown}");
    }
}

#[test]
fn every_page_has_a_line_for_apropos() {
    let Some(lexgrog) = tool::find("lexgrog") else { return };
    for page in pages() {
        let (found, said) = tool::run(Command::new(&lexgrog).arg(&page));
        assert!(found && said.contains(&format!("\"{} - ", page.file_stem().unwrap().to_string_lossy())), "{said}");
    }
}
