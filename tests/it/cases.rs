//! Every file in `tests/cases/`, against the real binary. `CASE=word cargo test --test it cases` runs the files
//! whose name has that word.

use std::path::PathBuf;

use crate::support::{casefile, runner};

fn files() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let wanted = std::env::var("CASE").unwrap_or_default();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "case"))
        .filter(|path| path.to_string_lossy().contains(&wanted))
        .collect();
    files.sort();
    files
}

#[test]
fn every_case_file_can_be_read() {
    let errors: Vec<String> = files().iter().filter_map(|path| casefile::read(path).err()).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn every_case_gives_the_answer_it_spells_out() {
    let mut failed = Vec::new();
    let mut steps = 0;
    for path in files() {
        let ran = std::panic::catch_unwind(|| runner::run(&path));
        match ran.unwrap_or_else(|_| Err(format!("{}: panicked, see above", path.display()))) {
            Ok(count) => steps += count,
            Err(why) => failed.push(why),
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
    println!("{steps} steps");
}
