//! A live source in the config: its defaults, and the reason why a key does not fit.

use std::path::Path;
use std::time::Duration;

use crate::config::Config;
use crate::sync::live::settings::{Identity, Service, Settings, UserAssigned};
use crate::sync::source::Kind;

const GROUP: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-backup";
const ID: &str = "aaaaaaaa-0000-0000-0000-000000000001";

fn read(text: &str) -> (Config, Vec<String>) {
    let (config, problems) = Config::parse(Path::new("/srv/config/x.toml"), text);
    (config, problems.iter().map(|found| found.text.clone()).collect())
}

/// A source with these keys besides its name, kind and scope.
fn with(keys: &str) -> (Config, Vec<String>) {
    read(&format!("[[sources]]\nname = \"vault-we\"\nkind = \"azure\"\nscopes = [\"{GROUP}\"]\n{keys}"))
}

fn good(keys: &str) -> Settings {
    let (config, problems) = with(keys);
    assert_eq!(problems, [""; 0], "{keys}");
    config.sync.live[0].clone()
}

/// The one problem of a source with these keys.
fn refused(keys: &str, why: &str) {
    let (_, problems) = with(keys);
    assert!(problems.len() == 1 && problems[0].contains(why), "{keys}: {problems:#?}");
}

#[test]
fn a_name_and_a_scope_are_enough_and_the_rest_has_its_default() {
    let settings = good("");
    assert_eq!((settings.interval, settings.identity.clone()), (Duration::from_mins(1), Identity::Managed(None)));
    assert_eq!(settings.select.services, [Service::Backup]);
    assert_eq!(
        (settings.arm.as_str(), settings.audience.as_str()),
        ("https://management.azure.com", "https://management.azure.com")
    );
    assert_eq!(settings.authority, "https://login.microsoftonline.com");
    assert!(settings.folder.starts_with("/srv/zones/.state/azure"), "{settings:?}");
    let (config, _) = with("");
    let source = &config.sync.sources[0];
    let Kind::Live { lists, report } = &source.kind else { panic!("{source:?}") };
    assert_eq!((lists[0].scope.as_str(), &lists[0].path), (GROUP, &settings.list_path(&settings.scopes[0])));
    assert_eq!((&source.path, report), (&settings.folder, &settings.report_path()));
}

#[test]
fn the_cloud_decides_whom_to_ask_and_an_address_of_its_own_goes_before() {
    for (cloud, arm, audience, authority) in [
        ("usgov", "management.usgovcloudapi.net", "management.core.usgovcloudapi.net", "login.microsoftonline.us"),
        ("china", "management.chinacloudapi.cn", "management.core.chinacloudapi.cn", "login.chinacloudapi.cn"),
    ] {
        let (config, problems) = read(&format!(
            "[backup]\ncloud = \"{cloud}\"\n[[sources]]\nname = \"a\"\nkind = \"azure\"\nscopes = [\"{GROUP}\"]\n"
        ));
        assert_eq!(problems, [""; 0]);
        let found = &config.sync.live[0];
        let expected = [arm, audience, authority].map(|host| format!("https://{host}"));
        assert_eq!([&found.arm, &found.audience, &found.authority].map(Clone::clone), expected);
    }
    let audience = |arm: &str| good(&format!("arm = \"{arm}\"\n")).audience;
    assert_eq!(audience("https://westeurope.management.azure.com"), "https://management.azure.com");
    assert_eq!(audience("https://management.sovcloud-api.fr/"), "https://management.sovcloud-api.fr");
    assert_eq!(audience("https://evilmanagement.azure.com"), "https://evilmanagement.azure.com");
    assert_eq!(good("authority = \"https://127.0.0.1:8443\"\n").authority, "https://127.0.0.1:8443");
    refused("arm = \"http://management.azure.com\"\n", "only https");
    refused("authority = \"https://a:b@login.example\"\n", "no user");
}

