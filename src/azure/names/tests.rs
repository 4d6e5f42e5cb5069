use super::*;
use proptest::prelude::*;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// The public names that lead to a blob or queue record: `acct.blob.core.windows.net` for `acct` in the blob zone, and
/// the partitioned form where the list had it. Backup names have no public form.
fn public_names(zone: &Name, owner: &Name, partition: Option<&str>) -> Vec<Name> {
    let Some(family) = family(zone).filter(|family| family.service != Service::Backup) else {
        return Vec::new();
    };
    let account = owner.relative_to(zone);
    if account == "@" || !owner.is_at_or_below(zone) {
        return Vec::new();
    }
    let service = family.service.label();
    let plain = format!("{account}.{service}.{}", family.cloud.storage_suffix());
    // Partitioned names exist in the public cloud only.
    let partition = partition.filter(|_| family.cloud == Cloud::Public);
    let partitioned = partition.map(|z| format!("{account}.{z}.{service}.storage.azure.net"));
    std::iter::once(plain).chain(partitioned).filter_map(|text| text.parse().ok()).collect()
}

/// `owner | zone` of a name that has a place.
fn placed(text: &str) -> String {
    let located = normalise(text).unwrap();
    format!("{} | {}", located.owner.relative_to(&located.zone), located.zone)
}

fn refused(text: &str) -> NotHosted {
    normalise(text).unwrap_err()
}

const VAULT: &str = "1000000000000000001-ab-pod01-prot1";

#[test]
fn every_spelling_of_a_backup_name_meets_in_one_record() {
    let expected = format!("{VAULT} | privatelink.we.backup.windowsazure.com.");
    for spelling in [
        "1000000000000000001-ab-pod01-prot1.privatelink.we.backup.windowsazure.com",
        "1000000000000000001-ab-pod01-prot1.we.backup.windowsazure.com",
        "1000000000000000001-ab-pod01-prot1.privatelink.privatelink.we.backup.windowsazure.com.",
        "1000000000000000001-AB-Pod01-PROT1.WE.Backup.WindowsAzure.COM.",
    ] {
        assert_eq!(placed(spelling), expected, "{spelling}");
    }
}

#[test]
fn every_spelling_of_a_storage_name_meets_in_one_record() {
    for service in ["blob", "queue"] {
        let expected = format!("abcdeypod01ecs114 | privatelink.{service}.core.windows.net.");
        for spelling in [
            format!("abcdeypod01ecs114.{service}.core.windows.net"),
            format!("ABCDEYPOD01ECS114.privatelink.{service}.core.windows.net."),
            format!("abcdeypod01ecs114.privatelink.privatelink.{service}.core.windows.net"),
            format!("abcdeypod01ecs114.z33.{service}.storage.azure.net"),
            format!("abcdeypod01ecs114.privatelink.z33.{service}.storage.azure.net"),
            format!("abcdeypod01ecs114.z33.privatelink.{service}.storage.azure.net"),
            format!("abcdeypod01ecs114.privatelink.{service}.storage.azure.net"),
        ] {
            assert_eq!(placed(&spelling), expected, "{spelling}");
        }
    }
}

#[test]
fn the_cloud_is_read_from_the_name() {
    assert_eq!(placed("x.ugv.backup.windowsazure.us"), "x | privatelink.ugv.backup.windowsazure.us.");
    assert_eq!(placed("x.sha.backup.windowsazure.cn"), "x | privatelink.sha.backup.windowsazure.cn.");
    assert_eq!(placed("acct.blob.core.usgovcloudapi.net"), "acct | privatelink.blob.core.usgovcloudapi.net.");
    assert_eq!(placed("acct.queue.core.chinacloudapi.cn"), "acct | privatelink.queue.core.chinacloudapi.cn.");
}

#[test]
fn owners_may_have_several_labels() {
    assert_eq!(placed("a.b.privatelink.we.backup.windowsazure.com"), "a.b | privatelink.we.backup.windowsazure.com.");
}

