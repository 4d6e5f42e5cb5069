//! One read of a live source: a token, then each scope by itself. The list of a scope is replaced only by a complete read
//! that is not suddenly empty; whatever goes wrong changes nothing of that scope, and the others go on.

use std::time::Duration;

/// When to read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Next {
    /// After the interval.
    #[default]
    Usual,
    /// Sooner: Azure is still changing an endpoint, or a list has just changed.
    Soon(Duration),
    /// Something failed in passing: by back-off.
    Failed,
    /// Not before this time is over: Azure asked for it.
    NotBefore(Duration),
}
