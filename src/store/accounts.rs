//! Users and their devices, as rows.

use super::database::{Database, Tables};
use super::error::StoreError;
use super::number::{count, sql};
use crate::message::{About, AccountKind, AccountState, DeviceId, DeviceName, LogId, ServerRole, Tags, UserId, UserName};
use rusqlite::{OptionalExtension, Row, params};

/// A user, as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user.
    pub id: UserId,
    /// The name, without `@`.
    pub name: String,
    /// What makes the name unique.
    pub skeleton: String,
    /// The password's PHC string; a guest has none.
    pub password_hash: Option<String>,
    /// What kind of account it is.
    pub kind: AccountKind,
    /// What the user may do on the whole server.
    pub role: ServerRole,
    /// Whose bot the user is.
    pub owner: Option<UserId>,
    /// Whether the user may use the server; a bot may while its owner may.
    pub enabled: bool,
    /// Whether the account was ended for good.
    pub deleted: bool,
    /// The user's own log.
    pub own_log: LogId,
    /// How many rooms the user is a member of.
    pub rooms_joined: u64,
    /// How many rooms the user has made.
    pub rooms_created: u64,
    /// How many direct conversations the user has begun.
    pub conversations_opened: u64,
}

/// What a user says about themselves, as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptProfile {
    /// One line; may be empty.
    pub about: String,
    /// Interests, in their order.
    pub tags: Vec<String>,
    /// When the account was made, in milliseconds since 1970 (UTC).
    pub created_ms: u64,
}

/// A device that is not revoked, as listed to its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedDevice {
    /// The device.
    pub id: DeviceId,
    /// What its user calls it.
    pub name: String,
    /// When it was last known to come, in milliseconds since 1970 (UTC).
    pub last_seen_ms: u64,
}

/// A device, as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The device.
    pub id: DeviceId,
    /// Whose it is.
    pub user: UserId,
    /// Its static public key.
    pub key: [u8; 32],
    /// Whether it was revoked.
    pub revoked: bool,
    /// When it was last known to come, in milliseconds since 1970 (UTC).
    pub last_seen_ms: u64,
}

/// A number of a user that a limit is set on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserCount {
    /// [`User::rooms_created`].
    RoomsCreated,
    /// [`User::conversations_opened`].
    ConversationsOpened,
}

pub(super) const USER: &str = "SELECT id, name, skeleton, password_hash,
     enabled AND ifnull((SELECT owners.enabled FROM users AS owners WHERE owners.id = users.owner), 1),
     own_log, rooms_joined, rooms_created, conversations_opened, kind, role, owner, deleted_ms IS NOT NULL FROM users";

const DEVICE: &str = "SELECT id, user, key, revoked_ms IS NOT NULL, last_seen_ms FROM devices";

const PERSON: i64 = 0;
const GUEST: i64 = 1;

const ADMIN: i64 = 1;

pub(super) fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    let owner = row.get::<_, Option<i64>>(11)?.map(|_| count(row, 11)).transpose()?.map(UserId);
    Ok(User {
        id: UserId(count(row, 0)?),
        name: row.get(1)?,
        skeleton: row.get(2)?,
        password_hash: row.get(3)?,
        enabled: row.get(4)?,
        own_log: LogId(count(row, 5)?),
        rooms_joined: count(row, 6)?,
        rooms_created: count(row, 7)?,
        conversations_opened: count(row, 8)?,
        kind: kind(row.get(9)?, owner.is_some()),
        owner,
        role: match row.get::<_, i64>(10)? {
            ADMIN => ServerRole::Admin,
            _ => ServerRole::User,
        },
        deleted: row.get(12)?,
    })
}

/// What kind of account a row of `users` is.
pub(super) fn kind(number: i64, has_owner: bool) -> AccountKind {
    match number {
        _ if has_owner => AccountKind::Bot,
        GUEST => AccountKind::Guest,
        _ => AccountKind::Person,
    }
}

fn device(row: &Row<'_>) -> rusqlite::Result<Device> {
    Ok(Device {
        id: DeviceId(count(row, 0)?),
        user: UserId(count(row, 1)?),
        key: row.get(2)?,
        revoked: row.get(3)?,
        last_seen_ms: count(row, 4)?,
    })
}

