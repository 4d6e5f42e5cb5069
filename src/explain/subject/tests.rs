//! What people paste.

use proptest::prelude::*;

use super::*;

fn name(text: &str) -> String {
    match Subject::parse(text).unwrap().target {
        Target::Name(name) => name.without_dot(),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn the_name_is_found_in_whatever_people_paste() {
    for pasted in [
        "acct.blob.core.windows.net",
        "ACCT.Blob.Core.Windows.NET.",
        " \"acct.blob.core.windows.net\", ",
        "<acct.blob.core.windows.net>;",
        "acct.blob.core.windows.net:443",
        "https://acct.blob.core.windows.net/c/x?sv=2022&sig=SECRET%3D",
        "https://acct.blob.core.windows.net:443",
        "https://user:word@acct.blob.core.windows.net/",
        "wasbs://container@acct.blob.core.windows.net/path",
        "abfss://container@acct.blob.core.windows.net",
        "\\\\acct.blob.core.windows.net\\share\\folder",
        "//acct.blob.core.windows.net/share",
        "acct.blob.core.windows.net/c?sig=SECRET",
        "acct.blob.core.windows.net?sv=2022&sig=SECRET",
        "acct.blob.core.windows.net#x",
    ] {
        assert_eq!(name(pasted), "acct.blob.core.windows.net", "{pasted}");
        let subject = Subject::parse(pasted).unwrap();
        assert!(!format!("{subject:?}").contains("SECRET"), "{subject:?}");
    }
}

#[test]
fn labels_addresses_and_connection_strings_are_understood() {
    for (pasted, target) in [
        ("smplepod01ecs114", Target::Label("smplepod01ecs114".to_owned())),
        ("ACCT", Target::Label("acct".to_owned())),
        (
            "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=SECRET==;EndpointSuffix=core.windows.net",
            Target::Label("acct".to_owned()),
        ),
        ("10.1.0.5", Target::Address([10, 1, 0, 5].into())),
        ("10.1.0.5:443", Target::Address([10, 1, 0, 5].into())),
        ("https://10.1.0.5/x", Target::Address([10, 1, 0, 5].into())),
        ("fd00::5", Target::Address("fd00::5".parse().unwrap())),
        ("[fd00::5]:443", Target::Address("fd00::5".parse().unwrap())),
        ("https://[fd00::5]/", Target::Address("fd00::5".parse().unwrap())),
        (".", Target::Name(Name::root())),
        ("corp.", Target::Name("corp".parse().unwrap())),
    ] {
        assert_eq!(Subject::parse(pasted).unwrap().target, target, "{pasted}");
    }
}

#[test]
fn a_text_without_a_name_is_refused_and_not_repeated() {
    for pasted in ["", "  ", "\"\"", "https://", "sv=2022&sig=SECRET", "two SECRET words", "SharedKey=SECRET;", ":443"]
    {
        let error = Subject::parse(pasted).unwrap_err();
        assert!(!error.to_string().contains("SECRET"), "{error}");
    }
    let error = Subject::parse("a..b").unwrap_err().to_string();
    assert_eq!(error, "'a..b' is not a domain name: empty label");
}

proptest! {
    #[test]
    fn whatever_stands_behind_the_host_is_never_shown(
        scheme in "(https|abfss|[a-z]{1,5})", host in "[a-z0-9]{1,9}(\\.[a-z]{1,9}){1,3}", behind in "[/?#]\\PC{0,40}",
    ) {
        let subject = Subject::parse(&format!("{scheme}://{host}{behind}")).unwrap();
        prop_assert_eq!(subject.text, host.clone());
        prop_assert_eq!(subject.target, Target::Name(host.parse().unwrap()));
    }

    #[test]
    fn no_text_causes_a_panic(text in any::<String>()) {
        if let Ok(subject) = Subject::parse(&text) {
            prop_assert!(!subject.text.chars().any(char::is_control));
        }
    }
}
