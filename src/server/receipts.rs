//! Who has got and who has read a message: told to its author for as long as they want to know.
//!
//! A message counts as delivered to a device when that device's transport has acknowledged the bytes of the chat stream that
//! bring it, on a session that follows the log; as read when the user's read marker is at or behind it. Nothing of this is
//! stored. A watch ends when there is nothing more to learn, or with the asker's session.

use super::server::{Now, Server};
use super::steps::{Asked, Step};
use crate::chat::{Change, Recipients};
use crate::message::{Account, DeviceId, LogId, Notice, Receipt, Refusal, RefusalCode, Reply, Seq, Target, UserId};
use crate::transport::{ConnectionHandle, StreamId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::job::Read;

/// Most messages that one session watches at a time.
pub const RECEIPTS_PER_SESSION_MAX: usize = 64;

/// Changes that are remembered while the readers look whom a message is for; more, and they look again.
const RECENT_CHANGES_MAX: usize = 1_024;

/// One author's interest in one message.
#[derive(Debug)]
struct Watch {
    seq: Seq,
    /// How many devices it is for.
    device_count: usize,
    /// Those that have not acknowledged it, with their users.
    missing: BTreeMap<DeviceId, UserId>,
    /// Sessions whose streams hold it, with the offset behind it.
    under_way: BTreeMap<ConnectionHandle, u64>,
    /// How many users it is for.
    reader_count: usize,
    /// Those whose read markers are before it.
    unread: BTreeSet<UserId>,
    /// What was told last.
    told: Option<Receipt>,
}

impl Watch {
    fn new(recipients: Recipients) -> Self {
        let Recipients { log: _, seq, devices, reader_count, unread } = recipients;
        Self { seq, device_count: devices.len(), missing: devices, under_way: BTreeMap::new(), reader_count, unread, told: None }
    }

    /// The device will never get it.
    fn forget_device(&mut self, device: DeviceId) {
        if self.missing.remove(&device).is_some() {
            self.device_count -= 1;
        }
    }

    /// The user will never get it.
    fn forget_user(&mut self, user: UserId) {
        let before = self.missing.len();
        self.missing.retain(|_, of| *of != user);
        self.device_count -= before - self.missing.len();
        if self.unread.remove(&user) {
            self.reader_count -= 1;
        }
    }

    /// Takes what was changed about the log or somebody in it.
    fn apply(&mut self, log: LogId, change: &Change) {
        match change {
            Change::Left { log: of, user } if *of == log => self.forget_user(*user),
            Change::Read { log: of, user, seq } if *of == log && self.seq <= *seq => {
                self.unread.remove(user);
            }
            Change::AccountDisabled { user } => self.forget_user(*user),
            Change::DeviceRevoked { device } => self.forget_device(*device),
            _ => {}
        }
    }

    /// What there is to be told of the message now.
    fn receipt(&self, log: LogId) -> Receipt {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Receipt {
            log,
            seq: self.seq,
            device_count: count(self.device_count),
            delivered_count: count(self.device_count - self.missing.len()),
            reader_count: count(self.reader_count),
            read_count: count(self.reader_count - self.unread.len()),
        }
    }

    fn is_over(&self) -> bool {
        self.missing.is_empty() && self.unread.is_empty()
    }
}

/// The newest changes that watches care for. What the readers say of a message may be older than what was told by the time it
/// comes; these make up for it.
#[derive(Debug, Default)]
struct Recent {
    changes: VecDeque<Change>,
    /// How many there were before the first of these.
    forgotten_count: u64,
}

impl Recent {
    fn note(&mut self, change: Change) {
        if self.changes.len() >= RECENT_CHANGES_MAX {
            self.changes.pop_front();
            self.forgotten_count += 1;
        }
        self.changes.push_back(change);
    }

    /// How many there were in all.
    fn count(&self) -> u64 {
        self.forgotten_count + self.changes.len() as u64
    }

    /// Those from the one of this number on; `None` if some of them are forgotten.
    fn since(&self, number: u64) -> Option<impl Iterator<Item = &Change>> {
        let from = usize::try_from(number.checked_sub(self.forgotten_count)?).ok()?;
        Some(self.changes.iter().skip(from))
    }
}

/// All watches, by log. The asker's session has a list of its own ones.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    by_log: BTreeMap<LogId, BTreeMap<(ConnectionHandle, Seq), Watch>>,
    recent: Recent,
}

