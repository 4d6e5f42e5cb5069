//! The list of a scope as text, in our own list format:
//!
//! ```toml
//! # Read from Azure by privatelink-dns: the next read replaces this file.
//! # source 'vault-we', /subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-backup
//!
//! [[endpoint]]
//! fqdn = "1000000000000000001-ab-pod01-rec2.privatelink.we.backup.windowsazure.com"
//! address = "10.1.0.5"
//! private_endpoint = "rg-backup/pe-vault"
//!
//! [[endpoint]]                                 # nothing is published of it
//! private_endpoint = "rg-backup/pe-pending"
//! connection = "Pending"
//!
//! [[endpoint]]                                 # Azure gives it no names yet: its records in service stay
//! private_endpoint = "rg-backup/pe-new"
//! ```