#[test]
fn owners_of_over_eight_labels_are_refused() {
    let labels = |count: usize| vec!["a"; count].join(".");
    for suffix in ["privatelink.we.backup.windowsazure.com", "blob.core.windows.net", "z33.queue.storage.azure.net"] {
        assert!(normalise(&format!("{}.{suffix}", labels(8))).is_ok(), "{suffix}");
        for count in [9, 100] {
            let NotHosted::BadHost(reason) = refused(&format!("{}.{suffix}", labels(count))) else {
                panic!("{suffix}")
            };
            assert_eq!(reason, "it has over 8 labels in front of its zone");
        }
    }
    assert!(
        normalise(&format!("a.{}.blob.core.windows.net", ["privatelink"; 10].join("."))).is_ok(),
        "as many as scripts make"
    );
}

#[test]
fn an_unknown_geo_code_warns_and_a_region_name_is_refused_with_the_code() {
    let unknown = normalise("x.privatelink.xyz.backup.windowsazure.com").unwrap();
    assert_eq!(unknown.warnings, ["geo code 'xyz' is not known"]);
    let near = normalise("x.privatelink.wesst.backup.windowsazure.com").unwrap();
    assert_eq!(near.warnings.len(), 1);
    assert!(normalise("x.privatelink.we.backup.windowsazure.com").unwrap().warnings.is_empty());
    let region = refused("x.privatelink.westeurope.backup.windowsazure.com");
    assert_eq!(region, NotHosted::RegionName { found: "westeurope".into(), code: "we" });
    assert!(region.to_string().contains("did you mean 'we'"));
}

#[test]
fn a_geo_code_of_another_cloud_warns() {
    let warnings = normalise("x.ugv.backup.windowsazure.com").unwrap().warnings;
    assert_eq!(warnings, ["geo code 'ugv' (USGov Virginia) is not one of the public cloud"]);
}

#[test]
fn names_of_other_services_are_never_invented_into_a_zone() {
    for text in [
        "mysql.mysql.database.azure.com",
        "acct.file.core.windows.net",
        "core.windows.net",
        "acct.z1.file.storage.azure.net",
        "localhost",
        "",
        ".",
    ] {
        assert_eq!(refused(text), NotHosted::Elsewhere, "{text}");
    }
}

#[test]
fn apexes_are_no_records() {
    for text in [
        "privatelink.blob.core.windows.net",
        "blob.core.windows.net",
        "privatelink.we.backup.windowsazure.com",
        "we.backup.windowsazure.com",
        "z33.blob.storage.azure.net",
        "privatelink.z33.blob.storage.azure.net",
    ] {
        assert_eq!(refused(text), NotHosted::Apex, "{text}");
    }
    assert_eq!(refused("x.privatelink.backup.windowsazure.com"), NotHosted::NoGeo);
}

#[test]
fn text_pasted_by_accident_is_refused_with_advice() {
    assert_eq!(refused("<vaultId>-ab-pod01-fc1.privatelink.eus.backup.windowsazure.com"), NotHosted::Placeholder);
    assert_eq!(refused("1000000000000000001-ab-pod01-..."), NotHosted::Truncated);
    assert_eq!(refused("1000000000000000001-ab....backup.windowsazure.com"), NotHosted::Truncated);
    assert_eq!(refused("1000000000000000001-ab-p…"), NotHosted::Truncated);
    assert_eq!(refused("*.privatelink.blob.core.windows.net"), NotHosted::Wildcard);
    assert_eq!(refused("privatelink.acct.blob.core.windows.net"), NotHosted::StrayPrivatelink);
    assert!(matches!(refused("ac..ct.blob.core.windows.net"), NotHosted::BadHost(_)));
    assert!(matches!(refused("-acct.blob.core.windows.net"), NotHosted::BadHost(_)));
    assert!(matches!(refused("ac ct.blob.core.windows.net"), NotHosted::BadHost(_)));
    let long = format!("{}.blob.core.windows.net", vec!["x".repeat(60); 4].join("."));
    assert!(matches!(refused(&long), NotHosted::BadHost(_)));
}

