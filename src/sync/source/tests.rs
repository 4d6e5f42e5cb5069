use super::*;
use crate::azure::{NotHosted, normalise};
use crate::diag::Severity;
use crate::sync::desired::Limits;
use crate::sync::state::State;
use proptest::prelude::*;
use std::fs;

mod forms;
mod hostile;

fn read(text: &str) -> Result<Listing, SourceError> {
    parse("s", Path::new("list.txt"), Format::Auto, text.as_bytes().to_vec())
}

fn shown(text: &str) -> Vec<String> {
    read(text).unwrap().entries().map(|entry| format!("{} {} {}", entry.line, entry.fqdn, entry.address)).collect()
}

fn problem(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new("tests/data/listings").join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// Every good fixture is the same three endpoints in another shape.
#[test]
fn every_shape_of_a_list_means_the_same_records() {
    let files = fixtures("good");
    assert!(files.len() > 30);
    for path in files {
        let listing = parse("s", &path, Format::Auto, fs::read(&path).unwrap()).unwrap_or_else(|e| panic!("{e}"));
        let mut latest = std::collections::BTreeMap::new();
        for entry in listing.entries() {
            match normalise(entry.fqdn) {
                Ok(located) => drop(latest.insert(located.owner.without_dot(), entry.address.to_string())),
                Err(error) => assert_eq!(error, NotHosted::Elsewhere, "{}: {}", path.display(), entry.fqdn),
            }
        }
        let all: Vec<String> = latest.iter().map(|(name, address)| format!("{name} {address}")).collect();
        assert_eq!(
            all,
            [
                "1000000000000000001-ab-pod01-rec2.privatelink.we.backup.windowsazure.com 10.0.0.4",
                "abcdeypod01ecs114.privatelink.blob.core.windows.net 10.0.0.5",
                "abcdeypod01ecs114.privatelink.queue.core.windows.net 10.0.0.6",
            ],
            "{}",
            path.display()
        );
    }
}

/// `x.expected` beside each bad fixture holds the messages; delete it and set `BLESS=1` to write it anew.
#[test]
fn every_bad_list_is_refused_with_lines_and_advice() {
    for path in fixtures("bad").into_iter().filter(|path| path.extension().is_none_or(|e| e != "expected")) {
        let golden = path.with_added_extension("expected");
        let shown = path.file_name().map(Path::new).unwrap();
        let messages = parse("s", shown, Format::Auto, fs::read(&path).unwrap()).unwrap_err().to_string() + "\n";
        if std::env::var_os("BLESS").is_some() {
            fs::write(&golden, &messages).unwrap();
        }
        assert_eq!(messages, fs::read_to_string(&golden).unwrap(), "{}", path.display());
    }
}

#[test]
fn ipv6_addresses_are_entries_and_one_line_may_have_one_of_each_family() {
    assert_eq!(shown("abc.blob.core.windows.net fd00::4"), ["1 abc.blob.core.windows.net fd00::4"]);
    assert_eq!(shown("abc.blob.core.windows.net fd00::4 10.0.0.4").len(), 2);
    let listing = read("abc.blob.core.windows.net {10.0.0.4, 10.0.0.5}").unwrap();
    let statements: Vec<u32> = listing.entries().map(|entry| entry.statement).collect();
    assert_eq!(statements, [1, 1]);
}

#[test]
fn a_hosts_line_may_have_several_names() {
    let lines = shown("10.0.0.4 abc.blob.core.windows.net abc.queue.core.windows.net abc");
    assert_eq!(lines, ["1 abc.blob.core.windows.net 10.0.0.4", "1 abc.queue.core.windows.net 10.0.0.4"]);
}

#[test]
fn placeholders_reach_the_normaliser_that_refuses_them() {
    let listing = read("<vaultId>-ab-pod01-fc1  privatelink.eus.backup.windowsazure.com  10.12.0.15").unwrap();
    let entry = listing.entries().next().unwrap();
    assert_eq!(normalise(entry.fqdn), Err(NotHosted::Placeholder));
}

#[test]
fn all_bad_lines_are_named_up_to_twenty() {
    let text = "nonsense 10.0.0.4\n".repeat(30);
    let message = problem(&text);
    assert!(message.contains("list.txt:20:1: 'nonsense' has no zone: write the full name"), "{message}");
    assert!(message.ends_with("and 10 more errors"), "{message}");
}

#[test]
fn an_empty_list_is_a_listing_with_a_warning() {
    for text in ["", "\n\n", "# nothing yet\n", "[]", "Fqdn IpAddresses\n---- ------\n", "\u{feff}"] {
        let listing = read(text).unwrap();
        assert!(listing.is_empty());
        assert_eq!(listing.warnings.lines(), ["list.txt: names no endpoint at all"], "{text:?}");
    }
}

#[test]
fn json_keeps_lines_and_statements() {
    let text =
        "{\"a\": [\n{\"fqdn\": \"abc.blob.core.windows.net\",\n \"ipAddresses\": [\"10.0.0.4\", \"fd00::4\"]}\n]}";
    let listing = read(text).unwrap();
    let all: Vec<_> = listing.entries().map(|entry| (entry.line, entry.statement, entry.round)).collect();
    assert_eq!(all, [(2, 1, 0), (2, 1, 0)]);
}

#[test]
fn nested_json_of_any_depth_is_no_danger() {
    let message = problem(&"[".repeat(100_000));
    assert!(message.contains("nest over 64 deep"), "{message}");
}

fn write(folder: &Path, name: &str, text: &str) {
    crate::files::replace(folder, name, ".tmp", 0o600, text.as_bytes()).unwrap();
}

/// What a source of this path gives; the state lies in the folder.
fn reading(folder: &Path, pattern: &str, now: u64) -> Reading {
    let source = Settings { name: "s".into(), path: folder.join(pattern), kind: Kind::Files(Format::Auto), view: None };
    super::read(&source, &Limits::any(), &State::new(folder.join("state")), &EntryBudget::default(), now)
}

#[test]
fn a_glob_reads_its_files_and_one_without_matches_is_unreadable() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b.txt", "a.txt"] {
        write(folder.path(), name, "abc.blob.core.windows.net 10.0.0.4\n");
    }
    let good = reading(folder.path(), "*.txt", 7);
    let files: Vec<&str> = good.listings.iter().map(|listing| listing.file.rsplit('/').next().unwrap()).collect();
    assert_eq!((files, good.read_at, good.is_silent), (vec!["a.txt", "b.txt"], Some(7), false));
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.txt", "abc.blob.core.windows.net 10.0.0.4\n");
    for (pattern, problem) in [
        ("*.csv", "source 's': no file matches"),
        ("missing.txt", "missing.txt: cannot read the list:"),
        ("", "is a folder"),
    ] {
        let bad = reading(folder.path(), pattern, 7);
        assert!(bad.problems.to_string().contains(problem), "{bad:?}");
        assert!(bad.is_silent && bad.listings.is_empty());
        assert!(bad.problems.count(Severity::Error) > 0, "{bad:?}");
    }
}

