use super::*;

fn found(text: &str) -> Format {
    format(Path::new("list.txt"), text)
}

#[test]
fn json_is_what_starts_like_json() {
    for text in [
        "[]",
        "{}",
        "[{\"fqdn\": 1}]",
        "[\n  {",
        "{ \"a\": 1 }",
        "# by az\n// x\n/* y\n */ [\n]",
        "[ // none\n]",
        "{\n  fqdn: 'x'\n}",
        "[\"a\"]",
        "[[]]",
        "[[\"a\", \"10.0.0.4\"]]",
        "{\"a\": 1}\n{\"b\": 2}",
    ] {
        assert_eq!(found(text), Format::Json, "{text}");
    }
    for text in [
        "[section]\n10.0.0.4 a",
        "[a.blob.core.windows.net](https://x) 10.0.0.4",
        "[fd00::4] a.blob.core.windows.net",
        "{10.0.0.4} a.blob.core.windows.net",
        "{10.0.0.4, 10.0.0.5} a.blob.core.windows.net",
        "/* hosts */ 10.0.0.4 a",
        "# [\n10.0.0.4 a",
        "/* not closed",
    ] {
        assert_eq!(found(text), Format::Text, "{text}");
    }
}

#[test]
fn our_own_format_is_found_by_its_header_or_its_ending() {
    assert_eq!(found("# x\n[[endpoint]] # y\nfqdn = 1"), Format::Toml);
    assert_eq!(found("[[a b]]"), Format::Json);
    assert_eq!(format(Path::new("a.TOML"), ""), Format::Toml);
}

#[test]
fn a_screen_has_more_labels_than_a_title() {
    for text in [
        "Fqdn : a",
        "\nName   : x\nType :\n",
        "Configs : [\n{",
        "Fqdn : a.blob.core.win\n    dows.net\n",
        "# x\nA : 1\n\n\nB : 2",
    ] {
        assert_eq!(found(text), Format::Screen, "{text}");
    }
    for text in ["Generated : 2026-03-30\n10.0.0.4 a", "IP: 10.0.0.4", "Vault : x\n[\n{"] {
        assert_eq!(found(text), Format::Text, "{text}");
    }
}