#[test]
fn a_character_that_cannot_stand_in_a_name_of_ours_is_named_wherever_it_stands() {
    let said = |text: &str| refused(text).to_string();
    let broken = "stands inside it: a screen broke this name, so export the list as JSON";
    for (text, problem) in [
        ("\u{200e}acct.blob.core.windows.net", "U+200E LEFT-TO-RIGHT MARK cannot stand in one".to_owned()),
        ("acct.blob.core.windows.net\u{200e}", "U+200E LEFT-TO-RIGHT MARK cannot stand in one".to_owned()),
        ("acct.blob.core.win\u{200b}dows.net", "U+200B ZERO WIDTH SPACE cannot stand in one".to_owned()),
        ("1-ab\u{2011}pod01-x.we.backup.windowsazure.com", "U+2011 NON-BREAKING HYPHEN cannot stand in one".to_owned()),
        ("acct.bl\u{43e}b.core.windows.net", "'\u{43e}' (U+043E) cannot stand in one".to_owned()),
        ("acct.blob.core.windows.net:443", "':' cannot stand in one".to_owned()),
        ("https://acct.blob.core.windows.net/", "':' cannot stand in one".to_owned()),
        ("x.privatelink.we.backup.windowsazure\n      .com", format!("a line end {broken}")),
        ("acct.blob.core .windows.net", format!("a blank {broken}")),
        ("acct.blob.core.windows\u{a0}.net", format!("U+00A0 NO-BREAK SPACE {broken}")),
        ("a.blob.core.windows.net b.queue.core.windows.net", "it is several names: give each its own entry".to_owned()),
    ] {
        assert_eq!(said(text), format!("is not a host name: {problem}"), "{text:?}");
    }
    assert_eq!(refused("<name>.blob.core.window.net"), NotHosted::Placeholder);
    for text in [
        "jane.doe@corp.example",
        "kv.vault.azure.net:443",
        "some words. And more",
        "/subscriptions/1/x.blob.core.windows",
    ] {
        assert_eq!(refused(text), NotHosted::Elsewhere, "{text}");
    }
}

#[test]
fn a_public_name_leads_to_its_private_name() {
    for (public, private) in [
        ("acct.blob.core.windows.net", Some("acct.privatelink.blob.core.windows.net")),
        ("acct.queue.core.usgovcloudapi.net", Some("acct.privatelink.queue.core.usgovcloudapi.net")),
        ("acct.file.core.windows.net", None),
        ("net", None),
    ] {
        assert_eq!(private_name(&name(public)), private.map(name), "{public}");
    }
}

#[test]
fn storage_zones_are_shared_with_other_tenants_and_backup_zones_are_not() {
    assert!(storage_zones().all(|zone| has_other_tenants(&zone)));
    assert_eq!(storage_zones().count(), 6);
    assert!(!has_other_tenants(&name("privatelink.we.backup.windowsazure.com")));
    assert!(!has_other_tenants(&name("corp.example")));
}

#[test]
fn public_names_lead_back_to_the_record() {
    let zone = name("privatelink.blob.core.windows.net");
    let owner = name("acct.privatelink.blob.core.windows.net");
    assert_eq!(public_names(&zone, &owner, None), [name("acct.blob.core.windows.net")]);
    let both = [name("acct.blob.core.windows.net"), name("acct.z07.blob.storage.azure.net")];
    assert_eq!(public_names(&zone, &owner, Some("z07")), both);
    assert_eq!(public_names(&zone, &zone, None), []);
    let backup = name("privatelink.we.backup.windowsazure.com");
    assert_eq!(public_names(&backup, &backup.prepend(b"x").unwrap(), None), []);
}

#[test]
fn only_names_an_agent_would_ask_for_look_like_backup() {
    let blob = name("privatelink.blob.core.windows.net");
    let backup = name("privatelink.we.backup.windowsazure.com");
    let ask = |zone: &Name, label: &str| looks_like_backup(zone, &zone.prepend(label.as_bytes()).unwrap());
    assert!(ask(&backup, VAULT));
    assert!(ask(&backup, "1-ab-pod12-x"));
    assert!(!ask(&backup, "pod01-prot1"));
    assert!(!ask(&backup, "1-ab-pod01-"));
    assert!(ask(&blob, "abcdeypod01ecs114"));
    assert!(!ask(&blob, "ab"));
    assert!(!ask(&blob, "has-hyphen"));
    assert!(!looks_like_backup(&blob, &blob));
    assert!(!looks_like_backup(&name("example.com"), &name("abc.example.com")));
}

