//! The config file: defaults, and every problem with its place.

use crate::forward::CaseRandomization;
use std::num::NonZeroU32;
use std::path::Path;

use super::*;
use crate::dns::Name;
use crate::forward::UpstreamSpec;
use crate::zone::OnMiss;

fn read(text: &str) -> (Config, Vec<String>) {
    let (config, problems) = spec::read(Path::new("/srv/config/x.toml"), text);
    (config, problems.iter().map(ToString::to_string).collect())
}

fn problems(text: &str) -> Vec<String> {
    read(text).1
}

fn good(text: &str) -> Config {
    let (config, problems) = read(text);
    assert_eq!(problems, [""; 0]);
    config
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn an_empty_config_is_a_loopback_forwarder_for_private_space() {
    let config = good("");
    assert_eq!(config.listen, ["127.0.0.1:5300".parse().unwrap()]);
    assert_eq!(config.zones.zone_dir, Path::new("/srv/zones"));
    assert!(config.zones.hosted.is_empty());
    assert!(config.access.permits("10.1.2.3".parse().unwrap()) && !config.access.permits("8.8.8.8".parse().unwrap()));
    assert_eq!(config.groups.len(), 1);
    assert_eq!(config.groups[0].upstreams, [UpstreamSpec::System]);
}

#[test]
fn backup_hosts_blob_queue_and_one_zone_per_geo() {
    let config = good("[backup]\ngeos = [\"we\", \"WCUS\"]\n");
    let hosted: Vec<String> = config.zones.hosted.keys().map(Name::without_dot).collect();
    assert_eq!(hosted.len(), 4, "{hosted:?}");
    assert_eq!(config.zones.hosted[&name("privatelink.blob.core.windows.net")], OnMiss::Forward);
    assert_eq!(config.zones.hosted[&name("privatelink.we.backup.windowsazure.com")], OnMiss::NxDomain);
    assert_eq!(config.zones.hosted[&name("privatelink.wcus.backup.windowsazure.com")], OnMiss::NxDomain);
}

#[test]
fn a_zone_entry_overrides_what_backup_says() {
    let config = good("[backup]\n[[zones]]\nname = \"privatelink.blob.core.windows.net\"\non_miss = \"nxdomain\"\n");
    assert_eq!(config.zones.hosted[&name("privatelink.blob.core.windows.net")], OnMiss::NxDomain);
}

#[test]
fn the_feed_and_the_catalog_are_zones_of_their_own_and_each_is_optional() {
    assert!(good("").feed.is_empty() && good("[feed]\n").feed.is_empty());
    let config = good("[backup]\n[feed]\nrpz = \"RPZ.privatelink.\"\ncatalog = \"catalog.privatelink\"\n");
    assert_eq!(config.zones.derived, [name("rpz.privatelink"), name("catalog.privatelink")].into());
    assert_eq!(good("[feed]\ncatalog = \"catalog.privatelink\"\n").zones.derived, [name("catalog.privatelink")].into());
}

#[test]
fn the_feed_has_no_name_at_above_or_below_a_hosted_zone_or_the_catalog() {
    let of = |feed: &str| {
        let backup = "[backup]\n[[sources]]\nname = \"a\"\npath = \"a\"\n[[zones]]\nname = \"corp.example\"\n[feed]\n";
        problems(&format!("{backup}{feed}"))
    };
    for (feed, said) in [
        ("rpz = \"corp.example\"", "rpz: 'corp.example.' is the hosted zone 'corp.example.'"),
        ("rpz = \"rpz.corp.example\"", "lies below the hosted zone 'corp.example.'"),
        ("catalog = \"example\"", "catalog: 'example.' lies above the hosted zone 'corp.example.'"),
        ("rpz = \"windowsazure.com\"", "lies above the hosted zone 'backup.windowsazure.com.'"),
        ("rpz = \".\"", "rpz: the root is no name for it"),
        ("rpz = \"a..b\"", "is not a domain name"),
        ("rpz = \"x.test\"\ncatalog = \"X.test\"", "catalog: it needs a name apart from that of rpz"),
        ("rpz = \"x.test\"\ncatalog = \"a.x.test\"", "catalog: it needs a name apart from that of rpz"),
        ("rpzz = \"x.test\"", "unknown key 'rpzz' in [feed]; did you mean 'rpz'?"),
    ] {
        let found = of(feed);
        assert!(found.len() == 1 && found[0].contains(said), "{feed}: {found:?}");
        assert!(found[0].starts_with("/srv/config/x.toml:"), "{found:?}");
    }
}

#[test]
fn a_feed_that_a_changed_config_names_no_more_is_a_loss() {
    let with = good("[feed]\nrpz = \"rpz.privatelink\"\n");
    let losses = good("").losses(&with);
    assert!(losses[0].text.contains("[feed] no longer names 'rpz.privatelink'"), "{losses:?}");
    assert!(with.losses(&good("")).is_empty());
}

#[test]
fn a_region_name_in_place_of_a_geo_code_is_refused_with_the_code() {
    let found = problems("[backup]\ngeos = [\"westeurope\"]\n");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("/srv/config/x.toml:2:9: geos: ") && found[0].contains("'we'"), "{found:?}");
}