impl Receipts {
    /// Ends a session's watch of a message, if there is one.
    fn remove(&mut self, log: LogId, seq: Seq, session: ConnectionHandle) {
        let Some(watches) = self.by_log.get_mut(&log) else { return };
        watches.remove(&(session, seq));
        if watches.is_empty() {
            self.by_log.remove(&log);
        }
    }

    /// A connection is gone: it brings nothing any more.
    pub(super) fn forget_session(&mut self, session: ConnectionHandle, watched: &BTreeSet<(LogId, Seq)>) {
        for (log, seq) in watched {
            self.remove(*log, *seq, session);
        }
        for watch in self.by_log.values_mut().flat_map(BTreeMap::values_mut) {
            watch.under_way.remove(&session);
        }
    }
}

impl Server {
    pub(super) fn begin_receipts(
        &mut self,
        now: Now,
        asked: Asked,
        account: &Account,
        (target, seq): (Target, Seq),
    ) -> Result<(), Refusal> {
        let Some(session) = self.sessions.get(&asked.session) else { return Ok(()) };
        if session.watched.len() >= RECEIPTS_PER_SESSION_MAX {
            let sentence = format!("a session watches at most {RECEIPTS_PER_SESSION_MAX} messages; end one first");
            return Err(Refusal::new(RefusalCode::LimitReached, sentence));
        }
        self.ask_recipients(now, asked, account.user, (target, seq));
        Ok(())
    }

    fn ask_recipients(&mut self, now: Now, asked: Asked, user: UserId, (target, seq): (Target, Seq)) {
        let step = Step::Receipts(asked, user, self.receipts.recent.count());
        self.read(step, Read::Recipients(user, target, seq, now.wall_ms));
    }

    /// The readers know whom the message is for, or was for when they looked, behind so many changes.
    pub(super) fn on_recipients(&mut self, now: Now, asked: Asked, (user, seen_count): (UserId, u64), recipients: Recipients) {
        let (log, seq) = (recipients.log, recipients.seq);
        let mut watch = Watch::new(recipients);
        let Some(missed) = self.receipts.recent.since(seen_count) else {
            return self.ask_recipients(now, asked, user, (Target::Log(log), seq));
        };
        missed.for_each(|change| watch.apply(log, change));
        self.end_receipts(log, seq, asked.session);
        self.look_at(log, &mut watch);
        let receipt = watch.receipt(log);
        watch.told = Some(receipt);
        self.finish(now, asked, &Reply::Receipt(receipt));
        if !watch.is_over()
            && let Some(session) = self.sessions.get_mut(&asked.session).filter(|session| session.is_open())
            && session.watched.len() < RECEIPTS_PER_SESSION_MAX
        {
            session.watched.insert((log, seq));
            self.receipts.by_log.entry(log).or_default().insert((asked.session, seq), watch);
        }
    }

    /// The session wants to know no more.
    pub(super) fn end_receipts(&mut self, log: LogId, seq: Seq, handle: ConnectionHandle) {
        self.receipts.remove(log, seq, handle);
        if let Some(session) = self.sessions.get_mut(&handle) {
            session.watched.remove(&(log, seq));
        }
    }

    /// Something was acknowledged on this session's stream.
    pub(super) fn on_acknowledged(&mut self, now: Now, handle: ConnectionHandle) {
        if self.receipts.by_log.is_empty() {
            return;
        }
        let Some(session) = self.sessions.get(&handle) else { return };
        let watched: Vec<LogId> = self.receipts.by_log.keys().filter(|log| session.follows.contains(log)).copied().collect();
        for log in watched {
            self.tell_receipts(now, log);
        }
    }

    /// Looks at the watches of a log again, and tells what has changed.
    pub(super) fn tell_receipts(&mut self, now: Now, log: LogId) {
        let Some(mut watches) = self.receipts.by_log.remove(&log) else { return };
        for ((asker, seq), watch) in &mut watches {
            self.look_at(log, watch);
            let receipt = watch.receipt(log);
            if watch.told.replace(receipt) != Some(receipt) {
                self.notify(now, *asker, &Notice::Receipt(receipt));
            }
            if watch.is_over()
                && let Some(session) = self.sessions.get_mut(asker)
            {
                session.watched.remove(&(log, *seq));
            }
        }
        watches.retain(|_, watch| !watch.is_over());
        if !watches.is_empty() {
            self.receipts.by_log.insert(log, watches);
        }
    }

