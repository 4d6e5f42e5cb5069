//! Every file in `tests/cases/`, against the real binary. `CASE=word cargo test --test it cases` runs the files
//! whose name has that word.

use std::path::PathBuf;
use std::sync::Mutex;

use crate::support::casefile;
use crate::support::runner::{self, Steps};

/// Files that run side by side: most of them wait most of the time.
const WORKERS: usize = 4;

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
    let left = Mutex::new(files());
    let next = || left.lock().unwrap().pop();
    let (failed, steps) = (Mutex::new(Vec::new()), Mutex::new(Steps::default()));
    let work = || {
        while let Some(path) = next() {
            let ran = std::panic::catch_unwind(|| runner::run(&path));
            match ran.unwrap_or_else(|_| Err(format!("{}: panicked, see above", path.display()))) {
                Ok(more) => {
                    let mut steps = steps.lock().unwrap();
                    *steps = steps.plus(more);
                }
                Err(why) => failed.lock().unwrap().push(why),
            }
        }
    };
    std::thread::scope(|scope| (0..WORKERS).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
    let Steps { all, ordinary, scripted } = steps.into_inner().unwrap();
    println!(
        "{all} steps: {ordinary} asked hickory-server alone, {scripted} met a script, the others asked no upstream"
    );
}