#[test]
fn each_identity_has_its_own_keys() {
    let identity = |keys: &str| good(keys).identity;
    assert_eq!(
        identity(&format!("client_id = \"{ID}\"\n")),
        Identity::Managed(Some(UserAssigned::ClientId(ID.to_owned())))
    );
    let resource = format!("{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/dns");
    assert_eq!(
        identity(&format!("resource_id = \"{resource}\"\n")),
        Identity::Managed(Some(UserAssigned::ResourceId(resource)))
    );
    assert_eq!(identity("identity = \"workload\"\n"), Identity::Workload { client_id: None, tenant: None });
    assert_eq!(identity("identity = \"cli\"\n"), Identity::Cli);
    let principal = format!("client_id = \"{ID}\"\ntenant = \"contoso.onmicrosoft.com\"\n");
    assert_eq!(
        identity(&format!("identity = \"secret\"\n{principal}secret_file = \"keys/secret\"\n")),
        Identity::Secret {
            client_id: ID.to_owned(),
            tenant: "contoso.onmicrosoft.com".to_owned(),
            file: "/srv/keys/secret".into()
        }
    );
    assert_eq!(
        identity(&format!("identity = \"certificate\"\n{principal}certificate_file = \"/keys/dns.pem\"\n")),
        Identity::Certificate {
            client_id: ID.to_owned(),
            tenant: "contoso.onmicrosoft.com".to_owned(),
            file: "/keys/dns.pem".into()
        }
    );
}

#[test]
fn a_key_that_does_not_fit_the_identity_is_refused_with_the_reason() {
    let principal = format!("client_id = \"{ID}\"\ntenant = \"{ID}\"\n");
    for (keys, why) in [
        ("tenant = \"contoso.com\"\n".to_owned(), "a managed identity has no such key"),
        ("secret_file = \"x\"\n".to_owned(), "a managed identity has no such key"),
        ("identity = \"workload\"\nsecret_file = \"x\"\n".to_owned(), "the token file that Kubernetes gives"),
        (format!("identity = \"cli\"\nclient_id = \"{ID}\"\n"), "signed in to the Azure CLI"),
        (format!("identity = \"secret\"\n{principal}"), "secret_file is missing"),
        (format!("identity = \"certificate\"\n{principal}certificate_file = \"a\"\nsecret_file = \"b\"\n"), "alone"),
        (format!("client_id = \"{ID}\"\nobject_id = \"{ID}\"\n"), "keep one"),
        ("identity = \"vm\"\n".to_owned(), "\"managed\" or \"workload\""),
        ("client_id = \"hunter2\"\n".to_owned(), "an id looks like"),
        ("resource_id = \"dns\"\n".to_owned(), "userAssignedIdentities"),
    ] {
        refused(&keys, why);
        assert!(!with(&keys).1[0].contains("hunter2"));
    }
    refused(
        &format!("identity = \"secret\"\nclient_id = \"{ID}\"\ntenant = \"a/b\"\nsecret_file = \"x\"\n"),
        "tenant's id",
    );
}

#[test]
fn what_selects_endpoints_is_checked_and_never_empty() {
    let subnet = format!("{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet/subnets/snet-pe");
    let keys = format!(
        "services = [\"backup\", \"backup-secondary\", \"blob\", \"queue\"]\nvaults = [\"vault-we\"]\nendpoints = [\"pe-*\"]\n\
         subnets = [\"{subnet}\"]\n"
    );
    let select = good(&keys).select;
    assert_eq!((select.services.len(), select.vaults, select.subnets), (4, vec!["vault-we".to_owned()], vec![subnet]));
    for (keys, why) in [
        ("services = [\"file\"]\n", "\"backup\" or"),
        ("services = []\n", "leave the key out"),
        ("vaults = []\n", "leave the key out"),
        ("vaults = [\"a/b\"]\n", "is no vault"),
        ("endpoints = [\"pe[12]\"]\n", "is no name of an endpoint"),
        ("subnets = [\"snet-pe\"]\n", "resource id of a subnet"),
        ("interval = \"500ms\"\n", "at least 1s"),
        ("views = {}\n", "leave the key out"),
        ("path = \"a.txt\"\n", "reads no list of yours"),
        ("format = \"text\"\n", "reads no list of yours"),
        ("kinds = 1\n", "did you mean 'kind'"),
    ] {
        refused(keys, why);
    }
}