#[test]
fn what_an_editor_leaves_beside_a_list_is_none_of_its_globs_files() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.txt", "abc.blob.core.windows.net 10.0.0.4\n");
    for left in [".a.txt.swp", ".#a.txt", "a.txt~"] {
        write(folder.path(), left, "abc.blob.core.windows.net 10.0.0.9\n");
    }
    let read = reading(folder.path(), "*", 7);
    assert_eq!((read.listings.len(), read.problems.is_empty()), (1, true), "{read:?}");
    assert!(read.listings[0].file.ends_with("/a.txt"));
    for named in [".a*", "a.txt~"] {
        assert_eq!(reading(folder.path(), named, 7).listings.len(), 1, "{named} is meant");
    }
}

#[test]
fn an_empty_folder_waits_for_its_first_list_which_is_no_error_and_once_it_had_one_it_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("lists")).unwrap();
    let first = reading(folder.path(), "lists/*", 7);
    let said = first.problems.to_string();
    assert!(said.contains("there is no list yet: put an endpoint list into ") && said.contains("/lists"), "{said}");
    assert_eq!((first.problems.count(Severity::Error), first.problems.count(Severity::Warning)), (0, 1));
    assert!(first.is_silent, "no record is removed for want of it");
    write(folder.path(), "lists/a.txt", "abc.blob.core.windows.net 10.0.0.4\n");
    assert!(reading(folder.path(), "lists/*", 8).problems.is_empty());
    std::fs::remove_file(folder.path().join("lists/a.txt")).unwrap();
    let gone = reading(folder.path(), "lists/*", 9);
    assert_eq!((gone.listings.len(), gone.problems.count(Severity::Error)), (1, 1), "its last good list stands in");
    let missing = reading(folder.path(), "nowhere/*", 9);
    assert_eq!(missing.problems.count(Severity::Error), 1, "{missing:?}");
}

