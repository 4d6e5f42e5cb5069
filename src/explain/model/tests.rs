//! The form for programs, and its page.

use super::*;

const PAGE: &str = include_str!("../../../docs/explain-json.md");

#[test]
fn every_cause_has_its_row_on_the_page() {
    for cause in Cause::ALL {
        let row = format!("| `{}` | {} |", cause.word(), cause.meaning());
        assert!(PAGE.contains(&row), "docs/explain-json.md lacks the line\n{row}");
        assert_eq!(serde_json::to_value(cause).unwrap(), cause.word());
    }
    let rows = PAGE.split("## Causes").nth(1).unwrap().lines().filter(|line| line.starts_with("| `"));
    assert_eq!(rows.count() - 1, Cause::ALL.len(), "a row without a cause");
}

#[test]
fn every_key_and_word_is_on_the_page() {
    let whole = Explanation {
        record: Some(ServedRecord::default()),
        chain: vec![Hop { by: Teller::Zone { zone: String::new(), serial: 1, file: String::new() }, ..Hop::default() }],
        held: vec![HeldChange::default()],
        frozen: vec![HeldChange::default()],
        conflicts: vec![Disagreement {
            claims: vec![crate::sync::ledger::ListClaim::default()],
            ..Disagreement::default()
        }],
        left_out: vec![LeftOut::default()],
        mentions: vec![Mention::default()],
        not_searched: vec![NotSearched::default()],
        upstreams: vec![Trouble::default()],
        ..Explanation::default()
    };
    let mut keys = Vec::new();
    gather(&serde_json::to_value(&whole).unwrap(), &mut keys);
    let tellers = [
        Teller::Cache,
        Teller::Stale,
        Teller::Upstream { address: String::new() },
        Teller::Synthesized,
        Teller::Special,
        Teller::Unknown,
    ];
    let kinds = tellers.iter().map(|teller| serde_json::to_value(teller).unwrap()["kind"].as_str().unwrap().to_owned());
    keys.extend(kinds);
    let verdicts = [Verdict::Private, Verdict::Public, Verdict::Failed];
    keys.extend(verdicts.map(|verdict| serde_json::to_value(verdict).unwrap().as_str().unwrap().to_owned()));
    let missing: Vec<String> = keys.into_iter().filter(|key| !PAGE.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "docs/explain-json.md does not have {missing:?}");
}

/// Every key of a value and of those in it.
fn gather(value: &serde_json::Value, keys: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                keys.push(key.clone());
                gather(value, keys);
            }
        }
        serde_json::Value::Array(all) => all.iter().for_each(|value| gather(value, keys)),
        _ => {}
    }
}
