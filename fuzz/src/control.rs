//! The control socket answers any input with one whole line of JSON, and executes only valid requests.

use std::cell::RefCell;
use std::time::Instant;

use privatelink_dns::control::in_process::InProcess;
use privatelink_dns::dns::Name;
use serde_json::Value;

thread_local! {
    static CONTROL: RefCell<InProcess> = RefCell::new(start());
}

/// Sends the bytes and reads the reply.
pub fn hold(data: &[u8]) {
    let heard = CONTROL.with_borrow_mut(|control| control.hear(data));
    let Some((b'\n', line)) = heard.split_last() else { panic!("no line came back: {heard:?}") };
    assert!(!line.contains(&b'\n'), "more than a line came back");
    let reply: Value = serde_json::from_slice(line).unwrap_or_else(|error| panic!("{error}: {heard:?}"));
    let (kind, said) = reply.as_object().and_then(|map| map.iter().next()).unwrap_or_else(|| panic!("{reply}"));
    let sent = data.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let request = || -> Value { serde_json::from_slice(sent).expect("it was understood, so it is JSON") };
    match kind.as_str() {
        "refused" => assert!(said.as_array().is_some_and(|lines| !lines.is_empty()), "{reply}"),
        "flushed" => {
            let request = request();
            assert_eq!(request["do"], "flush", "{request}");
            let name = request["name"].as_str().unwrap_or_else(|| panic!("{request}"));
            assert!(name.parse::<Name>().is_ok(), "{name} is not a name");
        }
        "status" => assert_eq!(request()["do"], "status"),
        "explained" => {
            assert_eq!(request()["do"], "explain");
            assert!(said["headline"].as_str().is_some_and(|line| !line.is_empty()), "{reply}");
            assert!(said["what_to_do"].as_array().is_some_and(|steps| !steps.is_empty()), "{reply}");
        }
        _ => panic!("{reply}"),
    }
}

fn start() -> InProcess {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    InProcess::new(crate::server::shared(Instant::now()), runtime)
}
