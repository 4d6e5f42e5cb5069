//! What a form sends.

use super::*;

#[test]
fn the_fields_of_the_form_are_decoded() {
    let words = words(Some("name=+https%3A%2F%2Facct.blob.core.windows.net%2Fc+&type=AAAA&client=10.0.0.9&name=other"));
    assert_eq!(words.name, "https://acct.blob.core.windows.net/c");
    assert_eq!((words.rtype.as_str(), words.client.as_str()), ("AAAA", "10.0.0.9"));
    assert_eq!(super::words(Some("name=%ff%00%")).name.chars().count(), 3, "octets that are no text are shown as such");
    assert_eq!(super::words(None).name, "");
}

#[test]
fn what_is_wrong_has_its_code_in_both_forms() {
    let bad = Outcome::Bad("no name".to_owned());
    let busy = Outcome::Failed("busy".to_owned());
    for (outcome, page, data) in [(&Outcome::Nothing, 200, 400), (&bad, 400, 400), (&busy, 503, 503)] {
        assert_eq!((html(&Words::default(), outcome, "").code, json(outcome).code), (page, data));
    }
    assert_eq!(json(&Outcome::Explained(Box::default())).code, 200);
}
