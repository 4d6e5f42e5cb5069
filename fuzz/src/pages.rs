//! A page of Azure's is an object with an array of objects, or an error; a link that is followed leads to the server that
//! was asked.

use privatelink_dns::sync::live::arm::paging::{check_link, read, resource};
use privatelink_dns::sync::live::model::{NetworkInterface, PrivateEndpoint, RecordSet};

/// Reads the bytes as pages of each kind, and as a link.
pub fn hold(data: &[u8]) {
    let counts = [
        read::<PrivateEndpoint>(data).map(|page| page.value.len()),
        read::<NetworkInterface>(data).map(|page| page.value.len()),
        read::<RecordSet>(data).map(|page| page.value.len()),
    ];
    let known = counts.iter().flatten().next();
    assert!(counts.iter().flatten().all(|count| Some(count) == known), "none is left out: {counts:?}");
    for why in counts.iter().filter_map(|count| count.as_ref().err()) {
        assert!(why.len() < 200 && !why.contains('\n'), "what is said does not follow from the bytes: {why}");
    }
    let json = serde_json::from_slice::<serde_json::Value>(data);
    if let (Some(count), Ok(json)) = (known, &json) {
        assert_eq!(json["value"].as_array().map(Vec::len), Some(*count), "a page is an object with an array");
    }
    let _ = resource::<NetworkInterface>(data);
    if let Ok(page) = read::<PrivateEndpoint>(data) {
        page.next.iter().for_each(|link| hold_link(link));
    }
    hold_link(&String::from_utf8_lossy(data));
}

fn hold_link(link: &str) {
    let arm = "https://management.azure.com";
    if check_link(link, arm).is_ok() {
        assert!(link.to_ascii_lowercase().starts_with(arm), "{link}");
        let rest = &link[arm.len()..];
        let rest = rest
            .strip_prefix(':')
            .map_or(rest, |port| port.trim_start_matches('0').strip_prefix("443").unwrap_or("?!"));
        assert!(rest.is_empty() || rest.starts_with(['/', '?', '#']) && rest != "?!", "{link}");
    }
}
