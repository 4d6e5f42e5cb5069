//! Lists that somebody made to hurt, or that a script made by accident: whatever they hold, they are read within
//! bounds.

use super::*;
use crate::sync::source::listing::{MAX_ADDRESSES, MAX_NAMES};

/// Half of what a thread has if nobody says more.
const SMALL_STACK: usize = 1 << 20;

/// What a list comes to on a thread with a small stack.
fn read_on_a_small_stack(format: Format, text: String) -> Result<Listing, SourceError> {
    let reader = move || parse("s", Path::new("list"), format, text.into_bytes());
    std::thread::Builder::new().stack_size(SMALL_STACK).spawn(reader).unwrap().join().unwrap()
}

/// One way to put a value into another.
#[derive(Clone, Copy, Debug)]
enum Shell {
    Array,
    Object,
    Configs,
    Text,
}

impl Shell {
    const ALL: [Self; 4] = [Self::Array, Self::Object, Self::Configs, Self::Text];

    fn around(self, inner: &str) -> String {
        match self {
            Self::Array => format!("[{inner}]"),
            Self::Object => format!("{{\"a\": {inner}}}"),
            Self::Configs => format!("{{\"customDnsConfigs\": {inner}}}"),
            Self::Text => format!("{{\"aText\": {}}}", serde_json::to_string(inner).unwrap()),
        }
    }
}

/// Shells from the inside out, a few of them texts: each doubles the octets of those within.
fn nested(shells: &[Shell]) -> (String, usize) {
    let mut texts = 0;
    let text = shells.iter().fold("[]".to_owned(), |inner, shell| {
        let shell = if matches!(shell, Shell::Text) && texts == 10 { Shell::Array } else { *shell };
        texts += usize::from(matches!(shell, Shell::Text));
        shell.around(&inner)
    });
    (text, texts)
}

#[test]
fn json_as_deep_as_is_allowed_fits_a_small_stack() {
    for shells in [Shell::Array, Shell::Object, Shell::Configs].map(|shell| vec![shell; 62]) {
        let inner = nested(&shells).0;
        assert!(read_on_a_small_stack(Format::Auto, inner.clone()).is_ok());
        let twice = nested(&shells[..61]).0;
        let twice = shells[..60].iter().fold(Shell::Text.around(&twice), |inner, shell| shell.around(&inner));
        assert!(read_on_a_small_stack(Format::Auto, twice).is_ok());
    }
}

#[test]
fn json_in_a_string_in_a_string_is_refused_at_its_line() {
    let endpoint = "[{\"fqdn\": \"abc.blob.core.windows.net\", \"ipAddresses\": [\"10.0.0.4\"]}]";
    let once = Shell::Text.around(endpoint);
    assert_eq!(read(&once).unwrap().len(), 1);
    let message = problem(&format!("[\n{}\n]", Shell::Text.around(&once)));
    assert!(message.starts_with("list.txt:2: JSON in a string of JSON that is in a string itself"), "{message}");
}

#[test]
fn the_additions_of_json5_are_refused() {
    for value in ["'a'", "0x1f", "+1", ".5", "5.", "Infinity", "NaN", "\"\\x41\"", "\"\\v\"", "\"a\\\nb\""] {
        let message = problem(&format!("[{value}]"));
        assert!(message.starts_with("list.txt:1:") && message.contains(": this is not JSON: "), "{value}: {message}");
    }
    assert!(read("[1, -2.5e3, \"\\u0041\\n\", /* a */ true, // b\n null,]").is_ok());
}

#[test]
fn toml_of_any_depth_fits_a_small_stack() {
    let tables = |depth| format!("a = {}1{}", "{ a = ".repeat(depth), " }".repeat(depth));
    let arrays = |depth| format!("a = {}{}", "[".repeat(depth), "]".repeat(depth));
    let mixed = |depth| format!("a = {}1{}", "[{ a = ".repeat(depth), " }]".repeat(depth));
    let keys = |depth: usize| format!("{}a = 1\n", "a.".repeat(depth));
    let headers = |depth: usize| format!("[{}a]\n", "a.".repeat(depth));
    for depth in [30, 79, 80, 10_000] {
        for text in [tables(depth), arrays(depth), mixed(depth), keys(depth), headers(depth), "[".repeat(depth)] {
            assert!(read_on_a_small_stack(Format::Toml, text).is_err());
        }
    }
}

