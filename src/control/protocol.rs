//! The messages of the control socket, as types for both ends.
//!
//! Each message is a line of JSON. The status is [`crate::status`]'s.

use serde::{Deserialize, Serialize};

use super::rights::Right;
use crate::diag::Diagnostic;
use crate::explain::Explanation;
use crate::status::Status;
use crate::status::sync::{PassStatus, UndoStatus};

/// A question or an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum ControlRequest {
    /// Forget what is cached about a name, and with `subtree` about all below it.
    Flush {
        name: String,
        #[serde(default)]
        subtree: bool,
    },
    /// Asks for the status.
    Status,
    /// Read the config, lists and zones again.
    Reload,
    /// One pass now.
    Sync {
        /// With consent to the held changes of this digest.
        #[serde(default)]
        approve: Option<String>,
        /// Of the inverse of the last change, in place of what lists say.
        #[serde(default)]
        undo: bool,
    },
    /// Write no zone file from now on.
    Freeze {
        #[serde(default)]
        reason: Option<String>,
    },
    /// Write again, with a pass at once.
    Thaw,
    /// Asks why a name has the answer that it has.
    Explain {
        /// A name, a label or an address; never the query string of a URL.
        name: String,
        /// The type; A if it is empty.
        #[serde(default)]
        rtype: String,
        /// The client as which it is asked.
        #[serde(default)]
        client: Option<String>,
    },
}

impl ControlRequest {
    /// Reads a line. A JSON object and nothing else: serde alone would take `["status"]` for one too.
    pub(crate) fn read(line: &[u8]) -> serde_json::Result<Self> {
        let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line)?;
        serde_json::from_value(fields.into())
    }

    /// The right that it needs. A reload takes a config that ends zones, which is a consent.
    pub(super) fn right(&self) -> Right {
        match self {
            Self::Flush { .. } | Self::Status | Self::Explain { .. } | Self::Sync { approve: None, undo: false } => {
                Right::Ask
            }
            Self::Sync { .. } | Self::Reload | Self::Freeze { .. } | Self::Thaw => Right::Consent,
        }
    }
}

/// The server's reply.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ControlReply {
    /// The number of answers that were forgotten.
    Flushed(usize),
    Status(Box<Status>),
    /// A pass was made.
    Passed(PassStatus),
    /// The sync is frozen.
    Frozen {
        /// The reason, as it is kept.
        reason: Option<String>,
        /// When the freeze began, seconds since 1970.
        since: u64,
        /// False if a sync that began before it may still write.
        is_settled: bool,
    },
    /// The last change was undone, or is held.
    Undone(UndoStatus),
    Explained(Box<Explanation>),
    /// It was not done, and why.
    Refused(Vec<Diagnostic>),
}
