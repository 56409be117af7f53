//! Accounts: what is asked about them and answered.

use super::id::{DeviceId, LogId, RequestId, UserId};
use super::text::Password;
use serde::{Deserialize, Serialize};

/// What kind of account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountKind {
    /// Somebody with a password.
    Person,
    /// Somebody without one, whose account goes with the device.
    Guest,
    /// A program that belongs to a person.
    Bot,
}

/// What a user may do on the whole server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerRole {
    /// What everybody may.
    User,
    /// Invites people.
    Admin,
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Registration {
    /// Everybody.
    Open,
    /// Who has an invitation.
    Invite,
    /// Nobody.
    Closed,
}

/// A name and its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The request's id.
    pub id: RequestId,
    /// The user's name.
    pub name: String,
    /// The password, 8 to 256 bytes.
    pub password: Password,
    /// What the user calls this device.
    pub device: String,
}

/// A guest's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestRequest {
    /// The request's id.
    pub id: RequestId,
    /// The wished name.
    pub name: String,
    /// What the guest calls this device.
    pub device: String,
}

/// The old and the new password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangePassword {
    /// The request's id.
    pub id: RequestId,
    /// The password in force.
    pub old: Password,
    /// The one that replaces it.
    pub new: Password,
    /// Whether the user's other devices are revoked.
    pub revoke_others: bool,
}

/// What becomes of what somebody wrote when the account ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Texts {
    /// Others keep it, under the name it was written under.
    Stay,
    /// It is erased everywhere; its places stay.
    AreErased,
}

/// An account to be ended for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteAccount {
    /// The request's id.
    pub id: RequestId,
    /// The password in force; of a guest, nothing.
    pub password: Password,
    /// What becomes of what the asker wrote.
    pub texts: Texts,
}

/// A user and the device that speaks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The user.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
    /// The user's name, without `@`.
    pub name: String,
    /// What kind of account it is.
    pub kind: AccountKind,
    /// What the user may do on the whole server.
    pub role: ServerRole,
    /// The user's own log.
    pub own_log: LogId,
}

impl Account {
    /// Whether the user is a guest.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        self.kind == AccountKind::Guest
    }
}
