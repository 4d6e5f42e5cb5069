//! Near misses: names that begin like ours and end otherwise.
//!
//! Input: a name in lower case, of the characters of host names, whose end is no suffix of ours. Output: the slip that
//! made it so, or nothing for a name of another service. Such a name never counts as one of another service: a letter
//! that is missing in a suffix must not take a record out of a list without a word.

use std::fmt;

use super::labels::{SUFFIXES, strip_labels, strip_privatelink};
use super::{PRIVATELINK, is_vault_label};
use crate::azure::{Cloud, geo};

/// The same services in clouds that this server does not know: Germany (closed), the secret clouds of the United
/// States, France and Germany under their national operators.
const OTHER_CLOUDS: [&str; 7] = [
    "core.cloudapi.de",
    "backup.windowsazure.de",
    "core.eaglex.ic.gov",
    "core.microsoft.scloud",
    "core.sovcloud-api.fr",
    "core.sovcloud-api.de",
    "local.azurestack.external",
];

/// Labels that stand behind `blob.` and `queue.` in some suffix.
const BEHIND_STORAGE: [&str; 5] = ["core", "windows", "storage", "usgovcloudapi", "chinacloudapi"];

/// Letters that may be wrong, missing, too many or swapped. The nearest suffix of another service, that of `web`, is
/// three away from `blob`.
const MAX_SLIPS: usize = 2;

/// Letters up to which a suffix is likely to be the one that was meant, once a name is known to be ours.
const MAX_GUESS: usize = 6;

/// The difference between a name and the one that was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slip {
    /// The end is another one than the suffix that was meant.
    Misspelt {
        /// The end of the name.
        found: String,
        /// The suffix.
        meant: &'static str,
    },
    /// The name ends before its suffix does.
    Cut {
        /// The suffix.
        meant: &'static str,
    },
    /// Something stands behind the suffix.
    Behind {
        /// The suffix.
        suffix: &'static str,
        /// The text behind it, with its first dot.
        more: String,
    },
    /// Nothing stands behind `privatelink`.
    NoZone,
    /// A vault's label stands in a name that is not one of Azure Backup.
    Vault,
    /// The label of `privatelink` is misspelt.
    Privatelink {
        /// The label.
        found: String,
    },
    /// A zone stands behind another.
    TwoZones,
}

impl fmt::Display for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misspelt { found, meant } => {
                write!(f, "ends in '{found}', which is no zone of Azure: did you mean '{meant}'?")
            }
            Self::Cut { meant } => write!(
                f,
                "is cut off: it should end in '{meant}'; complete the name, or list it again with a wider screen or as JSON"
            ),
            Self::Behind { suffix, more } => write!(
                f,
                "has '{more}' behind '{suffix}', as a resolver adds it from its search list: remove '{more}'"
            ),
            Self::NoZone => f.write_str("has no zone behind 'privatelink': write the whole name"),
            Self::Vault => f.write_str(
                "begins like a name of Azure Backup, but does not end in '<geo>.backup.windowsazure.com': write the whole name",
            ),
            Self::Privatelink { found } => write!(f, "has the label '{found}': did you mean 'privatelink'?"),
            Self::TwoZones => f.write_str("has two zones, one behind the other: remove the second"),
        }
    }
}

/// The slip in a name that ends in no suffix of ours.
pub(super) fn find(name: &str) -> Option<Slip> {
    if OTHER_CLOUDS.iter().any(|suffix| strip_labels(name, suffix).is_some()) {
        return None;
    }
    behind(name).or_else(|| cut(name)).or_else(|| misspelt(name)).or_else(|| {
        let has_vault = name.split('.').any(|label| is_vault_label(label.as_bytes()));
        has_vault.then_some(Slip::Vault)
    })
}