#[test]
fn hosted_zones_are_the_three_families() {
    let zones = hosted_zones(Cloud::Public, &["we", "wcus"]);
    assert_eq!(
        zones.iter().map(Name::without_dot).collect::<Vec<_>>(),
        [
            "privatelink.blob.core.windows.net",
            "privatelink.queue.core.windows.net",
            "privatelink.we.backup.windowsazure.com",
            "privatelink.wcus.backup.windowsazure.com"
        ]
    );
    assert!(zones.iter().all(|zone| family(zone).is_some()));
    assert_eq!(family(&name("we.backup.windowsazure.com")), None);
    assert_eq!(family(&name("privatelink.file.core.windows.net")), None);
}

/// Text that is likely to come close to a name of ours.
fn almost() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "acct",
        "A1",
        "privatelink",
        "z33",
        "z",
        "we",
        "westeurope",
        "blob",
        "queue",
        "backup",
        "windowsazure",
        "core",
        "windows",
        "storage",
        "azure",
        "net",
        "com",
        "us",
        "cn",
        "usgovcloudapi",
        "",
        "*",
        "_x",
        "-a",
    ]);
    let tail = prop::sample::select(vec![
        "",
        ".backup.windowsazure.com",
        ".blob.core.windows.net",
        ".queue.core.usgovcloudapi.net",
        ".blob.storage.azure.net",
        ".backup.windowsazure.cn.",
        "...",
    ]);
    (prop::collection::vec(part, 0..5), tail).prop_map(|(parts, tail)| parts.join(".") + tail)
}

proptest! {
    #[test]
    fn normalising_is_idempotent_and_stays_in_the_families(text in almost()) {
        if let Ok(located) = normalise(&text) {
            prop_assert!(family(&located.zone).is_some(), "{text}");
            prop_assert!(located.owner != located.zone && located.owner.is_at_or_below(&located.zone), "{text}");
            prop_assert_eq!(normalise(&located.owner.to_string()).unwrap(), located.clone());
            for public in public_names(&located.zone, &located.owner, Some("z01")) {
                prop_assert_eq!(normalise(&public.to_string()).unwrap().owner, located.owner.clone());
            }
        }
    }

    #[test]
    fn case_dots_and_repeated_privatelink_make_no_difference(
        owner in "[a-z0-9]{3,24}", tail in prop::sample::select(vec!["we.backup.windowsazure.com", "blob.core.windows.net"]),
        times in 0usize..4, dot: bool, upper: bool,
    ) {
        prop_assume!(owner != "privatelink");
        let mut text = format!("{owner}.{}{tail}", "privatelink.".repeat(times));
        if upper { text = text.to_ascii_uppercase(); }
        if dot { text.push('.'); }
        prop_assert_eq!(normalise(&text), normalise(&format!("{owner}.{tail}")));
    }

    #[test]
    fn no_text_panics(text in ".{0,120}") {
        let _ = normalise(&text);
    }
}

#[test]
fn every_zone_and_every_public_name_of_its_records_is_below_a_suffix_that_resolvers_forward() {
    for cloud in Cloud::ALL {
        let suffixes: Vec<Name> = forwarded_suffixes(cloud).iter().map(|suffix| name(suffix)).collect();
        let is_forwarded = |name: &Name| suffixes.iter().any(|suffix| name.is_at_or_below(suffix));
        for zone in hosted_zones(cloud, &["we"]) {
            assert!(is_forwarded(&zone), "{zone}");
            let partition = (family(&zone).unwrap().service == Service::Blob).then_some("z33");
            for public in public_names(&zone, &zone.prepend(b"acct").unwrap(), partition) {
                assert!(is_forwarded(&public), "{public}");
            }
        }
    }
}