#[test]
fn scopes_are_needed_and_none_is_read_twice() {
    let scopes = |scopes: &str| read(&format!("[[sources]]\nname = \"a\"\nkind = \"azure\"\n{scopes}"));
    let zone = format!("{GROUP}/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net");
    assert_eq!(scopes(&format!("private_dns_zones = [\"{zone}\"]\n")).1, [""; 0]);
    let upper = GROUP.to_ascii_uppercase();
    for (keys, why) in [
        (String::new(), "needs scopes"),
        ("scopes = []\n".to_owned(), "nothing would be read"),
        ("scopes = [\"rg-backup\"]\n".to_owned(), "is not a scope"),
        (format!("scopes = [\"{zone}\"]\n"), "name it in private_dns_zones"),
        (format!("private_dns_zones = [\"{GROUP}\"]\n"), "is no private DNS zone"),
        (format!("scopes = [\"{GROUP}\", \"{upper}\"]\n"), "named twice"),
    ] {
        let (_, problems) = scopes(&keys);
        assert!(problems.len() == 1 && problems[0].contains(why), "{keys}: {problems:#?}");
    }
    let subscription = &GROUP[..51];
    let (config, problems) = scopes(&format!("scopes = [\"{GROUP}\", \"{subscription}\"]\n"));
    assert_eq!(problems, [""; 0]);
    assert!(config.warnings.iter().any(|found| found.text.contains("are read twice")), "{:?}", config.warnings);
}

#[test]
fn two_sources_never_write_into_one_folder() {
    let source = |name: &str| format!("[[sources]]\nname = \"{name}\"\nkind = \"azure\"\nscopes = [\"{GROUP}\"]\n");
    let (_, problems) = read(&(source("a") + &source("a")));
    assert!(problems.len() == 1 && problems[0].contains("named twice"), "{problems:?}");
    let (config, problems) = read(&(source("a/b") + &source("a_b") + &source("A_b")));
    assert_eq!(problems, [""; 0]);
    let live = &config.sync.live;
    let folders: std::collections::BTreeSet<_> = live.iter().map(|live| live.folder.clone()).collect();
    assert_eq!(folders.len(), 3);
}

#[test]
fn keys_of_azure_in_a_source_of_files_say_which_kind_has_them() {
    let (_, problems) = read(&format!("[[sources]]\nname = \"a\"\nscopes = [\"{GROUP}\"]\n"));
    assert!(problems.len() == 1 && problems[0].contains("kind = \"azure\""), "{problems:?}");
    let (_, problems) = read("[[sources]]\nname = \"a\"\npath = \"b\"\ninterval = \"1s\"\nidentity = \"cli\"\n");
    assert_eq!(problems.len(), 2, "{problems:?}");
    let (_, problems) = read("[[sources]]\nname = \"a\"\nkind = \"arm\"\npath = \"b\"\n");
    assert!(problems.len() == 1 && problems[0].contains("\"file\" or \"azure\""), "{problems:?}");
}

#[test]
fn a_live_source_or_a_scope_that_is_gone_is_a_loss() {
    let zone = format!("private_dns_zones = [\"{GROUP}/providers/Microsoft.Network/privateDnsZones/a.example\"]\n");
    let (before, after, none) = (with(&zone).0, with("").0, read("").0);
    let texts = |losses: Vec<crate::diag::Diagnostic>| losses.into_iter().map(|loss| loss.text).collect::<Vec<_>>();
    let lost = texts(after.losses(&before));
    assert!(lost.len() == 1 && lost[0].contains("a.example' of source 'vault-we'"), "{lost:?}");
    let lost = texts(none.losses(&before));
    assert!(lost.len() == 1 && lost[0].contains("source 'vault-we' is no longer"), "{lost:?}");
    assert!(before.losses(&after).is_empty());
}

