//! Endpoint lists as people have them, each with what is right for it: `tests/data/lists`.
//!
//! Each list is the only source of a config of its own; `check` and `sync` read it, and the records are read from the
//! zone files that `sync` wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use crate::support::site::{Ran, Site};

/// What is right for a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// Exactly its records.
    Records,
    /// Exactly its records, or a refusal.
    Either,
    /// A refusal.
    Refuse,
    /// At most its records, and a word about the rest.
    Notice,
}

/// A line of `expected.jsonl`.
#[derive(Clone, Debug)]
struct Case {
    file: String,
    expect: Expect,
    records: BTreeSet<String>,
    cloud: String,
    says: String,
    why: String,
}

/// What came of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Right,
    /// A record that the list does not have.
    Wrong,
    /// Records, or silence, where a refusal belongs.
    Taken,
    /// Records are missing without a word.
    Lost,
    /// A form that has to be read is refused.
    Refused,
    /// The message does not say what it has to say.
    Unsaid,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "WRONG",
            Self::Taken => "TAKEN",
            Self::Lost => "LOST",
            Self::Refused => "REFUSED",
            Self::Unsaid => "UNSAID",
        }
    }
}

/// What the binary made of a list.
#[derive(Debug)]
struct Played {
    /// The exit code of `check`.
    code: Option<i32>,
    /// The messages of `check`.
    said: String,
    /// True if `sync` held something back.
    is_held: bool,
    records: BTreeSet<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/lists")
}

/// The file of a case: `exports/NAME` is below the folder itself.
fn path_of(file: &str) -> PathBuf {
    if file.contains('/') { folder().join(file) } else { folder().join("files").join(file) }
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(folder().join("expected.jsonl")).unwrap();
    text.lines().map(case).collect()
}

fn case(line: &str) -> Case {
    let value: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let expect = match value["expect"].as_str() {
        Some("records") => Expect::Records,
        Some("either") => Expect::Either,
        Some("refuse") => Expect::Refuse,
        Some("notice") => Expect::Notice,
        other => panic!("{other:?} in {line}"),
    };
    let records = value["records"].as_array().into_iter().flatten();
    Case {
        file: text("file"),
        expect,
        records: records.map(|record| record.as_str().unwrap().to_owned()).collect(),
        cloud: text("cloud"),
        says: text("says"),
        why: text("why"),
    }
}

fn play(case: &Case) -> Played {
    let name = case.file.rsplit('/').next().unwrap();
    let mut site = Site::new().with_list(name, std::fs::read(path_of(&case.file)).unwrap());
    site.add("[sync]\nallowed_targets = [\"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\", \"fc00::/7\"]\n");
    match case.cloud.as_str() {
        "" => site.add("[backup]\ngeos = [\"we\"]\n"),
        cloud => site.add(&format!("[backup]\ncloud = \"{cloud}\"\ngeos = []\n")),
    }
    let (check, sync) = (site.run("check", &[]), site.run("sync", &[]));
    Played {
        code: check.code,
        is_held: Ran::all(&sync).to_lowercase().contains("held"),
        said: check.all(),
        records: records(&site.path("zones")),
    }
}

/// The address records of every zone file in a folder, as `NAME TYPE ADDRESS`.
fn records(zones: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in std::fs::read_dir(zones).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "zone") {
            continue;
        }
        let apex = path.file_stem().unwrap().to_str().unwrap().to_owned();
        for line in std::fs::read_to_string(&path).unwrap().lines().filter(|line| !line.starts_with([';', '$', ' '])) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let Some(at) = words.iter().position(|word| ["A", "AAAA"].contains(word)).filter(|at| *at > 0) else {
                continue;
            };
            found.insert(format!("{}.{apex} {} {}", words[0], words[at], words[at + 1]));
        }
    }
    found
}

/// The first of some records.
fn first(records: &BTreeSet<String>) -> String {
    let shown: Vec<&str> = records.iter().take(2).map(String::as_str).collect();
    shown.join(", ")
}

/// The verdict, and what differs.
fn judge(case: &Case, played: &Played) -> (Verdict, String) {
    let got = &played.records;
    let invented: BTreeSet<String> = got.difference(&case.records).cloned().collect();
    let is_refused = played.code == Some(2) && got.is_empty();
    let message = || played.said.lines().next().unwrap_or_default().to_owned();
    if case.expect == Expect::Refuse && !is_refused {
        return (Verdict::Taken, format!("{} records where a refusal belongs: {}", got.len(), first(got)));
    }
    if !invented.is_empty() {
        return (Verdict::Wrong, format!("nobody listed {}", first(&invented)));
    }
    if is_refused && !matches!(case.expect, Expect::Either | Expect::Refuse) {
        return (Verdict::Refused, message());
    }
    let is_said = played.said.contains("warning") || played.said.contains("note") || played.is_held;
    let is_whole = is_refused || *got == case.records && case.expect != Expect::Notice;
    let is_noticed = case.expect == Expect::Notice && is_said;
    if !is_whole && !is_noticed {
        let missing = case.records.len() - got.len();
        return (Verdict::Lost, format!("{missing} of {} missing, exit {:?}", case.records.len(), played.code));
    }
    if !played.said.contains(&case.says) {
        return (Verdict::Unsaid, format!("not in the messages: '{}'; first of them: {}", case.says, message()));
    }
    (Verdict::Right, String::new())
}

