//! `--version`: what the binary was built from.

use crate::support::site::Site;

/// The build script.
#[path = "../../build.rs"]
#[allow(dead_code, reason = "the tests need one function of it")]
mod build;

#[test]
fn the_first_line_is_for_scripts_and_the_short_form_has_no_other() {
    let first = format!("privatelink-dns {}", env!("CARGO_PKG_VERSION"));
    let said = |form| {
        let ran = Site::new().run(form, &[]);
        ran.expect(0, &[]);
        ran.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (short, long) = (said("-V"), said("--version"));
    assert_eq!((short.len(), &short[0], &long[0]), (1, &first, &first));
    let keys: Vec<&str> = long[1..].iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(keys, ["commit", "rustc", "target", "features"]);
    assert!(long[2].split_whitespace().nth(1).is_some_and(|version| version.starts_with("1.")), "{long:?}");
    let profile = if cfg!(debug_assertions) { ", debug" } else { ", release" };
    assert!(long[3].contains(std::env::consts::ARCH) && long[3].ends_with(profile), "{long:?}");
}

#[test]
fn a_date_is_the_day_in_utc_of_seconds_since_1970() {
    let days = [
        (0, "1970-01-01"),
        (86_399, "1970-01-01"),
        (86_400, "1970-01-02"),
        (951_782_400, "2000-02-29"),
        (951_868_800, "2000-03-01"),
        (1_709_164_800, "2024-02-29"),
        (1_735_689_599, "2024-12-31"),
        (1_735_689_600, "2025-01-01"),
        (4_107_542_399, "2100-02-28"),
        (4_107_542_400, "2100-03-01"),
    ];
    for (seconds, day) in days {
        assert_eq!(build::day(seconds), day, "{seconds}");
    }
}
