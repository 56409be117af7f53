//! Whether an account may be used at all, as the server's admins say.

use super::id::RequestId;
use serde::{Deserialize, Serialize};

/// Whether an account may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountState {
    /// Nobody speaks for it: its connections end, none begins, and nothing that waits in its name is done.
    Disabled,
    /// It is used like any other.
    Enabled,
}

/// An account to be disabled, or enabled again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAccountState {
    /// The request's id.
    pub id: RequestId,
    /// Whose; with or without `@`.
    pub user: String,
    /// What it is from now on.
    pub state: AccountState,
}