/// The slip in an owner of several labels: a label that was meant to be `privatelink`, or a name that got a zone twice.
pub(super) fn in_owner(owner: &str) -> Option<Slip> {
    if SUFFIXES.iter().any(|suffix| strip_labels(owner, suffix).is_some()) || cut(owner).is_some() {
        return Some(Slip::TwoZones);
    }
    let is_near = |label: &&str| (1..=MAX_SLIPS).contains(&slips(label, PRIVATELINK));
    owner.split('.').find(is_near).map(|label| Slip::Privatelink { found: label.to_owned() })
}

/// A whole suffix with more labels behind it.
fn behind(name: &str) -> Option<Slip> {
    let follows = |end: &str| {
        SUFFIXES.into_iter().find_map(|suffix| {
            let more = end.strip_prefix(suffix).filter(|more| more.starts_with('.'))?;
            Some(Slip::Behind { suffix, more: more.to_owned() })
        })
    };
    ends(name).filter(|(_, end)| may_begin(end)).find_map(|(_, end)| follows(end))
}

/// True if a suffix may begin like this: all begin with one of two letters, and most labels with neither.
fn may_begin(end: &str) -> bool {
    end.starts_with(['b', 'q'])
}

/// A name that ends before its suffix does.
fn cut(name: &str) -> Option<Slip> {
    if strip_labels(name, PRIVATELINK).is_some_and(|before| !before.is_empty()) {
        return Some(Slip::NoZone);
    }
    ends(name).filter(|(_, end)| may_begin(end)).find_map(|(before, end)| {
        let meant = SUFFIXES.into_iter().find(|suffix| suffix.len() > end.len() && suffix.starts_with(end))?;
        let first = meant.split('.').next().unwrap_or_default();
        let is_whole_label = end.len() >= first.len();
        let is_ours = if meant.starts_with("backup") {
            // Between 'privatelink' and the end a geo code has its place; without it, other networks have such names.
            let (rest, geo) = before.rsplit_once('.').unwrap_or(("", before));
            let is_private = strip_privatelink(rest).len() < rest.len();
            is_private || is_whole_label && geo::by_code(geo).is_some()
        } else {
            strip_privatelink(before).len() < before.len()
                || is_whole_label && (!before.is_empty() || end.contains('.'))
        };
        is_ours.then_some(Slip::Cut { meant })
    })
}

/// Each end of a name that starts at a label, the longest first, with what is before it, without the dot between.
fn ends(name: &str) -> impl Iterator<Item = (&str, &str)> {
    let dots = name.match_indices('.').map(|(at, _)| (&name[..at], &name[at + 1..]));
    std::iter::once(("", name)).chain(dots)
}

/// A name whose end has some of the labels of a suffix, or almost its letters.
fn misspelt(name: &str) -> Option<Slip> {
    let found = by_labels(name).or_else(|| by_letters(name))?;
    let storage = |end: &str| ["blob", "queue"].into_iter().find(|service| end.contains(service));
    let service = if found.contains("backup") { Some("backup") } else { storage(found) };
    let is_of_service = |suffix: &&str| service.is_none_or(|service| suffix.starts_with(service));
    let of_service = || SUFFIXES.into_iter().filter(is_of_service);
    let far = |suffix: &&str| strsim::osa_distance(found, suffix);
    let nearest = of_service().min_by_key(far).filter(|suffix| far(suffix) <= MAX_GUESS);
    let meant = nearest.or_else(|| of_service().next())?;
    Some(Slip::Misspelt { found: found.to_owned(), meant })
}

