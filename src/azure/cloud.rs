//! The clouds: the suffixes under which their services live, and the addresses that are asked about them.

use std::fmt;
use std::str::FromStr;

/// An Azure cloud: its own suffixes and its own geo codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Cloud {
    /// The public cloud.
    #[default]
    Public,
    /// Azure Government of the United States.
    UsGov,
    /// Azure in China, run by 21Vianet.
    China,
}

impl Cloud {
    /// Every cloud.
    pub const ALL: [Self; 3] = [Self::Public, Self::UsGov, Self::China];

    /// The suffix behind the geo code in names of the Backup service.
    pub fn backup_suffix(self) -> &'static str {
        match self {
            Self::Public => "backup.windowsazure.com",
            Self::UsGov => "backup.windowsazure.us",
            Self::China => "backup.windowsazure.cn",
        }
    }

    /// The suffix behind `blob.` and `queue.` in names of storage accounts.
    pub fn storage_suffix(self) -> &'static str {
        match self {
            Self::Public => "core.windows.net",
            Self::UsGov => "core.usgovcloudapi.net",
            Self::China => "core.chinacloudapi.cn",
        }
    }

    /// The address of Azure Resource Manager (azure-sdk-for-go, `arm/cloud`).
    pub fn arm(self) -> &'static str {
        match self {
            Self::Public => "https://management.azure.com",
            Self::UsGov => "https://management.usgovcloudapi.net",
            Self::China => "https://management.chinacloudapi.cn",
        }
    }

    /// The resource that tokens for ARM are asked for, as Microsoft's SDKs send it. ARM takes it with and without a
    /// slash at its end.
    pub fn audience(self) -> &'static str {
        match self {
            Self::Public => "https://management.azure.com",
            Self::UsGov => "https://management.core.usgovcloudapi.net",
            Self::China => "https://management.core.chinacloudapi.cn",
        }
    }

    /// The address of Entra.
    pub fn authority(self) -> &'static str {
        match self {
            Self::Public => "https://login.microsoftonline.com",
            Self::UsGov => "https://login.microsoftonline.us",
            Self::China => "https://login.chinacloudapi.cn",
        }
    }

    /// The word for it in the config.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::UsGov => "usgov",
            Self::China => "china",
        }
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword())
    }
}

impl FromStr for Cloud {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|cloud| cloud.keyword() == text)
            .ok_or_else(|| format!("'{text}' is not a cloud: use public, usgov or china"))
    }
}
