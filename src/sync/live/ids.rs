//! Resource ids of Azure, such as `/subscriptions/<id>/resourceGroups/<name>/providers/<namespace>/<type>/<name>`.
//! Azure writes them in any case, and some of them with mistakes: what an id does not say is `None`.

/// The subscription that an id names.
pub fn subscription(id: &str) -> Option<&str> {
    behind(id, "subscriptions")
}

/// The resource group that an id names.
pub fn group(id: &str) -> Option<&str> {
    behind(id, "resourceGroups")
}

/// The last part of an id: the name of the resource.
pub fn name(id: &str) -> Option<&str> {
    parts(id).last()
}

/// The name of the resource, if it is of this type, such as `Microsoft.RecoveryServices/vaults`.
pub fn name_in<'i>(id: &'i str, kind: &str) -> Option<&'i str> {
    let (namespace, of_type) = kind.split_once('/')?;
    let mut rest = parts(id).skip_while(|part| !part.eq_ignore_ascii_case("providers"));
    let found = rest.by_ref().nth(1)?;
    let is_type = rest.next()?.eq_ignore_ascii_case(of_type);
    rest.next().filter(|_| is_type && found.eq_ignore_ascii_case(namespace))
}

/// An id, or a part of one, as what it is compared by.
pub fn key(id: &str) -> String {
    id.trim().trim_end_matches('/').to_lowercase()
}

/// True if two ids, or two parts, are the same to Azure.
pub fn is_same(one: &str, other: &str) -> bool {
    key(one) == key(other)
}

fn behind<'i>(id: &'i str, word: &str) -> Option<&'i str> {
    parts(id).skip_while(|part| !part.eq_ignore_ascii_case(word)).nth(1)
}

fn parts(id: &str) -> impl Iterator<Item = &str> {
    id.trim().split('/').filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_an_id_are_found_in_any_case_and_what_is_missing_is_none() {
        let id = " /SUBSCRIPTIONS/1111/resourcegroups/RG-Backup/providers/microsoft.recoveryservices/VAULTS/vault-we/ ";
        assert_eq!((subscription(id), group(id), name(id)), (Some("1111"), Some("RG-Backup"), Some("vault-we")));
        assert_eq!(name_in(id, "Microsoft.RecoveryServices/vaults"), Some("vault-we"));
        assert_eq!(name_in(id, "Microsoft.Storage/storageAccounts"), None);
        assert_eq!(name_in("/providers/Microsoft.RecoveryServices/vaults", "Microsoft.RecoveryServices/vaults"), None);
        let misspelled = "/subscriptions/subId/resourceGroups/rg1/provders/Microsoft.Network/networkInterfaces/pe1.nic";
        assert_eq!((group(misspelled), name(misspelled)), (Some("rg1"), Some("pe1.nic")));
        for id in ["", "/", "subscriptions", "/subscriptions/"] {
            assert_eq!((subscription(id), group(id)), (None, None), "{id}");
        }
        assert!(is_same("/Subscriptions/1/", " /subscriptions/1") && !is_same("a", "b"));
    }
}
