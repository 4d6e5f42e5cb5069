//! Live sources: private endpoints as Azure itself names them, written down as lists.
//!
//! ```text
//! token      the right to ask, as a machine's identity or a service principal
//! arm        whole collections from Azure Resource Manager, page by page
//! select     the endpoints that are wanted, and the state of each
//! records    their names and addresses, from the network interfaces
//! render     a list in our own format, one for each scope
//! fetch      ties them: one read of a source; a scope's list is replaced whole, by a complete read alone
//! rhythm     the time of the next read
//! ```
//!
//! Everything behind that is as with any list: [`super::source`] reads the file, and plan and guard decide. So what
//! Azure said can be looked at with a pager, and a restart without Azure serves the same.

pub mod arm;
pub mod fetch;
pub mod ids;
pub mod model;
pub mod outside;
pub mod real;
pub mod records;
pub mod render;
pub mod report;
pub mod rhythm;
pub mod scope;
pub mod select;
pub mod settings;
pub mod token;

#[cfg(test)]
pub(crate) mod tests;