/// Plays all, a few at a time; by file.
fn play_all(cases: &[Case]) -> BTreeMap<&str, (Verdict, String)> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from) + 1;
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    sender.send((case.file.as_str(), judge(case, &play(case)))).unwrap();
                }
            });
        }
        drop(sender);
        receiver.iter().collect()
    })
}

/// The lists that are not right yet, with their verdict.
fn known() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(folder().join("known.txt")).unwrap_or_default();
    let words = |line: &str| line.split_once(' ').map(|(word, file)| (file.trim().to_owned(), word.to_owned()));
    text.lines().filter_map(words).collect()
}

/// `BLESS=1` writes `known.txt` anew: look at the difference before you commit it.
#[test]
fn every_list_is_read_whole_or_refused() {
    let (cases, known) = (cases(), known());
    let found = play_all(&cases);
    assert_eq!(found.len(), cases.len(), "a file stands in expected.jsonl twice");
    let mut table = String::new();
    for case in &cases {
        let (verdict, difference) = &found[case.file.as_str()];
        let before = known.get(&case.file).map_or("right", String::as_str);
        if verdict.word() != before {
            writeln!(table, "{:8}{}: {difference}\n        was {before}; {}", verdict.word(), case.file, case.why)
                .unwrap();
        }
    }
    if std::env::var_os("BLESS").is_some() {
        let wrong = found.iter().filter(|(_, (verdict, _))| *verdict != Verdict::Right);
        let lines: Vec<String> = wrong.map(|(file, (verdict, _))| format!("{} {file}", verdict.word())).collect();
        std::fs::write(folder().join("known.txt"), lines.join("\n") + "\n").unwrap();
    }
    let tally = found.values().fold(BTreeMap::new(), |mut tally, (verdict, _)| {
        *tally.entry(verdict.word()).or_insert(0) += 1;
        tally
    });
    println!("{tally:?}");
    assert!(table.is_empty(), "{tally:?}; these differ from what expected.jsonl and known.txt say:\n{table}");
}

#[test]
fn every_list_in_the_folders_has_its_case() {
    let cases: BTreeSet<String> = cases().into_iter().map(|case| case.file).collect();
    for (folder, prefix) in [(folder().join("files"), ""), (folder().join("exports"), "exports/")] {
        for file in std::fs::read_dir(folder).into_iter().flatten() {
            let name = format!("{prefix}{}", file.unwrap().file_name().to_str().unwrap());
            assert!(cases.contains(&name) || name.ends_with("README.md"), "{name} is not in expected.jsonl");
        }
    }
}

/// The judge itself: a judge that calls everything right would prove nothing.
#[test]
fn the_judge_tells_wrong_taken_lost_and_refused_apart() {
    let record = |text: &str| BTreeSet::from([text.to_owned()]);
    let one = record("a.privatelink.blob.core.windows.net A 10.0.0.4");
    let judged = |expect, records: &BTreeSet<String>, code, said: &str| {
        let case = Case {
            file: "f".to_owned(),
            expect,
            records: one.clone(),
            cloud: String::new(),
            says: String::new(),
            why: String::new(),
        };
        let (said, records) = (said.to_owned(), records.clone());
        judge(&case, &Played { code: Some(code), said, is_held: false, records }).0
    };
    let (other, none) = (record("b.privatelink.blob.core.windows.net A 10.0.0.4"), BTreeSet::new());
    for (expect, got, code, said, verdict) in [
        (Expect::Records, &one, 0, "", Verdict::Right),
        (Expect::Records, &other, 0, "", Verdict::Wrong),
        (Expect::Records, &none, 0, "warning: x", Verdict::Lost),
        (Expect::Records, &none, 2, "error: x", Verdict::Refused),
        (Expect::Either, &none, 2, "error: x", Verdict::Right),
        (Expect::Either, &none, 0, "", Verdict::Lost),
        (Expect::Either, &other, 2, "", Verdict::Wrong),
        (Expect::Refuse, &none, 2, "", Verdict::Right),
        (Expect::Refuse, &none, 0, "", Verdict::Taken),
        (Expect::Refuse, &one, 2, "", Verdict::Taken),
        (Expect::Notice, &none, 0, "", Verdict::Lost),
        (Expect::Notice, &none, 0, "warning: x", Verdict::Right),
        (Expect::Notice, &other, 0, "warning: x", Verdict::Wrong),
        (Expect::Notice, &none, 2, "error: x", Verdict::Refused),
    ] {
        assert_eq!(judged(expect, got, code, said), verdict, "{expect:?} {got:?} {code} {said}");
    }
}