#[test]
fn unknown_keys_are_errors_with_line_column_and_the_nearest_known_key() {
    let found = problems("lisen = []\n[forward]\nupstream = [\"system\"]\n[cahce]\n");
    assert_eq!(
        found,
        [
            "/srv/config/x.toml:1:1: unknown key 'lisen' in the top level; did you mean 'listen'?",
            "/srv/config/x.toml:3:1: unknown key 'upstream' in [forward]; did you mean 'upstreams'?",
            "/srv/config/x.toml:4:2: unknown key 'cahce' in the top level; did you mean 'cache'?",
        ]
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = "listen = [\"nowhere\", \"10.0.0.1:99999\"]\n[access]\nallow = [\"10.0.0.0/33\"]\n[forward]\ntimeout = 5\n\
        [[forward.rules]]\nsuffix = \"a..b\"\n[cache]\nmax_ttl = \"soon\"\n[sync]\nmax_removed = \"30\"\n\
        [[sources]]\nname = \"x\"\n";
    let found = problems(text);
    let lines: Vec<&str> = found.iter().filter_map(|problem| problem.split(':').nth(1)).collect();
    assert_eq!(lines, ["1", "1", "3", "5", "6", "6", "7", "9", "11", "12"], "{found:#?}");
}

#[test]
fn syntax_errors_have_their_place_too() {
    let found = problems("listen = [\"127.0.0.1:53\"\n[access]\n");
    assert!(found[0].starts_with("/srv/config/x.toml:"), "{found:?}");
}

#[test]
fn this_server_as_its_own_upstream_is_refused() {
    let found = problems("listen = [\"127.0.0.1:5300\"]\n[forward]\nupstreams = [\"127.0.0.1:5300\"]\n");
    assert!(found[0].contains("is this server itself"), "{found:?}");
}

#[test]
fn an_upstream_at_port_0_is_refused() {
    let found = problems("[forward]\nupstreams = [\"10.0.0.4:0\"]\n");
    assert!(found[0].contains("10.0.0.4:53"), "{found:?}");
}

#[test]
fn an_interval_that_no_clock_can_add_is_a_problem_and_no_panic() {
    let found = problems("[sync]\ninterval = \"300000000000y\"\n");
    assert!(found[0].starts_with("/srv/config/x.toml:2:12: interval: ") && found[0].contains("a year"), "{found:?}");
}

#[test]
fn the_known_misprint_of_azures_resolver_is_pointed_out() {
    let config = good("[forward]\nupstreams = [\"169.63.129.16\"]\n");
    assert!(config.warnings.iter().any(|warning| warning.text.contains("168.63.129.16")));
}

#[test]
fn a_rule_has_the_case_randomization_of_forward_unless_it_has_its_own() {
    let rule = |suffix: &str, key: &str| {
        format!("[[forward.rules]]\nsuffix = \"{suffix}\"\nupstreams = [\"10.0.0.10\"]\n{key}")
    };
    let text = |usual: &str| {
        format!("[forward]\n{usual}{}{}", rule("a.example", "case_randomization = \"auto\"\n"), rule("b.example", ""))
    };
    let found = |text: &str| good(text).groups.iter().map(|group| group.case_randomization).collect::<Vec<_>>();
    assert_eq!(found(&text("")), [CaseRandomization::Auto; 3]);
    let expected = [CaseRandomization::Off, CaseRandomization::Auto, CaseRandomization::Off];
    assert_eq!(found(&text("case_randomization = \"off\"\n")), expected);
    assert_eq!(problems("[forward]\ncase_randomization = \"on\"\n").len(), 1);
}

#[test]
fn rules_and_limits_are_taken_over() {
    let config = good(
        "[forward]\nupstreams = [\"168.63.129.16\"]\ntimeout = \"3s\"\nmax_in_flight = 100\nmax_qps = 500\n\
         [[forward.rules]]\nsuffix = \"corp.example\"\nupstreams = [\"10.0.0.10\", \"10.0.0.11:5353\"]\n\
         [cache]\nmax_entries = 10\nstale = \"0s\"\n[sync]\nttl = \"30s\"\nmax_removed = \"10%\"\n",
    );
    assert_eq!((config.groups.len(), config.groups[1].suffix.without_dot()), (2, "corp.example".to_owned()));
    assert_eq!((config.groups[0].max_in_flight, config.groups[0].max_qps), (Some(100), NonZeroU32::new(500)));
    assert_eq!((config.cache.max_entries, config.cache.stale.is_zero()), (10, true));
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "[ -~\n]{0,200}") {
        let _ = read(&text);
    }
}