/// A source that sorts its endpoints so, and two views.
fn sorted(views: &str) -> (Config, Vec<String>) {
    let view = |name: &str, network: u8| format!("[[views]]\nname = \"{name}\"\nclients = [\"10.{network}.0.0/16\"]\n");
    let (config, problems) = Config::parse(
        Path::new("/srv/config/x.toml"),
        &format!(
            "[[sources]]\nname = \"vault-we\"\nkind = \"azure\"\nscopes = [\"{GROUP}\"]\nviews = {views}\n{}{}",
            view("spoke-a", 1),
            view("spoke-b", 2)
        ),
    );
    (config, problems.iter().map(ToString::to_string).collect())
}

#[test]
fn views_are_fed_by_sources_of_their_own_each_with_a_list_for_each_scope() {
    let vnet = format!("{GROUP}/providers/Microsoft.Network/virtualNetworks/VNet-A");
    let (config, problems) =
        sorted(&format!("{{ \"spoke-a\" = [\"{vnet}\"], \"spoke-b\" = [\"{vnet}/subnets/snet\"] }}"));
    assert_eq!(problems, [""; 0]);
    let sources: Vec<_> =
        config.sync.sources.iter().map(|of| (of.name.as_str(), of.view.as_ref().map(ToString::to_string))).collect();
    let of = |view: &str| Some(view.to_owned());
    assert_eq!(sources, [("vault-we", None), ("vault-we/spoke-a", of("spoke-a")), ("vault-we/spoke-b", of("spoke-b"))]);
    let lists = config.sync.sources.iter().map(|source| match &source.kind {
        Kind::Live { lists, .. } => lists[0].path.clone(),
        Kind::Files(_) => panic!("{source:?}"),
    });
    assert_eq!(lists.collect::<std::collections::BTreeSet<_>>().len(), 3, "each has its own");
    assert_eq!(config.sync.live.len(), 1, "Azure is read once for all");
    assert_eq!(config.sync.live[0].views[0].networks, [vnet.to_lowercase()]);
}

#[test]
fn a_view_that_is_not_there_and_an_id_that_is_no_network_are_errors_with_their_place() {
    let vnet = format!("{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet");
    for (views, place, why) in [
        (
            format!("{{ \"spoke-x\" = [\"{vnet}\"] }}"),
            "5:11",
            "no [[views]] has the name 'spoke-x'; there are 'spoke-a'",
        ),
        (format!("{{ \"spoke-a\" = [\"{GROUP}\"] }}"), "5:24", "is no resource id of a subnet or VNet"),
        ("{ \"spoke-a\" = [] }".to_owned(), "5:9", "names no subnet and no VNet"),
        (format!("{{ \"spoke-a\" = \"{vnet}\" }}"), "5:23", "expected a list"),
        (format!("[\"{vnet}\"]"), "5:9", "expected a table"),
        (
            format!(
                "{{ \"spoke-a\" = [\"{vnet}\"], \"spoke-b\" = [\"{}\"] }}",
                vnet.to_uppercase().replace("/SUBSCR", "/subscr")
            ),
            "5:9",
            "is in 'spoke-a' and in 'spoke-b'",
        ),
    ] {
        let (_, problems) = sorted(&views);
        assert_eq!(problems.len(), 1, "{views}: {problems:#?}");
        assert!(problems[0].contains(&format!("x.toml:{place}:")) && problems[0].contains(why), "{problems:#?}");
    }
}

#[test]
fn a_source_that_feeds_views_by_subnet_is_not_named_by_one_too() {
    let vnet = format!("{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet");
    let views = format!("{{ \"spoke-a\" = [\"{vnet}\"] }}");
    for (source, why) in [
        ("vault-we", "gives views their endpoints by its own key views"),
        ("vault-we/spoke-a", "feeds view 'spoke-a' already"),
    ] {
        let (_, problems) =
            sorted(&format!("{views}\n[[views]]\nname = \"c\"\nclients = [\"10.9.0.0/16\"]\nsources = [\"{source}\"]"));
        assert!(problems.len() == 1 && problems[0].contains(why), "{problems:#?}");
    }
    let (_, problems) = sorted(&format!("{views}\n[[sources]]\nname = \"vault-we/spoke-a\"\npath = \"a.txt\""));
    assert!(problems.len() == 1 && problems[0].contains("source 'vault-we/spoke-a' is named twice"), "{problems:#?}");
}
