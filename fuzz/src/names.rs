//! All spellings of a name meet in one record of a hosted zone.

use privatelink_dns::azure::normalise;

/// Normalises the text.
pub fn hold(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(located) = normalise(text) else { return };
    let (zone, owner) = (&located.zone, &located.owner);
    assert!(zone.to_string().starts_with("privatelink."), "{zone} would hide public names");
    assert!(owner.is_at_or_below(zone) && owner != zone, "{owner} is not a record of {zone}");
    for spelling in [owner.to_string(), owner.without_dot(), owner.to_string().to_ascii_uppercase()] {
        let again = normalise(&spelling).unwrap_or_else(|error| panic!("{spelling} {error}"));
        assert_eq!((&again.zone, &again.owner), (zone, owner), "{spelling}");
    }
}
