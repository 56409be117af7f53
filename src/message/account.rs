//! Accounts and devices: what is asked about them and answered.

use super::id::{DeviceId, LogId, RequestId, UserId};
use super::text::Password;
use serde::{Deserialize, Serialize};

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

/// A user and the device that speaks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The user.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
    /// The user's name, without `@`.
    pub name: String,
    /// Whether the user is a guest.
    pub guest: bool,
    /// The user's own log.
    pub own_log: LogId,
}
