use super::*;
use crate::zone::Outcome;
use proptest::prelude::*;

fn apex() -> Name {
    "z.example".parse().unwrap()
}

fn file(serial: u32, body: &str) -> String {
    format!("$ORIGIN z.example.\n$TTL 10\n@ SOA a. b. {serial} 2 3 4 5\n@ NS ns\nns A 10.0.0.4\n{body}")
}

fn zone(text: &str) -> Option<Zone> {
    Zone::from_file(&apex(), "z", text.as_bytes()).0
}

/// Everything that a zone says, but for the serial's place in the index: the index is asked for each name.
fn all(zone: &Zone) -> (Vec<u8>, [usize; 2], Vec<String>) {
    let octets = zone.layout.part(0..zone.layout.octets()).to_vec();
    let found = zone.layout.nodes().map(|node| {
        let name = zone.full_name(&node);
        match zone.lookup(name.canonical(), Rtype::A) {
            Outcome::Answer(rrset) => format!("{name} {rrset:?}"),
            other => format!("{name} {}", matches!(other, Outcome::NoData)),
        }
    });
    let flags = usize::from(zone.has_wildcards) * 4 + usize::from(zone.has_cuts) * 2 + usize::from(zone.is_plain);
    let aliases = zone.aliases().map(|(name, owner)| format!("{name} {owner}"));
    let found = found.chain(aliases).chain([format!("{:?} {:?}", zone.kind, zone.negative_soa())]).collect();
    (octets, [zone.records * 8 + flags, zone.index.len()], found)
}

/// The version behind another one, made of it and of the whole text.
fn both(before: &str, text: &str) -> (Option<Zone>, Option<Zone>) {
    let patched = zone(before).and_then(|zone| zone.patched(before.as_bytes(), text.as_bytes()));
    (patched, zone(text))
}

fn is_patched(before: &str, text: &str) -> bool {
    let (patched, whole) = both(before, text);
    if let Some(patched) = &patched {
        assert_eq!(all(patched), all(&whole.unwrap()), "{before}\n{text}");
    }
    patched.is_some()
}

fn text(lines: impl Iterator<Item = String>) -> String {
    lines.fold(String::new(), |text, line| text + &line + "\n")
}

fn many() -> String {
    text((0..500).map(|n| format!("acct{n:04} A 10.1.{}.{}", n / 250, n % 250)))
}

#[test]
fn a_name_that_changes_comes_or_goes_is_patched_wherever_it_is() {
    let many = many();
    for name in ["acct0000", "acct0001", "acct0250", "acct0498", "acct0499"] {
        let line = many.lines().find(|line| line.starts_with(name)).unwrap();
        for new in [
            format!("{name} A 10.2.0.1"),
            format!("{name} AAAA fd00::1"),
            format!("{name} A 10.2.0.1\n{name} A 10.2.0.2\n{name} AAAA fd00::1"),
            format!("{line}\n{name}a A 10.2.0.1"),
            format!("{name}a A 10.2.0.1\n{line}"),
            format!("; note\n{line}\n; note"),
            "; it is gone".to_owned(),
        ] {
            let changed = many.replace(line, &new);
            assert!(is_patched(&file(1, &many), &file(2, &changed)), "{new}");
            assert!(is_patched(&file(4_000_000_000, &changed), &file(7, &many)), "{new}");
        }
    }
}

#[test]
fn changes_all_over_are_patched_together_and_one_after_another() {
    let many = many();
    let changed = many.replace("7 A 10.1.0", "7 A 10.3.0").replace("acct0123 A 10.1.0.123\n", "");
    let changed = changed.replace("acct0300", "new A 10.9.0.9\nacct0300");
    let versions = [file(1, &many), file(2, &changed), file(3, &many), file(4, &changed)];
    let mut last = zone(&versions[0]).unwrap();
    for pair in versions.windows(2) {
        last = last.patched(pair[0].as_bytes(), pair[1].as_bytes()).unwrap();
        assert_eq!(all(&last), all(&zone(&pair[1]).unwrap()));
    }
}

