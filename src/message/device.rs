//! Devices: what is asked about a user's own ones and answered.

use super::id::{DeviceId, RequestId};
use serde::{Deserialize, Serialize};

/// A device to be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeDevice {
    /// The request's id.
    pub id: RequestId,
    /// Which of the asker's devices.
    pub device: DeviceId,
}

/// One of the asker's devices that is not revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSummary {
    /// The device.
    pub device: DeviceId,
    /// What its user calls it.
    pub name: String,
    /// When it was last known to come, to the hour, in milliseconds since 1970 (UTC).
    pub last_seen_ms: u64,
    /// Whether it is connected.
    pub online: bool,
}
