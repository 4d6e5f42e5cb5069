//! Geo codes: the short names of regions that Azure Backup puts into its zones (`we`, `cnc`, `ugv`).
//!
//! The table is compiled in; a code that is not in it is still used, with a warning, because Azure adds regions.

use super::Cloud;

/// One region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    /// The geo code, as in `privatelink.<code>.backup.windowsazure.com`.
    pub code: &'static str,
    /// The name people read: `West Europe`.
    pub display: &'static str,
    /// The name Resource Manager uses: `westeurope`.
    pub arm: &'static str,
    /// The cloud it belongs to; `None` for clouds that this server does not know (retired or closed ones).
    pub cloud: Option<Cloud>,
}

/// Sources: facts about Azure, collected from Microsoft's region tables; tab separated, `#` starts a comment.
const TABLE: &str = include_str!("geo-codes.tsv");

fn parse(line: &'static str) -> Option<Region> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields = line.split('\t');
    let (code, display, arm) = (fields.next()?, fields.next()?, fields.next()?);
    let cloud = match fields.next()? {
        "AzureUSGovernment" => Some(Cloud::UsGov),
        "AzureChinaCloud" => Some(Cloud::China),
        name if name.starts_with("AzureCloud") => Some(Cloud::Public),
        _ => None,
    };
    Some(Region { code, display, arm, cloud })
}

/// All regions of the table. Reading it anew takes microseconds and is done once per zone, not once per name.
pub(super) fn regions() -> impl Iterator<Item = Region> {
    TABLE.lines().filter_map(parse)
}

/// The region of a geo code in lower case.
pub(super) fn by_code(code: &str) -> Option<Region> {
    regions().find(|region| region.code == code)
}

/// The region whose name this is: `westeurope`, `West Europe`, `west-europe`.
pub(super) fn by_region_name(name: &str) -> Option<Region> {
    let plain = plain(name);
    regions().find(|region| region.arm == plain)
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The region someone probably meant by a geo code that is none: a region's name first, then near misses.
pub(super) fn suggest(text: &str, cloud: Cloud) -> Option<Region> {
    if let Some(region) = by_region_name(text) {
        return Some(region);
    }
    let text = plain(text);
    let near = |candidate: &str| strsim::jaro_winkler(&text, candidate);
    // Long texts are region names with a slip of the finger, short ones are codes with one. The limits were chosen so
    // that `westeurop` finds West Europe and `zz` finds nothing.
    let (limit, by_name) = if text.len() > 5 { (0.90, true) } else { (0.80, false) };
    regions()
        .filter(|region| region.cloud == Some(cloud))
        .map(|region| (near(if by_name { region.arm } else { region.code }), region))
        .filter(|(score, _)| *score >= limit)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, region)| region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_is_read() {
        assert_eq!(regions().count(), TABLE.lines().filter(|line| !line.starts_with('#')).count());
        assert!(regions().all(|r| !r.code.is_empty() && !r.arm.is_empty() && plain(r.arm) == r.arm));
    }

    #[test]
    fn codes_and_names_find_their_region() {
        assert_eq!(by_code("we").map(|r| r.arm), Some("westeurope"));
        assert_eq!(by_region_name("Canada Central").map(|r| r.code), Some("cnc"));
        assert_eq!(by_code("ugv").and_then(|r| r.cloud), Some(Cloud::UsGov));
        assert_eq!(by_code("sha2").and_then(|r| r.cloud), Some(Cloud::China));
    }

    #[test]
    fn near_misses_are_suggested_and_nonsense_is_not() {
        assert_eq!(suggest("westeurope", Cloud::Public).map(|r| r.code), Some("we"));
        assert_eq!(suggest("westeurop", Cloud::Public).map(|r| r.code), Some("we"));
        assert_eq!(suggest("uk-south", Cloud::Public).map(|r| r.code), Some("uks"));
        assert_eq!(suggest("zz", Cloud::Public), None);
    }
}