/// The end of a name that begins with labels which stand together in our suffixes alone.
fn by_labels(name: &str) -> Option<&str> {
    let of_cloud = Cloud::ALL.into_iter().find_map(|cloud| strip_labels(name, cloud.storage_suffix()));
    if let Some(before) = of_cloud {
        let service = before.rsplit('.').next().unwrap_or_default();
        let is_glued = ["blob", "queue"].iter().any(|storage| service.ends_with(storage));
        return is_glued.then(|| &name[before.len() - service.len()..]);
    }
    ends(name).find_map(|(before, end)| {
        let mut labels = end.split('.');
        let (first, second) = (labels.next()?, labels.next().unwrap_or_default());
        let is_private = strip_labels(before, PRIVATELINK).is_some();
        let is_ours = match first {
            "blob" | "queue" if is_private || BEHIND_STORAGE.contains(&second) => true,
            "backup" if before.rsplit_once('.').is_some_and(|(rest, _)| strip_labels(rest, PRIVATELINK).is_some()) => {
                true
            }
            // A dot is missing before it, or none is.
            glued if second == "windowsazure" => glued.ends_with("backup"),
            glued if second == "core" => glued.ends_with("blob") || glued.ends_with("queue"),
            _ => false,
        };
        is_ours.then_some(end)
    })
}

/// The end of a name that is a few letters away from a suffix.
fn by_letters(name: &str) -> Option<&str> {
    // Suffixes have three or four labels; a dot too many or too few makes it two to five.
    let near = |end: &&str| SUFFIXES.iter().any(|suffix| slips(end, suffix) <= MAX_SLIPS);
    let dots = name.rmatch_indices('.').map(|(at, _)| at + 1).chain(std::iter::once(0));
    dots.skip(1).take(4).map(|start| &name[start..]).find(near)
}

/// The letters between two words, or more than [`MAX_SLIPS`]: what they begin and end with alike costs nothing.
fn slips(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > MAX_SLIPS || !a.is_ascii() {
        return usize::MAX;
    }
    let start = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[start..], &b[start..]);
    let end = a.bytes().rev().zip(b.bytes().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - end], &b[..b.len() - end]);
    if has_other_letters(a, b) { usize::MAX } else { strsim::osa_distance(a, b) }
}

/// True if more letters differ than slips can do, wherever they stand: each slip changes two of the counts at most.
fn has_other_letters(a: &str, b: &str) -> bool {
    let mut counts = [0_i32; 32];
    a.bytes().for_each(|byte| counts[usize::from(byte & 31)] += 1);
    b.bytes().for_each(|byte| counts[usize::from(byte & 31)] -= 1);
    counts.iter().map(|count| count.unsigned_abs() as usize).sum::<usize>() > 2 * MAX_SLIPS
}

#[cfg(test)]
mod tests {
    use super::super::{NotHosted, normalise};
    use super::*;

