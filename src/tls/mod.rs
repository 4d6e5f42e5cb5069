//! Floor 1: certificates and keys, for the listeners that encrypt.
//!
//! In: PEM files as the config names them. Out: [`Credentials`], by which each transport proves itself and encrypts,
//! and [`Certificate`], what a person should know of each. A pair that cannot be used leaves the one before in use.
//! Never: a socket, or a look at a message.

mod certificate;
mod credentials;
pub(crate) mod expiry;
mod inspect;
mod settings;
mod validity;

pub(crate) use certificate::{Certificate, reader};
pub(crate) use credentials::{Credentials, Loaded, Protocol, load};
pub(crate) use inspect::{Inspection, Promised, inspect};
pub use settings::{Pair, Settings, Version};