#[test]
fn names_and_addresses_of_one_place_are_counted_in_every_shape() {
    // Spellings of one record: others would not have addresses in common.
    let name = |n: usize| format!("a.z{n}.blob.storage.azure.net");
    let names = |count: usize| (0..count).map(name).collect::<Vec<_>>();
    let addresses = |count: usize| (0..count).map(|n| format!("10.0.{}.{}", n / 250, n % 250)).collect::<Vec<_>>();
    let text = |n: usize, a: usize| format!("{} {{{}}}\n", names(n).join(" "), addresses(a).join(", "));
    let json = |n: usize, a: usize| format!("{{\"fqdns\": {:?}, \"ips\": {:?}}}", names(n), addresses(a));
    let flat = |n: usize, a: usize| format!("{{\"fqdns\": {:?}, \"ips\": {:?}}}", names(n), addresses(a).join(" "));
    let screen = |n: usize, a: usize| format!("Fqdn : {}\nIp : {}\n", names(n).join(", "), addresses(a).join(", "));
    for shape in [&text as &dyn Fn(usize, usize) -> String, &json, &flat, &screen] {
        for (n, a) in [(1, MAX_ADDRESSES), (MAX_NAMES, 2), (16, 16)] {
            assert_eq!(read(&shape(n, a)).unwrap().len(), n * a);
        }
        assert!(
            problem(&shape(1, MAX_ADDRESSES + 1)).starts_with("list.txt:1: over 100 addresses"),
            "{}",
            shape(1, 101)
        );
        assert!(problem(&shape(MAX_NAMES + 1, 1)).starts_with("list.txt:1: over 100 names"));
        let message = problem(&shape(17, 16));
        assert!(
            message.starts_with("list.txt:1: 17 names with 16 addresses each are 272 records, more than the 256"),
            "{message}"
        );
    }
    let toml = |a: usize| format!("[[endpoint]]\nfqdn = {:?}\naddresses = {:?}\n", name(0), addresses(a));
    assert_eq!(read(&toml(MAX_ADDRESSES)).unwrap().len(), MAX_ADDRESSES);
    assert!(problem(&toml(MAX_ADDRESSES + 1)).starts_with("list.txt:2: over 100 addresses"));
}

#[test]
fn a_list_has_no_more_entries_than_it_may_in_however_many_parts_it_is_read() {
    let lines = |count: usize| "a.bc {::1 ::2 ::3 ::4 ::5 ::6 ::7 ::8 ::9 ::a}\n".repeat(count);
    assert_eq!(read(&lines(20_000)).unwrap().len(), 200_000);
    // Parts take room in steps, so that it may be a little less.
    let most = Listing::MAX_ENTRIES / 10;
    assert_eq!(read(&lines(most / 100 * 99)).unwrap().len(), Listing::MAX_ENTRIES / 100 * 99);
    let message = problem(&lines(most + 1));
    assert!(message.contains("over 2000000 entries"), "{message}");
}

#[test]
fn a_line_of_too_many_words_is_one_problem_and_its_words_are_not_kept() {
    for words in [1001, 100_000] {
        for word in ["a", "10.0.0.4", "fd00::4", "a.bc", "privatelink.blob.core.windows.net", "{10.0.0.4}", "a..."] {
            let message = problem(&format!("10.0.0.4 {}\n", [word].repeat(words).join(" ")));
            assert_eq!(message, "list.txt:1: over 1000 words on one line: did the file lose its line feeds?");
        }
    }
}