#[test]
fn what_other_lines_depend_on_is_read_whole() {
    let many = many();
    let before = file(1, &many);
    let line = "acct0250 A 10.1.1.0\n";
    assert!(before.contains(line));
    for (what, text) in [
        ("another TTL", file(2, &many).replace("$TTL 10", "$TTL 11")),
        ("another NS", file(2, &many).replace("@ NS ns\n", "@ NS ns.\n")),
        ("an address of the name server", file(2, &many).replace("ns A 10.0.0.4", "ns A 10.0.0.5")),
        ("no SOA", file(2, &many).replace("@ SOA a. b. 2 2 3 4 5\n", "")),
        ("two SOA", file(2, &many).replace("@ NS ns\n", "@ NS ns\n@ SOA a. b. 3 2 3 4 5\n")),
        ("a line of another kind", file(2, &many.replace(line, "acct0250 30 A 10.1.1.0\n"))),
        ("a line that does not parse", file(2, &many.replace(line, "acct0250 A 10.1.1\n"))),
        ("a duplicate", file(2, &many.replace(line, &line.repeat(2)))),
        ("an alias beside an address", file(2, &many.replace(line, "acct0250 A 10.1.1.0\nacct0250 CNAME .\n"))),
        ("a name that is elsewhere too", file(2, &many.replace(line, "acct0003 A 10.1.1.0\n"))),
        ("a new name in two places", file(2, &many.replace(line, "x A 10.1.1.0\n").replace("acct0003", "X"))),
        ("two labels", file(2, &many.replace(line, "a.acct0250 A 10.1.1.0\n"))),
        ("a wildcard", file(2, &many.replace(line, "* A 10.1.1.0\n"))),
        ("no line feed at the end", file(2, &many).trim_end().to_owned()),
        ("another keeper", format!("; Written by privatelink-dns.\n{}", file(2, &many))),
        ("more than a few lines in one place", file(2, &many.replace("A 10.1.1.", "A 10.1.2."))),
        ("another order", file(2, &many.lines().rev().fold(String::new(), |text, line| text + line + "\n"))),
    ] {
        assert!(!is_patched(&before, &text), "{what}");
        assert!(!is_patched(&text, &before), "back from {what}");
    }
}

#[test]
fn a_patch_that_is_wrong_is_found() {
    let (before, text) = (file(1, &many()), file(2, &many().replace("10.1.1.0\n", "10.1.1.200\n")));
    let right = all(&zone(&text).unwrap());
    let patched = || zone(&before).unwrap().patched(before.as_bytes(), text.as_bytes()).unwrap();
    assert_eq!(all(&patched()), right);
    let mistakes: [fn(&mut Zone); 4] = [
        |zone| zone.records += 1,
        |zone| zone.index.iter_mut().take(1).for_each(|place| *place += 1),
        |zone| zone.has_wildcards = true,
        |zone| zone.layout = zone.layout.spliced(&[(40..41, b"x".as_slice())]).unwrap(),
    ];
    for mistake in mistakes {
        let mut wrong = patched();
        mistake(&mut wrong);
        assert_ne!(all(&wrong), right);
    }
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        40 => "[a-f]{1,2} (A 10\\.0\\.0\\.[1-3]|AAAA fd00::[1-3])",
        1 => Just("; note".to_owned()),
        1 => "([A-F]|\\*|a\\.b|@|ns) (A 10\\.0\\.0\\.[1-3]|CNAME \\.)",
    ]
}

proptest! {
    #[test]
    fn a_patched_zone_is_the_zone_of_the_whole_text(
        before in prop::collection::vec(line(), 0..14),
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop::option::of(line()), any::<bool>()), 0..5),
        is_sorted in any::<bool>(),
    ) {
        let mut before = before;
        if is_sorted {
            before.sort();
            before.dedup();
        }
        let mut after = before.clone();
        for (at, line, is_new) in edits {
            let at = at.index(after.len() + 1);
            match line {
                Some(line) if is_new || at == after.len() => after.insert(at, line),
                Some(line) => after[at] = line,
                None if at < after.len() => drop(after.remove(at)),
                None => {}
            }
        }
        let file = |serial, lines: &[String]| file(serial, &text(lines.iter().cloned()));
        is_patched(&file(1, &before), &file(2, &after));
    }
}
