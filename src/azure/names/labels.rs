//! The suffixes of our names, and names without the labels at their end.

use super::PRIVATELINK;

/// Every suffix behind which our names begin. The public cloud comes first: it wins where several are as near.
pub(super) const SUFFIXES: [&str; 11] = [
    "blob.core.windows.net",
    "queue.core.windows.net",
    "backup.windowsazure.com",
    "blob.storage.azure.net",
    "queue.storage.azure.net",
    "blob.core.usgovcloudapi.net",
    "queue.core.usgovcloudapi.net",
    "backup.windowsazure.us",
    "blob.core.chinacloudapi.cn",
    "queue.core.chinacloudapi.cn",
    "backup.windowsazure.cn",
];

/// `name` without the labels at its end; the empty string if nothing else is left.
pub(super) fn strip_labels<'a>(name: &'a str, labels: &str) -> Option<&'a str> {
    let rest = name.strip_suffix(labels)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_suffix('.') }
}

/// Scripts put `privatelink.` in front of zones that have it already: any number of them counts as one.
pub(super) fn strip_privatelink(mut rest: &str) -> &str {
    while let Some(shorter) = strip_labels(rest, PRIVATELINK) {
        rest = shorter;
    }
    rest
}