#[test]
fn a_problem_quotes_the_start_of_a_word_however_long_it_is() {
    let long = "a".repeat(1_000_000);
    let lists = [
        format!("{long}.bc 10.0.0.4"),
        format!("{long} 10.0.0.4"),
        format!("{long}...  10.0.0.4"),
        format!("::{long} b.cd"),
        format!("{{\"fqdn\": \"a.bc\", \"ip\": \"{long}\"}}"),
        format!("{{\"fqdn\": \"{long}\"}}"),
        format!("{{\"fqdn\": \"{long}\", \"ip\": \"::1\"}}"),
        format!("Fqdn : a.bc\nIp : {long}"),
        format!("Fqdn : {long}"),
        format!("[[endpoint]]\nfqdn = \"{long}\"\naddress = \"::1\""),
        format!("[[endpoint]]\nfqdn = \"a.bc\"\naddress = \"{long}\""),
        format!("[[endpoint]]\n{long} = 1"),
    ];
    for list in lists {
        let message = problem(&list);
        let lengths: Vec<usize> = message.lines().map(|line| line.chars().count()).collect();
        assert!(lengths.iter().all(|length| *length < 300), "{lengths:?} {message}");
    }
}

#[test]
fn more_toml_than_a_hand_writes_is_refused_before_it_is_parsed() {
    let message = read_on_a_small_stack(Format::Toml, "a=1\n".repeat(2_200_000)).unwrap_err().to_string();
    assert!(message.starts_with("list: is larger than 8 MB"), "{message}");
    let message = read_on_a_small_stack(Format::Toml, "a.a.a.a.a.a.a=1\n".repeat(40_000)).unwrap_err().to_string();
    assert!(message.contains(": more tables and dotted keys than a list has"), "{message}");
}

/// A line, object or block of a list with so many spellings of one name, and so many addresses.
fn statement(shape: usize, names: usize, addresses: usize) -> String {
    let names: Vec<String> = (0..names).map(|n| format!("a.z{n:03}.blob.storage.azure.net")).collect();
    let addresses: Vec<String> = (0..addresses).map(|n| format!("::{n:x}")).collect();
    match shape {
        0 => format!("{} {{{}}}\n", names.join(" "), addresses.join(" ")),
        1 => format!("{{\"fqdns\": {names:?}, \"ips\": {addresses:?}}}\n"),
        _ => format!("Fqdn : {}\nIps : {}\n\n", names.join(" "), addresses.join(" ")),
    }
}

proptest! {
    #[test]
    fn nesting_of_any_mixture_is_read_or_refused_and_never_overflows(
        shells in prop::collection::vec(prop::sample::select(Shell::ALL.to_vec()), 0..200),
    ) {
        let (text, texts) = nested(&shells);
        let is_good = read_on_a_small_stack(Format::Auto, text.clone()).is_ok();
        prop_assert!(!is_good || texts < 2, "two texts within each other are refused");
        let brackets = text.matches(['[', '{']).count();
        prop_assert!(is_good || texts > 1 || brackets > 64, "it was refused at {} brackets", brackets);
    }

    #[test]
    fn no_list_makes_more_records_of_a_statement_than_it_may(
        shape in 0..3_usize, sizes in prop::collection::vec((1..150_usize, 1..150_usize), 1..4),
    ) {
        let text: String = sizes.iter().map(|(names, addresses)| statement(shape, *names, *addresses)).collect();
        let fits = |(names, addresses): &(usize, usize)| {
            *names <= MAX_NAMES && *addresses <= MAX_ADDRESSES && names * addresses <= Listing::MAX_RECORDS
        };
        match read(&text) {
            Ok(listing) => {
                prop_assert!(sizes.iter().all(fits));
                prop_assert_eq!(listing.len(), sizes.iter().map(|(names, addresses)| names * addresses).sum::<usize>());
            }
            Err(SourceError(problems)) => {
                prop_assert_eq!(problems.total(), sizes.iter().filter(|size| !fits(size)).count());
            }
        }
    }

    #[test]
    fn a_name_is_stored_once_however_many_addresses_it_has(shape in 0..3_usize, names in 1..10_usize, addresses in 1..20_usize) {
        let listing = read(&statement(shape, names, addresses)).unwrap();
        prop_assert_eq!(listing.len(), names * addresses);
        prop_assert_eq!(listing.name_octets(), names * "a.z000.blob.storage.azure.net".len());
    }
}