#[test]
fn a_file_that_is_called_as_its_glob_is_one_of_many() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.txt", "abc.blob.core.windows.net 10.0.0.4\n");
    write(folder.path(), "*.txt", "");
    assert_eq!(reading(folder.path(), "*.txt", 7).listings.len(), 2);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "[a].txt", "abc.blob.core.windows.net 10.0.0.4\n");
    assert_eq!(reading(folder.path(), "[a].txt", 7).listings.len(), 1, "a name that only looks like a glob");
}

#[test]
fn a_source_has_so_many_files_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..=1_000 {
        std::os::unix::fs::symlink("nowhere", folder.path().join(format!("{n}.txt"))).unwrap();
    }
    let problems = reading(folder.path(), "*.txt", 7).problems.to_string();
    assert!(problems.contains("more than 1000 files match"), "{problems}");
}

#[test]
fn a_pipe_is_refused_instead_of_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe.txt");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let problems = reading(folder.path(), "pipe.txt", 7).problems.to_string();
    assert!(problems.contains("pipe.txt: is a pipe, socket or device"), "{problems}");
}

#[test]
fn a_list_that_goes_bad_stands_as_it_was_and_the_others_of_its_glob_go_on() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.txt", "abc.blob.core.windows.net 10.0.0.4\n");
    write(folder.path(), "b.txt", "def.blob.core.windows.net 10.0.0.5\n");
    assert!(reading(folder.path(), "*.txt", 7).problems.is_empty());
    write(folder.path(), "a.txt", "abc.blob.core.windows.net 10.0.0.400\n");
    write(folder.path(), "b.txt", "def.blob.core.windows.net 10.0.0.6\n");
    let addresses = |reading: &Reading| -> Vec<String> {
        reading.listings.iter().flat_map(Listing::entries).map(|entry| entry.address.to_string()).collect()
    };
    let one_bad = reading(folder.path(), "*.txt", 8);
    assert_eq!(addresses(&one_bad), ["10.0.0.4", "10.0.0.6"]);
    assert_eq!((one_bad.read_at, one_bad.problems.total(), one_bad.is_silent), (Some(7), 1, false));
    for name in ["a.txt", "b.txt"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    let away = reading(folder.path(), "*.txt", 9);
    assert_eq!((addresses(&away), away.is_silent), (vec!["10.0.0.4".to_owned(), "10.0.0.6".to_owned()], false));
}

#[test]
fn a_list_for_which_the_others_leave_no_room_is_refused_and_nothing_is_removed_for_it() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.txt", "abc.blob.core.windows.net 10.0.0.4\ndef.blob.core.windows.net 10.0.0.5\n");
    let source =
        Settings { name: "s".into(), path: folder.path().join("a.txt"), kind: Kind::Files(Format::Auto), view: None };
    let (state, room) = (State::new(folder.path().join("state")), EntryBudget::with(3));
    assert!(super::read(&source, &Limits::any(), &state, &room, 7).problems.is_empty());
    let reading = super::read(&source, &Limits::any(), &state, &room, 8);
    assert!(reading.problems.to_string().contains("all lists together"), "{reading:?}");
    assert!(reading.listings.is_empty() && reading.is_silent);
}

#[test]
fn a_name_that_can_be_no_record_makes_a_list_as_bad_as_a_line_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.txt", "x.westeurope.backup.windowsazure.com 10.0.0.4\n");
    let bad = reading(folder.path(), "a.txt", 7);
    assert!(bad.is_silent && bad.problems.to_string().contains("did you mean 'we'"), "{bad:?}");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), format in 0..Format::ALL.len()) {
        let _ = parse("s", Path::new("x"), Format::ALL[format].1, bytes);
    }

    #[test]
    fn no_text_of_list_like_pieces_panics(pieces in prop::collection::vec(prop::sample::select(vec![
        "abc.blob.core.windows.net", "10.0.0.4", "\n", " ", "\t", "{", "}", "[", "]", "\"", ":", ",", "Fqdn : ", "fqdn",
        "IpAddresses : ", "\\", "/*", "//", "#", "privatelink.blob.core.windows.net", "abc", "…", "\u{1b}[3", "é", "[[endpoint]]",
    ]), 0..40), format in 0..Format::ALL.len()) {
        let _ = parse("s", Path::new("x"), Format::ALL[format].1, pieces.concat().into_bytes());
    }
}