#[test]
fn limits_hold_for_whom_they_do_not_trust_and_by_default_that_is_strangers() {
    let ip = |text: &str| text.parse().unwrap();
    let config = good("");
    assert!(config.access.rates(ip("10.1.2.3")).is_none());
    assert_eq!(config.access.rates(ip("8.8.8.8")).unwrap().errors, NonZeroU32::new(20));
    let config = good("[access]\nallow = [\"0.0.0.0/0\"]\n[limits]\ntrusted = [\"10.0.0.0/8\"]\nnegative = 0\n");
    assert!(config.access.is_unlimited(ip("10.1.2.3")) && !config.access.is_unlimited(ip("8.8.8.8")));
    assert_eq!(config.access.rates(ip("8.8.8.8")).unwrap().negative, None);
    assert_eq!(problems("[limits]\nrefuse = 1\nforwarded = -1\n").len(), 2);
}

#[test]
fn the_server_does_not_identify_itself_unless_the_config_says_so() {
    let silent = good("").server;
    assert_eq!((silent.nsid, silent.version, silent.cookies.enabled), (None, None, true));
    let text = "nsid = \"dns-a\"\n[cookies]\nsecrets = [\"000102030405060708090a0b0c0d0e0f\"]\n[tcp]\nidle = \"5s\"\n";
    let said = good(text).server;
    assert_eq!(said.nsid.as_deref(), Some("dns-a"));
    assert_eq!(said.cookies.secrets, [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]]);
    assert_eq!(said.tcp.idle, std::time::Duration::from_secs(5));
}

#[test]
fn a_bad_secret_is_named_by_its_place_and_not_shown() {
    let found = problems("[cookies]\nenabled = 1\nsecrets = [\"00ff\"]\n[tcp]\nidle = \"2h\"\n");
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[1].starts_with("/srv/config/x.toml:3:12: secrets: ") && !found[1].contains("00ff"), "{found:?}");
}

#[test]
fn an_address_that_no_server_can_listen_on_is_refused_with_what_it_is() {
    for (listen, said) in [
        ("\"0.0.0.0:53\", \"127.0.0.1:53\"", "names 127.0.0.1:53, which 0.0.0.0:53 has already"),
        ("\"[::]:53\", \"[::1]:53\"", "names [::1]:53, which [::]:53 has already"),
        ("\"224.0.0.1:53\"", "a multicast address"),
        ("\"255.255.255.255:53\"", "the broadcast address"),
        ("\"[::ffff:127.0.0.1]:53\"", "write it as IPv4"),
        ("\"[fe80::1]:53\"", "link-local"),
    ] {
        let found = problems(&format!("listen = [{listen}]\n[backup]\n"));
        assert!(found.iter().any(|problem| problem.contains(said)), "{listen}: {found:?}");
    }
    assert_eq!(problems("listen = [\"0.0.0.0:53\", \"[::]:53\", \"127.0.0.1:5353\"]\n[backup]\n"), [""; 0]);
}