    fn slip(name: &str) -> Slip {
        match normalise(name) {
            Err(NotHosted::NearMiss(slip)) => slip,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn the_suffixes_are_those_of_the_clouds() {
        for cloud in Cloud::ALL {
            assert!(SUFFIXES.contains(&cloud.backup_suffix()));
            for service in ["blob", "queue"] {
                assert!(SUFFIXES.contains(&format!("{service}.{}", cloud.storage_suffix()).as_str()));
            }
        }
    }

    #[test]
    fn a_suffix_with_a_slip_of_the_finger_is_named_with_the_one_that_was_meant() {
        for (name, meant) in [
            ("acct.blob.core.window.net", "blob.core.windows.net"),
            ("acct.privatelink.blob.core.windows.nett", "blob.core.windows.net"),
            ("acct.blob.core.windwos.net", "blob.core.windows.net"),
            ("acct.bolb.core.windows.net", "blob.core.windows.net"),
            ("acct.queu.core.windows.net", "queue.core.windows.net"),
            ("acct.blobcore.windows.net", "blob.core.windows.net"),
            ("acctblob.core.windows.net", "blob.core.windows.net"),
            ("acct.blob.windows.net", "blob.core.windows.net"),
            ("acct.blob.core.windows.com", "blob.core.windows.net"),
            ("acct.z33.blob.storage.azure.com", "blob.storage.azure.net"),
            ("acct.queue.core.usgovcloudapi.us", "queue.core.usgovcloudapi.net"),
            ("acct.privatelink.queue.example.com", "queue.core.windows.net"),
            ("x.privatelink.we.backup.windowsazure.net", "backup.windowsazure.com"),
            ("x.we.bakcup.windowsazure.com", "backup.windowsazure.com"),
            ("x.we.backup.windosazure.com", "backup.windowsazure.com"),
            ("x.uksbackup.windowsazure.cmo", "backup.windowsazure.com"),
            ("x.privatelink.we.backup.example.com", "backup.windowsazure.com"),
            ("xbackup.windowsazure.com", "backup.windowsazure.com"),
        ] {
            let found = slip(name);
            assert!(matches!(found, Slip::Misspelt { meant: m, .. } if m == meant), "{name}: {found:?}");
        }
    }

    #[test]
    fn a_name_that_was_cut_anywhere_behind_its_label_is_no_name_of_another_service() {
        for whole in [
            "1000000000000000001-ab-pod01-rec2.privatelink.we.backup.windowsazure.com",
            "1000000000000000001-ab-pod01-rec2.we.backup.windowsazure.com",
            "acct.privatelink.blob.core.windows.net",
            "acct.privatelink.queue.core.chinacloudapi.cn",
        ] {
            let from = whole.find(".privatelink.").map_or(whole.find('.').unwrap() + 1, |at| at + 12);
            for end in from..whole.len() {
                let cut = &whole[..end];
                let Err(error) = normalise(cut) else { panic!("{cut}") };
                assert!(error != NotHosted::Elsewhere, "{cut}");
            }
        }
        for cut in ["acct.blob", "acct.blob.c", "acct.blob.core", "acct.queue.core.windows", "pod01-fab1.we.backup"] {
            assert!(matches!(slip(cut), Slip::Cut { .. }), "{cut}");
        }
        assert_eq!(slip("acct.privatelink"), Slip::NoZone);
    }

    #[test]
    fn what_a_resolver_put_behind_a_name_is_to_be_removed() {
        let Slip::Behind { suffix, more } = slip("acct.blob.core.windows.net.corp.example.") else { panic!() };
        assert_eq!((suffix, more.as_str()), ("blob.core.windows.net", ".corp.example"));
        assert_eq!(
            normalise("acct.blob.core.windows.net.corp.example").unwrap_err().to_string(),
            "has '.corp.example' behind 'blob.core.windows.net', as a resolver adds it from its search list: remove \
             '.corp.example'"
        );
    }

    #[test]
    fn an_owner_has_no_zone_in_it_and_no_label_that_almost_says_privatelink() {
        assert_eq!(slip("x.blob.core.windows.net.privatelink.blob.core.windows.net"), Slip::TwoZones);
        assert_eq!(slip("x.privatelnk.blob.core.windows.net"), Slip::Privatelink { found: "privatelnk".to_owned() });
        assert_eq!(
            slip("x.private-link.we.backup.windowsazure.com"),
            Slip::Privatelink { found: "private-link".into() }
        );
    }

    #[test]
    fn a_vault_label_is_ours_wherever_it_stands() {
        for name in ["1000000000000000001-ab-pod01-fc1.corp.example", "www.1-ab-pod01-fc1.azure.com", "1-ab-pod01-fc1"]
        {
            assert_eq!(slip(name), Slip::Vault, "{name}");
        }
    }

    /// The zones of other services in "Azure Private Endpoint private DNS zone values" (Microsoft Learn), and the names
    /// that resolvers meet on the way to a storage account.
    const OTHERS: &str = "
        api.azureml.ms notebooks.azure.net cognitiveservices.azure.com openai.azure.com services.ai.azure.com
        directline.botframework.com token.botframework.com sql.azuresynapse.net dev.azuresynapse.net azuresynapse.net
        servicebus.windows.net datafactory.azure.net adf.azure.com azurehdinsight.net westeurope.kusto.windows.net
        analysis.windows.net pbidedicated.windows.net tip1.powerquery.microsoft.com azuredatabricks.net batch.azure.com
        wvd.microsoft.com westeurope.azmk8s.io azurecr.io westeurope.data.azurecr.io westeurope.azurecontainerapps.io
        database.windows.net documents.azure.com mongo.cosmos.azure.com cassandra.cosmos.azure.com
        gremlin.cosmos.azure.com table.cosmos.azure.com analytics.cosmos.azure.com postgres.cosmos.azure.com
        mongocluster.cosmos.azure.com postgres.database.azure.com mysql.database.azure.com mariadb.database.azure.com
        redis.cache.windows.net redisenterprise.cache.azure.net redis.azure.net his.arc.azure.com
        guestconfiguration.azure.com dp.kubernetesconfiguration.azure.com eventgrid.azure.net ts.eventgrid.azure.net
        azure-api.net workspace.azurehealthcareapis.com fhir.azurehealthcareapis.com dicom.azurehealthcareapis.com
        azure-devices.net azure-devices-provisioning.net api.adu.microsoft.com azureiotcentral.com
        digitaltwins.azure.net media.azure.net azure-automation.net siterecovery.windowsazure.com
        we.siterecovery.windowsazure.com monitor.azure.com oms.opinsights.azure.com ods.opinsights.azure.com
        agentsvc.azure-automation.net purview.azure.com purviewstudio.azure.com prod.migration.windowsazure.com
        azure.com grafana.azure.com vaultcore.azure.net vault.azure.net managedhsm.azure.net azconfig.io attest.azure.net
        table.core.windows.net file.core.windows.net web.core.windows.net z6.web.core.windows.net dfs.core.windows.net
        afs.azure.net z6.web.storage.azure.net z6.file.storage.azure.net z6.dfs.storage.azure.net
        z6.table.storage.azure.net azurewebsites.net scm.azurewebsites.net azurestaticapps.net
        1.azurestaticapps.net search.windows.net service.signalr.net webpubsub.azure.com
        database.usgovcloudapi.net file.core.usgovcloudapi.net table.core.usgovcloudapi.net web.core.usgovcloudapi.net
        dfs.core.usgovcloudapi.net servicebus.usgovcloudapi.net vaultcore.usgovcloudapi.net vault.usgovcloudapi.net
        siterecovery.windowsazure.us azurecr.us azurewebsites.us documents.azure.us
        file.core.chinacloudapi.cn table.core.chinacloudapi.cn web.core.chinacloudapi.cn dfs.core.chinacloudapi.cn
        database.chinacloudapi.cn servicebus.chinacloudapi.cn vaultcore.azure.cn siterecovery.windowsazure.cn
        azurecr.cn documents.azure.cn chinacloudsites.cn
        blob.core.cloudapi.de queue.core.cloudapi.de we.backup.windowsazure.de blob.core.eaglex.ic.gov
        ams07prdstr02a.store.core.windows.net trafficmanager.net cloudapp.azure.com internal.cloudapp.net
        management.core.windows.net management.azure.com login.microsoftonline.com
        corp.example blob.corp.example queue.corp.example backup.corp.example backup.example privatelink.corp.example
    ";

    #[test]
    fn names_of_other_services_are_never_taken_for_ours() {
        for zone in OTHERS.split_whitespace() {
            for name in [
                format!("acct.{zone}"),
                format!("acct.privatelink.{zone}"),
                format!("privatelink.{zone}"),
                format!("blob.{zone}"),
                format!("1000000000000000001-asr-pod01-rcm1.privatelink.{zone}"),
            ] {
                // With 'privatelink' before them, these are ours in a network of that name.
                let is_ours = ["privatelink.blob.", "privatelink.queue."].iter().any(|ours| name.contains(ours));
                let is_other_cloud = OTHER_CLOUDS.iter().any(|suffix| name.ends_with(suffix));
                assert!(
                    normalise(&name) == Err(NotHosted::Elsewhere) || is_ours && !is_other_cloud,
                    "{name}: {:?}",
                    normalise(&name)
                );
            }
        }
    }
}