    /// Notes which devices have the message, and asks to be woken for those that are about to.
    fn look_at(&mut self, log: LogId, watch: &mut Watch) {
        let Some(followed) = self.follows.log_mut(log) else { return };
        for follower in &followed.followers {
            if !follower.has(watch.seq) {
                continue;
            }
            let account = self.sessions.get(&follower.session).and_then(|session| session.account());
            let Some(device) = account.map(|account| account.device).filter(|device| watch.missing.contains_key(device)) else {
                continue;
            };
            let Some(mut connection) = self.endpoint.connection(follower.session) else { continue };
            // All that was written up to now holds the message.
            let written_to = connection.written_len(StreamId::Chat);
            let end = *watch.under_way.entry(follower.session).or_insert(written_to);
            if connection.acked_len(StreamId::Chat) >= end {
                watch.missing.remove(&device);
                watch.under_way.remove(&follower.session);
            } else {
                connection.notify_acked_to(StreamId::Chat, end);
            }
        }
    }

    /// What an outcome changed about who is to get what, and who has read it.
    pub(super) fn apply_to_receipts(&mut self, now: Now, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Left { log, .. } | Change::Read { log, .. } => self.change_receipts(now, *log, change),
                Change::DeviceRevoked { .. } | Change::AccountDisabled { .. } => {
                    for log in self.receipts.by_log.keys().copied().collect::<Vec<_>>() {
                        self.change_receipts(now, log, change);
                    }
                }
                _ => continue,
            }
            self.receipts.recent.note(change.clone());
        }
    }

    fn change_receipts(&mut self, now: Now, log: LogId, change: &Change) {
        let Some(watches) = self.receipts.by_log.get_mut(&log) else { return };
        for watch in watches.values_mut() {
            watch.apply(log, change);
        }
        self.tell_receipts(now, log);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch() -> Watch {
        let devices = [(DeviceId(11), UserId(1)), (DeviceId(12), UserId(1)), (DeviceId(21), UserId(2))].into();
        let unread = [UserId(1), UserId(2)].into();
        let recipients = Recipients { log: LogId(7), seq: Seq(5), devices, reader_count: 3, unread };
        Watch::new(recipients)
    }

    fn counts(watch: &Watch) -> [u32; 4] {
        let receipt = watch.receipt(LogId(7));
        [receipt.delivered_count, receipt.device_count, receipt.read_count, receipt.reader_count]
    }

    #[test]
    fn so_many_changes_are_remembered_and_then_the_readers_are_asked_again() {
        let mut recent = Recent::default();
        let read = |seq| Change::Read { log: LogId(7), user: UserId(1), seq: Seq(seq) };
        assert_eq!(recent.since(0).unwrap().count(), 0);
        for seq in 0..RECENT_CHANGES_MAX as u64 {
            recent.note(read(seq));
        }
        let seen_count = recent.count() - 1;
        assert_eq!(recent.since(0).unwrap().count(), RECENT_CHANGES_MAX);
        recent.note(read(9_999));
        assert_eq!(recent.changes.len(), RECENT_CHANGES_MAX);
        assert!(recent.since(0).is_none(), "the oldest is forgotten");
        assert_eq!(recent.since(seen_count).unwrap().last(), Some(&read(9_999)));
        assert_eq!(recent.since(recent.count()).unwrap().count(), 0);
    }

    #[test]
    fn whoever_leaves_is_no_longer_waited_for() {
        let mut watch = watch();
        assert_eq!(counts(&watch), [0, 3, 1, 3]);
        watch.missing.remove(&DeviceId(11));
        watch.forget_user(UserId(1));
        assert_eq!(counts(&watch), [1, 2, 1, 2]);
        watch.forget_device(DeviceId(21));
        watch.forget_device(DeviceId(21));
        assert_eq!(counts(&watch), [1, 1, 1, 2]);
        watch.unread.remove(&UserId(2));
        assert!(watch.is_over());
    }
}
