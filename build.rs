//! Tells the binary what it was built from: the commit with its date, the compiler, the target and the profile. They are
//! for `--version`, `build_info` and `status`. Nothing of the clock is among them, so that equal sources give equal
//! binaries. A build without git, from an archive, has no commit unless `PRIVATELINK_DNS_REVISION` names one, and its
//! date from `PRIVATELINK_DNS_DATE` (`2026-11-26`), else from `SOURCE_DATE_EPOCH`.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let (revision, date) = commit();
    let shown = match (&*revision, &*date) {
        ("", _) => "not recorded".to_owned(),
        (revision, "") => revision.to_owned(),
        (revision, date) => format!("{revision} of {date}"),
    };
    println!("cargo:rustc-env=PRIVATELINK_DNS_COMMIT={shown}");
    println!("cargo:rustc-env=PRIVATELINK_DNS_REVISION={revision}");
    let rustc = variable("RUSTC").and_then(|rustc| said(&rustc, &["--version"])).unwrap_or_default();
    println!("cargo:rustc-env=PRIVATELINK_DNS_RUSTC={}", rustc.trim_start_matches("rustc "));
    println!("cargo:rustc-env=PRIVATELINK_DNS_TARGET={}", variable("TARGET").unwrap_or_default());
    println!("cargo:rustc-env=PRIVATELINK_DNS_PROFILE={}", variable("PROFILE").unwrap_or_default());
}

/// The commit and its date; empty where they are not known.
fn commit() -> (String, String) {
    let (revision, date) = (given("PRIVATELINK_DNS_REVISION"), given("PRIVATELINK_DNS_DATE"));
    let epoch = given("SOURCE_DATE_EPOCH").and_then(|seconds| seconds.parse().ok()).map(day);
    // A build for tests is not made anew for each commit.
    let is_release = variable("PROFILE").is_some_and(|profile| profile == "release");
    let of_git = if revision.is_none() && is_release { from_git() } else { None };
    match (revision, of_git) {
        (Some(revision), _) => (revision, date.or(epoch).unwrap_or_default()),
        (None, Some((revision, committed))) => (revision, date.unwrap_or(committed)),
        (None, None) => (String::new(), String::new()),
    }
}

/// The commit of the work tree and its date; the build is made again when another one is checked out.
fn from_git() -> Option<(String, String)> {
    // A folder inside somebody else's work tree is not of that tree's commit.
    if said("git", &["rev-parse", "--show-prefix"]).is_some_and(|prefix| !prefix.is_empty()) {
        return None;
    }
    for of in ["HEAD", "logs/HEAD"] {
        if let Some(path) = said("git", &["rev-parse", "--git-path", of]) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    let revision = said("git", &["rev-parse", "--short=12", "HEAD"])?;
    let seconds = said("git", &["show", "--no-patch", "--format=%ct", "HEAD"])?;
    Some((revision, day(seconds.parse().ok()?)))
}

/// The day in UTC of a time in seconds since 1970, as `2026-11-26` (Howard Hinnant, "chrono-compatible low-level date
/// algorithms", `civil_from_days`, for days since 1970).
pub(crate) fn day(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March on.
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// A variable that the builder may set; the build is made again when it changes.
fn given(name: &str) -> Option<String> {
    println!("cargo:rerun-if-env-changed={name}");
    variable(name).filter(|value| !value.is_empty())
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The first line that a program says, if it ends well.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.lines().next().unwrap_or_default().to_owned())
}