impl Tables {
    /// The user of this id.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{USER} WHERE id = ?1"))?;
        Ok(statement.query_row([sql(id.0)], user).optional()?)
    }

    /// The user whose name has this skeleton.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn user_by_skeleton(&self, skeleton: &str) -> Result<Option<User>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{USER} WHERE skeleton = ?1"))?;
        Ok(statement.query_row([skeleton], user).optional()?)
    }

    /// The device of this id.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn device(&self, id: DeviceId) -> Result<Option<Device>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{DEVICE} WHERE id = ?1"))?;
        Ok(statement.query_row([sql(id.0)], device).optional()?)
    }

    /// The device of this key, revoked or not.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn device_by_key(&self, key: &[u8; 32]) -> Result<Option<Device>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{DEVICE} WHERE key = ?1"))?;
        Ok(statement.query_row([key], device).optional()?)
    }

    /// The devices of a user that are not revoked, in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn live_devices(&self, user: UserId) -> Result<Vec<ListedDevice>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, name, last_seen_ms FROM devices WHERE user = ?1 AND revoked_ms IS NULL ORDER BY id")?;
        let listed =
            |row: &Row<'_>| Ok(ListedDevice { id: DeviceId(count(row, 0)?), name: row.get(1)?, last_seen_ms: count(row, 2)? });
        let rows = statement.query_map([sql(user.0)], listed)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether the user has a device besides this one that is not revoked.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn has_other_device(&self, user: UserId, device: DeviceId) -> Result<bool, StoreError> {
        let mut ask = self
            .connection
            .prepare_cached("SELECT 1 FROM devices WHERE user = ?1 AND revoked_ms IS NULL AND id <> ?2 LIMIT 1")?;
        Ok(ask.exists([sql(user.0), sql(device.0)])?)
    }

    /// What a user says about themselves.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails or there is no such user.
    pub fn profile(&self, user: UserId) -> Result<KeptProfile, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT about, tags, created_ms FROM users WHERE id = ?1")?;
        let profile = |row: &Row<'_>| {
            let tags = row.get_ref(1)?.as_str()?.split_whitespace().map(str::to_owned).collect();
            Ok(KeptProfile { about: row.get(0)?, tags, created_ms: count(row, 2)? })
        };
        let found = statement.query_row([sql(user.0)], profile).optional()?;
        found.ok_or(StoreError::Damaged("a user that a row names is missing"))
    }
}

impl Database {
    /// Adds a user; without `password_hash`, a guest.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn add_user(
        &mut self,
        name: &UserName,
        password_hash: Option<&str>,
        own_log: LogId,
        time_ms: u64,
    ) -> Result<UserId, StoreError> {
        let kind = if password_hash.is_some() { PERSON } else { GUEST };
        let id = self.insert(
            "INSERT INTO users (name, skeleton, password_hash, own_log, created_ms, kind) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![name.as_str(), name.skeleton(), password_hash, sql(own_log.0), sql(time_ms), kind],
        )?;
        Ok(UserId(id))
    }

    /// Adds a device.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn add_device(&mut self, user: UserId, key: &[u8; 32], name: &DeviceName, time_ms: u64) -> Result<DeviceId, StoreError> {
        let id = self.insert(
            "INSERT INTO devices (user, key, name, last_seen_ms) VALUES (?1, ?2, ?3, ?4)",
            params![sql(user.0), key, name.as_str(), sql(time_ms)],
        )?;
        Ok(DeviceId(id))
    }

    /// Marks a device as revoked.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn revoke_device(&mut self, device: DeviceId, time_ms: u64) -> Result<(), StoreError> {
        self.change_one("UPDATE devices SET revoked_ms = ?2 WHERE id = ?1", params![sql(device.0), sql(time_ms)])
    }

    /// Replaces a user's password.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_password(&mut self, user: UserId, password_hash: &str) -> Result<(), StoreError> {
        self.change_one("UPDATE users SET password_hash = ?2 WHERE id = ?1", params![sql(user.0), password_hash])
    }

    /// Notes that a device came.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_seen(&mut self, device: DeviceId, time_ms: u64) -> Result<(), StoreError> {
        self.change_one("UPDATE devices SET last_seen_ms = ?2 WHERE id = ?1", params![sql(device.0), sql(time_ms)])
    }

    /// Replaces the line about a user.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_about(&mut self, user: UserId, about: &About) -> Result<(), StoreError> {
        self.change_one("UPDATE users SET about = ?2 WHERE id = ?1", params![sql(user.0), about.as_str()])
    }

    /// Replaces a user's tags.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_profile_tags(&mut self, user: UserId, tags: &Tags) -> Result<(), StoreError> {
        self.change_one("UPDATE users SET tags = ?2 WHERE id = ?1", params![sql(user.0), tags.joined()])
    }

    /// Makes a user the server's admin.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn make_admin(&mut self, user: UserId) -> Result<(), StoreError> {
        self.change_one("UPDATE users SET role = ?2 WHERE id = ?1", params![sql(user.0), ADMIN])
    }

    /// Lets a user use the server, or no more.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_account_state(&mut self, user: UserId, state: AccountState) -> Result<(), StoreError> {
        let enabled = state == AccountState::Enabled;
        self.change_one("UPDATE users SET enabled = ?2 WHERE id = ?1", params![sql(user.0), enabled])
    }

    /// Counts one more of what a limit is set on.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn count_up(&mut self, user: UserId, what: UserCount) -> Result<(), StoreError> {
        let update = match what {
            UserCount::RoomsCreated => "UPDATE users SET rooms_created = rooms_created + 1 WHERE id = ?1",
            UserCount::ConversationsOpened => "UPDATE users SET conversations_opened = conversations_opened + 1 WHERE id = ?1",
        };
        self.change_one(update, params![sql(user.0)])
    }
}
