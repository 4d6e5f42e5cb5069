//! Numbers as people read them.

/// A whole number with a comma at each thousand.
pub(super) fn whole(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate: whole from ten on, with one decimal below.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is no negative number")]
pub(super) fn rate(value: f64) -> String {
    let tenths = (value.max(0.0) * 10.0).round() as u64;
    match (tenths / 10, tenths % 10) {
        (10.., _) => whole(value.round() as u64),
        (number, 0) => number.to_string(),
        (number, tenth) => format!("{number}.{tenth}"),
    }
}

/// The share of a part in per cent; nothing of nothing is a dash. A part that is there is never 0 %, and one that is
/// not the whole never 100 %.
#[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
pub(super) fn share(part: u64, whole: u64) -> String {
    match (part, whole) {
        (_, 0) => "–".to_owned(),
        (0, _) => "0 %".to_owned(),
        _ if part >= whole => "100 %".to_owned(),
        _ => {
            let share = part as f64 * 100.0 / whole as f64;
            if share < 0.1 {
                "< 0.1 %".to_owned()
            } else if share > 99.9 {
                "> 99.9 %".to_owned()
            } else if !(10.0..=99.0).contains(&share) {
                format!("{share:.1} %")
            } else {
                format!("{share:.0} %")
            }
        }
    }
}

/// Octets in the largest unit.
#[expect(clippy::cast_precision_loss, reason = "a size in words needs no more than 52 bits")]
pub(super) fn octets(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// A count and its noun.
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{} {what}s", whole(count as u64)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_have_commas() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(whole), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.0, 0.04, 0.1, 9.94, 9.96, 12.4, 1_234.5].map(rate),
            ["0", "0", "0.1", "9.9", "10", "12", "1,235"]
        );
        assert_eq!([1_500, 12_345_678, 2_100_000_000].map(octets), ["2 kB", "12 MB", "2.1 GB"]);
        assert_eq!([counted(1, "zone"), counted(2_000, "zone")], ["1 zone", "2,000 zones"]);
    }

    #[test]
    fn a_share_says_neither_none_nor_all_where_it_is_not() {
        let shares = [(0, 0), (0, 5), (1, 100_000), (1, 50), (1, 3), (99_999, 100_000), (995, 1_000), (5, 5)];
        let expected = ["–", "0 %", "< 0.1 %", "2.0 %", "33 %", "> 99.9 %", "99.5 %", "100 %"];
        assert_eq!(shares.map(|(part, whole)| share(part, whole)), expected);
    }
}
