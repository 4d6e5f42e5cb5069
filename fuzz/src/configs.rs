//! An accepted config has values that the program can use; otherwise every problem has its place in the text.

use std::path::Path;
use std::time::{Duration, Instant};

use privatelink_dns::config::Config;
use privatelink_dns::diag::{Diagnostic, Place};
use privatelink_dns::forward::UpstreamSpec;

const FILE: &str = "/nonexistent/x.toml";

/// Reads the text as `serve` and `check` do.
pub fn hold(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (config, problems) = Config::parse(Path::new(FILE), text);
    problems.iter().for_each(|problem| has_its_place(problem, text));
    let (_, again) = Config::parse(Path::new(FILE), text);
    assert_eq!(problems, again, "a second reading has the same problems");
    if problems.is_empty() {
        is_usable(&config);
    }
}

fn has_its_place(problem: &Diagnostic, text: &str) {
    let Place::File { file, line: Some(line), column: Some(column) } = &problem.place else { panic!("{problem}") };
    assert_eq!(file, FILE);
    let (line, column) = (*line as usize, *column as usize);
    let found =
        text.split('\n').nth(line - 1).unwrap_or_else(|| panic!("{problem}, but the text does not have that line"));
    assert!((1..=found.chars().count() + 1).contains(&column), "{problem}, but the line is {found:?}");
    assert!(!problem.text.is_empty());
}

/// The assumptions of the parts of the program.
fn is_usable(config: &Config) {
    let now = Instant::now();
    let can_wait = |time: Duration| assert!(now.checked_add(time).is_some(), "{time:?} from now is never");
    let (cache, sync) = (&config.cache, &config.sync);
    let of_cache = [cache.min_ttl, cache.max_ttl, cache.max_negative_ttl, cache.stale];
    of_cache.into_iter().chain([sync.interval, sync.miss_interval, sync.ttl]).for_each(can_wait);
    assert!(!sync.interval.is_zero(), "a loop without a pause");
    assert!(sync.ttl.as_secs() < 1 << 31, "RFC 2181 section 8");
    assert!(cache.min_ttl <= cache.max_ttl && cache.max_entries > 0);
    assert!(!config.listen.is_empty());
    assert!(config.groups[0].suffix.as_wire() == [0], "the default group comes first");
    for group in &config.groups {
        can_wait(group.timeout);
        assert!(!group.timeout.is_zero() && !group.upstreams.is_empty());
        assert_ne!(group.max_in_flight, Some(0));
        for upstream in &group.upstreams {
            let UpstreamSpec::Address(address) = upstream else { continue };
            assert!(address.port() != 0, "{address} is not an address that can be asked");
        }
    }
}
