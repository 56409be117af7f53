//! The values of one log of which only the newest counts: one for each key, in memory, as they are told.

use crate::message::UserId;
use crate::transport::{Budget, ConnectionHandle, Time};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Keys with values in one log; further keys are refused.
pub(super) const KEYS_PER_LOG_MAX: usize = 128;

/// Bytes of all values of all logs; beyond, no new key is taken.
pub(super) const VALUES_LEN_MAX: usize = 32 * 1024 * 1024;

/// What a value takes beside its bytes.
const VALUE_OVERHEAD_LEN: usize = 128;

/// The newest value of a key.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) author: UserId,
    /// Which session said it, and its stamp there: what the same session said before may come after.
    pub(super) source: (ConnectionHandle, u64),
    /// The whole notice, to be shared by all who hear it.
    pub(super) told: Arc<[u8]>,
    /// Whether it takes the key away.
    pub(super) is_removal: bool,
    pub(super) set_at: Time,
}

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// It is the newest; whether it already waits to be told for good.
    Newest { is_settling: bool },
    /// Its session has said something newer.
    Older,
    /// There is no room for another key.
    Full,
}

/// What is told about one log and not stored.
#[derive(Debug, Default)]
pub(super) struct Values {
    newest: BTreeMap<String, (Value, bool)>,
    /// What they take, in bytes.
    pub(super) len: usize,
    /// When each user was last told to be typing.
    pub(super) typed: HashMap<UserId, Time>,
    /// What may still be told of this log.
    pub(super) tells: Budget,
}

impl Values {
    /// Takes a value in, if it is newer than what is there and there is room: `room_len` bytes for a new key.
    pub(super) fn put(&mut self, key: &str, value: Value, room_len: usize) -> Put {
        let len = value_len(key, &value);
        let Some((older, is_settling)) = self.newest.get_mut(key) else {
            if self.newest.len() >= KEYS_PER_LOG_MAX || len > room_len {
                return Put::Full;
            }
            self.newest.insert(key.to_owned(), (value, true));
            self.len += len;
            return Put::Newest { is_settling: false };
        };
        let ((session, stamp), (older_session, older_stamp)) = (value.source, older.source);
        if session == older_session && stamp <= older_stamp {
            return Put::Older;
        }
        self.len = self.len + len - value_len(key, older);
        *older = value;
        Put::Newest { is_settling: std::mem::replace(is_settling, true) }
    }

    /// A key's value, if it was not set after `since`: then it counts as told for good, and goes if it is a removal.
    /// `Err` if it was set later.
    pub(super) fn settle(&mut self, key: &str, since: Time) -> Result<Option<Arc<[u8]>>, ()> {
        let Some((value, is_settling)) = self.newest.get_mut(key) else { return Ok(None) };
        if value.set_at > since {
            return Err(());
        }
        *is_settling = false;
        let told = Arc::clone(&value.told);
        if value.is_removal {
            self.remove(key);
        }
        Ok(Some(told))
    }

    fn remove(&mut self, key: &str) {
        if let Some((value, _)) = self.newest.remove(key) {
            self.len -= value_len(key, &value);
        }
    }

    /// Forgets what a user has set.
    pub(super) fn forget(&mut self, user: UserId) {
        self.newest.retain(|_, (value, _)| value.author != user);
        self.len = self.newest.iter().map(|(key, (value, _))| value_len(key, value)).sum();
        self.typed.remove(&user);
    }

    /// Everything as it is told, removals left out.
    pub(super) fn told(&self) -> impl Iterator<Item = &Arc<[u8]>> {
        self.newest.values().filter(|(value, _)| !value.is_removal).map(|(value, _)| &value.told)
    }
}

fn value_len(key: &str, value: &Value) -> usize {
    key.len() + value.told.len() + VALUE_OVERHEAD_LEN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Dice, SecretKey};
    use crate::transport::{Config, Endpoint};

    fn value() -> Value {
        let mut dice = Dice::from_seed([1; 32]);
        let mut endpoint = Endpoint::client(Config::client(), dice.fork(), Time::default());
        let device = SecretKey::generate(&mut dice);
        let session = endpoint.connect(Time::default(), "192.0.2.1:4747".parse().unwrap(), &device, Some(device.public()));
        let told = Arc::from(&b"told"[..]);
        Value { author: UserId(1), source: (session, 1), told, is_removal: false, set_at: Time::default() }
    }

    #[test]
    fn a_log_has_only_so_many_keys_and_all_logs_so_many_bytes() {
        let mut values = Values::default();
        for key in 0..KEYS_PER_LOG_MAX {
            assert_eq!(values.put(&key.to_string(), value(), VALUES_LEN_MAX), Put::Newest { is_settling: false });
        }
        assert_eq!(values.put("one more", value(), VALUES_LEN_MAX), Put::Full);
        assert_eq!(Values::default().put("k", value(), 20), Put::Full, "no room left by the other logs");
        values.forget(UserId(1));
        assert_eq!((values.len, values.told().count()), (0, 0));
    }
}
